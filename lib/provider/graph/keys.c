/*
 * The keys of a Graph account (contract.md 3).  The table's order is the one in which
 * dmbox init asks and writes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "provider/graph/graph.h"

#define VERSION "v25.0"

const struct provider_key graph_keys[] = {
	{ .name = "INSTAGRAM_USE_CHATRACE",
	    .kind = CONF_BOOL,
	    .def = "true",
	    .use = KEY_WRITE,
	    .set = "false",
	    .help = "" },
	{ .name = "INSTAGRAM_ACCESS_TOKEN",
	    .kind = CONF_TEXT,
	    .def = "",
	    .secret = true,
	    .use = KEY_CALL | KEY_READY | KEY_ASK | KEY_WRITE,
	    .option = "token",
	    .prompt = { "Access token (IGAA... or EAA...)", "Токен (IGAA... или EAA...)" },
	    .help = "Graph: the access token, IGAA... or EAA...." },
	{ .name = "INSTAGRAM_API_URL",
	    .kind = CONF_UPSTREAM,
	    .def = "",
	    .option = "api-url",
	    .help = "Graph: the host that fits the token unless set." },
	{ .name = "INSTAGRAM_PAGE_ID",
	    .kind = CONF_ID,
	    .def = "",
	    .use = KEY_READY | KEY_ASK | KEY_WRITE,
	    .option = "id",
	    .prompt = { "Instagram account id (17...)", "id учётной записи Instagram (17...)" },
	    .help = "Graph: our own id, as in entry.id of a webhook." },
	{ .name = "INSTAGRAM_VERIFY_TOKEN",
	    .kind = CONF_TEXT,
	    .def = "",
	    .secret = true,
	    .use = KEY_HANDSHAKE | KEY_MAKE | KEY_WRITE,
	    .comment = { "webhook: the handshake's word, and the app secret that signs deliveries",
		"webhook: слово для проверки адреса и секрет приложения, которым подписаны "
		"доставки" },
	    .help = "Graph: the word that proves the handshake of the webhook." },
	{ .name = "INSTAGRAM_APP_SECRET",
	    .kind = CONF_TEXT,
	    .def = "",
	    .secret = true,
	    .list = true,
	    .use = KEY_VERIFY | KEY_ASK | KEY_WRITE,
	    .option = "app-secret",
	    .prompt = { "App secret", "Секрет приложения (App secret)" },
	    .help = "Graph: the app secret that signs deliveries; a comma list while rotating." },
	{ .name = "INSTAGRAM_GRAPH_VERSION",
	    .kind = CONF_VERSION,
	    .def = VERSION,
	    .help = "Graph: the version put before each path." },
};
const size_t graph_n_keys = sizeof(graph_keys) / sizeof(*graph_keys);

const struct meta_own *
graph_own(const struct account *a)
{
	static char version[] = VERSION;
	static const struct meta_own none = { .version = version };

	return a->own != NULL ? a->own : &none;
}

enum graph_product
graph_product(const struct account *a)
{
	/* dashboard tokens of Instagram Login start IGAA; older ones IGQV, IG… */
	if (str_starts(a->token != NULL ? a->token : "", "EAA"))
		return GRAPH_MESSENGER;
	/* a prefix that nobody knows: the address decides, where one is configured */
	return a->token != NULL && !str_starts(a->token, "IG") && a->api_url != NULL &&
		strstr(a->api_url, "graph.facebook.com") != NULL ?
	    GRAPH_MESSENGER :
	    GRAPH_LOGIN;
}

const char *
graph_base(const struct account *a)
{
	if (!str_empty(a->api_url))
		return a->api_url;
	return graph_product(a) == GRAPH_LOGIN ? "https://graph.instagram.com" :
						 "https://graph.facebook.com";
}

enum claim
graph_claims(const struct conf_values *v)
{
	return conf_bool(v, "INSTAGRAM_USE_CHATRACE") ? CLAIM_NO : CLAIM_YES;
}

void
graph_configure(struct account *a, const struct conf_values *v)
{
	struct meta_own *own = mem_alloc(sizeof(*own));

	a->own = own;
	a->token = conf_copy(v, "INSTAGRAM_ACCESS_TOKEN");
	a->own_id = conf_copy(v, "INSTAGRAM_PAGE_ID");
	a->api_url = conf_url(v, "INSTAGRAM_API_URL");
	if (str_eq(a->api_url, "https://api.chatrace.com"))
		conf_warn(v, "INSTAGRAM_API_URL",
		    "is Chatrace's host, but INSTAGRAM_USE_CHATRACE is false");
	/* product by the token's prefix, not by host (contract.md 3, providers.md B.1) */
	if (a->api_url == NULL)
		a->api_url = mem_dup(graph_base(a));
	own->version = conf_copy(v, "INSTAGRAM_GRAPH_VERSION");
	own->verify_token = conf_copy(v, "INSTAGRAM_VERIFY_TOKEN");
	conf_list(v, "INSTAGRAM_APP_SECRET", &own->app_secrets);
}

void
graph_unconfigure(void *p)
{
	struct meta_own *own = p;

	if (own == NULL)
		return;
	meta_unconfigure(own);
	free(own);
}

/* A digest of the token: opens nothing without it, and is nobody's business. */
const struct log_pattern graph_masks[] = {
	{ "appsecret_proof", NULL },
};
const size_t graph_n_masks = sizeof graph_masks / sizeof *graph_masks;
