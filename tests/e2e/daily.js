'use strict';
/*
 * What people report of shared inboxes after weeks of use: what a press leaves behind, what is
 * said in the other language, voices, drafts with files, notes.  As page.js on a server that only
 * speaks the interface (stub.js).
 */
const { is, like, openBrowser, conversation, message, doneTests } = require('./browser');
const stub = require('./stub');
const { start, settled, openAt } = require('./views');

const DESK = { width: 1200, height: 800 };
const PICTURE = { name: 'кружка.png', mimeType: 'image/png', buffer: stub.PNG };

// nothing that was written or chosen is lost by Cancel, and nothing is kept in memory for ever
async function taken() {
	const s = await start(), b = await openBrowser('ru-RU', DESK), { page } = b, { w } = s;
	await page.addInitScript(() => {
		const held = window.held = new Set(), { createObjectURL: make, revokeObjectURL: drop } = URL;
		URL.createObjectURL = (x) => { const u = make.call(URL, x); if (x instanceof File) held.add(u); return u; };
		URL.revokeObjectURL = (u) => { held.delete(u); drop.call(URL, u); };
	});
	const held = () => page.evaluate(() => window.held.size);
	const attached = async () => {
		await page.setInputFiles('#file', PICTURE);
		await page.waitForFunction(() => document.querySelector('#files img') && !document.getElementById('submit').disabled);
	};
	const refuse = async (words) => {
		w.fail = { status: 422, code: 'too_long', message: 'x' };
		await page.fill('#text', words);
		await page.click('#submit');
		await message(page, words).locator('.error').waitFor();
		w.fail = null;
	};
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	await attached();
	await refuse('первое письмо');
	await is('a picture of what did not go out is still there', held, 1);
	await page.fill('#text', 'второе письмо');
	await message(page, 'первое письмо').locator('.error button', { hasText: 'Отменить' }).click();
	await is('Cancel beside another text: the words of both stand there', () => page.inputValue('#text'), 'первое письмо\nвторое письмо');
	await is('and the file, with its picture', () => page.locator('#files li img').count(), 1);
	await page.reload();
	await message(page, 'Спасибо большое').first().waitFor();
	await is('and after a reload', async () => `${await page.inputValue('#text')}|${await page.locator('#files li').count()}`, 'первое письмо\nвторое письмо|1');
	await page.locator('#files button').click();
	await page.fill('#text', '');
	// the picture of a file comes back with its conversation, and goes with the message
	await attached();
	await conversation(page, 'Клуб').click();
	await message(page, 'Девочки').first().waitFor();
	await conversation(page, 'Мария').click();
	await message(page, 'Спасибо большое').first().waitFor();
	await is('a file that waits has its picture when one comes back', () => page.locator('#files li img').count(), 1);
	await page.click('#submit');
	await is('a file that has gone out is not held in memory', held, 0);
	await attached();
	await page.locator('#files button').focus();
	await page.keyboard.press('Enter');
	await is('nor one that was taken back', held, 0);
	await is('who took it back by a key is at the text', () => page.evaluate(() => document.activeElement.id), 'text');
	await attached();
	w.erase(1);
	await page.locator('#trouble').waitFor();
	await is('nor one of a conversation that is no more', held, 0);
	// an upload that ends while the list is looked at
	await openAt(page, s, '#instagram/3', 'دبي');
	let go = null;
	await page.route('**/instagram/upload*', async (r) => { await new Promise((f) => { go = f; }); await r.continue(); }, { times: 1 });
	await page.setInputFiles('#file', PICTURE);
	while (!go)
		await settled(page);
	await page.evaluate(() => { location.hash = ''; });
	await page.waitForFunction(() => !document.querySelector('#messages li'));
	const ended = page.waitForResponse(/upload/);
	go();
	await ended;
	await page.evaluate(() => { location.hash = '#instagram/3'; });
	await is('an upload that ends while the list is looked at is whole', () => page.innerText('#files'), 'кружка.png\n✕');
	// the file of a draft that waited longer than it is kept
	s.w.ahead = 3 * 86400e3;
	await page.reload();
	await like('a file that is no longer kept: said, and what to do, before it is sent', () => page.innerText('#files'), /кружка.png: больше не хранится, добавьте файл снова/);
	await b.context.close();
	s.close();
}

// each press by the keyboard: what had the focus goes, and the focus stays near it
async function pressed() {
	const s = await start((w) => {
		w.notes[1].push({ id: 5, conversation: 1, at: stub.iso(3), by: 'anna', body: 'Моя заметка' });
		w.me.replies = [{ id: 1, name: 'доставка', text: 'Доставка 300 ₽' }];
		for (let i = 300; i < 330; i++) {
			w.add(i, 'whatsapp', `Поздний ${i}`);
			w.say(i, 'inbound', 'Есть?', { ago: 5000 + i });
		}
	}), b = await openBrowser('en-US', DESK), { page } = b, { w } = s;
	const at = () => page.evaluate(() => { const e = document.activeElement; return e === document.body ? 'nowhere' : e.closest('#messages li') ? 'its message' : e.closest('#owner section') ? 'its section' : e.closest('#conversations li') ? 'the list' : e.id || e.name || e.tagName; });
	const press = async (what, button, over, want) => {
		await button.focus();
		await page.keyboard.press('Enter');
		await over();
		await is(`by a key: ${what}`, at, want);
	};
	let asked = '';
	page.on('dialog', (d) => { asked = d.message(); d.accept(); });
	await openAt(page, s, '#instagram/1', 'Спасибо большое');
	await press('Retry of what failed', message(page, 'Отправил эскиз').locator('.error button').first(), () => message(page, 'Отправил эскиз').locator('.error').waitFor({ state: 'detached' }), 'its message');
	await press('Cancel of what waits', message(page, 'Проверю и напишу').locator('.wait button', { hasText: 'Cancel' }), () => message(page, 'Проверю и напишу').locator('.wait button', { hasText: 'Cancel' }).waitFor({ state: 'detached' }), 'its message');
	await press('Delete of a note', page.locator('#messages .note', { hasText: 'Моя заметка' }).locator('button'), () => page.locator('#messages .note', { hasText: 'Моя заметка' }).waitFor({ state: 'detached' }), 'its message');
	like('a note is not deleted by one press alone', asked, /Моя заметка/);
	await press('Done', page.locator('#done'), () => page.locator('#done', { hasText: 'Reopen' }).waitFor(), 'done');
	await press('Reopen', page.locator('#done'), () => page.locator('#done', { hasText: 'Done' }).waitFor(), 'done');
	await page.click('[data-filter=all]');
	await page.locator('#more-conversations').waitFor();
	await press('More, the last of it', page.locator('#more-conversations'), () => page.locator('#more-conversations').waitFor({ state: 'hidden' }), 'the list');
	await page.evaluate(() => { location.hash = '#owner'; });
	await page.locator('#o-failed button').first().waitFor();
	w.owner.failed.push({ ...w.owner.failed[0], outbox: 40, content: 'второе' });
	await press('Cancel of the owner\'s', page.locator('#o-failed button').nth(1), () => page.locator('#o-failed li').nth(1).waitFor(), 'its section');
	await b.context.close();
	s.close();
}

// a page in one language on a computer of another; sentences with days, numbers and names in them
async function spoken() {
	const s = await start((w) => {
		w.add(81, 'instagram', null, { username: 'olga_k' });
		w.say(81, 'inbound', 'без имени', { ago: 30 });
		w.add(82, 'whatsapp', null, { phone: '+7 921 555-01-01' });
		w.say(82, 'inbound', 'по номеру', { ago: 29 });
		w.say(1, 'outbound', 'завтра', { ago: 1, status: 'queued', readAt: null, outbox: { id: 77, key: null, state: 'queued', attempts: 2, nextAt: stub.iso(-1500), canRetry: false, canCancel: true } });
		w.me.replies = [{ id: 1, name: 'привет', text: 'Здравствуйте, {имя}! Чем помочь?' }, { id: 2, name: 'имя', text: '{Name}, добрый день!' }];
	});
	const MONTHS = { en: /January|February|March|April|May|June|July|August|September|October|November|December/, ru: /января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря/ };
	for (const [locale, lang, other] of [['ru-RU', 'en', 'ru'], ['de-DE', 'en', 'ru'], ['en-US', 'ru', 'en']]) {
		const b = await openBrowser(locale, DESK), { page } = b;
		await page.addInitScript((l) => localStorage.setItem('dmbox:lang', JSON.stringify(l)), lang);
		await openAt(page, s, '#instagram/3', 'دبي');
		await like(`${locale}, the page in ${lang}: its months`, () => page.innerText('#window-text'), MONTHS[lang]);
		const all = await page.evaluate(() => `${document.body.innerText} ${[...document.querySelectorAll('[title]')].map((e) => e.title).join(' ')}`);
		is(`${locale}, the page in ${lang}: no month of another language`, MONTHS[other].test(all) || /Dezember|Oktober|\bum\b/.test(all), false);
		await page.evaluate(() => { location.hash = '#owner'; });
		await page.locator('#owner .chart text').first().waitFor();
		is(`${locale}, the page in ${lang}: nor in the chart`, /[а-я]/i.test((await page.locator('#owner .chart text').allTextContents()).join()), lang === 'ru');
		await b.context.close();
	}
	const b = await openBrowser('ru-RU', DESK), { page } = b;
	await openAt(page, s, '#instagram/1', 'завтра');
	await like('a try of another day: the sentence is one', () => message(page, 'завтра').locator('.wait').innerText(), /Следующая попытка \d+ [а-я]+, \d\d:\d\d\./);
	await page.fill('#text', 'ж'.repeat(499));
	await is('what is left of a text: any number fits its word', () => page.innerText('#counter'), 'осталось байт: 2');
	for (const [hash, words, name] of [['#instagram/81', 'без имени', '@olga_k'], ['#whatsapp/82', 'по номеру', '+7 921 555-01-01']]) {
		await openAt(page, s, hash, words);
		await is(`a name stands once in the head: ${name}`, async () => `${await page.innerText('#who')}|${(await page.innerText('#who-more')).includes(name)}`, `${name}|false`);
	}
	const reply = async (hash, words, name) => {
		await openAt(page, s, hash, words);
		await page.fill('#text', `/${name}`);
		await page.keyboard.press('Enter');
		const r = await page.inputValue('#text');
		await page.fill('#text', '');
		return r;
	};
	is('a saved reply with the customer\'s name', await reply('#instagram/1', 'завтра', 'чем'), 'Здравствуйте, Мария Орлова! Чем помочь?');
	is('the name at its beginning, in the other language', await reply('#instagram/1', 'завтра', 'добрый'), 'Мария Орлова, добрый день!');
	is('where none is known, without', await reply('#instagram/81', 'без имени', 'чем'), 'Здравствуйте! Чем помочь?');
	is('and at its beginning', await reply('#instagram/81', 'без имени', 'добрый'), 'Добрый день!');
	is('to a group without', await reply('#whatsapp/2', 'Девочки', 'чем'), 'Здравствуйте! Чем помочь?');
	await b.context.close();
	// what stands in an empty field can be read, in the dark, too
	for (const colorScheme of ['light', 'dark']) {
		const c = await openBrowser('ru-RU', DESK, { colorScheme });
		await openAt(c.page, s, '#instagram/1', 'завтра');
		is(`${colorScheme}: contrast of what stands in empty fields`, await c.page.evaluate(() => {
			const lum = (css) => css.match(/[\d.]+/g).slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
			return [...document.querySelectorAll('[placeholder]')].filter((e) => {
				const p = getComputedStyle(e, '::placeholder'), x = lum(p.color), y = lum(getComputedStyle(e).backgroundColor);
				return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05) < 4.5 || Number(p.opacity) < 1;
			}).map((e) => e.id).join();
		}), '');
		await c.context.close();
	}
	s.close();
}

// voices, days, windows of one's own, addresses that nobody has
async function shown() {
	const s = await start((w) => {
		w.add(83, 'instagram', 'Голоса');
		for (const n of [1, 2])
			w.say(83, 'inbound', `голос ${n}`, { ago: 4400 - n, kind: 'audio', attachments: [{ type: 'audio', mimeType: 'audio/wav' }] });
		w.notes[83].push({ id: 21, conversation: 83, at: stub.iso(1500), by: 'boris', body: 'вчерашняя' }, { id: 22, conversation: 83, at: stub.iso(0), by: 'boris', body: 'сегодняшняя' });
		w.events[83].push({ id: 23, kind: 'hologram', conversation: 83, at: stub.iso(2900), name: null, target: null, raw: {} });
		w.say(83, 'inbound', 'после неё', { ago: 0 });
	}), b = await openBrowser('en-US', DESK), { page } = b;
	const n = 8000 * 20, wav = Buffer.alloc(44 + n, 128);
	wav.write('RIFF', 0); wav.writeUInt32LE(36 + n, 4); wav.write('WAVEfmt ', 8); wav.writeUInt32LE(16, 16); wav.writeUInt16LE(1, 20); wav.writeUInt16LE(1, 22);
	wav.writeUInt32LE(8000, 24); wav.writeUInt32LE(8000, 28); wav.writeUInt16LE(1, 32); wav.writeUInt16LE(8, 34); wav.write('data', 36); wav.writeUInt32LE(n, 40);
	await page.route('**/media?*', (r) => r.fulfill({ contentType: 'audio/wav', body: wav }));
	await openAt(page, s, '#instagram/83', 'после неё');
	for (const i of [0, 1])
		await page.locator('#messages audio').nth(i).evaluate((a) => a.play());
	await is('a second voice is played: the first is silent', () => page.evaluate(() => [...document.querySelectorAll('#messages audio')].map((a) => a.paused).join()), 'true,false');
	const days = () => page.evaluate(() => [...document.querySelectorAll('#messages > li')].flatMap((li) => [li.querySelector('.day') && '|', (li.querySelector('.text') || {}).textContent].filter(Boolean)).join(' ')
		+ [...document.querySelectorAll('#messages .day')].filter((d) => d.nextElementSibling === null || d.previousElementSibling).length);
	await is('a note of another day says which, and a day is said once', days, '| голос 1 голос 2 | вчерашняя | сегодняшняя после неё0');
	const [other] = await Promise.all([b.context.waitForEvent('page'), conversation(page, 'Мария').click({ modifiers: ['Control'] })]);
	await message(other, 'Спасибо большое').waitFor();
	await is('a conversation is opened in a window of its own', async () => `${new URL(other.url()).hash} ${new URL(page.url()).hash}`, '#instagram/1 #instagram/83');
	const [third] = await Promise.all([b.context.waitForEvent('page'), conversation(page, 'Клуб').click({ button: 'middle' })]);
	await message(third, 'Девочки').first().waitFor();
	await is('and by the middle button', async () => `${new URL(third.url()).hash} ${new URL(page.url()).hash}`, '#whatsapp/2 #instagram/83');
	await page.evaluate(() => { location.hash = '#instagram/99999999999999999999'; });
	await page.waitForFunction(() => !document.querySelector('#messages li'));
	await is('an address that no conversation can have shows none, and no riddle', async () => `${await page.isVisible('#composer')} ${await page.isVisible('#trouble')}`, 'false false');
	await b.context.close();
	s.close();
}

doneTests({ taken, pressed, spoken, shown });
