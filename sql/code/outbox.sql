-- The outbox.
--
-- The state machine of dmbox.outbox (ARCHITECTURE.md 4) stands here, one function a
-- step, so that each step is one round trip and one transaction.  lib/store/outbox.c
-- is the only caller.  Locks are always taken in this order: the advisory lock
-- of the provider's message id (the same one that ingest takes), the outbox
-- row, the contact, messages, account_state.
--
--   queued -> leased -> sent | accepted | queued(next_at) | unknown | failed | dead
--
-- A conversation is account + channel + person, by any of whose ids one may send
-- (contact_all).  Its messages leave in the order of their ids: a message waits for
-- every earlier one that is queued or leased.  An earlier one of unknown outcome holds it back for two minutes
-- at providers that can tell (echo or look-up), not at others: it may stay
-- unknown for ever.  Actions (typing, seen, reactions) hold no message back.

-- upload_of: the id in an attachment's reference "upload:N"; null where it is something else.
-- In a case, since the order of conditions is the planner's choice.
create or replace function dmbox.upload_of(p_ref text) returns bigint
language sql immutable as $$
	select case when p_ref ~ '^upload:[0-9]{1,18}$' then substr(p_ref, 8)::bigint end
$$;

create or replace function dmbox.outbox_look(p_id bigint) returns setof dmbox.outbox_view
language sql stable as $$
	select id, coalesce(message_id, 0), state, external_id, error_code, error_text
	  from dmbox.outbox where id = p_id
$$;

-- window_until: when a contact's window of p_window_s closes.  Not only messages
-- open it: whatever the person did (a reaction, a button, an ig.me link, an
-- opt-in) may, and a click on an ad opens it for seven days.  What is only
-- possible counts as open: the provider decides.  Null: nothing is known.
create or replace function dmbox.window_until(p_account text, p_channel text, p_contact text,
	p_window_s integer) returns timestamptz
language sql stable as $$
	select greatest(c.last_inbound_at + make_interval(secs => p_window_s),
		(select max(e.occurred_at + make_interval(secs => case
		          when e.kind = 'referral' and (e.raw #>> '{referral,source}' = 'ADS'
		               or e.raw #> '{referral,ad_id}' is not null)
		          then greatest(p_window_s, 604800) else p_window_s end))
		   from dmbox.events e
		  where e.contact_id = c.id and e.account = p_account and e.channel = p_channel
		    and e.direction = 'inbound' and e.effect in ('none', 'react')	-- events_opens_idx
		    and e.kind not in ('read', 'status', 'unsend', 'edit', 'handover', 'system', 'preference', 'contact')
		    and e.occurred_at > now() - interval '8 days'),
		(select max(m.sent_at) + interval '7 days' from dmbox.messages m
		  where m.contact_id = c.id and m.direction = 'inbound'
		    and m.sent_at > now() - interval '8 days'
		    and (m.detail #>> '{referral,source}' = 'ADS' or m.detail #> '{referral,ad_id}' is not null)))
	  from dmbox.contacts c
	 where c.account = p_account and c.channel = p_channel
	   and c.external_id = dmbox.contact_of(p_account, p_channel, p_contact)
	   and c.last_inbound_at is not null
$$;

-- outbox_put: rows for all parts of a request, or what stands there already.
-- verdict: ok, dup (same key, same request), other (same key, another
-- request), window (closed_at tells when the 24-hour window closed).
create or replace function dmbox.outbox_put(p_account text, p_channel text, p_provider text,
	p_own_id text, p_caller text, p_key text, p_fingerprint text, p_window_s integer,
	p_parts jsonb)
returns table (verdict text, closed_at timestamptz, id bigint, message_id bigint, state text,
	external_id text, error_code text, error_text text)
language plpgsql as $$
#variable_conflict use_column
declare
	v_part    jsonb;
	v_n       integer;
	v_id      bigint;
	v_first   bigint;
	v_contact bigint;
	v_message bigint;
	v_closed  timestamptz;
begin
	if p_window_s > 0 and not exists (select 1 from dmbox.outbox o
	     where o.caller = p_caller and o.idempotency_key = p_key) then
		select c.last_inbound_at + make_interval(secs => p_window_s) into v_closed
		  from dmbox.contacts c
		 where c.account = p_account and c.channel = p_channel
		   and c.external_id = dmbox.contact_of(p_account, p_channel, p_parts -> 0 ->> 'recipient');
		if v_closed < now() then	-- by its messages; asked further only then
			v_closed := dmbox.window_until(p_account, p_channel, p_parts -> 0 ->> 'recipient', p_window_s);
		end if;
		if v_closed < now() then
			return query select 'window', v_closed, 0::bigint, 0::bigint, '', '', '', '';
			return;
		end if;
	end if;
	for v_part, v_n in
		select t.value, t.ordinality::integer - 1
		  from jsonb_array_elements(p_parts) with ordinality t
	loop
		insert into dmbox.outbox (account, channel, provider, caller, idempotency_key, part,
			fingerprint, recipient_id, thread_id, body, attachments, reply_to, human_agent,
			action, reaction, expires_at, first_id)
		values (p_account, p_channel, p_provider, p_caller, p_key, v_n, p_fingerprint,
			v_part ->> 'recipient', coalesce(v_part ->> 'thread', ''), v_part ->> 'body',
			v_part -> 'attachments', v_part ->> 'reply_to',
			coalesce((v_part ->> 'human_agent')::boolean, false),
			v_part ->> 'action', v_part ->> 'reaction',
			now() + make_interval(secs => (v_part ->> 'ttl_s')::integer), v_first)
		on conflict (caller, idempotency_key, part) where idempotency_key is not null
		do nothing returning id into v_id;
		if not found then
			-- the first part is there: so is the whole request, committed
			return query
			select case when o.fingerprint is distinct from p_fingerprint then 'other' else 'dup' end,
			       null::timestamptz, o.id, coalesce(o.message_id, 0), o.state, o.external_id,
			       o.error_code, o.error_text
			  from dmbox.outbox o
			 where o.caller = p_caller and o.idempotency_key = p_key
			 order by o.part;
			return;
		end if;
		if v_first is null and jsonb_array_length(p_parts) > 1 then
			v_first := v_id;
			update dmbox.outbox o set first_id = v_id where o.id = v_id;
		end if;
		v_message := null;
		if v_part ->> 'action' is null then
			if v_contact is null then
				perform pg_advisory_xact_lock_shared(25709, 0);	-- dmbox.purge_contact
				insert into dmbox.contacts as c (account, channel, external_id, last_at)
				values (p_account, p_channel, dmbox.contact_of(p_account, p_channel, v_part ->> 'recipient'), now())
				on conflict (account, channel, external_id)
				do update set last_at = greatest(c.last_at, excluded.last_at)
				returning id into v_contact;
			end if;
			insert into dmbox.messages (account, channel, thread_id, provider, external_id,
				contact_id, sender_id, recipient_id, direction, kind, body, reply_to, status,
				sent_at, sent_at_known, received_at, source, outbox_id)
			values (p_account, p_channel, coalesce(v_part ->> 'thread', ''), p_provider,
				'out:' || v_id, v_contact, p_own_id, v_part ->> 'recipient', 'outbound',
				coalesce(v_part -> 'attachments' -> 0 ->> 'type', 'text'), v_part ->> 'body',
				v_part ->> 'reply_to', 'queued', clock_timestamp(), false, clock_timestamp(),
				'send', v_id)
			returning id into v_message;
			insert into dmbox.attachments (account, message_id, position, type, url, name, mime_type, state,
				ref, bytes, sha256, local_path)
			select p_account, v_message, (a.ordinality - 1)::integer, a.value ->> 'type',
			       case when u.id is null then a.value ->> 'url' end, a.value ->> 'name', a.value ->> 'mime',
			       case when u.id is null then dmbox.attachment_state(a.value ->> 'type', a.value ->> 'url', null, null)
			            else 'done' end,
			       case when u.id is not null then a.value ->> 'ref' end, u.bytes, u.sha256, u.local_path
			  from jsonb_array_elements(v_part -> 'attachments') with ordinality a
			  left join dmbox.uploads u on u.id = dmbox.upload_of(a.value ->> 'ref');
			update dmbox.uploads u set contact_id = v_contact
			 where u.id in (select dmbox.upload_of(a.value ->> 'ref')
			                  from jsonb_array_elements(v_part -> 'attachments') a);
			update dmbox.outbox o set message_id = v_message where o.id = v_id;
		end if;
		return query select 'ok', null::timestamptz, l.* from dmbox.outbox_look(v_id) l;
	end loop;
end $$;

-- The token that the poller refreshed for an account, while it lives.
create or replace function dmbox.outbox_token(p_account text, p_channel text) returns text
language sql stable as $$
	select token from dmbox.account_state
	 where account = p_account and channel = p_channel
	   and (token_expires_at is null or token_expires_at > now())
$$;

-- outbox_lease: lease due rows of one account, oldest first.  No attempt is
-- begun: a sender that ends before its request leaves a queued row, not an
-- unknown one (outbox_begin).  A contact that got p_per_minute messages within a
-- minute waits (two bots answering each other); such a row comes back once with
-- guarded = true, not leased.  A row in doubt is not due before the provider was
-- asked.  While the account is refused for reasons that do not say whose fault it is,
-- rows that were refused three times let others be tried.
create or replace function dmbox.outbox_lease(p_account text, p_channel text, p_only bigint,
	p_max integer, p_lease_s integer, p_claim uuid, p_can_tell text[], p_per_minute integer)
returns table (guarded boolean, id bigint, recipient_id text, thread_id text, body text,
	attachments jsonb, reply_to text, human_agent boolean, action text, reaction text,
	attempts integer, created_at timestamptz, attempt_started_at timestamptz, token text)
language plpgsql as $$
#variable_conflict use_column
declare
	q       dmbox.outbox;
	v_n     integer := 0;
	v_token text := dmbox.outbox_token(p_account, p_channel);
	s       dmbox.account_state;
	v_below integer := 2147483647;
begin
	select x.* into s from dmbox.account_state x where x.account = p_account and x.channel = p_channel;
	if s.pause_until > now() or s.send_pause_until > now() then
		return;
	end if;
	if p_only <> 0 then	-- another's claim of this very row is waited for, so that its lease shows
		perform 1 from dmbox.outbox o where o.id = p_only for update;
	end if;
	if s.send_failures > 0 and exists (select 1 from dmbox.outbox o
	     where o.account = p_account and o.channel = p_channel and o.state = 'queued'
	       and o.refusals >= 3 and o.next_at <= now())
	   and exists (select 1 from dmbox.outbox o
	     where o.account = p_account and o.channel = p_channel and o.state = 'queued'
	       and o.refusals < 3 and o.next_at <= now()
	       and not exists (select 1 from dmbox.outbox e
	            where e.account = o.account and e.channel = o.channel
	              and e.recipient_id = any (dmbox.contact_all(o.account, o.channel, o.recipient_id))
	              and e.id < o.id and e.refusals >= 3
	              and e.state = 'queued')) then
		v_below := 3;
	end if;
	for q in
		select o.* from dmbox.outbox o
		 where o.account = p_account and o.channel = p_channel and o.state = 'queued'
		   and o.next_at <= now() and (o.expires_at is null or o.expires_at > now())
		   and (o.doubt_at is null or o.asked_at is not null) and o.refusals < v_below
		   and (p_only = 0 or o.id = p_only)
		   -- a scalar query, not an exists: that would be joined with the whole queue
		   and (select e.id from dmbox.outbox e
		         where e.account = o.account and e.channel = o.channel
		           and e.recipient_id = any (dmbox.contact_all(o.account, o.channel, o.recipient_id))
		           and e.id < o.id and e.state in ('queued', 'leased', 'unknown')
		           and (e.action is null or o.action is not null)
		           and (e.state <> 'unknown' or e.provider = any (p_can_tell)
		                and e.attempt_started_at > now() - interval '2 minutes')
		         limit 1) is null
		 order by o.id
		 limit 20	-- so that the index is walked only as far as need be
		   for update of o skip locked
	loop
		if q.action is null and (select count(*) from dmbox.outbox r
		     where r.account = q.account and r.channel = q.channel and r.action is null
		       and r.recipient_id = any (dmbox.contact_all(q.account, q.channel, q.recipient_id))
		       and r.attempt_started_at > now() - interval '1 minute') >= p_per_minute then
			update dmbox.outbox o
			   set next_at = now() + interval '20 seconds', error_code = 'loop_guard',
			       error_text = 'more than ' || p_per_minute || ' messages a minute to this contact'
			 where o.id = q.id;
			return query select true, q.id, q.recipient_id, q.thread_id, null::text, null::jsonb,
			       null::text, false, null::text, null::text, q.attempts, q.created_at, now(), null::text;
			continue;
		end if;
		update dmbox.outbox o
		   set state = 'leased', lease_until = clock_timestamp() + make_interval(secs => p_lease_s),
		       claim_id = p_claim, attempt_started_at = null
		 where o.id = q.id;
		return query select false, q.id, dmbox.contact_address(q.account, q.channel, q.recipient_id),
		       q.thread_id, q.body, q.attachments,
		       q.reply_to, q.human_agent, q.action, q.reaction, q.attempts, q.created_at,
		       clock_timestamp(), v_token;
		v_n := v_n + 1;
		exit when v_n >= p_max;
	end loop;
end $$;

-- outbox_begin: the request goes out now.  False where the lease is another's:
-- then it must not.
create or replace function dmbox.outbox_begin(p_id bigint, p_claim uuid) returns boolean
language sql as $$
	with r as (
		update dmbox.outbox
		   set attempt_started_at = clock_timestamp(), attempts = attempts + 1
		 where id = p_id and claim_id = p_claim and state = 'leased' and attempt_started_at is null
		returning 1)
	select exists (select 1 from r)
$$;

-- outbox_hold: a file is handed over before the attempt begins; nobody else takes the row
-- for so long.  False where the lease is another's.
create or replace function dmbox.outbox_hold(p_id bigint, p_claim uuid, p_lease_s integer) returns boolean
language sql as $$
	with r as (
		update dmbox.outbox set lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
		 where id = p_id and claim_id = p_claim and state = 'leased' and attempt_started_at is null
		returning 1)
	select exists (select 1 from r)
$$;

-- outbox_claim: both, as release 0.1 calls it.
create or replace function dmbox.outbox_claim(p_account text, p_channel text, p_only bigint, p_max integer,
	p_lease_s integer, p_claim uuid, p_can_tell text[], p_per_minute integer)
returns table (guarded boolean, id bigint, recipient_id text, thread_id text, body text,
	attachments jsonb, reply_to text, human_agent boolean, action text, reaction text,
	attempts integer, created_at timestamptz, attempt_started_at timestamptz, token text)
language plpgsql as $$
#variable_conflict use_column
declare
	r record;
begin
	for r in select * from dmbox.outbox_lease(p_account, p_channel, p_only, p_max, p_lease_s, p_claim,
		p_can_tell, p_per_minute)
	loop
		if not r.guarded then
			perform dmbox.outbox_begin(r.id, p_claim);
		end if;
		return query select r.guarded, r.id, r.recipient_id, r.thread_id, r.body, r.attachments,
		       r.reply_to, r.human_agent, r.action, r.reaction, r.attempts, r.created_at,
		       r.attempt_started_at, r.token;
	end loop;
end $$;

-- The rest of a request whose earlier part will never go out: half an answer
-- is worse than none.
create or replace function dmbox.outbox_drop_rest(o dmbox.outbox, p_state text) returns void
language plpgsql as $$
begin
	if o.first_id is null then
		return;
	end if;
	with r as (
		update dmbox.outbox x
		   set state = p_state, settled_at = clock_timestamp(), error_code = 'earlier_part_failed',
		       error_text = 'an earlier part of the same request was not sent'
		 where x.account = o.account and x.channel = o.channel and x.recipient_id = o.recipient_id
		   and x.first_id = o.first_id and x.id > o.id and x.state = 'queued'
		returning x.message_id)
	update dmbox.messages m set status = 'failed' from r where m.id = r.message_id;
end $$;

-- A row's message becomes what the provider knows as p_ext (null: it gave no
-- id).  An echo that was stored first is merged into it: one row, with the
-- echo's delivery and all that happened to it.
create or replace function dmbox.outbox_delivered(o dmbox.outbox, p_ext text, p_status text) returns void
language plpgsql as $$
declare
	m       dmbox.messages;
	e       dmbox.messages;
	v_at    timestamptz := coalesce(o.attempt_started_at, clock_timestamp());
	v_found boolean := false;
begin
	update dmbox.contacts c
	   set last_outbound_at = greatest(c.last_outbound_at, v_at), last_at = greatest(c.last_at, v_at)
	  from dmbox.messages x
	 where x.id = o.message_id and c.id = x.contact_id;
	select * into m from dmbox.messages where id = o.message_id for update;
	if not found then
		return;		-- an action, or purged meanwhile
	end if;
	if p_ext is not null then
		select * into e from dmbox.messages x
		 where x.account = m.account and x.channel = m.channel and x.thread_id = m.thread_id
		   and x.external_id = p_ext and x.id <> m.id
		   for update;
		v_found := found;
		if not v_found and m.thread_id like '%@%' then	-- under the other name of its chat
			select * into e from dmbox.messages x
			 where x.id = dmbox.message_twin(m.account, m.channel, m.thread_id, p_ext)
			   and x.direction = 'outbound' and x.outbox_id is null
			   for update;
			v_found := found;
		end if;
	end if;
	if v_found and e.outbox_id is not null and e.outbox_id <> o.id then
		-- matched by its text to another row before our answer came: that one is
		-- unknown again, the echo is ours
		update dmbox.outbox x
		   set state = 'unknown', external_id = null, settled_at = null, next_at = clock_timestamp()
		 where x.id = e.outbox_id and x.state in ('sent', 'accepted');
		update dmbox.messages x
		   set external_id = 'out:' || e.outbox_id, status = 'unknown', delivery_id = null
		 where x.id = e.id;
		m.delivery_id := e.delivery_id;
	elsif v_found then
		if e.contact_id <> m.contact_id then
			perform dmbox.contacts_noted(m.contact_id, e.contact_id);
		end if;
		update dmbox.reactions r set message_id = m.id where r.message_id = e.id
		   and not exists (select 1 from dmbox.reactions k
		        where k.message_id = m.id and k.contact_id = r.contact_id);
		delete from dmbox.reactions r where r.message_id = e.id;
		update dmbox.message_edits v set message_id = m.id where v.message_id = e.id
		   and not exists (select 1 from dmbox.message_edits k
		        where k.message_id = m.id and k.version = v.version);
		delete from dmbox.message_edits v where v.message_id = e.id;
		if e.deleted_at is not null
		   or exists (select 1 from dmbox.attachments a where a.message_id = e.id) then
			-- what we uploaded is here: the provider's copy of it is not fetched
			if e.deleted_at is null and exists (select 1 from dmbox.attachments a
			        where a.message_id = m.id and a.ref like 'upload:%') then
				delete from dmbox.attachments a where a.message_id = e.id;
			else
				delete from dmbox.attachments a where a.message_id = m.id;
			end if;
		end if;
		update dmbox.attachments a set message_id = m.id where a.message_id = e.id;
		delete from dmbox.messages x where x.id = e.id;
		m.delivery_id := coalesce(e.delivery_id, m.delivery_id);
		if e.sent_at_known then
			m.sent_at := e.sent_at;
			m.sent_at_known := true;
		end if;
		if e.deleted_at is not null then
			m.body := null;
			m.detail := null;
		else
			m.body := case when e.edited_at is not null then e.body else m.body end;
			m.detail := coalesce(m.detail, e.detail);
		end if;
		m.edited_at := coalesce(e.edited_at, m.edited_at);
		m.deleted_at := coalesce(e.deleted_at, m.deleted_at);
		m.delivered_at := coalesce(e.delivered_at, m.delivered_at);
		m.read_at := coalesce(e.read_at, m.read_at);
		m.reply_to := coalesce(m.reply_to, e.reply_to);
		if e.status in ('delivered', 'read') then
			m.status := e.status;
		end if;
	end if;
	if not m.sent_at_known then
		m.sent_at := v_at;
	end if;
	update dmbox.messages x
	   set external_id = coalesce(p_ext, x.external_id), delivery_id = m.delivery_id,
	       sent_at = m.sent_at, sent_at_known = m.sent_at_known, body = m.body,
	       detail = m.detail, edited_at = m.edited_at, deleted_at = m.deleted_at,
	       delivered_at = m.delivered_at, read_at = m.read_at, reply_to = m.reply_to,
	       status = case when m.status in ('delivered', 'read') then m.status else p_status end
	 where x.id = m.id;
	if p_ext is not null then
		perform dmbox.apply_target(m.account, m.channel, m.thread_id, p_ext);
	end if;
end $$;

-- Our own reaction, once the provider took it: contact 0 is us.
create or replace function dmbox.outbox_reacted(o dmbox.outbox) returns void
language sql as $$
	insert into dmbox.reactions as r (account, message_id, contact_id, emoji, reacted_at, removed_at)
	select o.account, m.id, 0,
	       case when o.action = 'react' and o.reaction = 'love' then E'\u2764\uFE0F'
	            when o.action = 'react' then o.reaction end,
	       case when o.action = 'react' then now() end,
	       case when o.action = 'unreact' then now() end
	  from dmbox.messages m
	 where m.account = o.account and m.channel = o.channel and m.thread_id = o.thread_id
	   and m.external_id = o.reply_to
	on conflict (message_id, contact_id) do update
	   set emoji = coalesce(excluded.emoji, r.emoji),
	       reacted_at = coalesce(excluded.reacted_at, r.reacted_at),
	       removed_at = excluded.removed_at
$$;

-- outbox_rest: for how long an account's sends rest after a refusal, and
-- which row waits.  Seconds for the account, 0 none.  Without p_unclear the
-- account is refused as a whole and the pause grows while it is.  With it, one
-- message alone may be to blame: a row refused again although others went out
-- in between waits by itself, and the first refusal after a success stops
-- nobody else.
create or replace function dmbox.outbox_rest(o dmbox.outbox, p_pause_s integer, p_unclear boolean)
returns integer
language plpgsql as $$
declare
	s dmbox.account_state;
begin
	insert into dmbox.account_state as x (account, channel) values (o.account, o.channel)
	on conflict (account, channel) do nothing;
	select x.* into s from dmbox.account_state x
	 where x.account = o.account and x.channel = o.channel for update;
	if p_unclear then
		update dmbox.outbox x
		   set refusals = x.refusals + 1, refused_at = clock_timestamp()
		 where x.id = o.id;
	end if;
	if p_unclear and s.send_ok_at > o.refused_at then
		update dmbox.outbox x
		   set next_at = clock_timestamp() + make_interval(secs => least(21600, 900 * 2 ^ least(o.refusals, 10)))
		 where x.id = o.id;
		return 0;
	end if;
	update dmbox.account_state x set send_failures = x.send_failures + 1
	 where x.account = o.account and x.channel = o.channel;
	if p_unclear and s.send_failures = 0 and s.send_ok_at > now() - interval '10 minutes' then
		update dmbox.outbox x set next_at = clock_timestamp() + interval '1 minute' where x.id = o.id;
		return 0;
	end if;
	return least(greatest(p_pause_s, 600), least(p_pause_s, 60) * 2 ^ least(s.send_failures, 10));
end $$;

-- outbox_result: what came of an attempt.  Fenced by the claim: no row comes
-- back when it is no longer the caller's.  A row that its expired lease made
-- unknown still takes the truth from the same claim.  p_flags: blocked (mark
-- the contact), doubt (retry, pause: it may have gone out all the same), probe (pause:
-- nobody knows how long), unclear (pause: the message itself may be to blame).
create or replace function dmbox.outbox_result(p_id bigint, p_claim uuid, p_outcome text, p_ext text,
	p_code text, p_text text, p_hint text, p_retry_s integer, p_pause_s integer, p_ms integer,
	p_flags text[], p_breaker integer, p_can_tell text[], p_can_ask text[])
returns table (id bigint, message_id bigint, state text, external_id text, error_code text,
	error_text text, paused_s integer)
language plpgsql as $$
#variable_conflict use_column
declare
	o          dmbox.outbox;
	v_state    text;
	v_failures integer;
	v_pause    integer := p_pause_s;
	v_doubt    boolean;
begin
	select x.* into o from dmbox.outbox x where x.id = p_id;
	if p_ext is not null and found then
		perform dmbox.lock_target(o.account, o.channel, o.thread_id, p_ext);
	end if;
	select x.* into o from dmbox.outbox x where x.id = p_id for update;
	if not found or o.claim_id is distinct from p_claim or o.state not in ('leased', 'unknown') then
		return;
	end if;
	insert into dmbox.send_attempts (account, outbox_id, at, status, error_code, ms)
	values (o.account, o.id, coalesce(o.attempt_started_at, now()), p_outcome, p_code, p_ms);
	if p_outcome = 'unknown' and o.action is not null then
		p_outcome := 'retry';	-- a typing sign or reaction may be repeated without harm
	end if;
	v_doubt := p_outcome in ('retry', 'pause') and 'doubt' = any (p_flags) and o.action is null
	           and o.provider = any (p_can_tell);
	v_state := case p_outcome when 'retry' then 'queued' when 'pause' then 'queued'
	                          when 'refused' then 'failed' else p_outcome end;
	update dmbox.outbox x
	   set state = v_state, lease_until = null,
	       claim_id = case when v_state = 'unknown' then x.claim_id end,
	       settled_at = case when v_state in ('sent', 'accepted', 'failed') then clock_timestamp() end,
	       -- an echo is on its way for some seconds
	       next_at = case when p_outcome = 'retry' then clock_timestamp() + make_interval(secs =>
	                           case when v_doubt then greatest(p_retry_s, 10) else p_retry_s end)
	                      when v_state = 'unknown' then clock_timestamp() + interval '5 seconds'
	                      else x.next_at end,
	       doubt_at = case when v_doubt then coalesce(x.doubt_at, x.attempt_started_at, clock_timestamp())
	                       when v_state in ('queued', 'unknown') then x.doubt_at end,
	       asked_at = case when v_doubt and o.provider <> all (p_can_ask) then clock_timestamp()
	                       when v_doubt then null else x.asked_at end,
	       lookups = case when v_doubt then 0 else x.lookups end,
	       external_id = coalesce(p_ext, x.external_id),
	       error_code = p_code, error_text = p_text, hint = p_hint
	 where x.id = o.id;
	if v_state in ('sent', 'accepted') then
		perform dmbox.outbox_delivered(o, p_ext, v_state);
		if o.action in ('react', 'unreact') then
			perform dmbox.outbox_reacted(o);
		end if;
	else
		update dmbox.messages m set status = v_state where m.id = o.message_id;
	end if;
	if v_state = 'failed' then
		perform dmbox.outbox_drop_rest(o, 'failed');
	end if;
	if 'blocked' = any (p_flags) then
		update dmbox.contacts c set blocked_at = coalesce(c.blocked_at, now())
		 where c.account = o.account and c.channel = o.channel
		   and c.external_id = dmbox.contact_of(o.account, o.channel, o.recipient_id);
	end if;
	-- the breaker: a provider that does not answer is left alone for a while.  A
	-- line that breaks at once costs nothing where the outcome can be learnt.
	if p_outcome = 'retry' or p_outcome = 'unknown'
	   and (p_code = 'timeout' or o.provider <> all (p_can_tell)) then
		insert into dmbox.account_state as s (account, channel, send_failures)
		values (o.account, o.channel, 1)
		on conflict (account, channel) do update set send_failures = s.send_failures + 1
		returning s.send_failures into v_failures;
		if v_failures >= p_breaker then
			v_pause := greatest(v_pause, least(900, 30 * (2 ^ least(v_failures - p_breaker, 5))::integer));
		end if;
	elsif p_outcome = 'pause' and p_flags && '{probe,unclear}' then
		v_pause := dmbox.outbox_rest(o, p_pause_s, 'unclear' = any (p_flags));
	elsif v_state in ('sent', 'accepted') then
		insert into dmbox.account_state as s (account, channel, send_ok_at)
		values (o.account, o.channel, clock_timestamp())
		on conflict (account, channel) do update
		   set send_failures = 0, send_ok_at = clock_timestamp(),
		       send_pause_reason = case when v_pause > 0 then s.send_pause_reason end,
		       send_pause_text = null, send_pause_hint = null
		 where s.send_failures > 0 or s.send_pause_reason is not null or s.send_ok_at is null
		    or s.send_ok_at < clock_timestamp() - interval '10 seconds';
	elsif p_outcome <> 'unknown' then
		update dmbox.account_state s
		   set send_failures = 0, send_pause_reason = case when v_pause > 0 then s.send_pause_reason end
		 where s.account = o.account and s.channel = o.channel
		   and (s.send_failures > 0 or s.send_pause_reason is not null);
	end if;
	if v_pause > 0 then
		insert into dmbox.account_state as s (account, channel, send_pause_until, send_pause_reason,
			send_pause_text, send_pause_hint)
		values (o.account, o.channel, clock_timestamp() + make_interval(secs => v_pause),
			coalesce(p_code, p_outcome), p_text, p_hint)
		on conflict (account, channel) do update
		   set send_pause_until = greatest(s.send_pause_until, excluded.send_pause_until),
		       send_pause_reason = excluded.send_pause_reason,
		       send_pause_text = excluded.send_pause_text, send_pause_hint = excluded.send_pause_hint;
	end if;
	return query select l.*, v_pause from dmbox.outbox_look(p_id) l;
end $$;

-- outbox_settle: outbox_result as release 0.1 calls it.
create or replace function dmbox.outbox_settle(p_id bigint, p_claim uuid, p_outcome text, p_ext text,
	p_code text, p_text text, p_retry_s integer, p_pause_s integer, p_ms integer,
	p_blocked boolean, p_breaker integer, p_can_tell text[])
returns table (id bigint, message_id bigint, state text, external_id text, error_code text,
	error_text text, paused_s integer)
language sql as $$
	select r.id, r.message_id, r.state, r.external_id, r.error_code, r.error_text, r.paused_s
	  from dmbox.outbox_result(p_id, p_claim, p_outcome, p_ext, p_code, p_text, null, p_retry_s,
	       p_pause_s, p_ms, case when p_blocked then '{blocked}'::text[] else '{}' end, p_breaker,
	       p_can_tell, '{}') r
$$;

-- outbox_release: claimed, but nothing was attempted.
create or replace function dmbox.outbox_release(p_id bigint, p_claim uuid) returns boolean
language sql as $$
	with r as (
		update dmbox.outbox set state = 'queued', claim_id = null, lease_until = null,
		       attempts = case when attempt_started_at is null then attempts
		                       else greatest(attempts - 1, 0) end,
		       attempt_started_at = null
		 where id = p_id and claim_id = p_claim and state = 'leased'
		returning 1)
	select exists (select 1 from r)
$$;

-- outbox_failed_later: a row that the provider took and reported as failed.  Where the provider's
-- code reads a remedy in the report ("remedy" in the event's raw), it goes out again (tries: so
-- many attempts in all; grows: waits its powers), the account rests, or the contact is marked.
-- What is told a day late changes nothing but the row.
create or replace function dmbox.outbox_failed_later(o dmbox.outbox, m dmbox.messages) returns void
language plpgsql as $$
declare
	r       jsonb;
	v_wait  integer;
begin
	select e.raw -> 'remedy' into r from dmbox.events e
	 where e.account = m.account and e.channel = m.channel and e.thread_id = m.thread_id
	   and e.target_id = m.external_id and e.effect = 'status' and e.text like 'failed%'
	   and e.occurred_at > now() - interval '1 day'
	 order by e.id desc limit 1;
	update dmbox.outbox x
	   set state = 'failed', error_code = 'failed_later', hint = r ->> 'hint',
	       error_text = coalesce(m.error_text, 'the provider took it and reported later that it failed')
	 where x.id = o.id and x.state in ('sent', 'accepted');
	if not found or r is null then
		return;
	end if;
	update dmbox.contacts c
	   set blocked_at = case when r ->> 'contact' = 'blocked' then coalesce(c.blocked_at, now()) else c.blocked_at end,
	       no_marketing_at = case when r ->> 'contact' = 'no_marketing' then now() else c.no_marketing_at end
	 where c.id = m.contact_id and r ? 'contact';
	if r ? 'pause_s' then
		insert into dmbox.account_state as s (account, channel, send_pause_until, send_pause_reason,
			send_pause_text, send_pause_hint)
		values (o.account, o.channel, now() + make_interval(secs => (r ->> 'pause_s')::integer), r ->> 'code',
			left(m.error_text, 400), r ->> 'hint')
		on conflict (account, channel) do update
		   set send_pause_until = greatest(s.send_pause_until, excluded.send_pause_until),
		       send_pause_reason = excluded.send_pause_reason,
		       send_pause_text = excluded.send_pause_text, send_pause_hint = excluded.send_pause_hint;
	end if;
	if o.attempts >= (r ->> 'tries')::integer or o.action is not null or m.deleted_at is not null
	   or o.expires_at < now() then
		return;
	end if;
	v_wait := greatest(5 * 2 ^ least(o.attempts - 1, 9), coalesce((r ->> 'grows')::integer, 0) ^ least(o.attempts - 1, 5));
	update dmbox.outbox x
	   set state = 'queued', next_at = clock_timestamp() + make_interval(secs => v_wait), settled_at = null,
	       claim_id = null, lookups = 0, doubt_at = null, asked_at = null, external_id = null,
	       error_code = r ->> 'code', failed_ids = array_append(x.failed_ids, m.external_id)
	 where x.id = o.id;
	update dmbox.messages x
	   set status = 'queued', external_id = 'out:' || o.id, error_text = null
	 where x.id = m.id;
end $$;

-- outbox_expire: leases that ran out, queued rows whose time to live is over.
create or replace function dmbox.outbox_expire() returns table (unknown integer, requeued integer, dead integer)
language plpgsql as $$
declare
	o dmbox.outbox;
	s record;
begin
	unknown := 0; requeued := 0; dead := 0;
	-- a lease far ahead was taken before the clock was set back: nobody holds it
	for o in select * from dmbox.outbox x where x.state = 'leased'
	            and (x.lease_until < now() or x.lease_until > now() + interval '1 hour')
	         order by x.id for update skip locked
	loop
		-- a typing sign or reaction may be repeated without harm
		if o.attempt_started_at is null or o.action is not null then
			update dmbox.outbox x set state = 'queued', claim_id = null, lease_until = null
			 where x.id = o.id;
			requeued := requeued + 1;
			continue;
		end if;
		update dmbox.outbox x
		   set state = 'unknown', lease_until = null, next_at = now(), error_code = 'lease_expired',
		       error_text = 'the sender ended during the attempt'
		 where x.id = o.id;
		update dmbox.messages m set status = 'unknown' where m.id = o.message_id;
		insert into dmbox.send_attempts (account, outbox_id, at, status, error_code)
		values (o.account, o.id, o.attempt_started_at, 'unknown', 'lease_expired');
		unknown := unknown + 1;
	end loop;
	for o in select * from dmbox.outbox x where x.state = 'queued' and x.expires_at < now()
	         order by x.id for update skip locked
	loop
		if o.doubt_at is not null then
			-- it may have gone out: that is not the same as never
			update dmbox.outbox x set state = 'unknown', next_at = now(), lookups = 0
			 where x.id = o.id and x.state = 'queued';
			update dmbox.messages m set status = 'unknown' where m.id = o.message_id;
			unknown := unknown + 1;
			continue;
		end if;
		update dmbox.outbox x
		   set state = 'dead', settled_at = now(), error_code = coalesce(x.error_code, 'expired'),
		       error_text = coalesce(x.error_text, 'not sent within its time to live')
		 where x.id = o.id and x.state = 'queued';
		if found then
			update dmbox.messages m set status = 'failed' where m.id = o.message_id;
			perform dmbox.outbox_drop_rest(o, 'dead');
			dead := dead + 1;
		end if;
	end loop;
	-- what providers told of an account as a whole: it cannot send, or can again
	-- (what was told a day ago is not believed for ever: the end may have been lost)
	for s in
		select v.account, v.channel,
		       -- told of one message, in the provider's word: it waits for the end of a limit,
		       -- which is over when it went on afterwards
		       case when v.target_id is null then v.text
		            when exists (
		               select 1 from dmbox.events x
		                where x.account = v.account and x.channel = v.channel
		                  and x.thread_id = v.thread_id and x.target_id = v.target_id
		                  and x.id > v.id and x.effect = 'status' and x.text not like 'failed%')
		            then 'ok' else 'rest: suspended' end as text
		  from (select distinct on (y.account, y.channel) y.*
		          from dmbox.events y
		         where y.kind = 'instance_state' and y.text is not null
		           and y.occurred_at > now() - interval '1 day'
		         order by y.account, y.channel, y.id desc) v
	loop
		if s.text like 'rest: %' then
			insert into dmbox.account_state as k (account, channel, send_pause_until, send_pause_reason, send_pause_hint)
			values (s.account, s.channel, now() + interval '5 minutes', substr(s.text, 7), substr(s.text, 7))
			on conflict (account, channel) do update
			   set send_pause_until = greatest(k.send_pause_until, excluded.send_pause_until),
			       send_pause_reason = excluded.send_pause_reason, send_pause_text = null,
			       send_pause_hint = excluded.send_pause_hint;
		elsif s.text = 'ok' then
			update dmbox.account_state k
			   set send_pause_until = null, send_pause_reason = null, send_pause_text = null, send_pause_hint = null
			 where k.account = s.account and k.channel = s.channel
			   and k.send_pause_reason in ('suspended', 'not_authorized');
		end if;
	end loop;
	-- taken by the provider and failed afterwards, or so it seemed
	perform dmbox.outbox_failed_later(x, m)
	  from dmbox.messages m
	  join dmbox.outbox x on x.id = m.outbox_id and x.state in ('sent', 'accepted')
	 where m.status = 'failed' and m.outbox_id is not null and m.received_at > now() - interval '30 days';
	update dmbox.outbox x
	   set state = 'sent', error_code = null, error_text = null
	  from dmbox.messages m
	 where x.state = 'failed' and x.error_code = 'failed_later' and x.created_at > now() - interval '30 days'
	   and m.id = x.message_id and m.status in ('delivered', 'read');
	-- actions leave no message: their rows are not kept for ever
	with old as (
		delete from dmbox.outbox x
		 where x.id in (select y.id from dmbox.outbox y
		                 where y.action is not null and y.created_at < now() - interval '7 days'
		                   and y.state in ('sent', 'accepted', 'failed', 'dead')
		                 order by y.created_at limit 1000)
		returning x.id)
	delete from dmbox.send_attempts a using old where a.outbox_id = old.id;
	return next;
end $$;

-- unknown, or queued after a doubtful attempt -> sent as p_ext, in the caller's
-- transaction and under the lock of p_ext: by an echo or a look-up.  False where
-- p_ext is another row's, or the row is neither any more.
create or replace function dmbox.outbox_found(p_id bigint, p_ext text) returns boolean
language plpgsql as $$
declare
	o dmbox.outbox;
begin
	select * into o from dmbox.outbox where id = p_id;
	if not found then
		return false;
	end if;
	perform dmbox.lock_target(o.account, o.channel, o.thread_id, p_ext);
	select * into o from dmbox.outbox where id = p_id for update;
	if not found or not (o.state = 'unknown'
	        or o.state = 'queued' and (o.doubt_at is not null or p_ext = any (o.failed_ids)))
	   or exists (select 1 from dmbox.messages m
	     where m.account = o.account and m.channel = o.channel and m.thread_id = o.thread_id
	       and m.external_id = p_ext and m.outbox_id is not null and m.outbox_id <> o.id) then
		return false;
	end if;
	update dmbox.outbox
	   set state = 'sent', claim_id = null, settled_at = clock_timestamp(), external_id = p_ext,
	       error_code = null, error_text = null, doubt_at = null, asked_at = null, hint = null
	 where id = p_id;
	perform dmbox.outbox_delivered(o, p_ext, 'sent');
	update dmbox.account_state s set send_failures = 0
	 where s.account = o.account and s.channel = o.channel and s.send_failures > 0;
	return true;
end $$;

-- outbox_match: settle one unknown or doubtful row by the oldest echo with the same
-- account, contact and text that belongs to no row yet.  Its id, 0 where there
-- is none.  An equal message under way waits for its own answer first.
create or replace function dmbox.outbox_match(p_account text, p_channel text, p_can_tell text[]) returns bigint
language plpgsql as $$
declare
	v_id  bigint;
	v_ext text;
begin
	-- reported as failed, and there all the same: no other attempt
	select o.id, e.target_id into v_id, v_ext
	  from dmbox.outbox o
	  join dmbox.events e on e.account = o.account and e.channel = o.channel and e.thread_id = o.thread_id
	                     and e.target_id = any (o.failed_ids) and e.effect = 'status' and e.text in ('delivered', 'read')
	 where o.state = 'queued' and o.failed_ids is not null
	   and o.channel = p_channel and (p_account is null or o.account = p_account)
	 order by o.id, e.id limit 1;
	if v_id is not null and dmbox.outbox_found(v_id, v_ext) then
		return v_id;
	end if;

	-- a state that carries our reference says which row it is of.  Every app of a business
	-- account gets the states of all: another installation's row may have the same number, but
	-- was not made in the same microsecond.  Without the time it is of a program of the
	-- release before, and believed of the same person only.
	select o.id, e.target_id into v_id, v_ext
	  from dmbox.outbox o
	 cross join lateral (select 'dmbox:' || o.id as old,
	        'dmbox:' || o.id || ':' || to_hex((extract(epoch from o.created_at) * 1000000)::bigint) as ref) r
	  join dmbox.events e on e.raw ->> 'client_ref' in (r.ref, r.old) and e.raw ? 'client_ref'
	                     and e.account = o.account and e.channel = o.channel
	                     and e.target_id <> all (coalesce(o.failed_ids, '{}'))	-- nor null
	  left join dmbox.contacts c on c.id = e.contact_id
	 where (e.raw ->> 'client_ref' = r.ref
	        or c.external_id = dmbox.contact_of(o.account, o.channel, o.recipient_id)) and (o.state = 'unknown' or o.state = 'queued' and o.doubt_at is not null)
	   and o.action is null and o.provider = any (p_can_tell)
	   and o.channel = p_channel and (p_account is null or o.account = p_account)
	 order by o.id, e.id limit 1;
	if v_id is not null and dmbox.outbox_found(v_id, v_ext) then
		return v_id;
	end if;

	select o.id, e.external_id into v_id, v_ext
	  from dmbox.outbox o
	  join dmbox.contacts c on c.account = o.account and c.channel = o.channel
	                       and c.external_id = dmbox.contact_of(o.account, o.channel, o.recipient_id)
	  join lateral (
		select m.external_id from dmbox.messages m
		 where m.contact_id = c.id and m.account = o.account and m.channel = o.channel
		   and m.thread_id = any (array[o.thread_id] || dmbox.chat_names(o.account, o.channel, o.thread_id))
		   and m.direction = 'outbound' and m.source <> 'send'
		   and m.outbox_id is null and m.deleted_at is null and not m.placeholder
		   and m.received_at >= coalesce(o.doubt_at, o.attempt_started_at) - interval '5 seconds'
		   and (not m.sent_at_known
		        or m.sent_at >= coalesce(o.doubt_at, o.attempt_started_at) - interval '2 minutes')
		   and case when o.body is null
		            then m.body is null and m.kind = coalesce(o.attachments -> 0 ->> 'type', 'text')
		            else btrim(m.body, E' \t\r\n') = btrim(o.body, E' \t\r\n')
		                 or exists (select 1 from dmbox.message_edits v where v.message_id = m.id
		                      and btrim(v.body, E' \t\r\n') = btrim(o.body, E' \t\r\n')) end
		 order by m.sent_at, m.id limit 1) e on true
	 where (o.state = 'unknown' or o.state = 'queued' and o.doubt_at is not null)
	   and o.action is null and o.provider = any (p_can_tell)
	   and o.channel = p_channel and (p_account is null or o.account = p_account)
	   and not exists (select 1 from dmbox.outbox l
	        where l.account = o.account and l.channel = o.channel
	          and l.recipient_id = o.recipient_id and l.state = 'leased'
	          and l.body is not distinct from o.body)
	 order by o.id limit 1;
	if v_id is null or not dmbox.outbox_found(v_id, v_ext) then
		return 0;
	end if;
	return v_id;
end $$;

-- By a person -----------------------------------------------------------------
create or replace function dmbox.outbox_retry(p_id bigint) returns boolean
language plpgsql as $$
declare
	o dmbox.outbox;
begin
	select * into o from dmbox.outbox where id = p_id for update;
	if not found or o.state not in ('queued', 'failed', 'dead', 'unknown') then
		return false;
	end if;
	with r as (
		update dmbox.outbox x
		   set state = 'queued', next_at = now(), claim_id = null, lease_until = null,
		       settled_at = null, lookups = 0, error_code = null, error_text = null, hint = null,
		       doubt_at = null, asked_at = null, refusals = 0, refused_at = null,
		       expires_at = greatest(x.expires_at, now() + interval '24 hours')
		 where x.id = o.id or (o.first_id is not null and x.account = o.account
		       and x.channel = o.channel and x.recipient_id = o.recipient_id
		       and x.first_id = o.first_id and x.id > o.id
		       and x.error_code = 'earlier_part_failed')
		returning x.message_id)
	update dmbox.messages m set status = 'queued' from r where m.id = r.message_id;
	-- who retries has mended something: the account need not rest any longer
	update dmbox.account_state s
	   set send_failures = 0, send_pause_until = null, send_pause_reason = null,
	       send_pause_text = null, send_pause_hint = null
	 where s.account = o.account and s.channel = o.channel;
	return true;
end $$;

create or replace function dmbox.outbox_cancel(p_id bigint) returns boolean
language plpgsql as $$
declare
	o dmbox.outbox;
begin
	select * into o from dmbox.outbox where id = p_id for update;
	if not found or o.state not in ('queued', 'unknown') then
		return false;
	end if;
	update dmbox.outbox
	   set state = 'dead', claim_id = null, settled_at = now(), error_code = 'cancelled',
	       error_text = case o.state when 'unknown' then 'given up; it may have been sent'
	                                 else 'cancelled before it was sent' end
	 where id = p_id;
	if o.state = 'queued' then
		update dmbox.messages m set status = 'failed' where m.id = o.message_id;
	end if;
	perform dmbox.outbox_drop_rest(o, 'dead');
	return true;
end $$;
comment on function dmbox.outbox_look(bigint) is 'What a caller may see of an outbox row';
comment on function dmbox.outbox_put(text, text, text, text, text, text, text, integer, jsonb) is 'Outbox and message rows of a request, or those that its idempotency key made before';
comment on function dmbox.outbox_token(text, text) is 'An account''s refreshed token while it lives';
comment on function dmbox.outbox_claim(text, text, bigint, integer, integer, uuid, text[], integer) is 'outbox_lease and outbox_begin in one, as release 0.1 calls it';
comment on function dmbox.window_until(text, text, text, integer) is 'When a contact''s window for answers closes, by all that may have opened it';
comment on function dmbox.outbox_lease(text, text, bigint, integer, integer, uuid, text[], integer) is 'Lease due rows of an account, in the order of each conversation; no attempt is begun';
comment on function dmbox.outbox_begin(bigint, uuid) is 'An attempt with a leased row begins now';
comment on function dmbox.outbox_hold(bigint, uuid, integer) is 'A leased row stays its holder''s longer: its file is handed over first';
comment on function dmbox.outbox_rest(dmbox.outbox, integer, boolean) is 'How long an account''s sends rest after a refusal of unknown cause';
comment on function dmbox.outbox_result(bigint, uuid, text, text, text, text, text, integer, integer, integer, text[], integer, text[], text[]) is 'What came of an attempt; fenced by the claim';
comment on function dmbox.outbox_drop_rest(dmbox.outbox, text) is 'Later parts of a request whose earlier part will not go out';
comment on function dmbox.outbox_delivered(dmbox.outbox, text, text) is 'The message of a row that the provider took; merges an echo that was stored first';
comment on function dmbox.outbox_reacted(dmbox.outbox) is 'Our own reaction, recorded once the provider took it';
comment on function dmbox.upload_of(text) is 'The upload that an attachment refers to';
comment on function dmbox.outbox_settle(bigint, uuid, text, text, text, text, integer, integer, integer, boolean, integer, text[]) is 'outbox_result as release 0.1 calls it';
comment on function dmbox.outbox_release(bigint, uuid) is 'Give back a claim without an attempt';
comment on function dmbox.outbox_failed_later(dmbox.outbox, dmbox.messages) is 'A row that the provider took and reported as failed: again, or for good';
comment on function dmbox.outbox_expire() is 'Leases that ran out, rows whose time to live is over';
comment on function dmbox.outbox_found(bigint, text) is 'unknown to sent, by an echo or a look-up';
comment on function dmbox.outbox_match(text, text, text[]) is 'Settle one unknown row by the oldest echo with the same account, contact and text';
comment on function dmbox.outbox_retry(bigint) is 'By a person: send again; lifts the pause of the account''s sends';
comment on function dmbox.outbox_cancel(bigint) is 'By a person: give up';
