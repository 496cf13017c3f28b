/* codec_said.c - what a codec makes of a record, as text for tests. */
#include "codec_said.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static char out[4096];

static void put(const char *s)
{
    size_t n = strlen(out);

    snprintf(out + n, sizeof(out) - n, "%s", s);
}

static void put_block(const pe_block *b)
{
    char text[64];

    snprintf(text, sizeof(text), " %ux%u f%d:", b->points, b->features,
             (int)b->dtype);
    put(text);
    for (uint32_t i = 0; i < b->points; i++)
        for (uint32_t k = 0; k < b->features; k++) {
            snprintf(text, sizeof(text), "%s %.17g", i && !k ? ";" : "",
                     pe_block_at(b, i, k));
            put(text);
        }
}

static void put_facts(const codec_facts *f, int rc)
{
    char text[300] = "";

    if (rc == CODEC_ROUNDED)
        put(" ~");
    if (f->time_ns)
        snprintf(text, sizeof(text), " @%" PRId64, f->time_ns);
    put(text);
    for (size_t i = 0; i < f->n_times; i++) {
        snprintf(text, sizeof(text), "%s%" PRId64 "%s", i ? " " : " [",
                 f->times[i], i + 1 < f->n_times ? "" : "]");
        put(text);
    }
    snprintf(text, sizeof(text), " from %.*s", (int)f->source_len,
             f->source ? f->source : "");
    if (f->source_len)
        put(text);
}

const char *codec_said(codec *c, pe_block *b, const void *bytes, size_t len)
{
    pe_block keep = {.storage = b->storage, .capacity = b->capacity};
    codec_facts f;
    pe_error e = {0};
    int rc;

    *b = keep;
    rc = codec_decode(c, bytes, len, b, &f, &e);
    if (rc < 0) {
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        snprintf(out, sizeof(out), "ERROR: %s", e.text);
        return out;
    }
    snprintf(out, sizeof(out), "%s", f.codec ? f.codec : "");
    if (rc == CODEC_SKIPPED) {
        put(" aside: ");
        put(f.skip);
        return out;
    }
    put_block(b);
    put_facts(&f, rc);
    return out;
}

const char *codec_said_of(const codec_wish *w, const void *bytes, size_t len)
{
    char *copy = malloc(len ? len : 1); /* ends where it ends */
    pe_error e = {0};
    codec *c = codec_open(w, &e);
    pe_block b = {0};

    CU_ASSERT_FATAL(copy != NULL);
    memcpy(copy, bytes, len);
    if (!c) {
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        snprintf(out, sizeof(out), "WISH: %s", e.text);
    } else {
        codec_said(c, &b, copy, len);
    }
    codec_close(c);
    pe_block_release(&b);
    free(copy);
    return out;
}
