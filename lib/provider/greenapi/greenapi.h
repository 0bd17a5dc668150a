#ifndef DMBOX_PROVIDER_GREENAPI_GREENAPI_H
#define DMBOX_PROVIDER_GREENAPI_GREENAPI_H

#include <stdbool.h>
#include <stdint.h>
#include "base/http.h"
#include "base/str.h"
#include "extern/json.h"
#include "model/msg.h"
#include "provider/list.h"

/* What the files of the Green API translator share; nobody else includes it. */

/* --- keys.c: an account, and what of it the log does not show */
struct greenapi_own {
	char *webhook_token;
};
/* greenapi_own(a): also of an account that no file made (its provider and name are known). */
const struct greenapi_own *greenapi_own(const struct account *a);
extern const struct provider_key greenapi_keys[];
extern const size_t greenapi_n_keys;
enum claim greenapi_claims(const struct conf_values *v);
void greenapi_configure(struct account *a, const struct conf_values *v);
void greenapi_unconfigure(void *own);
extern const struct log_pattern greenapi_masks[];
extern const size_t greenapi_n_masks;

/* --- checks.c: dmbox doctor */
extern const struct provider_check greenapi_checks[];
extern const size_t greenapi_n_checks;

#define GREEN_TEXT_MAX 20000 /* C.1, characters */
#define GREEN_TEXT_MAX_OTHER 4000 /* ... of their MAX and Telegram instances */

/* --- journal.c: lines of the journals */
/* green_is_line(j): is it such a line, of a list that somebody passes on? */
bool green_is_line(const struct json *j);
/* green_journal_note(instance, arena, e, b): a line is flat; its notification, which has the
 * same members in objects, is appended to b as JSON. */
void green_journal_note(
    const char *instance, struct mem_arena *arena, const struct json *e, struct buf *b);

/* --- in.c: what comes in */
/*
 * green_jid(arena, s): a chat's or person's id in its normal form, in the arena; NULL for
 * NULL and blanks.  WhatsApp has several spellings for one: with the device behind the
 * number (7...:3@c.us, 7....0:3@...), with the server's own name (@s.whatsapp.net), with a
 * plus (green-api/issues#66, #187).  What has no "@" (MAX, Telegram) stays.
 */
const char *green_jid(struct mem_arena *arena, const char *s);
/* green_item(root, out): one notification, one item. */
void green_item(const struct json *root, struct itemv *out);
enum rc green_parse(const struct account *a, const char *content_type, const char *p, size_t n,
    struct itemv *out) MUST_CHECK;

/* --- request.c: requests, their proof, refusals */
/* green_token_matches(have, want): Authorization as Green API writes it, or a bare token. */
bool green_token_matches(const char *have, const char *want);
/* green_whatsapp(a): is it an instance of WhatsApp?  Those of MAX and Telegram have ids that
 * begin with 3100 and 4100, hosts of that name, and chats without a suffix. */
bool green_whatsapp(const struct account *a);
/* green_text_limit(a): characters of one message (C.1). */
size_t green_text_limit(const struct account *a);
/* green_configured(a): are address, instance and token there? */
bool green_configured(const struct account *a);
/* green_request: RC_OK, RC_INVALID where the account is not complete. */
enum rc green_request(const struct account *a, const char *verb, const char *method,
    const char *tail, struct http_req *out) MUST_CHECK;
/* green_masked: the address without its token, in the arena. */
const char *green_masked(
    struct mem_arena *arena, const struct account *a, const char *method, const char *tail);
/* green_words(res, out, cap): the vendor's words of a refusal, masked; "" where none. */
void green_words(const struct http_res *res, char *out, size_t cap);
struct green_error {
	int lo, hi;			/* HTTP status */
	const char *words;		/* NULL: any */
	enum send_outcome outcome;
	const char *code;		/* and hint of a poll */
	int64_t pause_s;
	bool doubt;			/* the message may have gone out in spite of it */
};
/* green_error(status, words): what a refusal means; NULL: unknown. Static. */
const struct green_error *green_error(int status, const char *words);

/* green_parse_polled: struct provider, parse_polled. */
enum rc green_parse_polled(const struct account *a, const char *content_type, const char *p,
    size_t n, struct itemv *out) MUST_CHECK;

/* --- poll.c, send.c, ask.c: members of provider_greenapi */
enum rc green_poll_build(const struct account *a, struct poll_state *st, struct http_req *out);
enum rc green_poll_read(
    const struct account *a, const struct http_res *res, struct poll_state *st, struct itemv *out);
const char *green_own_phone(
    const struct account *a, const char *p, size_t n, struct mem_arena *arena);
const char *green_recipient(const struct account *a, const char *id, struct mem_arena *arena);
enum rc green_send_build(const struct account *a, const struct outmsg *m, struct http_req *out);
enum rc green_send_read(const struct account *a, const struct outmsg *m, const struct http_res *res,
    struct send_result *out);
enum rc green_lookup_build(const struct account *a, const struct outmsg *m, struct http_req *out);
enum rc green_lookup_read(const struct account *a, const struct outmsg *m, int64_t since_us,
    const struct http_res *res, struct strv *ids);
enum rc green_probe_build(const struct account *a, int step, struct http_req *out);
enum rc green_probe_read(
    const struct account *a, int step, const struct http_res *res, struct finding *out);
/* --- words.c: texts for people */
void greenapi_setup(const struct setup_facts *f, struct buf *b);
extern const struct provider_hint greenapi_hints[];
extern const size_t greenapi_n_hints;

/* --- samples.c: bodies that it sends */
extern const struct provider_sample greenapi_samples[];
extern const size_t greenapi_n_samples;

#endif
