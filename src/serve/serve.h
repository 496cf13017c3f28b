/* serve.h - `pilot serve`: a run as a web page, and as metrics. */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

/* Gets its own name as argv[0] and returns the exit status. */
int serve_command(int argc, char **argv);

#endif
