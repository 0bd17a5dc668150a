/*
 * Does the database take a message?  One is stored in a transaction that is undone;
 * the server's code for what went wrong, and what its catalogue shows, become words
 * and a remedy.  Nothing here reads the server's sentences: they follow lc_messages.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bridge/trial.h"
#include "doctor/doctor.h"
#include "base/str.h"

enum stmt {
	SQL_TRIGGER,
	SQL_RULE,
	SQL_KEYS,
	SQL_ROWS,
	SQL_LOCK,
	SQL_PARTITION,
	SQL_SEQUENCE,
	SQL_IDENTITY,
	SQL_READ_ONLY,
	SQL_REPLICA,
	SQL_INDEX,
	SQL_SLOW,
	SQL__MAX
};

/* Each gives the facts of a sentence and the command that fixes it. */
static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_TRIGGER] = { NULL,
	    "select t.tgname || ', dmbox.' || c.relname || ' (' ||"
	    " t.tgfoid::regprocedure::text || ')',"
	    " format('alter table dmbox.%I disable trigger %I;', c.relname, t.tgname)"
	    " from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = "
	    "t.tgfoid"
	    " where c.relnamespace = 'dmbox'::regnamespace and not t.tgisinternal and t.tgenabled "
	    "<> 'D'"
	    /* ours refuse nothing, and without them counts and searches go wrong */
	    "   and t.tgparentid = 0 and p.pronamespace <> 'dmbox'::regnamespace"
	    /* the one whose function was at work, if it said so */
	    " order by position(p.proname || '(' in $2) = 0, c.relname <> $1, t.oid desc limit 1" },
	[SQL_RULE] = { NULL,
	    "select rulename || ', dmbox.' || tablename, format('drop rule %I on dmbox.%I;', "
	    "rulename, tablename)"
	    " from pg_rules where schemaname = 'dmbox' limit 1" },
	[SQL_KEYS] = { NULL,
	    "select string_agg('dmbox.' || v.t || ' (' || v.cols || ')', ', '),"
	    " string_agg(format('alter table dmbox.%I add unique (%s);', v.t, v.cols), ' ')"
	    " from (values ('deliveries', 'delivery_uid, received_at'), ('contacts', 'account, "
	    "channel, external_id'),"
	    "  ('messages', 'account, channel, thread_id, external_id'), ('attachments', "
	    "'message_id, position'),"
	    "  ('events', 'event_key, channel, account'), ('reactions', 'message_id, contact_id')) "
	    "v(t, cols)"
	    " where to_regclass('dmbox.' || v.t) is not null and not exists (select 1 from "
	    "pg_index i"
	    "  where i.indrelid = ('dmbox.' || v.t)::regclass and i.indisunique and i.indisvalid "
	    "and i.indpred is null and"
	    "   (select string_agg(a.attname, ', ' order by k.ord) from unnest(i.indkey::int2[]) "
	    "with ordinality k(attnum, ord)"
	    "    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum) = "
	    "v.cols)" },
	[SQL_ROWS] = { NULL,
	    "select string_agg('dmbox.' || relname, ', '),"
	    " string_agg(format('alter table dmbox.%I disable row level security;', relname), ' ')"
	    " from pg_class where relnamespace = 'dmbox'::regnamespace and relrowsecurity" },
	[SQL_LOCK] = { NULL,
	    "select 'dmbox.' || c.relname || ', ' || l.mode || ', ' ||"
	    " coalesce(a.usename, '') || ' '"
	    "   || coalesce(nullif(a.application_name, ''), a.pid::text) || ', '"
	    "   || coalesce(extract(epoch from now() - a.xact_start)::bigint, 0) || ' s',"
	    " format('select pg_terminate_backend(%s);', l.pid)"
	    " from pg_locks l join pg_stat_activity a on a.pid = l.pid join pg_class c"
	    " on c.oid = l.relation"
	    " where l.granted and l.pid <> pg_backend_pid()"
	    /* tables of another database may have the same numbers: both came of one template */
	    " and l.database = (select oid from pg_database where datname = current_database())"
	    " and c.relnamespace = 'dmbox'::regnamespace"
	    "   and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', "
	    "'AccessExclusiveLock')"
	    " order by a.xact_start limit 1" },
	[SQL_PARTITION] = { NULL,
	    "select 'dmbox.deliveries', 'create table dmbox.deliveries_rest partition of"
	    " dmbox.deliveries default;'"
	    " where not exists (select 1 from pg_inherits i join pg_class c on c.oid = i.inhrelid"
	    "   where i.inhparent = 'dmbox.deliveries'::regclass and pg_get_expr(c.relpartbound, "
	    "c.oid) = 'DEFAULT')" },
	[SQL_SEQUENCE] = { NULL,
	    "select 'dmbox.' || $1, format('select setval(%L, (select max(id) from dmbox.%I));',"
	    "   coalesce(pg_get_serial_sequence('dmbox.' || quote_ident($1), 'id'), 'dmbox.' || $1 "
	    "|| '_id_seq'), $1)" },
	/* a number of our own making that nothing makes any more */
	[SQL_IDENTITY] = { NULL,
	    "select 'dmbox.' || $1 || '.id', format('alter table dmbox.%I alter column id add"
	    " generated always as identity;` `select setval(pg_get_serial_sequence(%L, ''id''),"
	    " (select coalesce(max(id), 1) from dmbox.%I));', $1, 'dmbox.' || $1, $1)"
	    " from pg_attribute where attrelid = to_regclass('dmbox.' || quote_ident($1)) and"
	    "  attname = 'id' and attidentity = '' and not atthasdef" },
	/* published tables whose rows have no name for the subscriber */
	[SQL_REPLICA] = { NULL,
	    "select string_agg(distinct 'dmbox.' || c.relname, ', '),"
	    " string_agg(distinct format('alter table dmbox.%I replica identity default;',"
	    "  c.relname), ' ')"
	    " from pg_publication_tables p join pg_class c on c.relname = p.tablename and"
	    "  c.relnamespace = 'dmbox'::regnamespace"
	    " where p.schemaname = 'dmbox' and c.relreplident <> 'd' and (c.relreplident <> 'i' or"
	    "  not exists (select 1 from pg_index i where i.indrelid = c.oid and i.indisreplident))"
	    " and c.relreplident <> 'f'" },
	/* a unique index that no constraint owns */
	[SQL_INDEX] = { NULL,
	    "select 'dmbox.' || $1, format('drop index dmbox.%I;', $1)"
	    " from pg_class c where c.relnamespace = 'dmbox'::regnamespace and c.relname = $1"
	    "  and c.relkind = 'i' and not exists (select 1 from pg_constraint where conindid ="
	    "  c.oid)" },
	/* the owner's triggers, by which storing takes long */
	[SQL_SLOW] = { NULL,
	    "select string_agg(t.tgname || ', dmbox.' || c.relname, '; '),"
	    " string_agg(format('alter table dmbox.%I disable trigger %I;', c.relname, t.tgname),"
	    "  ' ')"
	    " from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid ="
	    "  t.tgfoid"
	    " where c.relnamespace = 'dmbox'::regnamespace and not t.tgisinternal and t.tgenabled"
	    "  <> 'D' and t.tgparentid = 0 and p.pronamespace <> 'dmbox'::regnamespace" },
	/* where it is set, and what sets it back, from a session that begins read-only, too */
	[SQL_READ_ONLY] = { NULL,
	    "select s.source, case s.source"
	    "  when 'database user' then format('begin read write; alter role %I in"
	    " database %I set default_transaction_read_only = off; commit;', current_user,"
	    " current_database())"
	    "  when 'user' then format('begin read write; alter role %I set"
	    " default_transaction_read_only = off; commit;', current_user)"
	    "  when 'database' then format('begin read write; alter database %I set"
	    " default_transaction_read_only = off; commit;', current_database())"
	    "  else 'alter system set default_transaction_read_only = off;` `select"
	    " pg_reload_conf();' end"
	    " from pg_settings s where s.name = 'default_transaction_read_only' and s.setting ="
	    "  'on' and not pg_is_in_recovery()" },
};

struct fact {
	char seen[300], command[400];
};

/* The first row; false where there is none: then the cause is another one. */
static bool
fact2(struct doctor *d, enum stmt s, const char *arg, const char *more, struct fact *f)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	bool there;

	if (arg != NULL)
		db_text(&a, arg);
	if (more != NULL)
		db_text(&a, more);
	there = db_exec(d->db, &stmts[s], arg != NULL ? &a : NULL, &r) == RC_OK && db_rows(r) > 0 &&
	    !db_is_null(r, 0, 0);
	if (there) {
		snprintf(f->seen, sizeof f->seen, "%s", db_get_text(r, 0, 0));
		snprintf(f->command, sizeof f->command, "%s", db_get_text(r, 0, 1));
	}
	db_res_free(r);
	db_args_free(&a);
	return there;
}

static bool
fact(struct doctor *d, enum stmt s, const char *arg, struct fact *f)
{
	return fact2(d, s, arg, NULL, f);
}

/* What a refused trial left behind. */
struct refused {
	const char *who, *table;	/* table: "" where several were tried */
	char state[6], error[300];
	struct db_where where;
};

static void
found(struct doctor *d, const struct refused *w, const char *words, const char *what,
    const char *fix, const char *command)
{
	char remedy[700];

	snprintf(remedy, sizeof remedy, "%s%s%s%s", fix, command != NULL ? " `" : "",
	    command != NULL ? command : "", command != NULL ? "`" : "");
	doctor_cause(d, DC_DB_WRITE, FINDING_FAIL, remedy,
	    doctor_tr(d, "%s: %s%s%s%s: %s (%s)", "%s: %s%s%s%s: «%s» (%s)"), w->who, words,
	    *what != '\0' ? " (" : "", what, *what != '\0' ? ")" : "", w->error, w->state);
}

static const char *
as_owner(const struct doctor *d)
{
	return doctor_tr(d, "As the owner of the tables:", "От имени владельца таблиц:");
}

/* A plan that a rule made empty depends on no table: it is not made again without the rule. */
static const char *
rule_fix(const struct doctor *d)
{
	return doctor_tr(d,
	    "Restart the web server (its connections keep what the rule made of "
	    "their statements) after this, as the owner of the tables:",
	    "От имени владельца таблиц выполните следующее и затем перезапустите веб-сервер (его "
	    "подключения помнят действие правила):");
}

/* 23xxx: which constraint of whose? */
static void
constraint(struct doctor *d, const struct refused *w)
{
	const char *t = w->where.table, *c = w->where.constraint;
	struct fact f;
	char fix[300];

	if (str_eq(w->state, "23502") && str_eq(w->where.column, "id") &&
	    fact(d, SQL_IDENTITY, t, &f)) {
		found(d, w,
		    doctor_tr(d,
			"nothing makes the numbers of rows any more (restored by a tool that lost "
			"it?)",
			"номера строк больше никто не создаёт (потеряно при восстановлении?)"),
		    f.seen, as_owner(d), f.command);
	} else if (str_eq(w->state, "23502")) {
		snprintf(fix, sizeof fix, "alter table dmbox.%s alter column \"%s\" drop not null;",
		    t, w->where.column);
		found(d, w,
		    doctor_tr(d, "a column was added that dmbox does not fill",
			"добавлен столбец, который dmbox не заполняет"),
		    w->where.column, as_owner(d), fix);
	} else if (str_eq(w->state, "23505") && str_ends(c, "_pkey") &&
	    fact(d, SQL_SEQUENCE, t, &f)) {
		found(d, w,
		    doctor_tr(d, "the sequence of ids is behind the rows (restored by hand?)",
			"последовательность id отстаёт от строк (восстанавливали вручную?)"),
		    f.seen, as_owner(d), f.command);
	} else if (str_eq(w->state, "23514") && *c == '\0' && fact(d, SQL_PARTITION, NULL, &f)) {
		found(d, w,
		    doctor_tr(d, "no partition takes the rows", "нет секции для новых строк"),
		    f.seen, as_owner(d), f.command);
	} else if (fact(d, SQL_INDEX, c, &f)) {
		found(d, w,
		    doctor_tr(d, "a unique index that is not ours refuses it",
			"запись запрещает уникальный индекс, которого в dmbox нет"),
		    f.seen, as_owner(d), f.command);
	} else {
		snprintf(fix, sizeof fix, "alter table dmbox.%s drop constraint \"%s\";", t, c);
		found(d, w, doctor_tr(d, "a constraint refuses it", "запись запрещает ограничение"),
		    c, as_owner(d), fix);
	}
}

/* 42501: is it a right, or a policy on rows? */
static void
denied(struct doctor *d, const struct refused *w)
{
	struct fact f;

	if (fact(d, SQL_ROWS, NULL, &f))
		found(d, w,
		    doctor_tr(d, "row level security is on", "включена защита на уровне строк"),
		    f.seen, as_owner(d), f.command);
	else if (d->r[DC_DB_RIGHTS].status != FINDING_FAIL)
		found(d, w, doctor_tr(d, "a right is missing", "не хватает права"), "",
		    doctor_tr(d, "As the owner of the tables, grant the right that is named here.",
			"От имени владельца таблиц выдайте названное здесь право."),
		    NULL);
	else	/* named there, with its remedy */
		doctor_cause(
		    d, DC_DB_WRITE, FINDING_UNKNOWN, "", "%s: DMB-206 (%s)", w->who, w->state);
}

static void
locked(struct doctor *d, const struct refused *w)
{
	struct fact f;

	if (fact(d, SQL_LOCK, NULL, &f))
		found(d, w,
		    doctor_tr(d, "somebody holds a lock on the tables",
			"кто-то держит блокировку таблиц"),
		    f.seen,
		    doctor_tr(d, "End that transaction (commit it where it was begun), or:",
			"Завершите ту транзакцию (commit там, где она начата) или:"),
		    f.command);
	else if (fact(d, SQL_SLOW, NULL, &f))
		found(d, w,
		    doctor_tr(d,
			"a message was not stored in time, and the tables have triggers that are "
			"not ours",
			"сообщение не сохранилось вовремя, и у таблиц есть триггеры, которых в "
			"dmbox нет"),
		    f.seen,
		    doctor_tr(d,
			"What a trigger does, each message waits for: let it write down what is to "
			"be done, and do it elsewhere. Until then, as the owner of the tables:",
			"Каждое сообщение ждёт, пока триггер отработает: пусть он только "
			"записывает задание, а выполняет его другая программа. До тех пор от имени "
			"владельца таблиц:"),
		    f.command);
	else
		found(d, w,
		    doctor_tr(d, "the database is too slow: it did not store a message in time",
			"база слишком медленная: не успела сохранить сообщение"),
		    "",
		    doctor_tr(d,
			"Run doctor again; if it stays so, end long queries and ask the "
			"host about the load.",
			"Запустите doctor снова; если не проходит, завершите долгие запросы и "
			"спросите хостинг о нагрузке."),
		    NULL);
}

/* Codes that speak for themselves. */
static bool
plain(struct doctor *d, const struct refused *w)
{
	static const struct {
		const char *state, *en, *ru, *en_fix, *ru_fix, *command;
	} v[] = {
		{ "08P01", "a pooler before the database takes no transactions",
		    "пулер перед базой не принимает транзакции",
		    "dmbox stores each delivery in a transaction: in pgbouncer.ini set pool_mode = "
		    "transaction (or session) for this database and reload PgBouncer.",
		    "dmbox сохраняет каждую доставку в транзакции: в pgbouncer.ini задайте для "
		    "этой базы pool_mode=transaction и перечитайте конфигурацию PgBouncer.",
		    NULL },
		{ "25006", "the server takes no writes", "сервер не принимает записи",
		    "This is a read-only copy, or default_transaction_read_only is on: name the "
		    "primary in DATABASE_URL.",
		    "Это копия только для чтения, или включён default_transaction_read_only: "
		    "укажите основной сервер в DATABASE_URL.",
		    NULL },
		{ "42703", "a column of ours is missing: renamed or dropped by hand",
		    "нет нашего столбца: его переименовали или удалили",
		    "Rename the column back to the name shown here (alter table ... rename column "
		    "...), or restore the table from a backup.",
		    "Верните столбцу показанное имя (alter table ... rename column ...) или "
		    "восстановите таблицу из копии.",
		    NULL },
		{ "42P01", "a table of ours is missing: renamed or dropped by hand",
		    "нет нашей таблицы: её переименовали или удалили",
		    "Rename the table back to the name shown here, or restore it from a backup.",
		    "Верните таблице показанное имя или восстановите её из копии.", NULL },
		{ "42883", "a function of ours is missing", "нет нашей функции",
		    "Have all functions and views made again:",
		    "Создайте функции и представления заново:",
		    "delete from dmbox.schema_code;` `dmbox migrate" },
		{ "22001", "a column is shorter than it was", "столбец короче, чем был",
		    "A column's type was changed: give it back the type text.",
		    "Изменён тип столбца: верните тип text.", NULL },
		{ "42804", "a column has another type than it had", "у столбца другой тип",
		    "A column's type was changed: give it back the type that dmbox gave it.",
		    "Изменён тип столбца: верните тот, который задал dmbox.", NULL },
		{ "53100", "the database's disk is full", "диск базы данных заполнен",
		    "Free room on the database's disk, or ask the host for more.",
		    "Освободите место на диске базы или попросите у хостинга больше.", NULL },
		{ "53", "the database lacks resources", "базе не хватает ресурсов",
		    "Ask the host what the database runs out of.",
		    "Спросите хостинг, чего не хватает базе.", NULL },
		{ "58", "the database cannot use its disk", "база не может работать с диском",
		    "Ask the host: the database's own files or disk are broken.",
		    "Обратитесь в хостинг: повреждены файлы или диск базы.", NULL },
	};
	bool ru = d->o.lang == DOCTOR_RU;

	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		if (str_starts(w->state, v[i].state)) {
			found(d, w, ru ? v[i].ru : v[i].en, w->where.column,
			    ru ? v[i].ru_fix : v[i].en_fix, v[i].command);
			return true;
		}
	return false;
}

static void
explain(struct doctor *d, const struct refused *w)
{
	struct fact f;

	if (str_eq(w->state, "42501"))
		denied(d, w);
	else if (str_eq(w->state, "42P10") && fact(d, SQL_KEYS, NULL, &f))
		found(d, w,
		    doctor_tr(d, "a unique key of ours is missing (restored without keys?)",
			"нет нашего уникального ключа (восстановлено без ключей?)"),
		    f.seen, as_owner(d), f.command);
	else if (fact(d, SQL_RULE, NULL, &f))
		found(d, w,
		    doctor_tr(d, "a rule changes what is written",
			"правило (rule) меняет "
			"запись"),
		    f.seen, rule_fix(d), f.command);
	else if (str_eq(w->state, "55P03") || str_eq(w->state, "57014") || *w->state == '\0')
		locked(d, w);
	else if (str_starts(w->state, "23"))
		constraint(d, w);
	else if (str_eq(w->state, "25006") && fact(d, SQL_READ_ONLY, NULL, &f))
		found(d, w,
		    doctor_tr(d, "default_transaction_read_only is on",
			"включён "
			"default_transaction_read_only"),
		    f.seen,
		    doctor_tr(d,
			"Some hosts set this when a plan's room is used up: make room first. Then, "
			"as a superuser or as this login, and restart the web server:",
			"Некоторые хостинги включают это, когда место по тарифу кончилось: сначала "
			"освободите место. Затем от имени суперпользователя или этого логина "
			"(и перезапустите веб-сервер):"),
		    f.command);
	else if (str_eq(w->state, "55000") && fact(d, SQL_REPLICA, NULL, &f))
		found(d, w,
		    doctor_tr(d,
			"the table is published (logical replication), and its rows have no "
			"replica identity",
			"таблица публикуется (логическая репликация), а у её строк нет "
			"«replica identity»"),
		    f.seen, as_owner(d), f.command);
	else if (plain(d, w))
		return;
	/* P0001, or whatever else its code raises */
	else if (fact2(d, SQL_TRIGGER, w->table, w->where.context, &f))
		found(d, w, doctor_tr(d, "a trigger refuses it", "запись запрещает триггер"),
		    f.seen, as_owner(d), f.command);
	else
		found(d, w, doctor_tr(d, "the database refuses it", "база данных отказывает"), "",
		    doctor_tr(d, "See PostgreSQL's log for this code.",
			"Посмотрите этот код в журнале PostgreSQL."),
		    NULL);
}

/* Taken, and not there: each delivery would be answered 200 and be gone. */
static void
swallowed(struct doctor *d, struct refused *w)
{
	struct fact f;

	snprintf(w->error, sizeof w->error, "%s",
	    doctor_tr(d, "no row was stored",
		"строка не "
		"записана"));
	snprintf(w->state, sizeof w->state, "00000");
	if (fact(d, SQL_RULE, NULL, &f))
		found(d, w,
		    doctor_tr(d, "a rule changes what is written",
			"правило (rule) меняет "
			"запись"),
		    f.seen, rule_fix(d), f.command);
	else if (fact2(d, SQL_TRIGGER, w->table, w->where.context, &f))
		found(d, w,
		    doctor_tr(d, "a trigger drops the rows without an error",
			"триггер "
			"молча отбрасывает строки"),
		    f.seen, as_owner(d), f.command);
	else
		found(d, w,
		    doctor_tr(d, "the rows vanish without an error",
			"строки пропадают без "
			"ошибки"),
		    "",
		    doctor_tr(d,
			"Compare the functions and triggers of the schema dmbox with sql/code; "
			"have them made again:",
			"Сравните функции и триггеры схемы dmbox с sql/code; создайте их заново:"),
		    "delete from dmbox.schema_code;` `dmbox migrate");
}

/* There, and not what the customer wrote. */
static void
changed(struct doctor *d, struct refused *w)
{
	struct fact f;

	snprintf(w->error, sizeof w->error, "%s",
	    doctor_tr(d, "the text of the row is another one", "в строке другой текст"));
	snprintf(w->state, sizeof w->state, "00000");
	if (fact(d, SQL_RULE, NULL, &f))
		found(d, w,
		    doctor_tr(d, "a rule changes what is written", "правило (rule) меняет запись"),
		    f.seen, rule_fix(d), f.command);
	else if (fact2(d, SQL_TRIGGER, "messages", w->where.context, &f))
		found(d, w,
		    doctor_tr(d, "a trigger changes what customers wrote",
			"триггер меняет то, что написали клиенты"),
		    f.seen, as_owner(d), f.command);
	else
		found(d, w,
		    doctor_tr(d, "messages are stored with another text",
			"сообщения сохраняются с другим текстом"),
		    "",
		    doctor_tr(d, "Have the functions of dmbox made again:",
			"Создайте функции dmbox заново:"),
		    "delete from dmbox.schema_code;` `dmbox migrate");
}

static void
refused(struct db *db, struct refused *w)
{
	snprintf(w->state, sizeof w->state, "%s", db_sqlstate(db));
	snprintf(w->error, sizeof w->error, "%s", db_error(db));
	w->where = *db_where(db);
}

void
doctor_trial(struct doctor *d, struct db *db, const char *who)
{
	struct refused w = { .who = who, .table = "" };
	enum rc rc;

	if (d->conf->n_accounts == 0 || d->r[DC_DB_WRITE].status == FINDING_FAIL)
		return;
	rc = trial_store(db, &d->conf->accounts[0]);
	if (rc == RC_OK) {
		doctor_say(d, DC_DB_WRITE, FINDING_OK,
		    doctor_tr(d, "%s: messages were stored, and undone",
			"%s: сообщения записаны и отменены"),
		    who);
		return;
	}
	if (rc == RC_NONE) {	/* the server says that all is well */
		swallowed(d, &w);
		return;
	}
	if (rc == RC_PERM) {
		changed(d, &w);
		return;
	}
	refused(db, &w);
	explain(d, &w);
}

#define NOBODY "doctor-trial"

/* What else is written: with a row of nobody's, undone like the other trial. */
static const struct {
	const char *who, *table;
	struct db_stmt s;
} others[] = {
	{ "cron", "heartbeats",
	    { NULL, "insert into dmbox.heartbeats (name, at) values ('" NOBODY "', now())" } },
	{ "cron", "leases",
	    { NULL,
		"insert into dmbox.leases (name, owner, expires_at)"
		" values ('" NOBODY "', 'doctor', now())" } },
	{ "cron", "account_state",
	    { NULL,
		"insert into dmbox.account_state (account, channel)"
		" values ('" NOBODY "', 'instagram')" } },
	{ "cron", "poll_runs",
	    { NULL,
		"insert into dmbox.poll_runs (account, channel, started_at,"
		" finished_at, outcome) values ('" NOBODY
		"', 'instagram', now(), now(), 'empty')" } },
	{ "send", "outbox",
	    { NULL,
		"insert into dmbox.outbox (account, channel, provider,"
		" recipient_id) values ('" NOBODY "', 'instagram', 'none', '" NOBODY "')" } },
	{ "send", "outbox",
	    { NULL,
		"update dmbox.outbox set state = 'failed', error_text = '" NOBODY
		"' where account = '" NOBODY "'" } },
	{ "send", "send_attempts",
	    { NULL,
		"insert into dmbox.send_attempts (account, outbox_id,"
		" status) values ('" NOBODY "', 0, 'none')" } },
};

void
doctor_trial_others(struct doctor *d, struct db *db, const char *who)
{
	struct refused w = { .who = who };
	bool failed = false;

	if (d->r[DC_DB_WRITE].status == FINDING_FAIL || d->r[DC_DB_RIGHTS].status == FINDING_FAIL ||
	    db_begin(db) != RC_OK)
		return;
	for (size_t i = 0; !failed && i < sizeof others / sizeof *others; i++) {
		w.table = others[i].table;
		failed = str_eq(others[i].who, who) &&
		    db_exec(db, &others[i].s, NULL, NULL) != RC_OK;
	}
	if (failed)
		refused(db, &w);
	db_rollback(db);
	if (failed)
		explain(d, &w);
}
