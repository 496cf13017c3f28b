/* test_mpirun.c - mpirun and mpiexec: on one host, on several, inside of PBS.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher_case.h"
#include "played.h"
#include "scratch.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/launcher/launcher_private.h"
#include "src/common/process.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Not on the command line: Open MPI 5 warns there of what it has not. */
#define ONE_HOST_SETTINGS                            \
    "OMPI_MCA_plm=isolated OMPI_MCA_btl=self,vader " \
    "OMPI_MCA_pml=ob1 "                              \
    "OMPI_MCA_odls_base_sigkill_timeout=0 "          \
    "HWLOC_PLUGINS_PATH=/dev/null "                  \
    "PMIX_MCA_gds=hash "                             \
    "OMPI_MCA_btl_vader_backing_directory=/dev/shm/pilot-m"

/* One host: what `pilot run` does on a laptop. */
static void test_one_host(void)
{
    launcher_command c = {0};
    launcher_spec s = case_spec(NULL, 1);
    pe_error e = {0};
    char *command, *env;
    bool root = geteuid() == 0;

    case_outside();
    s.session_dir = "/tmp/pilot-s";
    s.shared_dir = "/dev/shm/pilot-m";
    command = case_made(&s, &c, &e);
    UNIT_EQUAL(command,
               "mpirun --bind-to core -n 1 '/opt/pilot agent' --ranks 4");
    env = case_joined(c.env, " ");
    UNIT_EQUAL(env, root ? "TMPDIR=/tmp/pilot-s OMPI_ALLOW_RUN_AS_ROOT=1 "
                           "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 " ONE_HOST_SETTINGS
                         : "TMPDIR=/tmp/pilot-s " ONE_HOST_SETTINGS);
    UNIT_EQUAL(c.told, root ? "the ranks run as root (mpirun "
                              "--allow-run-as-root)"
                            : "");
    free(command);
    free(env);
    launcher_command_free(&c);
    /* What its user has set is told, for programs of stages. */
    setenv("OMPI_MCA_btl_base_verbose", "5", 1);
    setenv("OMPI_MCA_plm", "rsh", 1);
    command = case_made(&s, &c, &e);
    env = case_joined(c.env, " ");
    UNIT_CONTAINS(env,
                  "/dev/shm/pilot-m PILOT_MPI_ENV=OMPI_MCA_btl_base_verbose");
    free(command);
    free(env);
    launcher_command_free(&c);
    case_outside();
    s = case_spec("mpirun", 10000);
    command = case_made(&s, &c, &e);
    UNIT_EQUAL(command, "mpirun --oversubscribe --bind-to none -n 10000 "
                        "'/opt/pilot agent' --ranks 4");
    UNIT_CONTAINS(c.told, "10000 ranks share ");
    UNIT_CONTAINS(c.told, " cores (mpirun --oversubscribe)");
    free(command);
    launcher_command_free(&c);
    /* One of them is none of several. */
    s = case_spec("mpirun", 1);
    s.cpus_per_task = 10000;
    command = case_made(&s, &c, &e);
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
    launcher_spec s = case_spec("mpiexec", 10000);
    pe_error e = {0};
    char *command, *env;

    case_outside();
    command = case_made(&s, &c, &e);
    UNIT_CONTAINS(command, "mpiexec");
    UNIT_CONTAINS(command, " -n 10000 '/opt/pilot agent' --ranks 4");
    env = case_joined(c.env, " ");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        UNIT_CONTAINS(env, words[i]);
    UNIT_CONTAINS(c.told, "10000 ranks share ");
    free(command);
    free(env);
    launcher_command_free(&c);
    s = case_spec("mpiexec", 1);
    command = case_made(&s, &c, &e);
    env = case_joined(c.env, " ");
    CU_ASSERT_PTR_NULL(strstr(env, "oversubscribe"));
    free(command);
    free(env);
    launcher_command_free(&c);
}

static void test_one_host_of_job(void)
{
    launcher_command c = {0};
    launcher_spec s = case_spec("mpirun", 2);
    pe_error e = {0};
    char *command, *env;

    case_outside();
    case_in_pbs("node1\nnode1\n");
    command = case_made(&s, &c, &e);
    UNIT_CONTAINS(command, "mpirun --oversubscribe --bind-to ");
    env = case_joined(c.env, " ");
    UNIT_CONTAINS(env, "OMPI_MCA_plm=isolated ");
    free(env);
    free(command);
    launcher_command_free(&c);
    case_outside();
}

static void test_several_hosts(void)
{
    launcher_command c = {0};
    launcher_spec s = case_spec("mpirun", 4);
    pe_error e = {0};
    char *command, *env, *want, *hosts;
    char *path = text_format("%s/hosts", scratch_folder);

    case_outside();
    case_in_slurm();
    setenv("PILOT_DIR", "/p", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    command = case_made(&s, &c, &e);
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
    env = case_joined(c.env, " ");
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
    command = case_made(&s, &c, &e);
    /* mpirun hands its ranks a folder: a second one would be refused */
    CU_ASSERT_PTR_NULL(strstr(command, "tmpdir_base"));
    env = case_joined(c.env, " ");
    CU_ASSERT_EQUAL(strncmp(env, "TMPDIR=/tmp/pilot-s ", 20), 0);
    UNIT_CONTAINS(env, " SLURM_EXPORT_ENV=ALL,TMPDIR=/");
    CU_ASSERT_PTR_NULL(strstr(env, "ALL,TMPDIR=/tmp/pilot-s"));
    free(env);
    UNIT_CONTAINS(command, " --map-by slot:PE=2 --bind-to core:overload-");
    free(command);
    launcher_command_free(&c);
    free(path);
    case_outside();
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
        launcher_spec s = case_spec("mpiexec", rows[i].ntasks);
        pe_error e = {0};
        case_outside();
        case_in_pbs(rows[i].nodes);
        free(case_made(&s, &c, &e));
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
    case_outside();
}

/* Inside of PBS daemons are started through its task manager: they find the
 * agent on the PATH they are given, stay in the session they are put into,
 * and there are agents enough for all hosts.
 */
static void test_agent(void)
{
    launcher_command c = {0};
    launcher_spec s = case_spec("mpirun", 4);
    pe_error e = {0};
    char *command, *env, *want;
    char *path = text_format("%s/pilot-tmrsh", scratch_folder);

    case_outside();
    case_in_pbs("node1\nnode1\nnode2\nnode2\n");
    command = case_made(&s, &c, &e);
    UNIT_EQUAL(e.text, "");
    UNIT_CONTAINS(command, " --mca plm_rsh_agent pilot-tmrsh --mca "
                           "plm_rsh_no_tree_spawn 1 --mca "
                           "plm_rsh_num_concurrent 3 --mca "
                           "orte_leave_session_attached 1 ");
    env = case_joined(c.env, "\n");
    want = text_format("PATH=%s:%s", scratch_folder, getenv("PATH"));
    UNIT_CONTAINS(env, want);
    CU_ASSERT_EQUAL(access(path, X_OK), 0);
    free(command);
    free(env);
    free(want);
    launcher_command_free(&c);
    s = case_spec("mpiexec", 4);
    command = case_made(&s, &c, &e);
    UNIT_EQUAL(command, "mpiexec -n 4 '/opt/pilot agent' --ranks 4");
    env = case_joined(c.env, "\n");
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
    CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
    case_outside();
    free(path);
}

/* A folder that PATH would take for two, and one that is not there. */
static void test_folders(void)
{
    static const struct {
        const char *folder;
        bool made;
        const char *error;
    } rows[] = {
        {"a:b", true,
         "/a:b has a ':' in its name, so that it cannot be on PATH: set "
         "PILOT_HOME to another folder"},
        {"none", false, "/none/hosts: No such file or directory"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *dir = text_format("%s/%s", scratch_folder, rows[i].folder);
        launcher_command c = {0};
        launcher_spec s = case_spec("mpiexec", 2);
        pe_error e = {0};
        case_outside();
        case_in_pbs("a\nb\n");
        if (rows[i].made)
            CU_ASSERT_EQUAL(file_mkdir(dir, NULL), 0);
        s.dir = dir;
        CU_ASSERT_PTR_NULL(case_made(&s, &c, &e));
        UNIT_CONTAINS(e.text, rows[i].error);
        CU_ASSERT_PTR_NULL(c.argv);
        CU_ASSERT_PTR_NULL(c.env);
        free(dir);
    }
    case_outside();
}

/* The agent itself on another host, where nothing of ours is set: what a
 * shell is to do comes to one, in our environment but for what is of a host.
 */
static void test_agent_words(void)
{
    launcher_command c = {0};
    launcher_spec s = case_spec("mpirun", 2);
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

    case_outside();
    case_in_pbs("node1\nnode2\n");
    setenv("PILOT_WORDS", "it's\ntwo; lines", 1);
    setenv("OMPI_MCA_a", "1", 1);
    setenv("TMPDIR", "/tmp/pilot-s", 1);
    setenv("PBS_NODENUM", "0", 1);
    setenv("BASH_FUNC_module%%", "() { :; }", 1);
    free(case_made(&s, &c, &e));
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
    case_outside();
}

int main(void)
{
    static const unit_test tests[] = {
        {"mpirun on one host", test_one_host},
        {"an mpiexec, whose it may be", test_mpiexec},
        {"mpirun on the one host of a job", test_one_host_of_job},
        {"mpirun on several hosts", test_several_hosts},
        {"slots of hosts", test_slots},
        {"an agent inside of PBS", test_agent},
        {"folders that will not do", test_folders},
        {"the agent's words", test_agent_words},
        {NULL, NULL},
    };

    played_open("srun mpirun mpiexec pbs_tmrsh", "slurm.rec");
    int status = unit_main("mpirun", tests);
    played_close();
    return status;
}
