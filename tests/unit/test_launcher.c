/* test_launcher.c - allocations, lists of hosts, command lines of ranks. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "played.h"
#include "scratch.h"
#include "src/common/file.h"
#include "src/common/shell.h"
#include "src/common/text.h"
#include "src/request/hostlist.h"
#include "src/launcher/launcher_private.h"
#include "src/common/process.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void environment_clear(void)
{
    static const char *const names[] = {"SLURM_JOB_ID",
                                        "SLURM_JOB_NUM_NODES",
                                        "SLURM_NTASKS",
                                        "SLURM_JOB_NODELIST",
                                        "SLURM_TASKS_PER_NODE",
                                        "SLURM_JOB_CPUS_PER_NODE",
                                        "PBS_JOBID",
                                        "PBS_NODEFILE",
                                        "OMP_NUM_THREADS",
                                        "OPENBLAS_NUM_THREADS",
                                        "LD_LIBRARY_PATH",
                                        "PILOT_DIR",
                                        "PILOT_HOME"};

    for (size_t i = 0; i < COUNT(names); i++)
        unsetenv(names[i]);
}

static char *joined(char *const *words, const char *between)
{
    text out = {0};

    for (; words && *words; words++)
        text_add(&out, "%s%s", out.len ? between : "", *words);
    text_add(&out, "%s", "");
    return out.data;
}

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

/* The environments that were recorded inside of jobs of two nodes. */
static void in_slurm(void)
{
    setenv("SLURM_JOB_ID", "2", 1);
    setenv("SLURM_JOB_NUM_NODES", "2", 1);
    setenv("SLURM_NTASKS", "4", 1);
    setenv("SLURM_JOB_NODELIST", "node[2-3]", 1);
    setenv("SLURM_TASKS_PER_NODE", "2(x2)", 1);
    setenv("SLURM_JOB_CPUS_PER_NODE", "2(x2)", 1);
}

static void in_pbs(const char *lines)
{
    setenv("PBS_JOBID", "1.pbsserver", 1);
    scratch_write("nodefile", lines);
    setenv("PBS_NODEFILE", scratch_path, 1);
}

static void test_allocation(void)
{
    launcher_allocation a;

    environment_clear();
    launcher_allocation_find(&a);
    CU_ASSERT_EQUAL(a.kind, LAUNCHER_NONE);
    CU_ASSERT_EQUAL(a.nodes, 1);
    CU_ASSERT_EQUAL(a.slots, 0);
    CU_ASSERT_EQUAL(launcher_cores_of_job(&a), 0);
    in_slurm();
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
    environment_clear();
    in_pbs("node1\nnode1\nnode2\nnode2\n");
    launcher_allocation_find(&a);
    CU_ASSERT_EQUAL(a.kind, LAUNCHER_PBS);
    UNIT_EQUAL(a.id, "1.pbsserver");
    CU_ASSERT_EQUAL(a.nodes, 2);
    CU_ASSERT_EQUAL(a.slots, 4);
    setenv("PBS_NODEFILE", "/nowhere", 1);
    launcher_allocation_find(&a);
    CU_ASSERT_EQUAL(a.nodes, 1);
    CU_ASSERT_EQUAL(a.slots, 0);
    environment_clear();
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
        {"node[1-3]", "2", 4, "node1 node1 node2 node3"},
        /* asked for one a node, more are started */
        {"node[1-2]", "1(x2)", 4, "node1 node1 node2 node2"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        launcher_allocation a;
        const launcher_spec s = {.ntasks = rows[i].ntasks};
        hostlist h = {0};
        pe_error e = {0};
        environment_clear();
        in_slurm();
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
    environment_clear();
}

static const char *const program[] = {"/opt/pilot agent", "--ranks", "4", NULL};

static launcher_spec spec_of(const char *launcher, int ntasks)
{
    const launcher_spec s = {.launcher = launcher,
                             .ntasks = ntasks,
                             .cpus_per_task = 1,
                             .program = program,
                             .dir = scratch_folder};

    return s;
}

/* Make a command; its words and environment, for a shell. */
static char *made(const launcher_spec *s, launcher_command *c, pe_error *errp)
{
    launcher_allocation a;
    text out = {0};

    launcher_allocation_find(&a);
    if (launcher_make(s, &a, c, errp) < 0)
        return NULL;
    shell_add_words(&out, (const char *const *)c->argv);
    return out.data;
}

static void test_srun(void)
{
    launcher_command c = {0};
    launcher_spec s = spec_of("auto", 4);
    pe_error e = {0};
    char *command;

    environment_clear();
    in_slurm();
    scratch_write("list", "MPI plugin types are...\n\tpmix\n\tnone\n\tpmi2\n");
    char *play = text_format("srun=file:%s", scratch_path);
    played_set(play);
    command = made(&s, &c, &e);
    UNIT_EQUAL(command,
               "srun --mpi=pmix --kill-on-bad-exit=1 --overlap --export=ALL "
               "--ntasks=4 --cpus-per-task=1 '/opt/pilot agent' --ranks 4");
    CU_ASSERT_EQUAL(played_calls("srun"), 1);
    free(command);
    launcher_command_free(&c);
    CU_ASSERT_PTR_NULL(c.argv);
    s.wrap = "apptainer exec \"$IMAGE\"";
    command = made(&s, &c, &e);
    UNIT_CONTAINS(command,
                  " --cpus-per-task=1 /bin/sh -c 'exec apptainer exec "
                  "\"$IMAGE\" \"$@\"' sh '/opt/pilot agent' --ranks 4");
    free(command);
    launcher_command_free(&c);
    free(play);
    environment_clear();
}

static void test_no_pmix(void)
{
    launcher_command c = {0};
    launcher_spec s = spec_of("auto", 4);
    pe_error e = {0};
    char *command, *play;

    environment_clear();
    in_slurm();
    scratch_write("list", "MPI plugin types are...\n\tnone\n\tpmi2\n");
    play = text_format("srun=file:%s", scratch_path);
    played_set(play);
    command = made(&s, &c, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(command);
    CU_ASSERT_EQUAL(strncmp(command, "mpirun --hostfile ", 18), 0);
    free(command);
    launcher_command_free(&c);
    s.launcher = "srun";
    CU_ASSERT_PTR_NULL(made(&s, &c, &e));
    UNIT_CONTAINS(e.text, "srun here does not offer pmix (it says: MPI plugin "
                          "types are...  none  pmi2");
    UNIT_CONTAINS(e.text, "every rank would be alone; say --launcher mpirun");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    environment_clear();
    CU_ASSERT_PTR_NULL(made(&s, &c, &e));
    UNIT_CONTAINS(e.text, "srun outside of a Slurm job would queue one of its");
    CU_ASSERT_PTR_NULL(c.argv);
    free(play);
}

/* Not on the command line: Open MPI 5 warns there of what it has not. */
#define ONE_HOST_SETTINGS                            \
    "OMPI_MCA_plm=isolated OMPI_MCA_btl=self,vader " \
    "OMPI_MCA_odls_base_sigkill_timeout=0 "          \
    "OMPI_MCA_btl_vader_backing_directory=/dev/shm/pilot-m"

/* One host: what `pilot run` does on a laptop. */
static void test_one_host(void)
{
    launcher_command c = {0};
    launcher_spec s = spec_of(NULL, 1);
    pe_error e = {0};
    char *command, *env;
    bool root = geteuid() == 0;

    environment_clear();
    s.session_dir = "/tmp/pilot-s";
    s.shared_dir = "/dev/shm/pilot-m";
    command = made(&s, &c, &e);
    UNIT_EQUAL(command,
               "mpirun --bind-to core -n 1 '/opt/pilot agent' --ranks 4");
    env = joined(c.env, " ");
    UNIT_EQUAL(env, root ? "TMPDIR=/tmp/pilot-s OMPI_ALLOW_RUN_AS_ROOT=1 "
                           "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 " ONE_HOST_SETTINGS
                         : "TMPDIR=/tmp/pilot-s " ONE_HOST_SETTINGS);
    UNIT_EQUAL(c.told, root ? "the ranks run as root (mpirun "
                              "--allow-run-as-root)"
                            : "");
    free(command);
    free(env);
    launcher_command_free(&c);
    s = spec_of("mpirun", 10000);
    command = made(&s, &c, &e);
    UNIT_EQUAL(command, "mpirun --oversubscribe --bind-to none -n 10000 "
                        "'/opt/pilot agent' --ranks 4");
    UNIT_CONTAINS(c.told, "10000 ranks share ");
    UNIT_CONTAINS(c.told, " cores (mpirun --oversubscribe)");
    free(command);
    launcher_command_free(&c);
    /* One of them is none of several. */
    s = spec_of("mpirun", 1);
    s.cpus_per_task = 10000;
    command = made(&s, &c, &e);
    UNIT_CONTAINS(c.told, "1 rank shares ");
    free(command);
    launcher_command_free(&c);
}

/* An mpiexec is told in variables, by both names that Open MPI had. */
static void test_mpiexec(void)
{
    static const char *const words[] = {
        "OMPI_MCA_plm=isolated", "OMPI_MCA_rmaps_base_oversubscribe=1",
        "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe"};
    launcher_command c = {0};
    launcher_spec s = spec_of("mpiexec", 10000);
    pe_error e = {0};
    char *command, *env;

    environment_clear();
    command = made(&s, &c, &e);
    UNIT_CONTAINS(command, "mpiexec");
    UNIT_CONTAINS(command, " -n 10000 '/opt/pilot agent' --ranks 4");
    env = joined(c.env, " ");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        UNIT_CONTAINS(env, words[i]);
    UNIT_CONTAINS(c.told, "10000 ranks share ");
    free(command);
    free(env);
    launcher_command_free(&c);
    s = spec_of("mpiexec", 1);
    command = made(&s, &c, &e);
    env = joined(c.env, " ");
    CU_ASSERT_PTR_NULL(strstr(env, "oversubscribe"));
    free(command);
    free(env);
    launcher_command_free(&c);
}

static void test_one_host_of_job(void)
{
    launcher_command c = {0};
    launcher_spec s = spec_of("mpirun", 2);
    pe_error e = {0};
    char *command, *env;

    environment_clear();
    in_pbs("node1\nnode1\n");
    command = made(&s, &c, &e);
    UNIT_CONTAINS(command, "mpirun --oversubscribe --bind-to ");
    env = joined(c.env, " ");
    UNIT_CONTAINS(env, "OMPI_MCA_plm=isolated ");
    free(env);
    free(command);
    launcher_command_free(&c);
    environment_clear();
}

/* local:// in a shell with the variables of a job, which may be over. */
static void test_left_over(void)
{
    launcher_allocation a = LAUNCHER_ALONE;
    launcher_command c = {0};
    launcher_spec s = spec_of("auto", 1);
    char *command;

    environment_clear();
    in_slurm();
    CU_ASSERT_EQUAL(launcher_make(&s, &a, &c, NULL), 0);
    command = joined(c.argv, " ");
    CU_ASSERT_EQUAL(strncmp(command, "mpirun ", 7), 0);
    free(command);
    command = joined(c.env, "\n");
    UNIT_CONTAINS(command, "OMPI_MCA_plm=isolated");
    UNIT_CONTAINS(command, "OMPI_MCA_ras=^slurm,tm");
    UNIT_CONTAINS(command, "PRTE_MCA_ras=^slurm,pbs");
    UNIT_CONTAINS(command, "PRTE_MCA_plm=^slurm");
    free(command);
    launcher_command_free(&c);
    environment_clear();
    CU_ASSERT_EQUAL(launcher_make(&s, &a, &c, NULL), 0);
    command = joined(c.env, "\n");
    CU_ASSERT_PTR_NULL(strstr(command, "_ras="));
    CU_ASSERT_PTR_NULL(strstr(command, "PRTE_"));
    free(command);
    launcher_command_free(&c);
}

static void test_several_hosts(void)
{
    launcher_command c = {0};
    launcher_spec s = spec_of("mpirun", 4);
    pe_error e = {0};
    char *command, *env, *want, *hosts;
    char *path = text_format("%s/hosts", scratch_folder);

    environment_clear();
    in_slurm();
    setenv("PILOT_DIR", "/p", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    command = made(&s, &c, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(command);
    want = text_format("mpirun --hostfile %s --mca odls_base_sigkill_timeout 0",
                       path);
    CU_ASSERT_EQUAL(strncmp(command, want, strlen(want)), 0);
    UNIT_CONTAINS(command, " --mca oob_tcp_keepalive_time 20 ");
    UNIT_CONTAINS(command, " -x PILOT_DIR");
    UNIT_CONTAINS(command, " -x OMP_NUM_THREADS");
    UNIT_CONTAINS(command, " -x PATH");
    UNIT_CONTAINS(command, " --bind-to core:overload-allowed -n 4 "
                           "'/opt/pilot agent' --ranks 4");
    CU_ASSERT_PTR_NULL(strstr(command, "isolated"));
    CU_ASSERT_PTR_NULL(strstr(command, "vader"));
    env = joined(c.env, " ");
    UNIT_CONTAINS(env, "SLURM_OVERLAP=1");
    hosts = file_read(path, 4096, NULL, NULL);
    UNIT_EQUAL(hosts, "node2 slots=2\nnode3 slots=2\n");
    free(want);
    free(command);
    free(env);
    free(hosts);
    launcher_command_free(&c);
    s.cpus_per_task = 2;
    s.session_dir = "/tmp/pilot-s"; /* which is on this host only */
    command = made(&s, &c, &e);
    /* mpirun hands its ranks a folder: a second one would be refused */
    CU_ASSERT_PTR_NULL(strstr(command, "tmpdir_base"));
    env = joined(c.env, " ");
    CU_ASSERT_EQUAL(strncmp(env, "TMPDIR=/tmp/pilot-s ", 20), 0);
    UNIT_CONTAINS(env, " SLURM_EXPORT_ENV=ALL,TMPDIR=/");
    CU_ASSERT_PTR_NULL(strstr(env, "ALL,TMPDIR=/tmp/pilot-s"));
    free(env);
    UNIT_CONTAINS(command, " --map-by slot:PE=2 --bind-to core:overload-");
    free(command);
    launcher_command_free(&c);
    free(path);
    environment_clear();
}

/* A host has as many slots as it has ranks, whoever reads it: named once it
 * would have as many as cores.
 */
static void test_slots(void)
{
    static const struct {
        const char *nodes, *open_mpi, *hydra;
        int ntasks;
    } rows[] = {
        {"a\nb\n", "a slots=1\nb slots=1\n", "a:1\nb:1\n", 2},
        {"b\na\nb\n", "b slots=2\na slots=1\n", "b:2\na:1\n", 3},
        {"c\nc\na\nb\na\n", "c slots=2\na slots=2\nb slots=1\n",
         "c:2\na:2\nb:1\n", 5},
    };
    char *path = text_format("%s/hosts", scratch_folder);
    char *hydra = text_format("%s/hosts.hydra", scratch_folder);

    for (size_t i = 0; i < COUNT(rows); i++) {
        launcher_command c = {0};
        launcher_spec s = spec_of("mpiexec", rows[i].ntasks);
        pe_error e = {0};
        environment_clear();
        in_pbs(rows[i].nodes);
        free(made(&s, &c, &e));
        UNIT_EQUAL(e.text, "");
        char *said = file_read(path, 4096, NULL, NULL);
        UNIT_EQUAL(said, rows[i].open_mpi);
        free(said);
        said = file_read(hydra, 4096, NULL, NULL);
        UNIT_EQUAL(said, rows[i].hydra);
        free(said);
        launcher_command_free(&c);
    }
    free(path);
    free(hydra);
    environment_clear();
}

/* Inside of PBS daemons are started through its task manager: they find the
 * agent on the PATH they are given, stay in the session they are put into,
 * and there are agents enough for all hosts.
 */
static void test_agent(void)
{
    launcher_command c = {0};
    launcher_spec s = spec_of("mpirun", 4);
    pe_error e = {0};
    char *command, *env, *want;
    char *path = text_format("%s/pilot-tmrsh", scratch_folder);

    environment_clear();
    in_pbs("node1\nnode1\nnode2\nnode2\n");
    command = made(&s, &c, &e);
    UNIT_EQUAL(e.text, "");
    UNIT_CONTAINS(command, " --mca plm_rsh_agent pilot-tmrsh --mca "
                           "plm_rsh_no_tree_spawn 1 --mca "
                           "plm_rsh_num_concurrent 3 --mca "
                           "orte_leave_session_attached 1 ");
    env = joined(c.env, "\n");
    want = text_format("PATH=%s:%s", scratch_folder, getenv("PATH"));
    UNIT_CONTAINS(env, want);
    CU_ASSERT_EQUAL(access(path, X_OK), 0);
    free(command);
    free(env);
    free(want);
    launcher_command_free(&c);
    s = spec_of("mpiexec", 4);
    command = made(&s, &c, &e);
    UNIT_EQUAL(command, "mpiexec -n 4 '/opt/pilot agent' --ranks 4");
    env = joined(c.env, "\n");
    want = text_format("OMPI_MCA_orte_default_hostfile=%s/hosts\n"
                       "HYDRA_HOST_FILE=%s/hosts.hydra\n",
                       scratch_folder, scratch_folder);
    UNIT_CONTAINS(env, want);
    UNIT_CONTAINS(env, "OMPI_MCA_plm_rsh_agent=pilot-tmrsh\n"
                       "OMPI_MCA_plm_rsh_no_tree_spawn=1\n"
                       "OMPI_MCA_plm_rsh_num_concurrent=3\n"
                       "OMPI_MCA_orte_leave_session_attached=1\n"
                       "HYDRA_LAUNCHER=rsh\n"
                       "HYDRA_LAUNCHER_EXEC=pilot-tmrsh");
    free(command);
    free(env);
    free(want);
    launcher_command_free(&c);
    s.dir = "/a:b";
    CU_ASSERT_PTR_NULL(made(&s, &c, &e));
    environment_clear();
    free(path);
}

/* The agent itself on another host, where nothing of ours is set: what a
 * shell is to do comes to one, in our environment but for what is of a host.
 */
static void test_agent_words(void)
{
    launcher_command c = {0};
    launcher_spec s = spec_of("mpirun", 2);
    pe_error e = {0};
    char *path = text_format("%s/pilot-tmrsh", scratch_folder);
    char *out = text_format("%s/agent.out", scratch_folder);
    char *tmrsh = text_format("%s/bin/pbs_tmrsh", scratch_folder);
    const char *argv[] = {path, "node2",
                          "PATH=$PATH:/x ; echo \"$h $0\" \"$PILOT_WORDS\" "
                          "\"$PATH\" \"${TMPDIR-none}\" \"$PBS_NODENUM\" "
                          "\"$OMPI_MCA_a\"; exit 5",
                          NULL};
    const process_spec spec = {.argv = argv, .out_path = out};
    char *words, *want, *settings;
    process *p;

    environment_clear();
    in_pbs("node1\nnode2\n");
    setenv("PILOT_WORDS", "it's\ntwo; lines", 1);
    setenv("OMPI_MCA_a", "1", 1);
    setenv("TMPDIR", "/tmp/pilot-s", 1);
    setenv("PBS_NODENUM", "0", 1);
    setenv("BASH_FUNC_module%%", "() { :; }", 1);
    free(made(&s, &c, &e));
    UNIT_EQUAL(e.text, "");
    launcher_command_free(&c);
    unlink(tmrsh);
    static const char clean[] = "#!/bin/sh\nh=$1; shift; cd / || exit\n"
                                "exec env -i PATH=/usr/bin:/bin h=$h "
                                "PBS_NODENUM=1 \"$@\"\n";
    CU_ASSERT_EQUAL(file_write(tmrsh, clean, strlen(clean), 0700, NULL), 0);
    p = process_start(&spec, NULL);
    CU_ASSERT(process_wait(p, 20000));
    CU_ASSERT_EQUAL(process_status(p), 5);
    words = file_read(out, 65536, NULL, NULL);
    want = text_format("node2 %s.env it's\ntwo; lines %s:%s:/x none 1 1\n",
                       path, scratch_folder, getenv("PATH"));
    UNIT_EQUAL(words, want);
    process_destroy(p);
    free(words);
    settings = text_format("%s.env", path);
    CU_ASSERT_EQUAL(access(settings, R_OK), 0);
    launcher_clean(scratch_folder);
    CU_ASSERT_EQUAL(access(settings, R_OK), -1);
    free(settings);
    /* A host that is not there is named, and not waited for. */
    static const char dead[] = "#!/bin/sh\nexit 3\n";
    setenv("PBS_JOBID", "17.s", 1);
    CU_ASSERT_EQUAL(file_write(tmrsh, dead, strlen(dead), 0700, NULL), 0);
    char *err = text_format("%s/agent.err", scratch_folder);
    const process_spec fails = {.argv = argv, .err_path = err};
    p = process_start(&fails, NULL);
    CU_ASSERT(process_wait(p, 20000));
    CU_ASSERT_EQUAL(process_status(p), 69);
    process_destroy(p);
    words = file_read(err, 65536, NULL, NULL);
    UNIT_EQUAL(words, "pilot: host node2 of job 17.s cannot be reached "
                      "(pbs_tmrsh)\n");
    free(words);
    free(err);
    free(want);
    free(path);
    free(out);
    free(tmrsh);
    unsetenv("PILOT_WORDS");
    unsetenv("OMPI_MCA_a");
    unsetenv("TMPDIR");
    unsetenv("PBS_NODENUM");
    unsetenv("BASH_FUNC_module%%");
    environment_clear();
}

static void test_room(void)
{
    launcher_command c = {0};
    launcher_spec s = spec_of("mpirun", 8);
    pe_error e = {0};

    environment_clear();
    in_slurm();
    CU_ASSERT_PTR_NULL(made(&s, &c, &e));
    UNIT_EQUAL(e.text, "job 2 was asked for 4 ranks, and 8 are to be started: "
                       "submit it with --ntasks 8, or set the pool's ntasks to "
                       "4");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    unsetenv("SLURM_NTASKS");
    CU_ASSERT_PTR_NULL(made(&s, &c, &e));
    UNIT_EQUAL(e.text, "job 2 has 4 cores, and 8 ranks of 1 are to be "
                       "started: ask for it with --ntasks 8, or start fewer");
    s.ntasks = 2;
    s.cpus_per_task = 4;
    CU_ASSERT_PTR_NULL(made(&s, &c, &e));
    UNIT_CONTAINS(e.text, "2 ranks of 4 are to be started: ask for it with "
                          "--ntasks 2 and --cpus-per-task");
    environment_clear();
    in_pbs("node1\nnode2\n");
    s = spec_of("mpiexec", 3);
    CU_ASSERT_PTR_NULL(made(&s, &c, &e));
    UNIT_CONTAINS(e.text, "job 1.pbsserver was asked for 2 ranks, and 3 are");
    environment_clear();
}

static void test_errors(void)
{
    static const char *const none[] = {NULL};
    launcher_command c = {0};
    launcher_spec s = spec_of("prun", 1);
    pe_error e = {0};
    char *path = text_format("%s", getenv("PATH"));

    environment_clear();
    CU_ASSERT_PTR_NULL(made(&s, &c, &e));
    UNIT_EQUAL(e.text, "launcher 'prun': it is auto, srun, mpirun or mpiexec");
    s = spec_of("auto", 0);
    CU_ASSERT_PTR_NULL(made(&s, &c, &e));
    s = spec_of("auto", 1);
    s.program = none;
    CU_ASSERT_PTR_NULL(made(&s, &c, &e));
    UNIT_CONTAINS(e.text, "nothing is to be started");
    s = spec_of("mpirun", 1);
    setenv("PATH", "/nowhere", 1);
    CU_ASSERT_PTR_NULL(made(&s, &c, &e));
    UNIT_EQUAL(e.text, "mpirun is not there: install openmpi-bin");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    setenv("PATH", path, 1);
    in_slurm();
    unsetenv("SLURM_JOB_NODELIST");
    CU_ASSERT_PTR_NULL(made(&s, &c, &e));
    UNIT_EQUAL(e.text,
               "job 2 does not tell its hosts (SLURM_JOB_NODELIST is not set)");
    CU_ASSERT_PTR_NULL(c.argv);
    CU_ASSERT_PTR_NULL(c.env);
    launcher_command_free(NULL);
    environment_clear();
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
        {"srun", test_srun},
        {"srun without pmix", test_no_pmix},
        {"mpirun on one host", test_one_host},
        {"an mpiexec, whose it may be", test_mpiexec},
        {"mpirun on the one host of a job", test_one_host_of_job},
        {"this host in spite of a job", test_left_over},
        {"mpirun on several hosts", test_several_hosts},
        {"slots of hosts", test_slots},
        {"an agent inside of PBS", test_agent},
        {"the agent's words", test_agent_words},
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
