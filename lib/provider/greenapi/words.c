/*
 * Texts for people about Green API (providers.md C).
 */
#include "base/buf.h"
#include "provider/greenapi/greenapi.h"

void
greenapi_setup(const struct setup_facts *f, struct buf *b)
{
	static const char en[] =
	    "At Green API nothing is needed: dmbox-poll takes the messages from its queue.\n"
	    "The queue and a webhook exclude each other.  If you prefer the webhook, set in the\n"
	    "console of the instance (and WHATSAPP_POLL_SECONDS=0 here):\n"
	    "  webhookUrl: %s\n  webhookUrlToken: %s\n"
	    "  incomingWebhook, outgoingWebhook, outgoingMessageWebhook,\n"
	    "  outgoingAPIMessageWebhook: yes\n";
	static const char ru[] =
	    "В Green API ничего не нужно: dmbox-poll забирает сообщения из очереди.\n"
	    "Очередь и webhook исключают друг друга.  Если нужен webhook, задайте в консоли\n"
	    "инстанса (а здесь WHATSAPP_POLL_SECONDS=0):\n"
	    "  webhookUrl: %s\n  webhookUrlToken: %s\n"
	    "  incomingWebhook, outgoingWebhook, outgoingMessageWebhook,\n"
	    "  outgoingAPIMessageWebhook: yes\n";
	const char *word = f->secret != NULL ? f->secret : "...";

	if (f->brief)
		return;
	if (f->ru)
		buf_printf(b, ru, f->url, word);
	else
		buf_printf(b, en, f->url, word);
}

const struct provider_hint greenapi_hints[] = {
	{ "wrong_url",
	    { "The provider does not know this address (403, 404 or a page): check the API URL "
	      "and the instance's number (WHATSAPP_API_URL, WHATSAPP_ID_INSTANCE).",
		"Провайдер не знает такого адреса (403, 404 или страница): проверьте адрес API и "
		"номер инстанса (WHATSAPP_API_URL, WHATSAPP_ID_INSTANCE)." } },
	{ "not_configured",
	    { "The account is not complete: WHATSAPP_API_URL, WHATSAPP_ID_INSTANCE and "
	      "WHATSAPP_API_TOKEN_INSTANCE are needed.",
		"Аккаунт настроен не полностью: нужны WHATSAPP_API_URL, WHATSAPP_ID_INSTANCE и "
		"WHATSAPP_API_TOKEN_INSTANCE." } },
	{ "not_authorized",
	    { "The WhatsApp instance is not authorized: scan the QR code in Green API's console.",
		"Инстанс WhatsApp не авторизован: отсканируйте QR-код в личном "
		"кабинете Green API." } },
	{ "starting",
	    { "The WhatsApp instance is starting; the next check tries again.",
		"Инстанс WhatsApp запускается; следующая проверка попробует снова." } },
	{ "quota_exceeded",
	    { "The plan's quota at Green API is used up (466).",
		"Исчерпана квота тарифа Green API (466)." } },
	{ "stuck_queue",
	    { "Green API gives the same notification again although it was deleted; what was "
	      "received is stored.",
		"Green API снова отдаёт уже удалённое уведомление; полученное сохранено." } },
	{ "suspended",
	    { "WhatsApp limits this number for a time: nothing is sent, messages still "
	      "arrive. dmbox "
	      "holds the queue until the limit ends; write only to people who wrote first.",
		"WhatsApp временно ограничил номер: отправки нет, входящие приходят. dmbox "
		"придержит очередь до конца ограничения; пишите только тем, кто написал "
		"первым." } },
	{ "green_refuses",
	    { "Green API refuses without saying whether the instance or this message "
	      "is to blame. "
	      "Nothing is lost, dmbox goes on trying; dmbox outbox cancel ID gives a message up.",
		"Green API отказывает и не говорит, в инстансе дело или в сообщении. Ничего не "
		"потеряно, dmbox пробует дальше; dmbox outbox cancel ID снимает сообщение." } },
};
const size_t greenapi_n_hints = sizeof greenapi_hints / sizeof *greenapi_hints;
