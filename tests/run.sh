#!/bin/bash
# The whole suite: unit tests and house rules, database tests on a private cluster,
# end-to-end tests on real servers.  One line a test program, the failing assertions
# below it; the last line counts assertions: N passed, N failed, N skipped.
#
# Nothing is tried twice.  What reports no assertion has failed, as has a part with
# fewer of them than it is known to have: a test that no longer runs must not look
# like one that passes.  A skip says why ("# SKIP reason"), else it is a failure.
#
# usage: tests/run.sh [PART...]	parts: check db e2e crash doctor seeds fuzz (default:
#	all), mem (unit tests under valgrind), cover (all, then coverage of the lines)
#	ONLY=WORD runs only tests whose name holds WORD
#	HANG_SECONDS=N what runs longer has hung and is ended (default 3000)
#	JOBS=N so many units at a time (default two a core and one: they wait half of their time)
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
JOBS=${JOBS:-$((2 * $(nproc) + 1))}
ONLY=${ONLY:-}
pass=0 fail=0 skip=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
job=	# the test that runs: in a group of its own, so no key of the terminal reaches it
trap 'ended 130' INT
trap 'ended 143' TERM
export LC_ALL=C.UTF-8 B

# least PART: so many assertions it has at least; raise it when tests are added
least() {
	case $1 in
	check) echo 220 ;;
	db) echo 135 ;;
	e2e) echo 850 ;;
	crash) echo 150 ;;
	doctor) echo 90 ;;
	seeds) echo 15 ;;
	*) echo 1 ;;
	esac
}

# count REGEX: distinct lines of the output under judgement
count() { grep -aE "$1" "$out" | sort -u | wc -l; }

# verdict NAME STATUS SECONDS: count what $out says
verdict() {
	local p f s why=
	s=$(grep -acE '# SKIP +[^ ]' "$out")
	p=$(grep -aE '^\[ +OK \]|^ok |^PASS ' "$out" | grep -avcE '# SKIP( |$)')
	f=$(count '^\[  FAILED  \] [^0-9]|^not ok |^FAIL ')
	if [ "$s" -lt "$(count '^\[  SKIPPED \] [^0-9]|^ok .*# SKIP')" ]; then
		why='skipped something and did not say why (# SKIP reason)'
	elif [ "$((p + s + f))" -eq 0 ] && [ "$2" -eq 0 ]; then
		why='reported no assertion: did it run anything?'
	fi
	if [ "$2" -eq 0 ] && [ "$f" -eq 0 ] && [ -z "$why" ]; then
		grep -aE '# SKIP +[^ ]' "$out" | sed "s|^.*# SKIP *|skip  $1: |"
		printf 'ok    %-34s %4d passed  (%d s)\n' "$1" "$p" "$3"
	else
		[ "$f" -gt 0 ] || f=1
		printf 'FAIL  %-34s %4d passed, %d failed  (%d s, status %d)\n' "$1" "$p" "$f" "$3" "$2"
		[ -z "$why" ] || echo "      | it $why"
		grep -aE -A 3 '^not ok ' "$out" | grep -avE '^ok ' | head -n 80 | sed 's/^/      | /'
		grep -avE '^\[ +(OK|RUN) |^ok |^not ok |^PASS ' "$out" | tail -n 40 | sed 's/^/      | /'
	fi
	pass=$((pass + p)) fail=$((fail + f)) skip=$((skip + s))
}

# wanted NAME
wanted() { case $1 in *"$ONLY"*) ;; *) return 1;; esac; }

# ended STATUS: the run is ended before its time, and what runs with it
ended() {
	# shellcheck disable=SC2046
	kill -TERM $job $(jobs -pr) 2>/dev/null
	wait
	exit "$1"
}

# limit COMMAND...: the end of what hangs, with what it started; no limit of speed
limit() {
	local rc
	timeout -k 30 "${HANG_SECONDS:-3000}" "$@" &
	job=$!
	wait "$job"	# a trap would wait for what runs in the foreground
	rc=$?
	job=
	[ "$rc" -ne 124 ] && [ "$rc" -ne 137 ] || echo "not ok - it hung: ended after ${HANG_SECONDS:-3000} s"
	return "$rc"
}

# one NAME COMMAND...
one() {
	local name=$1 start=$SECONDS
	wanted "$name" || return 0
	shift
	limit "$@" >"$out" 2>&1 </dev/null
	verdict "$name" "$?" $((SECONDS - start))
}

# failed NAME SENTENCE: what no test program could say itself
failed() {
	printf 'FAIL  %-34s %s\n' "$1" "$2"
	fail=$((fail + 1))
}

part_check() {
	local t wrap=()
	[ "${1:-}" = mem ] && wrap=(valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite)
	for t in tests/unit/test_*.c; do
		t=$(basename "$t" .c)
		# valgrind knows neither seccomp nor landlock
		if [ "${1:-}" = mem ] && [ "$t" = test_sandbox ]; then
			one "unit/$t" echo 'ok # SKIP valgrind does not know its system calls'
		else
			one "unit/$t" "${wrap[@]}" "$B/unit/$t"
		fi
	done
	[ "${1:-}" != mem ] || return 0
	for t in tests/check/*.check; do
		one "check/$(basename "$t" .check)" sh "$t" "$B"
	done
}

# A private cluster for all, a fresh database with the schema for each program.
part_db() {
	local t name names=() dir
	for t in tests/db/test_*.c tests/db/*.sh; do
		name=$(basename "$t" .c)
		case $name in run.sh|lib.sh) continue;; esac
		wanted "db/$name" && names+=("$name")
	done
	[ ${#names[@]} -gt 0 ] || return 0
	dir=$(mktemp -d /tmp/dmbox-db.XXXXXX) || exit 1
	# shellcheck disable=SC2064
	trap "rm -f '$out'; bash tests/db/run.sh end '$dir'" EXIT
	if bash tests/db/run.sh begin "$dir" >"$out" 2>&1; then
		for name in "${names[@]}"; do HANG_SECONDS=${HANG_SECONDS:-900} one "db/$name" bash tests/db/run.sh run "$dir" "$name"; done
	else
		failed db "no cluster: $(tail -n 1 "$out")"
	fi
	bash tests/db/run.sh end "$dir"
	trap 'rm -f "$out"' EXIT
}

# The fuzzers for a minute in all, where clang with its runtime is there.
part_fuzz() {
	if echo "int LLVMFuzzerTestOneInput(void) { return 0; }" |
	    clang -x c -fsanitize=fuzzer,address,undefined -o /dev/null - >/dev/null 2>&1; then
		HANG_SECONDS=$((${FUZZ_SECONDS:-60} + 3000)) one fuzz make -s fuzz "FUZZ_SECONDS=${FUZZ_SECONDS:-60}" --no-print-directory
	else
		one fuzz echo 'ok # SKIP clang with its sanitizers is not here (make deps installs it)'
	fi
}

# scripts FOLDER|FILE: the executables NN-name of a folder in order, or that one
scripts() {
	local t n=0
	for t in "$1" "$1"/[0-9][0-9]-*; do
		if [ -f "$t" ]; then
			n=$((n + 1))
			t=${t#tests/}
			one "$t" "tests/$t"
		fi
	done
	[ "$n" -gt 0 ] || failed "$1" 'no script there'
}

# long UNIT: about so many seconds it takes.  The longest begin first, else one of them
# runs on when all others have ended.
long() {
	case $1 in
	*/02-servers) echo 900 ;;
	*/01-faults) echo 300 ;;
	tests/crash) echo 500 ;;
	*/99-numbers) echo 490 ;;
	tests/db) echo 300 ;;
	*/46-reports|*/93-inbox-*|*/45-cloud) echo 170 ;;
	fuzz|*/92-inbox-faults|*/95-demo|*/51-ten-accounts|*/31-sends) echo 120 ;;
	*/04-slow-database|*/96-uploads|*/08-hosts) echo 80 ;;
	*) echo 30 ;;
	esac
}

# pool UNIT...: database tests, fuzzers and scripts of several units, JOBS at a time, for
# they wait for servers much of their time.  A folder is one unit where its scripts build on each other.
# Each unit counts in a shell of its own; its lines are shown when it is done.
pool() {
	local u dir line part
	dir=$(mktemp -d) || exit 1
	for u in "$@"; do
		while [ "$(jobs -pr | wc -l)" -ge "$JOBS" ]; do wait -n; done
		(
			trap - EXIT
			trap 'ended 143' TERM
			pass=0 fail=0 skip=0 out=$dir/${u//\//_}.out
			case $u in
			tests/db) part_db ;;
			fuzz) part_fuzz ;;
			seeds) one seeds bash tests/fuzz/replay.sh ;;
			*) scripts "$u" ;;
			esac >"$dir/${u//\//_}.log" 2>&1
			cat "$dir/${u//\//_}.log"
			echo "$pass $fail $skip" >"$dir/${u//\//_}.count"
		) &
	done
	wait
	for u in "$@"; do
		line=$(cat "$dir/${u//\//_}.count" 2>/dev/null) || line="0 1 0"	# its shell died
		part=${u#tests/} part=${part%%/*}
		# shellcheck disable=SC2086
		set -- $line
		pass=$((pass + $1)) fail=$((fail + $2)) skip=$((skip + $3))
		n_of[$part]=$((${n_of[$part]:-0} + $1 + $2 + $3))
	done
	rm -rf "$dir"
}

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
parts=("$@")
declare -A n_of
units=()
for part in "$@"; do
	before=$((pass + fail + skip))
	case $part in
	check) part_check ;;
	e2e|doctor) units+=("tests/$part"/[0-9][0-9]-*) ;;
	db|crash) units+=("tests/$part") ;;
	seeds|fuzz) units+=("$part") ;;
	mem) part_check mem ;;
	cover)
		# shellcheck disable=SC2086
		bash "$0" ${COVER_PARTS:-check seeds db e2e} || fail=1
		coverage ;;
	*) echo "tests/run.sh: no part $part" >&2; exit 64 ;;
	esac
	n_of[$part]=$((pass + fail + skip - before))
done
if [ ${#units[@]} -gt 0 ]; then
	# a cluster that is never started: each test begins with a copy (stack/pg.sh)
	cluster=$(mktemp -d /tmp/dmbox-cluster.XXXXXX) || exit 1
	trap 'rm -f "$out"; bash tests/db/run.sh end "$cluster"' EXIT
	! (. tests/stack/pg.sh && chmod 755 "$cluster" && pg_init "$cluster") || export DMBOX_TEST_CLUSTER=$cluster/pg
	mapfile -t units < <(for u in "${units[@]}"; do echo "$(long "$u") $u"; done | sort -s -k 1,1nr | cut -d ' ' -f 2-)
	pool "${units[@]}"
fi
for part in "${parts[@]}"; do
	if [ "$part" != cover ] && [ -z "$ONLY" ] && [ "${n_of[$part]}" -lt "$(least "$part")" ]; then
		failed "$part" "${n_of[$part]} assertions, of at least $(least "$part")"
	fi
done
if [ -n "$ONLY" ] && [ $((pass + fail + skip)) -eq 0 ]; then failed "$ONLY" 'no test has this in its name'; fi
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" -eq 0 ]
