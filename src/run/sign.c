/* sign.c - the keys of a run that is signed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/login/seal.h"
#include "src/run/run.h"

#define KEYS_MAX ((size_t)1 << 20)

/* Of a run without a pool: those that another run lets it have. */
static int keys_take(const struct run *r, const char *path, pe_error *errp)
{
    const char *file = r->p->sign_file;
    char *folder = locate_folder(r->o->file, errp);
    char *from = folder ? locate_absolute(folder, file, errp) : NULL;
    seal *s = from ? seal_open(from, errp) : NULL;
    char *line = NULL;
    int status = -1;

    if (s && (!seal_sender(s) || strcmp(seal_sender(s), r->req->run) != 0))
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "sign: %s lets a run '%s' write, and this one is '%s': "
                     "say --run %s, or have 'pilot key gateway' make a file "
                     "for it",
                     from, seal_sender(s) ? seal_sender(s) : "(none)",
                     r->req->run, seal_sender(s) ? seal_sender(s) : "NAME");
    else if (s && (line = seal_line(s, r->req->run, NULL, errp)))
        status = file_write(path, line, strlen(line), 0600, errp);
    else if (!s && from)
        pe_error_prefix(errp, "sign");
    if (line)
        explicit_bzero(line, strlen(line));
    free(line);
    seal_close(s);
    free(from);
    free(folder);
    return status;
}

static int keys_check(const char *path, pe_error *errp)
{
    seal *s = seal_open(path, errp);

    seal_close(s);
    return s ? 0 : pe_error_prefix(errp, "the keys of the run");
}

int run_sign_settle(struct run *r, bool fresh, pe_error *errp)
{
    char *path = run_path(r, "sign", errp);
    /* What one that was killed has left is of no use. */
    bool there =
        path && (!fresh || unlink(path) < 0) && access(path, F_OK) == 0;
    int status = path ? 0 : -1;

    if (status < 0 || (!r->p->sign && !there)) {
        free(path);
        return status;
    }
    if (!r->p->sign)
        status = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                              "run %s began with 'sign: yes', and its records "
                              "are signed: say so again, or start a new run",
                              r->req->run);
    else if (there)
        status = keys_check(path, errp);
    else if (!fresh)
        status = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                              "%s, the key of run %s, is not there, and no "
                              "record of before can be told from a forged one "
                              "without it: put it back (mode 0600) where it "
                              "was removed, or, of a run that began without "
                              "'sign', start a new one",
                              path, r->req->run);
    else
        status =
            r->p->sign_file ? keys_take(r, path, errp) : seal_make(path, errp);
    if (status == 0) {
        free(r->req->sign);
        r->req->sign = path;
        return 0;
    }
    free(path);
    return -1;
}
