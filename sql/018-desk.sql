-- dmbox schema, step 18: what people who answer add: files, notes, labels, replies.

create table dmbox.uploads (
	id         bigint generated always as identity primary key,
	account    text not null,
	channel    text not null,
	type       text not null check (type in ('image', 'video', 'audio', 'file')),
	mime_type  text not null,
	name       text,
	bytes      bigint not null,
	sha256     text not null,
	local_path text not null unique,
	secret     text not null,
	contact_id bigint,
	created_at timestamptz not null default now()
);
comment on table dmbox.uploads is 'Files that people added to an answer; attachments.ref upload:ID is one that was sent';
comment on column dmbox.uploads.id is 'Ours';
comment on column dmbox.uploads.account is 'Our account it is for';
comment on column dmbox.uploads.channel is 'instagram or whatsapp';
comment on column dmbox.uploads.type is 'As what it is sent';
comment on column dmbox.uploads.mime_type is 'What its first bytes say it is';
comment on column dmbox.uploads.name is 'File name';
comment on column dmbox.uploads.bytes is 'Size';
comment on column dmbox.uploads.sha256 is 'Of the file';
comment on column dmbox.uploads.local_path is 'The file, below DMBOX_MEDIA_DIR';
comment on column dmbox.uploads.secret is 'Signs the links by which a provider fetches it';
comment on column dmbox.uploads.contact_id is 'contacts.id of whom it was sent to; null: not sent yet';
comment on column dmbox.uploads.created_at is 'When it came';
create index attachments_upload_idx on dmbox.attachments (ref) where ref like 'upload:%';

create table dmbox.desk (
	contact_id bigint primary key,
	done_at    timestamptz,
	done_upto  bigint,
	assignee   text,
	labels     text[] not null default '{}',
	change_id  bigint not null
);
comment on table dmbox.desk is 'What people noted of a conversation; absent: nothing';
comment on column dmbox.desk.contact_id is 'contacts.id';
comment on column dmbox.desk.done_at is 'When it was marked as done';
comment on column dmbox.desk.done_upto is 'The last message then; a later one of the customer reopens it';
comment on column dmbox.desk.assignee is 'Who answers; users.name';
comment on column dmbox.desk.labels is 'Labels it has';
comment on column dmbox.desk.change_id is 'As messages.change_id';
create index desk_change_idx on dmbox.desk (change_id);
create index desk_assignee_idx on dmbox.desk (assignee) where assignee is not null;
create index desk_labels_idx on dmbox.desk using gin (labels);
create index desk_done_idx on dmbox.desk (done_at desc) where done_at is not null;

create table dmbox.notes (
	id         bigint generated always as identity primary key,
	contact_id bigint not null,
	created_at timestamptz not null default now(),
	author     text not null,
	body       text not null check (length(body) between 1 and 10000)
);
comment on table dmbox.notes is 'Private notes of a conversation; no customer sees them';
comment on column dmbox.notes.id is 'Ours';
comment on column dmbox.notes.contact_id is 'contacts.id';
comment on column dmbox.notes.created_at is 'When it was written';
comment on column dmbox.notes.author is 'Who wrote it; users.name or the token''s';
comment on column dmbox.notes.body is 'The text';
create index notes_contact_idx on dmbox.notes (contact_id, created_at);

create table dmbox.labels (
	name       text primary key check (length(name) between 1 and 40),
	created_at timestamptz not null default now()
);
comment on table dmbox.labels is 'The labels that conversations may have';
comment on column dmbox.labels.name is 'The word';
comment on column dmbox.labels.created_at is 'When it was first used';

create table dmbox.replies (
	id         bigint generated always as identity primary key,
	name       text not null unique check (length(name) between 1 and 60),
	body       text not null check (length(body) between 1 and 10000),
	created_at timestamptz not null default now()
);
comment on table dmbox.replies is 'Saved replies, offered by / in the page';
comment on column dmbox.replies.id is 'Ours';
comment on column dmbox.replies.name is 'What it is called';
comment on column dmbox.replies.body is 'The text';
comment on column dmbox.replies.created_at is 'When it was saved';

-- a telephone number by its end: the last digits are what people know
create index contacts_phone_idx on dmbox.contacts
	(reverse(split_part(external_id, '@', 1)) text_pattern_ops)
	where channel = 'whatsapp';
