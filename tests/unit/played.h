/* played.h - a scheduler's commands first on PATH, played from recordings. */
#ifndef TESTS_PLAYED_H
#define TESTS_PLAYED_H

#include <stdbool.h>
#include <stddef.h>

#include "recorded.h"
#include "src/resource/resource.h"

/* Make the scratch folder and in it bin/ with [commands] (blank-separated),
 * first on PATH; [data] are files of tests/data (so, too).  The program ends
 * when that cannot be done.
 */
void played_open(const char *commands, const char *data);
void played_close(void);

/* All recordings of the file. */
extern recorded *played_all;
extern size_t played_n;

/* What is played from now on (see fake_scheduler.c); the log is empty then. */
void played_set(const char *play);
/* The FAKE_PLAY of those who do not inherit ours: "@PATH" of that. */
const char *played_file(void);
/* Calls so far, a line each; until the next call of this. */
const char *played_log(void);
/* Calls of [command] so far. */
int played_calls(const char *command);

/* Open [url], which is one. */
resource *played_resource(const char *url);
/* A line of a doctor into a text. */
void played_line_add(void *arg, bool ok, const char *line);

/* A job that is asked about. */
resource_job played_job(const char *id, const char *dir);
/* One line of the table that people read. */
void played_print(const char *name, const resource_job *j);

/* Make [path] a link to the player: a program outside of PATH. */
void played_link(const char *path);

#endif
