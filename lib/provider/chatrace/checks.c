/*
 * What dmbox doctor checks of a Chatrace account: providers.md A.2, A.8.  Numbers are promised to
 * operators and to their monitoring: a check keeps its number, a new one takes a free one of 7xx.
 */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "provider/chatrace/chatrace.h"

#define ALIKE_MIN 5	/* messages that are alike by a mistake, not by chance */
#define NAMED_MIN 3	/* ids that are names */

/* Our id is the token's part before the dot (A.2). */
static void
key_conf(struct checkup *c)
{
	if (!str_empty(c->a->token) && str_empty(c->a->own_id))
		check_say(c, DMB_TOKEN, FINDING_FAIL, check_tr(c,
		    "%s/%s: INSTAGRAM_ACCESS_TOKEN has no account number before a dot",
		    "%s/%s: в INSTAGRAM_ACCESS_TOKEN нет номера аккаунта перед точкой"),
		    channel_names[c->a->channel], c->a->name);
}

/* An answer to the first question shows that the address is right, too. */
static void
key_judge(struct checkup *c, struct finding *f)
{
	if (f->status == FINDING_OK && c->step == 0)
		check_say(c, 705, FINDING_OK, "%s", c->a->api_url);
}

static void
polling(struct checkup *c)
{
	if (str_eq(c->facts.last_poll, "messages") || str_eq(c->facts.last_poll, "empty"))
		check_say(c, 707, FINDING_OK,
		    check_tr(c, "%s: an address that lists messages was found",
		    "%s: найден адрес со списком сообщений"), c->a->name);
	else if (c->facts.polled_once && c->a->poll_s > 0)
		check_cause(c, 707, FINDING_WARN, check_tr(c,
		    "Chatrace changed what it lists: only the webhook (the flow's step) brings "
		    "messages now; see that DMB-708 is good, then set INSTAGRAM_POLL_SECONDS=0.",
		    "Chatrace изменил свои списки: теперь сообщения приносит только вебхук (шаг "
		    "сценария); проверьте DMB-708, затем задайте INSTAGRAM_POLL_SECONDS=0."),
		    check_tr(c, "%s: an address listed messages before, now none does (%s)",
		    "%s: раньше один адрес показывал сообщения, теперь ни один (%s)"), c->a->name,
		    c->facts.last_poll != NULL ? c->facts.last_poll : "?");
	else if (c->facts.last_poll == NULL)
		check_say(c, 707, FINDING_UNKNOWN,
		    check_tr(c, "%s: not asked yet", "%s: ещё не спрашивали"), c->a->name);
	else
		check_say(c, 707, FINDING_OK, check_tr(c,
		    "%s: this provider has no polling; messages come only through the webhook",
		    "%s: у этого провайдера нет опроса; сообщения приходят только через вебхук"),
		    c->a->name);
}

static void
flow(struct checkup *c)
{
	if (c->facts.silent_h > 0)
		check_cause(c, 708, FINDING_WARN, check_tr(c,
		    "The flow's step delivered regularly and stopped: see in Chatrace that the "
		    "flow is on, that its External API Request is still in it, and what its log "
		    "says of the last calls.",
		    "Шаг сценария доставлял регулярно и перестал: проверьте в Chatrace, включён ли "
		    "сценарий, есть ли в нём External API Request и что говорит журнал о "
		    "последних вызовах."),
		    check_tr(c, "%s: none for %" PRId64 " hours, the last at %s", "%s: нет уже %"
		    PRId64 " ч, последняя %s"),
		    c->a->name, c->facts.silent_h, c->facts.last_delivery);
	else if (c->facts.last_delivery != NULL)
		check_say(c, 708, FINDING_OK, check_tr(c, "%s: last at %s", "%s: последний раз %s"),
		    c->a->name, c->facts.last_delivery);
	else
		check_say(c, 708, FINDING_UNKNOWN, check_tr(c, "%s: no delivery yet",
		    "%s: доставок ещё не было"), c->a->name);
}

/* The field text holds what a program writes for a variable that is empty, or not known. */
static bool
no_text(struct checkup *c)
{
	const struct check_facts *f = &c->facts;

	if (f->no_text < ALIKE_MIN)
		return false;
	check_cause(c, 709, FINDING_WARN, check_tr(c,
	    "The variable in the field text of the flow step is empty or has another name: choose "
	    "the customer's last message from Chatrace's list of variables, as the body that dmbox "
	    "init prints has it.",
	    "Переменная в поле «text» шага сценария пуста или называется иначе: выберите последнее "
	    "сообщение клиента из списка переменных Chatrace, как в теле, которое печатает dmbox "
	    "init."),
	    check_tr(c, "%s: %" PRId64 " of the last %" PRId64 " messages are no customer's words: "
	    "\"%s\"",
	    "%s: не слова клиента: %" PRId64 " из последних %" PRId64 ", например «%s»"),
	    c->a->name, f->no_text, f->texts, f->no_text_is);
	return true;
}

/* Fields of the step that hold nothing, or one thing for all. */
static bool
alike(struct checkup *c)
{
	const struct check_facts *f = &c->facts;

	if (f->texts >= ALIKE_MIN && f->empty == f->texts)
		check_cause(c, 709, FINDING_WARN, check_tr(c,
		    "The flow step sends no words: put the variable of the customer's last message "
		    "into its field text, as the body that dmbox init prints has it.",
		    "Шаг сценария не передаёт текст: поставьте в поле «text» переменную с "
		    "последним сообщением клиента, как в теле, которое печатает dmbox init."),
		    check_tr(c, "%s: the last %" PRId64 " messages came without any words",
		    "%s: последние сообщения (%" PRId64 ") пришли без текста"),
		    c->a->name, f->empty);
	if (f->marks >= ALIKE_MIN)
		check_cause(c, 709, FINDING_WARN, check_tr(c,
		    "What sends them writes in an encoding without these letters, and the words "
		    "are lost there: let it send UTF-8 (Content-Type: application/json; "
		    "charset=utf-8).",
		    "Отправитель пишет в кодировке без этих букв, и текст теряется ещё у него: "
		    "пусть отправляет UTF-8 (Content-Type: application/json; charset=utf-8)."),
		    check_tr(c, "%s: %" PRId64 " of the last %" PRId64
		    " messages consist of question marks",
		    "%s: вместо букв вопросительные знаки: %" PRId64 " из последних %" PRId64),
		    c->a->name, f->marks, f->texts);
	if (f->one_time >= ALIKE_MIN)
		check_cause(c, 709, FINDING_WARN, check_tr(c,
		    "The flow step writes the same time into each message, and they stand at that "
		    "time in the inbox: take the field timestamp out, then the time of arrival "
		    "counts.",
		    "Шаг сценария пишет во все сообщения одно и то же время, под ним они и стоят "
		    "во входящих: уберите поле «timestamp», тогда берётся время прихода."),
		    check_tr(c, "%s: %" PRId64 " of the last %" PRId64
		    " messages carry one and the same time, long past",
		    "%s: с одним и тем же, давно прошедшим временем: %" PRId64 " из последних %"
		    PRId64), c->a->name, f->one_time, f->texts);
	return (f->texts >= ALIKE_MIN && f->empty == f->texts) || f->marks >= ALIKE_MIN ||
	    f->one_time >= ALIKE_MIN || no_text(c);
}

/* A name where the id belongs: answers have no address, and two of one name are one. */
static bool
named(struct checkup *c)
{
	const struct check_facts *f = &c->facts;

	if (f->named < NAMED_MIN)
		return false;
	check_cause(c, 709, FINDING_WARN, check_tr(c,
	    "The flow step writes the customer's name where the id belongs, so answers do not "
	    "reach anybody, and two people of one name are one conversation: set "
	    "contact_id={{user_id}} in it, as dmbox init prints it.",
	    "Шаг сценария пишет вместо id имя клиента: ответы никому не дойдут, а тёзки сольются "
	    "в один диалог. Задайте в нём contact_id={{user_id}}, как печатает dmbox init."),
	    check_tr(c, "%s: ids of %" PRId64 " customers are names, as \"%s\"",
	    "%s: вместо id имена, таких клиентов %" PRId64 ", например «%s»"),
	    c->a->name, f->named, f->named_is);
	return true;
}

/* One name for everybody: the conversations cannot be told apart. */
static bool
one_label(struct checkup *c)
{
	const struct check_facts *f = &c->facts;

	if (f->one_label < ALIKE_MIN)
		return false;
	check_cause(c, 709, FINDING_WARN, check_tr(c,
	    "The flow step writes one and the same name for everybody (a fixed value, or the "
	    "account's own): choose the customer's variables for username and name from Chatrace's "
	    "list, as the body that dmbox init prints has them, or leave both out.",
	    "Шаг сценария пишет всем одно и то же имя (постоянное значение или имя самого "
	    "аккаунта): выберите для «username» и «name» переменные клиента из списка Chatrace, "
	    "как в теле, которое печатает dmbox init, или уберите оба поля."),
	    check_tr(c, "%s: the last %" PRId64 " customers all have the name \"%s\"",
	    "%s: последние клиенты (%" PRId64 ") все названы «%s»"),
	    c->a->name, f->one_label, f->one_label_is);
	return true;
}

/* The step stands in the flow twice, or in two flows that both run. */
static bool
twice(struct checkup *c)
{
	const struct check_facts *f = &c->facts;

	if (f->twice < ALIKE_MIN)
		return false;
	check_cause(c, 709, FINDING_WARN, check_tr(c,
	    "The flow step runs twice for a message (it stands in the flow twice, or in two flows "
	    "that both run), each time with another id or time, so that both are kept: leave one "
	    "of them, and take the fields messageId and timestamp out, then repeats are told.",
	    "Шаг сценария срабатывает на сообщение дважды (стоит в сценарии два раза или в двух "
	    "сценариях сразу), и каждый раз с другим id или временем, поэтому сохраняются оба: "
	    "оставьте один шаг и уберите поля «messageId» и «timestamp», тогда повторы узнаются."),
	    check_tr(c, "%s: %" PRId64 " of the last %" PRId64 " messages came again within ten "
	    "seconds, with the same words of the same person",
	    "%s: повторились в течение десяти секунд с тем же текстом от того же человека: %"
	    PRId64 " из последних %" PRId64),
	    c->a->name, f->twice, f->texts);
	return true;
}

/* The clock of another time zone, written as if it were UTC. */
static bool
shifted(struct checkup *c)
{
	const struct check_facts *f = &c->facts;

	if (f->shifted < ALIKE_MIN || f->shifted * 4 < f->timed * 3)
		return false;
	check_cause(c, 709, FINDING_WARN, check_tr(c,
	    "The flow step writes the clock of another time zone: messages stand at a wrong time "
	    "in the inbox. Take the field timestamp out, then the time of arrival counts, or write "
	    "it with its zone (2026-01-31T15:00:00+03:00).",
	    "Шаг сценария пишет время другого часового пояса, и сообщения стоят во входящих не под "
	    "своим временем. Уберите поле «timestamp», тогда берётся время прихода, или пишите "
	    "его с часовым поясом (2026-01-31T15:00:00+03:00)."),
	    f->shift_min < 0 ?
	    check_tr(c, "%s: %" PRId64 " of %" PRId64 " times are %" PRId64 " minutes ahead of the "
	    "message's arrival",
	    "%s: время сообщения опережает приход (%" PRId64 " из %" PRId64 ") на %" PRId64
	    " мин") :
	    check_tr(c, "%s: %" PRId64 " of %" PRId64 " times are %" PRId64 " minutes behind the "
	    "message's arrival",
	    "%s: время сообщения отстаёт от прихода (%" PRId64 " из %" PRId64 ") на %" PRId64
	    " мин"),
	    c->a->name, f->shifted, f->timed, f->shift_min < 0 ? -f->shift_min : f->shift_min);
	return true;
}

/* All customers as one: an answer to one of them goes to another. */
static void
one_sender(struct checkup *c)
{
	check_cause(c, 709, FINDING_FAIL, check_tr(c,
	    "The flow step writes one and the same id for everybody (a fixed value, or the "
	    "account's): set contact_id={{user_id}} in it, as dmbox init prints it. Answer nobody "
	    "in that conversation until then: the answer would go to somebody else.",
	    "Шаг сценария пишет всем один и тот же id (постоянное значение или id аккаунта): "
	    "задайте в нём contact_id={{user_id}}, как печатает dmbox init. До этого никому "
	    "не отвечайте в этом диалоге: ответ уйдёт не тому."),
	    check_tr(c, "%s: under the id %s write %" PRId64 " people, by their names: all "
	    "customers are one conversation",
	    "%s: под id %s пишут разные люди, имён %" PRId64 ": все клиенты слились в один "
	    "диалог"),
	    c->a->name, c->facts.one_sender, c->facts.one_names);
}

static void
literal(struct checkup *c)
{
	if (c->facts.one_sender != NULL)
		one_sender(c);
	else if (c->facts.unfilled != NULL)
		check_say(c, 709, FINDING_WARN, check_tr(c, "%s: %s in delivery %" PRId64,
		    "%s: %s в доставке %" PRId64), c->a->name, c->facts.unfilled,
		    c->facts.unfilled_id);
	else if (alike(c) || named(c) || one_label(c) || twice(c) || shifted(c))
		return;
	else if (c->facts.last_delivery == NULL)
		check_say(c, 709, FINDING_UNKNOWN,
		    check_tr(c, "%s: no delivery yet", "%s: доставок ещё не было"), c->a->name);
	else
		check_say(c, 709, FINDING_OK, "%s", c->a->name);
}

static void
ids(struct checkup *c)
{
	if (c->facts.reused != NULL)
		check_say(c, 710, FINDING_WARN, check_tr(c,
		    "%s: different messages came under the id \"%s\"",
		    "%s: разные сообщения пришли с одним id «%s»"), c->a->name, c->facts.reused);
	else if (c->facts.last_delivery == NULL)
		check_say(c, 710, FINDING_UNKNOWN,
		    check_tr(c, "%s: no delivery yet", "%s: доставок ещё не было"), c->a->name);
	else
		check_say(c, 710, FINDING_OK, "%s", c->a->name);
}

const struct provider_check chatrace_checks[] = {
	{ .number = 701,
	  .subject = { "Chatrace", "Chatrace" },
	  .what = { "Chatrace's API can be reached",
	    "API Chatrace доступен" },
	  .remedy = { "Check INSTAGRAM_API_URL, and that the host lets programs call out "
	    "on port 443.",
	    "Проверьте INSTAGRAM_API_URL и то, что хостинг разрешает исходящие на порт 443." },
	  .codes = { "reach" }, .reach = true },
	{ .number = 702,
	  .subject = { "Access token", "Токен доступа" },
	  .what = { "Chatrace accepts the access token",
	    "Chatrace принимает токен доступа" },
	  .remedy = { "Copy the whole token again (number, dot, secret) from the dashboard's API "
	    "settings to INSTAGRAM_ACCESS_TOKEN.",
	    "Скопируйте токен целиком (число, точка, секрет) из настроек API кабинета в "
	    "INSTAGRAM_ACCESS_TOKEN." },
	  .codes = { "token" }, .conf = key_conf, .judge = key_judge },
	{ .number = 703,
	  .subject = { "Account of the token", "Аккаунт токена" },
	  .what = { "the token belongs to the account it names",
	    "токен относится к тому аккаунту, который в нём назван" },
	  .remedy = { "The part before the dot is another account's: copy the token of the "
	    "right account.",
	    "Часть до точки от другого аккаунта: скопируйте токен нужного аккаунта." },
	  .codes = { "page_id" } },
	{ .number = 704,
	  .subject = { "Chatrace account", "Аккаунт Chatrace" },
	  .what = { "the Chatrace account is active",
	    "аккаунт Chatrace активен" },
	  .remedy = { "The account is suspended: see its plan and payment in the dashboard.",
	    "Аккаунт приостановлен: проверьте тариф и оплату в кабинете." },
	  .codes = { "active" } },
	{ .number = 705,
	  .subject = { "API address", "Адрес API" },
	  .what = { "INSTAGRAM_API_URL leads to the API",
	    "INSTAGRAM_API_URL ведёт к API" },
	  .remedy = { "Correct INSTAGRAM_API_URL: https://api.chatrace.com has no /api at its "
	    "end, a white label's domain needs it.",
	    "Исправьте INSTAGRAM_API_URL: у https://api.chatrace.com в конце нет /api, домену "
	    "white label он нужен." },
	  .codes = { "base_url" } },
	{ .number = 706,
	  .subject = { "Instagram at Chatrace", "Instagram в Chatrace" },
	  .what = { "Instagram is connected to the Chatrace account",
	    "Instagram подключён к аккаунту Chatrace" },
	  .remedy = { "Look at the dashboard: Settings, Integrations, Instagram.",
	    "Проверьте в кабинете: Settings, Integrations, Instagram." },
	  .codes = { "integrations" } },
	{ .number = 707,
	  .subject = { "Polling", "Опрос" },
	  .what = { "whether Chatrace can be polled",
	    "можно ли опрашивать Chatrace" },
	  .remedy = { "Chatrace has no message polling; messages come only through the webhook or "
	    "the flow step. Nothing is to be mended here.",
	    "У Chatrace нет опроса сообщений: они приходят только через вебхук или шаг сценария. "
	    "Исправлять здесь нечего." },
	  .ledger = polling },
	{ .number = 708,
	  .subject = { "Flow step", "Шаг сценария" },
	  .what = { "the flow step of Chatrace was seen to deliver",
	    "шаг сценария Chatrace уже доставлял сообщения" },
	  .remedy = { "Put External API Request into the default reply and main flow, with a form "
	    "body (dmbox init prints it), then write to the account from another one.",
	    "Поставьте External API Request в ответ по умолчанию и главный сценарий, с "
	    "телом-формой (dmbox init его печатает), и напишите аккаунту с другого." },
	  .ledger = flow },
	{ .number = 709,
	  .subject = { "Unfilled variables", "Незаполненные переменные" },
	  .what = { "no {{variable}} arrived unfilled",
	    "ни одна {{переменная}} не пришла незаполненной" },
	  .remedy = { "The flow step uses a name that Chatrace does not know, or that has no "
	    "value: choose the variable from its list.",
	    "В шаге сценария имя, которого Chatrace не знает или у которого нет значения: выберите "
	    "переменную из списка." },
	  .ledger = literal },
	{ .number = 710,
	  .subject = { "Message ids", "Id сообщений" },
	  .what = { "no two messages came under one id",
	    "двух сообщений с одним id не было" },
	  .remedy = { "The flow step writes the same messageId into each message: remove that "
	    "field, Chatrace has no id of a message. Nothing was lost: such messages are told "
	    "apart by person, words and time.",
	    "Шаг сценария пишет во все сообщения один и тот же messageId: уберите это поле, id "
	    "сообщения у Chatrace нет. Ничего не потеряно: такие сообщения различаются по "
	    "человеку, тексту и времени." },
	  .ledger = ids },
};
const size_t chatrace_n_checks = sizeof chatrace_checks / sizeof *chatrace_checks;
