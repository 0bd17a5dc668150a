-- dmbox schema, step 21: what the owner's page shows without reading every message.
--
-- As message_counts: upkeep folds finished ranges of ids.  By the hour in which a message was
-- sent, so that history that is imported later stands where it belongs.

create table dmbox.message_hours (
	hour     timestamptz not null,
	account  text not null,
	channel  text not null,
	inbound  bigint not null default 0,
	outbound bigint not null default 0,
	primary key (hour, account, channel)
);
comment on table dmbox.message_hours is 'Messages by the hour they were sent in, up to the id of count_marks; kept by upkeep, without tests';
comment on column dmbox.message_hours.hour is 'Beginning of the hour';
comment on column dmbox.message_hours.account is 'Our account';
comment on column dmbox.message_hours.channel is 'instagram or whatsapp';
comment on column dmbox.message_hours.inbound is 'Messages from customers';
comment on column dmbox.message_hours.outbound is 'Messages to customers';
insert into dmbox.message_hours (hour, account, channel, inbound, outbound)
select date_trunc('hour', m.sent_at at time zone 'UTC') at time zone 'UTC', m.account, m.channel,
       count(*) filter (where m.direction = 'inbound'), count(*) filter (where m.direction = 'outbound')
  from dmbox.messages m
 where not m.is_test and m.id <= (select message_upto from dmbox.count_marks)
 group by 1, 2, 3;

create table dmbox.response_days (
	day     date not null,
	account text not null,
	channel text not null,
	n       bigint not null,
	median  double precision not null,
	p90     double precision not null,
	primary key (day, account, channel)
);
comment on table dmbox.response_days is 'How fast customers were answered, by day (UTC) and account: dmbox.turns, folded by upkeep';
comment on column dmbox.response_days.day is 'Day on which the customers wrote';
comment on column dmbox.response_days.account is 'Our account';
comment on column dmbox.response_days.channel is 'instagram or whatsapp';
comment on column dmbox.response_days.n is 'Turns that were answered';
comment on column dmbox.response_days.median is 'Half of them within so many seconds';
comment on column dmbox.response_days.p90 is 'Nine of ten of them within so many seconds';

-- deliveries that made no message, as the owner's page lists them
create index deliveries_odd_idx on dmbox.deliveries (id) where verdict = 'accepted' and reason = 'not_understood';

-- where each program has a login of its own (roles.sql): what its triggers fold
do $$
declare
	r text;
begin
	foreach r in array array['dmbox_web', 'dmbox_send'] loop
		if exists (select 1 from pg_roles where rolname = r) and has_table_privilege(r, 'dmbox.message_counts', 'update') then
			execute format('grant select, update on dmbox.message_hours to %I', r);
		end if;
	end loop;
end $$;
