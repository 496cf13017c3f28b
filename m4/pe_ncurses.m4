# SYNOPSIS
#
#   PE_CHECK_NCURSES
#
# DESCRIPTION
#
#   --without-ncurses leaves the screen of `pilot top` out, which prints what
#   there is then.  Sets NCURSES_CFLAGS and NCURSES_LIBS, and the conditional
#   HAVE_NCURSES.

AC_DEFUN([PE_CHECK_NCURSES], [
AC_ARG_WITH([ncurses],
    [AS_HELP_STRING([--without-ncurses],
        [leave the screen of `pilot top` out])],
    [], [with_ncurses=yes])
if test "$with_ncurses" != no; then
    PE_CHECK_PKG([NCURSES], [ncursesw], [libncurses-dev])
fi
AC_MSG_CHECKING([whether to build pilot-top])
AC_MSG_RESULT([$with_ncurses])
AM_CONDITIONAL([HAVE_NCURSES], [test "$with_ncurses" != no])
])
