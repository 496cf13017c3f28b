/* rest_job.c - jobs as slurmrestd has them: what is asked, told and granted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "format.h"
#include "private.h"

extern char **environ;

#define OUTPUT "/scheduler.out"

enum kind { INT, TEXT, YES, NAME };

/* Options of sbatch, what they are called there, and by what name the job has
 * them afterwards (NULL: by none).
 */
static const struct property {
    const char *option, *name, *granted;
    enum kind kind;
} properties[] = {
    {"--job-name=", "name", "name", NAME},
    {"--nodes=", "nodes", "node_count", INT},
    {"--ntasks=", "tasks", "tasks", INT},
    {"--ntasks-per-node=", "tasks_per_node", "tasks_per_node", INT},
    {"--cpus-per-task=", "cpus_per_task", NULL, INT},
    {"--mem=", "memory_per_node", NULL, TEXT},
    {"--exclusive", "exclusive", NULL, TEXT},
    {"--time=", "time_limit", NULL, TEXT},
    {"--time-min=", "time_minimum", NULL, TEXT},
    {"--partition=", "partition", "partition", NAME},
    {"--qos=", "qos", "qos", NAME},
    {"--account=", "account", "account", NAME},
    {"--output=", "standard_output", NULL, TEXT},
    {"--error=", "standard_error", NULL, TEXT},
    {"--chdir=", "current_working_directory", "current_working_directory",
     NAME},
    {"--open-mode=", "open_mode", NULL, TEXT},
    {"--dependency=", "dependency", NULL, TEXT},
    {"--begin=", "begin_time", NULL, TEXT},
    {"--hold", "hold", NULL, YES},
    {"--requeue", "requeue", "requeue", YES},
    {"--reservation=", "reservation", "resv_name", NAME},
    {"--constraint=", "constraints", "features", NAME},
    {"--mail-type=", "mail_type", NULL, TEXT},
    {"--mail-user=", "mail_user", NULL, TEXT},
    {"--licenses=", "licenses", "licenses", NAME},
};

static const struct property *property_find(const char *option)
{
    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
        if (!strcmp(properties[i].option, option))
            return &properties[i];
    return NULL;
}

/* --- what is asked --- */

/* A slurm_option_f.  What has no property is refused before, but for the
 * warning that nobody asked for.
 */
static void option_put(void *arg, const char *option, const char *value,
                       const char *comment)
{
    const struct property *p = property_find(option);
    json_t *job = arg, *v = NULL;

    (void)comment;
    if (!p)
        return;
    if (p->kind == YES)
        v = json_true();
    else if (p->kind == INT)
        v = json_integer(strtoll(value, NULL, 10));
    else
        v = json_string(value ? value : "exclusive");
    json_object_set_new(job, p->name, v);
}

/* All of ours but what Slurm has told us, or trusted us with. */
static json_t *environment(void)
{
    json_t *all = json_object();

    for (char **e = environ; *e && all; e++) {
        const char *mark = strchr(*e, '=');
        if (!mark || !strncmp(*e, "SLURM_", 6))
            continue;
        char *name = text_format("%.*s", (int)(mark - *e), *e);
        if (name) /* what is no UTF-8 cannot be said */
            json_object_set_new(all, name, json_string(mark + 1));
        free(name);
    }
    return all;
}

char *rest_job(const resource_spec *s, const char *content)
{
    json_t *job = json_object(), *all;
    text comment = {0}, output = {0};
    char *out = NULL;

    text_add(&comment, REST_MARK "%s", s->dir);
    for (const char *c = s->dir; *c; c++)
        text_add_bytes(&output, *c == '%' ? "%%" : c, *c == '%' ? 2 : 1);
    text_add(&output, OUTPUT);
    if (job && comment.data && output.data) {
        json_object_set_new(job, "comment", json_string(comment.data));
        json_object_set_new(job, "standard_output", json_string(output.data));
        json_object_set_new(
            job, "current_working_directory",
            json_string(s->submit_dir ? s->submit_dir : s->dir));
        json_object_set_new(job, "environment", environment());
        slurm_options(s, option_put, job);
        all = json_pack("{s:s, s:O}", "script", content, "job", job);
        out = all ? json_dumps(all, JSON_INDENT(1)) : NULL;
        json_decref(all);
    }
    json_decref(job);
    text_free(&comment);
    text_free(&output);
    return out;
}

/* --- what is told --- */

static const char *word_of(const json_t *job, const char *name)
{
    const char *s = json_string_value(json_object_get(job, name));

    return s ? s : "";
}

static json_int_t number_of(const json_t *job, const char *name)
{
    return json_integer_value(json_object_get(job, name));
}

/* "|" and a time of [job] in UTC. */
static void add_time(text *out, const json_t *job, const char *name)
{
    time_t t = (time_t)number_of(job, name);
    char word[32] = "N/A";
    struct tm tm;

    if (t > 0 && gmtime_r(&t, &tm))
        strftime(word, sizeof(word), SLURM_TIME, &tm);
    text_add(out, "|%s", word);
}

/* Words of others in a line. */
static void add_words(text *out, const char *s)
{
    text_add(out, "|");
    for (; *s; s++)
        text_add_bytes(out, (unsigned char)*s < ' ' ? " " : s, 1);
}

static void add_line(text *out, const json_t *job)
{
    const char *comment = word_of(job, "comment");
    const char *said = word_of(job, "state_description");
    json_int_t status = number_of(job, "exit_code"); /* as wait(2) has it */

    text_add(out, "%lld|%s|%lld", (long long)number_of(job, "job_id"),
             word_of(job, "job_state"), (long long)number_of(job, "priority"));
    add_time(out, job, "submit_time");
    add_time(out, job, "start_time");
    add_time(out, job, "end_time");
    text_add(out, "|%lld", (long long)number_of(job, "node_count"));
    add_words(out, word_of(job, "nodes"));
    text_add(out, "|%lld|%lld:%lld", (long long)number_of(job, "restart_cnt"),
             (long long)(status >> 8 & 0xff), (long long)(status & 0x7f));
    add_words(out, *said ? said : word_of(job, "state_reason"));
    if (!strncmp(comment, REST_MARK "/", strlen(REST_MARK) + 1)) {
        add_words(out, comment + strlen(REST_MARK));
        text_add(out, SCHEDULER_SCRIPT);
    } else {
        text_add(out, "|");
    }
    text_add(out, "\n");
}

int rest_lines(const json_t *answer, text *out)
{
    const json_t *jobs = json_object_get(answer, "jobs"), *job;
    size_t i;

    json_array_foreach(jobs, i, job) add_line(out, job);
    return out->failed ? -1 : 0;
}

/* --- what is granted --- */

struct comparison {
    const json_t *job;
    text out;
};

static void differ(struct comparison *c, const char *name, const char *got,
                   const char *want)
{
    text_add(&c->out, "%s%s %s in place of %s", c->out.len ? ", " : "", name,
             *got ? got : "none", want);
}

/* A slurm_option_f. */
static void option_compare(void *arg, const char *option, const char *value,
                           const char *comment)
{
    struct comparison *c = arg;
    const struct property *p = property_find(option);
    char got[32];

    (void)comment;
    if (!strcmp(option, "--no-requeue") &&
        json_is_true(json_object_get(c->job, "requeue")))
        differ(c, "requeue", "true", "false");
    if (!p || !p->granted)
        return;
    if (p->kind == YES && !json_is_true(json_object_get(c->job, p->granted)))
        differ(c, p->name, "false", "true");
    if (p->kind == NAME && strcmp(word_of(c->job, p->granted), value) != 0)
        differ(c, p->name, word_of(c->job, p->granted), value);
    if (p->kind == INT &&
        number_of(c->job, p->granted) != strtoll(value, NULL, 10)) {
        snprintf(got, sizeof(got), "%lld",
                 (long long)number_of(c->job, p->granted));
        differ(c, p->name, got, value);
    }
}

void rest_compare(const resource_spec *s, const json_t *job, char *out,
                  size_t cap)
{
    struct comparison c = {.job = job};
    double limit_s = request_seconds(s->request, REQUEST_TIME);
    int64_t minutes = (int64_t)((limit_s + 59) / 60);
    char got[32], want[32];

    slurm_options(s, option_compare, &c);
    if (minutes > 0 && number_of(job, "time_limit") != minutes) {
        snprintf(got, sizeof(got), "%lld min",
                 (long long)number_of(job, "time_limit"));
        snprintf(want, sizeof(want), "%lld", (long long)minutes);
        differ(&c, "time_limit", got, want);
    }
    snprintf(out, cap, "%s", c.out.data ? c.out.data : "");
    text_free(&c.out);
}
