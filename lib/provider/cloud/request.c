/*
 * Requests to the Cloud API and the proof that goes with them; ids of people.
 */
#include "provider/cloud/cloud.h"

#include <string.h>

#include "base/str.h"

#define BSUID_MAX 160

unsigned int
cloud_proofs(const struct account *a)
{
	return meta_proofs(&cloud_own(a)->meta);
}

enum rc
cloud_req(const struct account *a, const char *method, const char *path, struct http_req *out)
{
	const struct meta_call c = { .own = &cloud_own(a)->meta,
		.base = str_empty(a->api_url) ? CLOUD_BASE : a->api_url,
		.proof = true };

	return meta_req(a, &c, method, path, out);
}

bool
cloud_is_bsuid(const char *id)
{
	return id != NULL && id[0] >= 'A' && id[0] <= 'Z' && id[1] >= 'A' && id[1] <= 'Z' &&
	    id[2] == '.' && str_charset(id + 3, 1, BSUID_MAX, ".");
}
