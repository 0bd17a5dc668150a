-- dmbox schema, step 29: the words of a message carry the account that they are of.
--
-- A search asked for a word first and for the account afterwards: of a word that one account
-- says all the time a bounded number of messages was taken, and none of another account's might
-- be among them.  Now the index is asked for the words of an account.

-- nobody enters or changes words meanwhile, nor by the functions of before
lock table dmbox.messages in share row exclusive mode;
lock table dmbox.message_words, dmbox.word_marks in access exclusive mode;

-- as in sql/code/inbox.sql
create or replace function dmbox.words_key(p_channel text, p_account text) returns text
language sql immutable parallel safe as $$ select left(md5(p_channel || '/' || p_account), 5) $$;

create or replace function dmbox.words_of(p_channel text, p_account text, p_body text) returns tsvector
language plpgsql immutable parallel safe as $$
declare
	v tsvector := to_tsvector('pg_catalog.simple', left(p_body, 100000));
	k text := dmbox.words_key(p_channel, p_account);
begin
	if octet_length(p_body) > 2000 then
		v := ts_delete(v, array(select x.lexeme from unnest(v) x where octet_length(x.lexeme) > 2000));
	end if;
	-- 'one':1 'two':2
	return case when v = '' then v else ('''' || k || substr(replace(v::text, ' ''', ' ''' || k), 2))::tsvector end;
end $$;

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

drop index dmbox.message_words_idx;
truncate dmbox.message_words;
insert into dmbox.message_words (message_id, words)
select m.id, dmbox.words_of(m.channel, m.account, m.body) from dmbox.messages m, dmbox.word_marks k
 where m.id <= k.upto and m.body is not null;
create index message_words_idx on dmbox.message_words using gin (words);
comment on column dmbox.message_words.words is 'Words of body (configuration simple), of a very long one those of its beginning, each behind dmbox.words_key of its account';
