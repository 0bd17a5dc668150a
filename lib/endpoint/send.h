#ifndef DMBOX_ENDPOINT_SEND_H
#define DMBOX_ENDPOINT_SEND_H

#include "endpoint/endpoint.h"

/*
 * endpoint_send(e, res):
 * POST /instagram/send, /whatsapp/send (contract.md 4).  Validates, commits the
 * outbox rows, tries once at once, answers within ENDPOINT_SEND_MS: 200 sent or
 * accepted, 202 queued or unknown, 409 same key and other body, 422 with what
 * and why, 502 provider_refused, 503 where the database is away.
 *
 * Repeats  with an idempotency key the answer is the first request's present
 *          state; without one every call is a new message.
 */
void endpoint_send(struct endpoint_env *e);
#define ENDPOINT_SEND_MS 9000

/*
 * endpoint_send_split(text, max, in_bytes, out):
 * Cut a text into parts of at most max bytes (or characters) each, at a
 * UTF-8 boundary, at a line break or space in the last third where there is
 * one; the white space at a cut is dropped.  Appends to out.
 */
void endpoint_send_split(const char *text, size_t max, bool in_bytes, struct strv *out);

#endif
