#!/bin/bash
# Every seed through its target, once, without libFuzzer: $B/replay/fuzz_*.
# CORPUS=FOLDER: what fuzzing found there (FOLDER/TARGET) too.
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
export DMBOX_FUZZ_DIR=$tmp/files
n=0 bad=0
for f in tests/fuzz/fuzz_*.c; do
	t=${f##*/fuzz_} t=${t%.c} n=$((n + 1))
	mkdir -p "$tmp/$t" "$DMBOX_FUZZ_DIR"
	bash tests/fuzz/seeds.sh "$t" "$tmp/$t"
	[ ! -d "tests/fuzz/seeds/$t" ] || cp -- tests/fuzz/seeds/"$t"/* "$tmp/$t/"
	if out=$("$B/replay/fuzz_$t" "$tmp/$t" ${CORPUS:+"$CORPUS/$t"} 2>&1); then
		echo "ok $n - $t: $(tail -n 1 <<<"$out")"
	else
		echo "not ok $n - $t"
		tail -n 5 <<<"$out" | sed 's/^/# /'
		bad=1
	fi
done
exit $bad
