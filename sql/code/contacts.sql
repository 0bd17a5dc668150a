-- A person's several ids.  WhatsApp tells a customer's phone, or a business-scoped id, or
-- both; who chooses a user name hides the phone in the midst of a conversation.  What a
-- delivery proves to be one person's stays one contact.

-- A session keeps the plans that these functions had in it first, maybe while the tables were all
-- but empty.  So that no item reads a table whole that has grown since: enable_seqscan is off, and
-- a contact or an alias is asked for by one id at a time (of several, an index of a few rows was
-- as good by its first columns, or in the order of its ids).

-- What receipts and answers say of a contact's messages, all of them at once.
create or replace function dmbox.apply_receipts(p_contact bigint) returns void
language sql as $$
	-- (each message with each receipt would take minutes of some ten thousand of them)
	update dmbox.messages m set status = 'read', read_at = r.at
	  from (select u.id, u.status, min(u.at) over (order by u.num desc, u.id is not null rows unbounded preceding) as at
	          from (select x.id, x.status, dmbox.micros(x.sent_at) as num, null::timestamptz as at
	                  from dmbox.messages x where x.contact_id = p_contact and x.direction = 'outbound'
	                union all
	                select null, null, e.num, e.occurred_at from dmbox.events e
	                 where e.contact_id = p_contact and e.effect in ('read', 'status') and e.num > 0) u) r
	 where m.id = r.id and r.at is not null and r.status in ('accepted', 'sent', 'delivered', 'read')
	   and (m.read_at is null or m.read_at > r.at);
	update dmbox.messages m set read_at = r.at
	  from (select x.id, min(x.sent_at) filter (where x.direction = 'outbound' and x.source <> 'send')
	               over (partition by x.contact_id order by x.sent_at desc
	                     range between unbounded preceding and interval '1 microsecond' preceding) as at
	          from dmbox.messages x where x.contact_id = p_contact) r
	 where m.id = r.id and m.direction = 'inbound' and r.at is not null and (m.read_at is null or m.read_at > r.at)
$$;
comment on function dmbox.apply_receipts(bigint) is 'Apply all receipts and answers of a contact to all its messages, after two became one';

-- What a contact's chat was told twice under its two names, before they were known to be one
-- person's: the row under the number stays, or the one that we sent, and takes what the other has.
-- Under the locks of contact_merge.
create or replace function dmbox.messages_fold(p_contact bigint) returns integer
language plpgsql as $$
declare
	r record;
	g dmbox.messages;
	n integer := 0;
begin
	for r in
		select a.id as keep, b.id as gone, a.thread_id as thread
		  from dmbox.messages a
		  join dmbox.messages b on b.account = a.account and b.channel = a.channel and b.external_id = a.external_id
		   and b.thread_id <> '' and b.contact_id = a.contact_id and b.id <> a.id
		 where a.contact_id = p_contact and a.thread_id <> '' and not a.placeholder and not b.placeholder
		   and dmbox.may_be_chat(b.thread_id, a.thread_id) and b.source <> 'send'
		   and (a.source = 'send' or a.thread_id like '%@c.us')
		 order by a.id
	loop
		select * into g from dmbox.messages x where x.id = r.gone for update;
		perform dmbox.merge_message(r.keep, g.contact_id, g.provider, g.sender_id, g.recipient_id, g.direction = 'outbound',
		    g.kind, g.body, g.detail, g.reply_to, g.sent_at, g.sent_at_known, g.is_test, g.source,
		    array(select row(t.type, t.url, t.ref, t.name, t.mime_type, t.bytes)::dmbox.attachment_told
		            from dmbox.attachments t where t.message_id = g.id and t.state <> 'erased' order by t.position));
		update dmbox.events e set thread_id = r.thread
		 where e.account = g.account and e.channel = g.channel and e.target_id = g.external_id and e.thread_id = g.thread_id;
		delete from dmbox.reactions x where x.message_id = g.id;
		delete from dmbox.message_edits x where x.message_id = g.id;
		delete from dmbox.attachments x where x.message_id = g.id and x.local_path is null;
		update dmbox.attachments x	-- the poller removes the file
		   set url = null, ref = null, name = null, mime_type = null, sha256 = null, bytes = null, state = 'erased'
		 where x.message_id = g.id;
		delete from dmbox.messages x where x.id = g.id;
		update dmbox.deliveries d set purged = d.purged + 1 where d.id = g.delivery_id;
		perform dmbox.apply_message(r.keep);
		n := n + 1;
	end loop;
	return n;
end $$;
comment on function dmbox.messages_fold(bigint) is 'Of messages of a contact that are there under both names of its chat, one row; returns how many went';

-- Two contacts are one: everything of the second becomes the first's.  Under the locks of
-- purge_contact, which no ingest holds with them.  With the owner's rights, for the web
-- programs may not delete.
create or replace function dmbox.contact_merge(p_keep bigint, p_gone bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
	k dmbox.contacts;
	g dmbox.contacts;
begin
	for b in 0 .. 255 loop
		perform pg_advisory_xact_lock(25709, b);
	end loop;
	select * into k from dmbox.contacts c where c.id = p_keep for update;
	select * into g from dmbox.contacts c where c.id = p_gone for update;
	if k.id is null or g.id is null or k.id = g.id or k.account <> g.account or k.channel <> g.channel then
		return;
	end if;
	update dmbox.messages m set contact_id = k.id where m.contact_id = g.id;
	update dmbox.events e set contact_id = k.id where e.contact_id = g.id;
	update dmbox.events e set actor_id = k.id where e.actor_id = g.id;
	delete from dmbox.reactions r where r.contact_id = g.id
	   and exists (select 1 from dmbox.reactions o where o.message_id = r.message_id and o.contact_id = k.id);
	update dmbox.reactions r set contact_id = k.id where r.contact_id = g.id;
	update dmbox.outbox o set recipient_id = k.external_id
	 where o.account = g.account and o.channel = g.channel and o.recipient_id = g.external_id;
	update dmbox.notes n set contact_id = k.id where n.contact_id = g.id;
	update dmbox.uploads u set contact_id = k.id where u.contact_id = g.id;
	insert into dmbox.desk as d (contact_id, done_at, done_upto, assignee, labels, change_id)
	select k.id, x.done_at, x.done_upto, x.assignee, x.labels, dmbox.next_change() from dmbox.desk x where x.contact_id = g.id
	on conflict (contact_id) do update
	   set done_at = null, done_upto = null, assignee = coalesce(d.assignee, excluded.assignee),
	       labels = array(select distinct v from unnest(d.labels || excluded.labels) v), change_id = excluded.change_id;
	delete from dmbox.contacts c where c.id = g.id;
	update dmbox.gone x set kept_id = k.id where x.contact_id = g.id or x.kept_id = g.id;
	perform dmbox.messages_fold(k.id);
	perform dmbox.apply_receipts(k.id);
	update dmbox.contacts c
	   set name = coalesce(k.name, g.name), username = coalesce(g.username, k.username),
	       picture_url = coalesce(k.picture_url, g.picture_url),
	       last_inbound_at = greatest(k.last_inbound_at, g.last_inbound_at),
	       last_outbound_at = greatest(k.last_outbound_at, g.last_outbound_at),
	       last_at = greatest(k.last_at, g.last_at)
	 where c.id = k.id;
end $$;
revoke execute on function dmbox.contact_merge(bigint, bigint) from public;
comment on function dmbox.contact_merge(bigint, bigint) is 'Everything of the second contact becomes the first''s; the second is gone';

-- WhatsApp writes one address in two ways: with its server (Green API), as digits (Meta).  A
-- number that moves from one to the other keeps its conversations.  Null: it has one way only.
create or replace function dmbox.contact_twin(p_channel text, p_id text) returns text
language sql immutable as $$
	select case when p_channel <> 'whatsapp' then null
	            when p_id ~ '^[0-9]{8,15}$' then p_id || '@c.us'
	            when p_id ~ '^[0-9]{8,15}@c[.]us$' then split_part(p_id, '@', 1) end
$$;
comment on function dmbox.contact_twin(text, text) is 'The same WhatsApp address as the other provider writes it';

-- Mexico, Argentina and Brazil write one mobile number with a digit more or less (521 and 52, 549
-- and 54, a 9 before eight digits): people type the one, WhatsApp knows the person by the other.
-- Only where the shorter form cannot be another line: Brazil's fixed lines begin with 2 to 5.
create or replace function dmbox.phone_spellings(p_digits text) returns text[]
language sql immutable as $$
	select case when p_digits !~ '^5[245][0-9]{10,11}$' then array[p_digits]
	            when p_digits ~ '^521[2-9][0-9]{9}$' then array[p_digits, '52' || substr(p_digits, 4)]
	            when p_digits ~ '^52[2-9][0-9]{9}$' then array[p_digits, '521' || substr(p_digits, 3)]
	            when p_digits ~ '^549[123][0-9]{9}$' then array[p_digits, '54' || substr(p_digits, 4)]
	            when p_digits ~ '^54[123][0-9]{9}$' then array[p_digits, '549' || substr(p_digits, 3)]
	            when p_digits ~ '^55[1-9][1-9]9[6-9][0-9]{7}$' then array[p_digits, left(p_digits, 4) || substr(p_digits, 6)]
	            when p_digits ~ '^55[1-9][1-9][6-9][0-9]{7}$' then array[p_digits, left(p_digits, 4) || '9' || substr(p_digits, 5)]
	            else array[p_digits] end
$$;
comment on function dmbox.phone_spellings(text) is 'A phone number in digits as it may be written, itself first';

-- As phones, contacts and other pages write and copy a number: with dots, dashes and spaces of every
-- kind, and unseen signs of direction.
create or replace function dmbox.is_phone(p_text text) returns boolean
language sql immutable as $$
	select p_text !~ E'[^0-9 \t()+./\u00a0\u2000-\u207f\u2212-]' and p_text ~ '[0-9]'
$$;
comment on function dmbox.is_phone(text) is 'Is there nothing but digits and what people put between those of a phone number?';

-- A phone number as people write it: the digits of its international form, as lib/base/phone.h has
-- them.  Null: it is no such number, or a national spelling.
create or replace function dmbox.phone_number(p_text text) returns text
language sql immutable as $$
	select case when z.d ~ '^[1-9][0-9]{4,14}$' then z.d end
	  from (select case
	          when y.d ~ '^549?0?1115[0-9]{8}$' then '54911' || right(y.d, 8)
	          when y.d ~ '^549?0?(?!11)[123][0-9]{2}15[0-9]{7}$' then regexp_replace(y.d, '^549?0?([0-9]{3})15', E'549\\1')
	          when y.d ~ '^549?0?(?!11)[123][0-9]{3}15[0-9]{6}$' then regexp_replace(y.d, '^549?0?([0-9]{4})15', E'549\\1')
	          when y.d ~ '^549?0' and length(y.d) >= 12 then regexp_replace(y.d, '^(549?)0', E'\\1')
	          when y.d ~ '^550' and length(y.d) >= 13 then '55' || substr(y.d, 4)
	          when y.d ~ '^5204[45][0-9]{10}$' then '52' || right(y.d, 10)
	          else y.d end
	          from (select case when x.d ~ '^00' then substr(x.d, 3) when x.d ~ '^89[0-9]{9}$' then '7' || substr(x.d, 2) else x.d end
	                  from (select regexp_replace(p_text, '(?<=[0-9].*)[(]0[)]|[^0-9]', '', 'g')) x (d)
	                 where dmbox.is_phone(p_text)) y (d)) z (d)
$$;
comment on function dmbox.phone_number(text) is 'A phone number as people write it in digits of its international form; null: it is none';

-- How a number that is meant may end, in the form that WhatsApp has it: it is known by its end, for
-- 8 and +7 before it are one, and people leave the country out.  Then Argentina's 15 and Brazil's
-- ninth digit are between the digits.
create or replace function dmbox.phone_ends(p_text text) returns text[]
language sql immutable as $$
	select coalesce(array_agg(distinct right(e.d, 10)) filter (where length(e.d) >= 4), '{}')
	  from (select regexp_replace(p_text, '[^0-9]', '', 'g')) w (d)
	 cross join lateral (select regexp_replace(w.d, '^0+', '')) s (d)
	 cross join lateral (select coalesce(dmbox.phone_number(p_text), s.d)) n (d)
	 cross join lateral (select regexp_replace(n.d, '^55(?=[0-9]{10})', '')) b (d)
	 cross join lateral (values (n.d), (s.d), (w.d),	-- "0101" is the end of a number, too
	        (case when s.d ~ '^1115[0-9]{8}$' then '11' || right(s.d, 8) end),
	        (case when s.d ~ '^[123][0-9]{2}15[0-9]{7}$' then left(s.d, 3) || right(s.d, 7) end),
	        (case when s.d ~ '^[123][0-9]{3}15[0-9]{6}$' then left(s.d, 4) || right(s.d, 6) end),
	        (case when s.d ~ '^15[0-9]{6,8}$' then substr(s.d, 3) end),
	        (case when b.d ~ '^[1-9][1-9]9[6-9][0-9]{7}$' then left(b.d, 2) || right(b.d, 8) end),
	        (case when b.d ~ '^[1-9][1-9][6-9][0-9]{7}$' then left(b.d, 2) || '9' || right(b.d, 8) end),
	        (case when b.d ~ '^9[6-9][0-9]{7}$' then right(b.d, 8) end)) e (d)
	 where dmbox.is_phone(p_text)
$$;
comment on function dmbox.phone_ends(text) is 'The last digits, at most ten, of the numbers that a spelling may mean';

-- Every way in which WhatsApp writes one address.
create or replace function dmbox.contact_twins(p_channel text, p_id text) returns text[]
language sql immutable as $$
	select case when dmbox.contact_twin(p_channel, p_id) is null then array[p_id]
	            else dmbox.phone_spellings(split_part(p_id, '@', 1))
	                 || array(select x || '@c.us' from unnest(dmbox.phone_spellings(split_part(p_id, '@', 1))) x) end
$$;
comment on function dmbox.contact_twins(text, text) is 'The id and every other spelling of the same WhatsApp address';

-- Whom a number that somebody typed means; null arrays: of all accounts.  The number itself, those
-- that end so, and those that had it or were told under it.
create or replace function dmbox.phone_contacts(p_accounts text[], p_channels text[], p_text text) returns setof bigint
language plpgsql stable
-- planned without the number: a plan that reads the table is never the better one
set enable_seqscan = off
as $$
declare
	v_end text;
begin
	foreach v_end in array dmbox.phone_ends(p_text) loop
		return query select c.id from dmbox.contacts c
		 where c.channel = 'whatsapp'
		   and reverse(split_part(c.external_id, '@', 1)) ~>=~ reverse(v_end)
		   and reverse(split_part(c.external_id, '@', 1)) ~<~ (reverse(v_end) || ':')
		   and (p_accounts is null or c.account = any (p_accounts) and 'whatsapp' = any (p_channels))
		 limit 200;
	end loop;
	return query select c.id
	  from (select distinct a.account, a.channel from dmbox.accounts a where a.channel = 'whatsapp'
	        union select unnest(p_accounts), unnest(p_channels)) k
	  join dmbox.contact_aliases a on a.account = k.account and a.channel = k.channel
	   and a.alias = any (dmbox.contact_twins('whatsapp', dmbox.phone_number(p_text)))
	  join dmbox.contacts c on c.account = a.account and c.channel = a.channel and c.external_id = a.external_id
	 where k.channel = 'whatsapp' and (p_accounts is null or k.account = any (p_accounts));
end $$;
comment on function dmbox.phone_contacts(text[], text[], text) is 'Contacts that a phone number as people write it means, some more than once';

-- Asked before the spellings are, which few numbers have.
create or replace function dmbox.has_spellings(p_channel text, p_id text) returns boolean
language sql immutable as $$
	select p_channel = 'whatsapp' and p_id ~ '^5[245][0-9]{10,11}(@c[.]us)?$'
$$;
comment on function dmbox.has_spellings(text, text) is 'May this address have another spelling?  False: surely not';

-- What is sent goes to the id that was asked for; whose conversation that is, is told here.
create or replace function dmbox.contact_of(p_account text, p_channel text, p_id text) returns text
language sql stable as $$
	select coalesce(
		(select a.external_id from dmbox.contact_aliases a
		  where a.account = p_account and a.channel = p_channel and a.alias = p_id),
		(select c.external_id from dmbox.contacts c
		  where c.account = p_account and c.channel = p_channel and c.external_id = p_id),
		(select c.external_id from dmbox.contacts c
		  where c.account = p_account and c.channel = p_channel and c.external_id = dmbox.contact_twin(p_channel, p_id)),
		case when dmbox.has_spellings(p_channel, p_id) then coalesce(
			(select c.external_id from unnest(dmbox.contact_twins(p_channel, p_id)) t (x)
			   join dmbox.contacts c on c.account = p_account and c.channel = p_channel and c.external_id = t.x
			  order by c.id limit 1),
			(select a.external_id from unnest(dmbox.contact_twins(p_channel, p_id)) t (x)
			   join dmbox.contact_aliases a on a.account = p_account and a.channel = p_channel and a.alias = t.x
			  order by a.alias limit 1)) end, p_id)
$$;
comment on function dmbox.contact_of(text, text, text) is 'External id of the contact that has this id or alias';

-- An id that its owner has left (a changed number) may be a stranger's by now.
create or replace function dmbox.contact_address(p_account text, p_channel text, p_id text) returns text
language sql stable as $$
	select coalesce((select a.external_id from dmbox.contact_aliases a
	                  where a.account = p_account and a.channel = p_channel and a.alias = p_id
	                    and a.left_at is not null),
	                case when dmbox.has_spellings(p_channel, p_id) then
	                (select a.external_id from unnest(dmbox.contact_twins(p_channel, p_id)) t (x)
	                   join dmbox.contact_aliases a on a.account = p_account and a.channel = p_channel and a.alias = t.x
	                  where a.left_at is not null and not exists (select 1 from dmbox.contacts c
	                         where c.account = p_account and c.channel = p_channel and c.external_id = p_id)
	                  order by a.alias limit 1) end, p_id)
$$;
comment on function dmbox.contact_address(text, text, text) is 'Where what is for this id goes: the id itself unless its owner has left it';

-- Every id of the person that has this one.  In plpgsql, which keeps the plan: it is asked for each
-- row that waits.
create or replace function dmbox.contact_all(p_account text, p_channel text, p_id text) returns text[]
language plpgsql stable
set enable_seqscan = off
as $$
declare
	v_id  text := dmbox.contact_of(p_account, p_channel, p_id);
	v_all text[] := array(select a.alias from dmbox.contact_aliases a
	                       where a.account = p_account and a.channel = p_channel and a.external_id = v_id);
begin
	v_all := v_all || v_id;
	if v_id <> p_id and p_id <> all (v_all) then
		v_all := v_all || p_id;
	end if;
	if dmbox.has_spellings(p_channel, p_id) then
		v_all := v_all || dmbox.contact_twins(p_channel, p_id);
	end if;
	return v_all;
end $$;
comment on function dmbox.contact_all(text, text, text) is 'Every id of the person that has this one, which is among them';

-- Two names of contacts are one person's: from now on p_keep.  The older row stays.  With the
-- owner's rights (see contact_merge), for logins that may change contacts.
create or replace function dmbox.contact_join(p_account text, p_channel text, p_keep text, p_gone text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
	v bigint[];
begin
	if not has_table_privilege(session_user, 'dmbox.contacts', 'update') then
		raise insufficient_privilege using message = 'contacts are not changed by this login';
	end if;
	select array_agg(c.id order by c.id) into v from unnest(array[p_keep, p_gone]) t (x)
	 cross join lateral (select x.id from dmbox.contacts x
	        where x.account = p_account and x.channel = p_channel and x.external_id = t.x offset 0) c;
	if cardinality(v) = 2 then
		perform dmbox.contact_merge(v[1], v[2]);
	end if;
	update dmbox.contacts c set external_id = p_keep where c.id = v[1] and c.external_id <> p_keep;
	update dmbox.contact_aliases a set external_id = p_keep
	 where a.account = p_account and a.channel = p_channel and a.external_id = p_gone;
	insert into dmbox.contact_aliases (account, channel, alias, external_id)
	values (p_account, p_channel, p_gone, p_keep)
	on conflict (account, channel, alias) do update set external_id = excluded.external_id;
	delete from dmbox.contact_aliases a
	 where a.account = p_account and a.channel = p_channel and a.alias = p_keep and a.external_id = p_keep;
end $$;
revoke execute on function dmbox.contact_join(text, text, text, text) from public;
comment on function dmbox.contact_join(text, text, text, text) is 'Two ids are one contact''s, whose name is the first from now on';

-- An id that its owner has left and that comes with an id of somebody else has a new owner.
create or replace function dmbox.contact_reused(p_account text, p_channel text, p_id text, p_with text) returns void
language sql as $$
	delete from dmbox.contact_aliases a
	 where a.account = p_account and a.channel = p_channel and a.alias = p_id and a.left_at is not null
	   and a.external_id is distinct from dmbox.contact_of(p_account, p_channel, p_with)	-- (not contact_aliases_of_idx)
$$;
comment on function dmbox.contact_reused(text, text, text, text) is 'Forget whose an id was, where another person has it now';

-- The id under which the contact of p_id (and p_alias, if a delivery proved it to be the same
-- person's) is known.  A pair that is known costs a look-up and writes nothing.
create or replace function dmbox.contact_known_as(p_account text, p_channel text, p_id text, p_alias text)
returns text language plpgsql
set enable_seqscan = off
as $$
declare
	v_id   text := dmbox.contact_of(p_account, p_channel, p_id);
	v_also text := dmbox.contact_of(p_account, p_channel, p_alias);
	v_old  text;
begin
	-- a contact beside its own alias (dmbox.chat_proved), or beside another spelling of its address
	if p_alias is null then
		v_also := coalesce(
		    (select c.external_id from dmbox.contacts c
		      where c.account = p_account and c.channel = p_channel and c.external_id = p_id and p_id <> v_id),
		    (select c.external_id from dmbox.contacts c
		      where c.account = p_account and c.channel = p_channel and c.external_id <> v_id
		        and c.external_id = dmbox.contact_twin(p_channel, p_id)));
		if v_also is null then
			select c.external_id into v_also from dmbox.contact_aliases a
			 cross join lateral (select x.external_id from dmbox.contacts x
			        where x.account = p_account and x.channel = p_channel and x.external_id = a.alias offset 0) c
			 where a.account = p_account and a.channel = p_channel and a.external_id = v_id and a.alias <> v_id
			   and a.left_at is null limit 1;
		end if;
		if v_also is null and dmbox.has_spellings(p_channel, p_id) then
			select c.external_id into v_also from unnest(dmbox.contact_twins(p_channel, p_id)) t (x)
			 cross join lateral (select x.external_id from dmbox.contacts x
			        where x.account = p_account and x.channel = p_channel and x.external_id = t.x offset 0) c
			 where c.external_id <> v_id limit 1;
		end if;
		if v_also is null and v_id <> p_id and v_id = any (dmbox.contact_twins(p_channel, p_id)) and not exists
		   (select 1 from dmbox.contact_aliases a
		     where a.account = p_account and a.channel = p_channel and a.alias = p_id) then
			v_also := p_id;
		end if;
	end if;
	if v_also is null or v_also = v_id then
		return v_id;
	end if;
	perform pg_advisory_xact_lock(25711, 0);
	if p_alias is not null then
		perform dmbox.contact_reused(p_account, p_channel, p_id, p_alias);
		perform dmbox.contact_reused(p_account, p_channel, p_alias, p_id);
		v_id := dmbox.contact_of(p_account, p_channel, p_id);
		v_also := dmbox.contact_of(p_account, p_channel, p_alias);
	end if;
	if v_also = v_id then
		return v_id;
	end if;
	select c.external_id into v_old from unnest(array[v_id, v_also]) t (x)
	 cross join lateral (select x.id, x.external_id from dmbox.contacts x
	        where x.account = p_account and x.channel = p_channel and x.external_id = t.x offset 0) c
	 order by c.id limit 1;
	if p_alias is null and split_part(v_id, '@', 1) <> split_part(v_also, '@', 1) then
		-- as WhatsApp told it of one who wrote; the other spelling was typed, or is the phone book's
		select c.external_id into v_old from dmbox.contacts c
		 where c.account = p_account and c.channel = p_channel and c.external_id in (v_id, v_also)
		   and c.last_inbound_at is not null order by c.id limit 1;
		v_old := coalesce(v_old, p_id);
		v_also := case when v_old = v_id then v_also else v_id end;
		v_id := v_old;
	elsif v_old = v_also then	-- the older contact keeps its name
		v_also := v_id;
		v_id := v_old;
	end if;
	perform dmbox.contact_join(p_account, p_channel, v_id, v_also);
	return v_id;
end $$;
comment on function dmbox.contact_known_as(text, text, text, text) is
	'External id of the contact that has these two ids; learns that they are one person''s';

-- The person of p_left is at p_id now (a changed number): that is the contact's name, and what
-- is for the old one goes there.  Told again, or after a later change, it moves nothing.
create or replace function dmbox.contact_left(p_account text, p_channel text, p_id text, p_left text)
returns text language plpgsql
set enable_seqscan = off
as $$
declare
	v_id   text;
	v_also text;
	v_was  boolean;
	v_past boolean;
	v_apart boolean;	-- they are two contacts so far
begin
	if p_id = p_left then
		return dmbox.contact_of(p_account, p_channel, p_id);
	end if;
	perform pg_advisory_xact_lock(25711, 0);
	v_id := dmbox.contact_of(p_account, p_channel, p_id);
	v_also := dmbox.contact_of(p_account, p_channel, p_left);
	select coalesce(bool_or(a.alias = p_left), false), coalesce(bool_or(a.alias = p_id), false) into v_was, v_past
	  from dmbox.contact_aliases a
	 where a.account = p_account and a.channel = p_channel and a.alias in (p_id, p_left) and a.left_at is not null;
	if v_was and v_also = v_id then
		return v_id;
	end if;
	v_apart := v_also <> v_id;
	if v_also = v_id and not v_past and v_id <> p_id then
		v_also := v_id;
		v_id := p_id;
	end if;
	-- with the number all that was known of it is left: its other spelling, the old hidden id
	update dmbox.contact_aliases a set left_at = coalesce(a.left_at, now())
	 where a.account = p_account and a.channel = p_channel and a.external_id = v_also and v_apart;
	if v_also <> v_id then
		perform dmbox.contact_join(p_account, p_channel, v_id, v_also);
	end if;
	insert into dmbox.contact_aliases as a (account, channel, alias, external_id, left_at)
	select distinct p_account, p_channel, x, v_id, now() from unnest(array[p_left, case when v_apart then v_also end]) x
	 where x <> v_id
	on conflict (account, channel, alias) do update set left_at = coalesce(a.left_at, excluded.left_at);
	return v_id;
end $$;
comment on function dmbox.contact_left(text, text, text, text) is
	'External id of a contact whose second id no longer holds: what is for it goes to the first';

-- What the answer of a send proves, with the owner's rights: the sender writes no aliases.
create or replace function dmbox.contact_proved(p_account text, p_channel text, p_id text, p_alias text) returns text
language sql security definer set search_path = pg_catalog, pg_temp as $$
	select dmbox.contact_known_as(p_account, p_channel, p_id, p_alias)
	 where has_table_privilege(session_user, 'dmbox.contacts', 'update')
$$;
revoke execute on function dmbox.contact_proved(text, text, text, text) from public;
comment on function dmbox.contact_proved(text, text, text, text) is 'contact_known_as for the sender';

-- The answer of a send has the id of a message that was stored as an echo of another contact:
-- both are one person.  Noted only, for the locks of contact_merge come before those of a send;
-- they become one contact by contact_proved, or as soon as either is told of again.
create or replace function dmbox.contacts_noted(p_contact bigint, p_other bigint) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
	insert into dmbox.contact_aliases (account, channel, alias, external_id)
	select k.account, k.channel, g.external_id, dmbox.contact_of(k.account, k.channel, k.external_id)
	  from dmbox.contacts k
	  join dmbox.contacts g on g.account = k.account and g.channel = k.channel and g.id <> k.id
	 where k.id = p_contact and g.id = p_other and has_table_privilege(session_user, 'dmbox.contacts', 'update')
	   and dmbox.contact_of(k.account, k.channel, k.external_id) <> g.external_id
	on conflict (account, channel, alias) do nothing
$$;
revoke execute on function dmbox.contacts_noted(bigint, bigint) from public;
comment on function dmbox.contacts_noted(bigint, bigint) is 'Note that two contacts are one person, for whom tells of either next';

-- For many, in their order.  p_alias: another id of the same person, null: none was told;
-- p_left: the person has left it.
create or replace function dmbox.contacts_resolve(p_account text[], p_channel text[], p_id text[], p_alias text[],
	p_left boolean[])
returns setof text language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
	v_first integer[];	-- of the rows that ask the same
	v_known text[];
begin
	-- what is proved first: it holds for the rows before it, too
	for i in 1 .. coalesce(array_length(p_id, 1), 0) loop
		if p_alias[i] is not null and p_left[i] then
			perform dmbox.contact_left(p_account[i], p_channel[i], p_id[i], p_alias[i]);
		elsif p_alias[i] is not null then
			perform dmbox.contact_known_as(p_account[i], p_channel[i], p_id[i], p_alias[i]);
		elsif dmbox.has_spellings(p_channel[i], p_id[i]) then	-- may be renamed
			perform dmbox.contact_known_as(p_account[i], p_channel[i], p_id[i], null);
		end if;
	end loop;
	-- (each of them once: one person may have written thousands)
	v_first := array(select min(i) over (partition by p_id[i], p_account[i], p_channel[i])
	                   from generate_series(1, coalesce(array_length(p_id, 1), 0)) i order by i);
	for i in 1 .. coalesce(array_length(p_id, 1), 0) loop
		v_known[i] := case when v_first[i] < i then v_known[v_first[i]]
		                   else dmbox.contact_known_as(p_account[i], p_channel[i], p_id[i], null) end;
	end loop;
	return query select unnest(v_known);
end $$;
comment on function dmbox.contacts_resolve(text[], text[], text[], text[], boolean[]) is
	'External ids of contacts; learns what else they are called';

-- A message that was told under two names of its chat, of one of them as a placeholder only, or
-- that we sent under the other (its id was made for us), proves them to be one person's: the
-- other name, of those that are stored.  Null: none.
create or replace function dmbox.chat_twin(p_account text, p_channel text, p_thread text, p_ext text, p_empty boolean)
returns text language plpgsql stable
set enable_seqscan = off
as $$
begin
	if p_thread like '%@lid' or p_thread like '%@c.us' then
		return (select min(x.thread_id) from dmbox.messages x
		         where x.id = dmbox.message_twin(p_account, p_channel, p_thread, p_ext)
		           and (p_empty or x.source = 'send' or dmbox.is_empty(x)));
	end if;
	return null;
end $$;
comment on function dmbox.chat_twin(text, text, text, text, boolean) is 'The other name of a chat that one of its messages was told under, in one of them empty or sent by us';

-- contacts_resolve, and of messages (p_thread, p_ext; null where it is none) what they show of
-- their chats' names; p_empty: nothing is told of it yet.
create or replace function dmbox.contacts_of(p_account text[], p_channel text[], p_id text[], p_alias text[],
	p_left boolean[], p_thread text[], p_ext text[], p_empty boolean[])
returns setof text language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
	v_beside text[];	-- of empty ones the other name that they are told under in these rows
	v_twin   text;
	r        record;
begin
	if true = any (p_empty) then
		for r in
			select x.i, min(p_thread[k]) as thread
			  from (select i, array_agg(i) over (partition by p_ext[i], p_account[i], p_channel[i]) as of_id
			          from generate_series(1, array_length(p_id, 1)) i where p_ext[i] is not null) x, unnest(of_id) k
			 where p_empty[x.i] and dmbox.may_be_chat(p_thread[x.i], p_thread[k])
			 group by x.i
		loop
			v_beside[r.i] := r.thread;
		end loop;
	end if;
	for i in 1 .. coalesce(array_length(p_id, 1), 0) loop
		v_twin := dmbox.chat_twin(p_account[i], p_channel[i], p_thread[i], p_ext[i], p_empty[i]);
		v_twin := coalesce(v_twin, v_beside[i]);
		if v_twin is not null then
			perform dmbox.contact_known_as(p_account[i], p_channel[i], p_id[i], v_twin);
		end if;
	end loop;
	return query select * from dmbox.contacts_resolve(p_account, p_channel, p_id, p_alias, p_left);
end $$;
comment on function dmbox.contacts_of(text[], text[], text[], text[], boolean[], text[], text[], boolean[]) is
	'External ids of the contacts of items; learns what else they are called';

-- The same as release 0.2 calls it.
create or replace function dmbox.contacts_known_as(p_account text[], p_channel text[], p_id text[], p_alias text[])
returns setof text language sql as $$
	select * from dmbox.contacts_resolve(p_account, p_channel, p_id, p_alias, '{}')
$$;
comment on function dmbox.contacts_known_as(text[], text[], text[], text[]) is 'contact_known_as for each row of the arrays';

-- What was learned of people of whom nothing is kept (erased, and told again).
create or replace function dmbox.contacts_forget(p_account text[], p_channel text[], p_id text[]) returns integer
language plpgsql as $$
declare
	n integer;
begin
	delete from dmbox.contact_aliases a
	 using unnest(p_account, p_channel, p_id) x (account, channel, id)
	 where a.account = x.account and a.channel = x.channel and x.id in (a.alias, a.external_id)
	   and not exists (select 1 from dmbox.contacts c
	        where c.account = a.account and c.channel = a.channel and c.external_id = a.external_id);
	get diagnostics n = row_count;
	return n;
end $$;
comment on function dmbox.contacts_forget(text[], text[], text[]) is 'Drop the aliases of contacts that are not there';

-- What a provider tells of the time before it knew us (a number's history) is not new, and opens
-- no window: it is read since it was sent, and of the last day it does not count as heard.
create or replace function dmbox.past_stored(p_delivery bigint) returns void language plpgsql as $$
declare
	v_contacts bigint[];
begin
	with r as (
		update dmbox.messages m set read_at = m.sent_at
		 where m.id in (select x.id from dmbox.messages x
		                 where x.delivery_id = p_delivery and x.direction = 'inbound' and x.detail ? 'history')
		   and m.read_at is distinct from m.sent_at
		returning m.contact_id)
	select array_agg(distinct contact_id) into v_contacts from r;
	update dmbox.contacts c set last_inbound_at = h.at
	  from (select k.id, (select max(m.sent_at) from dmbox.messages m
	         where m.contact_id = k.id and m.direction = 'inbound'
	           and (m.sent_at < now() - interval '1 day' or m.read_at is distinct from m.sent_at
	                or not coalesce(m.detail ? 'history', false))) as at
	          from unnest(v_contacts) k (id)) h
	 where c.id = h.id and c.last_inbound_at > now() - interval '1 day';
end $$;
comment on function dmbox.past_stored(bigint) is 'Messages of a delivery that are history: read, and no reason to answer';

-- no_marketing_since: null where the person has said since that marketing is welcome again.
create or replace function dmbox.no_marketing_since(c dmbox.contacts) returns timestamptz
language sql stable as $$
	select case when x.text = 'resume' and x.occurred_at >= coalesce(c.no_marketing_at, '-infinity') then null
	            when x.text = 'stop' then least(c.no_marketing_at, x.occurred_at) else c.no_marketing_at end
	  from (select 1) one
	  left join lateral (select e.text, e.occurred_at from dmbox.events e
	         where e.contact_id = c.id and e.direction = 'inbound' and e.effect in ('none', 'react')	-- events_opens_idx
	           and e.kind = 'preference' and e.text in ('stop', 'resume')
	         order by e.occurred_at desc, e.id desc limit 1) x on true
$$;
comment on function dmbox.no_marketing_since(dmbox.contacts) is 'Since when the person wants no marketing';

-- Contacts that are called as somebody typed the number, from when it was sent to as it was typed,
-- are the person's under the number's own form.
do $$
declare
	r record;
	v_id text;
begin
	for r in select c.account, c.channel, c.external_id,
	                n.number || substr(c.external_id, length(split_part(c.external_id, '@', 1)) + 1) as number
	           from dmbox.contacts c
	          cross join lateral (select dmbox.phone_number(split_part(c.external_id, '@', 1))) n (number)
	          where c.channel = 'whatsapp' and c.external_id ~ '^(89|54|550|52044|52045|00)[0-9]+(@c[.]us)?$'
	            and n.number <> split_part(c.external_id, '@', 1)
	          order by c.id
	loop
		v_id := dmbox.contact_of(r.account, r.channel, r.number);
		perform dmbox.contact_join(r.account, r.channel, case when v_id = r.external_id then r.number else v_id end, r.external_id);
	end loop;
end $$;

-- Where no message told a name the username stands for it, until one is told.  A profile that was
-- asked for has both, and says by an empty name that there is none.
create or replace function dmbox.name_stands_in() returns trigger language plpgsql as $$
begin
	new.name := new.username;
	return new;
end $$;
comment on function dmbox.name_stands_in() is 'A contact without a name is called by the username; named_at is null then';
drop trigger if exists contacts_named on dmbox.contacts;
create trigger contacts_named before insert on dmbox.contacts for each row
	when (new.name is null and new.username is not null) execute function dmbox.name_stands_in();
drop trigger if exists contacts_renamed on dmbox.contacts;
create trigger contacts_renamed before update on dmbox.contacts for each row
	when (new.named_at is null and new.username is distinct from old.username and (new.name is null or new.name = old.username)
	    and new.profile_at is not distinct from old.profile_at)
	execute function dmbox.name_stands_in();
