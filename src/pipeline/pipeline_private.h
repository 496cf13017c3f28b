/* pipeline_private.h - what the files of the pipeline room share. */
#ifndef PIPELINE_PIPELINE_PRIVATE_H
#define PIPELINE_PIPELINE_PRIVATE_H

#include <stdio.h>

#include "pipeline.h"
#include "src/config/tree.h"

/* Put what PILOT_BROKER, PILOT_PARAMS and PILOT_PASSWORD_FILE say in the
 * place of what the file says; what --set says stays.
 */
int pipeline_take_environment(tree *root, pe_error *errp);

/* Read `pilots:`. */
int pipeline_read_pilots(pipeline *p, const tree *root, pe_error *errp);

/* Read `stages:`; pilots are there already. */
int pipeline_read_stages(pipeline *p, const tree *root, pe_error *errp);

/* The key of pilot or stage [t] has to be usable in paths, topics and keys.
 */
int pipeline_check_name(const tree *t, const char *what, pe_error *errp);

/* A new copy of [s]; NULL stays NULL.  *failedp is set when memory is out. */
char *pipeline_copy(const char *s, bool *failedp);

/* Every key with its value, as a pipeline file. */
void pipeline_print_config(const pipeline *p, FILE *f);

#endif
