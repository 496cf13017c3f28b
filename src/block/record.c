/* record.c - the envelope of a record: headers in DESIGN section 9. */
#include "record.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/text.h"

#define SECONDS_PER_DAY 86400
#define TIME_LEN 30

void record_source_fit(const char *source, char out[RECORD_SOURCE_MAX + 1])
{
    size_t len = strlen(source);
    const char *from = source;

    if (len <= RECORD_SOURCE_MAX) {
        memcpy(out, source, len + 1);
        return;
    }
    from += len - (RECORD_SOURCE_MAX - 3);
    while (((unsigned char)*from & 0xc0) == 0x80) /* within a character */
        from++;
    memcpy(out, "...", 3);
    memcpy(out + 3, from, strlen(from) + 1);
}

void record_clear(record_headers *r)
{
    r->n = 0;
    r->tags = 0;
    r->used = 0;
    r->overflow = 0;
}

void record_copy(record_headers *to, const record_headers *from)
{
    *to = *from;
    for (size_t i = 0; i < to->n; i++) {
        const char *v = from->h[i].value;

        if (v >= from->scratch && v < from->scratch + RECORD_SCRATCH)
            to->h[i].value = to->scratch + (v - from->scratch);
    }
}

/* A rank looks for half a dozen names in a dozen headers of every block, and
 * finds few of them.
 */
static unsigned char tag_of(const char *name)
{
    unsigned tag = (unsigned char)name[0];

    if (name[0] && name[1] && name[2] && name[3]) /* "pe_" is told by that */
        tag += 3u * (unsigned char)name[3] + 5u * (unsigned char)name[4];
    return (unsigned char)tag;
}

void record_add_borrowed(record_headers *r, const char *name, const void *value,
                         size_t len)
{
    unsigned char tag = tag_of(name);

    if (r->n == RECORD_HEADERS_MAX) {
        r->overflow = 1;
        return;
    }
    r->h[r->n++] = (record_header){name, value, len, tag};
    r->tags |= UINT32_C(1) << tag % 32;
}

/* Room for [len] bytes of scratch, or NULL. */
static char *scratch_take(record_headers *r, size_t len)
{
    if (len > RECORD_SCRATCH - r->used) {
        r->overflow = 1;
        return NULL;
    }
    char *p = r->scratch + r->used;
    r->used += len;
    return p;
}

void record_add(record_headers *r, const char *name, const char *value)
{
    size_t len = strlen(value);
    char *p = scratch_take(r, len);

    if (!p)
        return;
    memcpy(p, value, len);
    record_add_borrowed(r, name, p, len);
}

void record_add_u64(record_headers *r, const char *name, uint64_t value)
{
    char digits[20];
    size_t len = text_put_u64(digits, value);
    char *p = scratch_take(r, len);

    if (!p)
        return;
    memcpy(p, digits, len);
    record_add_borrowed(r, name, p, len);
}

void record_add_i64(record_headers *r, const char *name, int64_t value)
{
    char digits[21] = "-";
    int sign = value < 0;
    uint64_t size = sign ? -(uint64_t)value : (uint64_t)value;
    size_t len = sign + text_put_u64(digits + sign, size);
    char *p = scratch_take(r, len);

    if (!p)
        return;
    memcpy(p, digits, len);
    record_add_borrowed(r, name, p, len);
}

const record_header *record_find(const record_headers *r, const char *name)
{
    unsigned char tag = tag_of(name);

    if (!(r->tags & UINT32_C(1) << tag % 32))
        return NULL;
    for (size_t i = r->n; i > 0; i--)
        if (r->h[i - 1].tag == tag && !strcmp(r->h[i - 1].name, name))
            return &r->h[i - 1];
    return NULL;
}

/* [value] as [width] digits at [out]. */
static char *put_digits(char *out, unsigned value, int width)
{
    for (int i = width; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + width;
}

/* "YYYY-MM-DD" of the day [days] after 1970-01-01: proleptic Gregorian
 * calendar in years that start in March, so that a leap day is the last day
 * of its year, and eras of 400 years = 146097 days.  [days] is that of an
 * int64 of nanoseconds, 719468 days make it positive.
 */
static char *put_date(char *out, int64_t days)
{
    unsigned z = (unsigned)(days + 719468);
    unsigned era = z / 146097;
    unsigned day_of_era = z % 146097;
    unsigned year_of_era = (day_of_era - day_of_era / 1460 +
                            day_of_era / 36524 - day_of_era / 146096) /
                           365;
    unsigned day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * day_of_year + 2) / 153;
    unsigned day = day_of_year - (153 * march_month + 2) / 5 + 1;
    unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;
    unsigned year = era * 400 + year_of_era + (month <= 2);

    out = put_digits(out, year, 4);
    *out++ = '-';
    out = put_digits(out, month, 2);
    *out++ = '-';
    return put_digits(out, day, 2);
}

/* TIME_LEN bytes, no NUL. */
static void put_time(char *out, int64_t ns)
{
    int64_t seconds = ns / CLOCK_S;
    int64_t rest = ns % CLOCK_S;

    if (rest < 0) {
        rest += CLOCK_S;
        seconds--;
    }
    int64_t days = seconds / SECONDS_PER_DAY;
    int64_t second = seconds % SECONDS_PER_DAY;
    if (second < 0) {
        second += SECONDS_PER_DAY;
        days--;
    }
    unsigned s = (unsigned)second;
    out = put_date(out, days);
    *out++ = 'T';
    out = put_digits(out, s / 3600, 2);
    *out++ = ':';
    out = put_digits(out, s / 60 % 60, 2);
    *out++ = ':';
    out = put_digits(out, s % 60, 2);
    *out++ = '.';
    out = put_digits(out, (unsigned)rest, 9);
    *out = 'Z';
}

void record_time(int64_t ns, char *out, size_t cap)
{
    if (cap <= TIME_LEN) {
        if (cap > 0)
            out[0] = '\0';
        return;
    }
    put_time(out, ns);
    out[TIME_LEN] = '\0';
}

/* DEVICE/BOOT/SEQ */
static void add_id(record_headers *r, const pe_block *b, const char *device,
                   size_t device_len)
{
    char numbers[42] = "/";
    size_t n = 1;

    n += text_put_u64(numbers + n, b->boot);
    numbers[n++] = '/';
    n += text_put_u64(numbers + n, b->seq);
    char *p = scratch_take(r, device_len + n);
    if (!p)
        return;
    memcpy(p, device, device_len);
    memcpy(p + device_len, numbers, n);
    record_add_borrowed(r, "ce_id", p, device_len + n);
}

/* /pilot-edge/RUN/DEVICE */
static void add_source(record_headers *r, const char *run, const char *device,
                       size_t device_len)
{
    static const char root[] = "/pilot-edge/";
    size_t run_len = strlen(run);
    size_t len = sizeof(root) - 1 + run_len + 1 + device_len;
    char *p = scratch_take(r, len);

    if (!p)
        return;
    memcpy(p, root, sizeof(root) - 1);
    memcpy(p + sizeof(root) - 1, run, run_len);
    p[sizeof(root) - 1 + run_len] = '/';
    memcpy(p + len - device_len, device, device_len);
    record_add_borrowed(r, "ce_source", p, len);
}

static void add_time(record_headers *r, int64_t ns)
{
    char *p = scratch_take(r, TIME_LEN);

    if (!p)
        return;
    put_time(p, ns);
    record_add_borrowed(r, "ce_time", p, TIME_LEN);
}

#define ADD_CONSTANT(r, name, text) \
    record_add_borrowed((r), (name), (text), sizeof(text) - 1)

int record_encode(record_headers *r, const char *run, const char *stage,
                  const pe_block *b, pe_error *errp)
{
    const char *device = b->device ? b->device : "";
    size_t device_len = strlen(device);
    size_t source_len = b->source ? strlen(b->source) : 0;

    record_clear(r);
    ADD_CONSTANT(r, "ce_specversion", "1.0");
    ADD_CONSTANT(r, "ce_type", "org.pilot-edge.block.v1");
    ADD_CONSTANT(r, "content-type", "application/x-npy");
    if (b->has_seq) {
        add_id(r, b, device, device_len);
        record_add_u64(r, "pe_seq", b->seq);
        record_add_u64(r, "pe_boot", b->boot);
    }
    add_source(r, run, device, device_len);
    record_add(r, "pe_stage", stage);
    if (b->sense_ns) {
        add_time(r, b->sense_ns);
        record_add_i64(r, "pe_sense_ns", b->sense_ns);
    }
    if (b->edge_ns)
        record_add_i64(r, "pe_edge_ns", b->edge_ns);
    if (b->version)
        record_add_u64(r, "pe_model", b->version);
    if (b->source)
        record_add_borrowed(r, "pe_source", b->source, source_len);
    if (r->overflow || source_len > RECORD_SOURCE_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "the headers of a record of device '%.64s' do "
                            "not fit; shorten the names of run, stage, "
                            "device or source",
                            device);
    return 0;
}

void record_retype(record_headers *r, const char *type, const char *content)
{
    for (size_t i = 0; i < r->n; i++) {
        record_header *h = &r->h[i];
        const char *to = !strcmp(h->name, "ce_type")        ? type
                         : !strcmp(h->name, "content-type") ? content
                                                            : NULL;

        if (to)
            *h = (record_header){h->name, to, strlen(to), h->tag};
    }
}

static int refuse(pe_error *errp, const char *name, const char *why)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "header %s %s",
                        name, why);
}

static int decode_u64(const record_header *h, uint64_t *valuep, pe_error *errp)
{
    uint64_t value = 0;

    if (!h->value || h->len == 0)
        return refuse(errp, h->name, "has no value");
    for (size_t i = 0; i < h->len; i++) {
        unsigned digit = (unsigned char)h->value[i] - (unsigned)'0';
        if (digit > 9)
            return refuse(errp, h->name, "is not a whole number");
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, digit, &value))
            return refuse(errp, h->name, "is larger than 64 bits");
    }
    *valuep = value;
    return 0;
}

/* The largest numbers are nobody's: what follows them would be none. */
int record_number(const record_header *h, uint64_t *valuep, pe_error *errp)
{
    if (decode_u64(h, valuep, errp) < 0)
        return -1;
    if (*valuep > RECORD_NUMBER_MAX)
        return refuse(errp, h->name, "is larger than 62 bits");
    return 0;
}

static int decode_ns(const record_header *h, int64_t *nsp, pe_error *errp)
{
    record_header size = *h;
    uint64_t value;
    int sign = h->value && h->len > 1 && h->value[0] == '-';

    size.value += sign;
    size.len -= sign;
    if (decode_u64(&size, &value, errp) < 0)
        return -1;
    if (value > INT64_MAX)
        return refuse(errp, h->name, "is larger than 63 bits");
    *nsp = sign ? -(int64_t)value : (int64_t)value;
    return 0;
}

static int decode_text(const record_header *h, char *buf, size_t cap,
                       const char **textp, pe_error *errp)
{
    if (!h->value || memchr(h->value, '\0', h->len))
        return refuse(errp, h->name, "is not text");
    if (h->len >= cap)
        return refuse(errp, h->name, "is too long");
    memcpy(buf, h->value, h->len);
    buf[h->len] = '\0';
    *textp = buf;
    return 0;
}

/* What has been read: the block's fields, and which of the two halves of its
 * identity were there.
 */
typedef struct decoded {
    pe_block b;
    int has_seq, has_boot;
} decoded;

/* One "pe_" header; names that are not ours, or not for the block, are left
 * alone.
 */
static int decode_header(const record_header *h, decoded *d, char *buf,
                         size_t cap, pe_error *errp)
{
    const char *name = h->name + 3;

    switch (name[0]) {
    case 's':
        if (!strcmp(name, "seq")) {
            d->has_seq = 1;
            return record_number(h, &d->b.seq, errp);
        }
        if (!strcmp(name, "sense_ns"))
            return decode_ns(h, &d->b.sense_ns, errp);
        if (!strcmp(name, "source"))
            return decode_text(h, buf, cap, &d->b.source, errp);
        return 0;
    case 'b':
        if (!strcmp(name, "boot")) {
            d->has_boot = 1;
            return record_number(h, &d->b.boot, errp);
        }
        return 0;
    case 'e':
        if (!strcmp(name, "edge_ns"))
            return decode_ns(h, &d->b.edge_ns, errp);
        return 0;
    case 'm':
        if (!strcmp(name, "model"))
            return decode_u64(h, &d->b.version, errp);
        return 0;
    default:
        return 0;
    }
}

int record_decode(const record_headers *r, pe_block *b, char *buf, size_t cap,
                  pe_error *errp)
{
    decoded d = {.has_seq = 0};

    for (size_t i = 0; i < r->n; i++) {
        const char *name = r->h[i].name;
        if (name[0] != 'p' || name[1] != 'e' || name[2] != '_')
            continue;
        if (decode_header(&r->h[i], &d, buf, cap, errp) < 0)
            return -1;
    }
    b->has_seq = d.has_seq && d.has_boot;
    b->boot = d.b.boot;
    b->seq = d.b.seq;
    b->sense_ns = d.b.sense_ns;
    b->edge_ns = d.b.edge_ns;
    b->version = d.b.version;
    b->source = d.b.source;
    return 0;
}
