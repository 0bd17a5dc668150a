/*
 * One request to the API, and what its answers say of an error (providers.md A.2, A.5).
 */
#include "base/buf.h"
#include "extern/json.h"
#include "base/mem.h"
#include "provider/chatrace/chatrace.h"
#include "base/str.h"

enum rc
chatrace_request(const struct account *a, const char *method, const char *path, const char *auth,
    struct http_req *out)
{
	const char *token = a->token != NULL ? a->token : "";
	struct buf b;
	enum rc rc;

	buf_init(&b, 8192);
	buf_printf(&b, "%s%s%s", a->api_url, *path == '/' ? "" : "/", path);
	http_req_free(out);
	http_req_init(out, method, b.p);
	rc = buf_err(&b) ? RC_INVALID : RC_OK;
	buf_reset(&b);
	/* "Authorization: Bearer", or the name of a header that takes the bare token */
	if (str_istarts(auth, "Authorization")) {
		buf_printf(&b, "Bearer %s", token);
		auth = "Authorization";
	} else {
		buf_puts(&b, token);
	}
	if (rc == RC_OK)
		rc = buf_err(&b) ? RC_INVALID : http_req_header(out, auth, b.p);
	if (rc == RC_OK)
		rc = http_req_header(out, "Accept", "application/json");
	mem_wipe(b.p, b.n);
	buf_free(&b);
	out->timeout_ms = REQUEST_MS;
	return rc;
}

bool
chatrace_error_of(struct mem_arena *a, const struct json *j, int64_t *code, const char **text)
{
	const struct json *e = json_member(j, "error");
	const struct json *errors = json_member(j, "errors");

	*code = 0;
	*text = NULL;
	if (json_type(e) == JSON_OBJECT) {
		if (json_i64(json_member(e, "code"), code) != RC_OK)
			*code = 0;
		*text = json_text(a, json_member(e, "message"));
	} else {
		*text = json_text(a, e);
	}
	if (*text == NULL)
		*text = json_text(a, json_member(j, "message"));
	if (*text == NULL && errors != NULL)
		*text = json_raw(a, errors);
	if (json_type(e) == JSON_BOOL)
		return json_bool(e, false);
	return e != NULL || errors != NULL ||
	    (json_type(json_member(j, "success")) == JSON_BOOL &&
		!json_bool(json_member(j, "success"), true));
}
