/* file_facts.c - what a file holds, for people. */
#include "file_facts.h"

#include <stdlib.h>

void file_facts_free(file_facts *f)
{
    if (!f)
        return;
    for (size_t j = 0; f->columns && j < f->n; j++) {
        free(f->columns[j].name);
        free(f->columns[j].unit);
        free(f->columns[j].use);
    }
    free(f->columns);
    free(f->kind);
    free(f->first_left);
    free(f->line);
    text_free(&f->options);
    *f = (file_facts){0};
}
