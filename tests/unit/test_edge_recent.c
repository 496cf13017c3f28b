/* test_edge_recent.c - what devices have done in the last seconds. */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/event.h"
#include "src/edge/agent_private.h"

#define S INT64_C(1000000000)

enum { DEVICES_MAX = 200 };

static device_stats then[DEVICES_MAX], now[DEVICES_MAX];
static agent_device devices[DEVICES_MAX];

static void begin(void)
{
    memset(then, 0, sizeof(then));
    memset(now, 0, sizeof(now));
    for (int i = 0; i < DEVICES_MAX; i++)
        snprintf(devices[i].name, sizeof(devices[i].name), "d-%d", i);
}

static const char *text_of(json_t *o)
{
    static char text[65536];
    char *s = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER |
                                JSON_REAL_PRECISION(6));

    snprintf(text, sizeof(text), "%s", s ? s : "");
    free(s);
    json_decref(o);
    return text;
}

static void test_last(void)
{
    begin();
    then[0].sensed = 10;
    now[0] = (device_stats){.sensed = 30,
                            .sent = 20,
                            .points = 500,
                            .busy_ns = S,
                            .blocked_ns = 2 * S};
    now[1] = (device_stats){.sensed = 5,
                            .filtered = 2,
                            .dropped = 1,
                            .sent = 2,
                            .bytes = 77,
                            .paced_ns = 4 * S};
    UNIT_EQUAL(
        text_of(agent_last(then, now, 2, 4)),
        "{\"seconds\":4.0,\"devices\":2,\"blocks\":{\"sensed\":25,"
        "\"filtered\":2,\"dropped\":1,\"sent\":22},\"points\":500,"
        "\"bytes\":77,\"busy_s\":1.0,\"blocked_s\":2.0,\"paced_s\":4.0}");
}

static void test_rows(void)
{
    begin();
    now[0] = (device_stats){.sensed = 30,
                            .sent = 20,
                            .filtered = 1,
                            .busy_ns = S,
                            .blocked_ns = 2 * S,
                            .full = 0.25};
    now[1] = (device_stats){.paced_ns = 40 * S};
    UNIT_EQUAL(text_of(agent_rows(devices, then, now, 2, 4)),
               "[[\"d-0\",30,20,9,0.25,0.25,0.5,0.0],"
               "[\"d-1\",0,0,0,0.0,0.0,0.0,1.0]]");
}

/* Of many devices those are told whose queues are full. */
static void test_many(void)
{
    json_t *rows;

    begin();
    for (int i = 0; i < DEVICES_MAX; i++) {
        now[i].full = i % 4 == 0 ? 1 : 0;
        now[i].blocked_ns = i < 20 ? S : 0;
    }
    rows = agent_rows(devices, then, now, DEVICES_MAX, 1);
    CU_ASSERT_EQUAL(json_array_size(rows), EVENT_ROWS_MAX);
    UNIT_EQUAL(json_string_value(json_array_get(json_array_get(rows, 1), 0)),
               "d-1");
    UNIT_EQUAL(json_string_value(
                   json_array_get(json_array_get(rows, EVENT_ROWS_MAX - 1), 0)),
               "d-196");
    json_decref(rows);
}

int main(void)
{
    static const unit_test tests[] = {
        {"all devices together", test_last},
        {"device by device", test_rows},
        {"many devices", test_many},
        {NULL, NULL},
    };

    return unit_main("edge_recent", tests);
}
