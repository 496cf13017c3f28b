# SYNOPSIS
#
#   PE_TRY_FLAGS(VARIABLE, FLAG...)
#   PE_TRY_LDFLAGS(VARIABLE, FLAG...)
#   PE_WERROR
#   PE_LIBRARY
#   PE_SANITIZERS
#   PE_HARDENING
#
# DESCRIPTION
#
#   PE_TRY_FLAGS adds those of the flags to VARIABLE that the compiler knows;
#   of a -Wno-X, which gcc takes unseen, it is asked for -WX.  PE_TRY_LDFLAGS
#   does so for the linker.
#
#   PE_LIBRARY sets PE_PIC, by which rooms are compiled that libpilot has in it.
#
#   --enable-werror makes warnings errors (on in CI).  --enable-sanitizers
#   builds with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer,
#   --enable-sanitizers=thread with ThreadSanitizer.  What is hardened always
#   is what costs nothing that can be measured; _FORTIFY_SOURCE needs an
#   optimising compiler and is in the way of sanitizers.

AC_DEFUN([PE_TRY_FLAGS], [
pe_cflags=$CFLAGS
for pe_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([for $pe_flag])
    CFLAGS="$pe_cflags -Werror `echo "X$pe_flag" | sed 's/^X//; s/^-Wno-/-W/'`"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
        [$1="$$1 $pe_flag"
         AC_MSG_RESULT([yes])],
        [AC_MSG_RESULT([no])])
done
CFLAGS=$pe_cflags
])

AC_DEFUN([PE_TRY_LDFLAGS], [
pe_ldflags=$LDFLAGS
for pe_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([for $pe_flag])
    LDFLAGS="$pe_ldflags $pe_flag"
    AC_LINK_IFELSE([AC_LANG_PROGRAM()],
        [$1="$$1 $pe_flag"
         AC_MSG_RESULT([yes])],
        [AC_MSG_RESULT([no])])
done
LDFLAGS=$pe_ldflags
])

AC_DEFUN([PE_WERROR], [
AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [make warnings errors])])
PE_CFLAGS="-std=c11 -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion"
if test "x$enable_werror" = xyes; then
    PE_CFLAGS="$PE_CFLAGS -Werror"
fi
PE_TRY_FLAGS([PE_CFLAGS], [-Wformat=2 -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Wnull-dereference])
# An enum without a name holds constants, of which some are counts.
PE_TRY_FLAGS([PE_CFLAGS], [-Wno-enum-float-conversion])
AC_SUBST([PE_CFLAGS])
])

AC_DEFUN([PE_LIBRARY], [
PE_PIC=
PE_TRY_FLAGS([PE_PIC], [-fPIC -fno-semantic-interposition])
AC_SUBST([PE_PIC])
])

AC_DEFUN([PE_SANITIZERS], [
AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers@<:@=thread@:>@],
        [build with ASan, LSan and UBSan, or with TSan])])
case $enable_sanitizers in
yes) PE_SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" ;;
thread) PE_SANITIZE="-fsanitize=thread" ;;
no | "") PE_SANITIZE= ;;
*) AC_MSG_ERROR([--enable-sanitizers=$enable_sanitizers: it is yes or thread])
esac
if test -n "$PE_SANITIZE"; then
    PE_SANITIZE="$PE_SANITIZE -fno-omit-frame-pointer"
fi
AC_SUBST([PE_SANITIZE])
])

AC_DEFUN([PE_HARDENING], [
PE_HARDEN=
PE_HARDEN_LINK=
PE_TRY_FLAGS([PE_HARDEN],
    [-fstack-protector-strong -fstack-clash-protection])
PE_TRY_LDFLAGS([PE_HARDEN_LINK], [-Wl,-z,relro -Wl,-z,now])
AC_MSG_CHECKING([for -D_FORTIFY_SOURCE=3])
pe_cflags=$CFLAGS
pe_fortify="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3"
CFLAGS="$CFLAGS -Werror $pe_fortify"
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>
#ifndef __OPTIMIZE__
#error nothing is optimised
#endif
]])], [], [pe_fortify=])
CFLAGS=$pe_cflags
if test -n "$pe_fortify" && test -z "$PE_SANITIZE"; then
    PE_HARDEN="$PE_HARDEN $pe_fortify"
    AC_MSG_RESULT([yes])
else
    AC_MSG_RESULT([no])
fi
AC_SUBST([PE_HARDEN])
AC_SUBST([PE_HARDEN_LINK])
])
