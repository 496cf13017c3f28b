/* rehearse_home.c - a home with rehearsed jobs in it, and none left behind. */
#include "rehearse_home.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "unit.h"

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/rehearsal/rehearsal.h"
#include "src/common/process.h"
#include "src/rehearsal/private.h"

#define AWAIT_NS (60000 * CLOCK_MS)
#define SCRIPTS_MAX 64
#define UP_NS (2000 * CLOCK_MS) /* a player is up by then */

char rehearse_home[300];

void rehearse_home_make(void)
{
    char here[512];

    snprintf(rehearse_home, sizeof(rehearse_home), "%s/home", scratch_folder);
    CU_ASSERT_EQUAL(rehearse_end_all(), 0);
    file_remove_tree(rehearse_home, NULL);
    setenv("PILOT_HOME", rehearse_home, 1);
    if (getcwd(here, sizeof(here)))
        setenv("PILOT_LIBEXEC", here, 1);
}

const char *rehearse_script(const char *name, const char *lines)
{
    static char urls[SCRIPTS_MAX][400];
    static int n;
    char *url = urls[n++ % SCRIPTS_MAX];

    scratch_write(name, lines);
    snprintf(url, sizeof(urls[0]), "rehearsal://%s", scratch_path);
    return url;
}

int rehearse_submit(const char *url, const char *pilot, const char *job,
                    char id[RESOURCE_ID_MAX], pe_error *errp)
{
    static const resource_request nothing;
    resource *r = rehearsal_open(url, errp);
    char *dir = text_format("%s/%s", rehearse_home, pilot);
    char *script = text_format("%s/job.sh", dir);
    const resource_spec s = {.pilot = pilot,
                             .kind = "pool",
                             .dir = dir,
                             .supervisor = "/nowhere/pilot-supervise",
                             .submit_dir = scratch_folder,
                             .request = &nothing};
    int status = -1;

    if (r && file_mkdir(dir, errp) == 0 &&
        file_write(script, job, strlen(job), 0700, errp) == 0)
        status = r->ops->submit(r, &s, id, errp);
    if (r)
        resource_close(r);
    free(script);
    free(dir);
    return status;
}

bool rehearse_await(const char *url, const char *id, enum resource_seen seen,
                    resource_job *job)
{
    resource *r = rehearsal_open(url, NULL);
    int64_t until = clock_mono_ns() + AWAIT_NS;
    bool found = false;

    while (r && !found && clock_mono_ns() < until) {
        memset(job, 0, sizeof(*job));
        snprintf(job->id, sizeof(job->id), "%s", id);
        job->dir = "";
        found = r->ops->describe(r, job, 1, NULL) == 0 && job->seen == seen;
        if (!found)
            clock_sleep_ns(10 * CLOCK_MS, 1);
    }
    if (!found)
        printf("# job %s is seen as %d (%s), not as %d\n", id, (int)job->seen,
               job->native, (int)seen);
    if (r)
        resource_close(r);
    return found;
}

/* Tell the player of job [id] to go; true: it was still there, or is yet to
 * come.
 */
static bool player_end(host *h, const char *folder, const char *id)
{
    rehearsal_job j;
    char *mark = text_format("REHEARSAL_JOB=%s/%s", folder, id);
    bool there = rehearsal_job_read(folder, id, &j, NULL) == 0 &&
                 j.seen != RESOURCE_ABSENT;

    if (there && j.player > 0)
        there = host_alive(h, (pid_t)j.player, j.player_start, NULL) == 1;
    else if (there) /* its submission may have been killed */
        there = clock_real_ns() - j.submit_ns < UP_NS;
    if (there && j.player > 0)
        host_kill(h, (pid_t)j.player, j.player_start, SIGKILL, NULL);
    process_kill_marked(mark);
    free(mark);
    return there;
}

static int players_end(host *h, const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *e;
    int n = 0;

    while (dir && (e = readdir(dir)) != NULL) {
        char id[300];
        if (!strstr(e->d_name, ".json"))
            continue;
        snprintf(id, sizeof(id), "%.*s.rehearsal",
                 (int)strspn(e->d_name, "0123456789"), e->d_name);
        n += player_end(h, folder, id);
    }
    if (dir)
        closedir(dir);
    return n;
}

int rehearse_end_all(void)
{
    host *h = host_open_local(NULL);
    char *folder = text_format("%s/rehearsal", rehearse_home);
    int left = 1;

    for (int i = 0; left > 0 && i < 1000; i++) {
        left = players_end(h, folder);
        if (left > 0)
            clock_sleep_ns(10 * CLOCK_MS, 1);
    }
    free(folder);
    host_close(h);
    return left;
}
