/* backends.h - what backend.c knows of each backend. */
#ifndef BACKEND_BACKENDS_H
#define BACKEND_BACKENDS_H

#include "src/resource/resource.h"

extern const resource_ops local_ops, ssh_ops, slurm_ops, pbs_ops;

/* A backend's own struct, zeroed but for what is its own; backend.c fills in
 * the part that all have.  [here]: its commands run on this host.
 */
resource *slurm_create(bool here, pe_error *errp);
resource *pbs_create(bool here, pe_error *errp);
resource *direct_create(bool here, pe_error *errp);

/* When job [id] ends, CLOCK_REALTIME; 0: it has no end.  Errors: retry, 69. */
int slurm_end(resource *r, const char *id, int64_t *end_nsp, pe_error *errp);
int pbs_end(resource *r, const char *id, int64_t *end_nsp, pe_error *errp);

#endif
