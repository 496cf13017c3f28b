/* backend_ends.c - what every backend owes: how jobs end, what doctors say. */
#include "backend_cases.h"

#include <string.h>

#include "played.h"
#include "src/common/text.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- ends ---- */

static void cancel_check(const contract_job *j, const char *id, bool now)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(j->r->ops->cancel(j->r, id, now, &e), 0);
    UNIT_EQUAL(e.text, "");
}

void case_cancel(void)
{
    contract_job j;

    for (int now = 0; now < 2; now++) {
        contract_begin(&j);
        CU_ASSERT_PTR_NULL(case_kind->show(&j, RESOURCE_RUNNING));
        cancel_check(&j, j.id, now);
        CU_ASSERT_PTR_NULL(case_kind->play(&j, PART_OVER));
        cancel_check(&j, j.id, now);
        cancel_check(&j, j.id, !now);
        /* nobody knows it any more */
        cancel_check(&j, case_kind->stranger, now);
        contract_end(&j);
    }
}

void case_cancel_fails(void)
{
    static const enum contract_part parts[] = {PART_AWAY, PART_REFUSES};
    contract_job j;
    pe_error e;

    for (size_t i = 0; i < COUNT(parts); i++) {
        contract_begin(&j);
        CU_ASSERT_PTR_NULL(case_kind->show(&j, RESOURCE_RUNNING));
        memset(&e, 0, sizeof(e));
        if (parts[i] == PART_REFUSES && !case_kind->is_played) {
            contract_skipped("refuses a cancel",
                             "it is who submitted that cancels");
        } else if (!contract_skipped("fails", case_kind->play(&j, parts[i]))) {
            CU_ASSERT_EQUAL(j.r->ops->cancel(j.r, j.id, false, &e), -1);
            if (parts[i] == PART_AWAY)
                contract_retry(&e);
            else
                CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
            CU_ASSERT_EQUAL(j.r->ops->cancel(j.r, j.id, false, NULL), -1);
        }
        contract_end(&j);
    }
}

/* They are words of a command line: nobody is called with them. */
void case_ids(void)
{
    static const char *const bad[] = {"",     "x",          "-u",  "1 2",
                                      "../1", "$(touch x)", "1\n2"};
    contract_job j;

    contract_begin(&j);
    case_kind->play(&j, PART_READY);
    for (size_t i = 0; i < COUNT(bad); i++) {
        pe_error e = {0};
        CU_ASSERT_EQUAL(j.r->ops->cancel(j.r, bad[i], i % 2, &e), -1);
        UNIT_CONTAINS(e.text, "is no id of a ");
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        CU_ASSERT_EQUAL(j.r->ops->cancel(j.r, bad[i], false, NULL), -1);
        if (j.r->ops->shrink)
            CU_ASSERT_EQUAL(j.r->ops->shrink(j.r, bad[i], 1, &e), -1);
        if (!*bad[i])
            continue;
        resource_job job = played_job(bad[i], NULL);
        CU_ASSERT_EQUAL(j.r->ops->describe(j.r, &job, 1, &e), 0);
        CU_ASSERT_EQUAL(job.seen, RESOURCE_ABSENT);
        UNIT_EQUAL(job.id, bad[i]);
    }
    if (case_kind->is_played)
        CU_ASSERT_PTR_NULL(strstr(played_log(), "touch"));
    contract_end(&j);
}

void case_shrink(void)
{
    contract_job j;
    pe_error e = {0};

    contract_begin(&j);
    case_kind->play(&j, PART_SHRINKS);
    if (!j.r->ops->shrink) {
        contract_skipped("nodes back", "it has no such operation");
    } else {
        CU_ASSERT_EQUAL(j.r->ops->shrink(j.r, case_kind->stranger, 1, &e), 0);
        UNIT_EQUAL(e.text, "");
        case_kind->play(&j, PART_REFUSES);
        CU_ASSERT_EQUAL(j.r->ops->shrink(j.r, case_kind->stranger, 3, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        case_kind->play(&j, PART_AWAY);
        CU_ASSERT_EQUAL(j.r->ops->shrink(j.r, case_kind->stranger, 1, &e), -1);
        contract_retry(&e);
    }
    contract_end(&j);
}

void case_end(void)
{
    const resource_scheduler *k;
    contract_job j;
    int64_t end_ns = -1;
    pe_error e = {0};

    contract_begin(&j);
    CU_ASSERT_PTR_NULL(case_kind->show(&j, RESOURCE_RUNNING));
    k = j.r->ops->scheduler;
    if (!k) {
        contract_skipped("when it ends",
                         "none of its jobs has an end of its own");
    } else {
        case_kind->play(&j, PART_ENDS);
        CU_ASSERT_EQUAL(k->end(j.r, j.id, &end_ns, &e), 0);
        UNIT_EQUAL(e.text, "");
        CU_ASSERT(end_ns > 0);
        case_kind->play(&j, PART_AWAY);
        end_ns = -1;
        CU_ASSERT_EQUAL(k->end(j.r, j.id, &end_ns, &e), -1);
        contract_retry(&e);
        CU_ASSERT_EQUAL(end_ns, -1);
    }
    contract_end(&j);
}

/* ---- doctor ---- */

static void line_take(void *arg, bool ok, const char *line)
{
    CU_ASSERT(*line != '\0' && !strchr(line, '\n'));
    text_add(arg, "%s %s\n", ok ? "ok" : "--", line);
}

void case_doctor(void)
{
    contract_job j;
    pe_error e = {0};
    text lines = {0};

    contract_begin(&j);
    case_kind->play(&j, PART_FITS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(j.r->ops->doctor);
    CU_ASSERT_EQUAL(j.r->ops->doctor(j.r, &j.q, line_take, &lines, &e), 0);
    UNIT_EQUAL(e.text, "");
    UNIT_CONTAINS(lines.data, "ok ");
    CU_ASSERT_PTR_NULL(strstr(lines.data, "-- "));
    text_free(&lines);
    if (!contract_skipped("is away", case_kind->play(&j, PART_AWAY)) &&
        !contract_skipped("is away", j.r->ops->scheduler || !j.r->ops->open
                                         ? NULL
                                         : "its doctor asks nobody")) {
        int status = j.r->ops->doctor(j.r, &j.q, line_take, &lines, &e);
        if (status < 0)
            contract_retry(&e);
        else
            UNIT_CONTAINS(lines.data, "-- ");
        CU_ASSERT_EQUAL(status < 0, lines.data == NULL);
        text_free(&lines);
    }
    contract_end(&j);
}
