/*
 * A server that has sessions and the feed, but not yet all of docs/design/inbox-api.md:
 * lists and messages come from the contract's addresses, channel by channel.
 */
import { base, call, post } from './base.js';

export function adapt(server, ApiError) {
	const ask = (channel, path, o = {}) => call(`${base}${channel}/${path}?${new URLSearchParams(Object.entries(o).filter(([, v]) => v))}`.replace(/\?$/, ''));
	const signedIn = server.me;
	let channels = [], quotes = new Map();
	const fullC = (c) => ({ ...c, failedCount: 0, labels: [], done: false, humanUntil: c.canSendUntil && new Date(Date.parse(c.canSendUntil) + 6 * 86400e3).toISOString() });
	const fullM = (m) => {
		quotes.set(m.messageId, m);
		const q = quotes.get(m.replyTo);
		return { ...m, attachments: m.attachments.map((a) => ({ ...a, channel: m.channel })), sender: m.detail?.senderName ? { id: m.senderId, name: m.detail.senderName } : null, quote: q ? { id: q.id, kind: q.kind, content: q.content, direction: q.direction, name: '', deletedAt: q.deletedAt } : null };
	};
	Object.assign(server, {
		onlyAll: true,
		me: async () => {
			const me = await signedIn();
			const found = await Promise.all(['instagram', 'whatsapp'].map((c) => ask(c, 'conversations', { limit: 1 }).then(() => c, (err) => { if (err.status === 404) return null; throw err; })));
			channels = found.filter(Boolean);
			const now = await call('changes');
			return { ...me, lang: null, tick: me.tick ?? null, next: now.next, users: [], labels: [], replies: [], empty: false,
				accounts: channels.map((channel) => ({ channel, account: null, attachments: [], quote: true, react: true, split: true })) };
		},
		conversations: async ({ channel, q, limit, before }) => {
			const places = before ? JSON.parse(before) : Object.fromEntries(channels.map((c) => [c, '']));
			const pages = await Promise.all(Object.entries(places).filter(([c]) => !channel || c === channel).map(([c, b]) => ask(c, 'conversations', { q, limit, before: b }).then((p) => [c, p])));
			const next = Object.fromEntries(pages.filter(([, p]) => p.next).map(([c, p]) => [c, p.next]));
			const all = pages.flatMap(([, p]) => p.conversations.map(fullC));
			return { conversations: all, next: Object.keys(next).length ? JSON.stringify(next) : null, counts: before || q ? undefined : { unread: all.filter((c) => c.unreadCount > 0).length } };
		},
		conversation: async (channel, id) => {
			for (let before = '', n = 0; n < 20; n++) {
				const p = await ask(channel, 'conversations', { limit: 200, before }), c = p.conversations.find((x) => x.id === id);
				if (c || !p.next) {
					if (c)
						return fullC(c);
					break;
				}
				before = p.next;
			}
			throw new ApiError(404, 'not_found', '');
		},
		messages: async (c, { around, ...o }) => {
			if (around) {
				const after = await ask(c.channel, 'messages', { conversation: c.id, after: around, limit: 25 });
				const before = await ask(c.channel, 'messages', { conversation: c.id, before: around, limit: 25 });
				const one = (await ask(c.channel, 'messages', { conversation: c.id, after: before.messages[0]?.id || '1_0', limit: 1 })).messages;
				return { messages: [...after.messages, ...one, ...before.messages].map(fullM), next: before.next, prev: after.next };
			}
			const p = await ask(c.channel, 'messages', { conversation: c.id, ...o });
			const messages = [...p.messages].reverse().map(fullM).reverse();
			return { messages, next: o.after ? undefined : p.next, prev: o.after ? p.next : null };
		},
		changes: async (after) => {
			const r = await call(`changes?after=${after}`);
			return { ...r, changes: r.changes.map((c) => (c.type === 'message' ? { ...fullM(c), type: c.type } : { ...fullC(c), type: c.type })) };
		},
		read: (c, upTo) => post(`${base}${c.channel}/read`, { conversation: c.id, upTo }),
		media: (a) => `${base}${a.channel}/media?attachment=${encodeURIComponent(a.id)}`,
	});
}
