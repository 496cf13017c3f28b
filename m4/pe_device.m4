# SYNOPSIS
#
#   PE_DEVICE
#   PE_CHECK_OPENBLAS
#   PE_CHECK_SSH
#
# DESCRIPTION
#
#   --disable-pool builds what a device runs: no pilot-agent, and nothing of
#   MPI, schedulers, HDF5, OpenBLAS, libssh2, ncurses, libmicrohttpd and
#   Chart.js.  Each of these but MPI can be had by its own --with-NAME all the
#   same.  It has to stand in front of the macros whose defaults it sets.
#
#   --without-openblas: models score and learn by the kernels of this tree
#   alone.  --without-ssh: no pilot is behind SSH, and nothing goes through a
#   login node.  Both are left out with the pool.

AC_DEFUN([PE_DEVICE], [
AC_ARG_ENABLE([pool],
    [AS_HELP_STRING([--disable-pool],
        [build pilot-edge and what a device needs: no MPI, Slurm, HDF5,
        OpenBLAS, libssh2])],
    [], [enable_pool=yes])
if test "x$enable_pool" = xno; then
    for pe_name in slurm pbs hdf5 openblas ssh ncurses microhttpd report \
        mqtt zmq; do
        eval ": \${with_$pe_name=no}"
    done
fi
])

AC_DEFUN([PE_CHECK_OPENBLAS], [
AC_ARG_WITH([openblas],
    [AS_HELP_STRING([--without-openblas],
        [use no BLAS, and need no OpenBLAS])],
    [], [with_openblas=yes])
OPENBLAS_CFLAGS=
if test "x$with_openblas" != xno; then
    PE_CHECK_PKG([OPENBLAS], [openblas], [libopenblas-dev])
    OPENBLAS_CFLAGS="-DPE_OPENBLAS $OPENBLAS_CFLAGS"
fi
AC_SUBST([OPENBLAS_CFLAGS])
])

AC_DEFUN([PE_CHECK_SSH], [
AC_ARG_WITH([ssh],
    [AS_HELP_STRING([--without-ssh],
        [reach no host by SSH, and need no libssh2])],
    [], [with_ssh=yes])
SSH2_CFLAGS=
SSH2_LIBS=
if test "x$with_ssh" != xno; then
    PE_CHECK_PKG([SSH2], [libssh2], [libssh2-1-dev])
fi
AC_SUBST([SSH2_CFLAGS])
AC_SUBST([SSH2_LIBS])
AM_CONDITIONAL([WITH_SSH], [test "x$with_ssh" != xno])
])
