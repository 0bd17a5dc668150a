/*
 * Texts for people.  Each is there in both languages side by side, so that one is
 * not changed without the other.
 */
#include "bridge/hint.h"

#include <string.h>

#include "extern/json.h"
#include "base/str.h"

struct text {
	const char *en, *ru;
};

static const char *
say(bool ru, const struct text *t)
{
	return ru ? t->ru : t->en;
}

static bool
russian(const struct conf *c)
{
	return str_eq(c->lang, "ru");
}

void
hint_webhook_url(const struct conf *c, const struct account *a, struct buf *b)
{
	static const struct text unset = {
		" (your address; set DMBOX_PUBLIC_URL to see the exact one)",
		" (ваш адрес; задайте DMBOX_PUBLIC_URL, чтобы увидеть точный)"
	};
	size_t n;

	if (str_empty(c->public_url)) {
		buf_puts(b, "https://YOUR-DOMAIN");
	} else {
		n = strlen(c->public_url);
		while (n > 0 && c->public_url[n - 1] == '/')
			n--;
		buf_put(b, c->public_url, n);
	}
	buf_printf(b, "/%s/webhook", channel_names[a->channel]);
	if (!str_eq(a->name, "main"))
		buf_printf(b, "/%s", a->name);
	if (str_empty(c->public_url))
		buf_puts(b, say(russian(c), &unset));
}

static const struct {
	const char *code;
	struct text text;
} texts[] = {
	{ "no_polling",
	    { "This provider has no polling; messages come only through the webhook.",
		"У этого провайдера нет опроса; сообщения приходят только через вебхук." } },
	{ "wrong_token",
	    { "The provider refuses the access token (401): check the token and the API URL of "
	      "this account.",
		"Провайдер не принимает токен доступа (401): проверьте токен и адрес API этого "
		"аккаунта." } },
	{ "no_token",
	    { "No access token is configured for this account.",
		"Для этого аккаунта не задан токен доступа." } },
	{ "bad_url",
	    { "The API URL of this account is no address that can be called.",
		"Адрес API этого аккаунта не годится для запроса." } },
	{ "timeout", { "The provider did not answer in time.", "Провайдер не ответил вовремя." } },
	{ "unreachable",
	    { "The provider cannot be reached: name, network or certificate.",
		"До провайдера не достучаться: имя, сеть или сертификат." } },
	{ "bad_answer",
	    { "The provider answered with errors; see attempts.",
		"Провайдер ответил ошибками; смотрите attempts." } },
	{ "rate_limited",
	    { "The provider asks us to wait (429).", "Провайдер просит подождать (429)." } },
	{ "provider_error",
	    { "The provider has trouble of its own (5xx); the next check tries again.",
		"У провайдера сбой (5xx); следующая проверка попробует снова." } },
	{ "paused",
	    { "The account rests, because the provider asked for a pause.",
		"Аккаунт отдыхает: провайдер попросил паузу." } },
	{ "database",
	    { "The database is away: what was received could not be stored.",
		"База данных недоступна: полученное не удалось сохранить." } },
	{ "interrupted", { "The check was interrupted.", "Проверка прервана." } },
	/* what was odd about a delivery that was accepted */
	{ "not_understood",
	    { "The body was not_understood and made no message: it is no shape that is known of "
	      "this provider. It is kept; after an update `dmbox replay` reads it again.",
		"Тело запроса не понято (not_understood) и не стало сообщением: такого формата у "
		"этого провайдера мы не знаем. Оно сохранено; после обновления его прочтёт "
		"`dmbox replay`." } },
	{ "raw_controls",
	    { "As JSON the body was not_understood: a line end stands unescaped in a "
	      "string. It was "
	      "mended and stored; send the fields as a form, which cannot break.",
		"Как JSON тело не понято (not_understood): в строке стоит неэкранированный перевод "
		"строки. Оно исправлено и сохранено; отправляйте поля формой, её слова клиента не "
		"сломают." } },
	{ "salvaged",
	    { "As JSON the body was not_understood: a quote in a text broke it. It was "
	      "mended and "
	      "stored; send the fields as a form, which cannot break.",
		"Как JSON тело не понято (not_understood): его сломала кавычка в тексте. Оно "
		"исправлено и сохранено; отправляйте поля формой, её слова клиента не сломают." } },
	{ "foreign_entry",
	    { "The delivery names another account than is configured at this address; it is stored "
	      "here all the same. `dmbox doctor` names its id.",
		"Доставка называет не тот аккаунт, что настроен по этому адресу; она всё равно "
		"сохранена здесь. Его id назовёт `dmbox doctor`." } },
	{ "unknown_account",
	    { "The delivery names an account that is not configured, and made no message. `dmbox "
	      "doctor` names its id; add it (dmbox init --account NAME), then `dmbox replay`.",
		"Доставка называет аккаунт, которого нет в конфигурации, и не стала сообщением. "
		"Его id назовёт `dmbox doctor`; добавьте аккаунт (dmbox init --account NAME) и "
		"выполните `dmbox replay`." } },
	{ "messenger",
	    { "The delivery is of a Facebook Page's Messenger, not of Instagram: it made no "
	      "message, and its bytes are erased a day later. If nobody needs it, take the Page's "
	      "subscription away (App Dashboard, Messenger, Webhooks).",
		"Это доставка из Messenger страницы Facebook, а не из Instagram: она не стала "
		"сообщением, её тело сотрётся через сутки. Если она никому не нужна, снимите "
		"подписку страницы (App Dashboard, Messenger, Webhooks)." } },
	{ "no_sender",
	    { "A message does not say who wrote it: it is kept and stands in no conversation. Send "
	      "the person's id with it (sender.id, contact_id).",
		"В сообщении не сказано, кто его написал: оно сохранено, но не попало ни в один "
		"диалог. Передавайте идентификатор клиента (sender.id, contact_id)." } },
	{ "raw_form",
	    { "The fields of this form were not encoded: a & in a customer's words cut them "
	      "off. They were joined; let the platform encode the fields, for a + or a % is "
	      "still read wrong.",
		"Поля этой формы пришли без кодирования: «&» в словах клиента их обрывал. Слова "
		"собраны; включите кодирование полей (URL-encode) на платформе: «+» и «%» "
		"по-прежнему читаются неверно." } },
	{ "behind_text",
	    { "A member that says whose message it is stands behind a customer's words "
	      "and was not "
	      "believed: put contact_id first.",
		"Поле о том, чьё это сообщение, стоит после слов клиента, и ему не "
		"поверили: поставьте "
		"contact_id первым." } },
	{ "bad_utf8",
	    { "Some bytes are no UTF-8 and were replaced: declare the charset in Content-Type.",
		"Часть байтов не UTF-8, они заменены: укажите кодировку в Content-Type." } },
	{ "literal_variable",
	    { "A {{variable}} came without its value ({{name}}, undefined or null): choose it "
	      "from the platform's list.",
		"{{Переменная}} пришла без значения ({{name}}, undefined или null): выберите её "
		"из списка платформы." } },
	{ "bad_time",
	    { "The time of a message is none (0, a word, another century): it counts as sent "
	      "when it arrived. Send seconds or milliseconds since 1970, or ISO 8601, or none.",
		"Время сообщения не похоже на время (0, слово, другой век): отправленным оно "
		"считается в момент прихода. Передавайте секунды или миллисекунды с 1970 года, ISO "
		"8601 или ничего." } },
	{ "future_time",
	    { "The time of a message lies in the future: it counts as a day after its arrival. "
	      "Correct the clock, or the unit, of what sends it.",
		"Время сообщения в будущем: считается, что это сутки после прихода. Поправьте часы "
		"или единицу времени у отправителя." } },
	{ "reused_id",
	    { "The id of this message was another one's before: the flow writes the same "
	      "messageId into each. Remove the field; the message was stored all the same.",
		"С id этого сообщения раньше пришло другое: сценарий пишет во все один и тот же "
		"messageId. Уберите это поле; сообщение всё равно сохранено." } },
	{ "unknown_charset",
	    { "The declared charset is not known; the body is kept and made no message. "
	      "Send UTF-8.",
		"Указанная кодировка неизвестна; тело сохранено и не стало сообщением. "
		"Отправляйте UTF-8." } },
	{ "bad_charset",
	    { "The body is not in the declared charset; it is kept and made no message. "
	      "Send UTF-8.",
		"Тело не в указанной кодировке; оно сохранено и не стало сообщением. "
		"Отправляйте UTF-8." } },
	{ "bad_compression",
	    { "The compressed body is broken; it is kept and made no message.",
		"Сжатое тело повреждено; оно сохранено и не стало сообщением." } },
	{ "unknown_compression",
	    { "The body is no text but compressed in a way that is not known here (br, zstd); it "
	      "is kept and made no message. Send it as it is, or by gzip.",
		"Тело — не текст, а сжатые данные неизвестного вида (br, zstd); оно сохранено и не "
		"стало сообщением. Отправляйте без сжатия или gzip." } },
	{ "bad_multipart",
	    { "The multipart body is broken or names no boundary; it is kept and made "
	      "no message.",
		"Тело multipart повреждено или без boundary; оно сохранено и не стало "
		"сообщением." } },
	{ "busy",
	    { "Another check of this account is under way.",
		"Сейчас идёт другая проверка этого аккаунта." } },
};

const char *
hint_text(bool ru, const struct account *a, const char *code)
{
	const char *s;

	if (str_empty(code))
		return NULL;
	if ((s = provider_hint(provider_of(a), code, ru)) != NULL)
		return s;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (str_eq(texts[i].code, code))
			return say(ru, &texts[i].text);
	return NULL;
}

bool
hint_address(
    const struct conf *c, const struct account *a, const char *body, size_t n, struct buf *b)
{
	static const struct text of = { "This is a delivery of ", "Это доставка от " };
	static const struct text here = { ", and this address is for ", ", а этот адрес — для " };
	static const struct text kept = { ": it is kept and made no message. ",
		": она сохранена и не стала сообщением. " };
	static const struct text enter = { "Enter this address there: ", "Укажите там адрес " };
	static const struct text none = {
		"No account of that provider is configured: `dmbox init`.",
		"Аккаунта этого провайдера в настройках нет: `dmbox init`."
	};
	const struct provider *p = provider_by_body(body, n);
	bool ru = russian(c);

	if (p == NULL || p == provider_of(a))
		return false;
	buf_printf(b, "%s%s%s%s%s", say(ru, &of), p->title, say(ru, &here), provider_of(a)->title,
	    say(ru, &kept));
	for (size_t i = 0; i < c->n_accounts; i++)
		if (provider_of(&c->accounts[i]) == p) {
			buf_puts(b, say(ru, &enter));
			hint_webhook_url(c, &c->accounts[i], b);
			return true;
		}
	buf_puts(b, say(ru, &none));
	return true;
}

/* What to do at the provider, in one paragraph. */
static void
put_setup(const struct conf *c, const struct account *a, struct buf *b)
{
	struct setup_facts f = { .ru = russian(c), .brief = true, .own_id = a->own_id };
	struct buf url, text;

	buf_init(&url, 8192);
	buf_init(&text, 65536);
	hint_webhook_url(c, a, &url);
	f.url = url.p;
	provider_of(a)->setup(&f, &text);
	if (text.n > 0)
		buf_printf(b, " %s", text.p);
	buf_free(&text);
	buf_free(&url);
}

void
hint_poll(const struct conf *c, const struct account *a, enum poll_outcome outcome,
    const char *code, struct buf *b)
{
	static const struct text see = { "The check failed with ", "Проверка не удалась: " };
	const char *s = hint_text(russian(c), a, code);

	if (s != NULL)
		buf_puts(b, s);
	else if (code != NULL)
		buf_printf(b, "%s%s.", say(russian(c), &see), code);
	if (outcome != POLL_UNSUPPORTED)
		return;
	if (!str_eq(code, "no_polling"))
		buf_printf(b, "%s%s", b->n > 0 ? " " : "", say(russian(c), &texts[0].text));
	put_setup(c, a, b);
}
