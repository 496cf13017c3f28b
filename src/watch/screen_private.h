/* screen_private.h - what the files of the screen share. */
#ifndef WATCH_SCREEN_PRIVATE_H
#define WATCH_SCREEN_PRIVATE_H

#include "screen.h"
#include "src/common/text.h"

/* --- screen.c --- */

void screen_add(screen_lines *l, const screen *s, const text *t);
void screen_summary(const json_t *doc, const screen *s, bool all,
                    screen_lines *out);
bool has(const json_t *o, const char *key);
void put_look(text *t, enum screen_look look);
void put_count(text *t, double n); /* 12345, 1.2M */
void put_bytes(text *t, double n); /* 1.2 MB */
void put_span(text *t, double s);  /* 1.2 s, 3:05 min */
enum screen_look pressure_look(const char *pressure);

/* --- screen_text.c --- */

/* Bytes of [line] that [cols] columns have room for, and how many of these they
 * take into *usedp (may be NULL); and it without the rest.
 */
size_t screen_fit(const char *line, size_t cols, size_t *usedp);
void screen_cut(char *line, size_t cols);
/* [words] under [label] on as many lines as they take, at most [most]; what
 * goes beyond them is told by dots.
 */
void screen_words(const screen *s, const char *label, enum screen_look look,
                  const char *words, int most, screen_lines *out);

/* --- screen_list.c --- */

/* Rows of the list that [s] is at. */
size_t screen_count(const json_t *doc, const screen *s);
/* It, with a title, on at most [rows] lines. */
void screen_list(const json_t *doc, screen *s, size_t rows, screen_lines *out);

#endif
