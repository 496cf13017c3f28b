/* fake_slurm.c - what a controller would say to pilot-slurm, by the linker.
 *
 * The program is the real one with the real library; only calls that need a
 * controller come here.  FAKE_SLURM says what becomes of them: "CALL=CODE ...",
 * an error of the library (0: none), or "CALL=hang".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

void __wrap_slurm_init(const char *conf);
void __real_slurm_init(const char *conf);
int __wrap_slurm_ping(int dest);
int __wrap_slurm_load_job_user(job_info_msg_t **m, uint32_t user,
                               uint16_t flags);
int __wrap_slurm_load_job(job_info_msg_t **m, uint32_t id, uint16_t flags);
int __wrap_slurm_kill_job(uint32_t id, uint16_t sig, uint16_t flags);
int __wrap_slurm_load_partitions(time_t since, partition_info_msg_t **m,
                                 uint16_t flags);
void __wrap_slurm_free_job_info_msg(job_info_msg_t *m);
void __wrap_slurm_free_partition_info_msg(partition_info_msg_t *m);

/* 2026-11-29T08:00:00Z; and a time that is to come for long. */
#define THEN ((time_t)1795939200)
#define LATER ((time_t)4102444800)

/* Of a user: in every state that is printed otherwise than others. */
static job_info_t jobs[] = {
    {.job_id = 7,
     .job_state = JOB_PENDING,
     .priority = 0,
     .submit_time = THEN,
     .time_limit = 60,
     .num_nodes = 3,
     .state_reason = WAIT_HELD_USER},
    {.job_id = 8,
     .job_state = JOB_RUNNING,
     .priority = 4294901759U,
     .submit_time = THEN,
     .start_time = THEN + 61,
     .end_time = LATER,
     .time_limit = INFINITE,
     .num_nodes = 2,
     .nodes = (char *)"node[1-2]",
     .restart_cnt = 4,
     .command = (char *)"/w/job.sh"},
    {.job_id = 9, /* without a limit, and over all the same */
     .job_state = JOB_COMPLETE,
     .priority = 1,
     .submit_time = THEN,
     .start_time = THEN,
     .end_time = THEN + 3600,
     .time_limit = INFINITE,
     .num_nodes = 1,
     .nodes = (char *)"n",
     .exit_code = 3 << 8,
     .command = (char *)"/w/job.sh"},
    {.job_id = 10, /* by a signal, and its last process is not gone yet */
     .job_state = JOB_FAILED | JOB_COMPLETING,
     .priority = 1,
     .end_time = THEN,
     .num_nodes = 1,
     .exit_code = 9,
     .state_reason = FAIL_TIMEOUT,
     .command = (char *)"/w/job.sh"},
    {.job_id = 4294967293U, /* words that would break the line */
     .job_state = JOB_PENDING,
     .priority = 1,
     .num_nodes = 1,
     .nodes = (char *)"a|b",
     .state_desc = (char *)"Nodes|down\tor\nso\x7f",
     .state_reason = WAIT_PRIORITY,
     .command = (char *)"/w/a|b\n\xc3\xa9.sh"},
};

/* An array: its own number is that of its last task, too. */
static job_info_t tasks[] = {
    {.job_id = 21, .end_time = THEN, .time_limit = 5},
    {.job_id = 25, .end_time = THEN + 5, .time_limit = 5},
    {.job_id = 20, .end_time = LATER, .time_limit = INFINITE},
    {.job_id = 26, .end_time = 0, .time_limit = 5},
};

/* What becomes of [call]: 0, or -1 with its code in errno. */
static int outcome(const char *call)
{
    const char *word = getenv("FAKE_SLURM");
    size_t n = strlen(call);

    for (; word && *word; word += strcspn(word, " "), word += *word == ' ') {
        if (strncmp(word, call, n) != 0 || word[n] != '=')
            continue;
        while (!strncmp(word + n, "=hang", 5))
            pause();
        errno = atoi(word + n + 1);
        return errno ? -1 : 0;
    }
    return 0;
}

/* An answer of [n]; none for a call that fails. */
static int answer(const char *call, job_info_msg_t **m, job_info_t *of,
                  size_t n)
{
    static job_info_msg_t said;

    if (outcome(call) < 0)
        return SLURM_ERROR;
    said.job_array = of;
    said.record_count = (uint32_t)n;
    *m = &said;
    return 0;
}

/* "init=real": it looks for its configuration. */
void __wrap_slurm_init(const char *conf)
{
    const char *word = getenv("FAKE_SLURM");

    if (word && strstr(word, "init=real"))
        __real_slurm_init(conf);
}

int __wrap_slurm_ping(int dest)
{
    int rc = outcome("ping");

    if (dest != 0)
        abort(); /* of the primary controller alone the time is known */
    return rc < 0 ? errno : 0;
}

int __wrap_slurm_load_job_user(job_info_msg_t **m, uint32_t user,
                               uint16_t flags)
{
    if (user != getuid() || flags != (SHOW_ALL | SHOW_LOCAL))
        abort();
    return answer("jobs", m, jobs, COUNT(jobs));
}

int __wrap_slurm_load_job(job_info_msg_t **m, uint32_t id, uint16_t flags)
{
    if (flags != (SHOW_ALL | SHOW_LOCAL))
        abort();
    return answer("end", m, tasks, id == 404 ? 0 : COUNT(tasks));
}

int __wrap_slurm_kill_job(uint32_t id, uint16_t sig, uint16_t flags)
{
    if (id != 7 || sig != 9 || flags != 0)
        abort();
    return outcome("cancel");
}

int __wrap_slurm_load_partitions(time_t since, partition_info_msg_t **m,
                                 uint16_t flags)
{
    static partition_info_msg_t none;

    if (since != 0 || flags != (SHOW_ALL | SHOW_LOCAL))
        abort();
    *m = &none;
    return outcome("partitions");
}

void __wrap_slurm_free_job_info_msg(job_info_msg_t *m)
{
    (void)m;
}

void __wrap_slurm_free_partition_info_msg(partition_info_msg_t *m)
{
    (void)m;
}
