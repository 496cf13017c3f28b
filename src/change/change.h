/* change.h - commands that change a run while it goes on. */
#ifndef CHANGE_CHANGE_H
#define CHANGE_CHANGE_H

/* A command gets its own name as argv[0] and returns the exit status. */
int change_move(int argc, char **argv);
int change_swap(int argc, char **argv);
int change_task(int argc, char **argv);

#endif
