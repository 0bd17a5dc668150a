-- dmbox schema, step 28: the words of messages stand in a table of their own.
--
-- An index of words on the messages themselves cost a lone message a tenth of its insert and
-- one of an array a quarter.  Now the poller enters them some seconds later, many at once
-- (dmbox.search_upkeep); a search reads what has not been entered yet itself.

drop index dmbox.messages_search_idx;

create table dmbox.message_words (
	message_id bigint primary key,
	words      tsvector not null
);
comment on table dmbox.message_words is 'Words of the texts of messages, for the search; entered by the poller, and gone with their text';
comment on column dmbox.message_words.message_id is 'messages.id';
comment on column dmbox.message_words.words is 'Words of body (configuration simple), of a very long one those of its beginning';

create table dmbox.word_marks (
	only_row boolean primary key default true check (only_row),
	upto     bigint not null default 0,
	ready    bigint not null default 0,
	waits    text[] not null default '{}'
);
comment on table dmbox.word_marks is 'How far message_words reaches (one row)';
comment on column dmbox.word_marks.only_row is 'Always true: there is one row';
comment on column dmbox.word_marks.upto is 'messages.id up to which every text has its words; what is behind it a search reads itself';
comment on column dmbox.word_marks.ready is 'messages.id up to which words are entered next';
comment on column dmbox.word_marks.waits is 'Transactions that may still bring lower ids than ready: only when they have ended';

-- (nobody writes meanwhile: drop index has locked the messages)
insert into dmbox.message_words (message_id, words)
select m.id, to_tsvector('simple', left(m.body, 100000)) from dmbox.messages m where m.body is not null;
insert into dmbox.word_marks (upto, ready)
select x, x from (select coalesce(max(m.id), 0) as x from dmbox.messages m) m;
create index message_words_idx on dmbox.message_words using gin (words);

-- as in sql/code/inbox.sql; here as well, so that no text is erased without it
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
		select new.id, to_tsvector('simple', left(new.body, 100000)) from dmbox.word_marks k
		 where new.id <= k.upto and new.body is not null;
	end if;
	return null;
end $$;
revoke execute on function dmbox.words_changed() from public;
create trigger words_changed after update of body on dmbox.messages for each row
	when (old.body is distinct from new.body) execute function dmbox.words_changed();
create trigger words_deleted after delete on dmbox.messages for each row
	when (old.body is not null) execute function dmbox.words_changed();
create trigger words_truncated after truncate on dmbox.messages for each statement
	execute function dmbox.words_changed();
