/* dmbox user: who may open the inbox page, by links that work once. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/qr.h"
#include "base/str.h"
#include "cmd.h"
#include "extern/db.h"
#include "extern/jsonw.h"
#include "store/people.h"

#define LINK_S (24 * 3600)

/* Does the locale say that the terminal shows UTF-8? */
static bool
shows_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *v = getenv(names[i]), *dot = v != NULL ? strchr(v, '.') : NULL;

		if (!str_empty(v))
			return dot != NULL && (str_ieq(dot, ".UTF-8") || str_ieq(dot, ".utf8"));
	}
	return false;
}

/* The link as a QR code, two rows in a line, black on white whatever the terminal's colours:
 * to be read off it with a phone.  Only on a terminal. */
static void
show_qr(const char *link)
{
	static const char *const half[] = { " ", "\xe2\x96\x84", "\xe2\x96\x80", "\xe2\x96\x88" };
	struct qr q;

	if (!isatty(STDERR_FILENO) || !shows_utf8() || !qr_encode(link, &q))
		return;
	for (unsigned int y = 0; y < q.side + 8; y += 2) {
		fputs("\033[30;107m", stderr);
		for (unsigned int x = 0; x < q.side + 8; x++) {
			/* beyond its edge unsigned numbers are large */
			bool in = x - 4 < q.side;
			bool upper = in && y - 4 < q.side && q.dark[y - 4][x - 4];
			bool lower = in && y - 3 < q.side && q.dark[y - 3][x - 4];

			fputs(half[(upper ? 2 : 0) + (lower ? 1 : 0)], stderr);
		}
		fputs("\033[0m\n", stderr);
	}
	mem_wipe(&q, sizeof q);
}

static int
give_link(struct db *db, const struct conf *c, const char *name, const char *role, bool json)
{
	char secret[PEOPLE_SECRET + 1], until[CLOCK_ISO_MAX];
	int64_t us = 0;
	struct buf b;
	enum rc rc = people_link(db, name, LINK_S, secret, &us);

	if (rc == RC_NONE) {
		cmd_error(
		    cmd_tr("there is no %s: dmbox user add", "%s нет в списке: dmbox user add"),
		    name);
		return CMD_WARN;
	}
	if (rc != RC_OK) {
		cmd_error("%s", db_error(db));
		return CMD_FAIL;
	}
	buf_init(&b, 65536);
	if (json) {
		struct jsonw w;

		jsonw_init(&w, &b);
		jsonw_object(&w, NULL);
		people_link_json(&w, name, role, c->public_url, secret, us);
		jsonw_end(&w);
		mem_wipe(secret, sizeof secret);
		return cmd_json(&w);
	}
	people_put_link(&b, c->public_url, secret);
	printf("%s\n", b.p);
	if (!str_empty(c->public_url)) {
		fflush(stdout);
		show_qr(b.p);
	}
	clock_iso(us, until);
	fprintf(stderr, cmd_tr("works once, until %s\n", "действует один раз, до %s\n"), until);
	if (str_empty(c->public_url))
		fprintf(stderr, "%s\n",
		    cmd_tr("put your site's address before it (or set DMBOX_PUBLIC_URL)",
			"допишите спереди адрес сайта (или задайте DMBOX_PUBLIC_URL)"));
	mem_wipe(secret, sizeof secret);
	mem_wipe(b.p, b.n);
	buf_free(&b);
	return CMD_OK;
}

static void
put_time(struct jsonw *w, const char *key, const struct db_res *r, size_t i, int col)
{
	jsonw_time(w, key, db_is_null(r, i, col) ? 0 : db_get_time(r, i, col));
}

static void
list_json(const struct db_res *r)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4 << 20);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_array(&w, "users");
	for (size_t i = 0; i < db_rows(r); i++) {
		jsonw_object(&w, NULL);
		jsonw_str(&w, "name", db_get_text(r, i, 0));
		jsonw_str(&w, "role", db_get_text(r, i, 1));
		put_time(&w, "createdAt", r, i, 2);
		put_time(&w, "lastSeen", r, i, 3);
		put_time(&w, "revokedAt", r, i, 5);
		jsonw_i64(&w, "sessions", db_get_i64(r, i, 4));
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_end(&w);
	(void)cmd_json(&w);
}

static int
list(struct db *db, bool json)
{
	struct db_res *r = NULL;
	char seen[CLOCK_ISO_MAX];

	if (people_list(db, &r) != RC_OK) {
		cmd_error("%s", db_error(db));
		return CMD_FAIL;
	}
	if (json)
		list_json(r);
	else if (db_rows(r) == 0)
		printf("%s\n",
		    cmd_tr("nobody yet: dmbox user add NAME --role owner",
			"пока никого: dmbox user add ИМЯ --role owner"));
	for (size_t i = 0; !json && i < db_rows(r); i++) {
		snprintf(seen, sizeof seen, "%s", cmd_tr("never signed in", "ещё не входил(а)"));
		if (!db_is_null(r, i, 3))
			clock_iso(db_get_time(r, i, 3), seen);
		printf(cmd_tr("%-20s  %-6s  %s  sessions: %" PRId64 "%s\n",
			   "%-20s  %-6s  %s  сеансов: %" PRId64 "%s\n"),
		    db_get_text(r, i, 0), db_get_text(r, i, 1), seen, db_get_i64(r, i, 4),
		    db_is_null(r, i, 5) ? "" : cmd_tr("  revoked", "  доступ закрыт"));
	}
	db_res_free(r);
	return CMD_OK;
}

static int
take_access(struct db *db, const char *name, bool json)
{
	switch (people_revoke(db, name)) {
	case RC_OK:
		printf(json ? "{\"revoked\":true}\n" :
			      cmd_tr("%s may do nothing any more\n", "доступ закрыт: %s\n"),
		    name);
		return CMD_OK;
	case RC_NONE:
		cmd_error(cmd_tr("there is no %s", "%s нет в списке"), name);
		return CMD_WARN;
	default:
		cmd_error("%s", db_error(db));
		return CMD_FAIL;
	}
}

static int
act(struct db *db, const struct conf *c, const char *verb, const char *name, const char *role,
    bool json)
{
	if (str_eq(verb, "list"))
		return list(db, json);
	if (str_eq(verb, "revoke"))
		return take_access(db, name, json);
	if (str_eq(verb, "add") && people_add(db, name, role) != RC_OK) {
		cmd_error("%s", db_error(db));
		return CMD_FAIL;
	}
	return give_link(db, c, name, role, json);
}

static int
run(int argc, char **argv)
{
	static const struct option options[] = { { "role", 1, NULL, 'r' }, { "json", 0, NULL, 'j' },
		{ NULL, 0, NULL, 0 } };
	struct db_opts opts = { .app = "dmbox user", .no_prepare = true };
	const char *role = NULL, *verb, *name = NULL;
	bool json = false;
	struct conf *c;
	struct db *db;
	int o, status;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case 'r':
			role = optarg;
			break;
		case 'j':
			json = true;
			break;
		default:
			return cmd_usage(&cmd_user);
		}
	verb = optind < argc ? argv[optind++] : "list";
	if (!str_eq(verb, "list") && optind < argc)
		name = argv[optind++];
	if (optind != argc ||
	    (!str_eq(verb, "list") && !str_eq(verb, "add") && !str_eq(verb, "link") &&
		!str_eq(verb, "revoke")) ||
	    (!str_eq(verb, "list") &&
		(str_empty(name) || !str_utf8_ok(name, strlen(name)) ||
		    str_utf8_len(name, strlen(name)) > PEOPLE_NAME_MAX)) ||
	    (str_eq(verb, "add") && !people_name_ok(name)) ||
	    (str_eq(verb, "add") != (role != NULL)) || (role != NULL && !people_role_ok(role)))
		return cmd_usage(&cmd_user);
	if (cmd_conf(&c) != RC_OK)
		return CMD_FAIL;
	opts.conninfo = c->database_url_cron ? c->database_url_cron : c->database_url;
	opts.connect_s = c->db_connect_s;
	db = cmd_db(&opts);
	status = db == NULL ? CMD_FAIL : act(db, c, verb, name, role, json);
	db_free(db);
	conf_drop(c);
	return status;
}

const struct cmd cmd_user = { "user", run,
	{ "who may open the inbox page", "кому можно открывать страницу переписки" },
	{ "usage: dmbox user [list] [--json]\n"
	  "       dmbox user add NAME --role read|answer|owner [--json]\n"
	  "       dmbox user link NAME | revoke NAME [--json]\n\n"
	  "add and link print a personal link to the inbox page: it works once, within 24\n"
	  "hours, and keeps the browser signed in for 30 days after its last use.  read may\n"
	  "look, answer may also write, owner everything.  add for somebody who is there\n"
	  "changes the role.  revoke ends all sessions and links of that person at once.",
	    "вызов: dmbox user [list] [--json]\n"
	    "       dmbox user add ИМЯ --role read|answer|owner [--json]\n"
	    "       dmbox user link ИМЯ | revoke ИМЯ [--json]\n\n"
	    "add и link печатают личную ссылку на страницу переписки: она действует один раз,\n"
	    "в течение суток, и браузер остаётся в системе 30 дней после последнего\n"
	    "использования.  read: читать, answer: ещё и отвечать, owner: всё.  add для того,\n"
	    "кто уже есть, меняет роль.  revoke сразу закрывает все сеансы и ссылки человека." },
	"  dmbox user add anna --role answer\n"
	"  dmbox user revoke anna\n" };
