-- What the inbox page asks for beyond messages: lists by what is to be done, search, and what
-- people note of a conversation.

create or replace function dmbox.next_change() returns bigint language sql volatile as
	$$ select (txid_current() << 20) | (nextval('dmbox.change_seq') & 1048575) $$;
comment on function dmbox.next_change() is 'A new change_id of this transaction';

-- The first of the customer's messages that nothing of ours followed.  Of a thread the newest
-- 200 are looked at: who waits longer than that waits since the oldest of them.
create or replace function dmbox.waiting_since(p_contact bigint, p_upto bigint)
returns timestamptz language sql stable as $$
	with o as (
		select x.sent_at, x.id
		  from (select m.sent_at, m.id, m.direction, m.status from dmbox.messages m
		         where m.contact_id = p_contact order by m.sent_at desc, m.id desc limit 200) x
		 where x.direction = 'outbound' and x.status <> 'failed'
		 order by x.sent_at desc, x.id desc limit 1)
	select min(w.sent_at)
	  from (select m.sent_at from dmbox.messages m
	         where m.contact_id = p_contact and m.direction = 'inbound' and m.deleted_at is null
	           and m.id > coalesce(p_upto, 0)
	           and (m.sent_at, m.id) > (coalesce((select sent_at from o), '-infinity'), coalesce((select id from o), 0))
	         order by m.sent_at desc, m.id desc limit 200) w
$$;
comment on function dmbox.waiting_since(bigint, bigint) is 'Since when the contact waits for an answer, messages up to that id apart; null: does not';

-- Done, and the customer has written nothing since.
create or replace function dmbox.desk_is_done(d dmbox.desk) returns boolean language sql stable as $$
	select d.done_at is not null and not exists (select 1 from dmbox.messages m
	        where m.contact_id = d.contact_id and m.direction = 'inbound' and m.id > d.done_upto
	          and m.sent_at > d.done_at - interval '7 days')
$$;
comment on function dmbox.desk_is_done(dmbox.desk) is 'Is the conversation done: marked so, and no message of the customer is newer';

create or replace function dmbox.was_cancelled(p_outbox bigint) returns boolean language sql stable as $$
	select exists (select 1 from dmbox.outbox o where o.id = p_outbox and o.error_code = 'cancelled')
$$;
comment on function dmbox.was_cancelled(bigint) is 'Did a person give this send up? That is no failure to look after';

create or replace function dmbox.last_failed(p_contact bigint) returns bigint language sql stable as $$
	select count(*) from (select m.status, m.direction, m.outbox_id from dmbox.messages m
	         where m.contact_id = p_contact order by m.sent_at desc, m.id desc limit 30) x
	 where x.status = 'failed' and x.direction = 'outbound' and not dmbox.was_cancelled(x.outbox_id)
$$;
comment on function dmbox.last_failed(bigint) is 'How many of the last 30 messages of the conversation were not sent, though nobody gave them up';

-- who of a group wrote a message
create or replace function dmbox.sender_of(m dmbox.messages) returns json language sql stable as $$
	select case when m.direction = 'inbound' and m.thread_id like '%@g.us' then json_build_object('id', m.sender_id,
		'name', coalesce(m.detail ->> 'senderName', (select coalesce(c.name, c.username) from dmbox.contacts c
		         where c.account = m.account and c.channel = m.channel and c.external_id = m.sender_id))) end
$$;
comment on function dmbox.sender_of(dmbox.messages) is 'In a group: {"id","name"} of who wrote; else null';

create or replace function dmbox.quote_of(m dmbox.messages) returns json language sql stable as $$
	select json_build_object('id', q.id, 'kind', q.kind, 'content', case when q.deleted_at is null then left(q.body, 300) end,
		'direction', q.direction, 'deletedAt', dmbox.iso(q.deleted_at),
		'name', coalesce(dmbox.sender_of(q) ->> 'name', (select coalesce(c.name, c.username) from dmbox.contacts c where c.id = q.contact_id)))
	  from dmbox.messages q
	 where m.reply_to is not null and q.account = m.account and q.channel = m.channel
	   and q.thread_id in (m.thread_id, '') and q.external_id = m.reply_to
	   and q.contact_id = m.contact_id
	 limit 1
$$;
comment on function dmbox.quote_of(dmbox.messages) is 'The message that this one answers, as the page shows it; null: none, or it is not here';

-- Who wrote an outbound message: callers are kept as digests, those of people have a name.
create or replace function dmbox.author_of(p_outbox bigint) returns text language sql stable as $$
	select u.name from dmbox.outbox o join dmbox.users u
	    on o.caller = encode(sha256(convert_to('user:' || u.name, 'UTF8')), 'hex')
	 where o.id = p_outbox
$$;
comment on function dmbox.author_of(bigint) is 'The person who sent that outbox row; null: a program, or nobody of dmbox.users';

create or replace function dmbox.error_kind(p_code text, p_text text) returns text language sql immutable as $$
	select case
		when p_code in ('window_closed', '2534022', '131047', '131051') or p_text ilike '%outside of allowed window%' then 'window'
		when p_code in ('551', '131026', '2018001', '2534014', 'bad_recipient') then 'recipient'
		when p_code in ('1545041', '131050') then 'blocked'
		when p_code in ('too_long') then 'too_long'
		when p_code in ('2018047', '2018008', '131052', '131053', 'bad_attachment') then 'media'
		when p_code in ('190', '401', '0', 'config', 'no_token') then 'token'
		when p_code in ('4', '429', '613', '80002', '80007', '130429', '131048', '131056', '466', 'loop_guard') then 'rate'
		when p_code in ('timeout', 'connect', 'dns', 'tls', 'cut') then 'network'
		when p_code in ('cancelled') then 'cancelled'
		else 'provider' end
$$;
comment on function dmbox.error_kind(text, text) is 'Which of the page''s sentences a failed send''s code stands for';

-- Conversations as the page has them: one statement for a page of them, and dmbox.iso written out
-- (as a function it is not inlined, which costs more than all else here).
create or replace function dmbox.conversations_json(p_ids bigint[])
returns table (id bigint, j json) language sql stable rows 50 as $$
	select c.id, json_build_object('id', c.id, 'account', c.account, 'channel', c.channel, 'contactId', c.external_id,
		'group', c.external_id like '%@g.us', 'name', c.name, 'username', c.username, 'pictureUrl', null,
		'phone', case when c.channel = 'whatsapp' and split_part(c.external_id, '@', 1) ~ '^[0-9]{7,15}$'
		              and c.external_id not like '%@g.us' then '+' || split_part(c.external_id, '@', 1) end,
		-- v: another picture has another address, so that browsers may keep it
		'avatar', 'media?contact=' || av.contact_id || '&v=' || left(av.sha256, 8), 'lastAt', to_char(l.sent_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		'lastMessage', json_build_object('id', l.id, 'kind', l.kind, 'content', case when l.deleted_at is null then left(l.body, 300) end,
			'direction', l.direction, 'status', l.status, 'createdAt', to_char(l.sent_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'deletedAt', to_char(l.deleted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'sender', case when l.thread_id like '%@g.us' then dmbox.sender_of(l.*) end,
			'by', case when l.outbox_id is not null then dmbox.author_of(l.outbox_id) end),
		'unreadCount', (select count(*) from (select 1 from dmbox.messages u where u.contact_id = c.id
			and u.direction = 'inbound' and u.read_at is null and u.deleted_at is null limit 100) x),
		'failedCount', n.failed, 'done', f.done, 'assignee', d.assignee, 'labels', coalesce(d.labels, '{}'),
		'waitingSince', case when f.done or (l.direction = 'outbound' and l.status <> 'failed') then null
			else to_char(dmbox.waiting_since(c.id, d.done_upto) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') end,
		'canSendUntil', to_char(w.until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'humanUntil', to_char((w.until + w.human) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		-- where we know no limit of the provider's ours is a hint: it decides
		'maySend', w.until is null or not w.strict or now() < w.until + coalesce(w.human, interval '0'))
	  from unnest(p_ids) with ordinality as i(id, n)
	  join dmbox.contacts c on c.id = i.id
	  left join dmbox.desk d on d.contact_id = c.id
	  left join dmbox.accounts a on a.account = c.account and a.channel = c.channel
	  left join dmbox.avatars av on av.contact_id = c.id and av.state = 'done'
	 cross join lateral (select case when d.done_at is null then false else dmbox.desk_is_done(d) end as done) f
	 cross join lateral (select count(*) as failed from (select m.status, m.direction, m.outbox_id from dmbox.messages m
	         where m.contact_id = c.id order by m.sent_at desc, m.id desc limit 30) x
	         where x.status = 'failed' and x.direction = 'outbound' and not dmbox.was_cancelled(x.outbox_id)) n
	 cross join lateral (select m.* from dmbox.messages m where m.contact_id = c.id order by m.sent_at desc, m.id desc limit 1) l
	 cross join lateral (select case when a.account is null then dmbox.provider_window(l.provider) else a.window_s end as s) r
	 cross join lateral (select c.last_inbound_at + make_interval(secs => coalesce(r.s, case c.channel when 'instagram' then 86400 end)) as until,
	         r.s is not null as strict,
	         case when r.s is not null and c.channel = 'instagram' then interval '6 days' end as human) w
	 order by i.n
$$;
comment on function dmbox.conversations_json(bigint[]) is 'Conversations as the inbox page has them, those with messages, in the order of the ids';

create or replace function dmbox.conversation_json(p_contact bigint) returns json language sql stable as $$
	select x.j from dmbox.conversations_json(array[p_contact]) x
$$;
comment on function dmbox.conversation_json(bigint) is 'A conversation as the inbox page has it';

/*
 * The list by time, exactly: newest message first, by the order (e, id).  The index has
 * contacts.last_at, from which the true last message is up to a minute away (ingest moves it by
 * more than that only; the echo of a send sets the clock back by seconds): e is the true time,
 * held within that minute of last_at.  So where a hand or an erasure left last_at far away a
 * conversation is on a wrong page, but never left out and never twice.  at is the true time, by
 * which a page is sorted.
 *
 * A page reads by last_at, from a minute above its beginning to two below its end, of each account
 * p_scan contacts at most.  Where so many were heard of within three minutes (a flood) a page is a
 * piece of the order (last_at, id) and sorted within itself only: it goes on below (p_from,
 * p_from_id), and that is the only place where the order is off, by a minute.
 * next: where the list goes on, "us_id" or, in a flood, "us_id_us_id" (the second is p_from).
 */
create or replace function dmbox.desk_slice(p_filter text, p_accounts text[], p_channels text[],
	p_before timestamptz, p_before_id bigint, p_from timestamptz, p_from_id bigint, p_limit bigint, p_scan bigint)
returns table (id bigint, at timestamptz, next text) language plpgsql stable
set enable_seqscan = off as $$
#variable_conflict use_column
declare
	c_lag    constant interval := '61 seconds';
	v_look   bigint[];		-- contacts that are looked at, and their last_at
	v_at     timestamptz[];
	v_edge   timestamptz;		-- below this place there are others; null: there are none
	v_edge_id bigint;
	v_failed bigint[];
	v_ids    bigint[] := '{}';	-- those that the filter lets pass
	v_es     timestamptz[] := '{}';
	v_sents  timestamptz[] := '{}';
	v_lasts  timestamptz[] := '{}';
	v_n      bigint := 0;
	v_floor  timestamptz;
	v_all    boolean := true;	-- all of v_look were looked at
	v_sure   bigint;		-- so many of them come before all others
	v_next   timestamptz;
	v_next_id bigint;
	r        record;
begin
	with look as materialized (
		select c.id, c.last_at, row_number() over w as k, lead(c.id) over w is not null as more
		  from unnest(p_accounts, p_channels) with ordinality as acc(name, ch, n)
		 cross join lateral (select x.id, x.last_at from dmbox.contacts x
		         where x.account = acc.name and x.channel = acc.ch
		           and x.last_at <= least(p_before + c_lag, p_from) and (x.last_at, x.id) < (p_from, p_from_id)
		         order by x.last_at desc, x.id desc limit p_scan + 1) c
		window w as (partition by acc.n order by c.last_at desc, c.id desc)),
	edge as (
		select e.last_at, e.id from look e where e.k = p_scan and e.more
		 order by e.last_at desc, e.id desc limit 1)
	select array_agg(c.id order by c.last_at desc, c.id desc), array_agg(c.last_at order by c.last_at desc, c.id desc),
	       (select e.last_at from edge e), (select e.id from edge e)
	  into v_look, v_at, v_edge, v_edge_id
	  from look c
	 where (c.last_at, c.id) >= (coalesce((select e.last_at from edge e), '-infinity'), coalesce((select e.id from edge e), 0));
	if p_filter = 'failed' then
		v_failed := array(select m.contact_id from dmbox.messages m where m.status = 'failed' and m.outbox_id is not null
		    order by m.received_at desc limit 2000);
	end if;
	for r in
		select c.id, c.last_at, l.sent_at, t.e
		  from (select u.id, u.last_at, u.n from unnest(v_look, v_at) with ordinality as u(id, last_at, n)
		         where v_failed is null or u.id = any (v_failed) order by u.n) c
		  left join dmbox.desk d on d.contact_id = c.id
		 cross join lateral (select m.id, m.sent_at, m.direction, m.status, m.deleted_at from dmbox.messages m
		          where m.contact_id = c.id order by m.sent_at desc, m.id desc limit 1) l
		 cross join lateral (select greatest(least(l.sent_at, c.last_at + c_lag), c.last_at - c_lag) as e) t
		 where (t.e, c.id) < (p_before, p_before_id)
		   and case p_filter
		            when 'unread' then exists (select 1 from dmbox.messages u where u.contact_id = c.id
		                and u.direction = 'inbound' and u.read_at is null and u.deleted_at is null)
		            when 'failed' then dmbox.last_failed(c.id) > 0
		            when 'unanswered' then case
		                when l.direction = 'outbound' and l.status <> 'failed' then false
		                when l.direction = 'inbound' and l.deleted_at is null then l.id > coalesce(d.done_upto, 0)
		                else dmbox.waiting_since(c.id, d.done_upto) is not null end
		            else true end
		 order by c.n
	loop
		v_all := not (v_n >= p_limit and r.last_at < v_floor);
		exit when not v_all;
		v_n := v_n + 1;
		v_ids := v_ids || r.id;
		v_es := v_es || r.e;
		v_sents := v_sents || r.sent_at;
		v_lasts := v_lasts || r.last_at;
		if v_n = p_limit then
			v_floor := r.last_at - 2 * c_lag;	-- what is below it comes after these
		end if;
	end loop;
	if not v_all or v_edge is null then
		v_sure := v_n;
	else
		v_sure := (select count(*) from unnest(v_es) x where x > v_edge + c_lag);
	end if;
	if v_sure < p_limit and v_edge is not null and v_all and v_edge + 3 * c_lag >= v_at[1] then
		p_from := case when v_n > p_limit then v_lasts[p_limit] else v_edge end;
		p_from_id := case when v_n > p_limit then v_ids[p_limit] else v_edge_id end;
		v_next := least(p_before, p_from + c_lag);
		v_next_id := case when p_before <= v_next then p_before_id else 9223372036854775807 end;
		return query select x.id, x.sent, null::text from unnest(v_ids, v_sents) with ordinality as x(id, sent, n) where x.n <= p_limit;
	else
		if v_sure >= p_limit then
			select x.e, x.id into v_next, v_next_id from unnest(v_es, v_ids) as x(e, id)
			 order by x.e desc, x.id desc offset p_limit - 1 limit 1;
		elsif v_edge is not null and v_all then
			v_next := v_edge + c_lag;
			v_next_id := 9223372036854775807;
		end if;
		return query select x.id, x.sent, null::text from unnest(v_ids, v_es, v_sents) as x(id, e, sent)
		 order by x.e desc, x.id desc limit least(v_sure, p_limit);
		if v_sure = p_limit and v_all and v_edge is null then
			v_next := null;		-- these were the last
		end if;
	end if;
	if v_next is not null then
		return query select null::bigint, null::timestamptz, (extract(epoch from v_next) * 1000000)::bigint || '_' || v_next_id
			|| case when p_from <= v_next + c_lag then '_' || (extract(epoch from p_from) * 1000000)::bigint || '_' || p_from_id else '' end;
	end if;
end $$;
comment on function dmbox.desk_slice(text, text[], text[], timestamptz, bigint, timestamptz, bigint, bigint, bigint) is
	'Conversations before a place, newest first; a row without id tells where the list goes on';

-- the same for programs of the release before, by last_at alone: between two pages the order is off
-- by a minute
create or replace function dmbox.desk_page(p_filter text, p_accounts text[], p_channels text[],
	p_before timestamptz, p_before_id bigint, p_limit bigint, p_scan bigint)
returns table (id bigint, at timestamptz, next_at timestamptz, next_id bigint) language sql stable
set enable_seqscan = off as $$
	with look as materialized (
		select c.id, c.last_at, row_number() over w as k, lead(c.id) over w is not null as more
		  from unnest(p_accounts, p_channels) with ordinality as acc(name, ch, n)
		 cross join lateral (select x.id, x.last_at from dmbox.contacts x
		         where x.account = acc.name and x.channel = acc.ch
		           and x.last_at <= p_before and (x.last_at, x.id) < (p_before, p_before_id)
		         order by x.last_at desc, x.id desc limit p_scan + 1) c
		window w as (partition by acc.n order by c.last_at desc, c.id desc)),
	-- below this place not everybody was looked at
	edge as (
		select e.last_at, e.id from look e where e.k = p_scan and e.more
		 order by e.last_at desc, e.id desc limit 1),
	failed as (
		select array(select m.contact_id from dmbox.messages m where m.status = 'failed' and m.outbox_id is not null
		              order by m.received_at desc limit 2000) as ids),
	hits as materialized (
		select c.id, c.last_at, l.sent_at, row_number() over (order by c.last_at desc, c.id desc) as k
		  from (select * from look order by last_at desc, id desc) c
		  left join dmbox.desk d on d.contact_id = c.id
		 cross join lateral (select m.id, m.sent_at, m.direction, m.status, m.deleted_at from dmbox.messages m
		          where m.contact_id = c.id order by m.sent_at desc, m.id desc limit 1) l
		 where c.last_at >= coalesce((select e.last_at from edge e), '-infinity')
		   and (c.last_at, c.id) >= (coalesce((select e.last_at from edge e), '-infinity'), coalesce((select e.id from edge e), 0))
		   and case p_filter
		            when 'unread' then exists (select 1 from dmbox.messages u where u.contact_id = c.id
		                and u.direction = 'inbound' and u.read_at is null and u.deleted_at is null)
		            when 'failed' then c.id = any ((select f.ids from failed f)::bigint[]) and dmbox.last_failed(c.id) > 0
		            when 'unanswered' then case
		                when l.direction = 'outbound' and l.status <> 'failed' then false
		                when l.direction = 'inbound' and l.deleted_at is null then l.id > coalesce(d.done_upto, 0)
		                else dmbox.waiting_since(c.id, d.done_upto) is not null end
		            else true end
		 order by c.last_at desc, c.id desc limit p_limit + 1),
	-- the page's last row, where another follows it
	last as (
		select h.last_at, h.id from hits h where h.k = p_limit and exists (select 1 from hits x where x.k > p_limit)
		union all
		select e.last_at, e.id from edge e where (select count(*) from hits) <= p_limit)
	select h.id, h.sent_at, null::timestamptz, null::bigint from hits h where h.k <= p_limit
	union all
	select null, null, n.last_at, n.id from last n
	 order by 2 desc nulls last, 1 desc
$$;
comment on function dmbox.desk_page(text, text[], text[], timestamptz, bigint, bigint, bigint) is
	'Conversations before a place, newest first; a row without id tells the place where the list goes on';

-- the same for programs of the release before
create or replace function dmbox.desk_list(p_filter text, p_accounts text[], p_channels text[],
	p_before timestamptz, p_before_id bigint, p_limit bigint, p_scan bigint)
returns table (id bigint, at timestamptz, edge timestamptz) language sql stable
set enable_seqscan = off as $$
	with first as (
		select acc.name, acc.ch, k.last_at, k.n
		  from unnest(p_accounts, p_channels) as acc(name, ch)
		 cross join lateral (select min(x.last_at) as last_at, count(*) as n
		          from (select c.last_at from dmbox.contacts c
		                 where c.account = acc.name and c.channel = acc.ch and c.last_at <= p_before
		                 order by c.last_at desc limit p_scan) x) k),
	edge as (select max(f.last_at) filter (where f.n >= p_scan) as at from first f),
	cand as (
		select c.*
		  from first f
		 -- offset 0: looked up by the index for each account, not joined
		 cross join lateral (select x.id, x.last_at from dmbox.contacts x where x.account = f.name and x.channel = f.ch
		          and x.last_at <= p_before and x.last_at >= f.last_at - interval '61 seconds'
		          order by x.last_at desc offset 0) c),
	failed as (
		select array(select m.contact_id from dmbox.messages m where m.status = 'failed' and m.outbox_id is not null
		              order by m.received_at desc limit 2000) as ids)
	select c.id, l.sent_at, (select e.at from edge e)
	  from cand c
	  left join dmbox.desk d on d.contact_id = c.id
	 cross join lateral (select m.id, m.sent_at, m.direction, m.status, m.deleted_at from dmbox.messages m
	          where m.contact_id = c.id order by m.sent_at desc, m.id desc limit 1) l
	 where (l.sent_at, c.id) < (p_before, p_before_id)
	   and l.sent_at >= coalesce((select e.at from edge e), '-infinity')
	   and case p_filter
	            when 'unread' then exists (select 1 from dmbox.messages u where u.contact_id = c.id
	                and u.direction = 'inbound' and u.read_at is null and u.deleted_at is null)
	            when 'failed' then c.id = any ((select f.ids from failed f)::bigint[]) and dmbox.last_failed(c.id) > 0
	            when 'unanswered' then case
	                when l.direction = 'outbound' and l.status <> 'failed' then false
	                when l.direction = 'inbound' and l.deleted_at is null then l.id > coalesce(d.done_upto, 0)
	                else dmbox.waiting_since(c.id, d.done_upto) is not null end
	            else true end
	union all
	select null, null, e.at from edge e
	 order by 2 desc nulls last, 1 desc limit p_limit
$$;
comment on function dmbox.desk_list(text, text[], text[], timestamptz, bigint, bigint, bigint) is
	'Conversations before a place, newest first; a row without id tells the edge where a bounded look ended';

-- mine, done, a label: those of dmbox.desk, which has what people touched only
create or replace function dmbox.desk_own(p_filter text, p_who text, p_label text, p_accounts text[], p_channels text[],
	p_before timestamptz, p_before_id bigint, p_limit bigint)
returns table (id bigint, at timestamptz, edge timestamptz) language sql stable as $$
	select c.id, l.sent_at, null::timestamptz
	  from dmbox.desk d
	  join dmbox.contacts c on c.id = d.contact_id
	 cross join lateral (select m.sent_at from dmbox.messages m
	          where m.contact_id = c.id order by m.sent_at desc, m.id desc limit 1) l
	 where (p_label = '' or d.labels @> array[p_label])
	   and (p_filter <> 'mine' or d.assignee = p_who)
	   and (p_filter <> 'done' or d.done_at is not null)
	   and exists (select 1 from unnest(p_accounts, p_channels) as acc(name, ch) where acc.name = c.account and acc.ch = c.channel)
	   and (l.sent_at, c.id) < (p_before, p_before_id)
	   and case p_filter when 'mine' then not dmbox.desk_is_done(d) when 'done' then dmbox.desk_is_done(d)
	            when 'unread' then exists (select 1 from dmbox.messages u where u.contact_id = c.id
	                and u.direction = 'inbound' and u.read_at is null and u.deleted_at is null)
	            when 'failed' then dmbox.last_failed(c.id) > 0
	            when 'unanswered' then not dmbox.desk_is_done(d) and dmbox.waiting_since(c.id, d.done_upto) is not null
	            else true end
	 order by l.sent_at desc, c.id desc limit p_limit
$$;
comment on function dmbox.desk_own(text, text, text, text[], text[], timestamptz, bigint, bigint) is
	'The conversations that somebody took, that are done, or that have a label, before a place, newest first';

create or replace function dmbox.in_scope(c dmbox.contacts, p_accounts text[], p_channels text[]) returns boolean language sql immutable as $$
	select exists (select 1 from unnest(p_accounts, p_channels) as acc(name, ch) where acc.name = c.account and acc.ch = c.channel)
$$;
comment on function dmbox.in_scope(dmbox.contacts, text[], text[]) is 'Is the contact of one of these accounts?';

-- Of each account the 500 contacts that were heard of last are looked at, however many wrote in
-- the same minute.
create or replace function dmbox.desk_counts(p_who text, p_accounts text[], p_channels text[]) returns json
language sql stable set enable_seqscan = off as $$
	with recursive unread as (
		(select m.contact_id, 1 as n from dmbox.messages m
		  where m.direction = 'inbound' and m.read_at is null and m.deleted_at is null and m.contact_id > 0
		  order by m.contact_id limit 1)
		union all
		select x.contact_id, u.n + 1 from unread u cross join lateral (select m.contact_id from dmbox.messages m
		  where m.direction = 'inbound' and m.read_at is null and m.deleted_at is null and m.contact_id > u.contact_id
		  order by m.contact_id limit 1) x where u.n < 100)
	select json_build_object(
		'unanswered', (select count(*) from (select 1 from unnest(p_accounts, p_channels) as acc(name, ch)
			 cross join lateral (select c.id from dmbox.contacts c where c.account = acc.name and c.channel = acc.ch
			         and c.last_at is not null order by c.last_at desc, c.id desc limit 500) c
			  left join dmbox.desk d on d.contact_id = c.id
			 cross join lateral (select m.id, m.direction, m.status, m.deleted_at from dmbox.messages m
			         where m.contact_id = c.id order by m.sent_at desc, m.id desc limit 1) l
			 where case when l.direction = 'outbound' and l.status <> 'failed' then false
			            when l.direction = 'inbound' and l.deleted_at is null then l.id > coalesce(d.done_upto, 0)
			            else dmbox.waiting_since(c.id, d.done_upto) is not null end limit 100) x),
		'mine', (select count(*) from (select 1 from dmbox.desk d join dmbox.contacts c on c.id = d.contact_id
			where d.assignee = p_who and dmbox.in_scope(c, p_accounts, p_channels) and not dmbox.desk_is_done(d) limit 100) x),
		-- of all accounts by the unread messages, else of the contacts heard of last
		'unread', case when not exists (select 1 from dmbox.accounts a where not exists (select 1
				from unnest(p_accounts, p_channels) as acc(name, ch) where acc.name = a.account and acc.ch = a.channel))
			then (select count(*) from unread)
			else (select count(*) from (select 1 from unnest(p_accounts, p_channels) as acc(name, ch)
			 cross join lateral (select c.id from dmbox.contacts c where c.account = acc.name and c.channel = acc.ch
			         and c.last_at is not null order by c.last_at desc, c.id desc limit 500) c
			 where exists (select 1 from dmbox.messages u where u.contact_id = c.id
			         and u.direction = 'inbound' and u.read_at is null and u.deleted_at is null) limit 100) x) end,
		'failed', (select count(distinct x.contact_id) from (select m.contact_id from dmbox.messages m
			where m.status = 'failed' and m.outbox_id is not null order by m.received_at desc limit 200) x
			join dmbox.contacts c on c.id = x.contact_id
			where dmbox.in_scope(c, p_accounts, p_channels) and dmbox.last_failed(x.contact_id) > 0))
$$;
comment on function dmbox.desk_counts(text, text[], text[]) is 'How many conversations there are to do; above 99: 100';

-- Search ---------------------------------------------------------------------------------

/*
 * The beginnings of the forms that a typed word may have, by Snowball's stem, with the vowel that
 * comes and goes before the last consonant (чашка, чашек); ё is written е.
 */
create or replace function dmbox.search_forms(p_word text) returns text[] language plpgsql immutable as $$
declare
	w text := replace(lower(p_word), 'ё', 'е');
	s text := (ts_lexize(case when w ~ '[а-я]' then 'russian_stem' else 'english_stem' end::regdictionary, w))[1];
	k constant text := '[бвгджзклмнпрстфхцчшщ]';
begin
	if s is null or length(s) < 3 or position(s in w) <> 1 then
		return array[w];	-- a stop word, or one that its stem does not begin
	end if;
	if length(s) >= 4 and s ~ (k || '[кцнлр]$') then
		return array[s, left(s, -1) || 'е' || right(s, 1), left(s, -1) || 'о' || right(s, 1)];
	end if;
	if length(s) >= 5 and s ~ (k || '[ео][кцнлр]$') then
		return array[s, left(s, -2) || right(s, 1)];
	end if;
	return array[s];
end $$;
comment on function dmbox.search_forms(text) is 'Beginnings of the forms of a typed word';

-- Those forms as a part of a tsquery of the configuration simple, which is what the index has: each
-- е also as ё.
create or replace function dmbox.search_word(p_word text) returns text language plpgsql immutable as $$
declare
	v text[] := dmbox.search_forms(p_word);
	s text;
begin
	foreach s in array v loop
		for i in 1 .. least(length(s), 12) loop
			if substr(s, i, 1) = 'е' then
				v := v || (left(s, i - 1) || 'ё' || substr(s, i + 1));
			end if;
		end loop;
	end loop;
	return '(' || (select string_agg('''' || replace(replace(x, E'\\', E'\\\\'), '''', '''''') || ''':*', ' | ') from unnest(v) x) || ')';
end $$;
comment on function dmbox.search_word(text) is 'A typed word as a part of a tsquery: all words with its stem, е and ё alike';

-- Of those that begin with a stem only what is a form of the word, or goes on with what was typed.
create or replace function dmbox.search_fits(p_body text, p_words text[]) returns boolean language sql immutable as $$
	select not exists (select 1 from unnest(p_words) w
		where position(w in replace(lower(p_body), 'ё', 'е')) = 0
		  and (not exists (select 1 from unnest(dmbox.search_forms(w)) f where position(f in replace(lower(p_body), 'ё', 'е')) > 0)
		       or not tsvector_to_array(to_tsvector('russian', replace(lower(left(p_body, 20000)), 'ё', 'е')))
		            && dmbox.search_forms(w)))
$$;
comment on function dmbox.search_fits(text, text[]) is 'Has the text each word, or a form of it?';

create or replace function dmbox.desk_search(p_accounts text[], p_channels text[], p_query text)
returns table (contact_id bigint, message_id bigint) language plpgsql stable
-- planned without the query's words: a plan that reads the table is never the better one
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
	v_words text[] := array(select replace(lower(x), 'ё', 'е') from regexp_split_to_table(left(p_query, 500), '[[:space:]]+') x where x ~ '[^[:punct:]]' limit 8);
	v_query tsquery := to_tsquery('simple', (select string_agg(dmbox.search_word(x), ' & ') from unnest(v_words) x));
	v_digits text := regexp_replace(p_query, '[^[:digit:]]', '', 'g');
	v_forms text[] := dmbox.search_forms(v_words[1]);
	-- what begins with a stem of four letters is hardly another word
	v_short text[] := array(select x from unnest(v_words) x where length((dmbox.search_forms(x))[1]) < 4);
	v_upto bigint := (select k.upto from dmbox.word_marks k where k.only_row);
	v_share integer := 500 / least(greatest(cardinality(p_accounts), 1), 5);	-- of an account
	v_ids bigint[];
	v_whose text[];
	v_late bigint[];	-- older than those, but without their words yet (dmbox.search)
begin
	if dmbox.is_phone(p_query) and length(v_digits) >= 4 then
		return query select p, null::bigint from dmbox.phone_contacts(p_accounts, p_channels, p_query) p;
		return query select c.id, null::bigint from dmbox.contacts c
		 where v_digits ~ '^[1-9][0-9]{0,17}$' and c.id = v_digits::bigint and c.account = any (p_accounts) and c.channel = any (p_channels);
	end if;
	return query select c.id, null::bigint from unnest(p_accounts, p_channels) as acc(name, ch)
	  join dmbox.contacts c on c.account = acc.name and c.channel = acc.ch
	   and c.external_id in (trim(p_query), regexp_replace(trim(p_query), '^@', ''));
	return query select m.contact_id, m.id from unnest(p_accounts, p_channels) as acc(name, ch)
	  join dmbox.messages m on m.account = acc.name and m.channel = acc.ch and m.thread_id = '' and m.external_id = trim(p_query)
	 where m.contact_id is not null;
	if v_query is null then
		return;
	end if;
	return query select c.id, null::bigint from dmbox.contacts c
	 where to_tsvector('simple', coalesce(c.name, '') || ' ' || coalesce(c.username, '')) @@ v_query
	   and c.account = any (p_accounts) and c.channel = any (p_channels)
	 limit 500;
	-- the newest of all first: what is frequent is among them (dmbox.search_too_many)
	select array_agg(x.id), array_agg(x.whose) into v_ids, v_whose
	  from (select m.id, m.channel || '/' || m.account as whose
	          from (select x.id, x.body, x.channel, x.account from dmbox.messages x order by x.id desc limit 3000) m
	         where m.account = any (p_accounts) and m.channel = any (p_channels)
	           and position(v_forms[1] in replace(lower(m.body), 'ё', 'е')) > 0
	           and to_tsvector('simple', left(m.body, 100000)) @@ v_query limit 300) x;
	v_late := array(select m.id
	  from (select x.id, x.body, x.channel, x.account from dmbox.messages x where x.id > v_upto order by x.id desc offset 3000 limit 30000) m
	 where m.account = any (p_accounts) and m.channel = any (p_channels)
	   and position(v_forms[1] in replace(lower(m.body), 'ё', 'е')) > 0
	   and to_tsvector('simple', left(m.body, 100000)) @@ v_query limit 300);
	v_ids := v_ids || array(select w.message_id from unnest(p_accounts, p_channels) as acc(name, ch)
	 cross join lateral (select i.message_id from dmbox.message_words i
	        where i.words @@ dmbox.words_query(acc.ch, acc.name, v_query) limit v_share) w
	 where not dmbox.search_too_many((select count(*) from unnest(v_whose) x where x = acc.ch || '/' || acc.name)));
	return query select m.contact_id, m.id from dmbox.messages m
	 where m.id = any (v_ids || v_late) and m.deleted_at is null and m.contact_id is not null
	   and m.account = any (p_accounts) and m.channel = any (p_channels)
	   and (v_short = '{}' or dmbox.search_fits(m.body, v_short));
end $$;
comment on function dmbox.desk_search(text[], text[], text) is
	'Contacts, some more than once, whose name, number, id or message (message_id) a search means; of frequent words the newest';

-- What people write ---------------------------------------------------------------------

create or replace function dmbox.desk_touch(p_contact bigint) returns void language sql volatile as $$
	insert into dmbox.desk (contact_id, change_id)
	select c.id, dmbox.next_change() from dmbox.contacts c where c.id = p_contact
	    on conflict (contact_id) do update set change_id = excluded.change_id
$$;
comment on function dmbox.desk_touch(bigint) is 'The conversation changed';

-- p_done, p_assign null: stays; p_assign '': nobody
create or replace function dmbox.desk_set(p_contact bigint, p_done boolean, p_assign text, p_add text[], p_remove text[])
returns boolean language plpgsql as $$
declare
	-- a label that there is already in other letters ("VIP", "vip") is that one
	v_add text[] := array(select coalesce((select l.name from dmbox.labels l
		where lower(l.name) = lower(x) order by l.name <> x, l.name limit 1), x) from unnest(p_add) with ordinality as u(x, n) order by n);
begin
	perform dmbox.desk_touch(p_contact);
	insert into dmbox.labels (name) select distinct x from unnest(v_add) x on conflict do nothing;
	update dmbox.desk d
	   set done_at = case when p_done is null then d.done_at when p_done then now() end,
	       done_upto = case when p_done is null then d.done_upto
	                        when p_done then coalesce((select max(m.id) from dmbox.messages m where m.contact_id = p_contact
	                             and m.sent_at > now() - interval '30 days'), (select max(m.id) from dmbox.messages m), 0) end,
	       assignee = case when p_assign is null then d.assignee else nullif(p_assign, '') end,
	       labels = array(select x from unnest(d.labels || v_add) with ordinality as u(x, n)
	                       where x <> all (coalesce(p_remove, '{}')) group by x order by min(n))
	 where d.contact_id = p_contact;
	return found;
end $$;
comment on function dmbox.desk_set(bigint, boolean, text, text[], text[]) is 'Done, who answers, labels; false: there is no such conversation';

create or replace function dmbox.note_add(p_contact bigint, p_author text, p_body text) returns bigint language plpgsql as $$
declare
	v_id bigint;
begin
	insert into dmbox.notes (contact_id, author, body)
	select c.id, p_author, p_body from dmbox.contacts c where c.id = p_contact returning id into v_id;
	perform dmbox.desk_touch(p_contact) where v_id is not null;
	return v_id;
end $$;
comment on function dmbox.note_add(bigint, text, text) is 'A private note; null: there is no such conversation';

create or replace function dmbox.note_delete(p_id bigint, p_author text) returns boolean language plpgsql as $$
declare
	v_contact bigint;
begin
	delete from dmbox.notes n where n.id = p_id and n.author = p_author returning n.contact_id into v_contact;
	perform dmbox.desk_touch(v_contact) where v_contact is not null;
	return v_contact is not null;
end $$;
comment on function dmbox.note_delete(bigint, text) is 'Takes one''s own note back; false: it is not there, or another''s';

-- what is noted of a person goes with the person
create or replace function dmbox.desk_forget() returns trigger language plpgsql as $$
begin
	delete from dmbox.gone where gone_at < now() - interval '90 days';
	insert into dmbox.gone (contact_id, change_id) select g.id, dmbox.next_change() from gone g;
	delete from dmbox.notes where contact_id in (select id from gone);
	delete from dmbox.desk where contact_id in (select id from gone);
	-- the poller removes the file, then the row
	update dmbox.avatars set state = 'erased' where contact_id in (select id from gone);
	return null;
end $$;
comment on function dmbox.desk_forget() is 'Notes, labels and the picture of a deleted contact go, and the feed tells of it';
drop trigger if exists contacts_desk_forget on dmbox.contacts;
create trigger contacts_desk_forget after delete on dmbox.contacts referencing old table as gone
	for each statement execute function dmbox.desk_forget();
