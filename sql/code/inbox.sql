-- What the inbox asks for.

-- fold one range of at most p_rows ids; true while there is more to fold
create or replace function dmbox.count_upkeep(p_rows bigint) returns boolean language plpgsql as $$
declare
	k dmbox.count_marks;
	m_to bigint;
	c_to bigint;
begin
	select * into k from dmbox.count_marks for update;
	m_to := least(k.message_next, k.message_upto + p_rows);
	c_to := least(k.contact_next, k.contact_upto + p_rows);
	insert into dmbox.message_counts as t (account, channel, inbound, outbound, contacts)
	select account, channel, sum(i), sum(o), sum(c)
	  from (select account, channel, (direction = 'inbound')::int as i,
	               (direction = 'outbound')::int as o, 0 as c
	          from dmbox.messages where id > k.message_upto and id <= m_to
	        union all
	        select account, channel, 0, 0, 1
	          from dmbox.contacts where id > k.contact_upto and id <= c_to) x
	 group by account, channel
	    on conflict (account, channel) do update
	       set inbound = t.inbound + excluded.inbound, outbound = t.outbound + excluded.outbound,
	           contacts = t.contacts + excluded.contacts;
	update dmbox.count_marks set message_upto = m_to, contact_upto = c_to;
	if m_to < k.message_next or c_to < k.contact_next then
		return true;
	end if;
	update dmbox.count_marks
	   set message_next = greatest(message_next, coalesce((select max(id) from dmbox.messages), 0)),
	       contact_next = greatest(contact_next, coalesce((select max(id) from dmbox.contacts), 0));
	return false;
end $$;
comment on function dmbox.count_upkeep(bigint) is 'Folds the next range of ids into message_counts; true while more is ready';

-- rows below the mark that go away (purge, an echo merged into its send) are taken off again
create or replace function dmbox.count_deleted() returns trigger language plpgsql as $$
begin
	if tg_table_name = 'messages' then
		update dmbox.message_counts c set inbound = c.inbound - d.i, outbound = c.outbound - d.o
		  from (select account, channel, count(*) filter (where direction = 'inbound') as i,
		               count(*) filter (where direction = 'outbound') as o
		          from gone where id <= (select message_upto from dmbox.count_marks)
		         group by account, channel) d
		 where c.account = d.account and c.channel = d.channel;
	else
		update dmbox.message_counts c set contacts = c.contacts - d.n
		  from (select account, channel, count(*) as n
		          from gone where id <= (select contact_upto from dmbox.count_marks)
		         group by account, channel) d
		 where c.account = d.account and c.channel = d.channel;
	end if;
	return null;
end $$;
comment on function dmbox.count_deleted() is 'Keeps message_counts right when rows are deleted';
do $$
declare
	t text;
begin
	foreach t in array array['messages', 'contacts'] loop
		if not exists (select 1 from pg_trigger where tgrelid = ('dmbox.' || t)::regclass and tgname = t || '_count_deleted') then
			execute format('create trigger %I after delete on dmbox.%I referencing old table as gone '
			    'for each statement execute function dmbox.count_deleted()', t || '_count_deleted', t);
		end if;
	end loop;
end $$;

-- Who is called so or said so.  A word that many say would bring a bitmap of millions
-- of rows, so the index is asked for a part of them only (gin_fuzzy_search_limit), and
-- the newest messages are read one by one: what is frequent is among them.
create or replace function dmbox.search(p_channel text, p_accounts text[], p_query text)
returns table (contact_id bigint) language plpgsql stable
-- planned without the query's words: a plan that reads the table is never the better one
set enable_seqscan = off
set gin_fuzzy_search_limit = 5000
as $$
#variable_conflict use_column
declare
	v_query tsquery := to_tsquery('simple', p_query);
begin
	return query
	select c.id from dmbox.contacts c
	 where to_tsvector('simple', coalesce(c.name, '') || ' ' || coalesce(c.username, '')) @@ v_query
	   and c.channel = p_channel and c.account = any (p_accounts)
	 limit 2000;
	return query
	select m.contact_id
	  from (select x.* from dmbox.messages x order by x.id desc limit 5000) m
	 where m.body is not null and to_tsvector('simple', left(m.body, 100000)) @@ v_query
	   and m.channel = p_channel and m.account = any (p_accounts);
	return query
	select m.contact_id from dmbox.messages m
	 where m.body is not null and to_tsvector('simple', left(m.body, 100000)) @@ v_query
	   and m.channel = p_channel and m.account = any (p_accounts)
	 limit 2000;
end $$;
comment on function dmbox.search(text, text[], text) is
	'Contacts whose name or messages hold the words of a tsquery (configuration simple), some of them more than once; all of them where the words are not too frequent, else the newest and a part';

create or replace function dmbox.iso(timestamptz) returns text language sql immutable as
	$$ select to_char($1 at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;
comment on function dmbox.iso(timestamptz) is 'A time as JSON answers write it: 2024-11-13T12:00:00.000Z';
