-- The statement that the webhook runs for one delivery of one new message, for pgbench.
-- (A colon before a name or a digit would be a variable of pgbench.)
\set n random(1, 9000000000000000000)
\set who random(1, 5000)
select uid, id, stored, duplicates, weak_duplicates, ignored, echoes, messages from dmbox.ingest(
 array[(substr(encode(int8send((extract(epoch from now()) * 1000)::bigint), 'hex'), 5) || substr(replace(gen_random_uuid()::text, '-', ''), 13))::uuid], array[now()], array['instagram'], array['main'], array['webhook'],
 array['aaaaaaaaaaaaaaaaaaaa'], array['127.0.0.1'], array['application/json'],
 array['{"\u003apath":"/instagram/webhook","host":"127.0.0.1","user-agent":"load","content-length":"179","content-type":"application/json"}'::jsonb],
 array[convert_to('{"senderId":"6500000000001234","messageId":"p' || :n::bigint || '","text":"Good day, do you have this in blue? Message 123456","username":"user6500000000001234","timestamp": 1763800000}', 'UTF8')],
 array['ok'], array[1], array[0], array[0], array[0],
 array[(:n::bigint % 256)::int], array[false],
 array['main'], array['instagram'], array[(6500000000000000 + :who)::text],
 array[null]::text[], array[null]::timestamptz[], array['user' || :who::int], array[date_trunc('minute', now())],
 array[null]::text[], array[null]::timestamptz[], array[now()], array[null]::timestamptz[],
 array[1], array['main'], array['instagram'], array[''], array['p' || :n::bigint], array[null]::text[],
 array['chatrace'], array[(6500000000000000 + :who)::text], array[(6500000000000000 + :who)::text],
 array[null]::text[], array[false], array['text'], array['Good day, do you have this in blue? Message 123456'],
 array[null]::jsonb[], array[null]::text[], array[now()], array[true], array[false], array['webhook'],
 '{}'::int[], '{}'::int[], '{}'::text[], '{}'::text[], '{}'::text[], '{}'::text[], '{}'::text[], '{}'::bigint[],
 '{}'::int[], '{}'::text[], '{}'::text[], '{}'::text[], '{}'::text[], '{}'::text[], '{}'::text[], '{}'::text[], '{}'::text[],
 '{}'::boolean[], '{}'::timestamptz[], '{}'::text[], '{}'::text[], '{}'::bigint[], '{}'::text[], '{}'::jsonb[], '{}'::boolean[]);
