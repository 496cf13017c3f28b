/* streams.c - `streams:` of a pipeline file: one in front of each layer. */
#include <stdio.h>
#include <string.h>

#include "pipeline_private.h"
#include "src/codec/wish.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/config/section.h"

#define MIB (1024.0 * 1024)

/* A record holds the .npy and its headers beside the points; 64 KiB are far
 * more than the longest of those.
 */
#define RECORD_ROOM 65536
#define RECORD_BYTES_LEAST (UINT64_C(4) << 20)
/* The client takes no record of 10^9 bytes or more. */
#define RECORD_MIB_MOST 953

#define TOPIC_BYTES_MAX 200

const pe_option_spec pipeline_stream_keys[] = {
    {"partitions", PE_OPTION_INT, 1, 4096, NULL, NULL,
     "default: one for each device"},
    {"urgent", PE_OPTION_INT, 0, 4095, NULL, NULL,
     "so many partitions, the first, are of urgent blocks; default: as large a "
     "part as of the devices"},
    {"compression", PE_OPTION_STRING, 0, 0, "none", "none lz4 zstd snappy",
     "of records"},
    {"format", PE_OPTION_STRING, 0, 0, "f8", "f8 f4", "of points"},
    {"topic", PE_OPTION_STRING, 0, 0, NULL, NULL, "default: pilot.RUN.STAGE"},
    {"broker", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "that has it: a pilot or HOST:PORT; default: the run's"},
    {"gaps", PE_OPTION_STRING, 0, 0, "stop", "stop allow",
     "what missing records do"},
    {"message-max", PE_OPTION_SIZE, 1024, RECORD_MIB_MOST *MIB, NULL, NULL,
     "largest record; default: what a block needs, at least 4MiB"},
    CODEC_OPTIONS,
    {0},
};

/* Bytes of a full block of a source that tells its features, else 0. */
static uint64_t block_bytes(const pipeline *p)
{
    const pipeline_stage *s = pipeline_stage_of(p, STAGE_SOURCE);
    int64_t features = s ? pe_options_int(s->options, "features") : 0;

    return features > 0 ? (uint64_t)s->points * (uint64_t)features * p->dtype
                        : 0;
}

/* Settle the largest record; [t] is where it, or else the source, stands. */
static int take_message_max(pipeline *p, const pe_options *o, const tree *t,
                            pe_error *errp)
{
    uint64_t block = block_bytes(p);
    uint64_t need = block ? block + RECORD_ROOM : 0;

    p->message_bytes = need > RECORD_BYTES_LEAST ? need : RECORD_BYTES_LEAST;
    if (pe_options_has(o, "message-max"))
        p->message_bytes = pe_options_size(o, "message-max");
    if ((double)need > RECORD_MIB_MOST * MIB)
        return section_error(t, errp,
                             "a block of %llu bytes is larger than a record "
                             "may be (%dMiB): take fewer points",
                             (unsigned long long)block, RECORD_MIB_MOST);
    if (block > p->message_bytes)
        return section_error(t, errp,
                             "message-max: a block takes %llu bytes and does "
                             "not fit; take fewer points or a larger record",
                             (unsigned long long)block);
    return 0;
}

/* Partitions where the file names no number: one for each device, or rank; as
 * many as the stream before has.
 */
static int default_partitions(const pipeline *p)
{
    if (pipeline_is_ordered(p) && p->shape != PIPELINE_LOCAL)
        return 1;
    if (p->seen > 0)
        return p->streams[p->seen - 1].partitions;
    int n = p->shape == PIPELINE_LOCAL
                ? pipeline_pilot_of(p, PILOT_POOL)->ntasks
                : pipeline_devices(p);

    return n > 0 ? n : 1;
}

/* The name of a topic, in which {run} may stand for the run's. */
static bool is_topic(const char *s)
{
    const char *mark = strstr(s, PIPELINE_RUN);
    char plain[TOPIC_BYTES_MAX + 2];
    int n;

    if (!mark)
        return pipeline_is_name(s, "._-", TOPIC_BYTES_MAX);
    n = snprintf(plain, sizeof(plain), "%.*sR%s", (int)(mark - s), s,
                 mark + strlen(PIPELINE_RUN));
    return n < (int)sizeof(plain) &&
           pipeline_is_name(plain, "._-",
                            TOPIC_BYTES_MAX - PIPELINE_NAME_BYTES);
}

int pipeline_check_topic(const tree *t, const char *name, pe_error *errp)
{
    if (!name || is_topic(name))
        return 0;
    return section_error(t, errp,
                         "%s: '%.80s' is no name of a topic: letters, digits, "
                         "'.', '_' and '-', at most %d, and {run} once, for "
                         "the name of the run",
                         t->key, name, TOPIC_BYTES_MAX);
}

static int take_stream(pipeline *p, const pe_options *o, const tree *t,
                       pe_error *errp)
{
    const tree *size = tree_get(t, "message-max");
    const tree *name = tree_get(t, "topic"), *broker = tree_get(t, "broker");
    bool failed = false;

    p->partitions = pe_options_has(o, "partitions")
                        ? (int)pe_options_int(o, "partitions")
                        : default_partitions(p);
    p->compression = words_copy(pe_options_string(o, "compression"), &failed);
    p->dtype = strcmp(pe_options_string(o, "format"), "f4") ? PE_F8 : PE_F4;
    p->topic = words_copy(pe_options_string(o, "topic"), &failed);
    p->gaps_allowed = !strcmp(pe_options_string(o, "gaps"), "allow");
    if (failed)
        return pe_error_nomem(errp);
    if (pipeline_check_topic(name, p->topic, errp) < 0 ||
        (pe_options_has(o, "broker") &&
         pipeline_find_broker(p, broker, &p->stream_broker, errp) < 0))
        return -1;
    return take_message_max(p, o, size ? size : t, errp);
}

/* How records of others are read; [t] is where it stands. */
static int take_codec(pipeline *p, const pe_options *o, const tree *t,
                      pe_error *errp)
{
    codec *c;
    pe_error e = {0};

    p->codec = codec_wish_of(o);
    c = codec_open(&p->codec, &e);
    codec_close(c);
    return c ? 0 : section_error(t, errp, "%s", e.text);
}

/* The stage in front of layer [layer]; -1: it reads what others write. */
static int stage_before(const pipeline *p, size_t layer)
{
    return layer == 0 ? p->stream_stage
                      : p->stages[pipeline_layer_first(p, layer)].from;
}

/* Is a stream called so that leaves a stage in front of a later layer? */
static bool is_later(const pipeline *p, const char *name)
{
    for (size_t k = 1; k < p->n_streams; k++)
        if (!strcmp(p->stages[stage_before(p, k)].name, name))
            return true;
    return false;
}

/* The stream's name: of the stage it leaves, or as the file calls the one
 * that comes from elsewhere.
 */
static const char *stream_name(const pipeline *p, const tree *t, size_t layer)
{
    int stage = stage_before(p, layer);
    const char *name = p->stages[stage < 0 ? 0 : stage].name;
    size_t others = 0;

    if (layer > 0 || p->shape != PIPELINE_POOLS)
        return name;
    for (size_t i = 0; t && i < t->n; i++)
        if (!is_later(p, t->child[i].key)) {
            name = t->child[i].key;
            others++;
        }
    return others == 1 ? name : p->stages[0].name;
}

/* Every key of `streams:` is the name of one. */
static int check_streams(const pipeline *p, const tree *t, pe_error *errp)
{
    for (size_t i = 0; t && i < t->n; i++) {
        const char *key = t->child[i].key;
        text names = {0};
        bool known = false;

        for (size_t k = 0; k < p->n_streams; k++) {
            const char *name = stream_name(p, t, k);

            known = known || !strcmp(name, key);
            text_add(&names, "%s'%s'", k ? ", " : "", name);
        }
        if (!known)
            section_error(
                &t->child[i], errp,
                "streams: the stream%s of this pipeline leave%s "
                "stage%s %s, not '%s'",
                p->n_streams > 1 ? "s" : "", p->n_streams > 1 ? "" : "s",
                p->n_streams > 1 ? "s" : "", names.data ? names.data : "", key);
        text_free(&names);
        if (!known)
            return -1;
    }
    return 0;
}

/* Half a pipeline meets the other half at a topic. */
static int check_topic(const pipeline *p, const tree *at, pe_error *errp)
{
    if (p->seen > 0 || p->topic || p->shape == PIPELINE_WHOLE ||
        p->shape == PIPELINE_LOCAL)
        return 0;
    return section_error(
        at, errp,
        "streams: {%s: {topic: NAME}} is missing: the topic "
        "that %s; a pipeline %s meets the other half there "
        "(\"pilot.{run}.NAME\" is the run's own)",
        p->stream_name,
        p->shape == PIPELINE_POOLS ? "the pool reads" : "the devices write to",
        p->shape == PIPELINE_POOLS ? "without devices" : "without a pool");
}

/* The stream in front of [layer], into what is seen, which starts empty. */
static int read_stream(pipeline *p, const tree *root, size_t layer,
                       pe_error *errp)
{
    const tree *t = tree_get(root, "streams");
    const tree *own, *at;
    bool failed = false;

    p->stream_name = words_copy(stream_name(p, t, layer), &failed);
    if (failed)
        return pe_error_nomem(errp);
    own = tree_get(t, p->stream_name);
    p->stream = section_read(own, pipeline_stream_keys, NULL, errp);
    if (!p->stream)
        return -1;
    at = own ? own : tree_get(tree_get(root, "stages"), p->stages[0].name);
    if (take_stream(p, p->stream, at, errp) < 0 ||
        pipeline_settle_urgent(p, p->stream, root, own, errp) < 0 ||
        take_codec(p, p->stream, at, errp) < 0)
        return -1;
    return check_topic(p, at, errp);
}

/* Two streams in one topic would feed a layer what has left it. */
static int check_topics(const pipeline *p, const tree *t, pe_error *errp)
{
    for (size_t i = 1; i < p->n_streams; i++)
        for (size_t k = 0; k < i; k++) {
            const char *a = p->streams[i].topic, *b = p->streams[k].topic;
            const tree *at = tree_get(t, p->streams[i].name);
            const tree *other = tree_get(t, p->streams[k].name);

            if (a && b && !strcmp(a, b))
                return section_error(
                    at, errp,
                    "streams: '%s' and '%s' (%s) have the same topic, '%s': "
                    "layers do not loop; give each a topic of its own",
                    p->streams[i].name, p->streams[k].name, other->where, a);
        }
    return 0;
}

int pipeline_read_streams(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "streams");
    int first = p->stream_stage, status = 0;

    if (section_check(t, errp) < 0 || check_streams(p, t, errp) < 0)
        return -1;
    for (size_t k = 0; status == 0 && k < p->n_streams; k++) {
        p->seen = k;
        p->stream_stage = k == 0 ? first : stage_before(p, k);
        p->stream_name = p->compression = p->topic = p->stream_broker = NULL;
        p->stream = NULL;
        status = read_stream(p, root, k, errp);
        pipeline_keep_stream(p);
    }
    if (status < 0 || check_topics(p, t, errp) < 0)
        return -1;
    return pipeline_see(p, NULL, p->n_streams - 1, errp);
}
