-- dmbox schema, step 13: our reference in the states of messages; a person's several ids.

-- A provider that gives our reference back settles what was sent with an unknown outcome.
create index events_ref_idx on dmbox.events ((raw ->> 'client_ref')) where raw ? 'client_ref';

create table dmbox.contact_aliases (
	account     text not null,
	channel     text not null,
	alias       text not null,
	external_id text not null,
	since       timestamptz not null default now(),
	primary key (account, channel, alias)
);
create index contact_aliases_of_idx on dmbox.contact_aliases (account, channel, external_id);
comment on table dmbox.contact_aliases is 'Further ids of contacts: phone, business-scoped id, linked id; a delivery proved that they are one person''s';
comment on column dmbox.contact_aliases.account is 'Our account';
comment on column dmbox.contact_aliases.channel is 'instagram or whatsapp';
comment on column dmbox.contact_aliases.alias is 'The other id';
comment on column dmbox.contact_aliases.external_id is 'contacts.external_id of the person';
comment on column dmbox.contact_aliases.since is 'When it was learned';
