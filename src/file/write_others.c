/* write_others.c - files that others of the run have written. */
#include "write_others.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/store/store.h"
#include "write_rows.h"

/* The writer of a file called [name], in the folder of STEM; NULL: it is none
 * of these.  The caller frees.
 */
static char *writer_of(const write_others *o, const char *name)
{
    const char *slash = strrchr(o->stem, '/');
    const char *stem = slash ? slash + 1 : o->stem;
    char *tail = text_format("%s%s" PART_INDEX, *o->end ? "." : "", o->end);
    size_t head = strlen(stem), n = strlen(name), end = tail ? strlen(tail) : 0;
    char *writer = NULL;

    if (tail && n > head + 1 + end && !strncmp(name, stem, head) &&
        name[head] == '.' && !strcmp(name + n - end, tail))
        writer = strndup(name + head + 1, n - end - head - 1);
    free(tail);
    return writer;
}

/* Is it a rank of this very pool, which sees to its file itself? */
static bool is_ours(const write_others *o, const char *writer)
{
    size_t member = (size_t)(strrchr(o->writer, '-') - o->writer) + 1;
    int64_t rank;

    return !strncmp(writer, o->writer, member) &&
           text_parse_int(writer + member, &rank) == 0 && rank < o->ranks;
}

/* Where each partition of ours begins. */
static int fence(const write_others *o, const char *path, pe_error *errp)
{
    const context_committed *c = o->committed;
    part_place *from = calloc(c->n + 1, sizeof(*from));
    size_t n = 0;
    int rc;

    if (!from)
        return pe_error_nomem(errp);
    for (size_t k = 0; k < c->n; k++)
        if (c->own[k])
            from[n++] = (part_place){k, (uint64_t)c->next[k]};
    rc = part_fence(path, o->owner, from, n, errp);
    free(from);
    return rc;
}

static int settle_one(const write_others *o, const char *path, pe_error *errp)
{
    const part_conf conf = {
        .path = path, .owner = o->owner, .recount = write_recount};
    pe_error e = {0};
    part *p = part_open(&conf, &e);
    part_gone gone;
    int rc;

    if (!p && e.kind == PE_ERROR_RETRY)
        return fence(o, path, errp);
    if (!p && e.exit_code != PE_EXIT_CREATE)
        log_warn("%s; rows in it that are not committed come again", e.text);
    if (!p)
        return 0; /* of another run, or stage */
    rc = part_cut(p, o->counts, (void *)(uintptr_t)o->committed, &gone, errp);
    if (rc == 0 && gone.rows > 0)
        log_info("%llu rows in %s were written and not committed: they are cut "
                 "and come again",
                 (unsigned long long)gone.rows, path);
    if (rc == 0 && gone.bytes > 0)
        log_info("%llu bytes at the end of %s are of rows that were not "
                 "finished: they are cut",
                 (unsigned long long)gone.bytes, path);
    part_close(p);
    return rc;
}

/* Call [each] for the file of every writer but this pool's. */
static int visit(const write_others *o,
                 int (*each)(const write_others *o, const char *path,
                             pe_error *errp),
                 pe_error *errp)
{
    const char *slash = strrchr(o->stem, '/');
    char *folder =
        slash ? strndup(o->stem, (size_t)(slash - o->stem) + 1) : strdup(".");
    DIR *d = folder ? opendir(folder) : NULL;
    struct dirent *entry;
    int rc = folder ? 0 : pe_error_nomem(errp);

    if (folder && !d)
        rc = file_error(errp, errno, "read", folder, PE_EXIT_CREATE);
    while (rc == 0 && d && (entry = readdir(d))) {
        char *writer = writer_of(o, entry->d_name);
        char *path = text_format("%s.%s%s%s", o->stem, writer ? writer : "",
                                 *o->end ? "." : "", o->end);

        if (writer && !path)
            rc = pe_error_nomem(errp);
        else if (writer && !is_ours(o, writer))
            rc = each(o, path, errp);
        free(writer);
        free(path);
    }
    if (d)
        closedir(d);
    free(folder);
    return rc;
}

int write_others_settle(const write_others *o, pe_error *errp)
{
    return visit(o, settle_one, errp);
}

int write_others_make(const char *path, pe_error *errp)
{
    char *to = strndup(path, strlen(path) - strlen(WRITE_PART));
    int rc = to ? store_make_hdf5(path, to, errp) : pe_error_nomem(errp);

    free(to);
    return rc;
}

/* One that lives makes its own. */
static int finish_one(const write_others *o, const char *path, pe_error *errp)
{
    const part_conf conf = {.path = path, .owner = o->owner};
    part *p = part_open(&conf, NULL);
    int rc = 0;

    if (p && access(path, F_OK) == 0)
        rc = write_others_make(path, errp);
    part_close(p);
    return rc;
}

int write_others_finish(const write_others *o, pe_error *errp)
{
    return visit(o, finish_one, errp);
}
