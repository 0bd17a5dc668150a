#!/bin/sh
# make deb: BUILD/dmbox_VERSION_ARCH.deb, from a copy of the sources.
# usage: deb-build.sh BUILD VERSION	prints its name
set -eu
cd "$(dirname "$0")/../.."
B=$1 VERSION=$2
work=$B/deb
for p in dh:debhelper dpkg-buildpackage:dpkg-dev; do
	command -v "${p%%:*}" >/dev/null || { echo "make deb: the package ${p##*:} is missing" >&2; exit 1; }
done
rm -rf "$work"
mkdir -p "$work/dmbox"
{ git ls-files -z 2>/dev/null || find . -path "./$B" -prune -o -path ./.git -prune -o -type f -print0; } |
    xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
    tar -cf - --null -T - | tar -xf - -C "$work/dmbox"
# the newest change's time, or now: two builds of one commit are one
when=$(git log -1 --format=%cD 2>/dev/null) || when=$(date -R)
cat >"$work/dmbox/debian/changelog" <<END
dmbox ($VERSION-1) unstable; urgency=medium

  * Release $VERSION: what changed is in changelog.gz.

 -- dmbox authors <dmbox@users.noreply.dmbox.net>  $when
END
(cd "$work/dmbox" && dpkg-buildpackage -us -uc -b -rfakeroot -j2 || dpkg-buildpackage -us -uc -b -j2) >"$work/log" 2>&1 || {
	tail -n 20 "$work/log" >&2; exit 1; }
mv "$work"/dmbox_*.deb "$B/"
ls "$B"/dmbox_"$VERSION"-1_*.deb
