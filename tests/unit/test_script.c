/* test_script.c - job scripts: golden files, names, what is ours of one. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "script_say.h"
#include "src/backend/backend.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/backend/backends.h"
#include "src/resource/script.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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
        resource_spec s = say_spec(&q);
        pe_error e = {0};

        say_all(&q, g->say);
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
        say_all(&q, say);
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
        const resource_spec s = say_spec(&q);
        say_all(&q, rows[i].say);
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
            resource_spec s = say_spec(&q);
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
        resource_spec s = say_spec(&q);
        s.pilot = rows[i].pilot;
        script_job_name(&s, name, sizeof(name));
        UNIT_EQUAL(name, rows[i].name);
        script_job_name(&s, small, sizeof(small));
        CU_ASSERT_EQUAL(strlen(small), 3);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"golden scripts", test_golden},
        {"directives in place of ours", test_replaced},
        {"a warning ahead of the end", test_warning},
        {"names that would end a line", test_controls},
        {"names of jobs", test_job_name},
        {"each word is heard or refused", test_words},
        {NULL, NULL},
    };

    return unit_main("script", tests);
}
