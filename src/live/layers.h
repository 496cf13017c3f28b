/* layers.h - the layers of a run in front of the last one, as they are now. */
#ifndef LIVE_LAYERS_H
#define LIVE_LAYERS_H

#include <jansson.h>

#include "src/pipeline/pipeline.h"

/* Connections that are kept from look to look. */
typedef struct layers layers;

layers *layers_open(void);    /* NULL: no memory */
void layers_close(layers *l); /* may be NULL */

/* By the beats of [facts], what the parameter service and the brokers of these
 * layers have, into its "layers": [{name, topic, state, high}...] as facts.h
 * has them, in the way of blocks; and the ends of devices, which the first of
 * them has, into its "ends".  Nothing of a run of one layer.  [req] gets the
 * broker of the last stream, where it names none.  What does not answer is left
 * out.
 */
void layers_ask(layers *l, pipeline_request *req, double timeout_s,
                json_t *facts);

#endif
