-- dmbox schema, step 23: another attempt after a failure that was told later.

alter table dmbox.outbox add column failed_ids text[];
comment on column dmbox.outbox.failed_ids is 'Provider ids of attempts that it took and reported as failed afterwards: the next one has a new id';

alter table dmbox.contacts add column no_marketing_at timestamptz;
comment on column dmbox.contacts.no_marketing_at is 'When the provider said that the person wants no marketing';
