# The words of the end-to-end tests.  A test is a bash script that sources this,
# says what is so with is/like/check, and ends by itself; the exit status and the
# lines "ok"/"not ok" are the result.  Everything lies in $T and goes with it.
set -u
export LC_ALL=C.UTF-8
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
B=${B:-build}
for v in $(compgen -e); do
	case $v in DMBOX_TEST_*) ;; DMBOX_*|INSTAGRAM_*|WHATSAPP_*|JWT_*|DATABASE_URL|PG*|MAKEFLAGS|MFLAGS|MAKELEVEL) unset "$v";; esac
done
T=$(mktemp -d /tmp/dmbox-e2e-XXXXXX) || exit 1
chmod 755 "$T"
tests=0 bad=0
STACKS=()		# sessions of make run
atexit=()		# commands

die() { echo "not ok $((tests + 1)) - $*"; bad=1; exit 1; }
. "$ROOT/tests/stack/lib.sh"
PATIENCE=6

ok() { tests=$((tests + 1)); echo "ok $tests - $1"; }
not_ok() { tests=$((tests + 1)); bad=1; echo "not ok $tests - $1"; shift; [ $# -eq 0 ] || printf '#   %s\n' "$@"; }
# is WHAT GOT WANT
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got:  $2" "want: $3"; fi; }
# like WHAT GOT REGEX
like() { if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "got:  $2" "want: $3"; fi; }
unlike() { if [[ $2 =~ $3 ]]; then not_ok "$1" "got:  $2" "unwanted: $3"; else ok "$1"; fi; }
# check WHAT COMMAND...
check() { local w=$1 o; shift; if o=$("$@" 2>&1); then ok "$w"; else not_ok "$w" "$* failed" "$o"; fi; }
# until_true SECONDS COMMAND...: the wait of a test, never an assertion of speed: on a
# machine that has other work a thing of 20 seconds takes minutes, so none is shorter
# than four, however few are named
until_true() {
	local end=$((SECONDS + ($1 < 240 ? 240 : $1)))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}

# tell_state: of a test that failed, what its output does not say: what waits in each spool, and the
# last lines of each log (which hold no secret); few, for a reader may see few
tell_state() {
	local d f
	find "$T/" -type d -path '*/spool/new' -prune 2>/dev/null | while read -r d; do
		d=${d%/new}
		echo "# ${d#"$T/"}: $(find "$d/new" -type f | wc -l) wait, $(find "$d/cur" -type f | wc -l) claimed, $(find "$d/bad" -type f | wc -l) quarantined"
	done | head -n 4
	find "$T/" -type f \( -name dmbox.log -o -name error.log \) -size +0 -printf '%T@ %p\n' 2>/dev/null | sort -rn | head -n 2 | while read -r _ f; do
		tail -n 3 "$f" | cut -c 1-200 | sed "s|^|# ${f#"$T/"}: |"
	done
}
goodbye() {
	local rc=$? s c
	trap - EXIT
	[ "$bad" -eq 0 ] || tell_state
	for c in "${atexit[@]}"; do eval "$c"; done
	for s in "${STACKS[@]}"; do stack_end "$s" TERM; done
	ports_back
	if [ "$bad" -ne 0 ] && [ -n "${KEEP:-}" ]; then
		echo "# kept: $T"
	else
		rm -rf "$T"
	fi
	[ "$rc" -ne 0 ] || rc=$bad
	exit "$rc"
}
trap goodbye EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# stack_begin [VAR=VALUE...]: make run in a session of its own; sets STACK, waits
# for its ready line.  PORT and STATE are chosen where not given.  Returns 1, with
# the output in $OUT, where it ends instead.
stack_begin() {
	local v
	PORT='' STATE=''
	for v in "$@"; do case $v in PORT=*) PORT=${v#*=};; STATE=*) STATE=${v#*=};; esac; done
	[ -n "$PORT" ] || { PORT=$(free_port); set -- "$@" "PORT=$PORT"; }
	[ -n "$STATE" ] || { STATE=$T/state-$PORT; set -- "$@" "STATE=$STATE"; }
	OUT=$T/run-$PORT-$RANDOM.out
	setsid env --default-signal make -s -C "$ROOT" run "B=$B" "$@" >"$OUT" 2>&1 </dev/null &
	STACK=$!
	STACKS+=("$STACK")
	born "$STACK"
	if until_true 600 eval 'grep -q "^dmbox ready: " "$OUT" || ! kill -0 $STACK' && kill -0 "$STACK" 2>/dev/null; then
		URL=http://127.0.0.1:$PORT
		TOKEN=$(cat "$STATE/token")
		SECRET=$(conf_get "$STATE/dmbox.env" INSTAGRAM_WEBHOOK_SECRET)
		SIM=$(conf_get "$STATE/dmbox.env" INSTAGRAM_API_URL)
		SIM=${SIM%/chatrace}
		return 0
	fi
	return 1
}
# stack [VAR=VALUE...]: the same, and the test ends where it fails
stack() { stack_begin "$@" || die "make run: $(tail -n 5 "$OUT")"; }
# stack_end [SESSION [SIGNAL]]: to make, as an operator would; waits for the end
stack_end() {
	local s=${1:-$STACK} sig=${2:-TERM}
	if ! alive "$s" "${BORN[$s]:-}"; then wait "$s" 2>/dev/null; return 0; fi
	if [ "$sig" = INT ]; then kill -INT -- "-$s"; else kill -"$sig" "$s"; fi 2>/dev/null
	wait "$s" 2>/dev/null
	[ -z "$(pgrep -s "$s")" ] || gone_within 60 "$(pgrep -s "$s" | head -n 1)"
}

q() { "$STATE/psql" -XqAtc "$1"; }

# req METHOD PATH [curl arguments]: CODE, BODY and HEAD (headers in lower case)
req() {
	local m=$1 p=$2
	shift 2
	CODE=$(curl -s -m 300 -o "$T/body" -D "$T/head" -w '%{http_code}' -X "$m" "$@" "$URL$p")
	BODY=$(tr -d '\0' <"$T/body" 2>/dev/null)
	HEAD=$(tr -d '\r' <"$T/head" 2>/dev/null | tr 'A-Z' 'a-z')
	: >"$T/body"
	[[ "$m $p" != POST\ */webhook* || -n ${SPOOLS:-} || $BODY != *'"spooled":true'* ]] || became
}
# became: a machine that has other work took over two seconds for the statement, so that the
# delivery went to the spool.  When it is stored from there, BODY says what the ledger says of
# it.  (SPOOLS=1 before req or hook: the test wants it there.  CRON: what drains it where no
# program stays.)
became() {
	local id
	id=$(j .requestId)
	until_true 60 from_spool "$id" || return 0
	BODY=$(jq -c --argjson ledger "$LEDGER" '. + $ledger + {spooled: false}' <<<"$BODY")
	echo "# request $id: the database was slow; stored by way of the spool"
}
from_spool() {
	local ask=q
	! declare -F dbq >/dev/null || ask=dbq
	eval "${CRON:-:}"
	LEDGER=$($ask "select json_build_object('received', items, 'stored', stored, 'duplicates', duplicates + weak_duplicates, 'ignored', ignored)
		from dmbox.deliveries where request_id = '${1//\'/}' and source = 'spool' order by id desc limit 1") && [ -n "$LEDGER" ]
}
# hook BODY [curl arguments]: a Chatrace delivery with the right secret
hook() {
	local b=$1
	shift
	req POST /instagram/webhook -H "X-Webhook-Secret: $SECRET" -H 'Content-Type: application/json' --data-binary "$b" "$@"
}
# api METHOD PATH [BODY]: with the token
api() {
	if [ $# -gt 2 ]; then
		req "$1" "$2" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' --data-binary "$3"
	else
		req "$1" "$2" -H "Authorization: Bearer $TOKEN"
	fi
}
# j FILTER: of BODY
j() { jq -r "$1" <<<"$BODY" 2>/dev/null; }
# sim PATH [JSON]: the simulator's control API
sim() {
	if [ $# -gt 1 ]; then curl -s -m 300 -X POST --data-binary "$2" "$SIM/_sim/$1"; else curl -s -m 300 "$SIM/_sim/$1"; fi
}
# number KEY GOT: one of the inbox page's numbers (numbers-table.js)
number() { mkdir -p "$ROOT/$B/inbox" && printf '%s\t%s\t%s\n' "$1" "${WHERE:-lighttpd}" "$2" >>"$ROOT/$B/inbox/$(basename "$0").rows"; }
msg() { printf '{"senderId":"%s","messageId":"%s","text":"%s","username":"u%s","timestamp":1731499200}' "$1" "$2" "$3" "$1"; }

# pids_under FOLDER: processes that hold a file, a folder or a program there.  (The folder is in
# no argument of those that look, and they are few: many processes run beside this test.)
pids_under() {
	{
		ls -ld /proc/[0-9]*/cwd /proc/[0-9]*/exe 2>/dev/null | UNDER=$1 awk '
			(i = index($0, " -> ")) && index(substr($0, i), ENVIRON["UNDER"]) {
				$0 = substr($0, 1, i); sub(/.*\/proc\//, ""); sub(/\/.*/, ""); print }'
		grep -laF -f <(printf '%s\n' "$1") /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3
	} | sort -nu | grep -vx -e "$$" -e "$BASHPID"
}
# left_under FOLDER: those that do not end by themselves
left_under() {
	local end=$((SECONDS + 240))
	while [ -n "$(pids_under "$1")" ] && [ "$SECONDS" -lt "$end" ]; do sleep 0.1; done
	pids_under "$1"
}
# connections PORT: clients whose connection a server of ours accepted and whose bytes it read
connections() {
	awk -v port="$(printf ':%04X$' "$1")" '$2 ~ port && $4 == "01" && $5 ~ /:00000000$/ && $10 != 0 { n++ } END { print n + 0 }' /proc/net/tcp
}
# locked TABLE: somebody holds it for himself alone
locked() {
	[ "$(q "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted and relation = '$1'::regclass")" = 1 ]
}
# pg_again: start the stack's PostgreSQL by its own argv, as its user
pg_argv() { tr '\0' '\n' <"/proc/$(pg_running "$(realpath "$STATE")/pg/data")/cmdline"; }
as_owner() {	# as_owner FILE COMMAND...
	local u
	u=$(stat -c %U "$1")
	shift
	if [ "$(id -un)" = "$u" ]; then "$@"; else setpriv "--reuid=$u" "--regid=$(id -g "$u")" --init-groups -- "$@"; fi
}

# doc_blocks FILE: its code blocks as files $T/block.N; one line a block, "N KIND": the
# word of the comment before it (run, answer, hosting), else the language of its fence
doc_blocks() {
	awk -v to="$T/block." '
	/^ *<!-- [a-z]+ -->$/ && !inside { mark = $2; next }
	/^ *```/ {
		if (inside) { inside = 0; close(f); next }
		indent = match($0, /`/) - 1
		kind = mark != "" ? mark : substr($0, indent + 4)
		f = to (++n); inside = 1; mark = ""
		printf "" >f
		print n, (kind == "" ? "plain" : kind)
		next
	}
	inside { sub("^ {0," indent "}", ""); print >f; next }
	!/^ *$/ { mark = "" }' "$1"
}
