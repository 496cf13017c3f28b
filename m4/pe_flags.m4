# SYNOPSIS
#
#   PE_WERROR
#   PE_SANITIZERS
#
# DESCRIPTION
#
#   --enable-werror makes warnings errors (on in CI).  --enable-sanitizers
#   builds with AddressSanitizer and UndefinedBehaviorSanitizer.

AC_DEFUN([PE_WERROR], [
AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [make warnings errors])])
PE_CFLAGS="-std=c11 -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion"
if test "x$enable_werror" = xyes; then
    PE_CFLAGS="$PE_CFLAGS -Werror"
fi
AC_SUBST([PE_CFLAGS])
])

AC_DEFUN([PE_SANITIZERS], [
AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers], [build with ASan and UBSan])])
PE_SANITIZE=
if test "x$enable_sanitizers" = xyes; then
    PE_SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all"
    PE_SANITIZE="$PE_SANITIZE -fno-omit-frame-pointer"
fi
AC_SUBST([PE_SANITIZE])
AM_CONDITIONAL([SANITIZERS], [test -n "$PE_SANITIZE"])
])
