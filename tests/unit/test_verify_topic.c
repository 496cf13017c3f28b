/* test_verify_topic.c - runs counted again out of a broker and a Redis, where
 * pools and devices have done what none of ours does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commit_call.h"
#include "mock_broker.h"
#include "scratch.h"
#include "src/block/npy.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/verify/judge.h"
#include "unit.h"

#define YAML                                           \
    "version: 1\n"                                     \
    "pipeline: p\n"                                    \
    "pilots:\n"                                        \
    "  devices: {kind: edge, devices: 1}\n"            \
    "  broker: {kind: broker}\n"                       \
    "  params: {kind: params}\n"                       \
    "  pool: {kind: pool}\n"                           \
    "stages:\n"                                        \
    "  sense: {pilot: devices, function: generator}\n" \
    "  learn: {pilot: pool, function: audit}\n"        \
    "streams: {sense: {partitions: 1}}\n"              \
    "results: topic\n"

/* What is in the topic, a letter each: of devices-0 block 'a' is number 0, 'b'
 * 1; '?' are bytes of a stranger. What a pool says of it: which offsets have
 * results, are refused, are applied; and its counters.
 */
static const struct scene {
    const char *name, *records;
    const char *results, *refused, *applied; /* offsets */
    uint64_t deduplicated;
    int64_t next;
    uint64_t last; /* SEQ of the device as committed */
    enum pe_exit status;
    const char *what, *text; /* NULL: nothing */
    const char *again;       /* offsets with one more result; NULL: none */
    const char *value;       /* of those; the others have "x" */
} scenes[] = {
    {"exact", "abc?bd", "0125", "3", "0125", 1, 6, 3, PE_EXIT_OK, NULL, NULL,
     NULL, NULL},
    {"to the last commit", "abcdef", "0123", "", "012", 0, 3, 2, PE_EXIT_OK,
     "result",
     "1 record in pilot.r1.sense.results is of blocks that are not "
     "committed",
     NULL, NULL},
    {"a block that the pool has skipped", "abcd", "023", "", "023", 0, 4, 3,
     PE_EXIT_FAILED, "lost",
     "devices-0: blocks is 3 in the model, 4 by the records", NULL, NULL},
    {"... and has no result", "abcd", "023", "", "023", 0, 4, 3, PE_EXIT_FAILED,
     "result",
     "1 block has no result in pilot.r3.sense.results: the first "
     "is pilot.r3.sense/0/1",
     NULL, NULL},
    {"a repeat that was applied", "abbc", "0123", "", "0123", 0, 4, 2,
     PE_EXIT_FAILED, "double",
     "devices-0: blocks is 4 in the model, 3 by the records", NULL, NULL},
    {"... and has a result", "abbc", "0123", "", "0123", 0, 4, 2,
     PE_EXIT_FAILED, "result", "the first is of pilot.r5.sense/0/2 is a repeat",
     NULL, NULL},
    {"a device that sends out of order", "acb", "01", "", "01", 1, 3, 2,
     PE_EXIT_FAILED, "order",
     "1 block came behind later ones of its device, and was taken for a "
     "repeat: the first is pilot.r6.sense/0/2 is devices-0/1/1",
     NULL, NULL},
    {"a block that never came", "abd", "012", "", "012", 0, 3, 3,
     PE_EXIT_FAILED, "missing",
     "1 number (SEQ) of devices is not in the "
     "topic: the first is in front of pilot.r7",
     NULL, NULL},
    {"what cannot be read, and was not kept", "a?", "0", "", "0", 0, 2, 0,
     PE_EXIT_FAILED, "refused", "1 record cannot be read, and is not in", NULL,
     NULL},
    {"refused in a term that was dropped", "abc", "012", "1", "012", 0, 3, 2,
     PE_EXIT_OK, NULL, NULL, NULL, NULL},
    {"refused by a stage", "abc", "02", "1", "02", 0, 3, 2, PE_EXIT_OK, NULL,
     NULL, NULL, NULL},
    {"a log that ends before the commit", "ab", "01", "", "01", 0, 3, 1,
     PE_EXIT_FAILED, "log",
     "partition 0 is committed to 3, and the log ends at 2", NULL, NULL},
    {"nothing", "", "", "", "", 0, 0, 0, PE_EXIT_OK, NULL, NULL, NULL, NULL},
    {"results twice, and the same", "abc", "012", "", "012", 0, 3, 2,
     PE_EXIT_OK, "result",
     "2 records in pilot.r13.sense.results are of a block that has one already "
     "(rule 8: at least once); 2 of them are by a model that gave one",
     "12", "x"},
    {"results twice, of other values", "abc", "012", "", "012", 0, 3, 2,
     PE_EXIT_DATA, "result",
     "1 of 1 results of a block and a model that had one have other values: "
     "the first is pilot.r14.sense.results/0/3, of pilot.r14.sense/0/2 (hosts "
     "that round",
     "2", "y"},
};

static char topic[64], dir[512];

static bool among(const char *offsets, size_t i)
{
    return strchr(offsets, (int)('0' + i)) != NULL;
}

static void make_block(pe_block *b, const struct scene *s, size_t i)
{
    *b = (pe_block){.device = "devices-0",
                    .topic = topic,
                    .boot = 1,
                    .seq = (uint64_t)(s->records[i] - 'a'),
                    .has_seq = 1};
    CU_ASSERT_EQUAL_FATAL(pe_block_reserve(b, 2, 1, PE_F8, NULL), 0);
    ((double *)b->data)[0] = (double)b->seq;
    ((double *)b->data)[1] = 0.5;
}

static void produce(broker_producer *p, const char *suffix, const void *value,
                    size_t len, const char *key, const record_headers *h)
{
    char name[96];

    snprintf(name, sizeof(name), "%s%s", topic, suffix);
    CU_ASSERT_EQUAL(broker_produce(p,
                                   &(broker_output){.topic = name,
                                                    .key = key,
                                                    .value = value,
                                                    .len = len,
                                                    .headers = h,
                                                    .copy = true},
                                   NULL),
                    0);
}

/* Of the record at [offset], as a pool does. */
static void produce_side(broker_producer *p, const char *run,
                         const char *suffix, size_t offset, const char *value)
{
    record_headers h;
    char origin[96];

    record_clear(&h);
    snprintf(origin, sizeof(origin), "%s/0/%zu", topic, offset);
    record_add(&h, "pe_origin", origin);
    record_add(&h, "pe_run", run);
    record_add(&h, "pe_commit", "c");
    produce(p, suffix, value, 1, "devices-0", &h);
}

static void send_records(const struct scene *s, const char *run)
{
    broker_producer_conf c = mock_producer_conf(MOCK_MIB);
    broker_producer *p;

    c.delivered = NULL;
    p = broker_producer_open(&c, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (size_t i = 0; s->records[i]; i++) {
        record_headers h;
        pe_block b;
        size_t len;
        const void *frame;

        if (s->records[i] == '?') {
            produce(p, "", "junk", 4, "who", NULL);
            continue;
        }
        make_block(&b, s, i);
        frame = npy_frame(&b, &len);
        CU_ASSERT_EQUAL(record_encode(&h, run, "sense", &b, NULL), 0);
        produce(p, "", frame, len, b.device, &h);
        pe_block_release(&b);
    }
    for (size_t i = 0; i < 10; i++) {
        if (among(s->results, i))
            produce_side(p, run, ".results", i, "x");
        if (among(s->refused, i))
            produce_side(p, run, ".refused", i, "x");
    }
    for (size_t i = 0; s->again && i < 10; i++)
        if (among(s->again, i))
            produce_side(p, run, ".results", i, s->value);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, NULL), 0);
    broker_producer_close(p);
}

/* Learn and count what the pool says it has applied. */
static void learn(const struct scene *s, pe_model *m, params_counters *add)
{
    pe_delta *d = pe_delta_create(m, NULL);

    for (size_t i = 0; s->records[i]; i++) {
        bool refused = among(s->refused, i) && !among(s->applied, i);
        pe_block b;

        if (s->records[i] == '?') {
            add->refused += (int64_t)i < s->next;
            add->foreign += (int64_t)i < s->next;
            add->bytes += (int64_t)i < s->next ? 4 : 0;
            continue;
        }
        make_block(&b, s, i);
        if (among(s->applied, i)) {
            size_t len;

            CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
            npy_frame(&b, &len);
            add->applied++;
            add->points += 2;
            add->bytes += len;
        } else if (refused) {
            size_t len;

            npy_frame(&b, &len);
            add->refused++;
            add->refused_own++;
            add->bytes += len;
        }
        pe_block_release(&b);
    }
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    pe_delta_destroy(d);
}

static void commit(const struct scene *s, const char *run)
{
    pe_options *o = pe_model_options("audit", NULL);
    pe_model *m = pe_model_create("audit", o, 1, NULL);
    params *p = call_run(run, 10);
    params_range range = {topic, 0, 0, s->next, 0};
    params_device device = {(char *)(uintptr_t) "devices-0", 0, 1, s->last};
    params_commit c = {.writer = "w",
                       .version = 1,
                       .time_ns = 1,
                       .kind = "audit",
                       .ranges = &range,
                       .n_ranges = 1,
                       .devices = &device,
                       .n_devices = 1};
    pe_buffer model = {0};
    int64_t stored;

    call_set_id(c.id, 1);
    CU_ASSERT_EQUAL(params_offset_init(p, topic, 0, 0, &stored, NULL), 0);
    c.add.deduplicated = s->deduplicated;
    learn(s, m, &c.add);
    m->version = 1;
    memcpy(m->commit, c.id, sizeof(c.id));
    CU_ASSERT_EQUAL(pe_model_encode(m, &model, NULL), 0);
    c.model = model.data;
    c.model_len = model.len;
    if (s->next > 0)
        CU_ASSERT_EQUAL(params_commit_send(p, &c, NULL), PARAMS_OK);
    free(model.data);
    params_close(p);
    pe_model_destroy(m);
    pe_options_destroy(o);
}

static void make_folder(const char *run)
{
    char *json = text_format("{\"schema\": 1, \"run\": \"%s\", \"file\": "
                             "\"pipeline.yaml\", \"set\": [], \"broker\": "
                             "\"%s\", \"params\": \"%s\"}",
                             run, mock_endpoint, call_server.url);
    char *path;

    snprintf(dir, sizeof(dir), "%s/%s", scratch_folder, run);
    CU_ASSERT_EQUAL(mkdir(dir, 0700), 0);
    path = text_format("%s/pipeline.yaml", dir);
    CU_ASSERT_EQUAL(file_write(path, YAML, sizeof(YAML) - 1, 0600, NULL), 0);
    free(path);
    path = text_format("%s/request.json", dir);
    CU_ASSERT_EQUAL(file_write(path, json, strlen(json), 0600, NULL), 0);
    free(path);
    free(json);
}

static bool finds(const findings *f, const struct scene *s)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->list[i].what, s->what) &&
            strstr(f->list[i].text, s->text))
            return true;
    return false;
}

static void play(const struct scene *s, const char *run)
{
    static const char *const suffixes[] = {"", ".results", ".refused"};
    findings f = {0};
    pe_error e = {0};
    layer l = {0};
    bool good;

    snprintf(topic, sizeof(topic), "pilot.%s.sense", run);
    for (int i = 0; i < 3; i++) {
        char name[96];

        snprintf(name, sizeof(name), "%s%s", topic, suffixes[i]);
        rd_kafka_mock_topic_create(mock, name, 1, 1);
    }
    make_folder(run);
    send_records(s, run);
    commit(s, run);
    CU_ASSERT_EQUAL(layer_open(&l, dir, 0, &e), 0);
    CU_ASSERT_EQUAL(layer_read(&l, NULL, &e), 0);
    UNIT_EQUAL(e.text, "");
    judge_layer(&l, NULL, &f);
    good =
        findings_exit(&f) == s->status && (s->what ? finds(&f, s) : f.n == 0);
    if (!good)
        printf("# %s: %s\n", run, s->name);
    for (size_t i = 0; !good && i < f.n; i++)
        printf("#   %s (%s): %s\n", finding_kind_name(f.list[i].kind),
               f.list[i].what, f.list[i].text);
    CU_ASSERT_TRUE(good);
    findings_free(&f);
    layer_close(&l);
}

static void test_scenes(void)
{
    for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
        char run[16];

        snprintf(run, sizeof(run), "r%zu", i);
        play(&scenes[i], run);
    }
}

/* Without what it needs it says which, and judges nothing. */
static void test_away(void)
{
    pe_error e = {0};
    layer l = {0};
    char *path, *json;

    make_folder("away");
    path = text_format("%s/request.json", dir);
    json = text_format("{\"schema\": 1, \"run\": \"away\", \"file\": "
                       "\"pipeline.yaml\", \"set\": [], \"broker\": "
                       "\"127.0.0.1:1\", \"params\": \"unix:///no/where\"}");
    CU_ASSERT_EQUAL(file_write(path, json, strlen(json), 0600, NULL), 0);
    CU_ASSERT_EQUAL(layer_open(&l, dir, 0, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    UNIT_CONTAINS(e.text, "/no/where");
    layer_close(&l);
    free(path);
    free(json);
}

static const unit_test tests[] = {
    {"what a pool, or a device, has done", test_scenes},
    {"servers that are away", test_away},
    {NULL, NULL},
};

int main(void)
{
    int status;

    if (!redis_server_installed()) {
        printf("1..0 # SKIP redis-server is not installed\n");
        return 0;
    }
    if (redis_server_open(&call_server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 99;
    }
    scratch_make();
    mock_start();
    status = unit_main("verify topic", tests);
    mock_stop();
    scratch_remove();
    redis_server_close(&call_server);
    return status;
}
