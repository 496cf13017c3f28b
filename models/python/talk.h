/* talk.h - a Python that holds the object of a model: started, asked, ended. */
#ifndef PYTHON_TALK_H
#define PYTHON_TALK_H

#include <pilot/model.h>

/* What it is asked for. */
enum talk_verb {
    TALK_LEARN = 16, /* scores of the block, and learn from it behind */
    TALK_AFTER,      /* ... before */
    TALK_SCORE,      /* scores alone */
    TALK_LOAD,       /* be this state; no bytes: a new object */
    TALK_STATE,      /* its state */
};

enum talk_step {
    TALK_DONE,
    TALK_REFUSES, /* user code raised something, or gave no answer in time */
    TALK_DIED,    /* it is not there any more, or was ended */
};

/* One program of this process, asked by one thread at a time. */
typedef struct talk {
    pe_buffer state;         /* the state it has, ... */
    uint64_t delta;          /* ... on which blocks of this delta ... */
    size_t n;                /* ... have been put, so many */
    bool known;              /* false: it may be in any state */
    struct process *process; /* NULL: it does not run */
    char *python, *folder, *object;
    double limit_s;
    size_t most;
    bool learns;
    struct talk *next;
} talk;

/* The program for the object of [o], locked until talk_drop: one that learns,
 * and another one for all that only score.  NULL: no memory.
 */
talk *talk_take(const pe_options *o, bool learns, pe_error *errp);
void talk_drop(talk *t);

/* Ask it, and have it started first.  [b] is NULL for _LOAD, which has the
 * bytes [data], and for _STATE.  What it answers is put into [answer].  Errors:
 * input: TALK_REFUSES, with the last line of the traceback; fatal, 78: it
 * cannot be started.
 */
typedef struct talk_question {
    enum talk_verb verb;
    const pe_block *b;
    const void *data;
    size_t len;
} talk_question;
enum talk_step talk_ask(talk *t, const talk_question *q, pe_buffer *answer,
                        pe_error *errp);

#endif
