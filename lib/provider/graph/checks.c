/*
 * What dmbox doctor checks of a Graph account: providers.md B.1, B.7, D.  Numbers are promised to
 * operators and to their monitoring: a check keeps its number, a new one takes a free one of 7xx.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "provider/graph/graph.h"

#define EXPIRY_WARN_DAYS 10
#define ONLY_ECHOES 5		/* so many in a row are no accident */

/* What a new subscription asks for (B.7). */
#define FIELDS "messages,messaging_postbacks,message_reactions,messaging_seen,message_edit," \
	"messaging_referral"

/* A token of one product at the other's host gets 190 (B.1, D 10). */
static void
kind_of_token(struct checkup *c)
{
	const struct account *a = c->a;
	bool login = a->token != NULL && str_starts(a->token, "IGAA");
	bool page = a->token != NULL && str_starts(a->token, "EAA");
	const char *foreign = login ? "graph.facebook.com" : "graph.instagram.com";

	if (str_empty(a->token))
		return;
	/* a further set-up of Meta's may have another prefix: not said to be wrong (B.1) */
	if (!login && !page)
		check_say(c, 712, FINDING_UNKNOWN,
		    check_tr(c, "%s: a token %.4s... at %s: starts neither with IGAA nor with EAA",
		    "%s: токен %.4s... на %s: не начинается ни с IGAA, ни с EAA"), a->name,
		    a->token, graph_base(a));
	else if (a->api_url != NULL && strstr(a->api_url, foreign) != NULL)
		check_say(c, 712, FINDING_FAIL, check_tr(c, "%s: a token %s... at %s",
		    "%s: токен %s... на %s"), a->name, login ? "IGAA" : "EAA", foreign);
	else
		check_say(c, 712, FINDING_OK, "%s: %s", a->name, login ? "IGAA, Instagram Login" :
		    "EAA, Messenger");
}

static void
expiry(struct checkup *c)
{
	int64_t days = (c->facts.token_expires_us - clock_now_us()) / (86400 * 1000000LL);

	if (!c->facts.known)
		return;
	if (c->facts.token_expires_us > 0)
		check_say(c, 714, days < 0 ? FINDING_FAIL : days < EXPIRY_WARN_DAYS ? FINDING_WARN :
		    FINDING_OK, check_tr(c, "%s: %" PRId64 " days left", "%s: осталось дней: %"
		    PRId64), c->a->name, days);
	else if (c->a->token != NULL && str_starts(c->a->token, "IGAA"))
		check_say(c, 714, FINDING_UNKNOWN, check_tr(c,
		    "%s: Meta does not tell; the poller refreshes it when it is a day old",
		    "%s: Meta не сообщает; опросчик обновит его через сутки"), c->a->name);
}

static void
entry(struct checkup *c)
{
	if (str_empty(c->a->own_id))
		return;
	if (c->facts.foreign_id != NULL)
		check_say(c, 716, FINDING_FAIL,
		    check_tr(c, "%s: deliveries speak of %s, configured is %s",
		    "%s: доставки называют %s, настроен %s"), c->a->name, c->facts.foreign_id,
		    c->a->own_id);
	else if (c->facts.last_delivery == NULL)
		check_say(c, 716, FINDING_UNKNOWN,
		    check_tr(c, "%s: no delivery yet", "%s: доставок ещё не было"), c->a->name);
	else
		check_say(c, 716, FINDING_OK, "%s", c->a->name);
}

#define LIMIT_EN "There were too many calls, which says nothing against the token: " \
	"Meta lifts the limit within the hour. See App Dashboard, Rate limits, and what else " \
	"calls with this app; raise INSTAGRAM_POLL_SECONDS."
#define LIMIT_RU "Вызовов было слишком много, токен ни при чём: Meta снимет предел в течение " \
	"часа. Посмотрите App Dashboard, Rate limits, и кто ещё вызывает от этого приложения; " \
	"увеличьте INSTAGRAM_POLL_SECONDS."

/* Codes that say nothing against the token. */
static const struct { const char *code, *en, *ru; enum finding_status status; } codes[] = {
	{ "4", LIMIT_EN, LIMIT_RU, FINDING_WARN },
	{ "17", LIMIT_EN, LIMIT_RU, FINDING_WARN },
	{ "32", LIMIT_EN, LIMIT_RU, FINDING_WARN },
	{ "613", LIMIT_EN, LIMIT_RU, FINDING_WARN },
	{ "80002", LIMIT_EN, LIMIT_RU, FINDING_WARN },
	{ "80006", LIMIT_EN, LIMIT_RU, FINDING_WARN },
	{ "3", "The app lacks the product or its approval (code 3), a new token of it will "
	    "not change that: App Dashboard: add the product Instagram (or Messenger) to "
	    "the app, then App Review for Advanced Access.",
	    "Приложению не хватает продукта или одобрения (код 3), новый токен не "
	    "поможет: в App Dashboard добавьте приложению продукт Instagram (или "
	    "Messenger), затем App Review для Advanced Access.", FINDING_FAIL },
	{ "368", "Meta has blocked the account or the app for its conduct (code 368): see "
	    "Instagram's Account status and App Dashboard, Alerts, and appeal there; a new "
	    "token changes nothing.",
	    "Meta заблокировала аккаунт или приложение за нарушения (код 368): смотрите "
	    "Статус аккаунта в Instagram и App Dashboard, Alerts, и подайте апелляцию там; "
	    "новый токен ничего не изменит.", FINDING_FAIL },
	{ "2500", "Meta does not know this path: INSTAGRAM_API_URL must be the host alone "
	    "(take it out: the right one follows from the token), and "
	    "INSTAGRAM_GRAPH_VERSION a version that exists.",
	    "Meta не знает такого пути: в INSTAGRAM_API_URL должен быть один хост (уберите "
	    "ключ: нужный следует из токена), а в INSTAGRAM_GRAPH_VERSION существующая "
	    "версия.", FINDING_FAIL },
	{ "2635", "This version of Meta's API has ended: take INSTAGRAM_GRAPH_VERSION "
	    "out, or set a newer one, and update dmbox.",
	    "Эта версия API Meta больше не работает: уберите INSTAGRAM_GRAPH_VERSION или "
	    "задайте новее и обновите dmbox.", FINDING_FAIL },
	{ "10", "The app has no access for this (code 10), a new token of it will not "
	    "either: App Dashboard, App Review: instagram_business_manage_messages "
	    "(Facebook Login: instagram_manage_messages) with Advanced Access; the "
	    "Instagram app: Connected tools, Allow access to messages.",
	    "У приложения нет на это доступа (код 10), новый токен не поможет: App "
	    "Dashboard, App Review: instagram_business_manage_messages (Facebook Login: "
	    "instagram_manage_messages) с Advanced Access; в приложении Instagram: "
	    "Подключённые инструменты, Разрешить доступ к сообщениям.", FINDING_FAIL },
	{ "200", "The app or the person who logged in has no right for this: grant it at a "
	    "new log-in, and see that the person is an admin of the Page.",
	    "У приложения или вошедшего человека нет права: дайте его при новом входе и "
	    "проверьте, что человек администрирует Страницу.", FINDING_FAIL },
	{ "100", "Meta refuses the app or account as a whole (code 100): see App Dashboard "
	    "for a restriction of the app, and Instagram's Account status; another token "
	    "changes nothing.",
	    "Meta отказывает приложению или аккаунту целиком (код 100): посмотрите "
	    "ограничения в App Dashboard и Статус аккаунта в Instagram; другой токен "
	    "ничего не изменит.", FINDING_FAIL },
};

static bool
access_judge(struct checkup *c, struct finding *f)
{
	if (strstr(f->seen, "node type (User)") != NULL) {
		check_cause(c, 713, f->status, check_tr(c,
		    "This is the token of a person: take the Page's own (Graph API Explorer: GET "
		    "me/accounts, access_token of the Page; or App Dashboard, Instagram, Generate "
		    "token).",
		    "Это токен человека: нужен токен самой Страницы (Graph API Explorer: GET "
		    "me/accounts, access_token Страницы; или App Dashboard, Instagram, Generate "
		    "token)."),
		    "%s: %s", c->a->name, check_seen(c, f));
		return true;
	}
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		size_t n = strlen(codes[i].code);

		if (!str_starts(f->seen, codes[i].code) || (f->seen[n] != ':' && f->seen[n] != '/'))
			continue;
		f->status = codes[i].status;
		check_cause(c, 713, f->status, check_tr(c, codes[i].en, codes[i].ru),
		    "%s: %s", c->a->name, check_seen(c, f));
		return true;
	}
	return false;
}

/* What Meta's error code asks for; a new token does not help against all of them. */
static void
token_judge(struct checkup *c, struct finding *f)
{
	static const struct { const char *in, *en, *ru; } v[] = {
		{ "190/463", "The token has expired: make a new one in the App Dashboard, put it "
		    "into INSTAGRAM_ACCESS_TOKEN, and see that dmbox-poll runs: it "
		    "refreshes tokens.",
		    "Токен истёк: создайте новый в App Dashboard, впишите в INSTAGRAM_ACCESS_TOKEN "
		    "и проверьте, что запускается dmbox-poll: он обновляет токены." },
		{ "190/459", "Instagram asks the account's owner to confirm himself: log in at "
		    "instagram.com or in the app and pass the check; the token is right.",
		    "Instagram просит владельца подтвердить вход: зайдите на instagram.com или в "
		    "приложение и пройдите проверку; сам токен верен." },
		{ "190/464", "The account is not confirmed: its owner logs in at instagram.com or "
		    "facebook.com and confirms e-mail or phone; the token is right.",
		    "Аккаунт не подтверждён: владелец входит на instagram.com или facebook.com и "
		    "подтверждает почту или телефон; сам токен верен." },
		{ "190/467", "The owner logged out of the app, which ends the token: log in again "
		    "and make a new one in the App Dashboard.",
		    "Владелец вышел из приложения, и токен недействителен: войдите заново и "
		    "создайте новый в App Dashboard." },
		{ "190/492", "The person whose token this is has no role on the Page any more: "
		    "give the role back (Page settings, Page access), or make the token as a "
		    "person who has one.",
		    "У человека, чей это токен, больше нет роли на Странице: верните роль "
		    "(настройки Страницы, доступ к Странице) или создайте токен от имени того, у "
		    "кого она есть." },
		{ "190/460", "The password was changed, which ends all tokens: make a new one in "
		    "the App Dashboard.",
		    "Сменили пароль, и все токены недействительны: создайте новый в "
		    "App Dashboard." },
		{ "190/458", "The owner removed the app from the account: log in to the app again "
		    "and make a new token.",
		    "Владелец отключил приложение от аккаунта: войдите в приложение заново и "
		    "создайте новый токен." },
		{ "PERSONAL", "This is a personal account: switch it to professional in the "
		    "Instagram app (Settings, Account type); then the same token works.",
		    "Это личный аккаунт: переключите его на профессиональный в приложении "
		    "Instagram (Настройки, Тип аккаунта); токен останется тем же." },
		{ "not a professional",
		"This is a personal account: switch it to professional in the Instagram app "
		"(Settings, Account type); then the same token works.",
		    "Это личный аккаунт: переключите его на профессиональный в приложении "
		    "Instagram (Настройки, Тип аккаунта); токен останется тем же." },
	};

	/* proved as the app may want it; only tokens of Messenger are */
	if (f->status == FINDING_OK && graph_product(c->a) == GRAPH_MESSENGER &&
	    account_missing(c->a, KEY_VERIFY, 0) == NULL)
		check_say(c, 728, FINDING_OK, "%s", c->a->name);
	if (f->status != FINDING_OK && access_judge(c, f))
		return;
	for (size_t i = 0; f->status != FINDING_OK && i < sizeof v / sizeof *v; i++)
		if (strstr(f->seen, v[i].in) != NULL) {
			check_cause(c, 713, f->status, check_tr(c, v[i].en, v[i].ru), "%s: %s",
			    c->a->name, check_seen(c, f));
			return;
		}
}

/* The same id slip, or the token of another account? */
static void
id_judge(struct checkup *c, struct finding *f)
{
	if (f->status == FINDING_FAIL && strstr(f->seen, "the token belongs to") != NULL)
		check_cause(c, 715, f->status, check_tr(c,
		    "Token and id are of different accounts: decide which account this is, and "
		    "take both from it. Where the token is the right one, the id is the one "
		    "shown last.",
		    "Токен и id от разных аккаунтов: решите, какой это аккаунт, и возьмите оба от "
		    "него. Если верен токен, то верный id показан последним."),
		    "%s: %s", c->a->name, check_seen(c, f));
	else if (f->status == FINDING_FAIL && strstr(f->seen, "no linked Instagram") != NULL)
		check_cause(c, 715, f->status, check_tr(c,
		    "Link the Instagram account to the Page (Page settings, Linked accounts), then "
		    "make the token again.",
		    "Привяжите аккаунт Instagram к Странице (настройки Страницы, Связанные "
		    "аккаунты) и создайте токен заново."), "%s: %s", c->a->name, check_seen(c, f));
}

/* --fix may subscribe only with a token that may. */
static void
subscribed_judge(struct checkup *c, struct finding *f)
{
	if (f->status == FINDING_FAIL && (str_starts(f->seen, "10") || str_starts(f->seen, "200") ||
	    strstr(f->seen, "permission") != NULL))
		check_cause(c, 717, f->status, check_tr(c,
		    "The token may not ask for that: log in again and grant "
		    "instagram_business_manage_messages (Facebook Login: pages_manage_metadata, "
		    "instagram_manage_messages), then: `dmbox doctor --fix`",
		    "Этому токену такое не разрешено: войдите заново и дайте право "
		    "instagram_business_manage_messages (Facebook Login: pages_manage_metadata, "
		    "instagram_manage_messages), затем: `dmbox doctor --fix`"),
		    "%s: %s", c->a->name, check_seen(c, f));
}

/* A new account has no conversations and nothing is wrong with it. */
static void
conversations(struct checkup *c, struct finding *f)
{
	if (f->status == FINDING_WARN && !c->facts.had_messages)
		f->status = FINDING_UNKNOWN;
}

static const char *const another_app[] = {
	"Another app is the primary one: at the Page, Settings, Advanced messaging, "
	"Handover protocol (Instagram: Messaging settings, Default app for "
	"conversations), make this app primary, or take the other one off.",
	"Основным назначено другое приложение: в Странице, Настройки, Расширенные "
	"сообщения, Протокол передачи (Instagram: приложение для переписки по "
	"умолчанию) сделайте основным это или отключите другое."
};

/* Conversations that another app owns are mended where the primary app is chosen. */
static void
owner_judge(struct checkup *c, struct finding *f)
{
	if (f->status == FINDING_WARN)
		check_cause(c, 720, FINDING_WARN, check_tr(c, another_app[0], another_app[1]),
		    "%s: %s", c->a->name, check_seen(c, f));
	f->status = FINDING_OK;
}

/* Meta delivers, and still no customer's message is answered here: who else has the thread? */
static void
routing(struct checkup *c)
{
	const struct check_facts *f = &c->facts;

	if (f->standby > 0 && f->standby * 2 >= f->inbound)
		check_cause(c, 720, FINDING_WARN, check_tr(c, another_app[0], another_app[1]),
		    check_tr(c, "%s: %" PRId64 " of the last %"
		    PRId64 " messages came as standby: another app has the conversations",
		    "%s: из последних сообщений (%" PRId64 " из %"
		    PRId64 ") пришли как standby: переписку ведёт другое приложение"),
		    c->a->name, f->standby, f->inbound);
	else if (f->echoes >= ONLY_ECHOES && f->inbound == 0)
		check_cause(c, 720, FINDING_WARN, check_tr(c,
		    "Own messages come and customers' do not: the app lacks Advanced Access, or is "
		    "not Live (then only people with a role in it get through); see that "
		    "\"messages\" is among the subscribed fields, too.",
		    "Свои сообщения приходят, клиентские нет: у приложения нет Advanced Access или "
		    "оно не Live (тогда проходят только люди с ролью в нём); проверьте и поле "
		    "messages в подписке."),
		    check_tr(c, "%s: the last %" PRId64 " messages are all our own (echoes)",
		    "%s: последние сообщения (%" PRId64 ") только свои (эхо)"), c->a->name,
		    f->echoes);
	else if (f->silent_h > 0)
		check_cause(c, 720, FINDING_WARN, check_tr(c,
		    "Webhooks came regularly and stopped: Meta switches a webhook off that failed "
		    "for long. See App Dashboard, Webhooks (the callback may be marked as "
		    "failing), then: `dmbox doctor --fix`",
		    "Вебхуки приходили регулярно и перестали: Meta отключает адрес, который долго "
		    "не отвечал. Посмотрите App Dashboard, Webhooks, затем: `dmbox doctor --fix`"),
		    check_tr(c, "%s: none for %" PRId64 " hours, the last at %s", "%s: нет уже %"
		    PRId64 " ч, последний %s"), c->a->name, f->silent_h, f->last_delivery);
}

static void
person(struct checkup *c)
{
	if (c->facts.last_delivery != NULL)
		check_say(c, 720, FINDING_OK, check_tr(c, "%s: Meta delivers, last at %s",
		    "%s: Meta присылает сообщения, последнее %s"), c->a->name,
		    c->facts.last_delivery);
	else
		check_say(c, 720, FINDING_UNKNOWN, check_tr(c,
	    "%s: no API tells whether the app is Live, has Advanced Access and may see messages",
	    "%s: API не сообщает, Live ли приложение, есть ли Advanced Access и доступ "
	    "к сообщениям"), c->a->name);
}

/* POST /me/subscribed_apps (B.7). */
enum rc
graph_subscribe(const struct account *a, struct http_req *out)
{
	return graph_req(a, "POST", "me/subscribed_apps?subscribed_fields=" FIELDS, out);
}

const struct provider_check graph_checks[] = {
	{ .number = 711,
	  .subject = { "Meta", "Meta" },
	  .what = { "Meta's API can be reached",
	    "API Meta доступен" },
	  .remedy = { "Check INSTAGRAM_API_URL, and that the host lets programs call out "
	    "on port 443.",
	    "Проверьте INSTAGRAM_API_URL и то, что хостинг разрешает исходящие на порт 443." },
	  .codes = { "reach" }, .reach = true },
	{ .number = 712,
	  .subject = { "Kind of token", "Вид токена" },
	  .what = { "kind of token and host fit together",
	    "вид токена и хост подходят друг другу" },
	  .remedy = { "IGAA tokens belong to graph.instagram.com, EAA tokens to "
	    "graph.facebook.com: take INSTAGRAM_API_URL out, the right host follows "
	    "from the token.",
	    "Токены IGAA относятся к graph.instagram.com, EAA — к graph.facebook.com: уберите "
	    "INSTAGRAM_API_URL, нужный хост следует из токена." },
	  .conf = kind_of_token },
	{ .number = 713,
	  .subject = { "Access token", "Токен доступа" },
	  .what = { "Meta accepts the access token",
	    "Meta принимает токен доступа" },
	  .remedy = { "Make a new token in the App Dashboard and put it into "
	    "INSTAGRAM_ACCESS_TOKEN.",
	    "Создайте новый токен в App Dashboard и впишите в INSTAGRAM_ACCESS_TOKEN." },
	  .codes = { "token" }, .judge = token_judge },
	{ .number = 714,
	  .subject = { "Token's end", "Срок токена" },
	  .what = { "the access token does not expire soon",
	    "токен доступа не истекает в ближайшее время" },
	  .remedy = { "See that dmbox-poll runs (it refreshes tokens), or make a new token in the "
	    "App Dashboard.",
	    "Проверьте, что dmbox-poll запускается (он обновляет токены), или создайте новый токен "
	    "в App Dashboard." },
	  .asked = expiry },
	{ .number = 715,
	  .subject = { "INSTAGRAM_PAGE_ID", "INSTAGRAM_PAGE_ID" },
	  .what = { "INSTAGRAM_PAGE_ID is the id that webhooks name",
	    "INSTAGRAM_PAGE_ID — тот id, который называют вебхуки" },
	  .remedy = { "Put the id shown here into INSTAGRAM_PAGE_ID (user_id, not the "
	    "app-scoped id).",
	    "Впишите показанный id в INSTAGRAM_PAGE_ID (user_id, а не id внутри приложения)." },
	  .codes = { "page_id" }, .judge = id_judge },
	{ .number = 716,
	  .subject = { "Accounts of deliveries", "Аккаунты доставок" },
	  .what = { "deliveries name only accounts that are known here",
	    "доставки называют только известные здесь аккаунты" },
	  .remedy = { "Put the id into INSTAGRAM_PAGE_ID of its account, or add the account: dmbox "
	    "init --account NAME.",
	    "Впишите id в INSTAGRAM_PAGE_ID нужного аккаунта или добавьте аккаунт: dmbox init "
	    "--account ИМЯ." },
	  .ledger = entry },
	{ .number = 717,
	  .subject = { "Subscription", "Подписка" },
	  .what = { "Meta sends this account's messages (subscribed_apps)",
	    "Meta присылает сообщения этого аккаунта (subscribed_apps)" },
	  .remedy = { "Run: `dmbox doctor --fix`",
	    "Выполните: `dmbox doctor --fix`" },
	  .codes = { "subscribed" }, .judge = subscribed_judge },
	{ .number = 718,
	  .subject = { "Conversations", "Переписки" },
	  .what = { "Meta lists this account's conversations",
	    "Meta показывает переписки этого аккаунта" },
	  .remedy = { "Instagram app: Settings, Messages and story replies, Message controls, "
	    "Connected tools: Allow access to messages.",
	    "Приложение Instagram: Настройки, Сообщения и ответы на истории, Управление "
	    "сообщениями, Подключённые инструменты: Разрешить доступ к сообщениям." },
	  .codes = { "conversations" }, .judge = conversations },
	{ .number = 719,
	  .subject = { "Permissions", "Разрешения" },
	  .what = { "the token may read and send messages",
	    "токен разрешает читать и отправлять сообщения" },
	  .remedy = { "Log in again and grant instagram_manage_messages (Instagram Login: "
	    "instagram_business_manage_messages).",
	    "Войдите заново и дайте право instagram_manage_messages (Instagram Login: "
	    "instagram_business_manage_messages)." },
	  .codes = { "scopes" } },
	{ .number = 728,
	  .subject = { "appsecret_proof", "appsecret_proof" },
	  .what = { "calls carry the proof that the app requires",
	    "запросы несут подтверждение, которого требует приложение" },
	  .remedy = { "Put the secret of the app that the token belongs to into "
	    "INSTAGRAM_APP_SECRET (App Dashboard, App settings, Basic); or switch Require App "
	    "Secret off (Advanced, Security).",
	    "Впишите секрет приложения, которому принадлежит токен, в INSTAGRAM_APP_SECRET (App "
	    "Dashboard, App settings, Basic) или выключите Require App Secret "
	    "(Advanced, Security)." },
	  .codes = { "proof" } },
	{ .number = 720,
	  .subject = { "At Meta, by hand", "У Meta, вручную" },
	  .what = { "what only a person can see at Meta",
	    "что у Meta видно только человеку" },
	  .remedy = { "Check by hand: the app is Live; it has Advanced Access (else only people "
	    "with a role get through); Instagram app, Connected tools: Allow access to messages is "
	    "on; new chats may lie in Requests.",
	    "Проверьте сами: приложение в режиме Live; есть Advanced Access (иначе проходят только "
	    "люди с ролью); в Instagram в Подключённых инструментах включён доступ к сообщениям; "
	    "новые чаты могут лежать в Запросах." },
	  .codes = { "owner" }, .judge = owner_judge, .asked = person, .ledger = routing },
};
const size_t graph_n_checks = sizeof graph_checks / sizeof *graph_checks;
