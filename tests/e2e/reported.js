'use strict';
/*
 * More of what people report of shared inboxes and web messengers: links, things that are dropped
 * and pasted, writing systems, translators, slow lines.  As page.js on a server that only speaks
 * the interface (stub.js).
 */
const fs = require('fs');
const path = require('path');
const { is, like, openBrowser, conversation, message, doneTests } = require('./browser');
const stub = require('./stub');
const { start, settled, openAt, asked, looks } = require('./views');

const DESK = { width: 1200, height: 800 }, PHONE = { width: 390, height: 780 };

// one-time links: pressed twice, over an open inbox, the wrong one; and signing out
async function links() {
	const s = await start(), { w } = s, link = `${s.url}/inbox/#login=good`;
	w.signedIn = false;
	const { page, context } = await openBrowser('en-US', DESK);
	await page.goto(`${s.url}/inbox/`);
	await page.fill('#token', link);
	await page.evaluate(() => { const b = document.querySelector('#login button'); b.click(); b.click(); });
	await page.locator('#conversations button').first().waitFor();
	await is('a link that is pasted, and pressed twice, is used once', () => asked(w, /login/), 1);
	// another link opened over the open inbox
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	await page.evaluate(() => { location.hash = '#login=good'; });
	await page.waitForFunction(() => !location.hash.includes('login='));
	await page.locator('#conversations button').first().waitFor();
	await is('a link over an open inbox is used', () => asked(w, /login/), 2);
	// the wrong one: then another can be pasted
	w.signedIn = false;
	await page.goto('about:blank');
	await page.goto(`${s.url}/inbox/#login=used`);
	await page.locator('#login-error').waitFor();
	await is('a link that was used: it has left the address, another can be pasted', async () => `${page.url().includes('login=')} ${await page.isVisible('#token')}`, 'false true');
	await page.fill('#token', link);
	await page.click('#login button');
	await page.locator('#conversations button').first().waitFor();
	await is('and opens the inbox', () => page.isHidden('#login'), true);
	// what was unread is nobody's business once she is out
	const sign = () => page.evaluate(() => `${document.title} ${document.querySelector('link[rel=icon]').href}`);
	const news = await sign();
	await page.click('#menu summary');
	await page.click('#logout');
	await page.locator('#login').waitFor();
	const out = await sign();
	await page.goto('about:blank');
	await page.goto(link);
	await page.locator('#conversations button').first().waitFor();
	is('signed out, the badge goes, and comes back with her', `${/^\(\d+\) dmbox blob:/.test(news)} ${out.startsWith('dmbox blob:')} ${out.split(' ').pop() !== news.split(' ').pop()} ${/^\(\d+\) dmbox/.test(await sign())}`, 'true true true true');
	await context.close();
	s.close();
}

// folders, files that are gone, things dropped beside the field, pictures pulled a little
async function dropped() {
	const s = await start(), b = await openBrowser('en-US', DESK), { page } = b, { w } = s;
	const dir = path.join(process.env.PROFILE, 'dropped');
	fs.mkdirSync(path.join(dir, 'Фото с моря'), { recursive: true });
	fs.writeFileSync(path.join(dir, 'Фото с моря', 'а.png'), stub.PNG);
	fs.writeFileSync(path.join(dir, 'б.png'), stub.PNG);
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	const cdp = await page.context().newCDPSession(page);
	const drop = async (css, files, items = []) => {
		const { x, y, width, height } = await page.locator(css).boundingBox();
		for (const type of ['dragEnter', 'dragOver', 'drop'])
			await cdp.send('Input.dispatchDragEvent', { type, x: x + width / 2, y: y + height / 2, data: { items, files, dragOperationsMask: 1 } });
	};
	await drop('#scroll', [path.join(dir, 'Фото с моря'), path.join(dir, 'б.png')]);
	await page.waitForFunction(() => document.querySelectorAll('#files li').length === 2 && !document.body.textContent.includes('Uploading'));
	await like('a folder that is dropped: that it cannot be sent', () => page.locator('#files li').first().innerText(), /^Фото с моря: Folders cannot be sent/);
	await is('and the file beside it is taken', () => page.locator('#files li').last().innerText().then((x) => x.split('\n')[0]), 'б.png');
	for (let n = await page.locator('#files li').count(); n > 0; n--)
		await page.locator('#files li button').first().click();
	// a file that is moved between the choice and the upload
	await page.evaluate(() => document.getElementById('file').addEventListener('change', (ev) => { if (ev.isTrusted || !window.chosen) { window.chosen = true; ev.stopImmediatePropagation(); } }, { capture: true, once: true }));
	await page.setInputFiles('#file', path.join(dir, 'б.png'));
	await page.waitForFunction(() => window.chosen);
	fs.unlinkSync(path.join(dir, 'б.png'));
	await page.evaluate(() => document.getElementById('file').dispatchEvent(new Event('change', { bubbles: true })));
	await page.locator('#files li.error').waitFor();
	await like('a file that is no longer there: no word of a line that broke', () => page.innerText('#files'), /moved or changed/);
	await page.locator('#files li button').click();
	// a link, or words, dropped where nothing takes them, must not open in the page's place
	const takes = (css, type) => page.evaluate(([to, kind]) => {
		const data = new DataTransfer();
		data.setData(kind, kind === 'text/uri-list' ? 'https://x.example/' : 'слова');
		const e = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
		document.querySelector(to).dispatchEvent(e);
		return e.defaultPrevented;
	}, [css, type]);
	is('a link that is dropped beside the field opens nowhere', `${await takes('#side', 'text/uri-list')} ${await takes('#messages', 'text/uri-list')} ${await takes('#head', 'text/plain')}`, 'true true true');
	is('words that are dropped on the field are taken', `${await takes('#text', 'text/plain')} ${await takes('#search', 'text/plain')}`, 'false false');
	// a picture of the conversation
	const uploads = asked(w, /upload/);
	await page.evaluate(() => {
		const data = new DataTransfer(), to = document.querySelectorAll('#messages .text')[0];
		const tell = (type, where) => where.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
		tell('dragstart', document.querySelector('#messages .picture img'));
		data.items.add(new File(['x'], 'picture.png', { type: 'image/png' }));	// as a browser adds it
		for (const type of ['dragover', 'drop'])
			tell(type, to);
	});
	await settled(page);
	await is('a picture of the conversation that is pulled is not attached', async () => `${await page.locator('#files li').count()} ${asked(w, /upload/) - uploads} ${await page.isVisible('#drop')}`, '0 0 false');
	// a folder's window gives files, and their names as words
	const paste = (types) => page.evaluate((all) => {
		const data = new DataTransfer();
		for (const [type, words] of all)
			type === 'file' ? data.items.add(new File(['x'], words, { type: 'image/png' })) : data.setData(type, words);
		const e = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
		document.getElementById('text').dispatchEvent(e);
		const n = document.querySelectorAll('#files li').length;
		document.querySelectorAll('#files li button').forEach((x) => x.click());
		return `${e.defaultPrevented} ${n}`;
	}, types);
	is('a file that is pasted with its name as words is the file', await paste([['text/plain', 'Снимок экрана.png'], ['file', 'Снимок экрана.png']]), 'true 1');
	is('or with its path, or address', `${await paste([['text/plain', 'C:\\Users\\a\\б.png'], ['file', 'б.png']])} ${await paste([['text/plain', `file:///home/a/${encodeURIComponent('б.png')}\r\n`], ['file', 'б.png']])}`, 'true 1 true 1');
	is('words beside a picture of them are words', await paste([['text/plain', 'Кружка\t900\nБлюдце\t300'], ['file', 'image.png']]), 'false 0');
	await b.context.close();
	s.close();
}

// composed signs, undoing, words that run the other way
async function writing() {
	const s = await start((w) => {
		w.add(90, 'whatsapp', 'Чат', { group: true, labels: ['опт\u202e', 'срочно'], assignee: 'anna' });
		w.say(90, 'inbound', 'приветик', { ago: 1, sender: { id: '7111@c.us', name: 'Анна\u202e' }, senderId: '7111@c.us' });
		w.events[90].push({ id: 9, kind: 'call', conversation: 90, at: stub.iso(0), name: 'Оля\u202e', target: null, raw: { status: 'missed' } });
		w.add(91, 'instagram', `З${'\u0334\u0310\u030d\u0352\u0301'.repeat(60)}алго`);
		w.say(91, 'inbound', 'знаки', { ago: 1 });
	});
	const b = await openBrowser('en-US', DESK), { page } = b, { w } = s;
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	const cdp = await page.context().newCDPSession(page);
	await page.focus('#text');
	await cdp.send('Input.imeSetComposition', { text: 'にほん', selectionStart: 3, selectionEnd: 3 });
	await page.keyboard.press('Enter');
	await settled(page);
	await is('Enter that ends a composition sends nothing', () => w.sent.length, 0);
	await cdp.send('Input.insertText', { text: '日本' });
	await page.keyboard.press('Enter');
	await message(page, '日本').locator('.ticks.accepted').waitFor();
	await is('the next one does', () => w.sent.map((m) => m.message).join(), '日本');
	await page.keyboard.type('/');
	await cdp.send('Input.imeSetComposition', { text: 'дост', selectionStart: 4, selectionEnd: 4 });
	await page.locator('#canned button').first().waitFor();
	await page.keyboard.press('Enter');
	await settled(page);
	await is('nor does it take a saved reply', async () => `${w.sent.length} ${/Доставка/.test(await page.inputValue('#text'))}`, '1 false');
	await page.fill('#text', '');
	await page.keyboard.type('/дост');
	await page.keyboard.press('Enter');
	await like('a saved reply', () => page.inputValue('#text'), /^Доставка по городу/);
	await page.keyboard.press('Control+z');
	await is('is undone by the keys for it', () => page.inputValue('#text'), '/дост');
	await page.fill('#text', '');
	// which of two words of a line stands left
	const order = (css, words) => page.evaluate(([host, all]) => {
		const at = (word) => {
			for (const e of document.querySelectorAll(host))
				for (const walk = document.createTreeWalker(e, NodeFilter.SHOW_TEXT); walk.nextNode();) {
					const i = walk.currentNode.data.indexOf(word);
					if (i < 0)
						continue;
					const r = document.createRange();
					const left = (n) => { r.setStart(walk.currentNode, n); r.setEnd(walk.currentNode, n + 1); return r.getBoundingClientRect().left; };
					return [left(i), left(i + word.length - 1)];
				}
			return [NaN, NaN];
		};
		return all.map(at).flat().every((x, i, v) => i === 0 || x > v[i - 1]);
	}, [css, words]);
	await page.locator('#conversations li[data-id="90"]').waitFor();
	await is('a name that turns the direction turns nothing beside it: the list', async () => `${await order('#conversations li[data-id="90"] .last', ['приветик'])} ${await order('#conversations li[data-id="90"] .more', ['WhatsApp', 'срочно'])}`, 'true true');
	await openAt(page, s, '#whatsapp/90', 'приветик');
	await is('nor a line of the conversation', () => order('#messages .event', ['Missed']), true);
	await message(page, 'приветик').hover();
	await message(page, 'приветик').locator('.tool').first().click();
	await is('nor a quote that is being answered', () => order('#replying', ['Replying', 'приветик']), true);
	await is('signs upon signs of a name stay in its line', () => page.evaluate(() => ['#conversations li[data-id="91"] strong', '#who'].every((x) => /clip|hidden/.test(getComputedStyle(document.querySelector(x)).overflowY))), true);
	await b.context.close();
	s.close();
}

// a browser that translates the page: each piece of text is put into elements of its own
async function translated() {
	const s = await start(), b = await openBrowser('en-US', DESK), { page } = b, { w } = s;
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	const translate = () => page.evaluate(() => {
		const all = [];
		for (const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walk.nextNode();)
			if (walk.currentNode.data.trim() && !walk.currentNode.parentNode.closest('font, script, textarea'))
				all.push(walk.currentNode);
		for (const n of all) {
			const outer = document.createElement('font'), inner = document.createElement('font');
			inner.textContent = `«${n.data}»`;
			outer.append(inner);
			n.replaceWith(outer);
		}
	});
	await translate();
	const first = w.messages[1].find((m) => m.direction === 'outbound');
	first.content = 'исправлено';
	first.editedAt = stub.iso(0);
	w.touch(first);
	w.say(1, 'inbound', 'новое под переводом', { ago: 0 });
	await message(page, 'новое под переводом').waitFor();
	await message(page, 'исправлено').waitFor();
	await translate();
	await page.fill('#text', 'ответ под переводом');
	await page.click('#submit');
	await message(page, 'ответ под переводом').locator('.ticks.accepted').waitFor();
	await is('translated: what comes, changes and goes is shown once', async () => `${await message(page, 'новое под переводом').count()} ${await message(page, 'исправлено').count()} ${await message(page, 'ответ под переводом').count()}`, '1 1 1');
	w.away = true;
	await page.locator('#trouble').waitFor();
	await translate();
	w.away = false;
	await page.locator('#trouble').waitFor({ state: 'hidden', timeout: 60000 }).catch(() => {});
	await is('translated: a trouble that is over goes', () => page.isHidden('#trouble'), true);
	await translate();
	await conversation(page, 'Клуб').click();
	await message(page, 'Девочки').waitFor();
	await page.click('[data-filter=all]');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length > 5);
	is('translated: the page complains of nothing', b.complaints.filter((c) => !/ERR_|Failed to load/.test(c)).join(), '');
	await b.context.close();
	s.close();
}

// slow lines, refused notifications, a page that comes out of the browser's memory
async function waits() {
	const s = await start(), b = await openBrowser('ru-RU', PHONE, { hasTouch: true, isMobile: true }), { page } = b, { w } = s;
	let answer;
	await page.route('**/inbox/me*', async (r) => { await new Promise((f) => { answer = f; }); await r.continue(); }, { times: 1 });
	await page.goto(`${s.url}/inbox/#instagram/1`);
	while (!answer)
		await settled(page);
	await page.waitForFunction(() => document.getAnimations().every((a) => a.playState === 'finished'));
	await is('a slow line: the page is not left white', async () => (await page.innerText('body')).trim(), 'Загрузка …');
	answer();
	await message(page, 'Спасибо большое').first().waitFor();
	await is('and says so no longer than that', () => page.isVisible('#waiting'), false);
	// out of the browser's memory, when somebody else has signed in meanwhile
	await page.fill('#text', 'черновик Анны');
	w.me.name = 'boris';
	await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
	await page.waitForFunction(() => /boris/.test(document.getElementById('menu-items').textContent), null, { timeout: 20000 }).catch(() => {});
	await is('a page that comes back by the Back button is that of who is signed in', async () => `${/boris/.test(await page.textContent('#menu-items'))} ${await page.inputValue('#text')}`, 'true ');
	await b.context.close();
	w.me.name = 'anna';
	// a link for a colleague, asked for twice
	const o = await openBrowser('ru-RU', DESK);
	await o.page.goto(`${s.url}/inbox/#owner`);
	await o.page.fill('#new-person', 'Света');
	await o.page.locator('#o-people form button').dblclick();
	await o.page.locator('#fresh-link').waitFor();
	await settled(o.page);
	await is('a link for a colleague is made once, however often it is pressed', () => asked(w, /POST .*users/), 1);
	await o.context.close();
	const c = await openBrowser('ru-RU', DESK);
	await c.page.addInitScript(() => {
		window.Notification = class {};
		Object.assign(window.Notification, { permission: 'denied', requestPermission: async () => 'denied' });
	});
	await openAt(c.page, s, '#instagram/1', 'Спасибо большое');
	await c.page.click('#menu summary');
	await c.page.locator('#menu-items button', { hasText: 'Уведомления' }).click();
	await c.page.locator('#trouble').waitFor({ timeout: 20000 }).catch(() => {});
	await like('notifications that the browser refuses: where to allow them', () => c.page.innerText('#trouble-text'), /Разрешите их в настройках/);
	await is('and they are not said to be on', () => c.page.locator('#menu-items button', { hasText: 'Уведомления' }).getAttribute('aria-pressed'), 'false');
	await looks(c.page, s, 2);
	await is('nor is that said again', () => c.page.evaluate(() => document.getElementById('trouble-text').textContent.length > 0), true);
	await c.context.close();
	s.close();
}

// a draft is one, wherever the conversation was found
async function found() {
	const s = await start(), b = await openBrowser('ru-RU', PHONE, { hasTouch: true, isMobile: true }), { page } = b;
	await page.goto(`${s.url}/inbox/`);
	await page.fill('#search', 'кружки');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 1);
	await conversation(page, 'Мария').tap();
	await message(page, 'кружки').first().waitFor();
	await page.fill('#text', 'из поиска');
	await page.goBack();
	await conversation(page, 'Мария').waitFor();
	await is('Back from what was found: the search is still there', async () => `${await page.inputValue('#search')} ${await page.locator('#conversations button').count()}`, 'кружки 1');
	for (const filter of ['all', 'mine']) {
		await page.tap(`[data-filter=${filter}]`);
		await page.waitForFunction((f) => document.querySelector(`[data-filter=${f}]`).getAttribute('aria-pressed') === 'true' && [...document.querySelectorAll('#conversations strong')].some((e) => e.textContent.startsWith('Мария')) && document.getElementById('search').value === '', filter);
		await conversation(page, 'Мария').tap();
		await message(page, 'Спасибо большое').first().waitFor();
		await is(`a draft is one, wherever its conversation was found: ${filter}`, () => page.inputValue('#text'), 'из поиска');
		await page.goBack();
		await page.locator('#conversations button').first().waitFor();
	}
	await b.context.close();
	s.close();
}

// two people at one inbox, as it was walked on a real server
async function together() {
	const s = await start((w) => {
		w.me.replies.push({ id: 3, name: 'привет', text: '{name}, добрый день!' });
		w.add(90, 'whatsapp', 'Emily Carter');
		w.say(90, 'inbound', 'Do you ship abroad?', { ago: 9 });
		w.notes[90].push({ id: 5, conversation: 90, at: stub.iso(8), by: 'boris', body: 'asked twice' });
		w.say(90, 'outbound', 'We do, by post.', { ago: 7, messageId: 'out:77', status: 'unknown', outbox: { id: 77, key: 'k', state: 'unknown', attempts: 1, nextAt: null, canRetry: true, canCancel: true } });
		w.say(90, 'inbound', 'And to Spain?', { ago: 4 });
	});
	const b = await openBrowser('en-US', DESK), { page } = b, { w } = s, sent = w.messages[90].at(-2);
	let answer = null;
	page.on('dialog', (d) => d.accept(answer || undefined));
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	const name = w.conversations.find((c) => c.id === 1).name;
	await page.fill('#text', `${name}, мы открыты. ${name}ша`);
	await page.evaluate(() => { document.getElementById('more-tools').open = true; });
	answer = 'hours';
	await page.getByRole('button', { name: 'Save text as a reply' }).click();
	await is('what is saved for everybody has no customer in it', () => w.me.replies.at(-1).text, `{name}, мы открыты. ${name}ша`);
	await page.evaluate(() => { document.getElementById('more-tools').open = false; });
	await page.fill('#text', '');
	await page.focus('#text');
	await page.keyboard.type('/прив');
	await like('a saved reply is offered with the name', () => page.textContent('#canned'), new RegExp(name));
	await conversation(page, 'Emily Carter').click();
	await message(page, 'Do you ship abroad?').first().waitFor();
	await is('and goes with its conversation', () => page.isHidden('#canned'), true);
	// the echo of what may have been sent comes first as a message of its own
	const echo = w.say(90, 'outbound', 'We do, by post.', { ago: 6, by: null, source: 'echo' });
	await is('an echo that nobody knows yet stands beside', () => message(page, 'We do, by post.').count(), 2);
	w.messages[90] = w.messages[90].filter((m) => m !== echo);
	w.feed = w.feed.filter((f) => f.m !== echo);
	Object.assign(sent, { messageId: echo.messageId, status: 'accepted', outbox: { ...sent.outbox, state: 'sent', canRetry: false, canCancel: false } });
	w.touch(sent);
	await is('found to be one, they are one', () => message(page, 'We do, by post.').count(), 1);
	// a colleague deletes a note, and a saved reply
	await like('a note of a colleague', () => page.textContent('#messages'), /asked twice/);
	w.notes[90] = [];
	w.feed.push({ changeId: ++w.change, c: w.conversations.find((c) => c.id === 90) });
	await is('deleted, it goes here too', async () => /asked twice/.test(await page.textContent('#messages')), false);
	w.me.replies = w.me.replies.filter((r) => r.id !== 3);
	await page.fill('#text', '');
	await page.keyboard.type('/прив');
	await page.locator('#canned button.quiet').first().click();
	await is('a saved reply that a colleague deleted goes without a word', async () => `${await page.isVisible('#trouble')} ${await page.isVisible('#canned')}`, 'false false');
	// given up while it waited: no failure, and the words come back
	await page.fill('#text', '');
	const waiting = w.say(90, 'outbound', 'One moment', { ago: 0, status: 'queued', outbox: { id: 78, key: 'q', state: 'queued', attempts: 1, nextAt: stub.iso(-5), canRetry: false, canCancel: true } });
	await message(page, 'One moment').getByRole('button', { name: 'Cancel' }).click();
	await like('what was cancelled says so', () => message(page, 'One moment').textContent(), /Cancelled\. It was not sent\./);
	await is('and nothing of a refusal; its words come back', async () => `${/refused|provider/.test(await message(page, 'One moment').textContent())} ${await page.inputValue('#text')} ${waiting.status}`, 'false One moment failed');
	await b.context.close();
	s.close();
}

doneTests({ links, dropped, writing, translated, waits, found, together });
