/* dmbox replay: parses and stores kept bytes again. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd.h"
#include "extern/db.h"
#include "bridge/replay.h"
#include "extern/jsonw.h"
#include "base/mem.h"
#include "base/str.h"

struct show {
	bool json, all;		/* all: a line for each, not only for what was not replayed */
	bool progress;
	int64_t total, done;
	struct buf out;
	struct jsonw w;		/* writes out */
};

static const char *
result_text(const struct replay_one *o)
{
	switch (o->result) {
	case REPLAY_ABSENT:
		return cmd_tr("is not in the ledger", "нет в журнале");
	case REPLAY_ERASED:
		return cmd_tr("has no bytes any more: erased", "без содержимого: стёрто");
	case REPLAY_REFUSED:
		return cmd_tr("was refused, and that stands", "отклонена, и это остаётся в силе");
	case REPLAY_BAD_SIGNATURE:
		return cmd_tr("its signature fits no app secret of the account (--any-signature "
			      "replays it)",
		    "подпись не подходит ни к одному секрету аккаунта (--any-signature всё "
		    "же повторит)");
	case REPLAY_TEST:
		return cmd_tr("was doctor's test", "была проверкой doctor");
	case REPLAY_FAILED:
		return cmd_tr("could not be stored", "не удалось сохранить");
	default:
		return cmd_tr("replayed", "повторена");
	}
}

static void
put_items(
    struct jsonw *w, size_t items, size_t stored, size_t duplicates, size_t weak, size_t ignored)
{
	jsonw_i64(w, "items", (int64_t)items);
	jsonw_i64(w, "stored", (int64_t)stored);
	jsonw_i64(w, "duplicates", (int64_t)duplicates);
	jsonw_i64(w, "weakDuplicates", (int64_t)weak);
	jsonw_i64(w, "ignored", (int64_t)ignored);
}

static void
one_json(struct show *s, const struct replay_one *o)
{
	struct jsonw *w = &s->w;

	jsonw_line(w);
	jsonw_object(w, NULL);
	jsonw_i64(w, "delivery", o->id);
	jsonw_str(w, "result", replay_result_names[o->result]);
	jsonw_str(w, "reason", o->reason);
	jsonw_str(w, "signature",
	    o->signature			  ? "ok" :
		o->result == REPLAY_BAD_SIGNATURE ? "bad" :
						    "not_kept");
	jsonw_i64(w, "made", o->made);
	put_items(w, o->items, o->stored, o->duplicates, o->weak, o->ignored);
	jsonw_end(w);
	fputs(s->out.p, stdout);	/* as it goes: there may be very many */
	buf_reset(&s->out);
}

static void
each(void *arg, const struct replay_one *o)
{
	struct show *s = arg;

	s->done++;
	if (s->all || o->result != REPLAY_DONE) {
		if (s->json) {
			one_json(s, o);
		} else {
			printf("%" PRId64 "  %s", o->id, result_text(o));
			if (o->reason != NULL)
				printf(" (%s)", o->reason);
			if (o->result == REPLAY_DONE)
				printf(
				    cmd_tr(": %zu items, %zu new, %zu duplicates, %zu ignored",
					": %zu элементов, новых %zu, повторов %zu, пропущено %zu"),
				    o->items, o->stored, o->duplicates + o->weak, o->ignored);
			putchar('\n');
		}
	}
	if (s->progress && (s->done % 100 == 0 || s->done == s->total))
		fprintf(stderr, "\r%" PRId64 "/%" PRId64 "%s", s->done, s->total,
		    s->done == s->total ? "\n" : "");
}

static void
say_counts(struct show *s, const struct replay_counts *n, bool dry)
{
	struct jsonw *w = &s->w;

	if (s->json) {
		jsonw_end(w);
		jsonw_bool(w, "dryRun", dry);
		jsonw_object(w, "counts");
		jsonw_i64(w, "deliveries", (int64_t)n->deliveries);
		for (int i = 0; i < REPLAY__MAX; i++)
			jsonw_i64(w, replay_result_names[i], (int64_t)n->by_result[i]);
		put_items(w, n->items, n->stored, n->duplicates, n->weak, n->ignored);
		jsonw_end(w);
		jsonw_end(w);
		(void)cmd_json(w);
		return;
	}
	printf(dry ? cmd_tr("%zu deliveries, %zu would be parsed: %zu items, %zu messages "
			    "not there yet",
			 "доставок %zu, будет разобрано %zu: элементов %zu, новых сообщений %zu") :
		     cmd_tr("%zu deliveries, %zu replayed: %zu items, %zu new",
			 "доставок %zu, повторено %zu: элементов %zu, новых %zu"),
	    n->deliveries, n->by_result[REPLAY_DONE], n->items, n->stored);
	if (!dry)
		printf(cmd_tr(", %zu duplicates, %zu ignored", ", повторов %zu, пропущено %zu"),
		    n->duplicates + n->weak, n->ignored);
	putchar('\n');
}

struct opts {
	const char *since;
	bool dry, json, any_signature;
	int64_t *ids;
	size_t n;
};

static int
work(const struct conf *c, const struct opts *o, int64_t since)
{
	struct db_opts opts = { .app = "dmbox replay",
		.statement_ms = 60000,
		.connect_s = c->db_connect_s,
		.conninfo = c->database_url_cron ? c->database_url_cron : c->database_url };
	struct show s = { .json = o->json, .all = o->n > 0 };
	struct replay_want w = {
		.dry = o->dry, .any_signature = o->any_signature, .each = each, .arg = &s
	};
	struct replay_counts n = { 0 };
	struct db *db = cmd_db(&opts);
	enum rc rc = RC_OK;

	if (db == NULL)
		return CMD_FAIL;
	if (o->n == 0 && isatty(STDERR_FILENO) && (rc = replay_count(db, since, &s.total)) == RC_OK)
		s.progress = true;
	if (o->json) {
		buf_init(&s.out, 65536);
		jsonw_init(&s.w, &s.out);
		jsonw_object(&s.w, NULL);
		jsonw_array(&s.w, "deliveries");
	}
	if (rc == RC_OK)
		rc = o->n > 0 ? replay_ids(db, c, &w, o->ids, o->n, &n) :
				replay_since(db, c, &w, since, &n);
	say_counts(&s, &n, o->dry);
	if (rc != RC_OK)
		cmd_error(cmd_tr("stopped: %s; running it again is safe",
			      "остановлено: %s; повторный запуск безопасен"),
		    db_error(db));
	db_free(db);
	if (rc != RC_OK)
		return CMD_FAIL;
	/* asked for by number and not done is worth a word; within a span refusals are usual */
	return n.by_result[REPLAY_BAD_SIGNATURE] > 0 ||
		(o->n > 0 && n.by_result[REPLAY_DONE] < o->n) ?
	    CMD_WARN :
	    CMD_OK;
}

static int
run(int argc, char **argv)
{
	static const struct option options[] = { { "since", 1, NULL, 's' },
		{ "dry-run", 0, NULL, 'n' }, { "any-signature", 0, NULL, 'a' },
		{ "json", 0, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	struct opts o = { 0 };
	struct conf *c;
	int64_t since = 0;
	int ch, status = CMD_USAGE;

	while ((ch = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (ch) {
		case 's':
			o.since = optarg;
			break;
		case 'n':
			o.dry = true;
			break;
		case 'a':
			o.any_signature = true;
			break;
		case 'j':
			o.json = true;
			break;
		default:
			return cmd_usage(&cmd_replay);
		}
	}
	o.ids = mem_array((size_t)argc + 1, sizeof *o.ids);
	for (; optind < argc; optind++)
		if (str_i64(argv[optind], &o.ids[o.n++]) != RC_OK || o.ids[o.n - 1] <= 0) {
			cmd_error(
			    cmd_tr("%s is no delivery id", "%s не номер доставки"), argv[optind]);
			goto out;
		}
	if ((o.n > 0) == (o.since != NULL) ||
	    (o.since != NULL && cmd_when(o.since, &since) != RC_OK)) {
		cmd_usage(&cmd_replay);
		goto out;
	}
	status = CMD_FAIL;
	if (cmd_conf(&c) == RC_OK) {
		status = work(c, &o, since);
		conf_drop(c);
	}
out:
	free(o.ids);
	return status;
}

const struct cmd cmd_replay = { "replay", run,
	{ "parse stored bytes again", "разобрать сохранённые байты ещё раз" },
	{ "usage: dmbox replay DELIVERY-ID...|--since TIME [--dry-run] [--any-signature] "
	  "[--json]\n\n"
	  "Parses what the ledger keeps again, byte for byte, as the webhook did:\n"
	  "what is there already is a duplicate, what was erased stays erased, repeating is\n"
	  "safe.  TIME is 2026-11-22T10:15:00Z, 2026-11-22, or 2h (ago).  What was refused stays\n"
	  "refused.  Signatures that were kept are checked again; what fits no secret of today is\n"
	  "left out unless --any-signature is given.  --dry-run only parses and compares.",
	    "вызов: dmbox replay НОМЕР-ДОСТАВКИ...|--since ВРЕМЯ [--dry-run] [--any-signature] "
	    "[--json]\n\n"
	    "Разбирает сохранённое в журнале ещё раз, байт в байт, так же, как вебхук:\n"
	    "что уже есть, считается повтором, стёртое остаётся стёртым, повторять безопасно.\n"
	    "ВРЕМЯ: 2026-11-22T10:15:00Z, 2026-11-22 или 2h (назад).  Отклонённое остаётся\n"
	    "отклонённым.  Сохранённые подписи проверяются снова; что не подходит к секретам,\n"
	    "пропускается без --any-signature.  --dry-run только разбирает и сравнивает." },
	"  dmbox replay 1234 --dry-run\n"
	"  dmbox replay --since 2h\n" };
