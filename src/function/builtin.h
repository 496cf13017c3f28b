/* builtin.h - the functions that ship with the program. */
#ifndef FUNCTION_BUILTIN_H
#define FUNCTION_BUILTIN_H

#include <stdbool.h>

#include <pilot/function.h>

struct text;              /* src/common/text.h */
struct context_committed; /* src/context/context.h */

/* A built-in and what an agent has to know of it beyond its entry points. */
typedef struct builtin {
    const pe_function *ops;
    bool rereadable; /* a source with positions, see function_rereadable, ... */
    bool (*once)(const pe_options *o); /* ... but not this one; NULL: always */
    /* Does a source with positions come to an end, and has one that is device 0
     * of 1 all its rows?  NULL: no.
     */
    bool (*ends)(const pe_options *o);
    bool (*framed)(const pe_options *o); /* NULL: never, see
                                            function_framed */
    bool scores; /* needs a model, see function_scores; ... */
    bool (*unscored)(const pe_options *o); /* ... but not with these options;
                                              NULL: always */
    bool prompt;                           /* see function_prompt */
    bool checked; /* its open hook reads options and nothing else, see
                     function_check */
    bool outside; /* what it does is done by a process of its own: it is asked
                     for what goes on, and not ahead of that */
    /* ... or does this alone; NULL: it has nothing to say. */
    int (*check)(pe_context *ctx);
    /* What the columns of [list] are called behind it, see function_columns;
     * NULL: nobody knows.
     */
    int (*columns)(const pe_options *o, const char *list, struct text *out);
    /* Does it ask for the names of its columns?  NULL: never. */
    bool (*named)(const pe_options *o);
    /* NULL: it keeps nothing; see function_settle, _sync, and _finish. */
    int (*settle)(pe_context *ctx, const struct context_committed *c);
    int (*sync)(pe_context *ctx);
    int (*finish)(pe_context *ctx);
    void (*lend)(pe_context *ctx, pe_block *b); /* NULL; see function_lend */
} builtin;

extern const pe_function generator_function;
extern const pe_function proc_function;
extern const pe_function score_function;
extern const pe_function standardise_function;
extern const pe_function select_function;
extern const pe_function aggregate_function;
extern const pe_function filter_function;
extern const pe_function drift_function;

/* The row of [ops], or of the name [name]; NULL: there is none. */
const builtin *builtin_of(const pe_function *ops);
const builtin *builtin_find(const char *name);

/* All names, NULL-ended; and blank-separated, as text_nearest wants them. */
const char *const *builtin_names(void);
extern const char builtin_words[];

/* [columns] of a stage that changes none. */
int builtin_columns(const pe_options *o, const char *list, struct text *out);

/* What the columns of list [names] (columns.h) are called behind such a stage,
 * into [out]; -1: that cannot be said, or there is no memory.
 */
int select_columns(const pe_options *o, const char *names, struct text *out);
int aggregate_columns(const pe_options *o, const char *names, struct text *out);

/* Is the mean and scale of all rows asked for, where they can be had? */
bool standardise_wants_all(const pe_options *o);

/* Drift: [unscored] and [named] of its row. */
bool drift_unscored(const pe_options *o);
bool drift_named(const pe_options *o);

/* Generator: [framed] and [check] of its row. */
bool generator_framed(const pe_options *o);
int generator_check(pe_context *ctx);

#endif
