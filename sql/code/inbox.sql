-- What the inbox asks for.

create or replace function dmbox.hour_of(timestamptz) returns timestamptz language sql immutable parallel safe as
	$$ select date_trunc('hour', $1 at time zone 'UTC') at time zone 'UTC' $$;
comment on function dmbox.hour_of(timestamptz) is 'Beginning of the hour (UTC)';

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
	insert into dmbox.message_hours as t (hour, account, channel, inbound, outbound)
	select dmbox.hour_of(sent_at), account, channel, count(*) filter (where direction = 'inbound'),
	       count(*) filter (where direction = 'outbound')
	  from dmbox.messages where id > k.message_upto and id <= m_to and not is_test
	 group by 1, 2, 3
	    on conflict (hour, account, channel) do update
	       set inbound = t.inbound + excluded.inbound, outbound = t.outbound + excluded.outbound;
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
		update dmbox.message_hours h set inbound = greatest(h.inbound - d.i, 0), outbound = greatest(h.outbound - d.o, 0)
		  from (select dmbox.hour_of(sent_at) as hour, account, channel,
		               count(*) filter (where direction = 'inbound') as i, count(*) filter (where direction = 'outbound') as o
		          from gone where id <= (select message_upto from dmbox.count_marks) and not is_test
		         group by 1, 2, 3) d
		 where h.hour = d.hour and h.account = d.account and h.channel = d.channel;
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

-- Would the index have to collect more than 100,000 messages, as the newest 3,000 have p_hits?  Of a
-- word's beginning it collects all before it gives one, however few are asked for.
create or replace function dmbox.search_too_many(p_hits bigint) returns boolean language sql stable as $$
	select p_hits * coalesce((select max(m.id) from dmbox.messages m), 0) / 3000 > 100000
$$;
comment on function dmbox.search_too_many(bigint) is 'Is a word that so many of the newest 3000 messages have too frequent for the index?';

-- The words of one account's messages are other words than those of another's, so that the index
-- is asked for what one account says, whatever the others do: each has five letters before it.
create or replace function dmbox.words_key(p_channel text, p_account text) returns text
language sql immutable parallel safe as $$ select left(md5(p_channel || '/' || p_account), 5) $$;
comment on function dmbox.words_key(text, text) is 'What stands before each word of an account''s messages in message_words';

create or replace function dmbox.words_of(p_channel text, p_account text, p_body text) returns tsvector
language plpgsql immutable parallel safe as $$
declare
	v tsvector := to_tsvector('pg_catalog.simple', left(p_body, 100000));
	k text := dmbox.words_key(p_channel, p_account);
begin
	-- a word that would be too long with its key
	if octet_length(p_body) > 2000 then
		v := ts_delete(v, array(select x.lexeme from unnest(v) x where octet_length(x.lexeme) > 2000));
	end if;
	-- 'one':1 'two':2
	return case when v = '' then v else ('''' || k || substr(replace(v::text, ' ''', ' ''' || k), 2))::tsvector end;
end $$;
comment on function dmbox.words_of(text, text, text) is 'The words of a text of an account as message_words has them';

create or replace function dmbox.words_query(p_channel text, p_account text, p_query tsquery) returns tsquery
language sql immutable parallel safe as $$
	select regexp_replace(p_query::text, '''((?:[^'']|'''')+)''', '''' || dmbox.words_key(p_channel, p_account) || E'\\1''', 'g')::tsquery
$$;
comment on function dmbox.words_query(text, text, tsquery) is 'A query for message_words.words: these words in messages of an account';

-- Who is called so or said so.  The newest messages are read one by one: what is frequent is
-- among them, and a word that an account says too often is not looked for in the index.  To take
-- a text apart costs most, so of the newest only those that hold the query's longest word are.
-- Each account has its share of what is found: none hides another's.
create or replace function dmbox.search(p_channel text, p_accounts text[], p_query text)
returns table (contact_id bigint) language plpgsql stable
-- planned without the query's words: a plan that reads the table is never the better one
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
	v_query tsquery := to_tsquery('simple', p_query);
	v_word  text := (select replace(w[1], '''''', '''') from regexp_matches(v_query::text, '''((?:[^'']|'''')+)''', 'g') w
	                  where v_query::text !~ E'[|!\\\\]' order by length(w[1]) desc limit 1);
	v_upto  bigint := (select k.upto from dmbox.word_marks k where k.only_row);
	v_share integer := 2000 / least(greatest(cardinality(p_accounts), 1), 10);
	v_ids   bigint[];
	v_whose text[];
begin
	return query
	select c.id from dmbox.contacts c
	 where to_tsvector('simple', coalesce(c.name, '') || ' ' || coalesce(c.username, '')) @@ v_query
	   and c.channel = p_channel and c.account = any (p_accounts)
	 limit 2000;
	select array_agg(x.contact_id), array_agg(x.account) into v_ids, v_whose
	  from (select m.contact_id, m.account from (select x.* from dmbox.messages x order by x.id desc limit 3000) m
	         where m.channel = p_channel and m.account = any (p_accounts)
	           and position(coalesce(v_word, '') in lower(m.body)) > 0 and to_tsvector('simple', left(m.body, 100000)) @@ v_query
	         limit 1000) x;
	return query select x from unnest(v_ids) x;
	-- of older ones those whose words are not entered yet: none, unless the poller stands still,
	-- and then as many as are read in a part of a second
	return query
	select m.contact_id
	  from (select x.* from dmbox.messages x where x.id > v_upto order by x.id desc offset 3000 limit 30000) m
	 where m.channel = p_channel and m.account = any (p_accounts)
	   and position(coalesce(v_word, '') in lower(m.body)) > 0 and to_tsvector('simple', left(m.body, 100000)) @@ v_query
	 limit 1000;
	v_ids := array(select w.message_id from unnest(p_accounts) a (account)
	 cross join lateral (select i.message_id from dmbox.message_words i
	        where i.words @@ dmbox.words_query(p_channel, a.account, v_query) limit v_share) w
	 where not dmbox.search_too_many((select count(*) from unnest(v_whose) x where x = a.account)));
	return query
	select m.contact_id from dmbox.messages m
	 where m.id = any (v_ids) and m.channel = p_channel and m.account = any (p_accounts);
end $$;
comment on function dmbox.search(text, text[], text) is
	'Contacts whose name or messages hold the words of a tsquery (configuration simple), some of them more than once; all of them where the words are not too frequent, else those of the newest messages';

-- The words of a message whose text changes or goes.  The lock is held shared to the end of such
-- a transaction, and by the poller alone: it can enter no text that it read before.  With the
-- owner's rights: nobody else writes words.
create or replace function dmbox.words_changed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	perform pg_advisory_xact_lock_shared(25712, 0);
	if tg_op = 'TRUNCATE' then
		delete from dmbox.message_words;
		update dmbox.word_marks set upto = 0, ready = 0;
		return null;
	end if;
	delete from dmbox.message_words w where w.message_id = old.id;
	if tg_op = 'UPDATE' then
		insert into dmbox.message_words (message_id, words)
		select new.id, dmbox.words_of(new.channel, new.account, new.body) from dmbox.word_marks k
		 where new.id <= k.upto and new.body is not null;
	end if;
	return null;
end $$;
revoke execute on function dmbox.words_changed() from public;
comment on function dmbox.words_changed() is 'Keeps message_words as the texts are';

-- Enter the words of the next messages, by ranges of ids.  A range is complete when the
-- transactions that wrote when its end was noted have ended: each holds a lock from before it
-- takes an id.  Then what was written into the indexes last is moved from their pending lists,
-- which a search reads from end to end, into their trees.  With the owner's rights: an index is
-- tidied by who owns it.
create or replace function dmbox.search_upkeep() returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	k    dmbox.word_marks;
	v_to bigint;
	n    bigint := 0;
begin
	-- a text is changing just now: the next time
	if pg_try_advisory_xact_lock(25712, 0) then
		select * into k from dmbox.word_marks;
		if k.upto >= k.ready then
			k.ready := greatest(k.upto, (select max(m.id) from dmbox.messages m));
			k.waits := array(select l.virtualtransaction from pg_locks l
			    where l.relation in ('dmbox.messages_id_seq'::regclass, 'dmbox.messages'::regclass)
			      and l.database = (select d.oid from pg_database d where d.datname = current_database())
			      and l.mode = 'RowExclusiveLock' and l.pid is distinct from pg_backend_pid());
		end if;
		if not exists (select 1 from pg_locks l where l.virtualtransaction = any (k.waits)) then
			-- as many as do not take long: also of texts as long as may be
			select count(*), coalesce(max(x.id), k.ready) into n, v_to
			  from (select m.id, sum(m.bytes) over (order by m.id) - m.bytes as before
			          from (select i.id, coalesce(octet_length(i.body), 0) as bytes from dmbox.messages i
			                 where i.id > k.upto and i.id <= k.ready order by i.id limit 2000) m) x
			 where x.before < 2000000;
			insert into dmbox.message_words (message_id, words)
			select m.id, dmbox.words_of(m.channel, m.account, m.body) from dmbox.messages m
			 where m.id > k.upto and m.id <= v_to and m.body is not null
			on conflict do nothing;
			k.upto := v_to;
		end if;
		update dmbox.word_marks w set upto = k.upto, ready = k.ready, waits = k.waits
		 where (w.upto, w.ready, w.waits) is distinct from (k.upto, k.ready, k.waits);
	end if;
	perform gin_clean_pending_list('dmbox.message_words_idx'), gin_clean_pending_list('dmbox.contacts_search_idx');
	return n;
end $$;
revoke execute on function dmbox.search_upkeep() from public;
comment on function dmbox.search_upkeep() is 'Enters the words of new messages for the search, at most 2000 at a time; returns of how many, 0: all that can be';
-- where each program has a login of its own (roles.sql)
do $$ begin
	if exists (select 1 from pg_roles where rolname = 'dmbox_cron')
	    and has_function_privilege('dmbox_cron', to_regprocedure('dmbox.deliveries_partitions()')::oid, 'execute') then
		grant execute on function dmbox.search_upkeep() to dmbox_cron;
	end if;
end $$;

-- (stable, as to_char is: only so it is written out in a statement instead of called for each time)
create or replace function dmbox.iso(timestamptz) returns text language sql stable as
	$$ select to_char($1 at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;
comment on function dmbox.iso(timestamptz) is 'A time as JSON answers write it: 2024-11-13T12:00:00.000Z';

-- The change feed ------------------------------------------------------------------

-- A transaction that writes holds locks in this database from before its first change to its
-- end.  Ask for the bound first and for the rows in a later statement: what had ended by then is
-- visible to it.
create or replace function dmbox.change_bound(out bound bigint, out top bigint) language plpgsql volatile as $$
begin
	top := txid_snapshot_xmax(txid_current_snapshot());
	with l as materialized (select locktype, database, virtualtransaction, transactionid, mode from pg_locks),
	     x as (select t.transactionid::text::bigint as low from l t
	            where t.locktype = 'transactionid' and t.mode = 'ExclusiveLock'
	              and t.virtualtransaction in (select virtualtransaction from l
	                   where locktype = 'relation' and database = (select oid from pg_database where datname = current_database())))
	select least(min(case when (top & ~4294967295) + low > top then (top & ~4294967295) + low - 4294967296
	                      else (top & ~4294967295) + low end), top) into bound from x;
	bound := bound << 20;
	top := top << 20;
end $$;
comment on function dmbox.change_bound() is 'bound: all of messages.change_id below it are final; top: above every one there is';

create or replace function dmbox.message_changed() returns trigger language plpgsql as $$
begin
	new.change_id := (txid_current() << 20) | (nextval('dmbox.change_seq') & 1048575);
	return new;
end $$;
comment on function dmbox.message_changed() is 'Gives a message that changes a new change_id';
drop trigger if exists message_changed on dmbox.messages;
create trigger message_changed before update on dmbox.messages for each row
	when ((old.external_id, old.contact_id, old.kind, old.body, old.detail, old.reply_to, old.status, old.sent_at, old.edited_at,
	       old.deleted_at, old.delivered_at, old.read_at, old.error_text)
	      is distinct from
	      (new.external_id, new.contact_id, new.kind, new.body, new.detail, new.reply_to, new.status, new.sent_at, new.edited_at,
	       new.deleted_at, new.delivered_at, new.read_at, new.error_text))
	execute function dmbox.message_changed();

-- what belongs to a message changes it: reactions, files, the outbox
create or replace function dmbox.part_changed() returns trigger language plpgsql as $$
begin
	update dmbox.messages set change_id = (txid_current() << 20) | (nextval('dmbox.change_seq') & 1048575)
	 where id = new.message_id;
	return null;
end $$;
comment on function dmbox.part_changed() is 'A message changes with its reactions, files and outbox row';
drop trigger if exists part_changed on dmbox.reactions;
create trigger part_changed after insert or update on dmbox.reactions for each row execute function dmbox.part_changed();
drop trigger if exists part_changed on dmbox.attachments;
create trigger part_changed after update on dmbox.attachments for each row
	when ((old.state, old.type, old.url, old.name, old.mime_type) is distinct from (new.state, new.type, new.url, new.name, new.mime_type))
	execute function dmbox.part_changed();
drop trigger if exists part_changed on dmbox.outbox;
create trigger part_changed after update on dmbox.outbox for each row
	when (new.message_id is not null and new.state <> 'leased'
	      and (old.error_code, old.error_text, old.next_at) is distinct from (new.error_code, new.error_text, new.next_at))
	execute function dmbox.part_changed();

-- How fast customers were answered ---------------------------------------------------

create or replace view dmbox.turns as
select s.account, s.channel, s.contact_id, s.id as message_id, s.sent_at as asked_at,
       s.next_id as answer_id, s.next_at as answered_at,
       extract(epoch from s.next_at - s.sent_at)::float8 as seconds
  from (select m.*, lead(m.id) over w as next_id, lead(m.sent_at) over w as next_at
          from (select x.id, x.account, x.channel, x.contact_id, x.direction, x.sent_at,
                       lag(x.direction) over (partition by x.contact_id order by x.sent_at, x.id) as before
                  from dmbox.messages x
                 where x.contact_id is not null and not x.is_test and not (x.direction = 'outbound' and x.status in ('queued', 'failed'))
                   and not (x.direction = 'inbound' and x.deleted_at is not null)) m
         where m.before is distinct from m.direction
        window w as (partition by m.contact_id order by m.sent_at, m.id)) s
 where s.direction = 'inbound';
comment on view dmbox.turns is 'Each time a customer began to wait: from the first message of a turn to our first answer; what was unsent counts for nothing';
comment on column dmbox.turns.account is 'Our account';
comment on column dmbox.turns.channel is 'instagram or whatsapp';
comment on column dmbox.turns.contact_id is 'contacts.id';
comment on column dmbox.turns.message_id is 'messages.id of the first unanswered message';
comment on column dmbox.turns.asked_at is 'When it was sent';
comment on column dmbox.turns.answer_id is 'messages.id of our first answer; null: there is none yet';
comment on column dmbox.turns.answered_at is 'When that was sent';
comment on column dmbox.turns.seconds is 'Between the two';

create or replace view dmbox.referrals as
select r.account, r.channel, r.contact_id, r.at, r.message_id, r.event_id,
       coalesce(r.j ->> 'ad_id', r.j ->> 'source_id') as ad_id,
       coalesce(r.j #>> '{ads_context_data,ad_title}', r.j ->> 'headline') as ad_title,
       coalesce(r.j ->> 'source', r.j ->> 'source_type') as source, r.j ->> 'ref' as ref,
       r.j #>> '{product,id}' as product_id
  from (select m.account, m.channel, m.contact_id, m.sent_at as at, m.id as message_id, null::bigint as event_id,
               m.detail -> 'referral' as j
          from dmbox.messages m where m.detail ? 'referral'
        union all
        select e.account, e.channel, e.contact_id, e.occurred_at, null, e.id,
               coalesce(e.raw -> 'referral', e.raw #> '{postback,referral}')
          from dmbox.events e where e.kind = 'referral') r;
comment on view dmbox.referrals is 'Where customers came from: advertisements, links and products, of messages and of events';
comment on column dmbox.referrals.account is 'Our account';
comment on column dmbox.referrals.channel is 'instagram or whatsapp';
comment on column dmbox.referrals.contact_id is 'contacts.id';
comment on column dmbox.referrals.at is 'When';
comment on column dmbox.referrals.message_id is 'messages.id, where a message said so';
comment on column dmbox.referrals.event_id is 'events.id, where an event did';
comment on column dmbox.referrals.ad_id is 'The advertisement''s id';
comment on column dmbox.referrals.ad_title is 'Its title';
comment on column dmbox.referrals.source is 'ADS, SHORTLINK, ... as the provider says it';
comment on column dmbox.referrals.ref is 'The link''s parameter';
comment on column dmbox.referrals.product_id is 'The product it was about';
