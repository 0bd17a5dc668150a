/*
 * Profiles of people who wrote: asked once a month, refusals remembered, a bad
 * token ends the account's turn, two hosts ask for each person once.  A small
 * web server in a thread of this program is the Graph API.
 */
#include "provider/list.h"
#include "dbtest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "extern/httpc.h"
#include "task/task.h"
#include "base/str.h"

static int port, hits;

static void
say(int fd, const char *status, const char *body)
{
	dprintf(fd, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\n"
	    "Content-Length: %zu\r\n\r\n%s", status, strlen(body), body);
}

/* The id in the path says what happens to the contact that has it. */
static void
answer(int fd, const char *req)
{
	if (strstr(req, "/65001"))
		say(fd, "200 OK", "{\"name\":\"Ана\",\"username\":\"ana\",\"profile_pic\":\"https://cdn.example.com/1\"}");
	else if (strstr(req, "/65002"))
		say(fd, "200 OK", "{\"username\":\"bo\",\"name\":null}");
	else if (strstr(req, "/65230"))
		say(fd, "400 Bad", "{\"error\":{\"message\":\"User consent is required\",\"code\":230}}");
	else if (strstr(req, "/65190"))
		say(fd, "400 Bad", "{\"error\":{\"message\":\"expired\",\"type\":\"OAuthException\",\"code\":190,\"error_subcode\":463}}");
	else
		say(fd, "500 Oops", "x");
}

static void *
serve(void *arg)
{
	int ls = *(int *)arg;

	for (;;) {
		char req[4096];
		int fd = accept(ls, NULL, NULL);
		ssize_t n;

		if (fd < 0)
			return NULL;
		n = read(fd, req, sizeof req - 1);
		if (n > 0) {
			req[n] = '\0';
			hits++;
			answer(fd, req);
		}
		close(fd);
	}
}

static void
server_start(void)
{
	static int ls;
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sa;
	pthread_t t;

	ls = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(ls, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(ls, 16), 0);
	assert_int_equal(getsockname(ls, (struct sockaddr *)&sa, &len), 0);
	port = ntohs(sa.sin_port);
	assert_int_equal(pthread_create(&t, NULL, serve, &ls), 0);
	pthread_detach(t);
}

static struct db *db;
static char api[64], name[] = "main", token[] = "IGAAtoken12345", own[] = "17841400000000001";
static struct account acc = { .name = name, .channel = CHANNEL_INSTAGRAM, .provider = &provider_graph,
    .api_url = api, .token = token, .own_id = own };
static struct conf conf = { .accounts = &acc, .n_accounts = 1, .refs = 1000 };

static void
wrote(const char *contact, const char *mid)
{
	struct delivery d;

	dbt_delivery(&d);
	dbt_message(&d, contact, mid, "hi", clock_now_us() - 60 * SECOND);
	dbt_store(db, &d);
	delivery_free(&d);
}

static size_t
run(void)
{
	struct httpc *h = httpc_new(NULL);
	struct task_run *p = task_new(&task_profile, h);
	size_t n = task_start(p, &(const struct task_env){ .db = db, .conf = &conf });

	httpc_run(h);
	assert_int_equal(p->alive, 0);
	task_free(p);
	httpc_free(h);
	return n;
}

static void
is(const char *contact, const char *column, const char *want)
{
	char q[200];

	snprintf(q, sizeof q, "select (%s)::text from dmbox.contacts where external_id = '%s'", column, contact);
	dbt_is(db, q, want);
}

static int
setup(void **st)
{
	(void)st;
	dbt_clean(db);
	hits = 0;
	return 0;
}

static void
test_names(void **st)
{
	(void)st;
	wrote("65001", "m1");
	wrote("65002", "m2");
	wrote("65230", "m3");
	assert_int_equal(run(), 1);
	assert_int_equal(hits, 3);
	is("65001", "name", "Ана");
	is("65001", "username", "ana");
	is("65001", "picture_url", "https://cdn.example.com/1");
	is("65001", "profile_state", "ok");
	is("65002", "name", NULL);
	is("65002", "username", "bo");
	is("65230", "profile_state", "refused");
	wrote("65001", "m4");
	assert_int_equal(run(), 0);		/* a month's rest, refusals too */
	assert_int_equal(hits, 3);
	assert_int_equal(db_script(db, "update dmbox.contacts set profile_at = now() - interval '31 days'"
	    " where external_id = '65001'"), RC_OK);
	assert_int_equal(run(), 1);
	assert_int_equal(hits, 4);
}

/* A passing trouble comes again after an hour, not before. */
static void
test_trouble(void **st)
{
	(void)st;
	wrote("65500", "m1");
	assert_int_equal(run(), 1);
	assert_int_equal(run(), 0);
	is("65500", "profile_at between now() - interval '30 days' and"
	    " now() - interval '29 days 22 hours'", "true");
}

/* An expired token: one question, the others are left for later. */
static void
test_token(void **st)
{
	(void)st;
	for (int i = 0; i < 5; i++) {
		char c[20], m[20];

		snprintf(c, sizeof c, "65190%d", i);
		snprintf(m, sizeof m, "m%d", i);
		wrote(c, m);
	}
	assert_int_equal(run(), 1);
	assert_int_equal(hits, 1);
	assert_int_equal(run(), 0);
	is("651903", "profile_state", "denied");
}

static void
test_cut(void **st)
{
	struct httpc *h = httpc_new(NULL);
	struct task_run *p = task_new(&task_profile, h);

	(void)st;
	wrote("65001", "m1");
	wrote("65002", "m2");
	assert_int_equal(task_start(p, &(const struct task_env){ .db = db, .conf = &conf }), 1);
	assert_int_equal(task_start(p, &(const struct task_env){ .db = db, .conf = &conf }), 0);	/* one flow an account */
	task_stop(p);
	httpc_abort(h);
	assert_int_equal(p->alive, 0);
	task_free(p);
	httpc_free(h);
	dbt_is(db, "select count(*)::text from dmbox.contacts where profile_state = 'ok'", "0");
	assert_int_equal(run(), 1);			/* claims were given back */
	dbt_is(db, "select count(*)::text from dmbox.contacts where profile_state = 'ok'", "2");
}

static void
test_not_asked(void **st)
{
	(void)st;
	wrote("65001", "m1");
	acc.use_mock = true;
	assert_int_equal(run(), 0);
	acc.use_mock = false;
	acc.provider = &provider_greenapi;
	assert_int_equal(run(), 0);
	acc.provider = &provider_graph;
	assert_int_equal(db_script(db, "insert into dmbox.account_state (account, channel, pause_until)"
	    " values ('main', 'instagram', now() + interval '1 hour')"), RC_OK);
	assert_int_equal(run(), 0);
	assert_int_equal(hits, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_trouble, setup),
		cmocka_unit_test_setup(test_token, setup),
		cmocka_unit_test_setup(test_cut, setup),
		cmocka_unit_test_setup(test_not_asked, setup),
	};
	int rc;

	db = dbt_open();
	server_start();
	snprintf(api, sizeof api, "http://127.0.0.1:%d", port);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return rc;
}
