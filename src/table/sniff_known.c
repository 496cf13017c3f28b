/* sniff_known.c - files that their first lines name: Campbell, LabVIEW. */
#include "sniff_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

/* Does record [i] begin with [word], in quotes or not? */
static bool begins(const sniffer *s, size_t i, const char *word)
{
    span r = s->rec[i].at;
    size_t n = strlen(word);

    r.at += r.at < r.end && *r.at == '"';
    return (size_t)(r.end - r.at) >= n && !memcmp(r.at, word, n);
}

/* --- Campbell loggers --- */

/* Environment, names, units, processing; rows. */
static int toa5(sniffer *s)
{
    bool old = begins(s, 0, "TOACI1"); /* environment, names */
    size_t lines = old ? 2 : 4;

    s->d->known = TABLE_TOA5;
    s->d->syntax.delimiter = ',';
    s->d->syntax.decimal = '.';
    s->d->syntax.comment[0] = '\0';
    if (s->n < lines)
        return 0;
    s->names = 1;
    s->units = old ? s->n : 2;
    s->first = lines;
    s->d->n = sniff_fields(s, 1);
    return s->d->n ? 1 : -1;
}

/* --- LabVIEW measurement files --- */

#define END_OF_HEADER "***End_of_Header***"

/* The record of [key], from [i] on and before an end of header; s->n: none. */
static size_t find_key(const sniffer *s, size_t i, const char *key)
{
    for (; i < s->n && !begins(s, i, END_OF_HEADER); i++)
        if (begins(s, i, key))
            return i;
    return s->n;
}

/* The value of [key] from record [i] on, cut to [cap]; "" : none. */
static void value_of(sniffer *s, size_t i, const char *key, char *out,
                     size_t cap)
{
    size_t at = find_key(s, i, key), n = 0;
    const char *from, *to;

    *out = '\0';
    if (at == s->n)
        return;
    from = s->rec[at].at.at + strlen(key);
    from += from < s->rec[at].at.end;
    for (to = from; to < s->rec[at].at.end && !strchr("\t\r\n", *to); to++)
        n++;
    n = n < cap - 1 ? n : cap - 1;
    memcpy(out, from, n);
    out[n] = '\0';
}

static size_t behind_header(const sniffer *s, size_t i)
{
    while (i < s->n && !begins(s, i, END_OF_HEADER))
        i++;
    return i < s->n ? i + 1 : s->n;
}

/* X values are seconds since the time that the section's header, or else the
 * file's, has.
 */
static void lvm_clock(sniffer *s, size_t section)
{
    stamp_format f = {.kind = STAMP_YMD,
                      .decimal = s->d->syntax.decimal,
                      .zone_s = s->w->stamp.zone_s};
    char day[40], clock[40], both[84], x[8];
    int64_t ns;

    value_of(s, 0, "X_Columns", x, sizeof(x));
    value_of(s, section, "Date", day, sizeof(day));
    value_of(s, section, "Time", clock, sizeof(clock));
    if (!*day || !*clock) {
        value_of(s, 0, "Date", day, sizeof(day));
        value_of(s, 0, "Time", clock, sizeof(clock));
    }
    /* More digits than nanoseconds have are of no use. */
    clock[18] = '\0';
    snprintf(both, sizeof(both), "%s %s", day, clock);
    if (!strcmp(x, "No") || !stamp_parse(&f, both, both + strlen(both), &ns))
        return;
    s->d->stamp = (stamp_format){.kind = STAMP_ELAPSED,
                                 .decimal = s->d->syntax.decimal,
                                 .zone_s = s->w->stamp.zone_s,
                                 .base_ns = ns};
    s->d->clock = 0;
}

static int lvm(sniffer *s)
{
    table_syntax *x = &s->d->syntax;
    char word[16];
    size_t section = behind_header(s, 1), names;

    s->d->known = TABLE_LVM;
    value_of(s, 1, "Separator", word, sizeof(word));
    x->delimiter = !strcmp(word, "Comma") ? ',' : '\t';
    value_of(s, 1, "Decimal_Separator", word, sizeof(word));
    x->decimal = *word == ',' ? ',' : '.';
    x->comment[0] = '\0';
    names = behind_header(s, section);
    if (names >= s->n)
        return 0;
    lvm_clock(s, section);
    s->names = names;
    s->units = find_key(s, section, "Y_Unit_Label");
    s->first = names + 1;
    if (s->first >= s->n)
        return 0;
    s->d->n = sniff_fields(s, s->first);
    s->d->has_blanks = true;
    return s->d->n ? 1 : -1;
}

int sniff_known(sniffer *s)
{
    if (s->n == 0)
        return 0;
    if (s->w->delimiter || s->w->header != TABLE_HEADER_AUTO)
        return 1;
    if (begins(s, 0, "TOA5") || begins(s, 0, "TOACI1"))
        return toa5(s);
    return begins(s, 0, "LabVIEW Measurement") ? lvm(s) : 1;
}
