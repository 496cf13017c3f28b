/* builtin.c - table of the functions that ship with the program. */
#include "builtin.h"

#include <string.h>

#include "src/common/text.h"
#include "src/file/file.h"
#include "src/program/call.h"
#include "src/program/exec.h"

static const builtin table[] = {
    {.ops = &generator_function,
     .rereadable = true,
     .prompt = true,
     .framed = generator_framed,
     .check = generator_check},
    {.ops = &file_function,
     .rereadable = true,
     .once = file_once,
     .ends = file_ends},
    {.ops = &proc_function},
    {.ops = &score_function, .scores = true, .columns = builtin_columns},
    {.ops = &standardise_function, .checked = true, .columns = builtin_columns},
    {.ops = &select_function,
     .prompt = true,
     .checked = true,
     .columns = select_columns},
    {.ops = &aggregate_function,
     .prompt = true,
     .checked = true,
     .columns = aggregate_columns},
    {.ops = &filter_function, .scores = true, .columns = builtin_columns},
    {.ops = &drift_function,
     .checked = true,
     .scores = true,
     .unscored = drift_unscored,
     .named = drift_named,
     .columns = builtin_columns},
    {.ops = &write_function,
     .checked = true,
     .scores = true,
     .unscored = write_unscored,
     .columns = builtin_columns,
     .named = write_named,
     .settle = write_settle,
     .sync = write_sync,
     .finish = write_finish},
    {.ops = &exec_function,
     .outside = true,
     .check = exec_check,
     .lend = exec_lend},
    {.ops = &call_function, .outside = true, .check = call_check},
};

#define TABLE_LEN (sizeof(table) / sizeof(table[0]))

/* In the order of the table. */
static const char *const names[] = {
    "generator", "file",      "proc",   "score", "standardise",
    "select",    "aggregate", "filter", "drift", "write",
    "exec",      "call",      NULL};
const char builtin_words[] =
    "generator file proc score standardise select aggregate filter drift write "
    "exec call";

int builtin_columns(const pe_options *o, const char *list, text *out)
{
    (void)o;
    text_add_bytes(out, list, strlen(list));
    return out->failed ? -1 : 0;
}

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
