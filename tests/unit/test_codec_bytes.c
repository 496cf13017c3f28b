/* test_codec_bytes.c - records of da00, f144 and msgpack, as the packages of
 * others make them (tests/data/codecs.txt).
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec_items.h"
#include "codec_said.h"
#include "src/codec/da00.h"
#include "src/common/text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define AT " @1795939200123456789"
/* Seconds in a double, of which a clock of bluesky is one. */
#define NEAR " @17959392001234567"

typedef struct row {
    const char *name;
    codec_wish w;
    const char *want; /* what is said begins so */
} row;

static void check(const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const codec_item *r = codec_record(rows[i].name);
        const char *said = codec_said_of(&rows[i].w, r->bytes, r->len);
        size_t len = strlen(rows[i].want);

        if (len > 0 && rows[i].want[len - 1] == '~') { /* the rest is open */
            char *got = text_format("%.*s~", (int)len - 1, said);

            UNIT_EQUAL(got, rows[i].want);
            free(got);
        } else {
            UNIT_EQUAL(said, rows[i].want);
        }
    }
}

static void test_f144(void)
{
    static const row rows[] = {
        {"f144_double", {0}, "f144 1x1 f8: 21.5" AT " from TEST:pv"},
        {"f144_int32", {0}, "f144 1x1 f8: -7" AT " from TEST:pv"},
        {"f144_zero", {0}, "f144 1x1 f8: 0" AT " from TEST:pv"},
        {"f144_large",
         {0},
         "f144 1x1 f8: 9.2233720368547758e+18 ~" AT " from TEST:pv"},
        {"f144_float_array", {0}, "f144 1x3 f4: 1.5 -2 3" AT " from TEST:pv"},
        {"f144_uint16_array", {0}, "f144 1x2 f4: 1 65535" AT " from TEST:pv"},
        {"f144_int8_array", {0}, "f144 1x4 f4: -1 2 3 4" AT " from TEST:pv"},
        {"f144_double", {.time = "none"}, "f144 1x1 f8: 21.5 from TEST:pv"},
        {"f144_double",
         {.columns = "temp"},
         "ERROR: f144 record: it has no 'temp', which columns: names; it has "
         "value"},
        {"f144_double",
         {.codec = "da00"},
         "ERROR: da00 record: bytes 4 to 7 are not 'da00'"},
        {"x5f2", {0}, " aside: status (x5f2)"},
        {"ev43",
         {0},
         "ERROR: a FlatBuffer of schema 'ev43' is not read; da00, f144, ev44, "
         "se00 and ad00 are"},
    };

    check(rows, COUNT(rows));
}

/* The flight and the pixel of each event; a time is that of the pulse, and the
 * flight.
 */
static void test_ev44(void)
{
    static const row rows[] = {
        {"ev44_pulses",
         {0},
         "ev44 3x2 f8: 1000 12; 2500 9; 700 4096 @1795939200266314631 "
         "[1795939200123457789 1795939200123459289 1795939200266314631] "
         "from det"},
        {"ev44_pulses",
         {.columns = "pixel_id", .time = "none"},
         "ev44 3x1 f8: 12; 9; 4096 from det"},
        {"ev44_pulses",
         {.columns = "tof"},
         "ERROR: ev44 record: it has no 'tof', which columns: names; it has "
         "time_of_flight, pixel_id"},
        {"ev44_monitor",
         {0},
         "ev44 2x1 f8: 5; 6 @1795939200123456795 [1795939200123456794 "
         "1795939200123456795] from mon"},
        {"ev44_empty", {0}, "ev44 aside: pulse without events (ev44)"},
        {"ev44_uneven",
         {0},
         "ERROR: ev44 record: it has 3 events by time_of_flight, and 1 by "
         "pixel_id"},
        {"ev44_index",
         {0},
         "ERROR: ev44 record: item 1 of its reference_time_index is 9, where 0 "
         "to 2 is to be"},
    };

    check(rows, COUNT(rows));
}

/* Samples a row each, with their times. */
static void test_se00(void)
{
    static const row rows[] = {
        {"se00_double",
         {0},
         "se00 3x1 f8: 1.5; -2; 3.25 @1795939202123456789 "
         "[1795939200123456789 1795939201123456789 1795939202123456789] "
         "from adc"},
        {"se00_double",
         {.rows = "record"},
         "se00 1x3 f8: 1.5 -2 3.25 @1795939202123456789 from adc"},
        {"se00_float",
         {0},
         "se00 2x1 f4: 0.5; 4" AT " [1795939200123456289 "
         "1795939200123456789] from adc"},
        {"se00_uint16", {0}, "se00 2x1 f4: 1; 65535" AT " from adc"},
        {"se00_int64",
         {0},
         "se00 2x1 f8: -1; 9007199254740992 ~" AT " from adc"},
        {"se00_times", {0}, "ERROR: se00 record: it has 3 values and 1 time"},
        {"se00_times", {.time = "none"}, "se00 3x1 f4: 1; 2; 3 from adc"},
    };

    check(rows, COUNT(rows));
}

/* An image is a row, unless a word says what its rows are. */
static void test_ad00(void)
{
    static const row rows[] = {
        {"ad00_uint16", {0}, "ad00 1x6 f4: 1 2 3 4 5 65535" AT " from cam"},
        {"ad00_uint16",
         {.rows = "0"},
         "ad00 2x3 f4: 1 2 3; 4 5 65535" AT " from cam"},
        {"ad00_double", {0}, "ad00 1x4 f8: 1.5 2 3 4" AT " from cam"},
        {"ad00_stack",
         {.frames = true},
         "ad00 2x4 f8: 0 1 2 3; 4 5 6 7" AT " from cam"},
        {"ad00_stack", {0}, "ad00 1x8 f8: 0 1 2 3 4 5 6 7" AT " from cam"},
        {"ad00_text",
         {0},
         "ERROR: ad00 record: it holds no numbers to learn from, but data "
         "(text)"},
        {"ad00_uint16",
         {.columns = "attributes"},
         "ERROR: ad00 record: 'attributes', which columns: names, is words "
         "about the image"},
    };

    check(rows, COUNT(rows));
}

static void test_da00(void)
{
    static const row rows[] = {
        {"da00_signal", {0}, "da00 2x3 f8: 1.5 2 3; 4 5 6" AT " from detector"},
        {"da00_signal",
         {.rows = "record"},
         "da00 1x6 f8: 1.5 2 3 4 5 6" AT " from detector"},
        {"da00_signal",
         {.rows = "1"},
         "da00 3x2 f8: 1.5 4; 2 5; 3 6" AT " from detector"},
        {"da00_signal",
         {.columns = "tof"},
         "da00 4x1 f8: 0; 1; 2; 3" AT " from detector"},
        {"da00_signal",
         {.columns = "errors,signal"},
         "da00 2x6 f8: 1 1 1 1.5 2 3; 1 1 1 4 5 6" AT " from detector"},
        /* The one variable that is no axis. */
        {"da00_histogram", {0}, "da00 3x1 f8: 3; 1; 4" AT " from monitor"},
        {"da00_frames",
         {.frames = true},
         "da00 2x6 f4: 0 1 2 3 4 5; 6 7 8 9 10 11" AT " from camera"},
        {"da00_frames",
         {.rows = "2"},
         "da00 3x4 f4: 0 3 6 9; 1 4 7 10; 2 5 8 11" AT " from camera"},
        {"da00_frames",
         {0},
         "ERROR: da00 record: 'data': shape (2, 2, 3) is refused: it has more "
         "than 2 axes; ~"},
        {"da00_columns",
         {.columns = "temp,hum"},
         "da00 2x2 f8: 20.5 50; 21 51" AT " from station"},
        {"da00_columns",
         {0},
         "ERROR: da00 record: it holds 3 columns of numbers: say which, in "
         "their order, by columns: \"temp,hum,gain\" in streams:"},
        {"da00_columns",
         {.columns = "temp,gain"},
         "ERROR: da00 record: 'temp' has 2 rows and 'gain' has 1: ~"},
        {"da00_columns",
         {.columns = "site"},
         "ERROR: da00 record: 'site', which columns: names, is text"},
        {"da00_float", {0}, "da00 2x2 f4: 1.5 2; 3 4" AT " from camera"},
    };

    check(rows, COUNT(rows));
}

static void test_bluesky(void)
{
    static const row rows[] = {
        {"bluesky_event",
         {.columns = "det,motor"},
         "msgpack 1x2 f8: 1.5 2" NEAR "~"},
        {"bluesky_event",
         {.columns = "image"},
         "msgpack 1x6 f4: 0 1 2 3 4 5" NEAR "~"},
        {"bluesky_event",
         {.columns = "spectrum,motor"},
         "msgpack 1x3 f8: 0.5 0.25 2" NEAR "~"},
        {"bluesky_event",
         {0},
         "ERROR: msgpack record: it holds 4 columns of numbers: say which, in "
         "their order, by columns: \"det,motor,image,spectrum\" in streams:"},
        {"bluesky_event",
         {.columns = "det,label"},
         "ERROR: msgpack record: 'label', which columns: names, is text"},
        {"bluesky_event",
         {.columns = "det,other"},
         "ERROR: msgpack record: it has no 'other', ~"},
        {"bluesky_event",
         {.columns = "other"},
         "msgpack aside: event of another stream"},
        {"bluesky_event",
         {.columns = "det", .time = "time"},
         "msgpack 1x1 f8: 1.5" NEAR "~"},
        {"bluesky_event",
         {.columns = "det", .time = "timestamps.motor"},
         "msgpack 1x1 f8: 1.5" NEAR "~"},
        {"bluesky_event",
         {.columns = "det", .time = "none"},
         "msgpack 1x1 f8: 1.5"},
        {"bluesky_event",
         {.columns = "det", .time = "timestamps.other"},
         "ERROR: msgpack record: it has no 'timestamps.other', which time: "
         "names"},
        {"bluesky_event",
         {.columns = "other", .time = "timestamps.other"},
         "msgpack aside: event of another stream"},
        {"bluesky_page",
         {.columns = "det", .time = "time"},
         "msgpack 3x1 f8: 1.5; 2.5; 3.5" NEAR "~"},
        {"bluesky_fortran", {0}, "msgpack 1x6 f8: 0 1 2 3 4 5" NEAR "~"},
        {"bluesky_page",
         {.columns = "det,motor,mca"},
         "msgpack 3x4 f8: 1.5 1 1 2; 2.5 2 1 2; 3.5 3 1 2" NEAR "~"},
        {"bluesky_external",
         {.columns = "det"},
         "ERROR: msgpack record: 'det', which columns: names, is text"},
        {"bluesky_start", {0}, "msgpack aside: start document"},
        {"bluesky_descriptor", {0}, "msgpack aside: descriptor"},
        {"bluesky_stop", {0}, "msgpack aside: stop document"},
    };

    check(rows, COUNT(rows));
}

static void test_msgpack(void)
{
    static const row rows[] = {
        {"msgpack_map",
         {.columns = "d.c,b,a,d.n"},
         "msgpack 1x4 f8: 1 -300 1.5 nan"},
        {"msgpack_map",
         {.columns = "d"},
         "ERROR: msgpack record: it has no 'd', which columns: names; it has "
         "a, b, d.c, d.n"},
        {"msgpack_rows", {.columns = "a,b"}, "msgpack 2x2 f8: 1 2; 3 4"},
        {"msgpack_lists",
         {0},
         "msgpack 2x3 f8: 1 2 3.5; 4 5 9.2233720368547758e+18"},
        {"msgpack_array", {0}, "msgpack 3x2 f4: 0 1; 2 3; 4 5"},
        {"msgpack_old", {0}, "msgpack 2x1 f8: 1; 2"},
        {"msgpack_objects", {0}, "msgpack 1x1 f8: 1"},
        {"msgpack_masked",
         {.columns = "a"},
         "ERROR: msgpack record: 'a', which columns: names, is a masked array, "
         "whose mask is lost"},
        {"msgpack_objects",
         {.columns = "a"},
         "ERROR: msgpack record: 'a', which columns: names, is an array of no "
         "plain numbers"},
    };

    check(rows, COUNT(rows));
}

/* Axes and fields of .npy, by a word. */
static void test_npy(void)
{
    static const row rows[] = {
        {"npy_image", {0}, "npy 2x3 f4: 0 1 2; 3 4 5"},
        {"npy_image", {.rows = "record"}, "npy 1x6 f4: 0 1 2 3 4 5"},
        {"npy_image", {.rows = "1"}, "npy 3x2 f4: 0 3; 1 4; 2 5"},
        {"npy_image",
         {.rows = "2"},
         "ERROR: npy record: shape (2, 3) is refused: it has no axis of the "
         "number in `rows` (the first one is 0)"},
        {"npy_image", {.columns = "2,0"}, "npy 2x2 f4: 2 0; 5 3"},
        {"npy_image",
         {.columns = "1-3"},
         "ERROR: npy record: it has no '3', which columns: names; it has 0, 1, "
         "2"},
        {"npy_image",
         {.columns = "temp"},
         "ERROR: npy record: it is an array, and has no 'temp', which columns: "
         "names"},
        {"npy_fortran", {.columns = "2,0"}, "npy 2x2 f8: 2 0; 5 3"},
        {"npy_fortran", {0}, "npy 2x3 f8: 0 1 2; 3 4 5"},
        {"npy_fortran", {.rows = "record"}, "npy 1x6 f8: 0 1 2 3 4 5"},
        {"npy_fortran", {.rows = "1"}, "npy 3x2 f8: 0 3; 1 4; 2 5"},
        {"npy_frames",
         {0},
         "ERROR: not a .npy record: it has 3 axes; send rows of columns, 2, or "
         "say by rows: or frames: in streams: what a row is"},
        {"npy_frames", {.frames = true}, "npy 2x4 f4: 0 1 2 3; 4 5 6 7"},
        {"npy_frames", {.rows = "record"}, "npy 1x8 f4: 0 1 2 3 4 5 6 7"},
        {"npy_records",
         {.columns = "hum,temp", .time = "ts"},
         "npy 2x2 f8: 50 20.5; 51 21 @17959392001234567~"},
        {"npy_records",
         {.columns = "wind"},
         "ERROR: npy record: it has no 'wind', which columns: names; it has "
         "ts, temp, hum"},
    };

    check(rows, COUNT(rows));
}

/* What we write ourselves is read again, by any shape, and fits its room. */
static void test_write(void)
{
    static const float score[] = {0.25F, 3, -1, 8, 5, 6};
    static const int8_t label[] = {0, 1, -1, 1, 0, 0, 0};
    static const double threshold = 2.5;
    static const uint64_t version = 7;
    const da00_variable v[] = {
        {"signal",
         "score",
         {'f', 4, false},
         {"row", "column"},
         {3, 2},
         2,
         score},
        {"label", "", {'i', 1, false}, {"row"}, {7}, 1, label},
        {"threshold", "", {'f', 8, false}, {0}, {0}, 0, &threshold},
        {"version", "of the model", {'u', 8, false}, {0}, {0}, 0, &version},
    };
    static const struct {
        codec_wish w;
        const char *want;
    } rows[] = {
        {{0}, "da00 3x2 f4: 0.25 3; -1 8; 5 6 @5 from device-3"},
        {{.columns = "label"},
         "da00 7x1 f4: 0; 1; -1; 1; 0; 0; 0 @5 from device-3"},
        {{.columns = "version,threshold"},
         "da00 1x2 f8: 7 2.5 @5 from device-3"},
    };

    for (size_t n = 1; n <= COUNT(v); n++) {
        const da00_array a = {"device-3", 5, v, n};
        size_t room = da00_room(&a), len;
        unsigned char *out = malloc(room); /* sanitizers look behind it */

        CU_ASSERT_FATAL(out != NULL);
        len = da00_write(&a, out);
        CU_ASSERT(len <= room);
        for (size_t i = 0; i < (n < COUNT(v) ? 1 : COUNT(rows)); i++)
            UNIT_EQUAL(codec_said_of(&rows[i].w, out, len), rows[i].want);
        free(out);
    }
}

static const unit_test tests[] = {
    {"f144", test_f144},          {"ev44", test_ev44},
    {"se00", test_se00},          {"ad00", test_ad00},
    {"da00", test_da00},          {"documents of bluesky", test_bluesky},
    {"msgpack", test_msgpack},    {".npy by words", test_npy},
    {"da00 written", test_write}, {NULL, NULL},
};

int main(void)
{
    int status = unit_main("codec_bytes", tests);

    codec_items_free();
    return status;
}
