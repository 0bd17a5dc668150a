-- dmbox schema, step 30: conversations that are gone, for the change feed.
--
-- A contact that was erased, or became one with another, leaves nothing that the feed could tell
-- of: a page that followed it kept what was erased.

create table dmbox.gone (
	contact_id bigint primary key,
	kept_id    bigint,
	change_id  bigint not null,
	gone_at    timestamptz not null default now()
);
comment on table dmbox.gone is 'Contacts that were deleted within the last 90 days: their ids, and nothing of them';
comment on column dmbox.gone.contact_id is 'The contacts.id that there was';
comment on column dmbox.gone.kept_id is 'The contacts.id that has its messages now; null: they are gone, too';
comment on column dmbox.gone.change_id is 'As messages.change_id';
comment on column dmbox.gone.gone_at is 'When';
create index gone_change_idx on dmbox.gone (change_id);
create index gone_at_idx on dmbox.gone (gone_at);
