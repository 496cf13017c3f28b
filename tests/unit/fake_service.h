/* fake_service.h - a parameter service and models of one number. */
#ifndef TESTS_FAKE_SERVICE_H
#define TESTS_FAKE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Commit a model whose every score is [version]; an announcement may be
 * missed, and its bytes may be bad.
 */
void service_commit(uint64_t version, bool announce, bool bad);

/* Nobody reaches the service. */
void service_set_away(bool away);

/* Models fetched since the last call. */
int service_take_fetched(void);

/* Model objects that were not destroyed. */
int service_models_alive(void);

#endif
