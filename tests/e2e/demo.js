'use strict';
/* Each conversation of make demo, as a person sees it in Russian and in English. */
const { is, openBrowser, done, number } = require('./browser');
const { INTERNAL } = require('./words');

done(async () => {
	const b = await openBrowser('ru-RU', { width: 1160, height: 740 }), { page } = b;
	await page.goto(process.env.LINK);
	await page.locator('#conversations button').first().waitFor();
	let found = 0, broken = 0, bubbles = 0;
	for (const lang of ['ru', 'en']) {
		await page.evaluate((l) => { localStorage.setItem('dmbox:lang', JSON.stringify(l)); }, lang);
		await page.goto(page.url().replace(/#.*/, ''));
		await page.reload();
		await page.locator('#conversations button').first().waitFor();
		await page.click('[data-filter=all]');
		await page.waitForFunction(() => document.querySelector('[data-filter=all]').getAttribute('aria-pressed') === 'true' && document.querySelectorAll('#conversations button').length === 50);
		await page.click('#more-conversations');
		await page.waitForFunction(() => document.getElementById('more-conversations').hidden);
		await is(`${lang}: conversations in the list`, () => page.locator('#conversations button').count(), 80);
		for (const id of await page.evaluate(() => [...document.querySelectorAll('#conversations li')].map((e) => e.dataset.id))) {
			await page.locator(`#conversations li[data-id="${id}"] button`).click();
			await page.waitForFunction((x) => document.querySelector(`#conversations li[data-id="${x}"] button`).getAttribute('aria-current') === 'true' && document.querySelector('#messages .bubble'), id);
			const r = await page.evaluate(() => ({ words: document.getElementById('thread').innerText, n: document.querySelectorAll('#messages .bubble').length,
				empty: [...document.querySelectorAll('#messages .bubble')].filter((e) => !e.querySelector('.text, .files, .card, .origin, .big')).length }));
			const bad = r.words.match(INTERNAL);
			if (bad)
				console.log(`# ${id}: ${bad[0]}`);
			found += bad ? 1 : 0;
			broken += r.empty;
			bubbles += r.n;
		}
	}
	is('messages were shown', bubbles > 400, true);
	is('internal words', found, 0);
	is('messages without content', broken, 0);
	number('kinds', broken);
	number('internal', found);
	await is('the page itself does not scroll', () => page.evaluate(() => document.scrollingElement.scrollHeight - innerHeight), 0);
	is('nobody else was asked for anything', b.foreign.join(' '), '');
	await b.context.close();
});
