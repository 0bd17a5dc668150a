/*
 * dmbox init: a configuration with fresh secrets, and what to click at the
 * provider.  Everything by flags; what is missing is asked for on a terminal,
 * elsewhere it becomes a commented line that says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "init_text.h"
#include "extern/json.h"
#include "base/mem.h"
#include "base/prefix.h"
#include "model/provider.h"
#include "extern/sign.h"
#include "base/url.h"

#define SECRET_LEN 40

/* The options that hold text, in the order of the questions. */
enum opt { O_FILE, O_ACCOUNT, O_PROVIDER, O_TOKEN, O_ID, O_API_URL, O_APP_SECRET, O_DATABASE,
	O_PUBLIC, O_LANG, O__MAX };

struct init {
	char *v[O__MAX];	/* NULL: not given */
	bool force, json;
	const struct provider *provider;
	bool mock;
	char jwt[SECRET_LEN + 1], secret[SECRET_LEN + 1], verify[SECRET_LEN + 1];
	struct strv missing;	/* keys that are still to be filled in */
};

/* ---- asking ---- */

static void
ask(struct init *in, enum opt o, const char *question)
{
	char line[4096];
	const char *p = line;
	size_t n;

	if (in->v[o] != NULL || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "%s: ", question);
	if (fgets(line, sizeof(line), stdin) == NULL)
		return;
	n = strlen(line);
	str_trim(&p, &n);
	if (n > 0)
		in->v[o] = mem_ndup(p, n);
	mem_wipe(line, sizeof(line));
}

static void
ask_all(struct init *in)
{
	bool graph = in->provider == PROVIDER_GRAPH, green = in->provider == PROVIDER_GREENAPI;

	if (!in->mock)
		ask(in, O_TOKEN, green ? cmd_tr("apiTokenInstance", "apiTokenInstance")
		    : graph ? cmd_tr("Access token (IGAA... or EAA...)", "Токен (IGAA... или EAA...)")
		    : cmd_tr("Chatrace access token (account.secret)",
		    "Токен Chatrace (аккаунт.секрет)"));
	if (green)
		ask(in, O_ID, "idInstance");
	if (graph) {
		ask(in, O_ID, cmd_tr("Instagram account id (17...)", "id учётной записи Instagram (17...)"));
		ask(in, O_APP_SECRET, cmd_tr("App secret", "Секрет приложения (App secret)"));
	}
	if (str_eq(in->v[O_ACCOUNT], "main")) {
		ask(in, O_DATABASE, cmd_tr("Database (postgresql://user:password@host/name)",
		    "База данных (postgresql://пользователь:пароль@хост/имя)"));
		ask(in, O_PUBLIC, cmd_tr("Public URL (https://your.domain)",
		    "Внешний адрес (https://ваш.домен)"));
	}
}

/* ---- the text of the file ---- */

static void
comment(struct buf *b, const char *en, const char *ru)
{
	buf_printf(b, "\n# %s\n", cmd_tr(en, ru));
}

/* KEY=value, quoted where the syntax needs it (envfile.h); missing: commented. */
static void
key(struct init *in, struct buf *b, const char *name, const char *v, bool needed)
{
	if (str_empty(v)) {
		buf_printf(b, "#%s=\n", name);
		if (needed) {
			strv_add(&in->missing, name, strlen(name));
			cmd_error(cmd_tr("still to fill in: %s", "осталось заполнить: %s"), name);
		}
		return;
	}
	if (str_charset(v, 1, 65536, "._-:/@,=?&+%~")) {
		buf_printf(b, "%s=%s\n", name, v);
	} else if (strchr(v, '\'') == NULL) {
		buf_printf(b, "%s='%s'\n", name, v);
	} else {
		buf_printf(b, "%s=\"", name);
		for (; *v != '\0'; v++) {
			if (strchr("\"\\$", *v) != NULL)
				buf_putc(b, '\\');
			buf_putc(b, *v);
		}
		buf_puts(b, "\"\n");
	}
}

static void
hook_secret(struct init *in, struct buf *b)
{
	comment(b, "the shared secret of its deliveries (header X-Webhook-Secret or ?secret=)",
	    "общий секрет доставок (заголовок X-Webhook-Secret или ?secret=)");
	key(in, b, "INSTAGRAM_WEBHOOK_SECRET", in->secret, true);
}

static void
instagram_part(struct init *in, struct buf *b)
{
	bool chatrace = in->provider == PROVIDER_CHATRACE;

	if (in->mock) {
		key(in, b, "INSTAGRAM_USE_MOCK", "true", true);
		hook_secret(in, b);
		return;
	}
	key(in, b, "INSTAGRAM_USE_CHATRACE", chatrace ? "true" : "false", true);
	key(in, b, "INSTAGRAM_ACCESS_TOKEN", in->v[O_TOKEN], true);
	if (chatrace || in->v[O_API_URL] != NULL)
		key(in, b, "INSTAGRAM_API_URL", in->v[O_API_URL] != NULL ? in->v[O_API_URL]
		    : "https://api.chatrace.com", true);
	if (chatrace) {
		hook_secret(in, b);
		return;
	}
	key(in, b, "INSTAGRAM_PAGE_ID", in->v[O_ID], true);
	comment(b, "webhook: the handshake's word, and the app secret that signs deliveries",
	    "webhook: слово для проверки адреса и секрет приложения, которым подписаны доставки");
	key(in, b, "INSTAGRAM_VERIFY_TOKEN", in->verify, true);
	key(in, b, "INSTAGRAM_APP_SECRET", in->v[O_APP_SECRET], true);
}

static const char *
called(const struct init *in)
{
	return in->mock ? "mock" : in->provider->name;
}

static void
provider_part(struct init *in, struct buf *b)
{
	buf_printf(b, "# %s\n", called(in));
	if (in->provider != PROVIDER_GREENAPI) {
		instagram_part(in, b);
		return;
	}
	key(in, b, "WHATSAPP_API_URL", in->v[O_API_URL] != NULL ? in->v[O_API_URL]
	    : "https://api.green-api.com", true);
	key(in, b, "WHATSAPP_ID_INSTANCE", in->v[O_ID], true);
	key(in, b, "WHATSAPP_API_TOKEN_INSTANCE", in->v[O_TOKEN], true);
	key(in, b, "WHATSAPP_WEBHOOK_TOKEN", in->secret, true);
}

static void
main_part(struct init *in, struct buf *b)
{
	comment(b, "the database: a postgresql:// URL or a libpq string",
	    "база данных: postgresql:// или строка libpq");
	key(in, b, "DATABASE_URL", in->v[O_DATABASE], true);
	comment(b, "what providers call", "адрес, который вызывают провайдеры");
	key(in, b, "DMBOX_PUBLIC_URL", in->v[O_PUBLIC], false);
	comment(b, "key of the tokens of check-messages, send and the inbox (dmbox token)",
	    "ключ токенов для check-messages, send и inbox (dmbox token)");
	key(in, b, "JWT_SECRET", in->jwt, true);
	if (in->v[O_LANG] != NULL)
		key(in, b, "DMBOX_LANG", in->v[O_LANG], false);
}

/* ---- the file ---- */

static bool
make_folders(const char *file)
{
	char *path = mem_dup(file);
	bool ok = true;

	for (char *p = strchr(path + 1, '/'); p != NULL && ok; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(path, 0750) != 0 && errno != EEXIST) {
			cmd_error("%s: %s", path, strerror(errno));
			ok = false;
		}
		*p = '/';
	}
	free(path);
	return ok;
}

/* Whole or not at all; 0600; an old file is kept as FILE.old. */
static bool
write_file(const char *file, const struct buf *b, bool force)
{
	char temp[PATH_MAX], old[PATH_MAX];
	const char *why = NULL;
	int fd;

	if (snprintf(temp, sizeof(temp), "%s.new", file) >= (int)sizeof(temp) - 4) {
		cmd_error("%s: %s", file, strerror(ENAMETOOLONG));
		return false;
	}
	snprintf(old, sizeof(old), "%.*s.old", PATH_MAX - 8, file);
	unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		cmd_error("%s: %s", temp, strerror(errno));
		return false;
	}
	if (fchmod(fd, 0600) != 0 || write(fd, b->p, b->n) != (ssize_t)b->n || fsync(fd) != 0)
		why = strerror(errno);
	if (close(fd) != 0 && why == NULL)
		why = strerror(errno);
	if (why == NULL && force && rename(file, old) != 0 && errno != ENOENT)
		why = strerror(errno);
	if (why == NULL && link(temp, file) != 0)	/* unlike rename it never overwrites */
		why = errno == EEXIST ? cmd_tr("is there already; --force replaces it (and keeps "
		    "it as .old)", "уже есть; --force заменит его (прежний останется как .old)")
		    : strerror(errno);
	unlink(temp);
	if (why != NULL)
		cmd_error("%s: %s", file, why);
	return why == NULL;
}

/* PREFIX/etc where this program was installed there, else the person's own. */
static char *
default_file(void)
{
	const char *named = getenv("DMBOX_CONFIG");
	char exe[PATH_MAX], here[PATH_MAX];
	struct passwd *pw;
	struct buf b;
	ssize_t n;
	char *s;

	if (!str_empty(named))
		return mem_dup(named);
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	snprintf(here, sizeof(here), "%s/", prefix());
	if (str_starts(exe, here)) {
		snprintf(here, sizeof(here), "%s/etc/dmbox.env", prefix());
		return mem_dup(here);
	}
	if (geteuid() == 0)
		return mem_dup("/etc/dmbox/dmbox.env");
	pw = getpwuid(geteuid());
	if (pw == NULL || str_empty(pw->pw_dir))
		return mem_dup("dmbox.env");
	buf_init(&b, PATH_MAX);
	buf_printf(&b, "%s/.config/dmbox/dmbox.env", pw->pw_dir);
	s = buf_take(&b);
	buf_free(&b);
	return s;
}

/* The file of a further account: in DMBOX_ACCOUNTS_DIR of the main file, which is
 * told of a folder "accounts" beside it where it names none. */
static char *
account_file(struct init *in)
{
	struct conf *c = NULL;
	struct buf b;
	char *s = NULL;
	FILE *f;

	setenv("DMBOX_CONFIG", in->v[O_FILE], 1);
	if (cmd_conf(&c) != RC_OK) {
		cmd_error(cmd_tr("first the main configuration: dmbox init --file %s",
		    "сначала основная настройка: dmbox init --file %s"), in->v[O_FILE]);
		return NULL;
	}
	buf_init(&b, PATH_MAX);
	buf_puts(&b, c->accounts_dir != NULL ? c->accounts_dir : c->dir);
	if (c->accounts_dir == NULL) {
		buf_puts(&b, "/accounts");
		f = make_folders(b.p) && (mkdir(b.p, 0750) == 0 || errno == EEXIST)
		    ? fopen(c->file, "ae") : NULL;
		if (f == NULL || fputs("\nDMBOX_ACCOUNTS_DIR=accounts\n", f) < 0 || fclose(f) != 0) {
			cmd_error("%s: %s", c->file, strerror(errno));
			goto out;
		}
	}
	buf_printf(&b, "/%s.env", in->v[O_ACCOUNT]);
	s = mem_dup(b.p);
	if (in->v[O_PUBLIC] == NULL)
		in->v[O_PUBLIC] = mem_dup(c->public_url);
out:
	buf_free(&b);
	conf_drop(c);
	return s;
}

/* ---- the command ---- */

static bool
choose(struct init *in)
{
	in->provider = provider_first(CHANNEL_INSTAGRAM);
	in->mock = str_eq(in->v[O_PROVIDER], "mock");
	if (in->v[O_PROVIDER] == NULL || in->mock)
		return true;
	in->provider = provider_by_name(in->v[O_PROVIDER]);
	return in->provider != NULL;
}

static bool
url_ok(const char *name, const char *v, bool upstream)
{
	char host[300];

	if (v == NULL || (url_host(v, host, sizeof(host)) == RC_OK &&
	    (!upstream || url_allowed(v))))
		return true;
	cmd_error(cmd_tr("%s: not a URL that may be called: %s",
	    "%s: такой адрес не годится: %s"), name, v);
	return false;
}

static bool
values_ok(const struct init *in)
{
	for (int o = 0; o < O__MAX; o++)
		for (const char *p = in->v[o]; p != NULL && *p != '\0'; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7F) {
				cmd_error("%s", cmd_tr("a control character in a value",
				    "управляющий символ в значении"));
				return false;
			}
	if (!str_charset(in->v[O_ACCOUNT], 1, 64, "_-")) {
		cmd_error("%s", cmd_tr("--account: 1 to 64 of A-Za-z0-9_-",
		    "--account: от 1 до 64 знаков A-Za-z0-9_-"));
		return false;
	}
	return url_ok("--api-url", in->v[O_API_URL], true) &&
	    url_ok("--public-url", in->v[O_PUBLIC], false);
}

static void
what_next(const struct init *in, const char *file, struct buf *b)
{
	if (!str_eq(in->v[O_ACCOUNT], "main"))
		return;
	buf_printf(b, cmd_tr("\nNext:\n  DMBOX_CONFIG=%s dmbox migrate\n"
	    "  the web server's user must be able to read the file: chgrp GROUP %s; chmod 640 %s\n",
	    "\nДальше:\n  DMBOX_CONFIG=%s dmbox migrate\n"
	    "  веб-сервер должен уметь читать файл: chgrp ГРУППА %s; chmod 640 %s\n"), file, file, file);
}

static void
say_text(const struct init *in, const char *file, const char *url, const char *steps)
{
	printf(cmd_tr("%s written\n", "%s: записан\n"), file);
	printf(cmd_tr("\nWebhook URL: %s\n", "\nАдрес webhook: %s\n"), url);
	if (in->v[O_PUBLIC] == NULL)
		printf("%s", cmd_tr(
		    "  (put your domain there and into DMBOX_PUBLIC_URL; for local work the https\n"
		    "  address that \"ngrok http 3000\" prints)\n",
		    "  (подставьте свой домен, в DMBOX_PUBLIC_URL тоже; для работы на своём компьютере\n"
		    "  https-адрес, который печатает \"ngrok http 3000\")\n"));
	printf("\n%s", steps);
}

/* Does a step begin at this line?  init_text.h. */
static bool
step_begins(const char *line, bool behind_empty)
{
	return behind_empty || (line[0] >= '0' && line[0] <= '9' && line[1] == '.');
}

static void
say_json(const struct init *in, const char *file, const char *url, const char *steps)
{
	struct buf b;
	const char *end;

	buf_init(&b, 65536);
	json_put_key(&b, "{", "config");
	json_put_str(&b, file);
	json_put_key(&b, ",", "account");
	json_put_str(&b, in->v[O_ACCOUNT]);
	json_put_key(&b, ",", "provider");
	json_put_str(&b, called(in));
	json_put_key(&b, ",", "webhookUrl");
	json_put_str(&b, url);
	json_put_key(&b, ",", "missing");
	buf_putc(&b, '[');
	for (size_t i = 0; i < in->missing.n; i++) {
		buf_puts(&b, i > 0 ? "," : "");
		json_put_str(&b, in->missing.v[i]);
	}
	buf_puts(&b, "],\"steps\":[");
	for (const char *p = steps; *p != '\0'; p = end + strspn(end, "\n")) {
		end = p + strcspn(p, "\n");
		while (*end != '\0' && end[1] != '\0' && !step_begins(end + 1, end[1] == '\n'))
			end += 1 + strcspn(end + 1, "\n");
		buf_puts(&b, p > steps ? "," : "");
		json_put_strn(&b, p, (size_t)(end - p));
	}
	printf("%s]}\n", b.p);
	mem_wipe(b.p, b.n);
	buf_free(&b);
}

static void
say(const struct init *in, const char *file)
{
	const struct init_facts f = { in->provider, in->mock, in->v[O_ACCOUNT], in->v[O_PUBLIC],
		in->v[O_TOKEN], in->secret, in->verify };
	char *url = init_webhook_url(&f);
	struct buf steps;

	buf_init(&steps, 65536);
	init_steps(&f, &steps);
	what_next(in, file, &steps);
	(in->json ? say_json : say_text)(in, file, url, steps.p);
	mem_wipe(steps.p, steps.n);
	buf_free(&steps);
	mem_free_secret(url);
}

static int
init(struct init *in)
{
	struct buf b;
	char *file;
	bool ok;

	ask_all(in);
	if (!values_ok(in))
		return CMD_USAGE;
	file = str_eq(in->v[O_ACCOUNT], "main") ? mem_dup(in->v[O_FILE]) : account_file(in);
	if (file == NULL)
		return CMD_FAIL;
	sign_token(in->jwt, SECRET_LEN);
	sign_token(in->secret, SECRET_LEN);
	sign_token(in->verify, SECRET_LEN);
	buf_init(&b, 65536);
	provider_part(in, &b);
	if (str_eq(in->v[O_ACCOUNT], "main"))
		main_part(in, &b);
	ok = make_folders(file) && write_file(file, &b, in->force);
	mem_wipe(b.p, b.n);
	buf_free(&b);
	if (ok)
		say(in, file);
	free(file);
	return !ok ? CMD_FAIL : in->missing.n > 0 ? CMD_WARN : CMD_OK;
}

static int
run(int argc, char **argv)
{
	static const struct option options[] = { { "file", 1, NULL, O_FILE },
		{ "account", 1, NULL, O_ACCOUNT }, { "provider", 1, NULL, O_PROVIDER },
		{ "token", 1, NULL, O_TOKEN }, { "id", 1, NULL, O_ID },
		{ "page-id", 1, NULL, O_ID }, { "id-instance", 1, NULL, O_ID },
		{ "api-url", 1, NULL, O_API_URL }, { "app-secret", 1, NULL, O_APP_SECRET },
		{ "database-url", 1, NULL, O_DATABASE }, { "public-url", 1, NULL, O_PUBLIC },
		{ "lang", 1, NULL, O_LANG }, { "force", 0, NULL, 'f' },
		{ "json", 0, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	struct init in = { 0 };
	int o, status = CMD_USAGE;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'f') {
			in.force = true;
		} else if (o == 'j') {
			in.json = true;
		} else if (o >= 0 && o < O__MAX) {
			mem_free_secret(in.v[o]);
			in.v[o] = mem_dup(optarg);
			/* what is in argv can be read by others through ps */
			if (o == O_TOKEN || o == O_APP_SECRET || o == O_DATABASE)
				mem_wipe(optarg, strlen(optarg));
		} else {
			cmd_usage(&cmd_init);
			goto out;
		}
	}
	if (in.v[O_LANG] != NULL && (str_eq(in.v[O_LANG], "ru") || str_eq(in.v[O_LANG], "en")))
		setenv("DMBOX_LANG", in.v[O_LANG], 1);
	else if (in.v[O_LANG] != NULL)
		optind = -1;
	ask(&in, O_PROVIDER, cmd_tr("Provider (chatrace, graph, greenapi, mock)",
	    "Провайдер (chatrace, graph, greenapi, mock)"));
	if (optind != argc || !choose(&in)) {
		cmd_usage(&cmd_init);
		goto out;
	}
	if (in.v[O_ACCOUNT] == NULL)
		in.v[O_ACCOUNT] = mem_dup("main");
	if (in.v[O_FILE] == NULL)
		in.v[O_FILE] = default_file();
	status = init(&in);
out:
	for (o = 0; o < O__MAX; o++)
		mem_free_secret(in.v[o]);
	strv_free(&in.missing);
	mem_wipe(&in, sizeof(in));
	return status;
}

const struct cmd cmd_init = {
	"init", run,
	{ "write a configuration and say what to click at the provider",
	  "записать настройку и сказать, что сделать у провайдера" },
	{ "usage: dmbox init [--file FILE] [--account NAME]\n"
	  "           [--provider chatrace|graph|greenapi|mock] [--token TOKEN] [--id ID]\n"
	  "           [--api-url URL] [--app-secret SECRET] [--database-url URL]\n"
	  "           [--public-url URL] [--lang ru|en] [--force] [--json]\n\n"
	  "Writes FILE (0600) with fresh secrets and prints the webhook URL and where to\n"
	  "enter it.  On a terminal what is missing is asked for.  --id is the Graph account's\n"
	  "id or Green API's idInstance.  --account NAME writes NAME.env into\n"
	  "DMBOX_ACCOUNTS_DIR of the existing FILE.  --force replaces a file and keeps the\n"
	  "old one as FILE.old.  Exit status 1: written, but something is still to fill in.",
	  "вызов: dmbox init [--file ФАЙЛ] [--account ИМЯ]\n"
	  "           [--provider chatrace|graph|greenapi|mock] [--token ТОКЕН] [--id ID]\n"
	  "           [--api-url URL] [--app-secret СЕКРЕТ] [--database-url URL]\n"
	  "           [--public-url URL] [--lang ru|en] [--force] [--json]\n\n"
	  "Пишет ФАЙЛ (0600) с новыми секретами и печатает адрес webhook и куда его вписать.\n"
	  "В терминале недостающее спрашивается.  --id: id учётной записи Graph или idInstance\n"
	  "Green API.  --account ИМЯ пишет ИМЯ.env в папку DMBOX_ACCOUNTS_DIR готовой\n"
	  "настройки.  --force заменяет файл, прежний остаётся как ФАЙЛ.old.  Код 1: записано,\n"
	  "но осталось что-то заполнить." }
};
