#!/bin/bash
# What one delivery costs our process, in instructions (a text message, callgrind):
# no clock and no busy neighbour changes it, so a slower hot path shows here.  Work that goes
# by the clock, not by deliveries, falls into one count and not the other: 400 deliveries lie
# between them (ten runs within 0.3 %; with 100 one run was 1 % off).  The libraries and the
# compiler count too: where they are not those of the record, a fifth more is allowed.
# Run by tests/db/run.sh with a database of its own.
set -u
RECORDED=141400 WITH='libc6 2.36, libjson-c5 0.16, libpq5 15, GCC 12, avx2'
root=${DMBOX_TEST_ROOT:?} B=${B:-build}
case $B in /*) ;; *) B=$root/$B;; esac
case $B in *-san|*-cov) echo 'ok # SKIP an instrumented build is not measured'; exit 0;; esac
command -v valgrind >/dev/null || { echo 'ok # SKIP valgrind is not here (make deps installs it)'; exit 0; }
T=$(mktemp -d /tmp/dmbox-instr-XXXXXX) || exit 1
trap 'rm -rf "$T"' EXIT
secret=0123456789abcdef0123456789abcdef
cat >"$T/dmbox.env" <<EOF
INSTAGRAM_API_URL=http://127.0.0.1:9/chatrace
INSTAGRAM_ACCESS_TOKEN=1000001.abcdefghijklmnopqrstuvwxyz0123456789
INSTAGRAM_USE_CHATRACE=true
INSTAGRAM_WEBHOOK_SECRET=$secret
DATABASE_URL="$DMBOX_TEST_DB"
JWT_SECRET=$secret$secret
DMBOX_PUBLIC_URL=http://127.0.0.1:9
DMBOX_SPOOL_DIR="$T/spool"
DMBOX_LOG_FILE="$T/dmbox.log"
EOF
chmod 640 "$T/dmbox.env"
version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null | sed -E 's/^([0-9]+:)?([0-9]+(\.[0-9]+)?).*/\2/'; }
pq=$(version libpq5)
here="libc6 $(version libc6), libjson-c5 $(version libjson-c5), libpq5 ${pq%%.*}"
here+=", GCC $(readelf -p .comment "$B/cgi-bin/webhook.fcgi" 2>/dev/null | sed -n 's/.*GCC: ([^)]*) \([0-9]*\)\..*/\1/p' | head -n 1)"
here+=", $(grep -m 1 -o avx2 /proc/cpuinfo || echo 'no avx2')"
per_cent=3
[ "$here" = "$WITH" ] || { echo "recorded with $WITH; here: $here"; per_cent=20; }
n=$(DMBOX_CONFIG=$T/dmbox.env bash "$root/tests/bench/instructions.sh" "$B/bench/cold" "$secret" "$B/cgi-bin/webhook.fcgi" "$T" 20 420) || {
	cat "$T/cold.err"; tail -n 5 "$T/dmbox.log"; exit 1; }
echo "$n instructions a delivery, recorded $RECORDED, $per_cent % more allowed"
[ -d "$T/spool/new" ] && [ -n "$(ls "$T/spool/new")" ] && { echo 'deliveries went to the spool: the figure is of another path'; exit 1; }
[ "$n" -gt 50000 ] && [ "$n" -le $((RECORDED * (100 + per_cent) / 100)) ] && echo "ok - $n instructions a delivery"
