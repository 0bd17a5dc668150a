/* Deliveries that nobody sent, stored and undone. */
#include "bridge/trial.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bridge/ingest.h"
#include "model/msg.h"
#include "store/store.h"

#define PERSON "doctor-trial"
#define MESSAGE "doctor-trial-message"
#define WORDS "dmbox: \xd0\xbf\xd1\x80\xd0\xbe\xd0\xb1\xd0\xb0"
#define LONG 4096 /* WhatsApp's longest text */

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
begin(struct delivery *d, const struct account *a)
{
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
}

static struct item *
message(struct delivery *d, const char *kind, const char *id, const char *body)
{
	struct item *i = item(d, ITEM_MESSAGE, kind);

	i->external_id = id;
	i->body = body;
	return i;
}

static void
attach(struct delivery *d, struct item *i)
{
	struct att *att = item_att_add(&d->items, i);

	att->type = "image";
	att->bytes = -1;
}

/* What a new customer writes first. */
static void
fill_first(struct delivery *d, const struct account *a)
{
	begin(d, a);
	attach(d, message(d, "text", MESSAGE, WORDS));
	ingest_prepare(d);
}

/* ... and what comes then: the person is known now, by name, too. */
static void
fill_then(struct delivery *d, const struct account *a, const char *long_text)
{
	struct item *i;

	begin(d, a);
	message(d, "text", MESSAGE "-again", WORDS)->name = PERSON;
	message(d, "text", MESSAGE "-long", long_text);
	attach(d, message(d, "image", MESSAGE "-picture", NULL));
	i = message(d, "text", MESSAGE "-answer", WORDS);
	i->dir = DIR_OUT;
	i->echo = true;
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
	struct delivery first, then, *v[] = { &first, &then };
	char *long_text = mem_array(LONG + 1, 1);
	enum rc rc;

	memset(long_text, 'x', LONG);
	memcpy(long_text, WORDS " ", sizeof WORDS);
	fill_first(&first, a);
	fill_then(&then, a, long_text);
	rc = store_would(db, v, 2);
	delivery_free(&first);
	delivery_free(&then);
	free(long_text);
	return rc;
}
