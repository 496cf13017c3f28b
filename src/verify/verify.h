/* verify.h - `pilot verify`: is a run exact? */
#ifndef VERIFY_VERIFY_H
#define VERIFY_VERIFY_H

/* The command, which gets its own name as argv[0]; the exit status: 0 exact, 1
 * not, 65 undecided, 69 nobody answers, 78 there is nothing to verify.
 */
int verify_command(int argc, char **argv);

#endif
