/* sign.c - runs whose records are signed: what can be, and with which keys. */
#include "pipeline_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/common/words.h"
#include "src/config/section.h"
#include "src/login/seal.h"

/* Has somebody said how records of others are to be read? */
static bool has_codec(const pe_options *o)
{
    static const char *const keys[] = {"columns", "time", "rows", NULL};

    for (const char *const *k = keys; *k; k++)
        if (pe_options_has(o, *k))
            return true;
    return strcmp(pe_options_string(o, "codec"), "auto") != 0;
}

static int check_streams(const pipeline *p, const tree *t, pe_error *errp)
{
    for (size_t i = 0; i < p->n_streams; i++) {
        const pipeline_stream *s = &p->streams[i];

        if (has_codec(s->stream))
            return section_error(
                t, errp,
                "sign: records of others, for which streams.%s says how they "
                "are read, have no signature and would all be refused: have "
                "them come through pilot-gateway --sign, which signs them, and "
                "say there how they are read, or leave 'sign' out",
                s->name);
    }
    return 0;
}

bool pipeline_is_sign_file(const char *words)
{
    int on;

    return *words && text_parse_bool(words, &on) < 0;
}

void pipeline_take_sign(pipeline *p, const char *words, bool *failedp)
{
    int on = 1;

    if (text_parse_bool(words, &on) < 0)
        p->sign_file = words_copy(words, failedp);
    p->sign = on;
}

int pipeline_check_sign(const pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "sign");

    if (!p->sign)
        return 0;
    if (p->shape == PIPELINE_LOCAL)
        return section_error(t, errp,
                             "sign: the source runs in the pool, so there is "
                             "no record to be signed: leave it out");
    if (p->shape == PIPELINE_EDGES && !p->sign_file)
        return section_error(t, errp,
                             "sign: the pool that reads '%s' is another run's, "
                             "and takes the keys of that one: 'pilot key "
                             "gateway RUN NAME FILE' makes a file, which is "
                             "named here, for a run called NAME",
                             p->topic ? p->topic : p->stream_name);
    if (p->shape != PIPELINE_EDGES && p->sign_file)
        return section_error(t, errp,
                             "sign: '%.200s': a run with a pool makes its own "
                             "key: say 'sign: yes'",
                             p->sign_file);
    return check_streams(p, t, errp);
}

char *pipeline_device_keys(const pipeline *p, const pipeline_request *r,
                           const pipeline_pilot *k, const char *member,
                           int place, pe_error *errp)
{
    seal *s = seal_open(r->sign, errp);
    int first = pipeline_first_device(p, k, place < 0 ? 0 : place);
    text out = {0};
    int status = s ? 0 : -1;

    for (int i = 0; status == 0 && i < k->devices; i++) {
        char name[256], *line;

        if (place < 0)
            snprintf(name, sizeof(name), "%s-%d", member, i);
        else
            pipeline_device_name(p, first + i, name, sizeof(name));
        line = seal_line(s, r->run, name, errp);
        if (line)
            text_add(&out, "%s", line);
        else
            status = -1;
        if (line)
            explicit_bzero(line, strlen(line));
        free(line);
    }
    if (status == 0 && out.failed)
        status = pe_error_nomem(errp);
    seal_close(s);
    if (status == 0)
        return out.data;
    text_free(&out);
    return NULL;
}

int pipeline_seal(const pipeline *p, const pipeline_request *r, seal **sealp,
                  pe_error *errp)
{
    *sealp = NULL;
    if (!p->sign)
        return 0;
    if (!r->sign)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "run %s is signed ('sign' in %s), and "
                            "%s/request.json names no file of keys",
                            r->run, p->file, r->dir);
    *sealp = seal_open(r->sign, errp);
    return *sealp ? 0 : -1;
}
