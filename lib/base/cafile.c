/*
 * The certificates of the host, which need not be the system that the libraries were built for:
 * their own default is another system's place.  SSL_CERT_FILE names another file, as for other
 * programs.
 */
#include "base/cafile.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *found;

static void
find(void)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt",			/* Debian, Alpine, Arch */
		"/etc/pki/tls/certs/ca-bundle.crt",			/* Red Hat up to 10 */
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",	/* Red Hat */
		"/etc/ssl/ca-bundle.pem",				/* SUSE */
		"/etc/ssl/cert.pem",					/* BSD, Alpine */
	};

	found = getenv("SSL_CERT_FILE");
	for (size_t i = 0; found == NULL && i < sizeof places / sizeof places[0]; i++)
		if (access(places[i], R_OK) == 0)
			found = places[i];
}

const char *
cafile(void)
{
	pthread_once(&once, find);
	return found;
}
