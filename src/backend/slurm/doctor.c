/* doctor.c - lines of `pilot doctor` about a Slurm cluster. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#include "src/common/text.h"

/* What sinfo says of one partition. */
struct partition {
    char name[64];
    char limit[32];
    bool found, up;
    int usable, all; /* nodes */
};

/* Can nodes in [state] run a job, now or after others? */
static bool is_usable(const char *state)
{
    static const char *const words[] = {
        "idle",    "mix",      "alloc", "comp",      "plnd",
        "resv",    "maint",    "mixed", "allocated", "completing",
        "planned", "reserved", NULL};
    size_t n = strcspn(state, "*~#!%$@^-+");

    for (const char *const *w = words; *w; w++)
        if (strlen(*w) == n && !strncmp(*w, state, n))
            return state[n] != '*'; /* "idle*" does not answer */
    return false;
}

/* The fields of "debug*|up|infinite|3|idle"; false: it is none. */
static bool line_split(char *line, char *field[5])
{
    for (int i = 0; i < 5; i++) {
        field[i] = line;
        line = strchr(line, '|');
        if (!line && i < 4)
            return false;
        if (line)
            *line++ = '\0';
    }
    return true;
}

static void partition_add(struct partition *p, char *const field[5])
{
    int64_t nodes = 0;

    p->found = true;
    p->up = !strcmp(field[1], "up");
    snprintf(p->limit, sizeof(p->limit), "%s", field[2]);
    if (text_parse_int(field[3], &nodes) < 0)
        return;
    p->all += (int)nodes;
    if (is_usable(field[4]))
        p->usable += (int)nodes;
}

/* Read sinfo's lines about the partition called [wanted] (NULL: the default
 * one); [names] gets all names.
 */
static void partitions_read(char *out, const char *wanted, struct partition *p,
                            text *names)
{
    char *save = NULL, *field[5], last[64] = "";

    for (char *line = strtok_r(out, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        if (!line_split(line, field))
            continue;
        size_t n = strcspn(field[0], "*");
        bool is_default = field[0][n] == '*';
        field[0][n] = '\0';
        if (strcmp(last, field[0]))
            text_add(names, "%s%s", names->len ? " " : "", field[0]);
        snprintf(last, sizeof(last), "%s", field[0]);
        if (wanted ? strcmp(wanted, field[0]) != 0 : !is_default)
            continue;
        snprintf(p->name, sizeof(p->name), "%s", field[0]);
        partition_add(p, field);
    }
}

static void say_time(const scheduler_report *to, const struct partition *p,
                     const resource_request *q)
{
    const char *asked = q->word[REQUEST_TIME];
    int64_t limit = 0;

    if (request_time_parse(p->limit, true, &limit) < 0)
        limit = 0;
    if (!asked)
        scheduler_say(
            to, true,
            text_format("time limit of partition %s: %s; --time is not asked "
                        "for, so its default counts",
                        p->name, p->limit));
    else if (limit > 0 && (request_seconds(q, REQUEST_TIME) == 0 ||
                           request_seconds(q, REQUEST_TIME) > (double)limit))
        scheduler_say(
            to, false,
            text_format("partition %s gives %s and %s is asked for: lower "
                        "--time, or take another --partition",
                        p->name, p->limit, asked));
    else
        scheduler_say(
            to, true,
            text_format("time limit of partition %s: %s, asked for: %s",
                        p->name, p->limit, asked));
}

static void say_nodes(const scheduler_report *to, const struct partition *p,
                      const resource_request *q)
{
    request_shape shape = {0};

    if (request_shape_of(q, &shape, NULL) == 0 && shape.nodes > p->usable)
        scheduler_say(
            to, false,
            text_format("partition %s has %d usable node%s of %d, and %d %s "
                        "asked for: lower --nodes, or wait",
                        p->name, p->usable, text_s((uint64_t)p->usable), p->all,
                        shape.nodes, text_are((uint64_t)shape.nodes)));
    else
        scheduler_say(
            to, p->usable > 0,
            text_format("partition %s has %d usable node%s of %d%s", p->name,
                        p->usable, text_s((uint64_t)p->usable), p->all,
                        p->usable > 0 ? "" : ": nothing runs there now"));
}

static void say_partition(const scheduler_report *to, const struct partition *p,
                          const char *wanted, const char *names,
                          const resource_request *q)
{
    if (!p->found && wanted)
        scheduler_say(to, false,
                      text_format("partition %s is not there: it is one of %s",
                                  wanted, names));
    else if (!p->found)
        scheduler_say(
            to, false,
            text_format("there is no default partition: say --partition (%s)",
                        names));
    if (!p->found)
        return;
    scheduler_say(
        to, p->up,
        text_format(p->up ? "partition %s is up"
                          : "partition %s is down: jobs wait there until the "
                            "site opens it, or take another --partition",
                    p->name));
    say_time(to, p, q);
    say_nodes(to, p, q);
}

static int partition_check(resource *r, const scheduler_report *to,
                           const resource_request *q, pe_error *errp)
{
    const char *argv[] = {"sinfo", "-h", "-a", "-o", "%P|%a|%l|%D|%t", NULL};
    const char *wanted = q->word[REQUEST_PARTITION];
    struct partition p = {.found = false};
    host_answer a = {0};
    text names = {0};
    char words[256];

    if (scheduler_ask(r, argv, &a, errp) < 0)
        return -1;
    scheduler_words(&a, words, sizeof(words));
    if (a.status != 0) {
        scheduler_say(to, false, text_format("sinfo says: %s", words));
    } else {
        partitions_read(a.out, wanted, &p, &names);
        say_partition(to, &p, wanted, names.data ? names.data : "none", q);
    }
    text_free(&names);
    host_answer_free(&a);
    return 0;
}

static int account_check(resource *r, const scheduler_report *to,
                         const resource_request *q, pe_error *errp)
{
    const char *account = q->word[REQUEST_ACCOUNT];
    const char *argv[] = {"sacctmgr",       "-n",      "-P",
                          "show",           "account", account,
                          "format=Account", NULL};
    host_answer a = {0};

    if (!account)
        return 0;
    if (scheduler_ask(r, argv, &a, errp) < 0)
        return -1;
    if (a.status != 0)
        scheduler_say(
            to, true,
            text_format("account %s: not checked, there is no accounting to "
                        "ask",
                        account));
    else
        scheduler_say(
            to, a.out_len > 0,
            text_format(a.out_len > 0
                            ? "account %s is there"
                            : "account %s is not there: 'sacctmgr show "
                              "associations user=$USER' lists yours",
                        account));
    host_answer_free(&a);
    return 0;
}

/* Does the controller answer?  1, 0, -1. */
static int controller_check(resource *r, const scheduler_report *to,
                            pe_error *errp)
{
    static const char *const argv[] = {"scontrol", "ping", NULL};
    host_answer a = {0};
    char words[256];

    if (scheduler_ask(r, argv, &a, errp) < 0)
        return -1;
    scheduler_words(&a, words, sizeof(words));
    bool up = a.status == 0;
    scheduler_say(
        to, up,
        text_format("Slurm on %s: %s%s", host_name(r->host), words,
                    up ? "" : "; nothing can be submitted until it is up"));
    host_answer_free(&a);
    return up;
}

int slurm_doctor(resource *r, const resource_request *q,
                 void (*line)(void *arg, bool ok, const char *text), void *arg,
                 pe_error *errp)
{
    const scheduler_report to = {line, arg};
    int up = controller_check(r, &to, errp);

    if (up <= 0)
        return up;
    if (partition_check(r, &to, q, errp) < 0 ||
        account_check(r, &to, q, errp) < 0)
        return -1;
    return 0;
}
