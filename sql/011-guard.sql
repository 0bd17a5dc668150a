-- dmbox schema, step 11: how much of the ledger is spent on deliveries that were refused.

create table dmbox.refused_bytes (
	hour  timestamptz primary key,
	bytes bigint not null default 0
);
comment on table dmbox.refused_bytes is 'What refused deliveries cost the ledger, by hour: who has no credential must not fill the disk';
comment on column dmbox.refused_bytes.hour is 'Hour of arrival';
comment on column dmbox.refused_bytes.bytes is 'Bytes of the rows that were kept, about';
