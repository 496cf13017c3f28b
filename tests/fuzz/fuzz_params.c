/* fuzz_params.c - any bytes as what a Redis has, and as a token.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_params.c
 *
 * The first byte says what the rest is.  A state has its right sum, too, or
 * nothing behind the sum would ever be read.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/token.h"
#include "src/common/text.h"
#include "src/params/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

static void run_state(const char *s)
{
    params_state state = {0};
    params_head h;
    pe_error e = {0};

    if (params_layout_parse(s, "key", &h, &state, &e) < 0)
        expect(e.text[0] != '\0');
    params_state_free(&state);
    params_head_parse(s, &h);
}

static void run_summed(const char *s)
{
    char sum[DIGEST_SHA1_HEX + 1];
    text t = {0};

    pe_error e = {0};

    if (digest_sha1(s, strlen(s), sum, &e) < 0)
        return;
    text_add(&t, "%ssum %s\n", s, sum);
    if (!t.failed)
        run_state(t.data);
    text_free(&t);
}

/* A field and its value, with a line's end between. */
static void run_field(char *s)
{
    static const params_parse_f parse[] = {
        params_offset_parse, params_device_parse, params_end_parse,
        params_lease_parse};
    union {
        params_offset offset;
        params_device device;
        params_end end;
        params_lease lease;
    } item;
    char *value = strchr(s, '\n');

    if (!value)
        return;
    *value++ = '\0';
    for (size_t i = 0; i < sizeof(parse) / sizeof(parse[0]); i++) {
        pe_error e = {0};

        memset(&item, 0, sizeof(item));
        if (parse[i](s, value, &item, &e) < 0)
            expect(e.text[0] != '\0');
        else /* the string of each is its first member */
            free(*(char **)(void *)&item);
        if (parse[i] == params_lease_parse && !e.text[0]) {
            free(item.lease.incarnation);
            free(item.lease.partitions);
            free(item.lease.facts);
        }
    }
}

/* What a name says, it says again. */
static void run_name(char *s)
{
    char *again;

    if (params_name_decode(s) < 0)
        return;
    again = params_name_encode(s);
    if (!again)
        return;
    expect(params_name_decode(again) == 0 && !strcmp(again, s));
    free(again);
}

static void run_token(const char *s)
{
    pe_error e = {0};
    token t;

    if (token_parse(s, NULL, &t, &e) < 0)
        expect(e.text[0] != '\0');
    else
        expect(memchr(t.who, '\0', sizeof(t.who)) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char commit[PE_COMMIT_ID_LEN + 1];
    char *s;

    if (size == 0 || !(s = malloc(size)))
        return 0;
    memcpy(s, data + 1, size - 1);
    s[size - 1] = '\0';
    switch (*data % 6) {
    case 0:
        run_state(s);
        break;
    case 1:
        run_summed(s);
        break;
    case 2:
        run_field(s);
        break;
    case 3:
        run_name(s);
        break;
    case 4:
        run_token(s);
        break;
    default:
        params_announcement_parse(s, size - 1, commit);
        break;
    }
    free(s);
    return 0;
}
