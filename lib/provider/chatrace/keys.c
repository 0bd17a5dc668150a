/*
 * The keys of a Chatrace account (contract.md 3).  The table's order is the one in which
 * dmbox init asks and writes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "provider/chatrace/chatrace.h"

#define PATHS "/messages/receive,/messages/get,/instagram/messages,/api/messages"
#define FORMS "X-ACCESS-TOKEN,Authorization: Bearer,X-API-Key,api-key,token,access-token"
#define SEND_CHANNEL "instagram"

const struct provider_key chatrace_keys[] = {
	{ .name = "INSTAGRAM_USE_CHATRACE", .kind = CONF_BOOL, .def = "true", .use = KEY_WRITE,
	  .set = "true", .help = "Talk to Chatrace; false means the Instagram Graph API." },
	{ .name = "INSTAGRAM_ACCESS_TOKEN", .kind = CONF_TEXT, .def = "", .secret = true,
	  .use = KEY_CALL | KEY_READY | KEY_ASK | KEY_WRITE, .option = "token",
	  .prompt = { "Chatrace access token (account.secret)", "Токен Chatrace (аккаунт.секрет)" },
	  .help = "Chatrace: the access token, accountId.secret." },
	{ .name = "INSTAGRAM_API_URL", .kind = CONF_UPSTREAM, .def = "https://api.chatrace.com",
	  .use = KEY_WRITE, .option = "api-url", .set = "https://api.chatrace.com",
	  .help = "Base URL of the provider's API." },
	{ .name = "INSTAGRAM_WEBHOOK_SECRET", .kind = CONF_SECRET, .def = "", .secret = true,
	  .list = true, .use = KEY_VERIFY | KEY_MAKE | KEY_WRITE,
	  .comment = { "the shared secret of its deliveries (header X-Webhook-Secret or ?secret=)",
	    "общий секрет доставок (заголовок X-Webhook-Secret или ?secret=)" },
	  .help = "Shared secret of Chatrace deliveries; a comma list while rotating." },
	{ .name = "INSTAGRAM_WEBHOOK_OPEN", .kind = CONF_BOOL, .def = "false", .use = KEY_OPEN,
	  .help = "Accept Chatrace deliveries without a secret; only where none is set." },
	/* where Chatrace stands between Meta and us: the handshake, and our id where the token
	 * does not tell it */
	{ .name = "INSTAGRAM_PAGE_ID", .kind = CONF_ID, .def = "", .help = "" },
	{ .name = "INSTAGRAM_VERIFY_TOKEN", .kind = CONF_TEXT, .def = "", .secret = true,
	    .help = "" },
	{ .name = "INSTAGRAM_POLL_PATHS", .kind = CONF_PATHS, .def = PATHS, .list = true,
	  .help = "Chatrace: paths to probe for messages; a comma list." },
	{ .name = "INSTAGRAM_AUTH_FORMATS", .kind = CONF_AUTH, .def = FORMS, .list = true,
	  .help = "Chatrace: header forms to probe; a comma list." },
	{ .name = "INSTAGRAM_SEND_CHANNEL", .kind = CONF_ID, .def = SEND_CHANNEL,
	  .help = "Chatrace: the channel value of a send." },
};
const size_t chatrace_n_keys = sizeof chatrace_keys / sizeof *chatrace_keys;

const struct chatrace_own *
chatrace_own(const struct account *a)
{
	static char channel[] = SEND_CHANNEL;
	static const struct chatrace_own none = { .send_channel = channel };

	return a->own != NULL ? a->own : &none;
}

enum claim
chatrace_claims(const struct conf_values *v)
{
	return !conf_bool(v, "INSTAGRAM_USE_CHATRACE") ? CLAIM_NO :
	    conf_is_set(v, "INSTAGRAM_USE_CHATRACE") ? CLAIM_YES : CLAIM_DEFAULT;
}

void
chatrace_configure(struct account *a, const struct conf_values *v)
{
	struct chatrace_own *own = mem_alloc(sizeof *own);
	const char *dot;

	a->own = own;
	a->token = conf_copy(v, "INSTAGRAM_ACCESS_TOKEN");
	a->api_url = conf_url(v, "INSTAGRAM_API_URL");
	dot = a->token != NULL ? strchr(a->token, '.') : NULL;	/* A.2 */
	if (dot != NULL && dot != a->token)
		a->own_id = mem_ndup(a->token, (size_t)(dot - a->token));
	else
		a->own_id = conf_copy(v, "INSTAGRAM_PAGE_ID");
	conf_list(v, "INSTAGRAM_WEBHOOK_SECRET", &own->webhook_secrets);
	own->verify_token = conf_copy(v, "INSTAGRAM_VERIFY_TOKEN");
	conf_list(v, "INSTAGRAM_POLL_PATHS", &own->poll_paths);
	conf_list(v, "INSTAGRAM_AUTH_FORMATS", &own->auth_formats);
	own->send_channel = conf_copy(v, "INSTAGRAM_SEND_CHANNEL");
}

void
chatrace_unconfigure(void *p)
{
	struct chatrace_own *own = p;

	if (own == NULL)
		return;
	strv_free(&own->webhook_secrets);
	mem_free_secret(own->verify_token);
	strv_free(&own->poll_paths);
	strv_free(&own->auth_formats);
	free(own->send_channel);
	free(own);
}

/* The secret behind the dot. */
const char *
chatrace_token_part(const char *token)
{
	const char *dot = strchr(token, '.');

	return dot != NULL ? dot + 1 : NULL;
}
