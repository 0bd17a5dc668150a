#!/bin/bash
# Seeds that need not lie here twice: made of the pairs in tests/data.
#
# usage: tests/fuzz/seeds.sh TARGET FOLDER
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1
target=$1 out=$2
mkdir -p "$out" || exit 1

# put NAME: standard input as a seed
put() { cat >"$out/$1"; }

parse() {	# PROVIDER
	local f
	for f in tests/data/"$1"/*.in.*; do
		case $f in
		*.json) { printf '\0'; cat "$f"; } ;;
		*.form) { printf '\1'; cat "$f"; } ;;
		*) { printf '\4'; cat "$f"; } ;;
		esac | put "data-$(basename "$f")"
	done
}

# answers PROVIDER: the blocks of .poll (the first is settings), .send, .probe
answers() {
	local f b=0
	for f in tests/data/"$1"/*.poll; do
		[ -f "$f" ] && { printf '\0\1'; awk 'seen { print } /^%%$/ { seen = 1 }' "$f"; } | put "data-$(basename "$f")"
	done
	for f in tests/data/"$1"/*.send tests/data/"$1"/*.probe; do
		[ -f "$f" ] || continue
		# every answer apart; what a look-up, a fetch, a profile, a refresh make of it too
		for b in 1 2 3 4 5 6; do
			{ printf "\\$b\\0"; awk '/^%%$/ { n++; next } n == 1 { print }' "$f"; } | put "data-$b-$(basename "$f")"
		done
		awk -v RS='%%\n' 'NR > 1' "$f" >/dev/null
	done
	for f in tests/data/"$1"/*.in.json; do
		for b in 0 2 3 4 5; do
			{ printf "\\$b\\0200\n\n"; cat "$f"; } | put "data-$b-$(basename "$f")"
		done
	done
}

case $target in
parse_*) parse "${target#parse_}" ;;
answers_*) answers "${target#answers_}" ;;
json) for f in tests/data/*/*.in.json; do put "$(basename "$(dirname "$f")")-$(basename "$f")" <"$f"; done ;;
form) for f in tests/data/*/*.in.form; do put "data-$(basename "$f")" <"$f"; done ;;
config) { printf '\0'; cat dmbox.env.example; } | put example ;;
request)
	for f in tests/data/chatrace/*.in.*; do
		{ printf 'REQUEST_METHOD=POST\nREQUEST_URI=/instagram/webhook\nHTTP_X_WEBHOOK_SECRET=made-up-secret-one\n\n'; cat "$f"; } |
			put "chatrace-$(basename "$f")"
	done
	for f in tests/data/greenapi/*.in.json; do
		{ printf 'REQUEST_METHOD=POST\nREQUEST_URI=/whatsapp/webhook\nHTTP_AUTHORIZATION=Bearer made-up-webhook-token\n\n'; cat "$f"; } |
			put "greenapi-$(basename "$f")"
	done ;;
esac
exit 0
