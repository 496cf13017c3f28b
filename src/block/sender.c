/* sender.c - whose a record is: a device's of this run, or somebody else's. */
#include "sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/common/random.h"
#include "src/common/text.h"

static const char root[] = "/pilot-edge/";
#define ROOT_LEN (sizeof(root) - 1)

/* Bytes at [s] that may stand in a name as they are, 0: none. */
static size_t clean_len(const unsigned char *s, size_t left)
{
    return *s == '%' ? 0 : text_printable(s, left);
}

/* Bytes at the beginning of [s] that stand for themselves, as all of most
 * names do.
 */
static size_t plain_len(const unsigned char *s, size_t len)
{
    size_t n = 0;

    while (n < len && s[n] >= ' ' && s[n] < 0x7f && s[n] != '%')
        n++;
    return n;
}

void sender_name(const void *bytes, size_t len, char *name)
{
    static const char hex[] = "0123456789ABCDEF";
    enum { TAIL = 17 }; /* "~" and a hash */
    const unsigned char *s = bytes;
    size_t at = 0, cut = 0, n;

    if (len < SENDER_NAME && plain_len(s, len) == len) {
        memcpy(name, s, len);
        name[len] = '\0';
        return;
    }
    for (size_t i = 0; i < len; i += n) {
        size_t clean = clean_len(s + i, len - i);

        n = clean ? clean : 1;
        if (at + (clean ? n : 3) >= SENDER_NAME) {
            snprintf(name + cut, SENDER_NAME - cut, "~%016" PRIx64,
                     random_hash(0, bytes, len));
            return;
        }
        if (clean) {
            memcpy(name + at, s + i, n);
            at += n;
        } else {
            name[at++] = '%';
            name[at++] = hex[s[i] >> 4];
            name[at++] = hex[s[i] & 15];
        }
        if (at + TAIL < SENDER_NAME)
            cut = at;
    }
    name[at] = '\0';
}

/* Is it a name that is written as it is? */
static bool is_name(const void *bytes, size_t len)
{
    const unsigned char *s = bytes;
    size_t n = 1;

    for (size_t i = plain_len(s, len); n && i < len; i += n)
        n = clean_len(s + i, len - i);
    return n && len > 0 && len < SENDER_NAME;
}

/* What follows the root in the source: RUN/DEVICE; false: it is none. */
static bool find_source(const record_headers *h, const char **atp, size_t *lenp)
{
    const record_header *s = record_find(h, "ce_source");

    if (!s || !s->value || s->len <= ROOT_LEN ||
        memcmp(s->value, root, ROOT_LEN))
        return false;
    *atp = s->value + ROOT_LEN;
    *lenp = s->len - ROOT_LEN;
    return true;
}

bool sender_source_of(const record_headers *h, sender_source *out)
{
    const char *at, *slash;
    size_t len;

    if (!find_source(h, &at, &len))
        return false;
    slash = memchr(at, '/', len);
    if (!slash || slash == at || slash + 1 == at + len)
        return false;
    *out = (sender_source){at, slash + 1, (size_t)(slash - at),
                           (size_t)(at + len - slash - 1)};
    return true;
}

static bool has_number(const record_headers *h)
{
    return record_find(h, "pe_seq") && record_find(h, "pe_boot");
}

enum sender sender_decode(const record_headers *h, const char *run,
                          const void *key, size_t key_len, int32_t partition,
                          char *name)
{
    size_t run_len = strlen(run), len = 0;
    const char *at = NULL, *slash;
    bool keyed = key && key_len > 0, sourced = find_source(h, &at, &len);

    if (sourced && len == run_len + 1 + key_len && keyed &&
        !memcmp(at, run, run_len) && at[run_len] == '/' &&
        !memcmp(at + run_len + 1, key, key_len) && is_name(key, key_len) &&
        has_number(h)) {
        memcpy(name, key, key_len); /* is_name has seen all of it */
        name[key_len] = '\0';
        return SENDER_OURS;
    }
    slash = sourced ? memchr(at, '/', len) : NULL;
    if (slash && slash > at && slash + 1 < at + len && has_number(h) &&
        !(len > run_len && !memcmp(at, run, run_len) && at[run_len] == '/')) {
        sender_name(at, len, name);
        return SENDER_OTHER;
    }
    if (keyed)
        sender_name(key, key_len, name);
    else
        snprintf(name, SENDER_NAME, "%" PRId32, partition);
    return SENDER_STRANGER;
}
