/* meaning.c - what the tensors of a model file are, in words. */
#include "meaning.h"

#include <stddef.h>
#include <string.h>

/* A row for each; a name that ends with '.' is that of a layer's. */
static const struct {
    const char *kind; /* NULL: of any */
    const char *name, *words;
} rows[] = {
    {"kmeans", "centers", "k x d; the score is the distance to the nearest"},
    {"kmeans", "origins", "k x d; where each centre was born"},
    {"kmeans", "counts", "points each centre has taken"},
    {"kmeans", "births",
     "number of each centre: another one in its place "
     "has another"},
    {"kmeans", "limit", "of each column, the grid that sums are rounded to"},
    {"iforest", "feature",
     "trees x n; the column a node looks at; a tree is a heap, its root at 1, "
     "the children of i at 2i and 2i + 1"},
    {"iforest", "threshold",
     "trees x n; right where f4(x - shift) > threshold"},
    {"iforest", "value",
     "trees x n; path length of leaf i at i - n; the score is "
     "2^(-mean / c(psi))"},
    {"iforest", "window", "rows that trees are grown from, less shift"},
    {"iforest", "shift", "of each column, what is taken off first"},
    {"iforest", "tree_device", "of each tree, the device that has grown it"},
    {"iforest", "tree_rows",
     "of each tree, rows its device learned from between two deltas"},
    {"iforest", "waiting", "trees of devices, until there are enough of them"},
    {"autoencoder", "weight.", "in x out, of layer N"},
    {"autoencoder", "bias.", "of layer N"},
    {"autoencoder", "weight_m.", "Adam's first moment of weight.N"},
    {"autoencoder", "weight_v.", "Adam's second moment of weight.N"},
    {"autoencoder", "bias_m.", "Adam's first moment of bias.N"},
    {"autoencoder", "bias_v.", "Adam's second moment of bias.N"},
    {"autoencoder", "mean", "of each column; z = f4((x - mean) / scale)"},
    {"autoencoder", "scale", "of each column; the score is |z - net(z)|"},
    {"autoencoder", "shift", "of each column, what sums are taken from"},
    {"autoencoder", "count", "values in the sums"},
    {"autoencoder", "sum", "of x - shift"},
    {"autoencoder", "square", "of (x - shift)^2"},
    {"autoencoder", "recent", "values since the scaler last looked"},
    {"autoencoder", "far_count",
     "of those, ones too far off to be learned "
     "from"},
    {"autoencoder", "far_sum", "of x - shift of those"},
    {"autoencoder", "far_square", "of (x - shift)^2 of those"},
    {"audit", "audit",
     "n x 4; counts and sums of each device, in the order of "
     "`devices`"},
    {"python", "state",
     "the object as it pickles itself, state_bytes of them in whole words"},
    {NULL, "scores", "the window that the stream's threshold is taken from"},
    {NULL, "masked_cells", "of each column, values that had a row masked"},
    {NULL, "rows", "of the warm-up, until there is a model"},
};

const char *meaning_of(const char *kind, const char *name)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = strlen(rows[i].name);

        if (rows[i].kind && strcmp(rows[i].kind, kind) != 0)
            continue;
        if (rows[i].name[n - 1] == '.' ? !strncmp(rows[i].name, name, n)
                                       : !strcmp(rows[i].name, name))
            return rows[i].words;
    }
    return NULL;
}
