'use strict';
/*
 * A person who was never here: her link, a customer, a picture, sent and seen, on a phone; then
 * what else can be sent and how (paste, drag, voice), what is refused, and what a reader lacks.
 */
const fs = require('fs');
const { is, like, openBrowser, shot, conversation, message, done, number } = require('./browser');
const { LINK, LINK2, READER, FILES } = process.env;
const PHONE = { width: 390, height: 780 }, DESK = { width: 1160, height: 740 };

// words and picture are two messages where the provider takes no caption
const pictures = (page) => page.locator('#messages li.outbound .picture img');
const seen = (page, n) => page.waitForFunction((want) => [...document.querySelectorAll('#messages li.outbound .picture img')].filter((i) => i.naturalWidth > 0).length === want, n);
const sent = (page, words) => page.locator('#messages li.outbound', { hasText: words }).locator('.ticks.sent, .ticks.accepted, .ticks.delivered, .ticks.read').waitFor();

async function phone() {
	const b = await openBrowser('ru-RU', PHONE, { hasTouch: true, isMobile: true }), { page } = b;
	const start = Date.now();
	await page.goto(LINK);
	await conversation(page, 'Есть с синим').tap();
	await message(page, 'Есть с синим').waitFor();
	const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.tap('#attach')]);
	await chooser.setFiles(`${FILES}/кружка.jpg`);
	await page.locator('#files li', { hasText: 'кружка.jpg' }).locator('img').waitFor();
	await shot(page, 'phone-picture-chosen');
	await page.fill('#text', 'Вот такая, с синим краем');
	await page.tap('#submit');
	await sent(page, 'Вот такая');
	await seen(page, 1);
	number('person', ((Date.now() - start) / 1000).toFixed(1));
	await like('her name is on it', () => page.locator('#messages li.outbound', { hasText: 'Вот такая' }).locator('.meta').textContent(), /вера/);
	await is('words and picture stand once', () => page.locator('#messages li.outbound').count(), 2);
	await page.reload();
	await seen(page, 1);
	await is('and still do after a reload', () => page.locator('#messages li.outbound').count(), 2);
	await shot(page, 'phone-picture-sent');
	await is('nothing is left to be sent', () => page.isVisible('#files'), false);

	// refused: in her language, the text stays
	await page.setInputFiles('#file', `${FILES}/страница.html`);
	await page.locator('#files li.error').waitFor();
	await like('a page is no file to send', () => page.locator('#files li.error').textContent(), /страница\.html: Файл такого вида здесь отправить нельзя/);
	await page.setInputFiles('#file', `${FILES}/большая.jpg`);
	await page.locator('#files li.error', { hasText: 'большая.jpg' }).waitFor();
	await like('what is too large says how large it may be', () => page.locator('#files li.error', { hasText: 'большая.jpg' }).textContent(), /слишком большой|больш/i);
	await shot(page, 'phone-picture-refused');
	is('nobody else was asked for anything', b.foreign.join(' '), '');
	await b.context.close();
}

// a file as paste and drag bring it
const bring = (page, how, name, type) => page.evaluate(async ([way, n, t, b64]) => {
	const d = new DataTransfer();
	d.items.add(new File([Uint8Array.from(atob(b64), (c) => c.charCodeAt(0))], n, { type: t }));
	if (way === 'paste')
		document.getElementById('text').dispatchEvent(new ClipboardEvent('paste', { clipboardData: d, bubbles: true, cancelable: true }));
	else
		for (const type of ['dragover', 'drop'])
			document.getElementById('thread').dispatchEvent(new DragEvent(type, { dataTransfer: d, bubbles: true, cancelable: true }));
}, [how, name, type, fs.readFileSync(`${FILES}/${name}`).toString('base64')]);

async function desk() {
	const b = await openBrowser('en-US', DESK), { page } = b;
	await page.goto(LINK2);
	await page.click('[data-filter=all]');
	await conversation(page, 'masha').click();
	await message(page, 'Вот такая').waitFor();
	await seen(page, 1);
	await is('the others see the picture', () => pictures(page).count(), 1);
	await bring(page, 'paste', 'кружка.jpg', 'image/jpeg');
	await page.locator('#files li img').waitFor();
	await page.fill('#text', 'pasted');
	await page.waitForFunction(() => !document.getElementById('submit').disabled);
	await page.click('#submit');
	await sent(page, 'pasted');
	await seen(page, 2);
	await is('pasted and sent', () => pictures(page).count(), 2);

	await conversation(page, 'Олег').click();
	await message(page, 'самовывоз').waitFor();
	await bring(page, 'drop', 'голос.ogg', 'audio/ogg');
	await page.locator('#files li', { hasText: 'голос.ogg' }).waitFor();
	await is('while it is dragged the page says where to', () => page.isVisible('#drop'), false);
	// the draft keeps the file, and goes with its conversation
	await conversation(page, 'masha').click();
	await message(page, 'pasted').waitFor();
	await is('no other conversation gets it', () => page.isVisible('#files'), false);
	await conversation(page, 'Олег').click();
	await page.locator('#files li', { hasText: 'голос.ogg' }).waitFor();
	await page.waitForFunction(() => !document.getElementById('submit').disabled);
	await page.click('#submit');
	await page.locator('#messages li.outbound audio').waitFor();
	await page.waitForFunction(() => /sent|delivered|read/.test([...document.querySelectorAll('#messages li.outbound .ticks')].at(-1).textContent));
	await is('a voice message, dragged and sent', () => page.locator('#messages li.outbound audio').count(), 1);
	await shot(page, 'desk-voice-sent');

	// done, labels, a note, a saved reply by "/"
	await page.click('#more-tools summary');
	await page.fill('#new-label', 'опт');
	await page.click('#more-tools form.pair button');
	await conversation(page, 'Олег').locator('.more', { hasText: '#опт' }).waitFor();
	await page.click('#more-tools summary').catch(() => {});
	if (!await page.isVisible('#note'))
		await page.click('#more-tools summary');
	await page.fill('#note', 'Заберёт в субботу');
	await page.click('#more-tools form button:text("Save note")');
	await page.locator('#messages .note', { hasText: 'Заберёт в субботу' }).waitFor();
	await like('a note says whose it is', () => page.locator('#messages .note').textContent(), /Note by глеб/);
	await page.selectOption('#assign', 'глеб', { force: true }).catch(async () => { await page.click('#more-tools summary'); await page.selectOption('#assign', 'глеб'); });
	await conversation(page, 'Олег').locator('.more', { hasText: 'глеб' }).waitFor();
	await page.keyboard.press('Escape');
	await page.fill('#text', '/дост');
	await page.locator('#canned li button', { hasText: 'доставка' }).click();
	await is('a saved reply by /', () => page.inputValue('#text'), 'По городу 300 ₽');
	await page.fill('#text', '');
	await page.click('[data-filter=mine]');
	await page.waitForFunction(() => document.querySelectorAll('#conversations button').length === 1);
	await page.click('#done');
	await page.waitForFunction(() => document.querySelector('#done')?.textContent.includes('Reopen'));
	await page.click('[data-filter=done]');
	await conversation(page, 'глеб').waitFor();
	await shot(page, 'desk-done');

	// search shows and jumps to the hit
	await page.fill('#search', 'синие чашки');
	await conversation(page, 'синих чашек').waitFor();
	await like('the hit is in the list', () => page.locator('#conversations .last').textContent(), /синих чашек/);
	await page.locator('#conversations button').click();
	const hit = page.locator('#messages li.here', { hasText: 'синих чашек' });
	await hit.waitFor();
	await is('and the thread opens at it', () => page.evaluate(() => { const r = document.querySelector('#messages li.here').getBoundingClientRect(), s = document.getElementById('scroll').getBoundingClientRect(); return r.top >= s.top - 1 && r.bottom <= s.bottom + 1; }), true);
	await is('far from the newest', () => page.isVisible('#latest'), true);
	await page.fill('#search', '');
	await page.click('#latest');
	await message(page, 'вот про это').locator('.quote').click();
	await page.locator('#messages li.here', { hasText: 'синих чашек' }).waitFor();
	await is('a quote beyond the loaded page leads to its message', () => page.locator('#messages li.here').count(), 1);
	is('the browser had nothing to complain of', b.complaints.join(' | '), '');
	await b.context.close();
}

async function reader() {
	const b = await openBrowser('en-US', DESK), { page } = b;
	await page.goto(READER);
	await page.click('[data-filter=all]');
	await conversation(page, 'Олег').click();
	await page.locator('#messages .note').waitFor();
	await is('who may read has no tools', () => page.locator('#done, #more-tools, #attach:visible').count(), 0);
	await b.context.close();
}

done(async () => {
	await phone();
	await desk();
	await reader();
});
