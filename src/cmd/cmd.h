/* cmd.h - the commands of `pilot`, beside those of src/view and its like. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

/* A command gets its own name as argv[0] and returns the exit status. */
int cmd_run(int argc, char **argv);
int cmd_submit(int argc, char **argv);
int cmd_resize(int argc, char **argv);
int cmd_scale(int argc, char **argv);
int cmd_event(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_services(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_wait(int argc, char **argv);
int cmd_cancel(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_runs(int argc, char **argv);

#endif
