'use strict';
/*
 * What a shop assistant does, in the browser $ENGINE: opens her link, reads, answers with words and a
 * picture, sees what comes meanwhile, signs out.  And what Chromium, as it is tested, does otherwise: Safari gives
 * a pressed button no focus, and lets no sound be heard that no press has asked for.
 */
const fs = require('fs');
const path = require('path');
const { open, end } = require('./engines');
const { PNG } = require('./stub');

const { ENGINE, DIR, URL: url, LINK, SECRET } = process.env;
let bad = 0, n = 0;
function is(what, got, want) {
	n++;
	const good = JSON.stringify(got) === JSON.stringify(want);
	bad ||= good ? 0 : 1;
	console.log(`${good ? 'ok' : 'not ok'} ${ENGINE} ${n} - ${what}${good ? '' : `\n#   got:  ${JSON.stringify(got)}\n#   want: ${JSON.stringify(want)}`}`);
}
const has = (css, words) => [...document.querySelectorAll(css)].some((e) => e.textContent.includes(words));
const shown = (id) => !document.getElementById(id).hidden;
const hook = (body) => fetch(`${url}/instagram/webhook`, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', 'X-Webhook-Secret': SECRET } });

async function walk(b) {
	await b.size(1200, 800);
	await b.go(LINK);
	await b.wait('the list', has, '#conversations strong', `of-${ENGINE}`);
	is('the link\'s token leaves the address', (await b.url()).includes('login='), false);
	is('nothing of the page is said to be in trouble', await b.run(() => document.getElementById('trouble').hidden), true);

	const row = await b.run((name) => [...document.querySelectorAll('#conversations li')].find((li) => li.textContent.includes(name)).dataset.id, `of-${ENGINE}`);
	await b.click(`#conversations li[data-id="${row}"] button`);
	await b.wait('the message', has, '#messages .text', 'доставка');
	is('its day and its time are said', await b.run(() => [document.querySelector('#messages .day').textContent, /^\d\d?:\d\d/.test(document.querySelector('#messages time').textContent)]), ['Today', true]);

	await b.type('#text', 'Доставка 300 ₽');
	await b.click('#submit');
	await b.wait('the answer has gone out', () => document.querySelector('#messages li.outbound .ticks.accepted') !== null);
	is('the field is empty again, and keeps the focus', await b.run(() => [document.getElementById('text').value, document.activeElement.id]), ['', 'text']);

	const picture = path.join(DIR, 'cup.png');
	fs.writeFileSync(picture, PNG);
	await b.run(() => { document.getElementById('file').hidden = false; });	// a driver writes into what is seen
	await b.type('#file', picture);
	await b.run(() => { document.getElementById('file').hidden = true; });
	await b.wait('the picture is uploaded', () => document.querySelectorAll('#files li').length === 1 && !document.getElementById('submit').disabled);
	await b.click('#submit');
	await b.wait('the picture has gone out', () => document.querySelectorAll('#messages li.outbound .ticks.accepted').length === 2);
	await b.wait('and is seen', () => { const img = document.querySelector('#messages li.outbound img'); return img?.complete && img.naturalWidth > 0; });

	await hook({ senderId: ENGINE, messageId: `${ENGINE}-2`, text: 'А самовывоз есть?', username: `of-${ENGINE}`, timestamp: Math.floor(Date.now() / 1000) });
	await b.wait('what comes meanwhile', has, '#messages li.inbound .text', 'самовывоз');
	is('what comes meanwhile appears by itself, and nothing twice', await b.run(() => document.querySelectorAll('#messages li.message').length), 4);

	await b.click('#menu summary');
	await b.run(() => document.activeElement.blur());	// as Safari leaves it
	await b.run(() => { document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true })); });
	await b.wait('Escape closes the menu, wherever the focus is', () => !document.getElementById('menu').open);

	await b.click('#menu summary');
	await b.run(() => { [...document.querySelectorAll('#menu-items button')].find((x) => x.textContent.startsWith('Sound')).id = 'sound'; });
	await b.click('#sound');

	await b.run(() => { location.hash = '#owner'; });
	await b.wait('the owner\'s page', () => document.querySelector('#owner .verdict') !== null);
	await b.size(400, 780);
	await b.run((to) => { location.hash = to; }, `#instagram/${row}`);
	await b.wait('the conversation again', has, '#messages .text', 'самовывоз');
	is('narrow: nothing goes out of the window sideways', await b.run(() => document.documentElement.scrollWidth <= innerWidth), true);
	await b.command('Refresh');
	await b.wait('a reload keeps the conversation', has, '#messages .text', 'самовывоз');

	await b.size(1200, 800);
	await b.run(() => { window.woken = 0; AudioContext.prototype.resume = async () => { window.woken++; }; });
	await b.click('#menu summary');
	await b.wait('a sound may be heard later: a press has asked for it', () => window.woken > 0);
	await b.click('#logout');
	await b.wait('signed out', shown, 'login');
	is('signed out: nothing of people\'s words is left', await b.run(() => [document.getElementById('messages').textContent, document.getElementById('conversations').textContent]), ['', '']);
}
for (const signal of ['SIGTERM', 'SIGINT'])
	process.once(signal, () => end().then(() => process.exit(1)));
(async () => {
	const b = await open(ENGINE, DIR);
	try {
		await walk(b);
	} finally {
		await b.close();
	}
})().catch((err) => {
	bad = 1;
	console.log(`not ok ${ENGINE} ${n + 1} - ${String(err.message || err).slice(0, 400)}`);
}).then(end).then(() => process.exit(bad));
