/* doctor.c - `pilot doctor`: what would go wrong, before queue time is paid. */
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/backend/backend.h"
#include "src/cmd/cmd.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/request/place.h"

struct doctor_options {
    const char *resource, *partition, *qos, *account, *time, *nodes, *ntasks;
    option_list set;
    bool job, conform, help;
};

#define AT(member) offsetof(struct doctor_options, member)

static const option_spec options[] = {
    {"resource", 0, OPTION_TEXT, AT(resource), "URL", NULL,
     "where pilots shall live (default: as pilot-submit has it)"},
    {"nodes", 'N', OPTION_TEXT, AT(nodes), "N", NULL, "to be asked for"},
    {"ntasks", 'n', OPTION_TEXT, AT(ntasks), "N", NULL, "to be asked for"},
    {"time", 't', OPTION_TEXT, AT(time), "TIME", NULL, "to be asked for"},
    {"partition", 'p', OPTION_TEXT, AT(partition), "NAME", NULL,
     "to be asked for"},
    {"qos", 'q', OPTION_TEXT, AT(qos), "NAME", NULL, "to be asked for"},
    {"account", 'A', OPTION_TEXT, AT(account), "NAME", NULL, "to be asked for"},
    {"job", 0, OPTION_FLAG, AT(job), NULL, NULL,
     "submit a job of a minute, to look from a compute node"},
    {"conform", 0, OPTION_FLAG, AT(conform), NULL, NULL,
     "make and end machines of a provider, to try out all that it owes"},
    {"set", 0, OPTION_LIST, AT(set), "PATH=VALUE", NULL,
     "override a key of the file; may be repeated"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[OPTION]... [FILE]", NULL};

static const option_usage usage = {
    .command = "pilot doctor",
    .synopsis = synopsis,
    .prose = "Look at all that a pilot needs, and say for each thing that it "
             "is ok, or the fix.",
    .options = options,
    .min_args = 0,
    .max_args = 1,
};

void doctor_say(void *arg, bool ok, const char *line)
{
    doctor *d = arg;

    printf("%-6s  %s\n", ok ? "ok" : "fix", line);
    fflush(stdout);
    d->bad += !ok;
}

void doctor_line(doctor *d, bool ok, const char *fmt, ...)
{
    char line[1200];
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
        line[0] = '\0';
    va_end(ap);
    doctor_say(d, ok, line);
}

static int request_take(const struct doctor_options *o, resource_request *q,
                        pe_error *errp)
{
    const struct {
        enum request_word word;
        const char *value;
    } words[] = {
        {REQUEST_NODES, o->nodes}, {REQUEST_NTASKS, o->ntasks},
        {REQUEST_TIME, o->time},   {REQUEST_PARTITION, o->partition},
        {REQUEST_QOS, o->qos},     {REQUEST_ACCOUNT, o->account},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].value && request_set(q, words[i].word, words[i].value,
                                          true, "command line", errp) < 0)
            return -1;
    return 0;
}

/* The first pilot of the file that has a queue says what is to be asked. */
static int pipeline_take(doctor *d, const struct doctor_options *o,
                         const char *file, pe_error *errp)
{
    d->pl = pipeline_load(file, o->set.items, o->set.n, errp);
    if (!d->pl)
        return -1;
    for (size_t i = 0; i < d->pl->n_pilots; i++) {
        const pipeline_pilot *k = &d->pl->pilots[i];
        if (k->kind != PILOT_POOL && k->kind != PILOT_ALLOCATION)
            continue;
        if (!d->url && k->resource_given)
            d->url = k->resources[0];
        return request_merge(&d->request, &k->request, errp);
    }
    return 0;
}

static int examine(const struct doctor_options *o, const char *file,
                   pe_error *errp)
{
    char found[64], job[RESOURCE_ID_MAX], why[256];
    doctor d = {.url = o->resource, .job = o->job, .conform = o->conform};
    int status = request_take(o, &d.request, errp);

    if (status == 0 && file)
        status = pipeline_take(&d, o, file, errp);
    if (status == 0 && (!d.url || place_is_batch(d.url))) {
        backend_default(found, job, why, sizeof(why));
        d.url = found;
        doctor_line(&d, true, "resource %s: %s", d.url, why);
    }
    if (status == 0) {
        if (!d.conform) {
            doctor_host(&d);
            doctor_services(&d);
        }
        doctor_resource(&d);
    }
    request_free(&d.request);
    pipeline_destroy(d.pl);
    return status < 0 ? -1 : d.bad;
}

int cmd_doctor(int argc, char **argv)
{
    struct doctor_options o = {0};
    pe_error e = {0};
    int bad = -1, first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        bad = 0;
    } else if (first >= 0 && option_operands(&usage, argc - first, &e) == 0) {
        bad = examine(&o, first < argc ? argv[first] : NULL, &e);
    }
    option_list_free(&o.set);
    if (bad < 0)
        return log_failure(&e);
    return bad ? PE_EXIT_FAILED : PE_EXIT_OK;
}
