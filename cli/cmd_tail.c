/*
 * dmbox tail: deliveries as they come, one line each, until Ctrl-C.  It follows the ledger by
 * its ids.  A delivery that commits late has a lower id than one that was shown: ids of
 * the last seconds are asked for again, and each is shown once.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cmd.h"
#include "extern/db.h"
#include "base/str.h"

#define EVERY_MS 1000
#define BACK_DEFAULT 10
#define BACK_MAX 1000
#define SEEN 4096 /* ids of the last seconds, each once */
#define ROWS_MAX 500

static const struct db_stmt after = { "tail_after",
	"select d.id, d.received_at, d.channel || '/' || d.account, d.source, d.verdict, d.reason, "
	"d.items, d.stored,"
	" d.duplicates + d.weak_duplicates, octet_length(d.body), json_build_object('id', d.id,"
	" 'receivedAt', dmbox.iso(d.received_at), 'channel', d.channel, 'account', d.account, "
	"'source', d.source,"
	" 'verdict', d.verdict, 'reason', d.reason, 'items', d.items, 'stored', d.stored,"
	" 'duplicates', d.duplicates + d.weak_duplicates, 'bytes', octet_length(d.body),"
	" 'requestId', d.request_id)::text from dmbox.deliveries d where d.id > $1 and"
	" d.received_at > now() - interval '2 days' and ($2::text is null or d.account = $2) and"
	" (not $3 or d.verdict = 'rejected' or d.reason <> 'ok') order by d.id limit $4" };
static const struct db_stmt place = { NULL,
	"select coalesce(min(id) - 1, 0), coalesce(max(id), 0) from (select d.id from"
	" dmbox.deliveries d where d.received_at > now() - interval '2 days' and ($1::text is null"
	" or d.account = $1) and (not $3 or d.verdict = 'rejected' or d.reason <> 'ok') order by"
	" d.id desc limit $2) x" };

static volatile sig_atomic_t stop;

struct tail {
	struct db *db;
	const char *account;
	bool json, odd;
	int64_t low;	  /* below it all is shown */
	int64_t at[SEEN]; /* ids shown, a ring */
	int64_t at_ms[SEEN];
	size_t n;
};

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static bool
shown(const struct tail *t, int64_t id)
{
	for (size_t i = 0; i < SEEN && i < t->n; i++)
		if (t->at[i] == id)
			return true;
	return false;
}

static void
show(const struct tail *t, const struct db_res *r, size_t i)
{
	time_t s = (time_t)(db_get_time(r, i, 1) / 1000000);
	char at[32];
	struct tm tm;
	bool good = str_eq(db_get_text(r, i, 4), "accepted");

	if (t->json) {
		puts(db_get_text(r, i, 10));
		return;
	}
	localtime_r(&s, &tm);
	strftime(at, sizeof at, "%H:%M:%S", &tm);
	printf(
	    "%s  %-18s %-8s %s", at, db_get_text(r, i, 2), db_get_text(r, i, 3), good ? "✓" : "✗");
	if (!good || !str_eq(db_get_text(r, i, 5), "ok"))
		printf(" %s", db_get_text(r, i, 5));
	if (good)
		printf(cmd_tr("  %" PRId64 " items, %" PRId64 " new, %" PRId64 " duplicates",
			   "  элементов %" PRId64 ", новых %" PRId64 ", повторов %" PRId64),
		    db_get_i64(r, i, 6), db_get_i64(r, i, 7), db_get_i64(r, i, 8));
	printf(cmd_tr("  %" PRId64 " bytes  #%" PRId64 "\n", "  %" PRId64 " байт  #%" PRId64 "\n"),
	    db_get_i64(r, i, 9), db_get_i64(r, i, 0));
}

/* What came, each delivery once. */
static enum rc
look(struct tail *t)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	int64_t now = clock_mono_ms();
	enum rc rc;

	db_i64(&a, t->low);
	db_text(&a, t->account);
	db_bool(&a, t->odd);
	db_i64(&a, ROWS_MAX);
	rc = db_exec(t->db, &after, &a, &r);
	for (size_t i = 0; rc == RC_OK && i < db_rows(r); i++) {
		int64_t id = db_get_i64(r, i, 0);

		if (shown(t, id))
			continue;
		show(t, r, i);
		t->at[t->n % SEEN] = id;
		t->at_ms[t->n++ % SEEN] = now;
	}
	/* what was shown some seconds ago, nothing can come before any more */
	for (size_t i = 0; rc == RC_OK && i < SEEN && i < t->n; i++)
		if (t->at[i] > t->low &&
		    (now - t->at_ms[i] > 10 * EVERY_MS || db_rows(r) == ROWS_MAX))
			t->low = t->at[i];
	fflush(stdout);
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

static int
follow(struct tail *t, int64_t back, bool once)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	bool away = false;
	enum rc rc;

	db_text(&a, t->account);
	db_i64(&a, back);
	db_bool(&a, t->odd);
	rc = db_exec(t->db, &place, &a, &r);
	if (rc == RC_OK)
		t->low = db_get_i64(r, 0, back > 0 ? 0 : 1);
	db_res_free(r);
	db_args_free(&a);
	if (rc != RC_OK) {
		cmd_error("%s", db_error(t->db));
		return CMD_FAIL;
	}
	while (!stop) {
		rc = look(t);
		if (once && rc != RC_OK)
			cmd_error("%s", db_error(t->db));
		if (once)
			return rc == RC_OK ? CMD_OK : CMD_FAIL;
		if ((rc != RC_OK) != away)
			fprintf(stderr, "dmbox tail: %s\n",
			    rc != RC_OK ? db_error(t->db) :
					  cmd_tr("the database is back", "база снова доступна"));
		away = rc != RC_OK;
		clock_sleep_ms(EVERY_MS);
	}
	return CMD_OK;
}

static int
run(int argc, char **argv)
{
	static const struct option options[] = { { "lines", 1, NULL, 'n' },
		{ "account", 1, NULL, 'a' }, { "odd", 0, NULL, 'o' }, { "once", 0, NULL, '1' },
		{ "json", 0, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	struct db_opts opts = { .app = "dmbox tail", .no_prepare = true };
	struct sigaction sa = { .sa_handler = on_signal };
	static struct tail t;
	int64_t back = BACK_DEFAULT;
	bool once = false;
	struct conf *c;
	int o, status;

	while ((o = getopt_long(argc, argv, "n:", options, NULL)) != -1)
		switch (o) {
		case 'n':
			if (str_i64(optarg, &back) != RC_OK || back < 0 || back > BACK_MAX)
				return cmd_usage(&cmd_tail);
			break;
		case 'a':
			t.account = optarg;
			break;
		case 'o':
			t.odd = true;
			break;
		case '1':
			once = true;
			break;
		case 'j':
			t.json = true;
			break;
		default:
			return cmd_usage(&cmd_tail);
		}
	if (optind != argc)
		return cmd_usage(&cmd_tail);
	if (cmd_conf(&c) != RC_OK)
		return CMD_FAIL;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	opts.conninfo = c->database_url_read ? c->database_url_read : c->database_url;
	opts.connect_s = c->db_connect_s;
	t.db = cmd_db(&opts);
	status = t.db == NULL ? CMD_FAIL : follow(&t, back, once);
	db_free(t.db);
	conf_drop(c);
	return status;
}

const struct cmd cmd_tail = { "tail", run,
	{ "follow deliveries as they come", "следить за доставками по мере прихода" },
	{ "usage: dmbox tail [-n LINES] [--account NAME] [--odd] [--once] [--json]\n\n"
	  "Prints one line for each delivery: when it came, for whom, how, and what became of\n"
	  "it; the last ten (-n), then each as it comes, until Ctrl-C.  --odd: only what was\n"
	  "refused or not understood.  --once ends after those that are there.",
	    "вызов: dmbox tail [-n СТРОК] [--account ИМЯ] [--odd] [--once] [--json]\n\n"
	    "Печатает строку на каждую доставку: когда пришла, кому, как и что с ней стало;\n"
	    "последние десять (-n), затем каждую по мере прихода, до Ctrl-C.  --odd: только то,\n"
	    "что отклонено или не понято.  --once: закончить на том, что уже есть." },
	"  dmbox tail --odd\n"
	"  dmbox tail -n 100 --once --json | jq -r .reason | sort | uniq -c\n" };
