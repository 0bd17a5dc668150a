-- dmbox schema, step 27: pictures of people who wrote, and the language each person reads.

create table dmbox.avatars (
	contact_id bigint primary key,
	account    text not null,
	url        text not null,
	state      text not null check (state in ('waiting', 'done', 'none', 'erased')),
	attempts   smallint not null default 0,
	next_at    timestamptz not null,
	asked_at   timestamptz not null default now(),
	sha256     text,
	mime_type  text,
	bytes      integer,
	local_path text,
	error_text text
);
comment on table dmbox.avatars is 'The picture of a contact as the poller keeps it; absent: not asked for yet';
comment on column dmbox.avatars.contact_id is 'contacts.id';
comment on column dmbox.avatars.account is 'Our account';
comment on column dmbox.avatars.url is 'Where it was asked for last; contacts.picture_url may be newer';
comment on column dmbox.avatars.state is 'waiting, done (it is kept), none (there is none to be had), erased (its contact is gone: the file goes)';
comment on column dmbox.avatars.attempts is 'Failures in a row';
comment on column dmbox.avatars.next_at is 'Not asked for before';
comment on column dmbox.avatars.asked_at is 'When it was asked for last';
comment on column dmbox.avatars.sha256 is 'Of the file';
comment on column dmbox.avatars.mime_type is 'What its first bytes say it is';
comment on column dmbox.avatars.bytes is 'Size';
comment on column dmbox.avatars.local_path is 'The file, below DMBOX_MEDIA_DIR';
comment on column dmbox.avatars.error_text is 'Why it could not be had, last';
create index avatars_erased_idx on dmbox.avatars (contact_id) where state = 'erased';

alter table dmbox.users add column lang text check (lang in ('ru', 'en'));
comment on column dmbox.users.lang is 'Language of the page, where the person chose one';
