-- dmbox schema, step 9: fields of a message merge, receipts cover what came before, and an
-- event finds its message without the chat.

alter table dmbox.messages add column content_rank smallint;
comment on column dmbox.messages.content_rank is
	'Rank of what told kind, text and attachments, where that is not source (dmbox.source_rank); else null';

alter table dmbox.deliveries add column merged integer not null default 0;
comment on column dmbox.deliveries.merged is 'Of stored: items that made the row of another delivery fuller';

-- Events of a message, also under another spelling of the chat or under none.
create index events_of_idx on dmbox.events (account, channel, target_id, thread_id) where target_id is not null;
drop index dmbox.events_target_idx;
create index messages_chat_idx on dmbox.messages (account, channel, external_id) where thread_id <> '';

-- Receipts: num is the time in microseconds up to which everything was read.
create index events_receipt_idx on dmbox.events (contact_id, num) where num > 0 and effect in ('read', 'status');
comment on column dmbox.events.num is
	'Version of an edit (0: not told); of a receipt the time up to which it covers, in microseconds; else 0';

-- A tsvector holds less than 1 MB: of a longer text only the beginning is found.
drop index dmbox.messages_search_idx;
create index messages_search_idx on dmbox.messages using gin (to_tsvector('simple', left(body, 100000))) where body is not null;

create type dmbox.attachment_told as (type text, url text, ref text, name text, mime_type text, bytes bigint);
comment on type dmbox.attachment_told is 'An attachment as a delivery tells it';
