#ifndef DMBOX_MODEL_PROVIDER__H
#define DMBOX_MODEL_PROVIDER__H

#include "model/conf.h"
#include "base/http.h"
#include "base/log.h"
#include "model/msg.h"
#include "base/rc.h"

/*
 * A provider is a pure translator: bytes in, structs out.  It builds and reads
 * requests and never performs them; so each operation is tested by a pair of
 * files.  A NULL member: not supported.
 *
 * How to add one
 *
 * 1. lib/provider/NAME/ defines `const struct provider provider_NAME`; NAME is its name in
 *    columns, answers and samples, and never changes.  A line in provider/list.h.  No other
 *    file names a provider (tests/check/providers.check): what the core must know about one
 *    is a member of struct provider, and where none fits, a new member whose zero means "as
 *    with the others".  What providers of one company share is a folder such as meta/.
 * 2. keys.c: the table of keys, in the order in which dmbox init asks and writes; claims, by
 *    which an account becomes this provider's; configure, which makes a->own.  Read a->own
 *    through a function that serves an account without one, too: replay knows accounts that
 *    are gone by name and provider only.  Each key also: man/dmbox.conf.5, dmbox.env.example.
 * 3. verify and sign, parse, samples.c with one named "text"; then send, poll, probe and the
 *    other pairs.  Every operation gets pairs in tests/data/NAME/, whose file "account" has
 *    the keys of the account that they are read with.
 * 4. checks.c: doctor's lines, with free numbers of 7xx; words.c: setup and hints.
 * 5. A simulator tests/sim/sim_NAME.c, faults in tests/doctor/faults/, an end-to-end script.
 *
 * What cannot be left out is looked at when a program starts (provider_fault) and by
 * tests/unit/test_provider.c, which runs over the list.  Nothing decides by name, so there is
 * no default that would swallow a new one.
 */
struct jsonw;
struct provider;

/* --- polling ------------------------------------------------------------- */

enum poll_outcome {
	POLL_EMPTY,
	POLL_MESSAGES,
	POLL_UNSUPPORTED,
	POLL_FAILED,
	POLL_BUSY,
	POLL_MOCK,
	POLL__MAX
};
extern const char *const poll_outcome_names[POLL__MAX];

/* One request of a check, as shown by check-messages and kept in poll_runs. */
struct poll_attempt {
	const char *url;	/* masked */
	const char *auth;	/* header form ("X-ACCESS-TOKEN"), or "" */
	int status;		/* 0: no answer or not tried */
	int64_t ms;
	const char *note;	/* "", "timeout", "not_json", "not_found", "not_tried", ... */
};

/*
 * The state of one check of one account; the provider drives it, task_poll
 * carries it.  poll_build answers RC_OK with a request, or RC_NONE when the
 * check is over (outcome set).  poll_read eats the answer and may give items;
 * these are stored and committed (stored = true) before the next poll_build,
 * which so may confirm them (Green API's delete).
 */
struct poll_state {
	struct mem_arena arena;
	const char *memory;	/* JSON object this account remembered at the last check
				 * (accepted form, unsupported, cursors); "{}" at first */
	bool probe;		/* try every form afresh: the hourly time has come */
	/* a person asks: where what is remembered fails, all is tried now */
	bool person;
	int64_t now_us;		/* start of the check */
	int64_t deadline_ms;	/* clock_mono_ms() by which it must be over */
	unsigned int long_poll_s;	/* may wait so long for a notification; 0 = do not */
	/* provider's */
	int step;
	void *priv;		/* in the arena */
	int64_t wait_ms;	/* pause before the next request (2 calls a second) */
	bool stored;		/* set by task_poll: last items are durable */
	bool only_missing;	/* items are a reconciliation: make no delivery unless one is new */
	unsigned int proof;	/* account.proof, as the check began and as it learned it */
	/* result */
	const char *new_memory;	/* JSON object to remember; NULL: unchanged */
	enum poll_outcome outcome;
	const char *hint;	/* code for the hint: "no_polling", "wrong_token", ...; or NULL */
	int64_t pause_s;	/* account is to rest so long (429, 466); 0 = no */
	struct poll_attempt *attempts;
	size_t n_attempts, cap_attempts;
};
/* poll_attempt_add(st): a zeroed attempt in the arena. */
struct poll_attempt *poll_attempt_add(struct poll_state *st);

/* --- sending ------------------------------------------------------------- */

/* What is to be sent; one outbox row. Borrowed strings. */
struct outmsg {
	const char *recipient;
	const char *thread_id;		/* Green API chat; "" otherwise */
	const char *body;		/* NULL where there is none */
	const struct att *atts;
	size_t n_atts;
	const char *reply_to;		/* external id or NULL */
	bool human_agent;
	/* NULL, or mark_seen, typing_on, typing_off, react, unreact */
	const char *action;
	const char *reaction;		/* for react */
	const char *ref;		/* ours, "dmbox:OUTBOX-ID:TIME", for a provider that
					 * gives it back in the message's states; NULL none */
	/* look-up, second step: the conversation found; else NULL */
	const char *look_in;
	unsigned int attempts;		/* made before this one */
};

enum { CURSOR_MAX = 600 };	/* bytes of a place in a list, its NUL with it */
enum { UPLOAD_ID_MAX = 128 };	/* bytes of the id of a file that was handed over, NUL with it */

enum send_outcome {
	SEND_SENT,	/* provider gave an id */
	SEND_ACCEPTED,	/* accepted, no id */
	SEND_RETRY,	/* surely not sent; try again (retry_after_s) */
	SEND_UNKNOWN,	/* may have been sent; never try blindly again */
	SEND_REFUSED,	/* this message never */
	SEND_PAUSE,	/* the account cannot send now: keep the queue, pause_s */
	SEND__MAX
};
struct send_result {
	enum send_outcome outcome;
	char message_id[520];	/* "" where none */
	char code[64];		/* provider's code ("10/2534022"), or "timeout", ... */
	char text[400];		/* provider's words, masked */
	int64_t retry_after_s;	/* -1 none */
	int64_t pause_s;	/* SEND_PAUSE, or usage headers near the limit; 0 none */
	char known_as[200];	/* another id of the recipient, as the answer proves; "" none */
	bool contact_blocked;	/* cannot be reached: mark the contact */
	bool retry_once;	/* SEND_REFUSED, but where this was the first attempt one more
				 * after retry_after_s is sensible (B.8: 2534022 although our
				 * last inbound is younger than a day) */
	bool doubt;		/* SEND_RETRY, SEND_PAUSE, but the provider may have sent it in
				 * spite of its error: an echo settles it, and it is looked for
				 * before the next try */
	/* SEND_PAUSE, and nobody knows for how long: short, then ever longer */
	bool grows;
	bool unclear;		/* ... and this one message may be to blame: others are tried too */
	bool again;		/* SEND_PAUSE, surely not sent; before it rests: build it again with
				 * a->proof + 1 (appsecret_proof, several secrets) */
	const char *hint;	/* static code of the advice (bridge/hint.h); NULL none */
};

/* --- doctor probes ------------------------------------------------------- */
/* UNKNOWN is what a check is before it looked: only code that looked reports ok. */
enum finding_status { FINDING_UNKNOWN, FINDING_OK, FINDING_WARN, FINDING_FAIL, FINDING__MAX };
extern const char *const finding_names[FINDING__MAX];
/* One probe's reading; code is the stable short name that doctor maps to DMB-nnn. */
struct finding {
	enum finding_status status;
	char code[40];		/* "token", "page_id", "subscribed", ... */
	char seen[600];		/* what was seen, masked: the judges know it by these words */
	char seen_ru[900];	/* the same in Russian; quoted words are in guillemets */
	char app[40];		/* whose the credential is, where the answer tells; "" */
	char apps[300];		/* subscribed: the ids of those who are, " 1 2 "; "" */
	char after[CURSOR_MAX];	/* the list goes on there (probe_more); "" */
};

/* A person's profile as the provider tells it; arena of the response. */
struct profile {
	const char *name, *username, *picture;
};

/* --- keys of the configuration --------------------------------------------- */

/* What a key is good for; a provider whose keys say so needs no code of its own in doctor,
 * init, the start of the poller, or the log's "set X" (combine with |). */
enum {
	KEY_VERIFY = 1,	/* by it a delivery is known to be the provider's */
	KEY_HANDSHAKE = 2,	/* by it the handshake is (a mock account has none) */
	KEY_CALL = 4,	/* by it the provider knows us: without it no send and no poll */
	KEY_READY = 8,	/* without it the account does not count as configured */
	KEY_OPEN = 16,	/* a switch: accept deliveries without a credential */
	KEY_ASK = 32,	/* dmbox init asks for it, with prompt */
	KEY_MAKE = 64,	/* dmbox init makes a random one up */
	KEY_WRITE = 128,	/* dmbox init writes it, with the value set (or def) */
};
struct provider_key {
	const char *name;	/* CHANNEL_...; providers of one channel may share keys: they
				 * are one key then, and kind, secret, list must be the same */
	enum conf_kind kind;
	int64_t min, max;	/* CONF_NUM */
	const char *def;	/* as documented; "" = none */
	bool secret, list;
	unsigned int use;	/* KEY_... */
	const char *help;	/* one English sentence */
	const char *prompt[2];	/* English, Russian */
	const char *comment[2];	/* line above it in the file that init writes; NULL: none */
	/* of dmbox init: "token", "id", "waba-id", "api-url", "app-secret" */
	const char *option;
	const char *set;	/* KEY_WRITE: its value where the option does not give one */
};

/* How strongly the keys that are set speak for a provider.  Of a channel's providers the
 * one with the highest claim has the account; two CLAIM_YES are an error of the file. */
enum claim { CLAIM_NO, CLAIM_DEFAULT, CLAIM_YES };
enum owner { OWNER_BY_ID, OWNER_OTHER, OWNER_THIS };	/* no group's name; another's; a's */

/* --- bodies for dmbox trigger and doctor's self-delivery --------------------- */

/*
 * A body that the provider is known to post.  In it
 *   @ID@     the message's id (fresh, or --id)	@REF@    the message it speaks of (--ref)
 *   @FROM@   the other side (--from)		@OWN@    the account's own id
 *   @TEXT@   words (--text)			@NOW_S@ @NOW_MS@ @ISO@  the time
 * are replaced; in a form they are percent-encoded, else escaped as JSON.  The one
 * called "text" is doctor's delivery to itself and must be there.
 */
struct provider_sample {
	const char *name;
	const char *type;	/* Content-Type */
	const char *about;	/* one line, English */
	const char *body;
};

/* The words of a sample; UTF-8. */
struct sample_vars {
	const char *id, *ref, *from, *own, *text;
	int64_t now_us;
};
/* provider_sample(p, name): NULL where there is none. */
const struct provider_sample *provider_sample(const struct provider *p, const char *name);
/* provider_sample_body(p, s, v, out): the body of p's sample s with these words. */
void provider_sample_body(const struct provider *p, const struct provider_sample *s,
    const struct sample_vars *v, struct buf *out);

/* --- doctor ------------------------------------------------------------------ */

/* Codes of doctor's own of which a provider may speak, too (DMB-nnn). */
enum { DMB_SECRET = 106, DMB_TOKEN = 111, DMB_GAP = 802 };

/* What the tables tell of an account; empty where the database was not asked. */
struct check_facts {
	bool known;
	const char *last_delivery;	/* the newest with items, as doctor shows times; NULL */
	const char *unfilled;		/* "{{name}}" in one of the last 20 bodies; NULL */
	int64_t unfilled_id;		/* ... of this delivery */
	/* an id that different messages came under (one of the last 20 deliveries); NULL */
	const char *reused;
	/* of the last 20 texts by webhook within a week: without any words; of question marks
	 * alone; under the time that most of them share, hours old when they came */
	int64_t texts, empty, marks, one_time;
	/* ... and those that no customer wrote ("undefined", "[[text]]"), with one of them */
	int64_t no_text;
	const char *no_text_is;
	/* ... senders' ids with a blank or a letter beyond ASCII in them, and one of these */
	int64_t named;
	const char *named_is;
	/* ... people who all have one user name (else one name), and that; 0, NULL */
	int64_t one_label;
	const char *one_label_is;
	int64_t twice;			/* ... that one person sent again within ten seconds */
	/* ... that came with a time, and of those so many this far from their arrival, in
	 * minutes, at half hours (> 0: the time is behind) */
	int64_t timed, shifted, shift_min;
	const char *foreign_id;		/* not own_id, but deliveries are for it; NULL */
	/* the person under whose id several wrote, by their names, in the last 20 messages by
	 * webhook within a week; NULL */
	const char *one_sender;
	int64_t one_names;		/* ... so many names */
	/* the newest event without a contact whose text is "warn: ...", unless a later one of
	 * its kind is none: kind, text, time; NULL */
	const char *told;
	const char *last_poll;		/* outcome, or NULL */
	int64_t token_expires_us;	/* of the refreshed token; 0 not known */
	bool had_messages;
	int64_t since_us;		/* the first delivery or poll; 0: there was none */
	bool polled_once;		/* a poll brought messages, or an empty list, some time */
	/* hours since webhooks stopped that came regularly; 0: they did not */
	int64_t silent_h;
	int64_t standby, inbound, echoes;	/* of the last 20 messages by webhook */
};

/* A check under way: the account (token in force) and where it says what it saw. */
struct checkup {
	const struct account *a;
	int step;		/* of the probe (judge only) */
	bool ru;		/* texts in Russian */
	const char *base;	/* address of the web programs; "" not known */
	char app[40];		/* finding.app of an earlier step; "" not known */
	struct check_facts facts;
	/* doctor's */
	void (*report)(struct checkup *c, unsigned int number, enum finding_status s,
	    const char *remedy, const char *text);
	void *arg;
};
/*
 * finding_set(f, status, en, ru, ...):
 * What was seen, in both languages, from the same arguments.  What somebody else said (a
 * provider, libcurl) is in guillemets in the Russian text and is not translated.
 */
void finding_set(struct finding *f, enum finding_status s, const char *en, const char *ru, ...)
    __attribute__((format(printf, 3, 5), format(printf, 4, 5)));
/* finding_both(f, status, en, ru): the same of texts that are made already. */
void finding_both(struct finding *f, enum finding_status s, const char *en, const char *ru);
/* finding_of(f, code): f (the caller's), once it has this code. */
struct finding *finding_of(struct finding *f, const char *code);
/* finding_fail(f, s, res): no answer came; finding_http: one came that is not good. */
void finding_fail(struct finding *f, enum finding_status s, const struct http_res *res);
void finding_http(struct finding *f, enum finding_status s, int status, const char *words);
/* check_seen(c, f): what was seen, in the language of the run. */
const char *check_seen(const struct checkup *c, const struct finding *f);
/* check_say(c, number, status, fmt...): one of this provider's numbers, or DMB_...  The
 * worst of several reports counts; equal ones are joined. */
void check_say(struct checkup *c, unsigned int number, enum finding_status s, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* check_cause: the same for a check that fails in more than one way; remedy fixes this one. */
void check_cause(struct checkup *c, unsigned int number, enum finding_status s, const char *remedy,
    const char *fmt, ...) PRINTF_LIKE(5, 6);
/* check_tr(c, en, ru): the text in the language of the run. */
const char *check_tr(const struct checkup *c, const char *en, const char *ru)
    __attribute__((format_arg(2), format_arg(3)));

/*
 * A line of doctor's table.  Numbers are published: none changes, none is used twice.
 * Each function is called for each account in use that is no mock; NULL: none.
 */
struct provider_check {
	unsigned int number;		/* DMB-nnn */
	const char *what[2];		/* what is checked: English, Russian */
	/* the same in a word or two, before the finding; NULL: what */
	const char *subject[2];
	const char *remedy[2];		/* how to fix it */
	const char *codes[4];		/* findings of probe_read that belong to it */
	bool reach;			/* the provider answers at all: failed connections, and
					 * findings whose code no check has.  Exactly one */
	/* what the configuration alone tells; also without network and database */
	void (*conf)(struct checkup *c);
	/* beside the questions to the provider; facts but for the ledger's are known */
	void (*asked)(struct checkup *c);
	/* what arrived; all facts are known */
	void (*ledger)(struct checkup *c);
	/* before finding f of one of codes is reported: may change it, or say more */
	void (*judge)(struct checkup *c, struct finding *f);
};

/* --- words ------------------------------------------------------------------- */

/* The sentences of the earlier system have these in them; earlier-system.md 3. */
struct provider_words {
	const char *mode;	/* "... Service initialized (CHATRACE API)" */
	const char *configured;	/* said at the start where there is a token; NULL */
	const char *from;	/* "Received webhook from ..." */
	const char *shape;	/* "Processing ...:", "Extracted data from ...:" */
	const char *item;	/* "... message processed" */
};

/* What a hint code of poll_state or send_result means, or how to fix a refused delivery whose
 * reason is the code (where the provider knows better than doctor): English, Russian. */
struct provider_hint {
	const char *code, *text[2];
};

/* What the steps at the provider need to know. */
struct setup_facts {
	bool ru;
	bool brief;		/* one paragraph (check-messages), else numbered steps (init) */
	const char *url;	/* webhook address */
	const char *own_id;	/* NULL unknown */
	const char *secret;	/* the KEY_VERIFY that init made up; NULL: do not show one */
	const char *handshake;	/* the KEY_HANDSHAKE; NULL */
};

/* Files that may be sent as one type of attachment. */
struct provider_file {
	const char *type;	/* image, video, audio, file */
	const char *mimes;	/* content types, a space between; "*": any */
	size_t max;		/* bytes */
};
/* provider_file_type(p, type, mime, max): as what it sends a file that is by its bytes of this
 * type: as that, else as "file"; NULL: not at all.  *max: how large it may be. */
const char *provider_file_type(
    const struct provider *p, const char *type, const char *mime, size_t *max);

struct provider {
	const char *name;	/* in addresses, columns, files: never changes */
	const char *title;	/* for people: "Green API" */
	enum channel channel;
	struct provider_words words;
	/* a member that a delivery of its has and others have not, and its value (NULL: any);
	 * path NULL: there is none */
	struct {
		const char *path, *value;
	} mark;

	/* --- what the core does differently for it */
	size_t text_max;	/* longest text of one message; 0 = no limit known */
	size_t (*text_limit)(const struct account *a);	/* where accounts differ; NULL: text_max */
	bool text_in_bytes;	/* unit of text_max: bytes, else characters */
	bool captions;		/* a text beside one attachment travels with it: one message */
	/* longest such text in characters, a longer one goes apart; 0: text_max */
	size_t caption_max;
	bool acts_on_message;	/* mark_seen and typing_on name a message of the contact's: the
				 * newest where the caller names none */
	bool templates;		/* outside the window a template goes (outmsg: an attachment of type
				 * "template" whose ref is its JSON) */
	bool text_split;	/* longer texts are split (else refused too_long) */
	/* A reply is allowed for so long after the contact's last message (0: always);
	 * checked before the network, shown as can_send_until. */
	unsigned int window_s;
	unsigned int window_human_s;	/* ... where a person writes (humanAgent); >= window_s */
	bool has_echo;		/* own sends come back: unknown can be settled */
	bool ascii;		/* its JSON is ASCII: other letters come as \uXXXX */
	bool many_accounts;	/* one body may be for several accounts: item.own_id decides */
	bool aliases;		/* a contact may have several ids (item.alias) */
	bool ids_per_chat;	/* message ids are unique within a chat only: it is in the key */
	/* Suffixes of the hosts that its media come from, NULL at the end: what has another
	 * address is a link of a customer's and never opened.  NULL: they are not known. */
	const char *const *media_hosts;
	/* ... that people's pictures come from; NULL: they are not kept */
	const char *const *picture_hosts;
	bool polls_reconcile;	/* a poll lists what is there, webhooks or not */
	bool polls_instead;	/* while it is polled it sends no webhooks (one queue) */
	unsigned int reconcile_s;	/* where it is not polled (webhooks): how often a check
				 * compares what is stored with its list all the same; 0: never */
	bool earlier;		/* the earlier system's own: useChatrace of its answers */
	bool probes;		/* a poll tries forms until one answers */
	unsigned int poll_s;	/* default of CHANNEL_POLL_SECONDS; 0: is never polled */
	unsigned int send_gap_ms;	/* least time between two sends of an account */
	unsigned int ask_gap_ms;	/* ... between two questions of doctor to one address */
	const char *signature_header;	/* a digest of the body, no secret: kept with the delivery,
					 * replay checks it again; NULL: credential is a secret */
	const char *sender;	/* an id such as contacts have: "70000000001@c.us" */

	/* --- tables, each with where its length is (sizeof t / sizeof *t beside it) */
	const struct provider_key *keys;
	const size_t *n_keys;
	const struct provider_sample *samples;
	const size_t *n_samples;
	const struct provider_check *checks;
	const size_t *n_checks;
	const struct provider_hint *hints;
	const size_t *n_hints;
	/* secrets that are in URLs or bodies under names of its own; registered at start */
	const struct log_pattern *masks;
	const size_t *n_masks;
	/* what it takes by its address; none: no files are sent */
	const struct provider_file *files;
	const size_t *n_files;

	/* --- configuration */
	/* claims(v): do the keys that are set speak of this provider? */
	enum claim (*claims)(const struct conf_values *v);
	/* configure(a, v): a->own, and what differs from the defaults of api_url, token,
	 * own_id, poll_s (conf.h).  Oddities: conf_warn, conf_fail. */
	void (*configure)(struct account *a, const struct conf_values *v);
	void (*unconfigure)(void *own);	/* frees what configure made */

	/* token_part(token): a part of the token that is as secret alone; NULL member: none. */
	const char *(*token_part)(const char *token);

	/* --- translating */
	/* verify(a, req, why): is the delivery authentic?  Over raw bytes, before any
	 * parsing, constant time.  RC_OK or RC_DENIED with a reason code in *why. */
	enum rc (*verify)(const struct account *a, const struct http_req *req, const char **why);
	/* sign(a, req): the other side of verify: the credential into req, whose body is
	 * set.  RC_OK; RC_NONE: none is configured. */
	enum rc (*sign)(const struct account *a, struct http_req *req);
	/* recipient(a, id, arena): the other side as messages know it, from what a person
	 * wrote; NULL: cannot be one.  NULL member: ids stay as they are. */
	const char *(*recipient)(const struct account *a, const char *id, struct mem_arena *arena);
	/* own_phone(a, p, n, arena): a's own phone, its digits, as the delivery p[0..n] tells it;
	 * NULL: it does not.  NULL member: none does. */
	const char *(*own_phone)(
	    const struct account *a, const char *p, size_t n, struct mem_arena *arena);
	/* setup(f, b): what to do at the provider.  brief: nothing where messages come anyhow. */
	void (*setup)(const struct setup_facts *f, struct buf *b);
	/* ticket(a, url, ru, b): a support ticket, up to the list of what was tried; NULL: it
	 * has no use for one. */
	void (*ticket)(const struct account *a, const char *url, bool ru, struct buf *b);
	/* subscribe(a, req): what `dmbox doctor --fix` does where finding "subscribed" failed. */
	enum rc (*subscribe)(const struct account *a, struct http_req *out);
	/* handshake: the provider's GET handshake; RC_OK with the answer, RC_DENIED. */
	enum rc (*handshake)(const struct account *a, const struct http_req *req, struct buf *out);
	/* handshake_query(a, challenge, out): the query of such a GET, the credential at its end,
	 * as doctor sends it.  RC_OK; RC_NONE: none is configured.  NULL member: the provider
	 * makes none. */
	enum rc (*handshake_query)(const struct account *a, const char *challenge, struct buf *out);
	/* owns(a, own_id): is own_id (item) the name of a group of accounts, and a one of it?
	 * Where no account is, the item stays with the one that was called.  NULL member:
	 * there are no such names. */
	enum owner (*owns)(const struct account *a, const char *own_id);
	/* parse: a webhook body.  RC_OK with items (n may be 0 with ignored counted);
	 * RC_INVALID: not understood at all (kept raw by the caller). */
	enum rc (*parse)(const struct account *a, const char *content_type, const char *p, size_t n,
	    struct itemv *out);
	/* parse_polled: the body of an answer to a poll (or fetch), as poll_read takes it,
	 * where that is not the shape of a webhook (NULL: it is): from spool and replay. */
	enum rc (*parse_polled)(const struct account *a, const char *content_type, const char *p,
	    size_t n, struct itemv *out);
	enum rc (*poll_build)(const struct account *a, struct poll_state *st, struct http_req *out);
	enum rc (*poll_read)(const struct account *a, const struct http_res *res,
	    struct poll_state *st, struct itemv *out);
	/* send_build: RC_OK, or RC_INVALID where this provider cannot send such a thing. */
	enum rc (*send_build)(
	    const struct account *a, const struct outmsg *m, struct http_req *out);
	enum rc (*send_read)(const struct account *a, const struct outmsg *m,
	    const struct http_res *res, struct send_result *out);
	/* upload: a file of ours is handed over before its message, which then names it by the
	 * id (att.ref, without att.url).  build: t (mime, bytes) lies at path; RC_NONE: it has
	 * to go by its address.  read: RC_OK with the id, else *out as send_read's, never
	 * unknown: no message went out.  NULL member: all files go by their addresses. */
	enum rc (*upload_build)(
	    const struct account *a, const struct att *t, const char *path, struct http_req *out);
	enum rc (*upload_read)(const struct account *a, const struct http_res *res,
	    char id[UPLOAD_ID_MAX], struct send_result *out);
	/* lookup: was a message of unknown outcome sent?  read: RC_OK with the ids of all
	 * that look like it, the oldest first (an equal message may be another row's);
	 * RC_NONE: not found (which proves nothing), RC_TEMP: no usable answer, RC_DENIED:
	 * refused, and asking again will hardly help;
	 * RC_DUP: ids has one place to look in: build again with it as look_in. */
	enum rc (*lookup_build)(
	    const struct account *a, const struct outmsg *m, struct http_req *out);
	enum rc (*lookup_read)(const struct account *a, const struct outmsg *m, int64_t since_us,
	    const struct http_res *res, struct strv *ids);
	/* templates: those that may be sent outside the window, page by page: {"name","language"}
	 * of each into the open array of out; after: where the next page begins, "" first and
	 * behind the last.  RC_TEMP: no usable answer, nothing is written. */
	enum rc (*templates_build)(
	    const struct account *a, const char *after, struct http_req *out);
	enum rc (*templates_read)(const struct account *a, const struct http_res *res,
	    struct jsonw *out, char after[CURSOR_MAX]);
	/* media: a file that is named by the provider's id (att.ref) and has no address of its
	 * own.  read: RC_OK with the request that fetches it (its credential in a header:
	 * the provider vouches for the host), RC_NONE: never, RC_TEMP: later; why says it. */
	enum rc (*media_build)(const struct account *a, const char *ref, struct http_req *out);
	enum rc (*media_read)(const struct account *a, const struct http_res *res,
	    struct http_req *out, char why[200]);
	/* fetch: one message by id (message_edit with num_edit 0), as items. */
	enum rc (*fetch_build)(const struct account *a, const char *id, struct http_req *out);
	enum rc (*fetch_read)(
	    const struct account *a, const char *id, const struct http_res *res, struct itemv *out);
	enum rc (*profile_build)(
	    const struct account *a, const char *contact, struct http_req *out);
	enum rc (*profile_read)(const struct account *a, struct http_res *res, struct profile *out);
	/* refresh: a new access token.  read: RC_OK with token and life in seconds. */
	enum rc (*refresh_build)(const struct account *a, struct http_req *out);
	enum rc (*refresh_read)(
	    const struct account *a, struct http_res *res, const char **token, int64_t *life_s);
	/* probes for doctor, step 0..; build: RC_NONE beyond the last. */
	enum rc (*probe_build)(const struct account *a, int step, struct http_req *out);
	enum rc (*probe_read)(
	    const struct account *a, int step, const struct http_res *res, struct finding *out);
	/* the next page of a step's list, after what the finding of the last one says; NULL: no
	 * step has pages */
	enum rc (*probe_more)(
	    const struct account *a, int step, const char *after, struct http_req *out);
};

/* The list, in its order, NULL at the end (provider/list.c). */
extern const struct provider *const providers[];
/* provider_by_name(s): NULL where there is none. */
const struct provider *provider_by_name(const char *name);
/*
 * provider_by_body(p, n):
 * The provider whose delivery the JSON p[0..n] is, by the mark of each; NULL: none, or no JSON.
 * For saying that a delivery came to another provider's address, never for reading one.
 */
const struct provider *provider_by_body(const char *p, size_t n);
/* provider_first(ch): the channel's first of the list: what an account of which nothing
 * else is known is taken for.  Never NULL. */
const struct provider *provider_first(enum channel ch);
/* provider_of(a): a's provider, also of a mock account; never NULL. */
const struct provider *provider_of(const struct account *a);
/* provider_called(a): the name in columns and answers: "mock" where nothing leaves. */
const char *provider_called(const struct account *a);
/* provider_hint(p, code, ru): its words for a code; NULL: it has none of its own. */
const char *provider_hint(const struct provider *p, const char *code, bool ru);
/* delivery_provider, delivery_provider_called: the same of a delivery. */
const struct provider *delivery_provider(const struct delivery *d);
const char *delivery_provider_called(const struct delivery *d);
/* provider_fault(p, why): what is missing or contradictory in p; false: nothing. */
bool provider_fault(const struct provider *p, char why[200]);

#endif
