/*
 * Serving a downloaded attachment.  Apart from task_media because the inbox
 * program links no libcurl.  The row names the file; only the last three parts
 * of its path count, below today's DMBOX_MEDIA_DIR, so that a moved folder
 * works and no row can name a file elsewhere.
 */
#include "endpoint/media.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "extern/db.h"
#include "base/log.h"
#include "base/str.h"
#include "bridge/mediadir.h"

#define FILE_MAX (64 << 20)

/* state, path, type, name, digest */
static const struct db_stmt sql_avatar = { "avatar_get",
	"select a.state, a.local_path, a.mime_type, null, a.sha256 from dmbox.avatars a"
	" where a.contact_id = $1 and a.local_path is not null" };
static const struct db_stmt sql_file = { "media_get",
	"select a.state, a.local_path, a.mime_type, a.name, a.sha256 from dmbox.attachments a"
	" join dmbox.messages m on m.id = a.message_id"
	" where a.id = $1 and m.deleted_at is null" };

/* Pictures (but drawings with scripts), video and sound show in place. */
static bool
shown(const char *mime)
{
	return (str_starts(mime, "image/") && !strstr(mime, "svg")) || str_starts(mime, "video/") ||
	    str_starts(mime, "audio/");
}

/* RFC 6266: an ASCII name for all, the real one beside it. */
static void
put_disposition(
    const struct endpoint_env *e, bool in_place, const char *id, const char *path, const char *name)
{
	const char *dot = strrchr(path, '.');
	struct buf b;

	buf_init(&b, 4096);
	buf_printf(&b, "%s; filename=\"%s%s\"", in_place ? "inline" : "attachment", id,
	    dot && !strchr(dot, '/') ? dot : "");
	if (!str_empty(name)) {
		buf_puts(&b, "; filename*=UTF-8''");
		http_url_encode(&b, name);
	}
	if (!buf_err(&b))
		endpoint_header(e, "Content-Disposition", b.p);
	buf_free(&b);
}

/* RC_NONE where there is no such file, RC_TEMP where it cannot be read. */
static enum rc
read_file(
    const char *dir, const char *path, struct mem_arena *arena, const char **out, size_t *out_n)
{
	enum rc rc = RC_NONE;
	struct stat st;
	struct buf b;
	size_t n = 0;
	char *data;
	int fd = -1;

	buf_init(&b, 8192);
	if (!mediadir_file(dir, path, &b))
		goto out;
	fd = open(b.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		log_warn("media: cannot open %s: %s", b.p, strerror(errno));
		rc = errno == ENOENT ? RC_NONE : RC_TEMP;
		goto out;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		goto out;
	data = mem_arena_alloc(arena, (size_t)st.st_size + 1);
	while (n < (size_t)st.st_size) {
		ssize_t r = read(fd, data + n, (size_t)st.st_size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		n += (size_t)r;
	}
	rc = n == (size_t)st.st_size ? RC_OK : RC_TEMP;
	data[n] = '\0';
	*out = data;
	*out_n = n;
out:
	if (fd >= 0)
		close(fd);
	buf_free(&b);
	return rc;
}

void
endpoint_media_send(struct endpoint_env *e, const struct media_file *f)
{
	struct http_res *res = e->res;
	const char *mime = str_empty(f->mime) ? "application/octet-stream" : f->mime;
	char etag[70];

	snprintf(etag, sizeof etag, "\"%.64s\"", f->sha256 != NULL ? f->sha256 : f->id);
	if (str_eq(http_req_get(e->req, "If-None-Match"), etag)) {
		res->status = 304;
		endpoint_header(e, "ETag", etag);
		return;
	}
	switch (read_file(e->conf->media_dir, f->path, &res->arena, &res->body, &res->body_n)) {
	case RC_OK:
		break;
	case RC_NONE:
		endpoint_error(e, 404, "not_here", "the file is not here: missing");
		return;
	default:
		endpoint_error(e, 503, "media", "the file cannot be read now");
		return;
	}
	res->status = 200;
	endpoint_header(e, "Content-Type", mime);
	put_disposition(e, shown(mime), f->id, f->path, f->name);
	endpoint_header(e, "X-Content-Type-Options", "nosniff");
	endpoint_header(e, "Content-Security-Policy", "default-src 'none'; sandbox");
	endpoint_header(e, "Cache-Control", "private, max-age=86400");
	endpoint_header(e, "ETag", etag);
}

static void
serve(struct endpoint_env *e, const struct db_res *r, const char *id)
{
	const char *state = db_get_text(r, 0, 0);
	const struct media_file f = { .id = id,
		.path = db_get_text(r, 0, 1),
		.mime = db_get_text(r, 0, 2),
		.name = db_get_text(r, 0, 3),
		.sha256 = db_get_text(r, 0, 4) };

	if (!str_eq(state, "done") || str_empty(f.path) || str_empty(e->conf->media_dir))
		endpoint_error(e, 404, "not_here", "the file is not here: %s", state);
	else
		endpoint_media_send(e, &f);
}

void
endpoint_media(struct endpoint_env *e)
{
	const char *contact = http_query_get(&e->arena, e->req->query, "contact");
	const char *id = contact ? contact : http_query_get(&e->arena, e->req->query, "attachment");
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	int64_t n = 0;

	if (!id || str_i64(id, &n) != RC_OK || n < 1) {
		endpoint_error(e, 400, "invalid",
		    "attachment must be the id of an attachment, or contact of a contact");
		return;
	}
	db_i64(&a, n);
	if (db_exec(ctx_db(e->ctx, e->conf, e->thread), contact ? &sql_avatar : &sql_file, &a,
		&r) != RC_OK)
		endpoint_error(e, 503, "database", "the database is away");
	else if (db_rows(r) == 0)
		endpoint_error(e, 404, "not_found", "no such file");
	else
		serve(e, r, id);
	db_res_free(r);
	db_args_free(&a);
}
