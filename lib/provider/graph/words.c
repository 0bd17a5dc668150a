/*
 * Texts for people about Meta's Instagram (providers.md B.2).
 */
#include "base/buf.h"
#include "provider/graph/graph.h"

void
graph_setup(const struct setup_facts *f, struct buf *b)
{
	static const char en[] =
	    "At Meta (developers.facebook.com, your app → Instagram → API setup, \"Configure\n"
	    "webhooks\"):\n"
	    "1. Callback URL: %s\n"
	    "   Verify token: %s\n"
	    "   It must be reachable by https with a certificate of a public authority.\n"
	    "2. Subscribe to the fields messages, messaging_postbacks, messaging_seen,\n"
	    "   message_reactions, message_edit, messaging_referral, messaging_optins,\n"
	    "   messaging_handover, standby.\n"
	    "3. Set the app live, and in the Instagram app: Settings → Messages and story\n"
	    "   replies → Message controls → Connected tools → Allow access to messages.\n";
	static const char ru[] =
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
	    "   Allow access to messages.\n";
	const char *word = f->handshake != NULL ? f->handshake : "...";

	if (f->brief)
		return;
	if (f->ru)
		buf_printf(b, ru, f->url, word);
	else
		buf_printf(b, en, f->url, word);
}

const struct provider_hint graph_hints[] = {
	{ "appsecret_proof",
	    { "The app demands appsecret_proof (Require App Secret): put the app's own "
	      "secret into "
	      "INSTAGRAM_APP_SECRET (App Dashboard → App settings → Basic → App secret).",
		"Приложение требует appsecret_proof (Require App Secret): укажите секрет этого "
		"приложения в INSTAGRAM_APP_SECRET (App Dashboard → App settings → Basic → "
		"App secret)." } },
	{ "meta_refuses",
	    { "Meta refuses this account or app as a whole: restricted, only Standard "
	      "Access, or the token belongs to another host. Nothing is lost, dmbox goes on "
	      "trying; look into the App Dashboard for alerts.",
		"Meta отказывает аккаунту или приложению целиком: ограничение, только Standard "
		"Access или токен для другого адреса. Ничего не потеряно, dmbox пробует дальше; "
		"посмотрите уведомления в App Dashboard." } },
	{ "refused_unclear",
	    { "Meta refuses without saying whether the account or this message is to "
	      "blame. Nothing "
	      "is lost, dmbox goes on trying; dmbox outbox cancel ID gives a message up.",
		"Meta отказывает и не говорит, в аккаунте дело или в сообщении. Ничего не "
		"потеряно, dmbox пробует дальше; dmbox outbox cancel ID снимает сообщение." } },
	{ "no_permission",
	    { "The token lacks a permission or a role in the app: grant the access again, "
	      "and see in "
	      "the App Dashboard whether instagram_manage_messages has Advanced Access.",
		"У токена нет разрешения или роли в приложении: выдайте доступ заново и проверьте "
		"в App Dashboard, есть ли у instagram_manage_messages Advanced Access." } },
	{ "restricted",
	    { "Meta has restricted this account for a time: see Account Status in the "
	      "Instagram app.",
		"Meta временно ограничила аккаунт: смотрите «Статус аккаунта» в "
		"приложении Instagram." } },
	{ "wrong_page_id",
	    { "INSTAGRAM_PAGE_ID is not the account that the token belongs to; nothing "
	      "is read, so "
	      "that nothing is stored under a wrong name. dmbox doctor --only DMB-715 tells "
	      "the right id.",
		"INSTAGRAM_PAGE_ID — не тот аккаунт, которому принадлежит токен; ничего не "
		"читается, чтобы не записать под чужим именем. Верный id покажет dmbox doctor "
		"--only DMB-715." } },
	{ "no_instagram",
	    { "The token belongs to no Instagram account: link one to the Page, or set "
	      "INSTAGRAM_PAGE_ID.",
		"Токен не относится ни к какому аккаунту Instagram: привяжите его к странице или "
		"задайте INSTAGRAM_PAGE_ID." } },
	/* refused deliveries */
	{ "no_header",
	    { "Meta signs each delivery: a proxy before dmbox drops X-Hub-Signature-256. If it "
	      "was not Meta who called, nothing is to be done.",
		"Meta подписывает каждую доставку: прокси перед dmbox теряет X-Hub-Signature-256. "
		"Если звонила не Meta, делать нечего." } },
	{ "bad_header",
	    { "A proxy changes the header X-Hub-Signature-256: let it pass it on as it is.",
		"Прокси меняет заголовок X-Hub-Signature-256: пусть передаёт как есть." } },
	{ "wrong_signature",
	    { "Copy the app secret again to INSTAGRAM_APP_SECRET: with Instagram Login it is the "
	      "Instagram app's (API setup), not the one of the Facebook app's basic settings.",
		"Скопируйте секрет приложения в INSTAGRAM_APP_SECRET заново: при Instagram Login "
		"это секрет приложения Instagram (API setup), а не из основных настроек "
		"приложения Facebook." } },
	{ "handshake_refused",
	    { "Enter INSTAGRAM_VERIFY_TOKEN of this configuration in the App Dashboard, "
	      "character by character.",
		"Введите в App Dashboard INSTAGRAM_VERIFY_TOKEN из этой конфигурации, "
		"символ в символ." } },
};
const size_t graph_n_hints = sizeof graph_hints / sizeof *graph_hints;
