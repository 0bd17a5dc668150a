/*
 * For load balancers and people: one query with a short deadline, a message stored and
 * undone, and a look at the spool, which is what matters most while the database is away.
 */
#include "endpoint/health.h"

#include <inttypes.h>

#include "extern/jsonw.h"
#include "bridge/spool.h"
#include "bridge/trial.h"
#include "base/str.h"

#define TRIALS_A_MINUTE 120

static const struct db_stmt counts = { "health",
	"select (select count(*) from dmbox.outbox where state in ('queued','leased')),"
	" (select count(*) from dmbox.outbox where state = 'dead'),"
	" (select count(*) from dmbox.outbox where state = 'unknown'),"
	" (select greatest(0, extract(epoch from now() - at))::bigint from dmbox.heartbeats"
	" where name = 'poll')" };

static const char *
fault_name(enum db_fault f)
{
	switch (f) {
	case DB_FAULT_SCHEMA:
		return "schema_missing";
	case DB_FAULT_DENIED:
		return "denied";
	default:
		return "away";
	}
}

static void
put_count(struct jsonw *w, const char *key, const struct db_res *r, int col)
{
	if (r == NULL || db_is_null(r, 0, col))
		jsonw_raw(w, key, NULL);
	else
		jsonw_i64(w, key, db_get_i64(r, 0, col));
}

static bool
spool_known(struct endpoint_env *e, struct spool_stat *st)
{
	struct spool *sp = ctx_spool(e->ctx, e->conf);

	return sp != NULL && spool_stat(sp, st) == RC_OK;
}

static void
put_spool(struct jsonw *w, bool known, const struct spool_stat *st)
{
	jsonw_object(w, "spool");
	if (known) {
		jsonw_i64(w, "waiting", (int64_t)st->waiting);
		jsonw_i64(w, "oldestSeconds", st->waiting > 0 ? st->oldest_s : 0);
		jsonw_i64(w, "setAside", (int64_t)st->bad);
	} else {
		jsonw_raw(w, "waiting", NULL);
		jsonw_raw(w, "oldestSeconds", NULL);
	}
	jsonw_end(w);
}

/* The login that stores what arrives, where it is another one than this program's. */
static const char *
stores(struct endpoint_env *e, struct db *db)
{
	const char *url = e->conf->database_url_web;
	struct db_opts o = { .conninfo = url, .connect_s = e->conf->db_connect_s, .app = "status" };
	struct db *web = str_empty(url) || str_eq(url, e->conf->database_url_read) ? db :
										     db_new(&o);
	const char *fault = NULL;

	if (trial_store(web, &e->conf->accounts[0]) != RC_OK)
		fault = db_connected(web) || *db_sqlstate(web) != '\0' ? "refuses" :
									 fault_name(db_fault(web));
	if (web != db)
		db_free(web);
	return fault;
}

/*
 * What is wrong with the database, or NULL.  That it answers is not enough: a trigger, a
 * right, a full disk let it answer and store nothing.  So a message is tried and undone; a
 * caller who asks too often gets by without, unless deliveries wait already.
 */
static const char *
fault_of(struct endpoint_env *e, struct db *db, bool up, size_t waiting)
{
	if (!up)
		return fault_name(db_fault(db));
	if (e->conf->n_accounts == 0 ||
	    (!ctx_limit(e->ctx, "health:trial", TRIALS_A_MINUTE, NULL) && waiting == 0))
		return NULL;
	return stores(e, db);
}

void
endpoint_health(struct endpoint_env *e)
{
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	struct db_res *r = NULL;
	bool up = db_exec(db, &counts, NULL, &r) == RC_OK && db_rows(r) == 1;
	struct spool_stat st = { 0 };
	bool known = spool_known(e, &st);
	const char *fault = fault_of(e, db, up, st.waiting);
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "status", fault != NULL ? "unavailable" : st.bad > 0 ? "degraded" : "ok");
	jsonw_str(&w, "database", fault == NULL ? "ok" : fault);
	put_spool(&w, known, &st);
	jsonw_object(&w, "outbox");
	put_count(&w, "queued", up ? r : NULL, 0);
	put_count(&w, "dead", up ? r : NULL, 1);
	put_count(&w, "unknown", up ? r : NULL, 2);
	jsonw_end(&w);
	put_count(&w, "lastPollSeconds", up ? r : NULL, 3);
	jsonw_str(&w, "version", DMBOX_VERSION);
	jsonw_end(&w);
	buf_putc(&b, '\n');
	if (fault != NULL)
		http_res_header(e->res, "Retry-After", 11, "5", 1);
	endpoint_jsonw(e, fault == NULL ? 200 : 503, &w);
	db_res_free(r);
}
