/*
 * Every provider of the list keeps what the core relies on; a new one is tested here without
 * a line of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/conf.h"
#include "provider/list.h"

static void
test_complete(void **state)
{
	char why[200];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; providers[i] != NULL; i++, n++) {
		if (provider_fault(providers[i], why))
			fail_msg("%s: %s", providers[i]->name, why);
		assert_ptr_equal(provider_by_name(providers[i]->name), providers[i]);
	}
	assert_true(n >= 3);
	assert_null(provider_by_name("mock"));
	assert_null(provider_by_name(NULL));
	for (int ch = 0; ch < CHANNEL__MAX; ch++)
		assert_int_equal(provider_first((enum channel)ch)->channel, ch);
}

/* Each thing that may be forgotten is noticed. */
static void
test_faults(void **state)
{
	char why[200];

	(void)state;
	for (size_t i = 0; providers[i] != NULL; i++) {
		struct provider p;
		size_t none = 0;

#define BREAK(change) do { \
		p = *providers[i]; change; \
		if (!provider_fault(&p, why)) \
			fail_msg("%s: not noticed: %s", providers[i]->name, #change); \
	} while (0)
		BREAK(p.name = NULL);
		BREAK(p.name = "mock");
		BREAK(p.title = "");
		BREAK(p.words.from = NULL);
		BREAK(p.words.mode = NULL);
		BREAK(p.sender = NULL);
		BREAK(p.claims = NULL);
		BREAK(p.configure = NULL);
		BREAK(p.unconfigure = NULL);
		BREAK(p.verify = NULL);
		BREAK(p.sign = NULL);
		BREAK(p.parse = NULL);
		BREAK(p.setup = NULL);
		BREAK(p.keys = NULL);
		BREAK(p.n_keys = &none);
		BREAK(p.samples = NULL);
		BREAK(p.n_samples = &none);
		BREAK(p.checks = NULL);
		BREAK(p.n_checks = &none);
		BREAK(p.n_hints = NULL; p.hints = (const struct provider_hint *)1);
		/* half of each pair, where it has both and where it has none */
#define HALF(pair) BREAK(p.pair##_read = p.pair##_read != NULL ? NULL : (__typeof__(p.pair##_read))(void *)&p)
		HALF(poll);
		HALF(send);
		HALF(upload);
		HALF(lookup);
		HALF(templates);
		HALF(media);
		HALF(fetch);
		HALF(profile);
		HALF(refresh);
		HALF(probe);
#undef HALF
		BREAK(p.probe_build = NULL; p.probe_read = NULL; p.probe_more = provider_cloud.probe_more);
		BREAK(p.window_s = 10; p.window_human_s = 5);
		BREAK(p.poll_s = p.poll_s == 0 ? 10 : 0);
		BREAK(p.channel = p.channel == CHANNEL_INSTAGRAM ? CHANNEL_WHATSAPP : CHANNEL_INSTAGRAM);
#undef BREAK
	}
}

/* Numbers of checks are published: none twice, in whichever folder. */
static void
test_numbers(void **state)
{
	bool seen[1000] = { false };

	(void)state;
	for (size_t i = 0; providers[i] != NULL; i++)
		for (size_t k = 0; k < *providers[i]->n_checks; k++) {
			unsigned int n = providers[i]->checks[k].number;

			if (seen[n])
				fail_msg("DMB-%u is used twice", n);
			seen[n] = true;
		}
}

/* Providers that share a key agree about what it is: the file has it once. */
static void
test_shared_keys(void **state)
{
	(void)state;
	for (size_t i = 0; providers[i] != NULL; i++)
		for (size_t k = 0; k < *providers[i]->n_keys; k++)
			for (size_t j = 0; j <= i; j++)
				for (size_t m = 0; m < *providers[j]->n_keys; m++) {
					const struct provider_key *a = &providers[i]->keys[k];
					const struct provider_key *b = &providers[j]->keys[m];

					if (a == b || !str_eq(a->name, b->name))
						continue;
					assert_ptr_not_equal(providers[i], providers[j]);
					assert_int_equal(providers[i]->channel, providers[j]->channel);
					assert_int_equal(a->kind, b->kind);
					assert_int_equal(a->secret, b->secret);
					assert_int_equal(a->list, b->list);
				}
}

static struct mem_arena arena;

/* A value that each kind of key takes, another one for each key. */
static const char *
value_for(const struct provider_key *k)
{
	static char made[64];

	if (k->set != NULL)
		return k->set;
	switch (k->kind) {
	case CONF_BOOL:
		return "false";
	case CONF_UPSTREAM:
	case CONF_URL:
		return "https://api.example.org";
	case CONF_VERSION:
		return "v25.0";
	case CONF_NUM:
		return "1";
	case CONF_PATHS:
		return "/a,/b";
	case CONF_AUTH:
		return "X-A,X-B";
	default:
		snprintf(made, sizeof made, "%zu.made-up", 1000000 + strlen(k->name) * 1000 + (unsigned char)k->name[12]);
		return mem_arena_dup(&arena, made);
	}
}

/* The keys of use, of all others nothing. */
static struct account *
account_with(const struct provider *p, unsigned int use)
{
	const char **kv = mem_array(2 * *p->n_keys + 1, sizeof *kv);
	struct account *a;
	size_t n = 0;

	for (size_t i = 0; i < *p->n_keys; i++)
		if ((p->keys[i].use & use) != 0) {
			kv[n++] = p->keys[i].name;
			kv[n++] = value_for(&p->keys[i]);
		}
	kv[n] = NULL;
	a = conf_account_make(p, "main", kv);
	free(kv);
	return a;
}

/* What sign makes verify takes, and nothing else: over the sample that doctor delivers. */
static void
test_sign_verify(void **state)
{
	(void)state;
	for (size_t i = 0; providers[i] != NULL; i++) {
		const struct provider *p = providers[i];
		struct account *a = account_with(p, KEY_VERIFY), *none = account_with(p, 0);
		const struct sample_vars v = { .id = "m1", .ref = "m0", .from = p->sender, .own = "1",
		    .text = "Привет 🎁", .now_us = 1752345678901000 };
		const char *why = NULL;
		struct http_req req;
		struct buf b;
		size_t n;

		buf_init(&b, 1 << 16);
		provider_sample_body(p, provider_sample(p, "text"), &v, &b);
		http_req_init(&req, "POST", "/x/webhook");
		http_req_body(&req, "application/json", b.p, b.n);
		assert_int_equal(p->verify(a, &req, &why), RC_DENIED);
		assert_non_null(why);
		n = req.n_hdrs;
		assert_int_equal(p->sign(none, &req), RC_NONE);
		assert_int_equal(req.n_hdrs, n);
		assert_int_equal(p->sign(a, &req), RC_OK);
		assert_int_equal(req.n_hdrs, n + 1);
		assert_int_equal(p->verify(a, &req, &why), RC_OK);
		assert_int_equal(p->verify(none, &req, &why), RC_DENIED);
		if (p->signature_header != NULL)
			assert_non_null(http_req_get(&req, p->signature_header));
		http_req_free(&req);
		buf_free(&b);
		conf_account_del(a);
		conf_account_del(none);
	}
}

/* The handshake that doctor sends is answered with its challenge, with another word it is not. */
static void
test_handshake_query(void **state)
{
	(void)state;
	for (size_t i = 0; providers[i] != NULL; i++) {
		const struct provider *p = providers[i];
		struct account *a, *none;
		struct http_req req;
		struct buf q, out;

		if (p->handshake_query == NULL)
			continue;
		a = account_with(p, KEY_HANDSHAKE);
		none = account_with(p, 0);
		buf_init(&q, 4096);
		buf_init(&out, 128);
		assert_int_equal(p->handshake_query(none, "c4", &q), RC_NONE);
		assert_int_equal(p->handshake_query(a, "c4", &q), RC_OK);
		http_req_init(&req, "GET", "/x/webhook");
		req.query = q.p;
		assert_int_equal(p->handshake(a, &req, &out), RC_OK);
		assert_string_equal(out.p, "c4");
		assert_int_equal(p->handshake(none, &req, &out), RC_DENIED);
		buf_puts(&q, "-wrong");
		req.query = q.p;
		assert_int_equal(p->handshake(a, &req, &out), RC_DENIED);
		http_req_free(&req);
		buf_free(&q);
		buf_free(&out);
		conf_account_del(a);
		conf_account_del(none);
	}
}

/* What init writes for a provider is an account of that provider, with nothing missing but
 * what a person must give. */
static void
test_claims(void **state)
{
	(void)state;
	for (size_t i = 0; providers[i] != NULL; i++) {
		const struct provider *p = providers[i];
		char file[] = "/tmp/dmbox-provider-XXXXXX";
		FILE *f = fdopen(mkstemp(file), "w");
		const struct account *a;
		struct conf *c;

		assert_non_null(f);
		fputs("DATABASE_URL=postgresql:///none\n", f);
		for (size_t k = 0; k < *p->n_keys; k++)
			if ((p->keys[k].use & (KEY_WRITE | KEY_ASK | KEY_MAKE)) != 0)
				fprintf(f, "%s=%s\n", p->keys[k].name, value_for(&p->keys[k]));
		fclose(f);
		assert_int_equal(conf_load(CONF_WEB, file, &c), RC_OK);
		for (size_t k = 0; k < c->n_issues; k++)
			fail_msg("%s: %s", p->name, c->issues[k].text);
		a = conf_account(c, p->channel, NULL);
		assert_non_null(a);
		assert_ptr_equal(a->provider, p);
		assert_true(a->used);
		assert_null(account_missing(a, KEY_VERIFY | KEY_CALL | KEY_READY | KEY_HANDSHAKE, 0));
		assert_non_null(a->token);
		assert_non_null(a->api_url);
		conf_drop(c);
		unlink(file);
	}
}

/* Without anything set the core may ask all the same: nothing crashes, what is missing is named. */
static void
test_bare(void **state)
{
	(void)state;
	for (size_t i = 0; providers[i] != NULL; i++) {
		const struct provider *p = providers[i];
		/* of an account that is gone only name and provider are known */
		struct account gone = { .name = (char *)"gone", .channel = p->channel, .provider = p };
		const struct outmsg m = { .recipient = p->sender, .thread_id = "", .body = "hi" };
		const struct setup_facts facts = { .url = "https://x.example/webhook" };
		const char *why = "";
		struct http_req req;
		struct itemv items;
		struct buf b;

		assert_non_null(account_missing(&gone, KEY_VERIFY, 0));
		assert_non_null(account_missing(&gone, KEY_CALL, 0));
		http_req_init(&req, "POST", "/");
		assert_int_equal(p->verify(&gone, &req, &why), RC_DENIED);
		assert_int_equal(p->sign(&gone, &req), RC_NONE);
		http_req_free(&req);
		itemv_init(&items);
		assert_int_equal(p->parse(&gone, "application/json", "x", 1, &items), RC_INVALID);
		itemv_free(&items);
		memset(&req, 0, sizeof req);
		if (p->send_build != NULL)
			(void)!p->send_build(&gone, &m, &req);
		http_req_free(&req);
		buf_init(&b, 1 << 16);
		p->setup(&facts, &b);
		assert_true(b.n > 0);	/* the steps of init always say something */
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_shared_keys),
		cmocka_unit_test(test_sign_verify),
		cmocka_unit_test(test_handshake_query),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_bare),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	mem_arena_free(&arena);
	return failed;
}
