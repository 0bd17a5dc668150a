#!/bin/bash
# Database tests, one program at a time: a private cluster, a fresh database each.
#   run.sh begin DIR	make and start a cluster in DIR
#   run.sh run DIR NAME	a database with the schema, then build/db/NAME or tests/db/NAME.sh
#   run.sh end DIR	stop it and remove DIR
#   run.sh [BUILDDIR [PATTERN]]	all, or those whose name holds PATTERN (tests/run.sh db)
set -u
here=$(cd "$(dirname "$0")" && pwd -P); root=$(cd "$here/../.." && pwd -P)
. "$root/tests/stack/pg.sh"
b=${B:-build}
case $b in /*) ;; *) b=$root/$b;; esac

# a database with the schema, as dmbox migrate would leave it
make_db() {
	local f v code=()
	pg_psql "$1" -d postgres -c "create database $2" || return 1
	for f in "$root"/sql/[0-9][0-9][0-9]-*.sql; do
		v=$(basename "$f"); v=$((10#${v%%-*}))
		pg_psql "$1" -d "$2" -1 -f "$f" -c "insert into dmbox.schema_version (version) values ($v)" >/dev/null || return 1
	done
	for f in "$root"/sql/code/*.sql; do code+=(-f "$f"); done
	PGOPTIONS='-c check_function_bodies=off' pg_psql "$1" -d "$2" -1 "${code[@]}" >/dev/null
}

# Words that no table names: of directions, states, sources and verdicts, in whatever the
# test left.  No constraint is asked at each insert for them (sql/020-checks.sql).
odd_words() {
	pg_psql "$1" -d "$2" -At -c "select 'messages ' || concat_ws(' ', id, direction, status, source) from dmbox.messages
	 where direction not in ('inbound','outbound') or source not in ('webhook','poll','echo','send')
	    or status not in ('received','queued','sent','accepted','delivered','read','failed','unknown')
	 union all select 'deliveries ' || concat_ws(' ', id, source, verdict) from dmbox.deliveries
	 where verdict not in ('accepted','rejected')
	    or source not in ('webhook','poll','echo','send','spool','replay','doctor') limit 5" 2>/dev/null
}

# run DIR NAME
run() {
	local dir=$1 t=$b/db/$2 db log0 rc odd
	[ -f "$here/$2" ] && t=$here/$2
	[ -x "$t" ] || { echo "not ok - $t is not there, or not built"; return 1; }
	db=t_$(tr -c "a-z0-9\n" _ <<<"$2")
	log0=$(stat -c %s "$dir/pg.log")
	make_db "$dir" "$db" || { echo "not ok - no database with the schema"; return 1; }
	DMBOX_TEST_DB=$(pg_conninfo "$dir" "$db") DMBOX_TEST_PG=$dir DMBOX_TEST_ROOT=$root "$t"
	rc=$?
	odd=$(odd_words "$dir" "$db")
	[ -z "$odd" ] || { echo "not ok - rows with words that are none: $odd"; rc=1; }
	[ "$rc" -eq 0 ] || tail -c "+$((log0 + 1))" "$dir/pg.log" | grep -aE 'ERROR|FATAL|PANIC' | tail -n 15
	pg_psql "$dir" -d postgres -c "drop database if exists $db with (force)" 2>/dev/null ||
	    pg_psql "$dir" -d postgres -c "drop database if exists $db"
	return "$rc"
}

case ${1:-} in
begin)	chmod 755 "$2" && pg_init "$2" && pg_start "$2" ;;
run)	run "$2" "$3" ;;
end)	pg_remove "$2"; rm -rf "$2" ;;
*)	B=${1:-$b} ONLY=${2:-} exec bash "$root/tests/run.sh" db ;;
esac
