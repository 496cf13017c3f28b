/* test_refused.c - `pilot refused` list and show, on a broker. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_broker.h"
#include "pilot_command.h"
#include "scratch.h"
#include "src/common/file.h"
#include "src/refused/refusals.h"

static const char npy[] =
    "\x93NUMPY\x01\x00\x3e\x00{'descr': '<f4', 'fortran_order': False, "
    "'shape': (1, 2), }  \n\0\0\xc0?\0\0\x20@";

/* What a pool sends of a block that it refuses. */
static void put(const char *topic, int32_t partition, const char *origin,
                const char *stage, const char *attempts, const char *reason)
{
    static int64_t now = 1795939200000; /* ms */

    CU_ASSERT_EQUAL(
        rd_kafka_producev(
            mock_client, RD_KAFKA_V_TOPIC(topic),
            RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY("key", 3),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)npy, sizeof(npy) - 1),
            RD_KAFKA_V_TIMESTAMP(now++),
            RD_KAFKA_V_HEADER(origin ? "pe_origin" : "other",
                              origin ? origin : "x", -1),
            RD_KAFKA_V_HEADER("ce_id", "dev/3/17", -1),
            RD_KAFKA_V_HEADER("pe_stage", stage, -1),
            RD_KAFKA_V_HEADER("pe_attempts", attempts, -1),
            RD_KAFKA_V_HEADER("pe_reason", reason, -1), RD_KAFKA_V_END),
        RD_KAFKA_RESP_ERR_NO_ERROR);
    CU_ASSERT_EQUAL(rd_kafka_flush(mock_client, 20000),
                    RD_KAFKA_RESP_ERR_NO_ERROR);
}

static const char *url_of(const char *topic)
{
    static char url[600];

    snprintf(url, sizeof(url), "kafka://%s/%s", mock_endpoint, topic);
    return url;
}

static void fill(void)
{
    begin();
    rd_kafka_mock_topic_create(mock, "r.refused", 2, 1);
    put("r.refused", 1, "r/1/9", "tune", "1", "has 3 columns, not 8");
    put("r.refused", 0, "r/0/12", "tune", "1", "has 4 columns, not 8");
    put("r.refused", 0, "r/0/2", "learn", "3", "killed its function");
    put("r.refused", 0, "r/0/12", "tune", "2", "has 5 columns, not 8");
    put("r.refused", 0, NULL, "tune", "1", "written by others");
    put("r.refused", 0, "r/x/7", "tune", "1", "written by others");
}

/* By origin, each once, its last record. */
static void test_list(void)
{
    const char *url = url_of("r");

    fill();
    expect(PILOT("refused", "list", url), 0,
           "PARTITION     OFFSET DEVICE               TIME                     "
           "STAGE        ATTEMPTS  REASON\n"
           "        0          2 dev                  2026-11-29T08:00:00.002Z "
           "learn               3  killed its function\n"
           "        0         12 dev                  2026-11-29T08:00:00.003Z "
           "tune                2  has 5 columns, not 8\n"
           "        1          9 dev                  2026-11-29T08:00:00.000Z "
           "tune                1  has 3 columns, not 8\n",
           "3 refused blocks in topic r.refused");
    UNIT_CONTAINS(content("err"), "2 records of it no pool has written");
    expect(PILOT("refused", "list", "--reasons", url), 0,
           "   BLOCKS STAGE        LAST                   REASON OF THE LAST\n"
           "        2 tune         1/9                    has 3 columns, not "
           "8\n"
           "        1 learn        0/2                    killed its "
           "function\n",
           NULL);
    expect(PILOT("refused", "list", "--json", url), 0,
           "{\"partition\":0,\"offset\":2,\"device\":\"dev\",\"time\":"
           "\"2026-11-29T08:00:00.002Z\",\"stage\":\"learn\",\"attempts\":3,"
           "\"reason\":\"killed its function\",\"bytes\":80}\n",
           NULL);
    expect(PILOT("refused", "list", "--json", "--reasons", url), 0,
           "{\"blocks\":2,\"stage\":\"tune\",\"last\":\"1/9\",\"reason\":"
           "\"has 3 columns, not 8\"}\n",
           NULL);
}

static void test_show(void)
{
    const char *url = url_of("r");
    char path[300];

    snprintf(path, sizeof(path), "%s/b.npy", scratch_folder);
    expect(PILOT("refused", "show", url, "0/12"), 0,
           "pe_attempts    2\n"
           "pe_reason      has 5 columns, not 8\n"
           "bytes          80\n"
           "block          1x2, npy\n"
           "       0  1.5 2.5\n",
           NULL);
    expect(PILOT("refused", "show", "--json", url, "0/12"), 0,
           "\"points\":1,\"features\":2,\"codec\":\"npy\",\"values\":[[1.5,"
           "2.5]]}\n",
           NULL);
    expect(PILOT("refused", "show", url, "0/12", "-o", path), 0, NULL,
           "its 80 bytes, as they came, are in ");
    CU_ASSERT_EQUAL(memcmp(content("b.npy"), npy, sizeof(npy) - 1), 0);
    expect(PILOT("refused", "show", url, "0/13"), 65, NULL,
           "block 0/13 is not among the refused of topic r.refused: 'pilot "
           "refused list");
}

static void test_wrong(void)
{
    expect(PILOT("refused"), 64, NULL, "Usage: pilot refused COMMAND");
    expect(PILOT("refused", "--help"), 0, "Usage: pilot refused COMMAND", NULL);
    expect(PILOT("refused", "lust"), 64, NULL,
           "pilot refused has no command 'lust': list, show, replay");
    expect(PILOT("refused", "list"), 64, NULL, "a RUN");
    expect(PILOT("refused", "show", url_of("r"), "12"), 64, NULL,
           "'12' names no block: write PARTITION/OFFSET, as 'pilot refused "
           "list' shows them");
    expect(PILOT("refused", "show", url_of("r"), "0/-2"), 64, NULL,
           "names no block");
}

/* Those of a batch have numbers as they are sent, and they are sent as they
 * are read, which is not the order of their blocks where ranks help.
 */
static void test_as_read(void)
{
    const refusal r[] = {
        {.partition = 0, .offset = 3, .at = 9},
        {.partition = 0, .offset = 4, .at = 2},
        {.partition = 0, .offset = 5, .at = 5},
        {.partition = 1, .offset = 1, .at = 1},
        {.partition = 1, .offset = 2, .at = 0},
    };
    static const int64_t want[] = {4, 5, 3, 2, 1};
    const refusal *list[] = {&r[3], &r[0], &r[4], &r[1], &r[2]};

    refusals_as_read(list, 5);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(list[i]->offset, want[i]);
    refusals_as_read(list, 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"list", test_list},
        {"show", test_show},
        {"what is wrong", test_wrong},
        {"in the order in which they are read", test_as_read},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    mock_start();
    status = unit_main("refused", tests);
    mock_stop();
    scratch_remove();
    return status;
}
