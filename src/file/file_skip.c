/* file_skip.c - what is said of rows and fields that are not taken. */
#include "file_skip.h"

#include <stdio.h>

#include "src/common/text.h"

static const char *column_name(const table_dialect *d, const table_skip *s)
{
    return s->column >= 0 ? d->columns[s->column].name : "";
}

void file_skip_words(const table_dialect *d, const table_skip *s, char *out,
                     size_t cap)
{
    const char *name = column_name(d, s);

    switch (s->reason) {
    case TABLE_ROW_NUL:
        snprintf(out, cap, "the row holds NUL bytes and is left out");
        break;
    case TABLE_ROW_FIELDS:
        snprintf(out, cap,
                 "the row has %zu field%s, the others have %zu; it is left out",
                 s->fields, text_s(s->fields), d->n);
        break;
    case TABLE_ROW_QUOTE:
        snprintf(out, cap, "a quote is left open; the line is left out");
        break;
    case TABLE_ROW_LONG:
        snprintf(out, cap, "the row is longer than 16 MiB and is left out");
        break;
    case TABLE_FIELD_EMPTY:
        snprintf(out, cap, "column %.60s is empty; it becomes NaN", name);
        break;
    case TABLE_FIELD_MISSING:
        snprintf(out, cap, "column %.60s, '%s', is no value; it becomes NaN",
                 name, s->text);
        break;
    case TABLE_FIELD_TEXT:
        snprintf(out, cap,
                 "column %.60s, '%s', is not a number; it becomes "
                 "NaN",
                 name, s->text);
        break;
    case TABLE_FIELD_RANGE:
        snprintf(out, cap,
                 "column %.60s, '%s', is beyond what models take (3.4e38); "
                 "its row is masked",
                 name, s->text);
        break;
    }
}

void file_skip_reason(const table_dialect *d, const table_skip *s, char *out,
                      size_t cap)
{
    static const char *const words[] = {
        [TABLE_ROW_NUL] = "NUL bytes",
        [TABLE_ROW_FIELDS] = "another number of fields",
        [TABLE_ROW_QUOTE] = "a quote left open",
        [TABLE_ROW_LONG] = "longer than 16 MiB",
        [TABLE_FIELD_EMPTY] = "empty",
        [TABLE_FIELD_MISSING] = "no value",
        [TABLE_FIELD_TEXT] = "no number",
        [TABLE_FIELD_RANGE] = "too large",
    };

    if (s->column >= 0)
        snprintf(out, cap, "column %.24s is %s", column_name(d, s),
                 words[s->reason]);
    else
        snprintf(out, cap, "%s", words[s->reason]);
}

bool file_skip_is_bad(const table_skip *s)
{
    return s->reason != TABLE_FIELD_EMPTY && s->reason != TABLE_FIELD_MISSING;
}
