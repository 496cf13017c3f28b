/* fault.h - which errors of a stream lose records, and which pass. */
#ifndef BROKER_FAULT_H
#define BROKER_FAULT_H

#include <librdkafka/rdkafka.h>

/* What error [err] of a consumer means for the next record, as the end of a
 * sentence that begins with its name; NULL when it passes by itself and the
 * client asks for the same record again.
 */
const char *fault_of(rd_kafka_resp_err_t err);

#endif
