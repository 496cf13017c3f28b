/* wire.c - what stands in Redis, as text: keys, fields, values, answers. */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/login/seal.h"

#define RUN_MAX 128

/* --- keys --- */

static const char *const key_names[] = {
    [PARAMS_KEY_STATE] = "state",       [PARAMS_KEY_MODEL] = "model",
    [PARAMS_KEY_FIRST] = "first",       [PARAMS_KEY_FENCE] = "fence",
    [PARAMS_KEY_ENDS] = "ends",         [PARAMS_KEY_PILOTS] = "pilots",
    [PARAMS_KEY_ORDERS] = "orders",     [PARAMS_KEY_LEASES] = "leases",
    [PARAMS_KEY_CONTROL] = "control",   [PARAMS_KEY_SHARED] = "shared",
    [PARAMS_KEY_BOOTS] = "boots",       [PARAMS_KEY_HOME] = "home",
    [PARAMS_KEY_COMMITS] = "commits",   [PARAMS_KEY_STAGES] = "stages",
    [PARAMS_KEY_FILES] = "files",       [PARAMS_KEY_PLACES] = "places",
    [PARAMS_KEY_KEEPER] = "keeper",     [PARAMS_KEY_SCALE] = "scale",
    [PARAMS_KEY_EVENTS] = "events",     [PARAMS_KEY_NEXT] = "next",
    [PARAMS_KEY_SUSPECTS] = "suspects", [PARAMS_KEY_TASKS] = "tasks",
    [PARAMS_KEY_SLICES] = "slices",     [PARAMS_KEY_CLAIMS] = "claims",
    [PARAMS_KEY_REPLAYS] = "replays",   [PARAMS_KEY_TRIALS] = "trials",
    [PARAMS_CHANNEL] = "announce",
};

const char *params_key_word(size_t i)
{
    return i < sizeof(key_names) / sizeof(key_names[0]) ? key_names[i] : NULL;
}

static int run_check(const char *run, pe_error *errp)
{
    size_t len = run ? strlen(run) : 0;

    for (size_t i = 0; i < len; i++)
        if (run[i] <= ' ' || run[i] > '~' || run[i] == '{' || run[i] == '}')
            len = 0;
    if (len == 0 || len > RUN_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "'%s' is no run id: it must be 1 to %d printable "
                            "ASCII characters without blanks and braces",
                            run ? run : "", RUN_MAX);
    return 0;
}

char *params_key_name(const char *run, enum params_key key, pe_error *errp)
{
    char *name;

    if (run_check(run, errp) < 0)
        return NULL;
    name = text_format("pilot:{%s}:%s", run, key_names[key]);
    if (!name)
        pe_error_nomem(errp);
    return name;
}

/* --- numbers and ids --- */

/* A number at *sp that is followed by [end]; *sp moves behind both. */
static int take_number(const char **sp, char end, uint64_t max,
                       uint64_t *valuep)
{
    const char *s = *sp;
    uint64_t value = 0;

    if (*s < '0' || *s > '9')
        return -1;
    for (; *s >= '0' && *s <= '9'; s++) {
        uint64_t digit = (uint64_t)(*s - '0');
        if (digit > max || value > (max - digit) / 10)
            return -1;
        value = value * 10 + digit;
    }
    if (*s != end)
        return -1;
    *sp = end ? s + 1 : s;
    *valuep = value;
    return 0;
}

int params_number_parse(const char *s, uint64_t max, uint64_t *valuep)
{
    return s ? take_number(&s, '\0', max, valuep) : -1;
}

int params_id_check(const char *s)
{
    if (!s || strlen(s) != PE_COMMIT_ID_LEN)
        return -1;
    return strspn(s, "0123456789abcdef") == PE_COMMIT_ID_LEN ? 0 : -1;
}

/* --- fields of hashes --- */

static int field_refuse(pe_error *errp, const char *field, const char *value,
                        const char *form)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "field '%.200s' with value '%.200s' is not %s: some "
                        "other program wrote to the keys of this run",
                        field, value, form);
}

static int name_copy(const char *from, size_t len, char **namep, pe_error *errp)
{
    *namep = strndup(from, len);
    return *namep ? 0 : pe_error_nomem(errp);
}

int params_offset_parse(const char *field, const char *value, void *item,
                        pe_error *errp)
{
    params_offset *o = item;
    const char *slash = strrchr(field, '/'), *at = value;
    bool marked = strchr(value, '/') != NULL;
    uint64_t partition, next, mark = 0;

    if (!slash || slash == field ||
        params_number_parse(slash + 1, INT32_MAX, &partition) < 0 ||
        take_number(&at, marked ? '/' : '\0', INT64_MAX, &next) < 0 ||
        (marked && take_number(&at, '\0', UINT64_MAX, &mark) < 0))
        return field_refuse(errp, field, value,
                            "TOPIC/PARTITION -> OFFSET[/MARK]");
    o->partition = (int32_t)partition;
    o->next = (int64_t)next;
    o->mark = mark;
    return name_copy(field, (size_t)(slash - field), &o->topic, errp);
}

int params_device_parse(const char *field, const char *value, void *item,
                        pe_error *errp)
{
    params_device *d = item;
    const char *at = value;
    uint64_t partition;

    if (!*field || take_number(&at, '/', INT32_MAX, &partition) < 0 ||
        take_number(&at, '/', UINT64_MAX, &d->boot) < 0 ||
        take_number(&at, '\0', UINT64_MAX, &d->seq) < 0)
        return field_refuse(errp, field, value, "DEVICE -> PARTITION/BOOT/SEQ");
    d->partition = (int32_t)partition;
    return name_copy(field, strlen(field), &d->device, errp);
}

int params_end_parse(const char *field, const char *value, void *item,
                     pe_error *errp)
{
    params_end *e = item;
    const char *at = value;
    uint64_t partition, next;
    const char *sign = strchr(value, ' ');
    char plain[64];

    if (!*field || take_number(&at, '/', INT32_MAX, &partition) < 0)
        return field_refuse(errp, field, value, "DEVICE -> PARTITION/OFFSET");
    /* A signature behind a blank is for who has keys (ends.c). */
    if (sign && strlen(sign + 1) != SEAL_HEX)
        return field_refuse(errp, field, value,
                            "DEVICE -> PARTITION/OFFSET[/dead] [SIGNATURE]");
    snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(at, " "), at);
    at = plain;
    e->dead = strchr(at, '/') != NULL;
    if (take_number(&at, e->dead ? '/' : '\0', INT64_MAX, &next) < 0 ||
        strcmp(at, e->dead ? "dead" : "") != 0)
        return field_refuse(errp, field, value,
                            "DEVICE -> PARTITION/OFFSET[/dead]");
    e->partition = (int32_t)partition;
    e->next = (int64_t)next;
    return name_copy(field, strlen(field), &e->device, errp);
}

/* --- leases --- */

/* "7" or "0-3" at *sp, which moves behind it and behind a comma; a list ends
 * with its text, or where facts begin.
 */
static int range_take(const char **sp, int32_t *lowp, int32_t *highp)
{
    size_t n = strcspn(*sp, ",/");
    char piece[32], *dash;
    uint64_t low, high;

    if (n >= sizeof(piece) ||
        ((*sp)[n] == ',' && (!(*sp)[n + 1] || (*sp)[n + 1] == '/')))
        return -1;
    memcpy(piece, *sp, n);
    piece[n] = '\0';
    dash = strchr(piece, '-');
    if (dash)
        *dash++ = '\0';
    if (params_number_parse(piece, PARAMS_PARTITIONS_MAX - 1, &low) < 0 ||
        params_number_parse(dash ? dash : piece, PARAMS_PARTITIONS_MAX - 1,
                            &high) < 0)
        return -1;
    *sp += n + ((*sp)[n] == ',');
    *lowp = (int32_t)low;
    *highp = (int32_t)high;
    return low <= high ? 0 : -1;
}

/* "0-3,7" into *l; an empty list is one.  NULL: it is none, or there
 * is no memory; else what is behind it.
 */
static const char *partitions_parse(const char *s, params_lease *l)
{
    size_t cap = 0;
    int32_t low, high;

    while (*s && *s != '/') {
        if (range_take(&s, &low, &high) < 0 ||
            l->n_partitions > PARAMS_PARTITIONS_MAX)
            return NULL;
        size_t need = l->n_partitions + (size_t)(high - low) + 1;
        if (need > cap) {
            cap = 2 * need;
            int32_t *list = realloc(l->partitions, cap * sizeof(*list));
            if (!list)
                return NULL;
            l->partitions = list;
        }
        while (low <= high)
            l->partitions[l->n_partitions++] = low++;
    }
    return s;
}

static int lease_value_parse(const char *value, params_lease *l)
{
    const char *at = value, *end;
    uint64_t ranks, expires, generation;

    if (take_number(&at, '/', 9999999, &ranks) < 0 ||
        take_number(&at, '/', INT64_MAX, &expires) < 0 ||
        take_number(&at, '/', UINT64_MAX, &l->joined) < 0 ||
        take_number(&at, '/', UINT64_MAX, &generation) < 0)
        return -1;
    end = at + strspn(at, "0123456789abcdef");
    if (end == at || *end != '/')
        return -1;
    l->ranks = (int)ranks;
    l->expires_ms = (int64_t)expires;
    l->incarnation = strndup(at, (size_t)(end - at));
    at = l->incarnation ? partitions_parse(end + 1, l) : NULL;
    l->facts = at ? strdup(*at ? at + 1 : "") : NULL;
    return l->facts ? 0 : -1;
}

int params_lease_parse(const char *field, const char *value, void *item,
                       pe_error *errp)
{
    params_lease *l = item;

    if (lease_value_parse(value, l) == 0 && *field)
        return name_copy(field, strlen(field), &l->member, errp);
    free(l->incarnation);
    free(l->partitions);
    free(l->facts);
    return field_refuse(errp, field, value,
                        "MEMBER -> RANKS/EXPIRES/JOINED/GENERATION/"
                        "INCARNATION/PARTITIONS[/FACTS]");
}

/* --- announcements and answers --- */

int params_announcement_parse(const char *s, size_t len,
                              char commit[PE_COMMIT_ID_LEN + 1])
{
    char id[PE_COMMIT_ID_LEN + 1] = "";
    uint64_t version;

    if (len <= PE_COMMIT_ID_LEN || s[PE_COMMIT_ID_LEN] != ' ' ||
        strlen(s) != len)
        return -1;
    memcpy(id, s, PE_COMMIT_ID_LEN);
    if (params_id_check(id) < 0 ||
        params_number_parse(s + PE_COMMIT_ID_LEN + 1, INT64_MAX, &version) < 0)
        return -1;
    memcpy(commit, id, sizeof(id));
    return 0;
}

static const char *const answer_names[] = {
    [PARAMS_OK] = "OK",         [PARAMS_DUP] = "DUP",
    [PARAMS_FENCED] = "FENCED", [PARAMS_OFFSET] = "OFFSET",
    [PARAMS_STALE] = "STALE",   [PARAMS_REVISED] = "REVISED",
    [PARAMS_EMPTY] = "EMPTY",
};

#define N_ANSWERS (sizeof(answer_names) / sizeof(answer_names[0]))

const char *params_answer_name(enum params_answer a)
{
    return (size_t)a < N_ANSWERS ? answer_names[a] : "unknown";
}

int params_answer_parse(const char *name)
{
    for (size_t i = 0; name && i < N_ANSWERS; i++)
        if (!strcmp(name, answer_names[i]))
            return (int)i;
    return -1;
}
