/* value.c - one value of a table's row: its text, checked and parsed. */
#include "value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/common/text.h"

/* The s of a limit has to fit, with its unit. */
#define LIMIT_MAX 40

/* A unit to show limits in.  Tables start with the largest and end with the
 * one for nothing at all.
 */
typedef struct unit {
    const char *name;
    double factor;
} unit;

static const unit no_units[] = {{"", 0}};
static const unit size_units[] = {
    {"GiB", 0x1p30}, {"MiB", 0x1p20}, {"KiB", 1024}, {"B", 1}, {"B", 0}};
static const unit time_units[] = {{"h", 3600},  {"m", 60},    {"s", 1},
                                  {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9},
                                  {"s", 0}};

static const struct {
    const char *what;    /* "'x' is not WHAT" */
    const char *written; /* how such a value is written, or NULL */
} types[] = {
    [PE_OPTION_INT] = {"an integer", NULL},
    [PE_OPTION_FLOAT] = {"a number", NULL},
    [PE_OPTION_BOOL] = {"true or false", NULL},
    [PE_OPTION_STRING] = {"a text", NULL},
    [PE_OPTION_SIZE] = {"a size", "512B, 64kB, 64MiB"},
    [PE_OPTION_TIME] = {"a time", "250ms, 30s, 10m, 1h"},
};

static int refuse(const char *name, const char *s, const char *why,
                  pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s: '%s' %s",
                        name, s, why);
}

/* A bare number where a unit is needed, or no such value at all. */
static int refuse_type(enum pe_option_type type, const char *name,
                       const char *s, pe_error *errp)
{
    const char *written = types[type].written;
    char why[256];
    double number;

    if (written && text_parse_float(s, &number) == 0)
        snprintf(why, sizeof(why), "needs a unit: %.60s%s, %.60s%s", s,
                 type == PE_OPTION_TIME ? "ms" : "kB", s,
                 type == PE_OPTION_TIME ? "s" : "MiB");
    else if (written)
        snprintf(why, sizeof(why), "is not %s; write it as in %s",
                 types[type].what, written);
    else
        snprintf(why, sizeof(why), "is not %s", types[type].what);
    return refuse(name, s, why, errp);
}

/* [value] as a user would write it, in the largest unit it fills. */
static void limit_print(double value, const unit *u, char *out)
{
    while (u->factor > 0 && value < u->factor)
        u++;
    snprintf(out, LIMIT_MAX, "%.15g%s",
             u->factor > 0 ? value / u->factor : value, u->name);
}

static void limit_text(const pe_option_spec *spec, double value, char *out)
{
    const unit *units = spec->type == PE_OPTION_SIZE   ? size_units
                        : spec->type == PE_OPTION_TIME ? time_units
                                                       : no_units;

    limit_print(value, units, out);
}

static int check_range(const pe_option_spec *spec, const char *name,
                       const char *s, double value, pe_error *errp)
{
    char low[LIMIT_MAX], high[LIMIT_MAX], why[3 * LIMIT_MAX];

    if ((spec->min == 0 && spec->max == 0) ||
        (value >= spec->min && value <= spec->max))
        return 0;
    limit_text(spec, spec->min, low);
    limit_text(spec, spec->max, high);
    if (spec->min == spec->max)
        snprintf(why, sizeof(why), "is not %s", low);
    else if (isinf(spec->max) || spec->max >= 9007199254740991.0) /* no limit */
        snprintf(why, sizeof(why), "is less than %s", low);
    else
        snprintf(why, sizeof(why), "is not between %s and %s", low, high);
    return refuse(name, s, why, errp);
}

/* Is [s] one of the blank-separated [choices]? */
static bool is_choice(const char *choices, const char *s)
{
    size_t len = strlen(s);

    for (const char *c = choices; *c;) {
        size_t n = strcspn(c, " ");
        if (n == len && n > 0 && !strncmp(c, s, n))
            return true;
        c += n + (c[n] == ' ');
    }
    return false;
}

static int check_choice(const pe_option_spec *spec, const char *name,
                        const char *s, pe_error *errp)
{
    char why[512];

    if (!spec->choices || is_choice(spec->choices, s))
        return 0;
    snprintf(why, sizeof(why), "is not one of: %.400s", spec->choices);
    return refuse(name, s, why, errp);
}

/* The number behind [s], for the range; 0, or -1: no such value. */
static int parse_number(enum pe_option_type type, const char *s,
                        config_value *v, double *numberp)
{
    int status;

    if (type == PE_OPTION_INT) {
        status = text_parse_int(s, &v->i);
        *numberp = (double)v->i;
    } else if (type == PE_OPTION_SIZE) {
        status = text_parse_size(s, &v->size);
        *numberp = (double)v->size;
    } else {
        status = type == PE_OPTION_TIME ? text_parse_time(s, &v->f)
                                        : text_parse_float(s, &v->f);
        *numberp = v->f;
    }
    return status;
}

int config_value_parse(const pe_option_spec *spec, const char *name,
                       const char *s, config_value *out, pe_error *errp)
{
    config_value v = {0};
    double number = 0;
    int truth = 0;

    if (spec->type == PE_OPTION_STRING)
        return check_choice(spec, name, s, errp);
    if (spec->type == PE_OPTION_BOOL) {
        if (text_parse_bool(s, &truth) < 0)
            return refuse_type(spec->type, name, s, errp);
        out->b = truth != 0;
        return 0;
    }
    if (parse_number(spec->type, s, &v, &number) < 0)
        return refuse_type(spec->type, name, s, errp);
    if (check_range(spec, name, s, number, errp) < 0)
        return -1;
    *out = v;
    return 0;
}
