/*
 * dmbox migrate: the steps of sql/ that the database lacks, in order, each in
 * one transaction with its row in schema_version; then the functions and views
 * of sql/code/ whose bytes changed, together in one transaction, with their
 * hashes in schema_code.  The lock is taken inside each transaction, not for
 * the session, so that it works through a transaction pooler; a second migrate
 * finds the rows of the first.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "extern/db.h"
#include "extern/jsonw.h"
#include "base/mem.h"
#include "base/prefix.h"
#include "extern/sign.h"
#include "store/store.h"

#define FILE_MAX (4u * 1024 * 1024)
#define TRIES_MAX 50	/* each ends by a deadlock, which PostgreSQL finds after a second */

enum {
	S_LOCK,
	S_HAVE,
	S_VERSION,
	S_ALL,
	S_ADD,
	S_HAVE_CODE,
	S_CODE,
	S_ADD_CODE,
	S_NAME,
	S_OWNER,
	S_FOREIGN,
	S_UTF8,
	S_LETTERS
};
static const struct db_stmt sql[] = {
	[S_LOCK] = { NULL, "select pg_advisory_xact_lock(8463518470102)" },
	[S_HAVE] = { NULL, "select to_regclass('dmbox.schema_version') is not null" },
	[S_VERSION] = { NULL, "select 1 from dmbox.schema_version where version = $1" },
	[S_ALL] = { NULL, "select version from dmbox.schema_version order by version" },
	[S_ADD] = { NULL, "insert into dmbox.schema_version (version) values ($1)" },
	[S_HAVE_CODE] = { NULL, "select to_regclass('dmbox.schema_code') is not null" },
	[S_CODE] = { NULL, "select name, sha256 from dmbox.schema_code" },
	[S_ADD_CODE] = { NULL,
	    "insert into dmbox.schema_code (name, sha256) values ($1, $2) "
	    "on conflict (name) do update set sha256 = excluded.sha256, applied_at = now()" },
	[S_NAME] = { NULL, "select current_database()::text" },
	/* ours to alter, and not done yet? */
	[S_OWNER] = { NULL,
	    "select pg_has_role(d.datdba, 'USAGE') and not exists ("
	    "select 1 from pg_db_role_setting s, unnest(s.setconfig) x "
	    "where s.setdatabase = d.oid and s.setrole = 0 and x like 'search_path=%dmbox%') "
	    "from pg_database d where d.datname = current_database()" },
	/* who has something in the schema whose rights we do not have */
	[S_FOREIGN] = { NULL,
	    "select pg_get_userbyid(x.owner)::text, current_user::text from ("
	    "select nspowner as owner from pg_namespace where nspname = 'dmbox' union all "
	    "select c.relowner from pg_class c join pg_namespace n on n.oid = c.relnamespace "
	    "where n.nspname = 'dmbox') x where not pg_has_role(x.owner, 'USAGE') limit 1" },
	[S_UTF8] = { NULL, "select current_setting('server_encoding') = 'UTF8'" },
	[S_LETTERS] = { NULL, "select " STORE_LETTERS },
};

/* public stays first: an existing program's own table "messages" keeps its name. */
static const char search_path[] =
    "do $$ begin execute format('alter database %I set "
    "search_path = \"$user\", public, dmbox', current_database()); end $$";

struct step {
	int version;		/* 0: a file of code/ */
	char *name;		/* file name; "code/NAME" */
	char hash[65];		/* of a file of code/ */
	bool applied;		/* the database has it */
	bool due;		/* it had not, when we came */
};

struct steps {
	char *dir;
	struct step *v;		/* the numbered ones first, in order; then code/, by name */
	size_t n, n_numbered;
};

/* ---- the files ---- */

/* "007-tables.sql": 7; 0 for anything else. */
static int
step_version(const char *name)
{
	int64_t v;

	if (strlen(name) < 9 || name[3] != '-' || !str_ends(name, ".sql") ||
	    str_n_i64(name, 3, &v) != RC_OK)
		return 0;
	return (int)v;
}

static int
by_version(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	if ((x->version == 0) != (y->version == 0))
		return x->version == 0 ? 1 : -1;
	return x->version != y->version ? (x->version < y->version ? -1 : 1) :
					  strcmp(x->name, y->name);
}

static void
add_step(struct steps *s, int version, char *name)
{
	s->v = mem_realloc(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = (struct step){ .version = version, .name = name };
	if (version > 0)
		s->n_numbered++;
}

static void
list_code(const char *dir, struct steps *s)
{
	char path[PATH_MAX + 8], name[300];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/code", dir);
	if ((d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (str_ends(e->d_name, ".sql") && e->d_name[0] != '.') {
			snprintf(name, sizeof(name), "code/%s", e->d_name);
			add_step(s, 0, mem_dup(name));
		}
	closedir(d);
}

static bool
list(const char *dir, struct steps *s)
{
	struct dirent *e;
	DIR *d = opendir(dir);

	if (d == NULL)
		return false;
	while ((e = readdir(d)) != NULL) {
		int v = step_version(e->d_name);

		if (v > 0)
			add_step(s, v, mem_dup(e->d_name));
	}
	closedir(d);
	if (s->n == 0)
		return false;
	list_code(dir, s);
	qsort(s->v, s->n, sizeof(*s->v), by_version);
	s->dir = mem_dup(dir);
	return true;
}

/* Beside the program first (a checkout, an installation of any prefix). */
static bool
find_steps(struct steps *s)
{
	static const char *const beside[] = { "../share/dmbox/sql", "sql", "../sql", "../../sql" };
	const char *named = getenv("DMBOX_SQL_DIR");
	char exe[PATH_MAX], dir[PATH_MAX + 64];
	ssize_t n;

	if (!str_empty(named))
		return list(named, s);
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n > 0) {
		exe[n] = '\0';
		*strrchr(exe, '/') = '\0';
		for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
			snprintf(dir, sizeof(dir), "%s/%s", exe, beside[i]);
			if (list(dir, s))
				return true;
		}
	}
	snprintf(dir, sizeof(dir), "%s/share/dmbox/sql", prefix());
	return list(dir, s);
}

static void
steps_free(struct steps *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].name);
	free(s->v);
	free(s->dir);
}

/* Two files of one number would be one row: a packaging error. */
static bool
steps_ok(const struct steps *s)
{
	for (size_t i = 1; i < s->n_numbered; i++)
		if (s->v[i].version == s->v[i - 1].version) {
			cmd_error("%s: %s, %s: %s", s->dir, s->v[i - 1].name, s->v[i].name,
			    cmd_tr("two steps of one number", "два шага с одним номером"));
			return false;
		}
	return true;
}

static char *
read_step(const struct steps *s, const struct step *st)
{
	char path[PATH_MAX + 300], *text = NULL;
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", s->dir, st->name);
	f = fopen(path, "re");
	if (f != NULL) {
		text = mem_alloc(FILE_MAX + 1);
		n = fread(text, 1, FILE_MAX, f);
	}
	if (f == NULL || ferror(f) || n == FILE_MAX) {
		cmd_error("%s: %s", path,
		    f != NULL && !ferror(f) ? cmd_tr("too large", "слишком велик") :
					      strerror(errno));
		free(text);
		text = NULL;
	}
	if (f != NULL)
		fclose(f);
	return text;
}

static bool
hash_code(struct steps *s)
{
	for (size_t i = s->n_numbered; i < s->n; i++) {
		char *text = read_step(s, &s->v[i]);

		if (text == NULL)
			return false;
		sign_sha256_hex(text, strlen(text), s->v[i].hash);
		free(text);
	}
	return true;
}

/* ---- the database ---- */

static enum rc
ask_bool(struct db *db, const struct db_stmt *st, bool *out)
{
	struct db_res *r;
	enum rc rc = db_exec(db, st, NULL, &r);

	if (rc != RC_OK)
		return rc;
	*out = db_rows(r) > 0 && db_get_bool(r, 0, 0);
	db_res_free(r);
	return RC_OK;
}

/* Mark the files of code/ that the database has in these very bytes. */
static enum rc
look_code(struct db *db, struct steps *s)
{
	struct db_res *r;
	bool there;
	enum rc rc;

	if ((rc = ask_bool(db, &sql[S_HAVE_CODE], &there)) != RC_OK || !there)
		return rc;
	if ((rc = db_exec(db, &sql[S_CODE], NULL, &r)) != RC_OK)
		return rc;
	for (size_t i = 0; i < db_rows(r); i++)
		for (size_t k = s->n_numbered; k < s->n; k++)
			if (str_eq(s->v[k].name + strlen("code/"), db_get_text(r, i, 0)))
				s->v[k].applied = str_eq(s->v[k].hash, db_get_text(r, i, 1));
	db_res_free(r);
	return RC_OK;
}

/* A newer release's functions and views stay as they are. */
static void
forget_code(struct steps *s)
{
	for (size_t i = s->n_numbered; i < s->n; i++)
		s->v[i].applied = true;
}

/* Mark what is applied; *newest is the highest version the database has. */
static enum rc
look(struct db *db, struct steps *s, int *newest)
{
	struct db_res *r;
	bool there;
	enum rc rc;

	*newest = 0;
	if ((rc = ask_bool(db, &sql[S_HAVE], &there)) != RC_OK || !there)
		return rc;
	if ((rc = db_exec(db, &sql[S_ALL], NULL, &r)) != RC_OK)
		return rc;
	for (size_t i = 0; i < db_rows(r); i++) {
		*newest = (int)db_get_i64(r, i, 0);
		for (size_t k = 0; k < s->n_numbered; k++)
			if (s->v[k].version == *newest)
				s->v[k].applied = true;
	}
	db_res_free(r);
	return look_code(db, s);
}

/* RC_DUP: somebody else applied it in the meantime. */
static enum rc
still_missing(struct db *db, const struct step *st)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	bool there;
	enum rc rc;

	if ((rc = db_exec(db, &sql[S_LOCK], NULL, NULL)) != RC_OK ||
	    (rc = ask_bool(db, &sql[S_HAVE], &there)) != RC_OK || !there)
		return rc;
	db_i32(&a, st->version);
	if ((rc = db_exec(db, &sql[S_VERSION], &a, &r)) == RC_OK && db_rows(r) > 0)
		rc = RC_DUP;
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

/* After a failure: did programs at work hold what we wanted and want what we held?  Then all of
 * it is given back and done once more. */
static bool
once_more(struct db *db, int *tries)
{
	bool more = db_fault(db) == DB_FAULT_CONFLICT && ++*tries < TRIES_MAX;

	if (more)
		db_rollback(db);
	return more;
}

static enum rc
apply(struct db *db, const struct steps *s, const struct step *st)
{
	struct db_args a = { 0 };
	char *text = read_step(s, st);
	int tries = 0;
	enum rc rc;

	if (text == NULL)
		return RC_BUG;
	db_i32(&a, st->version);
	do {
		if ((rc = db_begin(db)) == RC_OK && (rc = still_missing(db, st)) == RC_OK &&
		    (rc = db_script(db, text)) == RC_OK &&
		    (rc = db_exec(db, &sql[S_ADD], &a, NULL)) == RC_OK)
			rc = db_commit(db);
	} while (rc != RC_OK && rc != RC_DUP && once_more(db, &tries));
	if (rc != RC_OK) {
		if (rc != RC_DUP)
			cmd_error("%s/%s: %s", s->dir, st->name, db_error(db));
		db_rollback(db);
	}
	db_args_free(&a);
	free(text);
	return rc == RC_DUP ? RC_OK : rc;
}

/* One file of code/, with its hash, in the transaction under way. */
static enum rc
apply_file(struct db *db, const struct steps *s, const struct step *st)
{
	struct db_args a = { 0 };
	char *text = read_step(s, st);
	enum rc rc = RC_BUG;

	if (text == NULL)
		return rc;
	db_text(&a, st->name + strlen("code/"));
	db_text(&a, st->hash);
	if ((rc = db_script(db, text)) == RC_OK)
		rc = db_exec(db, &sql[S_ADD_CODE], &a, NULL);
	if (rc != RC_OK && db_fault(db) != DB_FAULT_CONFLICT)
		cmd_error("%s/%s: %s", s->dir, st->name, db_error(db));
	db_args_free(&a);
	free(text);
	return rc;
}

/*
 * The changed files of code/ in one transaction: a function and a view that calls it change
 * together.  Bodies are not checked while they are made, for files are in order of names.
 */
static enum rc
code_once(struct db *db, struct steps *s)
{
	enum rc rc;
	int newest = 0;

	if ((rc = db_begin(db)) != RC_OK || (rc = db_exec(db, &sql[S_LOCK], NULL, NULL)) != RC_OK ||
	    (rc = look(db, s, &newest)) != RC_OK ||
	    (rc = db_script(db, "set local check_function_bodies = off")) != RC_OK) {
		cmd_error("%s", db_error(db));
		return rc;
	}
	if (newest > s->v[s->n_numbered - 1].version)	/* theirs may be called in ways of theirs */
		forget_code(s);
	for (int schema = 1; schema >= 0; schema--)	/* code/schema.sql makes schema_code */
		for (size_t i = s->n_numbered; rc == RC_OK && i < s->n; i++)
			if (!s->v[i].applied && str_eq(s->v[i].name, "code/schema.sql") == schema)
				rc = apply_file(db, s, &s->v[i]);
	if (rc == RC_OK && (rc = db_commit(db)) != RC_OK && db_fault(db) != DB_FAULT_CONFLICT)
		cmd_error("%s/code: %s", s->dir, db_error(db));
	return rc;
}

static enum rc
apply_code(struct db *db, struct steps *s)
{
	int tries = 0;
	enum rc rc;

	do
		rc = code_once(db, s);
	while (rc != RC_OK && once_more(db, &tries));
	if (rc == RC_OK)
		return RC_OK;
	if (db_fault(db) == DB_FAULT_CONFLICT)
		cmd_error("%s/code: %s", s->dir, db_error(db));
	db_rollback(db);
	return rc;
}

/* "select * from messages" without a prefix, where the database is ours. */
static void
set_search_path(struct db *db)
{
	bool wanted = false;

	if (ask_bool(db, &sql[S_OWNER], &wanted) != RC_OK || !wanted)
		return;
	if (db_script(db, search_path) != RC_OK)
		fprintf(stderr,
		    cmd_tr("search_path not set: %s; write dmbox.messages in queries\n",
			"search_path не задан: %s; пишите в запросах dmbox.messages\n"),
		    db_error(db));
}

/* After a failure: a dump was read by somebody else, whose tables they are then. */
static void
say_foreign(struct db *db)
{
	struct db_res *r = NULL;

	if (db_exec(db, &sql[S_FOREIGN], NULL, &r) == RC_OK && db_rows(r) > 0) {
		const char *owner = db_get_text(r, 0, 0), *me = db_get_text(r, 0, 1);

		cmd_error(
		    cmd_tr("the schema dmbox or tables in it belong to %s, and DATABASE_URL logs "
			   "in as %s: name %s there, or read the dump again as %s "
			   "(pg_restore --no-owner --role=%s, psql -U %s)",
			"схема dmbox или таблицы в ней принадлежат %s, а DATABASE_URL входит как "
			"%s: укажите там %s или прочитайте дамп снова от имени %s "
			"(pg_restore --no-owner --role=%s, psql -U %s)"),
		    owner, me, owner, me, me, me);
	}
	db_res_free(r);
}

/* Before the first step, while another database costs nothing: can it keep what people write? */
static bool
fit(struct db *db)
{
	static const char made[] = "create database ... encoding 'UTF8' lc_collate 'C.UTF-8' "
				   "lc_ctype 'C.UTF-8' template template0";
	bool utf8 = true, letters = true;

	if (ask_bool(db, &sql[S_UTF8], &utf8) == RC_OK && !utf8)
		cmd_error(cmd_tr("the database is not in UTF-8: Cyrillic and emoji cannot be kept "
				 "there; make another one (%s) and name it in DATABASE_URL",
			      "база не в UTF-8: кириллицу и эмодзи в ней не сохранить; создайте "
			      "другую (%s) и укажите её в DATABASE_URL"),
		    made);
	else if (ask_bool(db, &sql[S_LETTERS], &letters) == RC_OK && !letters)
		fprintf(stderr,
		    cmd_tr("by LC_CTYPE the database knows English capital letters only: the "
			   "search finds no other word by a small one; better: %s\n",
			"по LC_CTYPE база знает заглавные буквы только английского: поиск не "
			"найдёт слово с заглавной по строчной; лучше: %s\n"),
		    made);
	return utf8;
}

/* ---- the command ---- */

static void
report(const struct steps *s, const char *database, int newest, size_t done, bool dry, bool json)
{
	struct jsonw w;
	struct buf b;

	if (!json) {
		if (done == 0)
			printf(cmd_tr("database %s: nothing to do, version %d\n",
				   "база %s: делать нечего, версия %d\n"),
			    database, newest);
		else if (!dry)
			printf(cmd_tr("database %s: version %d\n", "база %s: версия %d\n"),
			    database, newest);
		return;
	}
	buf_init(&b, 1024 * 1024);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "database", database);
	jsonw_i64(&w, "version", newest);
	jsonw_bool(&w, "dryRun", dry);
	jsonw_array(&w, "steps");
	for (size_t i = 0; i < s->n_numbered; i++) {
		if (!s->v[i].due)
			continue;
		jsonw_object(&w, NULL);
		jsonw_i64(&w, "version", s->v[i].version);
		jsonw_str(&w, "file", s->v[i].name);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_array(&w, "code");
	for (size_t i = s->n_numbered; i < s->n; i++)
		if (s->v[i].due)
			jsonw_str(&w, NULL, s->v[i].name);
	jsonw_end(&w);
	jsonw_end(&w);
	(void)cmd_json(&w);
}

static char *
database_name(struct db *db)
{
	struct db_res *r;
	char *name;

	if (db_exec(db, &sql[S_NAME], NULL, &r) != RC_OK)
		return NULL;
	name = mem_dup(db_rows(r) > 0 ? db_get_text(r, 0, 0) : NULL);
	db_res_free(r);
	return name;
}

static int
migrate(struct db *db, struct steps *s, bool dry, bool json)
{
	char *database = database_name(db);
	int newest, status = CMD_OK;
	size_t done = 0;

	if (database == NULL || look(db, s, &newest) != RC_OK) {
		cmd_error(cmd_tr("the database: %s", "база данных: %s"), db_error(db));
		free(database);
		return CMD_FAIL;
	}
	if (newest == 0 && !fit(db)) {
		free(database);
		return CMD_FAIL;
	}
	if (newest > s->v[s->n_numbered - 1].version) {
		fprintf(stderr,
		    cmd_tr("the database is at version %d, newer than this "
			   "program's %d\n",
			"версия базы %d новее, чем у этой программы (%d)\n"),
		    newest, s->v[s->n_numbered - 1].version);
		forget_code(s);
		status = CMD_WARN;
	}
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].applied)
			continue;
		s->v[i].due = true;
		if (!json)
			printf("%s %s\n",
			    dry ? cmd_tr("would apply", "будет применён") :
				  cmd_tr("applying", "применяется"),
			    s->v[i].name);
		if (!dry && s->v[i].version > 0 && apply(db, s, &s->v[i]) != RC_OK) {
			free(database);
			return CMD_FAIL;
		}
		if (!dry && s->v[i].version > newest)
			newest = s->v[i].version;
		done++;
	}
	if (!dry && apply_code(db, s) != RC_OK) {
		free(database);
		return CMD_FAIL;
	}
	if (!dry)
		set_search_path(db);
	report(s, database, newest, done, dry, json);
	free(database);
	return status;
}

static int
run(int argc, char **argv)
{
	static const struct option options[] = { { "dry-run", 0, NULL, 'n' },
		{ "json", 0, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	bool dry = false, json = false;
	struct steps s = { 0 };
	struct db_opts opts = { 0 };
	struct conf *c = NULL;
	struct db *db = NULL;
	int o, status = CMD_FAIL;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'n':
			dry = true;
			break;
		case 'j':
			json = true;
			break;
		default:
			return cmd_usage(&cmd_migrate);
		}
	}
	if (optind != argc)
		return cmd_usage(&cmd_migrate);
	if (cmd_conf(&c) != RC_OK)
		return CMD_FAIL;
	if (!find_steps(&s)) {
		cmd_error(cmd_tr("no NNN-*.sql found; set DMBOX_SQL_DIR to the folder sql of dmbox",
		    "файлы NNN-*.sql не найдены; укажите папку sql в DMBOX_SQL_DIR"));
		goto out;
	}
	if (!steps_ok(&s) || !hash_code(&s))
		goto out;
	opts.conninfo = c->database_url;
	opts.connect_s = c->db_connect_s;
	opts.app = "dmbox migrate";
	opts.no_prepare = true;
	opts.statement_ms = 600000;	/* waiting for another migrate's lock */
	db = db_new(&opts);
	status = migrate(db, &s, dry, json);
	if (status == CMD_FAIL && db_fault(db) == DB_FAULT_DENIED)
		say_foreign(db);
out:
	db_free(db);
	steps_free(&s);
	conf_drop(c);
	return status;
}

const struct cmd cmd_migrate = { "migrate", run,
	{ "bring the database to this version", "привести базу данных к этой версии" },
	{ "usage: dmbox migrate [--dry-run] [--json]\n\n"
	  "Applies the steps of sql/ that the database of DATABASE_URL lacks, each in one\n"
	  "transaction, and the functions and views of sql/code/ that changed.  Running it again "
	  "or twice at once is safe.  Where the login owns\n"
	  "the database, dmbox is added to its search_path.  --dry-run only says what it\n"
	  "would do.  DMBOX_SQL_DIR names another folder of steps.",
	    "вызов: dmbox migrate [--dry-run] [--json]\n\n"
	    "Применяет шаги из sql/, которых нет в базе DATABASE_URL, каждый в одной\n"
	    "транзакции, и изменившиеся функции и представления из sql/code/.  Повторный и "
	    "одновременный запуск безопасны.  Если базой владеет этот\n"
	    "пользователь, схема dmbox добавляется в её search_path.  --dry-run только говорит,\n"
	    "что будет сделано.  DMBOX_SQL_DIR: другая папка с шагами." },
	"  dmbox migrate --dry-run\n"
	"  dmbox migrate\n" };
