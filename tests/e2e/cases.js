'use strict';
/*
 * What people report of other inboxes, tried on this page: two tabs, browsers that keep
 * nothing, clocks that are wrong, what is pasted and typed, failures that are tried again.
 * As page.js on a server that only speaks the interface (stub.js).
 */
const { is, like, unlike, openBrowser, conversation, message, doneTests } = require('./browser');
const stub = require('./stub');
const { start, settled, openAt } = require('./views');

const DESK = { width: 1200, height: 800 }, PHONE = { width: 390, height: 780 };
async function signIn(page, s) {
	await page.fill('#token', `${s.url}/inbox/#login=good`);
	await page.click('#login button');
}
// hides a tab, or shows it again, as the browser would tell it
const visible = (page, yes) => page.evaluate((v) => {
	Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => v });
	document.dispatchEvent(new Event('visibilitychange'));
}, yes ? 'visible' : 'hidden');

// one person, two tabs with the same conversation
async function tabs() {
	const s = await start(), b = await openBrowser('en-US', DESK), a = b.page, { w } = s;
	const other = await b.context.newPage();
	for (const p of [a, other]) {
		await p.addInitScript(() => {
			window.ticks = 0;
			const { fetch } = window;
			window.fetch = (...x) => { window.ticks += /tick/.test(x[0]) ? 1 : 0; return fetch(...x); };
			document.hasFocus = () => false;	// the other window has it
		});
		await openAt(p, s, '#instagram/1', 'Спасибо большое');
	}
	await a.fill('#text', 'из первой вкладки');
	await other.waitForFunction(() => document.getElementById('text').value !== '');
	await is('two tabs: a draft is in both', () => other.inputValue('#text'), 'из первой вкладки');
	await is('and in the list', () => conversation(other, 'Мария').locator('.last').innerText(), 'Draft: из первой вкладки');
	await conversation(other, 'Клуб').click();
	await message(other, 'Девочки').waitFor();
	await a.reload();
	await message(a, 'Спасибо большое').first().waitFor();
	await is('a tab that goes elsewhere takes no draft with it', () => a.inputValue('#text'), 'из первой вкладки');
	await conversation(other, 'Мария').click();
	await message(other, 'Спасибо большое').first().waitFor();
	await a.click('#submit');
	await message(a, 'из первой вкладки').locator('.ticks.accepted').waitFor();
	await other.waitForFunction(() => document.getElementById('text').value === '');
	await is('what one tab has sent waits in no other', () => other.isDisabled('#submit'), true);
	// a failure of one tab is not forgotten by what the other sends
	await a.route('**/instagram/send', (r) => r.abort('internetdisconnected'), { times: 1 });
	await a.fill('#text', 'не ушло');
	await a.click('#submit');
	await message(a, 'не ушло').locator('.error').waitFor();
	await other.fill('#text', 'со второй вкладки');
	await other.click('#submit');
	await message(other, 'со второй вкладки').locator('.ticks.accepted').waitFor();
	await a.reload();
	await message(a, 'не ушло').locator('.error').waitFor();
	await is('what failed in one tab outlives what another sends', () => message(a, 'не ушло').count(), 1);
	await message(other, 'не ушло').locator('.error').waitFor();
	await message(a, 'не ушло').locator('.error button').first().click();
	await message(a, 'не ушло').locator('.ticks.accepted').waitFor();
	await message(other, 'не ушло').locator('.ticks.accepted').waitFor();
	await is('and tried again in one it is tried in the other', () => message(other, 'не ушло').locator('.error').count(), 0);
	await is('it went out once', () => w.sent.filter((m) => m.message === 'не ушло').length, 1);
	// the tab that asks is hidden: the one that is looked at must not wait for it
	const leads = async (p) => { const n = await p.evaluate(() => window.ticks); await p.waitForFunction((x) => window.ticks > x + 1, n); };
	await visible(a, false);
	await visible(other, false);
	await visible(other, true);
	await leads(other);
	await visible(other, false);
	await visible(a, true);
	await leads(a);
	is('the tab that is looked at asks', true, true);
	await b.context.close();
	s.close();
}

// a browser that keeps nothing, or throws where it is asked to
async function storage() {
	const s = await start(), b = await openBrowser('en-US', DESK), { page } = b;
	await page.addInitScript(() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; });
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	await page.fill('#text', 'некуда записать');
	await conversation(page, 'Клуб').click();
	await message(page, 'Девочки').waitFor();
	await is('no room for drafts: another conversation shows none', () => page.inputValue('#text'), '');
	await conversation(page, 'Мария').click();
	await message(page, 'Спасибо большое').first().waitFor();
	await is('and this one has its own', () => page.inputValue('#text'), 'некуда записать');
	await b.context.close();
	const c = await openBrowser('en-US', DESK);
	await c.page.addInitScript(() => Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } }));
	await openAt(c.page, s, '#instagram/1', 'Спасибо большое');
	is('storage forbidden: the page works', c.complaints.join(), '');
	// cookies blocked: the link is good, but nobody is signed in by it
	s.w.signedIn = false;
	await c.page.route('**/inbox/me*', (r) => r.fulfill({ status: 401, contentType: 'application/json', body: '{"error":{"code":"no_session","message":"x"}}' }));
	await c.page.goto('about:blank');
	await c.page.goto(`${s.url}/inbox/#login=good`);
	await c.page.waitForSelector('#login-error:not([hidden])');
	await like('cookies blocked: it says so', () => c.page.innerText('#login-error'), /cookies/);
	// the answer to the first question after the link is lost: no new link is needed for that
	await c.page.unroute('**/inbox/me*');
	await c.page.route('**/inbox/me*', (r) => r.abort('internetdisconnected'), { times: 1 });
	await c.page.goto('about:blank');
	await c.page.goto(`${s.url}/inbox/#login=good`);
	await c.page.locator('#conversations button').first().waitFor();
	await is('a line that breaks after the link has worked', () => c.page.isVisible('#inbox'), true);
	await c.context.close();
	s.close();
}

// a computer whose clock is wrong, midnight, last year
async function clocks() {
	const s = await start((w) => {
		w.add(80, 'instagram', 'Прошлогодний', { canSendUntil: '2024-03-02T10:00:00.000Z', humanUntil: '2024-03-08T10:00:00.000Z', maySend: false });
		w.say(80, 'inbound', 'давно', { createdAt: '2024-03-01T10:00:00.000Z', readAt: stub.iso(1) });
	});
	const b = await openBrowser('ru-RU', DESK), { page } = b;
	await page.addInitScript(() => {
		window.told = [];
		window.Notification = class { constructor(title) { window.told.push(title); } static permission = 'granted'; static requestPermission = async () => 'granted'; };
		document.hasFocus = () => false;
		localStorage.setItem('dmbox:notify', 'true');
	});
	// a day fast
	await page.clock.setFixedTime(new Date(Date.now() + 26 * 3600e3));
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	await like('a clock that is a day fast: the window is open', () => page.getAttribute('#window', 'class'), /open/);
	await page.fill('#text', 'можно');
	await is('and an answer can be sent', () => page.isEnabled('#submit'), true);
	s.w.say(2, 'inbound', 'новое', { ago: 0 });
	await page.waitForFunction(() => window.told.length > 0);
	await is('and what is new is told', () => page.evaluate(() => window.told.join()), 'Клуб рукодельниц');
	await openAt(page, s, '#instagram/80', 'давно');
	await like('closed long ago: the year is said', () => page.innerText('#window-text'), /2024/);
	await b.context.close();
	// a phone that knows no such notifications: nothing else stops for it
	const c = await openBrowser('ru-RU', PHONE);
	await c.page.addInitScript(() => {
		window.Notification = class { constructor() { window.tried = true; throw new TypeError('Illegal constructor'); } static permission = 'granted'; static requestPermission = async () => 'granted'; };
		document.hasFocus = () => false;
		localStorage.setItem('dmbox:notify', 'true');
	});
	await openAt(c.page, s, '#instagram/1', 'Спасибо большое');
	s.w.say(2, 'inbound', 'ещё одно', { ago: 0 });
	await c.page.waitForFunction(() => window.tried);
	const asked = () => s.w.calls.filter((x) => /changes/.test(x)).length, n = asked(), ticks = s.w.calls.filter((x) => /tick/.test(x)).length;
	while (s.w.calls.filter((x) => /tick/.test(x)).length < ticks + 3)
		await settled(c.page);
	await is('a browser without notifications: the feed goes on as before', async () => `${asked() - n} ${await c.page.isHidden('#trouble')}`, '0 true');
	await c.context.close();
	// midnight passes over an open page
	const m = await openBrowser('en-US', DESK), at = Date.now();
	await m.page.clock.install({ time: at });
	await openAt(m.page, s, '#instagram/1', 'Спасибо большое');
	const last = () => m.page.locator('#messages .day').last().innerText();
	const before = await last();
	s.w.ahead = 24 * 3600e3;	// the page goes by the server's day
	await m.page.clock.fastForward(s.w.ahead);
	await m.page.waitForFunction((x) => [...document.querySelectorAll('#messages .day')].at(-1).innerText !== x, before);
	is('midnight: Today becomes Yesterday', `${before} ${await last()}`, 'Today Yesterday');
	await m.context.close();
	s.close();
}

// what is typed, pasted and dropped
async function composing() {
	const s = await start(), b = await openBrowser('ru-RU', DESK), { page } = b, { w } = s;
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	const paste = (types) => page.evaluate((all) => {
		const data = new DataTransfer();
		for (const [type, words] of all)
			type === 'file' ? data.items.add(new File(['x'], words, { type: 'image/png' })) : data.setData(type, words);
		const e = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
		document.getElementById('text').dispatchEvent(e);
		return `${e.defaultPrevented} ${document.querySelectorAll('#files li').length}`;
	}, types);
	is('cells of a spreadsheet are pasted as words, not as their picture', await paste([['text/plain', 'Кружка\t900'], ['text/html', '<table>'], ['file', 'image.png']]), 'false 0');
	is('a picture of a page is pasted as a picture', await paste([['text/html', '<img src=x>'], ['file', 'image.png']]), 'true 1');
	await page.locator('#files button').click();
	// saved replies by the keyboard
	await page.locator('#text').focus();
	await page.keyboard.type('/дост');
	await page.keyboard.press('Enter');
	await is('Enter takes the saved reply that is shown', async () => `${w.sent.length} ${(await page.inputValue('#text')).slice(0, 20)}`, '0 Доставка по городу 3');
	await page.fill('#text', '/нет такого');
	await is('what is no saved reply is no reason to say that there are none', () => page.isHidden('#canned'), true);
	await page.fill('#text', '');
	// written anew under its name, and taken away
	page.on('dialog', (d) => d.accept(d.type() === 'prompt' ? 'доставка' : undefined));
	await page.fill('#text', 'Доставка теперь 350 ₽.');
	await page.click('#more-tools summary');
	await page.click('.panel button:has-text("Сохранить текст")');
	while (w.me.replies[0].text !== 'Доставка теперь 350 ₽.')
		await settled(page);
	await is('a saved reply is written anew under its name', () => w.me.replies.length, 2);
	await page.fill('#text', '/дост');
	await page.locator('#canned button').nth(1).click();
	await page.locator('#canned').waitFor({ state: 'hidden' });
	await is('and taken away', () => w.me.replies.map((r) => r.name).join(), 'address');
	await page.fill('#text', '');
	// a note that is being written, while a colleague sets a label, and another conversation is looked at
	await page.click('#more-tools summary');
	await page.fill('#note', 'перезвонить после обеда');
	await page.locator('#note').focus();
	w.conversations.find((c) => c.id === 1).labels.push('vip');
	w.touch(w.messages[1].at(-1));
	await page.locator('#conversations button', { hasText: '#vip' }).waitFor();
	await settled(page);
	await is('a note that is written stays while a label comes', () => page.evaluate(() => `${document.getElementById('note').value}|${document.getElementById('more-tools').open}|${document.activeElement.id}`), 'перезвонить после обеда|true|note');
	await conversation(page, 'Клуб').click();
	await message(page, 'Девочки').waitFor();
	await is('it is not shown to another conversation', () => page.inputValue('#note'), '');
	await page.reload();
	await message(page, 'Девочки').waitFor();
	await conversation(page, 'Мария').click();
	await message(page, 'Спасибо большое').first().waitFor();
	await is('and is there again', () => page.inputValue('#note'), 'перезвонить после обеда');
	await page.click('#more-tools summary');
	await page.click('.panel button:has-text("Сохранить заметку")');
	await page.locator('#messages .note', { hasText: 'после обеда' }).waitFor();
	await is('saved, it is no draft any more', async () => `${await page.inputValue('#note')}|${w.sent.length}`, '|0');
	// the way to the newest message covers nothing that is written
	await page.evaluate(() => { for (let i = 0; i < 3; i++) document.querySelectorAll('#messages li')[i].style.minHeight = '700px'; });
	await page.fill('#text', 'строка\n'.repeat(8));
	await page.evaluate(() => { document.getElementById('scroll').scrollTop = 0; });
	await page.locator('#latest').waitFor();
	await is('the way down covers nothing that is written', () => page.evaluate(() => document.getElementById('latest').getBoundingClientRect().bottom <= document.getElementById('composer').getBoundingClientRect().top), true);
	const height = await page.evaluate(() => document.getElementById('scroll').clientHeight);
	await page.click('#latest');
	await page.waitForFunction(() => document.getElementById('latest').hidden);
	await is('and takes no room', () => page.evaluate(() => document.getElementById('scroll').clientHeight), height);
	await page.fill('#text', '');
	// many files at once: more than go out together, a kind that nobody takes, one that is too large
	const drop = (names) => page.evaluate((all) => {
		const data = new DataTransfer();
		for (const [name, type] of all)
			data.items.add(new File(['x'], name, { type }));
		document.getElementById('thread').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
	}, names);
	await drop([['а.png', 'image/png'], ['б.png', 'image/png'], ['в.pdf', 'application/pdf']]);
	await page.waitForFunction(() => document.querySelectorAll('#files li').length === 3 && !document.getElementById('submit').disabled);
	await page.click('#submit');
	await page.waitForFunction(() => document.querySelectorAll('#files li').length === 0);
	while (!w.sent.length)
		await settled(page);
	await is('several files that are dropped go out together, in their order', () => w.sent.at(-1).attachments.map((x) => x.name).join(), 'а.png,б.png,в.pdf');
	await page.route('**/instagram/upload*', (r) => r.fulfill({ status: 415, contentType: 'application/json', body: '{"error":{"code":"bad_type","message":"x"}}' }), { times: 1 });
	await drop([['IMG_0001.HEIC', '']]);
	await page.locator('#files li.error').waitFor();
	await like('a picture of an iPhone that is not taken: what to do', () => page.innerText('#files'), /IMG_0001\.HEIC: .*JPEG/);
	await page.locator('#files button').click();
	// the session ends while a file goes up
	await page.fill('#text', 'к фото');
	w.signedIn = false;
	await drop([['г.png', 'image/png']]);
	await page.waitForSelector('#login:not([hidden])');
	await signIn(page, s);
	await page.locator('#files li', { hasText: 'г.png' }).waitFor();
	await is('the session ends while a file goes up: the words are kept, and the file is called for', async () => `${await page.inputValue('#text')} ${/прервалась/.test(await page.innerText('#files'))}`, 'к фото true');
	await page.locator('#files button').click();
	await b.context.close();
	// a phone's keyboard
	const c = await openBrowser('ru-RU', PHONE, { hasTouch: true, isMobile: true });
	await openAt(c.page, s, '#instagram/1', 'Спасибо большое');
	await is('the key says what it does where it makes a line', () => c.page.evaluate(() => document.getElementById('text').enterKeyHint), 'enter');
	// a keyboard that covers the page, as an iPhone's does, instead of making it smaller
	await c.page.locator('#text').focus();
	await c.page.evaluate(() => {
		Object.defineProperty(visualViewport, 'height', { configurable: true, get: () => 430 });
		visualViewport.dispatchEvent(new Event('resize'));
	});
	await settled(c.page);
	await is('a keyboard that covers the page: head and field are above it', () => c.page.evaluate(() => { const r = document.getElementById('composer').getBoundingClientRect(), h = document.getElementById('head').getBoundingClientRect(); return r.bottom <= 431 && r.top > 200 && h.top >= 0; }), true);
	await c.page.evaluate(() => { delete visualViewport.height; visualViewport.dispatchEvent(new Event('resize')); });
	await settled(c.page);
	await is('and it goes down again', () => c.page.evaluate(() => Math.round(document.getElementById('composer').getBoundingClientRect().bottom)), 780);
	await c.context.close();
	s.close();
}

// failures, tried again; the order of what is sent
async function again() {
	const s = await start((w) => {
		w.say(1, 'outbound', 'с телефона не ушло', { ago: 1, status: 'failed', readAt: null, by: null, source: 'echo', error: { code: '1', kind: 'provider', message: '' } });
		w.say(1, 'outbound', null, { ago: 1, status: 'failed', readAt: null, by: null, source: 'echo', kind: 'image', attachments: [{ mimeType: 'image/png' }], error: { code: '1', kind: 'provider', message: '' } });
	});
	const b = await openBrowser('ru-RU', DESK), { page } = b, { w } = s;
	await openAt(page, s, '#instagram/1', 'с телефона не ушло');
	await is('what did not go out elsewhere has nothing to press that does nothing, or sends it again half', () => page.evaluate(() => [...document.querySelectorAll('#messages li')].slice(-2).map((e) => `${e.querySelectorAll('.error').length} ${e.querySelectorAll('.error button').length}`).join()), '1 0,1 0');
	const reader = await openBrowser('ru-RU', DESK);
	w.me.role = 'read';
	await openAt(reader.page, s, '#instagram/1', 'Отправил эскиз');
	await is('who may only read finds nothing to press that is refused', () => reader.page.locator('#messages .error button, #messages .wait button, #composer button:visible, #tools button').count(), 0);
	w.me.role = 'owner';
	await reader.context.close();
	// the server says that it is too late for that
	await page.route('**/inbox/outbox', (r) => r.fulfill({ status: 409, contentType: 'application/json', body: '{"error":{"code":"not_possible","message":"its state does not allow that any more"}}' }), { times: 1 });
	await message(page, 'Отправил эскиз').locator('.error button').first().click();
	await page.locator('#trouble').waitFor();
	await unlike('what the server refuses is said in the page\'s language', () => page.innerText('#trouble-text'), /[a-z]{3}/);
	await page.click('#trouble-close');
	await message(page, 'Отправил эскиз').locator('.error button').first().dblclick();
	await message(page, 'Отправил эскиз').locator('.ticks.accepted').waitFor();
	await is('Retry of the outbox pressed twice is one call', () => w.calls.filter((c) => c === 'POST /inbox/outbox').length, 1);
	// a slow line: the second message does not overtake the first
	let release = null;
	await page.route('**/instagram/send', async (r) => { await new Promise((f) => { release = f; }); await r.continue(); }, { times: 1 });
	await page.fill('#text', 'сначала');
	await page.keyboard.press('Enter');
	await page.locator('#text').focus();
	await page.fill('#text', 'потом');
	await page.click('#submit');
	await message(page, 'потом').waitFor();
	while (!release)
		await settled(page);
	for (let i = 0; i < 20; i++)
		await settled(page);
	release();
	await message(page, 'потом').locator('.ticks.accepted').waitFor();
	await is('what is sent second does not overtake the first', () => w.sent.slice(-2).map((m) => m.message).join(), 'сначала,потом');
	await b.context.close();
	s.close();
}

// what customers write to see what happens
async function oddities() {
	const zalgo = 'З' + '\u0334\u0310\u030d\u0352\u0301'.repeat(60) + 'алго', family = '👨‍👩‍👧‍👦';
	const s = await start((w) => {
		w.add(90, 'instagram', zalgo, { username: 'odd', labels: ['__proto__', 'a,b "c"', '🔥'] });
		w.say(90, 'inbound', zalgo, { ago: 100, readAt: stub.iso(1) });
		w.say(90, 'inbound', 'под ним', { ago: 99, readAt: stub.iso(1) });
		w.say(90, 'inbound', family.repeat(200), { ago: 98, readAt: stub.iso(1) });
		w.say(90, 'inbound', null, { ago: 97, kind: 'file', readAt: stub.iso(1), attachments: [{ type: 'file', mimeType: 'application/octet-stream', name: 'photo\u202egpj.exe' }] });
		w.say(90, 'inbound', 'x'.repeat(4000), { ago: 96, readAt: stub.iso(1) });
		w.say(90, 'inbound', 'стр\n'.repeat(1000), { ago: 95, readAt: stub.iso(1) });
		w.say(90, 'inbound', `https://x.example/${'a'.repeat(900)}?q=(1)`, { ago: 94, readAt: stub.iso(1) });
		w.say(90, 'inbound', 'javascript:alert(1) data:text/html,x vbscript:x JAVASCRIPT://x', { ago: 93, readAt: stub.iso(1) });
		w.say(90, 'inbound', 'цена 300 ₪ שלום world مرحبا 12:30', { ago: 92, readAt: stub.iso(1) });
		w.me.labels.push('__proto__', 'a,b "c"', '🔥');
	});
	const b = await openBrowser('ru-RU', PHONE, { hasTouch: true, isMobile: true }), { page } = b;
	await openAt(page, s, '#instagram/90', 'под ним');
	await is('signs upon signs stay with their message', () => page.evaluate(() => {
		const t = document.querySelector('#messages .text'), o = getComputedStyle(t);
		return /clip|hidden/.test(o.overflowY);
	}), true);
	await is('a long text is cut between signs, not inside of one', () => page.evaluate((f) => [...document.querySelectorAll('#messages .text')].filter((e) => e.textContent.includes(f)).map((e) => e.firstChild.textContent.replaceAll(f, '').trim()).join(), family), '…');
	await is('a file\'s name says what it ends with', () => page.evaluate(() => document.querySelector('#messages .download span').textContent), 'photogpj.exe');
	await is('nothing is wider than the phone', () => page.evaluate(() => `${document.documentElement.scrollWidth <= innerWidth} ${[...document.querySelectorAll('#messages .bubble')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).length} ${document.getElementById('scroll').scrollWidth <= document.getElementById('scroll').clientWidth}`), 'true 0 true');
	await is('no address but of the web becomes a link', () => page.evaluate(() => [...document.querySelectorAll('#messages a:not(.download)')].map((a) => new URL(a.href).protocol).join()), 'https:');
	await page.goto(`${s.url}/inbox/`);
	await page.locator('#conversations button').first().waitFor();
	await page.tap('[data-filter=all]');
	await page.selectOption('#choices select >> nth=1', '__proto__');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 1);
	await is('a label of any name is one to choose by', () => conversation(page, 'алго').count(), 1);
	// a voice that an iPhone does not know, an iPhone's photo on another computer
	s.w.say(90, 'inbound', null, { ago: 2, kind: 'audio', attachments: [{ type: 'audio', mimeType: 'audio/ogg', name: 'voice.ogg' }] });
	s.w.say(90, 'inbound', null, { ago: 1, kind: 'image', attachments: [{ type: 'image', mimeType: 'image/heic', name: 'IMG_1.heic' }] });
	await page.route('**/inbox/media*', (r) => r.fulfill({ contentType: 'application/octet-stream', body: 'unknown' }));
	await openAt(page, s, '#instagram/90', 'IMG_1.heic');
	await page.locator('audio').evaluate((e) => e.play().catch(() => {}));
	await message(page, 'voice.ogg').waitFor();
	await is('what the browser cannot show can be kept', () => page.evaluate(() => [...document.querySelectorAll('#messages li')].slice(-2).map((e) => `${e.querySelector('.gone').textContent.trim()} ${e.querySelector('a.download').download}`).join(' ')), 'voice.ogg здесь не открывается. voice.ogg IMG_1.heic здесь не открывается. IMG_1.heic');
	await page.unroute('**/inbox/media*');
	// without a mail in it, however long: looked through once
	await is('a text of two million letters is looked through', () => page.evaluate(async () => (await import('./render.js')).linked(`${'a'.repeat(2e6)} me@example.com`).lastElementChild.href), 'mailto:me@example.com');
	await b.context.close();
	// on paper
	const p = await openBrowser('en-US', DESK);
	await openAt(p.page, s, '#instagram/1', 'Спасибо большое');
	await p.page.evaluate(() => { document.querySelector('#messages li').style.minHeight = '3000px'; });
	await p.page.emulateMedia({ media: 'print' });
	await is('on paper: the conversation, all of it, and nothing to press', () => p.page.evaluate(() => `${document.documentElement.scrollHeight > 3000} ${['side', 'composer', 'back'].filter((x) => document.getElementById(x).checkVisibility()).join()} ${document.getElementById('who').checkVisibility()}`), 'true  true');
	await p.context.close();
	s.close();
}

/*
 * What stands beside the words, in the providers' shapes and in thousands of others that come of
 * them when any part is something else: each message is shown, with its words and its time.
 */
async function shapes() {
	const s = await start();
	const b = await openBrowser('en-US', DESK), { page } = b;
	await page.goto(`${s.url}/inbox/`);
	const r = await page.evaluate(async () => {
		const { patchMessage, eventNode, summary, kindName } = await import('./render.js');
		const person = { name: { formatted_name: 'Ivan' }, phones: [{ phone: '+70000000001', wa_id: '70000000001' }], emails: [{ email: 'a@example.com' }], org: { company: 'Shop' } };
		const details = {
			location: { latitude: 55.75, longitude: 37.62, name: 'Shop', address: 'Street 1', location: { latitude: 1, longitude: 2 }, attachments: [{ payload: { coordinates: { lat: 1, long: 2 }, title: 'x', url: 'https://x.example/' } }] },
			contacts: { contacts: [person, person] }, contact: { contact: person, vcard: 'BEGIN:VCARD\nFN:Ivan\nTEL:+70000000001\nEND:VCARD', displayName: 'Ivan' },
			poll: { poll: { options: [{ optionName: 'a' }, { name: 'b' }, 'c'], multipleAnswers: true } },
			template: { data: { header: 'h', contentText: 'c', footer: 'f', buttons: [{ buttonText: { displayText: 'Buy' } }, { urlButton: { url: 'https://x.example/' }, title: 'Open' }], hydratedButtons: [{ text: 'x' }] } },
			interactive: { attachments: [{ payload: { buttons: [{ reply: { title: 'Yes' } }], elements: [{ title: 't', subtitle: 's' }] } }] },
			order: { order: { text: 'two', product_items: [{ product_retailer_id: 'p', quantity: 2, item_price: 3, currency: 'RUB' }] } },
			form: { interactive: { type: 'nfm_reply', nfm_reply: { name: 'flow', body: 'Sent', response_json: '{"flow_token":"secret","size":"M","colours":["red","blue"]}' } } },
			group_invite: { data: { groupName: 'g', caption: 'c', inviteCode: 'AbC' } }, product: { product: { title: 'Scarf', url: 'https://x.example/' } },
			share: { attachments: [{ payload: { url: 'https://x.example/', title: 'post' } }] }, story_reply: { story: { url: 'https://x.example/' } }, story_mention: { attachments: [{ payload: { url: 'https://x.example/' } }] },
			text: { referral: { ref: 'r', source: 'ADS', ad_id: '1', headline: 'Sale', body: 'b', source_url: 'https://x.example/', product: { id: '1' }, ads_context_data: { ad_title: 'Ad', photo_url: 'https://x.example/p' } }, product: { id: '7' } },
			postback: {}, like_heart: null, ephemeral: null, unsupported: null, button: {}, hovercraft: { a: 1 },
		};
		const events = { call: { typeWebhook: 'incomingCall', status: 'missed' }, block: { isBlocked: true, status: 'blocked' }, referral: { referral: { ref: 'r', ads_context_data: { ad_title: 'Ad' } } },
			poll_vote: { senderData: { sender: '7' }, messageData: { pollMessageData: { votes: [{ optionName: 'a', optionVoters: ['7'] }] } } }, response_feedback: { response_feedback: { feedback: 'Good response' } },
			policy_enforcement: { policy_enforcement: { reason: 'r' } }, optin: { optin: { type: 'x' } } };
		let seed = 20261129;
		const random = (n) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n; };
		const others = [null, 'x', '', 0, -1, true, [], {}, [null], ['x'], [[]], { toString: null }, 1e300, '\u202e', [{}, null]];
		const bend = (v) => (random(6) === 0 ? others[random(others.length)] : Array.isArray(v) ? v.map(bend) :
			v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, bend(x)])) : v);
		const act = Object.assign(() => {}, { may: () => true, tools: () => '', makeTools: () => [] });
		const out = { failed: [], n: 0, unknown: 0, silent: 0, form: '', nameless: [] };
		const warn = console.warn;
		console.warn = () => out.unknown++;
		for (let i = 0; i < 6000; i++) {
			const kinds = Object.keys(details), kind = kinds[i % kinds.length], detail = i < kinds.length ? details[kind] : bend(details[kind]);
			const m = { id: i, conversation: 1, kind, content: i % 3 ? `words ${i}` : null, detail, direction: i % 2 ? 'inbound' : 'outbound', senderId: '1', status: 'read', createdAt: new Date(2e12 + i).toISOString(),
				deletedAt: null, editedAt: null, attachments: [], reactions: [], sender: null, quote: null, replyTo: null, outbox: null, error: null };
			try {
				const li = document.createElement('li');
				patchMessage(li, m, null, act, false);
				summary(m);
				out.n++;
				if (i < kinds.length && kind !== 'unsupported' && kind !== 'hovercraft' && kindName(kind) === kindName('unsupported'))
					out.nameless.push(kind);
				if (i < kinds.length && kind === 'form')
					out.form = [...li.querySelectorAll('.card > div:not(.card-title)')].map((x) => x.textContent).join(' | ');
				out.silent += !li.querySelector('time') || (m.content !== null && !li.textContent.includes(m.content));
			} catch (err) {
				out.failed.push(`${kind}: ${err.message}: ${JSON.stringify(detail)}`);
			}
			const what = Object.keys(events)[i % Object.keys(events).length], raw = i < 7 ? events[what] : bend(events[what]);
			try {
				eventNode({ kind: what, raw, name: 'Ivan', at: new Date(2e12).toISOString() });
			} catch (err) {
				out.failed.push(`${what}: ${err.message}: ${JSON.stringify(raw)}`);
			}
		}
		console.warn = warn;
		return out;
	});
	is('each kind that a provider gives has a name', r.nameless.join(' '), '');
	is('the answers of a form are shown', r.form, 'size: M | colours: red, blue');
	is('shapes that nobody knows: none breaks the page', r.failed.slice(0, 3).join('\n'), '');
	is('shapes that nobody knows: words and time are shown of each', `${r.n} ${r.silent}`, '6000 0');
	is('shapes that nobody knows: some were', r.unknown > 0, true);
	await b.context.close();
	s.close();
}

// the owner's page, left open, far away, and with what goes wrong on it; people's links
async function owner() {
	const s = await start((w) => {
		Object.assign(w.owner, { lastMessageAt: null, lastCheckAt: null });
		Object.assign(w.owner.accounts[0], { lastPollAt: null, outcome: null });
	});
	const b = await openBrowser('ru-RU', DESK), { page } = b, { w } = s;
	await page.clock.install({ time: Date.now() });
	const go = async (p) => { await p.goto(`${s.url}/inbox/#owner`); await p.locator('#owner .verdict').waitFor(); };
	await go(page);
	await like('before the first message: a sentence', () => page.innerText('#owner .verdict'), /Сообщений ещё не было, проверки ещё не было\./);
	await unlike('an account that was never asked: a sentence', () => page.innerText('#o-accounts'), /null|было назад/);
	// what is shown once, and what is being written, stay while the page goes on
	await page.locator('#o-people button', { hasText: 'Новая ссылка' }).first().click();
	await page.locator('#fresh-link').waitFor();
	await page.fill('#new-person', 'Света');
	await page.fill('#why', '@masha');
	await page.locator('#new-person').focus();
	Object.assign(w.owner, { lastMessageAt: stub.iso(0), verdict: { status: 'fail', code: 'x', what: 'Диск полон', seen: '0 МБ', remedy: '' } });
	await page.clock.fastForward(61000);
	await page.locator('#owner .verdict', { hasText: 'Диск полон' }).waitFor();
	await is('left open, it tells what is now', () => page.locator('#owner .verdict.fail').count(), 1);
	await is('and keeps the link, what is written, and the focus', () => page.evaluate(() => [document.getElementById('fresh-link').value.length > 0, document.getElementById('new-person').value, document.getElementById('why').value, document.activeElement.id].join()), 'true,Света,@masha,new-person');
	await page.route('**/inbox/outbox', async (r) => { await new Promise((f) => setTimeout(f, 0)); await r.continue(); });
	await page.locator('#o-failed button').first().dblclick();
	await page.waitForFunction(() => !document.querySelector('#o-failed button:disabled'));
	await is('Retry pressed twice is one', async () => `${w.calls.filter((c) => c === 'POST /inbox/outbox').length} ${await page.inputValue('#new-person')}`, '1 Света');
	// what the server refuses
	const refuse = (code, status) => page.route('**/inbox/users', (r) => r.fulfill({ status, contentType: 'application/json', body: `{"error":{"code":"${code}","message":"english words"}}` }), { times: 1 });
	await refuse('user_exists', 409);
	await page.click('#o-people form button');
	await page.locator('#trouble').waitFor();
	await is('a name that is taken: said, and not wiped', async () => `${await page.innerText('#trouble-text')} ${await page.inputValue('#new-person')}`, 'Такое имя уже есть. Создайте для него новую ссылку. Света');
	await page.click('#trouble-close');
	await refuse('last_owner', 409);
	await page.selectOption('#o-people .people select >> nth=0', 'read');
	await page.locator('#trouble').waitFor();
	await is('the last owner stays one', async () => `${await page.innerText('#trouble-text')} ${await page.inputValue('#o-people .people select >> nth=0')}`, 'Хотя бы один владелец должен остаться. owner');
	await page.click('#trouble-close');
	await page.selectOption('#o-people .people select >> nth=1', 'owner');
	while (w.owner.users[1].role !== 'owner')
		await settled(page);
	await is('another may more from now on', () => w.owner.users.map((u) => u.role).join(), 'owner,owner');
	await page.route('**/inbox/why*', (r) => r.fulfill({ status: 422, contentType: 'application/json', body: '{"error":{"code":"bad_query","message":"english"}}' }), { times: 1 });
	await page.click('#o-why button');
	await page.locator('#o-why p').waitFor();
	await like('what cannot be looked up: what can be', () => page.innerText('#o-why p'), /@имя или время/);
	const asked = [];
	page.on('request', (r) => r.url().includes('/why?') && asked.push(new URL(r.url()).searchParams.get('q')));
	for (const q of ['01.02.2026 10:15', '2026-02-01 10:15:30', 'вчера в 7:05', '10:15', 'mid-10:15']) {
		await page.fill('#why', q);
		await page.click('#o-why button');
	}
	await is('a time as people write it is asked for in the browser\'s zone', async () => asked.join(), await page.evaluate(() => {
		const at = (days, ...hms) => { const d = new Date(); d.setDate(d.getDate() + days); d.setHours(...hms); return d; }, clock = at(0, 10, 15, 0, 0);
		return [new Date(2026, 1, 1, 10, 15), new Date(2026, 1, 1, 10, 15, 30), at(-1, 7, 5, 0, 0), clock > new Date() ? at(-1, 10, 15, 0, 0) : clock].map((d) => d.toISOString()).concat('mid-10:15').join();
	}));
	// the session ends: nothing of it stays
	w.signedIn = false;
	await page.clock.fastForward(61000);
	await page.waitForSelector('#login:not([hidden])');
	await is('signed out: nothing of it stays on the page', () => page.evaluate(() => document.getElementById('owner').textContent), '');
	// a link as it stands in a message, and one that was kept
	await page.fill('#token', `Вот ссылка: «${s.url}/inbox/#login=good». До завтра!`);
	await page.click('#login button');
	await page.locator('#inbox').waitFor();
	await page.goto('about:blank');
	await page.goto(`${s.url}/inbox/#login=used`);
	await page.locator('#conversations button').first().waitFor();
	await is('a link that was kept and is opened again leads in', async () => `${await page.isHidden('#login')} ${page.url().includes('login')}`, 'true false');
	await b.context.close();
	// far away from Greenwich, and where clocks are put back
	w.owner.days.from = '2026-03-01';
	w.owner.hours.from = '2026-10-24T20:00:00.000Z';
	for (const [zone, hour, day] of [['America/New_York', /^October 25 at 0?2:00.AM/, /^Mar 1:/], ['Europe/Berlin', /^October 25 at 0?7:00.AM/, /^Mar 1:/], ['Asia/Kolkata', /^October 25 at 11:30.AM/, /^Mar 1:/], ['Pacific/Auckland', /^October 25 at 0?7:00.PM/, /^Mar 1:/]]) {
		const z = await openBrowser('en-US', DESK, { timezoneId: zone });
		await go(z.page);
		await like(`${zone}: ten hours after 20:00 UTC`, () => z.page.locator('.chart title').nth(10).textContent(), hour);
		await z.page.locator('#o-messages button', { hasText: '60 days' }).click();
		await like(`${zone}: the first of the days`, () => z.page.locator('.chart title').first().textContent(), day);
		await z.context.close();
	}
	s.close();
}

// where one is, for who does not see it, or sees it large
async function places() {
	const s = await start(), b = await openBrowser('ru-RU', PHONE, { hasTouch: true, isMobile: true }), { page } = b;
	await page.goto(`${s.url}/inbox/`);
	await page.locator('#conversations button').nth(16).waitFor();
	await page.evaluate(() => { document.getElementById('conversations').scrollTop = 900; });
	const name = await page.locator('#conversations button').nth(16).locator('strong').innerText(), focus = () => page.evaluate(() => document.activeElement.id || document.activeElement.querySelector('strong')?.innerText || document.activeElement.tagName);
	await page.locator('#conversations button').nth(16).tap();
	await page.locator('#messages li').first().waitFor();
	await page.waitForFunction(() => document.activeElement !== document.body);
	await is('a phone: who opens a conversation is at its name', () => focus(), 'who');
	await page.goBack();
	await page.waitForFunction(() => document.activeElement.closest('#conversations'));
	await is('and back at it in the list, where it was', async () => `${await focus()} ${await page.evaluate(() => document.getElementById('conversations').scrollTop)}`, `${name} 900`);
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	await page.evaluate(() => { location.hash = '#instagram/99999'; });
	await page.locator('#trouble').waitFor();
	await is('an address of no conversation shows none', async () => `${await page.isVisible('#composer')} ${await page.isVisible('#side')}`, 'false true');
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	await page.fill('#text', 'строка\n'.repeat(8));
	await page.setViewportSize({ width: 740, height: 190 });
	await settled(page);
	await is('a phone that lies, with its keyboard: what is written can be sent', () => page.evaluate(() => document.getElementById('submit').getBoundingClientRect().bottom <= innerHeight && document.getElementById('text').clientHeight > 40), true);
	await b.context.close();
	// read is what was seen: not what comes below what is looked at
	const r = await openBrowser('ru-RU', DESK);
	await openAt(r.page, s, '#instagram/1', 'Спасибо большое');
	await r.page.evaluate(() => { document.querySelector('#messages li').style.minHeight = '3000px'; });
	await settled(r.page);
	await r.page.evaluate(() => { document.getElementById('scroll').scrollTop = 0; });
	await r.page.locator('#latest').waitFor();
	s.w.say(1, 'inbound', 'внизу', { ago: 0 });
	await r.page.waitForFunction(() => document.getElementById('latest-count').textContent === '1');
	for (let i = 0; i < 20; i++)
		await settled(r.page);
	const below = s.w.messages[1].at(-1);
	await is('what came below what is looked at is not read', () => below.readAt, null);
	await r.page.click('#latest');
	while (below.readAt === null)
		await settled(r.page);
	await is('and is, when it is gone to', () => r.page.isHidden('#latest'), true);
	await r.context.close();
	// an upgrade while the page is open: its parts do not fit together any more
	const u = await openBrowser('ru-RU', DESK);
	await openAt(u.page, s, '#instagram/1', 'Спасибо большое');
	await u.page.fill('#text', 'до обновления');
	await u.page.route('**/owner.js', (r) => r.fulfill({ contentType: 'text/javascript', body: 'import { ofTheNextRelease } from "./base.js";' }), { times: 1 });
	await u.page.evaluate(() => { location.hash = '#owner'; });
	await u.page.locator('#owner .verdict').waitFor();
	await openAt(u.page, s, '#instagram/1', 'Спасибо большое');
	await is('an upgrade while the page is open: it is loaded anew, with the draft', () => u.page.inputValue('#text'), 'до обновления');
	await u.context.close();
	// colours of the system's own
	const f = await openBrowser('ru-RU', DESK, { forcedColors: 'active' });
	await openAt(f.page, s, '#instagram/1', 'Спасибо большое');
	await is('high contrast: what is chosen is seen', () => f.page.evaluate(() => ['[aria-pressed=true]', '[aria-current=true]', '.bubble'].map((x) => { const c = getComputedStyle(document.querySelector(x)); return c.outlineStyle === 'solid' || c.borderTopStyle === 'solid'; }).join()), 'true,true,true');
	await f.context.close();
	s.close();
}

// what is no more: a customer who was erased, two who are one, an account, a right
async function erased() {
	const s = await start(), b = await openBrowser('ru-RU', DESK), { page } = b, { w } = s;
	const kept = (p) => p.evaluate(() => Object.keys(localStorage).filter((k) => /dmbox:(draft|note|out):/.test(k)).map((k) => k + localStorage[k]).join());
	const other = await b.context.newPage();
	await openAt(page, s, '#instagram/2', 'Девочки');
	await page.fill('#text', 'для клуба');
	await page.evaluate(() => { location.hash = '#instagram/1'; });
	await message(page, 'Спасибо большое').first().waitFor();
	await page.route('**/instagram/send', (r) => r.abort('internetdisconnected'), { times: 1 });
	await page.fill('#text', 'тайна: не ушло');
	await page.click('#submit');
	await message(page, 'не ушло').locator('.error').waitFor();
	await page.fill('#text', 'тайна: черновик');
	await page.click('#more-tools summary');
	await page.fill('#note', 'тайна: заметка');
	await openAt(other, s, '#instagram/1', 'Спасибо большое');
	w.erase(1);
	for (const p of [page, other]) {
		await p.locator('#trouble').waitFor();
		await is('erased while it is open: closed, gone from the list, and said', async () => `${await p.innerText('#trouble-text')} ${await p.isVisible('#scroll')} ${await conversation(p, 'Мария').count()} ${new URL(p.url()).hash}`, 'Эту переписку удалили. false 0 ');
	}
	await is('and nothing of it is kept; what is another\'s is', async () => `${/тайна/.test(await kept(page))} ${/для клуба/.test(await kept(page))}`, 'false true');
	await other.close();
	// while no page was looking
	await page.goto('about:blank');
	w.erase(2);
	await page.goto(`${s.url}/inbox/`);
	await page.waitForFunction(() => !Object.keys(localStorage).some((k) => k.startsWith('dmbox:draft:')));
	await is('erased while nobody looked: the draft goes with the next look', () => kept(page), '');
	await b.context.close();
	s.close();
}
async function changed() {
	const s = await start((w) => {
		w.add(90, 'whatsapp', 'Лидия');
		w.say(90, 'inbound', 'с цифрами', { ago: 50 });
		w.add(91, 'whatsapp', 'Лидия М.');
		w.say(91, 'inbound', 'с собакой', { ago: 40 });
		w.say(91, 'inbound', 'ответ на удалённое', { ago: 30, replyTo: 'mid-x', quote: { id: 5, kind: 'text', content: 'стёрто', direction: 'inbound', name: 'Лидия М.', deletedAt: null } });
	});
	const b = await openBrowser('ru-RU', DESK), { page } = b, { w } = s;
	await openAt(page, s, '#whatsapp/91', 'с собакой');
	await message(page, 'ответ на удалённое').locator('button.quote').click();
	await page.waitForFunction(() => document.querySelectorAll('#messages .message').length === 2);
	await is('a quoted message that is no more: the conversation stays', async () => `${await page.innerText('#who')} ${await page.isHidden('#trouble')}`, 'Лидия М. true');
	await page.fill('#text', 'пишу вам');
	w.erase(91, 90);
	await page.locator('#trouble').waitFor();
	await message(page, 'с цифрами').waitFor();
	await is('two become one: she is at the one, with her draft', async () => `${new URL(page.url()).hash} ${await page.innerText('#trouble-text')} ${await page.inputValue('#text')} ${await message(page, 'с собакой').count()}`,
		'#whatsapp/90 Две переписки с этим человеком объединены, вот общая. пишу вам 1');
	// the account is taken out, and a right away, while she writes
	w.fail = { status: 422, code: 'unknown_account', message: 'account: there is no whatsapp account main' };
	w.me.accounts = w.me.accounts.filter((a) => a.channel !== 'whatsapp');
	await page.click('#submit');
	await page.locator('#window.closed').waitFor();
	await is('an account that is no longer connected: said, in one sentence', async () => `${await page.innerText('#window-text')} ${await page.isDisabled('#submit')}`, 'Этот аккаунт больше не подключён: читать можно, отвечать нельзя. true');
	await like('and on the bubble', () => message(page, 'пишу вам').locator('.error strong').innerText(), /Этот аккаунт больше не подключён/);
	await unlike('and no word of our own server\'s as the provider\'s', () => message(page, 'пишу вам').locator('.error').innerText(), /мессенджера|whatsapp account/);
	w.fail = { status: 403, code: 'read_only', message: 'x' };
	w.me.role = 'read';
	await page.evaluate(() => { location.hash = '#instagram/1'; });
	await message(page, 'Спасибо большое').first().waitFor();
	await page.fill('#text', 'уже нельзя');
	await page.click('#submit');
	await page.locator('#read-only').waitFor();
	await is('the right to answer is taken away: the page knows with the refusal', async () => `${await page.isVisible('#composer')} ${await page.locator('#messages .tools').count()}`, 'false 0');
	await b.context.close();
	s.close();
}

// what happens where one does not look: in another conversation, behind another window, in another shop
async function elsewhere() {
	const s = await start((x) => {
		x.add(95, 'instagram', 'Ольга');
		x.say(95, 'inbound', 'есть размер?', { ago: 3 });
	}), b = await openBrowser('en-US', DESK), { page } = b, { w } = s;
	await page.addInitScript(() => {
		const made = window.made = { audio: 0, beeps: 0, notes: [] };
		localStorage.setItem('dmbox:notify', 'true');
		window.Notification = class { constructor(title) { made.notes.push([title, this]); } close() {} };
		window.Notification.permission = 'granted';
		const node = () => ({ connect: (x) => x, frequency: {}, gain: {}, start: () => { made.beeps++; }, stop: () => {} });
		// as a browser has it: silent until somebody has touched the page, and six of them at most
		window.AudioContext = class {
			constructor() { if (++made.audio > 6) throw new Error('no more of them'); this.state = 'suspended'; this.createOscillator = this.createGain = node; }
			async resume() { this.state = window.touched ? 'running' : 'suspended'; }
			close() {}
		};
		document.hasFocus = () => false;
		document.addEventListener('click', () => { window.touched = true; }, true);
	});
	await openAt(page, s, '#instagram/95', 'есть размер?');
	let fail;
	await page.route('**/instagram/send', async (r) => { await new Promise((f) => { fail = f; }); await r.abort('internetdisconnected'); }, { times: 1 });
	await page.fill('#text', 'и пошла дальше');
	await page.click('#submit');
	while (!fail)
		await settled(page);
	await page.evaluate(() => { location.hash = '#instagram/2'; });
	await message(page, 'Девочки').waitFor();
	const before = await conversation(page, 'Ольга').locator('.bad').count();
	fail();
	await conversation(page, 'Ольга').locator('.bad').waitFor();
	is('what did not go out in another conversation is seen in the list', before, 0);
	await page.evaluate(() => { location.hash = '#instagram/95'; });
	await message(page, 'и пошла дальше').locator('.error button', { hasText: 'Cancel' }).click();
	await page.waitForFunction(() => !document.querySelector('#conversations [aria-current=true] .bad'));
	await is('and no more when it was taken back', () => conversation(page, 'Ольга').locator('.bad').count(), 0);

	// a notification of who does not stand in the list any more
	w.say(2, 'inbound', 'кто-нибудь ответит?', { ago: 0 });
	await page.waitForFunction(() => window.made.notes.length > 0);
	w.say(2, 'outbound', 'уже ответили', { ago: 0, by: 'boris' });
	await page.waitForFunction(() => ![...document.querySelectorAll('#conversations strong')].some((e) => e.textContent.startsWith('Клуб')));
	await page.evaluate(() => window.made.notes[0][1].onclick());
	await message(page, 'уже ответили').waitFor();
	is('a notification opens its conversation wherever that stands', new URL(page.url()).hash, '#whatsapp/2');

	// sound: one that waits for the first touch must not use up all there are
	await page.click('#menu summary');
	await page.locator('#menu-items button', { hasText: 'Sound' }).click();
	await page.waitForFunction(() => window.made.beeps === 1);
	await is('sound that is switched on is heard', () => page.evaluate(() => window.made.audio), 1);
	await page.reload();
	await message(page, 'уже ответили').waitFor();
	for (let i = 0; i < 7; i++) {
		w.say(2, 'inbound', `тихо ${i}`, { ago: 0 });
		await message(page, `тихо ${i}`).waitFor();
	}
	await page.click('#who');
	w.say(2, 'inbound', 'слышно', { ago: 0 });
	await page.waitForFunction(() => window.made.beeps > 0);
	await is('after a reload it is heard again from the first touch on', () => page.evaluate(() => window.made.audio), 1);

	// choosing a reaction, left without one
	await page.evaluate(() => { location.hash = '#instagram/95'; });
	await message(page, 'есть размер?').hover();
	await message(page, 'есть размер?').locator('.tool', { hasText: '☺' }).click();
	await page.locator('.react-menu').waitFor();
	await page.click('#text');
	await page.waitForFunction(() => !document.querySelector('.react-menu'));
	await is('the choice of reactions goes when one goes elsewhere', () => page.evaluate(() => document.activeElement.id), 'text');
	page.once('dialog', (d) => d.accept(`${'я'.repeat(59)}👩‍🚀`));
	await page.fill('#text', 'готовый ответ');
	await page.click('#more-tools summary');
	await page.locator('#more-tools button', { hasText: 'Save text' }).click();
	while (w.me.replies.length < 3)
		await settled(page);
	await is('a name is cut between signs', () => w.me.replies[2].name, 'я'.repeat(59));
	await b.context.close();

	// a page that the browser makes in advance uses no link
	const c = await openBrowser('en-US', DESK);
	await c.page.addInitScript(() => Object.defineProperty(document, 'prerendering', { configurable: true, value: true }));
	w.calls.length = 0;
	await c.page.goto(`${s.url}/inbox/#login=good`);
	await settled(c.page);
	await is('a page made in advance uses no link', () => w.calls.filter((x) => /login/.test(x)).length, 0);
	await c.page.evaluate(() => document.dispatchEvent(new Event('prerenderingchange')));
	await c.page.locator('#conversations button').first().waitFor();
	await is('and does when it is looked at', () => w.calls.filter((x) => /login/.test(x)).length, 1);
	await c.context.close();

	// two shops below one host name
	const d = await openBrowser('en-US', DESK);
	await d.page.route('**/shop/**', (r) => r.continue({ url: r.request().url().replace('/shop/', '/') }));
	await openAt(d.page, s, '#instagram/1', 'Спасибо большое');
	await d.page.fill('#text', 'для первого магазина');
	await d.page.goto(`${s.url}/shop/inbox/#instagram/1`);
	await message(d.page, 'Спасибо большое').first().waitFor();
	await is('another installation below the same host name has drafts of its own', () => d.page.inputValue('#text'), '');
	await d.context.close();
	s.close();
}

doneTests({ erased, changed, elsewhere, tabs, storage, clocks, composing, again, oddities, shapes, owner, places });
