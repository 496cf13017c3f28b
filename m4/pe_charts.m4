# SYNOPSIS
#
#   PE_CHECK_CHARTS
#
# DESCRIPTION
#
#   --without-report: `pilot report` and `pilot serve` then show no page, and
#   print JSON only.  The charts library is a file of a package, Chart.js, which
#   goes into the program as it is; CHARTS_JS is given, or found.  A page that
#   has it inside has to survive it: no "</script" in it.

AC_DEFUN([PE_CHECK_CHARTS], [
AC_ARG_VAR([CHARTS_JS], [file of the charts library of pages, chart.min.js])
AC_ARG_WITH([report],
    [AS_HELP_STRING([--without-report],
        [make no pages of runs, and need no Chart.js])],
    [], [with_report=yes])
AC_MSG_CHECKING([for Chart.js])
if test "x$with_report" = xno; then
    # An empty file: the assembler takes no device.
    CHARTS_JS='$(abs_top_srcdir)/src/page/none.js'
    AC_MSG_RESULT([left out])
else
    for pe_file in /usr/share/javascript/chart.js/chart.min.js \
        /usr/share/javascript/chart.js/Chart.min.js \
        /usr/share/javascript/chart.js/chart.umd.js; do
        test -n "$CHARTS_JS" || test ! -r $pe_file || CHARTS_JS=$pe_file
    done
    if test -z "$CHARTS_JS" || test ! -r "$CHARTS_JS"; then
        AC_MSG_RESULT([no])
        PE_MISSING([Chart.js; or configure --without-report],
            [libjs-chart.js])
    elif grep -qi '</script' "$CHARTS_JS"; then
        AC_MSG_RESULT([no])
        AC_MSG_ERROR([$CHARTS_JS cannot stand in a page: it has a </script in it])
    else
        AC_MSG_RESULT([$CHARTS_JS])
    fi
fi
AC_SUBST([CHARTS_JS])
])
