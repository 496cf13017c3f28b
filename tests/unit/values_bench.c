/* values_bench.c - a pass over records that say something of their rows. */
#include "values_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "src/common/text.h"
#include "unit.h"

struct say say;

typedef struct made {
    source_reader base;
    int32_t partition;
    int64_t next;
} made;

static made *made_of(source_reader *s)
{
    return (made *)s;
}

static int made_assign(source_reader *s, const broker_position *p, size_t n,
                       pe_error *errp)
{
    (void)n;
    (void)errp;
    made_of(s)->partition = p->partition;
    made_of(s)->next = p->offset;
    return 0;
}

double value(int32_t part, int64_t block, uint32_t i, uint32_t k)
{
    return (double)((part * 7 + block * 31 + i * 17 + k * k * 5) % 101);
}

static source_text text_of(const char *s)
{
    return s ? (source_text){s, strlen(s)} : (source_text){0};
}

static source_said said_of(int32_t partition)
{
    return (source_said){
        .times = text_of(say.times),
        .scale = text_of(say.scale),
        .columns = text_of(partition && say.others ? say.others : say.columns)};
}

static source_said made_said(source_reader *s, const source_item *r)
{
    CU_ASSERT_EQUAL(made_of(s)->partition, r->block.partition);
    return say.asked ? said_of(r->block.partition) : r->said;
}

static int made_fetch(source_reader *s, size_t which, source_item *r,
                      pe_error *errp)
{
    made *m = made_of(s);
    pe_block *b = &r->block;
    int64_t o = m->next++;
    uint32_t n = say.points ? (uint32_t)say.points : POINTS;

    (void)which;
    if (o >= BLOCKS)
        return 0;
    if (pe_block_reserve(b, n, D, PE_F8, errp) < 0)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < D; k++)
            ((double *)b->data)[i * D + k] = value(m->partition, o, i, k);
    if (say.masked)
        ((double *)b->data)[3 * D + 1] = INFINITY;
    b->device = r->text;
    snprintf(r->text, 64, "dev-%d", (int)m->partition);
    b->topic = "topic";
    b->partition = m->partition;
    b->offset = o;
    b->boot = 1;
    b->seq = (uint64_t)o;
    b->has_seq = 1;
    b->sense_ns = 5000 + o;
    b->source = NULL;
    if (say.files) {
        snprintf(r->text + 64, 64, "f.csv:%d", (int)o * 100);
        b->source = r->text + 64;
    }
    r->said = say.asked ? (source_said){0} : said_of(m->partition);
    r->bad.kind = PE_ERROR_NONE;
    return 1;
}

static void made_release(source_reader *s, source_item *r)
{
    (void)s;
    (void)r;
}

static void made_wait(source_reader *s, int timeout_ms)
{
    (void)s;
    (void)timeout_ms;
}

static int64_t made_end(source_reader *s, int32_t partition)
{
    (void)partition;
    return made_of(s)->next > BLOCKS ? BLOCKS : -1;
}

static void made_close(source_reader *s)
{
    free(s);
}

static const source_ops made_ops = {
    .assign = made_assign,
    .fetch = made_fetch,
    .release = made_release,
    .said = made_said,
    .wait = made_wait,
    .end = made_end,
    .close = made_close,
};

static source_reader *made_open(void *arg, int32_t partition, pe_error *errp)
{
    made *m = calloc(1, sizeof(*m));

    (void)arg;
    (void)errp;
    m->base.ops = &made_ops;
    m->partition = partition;
    return &m->base;
}

/* Of columns whose spreads are as [widths] apart. */
pe_buffer make_model(const double widths[D])
{
    pe_options *o = pe_model_options("kmeans", NULL);
    pe_buffer file = {0};
    pe_model *m;
    pe_delta *d;
    pe_block b = {0};

    pe_options_set(o, "clusters", "3", NULL);
    m = pe_model_create("kmeans", o, D, NULL);
    d = pe_delta_create(m, NULL);
    pe_block_reserve(&b, 300, D, PE_F8, NULL);
    for (int i = 0; i < 300 * D; i++)
        ((double *)b.data)[i] = (i * 37 % 90) * widths[i % D];
    CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_encode(m, &file, NULL), 0);
    pe_block_release(&b);
    pe_delta_destroy(d);
    pe_model_destroy(m);
    pe_options_destroy(o);
    return file;
}

/* --- a pass --- */

static const double alike[D] = {1, 1, 1};
static const pipeline no_stages;

/* Answers into [a]; the caller closes them. */
void pass(const wish *w, answers *a)
{
    char *folder = text_format("%s/values", scratch_folder);
    pe_buffer model = make_model(w->widths ? w->widths : alike);
    json_t *info = json_pack("{s:[], s:s}", "notes", "run", "r1");
    lane_conf lanes[PARTS];
    pe_model *m = pe_model_decode(model.data, model.len, NULL);
    const pass_conf c = {.folder = folder,
                         .model = model.data,
                         .model_len = model.len,
                         .threshold = (double)NAN,
                         .lanes = lanes,
                         .n_lanes = PARTS,
                         .threads = w->threads ? w->threads : 2,
                         .values_bytes = w->bytes,
                         .info = info};
    pe_error e = {0};

    for (int p = 0; p < PARTS; p++) {
        lanes[p] = (lane_conf){
            .open = made_open,
            .stages = {.pl = w->pl ? w->pl : &no_stages, .run = "r1", .m = m},
            .staged = w->pl != NULL,
            .features = D,
            .partition = p,
            .standardised = w->standardised,
            .what = w->what,
            .again = w->what != NULL,
            .end = -1};
    }
    CU_ASSERT_EQUAL(pass_run(&c, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL_FATAL(answers_open(folder, a, &e), 0);
    pe_model_destroy(m);
    json_decref(info);
    pe_buffer_free(&model);
    free(folder);
}

/* The notes of [a], a line each. */
const char *notes_of(const answers *a)
{
    static char out[2000];
    const json_t *note;
    size_t i, at = 0;

    out[0] = '\0';
    json_array_foreach(json_object_get(a->info, "notes"), i, note) at +=
        (size_t)snprintf(out + at, sizeof(out) - at, "%s\n",
                         json_string_value(note));
    return out;
}

void check_values(const answers *a, const double shift[D],
                  const double scale[D])
{
    for (uint64_t i = 0; i < a->n; i++) {
        const answer_row *r = &a->rows[i];
        const double *v = answers_values(a, i);

        CU_ASSERT_PTR_NOT_NULL_FATAL(v);
        for (uint32_t k = 0; k < D; k++)
            CU_ASSERT_DOUBLE_EQUAL(v[k],
                                   shift[k] + scale[k] * value(r->partition,
                                                               r->offset,
                                                               r->point, k),
                                   1e-12);
    }
}
