/* options.h - named, typed values of a stage, checked against a table. */
#ifndef PILOT_OPTIONS_H
#define PILOT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum pe_option_type {
    PE_OPTION_INT,    /* integer in [min, max] */
    PE_OPTION_FLOAT,  /* number in [min, max] */
    PE_OPTION_BOOL,   /* true, false, yes, no, on, off */
    PE_OPTION_STRING, /* text; choices, where given, lists what is allowed */
    PE_OPTION_SIZE,   /* bytes; the unit is required: 64MiB, 4kB, 512B */
    PE_OPTION_TIME,   /* seconds; the unit is required: 250ms, 30s, 10m, 1h */
};

/* One row of a table of options; a table ends with a row without a name. */
typedef struct pe_option_spec {
    const char *name;
    enum pe_option_type type;
    double min, max;     /* of numbers, sizes (bytes), times (seconds) */
    const char *def;     /* default as the user would write it; NULL: none */
    const char *choices; /* blank-separated words, or NULL */
    const char *prose;   /* one line for --help and the manual */
} pe_option_spec;

/* Values for one table; opaque. */
typedef struct pe_options pe_options;

/* New set with every default of [specs] in place.  [specs] is borrowed for
 * the life of the set and may be NULL (a table without rows).
 */
pe_options *pe_options_create(const pe_option_spec *specs, pe_error *errp);

/* Free [o] (may be NULL). */
void pe_options_destroy(pe_options *o);

/* Parse [text] as the value of [name].  Errors (input, 78): unknown name
 * (the nearest known one is named), wrong type, missing unit, out of range.
 */
int pe_options_set(pe_options *o, const char *name, const char *text,
                   pe_error *errp);

/* Accept any name as a string option from now on (functions without a
 * table).
 */
void pe_options_allow_any(pe_options *o);

/* True when [name] was set or has a default. */
bool pe_options_has(const pe_options *o, const char *name);

/* Values.  The name must be in the table with that type (a program error
 * otherwise: 0, NULL or false is returned).  Strings live as long as the set.
 */
int64_t pe_options_int(const pe_options *o, const char *name);
double pe_options_float(const pe_options *o, const char *name);
bool pe_options_bool(const pe_options *o, const char *name);
const char *pe_options_string(const pe_options *o, const char *name);
uint64_t pe_options_size(const pe_options *o, const char *name);
double pe_options_time(const pe_options *o, const char *name);

/* The text of [name] as it was set, or its default, or NULL. */
const char *pe_options_text(const pe_options *o, const char *name);

/* Call [visit] for every option that has a value, in table order. */
void pe_options_each(const pe_options *o,
                     void (*visit)(void *arg, const char *name,
                                   const char *text),
                     void *arg);

#ifdef __cplusplus
}
#endif
#endif
