/*
 * json-c could write its trees, but that means to build them first; most answers are written once
 * and in order.  A stack of two bits a level suffices to know what may come next.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "extern/jsonw.h"
#include "base/clock.h"
#include "base/log.h"
#include "extern/json.h"

void
jsonw_init(struct jsonw *w, struct buf *b)
{
	*w = (struct jsonw){ .b = b };
}

static void
misuse(struct jsonw *w, const char *what, const char *key)
{
	LOG_BUG("JSON written wrongly: %s (%s)", what, key != NULL ? key : "no key");
	w->bad = true;
	buf_reset(w->b);
	w->b->err = true;
}

static bool
value_came(struct jsonw *w)
{
	if (w->due != 0 && w->b->n < w->due && !buf_err(w->b))
		misuse(w, "a value is missing", NULL);
	w->due = 0;
	return !w->bad;
}

/* The comma and key before a value; false: it may not come here. */
static bool
begin(struct jsonw *w, const char *key)
{
	uint64_t level = (uint64_t)1 << w->depth;
	bool object = w->depth > 0 && (w->array & level) == 0;

	if (!value_came(w))
		return false;
	if (object != (key != NULL))
		misuse(w, object ? "a member without a key" : "a key outside of an object", key);
	else if (w->depth == 0 && w->some != 0)
		misuse(w, "a second text", key);
	if (w->bad)
		return false;
	if ((w->some & level) != 0)
		buf_putc(w->b, ',');
	w->some |= level;
	if (w->line)
		buf_putc(w->b, '\n');
	w->line = false;
	if (key != NULL) {
		json_put_str(w->b, key);
		buf_putc(w->b, ':');
	}
	return true;
}

static void
open_level(struct jsonw *w, const char *key, bool array)
{
	uint64_t level;

	if (!begin(w, key))
		return;
	if (w->depth == JSONW_DEPTH_MAX) {
		misuse(w, "too deep", key);
		return;
	}
	buf_putc(w->b, array ? '[' : '{');
	level = (uint64_t)1 << ++w->depth;
	w->some &= ~level;
	w->array = array ? w->array | level : w->array & ~level;
}

void
jsonw_object(struct jsonw *w, const char *key)
{
	open_level(w, key, false);
}

void
jsonw_array(struct jsonw *w, const char *key)
{
	open_level(w, key, true);
}

void
jsonw_end(struct jsonw *w)
{
	if (!value_came(w))
		return;
	if (w->depth == 0) {
		misuse(w, "an end without a beginning", NULL);
		return;
	}
	if (w->line)
		buf_putc(w->b, '\n');
	w->line = false;
	buf_putc(w->b, (w->array >> w->depth & 1) != 0 ? ']' : '}');
	w->depth--;
}

bool
jsonw_done(struct jsonw *w)
{
	if (value_came(w) && (w->depth > 0 || w->some == 0))
		misuse(w, "the text is not complete", NULL);
	return !buf_err(w->b);
}

void
jsonw_str(struct jsonw *w, const char *key, const char *s)
{
	if (begin(w, key))
		json_put_str(w->b, s);
}

void
jsonw_strn(struct jsonw *w, const char *key, const char *p, size_t n)
{
	if (begin(w, key))
		json_put_strn(w->b, p, n);
}

void
jsonw_printf(struct jsonw *w, const char *key, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	jsonw_str(w, key, text);
}

void
jsonw_i64(struct jsonw *w, const char *key, int64_t v)
{
	if (begin(w, key))
		buf_printf(w->b, "%" PRId64, v);
}

void
jsonw_bool(struct jsonw *w, const char *key, bool v)
{
	if (begin(w, key))
		buf_puts(w->b, v ? "true" : "false");
}

void
jsonw_time(struct jsonw *w, const char *key, int64_t us)
{
	char iso[CLOCK_ISO_MAX];

	if (us != 0)
		clock_iso(us, iso);
	jsonw_str(w, key, us != 0 ? iso : NULL);
}

void
jsonw_raw(struct jsonw *w, const char *key, const char *json)
{
	if (begin(w, key)) {
		w->due = w->b->n + 1;
		buf_puts(w->b, json != NULL ? json : "null");
	}
}

void
jsonw_members(struct jsonw *w, const char *json)
{
	uint64_t level = (uint64_t)1 << w->depth;
	size_t n = strlen(json);

	if (!value_came(w))
		return;
	if (w->depth == 0 || (w->array & level) != 0 || n < 2 || json[0] != '{' ||
	    json[n - 1] != '}') {
		misuse(w, "members of no object", NULL);	/* json may hold people's words */
		return;
	}
	if (strspn(json + 1, " \t\r\n") == n - 2)
		return;
	if ((w->some & level) != 0)
		buf_putc(w->b, ',');
	w->some |= level;
	buf_put(w->b, json + 1, n - 2);
}

struct buf *
jsonw_value(struct jsonw *w, const char *key)
{
	if (begin(w, key))
		w->due = w->b->n + 1;
	return w->b;
}

void
jsonw_line(struct jsonw *w)
{
	w->line = true;
}
