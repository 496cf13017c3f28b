/* file_facts.c - what a file holds, for people. */
#include "file_facts.h"

#include <math.h>
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
    free(f->listing);
    text_free(&f->options);
    *f = (file_facts){0};
}

#define DOMINANT 0.99

void file_fact_take(file_fact *c, double x)
{
    double off = x - c->mean;

    c->least = !c->has_range || x < c->least ? x : c->least;
    c->most = !c->has_range || x > c->most ? x : c->most;
    c->has_range = true;
    c->values++;
    c->mean += off / (double)c->values;
    c->square += off * (x - c->mean);
}

double file_facts_dominant(const file_facts *f, size_t *columnp)
{
    double sum = 0, most = 0;
    size_t vary = 0;

    for (size_t j = 0; j < f->n; j++) {
        const file_fact *c = &f->columns[j];
        double variance = c->learned && c->has_range && isfinite(c->square)
                              ? c->square / (double)c->values
                              : 0;

        vary += variance > 0;
        sum += variance;
        if (variance <= most)
            continue;
        most = variance;
        *columnp = j;
    }
    return vary > 1 && most > DOMINANT * sum ? most / sum : 0;
}

double file_facts_mark(const file_facts *f, size_t *columnp, size_t *np)
{
    static const double marks[] = {-999,  -999.25, -6999,  -7999,
                                   -9999, -99999,  -999999};

    *np = 0;
    for (size_t k = 0; *np == 0 && k < sizeof(marks) / sizeof(*marks); k++)
        for (size_t j = f->n; j-- > 0;) {
            const file_fact *c = &f->columns[j];

            if (!c->learned || !c->has_range || c->least != marks[k] ||
                c->most <= marks[k])
                continue;
            *columnp = j;
            ++*np;
        }
    return *np > 0 ? f->columns[*columnp].least : 0;
}
