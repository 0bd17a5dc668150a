#ifndef DMBOX_PROVIDER_CLOUD_CLOUD_H
#define DMBOX_PROVIDER_CLOUD_CLOUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/http.h"
#include "base/rc.h"
#include "extern/json.h"
#include "model/conf.h"
#include "model/msg.h"
#include "provider/list.h"
#include "provider/meta/meta.h"

/*
 * WhatsApp by Meta's own Cloud API (providers.md H): what the files of this folder share.
 * cloud.c has the table, request.c the requests, in.c what comes in, send.c what goes out,
 * file.c the files that go before it, error.c what a refusal means, ask.c the questions of
 * doctor and the pictures, checks.c what doctor says.
 */

#define CLOUD_BASE "https://graph.facebook.com"
enum { CLOUD_TEXT_MAX = 4096, CLOUD_CAPTION_MAX = 1024 };	/* characters, H.5, H.16 */

/* --- keys.c ------------------------------------------------------------------- */
struct cloud_own {
	struct meta_own meta;	/* first */
	char *waba_id;		/* WhatsApp Business Account; NULL */
	char *app_id;		/* of a token that ends and can be renewed; NULL */
};
/* cloud_own(a): also of an account that no file made. */
const struct cloud_own *cloud_own(const struct account *a);
extern const struct provider_key cloud_keys[];
extern const size_t cloud_n_keys;
enum claim cloud_claims(const struct conf_values *v);
void cloud_configure(struct account *a, const struct conf_values *v);
void cloud_unconfigure(void *own);

/* --- request.c ---------------------------------------------------------------- */
/* cloud_req(a, method, path, out): meta_req, with appsecret_proof where an app secret is
 * set (H.1).
 * Returns as meta_req. */
enum rc cloud_req(
    const struct account *a, const char *method, const char *path, struct http_req *out) MUST_CHECK;
/* cloud_proofs(a): how many ways there are to prove a call, 1 or more (account.proof). */
unsigned int cloud_proofs(const struct account *a);
/* cloud_is_bsuid(id): a business-scoped user id, "RU.1000...", and no phone (H.4). */
bool cloud_is_bsuid(const char *id);

/* Prefix of a business account's id in item.own_id: its number was not given. */
#define CLOUD_WABA "waba:"

/* --- error.c: refusals (H.19) -------------------------------------------------- */
enum cloud_class {
	CLOUD_FINE,
	CLOUD_RETRY,	/* not sent; again with back-off */
	CLOUD_RATE,	/* the account rests */
	CLOUD_PAIR,	/* this contact rests, others go on */
	CLOUD_TOKEN,	/* the token is dead: the account rests, the queue stays */
	CLOUD_RIGHT,	/* permission, restriction, billing: a person must act */
	CLOUD_PROOF,	/* appsecret_proof is missing or of another app's secret */
	CLOUD_FAIL,	/* this message never: the code speaks of it or of its recipient */
	CLOUD_BLOCKED,	/* this contact cannot be reached */
	CLOUD_UNKNOWN,	/* it may have been sent */
	CLOUD_OTHER	/* a refusal that does not say whom or what it is about */
};
struct cloud_error {
	enum cloud_class class;
	char code[64];		/* "131047", "http_502", "timeout" */
	char text[400];		/* their words, masked */
	int64_t pause_s;	/* 0 not said */
	const char *hint;	/* static code (words.c); NULL none */
	bool strange;		/* OTHER by a code that no table has: no proof of anything */
};
/* cloud_error_read(res, j, out): classify an answer; j is the parsed body or NULL. */
void cloud_error_read(const struct http_res *res, const struct json *j, struct cloud_error *out);
/* cloud_error_state(err, out): class, code, pause and hint of an error object in a failed state
 * (H.7); no text. */
void cloud_error_state(const struct json *err, struct cloud_error *out);
/* cloud_error_words(err, b): code and details of an error object, "131047 Re-engagement
 * message: ..." (H.8), as people read it. */
void cloud_error_words(const struct json *err, struct buf *b);

/* --- the rest: members of provider_cloud ---------------------------------------- */
enum rc cloud_parse(
    const struct account *a, const char *content_type, const char *p, size_t n, struct itemv *out);
const char *cloud_own_phone(
    const struct account *a, const char *p, size_t n, struct mem_arena *arena);
const char *cloud_recipient(const struct account *a, const char *id, struct mem_arena *arena);
enum rc cloud_send_build(const struct account *a, const struct outmsg *m, struct http_req *out);
enum rc cloud_send_read(const struct account *a, const struct outmsg *m, const struct http_res *res,
    struct send_result *out);
enum rc cloud_upload_build(
    const struct account *a, const struct att *t, const char *path, struct http_req *out);
enum rc cloud_upload_read(const struct account *a, const struct http_res *res,
    char id[UPLOAD_ID_MAX], struct send_result *out);
/* cloud_refused(a, m, e, res, out): what e, the error of res, means for m. */
void cloud_refused(const struct account *a, const struct outmsg *m, const struct cloud_error *e,
    const struct http_res *res, struct send_result *out);
enum rc cloud_templates_build(const struct account *a, const char *after, struct http_req *out);
enum rc cloud_templates_read(
    const struct account *a, const struct http_res *res, struct jsonw *out, char after[CURSOR_MAX]);
enum rc cloud_media_build(const struct account *a, const char *ref, struct http_req *out);
enum rc cloud_media_read(
    const struct account *a, const struct http_res *res, struct http_req *out, char why[200]);
enum rc cloud_refresh_build(const struct account *a, struct http_req *out);
enum rc cloud_refresh_read(
    const struct account *a, struct http_res *res, const char **token, int64_t *life_s);
enum rc cloud_probe_build(const struct account *a, int step, struct http_req *out);
/* cloud_probe_more(a, step, after, out): the next page of step's list. */
enum rc cloud_probe_more(
    const struct account *a, int step, const char *after, struct http_req *out);
enum rc cloud_probe_read(
    const struct account *a, int step, const struct http_res *res, struct finding *out);
enum rc cloud_subscribe(const struct account *a, struct http_req *out);
void cloud_setup(const struct setup_facts *f, struct buf *b);
extern const struct provider_sample cloud_samples[];
extern const size_t cloud_n_samples;
extern const struct provider_hint cloud_hints[];
extern const size_t cloud_n_hints;
extern const struct provider_check cloud_checks[];
extern const size_t cloud_n_checks;

#endif
