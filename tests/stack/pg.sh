# A private PostgreSQL cluster, for the tests and for `make run`.  Source it.
#
#   pg_init DIR          make a cluster in DIR/pg unless it is there
#   pg_start DIR         start it and wait until it answers
#   pg_stop DIR [MODE]   stop it (fast, immediate, smart)
#   pg_running DIR       true while it runs
#   pg_conninfo DIR DB   print a libpq string
#   pg_psql DIR ARGS...  psql as the superuser
#
# PostgreSQL refuses to be root: then everything runs as PG_USER (www-data).
# Its folder must be reachable for that user, so DIR must not lie below a 0700
# one; the socket has a short folder of its own (sockaddr_un ends at 107 bytes).
# All settings stand in a file with absolute paths; nothing listens on TCP.

PG_USER=${PG_USER:-www-data}

pg_bin()
{
	local d
	if [ -n "${PG_BIN:-}" ]; then echo "$PG_BIN"; return; fi
	for d in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) /usr/local/pgsql/bin /usr/local/bin /usr/bin; do
		[ -x "$d/initdb" ] && { echo "$d"; return; }
	done
	echo "pg.sh: no PostgreSQL server programs found (Debian: postgresql-15)" >&2
	return 1
}

# run a command as who owns the cluster, outside a folder that user cannot enter
pg_as()
{
	if [ "$(id -u)" -eq 0 ]; then
		(cd / && exec setpriv --reuid="$PG_USER" --regid="$(id -g "$PG_USER")" --clear-groups -- env HOME=/nonexistent "$@")
	else
		(cd / && exec "$@")
	fi
}

PG_BIN=${PG_BIN:-$(pg_bin 2>/dev/null)} || PG_BIN=

pg_socket_dir() { cat "$1/pg.socket"; }
pg_superuser() { echo postgres; }

pg_conninfo()
{
	echo "host=$(pg_socket_dir "$1") port=5432 dbname=$2 user=${3:-$(pg_superuser)}"
}

pg_psql()
{
	local dir=$1; shift
	# not the wrapper of Debian, which starts Perl for each question
	"${PG_BIN:+$PG_BIN/}psql" -X -q -v ON_ERROR_STOP=1 -h "$(pg_socket_dir "$dir")" -p 5432 -U "$(pg_superuser)" "$@"
}

pg_init()
{
	local dir=$1 bin sock
	bin=$(pg_bin) || return 1
	mkdir -p "$dir" || return 1
	dir=$(cd "$dir" && pwd -P) || return 1
	if [ ! -s "$dir/pg.socket" ] || [ ! -d "$(cat "$dir/pg.socket")" ]; then
		sock=$(mktemp -d /tmp/dmpg.XXXXXX) || return 1
		chmod 755 "$sock"
		[ "$(id -u)" -eq 0 ] && chown "$PG_USER" "$sock"
		echo "$sock" > "$dir/pg.socket"
	fi
	sock=$(pg_socket_dir "$dir")
	if [ ! -s "$dir/pg/PG_VERSION" ]; then
		mkdir -p "$dir/pg" && chmod 700 "$dir/pg" || return 1
		if [ "$(id -u)" -eq 0 ]; then
			chown "$PG_USER" "$dir/pg"
			pg_as test -w "$dir/pg" || { echo "pg.sh: $PG_USER cannot reach $dir" >&2; return 1; }
		fi
		# tests/run.sh made one for all tests of its run: initdb costs two seconds of a processor
		{ [ -n "${DMBOX_TEST_CLUSTER:-}" ] && pg_as cp -a "$DMBOX_TEST_CLUSTER/." "$dir/pg/" 2>/dev/null; } ||
		    pg_as "$bin/initdb" -D "$dir/pg" -U "$(pg_superuser)" -A trust -E UTF8 --locale=C --lc-ctype=C.UTF-8 >"$dir/pg.init.log" 2>&1 || {
			tail -n 3 "$dir/pg.init.log" >&2; return 1; }
	fi
	# written anew at each start: the socket's folder may have changed
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$sock'"
		echo "unix_socket_permissions = 0777"
		echo "port = 5432"
		echo "max_connections = ${PG_MAX_CONNECTIONS:-200}"
		echo "data_directory = '$dir/pg'"
		echo "hba_file = '$dir/pg/pg_hba.conf'"
		echo "ident_file = '$dir/pg/pg_ident.conf'"
		echo "external_pid_file = ''"
		echo "fsync = on"
		echo "synchronous_commit = on"
		echo "shared_buffers = ${PG_SHARED_BUFFERS:-64MB}"
		echo "logging_collector = off"
		echo "log_line_prefix = '%m [%p] %a '"
		echo "timezone = 'UTC'"
		echo "log_timezone = 'UTC'"
		[ -n "${PG_EXTRA:-}" ] && cat "$PG_EXTRA"
		true
	} > "$dir/pg.conf"
	echo "local all all trust" | pg_as tee "$dir/pg/pg_hba.conf" >/dev/null
	chmod 644 "$dir/pg.conf"
}

# the postmaster's pid; "" where it is gone: the file outlives one that was killed, and
# its number may be another process's by now
pg_postmaster()
{
	local pid
	pid=$(head -n 1 "$1/pg/postmaster.pid" 2>/dev/null)
	[ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$(cd "$1" 2>/dev/null && pwd -P)/pg" ] && echo "$pid"
}

pg_running()
{
	local pid
	pid=$(pg_postmaster "$1")
	[ -n "$pid" ] && kill -0 "$pid" 2>/dev/null
}

pg_start()
{
	local dir bin i log
	dir=$(cd "$1" && pwd -P) || return 1
	bin=$(pg_bin) || return 1
	pg_running "$dir" && return 0
	log=${PG_LOG:-$dir/pg.log}
	: >> "$log" || return 1
	[ "$(id -u)" -eq 0 ] && chown "$PG_USER" "$log"
	# in a session of its own: a Ctrl-C for the terminal's group is not for it
	if [ "$(id -u)" -eq 0 ]; then
		(cd / && exec setsid setpriv --reuid="$PG_USER" --regid="$(id -g "$PG_USER")" --clear-groups -- \
		    "$bin/postgres" -c config_file="$dir/pg.conf" >>"$log" 2>&1 </dev/null 9>&-) &
	else
		(cd / && exec setsid "$bin/postgres" -c config_file="$dir/pg.conf" >>"$log" 2>&1 </dev/null 9>&-) &
	fi
	for i in $(seq 1 600); do
		"$bin/pg_isready" -q -h "$(pg_socket_dir "$dir")" -p 5432 -U "$(pg_superuser)" && return 0
		sleep 0.2
	done
	echo "pg.sh: PostgreSQL does not start:" >&2
	tail -n 5 "$log" >&2
	return 1
}

pg_stop()
{
	local pid i sig
	case ${2:-fast} in fast) sig=INT;; immediate) sig=QUIT;; smart) sig=TERM;; *) sig=INT;; esac
	pid=$(pg_postmaster "$1")
	[ -n "$pid" ] && kill -"$sig" "$pid" 2>/dev/null || return 0
	for i in $(seq 1 600); do
		[ "$(pg_postmaster "$1")" = "$pid" ] && kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.2
	done
	echo "pg.sh: PostgreSQL (pid $pid) does not stop" >&2
	return 1
}

# stop it and remove everything of it
pg_remove()
{
	pg_stop "$1" immediate
	[ -s "$1/pg.socket" ] && rm -rf "$(pg_socket_dir "$1")"
	rm -rf "$1/pg" "$1/pg.socket" "$1/pg.conf" "$1/pg.log" "$1/pg.init.log"
}
