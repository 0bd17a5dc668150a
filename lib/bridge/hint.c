/*
 * Texts for people.  Each stands in both languages side by side, so that one is
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
say(const struct conf *c, const struct text *t)
{
	return str_eq(c->lang, "ru") ? t->ru : t->en;
}

void
hint_webhook_url(const struct conf *c, const struct account *a, struct buf *b)
{
	static const struct text unset = {
		" (your address; set DMBOX_PUBLIC_URL to see the exact one)",
		" (ваш адрес; задайте DMBOX_PUBLIC_URL, чтобы увидеть точный)" };
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
		buf_puts(b, say(c, &unset));
}

void
hint_chatrace_body(const struct account *a, struct buf *b)
{
	buf_puts(b, "{\"event\":\"message\",\"account_id\":");
	json_put_str(b, a->own_id != NULL ? a->own_id : "");
	buf_puts(b, ",\"contact_id\":\"{{user_id}}\",\"username\":\"{{ig_user_name}}\","
	    "\"name\":\"{{full_name}}\",\"channel\":\"instagram\",\"text\":\"{{last_input}}\"}");
}

void
hint_chatrace_form(const struct account *a, const char *sep, struct buf *b)
{
	buf_printf(b, "event=message%saccount_id=%s%scontact_id={{user_id}}%s"
	    "username={{ig_user_name}}%sname={{full_name}}%schannel=instagram%stext={{last_input}}",
	    sep, a->own_id != NULL ? a->own_id : "", sep, sep, sep, sep, sep);
}

void
hint_chatrace_setup(const struct conf *c, const struct account *a, struct buf *b)
{
	static const struct text open = {
		"Set the webhook up: open https://chatrace.com/en/settings?acc=",
		"Настройте вебхук: откройте https://chatrace.com/en/settings?acc=" };
	static const struct text section = {
		", section \"Webhooks / API Settings\", enter the webhook URL ",
		", раздел «Webhooks / API Settings», укажите URL вебхука " };
	static const struct text events = {
		" and tick the events \"Instagram messages\" and \"Incoming messages\". "
		"If your installation does not show them: Flow builder → Actions → External API "
		"Request, in the default reply / main flow: method POST, URL ",
		" и отметьте события «Instagram messages» и «Incoming messages». "
		"Если в вашей установке их нет: Flow builder → Actions → External API Request "
		"в ответе по умолчанию (default reply / main flow): метод POST, URL " };
	static const struct text header = {
		", header X-Webhook-Secret with the value of INSTAGRAM_WEBHOOK_SECRET, body of the "
		"type application/x-www-form-urlencoded with the fields ",
		", заголовок X-Webhook-Secret со значением INSTAGRAM_WEBHOOK_SECRET, тело типа "
		"application/x-www-form-urlencoded с полями " };
	static const struct text json = {
		". Only where the flow offers no form: application/json with ",
		". Только если формы в сценарии нет: application/json и " };

	buf_puts(b, say(c, &open));
	buf_puts(b, a->own_id != NULL ? a->own_id : "");
	buf_puts(b, say(c, &section));
	hint_webhook_url(c, a, b);
	buf_puts(b, say(c, &events));
	hint_webhook_url(c, a, b);
	buf_puts(b, say(c, &header));
	hint_chatrace_form(a, "  ", b);
	buf_puts(b, say(c, &json));
	hint_chatrace_body(a, b);
}

static const struct {
	const char *code;
	struct text text;
} texts[] = {
	{ "no_polling", {
		"This provider has no polling; messages come only through the webhook.",
		"У этого провайдера нет опроса; сообщения приходят только через вебхук." } },
	{ "wrong_token", {
		"The provider refuses the access token (401): check the token and the API URL of "
		"this account.",
		"Провайдер не принимает токен доступа (401): проверьте токен и адрес API этого "
		"аккаунта." } },
	{ "other_account", {
		"The access token belongs to another account than its own first part says: copy "
		"the whole token again.",
		"Токен доступа относится не к тому аккаунту, который назван в его первой части: "
		"скопируйте токен целиком ещё раз." } },
	{ "base_url", {
		"The API was not found at the API URL (404, or a page instead of JSON): a missing "
		"or an extra /api at its end?",
		"По адресу API ничего нет (404 или страница вместо JSON): не хватает /api в "
		"конце, или он лишний?" } },
	{ "no_token", {
		"No access token is configured for this account.",
		"Для этого аккаунта не задан токен доступа." } },
	{ "bad_url", {
		"The API URL of this account is no address that can be called.",
		"Адрес API этого аккаунта не годится для запроса." } },
	{ "form_lost", {
		"The address that listed messages is gone; the next check probes all forms again.",
		"Адрес, по которому были сообщения, пропал; следующая проверка переберёт все "
		"формы заново." } },
	{ "timeout", {
		"The provider did not answer in time.",
		"Провайдер не ответил вовремя." } },
	{ "unreachable", {
		"The provider cannot be reached: name, network or certificate.",
		"До провайдера не достучаться: имя, сеть или сертификат." } },
	{ "bad_answer", {
		"The provider answered with errors; see attempts.",
		"Провайдер ответил ошибками; смотрите attempts." } },
	{ "rate_limited", {
		"The provider asks us to wait (429).",
		"Провайдер просит подождать (429)." } },
	{ "wrong_url", {
		"The provider does not know this address (403, 404 or a page): check the API URL "
		"and the instance's number (WHATSAPP_API_URL, WHATSAPP_ID_INSTANCE).",
		"Провайдер не знает такого адреса (403, 404 или страница): проверьте адрес API и "
		"номер инстанса (WHATSAPP_API_URL, WHATSAPP_ID_INSTANCE)." } },
	{ "not_configured", {
		"The account is not complete: WHATSAPP_API_URL, WHATSAPP_ID_INSTANCE and "
		"WHATSAPP_API_TOKEN_INSTANCE are needed.",
		"Аккаунт настроен не полностью: нужны WHATSAPP_API_URL, WHATSAPP_ID_INSTANCE и "
		"WHATSAPP_API_TOKEN_INSTANCE." } },
	{ "not_authorized", {
		"The WhatsApp instance is not authorized: scan the QR code in Green API's console.",
		"Инстанс WhatsApp не авторизован: отсканируйте QR-код в личном кабинете Green API." } },
	{ "starting", {
		"The WhatsApp instance is starting; the next check tries again.",
		"Инстанс WhatsApp запускается; следующая проверка попробует снова." } },
	{ "quota_exceeded", {
		"The plan's quota at Green API is used up (466).",
		"Исчерпана квота тарифа Green API (466)." } },
	{ "stuck_queue", {
		"Green API gives the same notification again although it was deleted; what was "
		"received is stored.",
		"Green API снова отдаёт уже удалённое уведомление; полученное сохранено." } },
	{ "provider_error", {
		"The provider has trouble of its own (5xx); the next check tries again.",
		"У провайдера сбой (5xx); следующая проверка попробует снова." } },
	{ "appsecret_proof", {
		"The app demands appsecret_proof (Require App Secret): put the app's own secret into "
		"INSTAGRAM_APP_SECRET (App Dashboard → App settings → Basic → App secret).",
		"Приложение требует appsecret_proof (Require App Secret): укажите секрет этого "
		"приложения в INSTAGRAM_APP_SECRET (App Dashboard → App settings → Basic → App secret)." } },
	{ "meta_refuses", {
		"Meta refuses this account or app as a whole: restricted, only Standard Access, or the "
		"token belongs to another host. Nothing is lost, dmbox goes on trying; look into the "
		"App Dashboard for alerts.",
		"Meta отказывает аккаунту или приложению целиком: ограничение, только Standard Access "
		"или токен для другого адреса. Ничего не потеряно, dmbox пробует дальше; посмотрите "
		"уведомления в App Dashboard." } },
	{ "refused_unclear", {
		"Meta refuses without saying whether the account or this message is to blame. Nothing "
		"is lost, dmbox goes on trying; dmbox outbox cancel ID gives a message up.",
		"Meta отказывает и не говорит, в аккаунте дело или в сообщении. Ничего не потеряно, "
		"dmbox пробует дальше; dmbox outbox cancel ID снимает сообщение." } },
	{ "no_permission", {
		"The token lacks a permission or a role in the app: give the access anew, and see in "
		"the App Dashboard whether instagram_manage_messages has Advanced Access.",
		"У токена нет разрешения или роли в приложении: выдайте доступ заново и проверьте в "
		"App Dashboard, есть ли у instagram_manage_messages Advanced Access." } },
	{ "restricted", {
		"Meta has restricted this account for a time: see Account Status in the Instagram app.",
		"Meta временно ограничила аккаунт: смотрите «Статус аккаунта» в приложении Instagram." } },
	{ "wrong_page_id", {
		"INSTAGRAM_PAGE_ID is not the account that the token belongs to; nothing is read, so "
		"that nothing is stored under a wrong name. dmbox doctor --only DMB-715 tells the right id.",
		"INSTAGRAM_PAGE_ID — не тот аккаунт, которому принадлежит токен; ничего не читается, "
		"чтобы не записать под чужим именем. Верный id покажет dmbox doctor --only DMB-715." } },
	{ "no_instagram", {
		"The token belongs to no Instagram account: link one to the Page, or set "
		"INSTAGRAM_PAGE_ID.",
		"Токен не относится ни к какому аккаунту Instagram: привяжите его к странице или "
		"задайте INSTAGRAM_PAGE_ID." } },
	{ "suspended", {
		"WhatsApp limits this number for a time: nothing is sent, messages still arrive. dmbox "
		"holds the queue until the limit ends; write only to people who wrote first.",
		"WhatsApp временно ограничил номер: отправки нет, входящие приходят. dmbox придержит "
		"очередь до конца ограничения; пишите только тем, кто написал первым." } },
	{ "green_refuses", {
		"Green API refuses without saying whether the instance or this message is to blame. "
		"Nothing is lost, dmbox goes on trying; dmbox outbox cancel ID gives a message up.",
		"Green API отказывает и не говорит, в инстансе дело или в сообщении. Ничего не "
		"потеряно, dmbox пробует дальше; dmbox outbox cancel ID снимает сообщение." } },
	{ "paused", {
		"The account rests, because the provider asked for a pause.",
		"Аккаунт отдыхает: провайдер попросил паузу." } },
	{ "database", {
		"The database is away: what was received could not be stored.",
		"База данных недоступна: полученное не удалось сохранить." } },
	{ "interrupted", {
		"The check was interrupted.",
		"Проверка прервана." } },
	{ "busy", {
		"Another check of this account is under way.",
		"Сейчас идёт другая проверка этого аккаунта." } },
};

const char *
hint_text(const struct conf *c, const char *code)
{
	for (size_t i = 0; !str_empty(code) && i < sizeof texts / sizeof texts[0]; i++)
		if (str_eq(texts[i].code, code))
			return say(c, &texts[i].text);
	return NULL;
}

void
hint_poll(const struct conf *c, const struct account *a, enum poll_outcome outcome,
    const char *code, struct buf *b)
{
	static const struct text see = {
		"The check failed with ", "Проверка не удалась: " };
	const char *s = hint_text(c, code);

	if (s != NULL)
		buf_puts(b, s);
	else if (code != NULL)
		buf_printf(b, "%s%s.", say(c, &see), code);
	if (outcome != POLL_UNSUPPORTED)
		return;
	if (!str_eq(code, "no_polling"))
		buf_printf(b, "%s%s", b->n > 0 ? " " : "", say(c, &texts[0].text));
	if (a->provider == PROVIDER_CHATRACE) {
		buf_putc(b, ' ');
		hint_chatrace_setup(c, a, b);
	}
}
