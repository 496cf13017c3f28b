/* rights.h - commands on who may do what: rights at services, signed functions.
 */
#ifndef RIGHTS_RIGHTS_H
#define RIGHTS_RIGHTS_H

/* Arguments as those of main; an exit status. */
int rights_acl(int argc, char **argv);
int rights_key(int argc, char **argv);

#endif
