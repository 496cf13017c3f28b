/* locate.h - where the state of runs and the programs of pilots are. */
#ifndef COMMON_LOCATE_H
#define COMMON_LOCATE_H

#include <pilot/error.h>

/* $PILOT_HOME, else $XDG_STATE_HOME/pilot, else ~/.local/state/pilot, as an
 * absolute path in new memory; the caller frees.  NULL: no home (78).
 */
char *locate_home(pe_error *errp);

/* Folder of run [name] in [home], in new memory; the caller frees.  NULL: no
 * memory, or, with no error set, no run of that name: '.', '..' and '' are
 * none, nor is a folder without a pipeline, as that of the services.
 */
char *locate_run(const char *home, const char *name, pe_error *errp);

/* [path] made absolute, taken from [folder] (NULL: the working directory), in
 * new memory; the caller frees.
 */
char *locate_absolute(const char *folder, const char *path, pe_error *errp);

/* Absolute folder of file [path] in new memory; the caller frees. */
char *locate_folder(const char *path, pe_error *errp);

/* Program [name] of ours: in $PILOT_LIBEXEC, beside this program or in
 * scripts/ there (a build tree), or in [installed].  New memory; the caller
 * frees.  NULL: in none of them (78, naming the folders).
 */
char *locate_program(const char *name, const char *installed, pe_error *errp);

#endif
