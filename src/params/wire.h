/* wire.h - what stands in Redis, as text: keys, fields, values, answers. */
#ifndef PARAMS_WIRE_H
#define PARAMS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/params/params.h"

/* Every parser of this file takes whole NUL-ended texts and refuses signs,
 * blanks, and numbers out of range.
 */

enum params_key {
    /* The first four are KEYS of commit.lua, in its order. */
    PARAMS_KEY_STATE,
    PARAMS_KEY_MODEL,
    PARAMS_KEY_FIRST,
    PARAMS_KEY_FENCE,
    PARAMS_KEY_ENDS,
    PARAMS_KEY_PILOTS,
    PARAMS_KEY_ORDERS,
    PARAMS_KEY_LEASES,
    PARAMS_KEY_CONTROL,
    PARAMS_KEY_SHARED,
    PARAMS_KEY_BOOTS,
    PARAMS_KEY_HOME,
    PARAMS_KEY_COMMITS,
    PARAMS_KEY_STAGES,
    PARAMS_KEY_FILES,
    PARAMS_KEY_PLACES,
    PARAMS_KEY_KEEPER,
    PARAMS_KEY_SCALE,
    PARAMS_KEY_EVENTS,
    PARAMS_KEY_NEXT,
    PARAMS_KEY_SUSPECTS,
    PARAMS_KEY_TASKS,
    PARAMS_KEY_SLICES,
    PARAMS_KEY_CLAIMS,
    PARAMS_KEY_REPLAYS,
    PARAMS_KEY_TRIALS,
    PARAMS_N_KEYS,
    PARAMS_CHANNEL = PARAMS_N_KEYS, /* a name like the keys, but no key */
};

/* pilot:{RUN}:NAME in new memory; the caller frees.  Errors: input, 78, for
 * a run id that is empty, longer than 128, or holds braces, blanks, controls
 * or non-ASCII bytes (two runs could share a key or a slot be missed).
 */
char *params_key_name(const char *run, enum params_key key, pe_error *errp);

/* Decimal number in [0, max]; 0, or -1 (*valuep is left alone). */
int params_number_parse(const char *s, uint64_t max, uint64_t *valuep);

/* 32 hexadecimal digits in lower case: 0, or -1. */
int params_id_check(const char *s);

/* Parse one field of a hash into *item, whose string is new memory.  Errors:
 * fatal, 65, naming what a field of this hash looks like.
 */
typedef int (*params_parse_f)(const char *field, const char *value, void *item,
                              pe_error *errp);
int params_offset_parse(const char *field, const char *value, void *item,
                        pe_error *errp); /* params_offset */
int params_device_parse(const char *field, const char *value, void *item,
                        pe_error *errp); /* params_device */
int params_end_parse(const char *field, const char *value, void *item,
                     pe_error *errp); /* params_end */
int params_lease_parse(const char *field, const char *value, void *item,
                       pe_error *errp); /* params_lease */
/* A line of the leases that is none: time of the newest call, and joins. */
#define PARAMS_LEASE_NEWEST "@"
/* Partitions are below it. */
#define PARAMS_PARTITIONS_MAX 1000000

/* "COMMIT VERSION" of [len] bytes, as announced: 0 and the id, or -1. */
int params_announcement_parse(const char *s, size_t len,
                              char commit[PE_COMMIT_ID_LEN + 1]);

/* Answer of the script by its name, or -1. */
int params_answer_parse(const char *name);

/* Counters by the name of their field in the state hash. */
#define PARAMS_N_COUNTERS (13 + PARAMS_PLACES)
extern const struct params_counter_field {
    const char *name;
    size_t at; /* offset in params_counters */
} params_counter_fields[PARAMS_N_COUNTERS];

uint64_t *params_counter_at(params_counters *c, size_t i);
/* One of `through` and those behind it: it is not named where it is 0, and
 * stays as it is then.
 */
bool params_counter_is_rare(size_t i);

/* Largest counter: two of them add up without an overflow (commit.lua). */
#define PARAMS_COUNTER_MAX UINT64_C(999999999999999999)
/* Largest fence: a Lua number that is exact. */
#define PARAMS_FENCE_MAX (UINT64_C(1) << 53)

#endif
