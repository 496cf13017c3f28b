/* codec_items.h - records as the packages of others make them
 * (tests/data/codecs.txt).
 */
#ifndef TESTS_CODEC_ITEMS_H
#define TESTS_CODEC_ITEMS_H

#include <stddef.h>

#define CODEC_ITEMS 64

typedef struct codec_item {
    const char *name;
    unsigned char *bytes;
    size_t len;
} codec_item;

/* All of them, once the first was asked for. */
extern codec_item codec_items[CODEC_ITEMS];
extern size_t codec_n_items;

/* The one of that name; there is one. */
const codec_item *codec_record(const char *name);
/* At the end of the program. */
void codec_items_free(void);

#endif
