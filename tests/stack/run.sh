#!/bin/bash
# make run: a working bridge on a private PostgreSQL, a private web server and the
# provider simulator, supervised by this script until it is told to stop.
#
# Every part runs in a session of its own, so that a Ctrl-C at the terminal reaches
# only make and this script, which then stops the parts in the order in which
# nothing is lost: poller, web server (requests in flight are answered),
# simulator, PostgreSQL.  Started by root, everything runs as an unprivileged user,
# because PostgreSQL refuses root and nothing here needs it.
set -u
export LC_ALL=C.UTF-8
umask 022

PORT=${PORT:-3000}
SERVER=${SERVER:-lighttpd}
DEMO=${DEMO:-}
STATE=${STATE:-var/$([ -n "$DEMO" ] && echo demo || echo run)}
EXTRA=${EXTRA:-}
META_EXTRA=${META_EXTRA:-}
B=${B:-build}
HERE=$(dirname "$0")
ROOT=$(cd "$HERE/../.." && pwd -P) || exit 1
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH

# At a terminal Ctrl-C is for this script alone: make, which would call it an error, is
# left out by a process group of its own in the foreground.
if [ -t 0 ] && [ -z "${RUN_GROUP:-}" ] && command -v perl >/dev/null; then
	export RUN_GROUP=1
	exec perl -MPOSIX -e '$SIG{TTOU} = "IGNORE"; POSIX::setpgid(0, 0); POSIX::tcsetpgrp(0, $$); exec @ARGV' \
	    env --default-signal=TTOU bash "$0" "$@"
fi

# What a developer's shell holds must not leak into the stack: the environment
# wins over the configuration file (contract.md 3).
for v in $(compgen -e); do
	case $v in
	DMBOX_TEST_*) ;;
	DMBOX_*|INSTAGRAM_*|WHATSAPP_*|JWT_*|DB_HOST|DB_PORT|DB_USERNAME|DB_PASSWORD|DB_DATABASE|DATABASE_URL|PG*|MAKEFLAGS|MFLAGS|MAKELEVEL|SIM_*)
		unset "$v" ;;
	esac
done

. "$HERE/lib.sh"

say() { printf '%s\n' "$*"; }
# die SENTENCE: what is wrong, then stop all that was started.
die() { printf 'make run: %s\n' "$*" >&2; finish 1; }

# --- stopping ------------------------------------------------------------------

pollers=() web= web_start= progs= progs_start= sim= sim_start= pg= pg_start= DATA= RUN= run_tmp= locked= finishing=

stop_pollers() {
	local p
	for p in "${pollers[@]}"; do
		signal TERM "$p"
	done
	for p in "${pollers[@]}"; do
		! alive "$p" "${BORN[$p]}" || gone_within 40 "$p" || signal KILL "$p"
		sweep "$p"
	done
}
# A request that a program works at is a connection of the web server to its socket
# (/proc/net/unix: a path, and another state than 01, which listens).
at_work() {
	awk -v f="$RUN/fcgi/" '$6 != "01" && index($8, f) == 1 && $8 !~ /\/sim[^\/]*$/ { n++ } END { exit !n }' \
	    /proc/net/unix 2>/dev/null
}
# A web server that is to end waits for each client, also for the spare connection that
# a browser keeps and never asked anything on.  Only what a program works at is waited for.
web_ended() {
	local i quiet=0
	for ((i = 0; i < 450 && quiet < 12; i++)); do
		[ -n "$(start_of "$web")" ] || return 0
		if at_work; then quiet=0; else quiet=$((quiet + 1)); fi
		sleep 0.1
	done
	[ "$quiet" -ge 12 ] || say "a request is still in work: it is cut off"
	return 1
}
stop_web() {
	local sig=INT
	[ -n "$web" ] || return 0
	[ "$SERVER" = apache ] && sig=WINCH
	[ "$SERVER" = nginx ] && sig=QUIT
	if alive "$web" "$web_start"; then
		kill -$sig "$web"
		web_ended || end_now "$web" TERM
	fi
	sweep "$web" "$web_start"
	[ -n "$progs" ] || return 0
	if alive "$progs" "$progs_start"; then
		kill -TERM "$progs"
		gone_within 45 "$progs" || kill -KILL "$progs"
	fi
	sweep "$progs"
}
# It keeps nothing that could be lost, and may be in a stall that a test asked for.
stop_sim() {
	[ -n "$sim" ] || return 0
	! alive "$sim" "$sim_start" || end_now "$sim" KILL
	sweep "$sim" "$sim_start"
}
# The postmaster may be another one by now: somebody started it again.
stop_pg() {
	local p
	[ -n "$DATA" ] || return 0
	p=$(pg_running "$DATA/pg/data")
	if [ -n "$p" ]; then
		kill -INT "$p"
		gone_within 60 "$p" || { kill -QUIT "$p"; gone_within 10 "$p"; }
	fi
	[ -z "$pg" ] || sweep "$pg" "$pg_start"
}

finish() {
	[ -z "$finishing" ] || return 0
	finishing=1
	trap : INT TERM HUP
	[ -z "$web" ] || say "stopping ..."
	stop_pollers
	stop_web
	stop_sim
	[ -z "$locked" ] || stop_pg
	if [ -n "$locked" ]; then
		[ -z "$RUN" ] || rm -rf "$RUN"
		[ -z "$run_tmp" ] || rm -rf "$run_tmp"
		rm -f "$DATA/pids" "$DATA/lock"
	fi
	ports_back
	wait	# all are gone: leave no zombie to an init that may not reap
	exit "$1"
}
trap 'finish 0' INT
trap 'finish 143' TERM HUP

# --- what is needed --------------------------------------------------------------

check_arguments() {
	case $PORT in ''|*[!0-9]*) die "PORT must be a number, not '$PORT'";; esac
	{ [ "${#PORT}" -le 5 ] && [ "$PORT" -ge 1 ] && [ "$PORT" -le 65535 ]; } || die "PORT must lie between 1 and 65535"
	case $SERVER in lighttpd|apache|nginx) ;; *) die "SERVER must be lighttpd, apache or nginx, not '$SERVER'";; esac
	[ -z "$EXTRA" ] || [ -r "$EXTRA" ] || die "EXTRA: cannot read the file $EXTRA"
	[ -z "$META_EXTRA" ] || [ -r "$META_EXTRA" ] || die "META_EXTRA: cannot read the file $META_EXTRA"
}

check_tools() {
	local t
	for t in setsid:util-linux setpriv:util-linux flock:util-linux curl:curl pgrep:procps \
	    lighttpd:lighttpd sha256sum:coreutils; do
		command -v "${t%%:*}" >/dev/null || die "the package ${t##*:} is missing (no ${t%%:*}): run 'make deps'"
	done
	if [ "$SERVER" = apache ]; then
		command -v apache2 >/dev/null || die "the package apache2 is missing: run 'make deps'"
		[ -e "$APACHE_MODULES/mod_fcgid.so" ] || die "the package libapache2-mod-fcgid is missing: run 'make deps'"
	fi
	if [ "$SERVER" = nginx ]; then
		for t in nginx:nginx spawn-fcgi:spawn-fcgi; do
			command -v "${t%%:*}" >/dev/null || die "the package ${t##*:} is missing: run 'make deps'"
		done
	fi
	for t in cgi-bin/webhook.fcgi cgi-bin/check-messages.fcgi cgi-bin/send.fcgi cgi-bin/inbox.fcgi \
	    cgi-bin/status.fcgi dmbox-poll dmbox sim/provider-sim; do
		[ -x "$ROOT/$B/$t" ] || die "$B/$t is not built: run 'make run', or make"
	done
}

# Which user, and where the data lie: $STATE where that user can go there, else a
# folder under /var/tmp to which $STATE becomes a link.
choose_user() {
	AS=()
	[ "$(id -u)" -eq 0 ] || return 0
	local u=www-data owner
	getent passwd "$u" >/dev/null || u=nobody
	if [ -e "$STATE/pg/data" ]; then	# an earlier run by another user: stay with it
		owner=$(stat -c %U "$STATE/pg/data")
		[ "$owner" = root ] || [ "$owner" = UNKNOWN ] || u=$owner
	fi
	RUNUSER=$u
	AS=(setpriv "--reuid=$u" "--regid=$(id -g "$u")" --init-groups --)
	asuser true 2>/dev/null || die "cannot become the user $u"
}

choose_state() {
	local parent err
	case $STATE in /*) ;; *) STATE=$ROOT/$STATE;; esac
	STATE=$(realpath -ms "$STATE")
	choose_user
	parent=$(dirname "$STATE")
	err=$(mkdir -p "$parent" 2>&1) || die "cannot make the folder for STATE, $parent: ${err##*: }"
	if [ "${#AS[@]}" -gt 0 ]; then
		state_for_user "$parent"
	else
		err=$(mkdir -p -m 750 "$STATE" 2>&1) || die "cannot make STATE, $STATE: ${err##*: }"
		DATA=$(cd "$STATE" 2>/dev/null && pwd -P) || die "cannot enter STATE, $STATE"
	fi
	asuser test -w "$DATA" -a -x "$DATA" || die "cannot write in STATE, $DATA, as $(asuser id -un)"
}

state_for_user() {
	local far err
	if [ ! -L "$STATE" ] && asuser test -x "$1"; then
		[ -d "$STATE" ] || err=$(mkdir -m 750 "$STATE" 2>&1) || die "cannot make STATE, $STATE: ${err##*: }"
		asuser test -w "$STATE" -a -x "$STATE" || chown "$RUNUSER:" "$STATE" ||
			die "cannot give STATE, $STATE, to the user $RUNUSER"
		DATA=$(cd "$STATE" && pwd -P)
		return
	fi
	far=/var/tmp/dmbox-$(printf %s "$STATE" | sha256sum | cut -c1-16)
	if [ -L "$STATE" ] && [ "$(readlink "$STATE")" != "$far" ]; then	# the user's own link
		DATA=$(realpath "$STATE") && mkdir -p "$DATA" && chown "$RUNUSER:" "$DATA" ||
			die "STATE, $STATE, is a link that leads nowhere"
		return
	fi
	if [ -e "$far" ] && { [ -L "$far" ] || [ "$(stat -c %U "$far")" != "$RUNUSER" ]; }; then
		die "$far belongs to somebody else"
	fi
	if [ ! -e "$STATE" ] && [ -e "$far" ] && [ -z "$(pg_running "$far/pg/data")" ]; then
		rm -rf "$far"	# STATE was deleted since: so is its data
	fi
	[ -d "$far" ] || err=$(mkdir -m 750 "$far" 2>&1) || die "cannot make $far: ${err##*: }"
	chown "$RUNUSER:" "$far"
	DATA=$far
	if [ -d "$STATE" ] && [ ! -L "$STATE" ] && ! rmdir "$STATE" 2>/dev/null; then
		link_inside=1	# something lies in it: link the single files later
	else
		ln -sfn "$far" "$STATE" || die "cannot make STATE, $STATE, a link to $far"
	fi
}
link_inside=

lock_state() {
	asuser touch "$DATA/lock" || die "cannot write in STATE, $DATA"
	exec 9>>"$DATA/lock"
	flock -n 9 || { DATA=; die "another make run uses STATE=$STATE"; }
	locked=1
}

check_room() {
	local free need=200
	[ -e "$DATA/pg/data/PG_VERSION" ] && need=30
	free=$(df -Pm "$DATA" | awk 'NR == 2 { print $4 }')
	[ "${free:-0}" -ge "$need" ] || die "the disk is full: $DATA has $free MB free, $need MB are needed"
}

# What an earlier run that was killed has left: only processes that its list names,
# with the start time it noted.
clear_leftovers() {
	local name p start
	[ -r "$DATA/pids" ] || return 0
	while read -r name p start; do
		case $p$start in *[!0-9]*|'') continue;; esac
		alive "$p" "$start" || { [ "$name" = postgres ] || sweep "$p" "$start"; continue; }
		case $name in postgres) kill -INT "$p";; *) kill -TERM "$p";; esac
		gone_within 20 "$p" || kill -KILL "$p"
		sweep "$p" "$start"
	done <"$DATA/pids"
	p=$(pg_running "$DATA/pg/data")
	[ -z "$p" ] || { kill -INT "$p"; gone_within 20 "$p"; }
	rm -f "$DATA/pids"
}
note_pid() { look_at "$2"; printf '%s %s %s\n' "$1" "$2" "$START" >>"$DATA/pids"; }

make_folders() {
	local d
	for d in logs accounts pg; do
		asuser mkdir -p "$DATA/$d" || die "cannot write in STATE, $DATA"
	done
	asuser chmod 750 "$DATA/logs" "$DATA/accounts"
	# socket names have 107 bytes, and lighttpd splits bin-path at blanks
	case $DATA in
	*[!A-Za-z0-9/._+-]*) RUN=;;
	*) RUN=$DATA/sock; [ "${#RUN}" -le 75 ] || RUN=;;
	esac
	if [ -z "$RUN" ]; then
		run_tmp=$(asuser mktemp -d /tmp/dmbox-XXXXXXXX) || die "cannot make a folder in /tmp"
		RUN=$run_tmp/sock
	fi
	rm -rf "$RUN"
	asuser mkdir -p -m 700 "$RUN" "$RUN/pg" "$RUN/fcgi" || die "cannot write in $RUN"
}

# The programs as they are, or copies where the user cannot reach them.
choose_programs() {
	BIN=$ROOT/$B SQL=$ROOT/sql WEB=$ROOT/web APACHE=$ROOT/apache
	case $ROOT/$B in *[!A-Za-z0-9/._+-]*) ;; *)
		if asuser test -x "$BIN/cgi-bin/webhook.fcgi" && asuser test -r "$ROOT/sql/007-tables.sql"; then
			return
		fi ;;
	esac
	local to=$RUN/prog
	[ -n "$run_tmp" ] || to=$DATA/prog
	rm -rf "$to"
	asuser mkdir -p -m 755 "$to" && mkdir -p "$to/build/cgi-bin" "$to/build/sim" &&
	    cp "$BIN"/cgi-bin/*.fcgi "$to/build/cgi-bin/" && cp "$BIN/dmbox" "$BIN/dmbox-poll" "$to/build/" &&
	    cp "$BIN/sim/provider-sim" "$to/build/sim/" && cp -R "$SQL" "$to/sql" &&
	    { [ ! -d "$WEB" ] || cp -R "$WEB" "$to/web"; } && chmod -R a+rX "$to" ||
		die "cannot copy the programs to $to (is the disk full?)"
	BIN=$to/build SQL=$to/sql WEB=$to/web
}

# --- configuration ----------------------------------------------------------------

# secret KEY LENGTH: the kept one, or a new one.
secret() {
	local v
	v=$(conf_get "$DATA/secrets" "$1")
	if [ -z "$v" ]; then
		v=$(random_name "$2")
		printf '%s=%s\n' "$1" "$v" | asuser bash -c 'umask 077; cat >>"$0"' "$DATA/secrets" ||
			die "cannot write in STATE, $DATA: is the disk full?"
	fi
	printf -v "$1" %s "$v"
}

make_config() {
	local threads=
	[ "$SERVER" = apache ] || threads=8
	secret JWT_SECRET 48
	secret WEBHOOK_SECRET 32
	secret CHATRACE_TOKEN 40
	secret GREEN_TOKEN 50
	secret GREEN_WEBHOOK_TOKEN 32
	secret GRAPH_TOKEN 60
	secret GRAPH_APP_SECRET 32
	secret GRAPH_VERIFY 24
	last_wins <<-EOF | put_file "$DATA/dmbox.env" 640
	# made by make run; lines of EXTRA stand at the end and win
	INSTAGRAM_API_URL=http://127.0.0.1:$SIM_PORT/chatrace
	INSTAGRAM_ACCESS_TOKEN=1000001.$CHATRACE_TOKEN
	INSTAGRAM_USE_CHATRACE=true
	INSTAGRAM_WEBHOOK_SECRET=$WEBHOOK_SECRET
	WHATSAPP_API_URL=http://127.0.0.1:$SIM_PORT/green
	WHATSAPP_ID_INSTANCE=1101000001
	WHATSAPP_API_TOKEN_INSTANCE=$GREEN_TOKEN
	WHATSAPP_WEBHOOK_TOKEN=$GREEN_WEBHOOK_TOKEN
	DMBOX_ACCOUNTS_DIR="$DATA/accounts"
	DATABASE_URL=postgresql://dmbox@/dmbox?host=$(url_path "$RUN/pg")&port=5432
	JWT_SECRET=$JWT_SECRET
	DMBOX_PUBLIC_URL=http://127.0.0.1:$PORT
	DMBOX_SPOOL_DIR="$DATA/spool"
	DMBOX_MEDIA_DIR="$DATA/media"
	DMBOX_TICK_DIR="$RUN/tick"
	DMBOX_MEDIA_ALLOW=127.0.0.1:$SIM_PORT
	DMBOX_LOG_FILE="$DATA/logs/dmbox.log"
	DMBOX_LOG_MAX_BYTES=0
	${threads:+DMBOX_WEBHOOK_THREADS=$threads}
	${DEMO:+INSTAGRAM_TITLE=Glina Studio}

	$([ -z "$EXTRA" ] || cat "$EXTRA")
	EOF
	last_wins <<-EOF | put_file "$DATA/accounts/meta.env" 640
	# made by make run; lines of META_EXTRA stand at the end and win
	INSTAGRAM_USE_CHATRACE=false
	INSTAGRAM_API_URL=http://127.0.0.1:$SIM_PORT/graph
	INSTAGRAM_ACCESS_TOKEN=IGAA$GRAPH_TOKEN
	INSTAGRAM_PAGE_ID=17841400000000001
	INSTAGRAM_APP_SECRET=$GRAPH_APP_SECRET
	INSTAGRAM_VERIFY_TOKEN=$GRAPH_VERIFY
	${DEMO:+INSTAGRAM_TITLE=Glina Shop}

	$([ -z "$META_EXTRA" ] || cat "$META_EXTRA")
	EOF
	export DMBOX_CONFIG=$STATE/dmbox.env
	[ "${#AS[@]}" -eq 0 ] || asuser test -r "$DMBOX_CONFIG" || DMBOX_CONFIG=$DATA/dmbox.env
}

# --- the parts -----------------------------------------------------------------------

start_pg() {
	local bin out i
	bin=$(pg_bindir "$DATA/pg/data") || die "$bin"
	PGBIN=$bin
	if [ ! -e "$DATA/pg/data/PG_VERSION" ]; then
		rm -rf "$DATA/pg/data"
		out=$(asuser "$PGBIN/initdb" -D "$DATA/pg/data" -U postgres -A trust --auth-host=reject \
		    -E UTF8 --locale=C.UTF-8 2>&1) || {
			rm -rf "$DATA/pg/data"
			die "initdb failed: $(printf '%s\n' "$out" | grep -iE 'error|could not|fatal|space' | head -n 1)"
		}
	fi
	# statements and values of clients stay out of the server's log: they are people's words
	spawn "$DATA/logs/postgres.log" "$PGBIN/postgres" -D "$DATA/pg/data" -c "listen_addresses=" \
	    -c "unix_socket_directories=$RUN/pg" -c unix_socket_permissions=0700 -c port=5432 \
	    -c max_connections=120 -c shared_buffers=256MB -c max_wal_size=2GB -c cluster_name=dmbox \
	    -c logging_collector=off -c log_destination=stderr -c log_error_verbosity=terse \
	    -c log_min_error_statement=panic
	pg=$! pg_start=$(start_of $!)
	note_pid postgres "$pg"
	for ((i = 0; i < 1200; i++)); do
		super -d postgres -qAtc 'select 1' >/dev/null 2>&1 && break
		alive "$pg" "$pg_start" || die "PostgreSQL did not start: $(last_error "$DATA/logs/postgres.log")"
		nap 0.1
	done
	[ "$i" -lt 1200 ] || die "PostgreSQL does not answer: $(last_error "$DATA/logs/postgres.log")"
	out=$(make_database 2>&1) || die "cannot make the database: ${out##*: }"
	put_file "$DATA/psql" 755 <<-EOF
	#!/bin/sh
	# psql on the database of this folder, as the cluster's superuser
	PGHOST=$(printf %q "$RUN/pg") PGPORT=5432 PGUSER=postgres PGDATABASE=dmbox
	export PGHOST PGPORT PGUSER PGDATABASE
	unset PGPASSWORD PGSERVICE PGOPTIONS PGSSLMODE PGHOSTADDR
	exec $PGBIN/psql "\$@"
	EOF
}
super() { asuser "$PGBIN/psql" -X -h "$RUN/pg" -p 5432 -U postgres "$@"; }
make_database() {
	super -d postgres -qAt -v ON_ERROR_STOP=1 <<-'EOF'
	select 'create role dmbox login' where not exists (select 1 from pg_roles where rolname = 'dmbox') \gexec
	select 'create database dmbox owner dmbox' where not exists (select 1 from pg_database where datname = 'dmbox') \gexec
	EOF
}

migrate() {
	local out
	out=$(cd "${SQL%/sql}" && asuser "$BIN/dmbox" migrate 2>&1) ||
		die "dmbox migrate failed: $(printf '%s\n' "$out" | grep . | tail -n 1)"
}

choose_sim_port() {
	local old
	old=$(sed -n 's|^INSTAGRAM_API_URL=http://127.0.0.1:\([0-9]*\)/chatrace$|\1|p' "$DATA/dmbox.env" 2>/dev/null | head -n 1)
	SIM_PORT=$old
	[ -n "$old" ] && [ "$old" != "$PORT" ] && ! port_used "$old" ||
		SIM_PORT=$(free_port) || die "no free port for the simulator"
}

start_sim() {
	local c=$DATA/dmbox.env m=$DATA/accounts/meta.env
	# pictures, voice, video and files that simulated people send: http://…/files/NAME
	asuser mkdir -p -m 755 "$DATA/sim/files" || die "cannot write in STATE, $DATA"
	sim_up "$SIM_PORT" "$RUN" "$DATA" "$BIN" "$c" "$m" "http://127.0.0.1:$PORT"
	sim=$! sim_start=$(start_of $!)
	note_pid simulator "$sim"
	answers "http://127.0.0.1:$SIM_PORT/_sim/webhooks" "$sim" "$sim_start" ||
		die "the provider simulator did not start: $(last_error "$DATA/logs/sim-error.log" "$DATA/logs/sim.log")"
}

# nginx starts no programs
start_programs() {
	nginx_programs "$BIN/cgi-bin" "$RUN" "$DMBOX_CONFIG" "$1" | put_file "$RUN/dmbox-fcgi" 700
	DMBOX_WEBHOOK_THREADS=$1 spawn "$DATA/logs/programs.log" /bin/sh "$RUN/dmbox-fcgi" run
	progs=$! progs_start=$(start_of $!)
	note_pid programs "$progs"
}

start_web() {
	local threads
	threads=$(conf_get "$DATA/dmbox.env" DMBOX_WEBHOOK_THREADS)
	if [ "$SERVER" = nginx ]; then
		start_programs "${threads:-8}"
		asuser mkdir -p "$RUN/nginx" || die "cannot write in $RUN"
		nginx_conf "$PORT" "$WEB" "$RUN" "$DATA/logs" | put_file "$RUN/nginx.conf" 600
		spawn "$DATA/logs/web.log" nginx -p "$RUN" -e "$DATA/logs/error.log" -c "$RUN/nginx.conf"
	elif [ "$SERVER" = lighttpd ]; then
		lighttpd_conf "$PORT" "$BIN/cgi-bin" "$WEB" "$RUN" "$DMBOX_CONFIG" "$DATA/logs" "${threads:-8}" |
			put_file "$RUN/lighttpd.conf" 600
		spawn "$DATA/logs/web.log" lighttpd -D -f "$RUN/lighttpd.conf"
	else
		apache_conf "$PORT" "$BIN/cgi-bin" "$WEB" "$RUN" "$DMBOX_CONFIG" "$DATA/logs" |
			put_file "$RUN/apache.conf" 600
		spawn "$DATA/logs/web.log" apache2 -D FOREGROUND -f "$RUN/apache.conf"
	fi
	web=$! web_start=$(start_of $!)
	note_pid "$SERVER" "$web"
	answers "http://127.0.0.1:$PORT/health" "$web" "$web_start" ||
		die "$SERVER did not start: $(last_error "$DATA/logs/error.log" "$DATA/logs/web.log")"
}

make_token() {
	local t
	t=$(asuser "$BIN/dmbox" token --sub make-run --ttl 24h --scope "read poll send admin" 2>&1) ||
		die "dmbox token failed: $t"
	printf '%s\n' "$t" | put_file "$DATA/token" 600
	TOKEN=$t
}

# A person who may do all, and a link for her browser: it works once.
make_link() {
	LINK=$(asuser "$BIN/dmbox" user add owner --role owner 2>&1 | grep -m 1 '#login=') ||
		die "dmbox user failed"
}

# At once, then as cron does it: each minute.  The poller ends by itself before the
# next full minute, also the first, which starts within one.
start_poller() {
	local now left p kept=()
	printf -v now '%(%s)T' -1
	[ "$now" -ge "$next_poll" ] || return 0
	left=$((60 - now % 60))
	for p in "${pollers[@]}"; do
		if alive "$p" "${BORN[$p]}"; then kept+=("$p"); fi
	done
	spawn "$DATA/logs/poll.log" "$BIN/dmbox-poll"
	pollers=("${kept[@]}" $!)
	note_pid poller $!
	next_poll=$((now + left))
}

link_files() {
	local f
	[ -n "$link_inside" ] || return 0
	for f in dmbox.env accounts token logs psql; do
		ln -sfn "$DATA/$f" "$STATE/$f" || die "cannot write in STATE, $STATE"
	done
}

announce() {
	local secret header=
	secret=$(conf_get "$DATA/dmbox.env" INSTAGRAM_WEBHOOK_SECRET)
	secret=${secret%%,*}
	[ -z "$secret" ] || header=" -H 'X-Webhook-Secret: $secret'"
	cat <<-EOF

	webhook        http://127.0.0.1:$PORT/instagram/webhook          (Chatrace, account main)
	               http://127.0.0.1:$PORT/instagram/webhook/meta     (Graph, account meta)
	               http://127.0.0.1:$PORT/whatsapp/webhook           (Green API)
	inbox link  $LINK
	health         http://127.0.0.1:$PORT/health
	simulator      http://127.0.0.1:$SIM_PORT/_sim/log
	configuration  $STATE/dmbox.env
	logs           $STATE/logs/
	token          $TOKEN
	psql           $STATE/psql -c 'select id, sent_at, body from dmbox.messages order by id desc limit 5'

	A test message:
	curl -X POST http://127.0.0.1:$PORT/instagram/webhook -H 'Content-Type: application/json'$header -d '{"senderId":"test123","messageId":"test-msg-1","text":"Тестовое сообщение","username":"test_user","timestamp":1731499200}'

	EOF
	say "dmbox ready: http://127.0.0.1:$PORT"
}

parent_is_make() { case $(cat "/proc/$PPID/comm" 2>/dev/null) in make|gmake) return 0;; esac; return 1; }

# Nothing here waits for a process in the foreground: bash would lose a Ctrl-C by it (look_at).
supervise() {
	local watch_parent=
	parent_is_make && watch_parent=1
	while :; do
		start_poller
		# PostgreSQL's death is its user's business (contract.md 2); the web server's is ours
		alive "$web" "$web_start" || die "$SERVER ended by itself: $(last_error "$DATA/logs/error.log" "$DATA/logs/web.log")"
		[ -z "$progs" ] || alive "$progs" "$progs_start" ||
			die "the programs ended by themselves: $(last_error "$DATA/logs/programs.log")"
		[ -z "$watch_parent" ] || kill -0 "$PPID" 2>/dev/null || finish 1
		nap 1
	done
}

ulimit -S -n "$(ulimit -H -n)" 2>/dev/null || :
cd "$ROOT" || exit 1
check_arguments
check_tools
choose_state
lock_state
clear_leftovers
port_used "$PORT" && die "port $PORT is in use: stop what listens there, or choose another with PORT="
check_room
[ "${#AS[@]}" -eq 0 ] || export HOME=$DATA USER=$RUNUSER LOGNAME=$RUNUSER
say "make run: starting PostgreSQL, the provider simulator and $SERVER ..."
make_folders
choose_programs
choose_sim_port
make_config
start_pg
migrate
start_sim
start_web
make_token
make_link
link_files
next_poll=0
start_poller
[ -z "$DEMO" ] || bash "$ROOT/tests/demo/fill.sh" "$STATE" "http://127.0.0.1:$PORT" || die "the demo could not be filled"
announce
supervise
