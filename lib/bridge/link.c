/*
 * Signed addresses of uploads.
 */
#include "bridge/link.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "bridge/mediadir.h"
#include "extern/sign.h"

enum { HEX = 2 * SIGN_SHA256 };

static void
put_base(const char *public_url, const char *channel, struct buf *out)
{
	size_t n = strlen(public_url);

	while (n > 0 && public_url[n - 1] == '/')
		n--;
	buf_put(out, public_url, n);
	buf_printf(out, "/%s/file/", channel);
}

static void
signature(const struct upload *u, const char *what, size_t n, char out[HEX + 1])
{
	unsigned char mac[SIGN_SHA256];

	sign_hmac_sha256(u->secret, strlen(u->secret), what, n, mac);
	str_hex(mac, sizeof mac, out);
}

/* ".jpg", or "". */
static const char *
ending(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL && strchr(dot, '/') == NULL ? dot : "";
}

/* The address of u. */
static void
link_put(const char *public_url, const struct upload *u, int64_t expires_s, struct buf *out)
{
	char hex[HEX + 1];
	struct buf what;

	buf_init(&what, 64);
	buf_printf(&what, "%" PRId64 "-%" PRId64, u->id, expires_s);
	signature(u, what.p, what.n, hex);
	put_base(public_url, u->channel, out);
	buf_printf(out, "%s-%s%s", what.p, hex, ending(u->path));
	buf_free(&what);
}

void
link_name(const char *public_url, const char *channel, int64_t id, struct buf *out)
{
	put_base(public_url, channel, out);
	buf_printf(out, "%" PRId64, id);
}

enum rc
link_open(
    struct db *db, const char *tail, int64_t now_s, struct mem_arena *arena, struct upload *out)
{
	const char *dash = strchr(tail, '-'), *sig = dash != NULL ? strchr(dash + 1, '-') : NULL;
	int64_t id, expires;
	char hex[HEX + 1];
	size_t n;
	enum rc rc;

	if (sig == NULL || str_n_i64(tail, (size_t)(dash - tail), &id) != RC_OK || id < 1 ||
	    str_n_i64(dash + 1, (size_t)(sig - dash - 1), &expires) != RC_OK || expires <= now_s)
		return RC_NONE;
	n = strcspn(sig + 1, ".");
	if (n != HEX)
		return RC_NONE;
	rc = upload_get(db, id, arena, out);
	if (rc != RC_OK)
		return rc;
	signature(out, tail, (size_t)(sig - tail), hex);
	if (sig[1 + HEX] != '\0' && !str_eq(sig + 1 + HEX, ending(out->path)))
		return RC_NONE;
	return sign_equal(hex, HEX, sig + 1, n) ? RC_OK : RC_NONE;
}

/* Where the bytes of u lie, and how many; NULL: they are not here. */
static const char *
place(const struct conf *conf, const struct upload *u, struct mem_arena *arena, int64_t *bytes)
{
	const char *path = NULL;
	struct stat st;
	struct buf b;

	buf_init(&b, 8192);
	if (!str_empty(conf->media_dir) && mediadir_file(conf->media_dir, u->path, &b) &&
	    lstat(b.p, &st) == 0 && S_ISREG(st.st_mode) && access(b.p, R_OK) == 0) {
		path = mem_arena_ndup(arena, b.p, b.n);
		*bytes = st.st_size;
	}
	buf_free(&b);
	return path;
}

static enum rc
sign_atts(struct db *db, const struct conf *conf, struct mem_arena *arena, struct outbox_item *it)
{
	struct outmsg *m = &it->msg;
	struct att *v = NULL;
	struct upload u;
	struct buf b;
	int64_t id;
	enum rc rc;

	for (size_t i = 0; i < m->n_atts; i++) {
		const char *ref = m->atts[i].ref;

		if (ref == NULL || !str_starts(ref, UPLOAD_REF) ||
		    str_i64(ref + strlen(UPLOAD_REF), &id) != RC_OK)
			continue;
		rc = upload_get(db, id, arena, &u);
		if (rc == RC_NONE)
			continue;
		if (rc != RC_OK)
			return rc;
		if (v == NULL) {
			v = mem_arena_alloc(arena, m->n_atts * sizeof *v);
			memcpy(v, m->atts, m->n_atts * sizeof *v);
		}
		buf_init(&b, 8192);
		link_put(conf->public_url, &u, clock_now_us() / 1000000 + LINK_S, &b);
		v[i].url = mem_arena_ndup(arena, b.p, b.n);
		buf_free(&b);
		v[i].mime = u.mime;
		if (m->n_atts == 1)
			it->file = place(conf, &u, arena, &v[i].bytes);
	}
	if (v != NULL)
		m->atts = v;
	return RC_OK;
}

enum rc
link_sign(struct db *db, const struct conf *conf, struct outbox_items *items)
{
	enum rc rc = RC_OK;

	for (size_t i = 0; i < items->n && rc == RC_OK && !str_empty(conf->public_url); i++)
		rc = sign_atts(db, conf, &items->arena, &items->v[i]);
	return rc;
}
