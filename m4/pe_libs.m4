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
    [PE_MISSING([CUnit], [libcunit1-dev])])
AC_SUBST([CUNIT_CFLAGS])
AC_SUBST([CUNIT_LIBS])
])

AC_DEFUN([PE_CHECK_MPI], [
AC_PATH_PROG([MPICC], [mpicc])
MPI_CFLAGS=
MPI_LIBS=
if test -n "$MPICC" && MPI_CFLAGS=`$MPICC --showme:compile 2>/dev/null`; then
    MPI_LIBS=`$MPICC --showme:link`
else
    PE_MISSING([Open MPI], [libopenmpi-dev])
fi
AC_SUBST([MPI_CFLAGS])
AC_SUBST([MPI_LIBS])
])
