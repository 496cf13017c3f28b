/* scan.c - the logs of a run: found, checked, and what is said in them beside
 * blocks.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"
#include "src/common/file.h"
#include "src/common/text.h"

/* --- names --- */

static int map_put(uint32_t **mapp, uint32_t *np, uint32_t i, uint32_t to,
                   pe_error *errp)
{
    uint32_t *more;

    if (i >= *np) {
        more = realloc(*mapp, (i + 1) * sizeof(*more));
        if (!more)
            return pe_error_nomem(errp);
        for (uint32_t k = *np; k <= i; k++)
            more[k] = TRACE_NO_DEVICE;
        *mapp = more;
        *np = i + 1;
    }
    (*mapp)[i] = to;
    return 0;
}

static uint32_t add_name(trace *t, const char *name)
{
    t->facts.cut += names_was_cut(name);
    return names_add(&t->names, name, TRACE_NO_DEVICE);
}

int scan_names(trace *t, const segments *g, uint32_t **mapp, uint32_t *np,
               pe_error *errp)
{
    size_t at = 0;
    uint32_t two[2];
    char name[NAMES_LONGEST + 1];

    while (at + sizeof(two) <= g->s.bytes) {
        memcpy(two, g->data + at, sizeof(two));
        at += sizeof(two);
        if (two[1] > g->s.bytes - at || two[0] > (1U << 24))
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s has names of devices that are none",
                                g->name);
        names_cut((const char *)g->data + at, two[1], name);
        at += two[1];
        uint32_t to = names_find(&t->names, name);
        if (to == TRACE_NO_DEVICE)
            to = add_name(t, name);
        if (to == TRACE_NO_DEVICE)
            return pe_error_nomem(errp);
        if (map_put(mapp, np, two[0], to, errp) < 0)
            return -1;
    }
    return 0;
}

/* --- what a log says beside blocks --- */

static int keep_commits(trace *t, const source *s, pe_error *errp)
{
    for (uint32_t i = 0; i < s->g.s.n; i++) {
        trace_commit c;

        if (t->n_commits == t->cap_commits) {
            size_t cap = t->cap_commits ? 2 * t->cap_commits : 256;
            epochs *more = realloc(t->commit, cap * sizeof(*more));
            if (!more)
                return pe_error_nomem(errp);
            t->commit = more;
            t->cap_commits = cap;
        }
        segments_row(&s->g, i, &c);
        t->commit[t->n_commits++] = (epochs){
            .world = s->world,
            .layer = s->p.layer,
            .term = c.term,
            .first = c.first_epoch,
            .last = c.last_epoch,
            .time_ns = c.time_ns,
            .sent_ns = c.sent_ns ? c.sent_ns : c.time_ns - c.duration_ns,
            .version = c.version};
    }
    return 0;
}

static int keep_models(source *s, pe_error *errp)
{
    for (uint32_t i = 0; i < s->g.s.n; i++) {
        trace_model m;

        if (s->n_models == s->cap_models) {
            uint32_t cap = s->cap_models ? 2 * s->cap_models : 64;
            taken_model *more = realloc(s->model, cap * sizeof(*more));
            if (!more)
                return pe_error_nomem(errp);
            s->model = more;
            s->cap_models = cap;
        }
        segments_row(&s->g, i, &m);
        s->model[s->n_models++] =
            (taken_model){m.version, m.time_ns, m.commit_ns, 0};
    }
    return 0;
}

static void keep_clocks(source *s)
{
    for (uint32_t i = 0; i < s->g.s.n; i++) {
        trace_clock c;

        segments_row(&s->g, i, &c);
        if (s->best && c.bound_ns >= s->p.bound_ns)
            continue;
        s->best = true;
        s->p.offset_ns = c.offset_ns;
        s->p.bound_ns = c.bound_ns;
    }
}

static int take_segment(trace *t, source *s, pe_error *errp)
{
    const layout_segment *g = &s->g.s;

    s->p.end_ns = g->time_ns;
    s->p.dropped = g->dropped;
    s->p.lost = g->lost;
    switch (g->kind) {
    case LAYOUT_NAMES:
        return scan_names(t, &s->g, &s->map, &s->n_map, errp);
    case LAYOUT_EDGE:
    case LAYOUT_WORK:
        s->p.rows += g->n;
        return 0;
    case LAYOUT_COMMIT:
        return keep_commits(t, s, errp);
    case LAYOUT_MODEL:
        return keep_models(s, errp);
    case LAYOUT_CLOCK:
        keep_clocks(s);
        return 0;
    case LAYOUT_END:
        s->p.ended = true;
        return 0;
    default: /* of a newer pilot, which has not changed what is there */
        return 0;
    }
}

/* --- one log --- */

static void fill_process(trace *t, source *s)
{
    const layout_head *h = &s->g.head;

    s->world = h->world;
    s->p.pilot = h->pilot;
    s->p.member = h->member;
    s->p.host = h->host;
    s->p.kind = h->kind;
    s->p.rank = h->rank;
    s->p.ranks = h->ranks;
    s->p.layer = h->layer;
    if (h->layer > t->layer)
        t->layer = h->layer;
    s->p.pid = h->pid;
    s->p.start_ns = s->p.end_ns = h->start_ns;
    s->p.bound_ns = -1;
}

static int read_all(trace *t, source *s, pe_error *errp)
{
    enum segments_word word = SEGMENTS_ONE;
    uint32_t nameless = 0;
    struct stat st;

    while (word == SEGMENTS_ONE) {
        if (segments_next(&s->g, &word, errp) < 0)
            return -1;
        if (word == SEGMENTS_ONE && take_segment(t, s, errp) < 0)
            return -1;
        if (word == SEGMENTS_ONE)
            nameless = s->g.s.nameless;
    }
    s->whole = s->g.at;
    if (fstat(fileno(s->g.f), &st) == 0 && (uint64_t)st.st_size > s->whole &&
        word == SEGMENTS_TORN)
        s->p.torn_bytes = (uint64_t)st.st_size - s->whole;
    t->facts.nameless += nameless;
    return 0;
}

static int same_run(trace *t, const source *s, pe_error *errp)
{
    if (!t->run) {
        t->run = strdup(s->g.head.run);
        return t->run ? 0 : pe_error_nomem(errp);
    }
    if (!strcmp(t->run, s->g.head.run))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s is of run %s, and others in %s are of run %s: "
                        "move it away",
                        s->g.name, s->g.head.run, t->path, t->run);
}

/* All logs are open at once, as their rows are joined: one for each process and
 * restart, which may be more than are allowed to those who do not ask.
 */
static bool more_files(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= l.rlim_max)
        return false;
    l.rlim_cur = l.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &l) == 0;
}

static FILE *open_log(const trace *t, const char *path, pe_error *errp)
{
    FILE *f = fopen(path, "rbe");

    if (!f && errno == EMFILE && more_files())
        f = fopen(path, "rbe");
    if (f)
        return f;
    if (errno == EMFILE)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "%s has more than the %u logs that may be open here: "
                     "raise the limit (ulimit -Hn)",
                     t->path, (unsigned)t->n);
    else
        file_error(errp, errno, "read", path, PE_EXIT_DATA);
    return NULL;
}

static int add_log(trace *t, const char *path, pe_error *errp)
{
    source *more = realloc(t->s, (t->n + 1) * sizeof(*more)), *s;
    FILE *f;
    int rc;

    if (!more)
        return pe_error_nomem(errp);
    t->s = more;
    s = &t->s[t->n];
    *s = (source){0};
    f = open_log(t, path, errp);
    if (!f)
        return -1;
    rc = segments_open(&s->g, f, path, errp);
    t->n++;
    if (rc < 0)
        return -1;
    s->p.torn_bytes = 0;
    if (rc == 0) { /* killed before it said who it is */
        struct stat st;

        fill_process(t, s);
        s->p.torn_bytes = fstat(fileno(f), &st) == 0 ? (uint64_t)st.st_size : 0;
        return 0;
    }
    fill_process(t, s);
    return same_run(t, s, errp) < 0 ? -1 : read_all(t, s, errp);
}

/* --- all of them --- */

static int is_log(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return n > 4 && !strcmp(e->d_name + n - 4, ".log");
}

/* Those of one folder: how many, -1. */
static int add_folder(trace *t, const char *folder, pe_error *errp)
{
    struct dirent **list = NULL;
    int n = scandir(folder, &list, is_log, alphasort), rc = 0;

    if (n < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : file_error(errp, errno, "read", folder, PE_EXIT_DATA);
    for (int i = 0; i < n; i++) {
        char *path =
            rc < 0 ? NULL : text_format("%s/%s", folder, list[i]->d_name);

        if (rc == 0)
            rc = path ? add_log(t, path, errp) : pe_error_nomem(errp);
        free(path);
        free(list[i]);
    }
    free(list);
    return rc < 0 ? -1 : n;
}

static int is_visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* A pilot whose folder is there, and empty, has kept its logs for itself. */
static int add_pilot(trace *t, const char *name, text *missing, pe_error *errp)
{
    char *folder = text_format("%s/%s/trace", t->path, name);
    int n = folder ? add_folder(t, folder, errp) : pe_error_nomem(errp);

    if (n == 0 && access(folder, F_OK) == 0)
        text_add(missing, "%s%s", missing->len ? ", " : "", name);
    free(folder);
    return n < 0 ? -1 : 0;
}

static void sum_up(trace *t, char *missing)
{
    trace_facts *f = &t->facts;

    t->missing = missing;
    f->run = t->run ? t->run : "";
    f->missing = missing ? missing : "";
    f->processes = t->n;
    for (uint32_t i = 0; i < t->n; i++) {
        const trace_process *p = &t->s[i].p;

        f->rows += p->rows;
        f->dropped += p->dropped;
        f->lost += p->lost;
        f->torn_bytes += p->torn_bytes;
        f->unended += !p->ended;
    }
}

/* The strings of a process are those of its log, which has moved while there
 * were others to come.
 */
static void settle(trace *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        source *s = &t->s[i];

        s->p.pilot = s->g.head.pilot;
        s->p.member = s->g.head.member;
        s->p.host = s->g.head.host;
        s->p.kind = s->g.head.kind;
    }
}

int scan_folder(trace *t, pe_error *errp)
{
    struct dirent **list = NULL;
    text missing = {0};
    char *own = text_format("%s/trace", t->path);
    int rc = own ? add_folder(t, own, errp) : pe_error_nomem(errp);
    int n = rc < 0 ? 0 : scandir(t->path, &list, is_visible, alphasort);

    free(own);
    for (int i = 0; i < n; i++) {
        if (rc >= 0 && strcmp(list[i]->d_name, "trace") != 0)
            rc = add_pilot(t, list[i]->d_name, &missing, errp);
        free(list[i]);
    }
    free(list);
    if (rc >= 0 && missing.failed)
        rc = pe_error_nomem(errp);
    settle(t);
    sum_up(t, missing.data);
    if (rc >= 0)
        rc = commits_settle(t, errp);
    return rc < 0 ? -1 : (int)t->n;
}

void scan_free(trace *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        segments_close(&t->s[i].g);
        free(t->s[i].map);
        free(t->s[i].model);
    }
    free(t->s);
    free(t->commit);
    free(t->rollback);
    names_free(&t->names);
}
