#!/bin/bash
# make test-on SUITE=trixie: dmbox on another Debian, in a root folder of its own that is
# made by debootstrap, gets its packages by `make deps` and is removed afterwards.
#
#	bookworm trixie sid ...	builds and runs there, as an ordinary user: unit tests and
#				house rules, database tests, the main end-to-end tests
#	bullseye		has a libpq that is too old to build: there the bundle is
#				installed and used, and the database tests run on its PostgreSQL
#
# Needs root.  The mirror is the one that this machine's apt uses.  The last line counts:
# "SUITE: N passed, N failed".  build/matrix/SUITE.row is the line of docs/measured.md.
# With the word "deb" behind SUITE the Debian package is tested instead (deb.sh), with
# "pg" only the database tests are run, on the PostgreSQL of SUITE: 13 in bullseye, 15 in
# bookworm, 17 in trixie, 18 in sid.  Nothing is built there: the tests bring their libraries.
#	KEEP_ROOT=FOLDER	uses that root if it is there, makes it if not, and keeps it
#	MATRIX_E2E=WORDS	other end-to-end tests than the main ones
set -u
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
cd "$(dirname "$0")/../.." || exit 1
SUITE=${1:-trixie}
B=${B:-build}
case $SUITE in ''|*[!a-z]*) echo "make test-on: SUITE must be a suite of Debian, not '$SUITE'" >&2; exit 64;; esac
say() { printf 'test-on %s: %s\n' "$SUITE" "$*"; }
die() { say "$*" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || die "needs root (debootstrap, chroot)"
# mounts and processes of its own: whatever happens, nothing of them is left
if [ -z "${MATRIX_INSIDE:-}" ] && unshare -m -p -f --mount-proc true 2>/dev/null; then
	MATRIX_INSIDE=1 exec unshare -m -p -f --kill-child --mount-proc --propagation private bash "$0" "$@"
fi
[ -z "${KEEP_ROOT:-}" ] || KEEP_ROOT=$(realpath -m "$KEEP_ROOT")
R=${KEEP_ROOT:-$(mktemp -d "/var/tmp/dmbox-$SUITE-XXXXXX")} || exit 1
cleanup() {
	umount -l "$R"/{proc,dev} 2>/dev/null
	[ -n "${KEEP_ROOT:-}" ] || rm -rf --one-file-system "$R"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
began=$SECONDS

# --- a root ------------------------------------------------------------------------------
need() { command -v "$1" >/dev/null || { apt-get -q -y install --no-install-recommends "$2" >/dev/null 2>&1; command -v "$1" >/dev/null; } || die "the package $2 is missing and cannot be installed"; }
mirror() {
	local code
	code=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
	    awk -v c="$code" '$1 == c && $2 == "main" { print $3; exit }'
}
make_root() {
	local uri proxy=
	need debootstrap debootstrap
	uri=$(mirror)
	[ -n "$uri" ] || die "apt of this machine names no mirror of Debian"
	eval "$(apt-config shell proxy Acquire::http::Proxy)"
	[ -z "$proxy" ] || export http_proxy=$proxy
	say "debootstrap"
	mkdir -p "$R" && chmod 755 "$R" || die "cannot make $R"
	debootstrap --variant=minbase "$SUITE" "$R" "$uri" >"$R.log" 2>&1 || {
		tail -n 5 "$R.log"; rm -f "$R.log"; die "debootstrap failed"; }
	rm -f "$R.log"
	[ -z "$proxy" ] || echo "Acquire::http::Proxy \"$proxy\";" >"$R/etc/apt/apt.conf.d/proxy"
	# a mirror may be a snapshot, and a suite be frozen by now
	echo 'Acquire::Check-Valid-Until "false";' >"$R/etc/apt/apt.conf.d/old"
	# tests need no documentation, and no fsync of each file of a package
	printf 'path-exclude /usr/share/doc/*\npath-exclude /usr/share/locale/*\nforce-unsafe-io\n' >"$R/etc/dpkg/dpkg.cfg.d/small"
}
[ -x "$R/bin/sh" ] || make_root
cp -L /etc/resolv.conf "$R/etc/resolv.conf" 2>/dev/null
{ mount -t proc proc "$R/proc" 2>/dev/null || mount --rbind /proc "$R/proc"; } &&
	mount --rbind /dev "$R/dev" || die "cannot mount in $R"
in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive chroot "$R" "$@"; }
as_user() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/home/tester USER=tester LOGNAME=tester DMBOX_TEST_PORTS=10000 \
	chroot "--userspec=$uid:$uid" --groups= "$R" "$@"; }
apt_get() { in_root apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" >"$R/apt.log" 2>&1 || { tail -n 8 "$R/apt.log"; die "apt-get $1 failed"; }; }
in_root getent passwd tester >/dev/null || in_root useradd -m -u 4711 tester 2>/dev/null ||
	in_root adduser --disabled-password --gecos '' --uid 4711 tester >/dev/null || die "no user"
uid=4711
apt_get update

sources() {	# what is checked out, with changes
	rm -rf "$R/src"
	mkdir -p "$R/src"
	{ git ls-files -z 2>/dev/null || find . -path "./$B" -prune -o -path ./.git -prune -o -type f -print0; } |
	    xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
	    tar -cf - --null -T - | tar -xf - -C "$R/src"
	chown -R "$uid:$uid" "$R/src"
}

passed=0 failed=0 skipped=0 what=
# count NAME: reads a log with "N passed, N failed[, N skipped]" as its last such line
count() {
	local l
	l=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$2" | tail -n 1)
	if [ -z "$l" ]; then
		say "$1 said nothing; its end:"; tail -n 15 "$2"
		failed=$((failed + 1)); return
	fi
	say "$1: $l"
	grep -aE '^FAIL|^not ok' -A12 "$2" | head -n 60
	grep -aE '^skip' "$2"
	passed=$((passed + $(sed 's/ passed.*//' <<<"$l")))
	failed=$((failed + $(sed 's/.* passed, \([0-9]*\) failed.*/\1/' <<<"$l")))
	case $l in *skipped*) skipped=$((skipped + $(sed 's/.*, \([0-9]*\) skipped.*/\1/' <<<"$l")));; esac
}
part() {	# NAME COMMAND: in the sources, as the user
	as_user sh -c "cd /src && $2" >"$R/part.log" 2>&1
	count "$1" "$R/part.log"
}

build_there() {
	local e
	apt_get install --no-install-recommends make
	say "packages (make deps without the browser and the analysers)"
	in_root sh -c 'cd /src && sh tests/stack/deps.sh' >"$R/part.log" 2>&1 || { tail -n 8 "$R/part.log"; die "tests/stack/deps.sh failed"; }
	say "building"
	as_user sh -c 'cd /src && make -s -j2 WERROR=-Werror tests-built replay-built' >"$R/part.log" 2>&1 || {
		grep -aE 'error|warning' -A4 "$R/part.log" | head -n 30
		failed=$((failed + 1)); return; }
	part check 'bash tests/run.sh check'
	part db 'bash tests/run.sh db'
	for e in ${MATRIX_E2E:-01-run 02-webhook 03-shared 10-migrate 20-poll 30-graph 40-greenapi}; do
		part "e2e $e" "ONLY=$e bash tests/run.sh e2e"
	done
	what='unit, database, end-to-end'
}

# the tests' programs with the bundle's loader and libraries, at a fixed place of the root
portable_tests() {
	local p=$B/matrix-portable l=/opt/dmbox-lib
	make -s -j2 tests-built >"$R/part.log" 2>&1 &&	# ldd, below, reads these
	make -s -j2 B="$p" OPT=-O2 LDFLAGS="-Wl,--dynamic-linker=$l/ld-linux-x86-64.so.2 -Wl,--disable-new-dtags -Wl,-rpath,$l" tests-built >"$R/part.log" 2>&1 ||
		{ tail -n 5 "$R/part.log"; die "the tests do not build"; }
	rm -rf "$R$l" && mkdir -p "$R$l" && cp "$B"/bundle/dmbox-*/lib/* "$R$l/"
	ldd "$B"/db/test_* | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u | xargs -I{} cp -nL {} "$R$l/"
	chmod 755 "$R$l"/ld-*
	mkdir -p "$R/src/build" && cp -R "$p"/. "$R/src/build/" && rm -rf "$R/src/build/obj"
	chown -R "$uid:$uid" "$R/src"
}
use_bundle() {
	apt_get install --no-install-recommends apache2 libapache2-mod-fcgid postgresql curl procps
	make -s bundle >/dev/null || die "make bundle failed"
	BUNDLE_ROOT=$R ONLY=07-bundle bash tests/run.sh e2e >"$R/part.log" 2>&1
	count bundle "$R/part.log"
	portable_tests
	part db 'bash tests/run.sh db'
	what='bundle, database'
}

test_pg() {
	apt_get install --no-install-recommends postgresql procps
	make -s bundle >/dev/null || die "make bundle failed"
	portable_tests
	part "db, PostgreSQL $(in_root sh -c 'ls /usr/lib/postgresql' | tail -n 1)" 'bash tests/run.sh db'
}

. tests/matrix/deb.sh
sources
{	# read as a whole: a change of this file does not reach a run under way
if [ "${2:-}" = deb ]; then
	test_deb
	echo "$SUITE: $passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
	exit
fi
if [ "${2:-}" = pg ]; then
	test_pg
	echo "$SUITE: $passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
	exit
fi
if in_root sh -c 'apt-cache policy libpq-dev' | awk '/Candidate/ { exit !($2 + 0 >= 14) }'; then build_there; else use_bundle; fi
versions=$(in_root sh -c 'for p in libpq5 libjson-c5 libcurl4 libcurl4t64 libfcgi0ldbl libfcgi0t64 libjwt0 libjwt2 libjwt-gnutls0 lighttpd nginx apache2; do
	dpkg-query -W -f "\${db:Status-Abbrev} \${Package} \${Version}\n" $p 2>/dev/null; done; ls /usr/lib/postgresql' |
    sed -nE '/^un/d; s/^ii +//; s/^([0-9]+)$/PostgreSQL \1/; s/^libpq5 .*//; s/^lib(json-c|curl|jwt)[^ ]* /\1 /; s/^libfcgi[^ ]* /fcgi /; s/ ([0-9]+:)?([0-9.]+)[^ ]*/ \2/; /./p' | paste -sd, | sed 's/,/, /g')
mkdir -p "$B/matrix"
printf '| %s | %s | %s | %d of %d |\n' "$SUITE" "$what" "$versions" "$passed" $((passed + failed)) >"$B/matrix/$SUITE.row"
say "$((SECONDS - began)) s; $versions"
skip=
[ "$skipped" -eq 0 ] || skip=", $skipped skipped"
echo "$SUITE: $passed passed, $failed failed$skip"
[ "$failed" -eq 0 ]
exit
}
