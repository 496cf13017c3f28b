/* look_case.c - pilots of a home, and looks at them. */
#include "look_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_resource.h"
#include "scratch.h"
#include "src/common/clock.h"
#include "src/common/file.h"

char look_home[300];
text look_told;
text look_heard;

void look_begin(void)
{
    snprintf(look_home, sizeof(look_home), "%s/home", scratch_folder);
    file_remove_tree(look_home, NULL);
    fake_clear();
    text_free(&look_told);
    text_free(&look_heard);
}

static void tell(void *arg, const char *what)
{
    (void)arg;
    text_add(&look_told, "%s\n", what);
}

static void hear_beat(void *arg, const pilot_record *r, const json_t *o)
{
    char *list = beat_partitions(o);

    (void)arg;
    text_add(&look_heard, "%s=%s ", r->id, list);
    free(list);
}

observe_conf look_conf(bool now)
{
    return (observe_conf){
        .home = look_home, .now = now, .trouble = tell, .heard = hear_beat};
}

void look_create(const char *id, const char *url, const char *sched_id,
                 enum pilot_state state)
{
    pilot_record r;
    pe_error e = {0};
    size_t run = strcspn(id, "/");

    memset(&r, 0, sizeof(r));
    snprintf(r.id, sizeof(r.id), "%s", id);
    snprintf(r.run, sizeof(r.run), "%.*s", (int)run, id);
    snprintf(r.name, sizeof(r.name), "%s", id + run + 1);
    snprintf(r.resource, sizeof(r.resource), "%s", url);
    snprintf(r.sched_id, sizeof(r.sched_id), "%s", sched_id);
    snprintf(r.dir, sizeof(r.dir), "%s/%s", look_home, id);
    r.state = state;
    r.exit_code = -1;
    r.submitting = !*sched_id;
    r.created_ns = r.submitted_ns = clock_real_ns() - 100 * CLOCK_S;
    if (state == PILOT_NEW)
        r.submitted_ns = 0;
    if (pilot_state_is_final(state))
        r.ended_ns = clock_real_ns() - 10 * CLOCK_S;
    CU_ASSERT_EQUAL(pilot_record_create(look_home, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
}

void look_put(const char *id, const char *name, const char *content)
{
    char *path = text_format("%s/%s/%s", look_home, id, name);

    CU_ASSERT_EQUAL(file_write(path, content, strlen(content), 0600, NULL), 0);
    free(path);
}

void look_beat(const char *id, const char *name, const char *state, int age,
               const char *more)
{
    char *data =
        text_format("{\"schema\": 1, \"state\": \"%s\", \"time_ns\": "
                    "%lld%s}\n",
                    state, (long long)(clock_real_ns() - age * CLOCK_S), more);

    look_put(id, name, data);
    free(data);
}

const char *look(const observe_conf *c, const char *word)
{
    static text out;
    pilot_record *r = NULL;
    pe_error e = {0};
    size_t n = 0;

    text_free(&out);
    text_add_bytes(&out, "", 0);
    if ((word ? pilot_records_find(look_home, word, &r, &n, &e)
              : pilot_records_read(look_home, &r, &n, NULL, &e)) < 0 ||
        observe(c, r, n, &e) < 0)
        text_add(&out, "error: %s", e.text);
    for (size_t i = 0; i < n; i++)
        text_add(&out, "%s%s %s %s", i ? "|" : "", r[i].id,
                 pilot_state_name(r[i].state), r[i].reason);
    free(r);
    return out.data;
}

enum pilot_state look_state(const char *id)
{
    pilot_record r;

    CU_ASSERT_EQUAL(pilot_record_read(look_home, id, &r, NULL), 0);
    return r.state;
}

int look_main(const char *suite, const unit_test *tests)
{
    int status;

    scratch_make();
    status = unit_main(suite, tests);
    scratch_remove();
    text_free(&look_told);
    text_free(&look_heard);
    return status;
}
