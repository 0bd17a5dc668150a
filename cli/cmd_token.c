/* dmbox token: a JWT on stdout and nothing else there, so that it can be piped. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "model/auth.h"
#include "base/clock.h"
#include "cmd.h"
#include "extern/jsonw.h"
#include "base/mem.h"

#define SUB_MAX 127
#define TTL_MAX (10LL * 366 * 86400)

static int
print_token(const char *sub, const char *scope, long long ttl, const char *token, bool json)
{
	struct jsonw w;
	struct buf b;

	if (!json) {
		printf("%s\n", token);
		return CMD_OK;
	}
	buf_init(&b, 65536);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "token", token);
	jsonw_str(&w, "sub", sub);
	jsonw_str(&w, "scope", scope);
	jsonw_time(&w, "expiresAt", clock_now_us() + ttl * 1000000);
	jsonw_end(&w);
	return cmd_json(&w);
}

static int
make(const struct conf *c, const char *sub, const char *scope, long long ttl, bool json)
{
	char *token;
	int status;

	switch (auth_token_make(c, sub, scope, ttl, &token)) {
	case RC_OK:
		break;
	case RC_INVALID:
		cmd_error(cmd_tr("--scope: only the words read, poll, send, admin",
		    "--scope: только слова read, poll, send, admin"));
		return CMD_USAGE;
	case RC_TEMP:
		cmd_error(cmd_tr("JWT_SECRET is not set in %s", "в %s не задан JWT_SECRET"),
		    c->file != NULL ? c->file : "environment");
		return CMD_FAIL;
	default:
		cmd_error(cmd_tr("the token could not be made", "не удалось создать токен"));
		return CMD_FAIL;
	}
	if (scope == NULL)
		fprintf(stderr,
		    cmd_tr("no --scope: the token has what JWT_DEFAULT_SCOPE "
			   "gives (%s)\n",
			"без --scope токену дано то, что в JWT_DEFAULT_SCOPE (%s)\n"),
		    c->jwt_default_scope != NULL ? c->jwt_default_scope :
						   cmd_tr("not set: nothing", "не задано: ничего"));
	status = print_token(sub, scope, ttl, token, json);
	mem_free_secret(token);
	return status;
}

static int
run(int argc, char **argv)
{
	static const struct option options[] = { { "sub", 1, NULL, 's' }, { "ttl", 1, NULL, 't' },
		{ "scope", 1, NULL, 'c' }, { "json", 0, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	const char *sub = NULL, *scope = NULL;
	long long ttl = 8 * 3600;
	bool json = false;
	struct conf *c;
	int o, status;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 's':
			sub = optarg;
			break;
		case 'c':
			scope = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 't':
			if (cmd_duration_s(optarg, &ttl) == RC_OK && ttl > 0 && ttl <= TTL_MAX)
				break;
			cmd_error(cmd_tr("--ttl: a time like 30m, 8h or 7d",
			    "--ttl: время вида 30m, 8h или 7d"));
			return CMD_USAGE;
		default:
			return cmd_usage(&cmd_token);
		}
	}
	if (optind != argc || str_empty(sub) || strlen(sub) > SUB_MAX ||
	    !str_utf8_ok(sub, strlen(sub)))
		return cmd_usage(&cmd_token);
	if (cmd_conf(&c) != RC_OK)
		return CMD_FAIL;
	status = make(c, sub, scope, ttl, json);
	conf_drop(c);
	return status;
}

const struct cmd cmd_token = { "token", run,
	{ "print a JWT for the web programs", "напечатать JWT для веб-программ" },
	{ "usage: dmbox token --sub NAME [--ttl 8h] [--scope \"read send\"] [--json]\n\n"
	  "Prints a token signed with JWT_SECRET.  NAME is written to logs and owns the\n"
	  "idempotency keys of sends.  --ttl takes s, m, h or d.  --scope holds words of\n"
	  "read, poll, send, admin; without it the token carries none and may do what\n"
	  "JWT_DEFAULT_SCOPE says.",
	    "вызов: dmbox token --sub ИМЯ [--ttl 8h] [--scope \"read send\"] [--json]\n\n"
	    "Печатает токен, подписанный ключом JWT_SECRET.  ИМЯ попадает в журнал, и ему\n"
	    "принадлежат ключи идемпотентности отправок.  --ttl: s, m, h или d.  --scope:\n"
	    "слова read, poll, send, admin; без него токен их не несёт и может то, что\n"
	    "сказано в JWT_DEFAULT_SCOPE." },
	"  dmbox token --sub report --scope read --ttl 30d\n" };
