/* npz.c - rows of an array in a .npz file, which is a zip. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "npy.h"

/* Names of arrays that are told. */
#define NAMES_TOLD 16

/* Bytes that are read and dropped in one go. */
#define DROP_BYTES 65536

typedef struct npz_store {
    npy_store npy;
    zip_t *zip;
    zip_uint64_t index; /* of our member */
    zip_file_t *file;   /* NULL: to be opened, at its start */
    bool packed;        /* it can be read from its start on only */
    uint64_t at, size;  /* next byte of it; all of them */
    FILE *whole;        /* unpacked, where its rows are all over it */
} npz_store;

static bool npz_is(const unsigned char *head, size_t n)
{
    return n >= 4 && (!memcmp(head, "PK\3\4", 4) || !memcmp(head, "PK\5\6", 4));
}

/* --- bytes of the member --- */

static int fail(const npz_store *z, uint64_t row, pe_error *errp)
{
    const char *why =
        z->file ? zip_file_strerror(z->file) : zip_strerror(z->zip);

    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s row %" PRIu64 " cannot be read: %s",
                        z->npy.head.name, row, why);
}

static int read_next(npz_store *z, void *to, size_t n, uint64_t row,
                     pe_error *errp)
{
    char more;

    for (size_t done = 0; done < n;) {
        zip_int64_t got = zip_fread(z->file, (char *)to + done, n - done);
        if (got < 0)
            return fail(z, row, errp);
        if (got == 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s row %" PRIu64 " cannot be read: the member "
                                "ends early; copy the file again",
                                z->npy.head.name, row);
        done += (size_t)got;
        z->at += (uint64_t)got;
    }
    /* The sum over all bytes is compared by who reads on at the end. */
    if (z->at == z->size && zip_fread(z->file, &more, 1) < 0)
        return fail(z, row, errp);
    return 0;
}

/* Have byte [offset] come next. */
static int go_to(npz_store *z, uint64_t offset, uint64_t row, pe_error *errp)
{
    char drop[DROP_BYTES];

    if (z->file && z->packed && offset < z->at) {
        (void)zip_fclose(z->file); /* not read to its end */
        z->file = NULL;
    }
    if (!z->file) {
        z->file = zip_fopen_index(z->zip, z->index, 0);
        z->at = 0;
    }
    if (!z->file)
        return fail(z, row, errp);
    if (!z->packed && offset != z->at) {
        if (zip_fseek(z->file, (zip_int64_t)offset, SEEK_SET) < 0)
            return fail(z, row, errp);
        z->at = offset;
    }
    while (z->at < offset) {
        uint64_t n = offset - z->at;
        if (read_next(z, drop, n < DROP_BYTES ? (size_t)n : DROP_BYTES, row,
                      errp) < 0)
            return -1;
    }
    return 0;
}

static int member_bytes(npy_store *f, void *to, size_t n, uint64_t offset,
                        uint64_t row, pe_error *errp)
{
    npz_store *z = (npz_store *)f;

    if (z->whole)
        return store_pread(&f->head, fileno(z->whole),
                           &(store_piece){to, n, offset, row}, errp);
    if (go_to(z, offset, row, errp) < 0)
        return -1;
    return read_next(z, to, n, row, errp);
}

/* Rows of a packed member that are in pieces all over it would unpack it for
 * each block: it is unpacked once, into a file without a name.
 */
static int unpack(npz_store *z, uint64_t size, pe_error *errp)
{
    char part[DROP_BYTES];

    if (go_to(z, 0, 0, errp) < 0)
        return -1;
    FILE *whole = tmpfile();
    for (uint64_t done = 0; whole && done < size;) {
        size_t n =
            size - done < DROP_BYTES ? (size_t)(size - done) : DROP_BYTES;
        if (read_next(z, part, n, 0, errp) < 0) {
            fclose(whole);
            return -1;
        }
        if (fwrite(part, 1, n, whole) != n)
            break;
        done += n;
        if (done == size && fflush(whole) == 0) {
            z->whole = whole;
            return 0;
        }
    }
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                 "%s cannot be unpacked into the folder for temporary files, "
                 "which its Fortran order needs: %s",
                 z->npy.head.name, strerror(errno));
    if (whole)
        fclose(whole);
    return -1;
}

static void npz_close(store_table *s)
{
    npz_store *z = (npz_store *)s;

    if (z->whole)
        fclose(z->whole);
    if (z->file)
        (void)zip_fclose(z->file); /* what counts was said by the reads */
    if (z->zip)
        zip_discard(z->zip);
    npy_end(&z->npy);
}

static const store_ops ops = {
    .read = npy_read, .type = npy_type, .close = npz_close};

/* --- open --- */

/* NAME of NAME.npy, of member [i]; its length, or 0: it is no array. */
static size_t array_name(zip_t *zip, zip_uint64_t i, const char **namep)
{
    const char *name = zip_get_name(zip, i, 0);
    size_t n = name ? strlen(name) : 0;

    *namep = name;
    return n > 4 && !strcmp(name + n - 4, ".npy") ? n - 4 : 0;
}

/* Find [member]; "": the only array there is. */
static int find_member(npz_store *z, const char *file, const char *member,
                       pe_error *errp)
{
    zip_int64_t entries = zip_get_num_entries(z->zip, 0);
    uint64_t arrays = 0;
    text names = {0};
    const char *name;
    bool found = false;

    for (zip_int64_t i = 0; i < entries && !(found && *member); i++) {
        size_t n = array_name(z->zip, (zip_uint64_t)i, &name);
        if (!n)
            continue;
        if (!*member || (strlen(member) == n && !memcmp(name, member, n)) ||
            !strcmp(name, member)) {
            z->index = (zip_uint64_t)i;
            found = true;
        }
        if (arrays++ < NAMES_TOLD)
            text_add(&names, "%s%.*s", arrays > 1 ? ", " : "", (int)n, name);
    }
    if (arrays > NAMES_TOLD)
        text_add(&names, ", ...");
    if (arrays == 0)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s is a zip without an array: no member of it is called "
                     "NAME.npy",
                     file);
    else if (*member && !found)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s has no array '%s'; it has %s", file, member,
                     names.data ? names.data : "");
    else if (!*member && arrays > 1)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s holds several arrays: %s; name one: %s:NAME", file,
                     names.data ? names.data : "", file);
    else
        found = found && array_name(z->zip, z->index, &name) > 0;
    text_free(&names);
    return found && (*member || arrays == 1) ? 0 : -1;
}

static int open_zip(npz_store *z, const char *file, pe_error *errp)
{
    zip_error_t why;
    int code = 0;

    z->zip = zip_open(file, ZIP_RDONLY, &code);
    if (z->zip)
        return 0;
    zip_error_init_with_code(&why, code);
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                 "%s cannot be read as .npz: %s; it may not be complete", file,
                 zip_error_strerror(&why));
    zip_error_fini(&why);
    return -1;
}

static int npz_begin(npz_store *z, const store_wish *w, const char *file,
                     const char *member, pe_error *errp)
{
    const char *name;
    zip_stat_t st;

    if (open_zip(z, file, errp) < 0 || find_member(z, file, member, errp) < 0)
        return -1;
    size_t n = array_name(z->zip, z->index, &name);
    z->npy.head.name = text_format("%s:%.*s", file, (int)n, name);
    if (!z->npy.head.name)
        return pe_error_nomem(errp);
    if (zip_stat_index(z->zip, z->index, 0, &st) < 0 ||
        !(st.valid & ZIP_STAT_SIZE))
        return fail(z, 0, errp);
    z->size = st.size;
    z->packed = st.comp_method != ZIP_CM_STORE || st.encryption_method != 0;
    if (npy_begin(&z->npy, w, st.size, errp) < 0)
        return -1;
    return z->packed && z->npy.grid.outer > 1 ? unpack(z, st.size, errp) : 0;
}

static store_table *npz_open(const store_wish *w, const char *file,
                             const char *member, pe_error *errp)
{
    npz_store *z = calloc(1, sizeof(*z));

    if (!z) {
        pe_error_nomem(errp);
        return NULL;
    }
    z->npy.head.ops = &ops;
    z->npy.head.hear = w->hear;
    z->npy.bytes = member_bytes;
    if (npz_begin(z, w, file, member, errp) == 0)
        return &z->npy.head;
    npz_close(&z->npy.head);
    return NULL;
}

const store_kind store_npz = {.name = ".npz", .is = npz_is, .open = npz_open};
