/* view.h - the commands of `pilot` that show data, and what is made of them. */
#ifndef VIEW_VIEW_H
#define VIEW_VIEW_H

#include <pilot/options.h>

/* A command gets its own name as argv[0] and returns the exit status. */
int view_inspect(int argc, char **argv);
int view_results(int argc, char **argv);
int view_score(int argc, char **argv);
int view_model(int argc, char **argv);
int view_peek(int argc, char **argv);

/* Set an option by [item], NAME=VALUE of --set, as [example] is one. */
int view_set_option(pe_options *o, const char *item, const char *example,
                    pe_error *errp);

#endif
