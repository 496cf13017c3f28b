/* test_launcher.c - allocations, lists of hosts, srun, what has no room. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher_case.h"
#include "played.h"
#include "scratch.h"
#include "src/common/text.h"
#include "src/request/hostlist.h"
#include "src/launcher/launcher_private.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_hostlist(void)
{
    static const struct {
        const char *list, *names; /* NULL: refused */
    } rows[] = {
        {"", ""},
        {"node1", "node1"},
        {"a,b,a", "a b a"},
        {"node[1-3,7]", "node1 node2 node3 node7"},
        {"node[08-11]", "node08 node09 node10 node11"},
        {"node[098-101]", "node098 node099 node100 node101"},
        {"n[1-2]r[3-4]x,b", "n1r3x n1r4x n2r3x n2r4x b"},
        {"[1-2]", "1 2"},
        {"a[5]", "a5"},
        {"node[1-3", NULL},
        {"node1]", NULL},
        {"node[]", NULL},
        {"node[3-1]", NULL},
        {"node[1-]", NULL},
        {"node[-1]", NULL},
        {"node[a]", NULL},
        {"node[1,]", "node1"},
        {",a", NULL},
        {"a,,b", NULL},
        {"a[1-99999999]", NULL},
        {"a[1-1000]b[1-1100]", NULL},
        {"a[1-99999999999999999999]", NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        hostlist h = {0};
        pe_error e = {0};
        int r = hostlist_add(&h, rows[i].list, &e);
        CU_ASSERT_EQUAL(r, rows[i].names ? 0 : -1);
        text out = {0};
        for (size_t k = 0; k < h.n; k++)
            text_add(&out, "%s%s", k ? " " : "", h.names[k]);
        UNIT_EQUAL(out.data ? out.data : "",
                   rows[i].names ? rows[i].names : "");
        if (!rows[i].names)
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        text_free(&out);
        hostlist_free(&h);
        CU_ASSERT_EQUAL(h.n, 0);
    }
}

static void test_allocation(void)
{
    launcher_allocation a;

    case_outside();
    launcher_allocation_find(&a);
    CU_ASSERT_EQUAL(a.kind, LAUNCHER_NONE);
    CU_ASSERT_EQUAL(a.nodes, 1);
    CU_ASSERT_EQUAL(a.slots, 0);
    CU_ASSERT_EQUAL(launcher_cores_of_job(&a), 0);
    case_in_slurm();
    launcher_allocation_find(&a);
    CU_ASSERT_EQUAL(a.kind, LAUNCHER_SLURM);
    UNIT_EQUAL(a.id, "2");
    CU_ASSERT_EQUAL(a.nodes, 2);
    CU_ASSERT_EQUAL(a.slots, 4);
    UNIT_EQUAL(a.hosts, "node[2-3]");
    CU_ASSERT_EQUAL(launcher_cores_of_job(&a), 4);
    setenv("SLURM_JOB_CPUS_PER_NODE", "72(x2),36", 1);
    CU_ASSERT_EQUAL(launcher_cores_of_job(&a), 180);
    setenv("SLURM_JOB_CPUS_PER_NODE", "72(x", 1);
    CU_ASSERT_EQUAL(launcher_cores_of_job(&a), 0);
    case_outside();
    case_in_pbs("node1\nnode1\nnode2\nnode2\n");
    launcher_allocation_find(&a);
    CU_ASSERT_EQUAL(a.kind, LAUNCHER_PBS);
    UNIT_EQUAL(a.id, "1.pbsserver");
    CU_ASSERT_EQUAL(a.nodes, 2);
    CU_ASSERT_EQUAL(a.slots, 4);
    setenv("PBS_NODEFILE", "/nowhere", 1);
    launcher_allocation_find(&a);
    CU_ASSERT_EQUAL(a.nodes, 1);
    CU_ASSERT_EQUAL(a.slots, 0);
    case_outside();
}

static void test_hosts(void)
{
    static const struct {
        const char *list, *tasks;
        int ntasks;
        const char *hosts;
    } rows[] = {
        {"node[2-3]", "2(x2)", 4, "node2 node2 node3 node3"},
        {"node[1-3]", "3,1(x2)", 5, "node1 node1 node1 node2 node3"},
        {"node[1-2]", NULL, 3, "node1 node1 node2"},
        {"node[1-2]", "junk", 3, "node1 node1 node2"},
        {"node[1-2]", "", 3, "node1 node1 node2"},
        {"node[1-2]", "1(x2", 3, "node1 node1 node2"},
        {"node[1-2]", "1(x)", 3, "node1 node1 node2"},
        {"node[1-2]", "1(x0)", 3, "node1 node1 node2"},
        {"node[1-2]", "-1", 3, "node1 node1 node2"},
        {"node[1-2]", "65536", 3, "node1 node1 node2"},
        {"node[1-2]", "1(x65536)", 3, "node1 node1 node2"},
        {"node[1-2]", "1;2", 3, "node1 node1 node2"},
        /* what can be read counts, and none may have none */
        {"node[1-3]", "2,junk", 4, "node1 node1 node2 node3"},
        {"node[1-3]", "0,3,0", 3, "node2 node2 node2"},
        {"node[1-3]", "0,1", 3, "node1 node2 node3"},
        {"node[1-2]", "3,2,9,9", 5, "node1 node1 node1 node2 node2"},
        {"node[1-3]", "2", 4, "node1 node1 node2 node3"},
        /* asked for one a node, more are started */
        {"node[1-2]", "1(x2)", 4, "node1 node1 node2 node2"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        launcher_allocation a;
        const launcher_spec s = {.ntasks = rows[i].ntasks};
        hostlist h = {0};
        pe_error e = {0};
        case_outside();
        case_in_slurm();
        setenv("SLURM_JOB_NODELIST", rows[i].list, 1);
        unsetenv("SLURM_TASKS_PER_NODE");
        if (rows[i].tasks)
            setenv("SLURM_TASKS_PER_NODE", rows[i].tasks, 1);
        launcher_allocation_find(&a);
        CU_ASSERT_EQUAL(launcher_hosts(&s, &a, &h, &e), 0);
        text out = {0};
        for (size_t k = 0; k < h.n; k++)
            text_add(&out, "%s%s", k ? " " : "", h.names[k]);
        UNIT_EQUAL(out.data, rows[i].hosts);
        text_free(&out);
        hostlist_free(&h);
    }
    case_outside();
}

/* Node files: what a MoM writes, and what it does not. */
static void test_nodefile(void)
{
    static const struct {
        const char *lines, *hosts; /* NULL: no list of hosts */
        int nodes, slots;
    } rows[] = {
        {"a\na\nb\n", "a a b", 2, 3},
        {"b\na\nb", "b a b", 2, 3},
        {"\n\na\n\n", "a", 1, 1},
        {"", "", 1, 0},
        {"node[1-2]\n", "node1 node2", 2, 2},
        {"a\nnode[1-\n", NULL, 1, 0},
        {"a\nb]\n", NULL, 1, 0},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        launcher_allocation a;
        const launcher_spec s = {.ntasks = 1};
        hostlist h = {0};
        pe_error e = {0};
        text out = {0};
        case_outside();
        case_in_pbs(rows[i].lines);
        launcher_allocation_find(&a);
        CU_ASSERT_EQUAL(a.nodes, rows[i].nodes);
        CU_ASSERT_EQUAL(a.slots, rows[i].slots);
        CU_ASSERT_EQUAL(launcher_cores_of_job(&a), 0);
        CU_ASSERT_EQUAL(launcher_hosts(&s, &a, &h, &e), rows[i].hosts ? 0 : -1);
        for (size_t k = 0; rows[i].hosts && k < h.n; k++)
            text_add(&out, "%s%s", k ? " " : "", h.names[k]);
        UNIT_EQUAL(out.data ? out.data : "",
                   rows[i].hosts ? rows[i].hosts : "");
        if (!rows[i].hosts)
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        text_free(&out);
        hostlist_free(&h);
    }
    case_outside();
}

/* Numbers of a job that are none count as if they were not there. */
static void test_numbers(void)
{
    static const char *const values[] = {
        "", "0", "-2", "two", "2x", "16777216", "99999999999999999999"};
    static const struct {
        const char *value;
        int cores;
    } cores[] = {{"4", 4},
                 {"4(x3)", 12},
                 {"4(x3),2,1(x2)", 16},
                 {"4(x3", 0},
                 {"4(y3)", 0},
                 {"(x3)", 0},
                 {"4,", 4},
                 {"4,,4", 0},
                 {"70000", 0},
                 {"65535(x300)", 0},
                 {"256(x65535)", 16776960}};
    launcher_allocation a;

    for (size_t i = 0; i < COUNT(values); i++) {
        case_outside();
        case_in_slurm();
        setenv("SLURM_JOB_NUM_NODES", values[i], 1);
        setenv("SLURM_NTASKS", values[i], 1);
        launcher_allocation_find(&a);
        CU_ASSERT_EQUAL(a.nodes, 1);
        CU_ASSERT_EQUAL(a.slots, 0);
    }
    for (size_t i = 0; i < COUNT(cores); i++) {
        setenv("SLURM_JOB_CPUS_PER_NODE", cores[i].value, 1);
        CU_ASSERT_EQUAL(launcher_cores_of_job(&a), cores[i].cores);
    }
    case_outside();
}

static void test_srun(void)
{
    launcher_command c = {0};
    launcher_spec s = case_spec("auto", 4);
    pe_error e = {0};
    char *command;

    case_outside();
    case_in_slurm();
    scratch_write("list", "MPI plugin types are...\n\tpmix\n\tnone\n\tpmi2\n");
    char *play = text_format("srun=file:%s", scratch_path);
    played_set(play);
    command = case_made(&s, &c, &e);
    UNIT_EQUAL(command,
               "srun --mpi=pmix --kill-on-bad-exit=1 --overlap --export=ALL "
               "--ntasks=4 --cpus-per-task=1 '/opt/pilot agent' --ranks 4");
    CU_ASSERT_EQUAL(played_calls("srun"), 1);
    free(command);
    launcher_command_free(&c);
    CU_ASSERT_PTR_NULL(c.argv);
    s.wrap = "apptainer exec \"$IMAGE\"";
    command = case_made(&s, &c, &e);
    UNIT_CONTAINS(command,
                  " --cpus-per-task=1 /bin/sh -c 'exec apptainer exec "
                  "\"$IMAGE\" \"$@\"' sh '/opt/pilot agent' --ranks 4");
    free(command);
    launcher_command_free(&c);
    free(play);
    case_outside();
}

static void test_no_pmix(void)
{
    launcher_command c = {0};
    launcher_spec s = case_spec("auto", 4);
    pe_error e = {0};
    char *command, *play;

    case_outside();
    case_in_slurm();
    scratch_write("list", "MPI plugin types are...\n\tnone\n\tpmi2\n");
    play = text_format("srun=file:%s", scratch_path);
    played_set(play);
    command = case_made(&s, &c, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(command);
    CU_ASSERT_EQUAL(strncmp(command, "mpirun --hostfile ", 18), 0);
    free(command);
    launcher_command_free(&c);
    s.launcher = "srun";
    CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
    UNIT_CONTAINS(e.text, "srun here does not offer pmix (it says: MPI plugin "
                          "types are...  none  pmi2");
    UNIT_CONTAINS(e.text, "every rank would be alone; say --launcher mpirun");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    case_outside();
    CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
    UNIT_CONTAINS(e.text, "srun outside of a Slurm job would queue one of its");
    CU_ASSERT_PTR_NULL(c.argv);
    free(play);
}

/* local:// in a shell with the variables of a job, which may be over. */
static void test_left_over(void)
{
    launcher_allocation a = LAUNCHER_ALONE;
    launcher_command c = {0};
    launcher_spec s = case_spec("auto", 1);
    char *command;

    case_outside();
    case_in_slurm();
    CU_ASSERT_EQUAL(launcher_make(&s, &a, &c, NULL), 0);
    command = case_joined(c.argv, " ");
    CU_ASSERT_EQUAL(strncmp(command, "mpirun ", 7), 0);
    free(command);
    command = case_joined(c.env, "\n");
    UNIT_CONTAINS(command, "OMPI_MCA_plm=isolated");
    UNIT_CONTAINS(command, "OMPI_MCA_ras=^slurm,tm");
    UNIT_CONTAINS(command, "PRTE_MCA_ras=^slurm,pbs");
    UNIT_CONTAINS(command, "PRTE_MCA_plm=^slurm");
    free(command);
    launcher_command_free(&c);
    case_outside();
    CU_ASSERT_EQUAL(launcher_make(&s, &a, &c, NULL), 0);
    command = case_joined(c.env, "\n");
    CU_ASSERT_PTR_NULL(strstr(command, "_ras="));
    CU_ASSERT_PTR_NULL(strstr(command, "PRTE_"));
    free(command);
    launcher_command_free(&c);
}

static void test_room(void)
{
    launcher_command c = {0};
    launcher_spec s = case_spec("mpirun", 8);
    pe_error e = {0};

    case_outside();
    case_in_slurm();
    CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
    UNIT_EQUAL(e.text, "job 2 was asked for 4 ranks, and 8 are to be started: "
                       "submit it with --ntasks 8, or set the pool's ntasks to "
                       "4");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    unsetenv("SLURM_NTASKS");
    CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
    UNIT_EQUAL(e.text, "job 2 has 4 cores, and 8 ranks of 1 are to be "
                       "started: ask for it with --ntasks 8, or start fewer");
    s.ntasks = 2;
    s.cpus_per_task = 4;
    CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
    UNIT_CONTAINS(e.text, "2 ranks of 4 are to be started: ask for it with "
                          "--ntasks 2 and --cpus-per-task");
    case_outside();
    case_in_pbs("node1\nnode2\n");
    s = case_spec("mpiexec", 3);
    CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
    UNIT_CONTAINS(e.text, "job 1.pbsserver was asked for 2 ranks, and 3 are");
    case_outside();
}

static void test_errors(void)
{
    static const char *const none[] = {NULL};
    launcher_command c = {0};
    launcher_spec s = case_spec("prun", 1);
    pe_error e = {0};
    char *path = text_format("%s", getenv("PATH"));

    case_outside();
    CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
    UNIT_EQUAL(e.text, "launcher 'prun': it is auto, srun, mpirun or mpiexec");
    s = case_spec("auto", 0);
    CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
    s = case_spec("auto", 1);
    s.program = none;
    CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
    UNIT_CONTAINS(e.text, "nothing is to be started");
    s = case_spec("mpirun", 1);
    setenv("PATH", "/nowhere", 1);
    CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
    UNIT_EQUAL(e.text, "mpirun is not there: install openmpi-bin");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    setenv("PATH", path, 1);
    case_in_slurm();
    unsetenv("SLURM_JOB_NODELIST");
    CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
    UNIT_EQUAL(e.text,
               "job 2 does not tell its hosts (SLURM_JOB_NODELIST is not set)");
    CU_ASSERT_PTR_NULL(c.argv);
    CU_ASSERT_PTR_NULL(c.env);
    launcher_command_free(NULL);
    case_outside();
    free(path);
}

#define RULE "--------------------------------------------------------------\n"
#define LOST                                                \
    "ORTE has lost communication with a remote daemon.\n\n" \
    "  HNP daemon   : [[19335,0],0] on node node1\n"        \
    "  Remote daemon: [[19335,0],1] on node node2\n"
#define ENDED                                                            \
    RULE "Primary job  terminated normally, but 1 process returned\n"    \
         "a non-zero exit code. Per user-direction, the job has been\n"  \
         "aborted.\n" RULE RULE                                          \
         "mpirun detected that one or more processes exited with\n"      \
         "non-zero status, thus causing the job to be terminated. The\n" \
         "first process to do so was:\n\n"                               \
         "  Process name: [[7773,1],0]\n  Exit code:    1\n" RULE

/* What Open MPI 4.1.4 prints around a reason. */
static void test_words(void)
{
    static const struct {
        const char *said, *left;
    } rows[] = {
        {"", ""},
        {"one\ntwo\n", "one\ntwo\n"},
        {"---- a line of ours ----\n", "---- a line of ours ----\n"},
        {"no memory\n" ENDED, "no memory\n"},
        {"no memory\n" ENDED "and then\n", "no memory\nand then\n"},
        {RULE LOST "\nThis is usually due to either a failure of the TCP\n"
                   "network connection to the node, or possibly an internal\n"
                   "failure of the daemon itself.\n" RULE,
         LOST},
        /* only its end was read */
        {"terminate the job.\n" RULE "why\n", "why\n"},
        {RULE "It is short.\n" RULE, "It is short.\n"},
        {RULE "It is short.\n\nAnd more.\n" RULE,
         "It is short.\n\nAnd more.\n"},
        {RULE RULE, ""},
        {RULE, ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *said = text_format("%s", rows[i].said);
        launcher_words(said);
        UNIT_EQUAL(said, rows[i].left);
        free(said);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"lists of hosts", test_hostlist},
        {"the allocation we are in", test_allocation},
        {"hosts of ranks", test_hosts},
        {"node files", test_nodefile},
        {"numbers of a job that are none", test_numbers},
        {"srun", test_srun},
        {"srun without pmix", test_no_pmix},
        {"this host in spite of a job", test_left_over},
        {"ranks that have no room", test_room},
        {"launchers that are not there", test_errors},
        {"what a launcher said", test_words},
        {NULL, NULL},
    };

    played_open("srun mpirun mpiexec pbs_tmrsh", "slurm.rec");
    int status = unit_main("launcher", tests);
    played_close();
    return status;
}
