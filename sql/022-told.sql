-- dmbox schema, step 22: what providers tell of an account, for doctor.

create index events_told_idx on dmbox.events (account, channel, kind, id)
	where contact_id is null and effect = 'none';
