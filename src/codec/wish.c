/* wish.c - the options that say how records of others are read. */
#include "wish.h"

#include <string.h>

const pe_option_spec codec_options[] = {CODEC_OPTIONS, {0}};

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

static const char *given(const pe_options *o, const char *name)
{
    return pe_options_has(o, name) ? pe_options_string(o, name) : NULL;
}

codec_wish codec_wish_of(const pe_options *o)
{
    return (codec_wish){
        .codec = pe_options_string(o, "codec"),
        .columns = given(o, "columns"),
        .time = given(o, "time"),
        .rows = given(o, "rows"),
        .frames = pe_options_bool(o, "frames"),
        .delimiter = mark_of(pe_options_string(o, "delimiter")),
        .decimal = mark_of(pe_options_string(o, "decimal")),
    };
}

const char *codec_wish_name(const char *name, bool listed, char *out)
{
    size_t n = strlen(name);
    bool quoted = listed && (strchr(name, ',') || *name == '"' ||
                             *name == ' ' || (n && name[n - 1] == ' '));
    const char *around = quoted ? "\\\"" : "";
    char *to = stpcpy(out, around);

    for (; *name; name++) {
        if (*name == '"' || *name == '\\')
            *to++ = '\\';
        *to++ = *name;
        if (quoted && *name == '"') /* doubled */
            to = stpcpy(to, around);
    }
    stpcpy(to, around);
    return out;
}

void codec_wish_each(const pe_options *o,
                     void (*visit)(void *arg, const char *name,
                                   const char *said),
                     void *arg)
{
    for (const pe_option_spec *s = codec_options; s->name; s++) {
        const char *said = pe_options_text(o, s->name);

        if (said && (!s->def || strcmp(said, s->def) != 0))
            visit(arg, s->name, said);
    }
}
