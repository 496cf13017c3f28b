# SYNOPSIS
#
#   PE_TRY_FLAGS(VARIABLE, FLAG...)
#   PE_WERROR
#   PE_SANITIZERS
#
# DESCRIPTION
#
#   PE_TRY_FLAGS adds those of the flags to VARIABLE that the compiler knows;
#   of a -Wno-X, which gcc takes unseen, it is asked for -WX.
#
#   --enable-werror makes warnings errors (on in CI).  --enable-sanitizers
#   builds with AddressSanitizer and UndefinedBehaviorSanitizer.

AC_DEFUN([PE_TRY_FLAGS], [
pe_cflags=$CFLAGS
for pe_flag in $2; do
    AC_MSG_CHECKING([for $pe_flag])
    CFLAGS="$pe_cflags -Werror `echo "X$pe_flag" | sed 's/^X//; s/^-Wno-/-W/'`"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
        [$1="$$1 $pe_flag"
         AC_MSG_RESULT([yes])],
        [AC_MSG_RESULT([no])])
done
CFLAGS=$pe_cflags
])

AC_DEFUN([PE_WERROR], [
AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [make warnings errors])])
PE_CFLAGS="-std=c11 -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion"
if test "x$enable_werror" = xyes; then
    PE_CFLAGS="$PE_CFLAGS -Werror"
fi
# An enum without a name holds constants, of which some are counts.
PE_TRY_FLAGS([PE_CFLAGS], [-Wno-enum-float-conversion])
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
