# SYNOPSIS
#
#   PE_CHECK_GATHER(NAME, PREFIX, MODULE, PACKAGE, PROSE)
#
# DESCRIPTION
#
#   --without-NAME: `pilot-gateway` then takes no messages of PROSE.  Sets
#   PREFIX_CFLAGS and PREFIX_LIBS, and the conditional WITH_NAME, in capitals.

AC_DEFUN([PE_CHECK_GATHER], [
AC_ARG_WITH([$1],
    [AS_HELP_STRING([--without-$1], [take no messages of $5, and need no $4])],
    [], [with_$1=yes])
if test "x$with_$1" != xno; then
    PE_CHECK_PKG([$2], [$3], [$4])
else
    $2_CFLAGS=
    $2_LIBS=
    AC_SUBST([$2_CFLAGS])
    AC_SUBST([$2_LIBS])
fi
AM_CONDITIONAL(m4_toupper([WITH_$1]), [test "x$with_$1" != xno])
])
