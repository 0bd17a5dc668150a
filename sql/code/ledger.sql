-- The ledger beside ingest: refusals, partitions, retention, checks of the poller.

-- A refused delivery: a row, or beyond the cap of its account's minute a count.
create or replace function dmbox.refuse(p_cap integer, p_uid uuid, p_at timestamptz, p_channel text, p_account text,
	p_source text, p_request text, p_addr text, p_ctype text, p_headers jsonb, p_body bytea, p_reason text)
returns bigint language plpgsql as $$
declare
	-- an hour's share of what somebody without a credential may cost: 31 MB a day
	c_bodies constant bigint := 1000000;
	c_rows   constant bigint := 1300000;
	v_hour   timestamptz := date_trunc('hour', now());
	v_minute timestamptz := date_trunc('minute', now());
	v_kept   integer;
	v_id     bigint := 0;
	v_spent  bigint;
	v_size   bigint;
	v_provider text := p_headers ->> ':provider';
begin
	insert into dmbox.refused_bytes (hour) values (v_hour) on conflict do nothing;
	select b.bytes into v_spent from dmbox.refused_bytes b where b.hour = v_hour for no key update;
	if v_spent > c_rows then
		v_minute := v_hour;	-- the counts, too, would grow by a row a minute and reason
	end if;
	insert into dmbox.refusals (account, channel, minute, reason)
	values (p_account, p_channel, v_minute, p_reason) on conflict do nothing;
	perform 1 from dmbox.refusals r
	 where r.account = p_account and r.channel = p_channel and r.minute = v_minute and r.reason = p_reason
	   for no key update;
	select coalesce(sum(r.kept), 0) into v_kept from dmbox.refusals r
	 where r.account = p_account and r.channel = p_channel and r.minute = v_minute;
	if octet_length(p_headers::text) > 2048 then
		p_headers := '{}';
	end if;
	-- a row with its indexes takes about 500 bytes beside what it holds
	v_size := 500 + coalesce(octet_length(p_body), 0) + coalesce(octet_length(p_headers::text), 0);
	if v_spent + v_size > c_bodies then
		p_body := null;
		p_headers := '{}';
		v_size := 500;
	end if;
	if v_kept < p_cap and v_spent + v_size <= c_rows then
		insert into dmbox.deliveries (delivery_uid, received_at, channel, account, source, request_id,
		       remote_addr, content_type, headers, body, verdict, reason, provider)
		values (p_uid, p_at, p_channel, p_account, p_source, p_request, p_addr, left(p_ctype, 200), p_headers, p_body,
		        'rejected', p_reason, v_provider)
		on conflict do nothing returning id into v_id;
		update dmbox.refused_bytes b set bytes = b.bytes + v_size where b.hour = v_hour and v_id > 0;
	end if;
	update dmbox.refusals r
	   set kept = r.kept + case when v_id > 0 then 1 else 0 end,
	       capped = r.capped + case when v_id > 0 then 0 else 1 end
	 where r.account = p_account and r.channel = p_channel and r.minute = v_minute and r.reason = p_reason;
	return coalesce(v_id, 0);
end $$;
comment on function dmbox.refuse(integer, uuid, timestamptz, text, text, text, text, text, text, jsonb, bytea, text) is
	'Keep a refused delivery, or count it where its account''s minute has reached the cap or the hour its share of bytes (returns 0); a body beyond the share is left out';

-- Months of the ledger.  These two make and drop tables, so they run with the rights of the
-- schema's owner: nobody may call them but the owner and whom roles.sql lets.
create or replace function dmbox.deliveries_partitions()
returns integer language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	v_from date;
	v_name text;
	n      integer := 0;
begin
	for i in 0 .. 2 loop
		v_from := (date_trunc('month', now() at time zone 'UTC') + make_interval(months => i))::date;
		v_name := 'deliveries_' || to_char(v_from, 'YYYY_MM');
		if to_regclass('dmbox.' || v_name) is not null then
			continue;
		end if;
		begin
			execute format('create table dmbox.%I partition of dmbox.deliveries for values from (%L) to (%L)',
			    v_name, v_from::text || ' 00:00:00+00', (v_from + interval '1 month')::date::text || ' 00:00:00+00');
			execute format('comment on table dmbox.%I is %L', v_name, 'Deliveries received in ' || to_char(v_from, 'YYYY-MM') || ' (UTC)');
			n := n + 1;
		exception
			-- the default partition holds rows of that month already: they stay there;
			-- or somebody else is making it
			when check_violation or duplicate_table or lock_not_available then null;
		end;
	end loop;
	return n;
end $$;
comment on function dmbox.deliveries_partitions() is 'Upkeep: partitions for this month and the next two; moves nothing';

create or replace function dmbox.deliveries_expire(p_keep_days integer, p_keep_refused_days integer, p_rows integer)
returns integer language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	v_old     timestamptz := now() - make_interval(days => p_keep_days);
	v_refused timestamptz := now() - make_interval(days => least(p_keep_refused_days, p_keep_days));
	v_end     timestamptz;
	r         record;
	n         integer := 0;
	v_rows    integer;
begin
	if not (p_keep_days >= 1 and p_keep_refused_days >= 1 and p_rows between 1 and 1000000)
	    or p_keep_days is null or p_keep_refused_days is null or p_rows is null then
		raise invalid_parameter_value using message = 'deliveries_expire: days and rows are at least 1';
	end if;
	-- whole months first: a file is removed, nothing is read
	for r in
		select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
		 where i.inhparent = 'dmbox.deliveries'::regclass and c.relname ~ '^deliveries_[0-9]{4}_[0-9]{2}$'
		 order by c.relname
	loop
		v_end := (to_date(substr(r.relname, 12), 'YYYY_MM') + interval '1 month') at time zone 'UTC';
		if v_end <= v_old then
			begin
				execute format('drop table dmbox.%I', r.relname);
			exception when lock_not_available then
				null;	-- next time
			end;
		end if;
	end loop;

	delete from dmbox.deliveries d using (
		select x.id, x.received_at from dmbox.deliveries x
		 where x.received_at < v_old limit p_rows) o
	 where d.id = o.id and d.received_at = o.received_at;
	get diagnostics n = row_count;

	delete from dmbox.deliveries d using (
		select x.id, x.received_at from dmbox.deliveries x
		 where x.verdict = 'rejected' and x.received_at < v_refused limit p_rows) o
	 where d.id = o.id and d.received_at = o.received_at;
	get diagnostics v_rows = row_count;
	n := greatest(n, v_rows);

	delete from dmbox.refusals f where f.minute < v_old;
	delete from dmbox.refused_bytes b where b.hour < v_old;
	delete from dmbox.media_days m where m.day < (now() at time zone 'UTC')::date - 1;
	delete from dmbox.poll_runs p where p.finished_at < v_old;
	return n;
end $$;
revoke execute on function dmbox.deliveries_partitions(), dmbox.deliveries_expire(integer, integer, integer) from public;
comment on function dmbox.deliveries_expire(integer, integer, integer) is
	'Upkeep: drop or delete what the ledger need not keep any longer; returns rows deleted by the busier of its two passes';

-- One check of an account.  Runs that brought nothing and looked the same as the
-- one before (times apart) are one row that counts.
create or replace function dmbox.poll_run(p_account text, p_channel text, p_started timestamptz, p_finished timestamptz,
	p_outcome text, p_attempts jsonb, p_stored integer, p_duplicates integer, p_added integer)
returns void language plpgsql as $$
declare
	r dmbox.poll_runs%rowtype;
begin
	insert into dmbox.account_state as s (account, channel, last_poll_at)
	values (p_account, p_channel, p_finished)
	on conflict (account, channel) do update set last_poll_at = greatest(s.last_poll_at, excluded.last_poll_at);

	select * into r from dmbox.poll_runs p
	 where p.account = p_account and p.channel = p_channel order by p.id desc limit 1 for no key update;
	if found and p_stored = 0 and p_duplicates = 0 and p_added = 0
	   and r.stored = 0 and r.duplicates = 0 and r.added_by_reconcile = 0 and r.outcome = p_outcome
	   and (select jsonb_agg(x.v - 'ms' order by x.i) from jsonb_array_elements(r.attempts) with ordinality x(v, i))
	       is not distinct from
	       (select jsonb_agg(x.v - 'ms' order by x.i) from jsonb_array_elements(p_attempts) with ordinality x(v, i)) then
		update dmbox.poll_runs p set finished_at = p_finished, attempts = p_attempts, repeats = p.repeats + 1
		 where p.id = r.id;
	else
		insert into dmbox.poll_runs (account, channel, started_at, finished_at, outcome, attempts, stored,
		       duplicates, added_by_reconcile)
		values (p_account, p_channel, p_started, p_finished, p_outcome, p_attempts, p_stored, p_duplicates, p_added);
	end if;
end $$;
comment on function dmbox.poll_run(text, text, timestamptz, timestamptz, text, jsonb, integer, integer, integer) is
	'Note one check of an account; equal runs without news are folded into one row (repeats)';

-- Unsent is erased, in the ledger too: after the grace (for a replay, should the unsend be
-- a mistake of ours) the bytes go of every delivery that told the message or an edit of it.
-- How far this came is remembered as the id of the last event (heartbeats, name 'unsent').  So
-- do the bytes of Messenger's deliveries: what is unsent there nobody tells.
create or replace function dmbox.erase_unsent(p_grace_s integer, p_max integer)
returns integer language plpgsql as $$
declare
	v_from bigint;
	n      integer := 0;
	v_rows integer;
	r      record;
begin
	insert into dmbox.heartbeats (name, at, info) values ('unsent', now(), '{"event":0}') on conflict (name) do nothing;
	select (h.info ->> 'event')::bigint into v_from from dmbox.heartbeats h where h.name = 'unsent' for update;
	for r in
		select e.id, e.account, e.channel, e.thread_id, e.target_id, e.applied_at, e.delivery_id, m.received_at,
		       m.delivery_id as told
		  from dmbox.events e
		  join dmbox.messages m on m.account = e.account and m.channel = e.channel and m.thread_id = e.thread_id
		   and m.external_id = e.target_id
		 where e.id > v_from and e.effect = 'unsend'
		 order by e.id limit p_max
	loop
		exit when r.applied_at is null or r.applied_at > now() - make_interval(secs => p_grace_s);
		update dmbox.deliveries d set body = null
		 where d.body is not null and d.id is distinct from r.delivery_id and (d.id = r.told
		    or d.id in (select e.delivery_id from dmbox.events e
		         where e.account = r.account and e.channel = r.channel and e.thread_id = r.thread_id
		           and e.target_id = r.target_id and e.effect = 'edit'));
		update dmbox.deliveries d set body = null
		 where d.account = r.account and d.channel = r.channel and d.body is not null
		   and d.id is distinct from r.delivery_id
		   and d.received_at >= least(r.received_at, r.applied_at) - interval '1 hour'
		   and dmbox.holds_word(d.body, r.target_id);
		n := n + 1;
		v_from := r.id;
	end loop;
	update dmbox.heartbeats h set at = now(), info = jsonb_build_object('event', v_from) where h.name = 'unsent';
	update dmbox.deliveries d set body = null from (
		select x.id, x.received_at from dmbox.deliveries x
		 where x.reason = 'messenger' and x.body is not null and x.received_at < now() - make_interval(secs => p_grace_s)
		 limit p_max) o
	 where d.id = o.id and d.received_at = o.received_at;
	get diagnostics v_rows = row_count;
	return n + v_rows;
end $$;
comment on function dmbox.erase_unsent(integer, integer) is
	'Upkeep: drop the bytes of deliveries that told messages unsent longer than a grace ago, or that are Messenger''s and as old; returns how many messages and deliveries';

select dmbox.deliveries_partitions();
