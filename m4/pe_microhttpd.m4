# SYNOPSIS
#
#   PE_CHECK_MICROHTTPD
#
# DESCRIPTION
#
#   --without-microhttpd: `pilot serve` then has no web page, and writes metrics
#   to a file alone.  Sets MICROHTTPD_CFLAGS and MICROHTTPD_LIBS, and the
#   conditional HAVE_MICROHTTPD.

AC_DEFUN([PE_CHECK_MICROHTTPD], [
AC_ARG_WITH([microhttpd],
    [AS_HELP_STRING([--without-microhttpd],
        [serve no web page, and need no libmicrohttpd])],
    [], [with_microhttpd=yes])
if test "x$with_microhttpd" != xno; then
    PE_CHECK_PKG([MICROHTTPD], [libmicrohttpd], [libmicrohttpd-dev],
        [>= 0.9.71])
else
    MICROHTTPD_CFLAGS=
    MICROHTTPD_LIBS=
    AC_SUBST([MICROHTTPD_CFLAGS])
    AC_SUBST([MICROHTTPD_LIBS])
fi
AM_CONDITIONAL([HAVE_MICROHTTPD], [test "x$with_microhttpd" != xno])
])
