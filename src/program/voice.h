/* voice.h - what a program says for people, line by line. */
#ifndef PROGRAM_VOICE_H
#define PROGRAM_VOICE_H

#include <stddef.h>
#include <stdint.h>

#include <pilot/function.h>

#define VOICE_LINE 400       /* bytes of a line that are shown */
#define VOICE_PER_MINUTE 200 /* lines */

/* Starts zeroed. */
typedef struct voice {
    char line[VOICE_LINE]; /* the one that is coming */
    size_t len;
    char last[VOICE_LINE]; /* the last one with a word in it, cleaned */
    int64_t minute_ns;     /* when this minute began */
    unsigned said;         /* lines of it, ... */
    uint64_t kept_back;    /* ... and those beyond */
} voice;

/* Say the lines of the [len] bytes at [bytes] in the log of [ctx], by a clock
 * that is at [now_ns].
 */
void voice_take(voice *v, pe_context *ctx, const char *bytes, size_t len,
                int64_t now_ns);
/* It is silent now: what there is of a line is one, and how many were kept back
 * is said.
 */
void voice_end(voice *v, pe_context *ctx);

#endif
