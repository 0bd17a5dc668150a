-- Questions people ask their messages.  Each can be pasted into psql; the tests run them all.

-- The conversations, newest first
select contact_id, name, username, last_at, last_body, unread_count
  from dmbox.conversations order by last_at desc limit 20;

-- One conversation, as it was said
select sent_at, direction, kind, body, attachments, reactions, status
  from dmbox.messages_full where contact_id = 1 order by sent_at, id;

-- What waits for an answer: the last word is theirs, and the window is open
select name, username, last_body, last_at, can_send_until
  from dmbox.conversations
 where last_direction = 'inbound' and can_send_until > now() order by can_send_until;

-- How long people wait for the first answer, by day; who still waits is not in it
select date_trunc('day', asked_at) as day, count(*) as answered,
       percentile_cont(0.5) within group (order by answered_at - asked_at) as median_wait
  from dmbox.turns
 where answered_at is not null and asked_at > now() - interval '30 days'
 group by 1 order by 1;

-- Which advertisements people came by, and how many of them were answered
select r.ad_id, max(r.ad_title) as title, count(distinct r.contact_id) as people,
       count(distinct t.contact_id) as answered
  from dmbox.referrals r
  left join dmbox.turns t on t.contact_id = r.contact_id and t.answered_at > r.at
 where r.ad_id is not null group by 1 order by 3 desc;

-- Follow the messages: each that is new or has changed since the last look, and none is missed.
-- First the bound, in a statement of its own: below it no open transaction can add anything.  Then
-- what lies from the last bound (0 at first) to below this one; keep this one for the next look.
select bound from dmbox.change_bound();
select change_id, id, contact_id, direction, status, body, edited_at, deleted_at
  from dmbox.messages where change_id >= 0 and change_id < 9223372036854775807 order by change_id;

-- Messages by hour of the day
select extract(hour from sent_at) as hour, count(*) from dmbox.messages
 where direction = 'inbound' and not is_test group by 1 order by 1;

-- All messages of an account with a word (those of the last seconds may not have been entered yet)
select sent_at, contact_name, body from dmbox.messages_full
 where id in (select message_id from dmbox.message_words where words @@ dmbox.words_query('instagram', 'main', plainto_tsquery('simple', 'price')))
 order by sent_at desc limit 50;

-- Everything that came in within the last hour, with what became of it
select id, received_at, source, verdict, reason, items, stored, duplicates, weak_duplicates, ignored
  from dmbox.deliveries where received_at > now() - interval '1 hour' order by id desc;

-- The bytes of the last deliveries that nobody understood
select id, received_at, reason, left(body_text, 500) from dmbox.deliveries_text
 where reason not in ('ok') order by id desc limit 10;

-- Was anything dropped?  (no rows: nothing was)
select * from dmbox.ingest_balance where missing <> 0;

-- Refusals of today: somebody knocks, or a secret is wrong
select account, channel, reason, sum(kept) as in_ledger, sum(capped) as only_counted
  from dmbox.refusals where minute > now() - interval '1 day' group by 1, 2, 3 order by 4 desc;

-- Messages the webhook had missed and the poller found
select account, channel, date_trunc('day', started_at) as day, sum(added_by_reconcile) as missed
  from dmbox.poll_runs group by 1, 2, 3 having sum(added_by_reconcile) > 0 order by 3 desc;

-- What does not go out, and why
select id, state, recipient_id, attempts, next_at, error_code, error_text
  from dmbox.outbox where state not in ('sent', 'accepted') order by id desc limit 50;

-- A conversation as CSV (in psql: \copy (...) to 'conversation.csv' csv header)
select sent_at, direction, coalesce(body, '[' || kind || ']') as text
  from dmbox.messages where contact_id = 1 order by sent_at, id;

-- The same for Excel, which wants a mark before UTF-8 and takes a text that begins with = for a
-- formula: (printf '\357\273\277'; psql --csv -f this.sql) > conversation.csv
-- (-P csv_fieldsep=';' where Excel speaks Russian)
select to_char(sent_at, 'YYYY-MM-DD HH24:MI:SS') as time, direction, sender_name,
       case when body ~ '^[-=+@\t\r]' then '''' || body else coalesce(body, '[' || kind || ']') end as text,
       quoted_text, attachments -> 0 ->> 'local_path' as file
  from dmbox.messages_full where contact_id = 1 order by sent_at, id;
