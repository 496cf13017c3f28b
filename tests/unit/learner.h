/* learner.h - a model under test that learns block by block. */
#ifndef TESTS_LEARNER_H
#define TESTS_LEARNER_H

#include <pilot/model.h>

/* What instruments give instead of a reading. */
enum { OVERLOADS = 4 };
extern const double overloads[OVERLOADS];

/* A model with the options [words], name and value in turn up to a NULL; NULL:
 * as they are.  Returns NULL where they do not go together.
 */
pe_model *learner_make(const char *kind, uint32_t features,
                       const char *const *words);

/* Learn from [b], which is a commit; returns the outliers by the threshold
 * there was.  [scores] may be NULL.
 */
uint64_t learner_learn(pe_model *m, const pe_block *b, float *scores);

#endif
