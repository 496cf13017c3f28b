/* pilot_command.c - `pilot` as users call it, and pilots for it to look at. */
#include "pilot_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "unit.h"

#include "src/common/clock.h"
#include "src/common/file.h"

/* --- the program and what it says --- */

static const char *file_of(const char *name)
{
    static char path[300];

    snprintf(path, sizeof(path), "%s/%s", scratch_folder, name);
    return path;
}

/* Content of SCRATCH/name, "" when there is none; kept until the next call of
 * the same name.
 */
const char *content(const char *name)
{
    static struct {
        const char *name;
        char *data;
    } kept[12];

    for (size_t i = 0; i < N(kept); i++) {
        if (kept[i].name && strcmp(kept[i].name, name) != 0)
            continue;
        free(kept[i].data);
        kept[i].name = name;
        kept[i].data = file_read(file_of(name), 1 << 24, NULL, NULL);
        return kept[i].data ? kept[i].data : "";
    }
    return "";
}

/* "pilot ARG..." in the background; its output to files out and err, or to
 * [tty].
 */
process *pilot_start(const char *const *args, const char *tty)
{
    const char *program = getenv("PILOT_UNDER_TEST");
    const char *argv[16] = {program ? program : "./pilot"};
    char *out = text_format("%s/out", scratch_folder);
    char *err = text_format("%s/err", scratch_folder);
    const process_spec spec = {.argv = argv,
                               .out_path = tty ? tty : out,
                               .err_path = tty ? tty : err,
                               .new_group = true};
    pe_error e = {0};

    for (int i = 0; args[i] && i < 14; i++)
        argv[i + 1] = args[i];
    unlink(out);
    unlink(err);
    process *p = process_start(&spec, &e);
    UNIT_EQUAL(e.text, "");
    free(out);
    free(err);
    return p;
}

int pilot_end(process *p)
{
    CU_ASSERT(process_wait(p, 60000));
    int status = process_status(p);
    process_destroy(p);
    return status;
}

int pilot(const char *const *args)
{
    return pilot_end(pilot_start(args, NULL));
}

void expect(int got, int want, const char *out, const char *err)
{
    if (got != want)
        printf("# status %d: %s", got, content("err"));
    CU_ASSERT_EQUAL(got, want);
    if (out)
        UNIT_CONTAINS(content("out"), out);
    if (err)
        UNIT_CONTAINS(content("err"), err);
}

/* --- pilots --- */

pilot_record record_of(const char *id, const char *url, const char *sched_id,
                       enum pilot_state state)
{
    int64_t now = clock_real_ns();
    size_t run = strcspn(id, "/");
    pilot_record r;

    memset(&r, 0, sizeof(r));
    snprintf(r.id, sizeof(r.id), "%s", id);
    snprintf(r.run, sizeof(r.run), "%.*s", (int)run, id);
    snprintf(r.name, sizeof(r.name), "%.90s", id + run + 1);
    snprintf(r.kind, sizeof(r.kind), "pool");
    snprintf(r.resource, sizeof(r.resource), "%s", url);
    snprintf(r.sched_id, sizeof(r.sched_id), "%s", sched_id);
    snprintf(r.dir, sizeof(r.dir), "%s/%s", rehearse_home, id);
    r.state = state;
    r.exit_code = -1;
    r.submitting = state == PILOT_NEW;
    r.created_ns = now;
    r.submitted_ns = state == PILOT_NEW ? 0 : now;
    r.started_ns = state > PILOT_HELD ? now : 0;
    r.ended_ns = pilot_state_is_final(state) ? now : 0;
    return r;
}

void record_put(const pilot_record *r)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(pilot_record_create(rehearse_home, r, &e), 0);
    UNIT_EQUAL(e.text, "");
}

/* A pilot whose job is submitted to [url] and runs [job]. */
void pilot_submit(const char *id, const char *url, const char *job)
{
    char sched_id[RESOURCE_ID_MAX] = "";
    pe_error e = {0};

    CU_ASSERT_EQUAL(rehearse_submit(url, id, job, sched_id, &e), 0);
    UNIT_EQUAL(e.text, "");
    pilot_record r = record_of(id, url, sched_id, PILOT_QUEUED);
    record_put(&r);
}

/* Until the scheduler gives a reason why the job waits. */
void reason_await(const char *url, const char *id)
{
    resource_job job = {.reason = ""};
    int64_t until = clock_mono_ns() + 60 * CLOCK_S;

    while (!*job.reason && clock_mono_ns() < until)
        CU_ASSERT(rehearse_await(url, id, RESOURCE_QUEUED, &job));
    CU_ASSERT(*job.reason);
}

pilot_record on_disk(const char *id)
{
    pilot_record r;
    pe_error e = {0};

    CU_ASSERT_EQUAL(pilot_record_read(rehearse_home, id, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
    return r;
}

enum pilot_state state_of(const char *id)
{
    return on_disk(id).state;
}

/* A file of pilot [id], as its supervisor writes it. */
void pilot_put(const char *id, const char *name, const char *data)
{
    char *path = text_format("%s/%s/%s", rehearse_home, id, name);

    CU_ASSERT_EQUAL(file_write(path, data, strlen(data), 0600, NULL), 0);
    free(path);
}

void beat_put(const char *id, const char *name, const char *state,
              const char *more)
{
    char *data =
        text_format("{\"schema\": 1, \"state\": \"%s\", \"time_ns\": %lld%s}",
                    state, (long long)clock_real_ns(), more);

    pilot_put(id, name, data);
    free(data);
}

/* How many questions the schedulers of this home were asked. */
int questions(void)
{
    char *path = text_format("%s/rehearsal/queries", rehearse_home);
    char *data = file_read(path, 1 << 20, NULL, NULL);
    int n = 0;

    for (const char *c = data; c && *c; c++)
        n += *c == '\n';
    free(data);
    free(path);
    return n;
}

void begin(void)
{
    rehearse_home_make();
    setenv("PILOT_POLL", "100ms", 1);
}

/* Until the command has said [part]. */
void err_await(const char *part)
{
    int64_t until = clock_mono_ns() + 60 * CLOCK_S;

    while (!strstr(content("err"), part) && clock_mono_ns() < until)
        clock_sleep_ns(10 * CLOCK_MS, 1);
    UNIT_CONTAINS(content("err"), part);
}
