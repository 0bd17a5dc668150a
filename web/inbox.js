/*
 * The inbox page: signing in, the list of conversations, the addresses
 * (#instagram/58), and the feed that keeps list and thread as they are on the
 * server.  Nodes are keyed by id and patched; an idle page touches none.
 */
import { t, lang, setLanguage, $, el, button, attr, text, part, store, server, answer, told, isGone, limit, apart, base, ApiError, brief, now, span } from './base.js';
import { avatar, cut, nameOf, summary } from './render.js';
import * as thread from './thread.js';

const PAGE = 50, TICK_MS = 2000, TICK_WAIT_MS = 10000, HIDDEN_MS = 15000, NO_TICK_MS = 10000, SURE_MS = 600000;

const app = { me: { name: '', role: 'read', accounts: [], replies: [], labels: [], users: [] }, trouble, quiet, refresh, place, showTools, paintList, gone, renewMe };
let conversations = new Map();	// those of the list, by id
let rows = new Map();		// their list elements
let next = null;		// where the list goes on
let filter = 'unanswered', channel = '', account = '', label = '', search = '';
let counts = {};
let generation = 0;
let listMissing = null;		// since when it could not be loaded, by a clock that nobody sets
let fromList = false;		// Back may use the browser's history
let jumpTo = null;

// --- trouble --------------------------------------------------------------------------

let failures = 0;
function trouble(err) {
	if (err?.status === 401)
		return signedOut(t.ended);
	const words = !err ? '' : err.status === 403 ? t.readOnly : err.status === 404 ? t.notFound :
		err instanceof ApiError && (err.status >= 400 && err.status < 500 || err.code === 'provider_refused') ? t.said[err.code] || `${t.refused}.` : t.away;
	if (!(err instanceof ApiError) && err)
		console.error(err);
	say(words);
	if (err?.status === 403)	// what she may do has changed
		renewMe().catch(() => {});
}
let said = '';		// not read from the page, whose words a browser may have translated
function say(words) {
	said = words;
	text($('trouble-text'), words);
	$('trouble').hidden = words === '';
}
// a failure that mends itself: said only when it lasts
function quiet(err) {
	failures = err ? failures + 1 : 0;
	if (!err) {		// what was asked for in vain meanwhile
		if (listMissing !== null && performance.now() - listMissing > 3000)
			reload();
		thread.loadMissing().catch(() => {});
	}
	if (err?.status === 401)
		trouble(err);
	else if (!err && said === t.away)
		trouble(null);
	else if (err && failures >= 2)
		trouble(err);
}

// --- signing in ------------------------------------------------------------------------

function showLogin(why) {
	if (/^#(instagram|whatsapp)\//.test(location.hash))
		store.set('return', location.pathname + location.hash);	// a new link leads back
	$('inbox').hidden = $('waiting').hidden = true;
	$('login').hidden = false;
	text($('login-error'), why || '');
	$('login-error').hidden = !why;
	document.title = 'dmbox';
	icon(badge = 0);
}
// nothing of people's words stays on the page; drafts stay in the browser
function signedOut(why) {
	live.stop();
	generation++;
	thread.close();
	conversations = new Map();
	rows = new Map();
	$('conversations').replaceChildren();
	$('owner').replaceChildren();
	$('search').value = search = '';
	say('');
	showLogin(why);
}
const tokenOf = (s) => (s.match(/login=([\w-]+)/) || [null, s.trim()])[1];	// whatever stands around it

let entering = false;
async function login(token) {
	if (entering)
		return;
	entering = true;
	try {
		await server.login(token);
	} catch (err) {
		// a link that was kept, and is opened again: who is signed in needs none
		if (err.status === 401 && await start().then(() => true, () => false))
			return;
		showLogin(t.linkBad[err.code] || (err.status === 429 ? t.linkBad.rate : err.status === 401 ? t.linkBad.link_unknown : t.away));
		if (err.status !== 401)
			$('token').value = token;	// it may still be good: pressed again
		return;
	} finally {
		entering = false;
	}
	history.replaceState(null, '', store.get('return') || location.pathname);
	store.set('return', null);
	await enter(t.noCookies);
	if (!$('inbox').hidden)
		signs?.postMessage({ who: app.me.name });
}
// The windows of a browser share one session: who signs in or out in one does so in all.
const signs = 'BroadcastChannel' in window ? new BroadcastChannel(`dmbox-who${base}`) : null;
function heardSign({ who }) {
	const here = $('inbox').hidden ? null : app.me.name;
	if (who === null && here !== null)
		signedOut('');
	else if (who !== here && who !== null)
		location.reload();	// each has drafts of her own
}
async function leave() {
	const n = thread.keptDrafts();
	if (n && !confirm(t.draftsLost(n)))
		return;
	try {
		await server.logout();
	} catch (err) {
		if (err.status !== 401) {	// the next one at this computer would be her
			say(t.stillIn);
			return;
		}
	}
	thread.close();
	thread.forgetDrafts();
	history.replaceState(null, '', location.pathname);
	signedOut('');
	signs?.postMessage({ who: null });
}
async function start() {
	meAt = performance.now();
	app.me = await server.me();
	if (app.me.lang && app.me.lang !== lang) {	// the person's own, at whatever computer
		store.set('lang', app.me.lang);
		setLanguage(app.me.lang);
	}
	words();
	$('login').hidden = $('waiting').hidden = true;
	$('inbox').hidden = false;
	menu();
	showFilters();
	text($('list-empty'), t.loading);
	$('list-empty').className = 'hint late';
	$('list-empty').hidden = false;
	thread.startThread(app);
	live.start(app.me);
	if (!location.hash && app.me.empty && app.me.role === 'owner')
		location.replace('#owner');
	await Promise.all([reload(), route()]);
	forgetGone().catch(() => {});
}

/*
 * What is not told by the feed: who else answers, what may be done, labels, saved replies.  A page
 * at a counter stays open for weeks.
 */
let meAt = 0;
async function renewMe() {
	meAt = performance.now();
	const old = app.me, me = await server.me();
	if (me.name !== old.name)
		return location.reload();
	app.me = me;
	if (me.role !== old.role)
		menu();
	if (JSON.stringify([me.labels, me.accounts]) !== JSON.stringify([old.labels, old.accounts]) && !$('choices').contains(document.activeElement))
		showFilters();
	thread.renewed();
}

// --- the list ------------------------------------------------------------------------------

const several = () => new Set(app.me.accounts.map((a) => `${a.channel}/${a.account}`)).size > 1;
const channelName = (c) => ({ instagram: 'Instagram', whatsapp: 'WhatsApp' }[c] || c);
function place(c) {
	const a = app.me.accounts.find((x) => x.channel === c.channel && x.account === c.account);
	const alone = app.me.accounts.filter((x) => x.channel === c.channel).length < 2;
	return channelName(c.channel) + (alone ? '' : ` · ${a?.title || c.account}`);
}
const passes = (c) => passesPlace(c) && (!label || c.labels?.includes(label)) &&
	({ unanswered: c.waitingSince, mine: c.assignee === app.me.name && !c.done, unread: c.unreadCount > 0, failed: c.failedCount > 0, done: c.done, all: true }[filter]);

// the place in a found message where the words are
function excerpt(s) {
	const plain = (x) => x.toLowerCase().replaceAll('ё', 'е'), words = plain(search).split(/\s+/).filter(Boolean);
	const at = Math.min(...words.map((w) => plain(s).indexOf(w.length > 4 ? w.slice(0, -2) : w)).filter((i) => i >= 0));
	return Number.isFinite(at) && at > 12 ? `… ${s.slice(s.lastIndexOf(' ', at - 8) + 1)}` : s;
}

// as a link: in a window of its own, where that is asked for
const apartFrom = (c) => window.open(`${location.pathname}#${c.channel}/${c.id}`, '_blank', 'noopener');
const ROW = ['face', 'name', 'time', 'last', 'marks', 'more'];
function patchRow(li, c) {
	const b = li.firstChild || li.appendChild(button('', '', (ev) => (ev.ctrlKey || ev.metaKey ? apartFrom(c) : choose(c.id)), { onauxclick: (ev) => ev.button === 1 && apartFrom(c) }));
	const p = (name, signature, build) => part(b, ROW, name, signature, build);
	const draft = thread.draftOf(c)?.text || '', last = c.lastMessage;
	p('face', `${nameOf(c)}|${c.avatar || ''}`, () => avatar(c));
	p('name', nameOf(c), () => el('strong', { dir: 'auto' }, nameOf(c)));
	p('time', c.lastAt ? brief(c.lastAt) : '', () => el('time', { dateTime: c.lastAt }, brief(c.lastAt)));
	const line = draft ? cut(draft, 120) : c.hit ? excerpt(c.hit.content || '') : summary(last);
	const by = draft ? `${t.draft}: ` : last?.direction === 'outbound' && !c.hit ? `${last.by && last.by !== app.me.name ? last.by : t.you}: ` : last?.sender ? `${last.sender.name || ''}: ` : '';
	p('last', `${by}|${line}|${Boolean(draft)}`, () => el('span.last', { dir: 'auto' }, by ? el(draft ? 'span.draft' : 'bdi', {}, by) : null, by ? el('bdi', {}, line) : line));
	const failed = c.failedCount > 0 || thread.failedHere(c);
	p('marks', [c.unreadCount, failed].join(), () => el('span.marks', {}, failed ? el('span.bad', { title: t.filters.failed }, '!', el('span.sr', {}, t.filters.failed)) : null,
		c.unreadCount > 0 ? el('span.unread', {}, el('span', { 'aria-hidden': 'true' }, c.unreadCount > 99 ? '99+' : String(c.unreadCount)), el('span.sr', {}, t.unread(c.unreadCount))) : null));
	const since = c.waitingSince ? now() - Date.parse(c.waitingSince) : 0, waits = since > 3600e3 ? t.waiting(span(since)) : '';
	const more = [several() ? place(c) : '', waits, c.assignee || '', ...(c.labels || []).map((l) => `#${l}`)].filter(Boolean);
	p('more', more.join('|'), () => el('span.more', {}, ...apart(more, ' · ')));
	attr(b, 'aria-current', thread.current()?.id === c.id ? 'true' : null);
}
function paintList() {
	const shown = [...conversations.values()].sort((a, b) => (a.lastAt < b.lastAt ? 1 : a.lastAt > b.lastAt ? -1 : b.id - a.id));
	const focused = $('conversations').contains(document.activeElement) ? document.activeElement : null;
	let ref = $('conversations').firstChild;
	for (const [id, li] of rows)
		if (!conversations.has(id)) {
			if (ref === li)
				ref = ref.nextSibling;
			li.remove();
			rows.delete(id);
		}
	for (const c of shown) {
		let li = rows.get(c.id);
		if (!li)
			rows.set(c.id, li = el('li', {}));
		attr(li, 'data-id', c.id);
		patchRow(li, c);
		if (li === ref)
			ref = ref.nextSibling;
		else
			$('conversations').insertBefore(li, ref);
	}
	if (focused && focused !== document.activeElement)
		focused.focus({ preventScroll: true });
	$('more-conversations').hidden = next === null;
	text($('list-empty'), shown.length ? '' : search ? t.noneFound : (!app.me.empty && !label && t.noneOf[filter]) || t.none);
	$('list-empty').classList.remove('late');
	$('list-empty').hidden = shown.length > 0;
}
async function loadList(before) {
	const mine = generation;
	const [page, since] = await answer(server.conversations({ filter: search ? 'all' : filter, channel, account, label, q: search, limit: PAGE, before }));
	if (mine !== generation)
		return;
	if (!before)
		conversations = new Map();
	for (const c of page.conversations)
		conversations.set(c.id, c);
	const open = thread.current();
	if (!before && open && !search && !conversations.has(open.id) && passesPlace(open))
		conversations.set(open.id, open);
	next = page.next;
	for (const c of since.conversations)
		upsert(c);
	for (const g of since.gone)
		conversations.delete(g.id);
	if (page.counts)
		showCounts(page.counts, narrowed());
	if (since.counts)
		showCounts(since.counts, false);
	paintList();
	if (open && conversations.has(open.id))
		thread.updateConversation(conversations.get(open.id));
}
const passesPlace = (c) => (!channel || c.channel === channel) && (!account || c.account === account);
function upsert(c) {
	const known = conversations.has(c.id), open = thread.current()?.id === c.id;
	const last = [...conversations.values()].reduce((min, x) => (x.lastAt < min ? x.lastAt : min), '9');
	if (search ? known : (passes(c) && (known || next === null || c.lastAt >= last)) || open)
		conversations.set(c.id, { ...(search ? { hit: conversations.get(c.id)?.hit } : {}), ...c });
	else
		conversations.delete(c.id);
	if (open)
		thread.updateConversation(c);
}
/*
 * A conversation that was erased, or became one with another (into): what this computer keeps of
 * it goes, or moves, as well.
 */
function gone({ id, into }) {
	const open = thread.current(), there = open?.id === id;
	if (there)
		thread.close();		// keeps the draft, which then goes with the rest
	thread.forgetConversation(id, into);
	conversations.delete(id);
	if (there) {
		history.replaceState(null, '', into ? `#${open.channel}/${into}` : location.pathname);
		fromList = false;
		route();
		say(into ? t.merged : t.erased);
	}
	paintList();
}
// those that went while no page was looking: of few something is kept
async function forgetGone() {
	for (const { channel, id } of thread.keptFor().filter((k) => !conversations.has(k.id)).slice(0, 20))
		await server.conversation(channel, id).catch((err) => isGone(err) && gone({ id }));
}
function reload() {
	generation++;
	listMissing = null;
	return loadList().then(() => quiet(null), (err) => { listMissing = performance.now(); trouble(err); });
}

// --- filters, title, badge ---------------------------------------------------------------------

// what the list can be narrowed to: a channel, and of a channel with several accounts each of them
function places() {
	const out = [];
	for (const ch of [...new Set(app.me.accounts.map((a) => a.channel))]) {
		const own = app.me.accounts.filter((a) => a.channel === ch);
		if (own.length < 2) {
			out.push([ch, channelName(ch)]);
			continue;
		}
		if (own.length < app.me.accounts.length)
			out.push([ch, t.allOf(channelName(ch))]);
		out.push(...own.map((a) => [`${ch}/${a.account}`, `${channelName(ch)} · ${a.title || a.account}`]));
	}
	return out;
}
function showFilters() {
	const names = ['unanswered', 'all', 'mine', 'unread', 'failed', 'done'];
	$('filters').replaceChildren(...names.map((n) => button('chip', t.filters[n], (ev) => { filter = n; $('search').value = search = ''; mark(); reload(); ev.currentTarget.scrollIntoView({ block: 'nearest', inline: 'nearest' }); }, { 'data-filter': n })));
	const select = (name, any, values, is, set) => el('select', { 'aria-label': name, onchange: (ev) => { set(ev.target.value); reload(); } },
		el('option', { value: '' }, any), ...values.map(([v, s]) => el('option', { value: v, selected: v === is }, s)));
	const from = places(), labels = [...new Set([...app.me.labels, label].filter(Boolean))];
	$('choices').replaceChildren(...[from.length > 1 ? select(t.channel, from.some(([v]) => v.includes('/')) ? t.anyAccount : t.anyChannel, from, account ? `${channel}/${account}` : channel, (v) => { [channel, account = ''] = v.split('/'); }) : null,
		labels.length ? select(t.label, t.anyLabel, labels.map((l) => [l, l]), label, (v) => { label = v; }) : null].filter(Boolean));
	$('choices').hidden = !$('choices').children.length;
	mark();
}
function mark() {
	for (const b of $('filters').children) {
		attr(b, 'aria-pressed', String(b.dataset.filter === (search ? 'all' : filter)));
		const n = counts[b.dataset.filter];
		text(b, t.filters[b.dataset.filter] + (n ? ` ${n > 99 ? '99+' : n}` : ''));
	}
}
let badge = -1;
// the feed counts what there is everywhere; the list's own counts are of what it is narrowed to
const narrowed = () => Boolean(channel || account);
let counting = false;
async function recount() {
	if (counting)
		return;
	counting = true;
	const mine = generation;
	try {
		const page = await server.conversations({ filter, channel, account, limit: 1 });
		if (mine === generation && page.counts)
			showCounts(page.counts, true);
	} catch (err) {
		quiet(err);
	} finally {
		counting = false;
	}
}
function showCounts(c, here) {
	if (here === narrowed()) {
		counts = c;
		mark();
	}
	if (here)
		return;
	const n = c.unread || 0;
	const title = n ? `(${n > 99 ? '99+' : n}) dmbox` : 'dmbox';
	if (document.title !== title)
		document.title = title;
	if (n !== badge)
		icon(badge = n);
}
// Two pictures, made once: an address that is taken back while the browser still loads it is an error.
const icons = {};
function icon(n) {
	const kind = n ? 'news' : 'plain';
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#24632f"/><path d="M7 9h18v12H15l-5 4v-4H7z" fill="#fff"/>${n ? '<circle cx="25" cy="8" r="7" fill="#d4351c"/>' : ''}</svg>`;
	const link = document.querySelector('link[rel=icon]') || document.head.appendChild(el('link', { rel: 'icon', type: 'image/svg+xml' }));
	icons[kind] ||= URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
	attr(link, 'href', icons[kind]);
}

// --- the menu -------------------------------------------------------------------------------------

function menu() {
	const toggle = (name, words, on) => button('', `${words}: ${store.get(name) ? t.on : t.off}`, async () => {
		store.set(name, await on(!store.get(name)) || null);
		menu();
	}, { 'aria-pressed': String(Boolean(store.get(name))) });
	$('menu-items').replaceChildren(...[
		app.me.name ? el('p.hint', { dir: 'auto' }, app.me.name) : null,
		app.me.role === 'owner' ? button('', t.owner, () => { $('menu').open = false; location.hash = '#owner'; }) : null,
		'Notification' in window ? toggle('notify', t.notify, mayNotify) : null,
		toggle('sound', t.sound, async (to) => { if (to) beep().catch(() => {}); return to; }),
		button('', t.language, async () => {
			const to = lang === 'ru' ? 'en' : 'ru';
			store.set('lang', to);
			await server.language(to).catch(() => {});	// a program's token: this browser only
			location.reload();
		}, { lang: lang === 'ru' ? 'en' : 'ru' }),
		el('button', { type: 'button', id: 'logout', onclick: leave }, t.leave),
	].filter(Boolean));
}
async function mayNotify(to) {
	if (!to || (await Notification.requestPermission() === 'granted' && note('dmbox', { body: `${t.notify}: ${t.on}` })))
		return to;
	say(t.notifyOff);
	return false;
}
// Chrome for Android has the word, but throws: there is then no such thing, and nothing else stops for it
function note(title, options) {
	try {
		return new Notification(title, options);
	} catch {
		store.set('notify', null);
		menu();
		return null;
	}
}
// One for all: until a person has touched the page browsers let it be silent, and of those that wait
// for that they make a few only.
let audio = null;
// Safari takes a press alone for that, and another one each time the page was loaded.
function wakeSound() {
	if (audio?.state === 'running' || !store.get('sound') || !('AudioContext' in window))
		return;
	try {
		audio ||= new AudioContext();
		audio.resume().catch(() => {});
	} catch { /* so many at once a browser does not make */ }
}
async function beep() {
	if (!('AudioContext' in window))
		return;
	const a = audio ||= new AudioContext();
	if (a.state !== 'running')
		await Promise.race([a.resume(), new Promise((done) => setTimeout(done, 500))]);
	if (a.state !== 'running')
		return;		// what is late is no news
	const o = a.createOscillator(), g = a.createGain();
	o.frequency.value = 660;
	g.gain.value = 0.08;
	o.connect(g).connect(a.destination);
	o.start();
	o.stop(a.currentTime + 0.15);
}
function tell(messages, touched) {
	const news = messages.filter((m) => m.direction === 'inbound' && !m.deletedAt && m.readAt === null && now() - Date.parse(m.receivedAt || m.createdAt) < 120000);
	if (!news.length || (document.visibilityState === 'visible' && document.hasFocus()))
		return;
	if (store.get('sound'))
		beep().catch(() => {});
	if (store.get('notify') && 'Notification' in window && Notification.permission === 'granted')
		for (const m of news.slice(-3)) {
			const c = touched.find((x) => x.id === m.conversation) || conversations.get(m.conversation);
			const n = note(c ? nameOf(c) : 'dmbox', { body: summary(m), tag: `dmbox-${m.conversation}` });
			if (n)	// it may stand in no list by then
				n.onclick = () => { window.focus(); location.hash = `#${m.channel}/${m.conversation}`; n.close(); };
		}
}

// --- what belongs to a conversation -------------------------------------------------------------------

function showTools(c) {
	$('inbox').classList.toggle('reading', c !== null || location.hash === '#owner');
	$('nothing').hidden = c !== null;
	$('scroll').hidden = $('head').hidden = c === null;
	part($('face'), ['it'], 'it', c ? `${c.id}|${nameOf(c)}|${c.avatar || ''}` : '', () => avatar(c));
	const can = c && app.me.role !== 'read';
	part($('tools'), TOOLS, 'done', can ? `${c.id} ${c.done}` : '', () => el(c.done ? 'button.quiet' : 'button', { type: 'button', id: 'done', name: 'done', title: c.done ? t.reopenHint : t.doneHint, onclick: () => change({ done: !c.done }) }, el('span', { 'aria-hidden': 'true' }, c.done ? '↺' : '✓'), el('span.word', {}, ` ${c.done ? t.reopen : t.done}`)));
	part($('tools'), TOOLS, 'more', can ? `${c.id}` : '', () => el('details', { id: 'more-tools' }, el('summary', { 'aria-label': t.tools, title: t.tools }, el('span', { 'aria-hidden': 'true' }, '⋯')), toolsPanel(c)));
	if (can)
		patchPanel(c);
}
let undone = 0;		// changes that were refused or got lost: what was ticked is shown as it is
async function change(what) {
	try {
		const [c, since] = await answer(server.update(thread.current(), what));
		for (const x of [c, ...since.conversations])
			upsert(x);
		paintList();
	} catch (err) {
		undone++;
		showTools(thread.current());
		trouble(err);
	}
}
// what changes by itself stands apart from what is being written
const TOOLS = ['done', 'more'];
function patchPanel(c) {
	part($('assign-box'), ['it'], 'it', JSON.stringify([c.assignee, app.me.users, undone]), () => el('select', { id: 'assign', name: 'assign', onchange: (ev) => change({ assignee: ev.target.value || null }) }, el('option', { value: '' }, t.nobody),
		...[...new Set([...app.me.users, c.assignee].filter(Boolean))].map((u) => el('option', { value: u, selected: u === c.assignee }, u))));
	part($('labels-box'), ['it'], 'it', JSON.stringify([c.labels, app.me.labels, undone]), () => el('div', {}, ...[...new Set([...app.me.labels, ...(c.labels || [])])].map((l) => el('label', {}, el('input', { type: 'checkbox', name: `label ${l}`, checked: c.labels?.includes(l),
		onchange: (ev) => change(ev.target.checked ? { addLabels: [l] } : { removeLabels: [l] }) }), ' ', el('span', { dir: 'auto' }, l)))));
}
function toolsPanel(c) {
	const fresh = el('input', { id: 'new-label', maxLength: 40, autocomplete: 'off', placeholder: t.addLabel });
	const note = el('textarea', { id: 'note', rows: 3, maxLength: 10000, dir: 'auto', placeholder: t.notePlaceholder, value: thread.noteOf(c), oninput: () => keepNote() });
	let saving = '';	// out of the field, so that a second press finds nothing; kept until the server has it
	const keepNote = () => thread.keepNote(c, [saving, note.value].filter(Boolean).join('\n'));
	const adds = (form, fn) => { form.addEventListener('submit', (ev) => { ev.preventDefault(); fn(); }); return form; };
	return el('div.panel', {},
		el('label', { htmlFor: 'assign' }, t.assign), el('div', { id: 'assign-box' }),
		el('fieldset', {}, el('legend', {}, t.labels), el('div', { id: 'labels-box' }), adds(el('form.pair', {}, el('label.sr', { htmlFor: 'new-label' }, t.addLabel), fresh, el('button.quiet', { 'aria-label': t.addLabel }, '+')), () => {
			const l = fresh.value.trim();
			if (!l)
				return;
			fresh.value = '';
			if (!app.me.labels.some((x) => x.toLowerCase() === l.toLowerCase())) {
				app.me.labels = [...app.me.labels, l];
				showFilters();
			}
			change({ addLabels: [l] });
		})),
		adds(el('form', {}, el('label', { htmlFor: 'note' }, t.note), note, el('button', {}, t.saveNote)), async () => {
			if (!note.value.trim() || saving)
				return;
			saving = note.value.trim();
			note.value = '';
			try {
				const r = await server.note({ conversation: c.id, body: saving }), open = thread.current()?.id === c.id;
				if (open && $('note').value.trim() === saving)	// the conversation was left, and opened again
					$('note').value = '';
				saving = '';
				keepNote();
				if (open && !$('note').value)
					$('more-tools').open = false;
				if (open)
					thread.applyNotes([r.note]);
			} catch (err) {
				note.value = [saving, note.value].filter(Boolean).join('\n');
				saving = '';
				keepNote();
				trouble(err);
			}
		}),
		button('quiet', t.saveReply, async () => {
			const words = thread.unfilled($('text').value.trim());
			if (!words)
				return $('text').focus();
			const name = cut(prompt(t.replyName, cut(words, 30))?.trim() || '', 60);
			const known = app.me.replies.find((r) => r.name === name);	// it is written anew
			if (!name)
				return;
			try {
				app.me.replies = await server.replies({ id: known?.id, name, text: words });
			} catch (err) {
				// a colleague has deleted it, or has written one of this name meanwhile
				trouble(known && err?.status === 404 ? new ApiError(409, 'reply_gone') : err);
				renewMe().catch(() => {});
			}
		}));
}

// --- addresses -------------------------------------------------------------------------------------------

function choose(id) {
	const c = conversations.get(id);
	jumpTo = c.hit?.id || null;
	fromList = true;
	const hash = `#${c.channel}/${c.id}`;
	if (location.hash === hash)
		route();
	else
		location.hash = hash;
}
// what was open stood in the list whatever the filter says; left, it no longer does
function leaves(id) {
	const c = conversations.get(id);
	return Boolean(c && id !== thread.current()?.id && !search && !passes(c)) && conversations.delete(id);
}
async function route() {
	const address = location.hash.match(/^#(instagram|whatsapp)\/(\d{1,15})$/);
	$('owner').hidden = location.hash !== '#owner';
	$('thread').hidden = location.hash === '#owner';
	if (!address) {
		const was = thread.current()?.id;
		thread.close();
		if (leaves(was))
			paintList();
		$('inbox').classList.toggle('reading', location.hash === '#owner');
		if (location.hash === '#owner')
			await import('./owner.js').then((m) => m.showOwner($('owner'), app), mixed);
		for (const li of rows.values())
			attr(li.firstChild, 'aria-current', null);
		if (was && !document.activeElement?.checkVisibility?.({ visibilityProperty: true }) || document.activeElement === document.body)
			rows.get(was)?.firstChild.focus({ preventScroll: true });	// where she was
		return;
	}
	const id = Number(address[2]), around = jumpTo, was = thread.current()?.id, { hash } = location, { activeElement } = document;
	jumpTo = null;
	if (thread.current()?.id === id && !around)
		return;
	try {
		const [c, since] = conversations.has(id) ? [conversations.get(id), null] : await answer(server.conversation(address[1], id));
		if (location.hash !== hash)	// she is elsewhere by now
			return;
		const opened = thread.openThread(since?.conversations.findLast((x) => x.id === id) || c, around);
		leaves(was);
		paintList();
		await opened;
		// a phone's keyboard comes when it is called; and who writes elsewhere by now goes on there
		if (fromList && location.hash === hash && [activeElement, document.body].includes(document.activeElement))
			(matchMedia('(pointer: fine)').matches && !$('text').readOnly ? $('text') : $('who')).focus({ preventScroll: true });
	} catch (err) {
		if (location.hash !== hash)
			return quiet(err);
		if (isGone(err) && thread.current()?.id !== id) {
			thread.close();		// the address is of none
			thread.forgetConversation(id);
			paintList();
		} else if (isGone(err)) {
			return gone({ id });
		}
		trouble(err);
	}
}
// an upgrade between the page and a part of it that was not loaded yet: all of it anew, once
function mixed(err) {
	if (err instanceof SyntaxError && performance.getEntriesByType('navigation')[0]?.type !== 'reload')
		location.reload();
	else
		trouble(err instanceof SyntaxError ? err : new ApiError(0, 'network', ''));
}
function back() {
	if (fromList)
		history.back();
	else
		location.hash = '';
	fromList = false;
}

// --- live ---------------------------------------------------------------------------------------------------

/*
 * The tick file says that something changed; the feed says what.  One tab of a
 * browser asks and tells the others where the browser has locks.
 */
const live = {
	on: false, since: null, tick: null, etag: null, asked: -SURE_MS, timer: 0, leads: false, channel: null, wake: null,
	start(me) {
		this.stop();
		Object.assign(this, { on: true, since: me.next ?? null, tick: me.tick || null, etag: null, leads: false, waits: false });
		this.run = {};
		if (navigator.locks && 'BroadcastChannel' in window) {
			this.channel = new BroadcastChannel(`dmbox${base}`);
			this.channel.onmessage = (ev) => this.heard(ev.data);
			this.lead(document.visibilityState === 'visible');
		} else {
			this.leads = true;
			this.loop();
		}
	},
	// A tab that is looked at takes the lead: browsers let one that is hidden ask once a minute at most.
	// Two windows may be looked at, side by side: the one that is hidden tells the other.
	lead(steal) {
		const run = this.run;
		if (!steal && this.waits)
			return;
		this.waits ||= !steal;
		navigator.locks.request(`dmbox-live${base}`, { steal }, () => new Promise((done) => {
			if (this.run !== run)
				return done();
			this.waits &&= steal;
			this.release = done;
			this.leads = true;
			this.loop();
		})).catch((err) => {
			if (this.run !== run)
				return;
			clearTimeout(this.timer);
			this.leads = err.name !== 'AbortError';		// else it was taken over
			this.leads ? this.loop() : this.lead(false);	// locks are refused: each tab for itself
		});
	},
	stop() {
		this.on = this.leads = false;
		this.run = this.turn = null;
		clearTimeout(this.timer);
		this.channel?.close();
		this.channel = null;
		this.release?.();
		this.release = null;
	},
	// Begun anew (the page is looked at, the network is back) it takes the place of the one under way.
	async loop() {
		clearTimeout(this.timer);
		if (!this.on || !this.leads)
			return;
		const turn = this.turn = {};
		try {
			if (await this.changed())
				await this.ask();
			if (document.visibilityState === 'visible' && performance.now() - meAt >= SURE_MS)
				await renewMe();
			quiet(null);
		} catch (err) {
			quiet(err);
		}
		if (turn !== this.turn)
			return;
		const pause = document.visibilityState === 'hidden' ? HIDDEN_MS : this.tick ? TICK_MS : NO_TICK_MS;
		this.timer = setTimeout(() => this.loop(), Math.min(60000, pause * 2 ** Math.min(failures, 3)));
	},
	async changed() {
		const sure = performance.now() - this.asked >= SURE_MS;
		if (!this.tick)
			return true;
		let res;
		try {
			res = await fetch(this.tick, { cache: 'no-cache', credentials: 'omit', signal: limit(TICK_WAIT_MS) });
		} catch {
			throw new ApiError(0, 'network', '');
		}
		if ([401, 403, 404].includes(res.status)) {	// the file was taken away: its name is asked for anew
			const { tick } = await server.me();
			this.tick = tick === this.tick ? null : tick || null;
			return true;
		}
		if (!res.ok)
			throw new ApiError(res.status, '', '');
		const mark = res.headers.get('ETag')?.replace(/^W\//, '') || res.headers.get('Last-Modified') || await res.text();
		const differs = mark !== this.etag;
		this.pending = mark;
		// something was stored that no program told of: the feed is asked now and then
		return differs || sure;
	},
	async ask() {
		const mark = this.pending;
		this.asked = performance.now();
		// what an open transaction held back comes with the next look: no tick tells of it
		if (!await this.read(true))
			this.etag = mark;
	},
	// all that changed since; true: something is held back
	async read(tells) {
		let held = false;
		for (let more = true; more && this.on;) {
			const after = this.since, r = await server.changes(after);
			if (after !== this.since || !this.on)
				continue;	// somebody else asked meanwhile, and showed it
			held = r.held;
			if (tells)
				this.channel?.postMessage({ after, r });
			this.take(r, after);
			more = r.more;
		}
		return held;
	},
	take(r, after) {
		if (!this.on)
			return;
		this.since = r.next;
		const [messages, touched, went] = ['message', 'conversation', 'gone'].map((type) => r.changes.filter((c) => c.type === type));
		told({ messages, conversations: touched, gone: went }, r.counts, r.reset);
		if (r.reset) {
			reload().then(forgetGone).catch(() => {});
			thread.refreshThread();
			return;
		}
		for (const c of touched)
			upsert(c);
		if (r.counts)
			showCounts(r.counts, false);
		if (r.counts && narrowed())
			recount();
		if (touched.length)
			paintList();
		thread.follow(messages, touched);
		for (const g of went)
			gone(g);
		if (after !== null && this.leads)
			tell(messages, touched);
	},
	heard({ after, r, hidden }) {
		const from = this.since;
		if (!this.on)
			return;
		if (hidden && document.visibilityState === 'visible' && !this.leads)
			this.lead(true);
		else if (r && !r.reset && after !== null && after <= from && r.next > from)
			this.take(r, after);	// all that is new here, and perhaps more
		else if (r && r.next !== from)
			this.catchUp();
	},
	// what was told in vain (a tab that was frozen, a feed that began anew); where it fails it is tried again
	async catchUp() {
		if (!this.leads)
			clearTimeout(this.timer);
		try {
			await this.read(false);
		} catch (err) {
			quiet(err);
			if (this.on && !this.leads)
				this.timer = setTimeout(() => this.catchUp(), NO_TICK_MS);
		}
	},
};
async function refresh() {
	try {
		await live.ask();
		quiet(null);
	} catch (err) {
		quiet(err);
	}
}

// --- the page -------------------------------------------------------------------------------------------------

function words() {
	document.documentElement.lang = lang;
	for (const e of document.querySelectorAll('[data-text]'))
		text(e, t[e.dataset.text] || t.win[e.dataset.text] || '');
	for (const e of document.querySelectorAll('[data-label]')) {
		attr(e, 'aria-label', t[e.dataset.label]);
		if (e.matches('button, summary'))	// a sign alone says little
			attr(e, 'title', t[e.dataset.label]);
	}
	for (const e of document.querySelectorAll('[data-placeholder]'))
		e.placeholder = t[e.dataset.placeholder];
}
function bind() {
	$('login-form').addEventListener('submit', (ev) => {
		ev.preventDefault();
		const token = tokenOf($('token').value);
		$('token').value = '';
		login(token);
	});
	$('back').addEventListener('click', back);
	$('trouble-close').addEventListener('click', () => trouble(null));
	$('skip').addEventListener('click', (ev) => { ev.preventDefault(); $('conversations').focus(); });
	let typing = 0;
	$('search').addEventListener('input', () => {
		clearTimeout(typing);
		typing = setTimeout(() => { search = $('search').value.trim(); mark(); reload(); }, 250);
	});
	$('more-conversations').addEventListener('click', async () => {
		const last = $('conversations').lastElementChild;
		await loadList(next).catch(trouble);
		if ($('more-conversations').hidden && document.activeElement === document.body)
			last?.nextElementSibling?.firstChild.focus({ preventScroll: true });
	});
	window.addEventListener('hashchange', () => {
		const token = location.hash.match(/^#login=([\w-]+)/);
		if (token)
			follow(token[1]);
		else if (!$('inbox').hidden)
			route();
	});
	// a file or a link that is dropped beside the conversation must not open in the page's place
	for (const type of ['dragover', 'drop'])
		document.addEventListener(type, (ev) => {
			const field = ev.target.closest?.('input, textarea') && ![...(ev.dataTransfer?.types || [])].includes('Files');
			if (ev.dataTransfer && !field && !ev.defaultPrevented) {
				ev.preventDefault();
				ev.dataTransfer.dropEffect = 'none';
			}
		});
	document.addEventListener('click', (ev) => {
		for (const d of document.querySelectorAll('details[open]'))
			if (['menu', 'more-tools'].includes(d.id) && !d.contains(ev.target))
				d.open = false;
	});
	for (const type of ['click', 'keydown'])
		document.addEventListener(type, wakeSound);
	document.addEventListener('keydown', (ev) => {
		// Safari gives what was pressed no focus
		const d = ev.key === 'Escape' && (document.activeElement?.closest('details[open]') || document.querySelector('#menu[open], #more-tools[open]'));
		if (d) {
			d.open = false;
			d.querySelector('summary').focus();
		}
	});
	const looked = () => {
		if (document.visibilityState !== 'visible' && live.leads)
			live.channel?.postMessage({ hidden: true });
		if (document.visibilityState !== 'visible' || !live.on)
			return;
		live.asked = -SURE_MS;
		live.leads ? live.loop() : live.lead(true);
	};
	document.addEventListener('visibilitychange', looked);
	window.addEventListener('pageshow', (ev) => {
		if (!ev.persisted || !live.on)
			return;
		looked();
		renewMe().catch(quiet);	// somebody else may have signed in meanwhile
	});
	if (signs)
		signs.onmessage = (ev) => heardSign(ev.data);
	// a keyboard that covers the page instead of making it smaller (iPhone): the page ends above it
	const seen = window.visualViewport;
	seen?.addEventListener('resize', () => {
		const covered = Math.abs(seen.scale - 1) < 0.01 && innerHeight - seen.height > 100;
		$('inbox').style.height = covered ? `${seen.height}px` : '';
		if (covered)
			scrollTo(0, 0);
	});
	window.addEventListener('online', () => live.leads && live.loop());
	// a list element's age ("waiting for 2 h") and its date go on by themselves
	setInterval(() => { if (conversations.size) paintList(); }, 60000);
	thread.bindThread();
}

async function boot() {
	setLanguage(lang);
	words();
	icon(0);
	bind();
	if (document.prerendering)	// a guess of the browser's, of which perhaps nothing comes: a link works once
		await new Promise((shown) => document.addEventListener('prerenderingchange', shown, { once: true }));
	const token = location.hash.match(/^#login=([\w-]+)/);
	await (token ? follow(token[1]) : enter());
}
// a link that was opened: out of the address before anything else happens
function follow(token) {
	history.replaceState(null, '', location.pathname);
	return login(token);
}
// where the server does not answer, it is asked again: nobody needs a new link for that
async function enter(unknown = '') {
	try {
		await start();
	} catch (err) {
		showLogin(err.status === 401 ? unknown : t.away);
		if (err.status !== 401)
			setTimeout(() => $('inbox').hidden && enter(unknown), 5000);
	}
}
boot();
