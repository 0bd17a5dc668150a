/*
 * Is everything there that sql/ makes?  A restore of some tables, a "tidied" view or a
 * function that went with its owner break the one program that uses it, and a trial of one
 * of them says nothing of the others.  tests/check/objects.check compares the lists with sql/.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "doctor/doctor.h"

#define FIX_MAX 400

enum kind { TABLES, CODE };

static const char tables[] =
    "account_state accounts attachments avatars contact_aliases contacts count_marks deliveries "
    "desk erased events gone heartbeats labels leases login_links media_days message_counts "
    "message_edits message_hours message_words messages notes outbox poll_runs reactions refusals "
    "refused_bytes replies response_days schema_code schema_version send_attempts sessions uploads "
    "users word_marks";
static const char views[] =
    "conversations deliveries_text ingest_balance messages_full referrals turns";
static const char functions[] =
    "adopt_events apply_answer apply_leftovers apply_message apply_receipt "
    "apply_receipts apply_target attachment_state author_of bare bytes_text "
    "can_send_until change_bound chat_names chat_proved chat_twin contact_address "
    "contact_all contact_ids contact_join contact_known_as contact_left "
    "contact_merge contact_of contact_proved contact_reused contact_twin "
    "contact_twins contacts_forget contacts_known_as contacts_noted contacts_of "
    "contacts_resolve conversation_json conversations_json count_deleted "
    "count_upkeep deliveries_expire deliveries_partitions desk_counts "
    "desk_forget desk_is_done desk_list desk_own desk_page desk_search "
    "desk_set desk_slice desk_touch erase_unsent error_kind from_micros group_threads "
    "has_spellings "
    "holds_word hour_of id_hash in_scope ingest ingest_many is_another is_empty "
    "is_erased is_phone iso keep_apart last_failed late_message lock_chats lock_target "
    "may_be_chat merge_attachments merge_detail merge_message merge_write message_changed "
    "message_twin messages_fold messages_of micros moved_message name_now name_stands_in "
    "names_now newer "
    "next_change no_marketing_since note_add note_delete other_threads outbox_begin "
    "outbox_cancel outbox_claim outbox_delivered outbox_drop_rest "
    "outbox_expire outbox_failed_later outbox_found outbox_hold outbox_lease "
    "outbox_look outbox_match outbox_put outbox_reacted outbox_release outbox_rest "
    "outbox_result outbox_retry outbox_settle outbox_token owner_failed "
    "owner_refused owner_series owner_waiting part_changed past_stored "
    "people_json phone_contacts phone_ends phone_number phone_spellings "
    "poll_run polled_edit provider_window "
    "purge_contact purge_events purge_ledger purge_lock purge_loose "
    "purge_messages purge_note purge_outbox quote_of refuse replay_settle "
    "response_fold response_upkeep search search_fits search_forms "
    "search_too_many search_upkeep search_word sender_of source_rank "
    "status_rank told_again twin_threads upload_of waiting_since was_cancelled window_until "
    "wordless_key words_changed words_key words_of words_query";

enum stmt {
	SQL_TABLES,
	SQL_CODE,
	SQL_OFF,
	SQL_RENAMED,
	SQL_RUN,
	SQL_WAITS,
	SQL_UNLOGGED,
	SQL__MAX
};

static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_TABLES] = { NULL,
	    "select string_agg(x.n, ', '), count(*) from unnest($1::text[]) x(n)"
	    " where to_regclass('dmbox.' || x.n) is null" },
	[SQL_CODE] = { NULL,
	    "select string_agg(x.n, ', '), count(*) from (select n from unnest($1::text[]) v(n)"
	    "  where to_regclass('dmbox.' || n) is null"
	    "  union all select n || '()' from unnest($2::text[]) f(n) where not exists"
	    "   (select 1 from pg_proc where pronamespace = 'dmbox'::regnamespace and"
	    "    proname = n)) x" },
	/* triggers of ours that are off, as a restore with --disable-triggers leaves them */
	[SQL_OFF] = { NULL,
	    "select string_agg(distinct c.relname, ', '), string_agg(distinct format("
	    "  '`alter table dmbox.%I enable trigger %I;`', c.relname, t.tgname), ' ')"
	    " from pg_trigger t join pg_class c on c.oid = t.tgrelid"
	    " join pg_proc p on p.oid = t.tgfoid and p.pronamespace = c.relnamespace"
	    " where c.relnamespace = 'dmbox'::regnamespace and t.tgenabled in ('D', 'R')" },
	/* a table that is not ours, where one of ours is missing: it may be that one */
	[SQL_RENAMED] = { NULL,
	    "select min(c.relname), count(*), format('alter table dmbox.%I rename to %I;',"
	    "  min(c.relname), $2::text)"
	    " from pg_class c where c.relnamespace = 'dmbox'::regnamespace and c.relkind in"
	    "  ('r', 'p') and not c.relispartition and c.relname <> all ($1::text[])" },
	/* what the owner may not do every login needs; of another login's rights those functions
	 * that anybody may call, unless they were taken from him */
	[SQL_RUN] = { NULL,
	    "select string_agg(distinct p.proname, ', '), case when bool_or(pg_has_role("
	    "  current_user, p.proowner, 'USAGE')) then format('`grant execute on all functions in"
	    " schema dmbox to %I;`', current_user) else string_agg(format('`grant execute on"
	    " function %s to %I;`', p.oid::regprocedure, current_user), ' ') end"
	    " from pg_proc p where p.pronamespace = 'dmbox'::regnamespace and p.prokind = 'f' and"
	    "  not has_function_privilege(p.oid, 'EXECUTE') and (pg_has_role(current_user,"
	    "  p.proowner, 'USAGE') or p.proname = any ($1::text[]))" },
	/* rows of pg_stat_replication are shown to everybody, without what is in them */
	[SQL_WAITS] = { NULL,
	    "select current_setting('synchronous_standby_names') where"
	    " current_setting('synchronous_standby_names') <> '' and"
	    " not exists (select 1 from pg_stat_replication)" },
	[SQL_UNLOGGED] = { NULL,
	    "select string_agg('dmbox.' || relname, ', ' order by relname), string_agg(format("
	    "  '`alter table dmbox.%I set logged;`', relname), ' ' order by relname) from pg_class"
	    " where relnamespace = 'dmbox'::regnamespace and relkind = 'r' and relpersistence ="
	    "  'u'" },
};

/* What a delivery calls, whichever login it comes by. */
static const char called[] = "ingest ingest_many hour_of";

static void
put_words(struct db_args *a, const char *words)
{
	struct strv v = { 0 };

	strv_split(&v, words, ' ');
	db_array(a, DB_TEXT);
	for (size_t i = 0; i < v.n; i++)
		db_text(a, v.v[i]);
	db_array_end(a);
	strv_free(&v);
}

/* The first row of s, or NULL where it gives none, or a null. */
static struct db_res *
asked(struct db *db, enum stmt s, struct db_args *a)
{
	struct db_res *r = NULL;

	if (db_exec(db, &stmts[s], a, &r) == RC_OK && (db_rows(r) == 0 || db_is_null(r, 0, 0))) {
		db_res_free(r);
		r = NULL;
	}
	if (a != NULL)
		db_args_free(a);
	return r;
}

static const char *
as_owner(const struct doctor *d)
{
	return doctor_tr(d, "As the owner of the tables:", "От имени владельца таблиц:");
}

/* One of ours missing and one stranger there: most likely it was given another name. */
static void
tables_gone(struct doctor *d, const char *names, bool one)
{
	struct db_args a = { 0 };
	struct db_res *r;
	char fix[FIX_MAX];

	put_words(&a, tables);
	db_text(&a, names);
	r = asked(d->db, SQL_RENAMED, &a);
	if (one && r != NULL && db_get_i64(r, 0, 1) == 1)
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"Rename the table back to the name shown here, if dmbox.%s is it: `%s`; "
			"else restore it from a backup.",
			"Верните таблице показанное имя, если dmbox.%s и есть она: `%s`; иначе "
			"восстановите её из копии."),
		    db_get_text(r, 0, 0), db_get_text(r, 0, 2));
	else
		snprintf(fix, sizeof fix, "%s",
		    doctor_tr(d,
			"Rename the table back to the name shown here, or restore it from a "
			"backup.",
			"Верните таблице показанное имя или восстановите её из копии."));
	doctor_cause(d, DC_DB_WRITE, FINDING_FAIL, fix,
	    doctor_tr(d, "a table of ours is missing, renamed or dropped by hand: %s",
		"нет нашей таблицы, её переименовали или удалили: «%s»"),
	    names);
	db_res_free(r);
}

void
doctor_objects(struct doctor *d)
{
	struct db_args a = { 0 };
	struct db_res *r;

	put_words(&a, tables);
	r = asked(d->db, SQL_TABLES, &a);
	if (r != NULL)
		tables_gone(d, db_get_text(r, 0, 0), db_get_i64(r, 0, 1) == 1);
	db_res_free(r);
}

void
doctor_code(struct doctor *d)
{
	struct db_args a = { 0 };
	struct db_res *r;

	put_words(&a, views);
	put_words(&a, functions);
	r = asked(d->db, SQL_CODE, &a);
	if (r != NULL)
		/* the words of the trial that needs one of them: reported once */
		doctor_cause(d, DC_DB_WRITE, FINDING_FAIL,
		    doctor_tr(d,
			"Have all functions and views made again: `delete from dmbox.schema_code;` "
			"`dmbox migrate`",
			"Создайте функции и представления заново: `delete from dmbox.schema_code;` "
			"`dmbox migrate`"),
		    doctor_tr(d, "views or functions of ours are missing: %.300s",
			"нет наших представлений или функций: «%.300s»"),
		    db_get_text(r, 0, 0));
	db_res_free(r);
	r = asked(d->db, SQL_OFF, NULL);
	if (r != NULL) {
		char fix[FIX_MAX];

		snprintf(fix, sizeof fix, "%s %s", as_owner(d), db_get_text(r, 0, 1));
		doctor_cause(d, DC_DB_WRITE, FINDING_WARN, fix,
		    doctor_tr(d,
			"triggers of ours are switched off (a restore?), the search does not learn "
			"of changes and erasures: %s",
			"наши триггеры выключены (восстановление из копии?), поиск не узнаёт об "
			"изменениях и стираниях: «%s»"),
		    db_get_text(r, 0, 0));
	}
	db_res_free(r);
}

void
doctor_runs(struct doctor *d, struct db *db, const char *who)
{
	struct db_args a = { 0 };
	struct db_res *r;
	struct buf b;

	put_words(&a, called);
	r = asked(db, SQL_RUN, &a);
	if (r != NULL) {
		buf_init(&b, 1 << 16);
		buf_printf(&b, "%s %s", as_owner(d), db_get_text(r, 0, 1));
		doctor_cause(d, DC_DB_RIGHTS, FINDING_FAIL, b.p,
		    doctor_tr(d, "the login of %s may not call %.200s",
			"логину %s нельзя вызвать «%.200s»"),
		    who, db_get_text(r, 0, 0));
		buf_free(&b);
	}
	db_res_free(r);
}

/* Each commit waits for a copy of the database that is not there, for ever. */
void
doctor_commits(struct doctor *d)
{
	struct db_res *r = asked(d->db, SQL_WAITS, NULL);

	if (r != NULL)
		doctor_cause(d, DC_DB_WRITE, FINDING_FAIL,
		    doctor_tr(d,
			"Start the standby again, or do without it, as a superuser: `alter system "
			"set synchronous_standby_names = '';` `select pg_reload_conf();`",
			"Запустите резервный сервер снова или обойдитесь без него, от имени "
			"суперпользователя: `alter system set synchronous_standby_names = '';` "
			"`select pg_reload_conf();`"),
		    doctor_tr(d,
			"each commit waits for a standby that is not connected "
			"(synchronous_standby_names: %s)",
			"каждая транзакция ждёт резервный сервер, которого нет "
			"(synchronous_standby_names: «%s»)"),
		    db_get_text(r, 0, 0));
	db_res_free(r);
	r = asked(d->db, SQL_UNLOGGED, NULL);
	if (r != NULL) {
		char fix[FIX_MAX];

		snprintf(fix, sizeof fix, "%s %s", as_owner(d), db_get_text(r, 0, 1));
		doctor_cause(d, DC_DB_DURABLE, FINDING_WARN, fix,
		    doctor_tr(d, "%s: unlogged, the server empties it after a crash",
			"%s: не журналируется, после сбоя сервер её опустошит"),
		    db_get_text(r, 0, 0));
	}
	db_res_free(r);
}
