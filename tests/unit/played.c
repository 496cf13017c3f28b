/* played.c - a scheduler's commands first on PATH, played from recordings. */
#include "played.h"

#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/backend/backend.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/resource/scheduler.h"

recorded *played_all;
size_t played_n;

static char *data_bytes, *log_path, *log_text, *play_path, *player;

static void give_up(const char *what)
{
    perror(what);
    exit(99);
}

void played_link(const char *path)
{
    if (symlink(player, path) < 0)
        give_up(path);
}

static void commands_link(const char *bin, const char *commands)
{
    for (const char *c = commands; *c; c += strspn(c, " ")) {
        size_t n = strcspn(c, " ");
        char *path = text_format("%s/%.*s", bin, (int)n, c);
        played_link(path);
        free(path);
        c += n;
    }
}

/* The files [names] of tests/data, one behind the other, as one of the scratch
 * folder; its path.
 */
static char *data_join(const char *names)
{
    const char *source = getenv("top_srcdir");
    text all = {0};

    for (const char *c = names; *c; c += strspn(c, " ")) {
        size_t n = strcspn(c, " "), len = 0;
        char *path = text_format("%s/tests/data/%.*s", source ? source : "..",
                                 (int)n, c);
        char *bytes = file_read(path, 16777216, &len, NULL);
        if (!bytes)
            give_up(path);
        text_add_bytes(&all, bytes, len);
        free(bytes);
        free(path);
        c += n;
    }
    char *whole = text_format("%s/recorded", scratch_folder);
    if (file_write(whole, all.data, all.len, 0600, NULL) < 0)
        give_up(whole);
    text_free(&all);
    return whole;
}

void played_open(const char *commands, const char *data)
{
    const char *build = getenv("top_builddir");
    char *program =
        text_format("%s/tests/unit/fake_scheduler", build ? build : ".");
    char *bin, *path, *whole;

    scratch_make();
    whole = data_join(data);
    player = realpath(program, NULL);
    bin = text_format("%s/bin", scratch_folder);
    log_path = text_format("%s/log", scratch_folder);
    play_path = text_format("@%s/play", scratch_folder);
    if (!player || file_mkdir(bin, NULL) < 0)
        give_up("the player of recordings");
    commands_link(bin, commands);
    path = text_format("%s:%s", bin, getenv("PATH"));
    played_all = recorded_read(whole, &played_n, &data_bytes);
    setenv("PATH", path, 1);
    setenv("FAKE_DATA", whole, 1);
    setenv("FAKE_LOG", log_path, 1);
    setenv("TZ", "UTC", 1);
    free(program);
    free(bin);
    free(path);
    free(whole);
}

void played_close(void)
{
    scratch_remove();
    free(played_all);
    free(data_bytes);
    free(log_path);
    free(log_text);
    free(play_path);
    free(player);
}

const char *played_file(void)
{
    return play_path;
}

void played_set(const char *play)
{
    unlink(log_path);
    setenv("FAKE_PLAY", play, 1);
    if (file_write(play_path + 1, play, strlen(play), 0600, NULL) < 0)
        give_up(play_path);
}

const char *played_log(void)
{
    free(log_text);
    log_text = file_read(log_path, 16777216, NULL, NULL);
    return log_text ? log_text : "";
}

int played_calls(const char *command)
{
    size_t len = strlen(command);
    int n = 0;

    for (const char *line = played_log(); *line;) {
        const char *word = strchr(line, ' ');
        n += word && !strncmp(word + 1, command, len) &&
             strchr(" \n", word[1 + len]);
        line = strchr(line, '\n');
        if (!line)
            break;
        line++;
    }
    return n;
}

resource *played_resource(const char *url)
{
    pe_error e = {0};
    resource *r = backend_open(url, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    return r;
}

void played_line_add(void *arg, bool ok, const char *line)
{
    text_add(arg, "%s %s\n", ok ? "ok" : "--", line);
}

resource_job played_job(const char *id, const char *dir)
{
    resource_job job = {.dir = dir};

    snprintf(job.id, sizeof(job.id), "%s", id);
    scheduler_job_clear(&job);
    return job;
}

void played_print(const char *name, const resource_job *j)
{
    printf("# %-32s %-9s %s%s%s%s\n", name, resource_seen_name(j->seen),
           j->native, j->never ? " NEVER" : "", *j->prose ? ": " : "",
           j->prose);
}
