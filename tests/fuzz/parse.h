/* A webhook body of one provider; the first byte says which content type. */
#include "fuzz.h"
#include "bridge/ingest.h"

static const char *const types[] = { "application/json", "application/x-www-form-urlencoded",
	"text/plain", "multipart/form-data; boundary=x", "", NULL };

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct account *a;
	struct food f = { (const char *)p, n };
	struct delivery d;
	enum rc rc;
	char *body;

	if (a == NULL)
		a = fuzz_account(PROVIDER);
	delivery_init(&d);
	d.account = a->name;
	d.channel = a->channel;
	d.provider = PROVIDER;
	d.content_type = types[food_byte(&f) % (sizeof types / sizeof *types)];
	body = food_rest(&f);
	d.body = body;
	d.body_n = f.n;
	rc = (PROVIDER)->parse(a, d.content_type, body, f.n, &d.items);
	MUST(rc == RC_OK || rc == RC_INVALID);
	if (rc == RC_OK) {
		fuzz_check_items(&d.items);
		ingest_prepare(&d);
		for (size_t i = 0; i < d.items.n; i++) {
			const struct item *it = &d.items.v[i];

			/* keys are indexed: never over 512 bytes (contract.md 5) */
			MUST(it->external_id == NULL || strlen(it->external_id) <= 512);
			MUST(it->type != ITEM_MESSAGE || it->external_id != NULL);
		}
	}
	delivery_free(&d);
	free(body);
	return 0;
}
