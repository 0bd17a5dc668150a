'use strict';
/*
 * The browser's part of 99-numbers: the page on one web server.  Times are printed; what is
 * asserted is counted in requests, statements and looks at the tick file.
 */
const fs = require('fs');
const http = require('http');
const { is, done, openBrowser, conversation, number, staticFiles } = require('./browser');
const { LINK, LONG, WATCH, WHERE, URL: url, SECRET } = process.env;
const LOOKS = 6, NEWS = 20, TABS = 50, ROUNDS = 30, PERIOD_MS = 2000;

const ask = (what) => {
	fs.writeFileSync(`${WATCH}.ask`, `${what}\n`);
	return fs.readFileSync(`${WATCH}.answer`, 'utf8').trim();
};
const state = () => {
	const [statement, starts, cpu] = ask('').split('|');
	return { statement, starts, cpu: Number(cpu) };
};
// what was there before may have ended meanwhile: that is no statement and no start
const none = (key, before, after) => after[key] === 'none' || (key === 'starts' ?
	after.starts.split(' ').every((p) => before.starts.split(' ').includes(p)) : after.statement <= before.statement);
const hook = async (id) => fetch(`${url}/instagram/webhook`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Webhook-Secret': SECRET },
	body: JSON.stringify({ senderId: 'cleo', messageId: id, text: id, username: 'cleo', timestamp: Math.floor(Date.now() / 1000) }) });

// looks at the tick file of every tab of a browser, and how many bytes each answer had
function watchTicks(context) {
	const w = { looks: 0, asked: 0, others: [], name: null, etag: null, moved: 0, askedAfter: 0, waiting: null };
	context.on('request', (r) => {
		const p = new URL(r.url()).pathname;
		if (!/\/inbox\/tick\/[A-Za-z0-9]{32}\.txt$/.test(p))
			w.others.push(p);
		if (/\/changes$/.test(p)) {
			w.asked = w.looks;	// after so many looks the page asked what is new
			w.askedAfter ||= w.moved && w.looks - w.moved + 1;	// with the first, the second ... that told of it
		}
	});
	context.on('response', (r) => {
		if (!/\/tick\//.test(r.url()))
			return;
		w.looks++;
		w.name = new URL(r.url()).pathname;
		const etag = (r.headers().etag || '').replace(/^W\//, '');	// weak in the second of the change
		if (etag !== w.etag)
			w.moved ||= w.looks;
		w.etag = etag;
		if (w.waiting && w.looks >= w.waiting.n)
			w.waiting.ok();
	});
	w.look = (n) => new Promise((ok) => { w.waiting = { n: w.looks + n, ok }; });
	return w;
}

// --- first and second load; the list after its answer --------------------------------

async function loads(page) {
	const first = await staticFiles(page, () => page.goto(`${url}/instagram/inbox/`));
	await page.waitForSelector('#login:not([hidden])');
	const again = await staticFiles(page, () => page.reload());
	const gzip = (await fetch(`${url}/instagram/inbox/base.js`, { headers: { 'Accept-Encoding': 'gzip' } })).headers.get('Content-Encoding') === 'gzip';
	number('first_bytes', gzip ? first.bytes : `${first.bytes}, not compressed`);
	number('first_requests', first.requests);
	number('second_bytes', again.bytes);
	is(`${WHERE}: first load: at most 6 requests`, first.requests > 3 && first.requests <= 6, true);
	is(`${WHERE}: at most 60 kB where the server compresses`, first.bytes > 10000 && (!gzip || first.bytes <= 60000), true);
	is(`${WHERE}: second load: nothing of it again`, again.bytes, 0);
}
async function painted(page) {
	await page.addInitScript(() => {
		new MutationObserver((_, o) => {
			if (document.querySelector('#conversations li')) {
				o.disconnect();
				requestAnimationFrame(() => setTimeout(() => { window.paintedAt = performance.now(); }));
			}
		}).observe(document, { subtree: true, childList: true });
	});
	const all = [];
	for (let i = 0; i < 5; i++) {
		await page.reload();
		await page.waitForFunction(() => window.paintedAt);
		all.push(await page.evaluate(() => window.paintedAt - performance.getEntriesByType('resource').filter((e) => /\/conversations\?/.test(e.name)).at(-1).responseEnd));
	}
	number('painted', Math.round(all.sort((a, b) => a - b)[2]));
}

// --- idle -----------------------------------------------------------------------------

// nothing of the beginning is left; the first look has no ETag
async function settled(ticks) {
	for (let n = 0; n < 3;) {
		ticks.others.length = 0;
		await ticks.look(1);
		n = ticks.others.length === 0 ? n + 1 : 0;
	}
}
async function idle(page, ticks) {
	const sizes = [], cdp = await page.context().newCDPSession(page);
	await cdp.send('Network.enable');
	cdp.on('Network.responseReceived', (e) => { if (/\/tick\//.test(e.response.url)) sizes.push(e.response.encodedDataLength); });
	await settled(ticks);
	const before = state();
	ticks.others.length = sizes.length = 0;
	await ticks.look(LOOKS);
	const after = state(), bytes = sizes.reduce((a, n) => a + n, 0) / sizes.length;
	is(`${WHERE}: an idle page asks for the tick file only`, ticks.others.join(' '), '');
	is(`${WHERE}: no statement reaches the database`, none('statement', before, after) ? '' : after.statement, '');
	is(`${WHERE}: no program is started`, none('starts', before, after) ? '' : after.starts, '');
	is(`${WHERE}: at most 300 bytes from the server a look`, sizes.length >= LOOKS - 1 && bytes <= 300, true);
	number('idle_requests', ticks.others.length);
	number('idle_bytes', Math.round(bytes * 1000 / PERIOD_MS));
}

// fifty tabs of one browser: one of them asks; and beside them fifty browsers, in the same minute
async function tabs(context, ticks) {
	const more = [];
	for (let i = 1; i < TABS; i++) {
		const p = await context.newPage();
		more.push(p);
		await p.goto(`${url}/instagram/inbox/`);
		await conversation(p, 'Long').or(p.locator('#list-empty')).first().waitFor({ state: 'attached' });
	}
	await settled(ticks);
	const before = ticks.looks, since = Date.now();
	const asked = ticks.look(ROUNDS).then(() => [ticks.looks - before, Date.now() - since]);
	const [[seen, ms]] = await Promise.all([asked, browsers(ticks)]);
	is(`${WHERE}: ${TABS} tabs of one browser ask as one`, seen <= Math.ceil(ms / (PERIOD_MS - 100)) + 2, true);
	number('tabs_ask', `${seen} in ${Math.round(ms / 1000)} s`);
	for (const p of more)
		await p.close();
}

// fifty browsers: each look as the page makes it, by one agent with kept connections
async function browsers(ticks) {
	const agent = new http.Agent({ keepAlive: true, maxSockets: TABS }), status = new Map();
	const get = (etag) => new Promise((ok, no) => {
		const req = http.get(url + ticks.name, { agent, headers: { 'Cache-Control': 'max-age=0', ...(etag ? { 'If-None-Match': etag } : {}) } }, (res) => {
			res.resume();
			res.on('end', () => { status.set(res.statusCode, (status.get(res.statusCode) || 0) + 1); ok(res.headers.etag); });
		});
		// the server closed a kept connection in the same moment: another one, as browsers do
		req.on('error', (err) => (req.reusedSocket && err.code === 'ECONNRESET' ? get(etag).then(ok, no) : no(err)));
	});
	const etag = await get(null), before = state(), since = Date.now();
	status.clear();
	for (let i = 0; i < ROUNDS; i++) {
		await Promise.all(Array.from({ length: TABS }, () => get(etag)));
		await new Promise((ok) => setTimeout(ok, Math.max(0, since + (i + 1) * PERIOD_MS - Date.now())));
	}
	const seconds = (Date.now() - since) / 1000, after = state();
	agent.destroy();
	is(`${WHERE}: ${TABS * ROUNDS} looks of ${TABS} browsers: all answered 304`, [...status].join(' '), `304,${TABS * ROUNDS}`);
	is(`${WHERE}: meanwhile no statement`, none('statement', before, after) ? '' : after.statement, '');
	is(`${WHERE}: and no program started`, none('starts', before, after) ? '' : after.starts, '');
	number('tabs_statements', none('statement', before, after) ? 0 : 'some');
	number('tabs_starts', none('starts', before, after) ? 0 : 'some');
	number('tabs_cpu', ((after.cpu - before.cpu) / seconds).toFixed(1));
}

// --- how soon -------------------------------------------------------------------------------

async function news(page, ticks) {
	const ms = [], asked = new Set();
	let most = 0;
	for (let i = 0; i < NEWS; i++) {
		const id = `news-${i}-${Date.now()}`;
		// not in step with the looks
		await page.waitForTimeout((i * 397) % PERIOD_MS);
		ticks.moved = ticks.askedAfter = 0;
		const t0 = Date.now(), res = await hook(id), body = await res.text();
		if (res.status !== 200)
			is(`${WHERE}: a message is taken`, `${res.status} ${body}`, '200');
		// the statement took over two seconds, as it may on a machine that has other work
		if (/"spooled":true/.test(body)) {
			console.log(`# ${WHERE}: ${id} went to the spool`);
			ask(`stored ${id}`);
		}
		const looks = ticks.looks;
		await conversation(page, id).waitFor();
		ms.push(Date.now() - t0);
		most = Math.max(most, ticks.asked - looks);
		asked.add(ticks.askedAfter);
	}
	ms.sort((a, b) => a - b);
	// how long the machine takes for a look is its own affair
	is(`${WHERE}: each of ${NEWS} messages is asked for with the first look that tells of it`, [...asked].sort().join().replace(/^0,/, ''), '1');
	number('new_looks', most);
	number('new_ms', ms[Math.ceil(NEWS * 0.95) - 1]);
}

// --- a thread of 100,000 messages -----------------------------------------------------------------

async function longThread(page) {
	await page.goto(`${url}/instagram/inbox/#instagram/${LONG}`);
	await page.locator('#messages li', { hasText: 'line 100000' }).waitFor();
	let most = 0;
	for (let i = 0; i < 12; i++) {
		most = Math.max(most, await page.evaluate(async () => {
			const box = document.getElementById('scroll'), first = document.querySelector('#messages li');
			box.scrollTop = 10;
			while (document.querySelector('#messages li') === first)
				await new Promise((f) => setTimeout(f, 10));
			return document.querySelectorAll('#messages li').length;
		}));
	}
	is(`${WHERE}: message nodes in a thread of 100,000`, most > 50 && most <= 250, true);
	number('thread_nodes', most);
}

async function numbers() {
	const b = await openBrowser('en-US', { width: 1100, height: 720 }), { page } = b;
	const ticks = watchTicks(b.context);
	await loads(page);
	await page.goto('about:blank');
	await page.goto(LINK);
	await page.click('[data-filter=all]');
	await conversation(page, 'Long').waitFor();
	await idle(page, ticks);
	await painted(page);
	await news(page, ticks);
	await longThread(page);
	await tabs(b.context, ticks);
	await b.context.close();
}
done(numbers);
