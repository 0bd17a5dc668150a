# Shared by run.sh and the end-to-end tests: processes, ports, files, server
# configurations.  Sourced by bash; AS is the array that becomes the run user
# (empty: we are it), ROOT the checkout.

APACHE_MODULES=${APACHE_MODULES:-/usr/lib/apache2/modules}
AS=()
asuser() { "${AS[@]}" "$@"; }

# spawn LOG PROGRAM...: in the background, in a session of its own, with default
# signals (bash makes its children ignore SIGINT), without our lock; pid in $!.
spawn() {
	local log=$1
	shift
	setsid env --default-signal "${AS[@]}" bash -c 'exec >>"$0" 2>&1 </dev/null; exec "$@"' \
	    "$log" "$@" 9>&- &
	born $!
}

# nap SECONDS: a sleep that a trapped signal ends at once
nap() {
	sleep "$1" 9>&- &
	wait $!
}

# look_at PID: START is its start time (clock ticks since boot), "" if it is gone.  It starts
# no process, because a Ctrl-C that comes while bash waits for one that ends well is lost.
look_at() {
	local s
	START=
	{ read -r s <"/proc/$1/stat"; } 2>/dev/null || return 0
	s=${s##*) }
	set -- $s
	[ "$1" = Z ] || START=${20}
}
# start_of PID: the same, printed
start_of() {
	look_at "$1"
	printf %s "$START"
}
# alive PID START: is it still that process?
alive() {
	[ -n "$1" ] && [ -n "$2" ] || return 1
	look_at "$1"
	[ "$START" = "$2" ]
}
# Numbers of processes come round quickly where many tests run: a signal goes only to the
# process that was noted, never to another one that has its number by now.
# born PID: note it.  signal NAME PID: to it, where it is still there
declare -A BORN
born() { look_at "$1"; BORN[$1]=$START; }
signal() { alive "$2" "${BORN[$2]:-}" && kill "-$1" "$2" 2>/dev/null; }
# gone_within SECONDS PID: of a user's patience; a test has PATIENCE times as much, for it
# waits for what must come and never judges how long that took
gone_within() {
	local i n=$(($1 * 20 * ${PATIENCE:-1}))
	for ((i = 0; i < n; i++)); do
		look_at "$2"
		[ -n "$START" ] || return 0
		sleep 0.05
	done
	return 1
}
# end_now PID SIGNAL: at once, and SIGNAL to its children.  It goes before they do, or
# by their end: bash would report a child of its own that was killed.
end_now() {
	local p kids
	kids=$(pgrep -s "$1")
	kill -TERM "$1"
	for p in $kids; do [ "$p" = "$1" ] || kill "-$2" "$p" 2>/dev/null; done
	gone_within 1 "$1" && return 0
	for p in $kids; do [ "$p" = "$1" ] || kill -KILL "$p" 2>/dev/null; done
	gone_within 5 "$1" || kill -KILL "$1"
}
# sweep SESSION [START]: end what is left of a session that we began
sweep() {
	local p left now
	now=$(start_of "$1")
	[ -z "$now" ] || [ "$now" = "${2:-${BORN[$1]:-}}" ] || return 0
	left=$(pgrep -s "$1" 2>/dev/null) || return 0
	for p in $left; do kill -TERM "$p" 2>/dev/null; done
	for p in $left; do gone_within 5 "$p" || kill -KILL "$p" 2>/dev/null; done
}

port_used() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port: a port of 127.0.0.1 where nothing listens and that no other script of
# ours has, of any user: stacks begin side by side, and each chooses long before it
# listens.  A port is ours until this shell ends: a file says so, with its pid and start.
# DMBOX_TEST_PORTS: the first of the 11000 to choose from; a root folder (tests/matrix)
# sees the same ports, but not these files, and takes others.
PORTS=/tmp/dmbox-ports
free_port() {
	local p i pid start
	mkdir -m 1777 "$PORTS" 2>/dev/null
	(umask 0; set -C; : >"$PORTS/lock") 2>/dev/null
	(
		flock 8
		for ((i = 0; i < 500; i++)); do
			p=$((${DMBOX_TEST_PORTS:-21000} + (RANDOM * 32768 + RANDOM) % 11000))
			pid='' start=''
			[ ! -e "$PORTS/$p" ] || read -r pid start <"$PORTS/$p"
			! alive "$pid" "$start" && ! port_used "$p" || continue
			rm -f "$PORTS/$p" 2>/dev/null	# what another user left: another port
			[ ! -e "$PORTS/$p" ] && echo "$$ $(start_of $$)" >"$PORTS/$p" && echo "$p" && exit
		done
		exit 1
	) 8<"$PORTS/lock"
}
# ports_back: at the end of the script
ports_back() {
	local f pid start
	for f in "$PORTS"/[0-9]*; do
		{ read -r pid start <"$f"; } 2>/dev/null && [ "$pid" = $$ ] && rm -f "$f"
	done
}

# sim_up PORT RUN DATA BIN CONFIG META WEB: the provider simulator behind a lighttpd of its own, by
# the secrets of two configuration files; its webhooks go to WEB, its pid is $!
sim_up() {
	put_file "$2/sim.conf" 600 <<-EOF
	server.port = $1
	server.bind = "127.0.0.1"
	server.document-root = "$2/fcgi"
	server.errorlog = "$3/logs/sim-error.log"
	server.modules = ( "mod_fastcgi" )
	server.stream-response-body = 1
	server.max-request-size = 131072
	server.max-keep-alive-idle = 30
	server.upload-dirs = ( "$2/fcgi" )
	mimetype.assign = ( ".jpg" => "image/jpeg", ".png" => "image/png", ".webp" => "image/webp",
	  ".ogg" => "audio/ogg", ".wav" => "audio/wav", ".mp4" => "video/mp4",
	  ".pdf" => "application/pdf", "" => "application/octet-stream" )
	\$HTTP["url"] =~ "^/files/" { server.document-root = "$3/sim" }
	else \$HTTP["url"] !~ "^/files/" {
	fastcgi.server = ( "/" => ( "sim" => ( "bin-path" => "$4/sim/provider-sim",
	  "socket" => "$2/fcgi/sim", "max-procs" => 1, "check-local" => "disable",
	  "disable-time" => 1, "fix-root-scriptname" => "enable" ) ) )
	}
	EOF
	SIM_CHATRACE_TOKENS=$(conf_get "$5" INSTAGRAM_ACCESS_TOKEN) \
	SIM_GREEN_INSTANCE=$(conf_get "$5" WHATSAPP_ID_INSTANCE) \
	SIM_GREEN_TOKENS=$(conf_get "$5" WHATSAPP_API_TOKEN_INSTANCE) \
	SIM_GREEN_WEBHOOK_URL=$7/whatsapp/webhook \
	SIM_GREEN_WEBHOOK_TOKEN=$(conf_get "$5" WHATSAPP_WEBHOOK_TOKEN) \
	SIM_GRAPH_TOKENS=$(conf_get "$6" INSTAGRAM_ACCESS_TOKEN) \
	SIM_GRAPH_PAGE_ID=$(conf_get "$6" INSTAGRAM_PAGE_ID) \
	SIM_GRAPH_APP_SECRET=$(conf_get "$6" INSTAGRAM_APP_SECRET) \
	SIM_GRAPH_VERIFY_TOKEN=$(conf_get "$6" INSTAGRAM_VERIFY_TOKEN) \
	SIM_GRAPH_WEBHOOK_URL=$7/instagram/webhook/meta \
	SIM_URL=http://127.0.0.1:$1 \
		spawn "$3/logs/sim.log" lighttpd -D -f "$2/sim.conf"
}

# answers URL PID START: an HTTP answer within five minutes while the process lives
answers() {
	local end=$((SECONDS + 300))
	while [ "$SECONDS" -lt "$end" ]; do
		case $(curl -s -o /dev/null -m 30 -w '%{http_code}' "$1" 2>/dev/null) in
		000|'') ;;
		*) return 0 ;;
		esac
		alive "$2" "$3" || return 1
		nap 0.1
	done
	return 1
}

# conf_get FILE KEY: the last value of KEY, unquoted
conf_get() {
	[ -r "$1" ] || return 0
	awk -v key="$2" '
	{ sub(/^[ \t]*(export[ \t]+)?/, "") }
	index($0, key "=") == 1 {
		v = substr($0, length(key) + 2)
		sub(/[ \t\r]+$/, "", v); sub(/^[ \t]+/, "", v)
		if (v ~ /^".*"$/ || v ~ /^\047.*\047$/) v = substr(v, 2, length(v) - 2)
	}
	END { print v }' "$1"
}

# last_wins: of lines that set the same key the last one
last_wins() { tac | awk -F= '!/^[A-Z_0-9]+=/ || !seen[$1]++' | tac; }

# put_file PATH MODE <content: whole or not at all, as the run user
put_file() {
	local err
	err=$(asuser bash -c 'umask 077; cat >"$0.new" && chmod "$1" "$0.new" && mv -f "$0.new" "$0"' "$1" "$2" 2>&1) &&
		return 0
	die "cannot write $1: ${err##*: }"
}

random_name() { head -c 8192 /dev/urandom | LC_ALL=C tr -dc 'A-Za-z0-9' | head -c "$1"; }
url_path() {	# everything but unreserved as %XX
	local LC_ALL=C s=$1 i c
	for ((i = 0; i < ${#s}; i++)); do
		c=${s:i:1}
		case $c in [A-Za-z0-9._~-]) printf %s "$c";; *) printf '%%%02X' "'$c";; esac
	done
}

# last_error FILE...: the last telling line, without its time stamp
last_error() {
	local f line
	for f in "$@"; do
		[ -r "$f" ] || continue
		line=$(grep -aE 'FATAL|ERROR|emerg|crit|error|denied|failed|in use|cannot|No space|AH00' "$f" | tail -n 1)
		[ -z "$line" ] || { printf '%s (more in %s)' "$line" "$f"; return; }
	done
	printf 'see %s' "$1"
}

# --- PostgreSQL ---------------------------------------------------------------------

# pg_bindir DATA: the programs of the cluster's version, or the newest, 12 at least;
# else a sentence and status 1
pg_bindir() {
	local v d best=0
	if [ -r "$1/PG_VERSION" ] || v=$(asuser cat "$1/PG_VERSION" 2>/dev/null); then
		v=${v:-$(cat "$1/PG_VERSION")}
		for d in "/usr/lib/postgresql/$v/bin" /usr/local/pgsql/bin; do
			[ -x "$d/postgres" ] && { echo "$d"; return 0; }
		done
		echo "the data in $1 need PostgreSQL $v: install the package postgresql-$v, or choose another STATE="
		return 1
	fi
	for d in /usr/lib/postgresql/*/bin; do
		v=${d#/usr/lib/postgresql/} v=${v%/bin}
		case $v in *[!0-9]*) continue;; esac
		[ -x "$d/initdb" ] && [ "$v" -ge 12 ] && [ "$v" -gt "$best" ] && best=$v
	done
	[ "$best" -gt 0 ] && { echo "/usr/lib/postgresql/$best/bin"; return 0; }
	echo "the package postgresql is missing: run 'make deps'"
	return 1
}

# pg_running DATA: the postmaster's pid, by whichever user it was started; "" if none
pg_running() {
	local p
	{ read -r p <"$1/postmaster.pid"; } 2>/dev/null || return 0
	case $p in ''|*[!0-9]*) return 0;; esac
	[ "$(readlink "/proc/$p/cwd" 2>/dev/null)" = "$1" ] && printf %s "$p"
	return 0
}

# --- server configurations ------------------------------------------------------------

# fill FILE NAME=VALUE...: the file with each @NAME@ replaced
fill() {
	local text v
	text=$(cat "$1"; echo .)
	text=${text%.}
	shift
	for v in "$@"; do text=${text//"@${v%%=*}@"/"${v#*=}"}; done
	printf %s "$text"
}

# lighttpd_conf PORT CGI WEB RUN CONFIG LOGS THREADS: what make install ships, in a
# server of its own; the tick file is looked for in RUN/tick (DMBOX_TICK_DIR)
lighttpd_conf() {
	cat <<-EOF
	server.port = $1
	server.bind = "127.0.0.1"
	server.document-root = "$4/fcgi"
	server.errorlog = "$6/error.log"
	server.modules = ( "mod_accesslog" )
	accesslog.filename = "$6/access.log"
	accesslog.format = "%h %V %u %t \"%m %U\" %>s %b %D"
	server.upload-dirs = ( "$4/fcgi" )
	server.max-fds = 4096
	server.max-connections = 2048
	$([ ! -e /usr/lib/lighttpd/mod_deflate.so ] || echo 'server.modules += ( "mod_deflate" )')
	EOF
	fill "$ROOT/apache/lighttpd.conf" "CGI=$2" "WEB=$3" "TICK=$4/tick" "RUN=$4/fcgi" "CONFIG=$5" "THREADS=$7" "SHARE=."
}

apache_modules() {
	local m
	for m in mpm_event unixd authz_core alias dir mime log_config env headers filter deflate "$@"; do
		[ ! -e "$APACHE_MODULES/mod_$m.so" ] || echo "LoadModule ${m}_module $APACHE_MODULES/mod_$m.so"
	done
}

# apache_conf PORT CGI WEB RUN CONFIG LOGS
apache_conf() {
	cat <<-EOF
	ServerRoot "$4"
	DefaultRuntimeDir "$4/fcgi"
	PidFile "$4/apache.pid"
	ServerName 127.0.0.1
	Listen 127.0.0.1:$1
	$(apache_modules fcgid)
	ErrorLog "$6/error.log"
	LogLevel warn
	TypesConfig /etc/mime.types
	DocumentRoot "$4/fcgi"
	GracefulShutdownTimeout 40
	Timeout 60
	ServerLimit 4
	ThreadsPerChild 64
	MaxRequestWorkers 256
	ServerTokens Prod
	TraceEnable off
	Suexec Off
	FcgidIPCDir "$4/fcgi"
	FcgidProcessTableFile "$4/fcgid_shm"
	FcgidMaxProcesses 100
	FcgidSpawnScoreUpLimit 100
	<Directory "/">
		Require all denied
		AllowOverride None
	</Directory>
	EOF
	fill "$ROOT/apache/dmbox.conf" "CGI=$2" "WEB=$3" "TICK=$4/tick" "CONFIG=$5" "SHARE=."
	echo "CustomLog \"$6/access.log\" dmbox"
}

# nginx_conf PORT WEB RUN LOGS: what make install ships, in a server of its own
nginx_conf() {
	cat <<-EOF
	daemon off;
	worker_processes 1;
	worker_rlimit_nofile 4096;
	pid "$3/nginx.pid";
	error_log "$4/error.log" warn;
	events { worker_connections 2048; }
	http {
	default_type application/octet-stream;
	client_body_temp_path "$3/nginx/body";
	proxy_temp_path "$3/nginx/proxy";
	fastcgi_temp_path "$3/nginx/fastcgi";
	uwsgi_temp_path "$3/nginx/uwsgi";
	scgi_temp_path "$3/nginx/scgi";
	log_format dmbox '\$remote_addr - \$remote_user [\$time_local] "\$request_method \$uri" \$status \$body_bytes_sent \$request_time';
	access_log "$4/access.log" dmbox;
	server_tokens off;
	keepalive_requests 1000000;
	server {
	listen 127.0.0.1:$1 backlog=1024;
	root "$3/nginx";
	EOF
	fill "$ROOT/nginx/dmbox.conf" "WEB=$2" "TICK=$3/tick" "RUN=$3/fcgi" "SHARE=." "LOG=access_log \"$4/access.log\" dmbox;"
	printf '}\n}\n'
}
# nginx_programs CGI RUN CONFIG THREADS: the script that keeps its programs running
nginx_programs() { fill "$ROOT/nginx/dmbox-fcgi" "CGI=$1" "RUN=$2/fcgi" "CONFIG=$3" "THREADS=$4" "USER=" "GROUP="; }
