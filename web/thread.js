/*
 * One open conversation: a window of some 200 nodes on it, keyed by id and
 * patched, and the composer below it.  What a person has typed, chosen or tried
 * to send is kept in localStorage until it has gone out or is taken back.
 */
import { t, lang, $, el, button, attr, text, part, apart, store, OWN, server, answer, isGone, key, ApiError, dayOf, moment, now, size } from './base.js';
import { patchMessage, dayLine, eventNode, isSeen, noteNode, summary, cut, nameOf, errorKind } from './render.js';

const WINDOW = 200, SLACK = 40, PAGE = 50, NEAR_PX = 500, FILES_MAX = 10, UPLOAD_KEPT_MS = 2 * 86400e3;

let app;			// what the page lends: me, trouble, changed, refresh
let conv = null;
let entries = [];		// in order: { id, type, at, data, mark, li }
let byId = new Map();
let fresh = [];			// put, but not yet in order
let older = null, newer = null;	// where the thread goes on; null: it does not
let loading = { before: false, after: false };
let generation = 0;		// answers of an earlier choice are dropped
let anchor = null, stuck = true;	// what stays in place when heights change
let lastTop = 0;		// where it was scrolled to when that was noted
let unseen = 0;
let markedUpTo = 0;
let missing = null;		// it could not be loaded: once more, when the server answers again
let stale = false;		// nor could what the feed told of
let topId = 0;			// the newest message that was heard of: what has a lower id is no news
let newsFrom = null;		// the first that was unread when it was opened

export const current = () => conv;

// --- what is kept on this computer ------------------------------------------------------

const own = (what) => `${what}:${app.me.name.replaceAll(':', '%3A')}:`;
const draftKey = (c) => `${own('draft')}${c.channel}/${c.id}`;
export const draftOf = (c) => store.get(draftKey(c));
const noteKey = (c) => `${own('note')}${c.channel}/${c.id}`;
export const noteOf = (c) => store.get(noteKey(c)) || '';
export const keepNote = (c, words) => store.set(noteKey(c), words || null);
// each for itself: other tabs keep theirs beside it
let outgoing = [];
const ADOPT_MS = 150000;	// what another tab sends, and has not sent by then: that tab is gone
const keep = (o) => store.set(own('out') + o.key, o);
const forget = (o) => store.set(own('out') + o.key, null);

export const keptDrafts = () => store.keys(own('draft')).length + store.keys(own('note')).length + outgoing.filter((o) => o.state === 'failed').length;
// something of it was tried on this computer, and did not go out
export const failedHere = (c) => outgoing.some((o) => o.conv.id === c.id && o.state === 'failed');
export function forgetDrafts() {
	for (const k of ['draft', 'note', 'out'].flatMap((what) => store.keys(own(what))))
		store.set(k, null);
	outgoing = [];
	releasePreviews();
}
// of which conversations something is kept: { channel, id }, of anybody at this computer
const keptIds = (k) => k.match(/^(?:draft|note):[^:]*:(instagram|whatsapp)\/(\d+)$/);
export function keptFor() {
	const out = store.keys('out:').map((k) => store.get(k).conv);
	const all = [...store.keys('').map(keptIds).filter(Boolean).map(([, channel, id]) => ({ channel, id: Number(id) })), ...out.map(({ channel, id }) => ({ channel, id }))];
	return [...new Map(all.map((k) => [k.id, k])).values()];
}
// it is no more; into: all of it belongs to that one now
export function forgetConversation(id, into) {
	for (const k of store.keys('')) {
		if (Number(keptIds(k)?.[2]) !== id)
			continue;
		const to = into && k.replace(/\d+$/, into);
		if (to && store.get(to) === null)
			store.set(to, store.get(k));
		store.set(k, null);
	}
	for (const k of store.keys('out:')) {
		const o = store.get(k);
		if (o.conv.id === id)
			store.set(k, into ? { ...o, conv: { ...o.conv, id: into } } : null);
	}
	for (const o of outgoing.filter((x) => x.conv.id === id))
		o.conv.id = into || 0;
	outgoing = outgoing.filter((o) => o.conv.id !== 0);
	releasePreviews();
}
// what another tab of this browser keeps, or no longer does
function heardKept(ev) {
	const k = ev.key?.startsWith(OWN) ? ev.key.slice(OWN.length) : '';
	if (!app?.me.name || !k)
		return;
	if (k.startsWith(own('out')))
		heardOutgoing(k.slice(own('out').length), JSON.parse(ev.newValue));
	else if (conv && k === draftKey(conv) && (ev.newValue || 'null') !== keptDraft)
		showDraft(true);
	if (k.startsWith(own('draft')))
		app.paintList();
}
function heardOutgoing(key, o) {
	let known = outgoing.find((x) => x.key === key);
	if (o && known)
		Object.assign(known, o);
	else if (o)
		outgoing.push(known = o);
	else if (known?.state === 'failed')
		removeOutgoing(known);
	if (o?.state === 'sending')	// the same key: should both send it, it goes out once
		setTimeout(() => outgoing.includes(known) && known.key === key && store.get(own('out') + key)?.state === 'sending' && deliver(known), ADOPT_MS);
	showLocal();
	app.paintList();
}
function removeOutgoing(o) {
	const e = byId.get(`local-${o.key}`);
	outgoing = outgoing.filter((x) => x !== o);
	if (e) {
		drop(e);
		update(stuck);
	}
	app.paintList();
}

// --- order and nodes ------------------------------------------------------------------------

const list = () => $('messages'), box = () => $('scroll');
const cmp = (a, b) => a.local - b.local || (a.at < b.at ? -1 : a.at > b.at ? 1 : a.rank - b.rank);
const playing = (li) => [...li.querySelectorAll('audio, video')].some((m) => !m.paused);
const inUse = (li) => playing(li) || li.contains(document.activeElement) || li.contains(getSelection()?.anchorNode || null);

function entryOf(type, data) {
	const id = type === 'message' ? data.id : `${type}-${data.id}`;
	return { id, type, data, at: data.createdAt || data.at, rank: Number(data.id) || 0, local: data.local ? 1 : 0, mark: JSON.stringify(data) };
}
const newest = (type = 'message') => entries.findLast((e) => e.type === type && !e.local);
const oldest = () => entries.find((e) => e.type === 'message' && !e.local);

// one entry in; true if it changes anything
function put(type, data) {
	const e = entryOf(type, data), old = byId.get(e.id);
	if (old) {
		if (old.mark === e.mark)
			return false;
		const li = old.li;
		Object.assign(old, e, { li });
		if (type === 'message')
			dropTwin(e);
		return true;
	}
	// outside of the window: it comes with its page
	if (!e.local && ((newer && newest() && cmp(e, newest()) > 0) || (older && oldest() && cmp(e, oldest()) < 0)))
		return false;
	byId.set(e.id, e);
	fresh.push(e);
	if (type === 'message')
		dropTwin(e);
	return true;
}
// a send whose answer was lost, and its echo, which came as a message of its own: once the server
// has found them to be one, the other is no more, and nothing tells of that
function dropTwin(e) {
	const id = e.data.direction === 'outbound' && !e.local && e.data.outbox && e.data.messageId;
	if (id)
		for (const x of entries.concat(fresh))
			if (x.id !== e.id && x.type === 'message' && !x.local && x.data.messageId === id && !x.data.outbox)
				drop(x);
}
function drop(e) {
	byId.delete(e.id);
	entries = entries.filter((x) => x !== e);
	fresh = fresh.filter((x) => x !== e);
	const near = e.li?.contains(document.activeElement) && (e.li.nextElementSibling || e.li.previousElementSibling);
	e.li?.remove();
	near?.focus?.({ preventScroll: true });	// who was at it is not sent back to the page's beginning
}

function paint() {
	entries = entries.concat(fresh).sort(cmp);
	fresh = [];
	let ref = list().firstChild, before = null, day = '';
	for (const e of entries) {
		e.li ||= el(e.type === 'message' ? 'li.message' : 'li.system', { tabIndex: -1 });
		attr(e.li, 'data-id', e.id);
		if (e.li === ref)
			ref = ref.nextSibling;
		else
			list().insertBefore(e.li, ref);
		const first = isSeen(e) && dayOf(e.at) !== day;
		if (first) {
			day = dayOf(e.at);
			before = null;
		}
		if (e.type === 'message') {
			patchMessage(e.li, e.data, before, act, { first, news: e.id === newsFrom });
			before = e.data;
		} else {
			dayLine(e.li, e.at, first);
			part(e.li, ['day', 'it'], 'it', e.mark, () => (e.type === 'event' ? eventNode(e.data) :
				noteNode(e.data, e.data.by === app.me.name ? () => removeNote(e.data) : null)) || el('div', { hidden: true }));
		}
	}
	const last = entries.at(-1);
	for (const e of entries)
		attr(e.li, 'tabindex', e === last || e.li === document.activeElement ? 0 : -1);
	$('older').hidden = !older;
	$('newer').hidden = !newer;
	showEmpty();
}
function showEmpty() {
	text($('thread-empty'), loading.first ? t.loading : t.empty);
	$('thread-empty').classList.toggle('late', Boolean(loading.first));
	attr($('thread-empty'), 'hidden', conv === null || entries.length > 0 ? '' : null);
}

// --- scrolling -------------------------------------------------------------------------------

const atEnd = () => box().scrollHeight - box().scrollTop - box().clientHeight < 60;
function remember() {
	stuck = atEnd() && !newer;
	const top = box().getBoundingClientRect().top;
	const li = [...list().children].find((n) => n.getBoundingClientRect().bottom > top + 1);
	anchor = li ? { li, y: li.getBoundingClientRect().top - top } : null;
	if (stuck && unseen) {
		unseen = 0;
		markRead();
	}
	lastTop = box().scrollTop;
	showLatest();
}
// scrolled since, although the event has not come yet: that is where a person wants to be
function heed() {
	if (conv && Math.abs(box().scrollTop - lastTop) > 1)
		remember();
}
function restore() {
	heed();
	if (stuck)
		box().scrollTop = box().scrollHeight;
	else if (anchor?.li.isConnected)
		box().scrollTop += anchor.li.getBoundingClientRect().top - box().getBoundingClientRect().top - anchor.y;
	lastTop = box().scrollTop;
}
function showLatest() {
	$('latest').hidden = stuck && !newer;
	text($('latest-count'), unseen ? String(unseen) : '');
}
// what does not fit into the window goes from the end that is farther away
function trim(fromTop) {
	let n = entries.filter((e) => e.type === 'message' && !e.local).length - WINDOW;
	if (n <= SLACK)
		return;
	while (n > 0) {
		const e = fromTop ? entries[0] : entries.findLast((x) => !x.local);
		if (!e || inUse(e.li) || (anchor && e.li === anchor.li))
			return;
		drop(e);
		if (e.type !== 'message')
			continue;
		n--;
		if (fromTop)
			older = String(oldest().id);
		else
			newer = String(newest().id);
	}
}
function update(fromTop) {
	heed();
	paint();
	lastTop = box().scrollTop;
	restore();
	trim(fromTop);
	$('older').hidden = !older;
	$('newer').hidden = !newer;
	lastTop = box().scrollTop;	// what was trimmed above moved it, not a person
	restore();
	remember();
}

// --- loading ---------------------------------------------------------------------------------------

function take(page) {
	let changed = false;
	for (const m of page.messages || [])
		changed = put('message', m) || changed;
	for (const e of page.events || [])
		changed = put('event', e) || changed;
	for (const n of page.notes || [])
		changed = put('note', n) || changed;
	return matchOutgoing() || changed;
}

export async function openThread(c, around) {
	close();
	conv = c;
	const mine = ++generation;
	loading.first = true;
	showHead();
	showDraft();
	showLocal();
	showEmpty();
	try {
		const [page, since] = await answer(server.messages(c, around ? { around, limit: PAGE } : { limit: PAGE }));
		if (mine !== generation)
			return;
		loading.first = false;
		topId = Math.max(c.lastMessage?.id || 0, ...page.messages.map((m) => m.id));
		take(page);		// all of it: the window's ends are not known yet
		older = page.next;
		newer = page.prev || null;
		newsFrom = around ? null : page.messages.findLast(unread)?.id || null;
		stuck = !around && !newer;
		lastTop = box().scrollTop;
		update(true);
		if (!around || !show(Number(around))) {
			box().scrollTop = box().scrollHeight;
			remember();
		}
		markRead();
		catchUp(since);
	} catch (err) {
		if (mine === generation && around && isGone(err))
			return openThread(c);	// that message is no more: the newest
		if (mine === generation) {
			$('thread-empty').hidden = true;
			missing = { around, at: performance.now() };
		}
		throw err;
	} finally {
		if (mine === generation)
			loading.first = false;
	}
}

const unread = (m) => m.direction === 'inbound' && m.readAt === null && !m.deletedAt;
// where more were unread than the first page holds: those before it that were marked with it
function moreNews() {
	const all = entries.concat(fresh).filter((e) => e.type === 'message' && !e.local).sort(cmp), at = byId.get(newsFrom)?.data.readAt;
	for (let i = all.findIndex((e) => e.id === newsFrom); i-- > 0 && at;) {
		const m = all[i].data;
		if (m.direction !== 'inbound' || (m.readAt !== null && m.readAt < at))
			return;
		newsFrom = m.id;
	}
}
export async function loadMissing() {
	if (conv && missing && performance.now() - missing.at > 3000)
		await openThread(conv, missing.around);
	else if (stale)
		await refreshThread();
}
async function more(direction) {
	const cursor = direction === 'before' ? older : newer;
	if (!cursor || loading[direction] || !conv)
		return;
	const mine = generation;
	loading[direction] = true;
	try {
		const [page, since] = await answer(server.messages(conv, { [direction]: cursor, limit: PAGE }));
		if (mine !== generation)
			return;
		const first = oldest(), last = newest();
		if (direction === 'before') {
			older = null;		// all of this page belongs to the window
			take(page);
			older = page.next;
			moreNews();
		} else {
			newer = null;
			take(page);
			newer = page.prev || null;
		}
		if (first !== oldest() || last !== newest() || page.messages.length)
			update(direction === 'after');
		catchUp(since);
	} catch (err) {
		app.trouble(err);
	} finally {
		if (mine === generation)
			loading[direction] = false;
	}
}

// what came or changed meanwhile, of any conversation, by the live feed
export function follow(messages, conversations) {
	applyMessages(messages);
	if (conv && conversations.some((c) => c.id === conv.id) && !messages.some((m) => m.conversation === conv.id))
		refreshThread();	// an event or a note came
}
function catchUp(since) {
	follow(since.messages, since.conversations);
	if (since.reset)
		refreshThread();
}
function applyMessages(messages) {
	if (conv === null || loading.first)
		return;
	const mine = messages.filter((m) => m.conversation === conv.id);
	const fresh = mine.filter((m) => m.id > topId && m.direction === 'inbound');
	const others = mine.find((m) => !byId.has(m.id) && m.direction === 'outbound' && m.by !== app.me.name && m.createdAt > (newest()?.at || ''));
	topId = Math.max(topId, ...mine.map((m) => m.id));
	if (!take({ messages: mine }) && !fresh.length)
		return;
	if (!stuck)
		unseen += fresh.length;
	update(stuck);
	if (others && ($('text').value.trim() || files.length))
		meanwhile(others);
	if (fresh.length)
		announce(t.newFrom(nameOf(conv)) + ': ' + summary(fresh[0]));
	markRead();
}
// the newest page, where there is no feed that says what changed
export async function refreshThread() {
	const mine = generation;
	stale = false;
	try {
		await renew(mine);
	} catch (err) {
		if (mine === generation && isGone(err))
			return app.gone({ id: conv.id });
		stale ||= mine === generation;
		app.quiet(err);
	}
}
async function renew(mine) {
	if (conv === null || loading.first)
		return;
	const [page, since] = await answer(server.messages(conv, { limit: PAGE }));
	if (mine !== generation)
		return;
	if (!newer && newest() && page.next && page.messages.length && cmp(entryOf('message', page.messages.at(-1)), newest()) > 0)
		return openThread(conv);	// more than a page came: no gap may stay
	const known = byId;
	applyMessages(page.messages);
	if (known === byId) {
		const less = forgetNotes(page), more = take({ events: page.events, notes: page.notes });
		if (less || more)
			update(stuck);
	}
	catchUp(since);
}
// the newest page has each note from its oldest message on: what it has not was deleted
function forgetNotes(page) {
	const from = page.next ? page.messages.at(-1)?.createdAt : '', there = new Set(page.notes.map((n) => n.id));
	const gone = from === undefined || page.notes.length >= 200 ? [] : entries.concat(fresh).filter((e) => e.type === 'note' && e.at >= from && !there.has(e.data.id));
	gone.forEach(drop);
	return gone.length > 0;
}
export function applyNotes(notes) {
	if (take({ notes }))
		update(stuck);
}
export function announce(words) {
	text($('announce'), words);
}

export function close() {
	saveDraft();
	generation++;
	conv = null;
	entries = [];
	fresh = [];
	byId = new Map();
	older = newer = anchor = null;
	loading = { before: false, after: false };
	stuck = true;
	unseen = markedUpTo = 0;
	newsFrom = missing = null;
	stale = false;
	topId = 0;
	$('canned').hidden = true;
	files = [];		// an upload that ends now goes into its draft
	list().replaceChildren();
	showHead();
	showEmpty();
	showComposer();
}

function markRead() {
	const m = entries.findLast((e) => e.type === 'message' && unread(e.data))?.data;
	if (!conv || !m || newer || unseen || document.visibilityState !== 'visible' || m.id === markedUpTo)
		return;
	markedUpTo = m.id;
	server.read(conv, m.id).then(() => app.refresh(), (err) => { markedUpTo = 0; app.quiet(err); });
}

// --- what can be done with a message ------------------------------------------------------------------

function show(id) {
	const e = byId.get(id);
	if (!e)
		return false;
	e.li.scrollIntoView({ block: 'center' });
	e.li.classList.add('here');
	setTimeout(() => e.li.classList.remove('here'), 2500);
	attr(e.li, 'tabindex', 0);
	e.li.focus({ preventScroll: true });
	remember();
	// it stays in its place, whatever pictures above it come late
	anchor = { li: e.li, y: e.li.getBoundingClientRect().top - box().getBoundingClientRect().top };
	return true;
}
const busy = new Set();		// of what a press is being carried out
const account = () => app.me.accounts.find((a) => conv && a.channel === conv.channel && a.account === conv.account) || {};
const mayAnswer = () => app.me.role !== 'read';

async function act(what, m) {
	if (busy.has(m.id))
		return;
	busy.add(m.id);
	try {
		if (what === 'jump') {
			if (!show(m.quote.id))
				await openThread(conv, m.quote.id);
		} else if (m.local) {
			what === 'retry' ? retryLocal(m) : cancelLocal(m);
		} else if (m.outbox) {
			const id = conv.id;
			await server.outbox(m.outbox.id, what).finally(() => app.refresh());
			if (what === 'cancel' && m.status === 'queued' && conv?.id === id && m.content && !$('text').value && !files.length)
				takeBack(m);
		}
	} catch (err) {
		app.trouble(err);
	} finally {
		busy.delete(m.id);
	}
}
// the words of what did not go out, to be changed
function takeBack(m) {
	$('text').value = m.content;
	grow();
	saveDraft();
	showComposer();
}
act.may = mayAnswer;
act.tools = (m) => (mayAnswer() && m.messageId && !m.deletedAt && !m.local && !String(m.messageId).startsWith('out:') ?
	`${account().quote !== false ? 'q' : ''}${m.direction === 'inbound' && account().react !== false ? 'r' : ''}` : '');
act.makeTools = (m) => [
	account().quote !== false ? button('tool', '↩', () => quote(byId.get(m.id).data), { 'aria-label': t.reply, title: t.reply }) : null,
	m.direction === 'inbound' && account().react !== false ? button('tool', '☺', (ev) => reactMenu(ev.currentTarget, byId.get(m.id).data), { 'aria-label': t.react, title: t.react }) : null,
];
function reactMenu(by, m) {
	const own = m.reactions.find((r) => r.own);
	const menu = el('div.react-menu', { role: 'group', 'aria-label': t.react });
	const put1 = (emoji) => button('tool', emoji, () => {
		menu.remove();
		by.focus();
		const off = own && own.emoji === emoji;
		server.send(conv, { recipientId: conv.contactId, account: conv.account, replyTo: m.messageId, action: off ? 'unreact' : 'react', ...(off ? {} : { reaction: emoji }) }, key())
			.then(() => app.refresh(), app.trouble);
	}, { 'aria-pressed': String(Boolean(own && own.emoji === emoji)) });
	menu.append(...['❤️', '👍', '😂', '😮', '😢', '🙏'].map(put1));
	menu.addEventListener('keydown', (ev) => { if (ev.key === 'Escape') { menu.remove(); by.focus(); } });
	by.parentNode.querySelector('.react-menu')?.remove();
	by.after(menu);
	menu.querySelector('button').focus();
	// who goes elsewhere leaves it
	menu.addEventListener('focusout', () => setTimeout(() => menu.contains(document.activeElement) || menu.remove()));
	menu.addEventListener('pointerdown', (ev) => ev.preventDefault());	// Safari focuses no button that is pressed
}
async function removeNote(n) {
	if (!confirm(`${t.deleteIt}: ${cut(n.body, 60)}?`))
		return;
	try {
		await server.note({ id: n.id, delete: true });
		const e = byId.get(`note-${n.id}`);
		if (e)
			drop(e);
		update(stuck);
	} catch (err) {
		app.trouble(err);
	}
}

// --- the head and the window of time -------------------------------------------------------------------

export function showHead() {
	text($('who'), conv ? nameOf(conv) : '');
	attr($('who'), 'title', conv ? nameOf(conv) : null);
	text($('who-more'), conv ? [conv.username && conv.username !== conv.name ? `@${conv.username}` : '', conv.phone || '', app.place(conv)].filter((s) => s && s !== nameOf(conv)).join(' · ') : '');
	app.showTools(conv);
	showWindow();
}
// what may be done here may have changed
export function renewed() {
	showHead();
	if (conv && !loading.first)
		update(stuck);
}
export function updateConversation(c) {
	if (conv === null || c.id !== conv.id)
		return;
	conv = c;
	showHead();
}
const past = (iso) => Boolean(iso) && Date.parse(iso) <= now();
// open, human (a person must say so), maybe (the server does not close it), closed
const isOff = () => conv !== null && !account().account;	// the account was taken out of the configuration
function windowState() {
	if (isOff())
		return 'closed';
	if (!conv || !conv.canSendUntil || !past(conv.canSendUntil))
		return 'open';
	if (conv.humanUntil && !past(conv.humanUntil))
		return 'human';
	return conv.maySend === false ? 'closed' : 'maybe';
}
export function showWindow() {
	const state = windowState(), until = conv?.canSendUntil;
	const words = isOff() ? t.win.off : !conv || !until ? '' : state === 'open' ? t.win.open(moment(until)) : state === 'human' ? t.win.human(moment(conv.humanUntil)) :
		state === 'closed' ? t.win.closed(moment(conv.humanUntil || until)) : t.win.maybe(moment(until));
	attr($('window'), 'class', `window ${state}`);
	text($('window-text'), words);
	$('window').hidden = words === '';
	$('human-box').hidden = state !== 'human' || !mayAnswer();
	showComposer();
}

// --- the composer ------------------------------------------------------------------------------------

let files = [];			// of the draft: { id, name, type, upload, at, problem }
const previews = new Map();	// what pictures of drafts look like, by id: each holds its file in memory until it is released
const running = new Map();	// uploads on their way, by id: a draft that is shown again finds its own
let replyTo = null;		// { messageId, id, summary, name }

function showComposer() {
	const c = $('composer');
	c.hidden = conv === null || !mayAnswer();
	$('read-only').hidden = conv === null || mayAnswer();
	const closed = windowState() === 'closed';
	$('text').readOnly = closed;	// its words can still be copied
	$('attach').disabled = closed || (account().attachments || []).length === 0;
	$('attach').hidden = (account().attachments || []).length === 0;
	attr($('text'), 'aria-describedby', $('window').hidden ? null : 'window-text');
	$('submit').disabled = closed || (windowState() === 'human' && !$('human').checked) || files.some((f) => !f.upload && !f.problem) ||
		($('text').value.trim() === '' && !files.some((f) => f.upload)) || counted().over;
	const n = counted();
	text($('counter'), n.words);
	$('counter').classList.toggle('over', n.over);
}
function counted() {
	const { textMax: max, textUnit: unit, split } = account(), s = $('text').value.trim();
	if (!max)
		return { words: '', over: false };
	const n = unit === 'bytes' ? new TextEncoder().encode(s).length : [...s].length, name = unit === 'bytes' ? t.bytes : t.characters;
	if (n > max)
		return split ? { words: t.parts(Math.ceil(n / max)), over: false } : { words: t.over(n - max, name), over: true };
	return { words: n > max * 0.8 ? t.left(max - n, name) : '', over: false };
}
function grow() {
	const a = $('text');
	// as many rows as the words need in this field's width
	for (a.rows = 1; a.rows < 8 && a.scrollHeight > a.clientHeight + 1;)
		a.rows++;
}
function saveDraft() {
	if (conv === null)
		return;
	const d = { text: $('text').value, replyTo, files: files.filter((f) => !f.problem || f.cut).map(({ id, name, type, upload, at }) => ({ id, name, type, upload, at })) };
	const kept = d.text || d.replyTo || d.files.length ? d : null;
	if (JSON.stringify(kept) === keptDraft)		// another tab may know better
		return;
	store.set(draftKey(conv), kept);
	keptDraft = JSON.stringify(kept);
}
let keptDraft = 'null';
// live: another tab is writing it, and may be uploading
function showDraft(live) {
	const kept = conv && draftOf(conv), d = kept || { text: '', replyTo: null, files: [] };
	keptDraft = JSON.stringify(kept);
	$('text').value = d.text || '';
	$('canned').hidden = true;	// it has the name of who was open before
	$('human').checked = false;
	replyTo = d.replyTo || null;
	files = (d.files || []).map((f) => running.get(f.id) || (f.upload || live ? lapsed(f) : { ...f, cut: true, problem: t.uploadCut }));
	meanwhile(null);
	showQuote();
	showFiles();
	grow();
	showComposer();
}
function quote(m) {
	replyTo = { messageId: m.messageId, id: m.id, kind: m.kind, content: cut(m.content || '', 200), direction: m.direction, name: m.sender?.name || nameOf(conv) };
	showQuote();
	saveDraft();
	$('text').focus();
}
function showQuote() {
	const b = $('replying');
	b.hidden = replyTo === null;
	b.replaceChildren(...(replyTo ? [el('span', {}, `${t.replyingTo} `, ...apart([replyTo.direction === 'outbound' ? t.you : replyTo.name, summary(replyTo)], ': ')),
		button('quiet', '✕', () => { replyTo = null; showQuote(); saveDraft(); $('text').focus(); }, { 'aria-label': t.dropQuote })] : []));
}
function showFiles() {
	$('files').hidden = files.length === 0;
	$('files').replaceChildren(...files.map((f) => el('li', { className: f.problem ? 'error' : '' },
		previews.has(f.id) ? el('img', { src: previews.get(f.id), alt: '', onerror: (ev) => ev.target.remove() }) : null, el('span', { dir: 'auto' }, f.problem ? `${f.name}: ${f.problem}` : f.upload ? f.name : t.uploading(f.name)),
		button('quiet', '✕', () => { files = files.filter((x) => x !== f); showFiles(); saveDraft(); showComposer(); releasePreviews(); $('text').focus(); }, { 'aria-label': `${t.remove}: ${f.name}` }))));
}
// a file that waits in a draft is kept for two days by the server
const lapsed = (f) => (f.upload && now() - f.at > UPLOAD_KEPT_MS ? { ...f, upload: null, cut: true, problem: t.uploadGone } : f);
// what stands in no draft and in nothing that is going out any more
function releasePreviews() {
	const kept = new Set([...files, ...outgoing.flatMap((o) => o.files), ...store.keys(own('draft')).flatMap((k) => store.get(k).files || [])].map((f) => f.id));
	for (const [id, url] of previews)
		if (!kept.has(id)) {
			URL.revokeObjectURL(url);
			previews.delete(id);
		}
}
// a browser says of a file that was moved or changed, or is a folder, what it says of a line that broke
const readable = (file) => (file.size > 0 ? file.slice(0, 1) : file).arrayBuffer().then(() => true, () => false);
const OWN_DRAG = 'application/x-dmbox';
// of a path or an address of a file: its name
function lastOf(s) {
	const name = s.trim().split(/[\\/]/).pop();
	try {
		return /^file:/.test(s) ? decodeURIComponent(name) : name;
	} catch {
		return name;
	}
}
/*
 * What is dropped or pasted: its files, and which of them are folders.  Known only while the event lasts.
 */
function filesOf(data) {
	const entries = [...data.items].filter((i) => i.kind === 'file').map((i) => [i.getAsFile(), i.webkitGetAsEntry?.()?.isDirectory]);
	const all = entries.some(([file]) => file) ? entries.filter(([file]) => file) : [...data.files].map((file) => [file, false]);
	return [all.map(([file]) => file), new Set(all.filter(([, folder]) => folder).map(([file]) => file))];
}
// one file, to the server; what stands in its way is f.problem
async function upload(c, file, f, max) {
	try {
		const r = file.size > 0 ? await server.upload(c, file) : null;
		if (r)
			Object.assign(f, { upload: r.upload, type: r.type, at: now() });
		else
			f.problem = await readable(file) ? t.emptyFile : t.unreadable;
	} catch (err) {
		if (err.status === 0 && !await readable(file)) {
			f.problem = t.unreadable;
			return;
		}
		f.cut = err.status === 0 || err.status === 401;	// by a line that broke, as the page goes, or by the end of the session
		if (err.status === 401)
			app.trouble(err);
		f.problem = f.cut ? t.uploadCut : err.status === 413 ? t.tooLarge(size(err.body?.error?.limit || err.body?.limit || max || 8e6)) : err.status === 415 ? t.badFile : t.uploadFailed;
	}
}
async function addFiles(chosen, folders = new Set()) {
	const c = conv, { uploadMax: max } = account();
	if (!c || !mayAnswer() || $('attach').hidden || windowState() === 'closed')
		return;
	for (const file of chosen) {
		const f = { id: key(), name: file.name || t.file.image, type: file.type.split('/')[0], upload: null };
		if (/^image\/(png|jpe?g|gif|webp)$/.test(file.type))
			previews.set(f.id, URL.createObjectURL(file));
		files.push(f);
		if (files.filter((x) => !x.problem).length > FILES_MAX) {
			f.problem = t.tooMany(FILES_MAX);
			continue;
		}
		if (max && file.size > max) {
			f.problem = t.tooLarge(size(max));
			continue;
		}
		if (folders.has(file)) {
			f.problem = t.folder;
			continue;
		}
		running.set(f.id, f);
		upload(c, file, f, max).then(() => {
			running.delete(f.id);
			if (files.includes(f)) {
				showFiles();
				saveDraft();
			} else {	// another conversation is open now: into the draft it belongs to
				const d = draftOf(c), kept = d?.files.find((x) => x.id === f.id);
				if (kept && f.upload) {
					Object.assign(kept, { type: f.type, upload: f.upload, at: f.at });
					store.set(draftKey(c), d);
				}
			}
			showComposer();
		});
	}
	showFiles();
	saveDraft();
	showComposer();
}
// somebody else has answered while this answer was being written
function meanwhile(m) {
	text($('meanwhile'), m ? t.meanwhile(m.by || (m.source === 'echo' ? t.fromPhone : t.byProgram)) : '');
	$('meanwhile').hidden = m === null;
}

// --- going out -------------------------------------------------------------------------------------

/*
 * One press, one key: the text leaves the field at once, so that a second press
 * finds nothing, and a try that is repeated carries the same key, so that the
 * server knows it.
 */
function submit(event) {
	event?.preventDefault();
	showComposer();
	if (conv === null || $('submit').disabled)
		return;
	const d = { text: $('text').value.trim(), files: files.filter((f) => f.upload), replyTo, human: windowState() === 'human' && $('human').checked };
	$('text').value = '';
	files = [];
	replyTo = null;
	meanwhile(null);
	showQuote();
	showFiles();
	grow();
	saveDraft();
	start(d);
	showComposer();
	$('text').focus();
}
function start(d) {
	const o = { key: key(), at: new Date(now()).toISOString(), state: 'sending', error: null, result: null, ...d,
		conv: { id: conv.id, channel: conv.channel, account: conv.account, contactId: conv.contactId } };
	outgoing.push(o);
	keep(o);
	showLocal();
	stuck = true;
	update(true);
	deliver(o);
}
const lines = new Map();	// what goes out in each conversation: one after the other
function deliver(o) {
	o.state = 'sending';
	o.error = null;
	keep(o);
	showLocal();
	lines.set(o.conv.id, (lines.get(o.conv.id) || Promise.resolve()).then(() => transmit(o)));
}
async function transmit(o) {
	try {
		o.result = await server.send(o.conv, { recipientId: o.conv.contactId, account: o.conv.account, message: o.text || undefined,
			replyTo: o.replyTo?.messageId, humanAgent: o.human || undefined,
			attachments: o.files.length ? o.files.map((f) => ({ upload: f.upload, type: f.type, name: f.name })) : undefined }, o.key);
		o.state = 'sent';
		app.quiet(null);
	} catch (err) {
		o.state = 'failed';
		o.error = { status: err.status, code: err.code, kind: err.body?.error?.kind, message: err.message };
		if (err.status === 401)
			app.trouble(err);
		else if (err.status === 403 || err.code === 'unknown_account')
			app.renewMe().catch(() => {});	// what may be done here has changed
	}
	if (outgoing.includes(o))	// its row may have come before the answer
		keep(o);
	showLocal();
	app.paintList();	// who has gone on to another conversation sees there that it failed
	if (o.state === 'failed' && outgoing.includes(o) && conv?.id !== o.conv.id)
		announce(`${t.status.failed}: ${cut(o.text || '', 60)}`);
	if (o.state === 'sent' || o.error.status === 502)
		app.refresh();
}
// a refusal for good, by the server's own word, needs a new key; a broken line, or a gateway that lost the answer, the same
function retryLocal(m) {
	const o = outgoing.find((x) => `local-${x.key}` === m.id);
	if (!o || o.state === 'sending')
		return;
	if (o.error?.code && o.error.status >= 400 && o.error.status < 503 && ![401, 403, 408, 429, 500].includes(o.error.status))
		o.key = rekey(o);
	deliver(o);
}
function rekey(o) {
	const fresh = key(), e = byId.get(`local-${o.key}`);
	forget(o);
	if (e) {
		byId.delete(e.id);
		e.id = `local-${fresh}`;
		byId.set(e.id, e);
	}
	return fresh;
}
function cancelLocal(m) {
	const o = outgoing.find((x) => `local-${x.key}` === m.id);
	if (!o || o.state === 'sending')
		return;
	forget(o);
	removeOutgoing(o);
	// the words come back to be changed, before those that were written since
	$('text').value = [o.text, $('text').value].filter((s) => s.trim()).join('\n');
	files = o.files.map(lapsed).concat(files);
	replyTo ||= o.replyTo;
	showQuote();
	showFiles();
	grow();
	saveDraft();
	update(stuck);
	showComposer();
	$('text').focus();
}
const localMessage = (o) => ({ id: `local-${o.key}`, local: true, conversation: o.conv.id, direction: 'outbound', kind: o.files.length ? o.files[0].type : 'text',
	content: o.text || null, detail: null, attachments: o.files.map((f) => ({ id: f.id, type: f.type, name: f.name, state: 'local' })), reactions: [], createdAt: o.at,
	status: o.state === 'failed' ? 'failed' : o.state === 'sending' ? 'sending' : o.result?.status || 'sent', error: o.error, outbox: o.state === 'failed' ? null : {},
	replyTo: o.replyTo?.messageId || null, quote: o.replyTo, by: null, senderId: null });
function showLocal() {
	if (conv === null)
		return;
	let changed = false;
	for (const o of outgoing.filter((x) => x.conv.id === conv.id))
		changed = put('message', localMessage(o)) || changed;
	if (changed)
		update(stuck);
}
// the server's own row takes the place, and the node, of what was shown meanwhile
// (known by its key even before the answer came, which may be lost)
function matchOutgoing() {
	let any = false;
	for (const o of outgoing.filter((x) => conv && x.conv.id === conv.id)) {
		const r = o.result, ids = r ? [r.messageId, ...(r.messageIds || []), `out:${r.id}`].filter(Boolean) : [];
		const e = entries.concat(fresh).findLast((x) => x.type === 'message' && !x.local && x.data.direction === 'outbound' && ((x.data.outbox?.key && x.data.outbox.key === o.key) || (o.state !== 'sending' && (
			(r && x.data.outbox?.id === r.id) || ids.includes(x.data.messageId) || (o.error?.status === 502 && !x.data.outbox?.key && x.data.status === 'failed' && x.data.content === (o.text || null) && x.data.createdAt >= o.at.slice(0, 16))))));
		if (!e && !(r && now() - Date.parse(o.at) > 120000))
			continue;
		const mine = byId.get(`local-${o.key}`);
		outgoing = outgoing.filter((x) => x !== o);
		forget(o);
		any = true;
		releasePreviews();
		if (mine && e && !e.li) {
			e.li = mine.li;
			mine.li = null;
		}
		if (mine)
			drop(mine);
	}
	return any;
}

// --- saved replies ---------------------------------------------------------------------------------

// {name} in a saved reply is the customer's; where none is known the greeting goes without
function filled(r) {
	const name = conv.group ? '' : conv.name || '', at = /\{(?:name|имя)\}/giu;
	if (name)
		return { ...r, text: r.text.replace(at, () => name) };
	return { ...r, text: r.text.replace(/^\{(?:name|имя)\}[,!]?\s*(.?)/iu, (_, c) => c.toUpperCase()).replace(/,?\s*\{(?:name|имя)\}/giu, '') };
}
// the same back: what is kept for everybody has no customer's name in it
export function unfilled(words) {
	const name = conv && !conv.group ? conv.name || '' : '';
	const is = (c) => c !== undefined && /[\p{L}\p{N}_]/u.test(c);
	if (name.length < 2)
		return words;
	let out = '', from = 0;
	for (let i = words.indexOf(name); i >= 0; i = words.indexOf(name, i + name.length)) {
		if (is(words[i - 1]) || is(words[i + name.length]))
			continue;
		out += words.slice(from, i) + (lang === 'ru' ? '{имя}' : '{name}');
		from = i + name.length;
	}
	return out + words.slice(from);
}
function showCanned() {
	const s = $('text').value, menu = $('canned');
	const open = s.startsWith('/') && !s.includes('\n');
	menu.hidden = true;
	if (!open)
		return;
	const word = s.slice(1).toLowerCase();
	const found = app.me.replies.map(filled).filter((r) => r.name.toLowerCase().includes(word) || r.text.toLowerCase().includes(word)).slice(0, 8);
	if (!found.length && app.me.replies.length)
		return;
	menu.hidden = false;
	menu.replaceChildren(...(found.length ? found.map((r) => el('li', {}, button('', '', () => insert(r.text)), button('quiet.small', '✕', () => dropReply(r), { 'aria-label': `${t.deleteIt}: ${r.name}`, title: t.deleteIt }))) : [el('li.hint', {}, t.noReplies)]));
	found.forEach((r, i) => menu.children[i].firstChild.append(el('strong', { dir: 'auto' }, r.name), el('span', { dir: 'auto' }, cut(r.text, 120))));
}
async function dropReply(r) {
	if (!confirm(`${t.deleteIt}: ${r.name}?`))
		return;
	try {
		app.me.replies = await server.replies({ id: r.id, delete: true });
	} catch (err) {
		if (err?.status !== 404)	// a colleague has deleted it already
			return app.trouble(err);
		await app.renewMe().catch(() => {});
	}
	showCanned();
	$('text').focus();
}
function insert(words) {
	$('text').focus();
	$('text').select();
	// as if it was typed: what stood there can be had back by undoing
	if (!document.execCommand('insertText', false, words))
		$('text').value = words;
	$('canned').hidden = true;
	grow();
	saveDraft();
	showComposer();
	$('text').focus();
}

export function startThread(lent) {
	app = lent;
	outgoing = store.keys(own('out')).map(store.get).sort((a, b) => (a.at < b.at ? -1 : 1));
	for (const o of outgoing.filter((x) => x.state === 'sending'))
		deliver(o);		// the same key: it is not sent twice
	showHead();
}

// once: what the page's controls do
export function bindThread() {
	let frame = 0;
	box().addEventListener('scroll', () => {
		frame ||= requestAnimationFrame(() => {
			frame = 0;
			heed();		// not where it only grew meanwhile: restore() comes after that
			if (conv && !loading.first) {
				if (box().scrollTop < NEAR_PX)
					more('before');
				else if (newer && box().scrollHeight - box().scrollTop - box().clientHeight < NEAR_PX)
					more('after');
			}
		});
	}, { passive: true });
	new ResizeObserver(restore).observe(list());
	new ResizeObserver(restore).observe(box());
	$('older').addEventListener('click', () => more('before'));
	$('newer').addEventListener('click', () => more('after'));
	$('latest').addEventListener('click', () => {
		if (newer)
			return openThread(conv).catch(app.trouble);
		stuck = true;
		restore();
		remember();
	});
	list().addEventListener('keydown', (ev) => {
		const li = ev.target.closest('li'), step = { ArrowUp: 'previousElementSibling', ArrowDown: 'nextElementSibling' }[ev.key];
		const to = step && li === ev.target ? li[step] : null;
		if (!to)
			return;
		ev.preventDefault();
		attr(li, 'tabindex', -1);
		attr(to, 'tabindex', 0);
		to.focus();
	});
	$('composer').addEventListener('submit', submit);
	const touch = matchMedia('(pointer: coarse)');
	$('text').enterKeyHint = touch.matches ? 'enter' : 'send';
	$('text').addEventListener('input', () => { grow(); saveDraft(); showComposer(); showCanned(); });
	$('text').addEventListener('keydown', (ev) => {
		if (ev.key === 'Escape')
			$('canned').hidden = true;
		else if (ev.key === 'ArrowDown' && !$('canned').hidden)
			$('canned').querySelector('button')?.focus();
		else if (ev.key !== 'Enter' || ev.shiftKey || ev.isComposing || ev.keyCode === 229)	/* Safari ends a composition so */
			return;
		else if (!$('canned').hidden) {
			ev.preventDefault();
			$('canned').querySelector('button')?.click();
		} else if ((ev.ctrlKey || ev.metaKey || !touch.matches))
			submit(ev);
	});
	$('canned').addEventListener('keydown', (ev) => {
		const li = ev.target.closest('li');
		if (ev.key === 'Escape') {
			$('canned').hidden = true;
			$('text').focus();
		} else if (ev.key === 'ArrowDown' || ev.key === 'ArrowUp') {
			ev.preventDefault();
			(ev.key === 'ArrowDown' ? li.nextElementSibling : li.previousElementSibling)?.querySelector('button')?.focus();
		}
	});
	$('human').addEventListener('change', showComposer);
	$('attach').addEventListener('click', () => $('file').click());
	$('file').addEventListener('change', () => { addFiles([...$('file').files]); $('file').value = ''; });
	$('text').addEventListener('paste', (ev) => {
		// a spreadsheet gives its cells as words, and as a picture of them; a folder's window gives files, and their names as words
		const data = ev.clipboardData, names = new Set([...data?.files || []].map((f) => f.name));
		const words = (data?.getData('text/plain') || '').split(/[\r\n]+/).filter((s) => s.trim() && !names.has(lastOf(s)));
		if (names.size && !words.length) {
			ev.preventDefault();
			addFiles(...filesOf(data));
		}
	});
	// a picture of the conversation that is pulled a little is not meant to be sent back
	document.addEventListener('dragstart', (ev) => ev.dataTransfer?.setData(OWN_DRAG, '1'));
	for (const [type, on] of [['dragover', true], ['dragleave', false], ['drop', false]])
		$('thread').addEventListener(type, (ev) => {
			const types = [...(ev.dataTransfer?.types || [])];
			if (!types.includes('Files') || types.includes(OWN_DRAG))
				return;
			ev.preventDefault();
			// from one thing of the conversation to the next is not out of it
			if (type === 'dragleave' && $('thread').contains(ev.relatedTarget))
				return;
			$('drop').hidden = !on || $('attach').hidden || windowState() === 'closed';
			if (type === 'drop')
				addFiles(...filesOf(ev.dataTransfer));
		});
	document.addEventListener('visibilitychange', markRead);
	// two voices at once are understood by nobody
	document.addEventListener('play', (ev) => {
		for (const m of document.querySelectorAll('audio, video'))
			if (m !== ev.target)
				m.pause();
	}, true);
	window.addEventListener('storage', heardKept);
	let today = dayOf(now());
	setInterval(() => {
		if (!conv)
			return;
		showWindow();
		if (today !== dayOf(now())) {
			today = dayOf(now());
			update(stuck);	// Today is Yesterday
		}
	}, 30000);
}
