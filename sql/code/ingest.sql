-- Ingest: a batch of deliveries becomes rows.
--
-- dmbox.ingest_many takes arrays and is called once for a batch: one round trip,
-- one transaction; dmbox.ingest the same for one delivery of one message.  They
-- run with the rights of their caller.  Under READ
-- COMMITTED each statement in it has a fresh snapshot, therefore contacts are
-- written by one statement and messages by a later one (a single statement
-- would miss contacts that a concurrent transaction has just added).
--
-- Order of locks, the same in every transaction, so that none deadlock:
-- that of people's names (25711), ids of messages whose chat has two names (25713) ascending,
-- advisory buckets ascending, contacts by key then by id, messages by key,
-- events by key.  What doctor tries and undoes is one at a time (25714), before all of these.

-- One hash for erased ids and for the lock buckets (its first byte).  The C
-- side (lib/store/load.c) computes the same.
create or replace function dmbox.id_hash(p_account text, p_channel text, p_thread text, p_id text)
returns text language sql immutable parallel safe as $$
	select encode(sha256(convert_to(p_account || '|' || p_channel || '|' || p_thread || '|' || p_id, 'UTF8')), 'hex')
$$;
comment on function dmbox.id_hash(text, text, text, text) is
	'What dmbox.erased keeps instead of a message''s id: sha256 of account|channel|thread|id; for an event id is ''event:'' || event_key';

-- A message may be told under two names of its chat at the same moment, by two processes: the
-- second is to see the row of the first.  The bucket of its own key does not tell: the other
-- name is not known.
create or replace function dmbox.lock_chats(p_threads text[], p_exts text[])
returns void language plpgsql as $$
declare
	v integer;
begin
	for v in
		select distinct hashtext(u.e) & 255 from unnest(p_threads, p_exts) u (t, e)
		 where u.t like '%@lid' or u.t like '%@c.us' or u.t like '%@g.us' order by 1
	loop
		perform pg_advisory_xact_lock(25713, v);
	end loop;
end $$;
comment on function dmbox.lock_chats(text[], text[]) is
	'Before messages of WhatsApp chats are looked for: nobody else brings them under another name of their chat until the end of the transaction';

-- What somebody learned of people since the contacts were looked up (dmbox.contacts_of); until
-- the end of the transaction nobody learns more.
create or replace function dmbox.names_now(p_account text[], p_channel text[], p_ids text[], p_threads text[], p_exts text[])
returns text[] language plpgsql as $$
begin
	perform pg_advisory_xact_lock_shared(25711, 0);
	perform dmbox.lock_chats(p_threads, p_exts);
	return array(select coalesce((select a.external_id from dmbox.contact_aliases a where a.account = p_account[i]
	                 and a.channel = p_channel[i] and a.alias = p_ids[i]), p_ids[i])
	               from generate_subscripts(p_ids, 1) i);
end $$;
comment on function dmbox.names_now(text[], text[], text[], text[], text[]) is
	'Hold the names of people, and the ids of these messages (dmbox.lock_chats); the ids of contacts as they are known now';

-- The same for one message, without arrays: most deliveries have one.
create or replace function dmbox.name_now(p_account text, p_channel text, p_id text, p_thread text, p_ext text)
returns text language plpgsql as $$
begin
	perform pg_advisory_xact_lock_shared(25711, 0);
	if p_thread like '%@lid' or p_thread like '%@c.us' or p_thread like '%@g.us' then
		perform pg_advisory_xact_lock(25713, hashtext(p_ext) & 255);
	end if;
	return coalesce((select a.external_id from dmbox.contact_aliases a
	                  where a.account = p_account and a.channel = p_channel and a.alias = p_id), p_id);
end $$;
comment on function dmbox.name_now(text, text, text, text, text) is 'dmbox.names_now of one';

create or replace function dmbox.lock_target(p_account text, p_channel text, p_thread text, p_id text)
returns void language sql as $$
	select dmbox.lock_chats(array[p_thread], array[p_id]);
	select pg_advisory_xact_lock(25709,
	    get_byte(sha256(convert_to(p_account || '|' || p_channel || '|' || p_thread || '|' || p_id, 'UTF8')), 0))
$$;
comment on function dmbox.lock_target(text, text, text, text) is
	'Before anything changes a message by what happened to it: until the end of the transaction nobody else brings that message or an event about it';

-- WhatsApp tells a chat by a number or by a hidden id: the names of one that are known by now.
create or replace function dmbox.chat_names(p_account text, p_channel text, p_thread text)
returns text[] language plpgsql stable as $$
begin
	if p_thread like '%@lid' or p_thread like '%@c.us' then
		return dmbox.contact_all(p_account, p_channel, p_thread);
	end if;
	return array[p_thread];
end $$;
comment on function dmbox.chat_names(text, text, text) is 'Every name of a chat, which is among them';

create or replace function dmbox.is_erased(p_account text, p_channel text, p_thread text, p_ids text[])
returns boolean language sql stable as $$
	select exists (select 1 from dmbox.erased x where x.account = p_account and x.channel = p_channel
	     and x.id_hash in (select dmbox.id_hash(p_account, p_channel, t, k)
	            from unnest(dmbox.chat_names(p_account, p_channel, p_thread)) t, unnest(p_ids) k where k is not null))
$$;
comment on function dmbox.is_erased(text, text, text, text[]) is
	'Whether any of these messages (or ''event:'' and an event''s key) was erased, under whatever name of its chat';

-- Later states have higher numbers; a status never goes back.
create or replace function dmbox.status_rank(p_status text)
returns integer language sql immutable parallel safe as $$
	select case p_status when 'accepted' then 1 when 'sent' then 2 when 'failed' then 3
	    when 'delivered' then 4 when 'read' then 5 else 0 end
$$;
comment on function dmbox.status_rank(text) is 'Order of the states of an outbound message';

-- Where a version of a message ranks by who told it: a webhook over what a poll found; an
-- echo says ours of what may be theirs, so what says theirs is above it.
create or replace function dmbox.source_rank(p_source text, p_out boolean)
returns integer language sql immutable parallel safe as $$
	select case when p_source = 'send' then 5 when p_source = 'webhook' then 4 when not p_out then 3
	            when p_source = 'echo' then 2 else 1 end
$$;
comment on function dmbox.source_rank(text, boolean) is 'Rank of a version of a message: send, webhook, a poll''s inbound, echo, poll';

create or replace function dmbox.bare(p_text text)
returns text language sql immutable parallel safe as $$ select btrim(p_text, E' \t\r\n') $$;
comment on function dmbox.bare(text) is 'A text without the spaces around it, which providers cut in one place and not in another';

create or replace function dmbox.micros(p_at timestamptz)
returns bigint language sql immutable parallel safe as $$
	select (extract(epoch from p_at) * 1000000)::bigint
$$;
comment on function dmbox.micros(timestamptz) is 'Microseconds since 1970';

create or replace function dmbox.from_micros(p_us bigint)
returns timestamptz language sql immutable parallel safe as $$
	select timestamptz 'epoch' + p_us * interval '1 microsecond'
$$;
comment on function dmbox.from_micros(bigint) is 'The time of microseconds since 1970';

-- What is fetched: what the provider gives the address of, or has an address for (cloud:
-- by its id), and no link of a customer's.
create or replace function dmbox.attachment_state(p_type text, p_url text, p_ref text, p_provider text)
returns text language sql immutable parallel safe as $$
	select case when p_type in ('fallback', 'link') then 'none' when p_url is not null then 'waiting'
	            when p_ref is not null and p_provider = 'cloud' then 'waiting' else 'none' end
$$;
comment on function dmbox.attachment_state(text, text, text, text) is 'State of a new attachment: waiting to be fetched, or none';

-- Members of both; of two values of one member the longer, of equally long ones the greater:
-- the same whatever comes first.
create or replace function dmbox.merge_detail(a jsonb, b jsonb)
returns jsonb language sql immutable parallel safe as $$
	select case when a is null or b is null or a = b then coalesce(a, b)
	            when jsonb_typeof(a) <> 'object' or jsonb_typeof(b) <> 'object' then greatest(a, b)
	       else (select jsonb_object_agg(x.key, x.value)
	               from (select distinct on (y.key) y.key, y.value
	                       from (select * from jsonb_each(a) union all select * from jsonb_each(b)) y
	                      order by y.key, length(y.value::text) desc, y.value::text collate "C" desc) x) end
$$;
comment on function dmbox.merge_detail(jsonb, jsonb) is 'Union of two details';

-- A receipt covers all that came before: our messages of the conversation up to p_num, as far
-- as no earlier receipt told of them.  What failed stays failed.
create or replace function dmbox.apply_receipt(p_contact bigint, p_num bigint, p_at timestamptz)
returns void language plpgsql as $$
declare
	v_from bigint;
	v_ids  bigint[];
begin
	select max(e.num) into v_from from dmbox.events e
	 where e.contact_id = p_contact and e.effect in ('read', 'status') and e.num > 0
	   and e.num < p_num and e.occurred_at <= p_at;
	select array_agg(x.id) into v_ids
	  from (select m.id from dmbox.messages m
	         where m.contact_id = p_contact and m.direction = 'outbound'
	           and m.sent_at <= dmbox.from_micros(p_num)
	           and m.sent_at > coalesce(dmbox.from_micros(v_from), '-infinity')
	           and m.status in ('accepted', 'sent', 'delivered', 'read')
	           and (m.read_at is null or m.read_at > p_at)
	         order by m.id for no key update) x;
	if v_ids is not null then
		update dmbox.messages m set status = 'read', read_at = p_at where m.id = any (v_ids);
	end if;
end $$;
comment on function dmbox.apply_receipt(bigint, bigint, timestamptz) is
	'Mark what a receipt covers as read: our messages to a contact up to a time';

-- An answer that was not written here (echo, poll): who wrote it has read what was there.
create or replace function dmbox.apply_answer(p_contact bigint, p_at timestamptz)
returns void language plpgsql as $$
declare
	v_from timestamptz;
	v_ids  bigint[];
begin
	select m.sent_at into v_from from dmbox.messages m
	 where m.contact_id = p_contact and m.direction = 'outbound' and m.source <> 'send' and m.sent_at < p_at
	 order by m.sent_at desc limit 1;
	select array_agg(x.id) into v_ids
	  from (select m.id from dmbox.messages m
	         where m.contact_id = p_contact and m.direction = 'inbound'
	           and m.sent_at < p_at and m.sent_at >= coalesce(v_from, '-infinity')
	           and (m.read_at is null or m.read_at > p_at)
	         order by m.id for no key update) x;
	if v_ids is not null then
		update dmbox.messages m set read_at = p_at where m.id = any (v_ids);
	end if;
end $$;
comment on function dmbox.apply_answer(bigint, timestamptz) is
	'Mark a contact''s messages as read by us that came before an answer from elsewhere';

-- May an event's chat be another spelling of a message's?  It has none, or one of the two is
-- the number and the other WhatsApp's hidden id of a person.
create or replace function dmbox.may_be_chat(p_event text, p_message text)
returns boolean language sql immutable parallel safe as $$
	select p_message <> '' and (p_event = '' or (p_event like '%@lid') <> (p_message like '%@lid')
	                            and p_event not like '%@g.us' and p_message not like '%@g.us')
$$;
comment on function dmbox.may_be_chat(text, text) is 'Whether an event that names the first chat, or none, may speak of a message in the second';

-- Is nothing told of a message yet?  What came of it later (an edit) says nothing of that.
create or replace function dmbox.is_empty(m dmbox.messages)
returns boolean language sql stable as $$
	select m.kind = 'unsupported'
	   and (m.body is null or exists (select 1 from dmbox.message_edits v
	        where v.message_id = m.id and v.version = 0 and v.body is null))
	   and not exists (select 1 from dmbox.attachments a where a.message_id = m.id)
$$;
comment on function dmbox.is_empty(dmbox.messages) is 'Whether a message is a placeholder: neither text nor attachment is told';

-- A message proves two chats to be one, which dmbox.contacts_of did not know yet: another process
-- brought it meanwhile.  Their contacts become one as soon as either is told of again.
create or replace function dmbox.chat_proved(p_account text, p_channel text, p_thread text, p_twin text)
returns void language sql as $$
	insert into dmbox.contact_aliases (account, channel, alias, external_id)
	select p_account, p_channel, p_thread, dmbox.contact_of(p_account, p_channel, p_twin)
	 where p_twin <> all (dmbox.chat_names(p_account, p_channel, p_thread))
	on conflict (account, channel, alias) do nothing
$$;
comment on function dmbox.chat_proved(text, text, text, text) is 'Note that two chats are one, for whom tells of either next';

-- The row of a message under the other name of its chat, where it is the one; null: none.
create or replace function dmbox.message_twin(p_account text, p_channel text, p_thread text, p_ext text)
returns bigint language sql stable as $$
	select min(x.id) from dmbox.messages x
	 where x.account = p_account and x.channel = p_channel and x.external_id = p_ext and x.thread_id <> ''
	   and x.thread_id <> p_thread and not x.placeholder
	having count(*) = 1 and bool_and(dmbox.may_be_chat(p_thread, x.thread_id))
$$;
comment on function dmbox.message_twin(text, text, text, text) is 'Id of the message of this id in a chat that may be this one by another name';

-- One chat by two names: what is empty under one and told under the other is one message, whose
-- key is the told one's.  What is told under both is one, too, where the names are known to be
-- one person's; its key is then the number's.  An older row gets that key here.  Of each
-- message the name under which it is stored, where that is not its own.
create or replace function dmbox.twin_threads(p_account text[], p_channel text[], p_thread text[], p_ext text[], p_empty boolean[])
returns text[] language plpgsql as $$
declare
	v_there text[];
	v_with  text[];		-- of those that come together
	v_bare  boolean[];	-- empty, and not told beside it under the same name
	r       record;
begin
	-- by windows: some thousands of messages compared each with each would take minutes
	v_bare := array(select p_empty[i] and bool_and(p_empty[i]) over (partition by p_ext[i], p_account[i], p_channel[i], p_thread[i])
	                  from generate_series(1, cardinality(p_ext)) i order by i);
	for r in
		select i, min(p_thread[k]) as thread
		  from (select i, count(*) over same as n, array_agg(i) over same as of_id from generate_series(1, cardinality(p_ext)) i
		        window same as (partition by p_ext[i], p_account[i], p_channel[i])) x, unnest(of_id) k
		 where n > 1
		   and (v_bare[i] or not v_bare[k] and p_thread[k] = any (dmbox.chat_names(p_account[i], p_channel[i], p_thread[i])))
		   and (p_thread[i] like '%@lid' and p_thread[k] like '%@c.us'
		        or v_bare[i] and p_thread[i] like '%@c.us' and p_thread[k] like '%@lid' and not v_bare[k])
		 group by i
	loop
		v_with[r.i] := r.thread;
	end loop;
	for r in
		select i, w as twin, p_thread[i] as thread, v_bare[i] and p_thread[i] like '%@lid' as lid
		  from generate_series(1, cardinality(p_ext)) i
		  join dmbox.messages w on w.id = dmbox.message_twin(p_account[i], p_channel[i], p_thread[i], p_ext[i])
		 where (p_thread[i] like '%@lid' or p_thread[i] like '%@c.us') and v_with[i] is null
		 order by w.id for no key update of w
	loop
		if v_bare[r.i] and (r.lid or not dmbox.is_empty(r.twin)) then
			v_there[r.i] := (r.twin).thread_id;
			perform dmbox.chat_proved(p_account[r.i], p_channel[r.i], r.thread, (r.twin).thread_id);
		elsif exists (select 1 from dmbox.messages x where x.account = p_account[r.i] and x.channel = p_channel[r.i]
		       and x.thread_id = r.thread and x.external_id = p_ext[r.i]) then
			null;
		elsif dmbox.is_empty(r.twin) and (r.twin).source <> 'send' then
			update dmbox.messages x set thread_id = r.thread where x.id = (r.twin).id;
			perform dmbox.chat_proved(p_account[r.i], p_channel[r.i], r.thread, (r.twin).thread_id);
		elsif (r.twin).source = 'send' then	-- its id was made for us
			v_there[r.i] := (r.twin).thread_id;
			perform dmbox.chat_proved(p_account[r.i], p_channel[r.i], r.thread, (r.twin).thread_id);
		elsif (r.twin).thread_id <> all (dmbox.chat_names(p_account[r.i], p_channel[r.i], r.thread)) then
			null;
		elsif r.thread like '%@lid' then
			v_there[r.i] := (r.twin).thread_id;
		else
			update dmbox.messages x set thread_id = r.thread where x.id = (r.twin).id;
		end if;
	end loop;
	-- beside one that went elsewhere itself
	for r in
		select i, nullif(coalesce(min(v_there[k]), v_with[i]), p_thread[i]) as thread
		  from (select i, array_agg(i) over (partition by p_ext[i], p_account[i], p_channel[i]) as of_id
		          from generate_series(1, cardinality(p_ext)) i) x, unnest(of_id) k
		 where v_with is not null and v_with[i] = p_thread[k]
		 group by i
	loop
		v_there[r.i] := r.thread;
	end loop;
	return v_there;
end $$;
comment on function dmbox.twin_threads(text[], text[], text[], text[], boolean[]) is
	'Chats under whose other name messages are stored; gives a placeholder the chat that its words come in';

-- What could not be decrypted is told in the chat of who wrote it although it was written in a
-- group, which is named with the words.  Like twin_threads: the group where that one is told of
-- as well, by the same person; an empty row in the person's chat is the group's from here on,
-- whose version of it says all.
create or replace function dmbox.group_threads(p_account text[], p_channel text[], p_thread text[], p_ext text[], p_sender text[], p_empty boolean[])
returns text[] language plpgsql as $$
declare
	v_there text[];
	r       record;
begin
	for r in
		select i, coalesce((select min(p_thread[k]) from unnest(of_id) k
		                     where p_thread[k] like '%@g.us'
		                       and p_thread[i] = any (dmbox.chat_names(p_account[k], p_channel[k], p_sender[k]))),
		                   (select min(w.thread_id) from dmbox.messages w
		                     where w.account = p_account[i] and w.channel = p_channel[i] and w.external_id = p_ext[i]
		                       and w.thread_id like '%@g.us' and not w.placeholder
		                       and p_thread[i] = any (dmbox.chat_names(w.account, w.channel, w.sender_id)))) as thread
		  from (select i, array_agg(i) over (partition by p_ext[i], p_account[i], p_channel[i]) as of_id
		          from generate_series(1, cardinality(p_ext)) i) x
		 where p_empty[i] and (p_thread[i] like '%@c.us' or p_thread[i] like '%@lid')
	loop
		v_there[r.i] := r.thread;
	end loop;
	for r in
		select i, w as twin
		  from generate_series(1, cardinality(p_ext)) i
		  join dmbox.messages w on w.account = p_account[i] and w.channel = p_channel[i] and w.external_id = p_ext[i]
		   and (w.thread_id like '%@c.us' or w.thread_id like '%@lid')
		 where p_thread[i] like '%@g.us' and w.direction = 'inbound' and w.source <> 'send' and not w.placeholder
		   and w.thread_id = any (dmbox.chat_names(p_account[i], p_channel[i], p_sender[i]))
		   and not exists (select 1 from dmbox.messages x where x.account = p_account[i] and x.channel = p_channel[i]
		                    and x.thread_id = p_thread[i] and x.external_id = p_ext[i])
		 order by w.id for no key update of w
	loop
		if dmbox.is_empty(r.twin) then
			update dmbox.messages x set thread_id = p_thread[r.i], sender_id = '', recipient_id = '', source = 'poll'
			 where x.id = (r.twin).id;
		end if;
	end loop;
	return v_there;
end $$;
comment on function dmbox.group_threads(text[], text[], text[], text[], text[], boolean[]) is
	'Groups that messages belong to which are told, empty, in the chat of who wrote them';

-- Of each message the chat under which it is stored, where that is not the one it is told in.
create or replace function dmbox.other_threads(p_account text[], p_channel text[], p_thread text[], p_ext text[], p_sender text[], p_empty boolean[])
returns text[] language plpgsql as $$
declare
	v_there text[];
	v_group text[];
begin
	if exists (select 1 from unnest(p_thread) t where t like '%@lid' or t like '%@c.us') then
		v_there := dmbox.twin_threads(p_account, p_channel, p_thread, p_ext, p_empty);
	end if;
	if true = any (p_empty) or exists (select 1 from unnest(p_thread) t where t like '%@g.us') then
		v_group := dmbox.group_threads(p_account, p_channel, p_thread, p_ext, p_sender, p_empty);
		return array(select coalesce(v_group[i], v_there[i]) from generate_series(1, cardinality(p_ext)) i);
	end if;
	return v_there;
end $$;
comment on function dmbox.other_threads(text[], text[], text[], text[], text[], boolean[]) is
	'Chats that messages are stored in which are told in another one: by another name, or in the chat of who wrote to a group';

-- Events that name another chat or none, where this is the one message of the account with
-- the id, are this message's; what stood in for it there goes.
create or replace function dmbox.adopt_events(m dmbox.messages)
returns void language plpgsql as $$
begin
	if exists (select 1 from dmbox.messages x
	            where x.account = m.account and x.channel = m.channel and x.external_id = m.external_id
	              and x.thread_id <> '' and x.thread_id <> m.thread_id and not x.placeholder) then
		return;
	end if;
	update dmbox.events e set thread_id = m.thread_id, contact_id = m.contact_id
	 where e.account = m.account and e.channel = m.channel and e.target_id = m.external_id
	   and dmbox.may_be_chat(e.thread_id, m.thread_id) and e.effect <> 'none';
	if found then
		begin
			delete from dmbox.messages x
			 where x.account = m.account and x.channel = m.channel and x.external_id = m.external_id
			   and dmbox.may_be_chat(x.thread_id, m.thread_id) and x.placeholder;
		exception when insufficient_privilege then
			null;	-- the web programs' own login takes no message away: it stays, empty
		end;
	end if;
end $$;
comment on function dmbox.adopt_events(dmbox.messages) is 'Give a message the events that speak of it under another spelling of its chat';

-- The key of an event without words, which earlier releases put into it (an edit's, or those of
-- an event's JSON): the hash that ingest.c makes of it now, so that the same event is known again.
create or replace function dmbox.wordless_key(e dmbox.events)
returns text language sql stable as $$
	select case when e.event_key not like 'edit|%' and e.event_key not like '%{%' then e.event_key
	       when exists (select 1 from dmbox.events o where o.account = e.account and o.channel = e.channel
	            and o.event_key = 'sha256:' || encode(sha256(convert_to(e.event_key, 'UTF8')), 'hex'))
	       then 'erased|' || e.id
	       else 'sha256:' || encode(sha256(convert_to(e.event_key, 'UTF8')), 'hex') end
$$;
comment on function dmbox.wordless_key(dmbox.events) is 'The key that an event keeps when its words are erased';

-- Make message p_id what its row and all its events say.  Whatever order the
-- events came in, the result is the same: everything is computed from the set.
create or replace function dmbox.apply_message(p_id bigint)
returns void language plpgsql as $$
declare
	m        dmbox.messages%rowtype;
	v_us     bigint;
	v_gone   timestamptz;
	v_status text;
	v_error  text;		-- of a failure, the provider's words: "failed: WORDS"
	v_read   timestamptz;
	v_deliv  timestamptz;
	v_edit   record;
	v_base   record;
	v_set    boolean := false;
	v_edited boolean;
begin
	select * into m from dmbox.messages where id = p_id for no key update;
	if not found then
		return;
	end if;
	if m.thread_id <> '' and not m.placeholder then
		perform dmbox.adopt_events(m);
	end if;

	select min(e.occurred_at) filter (where e.effect = 'unsend'),
	       min(e.occurred_at) filter (where e.effect = 'read' or e.effect = 'status' and e.text = 'read'),
	       min(e.occurred_at) filter (where e.effect = 'status' and e.text = 'delivered'),
	       (array_agg(case when e.effect = 'read' then 'read' else e.text end
	                  order by dmbox.status_rank(case when e.effect = 'read' then 'read' else e.text end) desc)
	           filter (where e.effect = 'read'
	                      or e.effect = 'status' and e.text in ('sent','delivered','read','failed')))[1],
	       max(ltrim(substr(e.text, 8)) collate "C") filter (where e.effect = 'status' and e.text like 'failed:%')
	  into v_gone, v_read, v_deliv, v_status, v_error
	  from dmbox.events e
	 where e.account = m.account and e.channel = m.channel and e.thread_id = m.thread_id
	   and e.target_id = m.external_id and e.effect in ('unsend','read','status');

	if v_error is not null and dmbox.status_rank('failed') > coalesce(dmbox.status_rank(v_status), 0) then
		v_status := 'failed';
	end if;
	if m.direction = 'outbound' then
		-- receipts: this message's cover what came before it, later ones this message
		v_us := dmbox.micros(m.sent_at);
		if v_read is not null and m.contact_id is not null then
			update dmbox.events e set num = v_us, contact_id = m.contact_id
			 where e.account = m.account and e.channel = m.channel and e.thread_id = m.thread_id
			   and e.target_id = m.external_id and (e.effect = 'read' or e.effect = 'status' and e.text = 'read')
			   and (e.num <> v_us or e.contact_id is distinct from m.contact_id);
			v_set := found;
		end if;
		if v_status is distinct from 'failed' and (case when dmbox.status_rank(v_status) > dmbox.status_rank(m.status)
		   then v_status else m.status end) in ('accepted', 'sent', 'delivered', 'read') then
			select least(v_read, min(e.occurred_at)) into v_read from dmbox.events e
			 where e.contact_id = m.contact_id and e.effect in ('read', 'status') and e.num > 0 and e.num >= v_us;
		end if;
		if v_read is not null then
			v_status := 'read';
		elsif v_status = 'failed' and m.status = 'read' then
			m.read_at := null;	-- it was covered by a receipt only
		elsif dmbox.status_rank(v_status) <= dmbox.status_rank(m.status) then
			v_status := null;
		end if;
		v_status := nullif(v_status, m.status);
	else
		v_status := null; v_deliv := null;	-- read_at of inbound is ours
		select min(o.sent_at) into v_read from dmbox.messages o
		 where o.contact_id = m.contact_id and o.direction = 'outbound' and o.source <> 'send'
		   and o.sent_at > m.sent_at;
	end if;

	-- edits: every version is kept, the highest counts; what a poll saw says nothing where
	-- the edit itself came, or where it is the first text
	select v.body into v_base from dmbox.message_edits v where v.message_id = m.id and v.version = 0;
	v_edited := found;
	if v_edited then
		m.body := v_base.body;
	end if;
	if v_gone is null and m.deleted_at is null then
		select e.text, e.occurred_at, e.event_key into v_edit
		  from dmbox.events e
		 where e.account = m.account and e.channel = m.channel and e.thread_id = m.thread_id
		   and e.target_id = m.external_id and e.effect = 'edit' and e.text is not null
		   and (e.event_key not like 'polled|%' or dmbox.bare(e.text) is distinct from dmbox.bare(m.body)
		        and not exists (select 1 from dmbox.events o
		            where o.account = m.account and o.channel = m.channel and o.thread_id = m.thread_id
		              and o.target_id = m.external_id and o.effect = 'edit'
		              and dmbox.bare(o.text) = dmbox.bare(e.text) and o.event_key not like 'polled|%'))
		 order by e.num desc, e.occurred_at desc, e.text collate "C" desc limit 1;
		if found then
			delete from dmbox.events e
			 where e.account = m.account and e.channel = m.channel and e.thread_id = m.thread_id
			   and e.target_id = m.external_id and e.effect = 'edit' and e.event_key like 'polled|%'
			   and (dmbox.bare(e.text) = dmbox.bare(m.body) or exists (select 1 from dmbox.events o
			        where o.account = m.account and o.channel = m.channel and o.thread_id = m.thread_id
			          and o.target_id = m.external_id and o.effect = 'edit'
			          and dmbox.bare(o.text) = dmbox.bare(e.text) and o.event_key not like 'polled|%'));
			insert into dmbox.message_edits (account, message_id, version, body, edited_at)
			values (m.account, m.id, 0, m.body, m.sent_at)
			on conflict (message_id, version) do update set edited_at = excluded.edited_at
			 where message_edits.edited_at is distinct from excluded.edited_at;
			delete from dmbox.message_edits where message_id = m.id and version > 0;
			-- numbered ones have their number, the others come behind
			insert into dmbox.message_edits (account, message_id, version, body, edited_at)
			select m.account, m.id,
			       case when y.numbered then y.num::integer
			            else (coalesce(max(y.num) filter (where y.numbered) over (), 0)
			                  + row_number() over (partition by y.numbered order by y.num, y.occurred_at, y.text collate "C"))::integer end,
			       y.text, y.occurred_at
			  from (select distinct on (x.num, x.loose_at, x.loose_text) x.*
			          from (select e.num, e.occurred_at, e.text, e.num between 1 and 1000000 as numbered,
			                       case when e.num = 0 then e.occurred_at end as loose_at,
			                       case when e.event_key like 'polled|%' then e.text end as loose_text
			                  from dmbox.events e
			                 where e.account = m.account and e.channel = m.channel and e.thread_id = m.thread_id
			                   and e.target_id = m.external_id and e.effect = 'edit' and e.text is not null) x
			         order by x.num, x.loose_at, x.loose_text, x.occurred_at desc, x.text collate "C" desc) y;
			m.body := v_edit.text;
			m.edited_at := v_edit.occurred_at;
		elsif v_edited then
			m.edited_at := null;
			delete from dmbox.message_edits where message_id = m.id;
		end if;
	end if;

	-- unsent: the content goes, the row stays; of its edits too
	if v_gone is not null or m.deleted_at is not null then
		m.deleted_at := least(m.deleted_at, v_gone);
		m.body := null;
		m.detail := null;
		m.edited_at := null;
		delete from dmbox.message_edits where message_id = m.id;
		-- a downloaded file is removed from the disk by the poller, which then drops the row
		delete from dmbox.attachments where message_id = m.id and local_path is null;
		update dmbox.attachments
		   set url = null, ref = null, name = null, mime_type = null, sha256 = null, bytes = null, state = 'erased'
		 where message_id = m.id and state <> 'erased';
		update dmbox.events e set text = null, raw = '{}', event_key = dmbox.wordless_key(e)
		 where e.account = m.account and e.channel = m.channel and e.thread_id = m.thread_id
		   and e.target_id = m.external_id and e.effect = 'edit' and (e.text is not null or e.raw <> '{}' or e.event_key like 'edit|%');
	end if;

	-- reactions: the latest of each person; at the same time the removal wins
	insert into dmbox.reactions as r (account, message_id, contact_id, emoji, reacted_at, removed_at)
	select m.account, m.id, coalesce(e.actor_id, 0),
	       (array_agg(e.text order by e.occurred_at desc, e.text collate "C" desc nulls last)
	           filter (where e.effect = 'react'))[1],
	       max(e.occurred_at) filter (where e.effect = 'react'),
	       case when max(e.occurred_at) filter (where e.effect = 'unreact')
	                 >= coalesce(max(e.occurred_at) filter (where e.effect = 'react'), '-infinity')
	            then max(e.occurred_at) filter (where e.effect = 'unreact') end
	  from dmbox.events e
	 where e.account = m.account and e.channel = m.channel and e.thread_id = m.thread_id
	   and e.target_id = m.external_id and e.effect in ('react','unreact')
	 group by coalesce(e.actor_id, 0)
	on conflict (message_id, contact_id) do update
	   set emoji = excluded.emoji, reacted_at = excluded.reacted_at, removed_at = excluded.removed_at
	 where (r.emoji, r.reacted_at, r.removed_at)
	       is distinct from (excluded.emoji, excluded.reacted_at, excluded.removed_at);

	update dmbox.messages x
	   set body = m.body, detail = m.detail, edited_at = m.edited_at, deleted_at = m.deleted_at,
	       status = coalesce(v_status, x.status),
	       error_text = case when coalesce(v_status, x.status) = 'failed' then coalesce(v_error, x.error_text) end,
	       read_at = least(m.read_at, v_read), delivered_at = least(x.delivered_at, v_deliv)
	 where x.id = m.id
	   and (x.body is distinct from m.body or x.detail is distinct from m.detail
	     or x.edited_at is distinct from m.edited_at or x.deleted_at is distinct from m.deleted_at
	     or v_status is not null
	     or v_error is not null and x.status = 'failed' and x.error_text is distinct from v_error
	     or x.read_at is distinct from least(m.read_at, v_read)
	     or x.delivered_at is distinct from least(x.delivered_at, v_deliv));
	if v_set then
		perform dmbox.apply_receipt(m.contact_id, v_us, v_read);
	end if;

	update dmbox.events e set applied_at = now()
	 where e.account = m.account and e.channel = m.channel and e.thread_id = m.thread_id
	   and e.target_id = m.external_id and e.effect <> 'none' and e.applied_at is null;
end $$;
comment on function dmbox.apply_message(bigint) is
	'Compute a message''s body, versions, reactions, states and removal afresh from its events; the caller holds dmbox.lock_target';

-- The same by key, for whom the message may not be there yet.  A lone unsend
-- makes a tombstone that the message, should it come, completes.
create or replace function dmbox.apply_target(p_account text, p_channel text, p_thread text, p_target text)
returns boolean language plpgsql as $$
declare
	v_id    bigint;
	v_other bigint;
	v_empty boolean;	-- what stands in for a message
begin
	select id, placeholder into v_id, v_empty from dmbox.messages
	 where account = p_account and channel = p_channel and thread_id = p_thread and external_id = p_target;
	if v_id is null or v_empty then
		-- under another spelling of the chat, where it is the one
		select min(x.id) into v_other from dmbox.messages x
		 where x.account = p_account and x.channel = p_channel and x.external_id = p_target
		   and x.thread_id <> '' and not x.placeholder
		having count(*) = 1 and bool_and(dmbox.may_be_chat(p_thread, x.thread_id));
		v_id := coalesce(v_other, v_id);
	end if;
	if v_id is null then
		insert into dmbox.messages (account, channel, thread_id, provider, external_id, contact_id,
		       direction, kind, status, sent_at, sent_at_known, received_at, deleted_at, is_test,
		       source, placeholder)
		select e.account, e.channel, e.thread_id, e.provider, e.target_id, e.contact_id,
		       e.direction, 'text', case e.direction when 'inbound' then 'received' else 'sent' end,
		       e.occurred_at, false, e.occurred_at, e.occurred_at, e.is_test, 'webhook', true
		  from dmbox.events e
		 where e.account = p_account and e.channel = p_channel and e.thread_id = p_thread
		   and e.target_id = p_target and e.effect = 'unsend'
		 order by e.occurred_at, e.event_key collate "C" limit 1
		on conflict do nothing
		returning id into v_id;
	end if;
	if v_id is null then
		return false;
	end if;
	perform dmbox.apply_message(v_id);
	return true;
end $$;
comment on function dmbox.apply_target(text, text, text, text) is
	'Apply the waiting events of a message named by its provider''s id (after a send learned its id); call dmbox.lock_target first';

-- Leftovers: events whose message got its id by another way than ingest.
create or replace function dmbox.apply_leftovers(p_max integer)
returns integer language plpgsql as $$
declare
	r record;
	n integer := 0;
begin
	for r in
		select distinct x.account, x.channel, x.thread_id, x.target_id
		  from (select e.account, e.channel, e.thread_id, e.target_id
		          from dmbox.events e
		         where e.applied_at is null and e.effect <> 'none' and e.target_id is not null
		         order by e.id desc limit 2000) x
		 where exists (select 1 from dmbox.messages m
		                where m.account = x.account and m.channel = x.channel
		                  and m.thread_id = x.thread_id and m.external_id = x.target_id)
		    or (select count(*) = 1 and bool_and(dmbox.may_be_chat(x.thread_id, m.thread_id)) from dmbox.messages m
		         where m.account = x.account and m.channel = x.channel and m.external_id = x.target_id
		           and m.thread_id <> '' and not m.placeholder)
		 order by 1, 2, 3, 4 limit p_max
	loop
		-- a transaction that holds it is at work on these very events
		if pg_try_advisory_xact_lock(25709, get_byte(decode(
		       dmbox.id_hash(r.account, r.channel, r.thread_id, r.target_id), 'hex'), 0)) then
			perform dmbox.apply_target(r.account, r.channel, r.thread_id, r.target_id);
			n := n + 1;
		end if;
	end loop;
	return n;
end $$;
comment on function dmbox.apply_leftovers(integer) is 'Upkeep: apply events that were waiting for a message which is there now';

-- Is this value of a contact to replace the one that is there?  The newer minute
-- counts; in the same minute the greater text, so that any order ends the same
-- and a busy contact is written once a minute.  Times come cut to the minute.
create or replace function dmbox.newer(p_new text, p_new_at timestamptz, p_old text, p_old_at timestamptz)
returns boolean language sql immutable parallel safe as $$
	select p_new is not null and (p_old is null
	    or p_new_at > coalesce(p_old_at, '-infinity')
	    or p_new_at = p_old_at and p_new collate "C" > p_old collate "C")
$$;
comment on function dmbox.newer(text, timestamptz, text, timestamptz) is 'Whether a contact''s name, username or picture is to be replaced';

-- A text of message m that only a poll saw is an edit without its number.  True where no
-- edit of that text is there yet.
create or replace function dmbox.polled_edit(m dmbox.messages, p_text text)
returns boolean language plpgsql as $$
begin
	if exists (select 1 from dmbox.events e
	    where e.account = m.account and e.channel = m.channel and e.thread_id = m.thread_id
	      and e.target_id = m.external_id and e.effect = 'edit'
	      and dmbox.bare(e.text) = dmbox.bare(p_text)) then
		return false;
	end if;
	insert into dmbox.events (account, channel, thread_id, provider, kind, effect, contact_id,
	       direction, occurred_at, target_id, text, event_key, raw)
	values (m.account, m.channel, m.thread_id, m.provider, 'edit', 'edit', m.contact_id,
	       m.direction, date_trunc('second', m.sent_at), m.external_id, p_text,
	       'polled|' || dmbox.id_hash(m.thread_id, m.external_id, '', p_text), '{}')
	on conflict (event_key, channel, account) do nothing;
	return true;
end $$;
comment on function dmbox.polled_edit is 'Note a text that only a poll saw as an edit; true where it is new';

-- Write m, which was o, with all that follows from the difference.
create or replace function dmbox.merge_write(o dmbox.messages, m dmbox.messages)
returns void language plpgsql as $$
begin
	update dmbox.messages x
	   set contact_id = m.contact_id, sender_id = m.sender_id, recipient_id = m.recipient_id, provider = m.provider,
	       direction = m.direction, source = m.source, is_test = m.is_test, status = m.status, kind = m.kind,
	       body = m.body, detail = m.detail, reply_to = m.reply_to, sent_at = m.sent_at,
	       sent_at_known = m.sent_at_known, read_at = m.read_at, delivered_at = m.delivered_at,
	       content_rank = m.content_rank
	 where x.id = m.id;
	perform dmbox.moved_message(o, m);
	perform dmbox.apply_message(m.id);
end $$;
comment on function dmbox.merge_write is 'Write the merged row of a message';

-- A later version of a message that is there.  Its fields are merged by what they say and
-- who told them, in an order that is the same whichever came first:
--   sides (direction, contact, sender, recipient, source): the higher rank (dmbox.source_rank)
--   kind, text, attachments: what has any over what has none, then the higher rank, then the fuller
--   detail: members of both;  reply_to: what is told;  sent_at: a known time, an exact one, the earlier
-- A text that a poll saw and that is not the text told is an edit without its number.  True
-- where something changed.
create or replace function dmbox.merge_message(p_id bigint, p_contact bigint, p_provider text, p_sender text,
	p_recipient text, p_out boolean, p_kind text, p_body text, p_detail jsonb, p_reply text,
	p_at timestamptz, p_known boolean, p_test boolean, p_source text, p_atts dmbox.attachment_told[])
returns boolean language plpgsql as $$
declare
	m        dmbox.messages%rowtype;
	o        dmbox.messages%rowtype;	-- as it was
	v_base   text;
	v_first  text;
	v_edited boolean;
	v_told   record;
	v_new    integer := dmbox.source_rank(p_source, p_out);
	v_old    integer;
	v_seen   text;
	v_atts   boolean := false;
	v_edit   boolean := false;
begin
	select * into m from dmbox.messages where id = p_id for no key update;
	-- ours is what we sent; a tombstone is completed by who calls
	if not found or m.source = 'send' or m.placeholder then
		return false;
	end if;
	o := m;
	v_old := dmbox.source_rank(m.source, m.direction = 'outbound');
	select v.body into v_first from dmbox.message_edits v where v.message_id = m.id and v.version = 0;
	v_edited := found;
	v_base := case when v_edited then v_first else m.body end;
	select count(*)::integer as n, count(a.url)::integer as urls, string_agg(a.type, ',' order by a.position) as types
	  into v_told from dmbox.attachments a where a.message_id = m.id and a.state <> 'erased';

	if (p_known, p_at <> date_trunc('second', p_at), -dmbox.micros(p_at))
	   > (m.sent_at_known, m.sent_at <> date_trunc('second', m.sent_at), -dmbox.micros(m.sent_at)) and p_known then
		m.sent_at := p_at;
		m.sent_at_known := true;
	end if;
	m.reply_to := greatest(m.reply_to, p_reply);
	if p_contact is not null and (v_new, coalesce(p_sender, '') collate "C", coalesce(p_recipient, '') collate "C")
	   > (v_old, coalesce(m.sender_id, '') collate "C", coalesce(m.recipient_id, '') collate "C") then
		m.contact_id := p_contact;
		m.sender_id := p_sender;
		m.recipient_id := p_recipient;
		m.provider := p_provider;
		m.is_test := p_test;
		m.source := p_source;
		if p_out <> (m.direction = 'outbound') then
			m.direction := case when p_out then 'outbound' else 'inbound' end;
			m.status := case when p_out then 'sent' else 'received' end;
			m.read_at := null;
			m.delivered_at := null;
		end if;
	end if;

	v_old := coalesce(m.content_rank, case when v_base is null and v_told.n = 0 and m.kind = 'unsupported'
	    then 0 else v_old end);
	if p_body is null and cardinality(p_atts) = 0 and p_kind = 'unsupported' then
		v_new := 0;
	end if;
	if m.deleted_at is not null then
		if (v_new, p_kind collate "C") > (v_old, m.kind collate "C") then
			m.kind := p_kind;
			v_old := v_new;
		end if;
	else
		m.detail := dmbox.merge_detail(m.detail, p_detail);
		-- two texts, one of them a poll's: the told one is the text, the other an edit
		if dmbox.bare(p_body) <> dmbox.bare(v_base) and least(v_new, v_old) in (1, 3) then
			v_seen := case when v_new < v_old or v_new = v_old and p_body collate "C" > v_base collate "C"
			    then p_body else v_base end;
			if v_seen = p_body then
				p_body := v_base;
			else
				v_base := p_body;
			end if;
			v_edit := dmbox.polled_edit(m, v_seen);
		end if;
		if (v_new, (select count(x.url) from unnest(p_atts) x), cardinality(p_atts), length(coalesce(p_body, '')),
		    coalesce(p_body, '') collate "C", p_kind collate "C")
		   > (v_old, v_told.urls, v_told.n, length(coalesce(v_base, '')), coalesce(v_base, '') collate "C", m.kind collate "C") then
			m.kind := p_kind;
			v_base := coalesce(p_body, v_base);
			v_atts := cardinality(p_atts) > 0;
			v_old := v_new;
		else
			v_base := coalesce(v_base, p_body);
			v_atts := v_told.n = 0 and cardinality(p_atts) > 0;
		end if;
		if not v_edited then
			m.body := v_base;
		elsif v_base is distinct from v_first then
			update dmbox.message_edits v set body = v_base where v.message_id = m.id and v.version = 0;
			v_edit := true;
		end if;
		if v_atts then
			v_atts := dmbox.merge_attachments(m.account, p_provider, m.id, p_atts);
		end if;
	end if;
	m.content_rank := nullif(v_old, case when v_old > 0 then dmbox.source_rank(m.source, m.direction = 'outbound') else 0 end);

	if m is not distinct from o and not v_edit and not v_atts then
		return false;
	end if;
	perform dmbox.merge_write(o, m);
	return true;
end $$;
comment on function dmbox.merge_message is 'Make the row of a message fuller by another version of it; true where something changed';

-- The attachments of a message are these; what was fetched of the same kind stays.
create or replace function dmbox.merge_attachments(p_account text, p_provider text, p_id bigint, p_atts dmbox.attachment_told[])
returns boolean language plpgsql as $$
declare
	n      integer;
	v_rows integer;
begin
	insert into dmbox.attachments as a (account, message_id, position, type, url, ref, name, mime_type, bytes, state)
	select p_account, p_id, x.i - 1, x.type, x.url, x.ref, x.name, x.mime_type, x.bytes, dmbox.attachment_state(x.type, x.url, x.ref, p_provider)
	  from unnest(p_atts) with ordinality x(type, url, ref, name, mime_type, bytes, i)
	on conflict (message_id, position) do update
	   set type = excluded.type, url = excluded.url, ref = excluded.ref, name = excluded.name,
	       mime_type = case when a.local_path is not null and a.type = excluded.type then a.mime_type else excluded.mime_type end,
	       bytes = case when a.local_path is not null and a.type = excluded.type then a.bytes else excluded.bytes end,
	       state = case when a.local_path is not null and a.type = excluded.type then a.state else excluded.state end,
	       attempts = 0, next_at = null, error_text = null
	 where (a.type, a.url, a.ref, a.name) is distinct from (excluded.type, excluded.url, excluded.ref, excluded.name);
	get diagnostics n = row_count;
	delete from dmbox.attachments a where a.message_id = p_id and a.position >= cardinality(p_atts) and a.local_path is null;
	get diagnostics v_rows = row_count;
	n := n + v_rows;
	update dmbox.attachments a
	   set url = null, ref = null, name = null, mime_type = null, sha256 = null, bytes = null, state = 'erased'
	 where a.message_id = p_id and a.position >= cardinality(p_atts) and a.state <> 'erased';
	get diagnostics v_rows = row_count;
	return n + v_rows > 0;
end $$;
comment on function dmbox.merge_attachments(text, text, bigint, dmbox.attachment_told[]) is 'Replace a message''s attachments; true where something changed';

-- A merge changed the side or the time of a message: what followed from the old ones goes.
create or replace function dmbox.moved_message(o dmbox.messages, m dmbox.messages)
returns void language plpgsql as $$
begin
	if o.direction <> m.direction then
		update dmbox.message_counts c
		   set inbound = c.inbound + case m.direction when 'inbound' then 1 else -1 end,
		       outbound = c.outbound + case m.direction when 'outbound' then 1 else -1 end
		 where c.account = m.account and c.channel = m.channel
		   and m.id <= (select k.message_upto from dmbox.count_marks k);
	end if;
	if o.direction = 'outbound' and (o.direction, o.contact_id, o.sent_at) is distinct from (m.direction, m.contact_id, m.sent_at) then
		update dmbox.messages x
		   set read_at = (select min(a.sent_at) from dmbox.messages a
		                   where a.contact_id = x.contact_id and a.direction = 'outbound' and a.source <> 'send'
		                     and a.sent_at > x.sent_at)
		 where x.contact_id = o.contact_id and x.direction = 'inbound' and x.read_at = o.sent_at and x.sent_at < o.sent_at;
	end if;
	if m.direction = 'outbound' then
		perform dmbox.apply_answer(m.contact_id, m.sent_at);
	end if;
end $$;
comment on function dmbox.moved_message(dmbox.messages, dmbox.messages) is 'What hangs on the side and the time of a message, after a merge changed them';

-- A new message that a receipt or an answer from elsewhere may cover already, or that is such
-- an answer itself.
create or replace function dmbox.late_message(p_id bigint)
returns void language plpgsql as $$
declare
	m dmbox.messages%rowtype;
begin
	select * into m from dmbox.messages x where x.id = p_id;
	if m.direction = 'outbound' then
		perform dmbox.apply_answer(m.contact_id, m.sent_at);
		if not exists (select 1 from dmbox.events e
		    where e.contact_id = m.contact_id and e.effect in ('read', 'status') and e.num > 0
		      and e.num >= dmbox.micros(m.sent_at)) then
			return;
		end if;
	elsif not exists (select 1 from dmbox.messages a
	    where a.contact_id = m.contact_id and a.direction = 'outbound' and a.source <> 'send' and a.sent_at > m.sent_at) then
		return;
	end if;
	perform dmbox.apply_message(p_id);
end $$;
comment on function dmbox.late_message(bigint) is 'Give a new message what a receipt or an answer that is there already says of it';

-- A flow may write one word as the id of all its messages.  Is w, told under the id of m,
-- another message?  It is, if of another person; or of other words, unless the two may be one
-- message in two versions: told at one time, or, where no time is told, one the beginning of
-- the other.  What a poll and a webhook say of one id is always one message.  Once the id was
-- seen to be none (event reused_id), the same words a while later are another one, too.
create or replace function dmbox.is_another(m dmbox.messages, w dmbox.messages, p_atts dmbox.attachment_told[])
returns boolean language plpgsql as $$
declare
	v_body   text := coalesce((select v.body from dmbox.message_edits v where v.message_id = m.id and v.version = 0), m.body);
	v_timed  boolean := m.sent_at_known and w.sent_at_known;
	v_apart  boolean := v_timed and abs(dmbox.micros(m.sent_at) - dmbox.micros(w.sent_at)) >= 1000000;
	v_proved boolean := exists (select 1 from dmbox.events e where e.account = m.account and e.channel = m.channel
	    and e.target_id = m.external_id and e.kind = 'reused_id');
	v_files  boolean := array(select a.url from dmbox.attachments a where a.message_id = m.id order by a.position)
	    = array(select x.url from unnest(p_atts) x);
	v_same   boolean := case when v_body is null and w.body is null then v_files
	    else dmbox.bare(v_body) is not distinct from dmbox.bare(w.body) end;
	v_first  text := dmbox.bare(v_body);
	v_then   text := dmbox.bare(w.body);
begin
	if m.placeholder or m.deleted_at is not null or m.source <> w.source then
		return false;
	elsif m.contact_id <> w.contact_id then
		return true;
	elsif m.direction <> w.direction or dmbox.is_empty(m)
	   or w.kind = 'unsupported' and w.body is null and cardinality(p_atts) = 0 then
		return false;
	elsif v_same then
		return v_proved and (v_apart or not v_timed
		       and abs(dmbox.micros(m.received_at) - dmbox.micros(w.received_at)) > 20000000);
	elsif v_timed or v_proved or v_body is null and w.body is null then
		return v_apart or not v_timed;
	end if;
	return not starts_with(v_then, rtrim(v_first, '.…')) and not starts_with(v_first, rtrim(v_then, '.…'));
end $$;
comment on function dmbox.is_another(dmbox.messages, dmbox.messages, dmbox.attachment_told[]) is
	'Whether what is told under the id of a message is another one (a flow that gives all messages one id)';

-- Another message under the id of message p_id gets a row of its own, known by what it says and
-- when, as one that has no id.  Its id; 0: it is there; -1: it is erased; null: it is no other one.
create or replace function dmbox.keep_apart(p_id bigint, w dmbox.messages, p_who text, p_atts dmbox.attachment_told[])
returns bigint language plpgsql as $$
declare
	m      dmbox.messages%rowtype;
	v_time bigint[] := case when w.sent_at_known then array[dmbox.micros(w.sent_at)]
	    else array[dmbox.micros(w.received_at) / 10000000, dmbox.micros(w.received_at) / 10000000 - 1] end;
	v_keys text[];
	v_id   bigint;
begin
	select * into m from dmbox.messages x where x.id = p_id for no key update;
	if not found or not dmbox.is_another(m, w, p_atts) then
		return null;
	end if;
	v_keys := array(select 'weak:' || encode(sha256(convert_to(jsonb_build_array(w.external_id, p_who, w.direction, w.kind,
	    w.body, w.detail, w.sent_at_known, t, (select jsonb_agg(x.url) from unnest(p_atts) x))::text, 'UTF8')), 'hex')
	    from unnest(v_time) with ordinality u(t, i) order by i);
	insert into dmbox.events (account, channel, thread_id, provider, kind, effect, occurred_at, target_id, event_key, raw)
	values (m.account, m.channel, m.thread_id, m.provider, 'reused_id', 'none', w.received_at, m.external_id,
	       'reused|' || dmbox.id_hash(m.account, m.channel, m.thread_id, m.external_id), '{}')
	on conflict (event_key, channel, account) do nothing;
	if exists (select 1 from dmbox.messages x where x.account = m.account and x.channel = m.channel
	            and x.thread_id = m.thread_id and x.external_id = any (v_keys)) then
		return 0;
	elsif dmbox.is_erased(m.account, m.channel, m.thread_id, v_keys) then
		return -1;
	end if;
	insert into dmbox.messages (account, channel, thread_id, provider, external_id, contact_id, sender_id, recipient_id,
	       direction, kind, body, detail, reply_to, status, sent_at, sent_at_known, received_at, is_test, source, delivery_id)
	values (m.account, m.channel, m.thread_id, w.provider, v_keys[1], w.contact_id, w.sender_id, w.recipient_id,
	       w.direction, w.kind, w.body, w.detail, w.reply_to, case w.direction when 'outbound' then 'sent' else 'received' end,
	       w.sent_at, w.sent_at_known, w.received_at, w.is_test, w.source, w.delivery_id)
	returning id into v_id;
	if cardinality(p_atts) > 0 then
		perform dmbox.merge_attachments(m.account, w.provider, v_id, p_atts);
	end if;
	return v_id;
end $$;
comment on function dmbox.keep_apart is 'A row of its own for a message that came under the id of another one';

-- What comes of a message whose key is there: the id of a row of its own; 0: it is there under
-- another key; -1: it is erased; -2: the row is fuller now; -3: nothing new.
create or replace function dmbox.told_again(p_id bigint, p_who text, p_ext text, p_received timestamptz, p_delivery bigint,
	p_contact bigint, p_provider text, p_sender text, p_recipient text, p_out boolean, p_kind text, p_body text,
	p_detail jsonb, p_reply text, p_at timestamptz, p_known boolean, p_test boolean, p_source text, p_atts dmbox.attachment_told[])
returns bigint language plpgsql as $$
declare
	w      dmbox.messages%rowtype;
	v_came bigint;
begin
	if p_provider = 'chatrace' then	-- its ids are what the maker of the flow wrote
		w.external_id := p_ext; w.provider := p_provider; w.contact_id := p_contact; w.sender_id := p_sender;
		w.recipient_id := p_recipient; w.direction := case when p_out then 'outbound' else 'inbound' end;
		w.kind := p_kind; w.body := p_body; w.detail := p_detail; w.reply_to := p_reply; w.sent_at := p_at;
		w.sent_at_known := p_known; w.received_at := p_received; w.is_test := p_test; w.source := p_source;
		w.delivery_id := p_delivery;
		v_came := dmbox.keep_apart(p_id, w, p_who, p_atts);
	end if;
	return coalesce(v_came, case when dmbox.merge_message(p_id, p_contact, p_provider, p_sender, p_recipient, p_out, p_kind,
	    p_body, p_detail, p_reply, p_at, p_known, p_test, p_source, p_atts) then -2 else -3 end);
end $$;
comment on function dmbox.told_again is 'Merge a later version of a message, or keep apart what is another one';

-- Ingest, for any number of deliveries and items.  A null count is 0 and a null flag
-- false, and an array may be null where no element has a value.  The rows of
-- generate_series come in its order: in a plain scan, or as the outer side of a left join
-- by nested loop, nothing can turn them around.  (It was without m_told: who calls it so still
-- may, but one name with two lists of arguments fits such a call twice)
do $$
declare
	v_before regprocedure := (select p.oid from pg_proc p where p.pronamespace = 'dmbox'::regnamespace
	    and p.proname = 'ingest_many' and p.pronargs = 73);
begin
	if v_before is not null then
		execute 'drop function ' || v_before;
	end if;
end $$;
create or replace function dmbox.ingest_many(
	-- whether a delivery may be stored already
	p_again boolean,
	-- deliveries; d_msgs, d_echoes, d_events: how many of them are in the arrays below
	d_uid uuid[], d_at timestamptz[], d_channel text[], d_account text[], d_source text[],
	d_request text[], d_addr text[], d_ctype text[], d_headers jsonb[], d_body bytea[],
	d_reason text[], d_items integer[], d_dup integer[], d_weak integer[], d_ignored integer[],
	d_msgs integer[], d_echoes integer[], d_events integer[],
	-- advisory buckets, ascending; 256 more where exclusively
	l_bucket integer[],
	-- contacts, distinct and sorted by key
	c_account text[], c_channel text[], c_ext text[],
	c_name text[], c_name_at timestamptz[], c_user text[], c_user_at timestamptz[],
	c_pic text[], c_pic_at timestamptz[], c_in timestamptz[], c_out timestamptz[],
	-- messages, distinct and sorted by key; m_d, m_c: places of delivery and contact
	m_d integer[], m_c integer[], m_account text[], m_thread text[], m_ext text[],
	m_alt text[], m_provider text[], m_sender text[], m_recipient text[], m_out boolean[],
	m_kind text[], m_body text[], m_detail jsonb[], m_reply text[], m_at timestamptz[],
	m_known boolean[], m_test boolean[], m_source text[],
	-- attachments; a_m: place of the message
	a_m integer[], a_pos integer[], a_type text[], a_url text[], a_ref text[], a_name text[],
	a_mime text[], a_bytes bigint[],
	-- events, distinct and sorted by key; e_d, e_c, e_a: places of delivery, contact, actor
	e_d integer[], e_c integer[], e_a integer[], e_account text[], e_thread text[],
	e_provider text[], e_kind text[], e_effect text[], e_out boolean[], e_at timestamptz[],
	e_target text[], e_text text[], e_num bigint[], e_key text[], e_raw jsonb[], e_test boolean[],
	-- of each message its place among all of them as they were told; null: they are sorted so
	m_told integer[] default null)
returns table (uid uuid, id bigint, stored integer, duplicates integer, weak_duplicates integer,
               ignored integer, echoes integer, messages integer)
language plpgsql
-- One plan for arrays of any length: planned anew for each they cost more than all
-- the work.  It must not depend on how small the tables were when it was made,
-- therefore nested loops over indexes and nothing else.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
as $$
#variable_conflict use_column
declare
	v_n      integer := cardinality(d_uid);
	v_nc     integer := coalesce(cardinality(c_ext), 0);
	v_nm     integer := coalesce(cardinality(m_ext), 0);
	v_na     integer := coalesce(cardinality(a_m), 0); v_ne integer := coalesce(cardinality(e_key), 0);
	v_did    bigint[];	-- ids of the deliveries, ascending
	v_cid    bigint[];	-- ids of the contacts
	v_mid    bigint[]; v_change bigint[];	-- ids of the messages, or what they would have got; of their changes
	m_new    boolean[];	-- which were inserted; null: all
	m_gone   boolean[]; m_skip boolean[];	-- which are erased, which not to be inserted; null: none
	v_there  text[];	-- of messages that are told under the other name of their chat: that
	e_gone   boolean[];
	c_gone   boolean[];	-- contacts of erased items only
	d_there  boolean[];	-- deliveries that have their row; null: none
	v_absent boolean;
	v_stale  integer[];	-- places of contacts that changed
	v_sid    bigint[];	-- their ids, ascending, as then v_stale is
	v_waits  integer[];	-- places of messages that events speak of
	v_place  integer; v_lock integer; v_rows integer;
	v_void   text;
	c_out_at timestamptz[]; v_answered boolean;	-- contacts: until when there may be an answer; any
	d_merged integer[];	-- items that made an older row fuller; null: none
	v_came   bigint;	-- dmbox.told_again
	r        record;
begin
	c_ext := case when 'whatsapp' = any (d_channel) then dmbox.names_now(c_account, c_channel, c_ext, m_thread, m_ext) else c_ext end;
	foreach v_lock in array l_bucket loop
		v_void := case when v_lock < 256 then pg_advisory_xact_lock_shared(25709, v_lock)::text
		               else pg_advisory_xact_lock(25709, v_lock - 256)::text end;
	end loop;

	-- erased stays erased
	if exists (select 1 from dmbox.erased) then
		select array_agg(dmbox.is_erased(m_account[i], d_channel[m_d[i]], m_thread[i], array[m_ext[i], m_alt[i]]))
		  into m_gone from generate_series(1, v_nm) i;
		if v_ne > 0 then
			select array_agg(dmbox.is_erased(e_account[i], d_channel[e_d[i]], e_thread[i], array[e_target[i], 'event:' || e_key[i]]))
			  into e_gone from generate_series(1, v_ne) i;
		end if;
		if true = any (m_gone) or true = any (e_gone) then
			c_gone := array(select l.c is null from generate_series(1, v_nc) i left join
			    (select m_c[x] from generate_series(1, v_nm) x where not m_gone[x] union
			     select u.c from generate_series(1, v_ne) x, unnest(array[e_c[x], e_a[x]]) u (c) where not e_gone[x]) l (c) on l.c = i order by i);
			-- what speaks of erased items keeps no bytes
			for r in
				select m_d[i] as d from generate_series(1, v_nm) i where m_gone[i]
				union all
				select e_d[i] from generate_series(1, v_ne) i where e_gone[i]
			loop
				d_ignored[r.d] := coalesce(d_ignored[r.d], 0) + 1;
				d_body[r.d] := null;
			end loop;
		end if;
	end if;

	-- One look at what there is: the contacts, the events that wait for their message (they
	-- can neither come nor go from here on, they would need the bucket for themselves); and
	-- ids for what there will be.  A contact's time that moves by less than a minute is no
	-- change.  Missing contacts are added, then looked up with what others added meanwhile.
	for v_try in 1 .. 2 loop
		select coalesce(v_did, array_agg(nextval('dmbox.deliveries_id_seq')) filter (where i <= v_n and v_did is null)),
		       coalesce(v_mid, array_agg(nextval('dmbox.messages_id_seq')) filter (where i <= v_nm and v_mid is null)),
		       array_agg(i) filter (where i <= v_nm and (select e.id from dmbox.events e
		           where e.account = m_account[i] and e.channel = d_channel[m_d[i]]
		             and e.target_id = m_ext[i] and e.effect <> 'none' limit 1) is not null),
		       array_agg(c.id),
		       bool_or(i <= v_nc and c.id is null and c_gone[i] is not true),
		       array_agg(c.last_outbound_at + interval '1 minute'), bool_or(c.last_outbound_at is not null),
		       array_agg(i) filter (where c_gone[i] is not true
		           and (c_in[i] > coalesce(c.last_inbound_at, '-infinity') + interval '1 minute'
		             or c_out[i] > coalesce(c.last_outbound_at, '-infinity') + interval '1 minute'
		             or dmbox.newer(c_name[i], c_name_at[i], c.name, c.named_at)
		             or dmbox.newer(c_user[i], c_user_at[i], c.username, c.username_at)
		             or dmbox.newer(c_pic[i], c_pic_at[i], c.picture_url, c.picture_at)))
		  into v_did, v_mid, v_waits, v_cid, v_absent, c_out_at, v_answered, v_stale
		  from generate_series(1, greatest(v_n, v_nc, v_nm)) i
		  left join dmbox.contacts c on c.account = c_account[i] and c.channel = c_channel[i] and c.external_id = c_ext[i];
		exit when not v_absent;
		insert into dmbox.contacts (account, channel, external_id, name, named_at, username, username_at,
		       picture_url, picture_at, last_inbound_at, last_outbound_at, last_at)
		select c_account[i], c_channel[i], c_ext[i], c_name[i], c_name_at[i], c_user[i], c_user_at[i],
		       c_pic[i], c_pic_at[i], c_in[i], c_out[i], greatest(c_in[i], c_out[i])
		  from generate_series(1, v_nc) i
		 where v_cid[i] is null and c_gone[i] is not true
		on conflict (account, channel, external_id) do nothing;
	end loop;
	if v_stale is not null then
		-- by their ids alone, whatever the plan: a join was planned as each of them with each
		select array_agg(i order by v_cid[i]), array_agg(v_cid[i] order by v_cid[i]) into v_stale, v_sid
		  from unnest(v_stale) i where v_cid[i] is not null;
		perform c.id from dmbox.contacts c where c.id = any (v_sid) order by c.id for no key update;
		update dmbox.contacts c
		   set (last_inbound_at, last_outbound_at, last_at, name, named_at, username, username_at, picture_url, picture_at) = (
		       select greatest(c.last_inbound_at, c_in[i]), greatest(c.last_outbound_at, c_out[i]), greatest(c.last_at, c_in[i], c_out[i]),
		              case when dmbox.newer(c_name[i], c_name_at[i], c.name, c.named_at) then c_name[i] else c.name end,
		              case when dmbox.newer(c_name[i], c_name_at[i], c.name, c.named_at) then c_name_at[i] else c.named_at end,
		              case when dmbox.newer(c_user[i], c_user_at[i], c.username, c.username_at) then c_user[i] else c.username end,
		              case when dmbox.newer(c_user[i], c_user_at[i], c.username, c.username_at) then c_user_at[i] else c.username_at end,
		              case when dmbox.newer(c_pic[i], c_pic_at[i], c.picture_url, c.picture_at) then c_pic[i] else c.picture_url end,
		              case when dmbox.newer(c_pic[i], c_pic_at[i], c.picture_url, c.picture_at) then c_pic_at[i] else c.picture_at end
		         from (select v_stale[width_bucket(c.id, v_sid)] as i offset 0) place)
		 where c.id = any (v_sid);
	end if;

	-- messages, with ids in the order told; a weak one is there if its other id is, and its bucket is ours alone
	if v_nm > 0 then
		v_mid := case when m_told is null then v_mid else array(select v_mid[t] from unnest(m_told) t) end;
		v_change := array(select dmbox.next_change() from unnest(m_told));
		m_skip := m_gone;
		if m_alt is not null then
			select array_agg(m_gone[i] is true or (select w.id from dmbox.messages w
			           where w.account = m_account[i] and w.channel = d_channel[m_d[i]] and w.thread_id = m_thread[i] and w.external_id = m_alt[i]) is not null)
			  into m_skip from generate_series(1, v_nm) i;
		end if;
		if exists (select 1 from unnest(m_thread) t where t like '%@%') then
			v_there := dmbox.other_threads(m_account, array(select d_channel[d] from unnest(m_d) d), m_thread, m_ext, m_sender,
			    array(select m_kind[i] = 'unsupported' and m_body[i] is null and i <> all (coalesce(a_m, '{}'))
			                 and m_gone[i] is not true from generate_series(1, v_nm) i));
			m_skip := array(select m_skip[i] is true or v_there[i] is not null from generate_series(1, v_nm) i);
		end if;
		insert into dmbox.messages (id, account, channel, thread_id, provider, external_id, contact_id,
		       sender_id, recipient_id, direction, kind, body, detail, reply_to, status, sent_at,
		       sent_at_known, received_at, is_test, source, delivery_id, change_id)
		overriding system value
		select v_mid[i], m_account[i], d_channel[m_d[i]], m_thread[i], m_provider[i], m_ext[i], v_cid[m_c[i]],
		       m_sender[i], m_recipient[i], case when m_out[i] then 'outbound' else 'inbound' end, m_kind[i],
		       m_body[i], m_detail[i], m_reply[i], case when m_out[i] then 'sent' else 'received' end, m_at[i],
		       m_known[i], d_at[m_d[i]], coalesce(m_test[i], false), m_source[i], v_did[m_d[i]], coalesce(v_change[m_told[i]], dmbox.next_change())
		  from generate_series(1, v_nm) i
		 where m_skip[i] is not true
		on conflict (account, channel, thread_id, external_id) do nothing;
		get diagnostics v_rows = row_count;
		if v_rows < v_nm then
			select array_agg((select w.id from dmbox.messages w where w.id = v_mid[i]) is not null)
			  into m_new from generate_series(1, v_nm) i;
		end if;

		if v_na > 0 and v_rows > 0 then
			insert into dmbox.attachments (account, message_id, position, type, url, ref, name, mime_type, bytes, state)
			select m_account[a_m[i]], v_mid[a_m[i]], a_pos[i], a_type[i], a_url[i], a_ref[i], a_name[i], a_mime[i],
			       a_bytes[i], dmbox.attachment_state(a_type[i], a_url[i], a_ref[i], m_provider[a_m[i]])
			  from generate_series(1, v_na) i
			 where m_new is null or m_new[a_m[i]];
		end if;

		if m_new is not null then
			-- a tombstone that was waiting for its message: completed, without content
			for r in
				select w.id, i
				  from generate_series(1, v_nm) i
				  join dmbox.messages w on w.account = m_account[i] and w.channel = d_channel[m_d[i]]
				   and w.thread_id = m_thread[i] and w.external_id = m_ext[i] and w.placeholder
				 where m_gone[i] is not true and v_there[i] is null
				 order by w.id for no key update of w
			loop
				update dmbox.messages w
				   set provider = m_provider[r.i], sender_id = m_sender[r.i], recipient_id = m_recipient[r.i], contact_id = v_cid[m_c[r.i]],
				       direction = case when m_out[r.i] then 'outbound' else 'inbound' end, kind = m_kind[r.i],
				       reply_to = m_reply[r.i], status = case when m_out[r.i] then 'sent' else 'received' end,
				       sent_at = m_at[r.i], sent_at_known = m_known[r.i], received_at = d_at[m_d[r.i]],
				       is_test = coalesce(m_test[r.i], false), source = m_source[r.i], delivery_id = v_did[m_d[r.i]], placeholder = false, read_at = null, delivered_at = null
				 where w.id = r.id and w.placeholder;
				if found then
					m_new[r.i] := true;
					v_mid[r.i] := r.id;
				end if;
			end loop;
			-- duplicates are keys that are found, not what remains
			for r in
				select i, m_d[i] as d, m_source[i] = 'echo' as echo, m_alt[i] is not null as weak, m_gone[i] is not true
				       and coalesce(w.id, (select x.id from dmbox.messages x
				            where x.account = m_account[i] and x.channel = d_channel[m_d[i]] and x.thread_id = m_thread[i]
				              and x.external_id = m_alt[i])) is not null as there, w.id
				  from generate_series(1, v_nm) i
				  left join dmbox.messages w on w.account = m_account[i] and w.channel = d_channel[m_d[i]]
				   and w.thread_id = coalesce(v_there[i], m_thread[i]) and w.external_id = m_ext[i]
				 where not m_new[i]
			loop
				v_came := case when r.there and not r.weak and (v_there[r.i] like '%@g.us') is not true then dmbox.told_again(r.id, c_ext[m_c[r.i]], m_ext[r.i], d_at[r.d],
				       v_did[r.d], v_cid[m_c[r.i]], m_provider[r.i], m_sender[r.i], m_recipient[r.i], m_out[r.i] is true, m_kind[r.i],
				       m_body[r.i], m_detail[r.i], m_reply[r.i], m_at[r.i], m_known[r.i], m_test[r.i] is true, m_source[r.i],
				       array(select row(a_type[k], a_url[k], a_ref[k], a_name[k], a_mime[k], a_bytes[k])::dmbox.attachment_told
				               from unnest(array_positions(a_m, r.i)) k order by a_pos[k])) end;
				d_reason[r.d] := case when v_came >= -1 and d_reason[r.d] = 'ok' then 'reused_id' else d_reason[r.d] end;
				if v_came > 0 then
					m_new[r.i] := true;
					v_mid[r.i] := v_came;
					continue;
				end if;
				d_msgs[r.d] := d_msgs[r.d] - 1;
				d_echoes[r.d] := d_echoes[r.d] - r.echo::integer;
				if v_came = -2 then
					d_merged[r.d] := coalesce(d_merged[r.d], 0) + 1;
				elsif v_came = -1 then
					d_ignored[r.d] := coalesce(d_ignored[r.d], 0) + 1;
					d_body[r.d] := null;
				elsif r.there and (r.weak or v_came = 0) then
					d_weak[r.d] := coalesce(d_weak[r.d], 0) + 1;
				elsif r.there then
					d_dup[r.d] := coalesce(d_dup[r.d], 0) + 1;
				end if;
			end loop;
		end if;

		-- ours from elsewhere, and what is older than one of those
		if m_out is not null or v_answered then
			for r in
				select i from generate_series(1, v_nm) i
				 where (m_new is null or m_new[i]) and (m_out[i] or c_out_at[m_c[i]] >= m_at[i])
			loop
				perform dmbox.late_message(v_mid[r.i]);
			end loop;
		end if;
	end if;

	-- events
	if v_ne > 0 then
		insert into dmbox.events (account, channel, thread_id, provider, kind, effect, contact_id, actor_id,
		       direction, occurred_at, target_id, text, num, event_key, raw, is_test, delivery_id)
		select e_account[i], d_channel[e_d[i]], e_thread[i], e_provider[i], e_kind[i], e_effect[i], v_cid[e_c[i]],
		       v_cid[e_a[i]], case when e_out[i] then 'outbound' else 'inbound' end, e_at[i], e_target[i],
		       e_text[i], coalesce(e_num[i], 0), e_key[i], e_raw[i], coalesce(e_test[i], false), v_did[e_d[i]]
		  from generate_series(1, v_ne) i
		 where e_gone[i] is not true
		on conflict (event_key, channel, account) do nothing;
		get diagnostics v_rows = row_count;
		if v_rows < v_ne then
			for r in
				select e_d[i] as d, e_gone[i] is not true and e.id is not null as there
				  from generate_series(1, v_ne) i
				  left join dmbox.events e on e.account = e_account[i] and e.channel = d_channel[e_d[i]] and e.event_key = e_key[i]
				 where e.delivery_id is distinct from v_did[e_d[i]]
			loop
				d_events[r.d] := d_events[r.d] - 1;
				if r.there then
					d_dup[r.d] := coalesce(d_dup[r.d], 0) + 1;
				end if;
			end loop;
		end if;

		for r in
			select distinct e_account[i] as account, d_channel[e_d[i]] as channel, e_thread[i] as thread, e_target[i] as target
			  from generate_series(1, v_ne) i
			 where e_effect[i] <> 'none' and e_target[i] is not null and e_gone[i] is not true
			 order by 1, 2, 3, 4
		loop
			perform dmbox.apply_target(r.account, r.channel, r.thread, r.target);
		end loop;
		-- receipts that name a time and no message
		for r in
			select v_cid[e_c[i]] as contact, e_num[i] as num, e_at[i] as at, e_account[i] as account,
			       d_channel[e_d[i]] as channel, e_key[i] as key
			  from generate_series(1, v_ne) i
			 where e_effect[i] = 'read' and e_target[i] is null and e_num[i] > 0 and e_gone[i] is not true
		loop
			perform dmbox.apply_receipt(r.contact, r.num, r.at);
			update dmbox.events e set applied_at = now()
			 where e.account = r.account and e.channel = r.channel and e.event_key = r.key and e.applied_at is null;
		end loop;
	end if;

	-- events that came before their message
	if v_waits is not null then
		foreach v_place in array v_waits loop
			if m_new is null or m_new[v_place] then
				perform dmbox.apply_message(v_mid[v_place]);
			end if;
		end loop;
	end if;

	-- a delivery that an earlier try had stored after all, or that is in here twice: its
	-- first row speaks
	if p_again then
		select array_agg((select d.id from dmbox.deliveries d
		                   where d.delivery_uid = d_uid[i] and d.received_at = d_at[i]) is not null
		             or array_position(d_uid, d_uid[i]) < i)
		  into d_there from generate_series(1, v_n) i;
		return query
		select d.delivery_uid, d.id, d.stored, d.duplicates, d.weak_duplicates, d.ignored, 0, 0
		  from generate_series(1, v_n) i
		  join dmbox.deliveries d on d.delivery_uid = d_uid[i] and d.received_at = d_at[i]
		 where d_there[i];
	end if;

	-- the ledger last, with what really happened; v_did ascends, so width_bucket finds the
	-- place of an id.  ("on conflict" would cost more than all the other work here, for
	-- what hardly ever happens: then it is an error, and the caller tries again)
	return query
	insert into dmbox.deliveries as l (id, delivery_uid, received_at, channel, account, source, request_id,
	       remote_addr, content_type, headers, body, verdict, reason, items, stored, duplicates,
	       weak_duplicates, ignored, merged, provider)
	select v_did[i], d_uid[i], d_at[i], d_channel[i], d_account[i], d_source[i], d_request[i], d_addr[i],
	       d_ctype[i], d_headers[i], d_body[i], 'accepted', d_reason[i], d_items[i],
	       coalesce(d_msgs[i], 0) + coalesce(d_events[i], 0) + coalesce(d_merged[i], 0), coalesce(d_dup[i], 0),
	       coalesce(d_weak[i], 0), coalesce(d_ignored[i], 0), coalesce(d_merged[i], 0), d_headers[i] ->> ':provider'
	  from generate_series(1, v_n) i
	 where d_there[i] is not true
	returning l.delivery_uid, l.id, l.stored, l.duplicates, l.weak_duplicates, l.ignored,
	          coalesce(d_echoes[width_bucket(l.id, v_did)], 0), coalesce(d_msgs[width_bucket(l.id, v_did)], 0);
end $$;
comment on function dmbox.ingest_many is 'Entry point: stores a batch of deliveries with contacts, messages, attachments, events, in one statement; each gets its counts';

-- Ingest again, for what most deliveries are: one that brings one new message is a
-- handful of plain statements over plain values.  Its key has the one bucket, shared; its
-- contact is the message's.  What is not that plain after all goes the way above.
create or replace function dmbox.ingest(
	-- the delivery
	d_uid uuid, d_at timestamptz, d_channel text, d_account text, d_source text,
	d_request text, d_addr text, d_ctype text, d_headers jsonb, d_body bytea,
	d_reason text, d_items integer, d_dup integer, d_weak integer, d_ignored integer,
	-- the message, with its dmbox.id_hash
	m_hash text, m_account text, m_thread text, m_ext text, m_provider text, m_contact text,
	m_sender text, m_recipient text, m_out boolean, m_kind text, m_body text, m_detail jsonb,
	m_reply text, m_at timestamptz, m_known boolean, m_test boolean, m_source text,
	-- its contact; c_at: the time of what is told of it, cut to the minute
	c_name text, c_user text, c_pic text, c_at timestamptz, c_in timestamptz, c_out timestamptz,
	out uid uuid, out id bigint, out stored integer, out duplicates integer,
	out weak_duplicates integer, out ignored integer, out echoes integer, out messages integer)
language plpgsql
-- as above; it joins nothing that could be joined otherwise
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
	v_bucket integer := get_byte(decode(left(m_hash, 2), 'hex'), 0);
	v_void   text;
	v_cid    bigint;
	v_old    boolean;
	v_gone   boolean;
	v_waits  boolean; v_late boolean;
	v_mid    bigint;
begin
	m_contact := case when d_channel = 'whatsapp' then
	    dmbox.name_now(m_account, d_channel, m_contact, m_thread, m_ext) else m_contact end;
	v_void := pg_advisory_xact_lock_shared(25709, v_bucket);

	-- all there is to know beforehand, by one look; an event that waits cannot come or
	-- go from here on, it would need the bucket for itself
	select c.id, c_in > coalesce(c.last_inbound_at, '-infinity') + interval '1 minute'
	          or c_out > coalesce(c.last_outbound_at, '-infinity') + interval '1 minute'
	          or dmbox.newer(c_name, c_at, c.name, c.named_at)
	          or dmbox.newer(c_user, c_at, c.username, c.username_at)
	          or dmbox.newer(c_pic, c_at, c.picture_url, c.picture_at),
	       (select x.erased_at from dmbox.erased x
	         where x.account = m_account and x.channel = d_channel and x.id_hash = m_hash) is not null
	       -- or it may be there, or be erased, under the other name of its chat
	       or m_thread like '%@%' and ((select w.id from dmbox.messages w where w.account = m_account
	         and w.channel = d_channel and w.external_id = m_ext and w.thread_id <> '' and w.thread_id <> m_thread limit 1) is not null
	         or exists (select 1 from dmbox.erased) and dmbox.is_erased(m_account, d_channel, m_thread, array[m_ext])),
	       (select e.id from dmbox.events e
	         where e.account = m_account and e.channel = d_channel
	           and e.target_id = m_ext and e.effect <> 'none' limit 1) is not null,
	       m_out or c.last_outbound_at + interval '1 minute' >= m_at
	  into v_cid, v_old, v_gone, v_waits, v_late
	  from (values (1)) one
	  left join dmbox.contacts c on c.account = m_account and c.channel = d_channel and c.external_id = m_contact;

	if v_cid is null and not v_gone then
		insert into dmbox.contacts (account, channel, external_id, name, named_at, username, username_at,
		       picture_url, picture_at, last_inbound_at, last_outbound_at, last_at)
		values (m_account, d_channel, m_contact, c_name, case when c_name is not null then c_at end,
		       c_user, case when c_user is not null then c_at end,
		       c_pic, case when c_pic is not null then c_at end, c_in, c_out, greatest(c_in, c_out))
		on conflict (account, channel, external_id) do nothing
		returning id into v_cid;
	elsif v_old and not v_gone then
		update dmbox.contacts c
		   set last_inbound_at = greatest(c.last_inbound_at, c_in), last_outbound_at = greatest(c.last_outbound_at, c_out),
		       last_at = greatest(c.last_at, c_in, c_out),
		       name = case when dmbox.newer(c_name, c_at, c.name, c.named_at) then c_name else c.name end,
		       named_at = case when dmbox.newer(c_name, c_at, c.name, c.named_at) then c_at else c.named_at end,
		       username = case when dmbox.newer(c_user, c_at, c.username, c.username_at) then c_user else c.username end,
		       username_at = case when dmbox.newer(c_user, c_at, c.username, c.username_at) then c_at else c.username_at end,
		       picture_url = case when dmbox.newer(c_pic, c_at, c.picture_url, c.picture_at) then c_pic else c.picture_url end,
		       picture_at = case when dmbox.newer(c_pic, c_at, c.picture_url, c.picture_at) then c_at else c.picture_at end
		 where c.id = v_cid;
	end if;

	if v_cid is not null and not v_gone then
		insert into dmbox.messages (account, channel, thread_id, provider, external_id, contact_id, sender_id,
		       recipient_id, direction, kind, body, detail, reply_to, status, sent_at, sent_at_known,
		       received_at, is_test, source, delivery_id)
		values (m_account, d_channel, m_thread, m_provider, m_ext, v_cid, m_sender, m_recipient,
		       case when m_out then 'outbound' else 'inbound' end, m_kind, m_body, m_detail, m_reply,
		       case when m_out then 'sent' else 'received' end, m_at, m_known, d_at, m_test, m_source,
		       nextval('dmbox.deliveries_id_seq'))
		on conflict (account, channel, thread_id, external_id) do nothing
		returning id, delivery_id into v_mid, id;
	end if;
	if v_mid is null then	-- erased, or somebody was here before, under whatever name
		select * into uid, id, stored, duplicates, weak_duplicates, ignored, echoes, messages
		  from dmbox.ingest_many(
		    true, array[d_uid], array[d_at], array[d_channel], array[d_account], array[d_source], array[d_request],
		    array[d_addr], array[d_ctype], array[d_headers], array[d_body], array[d_reason], array[d_items],
		    array[d_dup], array[d_weak], array[d_ignored], array[1], array[case when m_source = 'echo' then 1 else 0 end],
		    array[0], array[v_bucket], array[m_account], array[d_channel], array[m_contact],
		    array[c_name], array[case when c_name is not null then c_at end],
		    array[c_user], array[case when c_user is not null then c_at end], array[c_pic],
		    array[case when c_pic is not null then c_at end], array[c_in], array[c_out],
		    array[1], array[1], array[m_account], array[m_thread], array[m_ext], null,
		    array[m_provider], array[m_sender], array[m_recipient], array[m_out], array[m_kind], array[m_body],
		    array[m_detail], array[m_reply], array[m_at], array[m_known], array[m_test], array[m_source],
		    null, null, null, null, null, null, null, null,
		    null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
		return;
	end if;
	if v_waits then
		perform dmbox.apply_message(v_mid);
	end if;
	if v_late then
		perform dmbox.late_message(v_mid);
	end if;

	-- (no "on conflict": who stored this delivery before stored its message with it; should
	-- that have gone since, the caller tries again, by dmbox.ingest_many)
	insert into dmbox.deliveries (id, delivery_uid, received_at, channel, account, source, request_id,
	       remote_addr, content_type, headers, body, verdict, reason, items, stored, duplicates,
	       weak_duplicates, ignored, provider)
	values (id, d_uid, d_at, d_channel, d_account, d_source, d_request, d_addr, d_ctype, d_headers, d_body,
	       'accepted', d_reason, d_items, 1, d_dup, d_weak, d_ignored, d_headers ->> ':provider');
	uid := d_uid; stored := 1; duplicates := d_dup;
	weak_duplicates := d_weak;
	ignored := d_ignored;
	echoes := case when m_source = 'echo' then 1 else 0 end;
	messages := 1;
end $$;
comment on function dmbox.ingest is
	'dmbox.ingest_many with less work for one delivery of one new message';

-- What an earlier release erased kept its words in the key.
update dmbox.events e set event_key = dmbox.wordless_key(e)
 where e.effect = 'edit' and e.text is null and e.event_key like 'edit|%' or e.event_key like '%{%';
update dmbox.events e set raw = jsonb_strip_nulls(jsonb_build_object('id', e.raw -> 'id', 'time', e.raw -> 'time'))
 where e.kind = 'messenger' and e.raw - '{id,time}'::text[] <> '{}';
