/*
 * Files of ours on their way out (providers.md H.16): handed over first, so that Meta need
 * not reach us to fetch them; the message then names the id.  An id lives 30 days and is
 * used at once.  What Meta takes of no kind by this way goes by its address, as a document.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "provider/cloud/cloud.h"

#define MB (1 << 20)

/* What is taken, as the refusal of everything else lists it, and how large by its kind. */
static const struct {
	const char *mime;
	int64_t max;
} taken[] = {
	{ "image/jpeg", 5 * MB },
	{ "image/png", 5 * MB },
	{ "video/mp4", 16 * MB },
	{ "video/3gpp", 16 * MB },
	{ "audio/aac", 16 * MB },
	{ "audio/mp4", 16 * MB },
	{ "audio/mpeg", 16 * MB },
	{ "audio/amr", 16 * MB },
	{ "audio/ogg", 16 * MB },
	{ "text/plain", 100 * MB },
	{ "application/pdf", 100 * MB },
	{ "application/msword", 100 * MB },
	{ "application/vnd.ms-excel", 100 * MB },
	{ "application/vnd.ms-powerpoint", 100 * MB },
	{ "application/vnd.openxmlformats-officedocument.wordprocessingml.document", 100 * MB },
	{ "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 100 * MB },
	{ "application/vnd.openxmlformats-officedocument.presentationml.presentation", 100 * MB },
};

/* As what a file is handed over; NULL: it is not taken so. */
static const char *
taken_as(const struct att *t)
{
	const char *mime = str_empty(t->mime) ? "" : t->mime;

	if (str_starts(mime, "text/"))
		mime = "text/plain"; /* its name says the rest: text/csv is refused */
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		if (str_eq(mime, taken[i].mime))
			return t->bytes > 0 && t->bytes <= taken[i].max ? taken[i].mime : NULL;
	return NULL;
}

enum rc
cloud_upload_build(
    const struct account *a, const struct att *t, const char *path, struct http_req *out)
{
	const char *type = taken_as(t), *name = strrchr(path, '/');
	char to[200];
	enum rc rc;

	if (type == NULL || str_empty(a->own_id))
		return RC_NONE;
	if (str_eq(type, "audio/ogg"))
		type = "audio/ogg; codecs=opus"; /* the only one there is (H.16) */
	snprintf(to, sizeof to, "%s/media", a->own_id);
	rc = cloud_req(a, "POST", to, out);
	if (rc == RC_OK)
		http_req_form(out,
		    (const struct http_part[]){
			{ .name = "messaging_product", .value = "whatsapp" },
			{ .name = "type", .value = type },
			{ .name = "file",
			    .path = path,
			    .type = type,
			    .filename = name != NULL ? name + 1 : path } },
		    3);
	return rc;
}

/* A refusal in words that are no message's: none went out, and only a file can be at fault. */
static void
upload_refused(const struct account *a, const struct cloud_error *e, const struct http_res *res,
    struct send_result *out)
{
	const struct outmsg none = { .recipient = "" };

	cloud_refused(a, &none, e, res, out);
	out->doubt = false;
	if (out->outcome == SEND_UNKNOWN) {
		out->outcome = SEND_RETRY;
		out->retry_after_s = http_retry_after_s(res);
	}
	if (res->fail == HTTP_FAIL_NONE && (res->status == 413 || res->status == 415)) {
		memset(out, 0, sizeof *out);
		out->outcome = SEND_REFUSED;
		out->retry_after_s = -1;
		snprintf(out->code, sizeof out->code, "%s", e->code);
		snprintf(out->text, sizeof out->text, "%s", e->text);
	}
	if (out->outcome == SEND_REFUSED)
		out->hint = "cloud_file";
}

enum rc
cloud_upload_read(const struct account *a, const struct http_res *res, char id[UPLOAD_ID_MAX],
    struct send_result *out)
{
	struct mem_arena arena = { 0 };
	struct json *j = NULL;
	struct cloud_error e;
	const char *s;
	enum rc rc = RC_INVALID;

	memset(out, 0, sizeof *out);
	out->retry_after_s = -1;
	if (res->fail == HTTP_FAIL_NONE && json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		j = NULL;
	cloud_error_read(res, j, &e);
	s = json_text(&arena, json_get(j, "id"));
	if (e.class != CLOUD_FINE) {
		upload_refused(a, &e, res, out);
	} else if (str_charset(s != NULL ? s : "", 1, UPLOAD_ID_MAX - 1, "._-:=+/")) {
		snprintf(id, UPLOAD_ID_MAX, "%s", s);
		rc = RC_OK;
	} else {
		out->outcome = SEND_RETRY;
		snprintf(out->code, sizeof out->code, "no_id");
		snprintf(out->text, sizeof out->text, "the file was taken without an id");
	}
	json_free(j);
	mem_arena_free(&arena);
	return rc;
}
