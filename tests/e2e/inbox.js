'use strict';
/*
 * The browser's part of 91-inbox: what a person does with the inbox page, in
 * English and in Russian, and what a hostile name and text may not do.
 */
const fs = require('fs');
const { is, like, done, openBrowser, shot, login, conversation, message, staticFiles } = require('./browser');
const { URL: url, LINK, RU_LINK, READER, SECRET, LATER } = process.env;

async function english() {
	const b = await openBrowser('en-US', { width: 1100, height: 720 });
	const { page } = b;
	const first = await staticFiles(page, () => page.goto(`${url}/inbox/`));
	await page.waitForSelector('#login:not([hidden])');
	const again = await staticFiles(page, () => page.reload());
	const gzip = (await fetch(`${url}/inbox/base.js`, { headers: { 'Accept-Encoding': 'gzip' } })).headers.get('Content-Encoding') === 'gzip';
	is('first load: at most 60 kB where the server compresses', first.bytes > 10000 && (!gzip || first.bytes <= 60000), true);
	is('first load: at most 6 requests', first.requests > 3 && first.requests <= 6, true);
	is('second load: nothing of it again', again.bytes, 0);
	await shot(page, 'login');
	await login(page, 'wrong');
	await page.waitForSelector('#login-error:not([hidden])');
	await like('a wrong link: it says so', () => page.textContent('#login-error'), /^This link is not valid/);
	await is('and shows no inbox', () => page.isVisible('#inbox'), false);
	b.complaints.length = 0;	// the 401 above

	await login(page, LINK);
	await conversation(page, 'line 60').waitFor();
	await is('the conversations are listed', () => page.locator('#conversations button').count(), 3);
	await is('the newest is first', () => page.locator('#conversations strong').first().textContent(), 'bert');
	await is('with what is unread', () => conversation(page, 'line 60').locator('.unread > span').first().textContent(), '60');

	await conversation(page, 'line 60').click();
	await message(page, 'line 60').waitFor();
	like('a conversation has an address', page.url(), /#instagram\/\d+$/);
	await is('it opens at the newest message', () => page.evaluate(() => { const s = document.getElementById('scroll'); return s.scrollHeight - s.scrollTop - s.clientHeight < 3; }), true);
	await page.evaluate(() => { document.getElementById('scroll').scrollTop = 0; });
	await page.locator('#messages .text', { hasText: /^line 1$/ }).waitFor();
	await is('the page before comes by scrolling', () => page.locator('#messages li').count(), 60);
	await is('in their order', () => page.locator('#messages li .text').first().textContent(), 'line 1');

	await conversation(page, 'bold').click();
	await page.locator('#messages li').waitFor();
	await is('hostile text stays text', () => page.textContent('#messages li .text'),
		'<img src=x onerror="window.pwned=1"><b>bold</b>');
	await like('a hostile name too', () => page.textContent('#who'), /<script>window\.pwned=2<\/script>/);
	await is('no element was made of it', () => page.locator('#messages img, #messages b, #who script').count(), 0);
	await is('nothing of it ran', () => page.evaluate(() => typeof window.pwned), 'undefined');

	await page.fill('#search', 'доставка');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 1);
	await is('the search finds words', () => page.locator('#conversations strong').textContent(), 'uanna');
	await page.fill('#search', '');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 3);

	await conversation(page, 'uanna').click();
	await message(page, 'Сколько стоит').waitFor();
	await page.fill('#text', 'Доставка 300 ₽');
	await page.click('#composer button:text("Send")');
	const answer = page.locator('#messages li.outbound', { hasText: 'Доставка 300 ₽' });
	await answer.waitFor();
	await is('the field is empty again', () => page.inputValue('#text'), '');
	await answer.locator('.ticks.accepted').waitFor();
	await page.waitForFunction(() => /anna/.test([...document.querySelectorAll('#messages li.outbound .meta')].at(-1).textContent));
	await is('with who wrote it', () => answer.count(), 1);
	await like('with its state in words', () => answer.locator('.ticks').textContent(), /sent$/);

	await fetch(`${url}/instagram/webhook`, { method: 'POST', body: fs.readFileSync(LATER),
		headers: { 'Content-Type': 'application/json', 'X-Webhook-Secret': SECRET } });
	const later = page.locator('#messages li.inbound', { hasText: 'самовывоз' });
	await later.waitFor();
	await is('a message that comes meanwhile appears by itself', () => later.count(), 1);
	await is('and the answer stands once', () => answer.count(), 1);
	await shot(page, 'wide');

	await page.reload();
	await message(page, 'самовывоз').waitFor();
	await is('a reload keeps the conversation', () => page.textContent('#who'), 'uanna');
	await is('she stays signed in', () => page.isVisible('#login'), false);
	await is('and is stored nowhere else', () => page.evaluate(() => localStorage.length + document.cookie.length), 0);
	await page.click('#menu summary');
	await page.click('#logout');
	await page.waitForSelector('#login:not([hidden])');
	await is('after leaving nothing is kept', () => page.evaluate(() => sessionStorage.length + localStorage.length), 0);
	await is('and so are the messages', () => page.textContent('#messages'), '');
	is('nobody else was asked for anything', b.foreign.join(' '), '');
	is('the browser had nothing to complain of', b.complaints.filter((c) => !/40[14]/.test(c)).join(' | '), '');
	await b.context.close();
}

async function russian() {
	const b = await openBrowser('ru-RU', { width: 390, height: 780 });
	const { page } = b;
	await page.goto(`${url}/instagram/inbox/`);
	await page.waitForSelector('#login:not([hidden])');
	await is('Russian: the button', () => page.textContent('#login button'), 'Открыть');
	await is('Russian: the language of the page', () => page.getAttribute('html', 'lang'), 'ru');
	await login(page, 'нет');
	await page.waitForSelector('#login-error:not([hidden])');
	await like('Russian: a wrong link', () => page.textContent('#login-error'), /^Ссылка недействительна/);
	await page.goto('about:blank');
	await page.goto(RU_LINK);	// as she would open it
	await page.click('[data-filter=all]');
	await conversation(page, 'uanna').waitFor();
	is('Russian: the link\'s token leaves the address', page.url().includes('login='), false);
	await is('Russian: the search field', () => page.getAttribute('#search', 'placeholder'), 'Поиск: имя, номер, слова');
	await shot(page, 'phone-list');
	await conversation(page, 'uanna').click();
	const answer = page.locator('#messages li.outbound', { hasText: 'Доставка 300 ₽' });
	await answer.waitFor();
	await like('Russian: the state of a message', () => answer.locator('.ticks').textContent(), /отправлено$/);
	await is('Russian: the button to send', () => page.textContent('#submit'), 'Отправить');
	await shot(page, 'phone');
	const wide = await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
	is('a phone need not scroll sideways', wide, true);
	await is('a phone shows the list or a conversation', () => page.isVisible('#conversations'), false);
	await is('Russian: the way back', () => page.getAttribute('#back', 'aria-label'), 'К списку');
	await page.click('#back');
	await conversation(page, 'uanna').waitFor();
	await is('and it leads to the list', () => page.isVisible('#thread'), false);
	await page.selectOption('#choices select', 'whatsapp');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 0);
	await like('WhatsApp has no conversation yet', () => page.textContent('#list-empty'), /пока нет переписок/);
	await b.context.close();
}

// a person who may only read
async function reader() {
	const b = await openBrowser('en-US', { width: 1100, height: 720 });
	const { page } = b;
	await page.goto(READER);
	await page.click('[data-filter=all]');	// answered by now
	await conversation(page, 'uanna').click();
	await message(page, 'Сколько стоит').waitFor();
	await is('who may read has no field to write', () => page.isVisible('#composer'), false);
	await like('and is told so', () => page.innerText('#read-only'), /read here, but not answer/);
	await b.context.close();
}

done(async () => {
	await english();
	await reader();
	await russian();
});
