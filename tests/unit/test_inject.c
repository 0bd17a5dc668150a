/*
 * A customer's words in a body that a flow makes by putting variables into a text,
 * unescaped: 10,000 generated attacks (the same each time), none of which may reach
 * another person, the shop's side or a message's id.  The first templates are the
 * recommended one, as the hint prints it; the others are what people write themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/msg.h"
#include "provider/chatrace/chatrace.h"

#define CASES 10000
#define VICTIM "VICTIM"
#define SENDER "5"

static uint64_t seed;

static unsigned int
pick_n(unsigned int n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(seed >> 33) % n;
}

#define ONE_OF(v) ((v)[pick_n(sizeof (v) / sizeof (v)[0])])

static const char *const names[] = { "contact_id", "user_id", "senderId", "userId", "fromId",
	"sender", "from", "user", "sender.id", "from.id", "user.id", "recipientId", "recipient_id",
	"toId", "recipient", "to", "messageId", "message_id", "id", "message", "message.mid",
	"message.id", "is_echo", "isEcho", "message.is_echo", "direction", "text", "content", "body",
	"last_input", "name", "username", "full_name", "event", "account_id", "channel", "type",
	"entry", "messages", "data", "postback", "page_id", "last_interaction", "timestamp", "z" };

static const char *const values[] = { "\"" VICTIM "\"", "\"" VICTIM "\"", "\"" VICTIM "\"", "true",
	"1", "\"outbound\"", "\"out\"", "{\"id\":\"" VICTIM "\"}",
	"{\"id\":\"" VICTIM "\",\"name\":\"x\"}", "\"1000001\"", "{\"id\":\"1000001\"}",
	"{\"mid\":\"" VICTIM "\",\"text\":\"x\",\"is_echo\":true}",
	"{\"id\":\"" VICTIM "\",\"content\":\"x\"}", "{\"mid\":\"" VICTIM "\",\"title\":\"x\"}",
	"[{\"contact_id\":\"" VICTIM "\",\"text\":\"x\"}]",
	"[{\"id\":\"1\",\"messaging\":[{\"sender\":{\"id\":\"" VICTIM "\"},\"recipient\":"
	"{\"id\":\"1000001\"},\"timestamp\":1752345678901,\"message\":{\"mid\":\"" VICTIM
	"\",\"text\":\"x\"}}]}]", "null", "[]", "{}", "\"\\u0056ICTIM\"" };

/* The name as it is, with a letter escaped, or cut by a NUL as some readers see it. */
static void
put_name(struct buf *b, const char *name)
{
	unsigned int how = pick_n(6), at = pick_n((unsigned int)strlen(name));

	buf_putc(b, '"');
	for (unsigned int i = 0; name[i] != '\0'; i++)
		if (how == 0 && i == at)
			buf_printf(b, "\\u%04x", (unsigned int)name[i]);
		else
			buf_putc(b, name[i]);
	if (how == 1)
		buf_puts(b, pick_n(2) ? "\\u0000" : "\\u0000rest");
	buf_puts(b, pick_n(8) ? "\":" : "\" : ");
}

static void
put_attack(struct buf *b)
{
	static const char *const words[] = { "hi", "", "how much is it?", "\xd0\xb4\xd0\xb0", "a\nb",
	    "{{last_input}}", "\\", "hi\xff", "C:\\new" };
	static const char *const openings[] = { "\"", "\"", "\"", "\"", "\"}", "\" ", "\\\"", "" };
	static const char *const endings[] = { ",\"z\":\"", ",\"z\":\"", ",\"z\":\"", "",
	    ",\"z\":{\"y\":\"",
	    ",\"text\":\"", "}", ",\"z\":\"\\", ",", ",\"z\":[\"", "}{\"a\":\"", ",\"name\":\"" };
	unsigned int fill = pick_n(10) == 0 ? 60 + pick_n(30) : 0, n = 1 + pick_n(4);

	buf_puts(b, ONE_OF(words));
	buf_puts(b, ONE_OF(openings));
	for (unsigned int i = 0; i < fill; i++)
		buf_printf(b, ",\"k%u\":%u", i, i);
	for (unsigned int i = 0; i < n; i++) {
		buf_putc(b, ',');
		put_name(b, ONE_OF(names));
		buf_puts(b, ONE_OF(values));
	}
	buf_puts(b, ONE_OF(endings));
}

/* Fields of a form that the flow put in without encoding them. */
static void
put_form_attack(struct buf *b)
{
	static const char *const field_values[] = { VICTIM, "true", "1", "outbound", "1000001",
	    "%56ICTIM" };
	unsigned int n = 1 + pick_n(4);

	buf_puts(b, pick_n(2) ? "hi" : "");
	for (unsigned int i = 0; i < n; i++)
		buf_printf(b, "%s%s=%s", pick_n(4) ? "&" : "&&", ONE_OF(names), ONE_OF(field_values));
}

static const char *const templates[] = {
	NULL, NULL, NULL, NULL,		/* the recommended one */
	"{\"event\":\"message\",\"account_id\":\"1000001\",\"contact_id\":\"{{user_id}}\","
	"\"username\":\"{{ig_user_name}}\",\"name\":\"{{full_name}}\",\"text\":\"{{last_input}}\","
	"\"channel\":\"instagram\"}",
	"{\"contact_id\":\"{{user_id}}\",\"full_name\":\"{{full_name}}\","
	"\"last_input\":\"{{last_input}}\"}",
	"{\"user_id\":\"{{user_id}}\",\"message\":\"{{last_input}}\"}",
	"{\"contact_id\":{{user_id}},\"text\":\"{{last_input}}\",\"email\":\"a@example.org\"}",
	"{ \"contact_id\": \"{{user_id}}\",\n  \"text\": \"{{last_input}}\"\n}\n",
	"event=message&account_id=1000001&contact_id={{user_id}}&username={{ig_user_name}}&"
	"name={{full_name}}&channel=instagram&text={{last_input}}",
};

/* The template with the variables put in as a flow does. */
static void
put_body(struct buf *b, const char *t, bool in_name)
{
	bool form = *t == 'e';

	static const struct { const char *var, *value; } vars[] = {
		{ "{{user_id}}", SENDER }, { "{{ig_user_name}}", "ana" },
		{ "{{full_name}}", "Ana" }, { "{{last_input}}", "hello there" } };

	while (*t != '\0') {
		size_t i = 0;

		while (i < 4 && !str_starts(t, vars[i].var))
			i++;
		if (i == 4) {
			buf_putc(b, *t++);
			continue;
		}
		t += strlen(vars[i].var);
		if (i == (in_name ? 2 : 3))
			form ? put_form_attack(b) : put_attack(b);
		else
			buf_puts(b, vars[i].value);
	}
}

/* What the attack gained; NULL: nothing.  Programs that name their sender contact_id may
 * have the message's id between the name and the text: id_ok. */
static const char *
gain(const struct itemv *v, bool id_ok)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct item *it = &v->v[i];

		if (it->contact != NULL && !str_eq(it->contact, SENDER))
			return "another person";
		if (it->sender_id != NULL && !str_eq(it->sender_id, SENDER))
			return "another sender";
		if (it->recipient_id != NULL && !str_eq(it->recipient_id, "1000001"))
			return "another recipient";
		if (it->dir != DIR_IN || it->echo)
			return "the shop's side";
		if ((it->external_id != NULL && !id_ok) || it->event_id != NULL || it->target_id != NULL)
			return "an id";
		if (it->account != NULL || !str_eq(it->thread_id, "") || it->is_test ||
		    it->effect != EFFECT_NONE || it->own_id != NULL)
			return "something else";
	}
	return NULL;
}

static void
test_injections(void **state)
{
	struct account a = { .name = mem_dup("main"), .provider = &provider_chatrace,
	    .own_id = mem_dup("1000001") };
	struct buf ours, b;
	size_t reached = 0, there = 0, at_ours = 0, there_at_ours = 0;

	(void)state;
	buf_init(&ours, 4096);
	buf_init(&b, 1u << 20);
	chatrace_body(a.own_id, &ours);
	seed = getenv("DMBOX_INJECT_SEED") != NULL ? strtoull(getenv("DMBOX_INJECT_SEED"), NULL, 10) :
	    20261128;
	for (int i = 0; i < CASES; i++) {
		const char *t = ONE_OF(templates), *won;
		bool mine = t == NULL, in_name = pick_n(5) == 0;
		struct itemv v;
		enum rc rc;

		buf_reset(&b);
		t = t == NULL ? ours.p : t;
		in_name = in_name && strstr(t, "{{full_name}}") != NULL;
		put_body(&b, t, in_name);
		itemv_init(&v);
		rc = provider_chatrace.parse(&a, "application/json", b.p, b.n, &v);
		won = rc == RC_OK ? gain(&v, in_name && !str_starts(t, "{\"event\"") && *t != 'e') : NULL;
		if (won != NULL && reached++ < 10)
			print_error("case %d reached %s: %s\n", i, won, b.p);
		there += rc == RC_OK && v.n == 1 && v.v[0].type == ITEM_MESSAGE;
		at_ours += mine;
		there_at_ours += mine && rc == RC_OK && v.n == 1 && v.v[0].type == ITEM_MESSAGE;
		if (mine && !(rc == RC_OK && v.n == 1 && v.v[0].type == ITEM_MESSAGE) &&
		    getenv("DMBOX_INJECT_SHOW") != NULL)
			print_message("not a message: %s\n", b.p);
		itemv_free(&v);
	}
	print_message("%d injections: %zu reached somebody else; %zu are messages of their "
	    "sender, of the recommended template %zu of %zu\n", CASES, reached, there,
	    there_at_ours, at_ours);
	buf_free(&b);
	buf_free(&ours);
	free(a.name);
	free(a.own_id);
	assert_int_equal(reached, 0);
	/* the message is there all the same: what is not, is kept raw */
	assert_true(there_at_ours * 100 >= at_ours * 99);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_injections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
