#ifndef DMBOX_STORE_VIEW_ROW_H
#define DMBOX_STORE_VIEW_ROW_H

/* The SQL that makes a message's JSON, for the lists of store/view.c and store/desk.c. */

/* One message as JSON, with its place in the list before it. */
#define MESSAGE_COLS                                                                               \
	"select (extract(epoch from m.sent_at) * 1000000)::bigint, m.id, json_build_object("       \
	"'id', m.id, 'messageId', m.external_id, 'conversation', m.contact_id,"                    \
	"'account', m.account, 'channel', m.channel, 'provider', m.provider,"                      \
	"'direction', m.direction, 'kind', m.kind, 'content', m.body, 'detail', m.detail,"         \
	"'senderId', m.sender_id, 'recipientId', m.recipient_id, 'replyTo', m.reply_to,"           \
	"'status', m.status, 'createdAt', dmbox.iso(m.sent_at), 'timeKnown', m.sent_at_known,"     \
	"'receivedAt', dmbox.iso(m.received_at), 'changeId', m.change_id, 'editedAt', " \
	"dmbox.iso(m.edited_at)," \
	"'deletedAt', dmbox.iso(m.deleted_at), 'deliveredAt', dmbox.iso(m.delivered_at),"          \
	"'readAt', dmbox.iso(m.read_at), 'isTest', m.is_test, 'source', m.source,"                 \
	"'attachments', coalesce((select json_agg(json_build_object('id', a.id, 'type', a.type,"   \
	"  'url', a.url, 'name', a.name, 'mimeType', a.mime_type, 'bytes', a.bytes,"               \
	"  'state', a.state) order by a.position)"                                                 \
	"  from dmbox.attachments a where a.message_id = m.id), '[]'::json),"                      \
	"'reactions', coalesce((select json_agg(json_build_object('contact', r.contact_id,"        \
	"  'emoji', r.emoji, 'reactedAt', dmbox.iso(r.reacted_at)," \
	"  'own', r.contact_id = 0 or coalesce(r.contact_id <> m.contact_id and k.external_id = " \
	"   case m.direction when 'inbound' then m.recipient_id else m.sender_id end, false)," \
	"  'name', coalesce(k.name, k.username))" \
	"  order by r.contact_id)" \
	"  from dmbox.reactions r left join dmbox.contacts k on k.id = r.contact_id" \
	"  where r.message_id = m.id and r.removed_at is null)," \
	"  '[]'::json),"                                                                           \
	/* no part of the plan: called in vain they take a third of the statement's time */ \
	"'sender', case when m.thread_id like '%@g.us' then dmbox.sender_of(m) end," \
	"'quote', case when m.reply_to is not null then dmbox.quote_of(m) end," \
	/* callers are kept as a digest; only those of people have a name (endpoint/session.c) */ \
	"'by', (select u.name from dmbox.outbox o join dmbox.users u on o.caller ="                \
	"  encode(sha256(convert_to('user:' || u.name, 'UTF8')), 'hex') where o.id = " \
	"m.outbox_id)," \
	"'outbox', (select json_build_object('id', o.id, 'state', o.state, 'attempts', " \
	"o.attempts," \
	"  'nextAt', case when o.state = 'queued' then dmbox.iso(o.next_at) end," \
	"  'canRetry', o.state in ('unknown', 'failed', 'dead')," \
	"  'canCancel', o.state in ('queued', 'unknown'))" \
	"  from dmbox.outbox o where o.id = m.outbox_id)," \
	"'error', case when m.error_text is not null then json_build_object("                      \
	"  'code', 'failed_later', 'kind', dmbox.error_kind('failed_later', m.error_text),"\
	"  'message', m.error_text)"                                       \
	"  else (select case when o.error_code is null then null else json_build_object("          \
	"  'code', o.error_code, 'kind', dmbox.error_kind(o.error_code, o.error_text),"\
	"  'message', o.error_text) end"                                     \
	"  from dmbox.outbox o where o.id = m.outbox_id) end)::text"
#define MESSAGE_ROW MESSAGE_COLS " from dmbox.messages m "

#endif
