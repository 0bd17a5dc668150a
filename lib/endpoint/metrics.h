#ifndef DMBOX_ENDPOINT_METRICS_H
#define DMBOX_ENDPOINT_METRICS_H

#include "base/buf.h"
#include "extern/db.h"
#include "endpoint/endpoint.h"
#include "base/meter.h"
#include "base/rc.h"
#include "bridge/spool.h"

/*
 * endpoint_metrics(e): GET /metrics (scope admin or read): the text format of Prometheus.
 * Counters and histograms are those of this host's processes (meter.h); states are asked of
 * the database, the spool and the clock at each scrape.
 */
void endpoint_metrics(struct endpoint_env *e);
/*
 * endpoint_metrics_file(path, db, spool, meter):
 * The same, spool and meter may be NULL, into a file for node_exporter's textfile collector:
 * written beside,
 * 0644, then renamed.
 * Returns  RC_OK, RC_TEMP (logged).
 */
enum rc endpoint_metrics_file(
    const char *path, struct db *db, struct spool *sp, struct meter *m) MUST_CHECK;

#endif
