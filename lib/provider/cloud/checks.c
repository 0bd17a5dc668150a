/*
 * What dmbox doctor checks of a Cloud API account (providers.md H.22).  Numbers are promised
 * to operators and to their monitoring: a check keeps its number.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "provider/cloud/cloud.h"

#define WEBHOOK "/whatsapp/webhook"

/* rest: of a callback, behind WEBHOOK.  An account that it names gets what all numbers are sent;
 * without a name each delivery finds its account by the number's id. */
static void
named(const struct checkup *c, const char *rest, struct finding *f)
{
	size_t n;
	char name[100];

	rest += *rest == '/';
	n = strcspn(rest, "/?");
	if (n == 0 || (strncmp(rest, c->a->name, n) == 0 && c->a->name[n] == '\0'))
		return;
	snprintf(name, sizeof name, "%.*s", (int)n, rest);
	finding_set(f, FINDING_FAIL,
	    "the callback is that of account %s: what this number is sent is stored there; for "
	    "several numbers of one app enter %s" WEBHOOK,
	    "вызывается адрес аккаунта %s: всё, что приходит на этот номер, сохраняется в нём; для "
	    "нескольких номеров одного приложения впишите %s" WEBHOOK,
	    name, c->base);
}

/* The address that Meta calls, against ours. */
static void
callback(struct checkup *c, struct finding *f)
{
	size_t n = strlen(c->base);
	const char *rest;

	if (f->status != FINDING_OK)
		return;
	if (n == 0) {
		f->status = FINDING_UNKNOWN;
		return;
	}
	rest = str_istarts(f->seen, c->base) ? f->seen + n : "";
	if (!str_starts(rest, WEBHOOK) || strchr("/?", rest[sizeof WEBHOOK - 1]) == NULL)
		f->status = FINDING_FAIL;
	else
		named(c, rest + sizeof WEBHOOK - 1, f);
}

/* Another's app that is subscribed gets the messages: ours is asked for. */
static void
subscribed(struct checkup *c, struct finding *f)
{
	char own[sizeof c->app + 2];

	snprintf(own, sizeof own, " %s ", c->app);
	if (f->status != FINDING_OK || c->app[0] == '\0' || f->apps[0] == '\0' ||
	    strstr(f->apps, own) != NULL)
		return;
	finding_set(f, FINDING_FAIL, "subscribed is%s, not the token's app %s",
	    "подписано%s, но не приложение токена %s", f->apps, c->app);
}

/* A token that is accepted was proved as the app wants it. */
static void
accepted(struct checkup *c, struct finding *f)
{
	if (f->status == FINDING_OK && cloud_own(c->a)->meta.app_secrets.n > 0)
		check_say(c, 743, FINDING_OK, "%s", c->a->name);
}

/* A number that is shown is one that the token may use, until another question is refused. */
static void
shown(struct checkup *c, struct finding *f)
{
	if (f->status == FINDING_OK)
		check_say(c, 744, FINDING_OK, "%s", c->a->name);
}

/* Each state of a number has a way out of its own (providers.md H.22). */
static void
state_judge(struct checkup *c, struct finding *f)
{
	static const struct { const char *state, *en, *ru; } v[] = {
		{ "status PENDING", "The number was never registered: confirm it by the code "
		    "(WhatsApp "
		    "Manager → Phone numbers), then register it once: POST "
		    "/PHONE_NUMBER_ID/register with messaging_product=whatsapp and pin, the six "
		    "digits of its two-step verification (of a new number: any six, note them).",
		    "Номер ни разу не зарегистрирован: подтвердите его кодом (WhatsApp Manager → "
		    "Номера телефонов), затем зарегистрируйте один раз: POST "
		    "/PHONE_NUMBER_ID/register с messaging_product=whatsapp и «pin» — шесть цифр "
		    "двухшаговой проверки (у нового номера любые, запишите их)." },
		{ "status DISCONNECTED", "The number has lost its registration: register it again: "
		    "POST /PHONE_NUMBER_ID/register with messaging_product=whatsapp and pin, the "
		    "six digits of its two-step verification (WhatsApp Manager → Phone numbers → "
		    "Two-step verification sets new ones).",
		    "Номер потерял регистрацию: зарегистрируйте снова: POST "
		    "/PHONE_NUMBER_ID/register с messaging_product=whatsapp и «pin» — шесть цифр "
		    "двухшаговой проверки (новые задаёт WhatsApp Manager → Номера телефонов → "
		    "Двухшаговая проверка)." },
		{ "status MIGRATED", "The number was moved to another WhatsApp Business Account, "
		    "where it has another id: put the ids of there (WhatsApp → API setup) into "
		    "WHATSAPP_PHONE_NUMBER_ID and WHATSAPP_BUSINESS_ACCOUNT_ID; then: `dmbox "
		    "doctor --fix`",
		    "Номер перенесён в другой аккаунт WhatsApp Business, там у него другой id: "
		    "впишите id оттуда (WhatsApp → API setup) в WHATSAPP_PHONE_NUMBER_ID и "
		    "WHATSAPP_BUSINESS_ACCOUNT_ID; затем: `dmbox doctor --fix`" },
		{ "status DELETED", "The number was deleted from the account: add it there again "
		    "(WhatsApp Manager → Phone numbers), register it, and put its new id into "
		    "WHATSAPP_PHONE_NUMBER_ID.",
		    "Номер удалён из аккаунта: добавьте его снова (WhatsApp Manager → Номера "
		    "телефонов), зарегистрируйте и впишите новый id в WHATSAPP_PHONE_NUMBER_ID." },
		{ "status RATE_LIMITED", "The number has reached its limit of conversations: it is "
		    "lifted within 24 hours; send fewer templates until then.",
		    "Номер исчерпал предел переписок: его снимут в течение суток; до тех пор "
		    "отправляйте меньше шаблонов." },
		{ "status BANNED", "Meta has banned the number: WhatsApp Manager → Account quality "
		    "names the violation; ask for a review there, nothing here changes it.",
		    "Meta заблокировала номер: нарушение называет WhatsApp Manager → Качество "
		    "аккаунта; запросите проверку там, здесь ничего не изменить." },
		{ "status RESTRICTED", "Meta has restricted the number: WhatsApp Manager → Account "
		    "quality says for what and how long; ask for a review there.",
		    "Meta ограничила номер: за что и на сколько, говорит WhatsApp Manager → "
		    "Качество аккаунта; запросите проверку там." },
	};

	for (size_t i = 0; f->status == FINDING_FAIL && i < sizeof v / sizeof *v; i++)
		if (str_eq(f->seen, v[i].state)) {
			check_cause(c, 746, f->status, check_tr(c, v[i].en, v[i].ru), "%s: %s",
			    c->a->name, check_seen(c, f));
			return;
		}
}

/* The ids of two things that look alike. */
static void
ids(struct checkup *c)
{
	const char *waba = cloud_own(c->a)->waba_id;

	if (str_empty(waba))
		check_say(c, 748, FINDING_UNKNOWN, check_tr(c,
		    "%s: WHATSAPP_BUSINESS_ACCOUNT_ID is not set: subscription and templates "
		    "cannot be looked at",
		    "%s: WHATSAPP_BUSINESS_ACCOUNT_ID не задан: подписку и шаблоны "
		    "проверить нельзя"), c->a->name);
}

static void
foreign(struct checkup *c)
{
	if (c->facts.foreign_id != NULL)
		check_say(c, 749, FINDING_FAIL,
		    check_tr(c, "%s: deliveries are for number %s, configured is %s",
		    "%s: доставки для номера %s, настроен %s"), c->a->name, c->facts.foreign_id,
		    c->a->own_id);
	else if (c->facts.known && c->facts.last_delivery != NULL)
		check_say(c, 749, FINDING_OK, "%s", c->a->name);
}

static void
told(struct checkup *c)
{
	if (c->facts.told != NULL)
		check_say(c, 755, FINDING_WARN, "%s: %s", c->a->name, c->facts.told);
	else if (c->facts.known)
		check_say(c, 755, FINDING_OK, "%s", c->a->name);
}

const struct provider_check cloud_checks[] = {
	{ .number = 741,
	  .what = { "Meta's WhatsApp API can be reached", "API WhatsApp компании Meta доступен" },
	  .remedy = { "Check WHATSAPP_API_URL, and that the host lets programs call out "
	    "on port 443.",
	    "Проверьте WHATSAPP_API_URL и то, что хостинг разрешает исходящие на порт 443." },
	  .codes = { "reach" }, .reach = true },
	{ .number = 742,
	  .what = { "Meta accepts the access token (WhatsApp)",
	  "Meta принимает токен доступа (WhatsApp)" },
	  .remedy = { "Make a new token of a system user (Business settings → System users → "
	    "Generate token, never expiring) and put it into WHATSAPP_ACCESS_TOKEN.",
	    "Создайте новый токен системного пользователя (Настройки компании → Системные "
	    "пользователи → Сгенерировать токен, бессрочный) и впишите в WHATSAPP_ACCESS_TOKEN." },
	  .codes = { "token" }, .judge = accepted },
	{ .number = 743,
	  .what = { "calls are proved with the app's own secret",
	  "вызовы подтверждены секретом своего приложения" },
	  .remedy = { "Put the app secret of the app that the token was made for into "
	    "WHATSAPP_APP_SECRET (App Dashboard → App settings → Basic → App secret).",
	    "Впишите в WHATSAPP_APP_SECRET секрет того приложения, для которого создан токен (App "
	    "Dashboard → App settings → Basic → App secret)." },
	  .codes = { "proof" } },
	{ .number = 744,
	  .what = { "the system user may use this number",
	  "системному пользователю разрешён этот номер" },
	  .remedy = { "Business settings → System users → Assign assets: the app and the WhatsApp "
	    "account, full control; then make a new token with whatsapp_business_messaging and "
	    "whatsapp_business_management (a token does not learn later rights).",
	    "Настройки компании → Системные пользователи → Назначить объекты: приложение и аккаунт "
	    "WhatsApp, полный доступ; затем создайте новый токен с whatsapp_business_messaging и "
	    "whatsapp_business_management (старый токен новых прав не получает)." },
	  .codes = { "permission" } },
	{ .number = 745,
	  .what = { "WHATSAPP_PHONE_NUMBER_ID is a number that the token reaches",
	  "WHATSAPP_PHONE_NUMBER_ID — номер, доступный токену" },
	  .remedy = { "Take the \"Phone number ID\" from WhatsApp → API setup (15 digits"
	    " or so; neither the number itself nor the account's id) into"
	    " WHATSAPP_PHONE_NUMBER_ID.",
	    "Возьмите «Phone number ID» в WhatsApp → API setup (около 15 цифр; это не сам номер и "
	    "не ID аккаунта) и впишите в WHATSAPP_PHONE_NUMBER_ID." },
	  .codes = { "number" }, .judge = shown },
	{ .number = 746,
	  .what = { "the number is connected and not restricted",
	  "номер подключён и не ограничен" },
	  .remedy = { "WhatsApp Manager → Phone numbers shows the state and the way out (register "
	    "the number, confirm the name, ask for a review).",
	    "WhatsApp Manager → Номера телефонов показывает состояние и что делать "
	    "(зарегистрировать номер, подтвердить имя, запросить проверку)." },
	  .codes = { "state", "account" }, .judge = state_judge },
	{ .number = 747,
	  .what = { "Meta lets this number send (payment, limits)",
	  "Meta разрешает номеру отправлять (оплата, лимиты)" },
	  .remedy = { "WhatsApp Manager names the cause, mostly the payment method: Billing & "
	    "payments → add a card.",
	    "WhatsApp Manager называет причину, чаще всего способ оплаты: Счета и платежи → "
	    "добавить карту." },
	  .codes = { "health" } },
	{ .number = 748,
	  .what = { "the number belongs to WHATSAPP_BUSINESS_ACCOUNT_ID",
	  "номер принадлежит WHATSAPP_BUSINESS_ACCOUNT_ID" },
	  .remedy = { "Take the \"WhatsApp Business Account ID\""
	    " from WhatsApp → API setup into WHATSAPP_BUSINESS_ACCOUNT_ID.",
	    "Возьмите «WhatsApp Business Account ID» в WhatsApp → API setup и впишите в "
	    "WHATSAPP_BUSINESS_ACCOUNT_ID." },
	  .codes = { "waba" }, .conf = ids },
	{ .number = 749,
	  .what = { "deliveries are for this number", "доставки относятся к этому номеру" },
	  .remedy = { "Put the number's id into WHATSAPP_PHONE_NUMBER_ID of its account, or add "
	    "the account: dmbox init --account NAME --provider cloud.",
	    "Впишите ID номера в WHATSAPP_PHONE_NUMBER_ID нужного аккаунта или добавьте аккаунт: "
	    "dmbox init --account ИМЯ --provider cloud." },
	  .ledger = foreign },
	{ .number = 750,
	  .what = { "the app is subscribed to the WhatsApp Business Account",
	  "приложение подписано на аккаунт WhatsApp Business" },
	  .remedy = { "Run: `dmbox doctor --fix`.",
	    "Выполните: `dmbox doctor --fix`." },
	  .codes = { "subscribed" }, .judge = subscribed },
	{ .number = 751,
	  .what = { "Meta calls this installation's webhook address",
	  "Meta вызывает адрес вебхука этой установки" },
	  .remedy = { "Another callback is set for the number, its account or the app: enter this "
	    "installation's address under WhatsApp → Configuration, and take overrides away (POST "
	    "/PHONE_NUMBER_ID with an empty webhook_configuration.override_callback_uri).",
	    "Для номера, аккаунта или приложения задан другой адрес: впишите адрес этой установки "
	    "в WhatsApp → Configuration и уберите переопределения (POST /PHONE_NUMBER_ID с "
	    "пустым webhook_configuration.override_callback_uri)." },
	  .codes = { "callback" }, .judge = callback },
	{ .number = 752,
	  .what = { "the access token does not expire soon (WhatsApp)",
	  "токен доступа не истекает в ближайшее время (WhatsApp)" },
	  .remedy = { "Make a token of a system user that never expires and put it into "
	    "WHATSAPP_ACCESS_TOKEN; where Meta gives only 60 days, a new one and the app's id "
	    "in WHATSAPP_APP_ID: dmbox-poll renews it from then on.",
	    "Создайте бессрочный токен системного пользователя и впишите в "
	    "WHATSAPP_ACCESS_TOKEN; если Meta даёт только 60 дней, впишите новый и id приложения "
	    "в WHATSAPP_APP_ID: дальше его продлевает dmbox-poll." },
	  .codes = { "expiry" } },
	{ .number = 753,
	  .what = { "customers rate the number's messages well enough",
	  "оценка качества номера достаточна" },
	  .remedy = { "Customers block or report this number: send fewer templates, only to people "
	    "who asked; the rating recovers within a week.",
	    "Клиенты блокируют номер или жалуются: отправляйте меньше шаблонов и только тем, кто "
	    "просил; оценка восстановится за неделю." },
	  .codes = { "quality" } },
	{ .number = 754,
	  .what = { "no template is paused or disabled",
	  "ни один шаблон не приостановлен и не отключён" },
	  .remedy = { "WhatsApp Manager → Message templates: change the template's text and have "
	    "it approved again, or use another one.",
	    "WhatsApp Manager → Шаблоны сообщений: измените текст шаблона и отправьте на одобрение "
	    "снова или возьмите другой." },
	  .codes = { "templates" } },
	{ .number = 755,
	  .what = { "Meta told nothing bad of the number or its account",
	  "Meta не сообщала плохого о номере и аккаунте" },
	  .remedy = { "WhatsApp Manager → Account overview shows the case and how to ask for a "
	    "review; the event is in dmbox.events.",
	    "WhatsApp Manager → Обзор аккаунта показывает, в чём дело и как запросить "
	    "проверку; событие лежит в dmbox.events." },
	  .ledger = told },
};
const size_t cloud_n_checks = sizeof cloud_checks / sizeof *cloud_checks;
