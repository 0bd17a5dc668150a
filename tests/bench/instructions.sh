#!/bin/bash
# What a delivery costs in our process, in instructions: callgrind's total for N2
# deliveries less that for N1, so that start and end do not count.
# usage: instructions.sh COLD SECRET WEBHOOK FOLDER [N1 N2]	(DMBOX_CONFIG set)
set -u
cold=$1 secret=$2 webhook=$3 folder=$4 n1=${5:-100} n2=${6:-300}
total() {
	local f="$folder/callgrind.$1"
	"$cold" "$1" "$secret" /usr/bin/valgrind --tool=callgrind "--callgrind-out-file=$f" -q "$webhook" >"$folder/cold.$1" 2>>"$folder/cold.err" || {
		echo "instructions.sh: not all of $1 deliveries were answered with 200" >&2; return 1; }
	sed -n 's/^\(summary\|totals\): *\([0-9]*\).*/\2/p' "$f" | head -n 1
}
a=$(total "$n1") && b=$(total "$n2") && [ -n "$a" ] && [ -n "$b" ] || exit 1
echo $(((b - a) / (n2 - n1)))
