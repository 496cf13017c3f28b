/* screen.h - a run on a screen of so many rows and columns: a pure function. */
#ifndef WATCH_SCREEN_H
#define WATCH_SCREEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Lines are UTF-8 (ASCII alone where the screen has no more) with a byte of
 * these where a look begins; it holds to the next one, or the line's end.
 */
enum screen_look {
    SCREEN_PLAIN = 1,
    SCREEN_BOLD,
    SCREEN_DIM,
    SCREEN_GOOD,
    SCREEN_WARN,
    SCREEN_BAD,
    SCREEN_CHOSEN, /* the row of the cursor */
    SCREEN_LOOKS
};

typedef struct screen_lines {
    char **line;
    size_t n, cap;
    bool failed;
} screen_lines;

/* What the list below the summary is of. */
enum screen_level {
    SCREEN_PILOTS,
    SCREEN_RANKS,      /* of a pool */
    SCREEN_PARTITIONS, /* of a rank, or of a pool that tells of none */
    SCREEN_DEVICES,    /* of a partition, or of an edge */
};

enum { SCREEN_PAST = 60 }; /* looks that a sparkline remembers */

/* Where somebody is, and what was before. */
typedef struct screen {
    int rows, cols;
    bool ascii;
    enum screen_level level;
    char pilot[128];
    long long rank, partition; /* -1: any */
    size_t cursor, top;        /* of the list: chosen, and first shown */
    size_t n_list;             /* rows of it, set by screen_make */
    unsigned looks;            /* the heart beats with each */
    double rate[SCREEN_PAST], lag[SCREEN_PAST];
    size_t n_past;
} screen;

/* A new document came: the past of its sparklines. */
void screen_note(screen *s, const json_t *doc);

/* The lines of [doc], at most rows, none wider than cols.  Moves the cursor to
 * where there is a row.
 */
void screen_make(const json_t *doc, screen *s, screen_lines *out);
/* Names and words of others may hold what a terminal obeys: such characters
 * become '?', in all strings of [doc].  -1: no memory.
 */
int screen_clean(json_t *doc);
/* All of it, for a pipe: as many lines as it takes, each hop with its words. */
void screen_plain(const json_t *doc, screen *s, screen_lines *out);
void screen_free(screen_lines *l);

enum screen_key {
    SCREEN_UP,
    SCREEN_DOWN,
    SCREEN_PAGE_UP,
    SCREEN_PAGE_DOWN,
    SCREEN_HOME,
    SCREEN_END,
    SCREEN_IN,
    SCREEN_OUT
};

/* Somebody pressed a key.  False: out of the outermost list, so they leave. */
bool screen_press(screen *s, const json_t *doc, enum screen_key key);

/* Columns of a terminal that [line] takes: of East Asia's characters and emoji
 * two each, of marks upon others none, without looks.
 */
size_t screen_width(const char *line);
/* [line] without looks, in place. */
void screen_strip(char *line);

#endif
