/* endpoint.h - a function behind an address that does what a test asks for. */
#ifndef TESTS_ENDPOINT_H
#define TESTS_ENDPOINT_H

/* What it does of a request: words, a blank between two, one for each request,
 * the last one for all that follow.
 *
 *   echo     the body comes back           empty   status 204
 *   none     an array without a row        html    a page, status 200
 *   spoilt   half of the body comes back   big     a body without an end
 *   NNN      that status, with a text      slow    nothing for 2 s
 *   close    no answer                     cut     half of what is promised
 *   busy     429, to be tried after 1 s
 */

/* Listen on [port] of 127.0.0.1, 0: a free one, in a thread; it, or -1. */
int endpoint_start(int port);
void endpoint_play(const char *words);
/* How many requests there were, and the head of the last one. */
unsigned endpoint_calls(void);
const char *endpoint_head(void);

#endif
