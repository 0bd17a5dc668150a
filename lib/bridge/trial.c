/* A delivery that nobody sent, stored and undone. */
#include "bridge/trial.h"

#include <string.h>

#include "base/clock.h"
#include "bridge/ingest.h"
#include "model/msg.h"
#include "store/store.h"

#define PERSON "doctor-trial"
#define MESSAGE "doctor-trial-message"

static struct item *
item(struct delivery *d, enum item_type type, const char *kind)
{
	struct item *i = itemv_add(&d->items);

	i->type = type;
	i->kind = kind;
	i->contact = i->sender_id = PERSON;
	i->dir = DIR_IN;
	i->is_test = true;
	i->at_us = clock_now_us();
	i->at_known = true;
	return i;
}

static void
fill(struct delivery *d, const struct account *a)
{
	struct item *i;
	struct att *att;

	delivery_init(d);
	d->channel = a->channel;
	d->account = a->name;
	d->account_named = true;
	d->provider = a->provider;
	d->source = SOURCE_DOCTOR;
	d->request_id = PERSON;
	d->headers = "{}";
	d->body = "{}";
	d->body_n = 2;
	i = item(d, ITEM_MESSAGE, "text");
	i->external_id = MESSAGE;
	i->body = "dmbox: \xd0\xbf\xd1\x80\xd0\xbe\xd0\xb1\xd0\xb0";
	att = item_att_add(&d->items, i);
	att->type = "image";
	att->bytes = -1;
	i = item(d, ITEM_EVENT, "reaction");
	i->effect = EFFECT_REACT;
	i->target_id = MESSAGE;
	i->text = "\xf0\x9f\x91\x8d";
	i = item(d, ITEM_EVENT, "edit");
	i->effect = EFFECT_EDIT;
	i->target_id = MESSAGE;
	i->text = "dmbox";
	i->num = 1;
	ingest_prepare(d);
}

enum rc
trial_store(struct db *db, const struct account *a)
{
	struct delivery d;
	enum rc rc;

	fill(&d, a);
	rc = store_would(db, &d);
	delivery_free(&d);
	return rc;
}
