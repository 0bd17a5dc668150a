/*
 * Files that people add to an answer: in by POST upload, out to the provider by a signed link.
 * What is stored is named by us, of a kind that its bytes show, and never of one that a web
 * server or a browser could run.
 */
#include "endpoint/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sniff.h"
#include "base/str.h"
#include "bridge/link.h"
#include "bridge/mediadir.h"
#include "endpoint/media.h"
#include "extern/jsonw.h"
#include "extern/sign.h"
#include "model/provider.h"
#include "store/upload.h"

#define NAME_MAX_BYTES 200

/* 413 or 415 as the page shows them: with the limit, if that is it. */
static void
too_large(struct endpoint_env *e, size_t limit)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_object(&w, "error");
	jsonw_str(&w, "code", "too_large");
	jsonw_printf(&w, "message", "a file of at most %zu bytes is expected", limit);
	jsonw_i64(&w, "limit", (int64_t)limit);
	jsonw_end(&w);
	jsonw_str(&w, "requestId", e->request_id);
	jsonw_end(&w);
	endpoint_jsonw(e, 413, &w);
	endpoint_log_error(e, 413, "too_large");
}

/* The name as it is kept: the last part of a path, without control characters; NULL: none. */
static const char *
plain_name(struct endpoint_env *e)
{
	const char *name = http_query_get(&e->arena, e->req->query, "name");
	char *out;
	size_t n;

	if (str_empty(name) || !str_utf8_ok(name, strlen(name)))
		return NULL;
	for (const char *p = name; *p != '\0'; p++)
		if (*p == '/' || *p == '\\')
			name = p + 1;
	n = str_utf8_cut(name, strlen(name), NAME_MAX_BYTES);
	out = mem_arena_ndup(&e->arena, name, n);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			out[i] = '_';
	return n > 0 ? out : NULL;
}

/* May this file be taken?  False: the answer says why not. */
static bool
fits(struct endpoint_env *e, const struct account *a, const struct sniff *kind, struct upload *u)
{
	const struct provider *p = provider_of(a);
	const char *as_file;
	size_t max = 0, file_max = 0;

	if (str_empty(e->conf->media_dir) || str_empty(e->conf->public_url)) {
		endpoint_error(e, 503, "config",
		    "files can be sent where DMBOX_MEDIA_DIR and DMBOX_PUBLIC_URL are set");
		return false;
	}
	if (e->req->body_n == 0 && !e->req->too_large) {
		endpoint_error(e, 422, "empty_body", "the bytes of a file are expected");
		return false;
	}
	u->type = kind != NULL ? provider_file_type(p, kind->type, kind->mime, &max) : NULL;
	/* a photo that is too large for a picture goes as a document */
	as_file = kind != NULL ? provider_file_type(p, "file", kind->mime, &file_max) : NULL;
	if (as_file != NULL && e->req->body_n > max && file_max > max) {
		u->type = as_file;
		max = file_max;
	}
	if (u->type == NULL && !e->req->too_large) {
		endpoint_error(e, 415, "bad_type", "%s: %s does not take such a file",
		    kind != NULL ? kind->mime : "unknown kind of file", p->title);
		return false;
	}
	if (max == 0 || max > UPLOAD_MAX)
		max = UPLOAD_MAX;
	if (e->req->too_large || e->req->body_n > max) {
		too_large(e, max);
		return false;
	}
	if (mediadir_full(e->conf->media_dir)) {
		endpoint_error(
		    e, 507, "disk_full", "the disk is nearly full: what is left is for messages");
		return false;
	}
	return true;
}

/* The bytes under a new name of ours; NULL: not written (logged). */
static const char *
keep(struct endpoint_env *e, const struct account *a, const char *ext)
{
	char month[16], token[25], *folder = mediadir_name(a->name);
	time_t now = (time_t)(clock_now_us() / 1000000);
	const char *path = NULL;
	struct tm tm;
	struct buf b;
	int fd = -1;

	gmtime_r(&now, &tm);
	strftime(month, sizeof month, "%Y-%m", &tm);
	sign_token(token, 24);
	buf_init(&b, 4096);
	if (!mediadir_make(e->conf->media_dir, folder, month, &b))
		goto out;
	buf_printf(&b, "/u%s%s", token, ext);
	if (!buf_err(&b))
		fd = open(b.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd >= 0 && fchmod(fd, 0640) == 0 && file_write(fd, e->req->body, e->req->body_n) &&
	    fsync(fd) == 0)
		path = mem_arena_ndup(&e->arena, b.p, b.n);
	else
		log_error("upload: cannot write %s: %s", b.p, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && path == NULL)
		unlink(b.p);
out:
	free(folder);
	buf_free(&b);
	return path;
}

static void
answer(struct endpoint_env *e, const struct upload *u)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_i64(&w, "upload", u->id);
	jsonw_str(&w, "type", u->type);
	jsonw_str(&w, "mimeType", u->mime);
	jsonw_str(&w, "name", u->name);
	jsonw_i64(&w, "bytes", u->bytes);
	jsonw_end(&w);
	endpoint_jsonw(e, 200, &w);
}

static void
store(struct endpoint_env *e, const struct account *a, const struct sniff *kind, struct upload u)
{
	char sum[65], secret[UPLOAD_SECRET + 1];

	u.path = keep(e, a, kind->ext);
	if (u.path == NULL) {
		endpoint_error(e, 503, "media", "the file cannot be kept now; the log says why");
		return;
	}
	sign_sha256_hex(e->req->body, e->req->body_n, sum);
	sign_token(secret, UPLOAD_SECRET);
	u.account = a->name;
	u.channel = channel_names[e->channel];
	u.mime = kind->mime;
	u.bytes = (int64_t)e->req->body_n;
	u.sha256 = sum;
	u.secret = secret;
	if (upload_add(ctx_db(e->ctx, e->conf, e->thread), &u, &u.id) == RC_OK) {
		answer(e, &u);
		log_info("upload %" PRId64 ": %s, %" PRId64 " bytes, by %s", u.id, u.mime, u.bytes,
		    e->caller.sub);
	} else {
		unlink(u.path);
		endpoint_header(e, "Retry-After", "5");
		endpoint_error(e, 503, "database", "the database does not answer; try again");
	}
}

void
endpoint_upload(struct endpoint_env *e)
{
	const char *name = http_query_get(&e->arena, e->req->query, "account");
	const struct account *a = conf_account(e->conf, e->channel, str_empty(name) ? NULL : name);
	struct upload u = { .name = plain_name(e) };
	const struct sniff *kind;

	if (a == NULL) {
		endpoint_error(e, 422, "unknown_account", "account: there is no such %s account",
		    channel_names[e->channel]);
		return;
	}
	if (e->req->cut) {
		endpoint_error(e, 400, "cut_body", "the body ended before its announced length");
		return;
	}
	kind = sniff(e->req->body, e->req->body_n, http_req_get(e->req, "Content-Type"), u.name);
	if (fits(e, a, kind, &u))
		store(e, a, kind, u);
}

void
endpoint_file(struct endpoint_env *e)
{
	struct upload u;
	char id[24];

	switch (link_open(
	    ctx_db(e->ctx, e->conf, e->thread), e->tail, clock_now_us() / 1000000, &e->arena, &u)) {
	case RC_OK:
		break;
	case RC_TEMP:
		endpoint_header(e, "Retry-After", "5");
		endpoint_error(e, 503, "database", "the database does not answer; try again");
		return;
	default:
		endpoint_error(e, 404, "not_found", "there is nothing at this address");
		return;
	}
	if (str_empty(e->conf->media_dir)) {
		endpoint_error(
		    e, 404, "not_here", "the file is not here: DMBOX_MEDIA_DIR is not set");
		return;
	}
	snprintf(id, sizeof id, "%" PRId64, u.id);
	endpoint_media_send(e,
	    &(struct media_file){
		.id = id, .path = u.path, .mime = u.mime, .name = u.name, .sha256 = u.sha256 });
}
