/* dmbox outbox: what waits, what failed, and a person's decision about it. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cmd.h"
#include "extern/db.h"
#include "extern/jsonw.h"
#include "store/outbox.h"
#include "base/str.h"

#define LIST_MAX 500

static void
list_json(const struct outbox_list *l)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4 << 20);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_array(&w, "outbox");
	for (size_t i = 0; i < l->n; i++) {
		const struct outbox_entry *e = &l->v[i];

		jsonw_object(&w, NULL);
		jsonw_i64(&w, "id", e->id);
		jsonw_i64(&w, "attempts", e->attempts);
		jsonw_str(&w, "account", e->account);
		jsonw_str(&w, "channel", e->channel);
		jsonw_str(&w, "recipientId", e->recipient);
		jsonw_str(&w, "state", e->state);
		jsonw_str(&w, "what", e->what);
		jsonw_time(&w, "createdAt", e->created_us);
		jsonw_time(&w, "nextAt", str_eq(e->state, "queued") ? e->next_us : 0);
		jsonw_str(&w, "errorCode", e->error_code[0] ? e->error_code : NULL);
		jsonw_str(&w, "errorText", e->error_text[0] ? e->error_text : NULL);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_end(&w);
	(void)cmd_json(&w);
}

static void
list_text(const struct outbox_list *l)
{
	if (l->n == 0)
		printf(
		    "%s\n", cmd_tr("nothing waits, nothing failed", "ничего не ждёт, ошибок нет"));
	for (size_t i = 0; i < l->n; i++) {
		const struct outbox_entry *e = &l->v[i];
		char at[CLOCK_ISO_MAX];

		clock_iso(e->created_us, at);
		printf("%8" PRId64 "  %-8s %.19s  %s/%s -> %s  %s", e->id, e->state, at, e->channel,
		    e->account, e->recipient, e->what);
		if (e->attempts > 0)
			printf(cmd_tr("  attempts: %" PRId64, "  попыток: %" PRId64), e->attempts);
		if (e->error_code[0] || e->error_text[0])
			printf("  %s %s", e->error_code, e->error_text);
		putchar('\n');
	}
	if (l->n == LIST_MAX)
		printf(cmd_tr("the newest %d only\n", "только последние %d\n"), LIST_MAX);
}

static int
list(struct db *db, bool all, bool json)
{
	struct outbox_list l;

	if (outbox_list(db, all, LIST_MAX, &l) != RC_OK) {
		cmd_error("%s", db_error(db));
		return CMD_FAIL;
	}
	if (json)
		list_json(&l);
	else
		list_text(&l);
	outbox_list_free(&l);
	return CMD_OK;
}

static void
say_done(const struct outbox_row *before, const struct outbox_row *now, bool json)
{
	struct jsonw w;
	struct buf b;

	if (json) {
		buf_init(&b, 1024);
		jsonw_init(&w, &b);
		jsonw_object(&w, NULL);
		jsonw_i64(&w, "id", now->id);
		jsonw_str(&w, "was", before->state);
		jsonw_str(&w, "state", now->state);
		jsonw_end(&w);
		(void)cmd_json(&w);
		return;
	}
	printf("%" PRId64 ": %s -> %s\n", now->id, before->state, now->state);
	if (str_eq(before->state, "unknown") && str_eq(now->state, "queued"))
		printf("%s\n",
		    cmd_tr("The first attempt may have arrived: the customer can "
			   "get it twice.",
			"Первая попытка могла дойти: клиент может получить сообщение дважды."));
	if (str_eq(before->state, "unknown") && str_eq(now->state, "dead"))
		printf("%s\n",
		    cmd_tr("It may have arrived all the same.", "Сообщение всё же могло дойти."));
}

static int
decide(struct db *db, int64_t id, bool retry, bool json)
{
	struct outbox_row before, now;
	enum rc rc = outbox_get(db, id, &before);

	if (rc == RC_NONE) {
		cmd_error(cmd_tr("there is no message %" PRId64, "сообщения %" PRId64 " нет"), id);
		return CMD_WARN;
	}
	if (rc == RC_OK)
		rc = retry ? outbox_retry(db, id) : outbox_cancel(db, id);
	if (rc == RC_NONE) {
		cmd_error(cmd_tr("%" PRId64 " is %s: nothing to do",
			      "%" PRId64 " в состоянии %s: делать нечего"),
		    id, before.state);
		return CMD_WARN;
	}
	if (rc == RC_OK)
		rc = outbox_get(db, id, &now);
	if (rc != RC_OK) {
		cmd_error("%s", db_error(db));
		return CMD_FAIL;
	}
	say_done(&before, &now, json);
	return CMD_OK;
}

static int
run(int argc, char **argv)
{
	static const struct option options[] = { { "all", 0, NULL, 'a' }, { "json", 0, NULL, 'j' },
		{ NULL, 0, NULL, 0 } };
	bool all = false, json = false;
	const char *verb;
	struct db_opts opts = { .app = "dmbox outbox", .no_prepare = true };
	struct conf *c;
	struct db *db;
	int64_t id = 0;
	int o, status;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'a':
			all = true;
			break;
		case 'j':
			json = true;
			break;
		default:
			return cmd_usage(&cmd_outbox);
		}
	}
	verb = optind < argc ? argv[optind++] : "list";
	if (str_eq(verb, "list") ? optind != argc :
				   (!str_eq(verb, "retry") && !str_eq(verb, "cancel")) ||
		    optind + 1 != argc || str_i64(argv[optind], &id) != RC_OK || id <= 0)
		return cmd_usage(&cmd_outbox);
	if (cmd_conf(&c) != RC_OK)
		return CMD_FAIL;
	opts.conninfo = c->database_url_send ? c->database_url_send : c->database_url;
	opts.connect_s = c->db_connect_s;
	db = cmd_db(&opts);
	status = db == NULL ? CMD_FAIL :
	    id == 0	    ? list(db, all, json) :
			      decide(db, id, str_eq(verb, "retry"), json);
	db_free(db);
	conf_drop(c);
	return status;
}

const struct cmd cmd_outbox = { "outbox", run,
	{ "what waits to be sent, and what failed", "что ждёт отправки и что не отправлено" },
	{ "usage: dmbox outbox [list] [--all] [--json]\n"
	  "       dmbox outbox retry ID | cancel ID [--json]\n\n"
	  "list shows what waits (queued, leased), what nobody knows about (unknown) and\n"
	  "what failed or died within a week; --all everything.  retry sends again what is\n"
	  "unknown, failed or dead, and lifts the account's pause: of an unknown one the\n"
	  "customer may get two.  cancel gives up what is queued or unknown.",
	    "вызов: dmbox outbox [list] [--all] [--json]\n"
	    "       dmbox outbox retry ID | cancel ID [--json]\n\n"
	    "list: что ждёт (queued, leased), о чём никто не знает (unknown) и что не удалось\n"
	    "за неделю (failed, dead); --all: всё.  retry отправляет ещё раз то, что unknown,\n"
	    "failed или dead, и снимает паузу аккаунта: сообщение unknown клиент может\n"
	    "получить дважды.  cancel отменяет то, что queued или unknown." },
	"  dmbox outbox\n"
	"  dmbox outbox retry 42\n" };
