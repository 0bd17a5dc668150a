/* What arrived, what was polled and what goes out, as the database has it. */
#include <inttypes.h>
#include <string.h>

#include "doctor/doctor.h"
#include "base/str.h"

#define HEARTBEAT_S 180
#define INTERVAL_SLACK_S 45
#define POLL_SILENT_S 900
#define QUEUED_S 600

enum stmt { SQL_HEARTBEAT, SQL_POLLS, SQL_REFUSED, SQL_LAST, SQL_LITERAL, SQL_ENTRY, SQL_ANY, SQL_ADDED,
	SQL_OUTBOX, SQL_PAUSED, SQL_BALANCE, SQL__MAX };

/* neither doctor's own deliveries nor the call from outside that it asked for */
#define REAL " coalesce(request_id, '') not like 'doctor-%' and source in ('webhook', 'spool')" \
	" and coalesce(headers->>':query', '') not like 'doctor=%' "

static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_HEARTBEAT] = { NULL,
	    "select extract(epoch from now() - at)::bigint, (info->>'window')::bigint,"
	    " least((info->>'interval')::bigint, coalesce((info->>'before')::bigint, 0)), extract(epoch from now())::bigint - (info->>'started')::bigint,"
	    " coalesce((info->>'interval')::bigint, 86400)"
	    " from dmbox.heartbeats where name = 'poll'" },
	[SQL_POLLS] = { NULL,
	    "select outcome, extract(epoch from now() - finished_at)::bigint, attempts->-1->>'note',"
	    " attempts->-1->>'status' from dmbox.poll_runs where account = $1 and channel = $2"
	    " order by id desc limit 1" },
	[SQL_REFUSED] = { NULL,
	    "select r.reason, to_char(r.received_at, 'YYYY-MM-DD HH24:MI'), coalesce(r.remote_addr, ''),"
	    " ok.at is not null, ok.at > r.received_at, coalesce(r.request_id, '')"
	    " from (select max(received_at) as at from dmbox.deliveries where account = $1 and channel = $2"
	    "   and verdict = 'accepted' and" REAL ") ok"
	    " left join lateral (select * from dmbox.deliveries where account = $1 and channel = $2"
	    "   and verdict = 'rejected' and" REAL "order by received_at desc limit 1) r on true" },
	[SQL_LAST] = { NULL,
	    "select to_char(max(received_at), 'YYYY-MM-DD HH24:MI') from dmbox.deliveries"
	    " where account = $1 and channel = $2 and verdict = 'accepted' and items > 0 and" REAL },
	/* variables that the platform did not fill: of the last 20 deliveries */
	[SQL_LITERAL] = { NULL,
	    "select id, substring(convert_from(substring(body from position('\\x7b7b'::bytea in body) for 40), 'LATIN1')"
	    " from '^\\{\\{[A-Za-z0-9_ .]{1,32}\\}\\}') from (select id, body from dmbox.deliveries"
	    " where account = $1 and channel = $2 and verdict = 'accepted' and" REAL
	    " order by received_at desc limit 20) d where position('\\x7b7b'::bytea in body) > 0 order by id desc limit 1" },
	[SQL_ENTRY] = { NULL,
	    "select recipient_id from (select recipient_id from dmbox.messages where account = $1"
	    " and channel = $2 and provider = $3 and direction = 'inbound' and not is_test"
	    " and source = 'webhook' order by id desc limit 20) m where recipient_id <> $4 limit 1" },
	[SQL_ANY] = { NULL,
	    "select exists (select 1 from dmbox.messages where account = $1 and channel = $2"
	    " and provider = $3 and not is_test)" },
	[SQL_ADDED] = { NULL,
	    "select coalesce(sum(added_by_reconcile), 0)::bigint from dmbox.poll_runs where account = $1"
	    " and channel = $2 and finished_at > now() - interval '1 day'" },
	[SQL_OUTBOX] = { NULL,
	    "select count(*) filter (where state in ('dead', 'failed') and settled_at > now() - interval '7 days'),"
	    " count(*) filter (where state = 'unknown'), count(*) filter (where state in ('queued', 'leased')),"
	    " coalesce(max(extract(epoch from now() - created_at)) filter (where state in ('queued', 'leased')), 0)::bigint,"
	    " coalesce((array_agg(coalesce(error_code, '') || ' ' || coalesce(error_text, '') order by id desc)"
	    "   filter (where state in ('dead', 'failed')))[1], '') from dmbox.outbox" },
	[SQL_PAUSED] = { NULL,
	    "select channel || '/' || account, coalesce(pause_reason, ''),"
	    " extract(epoch from pause_until - now())::bigint from dmbox.account_state where pause_until > now()" },
	[SQL_BALANCE] = { NULL,
	    "select coalesce(sum(missing), 0)::bigint, coalesce(sum(items), 0)::bigint,"
	    " coalesce(max(account || ', ' || channel || ', ' || hour::text) filter (where missing <> 0), '')"
	    " from dmbox.ingest_balance" },
};

/* A statement about one account; NULL where it failed or gave no row. */
static struct db_res *
of_account(struct doctor *d, enum stmt s, const struct account *a)
{
	struct db_args args = { 0 };
	struct db_res *r = NULL;

	db_text(&args, a->name);
	db_text(&args, channel_names[a->channel]);
	if (s == SQL_ENTRY || s == SQL_ANY)
		db_text(&args, provider_of(a)->name);
	if (s == SQL_ENTRY)
		db_text(&args, a->own_id);
	if (db_exec(d->db, &stmts[s], &args, &r) != RC_OK)
		r = NULL;
	db_args_free(&args);
	if (r != NULL && db_rows(r) == 0) {
		db_res_free(r);
		r = NULL;
	}
	return r;
}

static struct db_res *
of_all(struct doctor *d, enum stmt s)
{
	struct db_res *r = NULL;

	if (db_exec(d->db, &stmts[s], NULL, &r) != RC_OK)
		return NULL;
	return r;
}

/* --- refused deliveries ------------------------------------------------------------ */

static const char *
reason_text(const struct doctor *d, const char *reason)
{
	static const struct { const char *reason, *en, *ru; } v[] = {
		{ "no_secret", "it carried no secret", "в ней не было секрета" },
		{ "no_header", "it carried no signature", "в ней не было подписи" },
		{ "bad_header", "its signature has the wrong form", "подпись неверной формы" },
		{ "wrong_secret", "its secret is none of ours", "её секрет не наш" },
		{ "wrong_secret_whitespace", "its secret is ours but for white space at its end: a newline was copied along",
		    "секрет наш, но с пробелом или переводом строки: он скопирован с лишним символом" },
		{ "wrong_signature", "its signature fits none of the app secrets",
		    "подпись не подходит ни к одному секрету приложения" },
		{ "wrong_signature_escaped", "its signature fits after escaping: a proxy re-encodes bodies",
		    "подпись подходит после экранирования: прокси перекодирует тела" },
		{ "wrong_signature_whitespace", "its signature fits but for white space: a proxy changes bodies",
		    "подпись подходит с точностью до пробелов: прокси меняет тела" },
		{ "no_secret_configured", "no secret is configured here", "здесь не задан секрет" },
		{ "too_large", "it was larger than DMBOX_MAX_BODY_BYTES", "она больше DMBOX_MAX_BODY_BYTES" },
		{ "foreign_account", "it names an account of another secret", "она называет аккаунт с другим секретом" },
	};

	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		if (str_eq(v[i].reason, reason))
			return doctor_tr(d, v[i].en, v[i].ru);
	return reason;
}

static void
refused(struct doctor *d, const struct account *a)
{
	struct db_res *r = of_account(d, SQL_REFUSED, a);
	const char *reason;
	enum finding_status s = FINDING_FAIL;

	if (r == NULL)
		return;
	reason = db_get_text(r, 0, 0);
	if (reason == NULL || db_get_bool(r, 0, 4)) {
		doctor_say(d, DC_REFUSED, FINDING_OK, "%s/%s", channel_names[a->channel], a->name);
	} else {
		/* anybody may call without a credential: where others got in it says little */
		if (db_get_bool(r, 0, 3) && (str_eq(reason, "no_secret") || str_eq(reason, "no_header")))
			s = FINDING_WARN;
		doctor_say(d, DC_REFUSED, s, doctor_tr(d, "%s/%s: %s from %s, request %s: %s (%s)",
		    "%s/%s: %s с %s, запрос %s: %s (%s)"), channel_names[a->channel], a->name, db_get_text(r, 0, 1),
		    db_get_text(r, 0, 2), db_get_text(r, 0, 5), reason_text(d, reason), reason);
	}
	db_res_free(r);
}

/* --- what arrived ------------------------------------------------------------------- */

void
doctor_facts(struct doctor *d, const struct account *a, struct check_facts *out)
{
	struct db_res *r;

	memset(out, 0, sizeof *out);
	if (!d->db_ok)
		return;
	out->known = true;
	r = of_account(d, SQL_LAST, a);
	if (r != NULL)
		out->last_delivery = mem_arena_dup(&d->arena, db_get_text(r, 0, 0));
	db_res_free(r);
	r = of_account(d, SQL_LITERAL, a);
	if (r != NULL) {
		out->unfilled_id = db_get_i64(r, 0, 0);
		out->unfilled = mem_arena_dup(&d->arena, db_get_text(r, 0, 1));
	}
	db_res_free(r);
	r = of_account(d, SQL_POLLS, a);
	if (r != NULL)
		out->last_poll = mem_arena_dup(&d->arena, db_get_text(r, 0, 0));
	db_res_free(r);
	r = str_empty(a->own_id) ? NULL : of_account(d, SQL_ENTRY, a);
	if (r != NULL)
		out->foreign_id = mem_arena_dup(&d->arena, db_get_text(r, 0, 0));
	db_res_free(r);
	r = of_account(d, SQL_ANY, a);
	out->had_messages = r != NULL && db_get_bool(r, 0, 0);
	db_res_free(r);
}

/* What the provider's checks say of what arrived. */
static void
arrived(struct doctor *d, const struct account *a)
{
	const struct provider *p = provider_of(a);
	struct db_res *r;
	struct checkup c;
	int64_t n;

	doctor_checkup(d, a, &c);
	doctor_facts(d, a, &c.facts);
	for (size_t i = 0; i < *p->n_checks; i++)
		if (p->checks[i].ledger != NULL)
			p->checks[i].ledger(&c);
	if (!p->polls_reconcile)
		return;
	r = of_account(d, SQL_ADDED, a);
	n = r != NULL ? db_get_i64(r, 0, 0) : 0;
	db_res_free(r);
	if (n > 0)
		doctor_say(d, DC_GAP, FINDING_WARN, doctor_tr(d,
		    "%s: %" PRId64 " webhooks of the last day did not come; the poller added their messages",
		    "%s: за сутки не пришло вебхуков: %" PRId64 "; сообщения добавил опросчик"), a->name, n);
}

static void
balance(struct doctor *d)
{
	struct db_res *r = of_all(d, SQL_BALANCE);

	if (r == NULL || db_rows(r) == 0)
		doctor_say(d, DC_BALANCE, FINDING_UNKNOWN, "%s", db_error(d->db));
	else if (db_get_i64(r, 0, 0) != 0)
		doctor_say(d, DC_BALANCE, FINDING_FAIL, doctor_tr(d, "missing %" PRId64 " of %" PRId64 " (%s)",
		    "не хватает %" PRId64 " из %" PRId64 " (%s)"), db_get_i64(r, 0, 0), db_get_i64(r, 0, 1),
		    db_get_text(r, 0, 2));
	else
		doctor_say(d, DC_BALANCE, FINDING_OK, doctor_tr(d, "%" PRId64 " items, none missing",
		    "элементов: %" PRId64 ", все на месте"), db_get_i64(r, 0, 1));
	db_res_free(r);
}

/* --- going out ------------------------------------------------------------------------ */

static void
outbox(struct doctor *d)
{
	struct db_res *r = of_all(d, SQL_OUTBOX);
	int64_t dead, unknown, age;

	if (r == NULL)
		return;
	dead = db_get_i64(r, 0, 0);
	unknown = db_get_i64(r, 0, 1);
	age = db_get_i64(r, 0, 3);
	doctor_say(d, DC_DEAD, dead + unknown > 0 ? FINDING_WARN : FINDING_OK, doctor_tr(d,
	    "failed this week: %" PRId64 ", unknown: %" PRId64 " %s", "не удалось за неделю: %" PRId64
	    ", неизвестно: %" PRId64 " %s"), dead, unknown, dead > 0 ? db_get_text(r, 0, 4) : "");
	doctor_say(d, DC_QUEUED, age > QUEUED_S ? FINDING_FAIL : FINDING_OK, doctor_tr(d,
	    "%" PRId64 " waiting, the oldest for %" PRId64 " s", "ждут: %" PRId64 ", старейшее %" PRId64 " с"),
	    db_get_i64(r, 0, 2), age);
	db_res_free(r);
	r = of_all(d, SQL_PAUSED);
	for (size_t i = 0; r != NULL && i < db_rows(r); i++)
		doctor_say(d, DC_PAUSED, FINDING_WARN, doctor_tr(d, "%s: %s, for %" PRId64 " s more",
		    "%s: %s, ещё %" PRId64 " с"), db_get_text(r, i, 0), db_get_text(r, i, 1), db_get_i64(r, i, 2));
	doctor_say(d, DC_PAUSED, FINDING_OK, "%s", doctor_tr(d, "none", "нет"));
	db_res_free(r);
}

void
doctor_ledger(struct doctor *d)
{
	if (!d->db_ok)
		return;
	for (size_t i = 0; i < d->conf->n_accounts; i++) {
		const struct account *a = &d->conf->accounts[i];

		if (!doctor_used(d, a))
			continue;
		if (a->use_mock)
			continue;
		arrived(d, a);
		refused(d, a);
	}
	balance(d);
	outbox(d);
}

/* --- cron -------------------------------------------------------------------------------- */

/* fresh: cron came back (or began) with the run that is at work now. */
static void
heartbeat(struct doctor *d, bool *fresh)
{
	struct db_res *r = of_all(d, SQL_HEARTBEAT);
	int64_t age, window, interval, since, late;

	if (r == NULL || db_rows(r) == 0) {
		doctor_say(d, DC_CRON, FINDING_FAIL, "%s", doctor_tr(d, "dmbox-poll never ran",
		    "dmbox-poll ни разу не запускался"));
		db_res_free(r);
		return;
	}
	age = db_get_i64(r, 0, 0);
	window = db_is_null(r, 0, 1) ? 60 : db_get_i64(r, 0, 1);
	interval = db_is_null(r, 0, 2) ? 0 : db_get_i64(r, 0, 2);
	since = db_is_null(r, 0, 3) ? age : db_get_i64(r, 0, 3);
	*fresh = db_get_i64(r, 0, 4) > POLL_SILENT_S;
	db_res_free(r);
	/* where cron is known to come rarely, silence in between is another trouble */
	late = interval > HEARTBEAT_S && interval < 86400 ? interval + HEARTBEAT_S : HEARTBEAT_S;
	doctor_say(d, DC_CRON, (interval > HEARTBEAT_S ? since : age) > late ? FINDING_FAIL : FINDING_OK, doctor_tr(d,
	    "last sign of life %" PRId64 " s ago", "последний признак жизни %" PRId64 " с назад"), age);
	if (interval <= 0)
		return;
	if (window == 0) {	/* --once: hosts that end programs after seconds */
		doctor_say(d, DC_INTERVAL, FINDING_OK, doctor_tr(d, "one pass every %" PRId64 " s",
		    "один проход каждые %" PRId64 " с"), interval);
		return;
	}
	doctor_say(d, DC_INTERVAL, interval > window + INTERVAL_SLACK_S && interval < 86400 ? FINDING_WARN :
	    FINDING_OK, doctor_tr(d, "cron starts it every %" PRId64 " s, it works %" PRId64 " s",
	    "cron запускает его каждые %" PRId64 " с, работает он %" PRId64 " с"), interval, window);
}

/* What the provider's own checks already say is not said twice. */
static bool
told(const struct doctor *d, const struct account *a)
{
	const struct provider *p = provider_of(a);
	enum doctor_check c;

	for (size_t i = 0; i < *p->n_checks; i++)
		if (doctor_check_by_number(p->checks[i].number, &c) == RC_OK && d->r[c].done &&
		    d->r[c].status == FINDING_FAIL)
			return true;
	return d->r[DC_CRON].status == FINDING_FAIL || d->r[DC_TOKEN].status == FINDING_FAIL;
}

static void
poll(struct doctor *d, const struct account *a, bool fresh)
{
	struct db_res *r = of_account(d, SQL_POLLS, a);
	const char *outcome, *note, *status;
	int64_t age;

	if (r == NULL) {
		doctor_say(d, DC_POLL, FINDING_UNKNOWN, doctor_tr(d, "%s/%s: not polled yet",
		    "%s/%s: ещё не опрашивался"), channel_names[a->channel], a->name);
		return;
	}
	outcome = db_get_text(r, 0, 0);
	age = db_get_i64(r, 0, 1);
	note = db_get_text(r, 0, 2);
	status = db_get_text(r, 0, 3);
	if (str_eq(outcome, "failed"))
		doctor_say(d, DC_POLL, told(d, a) ? FINDING_UNKNOWN : FINDING_FAIL, "%s/%s: %s: %s %s",
		    channel_names[a->channel], a->name, outcome, status != NULL ? status : "", note != NULL ? note : "");
	else if (!str_eq(outcome, "unsupported") && age > POLL_SILENT_S && age > (int64_t)a->poll_s * 3 &&
	    d->r[DC_CRON].status == FINDING_OK && d->r[DC_INTERVAL].status == FINDING_OK)
		doctor_say(d, DC_POLL, fresh ? FINDING_UNKNOWN : FINDING_WARN, doctor_tr(d, "%s/%s: %s, but %" PRId64 " s ago",
		    "%s/%s: %s, но %" PRId64 " с назад"), channel_names[a->channel], a->name, outcome, age);
	else
		doctor_say(d, DC_POLL, FINDING_OK, "%s/%s: %s", channel_names[a->channel], a->name, outcome);
	db_res_free(r);
}

void
doctor_cron(struct doctor *d)
{
	bool fresh = true;

	if (!d->db_ok)
		return;
	heartbeat(d, &fresh);
	for (size_t i = 0; i < d->conf->n_accounts; i++) {
		const struct account *a = &d->conf->accounts[i];

		if (doctor_used(d, a) && a->poll_s > 0 && !a->use_mock && !str_empty(a->token))
			poll(d, a, fresh);
	}
}
