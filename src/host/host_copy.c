/* host_copy.c - files from host to host: resumed, and checked by digest. */
#include "src/host/host_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/common/interrupt.h"
#include "src/common/text.h"

/* One call fills a window of 2 MiB and more, which is what a link of some
 * length needs.
 */
#define CHUNK ((size_t)4 << 20)

enum { MARK = 16 }; /* digits of the digest in a partial copy's name */

/* What is known of the copy under way. */
struct copy {
    const host_copy *c;
    host_stat source;
    char digest[DIGEST_HEX + 1]; /* of the source */
    char *partial;               /* the partial copy */
    char *chunk;
};

static bool same_digest(const char *a, const char *b)
{
    return !memcmp(a, b, DIGEST_HEX);
}

static void tell(const struct copy *k, int64_t done)
{
    if (k->c->progress)
        k->c->progress(k->c->arg, k->c->from_path, (uint64_t)done,
                       (uint64_t)k->source.size);
}

static int stat_ask(host *h, const char *path, host_stat *st, pe_error *errp)
{
    int there;

    HOST_TRY(there, h, h->ops->stat(h, path, st, errp));
    return there;
}

static int digest(host *h, const char *path, char *hex, pe_error *errp)
{
    int status;

    HOST_TRY(status, h, h->ops->digest(h, path, hex, errp));
    return status;
}

static int remove_file(host *h, const char *path, pe_error *errp)
{
    int status;

    HOST_TRY(status, h, h->ops->remove(h, path, errp));
    return status;
}

static int source_stat(struct copy *k, pe_error *errp)
{
    host *h = k->c->from;
    const char *path = k->c->from_path;
    int there = stat_ask(h, path, &k->source, errp);

    if (there < 0)
        return -1;
    if (there == 0 || !S_ISREG(k->source.mode))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "cannot copy %s of %s: %s", path, host_name(h),
                            there ? "not a regular file" : "it is not there");
    return digest(h, path, k->digest, errp);
}

/* 1: what is wanted is there already, its mode bits set; 0: it is not. */
static int target_stat(const struct copy *k, pe_error *errp)
{
    host *h = k->c->to;
    const char *path = k->c->to_path;
    char hex[DIGEST_HEX + 1];
    host_stat st;

    int there = stat_ask(h, path, &st, errp);
    if (there <= 0 || !S_ISREG(st.mode) || st.size != k->source.size)
        return there < 0 ? -1 : 0;
    if (digest(h, path, hex, errp) < 0)
        return -1;
    if (!same_digest(hex, k->digest))
        return 0;
    if (((st.mode ^ k->source.mode) & 0777) == 0)
        return 1;
    if (!(st.mode & S_IWUSR))
        return 0; /* it cannot be opened: another copy takes its place */
    void *f = h->ops->open(h, path, HOST_OPEN_MORE, NULL, errp);
    int status = f ? h->ops->settle(h, f, k->source.mode & 0777, errp) : -1;
    if (f)
        h->ops->close(h, f);
    return status < 0 ? -1 : 1;
}

/* Bytes of the partial copy that an earlier try left; -1 on error. */
static int64_t partial_stat(const struct copy *k, pe_error *errp)
{
    host *h = k->c->to;
    host_stat st;

    int there = stat_ask(h, k->partial, &st, errp);
    if (there <= 0)
        return there;
    if (S_ISREG(st.mode) && st.size <= k->source.size && (st.mode & S_IWUSR))
        return st.size;
    return remove_file(h, k->partial, errp);
}

static int move_bytes(const struct copy *k, void *in, void *out, int64_t at,
                      pe_error *errp)
{
    host *from = k->c->from, *to = k->c->to;

    tell(k, at);
    while (at < k->source.size) {
        if (interrupt_check(INTERRUPT_SOON, errp) < 0)
            return -1;
        ssize_t n = from->ops->read(from, in, at, k->chunk, CHUNK, errp);
        if (n < 0)
            return -1;
        if (n == 0)
            break; /* it became shorter: the digest will tell */
        if (to->ops->write(to, out, at, k->chunk, (size_t)n, errp) < 0)
            return -1;
        at += n;
        tell(k, at);
    }
    return to->ops->settle(to, out, k->source.mode & 0777, errp);
}

/* Complete the partial copy from where it is. */
static int part_fill(const struct copy *k, pe_error *errp)
{
    host *from = k->c->from, *to = k->c->to;
    int64_t at = partial_stat(k, errp);
    void *in = NULL, *out = NULL;
    int status = -1;

    if (at < 0)
        return -1;
    in = from->ops->open(from, k->c->from_path, HOST_OPEN_READ, NULL, errp);
    if (in)
        out = to->ops->open(to, k->partial, HOST_OPEN_MORE, NULL, errp);
    if (out)
        status = move_bytes(k, in, out, at, errp);
    if (out)
        to->ops->close(to, out);
    if (in)
        from->ops->close(from, in);
    return status;
}

/* Either end may be the one whose connection broke. */
static bool again(const struct copy *k)
{
    const host *ends[] = {k->c->from, k->c->to};
    bool is = false;

    for (int i = 0; i < 2; i++)
        if (ends[i]->ops->again && ends[i]->ops->again((host *)ends[i]))
            is = true;
    return is;
}

/* Put the whole copy in its place.  Another process may have been faster
 * with the same one.
 */
static int part_publish(const struct copy *k, pe_error *errp)
{
    host *h = k->c->to;
    pe_error e = {0};
    int status;

    HOST_TRY(status, h, h->ops->publish(h, k->partial, k->c->to_path, &e));
    if (status == 0 || target_stat(k, NULL) == 1)
        return 0;
    if (e.exit_code != PE_EXIT_UNAVAILABLE)
        remove_file(h, k->partial, NULL);
    if (errp)
        *errp = e;
    return -1;
}

/* 0: copied; 1: what arrived is something else. */
static int copy_once(struct copy *k, pe_error *errp)
{
    host *to = k->c->to;
    char hex[DIGEST_HEX + 1];

    int status = part_fill(k, errp);
    if (status < 0 && again(k))
        status = part_fill(k, errp);
    if (status < 0 || digest(to, k->partial, hex, errp) < 0)
        return -1;
    if (same_digest(hex, k->digest))
        return part_publish(k, errp);
    return remove_file(to, k->partial, errp) < 0 ? -1 : 1;
}

/* From the start: 0: it is there; 1: it arrived as something else. */
static int copy_file(struct copy *k, pe_error *errp)
{
    char mark[MARK + 6];

    if (source_stat(k, errp) < 0)
        return -1;
    int there = target_stat(k, errp);
    if (there == 1)
        tell(k, k->source.size);
    if (there != 0)
        return there < 0 ? -1 : 0;
    memcpy(mark, k->digest, MARK);
    memcpy(mark + MARK, ".part", 6);
    free(k->partial);
    k->partial = host_temporary(k->c->to_path, mark, errp);
    return k->partial ? copy_once(k, errp) : -1;
}

int host_copy_file(const host_copy *c, pe_error *errp)
{
    struct copy k = {.c = c, .chunk = malloc(CHUNK)};
    int status = -1;

    if (!k.chunk) {
        pe_error_nomem(errp);
        goto done;
    }
    /* Once more when it arrived as something else: a partial copy that was
     * torn, or a source that changed under our hands.
     */
    status = copy_file(&k, errp);
    if (status == 1)
        status = copy_file(&k, errp);
    if (status == 1)
        status = pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                              "the copy of %s at %s:%s has another SHA-256 "
                              "than the file, twice: does somebody write "
                              "one of them?",
                              c->from_path, host_name(c->to), c->to_path);
done:
    free(k.partial);
    free(k.chunk);
    return status;
}
