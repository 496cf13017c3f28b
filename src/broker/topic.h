/* topic.h - is a topic as it is wanted?  Decisions only, no connection. */
#ifndef BROKER_TOPIC_H
#define BROKER_TOPIC_H

#include "src/broker/broker.h"

/* Input error, 78, with the command that adds partitions at [endpoint], when
 * a topic of [n] has too few.
 */
int topic_check_partitions(const broker_topic *t, const char *endpoint, int n,
                           pe_error *errp);

/* The same of one setting of the topic; most do not matter here.  [value]
 * may be NULL: not told.
 */
int topic_check_setting(const broker_topic *t, const char *endpoint,
                        const char *name, const char *value, pe_error *errp);

/* What is to be said of a setting that is no error: into [out], true. */
bool topic_warning(const broker_topic *t, const char *endpoint,
                   const char *name, const char *value, char *out, size_t cap);

#endif
