#ifndef DMBOX_DOCTOR_WEB_H
#define DMBOX_DOCTOR_WEB_H

#include <netdb.h>
#include "doctor/doctor.h"

/* What the files of doctor's web part share: web.c, self.c (test deliveries), address.c. */
struct piece;
enum self_kind { SELF_ASCII, SELF_CYRILLIC, SELF_SIZE, SELF_CHUNKED, SELF_MIXED, SELF_PIECE };

struct self {
	struct doctor *d;
	const struct account *a;
	enum self_kind kind;
	size_t size;
	const struct piece *piece;	/* SELF_PIECE; self.c's */
	char credential[64];	/* the header that proves it; "" none */
	char rid[48];
	char there[72];		/* the id that it has in the ledger: rid, or a proxy's */
	char *body;
	size_t body_n;
	bool answered, ours, spooled, told, retried;
	int status, now_and_then;	/* now_and_then: somebody's first answer, 5xx; 0 none */
	enum http_fail fail;
	/* as the ledger has it */
	bool in_ledger, changed, text_ok;
	char reason[64];
};

struct endpoint {
	struct doctor *d;
	const char *what;
	int want;
	const char *method, *path;
	int now_and_then;		/* as in struct self */
	bool webhook;			/* the webhook of channel */
	enum channel channel;
	char rid[48];
};

struct web {
	bool up;			/* dmbox answers at the address */
	bool other_ids;			/* a proxy puts ids of its own in the place of ours */
	char first_id[72];		/* the first such id; "" none */
	struct self **self;		/* each in the arena */
	size_t n_self, sent, n_answered;
	struct endpoint ends[16];
	size_t n_ends, silent, hooks_silent;	/* of them */
	size_t now_and_then;	/* calls that were refused and, once more, answered */
	unsigned int serial;
	int auth_status;		/* of the call with a token of ours; 0 not asked */
	bool auth_other_key;		/* it arrived, and their key is another one */
	int64_t first_ms, slow_ms;	/* the first answer, alone; the slowest of all */
	int64_t fast_ms;		/* the fastest of all */
	char host[300];
	/* the resolver may outlive the run: what it writes to is never freed */
	struct gaicb *gai;
};

#define DOCTOR_AGENT "dmbox-doctor"

/* --- request.c ---------------------------------------------------------------- */
/* doctor_web_id(d, rid): the id of the next request of this run. */
void doctor_web_id(struct doctor *d, char rid[48]);
/* doctor_web_begin(d, r, method, path, rid, agent): a request to the address under test. */
void doctor_web_begin(struct doctor *d, struct http_req *r, const char *method, const char *path,
    const char *rid, const char *agent);
/* doctor_web_header(r, name, value): adds a header of our own making. */
void doctor_web_header(struct http_req *r, const char *name, const char *value);
/* doctor_web_ours(d, res, rid): did dmbox answer this request, and nobody before it? */
bool doctor_web_ours(const struct doctor *d, const struct http_res *res, const char *rid);
/* doctor_web_health(res): is it what only /health of dmbox says? */
bool doctor_web_health(const struct http_res *res);
/* doctor_web_said_id(res, out): the request id that a JSON answer of dmbox's holds; false:
 * it holds none. */
bool doctor_web_said_id(const struct http_res *res, char out[72]);
/* doctor_web_slowest(d, res): notes how long an answer took. */
void doctor_web_slowest(struct doctor *d, const struct http_res *res);

/* doctor_web_now_and_then(d, status): the same call got this from somebody before dmbox, and
 * dmbox's answer when it was made once more. */
void doctor_web_now_and_then(struct doctor *d, int status);

/* --- self.c ------------------------------------------------------------------- */
/* doctor_self_start(d): the test deliveries, a few at a time. */
void doctor_self_start(struct doctor *d);
/* doctor_self_judge(d): what became of them, in the answers and in the tables. */
void doctor_self_judge(struct doctor *d);
/* doctor_self_posted(d): 504 and 509 where nothing was wrong, or nothing was sent. */
void doctor_self_posted(struct doctor *d);

/* --- address.c ---------------------------------------------------------------- */
/* doctor_address_start(d): judges what DMBOX_PUBLIC_URL says, and looks its name up. */
void doctor_address_start(struct doctor *d);
/* doctor_address_end(d): where the name leads, and whether anybody called from outside. */
void doctor_address_end(struct doctor *d);

#endif
