'use strict';
/* The conversations and the owner's page that the views of 93-inbox-page show. */
const stub = require('./stub');

const { iso } = stub;

const HOSTILE = ['<script>window.pwned=1</script>', '<img src=x onerror=window.pwned=1>', '"><svg onload=window.pwned=1>', 'javascript:window.pwned=1', '{{constructor.constructor("window.pwned=1")()}}',
	"' onmouseover='window.pwned=1", '<iframe srcdoc="<script>parent.pwned=1</script>">', 'data:text/html,<script>window.pwned=1</script>', '<a href="javascript:window.pwned=1">x</a>', '<style>*{display:none}</style>',
	'&lt;script&gt;', '\u202e<b>\u2066', '<math><mtext></p><style><img src onerror=window.pwned=1>', '${window.pwned=1}', 'https://x.example/"onclick="window.pwned=1', 'www.x.example/<script>', '__proto__', 'constructor', 'toString'];

function fill(w) {
	w.add(1, 'instagram', 'Мария Орлова', { username: 'masha.orlova', labels: ['опт'], assignee: 'anna' });
	w.say(1, 'inbound', 'Здравствуйте! Увидела у вас керамику. Делаете кружки на заказ?', { ago: 3000, readAt: iso(2990), detail: { referral: { source: 'ADS', ad_id: '120210000000000001', ads_context_data: { ad_title: 'Керамика ручной работы', photo_url: 'https://x.example/ad.jpg' } } } });
	const q = w.say(1, 'outbound', 'Добрый день! Да, от двух недель. Какой размер?', { ago: 2990 });
	w.say(1, 'inbound', 'Вот такой, мл 300', { ago: 2900, readAt: iso(2890), kind: 'image', attachments: [{ mimeType: 'image/png' }], replyTo: q.messageId, quote: { id: q.id, kind: 'text', content: q.content, direction: 'outbound', name: '', deletedAt: null } });
	w.say(1, 'inbound', 'Ещё вопрос: https://example.com/kruzhka?a=1 подойдёт? Телефон +7 921 555-01-01, почта masha@example.com', { ago: 60, readAt: iso(50), reactions: [{ contact: 2, emoji: '❤️', own: true }] });
	w.say(1, 'outbound', 'Подойдёт. Доставка 300 ₽.', { ago: 50, status: 'delivered', readAt: null, by: 'boris' });
	w.say(1, 'outbound', 'Отправил эскиз', { ago: 40, status: 'failed', readAt: null, outbox: { id: 41, key: null, state: 'failed', attempts: 3, nextAt: null, canRetry: true, canCancel: true }, error: { code: '551', kind: 'recipient', message: '(#551) This person isn\'t available right now.' } });
	w.say(1, 'outbound', 'Проверю и напишу', { ago: 30, status: 'queued', readAt: null, outbox: { id: 42, key: null, state: 'queued', attempts: 2, nextAt: iso(-3), canRetry: false, canCancel: true }, error: { code: 'timeout', kind: 'network', message: 'timeout' } });
	w.say(1, 'outbound', 'Уже почти', { ago: 20, status: 'unknown', readAt: null, outbox: { id: 43, key: null, state: 'unknown', attempts: 1, nextAt: null, canRetry: true, canCancel: true } });
	w.say(1, 'inbound', 'Спасибо большое!', { ago: 4, replyTo: 'mid-unknown' });
	w.notes[1].push({ id: 1, conversation: 1, at: iso(45), by: 'boris', body: 'Скидка 10 % обещана до пятницы' });
	w.events[1].push({ id: 1, kind: 'call', conversation: 1, at: iso(55), name: null, target: null, raw: { typeWebhook: 'incomingCall', status: 'missed' } });

	w.add(2, 'whatsapp', 'Клуб рукодельниц', { group: true });
	w.say(2, 'inbound', 'Девочки, встречаемся в субботу?', { ago: 200, readAt: iso(1), sender: { id: '7111@c.us', name: 'Ольга' }, senderId: '7111@c.us' });
	w.say(2, 'inbound', 'Я за', { ago: 190, readAt: iso(1), sender: { id: '7222@c.us', name: 'Тамара' }, senderId: '7222@c.us' });
	w.say(2, 'inbound', 'Когда удобно?', { ago: 180, kind: 'poll', sender: { id: '7222@c.us', name: 'Тамара' }, senderId: '7222@c.us', detail: { poll: { name: 'Когда удобно?', options: [{ optionName: 'До обеда' }, { optionName: 'После шести' }], multipleAnswers: true } } });
	w.say(2, 'inbound', null, { ago: 170, kind: 'location', sender: { id: '7111@c.us', name: 'Ольга' }, senderId: '7111@c.us', detail: { latitude: 59.9357, longitude: 30.3259, name: 'Мастерская', address: 'Невский проспект, 28' } });
	w.say(2, 'inbound', null, { ago: 160, kind: 'contact', sender: { id: '7111@c.us', name: 'Ольга' }, senderId: '7111@c.us', detail: { contacts: [{ displayName: 'Вера Павловна', vcard: 'BEGIN:VCARD\nFN:Вера Павловна\nORG:Ткани;\nTEL;TYPE=CELL;waid=79215550101:+7 921 555-01-01\nEMAIL:vera@example.com\nEND:VCARD' }] } });
	w.events[2].push({ id: 2, kind: 'poll_vote', conversation: 2, at: iso(150), name: 'Ольга', target: null, raw: { senderData: { sender: '7111@c.us' }, messageData: { pollMessageData: { votes: [{ optionName: 'После шести', optionVoters: ['7111@c.us'] }] } } } });

	w.add(3, 'instagram', null, { username: 'hassan.k', canSendUntil: iso(300), humanUntil: iso(-5000) });
	w.say(3, 'inbound', 'السلام عليكم، هل تشحنون إلى دبي؟ الرقم +971 50 123 4567', { ago: 1740 });
	w.add(4, 'instagram', 'Emily Carter', { canSendUntil: iso(9000), humanUntil: iso(360), maySend: false });
	w.say(4, 'inbound', 'Are you open on Sunday?', { ago: 10440, readAt: iso(10000) });
	w.say(4, 'outbound', 'Yes, 11 to 17.', { ago: 10400, by: null, source: 'echo' });

	w.add(5, 'instagram', 'Every kind');
	const kinds = [['story_reply', 'красиво', { story: { id: '1', url: 'https://x.example/s/2' } }, []], ['story_mention', null, null, [{ type: 'story_mention', state: 'waiting', url: 'https://x.example/s/1' }]], ['share', null, null, [{ type: 'share', state: 'none', url: 'https://x.example/p/1', name: 'Новая коллекция' }]],
		['reel', null, null, [{ type: 'reel', state: 'waiting', url: 'https://x.example/r/1', name: 'Как связать шарф' }]], ['video', null, null, [{ type: 'video', mimeType: 'video/mp4' }]], ['audio', null, null, [{ type: 'audio', mimeType: 'audio/ogg' }]], ['file', 'Счёт', null, [{ type: 'file', mimeType: 'application/pdf', name: 'Счёт 12.pdf', bytes: 123456 }]],
		['sticker', null, null, [{ type: 'sticker', mimeType: 'image/png' }]], ['image', null, null, [{ state: 'gone' }]], ['image', null, null, [{ state: 'waiting' }]], ['like_heart', null, null, []], ['postback', 'Оформить заказ', { payload: 'ORDER_START' }, []], ['template', 'Выберите', { data: { contentText: 'Выберите', footer: 'Магазин', buttons: [{ buttonText: 'Доставка' }, { buttonText: 'Самовывоз' }] } }, []],
		['group_invite', 'Заходите', { data: { groupName: 'Клуб', caption: 'Заходите', inviteCode: 'abc' } }, []], ['fallback', 'https://x.example', { attachments: [{ type: 'fallback', title: 'Страница', url: 'https://x.example' }] }, []], ['ephemeral', null, null, [{ type: 'ephemeral', state: 'none' }]], ['unsupported', null, null, []], ['hologram', null, null, [{ type: 'hologram', state: 'none' }]],
		['text', 'А этот есть?', { referral: { product: { id: 'Кружка синяя' } } }, []], ['order', null, { order: { text: 'Мой заказ', product_items: [{ product_retailer_id: 'KR-1', quantity: 2, item_price: 900, currency: 'RUB' }] } }, []]];
	kinds.forEach(([kind, content, detail, attachments], i) => w.say(5, 'inbound', content, { ago: 300 - i, kind, detail, attachments, readAt: iso(1) }));
	w.say(5, 'inbound', 'отозвано', { ago: 100, deletedAt: iso(99), content: null, readAt: iso(1) });
	w.say(5, 'inbound', `Длинный рассказ. ${'Слово за словом, строка за строкой. '.repeat(80)}`, { ago: 90, readAt: iso(1), editedAt: iso(80) });
	for (const kind of ['optin', 'handover', 'block', 'account_linking', 'policy_enforcement', 'response_feedback', 'referral'])
		w.events[5].push({ id: 100 + w.events[5].length, kind, conversation: 5, at: iso(85), name: null, target: null, raw: {} });

	w.add(6, 'instagram', HOSTILE[0], { username: HOSTILE[1], labels: [HOSTILE[2]], assignee: HOSTILE[9] });
	HOSTILE.forEach((s, i) => w.say(6, i % 3 ? 'inbound' : 'outbound', s, { ago: 700 - i, by: s, sender: { id: s, name: s }, senderId: s, kind: i % 2 ? 'text' : s, readAt: iso(1), detail: { story: { url: s }, referral: { ad_id: s, source_url: s, ads_context_data: { ad_title: s, photo_url: s } }, poll: { options: [{ optionName: s }] } },
		attachments: [{ type: s, name: s, state: s, url: s, mimeType: s }, { type: 'share', url: s, name: s, state: 'none' }], reactions: [{ contact: 1, emoji: s }], replyTo: s, quote: { id: 1, kind: s, content: s, direction: 'inbound', name: s, deletedAt: null }, error: { code: s, message: s, kind: s } }));
	w.notes[6].push({ id: 9, conversation: 6, at: iso(1), by: HOSTILE[0], body: HOSTILE.join('\n') });
	w.events[6].push({ id: 200, kind: HOSTILE[0], conversation: 6, at: iso(2), name: HOSTILE[1], target: null, raw: { status: HOSTILE[2] } }, { id: 201, kind: 'referral', conversation: 6, at: iso(2), name: HOSTILE[1], target: null, raw: { referral: { ref: HOSTILE[4] } } });
	for (let i = 7; i < 40; i++) {
		w.add(i, i % 2 ? 'whatsapp' : 'instagram', `Покупатель ${i}`);
		w.say(i, 'inbound', i % 3 ? 'Сколько стоит?' : 'Спасибо!', { ago: 900 + i * 7, readAt: i % 4 ? iso(1) : null });
	}

	const hours = (f) => Array.from({ length: 48 }, (_, i) => f(i)), days = (f) => Array.from({ length: 60 }, (_, i) => f(i));
	const series = (n) => ({ in: hours((i) => Math.round(n * (1 + Math.sin(i / 4)) ** 2)), out: hours((i) => Math.round(n * 0.7 * (1 + Math.sin(i / 4 - 0.3)) ** 2)), refused: hours((i) => (i === 20 ? 4 : 0)), missed: hours((i) => (i === 30 ? 1 : 0)) });
	const day = (n) => ({ in: days((i) => Math.round(n * (1.4 + Math.sin(i / 2)))), out: days((i) => Math.round(n * (1.1 + Math.sin(i / 2)))), refused: days((i) => (i === 50 ? 4 : 0)), missed: days(() => 0) });
	w.owner = { at: iso(0), verdict: { status: 'warn', code: 'DMB120', what: 'Refused deliveries', seen: '4 in 24 h (wrong_secret 4)', remedy: 'Put the secret of the configuration into the flow: dmbox config' }, lastMessageAt: iso(4), lastCheckAt: iso(0.3),
		groups: ['configuration', 'database', 'files', 'web', 'provider', 'deliveries', 'sending', 'poller', 'inbox'].map((code, i) => ({ code, status: ['ok', 'ok', 'ok', 'unknown', 'ok', 'warn', 'ok', 'ok', 'ok'][i], checks: i === 5 ? [{ code: 'DMB120', status: 'warn', what: 'Refused deliveries', seen: '4 in 24 h', remedy: 'dmbox doctor --explain DMB120' }] : [] })),
		hours: { from: iso(48 * 60), accounts: { 'instagram/main': series(9), 'whatsapp/main': series(5) } }, days: { from: iso(60 * 1440).slice(0, 10), accounts: { 'instagram/main': day(90), 'whatsapp/main': day(50) } },
		waiting: { count: 17, oldestAt: iso(1740), conversations: [{ id: 3, channel: 'instagram', name: 'hassan.k', waitingSince: iso(1740) }, { id: 2, channel: 'whatsapp', name: 'Клуб рукодельниц', waitingSince: iso(180) }], responses: Array.from({ length: 14 }, (_, i) => ({ day: iso(i * 1440).slice(0, 10), median: 240 + i * 20, p90: 1800 + i * 100, n: 40 - i })) },
		failed: [{ message: 1006, conversation: 1, channel: 'instagram', name: 'Мария Орлова', content: 'Отправил эскиз', state: 'failed', error: { code: '551', kind: 'recipient', message: 'not available' }, outbox: 41, canRetry: true, canCancel: true }],
		refused: [{ reason: 'wrong_secret', count: 4, lastAt: iso(90), delivery: 7 }], accounts: [{ channel: 'instagram', account: 'main', provider: 'Chatrace', lastPollAt: iso(0.3), outcome: 'unsupported', hint: '', attempts: [{ url: 'https://api.example/messages', auth: 'X-ACCESS-TOKEN', status: 404, ms: 120, note: '' }] }, { channel: 'whatsapp', account: 'main', provider: 'Green API', lastPollAt: iso(0.1), outcome: 'empty', hint: '', attempts: [] }],
		users: [{ name: 'anna', role: 'owner', createdAt: iso(90000), lastSeen: iso(0), sessions: [{ id: 1, startedAt: iso(9000), lastSeen: iso(0), agent: 'Chrome, Windows' }] }, { name: 'boris', role: 'answer', createdAt: iso(80000), lastSeen: iso(60), sessions: [{ id: 2, startedAt: iso(4000), lastSeen: iso(60), agent: 'Safari, iPhone' }] }],
		setup: [{ code: 'token', done: true, what: 'The access token is in the configuration', value: '' }, { code: 'webhook', done: false, what: 'Enter this address at the provider', value: 'https://shop.example/instagram/webhook' }, { code: 'message', done: false, what: 'Write a message to the shop from another phone', value: '' }] };
	return w;
}
// a server with these conversations, and what fill adds
const start = async (more) => { const w = fill(stub.world()); more?.(w); return { w, ...await stub.serve(w) }; };
// what the page had to do at once is done
const settled = (page) => page.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r))));
async function openAt(page, s, hash, words) {
	await page.goto(`${s.url}/inbox/${hash}`);
	await require('./browser').message(page, words).first().waitFor();
}
const asked = (w, re) => w.calls.filter((c) => re.test(c)).length;
// n more looks at the tick file: what the feed tells has been told
async function looks(page, s, n = 3) {
	for (const upTo = asked(s.w, /tick/) + n; asked(s.w, /tick/) < upTo;)
		await settled(page);
}

module.exports = { fill, HOSTILE, start, settled, openAt, asked, looks };
