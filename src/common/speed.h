/* speed.h - how fast a core of this host is, beside one of another. */
#ifndef COMMON_SPEED_H
#define COMMON_SPEED_H

/* Millions of dependent multiplications and additions a second: the best of a
 * few runs, about a millisecond in all.
 */
double speed_of_core(void);

#endif
