/* seal_mac.c - HMAC-SHA256 (RFC 2104), many times by one key. */
#include "seal_private.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct seal_mac {
    EVP_MD_CTX *inner, *outer, *work;
};

static int fail(pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "libcrypto has no SHA-256");
}

static EVP_MD_CTX *keyed(const unsigned char key[SEAL_KEY], unsigned char pad)
{
    unsigned char block[SEAL_BLOCK];
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    memset(block, pad, sizeof(block));
    for (size_t i = 0; i < SEAL_KEY; i++)
        block[i] ^= key[i];
    if (c && (!EVP_DigestInit_ex(c, EVP_sha256(), NULL) ||
              !EVP_DigestUpdate(c, block, sizeof(block)))) {
        EVP_MD_CTX_free(c);
        c = NULL;
    }
    OPENSSL_cleanse(block, sizeof(block));
    return c;
}

seal_mac *seal_mac_open(const unsigned char key[SEAL_KEY], pe_error *errp)
{
    seal_mac *m = calloc(1, sizeof(*m));

    if (!m) {
        pe_error_nomem(errp);
        return NULL;
    }
    m->inner = keyed(key, 0x36);
    m->outer = keyed(key, 0x5c);
    m->work = EVP_MD_CTX_new();
    if (m->inner && m->outer && m->work)
        return m;
    fail(errp);
    seal_mac_close(m);
    return NULL;
}

void seal_mac_close(seal_mac *m)
{
    if (!m)
        return;
    EVP_MD_CTX_free(m->inner);
    EVP_MD_CTX_free(m->outer);
    EVP_MD_CTX_free(m->work);
    free(m);
}

int seal_mac_begin(seal_mac *m)
{
    return EVP_MD_CTX_copy_ex(m->work, m->inner) ? 0 : -1;
}

int seal_mac_add(seal_mac *m, const void *data, size_t len)
{
    return EVP_DigestUpdate(m->work, data, len) ? 0 : -1;
}

int seal_mac_end(seal_mac *m, unsigned char out[SEAL_KEY])
{
    unsigned char inner[EVP_MAX_MD_SIZE];
    int ok = EVP_DigestFinal_ex(m->work, inner, NULL) &&
             EVP_MD_CTX_copy_ex(m->work, m->outer) &&
             EVP_DigestUpdate(m->work, inner, SEAL_KEY) &&
             EVP_DigestFinal_ex(m->work, inner, NULL);

    if (ok)
        memcpy(out, inner, SEAL_KEY);
    return ok ? 0 : -1;
}

/* --- a message, piece by piece --- */

static void flush(seal_feed *f)
{
    if (f->n > 0 && seal_mac_add(f->mac, f->at, f->n) < 0)
        f->failed = 1;
    f->n = 0;
}

void seal_feed_begin(seal_feed *f, seal_mac *m, const char *what)
{
    f->mac = m;
    f->n = 0;
    f->failed = seal_mac_begin(m) < 0;
    seal_feed_raw(f, what, strlen(what));
}

void seal_feed_raw(seal_feed *f, const void *data, size_t len)
{
    if (len > sizeof(f->at) - f->n)
        flush(f);
    if (len > sizeof(f->at)) {
        f->failed |= seal_mac_add(f->mac, data, len) < 0;
    } else if (len > 0) {
        memcpy(f->at + f->n, data, len);
        f->n += len;
    }
}

void seal_feed_u32(seal_feed *f, uint32_t v)
{
    const unsigned char b[] = {(unsigned char)v, (unsigned char)(v >> 8),
                               (unsigned char)(v >> 16),
                               (unsigned char)(v >> 24)};

    seal_feed_raw(f, b, sizeof(b));
}

void seal_feed_bytes(seal_feed *f, const void *data, size_t len)
{
    seal_feed_u32(f, data ? (uint32_t)len : UINT32_MAX);
    if (data)
        seal_feed_raw(f, data, len);
}

int seal_feed_end(seal_feed *f, unsigned char out[SEAL_KEY])
{
    flush(f);
    return f->failed || seal_mac_end(f->mac, out) < 0 ? -1 : 0;
}
