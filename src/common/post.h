/* post.h - POST and its like by HTTP; only here is libcurl, which is loaded
 * when it is asked for and not before.
 */
#ifndef COMMON_POST_H
#define COMMON_POST_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/error.h>

typedef struct post_conf {
    const char *url;            /* http:// or https:// */
    const char *socket;         /* of this host, in place of the url's; NULL */
    const char *const *headers; /* "NAME: VALUE" of each call; NULL-ended */
    double limit_s;             /* of a call, from its start to its end */
    size_t most;                /* bytes of an answer */
    /* Asked for about each second of a call: is it to end without an answer?
     * NULL: never.
     */
    bool (*stop)(void *arg);
    void *arg;
} post_conf;

/* One endpoint, for one thread; its connection is kept. */
typedef struct post post;

/* [c] is copied but for its words, which are borrowed.  Errors: input, 78: no
 * such URL, no libcurl here (the package is named).
 */
post *post_open(const post_conf *c, pe_error *errp);
void post_close(post *h); /* may be NULL */

/* What goes up: two pieces, one behind the other; and a header of this call
 * alone, NULL: none.  [method] "GET" and "DELETE" send no body; [url] of this
 * call alone, NULL: that of the endpoint.
 */
typedef struct post_body {
    const void *head, *data;
    size_t head_len, len;
    const char *header;
    const char *method; /* NULL: POST */
    const char *url;
} post_body;

/* Of the last call; it stays until the next one. */
typedef struct post_answer {
    const unsigned char *data;
    size_t len;
    long status;
    const char *type;     /* "": it has none */
    double retry_after_s; /* as it asks for; 0: it does not */
} post_answer;

/* One call; any answer is one.  Errors: retry, 69: nobody answers, or not
 * within the limit; retry, 65: more than [most] bytes.
 */
int post_send(post *h, const post_body *b, post_answer *a, pe_error *errp);

#endif
