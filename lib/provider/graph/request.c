/*
 * Requests to the Graph API, and the proof that goes with them.
 */
#include "provider/graph/graph.h"

unsigned int
graph_proofs(const struct account *a)
{
	return graph_product(a) == GRAPH_MESSENGER ? meta_proofs(graph_own(a)) : 1;
}

enum rc
graph_req(const struct account *a, const char *method, const char *path, struct http_req *out)
{
	const struct meta_call c = { .own = graph_own(a),
		.base = graph_base(a),
		.proof = graph_product(a) == GRAPH_MESSENGER };

	return meta_req(a, &c, method, path, out);
}
