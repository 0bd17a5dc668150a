/*
 * dmbox trigger: post any body that a provider is known to send, signed with the
 * account's own secret, at the real address.  The way in is then tried as the
 * provider would, from the outside, and every run makes a new row.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "base/buf.h"
#include "base/clock.h"
#include "model/conf.h"
#include "base/http.h"
#include "extern/httpc.h"
#include "extern/json.h"
#include "extern/jsonw.h"
#include "model/provider.h"
#include "extern/sign.h"
#include "base/str.h"

struct opts {
	const char *shape, *url, *account, *id, *ref, *from, *text;
	bool json, list;
};

/* A sample and whose it is. */
struct shape {
	const struct provider *p;
	const struct provider_sample *s;
};

/* The i-th of all there are; s NULL beyond the last. */
static struct shape
shape_at(size_t i)
{
	for (size_t k = 0; providers[k] != NULL; k++) {
		if (i < *providers[k]->n_samples)
			return (struct shape){ providers[k], &providers[k]->samples[i] };
		i -= *providers[k]->n_samples;
	}
	return (struct shape){ NULL, NULL };
}

static void
list_shapes(bool json)
{
	struct jsonw w;
	struct shape s;
	struct buf b;

	buf_init(&b, 1 << 20);
	jsonw_init(&w, &b);
	jsonw_array(&w, NULL);
	for (size_t i = 0; (s = shape_at(i)).s != NULL; i++) {
		char name[80];

		snprintf(name, sizeof name, "%s/%s", s.p->name, s.s->name);
		if (!json)
			printf("%-32s %s\n", name, s.s->about);
		if (i > 0)
			jsonw_line(&w);
		jsonw_object(&w, NULL);
		jsonw_str(&w, "shape", name);
		jsonw_str(&w, "about", s.s->about);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	if (json)
		(void)cmd_json(&w);
	else
		buf_free(&b);
}

/* "provider/name", or a bare name: of the account's provider where an account is
 * given, else the first that any account of the configuration can receive. */
static bool
fits(struct shape s, const char *name, const struct conf *c, const char *account)
{
	const char *slash = strchr(name, '/'), *p = s.p->name;

	if (slash)
		return strlen(p) == (size_t)(slash - name) && strncmp(p, name, strlen(p)) == 0 &&
		    str_eq(slash + 1, s.s->name);
	if (!str_eq(name, s.s->name))
		return false;
	for (size_t i = 0; i < c->n_accounts; i++)
		if (c->accounts[i].provider == s.p &&
		    (!account || str_eq(account, c->accounts[i].name)))
			return true;
	return false;
}

static void
no_shape(const char *wanted)
{
	const char **names = NULL, *near;
	size_t n;

	for (n = 0; shape_at(n).s != NULL; n++) {
		names = mem_realloc(names, n + 1, sizeof *names);
		names[n] = shape_at(n).s->name;
	}
	near = str_nearest(strchr(wanted, '/') ? strchr(wanted, '/') + 1 : wanted, names, n);
	if (near)
		cmd_error(cmd_tr("there is no shape %s; did you mean %s?",
			      "нет вида %s; может быть, %s?"),
		    wanted, near);
	else
		cmd_error(cmd_tr("there is no shape %s; see: dmbox trigger --list",
			      "нет вида %s; смотрите: dmbox trigger --list"),
		    wanted);
	free(names);
}

static struct shape
find_shape(const struct conf *c, const struct opts *o)
{
	struct shape s;

	for (size_t i = 0; (s = shape_at(i)).s != NULL; i++)
		if (fits(s, o->shape, c, o->account))
			return s;
	/* no account takes it: by its name alone, the account will be missed next */
	for (size_t i = 0; (s = shape_at(i)).s != NULL; i++)
		if (str_eq(s.s->name, o->shape))
			return s;
	no_shape(o->shape);
	return s;
}

static const struct account *
find_account(const struct conf *c, struct shape s, const char *name)
{
	for (size_t i = 0; i < c->n_accounts; i++)
		if (c->accounts[i].provider == s.p && (!name || str_eq(name, c->accounts[i].name)))
			return &c->accounts[i];
	cmd_error(
	    cmd_tr("no account %s uses %s", "нет аккаунта %s с %s"), name ? name : "", s.p->name);
	return NULL;
}

static bool
default_url(const struct conf *c, const struct account *a, struct buf *out)
{
	if (str_empty(c->public_url)) {
		cmd_error("%s",
		    cmd_tr("DMBOX_PUBLIC_URL is not set: give --url",
			"DMBOX_PUBLIC_URL не задан: нужен --url"));
		return false;
	}
	buf_puts(out, c->public_url);
	while (out->n && out->p[out->n - 1] == '/')
		out->p[--out->n] = '\0';
	buf_printf(out, "/%s/webhook", channel_names[a->channel]);
	if (!str_eq(a->name, "main"))
		buf_printf(out, "/%s", a->name);
	return !buf_err(out);
}

static void
show(const struct opts *o, struct shape s, const struct account *a, const char *url,
    const struct sample_vars *v, const struct http_res *res)
{
	struct json *j = NULL;
	struct mem_arena arena = { 0 };
	struct jsonw w;
	struct buf b;

	if (!o->json) {
		if (res->fail != HTTP_FAIL_NONE)
			printf("%s/%s -> %s: %s: %s\n", s.p->name, s.s->name, url,
			    http_fail_names[res->fail], res->note);
		else
			printf("%s/%s -> %s: HTTP %d %.*s\n", s.p->name, s.s->name, url,
			    res->status, (int)strcspn(res->body, "\r\n"), res->body);
		return;
	}
	buf_init(&b, 32 << 20);	/* an answer of 4 MB, each byte of it escaped */
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_printf(&w, "shape", "%s/%s", s.p->name, s.s->name);
	jsonw_str(&w, "account", a->name);
	jsonw_str(&w, "url", url);
	jsonw_str(&w, "id", v->id);
	jsonw_i64(&w, "status", res->status);
	jsonw_i64(&w, "ms", res->ms);
	jsonw_str(&w, "note", res->fail == HTTP_FAIL_NONE ? "" : http_fail_names[res->fail]);
	if (res->body_n && json_parse(res->body, res->body_n, &j, NULL) == RC_OK)
		jsonw_raw(&w, "answer", json_raw(&arena, j));
	else
		jsonw_strn(&w, "answer", res->body, res->body_n);
	jsonw_end(&w);
	(void)cmd_json(&w);
	json_free(j);
	mem_arena_free(&arena);
}

static int
post(const struct conf *c, const struct opts *o, struct shape s, const struct account *a)
{
	char id[33], ref[33];
	struct sample_vars v = { .id = o->id,
		.ref = o->ref,
		.from = o->from,
		.text = o->text,
		.own = str_empty(a->own_id) ? "1" : a->own_id,
		.now_us = clock_now_us() };
	struct buf body, url;
	struct http_req req;
	struct http_res res;
	struct httpc *h;
	int status = CMD_FAIL;

	sign_token(id, 32);
	sign_token(ref, 32);
	v.id = v.id ? v.id : id;
	v.ref = v.ref ? v.ref : ref;
	v.from = v.from ? v.from : s.p->sender;
	v.text = v.text ? v.text : "Тестовое сообщение";
	buf_init(&body, 1 << 20);
	buf_init(&url, 4096);
	if (o->url)
		buf_puts(&url, o->url);
	else if (!default_url(c, a, &url))
		goto out;
	provider_sample_body(s.p, s.s, &v, &body);
	http_req_init(&req, "POST", url.p);
	http_req_body(&req, s.s->type, body.p, body.n);
	req.fresh = true;
	if (s.p->sign(a, &req) != RC_OK && !a->webhook_open)
		cmd_error(cmd_tr("account %s has no webhook secret: sent unsigned",
			      "у аккаунта %s нет секрета вебхука: отправлено без подписи"),
		    a->name);
	h = httpc_new(NULL);
	httpc_once(h, &req, &res);
	show(o, s, a, url.p, &v, &res);
	if (res.fail == HTTP_FAIL_NONE && res.status >= 200 && res.status < 300)
		status = CMD_OK;
	http_res_free(&res);
	http_req_free(&req);
	httpc_free(h);
out:
	buf_free(&body);
	buf_free(&url);
	return status;
}

static enum rc
options(int argc, char **argv, struct opts *o)
{
	static const struct option longs[] = {
		{ "url", 1, NULL, 'u' },
		{ "list", 0, NULL, 'l' },
		{ "account", 1, NULL, 'a' },
		{ "id", 1, NULL, 'i' },
		{ "ref", 1, NULL, 'r' },
		{ "from", 1, NULL, 'f' },
		{ "text", 1, NULL, 't' },
		{ "json", 0, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int ch;

	while ((ch = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (ch) {
		case 'u':
			o->url = optarg;
			break;
		case 'l':
			o->list = true;
			break;
		case 'a':
			o->account = optarg;
			break;
		case 'i':
			o->id = optarg;
			break;
		case 'r':
			o->ref = optarg;
			break;
		case 'f':
			o->from = optarg;
			break;
		case 't':
			o->text = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		default:
			return RC_INVALID;
		}
	if (optind < argc)
		o->shape = argv[optind++];
	return optind < argc || (!o->shape && !o->list) ? RC_INVALID : RC_OK;
}

static int
run(int argc, char **argv)
{
	struct opts o = { 0 };
	struct conf *c;
	const struct account *a;
	struct shape s;
	int status = CMD_USAGE;

	if (options(argc, argv, &o) != RC_OK)
		return cmd_usage(&cmd_trigger);
	if (o.list) {
		list_shapes(o.json);
		return CMD_OK;
	}
	if (cmd_conf(&c) != RC_OK)
		return CMD_FAIL;
	s = find_shape(c, &o);
	a = s.s != NULL ? find_account(c, s, o.account) : NULL;
	if (a)
		status = post(c, &o, s, a);
	else if (s.s != NULL)
		status = CMD_FAIL;
	conf_drop(c);
	return status;
}

const struct cmd cmd_trigger = { "trigger", run,
	{ "post a shape that a provider is known to send, signed",
	    "отправить подписанное тело, какое шлёт провайдер" },
	{ "usage: dmbox trigger SHAPE [--url U] [--account A] [--id X] [--ref X] [--from X]\n"
	  "                     [--text T] [--json]\n"
	  "       dmbox trigger --list [--json]\n\n"
	  "Posts SHAPE (PROVIDER/NAME, or a name alone for the first account that takes it) to\n"
	  "DMBOX_PUBLIC_URL/CHANNEL/webhook[/ACCOUNT] with the account's own secret, as the\n"
	  "provider would.  The message id is new at each run; --id fixes it.  --ref is the\n"
	  "message that an edit, reaction, read or status speaks of.  Exit status: 0 when\n"
	  "the webhook answered 2xx.",
	    "вызов: dmbox trigger ВИД [--url U] [--account A] [--id X] [--ref X] [--from X]\n"
	    "                     [--text T] [--json]\n"
	    "       dmbox trigger --list [--json]\n\n"
	    "Отправляет ВИД (ПРОВАЙДЕР/ИМЯ или одно имя для первого подходящего аккаунта) на\n"
	    "DMBOX_PUBLIC_URL/КАНАЛ/webhook[/АККАУНТ] с секретом этого аккаунта, как это делает\n"
	    "провайдер.  Номер сообщения каждый раз новый; --id задаёт его.  --ref: сообщение,\n"
	    "о котором говорят правка, реакция, прочтение или статус.  Код выхода 0, если\n"
	    "вебхук ответил 2xx." },
	"  dmbox trigger --list\n"
	"  dmbox trigger text --text hello\n" };
