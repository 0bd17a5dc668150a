/*
 * The database: each login that the configuration names is tried, the rest is
 * asked with the poller's, which may read everything.
 */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "doctor/doctor.h"
#include "store/store.h"
#include "base/str.h"

#define SMALL_PLAN 5 /* connections of a cheap host's database */
#define LIMIT_NEAR 90 /* percent of the connections */
#define CLOCK_WARN_S 5
#define CLOCK_FAIL_S 60 /* the leeway of a token (contract.md 4) */
#define LEFTOVER "10 minutes"
#define TAKEN_MS 1000
#define FIX_MAX 900
/* a proxy may have given them other ids; the header came along */
#define OURS "(request_id like 'doctor-%' or source = 'doctor' or headers ? 'x-dmbox-doctor')"

enum stmt {
	SQL_SERVER,
	SQL_MAKE,
	SQL_MOVED,
	SQL_SCHEMA,
	SQL_UNIQUE,
	SQL_DRIFT,
	SQL_RIGHTS,
	SQL_SEQUENCE,
	SQL_LIMIT,
	SQL_DURABLE,
	SQL_LETTERS,
	SQL_CLEAN,
	SQL_CLEAN_CONTACTS,
	SQL_CLEAN_LEDGER,
	SQL_LEFT,
	SQL_KEEPS,
	SQL__MAX
};

static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_SERVER] = { NULL,
	    "select current_setting('server_version_num')::bigint,"
	    " current_setting('server_version'),"
	    " clock_timestamp(), pg_is_in_recovery(),"
	    " current_setting('server_encoding'), inet_server_addr() is null or inet_server_addr() "
	    "= inet_client_addr(),"
	    " case when pg_has_role(current_user, 'pg_read_all_settings', 'member') then "
	    "current_setting('data_directory') else '' end" },
	[SQL_MAKE] = { NULL,
	    "select has_database_privilege(current_database(), 'CREATE')"
	    " or to_regnamespace('dmbox') is not null,"
	    " current_user::text, current_database()::text, to_regnamespace('dmbox') is null or"
	    " has_schema_privilege('dmbox', 'USAGE')" },
	/* tables of ours in a schema of another name */
	[SQL_MOVED] = { NULL,
	    "select n.nspname, format('alter schema %I rename to dmbox;', n.nspname)"
	    " from pg_namespace n where to_regnamespace('dmbox') is null and (select count(*) from"
	    "  pg_class c where c.relnamespace = n.oid and c.relname in ('schema_version',"
	    "  'deliveries', 'ingest_balance', 'send_attempts')) = 4 limit 1" },
	[SQL_SCHEMA] = { NULL, "select max(version)::bigint from dmbox.schema_version" },
	[SQL_UNIQUE] = { NULL,
	    "select count(*) filter (where i.indisvalid), min(format('reindex index dmbox.%I;',"
	    " (select relname from pg_class where oid = i.indexrelid)))"
	    "  filter (where not i.indisvalid)"
	    " from pg_index i where i.indrelid = 'dmbox.messages'::regclass"
	    " and i.indisunique and i.indpred is null and i.indexprs is null"
	    " and (select array_agg(a.attname::text order by a.attname) from pg_attribute a"
	    "      where a.attrelid = i.indrelid and a.attnum = any(i.indkey::int2[]))"
	    "   = array['account','channel','external_id','thread_id']" },
	/* the rules of its language, by which its indexes are sorted: of then, and of today */
	[SQL_DRIFT] = { NULL,
	    "select datcollate::text, datcollversion, pg_database_collation_actual_version(oid),"
	    " format('`reindex database %1$I;`, `alter database %1$I refresh collation version;`',"
	    "  datname) from pg_database where datname = current_database()"
	    " and datcollversion <> pg_database_collation_actual_version(oid)" },
	[SQL_RIGHTS] = { NULL,
	    /* by number: a role that may not use the schema may not name what is in it either */
	    "with n as (select oid from pg_namespace where nspname = 'dmbox'), l as ("
	    " select 0 as o, 'usage on schema dmbox' as what,"
	    "  format('`grant usage on schema dmbox to %I;`', current_user) as fix"
	    "  from n where not has_schema_privilege(n.oid, 'USAGE')"
	    " union all select 1, x.p || ' on ' || x.t,"
	    "  format('`grant %s on dmbox.%I to %I;`', x.p, x.t, current_user)"
	    "  from n, unnest($1::text[], $2::text[]) x(t, p), pg_class c"
	    "  where c.relnamespace = n.oid and c.relname = x.t"
	    "  and not has_table_privilege(c.oid, x.p)"
	    "  and not (x.p = 'select' and has_any_column_privilege(c.oid, x.p)))"
	    " select coalesce(string_agg(what, ', ' order by o, what), ''),"
	    " string_agg(fix, ' ' order by o, what) from l" },
	[SQL_SEQUENCE] = { NULL,
	    "select has_sequence_privilege(c.oid, 'USAGE'),"
	    " format('`grant usage on sequence dmbox.deliveries_id_seq to %I;`', current_user)"
	    " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
	    " where n.nspname = 'dmbox' and c.relname = 'deliveries_id_seq'" },
	[SQL_LIMIT] = { NULL,
	    "select least(current_setting('max_connections')::bigint"
	    "  - current_setting('superuser_reserved_connections')::bigint - (select count(*) from "
	    "pg_stat_activity where backend_type = 'client backend'),"
	    " case when r.rolconnlimit < 0 then 1000000 else r.rolconnlimit - (select count(*) "
	    "from pg_stat_activity where usename = current_user) end,"
	    " case when b.datconnlimit < 0 then 1000000 else b.datconnlimit - (select count(*) "
	    "from pg_stat_activity where datname = current_database()) end),"
	    " least(current_setting('max_connections')::bigint, case when r.rolconnlimit < 0 then "
	    "1000000 else r.rolconnlimit end,"
	    " case when b.datconnlimit < 0 then 1000000 else b.datconnlimit end)"
	    " from pg_roles r, pg_database b where r.rolname = current_user"
	    " and b.datname = current_database()" },
	[SQL_DURABLE] = { NULL,
	    "select current_setting('fsync'), current_setting('full_page_writes'),"
	    " coalesce((select s.setting from (select unnest(setconfig) as setting from "
	    "pg_db_role_setting r"
	    "  left join pg_roles u on u.oid = r.setrole where (r.setrole = 0 or u.rolname = "
	    "current_user)"
	    "  and r.setdatabase in (0, (select oid from pg_database"
	    " where datname = current_database()))) s"
	    "  where s.setting ilike 'synchronous_commit=%'"
	    " limit 1), ''), current_user::text, quote_ident(current_database())" },
	[SQL_LETTERS] = { NULL,
	    "select " STORE_LETTERS ", (select datctype::text from pg_database"
	    "  where datname = current_database())" },
	/* messages and events of our deliveries; contacts that nothing else speaks of */
	[SQL_CLEAN] = { NULL,
	    "with d as (select id from dmbox.deliveries where " OURS " and"
	    "  (request_id like $1 or received_at < now() - interval '" LEFTOVER "')),"
	    " m as (delete from dmbox.messages where (is_test or external_id like 'doctor-%') and "
	    "delivery_id in (select id from d) returning id),"
	    " a as (delete from dmbox.attachments where message_id in (select id from m)),"
	    " e as (delete from dmbox.events where is_test and delivery_id in (select id from d))"
	    " select count(*) from m" },
	[SQL_CLEAN_CONTACTS] = { NULL,
	    "delete from dmbox.contacts c where external_id like 'doctor-%'"
	    " and not exists (select 1 from dmbox.messages m where m.contact_id = c.id)" },
	[SQL_CLEAN_LEDGER] = { NULL,
	    "with d as (delete from dmbox.deliveries where " OURS " and"
	    "  (request_id like $1 or received_at < now() - interval '" LEFTOVER "')"
	    "  returning account, channel, verdict, reason, date_trunc('minute', received_at) "
	    "as minute),"
	    " n as (select account, channel, reason, minute, count(*)::int as n from d where "
	    "verdict = 'rejected' group by 1, 2, 3, 4)"
	    " update dmbox.refusals r set kept = greatest(0, kept - n.n) from n"
	    " where r.account = n.account and r.channel = n.channel and r.reason = n.reason"
	    " and r.minute = n.minute" },
	/* a trigger or rule of the owner makes of a delete nothing, and no error */
	[SQL_LEFT] = { NULL,
	    "select (select count(*) from (select external_id from dmbox.messages"
	    "   order by id desc limit 2000) m where external_id like $1)"
	    " + (select count(*) from dmbox.deliveries where request_id like $1"
	    "   and received_at > now() - interval '10 minutes')" },
	[SQL_KEEPS] = { NULL,
	    "select string_agg(k.what, '; '), string_agg(k.fix, ' ') from ("
	    " select t.tgname || ', dmbox.' || c.relname as what,"
	    "  format('alter table dmbox.%I disable trigger %I;', c.relname, t.tgname) as fix"
	    "  from pg_trigger t join pg_class c on c.oid = t.tgrelid"
	    "  join pg_proc p on p.oid = t.tgfoid where c.relnamespace = 'dmbox'::regnamespace"
	    "  and not t.tgisinternal and t.tgenabled <> 'D' and t.tgparentid = 0"
	    "  and (t.tgtype::int & 8) <> 0 and p.pronamespace <> 'dmbox'::regnamespace"
	    " union all select r.rulename || ', dmbox.' || c.relname,"
	    "  format('drop rule %I on dmbox.%I;', r.rulename, c.relname)"
	    "  from pg_rewrite r join pg_class c on c.oid = r.ev_class"
	    "  where c.relnamespace = 'dmbox'::regnamespace and r.ev_type = '4'"
	    "  and r.ev_enabled <> 'D') k" },
};

/* What each program needs, table by table (sql/roles.sql). */
static const struct right {
	const char *table, *privileges;
} rights_web[] = { { "deliveries", "select insert" }, { "contacts", "select insert update" },
	{ "messages", "select insert update" }, { "attachments", "select insert update delete" },
	{ "reactions", "select insert update" }, { "message_edits", "select insert update delete" },
	{ "events", "select insert update delete" }, { "refusals", "insert update" },
	{ "schema_version", "select" }, { NULL, NULL } },
  rights_send[] = { { "outbox", "select insert update" }, { "send_attempts", "insert" },
	  { "messages", "select insert update delete" }, { "contacts", "select insert update" },
	  { "account_state", "select" }, { "schema_version", "select" }, { NULL, NULL } },
  rights_cron[] = { { "deliveries", "select insert update delete" },
	  { "messages", "select insert update delete" }, { "contacts", "select insert update" },
	  { "events", "select insert update" }, { "outbox", "select insert update" },
	  { "send_attempts", "insert" }, { "poll_runs", "select insert update" },
	  { "leases", "select insert update delete" }, { "heartbeats", "select insert update" },
	  { "account_state", "select insert update" },
	  { "attachments", "select insert update delete" }, { "accounts", "select insert update" },
	  { "avatars", "select insert update delete" }, { NULL, NULL } },
  rights_read[] = { { "messages", "select" }, { "contacts", "select" },
	  { "conversations", "select" }, { "messages_full", "select" }, { "outbox", "select" },
	  { "heartbeats", "select" }, { NULL, NULL } };

enum finding_status
doctor_clock(int64_t s)
{
	if (s < 0)
		s = -s;
	return s >= CLOCK_FAIL_S ? FINDING_FAIL : s >= CLOCK_WARN_S ? FINDING_WARN : FINDING_OK;
}

void
doctor_database_id(struct db *db, char out[40])
{
	static const struct db_stmt first = { NULL,
		"select (extract(epoch from min(applied_at)) * 1000000)::bigint::text"
		" from dmbox.schema_version" };
	struct db_res *r = NULL;
	const char *s = NULL;

	if (db_exec(db, &first, NULL, &r) == RC_OK)
		s = db_get_text(r, 0, 0);
	snprintf(out, 40, "%s", s != NULL ? s : "");
	db_res_free(r);
}

#define ANYWHERE DB_REFUSED_ELSEWHERE

/* Why a server refuses a connection, by its code: its words are in its own language. */
static const struct refusal {
	const char *state; /* SQLSTATE, or its beginning */
	enum db_refused at; /* ANYWHERE, or just there */
	enum doctor_check check;
	const char *en, *ru, *en_remedy, *ru_remedy; /* remedy NULL: the check's own */
} refusals[] = {
	{ "28P01", ANYWHERE, DC_DB_LOGIN,
	    "the password is wrong, none was given, or its time is over (VALID UNTIL)",
	    "пароль неверен, не указан или его срок истёк (VALID UNTIL)",
	    "Set the password of this user in DATABASE_URL (a special character as %XX), or give "
	    "the role that password: in the host's panel, or on your own server as a superuser: "
	    "alter role USER password 'PASSWORD' valid until 'infinity'; a pooler before the "
	    "server (PgBouncer) has a list of its own (auth_file).",
	    "Впишите в DATABASE_URL пароль этого пользователя (спецсимволы как %XX) или задайте "
	    "его роли: в панели хостинга или на своём сервере от имени суперпользователя: «alter "
	    "role ПОЛЬЗОВАТЕЛЬ password 'ПАРОЛЬ' valid until 'infinity'»; у пулера перед сервером "
	    "(PgBouncer) свой список (auth_file)." },
	{ "28", DB_REFUSED_RULE, DC_DB_LOGIN,
	    "no line of pg_hba.conf lets this user into this database from here",
	    "ни одна строка pg_hba.conf не пускает отсюда этого пользователя в эту базу", NULL,
	    NULL },
	{ "28", DB_REFUSED_PROOF, DC_DB_LOGIN,
	    "the server wants another proof than a password (peer: the system user of the same "
	    "name)",
	    "серверу нужен не пароль (peer: системный пользователь с тем же именем)", NULL, NULL },
	{ "28", DB_REFUSED_NOLOGIN, DC_DB_LOGIN, "this role may not log in",
	    "этой роли вход запрещён", NULL, NULL },
	{ "28", ANYWHERE, DC_DB_LOGIN,
	    "the server takes no such user (no such role, or it may "
	    "not log in)",
	    "сервер не принимает такого пользователя (роли нет, или ей запрещён вход)",
	    "Correct the user in DATABASE_URL to the one in the host's panel; on your own server, "
	    "as a superuser: create role USER login, or alter role USER login.",
	    "Исправьте пользователя в DATABASE_URL на указанного в панели хостинга; на своём "
	    "сервере от имени суперпользователя: «create role ПОЛЬЗОВАТЕЛЬ login» или «alter "
	    "role ПОЛЬЗОВАТЕЛЬ login»." },
	{ "3D000", ANYWHERE, DC_DB_LOGIN, "there is no database of this name",
	    "базы с таким "
	    "именем нет",
	    "Correct the name after the last / in DATABASE_URL, or make the database in the host's "
	    "panel (createdb); then run: `dmbox migrate`",
	    "Исправьте имя после последней / в DATABASE_URL или создайте базу в панели хостинга "
	    "(createdb); затем выполните: `dmbox migrate`" },
	{ "42501", ANYWHERE, DC_DB_LOGIN, "this user may not connect to this database",
	    "этому пользователю нельзя подключаться к этой базе",
	    "As the owner of the database: grant connect on database NAME to USER.",
	    "От имени владельца базы: grant connect on database ИМЯ to ПОЛЬЗОВАТЕЛЬ." },
	{ "55000", ANYWHERE, DC_DB_LOGIN,
	    "this database is closed for everybody (moved, or being "
	    "restored?)",
	    "эта база закрыта для всех (перенесена или восстанавливается?)",
	    "Ask the host where the database is now and name that one in DATABASE_URL; on your own "
	    "server, as a superuser: alter database NAME allow_connections true.",
	    "Спросите хостинг, где теперь база, и впишите её в DATABASE_URL; на своём сервере от "
	    "имени суперпользователя: alter database ИМЯ allow_connections true." },
	{ "08P01", ANYWHERE, DC_DB_LOGIN,
	    "a pooler before the server does not know this database "
	    "or user",
	    "пулер перед сервером не знает такой базы или такого пользователя",
	    "Write database and user into DATABASE_URL as the pooler has them (PgBouncer: "
	    "[databases] and auth_file), or name PostgreSQL itself (port 5432).",
	    "Впишите в DATABASE_URL базу и пользователя так, как они заданы в пулере "
	    "(pgbouncer.ini и auth_file), или укажите сам PostgreSQL (порт 5432)." },
	{ "42704", ANYWHERE, DC_DB_LOGIN, "the server knows no such setting",
	    "такой настройки у сервера нет", "Take that setting out of DATABASE_URL (options=...).",
	    "Уберите эту настройку из DATABASE_URL («options=…»)." },
	{ "22023", ANYWHERE, DC_DB_LOGIN, "the server does not take this value of a setting",
	    "сервер не принимает такое значение настройки",
	    "Correct the setting in DATABASE_URL (options=...), or take it out.",
	    "Исправьте настройку в DATABASE_URL («options=…») или уберите её." },
	{ "53300", ANYWHERE, DC_DB_LIMIT, "no connection is left", "свободных подключений нет",
	    NULL, NULL },
	{ "57P03", ANYWHERE, DC_DB_REACH, "the server is starting, stopping or recovering",
	    "сервер запускается, останавливается или восстанавливается",
	    "Wait a minute and run doctor again; if it stays so, see PostgreSQL's log.",
	    "Подождите минуту и запустите doctor снова; если не проходит, смотрите журнал "
	    "PostgreSQL." },
};

#define POOL_FULL \
	"In pgbouncer.ini raise max_client_conn (callers) or default_pool_size (connections to " \
	"the server), or end other programs' connections; with a host's pooler lower " \
	"DMBOX_WEBHOOK_THREADS or ask for more."
#define POOL_FULL_RU \
	"В pgbouncer.ini поднимите max_client_conn (вызывающие) или default_pool_size " \
	"(подключения к серверу) или завершите чужие подключения; с пулером хостинга уменьшите " \
	"DMBOX_WEBHOOK_THREADS или попросите больше."

/* PgBouncer has one code for all that it refuses; it speaks English alone. */
static const struct {
	const char *word;
	struct refusal is;
} of_pooler[] = {
	{ "max_client_conn",
	    { "08P01", ANYWHERE, DC_DB_LIMIT, "the pooler before the server takes no more callers",
		"пулер перед сервером больше не принимает подключений", POOL_FULL, POOL_FULL_RU } },
	{ "query_wait_timeout",
	    { "08P01", ANYWHERE, DC_DB_LIMIT, "the pooler has no connection to the server to spare",
		"у пулера нет свободного подключения к серверу", POOL_FULL, POOL_FULL_RU } },
	{ "unsupported startup parameter",
	    { "08P01", ANYWHERE, DC_DB_LOGIN, "the pooler takes no such setting",
		"пулер не принимает такую настройку",
		"Take the setting that is named here (options=...) out of DATABASE_URL, or add it "
		"to ignore_startup_parameters in pgbouncer.ini.",
		"Уберите названную настройку («options=…») из DATABASE_URL или добавьте её в "
		"ignore_startup_parameters в pgbouncer.ini." } },
};

/*
 * TLS asked for, and no word from a server: does it speak without TLS?  Nobody's name is
 * used, and no password; any answer with a code is a PostgreSQL that takes plain calls.
 */
static bool
plain_only(const char *url)
{
	static const char *const wanted[] = { "require", "verify-ca", "verify-full" };
	struct db_opts o = {
		.app = "dmbox doctor", .no_prepare = true, .statement_ms = 4000, .connect_s = 2
	};
	char *mode = NULL, *host = NULL, *port = NULL;
	bool asked = db_option(url, "sslmode", &mode) == RC_OK &&
	    db_option(url, "host", &host) == RC_OK;
	bool tls = false, answers = false;
	struct db *db;
	struct buf b;

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		tls |= str_eq(mode, wanted[i]);
	if (asked && tls) {
		if (db_option(url, "port", &port) != RC_OK)
			port = mem_dup("5432");
		buf_init(&b, 4096);
		buf_printf(&b,
		    "host='%s' port='%s' user=nobody password=none dbname=nowhere "
		    "sslmode=disable",
		    host, port);
		o.conninfo = b.p;
		db = db_new(&o);
		answers = db_ready(db) == RC_OK || db_sqlstate(db)[0] != '\0';
		db_free(db);
		buf_free(&b);
	}
	mem_free_secret(mode);
	mem_free_secret(host);
	mem_free_secret(port);
	return answers;
}

/* The address asks for a server of one kind (a primary, a standby), and there is another. */
static bool
of_other_kind(const char *url)
{
	struct db_opts o = {
		.app = "dmbox doctor", .no_prepare = true, .statement_ms = 4000, .connect_s = 2
	};
	char *kind = NULL;
	bool asks = db_option(url, "target_session_attrs", &kind) == RC_OK && !str_eq(kind, "any");
	bool there = false;
	struct db *db;
	struct buf b;

	if (asks) {
		buf_init(&b, 8192);
		buf_printf(&b, "%s%starget_session_attrs=any", url,
		    strstr(url, "://") == NULL	 ? " " :
			strchr(url, '?') != NULL ? "&" :
						   "?");
		o.conninfo = b.p;
		db = db_new(&o);
		there = db_ready(db) == RC_OK || db_sqlstate(db)[0] != '\0';
		db_free(db);
		buf_free(&b);
	}
	mem_free_secret(kind);
	return there;
}

/* How far a call to the address of url comes. */
enum way { WAY_SILENT, WAY_TAKEN, WAY_REFUSED, WAY_NO_NAME, WAY_SOCKET };

static enum way
way_to(const char *url)
{
	char *host = NULL, *port = NULL;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *ai = NULL;
	struct pollfd p = { .fd = -1, .events = POLLOUT };
	socklen_t len = sizeof(int);
	enum way w = WAY_SOCKET;
	int err = -1;

	if (db_option(url, "host", &host) == RC_OK && *host != '/') {
		if (db_option(url, "port", &port) != RC_OK)
			port = mem_dup("5432");
		w = WAY_NO_NAME;
		if (getaddrinfo(host, port, &hints, &ai) == 0) {
			w = WAY_SILENT;
			p.fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		}
	}
	if (p.fd >= 0 && connect(p.fd, ai->ai_addr, ai->ai_addrlen) != 0 && errno != EINPROGRESS)
		err = errno;
	else if (p.fd >= 0 && poll(&p, 1, TAKEN_MS) == 1 &&
	    getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		err = -1;
	if (p.fd >= 0)
		w = err == 0 ? WAY_TAKEN : err == ECONNREFUSED ? WAY_REFUSED : w;
	if (p.fd >= 0)
		close(p.fd);
	if (ai != NULL)
		freeaddrinfo(ai);
	mem_free_secret(host);
	mem_free_secret(port);
	return w;
}

/* Where the call ends, and what is to be changed there; NULL where nothing more is known. */
static const char *
way_fix(struct doctor *d, enum way w)
{
	switch (w) {
	case WAY_SOCKET:
		return doctor_tr(d,
		    "Nobody answers at this socket: start PostgreSQL on your own server, or name "
		    "the socket's folder in DATABASE_URL (?host=/run/postgresql; show "
		    "unix_socket_directories tells it); elsewhere name the host as the panel shows "
		    "it (localhost, 127.0.0.1).",
		    "На этом сокете никто не отвечает: на своём сервере запустите PostgreSQL или "
		    "укажите в DATABASE_URL папку сокета (?host=/run/postgresql; её показывает "
		    "«show unix_socket_directories»); на хостинге укажите хост, как его показывает "
		    "панель (localhost, 127.0.0.1).");
	case WAY_NO_NAME:
		return doctor_tr(d,
		    "There is no host of this name: copy the host in DATABASE_URL "
		    "from the panel, letter by letter.",
		    "Хоста с таким именем нет: скопируйте хост для DATABASE_URL из панели, буква в "
		    "букву.");
	case WAY_REFUSED:
		return doctor_tr(d,
		    "Nothing listens there: start PostgreSQL, or correct host and "
		    "port in DATABASE_URL (a server that listens on its socket alone: "
		    "?host=/run/postgresql, or listen_addresses = 'localhost').",
		    "Там никто не слушает: запустите PostgreSQL или исправьте хост и порт в "
		    "DATABASE_URL (если сервер слушает только сокет: ?host=/run/postgresql или "
		    "listen_addresses = 'localhost').");
	default:
		return NULL;
	}
}

/* The value that url gives to an option, as a command may hold it; other where it gives none. */
static char *
option_or(const char *url, const char *name, const char *other)
{
	char *v = NULL;

	if (db_option(url, name, &v) != RC_OK)
		v = mem_dup(other);
	for (char *p = v; *p != '\0'; p++)
		if (strchr("\"'`\n", *p) != NULL)
			*p = '?';
	return v;
}

/*
 * The call is made without TLS, as the address wants it: would the server take it with TLS?
 * Nobody's password is used; another refusal than the one before is a yes.
 */
static bool
wants_tls(const char *url, const char *state, enum db_refused at)
{
	struct db_opts o = {
		.app = "dmbox doctor", .no_prepare = true, .statement_ms = 4000, .connect_s = 2
	};
	char *mode = option_or(url, "sslmode", ""), *host = option_or(url, "host", "/"),
	     *port = option_or(url, "port", "5432"), *user = option_or(url, "user", ""),
	     *base = option_or(url, "dbname", user);
	bool yes = false;
	struct db *db;
	struct buf b;

	if (*host != '/' && (str_eq(mode, "disable") || str_eq(mode, "allow"))) {
		buf_init(&b, 8192);
		buf_printf(&b,
		    "host='%s' port='%s' user='%s' password=none dbname='%s' "
		    "sslmode=require",
		    host, port, user, base);
		o.conninfo = b.p;
		db = db_new(&o);
		yes = db_ready(db) == RC_OK ||
		    (db_sqlstate(db)[0] != '\0' &&
			(!str_eq(db_sqlstate(db), state) || db_refused(db) != at));
		db_free(db);
		buf_free(&b);
	}
	mem_free_secret(mode);
	mem_free_secret(host);
	mem_free_secret(port);
	mem_free_secret(user);
	mem_free_secret(base);
	return yes;
}

/* The remedy of a refusal that depends on user, database and the way there; false: none. */
static bool
refusal_fix(struct doctor *d, enum db_refused at, const char *url, char fix[FIX_MAX])
{
	char *host = option_or(url, "host", "/"), *user = option_or(url, "user", "USER"),
	     *base = option_or(url, "dbname", user);
	bool local = *host == '/';

	*fix = '\0';
	if (at == DB_REFUSED_RULE)
		snprintf(fix, FIX_MAX,
		    doctor_tr(d,
			"Ask the host to let this user in from this machine (its panel: remote "
			"access, allowed addresses), or name the database's address that it allows "
			"(often localhost). On your own server put the line \"%s %s %s "
			"%sscram-sha-256\" before the others in pg_hba.conf (ADDRESS: the one "
			"shown here, with /32), then, as a superuser: select pg_reload_conf().",
			"Попросите хостинг пустить этого пользователя с этой машины (в панели: "
			"удалённый доступ, разрешённые адреса) или укажите тот адрес базы, который "
			"разрешён (часто "
			"localhost). На своём сервере поставьте в pg_hba.conf перед остальными "
			"строку «%s %s %s %sscram-sha-256» (ADDRESS — показанный здесь адрес с "
			"/32), затем от имени суперпользователя: «select pg_reload_conf()»."),
		    local ? "local" : "host", base, user, local ? "" : "ADDRESS ");
	else if (at == DB_REFUSED_PROOF)
		snprintf(fix, FIX_MAX,
		    doctor_tr(d,
			"Call by TCP and with the password: "
			"DATABASE_URL=postgresql://%s:PASSWORD@127.0.0.1/%s; or on your own server "
			"put the line \"local %s %s scram-sha-256\" before the others in "
			"pg_hba.conf, then, as a superuser: select pg_reload_conf().",
			"Подключайтесь по TCP и с паролем: "
			"DATABASE_URL=postgresql://%s:ПАРОЛЬ@127.0.0.1/%s; или на своём сервере "
			"поставьте в pg_hba.conf перед остальными строку «local %s %s "
			"scram-sha-256», затем от имени суперпользователя: «select "
			"pg_reload_conf()»."),
		    user, base, base, user);
	else if (at == DB_REFUSED_NOLOGIN)
		snprintf(fix, FIX_MAX,
		    doctor_tr(d,
			"Ask the host why it locked the role; on your own server, as a superuser: "
			"`alter role \"%s\" login;`",
			"Спросите хостинг, почему роль закрыта; на своём сервере от имени "
			"суперпользователя: `alter role \"%s\" login;`"),
		    user);
	mem_free_secret(host);
	mem_free_secret(user);
	mem_free_secret(base);
	return *fix != '\0';
}

/* The server's code says why; false: it gave none that is known. */
static bool
refused(struct doctor *d, struct db *db, const char *who, const char *url)
{
	const char *e = db_error(db), *state = db_sqlstate(db), *own;
	const struct refusal *f = refusals, *end = f + sizeof refusals / sizeof *refusals;
	bool ru = d->o.lang == DOCTOR_RU;
	char fix[FIX_MAX];

	while (f < end &&
	    !(str_starts(state, f->state) && (f->at == ANYWHERE || f->at == db_refused(db))))
		f++;
	if (f == end)
		return false;
	for (size_t i = 0; i < sizeof of_pooler / sizeof *of_pooler; i++)
		if (str_eq(state, of_pooler[i].is.state) && strstr(e, of_pooler[i].word) != NULL)
			f = &of_pooler[i].is;
	if (f->check != DC_DB_REACH)
		doctor_say(d, DC_DB_REACH, FINDING_OK, "%s",
		    doctor_tr(d, "the server answers", "сервер отвечает"));
	own = f->at != ANYWHERE && refusal_fix(d, f->at, url, fix) ? fix :
	    ru							   ? f->ru_remedy :
								     f->en_remedy;
	if ((f->at == DB_REFUSED_RULE || str_eq(state, "08P01")) &&
	    wants_tls(url, state, db_refused(db)))
		doctor_cause(d, f->check, FINDING_FAIL,
		    doctor_tr(d,
			"Write sslmode=require at the end of DATABASE_URL in the place of the "
			"sslmode that is there.",
			"Впишите в конец DATABASE_URL sslmode=require вместо того sslmode, что "
			"там."),
		    doctor_tr(d,
			"%s: the server wants TLS, and DATABASE_URL switches it off: %s "
			"(%s)",
			"%s: серверу нужен TLS, а DATABASE_URL его выключает: «%s» (%s)"),
		    who, e, state);
	else
		doctor_cause(d, f->check, FINDING_FAIL, own,
		    ru ? "%s: %s: «%s» (%s)" : "%s: %s: %s (%s)", who, ru ? f->ru : f->en, e,
		    state);
	return true;
}

/* Nothing is wrong with host and port: who is asked for, or by whom. */
static bool
asked_wrongly(struct doctor *d, struct db *db, const char *who, const char *url)
{
	const char *e = db_error(db);
	bool ru = d->o.lang == DOCTOR_RU;

	if (str_empty(url) || db_sqlstate(db)[0] != '\0')
		return false;
	if (of_other_kind(url))
		doctor_cause(d, DC_DB_REACH, FINDING_FAIL,
		    doctor_tr(d,
			"DATABASE_URL asks for a server of one kind (target_session_attrs), and "
			"only others answer: a standby, or a primary that may only be read. Name "
			"the primary's host there, or take target_session_attrs out: doctor says "
			"then why nothing can be written.",
			"DATABASE_URL требует сервер определённого вида (target_session_attrs), а "
			"отвечают только другие: резервный или доступный лишь для чтения. Укажите "
			"там хост основного сервера или уберите target_session_attrs: тогда doctor "
			"скажет, почему запись невозможна."),
		    ru ? "%s: «%s»" : "%s: %s", who, e);
	else if (strstr(e, "/.postgresql/") != NULL)
		doctor_cause(d, DC_DB_REACH, FINDING_FAIL,
		    doctor_tr(d,
			"HOME is another user's, so the certificates below it cannot be read: run "
			"dmbox as its user with his own HOME (sudo -H -u USER), and set HOME so "
			"for the web programs and in crontab.",
			"HOME указывает на папку другого пользователя, сертификаты в ней не "
			"прочитать: запускайте dmbox от её пользователя с его HOME («sudo -H -u "
			"ИМЯ»); задайте HOME так же для веб-программ и в crontab."),
		    ru ? "%s: «%s»" : "%s: %s", who, e);
	else
		return false;
	return true;
}

/* What a connection that did not come about says. */
static void
connect_failed(struct doctor *d, struct db *db, const char *who, const char *url)
{
	const char *e = db_error(db), *state = db_sqlstate(db);
	bool ru = d->o.lang == DOCTOR_RU;

	if (refused(d, db, who, url) || asked_wrongly(d, db, who, url))
		return;
	if (str_empty(d->conf->database_url))
		doctor_cause(d, DC_DB_REACH, FINDING_FAIL,
		    doctor_tr(d,
			"Set DATABASE_URL=postgresql://USER:PASSWORD@HOST/DATABASE to the data of "
			"your host's panel.",
			"Задайте DATABASE_URL=postgresql://ПОЛЬЗОВАТЕЛЬ:ПАРОЛЬ@ХОСТ/БАЗА по данным "
			"панели хостинга."),
		    ru ? "«%s»" : "%s", e);
	else if (*state == '\0' && str_eq(who, "cron") && plain_only(url))
		doctor_cause(d, DC_DB_REACH, FINDING_FAIL,
		    doctor_tr(d,
			"The server speaks no TLS, or shows a certificate that is not trusted: "
			"within the host's own network write sslmode=disable at the end of "
			"DATABASE_URL (?sslmode=disable); across the internet ask the host for TLS "
			"and its certificate (sslrootcert).",
			"Сервер не поддерживает TLS или показывает недоверенный сертификат: внутри "
			"сети хостинга добавьте в конец DATABASE_URL ?sslmode=disable; через "
			"интернет попросите у хостинга TLS и его сертификат (sslrootcert)."),
		    doctor_tr(d, "%s: the server answers without TLS only: %s",
			"%s: сервер "
			"отвечает только без TLS: «%s»"),
		    who, e);
	else if (*state == '\0' && str_eq(who, "cron") && way_to(url) == WAY_TAKEN)
		doctor_cause(d, DC_DB_REACH, FINDING_FAIL,
		    doctor_tr(d,
			"A pooler (PgBouncer) whose database behind it is away or full, or another "
			"program on this port: see the pooler's log and its [databases]; "
			"PostgreSQL behind it must run; else correct the port in DATABASE_URL.",
			"Это пулер (PgBouncer), за которым база недоступна или занята, либо другая "
			"программа на этом порту: смотрите журнал пулера и pgbouncer.ini; "
			"PostgreSQL за ним должен работать; иначе исправьте порт в DATABASE_URL."),
		    doctor_tr(d, "%s: the call is taken, and no answer comes: %s",
			"%s: соединение принято, а ответа нет: «%s»"),
		    who, e);
	else
		doctor_cause(d, DC_DB_REACH, FINDING_FAIL,
		    *state != '\0' ?
			doctor_tr(d,
			    "The server answers, so host and port are right: its words "
			    "and its log say what it refuses.",
			    "Сервер отвечает, хост и порт верны: что именно он "
			    "отвергает, говорят его слова и его журнал.") :
			str_eq(who, "cron") ? way_fix(d, way_to(url)) :
					      NULL,
		    ru ? "%s: «%s»%s%s" : "%s: %s%s%s", who,
		    *e != '\0' ? e : doctor_tr(d, "no answer", "нет ответа"),
		    *state != '\0' ? " " : "", state);
}

/*
 * UTF8 alone keeps the letters, but the search needs to know which are capital and small ones
 * of each other.  By LC_CTYPE C, which some hosters' databases have, only A to Z are.
 */
static void
encoding(struct doctor *d, const char *name)
{
	struct db_res *r = NULL;

	if (!str_eq(name, "UTF8"))
		doctor_say(d, DC_DB_ENCODING, FINDING_FAIL, "%s", name);
	else if (db_exec(d->db, &stmts[SQL_LETTERS], NULL, &r) == RC_OK && db_rows(r) == 1 &&
	    !db_get_bool(r, 0, 0))
		doctor_cause(d, DC_DB_ENCODING, FINDING_WARN,
		    doctor_tr(d,
			"Best before the first messages: `create database dmbox_utf8 encoding "
			"'UTF8' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8' template template0;` (in "
			"a panel: LC_CTYPE C.UTF-8 or ru_RU.UTF-8), name it in DATABASE_URL, and "
			"run dmbox migrate. How to take messages along: pg_dump and pg_restore, "
			"as in docs/install.en.md.",
			"Лучше до первых сообщений: `create database dmbox_utf8 encoding 'UTF8' "
			"lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8' template template0;` (в панели: "
			"LC_CTYPE C.UTF-8 или ru_RU.UTF-8), укажите её в DATABASE_URL и выполните "
			"dmbox migrate. Как перенести сообщения (pg_dump и pg_restore), сказано в "
			"docs/install.ru.md."),
		    doctor_tr(d,
			"UTF8, but with LC_CTYPE %s the search does not find a word of other "
			"than English letters that begins with a capital (Привет) by a small one "
			"(привет)",
			"UTF8, но с LC_CTYPE %s поиск не находит русское слово с заглавной буквы "
			"(Привет), если ввести его со строчной (привет)"),
		    db_get_text(r, 0, 1));
	else
		doctor_say(d, DC_DB_ENCODING, FINDING_OK, "%s", name);
	db_res_free(r);
}

static void
server(struct doctor *d)
{
	struct db_res *r = NULL;
	int64_t here, diff;

	if (db_exec(d->db, &stmts[SQL_SERVER], NULL, &r) != RC_OK || db_rows(r) != 1) {
		doctor_say(
		    d, DC_DB_REACH, FINDING_FAIL, doctor_tr(d, "%s", "«%s»"), db_error(d->db));
		goto out;
	}
	here = clock_now_us();
	d->db_version = db_get_i64(r, 0, 0);
	doctor_say(d, DC_DB_VERSION, d->db_version >= 120000 ? FINDING_OK : FINDING_FAIL,
	    "PostgreSQL %s", db_get_text(r, 0, 1));
	diff = (db_get_time(r, 0, 2) - here) / 1000000;
	doctor_say(d, DC_DB_CLOCK, doctor_clock(diff),
	    doctor_tr(d, "difference %" PRId64 " s", "разница %" PRId64 " с"), diff);
	if (db_get_bool(r, 0, 3)) /* the trial reports other causes of the same */
		doctor_say(d, DC_DB_WRITE, FINDING_FAIL, "%s",
		    doctor_tr(
			d, "a read-only copy (standby)", "копия только для чтения (standby)"));
	encoding(d, db_get_text(r, 0, 4));
	d->db_local = db_get_bool(r, 0, 5);
	snprintf(d->db_files, sizeof d->db_files, "%s", db_get_text(r, 0, 6));
out:
	db_res_free(r);
}

/*
 * What the commit of a delivery is worth.  Our connections switch synchronous_commit on, a
 * pooler that keeps their options back leaves what a hoster set.
 */
static void
durable(struct doctor *d)
{
	struct db_res *r = NULL;
	const char *lost, *set;
	char fix[300];

	if (db_exec(d->db, &stmts[SQL_DURABLE], NULL, &r) != RC_OK || db_rows(r) != 1)
		goto out;
	set = db_get_text(r, 0, 2);
	lost = !str_eq(db_get_text(r, 0, 0), "on") ? "fsync" :
	    !str_eq(db_get_text(r, 0, 1), "on")	   ? "full_page_writes" :
						     NULL;
	if (db_async(d->db)) {
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"As a superuser or as this role: `alter role \"%s\" in database %s set "
			"synchronous_commit = on;`",
			"От имени суперпользователя или этой роли: `alter role \"%s\" in database "
			"%s set synchronous_commit = on;`"),
		    db_get_text(r, 0, 3), db_get_text(r, 0, 4));
		doctor_cause(d, DC_DB_DURABLE, FINDING_WARN, fix, "%s",
		    doctor_tr(d,
			"synchronous_commit is off for this login, and a pooler keeps dmbox's own "
			"setting back: each transaction has to switch it on, which takes longer",
			"synchronous_commit для этого логина выключен, а пулер не пропускает "
			"настройку dmbox: её включает каждая транзакция, это дольше"));
	} else if (lost != NULL) {
		doctor_say(d, DC_DB_DURABLE, FINDING_WARN,
		    doctor_tr(d, "%s is off: a power cut can break the whole database",
			"%s выключен: сбой питания может испортить всю базу"),
		    lost);
	} else {
		doctor_say(d, DC_DB_DURABLE, FINDING_OK,
		    doctor_tr(d, "synchronous_commit, fsync, full_page_writes are on%s%s",
			"synchronous_commit, fsync, full_page_writes включены%s%s"),
		    *set != '\0' ? doctor_tr(d, "; dmbox overrides ", "; dmbox заменяет ") : "",
		    set);
	}
out:
	db_res_free(r);
}

/* Under another name: dmbox migrate would make new, empty tables beside them. */
static bool
moved(struct doctor *d)
{
	struct db_res *r = NULL;
	char fix[300];
	bool there = db_exec(d->db, &stmts[SQL_MOVED], NULL, &r) == RC_OK && db_rows(r) == 1;

	if (there) {
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"As the owner of the schema: `%s`; dmbox migrate would make new, empty "
			"tables.",
			"От имени владельца схемы: `%s`; dmbox migrate создала бы новые, пустые "
			"таблицы."),
		    db_get_text(r, 0, 1));
		doctor_cause(d, DC_DB_SCHEMA, FINDING_FAIL, fix,
		    doctor_tr(d, "there is no schema dmbox, its tables are in the schema %s",
			"схемы dmbox нет, её таблицы лежат в схеме «%s»"),
		    db_get_text(r, 0, 0));
	}
	db_res_free(r);
	return there;
}

/* The tables cannot be read: are they missing, may they not be made, or not be seen? */
static void
no_schema(struct doctor *d)
{
	char why[400], fix[400];
	bool denied = db_fault(d->db) == DB_FAULT_DENIED;
	struct db_res *r = NULL;

	snprintf(why, sizeof why, doctor_tr(d, "%s", "«%s»"), db_error(d->db));
	if (moved(d))
		return;
	if (db_exec(d->db, &stmts[SQL_MAKE], NULL, &r) != RC_OK || db_rows(r) != 1) {
		doctor_say(d, DC_DB_SCHEMA, FINDING_FAIL, "%s", why);
	} else if (denied && !db_get_bool(r, 0, 3)) {
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"As the owner of the schema: `grant usage on schema dmbox to \"%s\";`",
			"От имени владельца схемы: `grant usage on schema dmbox to \"%s\";`"),
		    db_get_text(r, 0, 1));
		doctor_cause(d, DC_DB_RIGHTS, FINDING_FAIL, fix, "cron: %s", why);
	} else if (denied) {
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"As the owner of the tables: `grant select on dmbox.schema_version to "
			"\"%s\";`",
			"От имени владельца таблиц: `grant select on dmbox.schema_version to "
			"\"%s\";`"),
		    db_get_text(r, 0, 1));
		doctor_cause(d, DC_DB_RIGHTS, FINDING_FAIL, fix, "cron: %s", why);
	} else if (!db_get_bool(r, 0, 0)) {
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"This user may make no tables here. Ask your host to run `create schema "
			"dmbox authorization \"%s\";` in the database %s; then run: `dmbox "
			"migrate`",
			"Этому пользователю здесь нельзя создавать таблицы. Попросите хостинг "
			"выполнить `create schema dmbox authorization \"%s\";` в базе %s; затем "
			"выполните: `dmbox migrate`"),
		    db_get_text(r, 0, 1), db_get_text(r, 0, 2));
		doctor_cause(d, DC_DB_SCHEMA, FINDING_FAIL, fix, "%s", why);
	} else {
		doctor_say(d, DC_DB_SCHEMA, FINDING_FAIL, "%s", why);
	}
	db_res_free(r);
}

/*
 * After an upgrade of the server's system a language may sort otherwise, and indexes that were
 * sorted by its old rules find no more all that is in them: the unique one would let a message
 * in twice.  PostgreSQL keeps the version of the rules since 15, and warns in its log alone.
 */
static bool
drifted(struct doctor *d)
{
	struct db_res *r = NULL;
	char fix[500];
	bool is = d->db_version >= 150000 && db_exec(d->db, &stmts[SQL_DRIFT], NULL, &r) == RC_OK &&
	    db_rows(r) == 1;

	if (is) {
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"As the owner of the database, at a quiet hour (it locks the tables): %s",
			"От имени владельца базы, в тихий час (таблицы будут заблокированы): %s"),
		    db_get_text(r, 0, 3));
		doctor_cause(d, DC_DB_UNIQUE, FINDING_WARN, fix,
		    doctor_tr(d,
			"the server's system was upgraded: its indexes are sorted by %s %s, the "
			"system now has %s, and a look-up may miss a row",
			"система сервера обновлена: индексы отсортированы по %s %s, а в системе "
			"теперь %s, и поиск по ним может не найти строку"),
		    db_get_text(r, 0, 0), db_get_text(r, 0, 1), db_get_text(r, 0, 2));
	}
	db_res_free(r);
	return is;
}

static void
unique(struct doctor *d)
{
	struct db_res *r = NULL;
	char fix[300];

	if (db_exec(d->db, &stmts[SQL_UNIQUE], NULL, &r) != RC_OK)
		return;
	if (db_get_i64(r, 0, 0) > 0) {
		if (!drifted(d))
			doctor_say(d, DC_DB_UNIQUE, FINDING_OK,
			    "account, channel, thread_id, external_id");
	} else if (!db_is_null(r, 0, 1)) {
		snprintf(fix, sizeof fix,
		    doctor_tr(
			d, "As the owner of the tables: `%s`", "От имени владельца таблиц: `%s`"),
		    db_get_text(r, 0, 1));
		doctor_cause(d, DC_DB_UNIQUE, FINDING_FAIL, fix, "%s",
		    doctor_tr(d,
			"the unique index of dmbox.messages is not valid (a reindex was broken "
			"off)",
			"уникальный индекс dmbox.messages недействителен (его перестройка "
			"прервана)"));
	} else {
		doctor_say(d, DC_DB_UNIQUE, FINDING_FAIL, "%s",
		    doctor_tr(d,
			"dmbox.messages has no unique index over account, channel, thread_id, "
			"external_id",
			"у dmbox.messages нет уникального индекса по account, channel, thread_id, "
			"external_id"));
	}
	db_res_free(r);
}

static void
schema(struct doctor *d)
{
	struct db_res *r = NULL;
	int64_t v;

	if (db_exec(d->db, &stmts[SQL_SCHEMA], NULL, &r) != RC_OK) {
		no_schema(d);
		return;
	}
	v = db_get_i64(r, 0, 0);
	db_res_free(r);
	if (v < STORE_SCHEMA_VERSION)
		doctor_say(d, DC_DB_SCHEMA, FINDING_FAIL,
		    doctor_tr(d, "version %" PRId64 ", wanted %d", "версия %" PRId64 ", нужна %d"),
		    v, STORE_SCHEMA_VERSION);
	else
		doctor_say(d, DC_DB_SCHEMA, FINDING_OK,
		    doctor_tr(d, "version %" PRId64 ", wanted %d", "версия %" PRId64 ", нужна %d"),
		    v, STORE_SCHEMA_VERSION);
	d->db_ok = v >= STORE_SCHEMA_VERSION;
	unique(d);
}

static void
put_rights(struct db_args *a, const struct right *v, bool names)
{
	struct strv words;

	db_array(a, DB_TEXT);
	for (; v->table != NULL; v++) {
		words = (struct strv){ 0 };
		strv_split(&words, v->privileges, ' ');
		for (size_t i = 0; i < words.n; i++)
			db_text(a,
			    names			     ? v->table :
				str_eq(words.v[i], "select") ? "select" :
				str_eq(words.v[i], "insert") ? "insert" :
				str_eq(words.v[i], "update") ? "update" :
							       "delete");
		strv_free(&words);
	}
	db_array_end(a);
}

/* Just what is missing: roles.sql would take the rights of a single login away. */
static void
grant(struct doctor *d, const char *commands, const char *who, const char *lacks)
{
	struct buf b;

	buf_init(&b, 16384);
	buf_printf(&b, "%s %s",
	    doctor_tr(d, "As the owner of the tables:", "От имени владельца таблиц:"), commands);
	doctor_cause(d, DC_DB_RIGHTS, FINDING_FAIL, b.p,
	    doctor_tr(d, "the login of %s lacks %s", "логину %s не хватает прав: «%s»"), who,
	    lacks);
	buf_free(&b);
}

static void
rights(struct doctor *d, struct db *db, const char *who, const struct right *v)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	const char *lacks;

	put_rights(&a, v, true);
	put_rights(&a, v, false);
	if (db_exec(db, &stmts[SQL_RIGHTS], &a, &r) != RC_OK) {
		doctor_say(d, DC_DB_RIGHTS, FINDING_FAIL, doctor_tr(d, "%s: %s", "%s: «%s»"), who,
		    db_error(db));
		goto out;
	}
	lacks = db_get_text(r, 0, 0);
	if (!str_empty(lacks))
		grant(d, db_get_text(r, 0, 1), who, lacks);
	else
		doctor_say(d, DC_DB_RIGHTS, FINDING_OK, "%s", who);
	db_res_free(r);
	r = NULL;
	if (v != rights_web && v != rights_cron)
		goto out;
	if (db_exec(db, &stmts[SQL_SEQUENCE], NULL, &r) == RC_OK && db_rows(r) == 1 &&
	    !db_get_bool(r, 0, 0))
		grant(d, db_get_text(r, 0, 1), who, "usage on sequence deliveries_id_seq");
out:
	db_res_free(r);
	db_args_free(&a);
}

static void
limit(struct doctor *d, struct db *db, const char *who)
{
	struct db_res *r = NULL;
	int64_t left, all;
	bool near;

	if (db_exec(db, &stmts[SQL_LIMIT], NULL, &r) != RC_OK || db_rows(r) != 1) {
		db_res_free(r);
		return;
	}
	left = db_get_i64(r, 0, 0);
	all = db_get_i64(r, 0, 1);
	left++; /* ours is given back */
	/* where a plan has three in all, two in use are no sign of trouble */
	d->small_plan |= all <= SMALL_PLAN;
	near = all > SMALL_PLAN && left * 100 <= all * (100 - LIMIT_NEAR);
	doctor_say(d, DC_DB_LIMIT, near ? FINDING_WARN : FINDING_OK,
	    doctor_tr(d, "%s: %" PRId64 " of %" PRId64 " connections left",
		"%s: свободно %" PRId64 " из %" PRId64),
	    who, left < 0 ? 0 : left, all);
	db_res_free(r);
}

/* One login of the configuration; false where it cannot connect. */
static bool
login(struct doctor *d, struct db *db, const char *who, const char *url)
{
	if (db_ready(db) != RC_OK) {
		connect_failed(d, db, who, url);
		return false;
	}
	doctor_say(d, DC_DB_REACH, FINDING_OK, "%s",
	    doctor_tr(d, "the server answers", "сервер отвечает"));
	doctor_say(d, DC_DB_LOGIN, FINDING_OK, "%s", who);
	limit(d, db, who);
	return true;
}

void
doctor_database(struct doctor *d)
{
	const struct conf *c = d->conf;
	const struct {
		const char *url, *who;
		const struct right *v;
	} logins[] = {
		{ c->database_url_cron, "cron", rights_cron },
		{ c->database_url_web, "web", rights_web },
		{ c->database_url_send, "send", rights_send },
		{ c->database_url_read, "read", rights_read },
	};
	struct db_opts o = { .app = "dmbox doctor",
		.no_prepare = true,
		.statement_ms = 4000,
		.connect_s = c->db_connect_s < 4 ? c->db_connect_s : 4 };
	bool up = login(d, d->db, "cron", c->database_url_cron);

	if (up) {
		server(d);
		durable(d);
		schema(d);
	}
	if (d->db_ok) {
		doctor_database_id(d->db, d->database);
		doctor_objects(d);
		doctor_commits(d);
	}
	for (size_t i = 0; i < sizeof logins / sizeof *logins; i++) {
		struct db *db = d->db;
		bool own = !str_eq(logins[i].url, c->database_url_cron);

		if (own) {
			/* where one waited in vain the others need not wait as long */
			if (d->r[DC_DB_REACH].status == FINDING_FAIL && d->r[DC_DB_REACH].done)
				o.connect_s = 1;
			o.conninfo = logins[i].url;
			db = db_new(&o);
		}
		if ((own ? login(d, db, logins[i].who, logins[i].url) : up) && d->db_ok) {
			rights(d, db, logins[i].who, logins[i].v);
			if (i < 2) {
				doctor_runs(d, db, logins[i].who);
				doctor_trial(d, db, logins[i].who);
			}
			doctor_trial_others(d, db, logins[i].who);
		}
		if (own)
			db_free(db);
	}
	if (d->db_ok)
		doctor_code(d);
}

/* Rows of this run that are there still; -1: that could not be asked. */
static int64_t
left(struct doctor *d)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	char like[64];
	int64_t n = -1;

	snprintf(like, sizeof like, "doctor-%s-%%", d->run);
	db_text(&a, like);
	if (db_exec(d->db, &stmts[SQL_LEFT], &a, &r) == RC_OK && db_rows(r) > 0)
		n = db_get_i64(r, 0, 0);
	db_res_free(r);
	db_args_free(&a);
	return n;
}

/* What became of the deletes: rc is their transaction's. */
static void
removed(struct doctor *d, enum rc rc)
{
	char fix[900], error[300];
	struct db_res *r = NULL;
	int64_t n;

	snprintf(error, sizeof error, "%s", rc == RC_OK ? "" : db_error(d->db));
	n = left(d);
	if (rc == RC_OK && n <= 0) {
		doctor_say(
		    d, DC_SELF_REMOVED, FINDING_OK, "%s", doctor_tr(d, "removed", "удалены"));
		return;
	}
	if (db_exec(d->db, &stmts[SQL_KEEPS], NULL, &r) != RC_OK || db_rows(r) == 0 ||
	    db_is_null(r, 0, 0)) {
		doctor_say(d, DC_SELF_REMOVED, FINDING_WARN, doctor_tr(d, "%s", "«%s»"),
		    rc == RC_OK ? doctor_tr(d, "they are there still", "они ещё там") : error);
		db_res_free(r);
		return;
	}
	snprintf(fix, sizeof fix,
	    doctor_tr(d,
		"dmbox deletes its test rows, what dmbox purge names and what customers unsent: "
		"let the trigger or rule allow that. Until then, as the owner of the tables: `%s`",
		"dmbox удаляет пробные строки, то, что называет dmbox purge, и отозванное "
		"клиентами: пусть триггер или правило это разрешает. До тех пор от имени владельца "
		"таблиц: `%s`"),
	    db_get_text(r, 0, 1));
	if (*error == '\0')
		doctor_cause(d, DC_SELF_REMOVED, FINDING_WARN, fix,
		    doctor_tr(d, "a trigger or rule that is not ours lets no row be deleted: %s",
			"триггер или правило, которых в dmbox нет, не дают удалять строки: %s"),
		    db_get_text(r, 0, 0));
	else
		doctor_cause(d, DC_SELF_REMOVED, FINDING_WARN, fix,
		    doctor_tr(d,
			"a trigger or rule that is not ours lets no row be deleted: %s: %s",
			"триггер или правило, которых в dmbox нет, не дают удалять строки: %s: "
			"«%s»"),
		    db_get_text(r, 0, 0), error);
	db_res_free(r);
}

void
doctor_clean(struct doctor *d)
{
	static const enum stmt steps[] = { SQL_CLEAN, SQL_CLEAN_CONTACTS, SQL_CLEAN_LEDGER };
	char like[64];
	enum rc rc = db_begin(d->db); /* who counts meanwhile sees all of it, or nothing */

	/* a proxy's ids do not tell this run's */
	snprintf(like, sizeof like, d->other_ids ? "%%" : "doctor-%s-%%", d->run);
	for (size_t i = 0; i < 3 && rc == RC_OK; i++) {
		struct db_args a = { 0 };

		if (steps[i] != SQL_CLEAN_CONTACTS)
			db_text(&a, like);
		rc = db_exec(d->db, &stmts[steps[i]], &a, NULL);
		db_args_free(&a);
	}
	if (rc == RC_OK)
		rc = db_commit(d->db);
	else
		db_rollback(d->db);
	if (d->r[DC_SELF_ASCII].done)
		removed(d, rc);
}
