/*
 * The keys of a Cloud API account (contract.md 7).  The table's order is the one in which
 * dmbox init asks and writes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "provider/cloud/cloud.h"

#define VERSION "v25.0"

const struct provider_key cloud_keys[] = {
	{ .name = "WHATSAPP_PHONE_NUMBER_ID",
	    .kind = CONF_ID,
	    .def = "",
	    .use = KEY_READY | KEY_ASK | KEY_WRITE,
	    .option = "id",
	    .prompt = { "Phone number id (WhatsApp → API setup; not the number)",
		"Phone number ID (WhatsApp → API setup; не сам номер)" },
	    .help = "Cloud API: the id of our number, as webhooks name it; where it is set the "
		    "account is of this provider." },
	{ .name = "WHATSAPP_BUSINESS_ACCOUNT_ID",
	    .kind = CONF_ID,
	    .def = "",
	    .use = KEY_ASK | KEY_WRITE,
	    .option = "waba-id",
	    .prompt = { "WhatsApp Business Account id", "WhatsApp Business Account ID" },
	    .help =
		"Cloud API: the WhatsApp Business Account; for doctor, subscribing and the list "
		"of templates." },
	{ .name = "WHATSAPP_ACCESS_TOKEN",
	    .kind = CONF_TEXT,
	    .def = "",
	    .secret = true,
	    .use = KEY_CALL | KEY_READY | KEY_ASK | KEY_WRITE,
	    .option = "token",
	    .prompt = { "Access token of a system user (EAA...)",
		"Токен системного пользователя (EAA...)" },
	    .help = "Cloud API: the access token of a system user, EAA...." },
	{ .name = "WHATSAPP_APP_SECRET",
	    .kind = CONF_TEXT,
	    .def = "",
	    .secret = true,
	    .list = true,
	    .use = KEY_VERIFY | KEY_ASK | KEY_WRITE,
	    .option = "app-secret",
	    .prompt = { "App secret", "Секрет приложения (App secret)" },
	    .comment = { "webhook: the app secret that signs deliveries, and the handshake's word",
		"webhook: секрет приложения, которым подписаны доставки, и слово для проверки "
		"адреса" },
	    .help =
		"Cloud API: the app secret that signs deliveries; a comma list while rotating." },
	{ .name = "WHATSAPP_APP_ID",
	    .kind = CONF_ID,
	    .def = "",
	    .help =
		"Cloud API: the app's id, only where the token ends after 60 days: it is renewed "
		"at half life then." },
	{ .name = "WHATSAPP_VERIFY_TOKEN",
	    .kind = CONF_TEXT,
	    .def = "",
	    .secret = true,
	    .use = KEY_HANDSHAKE | KEY_MAKE | KEY_WRITE,
	    .help = "Cloud API: the word that proves the handshake of the webhook." },
	{ .name = "WHATSAPP_GRAPH_VERSION",
	    .kind = CONF_VERSION,
	    .def = VERSION,
	    .help = "Cloud API: the version put before each path." },
	{ .name = "WHATSAPP_API_URL",
	    .kind = CONF_UPSTREAM,
	    .def = "",
	    .option = "api-url",
	    .help = "Address of the API; the provider's own unless set." },
};
const size_t cloud_n_keys = sizeof cloud_keys / sizeof *cloud_keys;

const struct cloud_own *
cloud_own(const struct account *a)
{
	static char version[] = VERSION;
	static const struct cloud_own none = { .meta = { .version = version } };

	return a->own != NULL ? a->own : &none;
}

enum claim
cloud_claims(const struct conf_values *v)
{
	return conf_is_set(v, "WHATSAPP_PHONE_NUMBER_ID") ? CLAIM_YES : CLAIM_NO;
}

void
cloud_configure(struct account *a, const struct conf_values *v)
{
	struct cloud_own *own = mem_alloc(sizeof *own);

	a->own = own;
	a->own_id = conf_copy(v, "WHATSAPP_PHONE_NUMBER_ID");
	a->token = conf_copy(v, "WHATSAPP_ACCESS_TOKEN");
	a->api_url = conf_url(v, "WHATSAPP_API_URL");
	if (a->api_url == NULL)
		a->api_url = mem_dup(CLOUD_BASE);
	own->waba_id = conf_copy(v, "WHATSAPP_BUSINESS_ACCOUNT_ID");
	own->app_id = conf_copy(v, "WHATSAPP_APP_ID");
	own->meta.version = conf_copy(v, "WHATSAPP_GRAPH_VERSION");
	own->meta.verify_token = conf_copy(v, "WHATSAPP_VERIFY_TOKEN");
	conf_list(v, "WHATSAPP_APP_SECRET", &own->meta.app_secrets);
	if (own->app_id != NULL && own->meta.app_secrets.n == 0)
		conf_warn(v, "WHATSAPP_APP_ID", "renews no token without WHATSAPP_APP_SECRET");
	if (own->waba_id != NULL && str_eq(own->waba_id, a->own_id))
		conf_warn(v, "WHATSAPP_BUSINESS_ACCOUNT_ID",
		    "is the same as WHATSAPP_PHONE_NUMBER_ID: "
		    "they are two ids of WhatsApp → API setup");
}

void
cloud_unconfigure(void *p)
{
	struct cloud_own *own = p;

	if (own == NULL)
		return;
	meta_unconfigure(&own->meta);
	free(own->waba_id);
	free(own->app_id);
	free(own);
}
