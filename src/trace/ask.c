/* ask.c - the trace out of an HDF5 file, by the program that is linked with the
 * library: it says it in the words of a log.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "src/common/locate.h"

#define PROGRAM "pilot-hdf5"
#define HEAR_MS 50           /* one that is not our child may have its pipe */
#define THROWN_MAX (1 << 20) /* bytes behind what is a trace */

static const char *const kinds[TRACE_KINDS] = {
    [TRACE_BLOCKS] = "blocks", [TRACE_COMMITS] = "commits",
    [TRACE_RANKS] = "ranks",   [TRACE_MODELS] = "models",
    [TRACE_CLOCKS] = "clocks",
};

void ask_end(trace *t)
{
    segments_close(&t->stream);
    process_destroy(t->child);
    t->child = NULL;
}

/* --- what it says --- */

/* The first of its words; what is behind them goes, for one whose pipe is full
 * stands still.
 */
static void take_words(trace *t)
{
    size_t room = sizeof(t->words) - 1 - t->n_words, part;
    char more[4096];
    ssize_t got;

    while (!t->said &&
           ((got = read(process_err_fd(t->child), more, sizeof(more))) >= 0 ||
            errno == EINTR)) {
        t->said = got == 0;
        part = got < 0 ? 0 : (size_t)got < room ? (size_t)got : room;
        memcpy(t->words + t->n_words, more, part);
        t->n_words += part;
        room -= part;
    }
}

/* Until it has something to say on either side, or [timeout_ms]. */
static void wait_for(const trace *t, bool out, int timeout_ms)
{
    struct pollfd fd[2] = {
        {.fd = out ? process_fd(t->child) : -1, .events = POLLIN},
        {.fd = t->said ? -1 : process_err_fd(t->child), .events = POLLIN}};

    poll(fd, 2, timeout_ms);
}

/* Its output, as a stream is read; its words are heard meanwhile. */
static ssize_t read_out(void *cookie, char *to, size_t n)
{
    trace *t = cookie;

    for (;;) {
        ssize_t got = read(process_fd(t->child), to, n);

        if (got >= 0 || (errno != EAGAIN && errno != EINTR))
            return got;
        wait_for(t, true, -1);
        take_words(t);
    }
}

/* All that is still to come, to its end.  Output that nobody can read is none:
 * it is ended when there is much of it, and false.
 */
static bool hear_out(trace *t)
{
    bool out = true, last = false;
    char more[4096];
    size_t thrown = 0;
    ssize_t got;

    for (;;) {
        take_words(t);
        while (out && thrown < THROWN_MAX &&
               (got = read(process_fd(t->child), more, sizeof(more))) >= 0) {
            thrown += (size_t)got;
            out = got > 0;
        }
        if (out && thrown >= THROWN_MAX) {
            out = false;
            process_signal(t->child, SIGTERM);
        }
        if (last)
            return thrown < THROWN_MAX;
        if (out || !t->said)
            wait_for(t, out, HEAR_MS);
        else
            process_wait(t->child, -1);
        last = process_ended(t->child);
    }
}

/* The first line, without its name. */
static const char *first_words(trace *t)
{
    static const char name[] = PROGRAM ": ";

    t->words[t->n_words] = '\0';
    t->words[strcspn(t->words, "\n")] = '\0';
    return strncmp(t->words, name, sizeof(name) - 1)
               ? t->words
               : t->words + sizeof(name) - 1;
}

static int refuse(const trace *t, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s: " PROGRAM " does not say what is in it", t->path);
}

/* It has said all, or it failed, and has said why. */
static int settle(trace *t, pe_error *errp)
{
    const char *words;
    char how[64];
    int status;
    bool whole;

    segments_close(&t->stream);
    whole = hear_out(t);
    words = first_words(t);
    status = process_status(t->child);
    process_destroy(t->child);
    t->child = NULL;
    if (!whole)
        return refuse(t, errp);
    if (status == 0)
        return 0;
    if (*words)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s", words);
    process_status_words(status, how);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s cannot be read: " PROGRAM " %s", t->path, how);
}

/* Have it say [kind]. */
static int begin(trace *t, const char *kind, pe_error *errp)
{
    pe_error none = {0};
    char *program = locate_program(PROGRAM, PILOT_LIBEXECDIR, &none);
    const char *argv[] = {program, "--trace", kind, t->path, NULL};
    int rc;
    FILE *f;

    ask_end(t);
    if (!program)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s is HDF5, and this pilot was built without it",
                            t->path);
    t->child =
        process_start(&(process_spec){.argv = argv, .err_pipe = true}, errp);
    free(program);
    if (!t->child)
        return -1;
    t->n_words = 0;
    t->said = false;
    f = fopencookie(t, "rb", (cookie_io_functions_t){.read = read_out});
    if (!f)
        return pe_error_nomem(errp);
    rc = segments_open(&t->stream, f, t->path, errp);
    if (rc > 0)
        return 0;
    return settle(t, errp) < 0 ? -1 : refuse(t, errp);
}

static int take_processes(trace *t, pe_error *errp)
{
    const segments *g = &t->stream;

    free(t->process);
    t->process = calloc(g->s.n + 1, sizeof(*t->process));
    free(t->s);
    t->s = calloc(g->s.n + 1, sizeof(*t->s));
    t->n = 0;
    if (!t->process || !t->s)
        return pe_error_nomem(errp);
    for (uint32_t i = 0; i < g->s.n; i++) {
        layout_process *p = &t->process[i];
        segments_row(g, i, p);
        t->s[i].p = (trace_process){.pilot = p->pilot,
                                    .member = p->member,
                                    .host = p->host,
                                    .kind = p->kind,
                                    .rank = p->rank,
                                    .ranks = p->ranks,
                                    .pid = p->pid,
                                    .start_ns = p->start_ns,
                                    .end_ns = p->end_ns,
                                    .ended = p->ended,
                                    .rows = p->rows,
                                    .dropped = p->dropped,
                                    .lost = p->lost,
                                    .torn_bytes = p->torn_bytes,
                                    .offset_ns = p->offset_ns,
                                    .bound_ns = p->bound_ns};
        t->facts.rows += p->rows;
        t->facts.dropped += p->dropped;
        t->facts.lost += p->lost;
        t->facts.torn_bytes += p->torn_bytes;
        t->facts.unended += !p->ended;
    }
    t->n = t->facts.processes = g->s.n;
    return 0;
}

static int take_facts(trace *t, pe_error *errp)
{
    enum segments_word word = SEGMENTS_ONE;
    uint32_t *map = NULL, n = 0;
    int rc = 0;

    while (rc == 0 && word == SEGMENTS_ONE) {
        rc = segments_next(&t->stream, &word, errp);
        if (rc == 0 && t->stream.s.kind == LAYOUT_NAMES)
            rc = scan_names(t, &t->stream, &map, &n, errp);
        if (rc == 0 && t->stream.s.kind == LAYOUT_PROCESS)
            rc = take_processes(t, errp);
        if (rc == 0 && word == SEGMENTS_ONE)
            t->facts.nameless = t->stream.s.nameless;
    }
    free(map);
    return rc;
}

int ask_open(trace *t, pe_error *errp)
{
    if (begin(t, "facts", errp) < 0)
        return -1;
    t->run = strdup(t->stream.head.run);
    t->missing = strdup(t->stream.head.host); /* of the "file" */
    if (!t->run || !t->missing)
        return pe_error_nomem(errp);
    t->facts.folded = true;
    t->facts.run = t->run;
    t->facts.missing = t->missing;
    return take_facts(t, errp) < 0 ? -1 : settle(t, errp);
}

int ask_start(trace *t, enum trace_kind kind, pe_error *errp)
{
    return begin(t, kinds[kind], errp);
}

int ask_next(trace *t, void *row, pe_error *errp)
{
    segments *g = &t->stream;
    enum segments_word word = SEGMENTS_ONE;

    while (layout_row(g->s.kind) == 0 || g->s.kind == LAYOUT_PROCESS ||
           g->row == g->s.n) {
        if (segments_next(g, &word, errp) < 0)
            return -1;
        if (word != SEGMENTS_ONE)
            return settle(t, errp);
    }
    segments_row(g, g->row++, row);
    return 1;
}
