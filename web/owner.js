/*
 * The owner's page: is all well, how much came and went, who waits, what was
 * refused, who has access.  On an empty installation it is the guide.  Loaded
 * only when it is opened.
 */
import { t, lang, locale, el, button, text, part, keepFocus, server, post, dayName, moment, now, span, full, brief } from './base.js';
import { cut, errorKind } from './render.js';

const words = {
	en: {
		title: 'Overview', back: 'To the conversations', well: 'All well.', lastMessage: (s) => `Last message ${s} ago`, lastCheck: (s) => `last check ${s} ago`, noMessage: 'No message yet', noCheck: 'not checked yet', neverAsked: 'not asked yet', remedy: 'What to do', 
		status: { ok: 'in order', warn: 'warning', fail: 'broken', unknown: 'not known' }, groups: 'How each part is',
		group: { configuration: 'Configuration', database: 'Database', files: 'Files', web: 'Web server', provider: 'Providers', deliveries: 'Deliveries', sending: 'Sending', poller: 'Poller', inbox: 'Inbox', ledger: 'Deliveries', disk: 'Disk', conf: 'Configuration', db: 'Database', run: 'Running', network: 'Network', certificate: 'Certificates', queue: 'Queue', security: 'Access' },
		messages: 'Messages', hours: '48 hours', days: '60 days', all: 'All accounts', in: 'received', out: 'sent', refused: 'refused', missed: 'missed', csv: 'Table (CSV)', chart: (a, b) => `${a} received, ${b} sent`,
		waiting: 'Waiting for an answer', nobody: 'Nobody is waiting.', oldest: (s) => `The oldest for ${s}`, responses: 'First answer by day', day: 'Day', median: 'half within', p90: '9 of 10 within', n: 'answers',
		failed: 'Not sent', noFailed: 'Everything has gone out.', ledger: 'Refused deliveries', noRefused: 'None was refused.', look: 'Look', bytes: 'Body', headers: 'Headers', replay: 'Read it again', replayed: (r) => `Stored ${r.stored}, already there ${r.duplicates}.`, from: 'From',
		why: 'Where is a message?', whyHint: 'Message id, @name or time (10:15, 22.11.2026 10:15)', search: 'Search', nothing: 'Nothing is known of it.',
		people: 'People', role: 'May', roles: { read: 'read', answer: 'answer', owner: 'everything' }, add: 'Add a person', name: 'Name', addIt: 'Make a link', newLink: 'New link', revoke: 'Take access away', revokeSure: (n) => `Take all access from ${n}? Open pages close at once.`, seen: (s) => `last seen ${s}`, neverSeen: 'never signed in', linkFor: (n) => `Link for ${n}: works once, within 24 hours. Send it to nobody else.`, end: 'End this session',
		accounts: 'Accounts', lastPoll: (s) => `last asked ${s} ago`, attempts: 'Attempts', setup: 'Getting started', setupDone: 'done', setupOpen: 'to do', outcome: { messages: 'new messages', empty: 'nothing new', unsupported: 'messages come by webhook', failed: 'did not work', busy: 'in use', mock: 'test mode' },
	},
	ru: {
		title: 'Обзор', back: 'К перепискам', well: 'Всё в порядке.', lastMessage: (s) => `Последнее сообщение ${s} назад`, lastCheck: (s) => `проверка ${s} назад`, noMessage: 'Сообщений ещё не было', noCheck: 'проверки ещё не было', neverAsked: 'ещё не опрашивался', remedy: 'Что делать', 
		status: { ok: 'в порядке', warn: 'предупреждение', fail: 'не работает', unknown: 'неизвестно' }, groups: 'Состояние частей',
		group: { configuration: 'Настройки', database: 'База данных', files: 'Файлы', web: 'Веб-сервер', provider: 'Мессенджеры', deliveries: 'Доставка', sending: 'Отправка', poller: 'Опрос', inbox: 'Переписки', ledger: 'Доставка', disk: 'Диск', conf: 'Настройки', db: 'База данных', run: 'Работа', network: 'Сеть', certificate: 'Сертификаты', queue: 'Очередь', security: 'Доступ' },
		messages: 'Сообщения', hours: '48 часов', days: '60 дней', all: 'Все аккаунты', in: 'получено', out: 'отправлено', refused: 'отклонено', missed: 'пропущено', csv: 'Таблица (CSV)', chart: (a, b) => `получено ${a}, отправлено ${b}`,
		waiting: 'Ждут ответа', nobody: 'Никто не ждёт.', oldest: (s) => `Дольше всех — ${s}`, responses: 'Первый ответ по дням', day: 'День', median: 'половина за', p90: '9 из 10 за', n: 'ответов',
		failed: 'Не отправлено', noFailed: 'Всё ушло.', ledger: 'Отклонённые доставки', noRefused: 'Ничего не отклонено.', look: 'Посмотреть', bytes: 'Содержимое', headers: 'Заголовки', replay: 'Прочитать ещё раз', replayed: (r) => `Сохранено ${r.stored}, уже было ${r.duplicates}.`, from: 'Откуда',
		why: 'Где сообщение?', whyHint: 'Номер сообщения, @имя или время (10:15, 22.11.2026 10:15)', search: 'Найти', nothing: 'О нём ничего не известно.',
		people: 'Люди', role: 'Можно', roles: { read: 'читать', answer: 'отвечать', owner: 'всё' }, add: 'Добавить человека', name: 'Имя', addIt: 'Создать ссылку', newLink: 'Новая ссылка', revoke: 'Закрыть доступ', revokeSure: (n) => `Закрыть доступ: ${n}? Открытые страницы закроются сразу.`, seen: (s) => `был(а) ${s}`, neverSeen: 'ещё не входил(а)', linkFor: (n) => `Ссылка для ${n}: действует один раз, в течение суток. Не отправляйте её никому другому.`, end: 'Завершить этот вход',
		accounts: 'Аккаунты', lastPoll: (s) => `опрошен ${s} назад`, attempts: 'Попытки', setup: 'С чего начать', setupDone: 'готово', setupOpen: 'осталось', outcome: { messages: 'есть новые', empty: 'нового нет', unsupported: 'сообщения приходят сами', failed: 'не получилось', busy: 'занято', mock: 'проверочный режим' },
	},
};
let w, host, app, data, top, columns, range = 'hours', shownAccount = '';
let timer = 0;
const opened = new Set();	// whose attempts are looked at
// A browser as people call it; what is not known stays as it was said.
function device(agent) {
	const first = (list) => list.find(([, re]) => re.test(agent))?.[0];
	const by = first([['Yandex', /YaBrowser/], ['Edge', /Edg/], ['Opera', /OPR|Opera/], ['Samsung Internet', /SamsungBrowser/], ['Firefox', /Firefox|FxiOS/], ['Chrome', /Chrome|CriOS/], ['Safari', /Safari/]]);
	const on = first([['iPhone', /iPhone/], ['iPad', /iPad/], ['Android', /Android/], ['Windows', /Windows/], ['Mac', /Macintosh/], ['Linux', /Linux/]]);
	return by && on ? `${by}, ${on}` : agent || '?';
}
const ago = (iso) => span(now() - Date.parse(iso));
const since = (iso, words, none) => (iso ? words(ago(iso)) : none);
const of = (map, k) => (Object.hasOwn(map, k) ? map[k] : k);
const seconds = (n) => (n === null || n === undefined ? '–' : span(n * 1000));

export async function showOwner(where, lent) {
	host = where;
	app = lent;
	w = words[lang];
	if (app.me.role !== 'owner') {
		location.hash = '';
		return;
	}
	clearInterval(timer);
	timer = setInterval(refresh, 60000);	// what it says is of now
	try {
		data = await server.get('owner');
		paint();
	} catch (err) {
		app.trouble(err);
	}
}
async function refresh() {
	if (host.closest('[hidden]') || document.visibilityState !== 'visible')
		return;
	try {
		data = await server.get('owner');
		paint();
	} catch (err) {
		app.quiet(err);
	}
}
const section = (id, title, ...children) => el('section', { id: `o-${id}`, tabIndex: -1, 'aria-labelledby': `o-${id}-h` }, el('h2', { id: `o-${id}-h` }, title), ...children);

function paint() {
	if (!host.firstChild) {
		top = el('div', {});
		columns = el('div.columns', {});
		host.append(el('div.pair', {}, button('quiet', `← ${w.back}`, () => { location.hash = ''; }), el('h1', {}, w.title)), top, columns);
	}
	// only what differs: a link that is shown once, and what is being written, stay
	const p = (box, order, name, of, build) => part(box, order, name, of && JSON.stringify(of), build);
	p(top, TOP, 'verdict', [data.verdict, said()], verdict);
	p(top, TOP, 'setup', app.me.empty && data.setup ? data.setup : '', setup);
	p(top, TOP, 'groups', [data.groups], groups);
	const q = data.waiting || {};
	p(columns, ORDER, 'messages', [data.hours, data.days], messages);
	p(columns, ORDER, 'waiting', [q, [q.oldestAt, ...(q.conversations || []).map((c) => c.waitingSince)].map(ago)], waiting);
	p(columns, ORDER, 'failed', [data.failed], failed);
	p(columns, ORDER, 'people', ['it'], people);
	showPeople(data.users || []);
	if (!columns.querySelector('#o-ledger pre'))		// somebody reads one
		p(columns, ORDER, 'ledger', [data.refused, data.reasons], ledger);
	p(columns, ORDER, 'accounts', [data.accounts, (data.accounts || []).map((a) => ago(a.lastPollAt))], accounts);
	p(columns, ORDER, 'why', ['it'], whyForm);
}
const TOP = ['verdict', 'setup', 'groups'], ORDER = ['messages', 'waiting', 'failed', 'people', 'ledger', 'accounts', 'why'];

// --- is all well ------------------------------------------------------------------------

const light = (s) => el(`span.light.${['ok', 'warn', 'fail'].includes(s) ? s : 'unknown'}`, {}, el('span', { 'aria-hidden': 'true' }, { ok: '✓', warn: '!', fail: '✗' }[s] || '?'), el('span.sr', {}, of(w.status, s)));
const said = () => `${since(data.lastMessageAt, w.lastMessage, w.noMessage)}, ${since(data.lastCheckAt, w.lastCheck, w.noCheck)}.`;
function verdict() {
	const v = data.verdict || {}, good = v.status === 'ok' || !v.status;
	return el(`div.verdict.${good ? 'ok' : v.status}`, { role: 'status' }, el('strong', {}, good ? w.well : `${v.what}: ${v.seen || ''}`),
		el('div', {}, said()), !good && v.remedy ? el('div', {}, `${w.remedy}: `, el('code', {}, v.remedy)) : null);
}
function groups() {
	return section('groups', w.groups, el('div.lights', {}, ...(data.groups || []).map((g) => {
		const name = el('span.pair', {}, light(g.status), of(w.group, g.code));
		return g.checks?.length ? el('details', {}, el('summary', {}, name), el('ul', {}, ...g.checks.map((c) => el('li', {}, light(c.status), ` ${c.what}: ${c.seen}`, c.remedy ? el('div', {}, `${w.remedy}: `, el('code', {}, c.remedy)) : null)))) : el('div.lamp', {}, name);
	})));
}
function setup() {
	return section('setup', w.setup, el('ol', {}, ...data.setup.map((s) => el('li', {}, el('strong', {}, s.done ? '✓ ' : '○ ', el('span.sr', {}, `${s.done ? w.setupDone : w.setupOpen}: `), s.what), s.value ? el('div', {}, el('code', {}, s.value)) : null))));
}

// --- messages by hour and day -------------------------------------------------------------

const KINDS = ['in', 'out', 'refused', 'missed'];
function series() {
	const all = data[range]?.accounts || {}, n = range === 'hours' ? 48 : 60;
	const names = shownAccount ? [shownAccount] : Object.keys(all);
	return Object.fromEntries(KINDS.map((k) => [k, Array.from({ length: n }, (_, i) => names.reduce((s, a) => s + (all[a]?.[k]?.[i] || 0), 0))]));
}
// an hour is one wherever clocks are put forward, and a day is that of its date, east and west
const start = (i) => { const d = new Date(range === 'hours' ? Date.parse(data.hours.from) + i * 3600e3 : `${data.days.from}T12:00:00`); if (range === 'days') d.setDate(d.getDate() + i); return d; };
const slot = (i) => (range === 'hours' ? moment(start(i)) : start(i).toLocaleDateString(locale(), { day: 'numeric', month: 'short' }));
const mark = (i) => (range === 'hours' ? start(i).toLocaleString(locale(), { weekday: 'short', hour: 'numeric', minute: '2-digit' }) : slot(i));
function svg(tag, attrs, ...children) {
	const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
	for (const [k, v] of Object.entries(attrs))
		e.setAttribute(k, v);
	e.append(...children);
	return e;
}
function chart() {
	const s = series(), n = s.in.length, top = Math.max(1, ...s.in, ...s.out), W = Math.min(720, Math.max(300, host.clientWidth - 60)), H = 160, step = W / n;	// its words keep their size on a phone
	const g = svg('svg', { viewBox: `0 0 ${W} ${H + 22}`, role: 'img', class: 'chart', 'aria-label': w.chart(s.in.reduce((a, b) => a + b, 0), s.out.reduce((a, b) => a + b, 0)) });
	for (let i = 0; i < n; i++) {
		const bar = (k, x, width) => svg('rect', { class: k, x: (i * step + x).toFixed(1), width: width.toFixed(1), y: (H - s[k][i] / top * (H - 10)).toFixed(1), height: Math.max(s[k][i] ? 1 : 0, s[k][i] / top * (H - 10)).toFixed(1) });
		const group = svg('g', {}, bar('in', step * 0.1, step * 0.4), bar('out', step * 0.5, step * 0.4));
		for (const k of ['refused', 'missed'])
			if (s[k][i])
				group.append(svg('circle', { class: k, cx: (i * step + step / 2).toFixed(1), cy: k === 'refused' ? 6 : 18, r: 4 }));
		group.append(svg('rect', { class: 'hit', x: (i * step).toFixed(1), y: 0, width: step.toFixed(1), height: H }), svg('title', {}, `${slot(i)}: ${KINDS.filter((k) => s[k][i] || k === 'in').map((k) => `${w[k]} ${s[k][i]}`).join(', ')}`));
		g.append(group);
		if (i % Math.round(n / (W < 500 ? 3 : 6)) === 0)
			g.append(svg('text', { x: (i * step).toFixed(1), y: H + 16 }, mark(i)));
	}
	return g;
}
// as a spreadsheet takes it for a time: of here, without a zone
const stamp = (d) => new Date(d - d.getTimezoneOffset() * 60000).toISOString().slice(0, range === 'hours' ? 16 : 10).replace('T', ' ');
let csvUrl = null;	// its address is kept until the next one: Safari asks first whether to load it down
function csv() {
	const s = series(), rows = [[w.day, ...KINDS.map((k) => w[k])], ...s.in.map((_, i) => [stamp(start(i)), ...KINDS.map((k) => s[k][i])])];
	if (csvUrl)
		URL.revokeObjectURL(csvUrl);
	csvUrl = URL.createObjectURL(new Blob([`\ufeff${rows.map((r) => r.join(';')).join('\r\n')}\r\n`], { type: 'text/csv' }));
	el('a', { href: csvUrl, download: `dmbox-${range}.csv` }).click();
}
function messages() {
	const box = el('div', {});
	const draw = () => box.replaceChildren(
		el('div.pair', {}, ...['hours', 'days'].map((r) => button('chip', w[r], (ev) => { range = r; draw(); box.querySelector('[aria-pressed=true]').focus(); ev.preventDefault(); }, { 'aria-pressed': String(range === r) })),
			el('select', { name: 'account', 'aria-label': w.accounts, onchange: (ev) => { shownAccount = ev.target.value; draw(); } }, el('option', { value: '' }, w.all),
				...Object.keys(data[range]?.accounts || {}).map((a) => el('option', { value: a, selected: a === shownAccount }, app.place({ channel: a.split('/')[0], account: a.split('/')[1] })))), button('quiet', w.csv, csv)),
		chart(), el('div.legend', {}, ...KINDS.map((k) => el('span', {}, el(`i.${k}`, { 'aria-hidden': 'true' }), ` ${w[k]} ${series()[k].reduce((a, b) => a + b, 0)}`))));
	if (data.hours)
		draw();
	return section('messages', w.messages, box);
}

// --- who waits, what did not go out ---------------------------------------------------------------

const link = (c, label) => el('a', { href: `#${c.channel}/${c.conversation || c.id}`, dir: 'auto' }, label || '–');
function waiting() {
	const q = data.waiting || { count: 0, conversations: [], responses: [] };
	return section('waiting', `${w.waiting}: ${q.count}`, el('p', {}, q.count ? w.oldest(ago(q.oldestAt)) : w.nobody),
		el('ul', {}, ...q.conversations.map((c) => el('li', {}, link(c, c.name), ` — ${ago(c.waitingSince)}`))),
		q.responses?.length ? el('table', {}, el('caption', {}, w.responses), el('thead', {}, el('tr', {}, ...[w.day, w.median, w.p90, w.n].map((h) => el('th', { scope: 'col' }, h)))),
			el('tbody', {}, ...q.responses.slice(0, 7).map((r) => el('tr', {}, el('td', {}, dayName(`${r.day}T12:00:00`)), el('td', {}, seconds(r.median)), el('td', {}, seconds(r.p90)), el('td', {}, String(r.n)))))) : null);
}
function failed() {
	const act = (f, action) => (ev) => {
		ev.target.disabled = true;	// once
		server.outbox(f.outbox, action).catch(app.trouble).then(refresh).finally(() => { ev.target.disabled = false; keepFocus(host.querySelector('#o-failed') || host); });
	};
	return section('failed', w.failed, (data.failed || []).length ? el('ul', {}, ...data.failed.map((f) => el('li', {}, link(f, f.name), ': ', el('span', { dir: 'auto' }, cut(f.content || '', 80)), el('div.error', {}, t.errors[f.state === 'unknown' ? 'unknown' : errorKind(f.error || {})][0]),
		el('div.pair', {}, f.canRetry ? button('small', t.retry, act(f, 'retry')) : null, f.canCancel ? button('quiet.small', t.cancel, act(f, 'cancel')) : null)))) : el('p', {}, w.noFailed));
}

// --- the ledger ------------------------------------------------------------------------------------------

async function lookAt(id, place) {
	try {
		const d = await server.get('delivery', { id });
		place.replaceChildren(el('p', {}, d.what || ''), el('p', { hidden: !d.remedy }, `${w.remedy}: ${d.remedy}`), el('p.faint', {}, `${full(d.receivedAt)} · ${w.from} ${d.remoteAddr || '–'}`), el('h3', {}, w.bytes), el('pre', { tabIndex: 0, dir: 'auto' }, d.body || ''),
			el('h3', {}, w.headers), el('pre', { tabIndex: 0 }, Object.entries(d.headers || {}).map(([k, v]) => `${k}: ${v}`).join('\n')),
			d.verdict === 'accepted' ? button('small', w.replay, (ev) => post('delivery', { id, action: 'replay' }).then((r) => text(ev.target, w.replayed(r)), app.trouble)) : '');
	} catch (err) {
		app.trouble(err);
	}
}
function ledger() {
	const all = data.refused || [];
	return section('ledger', w.ledger, all.length ? el('ul', {}, ...all.map((r) => { const place = el('div', {}); return el('li', {}, `${data.reasons?.[r.reason] || r.reason}: ${r.count} (${brief(r.lastAt)}) `, r.delivery ? button('small', w.look, () => lookAt(r.delivery, place)) : null, place); })) : el('p', {}, w.noRefused));
}
// a time as people write it, in this browser's zone, as the server reads it; all else as it is
function asTime(s) {
	const m = s.match(/^(?:(вчера|сегодня|yesterday|today)\s+(?:в\s+|at\s+)?|(\d{1,2})\.(\d{1,2})\.(\d{4}),?\s+|(\d{4})-(\d\d)-(\d\d)[T\s]+)?([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/i);
	if (!m)
		return s;
	const [, word, day, month, year, y, mo, d, ...hms] = m, at = new Date(now());
	if (year || y)
		at.setFullYear(year || y, (month || mo) - 1, day || d);
	else if (/^(вчера|yesterday)$/i.test(word))
		at.setDate(at.getDate() - 1);
	at.setHours(hms[0], hms[1], hms[2] || 0, 0);
	if (!word && !year && !y && at > now())		// a clock that is still to come was yesterday's
		at.setDate(at.getDate() - 1);
	return at.toISOString();
}
function whyForm() {
	const q = el('input', { id: 'why', type: 'search', autocomplete: 'off', placeholder: w.whyHint }), out = el('div', { 'aria-live': 'polite' });
	const form = el('form.pair', {}, el('label.sr', { htmlFor: 'why' }, w.whyHint), q, el('button', {}, w.search));
	form.addEventListener('submit', async (ev) => {
		ev.preventDefault();
		try {
			const r = await server.get('why', { q: asTime(q.value.trim()) });
			out.replaceChildren(r.message?.content ? el('q', { dir: 'auto' }, cut(r.message.content, 200)) : '', r.steps.length ? el('ol', {}, ...r.steps.map((s) => el('li', {}, el('time', { dateTime: s.at, title: s.at }, moment(s.at)), ` ${s.text}`))) : el('p', {}, w.nothing));
		} catch (err) {
			[404, 422].includes(err.status) ? out.replaceChildren(el('p', {}, `${w.nothing} ${w.whyHint}.`)) : app.trouble(err);
		}
	});
	return section('why', w.why, form, out);
}

// --- people and accounts ---------------------------------------------------------------------------------------

function qr(rows) {
	const n = rows.length, g = svg('svg', { viewBox: `-4 -4 ${n + 8} ${n + 8}`, class: 'qr', role: 'img', 'aria-label': 'QR' }, svg('rect', { x: -4, y: -4, width: n + 8, height: n + 8, class: 'paper' }));
	rows.forEach((r, y) => [...r].forEach((c, x) => c === '1' && g.append(svg('rect', { x, y, width: 1, height: 1, class: 'ink' }))));
	return g;
}
let showPeople;
function people() {
	const fresh = el('div', { 'aria-live': 'polite' });
	let giving = null;	// on a slow line it is pressed again: the same link is meant
	const give = (body) => giving ||= post('users', body).then(async (r) => {
		const field = el('input', { id: 'fresh-link', readOnly: true, value: r.link, onfocus: (ev) => ev.target.select() });
		fresh.replaceChildren(el('label', { htmlFor: 'fresh-link' }, w.linkFor(r.name)), el('div.pair', {}, field, button('small', t.copy, (ev) => { field.select(); (navigator.clipboard?.writeText(r.link) || Promise.reject()).catch(() => document.execCommand('copy')).then(() => text(ev.target, t.copied)); })), r.qr?.length ? qr(r.qr) : '');
		list(await server.get('users').then((x) => x.users));
		return true;
	}).catch(app.trouble).finally(() => { giving = null; });
	const table = el('div', {});
	const list = showPeople = (users) => part(table, ['it'], 'it', JSON.stringify(users), () => el('ul.people', {}, ...users.map((u) => el('li', {}, el('strong', { dir: 'auto' }, u.name), ` · ${w.role}: `, el('select', { name: `role ${u.name}`, 'aria-label': `${w.role}: ${u.name}`, onchange: (ev) => setRole(u, ev.target) }, ...roles(u.role)), ' ', el('span.faint', {}, u.lastSeen ? w.seen(brief(u.lastSeen)) : w.neverSeen),
		el('div.pair', {}, button('quiet.small', w.newLink, () => give({ action: 'link', name: u.name })), button('quiet.small', w.revoke, () => confirm(w.revokeSure(u.name)) && took(u, { action: 'revoke', name: u.name }), { 'aria-label': `${w.revoke}: ${u.name}` })),
		u.sessions?.length ? el('ul', {}, ...u.sessions.map((s) => el('li', {}, el('span', { title: s.agent || '' }, device(s.agent || '')), `, ${brief(s.lastSeen)} `, button('quiet.small', w.end, () => took(u, { action: 'end', session: s.id }))))) : null))));
	// her own may be what was taken away: the page then closes as all others do
	const took = (u, what) => post('users', what).then((r) => { list(r.users); return u.name === app.me.name && app.refresh(); }).catch(app.trouble);
	const roles = (is) => Object.entries(w.roles).map(([v, s]) => el('option', { value: v, selected: v === is }, s));
	const setRole = (u, field) => post('users', { action: 'role', name: u.name, role: field.value }).then((r) => list(r.users), (err) => { field.value = u.role; app.trouble(err); });
	const name = el('input', { id: 'new-person', required: true, maxLength: 60, autocomplete: 'off' }), role = el('select', { id: 'new-role' }, ...roles('answer'));
	const form = el('form.pair', {}, el('span.pair', {}, el('label', { htmlFor: 'new-person' }, w.name), name), el('span.pair', {}, el('label', { htmlFor: 'new-role' }, w.role), role), el('button', {}, w.addIt));
	form.addEventListener('submit', (ev) => { ev.preventDefault(); give({ action: 'add', name: name.value.trim(), role: role.value }).then((done) => { if (done) name.value = ''; }); });
	return section('people', w.people, table, el('h3', {}, w.add), form, fresh);
}
// its title, and the name of its configuration where that is another
function titled(a) {
	const title = app.me.accounts.find((x) => x.channel === a.channel && x.account === a.account)?.title;
	return title && title !== a.account ? `${title} (${a.account})` : a.account;
}
function accounts() {
	return section('accounts', w.accounts, el('ul', {}, ...(data.accounts || []).map((a) => el('li', {}, el('strong', {}, `${a.provider} · ${titled(a)}`), ` — ${[a.outcome && of(w.outcome, a.outcome), since(a.lastPollAt, w.lastPoll, w.neverAsked)].filter(Boolean).join(', ')}`, a.hint ? el('div', {}, a.hint) : null,
		a.attempts?.length ? el('details', { open: opened.has(titled(a)), ontoggle: (ev) => opened[ev.target.open ? 'add' : 'delete'](titled(a)) }, el('summary', {}, w.attempts), el('ul', {}, ...a.attempts.map((x) => el('li', {}, `${x.url} → ${x.status ?? '–'}`)))) : null))));
}
