/*
 * What every part of the page needs: the words of both languages, the making
 * of elements, times as people write them, and the calls to the server
 * (docs/design/inbox-api.md).  Text from outside is only ever set as text.
 */

// --- words -----------------------------------------------------------------------

const words = {
	en: {
		search: 'Search: name, number, words', more: 'More', older: 'Earlier messages', newer: 'Later messages', latest: 'To the newest message',
		back: 'Back to the list', leave: 'Sign out', menu: 'Menu', send: 'Send', write: 'Write a reply', close: 'Close', cancel: 'Cancel', retry: 'Retry', ok: 'OK',
		conversations: 'Conversations', messages: 'Messages', conversation: 'Conversation', skip: 'Skip to the conversations', choose: 'Choose a conversation on the left.',
		none: 'No conversations here.', noneOf: { unanswered: 'Nobody is waiting for an answer.', mine: 'No conversation is yours at the moment.', unread: 'Everything has been read.', failed: 'Everything has gone out.' }, noneFound: 'Nothing found.', empty: 'No messages yet.', loading: 'Loading …',
		filters: { unanswered: 'Unanswered', all: 'All', mine: 'Mine', unread: 'Unread', failed: 'Failed', done: 'Done' }, filter: 'Show', channel: 'Channel or account', anyChannel: 'All channels', anyAccount: 'All accounts', allOf: (s) => `${s}: all`, label: 'Label', anyLabel: 'Any label',
		linkHint: 'Open the personal link you were given. If it no longer works, ask the owner of the inbox for a new one.', link: 'Or paste the link here', enter: 'Open the inbox',
		linkBad: { link_used: 'This link has already been used. Ask the owner for a new one.', link_expired: 'This link has expired. Ask the owner for a new one.', link_unknown: 'This link is not valid. Ask the owner for a new one.', rate: 'Too many attempts. Wait a minute, then try again.' },
		noCookies: 'The link worked, but this browser keeps no cookies, and without them nobody stays signed in. Allow cookies for this address, then open a new link.',
		ended: 'You have been signed out. Your drafts are kept. Open a new link to go on.',
		away: 'The server does not answer. Your text is kept; trying again.', stillIn: 'The server does not answer: you are still signed in. Try again.', readOnly: 'You may read here, but not answer.', notFound: 'This conversation does not exist.', erased: 'This conversation has been deleted.', merged: 'Two conversations with this person have become one; this is it.', refused: 'This is not possible', said: { provider_refused: 'The provider refused it.', reply_gone: 'A colleague has deleted this saved reply.', not_possible: 'That can no longer be done. Look at it again.', last_owner: 'One owner must remain.', user_exists: 'This name is taken. Make a new link for it instead.', name_taken: 'This name is taken.', bad_name: 'This name has signs that cannot be seen.' },
		draft: 'Draft', you: 'You', unread: (n) => `${n} unread`, waiting: (s) => `waiting for ${s}`, newFrom: (n) => `New message from ${n}`, newHere: 'New', meanwhile: (n) => `Somebody has just answered here (${n}). Look before you send.`,
		unsent: 'Message was unsent', edited: 'edited', test: 'test', showAll: (n) => `Show all (${n} characters)`, showLess: 'Show less', timeUnknown: 'time of arrival; the provider gave none',
		today: 'Today', yesterday: 'Yesterday', fromPhone: 'from the phone or app', byProgram: 'by a program',
		quoteOf: 'Quoted message', quoteGone: 'The quoted message is not here', reply: 'Reply', react: 'React', replyingTo: 'Replying to', dropQuote: 'Do not quote', reactions: 'Reactions', copy: 'Copy', copied: 'Copied', open: 'Open', enlarge: 'Enlarge picture', download: 'Download',
		status: { queued: 'waiting to be sent', sending: 'being sent', sent: 'sent', accepted: 'sent', delivered: 'delivered', read: 'read', failed: 'not sent', unknown: 'may have been sent', received: '' },
		sending: 'Sending …', queuedAt: (s) => `Not gone out yet. Next try ${s}.`, queued: 'Not gone out yet. It is tried again by itself.', unsure: 'May have been sent: the connection broke before the answer came. Look into the app before you send it again.',
		errors: {
			window: ['The time for replies is over', 'Instagram takes a reply only within a set time of the customer’s last message. Wait until the customer writes again.'],
			recipient: ['This person cannot be reached', 'The account may have been deleted, or it does not take messages.'],
			blocked: ['This person has blocked messages', 'Try another way, for example by telephone.'],
			too_long: ['The text is too long', 'Shorten it, or send it in two parts.'],
			media: ['The file was not accepted', 'Try another format (JPEG, PNG, MP4, PDF) or a smaller file.'],
			token: ['The connection to the provider has expired', 'Tell the owner: the access token must be renewed.'],
			rate: ['Too many messages in a short time', 'Wait a few minutes, then press Retry.'],
			network: ['No connection to the server', 'The text is kept. Press Retry once the connection is back.'],
			server: ['The server cannot do it now', 'The text is kept. Press Retry in a minute.'],
			unknown: ['It is not known whether this was sent', 'Look into the app before you send it again.'],
			session: ['You were signed out', 'The text is kept. Press Retry.'],
			denied: ['You may read here, but not answer', 'Ask the owner for the right to answer.'],
			account: ['This account is no longer connected', 'Tell the owner.'],
			provider: ['The provider refused the message', 'Press Retry; if that does not help, tell the owner.'],
			cancelled: ['Cancelled', 'It was not sent.'],
		},
		provider: 'The provider says',
		win: { open: (s) => `You can reply until ${s}.`, human: (s) => `Over 24 hours since the customer wrote: a person may still reply until ${s}.`, humanTick: 'I am writing this reply myself', closed: (s) => `Replies closed on ${s}. You can write again as soon as the customer writes.`, maybe: (s) => `The customer last wrote over 24 hours before ${s}; the reply may be refused.`, off: 'This account is no longer connected: you can read here, but not answer.' },
		place: 'Place', map: 'Show on the map', contact: 'Contact', poll: 'Poll', pollMany: 'several answers allowed', vote: (s) => `Voted: ${s}`, voteBack: 'Took the vote back',
		story: 'Story', storyReply: 'Replied to your story', storyReplyOut: 'You replied to a story', storyMention: 'Mentioned you in a story', seeStory: 'See the story', share: 'Shared post', reel: 'Shared reel', seePost: 'See it', product: 'Asks about a product', ad: 'Came from an advertisement', adId: 'Ad', shop: 'From the shop', order: 'Order', form: 'Form filled in',
		pressed: 'Pressed a button', buttons: 'Choices', ephemeral: 'A picture or video that disappears. It can only be seen in the app.', unsupported: 'This message can only be seen in the app.', invite: 'Invitation to a group', wave: 'Liked', linkTo: 'Link', followUp: 'Sent automatically',
		file: { image: 'Picture', video: 'Video', audio: 'Voice message', file: 'File', sticker: 'Sticker', other: 'Attachment' },
		fileComing: 'is being fetched …', fileGone: 'is no longer available', fileFailed: 'cannot be shown here',
		event: { call: 'Call', callMissed: 'Missed call', callOut: 'Outgoing call', referral: 'Came through a link or an advertisement', optin: 'Agreed to receive messages', handover: 'The conversation was passed to another program', block: 'Blocked messages', unblock: 'Allows messages again', account_linking: 'Linked an account', policy_enforcement: 'Notice from the provider', response_feedback: 'Rated the answer', poll_vote: 'Voted' },
		attach: 'Attach a file', dropHere: 'Drop the files here', uploading: (n) => `Uploading ${n} …`, tooLarge: (n) => `This file is too large (at most ${n}).`, badFile: 'A file of this kind cannot be sent here. Try JPEG, PNG, MP4 or PDF.', uploadFailed: 'could not be uploaded', uploadCut: 'the upload was cut off; add the file again', uploadGone: 'no longer kept; add the file again', emptyFile: 'The file is empty.', folder: 'Folders cannot be sent. Add the files that are in it.', unreadable: 'The file cannot be read: it was moved or changed, or it is not on this device. Add it again.', tooMany: (n) => `At most ${n} files go out together.`, remove: 'Remove', left: (n, what) => `${n} ${what} left`, over: (n, what) => `${n} ${what} too many`, bytes: 'bytes', characters: 'characters', parts: (n) => `goes out in ${n} parts`,
		done: 'Done', reopen: 'Reopen', doneHint: 'Nothing to do here any more. It comes back when the customer writes.', reopenHint: 'Put it back among the unanswered', tools: 'Who answers, labels, note', assign: 'Who answers', nobody: 'Nobody yet', labels: 'Labels', addLabel: 'New label', note: 'Private note', notePlaceholder: 'Only your colleagues see this', saveNote: 'Save note', noteOf: (n) => `Note by ${n}`, canned: 'Saved replies', cannedHint: '/ opens saved replies', saveReply: 'Save text as a reply', replyName: 'Name of the reply. {name} in its text becomes the customer’s name.', deleteIt: 'Delete', noReplies: 'No saved replies yet. Write a text and save it here.',
		notify: 'Notifications', notifyOff: 'This browser shows no notifications of this address. Allow them in its settings for this site.', sound: 'Sound', language: 'Язык: русский', owner: 'Overview', on: 'on', off: 'off', draftsLost: (n) => `You have unsent drafts (${n}). They are deleted when you sign out. Sign out?`,
		min: (n) => `${n} min`, hour: (n) => `${n} h`, days: (n) => `${n} d`, soon: 'in a moment', at: (s) => `at ${s}`, group: 'group', kb: 'kB', mb: 'MB',
	},
	ru: {
		search: 'Поиск: имя, номер, слова', more: 'Ещё', older: 'Более ранние', newer: 'Более поздние', latest: 'К последнему сообщению',
		back: 'К списку', leave: 'Выйти', menu: 'Меню', send: 'Отправить', write: 'Ответ', close: 'Закрыть', cancel: 'Отменить', retry: 'Повторить', ok: 'ОК',
		conversations: 'Переписки', messages: 'Сообщения', conversation: 'Переписка', skip: 'К списку переписок', choose: 'Выберите переписку слева.',
		none: 'Здесь пока нет переписок.', noneOf: { unanswered: 'Ответа никто не ждёт.', mine: 'Сейчас за вами нет переписок.', unread: 'Всё прочитано.', failed: 'Всё отправлено.' }, noneFound: 'Ничего не нашлось.', empty: 'Сообщений пока нет.', loading: 'Загрузка …',
		filters: { unanswered: 'Без ответа', all: 'Все', mine: 'Мои', unread: 'Непрочитанные', failed: 'С ошибкой', done: 'Завершённые' }, filter: 'Показать', channel: 'Канал или аккаунт', anyChannel: 'Все каналы', anyAccount: 'Все аккаунты', allOf: (s) => `${s}: все`, label: 'Метка', anyLabel: 'Любая метка',
		linkHint: 'Откройте личную ссылку, которую вам дали. Если она больше не работает, попросите у владельца новую.', link: 'Или вставьте ссылку сюда', enter: 'Открыть',
		linkBad: { link_used: 'Этой ссылкой уже воспользовались. Попросите у владельца новую.', link_expired: 'Срок ссылки истёк. Попросите у владельца новую.', link_unknown: 'Ссылка недействительна. Попросите у владельца новую.', rate: 'Слишком много попыток. Подождите минуту и попробуйте снова.' },
		noCookies: 'Ссылка подошла, но браузер не сохраняет cookie, а без них войти нельзя. Разрешите cookie для этого адреса и откройте новую ссылку.',
		ended: 'Вход завершён. Черновики сохранены. Откройте новую ссылку, чтобы продолжить.',
		away: 'Сервер не отвечает. Текст сохранён, пробуем ещё раз.', stillIn: 'Сервер не отвечает, выйти не удалось. Попробуйте ещё раз.', readOnly: 'Вам можно читать, но не отвечать.', notFound: 'Такой переписки нет.', erased: 'Эту переписку удалили.', merged: 'Две переписки с этим человеком объединены, вот общая.', refused: 'Это невозможно', said: { provider_refused: 'Мессенджер этого не принял.', reply_gone: 'Этот готовый ответ удалил коллега.', not_possible: 'Этого уже сделать нельзя. Посмотрите ещё раз.', last_owner: 'Хотя бы один владелец должен остаться.', user_exists: 'Такое имя уже есть. Создайте для него новую ссылку.', name_taken: 'Такое имя уже есть.', bad_name: 'В этом имени есть невидимые знаки.' },
		draft: 'Черновик', you: 'Вы', unread: (n) => `непрочитанных: ${n}`, waiting: (s) => `ждёт ${s}`, newFrom: (n) => `Новое сообщение: ${n}`, newHere: 'Новые', meanwhile: (n) => `Здесь только что ответили (${n}). Посмотрите, прежде чем отправлять.`,
		unsent: 'Сообщение отозвано', edited: 'изменено', test: 'проверка', showAll: (n) => `Показать полностью (знаков: ${n})`, showLess: 'Свернуть', timeUnknown: 'время получения: время отправки не сообщили',
		today: 'Сегодня', yesterday: 'Вчера', fromPhone: 'с телефона или из приложения', byProgram: 'программой',
		quoteOf: 'Цитата', quoteGone: 'Исходного сообщения здесь нет', reply: 'Ответить', react: 'Реакция', replyingTo: 'Ответ на', dropQuote: 'Не цитировать', reactions: 'Реакции', copy: 'Скопировать', copied: 'Скопировано', open: 'Открыть', enlarge: 'Увеличить', download: 'Скачать',
		status: { queued: 'ждёт отправки', sending: 'отправляется', sent: 'отправлено', accepted: 'отправлено', delivered: 'доставлено', read: 'прочитано', failed: 'не отправлено', unknown: 'возможно, отправлено', received: '' },
		sending: 'Отправляем …', queuedAt: (s) => `Ещё не ушло. Следующая попытка ${s}.`, queued: 'Ещё не ушло. Отправим, как только получится.', unsure: 'Возможно, отправлено: связь оборвалась до ответа. Загляните в приложение, прежде чем отправлять снова.',
		errors: {
			window: ['Время для ответа вышло', 'Instagram принимает ответ лишь ограниченное время после сообщения клиента. Дождитесь, пока клиент напишет снова.'],
			recipient: ['Этому человеку нельзя написать', 'Возможно, аккаунт удалён или не принимает сообщения.'],
			blocked: ['Этот человек запретил сообщения', 'Попробуйте связаться иначе, например по телефону.'],
			too_long: ['Текст слишком длинный', 'Сократите его или отправьте двумя частями.'],
			media: ['Файл не приняли', 'Попробуйте другой формат (JPEG, PNG, MP4, PDF) или файл поменьше.'],
			token: ['Доступ к мессенджеру истёк', 'Сообщите владельцу: нужно обновить токен доступа.'],
			rate: ['Слишком много сообщений подряд', 'Подождите несколько минут и нажмите «Повторить».'],
			network: ['Нет связи с сервером', 'Текст сохранён. Нажмите «Повторить», когда связь появится.'],
			server: ['Сервер сейчас не может этого сделать', 'Текст сохранён. Нажмите «Повторить» через минуту.'],
			unknown: ['Неизвестно, ушло ли сообщение', 'Загляните в приложение, прежде чем отправлять снова.'],
			session: ['Вход был завершён', 'Текст сохранён. Нажмите «Повторить».'],
			denied: ['Вам можно читать, но не отвечать', 'Попросите у владельца право отвечать.'],
			account: ['Этот аккаунт больше не подключён', 'Сообщите владельцу.'],
			provider: ['Мессенджер не принял сообщение', 'Нажмите «Повторить»; если не поможет, сообщите владельцу.'],
			cancelled: ['Отправка отменена', 'Сообщение не ушло.'],
		},
		provider: 'Ответ мессенджера',
		win: { open: (s) => `Ответить можно до ${s}.`, human: (s) => `Прошло больше суток. Живой человек ещё может ответить до ${s}.`, humanTick: 'Этот ответ пишу я, а не программа', closed: (s) => `Ответы закрыты с ${s}. Написать можно будет, как только напишет клиент.`, maybe: (s) => `С сообщения клиента прошло больше суток (срок был до ${s}): ответ могут не принять.`, off: 'Этот аккаунт больше не подключён: читать можно, отвечать нельзя.' },
		place: 'Место', map: 'Показать на карте', contact: 'Контакт', poll: 'Опрос', pollMany: 'можно несколько ответов', vote: (s) => `Голос: ${s}`, voteBack: 'Голос отозван',
		story: 'История', storyReply: 'Ответ на вашу историю', storyReplyOut: 'Вы ответили на историю', storyMention: 'Вас отметили в истории', seeStory: 'Посмотреть историю', share: 'Публикация', reel: 'Видео Reels', seePost: 'Посмотреть', product: 'Вопрос о товаре', ad: 'Пришли из рекламы', adId: 'Объявление', shop: 'Из магазина', order: 'Заказ', form: 'Заполнена форма',
		pressed: 'Нажата кнопка', buttons: 'Варианты', ephemeral: 'Исчезающее фото или видео. Его видно только в приложении.', unsupported: 'Это сообщение видно только в приложении.', invite: 'Приглашение в группу', wave: 'Понравилось', linkTo: 'Ссылка', followUp: 'Отправлено автоматически',
		file: { image: 'Фото', video: 'Видео', audio: 'Голосовое сообщение', file: 'Файл', sticker: 'Стикер', other: 'Вложение' },
		fileComing: 'загружается …', fileGone: 'больше недоступно', fileFailed: 'здесь не открывается',
		event: { call: 'Звонок', callMissed: 'Пропущенный звонок', callOut: 'Исходящий звонок', referral: 'Пришли по ссылке или из рекламы', optin: 'Согласие на сообщения', handover: 'Переписка передана другой программе', block: 'Запрет на сообщения', unblock: 'Сообщения снова разрешены', account_linking: 'Привязка аккаунта', policy_enforcement: 'Уведомление мессенджера', response_feedback: 'Оценка ответа', poll_vote: 'Голос в опросе' },
		attach: 'Прикрепить файл', dropHere: 'Отпустите файлы здесь', uploading: (n) => `Загружаем ${n} …`, tooLarge: (n) => `Файл слишком большой (не больше ${n}).`, badFile: 'Файл такого вида здесь отправить нельзя. Попробуйте JPEG, PNG, MP4 или PDF.', uploadFailed: 'не удалось загрузить', uploadCut: 'загрузка прервалась, добавьте файл снова', uploadGone: 'больше не хранится, добавьте файл снова', emptyFile: 'Файл пустой.', folder: 'Папку отправить нельзя. Добавьте файлы из неё.', unreadable: 'Файл не читается: его переместили, изменили, или его нет на этом устройстве. Добавьте его снова.', tooMany: (n) => `Вместе уходит не больше ${n} файлов.`, remove: 'Убрать', left: (n, what) => `осталось ${what}: ${n}`, over: (n, what) => `лишних ${what}: ${n}`, bytes: 'байт', characters: 'знаков', parts: (n) => `уйдёт частями: ${n}`,
		done: 'Завершить', reopen: 'Вернуть', doneHint: 'Здесь больше нечего делать. Переписка вернётся, когда клиент напишет.', reopenHint: 'Вернуть к тем, кто ждёт ответа', tools: 'Кто отвечает, метки, заметка', assign: 'Кто отвечает', nobody: 'Пока никто', labels: 'Метки', addLabel: 'Новая метка', note: 'Заметка для своих', notePlaceholder: 'Это видят только коллеги', saveNote: 'Сохранить заметку', noteOf: (n) => `Заметка: ${n}`, canned: 'Готовые ответы', cannedHint: '/ — готовые ответы', saveReply: 'Сохранить текст как готовый ответ', replyName: 'Название ответа. {имя} в его тексте заменится именем клиента.', deleteIt: 'Удалить', noReplies: 'Готовых ответов пока нет. Напишите текст и сохраните его здесь.',
		notify: 'Уведомления', notifyOff: 'Браузер не показывает уведомления с этого адреса. Разрешите их в настройках сайта.', sound: 'Звук', language: 'Language: English', owner: 'Обзор', on: 'вкл.', off: 'выкл.', draftsLost: (n) => `Есть неотправленные черновики (${n}). При выходе они удалятся. Выйти?`,
		min: (n) => `${n} мин`, hour: (n) => `${n} ч`, days: (n) => `${n} дн.`, soon: 'вот-вот', at: (s) => `в ${s}`, group: 'группа', kb: 'кБ', mb: 'МБ',
	},
};
// the page lies at BASE/inbox/ or BASE/CHANNEL/inbox/
export const base = location.pathname.replace(/((instagram|whatsapp)\/)?inbox\/[^/]*$/, '');

// --- what this browser keeps ---------------------------------------------------------

// two installations below one host name are two shops: neither has the other's drafts
export const OWN = base === '/' ? 'dmbox:' : `dmbox:${base}:`;
const unkept = new Map();	// what the browser had no room for, or may not keep: as long as the page is open
export const store = {
	get(key) {
		if (unkept.has(key))
			return JSON.parse(unkept.get(key));
		try { return JSON.parse(localStorage.getItem(OWN + key)); } catch { return null; }
	},
	set(key, value) {
		unkept.delete(key);
		try {
			if (value === null)
				localStorage.removeItem(OWN + key);
			else
				localStorage.setItem(OWN + key, JSON.stringify(value));
		} catch {
			unkept.set(key, JSON.stringify(value));
		}
	},
	keys(prefix) {
		let kept = [];
		try { kept = Object.keys(localStorage).filter((k) => k.startsWith(OWN)).map((k) => k.slice(OWN.length)); } catch { /* not allowed */ }
		return [...new Set([...kept, ...unkept.keys()])].filter((k) => k.startsWith(prefix) && store.get(k) !== null);
	},
};
export let lang = store.get('lang') || ((navigator.language || '').toLowerCase().startsWith('ru') ? 'ru' : 'en');
export let t = words[lang];
export function setLanguage(to) {
	lang = words[to] ? to : 'en';
	t = words[lang];
	document.documentElement.lang = lang;
}

// --- elements ----------------------------------------------------------------------

export const $ = (id) => document.getElementById(id);

// el('button.quiet', { type: 'button', onclick }, 'text', node): classes after the name; null children are left out
export function el(what, props, ...children) {
	const [tag, ...classes] = what.split('.');
	const e = document.createElement(tag);
	if (classes.length)
		e.className = classes.join(' ');
	for (const [k, v] of Object.entries(props || {})) {
		if (v === null || v === undefined || v === false)
			continue;
		if (k.startsWith('on'))
			e.addEventListener(k.slice(2), v);
		else if (k in e && !k.startsWith('aria') && k !== 'role')
			e[k] = v;
		else
			e.setAttribute(k, v === true ? '' : v);
	}
	e.append(...children.filter((c) => c !== null && c !== undefined && c !== ''));
	return e;
}
export const button = (cls, label, onclick, props) =>
	el(cls ? `button.${cls}` : 'button', { type: 'button', onclick, ...props }, label);

// several words of people's side by side: signs in one that turn the direction of writing end with it
export const apart = (all, sep) => all.filter(Boolean).flatMap((s, i) => [i ? sep : null, el('bdi', {}, s)]);

// sets what differs and nothing else: focus, selection and media stay
export function text(node, value) {
	if (node.textContent !== value)
		node.textContent = value;
}
export function attr(node, name, value) {
	if (value === null || value === undefined || value === false)
		node.removeAttribute(name);
	else if (node.getAttribute(name) !== String(value))
		node.setAttribute(name, value);
}

/*
 * The parts of one keyed node, in a fixed order.  A part is built anew only
 * when its signature changes; '' takes it away.
 */
export function part(host, order, name, signature, build) {
	const parts = host.parts ||= new Map();
	const old = parts.get(name);
	const held = old ? old.node.contains(document.activeElement) && document.activeElement.name : false;
	if (old ? old.signature === signature : signature === '')
		return;
	if (signature === '') {
		old.node.remove();
		parts.delete(name);
		if (held !== false)
			keepFocus(host);
		return;
	}
	const node = build(old?.node);
	if (old && old.node !== node) {
		old.node.replaceWith(node);
	} else if (!old) {
		const later = order.slice(order.indexOf(name) + 1).map((n) => parts.get(n)).find(Boolean);
		host.insertBefore(node, later ? later.node : null);
	}
	parts.set(name, { signature, node });
	if (held !== false && !node.contains(document.activeElement)) {	// who was at a field of it goes on there
		if (held)
			(node.name === held ? node : node.querySelector(`[name="${CSS.escape(held)}"]`))?.focus();
		keepFocus(node);
	}
}
// A key's press must not end on a control that is gone: what stands around it takes the focus.
export function keepFocus(node) {
	if (document.activeElement === document.body)
		node.closest('[tabindex]')?.focus({ preventScroll: true });
}

// --- times and sizes ------------------------------------------------------------------

// The server's time: a computer's clock may be wrong by hours, and what can still be answered does not hang on it.
let ahead = 0;
export const now = () => Date.now() + ahead;
function heardTime(date) {
	const off = Date.parse(date) - Date.now();
	ahead = Math.abs(off) > 60000 ? off : 0;
}
const formats = {};
// months and days are in the page's language, in the form that this browser's person is used to
export const locale = () => lang === 'ru' ? 'ru-RU' : (navigator.languages || []).find((l) => /^en\b/i.test(l)) || 'en-GB';
const format = (key, options, Kind = Intl.DateTimeFormat) => formats[lang + key] ||= new Kind(locale(), options);
export const clock = (iso) => format('t', { hour: '2-digit', minute: '2-digit' }).format(new Date(iso));
const date = (iso) => format('D', { day: 'numeric', month: 'long', year: 'numeric' }).format(new Date(iso));
// with its time, in Russian so that it fits behind "до" and "с", too
const timed = (key, options, iso) => lang === 'ru' ? `${format(key, options).format(new Date(iso))}, ${clock(iso)}` :
	format(key, { ...options, hour: '2-digit', minute: '2-digit' }).format(new Date(iso));
export const full = (iso) => timed('f', { day: 'numeric', month: 'long', year: 'numeric' }, iso);
const dayKey = (d) => `${d.getFullYear()}-${d.getMonth()}-${d.getDate()}`;
export const dayOf = (iso) => dayKey(new Date(iso));
export function dayName(iso) {
	const d = new Date(iso), at = new Date(now()), year = at.getFullYear();
	if (dayKey(d) === dayKey(at))
		return t.today;
	at.setDate(at.getDate() - 1);
	if (dayKey(d) === dayKey(at))
		return t.yesterday;
	return d.getFullYear() === year ? format('d', { weekday: 'long', day: 'numeric', month: 'long' }).format(d) :
		date(iso);
}
// in a list: the time today and of the last hours, yesterday, the date otherwise
export function brief(iso) {
	const d = new Date(iso), at = new Date(now());
	if (dayKey(d) === dayKey(at) || (d <= at && at - d < 6 * 3600e3))
		return clock(iso);
	if (dayName(iso) === t.yesterday)
		return t.yesterday;
	return d.getFullYear() === at.getFullYear() ? format('b', { day: 'numeric', month: 'short' }).format(d) :
		format('B', { day: 'numeric', month: 'numeric', year: 'numeric' }).format(d);
}
// a moment near today in a sentence: 14:30, or with its day
export const isToday = (iso) => dayOf(iso) === dayOf(now());
export const moment = (iso) => isToday(iso) ? clock(iso) : new Date(iso).getFullYear() !== new Date(now()).getFullYear() ? full(iso) :
	timed('m', { day: 'numeric', month: 'long' }, iso);
export function span(ms) {
	const m = Math.max(1, Math.round(ms / 60000));
	return m < 60 ? t.min(m) : m < 48 * 60 ? t.hour(Math.round(m / 60)) : t.days(Math.round(m / 1440));
}
export const size = (n) => n >= 1e6 ? `${format('s', { maximumFractionDigits: 1 }, Intl.NumberFormat).format(n / 1e6)} ${t.mb}` : `${Math.max(1, Math.round(n / 1e3))} ${t.kb}`;

// --- the server --------------------------------------------------------------------

export class ApiError extends Error {
	constructor(status, code, message, body) {
		super(message);
		Object.assign(this, { status, code, body });
	}
}
// there is no such thing, by the program's own word: a web server without the program says 404, too
export const isGone = (err) => err.status === 404 && err.code === 'not_found';

export const key = () => crypto.randomUUID ? crypto.randomUUID() :
	[...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');

// A telephone that changes from one network to the next leaves requests that nobody answers: each ends by itself.
const READ_MS = 30000, WRITE_MS = 120000, UPLOAD_BYTES_MS = 10;	// an upload: at 10 kB/s and more
export function limit(ms) {
	const c = new AbortController();	// AbortSignal.timeout is not everywhere
	setTimeout(() => c.abort(), ms);
	return c.signal;
}
export async function call(path, options = {}) {
	const signal = options.signal || limit(options.method ? WRITE_MS : READ_MS);
	let res;
	try {
		res = await fetch(path, { cache: 'no-store', credentials: 'same-origin', ...options, signal, headers: { 'X-Dmbox': '1', ...options.headers } });
	} catch (err) {
		throw new ApiError(0, 'network', String(err.message));
	}
	heardTime(res.headers.get('Date'));
	const json = (res.headers.get('Content-Type') || '').startsWith('application/json');
	const body = json ? await res.json().catch(() => null) : null;
	if (!res.ok || (body === null && options.json !== false))
		throw new ApiError(res.ok ? 502 : res.status, body?.error?.code, body?.error?.message || res.statusText, body);
	return body;
}
const query = (o) => {
	const q = new URLSearchParams();
	for (const [k, v] of Object.entries(o))
		if (v !== null && v !== undefined && v !== '')
			q.set(k, v);
	return q.size || [...q].length ? `?${q}` : '';
};
export const post = (path, body, headers) => call(path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers } });

/*
 * A page of the list or of a thread may have been read before a change that the feed told while
 * the page was on its way: answer(promise) gives the page and what was told since it was asked for.
 */
const underWay = new Set();
export async function answer(promise) {
	const since = { messages: [], conversations: [], gone: [], counts: null, reset: false };
	underWay.add(since);
	try {
		return [await promise, since];
	} finally {
		underWay.delete(since);
	}
}
export function told({ messages, conversations, gone }, counts, reset) {
	for (const since of underWay) {
		since.messages.push(...messages);
		since.conversations.push(...conversations);
		since.gone.push(...gone);
		since.counts = counts || since.counts;
		since.reset ||= reset;
	}
}

export const server = {
	login: (token) => post('login', { token, secure: location.protocol === 'https:' }),
	logout: () => post('logout', {}),
	me: () => call(location.protocol === 'https:' ? 'me?secure=1' : 'me'),
	language: (to) => post('me', { lang: to }),
	conversations: (o) => call(`conversations${query(o)}`),
	conversation: (channel, id) => call(`conversation${query({ channel, id })}`).then((r) => r.conversation),
	messages: (c, o) => call(`messages${query({ conversation: c.id, ...o })}`),
	changes: (after) => call(`changes${query({ after })}`),
	send: (c, body, idempotency) => post(`${base}${c.channel}/send`, body, { 'Idempotency-Key': idempotency }),
	upload: (c, file) => call(`${base}${c.channel}/upload${query({ account: c.account, name: file.name })}`,
		{ method: 'POST', body: file, signal: limit(WRITE_MS + file.size / UPLOAD_BYTES_MS), headers: { 'Content-Type': file.type || 'application/octet-stream' } }),
	outbox: (id, action) => post('outbox', { id, action }),
	read: (c, upTo) => post('read', { conversation: c.id, upTo }),
	update: (c, change) => post('conversation', { id: c.id, ...change }).then((r) => r.conversation),
	note: (body) => post('note', body),
	replies: (body) => post('replies', body).then((r) => r.replies),
	media: (a) => `media?attachment=${encodeURIComponent(a.id)}`,
	get: (path, o) => call(path + query({ lang, ...o })),
};
