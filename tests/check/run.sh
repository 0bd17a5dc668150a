#!/bin/sh
# Unit tests and house rules.  Prints a line a failure and the closing count.
# usage: tests/check/run.sh BUILDDIR
b=${1:-build}; pass=0; fail=0
for t in "$b"/unit/test_*; do
	[ -x "$t" ] && [ ! -d "$t" ] || continue
	case $t in *.d|*.o) continue;; esac
	if out=$("$t" 2>&1); then pass=$((pass + 1)); else fail=$((fail + 1)); echo "FAIL $t"; echo "$out" | grep -vE '\[ +(OK|RUN)' | head -40; fi
done
for t in tests/check/*.check; do
	[ -f "$t" ] || continue
	if out=$(sh "$t" "$b" 2>&1); then pass=$((pass + 1)); else fail=$((fail + 1)); echo "FAIL $t"; echo "$out" | head -40; fi
done
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
