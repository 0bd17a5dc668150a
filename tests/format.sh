#!/bin/sh
# The files of tests/format.list are as clang-format writes them (.clang-format), but for
# the blanks before a trailing comment.  Prints what differs.
#	format.sh	compare;	format.sh list	print the list as it could be today
cd "$(dirname "$0")/.." || exit 2
command -v clang-format >/dev/null || { echo "lint: clang-format is not here, skipped"; exit 0; }
t=$(mktemp -d) bad=0
trap 'rm -rf "$t"' EXIT
same() { expand | sed -E 's|[[:blank:]]+(/[*])| \1|; s/\[\] \)/[])/'; }
if [ "${1:-}" = list ]; then
	files=$(find lib cgi-bin cron cli -name '*.[ch]' | sort)
else
	files=$(cat tests/format.list)
fi
for f in $files; do
	[ -f "$f" ] || { echo "tests/format.list: no file $f"; bad=1; continue; }
	same <"$f" >"$t/is"
	clang-format --style=file "$f" | same >"$t/wanted" || exit 2
	if [ "${1:-}" = list ]; then
		! cmp -s "$t/is" "$t/wanted" || echo "$f"
	elif ! diff "$t/is" "$t/wanted" >"$t/diff"; then
		echo "$f: not as clang-format writes it:"
		cat "$t/diff"
		bad=1
	fi
done
exit $bad
