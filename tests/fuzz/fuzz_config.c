/* KEY=value files and database addresses: the reader itself, and a whole load
 * from a file (every fourth input: it costs system calls). */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "model/dburl.h"
#include "base/envfile.h"
#include "base/log.h"

static void
on_line(void *arg, unsigned int line, const char *key, const char *value, const char *why)
{
	unsigned int *last = arg;

	MUST(line >= *last);
	*last = line;
	MUST(why != NULL || (key != NULL && value != NULL));
	if (why == NULL)
		MUST(strchr(value, '\n') == NULL || strchr(value, '\n') != value + strlen(value));
}

static void
database(const char *s)
{
	char why[160] = "", *out = NULL, *pw;

	if (dburl_make(s, &out, why) == RC_OK)
		MUST(out != NULL);
	else
		MUST(why[0] != '\0');
	mem_free_secret(out);
	pw = dburl_password(s);
	mem_free_secret(pw);
	out = dburl_from_parts(s, "5432", "u", s, "d");
	mem_free_secret(out);
}

static void
whole(const char *p, size_t n)
{
	static char path[256];
	struct conf *c = NULL;
	enum rc rc;
	int fd;

	if (path[0] == '\0')
		fuzz_path("env", path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	MUST(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
	rc = conf_load(CONF_TOOL, path, &c);
	MUST(c != NULL && (rc == RC_OK) == (c->n_errors == 0));
	for (size_t i = 0; conf_key(i) != NULL; i++) {
		const char *value, *from;

		conf_value(c, i, &value, &from);
		MUST(value != NULL && from != NULL);
		MUST(!conf_key(i)->secret || strcmp(from, "default") == 0 ||
		    strcmp(value, "***configured***") == 0);
	}
	MUST(conf_account(c, CHANNEL_INSTAGRAM, NULL) != NULL);
	conf_drop(c);
	unlink(path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct food f = { (const char *)p, n };
	unsigned char how = food_byte(&f);
	unsigned int last = 0;
	char *s = food_rest(&f);

	log_open(&(struct log_opts){ .level = LOG_ERROR, .program = "fuzz" });
	envfile_parse(s, f.n, on_line, &last);
	database(s);
	if (how % 4 == 0)
		whole(s, f.n);
	free(s);
	return 0;
}
