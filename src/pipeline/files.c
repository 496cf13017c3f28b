/* files.c - are the files that a pipeline names there, and what they should
 * be?
 */
#include "pipeline_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/common/file.h"
#include "src/function/host.h"
#include "src/request/place.h"

/* Does the pilot have a place on this very host?  One in an allocation, or
 * elsewhere, has files of its own.
 */
static bool has_place_here(const pipeline_pilot *k)
{
    for (size_t i = 0; k->within < 0 && i < k->n_resources; i++)
        if (place_is_same_host(k->resources[i]))
            return true;
    return false;
}

/* Opens the source as its first device will.  A pipe is left alone: whoever
 * writes to it may not be there yet, and what is read would be gone.
 */
static int source_open(const pipeline *p, const pipeline_stage *s,
                       pe_error *errp)
{
    const pe_function *ops = function_ops(s->loaded);
    const context_setup setup = {.run = "check",
                                 .stage = s->name,
                                 .device = "",
                                 .size = 1,
                                 .options = s->options,
                                 .within_s = s->within_s,
                                 .rate = s->rate,
                                 .points = s->points,
                                 .dtype = p->dtype};
    pe_context *ctx = context_create(&setup, errp);
    int status = ctx ? ops->open(ctx) : -1;

    if (ctx && status < 0)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s:%d: stage '%s': %s", s->file, s->line, s->name,
                     context_error(ctx));
    else if (ctx && ops->close)
        ops->close(ctx);
    context_destroy(ctx);
    return status;
}

static int source_check(const pipeline *p, const pipeline_stage *s,
                        pe_error *errp)
{
    const char *path = pe_options_has(s->options, "path")
                           ? pe_options_string(s->options, "path")
                           : "";
    struct stat st;

    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return 0;
    return source_open(p, s, errp);
}

static int sources_check(const pipeline *p, pe_error *errp)
{
    for (size_t i = 0; i < p->n_stages; i++) {
        const pipeline_stage *s = &p->stages[i];
        bool here = false;
        bool reads = !strcmp(s->function, "file") ||
                     (!strcmp(s->function, "generator") &&
                      pe_options_has(s->options, "path"));
        if (!reads || !s->loaded)
            continue;
        for (size_t k = 0; k < s->n_pilots; k++)
            here = here || has_place_here(&p->pilots[s->pilots[k]]);
        if (here && source_check(p, s, errp) < 0)
            return -1;
    }
    return 0;
}

int pipeline_check_files(const pipeline *p, pe_error *errp)
{
    for (size_t i = 0; i < p->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[i];
        char *secret;
        if (!k->password_file)
            continue;
        secret = file_read_secret(k->password_file, errp);
        if (!secret)
            return pe_error_prefix(errp, "pilot '%s': password-file", k->name);
        explicit_bzero(secret, strlen(secret));
        free(secret);
    }
    if (pipeline_check_logins(p, errp) < 0)
        return -1;
    /* With that no device starts. */
    return p->until_eof ? 0 : sources_check(p, errp);
}
