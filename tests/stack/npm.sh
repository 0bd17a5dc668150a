#!/bin/sh
# The packages that the browser tests need from npm, in the versions that
# tests/e2e/package-lock.json pins, in BUILDDIR/npm.  No script of a package runs.
# Where they cannot be had, it says so; the tests are then skipped with that reason.
# usage: npm.sh BUILDDIR
set -u
from=$(cd "$(dirname "$0")/../e2e" && pwd) || exit 1
to=${1:-build}/npm
cmp -s "$from/package-lock.json" "$to/installed.json" && exit 0
command -v npm >/dev/null 2>&1 || { echo "npm is not here: the browser tests will be skipped" >&2; exit 0; }
mkdir -p "$to" && cp "$from/package.json" "$from/package-lock.json" "$to/" || exit 1
if timeout 300 npm ci --no-audit --no-fund --ignore-scripts --prefix "$to" >"$to/npm.log" 2>&1; then
	cp "$from/package-lock.json" "$to/installed.json"
else
	echo "npm could not install the packages of the browser tests: $(grep -m 1 'npm ERR!\|npm error' "$to/npm.log")" >&2
fi
exit 0
