#!/bin/bash
# sql/: every table and column is commented, the examples run, the roles can do
# their work and no more.  Needs DMBOX_TEST_DB (a superuser's conninfo).
set -u
root=${DMBOX_TEST_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
q() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$DMBOX_TEST_DB" "$@"; }
bad=0 n=0
fail() { echo "FAIL: $*"; bad=1; }

if [ "$(q -c "select to_regclass('dmbox.messages') is null")" = t ]; then
	for f in "$root"/sql/[0-9][0-9][0-9]-*.sql; do q -1 -f "$f" >/dev/null || exit 1; done
	for f in "$root"/sql/code/*.sql; do PGOPTIONS='-c check_function_bodies=off' q -1 -f "$f" >/dev/null || exit 1; done
fi
none=$(q -c "select c.relname || coalesce('.' || a.attname, '') from pg_class c
	left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
	where c.relnamespace = 'dmbox'::regnamespace and c.relkind in ('r','p','v')
	  and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null) order by 1")
[ -z "$none" ] || fail "without a comment: $none"
[ "$(q -c "select string_agg(s, ' ' order by dmbox.status_rank(s)) from unnest(array['read', 'sent', 'delivered', 'queued', 'failed', 'accepted']) s")" = 'queued accepted sent failed delivered read' ] || fail "the order of the states"
[ "$(q -c "insert into dmbox.contacts (account, channel, external_id, last_inbound_at) values ('w', 'instagram', 'w1', '2026-01-01 00:00Z')" \
	-c "select dmbox.window_until('w', 'instagram', 'w1', 86400) = '2026-01-02 00:00Z'" -c "delete from dmbox.contacts where account = 'w'")" = t ] || fail "a window of a day"
# an ad opens seven days, by a referral of its own or in a message; another link a day
for ad in '{"referral": {"source": "ADS"}}|t' '{"referral": {"ad_id": "7"}}|t' '{"referral": {"source": "SHORTLINK"}}|f'; do
	[ "$(q -c "insert into dmbox.contacts (account, channel, external_id, last_inbound_at) values ('w', 'instagram', 'w2', now() - interval '7 days')" \
		-c "insert into dmbox.events (account, channel, kind, contact_id, occurred_at, event_key, raw) select 'w', 'instagram', 'referral', id, now() - interval '3 days', 'w2', '${ad%|*}' from dmbox.contacts where external_id = 'w2'" \
		-c "select dmbox.window_until('w', 'instagram', 'w2', 86400) - now() between interval '95 hours' and interval '97 hours'" \
		-c "delete from dmbox.events where event_key = 'w2'" -c "delete from dmbox.contacts where account = 'w'")" = "${ad#*|}" ] || fail "the window of $ad"
done
# before roles.sql has revoked anything: a function that runs with its owner's rights is not
# for everybody, fixes its search_path, and refuses nonsense
open=$(q -c "select p.oid::regprocedure from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
	where p.pronamespace = 'dmbox'::regnamespace and p.prosecdef and a.grantee = 0")
[ -z "$open" ] || fail "security definer, for PUBLIC: $open"
[ "$(q -c "select count(*) from pg_proc where pronamespace = 'dmbox'::regnamespace and prosecdef")" -ge 2 ] || fail "no security definer function was looked at"
unsafe=$(q -c "select p.oid::regprocedure from pg_proc p where p.pronamespace = 'dmbox'::regnamespace and p.prosecdef
	and not exists (select 1 from unnest(p.proconfig) c where c like 'search_path=%')")
[ -z "$unsafe" ] || fail "security definer without a search_path: $unsafe"
q -c "insert into dmbox.deliveries (delivery_uid, received_at, channel, account, source, verdict, reason)
	values ('3f8fad5b-d9cb-469f-a165-70867728950e', now(), 'instagram', 'main', 'webhook', 'accepted', 'ok')" || fail "a row of the ledger"
q -c "create role dmbox_t_reads; grant usage on schema dmbox to dmbox_t_reads; grant select on all tables in schema dmbox to dmbox_t_reads"
for args in "-1000, 0, 100" "-1000, 3, 100" "0, 3, 100" "0, 0, 100" "30, -5, 100" "30, 3, 0" "null, 3, 100" "30, 3, 100"; do
	q -c "set role dmbox_t_reads" -c "select dmbox.deliveries_expire($args)" >/dev/null 2>&1 && fail "a login that may only read can: deliveries_expire($args)"
	[ "$args" = "30, 3, 100" ] || ! q -c "select dmbox.deliveries_expire($args)" >/dev/null 2>&1 || fail "taken: deliveries_expire($args)"
done
[ "$(q -c "select count(*) from dmbox.deliveries where delivery_uid = '3f8fad5b-d9cb-469f-a165-70867728950e'")" = 1 ] || fail "the row of the ledger is gone"
q -c "delete from dmbox.deliveries where delivery_uid = '3f8fad5b-d9cb-469f-a165-70867728950e'" -c "drop owned by dmbox_t_reads" -c "drop role dmbox_t_reads"
# what somebody without a credential can make the database grow by in an hour, in whatever
# way he asks: with incompressible bodies, long headers, many accounts and reasons
grown() { q -c "select sum(pg_total_relation_size(c.oid)) from pg_class c where c.relnamespace = 'dmbox'::regnamespace and c.relkind in ('r', 'p', 'm')"; }
before=$(grown)
q -c "set synchronous_commit = off" -c "do \$\$ begin for i in 1 .. 8000 loop
	perform dmbox.refuse(1000000, gen_random_uuid(), now(), 'instagram', 'a' || i % 10, 'webhook', 'r' || i, '203.0.113.' || i % 250,
	repeat('t', i % 5000), jsonb_build_object('x', (select string_agg(md5(random()::text || k), '') from generate_series(1, i % 200) k)),
	(select string_agg(sha256((random()::text || k)::bytea), '') from generate_series(1, i % 512) k), 'reason' || i % 8);
	commit; end loop; end \$\$" >/dev/null || fail "refusals"
hour=$(($(grown) - before))
[ "$hour" -gt 500000 ] || fail "only $hour bytes: nothing was kept"
[ $((hour * 24)) -le 50000000 ] || fail "a forger's day: $((hour * 24)) bytes"
echo "a forger without a credential: $((hour * 24 / 1000000)) MB a day at most"
[ "$(q -c "select sum(kept + capped) from dmbox.refusals")" = 8000 ] || fail "refusals that are not counted"
[ "$(q -c "select count(*) filter (where body is not null) between 50 and 500 and count(*) filter (where body is null) > 300 from dmbox.deliveries")" = t ] || fail "which rows are kept"
q -c "delete from dmbox.deliveries; delete from dmbox.refusals; delete from dmbox.refused_bytes"
q -f "$root/sql/examples.sql" >/dev/null || fail "examples.sql"
for i in 1 2; do q -f "$root/sql/roles.sql" >/dev/null || fail "roles.sql, run $i"; done

as() { n=$((n + 1)); local role=$1; shift; q -c "set role $role" -c "$1" >/dev/null 2>&1; }
can() { as "$1" "$2" || { fail "$1 cannot: $2"; q -c "set role $1" -c "$2"; }; }
cannot() { as "$1" "$2" && fail "$1 can: $2"; }
ingest="select * from dmbox.ingest_many(true,array['0f8fad5b-d9cb-469f-a165-70867728950e']::uuid[], array[now()],
	array['instagram'],array['main'],array['webhook'],array[null],array[null],array[null],array[null]::jsonb[],
	array['x']::bytea[],array['ok'],array[1],array[0],array[0],array[0],array[1],array[0],array[2],array[259],
	array['main'],array['instagram'],array['c1'],array['Ana'],array[now()],null,null,null,null,array[now()],null,
	array[1],array[1],array['main'],array[''],array['M1'],null,array['graph'],
	null,null,array[false],array['text'],array['hi'],null,null,array[now()],
	array[true],array[false],array['webhook'],
	array[1],array[0],array['image'],array['u'],null,null,null,null,
	array[1,1],array[1,1],null,array['main','main'],array['',''],array['graph','graph'],
	array['edit','unsend'],array['edit','unsend'],array[false,false],
	array[now(),now()],array['M1','M1'],array['x',null],array[1,0],array['k1','k2'],array['{}','{}']::jsonb[],
	array[false,false])"
can dmbox_web "$ingest"
for i in 1 2; do	# a new message, then again
	can dmbox_web "select * from dmbox.ingest('2f8fad5b-d9cb-469f-a165-70867728950e', now(), 'instagram', 'main', 'webhook', null,
		null, null, null, 'x', 'ok', 1, 0, 0, 0, dmbox.id_hash('main', 'instagram', '', 'M2'), 'main', '', 'M2', 'graph',
		'c2', 'c2', null, false, 'text', 'hi', null, null, now(), true, false, 'webhook', 'Bea', null, null,
		date_trunc('minute', now()), now(), null)"
done
can dmbox_web "select dmbox.refuse(5, '1f8fad5b-d9cb-469f-a165-70867728950e', now(), 'instagram', 'main', 'webhook',
	null, null, null, null, 'x', 'no_secret')"
can dmbox_cron "select dmbox.deliveries_partitions(), dmbox.deliveries_expire(30, 3, 100), dmbox.apply_leftovers(10), dmbox.search_upkeep()"
can dmbox_reader "select * from dmbox.messages_full"
can dmbox_reader "select * from dmbox.ingest_balance"
cannot dmbox_reader "update dmbox.messages set body = 'x'"
cannot dmbox_reader "select token from dmbox.account_state"
cannot dmbox_web "select token from dmbox.account_state"
cannot dmbox_web "update dmbox.outbox set state = 'dead'"
cannot dmbox_web "delete from dmbox.messages"
cannot dmbox_web "delete from dmbox.deliveries"
cannot dmbox_web "update dmbox.deliveries set body = null"
cannot dmbox_web "select dmbox.deliveries_expire(30, 3, 100)"
cannot dmbox_web "select dmbox.search_upkeep()"
cannot dmbox_send "select * from dmbox.deliveries"
cannot dmbox_cron "drop table dmbox.erased"

# the search: a rare word is found however old, of a frequent one the newest are
q -c "insert into dmbox.contacts (account, channel, external_id, name)
	select 'find', 'instagram', 'f' || i, case when i = 7 then 'Зоя Ли' else 'somebody' end from generate_series(1, 9000) i" \
  -c "insert into dmbox.messages (account, channel, provider, external_id, contact_id, direction, kind, body, status, sent_at,
	sent_at_known, received_at, source)
	select account, channel, 'mock', external_id, id, 'inbound', 'text', 'good day' || case when external_id = 'f1' then ' azure' else '' end,
	'received', now(), true, now(), 'webhook' from dmbox.contacts where account = 'find' order by id" || fail "rows to search in"
found() {	# found QUERY: external ids, the newest first
	q -c "set role dmbox_reader" -c "select c.external_id from (select distinct contact_id from dmbox.search('instagram', '{find}', \$q\$$1\$q\$)) s
		join dmbox.contacts c on c.id = s.contact_id order by c.id desc"
}
[ "$(found "'azure':*")" = f1 ] || fail "search: a rare word"
[ "$(found "'Зоя':* & 'Ли':*")" = f7 ] || fail "search: a name"
[ "$(found "'azur':* & 'day':*")" = f1 ] || fail "search: two words"
[ -z "$(found "'nowhere':*")" ] || fail "search: what nobody said"
n=$(found "'good':*" | wc -l)
[ "$n" -ge 1000 ] && [ "$n" -le 9000 ] || fail "search: $n contacts for a frequent word"
[ "$(found "'good':*" | head -n 1000 | tail -n 1)" = f8001 ] || fail "search: the newest of a frequent word"
q -c "delete from dmbox.messages where account = 'find'" -c "delete from dmbox.contacts where account = 'find'"
for r in dmbox_web dmbox_send dmbox_cron dmbox_reader dmbox_owner; do q -c "drop owned by $r" >/dev/null 2>&1; done
[ $bad -ne 0 ] || echo "ok - $n statements with each role's rights"
exit $bad
