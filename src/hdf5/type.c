/* type.c - which numbers an item of a data set holds. */
#include "hdf5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest name of a member within members. */
#define NAME_LEN 256

/* Of one data set. */
typedef struct scan {
    grid_items *items;
    const char *what; /* what it is, where it is no number */
    bool failed;      /* no memory, or too many */
} scan;

/* Is [t] one of the floats of IEEE, in its usual place? */
static bool is_ieee(hid_t t)
{
    static const struct {
        size_t size, spos, epos, esize, mpos, msize, bias;
    } known[] = {{2, 15, 10, 5, 0, 10, 15},
                 {4, 31, 23, 8, 0, 23, 127},
                 {8, 63, 52, 11, 0, 52, 1023}};
    size_t spos, epos, esize, mpos, msize, size = H5Tget_size(t);
    H5T_order_t order = H5Tget_order(t);

    if ((order != H5T_ORDER_LE && order != H5T_ORDER_BE) ||
        H5Tget_fields(t, &spos, &epos, &esize, &mpos, &msize) < 0)
        return false;
    for (size_t i = 0; i < 3; i++)
        if (known[i].size == size && known[i].spos == spos &&
            known[i].epos == epos && known[i].esize == esize &&
            known[i].mpos == mpos && known[i].msize == msize)
            return H5Tget_ebias(t) == known[i].bias;
    return false;
}

/* Whole numbers that fill their bytes. */
static bool is_whole(hid_t t, bool with_sign, element *e)
{
    size_t size = H5Tget_size(t);

    if (!element_is_known('u', size) || H5Tget_precision(t) != 8 * size ||
        H5Tget_offset(t) != 0)
        return false;
    *e = (element){with_sign && H5Tget_sign(t) == H5T_SGN_2 ? 'i' : 'u',
                   (unsigned char)size, H5Tget_order(t) == H5T_ORDER_BE};
    return true;
}

/* Is [t] a number whose bytes can be taken as they are? */
static bool plain(hid_t t, element *e)
{
    hid_t base;
    bool is;

    switch (H5Tget_class(t)) {
    case H5T_INTEGER:
        return is_whole(t, true, e);
    case H5T_BITFIELD:
        return is_whole(t, false, e);
    case H5T_FLOAT:
        *e = (element){'f', (unsigned char)H5Tget_size(t),
                       H5Tget_order(t) == H5T_ORDER_BE};
        return is_ieee(t);
    case H5T_ENUM: /* as h5py's truth values */
        base = H5Tget_super(t);
        is = base >= 0 && is_whole(base, true, e);
        if (base >= 0)
            H5Tclose(base);
        return is;
    default:
        return false;
    }
}

static const char *class_name(hid_t t)
{
    switch (H5Tget_class(t)) {
    case H5T_STRING:
        return "text";
    case H5T_REFERENCE:
        return "references";
    case H5T_VLEN:
        return "lists of different lengths";
    case H5T_OPAQUE:
        return "bytes without a meaning";
    case H5T_COMPOUND:
        return "records without a number";
    default:
        return "numbers of a kind that is not known";
    }
}

/* The two members that complex numbers are made of. */
static bool is_complex(hid_t t)
{
    char *a, *b;
    bool is = false;

    if (H5Tget_class(t) != H5T_COMPOUND || H5Tget_nmembers(t) != 2)
        return false;
    a = H5Tget_member_name(t, 0);
    b = H5Tget_member_name(t, 1);
    if (a && b)
        is = !strcmp(a, "r") && !strcmp(b, "i");
    H5free_memory(a);
    H5free_memory(b);
    return is;
}

static hid_t scan_type(scan *s, hid_t t, const char *name, size_t offset,
                       int depth);

/* NAME[0], NAME[1], ... */
static hid_t scan_array(scan *s, hid_t t, const char *name, size_t offset,
                        int depth)
{
    hid_t base = H5Tget_super(t), out = -1;
    size_t bytes = base < 0 ? 0 : H5Tget_size(base);
    element e;

    if (base >= 0 && plain(base, &e) && bytes > 0) {
        size_t n = H5Tget_size(t) / bytes;
        for (size_t i = 0; i < n && !s->failed; i++) {
            char one[NAME_LEN + 24];
            int len = snprintf(one, sizeof(one), "%s[%zu]", name, i);
            s->failed = grid_items_add(s->items, e, offset + i * bytes, one,
                                       (size_t)len, NULL) < 0;
        }
        out = H5Tcopy(t);
    } else {
        s->what = base >= 0 && H5Tget_class(base) == H5T_STRING
                      ? "arrays of text"
                      : "arrays of records";
    }
    (void)depth;
    if (base >= 0)
        H5Tclose(base);
    return out;
}

/* The members that are numbers, at their own places. */
static hid_t scan_compound(scan *s, hid_t t, const char *prefix, size_t offset,
                           int depth)
{
    hid_t out = H5Tcreate(H5T_COMPOUND, H5Tget_size(t));
    int n = H5Tget_nmembers(t), taken = 0;

    for (unsigned i = 0; out >= 0 && (int)i < n && !s->failed; i++) {
        char *name = H5Tget_member_name(t, i), full[NAME_LEN];
        hid_t m = H5Tget_member_type(t, i), r = -1;
        size_t at = H5Tget_member_offset(t, i);
        if (name && m >= 0) {
            snprintf(full, sizeof(full), "%s%s%s", prefix, *prefix ? "." : "",
                     name);
            r = scan_type(s, m, full, offset + at, depth + 1);
        }
        if (r >= 0) {
            s->failed = s->failed || H5Tinsert(out, name, at, r) < 0;
            H5Tclose(r);
            taken++;
        }
        if (m >= 0)
            H5Tclose(m);
        H5free_memory(name);
    }
    if (out >= 0 && taken == 0) {
        H5Tclose(out);
        out = -1;
    }
    return out;
}

/* [t], a member called [name] at [offset] of the item: the type to read it
 * with; -1: no number in it.
 */
static hid_t scan_type(scan *s, hid_t t, const char *name, size_t offset,
                       int depth)
{
    element e;
    hid_t out = -1;

    s->what = NULL;
    if (is_complex(t)) {
        s->what = "complex numbers; give their real and imaginary parts apart";
    } else if (H5Tget_class(t) == H5T_COMPOUND && depth < HDF5_DEPTH_MAX) {
        out = scan_compound(s, t, name, offset, depth);
        if (out >= 0)
            return out;
    } else if (H5Tget_class(t) == H5T_ARRAY) {
        out = scan_array(s, t, name, offset, depth);
    } else if (plain(t, &e)) {
        s->failed =
            grid_items_add(s->items, e, offset, name, strlen(name), NULL) < 0;
        out = H5Tcopy(t);
    }
    if (out >= 0)
        return out;
    if (!s->what)
        s->what = class_name(t);
    if (depth > 0)
        grid_items_leave_out(s->items, name, strlen(name), s->what,
                             strcspn(s->what, ";"));
    return -1;
}

/* A number that the library makes a double of. */
static bool is_odd_number(hid_t t)
{
    H5T_class_t c = H5Tget_class(t);

    return c == H5T_INTEGER || c == H5T_FLOAT;
}

hid_t hdf5_type(hid_t type, grid_items *items, const char **whatp)
{
    scan s = {.items = items};
    hid_t out;

    memset(items, 0, sizeof(*items));
    items->bytes = H5Tget_size(type);
    if (plain(type, &items->type))
        return H5Tcopy(type);
    if (is_odd_number(type)) {
        items->type = (element){'f', 8, false};
        items->bytes = 8;
        return H5Tcopy(H5T_IEEE_F64LE);
    }
    out = scan_type(&s, type, "", 0, 0);
    if (out >= 0 && !s.failed)
        return out;
    *whatp = s.failed ? "records of too many numbers" : s.what;
    grid_items_clear(items);
    if (out >= 0)
        H5Tclose(out);
    return -1;
}
