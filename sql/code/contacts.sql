-- A person's several ids.  WhatsApp tells a customer's phone, or a business-scoped id, or
-- both; who chooses a user name hides the phone in the midst of a conversation.  What a
-- delivery proves to be one person's stays one contact.

-- Two contacts are one: everything of the second becomes the first's.  Under the locks of
-- purge_contact, which no ingest holds with them.  With the owner's rights, for the web
-- programs may not delete.
create or replace function dmbox.contact_merge(p_keep bigint, p_gone bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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

-- What is sent goes to the id that was asked for; whose conversation that is, is told here.
create or replace function dmbox.contact_of(p_account text, p_channel text, p_id text) returns text
language sql stable as $$
	select coalesce((select a.external_id from dmbox.contact_aliases a
	                  where a.account = p_account and a.channel = p_channel and a.alias = p_id), p_id)
$$;
comment on function dmbox.contact_of(text, text, text) is 'External id of the contact that has this id or alias';

-- The id under which the contact of p_id (and p_alias, if a delivery proved it to be the same
-- person's) is known.  A pair that is known costs a look-up and writes nothing.
create or replace function dmbox.contact_known_as(p_account text, p_channel text, p_id text, p_alias text)
returns text language plpgsql as $$
declare
	v_id   text := coalesce((select a.external_id from dmbox.contact_aliases a
	                          where a.account = p_account and a.channel = p_channel and a.alias = p_id), p_id);
	v_also text := coalesce((select a.external_id from dmbox.contact_aliases a
	                          where a.account = p_account and a.channel = p_channel and a.alias = p_alias), p_alias);
	v_keep dmbox.contacts;
	v_gone dmbox.contacts;
begin
	if v_also is null or v_also = v_id then
		return v_id;
	end if;
	perform pg_advisory_xact_lock(25711, hashtext(p_account || '|' || p_channel));
	select * into v_keep from dmbox.contacts c
	 where c.account = p_account and c.channel = p_channel and c.external_id in (v_id, v_also) order by c.id limit 1;
	if v_keep.external_id = v_also then	-- the older contact keeps its name
		v_also := v_id;
		v_id := v_keep.external_id;
	end if;
	select * into v_gone from dmbox.contacts c
	 where c.account = p_account and c.channel = p_channel and c.external_id = v_also;
	if v_keep.id is not null and v_gone.id is not null then
		perform dmbox.contact_merge(v_keep.id, v_gone.id);
	end if;
	update dmbox.contact_aliases a set external_id = v_id
	 where a.account = p_account and a.channel = p_channel and a.external_id = v_also;
	insert into dmbox.contact_aliases (account, channel, alias, external_id)
	values (p_account, p_channel, v_also, v_id)
	on conflict (account, channel, alias) do update set external_id = excluded.external_id;
	delete from dmbox.contact_aliases a
	 where a.account = p_account and a.channel = p_channel and a.alias = v_id and a.external_id = v_id;
	return v_id;
end $$;
comment on function dmbox.contact_known_as(text, text, text, text) is
	'External id of the contact that has these two ids; learns that they are one person''s';

-- The same for many, in their order (p_alias null: none was told).
create or replace function dmbox.contacts_known_as(p_account text[], p_channel text[], p_id text[], p_alias text[])
returns setof text language plpgsql as $$
begin
	-- what is proved first: it holds for the rows before it, too
	for i in 1 .. coalesce(array_length(p_id, 1), 0) loop
		if p_alias[i] is not null then
			perform dmbox.contact_known_as(p_account[i], p_channel[i], p_id[i], p_alias[i]);
		end if;
	end loop;
	for i in 1 .. coalesce(array_length(p_id, 1), 0) loop
		return next dmbox.contact_known_as(p_account[i], p_channel[i], p_id[i], null);
	end loop;
end $$;
comment on function dmbox.contacts_known_as(text[], text[], text[], text[]) is 'contact_known_as for each row of the arrays';
