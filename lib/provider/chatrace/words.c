/*
 * Texts for people about Chatrace, and for its support.
 */
#include <string.h>

#include "base/buf.h"
#include "extern/jsonw.h"
#include "provider/chatrace/chatrace.h"

static const char ticket_ru[] =
    "Здравствуйте!\n\n"
    "Сообщения Instagram нашего аккаунта %s не приходят в нашу систему (адрес вебхука: %s).\n"
    "Просим ответить на три вопроса:\n\n"
    "1. Формат вебхука: какой запрос (метод, заголовки, тело) вы отправляете на наш адрес "
    "при новом\n"
    "   сообщении Instagram и как его включить для нашего аккаунта?\n"
    "2. Опрос: есть ли в API адрес, который возвращает новые сообщения (polling), и какой?\n"
    "3. Авторизация: какая форма верна: X-ACCESS-TOKEN, Authorization: Bearer или другая?\n\n"
    "Что мы попробовали (ключи скрыты):\n";
static const char ticket_en[] =
    "\nHello,\n\n"
    "Instagram messages of our account %s do not reach our system (webhook address: %s).\n"
    "Please answer three questions:\n\n"
    "1. Webhook format: which request (method, headers, body) do you send to our address "
    "for a new\n"
    "   Instagram message, and how is it switched on for our account?\n"
    "2. Polling: does the API have an address that returns new messages, and which one?\n"
    "3. Authorisation: which form is right: X-ACCESS-TOKEN, Authorization: Bearer, or "
    "another?\n\n"
    "What we tried (keys are hidden):\n";

void
chatrace_ticket(const struct account *a, const char *url, bool ru, struct buf *b)
{
	buf_printf(b, ru ? ticket_ru : ticket_en, a->own_id != NULL ? a->own_id : "?", url);
}

/* --- where to click (A.6; the dashboard's page and names are earlier-system.md's) ------------ */

static const char *tr(const struct setup_facts *f, const char *en, const char *ru)
    __attribute__((format_arg(2), format_arg(3)));

static const char *
tr(const struct setup_facts *f, const char *en, const char *ru)
{
	return f->ru ? ru : en;
}

void
chatrace_body(const char *own_id, struct buf *b)
{
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "event", "message");
	jsonw_str(&w, "account_id", own_id != NULL ? own_id : "");
	jsonw_str(&w, "contact_id", "{{user_id}}");
	jsonw_str(&w, "username", "{{ig_user_name}}");
	jsonw_str(&w, "name", "{{full_name}}");
	jsonw_str(&w, "channel", "instagram");
	jsonw_str(&w, "text", "{{last_input}}");
	jsonw_end(&w);
}

static void
paragraph(const struct setup_facts *f, struct buf *b)
{
	const char *id = f->own_id != NULL ? f->own_id : "";

	buf_printf(b,
	    tr(f,
		"Set the webhook up: open https://chatrace.com/en/settings?acc=%s"
		", section \"Webhooks / API Settings\", enter the webhook URL %s"
		" and tick the events \"Instagram messages\" and \"Incoming messages\". "
		"If your installation does not show them: Flow builder → Actions → External API "
		"Request, in the default reply / main flow: method POST, URL %s",
		"Настройте вебхук: откройте https://chatrace.com/en/settings?acc=%s"
		", раздел «Webhooks / API Settings», укажите URL вебхука %s"
		" и отметьте события «Instagram messages» и «Incoming messages». "
		"Если в вашей установке их нет: Flow builder → Actions → External API Request "
		"в ответе по умолчанию (default reply / main flow): метод POST, URL %s"),
	    id, f->url, f->url);
	buf_puts(b,
	    tr(f,
		", header X-Webhook-Secret with the value of INSTAGRAM_WEBHOOK_SECRET, body of the "
		"type application/x-www-form-urlencoded with the fields ",
		", заголовок X-Webhook-Secret со значением INSTAGRAM_WEBHOOK_SECRET, тело типа "
		"application/x-www-form-urlencoded с полями "));
	buf_printf(b,
	    "event=message  account_id=%s  contact_id={{user_id}}  "
	    "username={{ig_user_name}}  "
	    "name={{full_name}}  channel=instagram  text={{last_input}}",
	    id);
	buf_puts(b,
	    tr(f, ". Only where the flow offers no form: application/json with ",
		". Только если формы в сценарии нет: application/json и "));
	chatrace_body(id, b);
}

static void
steps(const struct setup_facts *f, struct buf *b)
{
	const char *id = f->own_id != NULL ? f->own_id : "ACCOUNT-ID";
	const char *secret = f->secret != NULL ? f->secret : "...", *url = f->url;

	buf_printf(b,
	    tr(f,
		"At Chatrace (it has no polling: messages come only through the webhook):\n"
		"1. Open https://chatrace.com/en/settings?acc=%s , section \"Webhooks\" or\n"
		"   \"API Settings\".  If the installation shows the events \"Instagram"
		" messages\" and\n"
		"   \"Incoming messages\": enter the webhook URL above with ?secret=... (below) "
		"and\n"
		"   switch both events on.  Done.\n"
		"2. Otherwise: Flow builder → Actions → External API Request, placed in the "
		"default\n"
		"   reply (and the main flow):\n",
		"В Chatrace (опроса там нет: сообщения приходят только через webhook):\n"
		"1. Откройте https://chatrace.com/en/settings?acc=%s , раздел \"Webhooks\" или\n"
		"   \"API Settings\".  Если там есть события \"Instagram messages\" и \"Incoming "
		"messages\":\n"
		"   впишите адрес webhook (выше) с ?secret=... (ниже) и включите оба "
		"события.  Готово.\n"
		"2. Иначе: Flow builder → Actions → External API Request, в ответе по умолчанию\n"
		"   (default reply) и в основном сценарии:\n"),
	    id);
	buf_printf(b,
	    "     POST %s\n     X-Webhook-Secret: %s\n"
	    "     Content-Type: application/x-www-form-urlencoded\n"
	    "     event=message  account_id=%s  contact_id={{user_id}}  username={{ig_user_name}}\n"
	    "     name={{full_name}}  channel=instagram  text={{last_input}}\n",
	    url, secret, id);
	buf_puts(b,
	    tr(f,
		"   The platform encodes a form's fields, so a customer's words cannot break "
		"it.  Only\n"
		"   where the flow offers no form, send JSON (Content-Type: "
		"application/json), with the\n"
		"   members in this order: what comes before a customer's name and words is "
		"believed.\n",
		"   Поля формы кодирует сама платформа: слова клиента её не сломают.  Только "
		"если формы\n"
		"   в сценарии нет, отправляйте JSON (Content-Type: application/json) именно в "
		"таком\n"
		"   порядке: верится тому, что стоит до имени и слов клиента.\n"));
	buf_puts(b, "     ");
	chatrace_body(id, b);
	buf_putc(b, '\n');
	buf_printf(b,
	    tr(f,
		"   Where headers cannot be set, put the secret into the URL:\n     %s?secret=%s\n",
		"   Где нельзя задать заголовок, секрет ставится в адрес:\n     %s?secret=%s\n"),
	    url, secret);
}

void
chatrace_setup(const struct setup_facts *f, struct buf *b)
{
	(f->brief ? paragraph : steps)(f, b);
}

const struct provider_hint chatrace_hints[] = {
	{ "other_account",
	    { "The access token belongs to another account than its own first part says: copy "
	      "the whole token again.",
		"Токен доступа относится не к тому аккаунту, который назван в его первой части: "
		"скопируйте токен целиком ещё раз." } },
	{ "base_url",
	    { "The API was not found at the API URL (404, or a page instead of JSON): a missing "
	      "or an extra /api at its end?",
		"По адресу API ничего нет (404 или страница вместо JSON): не хватает /api в "
		"конце, или он лишний?" } },
	{ "form_lost",
	    { "The address that listed messages is gone; the next check probes all forms again.",
		"Адрес, по которому были сообщения, пропал; следующая проверка переберёт все "
		"формы заново." } },
	{ "not_understood",
	    { "The body was not_understood and made no message: it is neither a known shape "
	      "nor a form with contact_id and text, or its contact_id is a variable without a "
	      "value. It is kept; see `dmbox init` for what to send.",
		"Тело запроса не понято (not_understood) и не стало сообщением: это ни известный "
		"формат, ни форма с полями contact_id и text, или вместо contact_id пришла "
		"переменная без значения. Оно сохранено; что отправлять, печатает `dmbox "
		"init`." } },
	{ "no_text",
	    { "The delivery tells of a contact and holds no words: it made no message. Add a field "
	      "text with the platform's variable of the last message (Chatrace: {{last_input}}, "
	      "ManyChat: Last Text Input).",
		"Доставка описывает контакт, но слов клиента в ней нет, и сообщением она не стала. "
		"Добавьте поле text с переменной последнего сообщения (Chatrace: {{last_input}}, "
		"ManyChat: Last Text Input)." } },
	/* refused deliveries */
	{ "no_secret",
	    { "Add the secret at the provider (Chatrace: header X-Webhook-Secret of the step "
	      "External API Request); if it is there, a proxy drops the header.",
		"Добавьте секрет у провайдера (Chatrace: заголовок X-Webhook-Secret в шаге "
		"External API Request); если он там есть, его теряет прокси." } },
};
const size_t chatrace_n_hints = sizeof chatrace_hints / sizeof *chatrace_hints;
