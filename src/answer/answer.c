/* answer.c - reads a folder of answers. */
#include "answer.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pilot/block.h>

#include "src/block/npy.h"
#include "src/common/file.h"
#include "src/common/text.h"

#define INFO_MAX_BYTES (256 << 20)
#define NPY_PREFIX 10

_Static_assert(sizeof(answer_row) == 56, "a row is what its head says");

void answer_head(char out[ANSWER_HEAD], uint64_t n)
{
    int len;

    memset(out, ' ', ANSWER_HEAD);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)((ANSWER_HEAD - NPY_PREFIX) & 255);
    out[9] = (char)((ANSWER_HEAD - NPY_PREFIX) >> 8);
    len = snprintf(out + NPY_PREFIX, ANSWER_HEAD - NPY_PREFIX,
                   "{'descr': [" ANSWER_FIELDS "], 'fortran_order': False, "
                   "'shape': (%llu,), }",
                   (unsigned long long)n);
    out[NPY_PREFIX + len] = ' ';
    out[ANSWER_HEAD - 1] = '\n';
}

/* --- opening --- */

/* [path] whole, for reading; NULL with errno. */
static void *map_file(const char *path, size_t *lenp)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *at = NULL;
    struct stat st;
    int rc;

    if (fd < 0)
        return NULL;
    rc = fstat(fd, &st);
    if (rc == 0 && st.st_size == 0)
        errno = ENODATA;
    else if (rc == 0 && (uint64_t)st.st_size > SIZE_MAX / 2)
        errno = EFBIG; /* a pointer has 32 bits */
    else if (rc == 0)
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (!at || at == MAP_FAILED)
        return NULL;
    *lenp = (size_t)st.st_size;
    return at;
}

static int wrong(const char *folder, const char *what, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s: %s; 'pilot score RUN' makes the answers again",
                        folder, what);
}

static int open_info(const char *folder, answers *a, pe_error *errp)
{
    char *path = text_format("%s/results.json", folder);
    size_t len = 0;
    char *data;

    if (!path)
        return pe_error_nomem(errp);
    if (access(path, F_OK) < 0) {
        free(path);
        return -1;
    }
    data = file_read(path, INFO_MAX_BYTES, &len, errp);
    a->info = data ? json_loadb(data, len, 0, NULL) : NULL;
    free(data);
    free(path);
    if (!a->info)
        return wrong(folder, "results.json is no JSON that can be read", errp);
    if (json_integer_value(json_object_get(a->info, "schema")) != ANSWER_SCHEMA)
        return wrong(folder, "it is of another version of this program", errp);
    return 0;
}

static int open_rows(const char *folder, answers *a, pe_error *errp)
{
    char *path = text_format("%s/rows.npy", folder), head[ANSWER_HEAD];
    uint64_t n = (uint64_t)json_integer_value(json_object_get(a->info, "rows"));

    if (!path)
        return pe_error_nomem(errp);
    a->map = map_file(path, &a->map_len);
    free(path);
    if (!a->map)
        return wrong(folder, "rows.npy cannot be read", errp);
    answer_head(head, n);
    if (a->map_len != ANSWER_HEAD + n * sizeof(answer_row) ||
        memcmp(head, a->map, ANSWER_HEAD) != 0)
        return wrong(folder, "rows.npy is not what results.json says", errp);
    a->rows = (const void *)((const char *)a->map + ANSWER_HEAD);
    a->n = n;
    return 0;
}

/* Rows of rows.npy that have values, and which values those are. */
typedef struct rank {
    uint64_t row;
    size_t at;
} rank;

static int by_row(const void *x, const void *y)
{
    const rank *a = x, *b = y;

    return a->row < b->row ? -1 : a->row > b->row;
}

static int take_top(const char *folder, answers *a, pe_error *errp)
{
    const json_t *list = json_object_get(a->info, "top"), *item;
    uint64_t *top = calloc(json_array_size(list) + 1, sizeof(*top));
    rank *ranks = calloc(json_array_size(list) + 1, sizeof(*ranks));
    size_t i;

    a->top = top;
    a->ranks = ranks;
    if (!top || !ranks)
        return pe_error_nomem(errp);
    json_array_foreach(list, i, item)
    {
        top[i] = (uint64_t)json_integer_value(item);
        ranks[i] = (rank){top[i], i};
        if (top[i] >= a->n)
            return wrong(folder, "top names a row that is not there", errp);
    }
    a->n_top = json_array_size(list);
    qsort(ranks, a->n_top, sizeof(*ranks), by_row);
    return 0;
}

static int open_values(const char *folder, answers *a, pe_error *errp)
{
    char *path = text_format("%s/top.npy", folder);
    pe_block b = {0};

    if (!path)
        return pe_error_nomem(errp);
    if (a->n_top > 0)
        a->value_map = map_file(path, &a->value_map_len);
    free(path);
    if (!a->value_map)
        return a->n_top > 0 ? wrong(folder, "top.npy cannot be read", errp) : 0;
    if (npy_decode(a->value_map, a->value_map_len, &b, NULL) < 0 ||
        b.points != a->n_top || b.dtype != PE_F8)
        return wrong(folder, "top.npy is not what results.json says", errp);
    a->values = b.data;
    a->n_values = b.features;
    return 0;
}

static int open_all(const char *folder, answers *a, pe_error *errp)
{
    const char *kept = json_string_value(json_object_get(a->info, "values"));
    char *path = text_format("%s/values.npy", folder);
    pe_block b = {0};

    if (!path)
        return pe_error_nomem(errp);
    if (kept && !strcmp(kept, "all") && a->n > 0)
        a->all_map = map_file(path, &a->all_map_len);
    free(path);
    if (!a->all_map)
        return kept && !strcmp(kept, "all") && a->n > 0
                   ? wrong(folder, "values.npy cannot be read", errp)
                   : 0;
    if (npy_decode(a->all_map, a->all_map_len, &b, NULL) < 0 ||
        b.points != a->n || b.dtype != PE_F8 ||
        (a->n_values && b.features != a->n_values))
        return wrong(folder, "values.npy is not what results.json says", errp);
    a->all = b.data;
    a->n_values = b.features;
    return 0;
}

static int open_whole(const char *folder, answers *a, pe_error *errp)
{
    memset(a, 0, sizeof(*a));
    if (open_info(folder, a, errp) == 0 && open_rows(folder, a, errp) == 0 &&
        take_top(folder, a, errp) == 0 && open_values(folder, a, errp) == 0 &&
        open_all(folder, a, errp) == 0)
        return 0;
    answers_close(a);
    return -1;
}

/* Who was killed while newer ones took their place has left them beside. */
int answers_open(const char *folder, answers *a, pe_error *errp)
{
    char *old = access(folder, F_OK) < 0 ? text_format("%s.old", folder) : NULL;
    int rc = open_whole(old && access(old, F_OK) == 0 ? old : folder, a, errp);

    free(old);
    return rc;
}

void answers_close(answers *a)
{
    if (a->map)
        munmap(a->map, a->map_len);
    if (a->value_map)
        munmap(a->value_map, a->value_map_len);
    if (a->all_map)
        munmap(a->all_map, a->all_map_len);
    free((void *)(uintptr_t)a->top);
    free(a->ranks);
    json_decref(a->info);
    memset(a, 0, sizeof(*a));
}

/* --- asking --- */

const double *answers_values(const answers *a, uint64_t i)
{
    const rank key = {.row = i}, *found;

    if (a->all)
        return a->all + i * a->n_values;
    if (!a->values)
        return NULL;
    found = bsearch(&key, a->ranks, a->n_top, sizeof(key), by_row);
    return found ? a->values + found->at * a->n_values : NULL;
}

static const char *name_of(const answers *a, const char *list, int32_t i)
{
    const char *s = i < 0 ? NULL
                          : json_string_value(json_array_get(
                                json_object_get(a->info, list), (size_t)i));

    return s ? s : "";
}

const char *answers_column(const answers *a, uint32_t k)
{
    return json_string_value(
        json_array_get(json_object_get(a->info, "columns"), k));
}

const char *answers_device(const answers *a, int32_t device)
{
    return name_of(a, "devices", device);
}

const char *answers_source(const answers *a, int32_t source)
{
    return name_of(a, "sources", source);
}

double answers_threshold(const answers *a)
{
    const json_t *t = json_object_get(a->info, "threshold");

    return json_is_number(t) ? json_number_value(t) : (double)NAN;
}
