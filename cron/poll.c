/*
 * dmbox-poll: started by cron, works until the next start.  Within its window it
 * drains the spool, checks the accounts that are due, sends what waits and
 * fetches files; all network work is flows of one engine, so one slow account
 * delays no other.  A lease in the database keeps two pollers from running
 * together, on one host or several.
 *
 * Ticks follow the wall clock: a check every 10 seconds happens at :00, :10,
 * :20, whenever cron came round to start us.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/conf.h"
#include "bridge/ctx.h"
#include "extern/db.h"
#include "extern/httpc.h"
#include "bridge/ingest.h"
#include "endpoint/metrics.h"
#include "task/poll.h"
#include "task/task.h"
#include "base/log.h"
#include "base/mem.h"
#include "extern/sign.h"
#include "store/state.h"
#include "store/store.h"
#include "base/str.h"

#define US 1000000LL
#define TICK_US US
#define WINDOW_MIN_S 5
#define WINDOW_MAX_S 86400
#define END_SLACK_US (1 * US)	/* we are gone so long before the next start */
#define LEAST_CHECK_US (3 * US)	/* with less time left no check is begun */
#define LEAST_RUN_US (5 * US)
#define LEASE_S 30
#define LEASE_RENEW_MS 10000
#define TEXTFILE_MS 15000
#define SPOOL_BATCH 2000
#define LONG_POLL_MIN_S 5
#define LONG_POLL_MAX_S 20
#define LEASE_NAME "cron"
#define TOLD_S 3600		/* how often the database's absence is reported */
#define BLIP_MS 15000		/* ... where it lasts so long, or at the end of the run */

/* The stop flag: SIGTERM, SIGINT. */
static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* An account's turn.  Found again by name when the configuration changes. */
struct turn {
	struct turn *next;
	char *name;
	enum channel channel;
	int64_t last_us;	/* start of its last check; 0 = none in this run */
	bool running;
	bool told;		/* that it rests was reported; once a run */
};

struct poller {
	struct ctx *ctx;
	struct conf *conf;
	struct db *db;
	struct httpc *h;
	struct task_run **tasks;	/* those of the table (task.h), NULL at the end */
	struct turn *turns;
	size_t running;		/* checks under way */
	/* what checks and the spool brought; how much of all work the page knows */
	size_t stored, shown;
	bool once;
	int64_t window_s;
	int64_t end_us;		/* wall clock */
	int64_t end_ms;		/* the same, by the clock that nobody sets */
	char owner[24];
	bool leased, greeted, noted;
	bool moved;		/* spool folders of before were looked at */
	int64_t renew_ms, text_ms;
	const char *textfile;	/* --textfile; NULL none */
};

static int
usage(FILE *f)
{
	fputs("usage: dmbox-poll [--window SECONDS] [--once] [--textfile PATH]\n"
	      "  --window SECONDS  the crontab interval (default 60)\n"
	      "  --once            one pass over everything, then the end\n"
	      "  --textfile PATH   writes the figures of /metrics there, for node_exporter\n",
	    f);
	return f == stdout ? 0 : 64;
}

/* --- checks ------------------------------------------------------------------- */

static struct turn *
turn_of(struct poller *p, const struct account *a)
{
	struct turn *t;

	for (t = p->turns; t != NULL; t = t->next)
		if (t->channel == a->channel && str_eq(t->name, a->name))
			return t;
	t = mem_alloc(sizeof *t);
	t->name = mem_dup(a->name);
	t->channel = a->channel;
	t->next = p->turns;
	p->turns = t;
	return t;
}

struct running {
	struct poller *p;
	struct turn *t;
};

static void
check_done(void *arg, const struct task_poll_result *r)
{
	struct running *run = arg;

	run->p->stored += r->stored + r->added;
	run->t->running = false;
	run->t->told = r->next_us != 0;	/* the check has said so itself */
	run->p->running--;
	free(run);
}

static bool
due(const struct poller *p, const struct account *a, const struct turn *t, int64_t now)
{
	int64_t every = (a->poll_s > 0 ? (int64_t)a->poll_s :
					 (int64_t)provider_of(a)->reconcile_s) *
	    US;

	if (every == 0 || a->use_mock || t->running)
		return false;
	if (t->last_us == 0)
		return true;
	if (p->once || p->end_us - now < LEAST_CHECK_US)
		return false;
	return now / every != t->last_us / every;	/* also after the clock was set back */
}

static void
say_rest(const struct account *a, struct turn *t, int64_t next_us)
{
	char at[16];

	if (t->told)
		return;
	t->told = true;
	task_poll_next_text(next_us, at);
	if (provider_of(a)->probes)
		log_info("ℹ️ no polling at this provider; next probe %s", at);
	else
		log_info("ℹ️ account %s rests until %s", a->name, at);
}

static void
check_start(struct poller *p, const struct account *a, struct turn *t, int64_t now)
{
	struct running *run = mem_alloc(sizeof *run);
	struct task_poll check = { .db = p->db,
		.spool = ctx_spool(p->ctx, p->conf),
		.meter = ctx_meter(p->ctx, p->conf),
		.httpc = p->h,
		.conf = p->conf,
		.account = a,
		.done = check_done,
		.arg = run };
	int64_t left = (p->end_us - now) / 1000, next_us;
	enum rc rc;

	run->p = p;
	run->t = t;
	if (!p->once && left < TASK_POLL_CHECK_S * 1000)
		check.deadline_ms = clock_mono_ms() + (left > 1000 ? left : 1000);
	if (!p->once && a->poll_s > 0) {
		check.long_poll_s = a->poll_s < LONG_POLL_MIN_S ? LONG_POLL_MIN_S :
		    a->poll_s > LONG_POLL_MAX_S			? LONG_POLL_MAX_S :
								  a->poll_s;
		if (left < ((int64_t)check.long_poll_s + LONG_POLL_MIN_S) * 1000)
			check.long_poll_s = 0;
	}
	t->last_us = now;
	t->running = true;
	p->running++;
	rc = task_poll_start(&check, &next_us);
	if (rc == RC_OK)
		return;
	t->running = false;
	p->running--;
	free(run);
	if (rc == RC_NONE && next_us != 0)
		say_rest(a, t, next_us);
	else if (rc == RC_LIMIT)
		log_info("account %s is being checked by another program", a->name);
}

static void
checks(struct poller *p)
{
	int64_t now = clock_now_us();

	for (size_t i = 0; i < p->conf->n_accounts && !stop; i++) {
		const struct account *a = &p->conf->accounts[i];
		struct turn *t = turn_of(p, a);

		if (due(p, a, t, now))
			check_start(p, a, t, now);
	}
}

/* --- a tick --------------------------------------------------------------------- */

/* The beginning or the end of this run, for doctor. */
static enum rc
note_run(struct poller *p, enum rc (*note)(struct db *db, const struct state_runner *who))
{
	struct state_runner who = { .window_s = p->window_s,
		.version = DMBOX_VERSION,
		.config = p->conf->file != NULL ? p->conf->file : "" };
	char host[256] = "", name[160];
	enum rc rc;

	(void)gethostname(host, sizeof host - 1);
	who.host = host;
	for (size_t i = 0; i < p->conf->n_accounts; i++) {
		const struct account *a = &p->conf->accounts[i];

		snprintf(name, sizeof name, "%s/%s", channel_names[a->channel], a->name);
		strv_add(&who.accounts, name, strlen(name));
	}
	rc = note(p->db, &who);
	strv_free(&who.accounts);
	return rc;
}

/* RC_OK: the lease is ours; RC_LIMIT: another poller's; RC_TEMP: database away. */
static enum rc
lease(struct poller *p)
{
	enum rc rc;

	if (p->leased && clock_mono_ms() < p->renew_ms)
		return RC_OK;
	rc = state_lease(p->db, LEASE_NAME, p->owner, LEASE_S);
	if (rc == RC_OK) {
		if (!p->leased && note_run(p, state_run) != RC_OK)
			log_warn("the start of this run could not be noted");
		p->leased = true;
		p->renew_ms = clock_mono_ms() + LEASE_RENEW_MS;
		if (state_heartbeat(p->db, "poll") != RC_OK)
			log_warn("the heartbeat could not be written");
	}
	return rc;
}

static void
drain(struct poller *p)
{
	struct spool *sp = ctx_spool(p->ctx, p->conf);
	size_t done = 0;

	if (!p->moved && (p->moved = ingest_drain_before(p->db, p->conf, &done) == RC_OK) &&
	    done > 0)
		log_info("💾 %zu deliveries from an earlier spool folder stored", done);
	if (sp == NULL)
		return;
	if (ingest_drain(p->db, p->conf, sp, SPOOL_BATCH, &done) != RC_OK)
		log_debug("spool: not everything could be stored yet");
	if (done > 0)
		log_info("💾 %zu deliveries from the spool stored", done);
	p->stored += done;
}

/* Open pages learn that there is something to ask for. */
static void
tell_pages(struct poller *p)
{
	size_t n = p->stored;

	for (struct task_run **t = p->tasks; *t != NULL; t++)
		n += (*t)->ended + (*t)->done;
	if (n == p->shown)
		return;
	p->shown = n;
	ctx_changed(p->ctx, p->conf);
	ctx_changed_tick(p->ctx);
}

static struct task_env
env_of(struct poller *p)
{
	return (struct task_env){ .db = p->db,
		.conf = p->conf,
		.spool = ctx_spool(p->ctx, p->conf),
		.meter = ctx_meter(p->ctx, p->conf) };
}

/* The figures for node_exporter, where nothing may listen. */
static void
textfile(struct poller *p, bool now)
{
	if (p->textfile == NULL || (!now && clock_mono_ms() < p->text_ms))
		return;
	p->text_ms = clock_mono_ms() + TEXTFILE_MS;
	if (endpoint_metrics_file(p->textfile, p->db, ctx_spool(p->ctx, p->conf),
		ctx_meter(p->ctx, p->conf)) != RC_OK)
		log_debug("metrics: next try in %d s", TEXTFILE_MS / 1000);
}

static void
tick(struct poller *p)
{
	struct task_env e;

	drain(p);
	checks(p);
	e = env_of(p);
	for (struct task_run **t = p->tasks; *t != NULL; t++)
		task_turn(*t, &e);
	tell_pages(p);
}

/* Take up a changed configuration; flows under way hold the old one. */
static void
reload(struct poller *p)
{
	struct conf *c = NULL;

	if (ctx_conf(p->ctx, NULL, NULL, &c) != RC_OK) {
		conf_drop(c);
		return;
	}
	if (c == p->conf) {
		conf_drop(c);
		return;
	}
	/* another database handle may only be used when nobody uses the old one */
	if (httpc_step(p->h, 0) > 0) {
		conf_drop(c);
		return;
	}
	conf_drop(p->conf);
	p->conf = c;
	p->db = ctx_db(p->ctx, c, 0);
	httpc_allow(p->h, &c->media_allow);
	p->moved = p->noted = false;
}

/* Network work until the next tick, or until there is none.  The wall clock says when
 * that is, the other one that it comes: somebody may set the clock back meanwhile. */
static void
work_until_tick(struct poller *p)
{
	int64_t until_ms = clock_mono_ms() + (TICK_US - clock_now_us() % TICK_US) / 1000 + 1, left;

	while (!stop && (left = until_ms - clock_mono_ms()) > 0) {
		if (httpc_step(p->h, (int)left) == 0)
			clock_sleep_ms(left);
		tell_pages(p);
	}
}

static bool
busy(const struct poller *p)
{
	for (struct task_run **t = p->tasks; *t != NULL; t++)
		if ((*t)->alive > 0)
			return true;
	return p->running > 0;
}

/* Is something under way that is not to be cut, not even by a signal to stop? */
static bool
must_finish(const struct poller *p)
{
	for (struct task_run **t = p->tasks; *t != NULL; t++)
		if ((*t)->task->must_finish && (*t)->alive > 0)
			return true;
	return false;
}

/* ... or to be finished although the run is over? */
static bool
lasting(const struct poller *p)
{
	for (struct task_run **t = p->tasks; *t != NULL; t++)
		if ((*t)->lasting > 0)
			return true;
	return false;
}

/* What is under way is ended well: sends above all. */
static void
wind_up(struct poller *p, int64_t until_ms)
{
	for (struct task_run **t = p->tasks; *t != NULL; t++)
		task_stop(*t);
	while (busy(p) && clock_mono_ms() < until_ms) {
		if (stop && !must_finish(p))
			break;
		httpc_step(p->h, 200);
		tell_pages(p);
	}
	if (stop || !lasting(p))
		httpc_abort(p->h);
}

/* A file that a slow line takes goes on beside the next run, which has the lease. */
static void
outlast(struct poller *p)
{
	while (!stop && lasting(p)) {
		httpc_step(p->h, 200);
		tell_pages(p);
	}
	httpc_abort(p->h);
}

static void
give_lease(struct poller *p)
{
	if (p->leased && state_lease_free(p->db, LEASE_NAME, p->owner) != RC_OK)
		log_warn("the lease could not be given back; it ends by itself");
	p->leased = false;
}

/*
 * Cron mails what is on stderr: the database's absence is reported there once, and
 * again each hour that it lasts, not each minute.  What was reported is remembered by
 * a file in the spool's folder, for the database has no place for it.
 */
static void
tell_away(struct poller *p, bool away)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	(void)ctx_spool(p->ctx, p->conf);	/* its folder is made, should it be the first run */
	snprintf(path, sizeof path, "%s/.poll-told-away",
	    p->conf->spool_dir != NULL ? p->conf->spool_dir : ".");
	if (!away) {
		unlink(path);
		return;
	}
	if (stat(path, &st) == 0 && time(NULL) - st.st_mtime < TOLD_S && st.st_mtime <= time(NULL))
		return;
	fprintf(stderr,
	    "dmbox-poll: the database is away, nothing is polled and nothing queued is sent; what "
	    "arrives is kept in the spool; run: dmbox doctor\n");
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);
	if (fd >= 0)
		close(fd);
}

/* The accounts of this configuration, once the database is there: also of one that was taken up
 * in between. */
static void
note_accounts(struct poller *p)
{
	if (p->noted)
		return;
	p->noted = true;
	for (size_t i = 0; i < p->conf->n_accounts; i++)
		if (state_note_account(p->db, &p->conf->accounts[i]) != RC_OK) {
			log_warn("account %s could not be noted", p->conf->accounts[i].name);
			p->noted = false;
		}
}

/* The sentences of the start, unless another poller is at work. */
static void
hello(struct poller *p)
{
	if (p->greeted)
		return;
	p->greeted = true;
	for (size_t i = 0; i < p->conf->n_accounts; i++)
		task_poll_hello(p->conf, &p->conf->accounts[i]);
}

static int
another(void)
{
	static const char text[] = "another dmbox-poll is running; nothing to do";

	log_info("%s", text);
	if (isatty(STDERR_FILENO))	/* cron is not to mail it */
		fprintf(stderr, "dmbox-poll: %s\n", text);
	return 0;
}

/* --once: everything once, until all of it is done. */
static int
run_once(struct poller *p)
{
	int64_t until = clock_mono_ms() + 60000;

	switch (lease(p)) {
	case RC_OK:
		break;
	case RC_LIMIT:
		return another();
	default:
		hello(p);
		log_error("the database is away");
		tell_away(p, true);
		return 2;
	}
	hello(p);
	note_accounts(p);
	tell_away(p, false);
	tick(p);
	while (!stop && busy(p) && clock_mono_ms() < until) {
		struct task_env e = env_of(p);

		httpc_step(p->h, 500);
		tell_pages(p);
		for (struct task_run **t = p->tasks; *t != NULL; t++)
			if ((*t)->task->follows)
				task_start(*t, &e);
	}
	wind_up(p, clock_mono_ms() + 15000);
	textfile(p, true);
	if (note_run(p, state_run_end) != RC_OK)
		log_debug("the end of this run could not be noted");
	return 0;
}

static int
run(struct poller *p)
{
	bool said_away = false, told = false;
	int64_t away_ms = 0;

	do {
		reload(p);
		switch (lease(p)) {
		case RC_OK:
			if (said_away)
				log_info("the database is back");
			said_away = false;
			hello(p);
			note_accounts(p);
			if (!told)
				tell_away(p, false);
			told = true;
			tick(p);
			break;
		case RC_LIMIT:
			if (p->leased) {
				log_warn("another dmbox-poll took over; this one ends");
				wind_up(p, p->end_ms);
				return 0;
			}
			return another();
		default:
			hello(p);
			if (!said_away)
				log_error("the database is away; waiting for it");
			if (!said_away)
				away_ms = clock_mono_ms();
			said_away = true;
			told = false;
			if (clock_mono_ms() - away_ms > BLIP_MS)	/* not for a restart */
				tell_away(p, true);
		}
		textfile(p, false);
		work_until_tick(p);
	} while (!stop && clock_now_us() < p->end_us - US && clock_mono_ms() < p->end_ms);
	if (said_away)
		tell_away(p, true);
	wind_up(p, stop ? clock_mono_ms() + 12000 : p->end_ms);
	if (p->leased && note_run(p, state_run_end) != RC_OK)
		log_debug("the end of this run could not be noted");
	return 0;
}

/* --- start and end ------------------------------------------------------------------ */

static void
signals(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_signal;	/* no SA_RESTART: waits are to end */
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

/* 0: go on; else the exit status + 1. */
static int
options(int argc, char **argv, int64_t *window_s, bool *once, const char **textfile)
{
	static const struct option longs[] = {
		{ "window", required_argument, NULL, 'w' },
		{ "once", no_argument, NULL, 'o' },
		{ "textfile", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "hV", longs, NULL)) != -1) {
		switch (o) {
		case 'w':
			if (str_i64(optarg, window_s) != RC_OK || *window_s < WINDOW_MIN_S ||
			    *window_s > WINDOW_MAX_S) {
				fprintf(stderr, "dmbox-poll: --window: %s is not %d..%d seconds\n",
				    optarg, WINDOW_MIN_S, WINDOW_MAX_S);
				return 64 + 1;
			}
			break;
		case 'o':
			*once = true;
			break;
		case 't':
			*textfile = optarg;
			break;
		case 'h':
			return usage(stdout) + 1;
		case 'V':
			puts("dmbox-poll " DMBOX_VERSION);
			return 1;
		default:
			return usage(stderr) + 1;
		}
	}
	return optind < argc ? usage(stderr) + 1 : 0;
}

static int
configure(struct poller *p)
{
	if (ctx_conf(p->ctx, NULL, NULL, &p->conf) != RC_OK) {
		for (size_t i = 0; p->conf != NULL && i < p->conf->n_issues; i++)
			if (p->conf->issues[i].error)
				fprintf(stderr, "dmbox-poll: %s\n", p->conf->issues[i].text);
		return 2;
	}
	conf_register_secrets(p->conf);
	conf_log_open(p->conf, "poll");
	p->db = ctx_db(p->ctx, p->conf, 0);
	if (db_ready(p->db) != RC_OK && db_fault(p->db) == DB_FAULT_SCHEMA) {
		fputs("dmbox-poll: the database's schema is not there or older than this "
		      "program needs; "
		      "run: dmbox migrate\n",
		    stderr);
		return 2;
	}
	return 0;
}

static void
tasks_begin(struct poller *p)
{
	size_t n = 0;

	while (tasks[n] != NULL)
		n++;
	p->tasks = mem_array(n + 1, sizeof *p->tasks);
	for (size_t i = 0; i < n; i++)
		p->tasks[i] = task_new(tasks[i], p->h);
}

static void
poller_free(struct poller *p)
{
	for (struct task_run **t = p->tasks; *t != NULL; t++)
		task_free(*t);
	free(p->tasks);
	httpc_free(p->h);
	while (p->turns != NULL) {
		struct turn *t = p->turns;

		p->turns = t->next;
		free(t->name);
		free(t);
	}
}

int
main(int argc, char **argv)
{
	struct poller p = { .conf = NULL };
	int64_t window_s = 60, now = clock_now_us();
	static char name[] = "dmbox-poll";
	int status;

	if (argc > 0)
		argv[0] = name;		/* in getopt's words, however it was started */
	status = options(argc, argv, &window_s, &p.once, &p.textfile);
	if (status != 0)
		return status - 1;
	signals();
	p.ctx = ctx_new("poll", CONF_TOOL, CTX_DB_CRON, 1);
	status = configure(&p);
	if (status != 0)
		goto out;
	/* the next start is at the next multiple of the interval */
	p.window_s = p.once ? 0 : window_s;
	p.end_us = (now / (window_s * US) + 1) * window_s * US - END_SLACK_US;
	/* started by hand just before it: the next one finds us at work and goes */
	if (p.end_us - now < LEAST_RUN_US)
		p.end_us += window_s * US;
	if (p.once)
		p.end_us = now + 60 * US;
	p.end_ms = clock_mono_ms() + (p.end_us - now) / 1000;
	sign_token(p.owner, 20);
	p.h = httpc_new(&p.conf->media_allow);
	tasks_begin(&p);
	status = p.once ? run_once(&p) : run(&p);
	give_lease(&p);
	outlast(&p);
	poller_free(&p);
	log_debug("dmbox-poll ends");
out:
	conf_drop(p.conf);
	ctx_free(p.ctx);
	log_close();
	return status;
}
