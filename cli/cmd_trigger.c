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
#include "model/provider.h"
#include "extern/sign.h"
#include "base/str.h"
#include "trigger_shapes.h"

struct opts {
	const char *shape, *url, *account, *id, *ref, *from, *text;
	bool json, list;
};

static void
list_shapes(bool json)
{
	size_t n;
	const struct shape *s = trigger_shapes(&n);

	for (size_t i = 0; i < n; i++) {
		char name[80];

		snprintf(name, sizeof name, "%s/%s", s[i].provider->name, s[i].name);
		if (json) {
			struct buf b;

			buf_init(&b, 4096);
			buf_puts(&b, i ? ",\n {\"shape\":" : "[{\"shape\":");
			json_put_str(&b, name);
			json_put_key(&b, ",", "about");
			json_put_str(&b, s[i].about);
			buf_putc(&b, '}');
			fputs(b.p, stdout);
			buf_free(&b);
		} else {
			printf("%-32s %s\n", name, s[i].about);
		}
	}
	if (json)
		puts("]");
}

/* "provider/name", or a bare name: of the account's provider where an account is
 * given, else the first that any account of the configuration can receive. */
static bool
fits(const struct shape *s, const char *name, const struct conf *c, const char *account)
{
	const char *slash = strchr(name, '/'), *p = s->provider->name;

	if (slash)
		return strlen(p) == (size_t)(slash - name) && strncmp(p, name, strlen(p)) == 0 &&
		    str_eq(slash + 1, s->name);
	if (!str_eq(name, s->name))
		return false;
	for (size_t i = 0; i < c->n_accounts; i++)
		if (c->accounts[i].provider == s->provider &&
		    (!account || str_eq(account, c->accounts[i].name)))
			return true;
	return false;
}

static const struct shape *
find_shape(const struct conf *c, const struct opts *o)
{
	size_t n;
	const struct shape *s = trigger_shapes(&n);
	const char **names, *near;

	for (size_t i = 0; i < n; i++)
		if (fits(&s[i], o->shape, c, o->account))
			return &s[i];
	/* no account takes it: by its name alone, the account will be missed next */
	for (size_t i = 0; i < n; i++)
		if (str_eq(s[i].name, o->shape))
			return &s[i];
	names = mem_array(n, sizeof *names);
	for (size_t i = 0; i < n; i++)
		names[i] = s[i].name;
	near = str_nearest(strchr(o->shape, '/') ? strchr(o->shape, '/') + 1 : o->shape, names, n);
	if (near)
		cmd_error(cmd_tr("there is no shape %s; did you mean %s?", "нет вида %s; может быть, %s?"),
		    o->shape, near);
	else
		cmd_error(cmd_tr("there is no shape %s; see: dmbox trigger --list",
		    "нет вида %s; смотрите: dmbox trigger --list"), o->shape);
	free(names);
	return NULL;
}

static const struct account *
find_account(const struct conf *c, const struct shape *s, const char *name)
{
	for (size_t i = 0; i < c->n_accounts; i++)
		if (c->accounts[i].provider == s->provider &&
		    (!name || str_eq(name, c->accounts[i].name)))
			return &c->accounts[i];
	cmd_error(cmd_tr("no account %s uses %s", "нет аккаунта %s с %s"), name ? name : "",
	    s->provider->name);
	return NULL;
}

/* What the provider would send as its credential; false: the account has none set. */
static bool
sign_request(const struct account *a, struct http_req *req, const char *body, size_t n)
{
	unsigned char mac[SIGN_SHA256];
	char value[8 + 2 * SIGN_SHA256] = "sha256=";
	struct buf b;
	bool ok;

	if (a->provider == PROVIDER_CHATRACE)
		return a->webhook_secrets.n > 0 && http_req_header(req, "X-Webhook-Secret",
		    a->webhook_secrets.v[0]) == RC_OK;
	if (a->provider == PROVIDER_GRAPH) {
		if (a->app_secrets.n == 0)
			return false;
		sign_hmac_sha256(a->app_secrets.v[0], strlen(a->app_secrets.v[0]), body, n, mac);
		str_hex(mac, sizeof mac, value + 7);
		return http_req_header(req, "X-Hub-Signature-256", value) == RC_OK;
	}
	if (str_empty(a->webhook_token))
		return false;
	buf_init(&b, 4096);
	buf_printf(&b, "Bearer %s", a->webhook_token);
	ok = !buf_err(&b) && http_req_header(req, "Authorization", b.p) == RC_OK;
	mem_wipe(b.p, b.n);
	buf_free(&b);
	return ok;
}

static bool
default_url(const struct conf *c, const struct account *a, struct buf *out)
{
	if (str_empty(c->public_url)) {
		cmd_error("%s", cmd_tr("DMBOX_PUBLIC_URL is not set: give --url",
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
show(const struct opts *o, const struct shape *s, const struct account *a, const char *url,
    const struct shape_vars *v, const struct http_res *res)
{
	struct json *j = NULL;
	struct mem_arena arena = {0};
	struct buf b;

	if (!o->json) {
		if (res->fail != HTTP_FAIL_NONE)
			printf("%s/%s -> %s: %s: %s\n", s->provider->name, s->name, url,
			    http_fail_names[res->fail], res->note);
		else
			printf("%s/%s -> %s: HTTP %d %.*s\n", s->provider->name, s->name, url,
			    res->status, (int)strcspn(res->body, "\r\n"), res->body);
		return;
	}
	buf_init(&b, 1 << 20);
	json_put_key(&b, "{", "shape");
	buf_printf(&b, "\"%s/%s\"", s->provider->name, s->name);
	json_put_key(&b, ",", "account");
	json_put_str(&b, a->name);
	json_put_key(&b, ",", "url");
	json_put_str(&b, url);
	json_put_key(&b, ",", "id");
	json_put_str(&b, v->id);
	buf_printf(&b, ",\"status\":%d,\"ms\":%lld,\"note\":", res->status, (long long)res->ms);
	json_put_str(&b, res->fail == HTTP_FAIL_NONE ? "" : http_fail_names[res->fail]);
	json_put_key(&b, ",", "answer");
	if (res->body_n && json_parse(res->body, res->body_n, &j, NULL) == RC_OK)
		buf_puts(&b, json_raw(&arena, j));
	else
		json_put_strn(&b, res->body, res->body_n);
	buf_puts(&b, "}");
	puts(b.p);
	json_free(j);
	mem_arena_free(&arena);
	buf_free(&b);
}

static int
post(const struct conf *c, const struct opts *o, const struct shape *s, const struct account *a)
{
	char id[33], ref[33];
	struct shape_vars v = { .id = o->id, .ref = o->ref, .from = o->from, .text = o->text,
	    .own = str_empty(a->own_id) ? "1" : a->own_id, .now_us = clock_now_us() };
	struct buf body, url;
	struct http_req req;
	struct http_res res;
	struct httpc *h;
	int status = CMD_FAIL;

	sign_token(id, 32);
	sign_token(ref, 32);
	v.id = v.id ? v.id : id;
	v.ref = v.ref ? v.ref : ref;
	v.from = v.from ? v.from : s->provider->sender;
	v.text = v.text ? v.text : "Тестовое сообщение";
	buf_init(&body, 1 << 20);
	buf_init(&url, 4096);
	if (o->url)
		buf_puts(&url, o->url);
	else if (!default_url(c, a, &url))
		goto out;
	trigger_body(s, &v, &body);
	http_req_init(&req, "POST", url.p);
	http_req_body(&req, s->type, body.p, body.n);
	req.fresh = true;
	if (!sign_request(a, &req, body.p, body.n) && !a->webhook_open)
		cmd_error(cmd_tr("account %s has no webhook secret: sent unsigned",
		    "у аккаунта %s нет секрета вебхука: отправлено без подписи"), a->name);
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
		{ "url", 1, NULL, 'u' }, { "list", 0, NULL, 'l' }, { "account", 1, NULL, 'a' },
		{ "id", 1, NULL, 'i' }, { "ref", 1, NULL, 'r' }, { "from", 1, NULL, 'f' },
		{ "text", 1, NULL, 't' }, { "json", 0, NULL, 'j' }, { NULL, 0, NULL, 0 },
	};
	int ch;

	while ((ch = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (ch) {
		case 'u': o->url = optarg; break;
		case 'l': o->list = true; break;
		case 'a': o->account = optarg; break;
		case 'i': o->id = optarg; break;
		case 'r': o->ref = optarg; break;
		case 'f': o->from = optarg; break;
		case 't': o->text = optarg; break;
		case 'j': o->json = true; break;
		default: return RC_INVALID;
		}
	if (optind < argc)
		o->shape = argv[optind++];
	return optind < argc || (!o->shape && !o->list) ? RC_INVALID : RC_OK;
}

static int
run(int argc, char **argv)
{
	struct opts o = {0};
	struct conf *c;
	const struct shape *s;
	const struct account *a;
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
	a = s ? find_account(c, s, o.account) : NULL;
	if (a)
		status = post(c, &o, s, a);
	else if (s)
		status = CMD_FAIL;
	conf_drop(c);
	return status;
}

const struct cmd cmd_trigger = {
	"trigger", run,
	{ "post a shape that a provider is known to send, signed",
	  "отправить подписанное тело, какое шлёт провайдер" },
	{ "usage: dmbox trigger SHAPE [--url U] [--account A] [--id X] [--ref X] [--from X]\n"
	  "                     [--text T] [--json]\n"
	  "       dmbox trigger --list [--json]\n\n"
	  "Posts SHAPE (\"graph/text\", or \"text\" for the first account that takes it) to\n"
	  "DMBOX_PUBLIC_URL/CHANNEL/webhook[/ACCOUNT] with the account's own secret, as the\n"
	  "provider would.  The message id is new at each run; --id fixes it.  --ref is the\n"
	  "message that an edit, reaction, read or status speaks of.  Exit status: 0 when\n"
	  "the webhook answered 2xx.",
	  "вызов: dmbox trigger ВИД [--url U] [--account A] [--id X] [--ref X] [--from X]\n"
	  "                     [--text T] [--json]\n"
	  "       dmbox trigger --list [--json]\n\n"
	  "Отправляет ВИД («graph/text» или «text» для первого подходящего аккаунта) на\n"
	  "DMBOX_PUBLIC_URL/КАНАЛ/webhook[/АККАУНТ] с секретом этого аккаунта, как это делает\n"
	  "провайдер.  Номер сообщения каждый раз новый; --id задаёт его.  --ref: сообщение,\n"
	  "о котором говорят правка, реакция, прочтение или статус.  Код выхода 0, если\n"
	  "вебхук ответил 2xx." }
};
