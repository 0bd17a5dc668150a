#ifndef DMBOX_MODEL_PROVIDER_H
#define DMBOX_MODEL_PROVIDER_H

#include "model/conf.h"
#include "base/http.h"
#include "model/msg.h"
#include "base/rc.h"

/*
 * A provider is a pure translator: bytes in, structs out.  It builds and reads
 * requests and never performs them; so each operation is tested by a pair of
 * files.  A NULL member: not supported.  A new provider is one .c, one line in
 * provider.c, one folder in tests/data/.
 */

/* --- polling ------------------------------------------------------------- */

enum poll_outcome { POLL_EMPTY, POLL_MESSAGES, POLL_UNSUPPORTED, POLL_FAILED,
	POLL_BUSY, POLL_MOCK, POLL__MAX };
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
	bool probe;		/* try every form afresh: a person asks, or the hourly time */
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
	const char *action;		/* NULL, or mark_seen, typing_on, typing_off, react, unreact */
	const char *reaction;		/* for react */
	const char *look_in;		/* look-up, second step: the conversation found; else NULL */
};

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
	bool contact_blocked;	/* cannot be reached: mark the contact */
	bool retry_once;	/* SEND_REFUSED, but where this was the first attempt one more
				 * after retry_after_s is sensible (B.8: 2534022 although our
				 * last inbound is younger than a day) */
	bool doubt;		/* SEND_RETRY, but the provider may have sent it in spite of its error:
				 * an echo settles it, and it is looked for before the next try */
	bool unclear;		/* SEND_PAUSE, and nothing says whether the account or this one
				 * message is to blame: the pause grows, others are tried in between */
	bool again;		/* SEND_PAUSE, surely not sent; before it rests: build it again with
				 * a->proof + 1 (appsecret_proof, several secrets) */
	const char *hint;	/* static code of what mends it (bridge/hint.h); NULL none */
};

/* --- doctor probes ------------------------------------------------------- */
/* UNKNOWN is what a check is before it looked: ok is said by code that did. */
enum finding_status { FINDING_UNKNOWN, FINDING_OK, FINDING_WARN, FINDING_FAIL, FINDING__MAX };
extern const char *const finding_names[FINDING__MAX];
/* One probe's reading; code is the stable short name that doctor maps to DMB-nnn. */
struct finding {
	enum finding_status status;
	char code[40];		/* "token", "page_id", "subscribed", ... */
	char seen[600];		/* what was seen, masked */
};

/* A person's profile as the provider tells it; arena of the response. */
struct profile { const char *name, *username, *picture; };

struct provider {
	const char *name;
	size_t text_max;	/* longest text of one message; 0 = no limit known */
	bool text_in_bytes;	/* unit of text_max: bytes, else characters */
	bool captions;		/* a text beside one attachment travels with it: one message */
	bool text_split;	/* longer texts are split (else refused too_long) */
	bool window_24h;	/* the 24-hour window is checked before the network */
	bool has_echo;		/* own sends come back: unknown can be settled */

	/* verify(a, req, why): is the delivery authentic?  Over raw bytes, before any
	 * parsing, constant time.  RC_OK or RC_DENIED with a reason code in *why. */
	enum rc (*verify)(const struct account *a, const struct http_req *req, const char **why);
	/* greet: the provider's GET handshake; RC_OK with the answer, RC_DENIED. */
	enum rc (*greet)(const struct account *a, const struct http_req *req, struct buf *out);
	/* parse: a webhook body.  RC_OK with items (n may be 0 with ignored counted);
	 * RC_INVALID: not understood at all (kept raw by the caller). */
	enum rc (*parse)(const struct account *a, const char *content_type,
	    const char *p, size_t n, struct itemv *out);
	/* parse_polled: the body of an answer to a poll (or fetch), as poll_read takes it,
	 * where that is not the shape of a webhook (NULL: it is): from spool and replay. */
	enum rc (*parse_polled)(const struct account *a, const char *content_type,
	    const char *p, size_t n, struct itemv *out);
	enum rc (*poll_build)(const struct account *a, struct poll_state *st, struct http_req *out);
	enum rc (*poll_read)(const struct account *a, const struct http_res *res,
	    struct poll_state *st, struct itemv *out);
	/* send_build: RC_OK, or RC_INVALID where this provider cannot send such a thing. */
	enum rc (*send_build)(const struct account *a, const struct outmsg *m, struct http_req *out);
	enum rc (*send_read)(const struct account *a, const struct outmsg *m,
	    const struct http_res *res, struct send_result *out);
	/* lookup: was a message of unknown outcome sent?  read: RC_OK with the ids of all
	 * that look like it, the oldest first (an equal message may be another row's);
	 * RC_NONE: not found (which proves nothing), RC_TEMP: no usable answer,
	 * RC_DUP: ids has one place to look in: build again with it as look_in. */
	enum rc (*lookup_build)(const struct account *a, const struct outmsg *m, struct http_req *out);
	enum rc (*lookup_read)(const struct account *a, const struct outmsg *m,
	    int64_t since_us, const struct http_res *res, struct strv *ids);
	/* fetch: one message by id (message_edit with num_edit 0), as items. */
	enum rc (*fetch_build)(const struct account *a, const char *id, struct http_req *out);
	enum rc (*fetch_read)(const struct account *a, const char *id,
	    const struct http_res *res, struct itemv *out);
	enum rc (*profile_build)(const struct account *a, const char *contact, struct http_req *out);
	enum rc (*profile_read)(const struct account *a, struct http_res *res, struct profile *out);
	/* refresh: a new access token.  read: RC_OK with token and life in seconds. */
	enum rc (*refresh_build)(const struct account *a, struct http_req *out);
	enum rc (*refresh_read)(const struct account *a, struct http_res *res,
	    const char **token, int64_t *life_s);
	/* probes for doctor, step 0..; build: RC_NONE beyond the last. */
	enum rc (*probe_build)(const struct account *a, int step, struct http_req *out);
	enum rc (*probe_read)(const struct account *a, int step, const struct http_res *res,
	    struct finding *out);
};

extern const struct provider provider_chatrace, provider_graph, provider_greenapi,
    provider_mock;

const struct provider *provider_get(enum provider_id id);	/* never NULL */
const struct provider *provider_of(const struct account *a);	/* never NULL */
/* provider_behind(a): whose credentials and shapes its deliveries have: a mock account
 * takes in what the provider that it stands for would send. */
enum provider_id provider_behind(const struct account *a);

#endif
