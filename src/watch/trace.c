/* trace.c - `pilot trace`: what became of every block of a run. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/process.h"
#include "src/common/text.h"
#include "src/registry/trace_out.h"
#include "src/watch/watch.h"
#include "trace_out.h"

#define AT(member) offsetof(struct trace_options, member)

struct trace_options {
    const char *out, *every;
    bool json, force, help;
};

static const option_spec options[] = {
    {"output", 'o', OPTION_TEXT, AT(out), "FILE", NULL,
     "write it: .json for Perfetto, .csv, or .h5"},
    {"every", 0, OPTION_TEXT, AT(every), "N", NULL,
     "of a .json: each N-th block of a device alone"},
    {"json", 0, OPTION_FLAG, AT(json), NULL, NULL, "the summary as JSON"},
    {"force", 0, OPTION_FLAG, AT(force), NULL, NULL,
     "replace a FILE that is there"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[--json] RUN|FILE.h5",
                                       "-o FILE [--force] RUN|FILE.h5", NULL};

static const option_usage usage = {
    .command = "pilot trace",
    .synopsis = synopsis,
    .prose = "Show where the blocks of a run spent their time, or write it for "
             "other programs.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .operand = "a RUN",
};

/* --- where it is --- */

/* A file or a folder by its path, else a run of this host; new memory. */
static char *find(const char *what, pe_error *errp)
{
    bool path = strchr(what, '/') != NULL;
    char *home, *out;
    struct stat st;

    if (path || (stat(what, &st) == 0 && S_ISREG(st.st_mode))) {
        out = text_format("%s", what);
        if (!out)
            pe_error_nomem(errp);
        return out;
    }
    home = locate_home(errp);
    out = home ? locate_run(home, what, errp) : NULL;
    if (!out && home && (!errp || errp->kind == PE_ERROR_NONE))
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no run %s in %s; 'pilot runs' lists them", what,
                     home);
    free(home);
    return out;
}

/* --- what is elsewhere --- */

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), k = strlen(tail);

    return n > k && !strcmp(s + n - k, tail);
}

/* Has the folder of [id] here a log? */
static bool has_logs(const char *home, const char *id)
{
    char *folder = text_format("%s/%s/trace", home, id);
    DIR *d = folder ? opendir(folder) : NULL;
    bool found = false;

    for (struct dirent *e; d && !found && (e = readdir(d));)
        found = ends_with(e->d_name, ".log");
    if (d)
        closedir(d);
    free(folder);
    return found;
}

/* `pilot run` fetches the logs of pilots on other hosts when it ends; those of
 * a run that was submitted lie there until somebody asks.
 */
static void fetch(const char *from)
{
    const char *run = strrchr(from, '/');
    pilot_record *r = NULL;
    pe_error e = {0};
    size_t n = 0;
    char *home, *whole = text_format("%s/trace.h5", from);

    if (!run || !whole || access(whole, F_OK) == 0) {
        free(whole);
        return;
    }
    free(whole);
    home = text_format("%.*s", (int)(run - from), from);
    if (!home || pilot_records_find(home, run + 1, &r, &n, &e) < 0)
        n = 0; /* a folder that was copied here */
    for (size_t i = 0; i < n; i++) {
        if ((strcmp(r[i].kind, "pool") != 0 &&
             strcmp(r[i].kind, "edge") != 0) ||
            has_logs(home, r[i].id))
            continue;
        e = (pe_error){0};
        if (trace_out(home, &r[i], &e) < 0)
            log_warn("the trace of %s, if it has one, stays where it is: %s",
                     r[i].id, e.text);
    }
    free(r);
    free(home);
}

/* --- into a file --- */

/* What a trace becomes. */
struct writing {
    uint64_t every;
    uint64_t left, backward;
    bool csv;
};

static int write_rows(trace *t, struct writing *w, FILE *f, const char *path,
                      pe_error *errp)
{
    int rc = w->csv ? trace_write_csv(t, f, errp)
                    : trace_write_events(t, f, w->every, &w->left, &w->backward,
                                         errp);

    errno = 0;
    if (rc == 0 && (fflush(f) != 0 || ferror(f)))
        rc = file_error(errp, errno ? errno : EIO, "write", path,
                        PE_EXIT_CREATE);
    return rc;
}

/* Whole, or not at all. */
static int write_file(trace *t, struct writing *w, const char *path,
                      pe_error *errp)
{
    char *temp = text_format("%s.%d.new", path, (int)getpid());
    FILE *f = temp ? fopen(temp, "wxe") : NULL;
    int rc;

    if (!temp)
        return pe_error_nomem(errp);
    if (!f) {
        rc = file_error(errp, errno, "make", path, PE_EXIT_CREATE);
        free(temp);
        return rc;
    }
    rc = write_rows(t, w, f, path, errp);
    if (fclose(f) != 0 && rc == 0)
        rc = file_error(errp, errno, "write", path, PE_EXIT_CREATE);
    if (rc == 0)
        rc = file_replace(temp, path, errp);
    if (rc < 0)
        unlink(temp);
    free(temp);
    return rc;
}

static int write_hdf5(const char *from, const char *path, pe_error *errp)
{
    pe_error none = {0};
    char *program = locate_program("pilot-hdf5", PILOT_LIBEXECDIR, &none);
    const char *argv[] = {program, "--fold", from, path, NULL};
    process_answer a = {0};
    const process_limits limits = {.max = 1 << 20};
    int rc;

    if (!program)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "this pilot was built without HDF5: write a .csv");
    rc = process_run(&(process_spec){.argv = argv}, &limits, &a, errp);
    if (rc == 0 && a.status != 0) {
        const char *words = a.err.data ? a.err.data : "";
        static const char name[] = "pilot-hdf5: ";

        if (!strncmp(words, name, sizeof(name) - 1))
            words += sizeof(name) - 1;
        rc = pe_error_set(
            errp, PE_ERROR_INPUT,
            a.status < 128 ? (enum pe_exit)a.status : PE_EXIT_FAILED, "%.*s",
            (int)strcspn(words, "\n"), *words ? words : "pilot-hdf5 failed");
    }
    process_answer_free(&a);
    free(program);
    return rc;
}

static void tell(const char *path, const struct writing *w)
{
    struct stat st = {0};

    stat(path, &st);
    log_info("%s: %.1f MB", path, (double)st.st_size / 1e6);
    if (w->left)
        log_info("%" PRIu64 " block%s left out by --every %" PRIu64, w->left,
                 w->left == 1 ? " was" : "s were", w->every);
    if (w->backward)
        log_warn("%" PRIu64
                 " hop%s not in it, which took less than no time: the clocks "
                 "of two hosts disagree (see 'pilot trace' for their offsets)",
                 w->backward, w->backward == 1 ? " is" : "s are");
}

static int export(const char *from, const struct trace_options *o,
                  pe_error *errp)
{
    struct writing w = {.every = 1, .csv = ends_with(o->out, ".csv")};
    bool hdf5 = ends_with(o->out, ".h5") || ends_with(o->out, ".hdf5");
    int64_t every = 1;
    trace *t;
    int rc;

    if (!hdf5 && !w.csv && !ends_with(o->out, ".json"))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "-o %s: its name says what is written: .json for "
                            "Perfetto, .csv or .h5",
                            o->out);
    if (o->every &&
        (text_parse_int(o->every, &every) < 0 || every < 1 || hdf5 || w.csv))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--every %s: a number from 1 on, with -o "
                            "FILE.json",
                            o->every);
    if (!o->force && access(o->out, F_OK) == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                            "%s is there already; --force replaces it", o->out);
    w.every = (uint64_t)every;
    if (hdf5) {
        rc = write_hdf5(from, o->out, errp);
    } else {
        t = trace_open(from, errp);
        rc = t ? write_file(t, &w, o->out, errp) : -1;
        trace_close(t);
    }
    if (rc == 0)
        tell(o->out, &w);
    return rc;
}

/* --- as text --- */

static int show(const char *from, bool json, pe_error *errp)
{
    trace *t = trace_open(from, errp);
    trace_sums *s = t ? malloc(sizeof(*s)) : NULL;
    int rc = s ? trace_sum(t, s, errp) : -1;

    if (t && !s)
        pe_error_nomem(errp);
    if (rc == 0 && json)
        rc = trace_print_json(t, s, stdout) < 0 ? pe_error_nomem(errp) : 0;
    else if (rc == 0)
        trace_print_text(t, s, stdout);
    free(s);
    trace_close(t);
    return rc;
}

int watch_trace(int argc, char **argv)
{
    struct trace_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e), rc = -1;
    char *from = NULL;

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first >= 0 && option_operands(&usage, argc - first, &e) == 0)
        from = find(argv[first], &e);
    if (from)
        fetch(from);
    if (from)
        rc = o.out ? export(from, &o, &e) : show(from, o.json, &e);
    free(from);
    return rc < 0 ? log_failure(&e) : PE_EXIT_OK;
}
