'use strict';
/* The words of the browser tests: as lib.sh for bash. */
const fs = require('fs');
const path = require('path');
const { chromium } = require('playwright-core');

const { URL: url, CHROMIUM, PROFILE, SHOTS } = process.env;
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--mute-audio'];
const PATIENCE_MS = 300000;	// of a machine that has other work
const SETTLE_MS = 60000;	// until what a page shows is held to be wrong
let bad = 0, n = 0, browsers = 0;

// is(what, got, want): got is a value or, for what a page shows, a function that reads it: a page comes to
// it when an answer or an animation has, so it is read until it is right or SETTLE_MS are over.
function verdict(what, got, want) {
	n++;
	if (got === want) {
		console.log(`ok browser ${n} - ${what}`);
	} else {
		bad = 1;
		console.log(`not ok browser ${n} - ${what}\n#   got:  ${JSON.stringify(got)}\n#   want: ${JSON.stringify(want)}`);
	}
}
async function settled(what, read, judge, want) {
	const look = async () => {
		try {
			return judge(await read());
		} catch (e) {
			return String(e);	// of what is not there yet
		}
	};
	const end = Date.now() + SETTLE_MS;
	let got = await look();
	while (got !== want && Date.now() < end) {
		await new Promise((r) => setTimeout(r, 50));
		got = await look();
	}
	verdict(what, got, want);
}
const judged = (what, got, judge, want) => typeof got === 'function' ? settled(what, got, judge, want) : verdict(what, judge(got), want);
const is = (what, got, want) => judged(what, got, (x) => x, want);
const like = (what, got, re) => judged(what, got, (x) => re.test(x) ? 'fits' : x, 'fits');
const unlike = (what, got, re) => judged(what, got, (x) => re.test(x) ? x : 'fits not', 'fits not');

// A browser of its own: new and empty; what it asks others for and what it complains of is noted.
async function openBrowser(locale, viewport, more) {
	const dir = path.join(PROFILE, `b${++browsers}`);
	const context = await chromium.launchPersistentContext(dir, { executablePath: CHROMIUM, headless: true,
		args: flags, locale, viewport, timezoneId: 'UTC', timeout: PATIENCE_MS, ...more });
	const page = context.pages()[0] || await context.newPage();
	context.setDefaultTimeout(PATIENCE_MS);
	const foreign = [], complaints = [];
	page.on('request', (r) => { if (!r.url().startsWith(url) && !r.url().startsWith('blob:')) foreign.push(r.url()); });
	// 503: a statement took over five seconds, as it may on a machine that has other work; the page asks again
	page.on('console', (m) => { if (m.type() === 'error' && !/status of 503/.test(m.text())) complaints.push(m.text()); });
	page.on('pageerror', (e) => complaints.push(String(e)));
	return { context, page, foreign, complaints };
}
const shot = (page, name) => page.screenshot({ path: path.join(SHOTS, `inbox-${name}.png`) });

async function login(page, token) {
	await page.fill('#token', token);
	await page.click('#login button');
}
const conversation = (page, words) => page.locator('#conversations button', { hasText: words });
const message = (page, words) => page.locator('#messages li', { hasText: words });

// What a load of the page fetches of static files: { requests, bytes } on the wire without headers, by go()
async function staticFiles(page, go) {
	const cdp = await page.context().newCDPSession(page), wire = new Map(), r = { requests: 0, bytes: 0 };
	await cdp.send('Network.enable');
	cdp.on('Network.requestWillBeSent', (e) => wire.set(e.requestId, { file: /\/inbox\/([^/?]*\.[a-z]+)?(\?|$)/.test(e.request.url.replace(/#.*/, '')), n: 0 }));
	cdp.on('Network.dataReceived', (e) => { const x = wire.get(e.requestId); if (x) x.n += e.encodedDataLength; });
	await go();
	await page.waitForLoadState('networkidle');
	for (const x of wire.values())
		if (x.file) {
			r.requests++;
			r.bytes += x.n;
		}
	await cdp.detach();
	return r;
}

// one number that was measured: a row of the table of numbers-table.js
const number = (key, got) => fs.appendFileSync(process.env.NUMBERS, `${key}\t${process.env.WHERE}\t${got}\n`);

function done(run) {
	run().then(() => process.exit(bad), (e) => {
		console.log(`not ok browser ${n + 1} - ${process.env.WHERE}: ${String(e.message || e).split('\n').slice(0, 6).join(' ')}`);
		process.exit(1);
	});
}
// The tests of a file by name, $PART alone where it is set: one that breaks off does not end the others.
const doneTests = (tests) => done(async () => {
	for (const [name, run] of Object.entries(tests))
		if (!process.env.PART || process.env.PART === name)
			try {
				await run();
			} catch (e) {
				is(`test ${name} runs`, String(e.message || e).split('\n').slice(0, 4).join(' '), '');
			}
});

module.exports = { is, like, unlike, openBrowser, shot, login, conversation, message, done, doneTests, number, staticFiles };
