/* digest.c - SHA-256 of files, SHA-1 of bytes, by libcrypto. */
#include "digest.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"

#define CHUNK (256 * 1024)

static ssize_t read_some(int fd, char *buf, size_t len)
{
    ssize_t n;

    do
        n = read(fd, buf, len);
    while (n < 0 && errno == EINTR);
    return n;
}

static int library_error(const char *what, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "libcrypto has no %s", what);
}

static void hex_put(const unsigned char *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

static int digest_fd(int fd, const char *path, char *chunk, EVP_MD_CTX *md,
                     char hex[DIGEST_HEX + 1], pe_error *errp)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    ssize_t n;

    if (!EVP_DigestInit_ex(md, EVP_sha256(), NULL))
        return library_error("SHA-256", errp);
    while ((n = read_some(fd, chunk, CHUNK)) > 0)
        if (!EVP_DigestUpdate(md, chunk, (size_t)n))
            return library_error("SHA-256", errp);
    if (n < 0)
        return file_error(errp, errno, "read", path, PE_EXIT_DATA);
    if (!EVP_DigestFinal_ex(md, bytes, NULL))
        return library_error("SHA-256", errp);
    hex_put(bytes, DIGEST_HEX / 2, hex);
    return 0;
}

int digest_file(const char *path, char hex[DIGEST_HEX + 1], pe_error *errp)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    char *chunk = malloc(CHUNK);
    int status = -1;

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        file_error(errp, errno, "open", path, PE_EXIT_DATA);
    else if (!md || !chunk)
        pe_error_nomem(errp);
    else
        status = digest_fd(fd, path, chunk, md, hex, errp);
    if (fd >= 0)
        close(fd);
    free(chunk);
    EVP_MD_CTX_free(md);
    return status;
}

bool digest_parse(const char *text, char hex[DIGEST_HEX + 1])
{
    while (*text) {
        size_t n = strspn(text, "0123456789abcdefABCDEF");
        if (n == DIGEST_HEX) {
            for (size_t i = 0; i < n; i++)
                hex[i] = (char)tolower((unsigned char)text[i]);
            hex[n] = '\0';
            return true;
        }
        text += n ? n : 1;
    }
    return false;
}

int digest_sha1(const void *data, size_t len, char hex[DIGEST_SHA1_HEX + 1],
                pe_error *errp)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];

    *hex = '\0';
    if (!EVP_Digest(data ? data : "", len, bytes, NULL, EVP_sha1(), NULL))
        return library_error("SHA-1", errp);
    hex_put(bytes, DIGEST_SHA1_HEX / 2, hex);
    return 0;
}
