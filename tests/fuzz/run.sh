#!/bin/bash
# Runs the fuzz targets of $B/fuzz, SECONDS in all, and says how each fared.
#
# usage: tests/fuzz/run.sh SECONDS [TARGET...]
# Found inputs stay in $B/fuzz-corpus/TARGET, crashes in $B/fuzz-crash/TARGET-*:
# a crash becomes a file of tests/fuzz/seeds/TARGET and a fix.
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build-fuzz}
seconds=${1:-60}
shift
[ $# -gt 0 ] || set -- $(for f in tests/fuzz/fuzz_*.c; do f=${f##*/fuzz_}; echo "${f%.c}"; done)
each=$((seconds / $#))
[ "$each" -gt 0 ] || each=1
bad=0 n=0 total=0
mkdir -p "$B/fuzz-crash"
log=$(mktemp) || exit 1
DMBOX_FUZZ_DIR=$(mktemp -d /dev/shm/dmbox-fuzz-XXXXXX 2>/dev/null || mktemp -d) || exit 1
export DMBOX_FUZZ_DIR
trap 'rm -rf "$log" "$DMBOX_FUZZ_DIR"' EXIT
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:handle_abort=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
for t in "$@"; do
	n=$((n + 1))
	corpus=$B/fuzz-corpus/$t seeds=$B/fuzz-seeds/$t
	rm -rf "$seeds"
	mkdir -p "$corpus" "$seeds"
	bash tests/fuzz/seeds.sh "$t" "$seeds"
	[ ! -d "tests/fuzz/seeds/$t" ] || cp -- tests/fuzz/seeds/"$t"/* "$seeds/"
	"$B/fuzz/fuzz_$t" -max_total_time="$each" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
	    -artifact_prefix="$B/fuzz-crash/$t-" -print_final_stats=1 -verbosity=1 \
	    "$corpus" "$seeds" >"$log" 2>&1 </dev/null
	rc=$?
	rm -rf "${DMBOX_FUZZ_DIR:?}"/*
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	cov=$(grep -aoE 'cov: [0-9]+' "$log" | tail -n 1)
	if [ "$rc" -eq 0 ]; then
		echo "ok $n - $t: ${runs:-0} runs in $each s, $cov"
	else
		bad=1
		echo "not ok $n - $t: status $rc"
		grep -aE 'ERROR|runtime error|does not hold|SUMMARY|Test unit written|    #[0-9] ' "$log" | head -n 25 | sed 's/^/# /'
	fi
	total=$((total + ${runs:-0}))
done
echo "# $total runs in $((each * $#)) s, $# targets"
exit $bad
