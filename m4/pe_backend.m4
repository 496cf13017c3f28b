# SYNOPSIS
#
#   PE_BACKEND(NAME, PROSE)
#
# DESCRIPTION
#
#   --without-NAME leaves the backend of a scheduler out, whose sources are in
#   src/backend/NAME.  Sets the conditional WITH_NAME, in capitals, and adds
#   what is left out to pe_backends_left_out.

AC_DEFUN([PE_BACKEND], [
AC_ARG_WITH([$1],
    [AS_HELP_STRING([--without-$1], [leave out pilots in jobs of $2])],
    [], [with_$1=yes])
test "$with_$1" != no || pe_backends_left_out="$pe_backends_left_out $1"
AM_CONDITIONAL(m4_toupper([WITH_$1]), [test "$with_$1" != no])
])
