/* pipeline_private.h - what the files of the pipeline room share. */
#ifndef PIPELINE_PIPELINE_PRIVATE_H
#define PIPELINE_PIPELINE_PRIVATE_H

#include "pipeline.h"
#include "src/config/tree.h"

/* Read `stages:`; pilots are there already. */
int pipeline_read_stages(pipeline *p, const tree *root, pe_error *errp);

#endif
