'use strict';
/*
 * The browser's part of 91-inbox: what a person does with the inbox page, in
 * English and in Russian, and what a hostile name and text may not do.
 */
const fs = require('fs');
const path = require('path');
const { chromium } = require('playwright-core');

const { URL: url, TOKEN, SECRET, POOR, CHROMIUM, PROFILE, LATER, SHOTS } = process.env;
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync'];
let bad = 0;
let n = 0;

function is(what, got, want) {
	n++;
	if (got === want) {
		console.log(`ok browser ${n} - ${what}`);
	} else {
		bad = 1;
		console.log(`not ok browser ${n} - ${what}\n#   got:  ${JSON.stringify(got)}\n#   want: ${JSON.stringify(want)}`);
	}
}
const like = (what, got, re) => is(what, re.test(got) ? 'fits' : got, 'fits');

// A browser of its own for each language: new and empty; what it asks others for and what it complains of is noted.
async function browser(locale, viewport) {
	const dir = path.join(PROFILE, locale + viewport.width);
	const context = await chromium.launchPersistentContext(dir, { executablePath: CHROMIUM, headless: true,
		args: flags, locale, viewport, timezoneId: 'UTC' });
	const page = context.pages()[0] || await context.newPage();
	page.setDefaultTimeout(30000);
	const foreign = [], complaints = [];
	page.on('request', (r) => { if (!r.url().startsWith(url) && !r.url().startsWith('blob:')) foreign.push(r.url()); });
	page.on('console', (m) => { if (m.type() === 'error') complaints.push(m.text()); });
	page.on('pageerror', (e) => complaints.push(String(e)));
	return { context, page, foreign, complaints };
}
const shot = (page, name) => page.screenshot({ path: path.join(SHOTS, `inbox-${name}.png`) });

async function login(page, token) {
	await page.fill('#token', token);
	await page.click('#login button');
}
const conversation = (page, words) => page.locator('#conversations button', { hasText: words });

async function english() {
	const b = await browser('en-US', { width: 1100, height: 720 });
	const { page } = b;
	await page.goto(`${url}/inbox/`);
	is('the page asks for a token', await page.textContent('label[for=token]'), 'Access token');
	await shot(page, 'login');
	await login(page, 'wrong.wrong.wrong');
	await page.waitForFunction(() => document.getElementById('login-error').textContent !== '');
	like('a wrong token: it says so', await page.textContent('#login-error'), /^This token is not accepted/);
	is('and shows no inbox', await page.isVisible('#inbox'), false);
	await login(page, POOR);
	await page.waitForSelector('#trouble:not([hidden])');
	like('a token without the scope: it says so', await page.textContent('#trouble'), /lacks a scope/);
	await page.click('#logout');
	b.complaints.length = 0;	// the 401 and 403 above

	await login(page, TOKEN);
	await conversation(page, 'line 60').waitFor();
	is('the conversations are listed', await page.locator('#conversations button').count(), 3);
	is('the newest is first', await page.locator('#conversations strong').first().textContent(), 'bert');
	is('with what is unread', await conversation(page, 'line 60').locator('.unread').textContent(), '60');

	await conversation(page, 'line 60').click();
	await page.locator('#messages li', { hasText: 'line 60' }).waitFor();
	is('the newest page of a conversation', await page.locator('#messages li').count(), 50);
	await page.click('#older');
	await page.locator('#messages .text', { hasText: /^line 1$/ }).waitFor();
	is('and the page before', await page.locator('#messages li').count(), 60);
	is('in their order', await page.locator('#messages li .text').first().textContent(), 'line 1');

	await conversation(page, 'bold').click();
	await page.locator('#messages li').waitFor();
	is('hostile text stays text', await page.textContent('#messages li .text'),
		'<img src=x onerror="window.pwned=1"><b>bold</b>');
	like('a hostile name too', await page.textContent('#who'), /<script>window\.pwned=2<\/script>/);
	is('no element was made of it', await page.locator('#messages img, #messages b, #who script').count(), 0);
	is('nothing of it ran', await page.evaluate(() => typeof window.pwned), 'undefined');

	await page.fill('#search', 'доставка');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 1);
	is('the search finds words', await page.locator('#conversations strong').textContent(), 'uanna');
	await page.fill('#search', '');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 3);

	await conversation(page, 'uanna').click();
	await page.locator('#messages li', { hasText: 'Сколько стоит' }).waitFor();
	await page.fill('#text', 'Доставка 300 ₽');
	await page.click('#composer button');
	const answer = page.locator('#messages li.outbound', { hasText: 'Доставка 300 ₽' });
	await answer.waitFor();
	is('the answer appears', await answer.locator('.text').textContent(), 'Доставка 300 ₽');
	like('with its state', await answer.locator('.meta').textContent(), /accepted$/);
	is('the field is empty again', await page.inputValue('#text'), '');

	await fetch(`${url}/instagram/webhook`, { method: 'POST', body: fs.readFileSync(LATER),
		headers: { 'Content-Type': 'application/json', 'X-Webhook-Secret': SECRET } });
	const later = page.locator('#messages li.inbound', { hasText: 'самовывоз' });
	await later.waitFor();
	is('a message that comes meanwhile appears by itself', await later.count(), 1);
	await shot(page, 'wide');

	await page.reload();
	await conversation(page, 'uanna').waitFor();
	is('the token lasts for the tab', await page.isVisible('#login'), false);
	is('and is stored nowhere else', await page.evaluate(() => localStorage.length + document.cookie.length), 0);
	await page.click('#logout');
	is('after leaving it is gone', await page.evaluate(() => sessionStorage.length), 0);
	is('and so are the messages', await page.textContent('#messages'), '');
	is('nobody else was asked for anything', b.foreign.join(' '), '');
	is('the browser had nothing to complain of', b.complaints.join(' | '), '');
	await b.context.close();
}

async function russian() {
	const b = await browser('ru-RU', { width: 390, height: 780 });
	const { page } = b;
	await page.goto(`${url}/instagram/inbox/`);
	is('Russian: the button', await page.textContent('#login button'), 'Открыть');
	is('Russian: the language of the page', await page.getAttribute('html', 'lang'), 'ru');
	await login(page, 'wrong.wrong.wrong');
	await page.waitForFunction(() => document.getElementById('login-error').textContent !== '');
	like('Russian: a wrong token', await page.textContent('#login-error'), /^Токен не принят/);
	await login(page, TOKEN);
	await conversation(page, 'uanna').waitFor();
	is('Russian: the search field', await page.getAttribute('#search', 'placeholder'), 'Поиск по именам и словам');
	await shot(page, 'phone-list');
	await conversation(page, 'uanna').click();
	const answer = page.locator('#messages li.outbound', { hasText: 'Доставка 300 ₽' });
	await answer.waitFor();
	like('Russian: the state of a message', await answer.locator('.meta').textContent(), /принято$/);
	is('Russian: the button to send', await page.textContent('#composer button'), 'Отправить');
	await shot(page, 'phone');
	const wide = await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
	is('a phone need not scroll sideways', wide, true);
	is('a phone shows the list or a conversation', await page.isVisible('#conversations'), false);
	is('Russian: the way back', await page.getAttribute('#back', 'aria-label'), 'К списку');
	await page.click('#back');
	await page.selectOption('#channel', 'whatsapp');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 0);
	like('WhatsApp has no conversation yet', await page.textContent('#conversations'), /Переписки пока нет/);
	await b.context.close();
}

(async () => {
	await english();
	await russian();
	process.exit(bad);
})().catch((e) => {
	console.log(`not ok browser ${n + 1} - ${String(e.message || e).split('\n').slice(0, 6).join(' ')}`);
	process.exit(1);
});
