/* dmbox config: every key, its value and where it comes from.  Works on a
 * configuration with errors too: that is when it is needed. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "extern/jsonw.h"
#include "model/provider.h"

static void
print_key(const char *name, const char *value, const char *from)
{
	if (*value == '\0')
		printf("%-28s %s\n", name, cmd_tr("not set", "не задано"));
	else
		printf("%-28s %s  (%s)\n", name, value, from);
}

/* The name of the i-th account file, each once; accounts stand sorted. */
static bool
own_file(const struct conf *c, size_t i)
{
	const struct account *a = &c->accounts[i];

	return !str_eq(a->name, "main") && (i == 0 || !str_eq(a->name, c->accounts[i - 1].name));
}

static void
print_text(const struct conf *c)
{
	const struct conf_key_info *k;
	const char *v, *from;

	printf("# %s\n", c->file != NULL ? c->file : cmd_tr("no file", "файла нет"));
	for (size_t i = 0; (k = conf_key(i)) != NULL; i++) {
		conf_value(c, i, &v, &from);
		print_key(k->name, v,
		    str_eq(from, "default")	    ? cmd_tr("default", "по умолчанию") :
			str_eq(from, "environment") ? cmd_tr("environment", "окружение") :
						      from);
	}
	for (size_t n = 0; n < c->n_accounts; n++) {
		if (!own_file(c, n))
			continue;
		printf("\n# %s (%s)\n", c->accounts[n].name, c->accounts[n].file);
		for (size_t i = 0; (k = conf_key(i)) != NULL; i++)
			if (conf_account_value(c, c->accounts[n].name, i, &v, &from))
				print_key(k->name, v, from);
	}
}

static void
json_key(struct jsonw *w, const char *account, const char *name, const char *v, const char *from)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "key", name);
	jsonw_str(w, "account", account);
	jsonw_str(w, "value", *v != '\0' ? v : NULL);
	jsonw_str(w, "from", from);
	jsonw_end(w);
}

static void
json_accounts(struct jsonw *w, const struct conf *c)
{
	jsonw_array(w, "accounts");
	for (size_t i = 0; i < c->n_accounts; i++) {
		const struct account *a = &c->accounts[i];

		jsonw_object(w, NULL);
		jsonw_str(w, "account", a->name);
		jsonw_str(w, "channel", channel_names[a->channel]);
		jsonw_str(w, "provider", provider_called(a));
		jsonw_str(w, "file", a->file);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void
print_json(const struct conf *c)
{
	const struct conf_key_info *k;
	const char *v, *from;
	struct jsonw w;
	struct buf b;

	buf_init(&b, 16 * 1024 * 1024);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "file", c->file);
	jsonw_array(&w, "keys");
	for (size_t i = 0; (k = conf_key(i)) != NULL; i++) {
		conf_value(c, i, &v, &from);
		json_key(&w, "main", k->name, v, from);
	}
	for (size_t n = 0; n < c->n_accounts; n++)
		for (size_t i = 0; own_file(c, n) && (k = conf_key(i)) != NULL; i++)
			if (conf_account_value(c, c->accounts[n].name, i, &v, &from))
				json_key(&w, c->accounts[n].name, k->name, v, from);
	jsonw_end(&w);
	json_accounts(&w, c);
	jsonw_array(&w, "issues");
	for (size_t i = 0; i < c->n_issues; i++) {
		jsonw_object(&w, NULL);
		jsonw_bool(&w, "error", c->issues[i].error);
		jsonw_str(&w, "text", c->issues[i].text);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_end(&w);
	(void)cmd_json(&w);
}

static int
run(int argc, char **argv)
{
	static const struct option options[] = { { "check", 0, NULL, 'c' },
		{ "json", 0, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	bool check = false, json = false, bad;
	struct conf *c;
	int o, status;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			check = true;
			break;
		case 'j':
			json = true;
			break;
		default:
			return cmd_usage(&cmd_config);
		}
	}
	if (optind != argc)
		return cmd_usage(&cmd_config);
	bad = conf_load(CONF_TOOL, NULL, &c) != RC_OK;
	for (size_t i = 0; check && i < c->n_issues; i++)
		bad |= c->issues[i].error;
	if (json)
		print_json(c);
	else if (!check)
		print_text(c);
	cmd_conf_issues(c);
	status = bad ? CMD_FAIL : check && c->n_issues > 0 ? CMD_WARN : CMD_OK;
	if (check && !json && c->n_issues == 0)
		printf(cmd_tr("%s: no objections\n", "%s: замечаний нет\n"),
		    c->file != NULL ? c->file : cmd_tr("environment", "окружение"));
	conf_drop(c);
	return status;
}

const struct cmd cmd_config = { "config", run,
	{ "show every key, its value and its source", "показать каждый ключ, значение и источник" },
	{ "usage: dmbox config [--check] [--json]\n\n"
	  "Prints every key, its value (secrets masked) and where it comes from.  --check\n"
	  "prints only what is wrong or odd: exit status 2 for errors, 1 for warnings.",
	    "вызов: dmbox config [--check] [--json]\n\n"
	    "Печатает каждый ключ, его значение (секреты скрыты) и откуда оно взято.\n"
	    "--check печатает только ошибки и замечания: код 2 при ошибках, 1 при замечаниях." },
	"  dmbox config --check\n"
	"  dmbox config | grep LOG\n" };
