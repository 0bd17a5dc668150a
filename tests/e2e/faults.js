'use strict';
/*
 * Five faults that the first page had, each as a test that any page can be held
 * to: nodes made anew by an idle poll, a draft that goes to the next customer,
 * an error that is wiped, a message that is queued and "not sent" at once, and
 * kinds of messages that are not shown.
 */
const { is, like, unlike, openBrowser, conversation, message, done, number } = require('./browser');
const { URL: url, LINK, SIM, WTOKEN } = process.env;

const control = (path, body) => fetch(`${SIM}/_sim/${path}`, { method: 'POST', body: JSON.stringify(body) }).then((r) => r.text());
const arrives = (from, name, words) => fetch(`${url}/whatsapp/webhook`, { method: 'POST', headers: { Authorization: `Bearer ${WTOKEN}`, 'Content-Type': 'application/json' },
	body: JSON.stringify({ typeWebhook: 'incomingMessageReceived', instanceData: { idInstance: 1101000001, wid: '70000000000@c.us', typeInstance: 'whatsapp' },
		timestamp: Math.floor(Date.now() / 1000), idMessage: `L${++arrived}`, senderData: { chatId: `${from}@c.us`, sender: `${from}@c.us`, chatName: name, senderName: name },
		messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: words } } }) });
let arrived = 0;
// n times the page has asked for something of the server's
async function polls(page, n) {
	for (let i = 0; i < n; i++)
		await page.waitForResponse((r) => /conversations|changes|tick/.test(r.url()), { timeout: 300000 });
}
// the page has nothing more to ask for: three looks at the tick file, and nothing in between
async function quiet(page) {
	for (let n = 0; n < 3;) {
		const r = await page.waitForResponse((x) => /conversations|messages|changes|tick/.test(x.url()), { timeout: 300000 });
		n = /tick/.test(r.url()) ? n + 1 : 0;
	}
}
async function open(page, words) {
	if (await page.isHidden('#conversations'))
		await page.click('#back');
	await conversation(page, words).click();
	await page.locator('#messages li').first().waitFor();
}

async function idle(page) {
	await open(page, 'Клиент 7');
	await page.waitForFunction(() => document.querySelectorAll('#messages li').length >= 3);
	await quiet(page);
	await page.evaluate(() => {
		const li = document.querySelector('#messages li .text');
		getSelection().selectAllChildren(li);
		document.querySelector('#conversations button').focus();
		window.touched = 0;
		new MutationObserver((all) => { for (const m of all) window.touched += m.addedNodes.length + m.removedNodes.length; })
			.observe(document.body, { subtree: true, childList: true });
	});
	await polls(page, 4);
	const touched = await page.evaluate(() => window.touched);
	is('fault 1: nodes replaced by an idle poll', touched, 0);
	number('nodes', touched);
	await is('fault 1: the selection stays', () => page.evaluate(() => getSelection().toString()), 'Добрый день');
	await is('fault 1: the focus stays', () => page.evaluate(() => document.activeElement.closest('#conversations') !== null), true);
	number('focus', await page.evaluate(() => (getSelection().toString() ? 0 : 1) + (document.activeElement.closest('#conversations') ? 0 : 1)));
}

// a voice message of 60 s goes on while 30 messages arrive
async function voice(page) {
	await open(page, 'Клиент 7');
	await page.waitForFunction(() => [...document.querySelectorAll('#messages audio')].some((a) => a.src), null, { timeout: 300000 });
	await page.evaluate(async () => {
		const a = document.querySelector('#messages audio');
		window.voice = a;
		a.muted = true;
		a.loop = true;	// on a machine that has other work the arrivals take longer than the words
		await a.play();
	});
	for (let i = 1; i <= 30; i++) {
		await arrives('79990000007', 'Клиент 7', `ещё ${i}`);
		await page.waitForTimeout(300);	// one after another, not in one answer
	}
	await page.locator('#messages .text', { hasText: /^ещё 30$/ }).waitFor();
	await page.waitForFunction(() => window.voice.played.length > 0 && window.voice.played.end(0) > 5);
	await is('fault 1: the voice message plays on through 30 arrivals', () => page.evaluate(() => window.voice.isConnected && !window.voice.paused), true);
	number('voice', await page.evaluate(() => (window.voice.isConnected && !window.voice.paused ? 30 : 0)));
	await page.evaluate(() => window.voice.pause());
}

async function drafts(page) {
	await open(page, 'Клиент 7');
	await page.fill('#text', 'для седьмого');
	await open(page, 'Клиент 8');
	await is('fault 2: no draft of another customer', () => page.inputValue('#text'), '');
	await page.fill('#text', 'для восьмого');
	await open(page, 'Клиент 7');
	await is('fault 2: the own draft is there again', () => page.inputValue('#text'), 'для седьмого');
	await page.reload();
	await conversation(page, 'Клиент 8').waitFor();
	await open(page, 'Клиент 8');
	await is('fault 2: also after a reload', () => page.inputValue('#text'), 'для восьмого');
	await page.fill('#text', '');
	await open(page, 'Клиент 7');
	await page.fill('#text', '');
}

async function errors(page) {
	await open(page, 'anna');
	await page.route(/\/instagram\/send/, (r) => r.abort('connectionrefused'));
	await page.fill('#text', 'Оплата картой');
	await page.locator('#composer button[type=submit], #composer button:not([type])').first().click();
	const mine = message(page, 'Оплата картой');
	await mine.locator('.error').waitFor();
	await polls(page, 4);
	await is('fault 3: the error stays on its message', () => mine.locator('.error').isVisible(), true);
	await is('fault 3: with Retry and Cancel', () => mine.locator('.error button').count(), 2);
	await page.reload();
	await conversation(page, 'anna').waitFor();
	await open(page, 'anna');
	await is('fault 3: also after a reload', () => mine.locator('.error').isVisible(), true);
	await page.unroute(/\/instagram\/send/);
	await mine.locator('.error button').first().click();
	await mine.locator('.ticks.accepted').waitFor();
	await is('fault 3: Retry sends it', () => mine.count(), 1);
}

async function queued(page) {
	await open(page, 'anna');
	await control('fault', { path: '/chatrace/', fault: '500' });
	await page.fill('#text', 'Ждём курьера');
	await page.locator('#composer button[type=submit], #composer button:not([type])').first().click();
	const mine = message(page, 'Ждём курьера').last();
	await mine.waitFor();
	await polls(page, 3);
	await unlike('fault 4: what waits is not called "not sent"', () => mine.innerText(), /not sent|не отправлено/i);
	await like('fault 4: it says that it is tried again', () => mine.innerText(), /Not gone out yet/);
	await mine.locator('.wait button', { hasText: 'Cancel' }).click();
	await mine.locator('.wait', { hasText: 'Cancelled' }).waitFor();
	await is('fault 4: cancelled, its words come back', () => page.inputValue('#text'), 'Ждём курьера');
	await page.fill('#text', '');
	await control('reset', {});
	await mine.locator('.wait button', { hasText: 'Retry' }).click();
	await mine.locator('.ticks.accepted').waitFor({ timeout: 300000 });
	await is('fault 4: cancelled, then sent after all', () => mine.locator('.error').count(), 0);
}

// words that a customer sent in other forms than text
const shown = [
	[/Невский проспект, 28/, 'the address of a place'], [/Вера Павловна/, 'the name of a contact'], [/\+7 ?921 ?555/, 'the number of a contact'],
	[/Когда удобно\?/, 'the question of a poll'], [/После шести/, 'a choice of a poll'], [/Клуб рукодельниц/, 'the name of a group invitation'],
];
const shownMeta = [[/Осенняя распродажа/, 'the title of an advertisement'], [/120000000000000001/, 'the id of an advertisement'],
	[/Replied to your story/, 'that a story was replied to'], [/Mentioned you in a story/, 'that a story mentions us']];

async function kinds(page) {
	await open(page, 'Клиент 9');
	await message(page, 'вот и всё').waitFor();
	const words = await page.innerText('#messages');
	for (const [re, what] of shown)
		like(`fault 5: shown: ${what}`, words, re);
	is('fault 5: and each once', words.match(/Невский/g).length, 1);
	await is('fault 5: the place leads to a map', () => page.locator('#messages a[href*="59.93"]').count(), 1);
	unlike('fault 5: no internal word', words, /\b(location|contact|poll|group_invite|text|reply_to|waiting|none)\b/);
	await open(page, 'olga_k');
	await message(page, 'последнее').waitFor();
	const meta = await page.innerText('#messages');
	for (const [re, what] of shownMeta)
		like(`fault 5: shown: ${what}`, meta, re);
	unlike('fault 5: no internal word of Instagram', meta, /\b(story_reply|story_mention|ig_reel|referral|ADS|postback|waiting|none)\b/);
}

/*
 * An answer of the list or of a thread that was read before a message came, and arrives after
 * the feed has told of it.  The held answer is the server's own; nothing of it is made up.
 */
async function held(page, what, during, go) {
	let release, read, asked = 0;
	const held = new Promise((ok) => { release = ok; }), answered = new Promise((ok) => { read = ok; });
	await page.route(what, async (route) => {
		if (asked++)
			return route.continue();
		const response = await route.fetch();
		read();
		await held;
		await route.fulfill({ response });
	});
	const going = go();
	await answered;
	const told = page.waitForResponse((r) => /\/changes\?/.test(r.url()) && r.ok(), { timeout: 300000 });
	await during();
	await (await told).finished();
	await quiet(page);	// the feed has nothing more to tell
	release();
	await going;
	await quiet(page);
	await page.unroute(what);
	is('an answer was held', asked > 0, true);
}
async function late(page) {
	await open(page, 'Клиент 8');
	await quiet(page);
	await held(page, /\/conversations\?/, () => arrives('79990000010', 'Клиент 10', 'пока список в пути'), () => page.click('[data-filter=all]'));
	await is('late list: who wrote meanwhile is there', () => conversation(page, 'пока список в пути').count(), 1);
	await open(page, 'Клиент 9');
	await quiet(page);
	await held(page, /\/messages\?/, () => arrives('79990000008', 'Клиент 8', 'пока переписка в пути'), () => conversation(page, 'Клиент 8').click());
	await is('late thread: what came meanwhile is there', () => message(page, 'пока переписка в пути').count(), 1);
	await page.click('[data-filter=unanswered]');
}
// nobody answers any more, as after a change of networks; the page is told that it is online again
async function deaf(page) {
	let hung = 0;
	await page.route(/\/tick\//, () => { hung++; });	// never answered
	await page.waitForRequest(/\/tick\//, { timeout: 300000 });
	await arrives('79990000008', 'Клиент 8', 'после перерыва');
	await page.unroute(/\/tick\//);
	await message(page, 'после перерыва').or(conversation(page, 'после перерыва')).first().waitFor();
	is('deaf network: a look that nobody answers ends by itself', hung > 0, true);
	// begun anew many times, the page still asks as one
	await page.evaluate(() => { for (let i = 0; i < 20; i++) dispatchEvent(new Event('online')); });
	await quiet(page);
	let looks = 0;
	const note = (r) => { looks += /\/tick\//.test(r.url()); }, since = Date.now();
	page.on('request', note);
	await page.waitForTimeout(10000);
	page.off('request', note);
	is('deaf network: one look at a time', looks <= (Date.now() - since) / 2000 + 2, true);
}

done(async () => {
	const b = await openBrowser('en-US', { width: 1100, height: 720 });
	const { page } = b;
	await page.goto(LINK);
	await conversation(page, 'Клиент 7').waitFor();
	for (const part of [idle, voice, drafts, errors, queued, kinds, late, deaf])
		if (!process.env.PART || process.env.PART === part.name)
			try {
				await part(page);
			} catch (e) {
				is(`fault test ${part.name} runs`, String(e.message || e).split('\n').slice(0, 4).join(' '), '');
			}
	await b.context.close();
});
