# The words of the crash tests: those of the end-to-end tests, and a stack made of
# its parts, so that each can be broken alone and nothing runs that the test did not
# start: PostgreSQL, simulator and web server stand, the poller is called by hand.
#
# A fault is injected, what was cut is done again as a provider, cron or a person
# would, and then verdict asks the database.  Rows for the table of build/crash.md
# go to build/crash/table.d.
if [ -z "${CRASH_NS:-}" ] && unshare -m --propagation private true 2>/dev/null; then
	export CRASH_NS=1	# mounts of ours end with us and are seen by nobody else
	exec unshare -m --propagation private bash "$0" "$@"
fi
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$ROOT/tests/stack/pg.sh"
HERE=$ROOT/tests/crash
case $B in /*) BB=$B;; *) BB=$ROOT/$B;; esac
FULL=${CRASH_FULL:-}		# 1: every point and the whole load; else a sample
SO=$BB/crash/crashpoint.so
PLAN=$T/plan
export DMBOX_CRASH=$PLAN

# --- the parts ---------------------------------------------------------------------

pg_up() { pg_start "$T/pg" >/dev/null 2>&1 || die "PostgreSQL does not start"; }
# a new postmaster waits until the old one's backends have noticed
pg_kill9() {
	local p kids
	kids=$(backends)
	kill -9 "$(postmaster)" 2>/dev/null
	for p in $kids; do gone_within 10 "$p" || kill -9 "$p" 2>/dev/null; done
}
pg_immediate() { pg_stop "$T/pg" immediate; }
postmaster() { head -n 1 "$T/pg/pg/postmaster.pid"; }
backends() { pgrep -P "$(postmaster)" 2>/dev/null; }
q() { pg_psql "$T/pg" -At -d dmbox -c "$1"; }

# parts [KEY=VALUE...]: PostgreSQL, simulator; configuration lines laid over ours
parts() {
	local sock
	mkdir -p "$T/pg" "$T/run/fcgi" "$T/logs" "$T/accounts" || die "no room"
	chmod 755 "$T/pg"
	pg_init "$T/pg" || die "initdb"
	pg_up
	sock=$(pg_socket_dir "$T/pg")
	atexit+=('pg_remove "$T/pg"')
	pg_psql "$T/pg" -d postgres -c 'create role dmbox login' -c 'create database dmbox owner dmbox' || die createdb
	PORT=$(free_port) SIMPORT=$(free_port)
	URL=http://127.0.0.1:$PORT SIM=http://127.0.0.1:$SIMPORT
	SECRET=$(random_name 32) APP_SECRET=$(random_name 32) JWT=$(random_name 48) GREEN=$(random_name 32)
	export DMBOX_CONFIG=$T/dmbox.env
	(umask 027; cat >"$T/dmbox.env" <<-EOT
	INSTAGRAM_API_URL=$SIM/chatrace
	INSTAGRAM_ACCESS_TOKEN=1000001.abcdefgh
	INSTAGRAM_WEBHOOK_SECRET=$SECRET
	INSTAGRAM_POLL_SECONDS=0
	WHATSAPP_API_URL=$SIM/green
	WHATSAPP_ID_INSTANCE=1101000001
	WHATSAPP_API_TOKEN_INSTANCE=$GREEN
	WHATSAPP_WEBHOOK_TOKEN=$GREEN
	DMBOX_ACCOUNTS_DIR=$T/accounts
	DATABASE_URL=host=$sock port=5432 dbname=dmbox user=dmbox
	JWT_SECRET=$JWT
	DMBOX_SPOOL_DIR=$T/spool
	DMBOX_MEDIA_DIR=$T/media
	DMBOX_MEDIA_ALLOW=127.0.0.1:$SIMPORT
	DMBOX_LOG_FILE=$T/logs/dmbox.log
	DMBOX_LOG_MAX_BYTES=0
	DMBOX_WEBHOOK_THREADS=8
	EOT
	printf '%s\n' "$@" >>"$T/dmbox.env"
	cat >"$T/accounts/meta.env" <<-EOT
	INSTAGRAM_USE_CHATRACE=false
	INSTAGRAM_API_URL=$SIM/graph
	INSTAGRAM_ACCESS_TOKEN=IGAAabcdefgh
	INSTAGRAM_PAGE_ID=17841400000000001
	INSTAGRAM_APP_SECRET=$APP_SECRET
	INSTAGRAM_VERIFY_TOKEN=verify
	INSTAGRAM_POLL_SECONDS=0
	EOT
	)
	DMBOX_SQL_DIR=$ROOT/sql "$BB/dmbox" migrate >"$T/migrate.out" 2>&1 || die "migrate: $(tail -n 1 "$T/migrate.out")"
	TOKEN=$("$BB/dmbox" token --sub crash --ttl 8h --scope "read poll send admin") || die token
	start_sim
}

start_sim() {
	cat >"$T/run/sim.conf" <<-EOT
	server.port = $SIMPORT
	server.bind = "127.0.0.1"
	server.document-root = "$T/run/fcgi"
	server.errorlog = "$T/logs/sim-error.log"
	server.modules = ( "mod_fastcgi" )
	server.stream-response-body = 1
	server.max-request-size = 65536
	server.upload-dirs = ( "$T/run/fcgi" )
	fastcgi.server = ( "/" => ( "sim" => ( "bin-path" => "$BB/sim/provider-sim",
	  "socket" => "$T/run/fcgi/sim", "max-procs" => 1, "check-local" => "disable",
	  "disable-time" => 1, "fix-root-scriptname" => "enable" ) ) )
	EOT
	SIM_GREEN_WEBHOOK_URL=$URL/whatsapp/webhook SIM_GREEN_WEBHOOK_TOKEN=$GREEN \
	SIM_GRAPH_TOKENS=IGAAabcdefgh SIM_GRAPH_PAGE_ID=17841400000000001 SIM_GRAPH_APP_SECRET=$APP_SECRET \
	SIM_GRAPH_WEBHOOK_URL=$URL/instagram/webhook/meta SIM_GRAPH_CONV_PER_SECOND=0 SIM_URL=$SIM \
		spawn "$T/logs/sim.log" lighttpd -D -f "$T/run/sim.conf"
	sim_pid=$!
	atexit+=("ended $sim_pid")
	answers "$SIM/_sim/webhooks" "$sim_pid" "$(start_of "$sim_pid")" || die "the simulator does not start"
}
# ended PID: a server of ours and what it started
ended() { ! signal TERM "$1" || gone_within 5 "$1" || signal KILL "$1"; sweep "$1"; }

# web_up lighttpd|apache [preload]: the web server; preload: its programs meet the plan
web_up() {
	local pre=
	[ "${2:-}" != preload ] || pre=$SO
	SERVER=$1
	rm -f "$T"/run/fcgi/*.sock*
	if [ "$1" = lighttpd ]; then
		lighttpd_conf "$PORT" "$BB/cgi-bin" "$ROOT/web" "$T/run" "$T/dmbox.env" "$T/logs" 8 >"$T/run/lighttpd.conf"
		LD_PRELOAD=$pre spawn "$T/logs/web.log" lighttpd -D -f "$T/run/lighttpd.conf"
	else
		{ apache_conf "$PORT" "$BB/cgi-bin" "$ROOT/web" "$T/run" "$T/dmbox.env" "$T/logs"
		  [ -z "$pre" ] || printf 'FcgidInitialEnv %s\n' "LD_PRELOAD $pre" "DMBOX_CRASH $PLAN"
		  [ "$(id -u)" -ne 0 ] || echo "User $APACHE_USER"; } >"$T/run/apache.conf"
		spawn "$T/logs/web.log" apache2 -D FOREGROUND -f "$T/run/apache.conf"
	fi
	web_pid=$!
	atexit+=("ended $web_pid")
	answers "$URL/health" "$web_pid" "$(start_of "$web_pid")" || die "$1 does not start: $(last_error "$T/logs/error.log" "$T/logs/web.log")"
}
APACHE_USER=www-data
web_down() { ended "$web_pid"; }
webhooks() { pgrep -s "$web_pid" -x webhook.fcgi; }

# --- what the outside does ------------------------------------------------------------

# again SECONDS COMMAND...: as a provider, until it is acknowledged
again() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.1; done
}
post() { hook "$(msg "$1" "$2" "text of $2")"; [ "$CODE" = 200 ]; }
AWAY=	# not empty: cgi finds no database (cheaper than to stop it)
# cgi PROGRAM METHOD URI BODY [NAME=VALUE...]: one request by plain CGI, under the plan;
# the answer in $T/answer; true where it says 200 (or 202, of a send)
cgi() {
	local p=$1 m=$2 u=$3 b=$4
	shift 4
	printf %s "$b" >"$T/stdin"
	env -i "PATH=$PATH" LD_PRELOAD="$SO" "DMBOX_CRASH=$PLAN" "DMBOX_CONFIG=$DMBOX_CONFIG" GATEWAY_INTERFACE=CGI/1.1 \
	    "REQUEST_METHOD=$m" "REQUEST_URI=$u" QUERY_STRING= REMOTE_ADDR=127.0.0.1 CONTENT_TYPE=application/json \
	    "CONTENT_LENGTH=$(stat -c %s "$T/stdin")" ${AWAY:+"DATABASE_URL=host=$T/nowhere"} "$@" \
	    timeout -k 5 300 "$BB/cgi-bin/$p.fcgi" <"$T/stdin" >"$T/answer" 2>>"$T/logs/cgi.err"
	[[ $(head -n 1 "$T/answer" | tr -d '\0') =~ ^Status:\ 20[02] ]]
}
cgi_hook() { cgi webhook POST /instagram/webhook "$1" "HTTP_X_WEBHOOK_SECRET=$SECRET"; }
cgi_send() { cgi send POST "$1" "$2" "HTTP_AUTHORIZATION=Bearer $TOKEN"; }
# poll [KEY=VALUE...]: what cron does, once; under the plan; Green API's long poll only
# where it is asked for
poll() { (export WHATSAPP_POLL_SECONDS=0 "$@"; cd "$T" && LD_PRELOAD=$SO timeout -k 5 300 "$BB/dmbox-poll" --once) >>"$T/logs/poll.log" 2>&1; }
# time_passes: leases end, waits are over; what a minute does to an idle system
time_passes() {
	q "update dmbox.leases set expires_at = now() - interval '1 s';
	   update dmbox.outbox set lease_until = now() - interval '1 s' where state = 'leased';
	   update dmbox.outbox set next_at = now() where state in ('queued', 'unknown');
	   update dmbox.account_state set send_pause_until = null, pause_until = null, next_probe_at = null" >/dev/null
	find "$T/spool/cur" "$T/spool/new" -type f -exec touch -d '5 minutes ago' {} + 2>/dev/null
	return 0
}
spooled() { find "$T"/spool/new "$T"/spool/cur -type f 2>/dev/null | wc -l; }

# plan PROGRAM N [ACTION [CALLS]]
plan() { rm -f "$PLAN" "$PLAN".*; echo "$1 ${4:-*} $2 ${3:-kill}" >"$PLAN.new"; mv "$PLAN.new" "$PLAN"; }
no_plan() { rm -f "$PLAN"; }
fired() { [ -e "$PLAN.fired" ]; }

# --- what must be so -------------------------------------------------------------------

# once FILE PREFIX: each id of FILE has exactly one row; prints what is not so
once() {
	local p=$2
	{ q "select external_id, count(*) from dmbox.messages where external_id like '$p%' group by 1" | sort >"$T/have"; }
	sort -u "$1" | awk -F'|' 'NR == FNR { n[$1] = $2; next } n[$1] != 1 { print $1 " " n[$1] + 0 }' "$T/have" - | head -n 5
}
missing() { q 'select coalesce(sum(missing), 0) from dmbox.ingest_balance'; }
stuck() { q "select count(*) from dmbox.outbox where state in ('queued', 'leased')"; }
# twice: messages that the simulator let out more than once, by their text
twice() {
	{ sim chatrace/sent; sim green/sent; sim cloud/sent; } | jq -r '.[] | .body | if type == "string" then . else tojson end' |
		grep -o 'crash-[a-z0-9-]*' >"$T/out"
	sim graph/messages '{}' | jq -r '.. | objects | select(.out == true) | .text // empty' |
		grep -o 'crash-[a-z0-9-]*' >>"$T/out"
	sort "$T/out" | uniq -d | head -n 3
}

# row WHAT FAULTS SURVIVED: a line of the table
row() {
	mkdir -p "$BB/crash/table.d"
	printf '| %s | %d | %d |\n' "$1" "$2" "$3" >>"$BB/crash/table.d/$(basename "$0")"
	if [ "$2" -gt 0 ]; then is "$1" "$3 of $2" "$2 of $2"; else not_ok "$1" 'no fault fired: nothing was tested'; fi
}
rm -f "$BB/crash/table.d/$(basename "$0")"
