/* energy.c - what a million points take in joules, by the number of ranks. */
#include <stdio.h>
#include <string.h>

#include "scale.h"

/* So long is a number of ranks looked at before its figure is believed, */
#define LEAST_S 20.0
/* ... and so much less has another one to take: figures go up and down. */
#define BETTER 0.9
#define LOOK_MOST_S 10.0 /* between two looks that follow each other */

static scale_cost *cost_of(scale_history *h, int ranks)
{
    scale_cost *least = h->cost;

    for (int i = 0; i < h->n_costs; i++)
        if (h->cost[i].ranks == ranks)
            return &h->cost[i];
    if (h->n_costs < SCALE_COSTS_MAX) {
        least = &h->cost[h->n_costs++];
    } else {
        for (int i = 1; i < h->n_costs; i++)
            if (h->cost[i].seconds < least->seconds)
                least = &h->cost[i];
    }
    *least = (scale_cost){.ranks = ranks};
    return least;
}

void scale_energy_look(const scale_facts *f, scale_history *h, int ranks)
{
    double s = (double)(f->now_ns - h->cost_ns) / 1e9;

    if (f->joules_known && ranks > 0 && ranks == h->cost_ranks && s > 0 &&
        s < LOOK_MOST_S && f->joules >= h->joules && f->points >= h->points) {
        scale_cost *c = cost_of(h, ranks);

        c->joules += f->joules - h->joules;
        c->points += f->points - h->points;
        c->seconds += s;
    }
    h->cost_ranks = f->joules_known ? ranks : 0;
    h->cost_ns = f->now_ns;
    h->joules = f->joules;
    h->points = f->points;
}

double scale_energy_cost(const scale_history *h, int ranks)
{
    for (int i = 0; i < h->n_costs; i++) {
        const scale_cost *c = &h->cost[i];

        if (c->ranks == ranks && c->seconds >= LEAST_S && c->points > 0 &&
            c->joules > 0)
            return c->joules / (c->points / 1e6);
    }
    return 0;
}

int scale_energy_ranks(const scale_history *h, int fewest, int most)
{
    double best = scale_energy_cost(h, fewest);
    int ranks = fewest;

    if (best <= 0) /* it is tried */
        return fewest;
    for (int i = 0; i < h->n_costs; i++) {
        int n = h->cost[i].ranks;
        double cost = scale_energy_cost(h, n);

        if (n > fewest && n <= most && cost > 0 && cost < BETTER * best) {
            best = cost;
            ranks = n;
        }
    }
    return ranks;
}

void scale_energy_words(const scale_facts *f, const scale_history *h, char *out,
                        size_t cap)
{
    const char *lead = "a million points take ";
    size_t at = 0;

    *out = '\0';
    for (int i = 0; i < h->n_costs && at < cap; i++) {
        double cost = scale_energy_cost(h, h->cost[i].ranks);

        if (cost <= 0)
            continue;
        at += (size_t)snprintf(out + at, cap - at, "%s%.4g J on %d rank%s",
                               lead, cost, h->cost[i].ranks,
                               h->cost[i].ranks == 1 ? "" : "s");
        lead = ", ";
    }
    if (at == 0)
        snprintf(out, cap, "%s",
                 f->joules_known ? "joules are measured, for too short a time"
                                 : "joules are not measured on its hosts, so "
                                   "the fewest ranks are taken for the least");
}
