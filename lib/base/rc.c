#include "base/rc.h"

static const struct {
	const char *name;
	int http;
} table[RC__MAX] = {
	[RC_OK] = { "ok", 200 },
	[RC_NONE] = { "none", 404 },
	[RC_DUP] = { "dup", 200 },
	[RC_INVALID] = { "invalid", 422 },
	[RC_LIMIT] = { "limit", 429 },
	[RC_DENIED] = { "denied", 401 },
	[RC_TEMP] = { "temp", 503 },
	[RC_PERM] = { "perm", 502 },
	[RC_BUG] = { "bug", 500 },
};

const char *
rc_name(enum rc rc)
{
	return (unsigned int)rc < RC__MAX ? table[rc].name : "?";
}

int
rc_http(enum rc rc)
{
	return (unsigned int)rc < RC__MAX ? table[rc].http : 500;
}
