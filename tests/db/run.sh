#!/bin/bash
# Database tests: a private cluster, one fresh database a test program.
# usage: tests/db/run.sh [BUILDDIR [PATTERN]]
# Prints PASS or FAIL a program and closes with "N passed, N failed".
set -u
here=$(cd "$(dirname "$0")" && pwd -P); root=$(cd "$here/../.." && pwd -P)
b=${1:-$root/build}; pattern=${2:-test_}
. "$root/tests/stack/pg.sh"
dir=$(mktemp -d /tmp/dmbox-db.XXXXXX); chmod 755 "$dir"
trap 'pg_remove "$dir"; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
pg_init "$dir" && pg_start "$dir" || exit 1

# a database with the schema, as dmbox migrate would leave it
make_db()
{
	local f v
	pg_psql "$dir" -d postgres -c "create database $1" || return 1
	for f in "$root"/sql/[0-9][0-9][0-9]-*.sql; do
		v=$(basename "$f"); v=$((10#${v%%-*}))
		pg_psql "$dir" -d "$1" -1 -f "$f" -c "insert into dmbox.schema_version (version) values ($v)" >/dev/null || return 1
	done
	v=()
	for f in "$root"/sql/code/*.sql; do v+=(-f "$f"); done
	PGOPTIONS='-c check_function_bodies=off' pg_psql "$dir" -d "$1" -1 "${v[@]}" >/dev/null
}

pass=0; fail=0; n=0
for t in "$b"/db/test_* "$here"/*.sh; do
	[ -f "$t" ] && [ -x "$t" ] || continue
	case $t in *.o|*.d|*/run.sh) continue;; esac
	case $(basename "$t") in *"$pattern"*) ;; *) continue;; esac
	n=$((n + 1)); db=t$n
	if make_db "$db" && out=$(DMBOX_TEST_DB="$(pg_conninfo "$dir" "$db")" DMBOX_TEST_PG="$dir" \
	    DMBOX_TEST_ROOT="$root" "$t" 2>&1); then
		pass=$((pass + 1)); echo "PASS $(basename "$t")"
	else
		fail=$((fail + 1)); echo "FAIL $(basename "$t")"
		echo "${out:-}" | grep -vE '\[ +(OK|RUN)' | head -60
		grep -E 'ERROR|FATAL|PANIC' "$dir/pg.log" | tail -n 15
	fi
	pg_psql "$dir" -d postgres -c "drop database if exists $db with (force)" 2>/dev/null ||
	    pg_psql "$dir" -d postgres -c "drop database if exists $db"
done
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
