/* rest_job.c - jobs as slurmrestd has them: what is asked, told and granted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "format.h"
#include "private.h"
#include "rest.h"

extern char **environ;

#define OUTPUT "/scheduler.out"

/* NODES is a number that is asked for in a word.  The last three are the words
 * of sbatch for v0.0.38; then a list of one, minutes, a list of names.
 */
enum kind { INT, NODES, TEXT, YES, NO, NAME, ALONE, TIME, MAIL };

/* Options of sbatch, what they are called there, and by what name the job has
 * them afterwards (NULL: by none).
 */
static const struct property {
    const char *option, *name, *granted;
    enum kind kind;
} properties[] = {
    {"--job-name=", "name", "name", NAME},
    {"--nodes=", "nodes", "node_count", NODES},
    {"--ntasks=", "tasks", "tasks", INT},
    {"--ntasks-per-node=", "tasks_per_node", "tasks_per_node", INT},
    {"--cpus-per-task=", "cpus_per_task", NULL, INT},
    {"--mem=", "memory_per_node", NULL, TEXT},
    {"--exclusive", "exclusive", NULL, ALONE},
    {"--time=", "time_limit", NULL, TIME},
    {"--time-min=", "time_minimum", NULL, TIME},
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
    {"--no-requeue", "requeue", "requeue", NO},
    {"--reservation=", "reservation", "resv_name", NAME},
    {"--constraint=", "constraints", "features", NAME},
    {"--mail-type=", "mail_type", NULL, MAIL},
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

/* In typed forms a number may be none, or without an end. */
static json_t *minutes_of(const char *word)
{
    int64_t seconds = 0;

    if (request_time_parse(word, false, &seconds) < 0)
        return NULL;
    return json_pack("{s:b, s:b, s:I}", "set", seconds > 0, "infinite",
                     seconds == 0, "number", (json_int_t)((seconds + 59) / 60));
}

/* Events of --mail-type that have other names there, or are several. */
static const char *const mails[][2] = {
    {"NONE", ""},
    {"ALL", "BEGIN,END,FAIL,REQUEUE,INVALID_DEPENDENCY,STAGE_OUT"},
    {"INVALID_DEPEND", "INVALID_DEPENDENCY"},
    {"TIME_LIMIT", "TIME=100%"},
    {"TIME_LIMIT_90", "TIME=90%"},
    {"TIME_LIMIT_80", "TIME=80%"},
    {"TIME_LIMIT_50", "TIME=50%"},
};

/* "END,TIME_LIMIT", as a list of its names. */
static json_t *mails_of(const char *words)
{
    json_t *all = json_array();
    size_t len;

    for (const char *at = words; *at && all; at += len + (at[len] == ',')) {
        len = strcspn(at, ",");
        const char *name = NULL;
        for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++)
            if (strlen(mails[i][0]) == len && !strncmp(mails[i][0], at, len))
                name = mails[i][1];
        if (name == NULL)
            json_array_append_new(all, json_stringn(at, len));
        for (size_t n; name && *name; name += n + (name[n] == ',')) {
            n = strcspn(name, ",");
            json_array_append_new(all, json_stringn(name, n));
        }
    }
    return all;
}

struct posting {
    json_t *job;
    enum rest_form form;
};

/* A slurm_option_f.  What has no property is refused before, but for the
 * warning that nobody asked for.
 */
static void option_put(void *arg, const char *option, const char *value,
                       const char *comment)
{
    const struct property *p = property_find(option);
    const struct posting *o = arg;
    bool typed = o->form == REST_TYPED;

    (void)comment;
    if (!p)
        return;
    if (p->kind == YES || p->kind == NO)
        json_object_set_new(o->job, p->name, json_boolean(p->kind == YES));
    else if (p->kind == INT)
        json_object_set_new(o->job, p->name,
                            json_integer(strtoll(value, NULL, 10)));
    else if (p->kind == ALONE && typed)
        json_object_set_new(o->job, "shared", json_pack("[s]", "none"));
    else if (p->kind == TIME && typed)
        json_object_set_new(o->job, p->name, minutes_of(value));
    else if (p->kind == MAIL && typed)
        json_object_set_new(o->job, p->name, mails_of(value));
    else
        json_object_set_new(o->job, p->name,
                            json_string(value ? value : "exclusive"));
}

/* All of ours but what Slurm has told us, or trusted us with. */
static json_t *environment(enum rest_form form)
{
    json_t *all = form == REST_TYPED ? json_array() : json_object();

    for (char **e = environ; *e && all; e++) {
        const char *mark = strchr(*e, '=');
        if (!mark || !strncmp(*e, "SLURM_", 6))
            continue; /* what is no UTF-8 cannot be said */
        if (form == REST_TYPED) {
            json_array_append_new(all, json_string(*e));
            continue;
        }
        char *name = text_format("%.*s", (int)(mark - *e), *e);
        if (name)
            json_object_set_new(all, name, json_string(mark + 1));
        free(name);
    }
    return all;
}

char *rest_job(const resource_spec *s, enum rest_form form, const char *content)
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
        json_object_set_new(job, "environment", environment(form));
        slurm_options(s, option_put, &(struct posting){job, form});
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

/* -1: none, or one without an end. */
static json_int_t number(const json_t *n)
{
    if (json_is_object(n))
        n = json_is_true(json_object_get(n, "set"))
                ? json_object_get(n, "number")
                : NULL;
    return json_is_integer(n) ? json_integer_value(n) : -1;
}

static json_int_t number_of(const json_t *job, const char *name)
{
    return number(json_object_get(job, name));
}

/* The word that squeue would have.  Of several the first is a state, and the
 * others are of its transition: the first of these that squeue knows.
 */
static const char *state_of(const json_t *job)
{
    static const char *const transitions[] = {
        "COMPLETING", "STAGE_OUT",   "CONFIGURING",   "RESIZING",
        "REQUEUED",   "REQUEUE_FED", "REQUEUE_HOLD",  "SPECIAL_EXIT",
        "STOPPED",    "REVOKED",     "RESV_DEL_HOLD", "SIGNALING",
    };
    const json_t *states = json_object_get(job, "job_state"), *one;
    const char *word = json_string_value(states);
    size_t n = sizeof(transitions) / sizeof(transitions[0]), i;

    if (!word)
        word = json_string_value(json_array_get(states, 0));
    for (size_t k = 0; k < n; k++)
        json_array_foreach(states, i, one)
        {
            const char *s = json_string_value(one);
            if (s && !strcmp(s, transitions[k]))
                return s;
        }
    return word ? word : "";
}

/* "CODE:SIGNAL", of a status as wait(2) has it or of its two parts. */
static void add_exit(text *out, const json_t *job)
{
    const json_t *e = json_object_get(job, "exit_code");
    const json_t *by = json_object_get(json_object_get(e, "signal"), "id");
    json_int_t code = number_of(e, "return_code"), signal = number(by);

    if (json_is_integer(e)) {
        code = json_integer_value(e) >> 8 & 0xff;
        signal = json_integer_value(e) & 0x7f;
    }
    text_add(out, "|%lld:%lld", (long long)(code > 0 ? code : 0),
             (long long)(signal > 0 ? signal : 0));
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

    text_add(out, "%lld|%s|%lld", (long long)number_of(job, "job_id"),
             state_of(job), (long long)number_of(job, "priority"));
    add_time(out, job, "submit_time");
    add_time(out, job, "start_time");
    add_time(out, job, "end_time");
    text_add(out, "|%lld", (long long)number_of(job, "node_count"));
    add_words(out, word_of(job, "nodes"));
    text_add(out, "|%lld", (long long)number_of(job, "restart_cnt"));
    add_exit(out, job);
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

static void differ_number(struct comparison *c, const char *name,
                          json_int_t got, const char *unit, int64_t want)
{
    char has[32] = "", asked[32];

    if (got >= 0)
        snprintf(has, sizeof(has), "%lld%s", (long long)got, unit);
    snprintf(asked, sizeof(asked), "%lld", (long long)want);
    differ(c, name, has, asked);
}

/* A slurm_option_f. */
static void option_compare(void *arg, const char *option, const char *value,
                           const char *comment)
{
    struct comparison *c = arg;
    const struct property *p = property_find(option);

    (void)comment;
    if (!p || !p->granted)
        return;
    if (p->kind == NO && json_is_true(json_object_get(c->job, p->granted)))
        differ(c, p->name, "true", "false");
    if (p->kind == YES && !json_is_true(json_object_get(c->job, p->granted)))
        differ(c, p->name, "false", "true");
    if (p->kind == NAME && strcmp(word_of(c->job, p->granted), value) != 0)
        differ(c, p->name, word_of(c->job, p->granted), value);
    if (p->kind == INT || p->kind == NODES) {
        json_int_t got = number_of(c->job, p->granted);
        if (got != strtoll(value, NULL, 10))
            differ_number(c, p->name, got, "", strtoll(value, NULL, 10));
    }
}

static int64_t minutes_asked(const resource_spec *s, enum request_word w)
{
    return (int64_t)((request_seconds(s->request, w) + 59) / 60);
}

void rest_compare(const resource_spec *s, const json_t *job, char *out,
                  size_t cap)
{
    struct comparison c = {.job = job};
    int64_t most = minutes_asked(s, REQUEST_TIME);
    int64_t least = minutes_asked(s, REQUEST_TIME_MIN);
    json_int_t got = number_of(job, "time_limit");

    slurm_options(s, option_compare, &c);
    /* Slurm takes from the limit of a job that may have less of it. */
    if (most > 0 && (got > most || got < (least > 0 ? least : most)))
        differ_number(&c, "time_limit", got, " min", most);
    snprintf(out, cap, "%s", c.out.data ? c.out.data : "");
    text_free(&c.out);
}
