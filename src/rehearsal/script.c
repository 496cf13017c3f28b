/* script.c - the script a scheduler is played from.
 *
 * A line is a word and what belongs to it; '#' begins a comment.  Times have
 * units (500ms 2s 10m 1h) and are the scheduler's own, which `speed` makes
 * short; what happens to a job may also last "for-ever", or as "@FILE" until
 * there is such a file in the pilot's folder.  Some lines are about the
 * scheduler:
 *
 *   speed N            N of its seconds pass in one of ours (1)
 *   slow-query TIME    an answer takes so long
 *   fail-query N       the first N questions are not answered
 *   fail-submit N      the first N submissions are not answered, and lost
 *   fail-cancel N      the first N cancels are not answered, and lost
 *   submit-lost        a job is queued, but the answer to that never comes
 *   refuse TEXT        submissions are refused with TEXT
 *   limit TIME         jobs may run so long (else as they ask with --time)
 *   grace TIME         from TERM to KILL when a job is ended (2s)
 *
 * The others are what happens to a job, one after the other:
 *
 *   queue TIME [REASON]    it waits
 *   never REASON           it waits for ever, and it is known that it will
 *   hold TIME [REASON]     it is held
 *   start TIME             its nodes are made ready
 *   run [TIME]             its script runs: so long, or to its own end
 *   suspend TIME           its processes are stopped so long
 *   odd TIME WORD          it is in a state WORD that nobody knows
 *   timeout                it is ended, as ...
 *   cancel
 *   preempt
 *   node-loss              at once: nobody on that node gets a signal
 *   fail [STATUS]
 *   requeue                it is ended, if it runs, and queued again
 *   wait TIME              when it is over: nothing happens so long
 *   lost-accounting        from now on the scheduler does not know it
 *
 * Behind the last line a job that is not over runs to its own end.  When its
 * script ends by itself the lines up to the next `wait`, `requeue` or
 * `lost-accounting` are left out.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "private.h"

#define SCRIPT_MAX (1 << 20)
#define ACTS_MAX 1000
#define COUNT_MAX 1000000
#define GRACE_S 2.0

/* What stands behind the word of a line. */
enum operands {
    NOTHING,
    WORDS,      /* text to the end of the line */
    TIME_WORDS, /* a time, then text */
    TIME,
    TIME_MAYBE,
    NUMBER,
    SPEED,
    STATUS_MAYBE,
};

#define AN_ACT SIZE_MAX

/* One row a word: a member of the script, or an act. */
typedef struct line_spec {
    const char *name;
    enum operands operands;
    size_t at; /* of the member; AN_ACT: there is none */
    enum rehearsal_what what;
    enum resource_seen end;
    const char *usage;
} line_spec;

#define MEMBER(name, operands, member, usage)                           \
    {                                                                   \
        name, operands, offsetof(rehearsal_script, member), 0, 0, usage \
    }
#define ACT(name, operands, what, usage)                                 \
    {                                                                    \
        name, operands, AN_ACT, REHEARSAL_##what, RESOURCE_ABSENT, usage \
    }
#define END(name, operands, how, usage)                              \
    {                                                                \
        name, operands, AN_ACT, REHEARSAL_END, RESOURCE_##how, usage \
    }

static const line_spec specs[] = {
    ACT("queue", TIME_WORDS, QUEUE, "queue TIME|for-ever|@FILE [REASON]"),
    ACT("never", WORDS, NEVER, "never REASON"),
    ACT("hold", TIME_WORDS, HOLD, "hold TIME|for-ever|@FILE [REASON]"),
    ACT("start", TIME, START, "start TIME"),
    ACT("run", TIME_MAYBE, RUN, "run [TIME]"),
    ACT("suspend", TIME, SUSPEND, "suspend TIME"),
    ACT("odd", TIME_WORDS, ODD, "odd TIME WORD"),
    ACT("wait", TIME, WAIT, "wait TIME"),
    ACT("requeue", NOTHING, REQUEUE, "requeue"),
    ACT("lost-accounting", NOTHING, LOST_ACCOUNTING, "lost-accounting"),
    END("timeout", NOTHING, TIMEOUT, "timeout"),
    END("cancel", NOTHING, CANCELED, "cancel"),
    END("preempt", NOTHING, PREEMPTED, "preempt"),
    END("node-loss", NOTHING, NODE_LOST, "node-loss"),
    END("fail", STATUS_MAYBE, FAILED, "fail [STATUS]"),
    MEMBER("speed", SPEED, speed, "speed N"),
    MEMBER("slow-query", TIME, slow_query_s, "slow-query TIME"),
    MEMBER("limit", TIME, limit_s, "limit TIME"),
    MEMBER("grace", TIME, grace_s, "grace TIME"),
    MEMBER("fail-query", NUMBER, fail_query, "fail-query N"),
    MEMBER("fail-submit", NUMBER, fail_submit, "fail-submit N"),
    MEMBER("fail-cancel", NUMBER, fail_cancel, "fail-cancel N"),
    MEMBER("submit-lost", NOTHING, submit_lost, "submit-lost"),
    MEMBER("refuse", WORDS, refuse, "refuse TEXT"),
    {NULL, NOTHING, 0, 0, 0, NULL},
};

static const line_spec *spec_find(const char *word, size_t len)
{
    for (const line_spec *s = specs; s->name; s++)
        if (strlen(s->name) == len && !strncmp(s->name, word, len))
            return s;
    return NULL;
}

/* The operands of a line, as far as it has them. */
typedef struct operand {
    double number; /* seconds too */
    char until[64];
    char words[RESOURCE_TEXT_MAX];
} operand;

/* The first blank-separated word of *sp into [out]; *sp moves behind it. */
static int word_take(const char **sp, char *out, size_t cap)
{
    const char *s = *sp + strspn(*sp, " \t");
    size_t len = strcspn(s, " \t");

    if (len == 0 || len >= cap)
        return -1;
    memcpy(out, s, len);
    out[len] = '\0';
    *sp = s + len + strspn(s + len, " \t");
    return 0;
}

static int time_take(const char **sp, operand *o)
{
    char word[sizeof(o->until) + 1];

    if (word_take(sp, word, sizeof(word)) < 0)
        return -1;
    if (*word != '@' && strcmp(word, "for-ever") != 0)
        return text_parse_time(word, &o->number);
    o->number = REHEARSAL_FOR_EVER;
    if (*word == '@')
        memcpy(o->until, word + 1, strlen(word));
    return *word == '@' && (!*o->until || strchr(word, '/')) ? -1 : 0;
}

static int number_take(const char **sp, int64_t min, int64_t max,
                       double *valuep)
{
    char word[32];
    int64_t n;

    if (word_take(sp, word, sizeof(word)) < 0 || text_parse_int(word, &n) < 0 ||
        n < min || n > max)
        return -1;
    *valuep = (double)n;
    return 0;
}

static int words_take(const char **sp, operand *o)
{
    size_t len = strlen(*sp);

    if (len >= sizeof(o->words))
        return -1;
    memcpy(o->words, *sp, len + 1);
    *sp += len;
    return 0;
}

/* What [spec] wants out of [s]; -1: it is not there, or more is. */
static int operands_take(const line_spec *spec, const char *s, operand *o)
{
    char word[32];
    int status = 0;

    switch (spec->operands) {
    case NOTHING:
        break;
    case WORDS:
        status = *s ? words_take(&s, o) : -1;
        break;
    case TIME_WORDS:
        status = time_take(&s, o) < 0 ? -1 : words_take(&s, o);
        break;
    case TIME:
        status = time_take(&s, o);
        break;
    case TIME_MAYBE:
        o->number = REHEARSAL_FOR_EVER;
        status = *s ? time_take(&s, o) : 0;
        break;
    case NUMBER:
        status = number_take(&s, 0, COUNT_MAX, &o->number);
        break;
    case SPEED:
        if (word_take(&s, word, sizeof(word)) < 0 ||
            text_parse_float(word, &o->number) < 0 || o->number <= 0)
            status = -1;
        break;
    case STATUS_MAYBE:
        o->number = 1;
        status = *s ? number_take(&s, 1, 255, &o->number) : 0;
        break;
    }
    return status < 0 || *s ? -1 : 0;
}

static void member_set(rehearsal_script *s, const line_spec *spec,
                       const operand *o)
{
    void *at = (char *)s + spec->at;

    if (spec->operands == NUMBER)
        *(int *)at = (int)o->number;
    else if (spec->operands == NOTHING)
        *(bool *)at = true;
    else if (spec->operands == WORDS)
        memcpy(at, o->words, sizeof(o->words));
    else
        *(double *)at = o->number;
}

static int act_add(rehearsal_script *s, const line_spec *spec, const operand *o,
                   pe_error *errp)
{
    rehearsal_act *acts = reallocarray(s->acts, s->n_acts + 1, sizeof(*acts));
    rehearsal_act a = {.what = spec->what, .end = spec->end};

    if (!acts)
        return pe_error_nomem(errp);
    a.seconds = spec->what == REHEARSAL_NEVER ? REHEARSAL_FOR_EVER : o->number;
    memcpy(a.until, o->until, sizeof(a.until));
    a.status = spec->operands == STATUS_MAYBE ? (int)o->number : 0;
    memcpy(a.words, o->words, sizeof(a.words));
    s->acts = acts;
    acts[s->n_acts++] = a;
    return 0;
}

static int unknown_error(const char *word, size_t len, pe_error *errp)
{
    char nearest[32] = "";
    char *copy = text_format("%.*s", (int)len, word);
    text words = {0};

    for (const line_spec *s = specs; s->name; s++)
        text_add(&words, "%s ", s->name);
    if (copy && words.data && !words.failed)
        text_nearest(copy, words.data, nearest, sizeof(nearest));
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                 "'%.*s' is no word of a rehearsal%s%s%s", (int)len, word,
                 *nearest ? "; did you mean " : "", nearest,
                 *nearest ? "?" : "");
    free(copy);
    text_free(&words);
    return -1;
}

static int line_parse(rehearsal_script *s, const char *line, pe_error *errp)
{
    size_t len = strcspn(line, " \t");
    const char *rest = line + len + strspn(line + len, " \t");
    const line_spec *spec = spec_find(line, len);
    operand o = {0};

    if (len == 0)
        return 0;
    if (!spec)
        return unknown_error(line, len, errp);
    if (operands_take(spec, rest, &o) < 0 ||
        (spec->at != AN_ACT && o.number < 0))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "'%.100s' is not '%s'", line, spec->usage);
    if (spec->at != AN_ACT) {
        member_set(s, spec, &o);
        return 0;
    }
    if (s->n_acts == ACTS_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "more than %d lines about a job", ACTS_MAX);
    return act_add(s, spec, &o, errp);
}

/* Without its comment and the blanks around it. */
static char *line_trim(char *line)
{
    line += strspn(line, " \t");
    line[strcspn(line, "#\r")] = '\0';
    size_t len = strlen(line);
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        line[--len] = '\0';
    return line;
}

static int script_parse(rehearsal_script *s, const char *path, char *data,
                        pe_error *errp)
{
    int number = 1;

    for (char *line = data, *next; line; line = next, number++) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (line_parse(s, line_trim(line), errp) < 0)
            return pe_error_prefix(errp, "%s:%d", path, number);
    }
    return 0;
}

int rehearsal_script_read(const char *path, rehearsal_script *s, pe_error *errp)
{
    char *data;
    int status;

    memset(s, 0, sizeof(*s));
    s->speed = 1;
    s->grace_s = GRACE_S;
    if (!*path)
        return 0;
    data = file_read(path, SCRIPT_MAX, NULL, errp);
    if (!data) {
        if (errp)
            errp->exit_code = PE_EXIT_CONFIG;
        return pe_error_prefix(errp, "script of a rehearsal");
    }
    status = script_parse(s, path, data, errp);
    free(data);
    if (status < 0)
        rehearsal_script_free(s);
    return status;
}

void rehearsal_script_free(rehearsal_script *s)
{
    free(s->acts);
    memset(s, 0, sizeof(*s));
}
