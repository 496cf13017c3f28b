/* value.h - one value of a table's row: its text, checked and parsed. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/options.h>

/* What a text stands for, by the type of its row. */
typedef union config_value {
    int64_t i;     /* PE_OPTION_INT */
    double f;      /* PE_OPTION_FLOAT; PE_OPTION_TIME: seconds */
    bool b;        /* PE_OPTION_BOOL */
    uint64_t size; /* PE_OPTION_SIZE: bytes */
} config_value;

/* Parse [text] by [spec] (its type, range and choices; min and max both 0: no
 * range).  *out changes on success only.  Errors: input, 78, "NAME: 'TEXT'
 * ...": no such value, no unit, out of range, none of the choices.
 */
int config_value_parse(const pe_option_spec *spec, const char *name,
                       const char *text, config_value *out, pe_error *errp);

#endif
