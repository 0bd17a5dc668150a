#!/bin/bash
# make mutants: breaks one promise at a time, one line each, and sees whether the tests
# notice.  A file NAME.patch begins with the promise and the parts that should notice:
#
#	# a reported commit is on the disk
#	# kills: db/test_durable
#
# They work on a copy of the tree.  A patch that no longer applies or does not build, and
# a part that fails without it, are failures too: such a mutant says nothing.  Prints n/n.
#
# usage: tests/mutants/run.sh	ONLY=WORD: mutants whose name holds WORD
#				PART=WORD: those that a part whose name holds WORD should notice
set -u
root=$(cd "$(dirname "$0")/../.." && pwd -P)
ONLY=${ONLY:-} PART=${PART:-}
t=$(mktemp -d) || exit 1
end() { [ ! -d "$t/pg" ] || bash "$t/tree/tests/db/run.sh" end "$t/pg" >/dev/null 2>&1; rm -rf "$t"; }
trap end EXIT
trap 'exit 130' INT TERM
chmod 755 "$t"

(cd "$root" && git ls-files -z -co --exclude-standard | tar --null -T - -cf - 2>/dev/null) | { mkdir "$t/tree" && tar -xf - -C "$t/tree"; } || exit 1
cd "$t/tree" || exit 1
export CCACHE_BASEDIR=$t/tree LC_ALL=C.UTF-8
patches=()
for p in tests/mutants/*.patch; do
	case ${p##*/} in *"$ONLY"*) ;; *) continue;; esac
	case $(sed -n 's/^# kills: //p' "$p") in *"$PART"*) patches+=("$p");; esac
done
[ "${#patches[@]}" -gt 0 ] || { echo "no mutant is named so: $ONLY $PART"; exit 1; }
kills() { sed -n 's/^# kills: //p' "$1"; }

# target PART: what make builds for it
target() { case $1 in *.sh) ;; *) echo "build/$1";; esac; }
# part PART: runs it; its status
part() {
	case $1 in
	unit/*) timeout 120 "build/$1" ;;
	db/*)	[ -d "$t/pg" ] || { mkdir "$t/pg" && bash tests/db/run.sh begin "$t/pg"; } || return 1
		timeout 300 bash tests/db/run.sh run "$t/pg" "${1#db/}" ;;
	*)	echo "no such part: $1"; return 1 ;;
	esac
}

all=$(for p in "${patches[@]}"; do kills "$p"; done | tr ' ' '\n' | sort -u)
# shellcheck disable=SC2046
make -s -j2 $(for k in $all; do target "$k"; done) || { echo "the tree does not build"; exit 1; }
bad=0
for k in $all; do
	part "$k" >"$t/out" 2>&1 || { echo "fails without a mutant: $k"; tail -n 5 "$t/out" | sed 's/^/  | /'; bad=1; }
done
[ "$bad" = 0 ] || exit 1

n=0 killed=0
for p in "${patches[@]}"; do
	name=$(basename "$p" .patch)
	n=$((n + 1)) by=
	if ! patch -s -p1 -F0 --no-backup-if-mismatch <"$p" >"$t/out" 2>&1; then
		echo "stale     $name: the patch does not apply"
		find . -name '*.rej' -delete
		continue
	fi
	# shellcheck disable=SC2046
	if ! make -s WERROR= $(for k in $(kills "$p"); do target "$k"; done) >"$t/out" 2>&1; then
		echo "stale     $name: does not build"
		grep -m 2 error "$t/out" | sed 's/^/  | /'
	else
		for k in $(kills "$p"); do
			part "$k" >"$t/out" 2>&1 || { by=$k; break; }
		done
		if [ -n "$by" ]; then
			killed=$((killed + 1))
			echo "killed    $name ($by)"
		else
			echo "SURVIVED  $name: $(sed -n '1s/^# //p' "$p")"
		fi
	fi
	patch -s -R -p1 -F0 --no-backup-if-mismatch <"$p" || { echo "cannot take $name back"; exit 1; }
done
# the last mutant's object files are in the copy only
echo "mutants: $killed/$n killed"
[ "$killed" = "$n" ]
