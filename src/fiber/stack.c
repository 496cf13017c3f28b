/* stack.c - stacks, and going from one to another. */
#include "stack.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define IS_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define IS_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define IS_TSAN 1
#endif

#ifdef IS_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef IS_TSAN
#include <sanitizer/tsan_interface.h>
#endif

struct fiber_stack {
    ucontext_t at;
    char *map; /* the stack behind a page that nobody may touch; NULL: it is a
                  thread's */
    size_t bytes;
    const void *bottom; /* of a stack that somebody else has made, as told */
    size_t size;
    void *fake;
    void *tsan;
    fiber_stack *from; /* who went here last */
};

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

fiber_stack *stack_new(void)
{
    return calloc(1, sizeof(fiber_stack));
}

void stack_take(fiber_stack *s)
{
#ifdef IS_TSAN
    s->tsan = __tsan_get_current_fiber();
#else
    (void)s;
#endif
}

/* [run] is what it does where it is gone to. */
static int begin(fiber_stack *s, void (*run)(void))
{
    if (getcontext(&s->at) < 0)
        return -1;
    s->at.uc_stack.ss_sp = s->map + (s->bytes - s->size);
    s->at.uc_stack.ss_size = s->size;
    s->at.uc_link = NULL;
    makecontext(&s->at, run, 0);
    return 0;
}

fiber_stack *stack_make(size_t bytes, void (*run)(void))
{
    fiber_stack *s = calloc(1, sizeof(*s));
    size_t guard = page_bytes();

    if (!s)
        return NULL;
    s->bytes = guard + bytes;
    s->size = bytes;
    s->map =
        mmap(NULL, s->bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (s->map == MAP_FAILED) {
        free(s);
        return NULL;
    }
    s->bottom = s->map + guard;
    if (mprotect(s->map, guard, PROT_NONE) < 0 || begin(s, run) < 0) {
        munmap(s->map, s->bytes);
        free(s);
        return NULL;
    }
#ifdef IS_TSAN
    s->tsan = __tsan_create_fiber(0);
#endif
    return s;
}

void stack_free(fiber_stack *s)
{
    if (!s)
        return;
#ifdef IS_TSAN
    if (s->map)
        __tsan_destroy_fiber(s->tsan);
#endif
    if (s->map)
        munmap(s->map, s->bytes);
    free(s);
}

/* We are at [s] now. */
static void arrived(fiber_stack *s)
{
#ifdef IS_ASAN
    fiber_stack *from = s->from;

    __sanitizer_finish_switch_fiber(s->fake, &from->bottom, &from->size);
#else
    (void)s;
#endif
}

void stack_begun(fiber_stack *at)
{
    arrived(at);
}

void stack_go(fiber_stack *from, fiber_stack *to, int last)
{
    to->from = from;
#ifdef IS_ASAN
    __sanitizer_start_switch_fiber(last ? NULL : &from->fake, to->bottom,
                                   to->size);
#else
    (void)last;
#endif
#ifdef IS_TSAN
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
    /* It fails for want of a stack alone, and both have theirs. */
    (void)swapcontext(&from->at, &to->at);
    arrived(from);
}
