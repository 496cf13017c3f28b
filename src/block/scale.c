/* scale.c - how values were scaled on their way, as header pe_scale has it. */
#include "scale.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEM_MAX 64 /* two numbers of %.17g and what is between them */

static bool grow(double **listp, uint32_t n)
{
    double *more = realloc(*listp, n * sizeof(*more));

    if (more)
        *listp = more;
    return more;
}

int scale_reserve(double **shiftp, double **scalep, uint32_t *capp, uint32_t n,
                  pe_error *errp)
{
    if (n <= *capp)
        return 0;
    if (!grow(shiftp, n) || !grow(scalep, n))
        return pe_error_nomem(errp);
    *capp = n;
    return 0;
}

int scale_encode(const double *shift, const double *scale, uint32_t n,
                 text *out)
{
    out->len = 0;
    for (uint32_t k = 0; k < n && out->len <= SCALE_BYTES_MAX; k++) {
        char item[ITEM_MAX];
        int len = snprintf(item, sizeof(item), "%s%.17g:%.17g", k ? "," : "",
                           shift[k], scale[k]);

        text_add_bytes(out, item, (size_t)len);
    }
    return out->failed || out->len > SCALE_BYTES_MAX ? -1 : 0;
}

/* "SHIFT:SCALE" */
static int take_item(const char *at, size_t len, double *shift, double *scale)
{
    char item[ITEM_MAX], *colon;

    if (len >= sizeof(item))
        return -1;
    memcpy(item, at, len);
    item[len] = '\0';
    colon = strchr(item, ':');
    if (!colon)
        return -1;
    *colon = '\0';
    return text_parse_float(item, shift) < 0 ||
                   text_parse_float(colon + 1, scale) < 0
               ? -1
               : 0;
}

int scale_decode(const char *s, size_t len, uint32_t n, double *shift,
                 double *scale)
{
    const char *end = s + len;

    for (uint32_t k = 0; k < n; k++) {
        const char *comma = memchr(s, ',', (size_t)(end - s));
        const char *to = comma ? comma : end;

        if (!comma != (k + 1 == n) ||
            take_item(s, (size_t)(to - s), &shift[k], &scale[k]) < 0)
            return -1;
        s = comma ? comma + 1 : end;
    }
    return s == end && n > 0 ? 0 : -1;
}
