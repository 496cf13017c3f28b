/* scratch.c - memory a kernel works in, kept by the thread between calls. */
#include "scratch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct arena {
    void *memory[SCRATCH_SLOTS];
    size_t bytes[SCRATCH_SLOTS];
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool made;
static _Thread_local struct arena arena;

/* Of a thread that ends. */
static void release(void *arg)
{
    struct arena *a = arg;

    for (int i = 0; i < SCRATCH_SLOTS; i++)
        free(a->memory[i]);
}

static void make_key(void)
{
    made = pthread_key_create(&key, release) == 0;
}

void *model_scratch(enum scratch_slot slot, size_t bytes, pe_error *errp)
{
    void *grown;

    if (bytes <= arena.bytes[slot] && arena.memory[slot])
        return arena.memory[slot];
    pthread_once(&once, make_key);
    if (!made || pthread_setspecific(key, &arena)) {
        pe_error_nomem(errp); /* nobody would free it when the thread ends */
        return NULL;
    }
    /* Rounded up, so that blocks of similar size do not grow it each time. */
    bytes = (bytes + bytes / 4 + 4095) / 4096 * 4096;
    grown = aligned_alloc(64, bytes);
    if (!grown) {
        pe_error_nomem(errp);
        return NULL;
    }
    free(arena.memory[slot]);
    arena.memory[slot] = grown;
    arena.bytes[slot] = bytes;
    return grown;
}
