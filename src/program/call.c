/* call.c - built-in: a function behind an address, called once a block. */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/block/npy_header.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/context/context.h"
#include "src/common/post.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_LEN 6
#define NAP_NS (50 * CLOCK_MS)
#define PAUSE_NS (50 * CLOCK_MS)
#define PAUSE_MAX_NS (30 * CLOCK_S)
#define ASKED_MAX_S 300.0       /* of a pause that the endpoint asks for */
#define AGAIN_NS (60 * CLOCK_S) /* between two words of one wait */
#define ALONE_NS (60 * CLOCK_S) /* longest wait where nobody could end it */
#define LAST_NS (5 * CLOCK_S)   /* for an answer, once the wait is to end */
#define SHOWN 120

typedef struct call_state {
    post *post;
    char **headers;
    pe_block array; /* what was decoded */
    /* of the block that is tried */
    unsigned tries, failures;
    int64_t since_ns, said_ns; /* of the first failure; 0: none */
    int64_t ended_ns; /* the wait was seen to be over in its first call */
} call_state;

/* --- begin and end --- */

static void call_close(pe_context *ctx)
{
    call_state *st = pe_context_state(ctx);

    if (!st)
        return;
    post_close(st->post);
    for (size_t i = 0; st->headers && st->headers[i]; i++)
        explicit_bzero(st->headers[i], strlen(st->headers[i]));
    words_free(st->headers);
    pe_block_release(&st->array);
    free(st);
    pe_context_set_state(ctx, NULL);
}

static const char *option_of(const pe_context *ctx, const char *name)
{
    const pe_options *o = pe_context_options(ctx);

    return pe_options_has(o, name) ? pe_options_string(o, name) : NULL;
}

/* A secret is a header by which we are known. */
static char *token_header(const char *path, pe_error *errp)
{
    char *secret = file_read_secret(path, errp), *header;

    if (!secret)
        return NULL;
    header = text_format("Authorization: Bearer %s", secret);
    explicit_bzero(secret, strlen(secret));
    free(secret);
    if (!header)
        pe_error_nomem(errp);
    return header;
}

static int take_headers(pe_context *ctx, call_state *st, pe_error *errp)
{
    static const char *const fixed[] = {
        "Content-Type: application/x-npy", "Accept: application/x-npy",
        "Ce-Specversion: 1.0", "Ce-Type: org.pilot-edge.block.v1", NULL};
    const char *token = option_of(ctx, "token-file");
    char *header;

    if (words_add_all(&st->headers, fixed, errp) < 0 ||
        words_add(&st->headers,
                  text_format("Ce-Source: /pilot-edge/%s/%s",
                              pe_context_run(ctx), pe_context_stage(ctx)),
                  errp) < 0)
        return -1;
    if (!token)
        return 0;
    header = token_header(token, errp);
    if (!header)
        return pe_error_prefix(errp, "token-file");
    return words_add(&st->headers, header, errp);
}

/* The wait is over: a call that follows another one ends at once, the first one
 * of a block may be about to be answered.
 */
static bool is_over(void *arg)
{
    pe_context *ctx = arg;
    call_state *st = pe_context_state(ctx);
    int64_t now = clock_mono_ns();

    if (!pe_context_cancelled(ctx))
        return false;
    if (st->ended_ns == 0)
        st->ended_ns = now;
    return st->since_ns > 0 || now - st->ended_ns > LAST_NS;
}

static int open_post(pe_context *ctx, call_state *st, pe_error *errp)
{
    const pe_options *o = pe_context_options(ctx);
    post_conf c = {
        .url = pe_options_string(o, "url"),
        .limit_s = pe_options_time(o, "limit"),
        .most = (size_t)pe_options_size(o, "most"),
        .stop = is_over,
        .arg = ctx,
    };

    if (take_headers(ctx, st, errp) < 0)
        return -1;
    c.headers = (const char *const *)st->headers;
    st->post = post_open(&c, errp);
    return st->post ? 0 : -1;
}

/* "//USER:PASSWORD@HOST": it would stand in every word about the endpoint. */
static bool has_login(const char *url)
{
    const char *host = strstr(url, "//") + 2;

    return memchr(host, '@', strcspn(host, "/?#")) != NULL;
}

int call_check(pe_context *ctx)
{
    const char *url = option_of(ctx, "url");

    if (!url)
        return pe_context_fail(ctx, "option url is not given; set it to where "
                                    "the function is: http://HOST:PORT/NAME");
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return pe_context_fail(
            ctx, "url: '%.200s' begins with neither http:// nor https://", url);
    if (has_login(url))
        return pe_context_fail(ctx, "url: a login does not belong into it; put "
                                    "a token into a file of mode 0600 and name "
                                    "that with token-file");
    return 0;
}

static int call_open(pe_context *ctx)
{
    call_state *st;
    pe_error e = {0};

    if (call_check(ctx) < 0)
        return -1;
    st = calloc(1, sizeof(*st));
    if (!st)
        return pe_context_fail(ctx, "out of memory");
    pe_context_set_state(ctx, st);
    if (open_post(ctx, st, &e) == 0)
        return 0;
    call_close(ctx);
    return context_fail_with(ctx, &e);
}

/* --- an answer --- */

enum call_answer call_judge(long status, const void *data, size_t len)
{
    /* Those that speak of who asks, of the way, or of the hour; all others of
     * 400 and above speak of what was asked.
     */
    static const long later[] = {401, 402, 403, 404, 405, 407, 408, 421,
                                 425, 426, 429, 451, 502, 503, 504, 0};

    if (status == 204 || status == 205)
        return CALL_NOTHING;
    if (status >= 200 &&
        status < 300) /* a page, say, of who is asked to log in */
        return len >= MAGIC_LEN && !memcmp(data, MAGIC, MAGIC_LEN) ? CALL_BLOCK
                                                                   : CALL_LATER;
    for (const long *l = later; *l; l++)
        if (*l == status)
            return CALL_LATER;
    if (status >= 400 && status < 500)
        return CALL_REFUSES;
    return status >= 500 ? CALL_FAILED : CALL_LATER;
}

/* An array without a row. */
static bool is_empty(const post_answer *a)
{
    npy_array array = {0};
    bool empty = npy_array_read(&array, a->data, a->len, NULL) == 0 &&
                 array.shape.dims > 0 && array.shape.dim[0] == 0;

    npy_array_clear(&array);
    return empty;
}

/* What was answered, for people. */
static void describe(const pe_context *ctx, const post_answer *a, pe_error *e)
{
    char shown[SHOWN];

    text_shown(a->data, a->len, shown, sizeof(shown));
    pe_error_set(e, PE_ERROR_INPUT, PE_EXIT_DATA,
                 "%.200s answers with status %ld%s%.60s: '%s'",
                 option_of(ctx, "url"), a->status, a->type[0] ? ", " : "",
                 a->type, shown);
}

/* --- a wait --- */

/* A call came to nothing, for [e]: it is said at once, and every minute. */
static void say(pe_context *ctx, call_state *st, const pe_error *e)
{
    int64_t now = clock_mono_ns();

    if (st->since_ns == 0)
        st->since_ns = now;
    if (st->said_ns && now - st->said_ns < AGAIN_NS)
        return;
    st->said_ns = now;
    if (st->tries == 1)
        context_tell(ctx, "waits: %s; it is called again", e->text);
    else
        context_tell(ctx, "waits for %.0f s, and has called %u times: %s",
                     (double)(now - st->since_ns) / 1e9, st->tries, e->text);
}

static void say_well(pe_context *ctx, call_state *st)
{
    if (st->said_ns)
        context_tell(ctx, "goes on: it was answered after %.1f s and %u calls",
                     (double)(clock_mono_ns() - st->since_ns) / 1e9, st->tries);
}

/* Nobody is to wait any longer: the block is neither refused nor lost. */
static int give_up(pe_context *ctx, const pe_error *why)
{
    pe_error e;

    pe_error_set(&e, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                 "%.600s; the block that waits for it is not processed",
                 why->text);
    return context_fail_with(ctx, &e);
}

/* Until the next call: longer and longer, or as long as the endpoint asks for;
 * -1: the wait is over.
 */
static int pause_call(pe_context *ctx, const call_state *st, double asked_s,
                      const pe_error *why)
{
    int64_t ns = clock_backoff_apart_ns(st->tries - 1, PAUSE_NS, PAUSE_MAX_NS);
    int64_t until;

    if (asked_s > 0)
        ns = (int64_t)(1e9 * (asked_s < ASKED_MAX_S ? asked_s : ASKED_MAX_S));
    until = clock_mono_ns() + ns;
    do {
        int64_t now = clock_mono_ns();

        if (pe_context_cancelled(ctx) ||
            (!context_cancellable(ctx) && now - st->since_ns > ALONE_NS))
            return give_up(ctx, why);
        clock_sleep_ns(until - now < NAP_NS ? until - now : NAP_NS, 0);
    } while (clock_mono_ns() < until);
    return 0;
}

/* --- the stage --- */

/* By which the function may know a block that it has seen. */
static char *name_block(const pe_block *b)
{
    char name[256];

    text_named(b->device ? b->device : "-", b->device ? strlen(b->device) : 1,
               name, sizeof(name));
    if (b->has_seq)
        return text_format("Ce-Id: %s/%llu/%llu", name,
                           (unsigned long long)b->boot,
                           (unsigned long long)b->seq);
    return text_format("Ce-Id: %s/%d/%lld", name, (int)b->partition,
                       (long long)b->offset);
}

/* One call.  [e] says what is wrong with another answer than CALL_BLOCK. */
static enum call_answer call_once(pe_context *ctx, call_state *st,
                                  const post_body *body, post_answer *a,
                                  pe_error *e)
{
    enum call_answer answer;

    *a = (post_answer){0};
    if (post_send(st->post, body, a, e) < 0)
        return e->exit_code == PE_EXIT_DATA ? CALL_REFUSES : CALL_LATER;
    answer = call_judge(a->status, a->data, a->len);
    if (answer == CALL_BLOCK && is_empty(a))
        return CALL_NOTHING;
    if (answer == CALL_BLOCK) {
        if (npy_decode(a->data, a->len, &st->array, e) == 0)
            return CALL_BLOCK;
        pe_error_prefix(e, "%.200s", option_of(ctx, "url"));
        return CALL_REFUSES;
    }
    if (answer != CALL_NOTHING)
        describe(ctx, a, e);
    return answer;
}

/* Until there is an answer of use, or the wait is over: PE_FORWARD, PE_NOTHING,
 * or -1.
 */
static int call(pe_context *ctx, call_state *st, const post_body *body)
{
    uint64_t most = (uint64_t)pe_options_int(pe_context_options(ctx), "tries");

    st->tries = st->failures = 0;
    st->since_ns = st->said_ns = st->ended_ns = 0;
    for (;;) {
        pe_error e = {0};
        post_answer a;
        enum call_answer answer = call_once(ctx, st, body, &a, &e);

        st->tries++;
        st->failures += answer == CALL_FAILED;
        if (answer == CALL_REFUSES ||
            (answer == CALL_FAILED && most > 0 && st->failures >= most))
            return pe_context_fail(ctx, "%s", e.text);
        if (answer == CALL_BLOCK || answer == CALL_NOTHING) {
            say_well(ctx, st);
            return answer == CALL_BLOCK ? PE_FORWARD : PE_NOTHING;
        }
        say(ctx, st, &e);
        if (pause_call(ctx, st, a.retry_after_s, &e) < 0)
            return -1;
    }
}

static int call_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    call_state *st = pe_context_state(ctx);
    unsigned char head[NPY_HEADER_LEN];
    char *name = name_block(in);
    const post_body body = {.head = head,
                            .data = in->data,
                            .head_len = sizeof(head),
                            .len = pe_block_bytes(in),
                            .header = name};
    pe_error e = {0};
    int rc;

    if (!name)
        return pe_context_fail(ctx, "out of memory");
    npy_header(head, in->dtype, in->points, in->features);
    rc = call(ctx, st, &body);
    free(name);
    if (rc != PE_FORWARD)
        return rc;
    if (pe_block_reserve(out, st->array.points, st->array.features,
                         st->array.dtype, &e) < 0)
        return pe_context_fail(ctx, "%s", e.text);
    memcpy(out->data, st->array.data, pe_block_bytes(out));
    return PE_FORWARD;
}

static const pe_option_spec options[] = {
    {"url", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "where the function is: http://HOST:PORT/NAME, or https://"},
    {"limit", PE_OPTION_TIME, 0.001, 86400, "30s", NULL,
     "longest time of one call"},
    {"tries", PE_OPTION_INT, 0, 1000000, "0", NULL,
     "calls for a block of which the function fails (status 500 and above, but "
     "502, 503, 504), before it is refused; 0: without end"},
    {"most", PE_OPTION_SIZE, 1024, 1073741824, "64MiB", NULL,
     "the largest answer that is taken"},
    {"token-file", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "a file whose word is sent as 'Authorization: Bearer WORD'"},
    {0},
};

const pe_function call_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "call",
    .prose = "a function behind an address: a block goes up by HTTP, and one "
             "comes back",
    .options = options,
    .open = call_open,
    .close = call_close,
    .process_edge = call_process,
    .process_cloud = call_process,
};
