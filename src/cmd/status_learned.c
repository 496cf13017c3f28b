/* status_learned.c - `pilot status --learned`: what each device has learned. */
#include "status_learned.h"

#include <stdio.h>
#include <stdlib.h>

#include "src/common/clock.h"

#define SCHEMA 1
#define SHOWN 40 /* lines of the table */

/* Where the members of a device's row are, in a progress event of an edge. */
enum {
    AT_NAME = 0,
    AT_SYNCS = 8,
    AT_ROWS,
    AT_HELD,
    AT_VERSION,
    AT_AGE,
    AT_MB,
    AT_END
};

typedef struct learned {
    json_t *devices;
    json_int_t left_out;
} learned;

static json_int_t int_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static double seconds_since(const json_t *heard)
{
    double s = (double)(clock_real_ns() - int_of(heard, "time_ns")) / 1e9;

    return s > 0 ? s : 0;
}

/* Commits that a device's base is behind the newest one that a pool of its run
 * tells of: [versions], by run.
 */
static void behind_add(json_t *o, const char *run, const json_t *versions)
{
    json_int_t newest = int_of(versions, run), own = int_of(o, "version");

    if (newest > 0 && own > 0)
        json_object_set_new(o, "behind",
                            json_integer(newest > own ? newest - own : 0));
}

static void put(learned *l, json_t *o, const pilot_record *r,
                const json_t *versions)
{
    json_object_set_new(o, "pilot", json_string(r->id));
    behind_add(o, r->run, versions);
    json_array_append_new(l->devices, o);
}

/* One that runs. */
static json_t *of_row(const json_t *row, double age_s)
{
    json_t *age = json_array_get(row, AT_AGE);
    json_t *o = json_pack(
        "{s:O, s:O, s:O, s:O, s:O, s:O}", "device",
        json_array_get(row, AT_NAME), "syncs", json_array_get(row, AT_SYNCS),
        "rows", json_array_get(row, AT_ROWS), "held",
        json_array_get(row, AT_HELD), "version",
        json_array_get(row, AT_VERSION), "mb", json_array_get(row, AT_MB));

    if (json_is_number(age))
        json_object_set_new(o, "age_s",
                            json_real(json_number_value(age) + age_s));
    return o;
}

/* One that has ended. */
static json_t *of_final(const json_t *d, double age_s)
{
    json_t *age = json_object_get(d, "age_s");
    json_t *o = json_pack(
        "{s:O, s:O, s:O, s:O, s:f}", "device", json_object_get(d, "device"),
        "syncs", json_object_get(d, "syncs"), "rows",
        json_object_get(d, "rows"), "version", json_object_get(d, "version"),
        "mb", (double)int_of(d, "bytes") / 1e6);

    if (json_is_number(age))
        json_object_set_new(o, "age_s",
                            json_real(json_number_value(age) + age_s));
    return o;
}

static void take(learned *l, const pilot_record *r, const json_t *heard,
                 const json_t *versions)
{
    const json_t *final =
        json_object_get(json_object_get(heard, "final"), "learned");
    const json_t *progress = json_object_get(heard, "progress");
    const json_t *list = json_object_get(final, "devices"), *row;
    json_int_t n = int_of(final, "n"), shown;
    double age_s = seconds_since(heard);
    size_t i, before = json_array_size(l->devices);

    json_array_foreach(list, i, row)
    {
        put(l, of_final(row, age_s), r, versions);
    }
    if (!final) {
        list = json_object_get(progress, "device");
        n = int_of(json_object_get(progress, "last"), "devices");
        json_array_foreach(list, i, row)
        {
            if (json_array_size(row) >= AT_END)
                put(l, of_row(row, age_s), r, versions);
        }
    }
    shown = (json_int_t)(json_array_size(l->devices) - before);
    l->left_out += shown > 0 && n > shown ? n - shown : 0;
}

/* The newest version that a pool tells of, by run. */
static json_t *versions_of(const pilots *p)
{
    json_t *out = json_object();

    for (size_t i = 0; i < p->n; i++) {
        const json_t *heard = json_object_get(p->heard, p->r[i].id);
        json_int_t v = int_of(json_object_get(heard, "progress"), "version");

        if (v > int_of(out, p->r[i].run))
            json_object_set_new(out, p->r[i].run, json_integer(v));
    }
    return out;
}

/* --- the table --- */

/* Silent for longest first; who was never heard of before all. */
static int by_age(const void *a, const void *b)
{
    const json_t *x = json_object_get(*(json_t *const *)a, "age_s");
    const json_t *y = json_object_get(*(json_t *const *)b, "age_s");
    double s = x ? json_number_value(x) : 1e18;
    double t = y ? json_number_value(y) : 1e18;

    return (s < t) - (s > t);
}

static void cell(const json_t *o, const char *key, int width)
{
    const json_t *v = json_object_get(o, key);

    if (json_is_integer(v))
        printf(" %*lld", width, (long long)json_integer_value(v));
    else if (json_is_real(v))
        printf(" %*.1f", width, json_real_value(v));
    else
        printf(" %*s", width, "-");
}

static void line_print(const json_t *o)
{
    const char *name = json_string_value(json_object_get(o, "device"));

    printf("%-16s", name ? name : "?");
    cell(o, "syncs", 6);
    cell(o, "rows", 12);
    cell(o, "held", 9);
    cell(o, "age_s", 8);
    cell(o, "behind", 7);
    cell(o, "mb", 8);
    printf("  %s\n", json_string_value(json_object_get(o, "pilot")));
}

static int table_print(const learned *l, bool header, pe_error *errp)
{
    size_t n = json_array_size(l->devices);
    size_t shown = n < SHOWN ? n : SHOWN;
    size_t more = n - shown + (size_t)l->left_out;
    json_t **order = malloc((n + 1) * sizeof(*order));

    if (!order)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n; i++)
        order[i] = json_array_get(l->devices, i);
    qsort(order, n, sizeof(*order), by_age);
    if (header && n > 0)
        printf("%-16s %6s %12s %9s %8s %7s %8s  %s\n", "DEVICE", "SYNCS",
               "ROWS", "HELD", "AGE_S", "BEHIND", "UP_MB", "PILOT");
    for (size_t i = 0; i < shown; i++)
        line_print(order[i]);
    if (more > 0)
        printf("and %zu more\n", more);
    if (n == 0)
        printf("no device of these pilots learns\n");
    free(order);
    return 0;
}

int status_learned(const pilots *p, bool header, bool json, pe_error *errp)
{
    learned l = {.devices = json_array()};
    json_t *versions = versions_of(p), *all;
    int rc = 0;

    for (size_t i = 0; i < p->n; i++)
        take(&l, &p->r[i], json_object_get(p->heard, p->r[i].id), versions);
    if (!json) {
        rc = table_print(&l, header, errp);
    } else {
        all = json_pack("{s:i, s:O, s:I}", "schema", SCHEMA, "devices",
                        l.devices, "left_out", l.left_out);
        rc = all ? 0 : pe_error_nomem(errp);
        if (all) {
            json_dumpf(all, stdout, JSON_INDENT(2)); /* main looks at stdout */
            putchar('\n');
        }
        json_decref(all);
    }
    json_decref(versions);
    json_decref(l.devices);
    return rc;
}
