/* slice.c - the function of a task, slice by slice. */
#include "task.h"

#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/function/host.h"

/* A function that is loaded, with a context of its own once it is open. */
typedef struct opened {
    function *fn;
    pe_options *options;
    pe_context *ctx;
} opened;

struct slice_work {
    slice_conf c;
    char *name;
    opened f, source; /* source: of `over` */
    context_setup set;
    bool over;
    uint64_t next; /* the source gives that slice next */
    pe_block in, out, copy;
};

/* --- open --- */

static int set_option(pe_options *o, const char *word, pe_error *errp)
{
    const char *at = strchr(word, '=');
    char *name = at ? strndup(word, (size_t)(at - word)) : NULL;
    int rc;

    if (!name)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "'%s': write NAME=VALUE, an option of the function",
                            word);
    rc = pe_options_set(o, name, at + 1, errp);
    free(name);
    return rc;
}

/* Function [spec] with options that are words NAME=VALUE. */
static int load(opened *o, const char *spec, char *const *words, pe_error *errp)
{
    pe_options *given = pe_options_create(NULL, errp);
    int rc = given ? 0 : -1;

    o->fn = rc == 0 ? function_load(spec, NULL, errp) : NULL;
    if (!o->fn)
        rc = -1;
    if (rc == 0)
        pe_options_allow_any(given);
    for (; rc == 0 && words && *words; words++)
        rc = set_option(given, *words, errp);
    if (rc == 0 && !(o->options = function_options(o->fn, given, errp)))
        rc = -1;
    pe_options_destroy(given);
    return rc;
}

static int begin(opened *o, context_setup set, pe_error *errp)
{
    const pe_function *ops = function_ops(o->fn);

    set.options = o->options;
    o->ctx = context_create(&set, errp);
    if (!o->ctx)
        return -1;
    if (!ops->open || ops->open(o->ctx) == 0)
        return 0;
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s",
                 context_error(o->ctx));
    context_destroy(o->ctx);
    o->ctx = NULL;
    return -1;
}

static void end(opened *o)
{
    if (!o->ctx)
        return;
    if (function_ops(o->fn)->close)
        function_ops(o->fn)->close(o->ctx);
    context_destroy(o->ctx);
    o->ctx = NULL;
}

static void unload(opened *o)
{
    end(o);
    pe_options_destroy(o->options);
    function_unload(o->fn);
}

static int load_source(slice_work *w, const task_spec *s, pe_error *errp)
{
    char **words = NULL;
    int rc = words_add(&words, text_format("path=%s", s->over), errp);

    if (rc == 0 && s->read)
        rc = words_add_all(&words, (const char *const *)s->read, errp);
    w->over = true;
    if (rc == 0)
        rc = load(&w->source, "file", words, errp);
    words_free(words);
    return rc;
}

slice_work *slice_open(const slice_conf *c, const task_spec *s, pe_error *errp)
{
    slice_work *w = calloc(1, sizeof(*w));

    if (!w || !(w->name = strdup(c->task))) {
        free(w);
        pe_error_nomem(errp);
        return NULL;
    }
    w->c = *c;
    w->set = (context_setup){
        .run = c->run,
        .stage = w->name,
        .device = "",
        .index = c->rank,
        .size = c->ranks,
        .context_keys = (const char *const *)c->pl->context_keys,
        .context_values = (const char *const *)c->pl->context_values,
        .n_context = c->pl->n_context,
        .within_s = 1,
        .points = s->points,
        .dtype = PE_F8,
        .cancelled = c->cancelled};
    if (load(&w->f, c->function, s->options, errp) < 0 ||
        (s->over && load_source(w, s, errp) < 0))
        goto error;
    if (!function_ops(w->f.fn)->process_cloud) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "function '%s' has no process_cloud", s->function);
        goto error;
    }
    if (begin(&w->f, w->set, errp) == 0)
        return w;
error:
    slice_close(w);
    return NULL;
}

void slice_close(slice_work *w)
{
    if (!w)
        return;
    unload(&w->f);
    unload(&w->source);
    pe_block_release(&w->in);
    pe_block_release(&w->out);
    pe_block_release(&w->copy);
    free(w->name);
    free(w);
}

/* --- one slice --- */

static bool is_cancelled(const slice_work *w)
{
    return w->c.cancelled && atomic_load(w->c.cancelled);
}

/* The source anew, from [slice] on: files can be read again from a position. */
static int rewind_to(slice_work *w, uint64_t slice, pe_error *errp)
{
    context_setup set = w->set;

    end(&w->source);
    set.index = 0;
    set.size = 1;
    set.position = w->next = slice;
    set.quiet = true;
    return begin(&w->source, set, errp);
}

/* The rows of [slice]: read on to it, since others have what lies between. */
static enum slice_word read_rows(slice_work *w, uint64_t slice, uint64_t *endp,
                                 pe_error *errp)
{
    const pe_function *ops = function_ops(w->source.fn);
    int rc = PE_FORWARD;

    if ((!w->source.ctx || w->next > slice) && rewind_to(w, slice, errp) < 0)
        return SLICE_BROKEN;
    while (rc > 0 && w->next <= slice && !is_cancelled(w)) {
        rc = ops->produce_edge(w->source.ctx, &w->in);
        if (rc == PE_FORWARD)
            w->next++;
        if (rc == PE_AGAIN)
            clock_sleep_ns(CLOCK_MS, 0);
    }
    if (w->next == slice + 1)
        return SLICE_DONE;
    *endp = w->next;
    if (rc == PE_NOTHING)
        return SLICE_END;
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s",
                 rc < 0 ? context_error(w->source.ctx) : "canceled");
    return rc < 0 ? SLICE_BROKEN : SLICE_FAILED;
}

static enum slice_word make_number(slice_work *w, uint64_t slice,
                                   pe_error *errp)
{
    if (pe_block_reserve(&w->in, 1, 1, PE_F8, errp) < 0)
        return SLICE_FAILED;
    *(double *)w->in.data = (double)slice;
    return SLICE_DONE;
}

static int keep(slice_work *w, pe_buffer *out, pe_error *errp)
{
    size_t len;
    const void *frame = npy_frame(&w->out, &len);

    if (pe_block_bytes(&w->out) > TASK_RESULT_MAX - NPY_HEADER_LEN)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "a result of %zu bytes: %zu at most, so sum it up "
                            "in the function, or take smaller slices",
                            pe_block_bytes(&w->out),
                            TASK_RESULT_MAX - NPY_HEADER_LEN);
    if (!frame && pe_block_copy(&w->copy, &w->out, errp) == 0)
        frame = npy_frame(&w->copy, &len);
    return frame ? pe_buffer_append(out, frame, len, errp) : -1;
}

enum slice_word slice_do(slice_work *w, uint64_t slice, pe_buffer *out,
                         uint64_t *endp, pe_error *errp)
{
    enum slice_word word =
        w->over ? read_rows(w, slice, endp, errp) : make_number(w, slice, errp);
    int rc;

    out->len = 0;
    if (word != SLICE_DONE)
        return word;
    w->in.device = w->name;
    w->in.seq = slice;
    w->in.has_seq = 1;
    pe_context_pass(w->f.ctx, &w->in, &w->out);
    rc = function_ops(w->f.fn)->process_cloud(w->f.ctx, &w->in, &w->out);
    if (rc < 0) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s",
                     context_error(w->f.ctx));
        return SLICE_FAILED;
    }
    return rc != PE_FORWARD || keep(w, out, errp) == 0 ? SLICE_DONE
                                                       : SLICE_FAILED;
}
