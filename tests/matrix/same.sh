#!/bin/sh
# The bundle is reproducible: built from two copies of the sources in two folders, by two
# users (as root), under another umask, time zone and language, from files of other times,
# it is the same bytes.
set -eu
cd "$(dirname "$0")/../.."
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
chmod 755 "$t"
version=$(sed -n 's/^## \([0-9][^ ]*\).*/\1/p' CHANGELOG.md | head -n 1)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
export SOURCE_DATE_EPOCH CCACHE_DISABLE=1
other=
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then other="setpriv --reuid=65534 --regid=65534 --clear-groups --"; fi
for d in one another/place; do
	mkdir -p "$t/$d"
	git ls-files -z | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh | tar -cf - --null -T - | tar -xf - -C "$t/$d"
done
make_it="make -s -j2 all && sh bundle/build.sh build $version"
(cd "$t/one" && umask 022 && LC_ALL=C TZ=UTC sh -c "$make_it") >"$t/log" 2>&1 || { tail -n 5 "$t/log"; exit 1; }
find "$t/another" -type f -exec touch -d '2001-02-03 04:05:06' {} +
chmod -R go-rwx "$t/another/place"
[ -z "$other" ] || chown -R 65534:65534 "$t/another/place"
# shellcheck disable=SC2086
(cd "$t/another/place" && umask 077 && env HOME=/nonexistent LANG=ru_RU.UTF-8 LC_ALL=C.UTF-8 TZ=Asia/Kolkata $other sh -c "$make_it") >"$t/log" 2>&1 || {
	tail -n 5 "$t/log"; exit 1; }
sum() { sha256sum <"$t/$1/build/dmbox-$version-linux-$(uname -m).tar.gz"; }
a=$(sum one) b=$(sum another/place)
if [ "$a" != "$b" ]; then
	echo "not ok - the bundles differ"
	for d in one another/place; do tar -tvzf "$t/$d/build/dmbox-$version-linux-$(uname -m).tar.gz" >"$t/list.${d%%/*}"; done
	diff "$t/list.one" "$t/list.another" | sed 's/^/#   /' | head -n 10
	diff "$t/one/build/bundle/"dmbox-*/SHA256SUMS "$t/another/place/build/bundle/"dmbox-*/SHA256SUMS | sed 's/^/#   /' | head -n 10
	exit 1
fi
echo "ok - two builds are byte-identical"
