'use strict';
/* The browser's part of 99-idle: an idle page, counted in looks at the tick file. */
const fs = require('fs');
const { is, done, openBrowser, conversation, table } = require('./browser');
const { LINK, WATCH, WHERE, URL: url, SECRET } = process.env;
const LOOKS = 6;

const statements = () => { fs.writeFileSync(`${WATCH}.ask`, '\n'); return fs.readFileSync(`${WATCH}.answer`, 'utf8').trim(); };

async function idle() {
	const b = await openBrowser('en-US', { width: 1100, height: 720 }), { page } = b;
	const asked = [], sizes = [];
	let looks = 0, waiting = null;
	const cdp = await page.context().newCDPSession(page);
	await cdp.send('Network.enable');
	page.on('request', (r) => { asked.push(new URL(r.url()).pathname); });
	cdp.on('Network.responseReceived', (e) => {
		if (!/\/tick\//.test(e.response.url))
			return;
		looks++;
		sizes.push(e.response.encodedDataLength);
		if (waiting && looks >= waiting.n)
			waiting.ok();
	});
	const look = (n) => new Promise((ok) => { waiting = { n: looks + n, ok }; });
	await page.goto(LINK);
	await conversation(page, 'first').waitFor();
	await look(2);		// the first look has no ETag to compare with
	const before = statements();
	asked.length = sizes.length = 0;
	await look(LOOKS);
	const strays = asked.filter((p) => !/\/inbox\/tick\/[A-Za-z0-9]{32}\.txt$/.test(p));
	is(`${WHERE}: an idle page asks for the tick file only`, strays.join(' '), '');
	is(`${WHERE}: no statement reaches the database`, statements(), before);
	const bytes = sizes.reduce((a, n) => a + n, 0) / sizes.length;
	is(`${WHERE}: at most 300 bytes from the server a look`, bytes <= 300, true);
	const id = `idle-${Date.now()}`, t0 = Date.now();
	const r = await fetch(`${url}/instagram/webhook`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Webhook-Secret': SECRET },
		body: JSON.stringify({ senderId: 'cleo', messageId: id, text: id, username: 'cleo', timestamp: Math.floor(t0 / 1000) }) });
	is(`${WHERE}: a message comes`, r.status, 200);
	await conversation(page, id).waitFor();
	table([[`${WHERE}: requests of an idle page but the tick file`, '0', strays.length], [`${WHERE}: bytes a second and tab`, '≤ 150', Math.round(bytes / 2)],
		[`${WHERE}: a new message in the list, ms`, WHERE === 'FastCGI' ? '≤ 2500' : '≤ 3500', Date.now() - t0]]);
	await b.context.close();
}
done(idle);
