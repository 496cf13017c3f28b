/* codec_items.c - records as the packages of others make them. */
#include "codec_items.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "unit.h"

static char *file;
codec_item codec_items[CODEC_ITEMS];
size_t codec_n_items;

static int digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10;
}

/* "NAME 00ff...": in place. */
static void take_line(char *line)
{
    char *hex = strchr(line, ' ');
    codec_item *r = &codec_items[codec_n_items];

    if (*line == '#' || !hex)
        return;
    CU_ASSERT_FATAL(codec_n_items < CODEC_ITEMS);
    codec_n_items++;
    *hex++ = '\0';
    r->name = line;
    r->bytes = (unsigned char *)hex;
    for (r->len = 0; hex[2 * r->len]; r->len++)
        r->bytes[r->len] = (unsigned char)(digit(hex[2 * r->len]) * 16 +
                                           digit(hex[2 * r->len + 1]));
}

const codec_item *codec_record(const char *name)
{
    const char *top = getenv("top_srcdir");
    char *path = text_format("%s/tests/data/codecs.txt", top ? top : ".");
    char *rest = NULL;

    if (!file) {
        file = file_read(path, 1 << 20, NULL, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(file);
        for (char *l = strtok_r(file, "\n", &rest); l;
             l = strtok_r(NULL, "\n", &rest))
            take_line(l);
    }
    free(path);
    for (size_t i = 0; i < codec_n_items; i++)
        if (!strcmp(codec_items[i].name, name))
            return &codec_items[i];
    CU_FAIL_FATAL("there is no such record");
    return NULL;
}

void codec_items_free(void)
{
    free(file);
    file = NULL;
    codec_n_items = 0;
}
