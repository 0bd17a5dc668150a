#ifndef DMBOX_BASE_LOG_H
#define DMBOX_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/rc.h"

/*
 * One line a fact: text with the sentences of the earlier system (a prefix of
 * time, level and request id before them), or one JSON object a line.  What a
 * peer sent is escaped so that it cannot forge a line; registered secrets and
 * secret-looking URL parts become ***.
 *
 * The sink is one per process (a level, a format, a file); the request context
 * is one per thread.  These are the only globals of the library beside the
 * stop flag.  Lines of a request are gathered and written with one write(2) at
 * log_end, errors at once.
 */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG__MAX };

struct log_opts {
	enum log_level level;
	bool json;
	const char *file;	/* NULL: stderr */
	int64_t max_bytes;	/* rotate to FILE.1 beyond this; 0 = never */
	const char *program;	/* "webhook", "poll", ...; static */
};
/* log_open(o): (re)configure the sink.  A file that cannot be opened is reported
 * on stderr, which then takes the lines: the program goes on.  Strings copied. */
void log_open(const struct log_opts *o);
/* log_close(): closes the file; lines after it go to stderr. */
void log_close(void);
/* log_level(): for callers that build costly lines. */
enum log_level log_level(void);

/* log_begin(request_id) .. log_end(): the lines between belong to that request
 * of this thread.  Nesting is not supported; log_end without begin is legal. */
void log_begin(const char *request_id);
void log_end(void);
const char *log_request_id(void);	/* "" outside a request */
/* log_said(): this thread's request has a line in the log, by the level in force. */
bool log_said(void);

/* A request's lines while another thread may go on with it; {0}: of none. */
struct log_scope {
	bool on, said;
	char id[65];
	struct buf lines;
	size_t settled;		/* bytes of lines that show nothing they should not */
};
/* log_swap(s): the thread's request goes into s, the one of s becomes the thread's. */
void log_swap(struct log_scope *s);
/* log_hold() .. log_unhold(): this thread's requests that end between are written
 * together, with one write(2); errors at once all the same.  Not nested. */
void log_hold(void);
void log_unhold(void);

/* log_secret(s): mask every occurrence of s (8 or more bytes; shorter ones are
 * not registered) in all lines from now on.  Copied.  Thread-safe. */
void log_secret(const char *s);
/* log_secrets_reset(): forget and wipe them (configuration reload, exit). */
void log_secrets_reset(void);
/*
 * What may not be shown although nobody registered it.  Without at, starts is the name of a
 * secret: starts=VALUE, "starts":"VALUE".  With at: at(p, n) says how many bytes at p, which
 * begin with starts (in either case), stand before the value; 0: it is none.  A value ends
 * at white space, a quote, '/', '?', '&' and the like.
 */
struct log_pattern {
	const char *starts;	/* 2 bytes or more */
	size_t (*at)(const char *p, size_t n);
};
/* log_pattern(p): from now on; p lives for ever.  At most 32, twice is once. */
void log_pattern(const struct log_pattern *p);
/* log_mask(p, n, out, cap): the text as a log line would show it: registered
 * secrets, secret=, access_token=, hub.verify_token=, registered patterns
 * masked; control characters escaped.  For poll_runs.attempts, error texts. */
void log_mask(const char *p, size_t n, char *out, size_t cap);

/* log_error, log_warn, log_info, log_debug(fmt, ...): one line each, masked; errno is kept. */
void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* LOG_BUG("...", ...), by log_bug: an error line with file and line, for RC_BUG. */
void log_bug(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define LOG_BUG(...) log_bug(__FILE__, __LINE__, __VA_ARGS__)

#endif
