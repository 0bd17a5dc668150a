#ifndef DMBOX_DOCTOR_DOCTOR_H
#define DMBOX_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"
#include "model/conf.h"
#include "extern/db.h"
#include "base/http.h"
#include "extern/httpc.h"
#include "extern/json.h"
#include "model/provider.h"
#include "base/rc.h"
#include "store/state.h"

/*
 * "Messages do not appear", answered by the program: a table of checks along the
 * whole chain, all of which run even after failures, each with its own deadline.
 * doctor.c has the run and the answers, doctor/text.c the table, the others the
 * checks of one part of the chain each.  Nothing is changed without fix but rows
 * marked as test, which are removed again.
 */
enum doctor_check {
	/* configuration */
	DC_FILE,
	DC_MODE,
	DC_KEYS,
	DC_PLACEHOLDER,
	DC_ODD,
	DC_SECRET,
	DC_JWT,
	DC_BELOW,
	DC_OPEN,
	DC_SAME,
	DC_TOKEN,
	/* database */
	DC_DB_REACH,
	DC_DB_LOGIN,
	DC_DB_LIMIT,
	DC_DB_VERSION,
	DC_DB_SCHEMA,
	DC_DB_RIGHTS,
	DC_DB_UNIQUE,
	DC_DB_CLOCK,
	DC_DB_WRITE,
	DC_DB_ENCODING,
	DC_DB_DURABLE,
	/* disk and spool */
	DC_SPOOL,
	DC_SPOOL_WEB,
	DC_SPOOL_WAIT,
	DC_SPOOL_BAD,
	DC_SPACE,
	DC_INODES,
	DC_QUOTA,
	DC_MEDIA,
	DC_LOG,
	DC_CLOCK,
	DC_TICK,
	/* cron */
	DC_CRON,
	DC_INTERVAL,
	DC_POLL,
	DC_RUNNER,
	/* web server, public URL */
	DC_WEB,
	DC_SAME_PROGRAM,
	DC_ENDPOINTS,
	DC_FIREWALL,
	DC_AUTH_HEADER,
	DC_FASTCGI,
	DC_BODY_LIMIT,
	DC_CHUNKED,
	DC_REDIRECT,
	DC_SERVED,
	DC_HTACCESS,
	DC_PROG_MODE,
	DC_PROG_OWNER,
	DC_PROG_LINK,
	DC_SLOW,
	DC_TICK_SERVED,
	DC_PUBLIC_URL,
	DC_DNS,
	DC_TLS,
	DC_TLS_EXPIRY,
	DC_OUTSIDE,
	DC_EACH_ADDRESS,
	/* handshake, self-delivery */
	DC_GREET,
	DC_GREET_BAD,
	DC_SELF_ASCII,
	DC_SELF_CYRILLIC,
	DC_SELF_REMOVED,
	/* the providers' own, by number; those behind the last are not used (doctor/text.c) */
	DC_OF_FIRST,
	DC_OF_LAST = DC_OF_FIRST + 99,
	/* what arrived, what goes out */
	DC_REFUSED,
	DC_GAP,
	DC_NOT_MADE,
	DC_FETCHED,
	DC_DEAD,
	DC_QUEUED,
	DC_PAUSED,
	DC_BALANCE,
	DC_CONTACTS,
	DC_ERASED,
	DC_LEAK,
	DC__MAX
};

enum doctor_lang { DOCTOR_EN, DOCTOR_RU, DOCTOR_LANG__MAX };

/* A line of the table: what is checked, and how to fix it. */
struct doctor_text {
	unsigned int number;	/* DMB-nnn */
	const char *what[DOCTOR_LANG__MAX];
	const char *remedy[DOCTOR_LANG__MAX];
	const char *subject[DOCTOR_LANG__MAX];	/* of a provider's; else doctor_subject */
};
/* doctor_subject(c, lang): what check c is about, in a word or two: "Routes". */
const char *doctor_subject(enum doctor_check c, enum doctor_lang lang);
/* doctor_text(c): its line; NULL for a place among the providers' that is not used. */
const struct doctor_text *doctor_text(enum doctor_check c);
/* doctor_check_by_number(n, out): of DMB-n; RC_NONE where there is none. */
enum rc doctor_check_by_number(unsigned int n, enum doctor_check *out) MUST_CHECK;
/* doctor_check_by_code(s, out): "DMB-201" or "201"; RC_NONE where there is none. */
enum rc doctor_check_by_code(const char *s, enum doctor_check *out) MUST_CHECK;

struct doctor_opts {
	struct conf *conf;	/* with its issues; borrowed */
	enum doctor_lang lang;
	int only;		/* enum doctor_check, or -1: all */
	bool offline;		/* nothing beyond files and database */
	bool fix;		/* subscribe the Meta account */
	const char *url;	/* instead of DMBOX_PUBLIC_URL; NULL */
	bool ask_cron;		/* by crontab(1): not within a web program, which starts nothing */
	const char *cgi_dir;	/* where make install put the programs; NULL: not known */
	const char *doc_root;	/* NULL: not known */
};

/* What a check found.  seen is masked. */
struct doctor_result {
	bool done;		/* something was reported; else it does not apply here */
	enum finding_status status;	/* FINDING_UNKNOWN until somebody looked */
	char *seen;
	char *remedy;		/* of the cause found; NULL: the check's own */
};

/* What the program behind the web server says of itself. */
struct doctor_probe {
	bool there;
	int64_t uid, gid;
	bool spool_ok, cgi;
	bool hosted;		/* below the site's folder: shared hosting */
	char config[256], doc_root[256];
	char tick_dir[256];	/* its DMBOX_TICK_DIR; "" off, or not told */
	bool tick_told, tick_ok;	/* tick_ok: it can write there */
	/* where it puts things, "" nowhere; NULL not told.  In the run's arena. */
	const char *spool_dir, *media_dir, *log_file;
	bool media_ok, log_ok;		/* it can write there */
	char database[40];	/* doctor_database_id there; "" not known */
};

/* The tick file before this run's own deliveries could move it. */
struct doctor_tick {
	enum rc rc;			/* of tick_look */
	bool known, late;		/* known: what the database said of the last message */
	int64_t at_us;			/* replaced then */
	int64_t file_s, message_s;	/* ages; message_s -1: there is no message */
};

struct doctor {
	struct doctor_opts o;
	struct conf *conf;
	struct doctor_result r[DC__MAX];
	struct httpc *http;
	struct db *db;
	bool conf_read;		/* what the configuration says is known */
	bool db_ok;		/* reachable, with a schema */
	bool web_up;		/* dmbox answers at base */
	bool other_ids;		/* a proxy before it numbers requests itself */
	bool db_local;		/* the database server is on this machine */
	int64_t db_version;	/* server_version_num; 0 not told */
	char db_files[256];	/* the folder of its files; "" not told */
	bool small_plan;	/* the database gives a handful of connections */
	char database[40];	/* doctor_database_id here */
	char run[24];		/* part of every request id and test id of this run */
	char base[512];		/* address of the web programs; "" not known */
	bool loopback;		/* base and all upstreams are on this machine */
	int64_t end_ms;		/* clock_mono_ms() by which all is over */
	struct doctor_probe probe;
	struct doctor_tick tick;
	struct web *web;	/* doctor/web.c's */
	struct front *front;	/* doctor/front.c's; NULL where dmbox answered at once */
	struct mem_arena arena;
	bool mended;		/* fix did something */
};

/* --- doctor.c ----------------------------------------------------------------- */
/* doctor_new(o): o's strings and configuration are borrowed until doctor_free(d). */
struct doctor *doctor_new(const struct doctor_opts *o);
/* doctor_run(d): all checks; under a quarter of a minute whatever is dead. */
void doctor_run(struct doctor *d);
void doctor_free(struct doctor *d);
/* doctor_json(d, b): {"checks":[...],"summary":{...}} */
void doctor_json(const struct doctor *d, struct buf *b);
/* doctor_count(d, status): results of that status, only those asked for. */
size_t doctor_count(const struct doctor *d, enum finding_status s);
/* doctor_shown(d, c): is check c part of the answer? */
bool doctor_shown(const struct doctor *d, enum doctor_check c);
/* doctor_exit(d): 0 good, 1 warnings, 2 failed. */
int doctor_exit(const struct doctor *d);
/*
 * doctor_say(d, c, status, fmt...):
 * Report what check c saw.  The worst of several reports counts (ok, unknown,
 * warn, fail); equal ones are joined.  The text is masked.
 */
void doctor_say(struct doctor *d, enum doctor_check c, enum finding_status s, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/*
 * doctor_cause(d, c, status, remedy, fmt...):
 * doctor_say for a check that fails in more than one way: remedy says how to fix
 * this one (copied, masked; NULL: the check's own).  A command in it stands between
 * backquotes and fixes the fault as it is.
 */
void doctor_cause(struct doctor *d, enum doctor_check c, enum finding_status s, const char *remedy,
    const char *fmt, ...) PRINTF_LIKE(5, 6);
/* doctor_remedy(d, c): how to fix check c as it was found; "" where it is ok. */
const char *doctor_remedy(const struct doctor *d, enum doctor_check c);
/* doctor_seen(d, c): what check c saw, or why it was not looked at. */
const char *doctor_seen(const struct doctor *d, enum doctor_check c);
/* doctor_first(d, out): the first broken link of the chain: what keeps all messages away
 * before what keeps a part of them, then what another failure explains, then nets that are
 * missing, then what is only unwise.  False: nothing failed. */
bool doctor_first(const struct doctor *d, enum doctor_check *out);
/* doctor_tr(d, en, ru): the text in the language of the run. */
const char *doctor_tr(const struct doctor *d, const char *en, const char *ru)
    __attribute__((format_arg(2), format_arg(3)));
/* doctor_when(d, us): a moment as this machine's zone has it, and which that is: "2026-11-28
 * 15:08 MSK".  "-" for 0.  In d's arena. */
const char *doctor_when(struct doctor *d, int64_t us);
/* doctor_fail(d, fail): why no answer came; doctor_errno(d, e): what the system says. */
const char *doctor_fail(const struct doctor *d, enum http_fail fail);
const char *doctor_errno(const struct doctor *d, int e);
/* doctor_issue(d, text): a line of the loader (conf.c speaks English) in the run's language;
 * b holds it. */
const char *doctor_issue(const struct doctor *d, const char *text, struct buf *b);
/* doctor_wants(d, first, last): is one of these checks asked for? */
bool doctor_wants(const struct doctor *d, enum doctor_check first, enum doctor_check last);
/* doctor_used(d, a): is the account meant to work?  (main's Instagram always exists.) */
bool doctor_used(const struct doctor *d, const struct account *a);
/*
 * doctor_get(d, req, timeout_ms, fn, arg):
 * One request as a flow of its own; req becomes the flow's.  fn gets the answer.
 */
typedef void (*doctor_fn)(struct doctor *d, void *arg, struct http_res *res);
void doctor_get(
    struct doctor *d, struct http_req *req, unsigned int timeout_ms, doctor_fn fn, void *arg);

/* doctor_get_after: the same, begun after wait_ms. */
void doctor_get_after(struct doctor *d, struct http_req *req, unsigned int wait_ms,
    unsigned int timeout_ms, doctor_fn fn, void *arg);

/* A remedy with a path or two in it. */
#define DOCTOR_FIX_MAX 10240

/* --- the parts ------------------------------------------------------------------ */
void doctor_conf(struct doctor *d);		/* 1xx */
/* doctor_served_folders(d, root): 108: spool, attachments, log below a document root */
void doctor_served_folders(struct doctor *d, const char *root);
void doctor_slips(struct doctor *d);		/* 104, 105: line by line */
void doctor_database(struct doctor *d);		/* 2xx: sets db_ok */
/* doctor_trial(d, db, who): 209: would the database store a delivery, by this login? */
void doctor_trial(struct doctor *d, struct db *db, const char *who);
/* doctor_trial_others(d, db, who): 209: what the poller and sends write, by the login of who */
void doctor_trial_others(struct doctor *d, struct db *db, const char *who);
/* doctor_objects(d), doctor_code(d): 209: is each table there that sql/ makes; each view and
 * function? */
void doctor_objects(struct doctor *d);
void doctor_code(struct doctor *d);
/* doctor_runs(d, db, who): 206: may this login call the functions? */
void doctor_runs(struct doctor *d, struct db *db, const char *who);
/* doctor_commits(d): 209: does a commit end?  211: of what is written, is all kept? */
void doctor_commits(struct doctor *d);
void doctor_disk(struct doctor *d);		/* 3xx; after the web part */
/*
 * doctor_way(d, path, uid, gid, e, fix):
 * What keeps a user from path, who got e (errno, or 0 where that is not known), that the rights
 * of path itself do not tell: a closed folder above, a flag, an access list, SELinux.
 * Returns  the end of a sentence, in d's arena, with the remedy in fix; NULL where it is none of
 *          these.
 */
const char *doctor_way(
    struct doctor *d, const char *path, uid_t uid, gid_t gid, int e, char fix[DOCTOR_FIX_MAX]);
/* doctor_same_file(a, b): are both paths names of one file or folder? */
bool doctor_same_file(const char *a, const char *b);
void doctor_tick_before(struct doctor *d);	/* fills tick; before the web part */
void doctor_tick(struct doctor *d);		/* 311; after the web part */
/* doctor_page_ask(d): 503: flows that ask for the inbox page and what it needs. */
void doctor_page_ask(struct doctor *d);
/* doctor_tick_ask(d): 516: a flow that asks the web server for the tick file. */
void doctor_tick_ask(struct doctor *d);
void doctor_cron(struct doctor *d);		/* 4xx; after the providers */
/*
 * doctor_crontab(d, fix, why):
 * How cron is made to start this installation's poller, into fix; what the crontab of the
 * poller's user shows to be wrong is added to why, as "; ..." for the end of a sentence.
 */
void doctor_crontab(const struct doctor *d, char fix[DOCTOR_FIX_MAX], struct buf *why);
void doctor_web_start(struct doctor *d);	/* 5xx, 6xx: adds flows */
void doctor_web_end(struct doctor *d);		/* ... and judges what they brought */
/*
 * doctor_front_start(d, res): the first call was answered, and not by dmbox (res):
 * a few more calls, as flows, tell what answers there instead.  on_ours is called
 * where dmbox answers at /health alone.
 */
void doctor_front_start(struct doctor *d, const struct http_res *res,
    void (*on_ours)(struct doctor *d, struct http_res *res));
/* doctor_front_wants_cert(d, note): did the handshake end because the caller showed no
 * certificate?  Reported, with the way to fix it. */
bool doctor_front_wants_cert(struct doctor *d, const char *note);
/* doctor_front_silent(d): the first call got no answer in time: does the site give any? */
void doctor_front_silent(struct doctor *d);
/* doctor_front_sent_away(d, res): the first call was redirected to another page. */
void doctor_front_sent_away(struct doctor *d, const struct http_res *res);
/* doctor_front_one_dead(d, status, what): a 5xx of the server's to what, while other programs
 * answer. */
void doctor_front_one_dead(struct doctor *d, int status, const char *what);
void doctor_front_end(struct doctor *d);	/* judges, frees */
/*
 * doctor_error_log(d, fix): what the web server's error log says of a program that does not start,
 * where it lies beside ours, in ~/logs or in the server's own folder, and was written to just now.
 * Returns  the line, in d's arena, with the remedy in fix (static); NULL: nothing is known.
 */
const char *doctor_error_log(struct doctor *d, const char **fix);
/* doctor_web_request(d, req, rid, method, path): a request of this run to the address
 * under test; rid (48 bytes) gets its id. */
void doctor_web_request(
    struct doctor *d, struct http_req *r, char rid[48], const char *method, const char *path);
/* doctor_cached(d, res), doctor_cloudflare(d, res): did a cache, did Cloudflare answer
 * instead of the site?  Reported, with the way to fix it. */
bool doctor_cached(struct doctor *d, const struct http_res *res);
/* doctor_browser(d, res): does a protection answer that only a browser passes? */
bool doctor_browser(struct doctor *d, const struct http_res *res);
bool doctor_cloudflare(struct doctor *d, const struct http_res *res);
void doctor_cgi_dir(struct doctor *d);		/* 511 to 514 */
void doctor_providers_start(struct doctor *d);	/* 7xx, 802: adds flows */
/* doctor_facts(d, a, out): what the tables tell of a; strings in d's arena. */
void doctor_facts(struct doctor *d, const struct account *a, struct check_facts *out);
/* doctor_checkup(d, a, c): for the functions of a's provider; without facts. */
void doctor_checkup(struct doctor *d, const struct account *a, struct checkup *c);
void doctor_ledger(struct doctor *d);		/* 7xx by what arrived, 801, 9xx */
void doctor_leaks(struct doctor *d);		/* 921 */
/* doctor_database_id(db, out): what tells this database from another one: the
 * moment of its first migration; "" where that cannot be asked. */
void doctor_database_id(struct db *db, char out[40]);
/* doctor_clean(d): removes the rows that this run made, and older left-overs. */
void doctor_clean(struct doctor *d);
/* doctor_ticket(d, b): a support ticket for the provider, Russian and English. */
void doctor_ticket(struct doctor *d, struct buf *b);
/* doctor_nonce(conf, out): the word of this installation that a call from outside
 * carries, and by which its arrival is known. */
void doctor_nonce(const struct conf *c, char out[17]);

/* --- pure, for tests -------------------------------------------------------------- */
/* doctor_private(ip): loopback, private, link-local or the like. */
bool doctor_private(const char *ip);
/* doctor_punycode(label, len, b): one label of a domain name as DNS has it (RFC 3492). */
void doctor_punycode(const char *label, size_t len, struct buf *b);
/* doctor_htaccess(text, why): a directive that breaks every request, or an empty
 * why.  Forbidden: Fcgid*, what stands only in server configurations, and a
 * LimitRequestBody below 16 MB. */
bool doctor_htaccess(const char *text, char why[128]);
/* doctor_word_in(p, n, secret): does p contain secret (8 bytes or more)? */
bool doctor_word_in(const char *p, size_t n, const char *secret);
/* doctor_clock(seconds): what a difference between two clocks means. */
enum finding_status doctor_clock(int64_t seconds);
/* doctor_shared_root(path): the folder of path that looks like a web server's
 * document root ("public_html", "htdocs", ...), or NULL. */
const char *doctor_shared_root(const char *path);
/*
 * doctor_changes(d, before, b, now):
 * What is new against before, the JSON of an earlier now (NULL: nothing known):
 * one line each into b.  now gets the JSON to keep.
 * Returns  how many lines.
 */
size_t doctor_changes(const struct doctor *d, const char *before, struct buf *b, struct buf *now);

#endif
