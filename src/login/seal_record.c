/* seal_record.c - signatures of records, and of texts. */
#include "seal_private.h"

#include <openssl/crypto.h>
#include <string.h>

#include "src/block/sender.h"
#include "src/common/text.h"

#define RECORD "pilot-edge record 1\n"

/* What is signed. */
typedef struct content {
    const record_header *h; /* the first [n] headers */
    size_t n;
    const void *value;
    size_t len;
} content;

/* With its length in front of each piece, so no two records are the same
 * bytes.
 */
static int digest(seal_mac *mac, const seal_place *at, const content *c,
                  unsigned char out[SEAL_KEY])
{
    seal_feed f;

    seal_feed_begin(&f, mac, RECORD);
    seal_feed_bytes(&f, at->topic, strlen(at->topic));
    seal_feed_u32(&f, (uint32_t)at->partition);
    seal_feed_bytes(&f, at->key, at->key_len);
    seal_feed_u32(&f, (uint32_t)c->n);
    for (size_t i = 0; i < c->n; i++) {
        seal_feed_bytes(&f, c->h[i].name, strlen(c->h[i].name));
        seal_feed_bytes(&f, c->h[i].value, c->h[i].len);
    }
    seal_feed_u32(&f, (uint32_t)((uint64_t)c->len >> 32));
    seal_feed_u32(&f, (uint32_t)c->len);
    seal_feed_raw(&f, c->value, c->len);
    return seal_feed_end(&f, out);
}

static int fail(pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "libcrypto cannot sign");
}

int seal_signer_sign(seal_signer *k, const seal_place *at, record_headers *h,
                     const void *value, size_t len, pe_error *errp)
{
    unsigned char sum[SEAL_KEY];
    char hex[SEAL_HEX + 1];

    if (digest(k->mac, at, &(content){h->h, h->n, value, len}, sum) < 0)
        return fail(errp);
    seal_hex(sum, hex);
    record_add(h, SEAL_HEADER, hex);
    if (!h->overflow)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "the headers of a record of '%.64s' do not fit with a "
                        "signature; shorten the names of run, stage or device",
                        at->key ? (const char *)at->key : "-");
}

/* The last header, where it is a signature. */
static const record_header *signature(const record_headers *h)
{
    const record_header *last = h->n > 0 ? &h->h[h->n - 1] : NULL;

    return last && last->value && last->len == SEAL_HEX &&
                   !strcmp(last->name, SEAL_HEADER)
               ? last
               : NULL;
}

bool seal_signer_has(seal_signer *k, const seal_place *at,
                     const record_headers *h, const void *value, size_t len)
{
    const record_header *said = signature(h);
    unsigned char is[SEAL_KEY], has[SEAL_KEY];

    return said && !h->overflow &&
           seal_unhex(said->value, said->len, has) == 0 &&
           digest(k->mac, at, &(content){h->h, h->n - 1, value, len}, is) ==
               0 &&
           CRYPTO_memcmp(is, has, SEAL_KEY) == 0;
}

/* The signer whom the source of a record names; NULL: nobody, or an error. */
static seal_signer *signer_of(seal *s, const record_headers *h,
                              sender_source *from, pe_error *errp)
{
    if (!sender_source_of(h, from))
        return NULL;
    return seal_find(s, from->run, from->run_len, from->device,
                     from->device_len, errp);
}

int seal_sign(seal *s, const seal_place *at, record_headers *h,
              const void *value, size_t len, pe_error *errp)
{
    sender_source from = {0};
    pe_error e = {0};
    seal_signer *k = signer_of(s, h, &from, &e);

    if (k)
        return seal_signer_sign(k, at, h, value, len, errp);
    if (e.kind == PE_ERROR_NONE)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "there is no key here of '%.*s/%.*s', and a record "
                            "of it cannot be signed",
                            (int)from.run_len, from.run ? from.run : "",
                            (int)from.device_len,
                            from.device ? from.device : "");
    if (errp)
        *errp = e;
    return -1;
}

/* What is written by nobody knows whom is shown as text. */
static int refuse(pe_error *errp, const sender_source *from, const char *why)
{
    char run[80], device[120];

    text_shown(from->run, from->run_len, run, sizeof(run));
    text_shown(from->device, from->device_len, device, sizeof(device));
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        SEAL_FORGED "%s '%s/%s', of which it says it is", why,
                        run, device);
}

int seal_check(seal *s, const seal_place *at, const record_headers *h,
               const void *value, size_t len, pe_error *errp)
{
    sender_source from = {0};
    pe_error e = {0};
    seal_signer *k = signer_of(s, h, &from, &e);

    if (e.kind != PE_ERROR_NONE) {
        if (errp)
            *errp = e;
        return -1;
    }
    if (!from.run)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            SEAL_FORGED "it is not signed, and says not of "
                                        "which device it is");
    if (!signature(h))
        return refuse(errp, &from, "it is not signed by");
    if (!k || !seal_signer_has(k, at, h, value, len))
        return refuse(errp, &from, "its signature is not that of");
    return 0;
}
