-- The statement that the webhook runs for one delivery of one new message, for pgbench.
-- (A colon before a name or a digit would be a variable of pgbench.)
\set n random(1, 9000000000000000000)
\set who random(1, 5000)
select uid, id, stored, duplicates, weak_duplicates, ignored, echoes, messages from dmbox.ingest(
 (substr(encode(int8send((extract(epoch from now()) * 1000)::bigint), 'hex'), 5) || substr(replace(gen_random_uuid()::text, '-', ''), 13))::uuid, now(), 'instagram', 'main', 'webhook',
 'aaaaaaaaaaaaaaaaaaaa', '127.0.0.1', 'application/json',
 '{"\u003apath":"/instagram/webhook","host":"127.0.0.1","user-agent":"load","content-length":"179","content-type":"application/json"}'::jsonb,
 convert_to('{"senderId":"6500000000001234","messageId":"p' || :n::bigint || '","text":"Good day, do you have this in blue? Message 123456","username":"user6500000000001234","timestamp": 1763800000}', 'UTF8'),
 'ok', 1, 0, 0, 0,
 encode(int8send(:n::bigint) || repeat('x', 24)::bytea, 'hex'), 'main', '', 'p' || :n::bigint, 'chatrace',
 (6500000000000000 + :who)::text, (6500000000000000 + :who)::text, null, false, 'text',
 'Good day, do you have this in blue? Message 123456', null, null, now(), true, false, 'webhook',
 null, 'user' || :who::int, null, date_trunc('minute', now()), now(), null);
