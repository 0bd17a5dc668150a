'use strict';
/*
 * A shop assistant with a telephone on a train, a colleague at the counter: what happens while
 * an answer is on its way, when a line breaks, in the other tab or window, and in browsers
 * that lack what this page could use.  As page.js on a server that only speaks the interface (stub.js).
 */
const { is, like, openBrowser, conversation, message, doneTests } = require('./browser');
const stub = require('./stub');
const { start, settled, openAt, asked, looks } = require('./views');

const DESK = { width: 1200, height: 800 }, PHONE = { width: 320, height: 640 };
/*
 * The next request of that address: the server carries it out, and its answer waits for
 * release(), which comes back when the page has it.
 */
async function hold(page, address) {
	let release, read;
	const free = new Promise((ok) => { release = ok; }), reached = new Promise((ok) => { read = ok; });
	await page.route(address, async (route) => {
		const response = await route.fetch();
		read(route.request());
		await free;
		await route.fulfill({ response });
	}, { times: 1 });
	return { reached, release: async () => {
		const over = reached.then((r) => r.response()).then((r) => r.finished());
		release();
		await over;
		await settled(page);
	} };
}
const broken = (page, address, times = 1) => page.route(address, (r) => r.abort('internetdisconnected'), { times });
// hides a tab, or shows it again, as the browser would tell it
const visible = (page, yes) => page.evaluate((v) => {
	Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => v });
	document.dispatchEvent(new Event('visibilitychange'));
}, yes ? 'visible' : 'hidden');
// two windows side by side; the second one, opened last, asks for both
async function two(s, init) {
	const b = await openBrowser('en-US', DESK), a = b.page, other = await b.context.newPage();
	for (const p of [a, other]) {
		await p.addInitScript(() => {
			window.ticks = 0;
			const { fetch } = window;
			window.fetch = (...x) => { window.ticks += /tick/.test(x[0]) ? 1 : 0; return fetch(...x); };
			const hears = Object.getOwnPropertyDescriptor(BroadcastChannel.prototype, 'onmessage');
			Object.defineProperty(BroadcastChannel.prototype, 'onmessage', { set(f) { hears.set.call(this, (ev) => { if (!window.deaf) f(ev); }); } });
		});
		await init?.(p);
		await openAt(p, s, '#instagram/1', 'Спасибо большое');
	}
	return { b, a, other };
}

// an answer that comes after something else was chosen, or has happened
async function late() {
	const s = await start((w) => { w.add(90, 'instagram', 'Далёкая', { done: true }); w.say(90, 'outbound', 'давно отвечено'); });
	const b = await openBrowser('en-US', DESK), { page } = b, { w } = s;
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	let h = await hold(page, /\/conversation\?/);
	await page.evaluate(() => { location.hash = '#instagram/90'; });
	await h.reached;
	await conversation(page, 'Клуб').click();
	await message(page, 'Девочки').waitFor();
	await page.fill('#text', 'для клуба');
	await h.release();
	await is('an address whose answer is late opens over nobody', async () => `${await page.innerText('#who')}|${await page.inputValue('#text')}|${page.url().replace(/.*#/, '')}`, 'Клуб рукодельниц|для клуба|whatsapp/2');
	await page.fill('#text', '');

	h = await hold(page, /\/messages\?conversation=1&/);
	await conversation(page, 'Мария').click();
	await h.reached;
	await page.focus('#search');
	await h.release();
	await message(page, 'Спасибо большое').first().waitFor();
	await is('a thread that comes late takes the keyboard from nobody', () => page.evaluate(() => document.activeElement.id), 'search');

	await looks(page, s);
	h = await hold(page, /\/inbox\/conversation$/);
	await page.click('#done');
	await h.reached;
	w.conversations.find((c) => c.id === 1).done = false;	// as the database has it with a new message
	w.say(1, 'inbound', 'ещё один вопрос', { ago: 0 });
	await message(page, 'ещё один вопрос').waitFor();
	await looks(page, s);
	await h.release();
	await is('Done whose answer is late takes nobody out of the list who wrote since', async () => `${await conversation(page, 'ещё один вопрос').count()} ${(await page.innerText('#done')).trim()}`, '1 ✓ Done');

	h = await hold(page, /\/inbox\/note$/);
	await page.click('#more-tools summary');
	await page.fill('#note', 'перезвонить');
	const save = page.locator('#more-tools form button', { hasText: 'Save note' });
	await save.click();
	await h.reached;
	await save.click();
	await page.fill('#note', 'и ещё');
	await h.release();
	await page.locator('#messages li', { hasText: 'перезвонить' }).waitFor();
	await is('a note saved twice on a slow line is one, and what is written meanwhile stays', async () => `${w.notes[1].filter((n) => n.body === 'перезвонить').length} ${await page.inputValue('#note')}`, '1 и ещё');
	await broken(page, /\/inbox\/note$/);
	if (!await page.isVisible('#note'))
		await page.click('#more-tools summary');
	await save.click();
	await page.locator('#trouble').waitFor();
	await is('a note that could not be saved is still there', () => page.inputValue('#note'), 'и ещё');
	await b.context.close();
	s.close();
}

// what was refused or got lost is not shown as if it had been done
async function lost() {
	const s = await start(), b = await openBrowser('en-US', DESK), { page } = b, { w } = s;
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	const [maria] = w.conversations.filter((c) => c.id === 1);
	await page.click('#more-tools summary');
	const label = w.me.labels.find((l) => !maria.labels.includes(l)), was = await page.inputValue('#assign');
	await broken(page, /\/inbox\/conversation$/, 2);
	await page.click(`[name="label ${label}"]`);
	await page.locator('#trouble').waitFor();
	await page.focus('#assign');
	await page.selectOption('#assign', w.me.users.find((u) => u !== was));
	await looks(page, s, 2);
	await is('a label and an assignment that got lost are not shown as made', async () => `${await page.isChecked(`[name="label ${label}"]`)} ${await page.inputValue('#assign') === was}`, 'false true');
	await is('and the focus stays', () => page.evaluate(() => document.activeElement.name), 'assign');
	await page.keyboard.press('Escape');

	// a note of a colleague's, whose fetching fails
	await looks(page, s);
	await broken(page, /\/messages\?/);
	w.notes[1].push({ id: ++w.messageId, conversation: 1, at: stub.iso(0), by: 'boris', body: 'скидка обещана' });
	w.feed.push({ type: 'conversation', changeId: ++w.change, c: maria });
	await looks(page, s, 8);
	await is('a note whose fetching failed comes by itself', () => page.locator('#messages li', { hasText: 'скидка обещана' }).count(), 1);

	// a gateway that lost the program's answer says nothing of whether the message went out
	await page.route(/\/instagram\/send/, async (r) => { await r.fetch(); await r.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }); }, { times: 1 });
	await broken(page, /\/(tick\/|inbox\/changes)/, 10000);
	await page.fill('#text', 'один раз');
	await page.click('#submit');
	await message(page, 'один раз').locator('.error button').first().click();
	await message(page, 'один раз').locator('.ticks.accepted').waitFor();
	await is('an answer that a gateway lost: tried again with the same key', () => new Set(w.sent.filter((m) => m.message === 'один раз').map((m) => m.key)).size, 1);
	await page.unroute(/\/(tick\/|inbox\/changes)/);

	// a message that the provider delivers a day late stands among older ones, and is read all the same
	await looks(page, s);
	const old = w.say(1, 'inbound', 'опоздало на день', { ago: 1440 });
	await message(page, 'опоздало на день').waitFor();
	await looks(page, s);
	await is('what comes late among older ones is read where it is looked at', () => old.readAt !== null, true);

	// uploads and presses that nobody answers end
	await page.clock.install();
	await page.reload();
	await message(page, 'Спасибо большое').first().waitFor();
	await page.route(/\/upload/, () => {});
	await page.setInputFiles('#file', { name: 'а.png', mimeType: 'image/png', buffer: stub.PNG });
	await page.locator('#files li', { hasText: 'Uploading' }).waitFor();
	await page.clock.fastForward(3600e3);
	await page.locator('#files li.error').waitFor();
	await like('an upload that nobody answers ends, and says so', () => page.innerText('#files'), /cut off/);
	await b.context.close();
	s.close();
}

// signing in and out on a line that breaks, and in the other window
async function signs() {
	const s = await start(), { w } = s, { b, a, other } = await two(s);
	await broken(a, /\/logout/);
	a.on('dialog', (d) => d.accept());
	await a.fill('#text', 'черновик Анны');
	await a.click('#menu summary');
	await a.click('#logout');
	await a.locator('#trouble').waitFor();
	await is('a sign-out that did not reach the server says so, and nothing is gone', async () => `${/still signed in/.test(await a.innerText('#trouble-text'))} ${await a.isVisible('#inbox')} ${await a.inputValue('#text')}`, 'true true черновик Анны');
	// somebody else signs in beside it
	w.me.name = 'boris';
	const third = await b.context.newPage();
	await third.goto(`${s.url}/inbox/#login=good`);
	await third.locator('#conversations button').first().waitFor();
	await a.waitForFunction(() => /boris/.test(document.getElementById('menu-items').textContent), null, { timeout: 20000 }).catch(() => {});
	await is('another person signs in beside it: this window is hers, too, and has none of the other\'s drafts', async () => `${/boris/.test(await a.textContent('#menu-items'))} ${await a.inputValue('#text')}`, 'true ');
	if (!await third.isVisible('#logout'))
		await third.click('#menu summary');
	await third.click('#logout');
	await third.locator('#login').waitFor();
	await other.locator('#login').waitFor({ timeout: 20000 }).catch(() => {});
	await is('signed out in one window is signed out in all', async () => `${await other.isVisible('#login')} ${await other.textContent('#messages')}|${await other.textContent('#conversations')}`, 'true |');
	await b.context.close();
	// a link on a line that breaks
	s.w.signedIn = false;
	const c = await openBrowser('en-US', DESK);
	await broken(c.page, /\/login$/);
	await c.page.goto(`${s.url}/inbox/#login=good`);
	await c.page.waitForSelector('#login-error:not([hidden])');
	await c.page.click('#login button');
	await c.page.locator('#conversations button').first().waitFor({ timeout: 20000 }).catch(() => {});
	await is('a link on a line that broke is pressed again', async () => `${await c.page.isVisible('#inbox')} ${c.page.url().includes('login')}`, 'true false');
	// the session ends and begins again in the same window: what the list is narrowed to is said
	s.w.me.name = 'anna';
	s.w.signedIn = true;
	await c.page.goto('about:blank');
	await c.page.goto(`${s.url}/inbox/`);
	await c.page.locator('#conversations button').first().waitFor();
	const narrowed = () => c.page.evaluate(() => document.querySelector('#choices select:last-child').value);
	await c.page.locator('#choices select').last().selectOption(s.w.me.labels[0]);
	const label = await narrowed();
	s.w.signedIn = false;
	await c.page.click('[data-filter=all]');
	await c.page.locator('#login').waitFor();
	await c.page.fill('#token', 'good');
	await c.page.click('#login button');
	await c.page.locator('#inbox').waitFor();
	await is('signed in again: the label that the list is narrowed to is the one that is shown', () => narrowed(), label);
	// what a colleague adds during the day
	await c.page.clock.install();
	await openAt(c.page, s, '#instagram/1', 'Спасибо большое');
	s.w.me.users.push('Вера');
	s.w.me.replies.push({ id: 9, name: 'адрес', text: 'Невский, 28' });
	s.w.me.labels.push('новая');
	await c.page.clock.fastForward(11 * 60e3);
	await c.page.waitForFunction(() => [...document.querySelectorAll('#choices option')].some((o) => o.value === 'новая'), null, { timeout: 20000 }).catch(() => {});
	await c.page.fill('#text', '/адрес');
	await is('a colleague, a label and a saved reply that are new come by themselves', () => c.page.evaluate(() => [[...document.querySelectorAll('#assign option')].some((o) => o.value === 'Вера'),
		[...document.querySelectorAll('#choices option')].some((o) => o.value === 'новая'), !document.getElementById('canned').hidden].join()), 'true,true,true');
	await c.page.fill('#text', '');
	// an owner takes access away, from herself
	const own = s.w.owner.users[0].name;
	s.w.me.name = own;
	await c.page.goto('about:blank');
	await c.page.goto(`${s.url}/inbox/#owner`);
	c.page.on('dialog', (d) => d.accept());
	await c.page.locator('#o-people li', { hasText: own }).locator('button', { hasText: 'Take access away' }).click();
	await c.page.locator('#login').waitFor({ timeout: 20000 }).catch(() => {});
	await is('an owner who takes her own access away is out at once', async () => `${await c.page.isVisible('#login')} ${await c.page.textContent('#owner')}`, 'true ');
	await c.context.close();
	s.close();
}

// two windows: the one that asks is hidden, closed, or has told what the other did not hear
async function windows() {
	const s = await start(), { w } = s;
	// what cannot make a sound stops nothing else
	const { b, a, other } = await two(s, (p) => p.addInitScript(() => {
		localStorage.setItem('dmbox:sound', 'true');
		window.AudioContext = class { constructor() { throw new Error('no more of them'); } };
		document.hasFocus = () => false;
	}));
	const n = await Promise.all([a, other].map((p) => p.evaluate(() => window.ticks)));
	await visible(other, false);
	is('the window that asks is hidden: the one beside it asks, at once', await Promise.race([
		a.waitForFunction((x) => window.ticks > x, n[0]).then(() => 'at once'), other.waitForFunction((x) => window.ticks > x, n[1]).then(() => 'late')]), 'at once');
	await visible(other, true);

	// broadcasts that were not heard (a frozen tab), more of them than a page; the first asking fails
	await a.evaluate(() => { window.deaf = true; });
	for (let i = 1; i <= 5; i++)
		w.say(1, 'inbound', `не услышано ${i}`, { ago: 0 });
	await message(other, 'не услышано 5').waitFor();
	await looks(a, s);
	await a.evaluate(() => { window.deaf = false; });
	w.feedPage = 3;
	await broken(a, /\/changes/);
	w.say(1, 'inbound', 'услышано', { ago: 0 });
	await message(other, 'услышано').last().waitFor();
	await looks(a, s, 8);
	await is('a window that missed some is told all of it', () => a.locator('#messages .text', { hasText: 'услышано' }).count(), 6);
	// the database is another one now, and its feed starts again
	await a.evaluate(() => { window.deaf = true; });
	w.say(1, 'inbound', 'перед сменой', { ago: 0 });
	await message(other, 'перед сменой').waitFor();
	await looks(a, s);
	await a.evaluate(() => { window.deaf = false; });
	w.feedPage = 0;
	w.feed = [];
	w.change = 10;
	w.say(1, 'inbound', 'из новой базы', { ago: 0 });
	await message(other, 'из новой базы').waitFor();
	await looks(a, s, 6);
	await is('a feed that starts again does so in every window', () => message(a, 'из новой базы').count(), 1);

	// a window is closed while its message goes out
	await a.clock.install();
	await a.reload();
	await message(a, 'Спасибо большое').first().waitFor();
	await other.evaluate(() => { const { fetch } = window; window.fetch = (at, ...x) => (/send/.test(at) ? new Promise(() => {}) : fetch(at, ...x)); });
	await other.fill('#text', 'окно закрыли');
	await other.click('#submit');
	await message(a, 'окно закрыли').waitFor();
	await other.close();
	await a.clock.fastForward(300e3);
	await a.clock.fastForward(5e3);
	await message(a, 'окно закрыли').locator('.ticks.accepted').waitFor({ timeout: 20000 }).catch(() => {});
	await is('what a closed window was sending goes out from the other, once', () => w.sent.filter((m) => m.message === 'окно закрыли').length, 1);
	await b.context.close();
	s.close();
}

// a long thread read further up: what happens to old messages is not news
async function old() {
	const s = await start((w) => {
		w.add(91, 'instagram', 'Длинная');
		for (let i = 1; i <= 120; i++)
			w.say(91, i % 2 ? 'inbound' : 'outbound', `слово ${i}`, { ago: 200 - i, readAt: stub.iso(1) });
	});
	const b = await openBrowser('en-US', DESK), { page } = b, { w } = s;
	await openAt(page, s, '#instagram/91', 'слово 120');
	await page.evaluate(() => { const x = document.getElementById('scroll'); x.scrollTop = x.scrollHeight / 2; });
	await page.locator('#latest').waitFor();
	await looks(page, s);
	const first = w.messages[91][0];
	first.content = 'слово 1, исправлено';
	first.editedAt = stub.iso(0);
	w.touch(first);
	await looks(page, s);
	await is('an old message that was edited is no new one', async () => `${await page.textContent('#latest-count')}|${await page.textContent('#announce')}`, '|');
	w.say(91, 'inbound', 'а это новое', { ago: 0 });
	await page.waitForFunction(() => document.getElementById('latest-count').textContent === '1');
	await like('and one that came is', () => page.textContent('#announce'), /а это новое/);
	await b.context.close();
	s.close();
}

// many people and labels with long names, on the smallest phone and at 200 %
async function many() {
	const s = await start((w) => {
		w.me.labels = Array.from({ length: 300 }, (_, i) => `${'оченьдлиннаяметка'.repeat(2)} ${i}`);
		w.me.users = Array.from({ length: 60 }, (_, i) => `Сотрудница ${'ы'.repeat(48)}${i}`);
		w.add(90, 'instagram', 'Имябезпробелов'.repeat(15), { labels: w.me.labels.slice(0, 40), assignee: w.me.users[0], username: 'u'.repeat(60) });
		w.say(90, 'inbound', 'привет', { ago: 0 });
	});
	for (const [name, size, more] of [['320 px', PHONE, { hasTouch: true, isMobile: true }], ['200 %', { width: 600, height: 400 }, { deviceScaleFactor: 2 }]]) {
		const { page, context } = await openBrowser('ru-RU', size, more);
		await openAt(page, s, '#instagram/90', 'привет');
		await page.click('#more-tools summary');
		await is(`${name}: 300 labels and long names are cut off nowhere, and the note is at hand`, () => page.evaluate(() => {
			const p = document.querySelector('#more-tools .panel'), r = p.getBoundingClientRect();
			return `${p.scrollWidth <= p.clientWidth} ${[...p.querySelectorAll('label, select')].every((e) => e.getBoundingClientRect().right <= r.right)} ${p.scrollHeight < 3 * innerHeight} ${document.documentElement.scrollWidth <= innerWidth}`;
		}), 'true true true true');
		await context.close();
	}
	s.close();
}

// browsers that lack things, refuse them or throw; a clock that is put back
async function lacking() {
	const s = await start((x) => { x.add(90, 'instagram', 'Далёкая', { done: true }); x.say(90, 'outbound', 'давно отвечено'); }), { w } = s;
	const c = await openBrowser('en-US', PHONE, { hasTouch: true, isMobile: true }), { page } = c;
	await page.addInitScript(() => {
		delete AbortSignal.timeout;
		delete AbortSignal.any;
		delete window.BroadcastChannel;
		delete window.Notification;
		delete window.AudioContext;
		delete window.structuredClone;
		delete Crypto.prototype.randomUUID;
		delete Element.prototype.checkVisibility;
		delete URLSearchParams.prototype.size;
		Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined });
		delete Navigator.prototype.clipboard;
		const kept = new Map([['dmbox:sound', 'true']]);
		Storage.prototype.getItem = (k) => kept.get(k) ?? null;
		Storage.prototype.setItem = () => { throw new DOMException('no', 'QuotaExceededError'); };
		document.hasFocus = () => false;
	});
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	await page.fill('#text', 'с айфона');
	await page.click('#submit');
	await message(page, 'с айфона').locator('.ticks.accepted').waitFor();
	w.say(1, 'inbound', 'пришло на айфон', { ago: 0 });
	await message(page, 'пришло на айфон').waitFor();
	await looks(page, s);
	await is('a browser that lacks a dozen things: nothing stops', async () => `${await page.isHidden('#trouble')} ${c.complaints.join()}`, 'true ');
	let hung = 0;
	await page.route(/\/tick\//, () => { hung++; }, { times: 1 });
	await page.waitForRequest(/\/tick\//);
	w.say(1, 'inbound', 'после тоннеля', { ago: 0 });
	await message(page, 'после тоннеля').waitFor({ timeout: 60000 }).catch(() => {});
	await is('nor where a look is never answered', async () => `${hung} ${await message(page, 'после тоннеля').count()}`, '1 1');
	await is('320 px: nothing is wider than the phone', () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
	await c.context.close();

	const r = await openBrowser('en-US', DESK);
	await r.page.addInitScript(() => {
		window.tries = 0;
		LockManager.prototype.request = async () => {
			if (++window.tries > 50)
				await new Promise(() => {});	// the test goes on, whatever the page does
			throw new DOMException('no', 'SecurityError');
		};
	});
	await openAt(r.page, s, '#instagram/1', 'Спасибо большое');
	w.say(1, 'inbound', 'без замков', { ago: 0 });
	await message(r.page, 'без замков').waitFor({ timeout: 20000 }).catch(() => {});
	await is('locks are refused: the page asks by itself, and does not insist', async () => `${await message(r.page, 'без замков').count()} ${await r.page.evaluate(() => window.tries <= 2)}`, '1 true');
	await r.context.close();

	const k = await openBrowser('en-US', DESK), at = Date.now();
	await k.page.clock.install({ time: at });
	await openAt(k.page, s, '#instagram/1', 'Спасибо большое');
	await broken(k.page, /\/conversations\?/);
	// (the sentence of it goes with the next look that is answered)
	const failed = k.page.waitForEvent('requestfailed', (x) => /\/conversations\?/.test(x.url()));
	await k.page.click('[data-filter=all]');
	await failed;
	await k.page.clock.setSystemTime(at - 86400e3);
	await k.page.waitForResponse((x) => /\/conversations\?/.test(x.url()), { timeout: 30000 }).catch(() => {});
	await looks(k.page, s, 1);
	await is('a clock that is put back: what was asked for in vain is asked for again', () => conversation(k.page, 'Далёкая').count(), 1);
	await k.context.close();
	s.close();
}

doneTests({ late, lost, signs, windows, old, many, lacking });
