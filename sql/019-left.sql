-- dmbox schema, step 19: ids that their owners have left.

alter table dmbox.contact_aliases add column left_at timestamptz;
comment on column dmbox.contact_aliases.left_at is 'When we learned that the person has another id in its place (a changed number): nothing is sent to it, and it may be a stranger''s one day';
