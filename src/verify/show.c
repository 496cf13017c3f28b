/* show.c - what `pilot verify` prints. */
#include "show.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "src/block/record.h"
#include "src/common/text.h"

static uint64_t ends_reached(const layer *l)
{
    uint64_t n = 0;

    for (size_t i = 0; i < l->n_ends; i++) {
        const params_end *e = &l->ends[i];

        n += e->partition >= 0 && (size_t)e->partition < l->n_parts &&
             l->part[e->partition].next >= e->next;
    }
    return n;
}

struct totals {
    int64_t consumed, seen, left;
};

static struct totals total(const layer *l)
{
    struct totals t = {0};

    for (size_t i = 0; i < l->n_parts; i++) {
        const layer_part *k = &l->part[i];

        t.consumed += k->next - k->first;
        t.seen += k->seen;
        t.left += k->high > k->next ? k->high - k->next : 0;
    }
    return t;
}

/* --- for people --- */

static void show_layer(const layer *l, size_t of, FILE *out)
{
    const struct totals t = total(l);
    judged list[JUDGED_MOST];
    size_t n = judge_counters(l, list);
    char time[40];

    record_time(l->state.time_ns, time, sizeof(time));
    if (of > 1)
        fprintf(out, "layer %s: ", l->name);
    if (*l->state.commit)
        fprintf(out, "commit %.12s, version %" PRIu64 ", %.19sZ\n",
                l->state.commit, l->state.version, time);
    else
        fprintf(out, "nothing is committed yet\n");
    fprintf(out, "  %-14s %16s %16s\n", "", "committed", "by records");
    fprintf(out, "  %-14s %16" PRId64 " %16" PRId64 "\n", "consumed",
            t.consumed, t.seen);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "  %-14s %16" PRIu64, list[i].name, list[i].state);
        if (list[i].known)
            fprintf(out, " %16" PRIu64 "%s\n", list[i].records,
                    list[i].records == list[i].state ? "" : "  <--");
        else
            fprintf(out, " %16s\n", "-");
    }
    fprintf(out, "  %-14s %16zu %16zu\n", "devices", l->state.n_devices,
            l->n_last);
    fprintf(out, "  %-14s %16" PRId64 "\n", "left", t.left);
    if (l->n_ends)
        fprintf(out, "  %-14s %13" PRIu64 "/%zu\n", "ends", ends_reached(l),
                l->n_ends);
    if (l->results.on)
        fprintf(out, "  %-14s %16s %16" PRId64 "\n", "results", "",
                l->results.blocks);
}

void show_table(const char *run, const layer *l, size_t n, const findings *f,
                FILE *out)
{
    uint64_t blocks = n ? l[n - 1].state.counters.applied : 0;

    for (size_t i = 0; i < n; i++)
        if (l[i].part)
            show_layer(&l[i], n, out);
    for (int k = 0; k < FINDING_N; k++)
        for (size_t i = 0; i < f->n; i++)
            if ((int)f->list[i].kind == k)
                fprintf(out, "%s (%s)%s%s: %s\n",
                        finding_kind_name(f->list[i].kind), f->list[i].what,
                        n > 1 && f->list[i].layer ? " " : "",
                        n > 1 && f->list[i].layer ? f->list[i].layer : "",
                        f->list[i].text);
    fprintf(out, "%s: %s: %" PRIu64 " block%s applied", run,
            findings_verdict(f), blocks, text_s(blocks));
    if (f->of[FINDING_FAULT])
        fprintf(out, ", %zu fault%s", f->of[FINDING_FAULT],
                text_s(f->of[FINDING_FAULT]));
    if (f->of[FINDING_OPEN])
        fprintf(out, ", %zu not to be decided", f->of[FINDING_OPEN]);
    if (f->of[FINDING_LIMIT])
        fprintf(out, "; %zu check%s not possible, and why is said above",
                f->of[FINDING_LIMIT], text_s(f->of[FINDING_LIMIT]));
    fputc('\n', out);
}

/* --- for programs --- */

static json_t *counters_of(const layer *l)
{
    json_t *o = json_object();
    judged list[JUDGED_MOST];
    size_t n = judge_counters(l, list);

    for (size_t i = 0; i < n; i++)
        json_object_set_new(
            o, list[i].name,
            json_pack("{s:I, s:o}", "state", (json_int_t)list[i].state,
                      "records",
                      list[i].known ? json_integer((json_int_t)list[i].records)
                                    : json_null()));
    return o;
}

static json_t *side_of(const layer_side *s)
{
    if (!s->on)
        return json_null();
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "topic", s->topic,
                     "records", (json_int_t)s->records, "blocks",
                     (json_int_t)s->blocks, "repeats", (json_int_t)s->repeats,
                     "compared", (json_int_t)s->same.compared, "different",
                     (json_int_t)s->different.n, "ahead", (json_int_t)s->ahead);
}

static json_t *layer_of(const layer *l)
{
    const struct totals t = total(l);
    const uint64_t out_of_order = l->count.order.n + l->count.moved.n;
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:I}",
        "layer", l->name, "topic", l->topic, "commit", l->state.commit,
        "version", (json_int_t)l->state.version, "time_ns",
        (json_int_t)l->state.time_ns, "partitions", (json_int_t)l->n_parts,
        "consumed", (json_int_t)t.consumed, "records", (json_int_t)t.seen,
        "left", (json_int_t)t.left, "devices", (json_int_t)l->n_last, "missing",
        (json_int_t)l->count.missing.n, "out_of_order",
        (json_int_t)out_of_order, "ends", (json_int_t)l->n_ends, "ends_reached",
        (json_int_t)ends_reached(l));

    json_object_set_new(o, "counters", counters_of(l));
    json_object_set_new(o, "results", side_of(&l->results));
    json_object_set_new(o, "refused", side_of(&l->refused));
    return o;
}

/* A text that was cut may end within a character, and a topic's name is
 * anybody's.
 */
static json_t *clean(const char *words)
{
    char said[sizeof(((finding *)NULL)->text)];

    text_shown(words, strlen(words), said, sizeof(said));
    return json_string(said);
}

int show_json(const char *run, const layer *l, size_t n, const findings *f,
              FILE *out)
{
    json_t *layers = json_array(), *list = json_array(), *o;
    int rc;

    for (size_t i = 0; i < n; i++)
        json_array_append_new(layers, layer_of(&l[i]));
    for (size_t i = 0; i < f->n; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s?, s:o}", "kind",
                            finding_kind_name(f->list[i].kind), "what",
                            f->list[i].what, "layer", f->list[i].layer, "text",
                            clean(f->list[i].text)));
    o = json_pack(
        "{s:i, s:s, s:s, s:i, s:o, s:o}", "schema", SHOW_SCHEMA, "run", run,
        "verdict", f->of[FINDING_FAULT] ? "not exact" : findings_verdict(f),
        "exit", (int)findings_exit(f), "layers", layers, "findings", list);
    rc = o ? json_dumpf(o, out, JSON_COMPACT) : -1;
    if (rc == 0)
        fputc('\n', out);
    json_decref(o);
    return rc;
}
