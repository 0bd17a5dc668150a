#ifndef DMBOX_CMD_H
#define DMBOX_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/conf.h"
#include "base/rc.h"

/*
 * What the sub-commands of dmbox have in common.  A sub-command is a file
 * cmd_NAME.c that defines one struct cmd, a declaration here and a line in the
 * table of dmbox.c.
 */

/* Exit statuses (contract.md 6). */
enum { CMD_OK = 0, CMD_WARN = 1, CMD_FAIL = 2, CMD_USAGE = 64 };

enum cmd_lang { CMD_EN, CMD_RU, CMD_LANG__MAX };

struct cmd {
	const char *name;
	/* argv[0] is the name; optind is reset.  Returns the exit status. */
	int (*run)(int argc, char **argv);
	const char *brief[CMD_LANG__MAX];	/* one line */
	const char *usage[CMD_LANG__MAX];	/* "usage: dmbox NAME ..." and more */
	const char *examples;			/* calls, a line each */
};

extern const struct cmd cmd_config, cmd_doctor, cmd_init, cmd_migrate, cmd_outbox, cmd_purge,
    cmd_replay, cmd_tail, cmd_token, cmd_trigger, cmd_user, cmd_why;

/*
 * cmd_tr(en, ru): the text in the person's language: DMBOX_LANG, else what the
 * configuration says (once cmd_conf was called), else the locale; English by
 * default.  Both have the same conversions where they are formats.
 */
const char *cmd_tr(const char *en, const char *ru) __attribute__((format_arg(1), format_arg(2)));
/* cmd_lang(): the language that cmd_tr chooses. */
enum cmd_lang cmd_lang(void);

/* cmd_error(fmt, ...): "dmbox NAME: ..." and a newline on stderr. */
void cmd_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* cmd_usage(c): its usage on stderr.  Returns CMD_USAGE. */
int cmd_usage(const struct cmd *c);
/*
 * cmd_conf(out):
 * The configuration as tools find it, its secrets registered, the log open.
 * Errors in it are printed on stderr.
 *
 * Returns  RC_OK; RC_INVALID (nothing to drop): the command ends with CMD_FAIL.
 * Owns     *out: conf_drop().
 */
enum rc cmd_conf(struct conf **out) MUST_CHECK;
/* cmd_conf_issues(c): the issues of a configuration as lines on stderr. */
void cmd_conf_issues(const struct conf *c);
/*
 * cmd_db(o):
 * A handle on a database whose schema is new enough; one that cannot be asked
 * shows at its first use.
 *
 * Returns  NULL where it is older, or not there: said, the command ends with CMD_FAIL.
 * Owns     the handle: db_free().
 */
struct db_opts;
struct db *cmd_db(const struct db_opts *o);
/*
 * cmd_json(w):
 * The finished JSON text of w and a newline on stdout; w's buf is wiped and freed.
 *
 * Returns  CMD_OK; CMD_FAIL (said on stderr, nothing printed) where the text is too large:
 *          dmbox then ends with it, whatever the command returns.
 */
struct jsonw;
int cmd_json(struct jsonw *w);
/* cmd_duration_s(s, out): "90", "90s", "15m", "8h", "30d" as seconds, a hundred years at most;
 * RC_INVALID otherwise. */
enum rc cmd_duration_s(const char *s, long long *out) MUST_CHECK;
/* cmd_when(s, out): a moment as microseconds: 2026-11-22T10:15:00Z, 2026-11-22,
 * 10:15 or 10:15:30 (the last one in UTC, as in the log), 2h (ago), or as people and
 * the page write it, in local time: 22.11.2026 10:15, 22.11. 10:15, 2026-11-22 10:15,
 * yesterday 10:15.
 * RC_INVALID: none of them. */
enum rc cmd_when(const char *s, int64_t *out) MUST_CHECK;
/* cmd_asked(q, out, cap): what is meant by a question's words as people copy them: without
 * blanks, quotes and labels, a link of WhatsApp or Instagram as a number or @name. */
void cmd_asked(const char *q, char *out, size_t cap);

#endif
