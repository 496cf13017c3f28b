/* reason.c - reasons of refusals, told apart. */
#include "reason.h"

#include <ctype.h>

void reason_kind(const char *reason, char *out, size_t cap)
{
    size_t n = 0;

    while (*reason && n + 1 < cap) {
        if (!isdigit((unsigned char)*reason)) {
            out[n++] = *reason++;
            continue;
        }
        out[n++] = '#';
        while (isdigit((unsigned char)*reason))
            reason++;
    }
    out[n] = '\0';
}
