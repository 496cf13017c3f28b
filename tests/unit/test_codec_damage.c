/* test_codec_damage.c - records of others that are cut or have other bytes, and
 * the memory that whole ones take.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "codec_items.h"
#include "codec_said.h"
#include "counted.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static uint32_t word_at(const codec_item *r, size_t at)
{
    return r->bytes[at] | (uint32_t)r->bytes[at + 1] << 8 |
           (uint32_t)r->bytes[at + 2] << 16 | (uint32_t)r->bytes[at + 3] << 24;
}

/* Where field [id] of the table at [table] is. */
static size_t field_at(const codec_item *r, size_t table, unsigned id)
{
    size_t rows = table - word_at(r, table) + 4 + 2 * (size_t)id;

    return table + (word_at(r, rows) & 0xffff);
}

/* What is said of [r] with [bytes] bytes of [value] at [at]. */
static const char *patched(const codec_item *r, size_t at, uint32_t value,
                           size_t bytes)
{
    unsigned char *copy = malloc(r->len);
    const char *said;

    CU_ASSERT_FATAL(copy && at + bytes <= r->len);
    memcpy(copy, r->bytes, r->len);
    for (size_t i = 0; i < bytes; i++)
        copy[at + i] = (unsigned char)(value >> (8 * i));
    said = codec_said_of(&(codec_wish){0}, copy, r->len);
    free(copy);
    return said;
}

/* Offsets and lengths of a FlatBuffer, each named by what it is of. */
static void test_flat(void)
{
    enum { SOURCE, TIME, TYPE, VALUE };
    const codec_item *r = codec_record("f144_float_array"),
                     *d = codec_record("da00_float");
    size_t root = word_at(r, 0), value = field_at(r, root, VALUE);
    size_t table = value + word_at(r, value), list = field_at(r, table, 0);
    size_t source = field_at(r, root, SOURCE), all;

    UNIT_CONTAINS(patched(r, 0, (uint32_t)r->len, 4),
                  "ERROR: f144 record: byte 0: the root reaches beyond");
    UNIT_CONTAINS(patched(r, 0, 0, 4), "byte 0: the root reaches beyond");
    UNIT_CONTAINS(patched(r, root, 0x80000000, 4), "a table reaches beyond");
    UNIT_CONTAINS(patched(r, root, 0x7fffffff, 4), "a table reaches beyond");
    UNIT_CONTAINS(patched(r, root - word_at(r, root), 0xffff, 2),
                  "a table reaches beyond");
    UNIT_CONTAINS(patched(r, root - word_at(r, root) + 2, 0xffff, 2),
                  "a table reaches beyond");
    UNIT_CONTAINS(patched(r, root - word_at(r, root) + 4, 0xfff0, 2),
                  "a field reaches beyond");
    UNIT_CONTAINS(patched(r, source, 0x7fffffff, 4), "a list reaches beyond");
    UNIT_CONTAINS(patched(r, source + word_at(r, source), 0xffffffff, 4),
                  "a list reaches beyond");
    UNIT_CONTAINS(patched(r, value, 0xffffffff, 4), "a table reaches beyond");
    UNIT_CONTAINS(patched(r, list + word_at(r, list), 0x40000000, 4),
                  "a list reaches beyond");
    UNIT_CONTAINS(patched(r, list + word_at(r, list), 0, 4),
                  "its list of values is empty");
    UNIT_CONTAINS(patched(r, field_at(r, root, TYPE), 21, 1),
                  "its value is of type 21, of which there are 1 to 20");
    UNIT_CONTAINS(patched(r, field_at(r, root, TYPE), 0, 1),
                  "its value is of type 0, of which");
    root = word_at(d, 0);
    all = field_at(d, root, 2);
    UNIT_CONTAINS(patched(d, all + word_at(d, all), 257, 4),
                  "ERROR: da00 record: ");
    UNIT_CONTAINS(patched(d, all + word_at(d, all), 0, 4),
                  "it has no variables");
    UNIT_CONTAINS(patched(d, all + word_at(d, all) + 4, 0x7ffffff0, 4),
                  "variable 0: byte ");
}

/* What is wished of each, so that most of it is read. */
static codec_wish wish_for(const char *name)
{
    codec_wish w = {.rows = "record"};

    if (!strncmp(name, "bluesky_event", 13))
        w.columns = "det,motor,image,spectrum";
    else if (!strcmp(name, "bluesky_page"))
        w.columns = "det,motor,mca";
    else if (!strcmp(name, "da00_columns"))
        w.columns = "temp,hum,gain";
    else if (!strcmp(name, "npy_records"))
        w.columns = "temp,hum";
    else if (!strncmp(name, "msgpack_map", 11))
        w.columns = "a,b,d.c";
    else if (!strcmp(name, "msgpack_rows"))
        w.columns = "a,b";
    return w;
}

/* Cut anywhere it is refused; only what nothing refers to may be missing. */
static void test_cut(void)
{
    codec_record("f144_double");
    for (size_t i = 0; i < codec_n_items; i++) {
        const codec_item *r = &codec_items[i];
        codec_wish w = wish_for(r->name);
        char *whole = strdup(codec_said_of(&w, r->bytes, r->len));

        CU_ASSERT_FATAL(whole != NULL);
        /* Four bytes of a .npy are a list of msgpack. */
        for (size_t n = strncmp(r->name, "npy", 3) ? 0 : 6; n < r->len; n++) {
            const char *said = codec_said_of(&w, r->bytes, n);

            if (strncmp(said, "ERROR: ", 7) != 0)
                UNIT_EQUAL(said, whole);
        }
        free(whole);
    }
}

/* Each byte as any length, offset or type that it may be taken for: an error,
 * or a block; nothing else is touched (sanitizers look).
 */
static void test_scrambled(void)
{
    static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xdd, 0xff};
    size_t blocks = 0, errors = 0;

    for (size_t i = 0; i < codec_n_items; i++) {
        const codec_item *r = &codec_items[i];
        codec_wish w = wish_for(r->name);
        codec *c = codec_open(&w, NULL);
        unsigned char *copy = malloc(r->len);
        pe_block b = {0};

        CU_ASSERT_FATAL(c && copy);
        memcpy(copy, r->bytes, r->len);
        for (size_t k = 0; k < r->len * COUNT(values); k++) {
            const char *said;

            copy[k / COUNT(values)] = values[k % COUNT(values)];
            said = codec_said(c, &b, copy, r->len);
            copy[k / COUNT(values)] = r->bytes[k / COUNT(values)];
            errors += !strncmp(said, "ERROR: ", 7);
            blocks += strncmp(said, "ERROR: ", 7) != 0;
        }
        free(copy);
        codec_close(c);
        pe_block_release(&b);
    }
    CU_ASSERT(blocks > 1000 && errors > 1000);
}

/* A record like the one before asks for no memory. */
static void test_steady(void)
{
    static const char rows[] = "[{\"a\":1,\"b\":2},{\"a\":3,\"b\":4}]";
    static const char lines[] = "2026-11-29 08:00:00,1,2\n"
                                "2026-11-29 08:00:01,3,4\n";
    pe_block b = {0};

    codec_record("f144_double");
    for (size_t i = 0; i < codec_n_items + 2; i++) {
        bool is_text = i >= codec_n_items;
        codec_wish w =
            is_text ? (codec_wish){0} : wish_for(codec_items[i].name);
        const void *bytes = is_text ? i == codec_n_items ? rows : lines
                                    : (const char *)codec_items[i].bytes;
        size_t len = is_text ? strlen(bytes) : codec_items[i].len;
        codec_facts f;
        pe_error e;
        long before = 0;

        if (i == codec_n_items)
            w.columns = "b,a";
        codec *c = codec_open(&w, NULL);
        CU_ASSERT_FATAL(c != NULL);
        for (int turn = 0; turn < 4; turn++) {
            b = (pe_block){.storage = b.storage, .capacity = b.capacity};
            before = turn == 1 ? counted_calls : before;
            codec_decode(c, bytes, len, &b, &f, &e);
        }
        /* ... but for the names of a structured array. */
        CU_ASSERT(counted_calls == before ||
                  (!is_text && !strcmp(codec_items[i].name, "npy_records")));
        codec_close(c);
    }
    CU_ASSERT(counted_calls > 0);
    pe_block_release(&b);
}

static const unit_test tests[] = {
    {"offsets of FlatBuffers", test_flat},
    {"records cut anywhere", test_cut},
    {"records with other bytes", test_scrambled},
    {"memory is asked for once", test_steady},
    {NULL, NULL},
};

int main(void)
{
    int status = unit_main("codec_damage", tests);

    codec_items_free();
    return status;
}
