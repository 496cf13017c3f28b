/* scheduler_tables.c - tables of what recorded schedulers answer. */
#include "scheduler_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "src/common/text.h"
#include "unit.h"

resource_spec scheduler_spec(const resource_request *q)
{
    const resource_spec s = {.pilot = "r/p",
                             .kind = "pool",
                             .dir = "/home/me/p",
                             .supervisor = "/x",
                             .submit_dir = scratch_folder,
                             .request = q};

    return s;
}

static const scheduler_refusal *refusal_find(const scheduler_refusal *table,
                                             size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    printf("# %s is not in the table\n", name);
    CU_FAIL("a recording without a row");
    return NULL;
}

static void refusal_check(const char *url, const char *command,
                          const scheduler_refusal *f)
{
    static const resource_request nothing;
    resource *r = played_resource(url);
    const resource_spec s = scheduler_spec(&nothing);
    char id[RESOURCE_ID_MAX] = "", *play;
    pe_error e = {0};

    play = text_format("%s=%s", command, f->name);
    played_set(play);
    CU_ASSERT_EQUAL(r->ops->submit(r, &s, id, &e), -1);
    printf("# %s: %s\n", f->name, e.text);
    UNIT_CONTAINS(e.text, f->text);
    CU_ASSERT_EQUAL(e.kind, f->kind);
    CU_ASSERT_EQUAL(e.exit_code, f->exit_code);
    UNIT_EQUAL(id, "");
    free(play);
    resource_close(r);
}

void scheduler_refusals(const char *url, const char *command,
                        bool (*gives_none)(const recorded *r),
                        const scheduler_refusal *table, size_t n)
{
    size_t found = 0;

    for (size_t i = 0; i < played_n; i++) {
        const scheduler_refusal *f =
            gives_none(&played_all[i])
                ? refusal_find(table, n, played_all[i].name)
                : NULL;
        if (f)
            refusal_check(url, command, f);
        found += f != NULL;
    }
    CU_ASSERT_EQUAL(found, n);
}

void scheduler_cancels(const char *url, const char *command, const char *kill,
                       const scheduler_call *table, size_t n)
{
    bool same = !strcmp(command, kill);
    resource *r = played_resource(url);

    for (size_t i = 0; i < n; i++) {
        const scheduler_call *c = &table[i];
        int called = *c->log != '\0';
        pe_error e = {0};
        played_set(c->play);
        CU_ASSERT_EQUAL(r->ops->cancel(r, c->id, c->now, &e), c->result);
        UNIT_CONTAINS(e.text, c->text);
        if (c->result == 0)
            UNIT_EQUAL(e.text, "");
        CU_ASSERT_EQUAL(e.exit_code, c->exit_code);
        UNIT_CONTAINS(played_log(), c->log);
        CU_ASSERT_EQUAL(played_calls(command),
                        called ? 1 + (same && c->now) : 0);
        CU_ASSERT_EQUAL(played_calls(kill),
                        called ? (int)same + (int)c->now : 0);
    }
    resource_close(r);
}

void scheduler_doctors(const char *url, const scheduler_examination *table,
                       size_t n)
{
    resource *r = played_resource(url);

    for (size_t i = 0; i < n; i++) {
        const scheduler_examination *x = &table[i];
        resource_request q = {0};
        pe_error e = {0};
        text lines = {0};
        for (int k = 0; k < 3 && x->value[k]; k++)
            request_set(&q, x->word[k], x->value[k], true, "line", &e);
        played_set(x->play);
        CU_ASSERT_EQUAL(r->ops->doctor(r, &q, played_line_add, &lines, &e), 0);
        UNIT_EQUAL(e.text, "");
        UNIT_EQUAL(lines.data, x->lines);
        text_free(&lines);
        request_free(&q);
    }
    resource_close(r);
}
