# For tests in a browser: Debian's chromium, driven by what package.json names.
# Skipped, and counted as such, where either is missing.
skip() { echo "ok $((tests + 1)) - the inbox page in a browser # SKIP $1"; exit 0; }
CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
	skip "chromium is not installed (make deps)"
command -v node >/dev/null || skip "node is not installed (make deps)"
npm=$ROOT/$B/npm
[ -e "$npm/installed.json" ] || skip "playwright-core could not be installed from npm (tests/stack/npm.sh)"
# Screenshots are kept, to be looked at: var/shots
SHOTS=${SHOTS:-$ROOT/var/shots}
mkdir -p "$SHOTS" "$T/chromium"

# What is measured (number of browser.js), and the table of all that was, by whichever test ends last
export NUMBERS=$ROOT/$B/inbox/$(basename "$0")${KIND:+-$KIND}.rows
WHERE=${SERVER:-lighttpd}
[ "$WHERE" != apache ] || WHERE='Apache, mod_fcgid'
export WHERE
mkdir -p "${NUMBERS%/*}"
[ -z "${PART:-}" ] || NUMBERS=/dev/null	# a part of a test measures no number
: >"$NUMBERS"
numbers() {
	local new=$T/inbox.md
	node "$ROOT/tests/e2e/numbers-table.js" "${NUMBERS%/*}" >"$new" || return 1
	sed 's/^/# /' "$new"
	cat "$new" >"$ROOT/$B/inbox.md"
}
[ -n "${PART:-}" ] || atexit+=('[ "$bad" -ne 0 ] || numbers || bad=1')

# person NAME ROLE: adds one, prints the link
person() { DMBOX_CONFIG=$STATE/dmbox.env "$ROOT/$B/dmbox" user add "$1" --role "$2" --json | jq -r .link; }
# browser SCRIPT [SECONDS]: with a profile of its own, for cookies know no ports
browser_n=0
browser() {
	browser_n=$((browser_n + 1))
	mkdir -p "$T/chromium/$browser_n"
	export URL TOKEN SECRET SIM CHROMIUM PROFILE=$T/chromium/$browser_n SHOTS NODE_PATH=$npm/node_modules
	HOME=$T timeout "${2:-2000}" node "$ROOT/tests/e2e/$1" || bad=1
}
# browser_voice FILE SECONDS: a tone, 8 bit, 8 kHz
browser_voice() {
	node -e '
	const n = 8000 * Number(process.argv[2]), b = Buffer.alloc(44 + n);
	b.write("RIFF", 0); b.writeUInt32LE(36 + n, 4); b.write("WAVEfmt ", 8); b.writeUInt32LE(16, 16); b.writeUInt16LE(1, 20); b.writeUInt16LE(1, 22);
	b.writeUInt32LE(8000, 24); b.writeUInt32LE(8000, 28); b.writeUInt16LE(1, 32); b.writeUInt16LE(8, 34); b.write("data", 36); b.writeUInt32LE(n, 40);
	for (let i = 0; i < n; i++) b[44 + i] = 128 + Math.round(40 * Math.sin(i * 0.35) * Math.sin(i / 2600) ** 2);
	require("fs").writeFileSync(process.argv[1], b);' "$1" "$2" && chmod 644 "$1"
}
