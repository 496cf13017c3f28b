/* submit.c - the command that submits: how it is made, shown and run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler.h"
#include "src/common/shell.h"
#include "src/common/words.h"

char *scheduler_script_path(const char *dir)
{
    return text_format("%s" SCHEDULER_SCRIPT, dir);
}

void scheduler_line_take(scheduler_line *l, char *word)
{
    if (words_add(&l->argv, word, NULL) < 0)
        l->failed = true;
}

void scheduler_line_add(scheduler_line *l, const char *word)
{
    scheduler_line_take(l, text_format("%s", word));
}

void scheduler_line_end(scheduler_line *l, const resource_spec *s)
{
    const struct request_list *extra = &s->request->list[REQUEST_EXTRA];

    for (size_t i = 0; i < extra->n; i++)
        scheduler_line_add(l, extra->items[i]);
    scheduler_line_take(l, scheduler_script_path(s->dir));
}

void scheduler_line_free(scheduler_line *l)
{
    words_free(l->argv);
    l->argv = NULL;
}

char *scheduler_command(scheduler_line *l, text *notes, pe_error *errp)
{
    text out = {0};

    if (!l->failed)
        shell_add_words(&out, (const char *const *)l->argv);
    text_add(&out, "\n%s", notes && notes->data ? notes->data : "");
    if (l->failed || out.failed || (notes && notes->failed)) {
        text_free(&out);
        pe_error_nomem(errp);
    }
    scheduler_line_free(l);
    if (notes)
        text_free(notes);
    return out.data;
}

/* Read the id of a new job into [id]; -1: there is none. */
static int id_read(const char *out, const char *marks, char id[RESOURCE_ID_MAX])
{
    id[0] = '\0';
    for (size_t n; out && *out; out += n + (out[n] == '\n')) {
        n = strcspn(out, "\n");
        size_t digits = strspn(out, "0123456789");
        if (digits > 0 && n < RESOURCE_ID_MAX && !memchr(out, ' ', n) &&
            (digits == n || strchr(marks, out[digits])))
            snprintf(id, RESOURCE_ID_MAX, "%.*s", (int)n, out);
    }
    return *id ? 0 : -1;
}

/* It ended well and gave no id. */
static int no_id(const resource *r, const char *name, const host_answer *a,
                 pe_error *errp)
{
    char words[256];

    scheduler_words(a, words, sizeof(words));
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "%s on %s gave no id of a job, and whether there is "
                        "one is not known; it says: %s",
                        name, host_name(r->host), words);
}

int scheduler_submit(resource *r, const scheduler_ways *w,
                     const resource_spec *s, scheduler_line *l,
                     char id[RESOURCE_ID_MAX], pe_error *errp)
{
    host_answer a = {0};
    int result = l->failed ? pe_error_nomem(errp)
                           : scheduler_tell(r, (const char *const *)l->argv,
                                            s->submit_dir, &a, errp);

    /* Of a command that waits for the job (`-- --wait`, `-- -W block=true`)
     * the status is that of the job.
     */
    if (result == 0 && id_read(a.out, w->id_marks, id) < 0)
        result = a.status != 0 ? scheduler_refused(r, w, l->argv[0], &a, errp)
                               : no_id(r, l->argv[0], &a, errp);
    host_answer_free(&a);
    scheduler_line_free(l);
    return result;
}
