/* run.c - a run of `pilot run` as a child: started, watched, ended. */
#include "library.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/random.h"
#include "src/common/text.h"

#define PIPELINE_FILE "pipeline.yaml"
#define RUN_OUT "out"
#define RUN_ERR "err"
#define LEAVE_MS 30000 /* of a run that is stopped */

/* --- what it is called --- */

/* The value of [words]' --run, or NULL. */
static const char *name_given(const char *const *words)
{
    static const char option[] = "--run";
    size_t n = sizeof(option) - 1;

    for (size_t i = 0; words && words[i]; i++) {
        if (!strcmp(words[i], option))
            return words[i + 1];
        if (!strncmp(words[i], option, n) && words[i][n] == '=')
            return words[i] + n + 1;
    }
    return NULL;
}

/* [stem]-DATE-TIME-XXXX, as `pilot run` has it. */
static char *name_make(const char *stem, pe_error *errp)
{
    time_t now = time(NULL);
    char stamp[32] = "", id[5], *name;
    struct tm utc;

    if (random_id(id, 2, errp) < 0)
        return NULL;
    if (gmtime_r(&now, &utc))
        strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &utc);
    name = text_format("%s-%s-%s", stem, stamp, id);
    if (!name)
        pe_error_nomem(errp);
    return name;
}

/* What a file is called without folder and suffix, as part of a name. */
static void stem_of(const char *path, char *out, size_t cap)
{
    const char *base = strrchr(path, '/');
    size_t n = 0;

    base = base ? base + 1 : path;
    for (; base[n] && base[n] != '.' && n + 1 < cap; n++)
        out[n] = (char)(isalnum((unsigned char)base[n]) ? base[n] : '-');
    out[n] = '\0';
    if (!isalnum((unsigned char)out[0]))
        text_shown("run", 3, out, cap);
}

/* --- its start --- */

static char *folder_make(pe_error *errp)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = text_format("%s/libpilot-XXXXXX", tmp && *tmp ? tmp : "/tmp");

    if (!dir) {
        pe_error_nomem(errp);
    } else if (!mkdtemp(dir)) {
        file_error(errp, errno, "make", dir, PE_EXIT_CREATE);
        free(dir);
        dir = NULL;
    }
    return dir;
}

/* All but its child. */
static pe_run *run_make(const char *stem, const char *const *words,
                        pe_error *errp)
{
    const char *given = name_given(words);
    pe_run *r = calloc(1, sizeof(*r));
    char *home = NULL;

    if (!r) {
        pe_error_nomem(errp);
        return NULL;
    }
    r->program = command_find(errp);
    r->name = !r->program ? NULL
              : given     ? text_format("%s", given)
                          : name_make(stem, errp);
    home = r->name ? locate_home(errp) : NULL;
    if (r->program && given && !r->name)
        pe_error_nomem(errp);
    if (home && !(r->folder = text_format("%s/%s", home, r->name)))
        pe_error_nomem(errp);
    if (r->folder)
        r->dir = folder_make(errp);
    free(home);
    if (r->dir)
        return r;
    pe_run_release(r);
    return NULL;
}

/* The words of "pilot run [more] --run NAME [words] file" in new memory, its
 * strings borrowed.
 */
static const char **words_make(const pe_run *r, const char *more,
                               const char *const *words, const char *file,
                               pe_error *errp)
{
    size_t n = 0, at = 0;

    while (words && words[n])
        n++;
    const char **argv = calloc(n + 8, sizeof(*argv));
    if (!argv) {
        pe_error_nomem(errp);
        return NULL;
    }
    argv[at++] = r->program;
    argv[at++] = "run";
    if (more)
        argv[at++] = more;
    if (!name_given(words)) {
        argv[at++] = "--run";
        argv[at++] = r->name;
    }
    for (size_t i = 0; i < n; i++)
        argv[at++] = words[i];
    argv[at++] = "--";
    argv[at] = file;
    return argv;
}

static int child_start(pe_run *r, const char *const *argv, pe_error *errp)
{
    char *out = command_path(r, RUN_OUT, errp);
    char *err = out ? command_path(r, RUN_ERR, errp) : NULL;
    process_spec s = {.argv = argv, .out_path = out, .err_path = err};

    if (err)
        r->child = process_start(&s, errp);
    free(err);
    free(out);
    return r->child ? 0 : -1;
}

/* What can be refused is refused by a run that touches nothing. */
static int run_start(pe_run *r, const char *const *words, const char *file,
                     pe_error *errp)
{
    const char **argv = words_make(r, "--dry-run", words, file, errp);
    int status = argv ? command_run(r, argv, errp) : -1;

    free(argv);
    argv = status == 0 ? words_make(r, NULL, words, file, errp) : NULL;
    status = argv ? child_start(r, argv, errp) : -1;
    free(argv);
    return status;
}

pe_run *pe_pipeline_run_file(const char *path, const char *const *words,
                             pe_error *errp)
{
    char stem[64];

    stem_of(path, stem, sizeof(stem));
    pe_run *r = run_make(stem, words, errp);
    if (r && run_start(r, words, path, errp) < 0) {
        pe_run_destroy(r);
        r = NULL;
    }
    return r;
}

/* An error that names a line of [file], which nobody has seen, as one that
 * names the field.
 */
static void error_name(const pe_pipeline *p, const char *file, pe_error *errp)
{
    size_t len = strlen(file);
    char *end, *words;

    if (!errp || strncmp(errp->text, file, len) != 0 || errp->text[len] != ':')
        return;
    long line = strtol(errp->text + len + 1, &end, 10);
    const char *field = text_field(p, (int)line);
    if (!field || strncmp(end, ": ", 2) != 0)
        return;
    words = text_format("%s%s", field, end);
    if (words)
        pe_error_set(errp, errp->kind, errp->exit_code, "%s", words);
    free(words);
}

pe_run *pe_pipeline_run(const pe_pipeline *p, const char *const *words,
                        pe_error *errp)
{
    char *lines = pe_pipeline_text(p, errp);
    pe_run *r = lines ? run_make(p->name, words, errp) : NULL;
    char *file = r ? command_path(r, PIPELINE_FILE, errp) : NULL;
    int status = file ? file_write(file, lines, strlen(lines), 0600, errp) : -1;

    if (status == 0 && (status = run_start(r, words, file, errp)) < 0)
        error_name(p, file, errp);
    free(file);
    free(lines);
    if (status == 0)
        return r;
    pe_run_destroy(r);
    return NULL;
}

/* --- how it goes --- */

const char *pe_run_name(const pe_run *r)
{
    return r->name;
}

const char *pe_run_folder(const pe_run *r)
{
    return r->folder;
}

/* Somebody had it end before its time. */
static bool was_drained(pe_run *r)
{
    char *summary = pe_run_summary(r, NULL);
    bool drained = summary && strstr(summary, "\"state\": \"drained\"");

    free(summary);
    return drained;
}

enum pe_run_state pe_run_status(pe_run *r)
{
    if (!process_ended(r->child))
        return PE_RUN_GOES;
    int status = process_status(r->child);
    if (status == 0)
        return was_drained(r) ? PE_RUN_STOPPED : PE_RUN_DONE;
    return status == 128 + SIGINT || status == 128 + SIGTERM ? PE_RUN_STOPPED
                                                             : PE_RUN_FAILED;
}

int pe_run_wait(pe_run *r, double timeout_s)
{
    double ms = timeout_s * 1000;

    return process_wait(r->child, timeout_s < 0 ? -1
                                  : ms > 2.0e9  ? 2000000000
                                                : (int)ms);
}

int pe_run_exit(pe_run *r, pe_error *errp)
{
    int status = process_status(r->child);

    if (!process_ended(r->child))
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "run %s goes on", r->name);
    if (status != 0)
        command_fail(r, status, RUN_ERR, errp);
    return status;
}

int pe_run_cancel(pe_run *r, int now, pe_error *errp)
{
    int times = now ? 2 : 1;

    (void)errp;
    for (; r->asked < times && !process_ended(r->child); r->asked++) {
        /* Two of one kind that come at once are one. */
        process_signal(r->child, r->asked ? SIGTERM : SIGINT);
    }
    return 0;
}

static void run_free(pe_run *r)
{
    if (r->dir)
        file_remove_tree(r->dir, NULL);
    free(r->dir);
    free(r->folder);
    free(r->name);
    free(r->program);
    free(r);
}

void pe_run_release(pe_run *r)
{
    if (!r)
        return;
    if (r->child && process_ended(r->child))
        process_destroy(r->child);
    else if (r->child)
        process_release(r->child);
    run_free(r);
}

void pe_run_destroy(pe_run *r)
{
    if (!r)
        return;
    if (r->child && !process_ended(r->child)) {
        pe_run_cancel(r, 1, NULL);
        process_wait(r->child, LEAVE_MS);
    }
    process_destroy(r->child);
    run_free(r);
}
