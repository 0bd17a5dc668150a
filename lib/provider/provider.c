/*
 * The one list of providers, and the names they share.
 */
#include "model/provider.h"

#include <string.h>

static const struct provider *const table[PROVIDER__MAX] = {
	[PROVIDER_CHATRACE] = &provider_chatrace,
	[PROVIDER_GRAPH] = &provider_graph,
	[PROVIDER_GREENAPI] = &provider_greenapi,
	[PROVIDER_MOCK] = &provider_mock,
};

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
provider_get(enum provider_id id)
{
	return table[(unsigned int)id < PROVIDER__MAX ? id : PROVIDER_MOCK];
}

const struct provider *
provider_of(const struct account *a)
{
	return provider_get(a->provider);
}

enum provider_id
provider_behind(const struct account *a)
{
	if (a->provider != PROVIDER_MOCK)
		return a->provider;
	if (a->channel == CHANNEL_WHATSAPP)
		return PROVIDER_GREENAPI;
	return a->use_chatrace ? PROVIDER_CHATRACE : PROVIDER_GRAPH;
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
