# SYNOPSIS
#
#   PE_CHECK_CUNIT
#   PE_CHECK_MPI
#
# DESCRIPTION
#
#   Libraries without a pkg-config module that can be relied on.  Sets
#   CUNIT_CFLAGS and CUNIT_LIBS; MPI_CFLAGS and MPI_LIBS, asked of mpicc, so
#   that the whole tree is built by one compiler.

AC_DEFUN([PE_CHECK_CUNIT], [
CUNIT_CFLAGS=
CUNIT_LIBS=
AC_CHECK_HEADER([CUnit/CUnit.h], [CUNIT_LIBS=-lcunit],
    [AS_IF([test "x$enable_pool" != xno],
        [PE_MISSING([CUnit], [libcunit1-dev])])])
AC_SUBST([CUNIT_CFLAGS])
AC_SUBST([CUNIT_LIBS])
])

AC_DEFUN([PE_CHECK_MPI], [
AC_ARG_VAR([MPICC], [MPI's C compiler, by which MPI is found (mpicc)])
MPI_CFLAGS=
MPI_LIBS=
LAUNCHER_CPPFLAGS=
if test "x$enable_pool" != xno; then
    PE_FIND_MPI
fi
AC_SUBST([MPI_CFLAGS])
AC_SUBST([MPI_LIBS])
AC_SUBST([LAUNCHER_CPPFLAGS])
AM_CONDITIONAL([POOL], [test "x$enable_pool" != xno])
])

# Whose choice comes first: MPICC as given; a CC that is MPI's own, which
# needs no more; the mpicc of the PATH.
AC_DEFUN([PE_FIND_MPI], [
pe_mpi=
pe_show=0 # of the standard ABI mpi.h does not tell whose it is
if test -z "$MPICC"; then
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <mpi.h>]],
        [[return MPI_Init(0, 0);]])], [pe_mpi=$CC])
fi
if test -n "$pe_mpi"; then
    MPI_LIBS=-Wl,--as-needed
else
    AC_CHECK_PROGS([MPICC], [mpicc])
    pe_mpi=$MPICC
    if MPI_CFLAGS=`$MPICC --showme:compile 2>/dev/null`; then
        MPI_LIBS=`$MPICC --showme:link`
    else # MPICH and what comes of it: one line with all of it
        pe_show=1
        MPI_CFLAGS=
        for pe_word in `$MPICC -show 2>/dev/null`; do
            case $pe_word in
            -I* | -D*) MPI_CFLAGS="$MPI_CFLAGS $pe_word" ;;
            -L* | -l* | -Wl,*) MPI_LIBS="$MPI_LIBS $pe_word" ;;
            esac
        done
    fi
fi
pe_cppflags=$CPPFLAGS
pe_libs=$LIBS
CPPFLAGS="$CPPFLAGS $MPI_CFLAGS"
LIBS="$LIBS $MPI_LIBS"
AC_MSG_CHECKING([for MPI])
AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <mpi.h>]],
    [[return MPI_Init(0, 0);]])],
    [pe_kind=MPI], [pe_kind=no])
test $pe_kind = no || AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <mpi.h>
#if !defined(MPICH_VERSION) && !(defined(MPI_ABI) && $pe_show)
#error
#endif
]])], [pe_kind=MPICH])
CPPFLAGS=$pe_cppflags
LIBS=$pe_libs
AC_MSG_RESULT([$pe_kind])
case $pe_kind in
no) PE_MISSING([MPI], [libopenmpi-dev]) ;;
MPICH) # mpicc.mpich has an mpiexec.mpich beside it; one that is named by its
       # path is of an MPI that need not be the one on a user's PATH
    pe_name=`echo "$pe_mpi" | sed 's/ .*//'`
    pe_exec=`echo "$pe_name" | sed 's,mpicc\([[^/]]*\)$,mpiexec\1,'`
    pe_plain=`echo "$pe_name" | sed 's,mpicc[[^/]]*$,mpiexec,'`
    case $pe_exec in
    *mpiexec*) command -v "$pe_exec" >/dev/null || pe_exec=$pe_plain
        command -v "$pe_exec" >/dev/null || pe_exec=mpiexec ;;
    *) pe_exec=mpiexec ;;
    esac
    LAUNCHER_CPPFLAGS="-DPE_MPIEXEC='\"$pe_exec\"' -DPE_LAUNCHER='\"mpiexec\"'"
    ;;
esac
])
