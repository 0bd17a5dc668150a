/* dmbox purge: erasure on request, and retention.  First what would go, then a
 * question, then the work. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd.h"
#include "extern/db.h"
#include "task/media.h"
#include "extern/jsonw.h"
#include "store/purge.h"
#include "bridge/tick.h"
#include "bridge/spool.h"
#include "base/str.h"

#define FOUND_MAX 10
#define FILE_ROUNDS 1000

static void
put_counts(struct jsonw *w, const struct purge_counts *n)
{
	const struct {
		const char *key;
		int64_t v;
	} f[] = { { "messages", n->messages }, { "attachments", n->attachments },
		{ "files", n->files }, { "events", n->events }, { "reactions", n->reactions },
		{ "outbox", n->outbox }, { "contacts", n->contacts },
		{ "deliveriesBlanked", n->deliveries }, { "deliveriesMixed", n->mixed },
		{ "underWay", n->leased } };

	jsonw_object(w, "counts");
	for (size_t i = 0; i < sizeof f / sizeof *f; i++)
		jsonw_i64(w, f[i].key, f[i].v);
	jsonw_end(w);
}

static void
say_counts(const struct purge_counts *n)
{
	const struct {
		const char *en, *ru;
		int64_t v;
	} f[] = { { "messages", "сообщений", n->messages },
		{ "attachments", "вложений", n->attachments }, { "files", "файлов", n->files },
		{ "events", "событий", n->events }, { "reactions", "реакций", n->reactions },
		{ "texts of the outbox", "текстов в исходящих", n->outbox },
		{ "contacts", "контактов", n->contacts },
		{ "deliveries of the ledger lose their bytes",
		    "доставок в журнале теряют содержимое", n->deliveries } };

	for (size_t i = 0; i < sizeof f / sizeof *f; i++)
		if (f[i].v > 0)
			printf(
			    "%8" PRId64 "  %s\n", f[i].v, cmd_lang() == CMD_RU ? f[i].ru : f[i].en);
	if (n->mixed > 0)
		printf(cmd_tr("          (%" PRId64
			      " of them also hold other messages: these stay, their bytes go)\n",
			   "          (в %" PRId64
			   " из них есть и другие сообщения: они остаются, уходят "
			   "только байты)\n"),
		    n->mixed);
}

static void
say_contact(const struct purge_contact *c)
{
	printf("%" PRId64 "  %s/%s  %s", c->id, c->channel, c->account, c->external_id);
	if (c->username != NULL)
		printf("  @%s", c->username);
	if (c->name != NULL)
		printf("  %s", c->name);
	putchar('\n');
}

/* A terminal's "yes"; elsewhere only --yes counts. */
static bool
agreed(bool yes)
{
	char line[16];

	if (yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		cmd_error("%s",
		    cmd_tr("nothing was erased: give --yes", "ничего не стёрто: нужен --yes"));
		return false;
	}
	printf("%s",
	    cmd_tr("This cannot be undone.  Erase? (yes/no) ",
		"Отменить это нельзя.  Стереть? (yes/no) "));
	fflush(stdout);
	return fgets(line, sizeof line, stdin) != NULL &&
	    (str_eq(line, "yes\n") || str_eq(line, "да\n"));
}

static void
progress(void *arg, const struct purge_counts *n)
{
	(void)arg;
	fprintf(stderr, "\r%" PRId64 " + %" PRId64 " + %" PRId64, n->messages, n->events,
	    n->deliveries);
}

/* The files now; what our user may not remove is left to the poller. */
static int64_t
remove_files(struct db *db, struct conf *c)
{
	const struct task_env e = { .db = db, .conf = c };
	int64_t left = 0, before = -1;

	for (int i = 0; i < FILE_ROUNDS; i++) {
		if (purge_files_left(db, &left) != RC_OK || left == 0 || left == before)
			break;
		before = left;
		if (task_upkeep_once(&task_media, &e) != RC_OK)
			break;
	}
	return left;
}

struct look {
	const char *word;
	size_t bad;
};

static bool
look(void *arg, const struct spool_seen *s)
{
	struct look *l = arg;

	if (s->bad && memmem(s->bytes, s->n, l->word, strlen(l->word)) != NULL) {
		l->bad++;
		fprintf(stderr,
		    cmd_tr("quarantined, and names the contact: remove it "
			   "by hand: %s\n",
			"отложен и называет контакт, удалите вручную: %s\n"),
		    s->path);
	}
	return true;
}

/* Files that are waiting are refused by the database; those in quarantine are a person's. */
static size_t
spool_names(const struct conf *c, const struct purge_contact *who)
{
	struct look l = { .word = who->external_id };
	struct spool *sp;

	if (access(c->spool_dir, F_OK) != 0 || spool_open(c->spool_dir, &sp) != RC_OK)
		return 0;
	if (spool_look(sp, look, &l) != RC_OK)
		l.bad = 0;
	spool_close(sp);
	return l.bad;
}

struct opts {
	const char *contact, *older;
	bool dry, yes, json;
};

static void
say_json(const struct purge_counts *n, bool dry, int64_t files, size_t aside)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_bool(&w, "dryRun", dry);
	jsonw_i64(&w, "filesLeft", files);
	jsonw_i64(&w, "setAside", (int64_t)aside);
	put_counts(&w, n);
	jsonw_end(&w);
	(void)cmd_json(&w);
}

/* The inbox page closes what is gone at once.  No name is made: that is for the web programs. */
static void
tell_page(const struct conf *c)
{
	char name[TICK_NAME];
	int64_t at_us;

	if (tick_look(c->tick_dir, name, &at_us) == RC_OK)
		(void)!tick_move(c->tick_dir);
}

static int
work(struct db *db, struct conf *c, const struct opts *o, const struct purge_want *w)
{
	struct purge_counts n = { 0 };
	struct purge_want run = *w;
	size_t aside = w->contact != NULL ? spool_names(c, w->contact) : 0;
	int64_t files = 0;
	enum rc rc;

	if (purge_count(db, w, &n) != RC_OK) {
		cmd_error("%s", db_error(db));
		return CMD_FAIL;
	}
	if (!o->json) {
		if (w->contact != NULL)
			say_contact(w->contact);
		say_counts(&n);
	}
	if (!o->dry) {
		if (!agreed(o->yes))
			return CMD_WARN;
		run.progress = isatty(STDERR_FILENO) ? progress : NULL;
		rc = purge_run(db, &run, &n);
		tell_page(c);
		if (run.progress != NULL)
			fputc('\n', stderr);
		if (rc != RC_OK) {
			cmd_error(
			    cmd_tr("stopped after %" PRId64 " messages: %s; run it again",
				"остановлено после %" PRId64 " сообщений: %s; запустите ещё раз"),
			    n.messages, db_error(db));
			return CMD_FAIL;
		}
		files = remove_files(db, c);
	}
	if (o->json) {
		say_json(&n, o->dry, files, aside);
	} else if (!o->dry) {
		printf(cmd_tr("erased: %" PRId64 " messages, %" PRId64 " events, %" PRId64
			      " contacts; %" PRId64 " deliveries without bytes now\n",
			   "стёрто: сообщений %" PRId64 ", событий %" PRId64 ", контактов %" PRId64
			   "; доставок без содержимого: %" PRId64 "\n"),
		    n.messages, n.events, n.contacts, n.deliveries);
		if (files > 0)
			printf(cmd_tr("%" PRId64 " files are left to the poller\n",
				   "файлов оставлено программе опроса: %" PRId64 "\n"),
			    files);
	}
	if (n.leased > 0 && !o->dry)
		cmd_error(
		    cmd_tr("%" PRId64
			   " messages to this contact are under way: run it again in a minute",
			"сообщений в пути к этому контакту: %" PRId64
			"; запустите ещё раз через минуту"),
		    n.leased);
	return aside > 0 || (n.leased > 0 && !o->dry) ? CMD_WARN : CMD_OK;
}

static int
purge(struct conf *c, const struct opts *o)
{
	struct purge_contact found[FOUND_MAX];
	struct purge_want w = { 0 };
	struct mem_arena arena = { 0 };
	struct db_opts opts = { .app = "dmbox purge",
		.no_prepare = true,
		.statement_ms = 600000,
		.connect_s = c->db_connect_s,
		.conninfo = c->database_url_cron != NULL ? c->database_url_cron : c->database_url };
	struct db *db = cmd_db(&opts);
	size_t n = 0;
	int status = CMD_FAIL;

	if (db == NULL)
		return CMD_FAIL;
	if (o->contact == NULL) {
		/* "yesterday" is good for looking, not for what cannot be undone */
		if (strchr("0123456789", o->older[0]) != NULL && o->older[0] != '\0' &&
		    cmd_when(o->older, &w.before_us) == RC_OK && w.before_us < clock_now_us())
			status = work(db, c, o, &w);
		else
			status = cmd_usage(&cmd_purge);
	} else if (purge_find(db, o->contact, &arena, found, FOUND_MAX, &n) != RC_OK) {
		cmd_error("%s", db_error(db));
	} else if (n == 1) {
		w.contact = &found[0];
		status = work(db, c, o, &w);
	} else {
		cmd_error(n == 0 ?
			cmd_tr("there is no contact %s", "контакта %s нет") :
			cmd_tr("%s may be several: give the id in the first column",
			    "%s может быть разными людьми: укажите номер из первого столбца"),
		    o->contact);
		for (size_t i = 0; i < n; i++)
			say_contact(&found[i]);
		status = CMD_WARN;
	}
	mem_arena_free(&arena);
	db_free(db);
	return status;
}

static int
run(int argc, char **argv)
{
	static const struct option options[] = { { "contact", 1, NULL, 'c' },
		{ "older-than", 1, NULL, 'o' }, { "dry-run", 0, NULL, 'n' },
		{ "yes", 0, NULL, 'y' }, { "json", 0, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	struct opts o = { 0 };
	struct conf *c;
	int ch, status;

	while ((ch = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (ch) {
		case 'c':
			o.contact = optarg;
			break;
		case 'o':
			o.older = optarg;
			break;
		case 'n':
			o.dry = true;
			break;
		case 'y':
			o.yes = true;
			break;
		case 'j':
			o.json = true;
			break;
		default:
			return cmd_usage(&cmd_purge);
		}
	}
	if (optind != argc || (o.contact == NULL) == (o.older == NULL))
		return cmd_usage(&cmd_purge);
	if (cmd_conf(&c) != RC_OK)
		return CMD_FAIL;
	status = purge(c, &o);
	conf_drop(c);
	return status;
}

const struct cmd cmd_purge = { "purge", run,
	{ "erase a contact, or what is old", "стереть контакт или всё старое" },
	{ "usage: dmbox purge --contact ID | --older-than TIME [--dry-run] [--yes] [--json]\n\n"
	  "--contact erases a conversation: messages, attachments and their files, edits,\n"
	  "reactions, events, the texts of what was sent, the contact, and the bytes of the\n"
	  "deliveries in the ledger that name it.  ID is contacts.id, the provider's id, or\n"
	  "@username.  --older-than (90d, or a date like 2026-01-31) erases what was\n"
	  "sent before then, of everybody.  What was erased does not come back by a poll, a\n"
	  "retry, the spool or replay.  --dry-run only counts; --yes does not ask.",
	    "вызов: dmbox purge --contact ID | --older-than ВРЕМЯ [--dry-run] [--yes] [--json]\n\n"
	    "--contact стирает переписку: сообщения, вложения и их файлы, правки, реакции,\n"
	    "события, тексты отправленного, сам контакт и содержимое доставок в журнале, где он\n"
	    "назван.  ID это contacts.id, номер у провайдера или @имя.  --older-than (90d или "
	    "дата\n"
	    "вида 2026-01-31) стирает у всех то, что отправлено раньше.  Стёртое не\n"
	    "возвращается ни опросом, ни повтором, ни из спула, ни через replay.\n"
	    "--dry-run только считает; --yes не спрашивает." },
	"  dmbox purge --contact @anna --dry-run\n"
	"  dmbox purge --older-than 365d\n" };
