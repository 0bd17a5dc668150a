/*
 * Texts for people about WhatsApp Cloud API.
 */
#include "base/buf.h"
#include "provider/cloud/cloud.h"

void
cloud_setup(const struct setup_facts *f, struct buf *b)
{
	static const char en[] =
	    "At Meta (developers.facebook.com, your app → WhatsApp → Configuration):\n"
	    "1. Callback URL: %s\n"
	    "   Verify token: %s\n"
	    "   It must be reachable by https with a certificate of a public authority.\n"
	    "2. Webhook fields: subscribe to messages (and to account_update,\n"
	    "   message_template_status_update, phone_number_quality_update).\n"
	    "3. Subscribe the app to the WhatsApp Business Account: dmbox doctor --fix\n"
	    "   (the dashboard's Test button works without it, real messages do not come).\n"
	    "4. Set the app live.\n";
	static const char ru[] =
	    "В Meta (developers.facebook.com, приложение → WhatsApp → Configuration):\n"
	    "1. Callback URL: %s\n"
	    "   Verify token: %s\n"
	    "   Адрес должен открываться по https с сертификатом публичного центра.\n"
	    "2. Webhook fields: подпишитесь на messages (а также account_update,\n"
	    "   message_template_status_update, phone_number_quality_update).\n"
	    "3. Подпишите приложение на аккаунт WhatsApp Business: dmbox doctor --fix\n"
	    "   (кнопка Test работает и без этого, а настоящие сообщения не приходят).\n"
	    "4. Переведите приложение в режим Live.\n";
	const char *word = f->handshake != NULL ? f->handshake : "...";

	if (f->brief)
		return;
	if (f->ru)
		buf_printf(b, ru, f->url, word);
	else
		buf_printf(b, en, f->url, word);
}

const struct provider_hint cloud_hints[] = {
	{ "cloud_proof",
	    { "The app demands appsecret_proof: put the secret of the token's own app into "
	      "WHATSAPP_APP_SECRET.",
		"Приложение требует appsecret_proof: укажите секрет приложения, которому "
		"принадлежит токен, в WHATSAPP_APP_SECRET." } },
	{ "cloud_number",
	    { "WHATSAPP_PHONE_NUMBER_ID is not a number that the token reaches: dmbox doctor "
	      "--only DMB-745.",
		"WHATSAPP_PHONE_NUMBER_ID — не номер, доступный токену: dmbox doctor "
		"--only DMB-745." } },
	{ "cloud_permission",
	    { "The system user lacks the right to this number: assign app and WhatsApp account "
	      "to it, then make a new token.",
		"У системного пользователя нет прав на этот номер: назначьте ему приложение и "
		"аккаунт WhatsApp и создайте новый токен." } },
	{ "cloud_restricted",
	    { "Meta has restricted this number or account: WhatsApp Manager shows why and "
	      "for how long.",
		"Meta ограничила номер или аккаунт: причина и срок видны в WhatsApp Manager." } },
	{ "cloud_payment",
	    { "Meta waits for a payment method or accepted terms: WhatsApp Manager → Billing "
	      "& payments.",
		"Meta ждёт способ оплаты или принятия условий: WhatsApp Manager → "
		"Счета и платежи." } },
	{ "cloud_register",
	    { "The number is not registered, or its name is not approved: WhatsApp Manager → "
	      "Phone numbers.",
		"Номер не зарегистрирован или имя не одобрено: WhatsApp Manager → "
		"Номера телефонов." } },
	{ "cloud_test_number",
	    { "A test number sends only to the recipients that are entered under WhatsApp "
	      "→ API setup, in the same spelling: 52 and 521 (Mexico), 54 and 549 (Argentina), "
	      "with and without the ninth digit (Brazil) are two entries.",
		"Тестовый номер отправляет только получателям, внесённым в WhatsApp "
		"→ API setup, и только в том же написании: 52 и 521 (Мексика), 54 и 549 "
		"(Аргентина), с девятой цифрой и без неё (Бразилия) — это разные записи." } },
	{ "cloud_template",
	    { "The customer's last message is over 24 hours old: only an approved "
	      "template goes out.",
		"Последнее сообщение клиента старше 24 часов: уходит только одобренный шаблон." } },
	{ "cloud_template_form",
	    { "Name, language or parameters do not fit the template: compare with WhatsApp "
	      "Manager → Message templates; named parameters want parameter_name.",
		"Имя, язык или параметры не подходят к шаблону: сравните с WhatsApp Manager → "
		"Шаблоны сообщений; именованным параметрам нужен parameter_name." } },
	{ "cloud_template_off",
	    { "Meta has paused or disabled this template: WhatsApp Manager → Message templates.",
		"Meta приостановила или отключила этот шаблон: WhatsApp Manager → "
		"Шаблоны сообщений." } },
	{ "cloud_marketing",
	    { "Meta holds marketing back for this person: do not repeat it within a day; a reply "
	      "to a message of theirs goes.",
		"Meta сдерживает рекламу этому человеку: не повторяйте её в течение суток; ответ "
		"на его сообщение уйдёт." } },
	{ "cloud_unreachable",
	    { "This phone has no WhatsApp, an old version of it, or has not accepted its "
	      "terms: check the number.",
		"По этому номеру нет WhatsApp, версия устарела или не приняты условия: "
		"проверьте номер." } },
	{ "cloud_country",
	    { "Meta lets this business send nothing to that country.",
		"Meta не даёт этому бизнесу отправлять сообщения в эту страну." } },
	{ "cloud_file",
	    { "Meta could not take the file: see that type and size are allowed: pictures JPEG "
	      "or PNG to 5 MB, video MP4 or 3GP and sound to 16 MB, anything else as a document "
	      "to 100 MB; and, where it went by its address, that this opens from outside.",
		"Meta не смогла взять файл: проверьте, что тип и размер разрешены: фото JPEG "
		"или PNG до 5 МБ, видео MP4 или 3GP и звук до 16 МБ, всё остальное документом "
		"до 100 МБ; а если файл отправлен по адресу — что адрес открывается извне." } },
	{ "cloud_refuses",
	    { "Meta refuses without saying whether the account or this message is to blame. "
	      "Nothing is lost, dmbox goes on trying; dmbox outbox cancel ID gives a message up.",
		"Meta отказывает и не говорит, в аккаунте дело или в сообщении. Ничего не "
		"потеряно, dmbox пробует дальше; dmbox outbox cancel ID снимает сообщение." } },
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
	    { "Copy the app secret again to WHATSAPP_APP_SECRET (App Dashboard → App settings → "
	      "Basic → App secret).",
		"Скопируйте секрет приложения в WHATSAPP_APP_SECRET заново (App Dashboard → App "
		"settings → Basic → App secret)." } },
	{ "handshake_refused",
	    { "Enter WHATSAPP_VERIFY_TOKEN of this configuration in the App Dashboard, character "
	      "by character.",
		"Введите в App Dashboard WHATSAPP_VERIFY_TOKEN из этой конфигурации, "
		"символ в символ." } },
};
const size_t cloud_n_hints = sizeof cloud_hints / sizeof *cloud_hints;
