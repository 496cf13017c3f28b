/* request.h - what a pilot asks a scheduler for, in sbatch's words. */
#ifndef REQUEST_REQUEST_H
#define REQUEST_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* A word is a long option of pilot-submit and a key of a pilot in a pipeline
 * file; sbatch's words mean what they mean there.
 */
enum request_word {
    /* passed on to the scheduler */
    REQUEST_NODES,
    REQUEST_NTASKS,
    REQUEST_NTASKS_PER_NODE,
    REQUEST_CPUS_PER_TASK,
    REQUEST_GPUS_PER_NODE,
    REQUEST_MEM,
    REQUEST_EXCLUSIVE,
    REQUEST_TIME,
    REQUEST_TIME_MIN,
    REQUEST_PARTITION,
    REQUEST_QOS, /* -q: on PBS the queue */
    REQUEST_ACCOUNT,
    REQUEST_JOB_NAME,
    REQUEST_OUTPUT,
    REQUEST_ERROR,
    REQUEST_CHDIR,
    REQUEST_OPEN_MODE,
    REQUEST_DEPENDENCY,
    REQUEST_BEGIN,
    REQUEST_HOLD,
    REQUEST_REQUEUE, /* "true" or "false" */
    REQUEST_SIGNAL,
    REQUEST_RESERVATION,
    REQUEST_CONSTRAINT,
    REQUEST_NODELIST,
    REQUEST_EXCLUDE,
    REQUEST_MAIL_TYPE,
    REQUEST_MAIL_USER,
    REQUEST_LICENSES,
    REQUEST_EXPORT,
    REQUEST_ARRAY, /* refused everywhere, with the way to do it */
    /* ours */
    REQUEST_LAUNCHER, /* auto srun mpirun mpiexec */
    REQUEST_WRAP,     /* in front of the launcher: a container */
    REQUEST_HELLO_TIMEOUT,
    REQUEST_LEAD,         /* stop taking blocks so long before the end */
    REQUEST_CHAIN,        /* successors, each submitted by the one before */
    REQUEST_SETUP,        /* list: shell lines of the site */
    REQUEST_DIRECTIVES,   /* list: verbatim, in place of ours of that name */
    REQUEST_NO_DIRECTIVE, /* list: options of ours to leave out */
    REQUEST_STAGE_IN,     /* list: files into the pilot's folder */
    REQUEST_STAGE_OUT,    /* list: files out of it at the end */
    REQUEST_EXTRA,        /* list: what stood behind "--" */
    REQUEST_N_WORDS
};

enum request_type {
    REQUEST_TYPE_INT,
    REQUEST_TYPE_TIME, /* sbatch's forms, or a number with its unit */
    REQUEST_TYPE_TEXT,
    REQUEST_TYPE_FLAG, /* "true" or "false" */
    REQUEST_TYPE_LIST, /* one item a call of request_set */
};

/* One row a word; enum request_word is the index. */
typedef struct request_spec {
    const char *name;
    char letter;       /* short option; 0: none */
    const char *alias; /* another long name, or NULL */
    enum request_type type;
    int64_t min, max;    /* of numbers, and of times in seconds */
    const char *choices; /* blank-separated, or NULL */
    const char *value;   /* what --help calls the value; NULL: a flag */
    const char *prose;   /* one line */
    bool ours;           /* no scheduler hears of it; of the others each has
                            a word of its own (src/resource/resource.h) */
} request_spec;

/* Ends with a row without a name. */
extern const request_spec request_specs[REQUEST_N_WORDS + 1];

typedef struct resource_request {
    char *word[REQUEST_N_WORDS];       /* of the words that are no lists; NULL:
                                          not asked for */
    const char *from[REQUEST_N_WORDS]; /* where it was said, borrowed (a
                                          literal): "command line", "file" */
    struct request_list {
        char **items;
        size_t n;
    } list[REQUEST_N_WORDS]; /* of the lists */
} resource_request;

/* Index of the word called [name] (or its alias), or -1. */
int request_word_find(const char *name);

/* Ask for [word]: checked by its row, kept as normal text (times as
 * [D-]HH:MM:SS, numbers without zeros in front, sizes with their unit).  A
 * list grows by an item.  [bare_minutes]: a time without a unit is minutes and
 * a size MiB, as in sbatch; else, and for words of ours, it is an error.
 * [from]: where it was said, a literal.  Errors: input, 64, naming the word and
 * what it may be: newlines and other controls, a leading '-', bytes outside
 * [A-Za-z0-9_.,:/@%+=-] (and what the word needs: "[]" in node lists, "&|*()"
 * in constraints, blanks in job names ...) cannot be put into a directive.
 * Nothing has changed then.
 */
int request_set(resource_request *r, enum request_word word, const char *value,
                bool bare_minutes, const char *from, pe_error *errp);

/* Take from [under] what [r] does not ask for; lists of [under] stand before
 * those of [r].
 */
int request_merge(resource_request *r, const resource_request *under,
                  pe_error *errp);

/* What was in [to] is lost. */
int request_copy(resource_request *to, const resource_request *from,
                 pe_error *errp);
void request_free(resource_request *r); /* leaves it zeroed */

/* Values; [def] when not asked for.  Seconds of a time: 0 = not asked for, or
 * asked for as no limit.
 */
int64_t request_int(const resource_request *r, enum request_word w,
                    int64_t def);
double request_seconds(const resource_request *r, enum request_word w);
bool request_flag(const resource_request *r, enum request_word w);

/* What the numbers mean together, as sbatch has it: ntasks 1 a node unless
 * asked, cpus-per-task 1, nodes as few as ntasks-per-node allows (0: the
 * scheduler's choice).  With ntasks, ntasks-per-node is the most a node gets.
 * Errors: input, 64: more tasks than ntasks-per-node x nodes, more nodes than
 * tasks, a product that overflows.
 */
typedef struct request_shape {
    int nodes; /* 0: not asked for */
    int ntasks, ntasks_per_node /* 0: not asked for */, cpus_per_task;
} request_shape;
int request_shape_of(const resource_request *r, request_shape *out,
                     pe_error *errp);

/* A time as sbatch reads it: "30" (minutes), "30:00", "1:30:00", "1-12",
 * "1-12:30", "1-12:30:00", "UNLIMITED" (0), or ours "90s", "30m", "2h", "1d".
 * 0 and seconds, or -1.  Zero is no time, as it is an accident in sbatch.
 */
int request_time_parse(const char *s, bool bare_minutes, int64_t *secondsp);
/* "[D-]HH:MM:SS" of [seconds] into [out] (32 bytes are enough). */
void request_time_format(int64_t seconds, char *out, size_t cap);

#endif
