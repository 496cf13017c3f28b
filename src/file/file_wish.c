/* file_wish.c - the options of `file` that say how a text is written. */
#include "file_wish.h"

#include <string.h>

#include "src/common/text.h"

#define HEADER_MAX 100

/* The character that a word, or itself, names; 0: to be found. */
static char mark_of(const char *word)
{
    static const struct {
        const char *word;
        char mark;
    } marks[] = {{"auto", 0},   {"comma", ','}, {"semicolon", ';'},
                 {"tab", '\t'}, {"space", ' '}, {"pipe", '|'},
                 {"point", '.'}};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (!strcmp(marks[i].word, word))
            return marks[i].mark;
    return *word;
}

static int header_of(const char *word, int *headerp, pe_error *errp)
{
    int64_t n;

    if (!strcmp(word, "auto"))
        *headerp = TABLE_HEADER_AUTO;
    else if (!strcmp(word, "yes"))
        *headerp = TABLE_HEADER_YES;
    else if (!strcmp(word, "no"))
        *headerp = TABLE_HEADER_NO;
    else if (text_parse_int(word, &n) == 0 && n >= 0 && n <= HEADER_MAX)
        *headerp = n ? (int)n : TABLE_HEADER_NO;
    else
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "header: '%s' is none of auto, yes, no, and no "
                            "number of lines up to %d",
                            word, HEADER_MAX);
    return 0;
}

static const char *given(const pe_options *o, const char *name)
{
    return pe_options_has(o, name) ? pe_options_string(o, name) : NULL;
}

int file_wish(const pe_options *o, table_wish *w, pe_error *errp)
{
    const char *comment = given(o, "comment"), *format = given(o, "format");

    *w = (table_wish){
        .delimiter = mark_of(pe_options_string(o, "delimiter")),
        .decimal = mark_of(pe_options_string(o, "decimal")),
        .comment = comment && !strcmp(comment, "none") ? "" : comment,
        .skip = (uint64_t)pe_options_int(o, "skip"),
        .missing = given(o, "missing"),
        .columns = given(o, "columns"),
        .exclude = given(o, "exclude"),
        .time = given(o, "time"),
        .latin1 = !strcmp(pe_options_string(o, "encoding"), "latin1"),
    };
    if (comment && strlen(w->comment) >= sizeof(((table_syntax *)0)->comment))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "comment: '%s' is too long", comment);
    if (header_of(pe_options_string(o, "header"), &w->header, errp) < 0 ||
        (format && stamp_word(format, &w->stamp, errp) < 0))
        return -1;
    return stamp_zone(pe_options_string(o, "zone"), &w->stamp.zone_s, errp);
}
