/*
 * What a provider may not leave out.  The core relies on it and asks nobody again, so it is
 * looked at when a program starts (model/keys.c) and by tests/unit/test_provider.c.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "model/provider.h"

static bool
fault(char why[200], const char *what, const char *of)
{
	snprintf(why, 200, "%s%s%s", what, of != NULL ? ": " : "", of != NULL ? of : "");
	return true;
}

static bool
names(const struct provider *p, char why[200])
{
	if (str_empty(p->name) || !str_charset(p->name, 1, 32, "") || str_eq(p->name, "mock"))
		return fault(why, "name", p->name);
	if (str_empty(p->title) || str_empty(p->words.mode) || str_empty(p->words.from) ||
	    str_empty(p->words.shape) || str_empty(p->words.item))
		return fault(why, "title or words are missing", NULL);
	if (str_empty(p->sender))
		return fault(why, "sender is missing", NULL);
	return false;
}

static bool
members(const struct provider *p, char why[200])
{
	if (p->claims == NULL || p->configure == NULL || p->unconfigure == NULL)
		return fault(why, "claims, configure or unconfigure is missing", NULL);
	if (p->verify == NULL || p->sign == NULL || p->parse == NULL || p->setup == NULL)
		return fault(why, "verify, sign, parse or setup is missing", NULL);
	if (p->keys == NULL || p->n_keys == NULL || p->samples == NULL || p->n_samples == NULL ||
	    p->checks == NULL || p->n_checks == NULL)
		return fault(why, "keys, samples or checks are missing", NULL);
	if ((p->hints == NULL) != (p->n_hints == NULL) ||
	    (p->masks == NULL) != (p->n_masks == NULL))
		return fault(why, "a table without its length", NULL);
	if ((p->poll_build == NULL) != (p->poll_read == NULL) ||
	    (p->send_build == NULL) != (p->send_read == NULL) ||
	    (p->upload_build == NULL) != (p->upload_read == NULL) ||
	    (p->lookup_build == NULL) != (p->lookup_read == NULL) ||
	    (p->templates_build == NULL) != (p->templates_read == NULL) ||
	    (p->media_build == NULL) != (p->media_read == NULL) ||
	    (p->fetch_build == NULL) != (p->fetch_read == NULL) ||
	    (p->profile_build == NULL) != (p->profile_read == NULL) ||
	    (p->refresh_build == NULL) != (p->refresh_read == NULL) ||
	    (p->probe_build == NULL) != (p->probe_read == NULL))
		return fault(why, "one of a pair build and read is missing", NULL);
	if ((p->poll_build == NULL) != (p->poll_s == 0) ||
	    (p->poll_build == NULL && (p->polls_reconcile || p->polls_instead || p->probes)))
		return fault(why, "poll_s and the members about polls do not fit poll_build", NULL);
	if (p->handshake_query != NULL && p->handshake == NULL)
		return fault(why, "handshake_query without handshake", NULL);
	if (p->probe_more != NULL && p->probe_build == NULL)
		return fault(why, "probe_more without probe_build", NULL);
	if (p->window_human_s < p->window_s)
		return fault(why, "window_human_s is shorter than window_s", NULL);
	return false;
}

static bool
keys(const struct provider *p, char why[200])
{
	const char *channel = channel_names[p->channel];
	unsigned int use = 0;

	for (size_t i = 0; i < *p->n_keys; i++) {
		const struct provider_key *k = &p->keys[i];
		size_t n = strlen(channel);

		if (k->name == NULL || strncasecmp(k->name, channel, n) != 0 || k->name[n] != '_')
			return fault(why, "a key without its channel", k->name);
		if (k->def == NULL || k->help == NULL)
			return fault(why, "a key without def or help", k->name);
		if ((k->use & KEY_ASK) != 0 && (k->prompt[0] == NULL || k->prompt[1] == NULL))
			return fault(why, "asked for without a prompt", k->name);
		if ((k->comment[0] == NULL) != (k->comment[1] == NULL))
			return fault(why, "a comment in one language", k->name);
		use |= k->use;
	}
	if ((use & KEY_CALL) == 0 || (use & KEY_VERIFY) == 0 || (use & KEY_READY) == 0)
		return fault(why, "no key is KEY_CALL, KEY_READY or KEY_VERIFY", NULL);
	return p->handshake_query != NULL && (use & KEY_HANDSHAKE) == 0 ?
	    fault(why, "handshake_query without a KEY_HANDSHAKE", NULL) :
	    false;
}

static bool
samples(const struct provider *p, char why[200])
{
	const struct provider_sample *text = NULL;

	for (size_t i = 0; i < *p->n_samples; i++) {
		const struct provider_sample *s = &p->samples[i];

		if (str_empty(s->name) || str_empty(s->type) || str_empty(s->about) ||
		    str_empty(s->body))
			return fault(why, "a sample with an empty member", s->name);
		for (size_t k = 0; k < i; k++)
			if (str_eq(p->samples[k].name, s->name))
				return fault(why, "two samples of one name", s->name);
		if (str_eq(s->name, "text"))
			text = s;
	}
	if (text == NULL || !str_eq(text->type, "application/json") || text->body[0] != '{' ||
	    strstr(text->body, "@TEXT@") == NULL || strstr(text->body, "@ID@") == NULL ||
	    strstr(text->body, "@FROM@") == NULL)
		return fault(
		    why, "no sample \"text\": a JSON object with @ID@, @FROM@ and @TEXT@", NULL);
	return false;
}

static bool
checks(const struct provider *p, char why[200])
{
	bool subscribed = false;
	size_t reach = 0;
	char number[16];

	for (size_t i = 0; i < *p->n_checks; i++) {
		const struct provider_check *c = &p->checks[i];

		snprintf(number, sizeof number, "DMB-%u", c->number);
		if (c->number < 700 || c->number > 799)
			return fault(why, "a number that is not of 7xx", number);
		for (int l = 0; l < 2; l++)
			if (str_empty(c->what[l]) || str_empty(c->remedy[l]))
				return fault(why, "a check without words", number);
		reach += c->reach;
		for (size_t k = 0; k < sizeof c->codes / sizeof *c->codes; k++)
			subscribed |= str_eq(c->codes[k], "subscribed");
	}
	if (reach != 1)
		return fault(why, "exactly one check is that of reaching it", NULL);
	return p->subscribe != NULL && !subscribed ?
	    fault(why, "subscribe without a check \"subscribed\"", NULL) :
	    false;
}

bool
provider_fault(const struct provider *p, char why[200])
{
	return names(p, why) || members(p, why) || keys(p, why) || samples(p, why) ||
	    checks(p, why);
}
