/* test_urgent.c - devices that are urgent: how a file says so, and which
 * partitions they have.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline_file.h"

#define TWO                                                    \
    "version: 1\n"                                             \
    "pipeline: p\n"                                            \
    "pilots:\n"                                                \
    "  bulk: {kind: edge, devices: 4}\n"                       \
    "  more: {kind: edge, devices: 2, resource: [local://, "   \
    "\"ssh://b\"]}\n"                                          \
    "  broker: {kind: broker, endpoint: \"k:9092\"}\n"         \
    "  params: {kind: params, endpoint: \"redis://r:6379\"}\n" \
    "  pool: {kind: pool, ntasks: 2}\n"                        \
    "stages:\n"                                                \
    "  sense: {pilot: [bulk, more], function: generator}\n"    \
    "  learn: {pilot: pool, function: kmeans}\n"

#define LAYERS                                             \
    "version: 1\n"                                         \
    "pipeline: p\n"                                        \
    "pilots:\n"                                            \
    "  devices: {kind: edge, devices: 4, urgent: \"1\"}\n" \
    "  gate: {kind: pool}\n"                               \
    "  pool: {kind: pool}\n"                               \
    "stages:\n"                                            \
    "  sense: {pilot: devices, function: generator}\n"     \
    "  pass: {pilot: gate, function: passthrough}\n"       \
    "  learn: {pilot: pool, function: kmeans}\n"

#define PARTITIONS(n) "streams: {sense: {partitions: " #n "}}\n"

/* Who is, and where each device goes. */
static void test_partitions(void)
{
    static const struct {
        const char *tail, *set;
        int devices, urgent;
        const char *partitions; /* of each device, a digit */
    } rows[] = {
        {"", NULL, 0, 0, "01234567"},
        {"", "pilots.bulk.urgent=false", 0, 0, "01234567"},
        {"", "pilots.bulk.urgent=true", 4, 4, "01234567"},
        {"", "pilots.more.urgent=yes", 4, 4, "45670123"},
        {"", "pilots.bulk.urgent=0,2-3", 3, 3, "03124567"},
        {"", "pilots.more.urgent=2", 1, 1, "12345607"},
        /* Fewer partitions than devices: each kind in its own. */
        {PARTITIONS(4), "pilots.more.urgent=1-2", 2, 1, "12312003"},
        {PARTITIONS(2), "pilots.more.urgent=2", 1, 1, "11111101"},
        {"streams: {sense: {urgent: 2}}\n", "pilots.more.urgent=true", 4, 2,
         "23450101"},
        /* Only strangers write there. */
        {"", "streams.sense.urgent=2", 0, 2, "23456723"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char yaml[2000], got[16] = "";
        pipeline *p;

        snprintf(yaml, sizeof(yaml), "%s%s", TWO, rows[i].tail);
        p = pipeline_file_good(yaml, rows[i].set);
        CU_ASSERT_EQUAL(pipeline_urgent_devices(p), rows[i].devices);
        CU_ASSERT_EQUAL(p->urgent, rows[i].urgent);
        for (int d = 0; d < 8; d++)
            got[d] = (char)('0' + pipeline_partition(p, d));
        UNIT_EQUAL(got, rows[i].partitions);
        pipeline_destroy(p);
    }
}

/* What goes on to the next layer stays what it is. */
static void test_layers(void)
{
    static const struct {
        const char *set;
        int urgent, next_urgent;
        const char *next; /* of each partition of the first */
    } rows[] = {
        {NULL, 1, 1, "0123"},
        {"streams.sense.urgent=2", 2, 2, "0123"},
        {"streams.pass.partitions=2", 1, 1, "0111"},
        {"streams.pass.urgent=2", 1, 2, "0232"},
        {"streams.pass.urgent=0", 1, 0, "0123"}, /* no longer so */
        {"pilots.devices.urgent=false", 0, 0, "0123"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pipeline *p = pipeline_file_good(LAYERS, rows[i].set), first, next;
        char got[8] = "";

        pipeline_peek(p, NULL, 0, &first, NULL);
        pipeline_peek(p, NULL, 1, &next, NULL);
        CU_ASSERT_EQUAL(first.urgent, rows[i].urgent);
        CU_ASSERT_EQUAL(next.urgent, rows[i].next_urgent);
        for (int k = 0; k < 4; k++)
            got[k] = (char)('0' + pipeline_partition_next(&first, &next, k));
        UNIT_EQUAL(got, rows[i].next);
        pipeline_destroy(p);
    }
}

#define NO_ROOM(n, u, stream)                                              \
    "urgent: urgent blocks have partitions of their own, and so have the " \
    "others: of the " n " of stream '" stream "' " u " cannot be urgent; " \
    "set streams." stream ".partitions to 2 or more, and streams." stream  \
    ".urgent between 0 and that"

static void test_refused(void)
{
    static const struct {
        const char *yaml, *set, *text;
    } rows[] = {
        {TWO, "pilots.bulk.urgent=maybe",
         "urgent: 'maybe' is not true, false or numbers of devices as 0,3-5"},
        {TWO, "pilots.bulk.urgent=1-",
         "urgent: '1-' is not true, false or numbers of devices as 0,3-5"},
        {TWO, "pilots.bulk.urgent=99999",
         "urgent: '99999' is not true, false or numbers of devices as 0,3-5"},
        {TWO, "pilots.bulk.urgent=2-1",
         "urgent: '2-1' is not true, false or numbers of devices as 0,3-5"},
        {TWO, "pilots.bulk.urgent=0,", "urgent: '0,' ends with ','"},
        {TWO, "pilots.bulk.urgent=1,1",
         "urgent: '1,1': the numbers have to ascend"},
        {TWO, "pilots.bulk.urgent=3-4",
         "urgent: '3-4': pilot 'bulk' has devices 0 to 3"},
        {TWO, "pilots.pool.urgent=true",
         "urgent: a key of pilots of kind edge; 'pool' is of kind pool"},
        {TWO, "streams.sense.urgent=8", NO_ROOM("8", "8", "sense")},
        {GOOD, "pilots.devices.urgent=true",
         "urgent: all devices are, so none is ahead of another; leave it out"},
        {LOCAL, "streams.sense.urgent=1",
         "urgent: the source runs in the pool, without a topic whose "
         "partitions could be urgent"},
        {GOOD "epoch: {blocks: 6}\n", "pilots.devices.urgent=1",
         "urgent: with 'epoch: {blocks: 6}' blocks are processed by their "
         "numbers, in turn of all partitions, and none goes ahead; say "
         "'epoch: {interval: ...}'"},
        {GOOD PARTITIONS(1), "pilots.devices.urgent=0",
         NO_ROOM("1", "0", "sense")},
    };
    pe_error e = {0};

    for (size_t i = 0; i < COUNT(rows); i++)
        pipeline_file_refused(rows[i].yaml, rows[i].set, rows[i].text);
    /* Where the stream says it, the line is there. */
    CU_ASSERT_PTR_NULL(pipeline_file_load(
        GOOD "streams: {sense: {urgent: 0}}\n", "pilots.devices.urgent=0", &e));
    UNIT_CONTAINS(e.text, "p.yaml:18: " NO_ROOM("3", "0", "sense"));
    CU_ASSERT_PTR_NULL(pipeline_file_load(
        LAYERS "streams: {pass: {partitions: 1}}\n", NULL, &e));
    UNIT_CONTAINS(e.text, NO_ROOM("1", "0", "pass"));
}

/* The plan says it, and its configuration is the same file again. */
static void test_plan(void)
{
    pipeline *p = pipeline_file_good(TWO, "pilots.bulk.urgent=0,2-3"), *again;
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    pipeline_print_plan(p, "run-1", f);
    fclose(f);
    UNIT_CONTAINS(text, "  partition  rank  devices\n"
                        "  0          0     bulk-0  urgent\n"
                        "  1          1     bulk-2  urgent\n"
                        "  2          0     bulk-3  urgent\n"
                        "  3          1     bulk-1\n");
    UNIT_CONTAINS(text, "    urgent: \"0,2-3\"\n");
    again = pipeline_file_good(strstr(text, "version: 1"), NULL);
    CU_ASSERT_EQUAL(again->urgent, 3);
    CU_ASSERT_EQUAL(again->pilots[0].n_urgent, 2);
    CU_ASSERT_EQUAL(pipeline_partition(again, 1), 3);
    free(text);
    pipeline_destroy(again);
    pipeline_destroy(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"urgent: devices and partitions", test_partitions},
        {"urgent: from layer to layer", test_layers},
        {"urgent: files that are refused", test_refused},
        {"urgent: the plan", test_plan},
        {0},
    };

    return pipeline_file_main("urgent", tests);
}
