/* hear.c - read the signs of life that pilots leave in their folders. */
#include "hear.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "src/launcher/launcher.h"

#define BEAT_MAX (1 << 20)
#define WORDS_MAX 300
#define TAIL_BYTES 8192 /* Open MPI says much */
/* A command line goes to a remote shell as one word, at most 128 KiB. */
#define WORDS_OF_COMMAND 49152
#define MARK_LEN 32

/* --- this host --- */

static json_t *file_hear(const char *dir, const char *name)
{
    char *path = text_format("%s/%s", dir, name);
    size_t len = 0;
    char *data = path ? file_read(path, BEAT_MAX, &len, NULL) : NULL;
    json_t *o = data ? json_loadb(data, len, 0, NULL) : NULL;

    free(data);
    free(path);
    return o;
}

/* --- another host --- */

/* $1 is a mark that stands between the files, and after the last one. */
static const char script[] =
    "m=$1; shift; for d; do"
    " printf '\\n%s\\n' \"$m\"; cat \"$d/beat.json\" 2>/dev/null;"
    " printf '\\n%s\\n' \"$m\"; cat \"$d/exit\" 2>/dev/null;"
    " done; printf '\\n%s\\n' \"$m\"";

/* The files in the answer; -1: it is not whole. */
static int answer_parse(const host_answer *a, const char *mark, heard *items,
                        size_t n)
{
    const char *end = a->out + a->out_len;
    char between[MARK_LEN + 3];
    size_t len = sizeof(between) - 1, i = 0;

    snprintf(between, sizeof(between), "\n%s\n", mark);
    const char *at = memmem(a->out, a->out_len, between, len);
    for (const char *next; at && i < 2 * n; at = next, i++) {
        const char *file = at + len;
        next = memmem(file, (size_t)(end - file), between, len);
        if (!next)
            break;
        json_t *o = json_loadb(file, (size_t)(next - file), 0, NULL);
        if (i % 2 == 0)
            items[i / 2].beat = o;
        else
            items[i / 2].end = o;
    }
    return i == 2 * n ? 0 : -1;
}

static int remote_hear(host *h, double timeout_s, heard *items, size_t n,
                       pe_error *errp)
{
    char mark[MARK_LEN + 1];
    host_answer a = {0};
    const char **argv = calloc(n + 6, sizeof(*argv));
    int status = -1;

    if (!argv)
        return pe_error_nomem(errp);
    if (random_id(mark, MARK_LEN / 2, errp) < 0)
        goto done;
    const char *head[] = {"/bin/sh", "-c", script, "sh", mark};
    memcpy(argv, head, sizeof(head));
    for (size_t i = 0; i < n; i++)
        argv[5 + i] = items[i].dir;
    if (host_run(h, argv, NULL, timeout_s, &a, errp) < 0)
        goto done;
    status = answer_parse(&a, mark, items, n);
    if (status < 0)
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                     "the answer of %s about its pilots is not whole: %.200s",
                     host_name(h), a.err ? a.err : "");
done:
    host_answer_free(&a);
    free(argv);
    return status;
}

/* How many of [n] fit into one command. */
static size_t command_room(const heard *items, size_t n)
{
    size_t bytes = 0, i;

    for (i = 0; i < n; i++) {
        bytes += strlen(items[i].dir) + 3;
        if (i > 0 && bytes > WORDS_OF_COMMAND)
            break;
    }
    return i;
}

int hear(host *h, double timeout_s, heard *items, size_t n, pe_error *errp)
{
    if (host_is_local(h)) {
        for (size_t i = 0; i < n; i++) {
            items[i].beat = file_hear(items[i].dir, "beat.json");
            items[i].end = file_hear(items[i].dir, "exit");
        }
        return 0;
    }
    for (size_t at = 0, some; at < n; at += some) {
        some = command_room(items + at, n - at);
        if (remote_hear(h, timeout_s, items + at, some, errp) < 0)
            return -1;
    }
    return 0;
}

/* --- last words --- */

/* The end of file [path], not before byte [from]. */
static char *file_tail(const char *path, int64_t from)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *tail = NULL;
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        (tail = calloc(1, TAIL_BYTES + 1)) != NULL) {
        off_t at = st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0;
        if (pread(fd, tail, TAIL_BYTES, at > from ? at : from) < 0)
            *tail = '\0';
    }
    if (fd >= 0)
        close(fd);
    return tail;
}

static char *remote_tail(host *h, double timeout_s, const char *path)
{
    char bytes[16];
    const char *const argv[] = {"tail", "-c", bytes, path, NULL};
    host_answer a = {0};
    char *tail = NULL;

    snprintf(bytes, sizeof(bytes), "%d", TAIL_BYTES);
    if (host_run(h, argv, NULL, timeout_s, &a, NULL) == 0 && a.status == 0)
        tail = text_format("%s", a.out);
    host_answer_free(&a);
    return tail;
}

/* The last lines that fit, joined by blanks. */
static char *words_join(char *tail)
{
    char *start;

    for (char *p = tail; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    size_t len = strlen(tail);
    while (len > 0 && tail[len - 1] == ' ')
        tail[--len] = '\0';
    start = len > WORDS_MAX ? tail + len - WORDS_MAX : tail;
    /* Not in the middle of a word, nor of a character. */
    if (start > tail && start[-1] != ' ')
        start += strcspn(start, " ");
    start += strspn(start, " ");
    return *start ? text_format("%s", start) : NULL;
}

/* [tail] is taken. */
static char *words_of(char *tail)
{
    char *words;

    if (tail)
        launcher_words(tail);
    words = tail ? words_join(tail) : NULL;
    free(tail);
    return words;
}

char *hear_last_words(host *h, double timeout_s, const char *dir)
{
    char *path = text_format("%s/err", dir);
    char *tail = !path              ? NULL
                 : host_is_local(h) ? file_tail(path, 0)
                                    : remote_tail(h, timeout_s, path);

    free(path);
    return words_of(tail);
}

char *hear_own_words(const char *dir, int64_t from)
{
    char *path = text_format("%s/err", dir);
    char *tail = path ? file_tail(path, from) : NULL;

    free(path);
    return words_of(tail);
}
