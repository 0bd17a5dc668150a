#!/bin/sh
# make lint: every analyser that is here; silent where it finds nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
flags="-std=c11 -D_GNU_SOURCE -Ilib -I/usr/include/postgresql -I/usr/include/json-c -DDMBOX_VERSION=\"0\""
run() {
	command -v "$1" >/dev/null 2>&1 || { echo "lint: $1 is not here, skipped"; return; }
	"$@" || { bad=1; echo "lint: $1 found something"; }
}
src=$(ls lib/*/*.c lib/*/*/*.c cgi-bin/*.c cron/*.c cli/*.c 2>/dev/null)
for f in $src; do
	# shellcheck disable=SC2086
	if command -v clang >/dev/null 2>&1; then
		o=$(clang --analyze --analyzer-output text $flags "$f" -o /dev/null 2>&1) || bad=1
		[ -z "$o" ] || { echo "$o"; bad=1; }
	fi
done
# shellcheck disable=SC2086
run cppcheck -q --error-exitcode=1 --inline-suppr --enable=warning,portability --suppress=missingIncludeSystem -Ilib $src
run tests/format.sh
run shellcheck -S warning tests/stack/deps.sh tests/stack/npm.sh tests/run.sh .ci/run
exit $bad
