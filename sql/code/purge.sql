-- Erasure on request, and retention of messages.
--
-- `dmbox purge` calls these in turn, each call one short transaction of bounded
-- size.  What was erased is remembered as a hash (dmbox.erased), and dmbox.ingest
-- asks for it, so neither a provider's retry nor a poll, the spool or a replay
-- brings it back.  The ledger keeps the row of a delivery, without its bytes:
-- deliveries.purged counts what was removed, so that ingest_balance stays even.

-- Locks as dmbox.ingest takes them: buckets ascending, before any row.
create or replace function dmbox.purge_lock(p_keys text[]) returns void language plpgsql as $$
declare
	b integer;
begin
	for b in select distinct get_byte(decode(k, 'hex'), 0) from unnest(p_keys) k order by 1 loop
		perform pg_advisory_xact_lock(25709, b);
	end loop;
end $$;
comment on function dmbox.purge_lock(text[]) is 'Nobody else brings or changes the messages with these id hashes until the end of the transaction';

-- A contact's id, the others that were learned of it and its other spellings; p_id may lack what
-- follows an @.
create or replace function dmbox.contact_ids(p_account text, p_channel text, p_id text) returns text[]
language sql stable as $$
	select array(select a.alias from dmbox.contact_aliases a
	    where a.account = p_account and a.channel = p_channel
	      and (a.external_id = p_id or split_part(a.external_id, '@', 1) = p_id))
	    || dmbox.contact_twins(p_channel, p_id)
$$;
comment on function dmbox.contact_ids(text, text, text) is 'Every id of one person: the contact''s, its aliases and other spellings';

-- Rows that go away are counted at the deliveries that brought them, whose bytes go too.
create or replace function dmbox.purge_note(p_deliveries bigint[]) returns integer language plpgsql as $$
declare
	n integer;
begin
	with x as (select id, count(*)::integer as n from unnest(p_deliveries) id where id is not null group by id),
	u as (update dmbox.deliveries d set purged = d.purged + x.n, body = null
	        from x where d.id = x.id
	     returning (select o.body is not null from dmbox.deliveries o
	                 where o.id = d.id and o.received_at = d.received_at) as had)
	select count(*) filter (where had) into n from u;
	return n;
end $$;
comment on function dmbox.purge_note(bigint[]) is 'Count purged items at their deliveries and drop the bytes of these; returns how many had bytes';

create or replace function dmbox.purge_events(p_ids bigint[]) returns integer language plpgsql as $$
declare
	v_d bigint[];
	n   integer;
begin
	insert into dmbox.erased (account, channel, id_hash)
	select e.account, e.channel, dmbox.id_hash(e.account, e.channel, t, 'event:' || e.event_key)
	  from dmbox.events e cross join unnest(dmbox.chat_names(e.account, e.channel, e.thread_id)) t where e.id = any (p_ids)
	 order by 1, 2, 3
	on conflict do nothing;
	with gone as (delete from dmbox.events e where e.id = any (p_ids) returning e.delivery_id)
	select array_agg(delivery_id), count(*) into v_d, n from gone;
	if n > 0 then
		n := dmbox.purge_note(v_d);
	end if;
	return n;
end $$;
comment on function dmbox.purge_events(bigint[]) is 'Erase these events; returns how many deliveries lost their bytes by it';

-- What stands in a person's conversation, and what the same person wrote in groups.
create or replace function dmbox.messages_of(p_contact bigint) returns setof dmbox.messages
language sql stable rows 100 as $$
	select m.* from dmbox.messages m where m.contact_id = p_contact
	union all
	select m.* from dmbox.contacts c
	  join dmbox.contacts g on g.account = c.account and g.channel = c.channel
	   and g.external_id like '%@g.us' and g.id <> c.id
	  join dmbox.messages m on m.contact_id = g.id and m.sender_id = c.external_id
	 where c.id = p_contact
$$;
comment on function dmbox.messages_of(bigint) is 'Messages of one contact: its conversation, and its own in group chats';

-- Messages of one contact (0: of none) that are older than p_before, with all that hangs on them.
create or replace function dmbox.purge_messages(p_contact bigint, p_before timestamptz, p_max integer,
	out messages integer, out attachments integer, out events integer, out blanked integer)
language plpgsql as $$
#variable_conflict use_column
declare
	v_ids bigint[];
	v_ev  bigint[];
	v_d   bigint[];
begin
	messages := 0; attachments := 0; events := 0; blanked := 0;
	delete from dmbox.notes n where n.contact_id = p_contact and n.created_at < p_before;
	if p_contact = 0 then
		select array_agg(x.id) into v_ids from (select m.id from dmbox.messages m
		    where m.contact_id is null and m.sent_at < p_before order by m.sent_at limit p_max) x;
	else
		select array_agg(x.id) into v_ids from (select m.id from dmbox.messages_of(p_contact) m
		    where m.sent_at < p_before
		      -- a message on its way is not ours to take back: it ends first
		      and not exists (select 1 from dmbox.outbox o where o.id = m.outbox_id and o.state = 'leased')
		    order by m.sent_at limit p_max) x;
	end if;
	if v_ids is null then
		return;
	end if;
	perform dmbox.purge_lock(array(select dmbox.id_hash(m.account, m.channel, m.thread_id, m.external_id)
	    from dmbox.messages m where m.id = any (v_ids)));
	perform 1 from dmbox.messages m where m.id = any (v_ids)
	  order by m.account, m.channel, m.thread_id, m.external_id for update;

	insert into dmbox.erased (account, channel, id_hash)
	select m.account, m.channel, dmbox.id_hash(m.account, m.channel, t, m.external_id)
	  from dmbox.messages m cross join unnest(dmbox.chat_names(m.account, m.channel, m.thread_id)) t where m.id = any (v_ids)
	 order by 1, 2, 3
	on conflict do nothing;

	select array_agg(e.id), count(*) into v_ev, events
	  from dmbox.messages m join dmbox.events e on e.account = m.account and e.channel = m.channel
	   and e.thread_id = m.thread_id and e.target_id = m.external_id
	 where m.id = any (v_ids);
	if v_ev is not null then
		blanked := dmbox.purge_events(v_ev);
	end if;
	delete from dmbox.reactions r where r.message_id = any (v_ids);
	delete from dmbox.message_edits x where x.message_id = any (v_ids);
	select count(*) into attachments from dmbox.attachments a where a.message_id = any (v_ids) and a.state <> 'erased';
	-- a downloaded file first goes from the disk: dmbox purge, else the poller, then drops the row
	delete from dmbox.attachments a where a.message_id = any (v_ids) and a.local_path is null;
	update dmbox.attachments a
	   set url = null, ref = null, name = null, mime_type = null, sha256 = null, bytes = null,
	       error_text = null, state = 'erased'
	 where a.message_id = any (v_ids) and a.state <> 'erased';
	update dmbox.outbox o
	   set body = null, attachments = null, reply_to = null, reaction = null, error_text = null
	 where o.id in (select m.outbox_id from dmbox.messages m where m.id = any (v_ids)) and o.state <> 'leased';
	with gone as (delete from dmbox.messages m where m.id = any (v_ids) returning m.delivery_id)
	select array_agg(delivery_id), count(*) into v_d, messages from gone;
	blanked := blanked + dmbox.purge_note(v_d);
end $$;
comment on function dmbox.purge_messages(bigint, timestamptz, integer) is
	'Erase up to p_max of a contact''s messages sent before p_before (contact 0: of nobody''s), with attachments, edits, reactions, events, texts of the outbox, and the bytes of their deliveries';

-- Events that hang on no message, by ranges of ids: of one contact (0: of all).
create or replace function dmbox.purge_loose(p_contact bigint, p_before timestamptz, p_from bigint, p_to bigint,
	out events integer, out blanked integer)
language plpgsql as $$
#variable_conflict use_column
declare
	v_ev bigint[];
begin
	select array_agg(e.id), count(*) into v_ev, events from dmbox.events e
	 where e.id > p_from and e.id <= p_to and e.occurred_at < p_before
	   and (p_contact = 0 or e.contact_id = p_contact or e.actor_id = p_contact);
	blanked := 0;
	if v_ev is not null then
		blanked := dmbox.purge_events(v_ev);
	end if;
end $$;
comment on function dmbox.purge_loose(bigint, timestamptz, bigint, bigint) is 'Erase the events in a range of ids that happened before p_before, of one contact or (0) of all';

-- Does the body hold this id as a word of its own?
create or replace function dmbox.holds_word(p_body bytea, p_word text) returns boolean
language sql immutable parallel safe as $$
	select position(convert_to(p_word, 'UTF8') in p_body) > 0
	   and dmbox.bytes_text(p_body) ~ (
	       case when length(p_word) < 5 then '(^|[=&"])' else '(^|[^[:alnum:]])' end
	       || regexp_replace(p_word, E'([][\\\\.^$*+?(){}|])', E'\\\\\\1', 'g')
	       || case when length(p_word) < 5 then '($|[=&"])' else '($|[^[:alnum:]])' end)
$$;
comment on function dmbox.holds_word(bytea, text) is 'Whether bytes hold an id that is not part of a longer word (short ids: in quotes or as a form value)';

-- Bytes in the ledger, by ranges of ids: what speaks of one contact, also as a
-- duplicate or refused; with an empty word what is older than p_before.
create or replace function dmbox.purge_ledger(p_account text, p_channel text, p_word text, p_before timestamptz,
	p_from bigint, p_to bigint, p_dry boolean)
returns integer language plpgsql as $$
declare
	v_words text[] := array(select distinct split_part(x, '@', 1)
	    from unnest(dmbox.contact_ids(p_account, p_channel, p_word)) x where split_part(x, '@', 1) <> '');
	n integer;
begin
	if p_dry then
		select count(*) into n from dmbox.deliveries d
		 where d.id > p_from and d.id <= p_to and d.body is not null and d.received_at < p_before
		   and (p_word = '' or d.account = p_account and d.channel = p_channel
		     and exists (select 1 from unnest(v_words) w where dmbox.holds_word(d.body, w)));
	else
		update dmbox.deliveries d set body = null
		 where d.id > p_from and d.id <= p_to and d.body is not null and d.received_at < p_before
		   and (p_word = '' or d.account = p_account and d.channel = p_channel
		     and exists (select 1 from unnest(v_words) w where dmbox.holds_word(d.body, w)));
		get diagnostics n = row_count;
	end if;
	return n;
end $$;
comment on function dmbox.purge_ledger(text, text, text, timestamptz, bigint, bigint, boolean) is
	'Drop (dry: count) the bytes of deliveries in a range of ids that name a contact, or that are older than p_before';

-- What goes out to a contact, or went out before p_before: the texts.  What waits is given up first.
create or replace function dmbox.purge_outbox(p_account text, p_channel text, p_recipient text, p_before timestamptz, p_max integer,
	out texts integer, out leased integer)
language plpgsql as $$
declare
	v_id  bigint;
	v_ids text[] := dmbox.contact_ids(p_account, p_channel, p_recipient);
begin
	if p_recipient is not null then
		for v_id in select o.id from dmbox.outbox o
		     where o.account = p_account and o.channel = p_channel and o.recipient_id = any (v_ids)
		       and o.state in ('queued', 'unknown') order by o.id
		loop
			perform dmbox.outbox_cancel(v_id);
		end loop;
	end if;
	with x as (select o.id from dmbox.outbox o
	            where (p_recipient is null or o.account = p_account and o.channel = p_channel
	                   and o.recipient_id = any (v_ids))
	              and o.created_at < p_before and o.state in ('sent', 'accepted', 'failed', 'dead')
	              and (o.body is not null or o.attachments is not null or o.reply_to is not null
	                   or o.reaction is not null or o.error_text is not null)
	            order by o.id limit p_max for update skip locked)
	update dmbox.outbox o
	   set body = null, attachments = null, reply_to = null, reaction = null, error_text = null
	  from x where o.id = x.id;
	get diagnostics texts = row_count;
	select count(*) into leased from dmbox.outbox o
	 where o.account = p_account and o.channel = p_channel and o.recipient_id = any (v_ids) and o.state = 'leased';
end $$;
comment on function dmbox.purge_outbox(text, text, text, timestamptz, integer) is
	'Drop the texts of what was sent (to one recipient, or null: to all) before p_before; for one recipient give up what waits; leased: what is under way just now';

-- The row of a contact that has nothing left.  Who brings something of it holds a bucket
-- from before the look for the contact until the end (dmbox.ingest, dmbox.outbox_put): with all of
-- them nothing arrives between our look and the end of the row.
create or replace function dmbox.purge_contact(p_contact bigint) returns boolean language plpgsql as $$
begin
	for b in 0 .. 255 loop
		perform pg_advisory_xact_lock(25709, b);
	end loop;
	if exists (select 1 from dmbox.messages m where m.contact_id = p_contact)
	   or exists (select 1 from dmbox.events e where e.contact_id = p_contact or e.actor_id = p_contact) then
		return false;
	end if;
	delete from dmbox.reactions r where r.contact_id = p_contact;
	delete from dmbox.contact_aliases a using dmbox.contacts c
	 where c.id = p_contact and a.account = c.account and a.channel = c.channel and a.external_id = c.external_id;
	delete from dmbox.contacts c where c.id = p_contact;
	return found;
end $$;
comment on function dmbox.purge_contact(bigint) is 'Remove a contact without messages and events, and the reactions left of it; false where something arrived meanwhile';
