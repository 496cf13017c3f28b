/* builtin.c - table of the functions that ship with the program. */
#include "builtin.h"

#include <string.h>

static const builtin table[] = {
    {.ops = &generator_function,
     .rereadable = true,
     .framed = generator_framed},
    {.ops = &file_function, .rereadable = true, .once = file_once},
    {.ops = &proc_function},
    {.ops = &score_function, .scores = true},
    {.ops = &standardise_function, .checked = true},
    {.ops = &select_function, .checked = true},
    {.ops = &aggregate_function, .checked = true},
    {.ops = &filter_function, .scores = true},
};

#define TABLE_LEN (sizeof(table) / sizeof(table[0]))

/* In the order of the table. */
static const char *const names[] = {"generator", "file",        "proc",
                                    "score",     "standardise", "select",
                                    "aggregate", "filter",      NULL};
const char builtin_words[] =
    "generator file proc score standardise select aggregate filter";

const builtin *builtin_of(const pe_function *ops)
{
    for (size_t i = 0; i < TABLE_LEN; i++)
        if (table[i].ops == ops)
            return &table[i];
    return NULL;
}

const builtin *builtin_find(const char *name)
{
    for (size_t i = 0; i < TABLE_LEN; i++)
        if (!strcmp(names[i], name))
            return &table[i];
    return NULL;
}

const char *const *builtin_names(void)
{
    return names;
}
