/*
 * Pictures of people who wrote, kept so that the inbox page shows them: the provider's
 * address of one is good for days only, and a browser must not ask strangers' hosts.
 * Rarely: a picture is asked for again after 30 days, and one that cannot be had is given up
 * after three failures.  Only from hosts of the provider's (struct provider, picture_hosts),
 * without redirects, at most 512 KiB, and only what its first bytes say is a picture.
 *
 * A contact is claimed by moving next_at ahead, as in media.c; a file has a new name each
 * time and the old one goes once the row names the new one.
 */
#include "task/task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sniff.h"
#include "base/str.h"
#include "bridge/mediadir.h"
#include "extern/sign.h"
#include "model/provider.h"
#include "task/media.h"

#define A_RUN 20 /* pictures of an account and run */
#define MAX_BYTES (512 << 10)
#define TIMEOUT_MS 15000
#define GAP_MS 200
#define ERASE_BATCH 200

enum { Q_CLAIM, Q_DONE, Q_FAIL, Q_RELEASE, Q_ERASED, Q_DROP, Q__MAX };
static const struct db_stmt sql[Q__MAX] = {
	/* of the newest 500 who wrote within the month: the others have nobody waiting */
	[Q_CLAIM] = { "avatar_claim",
	    "insert into dmbox.avatars as a (contact_id, account, url, state, next_at)"
	    " select x.id, $1, x.picture_url, 'waiting', now() + interval '15 minutes' from"
	    " (select k.id, k.picture_url from"
	    "   (select c.id, c.picture_url from dmbox.contacts c where c.account = $1"
	    "     and c.channel = $2 and c.last_at > now() - interval '30 days'"
	    "     order by c.last_at desc limit 500) k"
	    "   left join dmbox.avatars v on v.contact_id = k.id"
	    "   where k.picture_url is not null and (v.contact_id is null or v.next_at <= now()"
	    /* another address after the last one failed for good */
	    "     or (v.state = 'none' and v.url <> k.picture_url"
	    "         and v.asked_at < now() - interval '1 day')) limit $3::bigint) x"
	    " on conflict (contact_id) do update set url = excluded.url, asked_at = now(),"
	    " next_at = excluded.next_at, attempts = case when a.state = 'none' then 0 else"
	    " a.attempts end, state = case when a.state = 'none' then 'waiting' else a.state end"
	    " where (a.next_at <= now() or a.state = 'none') and a.state <> 'erased'"
	    " returning a.contact_id, a.url" },
	/* the file before goes: its name is the answer */
	[Q_DONE] = { "avatar_done",
	    "with o as (select contact_id, local_path from dmbox.avatars where contact_id = $1"
	    "  and state <> 'erased' for update)"
	    " update dmbox.avatars a set state = 'done', attempts = 0, error_text = null,"
	    " next_at = now() + interval '30 days', sha256 = $2, bytes = $3, mime_type = $4,"
	    " local_path = $5 from o where a.contact_id = o.contact_id returning o.local_path" },
	/* after one hour, six, then given up; what is there stays */
	[Q_FAIL] = { "avatar_fail",
	    "update dmbox.avatars set attempts = attempts + 1, error_text = $2,"
	    " state = case when state = 'waiting' and ($3 or attempts >= 2) then 'none' else"
	    " state end, next_at = now() + case when $3 or attempts >= 2 then interval '30 days'"
	    " when attempts = 1 then interval '6 hours' else interval '1 hour' end"
	    " where contact_id = $1 and state <> 'erased'" },
	[Q_RELEASE] = { "avatar_release",
	    "update dmbox.avatars set next_at = now() where contact_id = $1" },
	[Q_ERASED] = { "avatar_erased",
	    "select contact_id, local_path from dmbox.avatars where state = 'erased'"
	    " order by contact_id limit $1::bigint" },
	[Q_DROP] = { "avatar_drop",
	    "delete from dmbox.avatars where contact_id = $1 and state = 'erased'" },
};

struct flow {
	struct task_flow f;	/* first */
	struct db_res *res;	/* the claimed contacts */
	size_t i;		/* the one under way */
	char *account, *dir;	/* dir: DMBOX_MEDIA_DIR */
};

/* --- what became of one ----------------------------------------------------------- */

static void
fail(struct flow *f, bool for_good, const char *why)
{
	struct db_args a = { 0 };
	char masked[200];

	log_mask(why, strlen(why), masked, sizeof masked);
	db_i64(&a, db_get_i64(f->res, f->i, 0));
	db_text(&a, masked);
	db_bool(&a, for_good);
	if (db_exec(f->f.run->env.db, &sql[Q_FAIL], &a, NULL) != RC_OK)
		log_debug("avatar: a claim stays until it runs out");
	db_args_free(&a);
}

static void
release(struct flow *f)
{
	task_row(f->f.run, &sql[Q_RELEASE], db_get_i64(f->res, f->i, 0));
}

/* The bytes under a name of ours: written beside, then renamed.  NULL: logged. */
static char *
keep(const struct flow *f, const struct http_res *res, const char *ext)
{
	char token[13], *path = NULL;
	struct buf tmp, b;
	int fd = -1;

	sign_token(token, sizeof token - 1);
	buf_init(&tmp, 4096);
	buf_init(&b, 4096);
	if (mediadir_make(f->dir, ".tmp", NULL, &tmp) &&
	    mediadir_make(f->dir, f->account, "avatars", &b)) {
		buf_printf(&tmp, "/a%s", token);
		buf_printf(&b, "/a%s%s", token, ext);
		if (!buf_err(&tmp) && !buf_err(&b))
			fd = open(tmp.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
		if (fd >= 0 && file_write(fd, res->body, res->body_n) && fsync(fd) == 0 &&
		    fchmod(fd, 0640) == 0 && rename(tmp.p, b.p) == 0)
			path = buf_take(&b);
		else
			log_error("avatar: cannot write %s: %s", b.p, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && path == NULL)
		unlink(tmp.p);
	buf_free(&tmp);
	buf_free(&b);
	return path;
}

/* False: it is still there (logged). */
static bool
drop_file(const char *dir, const char *path)
{
	bool gone = true;
	struct buf b;

	buf_init(&b, 4096);
	if (path != NULL && mediadir_file(dir, path, &b) && unlink(b.p) != 0 && errno != ENOENT) {
		log_warn("avatar: cannot remove %s: %s", b.p, strerror(errno));
		gone = false;
	}
	buf_free(&b);
	return gone;
}

static void
take(struct flow *f, const struct http_res *res)
{
	const struct sniff *kind = sniff(res->body, res->body_n, NULL, NULL);
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	char sum[65], *path;

	if (kind == NULL || !str_eq(kind->type, "image")) {
		fail(f, true, res->body_n == 0 ? "empty" : "no picture");
		return;
	}
	path = keep(f, res, kind->ext);
	if (path == NULL) {
		fail(f, false, "cannot write");
		return;
	}
	sign_sha256_hex(res->body, res->body_n, sum);
	db_i64(&a, db_get_i64(f->res, f->i, 0));
	db_text(&a, sum);
	db_i64(&a, (int64_t)res->body_n);
	db_text(&a, kind->mime);
	db_text(&a, path);
	if (db_exec(f->f.run->env.db, &sql[Q_DONE], &a, &r) == RC_OK) {
		/* no row: the contact was erased meanwhile */
		(void)drop_file(f->dir, db_rows(r) > 0 ? db_get_text(r, 0, 0) : path);
		f->f.run->done += db_rows(r);
	}
	db_res_free(r);
	db_args_free(&a);
	free(path);
}

/* --- the flow ---------------------------------------------------------------------- */

static enum rc
flow_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct flow *f = arg;
	const struct provider *p = provider_of(&f->f.login.a);

	for (; f->i < db_rows(f->res) && !f->f.run->stopping; f->i++) {
		const char *url = db_get_text(f->res, f->i, 1);

		if (!task_media_at(f->f.run->env.conf, p->picture_hosts, url)) {
			fail(f, true, "not at a host of the provider's");
			continue;
		}
		http_req_init(req, "GET", url);
		req->public_only = true;
		req->timeout_ms = TIMEOUT_MS;
		req->max_answer = MAX_BYTES;
		*wait_ms = f->i > 0 ? GAP_MS : 0;
		return RC_OK;
	}
	return RC_NONE;
}

static void
flow_feed(void *arg, struct http_res *res)
{
	struct flow *f = arg;
	char why[200];

	if (res->fail == HTTP_FAIL_TIMEOUT && f->f.run->stopping) {
		release(f);	/* cut by the end of the run */
	} else if (res->fail != HTTP_FAIL_NONE) {
		snprintf(why, sizeof why, "%s: %s", http_fail_names[res->fail], res->note);
		fail(f,
		    res->fail == HTTP_FAIL_BLOCKED || res->fail == HTTP_FAIL_URL ||
			res->fail == HTTP_FAIL_TOO_BIG,
		    why);
	} else if (res->status >= 200 && res->status < 300) {
		take(f, res);
	} else {
		snprintf(why, sizeof why, "HTTP %d", res->status);
		fail(f, res->status >= 300 && res->status < 500 && res->status != 429, why);
	}
	f->i++;
}

static void
flow_over(struct task_flow *base)
{
	struct flow *f = (struct flow *)base;

	for (; f->i < db_rows(f->res); f->i++)	/* claimed, not asked */
		release(f);
	db_res_free(f->res);
	free(f->account);
	free(f->dir);
}

static bool
flow_start(struct task_run *run, const struct account *a)
{
	const struct httpc_flow hf = { .next = flow_next, .feed = flow_feed };
	struct db_res *r = task_claim(run, &sql[Q_CLAIM], a, A_RUN);
	struct flow *f;

	if (r == NULL)
		return false;
	f = mem_alloc(sizeof *f);
	f->f.over = flow_over;
	f->res = r;
	f->account = mediadir_name(a->name);
	f->dir = mem_dup(run->env.conf->media_dir);
	task_flow_add(run, &f->f, a, &hf);
	return true;
}

static size_t
avatar_start(struct task_run *run)
{
	const struct conf *conf = run->env.conf;
	size_t n = 0;

	if (str_empty(conf->media_dir) || mediadir_full(conf->media_dir))
		return 0;
	for (size_t i = 0; i < conf->n_accounts; i++) {
		const struct account *a = &conf->accounts[i];

		if (provider_of(a)->picture_hosts != NULL && !a->use_mock &&
		    !task_under_way(run, a, false) && flow_start(run, a))
			n++;
	}
	return n;
}

/* The files of people who were erased. */
static enum rc
avatar_upkeep(struct task_run *run)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	if (str_empty(run->env.conf->media_dir))
		return RC_OK;
	db_i64(&a, ERASE_BATCH);
	rc = db_exec(run->env.db, &sql[Q_ERASED], &a, &r);
	for (size_t i = 0; rc == RC_OK && i < db_rows(r); i++) {
		struct db_args b = { 0 };

		if (!drop_file(run->env.conf->media_dir, db_get_text(r, i, 1)))
			continue;	/* its row stays for the next run */
		db_i64(&b, db_get_i64(r, i, 0));
		rc = db_exec(run->env.db, &sql[Q_DROP], &b, NULL);
		db_args_free(&b);
	}
	db_res_free(r);
	db_args_free(&a);
	return rc == RC_OK ? RC_OK : RC_TEMP;
}

const struct task task_avatar = { .name = "avatars",
	.start = avatar_start,
	.start_s = 30,
	.upkeep = avatar_upkeep,
	.upkeep_s = TASK_ONCE };
