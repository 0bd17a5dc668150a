#!/bin/sh
# make deps: install the Debian packages that are missing, and nothing else.
#
# usage: deps.sh [test|all]	nothing: what dmbox and make run need; test: also the
#	browsers of the page's tests; all: also the fuzzers' compiler and the analysers.
#	What only some tests need may be missing: it is named, those tests are skipped
#	with that reason, and the status is 0.
#
# apt starts what it installs: apache2, lighttpd, nginx, pgbouncer and a PostgreSQL cluster would
# take ports on a developer's machine, now and at each boot (ARCHITECTURE.md 6.14).  So
# for the time of the install a policy-rc.d forbids starts (one that was there is
# kept aside and put back) and a drop-in forbids the cluster; servers that were
# not there before are not enabled.  A server that was there is never touched.
set -u
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

say() { echo "make deps: $*" >&2; }

here() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# A server may be there by another name or built by hand: the program counts.
pg_here() { for p in /usr/lib/postgresql/*/bin/initdb /usr/local/pgsql/bin/initdb; do [ -x "$p" ] && return 0; done; return 1; }

missing=
for p in libfcgi-dev libjson-c-dev libcurl4-openssl-dev libpq-dev libssl-dev libjwt-dev \
    libseccomp-dev libcmocka-dev lighttpd apache2 libapache2-mod-fcgid \
    nginx pgbouncer spawn-fcgi valgrind curl jq procps util-linux iproute2 libc6-dev zsh fish; do
	case $p in
	libcurl4-openssl-dev) [ -e /usr/include/curl/curl.h ] && continue
		[ -e "/usr/include/$(uname -m)-linux-gnu/curl/curl.h" ] && continue ;;
	esac
	here "$p" || missing="$missing $p"
done
pg_here || missing="$missing postgresql"
command -v make >/dev/null 2>&1 || missing="$missing make"
command -v "${CC:-gcc}" >/dev/null 2>&1 || missing="$missing gcc"
missing=${missing# }

# wanted by tests that can be skipped; each group is installed by itself
groups=
group() { [ -z "$2" ] || groups="$groups
$1:${2# }"; }
prog() { command -v "$1" >/dev/null 2>&1; }
case ${1:-} in
test|all)
	w=
	prog chromium || prog chromium-browser || prog google-chrome || w="$w chromium fonts-dejavu-core fonts-noto-color-emoji lighttpd-mod-deflate"
	prog node || w="$w nodejs"
	prog npm || w="$w npm"
	group 'the browser tests' "$w"
	w=		# 140 MB to fetch, 510 MB on the disk
	prog firefox-esr || w="$w firefox-esr"
	prog WebKitWebDriver || w="$w webkit2gtk-driver"
	prog Xvfb || w="$w xvfb"
	group 'the test in Firefox and WebKit' "$w"
	prog pgbouncer || group 'the tests behind a pooler' pgbouncer
	locale -a 2>/dev/null | grep -qi '^ru_RU\.utf' || group 'the tests of a database that speaks Russian' locales-all
	[ -x /usr/lib/apache2/suexec ] || [ -e /usr/lib/apache2/suexec-pristine ] || group 'the test of suexec' apache2-suexec-pristine
	here libjansson-dev || group 'the test of an upgrade (the release before)' libjansson-dev
	prog busybox || group 'the test of the bundle' busybox-static ;;
esac
if [ "${1:-}" = all ]; then
	w=
	for p in clang libclang-rt-dev; do here "$p" || w="$w $p"; done
	group 'make fuzz' "$w"
	w=
	for p in mandoc shellcheck cppcheck clang-format patch; do prog "$p" || w="$w $p"; done
	group 'make lint, the checks of manual pages and mutants' "$w"
fi
wanted=$(echo "$groups" | sed 's/^[^:]*://' | tr '\n' ' ' | sed 's/^ *//; s/ *$//')
# The pipelines of libpq 14 are how deliveries are stored.
enough() {
	for h in /usr/include/postgresql/libpq-fe.h /usr/include/pgsql/libpq-fe.h /usr/include/libpq-fe.h; do
		[ ! -r "$h" ] || { grep -q LIBPQ_HAS_PIPELINING "$h" && return 0; old=1; }
	done
	[ -z "${old:-}" ] || say "libpq is older than 14 and cannot build dmbox: take the bundle (make bundle on a newer system), which brings its own, or a newer libpq-dev"
	[ -z "${old:-}" ]
}
[ -n "$missing$wanted" ] || { enough; exit; }

if ! command -v apt-get >/dev/null 2>&1; then
	say "these Debian packages (or what your system calls them) are missing: $missing $wanted"
	[ -z "$missing" ]
	exit
fi
if [ "$(id -u)" -ne 0 ]; then
	if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
		exec sudo -n env CC="${CC:-gcc}" sh "$0" "$@"
	fi
	say "packages are missing; please run:  sudo apt-get install --no-install-recommends $missing${missing:+ }$wanted"
	[ -z "$wanted" ] || echo "$groups" | sed -n 's/^\([^:]*\):\(.*\)/make deps: only for \1: \2/p' >&2
	[ -z "$missing" ]
	exit
fi

policy=/usr/sbin/policy-rc.d
saved=$policy.dmbox-saved
dropin=/etc/postgresql-common/createcluster.d/dmbox.conf
new_servers=
made_dir=
for s in apache2 lighttpd nginx pgbouncer; do
	case " $missing " in *" $s "*) new_servers="$new_servers $s";; esac
done

if command -v flock >/dev/null 2>&1; then	# two at once would restore each other's policy
	exec 8>/run/dmbox-deps.lock || exit 1
	flock 8
fi
restore() {
	rm -f "$dropin"
	[ -z "$made_dir" ] || rmdir "${dropin%/*}" /etc/postgresql-common 2>/dev/null
	if grep -q 'made by dmbox' "$policy" 2>/dev/null; then rm -f "$policy"; fi
	if [ -e "$saved" ]; then mv -f "$saved" "$policy"; fi
	rm -f /run/dmbox-deps.lock
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
restore		# what a killed run left
[ ! -e "$policy" ] || mv "$policy" "$saved" || exit 1
printf '#!/bin/sh\n# made by dmbox (make deps) for the time of one install\nexit 101\n' >"$policy" &&
    chmod 755 "$policy" || { say "cannot write $policy"; exit 1; }
[ -d "${dropin%/*}" ] || made_dir=1
mkdir -p "${dropin%/*}" && echo 'create_main_cluster = false' >"$dropin" || {
	say "cannot write $dropin"; exit 1; }

# PostgreSQL of the distribution: 15 on Debian 12, else whatever "postgresql" means.
pick_pg() {
	apt-cache show postgresql-15 >/dev/null 2>&1 || return 0
	missing=$(echo " $missing " | sed 's/ postgresql / postgresql-15 /; s/^ //; s/ $//')
}
updated=
install() {
	say "installing: $*"
	apt_install "$@" && return 0
	[ -n "$updated" ] || apt-get -q -o DPkg::Lock::Timeout=300 update >"$log" 2>&1
	updated=1
	apt_install "$@"
}
apt_install() {
	apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
	    install --no-install-recommends "$@" >"$log" 2>&1
}
log=$(mktemp) || exit 1
if [ -n "$missing" ]; then
	pick_pg
	# shellcheck disable=SC2086
	install $missing || {
		tail -n 15 "$log" >&2
		say "apt-get could not install: $missing"
		rm -f "$log"
		exit 1
	}
fi
echo "$groups" | grep . >"$log.groups"
while IFS=: read -r what w; do
	# shellcheck disable=SC2086
	install $w </dev/null || say "apt-get could not install $w: $what cannot run here"
done <"$log.groups"
rm -f "$log" "$log.groups"
for s in $new_servers; do
	if command -v systemctl >/dev/null 2>&1; then systemctl disable "$s" >/dev/null 2>&1
	elif command -v update-rc.d >/dev/null 2>&1; then update-rc.d "$s" disable >/dev/null 2>&1; fi
done
enough
