/* pool.c - the run loop of a rank. */
#include "pool_private.h"

#include <stdlib.h>

#include "src/common/clock.h"

/* Blocks are processed for this long between two looks at messages. */
#define SLICE (200 * CLOCK_US)
/* ... and so many of them at most, or that part of it, between two at a clock
 */
enum { LOOKS = 8 };
/* Between two looks at what other ranks say, once there were blocks. */
#define NAP (50 * CLOCK_US)

/* MPI would spin, and take the core of the rank that it waits for. */
static void await(MPI_Request req)
{
    int64_t nap = NAP;
    int done;

    for (;;) {
        MPI_Test(&req, &done, MPI_STATUS_IGNORE);
        if (done)
            return;
        clock_sleep_ns(nap, 0);
        nap += nap < CLOCK_MS ? nap : 0;
    }
}

int pool_agree(MPI_Comm comm, int rc, pe_error *errp)
{
    int rank, size, mine, first;
    MPI_Request req;

    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    mine = rc < 0 ? rank : size;
    MPI_Iallreduce(&mine, &first, 1, MPI_INT, MPI_MIN, comm, &req);
    await(req);
    if (first == size)
        return 0;
    MPI_Bcast(errp, sizeof(*errp), MPI_BYTE, first, comm);
    return -1;
}

/* --- making and unmaking --- */

static int init(pool *p, pe_error *errp)
{
    const pool_conf *c = &p->c;
    chain_conf stages = pool_chain_conf(p);
    results_conf results = {.pl = c->pl,
                            .req = c->req,
                            .term = &p->term,
                            .fate = &p->fate,
                            .slot = p->epochs.slot,
                            .trail = &p->trail};

    pipeline_topic(c->pl, c->req->run, "", p->topic, sizeof(p->topic));
    send_init(&p->sends, c->comm, c->source);
    p->trail.log = c->trace;
    if (c->committer)
        committer_note(c->committer, c->trace, c->checkpoint);
    if (figures_init(&p->figures, errp) < 0 || lane_init(p, errp) < 0 ||
        round_init(p, errp) < 0 || chain_open(&p->stages, &stages, errp) < 0 ||
        results_open(&p->results, &results, errp) < 0 ||
        onward_open(p, errp) < 0)
        return -1;
    if (recent_init(p, errp) < 0)
        return -1;
    return c->committer ? head_init(p, errp) : 0;
}

pool *pool_create(const pool_conf *c, pe_error *errp)
{
    pool *p = calloc(1, sizeof(*p));

    if (!p) {
        pe_error_nomem(errp);
        c->source->ops->close(c->source);
        committer_stop(c->committer);
        return NULL;
    }
    p->c = *c;
    MPI_Comm_rank(c->comm, &p->rank);
    MPI_Comm_size(c->comm, &p->size);
    p->n_partitions = c->pl->partitions;
    p->counted = c->pl->epoch_blocks > 0;
    p->own.first.ours_only = first_has_devices(c->pl, c->req);
    p->epochs.open =
        2; /* the one before is closed, and numbers stay positive */
    p->term.wanted = 1;
    if (init(p, errp) < 0) {
        pool_destroy(p);
        return NULL;
    }
    return p;
}

void pool_destroy(pool *p)
{
    if (!p)
        return;
    results_close(&p->results);
    forward_close(p->forward);
    free(p->columns);
    trail_free(&p->trail);
    lane_fini(p);
    round_fini(p);
    recent_fini(p);
    for (int i = 0; i < 2; i++)
        pool_model_drop(p->ship.recent[i]);
    for (int i = 0; i < POOL_ASKS; i++) {
        pe_block_release(&p->help.asks[i].item.block);
        free(p->help.asks[i].said);
    }
    chain_close(&p->stages);
    stages_fini(p);
    pe_buffer_free(&p->ship.bytes);
    pe_buffer_free(&p->epochs.part);
    send_fini(&p->sends);
    p->c.source->ops->close(p->c.source);
    committer_stop(p->c.committer);
    head_fini(p);
    figures_fini(&p->figures);
    free(p);
}

/* --- the loop --- */

/* Is the clock to be looked at?  What blocks have taken is known by their own
 * stamps, so some that take next to nothing go by without a look.
 */
static bool is_due(int64_t ns, int64_t since_ns, int n)
{
    return ns <= 0 || since_ns >= SLICE / LOOKS || n % LOOKS == 0;
}

/* What a slice took beside functions and model was to get at its blocks. */
static void note_slice(pool *p, int64_t start, int64_t now, int64_t busy_ns)
{
    int64_t ns = now - start - (p->figures.busy_ns - busy_ns);

    p->last_active = now;
    p->figures.fetch_ns += ns > 0 ? ns : 0; /* a clock may have been set */
}

static bool work(pool *p)
{
    const int64_t *busy = &p->figures.busy_ns;
    int64_t start = clock_mono_ns(), now = start, begun = *busy, seen = *busy;
    int n = 0;

    while (now - start < SLICE && !p->fate.failed && !pool_is_held(p)) {
        int64_t before = *busy;

        if (!help_urgent(p) && !owner_step(p) && !help_step(p))
            break;
        if (!is_due(*busy - before, *busy - seen, ++n))
            continue;
        seen = *busy;
        now = clock_mono_ns();
    }
    if (n > 0)
        note_slice(p, start, clock_mono_ns(), begun);
    return n > 0;
}

/* What an idle rank waits for.  How much there is of its partitions it has said
 * in its last round.
 */
static void note_idle(pool *p, int64_t ns)
{
    bool held = phase_is_held(p->term.phase) || owner_full(p);

    p->figures.idle_ns += ns;
    if (held && p->rounds.out[R_LAG] > 0)
        p->figures.held_ns += ns;
    else if (pool_is_ready(p) && !pool_is_held(p) && p->rounds.out[R_LAG] > 0 &&
             lane_backlog(p) == 0)
        p->figures.starved_ns += ns;
}

/* Has this rank something to look for that wakes nobody? */
static bool is_watching(const pool *p)
{
    return !p->c.source->ops->wakes || p->own.n_askers > 0 || pool_is_held(p) ||
           p->own.first.waits || lane_backlog(p) > 0 ||
           (p->head && (p->head->view.busy || p->head->job));
}

/* What is owed is looked for the more seldom the longer it does not come. */
static int64_t look_again(int64_t ns, int64_t least, int64_t most)
{
    return ns < least ? least : ns < most ? ns : most;
}

/* How long an idle rank may wait for its source. */
static int64_t patience(const pool *p, int64_t now)
{
    int64_t quiet = now - p->last_active;

    if (pool_is_urgent(p) || phase_is_reducing(p->term.phase) ||
        p->sends.n > 0 || help_expects(p))
        return look_again(quiet / 8, NAP, CLOCK_MS);
    if (p->rounds.posted)
        return look_again((now - p->rounds.begun) / 4, CLOCK_MS, 5 * CLOCK_MS);
    if (is_watching(p))
        return look_again(quiet / 16, 2 * CLOCK_MS, 25 * CLOCK_MS);
    return look_again(round_due_ns(p, now) - now, NAP, CLOCK_S);
}

static void idle(pool *p)
{
    int64_t now = clock_mono_ns(), ns = patience(p, now);

    if (p->c.tasks)
        tasks_idle(p->c.tasks, true);
    if (ns < CLOCK_MS)
        clock_sleep_ns(ns, 0);
    else
        p->c.source->ops->wait(p->c.source, (int)(ns / CLOCK_MS));
    note_idle(p, clock_mono_ns() - now);
}

static void take_part(pool *p, const MPI_Status *st)
{
    pe_buffer m = {0};
    pe_error e = {0};

    if (send_receive_pages(&p->sends, st, &m, &e) < 0)
        pool_abort(p, &e); /* it would be there for ever */
    epoch_take_part(p, &m);
}

static void take_small(pool *p, const MPI_Status *st)
{
    pe_error e = {0};

    if (send_receive(&p->sends, st, &e) < 0)
        pool_abort(p, &e); /* as above */
    switch (st->MPI_TAG) {
    case TAG_ASK:
        help_take_ask(p, st->MPI_SOURCE);
        break;
    case TAG_NONE:
        help_take_none(p, st->MPI_SOURCE);
        break;
    case TAG_TASK:
        help_take_task(p, st->MPI_SOURCE);
        break;
    case TAG_DONE:
        help_take_done(p);
        break;
    default:
        break;
    }
}

/* The data of a block has a receive of its own. */
static void take(pool *p, const MPI_Status *st)
{
    if (st->MPI_TAG == TAG_PART)
        take_part(p, st);
    else if (st->MPI_TAG != TAG_DATA)
        take_small(p, st);
}

/* Take every message that is there, each to whom it is for. */
static void take_mail(pool *p)
{
    MPI_Status st;
    int there = 1;

    if (p->size == 1)
        return;
    send_test(&p->sends);
    while (there) {
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, p->c.comm, &there, &st);
        if (there) {
            take(p, &st);
            p->last_active = clock_mono_ns();
        }
    }
    help_test(p);
}

static void progress(pool *p)
{
    int64_t start = clock_mono_ns();

    pulse_turn(p->c.pulse, p->rounds.posted);
    take_mail(p);
    ship_progress(p);
    if (p->head) {
        head_look(p, start);
        ship_news(p);
        stages_look(p);
        share_watch(p, start);
        head_tell(p, start);
    }
    epoch_progress(p);
    if (p->head)
        epoch_submit(p);
    recent_progress(p);
    round_progress(p);
    if (p->size > 1)
        help_give(p, pool_is_draining(p) || !pool_is_ready(p));
    results_poll(&p->results);
    onward_poll(p);
    trail_rank(p, start);
    p->figures.reduce_ns += clock_mono_ns() - start;
}

/* All ranks leave together: requests are answered, messages have arrived. */
static void settle(pool *p)
{
    MPI_Request barrier = MPI_REQUEST_NULL;
    bool posted = false;
    int done = 0;

    help_drop(p);
    while (!done) {
        pulse_turn(p->c.pulse, posted);
        take_mail(p);
        help_give(p, true);
        epoch_progress(p);
        ship_receive(p);
        recent_progress(p);
        if (!posted && help_quiet(p) && !p->recent.posted &&
            !phase_is_reducing(p->term.phase) &&
            p->ship.at != PHASE_SHIP_POSTED) {
            MPI_Ibarrier(p->c.comm, &barrier);
            posted = true;
        }
        if (posted)
            MPI_Test(&barrier, &done, MPI_STATUS_IGNORE);
        if (!done)
            clock_sleep_ns(100 * CLOCK_US, 0);
    }
}

int pool_broken(const pool *p, pe_error *errp)
{
    if (!p->head || !p->head->broken)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s",
                        p->head->breaker.words);
}

int pool_run(pool *p, pe_error *errp)
{
    p->last_active = clock_mono_ns();
    while (!pool_is_over(p)) {
        progress(p);
        if (!work(p))
            idle(p);
        else if (p->c.tasks)
            tasks_idle(p->c.tasks, false);
    }
    settle(p);
    p->trail.rank_due = 0;
    trail_rank(p, clock_mono_ns());
    *errp = p->fate.error;
    if (pool_agree(p->c.comm, p->fate.failed ? -1 : 0, errp) < 0 ||
        pool_agree(p->c.comm, chain_finish(&p->stages, errp), errp) < 0 ||
        pool_agree(p->c.comm, onward_tell(p, errp), errp) < 0)
        return -1;
    if (p->c.committer) {
        committer_leave(p->c.committer);
        head_look(p, clock_mono_ns()); /* a device that died is told of */
    }
    return 0;
}
