'use strict';
/*
 * The interface of docs/design/inbox-api.md without a database: for what of the
 * page is its own affair (looks, keyboard, hostile text, states that are rare).
 * What depends on the server is tested on the real one.
 */
const http = require('http');
const fs = require('fs');
const path = require('path');

const WEB = path.join(__dirname, '../../web');
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8' };
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC', 'base64');
const iso = (minutesAgo) => new Date(Date.now() - minutesAgo * 60000).toISOString();

// a world of conversations: { me, conversations, messages: {id: [newest last]}, events, notes }
function world() {
	const w = { change: 1, messageId: 1000, conversations: [], messages: {}, events: {}, notes: {}, feed: [], sent: [], calls: [], fail: null, signedIn: true,
		me: { name: 'anna', role: 'owner', lang: null, tick: 'tick/0123456789abcdef.txt', next: 1, version: '2.0', empty: false, users: ['anna', 'boris'], labels: ['опт', 'срочно'],
			replies: [{ id: 1, name: 'доставка', text: 'Доставка по городу 300 ₽, завтра с 10 до 18.' }, { id: 2, name: 'address', text: 'We are at 28 Nevsky, open 10 to 20.' }],
			accounts: [{ channel: 'instagram', account: 'main', title: 'Shop', textMax: 1000, textUnit: 'bytes', split: false, attachments: ['image', 'video', 'audio', 'file'], uploadMax: 8e6, quote: true, react: true, humanAgent: true },
				{ channel: 'whatsapp', account: 'main', title: 'Shop', textMax: 20000, textUnit: 'characters', split: true, attachments: ['image', 'video', 'audio', 'file'], uploadMax: 1e8, quote: true, react: false, humanAgent: false }] } };
	w.add = (id, channel, name, more) => {
		w.conversations.push({ id, channel, account: 'main', contactId: channel === 'whatsapp' ? `7999000${String(id).padStart(4, '0')}@c.us` : `66000000${id}`, group: false, name, username: null, phone: null, avatar: null,
			lastAt: null, lastMessage: null, unreadCount: 0, failedCount: 0, waitingSince: null, canSendUntil: channel === 'instagram' ? iso(-600) : null, humanUntil: null, maySend: true, done: false, assignee: null, labels: [], ...more });
		w.messages[id] = [];
		w.events[id] = [];
		w.notes[id] = [];
	};
	w.say = (conversation, direction, content, more = {}) => {
		const c = w.conversations.find((x) => x.id === conversation), { ago = 5, ...rest } = more;
		const m = { id: ++w.messageId, messageId: `mid-${w.messageId}`, conversation, account: c.account, channel: c.channel, direction, kind: 'text', content, detail: null, senderId: direction === 'inbound' ? c.contactId : 'shop',
			replyTo: null, status: direction === 'inbound' ? 'received' : 'read', createdAt: iso(ago), timeKnown: true, receivedAt: iso(ago), editedAt: null, deletedAt: null, deliveredAt: null, readAt: direction === 'inbound' ? null : iso(ago - 1),
			isTest: false, source: 'webhook', attachments: [], reactions: [], sender: null, by: direction === 'outbound' ? 'anna' : null, quote: null, outbox: null, error: null, ...rest };
		m.attachments = m.attachments.map((a, i) => ({ id: m.id * 10 + i, type: 'image', name: null, mimeType: null, bytes: -1, state: 'done', url: null, width: null, height: null, ...a }));
		w.messages[conversation].push(m);
		w.touch(m);
		return m;
	};
	w.touch = (m) => {
		const c = w.conversations.find((x) => x.id === m.conversation), all = w.messages[c.id], last = all.reduce((x, y) => (y.createdAt >= x.createdAt ? y : x));
		c.lastAt = last.createdAt;
		c.lastMessage = { id: last.id, kind: last.kind, content: last.content, direction: last.direction, status: last.status, createdAt: last.createdAt, deletedAt: last.deletedAt, sender: last.sender, by: last.by };
		c.unreadCount = all.filter((x) => x.direction === 'inbound' && x.readAt === null).length;
		c.failedCount = all.filter((x) => x.status === 'failed' && x.error?.code !== 'cancelled').length;
		const out = all.filter((x) => x.direction === 'outbound').at(-1);
		c.waitingSince = c.done ? null : all.find((x) => x.direction === 'inbound' && (!out || x.createdAt > out.createdAt))?.createdAt || null;
		m.changeId = ++w.change;
		w.feed.push({ type: 'message', changeId: m.changeId, m }, { type: 'conversation', changeId: ++w.change, c });
	};
	// a contact is erased, or becomes one with another
	w.erase = (id, into = null) => {
		for (const m of w.messages[id])
			if (into)
				w.messages[into].push(Object.assign(m, { conversation: into }));
		w.conversations = w.conversations.filter((c) => c.id !== id);
		delete w.messages[id];
		w.feed = w.feed.filter((f) => (f.m?.conversation || f.c?.id) !== id);
		w.feed.push({ changeId: ++w.change, gone: { id, into } });
		if (into)
			w.touch(w.messages[into].at(-1));
	};
	w.counts = () => ({ unanswered: w.conversations.filter((c) => c.waitingSince).length, mine: w.conversations.filter((c) => c.assignee === w.me.name).length,
		unread: w.conversations.filter((c) => c.unreadCount).length, failed: w.conversations.filter((c) => c.failedCount).length });
	return w;
}

const find = (w, id) => w.conversations.find((c) => c.id === Number(id));
const filters = { unanswered: (c) => c.waitingSince, mine: (c, w) => c.assignee === w.me.name, unread: (c) => c.unreadCount > 0, failed: (c) => c.failedCount > 0, done: (c) => c.done };
const matches = (w, c, q) => [c.name, c.username, c.phone, c.contactId].some((s) => s && s.toLowerCase().includes(q)) || w.messages[c.id].some((m) => (m.content || '').toLowerCase().includes(q));

const gets = {
	me: (w) => ({ ...w.me, next: w.change }),
	changes: (w, q) => {
		const reset = Number(q.after) > w.change, found = q.after && !reset ? w.feed.filter((f) => f.changeId > Number(q.after)) : [];
		const all = w.feedPage ? found.slice(0, w.feedPage) : found, more = all.length < found.length;
		return { changes: all.map((f) => (f.gone ? { ...f.gone, type: 'gone', changeId: f.changeId } : f.m ? { ...f.m, type: 'message', changeId: f.changeId } : { ...f.c, type: 'conversation', changeId: f.changeId })), next: more ? all.at(-1).changeId : w.change, more, held: false, reset, counts: w.counts() };
	},
	conversations: (w, q) => {
		const s = (q.q || '').toLowerCase();
		const all = w.conversations.filter((c) => c.lastAt && (!q.channel || c.channel === q.channel) && (!q.account || c.account === q.account) && (!q.label || c.labels.includes(q.label)) && (!filters[q.filter] || filters[q.filter](c, w)) && (!s || matches(w, c, s)))
			.sort((a, b) => (a.lastAt < b.lastAt ? 1 : -1)).map((c) => { const hit = s && w.messages[c.id].find((m) => (m.content || '').toLowerCase().includes(s)); return hit ? { ...c, hit: { id: hit.id, content: hit.content } } : c; });
		const from = Number(q.before || 0), n = Number(q.limit || 50);
		return { conversations: all.slice(from, from + n), next: from + n < all.length ? String(from + n) : null, counts: w.counts() };
	},
	conversation: (w, q) => (find(w, q.id) ? { conversation: find(w, q.id) } : null),
	messages: (w, q) => {
		if (!w.messages[q.conversation] || (q.around && !w.messages[q.conversation].some((m) => m.id === Number(q.around))))
			return null;
		const all = [...(w.messages[q.conversation] || [])].sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1)), n = Number(q.limit || 50);
		const at = (id) => all.findIndex((m) => m.id === Number(id));
		const [from, to] = q.before ? [Math.max(0, at(q.before) - n), at(q.before)] : q.after ? [at(q.after) + 1, at(q.after) + 1 + n] :
			q.around ? [Math.max(0, at(q.around) - n / 2), at(q.around) + n / 2] : [Math.max(0, all.length - n), all.length];
		const page = all.slice(from, to);
		return { messages: [...page].reverse(), events: w.events[q.conversation], notes: w.notes[q.conversation], next: from > 0 ? String(page[0]?.id || q.before) : null, prev: to < all.length ? String(page.at(-1).id) : null };
	},
	owner: (w) => w.owner,
	users: (w) => ({ users: w.owner?.users || [] }),
	ledger: () => ({ deliveries: [{ id: 7, receivedAt: iso(90), channel: 'instagram', account: 'main', source: 'webhook', verdict: 'rejected', reason: 'wrong_secret', bytes: 180 }], next: null }),
	delivery: () => ({ id: 7, receivedAt: iso(90), remoteAddr: '203.0.113.9', contentType: 'application/json', headers: { 'user-agent': 'flow/1' }, body: '{"senderId":"1","text":"<b>"}', bodyIsText: true, reason: 'wrong_secret', what: 'The secret of this delivery is another one.', remedy: 'Put the secret of the configuration into the flow.' }),
	why: () => ({ steps: [{ at: iso(9), event: 'received', text: 'A delivery came from 203.0.113.9' }, { at: iso(9), event: 'stored', text: 'Stored as message 1001' }], message: { content: 'Добрый день' } }),
};
const posts = {
	me: (w, b) => { w.me.lang = b.lang; return { success: true }; },
	login: (w, b) => (b.token === 'good' ? (w.signedIn = true, gets.me(w)) : { status: 401, code: b.token === 'used' ? 'link_used' : 'link_unknown' }),
	logout: (w) => { w.signedIn = false; return { success: true }; },
	read: (w, b) => { const at = iso(0); for (const m of w.messages[b.conversation]) if (m.readAt === null && m.direction === 'inbound') { m.readAt = at; w.touch(m); } return { success: true, marked: 1 }; },
	conversation: (w, b) => {
		const c = find(w, b.id);
		for (const k of ['done', 'assignee'])
			if (k in b)
				c[k] = b[k];
		c.labels = [...new Set([...c.labels, ...(b.addLabels || [])])].filter((l) => !(b.removeLabels || []).includes(l));
		w.touch(w.messages[c.id].at(-1));
		return { conversation: c };
	},
	note: (w, b) => {
		if (b.delete) {
			for (const k of Object.keys(w.notes))
				w.notes[k] = w.notes[k].filter((n) => n.id !== b.id);
			return { success: true };
		}
		const n = { id: ++w.messageId, conversation: b.conversation, at: iso(0), by: w.me.name, body: b.body };
		w.notes[b.conversation].push(n);
		return { note: n };
	},
	replies: (w, b) => {
		const r = w.me.replies.find((x) => x.id === b.id);
		if (b.id && !r)
			return { status: 404, code: 'not_found' };
		if (!b.delete && w.me.replies.some((x) => x !== r && x.name === b.name))
			return { status: 409, code: 'name_taken' };
		if (b.delete)
			w.me.replies = w.me.replies.filter((x) => x !== r);
		else if (r)
			Object.assign(r, { name: b.name, text: b.text });
		else
			w.me.replies.push({ id: w.me.replies.length + 1, name: b.name, text: b.text });
		return { replies: w.me.replies };
	},
	outbox: (w, b) => {
		const m = Object.values(w.messages).flat().find((x) => x.outbox?.id === b.id);
		Object.assign(m, b.action === 'retry' ? { status: 'accepted', error: null, outbox: { ...m.outbox, state: 'sent' } } : { status: 'failed', error: { code: 'cancelled', kind: 'cancelled', message: 'cancelled before it was sent' }, outbox: { ...m.outbox, state: 'dead', canRetry: true, canCancel: false } });
		w.touch(m);
		return { success: true, state: m.outbox.state };
	},
	users: (w, b) => (b.action === 'role' ? (w.owner.users.find((u) => u.name === b.name).role = b.role, { users: w.owner.users }) : b.action === 'add' || b.action === 'link' ? { name: b.name, role: b.role || 'answer', link: 'http://127.0.0.1/inbox/#login=TOKEN', expiresAt: iso(-1440), qr: ['1110111', '1010101', '1110111', '0001000', '1110110', '1010011', '1110101'] } : (b.action === 'revoke' && b.name === w.me.name && (w.signedIn = false), { users: w.owner.users })),
	delivery: () => ({ success: true, stored: 1, duplicates: 0, ignored: 0 }),
};
function send(w, b, key, channel) {
	w.sent.push({ ...b, key });
	if (w.fail)
		return { status: w.fail.status, code: w.fail.code, message: w.fail.message };
	const c = w.conversations.find((x) => x.contactId === b.recipientId && x.channel === channel), known = Object.values(w.messages).flat().find((m) => m.outbox?.key === key);
	if (b.action) {
		const m = w.messages[c.id].find((x) => x.messageId === b.replyTo);
		m.reactions = b.action === 'react' ? [{ contact: 0, emoji: b.reaction, reactedAt: iso(0), own: true, name: w.me.name }] : [];
		w.touch(m);
		return { success: true, id: 1, status: 'sent', messageId: null };
	}
	const m = known || w.say(c.id, 'outbound', b.message || null, { ago: 0, status: 'accepted', readAt: null, kind: b.attachments ? b.attachments[0].type : 'text', replyTo: b.replyTo || null, outbox: { id: w.messageId + 1, key, state: 'accepted', attempts: 1, nextAt: null, canRetry: false, canCancel: false },
		attachments: (b.attachments || []).map((a) => ({ type: a.type, name: a.name, mimeType: 'image/png' })) });
	return { success: true, id: m.outbox.id, status: 'accepted', messageId: m.messageId, recipientId: b.recipientId };
}

// serves w; answers with { url, close }
function serve(w) {
	const server = http.createServer(async (req, res) => {
		const u = new URL(req.url, 'http://x'), q = Object.fromEntries(u.searchParams), chunks = [];
		for await (const c of req)
			chunks.push(c);
		const body = Buffer.concat(chunks), name = u.pathname.replace(/^\/inbox\//, '');
		const answer = (status, data, headers) => { res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers }); res.end(JSON.stringify(data)); };
		const error = (status, code, message) => answer(status, { error: { code, message: message || code }, requestId: 'x' });
		w.calls.push(`${req.method} ${u.pathname}`);
		res.setHeader('Date', new Date(Date.now() + (w.ahead || 0)).toUTCString());
		if (w.away)
			return req.socket.destroy();
		if (name === w.me.tick) {
			const etag = `"${w.change}"`;
			res.writeHead(req.headers['if-none-match'] === etag ? 304 : 200, { ETag: etag, 'Cache-Control': 'no-cache', 'Content-Type': 'text/plain' });
			return res.end();
		}
		if (u.pathname.startsWith('/inbox/') && (name === '' || name.includes('.'))) {
			const file = path.join(WEB, name || 'index.html');
			if (!fs.existsSync(file))
				return error(404, 'not_found');
			res.writeHead(200, { 'Content-Type': types[path.extname(file)] || 'application/octet-stream', 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff' });
			return res.end(fs.readFileSync(file));
		}
		if (name === 'media') {
			res.writeHead(200, { 'Content-Type': 'image/png' });
			return res.end(PNG);
		}
		if (req.headers['x-dmbox'] !== '1')
			return error(403, 'no_header');
		if (!w.signedIn && name !== 'login')
			return error(401, 'no_session');
		if (/^\/(instagram|whatsapp)\/upload$/.test(u.pathname))
			return answer(200, { upload: `u${w.change++}`, type: req.headers['content-type'].split('/')[0], mimeType: req.headers['content-type'], name: q.name, bytes: body.length });
		const json = body.length ? JSON.parse(body) : {}, sends = u.pathname.match(/^\/(instagram|whatsapp)\/send$/);
		const r = sends ? send(w, json, req.headers['idempotency-key'], sends[1]) : req.method === 'POST' ? posts[name]?.(w, json) : gets[name]?.(w, q);
		return r === null || r === undefined ? error(404, 'not_found') : r.code ? error(r.status, r.code, r.message) : answer(r.status === 202 ? 202 : 200, r);
	});
	return new Promise((ready) => server.listen(0, '127.0.0.1', () => ready({ url: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close(); } })));
}

module.exports = { world, serve, iso, PNG };
if (require.main === module) {
	const w = require('./views').fill(world());
	serve(w).then((s) => console.log(`${s.url}/inbox/`));
}
