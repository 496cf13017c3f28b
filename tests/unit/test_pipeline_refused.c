/* test_pipeline_refused.c - pipeline files: every refusal, word for word. */
#include "unit.h"

#include "pipeline_file.h"
#include "src/request/place.h"

#define TWO_EDGES                                                   \
    "version: 1\n"                                                  \
    "pipeline: p\n"                                                 \
    "pilots: {d: {kind: edge}, e: {kind: edge}, w: {kind: pool}}\n" \
    "stages:\n"                                                     \
    "  a: {pilot: d, function: generator}\n"                        \
    "  b: {pilot: e, function: score}\n"                            \
    "  c: {pilot: w, function: kmeans}\n"

static void test_values_refused(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"version=2", "version: '2' is not 1"},
        {"results=maybe", "results: 'maybe' is not one of: topic off"},
        {"pipeline=a b",
         "pipeline: 'a b' is no name: letters, digits, '.', '_' and '-', at "
         "most 64, the first a letter or digit"},
        {"epoch.interval=250", "interval: '250' needs a unit: 250ms, 250s"},
        {"epoch.interval=2h", "interval: '2h' is not between 1ms and 1h"},
        {"epoch.intervall=1s",
         "unknown key 'intervall'; did you mean 'interval'?"},
        {"epoch=1s", "epoch: a mapping is expected here"},
        {"streams=x", "streams: a mapping is expected here"},
        {"streams.learn.partitions=3",
         "streams: the stream of this pipeline leaves stage 'sense', not "
         "'learn'"},
        {"streams.sense.partitions=four",
         "partitions: 'four' is not an integer"},
        {"streams.sense.topic=a/b",
         "topic: 'a/b' is no name of a topic: letters, digits, '.', '_' and "
         "'-', at most 200, and {run} once, for the name of the run"},
        {"streams.sense.topic=a{run}{run}",
         "topic: 'a{run}{run}' is no name of a topic: letters, digits, '.', "
         "'_' and '-', at most 200, and {run} once, for the name of the run"},
        {"streams.sense.rows=first",
         "rows: 'first' is neither the number of an axis, from 0, nor record"},
        {"streams.sense.columns=a,,b",
         "columns: 'a,,b': a name is missing between commas"},
        {"streams.sense.codec=xml",
         "codec: 'xml' is not one of: auto npy da00 f144 ev44 "
         "se00 ad00 msgpack json csv"},
        {"results-topic=a b",
         "results-topic: 'a b' is no name of a topic: letters, digits, '.', "
         "'_' and '-', at most 200, and {run} once, for the name of the run"},
        {"results-topic=pilot.{run}.sense",
         "results-topic: 'pilot.{run}.sense' has other records of this "
         "pipeline; name another"},
        {"results-topic=pilot.{run}.sense.refused",
         "results-topic: 'pilot.{run}.sense.refused' has other records of "
         "this pipeline; name another"},
        {"streams.sense.message-max=31kB",
         "message-max: a block takes 32000 bytes and does not fit; take fewer "
         "points or a larger record"},
        {"stages.sense.block.points=0",
         "points: '0' is not between 1 and 16777216"},
        {"stages.sense.block.within=1", "within: '1' needs a unit: 1ms, 1s"},
        {"context={a: {b: 1}}", "a: one value is expected here"},
        {"context=x", "context: a mapping is expected here"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        pipeline_file_refused(GOOD, rows[i].set, rows[i].text);
}

static void test_results_refused(void)
{
    pipeline_file_refused(
        "results: off\n" GOOD, "results-topic=lab",
        "results-topic: 'results: off' writes no scores; leave one "
        "of them out");
}

static void test_pilots_refused(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"pilots=x", "pilots: a mapping is expected here"},
        {"pilots.pool=x", "pool: a mapping is expected here"},
        {"pilots.pool.kind=pond",
         "kind: 'pond' is not one of: pool edge broker params allocation"},
        {"pilots.new.ntasks=1",
         "pilot 'new' needs a kind: pool, edge, broker, params or allocation"},
        {"pilots.a b.kind=pool",
         "'a b' is no name of a pilot: letters, digits, '_' and '-', at most "
         "64, the first a letter or digit"},
        {"pilots.pool.ntasks=0", "ntasks: '0' is not from 1 to 16777216"},
        {"pilots.pool.ntasks=two", "ntasks: 'two' is no number"},
        {"pilots.pool.time=30",
         "time: '30' is no time: say 1:30:00 (hours), 1-12 (days-hours), 90s, "
         "30m, 2h or 1d, and more than nothing"},
        {"pilots.devices.queue=64", "queue: '64' needs a unit: 64kB, 64MiB"},
        {"pilots.devices.spool=2GiB", "spool: a mapping is expected here"},
        {"pilots.devices.spool.size=64",
         "size: '64' needs a unit: 64kB, 64MiB"},
        {"pilots.devices.spool.size=1MiB",
         "size: '1MiB' is not between 4MiB and 1024GiB"},
        {"pilots.devices.spool.full=drop",
         "full: 'drop' is not one of: block drop-oldest"},
        {"pilots.devices.spool.sync=2s",
         "sync: '2s' is not one of: each 1s never"},
        {"pilots.devices.spool.dir=here",
         "dir: 'here' does not begin with '/': where a pilot is started is "
         "another folder on each host"},
        {"pilots.devices.spool.sise=1GiB",
         "unknown key 'sise'; did you mean 'size'?"},
        {"pilots.devices={kind: edge, full: drop, spool: {size: 1GiB}}",
         "full: the queue of 'devices' has a spool behind it: say 'spool: "
         "{full: drop-oldest}' instead"},
        {"pilots.pool.spool.size=1GiB",
         "spool: a key of pilots of kind edge; 'pool' is of kind pool"},
        {"pilots.devices.ntasks=2",
         "ntasks: a key of pilots of kind pool; 'devices' is of kind edge"},
        {"pilots.pool.ntask=2", "unknown key 'ntask'; did you mean 'ntasks'?"},
        {"pilots.pool.resource=ftp://h",
         "resource: 'ftp://h' is not one of: " PLACE_URLS},
        {"pilots.pool.resource=ssh://",
         "resource: 'ssh://' names no host: ssh://HOST"},
        {"pilots.pool.resource=slurm://h",
         "resource: 'slurm://h': slurm:// is of this host and takes none"},
        {"pilots.pool.resource=[\"local://\", \"slurm://\"]",
         "resource: one is expected here; a list is for the places of an edge "
         "pilot"},
        {"pilots.pool.resource={a: b}", "resource: a URL is expected here"},
        {"pilots.devices.resource=[]",
         "resource: the list is empty; a list is for the places of an edge "
         "pilot"},
        {"pilots.devices.resource=[\"local://\", {a: b}]",
         "resource: a URL is expected here"},
        {"pilots.devices.resource=[\"local://\", \"ssh://\"]",
         "resource: 'ssh://' names no host: ssh://HOST"},
        {"pilots.pool.resource=ssh://me:pw@h",
         "resource: URL '...@h': a password is refused here; use a password "
         "file; write SCHEME://HOST:PORT"},
        {"pilots.pool.via=http://h", "via: 'http://h' is not ssh://HOST"},
        {"pilots.pool.via=ssh://", "via: 'ssh://' is not ssh://HOST"},
        {"pilots.pool.via=h", "via: 'h' is not ssh://HOST"},
        {"pilots.pool.broker=h",
         "broker: 'h' is not HOST:PORT or a list of those with ',' between "
         "them (Kafka), nor redis://HOST:PORT (streams in a Redis)"},
        {"pilots.devices.params=http://h",
         "params: 'http://h' is not redis://HOST:PORT, rediss://HOST:PORT "
         "(TLS) or unix:///PATH"},
        {"pilots.pool.account={a: b}", "account: one value is expected here"},
        {"pilots.pool.account=[a, b]", "account: one value is expected here"},
        {"pilots.pool.setup=[a, {b: c}]", "setup: the value is missing"},
        {"pilots.pool.partition=a b",
         "partition: 'a b' holds a blank: letters, digits and _.,:/@%+=- may "
         "be in it"},
        {"pilots.pool.nodes=-1",
         "nodes: '-1' is no number; -N is --nodes, a job's name is -J"},
        {"pilots.pool.kind={a: b}",
         "kind: 'a mapping' is not one of: pool edge broker params "
         "allocation"},
        {"pilots.pool.within=devices",
         "within: 'devices' is no pilot of kind allocation"},
        {"pilots.params.password=x",
         "a password does not belong into this file: put it into a file of "
         "mode 0600 and name that with password-file"},
        {"pilots.params.endpoint=redis://u:x@h",
         "endpoint: URL '...@h': a password is refused here; use a password "
         "file; write SCHEME://HOST:PORT"},
        {"pilots.params.endpoint=http://h",
         "endpoint: 'http://h' is not redis://HOST:PORT, rediss://HOST:PORT "
         "(TLS) or unix:///PATH"},
        {"pilots.broker.endpoint=h",
         "endpoint: 'h' is not HOST:PORT or a list of those with ',' between "
         "them (Kafka), nor redis://HOST:PORT (streams in a Redis)"},
        {"pilots.broker.endpoint=h:1,,g:2",
         "endpoint: 'h:1,,g:2' is not HOST:PORT or a list of those with ',' "
         "between them (Kafka), nor redis://HOST:PORT (streams in a Redis)"},
        {"pilots.second.kind=pool",
         "no stage runs on pool pilot 'second'; several share one: `pilot: "
         "[A, B]`"},
        {"pilots.idle.kind=edge",
         "no stage runs on edge pilot 'idle'; several share one: `pilot: [A, "
         "B]`"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        pipeline_file_refused(GOOD, rows[i].set, rows[i].text);
}

static void test_stages_refused(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"stages.learn.pilot=nowhere",
         "stage 'learn': there is no pilot 'nowhere'; known: devices, broker, "
         "params, pool"},
        {"stages.learn.pilot=broker",
         "stage 'learn': pilot 'broker' is of kind broker and runs no stages"},
        {"stages.learn={pilot: devices, function: audit}",
         "stage 'learn': model audit learns on a pool; put it on one, and "
         "score at the edge by 'function: score'"},
        {"stages.learn.sync=1s",
         "stage 'learn': sync is for a model on devices; leave it out, or name "
         "an edge pilot"},
        {"stages.learn.function=kmeanz",
         "stage 'learn': there is no function 'kmeanz'; did you mean "
         "'kmeans'?"},
        {"stages.learn.function=generator",
         "stage 'learn': generator is a source and has to be the first stage"},
        {"stages.learn.function=score",
         "stage 'learn': score scores on devices; put it on an edge pilot"},
        {"stages.sense.function=score",
         "stage 'sense': score is no source; the first stage has to sense, as "
         "generator, file and proc do"},
        {"stages.sense.function=kmeans",
         "stage 'sense': kmeans is a model; the first stage has to sense, as "
         "generator, file and proc do"},
        {"stages.learn.options.clusterz=3",
         "unknown option 'clusterz'; did you mean 'clusters'?"},
        {"stages.learn.options.clusters=x", "clusters: 'x' is not an integer"},
        {"stages.learn.options=x", "options: a mapping is expected here"},
        {"stages.learn.from=nothing",
         "stage 'learn': from: there is no stage 'nothing' above it"},
        {"stages.sense.from=sense",
         "stage 'sense': from: there is no stage 'sense' above it"},
        {"stages.learn.block.points=5",
         "stage 'learn': block: only the first stage makes blocks"},
        {"stages.sense.pilots=x",
         "unknown key 'pilots'; did you mean 'pilot'?"},
        {"stages.more={pilot: pool, function: passthrough}",
         "stage 'more': 'learn' is a model, which hands no blocks on; put "
         "'more' above it"},
        {"stages.learn={pilot: pool, function: filter}",
         "stage 'learn': filter needs a model, and 'filter' is none that "
         "learns one"},
        {"stages.learn={pilot: pool, function: write, options: {path: r.csv}}",
         "stage 'learn': write needs a model, and 'write' is none that learns "
         "one (what: rows needs none)"},
        {"stages.learn={pilot: pool, function: write, options: {path: r.txt, "
         "what: rows}}",
         "stage 'learn': path: what to write is not seen by its end, 'txt': "
         "let "
         "it end in .csv, .npy or .h5, or say format"},
        {"stages.learn={pilot: pool, function: select}",
         "stage 'learn': columns is not given; name those to keep, as in "
         "columns: \"0,3,5-8\""},
        {"stages.learn={pilot: pool, function: aggregate, options: {rows: 2, "
         "what: mode}}",
         "stage 'learn': what: 'mode' is none of mean, min, max"},
        {"stages.more={pilot: devices, function: score}",
         "stage 'more': no stage of a device takes from a pool; put it above "
         "'learn'"},
        {"stages.more={pilot: devices, function: score, from: sense}",
         "stage 'more' takes from 'sense', and so does 'learn' (p.yaml:13): "
         "blocks go one way, from stage to stage; put 'more' behind 'learn'"},
        {"stages.more={pilot: pool}",
         "stage 'more' needs a pilot and a function"},
        {"stages.a b=x",
         "'a b' is no name of a stage: letters, digits, '_' and '-', at most "
         "64, the first a letter or digit"},
        {"stages=x", "stages: a mapping is expected here"},
    };
    pe_error e = {0};

    for (size_t i = 0; i < COUNT(rows); i++)
        pipeline_file_refused(GOOD, rows[i].set, rows[i].text);
    /* Nothing is like it: all that there are are named. */
    CU_ASSERT_PTR_NULL(
        pipeline_file_load(GOOD, "stages.learn.function=zzzzzzzz", &e));
    UNIT_CONTAINS(e.text, "stage 'learn': there is no function 'zzzzzzzz'; "
                          "known are: ");
    UNIT_CONTAINS(e.text, " kmeans ");
    UNIT_CONTAINS(e.text, ", or PATH.so:SYMBOL");
}

/* Whole files: the message names the line. */
static void test_files_refused(void)
{
    static const struct {
        const char *yaml, *text;
    } rows[] = {
        {"", "p.yaml:1: a mapping of keys to values is expected; the file "
             "is empty"},
        {"version: 1\nversion: 1\n", "p.yaml:2: 'version' is there twice"},
        {"pipeline: p\n", "p.yaml:1: 'version: 1' is missing"},
        {"version: 1\n", "p.yaml:1: 'pipeline: NAME' is missing: the name of "
                         "this pipeline"},
        {"version: 1\npipeline: p\n",
         "p.yaml:1: pilots: at least one of kind pool or edge is needed"},
        {"version: 1\npipeline: p\npilots: {}\n",
         "p.yaml:3: pilots: at least one of kind pool or edge is needed"},
        {HEAD, "p.yaml:8: stages: at least a source or a stage on a pool is "
               "needed"},
        {"version: 1\npipeline: p\npilots:\n  w: {kind: pool, ntasks: 2, "
         "nodes: 3}\n",
         "p.yaml:4: pilot 'w': ntasks is 2 and nodes is 3: some would have no "
         "rank; ask for fewer nodes"},
        {HEAD SENSE, "p.yaml:8: stages: none runs on a pool; put a model or a "
                     "function with process_cloud there"},
        {GOOD "frobnicate: 1\n",
         "p.yaml:18: unknown key 'frobnicate'; known are: version pipeline "
         "results results-format results-topic until restore trace sign "
         "refuse-max "
         "stall unheard pilots stages context streams epoch checkpoint"},
        {HEAD SENSE
         "  learn: {pilot: pool, function: python, options: {object: 'a:b'}}\n"
         "epoch: {interval: 1s}\n",
         "p.yaml:14: epoch: the object of stage 'learn' learns from block "
         "after "
         "block: say 'epoch: {blocks: N}', the blocks of a commit"},
        {HEAD SENSE
         "  learn: {pilot: pool, function: python, options: {object: 'a:b'}}\n"
         "streams: {sense: {partitions: 2}}\n",
         "p.yaml:13: stage 'learn': one rank holds its object, and 2 "
         "partitions "
         "would be of several: set streams.sense.partitions to 1"},
        {GOOD "refuse-max: 101%\n",
         "p.yaml:18: refuse-max: '101%' is neither a number of blocks, as 100, "
         "nor a share, as 5%"},
        {GOOD "refuse-max: many\n",
         "p.yaml:18: refuse-max: 'many' is neither a number of blocks, as 100, "
         "nor a share, as 5%"},
        {GOOD "      clusterz: 1\n",
         "p.yaml:18: unknown option 'clusterz'; did you mean 'clusters'?"},
        {GOOD "epoch:\n  interval: 1s\n  blocks: 5\n",
         "p.yaml:20: epoch: either interval or blocks, not both; --set "
         "epoch.interval= takes the former away"},
        {HEAD "  sense: {pilot: devices, function: generator, block: {points: "
              "16777216}, options: {features: 8}}\n" LEARN,
         "p.yaml:9: a block of 1073741824 bytes is larger than a record may "
         "be (953MiB): take fewer points"},
        {HEAD SENSE "  infer: {pilot: devices, function: score}\n"
                    "  count: {pilot: pool, function: passthrough, from: "
                    "sense}\n",
         "p.yaml:14: stage 'count' takes from 'sense', and so does 'infer' "
         "(p.yaml:13): blocks go one way, from stage to stage; put 'count' "
         "behind 'infer'"},
        {TWO_EDGES,
         "p.yaml:6: stage 'b': all stages of devices run on the pilots of the "
         "source, 'a'"},
        {"version: 1\npipeline: p\n"
         "pilots: {d: {kind: edge}, w: {kind: pool}}\n"
         "stages:\n"
         "  a: {pilot: w, function: generator}\n"
         "  b: {pilot: d, function: score}\n"
         "  c: {pilot: w, function: kmeans}\n",
         "p.yaml:6: stage 'b' runs on a device, but its source 'a' on pool "
         "'w'"},
        {HEAD SENSE "  learn: {pilot: pool, function: kmeans, limit: 1s}\n",
         "p.yaml:13: stage 'learn': limit: is for functions that process "
         "blocks; kmeans is a model: leave it out"},
        {HEAD "  sense: {pilot: devices, function: generator, limit: 1s, "
              "options: {features: 8}}\n" LEARN,
         "p.yaml:9: stage 'sense': limit: is for functions that process "
         "blocks; generator senses them: leave it out"},
        {HEAD SENSE "  there: {pilot: pool, function: call, limit: 2s, "
                    "options: {url: 'http://x'}}\n" LEARN,
         "p.yaml:13: stage 'there': limit: ends a process that its function "
         "keeps; call waits in its own way: put it into options, {limit: "
         "...}"},
        {HEAD SENSE "  mine: {pilot: pool, function: exec, limit: 2s, "
                    "options: {command: cat}}\n" LEARN,
         "p.yaml:13: stage 'mine': limit: ends a process that its function "
         "keeps; exec waits in its own way: put it into options, {limit: "
         "...}"},
        {HEAD SENSE
         "  tune: {pilot: pool, function: select, limit: 1ms}\n" LEARN,
         "p.yaml:13: limit: '1ms' is not between 10ms and 24h"},
        {LOCAL "  infer: {pilot: pool, function: score}\n",
         "p.yaml:7: stage 'infer': score scores on devices; put it on an edge "
         "pilot"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        CU_ASSERT_PTR_NULL(pipeline_file_load(rows[i].yaml, NULL, &e));
        UNIT_EQUAL(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    }
    CU_ASSERT_PTR_NULL(pipeline_file_load("", NULL, NULL));
}

static void test_missing_file(void)
{
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(pipeline_load("/nowhere/p.yaml", NULL, 0, &e));
    UNIT_EQUAL(e.text,
               "cannot open /nowhere/p.yaml: No such file or directory");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
}

static void test_object_refused(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"stages.a.options.periode=5s",
         "unknown option 'periode'; did you mean 'period'?"},
        {"stages.a.options.features=10",
         "features: '10' is not between 1 and 9"},
        {"stages.a.function=o.so:plain",
         "stage 'a': o.so:plain is no source; the first stage has to sense, "
         "as generator, file and proc do"},
        {"stages.b.function=o.so:gauge",
         "stage 'b': o.so:gauge is a source and has to be the first stage"},
        {"stages.c={pilot: d, function: score, from: a}",
         "stage 'c': score needs a model, and 'o.so:plain' is none that "
         "learns one"},
    };
    pe_error e = {0};

    for (size_t i = 0; i < COUNT(rows); i++)
        pipeline_file_refused(OBJECT, rows[i].set, rows[i].text);
    CU_ASSERT_PTR_NULL(
        pipeline_file_load(OBJECT, "stages.a.function=o.so:nothere", &e));
    UNIT_CONTAINS(e.text, "--set stages.a.function=o.so:nothere: stage 'a': ");
    UNIT_CONTAINS(e.text, "has no symbol 'nothere'");
    CU_ASSERT_PTR_NULL(
        pipeline_file_load(OBJECT, "stages.a.function=missing.so:f", &e));
    UNIT_CONTAINS(e.text, "missing.so");
}

#define FOREST                                     \
    "version: 1\n"                                 \
    "pipeline: p\n"                                \
    "pilots: {d: {kind: edge}, w: {kind: pool}}\n" \
    "stages:\n"                                    \
    "  a: {pilot: d, function: generator}\n"       \
    "  c: {pilot: d, function: iforest}\n"

#define LEARNERS                                       \
    "version: 1\n"                                     \
    "pipeline: p\n"                                    \
    "pilots: {d: {kind: edge, devices: 5}, e: {kind: " \
    "edge}, w: {kind: pool}}\n"                        \
    "stages:\n"                                        \
    "  a: {pilot: [d, e], function: generator}\n"      \
    "  c: {pilot: [d, e], function: kmeans, options: {clusters: 3}}\n"

/* A model on devices. */
static void test_learners_refused(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"stages.c.sync=1", "sync: '1' needs a unit: 1ms, 1s"},
        {"stages.c.least=1", "least: '1' is not between 2 and 1000000000"},
        {"stages.c.pilot=d",
         "stage 'c': all stages of devices run on the pilots of the source, "
         "'a'"},
        {"stages.c.options.exact=yes",
         "stage 'c': exact: its sums tell of single rows on devices, where "
         "rows stay; leave it out"},
        {"stages.c.options.threshold=exact",
         "stage 'c': threshold: it sends the score of every row on devices, "
         "where rows stay; leave it out"},
        {"epoch.blocks=4",
         "epoch: blocks are not counted where stage 'c' learns on devices; "
         "say interval"},
        {"results=topic",
         "results: the rows of stage 'c' stay on devices, and so do their "
         "scores; a stage `write` {what: scores} there keeps them"},
    };
    const pipeline_stage *s;
    pipeline *p;

    for (size_t i = 0; i < COUNT(rows); i++)
        pipeline_file_refused(LEARNERS, rows[i].set, rows[i].text);
    pipeline_file_refused(FOREST, "stages.c.options.refit=yes",
                          "stage 'c': refit: its trees are not those of the "
                          "model on devices, where rows stay; leave it out");
    pipeline_destroy(pipeline_file_good(FOREST, "stages.c.options.refit=no"));
    p = pipeline_file_good(LEARNERS, "stages.c.stale=1h");
    s = pipeline_learner(p);
    CU_ASSERT_PTR_EQUAL(s, &p->stages[1]);
    CU_ASSERT_EQUAL(s->n_learners, 2);
    CU_ASSERT_EQUAL(s->n_pilots, 1);
    UNIT_EQUAL(p->pilots[s->pilots[0]].name, "w");
    CU_ASSERT_EQUAL(s->sync_s, 10);
    CU_ASSERT_EQUAL(s->stale_s, 3600);
    CU_ASSERT_EQUAL(s->least, 5);
    UNIT_EQUAL(pe_options_text(s->options, "quorum"), "3"); /* of 6 */
    CU_ASSERT_FALSE(p->results);
    UNIT_EQUAL(p->stream_name, "a");
    pipeline_destroy(p);
    p = pipeline_file_good(LEARNERS, "stages.c.options.quorum=1");
    UNIT_EQUAL(pe_options_text(pipeline_learner(p)->options, "quorum"), "1");
    pipeline_destroy(p);
    p = pipeline_file_good(GOOD, NULL);
    CU_ASSERT_PTR_NULL(pipeline_learner(p));
    pipeline_destroy(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"values that are refused", test_values_refused},
        {"topics of results that are refused", test_results_refused},
        {"pilots that are refused", test_pilots_refused},
        {"stages that are refused", test_stages_refused},
        {"files that are refused", test_files_refused},
        {"a file that is not there", test_missing_file},
        {"shared object: refused", test_object_refused},
        {"models on devices: refused", test_learners_refused},
        {0},
    };

    return pipeline_file_main("pipeline: refusals", tests);
}
