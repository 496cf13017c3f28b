/* segments.c - heads and rows out of a log, and where it is torn. */
#include "segments.h"

#include <stdlib.h>
#include <string.h>

/* Longest head of a pilot to come. */
#define HEAD_MAX 65536

static int refuse(const segments *g, const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s %s", g->name,
                        why);
}

static void end_strings(layout_head *h)
{
    h->kind[sizeof(h->kind) - 1] = '\0';
    h->run[sizeof(h->run) - 1] = '\0';
    h->pilot[sizeof(h->pilot) - 1] = '\0';
    h->member[sizeof(h->member) - 1] = '\0';
    h->host[sizeof(h->host) - 1] = '\0';
}

static int check_head(segments *g, pe_error *errp)
{
    const layout_head *h = &g->head;

    if (memcmp(h->magic, LAYOUT_MAGIC, sizeof(h->magic)) != 0)
        return refuse(g, "is no log of a trace", errp);
    if (h->order != LAYOUT_ORDER)
        return refuse(g, "was written on a machine of another byte order",
                      errp);
    if (h->layout > LAYOUT_VERSION || h->bytes != sizeof(*h))
        return refuse(g, "was written by a newer pilot: read it with that one",
                      errp);
    if (!layout_head_check(h))
        return refuse(g,
                      "is damaged in its first bytes: move it away, and the "
                      "others are read",
                      errp);
    end_strings(&g->head);
    return 1;
}

int segments_open(segments *g, FILE *f, const char *name, pe_error *errp)
{
    size_t got;

    *g = (segments){.f = f, .name = strdup(name)};
    if (!g->name)
        return pe_error_nomem(errp);
    got = fread(&g->head, 1, sizeof(g->head), f);
    if (got < sizeof(g->head)) {
        size_t n = got < sizeof(g->head.magic) ? got : sizeof(g->head.magic);

        if (memcmp(g->head.magic, LAYOUT_MAGIC, n) != 0)
            return refuse(g, "is no log of a trace", errp);
        g->head = (layout_head){0};
        return 0;
    }
    g->at = sizeof(g->head);
    return check_head(g, errp);
}

void segments_close(segments *g)
{
    if (g->f)
        fclose(g->f);
    free(g->name);
    free(g->data);
    *g = (segments){0};
}

void segments_rewind(segments *g)
{
    rewind(g->f);
    g->at = sizeof(g->head);
    fseek(g->f, (long)g->at, SEEK_SET);
    g->s = (layout_segment){0};
    g->row = 0;
}

static int room(segments *g, size_t n, pe_error *errp)
{
    unsigned char *more;

    if (n <= g->cap)
        return 0;
    more = realloc(g->data, n);
    if (!more)
        return pe_error_nomem(errp);
    g->data = more;
    g->cap = n;
    return 0;
}

/* Do the numbers of its head fit each other? */
static bool fits(const layout_segment *s)
{
    return layout_row(s->kind) == 0 ||
           (s->row > 0 && (uint64_t)s->row * s->n == s->bytes);
}

int segments_next(segments *g, enum segments_word *wordp, pe_error *errp)
{
    layout_segment s;
    size_t got = fread(&s, 1, sizeof(s), g->f);

    g->row = 0;
    g->s = (layout_segment){0};
    *wordp = got ? SEGMENTS_TORN : SEGMENTS_END;
    if (got < sizeof(s) || !layout_segment_check(&s) || !fits(&s))
        return 0;
    if (room(g, s.bytes, errp) < 0)
        return -1;
    if (fread(g->data, 1, s.bytes, g->f) < s.bytes ||
        !layout_payload_check(&s, g->data))
        return 0;
    g->s = s;
    g->at += sizeof(s) + s.bytes;
    *wordp = SEGMENTS_ONE;
    return 0;
}

void segments_row(const segments *g, uint32_t i, void *row)
{
    size_t ours = layout_row(g->s.kind);
    size_t n = g->s.row < ours ? g->s.row : ours;

    memset(row, 0, ours);
    memcpy(row, g->data + (size_t)i * g->s.row, n);
}
