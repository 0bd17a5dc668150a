#ifndef FUZZ_H
#define FUZZ_H

/*
 * What the fuzz targets have in common.  A target is one fuzz_NAME.c with one
 * LLVMFuzzerTestOneInput; its seeds are those of tests/fuzz/seeds/NAME and what
 * seeds.sh makes of tests/data.  Beyond "no crash", a target says what must hold
 * of every result (MUST), so that a wrong answer is found too.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/conf.h"
#include "base/http.h"
#include "extern/json.h"
#include "base/mem.h"
#include "model/msg.h"
#include "provider/list.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #x);      \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The rest of an input, eaten from the front. */
struct food {
	const char *p;
	size_t n;
};

static inline unsigned char
food_byte(struct food *f)
{
	unsigned char c = 0;

	if (f->n > 0) {
		c = (unsigned char)*f->p++;
		f->n--;
	}
	return c;
}

/* Up to the next newline, NUL-terminated, in the arena. */
static inline char *
food_line(struct food *f, struct mem_arena *a)
{
	const char *nl = f->n > 0 ? memchr(f->p, '\n', f->n) : NULL;
	size_t n = nl != NULL ? (size_t)(nl - f->p) : f->n;
	char *s = mem_arena_ndup(a, f->n > 0 ? f->p : "", n);

	f->p += nl != NULL ? n + 1 : n;
	f->n -= nl != NULL ? n + 1 : n;
	return s;
}

/* A copy of exactly n bytes and the NUL that the contracts promise: a read
 * beyond it is one beyond the allocation. */
static inline char *
food_rest(struct food *f)
{
	return mem_ndup(f->n > 0 ? f->p : "", f->n);
}

/* Does the input hold text, be it percent-encoded?  So much must be known to pass a
 * check of a secret. */
static inline bool
fuzz_knows(const uint8_t *p, size_t n, const char *text)
{
	char *s = mem_alloc(n + 1);
	size_t m = 0;
	bool yes;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == (unsigned char)'%' && i + 2 < n &&
		    str_unhex((const char *)p + i + 1, 2, s + m) == RC_OK)
			i += 2;
		else
			s[m] = (char)p[i];
		m++;
	}
	yes = memmem(s, m, text, strlen(text)) != NULL;
	free(s);
	return yes;
}

/* A name for files of this process, in memory where tests/fuzz/run.sh says. */
static inline const char *
fuzz_path(const char *name, char out[256])
{
	const char *dir = getenv("DMBOX_FUZZ_DIR");

	snprintf(out, 256, "%s/%s-%ld", dir != NULL ? dir : "/tmp", name, (long)getpid());
	return out;
}

/* An account as a configuration makes it; lives for ever. */
static inline struct account *
fuzz_account(const struct provider *p)
{
	static const char *const instagram[] = { "INSTAGRAM_API_URL", "https://api.example.org",
		"INSTAGRAM_ACCESS_TOKEN", "1000001.madeuptoken", "INSTAGRAM_VERIFY_TOKEN",
		"made-up-verify-token", "INSTAGRAM_WEBHOOK_SECRET", "made-up-secret-one,made-up-secret-two",
		"INSTAGRAM_APP_SECRET", "made-up-app-secret,another-app-secret", "INSTAGRAM_PAGE_ID",
		"17841400000000001", NULL };
	static const char *const whatsapp[] = { "WHATSAPP_API_URL", "https://api.example.org",
		"WHATSAPP_API_TOKEN_INSTANCE", "madeuptoken", "WHATSAPP_ID_INSTANCE", "1101000001",
		"WHATSAPP_WEBHOOK_TOKEN", "made-up-webhook-token", "WHATSAPP_PHONE_NUMBER_ID",
		"800000000000002", "WHATSAPP_BUSINESS_ACCOUNT_ID", "900000000000001",
		"WHATSAPP_ACCESS_TOKEN", "EAAmadeuptoken", "WHATSAPP_APP_SECRET", "made-up-app-secret", NULL };

	return conf_account_make(p, "main", p->channel == CHANNEL_WHATSAPP ? whatsapp : instagram);
}

/* What must hold of every item, whatever came in: the store relies on it. */
static inline void
fuzz_check_text(const char *s)
{
	MUST(s == NULL || str_utf8_ok(s, strlen(s)));
}

static inline void
fuzz_check_json(const char *s)
{
	struct json *j = NULL;

	if (s == NULL)
		return;
	MUST(json_parse(s, strlen(s), &j, NULL) == RC_OK);
	json_free(j);
	MUST(strstr(s, "\\u0000") == NULL || strstr(s, "\\\\u0000") != NULL);
}

static inline void
fuzz_check_items(const struct itemv *v)
{
	struct buf b;

	for (size_t i = 0; i < v->n; i++) {
		const struct item *it = &v->v[i];

		MUST(it->kind != NULL && it->thread_id != NULL && it->raw != NULL);
		fuzz_check_text(it->kind);
		fuzz_check_text(it->external_id);
		fuzz_check_text(it->contact);
		fuzz_check_text(it->name);
		fuzz_check_text(it->username);
		fuzz_check_text(it->picture);
		fuzz_check_text(it->sender_id);
		fuzz_check_text(it->recipient_id);
		fuzz_check_text(it->body);
		fuzz_check_text(it->reply_to);
		fuzz_check_text(it->target_id);
		fuzz_check_text(it->text);
		fuzz_check_json(it->detail);
		fuzz_check_json(it->raw);
		for (size_t k = 0; k < it->n_atts; k++) {
			fuzz_check_text(it->atts[k].url);
			fuzz_check_text(it->atts[k].type);
			fuzz_check_text(it->atts[k].mime);
			fuzz_check_text(it->atts[k].name);
		}
	}
	buf_init(&b, 64u << 20);
	itemv_dump(v, &b);
	buf_free(&b);
}

#endif
