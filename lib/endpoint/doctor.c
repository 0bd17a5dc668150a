/*
 * doctor over HTTP.  It calls this very address and the other programs while it
 * runs, so the program that serves it needs more than one thread or process.
 */
#include "endpoint/doctor.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "extern/fcgi.h"
#include "extern/jsonw.h"
#include "base/str.h"

#define ANSWER_MAX (1 << 20)

/* Can this process, the web server's, make files in dir, or make dir? */
static bool
folder_usable(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;

	if (dir == NULL)
		return false;
	if (stat(dir, &st) == 0)
		return S_ISDIR(st.st_mode) && access(dir, W_OK | X_OK) == 0;
	snprintf(path, sizeof path, "%s", dir);
	if (strrchr(path, '/') != NULL)
		*strrchr(path, '/') = '\0';
	return access(path, W_OK | X_OK) == 0;
}

/* ... and write into the file, or make it? */
static bool
file_usable(const char *path)
{
	char dir[PATH_MAX];

	if (path == NULL || access(path, F_OK) == 0)
		return path != NULL && access(path, W_OK) == 0;
	snprintf(dir, sizeof dir, "%s", path);
	if (strrchr(dir, '/') != NULL)
		*strrchr(dir, '/') = '\0';
	return access(dir, W_OK | X_OK) == 0;
}

/* ... and use the spool and its parts? */
static bool
spool_usable(const char *dir)
{
	static const char *const parts[] = { "", "/tmp", "/new", "/cur", "/bad" };
	char path[PATH_MAX];

	if (dir == NULL || access(dir, F_OK) != 0)
		return folder_usable(dir);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		snprintf(path, sizeof path, "%s%s", dir, parts[i]);
		if ((i == 0 || access(path, F_OK) == 0) && access(path, R_OK | W_OK | X_OK) != 0)
			return false;
	}
	return true;
}

/* Does this program lie below the site's own folder?  Then the host's server runs it,
 * whose settings are not the owner's to change. */
static bool
below_root(const char *doc_root)
{
	char exe[PATH_MAX], root[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	size_t len;

	if (n <= 0 || str_empty(doc_root) || realpath(doc_root, root) == NULL)
		return false;
	exe[n] = '\0';
	len = strlen(root);
	return strncmp(exe, root, len) == 0 && exe[len] == '/';
}

static void
probe(struct endpoint_env *e)
{
	char database[40];
	struct jsonw w;
	struct buf b;

	doctor_database_id(ctx_db(e->ctx, e->conf, e->thread), database);

	buf_init(&b, 8192);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_object(&w, "probe");
	jsonw_i64(&w, "uid", geteuid());
	jsonw_i64(&w, "gid", getegid());
	jsonw_bool(&w, "cgi", fcgi_is_cgi());
	jsonw_bool(&w, "spool", spool_usable(e->conf->spool_dir));
	jsonw_str(&w, "spoolDir", e->conf->spool_dir != NULL ? e->conf->spool_dir : "");
	jsonw_str(&w, "mediaDir", e->conf->media_dir != NULL ? e->conf->media_dir : "");
	jsonw_bool(&w, "media", folder_usable(e->conf->media_dir));
	jsonw_str(&w, "logFile", e->conf->log_file != NULL ? e->conf->log_file : "");
	jsonw_bool(&w, "log", file_usable(e->conf->log_file));
	jsonw_str(&w, "config", e->conf->file);
	jsonw_str(&w, "docRoot", e->req->doc_root);
	jsonw_bool(&w, "hosted", below_root(e->req->doc_root));
	jsonw_str(&w, "tickDir", e->conf->tick_dir != NULL ? e->conf->tick_dir : "");
	jsonw_bool(&w, "tick", folder_usable(e->conf->tick_dir));
	jsonw_str(&w, "database", database);
	jsonw_str(&w, "version", DMBOX_VERSION);
	jsonw_end(&w);
	jsonw_end(&w);
	buf_putc(&b, '\n');
	endpoint_jsonw(e, 200, &w);
}

void
endpoint_doctor(struct endpoint_env *e)
{
	struct doctor_opts o = { .conf = e->conf, .only = -1, .doc_root = e->req->doc_root };
	const char *q = e->req->query, *only = http_query_get(&e->arena, q, "only");
	const char *lang = http_query_get(&e->arena, q, "lang");
	enum doctor_check c;
	struct doctor *d;
	struct buf b;

	if (http_query_get(&e->arena, q, "probe") != NULL) {
		probe(e);
		return;
	}
	if (only != NULL && doctor_check_by_code(only, &c) != RC_OK) {
		endpoint_error(e, 422, "unknown_code", "there is no check of this code");
		return;
	}
	if (only != NULL)
		o.only = (int)c;
	o.offline = http_query_get(&e->arena, q, "offline") != NULL;
	o.lang = str_eq(lang != NULL ? lang : e->conf->lang, "ru") ? DOCTOR_RU : DOCTOR_EN;
	d = doctor_new(&o);
	doctor_run(d);
	buf_init(&b, ANSWER_MAX);
	doctor_json(d, &b);
	endpoint_json(e, 200, &b);
	buf_free(&b);
	doctor_free(d);
}
