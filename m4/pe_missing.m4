# SYNOPSIS
#
#   PE_MISSING_INIT
#   PE_MISSING(NAME, DEBIAN-PACKAGE)
#   PE_CHECK_PKG(PREFIX, MODULE, DEBIAN-PACKAGE, [VERSION])
#   PE_MISSING_STOP
#
# DESCRIPTION
#
#   Collect what is missing, so that one run of configure names it all, each
#   in one line with the Debian package that brings it.  PE_CHECK_PKG looks
#   for MODULE, of that VERSION at the least, with pkg-config and sets
#   PREFIX_CFLAGS and PREFIX_LIBS.

AC_DEFUN([PE_MISSING_INIT], [
pe_missing=
AC_PATH_TOOL([PKG_CONFIG], [pkg-config])
if test -z "$PKG_CONFIG"; then
    AC_MSG_ERROR([missing pkg-config: apt-get install pkg-config])
fi
])

AC_DEFUN([PE_MISSING], [
AC_MSG_WARN([missing $1: apt-get install $2])
pe_missing="$pe_missing $2"
])

AC_DEFUN([PE_CHECK_PKG], [
AC_MSG_CHECKING([for $2])
if $PKG_CONFIG --exists "$2 m4_default([$4], [>= 0])"; then
    $1_CFLAGS=`$PKG_CONFIG --cflags $2`
    $1_LIBS=`$PKG_CONFIG --libs $2`
    pe_version=`$PKG_CONFIG --modversion $2`
    AC_MSG_RESULT([$pe_version])
else
    AC_MSG_RESULT([no])
    PE_MISSING([$2 m4_if([$4], [], [], [($4)])], [$3])
fi
AC_SUBST([$1_CFLAGS])
AC_SUBST([$1_LIBS])
])

AC_DEFUN([PE_MISSING_STOP], [
if test -n "$pe_missing"; then
    AC_MSG_ERROR([missing packages: apt-get install$pe_missing])
fi
])
