/*
 * What a message looks like: a part for each thing it can hold.  Everything
 * comes from outside, so it is set as text, and an address becomes a link only
 * if it is http(s), a phone or an e-mail.
 */
import { t, el, button, attr, text, part, apart, clock, full, dayName, moment, isToday, now, size, server } from './base.js';

const FOLD = 700, FOLD_LINES = 16;

// --- links ---------------------------------------------------------------------------

const PATTERN = new RegExp([
	'(?<url>(?:https?://|www\\.)[^\\s<>"\u00ab\u00bb]+)',
	'(?<mail>[\\p{L}\\p{N}._%+-]{1,64}@[\\p{L}\\p{N}-]+(?:\\.[\\p{L}\\p{N}-]+)+)',
	'(?<phone>(?:\\+\\d|8[ (-]?\\d)[\\d ()\u00a0-]{8,16}\\d(?![\\p{L}\\p{N}]))',
].join('|'), 'gu');
// what is then only the rest of something longer; looked at apart, for Safari has no lookbehind before 16.4
const BEFORE = { mail: /[\p{L}\p{N}._%+-]$/u, phone: /[\p{L}\p{N}]$/u };

export function safeUrl(s) {
	try {
		const u = new URL(/^www\./i.test(s) ? `https://${s}` : s);
		return u.protocol === 'http:' || u.protocol === 'https:' ? u.href : null;
	} catch {
		return null;
	}
}
export const anchor = (href, label, cls) => el(cls ? `a.${cls}` : 'a', { href, target: '_blank', rel: 'noopener noreferrer' }, label);
const digits = (s) => s.replace(/[^\d+]/g, '');
export const phoneLink = (s) => el('a', { href: `tel:${digits(s)}`, dir: 'ltr' }, s);

// the closing punctuation of a sentence is not part of its address
function trimUrl(s) {
	let n = s.length;
	while (n > 0 && '.,;:!?\'\u2026'.includes(s[n - 1]))
		n--;
	if (!s.includes('('))
		while (s[n - 1] === ')')
			n--;
	return s.slice(0, n);
}
// at most n characters, cut between signs: an emoji may be several
export function cut(s, n) {
	if (s.length <= n)
		return s;
	const at = 'Segmenter' in Intl ? new Intl.Segmenter().segment(s).containing(n).index : n;
	return s.slice(0, at || n);
}
export function linked(s) {
	const out = document.createDocumentFragment();
	let at = 0;
	PATTERN.lastIndex = 0;
	for (let m; (m = PATTERN.exec(s));) {
		let [found] = m, a = null;
		if (!m.groups.url && BEFORE[m.groups.mail ? 'mail' : 'phone'].test(s.slice(Math.max(0, m.index - 2), m.index))) {
			PATTERN.lastIndex = m.index + [...found][0].length;
			continue;
		}
		if (m.groups.url) {
			found = trimUrl(found);
			const href = safeUrl(found);
			a = href && anchor(href, found);
		} else if (m.groups.mail) {
			a = el('a', { href: `mailto:${found}` }, found);
		} else if (/^\d{10,15}$/.test(digits(found).replace('+', ''))) {
			a = phoneLink(found);
		}
		if (!a)
			continue;
		out.append(s.slice(at, m.index), a);
		at = m.index + found.length;
	}
	out.append(s.slice(at));
	return out;
}

// --- who ------------------------------------------------------------------------------

export const nameOf = (c) => c.name || (c.username ? `@${c.username}` : '') || c.phone || shownId(c);
// a WhatsApp id is a phone number with a tail; other ids say nothing, but are all there is
const shownId = (c) => /^\d{7,15}@(c\.us|s\.whatsapp\.net)$/.test(c.contactId || '') ? `+${c.contactId.split('@')[0]}` : String(c.contactId || '').split('@')[0];
function hue(s) {
	let h = 0;
	for (const c of String(s))
		h = (h * 31 + c.codePointAt(0)) % 360;
	return Math.floor(h / 30);
}
// the first sign of a name that has no letters: an emoji may be several characters
function sign(s) {
	return 'Segmenter' in Intl ? [...new Intl.Segmenter().segment(s.trim())][0]?.segment : [...s.trim()][0];
}
export function avatar(c) {
	const name = nameOf(c).replace(/^[@+]/, '');
	const initials = (name.match(/[\p{L}\p{N}]+/gu) || []).slice(0, 2).map((w) => [...w][0]).join('').toUpperCase() || sign(name) || '?';
	const e = el(`span.avatar.hue${hue(c.contactId)}`, { 'aria-hidden': 'true' }, c.group ? '👥' : initials);
	if (c.avatar)
		e.append(el('img', { src: c.avatar, alt: '', loading: 'lazy', onerror: (ev) => ev.target.remove() }));
	return e;
}

// --- one line about a message, for lists and quotes ----------------------------------------

const kindNames = () => ({ ...t.file, share: t.share, ig_post: t.share, media: t.share, reel: t.reel, story: t.story, story_mention: t.storyMention, story_reply: t.storyReply,
	location: t.place, contact: t.contact, contacts: t.contact, poll: t.poll, postback: t.pressed, like_heart: '❤️', product: t.product, order: t.order, form: t.form,
	template: t.buttons, group_invite: t.invite, fallback: t.linkTo, ephemeral: t.file.image, text: '', button: t.pressed, interactive: t.pressed });
export const kindName = (kind) => Object.hasOwn(kindNames(), kind) ? kindNames()[kind] : t.unsupported;
export function summary(m) {
	if (!m)
		return '';
	if (m.deletedAt)
		return t.unsent;
	const name = kindName(m.kind), words = cut(m.content || '', 200);
	return words ? (name && m.kind !== 'postback' ? `${name}: ${words}` : words) : name || t.unsupported;
}

// --- what was sent beside the words ----------------------------------------------------------

const get = (o, ...path) => path.reduce((v, k) => (v === null || v === undefined ? undefined : v[k]), o);
const first = (...v) => v.find((x) => x !== null && x !== undefined && x !== '' && typeof x !== 'object');
const list = (v) => (Array.isArray(v) ? v : v ? [v] : []);
const payloads = (d) => list(get(d, 'attachments')).map((a) => ({ ...a, ...get(a, 'payload') }));

function card(title, ...children) {
	return el('div.card', {}, title && el('div.card-title', {}, title), ...children);
}
const line = (s) => (s ? el('div', { dir: 'auto' }, linked(String(s))) : null);
const link = (url, label) => (url && safeUrl(String(url)) ? anchor(safeUrl(String(url)), label) : null);
function copyButton(what) {
	return button('quiet.small', t.copy, async (ev) => {
		try {
			await navigator.clipboard.writeText(what);
		} catch {
			const area = el('textarea', { value: what });
			document.body.append(area);
			area.select();
			document.execCommand('copy');
			area.remove();
		}
		text(ev.target, t.copied);
	}, { 'aria-label': `${t.copy}: ${what}` });
}

function placeCard(m) {
	const d = m.detail || {}, p = payloads(d)[0] || {};
	const c = first(d.latitude, get(d, 'location', 'latitude')) !== undefined ? (d.location || d) : p.coordinates || d.coordinates || {};
	const lat = Number(first(c.latitude, c.lat)), long = Number(first(c.longitude, c.long, c.lng));
	const known = Number.isFinite(lat) && Number.isFinite(long) && first(c.latitude, c.lat) !== undefined;
	const name = first(d.name, get(d, 'location', 'name'), p.title), address = first(d.address, get(d, 'location', 'address'));
	return card(`📍 ${t.place}`, line(name), address !== name ? line(address) : null,
		known ? anchor(`https://www.google.com/maps/search/?api=1&query=${lat},${long}`, t.map) : link(first(p.url, d.url), t.map),
		known ? el('span.faint', { dir: 'ltr' }, `${lat.toFixed(5)}, ${long.toFixed(5)}`) : null);
}

// names and numbers of a vCard (RFC 6350), a Green API contact or a Cloud API contact
function contactOf(c) {
	const vcard = String(first(c.vcard, '') || '').replace(/\r?\n[ \t]/g, '');
	const of = (name) => [...vcard.matchAll(new RegExp(`^(?:item\\d+\\.)?${name}(?:;[^:\\r\\n]*)?:(.*)$`, 'gim'))]
		.map((x) => x[1].trim().replace(/\\n/gi, ' ').replace(/\\([,;\\])/g, '$1')).filter(Boolean);
	return {
		name: first(c.displayName, get(c, 'name', 'formatted_name'), typeof c.name === 'string' ? c.name : null, of('FN')[0], of('N')[0]?.replace(/;/g, ' ').trim()),
		firm: first(of('ORG')[0]?.replace(/;/g, ' '), get(c, 'org', 'company')),
		phones: [...of('TEL').map((s) => s.replace(/^tel:/i, '')), ...list(c.phones).map((p) => first(p.phone, p.wa_id)), first(c.phone, c.phoneNumber)].filter(Boolean).map(String),
		mails: [...of('EMAIL'), ...list(c.emails).map((e) => e.email)].filter(Boolean).map(String),
	};
}
function contactCard(m) {
	const d = m.detail || {}, all = list(d.contacts || d.contact);
	const people = (all.length ? all : d.vcard || d.displayName ? [d] : []).map(contactOf);
	return card(`👤 ${t.contact}`, ...people.map((c) => el('div.person', {}, el('strong', { dir: 'auto' }, c.name || ''), line(c.firm),
		...[...new Set(c.phones)].map((p) => el('div.pair', {}, phoneLink(p), copyButton(p))),
		...[...new Set(c.mails)].map((e) => el('div.pair', {}, linked(e), copyButton(e))))));
}
function pollCard(m) {
	const p = get(m.detail, 'poll') || m.detail || {};
	const many = p.multipleAnswers === true || p.selectable_count > 1;
	return card(`📊 ${t.poll}`, el('ul.options', {}, ...list(p.options).map((o) => el('li', { dir: 'auto' }, first(o.optionName, o.name, o.title, typeof o === 'string' ? o : '') || ''))),
		many ? el('span.faint', {}, t.pollMany) : null);
}
// texts and buttons of whatever template it was
function templateCard(m) {
	const d = m.detail || {}, out = [];
	const walk = (o, depth) => {
		if (!o || typeof o !== 'object' || depth > 6)
			return;
		if (!Array.isArray(o)) {
			const words = [o.header, o.contentText, o.title, o.subtitle, o.description, o.footer].filter((s) => typeof s === 'string' && s && s !== m.content);
			for (const w of words)
				out.push(line(w));
			for (const b of [...list(o.buttons), ...list(o.hydratedButtons)]) {
				const name = first(b.buttonText, get(b, 'buttonText', 'displayText'), b.displayText, b.text, b.title, get(b, 'reply', 'title'));
				if (name)
					out.push(link(first(b.url, get(b, 'urlButton', 'url')), String(name)) || el('span.choice', { dir: 'auto' }, String(name)));
			}
		}
		for (const [k, v] of Object.entries(o))
			if (!['buttons', 'hydratedButtons'].includes(k))
				walk(v, depth + 1);
	};
	walk(d.data || d.attachments || d, 0);
	return out.length ? card('', ...out.slice(0, 40)) : null;
}
function productCard(p) {
	return p && card(`🛍 ${t.product}`, line(first(p.title, p.name, get(p, 'product_retailer_id'), p.id)), link(first(p.url, p.link), t.open));
}
function orderCard(m) {
	const o = get(m.detail, 'order') || {};
	return card(`🛒 ${t.order}`, line(o.text), ...list(o.product_items).map((i) => line(`${i.product_retailer_id || ''} × ${i.quantity || 1}${i.item_price ? ` — ${i.item_price} ${i.currency || ''}` : ''}`)));
}
// the answers of a WhatsApp Flow: a text of JSON
function formCard(m) {
	let answers = get(m.detail, 'interactive', 'nfm_reply', 'response_json');
	try {
		answers = JSON.parse(answers);
	} catch {
		answers = { '': answers };
	}
	const words = (v) => (v && typeof v === 'object' ? Object.values(v).map(words).join(', ') : String(v ?? ''));
	return card(`📝 ${t.form}`, ...Object.entries(answers || {}).filter(([k]) => k !== 'flow_token').map(([k, v]) => line(k ? `${k}: ${words(v)}` : words(v))));
}
function inviteCard(m) {
	const d = get(m.detail, 'data') || m.detail || {};
	return card(`👥 ${t.invite}`, line(first(d.groupName)), d.caption !== m.content ? line(first(d.caption)) : null,
		d.inviteCode ? link(`https://chat.whatsapp.com/${encodeURIComponent(d.inviteCode)}`, t.open) : null);
}
function sharedCard(m, what) {
	const own = m.attachments.filter((a) => a.url && a.state !== 'done'), p = payloads(m.detail).concat(own);
	const shown = p.find((x) => first(x.url, x.link));
	return card(what, line(first(...m.attachments.map((a) => a.name), ...p.map((x) => x.title))), link(shown && first(shown.url, shown.link), t.seePost));
}

const cards = {
	location: placeCard, contact: contactCard, contacts: contactCard, poll: pollCard, template: templateCard, interactive: templateCard, button: () => null,
	share: (m) => sharedCard(m, t.share), ig_post: (m) => sharedCard(m, t.share), media: (m) => sharedCard(m, t.share), reel: (m) => sharedCard(m, t.reel), ig_reel: (m) => sharedCard(m, t.reel),
	fallback: (m) => sharedCard(m, t.linkTo), story: (m) => sharedCard(m, t.story), story_mention: (m) => sharedCard(m, `@ ${t.storyMention}`),
	postback: () => card(`👆 ${t.pressed}`), group_invite: inviteCard, order: orderCard, form: formCard, product: (m) => productCard(get(m.detail, 'product') || get(m.detail, 'data')),
	like_heart: () => el('div.big', { role: 'img', 'aria-label': t.wave }, '❤️'),
	ephemeral: (m) => (m.attachments.some((a) => a.state === 'done') ? null : card(`⏳ ${t.ephemeral}`)),
	unsupported: () => card(`📱 ${t.unsupported}`),
};
const plain = ['text', 'image', 'video', 'audio', 'file', 'sticker', 'story_reply'];

// A provider may send other shapes than the ones known here: such a message takes no other one with it.
function whole(build) {
	try {
		return build();
	} catch (err) {
		console.warn('dmbox: a shape that the page does not know:', err);
		return card(`📱 ${t.unsupported}`);
	}
}
function cardOf(m) {
	if (Object.hasOwn(cards, m.kind))
		return whole(() => cards[m.kind](m));
	return plain.includes(m.kind) || m.content || m.attachments.length ? null : card(`📱 ${t.unsupported}`);
}

// where it came from: an advertisement, a product, a story
function originOf(m) {
	const d = m.detail || {}, r = d.referral, story = d.story, out = [];
	if (story || m.kind === 'story_reply') {
		const url = first(get(story, 'url'), get(story, 'link'));
		out.push(card(`📷 ${m.direction === 'inbound' ? t.storyReply : t.storyReplyOut}`, link(url, t.seeStory)));
	}
	if (r) {
		const a = get(r, 'ads_context_data') || {};
		const isAd = r.ad_id || r.source === 'ADS' || r.source_id || a.ad_title || r.headline;
		const picture = first(a.photo_url, r.image_url, r.thumbnail_url), video = first(a.video_url, r.video_url);
		if (isAd)
			out.push(card(`📣 ${t.ad}`, line(first(a.ad_title, r.headline)), line(first(r.body)), link(picture, t.file.image), link(video, t.file.video),
				link(first(r.source_url), t.open), first(r.ad_id, r.source_id) ? el('span.faint', {}, `${t.adId} ${first(r.ad_id, r.source_id)}`) : null));
		else if (r.product)
			out.push(productCard(r.product));
		else
			out.push(card(`🔗 ${t.event.referral}`, r.ref ? line(r.ref) : null, link(first(r.referer_uri, r.source_url), t.open)));
	}
	if (m.kind !== 'product' && d.product)
		out.push(productCard(d.product));
	return out.length ? el('div.origin', {}, ...out) : null;
}

// --- files ----------------------------------------------------------------------------------

const shapes = { image: 'image', sticker: 'image', video: 'video', audio: 'audio' };
const linkOnly = ['share', 'ig_post', 'reel', 'fallback', 'media', 'template', 'location', 'contact'];
const shapeOf = (a) => { const mime = (a.mimeType || '').split('/')[0]; return ['image', 'video', 'audio'].includes(mime) && !/svg/.test(a.mimeType) ? mime : a.mimeType ? 'file' : shapes[a.type] || 'file'; };
// signs that turn the direction of writing would show another ending than the file has
const fileName = (a) => a.name?.replace(/[\u202a-\u202e\u2066-\u2069]/g, '') || (Object.hasOwn(t.file, a.type) ? t.file[a.type] : /story/.test(a.type) ? t.story : t.file.other);

function fileNode(a) {
	const name = fileName(a), box = el('div.file', {});
	if (a.state !== 'done') {
		const words = { waiting: t.fileComing, local: t.sending }[a.state] || t.fileGone;
		box.append(el('span.gone', {}, `${name} ${words}`));
		return box;
	}
	const shape = shapeOf(a), src = server.media(a);
	const toKeep = () => el('a.download', { href: src, download: a.name || '', title: t.download }, '📄 ', el('span', { dir: 'auto' }, name), a.bytes > 0 ? el('span.faint', {}, ` ${size(a.bytes)}`) : null);
	// what this browser does not know (a voice on an iPhone, an iPhone's photo elsewhere) can be kept
	const failed = () => box.replaceChildren(el('span.gone', {}, `${name} ${t.fileFailed}. `), toKeep());
	if (shape === 'image')
		box.append(el('button.picture', { type: 'button', 'aria-label': `${t.enlarge}: ${name}`, onclick: (ev) => enlarge(ev.currentTarget.querySelector('img')) },
			el(a.type === 'sticker' ? 'img.sticker' : 'img', { src, alt: name, loading: 'lazy', decoding: 'async', width: a.width, height: a.height, onerror: failed })));
	else if (shape === 'video' || shape === 'audio')
		box.append(el(shape, { src, controls: true, playsInline: shape === 'video', preload: shape === 'video' ? 'metadata' : 'none', 'aria-label': name, onerror: failed }));
	else
		box.append(toKeep());
	return box;
}
const PICTURE = 'picture';
function enlarge(img) {
	const dialog = el('dialog.viewer', { 'aria-label': img.alt }, el('img', { src: img.src, alt: img.alt }),
		button('close', '✕', () => dialog.close(), { 'aria-label': t.close }));
	dialog.addEventListener('click', (ev) => ev.target === dialog && dialog.close());
	// Back closes the picture and nothing else, as on a phone it is expected to
	const back = () => dialog.close();
	history.pushState(PICTURE, '');
	window.addEventListener('popstate', back);
	dialog.addEventListener('close', () => {
		window.removeEventListener('popstate', back);
		if (history.state === PICTURE)
			history.back();
		dialog.remove();
		img.closest('button').focus();
	});
	document.body.append(dialog);
	dialog.showModal();
}
// files are kept by their id: one that is there is never made again
function filesNode(m, old) {
	const box = old || el('div.files', {}), was = box.byId ||= new Map(), now = new Map();
	for (const a of m.attachments) {
		if (linkOnly.includes(a.type) && a.state !== 'done')
			continue;
		const mark = `${a.state}|${a.mimeType}|${a.name}`;
		const known = was.get(a.id);
		const node = known && known.mark === mark ? known.node : fileNode(a);
		if (known && known.node !== node)
			known.node.replaceWith(node);
		else if (!known)
			box.append(node);
		now.set(a.id, { mark, node });
	}
	for (const [id, f] of was)
		if (!now.has(id))
			f.node.remove();
	box.byId = now;
	return box;
}
const filesMark = (m) => m.attachments.filter((a) => !linkOnly.includes(a.type) || a.state === 'done').map((a) => `${a.id}:${a.state}:${a.mimeType}:${a.name}`).join(';');

// --- the words ----------------------------------------------------------------------------------

const opened = new Set();	// long texts that were unfolded
function textNode(m, id) {
	const s = m.deletedAt ? t.unsent : m.content, box = el('div.text', { dir: 'auto' });
	const long = s.length > FOLD * 1.4 || s.split('\n').length > FOLD_LINES * 1.4;
	const fill = () => {
		const open = opened.has(id);
		const end = Math.min(FOLD, s.split('\n').slice(0, FOLD_LINES).join('\n').length);
		box.replaceChildren(linked(long && !open ? `${cut(s, end).trimEnd()} …` : s));
		if (long)
			box.append(button('fold', open ? t.showLess : t.showAll(s.length), () => { open ? opened.delete(id) : opened.add(id); fill(); box.querySelector('.fold').focus(); },
				{ 'aria-expanded': String(open) }));
	};
	fill();
	return box;
}

// --- state ------------------------------------------------------------------------------------------

const marks = { queued: '◷', sending: '◷', sent: '✓', accepted: '✓', delivered: '✓✓', read: '✓✓', failed: '!', unknown: '?' };
const stateOf = (m) => (m.direction === 'outbound' ? (Object.hasOwn(marks, m.status) ? m.status : 'unknown') : '');
const byOf = (m) => (m.direction !== 'outbound' ? '' : m.by ? m.by : m.source === 'echo' ? t.fromPhone : '');

function metaNode(m) {
	const state = stateOf(m), items = [];
	const time = el('time', { dateTime: m.createdAt, title: full(m.createdAt) + (m.timeKnown === false ? ` (${t.timeUnknown})` : '') }, clock(m.createdAt));
	if (byOf(m))
		items.push(el('span', { dir: 'auto' }, byOf(m)));
	if (m.isTest)
		items.push(el('span', {}, t.test));
	if (m.editedAt && !m.deletedAt)
		items.push(el('span', {}, t.edited));
	items.push(time);
	if (state)
		items.push(el(`span.ticks.${state}`, { title: t.status[state] }, el('span', { 'aria-hidden': 'true' }, marks[state]), el('span.sr', {}, ` ${t.status[state]}`)));
	return el('div.meta', {}, ...items.flatMap((n, i) => (i ? [' · ', n] : [n])));
}

// reason and advice of a failure: by the server's word for it, else by its number
const byCode = { no_session: 'session', window_closed: 'window', too_long: 'too_long', bad_recipient: 'recipient', unknown_account: 'account', bad_attachment: 'media', too_large: 'media', bad_type: 'media', read_only: 'denied', network: 'network', provider_refused: 'provider', config: 'token' };
export function errorKind(e) {
	if (e.kind && Object.hasOwn(t.errors, e.kind))
		return e.kind;
	if (Object.hasOwn(byCode, e.code))
		return byCode[e.code];
	if (e.status === 401 || e.status === 403)
		return e.status === 401 ? 'session' : 'denied';
	if (e.status === 429)
		return 'rate';
	return e.status === 0 ? 'network' : e.status >= 500 ? 'server' : 'provider';
}
const byRetry = ['rate', 'network', 'server', 'session', 'provider'];	// of which the advice is to press Retry
function troubleNode(m, act) {
	const status = m.status, next = m.outbox?.nextAt;
	if (status === 'queued' || status === 'sending')
		return el('div.wait', {}, status === 'sending' ? t.sending : next && Date.parse(next) > now() + 2000 ? t.queuedAt(isToday(next) ? t.at(clock(next)) : moment(next)) : t.queued,
			act.may() && m.outbox?.canCancel ? button('quiet.small', t.cancel, () => act('cancel', m)) : null);
	const kind = status === 'unknown' ? 'unknown' : errorKind(m.error || {});
	const here = act.may() && (m.local || m.outbox);	// what was sent from elsewhere cannot be tried again here
	if (kind === 'cancelled')
		return el('div.wait', {}, `${t.errors.cancelled.join('. ')} `, here && m.outbox?.canRetry ? button('quiet.small', t.retry, () => act('retry', m)) : null);
	const [reason, advice] = t.errors[kind];
	// what our own server refused before anybody was asked is no word of the provider's
	const ours = m.local && m.error?.code !== 'provider_refused';
	const said = m.error?.message && !ours && m.error.code !== 'cancelled' && !['network', 'denied', 'server', 'session'].includes(kind) ? String(m.error.message).slice(0, 500) : '';
	return el('div.error', { role: 'group', 'aria-label': t.status[status] || reason }, el('strong', {}, `${status === 'failed' ? `${cap(t.status.failed)}. ` : ''}${reason}.`), here || !byRetry.includes(kind) ? el('div', {}, advice) : null,
		said ? el('div.faint', { dir: 'auto' }, `${t.provider}: ${said}`) : null,
		here ? el('div.actions', {}, m.outbox?.canRetry !== false ? button('small', t.retry, () => act('retry', m)) : null,
			m.outbox?.canCancel !== false ? button('quiet.small', t.cancel, () => act('cancel', m)) : null) : null);
}
const cap = (s) => s.charAt(0).toUpperCase() + s.slice(1);
const troubled = (m) => (m.direction === 'outbound' && ['queued', 'sending', 'failed', 'unknown'].includes(m.status) && (m.local || m.outbox || m.error || m.status !== 'queued') ?
	JSON.stringify([m.status, m.error, m.outbox?.state, m.outbox?.nextAt, m.outbox?.canRetry, m.outbox?.canCancel]) : '');

// --- the whole ------------------------------------------------------------------------------------------

const ROW = ['day', 'news', 'bubble', 'it'];
const BUBBLE = ['sender', 'quote', 'origin', 'text', 'files', 'card', 'reactions', 'meta', 'trouble', 'tools'];

export const isSeen = (e) => e.type !== 'event' || Object.hasOwn(t.event, e.data.kind);
// what stands first of a day, a message or a note, says which
export function dayLine(li, at, first) {
	part(li, ROW, 'day', first ? dayName(at) : '', () => el('div.day', {}, el('span', {}, dayName(at))));
}
// The list element of one message; again for a change of it: only what differs is touched.
// first: of its day; news: of those that were unread when the conversation was opened; before: the message before it of that day.
export function patchMessage(li, m, before, act, { first: firstOfDay, news }) {
	const group = m.direction === 'inbound' && m.sender;
	const run = before && before.direction === m.direction && before.senderId === m.senderId;
	const cls = `message ${m.direction}${m.status === 'failed' ? ' failed' : ''}${m.deletedAt ? ' deleted' : ''}${run ? ' run' : ''}`;
	if (li.className !== cls && li.className !== `${cls} here`)
		li.className = cls;
	dayLine(li, m.createdAt, firstOfDay);
	part(li, ROW, 'news', news ? t.newHere : '', () => el('div.news', {}, el('span', {}, t.newHere)));
	part(li, ROW, 'bubble', 'is', () => el('div.bubble', {}));
	const b = li.parts.get('bubble').node, p = (name, signature, build) => part(b, BUBBLE, name, signature ?? '', build);
	const gone = Boolean(m.deletedAt);
	p('sender', group && !run ? `${m.sender.name}` || ' ' : '', () => el(`div.sender.hue${hue(m.sender.id)}`, { dir: 'auto' }, m.sender.name || shownId({ contactId: m.sender.id })));
	p('quote', m.replyTo && !gone ? JSON.stringify(m.quote || m.replyTo) : '', () => quoteNode(m, act));
	const origin = gone ? '' : JSON.stringify([m.kind === 'story_reply', m.detail?.referral, m.detail?.story, m.detail?.product]);
	p('origin', origin === '[false,null,null,null]' ? '' : origin, () => whole(() => originOf(m)) || el('div', { hidden: true }));
	const told = !gone && m.content && ['location', 'contact', 'contacts'].includes(m.kind) && isTold(m);
	p('text', gone ? 'gone' : m.content && !told ? `=${m.content}` : '', () => textNode(m, m.id));
	p('files', gone ? '' : filesMark(m), (old) => filesNode(m, old));
	p('card', gone || plain.includes(m.kind) ? '' : JSON.stringify([m.kind, m.detail, m.content === null, m.attachments.map((a) => [a.state, a.url, a.name])]), () => cardOf(m) || el('div', { hidden: true }));
	const reactions = m.reactions.map((r) => r.emoji).filter(Boolean);
	p('reactions', reactions.join(' '), () => el('div.reactions', {}, el('span.sr', {}, `${t.reactions}: `), [...new Set(reactions)].map((e) => { const n = reactions.filter((x) => x === e).length; return n > 1 ? `${e} ${n}` : e; }).join(' ')));
	p('meta', JSON.stringify([m.createdAt, m.editedAt, gone, m.status, m.by, m.source, m.isTest]), () => metaNode(m));
	p('trouble', troubled(m), () => troubleNode(m, act));
	p('tools', act.tools(m), () => el('div.tools', {}, ...act.makeTools(m)));
}
// a place's or a contact's words are those of its card: they stand once
function isTold(m) {
	const card = cardOf(m)?.textContent || '';
	return m.content.split(/[,;\n]\s*/).every((w) => card.includes(w) || (/^-?\d+\.\d+$/.test(w) && card.includes(Number(w).toFixed(5))));
}
function quoteNode(m, act) {
	const q = m.quote;
	if (!q)
		return el('div.quote.gone', {}, t.quoteGone);
	return el('button.quote', { type: 'button', onclick: () => act('jump', m) }, el('span.sr', {}, `${t.quoteOf}: `),
		el('span.quote-name', { dir: 'auto' }, q.direction === 'outbound' ? t.you : q.name || ''), el('span', { dir: 'auto' }, summary(q)));
}

// events worth seeing stand between the messages as a line of the system
export const eventNode = (e) => whole(() => eventLine(e));
function eventLine(e) {
	const raw = e.raw || {}, md = raw.messageData || {};
	let words = Object.hasOwn(t.event, e.kind) ? t.event[e.kind] : '', more = '';
	if (e.kind === 'call')
		words = raw.typeWebhook === 'outgoingCall' ? t.event.callOut : /miss|decl|reject|no_?answer/i.test(raw.status || '') ? t.event.callMissed : t.event.call;
	else if (e.kind === 'block')
		words = get(raw, 'isBlocked') === false || /unblock/i.test(JSON.stringify(raw.status || '')) ? t.event.unblock : t.event.block;
	else if (e.kind === 'poll_vote') {
		const who = raw.senderData?.sender, votes = list(get(md, 'pollMessageData', 'votes')).filter((v) => !who || list(v.optionVoters).includes(who)).map((v) => v.optionName);
		words = votes.length ? t.vote(votes.join(', ')) : t.voteBack;
	} else if (e.kind === 'referral') {
		const r = raw.referral || get(raw, 'postback', 'referral') || {};
		more = first(get(r, 'ads_context_data', 'ad_title'), r.ad_id && `${t.adId} ${r.ad_id}`, r.ref) || '';
	} else if (e.kind === 'response_feedback') {
		more = { 'Good response': '👍', 'Bad response': '👎' }[get(raw, 'response_feedback', 'feedback')] || '';
	} else if (e.kind === 'policy_enforcement') {
		more = first(get(raw, 'policy_enforcement', 'reason'), get(raw, 'policy-enforcement', 'reason')) || '';
	}
	const icon = { call: '📞', poll_vote: '📊', referral: '🔗', handover: '↪', block: '🚫' }[e.kind] || '•';
	return words ? el('div.event', {}, el('span', { 'aria-hidden': 'true' }, `${icon} `), el('span', {}, ...apart([e.name, words, more], ' · ')), ' ', el('time', { dateTime: e.at }, clock(e.at))) : null;
}
export function noteNode(n, remove) {
	return el('div.note', {}, el('div.note-title', {}, `🔒 ${t.noteOf(n.by || '')}`), el('div.text', { dir: 'auto' }, linked(n.body)),
		el('div.meta', {}, el('time', { dateTime: n.at }, clock(n.at)), remove ? button('quiet.small', t.deleteIt, remove) : null));
}
