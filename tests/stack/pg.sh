#!/bin/bash
# A throw-away PostgreSQL for tests, on a Unix socket, as an unprivileged user.
#
#   pg.sh start DIR          make (if new) and start a cluster below DIR
#   pg.sh db DIR [NAME]      make an empty database, print its conninfo (role dmbox)
#   pg.sh stop DIR [MODE]    fast (default), immediate
#   pg.sh run COMMAND...     a cluster in a new folder under /tmp for one command,
#                            with an empty database's conninfo in DMBOX_TEST_DB and the
#                            cluster's folder in DMBOX_TEST_PG
#
# Tests run without fsync: they try the program, not the disk.
set -u
export LC_ALL=C.UTF-8
HERE=$(cd "$(dirname "$0")" && pwd)
die() { echo "pg.sh: $*" >&2; exit 1; }
. "$HERE/lib.sh"

if [ "$(id -u)" -eq 0 ]; then
	u=www-data
	getent passwd "$u" >/dev/null || u=nobody
	AS=(setpriv "--reuid=$u" "--regid=$(id -g "$u")" --init-groups --)
fi

start() {
	local dir=$1 bin out i
	[ "${#dir}" -le 80 ] || die "the folder's name is too long for a socket: $dir"
	mkdir -p "$dir" && [ "${#AS[@]}" -eq 0 ] || chown "$u:" "$dir" || exit 1
	bin=$(pg_bindir "$dir/data") || die "$bin"
	if [ ! -e "$dir/data/PG_VERSION" ]; then
		out=$(asuser "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N 2>&1) ||
			die "initdb: $out"
	fi
	spawn "$dir/log" "$bin/postgres" -D "$dir/data" -c listen_addresses= \
	    -c "unix_socket_directories=$dir" -c max_connections=120 -c shared_buffers=64MB -c fsync=off
	for ((i = 0; i < 200; i++)); do
		asuser "$bin/psql" -X -h "$dir" -U postgres -d postgres -qAt >/dev/null 2>&1 \
		    <<<"select 'create role dmbox login' where not exists (select 1 from pg_roles where rolname = 'dmbox') \gexec" &&
			return 0
		sleep 0.1
	done
	die "does not start: $(tail -n 3 "$dir/log")"
}

newdb() {
	local bin name=${2:-t$(random_name 12 | tr 'A-Z' 'a-z')}
	bin=$(pg_bindir "$1/data") || die "$bin"
	asuser "$bin/psql" -X -h "$1" -U postgres -d postgres -qAt -v ON_ERROR_STOP=1 \
	    -c "create database \"$name\" owner dmbox" >&2 || die "cannot make the database $name"
	echo "host=$1 user=dmbox dbname=$name"
}

stop() {
	local p sig=INT
	[ "${2:-fast}" = immediate ] && sig=QUIT
	p=$(pg_running "$1/data")
	[ -n "$p" ] || return 0
	kill -$sig "$p"
	gone_within 30 "$p" || die "does not stop"
}

run() {
	local dir rc
	dir=$(mktemp -d /tmp/dmbox-pg-XXXXXX) || exit 1
	trap 'stop "$dir" immediate; rm -rf "$dir"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	start "$dir"
	DMBOX_TEST_DB=$(newdb "$dir") || exit 1
	export DMBOX_TEST_DB DMBOX_TEST_PG=$dir
	"$@"
	rc=$?
	exit "$rc"
}

cmd=${1:-}
[ $# -ge 2 ] || die "usage: pg.sh start|db|stop DIR, or run COMMAND"
shift
case $cmd in
start) start "$1" ;;
db) newdb "$@" ;;
stop) stop "$@" ;;
run) run "$@" ;;
*) die "start, db, stop or run, not '$cmd'" ;;
esac
