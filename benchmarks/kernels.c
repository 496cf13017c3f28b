/* kernels.c - the kernels of the models, alone, beside each other.
 *
 * kernels [--json] [--data FILE.npy] [--repeat N] [--points N,...] [--only T]
 * kernels --serve [--data FILE.npy]: answers "TASK POINTS [FILE]" lines with
 * the nanoseconds of one repetition, for a peer that takes turns with it; its
 * scores go to FILE as bare floats.
 *
 * One thread.  Within a size all tasks take turns; the first two turns are
 * not counted.  Ratios are to the task named beside.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/model.h>

#include "models/kmeans/private.h"
#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "src/model/blas.h"
#include "src/model/path.h"

enum { FEATURES = 32, ROWS = 10000, WARM = 2, REPEAT_MAX = 101 };

enum op {
    OP_UPDATE, /* learn from a block and score it */
    OP_EPOCH,  /* ... and apply the delta: one message, one model */
    OP_SCORE,
    OP_LLOYD, /* LLOYD iterations of a whole fit, from given centres */
};

enum { LLOYD = 10 };

/* What is measured; [against] is the task its ratio is taken to. */
static const struct task {
    const char *name, *kind, *options, *path;
    enum op op;
    const char *against;
} tasks[] = {
    {"kmeans", "kmeans", "", "auto", OP_UPDATE, "kmeans-gemm"},
    {"kmeans-exact", "kmeans", "exact=true", "auto", OP_UPDATE, "kmeans"},
    {"kmeans-epoch", "kmeans", "", "auto", OP_EPOCH, "kmeans"},
    {"kmeans-score", "kmeans", "", "auto", OP_SCORE, "kmeans"},
    {"kmeans-gemm", "kmeans", "", "blas", OP_UPDATE, NULL},
    {"kmeans-lloyd", "kmeans", "", "auto", OP_LLOYD, "kmeans"},
    {"kmeans-plain", "kmeans", "", "plain", OP_UPDATE, "kmeans-gemm"},
    {"kmeans-avx2", "kmeans", "", "avx2", OP_UPDATE, "kmeans-gemm"},
    {"kmeans-neon", "kmeans", "", "neon", OP_UPDATE, "kmeans-gemm"},
    {"forest", "iforest", "refit=true", "auto", OP_UPDATE, "forest-plain"},
    {"forest-score", "iforest", "", "auto", OP_SCORE, "forest-plain-score"},
    {"forest-avx2", "iforest", "refit=true", "avx2", OP_UPDATE, "forest-plain"},
    {"forest-avx2-score", "iforest", "", "avx2", OP_SCORE,
     "forest-plain-score"},
    {"forest-plain", "iforest", "refit=true", "plain", OP_UPDATE, NULL},
    {"forest-plain-score", "iforest", "", "plain", OP_SCORE, NULL},
    {"forest-update", "iforest", "", "auto", OP_UPDATE, "forest"},
    {"forest-epoch", "iforest", "", "auto", OP_EPOCH, "forest"},
    {"autoencoder", "autoencoder", "", "auto", OP_UPDATE, "autoencoder-blas"},
    {"autoencoder-score", "autoencoder", "", "auto", OP_SCORE,
     "autoencoder-blas-score"},
    {"autoencoder-avx2", "autoencoder", "", "avx2", OP_UPDATE,
     "autoencoder-blas"},
    {"autoencoder-256", "autoencoder", "batch=256", "auto", OP_UPDATE,
     "autoencoder-blas"},
    {"autoencoder-pyod", "autoencoder", "preset=pyod2021", "auto", OP_UPDATE,
     "autoencoder-blas"},
    {"autoencoder-blas", "autoencoder", "", "blas", OP_UPDATE, NULL},
    {"autoencoder-blas-score", "autoencoder", "", "blas", OP_SCORE, NULL},
    {"autoencoder-plain", "autoencoder", "", "plain", OP_UPDATE,
     "autoencoder-blas"},
    {"autoencoder-epoch", "autoencoder", "", "auto", OP_EPOCH, "autoencoder"},
};

enum { TASKS = sizeof(tasks) / sizeof(tasks[0]) };

/* A task at work on blocks of one size. */
struct bench {
    const struct task *task;
    pe_model *model;
    pe_delta *delta;
    float *scores;
    int64_t ns[REPEAT_MAX];
};

static pe_block data; /* ROWS x FEATURES */

static void die(const pe_error *e)
{
    fprintf(stderr, "kernels: %s\n", e->text);
    exit(e->exit_code ? (int)e->exit_code : 1);
}

/* 25 blobs of deviation 0.5 round centres N(0, 4), 5% uniform. */
static void make_data(void)
{
    random_stream r = {1, 0};
    double centers[25 * FEATURES];
    pe_error e = {0};

    if (pe_block_reserve(&data, ROWS, FEATURES, PE_F8, &e) < 0)
        die(&e);
    for (int i = 0; i < 25 * FEATURES; i++)
        centers[i] = 2 * random_normal(&r);
    for (uint32_t i = 0; i < ROWS; i++) {
        const double *c = centers + random_below(&r, 25) * FEATURES;
        bool out = random_below(&r, 20) == 0;

        for (int f = 0; f < FEATURES; f++)
            ((double *)data.data)[i * FEATURES + (uint32_t)f] =
                out ? 8 * random_uniform(&r) - 4
                    : c[f] + 0.5 * random_normal(&r);
    }
}

static void load_data(const char *path)
{
    pe_error e = {0};
    pe_block b = {0};
    char *bytes;
    size_t len;

    bytes = file_read(path, 1u << 30, &len, &e);
    if (!bytes || npy_decode(bytes, len, &b, &e) < 0 ||
        pe_block_copy(&data, &b, &e) < 0)
        die(&e);
    free(bytes);
}

static pe_block part(uint32_t points)
{
    pe_block b = data;

    b.points = points < data.points ? points : data.points;
    return b;
}

/* "name=value name=value" */
static void set_options(pe_options *o, const char *words)
{
    char copy[256], *at = NULL;
    pe_error e = {0};

    snprintf(copy, sizeof(copy), "%s", words);
    for (char *w = strtok_r(copy, " ", &at); w; w = strtok_r(NULL, " ", &at)) {
        char *value = strchr(w, '=');

        *value++ = '\0';
        if (pe_options_set(o, w, value, &e) < 0)
            die(&e);
    }
}

/* The model, warmed by all of the data. */
static void begin(struct bench *b, const struct task *t)
{
    pe_error e = {0};
    pe_options *o = pe_model_options(t->kind, &e);
    pe_block all = part(ROWS);

    b->task = t;
    if (!o || path_select(t->path, &e) < 0)
        die(&e);
    set_options(o, t->options);
    b->model = pe_model_create(t->kind, o, data.features, &e);
    b->scores = malloc(data.points * sizeof(float));
    if (!b->model || !b->scores)
        die(&e);
    b->delta = pe_delta_create(b->model, &e);
    for (int i = 0; b->model->warming && i < 100; i++)
        if (pe_delta_reset(b->delta, b->model, &e) < 0 ||
            pe_model_update(b->model, b->delta, &all, NULL, &e) < 0 ||
            pe_delta_seal(b->model, b->delta, &e) < 0 ||
            pe_model_apply(b->model, b->delta, &e) < 0)
            die(&e);
    if (pe_delta_reset(b->delta, b->model, &e) < 0)
        die(&e);
    pe_options_destroy(o);
}

static void finish(struct bench *b)
{
    pe_delta_destroy(b->delta);
    pe_model_destroy(b->model);
    free(b->scores);
    memset(b, 0, sizeof(*b));
}

/* One repetition, in nanoseconds. */
static int64_t once(struct bench *b, uint32_t points)
{
    pe_block block = part(points);
    pe_error e = {0};
    int64_t start;
    int rc = 0;

    if (path_select(b->task->path, &e) < 0)
        die(&e);
    start = clock_mono_ns();
    switch (b->task->op) {
    case OP_SCORE:
        rc = pe_model_score(b->model, &block, b->scores, &e);
        break;
    case OP_UPDATE:
        rc = pe_model_update(b->model, b->delta, &block, b->scores, &e);
        break;
    case OP_EPOCH:
        rc = pe_delta_reset(b->delta, b->model, &e);
        if (rc == 0)
            rc = pe_model_update(b->model, b->delta, &block, b->scores, &e);
        if (rc == 0)
            rc = pe_delta_seal(b->model, b->delta, &e);
        if (rc == 0)
            rc = pe_model_apply(b->model, b->delta, &e);
        break;
    case OP_LLOYD:
        rc = kmeans_lloyd(kmeans_of(b->model), block.data, points, LLOYD, &e);
        break;
    }
    if (rc < 0)
        die(&e);
    return clock_mono_ns() - start;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static bool usable(const struct task *t, const char *only)
{
    for (int p = 0; p < PATH_COUNT; p++)
        if (!strcmp(t->path, path_name((enum model_path)p)) &&
            !path_usable((enum model_path)p))
            return false;
    return !only || !strncmp(t->name, only, strlen(only));
}

static const struct bench *find(const struct bench *b, const char *name)
{
    for (int i = 0; name && i < TASKS; i++)
        if (b[i].task && !strcmp(b[i].task->name, name))
            return &b[i];
    return NULL;
}

static void report(const struct bench *all, const struct bench *b,
                   uint32_t points, int repeat, bool json)
{
    const struct bench *ref = find(all, b->task->against);
    double least = (double)b->ns[0] / 1e3;
    double median = (double)b->ns[repeat / 2] / 1e3;
    double ratio =
        ref ? (double)ref->ns[repeat / 2] / (double)b->ns[repeat / 2] : 1;

    if (json)
        printf("{\"task\": \"%s\", \"points\": %u, \"min_us\": %.2f, "
               "\"median_us\": %.2f, \"mpoints_per_s\": %.2f, "
               "\"against\": \"%s\", \"ratio\": %.3f}\n",
               b->task->name, points, least, median, points / median,
               ref ? ref->task->name : "", ratio);
    else
        printf("%-20s %6u points  min %10.1f  median %10.1f us  %7.2f "
               "Mpoint/s  %6.2f x %s\n",
               b->task->name, points, least, median, points / median, ratio,
               ref ? ref->task->name : "itself");
}

static void run_size(uint32_t points, int repeat, const char *only, bool json)
{
    static struct bench b[TASKS];

    for (int i = 0; i < TASKS; i++)
        if (usable(&tasks[i], only))
            begin(&b[i], &tasks[i]);
    for (int r = -WARM; r < repeat; r++)
        for (int i = 0; i < TASKS; i++) {
            int64_t ns = b[i].task ? once(&b[i], points) : 0;

            b[i].ns[r < 0 ? 0 : r] = ns;
        }
    for (int i = 0; i < TASKS; i++)
        qsort(b[i].ns, (size_t)repeat, sizeof(b[i].ns[0]), by_time);
    for (int i = 0; i < TASKS; i++)
        if (b[i].task)
            report(b, &b[i], points, repeat, json);
    for (int i = 0; i < TASKS; i++)
        if (b[i].task)
            finish(&b[i]);
}

static int find_task(const char *name)
{
    for (int i = 0; i < TASKS; i++)
        if (!strcmp(tasks[i].name, name) && usable(&tasks[i], NULL))
            return i;
    return -1;
}

static void serve(void)
{
    static struct bench b[TASKS];
    char line[1024], name[64], path[900];
    unsigned points;

    while (fgets(line, sizeof(line), stdin)) {
        int words = sscanf(line, "%63s %u %899s", name, &points, path);
        int at = words >= 2 ? find_task(name) : -1;
        pe_error e = {0};

        if (at < 0) {
            puts("error no such task");
        } else {
            if (!b[at].task)
                begin(&b[at], &tasks[at]);
            printf("%lld\n", (long long)once(&b[at], points));
            if (words == 3 && file_write(path, b[at].scores,
                                         points * sizeof(float), 0644, &e) < 0)
                die(&e);
        }
        fflush(stdout);
    }
    for (int i = 0; i < TASKS; i++)
        if (b[i].task)
            finish(&b[i]);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"serve", no_argument, NULL, 's'},
        {"data", required_argument, NULL, 'd'},
        {"repeat", required_argument, NULL, 'r'},
        {"points", required_argument, NULL, 'p'},
        {"only", required_argument, NULL, 'o'},
        {0},
    };
    const char *path = NULL, *only = NULL;
    char sizes[128] = "25,100,1000,10000", *at = NULL;
    bool json = false, serving = false;
    int c, repeat = 21;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'j')
            json = true;
        else if (c == 's')
            serving = true;
        else if (c == 'd')
            path = optarg;
        else if (c == 'o')
            only = optarg;
        else if (c == 'p')
            snprintf(sizes, sizeof(sizes), "%s", optarg);
        else if (c == 'r' && atoi(optarg) > 0 && atoi(optarg) <= REPEAT_MAX)
            repeat = atoi(optarg);
        else
            return PE_EXIT_USAGE;
    }
    blas_set_threads(1);
    path ? load_data(path) : make_data();
    if (serving) {
        serve();
    } else {
        for (char *w = strtok_r(sizes, ",", &at); w;
             w = strtok_r(NULL, ",", &at))
            run_size((uint32_t)atoi(w), repeat, only, json);
    }
    pe_block_release(&data);
    return 0;
}
