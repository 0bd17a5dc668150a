#!/bin/bash
# Seeds that need not lie here twice: made of the pairs in tests/data, without a
# process for each of the two thousand.
#
# usage: tests/fuzz/seeds.sh TARGET FOLDER
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1
target=$1 out=$2
mkdir -p "$out" || exit 1

# slurp FILE: its bytes (up to a NUL) in $text
slurp() { text=; IFS= read -r -d '' text <"$1"; }

parse() {	# PROVIDER
	local f kind
	for f in tests/data/"$1"/*.in.*; do
		slurp "$f"
		case $f in *.json) kind='\0';; *.form) kind='\1';; *) kind='\4';; esac
		printf "$kind%s" "$text" >"$out/data-${f##*/}"
	done
}

# answers PROVIDER: the blocks of .poll (the first is settings), .send, .probe, and
# bodies of deliveries as answers to every kind of question
answers() {
	local f b first
	for f in tests/data/"$1"/*.poll; do
		[ -f "$f" ] || continue
		slurp "$f"
		printf '\0\1%s' "${text#*$'\n%%\n'}" >"$out/data-${f##*/}"
	done
	for f in tests/data/"$1"/*.send tests/data/"$1"/*.probe; do
		[ -f "$f" ] || continue
		slurp "$f"
		first=${text#*$'%%\n'}
		for b in 1 2 3 4 5 6 7 8; do
			printf "\\$b\\0%s" "${first%%$'%%\n'*}" >"$out/data-$b-${f##*/}"
		done
	done
	for f in tests/data/"$1"/*.in.json; do
		slurp "$f"
		for b in 0 2 3 4 5; do
			printf "\\$b\\0200\n\n%s" "$text" >"$out/data-$b-${f##*/}"
		done
	done
}

# each PATTERN HEAD PREFIX: the files with a head before them
each() {
	local f
	for f in $1; do
		slurp "$f"
		printf '%b%s' "$2" "$text" >"$out/$3-${f##*/}"
	done
}

case $target in
parse_*) parse "${target#parse_}" ;;
answers_*)
	answers "${target#answers_}"
	if [ "$target" = answers_cloud ]; then
		printf '\7\0%s\n\n{"url":"%s","id":"1"}' 200 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1' >"$out/media"
		printf '\7\0%s\n\n{"url":"%s","id":"1"}' 200 'https://example.invalid\\.fbsbx.com/' >"$out/media-not-meta"
		printf '\10\0%s\n\n%s' 200 '{"data":[{"name":"a\"b","language":"ru","status":"APPROVED"}]}' >"$out/templates"
	fi
	;;
json) for p in chatrace graph greenapi cloud; do each "tests/data/$p/*.in.json" '' "$p"; done ;;
form) each 'tests/data/*/*.in.form' '' data ;;
config) slurp dmbox.env.example; printf '\0%s' "$text" >"$out/example" ;;
request)
	each 'tests/data/chatrace/*.in.*' 'REQUEST_METHOD=POST\nREQUEST_URI=/instagram/webhook\nHTTP_X_WEBHOOK_SECRET=made-up-secret-one\n\n' chatrace
	each 'tests/data/greenapi/*.in.json' 'REQUEST_METHOD=POST\nREQUEST_URI=/whatsapp/webhook\nHTTP_AUTHORIZATION=Bearer made-up-webhook-token\n\n' greenapi
	;;
esac
exit 0
