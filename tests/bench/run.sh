#!/bin/bash
# make bench: what dmbox does a second, what it holds and costs, each figure beside
# the limit that was measured in the same run.  Own PostgreSQL (fsync and
# synchronous_commit on), own lighttpd and Apache, nothing outside 127.0.0.1.
#
# Beside dmbox, in the same rounds and behind the same servers, stands a peer: Fastify
# with a plain schema of its own (peer/), by mod_proxy_http, mod_proxy and proxy_pass.
# It needs node and npm; without them it is left out, and that is said.
#
#   BENCH_ROUNDS=5 BENCH_SECONDS=3   rounds, interleaved; the table shows medians
#   BENCH_MINUTES=30                 no round is begun that would end later (about 20 are needed)
#   BENCH_ONLY='lighttpd pgbench'    only cases whose name begins so (rates)
#   BENCH_SKIP='peer memory poll'    parts left out
#   BENCH_MEMORY=100000              deliveries before the second look at the memory
#   BENCH_DRAIN=5000 BENCH_ACCOUNTS=200
#   BENCH_PORT=22200                 and the four after it
#
# Result: a table on stdout and in $B/bench.md.
set -u
export LC_ALL=C.UTF-8
HERE=$(cd "$(dirname "$0")" && pwd -P)
ROOT=$(cd "$HERE/../.." && pwd -P)
cd "$ROOT" || exit 1
B=${B:-build}
case $B in /*) ;; *) B=$ROOT/$B;; esac
ROUNDS=${BENCH_ROUNDS:-5} SECS=${BENCH_SECONDS:-3} ONLY=${BENCH_ONLY:-} SKIP=" ${BENCH_SKIP:-} "
PORT=${BENCH_PORT:-22200} MINUTES=${BENCH_MINUTES:-30}
OUT=$B/bench.md
for v in $(compgen -e); do
	case $v in DMBOX_*|INSTAGRAM_*|WHATSAPP_*|JWT_*|DATABASE_URL|PG*|MAKEFLAGS|MFLAGS|MAKELEVEL|SIM_*) unset "$v";; esac
done
. tests/stack/lib.sh
. tests/stack/pg.sh

die() { echo "make bench: $*" >&2; exit 1; }
say() { printf '%s\n' "$*" >&2; }
skip() { case $SKIP in *" $1 "*) return 0;; esac; return 1; }

D=$(mktemp -d /tmp/dmbox-bench-XXXXXX) || exit 1
chmod 755 "$D"
pids=()
goodbye() {
	local p i
	trap - EXIT; trap '' INT TERM HUP
	for p in "${pids[@]}"; do kill -TERM "$p" 2>/dev/null; done
	for p in "${pids[@]}"; do gone_within 10 "$p" || kill -KILL "$p" 2>/dev/null; sweep "$p"; done
	pg_remove "$D"
	if [ -n "${BENCH_KEEP:-}" ]; then say "kept: $D"; else rm -rf "$D"; fi
}
trap goodbye EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# start LOG PROGRAM...: pid in $!
start() { spawn "$@"; pids+=($!); }
stop() {
	kill -TERM "$1" 2>/dev/null
	gone_within 15 "$1" || kill -KILL "$1" 2>/dev/null
	sweep "$1"
}

if [ "$(id -u)" -eq 0 ]; then
	AS=(setpriv "--reuid=$PG_USER" "--regid=$(id -g "$PG_USER")" --init-groups --)
	chown "$PG_USER" "$D"
fi

# --- the parts ------------------------------------------------------------------
for p in "$PORT" $((PORT + 1)) $((PORT + 2)) $((PORT + 3)) $((PORT + 4)); do port_used "$p" && die "port $p is in use: set BENCH_PORT"; done
say 'starting PostgreSQL, lighttpd, Apache ...'
printf 'max_wal_size = 4GB\nwal_level = replica\n' >"$D/pg.extra"
export PG_EXTRA=$D/pg.extra PG_SHARED_BUFFERS=256MB
pg_init "$D" && pg_start "$D" || die 'PostgreSQL does not start'
pg_psql "$D" -d postgres -c 'create database bench' || exit 1
CONN=$(pg_conninfo "$D" bench)
BINDIR=$(pg_bin)
sock=$(pg_socket_dir "$D")
sql() { pg_psql "$D" -d bench -At -c "$1"; }

# programs where the servers' user can reach them
mkdir -p "$D/bin" "$D/cgi" "$D/run/fcgi" "$D/run/pg" "$D/logs" "$D/accounts" "$D/accounts200"
cp "$B"/cgi-bin/*.fcgi "$D/bin/" && cp "$B/bench/empty" "$D/bin/empty.fcgi" && cp "$B"/cgi-bin/webhook.fcgi "$D/cgi/webhook.cgi" &&
    cp "$B/bench/empty" "$D/cgi/empty.cgi" && cp "$B/dmbox" "$B/dmbox-poll" "$B/bench/load" "$B/bench/cold" "$B/bench/store" \
    "$B/sim/provider-sim" "$D/bin/" && cp -R sql "$D/sql" || exit 1
chmod -R a+rX "$D/bin" "$D/cgi" "$D/sql"
SECRET=$(random_name 32) APPSECRET=$(random_name 32)
cat >"$D/dmbox.env" <<EOF
INSTAGRAM_API_URL=http://127.0.0.1:$((PORT + 3))/chatrace
INSTAGRAM_ACCESS_TOKEN=1000001.$(random_name 40)
INSTAGRAM_USE_CHATRACE=true
INSTAGRAM_WEBHOOK_SECRET=$SECRET
DMBOX_ACCOUNTS_DIR="$D/accounts"
DATABASE_URL=postgresql://postgres@/bench?host=$(url_path "$sock")&port=5432
JWT_SECRET=$(random_name 48)
DMBOX_PUBLIC_URL=http://127.0.0.1:$PORT
DMBOX_SPOOL_DIR="$D/spool"
DMBOX_LOG_FILE="$D/logs/dmbox.log"
DMBOX_LOG_MAX_BYTES=0
EOF
cat >"$D/accounts/meta.env" <<EOF
INSTAGRAM_USE_CHATRACE=false
INSTAGRAM_API_URL=http://127.0.0.1:$((PORT + 3))/graph
INSTAGRAM_ACCESS_TOKEN=IGAA$(random_name 40)
INSTAGRAM_PAGE_ID=17841400000000001
INSTAGRAM_APP_SECRET=$APPSECRET
EOF
chmod 640 "$D/dmbox.env" "$D/accounts/meta.env"
[ "${#AS[@]}" -eq 0 ] || chown -R "$PG_USER" "$D/run" "$D/logs" "$D/accounts" "$D/accounts200" "$D/dmbox.env"
export DMBOX_CONFIG=$D/dmbox.env
# Each server is an installation of its own, with a spool and a log: one whose deliveries
# another server's program stores (bridge/relay.c) would be measured with that.
for s in fcgid proxy nginx; do
	sed "s|^DMBOX_SPOOL_DIR=.*|DMBOX_SPOOL_DIR=\"$D/spool-$s\"|; s|dmbox.log|$s.log|" "$D/dmbox.env" >"$D/$s.env" &&
	    chmod 640 "$D/$s.env" && { [ "${#AS[@]}" -eq 0 ] || chown "$PG_USER" "$D/$s.env"; } || exit 1
done
(cd "$D" && asuser "$D/bin/dmbox" migrate) >"$D/logs/migrate.log" 2>&1 || { cat "$D/logs/migrate.log" >&2; die 'dmbox migrate failed'; }
pg_psql "$D" -d bench -f "$HERE/peer/schema.sql" >/dev/null || die 'the schema of the peer is refused'

start_lighttpd() {
	{
		lighttpd_conf "$PORT" "$D/bin" "$D/run" "$D/run" "$D/dmbox.env" "$D/logs" 8
		cat <<-EOF
		else \$HTTP["url"] =~ "^/empty" {
			fastcgi.server = ( "/" => ( "empty" => (
				"bin-path" => "$D/bin/empty.fcgi", "socket" => "$D/run/fcgi/empty.sock",
				"bin-environment" => ( "EMPTY_THREADS" => "32" ),
				"max-procs" => 1, "listen-backlog" => 1024, "disable-time" => 1, "check-local" => "disable" ) ) )
		} else \$HTTP["url"] =~ "^/peer" {
			proxy.server = ( "" => ( ( "host" => "127.0.0.1", "port" => $((PORT + 2)) ) ) )
		}
		server.modules += ( "mod_proxy" )
		EOF
	} >"$D/run/lighttpd.conf"
	start "$D/logs/lighttpd.out" lighttpd -D -f "$D/run/lighttpd.conf"
	LIGHTTPD=$!
	answers "http://127.0.0.1:$PORT/health" "$LIGHTTPD" "$(start_of "$LIGHTTPD")" || { tail -n 5 "$D"/logs/*.out >&2; die 'lighttpd did not start'; }
}

start_apache() {
	{
		apache_conf $((PORT + 1)) "$D/bin" "$D/run" "$D/run" "$D/fcgid.env" "$D/logs"
		apache_modules proxy proxy_fcgi proxy_http cgid
		cat <<-EOF
		ScriptSock "$D/run/cgid.sock"
		MaxKeepAliveRequests 0
		AliasMatch "^/empty$" "$D/bin/empty.fcgi"
		ScriptAliasMatch "^/cgi/instagram/webhook$" "$D/cgi/webhook.cgi"
		ScriptAliasMatch "^/cgi/empty$" "$D/cgi/empty.cgi"
		<Directory "$D/cgi">
			Require all granted
			Options +ExecCGI
			SetHandler cgi-script
			SetEnv DMBOX_CONFIG "$D/fcgid.env"
		</Directory>
		<Location "/proxy/instagram">
			Require all granted
			SetHandler "proxy:unix:$D/run/proxy.sock|fcgi://dmbox/"
		</Location>
		<Location "/peer">
			Require all granted
			ProxyPass "http://127.0.0.1:$((PORT + 2))/peer"
		</Location>
		<Location "/proxy/empty">
			Require all granted
			SetHandler "proxy:unix:$D/run/proxye.sock|fcgi://empty/"
		</Location>
		EOF
	} >"$D/run/apache.conf"
	start "$D/logs/apache.out" apache2 -D FOREGROUND -f "$D/run/apache.conf"
	APACHE=$!
	answers "http://127.0.0.1:$((PORT + 1))/health" "$APACHE" "$(start_of "$APACHE")" || { tail -n 5 "$D"/logs/apache.out "$D"/logs/error.log >&2; die 'Apache did not start'; }
	DMBOX_CONFIG=$D/proxy.env DMBOX_WEBHOOK_THREADS=8 start "$D/logs/proxy.out" spawn-fcgi -n -b 1024 -s "$D/run/proxy.sock" -- "$D/bin/webhook.fcgi"
	EMPTY_THREADS=32 start "$D/logs/proxye.out" spawn-fcgi -n -b 1024 -s "$D/run/proxye.sock" -- "$D/bin/empty.fcgi"
}

start_nginx() {
	mkdir -p "$D/run/nginx" "$D/run/ngx/fcgi" "$D/run/ngx/nginx"
	[ "${#AS[@]}" -eq 0 ] || chown -R "$PG_USER" "$D/run/ngx"
	{
		nginx_conf $((PORT + 4)) "$D/run" "$D/run/ngx" "$D/logs" | head -n -2
		cat <<-EOF
		location = /peer {
			proxy_pass http://peer;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}
		}
		upstream peer { server 127.0.0.1:$((PORT + 2)); keepalive 64; }
		}
		EOF
	} >"$D/run/nginx.conf"
	nginx_programs "$D/bin" "$D/run/ngx" "$D/nginx.env" 8 >"$D/run/dmbox-fcgi"
	DMBOX_CONFIG=$D/nginx.env start "$D/logs/programs.out" /bin/sh "$D/run/dmbox-fcgi" run
	start "$D/logs/nginx.out" nginx -p "$D/run/ngx" -e "$D/logs/error.log" -c "$D/run/nginx.conf"
	NGINX=$!
	answers "http://127.0.0.1:$((PORT + 4))/health" "$NGINX" "$(start_of "$NGINX")" || { tail -n 5 "$D"/logs/nginx.out "$D"/logs/error.log >&2; die 'nginx did not start'; }
}

# npm packages by name, into a folder beside the build; 1: none to be had
start_peer() {
	local dir=$B/bench/peer
	command -v npm >/dev/null && command -v node >/dev/null || { echo 'npm or node is missing'; return 1; }
	mkdir -p "$dir" && cp "$HERE"/peer/package.json "$HERE"/peer/server.js "$dir/" || return 1
	[ -d "$dir/node_modules/fastify" ] || (cd "$dir" && timeout 120 npm install --no-audit --no-fund --no-save --ignore-scripts >"$D/logs/npm.log" 2>&1) || {
		echo "npm could not install fastify and pg: $(tail -n 1 "$D/logs/npm.log")"; return 1; }
	BENCH_PORT=$((PORT + 2)) BENCH_SECRET=$SECRET PGHOST=$sock PGPORT=5432 PGUSER=postgres PGDATABASE=bench \
	    NODE_ENV=production start "$D/logs/peer.log" node "$dir/server.js"
	PEER=$!
	answers "http://127.0.0.1:$((PORT + 2))/" "$PEER" "$(start_of "$PEER")" || { echo "it does not start: $(tail -n 1 "$D/logs/peer.log")"; return 1; }
}

start_lighttpd
start_apache
start_nginx
have_peer=
if ! skip peer; then
	start_peer >"$D/logs/peer.why" 2>&1 && have_peer=1 || say "The peer is left out: $(head -n 1 "$D/logs/peer.why")"
fi

# --- rates ------------------------------------------------------------------------
# what a case may take before it is given up
WHOLE=$(awk -v s="$SECS" 'BEGIN { printf "%.0f", s < 1 ? 1 : s }') LONG=$((WHOLE + 45))
# http URL CONNECTIONS: "rate p50 p99 failed"
http() { timeout $LONG "$D/bin/load" -u "http://127.0.0.1:$1" -c "$2" -t "$SECS" -s "$SECRET" 2>>"$D/logs/load.err" | cut -d' ' -f1-3,5; }
pgb() {	# longer: each of its sessions plans everything first
	local o
	o=$(timeout $LONG "$BINDIR/pgbench" -h "$sock" -p 5432 -U postgres -n -M prepared -f "$HERE/one.sql" -c "$1" -j 2 -T $((WHOLE + 3)) bench 2>>"$D/logs/pgbench.err")
	awk '/^latency average/ { l = $4 * 1000 } /^tps/ { t = $3 } END { print t, int(l), "-" }' <<<"$o"
}
many() { timeout $LONG "$D/bin/load" -u "http://127.0.0.1:$PORT/instagram/webhook/meta" -c 1 -t "$SECS" -i 1000 -k "$APPSECRET" 2>>"$D/logs/load.err" |
	awk '{ print $1 * 1000, $2, $3 }'; }
alone() { echo "$(timeout $LONG "$D/bin/store" "$1" "$CONN" 1000 "$WHOLE" 2>>"$D/logs/store.err") - -"; }

measure() {
	case $1 in
	lighttpd-*) http "$PORT/instagram/webhook" "${1##*-}" ;;
	nginx-*) http "$((PORT + 4))/instagram/webhook" "${1##*-}" ;;
	lighttpd_empty-*) http "$PORT/empty" "${1##*-}" ;;
	fcgid-*) http "$((PORT + 1))/instagram/webhook" "${1##*-}" ;;
	fcgid_empty-*) http "$((PORT + 1))/empty" "${1##*-}" ;;
	proxy-*) http "$((PORT + 1))/proxy/instagram/webhook" "${1##*-}" ;;
	proxy_empty-*) http "$((PORT + 1))/proxy/empty" "${1##*-}" ;;
	cgi-*) http "$((PORT + 1))/cgi/instagram/webhook" "${1##*-}" ;;
	cgi_empty-*) http "$((PORT + 1))/cgi/empty" "${1##*-}" ;;
	peer_lighttpd-*) http "$PORT/peer" "${1##*-}" ;;
	peer_fcgid-*) http "$((PORT + 1))/peer" "${1##*-}" ;;
	peer_nginx-*) http "$((PORT + 4))/peer" "${1##*-}" ;;
	pgbench-*) pgb "${1##*-}" ;;
	many) many ;;
	array|bare) alone "$1" ;;
	esac
}

# what is compared stands side by side
LOADS='1 8 32 64' SERVERS='fcgid lighttpd nginx'
cases=()
for n in $LOADS; do
	for c in $SERVERS; do cases+=("$c-$n" ${have_peer:+"peer_$c-$n"}); done
	[ "$n" = 64 ] || cases+=("pgbench-$n" "lighttpd_empty-$n" "fcgid_empty-$n" "proxy-$n" "proxy_empty-$n")
done
cases+=(cgi-1 cgi_empty-1 cgi-8 cgi_empty-8 many bare array)
wanted() {
	local o
	[ -n "$ONLY" ] || return 0
	for o in $ONLY; do case $1 in "$o"*) return 0;; esac; done
	return 1
}

median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
for c in lighttpd-8 nginx-8 fcgid-64 proxy-8; do SECS=1 measure "$c" >/dev/null; done	# processes are there
for s in spool spool-fcgid spool-proxy spool-nginx; do
	[ -n "$(ls "$D/$s"/relay-*.lock 2>/dev/null)" ] || die "nothing was stored by way of $s: a server hands over to another's program"
done
[ -z "$have_peer" ] || SECS=1 measure peer_fcgid-64 >/dev/null
round_s=0 rounds=0
for ((r = 1; r <= ROUNDS; r++)); do
	if ((r > 1 && SECONDS + round_s * 5 / 4 > MINUTES * 60 * 3 / 4)); then
		say "$rounds rounds of $ROUNDS: BENCH_MINUTES=$MINUTES are nearly over"
		break
	fi
	say "round $r of $ROUNDS"
	round_s=$SECONDS
	# each round begins alike; what many rows cost is tests/bench/grow.sh's to tell
	sql 'truncate dmbox.deliveries, dmbox.messages, peer.deliveries, peer.messages, peer.bare; checkpoint' >/dev/null
	for c in "${cases[@]}"; do
		wanted "$c" || continue
		line=$(measure "$c")
		[ -n "$line" ] || say "  $c gave no figure"
		echo "$line" >>"$D/r.$c"
		[ -z "${BENCH_VERBOSE:-}" ] || say "  $c $line"
	done
	sql 'vacuum analyze dmbox.contacts, peer.contacts' >/dev/null
	round_s=$((SECONDS - round_s)) rounds=$r
done

# --- connections to PostgreSQL while a load is on ----------------------------------
# held CASE: how many sessions the programs of the case have, at their most
held() {
	local n max=0 pid app=webhook
	case $1 in peer_*) app=peer ;; esac
	SECS=1 measure "$1" >/dev/null & pid=$!
	while kill -0 $pid 2>/dev/null; do
		n=$(sql "select count(*) from pg_stat_activity where datname = 'bench' and application_name = '$app'")
		[ "${n:-0}" -le "$max" ] || max=$n
		nap 0.2
	done
	echo "$max"
}
declare -A HELD
if ! skip held; then
	say 'connections to PostgreSQL ...'
	# only those of the server that is measured: the others' go first
	for c in $SERVERS; do
		sql "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'bench' and application_name = 'webhook'" >/dev/null
		for n in $LOADS; do
			wanted "$c-$n" && HELD[$c-$n]=$(held "$c-$n")
			[ -z "$have_peer" ] || ! wanted "peer_$c-$n" || HELD[peer_$c-$n]=$(held "peer_$c-$n")
		done
	done
fi

# --- what a delivery costs each part ----------------------------------------------
# ticks SESSION POSTMASTER: processor time so far of a web server's session and of
# PostgreSQL's processes (each is a session of its own; those that ended meanwhile
# are in the postmaster's account), by name, 1/100 s
ticks() {
	{ pgrep -s "$1"; pgrep -P "$2"; echo "$2"; } | while read -r p; do cat "/proc/$p/stat"; done 2>/dev/null |
	    awk -v pg="$2" '{ n = $2; sub(/^\(/, "", n); sub(/\)$/, "", n); t[n] += $14 + $15 + ($1 == pg ? $16 + $17 : 0) }
		END { for (n in t) print n, t[n] }' | sort
}
# cost NAME URL CONNECTIONS SESSION: "part us, part us, ..., idle us" of one delivery
cost() {
	local n pg
	wanted "$1" || return 0
	pg=$(head -n 1 "$D/pg/postmaster.pid")
	TIMEFORMAT='%U %S %R'
	ticks "$4" "$pg" >"$D/t0"
	{ time timeout 60 "$D/bin/load" -u "http://127.0.0.1:$2" -c "$3" -t 5 -s "$SECRET" >"$D/t.load" 2>>"$D/logs/load.err"; } 2>"$D/t.time"
	ticks "$4" "$pg" >"$D/t1"
	n=$(cut -d' ' -f4 "$D/t.load")
	[ "${n:-0}" -gt 0 ] || return 0
	{ join "$D/t0" "$D/t1" | awk '$3 > $2 { print $1, ($3 - $2) / '"$(getconf CLK_TCK)"' }'
	  awk '{ print "client", $1 + $2; print "all", $3 * '"$(nproc)"' }' "$D/t.time"; } |
	    awk -v n="$n" '$1 == "all" { all = $2; next } { v[$1] = $2; used += $2 }
		END { for (p in v) if (v[p] * 1e6 / n >= 1) printf "%s %.0f, ", p, v[p] * 1e6 / n
		printf "kernel and idle %.0f", (all - used) * 1e6 / n }'
}
cost_lighttpd=$(cost lighttpd-32 "$PORT/instagram/webhook" 32 "$LIGHTTPD")
cost_fcgid=$(cost fcgid-8 "$((PORT + 1))/instagram/webhook" 8 "$APACHE")

# rate/lat CASE
rate() { [ -s "$D/r.$1" ] && cut -d' ' -f1 "$D/r.$1" | grep . | median; }
lat() { [ -s "$D/r.$1" ] && cut -d' ' -f"$2" "$D/r.$1" | grep . | median; }

# --- what a process holds ----------------------------------------------------------
# mem PID: RSS PSS anonymous, kB
mem() { awk '/^Rss:/ { r = $2 } /^Pss:/ { p = $2 } /^Anonymous:/ { a = $2 } END { print r, p, a }' "/proc/$1/smaps_rollup" 2>/dev/null; }
# of PROGRAM SESSION: pids of PROGRAM in the session of its server
of() { pgrep -s "$2" -f "^$1"; }
declare -A M
memory() {
	local p n=${BENCH_MEMORY:-100000} url t
	say 'memory ...'
	stop "$LIGHTTPD"; stop "$APACHE"
	start_lighttpd; start_apache
	# idle: connected, one delivery answered; under Apache beside its siblings
	timeout 180 "$D/bin/load" -u "http://127.0.0.1:$PORT/instagram/webhook" -c 1 -n 1 -s "$SECRET" >/dev/null
	timeout 180 "$D/bin/load" -u "http://127.0.0.1:$((PORT + 1))/instagram/webhook" -c 8 -n 64 -s "$SECRET" >/dev/null
	sleep 4	# two ticks: what the load has freed is given back
	p=$(of "$D/bin/webhook.fcgi" "$LIGHTTPD" | head -n 1)
	M[threads_idle]=$(mem "$p")
	M[fcgid_idle]=$(for q in $(of "$D/bin/webhook.fcgi" "$APACHE"); do mem "$q"; done | sort -n | tail -n 1)
	M[fcgid_siblings]=$(of "$D/bin/webhook.fcgi" "$APACHE" | wc -l)
	t=$(asuser "$D/bin/dmbox" token --sub bench --ttl 1h --scope 'read poll send admin')
	url=http://127.0.0.1:$PORT
	curl -s -o /dev/null -m 30 -H "Authorization: Bearer $t" "$url/instagram/check-messages?account=main"
	curl -s -o /dev/null -m 30 -H "Authorization: Bearer $t" -H 'Content-Type: application/json' \
	    --data '{"to":"6500000000000001","text":"x"}' "$url/instagram/send"
	curl -s -o /dev/null -m 30 -H "Authorization: Bearer $t" "$url/instagram/stats"
	for q in send check-messages status inbox; do
		M[$q]=$(for p in $(of "$D/bin/$q.fcgi" "$LIGHTTPD"); do mem "$p"; done | sort -n | tail -n 1)
	done
	timeout 180 "$D/bin/load" -u "$url/instagram/webhook" -c 32 -n $((n / 10)) -s "$SECRET" >/dev/null	# every thread has worked
	p=$(of "$D/bin/webhook.fcgi" "$LIGHTTPD" | head -n 1)
	M[threads_warm]=$(mem "$p")
	timeout 180 "$D/bin/load" -u "$url/instagram/webhook" -c 32 -n "$n" -s "$SECRET" >/dev/null
	[ "$(of "$D/bin/webhook.fcgi" "$LIGHTTPD" | head -n 1)" = "$p" ] || say 'the webhook process was replaced meanwhile'
	M[threads_after]=$(mem "$p")
	M[deliveries]=$n
	# one process of one thread, as under Apache
	start "$D/logs/one.out" spawn-fcgi -n -s "$D/run/one.sock" -- "$D/bin/webhook.fcgi"
	p=$!
	cat >"$D/run/one.conf" <<-EOF
	server.port = $((PORT + 3))
	server.bind = "127.0.0.1"
	server.document-root = "$D/run/fcgi"
	server.errorlog = "$D/logs/one.log"
	server.modules = ( "mod_fastcgi" )
	fastcgi.server = ( "/" => ( "one" => ( "socket" => "$D/run/one.sock", "check-local" => "disable" ) ) )
	EOF
	start "$D/logs/one.out" lighttpd -D -f "$D/run/one.conf"
	url=http://127.0.0.1:$((PORT + 3))/instagram/webhook
	answers "$url" $! "$(start_of $!)"
	timeout 180 "$D/bin/load" -u "$url" -c 1 -n $((n / 10)) -s "$SECRET" >/dev/null
	q=$(of "$D/bin/webhook.fcgi" "$p" | head -n 1)
	M[one_warm]=$(mem "${q:-$p}")
	timeout 180 "$D/bin/load" -u "$url" -c 4 -n "$n" -s "$SECRET" >/dev/null
	M[one_after]=$(mem "${q:-$p}")
	stop $!; stop "$p"
}
skip memory || memory

# --- cold, instructions, spool, poll --------------------------------------------------
# with a spool of its own: beside that of the servers it would hand over to their leader
sed "s|^DMBOX_SPOOL_DIR=.*|DMBOX_SPOOL_DIR=\"$D/run/alone\"|; s|dmbox.log|alone.log|" "$D/dmbox.env" >"$D/alone.env" && chmod 640 "$D/alone.env"
[ "${#AS[@]}" -eq 0 ] || chown "$PG_USER" "$D/alone.env"
cold=
if ! skip cold; then
	say 'cold start ...'
	for ((i = 0; i < 15; i++)); do
		DMBOX_CONFIG=$D/alone.env asuser timeout 20 "$D/bin/cold" 1 "$SECRET" "$D/bin/webhook.fcgi"
	done 2>>"$D/logs/cold.err" >"$D/cold"
	cold=$(cut -d' ' -f1 "$D/cold" | median)
fi
instructions=
if ! skip callgrind; then
	if command -v valgrind >/dev/null; then
		say 'instructions ...'
		instructions=$(DMBOX_CONFIG=$D/alone.env B=$B asuser timeout 240 bash "$HERE/instructions.sh" "$D/bin/cold" "$SECRET" "$D/bin/webhook.fcgi" "$D/run")
	else
		say 'instructions are left out: valgrind is missing'
	fi
fi
drained=
if ! skip drain; then
	say 'spool ...'
	asuser mkdir -p "$D/run/drain"
	for ((i = 0; i < 3; i++)); do
		asuser timeout 120 "$D/bin/store" drain "$CONN" "$D/run/drain" "${BENCH_DRAIN:-5000}"
	done >"$D/drain" 2>>"$D/logs/store.err"
	drained=$(cut -d' ' -f2 "$D/drain" | median) put=$(cut -d' ' -f1 "$D/drain" | median)
fi

polled=
poll() {
	local n=${BENCH_ACCOUNTS:-200} i s0 t0 c=$D/poll.env
	say "poll of $n accounts ..."
	for ((i = 1; i <= n; i++)); do
		printf 'INSTAGRAM_API_URL=http://127.0.0.1:%d/chatrace\nINSTAGRAM_ACCESS_TOKEN=%d.%s\nINSTAGRAM_USE_CHATRACE=true\nINSTAGRAM_WEBHOOK_SECRET=%s\n' \
		    $((PORT + 3)) $((2000000 + i)) "$(random_name 40)" "$(random_name 32)" >"$D/accounts200/a$i.env"
	done
	sed "s|^DMBOX_ACCOUNTS_DIR=.*|DMBOX_ACCOUNTS_DIR=\"$D/accounts200\"|; s|dmbox.log|poll.log|" "$D/dmbox.env" >"$c"
	echo 'INSTAGRAM_POLL_SECONDS=10' >>"$c"
	chmod 640 "$c" "$D"/accounts200/*
	[ "${#AS[@]}" -eq 0 ] || chown "$PG_USER" "$c" "$D"/accounts200/*
	cat >"$D/run/sim.conf" <<-EOF
	server.port = $((PORT + 3))
	server.bind = "127.0.0.1"
	server.document-root = "$D/run/fcgi"
	server.errorlog = "$D/logs/sim-error.log"
	server.modules = ( "mod_fastcgi" )
	fastcgi.server = ( "/" => ( "sim" => ( "bin-path" => "$D/bin/provider-sim",
	  "socket" => "$D/run/fcgi/sim", "max-procs" => 1, "check-local" => "disable", "disable-time" => 1 ) ) )
	EOF
	start "$D/logs/sim.out" lighttpd -D -f "$D/run/sim.conf"
	local sim=$!
	answers "http://127.0.0.1:$((PORT + 3))/_sim/webhooks" "$sim" "$(start_of "$sim")" || return 1
	curl -s -o /dev/null -X POST --data '{"path":"/messages/receive","auth":"X-ACCESS-TOKEN","shape":"array","messages":[{"senderId":"6500000000000001","messageId":"poll-1","text":"polled","timestamp":1763800000}]}' \
	    "http://127.0.0.1:$((PORT + 3))/_sim/chatrace/list"
	t0=$(date +%s)
	TIMEFORMAT='%U %S %R'
	{ time DMBOX_CONFIG=$c asuser timeout 120 taskset -c 0 "$D/bin/dmbox-poll" --window 60 >/dev/null 2>&1; } 2>"$D/poll.time"
	M[poll_accounts]=$(sql "select count(distinct account) from dmbox.poll_runs where account ~ '^a[0-9]+\$' and started_at >= to_timestamp($t0)")
	M[poll_checks]=$(sql "select coalesce(sum(1 + repeats), 0) from dmbox.poll_runs where account ~ '^a[0-9]+\$' and outcome <> 'failed'")
	M[poll_bad]=$(sql "select coalesce(sum(1 + repeats), 0) from dmbox.poll_runs where account ~ '^a[0-9]+\$' and outcome = 'failed'")
	M[poll_cpu]=$(awk '{ printf "%.1f", $1 + $2 }' "$D/poll.time")
	polled=1
	stop "$sim"
}
skip poll || poll || say 'the poll gave no figure'

# --- the table ------------------------------------------------------------------------
num() { [ -n "$1" ] && awk -v x="$1" 'BEGIN { printf (x < 100 ? "%.1f" : "%.0f"), x }' | sed ':a;s/\B[0-9]\{3\}\>/,&/;ta'; }
ratio() { awk -v a="${1:-0}" -v b="${2:-0}" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "-" }'; }
ms() { awk -v x="${1:-}" 'BEGIN { if (x == "" || x == "-") printf "-"; else printf "%.2f", x / 1000 }'; }
mb() { awk '{ printf "%.1f / %.1f / %.1f", $1 / 1024, $2 / 1024, $3 / 1024 }' <<<"${1:-}"; }
grow() { awk -v a="$1" -v b="$2" 'BEGIN { split(a, x); split(b, y); printf "%.2f", (y[3] - x[3]) / 1024 }'; }

row() {	# row TITLE CASE LIMIT-NAME LIMIT-CASE [WANTED-RATIO]
	local v l
	v=$(rate "$2") || return 0
	[ -n "$v" ] || return 0
	l=$(rate "$4")
	[ -n "$l" ] || return 0
	printf '| %s | %s | %s / %s | %s: %s | %s | %s |\n' "$1" "$(num "$v")" "$(ms "$(lat "$2" 2)")" "$(ms "$(lat "$2" 3)")" "$3" "$(num "$l")" "$(ratio "$v" "$l")" "${5:-}"
}
declare -A TITLE=([fcgid]='Apache mod_fcgid' [lighttpd]=lighttpd [nginx]=nginx) FRONT=([fcgid]='Apache' [lighttpd]=lighttpd [nginx]=nginx)
# failed CASE: answers other than 200, in the worst round
failed() { [ ! -s "$D/r.$1" ] || cut -d' ' -f4 "$D/r.$1" | grep . | sort -g | tail -n 1; }
beside() {	# beside SERVER CONNECTIONS: dmbox and the peer
	local a=$1-$2 b=peer_$1-$2 v l
	v=$(rate "$a")
	[ -n "$v" ] || return 0
	l=$(rate "$b")
	printf '| %s, %s | %s | %s / %s | %s | %s | %s | %s / %s | %s | %s | %s |\n' "${TITLE[$1]}" "$2" "$(num "$v")" "$(ms "$(lat "$a" 2)")" \
	    "$(ms "$(lat "$a" 3)")" "$(failed "$a")" "${HELD[$a]:-}" "$(num "$l")" "$(ms "$(lat "$b" 2)")" "$(ms "$(lat "$b" 3)")" "$(failed "$b")" \
	    "${HELD[$b]:-}" "$(ratio "$v" "$l")"
}
# stated WHAT MEASURED RELATION WANTED: a line of the last table; nothing where nothing was measured
stated() {
	case $2 in ''|-) return 0;; esac
	printf '| %s | %s | %s %s | %s |\n' "$1" "$2" "$3" "$4" \
	    "$(awk -v a="$2" -v b="$4" -v r="$3" 'BEGIN { print (r == "≥" ? a >= b : a <= b) ? "yes" : "**no**" }')"
}
# most CASE...: connections held, the most of them
most() { for c in "$@"; do echo "${HELD[$c]:-}"; done | grep . | sort -g | tail -n 1; }
{
	echo "Measured on $(nproc) cores shared by clients, web server, dmbox and PostgreSQL ($(uname -m)); \`fsync\` and \`synchronous_commit\` on;"
	echo "medians of $rounds interleaved rounds of $SECS s, each begun with empty tables; each delivery a new message: ledger,"
	echo "contact and message rows."
	echo
	echo '| deliveries/s | dmbox | p50 / p99 ms | limit in the same run | ratio | wanted |'
	echo '|---|---:|---:|---|---:|---:|'
	declare -A W=([empty-32]=0.45 [pg-1]=0.70 [pg-32]=1.00 [nginx-1]=0.90 [nginx-8]=0.90 [nginx-32]=0.90)
	for n in 1 8 32; do row "lighttpd, $n connections" "lighttpd-$n" 'empty FastCGI program' "lighttpd_empty-$n" "${W[empty-$n]:-}"; done
	for n in 1 8 32; do row "lighttpd, $n connections" "lighttpd-$n" "pgbench, same statement, $n clients" "pgbench-$n" "${W[pg-$n]:-}"; done
	for n in 1 8 32; do row "nginx, $n connections" "nginx-$n" "lighttpd" "lighttpd-$n" "${W[nginx-$n]:-}"; done
	for n in 1 8 32; do row "Apache mod_fcgid, $n connections" "fcgid-$n" 'empty program' "fcgid_empty-$n" "${W[fcgid-$n]:-}"; done
	for n in 1 8 32; do row "Apache mod_fcgid, $n connections" "fcgid-$n" "pgbench, same statement, $n clients" "pgbench-$n"; done
	for n in 1 8 32; do row "Apache proxy_fcgi, $n connections" "proxy-$n" 'empty program' "proxy_empty-$n"; done
	for n in 1 8; do row "Apache, plain CGI, $n connections" "cgi-$n" 'empty program' "cgi_empty-$n"; done
	row 'messages/s in posts of 1000' many 'same statement alone, one connection' array 0.60
	echo
	if [ -n "$have_peer" ]; then
		echo 'Beside a peer in the same rounds: Fastify with two workers and a plain schema of its own (delivery,'
		echo 'contact, message; no ledger of refusals, no search, no log), behind the same servers.  Failed: answers'
		echo 'other than 200 in the worst round.  Held: sessions in PostgreSQL, at their most.'
		echo
		echo '| server, connections | dmbox/s | p50 / p99 ms | failed | held | peer/s | p50 / p99 ms | failed | held | ratio |'
		echo '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|'
		for c in $SERVERS; do for n in $LOADS; do beside "$c" "$n"; done; done
	else
		echo "The peer was left out: $(head -n 1 "$D/logs/peer.why" 2>/dev/null)"
	fi
	echo
	[ -z "$cost_lighttpd" ] || echo "Processor time of one delivery, µs: lighttpd with 32 connections: $cost_lighttpd."
	[ -z "$cost_fcgid" ] || echo "Apache mod_fcgid with 8 connections: $cost_fcgid."
	echo
	echo '| | measured | wanted |'
	echo '|---|---:|---:|'
	[ -z "$drained" ] || echo "| spool drained, deliveries/s (made durable as files: $(num "$put")/s) | $(num "$drained") | |"
	[ -z "$polled" ] || echo "| accounts polled within one minute on one core | ${M[poll_accounts]} (${M[poll_checks]} checks, ${M[poll_bad]} failed, ${M[poll_cpu]} s of processor time) | ${BENCH_ACCOUNTS:-200} |"
	if [ -n "${M[fcgid_idle]:-}" ]; then
		echo "| webhook idle under mod_fcgid beside $((M[fcgid_siblings] - 1)) siblings, RSS / PSS / anonymous MB | $(mb "${M[fcgid_idle]}") | 11 / 3 / 2 |"
		echo "| webhook of 8 threads, idle | $(mb "${M[threads_idle]}") | 11 / - / 2 |"
		echo "| ... after ${M[deliveries]} deliveries; growth of anonymous memory since a tenth of them | $(mb "${M[threads_after]}"); $(grow "${M[threads_warm]}" "${M[threads_after]}") | 1 |"
		echo "| webhook of one thread after as many; growth | $(mb "${M[one_after]}"); $(grow "${M[one_warm]}" "${M[one_after]}") | 1 |"
		for q in send check-messages status inbox; do echo "| $q idle | $(mb "${M[$q]}") | 16 / - / - |"; done
	fi
	[ -z "$cold" ] || echo "| first answer of a cold process, with its database connection, ms | $(ms "$cold") | 25 |"
	[ -z "$instructions" ] || echo "| instructions a delivery | $(num "$instructions") | 147,300 |"
	echo
	echo '| stated | measured | wanted | reached |'
	echo '|---|---:|---:|---|'
	declare -A S=([fcgid-1]=1.00 [fcgid-8]=1.15 [fcgid-32]=1.30 [lighttpd-1]=1.00 [lighttpd-8]=1.60 [lighttpd-32]=2.50)
	for c in fcgid lighttpd; do
		for n in 1 8 32; do
			stated "${TITLE[$c]}, $n connections: times the peer behind ${FRONT[$c]}" "$(ratio "$(rate "$c-$n")" "$(rate "peer_$c-$n")")" ≥ "${S[$c-$n]}"
		done
	done
	stated "Apache mod_fcgid, 32 connections: p99, ms (where an fsync takes < 2 ms)" "$(ms "$(lat fcgid-32 3)")" ≤ 100
	stated "Apache mod_fcgid, 64 connections: answers other than 200" "$(failed fcgid-64)" ≤ 0
	stated "Apache mod_fcgid: sessions in PostgreSQL, at any load" "$(most fcgid-1 fcgid-8 fcgid-32 fcgid-64)" ≤ 2
	stated 'posts of 1000 items: messages/s, times a bare array insert' "$(ratio "$(rate many)" "$(rate bare)")" ≥ 0.40
	stated 'a process under mod_fcgid, PSS MB' "$(awk 'NF { printf "%.1f", $2 / 1024 }' <<<"${M[fcgid_idle]:-}")" ≤ 2.1
	stated 'instructions a delivery, thousands' "$(awk -v x="$instructions" 'BEGIN { if (x) printf "%.1f", x / 1000 }')" ≤ 147.3
} | tee "$OUT"
say "written to $OUT"
