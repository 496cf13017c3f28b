/* test_script.c - job scripts: golden files, mapping of words, runs by hand.
 */
#include "unit.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "src/backend/backend.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/backend/backends.h"
#include "src/common/process.h"
#include "src/resource/script.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define STEP_NS 2000000

/* A word and its value; the end is a row without a value. */
struct say {
    enum request_word word;
    const char *value;
};

static void request_fill(resource_request *q, const struct say *say)
{
    for (; say && say->value; say++) {
        pe_error e = {0};
        CU_ASSERT_EQUAL(request_set(q, say->word, say->value, true, "line", &e),
                        0);
        UNIT_EQUAL(e.text, "");
    }
}

static resource_spec spec_of(const resource_request *q)
{
    const resource_spec s = {.pilot = "run-1a2b/pool",
                             .kind = "pool",
                             .dir = "/home/me/.local/state/pilot/run-1a2b/pool",
                             .supervisor = "/usr/libexec/pilot-supervise",
                             .submit_dir = "/home/me/work",
                             .request = q};

    return s;
}

static const struct say nothing[] = {{0, NULL}};

static const struct say slurm_all[] = {
    {REQUEST_NODES, "2"},
    {REQUEST_NTASKS, "8"},
    {REQUEST_NTASKS_PER_NODE, "4"},
    {REQUEST_CPUS_PER_TASK, "2"},
    {REQUEST_GPUS_PER_NODE, "volta:1"},
    {REQUEST_MEM, "4G"},
    {REQUEST_EXCLUSIVE, "true"},
    {REQUEST_TIME, "30"},
    {REQUEST_TIME_MIN, "10"},
    {REQUEST_PARTITION, "compute"},
    {REQUEST_QOS, "high"},
    {REQUEST_ACCOUNT, "proj"},
    {REQUEST_JOB_NAME, "my pool"},
    {REQUEST_OUTPUT, "slurm %j.out"},
    {REQUEST_ERROR, "slurm-%j.err"},
    {REQUEST_CHDIR, "sub"},
    {REQUEST_OPEN_MODE, "append"},
    {REQUEST_DEPENDENCY, "afterok:17:18"},
    {REQUEST_BEGIN, "now+1hour"},
    {REQUEST_HOLD, "true"},
    {REQUEST_REQUEUE, "false"},
    {REQUEST_RESERVATION, "maint"},
    {REQUEST_CONSTRAINT, "[rack1|rack2]"},
    {REQUEST_NODELIST, "node[1-3]"},
    {REQUEST_EXCLUDE, "node9"},
    {REQUEST_MAIL_TYPE, "END,FAIL"},
    {REQUEST_MAIL_USER, "me@site.org"},
    {REQUEST_LICENSES, "nastran:2"},
    {REQUEST_EXPORT, "ALL,A=b"},
    {REQUEST_LAUNCHER, "srun"},
    {REQUEST_WRAP, "apptainer exec image.sif"},
    {REQUEST_LEAD, "90s"},
    {REQUEST_SETUP, "module load openmpi"},
    {REQUEST_SETUP, "if [ -r ~/site.sh ]; then"},
    {REQUEST_SETUP, "    . ~/site.sh"},
    {REQUEST_SETUP, "fi"},
    {REQUEST_DIRECTIVES, "-C rome"},
    {REQUEST_DIRECTIVES, "--wckey=key"},
    {REQUEST_NO_DIRECTIVE, "--exclusive"},
    {REQUEST_EXTRA, "--comment=a b"},
    {0, NULL},
};

static const struct say pbs_all[] = {
    {REQUEST_NODES, "2"},
    {REQUEST_NTASKS, "7"},
    {REQUEST_CPUS_PER_TASK, "2"},
    {REQUEST_GPUS_PER_NODE, "1"},
    {REQUEST_MEM, "4G"},
    {REQUEST_EXCLUSIVE, "true"},
    {REQUEST_TIME, "1-12:30"},
    {REQUEST_PARTITION, "workq"},
    {REQUEST_QOS, "workq"},
    {REQUEST_ACCOUNT, "proj"},
    {REQUEST_JOB_NAME, "my_pool"},
    {REQUEST_OUTPUT, "my logs/"},
    {REQUEST_CHDIR, "/scratch/me"},
    {REQUEST_DEPENDENCY, "afterok:17.server:18,19"},
    {REQUEST_BEGIN, "2026-11-23T16:00"},
    {REQUEST_HOLD, "true"},
    {REQUEST_REQUEUE, "true"},
    {REQUEST_MAIL_TYPE, "ALL"},
    {REQUEST_MAIL_USER, "me@site.org"},
    {REQUEST_EXPORT, "ALL,A=b"},
    {REQUEST_SETUP, "module load openmpi"},
    {REQUEST_DIRECTIVES, "-l place=vscatter"},
    {REQUEST_NO_DIRECTIVE, "-m"},
    {0, NULL},
};

static const struct say local_all[] = {
    {REQUEST_NTASKS, "4"},
    {REQUEST_CPUS_PER_TASK, "2"},
    {REQUEST_TIME, "30"},
    {REQUEST_PARTITION, "compute"},
    {REQUEST_ACCOUNT, "proj"},
    {REQUEST_HOLD, "false"},
    {REQUEST_SETUP, "ulimit -c 0"},
    {REQUEST_DIRECTIVES, "-C rome"},
    {0, NULL},
};

static const struct golden {
    const char *file;
    const resource_ops *ops;
    const struct say *say;
    const char *dir; /* in place of the usual one */
} goldens[] = {
    {"slurm-least.sh", &slurm_ops, nothing, NULL},
    {"slurm-most.sh", &slurm_ops, slurm_all, NULL},
    {"slurm-odd.sh", &slurm_ops, nothing, "/home/me/it's \"here\" $(touch x)"},
    {"pbs-least.sh", &pbs_ops, nothing, NULL},
    {"pbs-most.sh", &pbs_ops, pbs_all, NULL},
    {"local-least.sh", &local_ops, nothing, NULL},
    {"local-most.sh", &local_ops, local_all, NULL},
};

static char *data_path(const char *file)
{
    const char *source = getenv("top_srcdir");

    return text_format("%s/tests/data/scripts/%s", source ? source : "..",
                       file);
}

/* With PILOT_TEST_UPDATE set the files are written and not compared: read the
 * difference before it is committed.
 */
static void test_golden(void)
{
    for (size_t i = 0; i < COUNT(goldens); i++) {
        const struct golden *g = &goldens[i];
        char *path = data_path(g->file);
        resource_request q = {0};
        resource_spec s = spec_of(&q);
        pe_error e = {0};

        request_fill(&q, g->say);
        s.dir = g->dir ? g->dir : s.dir;
        char *script = g->ops->script(&s, &e);
        UNIT_EQUAL(e.text, "");
        CU_ASSERT_PTR_NOT_NULL_FATAL(script);
        if (getenv("PILOT_TEST_UPDATE"))
            file_write(path, script, strlen(script), 0644, NULL);
        char *want = file_read(path, 65536, NULL, &e);
        UNIT_EQUAL(script, want);
        free(script);
        script = g->ops->script(&s, &e); /* the same bytes again */
        UNIT_EQUAL(script, want);
        free(want);
        free(script);
        free(path);
        request_free(&q);
    }
}

/* How each word reads: a line of the script, or a part of the refusal. */
static const struct mapping {
    enum request_word word;
    const char *value;
    const char *slurm, *pbs;
} mappings[] = {
    {REQUEST_NODES, "2", "--nodes=2\n",
     "-l select=2:ncpus=1:mpiprocs=1\n#PBS -l place=scatter\n"},
    {REQUEST_NTASKS, "8", "--ntasks=8\n", "-l select=8:ncpus=1:mpiprocs=1\n"},
    {REQUEST_NTASKS_PER_NODE, "4", "--ntasks-per-node=4\n",
     "-l select=1:ncpus=4:mpiprocs=4\n"},
    {REQUEST_CPUS_PER_TASK, "3", "--cpus-per-task=3\n",
     "-l select=1:ncpus=3:mpiprocs=1:ompthreads=3\n"},
    {REQUEST_GPUS_PER_NODE, "2", "--gpus-per-node=2\n",
     "-l select=1:ncpus=1:mpiprocs=1:ngpus=2\n"},
    {REQUEST_GPUS_PER_NODE, "volta:2", "--gpus-per-node=volta:2\n",
     "--gpus-per-node cannot be asked of PBS like this: types of GPUs"},
    {REQUEST_MEM, "400M", "--mem=400M\n",
     "-l select=1:ncpus=1:mpiprocs=1:mem=400mb\n"},
    {REQUEST_MEM, "0", "--mem=0\n",
     "--mem cannot be asked of PBS like this: it has no word for all"},
    {REQUEST_EXCLUSIVE, "true", "--exclusive\n", "-l place=free:exclhost\n"},
    {REQUEST_TIME, "100:00:00", "--time=4-04:00:00\n",
     "-l walltime=100:00:00\n"},
    {REQUEST_TIME, "UNLIMITED", "--time=UNLIMITED\n",
     "--time cannot be asked of PBS like this: it has no word for no limit"},
    {REQUEST_TIME_MIN, "10", "--time-min=00:10:00\n",
     "--time-min cannot be asked of PBS: a range takes the place"},
    {REQUEST_PARTITION, "compute", "--partition=compute\n", "-q compute\n"},
    {REQUEST_PARTITION, "a,b", "--partition=a,b\n",
     "--partition cannot be asked of PBS like this: a job is in one queue"},
    {REQUEST_QOS, "high", "--qos=high\n", "-q high\n"},
    {REQUEST_ACCOUNT, "proj", "--account=proj\n", "-A proj\n"},
    {REQUEST_JOB_NAME, "a b", "--job-name=\"a b\"\n",
     "it takes letters, digits and ._-+ only; 'a_b' would do"},
    {REQUEST_OUTPUT, "a b.txt", "--output=\"a b.txt\"\n",
     "-o \"a b.txt\"\n#PBS -j oe\n"},
    {REQUEST_OUTPUT, "o.%j", "--output=o.%j\n",
     "--output cannot be asked of PBS like this: it knows no %j"},
    {REQUEST_ERROR, "e.txt", "--error=e.txt\n", "-e e.txt\n"},
    {REQUEST_ERROR, "h:e.txt", "--error=h:e.txt\n",
     "--error cannot be asked of PBS like this: what stands in front"},
    {REQUEST_CHDIR, "/data", "--chdir=/data\n", "\ncd -- /data || exit 73\n"},
    {REQUEST_CHDIR, "sub dir", "--chdir=\"sub dir\"\n",
     "\ncd -- /home/me/work || exit 73\ncd -- 'sub dir' || exit 73\n"},
    {REQUEST_OPEN_MODE, "truncate", "--open-mode=truncate\n",
     "--open-mode cannot be asked of PBS: it writes the files"},
    {REQUEST_DEPENDENCY, "17", "--dependency=17\n", "-W depend=afterany:17\n"},
    {REQUEST_DEPENDENCY, "singleton", "--dependency=singleton\n",
     "--dependency cannot be asked of PBS like this: it knows after"},
    {REQUEST_DEPENDENCY, "afterok:1?after:2",
     "--dependency=\"afterok:1?after:2\"\n",
     "--dependency cannot be asked of PBS like this: all jobs of a list"},
    {REQUEST_BEGIN, "16:00", "--begin=16:00\n", "-a 1600\n"},
    {REQUEST_BEGIN, "16:00:30", "--begin=16:00:30\n", "-a 1600.30\n"},
    {REQUEST_BEGIN, "2026-11-23", "--begin=2026-11-23\n", "-a 202611230000\n"},
    {REQUEST_BEGIN, "2026-11-23T16:00:30", "--begin=2026-11-23T16:00:30\n",
     "-a 202611231600.30\n"},
    {REQUEST_BEGIN, "teatime", "--begin=teatime\n", "-a 1600\n"},
    {REQUEST_BEGIN, "now+60", "--begin=now+60\n",
     "--begin cannot be asked of PBS like this: it wants a point in time"},
    {REQUEST_HOLD, "true", "--hold\n", "-h\n"},
    {REQUEST_REQUEUE, "true", "--requeue\n", "-r y\n"},
    {REQUEST_REQUEUE, "false", "--no-requeue\n", "-r n\n"},
    {REQUEST_SIGNAL, "B:USR1@30", "--signal=B:USR1@30\n",
     "--signal cannot be asked of PBS: it sends no signal ahead"},
    {REQUEST_RESERVATION, "R1", "--reservation=R1\n", "-q R1\n"},
    {REQUEST_CONSTRAINT, "a&b", "--constraint=\"a&b\"\n",
     "--constraint cannot be asked of PBS: features are resources"},
    {REQUEST_NODELIST, "n[1-2]", "--nodelist=\"n[1-2]\"\n",
     "--nodelist cannot be asked of PBS like this: there are fewer ranks"},
    {REQUEST_NODELIST, "n1", "--nodelist=n1\n",
     "-l select=1:host=n1:ncpus=1:mpiprocs=1\n"},
    {REQUEST_NODELIST, "./hosts", "--nodelist=./hosts\n",
     "--nodelist cannot be asked of PBS like this: it reads no file"},
    {REQUEST_EXCLUDE, "n1", "--exclude=n1\n",
     "--exclude cannot be asked of PBS: a host cannot be left out"},
    {REQUEST_MAIL_TYPE, "BEGIN,END,FAIL", "--mail-type=BEGIN,END,FAIL\n",
     "-m bea\n"},
    {REQUEST_MAIL_TYPE, "REQUEUE", "--mail-type=REQUEUE\n",
     "--mail-type cannot be asked of PBS like this: it sends mail"},
    {REQUEST_MAIL_USER, "me@a.org", "--mail-user=me@a.org\n", "-M me@a.org\n"},
    {REQUEST_LICENSES, "a:2", "--licenses=a:2\n",
     "--licenses cannot be asked of PBS: licenses are resources"},
    {REQUEST_EXPORT, "NONE", "--export=NONE\n", ""},
    {REQUEST_ARRAY, "0-9",
     "--array cannot be asked of Slurm: pilots join a run one by one: submit "
     "this one without it, and add others with 'pilot resize ID -n RANKS'",
     "--array cannot be asked of PBS: pilots join a run one by one"},
};

static void mapping_check(const struct mapping *m, const resource_ops *ops,
                          const char *prefix, const char *want)
{
    const struct say say[] = {{m->word, m->value}, {0, NULL}};
    resource_request q = {0};
    const resource_spec s = spec_of(&q);
    pe_error e = {0};

    request_fill(&q, say);
    char *script = ops->script(&s, &e);
    if (script) {
        char *line = text_format("%s%s", *want == '\n' ? "" : prefix, want);
        UNIT_CONTAINS(script, *want ? line : "\nset -u\n");
        free(line);
    } else {
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
        UNIT_CONTAINS(e.text, want);
    }
    free(script);
    request_free(&q);
}

/* The table for people: --word value, what Slurm hears, what PBS hears. */
static void mapping_print(const struct mapping *m)
{
    const char *const heard[] = {m->slurm, m->pbs};

    printf("# --%s %s", request_specs[m->word].name, m->value);
    for (int i = 0; i < 2; i++) {
        printf(" | ");
        for (const char *c = heard[i]; *c; c++)
            if (*c != '\n')
                putchar(*c);
            else if (c[1] && c > heard[i])
                printf(", ");
    }
    printf("\n");
}

static void test_mapping(void)
{
    bool seen[REQUEST_N_WORDS] = {false};

    for (size_t i = 0; i < COUNT(mappings); i++) {
        const struct mapping *m = &mappings[i];
        seen[m->word] = true;
        mapping_check(m, &slurm_ops, "\n#SBATCH ", m->slurm);
        mapping_check(m, &pbs_ops, "\n#PBS ", m->pbs);
        mapping_print(m);
    }
    for (int w = 0; w < REQUEST_N_WORDS; w++)
        CU_ASSERT(seen[w] || request_specs[w].ours);
}

/* A scheduler hears of a word, or has a reason why not, or it is ours. */
static void test_words(void)
{
    for (const resource_ops *const *o = backends; *o; o++)
        for (int w = 0; (*o)->words && w < REQUEST_N_WORDS; w++) {
            bool heard = (*o)->words->option[w] != NULL;
            bool refused = (*o)->words->refusal[w] != NULL;
            if (heard + refused != !request_specs[w].ours)
                printf("# %s: %s\n", (*o)->name, request_specs[w].name);
            CU_ASSERT_EQUAL(heard + refused, !request_specs[w].ours);
        }
}

/* Words that only together make sense on PBS, or none. */
static void test_pbs_together(void)
{
    static const struct {
        struct say say[6];
        const char *want;
    } rows[] = {
        {{{REQUEST_NTASKS, "8"}, {REQUEST_MEM, "1G"}},
         "--mem cannot be asked of PBS like this: it is for each host, and "
         "how many there are is not said: add --nodes"},
        {{{REQUEST_NTASKS, "8"}, {REQUEST_GPUS_PER_NODE, "1"}},
         "--gpus-per-node cannot be asked of PBS like this: it is for each"},
        {{{REQUEST_PARTITION, "a"}, {REQUEST_QOS, "b"}},
         "--qos cannot be asked of PBS like this: partition, qos and "
         "reservation are all the queue there, and they differ"},
        {{{REQUEST_NODES, "3"}, {REQUEST_NTASKS, "8"}},
         "#PBS -l select=2:ncpus=3:mpiprocs=3+1:ncpus=2:mpiprocs=2\n"
         "#PBS -l place=scatter\n"},
        {{{REQUEST_NODES, "4"},
          {REQUEST_NTASKS, "6"},
          {REQUEST_NODELIST, "a,b[1-2]"}},
         "select=1:host=a:ncpus=2:mpiprocs=2+1:host=b1:ncpus=2:mpiprocs=2+"
         "1:host=b2:ncpus=1:mpiprocs=1+1:ncpus=1:mpiprocs=1\n"},
        {{{REQUEST_NODES, "3"}, {REQUEST_NTASKS, "5"}, {REQUEST_NODELIST, "a"}},
         "select=1:host=a:ncpus=2:mpiprocs=2+1:ncpus=2:mpiprocs=2+"
         "1:ncpus=1:mpiprocs=1\n"},
        {{{REQUEST_NODES, "1"}, {REQUEST_NODELIST, "a,b"}},
         "--nodelist cannot be asked of PBS like this: it names more hosts"},
        {{{REQUEST_NTASKS, "2"}, {REQUEST_NODELIST, "n[1"}},
         "'n[1' is no list of hosts, as in node[1-3,7]"},
        {{{REQUEST_OUTPUT, "a"}, {REQUEST_ERROR, "b"}},
         "#PBS -o a\n#PBS -e b\n#\n"},
        {{{REQUEST_NODES, "2"},
          {REQUEST_DIRECTIVES, "-l nodes=2:ppn=4"},
          {REQUEST_NO_DIRECTIVE, "-l select"},
          {REQUEST_NO_DIRECTIVE, "place"}},
         "#PBS -N run-1a2b.pool\n#PBS -l nodes=2:ppn=4\n#\n"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource_request q = {0};
        const resource_spec s = spec_of(&q);
        pe_error e = {0};
        request_fill(&q, rows[i].say);
        char *script = pbs_ops.script(&s, &e);
        UNIT_CONTAINS(script ? script : e.text, rows[i].want);
        free(script);
        request_free(&q);
    }
}

static void test_replaced(void)
{
    static const struct {
        enum request_word list;
        const char *item, *name;
        bool yes;
    } rows[] = {
        {REQUEST_DIRECTIVES, "--constraint=rome", "--constraint", true},
        {REQUEST_DIRECTIVES, "--constraint rome", "--constraint", true},
        {REQUEST_DIRECTIVES, "-C rome", "--constraint", true},
        {REQUEST_DIRECTIVES, "-Crome", "--constraint", true},
        {REQUEST_DIRECTIVES, "--constraints=x", "--constraint", false},
        {REQUEST_DIRECTIVES, "--time-min=3", "--time", false},
        {REQUEST_DIRECTIVES, "-c 3", "--constraint", false},
        {REQUEST_DIRECTIVES, "-l walltime=1:00", "-l walltime", true},
        {REQUEST_DIRECTIVES, "-lwalltime=1:00", "-l walltime", true},
        {REQUEST_DIRECTIVES, "-l mem=1gb,walltime=1:00", "-l walltime", true},
        {REQUEST_DIRECTIVES, "-l min_walltime=1:00", "-l walltime", false},
        {REQUEST_DIRECTIVES, "-l select=2:walltimes=3", "-l walltime", false},
        {REQUEST_DIRECTIVES, "-q workq", "-q", true},
        {REQUEST_DIRECTIVES, "-W depend=afterok:1", "-W depend", true},
        {REQUEST_DIRECTIVES, "-W block=true", "-W depend", false},
        {REQUEST_NO_DIRECTIVE, "--signal", "--signal", true},
        {REQUEST_NO_DIRECTIVE, "signal", "--signal", true},
        {REQUEST_NO_DIRECTIVE, "-l walltime", "-l walltime", true},
        {REQUEST_NO_DIRECTIVE, "walltime", "-l walltime", true},
        {REQUEST_NO_DIRECTIVE, "-N", "-N", true},
        {REQUEST_NO_DIRECTIVE, "N", "-N", true},
        {REQUEST_NO_DIRECTIVE, "sig", "--signal", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct say say[] = {{rows[i].list, rows[i].item}, {0, NULL}};
        resource_request q = {0};
        request_fill(&q, say);
        if (script_is_replaced(&q, rows[i].name) != rows[i].yes)
            printf("# %s %s\n", rows[i].item, rows[i].name);
        CU_ASSERT_EQUAL(script_is_replaced(&q, rows[i].name), rows[i].yes);
        request_free(&q);
    }
}

/* A warning of Slurm's only where there is time for it, and once. */
static void test_warning(void)
{
    static const struct {
        struct say say[3];
        const char *signal; /* NULL: none */
    } rows[] = {
        {{{0, NULL}}, NULL},
        {{{REQUEST_TIME, "2:59"}}, NULL},
        {{{REQUEST_TIME, "3:00"}}, "--signal=B:USR1@60\n"},
        {{{REQUEST_TIME, "UNLIMITED"}}, NULL},
        {{{REQUEST_TIME, "30"}, {REQUEST_SIGNAL, "TERM"}}, "--signal=TERM\n"},
        {{{REQUEST_TIME, "30"}, {REQUEST_NO_DIRECTIVE, "--signal"}}, NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource_request q = {0};
        const resource_spec s = spec_of(&q);
        request_fill(&q, rows[i].say);
        char *script = slurm_ops.script(&s, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(script);
        const char *at = strstr(script, "--signal=");
        CU_ASSERT_EQUAL(at != NULL, rows[i].signal != NULL);
        if (rows[i].signal)
            UNIT_CONTAINS(script, rows[i].signal);
        CU_ASSERT(!at || !strstr(at + 1, "--signal="));
        free(script);
        request_free(&q);
    }
}

/* Names and folders that would end a line. */
static void test_controls(void)
{
    static const char *const bad[] = {"a\n#SBATCH --uid=0", "a\rb", "a\x1b"};

    for (size_t i = 0; i < COUNT(bad); i++)
        for (int field = 0; field < 5; field++) {
            resource_request q = {0};
            resource_spec s = spec_of(&q);
            const char **fields[] = {&s.pilot, &s.kind, &s.dir, &s.supervisor,
                                     &s.submit_dir};
            pe_error e = {0};
            *fields[field] = bad[i];
            CU_ASSERT_PTR_NULL(slurm_ops.script(&s, &e));
            UNIT_CONTAINS(e.text, "has an end of line or another control");
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
        }
}

static void test_job_name(void)
{
    static const struct {
        const char *pilot, *name;
    } rows[] = {{"run/pool", "run.pool"},
                {"r/p.2", "r.p.2"},
                {"a b/$(x)", "a_b.__x_"},
                {"gr\xc3\xb6/x", "gr__.x"}};
    char name[64], small[4];

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource_request q = {0};
        resource_spec s = spec_of(&q);
        s.pilot = rows[i].pilot;
        script_job_name(&s, name, sizeof(name));
        UNIT_EQUAL(name, rows[i].name);
        script_job_name(&s, small, sizeof(small));
        CU_ASSERT_EQUAL(strlen(small), 3);
    }
}
/* Words of a user's own that would make more than one job of a pilot, or none:
 * the part of the reason; NULL: they are handed on.
 */
static void test_foreign(void)
{
#define ARRAY "pilots join a run one by one"
#define HET "heterogeneous job"
    static const struct {
        const char *url, *item, *why;
    } rows[] = {
        {"slurm://", "--array=1-3", ARRAY},
        {"slurm://", "--array", ARRAY},
        {"slurm://", "--arr=1-3", ARRAY},
        {"slurm://", "--ar", ARRAY},
        {"slurm://", "-a1-3", ARRAY},
        {"slurm://", "-a", ARRAY},
        {"slurm://", "-Ha", ARRAY},
        {"slurm://", ":", HET},
        {"slurm://", "--test-only", "submits nothing"},
        {"slurm://", "-J", NULL},
        {"slurm://", "--account=a", NULL},
        {"slurm://", "-A", NULL},
        {"slurm://", "--arrays", NULL}, /* sbatch will say */
        {"slurm://", "a:b", NULL},
        {"pbs://", "-J", ARRAY},
        {"pbs://", "-J1-3", ARRAY},
        {"pbs://", "-J 1-3", ARRAY},
        {"pbs://", "-hJ", ARRAY},
        {"pbs://", "-I", "has no terminal"},
        {"pbs://", "-a", NULL},
        {"pbs://", "-j", NULL},
    };
    static const enum request_word words[] = {REQUEST_EXTRA,
                                              REQUEST_DIRECTIVES};

    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        resource_request q = {0};
        const resource_ops *ops = backend_ops(rows[i / 2].url, NULL);
        const resource_spec s = {.pilot = "r/p",
                                 .kind = "pool",
                                 .dir = "/p",
                                 .supervisor = "/x",
                                 .request = &q};
        const char *why = rows[i / 2].why;
        pe_error e = {0};
        char *script;
        if (i % 2 && rows[i / 2].item[0] != '-')
            continue; /* no option */
        CU_ASSERT_EQUAL(
            request_set(&q, words[i % 2], rows[i / 2].item, true, "line", &e),
            0);
        script = ops->script(&s, &e);
        CU_ASSERT_EQUAL(script == NULL, why != NULL);
        UNIT_CONTAINS(e.text, why ? why : "");
        if (why) {
            UNIT_CONTAINS(e.text, rows[i / 2].item);
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
        }
        free(script);
        request_free(&q);
    }
}

static void test_local_refusals(void)
{
    static const struct {
        struct say say[2];
        const char *error;
    } rows[] = {
        {{{REQUEST_NODES, "2"}},
         "--nodes is 2, and without a scheduler there is one host: leave it "
         "out, or give another --resource"},
        {{{REQUEST_DEPENDENCY, "afterok:1"}},
         "--dependency cannot be asked of a host without a scheduler: nothing "
         "here knows of other jobs"},
        {{{REQUEST_BEGIN, "16:00"}},
         "--begin cannot be asked of a host without a scheduler: nothing here "
         "starts it later: use at(1) or cron(8)"},
        {{{REQUEST_HOLD, "true"}},
         "--hold cannot be asked of a host without a scheduler: nothing here "
         "holds it"},
        {{{REQUEST_ARRAY, "0-3"}},
         "--array cannot be asked of a host without a scheduler: pilots join"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource_request q = {0};
        const resource_spec s = spec_of(&q);
        pe_error e = {0};
        request_fill(&q, rows[i].say);
        CU_ASSERT_PTR_NULL(ssh_ops.script(&s, &e));
        UNIT_CONTAINS(e.text, rows[i].error);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
        request_free(&q);
    }
}

/* ---- runs under bash, outside of any scheduler ---- */

static const char *const folders[] = {"plain",
                                      "with blanks",
                                      "it's \"quoted\"",
                                      "$(touch pwned) `touch pwned`",
                                      "-n",
                                      "a;b&c|d",
                                      "gr\xc3\xb6-\xc3\x9f",
                                      "percent%j%s",
                                      "back\\slash",
                                      "star*[x]?"};
static const resource_ops *const plain_ops[] = {&slurm_ops, &pbs_ops,
                                                &local_ops};

static char *supervisor; /* path of the fake one */

static char *in(const char *folder, const char *name)
{
    return text_format("%s/%s/%s", scratch_folder, folder, name);
}

static char *read_in(const char *folder, const char *name)
{
    char *path = in(folder, name);
    char *data = file_read(path, 65536, NULL, NULL);

    free(path);
    return data ? data : text_format("%s", "");
}

static int lines_count(const char *folder, const char *name)
{
    char *data = read_in(folder, name);
    int n = 0;

    for (const char *c = data; *c; c++)
        n += *c == '\n';
    free(data);
    return n;
}

/* Write the script of pilot FOLDER, which starts in FOLDER/start. */
static void script_write(const resource_ops *ops, const char *folder,
                         const struct say *say)
{
    char *dir = text_format("%s/%s", scratch_folder, folder);
    char *start = in(folder, "start here"), *path = in(folder, "job.sh");
    resource_request q = {0};
    const resource_spec s = {.pilot = "r/p",
                             .kind = "pool",
                             .dir = dir,
                             .supervisor = supervisor,
                             .submit_dir = start,
                             .request = &q};
    pe_error e = {0};

    file_remove_tree(dir, NULL);
    CU_ASSERT_EQUAL_FATAL(file_mkdir(start, &e), 0);
    request_fill(&q, say);
    char *script = ops->script(&s, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(script);
    CU_ASSERT_EQUAL(file_write(path, script, strlen(script), 0600, NULL), 0);
    free(script);
    free(dir);
    free(start);
    free(path);
    request_free(&q);
}

static process *script_start(const char *folder, const char *const *env)
{
    char *path = in(folder, "job.sh");
    const char *argv[] = {"bash", path, NULL};
    const process_spec spec = {.argv = argv, .env = env, .new_group = true};
    pe_error e = {0};
    process *p = process_start(&spec, &e);

    UNIT_EQUAL(e.text, "");
    free(path);
    return p;
}

/* Wait until file [name] has [n] lines; false after 20 s. */
static bool lines_await(const char *folder, const char *name, int n)
{
    for (int i = 0; i < 10000; i++) {
        if (lines_count(folder, name) >= n)
            return true;
        clock_sleep_ns(STEP_NS, 1);
    }
    return false;
}

static void test_run_folders(void)
{
    static const struct say say[] = {{REQUEST_CPUS_PER_TASK, "3"},
                                     {REQUEST_SETUP, "echo \"setup $UNSET\""},
                                     {0, NULL}};
    static const char *const env[] = {"FAKE_STATUS=7", "NCPUS=64",
                                      "OMP_NUM_THREADS=64", NULL};

    for (size_t i = 0; i < COUNT(folders); i++)
        for (size_t k = 0; k < COUNT(plain_ops); k++) {
            script_write(plain_ops[k], folders[i], say);
            process *p = script_start(folders[i], env);
            CU_ASSERT_FATAL(p != NULL && process_wait(p, 20000));
            CU_ASSERT_EQUAL(process_status(p), 7);
            process_destroy(p);
            char *out = read_in(folders[i], "out");
            char *err = read_in(folders[i], "err");
            char *facts = read_in(folders[i], "facts");
            char *want = text_format("cwd=%s/%s/start here\nPILOT_DIR=%s/%s\n"
                                     "OMP_NUM_THREADS=3\nNCPUS=3\n",
                                     scratch_folder, folders[i], scratch_folder,
                                     folders[i]);
            UNIT_EQUAL(out, "setup \nout of the pilot\n");
            UNIT_EQUAL(err, "err of the pilot\n");
            UNIT_EQUAL(facts, want);
            free(out);
            free(err);
            free(facts);
            free(want);
        }
    char *pwned = text_format("%s/pwned", scratch_folder);
    CU_ASSERT_EQUAL(access(pwned, F_OK), -1);
    free(pwned);
}

static void test_run_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGXCPU};
    static const char *const env[] = {"FAKE_STATUS=5", "FAKE_SIGNALS=5", NULL};

    for (size_t k = 0; k < COUNT(plain_ops); k++) {
        script_write(plain_ops[k], "signals", nothing);
        process *p = script_start("signals", env);
        CU_ASSERT_FATAL(lines_await("signals", "facts", 4));
        for (size_t i = 0; i < COUNT(signals); i++) {
            CU_ASSERT_FALSE(process_ended(p));
            kill(process_pid(p), signals[i]);
            CU_ASSERT(lines_await("signals", "signals", (int)i + 1));
        }
        CU_ASSERT(process_wait(p, 20000));
        CU_ASSERT_EQUAL(process_status(p), 5);
        process_destroy(p);
        char *got = read_in("signals", "signals");
        UNIT_EQUAL(got, "TERM\nINT\nUSR1\nUSR2\nXCPU\n");
        free(got);
    }
}

/* Signals that come before the pilot can hear them are told to it. */
static void test_run_early(void)
{
    static const struct say slow[] = {
        {REQUEST_SETUP, "kill -s USR1 $$; kill -s TERM $$"}, {0, NULL}};
    static const struct {
        const struct say *say;
        const char *env[4];
        const char *signals; /* in any order */
    } rows[] = {
        {slow, {"FAKE_SIGNALS=2", NULL}, "USR1\nTERM\n"},
        {nothing, {"FAKE_SIGNALS=1", "FAKE_DEAF=1", NULL}, "USR1\n"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t k = 0; k < COUNT(plain_ops); k++) {
            script_write(plain_ops[k], "early", rows[i].say);
            process *p = script_start("early", rows[i].env);
            CU_ASSERT_FATAL(process_wait(p, 20000));
            CU_ASSERT_EQUAL(process_status(p), 0);
            process_destroy(p);
            char *got = read_in("early", "signals");
            CU_ASSERT_EQUAL(strlen(got), strlen(rows[i].signals));
            CU_ASSERT_PTR_NOT_NULL(strstr(got, "USR1\n"));
            CU_ASSERT(!i == (strstr(got, "TERM\n") != NULL));
            free(got);
        }
}

/* The pilot ends at the signal that wakes the shell up: its status is kept. */
static void test_run_status(void)
{
    static const char *const env[] = {"FAKE_STATUS=3", "FAKE_SIGNALS=1", NULL};

    script_write(&slurm_ops, "status", nothing);
    for (int i = 0; i < 30; i++) {
        char *facts = in("status", "facts");
        unlink(facts);
        free(facts);
        process *p = script_start("status", env);
        CU_ASSERT_FATAL(lines_await("status", "facts", 4));
        kill(process_pid(p), SIGTERM);
        CU_ASSERT(process_wait(p, 20000));
        CU_ASSERT_EQUAL(process_status(p), 3);
        process_destroy(p);
    }
    CU_ASSERT_EQUAL(lines_count("status", "out"), 30); /* appended */
}

static void test_run_broken(void)
{
    static const struct say away[] = {{REQUEST_CHDIR, "/nowhere/at/all"},
                                      {0, NULL}};
    char *dir = text_format("%s/broken", scratch_folder);
    process *p;

    script_write(&local_ops, "broken", away);
    p = script_start("broken", NULL);
    CU_ASSERT(process_wait(p, 20000));
    CU_ASSERT_EQUAL(process_status(p), 73);
    process_destroy(p);
    char *err = read_in("broken", "err");
    UNIT_CONTAINS(err, "/nowhere/at/all");
    free(err);

    script_write(&local_ops, "broken", nothing);
    char *script = in("broken", "job.sh"), *copy = in(".", "copy.sh");
    rename(script, copy);
    file_remove_tree(dir, NULL); /* its folder is gone */
    const char *argv[] = {"bash", copy, NULL};
    char *to = in(".", "shell.err");
    const process_spec spec = {.argv = argv, .err_path = to};
    p = process_start(&spec, NULL);
    CU_ASSERT(process_wait(p, 20000));
    CU_ASSERT_EQUAL(process_status(p), 73);
    process_destroy(p);
    free(script);
    free(copy);
    free(to);
    free(dir);
}

/* The id in DIR/job.id is that of the shell. */
static void test_run_id(void)
{
    static const char *const env[] = {"FAKE_SIGNALS=1", NULL};

    script_write(&local_ops, "id", nothing);
    process *p = script_start("id", env);
    CU_ASSERT_FATAL(lines_await("id", "facts", 4));
    char *id = read_in("id", "job.id");
    char *want = text_format("%ld.", (long)process_pid(p));
    CU_ASSERT_EQUAL(strncmp(id, want, strlen(want)), 0);
    CU_ASSERT(strlen(id) > strlen(want) + 1);
    kill(process_pid(p), SIGTERM);
    CU_ASSERT(process_wait(p, 20000));
    process_destroy(p);
    free(id);
    free(want);
}

static void test_open_mode(void)
{
    static const struct say say[] = {{REQUEST_OPEN_MODE, "truncate"},
                                     {0, NULL}};

    script_write(&slurm_ops, "mode", say);
    for (int i = 0; i < 2; i++) {
        process *p = script_start("mode", NULL);
        CU_ASSERT(process_wait(p, 20000));
        CU_ASSERT_EQUAL(process_status(p), 0);
        process_destroy(p);
    }
    CU_ASSERT_EQUAL(lines_count("mode", "out"), 1);
}

int main(void)
{
    static const unit_test tests[] = {
        {"golden scripts", test_golden},
        {"every word on both schedulers", test_mapping},
        {"words of PBS together", test_pbs_together},
        {"directives in place of ours", test_replaced},
        {"a warning ahead of the end", test_warning},
        {"names that would end a line", test_controls},
        {"names of jobs", test_job_name},
        {"more or less than one job", test_foreign},
        {"each word is heard or refused", test_words},
        {"what a host alone cannot do", test_local_refusals},
        {"runs by hand, in odd folders", test_run_folders},
        {"signals reach the pilot", test_run_signals},
        {"signals before the pilot can hear", test_run_early},
        {"the pilot's status is kept", test_run_status},
        {"folders that are not there", test_run_broken},
        {"the id of a process", test_run_id},
        {"output anew", test_open_mode},
        {NULL, NULL},
    };
    const char *build = getenv("top_builddir");
    char *path =
        text_format("%s/tests/unit/fake_supervisor", build ? build : ".");

    supervisor = realpath(path, NULL);
    free(path);
    if (!supervisor)
        return 99;
    scratch_make();
    int status = unit_main("script", tests);
    scratch_remove();
    free(supervisor);
    return status;
}
