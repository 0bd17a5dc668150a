/*
 * Attachments to disk.  The provider's link is a stranger's URL that came in a
 * message: only public addresses (also after DNS and after each redirect, by
 * httpc), a cap on size and time, a list of content types, a name of our own.
 * A file is renamed into place before its row says "done", and the row is
 * fenced by its number of attempts: a task that lost the claim, or whose message
 * was unsent meanwhile, removes its file again.
 */
#include "task/media.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "base/url.h"
#include "bridge/mediadir.h"
#include "extern/sign.h"
#include "model/provider.h"
#include "store/upload.h"
#include "base/str.h"

#define PARALLEL 4
#define IDLE_MS 2000 /* between two questions while nothing is due */
#define TIMEOUT_MS 60000
#define LEASE_S 180
#define REDIRECTS 3
#define ATTEMPTS_MAX 16 /* about half a day; links live at least that long */
#define GONE_ATTEMPTS 3 /* 403, 404, 410: the link has expired */
#define ERASE_BATCH 200

#define FULL_S 600 /* until the disk is looked at again */

enum { Q_CLAIM, Q_DONE, Q_AGAIN, Q_END, Q_RELEASE, Q_DEFER, Q_RESUME, Q_ERASED, Q_DROP, Q__MAX };
static const struct db_stmt sql[Q__MAX] = {
	[Q_CLAIM] = { "media_claim",
	    "update dmbox.attachments a set attempts = a.attempts + 1,"
	    " next_at = now() + $2::bigint * interval '1 second'"
	    " from dmbox.messages m"
	    " where m.id = a.message_id and a.id in"
	    " (select id from dmbox.attachments where state = 'waiting' and url is not null"
	    "   and (next_at is null or next_at <= now())"
	    "   order by next_at nulls first, id limit $1::bigint for update skip locked)"
	    " returning a.id, a.account, a.url, a.mime_type, a.attempts::bigint,"
	    " to_char(m.sent_at at time zone 'UTC', 'YYYY-MM'),"
	    " (select coalesce(sum(d.bytes), 0) from dmbox.media_days d where d.account = a.account"
	    "   and d.day = (now() at time zone 'UTC')::date),"
	    " (select coalesce(sum(d.bytes), 0) from dmbox.media_days d where d.account = a.account"
	    "   and d.day = (now() at time zone 'UTC')::date and d.contact_id = m.contact_id),"
	    " case when m.source <> 'send' then m.provider end, a.ref, m.channel" },
	[Q_DONE] = { "media_done",
	    "with x as (update dmbox.attachments set state = 'done', bytes = $3, sha256 = $4,"
	    " local_path = $5, mime_type = $6, next_at = null, error_text = null"
	    " where id = $1 and attempts = $2::bigint and state = 'waiting'"
	    " returning id, account, message_id), b as ("
	    "insert into dmbox.media_days as d (day, account, contact_id, bytes)"
	    " select (now() at time zone 'UTC')::date, x.account, m.contact_id, $3 from x"
	    " join dmbox.messages m on m.id = x.message_id"
	    " on conflict (day, account, contact_id) do update set bytes = d.bytes + "
	    "excluded.bytes)"
	    " select id from x" },
	[Q_AGAIN] = { "media_again",
	    "update dmbox.attachments set next_at = now() + $3::bigint * interval '1 second',"
	    " error_text = $4 where id = $1 and attempts = $2::bigint and state = 'waiting'" },
	[Q_END] = { "media_end",
	    "update dmbox.attachments set state = $3, next_at = null, error_text = $4"
	    " where id = $1 and attempts = $2::bigint and state = 'waiting'" },
	[Q_RELEASE] = { "media_release",
	    "update dmbox.attachments set next_at = now(), attempts = attempts - 1"
	    " where id = $1 and attempts = $2::bigint and state = 'waiting'" },
	[Q_DEFER] = { "media_defer",
	    "update dmbox.attachments set state = 'deferred', attempts = attempts - 1,"
	    " error_text = $4,"
	    " next_at = case when $3::bigint > 0 then now() + $3::bigint * interval '1 second'"
	    "   else (date_trunc('day', now() at time zone 'UTC') + interval '1 day 1 minute') at "
	    "time zone 'UTC' end"
	    " where id = $1 and attempts = $2::bigint and state = 'waiting'" },
	[Q_RESUME] = { "media_resume",
	    "update dmbox.attachments set state = 'waiting', next_at = null"
	    " where state = 'deferred' and next_at <= now()" },
	[Q_ERASED] = { "media_erased",
	    "select a.id, case when u.id is null then a.local_path end from dmbox.attachments a"
	    /* an upload's file goes with its own row */
	    " left join dmbox.uploads u on u.local_path = a.local_path where a.state = 'erased'"
	    " order by a.id limit $1::bigint" },
	[Q_DROP] = { "media_drop",
	    "delete from dmbox.attachments where id = $1"
	    " and state = 'erased'" },
};

struct media {
	struct task_run r;	/* first */
	int64_t idle_until_ms;
};

struct flow {
	struct task_flow f;	/* first */
	int64_t id, attempts;
	char *account, *month, *url, *mime, *dir;	/* dir: DMBOX_MEDIA_DIR */
	/* NULL: the file is at url.  Else the provider names its address */
	char *ref;
	struct buf step;		/* ... in this answer, and from then on it is in fetch */
	struct http_req fetch;
	bool named;
	char *tmp;
	int fd;
	struct sign_hash *hash;
	int64_t bytes;
	bool asked, fetched, settled, io_failed, too_big;
};

/* --- content types ------------------------------------------------------------- */

static const struct {
	const char *mime, *ext;
} types[] = {
	{ "image/jpeg", ".jpg" },
	{ "image/png", ".png" },
	{ "image/gif", ".gif" },
	{ "image/webp", ".webp" },
	{ "image/heic", ".heic" },
	{ "image/avif", ".avif" },
	{ "video/mp4", ".mp4" },
	{ "video/quicktime", ".mov" },
	{ "video/webm", ".webm" },
	{ "video/3gpp", ".3gp" },
	{ "video/ogg", ".ogv" },
	{ "video/x-msvideo", ".avi" },
	{ "audio/mpeg", ".mp3" },
	{ "audio/ogg", ".ogg" },
	{ "audio/aac", ".aac" },
	{ "audio/mp4", ".m4a" },
	{ "audio/x-m4a", ".m4a" },
	{ "audio/wav", ".wav" },
	{ "audio/x-wav", ".wav" },
	{ "audio/amr", ".amr" },
	{ "audio/webm", ".webm" },
	{ "application/ogg", ".ogg" },
	{ "application/pdf", ".pdf" },
	{ "application/octet-stream", ".bin" },
	{ "binary/octet-stream", ".bin" },
	{ "application/zip", ".zip" },
	{ "application/msword", ".doc" },
	{ "application/rtf", ".rtf" },
	{ "application/vnd.ms-excel", ".xls" },
	{ "application/vnd.ms-powerpoint", ".ppt" },
	{ "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx" },
	{ "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx" },
	{ "application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx" },
	{ "text/plain", ".txt" },
	{ "text/vcard", ".vcf" },
	{ "text/x-vcard", ".vcf" },
	{ "text/csv", ".csv" },
};

/* The type without its parameters, lower case, "" where it does not fit. */
static void
essence(const char *mime, char out[100])
{
	size_t n = mime ? strcspn(mime, ";") : 0;

	str_trim(&mime, &n);
	out[0] = '\0';
	if (n >= 100)
		return;
	for (size_t i = 0; i < n; i++)
		out[i] = mime[i] >= 'A' && mime[i] <= 'Z' ? (char)(mime[i] + 32) : mime[i];
	out[n] = '\0';
}

/* Is this content type (parameters allowed) taken?  ext (may be NULL): its file ending, static. */
static bool
known_type(const char *mime, const char **ext)
{
	char e[100];

	essence(mime, e);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (str_eq(types[i].mime, e)) {
			if (ext)
				*ext = types[i].ext;
			return true;
		}
	/* other pictures and sounds are kept; a drawing that holds scripts is not */
	if (!str_charset(e, 3, 99, "/.+-") || strstr(e, "svg") || strstr(e, "xml"))
		return false;
	if (!str_starts(e, "image/") && !str_starts(e, "video/") && !str_starts(e, "audio/"))
		return false;
	if (ext)
		*ext = ".bin";
	return true;
}

/* What the server says, else (nothing, or "some bytes") what the message said. */
static const char *
pick_type(const char *said, const char *row)
{
	char e[100];

	essence(said, e);
	if (*e && !str_ends(e, "/octet-stream"))
		return said;
	return row && known_type(row, NULL) ? row : *e ? said : "application/octet-stream";
}

/* --- files ---------------------------------------------------------------------- */

static bool
tmp_open(struct flow *f)
{
	char token[17];
	struct buf b;
	bool ok;

	sign_token(token, 16);
	buf_init(&b, 4096);
	ok = mediadir_make(f->dir, ".tmp", NULL, &b);
	buf_printf(&b, "/%lld-%s", (long long)f->id, token);
	if (ok) {
		f->fd = open(b.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
		ok = f->fd >= 0;
		if (!ok)
			log_error("media: cannot write %s: %s", b.p, strerror(errno));
		else
			f->tmp = buf_take(&b);
	}
	buf_free(&b);
	return ok;
}

static void
tmp_drop(struct flow *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if (f->tmp)
		unlink(f->tmp);
	free(f->tmp);
	f->tmp = NULL;
}

/* Bytes on disk, then the name: a name never stands for half a file. */
static char *
file_publish(struct flow *f, const char *ext)
{
	struct buf b;
	char *account = mediadir_name(f->account), *path = NULL;
	bool ok;

	buf_init(&b, 4096);
	ok = mediadir_make(f->dir, account, f->month, &b);
	buf_printf(&b, "/%lld%s", (long long)f->id, ext);
	if (ok && (fsync(f->fd) != 0 || fchmod(f->fd, 0640) != 0 || rename(f->tmp, b.p) != 0)) {
		log_error("media: cannot keep %s: %s", b.p, strerror(errno));
		ok = false;
	}
	if (ok && !buf_err(&b)) {
		free(f->tmp);
		f->tmp = NULL;
		path = buf_take(&b);
	}
	free(account);
	buf_free(&b);
	return path;
}

/* --- settling -------------------------------------------------------------------- */

static void
settle(struct flow *f, int q, const char *state, int64_t delay_s, const char *why)
{
	struct db_args a = { 0 };
	char masked[200];

	log_mask(why, strlen(why), masked, sizeof masked);
	db_i64(&a, f->id);
	db_i64(&a, f->attempts);
	if (q == Q_AGAIN || q == Q_DEFER)
		db_i64(&a, delay_s);
	else if (q == Q_END)
		db_text(&a, state);
	if (q != Q_RELEASE)
		db_text(&a, masked);
	/* where the database is away the claim runs out by itself */
	if (db_exec(f->f.run->env.db, &sql[q], &a, NULL) == RC_OK && q == Q_END)
		log_info("media: attachment %lld %s: %s", (long long)f->id, state, masked);
	db_args_free(&a);
	f->settled = true;
}

static void
again(struct flow *f, int64_t retry_after_s, unsigned int max, const char *last, const char *why)
{
	uint32_t rnd;

	if (f->attempts >= (int64_t)max) {
		settle(f, Q_END, last, 0, why);
		return;
	}
	sign_random(&rnd, sizeof rnd);
	settle(f, Q_AGAIN, NULL, retry_delay_s((unsigned int)f->attempts, retry_after_s, rnd), why);
}

static void
done_row(struct flow *f, const char *path, const char *mime)
{
	unsigned char sum[SIGN_SHA256];
	char hex[2 * SIGN_SHA256 + 1], e[100];
	struct db_args a = { 0 };
	struct db_res *r = NULL;

	sign_hash_end(f->hash, sum);
	f->hash = NULL;
	str_hex(sum, sizeof sum, hex);
	essence(mime, e);
	db_i64(&a, f->id);
	db_i64(&a, f->attempts);
	db_i64(&a, f->bytes);
	db_text(&a, hex);
	db_text(&a, path);
	db_text(&a, e);
	if (db_exec(f->f.run->env.db, &sql[Q_DONE], &a, &r) == RC_OK && db_rows(r) == 0)
		unlink(path);	/* unsent or claimed by another meanwhile: not ours to keep */
	else if (r)
		f->f.run->done++;
	/* database away: the file stays, the next attempt overwrites it */
	db_res_free(r);
	db_args_free(&a);
	f->settled = true;
}

static void
take(struct flow *f, const struct http_res *res)
{
	const char *mime = pick_type(http_res_get(res, "Content-Type"), f->mime), *ext = ".bin";
	char why[200], *path;

	if (!known_type(mime, &ext)) {
		snprintf(why, sizeof why, "content type %s", mime);
		settle(f, Q_END, "refused", 0, why);
		return;
	}
	if (f->bytes == 0) {
		again(f, -1, GONE_ATTEMPTS, "failed", "empty file");
		return;
	}
	path = file_publish(f, ext);
	if (path)
		done_row(f, path, mime);
	else
		again(f, 600, ATTEMPTS_MAX, "failed", "cannot write");
	free(path);
}

/* --- the flow --------------------------------------------------------------------- */

/* Files that are named by an id: the first of two requests (struct provider, media). */
static enum rc
ask_address(struct flow *f, struct http_req *req)
{
	const struct account *a = &f->f.login.a;

	f->asked = true;
	if (provider_of(a)->media_build(a, f->ref, req) != RC_OK) {
		settle(f, Q_END, "refused", 0, "the account has no access token");
		return RC_NONE;
	}
	req->timeout_ms = TIMEOUT_MS;
	return RC_OK;
}

/* Its answer: the second request, or why there is none. */
static void
take_address(struct flow *f, struct http_res *res)
{
	const struct account *a = &f->f.login.a;
	const char *body = res->body;
	char why[200] = "";
	size_t body_n = res->body_n;

	if (f->step.n > 0) {	/* of a good answer the bytes came to flow_sink */
		res->body = f->step.p;
		res->body_n = f->step.n;
	}
	switch (provider_of(a)->media_read(a, res, &f->fetch, why)) {
	case RC_OK:
		f->named = true;
		break;
	case RC_NONE:
		again(f, -1, GONE_ATTEMPTS, "expired", why);
		break;
	default:
		again(f, http_retry_after_s(res), ATTEMPTS_MAX, "failed", why);
	}
	res->body = body;
	res->body_n = body_n;
}

static enum rc
flow_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct flow *f = arg;

	*wait_ms = 0;
	if (f->ref != NULL && !f->named)
		return f->asked ? RC_NONE : ask_address(f, req);
	if (f->named ? f->fetched : f->asked)
		return RC_NONE;
	f->asked = true;
	if (f->named) {		/* it carries a credential: no further host may see it */
		f->fetched = true;
		*req = f->fetch;
		memset(&f->fetch, 0, sizeof f->fetch);
	} else {
		http_req_init(req, "GET", f->url);
		req->redirects = REDIRECTS;
	}
	req->public_only = true;
	req->timeout_ms = TIMEOUT_MS;
	req->max_answer = TASK_MEDIA_MAX_BYTES;
	return RC_OK;
}

static bool
flow_sink(void *arg, const void *p, size_t n)
{
	struct flow *f = arg;
	const char *s = p;

	if (f->ref != NULL && !f->named) {
		buf_put(&f->step, p, n);
		return !buf_err(&f->step);
	}
	if (f->bytes + (int64_t)n > TASK_MEDIA_MAX_BYTES) {
		f->too_big = true;
		return false;
	}
	if (f->fd < 0 && !tmp_open(f)) {
		f->io_failed = true;
		return false;
	}
	sign_hash_add(f->hash, p, n);
	f->bytes += (int64_t)n;
	while (n > 0) {
		ssize_t w = write(f->fd, s, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			log_error("media: write: %s", strerror(errno));
			f->io_failed = true;
			return false;
		}
		s += w;
		n -= (size_t)w;
	}
	return true;
}

/* The address that wants our token names another: the token goes nowhere else (H.15). */
static void
moved(struct flow *f, const struct http_res *res)
{
	const char *to = http_res_get(res, "Location");
	char host[120], why[200];

	if (to == NULL || url_host(to, host, sizeof host) != RC_OK)
		snprintf(host, sizeof host, "?");
	snprintf(
	    why, sizeof why, "HTTP %d to %s, a host that may not see the token", res->status, host);
	again(f, -1, GONE_ATTEMPTS, "failed", why);
}

static void
flow_feed(void *arg, struct http_res *res)
{
	struct flow *f = arg;
	char why[200];

	if (f->ref != NULL && !f->named && res->fail == HTTP_FAIL_NONE) {
		take_address(f, res);
		return;
	}
	if (f->io_failed) {
		again(f, 600, ATTEMPTS_MAX, "failed", "cannot write");
	} else if (f->too_big || res->fail == HTTP_FAIL_TOO_BIG) {
		snprintf(why, sizeof why, "larger than %d bytes", TASK_MEDIA_MAX_BYTES);
		settle(f, Q_END, "refused", 0, why);
	} else if (res->fail == HTTP_FAIL_BLOCKED || res->fail == HTTP_FAIL_URL) {
		settle(f, Q_END, "refused", 0,
		    res->fail == HTTP_FAIL_URL ? "not a URL we may call" :
						 "address is not public (DMBOX_MEDIA_ALLOW)");
	} else if (f->f.run->stopping && res->fail == HTTP_FAIL_TIMEOUT) {
		settle(f, Q_RELEASE, NULL, 0, "");	/* cut by the end of the run */
	} else if (res->fail != HTTP_FAIL_NONE) {
		snprintf(why, sizeof why, "%s: %s", http_fail_names[res->fail], res->note);
		again(f, -1, ATTEMPTS_MAX, "failed", why);
	} else if (f->named && res->status >= 300 && res->status < 400) {
		moved(f, res);
	} else if (res->status >= 200 && res->status < 300) {
		take(f, res);
	} else if (res->status == 403 || res->status == 404 || res->status == 410) {
		snprintf(why, sizeof why, "HTTP %d", res->status);
		again(f, -1, GONE_ATTEMPTS, "expired", why);
	} else {
		snprintf(why, sizeof why, "HTTP %d", res->status);
		again(f, http_retry_after_s(res), ATTEMPTS_MAX, "failed", why);
	}
}

static void
flow_over(struct task_flow *base)
{
	struct flow *f = (struct flow *)base;
	unsigned char sum[SIGN_SHA256];

	if (!f->settled)
		settle(f, Q_RELEASE, NULL, 0, "");
	tmp_drop(f);
	if (f->hash)
		sign_hash_end(f->hash, sum);
	free(f->account);
	free(f->month);
	free(f->url);
	free(f->ref);
	buf_free(&f->step);
	http_req_free(&f->fetch);
	free(f->mime);
	free(f->dir);
}

/* Must this attachment wait for another day, or for room?  NULL: no. */
static const char *
must_wait(const struct conf *conf, int64_t of_account, int64_t of_contact, int64_t *delay_s)
{
	*delay_s = 0;
	if (of_account >= conf->media_day_bytes)
		return "the account's share of the day is used up (DMBOX_MEDIA_DAY_MB)";
	if (of_contact >= conf->media_day_bytes / 4)
		return "the contact's share of the day is used up (DMBOX_MEDIA_DAY_MB)";
	if (!mediadir_full(conf->media_dir))
		return NULL;
	*delay_s = FULL_S;
	return "the disk is nearly full: what is left is for messages";
}

/* --- the poller's calls --------------------------------------------------------------- */

bool
task_media_at(const struct conf *conf, const char *const *hosts, const char *url)
{
	char host[300], *port;

	if (url_host(url, host, sizeof host) != RC_OK)
		return false;
	for (size_t i = 0; i < conf->media_allow.n; i++)
		if (str_ieq(conf->media_allow.v[i], host))
			return true;
	if ((port = strrchr(host, ':')) != NULL)
		*port = '\0';
	for (size_t i = 0; hosts != NULL && hosts[i] != NULL; i++)
		if (str_ends(host, hosts[i]))
			return true;
	return false;
}

/* Is url at none of the provider's media hosts?  Those of DMBOX_MEDIA_ALLOW are anybody's. */
static bool
is_link(const struct conf *conf, const char *provider, const char *url)
{
	const struct provider *p = provider != NULL ? provider_by_name(provider) : NULL;
	char host[300];

	return p != NULL && p->media_hosts != NULL && url_host(url, host, sizeof host) == RC_OK &&
	    !task_media_at(conf, p->media_hosts, url);
}

/* Where the message's provider names its files by id, and the account is still its. */
static const struct account *
name_by_id(struct flow *f, struct task_run *run, const char *ref, const char *channel,
    const char *provider)
{
	const struct provider *p = provider != NULL ? provider_by_name(provider) : NULL;
	const struct account *a;
	enum channel ch;

	if (ref == NULL || p == NULL || p->media_build == NULL ||
	    channel_by_name(channel, &ch) != RC_OK)
		return NULL;
	a = conf_account(run->env.conf, ch, f->account);
	if (a == NULL || provider_of(a) != p)
		return NULL;
	f->ref = mem_dup(ref);
	f->f.aside = true;
	buf_init(&f->step, 1 << 20);
	return a;
}

static void
flow_start(struct task_run *run, const struct db_res *r, size_t row)
{
	struct flow *f = mem_alloc(sizeof *f);
	struct httpc_flow hf = { .next = flow_next, .feed = flow_feed, .sink = flow_sink };
	const struct account *a;
	int64_t delay_s;
	const char *why;

	f->f.over = flow_over;
	f->f.run = run;
	f->fd = -1;
	f->id = db_get_i64(r, row, 0);
	f->account = mem_dup(db_get_text(r, row, 1));
	f->url = mem_dup(db_get_text(r, row, 2));
	f->mime = mem_dup(db_get_text(r, row, 3));
	f->attempts = db_get_i64(r, row, 4);
	f->month = mem_dup(db_get_text(r, row, 5));
	f->dir = mem_dup(run->env.conf->media_dir);
	if (is_link(run->env.conf, db_get_text(r, row, 8), f->url)) {
		settle(f, Q_END, "none", 0, "a link, not the provider's media");
		flow_over(&f->f);
		free(f);
		return;
	}
	why = must_wait(run->env.conf, db_get_i64(r, row, 6), db_get_i64(r, row, 7), &delay_s);
	if (why != NULL) {
		log_warn("media: attachment %lld waits: %s", (long long)f->id, why);
		settle(f, Q_DEFER, NULL, delay_s, why);
		flow_over(&f->f);
		free(f);
		return;
	}
	a = name_by_id(
	    f, run, db_get_text(r, row, 9), db_get_text(r, row, 10), db_get_text(r, row, 8));
	f->hash = sign_hash_new();
	/* redirects and slow drips together never outlive the claim */
	hf.deadline_ms = clock_mono_ms() + LEASE_S * 1000 / 2;
	task_flow_add(run, &f->f, a, &hf);
}

static size_t
media_start(struct task_run *run)
{
	struct media *m = (struct media *)run;
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	size_t n = 0;

	if (run->alive >= PARALLEL || str_empty(run->env.conf->media_dir) ||
	    clock_mono_ms() < m->idle_until_ms)
		return 0;
	db_i64(&a, (int64_t)(PARALLEL - run->alive));
	db_i64(&a, LEASE_S);
	if (db_exec(run->env.db, &sql[Q_CLAIM], &a, &r) == RC_OK) {
		n = db_rows(r);
		for (size_t i = 0; i < n; i++)
			flow_start(run, r, i);
	}
	db_res_free(r);
	db_args_free(&a);
	if (n == 0)
		m->idle_until_ms = clock_mono_ms() + IDLE_MS;
	return n;
}

static void
erase_row(struct db *db, const struct conf *conf, int64_t id, const char *path)
{
	struct db_args a = { 0 };
	struct buf b;

	buf_init(&b, 4096);
	if (path && mediadir_file(conf->media_dir, path, &b) && unlink(b.p) != 0 &&
	    errno != ENOENT) {
		log_warn("media: cannot remove %s: %s", b.p, strerror(errno));
	} else {
		db_i64(&a, id);
		if (db_exec(db, &sql[Q_DROP], &a, NULL) != RC_OK)
			log_debug("media: row %lld stays until the next run", (long long)id);
	}
	db_args_free(&a);
	buf_free(&b);
}

/* The files that people added, and no message needs any more. */
static void
sweep_uploads(struct db *db, const struct conf *conf)
{
	struct db_res *r = NULL;
	struct buf b;

	if (upload_unused(db, ERASE_BATCH, &r) != RC_OK)
		return;
	for (size_t i = 0; i < db_rows(r); i++) {
		buf_init(&b, 4096);
		if (mediadir_file(conf->media_dir, db_get_text(r, i, 1), &b) && unlink(b.p) != 0 &&
		    errno != ENOENT)
			log_warn("media: cannot remove %s: %s", b.p, strerror(errno));
		else if (upload_drop(db, db_get_i64(r, i, 0)) != RC_OK)
			log_debug("media: an upload's row stays until the next run");
		buf_free(&b);
	}
	db_res_free(r);
}

/* Temporary files that no claim can still be writing. */
static void
sweep_tmp(const char *dir)
{
	struct buf b;
	struct dirent *e;
	struct stat st;
	DIR *d;

	buf_init(&b, 4096);
	buf_printf(&b, "%s/.tmp", dir);
	d = opendir(b.p);
	while (d && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' &&
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_mtime < time(NULL) - 3600)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	buf_free(&b);
}

/* The files of unsent and purged messages, and forgotten temporary ones. */
static enum rc
media_upkeep(struct task_run *run)
{
	const struct conf *conf = run->env.conf;
	struct db_args a = { 0 };
	struct db_res *r = NULL;

	if (str_empty(conf->media_dir))
		return RC_OK;
	if (db_exec(run->env.db, &sql[Q_RESUME], NULL, NULL) != RC_OK)
		return RC_TEMP;
	db_i64(&a, ERASE_BATCH);
	if (db_exec(run->env.db, &sql[Q_ERASED], &a, &r) == RC_OK)
		for (size_t i = 0; i < db_rows(r); i++)
			erase_row(run->env.db, conf, db_get_i64(r, i, 0), db_get_text(r, i, 1));
	db_res_free(r);
	db_args_free(&a);
	sweep_uploads(run->env.db, conf);
	sweep_tmp(conf->media_dir);
	return RC_OK;
}

const struct task task_media = { .name = "media",
	.size = sizeof(struct media),
	.start = media_start,
	.upkeep = media_upkeep,
	.upkeep_s = TASK_ONCE,
	.follows = true };
