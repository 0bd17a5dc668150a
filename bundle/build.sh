#!/bin/sh
# make bundle: dmbox-VERSION-linux-ARCH.tar.gz for hosts without a compiler: the programs,
# the libraries they need, the loader, ./install and a list of checksums.
#
# usage: bundle/build.sh BUILD VERSION	prints the tarball's name
#
# The host's own libraries play no part, not even libc: each program names its loader
# and the folder of its libraries by an absolute path, for which this leaves room
# (patches: FILE KIND OFFSET) and which ./install writes into the files.  So a program is
# an ordinary one also for suexec, and starts without a shell.
#
# Reproducible: no build id, no debug information, no time but the release's; two
# builds on one system are byte-identical.
set -eu
umask 022
export LC_ALL=C TZ=UTC
cd "$(dirname "$0")/.."
B=$1 VERSION=$2
arch=$(uname -m)
name=dmbox-$VERSION-linux-$arch
work=$B/bundle
out=$work/$name
room=200

die() { echo "make bundle: $*" >&2; exit 1; }
# one at a time: the next one finds all made, but packs it again
mkdir -p "$work"
exec 9>"$work/lock"
flock 9
filler() { printf "%s%0$((room - ${#1}))d" "$1" 0; }

# the time of what is packed: the last commit's, or the newest file's
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
	SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null) ||
		SOURCE_DATE_EPOCH=$(stat -c %Y CHANGELOG.md)
fi
export SOURCE_DATE_EPOCH

loader=$(filler /@DMBOX-LOADER@) libs=$(filler /@DMBOX-LIBS@)
rm -rf "$out" "$work/stage"
mkdir -p "$out/lib"
make -s B="$work/obj" OPT=-O2 PREFIX=/@DMBOX-PREFIX@ CGIDIR=/@DMBOX-CGIDIR@ DESTDIR="$work/stage" \
    LDFLAGS="-s -Wl,--build-id=none -Wl,--dynamic-linker=$loader -Wl,--disable-new-dtags -Wl,-rpath,$libs" \
    install >&2
mv "$work/stage/@DMBOX-PREFIX@" "$out/prefix"
mv "$work/stage/@DMBOX-CGIDIR@" "$out/cgi"
rm -rf "$work/stage"

# the libraries, by the names under which they are asked for
programs=$(cd "$out" && find prefix/bin cgi -type f \( -path '*/bin/*' -o -name '*.fcgi' \) | sort)
for p in $programs; do
	plain=$(echo "$p" | sed 's|^prefix/bin/||; s|.*/\([^/]*\.fcgi\)|cgi-bin/\1|')
	ldd "$B/$plain" || die "ldd $B/$plain failed"
done >"$work/ldd"
! grep 'not found' "$work/ldd" >&2 || die "a library is missing"
awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 } $1 ~ /^\/.*\/ld-/ { n = $1; sub(".*/", "", n); print n, $1 }' \
    "$work/ldd" | sort -u >"$work/libs"
# glibc loads it where a thread ends by itself
echo libgcc_s.so.1 "$(${CC:-gcc} -print-file-name=libgcc_s.so.1)" >>"$work/libs"
while read -r soname file; do
	install -m 644 "$file" "$out/lib/$soname"
done <"$work/libs"
ld=$(cd "$out/lib" && ls ld-*.so*) || die "no loader found"
chmod 755 "$out/lib/$ld"

# offset FILE TEXT: where it is, exactly once
offset() {
	at=$(grep -abo "$2" "$out/$1" | cut -d: -f1)
	case $at in ''|*[!0-9]*) die "$1: $2 is not there exactly once";; esac
	echo "$at"
}
for p in $programs; do
	echo "$p loader $(offset "$p" /@DMBOX-LOADER@)"
	echo "$p libs $(offset "$p" /@DMBOX-LIBS@)"
	echo "$p prefix $(offset "$p" /@DMBOX-PREFIX@)"
	echo "$p tick $(offset "$p" /@DMBOX-CGIDIR@)"
done >"$out/patches"
(cd "$out" && grep -rlI '/@DMBOX-[A-Z]*@' prefix cgi | sort) >"$out/fill" || :
install -m 755 bundle/install "$out/install"
cp README.md README.ru.md LICENSE CHANGELOG.md "$out/"
printf '%s\n' "$VERSION" >"$out/VERSION"
printf '%s\n' "$ld" >"$out/LOADER"
printf '%s\n' "$arch" >"$out/MACHINE"
(cd "$out" && find . -type f ! -name SHA256SUMS | sort | xargs sha256sum) >"$work/sums"
mv "$work/sums" "$out/SHA256SUMS"
# a checkout has the modes that its maker's umask left
find "$out" -type d -exec chmod 755 {} +
find "$out" -type f -perm -100 -exec chmod 755 {} +
find "$out" -type f ! -perm -100 -exec chmod 644 {} +
tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=ustar \
    -C "$work" -cf - "$name" | gzip -9n >"$B/$name.tar.gz.new"
mv "$B/$name.tar.gz.new" "$B/$name.tar.gz"
echo "$B/$name.tar.gz"
