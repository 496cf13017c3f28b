/* checkpoint.h - files of the model, written now and then beside a run. */
#ifndef COMMIT_CHECKPOINT_H
#define COMMIT_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* A thread that writes: who offers a model copies it when one is due, and does
 * not wait.
 */
typedef struct checkpoint checkpoint;

typedef struct checkpoint_conf {
    const char *folder; /* made when it is needed */
    double every_s;
    int keep; /* files; older ones of ours are removed */
} checkpoint_conf;

/* NULL: no memory, no thread. */
checkpoint *checkpoint_open(const checkpoint_conf *c, pe_error *errp);
/* Write what is under way, and join.  May be NULL. */
void checkpoint_close(checkpoint *c);

/* [version] was committed, [len] bytes of safetensors.  One thread. */
void checkpoint_offer(checkpoint *c, const void *model, size_t len,
                      uint64_t version);

#define CHECKPOINT_WORDS 512
/* Is there something that people should hear: that one cannot be written, or
 * that they are again?  Any thread.
 */
bool checkpoint_news(checkpoint *c, char out[CHECKPOINT_WORDS]);

/* Files that were written, and that could not be.  Any thread. */
void checkpoint_count(checkpoint *c, uint64_t *writtenp, uint64_t *failedp);

#endif
