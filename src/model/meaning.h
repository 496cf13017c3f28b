/* meaning.h - what the tensors of a model file are, in words. */
#ifndef MODEL_MEANING_H
#define MODEL_MEANING_H

/* One line on tensor [name] of a model of [kind]; NULL: nothing is known of
 * it.
 */
const char *meaning_of(const char *kind, const char *name);

#endif
