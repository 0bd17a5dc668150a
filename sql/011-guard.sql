-- dmbox schema, step 11: how much strangers may cost: refused deliveries in the ledger,
-- attachments on the disk.

create table dmbox.refused_bytes (
	hour  timestamptz primary key,
	bytes bigint not null default 0
);
comment on table dmbox.refused_bytes is 'What refused deliveries cost the ledger, by hour: who has no credential must not fill the disk';
comment on column dmbox.refused_bytes.hour is 'Hour of arrival';
comment on column dmbox.refused_bytes.bytes is 'Bytes of the rows that were kept, about';

create table dmbox.media_days (
	day        date not null,
	account    text not null,
	contact_id bigint not null,
	bytes      bigint not null default 0,
	primary key (day, account, contact_id)
);
comment on table dmbox.media_days is 'What was downloaded of each contact a day: beyond its share, and the account''s, attachments wait';
comment on column dmbox.media_days.day is 'Day (UTC)';
comment on column dmbox.media_days.account is 'Our account';
comment on column dmbox.media_days.contact_id is 'Whose attachments (contacts.id)';
comment on column dmbox.media_days.bytes is 'Bytes of the files';
create index attachments_deferred_idx on dmbox.attachments (next_at) where state = 'deferred';
comment on column dmbox.attachments.state is 'waiting, deferred (until next_at: the day''s share is used up, or the disk is nearly full), none (nothing to fetch), erased (message unsent: the file is to be removed), or how the download ended';
