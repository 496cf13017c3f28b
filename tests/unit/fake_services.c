/* fake_services.c - broker and parameter service for a `pilot` that is under
 * test: they note what they are asked in $FAKE_LOG and know nothing.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/acl.h"
#include "src/broker/broker.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/params/acl.h"
#include "src/params/params.h"
#include "src/params/task.h"

struct broker_admin {
    char unused;
};
struct params {
    char unused;
};

static broker_admin the_admin;
static params the_params;

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
    const char *path = getenv("FAKE_LOG");
    FILE *f = path ? fopen(path, "a") : NULL;
    va_list ap;

    if (!f)
        return;
    va_start(ap, fmt);
    vfprintf(f, fmt, ap);
    va_end(ap);
    fputc('\n', f);
    fclose(f);
}

/* Is [word] in $FAKE_FAILS? */
static int fails(const char *word, pe_error *errp)
{
    const char *list = getenv("FAKE_FAILS");

    if (!list || !strstr(list, word))
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "%s is away",
                        word);
}

/* The same for a server, with who named it. */
static int fails_of(const char *word, const char *from, pe_error *errp)
{
    if (fails(word, errp) == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "%s is away (%s)", word, from ? from : "nobody");
}

broker_admin *broker_admin_open(const broker_conf *c, pe_error *errp)
{
    note("broker %s", c->endpoint);
    return fails_of("broker", c->from, errp) < 0 ? NULL : &the_admin;
}

int broker_login_check(const broker_conf *c, pe_error *errp)
{
    (void)c;
    (void)errp;
    return 0;
}

int params_login_check(const params_conf *c, pe_error *errp)
{
    (void)c;
    (void)errp;
    return 0;
}

bool params_login_named(const params_conf *c)
{
    (void)c;
    return false;
}

bool broker_is_redis(const char *endpoint)
{
    (void)endpoint;
    return false;
}

const char *broker_may_word(int i)
{
    (void)i;
    return "";
}

int broker_acl_put(broker_admin *a, const broker_acl *acl, size_t n,
                   pe_error *errp)
{
    (void)a;
    (void)acl;
    (void)n;
    (void)errp;
    return 0;
}

char *params_acl_rules(enum login_role role, const char *run, pe_error *errp)
{
    (void)role;
    (void)run;
    pe_error_nomem(errp);
    return NULL;
}

void broker_admin_close(broker_admin *a)
{
    (void)a;
}

int broker_admin_each(broker_admin *a,
                      void (*each)(void *arg, const char *host, int port),
                      void *arg, pe_error *errp)
{
    (void)a;
    (void)errp;
    each(arg, "localhost", 9092);
    return 0;
}

int broker_topic_ensure(broker_admin *a, const broker_topic *t,
                        int *partitionsp, pe_error *errp)
{
    const char *more = getenv("FAKE_MORE"); /* partitions than are asked for */

    (void)a;
    note("topic %s %d", t->name, t->partitions);
    *partitionsp = t->partitions + (more ? atoi(more) : 0);
    return fails("topic", errp);
}

int broker_topic_partitions(broker_admin *a, const char *name, int *partitionsp,
                            pe_error *errp)
{
    (void)a;
    note("partitions %s", name);
    *partitionsp = 1;
    return fails("partitions", errp);
}

int broker_ends(broker_admin *a, const char *topic, const int32_t *partition,
                int64_t *end, size_t n, pe_error *errp)
{
    (void)a;
    (void)topic;
    for (size_t i = 0; i < n; i++)
        end[i] = 100 + partition[i];
    return fails("ends", errp);
}

int broker_watermarks(broker_admin *a, const char *topic, int32_t partition,
                      int64_t *lowp, int64_t *highp, pe_error *errp)
{
    (void)a;
    (void)topic;
    *lowp = 0;
    *highp = 100 + partition;
    return fails("watermarks", errp);
}

params *params_open(const params_conf *c, const char *run, pe_error *errp)
{
    note("params %s %s %s", c->url, run,
         c->password_file ? c->password_file : "-");
    return fails_of("params", c->from, errp) < 0 ? NULL : &the_params;
}

void params_close(params *p)
{
    (void)p;
}

int params_ids_fetch(params *p, char commit[PE_COMMIT_ID_LEN + 1],
                     uint64_t *versionp, uint64_t *fencep, pe_error *errp)
{
    (void)p;
    *versionp = *fencep = 0;
    snprintf(commit, PE_COMMIT_ID_LEN + 1, "%s",
             getenv("FAKE_COMMIT") ? getenv("FAKE_COMMIT") : "");
    return fails("ids", errp);
}

int params_end_put(params *p, const params_end *e, pe_error *errp)
{
    (void)p;
    note("end %s %d %lld%s", e->device, (int)e->partition, (long long)e->next,
         e->dead ? " dead" : "");
    return fails("end", errp);
}

int params_ends_clear(params *p, pe_error *errp)
{
    (void)p;
    note("clear");
    return fails("clear", errp);
}

/* The first device has said its end. */
int params_ends_fetch(params *p, params_end **out, size_t *np, pe_error *errp)
{
    static char first[] = "devices-0";
    static params_end end = {.device = first};

    (void)p;
    *out = &end;
    *np = 1;
    return fails("fetch", errp);
}

void params_ends_free(params_end *e, size_t n)
{
    (void)e;
    (void)n;
}

int params_control_put(params *p, const char *word, pe_error *errp)
{
    (void)p;
    if (*word && fails("control", errp) < 0) /* once the run goes */
        return -1;
    note("control %s", word);
    return 0;
}

/* The word in the file that variable [name] names; none: "". */
static void word_read(const char *name, char *word, size_t cap)
{
    const char *path = getenv(name);
    char *all = path ? file_read(path, 4096, NULL, NULL) : NULL;

    snprintf(word, cap, "%s", all ? all : "");
    free(all);
}

int params_control_fetch(params *p, char *word, size_t cap, pe_error *errp)
{
    (void)p;
    word_read("FAKE_CONTROL", word, cap);
    return fails("hear", errp);
}

int params_pilot_put(params *p, const char *pilot, const char *beat,
                     pe_error *errp)
{
    (void)p;
    (void)pilot;
    (void)beat;
    (void)errp;
    return 0;
}

/* What pilots say: lines NAME BEAT of the file $FAKE_BEATS, if there is one. */
int params_pilots_fetch(params *p, params_pilot **out, size_t *np,
                        pe_error *errp)
{
    const char *path = getenv("FAKE_BEATS");
    char *all = path ? file_read(path, 1 << 20, NULL, NULL) : NULL, *rest;
    params_pilot *pilots = calloc(16, sizeof(*pilots));
    char none[] = "";
    size_t n = 0;

    (void)p;
    for (char *line = strtok_r(all ? all : none, "\n", &rest); line && n < 16;
         line = strtok_r(NULL, "\n", &rest)) {
        char *beat = line + strcspn(line, " ");

        if (*beat)
            *beat++ = '\0';
        pilots[n++] = (params_pilot){strdup(line), strdup(beat)};
    }
    free(all);
    *out = pilots;
    *np = n;
    return fails("pilots", errp);
}

void params_pilots_free(params_pilot *pilots, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(pilots[i].pilot);
        free(pilots[i].beat);
    }
    free(pilots);
}

int params_order_put(params *p, const char *pilot, const char *word,
                     pe_error *errp)
{
    (void)p;
    note("order %s %s", pilot, word);
    return fails("order", errp);
}

int params_order_fetch(params *p, const char *pilot, char *word, size_t cap,
                       pe_error *errp)
{
    (void)p;
    (void)pilot;
    word_read("FAKE_ORDER", word, cap);
    return fails("hear", errp);
}

int params_place_put(params *p, const char *who, const char *stage,
                     pe_error *errp)
{
    (void)p;
    note("place %s %s", who, stage);
    return fails("place", errp);
}

int params_place_fetch(params *p, const char *who, char *stage, size_t cap,
                       pe_error *errp)
{
    (void)p;
    (void)who;
    word_read("FAKE_PLACE", stage, cap);
    return fails("places", errp);
}

int params_shared_get(params *p, const char *key, void *value, size_t cap,
                      size_t *lenp, pe_error *errp)
{
    (void)p;
    (void)key;
    (void)value;
    (void)cap;
    *lenp = 0;
    return fails("shared", errp);
}

int params_time_fetch(params *p, int64_t *nsp, pe_error *errp)
{
    (void)p;
    *nsp = clock_real_ns();
    return fails("time", errp);
}

int params_claim_take(params *p, const char *claim, pe_error *errp)
{
    (void)p;
    (void)claim;
    return fails("claim", errp);
}

int params_claim_drop(params *p, const char *claim, pe_error *errp)
{
    (void)p;
    (void)claim;
    return fails("unclaim", errp);
}

/* As many blocks as anybody expects, or $FAKE_BLOCKS. */
int params_state_fetch(params *p, params_state *out, pe_error *errp)
{
    const char *blocks = getenv("FAKE_BLOCKS");

    (void)p;
    *out = (params_state){0};
    out->counters.applied = blocks ? strtoull(blocks, NULL, 10) : INT64_MAX;
    return fails("state", errp);
}

int params_firsts_fetch(params *p, params_offset **out, size_t *np,
                        pe_error *errp)
{
    (void)p;
    (void)errp;
    *out = NULL;
    *np = 0;
    return 0;
}

void params_offsets_free(params_offset *o, size_t n)
{
    (void)o;
    (void)n;
}

void params_state_free(params_state *s)
{
    (void)s;
}

const char *params_key_word(size_t i)
{
    return i == 0 ? "state" : NULL;
}

/* --- who decides about its size --- */

int params_keeper_take(params *p, const char *id, int64_t ttl_ms,
                       pe_error *errp)
{
    (void)p;
    (void)id;
    (void)ttl_ms;
    return fails("keeper", errp) < 0 ? -1 : 1;
}

int params_keeper_leave(params *p, const char *id, pe_error *errp)
{
    (void)p;
    (void)id;
    return fails("keeper", errp);
}

char *params_keeper_fetch(params *p, pe_error *errp)
{
    (void)p;
    return fails("keeper", errp) < 0 ? NULL : strdup("");
}

int params_scale_put(params *p, const char *json, pe_error *errp)
{
    (void)p;
    (void)json;
    return fails("scale", errp);
}

/* As the file $FAKE_SCALE says. */
char *params_scale_fetch(params *p, pe_error *errp)
{
    const char *path = getenv("FAKE_SCALE");
    char *all = path ? file_read(path, 1 << 20, NULL, NULL) : NULL;

    (void)p;
    if (fails("scale", errp) < 0) {
        free(all);
        return NULL;
    }
    return all ? all : strdup("");
}

int params_event_put(params *p, const params_event *e, pe_error *errp)
{
    (void)p;
    note("event %s", e->name);
    return fails("event", errp);
}

int params_events_fetch(params *p, params_event **out, size_t *np,
                        pe_error *errp)
{
    (void)p;
    *out = NULL;
    *np = 0;
    return fails("events", errp);
}

int params_event_drop(params *p, const params_event *e, pe_error *errp)
{
    (void)p;
    (void)e;
    return fails("event", errp);
}

void params_events_free(params_event *e, size_t n)
{
    (void)n;
    free(e);
}

/* --- what only who looks at a run asks for --- */

int params_facts_fetch(params *p, params_facts *out, pe_error *errp)
{
    (void)p;
    *out = (params_facts){0};
    return fails("facts", errp);
}

void params_facts_free(params_facts *f)
{
    (void)f;
}

int params_rows_fetch(params *p, const char *after, size_t most,
                      params_row **out, size_t *np, pe_error *errp)
{
    (void)p;
    (void)after;
    (void)most;
    *out = NULL;
    *np = 0;
    return fails("rows", errp);
}

int params_leases_fetch(params *p, params_lease **out, size_t *np,
                        pe_error *errp)
{
    (void)p;
    *out = NULL;
    *np = 0;
    return fails("leases", errp);
}

void params_leases_free(params_lease *l, size_t n)
{
    (void)l;
    (void)n;
}

/* --- what only results and models are asked for --- */

int params_run_delete(params *p, pe_error *errp)
{
    (void)p;
    note("delete keys");
    return fails("delete", errp);
}

int params_model_fetch(params *p, pe_buffer *out,
                       char commit[PE_COMMIT_ID_LEN + 1], uint64_t *versionp,
                       int64_t *time_nsp, pe_error *errp)
{
    const char *model = getenv("FAKE_MODEL");

    (void)p;
    out->len = 0;
    *commit = '\0';
    *versionp = 0;
    *time_nsp = 0;
    if (fails("model", errp) < 0)
        return -1;
    return model ? pe_buffer_append(out, model, strlen(model), errp) : 0;
}

int broker_topic_delete(broker_admin *a, const char *name, pe_error *errp)
{
    (void)a;
    note("delete %s", name);
    return fails("delete", errp);
}

struct broker_consumer {
    char unused;
};
static broker_consumer the_consumer;

broker_consumer *broker_consumer_open(const broker_consumer_conf *c,
                                      pe_error *errp)
{
    note("consumer %s", c->topic);
    return fails("consumer", errp) < 0 ? NULL : &the_consumer;
}

void broker_consumer_close(broker_consumer *c)
{
    (void)c;
}

int broker_consumer_assign(broker_consumer *c, const broker_position *p,
                           size_t n, pe_error *errp)
{
    (void)c;
    (void)p;
    (void)n;
    return fails("assign", errp);
}

int broker_consumer_fetch(broker_consumer *c, int timeout_ms, broker_record *r,
                          pe_error *errp)
{
    (void)c;
    (void)timeout_ms;
    (void)r;
    return fails("fetch", errp);
}

/* What `pilot results --stream` does not come to without a broker. */
int broker_consumer_fd(const broker_consumer *c)
{
    (void)c;
    return -1;
}

void broker_consumer_fd_clear(const broker_consumer *c)
{
    (void)c;
}

int64_t broker_consumer_high(const broker_consumer *c, int32_t partition)
{
    (void)c;
    (void)partition;
    return -1;
}

void broker_consumer_note(broker_consumer *c, const broker_position *p,
                          size_t n)
{
    (void)c;
    (void)p;
    (void)n;
}

void broker_consumer_answers(const broker_consumer *c, broker_answers *out)
{
    (void)c;
    *out = (broker_answers){0};
}

bool broker_consumer_is_away(const broker_consumer *c, char *out, size_t cap)
{
    (void)c;
    (void)out;
    (void)cap;
    return false;
}

void broker_record_release(broker_record *r)
{
    (void)r;
}

int broker_record_headers(const broker_record *r, record_headers *h,
                          pe_error *errp)
{
    (void)r;
    (void)h;
    return fails("headers", errp);
}

/* --- revisions: there are none, and none is taken --- */

int params_revision_now(params *p, uint64_t *nowp, char *failed, size_t cap,
                        pe_error *errp)
{
    (void)p;
    *nowp = 0;
    if (failed && cap)
        *failed = '\0';
    return fails("revision", errp);
}

int params_revision_look(params *p, uint64_t *nowp, char *failed, size_t cap,
                         uint64_t *tasksp, pe_error *errp)
{
    *tasksp = 0;
    return params_revision_now(p, nowp, failed, cap, errp);
}

int params_revision_fetch(params *p, uint64_t number, params_revision *out,
                          pe_error *errp)
{
    (void)p;
    *out = (params_revision){.number = number};
    return fails("revision", errp);
}

int params_revisions_fetch(params *p, params_revision **out, size_t *np,
                           pe_error *errp)
{
    (void)p;
    *out = NULL;
    *np = 0;
    return fails("revisions", errp);
}

void params_revisions_free(params_revision *r, size_t n)
{
    (void)n;
    free(r);
}

int params_revision_put(params *p, uint64_t after, const char *words,
                        pe_error *errp)
{
    (void)p;
    (void)after;
    note("revision %s", words);
    return fails("revision", errp) < 0 ? -1 : 1;
}

int params_file_put(params *p, const char *digest, const void *data, size_t len,
                    pe_error *errp)
{
    (void)p;
    (void)data;
    note("file %s %zu", digest, len);
    return fails("file", errp);
}

int params_file_fetch(params *p, const char *digest, pe_buffer *out,
                      pe_error *errp)
{
    (void)p;
    (void)digest;
    out->len = 0;
    return fails("file", errp);
}

/* --- tasks: there are none, and none is taken up --- */

int params_tasks_fetch(params *p, params_task **out, size_t *np, pe_error *errp)
{
    (void)p;
    *out = NULL;
    *np = 0;
    return fails("tasks", errp);
}

void params_tasks_free(params_task *t, size_t n)
{
    (void)n;
    free(t);
}

int params_task_put(params *p, const char *task, const char *words,
                    uint64_t slices, pe_error *errp)
{
    (void)p;
    note("task %s %llu %s", task, (unsigned long long)slices, words);
    return fails("task", errp) < 0 ? -1 : 1;
}

int params_task_stop(params *p, const char *task, const char *why,
                     pe_error *errp)
{
    (void)p;
    note("stop %s %s", task, why);
    return fails("task", errp);
}

int params_slice_fetch(params *p, const char *task, uint64_t slice,
                       pe_buffer *out, bool *failedp, pe_error *errp)
{
    (void)p;
    (void)task;
    (void)slice;
    (void)failedp;
    out->len = 0;
    return fails("slice", errp);
}

int params_suspects_fetch(params *p, params_word **out, size_t *np,
                          pe_error *errp)
{
    (void)p;
    (void)errp;
    *out = NULL;
    *np = 0;
    return 0;
}

void params_words_free(params_word *w, size_t n)
{
    (void)n;
    free(w);
}

int params_suspect_put(params *p, const params_word *w, pe_error *errp)
{
    (void)p;
    (void)w;
    (void)errp;
    return 0;
}

int params_suspect_drop(params *p, const char *name, pe_error *errp)
{
    (void)p;
    (void)name;
    (void)errp;
    return 0;
}

int params_replays_fetch(params *p, params_word **out, size_t *np,
                         pe_error *errp)
{
    return params_suspects_fetch(p, out, np, errp);
}

int params_replay_once(params *p, const params_word *w, pe_error *errp)
{
    return params_suspect_put(p, w, errp);
}

/* --- nothing is sent --- */

broker_producer *broker_producer_open(const broker_producer_conf *c,
                                      pe_error *errp)
{
    (void)c;
    fails("producer", errp);
    return NULL;
}

void broker_producer_close(broker_producer *p)
{
    (void)p;
}

int broker_produce(broker_producer *p, const broker_output *o, pe_error *errp)
{
    (void)p;
    (void)o;
    (void)errp;
    return 0;
}

int broker_producer_poll(broker_producer *p, int timeout_ms)
{
    (void)p;
    (void)timeout_ms;
    return 0;
}

int broker_producer_flush(broker_producer *p, int timeout_ms, pe_error *errp)
{
    (void)p;
    (void)timeout_ms;
    (void)errp;
    return 0;
}
