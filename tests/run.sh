#!/bin/bash
# The whole suite: unit tests and house rules, database tests on a private cluster,
# end-to-end tests on real servers.  One line a test program, the failing
# assertions below it; the last line counts assertions: N passed, N failed, and how
# many were skipped, where some were ("ok ... # SKIP why").
#
# usage: tests/run.sh [PART...]	parts: check db e2e crash doctor fuzz (default: all),
#	mem (unit tests under valgrind), cover (all, then coverage of the lines)
#	ONLY=WORD runs only tests whose name holds WORD
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
ONLY=${ONLY:-}
pass=0 fail=0 skip=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
export LC_ALL=C.UTF-8 B

# verdict NAME STATUS SECONDS: count what $out says; a program that says nothing is one test
verdict() {
	local p f s
	s=$(grep -acE '^ok .*# SKIP' "$out")
	p=$(($(grep -acE '^\[ +OK \]|^ok |^PASS ' "$out") - s))
	f=$(grep -acE '^\[  FAILED  \] [^0-9]|^not ok |^FAIL ' "$out")
	[ "$f" -eq 0 ] || f=$(grep -aE '^\[  FAILED  \] [^0-9]|^not ok |^FAIL ' "$out" | sort -u | wc -l)
	if [ "$2" -eq 0 ] && [ "$f" -eq 0 ]; then
		[ "$((p + s))" -gt 0 ] || p=1
		[ "$s" -eq 0 ] || grep -aE '^ok .*# SKIP' "$out" | sed "s|^ok [^#]*# SKIP *|skip  $1: |"
		printf 'ok    %-34s %4d passed  (%d s)\n' "$1" "$p" "$3"
	else
		[ "$f" -gt 0 ] || f=1
		printf 'FAIL  %-34s %4d passed, %d failed  (%d s, status %d)\n' "$1" "$p" "$f" "$3" "$2"
		show 60
	fi
	pass=$((pass + p)) fail=$((fail + f)) skip=$((skip + s))
}

# show N: what the run that just ended had to say beside its successes
show() {
	grep -avE '^\[ +(OK|RUN) |^ok |^PASS ' "$out" | tail -n "$1" | sed 's/^/      | /'
}

# one NAME COMMAND...
one() {
	local name=$1 start=$SECONDS rc
	case $name in *"$ONLY"*) ;; *) return 0;; esac
	shift
	"$@" >"$out" 2>&1 </dev/null
	rc=$?
	verdict "$name" "$rc" $((SECONDS - start))
}

# twice NAME COMMAND...: what talks to real servers gets a second try, since on a busy
# shared machine a server may start later than a test waits.  The first failure is
# shown, the second is final; late in the run there is no second try.
twice() {
	local name=$1 start=$SECONDS rc
	case $name in *"$ONLY"*) ;; *) return 0;; esac
	shift
	"$@" >"$out" 2>&1 </dev/null
	rc=$?
	if [ "$SECONDS" -lt 1500 ] &&
	    { [ "$rc" -ne 0 ] || grep -qaE '^\[  FAILED  \]|^not ok |^FAIL ' "$out"; }; then
		printf 'again %-34s failed once (%d s, status %d):\n' "$name" $((SECONDS - start)) "$rc"
		show 30
		start=$SECONDS
		"$@" >"$out" 2>&1 </dev/null
		rc=$?
	fi
	verdict "$name" "$rc" $((SECONDS - start))
}

part_check() {
	local t wrap=()
	[ "${1:-}" = mem ] && wrap=(valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite)
	for t in "$B"/unit/test_*; do
		case $t in *.[od]) continue;; esac
		# valgrind knows neither seccomp nor landlock
		if [ "${1:-}" = mem ] && [ "${t##*/}" = test_sandbox ]; then
			echo "skip  unit/test_sandbox: its system calls are unknown to valgrind"
			skip=$((skip + 1))
			continue
		fi
		[ -x "$t" ] && one "unit/${t##*/}" "${wrap[@]}" "$t"
	done
	[ "${1:-}" != mem ] || return 0
	for t in tests/check/*.check; do
		[ ! -f "$t" ] || one "check/$(basename "$t" .check)" sh "$t" "$B"
	done
}

# tests/db/run.sh makes the cluster and a database with the schema for each program.
part_db() {
	twice db bash tests/db/run.sh "$PWD/$B"
}

# The fuzzers for a minute in all, where clang with its runtime is there.
part_fuzz() {
	case fuzz in *"$ONLY"*) ;; *) return 0;; esac
	if ! echo "int LLVMFuzzerTestOneInput(void) { return 0; }" |
	    clang -x c -fsanitize=fuzzer,address,undefined -o /dev/null - >/dev/null 2>&1; then
		echo "skip  fuzz: no clang with its sanitizers here (make deps brings it)"
		return 0
	fi
	one fuzz make -s fuzz "FUZZ_SECONDS=${FUZZ_SECONDS:-60}" --no-print-directory
}

# scripts FOLDER|FILE: the executables NN-name of a folder in order, or that one
scripts() {
	local t
	for t in "$1" "$1"/[0-9][0-9]-*; do
		if [ -x "$t" ] && [ ! -d "$t" ]; then
			t=${t#tests/}
			twice "$t" timeout -k 30 600 "tests/$t"
		fi
	done
}

# pool UNIT...: scripts of several units, JOBS at a time, for they mostly wait for
# servers.  A folder is one unit where its scripts build on each other.  Each unit
# counts in a shell of its own; its lines are shown when it is done.
pool() {
	local u dir line
	dir=$(mktemp -d) || exit 1
	for u in "$@"; do
		while [ "$(jobs -pr | wc -l)" -ge "${JOBS:-2}" ]; do wait -n; done
		(
			pass=0 fail=0 skip=0 out=$dir/${u//\//_}.out
			scripts "$u" >"$dir/${u//\//_}.log" 2>&1
			cat "$dir/${u//\//_}.log"
			echo "$pass $fail $skip" >"$dir/${u//\//_}.count"
		) &
	done
	wait
	for u in "$@"; do
		line=$(cat "$dir/${u//\//_}.count" 2>/dev/null) || line="0 1 0"	# its shell died
		# shellcheck disable=SC2086
		set_counts $line
	done
	rm -rf "$dir"
}
set_counts() { pass=$((pass + $1)) fail=$((fail + $2)) skip=$((skip + $3)); }

coverage() {
	local f
	mkdir -p "$B/cov"
	for f in lib/*/*.c lib/*/*/*.c; do
		printf '%s ' "$f"
		gcov -n -o "$B/obj/${f%/*}" "$f" 2>/dev/null | grep -A1 "^File '$f'" | sed -n 's/^Lines executed://p'
		echo
	done | grep . | column -t
}

[ $# -gt 0 ] || set -- check db e2e crash doctor seeds fuzz
units=()
for part in "$@"; do
	case $part in
	check) part_check ;;
	db) part_db ;;
	e2e) units+=(tests/e2e/[0-9][0-9]-*) ;;
	crash|doctor) units=("tests/$part" "${units[@]}") ;;	# the long ones first
	seeds) one fuzz-seeds bash tests/fuzz/replay.sh ;;
	fuzz) part_fuzz ;;
	mem) part_check mem ;;
	cover)
		bash "$0" ${COVER_PARTS:-check seeds db e2e} || fail=1
		coverage ;;
	*) echo "tests/run.sh: no part $part" >&2; exit 64 ;;
	esac
done
[ ${#units[@]} -eq 0 ] || pool "${units[@]}"
skipped=
[ "$skip" -eq 0 ] || skipped=", $skip skipped"
echo "$pass passed, $fail failed$skipped"
[ "$fail" -eq 0 ]
