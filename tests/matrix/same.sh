#!/bin/sh
# The bundle is reproducible: built from two copies of the sources in two folders, at two
# times, it is the same bytes.
set -eu
cd "$(dirname "$0")/../.."
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
version=$(sed -n 's/^## \([0-9][^ ]*\).*/\1/p' CHANGELOG.md | head -n 1)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
export SOURCE_DATE_EPOCH
for d in one another/place; do
	mkdir -p "$t/$d"
	git ls-files -z | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh | tar -cf - --null -T - | tar -xf - -C "$t/$d"
	(cd "$t/$d" && make -s -j2 all && sh bundle/build.sh build "$version") >"$t/log" 2>&1 || { tail -n 5 "$t/log"; exit 1; }
done
a=$(sha256sum <"$t/one/build/dmbox-$version-linux-$(uname -m).tar.gz")
b=$(sha256sum <"$t/another/place/build/dmbox-$version-linux-$(uname -m).tar.gz")
[ "$a" = "$b" ] || { echo "not ok - the bundles differ"; exit 1; }
echo "ok - two builds are byte-identical"
