/* final.h - what is scored: the rows of a run, or files. */
#ifndef ANSWER_FINAL_H
#define ANSWER_FINAL_H

#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/common/once.h"

typedef struct final_conf {
    const char *run;   /* folder of a run, or NULL */
    const char *model; /* else a safetensors file */
    const char *out;   /* folder to be made; NULL: that of the run */
    /* Files to be scored; none: all that the run has learned from. */
    char **files;
    size_t n_files;
    const onces *copies; /* what some of them are copies of; NULL: none is */
    char *reader;        /* 64 bytes for the name by which what reads a file
                            speaks, "sense-0", or NULL */
    char *const *set;    /* NAME=VALUE for options of the function `file` */
    size_t n_set;
    void (*progress)(void *arg, uint64_t rows, double share);
    void *arg;
} final_conf;

/* Every row that the run has learned from, warm-up rows among them, by the
 * model that is committed now: its file and the answers go into the folder of
 * the run.  Errors: 69: a service is away; 75: somebody does this already; 78:
 * there is no such model, or its source gives no row twice.
 */
int final_run(const final_conf *c, pe_error *errp);

/* Every row of the files, by the model, or by the run's behind the stages of
 * devices and pool.  Errors: 65: they have other columns.
 */
int final_files(const final_conf *c, pe_error *errp);

#endif
