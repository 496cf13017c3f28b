/* watch.h - commands that show how a run goes, and what its trace says. */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

/* A command gets its own name as argv[0] and returns the exit status. */
int watch_top(int argc, char **argv);
int watch_commits(int argc, char **argv);
int watch_trace(int argc, char **argv);
int watch_advise(int argc, char **argv);

#endif
