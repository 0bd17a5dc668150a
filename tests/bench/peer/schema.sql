-- The peer's tables: what it stores, the keys that make it safe to repeat, and no more.
create schema peer;
create table peer.deliveries (
	id          bigint generated always as identity primary key,
	account     text not null,
	received_at timestamptz default now(),
	body        bytea
);
create table peer.contacts (
	id              bigint generated always as identity primary key,
	account         text not null,
	external_id     text not null,
	name            text,
	last_inbound_at timestamptz,
	unique (account, external_id)
);
create table peer.messages (
	id          bigint generated always as identity primary key,
	account     text not null,
	external_id text not null,
	sender_id   text,
	body        text,
	contact_id  bigint references peer.contacts,
	delivery_id bigint,
	sent_at     timestamptz,
	received_at timestamptz default now(),
	unique (account, external_id)
);
-- What `store bare` fills: messages with their two keys.
create table peer.bare (like dmbox.messages including identity including defaults);
alter table peer.bare alter change_id drop default, add primary key (id), add unique (account, channel, thread_id, external_id);
