# SYNOPSIS
#
#   PE_CHECK_LIBSLURM
#
# DESCRIPTION
#
#   --with-libslurm=yes|no|auto: Slurm's library, for pilot-slurm alone.  Without
#   it Slurm's commands are used for everything.  Sets SLURM_CFLAGS and
#   SLURM_LIBS, and the conditional HAVE_LIBSLURM.  The function that names a
#   job's reason got another name in Slurm 24.05; PE_SLURM_REASON is that name.

AC_DEFUN([PE_CHECK_LIBSLURM], [
AC_ARG_WITH([libslurm],
    [AS_HELP_STRING([--with-libslurm=yes|no|auto],
        [build pilot-slurm, which asks Slurm through its library (auto)])],
    [], [with_libslurm=auto])
SLURM_CFLAGS=
SLURM_LIBS=
pe_slurm=no
test "$with_slurm" != no || with_libslurm=no
if test "$with_libslurm" != no; then
    pe_reason=
    AC_CHECK_HEADER([slurm/slurm.h], [
        AC_CHECK_LIB([slurm], [slurm_job_reason_string],
            [pe_reason=slurm_job_reason_string],
            [AC_CHECK_LIB([slurm], [slurm_job_state_reason_string],
                [pe_reason=slurm_job_state_reason_string])])])
    if test -n "$pe_reason"; then
        pe_slurm=yes
        SLURM_CFLAGS="-DPE_SLURM_REASON=$pe_reason"
        SLURM_LIBS=-lslurm
    elif test "$with_libslurm" = yes; then
        PE_MISSING([libslurm], [libslurm-dev])
    fi
fi
AC_MSG_CHECKING([whether to build pilot-slurm])
AC_MSG_RESULT([$pe_slurm])
AC_SUBST([SLURM_CFLAGS])
AC_SUBST([SLURM_LIBS])
AM_CONDITIONAL([HAVE_LIBSLURM], [test $pe_slurm = yes])
])
