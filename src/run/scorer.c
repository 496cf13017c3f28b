/* scorer.c - a child that scores rows. */
#include "src/run/scorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/locate.h"
#include "src/common/text.h"

static size_t count_of(const char *const *args)
{
    size_t n = 0;

    while (args[n])
        n++;
    return n;
}

int scorer_start(scorer *s, const char *const *args, bool input, pe_error *errp)
{
    char *program = locate_program("pilot-score", PILOT_LIBEXECDIR, errp);
    const char **argv = calloc(count_of(args) + 4, sizeof(*argv));
    process_spec spec = {.argv = argv, .in_ours = input, .new_group = true};
    size_t n = 0;

    memset(s, 0, sizeof(*s));
    s->share = -1;
    if (!argv)
        pe_error_nomem(errp);
    if (!program || !argv || event_mark_make(s->reader.mark, errp) < 0) {
        free(program);
        free(argv);
        return -1;
    }
    argv[n++] = program;
    argv[n++] = "--events";
    argv[n++] = s->reader.mark;
    while (*args)
        argv[n++] = *args++;
    s->proc = process_start(&spec, errp);
    free(program);
    free(argv);
    return s->proc ? 0 : -1;
}

int scorer_fd(const scorer *s)
{
    return s->proc && !s->closed ? process_fd(s->proc) : -1;
}

static void take(void *arg, json_t *event)
{
    scorer *s = arg;
    const char *kind = json_string_value(json_object_get(event, "event"));
    const char *what = json_string_value(json_object_get(event, "text"));
    json_int_t code = json_integer_value(json_object_get(event, "exit"));

    if (kind && !strcmp(kind, "progress")) {
        s->rows = (uint64_t)json_integer_value(json_object_get(event, "rows"));
        s->share = json_number_value(json_object_get(event, "share"));
    }
    if (!kind || s->told || (strcmp(kind, "error") && strcmp(kind, "fault")))
        return;
    s->told = true;
    pe_error_set(&s->error,
                 event_kind(json_string_value(json_object_get(event, "kind"))),
                 code > 0 && code < 256 ? (enum pe_exit)code : PE_EXIT_FAILED,
                 "%s%s", what ? what : "no reason is given",
                 strcmp(kind, "fault") ? "" : " has ended pilot-score");
}

int scorer_turn(scorer *s, pe_error *errp)
{
    char how[64];

    if (!s->closed)
        s->closed = !event_read(&s->reader, process_fd(s->proc), EVENT_TURN_MAX,
                                take, NULL, s);
    if (!(s->closed ? process_leaves(s->proc) : process_ended(s->proc)))
        return 1;
    while (!s->closed)
        s->closed = !event_read(&s->reader, process_fd(s->proc), EVENT_REST_MAX,
                                take, NULL, s);
    if (process_status(s->proc) == 0)
        return 0;
    process_status_words(process_status(s->proc), how);
    if (!s->told)
        pe_error_set(&s->error, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "pilot-score %s", how);
    *errp = s->error;
    return -1;
}

void scorer_close(scorer *s)
{
    process_destroy(s->proc);
    s->proc = NULL;
    event_reader_free(&s->reader);
}

void scorer_words(const scorer *s, char *out, size_t cap)
{
    int n = snprintf(out, cap, "scoring again: %llu rows",
                     (unsigned long long)s->rows);

    if (s->share >= 0 && n > 0 && (size_t)n < cap)
        snprintf(out + n, cap - (size_t)n, ", %.0f%%", 100 * s->share);
}
