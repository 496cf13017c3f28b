/* fuzz_codec.c - any bytes as a record of any codec.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_codec.c
 *
 * The first byte says what is wished; the rest is the record.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/codec/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

/* UTF-8, but nothing that a terminal obeys. */
static void expect_text(const char *s)
{
    for (; *s; s++)
        expect((unsigned char)*s >= ' ' && *s != 0x7f);
}

/* Every number of the block is there. */
static void touch(const pe_block *b)
{
    volatile double sum = 0;

    expect(b->points > 0 && b->features > 0);
    expect(b->dtype == PE_F4 || b->dtype == PE_F8);
    for (uint32_t i = 0; i < b->points; i++)
        for (uint32_t k = 0; k < b->features; k++)
            sum += pe_block_at(b, i, k);
}

static void check_columns(const codec *c, const pe_block *b, int rc)
{
    codec_column k;
    char name[64];

    for (size_t i = 0; i < codec_columns(c); i++) {
        codec_column_of(c, i, &k);
        expect_text(k.name);
        expect_text(k.type);
        expect_text(k.shape);
    }
    for (uint32_t i = 0;
         rc >= 0 && rc != CODEC_SKIPPED && i < b->features && i < 16; i++) {
        codec_feature(c, i, name, sizeof(name));
        expect(*name);
        expect_text(name);
    }
}

static void decode(codec *c, pe_block *b, const uint8_t *data, size_t size)
{
    codec_facts f;
    pe_error e = {0};
    int rc;

    *b = (pe_block){.storage = b->storage, .capacity = b->capacity};
    rc = codec_decode(c, data, size, b, &f, &e);
    if (rc < 0) {
        expect(e.kind == PE_ERROR_INPUT && e.text[0]);
        expect_text(e.text);
    } else if (rc == CODEC_SKIPPED) {
        expect(f.skip != NULL);
    } else {
        expect(f.codec != NULL && e.kind == PE_ERROR_NONE);
        touch(b);
    }
    if (f.source)
        expect((const uint8_t *)f.source >= data &&
               (const uint8_t *)f.source + f.source_len <= data + size);
    check_columns(c, b, rc);
}

/* A second time, with the memory of the first, it is the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const columns[] = {NULL,  "a,b", "signal", "det,motor",
                                          "0-1", "a",   "s.a",    "\"a,b\""};
    static const char *const names[] = {"auto", "json", "msgpack", "csv",
                                        "da00", "ev44", "se00",    "ad00"};
    unsigned how = size > 0 ? data[0] : 0;
    const codec_wish w = {
        .columns = columns[how & 7],
        .codec = names[how >> 3 & 7],
        .rows = how & 64 ? "record" : NULL,
        .frames = how & 128,
        .time = how == 0x47 ? "t" : NULL,
    };
    codec *c = codec_open(&w, NULL);
    pe_block b = {0};
    uint32_t points;

    expect(c != NULL);
    if (size > 0)
        decode(c, &b, data + 1, size - 1);
    points = b.points;
    if (size > 0)
        decode(c, &b, data + 1, size - 1);
    expect(points == b.points);
    codec_close(c);
    pe_block_release(&b);
    return 0;
}
