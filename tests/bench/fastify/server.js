// What one would write instead: Fastify with two workers and a pool, storing the
// same rows (ledger, contact, message) in the same tables, in one prepared statement.
import cluster from 'node:cluster'
import { randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import pg from 'pg'

const WORKERS = 2
const SQL = {
	name: 'take', text: `
with d as (
	insert into dmbox.deliveries (delivery_uid, received_at, channel, account, source, request_id,
	       remote_addr, content_type, headers, body, verdict, reason, items, stored)
	values ($1, now(), 'instagram', 'main', 'webhook', $2, $3, $4, $5, $6, 'accepted', 'ok', 1, 1)
	returning id),
c as (
	insert into dmbox.contacts as k (account, channel, external_id, username, username_at, last_inbound_at, last_at)
	values ('main', 'instagram', $7, $8, $9, $9, $9)
	on conflict (account, channel, external_id) do update
	   set username = excluded.username, last_inbound_at = greatest(k.last_inbound_at, excluded.last_inbound_at),
	       last_at = greatest(k.last_at, excluded.last_at)
	returning id)
insert into dmbox.messages (account, channel, provider, external_id, contact_id, sender_id, direction, kind, body,
       status, sent_at, sent_at_known, received_at, source, delivery_id)
select 'main', 'instagram', 'chatrace', $10, c.id, $7, 'inbound', 'text', $11, 'received', $9, true, now(),
       'webhook', d.id
  from d, c
on conflict do nothing
returning id` }

if (cluster.isPrimary) {
	for (let i = 0; i < WORKERS; i++) cluster.fork()
	process.on('SIGTERM', () => process.exit(0))
} else {
	const pool = new pg.Pool({ max: 16 })
	const app = Fastify({ logger: false })
	const secret = process.env.BENCH_SECRET

	app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (req, body, done) => done(null, body))
	app.post('/instagram/webhook', async (req, reply) => {
		if (req.headers['x-webhook-secret'] !== secret) return reply.code(401).send()
		const m = JSON.parse(req.body)
		const headers = { ...req.headers }
		delete headers['x-webhook-secret']
		const r = await pool.query({ ...SQL, values: [randomUUID(), randomUUID().slice(0, 20), req.ip,
			req.headers['content-type'], headers, req.body, m.senderId, m.username,
			new Date(m.timestamp * 1000), m.messageId, m.text] })
		return { success: true, received: 1, stored: r.rowCount, duplicates: 1 - r.rowCount }
	})
	app.listen({ host: '127.0.0.1', port: Number(process.env.BENCH_PORT) })
}
