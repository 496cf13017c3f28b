/* token.c - bearer tokens: read from a file, and until when they hold. */
#include "src/broker/token.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/file.h"

#define HOUR_MS INT64_C(3600000)

char *token_read(const char *path, const char *kept, pe_error *errp)
{
    char *text = path ? file_read_secret(path, errp) : NULL;

    if (!text && kept)
        text = strdup(kept);
    if (!text && !path)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no token: name a token-file");
    return text;
}

/* A digit of base64 as tokens are written in (RFC 4648, section 5). */
static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* The claims, between the first two dots; NULL: it has none. */
static json_t *claims(const char *text)
{
    const char *from = strchr(text, '.');
    const char *end = from ? strchr(++from, '.') : NULL;
    char *data = end ? malloc((size_t)(end - from) + 1) : NULL;
    uint32_t bits = 0;
    size_t len = 0;
    int n = 0;
    json_t *o;

    for (const char *p = from; data && p < end && *p != '='; p++) {
        int d = digit(*p);

        if (d < 0) {
            free(data);
            return NULL;
        }
        bits = bits << 6 | (uint32_t)d;
        n += 6;
        if (n >= 8) {
            n -= 8;
            data[len++] = (char)(bits >> n & 0xff);
        }
    }
    o = data ? json_loadb(data, len, 0, NULL) : NULL;
    free(data);
    return o;
}

int token_parse(const char *text, const char *user, token *out, pe_error *errp)
{
    int64_t now_ms = clock_real_ns() / 1000000;
    json_t *o = claims(text);
    const char *sub = json_string_value(json_object_get(o, "sub"));
    const json_t *exp = json_object_get(o, "exp");
    double until = json_number_value(exp) * 1000;

    snprintf(out->who, sizeof(out->who), "%s",
             sub    ? sub
             : user ? user
                    : "pilot");
    out->until_ms = now_ms + HOUR_MS;
    if (json_is_number(exp) && until < 9e18)
        out->until_ms = (int64_t)until;
    json_decref(o);
    if (out->until_ms > now_ms)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                        "the token was good until %lld s ago; renew it",
                        (long long)((now_ms - out->until_ms) / 1000));
}
