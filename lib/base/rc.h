#ifndef DMBOX_BASE_RC_H
#define DMBOX_BASE_RC_H

/*
 * The closed set of results.  A function that can fail returns one of these
 * and leaves its outputs untouched unless it is RC_OK.  The function that turns
 * a foreign error (errno, SQLSTATE, CURLcode) into one logs it once; its callers pass
 * the code on without a second line.
 */
enum rc {
	RC_OK,		/* done */
	RC_NONE,	/* not there; 404 */
	RC_DUP,		/* was there already; a success */
	RC_INVALID,	/* the input is wrong; 400 or 422, never retried */
	RC_LIMIT,	/* too much or too often; 413 or 429 */
	RC_DENIED,	/* no or wrong credential; 401 or 403 */
	RC_TEMP,	/* not now; 503, retried */
	RC_PERM,	/* refused for good; 502, dead */
	RC_BUG,		/* our own fault; 500, logged with file and line */
	RC__MAX
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * rc_name(rc):
 * The lower-case name of a result for logs and JSON ("ok", "none", ...).
 * Returns a static string, never NULL.
 */
const char *rc_name(enum rc rc);

/*
 * rc_http(rc):
 * The one table from result to HTTP status.
 */
int rc_http(enum rc rc);

#endif
