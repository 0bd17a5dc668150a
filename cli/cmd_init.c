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
#include "extern/jsonw.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/prefix.h"
#include "model/dburl.h"
#include "model/provider.h"
#include "extern/sign.h"
#include "base/url.h"

#define SECRET_LEN 40

/* The options that hold text. */
enum opt {
	O_FILE,
	O_ACCOUNT,
	O_PROVIDER,
	O_TOKEN,
	O_ID,
	O_WABA_ID,
	O_API_URL,
	O_APP_SECRET,
	O_DATABASE,
	O_PUBLIC,
	O_LANG,
	O__MAX
};

struct init {
	char *v[O__MAX];	/* NULL: not given */
	bool force, json;
	const struct provider *provider;
	bool mock;
	char jwt[SECRET_LEN + 1];
	/* of the provider's table, what each is set to; NULL: nothing */
	char **keys;
	struct strv missing;	/* keys that are still to be filled in */
};

/* ---- asking ---- */

static void
ask(char **v, const char *question)
{
	char line[4096];
	const char *p = line;
	size_t n;

	if (*v != NULL || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "%s: ", question);
	if (fgets(line, sizeof(line), stdin) == NULL)
		return;
	n = strlen(line);
	str_trim(&p, &n);
	if (n > 0)
		*v = mem_ndup(p, n);
	mem_wipe(line, sizeof(line));
}

static void
ask_provider(struct init *in)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_puts(&b, cmd_tr("Provider (", "Провайдер ("));
	for (size_t i = 0; providers[i] != NULL; i++)
		buf_printf(&b, "%s, ", providers[i]->name);
	buf_puts(&b, "mock)");
	ask(&in->v[O_PROVIDER], b.p);
	buf_free(&b);
}

/* The option of that name; NULL: it was not given. */
static char *
option(const struct init *in, const char *name)
{
	static const struct {
		const char *name;
		enum opt o;
	} v[] = { { "token", O_TOKEN }, { "id", O_ID }, { "waba-id", O_WABA_ID },
		{ "api-url", O_API_URL }, { "app-secret", O_APP_SECRET } };

	for (size_t i = 0; name != NULL && i < sizeof(v) / sizeof(v[0]); i++)
		if (str_eq(v[i].name, name))
			return in->v[v[i].o];
	return NULL;
}

/* Each key of the provider: by its option, asked for, made up, or as a rule. */
static void
fill_keys(struct init *in)
{
	in->keys = mem_array(*in->provider->n_keys, sizeof(*in->keys));
	for (size_t i = 0; i < *in->provider->n_keys; i++) {
		const struct provider_key *k = &in->provider->keys[i];
		char made[SECRET_LEN + 1];

		in->keys[i] = mem_dup(option(in, k->option));
		if ((k->use & KEY_ASK) != 0 && !in->mock)
			ask(&in->keys[i], cmd_tr(k->prompt[0], k->prompt[1]));
		if ((k->use & KEY_MAKE) != 0 && in->keys[i] == NULL) {
			sign_token(made, SECRET_LEN);
			in->keys[i] = mem_dup(made);
			mem_wipe(made, sizeof(made));
		}
		if ((k->use & KEY_WRITE) != 0 && in->keys[i] == NULL)
			in->keys[i] = mem_dup(k->set);
	}
}

static void
ask_all(struct init *in)
{
	fill_keys(in);
	if (str_eq(in->v[O_ACCOUNT], "main")) {
		ask(&in->v[O_DATABASE],
		    cmd_tr("Database (postgresql://user:password@host/name)",
			"База данных (postgresql://пользователь:пароль@хост/имя)"));
		ask(&in->v[O_PUBLIC],
		    cmd_tr(
			"Public URL (https://your.domain)", "Внешний адрес (https://ваш.домен)"));
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

static const char *
called(const struct init *in)
{
	return in->mock ? "mock" : in->provider->name;
}

/* Of a mock account only by what its deliveries are known. */
static void
provider_part(struct init *in, struct buf *b)
{
	buf_printf(b, "# %s\n", called(in));
	if (in->mock)
		key(in, b, conf_channel_key(in->provider->channel, "USE_MOCK"), "true", true);
	for (size_t i = 0; i < *in->provider->n_keys; i++) {
		const struct provider_key *k = &in->provider->keys[i];

		if (in->mock ? (k->use & KEY_VERIFY) == 0 :
			       (k->use & KEY_WRITE) == 0 && option(in, k->option) == NULL)
			continue;
		if (k->comment[0] != NULL)
			comment(b, k->comment[0], k->comment[1]);
		key(in, b, k->name, in->keys[i], true);
	}
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
	if (!str_starts(in->v[O_FILE], "/etc/dmbox/"))
		return;
	comment(b, "beside a system's configuration nothing is written; logrotate turns the log",
	    "рядом с системной настройкой ничего не пишется; журнал меняет logrotate");
	key(in, b, "DMBOX_SPOOL_DIR", "/var/lib/dmbox/spool", false);
	key(in, b, "DMBOX_MEDIA_DIR", "/var/lib/dmbox/media", false);
	key(in, b, "DMBOX_LOG_FILE", "/var/log/dmbox/dmbox.log", false);
	key(in, b, "DMBOX_LOG_MAX_BYTES", "0", false);
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

/* 0640 in a folder that hands its group on (2750): that group is who may read it. */
static mode_t
file_mode(const char *file)
{
	char folder[PATH_MAX];
	struct stat st;

	snprintf(folder, sizeof(folder), "%s", file);
	*(strrchr(folder, '/') != NULL ? strrchr(folder, '/') : folder) = '\0';
	return stat(folder[0] != '\0' ? folder : ".", &st) == 0 && (st.st_mode & S_ISGID) != 0 ?
	    0640 :
	    0600;
}

/* Whole or not at all; an old file is kept as FILE.old. */
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
	if (fchmod(fd, file_mode(file)) != 0 || !file_write(fd, b->p, b->n) || fsync(fd) != 0)
		why = strerror(errno);
	if (close(fd) != 0 && why == NULL)
		why = strerror(errno);
	if (why == NULL && force && rename(file, old) != 0 && errno != ENOENT)
		why = strerror(errno);
	if (why == NULL && link(temp, file) != 0)	/* unlike rename it never overwrites */
		why = errno == EEXIST ?
		    cmd_tr("is there already; --force replaces it (and keeps "
			   "it as .old)",
			"уже есть; --force заменит его (прежний останется как .old)") :
		    strerror(errno);
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
	if (str_eq(prefix(), "/usr"))	/* a distribution's package */
		return mem_dup("/etc/dmbox/dmbox.env");
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
			      "сначала основная настройка: dmbox init --file %s"),
		    in->v[O_FILE]);
		return NULL;
	}
	buf_init(&b, PATH_MAX);
	buf_puts(&b, c->accounts_dir != NULL ? c->accounts_dir : c->dir);
	if (c->accounts_dir == NULL) {
		buf_puts(&b, "/accounts");
		f = make_folders(b.p) && (mkdir(b.p, 0750) == 0 || errno == EEXIST) ?
		    fopen(c->file, "ae") :
		    NULL;
		if (f == NULL || fputs("\nDMBOX_ACCOUNTS_DIR=accounts\n", f) < 0 ||
		    fclose(f) != 0) {
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

static void
no_provider(const char *name)
{
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; providers[i] != NULL; i++)
		buf_printf(&b, "%s, ", providers[i]->name);
	cmd_error(
	    cmd_tr("there is no provider %s; there are: %smock", "нет провайдера %s; есть: %smock"),
	    name, b.p);
	buf_free(&b);
}

static bool
url_ok(const char *name, const char *v, bool upstream)
{
	char host[300];

	if (v == NULL ||
	    (url_host(v, host, sizeof(host)) == RC_OK && (!upstream || url_allowed(v))))
		return true;
	cmd_error(cmd_tr("%s: not a URL that may be called: %s", "%s: такой адрес не годится: %s"),
	    name, v);
	return false;
}

static bool
database_ok(const char *v)
{
	char why[160], *url = NULL;
	bool ok = v == NULL || dburl_make(v, &url, why) == RC_OK;

	mem_free_secret(url);
	if (!ok)
		cmd_error("--database-url: %s", why);
	return ok;
}

static bool
plain(const char *s)
{
	for (; s != NULL && *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7F)
			return false;
	return true;
}

static bool
values_ok(const struct init *in)
{
	bool ok = true;

	for (int o = 0; o < O__MAX; o++)
		ok = ok && plain(in->v[o]);
	for (size_t i = 0; i < *in->provider->n_keys; i++)
		ok = ok && plain(in->keys[i]);
	if (!ok) {
		cmd_error("%s",
		    cmd_tr("a control character in a value", "управляющий символ в значении"));
		return false;
	}
	if (!str_charset(in->v[O_ACCOUNT], 1, 64, "_-")) {
		cmd_error("%s",
		    cmd_tr("--account: 1 to 64 of A-Za-z0-9_-",
			"--account: от 1 до 64 знаков A-Za-z0-9_-"));
		return false;
	}
	return database_ok(in->v[O_DATABASE]) && url_ok("--api-url", in->v[O_API_URL], true) &&
	    url_ok("--public-url", in->v[O_PUBLIC], false);
}

static void
what_next(const struct init *in, const char *file, struct buf *b)
{
	if (!str_eq(in->v[O_ACCOUNT], "main"))
		return;
	buf_printf(b,
	    cmd_tr("\nNext:\n  DMBOX_CONFIG=%s dmbox migrate\n",
		"\nДальше:\n  DMBOX_CONFIG=%s dmbox migrate\n"),
	    file);
	if (file_mode(file) == 0640)
		return;		/* the folder's group is the right one already */
	buf_printf(b,
	    cmd_tr(
		"  the web server's user must be able to read the file: chgrp GROUP %s; chmod 640 "
		"%s\n",
		"  веб-сервер должен уметь читать файл: chgrp ГРУППА %s; chmod 640 %s\n"),
	    file, file);
}

static void
say_text(const struct init *in, const char *file, const char *url, const char *steps)
{
	printf(cmd_tr("%s written\n", "%s: записан\n"), file);
	printf(cmd_tr("\nWebhook URL: %s\n", "\nАдрес webhook: %s\n"), url);
	if (in->v[O_PUBLIC] == NULL)
		printf("%s",
		    cmd_tr("  (put your domain there and into DMBOX_PUBLIC_URL; for local work the "
			   "https\n"
			   "  address that \"ngrok http 3000\" prints)\n",
			"  (подставьте свой домен, в DMBOX_PUBLIC_URL тоже; для работы на своём "
			"компьютере\n"
			"  https-адрес, который печатает \"ngrok http 3000\")\n"));
	printf("\n%s", steps);
}

/* Does a step begin at this line?  put_steps. */
static bool
step_begins(const char *line, bool behind_empty)
{
	return behind_empty || (line[0] >= '0' && line[0] <= '9' && line[1] == '.');
}

static void
say_json(const struct init *in, const char *file, const char *url, const char *steps)
{
	struct jsonw w;
	struct buf b;
	const char *end;

	buf_init(&b, 65536);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "config", file);
	jsonw_str(&w, "account", in->v[O_ACCOUNT]);
	jsonw_str(&w, "provider", called(in));
	jsonw_str(&w, "webhookUrl", url);
	jsonw_array(&w, "missing");
	for (size_t i = 0; i < in->missing.n; i++)
		jsonw_str(&w, NULL, in->missing.v[i]);
	jsonw_end(&w);
	jsonw_array(&w, "steps");
	for (const char *p = steps; *p != '\0'; p = end + strspn(end, "\n")) {
		end = p + strcspn(p, "\n");
		while (*end != '\0' && end[1] != '\0' && !step_begins(end + 1, end[1] == '\n'))
			end += 1 + strcspn(end + 1, "\n");
		jsonw_strn(&w, NULL, p, (size_t)(end - p));
	}
	jsonw_end(&w);
	jsonw_end(&w);
	(void)cmd_json(&w);
}

/* The URL to enter at the provider; caller frees. */
static char *
webhook_url(const struct init *in)
{
	struct buf b;
	char *s;

	buf_init(&b, 8192);
	buf_puts(&b,
	    in->v[O_PUBLIC] != NULL ? in->v[O_PUBLIC] :
				      cmd_tr("https://YOUR-DOMAIN", "https://ВАШ-ДОМЕН"));
	while (b.n > 0 && b.p[b.n - 1] == '/')
		b.p[--b.n] = '\0';
	buf_printf(&b, "/%s/webhook", channel_names[in->provider->channel]);
	if (!str_eq(in->v[O_ACCOUNT], "main"))
		buf_printf(&b, "/%s", in->v[O_ACCOUNT]);
	s = buf_take(&b);
	buf_free(&b);
	return s;
}

/* The account that was just written. */
static struct account *
account_of(const struct init *in)
{
	const char **kv = mem_array(2 * *in->provider->n_keys + 1, sizeof(*kv));
	struct account *a;
	size_t n = 0;

	for (size_t i = 0; i < *in->provider->n_keys; i++)
		if (in->keys[i] != NULL) {
			kv[n++] = in->provider->keys[i].name;
			kv[n++] = in->keys[i];
		}
	kv[n] = NULL;
	a = conf_account_make(in->provider, in->v[O_ACCOUNT], kv);
	free(kv);
	return a;
}

static const char *
made(const struct init *in, unsigned int use)
{
	for (size_t i = 0; i < *in->provider->n_keys; i++)
		if ((in->provider->keys[i].use & (use | KEY_MAKE)) == (use | KEY_MAKE))
			return in->keys[i];
	return NULL;
}

/* How to deliver to a mock account: the head of the request that dmbox trigger sends. */
static void
mock_steps(const struct account *a, struct buf *b)
{
	struct http_req req;

	http_req_init(&req, "POST", "/");
	buf_printf(b,
	    cmd_tr("Mock account: nothing leaves the machine, nothing to click.  "
		   "Deliveries in\n"
		   "%s's shapes (dmbox trigger) are taken with\n",
		"Учебная учётная запись: наружу ничего не уходит, настраивать нечего.  Доставки в\n"
		"форме %s (dmbox trigger) принимаются с\n"),
	    a->provider->title);
	if (a->provider->sign(a, &req) == RC_OK)
		for (size_t i = 0; i < req.n_hdrs; i++)
			buf_printf(b, "  %s: %s\n", req.hdrs[i].name, req.hdrs[i].value);
	http_req_free(&req);
}

/* A step begins with its number, or behind an empty line.  Shows the secrets made: they are
 * to be entered at the provider. */
static void
put_steps(const struct init *in, const char *url, struct buf *b)
{
	struct account *a = account_of(in);
	const struct setup_facts f = { .ru = cmd_lang() == CMD_RU,
		.url = url,
		.own_id = a->own_id,
		.secret = made(in, KEY_VERIFY),
		.handshake = made(in, KEY_HANDSHAKE) };

	if (in->mock)
		mock_steps(a, b);
	else
		in->provider->setup(&f, b);
	conf_account_del(a);
}

static void
say(const struct init *in, const char *file)
{
	char *url = webhook_url(in);
	struct buf steps;

	buf_init(&steps, 65536);
	put_steps(in, url, &steps);
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
		{ "waba-id", 1, NULL, O_WABA_ID }, { "api-url", 1, NULL, O_API_URL },
		{ "app-secret", 1, NULL, O_APP_SECRET }, { "database-url", 1, NULL, O_DATABASE },
		{ "public-url", 1, NULL, O_PUBLIC }, { "lang", 1, NULL, O_LANG },
		{ "force", 0, NULL, 'f' }, { "json", 0, NULL, 'j' }, { NULL, 0, NULL, 0 } };
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
	ask_provider(&in);
	if (optind != argc || !choose(&in)) {
		if (optind == argc)
			no_provider(in.v[O_PROVIDER]);
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
	for (size_t i = 0; in.keys != NULL && i < *in.provider->n_keys; i++)
		mem_free_secret(in.keys[i]);
	free(in.keys);
	strv_free(&in.missing);
	mem_wipe(&in, sizeof(in));
	return status;
}

const struct cmd cmd_init = { "init", run,
	{ "write a configuration and say what to click at the provider",
	    "записать настройку и сказать, что сделать у провайдера" },
	{ "usage: dmbox init [--file FILE] [--account NAME]\n"
	  "           [--provider PROVIDER] [--token TOKEN] [--id ID] [--waba-id ID]\n"
	  "           [--api-url URL] [--app-secret SECRET] [--database-url URL]\n"
	  "           [--public-url URL] [--lang ru|en] [--force] [--json]\n\n"
	  "Writes FILE (0600) with fresh secrets and prints the webhook URL and where to\n"
	  "enter it.  On a terminal what is missing is asked for.  --id is the Graph account's\n"
	  "id, Green API's idInstance or the Cloud API's phone number id; --waba-id the id of\n"
	  "its WhatsApp Business Account.  --account NAME writes NAME.env into\n"
	  "DMBOX_ACCOUNTS_DIR of the existing FILE.  --force replaces a file and keeps the\n"
	  "old one as FILE.old.  Exit status 1: written, but something is still to fill in.",
	    "вызов: dmbox init [--file ФАЙЛ] [--account ИМЯ]\n"
	    "           [--provider ПРОВАЙДЕР] [--token ТОКЕН] [--id ID] [--waba-id ID]\n"
	    "           [--api-url URL] [--app-secret СЕКРЕТ] [--database-url URL]\n"
	    "           [--public-url URL] [--lang ru|en] [--force] [--json]\n\n"
	    "Пишет ФАЙЛ (0600) с новыми секретами и печатает адрес webhook и куда его вписать.\n"
	    "В терминале недостающее спрашивается.  --id: id учётной записи Graph, idInstance\n"
	    "Green API или phone number ID в Cloud API; --waba-id: id аккаунта WhatsApp\n"
	    "Business.  --account ИМЯ пишет ИМЯ.env в папку DMBOX_ACCOUNTS_DIR готовой\n"
	    "настройки.  --force заменяет файл, прежний остаётся как ФАЙЛ.old.  Код 1: записано,\n"
	    "но осталось что-то заполнить." },
	"  dmbox init\n"
	"  dmbox init --account shop2\n" };
