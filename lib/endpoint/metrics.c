/*
 * Figures for Prometheus.  A query that fails leaves its figures out: an absent
 * series is an alert of its own, a zero would be a lie.
 */
#include "endpoint/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/store.h"
#include "base/str.h"

#define ANSWER_MAX (4u << 20)

enum stmt { SQL_STATE, SQL_OUTBOX, SQL_ACCOUNTS, SQL_REFUSED, SQL__MAX };
static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_STATE] = { "metrics_state",
	    "select (select max(version) from dmbox.schema_version),"
	    " (select greatest(0, extract(epoch from now() - at))::bigint from dmbox.heartbeats "
	    "where name = 'poll')" },
	[SQL_OUTBOX] = { "metrics_outbox",
	    "select s.state, count(o.id), coalesce(extract(epoch"
	    " from now() - min(o.created_at)), 0)::bigint"
	    " from unnest(array['queued', 'leased', 'unknown', 'failed', 'dead']) s(state)"
	    " left join dmbox.outbox o on o.state = s.state group by s.state order by s.state" },
	[SQL_ACCOUNTS] = { "metrics_accounts",
	    "select channel, account, extract(epoch from now() - last_poll_at)::bigint,"
	    " extract(epoch from token_expires_at - now())::bigint,"
	    " case when pause_until > now() then 1 else 0 end"
	    " from dmbox.account_state order by channel, account" },
	[SQL_REFUSED] = { "metrics_refused",
	    "select channel, account, reason, sum(kept)::bigint, sum(capped)::bigint"
	    " from dmbox.refusals"
	    " where minute > now() - interval '1 hour' group by channel, account, reason"
	    " order by channel, account, reason" },
};

static void
head(struct buf *b, const char *name, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* name{channel="..",account=".." open for more labels or the end. */
static void
of_account(struct buf *b, const char *name, const struct db_res *r, size_t i)
{
	buf_printf(b, "%s{channel=\"", name);
	meter_label(b, db_get_text(r, i, 0));
	buf_puts(b, "\",account=\"");
	meter_label(b, db_get_text(r, i, 1));
	buf_putc(b, '"');
}

static void
print_state(const struct db_res *r, struct buf *b)
{
	head(b, "dmbox_schema_version", "Last applied step of sql/");
	buf_printf(b, "dmbox_schema_version %" PRId64 "\n", db_get_i64(r, 0, 0));
	if (db_is_null(r, 0, 1))
		return;
	head(b, "dmbox_poller_age_seconds", "Time since dmbox-poll was last alive");
	buf_printf(b, "dmbox_poller_age_seconds %" PRId64 "\n", db_get_i64(r, 0, 1));
}

static void
print_outbox(const struct db_res *r, struct buf *b)
{
	head(b, "dmbox_outbox_messages", "Messages of the outbox that are not sent, by state");
	for (size_t i = 0; i < db_rows(r); i++)
		buf_printf(b, "dmbox_outbox_messages{state=\"%s\"} %" PRId64 "\n",
		    db_get_text(r, i, 0), db_get_i64(r, i, 1));
	head(b, "dmbox_outbox_oldest_seconds", "Age of the oldest of them");
	for (size_t i = 0; i < db_rows(r); i++)
		buf_printf(b, "dmbox_outbox_oldest_seconds{state=\"%s\"} %" PRId64 "\n",
		    db_get_text(r, i, 0), db_get_i64(r, i, 2));
}

static void
print_accounts(const struct db_res *r, struct buf *b)
{
	head(b, "dmbox_last_poll_age_seconds", "Time since the account was last checked");
	for (size_t i = 0; i < db_rows(r); i++)
		if (!db_is_null(r, i, 2)) {
			of_account(b, "dmbox_last_poll_age_seconds", r, i);
			buf_printf(b, "} %" PRId64 "\n", db_get_i64(r, i, 2));
		}
	head(b, "dmbox_token_days", "Days until the account's refreshed access token expires");
	for (size_t i = 0; i < db_rows(r); i++)
		if (!db_is_null(r, i, 3)) {
			int64_t s = db_get_i64(r, i, 3);

			of_account(b, "dmbox_token_days", r, i);
			buf_printf(b, "} %s%" PRId64 ".%02" PRId64 "\n", s < 0 ? "-" : "",
			    (s < 0 ? -s : s) / 86400, (s < 0 ? -s : s) % 86400 * 100 / 86400);
		}
	head(b, "dmbox_account_paused", "1 while the account rests (limit, wrong token)");
	for (size_t i = 0; i < db_rows(r); i++) {
		of_account(b, "dmbox_account_paused", r, i);
		buf_printf(b, "} %" PRId64 "\n", db_get_i64(r, i, 4));
	}
}

static void
print_refused(const struct db_res *r, struct buf *b)
{
	head(b, "dmbox_refused_last_hour",
	    "Deliveries refused within the last hour, on all hosts; kept: in the ledger, or "
	    "counted only");
	for (size_t i = 0; i < db_rows(r); i++)
		for (int capped = 0; capped < 2; capped++) {
			of_account(b, "dmbox_refused_last_hour", r, i);
			buf_puts(b, ",reason=\"");
			meter_label(b, db_get_text(r, i, 2));
			buf_printf(b, "\",kept=\"%s\"} %" PRId64 "\n", capped ? "no" : "yes",
			    db_get_i64(r, i, 3 + capped));
		}
}

static void
print_spool(struct spool *sp, struct buf *b)
{
	struct spool_stat st;

	if (sp == NULL || spool_stat(sp, &st) != RC_OK)
		return;
	head(b, "dmbox_spool_files",
	    "Deliveries in the spool: waiting for the database, or quarantined");
	buf_printf(b,
	    "dmbox_spool_files{state=\"waiting\"} "
	    "%zu\ndmbox_spool_files{state=\"set_aside\"} %zu\n",
	    st.waiting, st.bad);
	head(b, "dmbox_spool_oldest_seconds", "Age of the oldest waiting one");
	buf_printf(b, "dmbox_spool_oldest_seconds %" PRId64 "\n", st.waiting > 0 ? st.oldest_s : 0);
}

/* Where the database is away dmbox_database_up is 0 and its figures are left out. */
static void
print(struct db *db, struct spool *sp, struct meter *m, struct buf *b)
{
	static void (*const print[SQL__MAX])(
	    const struct db_res *, struct buf *) = { [SQL_STATE] = print_state,
		[SQL_OUTBOX] = print_outbox,
		[SQL_ACCOUNTS] = print_accounts,
		[SQL_REFUSED] = print_refused };
	bool up = true;

	head(b, "dmbox_build_info", "The version of dmbox");
	buf_printf(b, "dmbox_build_info{version=\"%s\",schema=\"%d\"} 1\n", DMBOX_VERSION,
	    STORE_SCHEMA_VERSION);
	for (int i = 0; i < SQL__MAX && up; i++) {
		struct db_res *r = NULL;

		up = db_exec(db, &stmts[i], NULL, &r) == RC_OK;
		if (up)
			print[i](r, b);
		db_res_free(r);
	}
	head(b, "dmbox_database_up", "1 when the database answered");
	buf_printf(b, "dmbox_database_up %d\n", up);
	print_spool(sp, b);
	meter_print(m, b);
}

void
endpoint_metrics(struct endpoint_env *e)
{
	static const char type[] = "text/plain; version=0.0.4; charset=utf-8";
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	print(ctx_db(e->ctx, e->conf, e->thread), ctx_spool(e->ctx, e->conf),
	    ctx_meter(e->ctx, e->conf), &b);
	http_res_header(e->res, "Content-Type", 12, type, sizeof type - 1);
	endpoint_json(e, 200, &b);
	buf_free(&b);
}

enum rc
endpoint_metrics_file(const char *path, struct db *db, struct spool *sp, struct meter *m)
{
	char tmp[4096];
	struct buf b;
	int fd = -1, n = snprintf(tmp, sizeof tmp, "%s.%ld", path, (long)getpid());
	enum rc rc = RC_TEMP;

	buf_init(&b, ANSWER_MAX);
	if (n > 0 && (size_t)n < sizeof tmp) {
		print(db, sp, m, &b);
		fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
		/* the collector is another user, whatever our umask */
		if (fd >= 0 && !buf_err(&b) && fchmod(fd, 0644) == 0 &&
		    write(fd, b.p, b.n) == (ssize_t)b.n && rename(tmp, path) == 0)
			rc = RC_OK;
	}
	if (rc != RC_OK) {
		log_warn("metrics: cannot write %s: %s", path, strerror(errno));
		if (fd >= 0)
			unlink(tmp);
	}
	if (fd >= 0)
		close(fd);
	buf_free(&b);
	return rc;
}
