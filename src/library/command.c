/* command.c - `pilot` as a child, asked for one thing. */
#include "library.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"

#define SAID_BYTES ((size_t)4 << 20)

char *command_find(pe_error *errp)
{
    const char *installed = PILOT_BINDIR "/pilot";
    bool there = process_find("pilot", NULL) < 0;
    char *program = NULL;

    if (there && access(installed, X_OK) < 0)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "the program 'pilot' is neither on the PATH nor in %s: "
                     "install Pilot-Edge, or put its build on the PATH",
                     PILOT_BINDIR);
    else if (!(program = text_format("%s", there ? installed : "pilot")))
        pe_error_nomem(errp);
    return program;
}

char *command_path(const pe_run *r, const char *name, pe_error *errp)
{
    char *path = text_format("%s/%s", r->dir, name);

    if (!path)
        pe_error_nomem(errp);
    return path;
}

/* What a caller can do about it. */
static enum pe_error_class class_of(int status)
{
    switch (status) {
    case PE_EXIT_USAGE:
    case PE_EXIT_DATA:
    case PE_EXIT_CONFIG:
        return PE_ERROR_INPUT;
    case PE_EXIT_UNAVAILABLE:
    case PE_EXIT_AGAIN:
        return PE_ERROR_RETRY;
    default:
        return PE_ERROR_FATAL;
    }
}

/* The last line of [said], without the name of the program. */
static const char *last_line(char *said)
{
    static const char mark[] = "pilot: ";
    size_t len = strlen(said);
    char *line;

    while (len > 0 && strchr("\n\r ", said[len - 1]))
        said[--len] = '\0';
    line = strrchr(said, '\n');
    line = line ? line + 1 : said;
    return strncmp(line, mark, sizeof(mark) - 1) ? line
                                                 : line + sizeof(mark) - 1;
}

int command_fail(const pe_run *r, int status, const char *name, pe_error *errp)
{
    char *path = command_path(r, name, errp), *said = NULL, what[64];
    size_t len;

    if (!path)
        return -1;
    said = file_read(path, SAID_BYTES, &len, NULL);
    process_status_words(status, what);
    const char *line = said ? last_line(said) : "";
    if (*line)
        pe_error_set(errp, class_of(status), (enum pe_exit)status, "%s", line);
    else
        pe_error_set(errp, class_of(status), (enum pe_exit)status,
                     "'%s' %s, and said nothing", r->program, what);
    free(said);
    free(path);
    return -1;
}

int command_run(const pe_run *r, const char **argv, pe_error *errp)
{
    char *out = command_path(r, COMMAND_OUT, errp);
    char *err = out ? command_path(r, COMMAND_ERR, errp) : NULL;
    process_spec s = {.argv = argv, .out_path = out, .err_path = err};
    int status = -1;

    argv[0] = r->program;
    if (err) { /* a child adds to what is there */
        unlink(out);
        unlink(err);
    }
    process *p = err ? process_start(&s, errp) : NULL;
    if (p) {
        process_wait(p, -1);
        status = process_status(p);
        if (status != 0)
            status = command_fail(r, status, COMMAND_ERR, errp);
    }
    process_destroy(p);
    free(err);
    free(out);
    return status;
}
