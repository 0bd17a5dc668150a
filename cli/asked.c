/*
 * What people copy into a question: a message's id with what stands around it in a log or in
 * JSON, a number as a link, a profile's address.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cmd.h"

/* Blanks, quotes and the like at both ends; the narrow blank of word processors among them. */
static void
trim(const char *q, char *out, size_t cap)
{
	static const char around[] = " \t\r\n\"'<>,;", nbsp[] = "\302\240";
	size_t n;

	for (;; q++) {
		if (str_starts(q, nbsp))
			q++;
		else if (*q == '\0' || strchr(around, *q) == NULL)
			break;
	}
	snprintf(out, cap, "%s", q);
	for (n = strlen(out); n > 0; n--) {
		if (n > 1 && str_eq(out + n - 2, nbsp))
			n--;
		else if (strchr(around, out[n - 1]) == NULL)
			break;
		out[n - 1] = '\0';
	}
}

/* NAME: VALUE, "NAME":"VALUE", NAME=VALUE and, of what why itself prints, NAME VALUE. */
static void
unlabel(char *q, size_t cap)
{
	static const char *const names[] = { "id", "mid", "messageId", "message_id", "idMessage",
		"wamid", "externalId", "external_id", "request", "requestId", "request_id", "uid",
		"senderId", "recipientId", "chatId", "username", "from" };
	size_t n = strcspn(q, "\":= \t");
	const char *v = q + n + strspn(q + n, "\":= \t");
	char plain[1024];

	if (*v == '\0' || v == q + n)
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == n && str_istarts(q, names[i])) {
			trim(v, plain, sizeof plain);
			snprintf(q, cap, "%s", plain);
			return;
		}
}

/* https://wa.me/79123456789 is a number, https://www.instagram.com/anna/ is @anna. */
static void
unlink_of(char *q, size_t cap)
{
	static const struct {
		const char *start, *before;
	} v[] = {
		{ "wa.me/", "" },
		{ "api.whatsapp.com/send?phone=", "" },
		{ "web.whatsapp.com/send?phone=", "" },
		{ "send?phone=", "" },
		{ "instagram.com/", "@" },
		{ "ig.me/m/", "@" },
	};
	static const char *const first[] = { "https://", "http://", "whatsapp://", "www.", "m.",
		"tel:" };
	const char *p = q;
	char name[256];

	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
		if (str_istarts(p, first[i]))
			p += strlen(first[i]);
	if (p != q && str_istarts(q, "tel:")) {
		snprintf(name, sizeof name, "%s", p);
		snprintf(q, cap, "%s", name);
		return;
	}
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		if (!str_istarts(p, v[i].start))
			continue;
		p += strlen(v[i].start);
		p += str_istarts(p, "%2B") ? 3 : 0;
		snprintf(name, sizeof name, "%s%.*s", v[i].before, (int)strcspn(p, "/?#&"), p);
		if (strlen(name) > 1)
			snprintf(q, cap, "%s", name);
		return;
	}
}

void
cmd_asked(const char *q, char *out, size_t cap)
{
	trim(q, out, cap);
	unlabel(out, cap);
	unlink_of(out, cap);
	if (str_istarts(out, "out:"))
		memcpy(out, "out:", 4);
}
