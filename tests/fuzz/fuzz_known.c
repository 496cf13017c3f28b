/* fuzz_known.c - any bytes as a known_hosts file, and as a key of a host.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_known.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/host/ssh_known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

/* A key that a file has is found in it, and its type is a word. */
static void run_keys(const ssh_known *k)
{
    for (size_t i = 0; i < k->n; i++) {
        const ssh_known_key *found = NULL;
        char type[64];

        ssh_known_type(k->keys[i].blob, k->keys[i].len, type, sizeof(type));
        expect(memchr(type, '\0', sizeof(type)) != NULL);
        enum ssh_known_verdict v =
            ssh_known_check(k, k->keys[i].blob, k->keys[i].len, &found);
        expect(v == SSH_KNOWN_MATCH || v == SSH_KNOWN_REVOKED);
        expect(found != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1), type[16];
    const ssh_known_key *found = NULL;
    ssh_known k = {0};
    text words = {0};

    if (!copy)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    ssh_known_type(data, size, type, sizeof(type));
    expect(memchr(type, '\0', sizeof(type)) != NULL);
    expect(ssh_known_parse(&k, copy, "fuzz", "h.site", 22) == 0);
    run_keys(&k);
    ssh_known_check(&k, data, size, &found);
    ssh_known_algorithms(&k, &words);
    text_free(&words);
    ssh_known_free(&k);
    free(copy);
    return 0;
}
