-- dmbox schema, step 10: the change feed.
--
-- change_id is the writing transaction's id times 2^20, plus a counter: it grows with each
-- insert and visible change, and all ids below dmbox.change_bound() are final, for every
-- transaction that could still add one has ended (a sequence alone cannot say that: the
-- one that took a number first may commit last).

create sequence dmbox.change_seq cache 32;
comment on sequence dmbox.change_seq is 'Tells changes of one transaction apart: the low 20 bits of messages.change_id';
alter table dmbox.messages add column change_id bigint;
alter table dmbox.messages alter column change_id
	set default (txid_current() << 20) | (nextval('dmbox.change_seq') & 1048575);
comment on column dmbox.messages.change_id is
	'Grows with each insert and visible change; follow it below dmbox.change_bound(). Null: not touched since it was introduced';
create index messages_change_idx on dmbox.messages (change_id) where change_id is not null;
