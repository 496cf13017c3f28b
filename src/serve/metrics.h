/* metrics.h - a run as Prometheus reads it. */
#ifndef SERVE_METRICS_H
#define SERVE_METRICS_H

#include <jansson.h>

#include "src/common/text.h"

/* Add [now], a document of src/live/live.h, as text of Prometheus (0.0.4) to
 * [out]: what is not known is left out, and never 0.  Counters are of the run,
 * not of this process.  Names are pilot_NAME_UNIT; those of messages are
 * OpenTelemetry's.
 */
void metrics_add(const json_t *now, text *out);

/* Name of metric [i], from 0; NULL behind the last. */
const char *metrics_name(size_t i);

#endif
