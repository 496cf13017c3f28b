/* launcher_case.h - the environments of jobs, and commands made in them. */
#ifndef TESTS_LAUNCHER_CASE_H
#define TESTS_LAUNCHER_CASE_H

#include "src/launcher/launcher_private.h"

/* Of no job; then those that were recorded inside of jobs of two nodes, that
 * of PBS with the [lines] of its node file.
 */
void case_outside(void);
void case_in_slurm(void);
void case_in_pbs(const char *lines);

/* [ntasks] ranks of a program whose files are in the scratch folder. */
launcher_spec case_spec(const char *launcher, int ntasks);
/* Make a command where we are; its words for a shell, or NULL.  To free. */
char *case_made(const launcher_spec *s, launcher_command *c, pe_error *errp);
/* The [words] with [between] them, to free. */
char *case_joined(char *const *words, const char *between);

#endif
