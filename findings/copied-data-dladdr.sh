#!/bin/bash
# gcc 12 and glibc 2.36 (Debian 12, x86-64): which object does dladdr name for
# the address of a constant that a program takes out of a shared library it is
# linked with?
#
# Guess: the library, which defines it; so that address and dladdr are enough to
# have another process load the same object by path and symbol.
#
# Seen: the program.  Its linker gives the program a copy of the data (a copy
# relocation, also in a PIE), and the library itself uses that copy; code is not
# copied.  Compiled with -fPIC the same program gets the library's own:
#   default: data of ./main, code of ./liba.so
#   -fPIC: data of ./liba.so, code of ./liba.so
# So a table of functions is looked for by the code it points to.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >a.c <<'C'
#include "a.h"
static int run(void) { return 1; }
const struct table table = {run};
C
cat >a.h <<'C'
struct table { int (*run)(void); };
extern const struct table table;
C
cat >main.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
#include "a.h"
int main(int argc, char **argv)
{
    Dl_info data, code;
    dladdr(&table, &data);
    dladdr((void *)table.run, &code);
    printf("%s: data of %s, code of %s\n", argv[argc - 1], data.dli_fname,
           code.dli_fname);
    return 0;
}
C
cc -shared -fPIC -o liba.so a.c
cc -D_GNU_SOURCE -o main main.c ./liba.so
./main default
cc -D_GNU_SOURCE -fPIC -o main main.c ./liba.so
./main -fPIC
