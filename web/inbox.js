'use strict';
/*
 * The inbox page: lists, reads and answers conversations through the same
 * addresses that any program may use.  The token stays in this tab
 * (sessionStorage) and goes nowhere but into the Authorization header.  Text
 * from outside is only ever set as text, never as markup.
 */
(() => {
const words = {
	en: {
		token: 'Access token', tokenHint: 'dmbox token --sub you --scope "read send" prints one.',
		enter: 'Open the inbox', leave: 'Sign out', back: 'Back to the list', channel: 'Channel', more: 'More', older: 'Earlier messages', send: 'Send',
		search: 'Search names and words', write: 'Write an answer',
		wrong: 'This token is not accepted. It may be too old: make a new one with dmbox token.',
		scope: 'This token may not do that: it lacks a scope.',
		away: 'The server does not answer. Trying again.', none: 'No conversations yet.',
		unsent: 'Message was unsent', open: 'You can answer until ', closed: 'The 24-hour window closed on ',
		edited: 'edited', attachment: 'attachment', failed: 'Not sent: ',
		status: { queued: 'waiting', sent: 'sent', accepted: 'accepted', delivered: 'delivered', read: 'read',
			failed: 'not sent', unknown: 'may have been sent' },
	},
	ru: {
		token: 'Токен доступа', tokenHint: 'Его печатает dmbox token --sub вы --scope "read send".',
		enter: 'Открыть', leave: 'Выйти', back: 'К списку', channel: 'Канал', more: 'Ещё', older: 'Более ранние', send: 'Отправить',
		search: 'Поиск по именам и словам', write: 'Ответ',
		wrong: 'Токен не принят. Возможно, он устарел: создайте новый командой dmbox token.',
		scope: 'Этому токену нельзя: не хватает права (scope).',
		away: 'Сервер не отвечает. Пробуем ещё раз.', none: 'Переписки пока нет.',
		unsent: 'Сообщение отозвано', open: 'Ответить можно до ', closed: '24-часовое окно закрылось ',
		edited: 'изменено', attachment: 'вложение', failed: 'Не отправлено: ',
		status: { queued: 'в очереди', sent: 'отправлено', accepted: 'принято', delivered: 'доставлено',
			read: 'прочитано', failed: 'не отправлено', unknown: 'возможно, отправлено' },
	},
};
const lang = (navigator.language || '').startsWith('ru') ? 'ru' : 'en';
const t = words[lang];
const $ = (id) => document.getElementById(id);
const base = location.pathname.replace(/(instagram\/)?inbox\/.*$/, '');
const REFRESH_MS = 5000;

let token = sessionStorage.getItem('dmbox-token') || '';
let channel = 'instagram';
let current = null;		// the conversation that is open
let olderCursor = null;		// where its earlier messages go on
let moreCursor = null;		// where the list of conversations goes on
let shown = new Map();		// message id -> its list element
let generation = 0;		// answers of an earlier choice are dropped

class ApiError extends Error {
	constructor(status, code, text) {
		super(text);
		this.status = status;
		this.code = code;
	}
}

async function api(path, options = {}) {
	const res = await fetch(`${base}${channel}/${path}`, {
		...options, headers: { Authorization: `Bearer ${token}`, ...options.headers }, cache: 'no-store',
	});
	const type = res.headers.get('Content-Type') || '';
	const body = type.startsWith('application/json') ? await res.json() : null;
	if (!res.ok)
		throw new ApiError(res.status, body?.error?.code, body?.error?.message || res.statusText);
	return body;
}

function trouble(err) {
	const text = err === null ? '' : err.status === 401 ? t.wrong : err.status === 403 ? t.scope :
		err instanceof ApiError && err.status < 500 ? err.message : t.away;
	$('trouble').textContent = text;
	$('trouble').hidden = text === '';
	if (err !== null && err.status === 401)
		leave(t.wrong);
}

function leave(why) {
	sessionStorage.removeItem('dmbox-token');
	token = '';
	$('search').value = '';
	$('conversations').replaceChildren();
	closeConversation();
	$('inbox').hidden = true;
	$('login').hidden = false;
	$('login-error').textContent = why || '';
	$('trouble').hidden = true;
}

// nothing of the last conversation stays on the page
function closeConversation() {
	generation++;
	current = null;
	shown = new Map();
	$('inbox').classList.remove('reading');
	$('who').textContent = '';
	$('window').textContent = '';
	$('text').value = '';
	$('messages').replaceChildren();
	$('older').hidden = true;
	$('composer').hidden = true;
	for (const b of $('conversations').querySelectorAll('button'))
		b.setAttribute('aria-current', 'false');
}

function element(tag, cls, text) {
	const e = document.createElement(tag);
	if (cls)
		e.className = cls;
	if (text !== undefined && text !== null)
		e.textContent = text;
	return e;
}

const when = (iso) => new Date(iso).toLocaleString([], { dateStyle: 'short', timeStyle: 'short' });
const nameOf = (c) => c.name || c.username || c.contactId;
const summary = (m) => m.deletedAt ? t.unsent : m.content || `[${m.kind}]`;

// --- conversations ---------------------------------------------------------

function conversationItem(c) {
	const li = element('li');
	const b = element('button');
	b.type = 'button';
	b.dataset.id = c.id;
	b.append(element('strong', '', nameOf(c)), element('time', '', when(c.lastAt)),
		element('span', 'last', summary(c.lastMessage)));
	if (c.unreadCount > 0)
		b.append(element('span', 'unread', c.unreadCount));
	b.setAttribute('aria-current', current !== null && current.id === c.id);
	b.addEventListener('click', () => openConversation(c));
	li.append(b);
	return li;
}

async function loadConversations(before) {
	const mine = generation;
	const q = new URLSearchParams({ limit: 50 });
	if ($('search').value.trim() !== '')
		q.set('q', $('search').value.trim());
	if (before)
		q.set('before', before);
	const page = await api(`conversations?${q}`);
	if (mine !== generation)
		return;
	const items = page.conversations.map(conversationItem);
	if (before)
		$('conversations').append(...items);
	else
		$('conversations').replaceChildren(...(items.length ? items : [element('li', 'hint', t.none)]));
	moreCursor = page.next;
	$('more-conversations').hidden = page.next === null;
	const open = page.conversations.find((c) => current !== null && c.id === current.id);
	if (open) {
		current = open;
		showWindow();
	}
}

// --- messages --------------------------------------------------------------

async function media(a, place) {
	try {
		const res = await fetch(`${base}${channel}/media?attachment=${encodeURIComponent(a.id)}`,
			{ headers: { Authorization: `Bearer ${token}` } });
		if (!res.ok)
			return;
		const type = (res.headers.get('Content-Type') || '').split('/')[0];
		const url = URL.createObjectURL(await res.blob());
		const tag = { image: 'img', video: 'video', audio: 'audio' }[type];
		const e = element(tag || 'a', '', tag ? undefined : a.name || t.attachment);
		e[tag ? 'src' : 'href'] = url;
		if (tag === 'img')
			e.alt = a.name || a.type;
		else if (tag)
			e.controls = true;
		else
			e.download = a.name || '';
		place.replaceChildren(e);
	} catch {
		// the line below the message still names the attachment
	}
}

function messageItem(m) {
	const li = element('li', m.direction);
	li.dataset.id = m.id;
	if (m.status === 'failed')
		li.classList.add('failed');
	if (m.kind !== 'text' && !m.deletedAt)
		li.append(element('div', 'kind', m.kind));
	li.append(element('div', 'text', m.deletedAt ? t.unsent : m.content));
	for (const a of m.deletedAt ? [] : m.attachments) {
		const place = element('div', 'kind', `${t.attachment}: ${a.name || a.type} (${a.state})`);
		li.append(place);
		if (a.state === 'done')
			media(a, place);
	}
	if (m.reactions.length)
		li.append(element('div', '', m.reactions.map((r) => r.emoji).join(' ')));
	const meta = [when(m.createdAt)];
	if (m.editedAt)
		meta.push(t.edited);
	if (m.direction === 'outbound')
		meta.push(t.status[m.status] || m.status);
	li.append(element('div', 'meta', meta.join(' · ')));
	if (m.error)
		li.append(element('div', 'error', t.failed + m.error.message));
	return li;
}

// newest first as the server lists them; the page shows oldest first
function place(messages, older) {
	const list = $('messages');
	const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
	for (const m of older ? messages : [...messages].reverse()) {
		const li = messageItem(m);
		const old = shown.get(m.id);
		if (old)
			old.replaceWith(li);
		else if (older)
			list.prepend(li);
		else
			list.append(li);
		shown.set(m.id, li);
	}
	if (!older && atEnd)
		list.scrollTop = list.scrollHeight;
}

function showWindow() {
	const until = current?.canSendUntil;
	$('window').textContent = !until ? '' : (new Date(until) > new Date() ? t.open : t.closed) + when(until);
}

async function loadMessages(cursor) {
	const mine = generation;
	const q = new URLSearchParams({ conversation: current.id, limit: 50 });
	if (cursor)
		q.set('before', cursor);
	const page = await api(`messages?${q}`);
	if (mine !== generation)
		return;
	const first = shown.size === 0;
	place(page.messages, Boolean(cursor));
	if (cursor || first) {
		olderCursor = page.next;
		$('older').hidden = page.next === null;
	}
	const unread = page.messages.find((m) => m.direction === 'inbound' && m.readAt === null);
	if (unread && document.visibilityState === 'visible')
		await api('read', { method: 'POST', headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify({ conversation: current.id, upTo: unread.id }) });
}

async function openConversation(c) {
	generation++;
	current = c;
	shown = new Map();
	$('messages').replaceChildren();
	$('who').textContent = nameOf(c) + (c.username && c.username !== nameOf(c) ? ` · ${c.username}` : '');
	$('inbox').classList.add('reading');
	$('composer').hidden = false;
	for (const b of $('conversations').querySelectorAll('button'))
		b.setAttribute('aria-current', Number(b.dataset.id) === c.id);
	showWindow();
	await attempt(() => loadMessages(null));
}

// One key for one text: pressed twice or tried again, it is sent once.
let pending = { text: '', key: '' };

async function send(event) {
	event.preventDefault();
	const text = $('text').value.trim();
	if (text === '' || current === null)
		return;
	if (pending.text !== text)
		pending = { text, key: crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}` };
	const button = $('composer').querySelector('button');
	button.disabled = true;
	try {
		await api('send', { method: 'POST',
			headers: { 'Content-Type': 'application/json', 'Idempotency-Key': pending.key },
			body: JSON.stringify({ recipientId: current.contactId, message: text, account: current.account,
				humanAgent: true }) });
		$('text').value = '';
		pending = { text: '', key: '' };
		trouble(null);
		await loadMessages(null);
	} catch (err) {
		if (err instanceof ApiError && err.status >= 422 && err.status !== 429 && err.status !== 503)
			pending = { text: '', key: '' };
		trouble(err);
	} finally {
		button.disabled = false;
	}
}

// --- the page ----------------------------------------------------------------

async function attempt(fn) {
	try {
		await fn();
		trouble(null);
		return true;
	} catch (err) {
		trouble(err);
		return false;
	}
}

async function enter() {
	$('login').hidden = true;
	$('inbox').hidden = false;
	await attempt(() => loadConversations(null));
}

async function refresh() {
	if (token !== '' && document.visibilityState === 'visible' && moreCursorUntouched())
		await attempt(async () => {
			await loadConversations(null);
			if (current !== null)
				await loadMessages(null);
		});
	setTimeout(refresh, REFRESH_MS);
}

// a list that was paged down is not pulled back to its first page
const moreCursorUntouched = () => $('conversations').children.length <= 50;

document.documentElement.lang = lang;
for (const e of document.querySelectorAll('[data-text]'))
	e.textContent = t[e.dataset.text];
for (const e of document.querySelectorAll('[data-label]'))
	e.setAttribute('aria-label', t[e.dataset.label]);
$('search').placeholder = t.search;
$('text').placeholder = t.write;
$('login').addEventListener('submit', (event) => {
	event.preventDefault();
	token = $('token').value.trim();
	sessionStorage.setItem('dmbox-token', token);
	$('token').value = '';
	enter();
});
$('back').addEventListener('click', closeConversation);
$('logout').addEventListener('click', () => leave(''));
$('channel').addEventListener('change', () => {
	closeConversation();
	channel = $('channel').value;
	attempt(() => loadConversations(null));
});
let typing = 0;
$('search').addEventListener('input', () => {
	clearTimeout(typing);
	typing = setTimeout(() => attempt(() => loadConversations(null)), 250);
});
$('more-conversations').addEventListener('click', () => attempt(() => loadConversations(moreCursor)));
$('older').addEventListener('click', () => attempt(() => loadMessages(olderCursor)));
$('composer').addEventListener('submit', send);
$('text').addEventListener('keydown', (event) => {
	if (event.key === 'Enter' && !event.shiftKey)
		send(event);
});
if (token === '')
	$('login').hidden = false;
else
	enter();
setTimeout(refresh, REFRESH_MS);
})();
