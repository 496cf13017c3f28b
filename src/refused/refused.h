/* refused.h - blocks of a run that were refused: listed, shown, sent again. */
#ifndef REFUSED_REFUSED_H
#define REFUSED_REFUSED_H

/* `pilot refused list|show|replay`: gets its own name as argv[0] and returns
 * the exit status.
 */
int refused_command(int argc, char **argv);

#endif
