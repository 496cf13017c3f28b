/* suspects.h - blocks that processes have died of, and how often.
 *
 * Whoever starts after a death reads what the dead one has noted
 * (src/agent/note.h) and counts it against the block: a pool in the parameter
 * service, where another pool that takes the partition finds it, an edge agent
 * in a file of its pilot.  A block that has three deaths is refused before the
 * function is called.  One that is committed is no suspect any more.
 */
#ifndef POISON_SUSPECTS_H
#define POISON_SUSPECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/agent/note.h"
#include "src/params/params.h"

struct text; /* src/common/text.h */

#define SUSPECT_DEATHS 3

/* A block: of a topic by partition and offset; of a device of an edge pilot by
 * its index there, and SEQ.
 */
typedef struct suspect {
    int32_t lane;               /* partition, or device */
    int64_t at;                 /* offset, or SEQ */
    uint64_t id;                /* of the process that died of it last */
    int deaths;                 /* so many have */
    int how;                    /* the last one did (note.h) */
    bool behind;                /* ... when the function had come back */
    char stage[64], words[192]; /* printable */
} suspect;

typedef struct suspects {
    suspect *s;
    size_t n, cap;
} suspects;

void suspects_free(suspects *l);
suspect *suspects_find(const suspects *l, int32_t lane, int64_t at);
/* Count [d] against block [at] of [lane]: 1; 0: it is counted already.  -1: no
 * memory.
 */
int suspects_count(suspects *l, const note_death *d, int32_t lane, int64_t at,
                   pe_error *errp);
/* Is it to be refused? */
static inline bool suspect_is_guilty(const suspect *s)
{
    return s->deaths >= SUSPECT_DEATHS;
}
/* Why, for people: "its process crashed by signal 11 (...), 3 times, ...". */
void suspect_reason(const suspect *s, char *out, size_t cap);

/* As text, a line each, and back: lines that are none are left out. */
void suspects_text(const suspects *l, struct text *out);
int suspects_parse(suspects *l, const char *words, pe_error *errp);

/* --- of a pool --- */

/* Rank 0, before another rank notes anything: count what the ranks of the
 * process before have noted in folder [dir], and have their files go.  *toldp:
 * new memory, what is to be said of it; NULL: nothing.
 */
int suspects_gather(params *p, const char *dir, char **toldp, pe_error *errp);
/* left.c - call [visit] (NULL: nobody) for each death that is noted in [dir]
 * (see note_read), and have the files go, each when all of it is told, to
 * [forget] them.
 */
int suspects_each(const char *dir, bool forget,
                  int (*visit)(void *arg, const note_death *d, pe_error *errp),
                  void *arg, pe_error *errp);
/* Is there anything to gather? */
bool suspects_left(const char *dir);
/* The path of the notes of [rank] in [dir]; new memory. */
char *suspects_path(const char *dir, int rank);
/* Those that are not committed yet, where topic [topic] stands as [st] says;
 * the others go.
 */
int suspects_load(params *p, const params_state *st, const char *topic,
                  suspects *out, pe_error *errp);

#endif
