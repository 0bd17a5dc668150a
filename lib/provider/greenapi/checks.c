/*
 * What dmbox doctor checks of a Green API account: providers.md C.6.  Numbers are promised to
 * operators and to their monitoring: a check keeps its number, a new one takes a free one of 7xx.
 */
#include <string.h>

#include "base/str.h"
#include "provider/greenapi/greenapi.h"

/* The state is shown only to a caller who knows instance and token. */
static void
state_judge(struct checkup *c, struct finding *f)
{
	static const struct { const char *state, *en, *ru; } v[] = {
		{ "notAuthorized",
		"Scan the QR code in Green API's console with the phone of this number.",
		    "Отсканируйте QR-код в кабинете Green API телефоном этого номера." },
		{ "blocked", "WhatsApp has banned this number: a QR code does not help. Appeal in "
		    "the WhatsApp app, or use another number.",
		    "WhatsApp заблокировал этот номер: QR-код не поможет. Подайте апелляцию в "
		    "приложении WhatsApp или возьмите другой номер." },
		{ "suspended", "Green API has suspended the instance: see its payment and the "
		    "console's notice.",
		    "Green API приостановил инстанс: проверьте оплату и сообщение в кабинете." },
		{ "expired", "The instance's paid time is over: renew it in Green API's console.",
		    "Оплаченное время инстанса истекло: продлите его в кабинете Green API." },
		{ "yellowCard", "WhatsApp limits sends of this number for mass messages: send less "
		    "and only to people who wrote first; it passes within days.",
		    "WhatsApp ограничил отправку с этого номера за рассылки: пишите реже и только "
		    "тем, кто написал первым; проходит за несколько дней." },
		{ "sleepMode", "The phone is off or without network: switch it on and "
		    "open WhatsApp.",
		    "Телефон выключен или без сети: включите его и откройте WhatsApp." },
		{ "starting", "The instance is starting, which takes up to five minutes: run "
		    "doctor again then; nothing is to be scanned.",
		    "Инстанс запускается, это до пяти минут: затем запустите doctor снова; "
		    "сканировать ничего не нужно." },
	};

	if (f->status == FINDING_OK && c->step == 0)
		check_say(c, 722, FINDING_OK, "%s", c->a->name);
	for (size_t i = 0; f->status != FINDING_OK && i < sizeof v / sizeof *v; i++)
		if (strstr(f->seen, v[i].state) != NULL) {
			check_cause(c, 723, f->status, check_tr(c, v[i].en, v[i].ru), "%s: %s",
			    c->a->name, check_seen(c, f));
			return;
		}
}

/* It answers, and says no. */
static void
reach_judge(struct checkup *c, struct finding *f)
{
	if (f->status == FINDING_OK)
		return;
	if (str_starts(f->seen, "HTTP 466"))
		check_cause(c, 721, f->status, check_tr(c,
		    "The plan's quota at Green API is used up (466): see the tariff in the "
		    "console; it begins again with the next paid month.",
		    "Исчерпана квота тарифа Green API (466): посмотрите тариф в кабинете; она "
		    "обновится со следующим оплаченным месяцем."), "%s: %s", c->a->name,
		    check_seen(c, f));
	else if (str_starts(f->seen, "HTTP 403") || str_starts(f->seen, "HTTP 404"))
		check_cause(c, 721, f->status, check_tr(c,
		    "Green API has no such instance at this address: it was deleted or not paid "
		    "for (see the console), or apiUrl is another one: copy apiUrl and idInstance "
		    "into WHATSAPP_API_URL and WHATSAPP_ID_INSTANCE again.",
		    "У Green API по этому адресу нет такого инстанса: он удалён или не оплачен "
		    "(смотрите кабинет) либо apiUrl другой: скопируйте apiUrl и idInstance в "
		    "WHATSAPP_API_URL и WHATSAPP_ID_INSTANCE заново."), "%s: %s", c->a->name,
		    check_seen(c, f));
}

/* In webhook mode notifications must come to us (C.6). */
static void
settings_judge(struct checkup *c, struct finding *f)
{
	bool foreign = c->a->poll_s == 0 && !str_empty(c->base) && strstr(f->seen, c->base) == NULL;

	if (f->status == FINDING_OK)
		check_say(c, 725, foreign ? FINDING_FAIL : FINDING_OK, "%s: %s", c->a->name,
		    check_seen(c, f));
}

/* The number was moved to another instance, or another number's instance has our address. */
static void
instance(struct checkup *c)
{
	if (c->facts.foreign_id != NULL)
		check_cause(c, 725, FINDING_FAIL, check_tr(c,
		    "Another instance calls this address: if the number moved to it, copy its "
		    "idInstance, apiTokenInstance and apiUrl into the configuration, else take our "
		    "address out of its webhookUrl, or give it an account of its own: dmbox init "
		    "--account NAME.",
		    "По этому адресу обращается другой инстанс: если номер переехал на него, "
		    "скопируйте его idInstance, apiTokenInstance и apiUrl в конфигурацию; "
		    "иначе уберите наш адрес из его webhookUrl или заведите ему аккаунт: "
		    "dmbox init --account NAME."),
		    check_tr(c, "%s: notifications come from the instance %s, configured is %s",
		    "%s: уведомления шлёт инстанс %s, настроен %s"), c->a->name,
		    c->facts.foreign_id, c->a->own_id);
}

const struct provider_check greenapi_checks[] = {
	{ .number = 721,
	  .subject = { "Green API", "Green API" },
	  .what = { "Green API can be reached",
	    "Green API доступен" },
	  .remedy = { "Check WHATSAPP_API_URL (each instance has its host) and that the host lets "
	    "programs call out on port 443.",
	    "Проверьте WHATSAPP_API_URL (у каждого инстанса свой хост) и исходящие на порт 443." },
	  .codes = { "reach", "url" }, .reach = true, .judge = reach_judge },
	{ .number = 722,
	  .subject = { "Instance and token", "Инстанс и токен" },
	  .what = { "Green API accepts instance and token",
	    "Green API принимает инстанс и токен" },
	  .remedy = { "Copy idInstance and apiTokenInstance again from Green API's console into "
	    "WHATSAPP_ID_INSTANCE and WHATSAPP_API_TOKEN_INSTANCE.",
	    "Скопируйте idInstance и apiTokenInstance заново из кабинета Green API в "
	    "WHATSAPP_ID_INSTANCE и WHATSAPP_API_TOKEN_INSTANCE." },
	  .codes = { "token" } },
	{ .number = 723,
	  .subject = { "Instance", "Инстанс" },
	  .what = { "the WhatsApp instance is authorized",
	    "инстанс WhatsApp авторизован" },
	  .remedy = { "Scan the QR code in Green API's console with the phone of this number.",
	    "Отсканируйте QR-код в кабинете Green API телефоном этого номера." },
	  .codes = { "state", "not_authorized", "starting" }, .judge = state_judge },
	{ .number = 724,
	  .subject = { "Incoming messages", "Входящие сообщения" },
	  .what = { "Green API reports incoming messages",
	    "Green API сообщает о входящих сообщениях" },
	  .remedy = { "Set incomingWebhook to yes in the instance's settings (all are off by "
	    "default; applied within 5 minutes).",
	    "Включите incomingWebhook (yes) в настройках инстанса (по умолчанию всё выключено; "
	    "действует через 5 минут)." },
	  .codes = { "incoming", "settings" }, .judge = settings_judge },
	{ .number = 725,
	  .subject = { "Where notifications go", "Куда идут уведомления" },
	  .what = { "notifications go where this installation takes them",
	    "уведомления идут туда, где их забирает эта установка" },
	  .remedy = { "While polling, webhookUrl must be empty; with WHATSAPP_POLL_SECONDS=0 it "
	      "must be this installation's /whatsapp/webhook, and webhookUrlToken the value of "
	      "WHATSAPP_WEBHOOK_TOKEN.",
	    "При опросе webhookUrl должен быть пуст; при WHATSAPP_POLL_SECONDS=0 в нём адрес "
	    "/whatsapp/webhook этой установки, а webhookUrlToken равен WHATSAPP_WEBHOOK_TOKEN." },
	  .codes = { "webhook_url" }, .ledger = instance },
	{ .number = 726,
	  .subject = { "Other notifications", "Остальные уведомления" },
	  .what = { "Green API tells of statuses, echoes, edits and deletions",
	    "Green API сообщает о статусах, своих сообщениях, правках и удалениях" },
	  .remedy = { "Set the settings named here to yes in the instance's settings (this "
	      "restarts the instance; applied within 5 minutes); lower "
	      "delaySendMessagesMilliseconds to 1000 where it is named.",
	    "Включите (yes) названные настройки инстанса (инстанс перезапустится; действует через "
	    "5 минут); delaySendMessagesMilliseconds, если он назван, уменьшите до 1000." },
	  .codes = { "notices" } },
	{ .number = 727,
	  .subject = { "Limits of the number", "Ограничения номера" },
	  .what = { "WhatsApp does not limit the number",
	    "WhatsApp не ограничивает номер" },
	  .remedy = { "Write less and only to people who wrote first; dmbox holds messages back "
	    "until the limit ends. A number limited again and again gets banned.",
	    "Пишите реже и только тем, кто написал первым; до конца ограничения dmbox придержит "
	    "сообщения. Повторные ограничения ведут к блокировке номера." },
	  .codes = { "limit" } },
};
const size_t greenapi_n_checks = sizeof greenapi_checks / sizeof *greenapi_checks;
