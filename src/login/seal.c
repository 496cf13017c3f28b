/* seal.c - files of keys, and the keys that are made of others. */
#include "seal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/random.h"
#include "src/common/text.h"

#define FILE_BYTES_MAX ((size_t)64 << 20)
/* Signers that are kept, so that whatever names records have, memory is
 * bounded; a power of two.
 */
#define SLOTS 4096

/* A key that stands in the file. */
typedef struct line {
    char *name; /* RUN, RUN/DEVICE */
    unsigned char key[SEAL_KEY];
} line;

typedef struct slot {
    char *name; /* RUN/DEVICE */
    seal_signer signer;
} slot;

struct seal {
    bool whole;
    unsigned char run[SEAL_KEY];
    line *senders, *devices; /* by name */
    size_t n_senders, n_devices, cap_senders, cap_devices;
    slot *slots;
};

/* --- bytes as text --- */

void seal_hex(const unsigned char bytes[SEAL_KEY], char hex[SEAL_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < SEAL_KEY; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[SEAL_HEX] = '\0';
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int seal_unhex(const char *hex, size_t len, unsigned char bytes[SEAL_KEY])
{
    if (len != SEAL_HEX)
        return -1;
    for (size_t i = 0; i < SEAL_KEY; i++) {
        int high = digit_of(hex[2 * i]), low = digit_of(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return -1;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return 0;
}

/* --- made --- */

int seal_make(const char *path, pe_error *errp)
{
    unsigned char key[SEAL_KEY];
    char said[SEAL_HEX + 8] = "run ", hex[SEAL_HEX + 1];
    int status;

    if (RAND_bytes(key, sizeof(key)) != 1)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "libcrypto has no random numbers for a key");
    seal_hex(key, hex);
    memcpy(said + 4, hex, SEAL_HEX);
    memcpy(said + 4 + SEAL_HEX, "\n", 2);
    status = access(path, F_OK) == 0
                 ? pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                                "%s is there already", path)
                 : file_write(path, said, strlen(said), 0600, errp);
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(hex, sizeof(hex));
    OPENSSL_cleanse(said, sizeof(said));
    return status;
}

/* --- read --- */

static int add_line(line **list, size_t *np, size_t *capp, const char *name,
                    size_t len, const unsigned char key[SEAL_KEY])
{
    char *copy = text_format("%.*s", (int)len, name);

    if (*np == *capp && copy) {
        size_t cap = *capp ? 2 * *capp : 16;
        line *more = calloc(cap, sizeof(*more));

        if (more && *np > 0)
            memcpy(more, *list, *np * sizeof(*more));
        if (more && *list)
            OPENSSL_cleanse(*list, *np * sizeof(*more));
        if (!more) {
            free(copy);
            return -1;
        }
        free(*list);
        *list = more;
        *capp = cap;
    }
    if (!copy)
        return -1;
    (*list)[*np].name = copy;
    memcpy((*list)[(*np)++].key, key, SEAL_KEY);
    return 0;
}

/* WORD [NAME] HEX, of [len] bytes: 0; 1: it is none; -1: no memory. */
static int take_line(seal *s, const char *at, size_t len)
{
    static const struct {
        const char *word;
        size_t len;
    } words[] = {{"run ", 4}, {"sender ", 7}, {"device ", 7}};
    unsigned char key[SEAL_KEY];
    const char *name = at;
    size_t n, kind = 0;
    int rc = 1;

    while (kind < 3 && (len < words[kind].len ||
                        memcmp(at, words[kind].word, words[kind].len) != 0))
        kind++;
    if (kind == 3 || len < words[kind].len + SEAL_HEX ||
        seal_unhex(at + len - SEAL_HEX, SEAL_HEX, key) < 0)
        return 1;
    name += words[kind].len;
    n = len - words[kind].len - SEAL_HEX;
    if (kind == 0 && n == 0 && !s->whole) {
        s->whole = true;
        memcpy(s->run, key, SEAL_KEY);
        rc = 0;
    } else if (kind == 1 && n > 1 && name[n - 1] == ' ') {
        rc = add_line(&s->senders, &s->n_senders, &s->cap_senders, name, n - 1,
                      key);
    } else if (kind == 2 && n > 1 && name[n - 1] == ' ') {
        rc = add_line(&s->devices, &s->n_devices, &s->cap_devices, name, n - 1,
                      key);
    }
    OPENSSL_cleanse(key, sizeof(key));
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const line *)a)->name, ((const line *)b)->name);
}

static int take_all(seal *s, const char *data, size_t len, const char *path,
                    pe_error *errp)
{
    const char *at = data, *end = data + len;

    for (int number = 1; at < end; number++) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((eol ? eol : end) - at);
        int rc = memchr(at, '\0', n) ? 1 : take_line(s, at, n);

        if (rc < 0)
            return pe_error_nomem(errp);
        if (rc > 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s:%d is no key: it is 'run', 'sender RUN' or "
                                "'device RUN/DEVICE' and %d hex digits; 'pilot "
                                "run' and 'pilot key gateway' write such files",
                                path, number, SEAL_HEX);
        at += n + 1;
    }
    if (!s->whole && s->n_senders + s->n_devices == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s has no key",
                            path);
    if (s->n_senders > 0)
        qsort(s->senders, s->n_senders, sizeof(line), by_name);
    if (s->n_devices > 0)
        qsort(s->devices, s->n_devices, sizeof(line), by_name);
    return 0;
}

seal *seal_open(const char *path, pe_error *errp)
{
    size_t len = 0;
    char *data = file_read_private(path, FILE_BYTES_MAX, &len, errp);
    seal *s = data ? calloc(1, sizeof(*s)) : NULL;
    int status = -1;

    if (s && (s->slots = calloc(SLOTS, sizeof(*s->slots))))
        status = take_all(s, data, len, path, errp);
    else if (data)
        pe_error_nomem(errp);
    if (data)
        OPENSSL_cleanse(data, len);
    free(data);
    if (status == 0)
        return s;
    seal_close(s);
    return NULL;
}

static void lines_free(line *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i].name);
    if (list)
        OPENSSL_cleanse(list, n * sizeof(*list));
    free(list);
}

void seal_close(seal *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->slots && i < SLOTS; i++) {
        free(s->slots[i].name);
        seal_mac_close(s->slots[i].signer.mac);
    }
    free(s->slots);
    lines_free(s->senders, s->n_senders);
    lines_free(s->devices, s->n_devices);
    OPENSSL_cleanse(s, sizeof(*s));
    free(s);
}

bool seal_is_whole(const seal *s)
{
    return s->whole;
}

const char *seal_sender(const seal *s)
{
    return !s->whole && s->n_senders == 1 ? s->senders[0].name : NULL;
}

/* --- found --- */

/* [out]: the key of [name] below [key]. */
static int derive(const unsigned char key[SEAL_KEY], const char *what,
                  const char *name, size_t len, unsigned char out[SEAL_KEY],
                  pe_error *errp)
{
    seal_mac *m = seal_mac_open(key, errp);
    int status = m ? 0 : -1;

    /* With its NUL: no name is the end of a word. */
    if (m &&
        (seal_mac_begin(m) < 0 || seal_mac_add(m, what, strlen(what) + 1) < 0 ||
         seal_mac_add(m, name, len) < 0 || seal_mac_end(m, out) < 0))
        status = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                              "libcrypto cannot make a key");
    seal_mac_close(m);
    return status;
}

static const line *line_find(const line *list, size_t n, const char *name)
{
    const line key = {.name = (char *)name};

    return n > 0 ? bsearch(&key, list, n, sizeof(*list), by_name) : NULL;
}

/* 1: [out] is the key of who writes under [run]; 0: there is none. */
static int key_of_sender(const seal *s, const char *run,
                         unsigned char out[SEAL_KEY], pe_error *errp)
{
    const line *l = line_find(s->senders, s->n_senders, run);

    if (l)
        memcpy(out, l->key, SEAL_KEY);
    else if (!s->whole)
        return 0;
    else if (derive(s->run, "sender", run, strlen(run), out, errp) < 0)
        return -1;
    return 1;
}

/* ... of RUN/DEVICE, as [name], of which [run] is the first part. */
static int key_of_device(const seal *s, const char *name, const char *run,
                         unsigned char out[SEAL_KEY], pe_error *errp)
{
    const line *l = line_find(s->devices, s->n_devices, name);
    const char *device = name + strlen(run) + 1;
    unsigned char key[SEAL_KEY];
    int rc;

    if (l) {
        memcpy(out, l->key, SEAL_KEY);
        return 1;
    }
    rc = key_of_sender(s, run, key, errp);
    if (rc > 0 && derive(key, "device", device, strlen(device), out, errp) < 0)
        rc = -1;
    OPENSSL_cleanse(key, sizeof(key));
    return rc;
}

static seal_mac *mac_of(const seal *s, const char *name, const char *run,
                        pe_error *errp)
{
    unsigned char key[SEAL_KEY];
    int rc = key_of_device(s, name, run, key, errp);
    seal_mac *m = rc > 0 ? seal_mac_open(key, errp) : NULL;

    OPENSSL_cleanse(key, sizeof(key));
    return m;
}

seal_signer *seal_find(seal *s, const char *run, size_t run_len,
                       const char *device, size_t device_len, pe_error *errp)
{
    char name[1024], only[512];
    seal_mac *m;
    slot *k;
    size_t n = run_len + 1 + device_len;

    if (run_len >= sizeof(only) || n >= sizeof(name) ||
        memchr(run, '\0', run_len) || memchr(device, '\0', device_len))
        return NULL;
    memcpy(only, run, run_len);
    only[run_len] = '\0';
    memcpy(name, run, run_len);
    name[run_len] = '/';
    memcpy(name + run_len + 1, device, device_len);
    name[n] = '\0';
    k = &s->slots[random_hash(0, name, n) & (SLOTS - 1)];
    if (k->name && !strcmp(k->name, name))
        return &k->signer;
    m = mac_of(s, name, only, errp);
    if (!m)
        return NULL;
    free(k->name);
    seal_mac_close(k->signer.mac);
    k->signer.mac = m;
    k->name = strdup(name); /* without it, it is made anew next time */
    return &k->signer;
}

seal_signer *seal_signer_open(seal *s, const char *run, const char *device,
                              pe_error *errp)
{
    char *name = text_format("%s/%s", run, device);
    seal_signer *k = calloc(1, sizeof(*k));
    pe_error e = {0};

    if (!name || !k) {
        pe_error_nomem(&e);
    } else if (!(k->mac = mac_of(s, name, run, &e)) &&
               e.kind == PE_ERROR_NONE) {
        pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no key here of device %s of run %s: the pilot "
                     "was not handed one when it was submitted",
                     device, run);
    }
    free(name);
    if (k && k->mac)
        return k;
    free(k);
    if (errp)
        *errp = e;
    return NULL;
}

void seal_signer_close(seal_signer *k)
{
    if (!k)
        return;
    seal_mac_close(k->mac);
    free(k);
}

char *seal_line(seal *s, const char *run, const char *device, pe_error *errp)
{
    char *name =
        device ? text_format("%s/%s", run, device) : text_format("%s", run);
    unsigned char key[SEAL_KEY];
    char hex[SEAL_HEX + 1], *out = NULL;
    int rc = !name    ? pe_error_nomem(errp)
             : device ? key_of_device(s, name, run, key, errp)
                      : key_of_sender(s, run, key, errp);

    if (rc == 0)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no key here of which one for '%s' is made: it "
                     "is that of a run that is signed",
                     name);
    if (rc > 0) {
        seal_hex(key, hex);
        out =
            text_format("%s %s %s\n", device ? "device" : "sender", name, hex);
        if (!out)
            pe_error_nomem(errp);
        OPENSSL_cleanse(hex, sizeof(hex));
    }
    OPENSSL_cleanse(key, sizeof(key));
    free(name);
    return out;
}
