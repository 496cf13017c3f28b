/* sign.c - signed files: keys of Ed25519, and the signature of a file. */
#include "sign.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/sign_private.h"
#include "src/common/text.h"

#define KEY_MAX 4096
#define MARK "pilot signed 1\n"
#define DOMAIN "pilot function 1\n" /* what is signed is of no other use */
#define MARK_LEN (sizeof(MARK) - 1)
#define TAIL (SIGN_KEY_BYTES + SIGNATURE_BYTES + MARK_LEN)
#define SIGNATURE_BYTES 64
#define DIGEST_BYTES 32
#define SAID (sizeof(DOMAIN) - 1 + DIGEST_BYTES)

/* --- keys --- */

static int broken(pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "libcrypto has no Ed25519");
}

/* A file that is not there yet. */
static int write_new(const char *path, const void *data, size_t len,
                     mode_t mode, pe_error *errp)
{
    int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    bool failed;

    if (fd < 0)
        return file_error(errp, errno, "make", path, PE_EXIT_CREATE);
    failed = write(fd, data, len) != (ssize_t)len || fsync(fd) < 0;
    failed = close(fd) < 0 || failed;
    if (!failed)
        return 0;
    file_error(errp, errno, "write", path, PE_EXIT_CREATE);
    unlink(path);
    return -1;
}

static int key_write(const char *path, EVP_PKEY *key, pe_error *errp)
{
    BIO *b = BIO_new(BIO_s_secmem());
    char *data = NULL;
    long len;
    int status = -1;

    if (!b || !PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL))
        broken(errp);
    else if ((len = BIO_get_mem_data(b, &data)) > 0)
        status = write_new(path, data, (size_t)len, 0600, errp);
    BIO_free(b);
    return status;
}

static int public_write(const char *path, EVP_PKEY *key, const char *name,
                        pe_error *errp)
{
    unsigned char raw[SIGN_KEY_BYTES];
    size_t len = sizeof(raw);
    char word[SIGN_WORD], *own = text_format("%s.pub", path), *line = NULL;
    int status = -1;

    if (!own)
        return pe_error_nomem(errp);
    if (!EVP_PKEY_get_raw_public_key(key, raw, &len)) {
        broken(errp);
    } else {
        (void)EVP_EncodeBlock((unsigned char *)word, raw, SIGN_KEY_BYTES);
        line = text_format("ed25519 %s %s\n", word, name);
        status = line ? write_new(own, line, strlen(line), 0644, errp)
                      : pe_error_nomem(errp);
    }
    free(line);
    free(own);
    return status;
}

int sign_key_make(const char *path, const char *name, pe_error *errp)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    int status = key ? key_write(path, key, errp) : broken(errp);

    if (status == 0 && (status = public_write(path, key, name, errp)) < 0)
        unlink(path);
    EVP_PKEY_free(key);
    return status;
}

static EVP_PKEY *key_read(const char *path, pe_error *errp)
{
    size_t len = 0;
    char *data = file_read_private(path, KEY_MAX, &len, errp);
    BIO *b = data ? BIO_new_mem_buf(data, (int)len) : NULL;
    EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, "") : NULL;

    if (data && !b)
        pe_error_nomem(errp);
    if (b && (!key || !EVP_PKEY_is_a(key, "ED25519"))) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s is no key of Ed25519; 'pilot key make' makes one",
                     path);
        EVP_PKEY_free(key);
        key = NULL;
    }
    BIO_free(b);
    if (data)
        explicit_bzero(data, len);
    free(data);
    return key;
}

/* --- what is signed --- */

/* Of [len] bytes, as they are signed. */
static int say(const void *data, size_t len, unsigned char out[SAID])
{
    memcpy(out, DOMAIN, sizeof(DOMAIN) - 1);
    return EVP_Digest(data, len, out + sizeof(DOMAIN) - 1, NULL, EVP_sha256(),
                      NULL)
               ? 0
               : -1;
}

/* How much of it lies in front of a signature; all of it: it has none. */
static size_t body_len(const unsigned char *data, size_t len)
{
    return len > TAIL && !memcmp(data + len - MARK_LEN, MARK, MARK_LEN)
               ? len - TAIL
               : len;
}

static int tail_make(EVP_PKEY *key, const unsigned char *data, size_t len,
                     unsigned char tail[TAIL], pe_error *errp)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t n_key = SIGN_KEY_BYTES, n = SIGNATURE_BYTES;
    unsigned char said[SAID];
    int status = -1;

    if (md && say(data, len, said) == 0 &&
        EVP_PKEY_get_raw_public_key(key, tail, &n_key) &&
        EVP_DigestSignInit(md, NULL, NULL, NULL, key) &&
        EVP_DigestSign(md, tail + SIGN_KEY_BYTES, &n, said, sizeof(said)))
        status = 0;
    else
        broken(errp);
    memcpy(tail + TAIL - MARK_LEN, MARK, MARK_LEN);
    EVP_MD_CTX_free(md);
    return status;
}

int sign_file(const char *key, const char *path, pe_error *errp)
{
    EVP_PKEY *k = key_read(key, errp);
    size_t len = 0;
    char *data = k ? file_read(path, SIGN_FILE_MAX, &len, errp) : NULL;
    char *both = NULL;
    struct stat st;
    int status = -1;

    if (!data)
        goto done;
    len = body_len((unsigned char *)data, len);
    both = realloc(data, len + TAIL);
    if (!both) {
        pe_error_nomem(errp);
        goto done;
    }
    data = both;
    if (stat(path, &st) < 0)
        file_error(errp, errno, "read", path, PE_EXIT_DATA);
    else if (tail_make(k, (unsigned char *)data, len,
                       (unsigned char *)data + len, errp) == 0)
        status = file_write(path, data, len + TAIL, st.st_mode & 0777, errp);
done:
    free(data);
    EVP_PKEY_free(k);
    return status;
}

/* --- looking at it --- */

static bool is_signed(const unsigned char *data, size_t len)
{
    const unsigned char *tail = data + len;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, tail,
                                                SIGN_KEY_BYTES);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char said[SAID];
    bool is = key && md && say(data, len, said) == 0 &&
              EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(md, tail + SIGN_KEY_BYTES, SIGNATURE_BYTES, said,
                               sizeof(said)) == 1;

    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    return is;
}

int sign_check(const sign_trust *t, const unsigned char *data, size_t len,
               const char *path, pe_error *errp)
{
    size_t n = body_len(data, len);

    if (n == len)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                            "%s is not signed, and %s says whose functions are "
                            "taken: 'pilot key sign %s'",
                            path, sign_trust_where(t), path);
    if (!sign_trust_has(t, data + n))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                            "%s is signed by a key that %s does not have: add "
                            "the line of its .pub there, or sign it with "
                            "another",
                            path, sign_trust_where(t));
    if (!is_signed(data, n))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                            "%s was changed after it was signed: if that is "
                            "right, 'pilot key sign %s'",
                            path, path);
    return 0;
}
