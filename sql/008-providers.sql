-- dmbox schema, step 8: whose shape a body has, and what a provider's rule says of its accounts.

alter table dmbox.deliveries add column provider text;
comment on column dmbox.deliveries.provider is 'Provider whose shape the body has: replay reads it by that; null before it was noted';

create table dmbox.accounts (
	account  text not null,
	channel  text not null,
	provider text not null,
	window_s integer,
	primary key (channel, account)
);
comment on table dmbox.accounts is 'The accounts as they are configured, noted by dmbox-poll when it starts';
comment on column dmbox.accounts.account is 'Our account';
comment on column dmbox.accounts.channel is 'instagram or whatsapp';
comment on column dmbox.accounts.provider is 'chatrace, graph, greenapi, ...: by whom it is reached';
comment on column dmbox.accounts.window_s is 'A reply is allowed for so many seconds after the contact''s last message; null: the channel''s rule';
