/* backends.h - the backends there are in this build: a row each. */
#ifndef BACKEND_BACKENDS_H
#define BACKEND_BACKENDS_H

#include "src/resource/resource.h"

extern const resource_ops local_ops, ssh_ops, slurm_ops, slurmrest_ops, pbs_ops;
/* Machines of a provider: a folder of executables, and those of ours. */
extern const resource_ops exec_ops, ec2_ops, openstack_ops, virsh_ops;

extern const resource_ops *const backends[]; /* ends with NULL */

#endif
