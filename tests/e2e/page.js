'use strict';
/*
 * The inbox page by itself, on a server that only speaks its interface (stub.js): ten
 * views in two languages, light and dark, on a desk and on a phone, held to axe-core and to the
 * sizes of fingers; hostile text; the keyboard; what a person does who answers.
 */
const fs = require('fs');
const path = require('path');
const { is, like, openBrowser, conversation, message, done, number } = require('./browser');
const stub = require('./stub');
const views = require('./views');
const { settled, openAt } = views;
const { INTERNAL } = require('./words');
const { SHOTS } = process.env;

const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const DESK = { width: 1200, height: 800 }, PHONE = { width: 390, height: 780 };
const start = async (fill) => { const w = (fill || views.fill)(stub.world()); return { w, ...await stub.serve(w) }; };
const shows = (page) => page.waitForFunction(() => !document.getElementById('login').hidden || document.querySelector('#conversations button'));

const ten = {
	login: async (page, s) => { s.w.signedIn = false; await page.goto(`${s.url}/inbox/`); await shows(page); },
	list: async (page, s) => { await page.goto(`${s.url}/inbox/`); await shows(page); },
	thread: (page, s) => openAt(page, s, '#instagram/1', 'Спасибо большое'),
	group: (page, s) => openAt(page, s, '#whatsapp/2', 'Девочки'),
	kinds: (page, s) => openAt(page, s, '#instagram/5', 'Длинный рассказ'),
	human: (page, s) => openAt(page, s, '#instagram/3', 'دبي'),
	closed: (page, s) => openAt(page, s, '#instagram/4', 'open on Sunday'),
	search: async (page, s) => { await ten.list(page, s); await page.fill('#search', 'кружки'); await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 1); },
	tools: async (page, s) => { await openAt(page, s, '#instagram/1', 'Спасибо большое'); await page.click('#more-tools summary'); },
	owner: async (page, s) => { await page.goto(`${s.url}/inbox/#owner`); await page.locator('#owner .verdict').waitFor(); },
};


async function looks(locale, scheme, phone) {
	const s = await start(), b = await openBrowser(locale, phone ? PHONE : DESK, { colorScheme: scheme, hasTouch: phone, isMobile: phone });
	const name = `${locale.slice(0, 2)}-${scheme}-${phone ? 'phone' : 'desk'}`;
	let violations = 0, small = 0, internal = 0, sideways = 0;
	for (const [view, go] of Object.entries(ten)) {
		s.w.signedIn = true;
		await b.page.goto('about:blank');
		await go(b.page, s);
		await settled(b.page);
		await b.page.screenshot({ path: path.join(SHOTS, `${view}-${name}.png`) });
		await b.page.evaluate(axe);
		const found = (await b.page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))).violations;
		violations += found.length;
		for (const v of found)
			console.log(`# axe ${name} ${view}: ${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${(n.any[0] || n.all[0] || n.none[0] || {}).message || ''}`).join(' | ')}`);
		const words = (await b.page.evaluate(() => document.body.innerText)).match(INTERNAL);
		if (words && view !== 'owner') {
			internal++;
			console.log(`# internal word ${name} ${view}: ${words[0]}`);
		}
		if (phone) {
			const less = await b.page.evaluate(() => [...document.querySelectorAll('button, summary, select, textarea, input:not([type=file]), .card > a, a.download')].filter((e) => {
				const r = (e.type === 'checkbox' && e.closest('label') || e).getBoundingClientRect();
				return e.checkVisibility({ visibilityProperty: true }) && !e.closest('[hidden]') && r.width > 0 && (r.height < 43.5 || r.width < 43.5);
			}).map((e) => `${e.tagName}.${e.className}#${e.id} ${e.textContent.slice(0, 20)} ${Math.round(e.getBoundingClientRect().width)}x${Math.round(e.getBoundingClientRect().height)}`));
			small += less.length;
			for (const x of less.slice(0, 4))
				console.log(`# small ${name} ${view}: ${x}`);
			sideways += await b.page.evaluate(() => (document.documentElement.scrollWidth > innerWidth ? 1 : 0));
		}
	}
	is(`${name}: axe-core violations in ten views`, violations, 0);
	is(`${name}: internal words`, internal, 0);
	if (phone) {
		is(`${name}: targets below 44 px`, small, 0);
		is(`${name}: views that scroll sideways`, sideways, 0);
	}
	await b.context.close();
	s.close();
	return { violations, small, internal };
}

async function hostile() {
	const s = await start(), b = await openBrowser('en-US', DESK);
	const { page } = b;
	await page.addInitScript(() => {
		window.pwned = 0;
		window.reports = [];
		document.addEventListener('securitypolicyviolation', (e) => window.reports.push(`${e.violatedDirective} ${e.blockedURI}`));
	});
	await page.goto(`${s.url}/inbox/#instagram/6`);
	await page.waitForFunction((n) => document.querySelectorAll('#messages li.message').length === n, views.HOSTILE.length);
	await settled(page);
	for (const e of await page.locator('#messages .quote, #messages .picture').all())
		await e.click({ force: true, timeout: 1000 }).catch(() => {});
	await is('hostile text: scripts that ran', () => page.evaluate(() => window.pwned), 0);
	await is('hostile text: reports of the content security policy', async () => (await page.evaluate(() => window.reports)).join(' '), '');
	await is('hostile text: elements made of it', () => page.locator('#messages script, #messages iframe, #messages svg, #messages style, #messages b, #messages math, #messages [onclick], #messages [onerror]').count(), 0);
	await is('hostile text: addresses that are not http', () => page.evaluate(() => [...document.querySelectorAll('#messages a')].filter((a) => !/^(https?|tel|mailto|blob):/.test(a.href)).length), 0);
	number('csp', await page.evaluate(() => window.pwned + window.reports.length));
	await is('hostile text: it is all there', () => page.evaluate((all) => all.filter((x) => ![...document.querySelectorAll('#messages .text')].some((e) => e.textContent === x)).length, views.HOSTILE), 0);
	await is('links tell nothing about us', () => page.evaluate(() => [...document.querySelectorAll('#messages a[target]')].every((a) => a.rel === 'noopener noreferrer')), true);
	is('hostile text: what others were asked', b.foreign.filter((u) => !u.startsWith(s.url)).join(' '), '');
	await b.context.close();
	s.close();
	return views.HOSTILE.length;
}

async function answering() {
	const s = await start(), b = await openBrowser('en-US', DESK);
	const { page } = b, { w } = s;
	await page.goto(`${s.url}/inbox/`);
	await conversation(page, 'Мария').click();
	await message(page, 'Спасибо большое').waitFor();
	// a double click, and Enter held down
	await page.fill('#text', 'Один раз');
	await page.dblclick('#submit');
	await page.keyboard.press('Enter');
	await message(page, 'Один раз').locator('.ticks.accepted').waitFor();
	await is('a double click sends once', () => w.sent.filter((m) => m.message === 'Один раз').length, 1);
	await is('who answered is on the bubble', () => message(page, 'Один раз').locator('.meta').innerText().then((x) => /anna/.test(x)), true);
	// a quote
	await message(page, 'Спасибо большое').hover();
	await message(page, 'Спасибо большое').locator('.tool').first().click();
	await page.fill('#text', 'Рады помочь');
	await page.keyboard.press('Enter');
	await message(page, 'Рады помочь').waitFor();
	await is('a quote goes out as one', () => w.sent.at(-1).replyTo, w.messages[1].find((m) => m.content === 'Спасибо большое!').messageId);
	// pictures: chosen, pasted
	await page.setInputFiles('#file', { name: 'эскиз.png', mimeType: 'image/png', buffer: stub.PNG });
	await page.waitForFunction(() => !document.getElementById('submit').disabled);
	await page.click('#submit');
	await page.locator('#messages li.outbound .picture').last().waitFor();
	await like('a picture goes out by its upload', () => JSON.stringify(w.sent.at(-1).attachments), /^\[\{"upload":"u\d+","type":"image","name":"эскиз.png"\}\]$/);
	await page.evaluate(() => {
		const data = new DataTransfer();
		data.items.add(new File([new Uint8Array([1, 2, 3])], 'paste.png', { type: 'image/png' }));
		document.getElementById('text').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
	});
	await page.locator('#files li', { hasText: 'paste.png' }).waitFor();
	await is('a pasted picture waits to be sent', () => page.locator('#files li').count(), 1);
	await page.reload();
	await page.locator('#files li', { hasText: 'paste.png' }).waitFor();
	await is('and lasts through a reload', () => page.locator('#files li').count(), 1);
	await page.locator('#files button').click();
	// saved replies
	await page.fill('#text', '/достав');
	await page.locator('#canned button').first().click();
	await like('a saved reply by /', () => page.inputValue('#text'), /^Доставка по городу/);
	await page.fill('#text', '');
	// a reaction
	await message(page, 'Спасибо большое').hover();
	await message(page, 'Спасибо большое').locator('.tool').nth(1).click();
	await page.locator('.react-menu button').first().click();
	await message(page, 'Спасибо большое').locator('.reactions').waitFor();
	await is('a reaction goes out', () => w.sent.at(-1).action, 'react');
	// an error of the server's, then Retry
	await message(page, 'Отправил эскиз').locator('.error button').first().click();
	await message(page, 'Отправил эскиз').locator('.ticks.accepted').waitFor();
	await is('Retry of a failed message', () => message(page, 'Отправил эскиз').locator('.error').count(), 0);
	// refused by the server: the words come back by Cancel
	w.fail = { status: 422, code: 'window_closed', message: 'window' };
	await page.fill('#text', 'Поздно');
	await page.click('#submit');
	await message(page, 'Поздно').locator('.error').waitFor();
	await like('a refusal: reason and advice', () => message(page, 'Поздно').locator('.error').innerText(), /time for replies is over[\s\S]*until the customer writes again/);
	await message(page, 'Поздно').locator('.error button', { hasText: 'Cancel' }).click();
	await is('Cancel gives the words back', () => page.inputValue('#text'), 'Поздно');
	w.fail = null;
	await page.fill('#text', '');
	// labels, notes, done
	await page.click('#more-tools summary');
	await page.locator('.panel label', { hasText: 'срочно' }).click();
	await page.locator('#conversations button', { hasText: '#срочно' }).waitFor();
	await is('a label is set', () => w.conversations[0].labels.includes('срочно'), true);
	if (await page.isHidden('#note'))
		await page.click('#more-tools summary');
	await page.fill('#note', 'перезвонить в среду');
	await page.click('.panel button:has-text("Save note")');
	await page.locator('#messages .note', { hasText: 'перезвонить' }).waitFor();
	await is('a note stands in the thread', () => w.notes[1].at(-1).by, 'anna');
	await page.click('#done');
	await page.waitForFunction(() => /Reopen/.test(document.getElementById('done').textContent));
	await is('done', () => w.conversations[0].done, true);
	// the window of time
	await conversation(page, 'hassan').click();
	await message(page, 'دبي').waitFor();
	await is('after 24 hours a person must say so', () => page.isVisible('#human-box'), true);
	await page.fill('#text', 'Yes, to Dubai too');
	await is('and unasked nothing is set', () => page.isDisabled('#submit'), true);
	await page.check('#human');
	await page.click('#submit');
	await message(page, 'to Dubai too').waitFor();
	await is('ticked, it goes out as a person\'s', () => w.sent.at(-1).humanAgent, true);
	await is('Arabic is written from the right', () => page.evaluate(() => getComputedStyle([...document.querySelectorAll('#messages .text')].find((e) => /دبي/.test(e.textContent))).direction), 'rtl');
	await page.click('[data-filter=all]');
	await conversation(page, 'Emily').click();
	await message(page, 'open on Sunday').waitFor();
	await is('closed: nothing can be written', () => page.isEditable('#text'), false);
	await like('and it says why', () => page.innerText('#window'), /Replies closed on .* as soon as the customer writes/);
	await is('an answer from the phone says so', async () => /from the phone/.test(await message(page, '11 to 17').innerText()), true);
	await b.context.close();
	s.close();
}

// expiry, a server that is away, another person: drafts stay with their conversation
async function drafts() {
	const s = await start(), b = await openBrowser('en-US', DESK);
	const { page } = b, { w } = s;
	let lost = 0;
	const expect = async (words, id) => { if (await page.inputValue('#text') !== words) { lost++; console.log(`# draft of ${id}: ${await page.inputValue('#text')}`); } };
	const open = async (id, channel) => { await page.goto(`${s.url}/inbox/#${channel}/${id}`); await page.locator('#messages li').first().waitFor(); };
	await open(1, 'instagram');
	await page.fill('#text', 'черновик 1');
	await conversation(page, 'Клуб').click();
	await page.locator('#messages li', { hasText: 'Девочки' }).waitFor();
	await expect('', 2);
	await page.fill('#text', 'черновик 2');
	await page.reload();
	await page.locator('#messages li', { hasText: 'Девочки' }).waitFor();
	await expect('черновик 2', 2);
	await is('the list shows a draft', () => conversation(page, 'Мария').locator('.last').innerText(), 'Draft: черновик 1');
	// the session ends under her hands
	await page.fill('#text', 'черновик 2 длиннее');
	w.signedIn = false;
	w.say(9, 'inbound', 'толчок', { ago: 0 });
	await page.waitForSelector('#login:not([hidden])');
	await is('expiry: nothing of people\'s words stays on the page', () => page.evaluate(() => document.getElementById('messages').textContent + document.getElementById('conversations').textContent), '');
	await page.fill('#token', `${s.url}/inbox/#login=good`);
	await page.click('#login button');
	await page.locator('#messages li', { hasText: 'Девочки' }).waitFor();
	await expect('черновик 2 длиннее', 2);
	// the server is away while she writes and sends
	w.away = true;
	await page.fill('#text', 'в пустоту');
	await page.click('#submit');
	await message(page, 'в пустоту').locator('.error').waitFor();
	await page.fill('#text', 'следом');
	w.away = false;
	await page.reload();
	await message(page, 'в пустоту').locator('.error').waitFor();
	await expect('следом', 2);
	await message(page, 'в пустоту').locator('.error button').first().click();
	await message(page, 'в пустоту').locator('.ticks.accepted').waitFor();
	await is('what was sent into the void is sent once', () => w.sent.filter((m) => m.message === 'в пустоту').length, 1);
	await open(1, 'instagram');
	await expect('черновик 1', 1);
	// another person at the same computer
	w.me.name = 'boris';
	await page.reload();
	await page.locator('#messages li').first().waitFor();
	await expect('', 'boris');
	w.me.name = 'anna';
	is('drafts lost or shown to another', lost, 0);
	// a link that was used
	w.signedIn = false;
	await page.goto('about:blank');
	await page.goto(`${s.url}/inbox/#login=used`);
	await page.waitForSelector('#login-error:not([hidden])');
	await like('a used link says so', () => page.innerText('#login-error'), /already been used/);
	is('and leaves the address', page.url().includes('used'), false);
	await b.context.close();
	s.close();
	return lost;
}

async function longThread() {
	const s = await start((w) => {
		w.add(1, 'instagram', 'Long');
		for (let i = 0; i < 3000; i++)
			w.messages[1].push({ ...(w.messages[1][0] || w.say(1, 'inbound', 'x', { ago: 4000 })), id: 10 + i, messageId: `m${i}`, content: `строка ${i}`, createdAt: stub.iso(3000 - i), readAt: stub.iso(0) });
		w.messages[1].shift();
		w.touch(w.messages[1].at(-1));
		return w;
	});
	const b = await openBrowser('en-US', DESK), { page } = b;
	await page.addInitScript(() => {
		const { json } = Response.prototype;
		Response.prototype.json = async function () {
			const v = await json.call(this);
			if (window.scrollUp && v.changes?.length) {
				window.scrollUp = false;
				document.getElementById('scroll').scrollTop = 1500;
			}
			return v;
		};
	});
	await page.goto(`${s.url}/inbox/#instagram/1`);
	await message(page, 'строка 2999').waitFor();
	// scrolled up in the very moment that a message arrives, before the browser tells of the scrolling
	await page.evaluate(() => { window.scrollUp = true; });
	s.w.say(1, 'inbound', 'пришло', { ago: 0 });
	await page.waitForFunction(() => !window.scrollUp && document.querySelector('#messages li:last-child .text').textContent === 'пришло');
	await settled(page);
	await is('who scrolls up while a message arrives is not pulled down', async () => Math.round(await page.evaluate(() => document.getElementById('scroll').scrollTop) / 100), 15);
	await page.evaluate(() => { const b = document.getElementById('scroll'); b.scrollTop = b.scrollHeight; });
	await settled(page);
	let most = 0, jumps = 0;
	for (let i = 0; i < 25; i++) {
		const r = await page.evaluate(async () => {
			const box = document.getElementById('scroll');
			box.scrollTop = 10;
			const first = document.querySelector('#messages li'), seen = [...document.querySelectorAll('#messages li')].find((e) => e.getBoundingClientRect().bottom > box.getBoundingClientRect().top + 1), y = seen.getBoundingClientRect().top;
			for (let n = 0; n < 300 && document.querySelector('#messages li') === first; n++)
				await new Promise((f) => setTimeout(f, 10));
			return { n: document.querySelectorAll('#messages li').length, moved: Math.abs(seen.getBoundingClientRect().top - y) };
		});
		most = Math.max(most, r.n);
		jumps = Math.max(jumps, r.moved);
	}
	is('message nodes while 1,250 are read upwards', most <= 250, true);
	is('what is read stays in its place (px)', jumps < 2, true);
	await page.click('#latest');
	await message(page, 'пришло').waitFor();
	await is('and one press leads to the newest', () => page.evaluate(() => { const x = document.getElementById('scroll'); return x.scrollHeight - x.scrollTop - x.clientHeight < 5; }), true);
	await b.context.close();
	s.close();
	return most;
}

// everything can be reached and done without a mouse
async function keyboard() {
	const s = await start(), b = await openBrowser('en-US', DESK), { page } = b;
	await page.goto(`${s.url}/inbox/`);
	await shows(page);
	let missed = 0;
	const reached = (what, yes) => { missed += yes ? 0 : 1; is(`keyboard: ${what}`, yes, true); };
	const reach = async (id, max = 60) => {
		for (let i = 0; i < max; i++) {
			await page.keyboard.press('Tab');
			if (await page.evaluate((x) => document.activeElement.matches(x), id))
				return true;
		}
		return false;
	};
	reached('the menu', await reach('#menu summary'));
	await page.keyboard.press('Enter');
	reached('it opens', await page.isVisible('#logout'));
	await page.keyboard.press('Escape');
	await is('keyboard: Escape closes it', () => page.isVisible('#logout'), false);
	reached('the search', await reach('#search'));
	reached('the filters', await reach('[data-filter=all]'));
	reached('a conversation', await reach('#conversations button'));
	await page.keyboard.press('Enter');
	await message(page, 'Спасибо большое').waitFor();
	await page.waitForFunction(() => document.activeElement.id === 'text');
	await page.keyboard.type('С клавиатуры');
	await page.keyboard.press('Enter');
	await message(page, 'С клавиатуры').waitFor();
	await is('keyboard: an answer', () => s.w.sent.at(-1).message, 'С клавиатуры');
	for (let i = 0; i < 12 && !await page.evaluate(() => document.activeElement.closest('#messages') !== null); i++)
		await page.keyboard.press('Shift+Tab');
	reached('the messages', await page.evaluate(() => document.activeElement.closest('#messages li') !== null));
	await page.evaluate(() => document.activeElement.closest('li').focus());
	await page.keyboard.press('ArrowUp');
	await page.keyboard.press('Tab');
	reached('what can be done with one', await page.evaluate(() => document.activeElement.matches('#messages button')));
	number('keyboard', missed);
	await b.context.close();
	s.close();
}

// a new message of the feed, while another conversation is open in a second tab
async function live() {
	const s = await start(), b = await openBrowser('en-US', DESK), { page } = b;
	await page.goto(`${s.url}/inbox/#instagram/1`);
	await message(page, 'Спасибо большое').waitFor();
	const second = await b.context.newPage();
	await second.goto(`${s.url}/inbox/#whatsapp/2`);
	await message(second, 'Девочки').waitFor();
	// nothing of the beginning is left: three looks at the tick file in a row
	for (const end = Date.now() + 120000; Date.now() < end && (s.w.calls.length < 3 || s.w.calls.slice(-3).some((c) => !/tick/.test(c)));)
		await page.waitForTimeout(200);
	s.w.calls.length = 0;
	const ticks = () => s.w.calls.filter((c) => /tick/.test(c)).length, since = Date.now();
	while (ticks() < 6 && Date.now() - since < 120000)
		await page.waitForTimeout(200);
	is('idle: only the tick file is asked for', s.w.calls.filter((c) => !/tick/.test(c)).join(' '), '');
	// one of them asks each 2 s, on a slow machine less often; both would ask twice as often
	is('two tabs ask as one', ticks() >= 6 && ticks() <= (Date.now() - since) / 1900 + 2, true);
	const t0 = Date.now(), before = s.w.calls.length;
	s.w.say(2, 'inbound', 'А я приду с дочкой', { ago: 0, sender: { id: '7111@c.us', name: 'Ольга' } });
	await message(second, 'с дочкой').waitFor();
	const ms = Date.now() - t0;
	// looks from then until it is asked for; how long the page takes to show it is the machine's affair
	const asked = s.w.calls.slice(before), first = asked.findIndex((c) => /changes/.test(c));
	is('a message is there after the next look at the tick file', first >= 0 && asked.slice(0, first).filter((c) => /tick/.test(c)).length <= 2, true);
	await is('and in the list of the other tab', () => conversation(page, 'с дочкой').count(), 1);
	await page.waitForFunction(() => /^\(\d+\) dmbox$/.test(document.title));
	await b.context.close();
	s.close();
	return ms;
}

// what a first-day shop assistant stumbles over: each is one thing that was seen on the page
async function details() {
	const s = await start((w) => {
		views.fill(w);
		w.say(1, 'inbound', 'Отлично, тогда две. Мой телефон +7 921 555-01-01, почта masha@example.com', { ago: 1 });
		for (const c of w.conversations)
			c.assignee = null;
		return w;
	});
	let b = await openBrowser('ru-RU', PHONE, { hasTouch: true, isMobile: true }), page = b.page;
	await openAt(page, s, '#instagram/1', 'тогда две');
	await is('a phone number is not broken over lines', () => message(page, 'тогда две').locator('a[href^=tel]').evaluate((e) => e.getClientRects().length), 1);
	await page.fill('#text', 'Длинный ответ\nв две строки, и ещё немного слов, чтобы строка перенеслась на следующую, как это бывает');
	await is('the field grows with the words on a phone', () => page.evaluate(() => { const a = document.getElementById('text'); return a.scrollHeight <= a.clientHeight + 1 && a.rows > 3; }), true);
	await page.fill('#text', '');
	await is('and shrinks again', () => page.evaluate(() => document.getElementById('text').rows), 1);
	await page.fill('#text', 'С клавиатурой');
	await page.keyboard.press('Enter');
	await is('Enter makes a line where the keyboard is on the screen', () => page.inputValue('#text'), 'С клавиатурой\n');
	await page.keyboard.press('Control+Enter');
	await message(page, 'С клавиатурой').waitFor();
	await is('and Ctrl-Enter sends everywhere', () => s.w.sent.at(-1).message, 'С клавиатурой');
	await ten.owner(page, s);
	await is('the words of the chart keep their size on a phone', () => page.evaluate(() => Math.min(...[...document.querySelectorAll('#owner .chart text')].map((e) => e.getBoundingClientRect().height)) >= 9), true);
	await is('a field stands beside its label', () => page.evaluate(() => ['new-person', 'new-role'].filter((id) => { const f = document.getElementById(id).getBoundingClientRect(), l = document.querySelector(`label[for=${id}]`).getBoundingClientRect(); return l.top > f.bottom || l.bottom < f.top; }).join(' ')), '');
	await b.context.close();

	b = await openBrowser('en-US', DESK);
	page = b.page;
	await ten.list(page, s);
	await is('all filters are seen on a desk', () => page.evaluate(() => { const f = document.getElementById('filters'); return f.scrollWidth <= f.clientWidth; }), true);
	await is('marks stand below their time', () => page.evaluate(() => [...document.querySelectorAll('#conversations button')].filter((e) => e.querySelector('.unread') && Math.abs(e.querySelector('.unread').getBoundingClientRect().right - e.querySelector('time').getBoundingClientRect().right) > 1.5).length), 0);
	await page.fill('#search', 'кружки');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 1);
	await is('a search says that it looks at all', () => page.getAttribute('[data-filter=all]', 'aria-pressed'), 'true');
	await page.click('[data-filter=unread]');
	await is('and a filter ends it', async () => `${await page.inputValue('#search')}|${await page.getAttribute('[data-filter=unread]', 'aria-pressed')}`, '|true');
	await page.click('[data-filter=mine]');
	await page.waitForFunction(() => !document.getElementById('list-empty').hidden);
	await is('an empty list says what that means', () => page.textContent('#list-empty'), 'No conversation is yours at the moment.');
	await openAt(page, s, '#instagram/1', 'тогда две');
	const prevented = await page.evaluate(() => ['dragover', 'drop'].map((type) => {
		const data = new DataTransfer();
		data.items.add(new File(['x'], 'x.png', { type: 'image/png' }));
		const e = new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true });
		document.getElementById('side').dispatchEvent(e);
		return e.defaultPrevented;
	}));
	is('a file dropped beside the conversation does not replace the page', prevented.join(), 'true,true');
	is('dragging over what is in it does not flicker', await page.evaluate(() => {
		const data = new DataTransfer(), t = document.getElementById('thread');
		data.items.add(new File(['x'], 'x.png', { type: 'image/png' }));
		t.dispatchEvent(new DragEvent('dragover', { dataTransfer: data, bubbles: true, cancelable: true }));
		document.getElementById('scroll').dispatchEvent(new DragEvent('dragleave', { dataTransfer: data, bubbles: true, cancelable: true, relatedTarget: document.getElementById('text') }));
		const seen = !document.getElementById('drop').hidden;
		t.dispatchEvent(new DragEvent('dragleave', { dataTransfer: data, bubbles: true, cancelable: true, relatedTarget: document.getElementById('side') }));
		return `${seen} ${document.getElementById('drop').hidden}`;
	}), 'true true');
	const before = s.w.sent.length;
	await page.fill('#text', '日本');
	await page.evaluate(() => document.getElementById('text').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true })));
	await is('Enter that ends a composition sends nothing', async () => `${s.w.sent.length - before} ${await page.inputValue('#text')}`, '0 日本');
	await page.fill('#text', '');
	await page.click('#more-tools summary');
	await is('the field for a new label says so', () => page.getAttribute('#new-label', 'placeholder'), 'New label');
	await page.clock.setFixedTime(new Date('2026-03-02T00:20:00Z'));
	await is('an hour ago is a time, past midnight too', () => page.evaluate(async () => { const m = await import('./base.js'); return ['2026-03-01T23:10:00Z', '2026-03-01T09:00:00Z', '2026-02-27T09:00:00Z'].map(m.brief).join('; '); }), '11:10 PM; Yesterday; Feb 27');
	await b.context.close();
	s.close();
}

// a line that breaks, two people at once, uploads that last, much that was unread
async function troubles() {
	const s = await start(), b = await openBrowser('ru-RU', PHONE, { hasTouch: true, isMobile: true });
	const { page } = b, { w } = s;
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	// what a sign stands for is written, or said on pointing at it
	await is('Done is a word on a phone, too', () => page.evaluate(() => { const r = document.querySelector('#done .word').getBoundingClientRect(); return r.width > 20 && r.height > 8 && r.right <= innerWidth && /Завершить/.test(document.querySelector('#done .word').textContent); }), true);
	await is('every sign has a name and a hint', () => page.evaluate(() => [...document.querySelectorAll('button, summary')].filter((e) => e.checkVisibility() && !e.matches('.picture') && !/[\p{L}]/u.test(e.innerText) && !(e.title && (e.getAttribute('aria-label') || '').length > 2)).map((e) => e.id || e.className).join(' ')), '');
	is('the text field tells how many parts without covering anything', await page.evaluate(() => {
		const a = document.getElementById('text');
		a.value = 'ж'.repeat(600);
		a.dispatchEvent(new Event('input'));
		const r = document.getElementById('counter').getBoundingClientRect(), y = r.top + r.height / 2;
		return document.elementsFromPoint(r.right - 4, y).filter((e) => e.matches('#window, #window *, #text, #scroll, #submit')).length + (r.width > 0 && r.bottom <= innerHeight ? 0 : 10);
	}), 0);
	await page.fill('#text', '');
	// the message goes out, the answer does not come back, while its row has come already, or comes later
	for (const early of [true, false]) {
		const words = `ответ потерян ${early}`;
		let gone = null;
		const lost = new Promise((r) => { gone = r; });
		await page.route('**/instagram/send', async (r) => {
			await r.fetch();
			if (early)
				await message(page, words).locator('.ticks.accepted').waitFor();
			await r.abort('connectionreset');
			gone();
		}, { times: 1 });
		await page.fill('#text', words);
		await page.tap('#submit');
		await lost;
		await message(page, words).locator('.ticks.accepted').waitFor();
		await settled(page);
		await is(`a lost answer: one bubble, and no error (row ${early ? 'before' : 'after'})`, async () => `${await message(page, words).count()} ${await message(page, words).locator('.error').count()}`, '1 0');
	}
	// signed out in the middle of it
	await page.fill('#text', 'на полуслове');
	w.signedIn = false;
	await page.tap('#submit');
	await page.waitForSelector('#login:not([hidden])');
	await page.fill('#token', `${s.url}/inbox/#login=good`);
	await page.tap('#login button');
	await message(page, 'на полуслове').locator('.error').waitFor();
	const said = await message(page, 'на полуслове').locator('.error').innerText();
	is('what the end of a session kept from going says so', /Вход был завершён/.test(said) && !/no_session|мессенджера/.test(said), true);
	await message(page, 'на полуслове').locator('.error button').first().tap();
	await message(page, 'на полуслове').locator('.ticks.accepted').waitFor();
	// a colleague was quicker
	await page.fill('#text', 'И я пишу то же самое');
	w.say(1, 'outbound', 'Борис уже ответил', { ago: 0, by: 'boris', status: 'accepted' });
	await message(page, 'Борис уже ответил').waitFor();
	await like('who writes is told that somebody has answered', () => page.innerText('#meanwhile'), /только что ответили \(boris\)/);
	await page.tap('#submit');
	await is('and no more once it is sent', () => page.isHidden('#meanwhile'), true);
	await message(page, 'И я пишу то же самое').locator('.ticks.accepted').waitFor();
	await page.fill('#text', 'дальше');
	w.say(1, 'outbound', 'с другой вкладки', { ago: 0, status: 'accepted' });
	await message(page, 'с другой вкладки').waitFor();
	await is('one\'s own answer from elsewhere is no news', () => page.isHidden('#meanwhile'), true);
	await page.fill('#text', '');
	// uploads: the conversation is left and come back to, something changes in it meanwhile, the page is loaded anew
	let release = null;
	const hold = () => page.route('**/instagram/upload*', async (r) => { await new Promise((f) => { release = f; }); await r.continue().catch(() => {}); }, { times: 1 });
	const chosen = () => page.setInputFiles('#file', { name: 'кружка.png', mimeType: 'image/png', buffer: stub.PNG });
	const upload = async (during) => {
		await hold();
		await chosen();
		await page.locator('#files li', { hasText: 'Загружаем' }).waitFor();
		while (!release)
			await settled(page);
		await during();
		release();
		release = null;
		await page.locator('#files li', { hasText: /^(?!Загружаем)/ }).first().waitFor();
		const r = `${await page.locator('#files li').count()} ${await page.isDisabled('#submit')}`;
		await page.locator('#files button').first().tap();
		return r;
	};
	is('an upload while the conversation changes', await upload(async () => { w.say(1, 'inbound', 'ещё вопрос', { ago: 0 }); await message(page, 'ещё вопрос').waitFor(); }), '1 false');
	const away = async (words, hash) => { await page.evaluate((h) => { location.hash = h; }, hash); await message(page, words).first().waitFor(); };
	is('an upload while another conversation is looked at', await upload(async () => { await away('Девочки', '#whatsapp/2'); await is('it is not shown there', () => page.locator('#files li').count(), 0); await away('ещё вопрос', '#instagram/1'); }), '1 false');
	await hold();
	await chosen();
	await page.locator('#files li', { hasText: 'Загружаем' }).waitFor();
	await page.reload();
	await page.locator('#files li', { hasText: 'прервалась' }).waitFor();
	await like('an upload that a reload cut off is said to be', () => page.innerText('#files'), /кружка.png: загрузка прервалась/);
	release?.();
	await page.locator('#files button').first().tap();
	await page.setInputFiles('#file', { name: 'пусто.png', mimeType: 'image/png', buffer: Buffer.alloc(0) });
	await page.locator('#files li.error').waitFor();
	await like('an empty file is called so', () => page.innerText('#files'), /пусто.png: Файл пустой/);
	await page.locator('#files button').first().tap();
	// what grows stays at its end: the browser tells of an earlier scroll before it tells of the growth
	await page.evaluate(() => { const x = document.getElementById('scroll'); x.scrollTop = x.scrollHeight; });
	await settled(page);
	await page.evaluate(() => { document.querySelector('#messages li').style.minHeight = '900px'; document.getElementById('scroll').dispatchEvent(new Event('scroll')); });
	await settled(page);
	await is('a picture that comes late does not hide the newest message', () => page.evaluate(() => { const x = document.getElementById('scroll'); return x.scrollHeight - x.scrollTop - x.clientHeight < 5; }), true);
	// Back closes a picture and nothing else; what is done leaves the list with its conversation
	await openAt(page, s, '#instagram/5', 'Длинный рассказ');
	await page.locator('#messages .picture').first().tap();
	await page.locator('dialog.viewer').waitFor();
	await page.goBack();
	await page.waitForFunction(() => !document.querySelector('dialog.viewer'));
	await is('Back closes a picture', async () => `${await page.isVisible('#thread')} ${page.url().replace(/.*#/, '')}`, 'true instagram/5');
	await page.locator('#messages .picture').first().tap();
	await page.locator('dialog.viewer .close').dispatchEvent('click');
	await page.waitForFunction(() => !document.querySelector('dialog.viewer') && history.state === null);
	await is('as does its own sign', async () => `${await page.isVisible('#thread')} ${page.url().replace(/.*#/, '')}`, 'true instagram/5');
	await page.goto('about:blank');
	await ten.list(page, s);
	const first = await page.locator('#conversations li').first().getAttribute('data-id');
	await page.locator('#conversations button').first().tap();
	await page.locator('#messages li').first().waitFor();
	await page.tap('#done');
	await page.waitForFunction(() => /Вернуть/.test(document.getElementById('done').textContent));
	await page.tap('#back');
	await page.locator('#side').waitFor();
	await settled(page);
	await is('what is done leaves the list', () => page.locator(`#conversations li[data-id="${first}"]`).count(), 0);
	await page.tap('[data-filter=failed]');
	await page.fill('#search', 'ничего такого');
	await page.waitForFunction(() => !document.getElementById('list-empty').hidden);
	await is('an empty list says so where one looks', () => page.evaluate(() => document.getElementById('list-empty').getBoundingClientRect().top < innerHeight / 2), true);
	await page.fill('#search', '');
	await page.tap('[data-filter=all]');
	await page.locator('#conversations button').nth(2).waitFor();
	// the server is away while a conversation is opened, and while a filter is chosen
	await page.route('**/inbox/messages*', (r) => r.abort('internetdisconnected'), { times: 1 });
	await conversation(page, 'Клуб').tap();
	await message(page, 'Девочки').first().waitFor();
	await is('a conversation that could not be loaded comes by itself', () => page.isHidden('#thread-empty'), true);
	await page.tap('#back');
	await page.route('**/inbox/conversations*', (r) => r.abort('internetdisconnected'), { times: 1 });
	await page.tap('[data-filter=unread]');
	await page.waitForFunction(() => !document.querySelector('#conversations li[data-id="2"]'));
	await is('and so does a list', () => page.getAttribute('[data-filter=unread]', 'aria-pressed'), 'true');
	await page.route('**/inbox/me*', (r) => r.abort('internetdisconnected'), { times: 1 });
	await page.reload();
	await page.waitForSelector('#login-error:not([hidden])');
	await page.locator('#conversations button').first().waitFor();
	await is('nobody needs a new link for a server that was away', () => page.isHidden('#login'), true);
	// 120 unread, of which a page holds 50
	w.add(70, 'instagram', '👩‍👩‍👧 💐');
	w.say(70, 'outbound', 'до того', { ago: 500 });
	for (let i = 0; i < 120; i++)
		w.say(70, 'inbound', `вопрос ${i}.`, { ago: 400 - i });
	await page.goto('about:blank');
	await openAt(page, s, '#instagram/70', 'вопрос 119.');
	await is('a name without letters has its first sign for a picture', () => page.textContent('#face'), '👩‍👩‍👧');
	await page.waitForFunction(() => document.querySelector('#messages .news'));
	for (let n = 0; n < 400 && !await message(page, 'до того').count(); n++) {
		await page.evaluate(() => { document.getElementById('scroll').scrollTop = 10; });
		await settled(page);
	}
	await is('what was unread begins with a line that says so', () => page.evaluate(() => [...document.querySelectorAll('#messages li')].filter((e) => e.querySelector('.news')).map((e) => e.querySelector('.text').textContent).join()), 'вопрос 0.');
	// what was searched for stays in its place while pictures above it come
	await page.goto('about:blank');
	await ten.list(page, s);
	await page.fill('#search', 'вопрос 60.');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 1);
	await page.locator('#conversations button').first().tap();
	await page.locator('#messages li.here').waitFor();
	await settled(page);
	await is('a hit stays in its place', () => page.evaluate(async () => {
		const li = document.querySelector('#messages li.here'), y = li.getBoundingClientRect().top;
		li.previousElementSibling.style.minHeight = '500px';
		await new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)));
		return `${li.querySelector('.text').textContent} ${Math.abs(li.getBoundingClientRect().top - y) < 2}`;
	}), 'вопрос 60. true');
	await b.context.close();
	// at 200 % a window of 1160 x 740 has 580 x 370
	const z = await openBrowser('en-US', { width: 580, height: 370 });
	await ten.list(z.page, s);
	await is('at 200 % the list is more than a slit', () => z.page.evaluate(() => { const l = document.getElementById('conversations'), f = l.lastElementChild; f.scrollIntoView(); const r = f.getBoundingClientRect(), top = Math.max(0, l.getBoundingClientRect().top); return r.bottom <= innerHeight + 1 && innerHeight - top > 200; }), true);
	await z.page.setViewportSize({ width: 780, height: 360 });
	await is('a phone that lies: the filters take one row', () => z.page.evaluate(() => document.getElementById('filters').clientHeight < 70), true);
	// until the first answer is there, the page says what it is doing
	let list = null;
	await z.page.route('**/inbox/conversations*', async (r) => { await new Promise((f) => { list = f; }); await r.continue(); }, { times: 1 });
	await z.page.reload();
	await z.page.waitForFunction(() => getComputedStyle(document.getElementById('list-empty')).visibility === 'visible' && document.getElementById('list-empty').checkVisibility());
	await is('a slow line: the list says that it is loading', () => z.page.innerText('#list-empty'), 'Loading …');
	while (!list)
		await settled(z.page);
	list();
	await shows(z.page);
	await is('and stops saying so', () => z.page.isHidden('#list-empty'), true);
	await z.context.close();
	s.close();
}

// two accounts of one channel; the language goes with the person, not with the computer
async function choices() {
	const s = await start((w) => {
		views.fill(w);
		w.me.accounts.push({ ...w.me.accounts.find((a) => a.channel === 'instagram'), account: 'second', title: 'second' });
		w.conversations.find((c) => c.id === 1).account = 'second';
		return w;
	});
	let b = await openBrowser('en-US', DESK), { page } = b;
	await page.goto(`${s.url}/inbox/`);
	await shows(page);
	await page.click('[data-filter=all]');
	await conversation(page, 'Emily').waitFor();
	await is('accounts are offered, with their channel', async () => (await page.locator('#choices select').first().locator('option').allTextContents()).join(', '), 'All accounts, Instagram: all, Instagram · Shop, Instagram · second, WhatsApp');
	await page.selectOption('#choices select', 'instagram/second');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 1);
	await is('one account: its conversations', () => conversation(page, 'Мария').count(), 1);
	s.w.say(3, 'inbound', 'elsewhere', { ago: 0 });
	s.w.say(1, 'inbound', 'сюда', { ago: 0 });
	await conversation(page, 'сюда').waitFor();
	await is('what comes for another does not come in', () => page.locator('#conversations button').count(), 1);
	await page.click('#menu summary');
	await Promise.all([page.waitForNavigation(), page.click('#menu-items button[lang=ru]')]);
	await page.waitForFunction(() => document.documentElement.lang === 'ru');
	await b.context.close();
	b = await openBrowser('en-US', DESK);
	page = b.page;
	await page.goto(`${s.url}/inbox/`);
	await shows(page);
	await is('at another computer she has her language', async () => `${await page.getAttribute('html', 'lang')} ${await page.textContent('#submit')}`, 'ru Отправить');
	await b.context.close();
	s.close();
}

done(async () => {
	const only = (name) => !process.env.PART || process.env.PART === name;
	let violations = 0, small = 0, internal = 0;
	if (only('looks')) {
		for (const locale of ['en-US', 'ru-RU'])
			for (const scheme of ['light', 'dark'])
				for (const phone of [false, true]) {
					const r = await looks(locale, scheme, phone);
					violations += r.violations;
					small += r.small;
					internal += r.internal;
				}
		number('axe', violations);
		number('targets', small);
		number('internal', internal);
	}
	if (only('hostile'))
		await hostile();
	if (only('drafts'))
		number('drafts', await drafts());
	if (only('longThread'))
		await longThread();
	if (only('live'))
		await live();
	if (only('answering'))
		await answering();
	if (only('details'))
		await details();
	if (only('troubles'))
		await troubles();
	if (only('choices'))
		await choices();
	if (only('keyboard'))
		await keyboard();
});
