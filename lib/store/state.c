/*
 * Leases, the poller's memory, pauses, tokens, poll_runs, heartbeats.
 *
 * All times are the database's: hosts that share the work need not agree on
 * the time of day.  A row of account_state appears with the first thing there
 * is to remember.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "extern/sign.h"
#include "store/state.h"
#include "base/str.h"

enum stmt {
	SQL_LEASE,
	SQL_LEASE_FREE,
	SQL_GET,
	SQL_MEMORY,
	SQL_PAUSE,
	SQL_TOKEN,
	SQL_PROOF,
	SQL_ACCOUNT,
	SQL_POLL_RUN,
	SQL_HEARTBEAT,
	SQL_RUN,
	SQL_RUN_END,
	SQL_SPOOL,
	SQL__MAX
};

#define UPSERT "insert into dmbox.account_state as s (account, channel, "
#define CONFLICT " on conflict (account, channel) do update set "

static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_LEASE] = { "state_lease",
	    "insert into dmbox.leases as l (name, owner, expires_at)"
	    " values ($1, $2, clock_timestamp() + make_interval(secs => $3::integer))"
	    " on conflict (name) do update set owner = excluded.owner, expires_at = "
	    "excluded.expires_at"
	    " where l.owner = excluded.owner or l.expires_at < clock_timestamp()"
	    /* taken before the clock was set back: else it held for hours */
	    " or l.expires_at > clock_timestamp() + make_interval(secs => $3::integer + 600)"
	    " returning 1" },
	[SQL_LEASE_FREE] = { "state_lease_free",
	    "delete from dmbox.leases where name = $1 and owner = $2" },
	[SQL_GET] = { "state_get",
	    "select memory, pause_until, pause_reason,"
	    " case when token_expires_at is null or token_expires_at > now() then token end,"
	    " token_since, token_expires_at,"
	    " last_poll_at, next_probe_at, token_of, proof::bigint from dmbox.account_state where "
	    "account = $1 and channel = $2" },
	[SQL_MEMORY] = { "state_memory",
	    UPSERT "memory, next_probe_at) values ($1, $2, $3, $4)" CONFLICT
		   "memory = excluded.memory, next_probe_at = excluded.next_probe_at" },
	[SQL_PAUSE] = { "state_pause",
	    UPSERT "pause_until, pause_reason) values ($1, $2,"
		   " case when $3::bigint > 0 then now() + $3::bigint * interval '1 second' end,"
		   " case when $3::bigint > 0 then $4::text end)" CONFLICT
		   "pause_until = excluded.pause_until, pause_reason = excluded.pause_reason" },
	[SQL_TOKEN] = { "state_token",
	    UPSERT "token, token_since, token_expires_at, token_tried_at, token_of) values ($1, "
		   "$2, $3, now(),"
		   " now() + $4::bigint * interval '1 second', now(), $5)" CONFLICT
		   "token = excluded.token, token_of = excluded.token_of, token_since = "
		   "excluded.token_since,"
		   " token_expires_at = excluded.token_expires_at, token_tried_at = "
		   "excluded.token_tried_at" },
	[SQL_PROOF] = { "state_proof",
	    UPSERT "proof) values ($1, $2, $3)" CONFLICT "proof = excluded.proof" },
	[SQL_ACCOUNT] = { "state_account",
	    "insert into dmbox.accounts as s (account, channel, provider, window_s)"
	    " values ($1, $2, $3, $4)"
	    " on conflict (channel, account) do update set provider = excluded.provider, window_s "
	    "= excluded.window_s"
	    " where (s.provider, s.window_s) is distinct from (excluded.provider,"
	    " excluded.window_s)" },
	[SQL_POLL_RUN] = { "state_poll_run",
	    "select dmbox.poll_run($1, $2, $3, $4, $5, $6, $7, $8, $9)" },
	[SQL_HEARTBEAT] = { "state_heartbeat",
	    "insert into dmbox.heartbeats (name, at) values ($1, now())"
	    " on conflict (name) do update set at = excluded.at" },
	/* a heartbeat a host: its folder now, and those it had before */
	[SQL_SPOOL] = { "state_spool",
	    "with r as (insert into dmbox.heartbeats as h (name, at, info) values ('spool ' "
	    "|| $1, now(),"
	    " jsonb_build_object('dir', $2::text, 'before', '[]'::jsonb))"
	    " on conflict (name) do update set at = excluded.at, info = case when h.info ->> 'dir' "
	    "= $2 then h.info"
	    " else jsonb_build_object('dir', $2::text, 'before', ((h.info -> 'before') - $2)"
	    "   || jsonb_build_array(h.info ->> 'dir')) end returning h.info)"
	    " select jsonb_array_elements_text(r.info -> 'before') from r" },
	[SQL_RUN] = { "state_run",
	    "insert into dmbox.heartbeats as h (name, at, info)"
	    " values ('poll', now(), jsonb_build_object("
	    "'window', $1::bigint, 'started', extract(epoch from now())::bigint, "
	    "'version', $2::text,"
	    " 'host', $3::text, 'config', $4::text, 'accounts', $5::text[]))"
	    " on conflict (name) do update set at = excluded.at, info = excluded.info || "
	    "jsonb_strip_nulls(jsonb_build_object("
	    "'interval', extract(epoch from now())::bigint - (h.info->>'started')::bigint,"
	    "'before', h.info->'interval',"
	    /* runs in a row that were begun and did not come to their end */
	    "'cut', case when (h.info ? 'version') and not (h.info ? 'ended') then "
	    "coalesce((h.info->>'cut')::int, 0) + 1 else 0 end,"
	    /* the last poller that was another one */
	    "'other', case when (h.info->>'host') <> $3 or (h.info->>'config') <> $4"
	    "   then jsonb_build_object('host', h.info->>'host', 'config', h.info->>'config',"
	    "     'at', extract(epoch from h.at)::bigint) else h.info->'other' end))" },
	[SQL_RUN_END] = { NULL,
	    "update dmbox.heartbeats set info = info || jsonb_build_object('ended', extract(epoch"
	    " from now())::bigint)"
	    " where name = 'poll' and info->>'host' = $1 and info->>'config' = $2" },
};

/* Run it, throw the rows away, free the arguments. */
static enum rc
run(struct db *db, enum stmt s, struct db_args *a)
{
	enum rc rc = db_exec(db, &stmts[s], a, NULL);

	db_args_free(a);
	return rc;
}

static struct db_args
account_args(enum channel ch, const char *account)
{
	struct db_args a = { 0 };

	db_text(&a, account);
	db_text(&a, channel_names[ch]);
	return a;
}

enum rc
state_lease(struct db *db, const char *name, const char *owner, unsigned int ttl_s)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_text(&a, name);
	db_text(&a, owner);
	db_i32(&a, (int32_t)ttl_s);
	rc = db_exec(db, &stmts[SQL_LEASE], &a, &r);
	if (rc == RC_OK && db_rows(r) == 0)
		rc = RC_LIMIT;
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

enum rc
state_lease_free(struct db *db, const char *name, const char *owner)
{
	struct db_args a = { 0 };

	db_text(&a, name);
	db_text(&a, owner);
	return run(db, SQL_LEASE_FREE, &a);
}

enum rc
state_get(struct db *db, enum channel ch, const char *account, struct state_account *out)
{
	struct db_args a = account_args(ch, account);
	struct db_res *r = NULL;
	enum rc rc;

	rc = db_exec(db, &stmts[SQL_GET], &a, &r);
	db_args_free(&a);
	if (rc != RC_OK)
		return rc;
	memset(out, 0, sizeof *out);
	if (db_rows(r) > 0) {
		out->memory = mem_dup(db_get_text(r, 0, 0));
		out->pause_until_us = db_get_time(r, 0, 1);
		out->pause_reason = mem_dup(db_get_text(r, 0, 2));
		out->token = mem_dup(db_get_text(r, 0, 3));
		out->token_since_us = db_get_time(r, 0, 4);
		out->token_expires_us = db_get_time(r, 0, 5);
		out->last_poll_us = db_get_time(r, 0, 6);
		out->next_probe_us = db_get_time(r, 0, 7);
		out->token_of = mem_dup(db_get_text(r, 0, 8));
		out->proof = (unsigned int)db_get_i64(r, 0, 9);
	} else {
		out->memory = mem_dup("{}");
	}
	db_res_free(r);
	return RC_OK;
}

void
state_account_free(struct state_account *s)
{
	free(s->memory);
	free(s->pause_reason);
	mem_free_secret(s->token);
	free(s->token_of);
	memset(s, 0, sizeof *s);
}

enum rc
state_set_memory(
    struct db *db, enum channel ch, const char *account, const char *json, int64_t next_probe_us)
{
	struct db_args a = account_args(ch, account);

	db_jsonb(&a, json);
	if (next_probe_us == 0)
		db_null(&a, DB_TIME);
	else
		db_time(&a, next_probe_us);
	return run(db, SQL_MEMORY, &a);
}

enum rc
state_pause(
    struct db *db, enum channel ch, const char *account, int64_t seconds, const char *reason)
{
	struct db_args a = account_args(ch, account);

	db_i64(&a, seconds);
	db_text(&a, reason);
	return run(db, SQL_PAUSE, &a);
}

void
state_token_of(const char *token, char out[STATE_TOKEN_OF])
{
	char hex[2 * SIGN_SHA256 + 1];

	/* half of it is enough to tell tokens apart */
	sign_sha256_hex(token, strlen(token), hex);
	memcpy(out, hex, STATE_TOKEN_OF - 1);
	out[STATE_TOKEN_OF - 1] = '\0';
}

const char *
state_token_pick(const char *configured, const char *refreshed, const char *of)
{
	char digest[STATE_TOKEN_OF];

	if (str_empty(configured) || str_empty(refreshed) || str_empty(of))
		return configured;
	state_token_of(configured, digest);
	return str_eq(digest, of) ? refreshed : configured;
}

const char *
state_token(const struct account *a, const struct state_account *s)
{
	return state_token_pick(a->token, s->token, s->token_of);
}

enum rc
state_set_token(struct db *db, enum channel ch, const char *account, const char *of,
    const char *token, int64_t life_s)
{
	struct db_args a = account_args(ch, account);

	db_text(&a, token);
	db_i64(&a, life_s);
	db_text(&a, of);
	return run(db, SQL_TOKEN, &a);
}

enum rc
state_set_proof(struct db *db, enum channel ch, const char *account, unsigned int proof)
{
	struct db_args a = account_args(ch, account);

	db_i32(&a, (int32_t)(proof % 1000));
	return run(db, SQL_PROOF, &a);
}

enum rc
state_note_account(struct db *db, const struct account *acc)
{
	struct db_args a = account_args(acc->channel, acc->name);
	const struct provider *p = provider_of(acc);

	db_text(&a, p->name);
	if (p->window_s > 0)
		db_i32(&a, (int32_t)p->window_s);
	else
		db_null(&a, DB_I32);
	return run(db, SQL_ACCOUNT, &a);
}

enum rc
state_poll_run(struct db *db, const struct state_poll_run *p)
{
	struct db_args a = account_args(p->channel, p->account);

	db_time(&a, p->started_us);
	db_time(&a, p->finished_us);
	db_text(&a, poll_outcome_names[p->outcome]);
	db_jsonb(&a, p->attempts != NULL ? p->attempts : "[]");
	db_i32(&a, (int32_t)p->stored);
	db_i32(&a, (int32_t)p->duplicates);
	db_i32(&a, (int32_t)p->added);
	return run(db, SQL_POLL_RUN, &a);
}

enum rc
state_heartbeat(struct db *db, const char *what)
{
	struct db_args a = { 0 };

	db_text(&a, what);
	return run(db, SQL_HEARTBEAT, &a);
}

enum rc
state_run(struct db *db, const struct state_runner *who)
{
	struct db_args a = { 0 };

	db_i64(&a, who->window_s);
	db_text(&a, who->version);
	db_text(&a, who->host);
	db_text(&a, who->config);
	db_array(&a, DB_TEXT);
	for (size_t i = 0; i < who->accounts.n; i++)
		db_text(&a, who->accounts.v[i]);
	db_array_end(&a);
	return run(db, SQL_RUN, &a);
}

enum rc
state_spool(struct db *db, const char *host, const char *dir, struct strv *before)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_text(&a, host);
	db_text(&a, dir);
	rc = db_exec(db, &stmts[SQL_SPOOL], &a, &r);
	for (size_t i = 0; rc == RC_OK && i < db_rows(r); i++) {
		const char *s = db_get_text(r, i, 0);

		strv_add(before, s, strlen(s));
	}
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

enum rc
state_run_end(struct db *db, const struct state_runner *who)
{
	struct db_args a = { 0 };

	db_text(&a, who->host);
	db_text(&a, who->config);
	return run(db, SQL_RUN_END, &a);
}
