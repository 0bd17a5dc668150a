/*
 * The keys of a Green API account (contract.md 3).  The table's order is the one in which
 * dmbox init asks and writes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "provider/greenapi/greenapi.h"

#define API_URL "https://api.green-api.com"

const struct provider_key greenapi_keys[] = {
	{ .name = "WHATSAPP_API_URL",
	    .kind = CONF_UPSTREAM,
	    .def = API_URL,
	    .use = KEY_WRITE,
	    .option = "api-url",
	    .set = API_URL,
	    .help = "Base URL of Green API; one host per instance." },
	{ .name = "WHATSAPP_ID_INSTANCE",
	    .kind = CONF_ID,
	    .def = "",
	    .use = KEY_CALL | KEY_READY | KEY_ASK | KEY_WRITE,
	    .option = "id",
	    .prompt = { "idInstance", "idInstance" },
	    .help = "Green API: idInstance." },
	{ .name = "WHATSAPP_API_TOKEN_INSTANCE",
	    .kind = CONF_TEXT,
	    .def = "",
	    .secret = true,
	    .use = KEY_CALL | KEY_READY | KEY_ASK | KEY_WRITE,
	    .option = "token",
	    .prompt = { "apiTokenInstance", "apiTokenInstance" },
	    .help = "Green API: apiTokenInstance." },
	{ .name = "WHATSAPP_WEBHOOK_TOKEN",
	    .kind = CONF_SECRET,
	    .def = "",
	    .secret = true,
	    .use = KEY_VERIFY | KEY_MAKE | KEY_WRITE,
	    .help = "Green API: the token its webhook deliveries carry." },
};
const size_t greenapi_n_keys = sizeof greenapi_keys / sizeof *greenapi_keys;

const struct greenapi_own *
greenapi_own(const struct account *a)
{
	static const struct greenapi_own none = { NULL };

	return a->own != NULL ? a->own : &none;
}

/* The channel's own where no other provider's keys are set. */
enum claim
greenapi_claims(const struct conf_values *v)
{
	return conf_is_set(v, "WHATSAPP_ID_INSTANCE") ||
		conf_is_set(v, "WHATSAPP_API_TOKEN_INSTANCE") ?
	    CLAIM_YES :
	    CLAIM_DEFAULT;
}

void
greenapi_configure(struct account *a, const struct conf_values *v)
{
	struct greenapi_own *own = mem_alloc(sizeof *own);

	a->own = own;
	a->api_url = conf_url(v, "WHATSAPP_API_URL");
	a->own_id = conf_copy(v, "WHATSAPP_ID_INSTANCE");
	a->token = conf_copy(v, "WHATSAPP_API_TOKEN_INSTANCE");
	own->webhook_token = conf_copy(v, "WHATSAPP_WEBHOOK_TOKEN");
}

void
greenapi_unconfigure(void *p)
{
	struct greenapi_own *own = p;

	if (own == NULL)
		return;
	mem_free_secret(own->webhook_token);
	free(own);
}

/* "/waInstance1101/sendMessage/" (C): the token follows. */
static size_t
token_at(const char *p, size_t n)
{
	size_t k = strlen("/waInstance");

	for (; k < n && p[k] >= '0' && p[k] <= '9'; k++)
		;
	if (k == n || p[k] != '/')
		return 0;
	for (k++; k < n && p[k] != '/'; k++)
		if ((unsigned char)p[k] <= ' ' || strchr("&\"'<>#,;)}]\\?", p[k]) != NULL)
			return 0;
	return k < n ? k + 1 : 0;
}

const struct log_pattern greenapi_masks[] = {
	{ "/waInstance", token_at },
	{ "apiTokenInstance", NULL },
};
const size_t greenapi_n_masks = sizeof greenapi_masks / sizeof *greenapi_masks;
