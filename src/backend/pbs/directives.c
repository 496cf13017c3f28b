/* directives.c - a request in qsub's words. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "private.h"
#include "src/request/hostlist.h"
#include "src/resource/script.h"

#define PREFIX "#PBS "
#define NAME_BYTES_MAX 230

static int refuse(pe_error *errp, enum request_word w, const char *why)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "--%s cannot be asked of PBS like this: %s",
                        request_specs[w].name, why);
}

/* "#PBS -X VALUE". */
static void add_option(text *out, const resource_request *q, const char *name,
                       const char *value)
{
    if (!value || script_is_replaced(q, name))
        return;
    text_add(out, PREFIX "%s ", name);
    script_add_value(out, value);
    text_add(out, "\n");
}

/* What a chunk holds beside its ranks. */
struct chunk {
    const char *mem; /* "4gb" */
    const char *gpus;
    int cpus_per_task;
    bool threads_asked;
};

static void add_chunk(text *out, const struct chunk *c, int count,
                      const char *name, int ranks)
{
    text_add(out, "%s%d", out->len ? "+" : "", count);
    if (name)
        text_add(out, ":host=%s", name);
    text_add(out, ":ncpus=%d:mpiprocs=%d", ranks * c->cpus_per_task, ranks);
    if (c->threads_asked)
        text_add(out, ":ompthreads=%d", c->cpus_per_task);
    if (c->mem)
        text_add(out, ":mem=%s", c->mem);
    if (c->gpus)
        text_add(out, ":ngpus=%s", c->gpus);
}

/* A chunk is a host, or, where the number of hosts is PBS's choice, a rank.
 * The ranks are dealt as evenly as they can be: the first hosts have one more.
 */
static void add_chunks(text *out, const struct chunk *c, const request_shape *n,
                       const hostlist *hosts)
{
    int each = n->nodes > 0 ? n->ntasks / n->nodes : 1;
    int more = n->nodes > 0 ? n->ntasks % n->nodes : 0, done = 0;

    if (n->nodes == 0) {
        add_chunk(out, c, n->ntasks, NULL, 1);
        return;
    }
    for (size_t i = 0; i < hosts->n; i++, done++)
        add_chunk(out, c, 1, hosts->names[i], each + (done < more));
    if (more > done)
        add_chunk(out, c, more - done, NULL, each + 1);
    done = more > done ? more : done;
    if (n->nodes > done)
        add_chunk(out, c, n->nodes - done, NULL, each);
}

/* "4000M" as PBS has it: "4000mb".  New memory. */
static int memory_of(const resource_request *q, char **out, pe_error *errp)
{
    const char *mem = q->word[REQUEST_MEM];
    size_t n = mem ? strlen(mem) : 0;

    if (!mem)
        return 0;
    if (!strcmp(mem, "0"))
        return refuse(errp, REQUEST_MEM,
                      "it has no word for all of a host's memory: say how "
                      "much, or --exclusive");
    *out = text_format("%.*s%cb", (int)n - 1, mem,
                       tolower((unsigned char)mem[n - 1]));
    return *out ? 0 : pe_error_nomem(errp);
}

static int gpus_of(const resource_request *q, struct chunk *c, pe_error *errp)
{
    const char *gpus = q->word[REQUEST_GPUS_PER_NODE];

    if (gpus && strpbrk(gpus, ":,"))
        return refuse(errp, REQUEST_GPUS_PER_NODE,
                      "types of GPUs are resources named by the site: say a "
                      "number, and the type as a directive");
    c->gpus = gpus;
    return 0;
}

/* Names of --nodelist; they are nodes of the shape. */
static int hosts_of(const resource_request *q, request_shape *n,
                    hostlist *hosts, pe_error *errp)
{
    const char *list = q->word[REQUEST_NODELIST];

    if (!list)
        return 0;
    if (strchr(list, '/'))
        return refuse(errp, REQUEST_NODELIST,
                      "it reads no file of hosts: name them");
    if (hostlist_add(hosts, list, errp) < 0)
        return -1;
    if (n->nodes == 0)
        n->nodes = (int)hosts->n;
    if (hosts->n > (size_t)n->nodes)
        return refuse(errp, REQUEST_NODELIST,
                      "it names more hosts than --nodes asks for");
    if (n->nodes > n->ntasks)
        return refuse(errp, REQUEST_NODELIST,
                      "there are fewer ranks than hosts: raise --ntasks");
    return 0;
}

static bool is_asked(const resource_request *q)
{
    static const enum request_word words[] = {
        REQUEST_NODES,    REQUEST_NTASKS,        REQUEST_NTASKS_PER_NODE,
        REQUEST_NODELIST, REQUEST_CPUS_PER_TASK, REQUEST_GPUS_PER_NODE,
        REQUEST_MEM};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (q->word[words[i]])
            return true;
    return false;
}

static int add_select(text *out, const resource_request *q, request_shape *n,
                      pe_error *errp)
{
    struct chunk c = {.cpus_per_task = n->cpus_per_task,
                      .threads_asked = q->word[REQUEST_CPUS_PER_TASK] != NULL};
    hostlist hosts = {0};
    text chunks = {0};
    char *mem = NULL;
    int r = -1;

    if (hosts_of(q, n, &hosts, errp) < 0 || memory_of(q, &mem, errp) < 0 ||
        gpus_of(q, &c, errp) < 0)
        goto done;
    if ((mem || c.gpus) && n->nodes == 0 && n->ntasks > 1) {
        refuse(errp, mem ? REQUEST_MEM : REQUEST_GPUS_PER_NODE,
               "it is for each host, and how many there are is not said: add "
               "--nodes");
        goto done;
    }
    c.mem = mem;
    add_chunks(&chunks, &c, n, &hosts);
    if (is_asked(q) && !script_is_replaced(q, "-l select"))
        text_add(out, PREFIX "-l select=%s\n", chunks.data ? chunks.data : "");
    out->failed = out->failed || chunks.failed;
    r = 0;
done:
    text_free(&chunks);
    hostlist_free(&hosts);
    free(mem);
    return r;
}

/* Without it PBS may put several chunks on one host, and sbatch does not. */
static void add_place(text *out, const resource_request *q,
                      const request_shape *n)
{
    bool alone = request_flag(q, REQUEST_EXCLUSIVE);

    if ((n->nodes < 2 && !alone) || script_is_replaced(q, "-l place"))
        return;
    text_add(out, PREFIX "-l place=%s%s\n", n->nodes < 2 ? "free" : "scatter",
             alone ? ":exclhost" : "");
}

static int add_time(text *out, const resource_request *q, pe_error *errp)
{
    int64_t s = (int64_t)request_seconds(q, REQUEST_TIME);

    if (!q->word[REQUEST_TIME] || script_is_replaced(q, "-l walltime"))
        return 0;
    if (s == 0)
        return refuse(errp, REQUEST_TIME,
                      "it has no word for no limit: leave it out, and the "
                      "queue's own counts");
    text_add(out,
             PREFIX "-l walltime=%02" PRId64 ":%02" PRId64 ":%02" PRId64 "\n",
             s / 3600, s / 60 % 60, s % 60);
    return 0;
}

/* Partition, quality of service and reservation are all a queue there. */
static int add_queue(text *out, const resource_request *q, pe_error *errp)
{
    static const enum request_word words[] = {REQUEST_PARTITION, REQUEST_QOS,
                                              REQUEST_RESERVATION};
    const char *queue = NULL;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *name = q->word[words[i]];
        if (name && queue && strcmp(name, queue))
            return refuse(errp, words[i],
                          "partition, qos and reservation are all the queue "
                          "there, and they differ: say one of them");
        if (name && strchr(name, ','))
            return refuse(errp, words[i], "a job is in one queue: name one");
        queue = name ? name : queue;
    }
    add_option(out, q, "-q", queue);
    return 0;
}

static int add_name(text *out, const resource_spec *s, pe_error *errp)
{
    char name[256], other[256];

    script_job_name(s, name, sizeof(name));
    snprintf(other, sizeof(other), "%s", name);
    for (char *c = other; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-+", *c))
            *c = '_';
    if (strcmp(name, other) || strlen(name) > NAME_BYTES_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--job-name cannot be asked of PBS like this: it "
                            "takes letters, digits and ._-+ only; '%.64s' "
                            "would do",
                            other);
    add_option(out, s->request, "-N", name);
    return 0;
}

/* sbatch's standard error goes where its output goes, unless it is told
 * otherwise.
 */
static int add_files(text *out, const resource_request *q, pe_error *errp)
{
    static const enum request_word words[] = {REQUEST_OUTPUT, REQUEST_ERROR};
    static const char *const names[] = {"-o", "-e"};

    for (int i = 0; i < 2; i++) {
        const char *path = q->word[words[i]];
        if (path && strchr(path, '%'))
            return refuse(errp, words[i],
                          "it knows no %j and the like: name a folder, and "
                          "the job's id becomes the name of the file");
        if (path && strchr(path, ':'))
            return refuse(errp, words[i],
                          "what stands in front of a ':' is a host there");
        add_option(out, q, names[i], path);
    }
    if (q->word[REQUEST_OUTPUT] && !q->word[REQUEST_ERROR])
        add_option(out, q, "-j", "oe");
    return 0;
}

/* "afterok:17:18,afterany:19"; numbers alone are afterany. */
static int add_dependency(text *out, const resource_request *q, pe_error *errp)
{
    static const char *const types[] = {
        "after:", "afterok:", "afternotok:", "afterany:", NULL};
    const char *list = q->word[REQUEST_DEPENDENCY];

    if (!list || script_is_replaced(q, "-W depend"))
        return 0;
    if (strpbrk(list, "?+"))
        return refuse(errp, REQUEST_DEPENDENCY,
                      "all jobs of a list have to be waited for there, and at "
                      "once: no '?' and no '+'");
    text_add(out, PREFIX "-W depend=");
    for (size_t n; *list; list += n + (list[n] == ',')) {
        bool bare = isdigit((unsigned char)*list), known = bare;
        n = strcspn(list, ",");
        for (const char *const *t = types; !known && *t; t++)
            known = !strncmp(list, *t, strlen(*t));
        if (!known)
            return refuse(errp, REQUEST_DEPENDENCY,
                          "it knows after, afterok, afternotok and afterany "
                          "with ids of jobs");
        text_add(out, "%s%.*s%s", bare ? "afterany:" : "", (int)n, list,
                 list[n] ? "," : "\n");
    }
    return 0;
}

/* The digits of [s] when it is like [pattern], of which '9' is any digit. */
static bool digits_of(const char *s, const char *pattern, char *out)
{
    for (; *pattern; s++, pattern++) {
        if (*pattern == '9' ? !isdigit((unsigned char)*s) : *s != *pattern)
            return false;
        if (*pattern == '9')
            *out++ = *s;
    }
    *out = '\0';
    return !*s;
}

/* [[[[CC]YY]MM]DD]hhmm[.SS] of sbatch's forms that are points in time. */
static bool begin_of(const char *when, char out[24])
{
    static const struct {
        const char *pattern;
        bool day, seconds; /* digits: year, month, day; seconds at the end */
    } forms[] = {{"99:99", false, false},
                 {"99:99:99", false, true},
                 {"9999-99-99", true, false},
                 {"9999-99-99T99:99", true, false},
                 {"9999-99-99T99:99:99", true, true}};
    static const struct {
        const char *word, *time;
    } words[] = {{"midnight", "0000"},
                 {"noon", "1200"},
                 {"fika", "1500"},
                 {"teatime", "1600"}};
    char digits[24];

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcasecmp(when, words[i].word)) {
            snprintf(out, 24, "%s", words[i].time);
            return true;
        }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (!digits_of(when, forms[i].pattern, digits))
            continue;
        size_t n = strlen(digits), tail = forms[i].seconds ? 2 : 0;
        snprintf(out, 24, "%.*s%s%s%s", (int)(n - tail), digits,
                 n == 8 ? "0000" : "", tail ? "." : "", digits + n - tail);
        return true;
    }
    return false;
}

static int add_begin(text *out, const resource_request *q, pe_error *errp)
{
    const char *when = q->word[REQUEST_BEGIN];
    char digits[24];

    if (!when)
        return 0;
    if (!begin_of(when, digits))
        return refuse(errp, REQUEST_BEGIN,
                      "it wants a point in time: say 16:00 or "
                      "2026-11-23T16:00");
    add_option(out, q, "-a", digits);
    return 0;
}

static int add_mail(text *out, const resource_request *q, pe_error *errp)
{
    static const struct {
        const char *type, *letters;
    } types[] = {{"NONE", "n"},
                 {"BEGIN", "b"},
                 {"END", "e"},
                 {"FAIL", "a"},
                 {"ALL", "abe"}};
    const char *list = q->word[REQUEST_MAIL_TYPE];
    char letters[8] = "";

    for (size_t n; list && *list; list += n + (list[n] == ',')) {
        const char *add = NULL;
        n = strcspn(list, ",");
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
            if (strlen(types[i].type) == n && !strncmp(types[i].type, list, n))
                add = types[i].letters;
        if (!add)
            return refuse(errp, REQUEST_MAIL_TYPE,
                          "it sends mail at BEGIN, END and FAIL only (ALL, "
                          "NONE)");
        for (; *add && strlen(letters) + 1 < sizeof(letters); add++)
            if (!strchr(letters, *add))
                snprintf(letters + strlen(letters), 2, "%c", *add);
    }
    add_option(out, q, "-m", *letters ? letters : NULL);
    add_option(out, q, "-M", q->word[REQUEST_MAIL_USER]);
    return 0;
}

static void add_flags(text *out, const resource_request *q)
{
    const char *requeue = q->word[REQUEST_REQUEUE];

    if (requeue)
        add_option(out, q, "-r", request_flag(q, REQUEST_REQUEUE) ? "y" : "n");
    if (request_flag(q, REQUEST_HOLD) && !script_is_replaced(q, "-h"))
        text_add(out, PREFIX "-h\n");
}

int pbs_directives(const resource_spec *s, text *out, pe_error *errp)
{
    const resource_request *q = s->request;
    request_shape shape;

    if (script_refuse(q, &pbs_ops, errp) < 0 ||
        request_shape_of(q, &shape, errp) < 0 || add_name(out, s, errp) < 0 ||
        add_select(out, q, &shape, errp) < 0)
        return -1;
    add_place(out, q, &shape);
    if (add_time(out, q, errp) < 0 || add_queue(out, q, errp) < 0)
        return -1;
    add_option(out, q, "-A", q->word[REQUEST_ACCOUNT]);
    if (add_files(out, q, errp) < 0 || add_dependency(out, q, errp) < 0 ||
        add_begin(out, q, errp) < 0)
        return -1;
    add_flags(out, q);
    return add_mail(out, q, errp);
}

char *pbs_mark(const char *dir)
{
    text out = {0};

    for (const char *c = dir; *c; c++) {
        unsigned char u = (unsigned char)*c;
        if (u < 128 && (isalnum(u) || strchr("/._-", u)))
            text_add_bytes(&out, c, 1);
        else
            text_add(&out, "%%%02X", u);
    }
    if (out.failed)
        text_free(&out);
    return out.data;
}

char *pbs_variables(const resource_spec *s, pe_error *errp)
{
    const char *list = s->request->word[REQUEST_EXPORT];
    char *mark = pbs_mark(s->dir);
    text out = {0};

    text_add(&out, PBS_MARK "=%s", mark ? mark : "");
    if (list && strcasecmp(list, "NONE") && strcasecmp(list, "ALL"))
        text_add(&out, ",%s", !strncasecmp(list, "ALL,", 4) ? list + 4 : list);
    if (!mark || out.failed) {
        text_free(&out);
        pe_error_nomem(errp);
    }
    free(mark);
    return out.data;
}
