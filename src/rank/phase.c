/* phase.c - where a rank and its epochs stand, and what moves them. */
#include "phase.h"

#include <stdint.h>

/* The columns of the first table.  While an epoch is reduced no round has
 * anything to decide of it.
 */
const phase_facts phase_table[PHASE_N] = {
    [PHASE_LOADING] = {"loading", .urgent = true},
    [PHASE_DROPPING] = {"dropping", .reducing = true, .urgent = true},
    [PHASE_OPEN] = {"open", .ready = true},
    [PHASE_CLOSING] = {"closing", .ready = true, .closing = true,
                       .urgent = true},
    [PHASE_CALM] = {"calm", .ready = true, .closing = true, .urgent = true},
    [PHASE_REDUCING] = {"reducing", .ready = true, .reducing = true},
    [PHASE_HELD] = {"held", .ready = true, .held = true, .urgent = true},
    [PHASE_HELD_CLOSING] = {"held, closing", .ready = true, .held = true,
                            .closing = true, .urgent = true},
    [PHASE_HELD_CALM] = {"held, calm", .ready = true, .held = true,
                         .closing = true, .urgent = true},
    [PHASE_HELD_REDUCING] = {"held, reducing", .ready = true, .held = true,
                             .reducing = true, .urgent = true},
};

static const char *const event_names[PHASE_N_EVENTS] = {
    [PHASE_ON_TERM] = "term",       [PHASE_ON_STATE] = "state",
    [PHASE_ON_END] = "end",         [PHASE_ON_END_COUNTED] = "end, counted",
    [PHASE_ON_OUT] = "out",         [PHASE_ON_UNACKED] = "unacknowledged",
    [PHASE_ON_WHOLE] = "whole",     [PHASE_ON_EMPTY] = "empty",
    [PHASE_ON_REDUCED] = "reduced", [PHASE_ON_COMMIT] = "commit",
    [PHASE_ON_MODEL] = "model",
};

static const char *const action_names[] = {
    [PHASE_DO_NOTHING] = "nothing", [PHASE_DO_LOAD] = "load",
    [PHASE_DO_BEGIN] = "begin",     [PHASE_DO_GO_ON] = "go on",
    [PHASE_DO_NEXT] = "next",       [PHASE_DO_CONTRIBUTE] = "contribute",
    [PHASE_DO_FORGET] = "forget",   [PHASE_DO_KEEP] = "keep",
    [PHASE_DO_DROP] = "drop",       [PHASE_IMPOSSIBLE] = "impossible",
};

struct cell {
    uint8_t next, action;
};

/* clang-format off */
#define LO(a) {PHASE_LOADING, PHASE_DO_##a}
#define DP(a) {PHASE_DROPPING, PHASE_DO_##a}
#define OP(a) {PHASE_OPEN, PHASE_DO_##a}
#define CL(a) {PHASE_CLOSING, PHASE_DO_##a}
#define CA(a) {PHASE_CALM, PHASE_DO_##a}
#define RE(a) {PHASE_REDUCING, PHASE_DO_##a}
#define HE(a) {PHASE_HELD, PHASE_DO_##a}
#define HL(a) {PHASE_HELD_CLOSING, PHASE_DO_##a}
#define HA(a) {PHASE_HELD_CALM, PHASE_DO_##a}
#define HR(a) {PHASE_HELD_REDUCING, PHASE_DO_##a}
#define NO    {0, PHASE_IMPOSSIBLE}

/* What the rows rest on:
 *
 * - Rounds decide for all ranks, so they end an epoch where none is on its way
 *   out, and contribute it, at the same round everywhere.  What a helper did
 *   between its word of a round and the owner's is in no word yet: an epoch is
 *   contributed when two rounds, one after the other, have found no block of
 *   it with a helper.
 * - A state is taken up once in a term, and when nothing of the older term is
 *   reduced any more: it reads the lanes of an epoch.  One that was asked for
 *   in a term before is dropped at rank 0.
 * - A commit has an epoch in it that every rank has contributed, perhaps
 *   before this rank knew that its own reduction is complete; models of other
 *   pools come at any time.
 * - A counted epoch is ended while it is HELD by a drain alone: it is empty.
 */
static const struct cell table[PHASE_N_EVENTS][PHASE_N] = {
[PHASE_ON_TERM] = {
    [PHASE_LOADING] = LO(LOAD),     [PHASE_DROPPING] = DP(LOAD),
    [PHASE_OPEN] = LO(LOAD),        [PHASE_HELD] = LO(LOAD),
    [PHASE_CLOSING] = LO(LOAD),     [PHASE_HELD_CLOSING] = LO(LOAD),
    [PHASE_CALM] = LO(LOAD),        [PHASE_HELD_CALM] = LO(LOAD),
    [PHASE_REDUCING] = DP(LOAD),    [PHASE_HELD_REDUCING] = DP(LOAD)},
[PHASE_ON_STATE] = {
    [PHASE_LOADING] = OP(BEGIN),    [PHASE_DROPPING] = NO,
    [PHASE_OPEN] = NO,              [PHASE_HELD] = NO,
    [PHASE_CLOSING] = NO,           [PHASE_HELD_CLOSING] = NO,
    [PHASE_CALM] = NO,              [PHASE_HELD_CALM] = NO,
    [PHASE_REDUCING] = NO,          [PHASE_HELD_REDUCING] = NO},
[PHASE_ON_END] = {
    [PHASE_LOADING] = NO,           [PHASE_DROPPING] = NO,
    [PHASE_OPEN] = CL(NEXT),        [PHASE_HELD] = NO,
    [PHASE_CLOSING] = NO,           [PHASE_HELD_CLOSING] = NO,
    [PHASE_CALM] = NO,              [PHASE_HELD_CALM] = NO,
    [PHASE_REDUCING] = NO,          [PHASE_HELD_REDUCING] = NO},
[PHASE_ON_END_COUNTED] = {
    [PHASE_LOADING] = NO,           [PHASE_DROPPING] = NO,
    [PHASE_OPEN] = HL(NEXT),        [PHASE_HELD] = HL(NEXT),
    [PHASE_CLOSING] = NO,           [PHASE_HELD_CLOSING] = NO,
    [PHASE_CALM] = NO,              [PHASE_HELD_CALM] = NO,
    [PHASE_REDUCING] = NO,          [PHASE_HELD_REDUCING] = NO},
[PHASE_ON_OUT] = {
    [PHASE_LOADING] = NO,           [PHASE_DROPPING] = NO,
    [PHASE_OPEN] = NO,              [PHASE_HELD] = NO,
    [PHASE_CLOSING] = CL(NOTHING),  [PHASE_HELD_CLOSING] = HL(NOTHING),
    [PHASE_CALM] = CL(NOTHING),     [PHASE_HELD_CALM] = HL(NOTHING),
    [PHASE_REDUCING] = NO,          [PHASE_HELD_REDUCING] = NO},
[PHASE_ON_UNACKED] = {
    [PHASE_LOADING] = NO,           [PHASE_DROPPING] = NO,
    [PHASE_OPEN] = NO,              [PHASE_HELD] = NO,
    [PHASE_CLOSING] = CA(NOTHING),  [PHASE_HELD_CLOSING] = HA(NOTHING),
    [PHASE_CALM] = CA(NOTHING),     [PHASE_HELD_CALM] = HA(NOTHING),
    [PHASE_REDUCING] = NO,          [PHASE_HELD_REDUCING] = NO},
[PHASE_ON_WHOLE] = {
    [PHASE_LOADING] = NO,           [PHASE_DROPPING] = NO,
    [PHASE_OPEN] = NO,              [PHASE_HELD] = NO,
    [PHASE_CLOSING] = CA(NOTHING),  [PHASE_HELD_CLOSING] = HA(NOTHING),
    [PHASE_CALM] = RE(CONTRIBUTE),  [PHASE_HELD_CALM] = HR(CONTRIBUTE),
    [PHASE_REDUCING] = NO,          [PHASE_HELD_REDUCING] = NO},
[PHASE_ON_EMPTY] = {
    [PHASE_LOADING] = NO,           [PHASE_DROPPING] = NO,
    [PHASE_OPEN] = NO,              [PHASE_HELD] = NO,
    [PHASE_CLOSING] = CA(NOTHING),  [PHASE_HELD_CLOSING] = HA(NOTHING),
    [PHASE_CALM] = OP(FORGET),      [PHASE_HELD_CALM] = HE(FORGET),
    [PHASE_REDUCING] = NO,          [PHASE_HELD_REDUCING] = NO},
[PHASE_ON_REDUCED] = {
    [PHASE_LOADING] = NO,           [PHASE_DROPPING] = LO(DROP),
    [PHASE_OPEN] = NO,              [PHASE_HELD] = NO,
    [PHASE_CLOSING] = NO,           [PHASE_HELD_CLOSING] = NO,
    [PHASE_CALM] = NO,              [PHASE_HELD_CALM] = NO,
    [PHASE_REDUCING] = OP(KEEP),    [PHASE_HELD_REDUCING] = HE(KEEP)},
[PHASE_ON_COMMIT] = {
    [PHASE_LOADING] = NO,           [PHASE_DROPPING] = NO,
    [PHASE_OPEN] = OP(GO_ON),       [PHASE_HELD] = OP(BEGIN),
    [PHASE_CLOSING] = NO,           [PHASE_HELD_CLOSING] = NO,
    [PHASE_CALM] = NO,              [PHASE_HELD_CALM] = NO,
    [PHASE_REDUCING] = RE(GO_ON),   [PHASE_HELD_REDUCING] = RE(BEGIN)},
[PHASE_ON_MODEL] = {
    [PHASE_LOADING] = NO,           [PHASE_DROPPING] = NO,
    [PHASE_OPEN] = OP(GO_ON),       [PHASE_HELD] = HE(NOTHING),
    [PHASE_CLOSING] = CL(GO_ON),    [PHASE_HELD_CLOSING] = HL(NOTHING),
    [PHASE_CALM] = CA(GO_ON),       [PHASE_HELD_CALM] = HA(NOTHING),
    [PHASE_REDUCING] = RE(GO_ON),   [PHASE_HELD_REDUCING] = HR(NOTHING)},
};

enum { NEVER = UINT8_MAX };

static const uint8_t orders[PHASE_N_WORDS][PHASE_N_ORDERS] = {
/*              of:    GO          MOVE        DRAIN          DONE   DRAINED */
[PHASE_SAYS_TERM]  = { PHASE_GO,   PHASE_GO,   PHASE_DRAIN,   NEVER, NEVER },
[PHASE_SAYS_STAY]  = { PHASE_GO,   PHASE_GO,   PHASE_DRAIN,   NEVER, NEVER },
[PHASE_SAYS_MOVE]  = { PHASE_MOVE, PHASE_MOVE, PHASE_DRAIN,   NEVER, NEVER },
[PHASE_SAYS_DRAIN] = { PHASE_DRAIN, PHASE_DRAIN, PHASE_DRAIN, NEVER, NEVER },
[PHASE_SAYS_STOP]  = { PHASE_DONE, PHASE_DONE, PHASE_DRAINED, NEVER, NEVER },
};

#define NONE   PHASE_SHIP_NONE
#define BUILT  PHASE_SHIP_BUILT
#define POSTED PHASE_SHIP_POSTED
#define HERE   PHASE_SHIP_HERE

static const uint8_t ships[PHASE_N_TURNS][PHASE_N_SHIPS] = {
/*                  of:     NONE    BUILT   POSTED  HERE */
[PHASE_SHIP_ON_TERM]    = { NONE,   NONE,   POSTED, HERE },
[PHASE_SHIP_ON_NEWS]    = { BUILT,  NEVER,  NEVER,  NEVER },
[PHASE_SHIP_ON_POST]    = { POSTED, POSTED, NEVER,  NEVER },
[PHASE_SHIP_ON_ARRIVED] = { NEVER,  NEVER,  HERE,   NEVER },
[PHASE_SHIP_ON_TAKEN]   = { NEVER,  NEVER,  NEVER,  NONE },
};
/* clang-format on */

enum phase_action phase_step(enum phase *at, enum phase_event e)
{
    struct cell c = table[e][*at];

    if (c.action != PHASE_IMPOSSIBLE)
        *at = (enum phase)c.next;
    return (enum phase_action)c.action;
}

bool phase_order_step(enum phase_order *at, enum phase_word w)
{
    uint8_t next = orders[w][*at];

    if (next != NEVER)
        *at = (enum phase_order)next;
    return next != NEVER;
}

bool phase_ship_step(enum phase_ship *at, enum phase_turn t)
{
    uint8_t next = ships[t][*at];

    if (next != NEVER)
        *at = (enum phase_ship)next;
    return next != NEVER;
}

const char *phase_name(enum phase at)
{
    return at < PHASE_N ? phase_table[at].name : "?";
}

const char *phase_event_name(enum phase_event e)
{
    return e < PHASE_N_EVENTS ? event_names[e] : "?";
}

const char *phase_action_name(enum phase_action a)
{
    return a <= PHASE_IMPOSSIBLE ? action_names[a] : "?";
}
