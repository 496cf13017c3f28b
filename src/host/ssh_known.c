/* ssh_known.c - the host keys that known_hosts files have of one host. */
#include "ssh_known.h"

#include <ctype.h>
#include <fnmatch.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/file.h"
#include "src/host/ssh_target.h"

#define FILE_MAX ((size_t)16 << 20)
#define BLANKS " \t\r"
#define HASHED "|1|"

unsigned char *ssh_base64(const char *s, size_t n, size_t *lenp)
{
    size_t pad = 0;

    if (n == 0 || n % 4 != 0 || n > FILE_MAX)
        return NULL;
    while (pad < 2 && s[n - 1 - pad] == '=')
        pad++;
    unsigned char *out = malloc(n / 4 * 3);
    int len = out ? EVP_DecodeBlock(out, (const unsigned char *)s, (int)n) : -1;
    if (len < 0 || (size_t)len != n / 4 * 3) {
        free(out);
        return NULL;
    }
    *lenp = (size_t)len - pad;
    return out;
}

/* "|1|SALT|HASH" of [name]? */
static bool hash_matches(const char *entry, size_t n, const char *name)
{
    const char *salt = entry + strlen(HASHED);
    const char *bar = memchr(salt, '|', n - strlen(HASHED));
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    size_t key_len = 0, want_len = 0;
    bool is = false;

    if (!bar)
        return false;
    unsigned char *key = ssh_base64(salt, (size_t)(bar - salt), &key_len);
    unsigned char *want =
        ssh_base64(bar + 1, (size_t)(entry + n - bar - 1), &want_len);
    if (key && want &&
        HMAC(EVP_sha1(), key, (int)key_len, (const unsigned char *)name,
             strlen(name), mac, &mac_len))
        is = want_len == mac_len && !memcmp(mac, want, mac_len);
    free(want);
    free(key);
    return is;
}

/* One of the patterns between commas. */
static bool pattern_matches(const char *pattern, size_t n, const char *name)
{
    char copy[512];

    if (n == 0 || n >= sizeof(copy))
        return false;
    for (size_t i = 0; i < n; i++)
        copy[i] = (char)tolower((unsigned char)pattern[i]);
    copy[n] = '\0';
    if (!strcmp(copy, name))
        return true;
    /* "[host]:port" would be a class of characters. */
    return strpbrk(copy, "*?") && !strchr(copy, '[') &&
           fnmatch(copy, name, FNM_NOESCAPE) == 0;
}

/* Do the [n] characters of the first field mean [name]? */
static bool names_match(const char *field, size_t n, const char *name)
{
    const char *end = field + n;
    bool is = false;

    if (n > strlen(HASHED) && !strncmp(field, HASHED, strlen(HASHED)))
        return hash_matches(field, n, name);
    while (field < end) {
        const char *comma = memchr(field, ',', (size_t)(end - field));
        const char *stop = comma ? comma : end;
        bool negated = *field == '!';
        const char *from = field + negated;
        if (from < stop && pattern_matches(from, (size_t)(stop - from), name)) {
            if (negated)
                return false;
            is = true;
        }
        field = stop + 1;
    }
    return is;
}

/* The next field of a line: its length, *fieldp at it. */
static size_t take_field(const char **atp, const char **fieldp)
{
    *fieldp = *atp + strspn(*atp, BLANKS);
    size_t n = strcspn(*fieldp, BLANKS);
    *atp = *fieldp + n;
    return n;
}

static int key_add(ssh_known *k, const ssh_known_key *key)
{
    ssh_known_key *more = realloc(k->keys, (k->n + 1) * sizeof(*more));

    if (!more)
        return -1;
    k->keys = more;
    k->keys[k->n++] = *key;
    return 0;
}

/* What is looked for. */
struct wanted {
    char name[300]; /* with the port where it is not the usual one */
    char portless[300];
    const char *file;
};

/* A line: [@MARKER] NAMES TYPE KEY [COMMENT].  -1: no memory. */
static int line_parse(ssh_known *k, const char *line, int number,
                      const struct wanted *w)
{
    const char *names, *type, *blob;
    ssh_known_key key = {.line = number};

    size_t n = take_field(&line, &names);
    if (n > 0 && *names == '@') {
        /* A key that signs others is none of a host. */
        if (n != strlen("@revoked") || strncmp(names, "@revoked", n) != 0)
            return 0;
        key.revoked = true;
        n = take_field(&line, &names);
    }
    if (n == 0 || *names == '#')
        return 0;
    if (!names_match(names, n, w->name)) {
        if (!names_match(names, n, w->portless))
            return 0;
        key.portless = true;
    }
    char word[64], real[64];
    size_t type_len = take_field(&line, &type);
    size_t blob_len = take_field(&line, &blob);
    key.blob = ssh_base64(blob, blob_len, &key.len);
    if (key.blob)
        ssh_known_type(key.blob, key.len, real, sizeof(real));
    snprintf(word, sizeof(word), "%.*s", (int)type_len, type);
    if (!key.blob || !*real || strcmp(word, real) != 0) {
        free(key.blob);
        return 0;
    }
    key.file = strdup(w->file);
    if (key.file && key_add(k, &key) == 0)
        return 0;
    free(key.file);
    free(key.blob);
    return -1;
}

static void wanted_fill(struct wanted *w, const char *file,
                        const char *host_name, int port)
{
    w->file = file;
    snprintf(w->portless, sizeof(w->portless), "%s", host_name);
    for (char *c = w->portless; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (port == SSH_PORT)
        memcpy(w->name, w->portless, sizeof(w->name));
    else
        snprintf(w->name, sizeof(w->name), "[%.256s]:%d", w->portless, port);
}

int ssh_known_parse(ssh_known *k, const char *content, const char *name,
                    const char *host_name, int port)
{
    struct wanted w;
    int status = 0;

    wanted_fill(&w, name, host_name, port);
    for (int number = 1; *content && status == 0; number++) {
        size_t n = strcspn(content, "\n");
        char *line = text_format("%.*s", (int)n, content);
        status = line ? line_parse(k, line, number, &w) : -1;
        free(line);
        content += n + (content[n] == '\n');
    }
    return status;
}

int ssh_known_load(ssh_known *k, const char *path, const char *host_name,
                   int port)
{
    char *content = file_read(path, FILE_MAX, NULL, NULL);
    int status =
        content ? ssh_known_parse(k, content, path, host_name, port) : 0;

    free(content);
    return status;
}

void ssh_known_free(ssh_known *k)
{
    for (size_t i = 0; i < k->n; i++) {
        free(k->keys[i].blob);
        free(k->keys[i].file);
    }
    free(k->keys);
    *k = (ssh_known){0};
}

void ssh_known_type(const unsigned char *blob, size_t len, char *out,
                    size_t cap)
{
    *out = '\0';
    if (len < 4 || cap == 0)
        return;
    size_t n = (size_t)blob[0] << 24 | (size_t)blob[1] << 16 |
               (size_t)blob[2] << 8 | blob[3];
    if (n == 0 || n > len - 4 || n >= cap)
        return;
    for (size_t i = 0; i < n; i++)
        if (!isgraph(blob[4 + i]))
            return;
    memcpy(out, blob + 4, n);
    out[n] = '\0';
}

enum ssh_known_verdict ssh_known_check(const ssh_known *k,
                                       const unsigned char *blob, size_t len,
                                       const ssh_known_key **found)
{
    enum ssh_known_verdict best = SSH_KNOWN_NONE;
    const ssh_known_key *changed = NULL;
    char type[64], other[64];

    *found = NULL;
    ssh_known_type(blob, len, type, sizeof(type));
    for (size_t i = 0; i < k->n; i++) {
        const ssh_known_key *key = &k->keys[i];
        enum ssh_known_verdict v;
        if (key->len == len && !memcmp(key->blob, blob, len)) {
            v = key->revoked ? SSH_KNOWN_REVOKED : SSH_KNOWN_MATCH;
        } else if (key->revoked || key->portless) {
            continue;
        } else {
            ssh_known_type(key->blob, key->len, other, sizeof(other));
            v = strcmp(type, other) ? SSH_KNOWN_OTHER_TYPE : SSH_KNOWN_CHANGED;
        }
        if (v == SSH_KNOWN_CHANGED)
            changed = key;
        if (v == SSH_KNOWN_MATCH && *found && best == v && !(*found)->portless)
            continue;
        if (v == SSH_KNOWN_REVOKED || v == SSH_KNOWN_MATCH ||
            (best != SSH_KNOWN_MATCH && v > best)) {
            best = v;
            *found = key;
        }
        if (v == SSH_KNOWN_REVOKED)
            break;
    }
    /* What is known of the port itself is not undone by another one's. */
    if (best == SSH_KNOWN_MATCH && (*found)->portless && changed) {
        *found = changed;
        return SSH_KNOWN_CHANGED;
    }
    return best;
}

/* What the library calls the ways to use a key of a type. */
static const char *algorithms_of(const char *type)
{
    return strcmp(type, "ssh-rsa") ? type : "rsa-sha2-512,rsa-sha2-256,ssh-rsa";
}

static void algorithm_add(text *out, const char *type)
{
    if (!out->data || !strstr(out->data, type))
        text_add(out, "%s%s", out->len ? "," : "", algorithms_of(type));
}

void ssh_known_algorithms(const ssh_known *k, text *out)
{
    static const char *const usual[] = {
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "ssh-rsa",
    };
    char type[64];

    for (int portless = 0; portless < 2; portless++)
        for (size_t i = 0; i < k->n; i++) {
            const ssh_known_key *key = &k->keys[i];
            if (key->revoked || key->portless != portless)
                continue;
            ssh_known_type(key->blob, key->len, type, sizeof(type));
            algorithm_add(out, type);
        }
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        algorithm_add(out, usual[i]);
}
