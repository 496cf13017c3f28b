/* pipeline_file.h - small pipeline files for the tests of their room. */
#ifndef TESTS_PIPELINE_FILE_H
#define TESTS_PIPELINE_FILE_H

#include "unit.h"

#include "src/pipeline/pipeline.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define FILE_NAME "p.yaml" /* in the folder of pipeline_file_main */

#define HEAD                                \
    "version: 1\n"                          \
    "pipeline: p\n"                         \
    "pilots:\n"                             \
    "  devices: {kind: edge, devices: 3}\n" \
    "  broker: {kind: broker}\n"            \
    "  params: {kind: params}\n"            \
    "  pool: {kind: pool, ntasks: 2}\n"     \
    "stages:\n"
#define SENSE                   \
    "  sense:\n"                \
    "    pilot: devices\n"      \
    "    function: generator\n" \
    "    options: {features: 4}\n"
#define LEARN                \
    "  learn:\n"             \
    "    pilot: pool\n"      \
    "    function: kmeans\n" \
    "    options:\n"         \
    "      clusters: 5\n"
#define GOOD HEAD SENSE LEARN
#define LOCAL                                       \
    "version: 1\n"                                  \
    "pipeline: p\n"                                 \
    "pilots: {pool: {kind: pool, ntasks: 2}}\n"     \
    "stages:\n"                                     \
    "  sense: {pilot: pool, function: generator}\n" \
    "  learn: {pilot: pool, function: kmeans}\n"

/* Functions of pipeline_object.c, which stands beside the file. */
#define OBJECT                                     \
    "version: 1\n"                                 \
    "pipeline: p\n"                                \
    "pilots: {d: {kind: edge}, w: {kind: pool}}\n" \
    "stages:\n"                                    \
    "  a:\n"                                       \
    "    pilot: d\n"                               \
    "    function: \"o.so:gauge\"\n"               \
    "    options: {period: 5s}\n"                  \
    "  b: {pilot: w, function: \"o.so:plain\", options: {x: y}}\n"

/* Write [yaml] to FILE_NAME and load it with one override, or NULL. */
pipeline *pipeline_file_load(const char *yaml, const char *set, pe_error *errp);
/* As above; a test that cannot go on without ends here. */
pipeline *pipeline_file_good(const char *yaml, const char *set);
/* One change to a good file, and the message it brings. */
void pipeline_file_refused(const char *yaml, const char *set, const char *text);
/* The pipeline of jobs/NAME.yaml. */
pipeline *pipeline_file_job(const char *name);

/* No PILOT_ variable that a pipeline looks at is set. */
void pipeline_file_clear_environment(void);

/* unit_main in a folder of our own, without those variables. */
int pipeline_file_main(const char *suite, const unit_test *tests);

#endif
