-- dmbox schema, step 1: tables.  Forward only; `dmbox migrate` applies the
-- files of sql/ in order, each in one transaction.
-- No extension, no superuser, PostgreSQL 12 or newer.

create schema if not exists dmbox;
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
create index contacts_last_idx on dmbox.contacts (account, channel, last_at desc, id desc);

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
	unique (account, channel, event_key)
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
	external_id        text
);
create unique index outbox_key_idx on dmbox.outbox (caller, idempotency_key, part) where idempotency_key is not null;
create index outbox_due_idx on dmbox.outbox (next_at) where state in ('queued','leased');
create index outbox_open_idx on dmbox.outbox (account, channel, recipient_id, id) where state in ('queued','leased','unknown');
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
	primary key (account, channel)
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
