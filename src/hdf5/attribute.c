/* attribute.c - attributes of data sets, and the packing of CF. */
#include "hdf5.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest attribute that is read. */
#define VALUES_MAX 1024

bool hdf5_has(hid_t object, const char *name)
{
    return H5Aexists(object, name) > 0;
}

/* Texts of [n] values of [size] bytes each, not NUL-ended. */
static void add_fixed(const char *raw, size_t n, size_t size, char *out,
                      size_t cap)
{
    size_t len = 0;

    for (size_t i = 0; i < n && len + 1 < cap; i++) {
        size_t k = strnlen(raw + i * size, size);
        while (k > 0 && raw[i * size + k - 1] == ' ')
            k--;
        len += (size_t)snprintf(out + len, cap - len, "%s%.*s", i ? " " : "",
                                (int)k, raw + i * size);
    }
}

static void add_variable(char *const *texts, size_t n, char *out, size_t cap)
{
    size_t len = 0;

    for (size_t i = 0; i < n && len + 1 < cap; i++)
        len += (size_t)snprintf(out + len, cap - len, "%s%s", i ? " " : "",
                                texts[i] ? texts[i] : "");
}

static bool read_texts(hid_t a, hid_t t, hid_t space, size_t n, char *out,
                       size_t cap)
{
    size_t size = H5Tget_size(t);
    char *raw;
    bool ok;

    if (H5Tget_class(t) != H5T_STRING || n == 0 || n > VALUES_MAX ||
        size > 65536)
        return false;
    raw = calloc(n, size + 1);
    ok = raw && H5Aread(a, t, raw) >= 0;
    if (ok && H5Tis_variable_str(t)) {
        add_variable((char *const *)(void *)raw, n, out, cap);
        (void)H5Dvlen_reclaim(t, space, H5P_DEFAULT, raw);
    } else if (ok) {
        add_fixed(raw, n, size, out, cap);
    }
    free(raw);
    return ok;
}

bool hdf5_text(hid_t object, const char *name, char *out, size_t cap)
{
    hid_t a, t, space;
    bool ok = false;

    out[0] = '\0';
    if (!hdf5_has(object, name))
        return false;
    a = H5Aopen(object, name, H5P_DEFAULT);
    t = a < 0 ? -1 : H5Aget_type(a);
    space = a < 0 ? -1 : H5Aget_space(a);
    if (t >= 0 && space >= 0)
        ok = read_texts(a, t, space,
                        (size_t)H5Sget_simple_extent_npoints(space), out, cap);
    if (space >= 0)
        H5Sclose(space);
    if (t >= 0)
        H5Tclose(t);
    if (a >= 0)
        H5Aclose(a);
    return ok;
}

/* As hdf5_numbers; *wholep: they are whole numbers. */
static size_t numbers(hid_t object, const char *name, double *out, size_t cap,
                      bool *wholep)
{
    hid_t a, t, space;
    hssize_t n = 0;
    double *all = NULL;

    if (!hdf5_has(object, name))
        return 0;
    a = H5Aopen(object, name, H5P_DEFAULT);
    t = a < 0 ? -1 : H5Aget_type(a);
    space = a < 0 ? -1 : H5Aget_space(a);
    if (t >= 0 && space >= 0 &&
        (H5Tget_class(t) == H5T_INTEGER || H5Tget_class(t) == H5T_FLOAT)) {
        *wholep = H5Tget_class(t) == H5T_INTEGER;
        n = H5Sget_simple_extent_npoints(space);
        if (n < 0 || n > VALUES_MAX)
            n = 0;
        all = n > 0 ? calloc((size_t)n, sizeof(*all)) : NULL;
        if (!all || H5Aread(a, H5T_NATIVE_DOUBLE, all) < 0)
            n = 0;
    }
    if ((size_t)n > cap)
        n = (hssize_t)cap;
    if (n > 0)
        memcpy(out, all, (size_t)n * sizeof(*out));
    free(all);
    if (space >= 0)
        H5Sclose(space);
    if (t >= 0)
        H5Tclose(t);
    if (a >= 0)
        H5Aclose(a);
    return (size_t)n;
}

size_t hdf5_numbers(hid_t object, const char *name, double *out, size_t cap)
{
    bool whole;

    return numbers(object, name, out, cap, &whole);
}

/* --- CF --- */

/* What netCDF writes where nobody has (netcdf.h, NC_FILL_*); bytes have none
 * by convention.
 */
static bool default_fill(element e, double *fillp)
{
    static const struct {
        char kind;
        unsigned char size;
        double fill;
    } fills[] = {{'i', 2, -32767},
                 {'u', 2, 65535},
                 {'i', 4, -2147483647.0},
                 {'u', 4, 4294967295.0},
                 {'i', 8, -9223372036854775806.0},
                 {'u', 8, 18446744073709551614.0},
                 {'f', 4, (double)9.9692099683868690e+36f},
                 {'f', 8, 9.9692099683868690e+36}};

    for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
        if (fills[i].kind != e.kind || fills[i].size != e.size)
            continue;
        *fillp = fills[i].fill;
        return true;
    }
    return false;
}

/* Bytes that were written as signed numbers and are not. */
static double as_unsigned(double x, unsigned char size)
{
    return x < 0 ? x + ldexp(1, 8 * size) : x;
}

static void read_range(hid_t set, hdf5_packing *p, element e, bool turned)
{
    double range[2];
    bool whole = true;

    p->low = p->high = (double)NAN;
    if (numbers(set, "valid_range", range, 2, &whole) == 2) {
        p->low = range[0];
        p->high = range[1];
    } else {
        numbers(set, "valid_min", &p->low, 1, &whole);
        numbers(set, "valid_max", &p->high, 1, &whole);
    }
    /* A range in floats, of packed whole numbers, is one of what they stand
     * for.
     */
    p->unpacked = !whole && e.kind != 'f';
    if (turned && !p->unpacked) {
        p->low = as_unsigned(p->low, e.size);
        p->high = as_unsigned(p->high, e.size);
    }
}

void hdf5_packing_read(hid_t set, bool netcdf, grid_items *items,
                       hdf5_packing *p)
{
    char word[8];
    bool turned = false;

    *p = (hdf5_packing){.scale = 1, .low = (double)NAN, .high = (double)NAN};
    if (items->n > 0)
        return;
    if (hdf5_text(set, "_Unsigned", word, sizeof(word)) &&
        (word[0] == 't' || word[0] == 'T') && items->type.kind == 'i') {
        items->type.kind = 'u';
        turned = true;
    }
    hdf5_numbers(set, "scale_factor", &p->scale, 1);
    hdf5_numbers(set, "add_offset", &p->offset, 1);
    p->fills = hdf5_numbers(set, "_FillValue", p->fill, 1);
    if (p->fills == 0 && netcdf)
        p->fills = default_fill(items->type, p->fill);
    p->fills += hdf5_numbers(set, "missing_value", p->fill + p->fills,
                             HDF5_FILLS - p->fills);
    for (size_t i = 0; turned && i < p->fills; i++)
        p->fill[i] = as_unsigned(p->fill[i], items->type.size);
    read_range(set, p, items->type, turned);
    p->any = p->fills > 0 || p->scale != 1 || p->offset != 0 ||
             !isnan(p->low) || !isnan(p->high);
}
