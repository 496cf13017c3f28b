/* safetensors.h - named tensors and strings, as one safetensors file. */
#ifndef MODEL_SAFETENSORS_H
#define MODEL_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include <pilot/model.h>

/* A file is 8 bytes of length (little-endian), a JSON header of that length
 * and the raw little-endian tensors.  The header is padded with blanks so
 * that the tensors start at a multiple of 8 and can be used in place.
 */

enum tensor_type { TENSOR_F64, TENSOR_F32, TENSOR_I64, TENSOR_U64 };

#define TENSOR_RANK_MAX 4

/* One tensor, C order; data is 8-byte aligned. */
typedef struct tensor {
    char *name;
    enum tensor_type type;
    size_t rank;
    uint64_t shape[TENSOR_RANK_MAX];
    void *data;
    size_t bytes;
} tensor;

/* An empty set; NULL when there is no memory. */
pe_tensors *pe_tensors_create(pe_error *errp);
void pe_tensors_destroy(pe_tensors *t); /* may be NULL */

/* What the elements of a tensor are, and how many, axis by axis. */
typedef struct tensor_form {
    enum tensor_type type;
    size_t rank;
    uint64_t shape[TENSOR_RANK_MAX];
} tensor_form;

/* Add a copy of the tensor at [data], in the order of calls.  The name must
 * be new, and not "__metadata__".
 */
int pe_tensors_put(pe_tensors *t, const char *name, const tensor_form *form,
                   const void *data, pe_error *errp);

/* The tensor called [name], or NULL.  Lives as long as the set. */
const tensor *pe_tensors_find(const pe_tensors *t, const char *name);

/* Tensor number [i], in the order of the file; NULL behind the last. */
const tensor *pe_tensors_at(const pe_tensors *t, size_t i);

/* "F64" and so on, as the file has it. */
const char *pe_tensors_type_name(enum tensor_type type);

/* Data of the tensor called [name], its shape copied to [shape].  Errors
 * (input): there is none, or it has another type or rank.  Lives as long as
 * the set; never NULL on success, even when it has no elements.
 */
const void *pe_tensors_get(const pe_tensors *t, const char *name,
                           enum tensor_type type, size_t rank, uint64_t *shape,
                           pe_error *errp);

/* Metadata: texts by name; a later one replaces an earlier.  Errors: fatal,
 * the text is not UTF-8.  A number is written so that reading gives the
 * same bits; NaN and infinity are "nan", "inf" and "-inf".
 */
int pe_tensors_put_text(pe_tensors *t, const char *key, const char *value,
                        pe_error *errp);
int pe_tensors_put_u64(pe_tensors *t, const char *key, uint64_t value,
                       pe_error *errp);
int pe_tensors_put_double(pe_tensors *t, const char *key, double value,
                          pe_error *errp);
/* [n] texts as a JSON list. */
int pe_tensors_put_list(pe_tensors *t, const char *key,
                        const char *const *values, size_t n, pe_error *errp);

/* The text of [key], or NULL.  Lives as long as the set. */
const char *pe_tensors_text(const pe_tensors *t, const char *key);

/* Numbers: error (input) when [key] is missing or not wholly a number. */
int pe_tensors_u64(const pe_tensors *t, const char *key, uint64_t *valuep,
                   pe_error *errp);
int pe_tensors_double(const pe_tensors *t, const char *key, double *valuep,
                      pe_error *errp);

/* The list at [key], NULL-ended, in one piece that the caller frees. */
char **pe_tensors_list(const pe_tensors *t, const char *key, size_t *np,
                       pe_error *errp);

/* The file into [out], whose earlier content is dropped. */
int pe_tensors_encode(const pe_tensors *t, pe_buffer *out, pe_error *errp);

/* The set in the [len] bytes at [data], which are not needed afterwards.
 * Strict: lengths, shapes and offsets must account for every byte once.
 * Errors (input) begin with "not a model file: ".
 */
pe_tensors *pe_tensors_decode(const void *data, size_t len, pe_error *errp);

#endif
