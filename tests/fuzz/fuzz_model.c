/* fuzz_model.c - model files with damage: refused, or used without harm.
 *
 * An input is a kind, then changes to a good file of it: three bytes each, a
 * place (two) and a value.  So every byte of a file is near.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/model.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FEATURES = 3, ROWS = 40, KINDS = 5 };

static double rows[ROWS * FEATURES];

static pe_block make_block(uint32_t points)
{
    return (pe_block){
        .data = rows,
        .points = points,
        .features = FEATURES,
        .dtype = PE_F8,
        .partition = -1,
    };
}

static void set_options(pe_options *o, const char *const *words)
{
    for (; *words; words += 2)
        if (pe_options_set(o, words[0], words[1], NULL) < 0)
            abort();
}

/* A small model of each kind, trained or still warming. */
static pe_buffer make_file(int i)
{
    static const char *const kinds[KINDS] = {"kmeans", "iforest", "autoencoder",
                                             "kmeans", "audit"};
    static const char *const options[KINDS][7] = {
        {"clusters", "2", "warmup", "20"},
        {"trees", "2", "psi", "8", "rows", "16"},
        {"hidden", "4,2", "warmup", "20"},
        {"clusters", "2", "warmup", "900"},
        {0},
    };
    pe_options *o = pe_model_options(kinds[i], NULL);
    pe_block b = make_block(ROWS);
    pe_buffer file = {0};
    pe_model *m;
    pe_delta *d;

    set_options(o, options[i]);
    m = pe_model_create(kinds[i], o, FEATURES, NULL);
    d = pe_delta_create(m, NULL);
    if (pe_model_update(m, d, &b, NULL, NULL) < 0 ||
        pe_delta_seal(m, d, NULL) < 0 || pe_model_apply(m, d, NULL) < 0 ||
        pe_model_encode(m, &file, NULL) < 0)
        abort();
    pe_delta_destroy(d);
    pe_model_destroy(m);
    pe_options_destroy(o);
    return file;
}

/* What a device and a rank do with a model that was read. */
static void use(pe_model *m)
{
    pe_block b = make_block(ROWS);
    float scores[ROWS];
    pe_buffer again = {0};
    pe_delta *d;

    if (m->features == FEATURES) {
        d = pe_delta_create(m, NULL);
        if (d && pe_model_score(m, &b, scores, NULL) == 0 &&
            pe_model_update(m, d, &b, scores, NULL) == 0 &&
            pe_delta_seal(m, d, NULL) == 0)
            pe_model_apply(m, d, NULL);
        pe_delta_destroy(d);
    }
    pe_model_encode(m, &again, NULL);
    pe_buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pe_buffer files[KINDS];
    unsigned char *copy;
    pe_error e = {0};
    pe_model *m;
    int i;

    if (size == 0)
        return 0;
    for (int k = 0; !files[0].len && k < ROWS * FEATURES; k++)
        rows[k] = (k * 7919) % 101 / 10.0;
    i = data[0] % KINDS;
    if (!files[i].len)
        files[i] = make_file(i);
    copy = malloc(files[i].len);
    memcpy(copy, files[i].data, files[i].len);
    for (size_t at = 1; at + 3 <= size; at += 3)
        copy[(data[at] | (size_t)data[at + 1] << 8) % files[i].len] =
            data[at + 2];
    m = pe_model_decode(copy, files[i].len, &e);
    free(copy);
    if (m)
        use(m);
    else if (!e.text[0])
        abort(); /* refused without a word */
    pe_model_destroy(m);
    return 0;
}
