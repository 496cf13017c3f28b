# SYNOPSIS
#
#   PE_CHECK_HDF5
#
# DESCRIPTION
#
#   --without-hdf5: files of HDF5, NeXus and netCDF-4 are then refused by name.
#   The serial library, by pkg-config: where several are installed, `hdf5` may
#   be one of MPI's, which a device has not.  Sets HDF5_CFLAGS and HDF5_LIBS,
#   and the conditional HAVE_HDF5.

AC_DEFUN([PE_CHECK_HDF5], [
AC_ARG_WITH([hdf5],
    [AS_HELP_STRING([--without-hdf5],
        [read no HDF5, and need no libhdf5])],
    [], [with_hdf5=yes])
HDF5_CFLAGS=
HDF5_LIBS=
pe_hdf5=no
if test "x$with_hdf5" != xno; then
    for pe_module in hdf5-serial hdf5; do
        $PKG_CONFIG --exists "$pe_module >= 1.10.5" || continue
        pe_cppflags=$CPPFLAGS
        CPPFLAGS="$CPPFLAGS `$PKG_CONFIG --cflags $pe_module`"
        AC_PREPROC_IFELSE([AC_LANG_PROGRAM([[#include <hdf5.h>
#ifdef H5_HAVE_PARALLEL
#error
#endif
]])], [pe_hdf5=$pe_module])
        CPPFLAGS=$pe_cppflags
        test $pe_hdf5 = no || break
    done
    if test $pe_hdf5 = no; then
        PE_MISSING([a serial HDF5 (>= 1.10.5); or configure --without-hdf5],
            [libhdf5-dev])
    else
        HDF5_CFLAGS="-DPE_HDF5 -DH5_USE_110_API `$PKG_CONFIG --cflags $pe_hdf5`"
        HDF5_LIBS=`$PKG_CONFIG --libs $pe_hdf5`
    fi
fi
AC_MSG_CHECKING([whether to read HDF5])
AC_MSG_RESULT([$pe_hdf5])
AC_SUBST([HDF5_CFLAGS])
AC_SUBST([HDF5_LIBS])
AM_CONDITIONAL([HAVE_HDF5], [test $pe_hdf5 != no])
])
