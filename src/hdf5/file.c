/* file.c - opens HDF5 files, and says why one cannot be. */
#include "hdf5.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/text.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void hdf5_enter(void)
{
    pthread_mutex_lock(&lock);
    /* The library prints nothing; where it keeps this for each thread, this
     * may be a new one.
     */
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void hdf5_leave(void)
{
    pthread_mutex_unlock(&lock);
}

static herr_t add_why(unsigned n, const H5E_error2_t *e, void *arg)
{
    char *out = arg;
    size_t len = strlen(out);

    (void)n;
    if (e->desc && *e->desc && len + 3 < HDF5_WHY)
        snprintf(out + len, HDF5_WHY - len, "%s%s", len ? "; " : "", e->desc);
    return 0;
}

void hdf5_why(char out[HDF5_WHY])
{
    out[0] = '\0';
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, add_why, out);
    for (char *p = out; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = ' ';
}

/* --- what its first bytes say --- */

typedef struct superblock {
    unsigned version;
    bool writing, swmr; /* flags of version 3 */
    uint64_t end;       /* bytes that belong to it, what stands in front, too */
    uint64_t size;      /* bytes there are */
} superblock;

#define SIGNATURE "\x89HDF\r\n\x1a\n"
#define FLAG_WRITE 1
#define FLAG_SWMR 4

static uint64_t little(const unsigned char *p, unsigned n)
{
    uint64_t v = 0;

    for (unsigned i = n; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

/* The fields of a superblock. */
static void parse(const unsigned char *p, superblock *s)
{
    unsigned addr;

    s->version = p[8];
    if (s->version < 2) {
        addr = p[13];
        const unsigned char *at = p + (s->version ? 28 : 24);
        if (addr <= 8)
            s->end = little(at + 2 * addr, addr);
    } else if (s->version <= 3) {
        addr = p[9];
        s->writing = s->version == 3 && p[11] & FLAG_WRITE;
        s->swmr = s->version == 3 && p[11] & FLAG_SWMR;
        if (addr <= 8)
            s->end = little(p + 12 + 2 * addr, addr);
    }
}

/* false: there is none. */
static bool look(const char *path, superblock *s)
{
    unsigned char p[96];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool found = false;

    memset(s, 0, sizeof(*s));
    if (fd < 0 || fstat(fd, &st) < 0)
        goto out;
    s->size = (uint64_t)st.st_size;
    for (uint64_t at = 0; !found && at + 12 <= s->size;
         at = at ? 2 * at : 512) {
        memset(p, 0, sizeof(p));
        if (pread(fd, p, sizeof(p), (off_t)at) < 12)
            break;
        found = !memcmp(p, SIGNATURE, 8);
        if (found)
            parse(p, s);
    }
out:
    if (fd >= 0)
        close(fd);
    return found;
}

/* --- open --- */

/* Beside a writer the library reads what looks torn again, after a wait that
 * doubles from 1 ns on: a hundred times by itself, which has no end where the
 * file is cut.  So many times are a second.
 */
#define ATTEMPTS 30

static hid_t access_list(bool swmr)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);

    if (list >= 0 && swmr &&
        H5Pset_metadata_read_attempts(list, ATTEMPTS) < 0) {
        H5Pclose(list);
        return -1;
    }
    return list;
}

static hid_t open_file(const char *path, bool swmr, hid_t list)
{
    return H5Fopen(path, H5F_ACC_RDONLY | (swmr ? H5F_ACC_SWMR_READ : 0u),
                   list);
}

static int refuse_follow(const char *path, pe_error *errp)
{
    return pe_error_set(
        errp, PE_ERROR_INPUT, PE_EXIT_DATA,
        "%s cannot be followed: it is not of the format that is read while it "
        "is written; its writer opens it with libver='v110' (h5py: "
        "libver=('v110', 'v110')) and sets swmr_mode",
        path);
}

static int refuse_cut(const char *path, const superblock *s, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s has %" PRIu64
                        " byte%s and says that it has %" PRIu64
                        "; it is cut, or still being written: copy it again",
                        path, s->size, text_s(s->size), s->end);
}

static int refuse_lock(const char *path, const char *why, pe_error *errp)
{
    if (strstr(why, "errno = 11"))
        return pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_DATA,
            "%s is locked by a program that writes it; wait until that one has "
            "closed it, or have it write with swmr_mode, which can be read at "
            "the same time",
            path);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s lies on a file system without locks (%s); set "
                        "HDF5_USE_FILE_LOCKING=FALSE in the environment of the "
                        "pilot, once nobody writes the file",
                        path, why);
}

/* The library could not open it. */
static int explain(const char *path, const superblock *s, pe_error *errp)
{
    char why[HDF5_WHY];

    hdf5_why(why);
    if (strstr(why, "lock file") || strstr(why, "file locking"))
        return refuse_lock(path, why, errp);
    if (strstr(why, "truncated"))
        return refuse_cut(path, s, errp);
    if (s->version > 3 || strstr(why, "version"))
        return pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_DATA,
            "%s was written by a newer HDF5 than %d.%d.%d here; have its "
            "writer use libver='v110' (h5py: libver=('v110', 'v110'))",
            path, H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s cannot be opened as HDF5: %s", path, why);
}

/* Before the library, whose words on these lead astray, is asked. */
static int check_superblock(const char *path, const superblock *s, bool follow,
                            pe_error *errp)
{
    if (follow && s->version != 3)
        return refuse_follow(path, errp);
    if (s->writing && !s->swmr)
        return pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_DATA,
            "%s is open in a program that writes it, or that program was "
            "killed; it can be read when its writer has closed it.  A writer "
            "with swmr_mode can be read at any time",
            path);
    if (!s->swmr && s->end > s->size)
        return refuse_cut(path, s, errp);
    return 0;
}

int hdf5_file_open(hdf5_file *f, const char *path, bool follow, pe_error *errp)
{
    superblock s;
    hid_t list;

    *f = (hdf5_file){.id = -1, .path = path};
    if (access(path, R_OK) < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s cannot be opened: %s", path, strerror(errno));
    if (!look(path, &s))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s is not an HDF5 file", path);
    if (check_superblock(path, &s, follow, errp) < 0)
        return -1;
    f->writing = s.writing;
    f->swmr = s.swmr || follow;
    list = access_list(f->swmr);
    if (list < 0)
        return pe_error_nomem(errp);
    f->id = open_file(path, f->swmr, list);
    if (f->id < 0 && !follow && f->swmr) { /* closed in between */
        f->swmr = f->writing = false;
        f->id = open_file(path, false, H5P_DEFAULT);
    }
    if (f->id < 0)
        explain(path, &s, errp); /* by the library's words, while it has them */
    H5Pclose(list);
    return f->id < 0 ? -1 : 0;
}
