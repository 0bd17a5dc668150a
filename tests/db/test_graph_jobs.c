/*
 * Token refresh and fetching by id against a database and a small HTTP server
 * of this test: when they are due, what is asked, what is stored, and that a
 * refusal costs nothing.
 */
#include "provider/list.h"
#include "dbtest.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/conf.h"
#include "extern/httpc.h"
#include "bridge/ingest.h"
#include "task/task.h"
#include "store/state.h"
#include "base/str.h"

#define OWN "17841400000000001"
#define ANA "6500000000000001"

/* --- a server that answers every request with the same --------------------------- */

static struct {
	int fd, port;
	pthread_t thread;
	pthread_mutex_t lock;
	int status;
	const char *body;
	int hits;
	char request[8192];	/* the last one's head */
} srv = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
serve_one(int c)
{
	char out[4096];
	size_t n = 0;
	ssize_t k;

	pthread_mutex_lock(&srv.lock);
	memset(srv.request, 0, sizeof(srv.request));
	while (n < sizeof(srv.request) - 1 && strstr(srv.request, "\r\n\r\n") == NULL &&
	    (k = read(c, srv.request + n, sizeof(srv.request) - 1 - n)) > 0)
		n += (size_t)k;
	srv.hits++;
	n = (size_t)snprintf(out, sizeof(out), "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s", srv.status, strlen(srv.body), srv.body);
	pthread_mutex_unlock(&srv.lock);
	k = write(c, out, n);
	(void)k;
	close(c);
}

static void *
serve(void *arg)
{
	int c;

	(void)arg;
	while ((c = accept(srv.fd, NULL, NULL)) >= 0)
		serve_one(c);
	return NULL;
}

static int
server_start(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	(void)state;
	srv.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(srv.fd, (struct sockaddr *)&a, n) != 0 || listen(srv.fd, 16) != 0 ||
	    getsockname(srv.fd, (struct sockaddr *)&a, &n) != 0)
		return -1;
	srv.port = ntohs(a.sin_port);
	return pthread_create(&srv.thread, NULL, serve, NULL);
}

static int
server_stop(void **state)
{
	(void)state;
	shutdown(srv.fd, SHUT_RDWR);
	pthread_join(srv.thread, NULL);
	close(srv.fd);
	return 0;
}

static void
answer(int status, const char *body)
{
	pthread_mutex_lock(&srv.lock);
	srv.status = status;
	srv.body = body;
	srv.hits = 0;
	srv.request[0] = '\0';
	pthread_mutex_unlock(&srv.lock);
}

/* --- the fixture -------------------------------------------------------------------- */

struct fix {
	struct db *db;
	struct httpc *h;
	struct account a;
	struct conf conf;
	char url[64];
};

static void
fix_open(struct fix *x)
{
	memset(x, 0, sizeof(*x));
	x->db = dbt_open();
	dbt_clean(x->db);
	x->h = httpc_new(NULL);
	snprintf(x->url, sizeof(x->url), "http://127.0.0.1:%d", srv.port);
	x->a = (struct account){ .name = (char *)"main", .channel = CHANNEL_INSTAGRAM,
		.provider = &provider_graph, .api_url = x->url, .token = (char *)"IGAAconfigured",
		.own_id = (char *)OWN };
	x->conf = (struct conf){ .accounts = &x->a, .n_accounts = 1, .refs = 1 };
}

static void
fix_close(struct fix *x)
{
	httpc_free(x->h);
	db_free(x->db);
}

static size_t
token_run(struct fix *x)
{
	struct task_run *t = task_new(&task_token, x->h);
	size_t n = task_start(t, &(const struct task_env){ .db = x->db, .conf = &x->conf }), done;

	httpc_run(x->h);
	assert_int_equal(t->alive, 0);
	done = t->done;
	assert_true(done <= n);
	task_free(t);
	return done;
}

static size_t
fetch_run(struct fix *x)
{
	struct task_run *f = task_new(&task_fetch, x->h);
	size_t done;

	task_start(f, &(const struct task_env){ .db = x->db, .conf = &x->conf });
	httpc_run(x->h);
	assert_int_equal(f->alive, 0);
	done = f->done;
	task_free(f);
	return done;
}

static void
sql_do(struct db *db, const char *s)
{
	if (db_script(db, s) != RC_OK)
		fail_msg("%s: %s", s, db_error(db));
}

#define NEW_TOKEN "{\"access_token\":\"IGAArefreshed\",\"token_type\":\"bearer\",\"expires_in\":5184000}"

static void
token_life(void **state)
{
	struct fix x;

	(void)state;
	fix_open(&x);
	answer(200, NEW_TOKEN);
	/* seen for the first time: of unknown age, not asked for yet */
	assert_int_equal(token_run(&x), 0);
	assert_int_equal(srv.hits, 0);
	dbt_is(x.db, "select token from dmbox.account_state", NULL);

	/* a day later it surely is a day old */
	sql_do(x.db, "update dmbox.account_state set token_since = now() - interval '25 hours'");
	assert_int_equal(token_run(&x), 1);
	assert_int_equal(srv.hits, 1);
	assert_non_null(strstr(srv.request, "GET /refresh_access_token?grant_type=ig_refresh_token&access_token=IGAAconfigured "));
	dbt_is(x.db, "select token from dmbox.account_state", "IGAArefreshed");
	dbt_is(x.db, "select (token_expires_at between now() + interval '59 days' and now() + interval '60 days')::text"
	    " from dmbox.account_state", "true");

	/* not again before half life; then with the new token */
	sql_do(x.db, "update dmbox.account_state set token_tried_at = now() - interval '2 days',"
	    " token_since = now() - interval '20 days', token_expires_at = now() + interval '40 days'");
	assert_int_equal(token_run(&x), 0);
	sql_do(x.db, "update dmbox.account_state set token_since = now() - interval '31 days', token_expires_at = now() + interval '29 days'");
	assert_int_equal(token_run(&x), 1);
	assert_int_equal(srv.hits, 2);
	assert_non_null(strstr(srv.request, "access_token=IGAArefreshed "));
	fix_close(&x);
}

static void
token_refused(void **state)
{
	struct fix x;

	(void)state;
	fix_open(&x);
	answer(400, "{\"error\":{\"message\":\"no\",\"type\":\"IGApiException\",\"code\":100}}");
	token_run(&x);
	sql_do(x.db, "update dmbox.account_state set token_since = now() - interval '3 days'");
	assert_int_equal(token_run(&x), 0);
	assert_int_equal(srv.hits, 1);
	dbt_is(x.db, "select token from dmbox.account_state", NULL);	/* the old one stays in force */
	assert_int_equal(token_run(&x), 0);
	assert_int_equal(srv.hits, 1);	/* once a day */
	sql_do(x.db, "update dmbox.account_state set token_tried_at = now() - interval '25 hours'");
	answer(200, NEW_TOKEN);
	assert_int_equal(token_run(&x), 1);
	fix_close(&x);
}

static void
token_replaced(void **state)
{
	struct state_account st = {0};
	struct fix x;

	(void)state;
	fix_open(&x);
	answer(200, NEW_TOKEN);
	token_run(&x);
	sql_do(x.db, "update dmbox.account_state set token_since = now() - interval '3 days'");
	assert_int_equal(token_run(&x), 1);
	/* an expired refreshed token is not in force any more */
	sql_do(x.db, "update dmbox.account_state set token_expires_at = now() - interval '1 minute'");
	assert_int_equal(state_get(x.db, CHANNEL_INSTAGRAM, "main", &st), RC_OK);
	assert_null(st.token);
	state_account_free(&st);
	sql_do(x.db, "update dmbox.account_state set token_expires_at = now() + interval '9 days'");
	/* the operator's new one wins over what was made of the old one */
	x.a.token = (char *)"IGAAbyTheOperator";
	assert_int_equal(state_get(x.db, CHANNEL_INSTAGRAM, "main", &st), RC_OK);
	assert_non_null(st.token);
	assert_string_equal(state_token(&x.a, &st), "IGAAbyTheOperator");	/* at once, not at the next run */
	state_account_free(&st);
	answer(200, NEW_TOKEN);
	assert_int_equal(token_run(&x), 0);
	dbt_is(x.db, "select token from dmbox.account_state", NULL);
	assert_int_equal(srv.hits, 0);
	/* a Page token has no refresh and no row */
	dbt_clean(x.db);
	x.a.token = (char *)"EAApage";
	assert_int_equal(token_run(&x), 0);
	assert_int_equal(dbt_i64(x.db, "select count(*) from dmbox.account_state"), 0);
	fix_close(&x);
}

/* The announcement, by the webhook. */
static void
announce(struct fix *x, const char *mid)
{
	struct delivery d, *v = &d;
	struct buf b;

	buf_init(&b, 4096);
	buf_printf(&b, "{\"object\":\"instagram\",\"entry\":[{\"id\":\"" OWN "\",\"messaging\":[{\"timestamp\":%lld,"
	    "\"message_edit\":{\"mid\":\"%s\",\"num_edit\":0}}]}]}",
	    (long long)(clock_now_us() / 1000), mid);
	dbt_delivery(&d);
	assert_int_equal(provider_of(&x->a)->parse(&x->a, NULL, b.p, b.n, &d.items), RC_OK);
	assert_int_equal(ingest(x->db, NULL, &v, 1), RC_OK);
	delivery_free(&d);
	buf_free(&b);
}

static void
fetched(void **state)
{
	struct fix x;

	(void)state;
	fix_open(&x);
	answer(200, "{\"id\":\"M20\",\"created_time\":\"2026-07-12T19:11:07+0000\",\"from\":{\"id\":\"" ANA "\","
	    "\"username\":\"ana\"},\"to\":{\"data\":[{\"id\":\"" OWN "\"}]},\"message\":\"Hi\"}");
	assert_int_equal(fetch_run(&x), 0);
	assert_int_equal(srv.hits, 0);
	announce(&x, "M20");
	assert_int_equal(dbt_i64(x.db, "select count(*) from dmbox.messages"), 0);
	assert_int_equal(fetch_run(&x), 1);
	assert_int_equal(srv.hits, 1);
	assert_non_null(strstr(srv.request, "GET /v25.0/M20?fields=id,"));
	assert_non_null(strstr(srv.request, "Authorization: Bearer IGAAconfigured"));
	dbt_is(x.db, "select body || '|' || direction || '|' || source from dmbox.messages where external_id = 'M20'",
	    "Hi|inbound|poll");
	dbt_is(x.db, "select (edited_at is null)::text from dmbox.messages", "true");
	assert_int_equal(fetch_run(&x), 0);	/* it is here: not asked for again */
	assert_int_equal(srv.hits, 1);
	fix_close(&x);
}

static void
fetch_fails(void **state)
{
	struct fix x;

	(void)state;
	fix_open(&x);
	announce(&x, "M21");
	answer(500, "{\"error\":{\"code\":2}}");
	fetch_run(&x);
	fetch_run(&x);
	assert_int_equal(srv.hits, 2);	/* a passing trouble is tried again */
	answer(400, "{\"error\":{\"code\":9000001,\"message\":\"deleted\"}}");
	fetch_run(&x);
	fetch_run(&x);
	assert_int_equal(srv.hits, 1);	/* gone is gone */
	assert_int_equal(dbt_i64(x.db, "select count(*) from dmbox.messages"), 0);
	fix_close(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_life), cmocka_unit_test(token_refused),
		cmocka_unit_test(token_replaced), cmocka_unit_test(fetched),
		cmocka_unit_test(fetch_fails),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
