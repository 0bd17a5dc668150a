/*
 * Mock mode: nothing leaves the machine.  What comes in is read as the real
 * provider of the channel would read it, and nothing is invented (fault 14 of
 * earlier-system.md); what goes out counts as sent under an id of ours.
 *
 * send_build answers RC_NONE: no request is to be made; the sender then calls
 * send_read with an empty answer.
 */
#include <stdio.h>
#include <string.h>

#include "model/provider.h"
#include "extern/sign.h"

static const struct provider *
real(const struct account *a)
{
	return provider_get(provider_behind(a));
}

static enum rc
mock_verify(const struct account *a, const struct http_req *req, const char **why)
{
	return real(a)->verify(a, req, why);
}

static enum rc
mock_greet(const struct account *a, const struct http_req *req, struct buf *out)
{
	return real(a)->greet != NULL ? real(a)->greet(a, req, out) : RC_DENIED;
}

static enum rc
mock_parse(const struct account *a, const char *content_type, const char *p, size_t n,
    struct itemv *out)
{
	return real(a)->parse(a, content_type, p, n, out);
}

static enum rc
mock_poll_build(const struct account *a, struct poll_state *st, struct http_req *out)
{
	(void)a;
	(void)out;
	st->outcome = POLL_MOCK;
	return RC_NONE;
}

static enum rc
mock_poll_read(const struct account *a, const struct http_res *res, struct poll_state *st,
    struct itemv *out)
{
	(void)a;
	(void)res;
	(void)out;
	st->outcome = POLL_MOCK;
	return RC_OK;
}

static enum rc
mock_send_build(const struct account *a, const struct outmsg *m, struct http_req *out)
{
	(void)a;
	(void)m;
	(void)out;
	return RC_NONE;
}

static enum rc
mock_send_read(const struct account *a, const struct outmsg *m, const struct http_res *res,
    struct send_result *out)
{
	char id[25];

	(void)a;
	(void)m;
	(void)res;
	memset(out, 0, sizeof *out);
	out->outcome = SEND_SENT;
	out->retry_after_s = -1;
	sign_token(id, sizeof id - 1);
	snprintf(out->message_id, sizeof out->message_id, "mock:%s", id);
	return RC_OK;
}

const struct provider provider_mock = {
	.name = "mock",
	.verify = mock_verify,
	.greet = mock_greet,
	.parse = mock_parse,
	.poll_build = mock_poll_build,
	.poll_read = mock_poll_read,
	.send_build = mock_send_build,
	.send_read = mock_send_read,
};
