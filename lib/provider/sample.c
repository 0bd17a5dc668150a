/*
 * A sample's body with its words filled in.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/str.h"
#include "extern/json.h"
#include "model/provider.h"

#define FORM "application/x-www-form-urlencoded"

/* UTF-8 as \uXXXX. */
static void
put_ascii(const char *p, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)p[i];
		size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		uint32_t v = len == 1 ? c : len == 2 ? c & 0x1fU : len == 3 ? c & 0x0fU : c & 0x07U;

		for (size_t k = 1; k < len && i + k < n; k++)
			v = v << 6 | ((unsigned char)p[i + k] & 0x3fU);
		if (len == 1)
			buf_putc(out, p[i]);
		else if (v >= 0x10000)
			buf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((v - 0x10000) >> 10),
			    0xdc00 + ((v - 0x10000) & 0x3ff));
		else
			buf_printf(out, "\\u%04x", v);
		i += len;
	}
}

const struct provider_sample *
provider_sample(const struct provider *p, const char *name)
{
	for (size_t i = 0; i < *p->n_samples; i++)
		if (str_eq(p->samples[i].name, name))
			return &p->samples[i];
	return NULL;
}

/* In a form percent-encoded, in JSON escaped (the quotes are the body's). */
static void
put_value(
    const struct provider *p, const struct provider_sample *s, const char *value, struct buf *out)
{
	struct buf quoted;

	if (str_eq(s->type, FORM)) {
		http_url_encode(out, value);
		return;
	}
	buf_init(&quoted, 1 << 16);
	json_put_str(&quoted, value);
	if (quoted.n > 2 && p->ascii)
		put_ascii(quoted.p + 1, quoted.n - 2, out);
	else if (quoted.n > 2)
		buf_put(out, quoted.p + 1, quoted.n - 2);
	buf_free(&quoted);
}

void
provider_sample_body(const struct provider *p, const struct provider_sample *s,
    const struct sample_vars *v, struct buf *out)
{
	char now_s[24], now_ms[24], iso[CLOCK_ISO_MAX];
	const struct {
		const char *word, *value;
	} words[] = {
		{ "@ID@", v->id },
		{ "@REF@", v->ref },
		{ "@FROM@", v->from },
		{ "@OWN@", v->own },
		{ "@TEXT@", v->text },
		{ "@NOW_S@", now_s },
		{ "@NOW_MS@", now_ms },
		{ "@ISO@", iso },
	};

	snprintf(now_s, sizeof now_s, "%" PRId64, v->now_us / 1000000);
	snprintf(now_ms, sizeof now_ms, "%" PRId64, v->now_us / 1000);
	clock_iso(v->now_us, iso);
	for (const char *c = s->body; *c;) {
		size_t i, n = sizeof words / sizeof words[0];

		for (i = 0; i < n; i++)
			if (str_starts(c, words[i].word))
				break;
		if (i == n) {
			buf_putc(out, *c++);
			continue;
		}
		put_value(p, s, words[i].value, out);
		c += strlen(words[i].word);
	}
}
