// What one would write instead: Fastify, two workers, a pool, and one prepared statement
// that stores the raw delivery, the contact and the message in three plain tables.
import cluster from 'node:cluster'
import Fastify from 'fastify'
import pg from 'pg'

const WORKERS = 2
const SQL = {
	name: 'take', text: `
with d as (
	insert into peer.deliveries (account, body) values ('main', $1) returning id),
c as (
	insert into peer.contacts (account, external_id, name) values ('main', $3, $5)
	on conflict (account, external_id) do update set last_inbound_at = now() returning id)
insert into peer.messages (account, external_id, sender_id, body, contact_id, delivery_id, sent_at)
select 'main', $2, $3, $4, c.id, d.id, now() from c, d
on conflict do nothing` }

if (cluster.isPrimary) {
	for (let i = 0; i < WORKERS; i++) cluster.fork()
	process.on('SIGTERM', () => process.exit(0))
} else {
	const pool = new pg.Pool({ max: 16, application_name: 'peer' })
	const app = Fastify({ logger: false })
	const secret = process.env.BENCH_SECRET

	app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (req, body, done) => done(null, body))
	app.post('/peer', async (req, reply) => {
		if (req.headers['x-webhook-secret'] !== secret) return reply.code(401).send()
		const m = JSON.parse(req.body)
		const r = await pool.query({ ...SQL, values: [req.body, m.messageId, m.senderId, m.text, m.username] })
		return { success: true, received: 1, stored: r.rowCount }
	})
	app.listen({ host: '127.0.0.1', port: Number(process.env.BENCH_PORT) })
}
