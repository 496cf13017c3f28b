/* ssh_key.c - key files: what is in them, and may they be used. */
#include "ssh_key.h"

#include <errno.h>
#include <fcntl.h>
#include <libssh2.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/text.h"
#include "src/host/ssh_known.h"

#define KEY_MAX 65536
#define SHA2_VERSION 0x010b00 /* of libssh2, with RSA by SHA-2 */
#define OPENSSH_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define OPENSSH_END "-----END OPENSSH PRIVATE KEY-----"
#define OPENSSH_MAGIC "openssh-key-v1" /* with its NUL */

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && !strcmp(s + n - m, end);
}

enum ssh_key_use ssh_key_use_of(const char *type)
{
    if (!strncmp(type, "sk-", 3) || ends_with(type, "-cert-v01@openssh.com"))
        return SSH_KEY_NEVER;
    if (!strcmp(type, "ssh-rsa") && !libssh2_version(SHA2_VERSION))
        return SSH_KEY_RSA;
    return SSH_KEY_GOOD;
}

/* A string of the format: *atp behind it; NULL when it is cut. */
static const unsigned char *take_string(const unsigned char **atp,
                                        const unsigned char *end, size_t *np)
{
    const unsigned char *at = *atp;

    if (end - at < 4)
        return NULL;
    *np =
        (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    if (*np > (size_t)(end - at - 4))
        return NULL;
    *atp = at + 4 + *np;
    return at + 4;
}

/* magic, cipher, kdf, its options, number of keys, public key, ... */
static bool openssh_parse(const unsigned char *blob, size_t len, ssh_key *out)
{
    const unsigned char *at = blob + sizeof(OPENSSH_MAGIC), *end = blob + len;
    size_t n, cipher_len;

    if (len < sizeof(OPENSSH_MAGIC) ||
        memcmp(blob, OPENSSH_MAGIC, sizeof(OPENSSH_MAGIC)) != 0)
        return false;
    const unsigned char *cipher = take_string(&at, end, &cipher_len);
    if (!cipher || !take_string(&at, end, &n) || !take_string(&at, end, &n) ||
        end - at < 4)
        return false;
    at += 4;
    const unsigned char *key = take_string(&at, end, &n);
    if (!key)
        return false;
    ssh_known_type(key, n, out->type, sizeof(out->type));
    out->encrypted = cipher_len != 4 || memcmp(cipher, "none", 4) != 0;
    return true;
}

static bool openssh_text_parse(const char *from, ssh_key *out)
{
    const char *to = strstr(from, OPENSSH_END);
    text body = {0};
    size_t len = 0;

    for (; to && from < to; from++)
        if (!strchr(" \t\r\n", *from))
            text_add_bytes(&body, from, 1);
    unsigned char *blob =
        body.data ? ssh_base64(body.data, body.len, &len) : NULL;
    bool is = blob && openssh_parse(blob, len, out);
    if (blob)
        OPENSSL_cleanse(blob, len);
    free(blob);
    if (body.data)
        OPENSSL_cleanse(body.data, body.len);
    text_free(&body);
    return is;
}

bool ssh_key_parse(const char *content, ssh_key *out)
{
    static const struct {
        const char *begin, *type;
        bool encrypted;
    } forms[] = {
        {"-----BEGIN RSA PRIVATE KEY-----", "ssh-rsa", false},
        {"-----BEGIN EC PRIVATE KEY-----", "", false},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----", "", true},
        {"-----BEGIN PRIVATE KEY-----", "", false},
    };
    const char *openssh = strstr(content, OPENSSH_BEGIN);

    *out = (ssh_key){0};
    if (openssh)
        return openssh_text_parse(openssh + strlen(OPENSSH_BEGIN), out);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (strstr(content, forms[i].begin)) {
            snprintf(out->type, sizeof(out->type), "%s", forms[i].type);
            out->encrypted =
                forms[i].encrypted || strstr(content, "Proc-Type: 4,ENCRYPTED");
            return true;
        }
    return false;
}

/* Why a file of these facts is not to be used; "" when it may be. */
static void judge(const struct stat *st, const char *path, char *why,
                  size_t cap)
{
    *why = '\0';
    if (!S_ISREG(st->st_mode))
        snprintf(why, cap, "not a regular file");
    else if (st->st_mode & (S_IRWXG | S_IRWXO))
        snprintf(why, cap, "open to others: run 'chmod 600 %s'", path);
    else if (st->st_size > KEY_MAX)
        snprintf(why, cap, "too long for a key");
}

char *ssh_key_read(const char *path, size_t *lenp, char *why, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    char *content = NULL;
    ssize_t n = -1;

    *why = '\0';
    if (fd < 0) {
        if (errno != ENOENT)
            snprintf(why, cap, "%s", strerror(errno));
        return NULL;
    }
    if (fstat(fd, &st) == 0)
        judge(&st, path, why, cap);
    else
        snprintf(why, cap, "%s", strerror(errno));
    if (!*why && (content = calloc(1, KEY_MAX + 1)) != NULL)
        n = read(fd, content, KEY_MAX);
    close(fd);
    if (n > 0) {
        *lenp = (size_t)n;
        return content;
    }
    if (!*why)
        snprintf(why, cap, "it cannot be read");
    free(content);
    return NULL;
}
