/*
 * What holds for every provider: looking one up, and what their functions report with.  The
 * list itself is provider/list.c.
 */
#include "model/provider.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "extern/json.h"

const char *const poll_outcome_names[POLL__MAX] = {
	[POLL_EMPTY] = "empty",
	[POLL_MESSAGES] = "messages",
	[POLL_UNSUPPORTED] = "unsupported",
	[POLL_FAILED] = "failed",
	[POLL_BUSY] = "busy",
	[POLL_MOCK] = "mock",
};

const char *const finding_names[FINDING__MAX] = {
	[FINDING_OK] = "ok",
	[FINDING_WARN] = "warn",
	[FINDING_FAIL] = "fail",
	[FINDING_UNKNOWN] = "unknown",
};

const struct provider *
provider_by_name(const char *name)
{
	for (size_t i = 0; providers[i] != NULL; i++)
		if (str_eq(providers[i]->name, name))
			return providers[i];
	return NULL;
}

/* Does j have what deliveries of this provider have? */
static bool
has_mark(const struct provider *p, const struct json *j)
{
	const struct json *v = p->mark.path != NULL ? json_get(j, p->mark.path) : NULL;
	struct mem_arena arena = { 0 };
	bool yes;

	yes = json_type(v) == JSON_STRING &&
	    (p->mark.value == NULL || str_eq(json_str(&arena, v), p->mark.value));
	mem_arena_free(&arena);
	return yes;
}

const struct provider *
provider_by_body(const char *p, size_t n)
{
	const struct provider *found = NULL;
	struct json *j = NULL;

	if (json_parse(p, n, &j, NULL) == RC_OK) {
		const struct json *one = json_type(j) == JSON_ARRAY ? json_at(j, 0) : j;

		for (size_t i = 0; providers[i] != NULL && found == NULL; i++)
			if (has_mark(providers[i], one))
				found = providers[i];
	}
	json_free(j);
	return found;
}

const struct provider *
provider_first(enum channel ch)
{
	for (size_t i = 0; providers[i] != NULL; i++)
		if (providers[i]->channel == ch)
			return providers[i];
	return providers[0];
}

const struct provider *
provider_of(const struct account *a)
{
	return a->provider != NULL ? a->provider : provider_first(a->channel);
}

const char *
provider_called(const struct account *a)
{
	return a->use_mock ? "mock" : provider_of(a)->name;
}

const char *
provider_hint(const struct provider *p, const char *code, bool ru)
{
	for (size_t i = 0; p->hints != NULL && i < *p->n_hints; i++)
		if (str_eq(p->hints[i].code, code))
			return p->hints[i].text[ru];
	return NULL;
}

const struct provider *
delivery_provider(const struct delivery *d)
{
	return d->provider != NULL ? d->provider : provider_first(d->channel);
}

const char *
delivery_provider_called(const struct delivery *d)
{
	return d->mock ? "mock" : delivery_provider(d)->name;
}

struct poll_attempt *
poll_attempt_add(struct poll_state *st)
{
	struct poll_attempt *a;

	if (st->n_attempts == st->cap_attempts) {
		size_t cap = st->cap_attempts == 0 ? 16 : st->cap_attempts * 2;

		a = mem_arena_alloc(&st->arena, cap * sizeof *a);
		if (st->n_attempts > 0)
			memcpy(a, st->attempts, st->n_attempts * sizeof *a);
		st->attempts = a;
		st->cap_attempts = cap;
	}
	a = &st->attempts[st->n_attempts++];
	memset(a, 0, sizeof *a);
	a->url = a->auth = a->note = "";
	return a;
}

/* --- checks ---------------------------------------------------------------------- */

void
finding_set(struct finding *f, enum finding_status s, const char *en, const char *ru, ...)
{
	char text[900], text_ru[900];
	va_list ap, again;

	va_start(ap, ru);
	va_copy(again, ap);
	vsnprintf(text, sizeof text, en, ap);
	vsnprintf(text_ru, sizeof text_ru, ru, again);
	va_end(again);
	va_end(ap);
	finding_both(f, s, text, text_ru);
}

void
finding_both(struct finding *f, enum finding_status s, const char *en, const char *ru)
{
	f->status = s;
	log_mask(en, strlen(en), f->seen, sizeof f->seen);
	log_mask(ru, strlen(ru), f->seen_ru, sizeof f->seen_ru);
}

struct finding *
finding_of(struct finding *f, const char *code)
{
	snprintf(f->code, sizeof f->code, "%s", code);
	return f;
}

void
finding_fail(struct finding *f, enum finding_status s, const struct http_res *res)
{
	char en[600], ru[900];

	snprintf(en, sizeof en, "%s: %s", http_fail_names[res->fail], res->note);
	snprintf(ru, sizeof ru, "%s («%s»)", http_fail_words_ru[res->fail], res->note);
	finding_both(f, s, en, ru);
}

void
finding_http(struct finding *f, enum finding_status s, int status, const char *words)
{
	finding_set(
	    f, s, "HTTP %d %s", *words != '\0' ? "HTTP %d: «%s»" : "HTTP %d%s", status, words);
}

const char *
check_seen(const struct checkup *c, const struct finding *f)
{
	return c->ru ? f->seen_ru : f->seen;
}

void
check_say(struct checkup *c, unsigned int number, enum finding_status s, const char *fmt, ...)
{
	char text[2000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	c->report(c, number, s, NULL, text);
}

void
check_cause(struct checkup *c, unsigned int number, enum finding_status s, const char *remedy,
    const char *fmt, ...)
{
	char text[2000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	c->report(c, number, s, remedy, text);
}

const char *
check_tr(const struct checkup *c, const char *en, const char *ru)
{
	return c->ru ? ru : en;
}

/* Is mime a word of list? */
static bool
takes(const char *list, const char *mime)
{
	size_t n = strlen(mime);

	if (str_eq(list, "*"))
		return true;
	for (const char *p = list; *p != '\0'; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == n && memcmp(p, mime, n) == 0)
			return true;
	return false;
}

const char *
provider_file_type(const struct provider *p, const char *type, const char *mime, size_t *max)
{
	const char *as[] = { type, "file" };

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; p->n_files != NULL && i < *p->n_files; i++)
			if (str_eq(p->files[i].type, as[k]) && takes(p->files[i].mimes, mime)) {
				*max = p->files[i].max;
				return as[k];
			}
	return NULL;
}
