-- What the owner's page asks for: folded figures, and of rows the newest few by an index.

-- Fold the response times of one day: the turns of contacts who were heard of since.
create or replace function dmbox.response_fold(p_day date) returns void language plpgsql as $$
declare
	v_from timestamptz := p_day::timestamp at time zone 'UTC';
begin
	delete from dmbox.response_days where day = p_day;
	insert into dmbox.response_days (day, account, channel, n, median, p90)
	select p_day, t.account, t.channel, count(*),
	       percentile_cont(0.5) within group (order by t.seconds), percentile_cont(0.9) within group (order by t.seconds)
	  from (select s.account, s.channel, s.sent_at, extract(epoch from s.next_at - s.sent_at)::float8 as seconds
	          from (select m.*, lead(m.sent_at) over w as next_at
	                  from (select x.id, x.account, x.channel, x.contact_id, x.direction, x.sent_at,
	                               lag(x.direction) over (partition by x.contact_id order by x.sent_at, x.id) as before
	                          from dmbox.contacts c join dmbox.messages x on x.contact_id = c.id
	                         where c.last_at >= v_from and x.sent_at >= v_from - interval '1 day'
	                           and not x.is_test and not (x.direction = 'outbound' and x.status in ('queued', 'failed'))
	                           and not (x.direction = 'inbound' and x.deleted_at is not null)) m
	                 where m.before is distinct from m.direction
	                window w as (partition by m.contact_id order by m.sent_at, m.id)) s
	         where s.direction = 'inbound' and s.next_at is not null) t
	 where t.sent_at >= v_from and t.sent_at < v_from + interval '1 day'
	 group by t.account, t.channel;
end $$;
comment on function dmbox.response_fold(date) is 'Folds the response times of a day (UTC) into response_days';

-- Today and yesterday, and one earlier day that was not folded yet.
create or replace function dmbox.response_upkeep() returns void language plpgsql as $$
declare
	v_today date := (now() at time zone 'UTC')::date;
	v_day date;
begin
	if exists (select 1 from dmbox.heartbeats h where h.name = 'responses' and h.at > now() - interval '10 minutes') then
		return;
	end if;
	insert into dmbox.heartbeats (name, at) values ('responses', now()) on conflict (name) do update set at = excluded.at;
	perform dmbox.response_fold(v_today);
	perform dmbox.response_fold(v_today - 1);
	select x.day into v_day from (select v_today - i as day from generate_series(2, 13) i) x
	 where not exists (select 1 from dmbox.response_days r where r.day <= x.day)
	   and exists (select 1 from dmbox.message_hours h where h.hour < (x.day + 1)::timestamp at time zone 'UTC')
	 order by x.day desc limit 1;
	if v_day is not null then
		perform dmbox.response_fold(v_day);
	end if;
	delete from dmbox.response_days where day < v_today - 60;
end $$;
comment on function dmbox.response_upkeep() is 'Keeps response_days; called each minute, does its work each ten';

-- Messages, refusals and made-up-for messages by hour or day, of all accounts in one go: arrays
-- of p_n.  Above the fold are the messages of the last minute or two.
create or replace function dmbox.owner_series(p_accounts text[], p_channels text[], p_from timestamptz, p_step interval, p_n integer)
returns json language sql stable set jit = off as $$
	with b as (select extract(epoch from p_from)::float8 as lo, extract(epoch from p_from + p_n * p_step)::float8 as hi),
	     a as (select u.account, u.channel from unnest(p_accounts, p_channels) as u(account, channel)),
	     v as (select x.account, x.channel, width_bucket(extract(epoch from x.hour)::float8, b.lo, b.hi, p_n) as i,
	                  x.inbound as inb, x.outbound as outb, 0 as refused, 0 as missed
	             from dmbox.message_hours x, b where x.hour >= p_from and x.hour < p_from + p_n * p_step
	           union all
	           select x.account, x.channel, width_bucket(extract(epoch from x.sent_at)::float8, b.lo, b.hi, p_n),
	                  (x.direction = 'inbound')::int, (x.direction = 'outbound')::int, 0, 0
	             from (select m.account, m.channel, m.direction, m.sent_at, m.is_test from dmbox.messages m
	                    where m.id > (select message_upto from dmbox.count_marks) order by m.id desc limit 5000) x, b
	            where not x.is_test and x.sent_at >= p_from
	           union all
	           select x.account, x.channel, width_bucket(extract(epoch from x.minute)::float8, b.lo, b.hi, p_n), 0, 0, x.kept + x.capped, 0
	             from a join dmbox.refusals x on x.account = a.account and x.channel = a.channel and x.minute >= p_from, b
	           union all
	           select a.account, a.channel, width_bucket(extract(epoch from x.started_at)::float8, b.lo, b.hi, p_n), 0, 0, 0, x.added_by_reconcile
	             from a cross join lateral (select r.started_at, r.added_by_reconcile from dmbox.poll_runs r
	                    where r.account = a.account and r.channel = a.channel order by r.id desc limit 500) x, b
	            where x.added_by_reconcile > 0 and x.started_at >= p_from),
	     g as (select v.account, v.channel, v.i, sum(v.inb) as inb, sum(v.outb) as outb, sum(v.refused) as refused, sum(v.missed) as missed
	             from v where v.i between 1 and p_n group by 1, 2, 3),
	     r as (select a.channel || '/' || a.account as name, json_build_object(
	                  'in', json_agg(coalesce(g.inb, 0) order by s.i), 'out', json_agg(coalesce(g.outb, 0) order by s.i),
	                  'refused', json_agg(coalesce(g.refused, 0) order by s.i), 'missed', json_agg(coalesce(g.missed, 0) order by s.i)) as j
	             from a cross join generate_series(1, p_n) as s(i)
	             left join g on g.account = a.account and g.channel = a.channel and g.i = s.i group by a.account, a.channel)
	select coalesce(json_object_agg(r.name, r.j), '{}') from r
$$;
comment on function dmbox.owner_series(text[], text[], timestamptz, interval, integer) is
	'{"channel/account":{"in","out","refused","missed"}}, each an array of so many steps';

-- Of the 500 contacts of each account that were heard of last: whose last message nobody answered.
create or replace function dmbox.owner_waiting(p_accounts text[], p_channels text[]) returns json
language sql stable set jit = off set enable_seqscan = off as $$
	with l as materialized (select c.id, c.channel, coalesce(c.name, c.username, c.external_id) as name, l.sent_at
		  from unnest(p_accounts, p_channels) as a(account, channel)
		 cross join lateral (select k.* from dmbox.contacts k where k.account = a.account and k.channel = a.channel
		         and k.last_at is not null order by k.last_at desc, k.id desc limit 500) c
		 cross join lateral (select m.sent_at, m.direction from dmbox.messages m where m.contact_id = c.id
		         order by m.sent_at desc, m.id desc limit 1) l
		  left join dmbox.desk d on d.contact_id = c.id
		 where l.direction = 'inbound' and (d.done_at is null or not dmbox.desk_is_done(d))),
	     o as materialized (select x.*, coalesce(dmbox.waiting_since(x.id, (select d.done_upto from dmbox.desk d where d.contact_id = x.id)),
		       x.sent_at) as since from (select * from l order by sent_at limit 5) x)
	select json_build_object('count', (select count(*) from l), 'oldestAt', (select dmbox.iso(min(since)) from o),
		'conversations', coalesce((select json_agg(json_build_object('id', o.id, 'channel', o.channel, 'name', left(o.name, 80),
			'waitingSince', dmbox.iso(o.since)) order by o.since) from o), '[]'),
		'responses', coalesce((select json_agg(json_build_object('day', r.day, 'n', r.n, 'median', r.median, 'p90', r.p90) order by r.day desc)
			from (select day, sum(n) as n, round((sum(median * n) / sum(n))::numeric) as median, round(max(p90)::numeric) as p90
			        from dmbox.response_days where day > current_date - 14 group by day order by day desc limit 14) r), '[]'))
$$;
comment on function dmbox.owner_waiting(text[], text[]) is
	'Who waits for an answer, of the 500 contacts of each account heard of last, and how fast others got theirs';

create or replace function dmbox.owner_failed() returns json language sql stable as $$
	select coalesce(json_agg(json_build_object('message', m.id, 'conversation', m.contact_id, 'channel', m.channel,
		'name', left(coalesce(c.name, c.username, c.external_id), 80), 'content', left(m.body, 80), 'state', o.state,
		'error', json_build_object('code', coalesce(o.error_code, 'failed_later'), 'message', left(coalesce(m.error_text, o.error_text), 200)),
		'outbox', o.id, 'canRetry', o.state in ('unknown', 'failed', 'dead'), 'canCancel', o.state in ('queued', 'unknown')) order by o.id desc), '[]')
	  from (select u.id from (select f.outbox_id as id from dmbox.messages f
		         where f.status = 'failed' and f.outbox_id is not null and f.received_at > now() - interval '7 days'
		           and not dmbox.was_cancelled(f.outbox_id)
		         order by f.received_at desc limit 20) u
		union
		select u.id from (select x.id from dmbox.outbox x where x.state in ('queued', 'leased', 'unknown') and x.state = 'unknown'
		         order by x.id desc limit 20) u
		order by 1 desc limit 20) i
	  join dmbox.outbox o on o.id = i.id
	  join dmbox.messages m on m.id = o.message_id
	  left join dmbox.contacts c on c.id = m.contact_id
$$;
comment on function dmbox.owner_failed() is 'What did not go out, or perhaps not: the newest twenty of a week';

create or replace function dmbox.owner_refused() returns json language sql stable as $$
	select coalesce(json_agg(json_build_object('reason', g.reason, 'count', g.n, 'lastAt', dmbox.iso(g.last), 'delivery', g.id) order by g.last desc), '[]')
	  from (select x.reason, count(*) as n, max(x.received_at) as last, max(x.id) as id
	          from ((select d.reason, d.received_at, d.id from dmbox.deliveries d
	                  where d.verdict = 'rejected' and d.received_at > now() - interval '7 days'
	                  order by d.received_at desc limit 2000)
	                union all
	                (select d.reason, d.received_at, d.id from dmbox.deliveries d
	                  where d.verdict = 'accepted' and d.reason = 'not_understood' order by d.id desc limit 500)) x
	         group by x.reason order by max(x.received_at) desc limit 12) g
$$;
comment on function dmbox.owner_refused() is 'Refused deliveries of a week, and those that made no message, by reason';

create or replace function dmbox.people_json() returns json language sql stable as $$
	select coalesce(json_agg(json_build_object('name', u.name, 'role', u.role, 'createdAt', dmbox.iso(u.created_at),
		'lastSeen', dmbox.iso((select max(s.last_seen) from dmbox.sessions s where s.name = u.name)),
		'sessions', coalesce((select json_agg(json_build_object('id', s.id, 'startedAt', dmbox.iso(s.started_at),
			'lastSeen', dmbox.iso(s.last_seen), 'agent', left(s.agent, 120)) order by s.last_seen desc)
			from (select * from dmbox.sessions x where x.name = u.name and x.last_seen > now() - interval '30 days'
			       order by x.last_seen desc limit 10) s), '[]')) order by u.name), '[]')
	  from (select * from dmbox.users where revoked_at is null order by name limit 50) u
$$;
comment on function dmbox.people_json() is 'People who may open the page, and their browsers';
