#!/bin/sh
# The sources are as clang-format writes them (.clang-format), but for the blanks before a
# trailing comment, which stand in columns of their own, and for the files of
# tests/format.except: tables of long texts, which it would push over 100 columns.
# Prints what differs; a file of the list that does not differ any more is a fault, too.
cd "$(dirname "$0")/.." || exit 2
command -v clang-format >/dev/null || { echo "lint: clang-format is not here, skipped"; exit 0; }
t=$(mktemp -d) bad=0
trap 'rm -rf "$t"' EXIT
same() { expand | sed -E 's|[[:blank:]]+(/[*])| \1|; s/\[\] \)/[])/'; }
for f in $(cat tests/format.except); do
	[ -f "$f" ] || { echo "tests/format.except: no file $f"; bad=1; }
done
for f in $(find lib cgi-bin cron cli -name '*.[ch]' | sort); do
	same <"$f" >"$t/is"
	clang-format --style=file "$f" | same >"$t/wanted" || exit 2
	if grep -qxF "$f" tests/format.except; then
		! cmp -s "$t/is" "$t/wanted" || { echo "tests/format.except: $f needs no exception"; bad=1; }
	elif ! diff "$t/is" "$t/wanted" >"$t/diff"; then
		echo "$f: not as clang-format writes it:"
		cat "$t/diff"
		bad=1
	fi
done
exit $bad
