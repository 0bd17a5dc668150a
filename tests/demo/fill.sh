#!/bin/bash
# make demo: 80 made-up people have written to a shop, by every provider and in every
# form.  Their pictures, voices, videos and files are served by the simulator; every
# delivery goes the way that a real one would.
# usage: fill.sh STATE URL     (a running make run)
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../stack/lib.sh"
STATE=$1 URL=$2
secret=$(conf_get "$STATE/dmbox.env" INSTAGRAM_WEBHOOK_SECRET)
green=$(conf_get "$STATE/dmbox.env" WHATSAPP_WEBHOOK_TOKEN)
app=$(conf_get "$STATE/accounts/meta.env" INSTAGRAM_APP_SECRET)
page=$(conf_get "$STATE/accounts/meta.env" INSTAGRAM_PAGE_ID)
sim=$(conf_get "$STATE/accounts/meta.env" INSTAGRAM_API_URL)
sim=${sim%/graph}
files=$(dirname "$(realpath "$STATE/dmbox.env")")/sim/files
cp "$here"/media/* "$files/" && chmod 644 "$files"/* || exit 1

post() {	# post PATH BODY [HEADER]: 200, or the fill ends
	local code
	code=$(printf '%s' "$2" | curl -s -m 60 -o /dev/null -w '%{http_code}' -X POST --data-binary @- \
	    -H 'Content-Type: application/json' -H "${3:-X-Demo: 1}" "$1") || code="curl $?"
	[ "$code" = 200 ] || { echo "demo: $1 answered $code" >&2; exit 1; }
}
printf -v now '%(%s)T' -1
lines=$(jq -r --argjson now "$now" --arg files "$sim/files/" --arg page "$page" -f "$here/fill.jq" "$here/people.json") || exit 1
while IFS=$'\t' read -r to body; do
	case $to in
	contact) post "$sim/_sim/graph/contact" "$body" ;;
	graph)
		sig=$(printf '%s' "$body" | openssl dgst -sha256 -hmac "$app" -r | cut -d' ' -f1)
		post "$URL/instagram/webhook/meta" "$body" "X-Hub-Signature-256: sha256=$sig" ;;
	chatrace) post "$URL/instagram/webhook" "$body" "X-Webhook-Secret: $secret" ;;
	green) post "$URL/whatsapp/webhook" "$body" "Authorization: Bearer $green" ;;
	esac
done <<<"$lines"
