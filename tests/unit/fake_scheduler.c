/* fake_scheduler.c - plays the commands of a scheduler out of recordings.
 *
 * Called by a link of the command's name: squeue, qsub, ...  $FAKE_DATA is the
 * file of recordings, $FAKE_PLAY says what is played: blank-separated
 * COMMAND=ENTRY,ENTRY..., one entry a call and the last one for all further
 * ones; "@PATH": the file says it.  An entry is the name of a recording, or
 *
 *     sleep      hang until somebody ends it
 *     status:N   print nothing, exit N
 *     file:PATH  print the file, exit 0
 *
 * With $FAKE_VERSION set, --version prints that and is no call.
 *
 * Each call is a line of $FAKE_LOG: the folder's last name, then the words as
 * a shell would need them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorded.h"
#include "src/common/file.h"
#include "src/common/shell.h"
#include "src/common/text.h"

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Earlier calls of [command] in the log. */
static int calls_count(const char *log, const char *command)
{
    char *data = file_read(log, 16777216, NULL, NULL), *save = NULL;
    size_t len = strlen(command);
    int n = 0;

    for (char *line = data ? strtok_r(data, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        const char *word = strchr(line, ' ');
        n += word && !strncmp(word + 1, command, len) &&
             (!word[1 + len] || word[1 + len] == ' ');
    }
    free(data);
    return n;
}

static void call_log(const char *log, const char *command, char **argv)
{
    char *folder = getcwd(NULL, 0);
    FILE *f = fopen(log, "a");
    text line = {0};

    text_add(&line, "%s ", last_name(folder ? folder : "?"));
    shell_add_word(&line, command);
    for (argv++; *argv; argv++) {
        text_add(&line, " ");
        shell_add_word(&line, *argv);
    }
    if (f)
        fprintf(f, "%s\n", line.data);
    if (f)
        fclose(f);
    text_free(&line);
    free(folder);
}

/* The entry to play at call [n] of [command], in new memory, or NULL. */
static char *entry_choose(const char *play, const char *command, int n)
{
    size_t len = strlen(command);

    for (const char *p = play; p && *p; p += strspn(p, " ")) {
        size_t word = strcspn(p, " ");
        if (!strncmp(p, command, len) && p[len] == '=') {
            const char *at = p + len + 1, *end = p + word;
            for (const char *comma; n > 0; n--, at = comma + 1) {
                comma = memchr(at, ',', (size_t)(end - at));
                if (!comma)
                    break;
            }
            size_t entry = strcspn(at, ", ");
            return text_format("%.*s", (int)entry, at);
        }
        p += word;
    }
    return NULL;
}

static const char *option(char **argv, const char *name)
{
    for (; *argv; argv++)
        if (!strcmp(*argv, name))
            return argv[1];
    return NULL;
}

/* The shape it was asked for in. */
static char *shaped(const recorded *r, const char *command, char **argv,
                    size_t *lenp)
{
    const char *format = option(argv, "-o");

    if (!strcmp(command, "squeue") && format && !strstr(r->name, "down"))
        return recorded_squeue(r, format, lenp);
    if (!strcmp(command, "sinfo") && format)
        return recorded_sinfo(r, format, lenp);
    if (!strcmp(command, "qstat") && option(argv, "-F") &&
        !strcmp(option(argv, "-F"), "dsv") && !strncmp(r->out, "Job Id", 6) &&
        !strstr(r->name, "dsv"))
        return recorded_dsv(r, lenp);
    *lenp = r->out_len;
    return NULL;
}

static int play_recorded(const char *entry, const char *command, char **argv)
{
    size_t n, len;
    char *data, *shape;
    recorded *all = recorded_read(getenv("FAKE_DATA"), &n, &data);
    const recorded *r = recorded_find(all, n, entry);
    int status = 99;

    if (r) {
        shape = shaped(r, command, argv, &len);
        fwrite(shape ? shape : r->out, 1, len, stdout);
        fwrite(r->err, 1, r->err_len, stderr);
        status = r->status;
        free(shape);
    } else {
        fprintf(stderr, "%s: nothing is recorded as '%s'\n", command, entry);
    }
    free(all);
    free(data);
    return status;
}

static int play_file(const char *path)
{
    size_t len = 0;
    char *data = file_read(path, 268435456, &len, NULL);

    if (!data)
        return 99;
    fwrite(data, 1, len, stdout);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    static const char *play; /* kept to the end */
    const char *log = getenv("FAKE_LOG");
    const char *command = last_name(argv[0]);
    int status;

    play = getenv("FAKE_PLAY");
    if (argc == 2 && !strcmp(argv[1], "--version") && getenv("FAKE_VERSION"))
        return printf("%s\n", getenv("FAKE_VERSION")) < 0;
    if (play && *play == '@')
        play = file_read(play + 1, 65536, NULL, NULL);
    if (!log || !play || !getenv("FAKE_DATA"))
        return 99;
    char *entry = entry_choose(play, command, calls_count(log, command));
    call_log(log, command, argv);
    if (!entry) {
        fprintf(stderr, "%s is not played\n", command);
        return 99;
    }
    if (!strcmp(entry, "sleep"))
        sleep(600);
    if (!strncmp(entry, "status:", 7))
        status = atoi(entry + 7);
    else if (!strncmp(entry, "file:", 5))
        status = play_file(entry + 5);
    else
        status = play_recorded(entry, command, argv);
    free(entry);
    return status;
}
