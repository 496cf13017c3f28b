# SYNOPSIS
#
#   PE_KERNELS
#
# DESCRIPTION
#
#   Which vector kernels are built.  Each is compiled with the flags of its
#   own instruction set; which one runs is decided by the machine that runs
#   it, so a package needs no -march.

AC_DEFUN([PE_KERNELS], [
AC_MSG_CHECKING([for vector kernels])
pe_kernels=
AC_COMPILE_IFELSE([AC_LANG_SOURCE([
#ifndef __x86_64__
#error no
#endif
])], [pe_kernels=x86])
AC_COMPILE_IFELSE([AC_LANG_SOURCE([
#ifndef __aarch64__
#error no
#endif
])], [pe_kernels=arm])
case $pe_kernels in
x86) AC_MSG_RESULT([avx2 avx512])
     PE_KERNELS_CPPFLAGS=-DPE_X86_KERNELS ;;
arm) AC_MSG_RESULT([neon])
     PE_KERNELS_CPPFLAGS=-DPE_ARM_KERNELS ;;
*)   AC_MSG_RESULT([none; plain C and BLAS])
     PE_KERNELS_CPPFLAGS= ;;
esac
AC_SUBST([PE_KERNELS_CPPFLAGS])

# A user's CFLAGS come last, and their -O2 takes the place of an -O3 of ours:
# what we want of it is named.
PE_KERNELS_CFLAGS="-ffp-contract=off -fno-math-errno -fno-trapping-math"
PE_KERNELS_CFLAGS="$PE_KERNELS_CFLAGS -ftree-vectorize"
# For clang a loop that we ask it to unroll and whose length it does not know
# is worth a warning.
PE_TRY_FLAGS([PE_KERNELS_CFLAGS],
    [-fvect-cost-model=dynamic -fno-split-paths -Wno-pass-failed])
AC_SUBST([PE_KERNELS_CFLAGS])
AM_CONDITIONAL([X86_KERNELS], [test "x$pe_kernels" = xx86])
AM_CONDITIONAL([ARM_KERNELS], [test "x$pe_kernels" = xarm])
])
