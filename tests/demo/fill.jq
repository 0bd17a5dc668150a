# The people of people.json as deliveries: lines "TARGET<TAB>JSON" for fill.sh.
# $now: seconds; $files: where the simulator serves the media; $page: the Graph account's id.

def pad: tostring | ("000" + .)[-3:];
def mime: if endswith(".jpg") then "image/jpeg" elif endswith(".webp") then "image/webp" elif endswith(".ogg") then "audio/ogg"
	elif endswith(".mp4") then "video/mp4" else "application/pdf" end;

# --- Instagram, as Graph tells it -------------------------------------------------
def att(t; f): {attachments: [{type: t, payload: {url: f}}]};
def graph_message($m; $ids; $j):
	$m[1] as $k | $m[2:] as $a
	| if $k == "text" then {text: $a[0]}
	elif $k == "quote" then {text: $a[1], reply_to: {mid: $ids[$j + $a[0]]}}
	elif $k == "ad" then {text: $a[2], referral: {ref: "autumn", source: "ADS", type: "OPEN_THREAD", ad_id: $a[1], ads_context_data: {ad_title: $a[0], photo_url: "http://ads.example/1.jpg"}}}
	elif $k == "product" then {text: $a[1], referral: {product: {id: $a[0]}}}
	elif $k == "image" then att("image"; $files + $a[0])
	elif $k == "video" then att("video"; $files + $a[0])
	elif $k == "story" then {text: $a[1], reply_to: {story: {id: "179", url: $a[0]}}}
	elif $k == "mention" then att("story_mention"; $a[0])
	elif $k == "share" then {attachments: [{type: "share", payload: {url: $a[0], title: $a[1]}}]}
	elif $k == "reel" then {attachments: [{type: "ig_reel", payload: {url: $a[0], title: $a[1], reel_video_id: "18003"}}]}
	elif $k == "heart" then {attachments: [{type: "like_heart"}]}
	elif $k == "ephemeral" then {attachments: [{type: "ephemeral"}]}
	elif $k == "unsupported" then {is_unsupported: true}
	else {text: $a[0]} end;
def graph_items($p; $id; $ids; $at):
	$p.messages | to_entries[] | .key as $j | .value as $m | ($m[0] == "out") as $out
	| {sender: {id: (if $out then $page else $id end)}, recipient: {id: (if $out then $id else $page end)}, timestamp: ($at[$j] * 1000)}
	| if $m[1] == "react" then . + {reaction: {mid: $ids[$j - 1], action: "react", reaction: "love", emoji: $m[2]}}
	elif $m[1] == "postback" then . + {postback: {mid: $ids[$j], title: $m[2], payload: $m[3]}}
	elif $m[1] == "unsend" then (. + {message: {mid: $ids[$j], text: $m[2]}}), (. + {timestamp: (.timestamp + 5000), message: {mid: $ids[$j], is_deleted: true}})
	else (. + {message: ({mid: $ids[$j]} + graph_message($m; $ids; $j) + (if $out then {is_echo: true} else {} end))}),
		# a caption is a message of its own
		(if ($m[1] == "image" or $m[1] == "video") and $m[3] then . + {timestamp: (.timestamp + 3000), message: ({mid: ($ids[$j] + "c"), text: $m[3]} + (if $out then {is_echo: true} else {} end))} else empty end) end;
def graph_lines($p; $n; $ids; $at):
	("66000000000" + ($n | pad)) as $id
	| "contact\t" + ({id: $id, name: $p.name, username: $p.username, wrote_s: ($p.ago * 60)} | tojson),
	"graph\t" + ({object: "instagram", entry: [{id: $page, time: ($at[-1] * 1000), messaging: [graph_items($p; $id; $ids; $at)]}]} | tojson);

# --- Instagram by Chatrace ---------------------------------------------------------
def chatrace_line($p; $n; $ids; $at):
	"chatrace\t" + ([$p.messages | to_entries[] | .key as $j | .value as $m
	| {messageId: $ids[$j], timestamp: $at[$j], username: $p.username, name: $p.name}
	+ (if $m[0] == "out" then {contact_id: ("55000" + ($n | pad)), direction: "outbound"} else {senderId: ("55000" + ($n | pad))} end)
	+ (if $m[1] == "image" then {text: $m[3], attachments: [{type: "image", url: ($files + $m[2])}]} else {text: $m[2]} end)] | tojson);

# --- WhatsApp by Green API -----------------------------------------------------------
def file($type; $a): {typeMessage: $type, fileMessageData: {downloadUrl: ($files + $a[0]), mimeType: ($a[0] | mime), fileName: $a[0], caption: ($a[1] // "")}};
def words($s): {typeMessage: "textMessage", textMessageData: {textMessage: $s}};
def green_data($m; $ids; $j):
	$m[1] as $k | $m[2:] as $a
	| if $k == "image" then file("imageMessage"; $a) elif $k == "voice" then file("audioMessage"; $a) elif $k == "video" then file("videoMessage"; $a)
	elif $k == "file" then file("documentMessage"; $a) elif $k == "sticker" then file("stickerMessage"; $a)
	elif $k == "place" then {typeMessage: "locationMessage", locationMessageData: {latitude: $a[0], longitude: $a[1], nameLocation: $a[2], address: $a[3]}}
	elif $k == "contact" then {typeMessage: "contactMessage", contactMessageData: {displayName: $a[0], vcard: "BEGIN:VCARD\nVERSION:3.0\nFN:\($a[0])\nTEL;TYPE=CELL:\($a[1])\nEND:VCARD"}}
	elif $k == "poll" then {typeMessage: "pollMessage", pollMessageData: {name: $a[0], options: ($a[1:] | map({optionName: .})), multipleAnswers: true}}
	elif $k == "like" then {typeMessage: "reactionMessage", extendedTextMessageData: {text: $a[0]}, quotedMessage: {stanzaId: $ids[$j - 1]}}
	else words($a[0]) end;
def green_lines($p; $n; $ids; $at):
	(if $p.group then "1203630000000" + ($n | pad) + "@g.us" else "79990000" + ($n | pad) + "@c.us" end) as $chat
	| $p.messages | to_entries[] | .key as $j | .value as $m | ($m[0] == "out") as $out
	| (if $p.group and ($out | not) then $m[-1] else null end) as $by
	| (if $by != null then $m[:-1] else $m end) as $m
	| (if $out then "70000000000@c.us" elif $by != null then "7999100000\($by)@c.us" else $chat end) as $sender
	| {typeWebhook: (if $out then "outgoingMessageReceived" else "incomingMessageReceived" end), instanceData: {idInstance: 1101000001, wid: "70000000000@c.us", typeInstance: "whatsapp"},
		timestamp: $at[$j], idMessage: $ids[$j],
		senderData: {chatId: $chat, sender: $sender, chatName: $p.name, senderName: (if $out then "Глина и небо" elif $by != null then $p.group[$by] else $p.name end)}}
	| if $m[1] == "call" then "green\t" + ({typeWebhook: "incomingCall", from: $chat, instanceData, timestamp, idMessage, status: "missed"} | tojson)
	elif $m[1] == "edited" then ("green\t" + ((. + {messageData: words($m[2])}) | tojson)),
		("green\t" + ((. + {idMessage: (.idMessage + "E"), timestamp: (.timestamp + 20), messageData: {typeMessage: "editedMessage", editedMessageData: {textMessage: $m[3], stanzaId: $ids[$j]}}}) | tojson))
	else "green\t" + ((. + {messageData: green_data($m; $ids; $j)}) | tojson) end;

to_entries[] | (.key + 1) as $n | .value as $p | ($p.messages | length) as $count
| [range($count) | "demo-\($n)-\(.)"] as $ids
| [range($count) | $now - $p.ago * 60 - ($count - 1 - .) * (140 + ($n * 37) % 200)] as $at
| if $p.channel == "graph" then graph_lines($p; $n; $ids; $at) elif $p.channel == "chatrace" then chatrace_line($p; $n; $ids; $at) else green_lines($p; $n; $ids; $at) end
