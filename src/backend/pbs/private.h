/* private.h - parts of the OpenPBS and PBS Pro backend. */
#ifndef BACKEND_PBS_PRIVATE_H
#define BACKEND_PBS_PRIVATE_H

#include "src/backend/backends.h"
#include "src/resource/scheduler.h"

extern const resource_words pbs_words;

/* The variable of a job that says which pilot it is. */
#define PBS_MARK "PILOT_DIR"

/* Exit status of the clients: the server's error modulo 256. */
enum pbs_status {
    PBS_FINISHED = 35,   /* 15139: only its history is left */
    PBS_NO_HISTORY = 36, /* 15140: the server keeps none */
    PBS_UNKNOWN = 153,   /* 15001: no such job */
    PBS_BAD_STATE = 168, /* 15016: it is ending, if it is to be deleted */
    PBS_NO_QUEUE = 170,  /* 15018; also for what is no id of a job */
    PBS_EXITING = 202,   /* 15050: it is ending already */
};

/* The directives of [s], in qsub's words. */
int pbs_directives(const resource_spec *s, text *out, pe_error *errp);
/* The value of qsub -v: our mark, and what was asked for; new memory. */
char *pbs_variables(const resource_spec *s, pe_error *errp);
/* [dir] as the mark has it: percent-encoded but for letters, digits and
 * "/._-", since qsub, the server and qstat each have a view of their own of
 * quotes, commas and backslashes.  New memory.
 */
char *pbs_mark(const char *dir);

/* One attribute of `qstat -F dsv`; bytes are not NUL-ended. */
typedef void (*pbs_attribute_f)(void *arg, const char *name, size_t name_len,
                                const char *value, size_t len);
/* Call [f] with each attribute of the line of a job at [s], of [len] bytes; the
 * job's name goes to [id].  Values keep their backslashes.  False: the line is
 * of another kind.
 */
bool pbs_line_read(const char *s, size_t len, char id[RESOURCE_ID_MAX],
                   pbs_attribute_f f, void *arg);

/* Fill in the jobs of [x], whose paths are marks, from `qstat -f -F dsv`. */
void pbs_parse(const char *out, size_t len, const job_index *x);

/* "1:02:03" or "3723" as seconds; -1: neither. */
int64_t pbs_seconds(const char *s, size_t len);

int pbs_doctor(resource *r, const resource_request *q,
               void (*line)(void *arg, bool ok, const char *text), void *arg,
               pe_error *errp);

#endif
