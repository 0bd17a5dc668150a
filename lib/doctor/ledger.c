/* What arrived, what was polled and what goes out, as the database has it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "doctor/doctor.h"
#include "store/store.h"
#include "base/str.h"

#define HEARTBEAT_S 180
#define INTERVAL_SLACK_S 45
#define POLL_SILENT_S 900
#define QUEUED_S 600
#define CUT_RUNS 3		/* in a row, cut short: no accident */
#define OTHER_S 1800		/* the other poller was seen so lately */

enum stmt {
	SQL_HEARTBEAT,
	SQL_POLLS,
	SQL_REFUSED,
	SQL_NOT_MADE,
	SQL_LAST,
	SQL_LITERAL,
	SQL_REUSED,
	SQL_ALIKE,
	SQL_STEP,
	SQL_ENTRY,
	SQL_ONE_SENDER,
	SQL_ANY,
	SQL_ADDED,
	SQL_SINCE,
	SQL_SILENT,
	SQL_SIDES,
	SQL_OUTBOX,
	SQL_PAUSED,
	SQL_BALANCE,
	SQL_CONTACTS,
	SQL_ERASED,
	SQL_FETCHED,
	SQL_TOLD,
	SQL__MAX
};

/* neither doctor's own deliveries nor the call from outside that it asked for */
#define REAL \
	" coalesce(request_id, '') not like 'doctor-%' and source in ('webhook', 'spool')" \
	" and not coalesce(headers ? 'x-dmbox-doctor', false)" \
	" and coalesce(headers->>':query', '') not like 'doctor=%' "

/* A text that no customer wrote: the step's variable was empty, or its name is not known. */
#define UNFILLED \
	"body = sender_id or body ~* '^(undefined|null|none|nan|[[]object object]|[[][[][^]]+]]" \
	"|[{][{][^{}]+[}][}]|[{][a-z_. ]+[}]|%[a-z_.]+%|[$][a-z_.]+|[$#][{][a-z_. ]+[}]" \
	"|<[a-z_ ]+>)$'"

/* The last 20 texts that somebody wrote, within a week */
#define LAST_TEXTS \
	"with m as (select m.id, m.contact_id, m.delivery_id, m.body, m.sender_id, m.sent_at," \
	"   m.sent_at_known, m.received_at," \
	"   exists (select 1 from dmbox.attachments t where t.message_id = m.id) as pictures" \
	"  from dmbox.messages m where m.account = $1 and m.channel = $2" \
	"   and m.direction = 'inbound' and m.source in ('webhook', 'spool') and not m.is_test" \
	"   and m.deleted_at is null and m.kind in ('text', 'unsupported')" \
	"   and m.received_at > now() - interval '7 days' order by m.id desc limit 20)"

static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_HEARTBEAT] = { NULL,
	    "select extract(epoch from now() - at)::bigint, (info->>'window')::bigint,"
	    " least((info->>'interval')::bigint, coalesce((info->>'before')::bigint, 0)), "
	    "extract(epoch from now())::bigint - (info->>'started')::bigint,"
	    " coalesce((info->>'interval')::bigint, 86400), info->>'version', "
	    "coalesce((info->>'cut')::bigint, 0),"
	    " extract(epoch from now())::bigint - (info->'other'->>'at')::bigint, "
	    "info->'other'->>'host', info->'other'->>'config',"
	    " info->>'host', info->>'config', coalesce(info->>'accounts', '')"
	    " from dmbox.heartbeats where name = 'poll'" },
	/* what a provider told of the account: the last of each kind, as long as it is a worry */
	[SQL_TOLD] = { NULL,
	    "select x.kind || ' ' || substr(x.text, 7), x.occurred_at"
	    " from (select distinct on (e.kind) e.* from dmbox.events e"
	    "   where e.account = $1 and e.channel = $2"
	    "   and e.contact_id is null and e.effect = 'none' order by e.kind, e.id desc) x"
	    " where x.text like 'warn: %' and x.occurred_at > now() - interval '14 days'"
	    " order by x.id desc limit 1" },
	[SQL_POLLS] = { NULL,
	    "select outcome, extract(epoch from now() - finished_at)::bigint, "
	    "attempts->-1->>'note',"
	    " attempts->-1->>'status', repeats = 0 and exists (select 1 from dmbox.poll_runs b "
	    "where b.account = $1"
	    "  and b.channel = $2 and b.id < p.id and b.finished_at > now() - interval '10 "
	    "minutes' and b.outcome <> 'failed'"
	    "  and b.id = (select max(id) from dmbox.poll_runs c where c.account = $1 and "
	    "c.channel = $2 and c.id < p.id))"
	    " from dmbox.poll_runs p where account = $1 and channel = $2"
	    " order by id desc limit 1" },
	[SQL_REFUSED] = { NULL,
	    "select r.reason, r.received_at,"
	    " coalesce(r.remote_addr, ''),"
	    " ok.at is not null, ok.at > r.received_at, coalesce(r.request_id, ''), "
	    "coalesce(r.headers->>':path', '?')"
	    " from (select max(received_at) as at from dmbox.deliveries where account = $1"
	    " and channel = $2"
	    "   and verdict = 'accepted' and" REAL ") ok"
	    " left join lateral (select * from dmbox.deliveries where account = $1 and channel = $2"
	    "   and verdict = 'rejected' and" REAL "order by received_at desc limit 1) r on true" },
	[SQL_NOT_MADE] = { NULL,
	    "with d as (select id, received_at, reason, body from dmbox.deliveries where account = "
	    "$1 and channel = $2"
	    "   and verdict = 'accepted' and received_at > now() - interval '7 days' and" REAL "),"
	    " b as (select *, reason in ('salvaged', 'raw_controls', 'raw_form', 'bad_utf8',"
	    "   'behind_text', 'bad_time', 'future_time') as "
	    "mended from d"
	    "   where reason in ('not_understood', 'poison', 'ambiguous_sender', 'no_sender', "
	    "'unknown_charset', 'bad_charset',"
	    "   'bad_compression', 'unknown_compression', 'bad_multipart', 'too_large', "
	    "'salvaged', 'raw_controls', 'raw_form', "
	    "'bad_utf8', 'behind_text', 'bad_time', 'future_time')),"
	    " l as (select * from b order by received_at desc limit 1)"
	    " select (select count(*) from b where not mended), (select count(*) from d),"
	    " (select string_agg(g.reason || ' ' || g.n, ', ') from (select reason, count(*) as n "
	    "from b group by 1) g),"
	    " (select id from l), (select received_at from l),"
	    " (select left(regexp_replace(encode(substring(body for 60), 'escape'), "
	    "'[[:space:]]+', ' ', 'g'), 60) from l),"
	    " (select count(*) from b where mended)" },
	[SQL_LAST] = { NULL,
	    "select max(received_at) from dmbox.deliveries"
	    " where account = $1 and channel = $2 and verdict = 'accepted' and items > 0"
	    " and" REAL },
	/* variables that the platform did not fill: of the last 20 deliveries */
	[SQL_LITERAL] = { NULL,
	    "select id, substring(convert_from(substring(body"
	    " from position(decode('7b7b', 'hex') in body) for 40), 'LATIN1')"
	    " from '^[{][{][A-Za-z0-9_ .]{1,32}[}][}]') from (select id, body from dmbox.deliveries"
	    " where account = $1 and channel = $2 and verdict = 'accepted' and" REAL
	    " order by received_at desc limit 20) d"
	    " where position(decode('7b7b', 'hex') in body) > 0 order by id desc limit 1" },
	/* dmbox.keep_apart: of the last 20 deliveries */
	[SQL_REUSED] = { NULL,
	    "select (select e.target_id from dmbox.events e where e.account = $1 and e.channel = $2"
	    "   and e.contact_id is null and e.effect = 'none' and e.kind = 'reused_id'"
	    "   order by e.id desc limit 1) from (select reason from dmbox.deliveries"
	    " where account = $1 and channel = $2 and verdict = 'accepted' and" REAL
	    " order by received_at desc limit 20) d where reason = 'reused_id' limit 1" },
	/* what a step writes into each message alike, or leaves out: of the last 20.  A time
	 * that was an hour ago when it came: many who write in one second are none. */
	[SQL_ALIKE] = { NULL,
	    LAST_TEXTS
	    " select count(*), count(*) filter (where coalesce(body, '') = '' and not pictures),"
	    " count(*) filter (where body ~ '[?]{3}' and body !~ '[[:alnum:]]'),"
	    " (select count(*) from m s where s.sent_at_known"
	    "   and s.sent_at < s.received_at - interval '1 hour'"
	    "   group by s.sent_at order by 1 desc limit 1),"
	    /* what programs write for nothing; a name in brackets of any kind; who wrote */
	    " count(*) filter (where " UNFILLED "), max(body) filter (where " UNFILLED ")"
	    " from m" },
	/* Ids with a blank or a letter beyond ASCII; people (who have one at all) under one user
	 * name, else under one name; the same words of one person twice within ten seconds; a
	 * distance from the time of arrival that most share, in minutes: of half hours, up to
	 * 14 of 60, and near enough that no queue or pause of a flow makes it. */
	[SQL_STEP] = { NULL,
	    LAST_TEXTS
	    ","
	    " p as (select distinct c.id, lower(nullif(c.username, '')) as u,"
	    "   lower(nullif(c.name, '')) as n"
	    "   from m join dmbox.contacts c on c.id = m.contact_id),"
	    " o as (select count(u) as us, count(distinct u) as du, min(u) as u,"
	    "   count(n) as ns, count(distinct n) as dn, min(n) as n from p),"
	    " w as (select x.minutes, count(*) as n from (select"
	    "   (round(extract(epoch from received_at - sent_at) / 1800) * 30)::int as minutes,"
	    "   extract(epoch from received_at - sent_at)::bigint as off"
	    "   from m where sent_at_known) x"
	    "  where x.minutes <> 0 and abs(x.minutes) <= 840 and abs(x.off - x.minutes * 60) <= 90"
	    "  group by 1 order by 2 desc limit 1)"
	    " select count(distinct sender_id) filter (where sender_id ~ '[^!-~]'),"
	    " max(sender_id) filter (where sender_id ~ '[^!-~]'),"
	    " (select case when du = 1 then us when du = 0 and dn = 1 then ns else 0 end from o),"
	    " (select case when du = 1 then u when du = 0 and dn = 1 then n end from o),"
	    " (select count(distinct (a.contact_id, a.body)) from m a join m b"
	    "   on b.contact_id = a.contact_id and b.body = a.body and b.id < a.id"
	    "   and b.delivery_id <> a.delivery_id"
	    "   and b.received_at > a.received_at - interval '10 seconds'),"
	    " (select n from w), (select minutes from w), count(*) filter (where sent_at_known)"
	    " from m" },
	[SQL_ENTRY] = { NULL,
	    "select coalesce((select recipient_id from (select recipient_id from dmbox.messages"
	    "   where account = $1"
	    " and channel = $2 and provider = $3 and direction = 'inbound' and not is_test"
	    " and source = 'webhook' order by id desc limit 20) m"
	    " where recipient_id <> $4 and $5 limit 1),"
	    " (select substring(dmbox.bytes_text(body)"
	    "   from '\"(?:idInstance|id)\"[[:space:]]*:[[:space:]]*\"?([0-9]+)')"
	    "  from (select reason, body from dmbox.deliveries where account = $1 and channel = $2"
	    "   and verdict = 'accepted' and" REAL "order by received_at desc limit 20) d"
	    "  where reason in ('foreign_entry', 'unknown_account') limit 1))" },
	/* what a step writes for everybody alike: who writes.  The names differ all the same. */
	[SQL_ONE_SENDER] = { NULL,
	    "with m as (select m.contact_id, m.delivery_id from dmbox.messages m"
	    "   where m.account = $1 and m.channel = $2 and m.direction = 'inbound'"
	    "   and m.source in ('webhook', 'spool') and not m.is_test"
	    "   and m.received_at > now() - interval '7 days' order by m.id desc limit 20)"
	    " select c.external_id, count(distinct n.name) from m"
	    "  join dmbox.contacts c on c.id = m.contact_id"
	    "  join dmbox.deliveries d on d.id = m.delivery_id"
	    "  cross join lateral (select dmbox.bytes_text(d.body)) b (t)"
	    "  cross join lateral (select coalesce("
	    "   substring(b.t from '\"(?:username|ig_user_?name)\"[[:space:]]*:"
	    "[[:space:]]*\"([^\"{]+)'),"
	    "   substring(b.t from '(?:^|&)(?:username|ig_user_?name)=([^&{]+)'),"
	    "   substring(b.t from '\"(?:full_)?name\"[[:space:]]*:[[:space:]]*\"([^\"{]+)'),"
	    "   substring(b.t from '(?:^|&)(?:full_)?name=([^&{]+)'))) n (name)"
	    " group by 1 having count(distinct n.name) >= 4 order by 2 desc limit 1" },
	[SQL_ANY] = { NULL,
	    "select exists (select 1 from dmbox.messages where account = $1 and channel = $2"
	    " and provider = $3 and not is_test)" },
	[SQL_ADDED] = { NULL,
	    "select coalesce(sum(added_by_reconcile), 0)::bigint from dmbox.poll_runs"
	    " where account = $1"
	    " and channel = $2 and finished_at > now() - interval '1 day'" },
	[SQL_SINCE] = { NULL,
	    "select (extract(epoch from least((select min(received_at) from dmbox.deliveries"
	    " where account = $1 and channel = $2),"
	    " (select min(started_at) from dmbox.poll_runs where account = $1 and channel = $2))) "
	    "* 1000000)::bigint,"
	    " exists (select 1 from dmbox.poll_runs where account = $1 and channel = $2 and "
	    "outcome in ('messages', 'empty'))" },
	/* steady before, and now silent for longer than it ever was */
	[SQL_SILENT] = { NULL,
	    "select extract(epoch from now() - max(at))::bigint / 3600"
	    " from (select received_at as at,"
	    " received_at - lag(received_at) over (order by received_at) as gap from (select "
	    "received_at from dmbox.deliveries"
	    "  where account = $1 and channel = $2 and verdict = 'accepted' and items > 0 and" REAL
	    "  order by received_at desc limit 100) d) x having count(*) >= 20"
	    " and now() - max(at) > greatest(interval '1 day', 4 * max(gap))"
	    " and max(at) - min(at) > interval '1 day'" },
	[SQL_SIDES] = { NULL,
	    "select count(*) filter (where detail ->> 'standby' = 'true'), count(*) filter (where"
	    " direction = 'inbound'),"
	    " count(*) filter (where direction = 'outbound') from (select direction, detail from "
	    "dmbox.messages"
	    "  where account = $1 and channel = $2 and provider = $3 and not is_test"
	    " and source in ('webhook', 'echo')"
	    "  order by id desc limit 20) m" },
	[SQL_OUTBOX] = { NULL,
	    "select count(*) filter (where state in ('dead', 'failed')"
	    " and error_code is distinct from 'cancelled'"
	    " and settled_at > now() - interval '7 days'),"
	    " count(*) filter (where state = 'unknown'), count(*) filter (where state in "
	    "('queued', 'leased')),"
	    " coalesce(max(extract(epoch from now() - created_at)) filter (where state in "
	    "('queued', 'leased')), 0)::bigint,"
	    " coalesce((array_agg(coalesce(error_code, '') || ' ' || coalesce(error_text, '') "
	    "order by id desc)"
	    "   filter (where state in ('dead', 'failed')"
	    "    and error_code is distinct from 'cancelled'))[1], ''),"
	    " (select count(*) from dmbox.messages m where m.direction = 'outbound' and "
	    "m.status = 'failed'"
	    "   and m.received_at > now() - interval '7 days' and not exists (select 1 from "
	    "dmbox.outbox f"
	    "   where f.id = m.outbox_id and f.state in ('dead', 'failed'))) from dmbox.outbox" },
	[SQL_PAUSED] = { NULL,
	    "select channel || '/' || account, coalesce(pause_reason, ''),"
	    " extract(epoch from pause_until - now())::bigint from dmbox.account_state where "
	    "pause_until > now()" },
	[SQL_BALANCE] = { NULL,
	    "select coalesce(sum(missing), 0)::bigint, coalesce(sum(items), 0)::bigint,"
	    " (array_agg(account || ', ' || channel order by hour desc, account)"
	    "  filter (where missing <> 0))[1], max(hour) filter (where missing <> 0)"
	    " from dmbox.ingest_balance" },
	/* the newest are looked at: where they are whole, so is what came before them */
	[SQL_CONTACTS] = { NULL,
	    "select count(*), max(x.id), count(*) filter (where x.missing)"
	    " from (select m.id, m.contact_id is not null"
	    "  and not exists (select 1 from dmbox.contacts c where c.id = m.contact_id) as missing"
	    " from dmbox.messages m where not m.is_test"
	    "  order by m.id desc limit 20000) x" },
	[SQL_ERASED] = { NULL,
	    "select sum(n)::bigint, max(h) from (select count(*) as n, coalesce(max(extract(epoch "
	    "from now() - e.applied_at)), 0)::bigint / 3600 as h from dmbox.events e"
	    " join dmbox.messages m on m.account = e.account and m.channel = e.channel and "
	    "m.thread_id = e.thread_id"
	    "  and m.external_id = e.target_id join dmbox.deliveries d on d.id = m.delivery_id"
	    " and d.body is not null"
	    "  and d.id is distinct from e.delivery_id"
	    " where e.effect = 'unsend' and e.applied_at < now() - make_interval(secs => $1 + 7200)"
	    "  and e.id > coalesce((select (info ->> 'event')::bigint from dmbox.heartbeats"
	    " where name = 'unsent'), 0)"
	    " union all select count(*), coalesce(max(extract(epoch from now() - d.received_at)), "
	    "0)::bigint / 3600 from dmbox.deliveries d where d.reason = 'messenger'"
	    "  and d.body is not null and d.received_at < now() - make_interval(secs => $1 + "
	    "7200)) x" },
	[SQL_FETCHED] = { NULL,
	    "select count(*) filter (where state = 'failed'), count(*) filter (where state in"
	    " ('done', 'failed')),"
	    " count(*) filter (where state = 'deferred'), coalesce((array_agg(account || ': ' || "
	    "coalesce(error_text, '') order by id desc)"
	    "  filter (where state = 'failed'))[1], '') from (select id, state, account, "
	    "error_text from dmbox.attachments"
	    "  order by id desc limit 200) a" },
};

/* A statement about one account; NULL where it failed or gave no row. */
static struct db_res *
of_account(struct doctor *d, enum stmt s, const struct account *a)
{
	struct db_args args = { 0 };
	struct db_res *r = NULL;

	db_text(&args, a->name);
	db_text(&args, channel_names[a->channel]);
	if (s == SQL_ENTRY || s == SQL_ANY || s == SQL_SIDES)
		db_text(&args, provider_of(a)->name);
	if (s == SQL_ENTRY) {
		db_text(&args, a->own_id);
		db_bool(&args, provider_of(a)->many_accounts);
	}
	if (db_exec(d->db, &stmts[s], &args, &r) != RC_OK)
		r = NULL;
	db_args_free(&args);
	if (r != NULL && db_rows(r) == 0) {
		db_res_free(r);
		r = NULL;
	}
	return r;
}

static struct db_res *
of_all(struct doctor *d, enum stmt s)
{
	struct db_res *r = NULL;

	if (db_exec(d->db, &stmts[s], NULL, &r) != RC_OK)
		return NULL;
	return r;
}

/* --- refused deliveries ------------------------------------------------------------ */

/* Why a delivery was refused, and what of it the operator can change. */
static const struct why {
	const char *reason, *en, *ru, *en_fix, *ru_fix;	/* fix NULL: the check's own */
} whys[] = {
	{ "no_secret", "it carried no secret", "в ней не было секрета",
	    "Add the secret at the provider, as dmbox init shows it; if it is there, a proxy drops "
	    "the header.",
	    "Добавьте секрет у провайдера, как его показывает dmbox init; если он там есть, "
	    "заголовок теряет прокси." },
	{ "no_header", "it carried no signature", "в ней не было подписи",
	    "The provider signs each delivery: a proxy before dmbox drops the header of the "
	    "signature. If it was not the provider who called, nothing is to be done.",
	    "Провайдер подписывает каждую доставку: прокси перед dmbox теряет заголовок с "
	    "подписью. Если звонил не провайдер, делать нечего." },
	{ "bad_header", "its signature has the wrong form", "подпись неверной формы",
	    "A proxy changes the header of the signature: let it pass it on as it is.",
	    "Прокси меняет заголовок с подписью: пусть передаёт как есть." },
	{ "wrong_secret", "its secret is none of ours", "её секрет не наш", NULL, NULL },
	{ "wrong_secret_whitespace",
	    "its secret is ours but for white space at its end: a newline was copied along",
	    "секрет наш, но с пробелом или переводом строки: он скопирован с лишним символом",
	    "Remove the blank or newline behind the secret at the provider.",
	    "Уберите пробел или перевод строки после секрета у провайдера." },
	{ "wrong_signature", "its signature fits none of the app secrets",
	    "подпись не подходит ни к одному секрету приложения",
	    "Copy the secret that signs deliveries from the provider's dashboard again, character "
	    "by character.",
	    "Скопируйте секрет, которым подписаны доставки, из кабинета провайдера заново, "
	    "символ в символ." },
	{ "wrong_signature_escaped", "its signature fits after escaping: a proxy re-encodes bodies",
	    "подпись подходит после экранирования: прокси перекодирует тела",
	    "Let the proxy pass bodies on untouched.", "Пусть прокси передаёт тела нетронутыми." },
	{ "wrong_signature_whitespace",
	    "its signature fits but for white space: a proxy changes bodies",
	    "подпись подходит с точностью до пробелов: прокси меняет тела",
	    "Let the proxy pass bodies on untouched.", "Пусть прокси передаёт тела нетронутыми." },
	{ "no_secret_configured", "no secret is configured here", "здесь не задан секрет",
	    "Set the secret of this account (DMB-106 names the key).",
	    "Задайте секрет этого аккаунта (ключ называет DMB-106)." },
	{ "too_large", "it was larger than DMBOX_MAX_BODY_BYTES", "она больше DMBOX_MAX_BODY_BYTES",
	    "Raise DMBOX_MAX_BODY_BYTES (and the web server's limit above it).",
	    "Увеличьте DMBOX_MAX_BODY_BYTES (и предел веб-сервера выше него)." },
	{ "foreign_account", "it names an account of another secret",
	    "она называет аккаунт с другим секретом",
	    "Give the accounts of one app the same app secret, or each its own webhook address.",
	    "Дайте аккаунтам одного приложения один секрет или каждому свой адрес вебхука." },
	{ "wrong_address", "it went to an address that is no webhook's",
	    "она пришла на адрес, который не вебхук",
	    "Correct the address at the provider, letter by letter: `dmbox config` shows the "
	    "webhook addresses; no s, blank or slash too many.",
	    "Исправьте адрес у провайдера буква в букву: адреса вебхуков показывает `dmbox "
	    "config`; без лишней s, пробела или косой черты." },
	{ "unknown_account", "its address names an account that is not configured",
	    "её адрес называет аккаунт, которого нет в конфигурации",
	    "Correct the account's name at the end of the webhook address at the provider, or add "
	    "it: dmbox init --account NAME.",
	    "Исправьте имя аккаунта в конце адреса вебхука у провайдера или добавьте его: dmbox "
	    "init --account ИМЯ." },
	{ "sent_by_get", "the message came by GET", "сообщение пришло методом GET",
	    "Set the method of the flow's step to POST.", "Поставьте в шаге сценария метод POST." },
	{ "handshake_refused", "the handshake's verify token is not ours",
	    "проверочный токен не наш",
	    "Enter the verify token of this configuration at the provider, character by character.",
	    "Введите у провайдера проверочный токен из этой конфигурации, символ в символ." },
	{ "cut_body", "the body ended before its announced length",
	    "тело оборвалось раньше объявленной длины",
	    "The line broke, or a proxy cuts bodies; the provider sends it again.",
	    "Связь оборвалась, или прокси режет тела; провайдер отправит снова." },
	{ "empty_body", "the body is empty", "тело пустое",
	    "Fill the body of the flow's step (dmbox init prints it); behind LimitRequestBody a "
	    "long body arrives empty.",
	    "Заполните тело в шаге сценария (его печатает dmbox init); за LimitRequestBody длинное "
	    "тело приходит пустым." },
};

static const struct why *
why_of(const char *reason)
{
	for (size_t i = 0; i < sizeof whys / sizeof *whys; i++)
		if (str_eq(whys[i].reason, reason))
			return &whys[i];
	return NULL;
}

/* Anybody may call without a credential: where others got in it says little. */
static enum finding_status
weight(const char *reason, bool others_got_in)
{
	static const char *const light[] = { "no_secret", "no_header", "empty_body", "cut_body" };

	for (size_t i = 0; others_got_in && i < sizeof light / sizeof *light; i++)
		if (str_eq(reason, light[i]))
			return FINDING_WARN;
	return FINDING_FAIL;
}

static bool
queued(const struct account *a)
{
	return provider_of(a)->polls_instead && a->poll_s > 0;
}

static void
refused(struct doctor *d, const struct account *a)
{
	struct db_res *r = of_account(d, SQL_REFUSED, a);
	const char *reason, *ch = channel_names[a->channel], *path;
	const struct why *w;
	const char *fix;

	if (r == NULL)
		return;
	reason = db_get_text(r, 0, 0);
	if (reason == NULL && !db_get_bool(r, 0, 3) && queued(a)) {
		db_res_free(r);
		return;		/* nobody calls: it is fetched from a queue */
	}
	if (reason == NULL && !db_get_bool(r, 0, 3)) {
		doctor_cause(d, DC_REFUSED, FINDING_UNKNOWN, "",
		    doctor_tr(d, "%s/%s: no delivery yet", "%s/%s: доставок ещё не было"), ch,
		    a->name);
	} else if (reason == NULL || db_get_bool(r, 0, 4)) {
		doctor_say(d, DC_REFUSED, FINDING_OK, "%s/%s", ch, a->name);
	} else {
		w = why_of(reason);
		path = db_get_text(r, 0, 6);
		fix = provider_hint(provider_of(a), reason, d->o.lang == DOCTOR_RU);
		if (fix == NULL && w != NULL)
			fix = doctor_tr(d, w->en_fix, w->ru_fix);
		doctor_cause(d, DC_REFUSED, weight(reason, db_get_bool(r, 0, 3)), fix,
		    doctor_tr(d, "%s/%s: %s from %s to %s, request %s: %s (%s)",
			"%s/%s: %s с %s на %s, запрос %s: %s (%s)"),
		    ch, a->name, doctor_when(d, db_get_time(r, 0, 1)), db_get_text(r, 0, 2), path,
		    db_get_text(r, 0, 5), w == NULL ? reason : doctor_tr(d, w->en, w->ru), reason);
	}
	db_res_free(r);
}

/* Accepted, and yet no message: who would notice? */
static void
not_made(struct doctor *d, const struct account *a)
{
	struct db_res *r = of_account(d, SQL_NOT_MADE, a);
	char fix[400];
	int64_t n, all, mended;

	if (r == NULL)
		return;
	n = db_get_i64(r, 0, 0);
	mended = db_get_i64(r, 0, 6);
	all = db_get_i64(r, 0, 1);
	if (all == 0 && !queued(a)) {
		doctor_cause(d, DC_NOT_MADE, FINDING_UNKNOWN, "",
		    doctor_tr(d, "%s/%s: no delivery yet", "%s/%s: доставок ещё не было"),
		    channel_names[a->channel], a->name);
	} else if (all > 0 && n + mended == 0) {
		doctor_say(d, DC_NOT_MADE, FINDING_OK,
		    doctor_tr(d, "%s/%s: %" PRId64 " deliveries of 7 days",
			"%s/%s: доставок за 7 дней: %" PRId64),
		    channel_names[a->channel], a->name, all);
	} else if (all > 0) {
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"See its bytes: select body_text from dmbox.deliveries_text where id = "
			"%" PRId64
			"; correct what the provider sends (dmbox init prints the form), or "
			"update dmbox; then `dmbox replay %" PRId64 "` parses it again.",
			"Посмотрите её байты: select body_text from dmbox.deliveries_text where id "
			"= %" PRId64
			"; исправьте то, что шлёт провайдер (форму печатает dmbox init), или "
			"обновите dmbox; затем `dmbox replay %" PRId64 "` разберёт её снова."),
		    db_get_i64(r, 0, 3), db_get_i64(r, 0, 3));
		doctor_cause(d, DC_NOT_MADE, FINDING_WARN, fix,
		    doctor_tr(d,
			"%s/%s: of %" PRId64 " deliveries of 7 days %" PRId64
			" made no message and %" PRId64
			" were not_understood as they stand, but mended (%s); the last at "
			"%s, delivery %" PRId64 ", begins: %s",
			"%s/%s: из %" PRId64 " доставок за 7 дней %" PRId64
			" не стали сообщением, %" PRId64
			" не поняты (not_understood) в исходном виде, но исправлены (%s); "
			"последняя %s, доставка %" PRId64 ", начало: %s"),
		    channel_names[a->channel], a->name, all, n, mended, db_get_text(r, 0, 2),
		    doctor_when(d, db_get_time(r, 0, 4)), db_get_i64(r, 0, 3),
		    db_get_text(r, 0, 5));
	}
	db_res_free(r);
}

/* --- what arrived ------------------------------------------------------------------- */

/* How it was before: since when, how regularly, from whom. */
/* What the fields of a step hold that somebody filled by hand. */
static void
step(struct doctor *d, const struct account *a, struct check_facts *out)
{
	struct db_res *r = of_account(d, SQL_ALIKE, a);

	if (r != NULL) {
		out->texts = db_get_i64(r, 0, 0);
		out->empty = db_get_i64(r, 0, 1);
		out->marks = db_get_i64(r, 0, 2);
		out->one_time = db_get_i64(r, 0, 3);
		out->no_text = db_get_i64(r, 0, 4);
		out->no_text_is = mem_arena_dup(&d->arena, db_get_text(r, 0, 5));
	}
	db_res_free(r);
	r = of_account(d, SQL_STEP, a);
	if (r != NULL) {
		out->named = db_get_i64(r, 0, 0);
		out->named_is = mem_arena_dup(&d->arena, db_get_text(r, 0, 1));
		out->one_label = db_get_i64(r, 0, 2);
		out->one_label_is = mem_arena_dup(&d->arena, db_get_text(r, 0, 3));
		out->twice = db_get_i64(r, 0, 4);
		out->shifted = db_get_i64(r, 0, 5);
		out->shift_min = db_get_i64(r, 0, 6);
		out->timed = db_get_i64(r, 0, 7);
	}
	db_res_free(r);
}

static void
history(struct doctor *d, const struct account *a, struct check_facts *out)
{
	struct db_res *r = of_account(d, SQL_SINCE, a);

	out->since_us = r != NULL && !db_is_null(r, 0, 0) ? db_get_i64(r, 0, 0) : 0;
	out->polled_once = r != NULL && db_get_bool(r, 0, 1);
	db_res_free(r);
	r = of_account(d, SQL_SILENT, a);
	out->silent_h = r != NULL ? db_get_i64(r, 0, 0) : 0;
	db_res_free(r);
	r = of_account(d, SQL_SIDES, a);
	if (r != NULL) {
		out->standby = db_get_i64(r, 0, 0);
		out->inbound = db_get_i64(r, 0, 1);
		out->echoes = db_get_i64(r, 0, 2);
	}
	db_res_free(r);
}

void
doctor_facts(struct doctor *d, const struct account *a, struct check_facts *out)
{
	struct db_res *r;
	char told[700];

	memset(out, 0, sizeof *out);
	if (!d->db_ok)
		return;
	out->known = true;
	r = of_account(d, SQL_LAST, a);
	if (r != NULL && !db_is_null(r, 0, 0))
		out->last_delivery = doctor_when(d, db_get_time(r, 0, 0));
	db_res_free(r);
	r = of_account(d, SQL_LITERAL, a);
	if (r != NULL) {
		out->unfilled_id = db_get_i64(r, 0, 0);
		out->unfilled = mem_arena_dup(&d->arena, db_get_text(r, 0, 1));
	}
	db_res_free(r);
	r = of_account(d, SQL_REUSED, a);
	if (r != NULL)
		out->reused = mem_arena_dup(&d->arena, db_get_text(r, 0, 0));
	db_res_free(r);
	r = of_account(d, SQL_ONE_SENDER, a);
	if (r != NULL) {
		out->one_sender = mem_arena_dup(&d->arena, db_get_text(r, 0, 0));
		out->one_names = db_get_i64(r, 0, 1);
	}
	db_res_free(r);
	step(d, a, out);
	r = of_account(d, SQL_TOLD, a);
	if (r != NULL) {
		snprintf(told, sizeof told, "%s, %s", db_get_text(r, 0, 0),
		    doctor_when(d, db_get_time(r, 0, 1)));
		out->told = mem_arena_dup(&d->arena, told);
	}
	db_res_free(r);
	r = of_account(d, SQL_POLLS, a);
	if (r != NULL)
		out->last_poll = mem_arena_dup(&d->arena, db_get_text(r, 0, 0));
	db_res_free(r);
	r = str_empty(a->own_id) ? NULL : of_account(d, SQL_ENTRY, a);
	if (r != NULL && !db_is_null(r, 0, 0))
		out->foreign_id = mem_arena_dup(&d->arena, db_get_text(r, 0, 0));
	db_res_free(r);
	r = of_account(d, SQL_ANY, a);
	out->had_messages = r != NULL && db_get_bool(r, 0, 0);
	db_res_free(r);
	history(d, a, out);
}

/* What the provider's checks say of what arrived. */
static void
arrived(struct doctor *d, const struct account *a)
{
	const struct provider *p = provider_of(a);
	struct db_res *r;
	struct checkup c;
	int64_t n;

	doctor_checkup(d, a, &c);
	doctor_facts(d, a, &c.facts);
	for (size_t i = 0; i < *p->n_checks; i++)
		if (p->checks[i].ledger != NULL)
			p->checks[i].ledger(&c);
	if (!p->polls_reconcile && !p->polls_instead)
		return;
	r = of_account(d, SQL_ADDED, a);
	n = r != NULL ? db_get_i64(r, 0, 0) : 0;
	db_res_free(r);
	if (n > 0 && p->polls_instead && a->poll_s > 0)
		doctor_say(d, DC_GAP, FINDING_WARN,
		    doctor_tr(d,
			"%s: %" PRId64
			" messages of the last day were not in the queue (does another "
			"program read it?); the poller added them from the journals",
			"%s: сообщений за сутки не было в очереди: %" PRId64 " (её читает другая "
			"программа?); опросчик добавил их из журналов"),
		    a->name, n);
	else if (n > 0)
		doctor_say(d, DC_GAP, FINDING_WARN,
		    doctor_tr(d,
			"%s: %" PRId64 " webhooks of the last day did not come; the poller added "
			"their messages",
			"%s: за сутки не пришло вебхуков: %" PRId64 "; сообщения добавил опросчик"),
		    a->name, n);
}

static void
balance(struct doctor *d)
{
	struct db_res *r = of_all(d, SQL_BALANCE);

	if (r == NULL || db_rows(r) == 0)
		doctor_say(
		    d, DC_BALANCE, FINDING_UNKNOWN, doctor_tr(d, "%s", "«%s»"), db_error(d->db));
	else if (db_get_i64(r, 0, 0) != 0)
		doctor_say(d, DC_BALANCE, FINDING_FAIL,
		    doctor_tr(d, "missing %" PRId64 " of %" PRId64 " (%s, %s)",
			"не хватает %" PRId64 " из %" PRId64 " (%s, %s)"),
		    db_get_i64(r, 0, 0), db_get_i64(r, 0, 1), db_get_text(r, 0, 2),
		    doctor_when(d, db_get_time(r, 0, 3)));
	else if (db_get_i64(r, 0, 1) == 0)
		doctor_cause(d, DC_BALANCE, FINDING_UNKNOWN, "", "%s",
		    doctor_tr(d, "no delivery yet", "доставок ещё не было"));
	else
		doctor_say(d, DC_BALANCE, FINDING_OK,
		    doctor_tr(d, "%" PRId64 " items, none missing",
			"элементов: %" PRId64 ", все на месте"),
		    db_get_i64(r, 0, 1));
	db_res_free(r);
}

/* No row may speak of somebody who is not there: its conversation is shown nowhere. */
static void
contacts(struct doctor *d)
{
	struct db_res *r = of_all(d, SQL_CONTACTS);

	if (r == NULL)
		return;
	if (db_get_i64(r, 0, 0) == 0)
		doctor_cause(d, DC_CONTACTS, FINDING_UNKNOWN, "", "%s",
		    doctor_tr(d, "no message yet", "сообщений ещё не было"));
	else if (db_get_i64(r, 0, 2) > 0)
		doctor_say(d, DC_CONTACTS, FINDING_FAIL,
		    doctor_tr(d,
			"%" PRId64 " of the newest %" PRId64
			" messages name a contact that is not there",
			"%" PRId64 " из последних %" PRId64
			" сообщений указывают на контакт, которого нет"),
		    db_get_i64(r, 0, 2), db_get_i64(r, 0, 0));
	else
		doctor_say(d, DC_CONTACTS, FINDING_OK,
		    doctor_tr(d, "the newest %" PRId64 " messages: all have theirs",
			"последние сообщения (%" PRId64 "): у всех есть"),
		    db_get_i64(r, 0, 0));
	db_res_free(r);
}

/* Unsent is erased in the ledger, too, and Meta demands it; upkeep does it after the grace. */
static void
erased(struct doctor *d)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	int64_t n;

	db_i32(&a, STORE_UNSENT_GRACE_S);
	if (db_exec(d->db, &stmts[SQL_ERASED], &a, &r) == RC_OK && db_rows(r) > 0) {
		n = db_get_i64(r, 0, 0);
		doctor_say(d, DC_ERASED, n > 0 ? FINDING_WARN : FINDING_OK,
		    n > 0 ?
			doctor_tr(d,
			    "of messages unsent, or Messenger's, over %d h ago the bytes are "
			    "still in the ledger: %" PRId64 ", the oldest for %" PRId64 " h",
			    "байты сообщений, отозванных (или из Messenger) больше %d ч "
			    "назад, ещё в журнале доставок: %" PRId64 ", старейшее %" PRId64 " ч") :
			doctor_tr(d,
			    "what is unsent is erased from the ledger %d h later (overdue: %" PRId64
			    ", for %" PRId64 " h)",
			    "отозванное стирается из журнала доставок через %d ч (просрочено: "
			    "%" PRId64 ", %" PRId64 " ч)"),
		    STORE_UNSENT_GRACE_S / 3600, n, db_get_i64(r, 0, 1));
	}
	db_res_free(r);
	db_args_free(&a);
}

/* A link that could not be fetched is dead within days: the picture is lost. */
static void
fetched(struct doctor *d)
{
	struct db_res *r = of_all(d, SQL_FETCHED);
	int64_t bad, all, later;

	if (r == NULL)
		return;
	bad = db_get_i64(r, 0, 0);
	all = db_get_i64(r, 0, 1);
	later = db_get_i64(r, 0, 2);
	if (all + later == 0)
		doctor_cause(d, DC_FETCHED, FINDING_UNKNOWN, "", "%s",
		    doctor_tr(d, "no attachment yet", "вложений ещё не было"));
	else if (bad * 10 > all || later > 0)
		doctor_say(d, DC_FETCHED, FINDING_WARN,
		    doctor_tr(d,
			"of the last %" PRId64 " attachments %" PRId64
			" could not be fetched, %" PRId64 " wait for room; the last: %s",
			"из последних вложений (%" PRId64 ") не удалось получить %" PRId64
			", ждут места %" PRId64 "; последнее: «%s»"),
		    all + later, bad, later, db_get_text(r, 0, 3));
	else
		doctor_say(d, DC_FETCHED, FINDING_OK,
		    doctor_tr(d, "the last %" PRId64 ": %" PRId64 " could not be fetched",
			"последние %" PRId64 ": не удалось получить %" PRId64),
		    all, bad);
	db_res_free(r);
}

/* --- going out ------------------------------------------------------------------------ */

static void
outbox(struct doctor *d)
{
	struct db_res *r = of_all(d, SQL_OUTBOX);
	int64_t dead, unknown, age;

	if (r == NULL)
		return;
	/* also what was sent and then not delivered */
	dead = db_get_i64(r, 0, 0) + db_get_i64(r, 0, 5);
	unknown = db_get_i64(r, 0, 1);
	age = db_get_i64(r, 0, 3);
	doctor_say(d, DC_DEAD, dead + unknown > 0 ? FINDING_WARN : FINDING_OK,
	    doctor_tr(d, "failed this week: %" PRId64 ", unknown: %" PRId64 "%s%s",
		"не удалось за неделю: %" PRId64 ", неизвестно: %" PRId64 "%s%s"),
	    dead, unknown, dead > 0 && !str_empty(db_get_text(r, 0, 4)) ? ": " : "",
	    dead > 0 ? db_get_text(r, 0, 4) : "");
	doctor_say(d, DC_QUEUED, age > QUEUED_S ? FINDING_FAIL : FINDING_OK,
	    doctor_tr(d, "%" PRId64 " waiting, the oldest for %" PRId64 " s",
		"ждут: %" PRId64 ", старейшее %" PRId64 " с"),
	    db_get_i64(r, 0, 2), age);
	db_res_free(r);
	r = of_all(d, SQL_PAUSED);
	for (size_t i = 0; r != NULL && i < db_rows(r); i++)
		doctor_say(d, DC_PAUSED, FINDING_WARN,
		    doctor_tr(d, "%s: %s, for %" PRId64 " s more", "%s: %s, ещё %" PRId64 " с"),
		    db_get_text(r, i, 0), db_get_text(r, i, 1), db_get_i64(r, i, 2));
	if (r != NULL)
		doctor_say(d, DC_PAUSED, FINDING_OK, "%s", doctor_tr(d, "none", "нет"));
	db_res_free(r);
}

void
doctor_ledger(struct doctor *d)
{
	if (!d->db_ok)
		return;
	for (size_t i = 0; i < d->conf->n_accounts; i++) {
		const struct account *a = &d->conf->accounts[i];

		if (!doctor_used(d, a))
			continue;
		if (a->use_mock)
			continue;
		arrived(d, a);
		refused(d, a);
		not_made(d, a);
	}
	if (d->conf->media_dir != NULL)
		fetched(d);
	outbox(d);
	balance(d);
	contacts(d);
	erased(d);
}

/* --- cron -------------------------------------------------------------------------------- */

/* Which of our accounts does that poller not know? */
static const char *
not_polled(struct doctor *d, const char *accounts)
{
	char name[160];

	for (size_t i = 0; i < d->conf->n_accounts; i++) {
		const struct account *a = &d->conf->accounts[i];

		snprintf(name, sizeof name, "\"%s/%s\"", channel_names[a->channel], a->name);
		if (doctor_used(d, a) && !a->use_mock && strstr(accounts, name) == NULL)
			return a->name;
	}
	return NULL;
}

/* Is the sign of life from this installation and this version, and is it fresh? */
static void
runner(struct doctor *d, const struct db_res *r)
{
	const char *version = db_get_text(r, 0, 5),
		   *stranger = not_polled(d, db_get_text(r, 0, 12));
	int64_t cut = db_get_i64(r, 0, 6);

	if (cut >= CUT_RUNS)
		doctor_cause(d, DC_RUNNER, FINDING_FAIL,
		    doctor_tr(d,
			"The host ends long programs: let cron start dmbox-poll --once (a pass of "
			"seconds), or --window 20; ask the host for its limit.",
			"Хостинг завершает долгие программы: пусть cron запускает dmbox-poll "
			"--once (проход за секунды) или --window 20; спросите у хостинга предел."),
		    doctor_tr(d,
			"the last %" PRId64 " runs were ended from outside before their time",
			"последние запуски (%" PRId64 ") оборваны извне раньше времени"),
		    cut);
	if (!str_eq(version, DMBOX_VERSION))
		doctor_cause(d, DC_RUNNER, FINDING_FAIL,
		    doctor_tr(d,
			"cron starts another installation's dmbox-poll: correct its line (crontab "
			"-e) to the one of this version.",
			"cron запускает dmbox-poll другой установки: исправьте строку (crontab -e) "
			"на эту версию."),
		    doctor_tr(d, "the poller is version %s, this is %s (%s on %s)",
			"опросчик версии %s, здесь %s (%s на %s)"),
		    version, DMBOX_VERSION, db_get_text(r, 0, 11), db_get_text(r, 0, 10));
	/* a mark of the future was made by a wrong clock: no sign of one that polls now */
	if (!db_is_null(r, 0, 7) && db_get_i64(r, 0, 7) < OTHER_S && db_get_i64(r, 0, 7) > -OTHER_S)
		doctor_cause(d, DC_RUNNER, FINDING_WARN,
		    doctor_tr(d,
			"Two installations poll for one database: stop one of them (crontab -e "
			"there), or give it a database of its own.",
			"Две установки опрашивают для одной базы: остановите одну (crontab -e там) "
			"или дайте ей свою базу."),
		    doctor_tr(d, "besides %s on %s also %s on %s polls, %" PRId64 " s ago",
			"кроме %s на %s опрашивает и %s на %s, %" PRId64 " с назад"),
		    db_get_text(r, 0, 11), db_get_text(r, 0, 10), db_get_text(r, 0, 9),
		    db_get_text(r, 0, 8), db_get_i64(r, 0, 7));
	if (stranger != NULL)
		doctor_cause(d, DC_RUNNER, FINDING_WARN,
		    doctor_tr(d,
			"The poller reads another configuration: name this one in its crontab line "
			"(DMBOX_CONFIG=FILE before the command).",
			"Опросчик читает другую конфигурацию: укажите эту в строке crontab "
			"(DMBOX_CONFIG=ФАЙЛ перед командой)."),
		    doctor_tr(d, "the poller does not know the account %s: it reads %s on %s",
			"опросчик не знает аккаунт %s: он читает %s на %s"),
		    stranger, db_get_text(r, 0, 11), db_get_text(r, 0, 10));
	doctor_say(d, DC_RUNNER, FINDING_OK, "%s, %s", version, db_get_text(r, 0, 11));
}

/* Its last run was when the database's clock was ahead: whether it runs now nothing shows. */
static void
in_the_future(struct doctor *d, int64_t ahead_s)
{
	doctor_cause(d, DC_CRON, FINDING_FAIL,
	    doctor_tr(d,
		"The database's clock was ahead when dmbox-poll ran last, and it has not run "
		"since: each run writes a new mark. See that cron starts it (crontab -l), and "
		"start it once: `dmbox-poll --once`",
		"При последнем запуске dmbox-poll часы базы спешили, и с тех пор он не запускался: "
		"каждый запуск ставит новую отметку. Проверьте, что его запускает cron (crontab "
		"-l), и запустите один раз: `dmbox-poll --once`"),
	    doctor_tr(d, "the last sign of life is %" PRId64 " s in the future",
		"последний признак жизни на %" PRId64 " с в будущем"),
	    ahead_s);
}

/* age: of its last sign of life in seconds; -1: there was none. */
static void
not_started(struct doctor *d, int64_t age)
{
	char fix[DOCTOR_FIX_MAX];
	struct buf why;

	buf_init(&why, 4096);
	if (age < 0)
		buf_puts(
		    &why, doctor_tr(d, "dmbox-poll never ran", "dmbox-poll ни разу не запускался"));
	else
		buf_printf(&why,
		    doctor_tr(d, "last sign of life %" PRId64 " s ago",
			"последний признак жизни %" PRId64 " с назад"),
		    age);
	doctor_crontab(d, fix, &why);
	doctor_cause(d, DC_CRON, FINDING_FAIL, fix, "%s", why.p);
	buf_free(&why);
}

/* fresh: cron came back (or began) with the run that is at work now. */
static void
heartbeat(struct doctor *d, bool *fresh)
{
	struct db_res *r = of_all(d, SQL_HEARTBEAT);
	int64_t age, window, interval, since, late;

	if (r == NULL)
		return;		/* not_looked says so */
	if (db_rows(r) == 0) {
		not_started(d, -1);
		db_res_free(r);
		return;
	}
	age = db_get_i64(r, 0, 0);
	window = db_is_null(r, 0, 1) ? 60 : db_get_i64(r, 0, 1);
	interval = db_is_null(r, 0, 2) ? 0 : db_get_i64(r, 0, 2);
	since = db_is_null(r, 0, 3) ? age : db_get_i64(r, 0, 3);
	*fresh = db_get_i64(r, 0, 4) > POLL_SILENT_S;
	if (!db_is_null(r, 0, 5))
		runner(d, r);
	db_res_free(r);
	if (age < -INTERVAL_SLACK_S) {
		in_the_future(d, -age);
		return;
	}
	/* where cron is known to come rarely, silence in between is another trouble */
	late = interval > HEARTBEAT_S && interval < 86400 ? interval + HEARTBEAT_S : HEARTBEAT_S;
	if ((interval > HEARTBEAT_S ? since : age) > late)
		not_started(d, age);
	else
		doctor_say(d, DC_CRON, FINDING_OK,
		    doctor_tr(d, "last sign of life %" PRId64 " s ago",
			"последний признак жизни %" PRId64 " с назад"),
		    age);
	if (interval <= 0)
		return;
	if (window == 0) {	/* --once: hosts that end programs after seconds */
		doctor_say(d, DC_INTERVAL, FINDING_OK,
		    doctor_tr(
			d, "one pass every %" PRId64 " s", "один проход каждые %" PRId64 " с"),
		    interval);
		return;
	}
	doctor_say(d, DC_INTERVAL,
	    interval > window + INTERVAL_SLACK_S && interval < 86400 ? FINDING_WARN : FINDING_OK,
	    doctor_tr(d, "cron starts it every %" PRId64 " s, it works %" PRId64 " s",
		"cron запускает его каждые %" PRId64 " с, работает он %" PRId64 " с"),
	    interval, window);
}

/* What the provider's own checks already say is not said twice. */
static bool
told(const struct doctor *d, const struct account *a)
{
	const struct provider *p = provider_of(a);
	enum doctor_check c;

	for (size_t i = 0; i < *p->n_checks; i++)
		if (doctor_check_by_number(p->checks[i].number, &c) == RC_OK && d->r[c].done &&
		    d->r[c].status == FINDING_FAIL)
			return true;
	return d->r[DC_CRON].status == FINDING_FAIL || d->r[DC_TOKEN].status == FINDING_FAIL;
}

/* How a poll ended (poll_runs.outcome). */
static const char *
outcome_words(const struct doctor *d, const char *outcome)
{
	static const struct {
		const char *en, *ru;
	} v[] = {
		{ "messages", "сообщения получены" },
		{ "empty", "нового нет" },
		{ "unsupported", "провайдер опроса не поддерживает" },
		{ "failed", "не удался" },
		{ "busy", "занято, идёт другой опрос" },
		{ "mock", "имитация" },
	};

	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		if (str_eq(outcome, v[i].en))
			return doctor_tr(d, v[i].en, v[i].ru);
	return outcome;
}

/* Why a poll failed, as far as it was kept: "500 timeout"; others' words are quoted in Russian. */
static void
why_failed(const struct doctor *d, const char *status, const char *note, char out[300])
{
	bool ru = d->o.lang == DOCTOR_RU && !str_empty(note);

	snprintf(out, 300, "%s%s%s%s%s", status != NULL ? status : "",
	    !str_empty(status) && !str_empty(note) ? " " : "", ru ? "«" : "",
	    note != NULL ? note : "", ru ? "»" : "");
	if (*out == '\0')
		snprintf(out, 300, "%s", doctor_tr(d, "why is not known", "почему, не записано"));
}

static void
poll(struct doctor *d, const struct account *a, bool fresh)
{
	char why[300];
	struct db_res *r = of_account(d, SQL_POLLS, a);
	const char *outcome, *said, *note, *status;
	int64_t age;

	if (r == NULL) {
		doctor_say(d, DC_POLL, FINDING_UNKNOWN,
		    doctor_tr(d, "%s/%s: not polled yet", "%s/%s: ещё не опрашивался"),
		    channel_names[a->channel], a->name);
		return;
	}
	outcome = db_get_text(r, 0, 0);
	said = outcome_words(d, outcome);
	age = db_get_i64(r, 0, 1);
	note = db_get_text(r, 0, 2);
	status = db_get_text(r, 0, 3);
	why_failed(d, status, note, why);
	if (str_eq(outcome, "failed") && db_get_bool(r, 0, 4))
		doctor_cause(d, DC_POLL, FINDING_UNKNOWN, "",
		    doctor_tr(d,
			"%s/%s: failed once "
			"(%s), the one before went well",
			"%s/%s: один раз не удался (%s), предыдущий прошёл"),
		    channel_names[a->channel], a->name, why);
	else if (str_eq(outcome, "failed"))
		doctor_say(d, DC_POLL, told(d, a) ? FINDING_UNKNOWN : FINDING_FAIL, "%s/%s: %s: %s",
		    channel_names[a->channel], a->name, said, why);
	else if (!str_eq(outcome, "unsupported") && age > POLL_SILENT_S &&
	    age > (int64_t)a->poll_s * 3 && d->r[DC_CRON].status == FINDING_OK &&
	    d->r[DC_INTERVAL].status == FINDING_OK)
		doctor_say(d, DC_POLL, fresh ? FINDING_UNKNOWN : FINDING_WARN,
		    doctor_tr(
			d, "%s/%s: %s, but %" PRId64 " s ago", "%s/%s: %s, но %" PRId64 " с назад"),
		    channel_names[a->channel], a->name, said, age);
	else
		doctor_say(
		    d, DC_POLL, FINDING_OK, "%s/%s: %s", channel_names[a->channel], a->name, said);
	db_res_free(r);
}

void
doctor_cron(struct doctor *d)
{
	bool fresh = true;

	if (!d->db_ok)
		return;
	heartbeat(d, &fresh);
	for (size_t i = 0; i < d->conf->n_accounts; i++) {
		const struct account *a = &d->conf->accounts[i];

		if (doctor_used(d, a) && a->poll_s > 0 && !a->use_mock && !str_empty(a->token))
			poll(d, a, fresh);
	}
}
