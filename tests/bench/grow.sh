#!/bin/bash
# Growth: what ingest, a page of a conversation, the list and the stats cost when
# there is much, what a message takes on the disk, and how a month is dropped.
#
#   GROW_MESSAGES=20000000 GROW_SECONDS=10 bash tests/bench/grow.sh	(default 200000, 3)
#   BENCH_PORT=22210   LEAST=0.85: exit 1 where ingest falls below that share of the empty rate
#
# One contact for ten messages; one delivery a message, over the last six months.
#
#   GROW_BY=posts	fills by the webhook alone (arrays of 500 messages, 4 senders) while dmbox-poll runs
#			each minute: no row and no upkeep is made by hand.  One conversation gets
#			GROW_THREAD messages (100000, a tenth of all at most).  20 million take about 50 GB and hours:
#			    GROW_BY=posts GROW_MESSAGES=20000000 nice -n 19 bash tests/bench/grow.sh
set -u
export LC_ALL=C.UTF-8
HERE=$(cd "$(dirname "$0")" && pwd -P)
cd "$HERE/../.." || exit 1
ROOT=$PWD B=${B:-build}
case $B in /*) ;; *) B=$ROOT/$B;; esac
N=${GROW_MESSAGES:-200000} SECS=${GROW_SECONDS:-3} BY=${GROW_BY:-copy} THREAD=${GROW_THREAD:-100000} PORT=${BENCH_PORT:-22210}
for v in $(compgen -e); do
	case $v in DMBOX_*|INSTAGRAM_*|WHATSAPP_*|JWT_*|DATABASE_URL|PG*|MAKEFLAGS|MFLAGS|MAKELEVEL) unset "$v";; esac
done
. tests/stack/lib.sh
. tests/stack/pg.sh
die() { echo "grow: $*" >&2; exit 1; }
say() { printf '%s\n' "$*" >&2; }
D=$(mktemp -d /tmp/dmbox-grow-XXXXXX) || exit 1
chmod 755 "$D"
web=
goodbye() {
	trap - EXIT; trap '' INT TERM HUP
	[ -z "$web" ] || { kill -TERM "$web" 2>/dev/null; gone_within 5 "$web"; sweep "$web"; }
	pg_remove "$D"
	rm -rf "$D"
}
trap goodbye EXIT
trap 'exit 130' INT TERM
[ "$(id -u)" -ne 0 ] || { AS=(setpriv "--reuid=$PG_USER" "--regid=$(id -g "$PG_USER")" --init-groups --); chown "$PG_USER" "$D"; }

printf 'max_wal_size = 8GB\nmaintenance_work_mem = 256MB\n' >"$D/pg.extra"
export PG_EXTRA=$D/pg.extra PG_SHARED_BUFFERS=${GROW_BUFFERS:-512MB}
pg_init "$D" && pg_start "$D" || die 'PostgreSQL does not start'
pg_psql "$D" -d postgres -c 'create database bench' || exit 1
sock=$(pg_socket_dir "$D")
sql() { pg_psql "$D" -d bench -At -c "$1"; }
mkdir -p "$D/bin" "$D/run/fcgi" "$D/logs"
cp "$B/dmbox" "$B/dmbox-poll" "$B"/cgi-bin/*.fcgi "$D/bin/" && cp -R sql "$D/sql" && chmod -R a+rX "$D/bin" "$D/sql" || exit 1
cat >"$D/dmbox.env" <<EOF
INSTAGRAM_API_URL=http://127.0.0.1:9/chatrace
INSTAGRAM_ACCESS_TOKEN=1000001.$(random_name 40)
INSTAGRAM_WEBHOOK_SECRET=$(random_name 32)
DATABASE_URL=postgresql://postgres@/bench?host=$(url_path "$sock")&port=5432
JWT_SECRET=$(random_name 48)
DMBOX_LOG_FILE="$D/logs/dmbox.log"
EOF
chmod 640 "$D/dmbox.env"
[ "${#AS[@]}" -eq 0 ] || chown -R "$PG_USER" "$D/run" "$D/logs" "$D/dmbox.env"
export DMBOX_CONFIG=$D/dmbox.env
(cd "$D" && asuser "$D/bin/dmbox" migrate) >"$D/logs/migrate.log" 2>&1 || { cat "$D/logs/migrate.log" >&2; exit 1; }

pg_psql "$D" -d postgres -c 'create database empty template bench' || die 'the empty tables cannot be made'

# ingest rate, 8 clients
ingest() {
	"$(pg_bin)/pgbench" -h "$sock" -p 5432 -U postgres -n -M prepared -f "$HERE/one.sql" -c 8 -j 2 -T "$SECS" "$1" 2>/dev/null |
	    awk '/^tps/ { print $3 }'
}

serve() {
	lighttpd_conf "$PORT" "$D/bin" "$D/run" "$D/run" "$D/dmbox.env" "$D/logs" 8 >"$D/run/lighttpd.conf"
	spawn "$D/logs/web.out" lighttpd -D -f "$D/run/lighttpd.conf"
	web=$!
	answers "http://127.0.0.1:$PORT/health" "$web" "$(start_of "$web")" || die 'lighttpd did not start'
}
poll() { (cd "$D" && asuser "$D/bin/dmbox-poll" "$@") >>"$D/logs/poll.out" 2>&1 || die "dmbox-poll: $(tail -n 1 "$D/logs/poll.out")"; }

# --- by the product's own way ------------------------------------------------------------
# arrays FIRST STEP: every STEP-th array of 500 messages, a line each
arrays() {
	awk -v n="$N" -v first="$1" -v step="$2" -v thread="$THREAD" -v now="$(date +%s)" 'BEGIN {
		split("blue red green black white", colour, " ")
		every = int(n / thread); if (every < 1) every = 1
		for (a = first; a * 500 < n; a += step) {
			line = "["
			for (k = 0; k < 500 && a * 500 + k < n; k++) {
				i = a * 500 + k
				c = i % every == 0 ? 0 : 1 + i % int(n / 10)
				t = now - 15552000 + int(15552000 * i / n)
				who = "user" c
				line = line (k ? "," : "") "{\"" (i % 3 == 2 ? "direction\":\"outbound\",\"contact_id" : "senderId") "\":\"" sprintf("65000000%08d", c) "\",\"messageId\":\"g" i "\",\"text\":\"Good day, do you have this in " colour[1 + i % 5] "? Message " i "\",\"username\":\"" who "\",\"timestamp\":" t "}"
			}
			print line "]"
		}
	}'
}
sender() {
	local line code
	arrays "$1" 4 | while IFS= read -r line; do
		for try in 1 2 3 4 5; do
			code=$(printf %s "$line" | curl -s -o /dev/null -m 60 -w '%{http_code}' -X POST -H "X-Webhook-Secret: $SECRET" \
			    -H 'Content-Type: application/json' --data-binary @- "http://127.0.0.1:$PORT/instagram/webhook")
			[ "$code" != 200 ] || break
			sleep "$try"
		done
		[ "$code" = 200 ] || echo "a delivery was answered $code" >>"$D/refused"
	done
}
fill_by_posts() {
	local i pids=()
	SECRET=$(conf_get "$D/dmbox.env" INSTAGRAM_WEBHOOK_SECRET)
	[ "$THREAD" -le $((N / 10)) ] || THREAD=$((N / 10))
	serve
	: >"$D/loading"
	while [ -e "$D/loading" ]; do poll; done &
	keep=$!
	for i in 0 1 2 3; do sender "$i" & pids+=($!); done
	wait "${pids[@]}"
	rm -f "$D/loading"
	[ ! -e "$D/refused" ] || die "$(sort "$D/refused" | uniq -c | head -n 3)"
	[ "$(sql "select count(*) from dmbox.messages where external_id like 'g%'")" = "$N" ] || die "messages are missing"
	wait "$keep"
}

# --- or loaded by COPY ----------------------------------------------------------------------
fill_by_copy() {
sql "do \$\$ begin for i in 1 .. 6 loop
	execute format('create table if not exists dmbox.%I partition of dmbox.deliveries for values from (%L) to (%L)',
	    'deliveries_' || to_char(date_trunc('month', now()) - make_interval(months => i), 'YYYY_MM'),
	    date_trunc('month', now()) - make_interval(months => i), date_trunc('month', now()) - make_interval(months => i - 1));
end loop; end \$\$"
# move TABLE COLUMNS QUERY: through COPY
move() { sql "copy ($3) to stdout" | pg_psql "$D" -d bench -c "copy dmbox.$1 ($2) from stdin" || die "COPY into $1 failed"; }
step="interval '180 days' / $N"
start=$SECONDS
move contacts 'account, channel, external_id, username, username_at, last_inbound_at, last_at, created_at' \
    "select 'main', 'instagram', (6500000000000000 + i)::text, 'user' || i, t, t, t, now() - interval '180 days' from generate_series(1, $((N / 10))) i, lateral (select now() - interval '180 days' + $step * ($N - $((N / 10)) + i) as t) x"
local base
base=$(sql 'select min(id) from dmbox.contacts')
move deliveries 'id, delivery_uid, received_at, channel, account, source, request_id, remote_addr, content_type, headers, body, verdict, reason, items, stored' \
    "select i, gen_random_uuid(), now() - interval '180 days' + $step * i, 'instagram', 'main', 'webhook', 'aaaaaaaaaaaaaaaaaaaa', '127.0.0.1', 'application/json', '{\":path\":\"/instagram/webhook\",\"host\":\"127.0.0.1\",\"user-agent\":\"load\"}', convert_to('{\"senderId\":\"' || 6500000000000000 + i || '\",\"messageId\":\"g' || i || '\",\"text\":\"Good day, do you have this in blue? Message ' || i || '\",\"username\":\"user\",\"timestamp\":1763800000}', 'UTF8'), 'accepted', 'ok', 1, 1 from generate_series(1, $N) i"
move messages 'account, channel, provider, external_id, contact_id, sender_id, direction, kind, body, status, sent_at, sent_at_known, received_at, source, delivery_id' \
    "select 'main', 'instagram', 'chatrace', 'g' || md5(i::text), $base + (i + $((N / 10)) - 1) % $((N / 10)), (6500000000000001 + (i - 1) % $((N / 10)))::text, case when i % 3 = 0 then 'outbound' else 'inbound' end, 'text', 'Good day, do you have this in ' || (array['blue','red','green','black','white'])[1 + i % 5] || '? Message ' || i, case when i % 3 = 0 then 'sent' else 'received' end, now() - interval '180 days' + $step * i, true, now() - interval '180 days' + $step * i, 'webhook', i from generate_series(1, $N) i"
sql "select setval('dmbox.deliveries_id_seq', $N + 1)" >/dev/null
sql 'vacuum analyze' >/dev/null
}

say "loading $N messages, $((N / 10)) contacts ($BY) ..."
start=$SECONDS
"fill_by_$BY"
loaded=$((SECONDS - start))
size=$(sql "select pg_database_size('bench')")
# the words of so many at once would take the poller some of its turns
sql 'do $$ begin while dmbox.search_upkeep() > 0 loop commit; end loop; end $$'
# the counts of stats are the poller's work, and only its: it runs as cron starts it
for i in 1 2 3; do poll --once; done
say 'ingest into the full and the empty tables, in turn ...'
for i in 1 2 3 4 5; do ingest bench >>"$D/full"; ingest empty >>"$D/empty"; done
full=$(sort -g "$D/full" | sed -n 3p) empty=$(sort -g "$D/empty" | sed -n 3p)
for i in 1 2; do poll --once; done
folded=$(sql 'select round(100 * sum(inbound + outbound) / (select count(*) from dmbox.messages)) from dmbox.message_counts')

[ -n "$web" ] || serve
T=$(asuser "$D/bin/dmbox" token --sub bench --ttl 1h --scope 'read admin')
# page PATH: ms, median of 15
page() {
	local i
	for ((i = 0; i < 15; i++)); do
		curl -s -o "$D/answer" -m 60 -w '%{time_total} %{http_code}\n' -H "Authorization: Bearer $T" "http://127.0.0.1:$PORT/$1"
	done | awk '$2 == 200 { print $1 * 1000 }' | sort -g | sed -n 8p
}
c=$(sql "select contact_id from dmbox.messages where id = (select max(id) from dmbox.messages)")
long=$(sql "select id from dmbox.contacts where external_id = '6500000000000000'")
conv=$(page "instagram/messages?conversation=${long:-$c}&limit=50") list=$(page 'instagram/conversations?limit=50') stats=$(page instagram/stats)
search=$(page 'instagram/conversations?limit=50&q=user123') word=$(page 'instagram/conversations?limit=50&q=blue')
after=$(sql "select min(change_id) - 1 from (select change_id from dmbox.messages order by id desc limit 150) x")
changes=$(page "inbox/changes?after=${after:-0}") owner=$(page inbox/owner)
mid=$(sql "select sent_at from dmbox.messages where contact_id = ${long:-$c} order by sent_at limit 1 offset (select count(*) / 2 from dmbox.messages where contact_id = ${long:-$c})")
deep=$(page "instagram/messages?conversation=${long:-$c}&limit=50&before=$(sql "select id from dmbox.messages where contact_id = ${long:-$c} and sent_at = '$mid' limit 1")")

old=$(sql "select count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'dmbox.deliveries'::regclass and c.relname ~ '_[0-9]{4}_[0-9]{2}\$'")
t0=$(date +%s%N)
sql 'select dmbox.deliveries_expire(100, 100, 1)' >/dev/null
drop=$((($(date +%s%N) - t0) / 1000000))
left=$(sql "select count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'dmbox.deliveries'::regclass and c.relname ~ '_[0-9]{4}_[0-9]{2}\$'")
share=$(awk -v a="$full" -v b="$empty" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }')
cat <<EOF
| with $N messages, $(sql 'select count(*) from dmbox.contacts') contacts, a conversation of $(sql "select count(*) from dmbox.messages where contact_id = ${long:-$c}") (by $BY in $loaded s) | measured | wanted |
|---|---:|---:|
| ingest, single deliveries, 8 clients, in turn: empty $(printf %.0f "$empty")/s, full $(printf %.0f "$full")/s; share | $share | 0.95 |
| page of that conversation, newest; in its middle, ms | ${conv:--}; ${deep:--} | 20 |
| changes, 150 of them, ms | ${changes:--} | 20 |
| list of conversations, ms | ${list:--} | 20 |
| stats, ms (folded into counts by the poller: ${folded:-0} % of the messages) | ${stats:--} | 20 |
| search: a name; a word that every fifth message has, ms | ${search:--}; ${word:--} | 50 |
| the owner's page, ms; bytes | ${owner:--}; $(curl -s -H "Authorization: Bearer $T" "http://127.0.0.1:$PORT/inbox/owner" | wc -c) | 50; 30000 |
| disk a message with its delivery, contact share and indexes, bytes | $((size / N)) | |
| $((old - left)) months of the ledger dropped, ms | $drop | 1000 a month |
EOF
[ -z "${LEAST:-}" ] || awk -v a="$share" -v b="$LEAST" 'BEGIN { exit a < b }'
