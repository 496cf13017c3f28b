/* program.c - a program that stands in for a function: started, asked, ended.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/block/npy_stream.h"
#include "src/common/clock.h"
#include "src/common/process.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/program/feed.h"
#include "src/program/share.h"
#include "src/program/voice.h"

#define GRACE_MS 2000 /* from TERM to KILL */
#define LEAVE_MS 50   /* from the end of its output to its own */
#define LOOK_MS 50    /* longest wait for its pipes at once */
#define DEATHS_MAX 5  /* of one that never answered */
#define PAUSE_NS (100 * CLOCK_MS)
#define PAUSE_MAX_NS (5 * CLOCK_S)
#define CHUNK 4096
#define PIPE_BYTES (1 << 20)

struct program {
    pe_context *ctx;
    program_spec spec;
    char **argv, **env;
    process *p; /* NULL: it does not run */
    npy_stream array;
    share share; /* of one that is fed */
    union {
        unsigned char byte[SHARE_WORD_LEN];
        share_word word;
    } lead;        /* how its answer begins: a word, or an array */
    size_t n_lead; /* bytes of it that are there */
    char reason[SHARE_REASON_MAX + 1]; /* ... of the word, if it refuses */
    size_t n_reason;
    voice voice;
    bool silent;     /* it has closed its standard error */
    unsigned deaths; /* since it was good */
    bool ever_good;
    int64_t due_ns; /* when it may be started */
    uint64_t cut;
    char why[800];
};

/* --- what it is --- */

/* What it may want to know of where it runs. */
static int add_facts(program *g, pe_error *errp)
{
    const pe_context *c = g->ctx;
    char *const facts[] = {
        text_format("PILOT_RUN=%s", pe_context_run(c)),
        text_format("PILOT_STAGE=%s", pe_context_stage(c)),
        text_format("PILOT_DEVICE=%s", pe_context_device(c)),
        text_format("PILOT_INDEX=%d", pe_context_index(c)),
        text_format("PILOT_SIZE=%d", pe_context_size(c)),
        text_format("PILOT_POINTS=%u", pe_context_points(c)),
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        if (rc == 0)
            rc = words_add(&g->env, facts[i], errp);
        else
            free(facts[i]);
    }
    return rc;
}

/* Where a block lies that goes through no pipe. */
static int add_share(program *g, pe_error *errp)
{
    char *place, *fact;

    share_open(&g->share);
    place = share_place(&g->share);
    if (!place)
        return 0;
    fact = text_format("PILOT_SHARED=%s", place);
    free(place);
    return words_add(&g->env, fact, errp);
}

static int take_env(program *g, pe_error *errp)
{
    if (g->spec.env && !(g->env = program_words(g->spec.env, errp)))
        return pe_error_prefix(errp, "env");
    for (size_t i = 0; g->env && g->env[i]; i++)
        if (g->env[i][0] == '=' || !strchr(g->env[i], '='))
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "env: '%.100s' is not NAME=VALUE", g->env[i]);
    return add_facts(g, errp);
}

program *program_create(pe_context *ctx, const program_spec *s, pe_error *errp)
{
    program *g = calloc(1, sizeof(*g));

    if (!g) {
        pe_error_nomem(errp);
        return NULL;
    }
    g->ctx = ctx;
    g->spec = *s;
    g->argv = program_words(s->command, errp);
    if (!g->argv) {
        pe_error_prefix(errp, "command");
        goto error;
    }
    if (take_env(g, errp) < 0 || (s->fed && add_share(g, errp) < 0))
        goto error;
    return g;
error:
    program_destroy(g);
    return NULL;
}

const char *program_why(const program *g)
{
    return g->why;
}

uint64_t program_cut(const program *g)
{
    return g->cut;
}

const void *program_array(const program *g, size_t *lenp, uint64_t *rowsp)
{
    *rowsp = g->array.rows;
    *lenp = g->array.len;
    return g->array.data;
}

void program_lend(program *g, pe_block *b)
{
    share_lend(&g->share, b);
}

/* Is what has come a word, and no array? */
static bool is_word(const program *g)
{
    return g->n_lead == SHARE_WORD_LEN;
}

enum program_answer program_answer(program *g, pe_block *b)
{
    if (!is_word(g))
        return PROGRAM_ARRAY;
    switch ((enum share_kind)g->lead.word.kind) {
    case SHARE_PASS:
        return PROGRAM_PASSES;
    case SHARE_NOTHING:
        return PROGRAM_NOTHING;
    case SHARE_REFUSES:
        snprintf(g->why, sizeof(g->why), "%.60s: %s", g->spec.command,
                 g->reason);
        return PROGRAM_REFUSES;
    case SHARE_BLOCK:
        break;
    }
    share_get(&g->share, &g->lead.word, b, NULL); /* as it was judged */
    return b->points > 0 ? PROGRAM_BLOCK : PROGRAM_NOTHING;
}

void program_good(program *g)
{
    g->deaths = 0;
    g->ever_good = true;
}

/* --- what it says for people --- */

/* Take what there is of it; false: nothing was. */
static bool hear(program *g)
{
    char chunk[CHUNK];
    ssize_t n = read(process_err_fd(g->p), chunk, sizeof(chunk));

    g->silent = g->silent || n == 0;
    if (n > 0)
        voice_take(&g->voice, g->ctx, chunk, (size_t)n, clock_mono_ns());
    return n > 0;
}

/* --- its beginning and its end --- */

/* It says no more, for [what] it did. */
static void end(program *g, const char *what)
{
    int n;

    while (hear(g))
        ;
    voice_end(&g->voice, g->ctx);
    n = snprintf(g->why, sizeof(g->why), "%.60s: %.300s", g->spec.command,
                 what);
    if (g->voice.last[0])
        snprintf(g->why + n, sizeof(g->why) - (size_t)n, "; it last said '%s'",
                 g->voice.last);
    process_end_group(g->p, GRACE_MS);
    process_release(g->p);
    g->p = NULL;
    g->cut = g->array.len ? g->array.rows ? g->array.rows : 1 : 0;
    npy_stream_next(&g->array);
    g->n_lead = g->n_reason = 0;
    g->deaths++;
    g->due_ns = clock_mono_ns();
    if (g->deaths > 1)
        g->due_ns +=
            clock_backoff_apart_ns(g->deaths - 2, PAUSE_NS, PAUSE_MAX_NS);
}

/* Its output is at its end. */
static enum program_step end_of_output(program *g)
{
    bool over = process_over(g->p, LEAVE_MS);
    bool cut = g->array.len > 0 || g->n_lead > 0;
    char what[200], status[64] = "has closed its output";
    bool well;

    if (over) {
        process_end_group(g->p, 0);
        process_status_words(process_status(g->p), status);
    }
    well = over && process_status(g->p) == 0 && !cut;
    if (cut && g->array.whole)
        snprintf(what, sizeof(what),
                 "it %s behind %zu of %zu byte%s of an array", status,
                 g->array.len, g->array.whole, text_s(g->array.whole));
    else
        snprintf(what, sizeof(what), "it %s%s", status,
                 cut ? " in the head of an array" : "");
    end(g, what);
    return well ? PROGRAM_OVER : PROGRAM_DIED;
}

static enum program_step bad(program *g, const char *what)
{
    end(g, what);
    return PROGRAM_BAD;
}

static int start(program *g, pe_error *errp)
{
    const process_spec s = {
        .argv = (const char *const *)g->argv,
        .env = (const char *const *)g->env,
        .folder = g->spec.folder,
        .in_pipe = g->spec.fed,
        .err_pipe = true,
        .new_group = true,
        .no_rank = true,
    };

    g->voice.last[0] = '\0';
    g->silent = false;
    share_begin(&g->share);
    g->p = process_start(&s, errp);
    if (!g->p)
        return -1;
    /* A block at once; what the system does not grant is as it was. */
    fcntl(process_fd(g->p), F_SETPIPE_SZ, PIPE_BYTES);
    if (g->spec.fed)
        fcntl(process_in_fd(g->p), F_SETPIPE_SZ, PIPE_BYTES);
    return 1;
}

int program_run(program *g, int wait_ms, pe_error *errp)
{
    int64_t left = g->due_ns - clock_mono_ns();

    if (g->p)
        return 1;
    if (!g->ever_good && g->deaths >= DEATHS_MAX)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                            "%s (started %u times, and never of use)", g->why,
                            g->deaths);
    if (g->deaths > 0 && left > 0) {
        if (left > wait_ms * CLOCK_MS) {
            clock_sleep_ns(wait_ms * CLOCK_MS, 0);
            return 0;
        }
        clock_sleep_ns(left, 0);
    }
    return start(g, errp);
}

void program_destroy(program *g)
{
    if (!g)
        return;
    if (g->p) {
        process_in_close(g->p);
        while (hear(g))
            ;
        voice_end(&g->voice, g->ctx);
        process_end_group(g->p, GRACE_MS);
        process_release(g->p);
    }
    words_free(g->argv);
    words_free(g->env);
    npy_stream_free(&g->array);
    share_close(&g->share);
    free(g);
}

/* --- what it gives --- */

/* Which of its pipes are ready. */
enum { READY_OUT = 1, READY_ERR = 2, READY_IN = 4 };

/* Until one of them is, [wait_ms] at most. */
static unsigned wait_pipes(const program *g, bool write, int wait_ms)
{
    struct pollfd fds[3] = {
        {.fd = process_fd(g->p), .events = POLLIN},
        {.fd = g->silent ? -1 : process_err_fd(g->p), .events = POLLIN},
        {.fd = write ? process_in_fd(g->p) : -1, .events = POLLOUT}};

    if (poll(fds, 3, wait_ms) <= 0)
        return 0;
    return (fds[0].revents ? READY_OUT : 0U) |
           (fds[1].revents ? READY_ERR : 0U) | (fds[2].revents ? READY_IN : 0U);
}

/* As much of an array as is there. */
static enum program_step take_array(program *g)
{
    for (;;) {
        pe_error e = {0};
        size_t want;
        unsigned char *to = npy_stream_room(&g->array, g->spec.most, &want, &e);
        ssize_t n;

        if (!to)
            return bad(g, e.text);
        if (want == 0)
            return PROGRAM_HAS;
        n = read(process_fd(g->p), to, want);
        if (n == 0)
            return end_of_output(g);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR
                       ? PROGRAM_WAITS
                       : bad(g, "its output cannot be read");
        npy_stream_put(&g->array, (size_t)n);
    }
}

enum program_step program_next(program *g, int wait_ms)
{
    enum program_step step;

    if (g->array.whole && g->array.len == g->array.whole)
        npy_stream_next(&g->array);
    hear(g);
    step = take_array(g);
    if (step != PROGRAM_WAITS)
        return step;
    wait_pipes(g, false, wait_ms);
    return take_array(g);
}

enum program_step program_read(program *g, int wait_ms, char *to, size_t cap,
                               size_t *np)
{
    ssize_t n;

    hear(g);
    wait_pipes(g, false, wait_ms);
    n = read(process_fd(g->p), to, cap);
    *np = n > 0 ? (size_t)n : 0;
    if (n > 0)
        return PROGRAM_HAS;
    if (n == 0)
        return end_of_output(g);
    return PROGRAM_WAITS;
}

/* --- how a stage answers --- */

/* [n] bytes more of its output, *np of them, into [to]. */
static enum program_step take_bytes(program *g, void *to, size_t n, size_t *np)
{
    ssize_t got = read(process_fd(g->p), to, n);

    *np = got > 0 ? (size_t)got : 0;
    if (got > 0)
        return PROGRAM_HAS;
    if (got == 0)
        return end_of_output(g);
    return errno == EAGAIN || errno == EINTR
               ? PROGRAM_WAITS
               : bad(g, "its output cannot be read");
}

/* What began like a word is none: it is of an array, which is longer. */
static enum program_step lead_to_array(program *g)
{
    for (size_t at = 0; at < g->n_lead;) {
        pe_error e = {0};
        size_t want, left = g->n_lead - at;
        unsigned char *to = npy_stream_room(&g->array, g->spec.most, &want, &e);

        if (!to)
            return bad(g, e.text);
        if (want == 0)
            return bad(g, "it said more behind its answer");
        want = want < left ? want : left;
        memcpy(to, g->lead.byte + at, want);
        npy_stream_put(&g->array, want);
        at += want;
    }
    g->n_lead = 0;
    return PROGRAM_HAS;
}

/* The word is whole: does it say what can be? */
static enum program_step judge_word(program *g)
{
    const share_word *w = &g->lead.word;
    pe_error e = {0};
    pe_block b;

    if (w->kind < SHARE_BLOCK || w->kind > SHARE_REFUSES ||
        (w->kind == SHARE_REFUSES && w->rows > SHARE_REASON_MAX))
        return bad(g, "it answered with a word that is none");
    if (w->kind == SHARE_BLOCK && share_get(&g->share, w, &b, &e) < 0)
        return bad(g, e.text);
    return PROGRAM_HAS;
}

/* The word of an answer, or what shows that it is an array. */
static enum program_step take_lead(program *g)
{
    enum program_step step;
    size_t n;

    while (g->array.len == 0 && g->n_lead < SHARE_WORD_LEN) {
        step = take_bytes(g, g->lead.byte + g->n_lead,
                          SHARE_WORD_LEN - g->n_lead, &n);
        if (step != PROGRAM_HAS)
            return step;
        g->n_lead += n;
        n = g->n_lead < SHARE_MAGIC_LEN ? g->n_lead : SHARE_MAGIC_LEN;
        if (memcmp(g->lead.byte, SHARE_MAGIC, n) != 0)
            return lead_to_array(g);
        if (is_word(g))
            return judge_word(g);
    }
    return PROGRAM_HAS;
}

static enum program_step take_answer(program *g)
{
    enum program_step step = take_lead(g);
    size_t n;

    if (step != PROGRAM_HAS)
        return step;
    if (!is_word(g))
        return take_array(g);
    while (g->lead.word.kind == SHARE_REFUSES &&
           g->n_reason < g->lead.word.rows) {
        char more[SHARE_REASON_MAX];

        step = take_bytes(g, more, g->lead.word.rows - g->n_reason, &n);
        if (step != PROGRAM_HAS)
            return step;
        memcpy(g->reason + g->n_reason, more, n);
        g->n_reason += n;
    }
    return PROGRAM_HAS;
}

/* Nothing may be there that was not asked for: it would be taken for the answer
 * to another block.  Bytes that are, as [what]; 0: its output is at its end;
 * -1: nothing is.
 */
static ssize_t look_behind(program *g, const char *where, char what[160])
{
    char more[48], shown[64];
    ssize_t n = read(process_fd(g->p), more, sizeof(more));

    if (n > 0) {
        text_shown(more, (size_t)n, shown, sizeof(shown));
        snprintf(what, 160, "it said '%s' %s", shown, where);
    }
    return n;
}

/* As much of it as it takes. */
static void give(program *g, feed *f)
{
    if (process_in_fd(g->p) >= 0 && feed_write(f, process_in_fd(g->p)) < 0)
        process_in_close(g->p);
}

/* An array is whole: is it an answer?  One that ends with it has given it. */
static enum program_step judge(program *g, const feed *f)
{
    char what[160];

    if (feed_left(f) > 0) {
        snprintf(what, sizeof(what),
                 "it answered behind %zu of the %zu bytes of a block",
                 f->all - feed_left(f), f->all);
        return bad(g, what);
    }
    return look_behind(g, "behind its answer", what) > 0 ? bad(g, what)
                                                         : PROGRAM_HAS;
}

static enum program_step too_late(program *g)
{
    char what[160];

    if (process_in_fd(g->p) < 0)
        return bad(g, "it has closed its input, and did not answer");
    snprintf(what, sizeof(what), "it gave no answer within %g s",
             g->spec.limit_s);
    return bad(g, what);
}

/* What it said, or did, before it is asked: nothing, where it is well. */
static enum program_step look_before(program *g)
{
    unsigned ready = wait_pipes(g, false, 0);
    char what[160];
    ssize_t n;

    if (ready & READY_ERR)
        hear(g);
    if (!(ready & READY_OUT))
        return PROGRAM_WAITS;
    n = look_behind(g, "before it was asked", what);
    if (n > 0)
        return bad(g, what);
    return n == 0 ? end_of_output(g) : PROGRAM_WAITS;
}

/* What there is of its answer, where [ready] tells what there is. */
static enum program_step hear_answer(program *g, unsigned ready)
{
    enum program_step step;
    bool over = false;

    if (ready & READY_ERR)
        hear(g);
    /* Its pipes tell, too, but where a child in a session of its own holds
     * them.  What it wrote last is there by now.
     */
    if (!(ready & READY_OUT))
        over = process_over(g->p, 0);
    step = take_answer(g);
    return step == PROGRAM_WAITS && over ? end_of_output(g) : step;
}

/* A system call is what a block through the memory costs: none is made here of
 * which poll() does not say that it is of use.
 */
enum program_step program_ask(program *g, const pe_block *b)
{
    int64_t until = clock_mono_ns() + (int64_t)(g->spec.limit_s * 1e9);
    enum program_step step;
    feed f;

    npy_stream_next(&g->array);
    g->n_lead = g->n_reason = 0;
    memset(g->reason, 0, sizeof(g->reason));
    step = look_before(g);
    if (step == PROGRAM_WAITS)
        feed_begin(&f, &g->share, b);
    while (step == PROGRAM_WAITS) {
        if (clock_mono_ns() >= until)
            return too_late(g);
        give(g, &f);
        step = hear_answer(g, wait_pipes(g, feed_left(&f) > 0, LOOK_MS));
        if (step == PROGRAM_HAS)
            return judge(g, &f);
    }
    return step == PROGRAM_OVER ? PROGRAM_DIED : step;
}
