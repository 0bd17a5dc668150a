/*
 * dmbox why: one message's life, or why it is not there.  The places are asked
 * in the order of a delivery's way: tables, ledger, spool, what was refused and
 * not kept, at last the provider itself.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd.h"
#include "extern/db.h"
#include "extern/httpc.h"
#include "extern/json.h"
#include "extern/jsonw.h"
#include "base/log.h"
#include "model/provider.h"
#include "bridge/spool.h"
#include "store/login.h"
#include "base/str.h"
#include "store/trace.h"

#define ASK_MS 10000
#define HOUR_US (3600 * INT64_C(1000000))
#define DAYS 7			/* of the ledger are searched for an id */
#define REPEATS_H 49		/* after a message came, its repeats are looked for */
#define WORD_MIN 4		/* shorter ones are in any bytes */
#define FILES_SHOWN 1000	/* of the spool; the others are counted */
#define FILES_BYTES (8u << 20)	/* as many, each with a path as long as may be */

/* The conclusion at the end; the order of the names is why_names'. */
enum verdict_of {
	STORED,
	PARTLY,
	REFUSED,
	SPOOLED,
	SET_ASIDE,
	LEDGER_ONLY,
	ERASED,
	EVENTS_ONLY,
	NEVER_RECEIVED,
	NOT_FOUND,
	LISTED,
	NOT_SENT,
	FATE_UNKNOWN,
	NOT_SENT_YET,
	COULD_NOT_LOOK,
	VERDICT_OF__MAX
};
static const char *const names[VERDICT_OF__MAX] = { "stored", "partly", "refused", "spooled",
	"set_aside", "ledger_only", "erased", "events_only", "never_received", "not_found",
	"listed", "send_failed", "send_unknown", "send_waits", "could_not_look" };

/* What was asked for is a moment: one of a whole day, one that is still to come. */
enum moment { MOMENT_NONE, MOMENT_PAST, MOMENT_DAY, MOMENT_FUTURE };

struct why {
	struct conf *conf;
	struct db *db;
	bool json, db_away;
	struct trace trace;		/* what is shown */
	struct trace_scope scope;
	struct strv words;		/* what the spool is searched for */
	struct buf spool;		/* the files found, a JSON array of objects */
	struct jsonw files;		/* writes spool */
	struct buf spool_text;
	size_t waiting, aside;
	struct buf asked;		/* the same of providers */
	struct jsonw answers;		/* writes asked */
	struct buf asked_text;
	bool provider_has;
	enum verdict_of verdict;
	bool made;			/* rows were made of the delivery, under other ids */
	bool brief;			/* too short to be looked for in bytes */
	bool by_name; /* no message, but people whose names were in the question */
	enum moment moment;
	const char *own;		/* the account of ours whose id was asked for */
	char reason[64];		/* of a refused one */
	/* the message's, for a person; in the trace's arena */
	const char *words_by, *words_of;
	char aside_file[512];		/* the first file that was put into quarantine */
};

/* --- printing ------------------------------------------------------------------------ */

/* How wide lines may be; 0: as long as they are (no terminal). */
static size_t
width(void)
{
	struct winsize w;

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 40 ? w.ws_col : 80;
}

/* The moment in UTC, as the log has it, and beside it in local time where that differs. */
static void
say_time(int64_t at_us, struct buf *b)
{
	time_t t = (time_t)(at_us / 1000000);
	char at[CLOCK_ISO_MAX], here[16];
	struct tm tm;

	if (at_us == 0) {
		buf_puts(b, "-");
		return;
	}
	clock_iso(at_us, at);
	buf_puts(b, at);
	localtime_r(&t, &tm);
	if (tm.tm_gmtoff != 0 && strftime(here, sizeof here, "%H:%M:%S", &tm) > 0)
		buf_printf(b, " (%s)", here);
}

/* One more word of a line; where it does not fit it begins the next one. */
static void
say_word(const char *word, size_t *col, size_t max)
{
	size_t n = strlen(word);

	if (max > 0 && *col + 2 + n > max && *col > 6) {
		fputs("\n     ", stdout);
		*col = 5;
	}
	printf("  %s", word);
	*col += 2 + n;
}

static void
say_event(const struct trace_event *s)
{
	struct json *j = NULL;
	struct mem_arena arena = { 0 };
	const struct json *value;
	const char *key;
	size_t col, max = width();
	struct buf b;

	buf_init(&b, 1 << 16);
	say_time(s->at_us, &b);
	buf_printf(&b, "  %-12s %s/%s", s->what, s->channel ? s->channel : "-",
	    s->account ? s->account : "-");
	fputs(b.p, stdout);
	col = b.n;
	buf_reset(&b);
	if (s->request_id != NULL) {
		buf_printf(&b, "request %s", s->request_id);
		say_word(b.p, &col, max);
		buf_reset(&b);
	}
	if (json_parse(s->detail, strlen(s->detail), &j, NULL) == RC_OK)
		for (struct json_iter i = { NULL }; json_each(j, &i, &key, &value);) {
			const char *t = json_text(&arena, value);

			buf_printf(&b, "%s=%s", key, t != NULL ? t : json_raw(&arena, value));
			say_word(b.p, &col, max);
			buf_reset(&b);
		}
	putchar('\n');
	buf_free(&b);
	json_free(j);
	mem_arena_free(&arena);
}

/* What it says, before where it has been. */
static void
say_words(const struct why *w)
{
	if (w->words_of != NULL)
		printf("%s: «%s»\n", w->words_by, w->words_of);
}

/* What a verdict means, and what to do: English, Russian. */
static const char *const meanings[VERDICT_OF__MAX][2] = {
	[STORED] = { "It is in the database.", "Оно в базе данных." },
	[PARTLY] = { "It was accepted, and its row is gone: see dmbox.ingest_balance; "
		     "dmbox replay brings it back.",
	    "Принято, но строки больше нет: смотрите dmbox.ingest_balance; вернёт её "
	    "dmbox replay." },
	[REFUSED] = { "A delivery that holds it was refused. Mend the credential, then let "
		      "the provider send again: dmbox doctor.",
	    "Доставка, в которой оно есть, отклонена. Исправьте секрет и пусть провайдер "
	    "отправит ещё раз: dmbox doctor." },
	[SPOOLED] = { "It waits in the spool for the database; dmbox-poll stores it.",
	    "Ждёт в спуле, пока недоступна база; dmbox-poll его сохранит." },
	[SET_ASIDE] = { "The database refused it again and again, so its file is in "
			"quarantine (the log says why). The way back: mend the cause (dmbox "
			"doctor), then move the file to the spool's folder new; dmbox-poll stores "
			"it.",
	    "База раз за разом его отвергала, и файл в карантине (причина в журнале). "
	    "Обратно: устраните причину (dmbox doctor) и верните файл в папку new спула; "
	    "dmbox-poll его сохранит." },
	[LEDGER_ONLY] = { "Its bytes came and are in the ledger, but no message with this id "
			  "was made of them: see reason; dmbox replay parses them again.",
	    "Байты пришли и лежат в журнале, но сообщения с этим номером из них не вышло: "
	    "смотрите reason; dmbox replay разберёт их снова." },
	[ERASED] = { "It was erased on request and does not come back.",
	    "Стёрто по требованию и не вернётся." },
	[EVENTS_ONLY] = { "Only what happened to it came (edit, read, reaction); the message "
			  "itself did not.",
	    "Пришло только то, что с ним случилось (правка, прочтение, реакция); само "
	    "сообщение нет." },
	[NEVER_RECEIVED] = { "It never reached us, and the provider has it: the webhook is not "
			     "set, or did not get through: dmbox doctor.",
	    "До нас не дошло, а у провайдера оно есть: вебхук не настроен или не проходит: "
	    "dmbox doctor." },
	[NOT_SENT] = { "It was NOT sent: see the error above. dmbox outbox retry ID "
		       "sends it again.",
	    "НЕ отправлено: причина выше. Отправить снова: dmbox outbox retry ID." },
	[FATE_UNKNOWN] = { "Nobody knows whether it was sent: the provider's answer was lost. "
			   "Look into the chat; if it is not there: dmbox outbox retry ID.",
	    "Неизвестно, отправлено ли: ответ провайдера потерялся. Посмотрите в чате; "
	    "если его нет: dmbox outbox retry ID." },
	[NOT_SENT_YET] = { "It is not sent yet: it waits in the outbox; dmbox-poll sends it.",
	    "Ещё не отправлено: ждёт в очереди; отправит dmbox-poll." },
	[COULD_NOT_LOOK] = { "Could not look: the database did not answer, and the spool does not "
			     "hold it. dmbox doctor says why.",
	    "Посмотреть не удалось: база не отвечает, в спуле этого нет. Причину скажет "
	    "dmbox doctor." },
	[LISTED] = { "dmbox why MESSAGE-ID says more about one of them.",
	    "Подробнее об одном: dmbox why MESSAGE-ID." },
};

static const char *
means_of_moment(const struct why *w)
{
	if (w->moment == MOMENT_DAY)
		return cmd_tr("That is a whole day: give the hour, too, as in 29.11.2026 10:15.",
		    "Это целый день: укажите и час, например 29.11.2026 10:15.");
	if (w->moment == MOMENT_FUTURE)
		return cmd_tr("That moment is still to come.", "Этот момент ещё не наступил.");
	return cmd_tr("Nothing happened in the ten minutes before and after.",
	    "За десять минут до и после ничего не произошло.");
}

/* Refused for where it went, or how. */
static bool
not_credential(const char *reason)
{
	static const char *const v[] = { "unknown_account", "wrong_address", "sent_by_get",
		"too_large", "cut_body", "empty_body" };

	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		if (str_eq(reason, v[i]))
			return true;
	return false;
}

static const char *
means(const struct why *w)
{
	const char *const *m = meanings[w->verdict];

	if (w->verdict == NOT_FOUND && w->moment != MOMENT_NONE)
		return means_of_moment(w);
	if (w->verdict == LISTED && w->by_name)
		return cmd_tr(
		    "No message holds these words. These people's names have one of them: "
		    "what they wrote last is above. What is not there did not come: ask "
		    "for words of the message alone, or for the moment "
		    "(\"yesterday 18:00\"), which shows refused deliveries, too.",
		    "Сообщения с такими словами нет. Одно из слов есть в имени этих людей: их "
		    "последние сообщения выше. Чего там нет, то не пришло: спросите только слова "
		    "из сообщения или момент («вчера 18:00»), он покажет и отклонённые доставки.");
	if (w->verdict == REFUSED && not_credential(w->reason))
		return cmd_tr("A delivery that holds it was refused, and not for its secret: dmbox "
			      "doctor (DMB-801) says what this reason means and how to mend it; "
			      "then let the provider send again.",
		    "Доставка, в которой оно есть, отклонена, и не из-за секрета: что значит эта "
		    "причина и как её устранить, скажет dmbox doctor (DMB-801); потом пусть "
		    "провайдер отправит ещё раз.");
	if (w->own != NULL)
		return cmd_tr("That is the id of your own account: ask for the sender's, or for a "
			      "message's.",
		    "Это номер вашего собственного аккаунта: спросите о номере отправителя или "
		    "сообщения.");
	if (w->verdict == LEDGER_ONLY && w->made)
		return cmd_tr("Its bytes came, and rows were made of them, none under this id: see "
			      "reason, and dmbox.messages where delivery_id is the delivery's.",
		    "Байты пришли, и строки из них есть, но под другим номером: смотрите reason и "
		    "dmbox.messages, где delivery_id — номер доставки.");
	if (w->verdict == NOT_FOUND && w->brief)
		return cmd_tr("No table knows it. It is too short to be looked for in the bytes of "
			      "deliveries: give at least 4 characters.",
		    "Таблицам о нём ничего не известно. В байтах доставок такое короткое слово "
		    "не ищется: нужно хотя бы 4 знака.");
	if (m[0] == NULL)
		return cmd_tr("Nobody knows of it here: not the tables, not the ledger, "
			      "not the spool.",
		    "О нём здесь ничего не известно: ни таблицам, ни журналу, ни спулу.");
	return cmd_tr(m[0], m[1]);
}

static void
say_text(const struct why *w)
{
	say_words(w);
	for (size_t i = 0; i < w->trace.n; i++)
		say_event(&w->trace.v[i]);
	fputs(w->spool_text.p, stdout);
	if (w->waiting + w->aside > FILES_SHOWN)
		printf(cmd_tr("... and %zu files of the spool more\n",
			   "... и ещё файлов спула: %zu\n"),
		    w->waiting + w->aside - FILES_SHOWN);
	fputs(w->asked_text.p, stdout);
	if (w->verdict == REFUSED)
		printf(cmd_tr("=> refused because %s. ", "=> отклонено: %s. "), w->reason);
	else
		printf("=> %s: ", names[w->verdict]);
	puts(means(w));
	if (w->verdict == SET_ASIDE && w->aside_file[0] != '\0')
		printf("   mv '%s' '%s/new/'\n", w->aside_file, w->conf->spool_dir);
	if (w->db_away && w->verdict != COULD_NOT_LOOK)
		puts(cmd_tr("The database did not answer: only the spool was searched.",
		    "База данных не отвечает: просмотрен только спул."));
}

static void
say_json(struct why *y, const char *query)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4 * FILES_BYTES);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "query", query);
	jsonw_str(&w, "verdict", names[y->verdict]);
	jsonw_str(&w, "reason", y->verdict == REFUSED ? y->reason : NULL);
	jsonw_str(&w, "means", means(y));
	jsonw_bool(&w, "databaseAway", y->db_away);
	jsonw_array(&w, "stations");
	for (size_t i = 0; i < y->trace.n; i++) {
		const struct trace_event *s = &y->trace.v[i];

		jsonw_object(&w, NULL);
		jsonw_time(&w, "at", s->at_us);
		jsonw_str(&w, "requestId", s->request_id);
		jsonw_str(&w, "station", s->what);
		jsonw_str(&w, "account", s->account);
		jsonw_str(&w, "channel", s->channel);
		jsonw_raw(&w, "detail", s->detail);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_end(&y->files);
	jsonw_raw(&w, "spool", y->spool.p);
	jsonw_i64(&w, "spoolFiles", (int64_t)(y->waiting + y->aside));
	jsonw_end(&y->answers);
	jsonw_raw(&w, "provider", y->asked.p);
	jsonw_end(&w);
	(void)cmd_json(&w);
}

/* --- the spool -------------------------------------------------------------------------- */

static bool
in_file(void *arg, const struct spool_seen *s)
{
	struct why *w = arg;
	const struct delivery *d = s->d;
	bool hit = false;
	char at[CLOCK_ISO_MAX] = "-";

	for (size_t i = 0; i < w->words.n && !hit; i++)
		hit = memmem(s->bytes, s->n, w->words.v[i], strlen(w->words.v[i])) != NULL;
	if (!hit)
		return true;
	s->bad ? w->aside++ : w->waiting++;
	if (s->bad && w->aside_file[0] == '\0')
		snprintf(w->aside_file, sizeof w->aside_file, "%s", s->path);
	if (w->waiting + w->aside > FILES_SHOWN)
		return true;
	if (d != NULL)
		clock_iso(d->received_at_us, at);
	buf_printf(&w->spool_text, "%s  %-12s %s/%s  request %s  file=%s\n", at,
	    s->bad ? "quarantine" : "spool", d != NULL ? channel_names[d->channel] : "-",
	    d != NULL ? d->account : "-", d != NULL && d->request_id != NULL ? d->request_id : "-",
	    s->path);
	jsonw_object(&w->files, NULL);
	jsonw_str(&w->files, "file", s->path);
	jsonw_str(&w->files, "receivedAt", d != NULL ? at : NULL);
	jsonw_str(&w->files, "requestId", d != NULL ? d->request_id : NULL);
	jsonw_bool(&w->files, "setAside", s->bad);
	jsonw_end(&w->files);
	return true;
}

static void
search_spool(struct why *w)
{
	struct spool *sp = NULL;

	if (access(w->conf->spool_dir, F_OK) != 0 || spool_open(w->conf->spool_dir, &sp) != RC_OK)
		return;
	if (spool_look(sp, in_file, w) != RC_OK)
		cmd_error("%s: %s", w->conf->spool_dir, cmd_tr("cannot be read", "не читается"));
	spool_close(sp);
}

/* --- the provider ------------------------------------------------------------------------- */

static void
said(struct why *w, const struct account *a, const char *code, const char *text)
{
	buf_printf(&w->asked_text, "%s %s/%s: %s\n", cmd_tr("provider of", "провайдер"),
	    channel_names[a->channel], a->name, text);
	jsonw_object(&w->answers, NULL);
	jsonw_str(&w->answers, "account", a->name);
	jsonw_str(&w->answers, "channel", channel_names[a->channel]);
	jsonw_str(&w->answers, "answer", code);
	jsonw_end(&w->answers);
}

static void
ask_one(struct why *w, struct httpc *h, const struct account *a, const char *id)
{
	const struct provider *p = provider_of(a);
	struct state_account st = { 0 };
	struct login l;
	struct http_req req = { 0 };
	struct http_res res;
	struct itemv items;
	enum rc rc;

	if (p->fetch_build == NULL || a->use_mock) {
		said(w, a, "unknown",
		    cmd_tr("its interface has no way to ask for one message: not known",
			"в его интерфейсе нельзя спросить об одном сообщении: неизвестно"));
		return;
	}
	login_init(&l, NULL, a);
	if (state_get(w->db, a->channel, a->name, &st) == RC_OK)
		login_state(&l, &st);
	itemv_init(&items);
	http_res_init(&res);
	if (str_empty(l.a.token) || p->fetch_build(&l.a, id, &req) != RC_OK) {
		said(w, a, "unknown",
		    cmd_tr("cannot be asked: no token, or this is no id of its",
			"спросить нельзя: нет токена или это не его номер"));
	} else {
		req.timeout_ms = ASK_MS;
		http_res_free(&res);
		httpc_once(h, &req, &res);
		rc = res.fail == HTTP_FAIL_NONE ? p->fetch_read(&l.a, id, &res, &items) : RC_TEMP;
		if (rc == RC_OK && items.n > 0) {
			w->provider_has = true;
			said(w, a, "has_it",
			    cmd_tr("has this message", "у него это сообщение есть"));
		} else if (rc == RC_NONE || rc == RC_INVALID || rc == RC_PERM ||
		    (rc == RC_OK && items.n == 0)) {
			said(w, a, "has_it_not",
			    cmd_tr("knows no such message (or shows it no longer)",
				"такого сообщения не знает (или уже не показывает)"));
		} else {
			said(w, a, "unknown",
			    cmd_tr("did not give a usable answer", "не дал пригодного ответа"));
		}
	}
	http_req_free(&req);
	http_res_free(&res);
	login_drop(&l);
	itemv_free(&items);
	state_account_free(&st);
}

static void
ask_providers(struct why *w, const char *id)
{
	struct httpc *h = httpc_new(NULL);

	for (size_t i = 0; i < w->conf->n_accounts && !w->provider_has; i++)
		ask_one(w, h, &w->conf->accounts[i], id);
	httpc_free(h);
}

/* --- the questions ------------------------------------------------------------------------- */

/* The newest hour first, then the day, then the week: most questions are about today. */
static enum rc
search_ledger(struct why *w, const char *word, size_t *found)
{
	static const int hours[] = { 0, 1, 24, 24 * DAYS };
	int64_t now = clock_now_us() + HOUR_US;
	size_t before = w->trace.n;
	enum rc rc = RC_OK;

	*found = 0;
	if (strlen(word) < WORD_MIN)
		return RC_OK;
	for (size_t i = 1; i < sizeof hours / sizeof *hours && rc == RC_OK && *found == 0; i++) {
		rc = trace_ledger(w->db, word, now - (hours[i] + 1) * HOUR_US,
		    i == 1 ? now : now - (hours[i - 1] + 1) * HOUR_US, &w->trace);
		*found = w->trace.n - before;
	}
	return rc;
}

static bool
has_text(const struct trace_event *s, const char *key, char *out, size_t cap)
{
	struct mem_arena arena = { 0 };
	struct json *j = NULL;
	const char *v = NULL;

	if (json_parse(s->detail, strlen(s->detail), &j, NULL) == RC_OK)
		v = json_text(&arena, json_get(j, key));
	snprintf(out, cap, "%s", v != NULL ? v : "");
	json_free(j);
	mem_arena_free(&arena);
	return out[0] != '\0';
}

/* What the deliveries say that hold its bytes while no table has it. */
static enum verdict_of
read_ledger(struct why *w, size_t from)
{
	char v[64];
	bool accepted = false, lost = false;

	for (size_t i = from; i < w->trace.n; i++) {
		const struct trace_event *s = &w->trace.v[i];

		if (!str_eq(s->what, "delivery") || !has_text(s, "verdict", v, sizeof v))
			continue;
		if (str_eq(v, "rejected")) {
			has_text(s, "reason", w->reason, sizeof w->reason);
			continue;
		}
		accepted = true;
		lost |= has_text(s, "rowsLost", v, sizeof v);
		w->made |= has_text(s, "stored", v, sizeof v) && !str_eq(v, "0");
	}
	return lost ? PARTLY : accepted ? LEDGER_ONLY : REFUSED;
}

/* Station s into its place by time, unless it is there. */
static void
add_station(struct trace *t, struct trace_event *v, const struct trace_event *s)
{
	size_t i = t->n;

	for (size_t k = 0; k < t->n; k++)
		if (str_eq(v[k].what, s->what) && str_eq(v[k].detail, s->detail))
			return;
	for (; i > 0 && v[i - 1].at_us > s->at_us; i--)
		v[i] = v[i - 1];
	v[i] = *s;
	t->n++;
}

/* The stations of more into t, by time. */
static void
add_trace(struct trace *t, const struct trace *more)
{
	struct trace_event *v = mem_arena_alloc(&t->arena, (t->n + more->n + 1) * sizeof *v);

	if (t->n > 0)
		memcpy(v, t->v, t->n * sizeof *v);
	t->v = v;
	for (size_t i = 0; i < more->n; i++) {
		struct trace_event s = more->v[i];

		s.request_id = mem_arena_dup(&t->arena, s.request_id);
		s.what = "delivery";
		s.account = mem_arena_dup(&t->arena, s.account);
		s.channel = mem_arena_dup(&t->arena, s.channel);
		s.detail = mem_arena_dup(&t->arena, s.detail);
		add_station(t, v, &s);
	}
}

/* The same message often comes more than once: each delivery that holds it. */
static enum rc
add_repeats(struct why *w, const char *id)
{
	struct trace more = { 0 };
	int64_t at = 0;
	enum rc rc;

	for (size_t i = 0; i < w->trace.n && at == 0; i++)
		if (str_eq(w->trace.v[i].what, "message"))
			at = w->trace.v[i].at_us;
	if (at == 0 || strlen(id) < WORD_MIN)
		return RC_OK;
	rc = trace_ledger(w->db, id, at - HOUR_US, at + REPEATS_H * HOUR_US, &more);
	if (rc == RC_OK)
		add_trace(&w->trace, &more);
	trace_free(&more);
	return rc;
}

/* A row in the database is good news of what came in, not of what was to go out. */
static enum verdict_of
of_row(const struct why *w)
{
	enum verdict_of v = STORED;
	char state[32], dir[32];

	for (size_t i = 0; i < w->trace.n; i++) {
		const struct trace_event *s = &w->trace.v[i];

		if (str_eq(s->what, "outbox"))
			has_text(s, "state", state, sizeof state);
		else if (str_eq(s->what, "message") && has_text(s, "direction", dir, sizeof dir) &&
		    str_eq(dir, "outbound"))
			has_text(s, "status", state, sizeof state);
		else
			continue;
		if (str_eq(state, "failed") || str_eq(state, "dead"))
			v = NOT_SENT;
		else if (str_eq(state, "unknown") && v != NOT_SENT)
			v = FATE_UNKNOWN;
		else if ((str_eq(state, "queued") || str_eq(state, "leased")) && v == STORED)
			v = NOT_SENT_YET;
	}
	return v;
}

/* The row's own number, 0: none. */
static int64_t
row_of(const struct why *w)
{
	char id[32];
	int64_t n = 0;

	for (size_t i = 0; i < w->trace.n; i++)
		if (str_eq(w->trace.v[i].what, "message") &&
		    has_text(&w->trace.v[i], "message", id, sizeof id) && str_i64(id, &n) == RC_OK)
			return n;
	return 0;
}

static enum rc
about_row(struct why *w, const char *id)
{
	struct trace more = { 0 };
	enum rc rc = add_repeats(w, id);

	w->verdict = of_row(w);
	if (rc == RC_OK && row_of(w) != 0)
		rc = trace_again(w->db, row_of(w), &more);
	if (rc == RC_OK)
		add_trace(&w->trace, &more);
	if (rc == RC_OK && row_of(w) != 0 && !w->json)
		rc = trace_words(w->db, row_of(w), &w->trace.arena, &w->words_by, &w->words_of);
	trace_free(&more);
	return rc;
}

/* The deliveries of a request, by its id in the log or by what why prints. */
static enum rc
about_request(struct why *w, const char *id)
{
	enum rc rc = trace_request(w->db, id, &w->trace);

	if (rc != RC_OK || w->trace.n == 0)
		return rc == RC_OK ? RC_NONE : rc;
	w->verdict = read_ledger(w, 0) == REFUSED ? REFUSED : LISTED;
	return RC_OK;
}

/* Part of an id, a phone number, a name without its @, a request's id, a text: what is meant? */
static enum rc
guess(struct why *w, const char *q)
{
	char id[600];
	enum rc rc = trace_person(w->db, q, &w->trace, &w->words);

	if (rc == RC_NONE)
		rc = trace_near(w->db, q, &w->trace, &w->words);
	if (rc == RC_NONE && (rc = about_request(w, q)) == RC_OK)
		return rc;
	if (rc == RC_NONE && !w->brief && (rc = trace_text(w->db, q, &w->trace)) == RC_OK &&
	    w->trace.n == 0)
		rc = RC_NONE;
	if (rc != RC_OK)
		return rc;
	w->verdict = LISTED;
	/* just one message: its whole life */
	if (w->trace.n == 1 && str_eq(w->trace.v[0].what, "message") &&
	    has_text(&w->trace.v[0], "message", id, sizeof id)) {
		trace_free(&w->trace);
		if ((rc = trace_message(w->db, &w->scope, id, &w->trace)) == RC_OK)
			rc = about_row(w, id);
	}
	return rc;
}

static enum rc
about_message(struct why *w, const char *id)
{
	enum verdict_of found;
	size_t n;
	enum rc rc;

	rc = trace_message(w->db, &w->scope, id, &w->trace);
	if (rc == RC_OK)
		return about_row(w, id);
	if (rc != RC_NONE)
		return rc;
	if ((rc = trace_erased(w->db, &w->scope, id)) == RC_OK) {
		w->verdict = ERASED;
		return RC_OK;
	}
	if (rc != RC_NONE || (rc = trace_events(w->db, &w->scope, id, &w->trace)) != RC_OK)
		return rc;
	if (w->trace.n > 0)
		w->verdict = EVENTS_ONLY;
	else if ((rc = guess(w, id)) != RC_NONE)
		return rc;
	if ((rc = search_ledger(w, id, &n)) != RC_OK)
		return rc;
	/* the bytes of those events hold the id, too, and say nothing more */
	if (n > 0 &&
	    ((found = read_ledger(w, w->trace.n - n)) != LEDGER_ONLY || w->verdict == NOT_FOUND))
		w->verdict = found;
	if (w->waiting + w->aside > 0)
		return RC_OK;
	if (w->verdict == NOT_FOUND && strchr(id, ' ') != NULL &&
	    (rc = trace_spoken_of(w->db, id, &w->trace, &w->words)) != RC_NONE) {
		w->by_name = rc == RC_OK;
		w->verdict = rc == RC_OK ? LISTED : NOT_FOUND;
		return rc;
	}
	if (w->verdict == NOT_FOUND) {
		ask_providers(w, id);
		if (w->provider_has)
			w->verdict = NEVER_RECEIVED;
		rc = trace_capped(w->db, &w->trace);
	}
	return rc;
}

static enum rc
about_person(struct why *w, const char *who)
{
	size_t n = 0;
	enum rc rc = trace_person(w->db, who, &w->trace, &w->words);

	if (rc == RC_OK)
		w->verdict = LISTED;
	else if (rc != RC_NONE)
		return rc;
	/* who never got in may still be in refused bytes */
	if (rc == RC_NONE && (rc = search_ledger(w, who, &n)) == RC_OK && n > 0)
		w->verdict = read_ledger(w, w->trace.n - n);
	return rc;
}

static enum rc
about_time(struct why *w, int64_t at)
{
	enum rc rc = trace_time(w->db, at, &w->trace);

	if (rc == RC_OK && w->trace.n > 0)
		w->verdict = LISTED;
	return rc;
}

static void
scope_of(const struct conf *c, struct trace_scope *s)
{
	for (size_t i = 0; i < c->n_accounts; i++) {
		strv_add(&s->accounts, c->accounts[i].name, strlen(c->accounts[i].name));
		strv_add(&s->channels, channel_names[c->accounts[i].channel],
		    strlen(channel_names[c->accounts[i].channel]));
	}
}

/* Is q a moment, and which?  Digits alone are a number. */
static enum moment
moment_of(const char *q, int64_t *at)
{
	if (cmd_when(q, at) != RC_OK || (q[strspn(q, "0123456789smhd")] == '\0'))
		return MOMENT_NONE;
	if (*at > clock_now_us())
		return MOMENT_FUTURE;
	return strchr(q, ':') == NULL ? MOMENT_DAY : MOMENT_PAST;
}

static int
answer(struct why *w, const char *q)
{
	const char *who = q[0] == '@' ? q + 1 : NULL;
	int64_t at;
	bool time;
	enum rc rc;

	w->moment = who == NULL ? moment_of(q, &at) : MOMENT_NONE;
	time = w->moment != MOMENT_NONE;
	w->verdict = NOT_FOUND;
	for (size_t i = 0; i < w->conf->n_accounts; i++)
		if (str_eq(w->conf->accounts[i].own_id, q))
			w->own = w->conf->accounts[i].name;
	w->brief = !time && strlen(who != NULL ? who : q) < WORD_MIN;
	strv_add(&w->words, who ? who : q, strlen(who ? who : q));
	if (!time && who == NULL && w->own == NULL && strlen(q) >= WORD_MIN)
		search_spool(w);
	if (w->own != NULL || w->moment == MOMENT_DAY || w->moment == MOMENT_FUTURE)
		rc = RC_NONE;
	else
		rc = time ? about_time(w, at) : who ? about_person(w, who) : about_message(w, q);
	if (who != NULL)
		search_spool(w);
	w->db_away = rc != RC_OK && rc != RC_NONE;
	if (w->verdict == NOT_FOUND || w->verdict == REFUSED || w->verdict == EVENTS_ONLY)
		w->verdict = w->waiting > 0 ? SPOOLED : w->aside > 0 ? SET_ASIDE : w->verdict;
	if (w->db_away && w->verdict == NOT_FOUND)
		w->verdict = COULD_NOT_LOOK;
	if (w->json)
		say_json(w, q);
	else
		say_text(w);
	if (w->db_away) {
		cmd_error("%s", db_error(w->db));
		return w->waiting + w->aside > 0 ? CMD_OK : CMD_FAIL;
	}
	return w->verdict == NOT_FOUND || w->verdict == NEVER_RECEIVED ? CMD_WARN : CMD_OK;
}

static int
run(int argc, char **argv)
{
	static const struct option options[] = { { "json", 0, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	struct db_opts opts = { .app = "dmbox why", .no_prepare = true, .statement_ms = 60000 };
	struct why w = { 0 };
	char query[1024];
	struct buf q;
	int o, status;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o != 'j')
			return cmd_usage(&cmd_why);
		w.json = true;
	}
	/* a name or a time of several words needs no quotes */
	buf_init(&q, 4096);
	for (int i = optind; i < argc; i++)
		buf_printf(&q, "%s%s", i > optind ? " " : "", argv[i]);
	cmd_asked(q.p, query, sizeof query);
	buf_free(&q);
	if (*query == '\0' || str_eq(query, "@"))
		return cmd_usage(&cmd_why);
	if (cmd_conf(&w.conf) != RC_OK)
		return CMD_FAIL;
	opts.conninfo = w.conf->database_url_cron ? w.conf->database_url_cron :
						    w.conf->database_url;
	opts.connect_s = w.conf->db_connect_s;
	w.db = cmd_db(&opts);
	if (w.db == NULL) {
		conf_drop(w.conf);
		return CMD_FAIL;
	}
	buf_init(&w.spool, FILES_BYTES);
	buf_init(&w.spool_text, FILES_BYTES);
	buf_init(&w.asked, 1 << 20);
	buf_init(&w.asked_text, 1 << 20);
	jsonw_init(&w.files, &w.spool);
	jsonw_array(&w.files, NULL);
	jsonw_init(&w.answers, &w.asked);
	jsonw_array(&w.answers, NULL);
	scope_of(w.conf, &w.scope);
	status = answer(&w, query);
	buf_free(&w.spool);
	buf_free(&w.spool_text);
	buf_free(&w.asked);
	buf_free(&w.asked_text);
	trace_free(&w.trace);
	strv_free(&w.words);
	strv_free(&w.scope.accounts);
	strv_free(&w.scope.channels);
	db_free(w.db);
	conf_drop(w.conf);
	return status;
}

const struct cmd cmd_why = { "why", run,
	{ "one message's life, or why it is not there",
	    "жизнь одного сообщения, или почему его нет" },
	{ "usage: dmbox why MESSAGE-ID | @USER | TIME | REQUEST-ID | WORDS [--json]\n\n"
	  "MESSAGE-ID is the provider's id or part of it, out: and the id of a send, or\n"
	  "messages.id.  @USER is a user name, name or a word of it, phone number, id or link\n"
	  "(wa.me, instagram.com), also without the @: the last messages.  TIME\n"
	  "(2026-11-22T10:15:00Z, 10:15 in UTC, 22.11.2026 10:15 or yesterday 10:15 in local\n"
	  "time): what happened ten minutes before and after.  REQUEST-ID, or a delivery's uid:\n"
	  "what it brought, within seven days.  WORDS: messages that hold them.  Each line is an\n"
	  "event with its time and request id; what is not in the tables is searched in the\n"
	  "ledger of the last seven days, the refused too, in the spool, and asked of the\n"
	  "provider where it can be asked.  Exit status 1: it is not here.",
	    "вызов: dmbox why MESSAGE-ID | @USER | ВРЕМЯ | REQUEST-ID | СЛОВА [--json]\n\n"
	    "MESSAGE-ID: номер у провайдера или его часть, out: и номер отправки, или "
	    "messages.id.\n"
	    "@USER: имя пользователя, имя или слово из него, телефон, номер или ссылка (wa.me,\n"
	    "instagram.com), можно без @: последние сообщения.  ВРЕМЯ (2026-11-22T10:15:00Z,\n"
	    "10:15 по UTC, 22.11.2026 10:15 или «вчера 10:15» по местному времени): что\n"
	    "было за десять минут до и после.  REQUEST-ID или uid доставки: что она принесла, за\n"
	    "семь дней.  СЛОВА: сообщения, где они есть.  Каждая строка это шаг со временем и\n"
	    "номером запроса; чего нет в таблицах, ищется в журнале за семь дней, среди\n"
	    "отклонённых, в спуле и, если можно, у провайдера.  Код выхода 1: здесь его нет." },
	"  dmbox why @anna\n"
	"  dmbox why 10:15\n" };
