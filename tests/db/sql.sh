#!/bin/bash
# sql/: every table and column is commented, the examples run, the roles can do
# their work and no more.  Needs DMBOX_TEST_DB (a superuser's conninfo).
set -u
root=${DMBOX_TEST_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
q() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$DMBOX_TEST_DB" "$@"; }
bad=0
fail() { echo "FAIL: $*"; bad=1; }

if [ "$(q -c "select to_regclass('dmbox.messages') is null")" = t ]; then
	for f in "$root"/sql/[0-9][0-9][0-9]-*.sql; do q -1 -f "$f" >/dev/null || exit 1; done
fi
none=$(q -c "select c.relname || coalesce('.' || a.attname, '') from pg_class c
	left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
	where c.relnamespace = 'dmbox'::regnamespace and c.relkind in ('r','p','v')
	  and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null) order by 1")
[ -z "$none" ] || fail "without a comment: $none"
q -f "$root/sql/examples.sql" >/dev/null || fail "examples.sql"
for i in 1 2; do q -f "$root/sql/roles.sql" >/dev/null || fail "roles.sql, run $i"; done

as() { local role=$1; shift; q -c "set role $role" -c "$1" >/dev/null 2>&1; }
can() { as "$1" "$2" || { fail "$1 cannot: $2"; q -c "set role $1" -c "$2"; }; }
cannot() { as "$1" "$2" && fail "$1 can: $2"; }
ingest="select * from dmbox.ingest(array['0f8fad5b-d9cb-469f-a165-70867728950e']::uuid[], array[now()],
	array['instagram'],array['main'],array['webhook'],array[null],array[null],array[null],array[null]::jsonb[],
	array['x']::bytea[],array['ok'],array[1],array[0],array[0],array[0],array[3],array[true],
	array['main'],array['instagram'],array['c1'],array['Ana'],array[now()],array[null],array[null]::timestamptz[],
	array[null],array[null]::timestamptz[],array[now()],array[null]::timestamptz[],
	array[1],array['main'],array['instagram'],array[''],array['M1'],array[null],array['graph'],array['c1'],
	array[null],array[null],array[false],array['text'],array['hi'],array[null]::jsonb[],array[null],array[now()],
	array[true],array[false],array['webhook'],
	array[1],array[0],array['image'],array['u'],array[null],array[null],array[null],array[null]::bigint[],
	array[1,1],array['main','main'],array['instagram','instagram'],array['',''],array['graph','graph'],
	array['edit','unsend'],array['edit','unsend'],array['c1','c1'],array[null,null],array[false,false],
	array[now(),now()],array['M1','M1'],array['x',null],array[1,0],array['k1','k2'],array['{}','{}']::jsonb[],
	array[false,false])"
can dmbox_web "$ingest"
can dmbox_web "select dmbox.refuse(5, '1f8fad5b-d9cb-469f-a165-70867728950e', now(), 'instagram', 'main', 'webhook',
	null, null, null, null, 'x', 'no_secret')"
can dmbox_cron "select dmbox.deliveries_partitions(), dmbox.deliveries_expire(30, 3, 100), dmbox.apply_leftovers(10)"
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
cannot dmbox_send "select * from dmbox.deliveries"
cannot dmbox_cron "drop table dmbox.erased"
for r in dmbox_web dmbox_send dmbox_cron dmbox_reader dmbox_owner; do q -c "drop owned by $r" >/dev/null 2>&1; done
exit $bad
