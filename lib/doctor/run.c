/*
 * The order of a run, which is not that of the table: what is under way on the network goes
 * on together, and files are judged once the web programs have said as which user they run.
 */
#include "base/clock.h"
#include "doctor/doctor.h"

#define ALL_MS 12000		/* of a whole run with everything dead */

/* The database's absence would make every later part say the same. */
static void
network(struct doctor *d)
{
	bool web = doctor_wants(d, DC_WEB, DC_SELF_REMOVED) ||
	    doctor_wants(d, DC_SPOOL_WEB, DC_SPOOL_WEB) || doctor_wants(d, DC_BELOW, DC_BELOW) ||
	    doctor_wants(d, DC_TICK, DC_TICK);
	bool ask = doctor_wants(d, DC_OF_FIRST, DC_OF_LAST) || doctor_wants(d, DC_GAP, DC_GAP) ||
	    doctor_wants(d, DC_POLL, DC_POLL) || doctor_wants(d, DC_CLOCK, DC_CLOCK);

	if (d->o.offline)
		return;
	if (web)
		doctor_web_start(d);
	if (ask)
		doctor_providers_start(d);
	httpc_run(d->http);
	if (web)
		doctor_web_end(d);
}

/* Checks that somebody has to answer for; the others speak of files, or of one provider. */
static bool
of_database(enum doctor_check c)
{
	return (c >= DC_DB_VERSION && c <= DC_DB_DURABLE) || c == DC_CRON || c == DC_INTERVAL ||
	    c == DC_REFUSED || c == DC_NOT_MADE || (c >= DC_DEAD && c <= DC_ERASED);
}

static bool
of_web(enum doctor_check c)
{
	return c == DC_SPOOL_WEB || c == DC_WEB || c == DC_SLOW || c == DC_TICK_SERVED ||
	    (c >= DC_SAME_PROGRAM && c <= DC_SERVED) ||
	    (c >= DC_SELF_ASCII && c <= DC_SELF_REMOVED);
}

/* Why nothing is known of a provider's own check. */
static const char *
not_asked(const struct doctor *d, enum doctor_check c)
{
	bool used = false;

	for (size_t i = 0; i < d->conf->n_accounts; i++) {
		const struct account *a = &d->conf->accounts[i];

		for (size_t k = 0; k < *provider_of(a)->n_checks; k++)
			used |= doctor_used(d, a) &&
			    provider_of(a)->checks[k].number == doctor_text(c)->number;
	}
	if (!used)
		return doctor_tr(d, "not looked at: no account of this provider is configured",
		    "не проверялось: аккаунт этого провайдера не настроен");
	return d->o.offline ?
	    doctor_tr(d, "not looked at: --offline", "не проверялось: --offline") :
	    doctor_tr(d, "not looked at: the provider did not answer this question",
		"не проверялось: провайдер не ответил на этот вопрос");
}

/* What was not looked at is unknown, and says why; it is never good. */
static void
not_looked(struct doctor *d)
{
	for (int i = 0; i < DC__MAX; i++) {
		enum doctor_check c = (enum doctor_check)i;

		if (d->r[c].done || !doctor_wants(d, c, c))
			continue;
		if (!d->conf_read && (c < DC_OF_FIRST || c > DC_OF_LAST))
			doctor_cause(d, c, FINDING_UNKNOWN, "", "%s",
			    doctor_tr(d, "not looked at: the configuration could not be read",
				"не проверялось: конфигурация не прочитана"));
		else if (of_database(c) && !d->db_ok)
			doctor_cause(d, c, FINDING_UNKNOWN, "", "%s",
			    doctor_tr(d, "not looked at: the database could not be asked",
				"не проверялось: база данных не ответила"));
		else if (of_database(c) && c != DC_INTERVAL)
			doctor_cause(d, c, FINDING_UNKNOWN, "", "%s",
			    doctor_tr(d, "not looked at: the database did not answer this question",
				"не проверялось: база данных не ответила на этот вопрос"));
		else if ((of_web(c) || c == DC_CLOCK) && d->o.offline)
			doctor_cause(d, c, FINDING_UNKNOWN, "", "%s",
			    doctor_tr(d, "not looked at: --offline", "не проверялось: --offline"));
		else if (c == DC_EACH_ADDRESS)
			doctor_cause(d, c, FINDING_UNKNOWN, "", "%s",
			    d->o.offline ?
				doctor_tr(
				    d, "not looked at: --offline", "не проверялось: --offline") :
				doctor_tr(d,
				    "not looked at: no name that leads to public addresses",
				    "не проверялось: нет имени, которое ведёт на публичные "
				    "адреса"));
		else if (c == DC_CLOCK)
			doctor_cause(d, c, FINDING_UNKNOWN, "", "%s",
			    doctor_tr(d, "no provider told the time",
				"ни один провайдер не сообщил время"));
		else if (c >= DC_OF_FIRST && c <= DC_OF_LAST && d->o.only == (int)c)
			doctor_cause(d, c, FINDING_UNKNOWN, "", "%s", not_asked(d, c));
		else if (of_web(c) && !d->web_up)
			doctor_cause(d, c, FINDING_UNKNOWN, "", "%s",
			    doctor_tr(d,
				"not looked at: no program of dmbox answered through the web "
				"server",
				"не проверялось: через веб-сервер не ответила ни одна "
				"программа dmbox"));
	}
}

void
doctor_run(struct doctor *d)
{
	d->end_ms = clock_mono_ms() + ALL_MS;
	doctor_conf(d);
	if (!d->conf_read) {
		not_looked(d);
		return;
	}
	/* a spool that lies in a dead network file system is the host's to time out */
	doctor_database(d);
	doctor_tick_before(d);
	network(d);
	if (doctor_wants(d, DC_HTACCESS, DC_PROG_LINK))
		doctor_cgi_dir(d);
	if (doctor_wants(d, DC_SPOOL, DC_LOG))
		doctor_disk(d);
	if (doctor_wants(d, DC_TICK, DC_TICK))
		doctor_tick(d);
	if (doctor_wants(d, DC_OF_FIRST, DC_ERASED))
		doctor_ledger(d);
	if (doctor_wants(d, DC_CRON, DC_RUNNER))
		doctor_cron(d);
	if (doctor_wants(d, DC_LEAK, DC_LEAK))
		doctor_leaks(d);
	if (d->db_ok)
		doctor_clean(d);
	not_looked(d);
}
