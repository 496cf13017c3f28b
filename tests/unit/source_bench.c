/* source_bench.c - a built-in source under test. */
#include "source_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "unit.h"

char source_log[2048]; /* lines of the test, one after another */

/* No model takes part. */
int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp)
{
    (void)m;
    (void)b;
    (void)scores;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "no model");
}

static void keep_log(void *arg, enum log_level level, const char *line)
{
    size_t n = strlen(source_log);

    (void)arg;
    (void)level;
    snprintf(source_log + n, sizeof(source_log) - n, "%s\n", line);
}

void source_init(source_bench *b, const char *name)
{
    memset(b, 0, sizeof(*b));
    b->ops = function_find(name);
    b->options = pe_options_create(b->ops->options, NULL);
    b->setup = (context_setup){.stage = "sense",
                               .device = "devices-0",
                               .size = 1,
                               .points = 4,
                               .within_s = 1,
                               .dtype = PE_F8,
                               .options = b->options,
                               .cancelled = &b->cancelled};
}

void source_set(source_bench *b, const char *name, const char *value)
{
    CU_ASSERT_EQUAL(pe_options_set(b->options, name, value, &b->error), 0);
}

int source_open(source_bench *b)
{
    b->ctx = context_create(&b->setup, NULL);
    return b->ops->open(b->ctx);
}

/* The next block, PE_AGAIN left out. */
int source_next(source_bench *b)
{
    int rc = PE_AGAIN;

    while (rc == PE_AGAIN)
        rc = b->ops->produce_edge(b->ctx, &b->out);
    return rc;
}

void source_end(source_bench *b)
{
    b->ops->close(b->ctx);
    context_destroy(b->ctx);
    pe_options_destroy(b->options);
    pe_block_release(&b->out);
}

char *source_stored(const char *folder, const char *name)
{
    const char *top = getenv("srcdir");

    return text_format("%s/tests/data/%s/%s", top ? top : ".", folder, name);
}

void source_set_words(source_bench *b, const char *words)
{
    char copy[256], *at = NULL;

    snprintf(copy, sizeof(copy), "%s", words);
    for (char *w = strtok_r(copy, " ", &at); w; w = strtok_r(NULL, " ", &at)) {
        char *value = strchr(w, '=');
        *value++ = '\0';
        source_set(b, w, value);
    }
}

void source_read_all(source_bench *b, char *out, size_t cap)
{
    size_t n = 0;
    int rc = 0;

    out[0] = '\0';
    while ((rc = source_next(b)) == PE_FORWARD)
        for (uint32_t p = 0; p < b->out.points; p++)
            for (uint32_t f = 0; f < b->out.features; f++)
                n += (size_t)snprintf(out + n, n < cap ? cap - n : 0, "%g%s",
                                      pe_block_at(&b->out, p, f),
                                      f + 1 < b->out.features ? " " : ";");
    if (rc < 0)
        snprintf(out, cap, "%s", context_error(b->ctx));
}

void source_rows_check(const char *folder, uint32_t points,
                       const source_rows *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *path = source_stored(folder, table[i].name), got[512] = "";
        source_bench b;

        source_log[0] = '\0';
        source_init(&b, "file");
        source_set(&b, "path", path);
        b.setup.points = points ? points : 1 + (uint32_t)i % 5;
        source_set_words(&b, table[i].options);
        CU_ASSERT_EQUAL(source_open(&b), 0);
        UNIT_EQUAL(context_error(b.ctx), "");
        if (!*context_error(b.ctx))
            source_read_all(&b, got, sizeof(got));
        UNIT_EQUAL(got, table[i].rows);
        UNIT_CONTAINS(source_log, table[i].said);
        source_end(&b);
        free(path);
    }
}

int source_main(const char *name, const struct unit_test *tests)
{
    int rc;

    log_init(keep_log, NULL, LOG_LEVEL_DEBUG);
    scratch_make();
    rc = unit_main(name, tests);
    scratch_remove();
    return rc;
}
