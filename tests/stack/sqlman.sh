#!/bin/sh
# The generated parts of man/dmbox-sql.7, from the comments in the database and from
# sql/examples.sql, which the tests run.
#
# usage: tests/stack/sqlman.sh PSQL		print the page as it should be
#	 tests/stack/sqlman.sh PSQL > new && mv new man/dmbox-sql.7
# PSQL is a command that opens psql on a migrated database (STATE/psql of make run).
cd "$(dirname "$0")/../.." || exit 1
page=man/dmbox-sql.7

tables() {
	"$1" -XqAt -v ON_ERROR_STOP=1 <<-'SQL'
	with t as (
	  select c.oid, c.relname, c.relkind, obj_description(c.oid) as says,
	         coalesce(array_position(array['messages', 'messages_full', 'conversations', 'contacts', 'attachments',
	           'reactions', 'message_edits', 'events', 'deliveries', 'deliveries_text', 'ingest_balance', 'refusals',
	           'outbox', 'send_attempts', 'poll_runs'], c.relname::text), 99) as place
	    from pg_class c
	   where c.relnamespace = 'dmbox'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition),
	col as (
	  select t.*, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) as type, col_description(t.oid, a.attnum) as about
	    from t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
	   where not exists (select 1 from pg_attribute b where a.attname = b.attname and b.attrelid =
	           case t.relname when 'messages_full' then 'dmbox.messages'::regclass
	                          when 'deliveries_text' then 'dmbox.deliveries'::regclass end))
	select line from (
	  select place, relname, 0 as n, '.Ss dmbox.' || relname || E'\n' || coalesce(says, '') || E'.\n' ||
	         case relname when 'messages_full' then E'It has the columns of messages, and:\n'
	                      when 'deliveries_text' then E'It has columns of deliveries, and:\n' else '' end ||
	         '.Bl -tag -width Ds -compact' as line from t
	  union all
	  select place, relname, attnum, '.It Va ' || attname || ' Pq Li ' || replace(type, 'timestamp with time zone', 'timestamptz')
	         || E'\n' || replace(coalesce(about, '-'), E'\\', E'\\e') from col
	  union all
	  select place, relname, 10000, '.El' from t) x
	order by place, relname, n;
	SQL
}

tables "$1" >"${TMPDIR:-/tmp}/sqlman.$$" || exit 1
awk -v tables="${TMPDIR:-/tmp}/sqlman.$$" '
function put(cmd,   l) { while ((cmd | getline l) > 0) print l; close(cmd) }
/^\.\\" tables: made by/ { print; put("cat " tables); skip = 1; next }
/^\.\\" examples: made by/ { print; put("sed -e \"s/[\\\\\\\\]/\\\\\\\\e/g\" sql/examples.sql"); skip = 1; next }
/^\.\\" end/ { skip = 0 }
!skip' "$page"
rm -f "${TMPDIR:-/tmp}/sqlman.$$"
