/*
 * The words of dmbox init: providers.md A.6 (Chatrace), B.2 (Meta), C (Green
 * API), earlier-system.md (the dashboard's page and names, word for word).
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cmd.h"
#include "init_text.h"
#include "base/mem.h"
#include "base/str.h"

char *
init_webhook_url(const struct init_facts *f)
{
	struct buf b;
	char *s;

	buf_init(&b, 8192);
	buf_puts(&b, f->public_url != NULL ? f->public_url
	    : cmd_tr("https://YOUR-DOMAIN", "https://ВАШ-ДОМЕН"));
	while (b.n > 0 && b.p[b.n - 1] == '/')
		b.p[--b.n] = '\0';
	buf_printf(&b, "/%s/webhook", channel_names[f->provider->channel]);
	if (!str_eq(f->account, "main"))
		buf_printf(&b, "/%s", f->account);
	s = buf_take(&b);
	buf_free(&b);
	return s;
}

/* The account id is the token's part before the dot (providers.md A.2). */
static void
chatrace(const struct init_facts *f, const char *url, struct buf *b)
{
	char id[64] = "ACCOUNT-ID";

	if (f->token != NULL && strchr(f->token, '.') != NULL)
		snprintf(id, sizeof(id), "%.*s", (int)strcspn(f->token, "."), f->token);
	buf_printf(b, cmd_tr(
	    "At Chatrace (it has no polling: messages come only through the webhook):\n"
	    "1. Open https://chatrace.com/en/settings?acc=%s , section \"Webhooks\" or\n"
	    "   \"API Settings\".  If the installation shows the events \"Instagram messages\" and\n"
	    "   \"Incoming messages\": enter the webhook URL above with ?secret=... (below) and\n"
	    "   switch both events on.  Done.\n"
	    "2. Otherwise: Flow builder → Actions → External API Request, placed in the default\n"
	    "   reply (and the main flow):\n",
	    "В Chatrace (опроса там нет: сообщения приходят только через webhook):\n"
	    "1. Откройте https://chatrace.com/en/settings?acc=%s , раздел \"Webhooks\" или\n"
	    "   \"API Settings\".  Если там есть события \"Instagram messages\" и \"Incoming messages\":\n"
	    "   впишите адрес webhook (выше) с ?secret=... (ниже) и включите оба события.  Готово.\n"
	    "2. Иначе: Flow builder → Actions → External API Request, в ответе по умолчанию\n"
	    "   (default reply) и в основном сценарии:\n"), id);
	buf_printf(b, "     POST %s\n     X-Webhook-Secret: %s\n"
	    "     Content-Type: application/x-www-form-urlencoded\n"
	    "     event=message  account_id=%s  contact_id={{user_id}}  username={{ig_user_name}}\n"
	    "     name={{full_name}}  channel=instagram  text={{last_input}}\n", url, f->secret, id);
	buf_puts(b, cmd_tr(
	    "   The platform encodes a form's fields, so a customer's words cannot break it.  Only\n"
	    "   where the flow offers no form, send JSON (Content-Type: application/json), with the\n"
	    "   members in this order: what comes before a customer's name and words is believed.\n",
	    "   Поля формы кодирует сама платформа: слова клиента её не сломают.  Только если формы\n"
	    "   в сценарии нет, отправляйте JSON (Content-Type: application/json) именно в таком\n"
	    "   порядке: верится тому, что стоит до имени и слов клиента.\n"));
	buf_printf(b, "     {\"event\":\"message\",\"account_id\":\"%s\",\"contact_id\":\"{{user_id}}\","
	    "\"username\":\"{{ig_user_name}}\",\"name\":\"{{full_name}}\",\"channel\":\"instagram\","
	    "\"text\":\"{{last_input}}\"}\n", id);
	buf_printf(b, cmd_tr("   Where headers cannot be set, put the secret into the URL:\n     %s?secret=%s\n",
	    "   Где нельзя задать заголовок, секрет ставится в адрес:\n     %s?secret=%s\n"), url,
	    f->secret);
}

static void
graph(const struct init_facts *f, const char *url, struct buf *b)
{
	buf_printf(b, cmd_tr(
	    "At Meta (developers.facebook.com, your app → Instagram → API setup, \"Configure\n"
	    "webhooks\"):\n"
	    "1. Callback URL: %s\n"
	    "   Verify token: %s\n"
	    "   It must be reachable by https with a certificate of a public authority.\n"
	    "2. Subscribe to the fields messages, messaging_postbacks, messaging_seen,\n"
	    "   message_reactions, message_edit, messaging_referral, messaging_optins,\n"
	    "   messaging_handover, standby.\n"
	    "3. Set the app live, and in the Instagram app: Settings → Messages and story\n"
	    "   replies → Message controls → Connected tools → Allow access to messages.\n",
	    "В Meta (developers.facebook.com, приложение → Instagram → API setup, \"Configure\n"
	    "webhooks\"):\n"
	    "1. Callback URL: %s\n"
	    "   Verify token: %s\n"
	    "   Адрес должен открываться по https с сертификатом публичного центра.\n"
	    "2. Подпишитесь на поля messages, messaging_postbacks, messaging_seen,\n"
	    "   message_reactions, message_edit, messaging_referral, messaging_optins,\n"
	    "   messaging_handover, standby.\n"
	    "3. Переведите приложение в режим Live, а в приложении Instagram включите:\n"
	    "   Settings → Messages and story replies → Message controls → Connected tools →\n"
	    "   Allow access to messages.\n"), url, f->verify_token);
}

static void
greenapi(const struct init_facts *f, const char *url, struct buf *b)
{
	buf_printf(b, cmd_tr(
	    "At Green API nothing is needed: dmbox-poll takes the messages from its queue.\n"
	    "The queue and a webhook exclude each other.  If you prefer the webhook, set in the\n"
	    "console of the instance (and WHATSAPP_POLL_SECONDS=0 here):\n"
	    "  webhookUrl: %s\n  webhookUrlToken: %s\n"
	    "  incomingWebhook, outgoingWebhook, outgoingMessageWebhook,\n"
	    "  outgoingAPIMessageWebhook: yes\n",
	    "В Green API ничего не нужно: dmbox-poll забирает сообщения из очереди.\n"
	    "Очередь и webhook исключают друг друга.  Если нужен webhook, задайте в консоли\n"
	    "инстанса (а здесь WHATSAPP_POLL_SECONDS=0):\n"
	    "  webhookUrl: %s\n  webhookUrlToken: %s\n"
	    "  incomingWebhook, outgoingWebhook, outgoingMessageWebhook,\n"
	    "  outgoingAPIMessageWebhook: yes\n"), url, f->secret);
}

void
init_steps(const struct init_facts *f, struct buf *b)
{
	char *url = init_webhook_url(f);

	if (f->mock)
		buf_printf(b, cmd_tr("Mock account: nothing leaves the machine, nothing to click.  Deliveries in\n"
		    "Chatrace's shapes (dmbox trigger) are taken with the header\n  X-Webhook-Secret: %s\n",
		    "Учебная учётная запись: наружу ничего не уходит, настраивать нечего.  Доставки в\n"
		    "форме Chatrace (dmbox trigger) принимаются с заголовком\n  X-Webhook-Secret: %s\n"), f->secret);
	else if (f->provider == PROVIDER_CHATRACE)
		chatrace(f, url, b);
	else if (f->provider == PROVIDER_GRAPH)
		graph(f, url, b);
	else
		greenapi(f, url, b);
	mem_free_secret(url);
}
