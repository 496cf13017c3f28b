/* seal_text.c - signatures of texts that stand in a service. */
#include "seal_private.h"

#include <openssl/crypto.h>
#include <string.h>

#define TEXT "pilot-edge text 1\n"

int seal_text(seal *s, const seal_words *w, char hex[SEAL_HEX + 1],
              pe_error *errp)
{
    unsigned char sum[SEAL_KEY];
    pe_error e = {0};
    seal_signer *k =
        seal_find(s, w->run, strlen(w->run), w->device, strlen(w->device), &e);
    seal_feed f;

    if (!k) {
        if (errp && e.kind != PE_ERROR_NONE)
            *errp = e;
        return e.kind == PE_ERROR_NONE ? 0 : -1;
    }
    seal_feed_begin(&f, k->mac, TEXT);
    seal_feed_bytes(&f, w->what, strlen(w->what));
    seal_feed_bytes(&f, w->device, strlen(w->device));
    seal_feed_bytes(&f, w->text, strlen(w->text));
    if (seal_feed_end(&f, sum) < 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "libcrypto cannot sign");
    seal_hex(sum, hex);
    return 1;
}

bool seal_same(const char *hex, const char *said)
{
    return strlen(said) == SEAL_HEX && CRYPTO_memcmp(hex, said, SEAL_HEX) == 0;
}
