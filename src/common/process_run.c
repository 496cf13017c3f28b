/* process_run.c - a child process from its start to its end. */
#include "process.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/interrupt.h"

#define CHUNK 65536
#define LOOK_MS 50 /* a child may end and leave its pipes to others */

/* A pipe under reading. */
struct stream {
    int fd; /* -1: at its end */
    text *into;
};

/* Read what there is; 1 when there was something, 0, or -1: no memory, or
 * more than [max] bytes.
 */
static int stream_read(struct stream *s, size_t max, const char *program,
                       pe_error *errp)
{
    char chunk[CHUNK];
    ssize_t n;

    if (s->fd < 0)
        return 0;
    n = read(s->fd, chunk, sizeof(chunk));
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        s->fd = -1;
    if (n <= 0)
        return 0;
    if ((size_t)n > max - s->into->len)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "%s says more than %zu bytes", program, max);
    text_add_bytes(s->into, chunk, (size_t)n);
    return s->into->failed ? pe_error_nomem(errp) : 1;
}

/* Read both while there is something at once. */
static int streams_read(struct stream s[2], size_t max, const char *program,
                        pe_error *errp)
{
    int out, err;

    do {
        out = stream_read(&s[0], max, program, errp);
        err = out < 0 ? -1 : stream_read(&s[1], max, program, errp);
    } while (err >= 0 && out + err > 0);
    return err < 0 ? -1 : 0;
}

static int too_late(double timeout_s, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "no answer within %g s: the command was stopped",
                        timeout_s);
}

/* Sleep until one of the pipes has something, or [deadline]. */
static void streams_wait(const struct stream s[2], int64_t deadline)
{
    struct pollfd fds[2] = {{.fd = s[0].fd, .events = POLLIN},
                            {.fd = s[1].fd, .events = POLLIN}};
    int64_t left = (deadline - clock_mono_ns() + CLOCK_MS - 1) / CLOCK_MS;

    poll(fds, 2, left < 0 ? 0 : left > LOOK_MS ? LOOK_MS : (int)left);
}

static int follow(process *p, const char *program, const process_limits *l,
                  struct stream s[2], pe_error *errp)
{
    int64_t deadline = l->timeout_s > 0
                           ? clock_mono_ns() + (int64_t)(l->timeout_s * 1e9)
                           : INT64_MAX;

    for (;;) {
        bool over = process_ended(p);
        if (streams_read(s, l->max, program, errp) < 0)
            return -1;
        if (over || (s[0].fd < 0 && s[1].fd < 0))
            break;
        if (interrupt_check(INTERRUPT_NOW, errp) < 0)
            return -1;
        if (clock_mono_ns() >= deadline)
            return too_late(l->timeout_s, errp);
        streams_wait(s, deadline);
    }
    while (!process_wait(p, LOOK_MS))
        if (clock_mono_ns() >= deadline)
            return too_late(l->timeout_s, errp);
    return 0;
}

int process_run(const process_spec *s, const process_limits *l,
                process_answer *a, pe_error *errp)
{
    process_spec own = *s;

    own.out_path = own.err_path = NULL;
    own.err_pipe = own.new_group = true;
    process *p = process_start(&own, errp);
    if (!p)
        return -1;
    struct stream streams[2] = {{process_fd(p), &a->out},
                                {process_err_fd(p), &a->err}};
    int rc = follow(p, s->argv[0], l, streams, errp);
    if (rc == 0)
        a->status = process_status(p);
    process_destroy(p);
    return rc;
}

void process_answer_free(process_answer *a)
{
    text_free(&a->out);
    text_free(&a->err);
}
