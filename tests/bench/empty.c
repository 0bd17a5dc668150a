/*
 * The limit of a web server: a FastCGI program that reads the body and answers
 * with as many bytes as the webhook does.  usage: empty [THREADS]; under plain
 * CGI it answers once.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <fcgiapp.h>

#define ANSWER "{\"success\":true,\"received\":1,\"stored\":1,\"duplicates\":0,\"ignored\":0," \
	"\"spooled\":false,\"requestId\":\"aaaaaaaaaaaaaaaaaaaa\"}\n"

#define HEAD "Status: 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n" \
	"X-Request-Id: aaaaaaaaaaaaaaaaaaaa\r\nCache-Control: no-store\r\n" \
	"Content-Length: %d\r\n\r\n%s"

static void
answer(FCGX_Stream *in, FCGX_Stream *out)
{
	char waste[8192];

	while (FCGX_GetStr(waste, sizeof waste, in) > 0)
		;
	FCGX_FPrintF(out, HEAD, (int)sizeof ANSWER - 1, ANSWER);
}

/* libfcgi's streams are for FastCGI alone. */
static int
answer_cgi(void)
{
	char waste[8192];

	while (fread(waste, 1, sizeof waste, stdin) > 0)
		;
	printf(HEAD, (int)sizeof ANSWER - 1, ANSWER);
	return fflush(stdout) == 0 ? 0 : 1;
}

static void *
work(void *arg)
{
	FCGX_Request r;

	FCGX_InitRequest(&r, 0, 0);
	while (FCGX_Accept_r(&r) == 0) {
		answer(r.in, r.out);
		FCGX_Finish_r(&r);
	}
	return arg;
}

int
main(int argc, char **argv)
{
	const char *env = getenv("EMPTY_THREADS");
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : env != NULL ? strtol(env, NULL, 10) : 1;
	pthread_t t;

	signal(SIGPIPE, SIG_IGN);
	if (FCGX_IsCGI())
		return answer_cgi();
	FCGX_Init();
	for (long i = 1; i < n; i++)
		pthread_create(&t, NULL, work, NULL);
	work(NULL);
	return 0;
}
