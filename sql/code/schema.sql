-- Which files of sql/code/ the database has, and in which version.

create table if not exists dmbox.schema_code (
	name       text primary key,
	sha256     text not null,
	applied_at timestamptz not null default now()
);
comment on table dmbox.schema_code is 'One row a file of functions and views that was applied';
comment on column dmbox.schema_code.name is 'File of sql/code/';
comment on column dmbox.schema_code.sha256 is 'SHA-256 of its bytes; migrate applies a file again when they change';
comment on column dmbox.schema_code.applied_at is 'When it was applied last';
