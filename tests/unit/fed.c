/* fed.c - devices that learn, and the model of all, without services. */
#include "fed.h"

#include <string.h>

#include "blobs.h"
#include "src/federate/merge.h"
#include "unit.h"

void fed_open(fed *f, const char *const *w, const char *name, const char *value)
{
    static const char *const names[DEVICES] = {"d0", "d1", "d2", "d3"};

    memset(f, 0, sizeof(*f));
    f->kind = w[0];
    f->options = pe_model_options(w[0], NULL);
    for (w++; *w; w += 2)
        CU_ASSERT_EQUAL(pe_options_set(f->options, w[0], w[1], NULL), 0);
    if (name)
        CU_ASSERT_EQUAL(pe_options_set(f->options, name, value, NULL), 0);
    f->m = pe_model_create(f->kind, f->options, D, NULL);
    for (int i = 0; i < DEVICES; i++)
        f->device[i] = learner_create(&(learner_conf){.stage = names[i],
                                                      .kind = f->kind,
                                                      .options = f->options,
                                                      .least = LEAST,
                                                      .number = i,
                                                      .within_s = 3600},
                                      NULL);
}

void fed_close(fed *f)
{
    for (int i = 0; i < DEVICES; i++)
        learner_destroy(f->device[i]);
    pe_model_destroy(f->m);
    pe_options_destroy(f->options);
}

/* --- no row in it --- */

static bool has(const unsigned char *in, size_t len, const void *what, size_t n)
{
    return memmem(in, len, what, n) != NULL;
}

bool fed_leaks(const pe_block *b, const learner_delta *delta)
{
    for (uint32_t i = 0; i < b->points; i += 7)
        for (uint32_t k = 0; k + 1 < b->features; k++) {
            double v = pe_block_at(b, i, k);
            float pair[2] = {(float)v, (float)pe_block_at(b, i, k + 1)};

            if (has(delta->data, delta->len, &v, sizeof(v)) ||
                has(delta->data, delta->len, pair, sizeof(pair)))
                return true;
        }
    return false;
}

/* --- a device, and a rank --- */

void fed_block(fed *f, int i, int64_t number, uint32_t points, pe_block *b)
{
    pe_error e = {0};

    blobs_fill(b, points, D, PE_F8, SEED, number, NULL);
    b->seq = f->seq[i]++;
    b->has_seq = 1;
    CU_ASSERT_EQUAL(
        learner_fold(f->device[i], f->m->version ? f->m : NULL, b, &e), 0);
    UNIT_EQUAL(e.text, "");
}

source_item item_of(const learner_delta *delta, int i, int64_t offset)
{
    static const char *const names[DEVICES] = {"d0", "d1", "d2", "d3"};

    return (source_item){.raw = delta->data,
                         .raw_len = delta->len,
                         .is_delta = true,
                         .first = delta->first,
                         .block = {.device = names[i],
                                   .partition = i,
                                   .offset = offset,
                                   .boot = 1,
                                   .seq = delta->last,
                                   .version = delta->version,
                                   .points = (uint32_t)delta->rows,
                                   .features = delta->features}};
}

int fed_sync(fed *f, int i, const pe_block *last)
{
    learner_delta delta;
    params_counters add = {0};
    pe_error e = {0};
    int64_t points = 0;
    pe_delta *d;
    int rc = learner_cut(f->device[i], 1, &delta, &e);

    UNIT_EQUAL(e.text, "");
    if (rc <= 0)
        return rc;
    f->leaked = f->leaked || (last && fed_leaks(last, &delta));
    if (delta.version && delta.len > f->bytes)
        f->bytes = delta.len;
    d = pe_delta_create(f->m, NULL);
    source_item r = item_of(&delta, i, (int64_t)f->seq[i]);
    points = federate_merge(f->m, d, &r, &(federate_rules){0}, &add, &e);
    CU_ASSERT_TRUE(points >= 0);
    UNIT_EQUAL(e.text, "");
    f->rows += add.points;
    CU_ASSERT_EQUAL(pe_delta_seal(f->m, d, &e), 0);
    CU_ASSERT_EQUAL(pe_model_apply(f->m, d, &e), 0);
    UNIT_EQUAL(e.text, "");
    f->m->version++;
    pe_delta_destroy(d);
    return 1;
}
