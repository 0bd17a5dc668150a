/*
 * For load balancers and people: one query with a short deadline, and a look at
 * the spool, which is what matters most while the database is away.
 */
#include "endpoint/health.h"

#include <inttypes.h>

#include "extern/json.h"
#include "bridge/spool.h"

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
put_count(struct buf *b, const struct db_res *r, int col)
{
	if (r == NULL || db_is_null(r, 0, col))
		buf_puts(b, "null");
	else
		buf_printf(b, "%" PRId64, db_get_i64(r, 0, col));
}

static void
put_spool(struct endpoint_env *e, struct buf *b)
{
	struct spool *sp = ctx_spool(e->ctx, e->conf);
	struct spool_stat st = { 0 };

	if (sp == NULL || spool_stat(sp, &st) != RC_OK)
		buf_puts(b, ",\"spool\":{\"waiting\":null,\"oldestSeconds\":null}");
	else
		buf_printf(b, ",\"spool\":{\"waiting\":%zu,\"oldestSeconds\":%" PRId64 ",\"setAside\":%zu}",
		    st.waiting, st.waiting > 0 ? st.oldest_s : 0, st.bad);
}

void
endpoint_health(struct endpoint_env *e, struct http_res *res)
{
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	struct db_res *r = NULL;
	bool up = db_exec(db, &counts, NULL, &r) == RC_OK && db_rows(r) == 1;
	struct buf b;

	buf_init(&b, 4096);
	buf_printf(&b, "{\"status\":\"%s\",\"database\":\"%s\"", up ? "ok" : "unavailable",
	    up ? "ok" : fault_name(db_fault(db)));
	put_spool(e, &b);
	buf_puts(&b, ",\"outbox\":{\"queued\":");
	put_count(&b, up ? r : NULL, 0);
	buf_puts(&b, ",\"dead\":");
	put_count(&b, up ? r : NULL, 1);
	buf_puts(&b, ",\"unknown\":");
	put_count(&b, up ? r : NULL, 2);
	buf_puts(&b, "},\"lastPollSeconds\":");
	put_count(&b, up ? r : NULL, 3);
	buf_puts(&b, ",\"version\":");
	json_put_str(&b, DMBOX_VERSION);
	buf_puts(&b, "}\n");
	if (!up)
		http_res_header(res, "Retry-After", 11, "5", 1);
	endpoint_json(res, up ? 200 : 503, &b);
	buf_free(&b);
	db_res_free(r);
}
