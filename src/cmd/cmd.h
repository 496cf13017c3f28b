/* cmd.h - the commands of `pilot`, and what they share. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <pilot/error.h>

/* "pilot": in front of every message. */
extern char program_name[];

/* A command gets its own name as argv[0] and returns the exit status. */
int cmd_run(int argc, char **argv);
int cmd_submit(int argc, char **argv);
int cmd_resize(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_services(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_wait(int argc, char **argv);
int cmd_cancel(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_results(int argc, char **argv);
int cmd_score(int argc, char **argv);
int cmd_model(int argc, char **argv);
int cmd_runs(int argc, char **argv);
int cmd_peek(int argc, char **argv);

struct pe_options;
/* Set an option by [item], NAME=VALUE of --set, as [example] is one. */
int cmd_set_option(struct pe_options *o, const char *item, const char *example,
                   pe_error *errp);

/* Print "pilot: TEXT" of [e] to stderr; returns its exit status. */
int cmd_fail(const pe_error *e);

#endif
