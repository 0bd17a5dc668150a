-- dmbox schema, steps 1 to 7: tables.  Steps are forward only; `dmbox migrate` applies the
-- numbered files of sql/ in order, each in one transaction, and then the functions and
-- views of sql/code/.  No extension, no superuser, PostgreSQL 12 or newer.

-- where the host made it, we may lack the right that even "if not exists" asks for
do $$ begin
	if to_regnamespace('dmbox') is null then
		create schema dmbox;
	end if;
end $$;
comment on schema dmbox is 'Instagram and WhatsApp conversations, owned by you';

create table dmbox.schema_version (
	version    integer primary key,
	applied_at timestamptz not null default now()
);
comment on table dmbox.schema_version is 'One row a step of sql/ that was applied';

-- deliveries: the ledger -----------------------------------------------------
create sequence dmbox.deliveries_id_seq;
create table dmbox.deliveries (
	id              bigint not null default nextval('dmbox.deliveries_id_seq'),
	delivery_uid    uuid not null,
	received_at     timestamptz not null,
	channel         text not null,
	account         text not null,
	source          text not null check (source in ('webhook','poll','echo','send','spool','replay','doctor')),
	request_id      text,
	remote_addr     text,
	content_type    text,
	headers         jsonb,
	body            bytea,
	verdict         text not null check (verdict in ('accepted','rejected')),
	reason          text not null,
	items           integer not null default 0,
	stored          integer not null default 0,
	duplicates      integer not null default 0,
	weak_duplicates integer not null default 0,
	ignored         integer not null default 0,
	purged          integer not null default 0,
	primary key (id, received_at),
	unique (delivery_uid, received_at)
) partition by range (received_at);
alter sequence dmbox.deliveries_id_seq owned by dmbox.deliveries.id;
comment on sequence dmbox.deliveries_id_seq is 'deliveries.id';
create table dmbox.deliveries_default partition of dmbox.deliveries default;
create index deliveries_received_idx on dmbox.deliveries using brin (received_at);
create index deliveries_rejected_idx on dmbox.deliveries (received_at) where verdict = 'rejected';
create index deliveries_account_idx on dmbox.deliveries (account, channel, received_at);

-- contacts -------------------------------------------------------------------
create table dmbox.contacts (
	id               bigint generated always as identity primary key,
	account          text not null,
	channel          text not null,
	external_id      text not null,
	name             text,
	username         text,
	picture_url      text,
	named_at         timestamptz,
	username_at      timestamptz,
	picture_at       timestamptz,
	profile_at       timestamptz,
	profile_state    text,
	blocked_at       timestamptz,
	last_inbound_at  timestamptz,
	last_outbound_at timestamptz,
	last_at          timestamptz,
	created_at       timestamptz not null default now(),
	unique (account, channel, external_id)
);
-- partial, so that no look-up by external_id can take it for its first two columns
-- (while a table is small the planner finds both indexes equally good)
create index contacts_last_idx on dmbox.contacts (account, channel, last_at desc, id desc) where last_at is not null;

-- messages -------------------------------------------------------------------
create table dmbox.messages (
	id            bigint generated always as identity primary key,
	account       text not null,
	channel       text not null,
	thread_id     text not null default '',
	provider      text not null,
	external_id   text not null,
	contact_id    bigint,
	sender_id     text,
	recipient_id  text,
	direction     text not null check (direction in ('inbound','outbound')),
	kind          text not null,
	body          text,
	detail        jsonb,
	reply_to      text,
	status        text not null check (status in ('received','queued','sent','accepted','delivered','read','failed','unknown')),
	sent_at       timestamptz not null,
	sent_at_known boolean not null,
	received_at   timestamptz not null,
	edited_at     timestamptz,
	deleted_at    timestamptz,
	delivered_at  timestamptz,
	read_at       timestamptz,
	is_test       boolean not null default false,
	source        text not null check (source in ('webhook','poll','echo','send')),
	delivery_id   bigint,
	outbox_id     bigint,
	placeholder   boolean not null default false,
	unique (account, channel, thread_id, external_id)
);
create index messages_contact_idx on dmbox.messages (contact_id, sent_at desc, id desc);
create index messages_unread_idx on dmbox.messages (contact_id)
	where direction = 'inbound' and read_at is null and deleted_at is null;
create index messages_delivery_idx on dmbox.messages (delivery_id);

create table dmbox.attachments (
	id         bigint generated always as identity primary key,
	account    text not null,
	message_id bigint not null,
	position   integer not null,
	type       text not null,
	url        text,
	ref        text,
	name       text,
	mime_type  text,
	bytes      bigint,
	sha256     text,
	local_path text,
	state      text not null default 'waiting',
	attempts   integer not null default 0,
	next_at    timestamptz,
	error_text text,
	unique (message_id, position)
);
create index attachments_due_idx on dmbox.attachments (next_at) where state = 'waiting';

create table dmbox.reactions (
	account    text not null,
	message_id bigint not null,
	contact_id bigint not null,
	emoji      text,
	reacted_at timestamptz,
	removed_at timestamptz,
	primary key (message_id, contact_id)
);

create table dmbox.message_edits (
	account    text not null,
	message_id bigint not null,
	version    integer not null,
	body       text,
	edited_at  timestamptz,
	primary key (message_id, version)
);

create table dmbox.events (
	id          bigint generated always as identity primary key,
	account     text not null,
	channel     text not null,
	kind        text not null,
	effect      text not null default 'none',
	thread_id   text not null default '',
	provider    text not null default '',
	contact_id  bigint,
	actor_id    bigint,
	direction   text not null default 'inbound' check (direction in ('inbound','outbound')),
	occurred_at timestamptz not null,
	target_id   text,
	text        text,
	num         bigint not null default 0,
	event_key   text not null,
	raw         jsonb not null,
	is_test     boolean not null default false,
	applied_at  timestamptz,
	delivery_id bigint,
	unique (event_key, channel, account)	-- key first: of no use for look-ups by target, however small the table is
);
create index events_target_idx on dmbox.events (account, channel, thread_id, target_id) where target_id is not null;
create index events_waiting_idx on dmbox.events (id) where applied_at is null and effect <> 'none';
create index events_fetch_idx on dmbox.events (account, channel)
	where effect = 'edit' and num = 0 and text is null and applied_at is null;
create index events_delivery_idx on dmbox.events (delivery_id);

-- going out ------------------------------------------------------------------
create table dmbox.outbox (
	id                 bigint generated always as identity primary key,
	account            text not null,
	channel            text not null,
	provider           text not null,
	caller             text not null default '',
	idempotency_key    text,
	part               integer not null default 0,
	fingerprint        text,
	recipient_id       text not null,
	thread_id          text not null default '',
	body               text,
	attachments        jsonb,
	reply_to           text,
	human_agent        boolean not null default false,
	action             text,
	reaction           text,
	state              text not null default 'queued'
	                   check (state in ('queued','leased','sent','accepted','unknown','failed','dead')),
	attempts           integer not null default 0,
	next_at            timestamptz not null default now(),
	lease_until        timestamptz,
	claim_id           uuid,
	attempt_started_at timestamptz,
	created_at         timestamptz not null default now(),
	expires_at         timestamptz,
	settled_at         timestamptz,
	lookups            integer not null default 0,
	error_code         text,
	error_text         text,
	message_id         bigint,
	external_id        text,
	first_id           bigint
);
create unique index outbox_key_idx on dmbox.outbox (caller, idempotency_key, part) where idempotency_key is not null;
create index outbox_due_idx on dmbox.outbox (next_at) where state in ('queued','leased');
create index outbox_open_idx on dmbox.outbox (account, channel, recipient_id, id) where state in ('queued','leased','unknown');
create index outbox_action_idx on dmbox.outbox (created_at) where action is not null;
create index outbox_queue_idx on dmbox.outbox (account, channel, id) where state = 'queued';
create index outbox_recent_idx on dmbox.outbox (account, channel, recipient_id, attempt_started_at);

create table dmbox.send_attempts (
	id         bigint generated always as identity primary key,
	account    text not null,
	outbox_id  bigint not null,
	at         timestamptz not null default now(),
	status     text not null,
	error_code text,
	ms         integer
);
create index send_attempts_outbox_idx on dmbox.send_attempts (outbox_id);

-- what the poller remembers ----------------------------------------------------
create table dmbox.poll_runs (
	id                 bigint generated always as identity primary key,
	account            text not null,
	channel            text not null,
	started_at         timestamptz not null,
	finished_at        timestamptz not null,
	outcome            text not null,
	attempts           jsonb not null default '[]',
	stored             integer not null default 0,
	duplicates         integer not null default 0,
	added_by_reconcile integer not null default 0,
	repeats            integer not null default 0
);
create index poll_runs_account_idx on dmbox.poll_runs (account, channel, id desc);

create table dmbox.account_state (
	account          text not null,
	channel          text not null,
	memory           jsonb not null default '{}',
	pause_until      timestamptz,
	pause_reason     text,
	token            text,
	token_since      timestamptz,
	token_expires_at timestamptz,
	token_tried_at   timestamptz,
	token_of         text,
	last_poll_at     timestamptz,
	next_probe_at    timestamptz,
	primary key (account, channel),
	send_failures      integer not null default 0,
	send_pause_until   timestamptz,
	send_pause_reason  text
);

create table dmbox.leases (
	name       text primary key,
	owner      text not null,
	expires_at timestamptz not null
);

create table dmbox.heartbeats (
	name text primary key,
	at   timestamptz not null,
	info jsonb not null default '{}'
);

-- refusals beyond the cap, erased ids --------------------------------------------
create table dmbox.refusals (
	account text not null,
	channel text not null,
	minute  timestamptz not null,
	reason  text not null,
	kept    integer not null default 0,
	capped  integer not null default 0,
	primary key (account, channel, minute, reason)
);

create table dmbox.erased (
	account text not null,
	channel text not null,
	id_hash text not null,
	erased_at timestamptz not null default now(),
	primary key (account, channel, id_hash)
);

-- What every column means -----------------------------------------------------------
comment on column dmbox.schema_version.version is 'Number of the file in sql/';
comment on column dmbox.schema_version.applied_at is 'When';

comment on table dmbox.deliveries is 'The ledger: everything that came in, byte for byte, the refused too; append-only, by month';
comment on table dmbox.deliveries_default is 'Deliveries of months without a partition of their own';
comment on column dmbox.deliveries.id is 'Ours';
comment on column dmbox.deliveries.delivery_uid is 'Made at arrival and kept through the spool: the same delivery is never stored twice';
comment on column dmbox.deliveries.received_at is 'When the bytes arrived (also of spooled ones)';
comment on column dmbox.deliveries.channel is 'instagram or whatsapp';
comment on column dmbox.deliveries.account is 'Our account (main, or the name of a file in DMBOX_ACCOUNTS_DIR)';
comment on column dmbox.deliveries.source is 'How it came: webhook, poll, spool (arrived while the database was away), replay, doctor';
comment on column dmbox.deliveries.request_id is 'X-Request-Id of the answer and of the log lines';
comment on column dmbox.deliveries.remote_addr is 'Address of the peer';
comment on column dmbox.deliveries.content_type is 'As sent';
comment on column dmbox.deliveries.headers is 'The request''s head without credentials';
comment on column dmbox.deliveries.body is 'The bytes; null where erased on request; cut for refused ones';
comment on column dmbox.deliveries.verdict is 'accepted or rejected';
comment on column dmbox.deliveries.reason is 'ok, or a code: no_secret, wrong_secret, bad_signature, not_understood, salvaged, poison, ...';
comment on column dmbox.deliveries.items is 'Items in it';
comment on column dmbox.deliveries.stored is 'Items that made or completed a row';
comment on column dmbox.deliveries.duplicates is 'Items whose key was found present';
comment on column dmbox.deliveries.weak_duplicates is 'Items without an id that equal one present';
comment on column dmbox.deliveries.ignored is 'Items kept here only';
comment on column dmbox.deliveries.purged is 'Stored items that were removed on request later';

comment on table dmbox.contacts is 'The people (and group chats) we talk with';
comment on column dmbox.contacts.id is 'Ours; the conversation''s id';
comment on column dmbox.contacts.account is 'Our account';
comment on column dmbox.contacts.channel is 'instagram or whatsapp';
comment on column dmbox.contacts.external_id is 'The provider''s id of the person or chat';
comment on column dmbox.contacts.name is 'Name as the provider told it last';
comment on column dmbox.contacts.username is 'User name as the provider told it last';
comment on column dmbox.contacts.picture_url is 'Picture as the provider told it last';
comment on column dmbox.contacts.named_at is 'Time of the message that brought name (to the minute)';
comment on column dmbox.contacts.username_at is 'Time of the message that brought username (to the minute)';
comment on column dmbox.contacts.picture_at is 'Time of the message that brought picture_url (to the minute)';
comment on column dmbox.contacts.profile_at is 'When the profile was fetched last';
comment on column dmbox.contacts.profile_state is 'How that ended';
comment on column dmbox.contacts.blocked_at is 'Since when the provider says that the person cannot be reached';
comment on column dmbox.contacts.last_inbound_at is 'Last message from them; may lag by up to a minute';
comment on column dmbox.contacts.last_outbound_at is 'Last message to them; may lag by up to a minute';
comment on column dmbox.contacts.last_at is 'Last message either way; may lag by up to a minute (exact: conversations.last_at); null without messages';
comment on column dmbox.contacts.created_at is 'When this row was made';

comment on table dmbox.messages is 'Every message, in and out';
comment on column dmbox.messages.id is 'Ours';
comment on column dmbox.messages.account is 'Our account';
comment on column dmbox.messages.channel is 'instagram or whatsapp';
comment on column dmbox.messages.thread_id is 'whatsapp: the chat, part of the key; instagram: empty';
comment on column dmbox.messages.provider is 'chatrace, graph, greenapi or mock';
comment on column dmbox.messages.external_id is 'The provider''s id; weak:... where it gave none; out:... of a send until its id is known';
comment on column dmbox.messages.contact_id is 'contacts.id; in a group the chat';
comment on column dmbox.messages.sender_id is 'Provider''s id of who sent it';
comment on column dmbox.messages.recipient_id is 'Provider''s id of who got it';
comment on column dmbox.messages.direction is 'inbound (to us) or outbound';
comment on column dmbox.messages.kind is 'text, image, video, audio, file, sticker, share, story_mention, story_reply, reel, location, contact, postback, unsupported, ...';
comment on column dmbox.messages.body is 'Text or caption, after edits; null when there is none or it was unsent';
comment on column dmbox.messages.detail is 'What has no column: postback payload, referral, story link, place';
comment on column dmbox.messages.reply_to is 'external_id of the message it answers';
comment on column dmbox.messages.status is 'inbound: received; outbound: queued, sent, accepted, delivered, read, failed, unknown; never goes back';
comment on column dmbox.messages.sent_at is 'The provider''s time, else received_at';
comment on column dmbox.messages.sent_at_known is 'Whether sent_at is the provider''s';
comment on column dmbox.messages.received_at is 'When we got it (a send: when it was asked for)';
comment on column dmbox.messages.edited_at is 'Time of the edit that counts; versions: message_edits';
comment on column dmbox.messages.deleted_at is 'Unsent then: the content is gone, the row stays';
comment on column dmbox.messages.delivered_at is 'Outbound: delivered';
comment on column dmbox.messages.read_at is 'Inbound: read by us; outbound: by them';
comment on column dmbox.messages.is_test is 'From a provider''s test button or from doctor';
comment on column dmbox.messages.source is 'webhook, poll (was missed by the webhook), echo (sent elsewhere), send (by us)';
comment on column dmbox.messages.delivery_id is 'deliveries.id that brought it (the ledger expires: no foreign key); null for sends and tombstones';
comment on column dmbox.messages.outbox_id is 'outbox.id of a send';
comment on column dmbox.messages.placeholder is 'A removal came before its message: the message will complete the row, without content';

comment on table dmbox.attachments is 'Files and shares of messages';
comment on column dmbox.attachments.id is 'Ours';
comment on column dmbox.attachments.account is 'Our account';
comment on column dmbox.attachments.message_id is 'messages.id';
comment on column dmbox.attachments.position is 'Place within the message, from 0';
comment on column dmbox.attachments.type is 'image, video, audio, file, share, ...';
comment on column dmbox.attachments.url is 'Where the provider has it (such links expire)';
comment on column dmbox.attachments.ref is 'The provider''s id of the thing';
comment on column dmbox.attachments.name is 'File name';
comment on column dmbox.attachments.mime_type is 'Type of the content';
comment on column dmbox.attachments.bytes is 'Size';
comment on column dmbox.attachments.sha256 is 'Of the downloaded file';
comment on column dmbox.attachments.local_path is 'The downloaded file, below DMBOX_MEDIA_DIR';
comment on column dmbox.attachments.state is 'waiting, none (nothing to fetch), erased (message unsent: the file is to be removed), or how the download ended';
comment on column dmbox.attachments.attempts is 'Downloads tried';
comment on column dmbox.attachments.next_at is 'Next try';
comment on column dmbox.attachments.error_text is 'Why the last try failed';

comment on table dmbox.reactions is 'Reactions to messages, one of each person';
comment on column dmbox.reactions.account is 'Our account';
comment on column dmbox.reactions.message_id is 'messages.id';
comment on column dmbox.reactions.contact_id is 'contacts.id of who reacted; 0: we';
comment on column dmbox.reactions.emoji is 'The latest';
comment on column dmbox.reactions.reacted_at is 'When';
comment on column dmbox.reactions.removed_at is 'When it was taken back; null: it stands';

comment on table dmbox.message_edits is 'Versions of edited messages';
comment on column dmbox.message_edits.account is 'Our account';
comment on column dmbox.message_edits.message_id is 'messages.id';
comment on column dmbox.message_edits.version is '0: the original; else the provider''s number of the edit';
comment on column dmbox.message_edits.body is 'Text of that version';
comment on column dmbox.message_edits.edited_at is 'When';

comment on table dmbox.events is 'Every item that is not a message: read, edit, unsend, reaction, status, referral, opt-in, hand-over, unknown, ...';
comment on column dmbox.events.id is 'Ours';
comment on column dmbox.events.account is 'Our account';
comment on column dmbox.events.channel is 'instagram or whatsapp';
comment on column dmbox.events.kind is 'What it is';
comment on column dmbox.events.effect is 'What it does to the message target_id: none, edit, unsend, react, unreact, read, status';
comment on column dmbox.events.thread_id is 'whatsapp: the chat';
comment on column dmbox.events.provider is 'chatrace, graph, greenapi or mock';
comment on column dmbox.events.contact_id is 'contacts.id of the conversation';
comment on column dmbox.events.actor_id is 'contacts.id of who reacted; null: we, or no reaction';
comment on column dmbox.events.direction is 'inbound: they did it; outbound: we did';
comment on column dmbox.events.occurred_at is 'The provider''s time, else when it arrived';
comment on column dmbox.events.target_id is 'external_id of the message it speaks of';
comment on column dmbox.events.text is 'New body, emoji or status; blanked when the message is unsent';
comment on column dmbox.events.num is 'Number of the edit; 0: not told';
comment on column dmbox.events.event_key is 'Hash of the normalised item: the same event is kept once';
comment on column dmbox.events.raw is 'The item as it came; blanked when the message is unsent';
comment on column dmbox.events.is_test is 'From a test button or from doctor';
comment on column dmbox.events.applied_at is 'When its effect reached the message; null: waits for the message, or has none';
comment on column dmbox.events.delivery_id is 'deliveries.id that brought it';

comment on table dmbox.outbox is 'What goes out: one row a message or action';
comment on column dmbox.outbox.id is 'Ours; the id in the answer of send';
comment on column dmbox.outbox.account is 'Our account';
comment on column dmbox.outbox.channel is 'instagram or whatsapp';
comment on column dmbox.outbox.provider is 'Who delivers it';
comment on column dmbox.outbox.caller is 'Hash of the caller, for idempotency; empty: a program';
comment on column dmbox.outbox.idempotency_key is 'Unique by caller, key and part';
comment on column dmbox.outbox.part is 'Part of a split text, from 0';
comment on column dmbox.outbox.fingerprint is 'Hash of the request: the same key with another body is refused';
comment on column dmbox.outbox.recipient_id is 'Provider''s id of who gets it';
comment on column dmbox.outbox.thread_id is 'whatsapp: the chat';
comment on column dmbox.outbox.body is 'Text';
comment on column dmbox.outbox.attachments is 'Attachments as JSON';
comment on column dmbox.outbox.reply_to is 'external_id of the message it answers';
comment on column dmbox.outbox.human_agent is 'A person wrote it (Graph''s HUMAN_AGENT tag)';
comment on column dmbox.outbox.action is 'mark_seen, typing_on, typing_off, react, unreact; null: a message';
comment on column dmbox.outbox.reaction is 'For react';
comment on column dmbox.outbox.state is 'queued, leased, sent, accepted, unknown (may have been sent), failed, dead';
comment on column dmbox.outbox.attempts is 'Tries made';
comment on column dmbox.outbox.next_at is 'Not before';
comment on column dmbox.outbox.lease_until is 'Leased to a process until then';
comment on column dmbox.outbox.claim_id is 'That process''s token: only it may settle';
comment on column dmbox.outbox.attempt_started_at is 'When the network was touched; what expires with it is unknown';
comment on column dmbox.outbox.created_at is 'When it was asked for';
comment on column dmbox.outbox.expires_at is 'Not sent any more after this';
comment on column dmbox.outbox.settled_at is 'When it reached its end';
comment on column dmbox.outbox.lookups is 'How often the provider was asked whether it had been sent';
comment on column dmbox.outbox.error_code is 'The provider''s code, or ours';
comment on column dmbox.outbox.error_text is 'Its words, without secrets';
comment on column dmbox.outbox.message_id is 'messages.id';
comment on column dmbox.outbox.external_id is 'The provider''s id of the message';

comment on table dmbox.send_attempts is 'Each try of the outbox';
comment on column dmbox.send_attempts.id is 'Ours';
comment on column dmbox.send_attempts.account is 'Our account';
comment on column dmbox.send_attempts.outbox_id is 'outbox.id';
comment on column dmbox.send_attempts.at is 'When it ended';
comment on column dmbox.send_attempts.status is 'Outcome';
comment on column dmbox.send_attempts.error_code is 'The provider''s code, or ours';
comment on column dmbox.send_attempts.ms is 'How long it took';

comment on table dmbox.poll_runs is 'Checks of accounts; equal runs without news are folded into one row';
comment on column dmbox.poll_runs.id is 'Ours';
comment on column dmbox.poll_runs.account is 'Our account';
comment on column dmbox.poll_runs.channel is 'instagram or whatsapp';
comment on column dmbox.poll_runs.started_at is 'Start of the (first) run';
comment on column dmbox.poll_runs.finished_at is 'End of the (last) run';
comment on column dmbox.poll_runs.outcome is 'messages, empty, unsupported, failed, busy, mock';
comment on column dmbox.poll_runs.attempts is 'Requests made: url (masked), auth, status, ms, note';
comment on column dmbox.poll_runs.stored is 'Items stored';
comment on column dmbox.poll_runs.duplicates is 'Items that were there';
comment on column dmbox.poll_runs.added_by_reconcile is 'Messages that the webhook had missed';
comment on column dmbox.poll_runs.repeats is 'Further runs that ended the same';

comment on table dmbox.account_state is 'What an account remembers between runs and hosts';
comment on column dmbox.account_state.account is 'Our account';
comment on column dmbox.account_state.channel is 'instagram or whatsapp';
comment on column dmbox.account_state.memory is 'The poller''s memory: accepted form, cursors';
comment on column dmbox.account_state.pause_until is 'The account rests until then';
comment on column dmbox.account_state.pause_reason is 'Why';
comment on column dmbox.account_state.token is 'A refreshed access token; null: the configuration''s';
comment on column dmbox.account_state.token_of is 'Digest of the configured token that token was refreshed from';
comment on column dmbox.account_state.token_since is 'When it was got';
comment on column dmbox.account_state.token_expires_at is 'Until when it is good';
comment on column dmbox.account_state.token_tried_at is 'Last try to refresh';
comment on column dmbox.account_state.last_poll_at is 'End of the last check';
comment on column dmbox.account_state.next_probe_at is 'When an unsupported account is probed again';

comment on table dmbox.leases is 'Who may do what only one may do at a time, on any host';
comment on column dmbox.leases.name is 'What, e.g. poll/instagram/main';
comment on column dmbox.leases.owner is 'Token of the run that has it';
comment on column dmbox.leases.expires_at is 'Anybody''s after this';

comment on table dmbox.heartbeats is 'Signs of life';
comment on column dmbox.heartbeats.name is 'Of what';
comment on column dmbox.heartbeats.at is 'Last sign';
comment on column dmbox.heartbeats.info is 'What it said';

comment on table dmbox.refusals is 'Refused deliveries by minute: kept in the ledger, or beyond the cap only counted';
comment on column dmbox.refusals.account is 'Our account';
comment on column dmbox.refusals.channel is 'instagram or whatsapp';
comment on column dmbox.refusals.minute is 'Minute of arrival';
comment on column dmbox.refusals.reason is 'Why refused';
comment on column dmbox.refusals.kept is 'Ledger rows';
comment on column dmbox.refusals.capped is 'Counted only';

comment on table dmbox.erased is 'Hashes of erased message ids: they do not come back by poll, replay or spool';
comment on column dmbox.erased.account is 'Our account';
comment on column dmbox.erased.channel is 'instagram or whatsapp';
comment on column dmbox.erased.id_hash is 'dmbox.id_hash of the message or event';
comment on column dmbox.erased.erased_at is 'When';
comment on table dmbox.outbox is 'What goes out: one row a message (a split text: one a part) or action; its state machine is dmbox.outbox_*';
comment on column dmbox.outbox.id is 'Our id; the id of the answer of /send';
comment on column dmbox.outbox.account is 'Account that sends';
comment on column dmbox.outbox.channel is 'instagram or whatsapp';
comment on column dmbox.outbox.provider is 'chatrace, graph, greenapi or mock';
comment on column dmbox.outbox.caller is 'Who asked, as a hash of the token''s sub; empty for programs of ours';
comment on column dmbox.outbox.idempotency_key is 'The caller''s key; unique with caller and part; null when none was given';
comment on column dmbox.outbox.part is 'Place among the rows of one request, from 0';
comment on column dmbox.outbox.fingerprint is 'SHA-256 of the request: the same key with another one is refused (409)';
comment on column dmbox.outbox.recipient_id is 'Contact''s id at the provider; with account and channel the conversation, in which order is kept';
comment on column dmbox.outbox.thread_id is 'WhatsApp: the chat; else empty';
comment on column dmbox.outbox.body is 'Text, as sent';
comment on column dmbox.outbox.attachments is 'Attachments: [{type, url, name, mime}]';
comment on column dmbox.outbox.reply_to is 'Provider''s id of the message answered or reacted to';
comment on column dmbox.outbox.human_agent is 'A person wrote it: sent with the HUMAN_AGENT tag';
comment on column dmbox.outbox.action is 'mark_seen, typing_on, typing_off, react, unreact; null for a message';
comment on column dmbox.outbox.reaction is 'What to react with';
comment on column dmbox.outbox.state is 'queued, leased (being sent), sent (the provider gave an id), accepted (it gave none), unknown (it may have been sent), failed (refused for good), dead (time over or cancelled)';
comment on column dmbox.outbox.attempts is 'Attempts so far';
comment on column dmbox.outbox.next_at is 'queued: not before this; unknown: when the provider is asked next';
comment on column dmbox.outbox.lease_until is 'leased: after this the sender counts as gone';
comment on column dmbox.outbox.claim_id is 'Of the sender that holds or held it; only it may settle';
comment on column dmbox.outbox.attempt_started_at is 'When the last attempt began';
comment on column dmbox.outbox.created_at is 'When it was asked for';
comment on column dmbox.outbox.expires_at is 'Not sent until then: dead';
comment on column dmbox.outbox.settled_at is 'When it came to its end';
comment on column dmbox.outbox.lookups is 'unknown: how often the provider was asked for it';
comment on column dmbox.outbox.error_code is 'Last error: the provider''s code or ours (timeout, loop_guard, expired, ...)';
comment on column dmbox.outbox.error_text is 'Last error in words';
comment on column dmbox.outbox.message_id is 'messages.id; null for actions';
comment on column dmbox.outbox.external_id is 'The provider''s message id, once known';
comment on column dmbox.outbox.first_id is 'Of a request that became several rows: the id of the first; null for a single row';
comment on table dmbox.send_attempts is 'One row an attempt to send';
comment on column dmbox.send_attempts.id is 'Our id';
comment on column dmbox.send_attempts.account is 'Account that sent';
comment on column dmbox.send_attempts.outbox_id is 'outbox.id';
comment on column dmbox.send_attempts.at is 'When it began';
comment on column dmbox.send_attempts.status is 'sent, accepted, retry, unknown, refused or pause (the account cannot send now)';
comment on column dmbox.send_attempts.error_code is 'The provider''s code, or connect, timeout, ...';
comment on column dmbox.send_attempts.ms is 'How long the request took';

comment on column dmbox.account_state.send_failures is 'Sends in a row that the provider did not answer; five open the breaker';
comment on column dmbox.account_state.send_pause_until is 'No send before this: the provider throttles, refuses the account, or does not answer';
comment on column dmbox.account_state.send_pause_reason is 'Why sends rest';

-- What a caller may see of a row.
create type dmbox.outbox_view as (
	id bigint, message_id bigint, state text, external_id text,
	error_code text, error_text text
);

-- counts for the inbox, at any size -------------------------------------------
--
-- count(*) over twenty million rows is no answer to a page view.  So upkeep
-- folds finished id ranges into message_counts, and a reader adds the few rows
-- above the range.  A range is folded one run after it was noted, so that no
-- transaction that took a lower id can still be open.

create table dmbox.message_counts (
	account  text not null,
	channel  text not null,
	inbound  bigint not null default 0,
	outbound bigint not null default 0,
	contacts bigint not null default 0,
	primary key (account, channel)
);
comment on table dmbox.message_counts is 'Counts of messages and contacts up to the ids of count_marks; kept by upkeep';
comment on column dmbox.message_counts.account is 'Account the counts are of';
comment on column dmbox.message_counts.channel is 'Channel the counts are of';
comment on column dmbox.message_counts.inbound is 'Messages from customers with an id up to the mark';
comment on column dmbox.message_counts.outbound is 'Messages to customers with an id up to the mark';
comment on column dmbox.message_counts.contacts is 'Contacts with an id up to the mark';

create table dmbox.count_marks (
	only_row     boolean primary key default true check (only_row),
	message_upto bigint not null default 0,
	message_next bigint not null default 0,
	contact_upto bigint not null default 0,
	contact_next bigint not null default 0
);
comment on table dmbox.count_marks is 'How far message_counts reaches (one row)';
comment on column dmbox.count_marks.only_row is 'Always true: there is one row';
comment on column dmbox.count_marks.message_upto is 'messages.id up to which message_counts is complete';
comment on column dmbox.count_marks.message_next is 'messages.id to which the next fold may go';
comment on column dmbox.count_marks.contact_upto is 'contacts.id up to which message_counts is complete';
comment on column dmbox.count_marks.contact_next is 'contacts.id to which the next fold may go';
insert into dmbox.count_marks default values;

create index messages_search_idx on dmbox.messages using gin (to_tsvector('simple', body)) where body is not null;
create index contacts_search_idx on dmbox.contacts
	using gin (to_tsvector('simple', coalesce(name, '') || ' ' || coalesce(username, '')));

-- The tables of the first version came as seven steps; a database that has them lacks
-- nothing of this file.
insert into dmbox.schema_version (version) select generate_series(1, 6);
