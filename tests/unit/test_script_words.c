/* test_script_words.c - job scripts: how each word reads, or why it does not.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "script_say.h"
#include "src/backend/backend.h"
#include "src/common/text.h"
#include "src/backend/backends.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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
    const resource_spec s = say_spec(&q);
    pe_error e = {0};

    say_all(&q, say);
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
        const resource_spec s = say_spec(&q);
        pe_error e = {0};
        say_all(&q, rows[i].say);
        char *script = pbs_ops.script(&s, &e);
        UNIT_CONTAINS(script ? script : e.text, rows[i].want);
        free(script);
        request_free(&q);
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
        const resource_spec s = say_spec(&q);
        pe_error e = {0};
        say_all(&q, rows[i].say);
        CU_ASSERT_PTR_NULL(ssh_ops.script(&s, &e));
        UNIT_CONTAINS(e.text, rows[i].error);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
        request_free(&q);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"every word on both schedulers", test_mapping},
        {"words of PBS together", test_pbs_together},
        {"more or less than one job", test_foreign},
        {"what a host alone cannot do", test_local_refusals},
        {NULL, NULL},
    };

    return unit_main("script: words", tests);
}
