/* test_files.c - what travels with a pilot. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/registry/submit_private.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char *at_scratch(const char *name)
{
    return text_format("%s/%s", scratch_folder, name);
}

static submit_place place_of(pe_error *errp)
{
    submit_place at = {.host = host_open_local(errp)};

    at.dir = at_scratch("pilot");
    at.libexec = at_scratch("libexec");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at.host);
    CU_ASSERT_EQUAL(host_mkdir(at.host, at.dir, errp), 0);
    CU_ASSERT_EQUAL(host_mkdir(at.host, at.libexec, errp), 0);
    return at;
}

static void place_end(submit_place *at)
{
    host_close(at->host);
    free(at->dir);
    free(at->libexec);
}

/* Two objects of one name are two. */
static void test_object_names(void)
{
    static char *overrides[] = {
        "stages.a.function=/x/rms.so:one", "epoch.interval=1s",
        "stages.b.function=/x/rms.so:two", "stages.c.function=/y/rms.so:one",
        "stages.d.function=/y/rms.so:two", "stages.e.function=/z/rms.so",
        "stages.f.function=/x/other.so:f"};
    static const char *const names[] = {"rms.so",   NULL,       "rms.so",
                                        "4-rms.so", "4-rms.so", "6-rms.so",
                                        "other.so"};
    static const char *const paths[] = {"/x/rms.so",  NULL,        "/x/rms.so",
                                        "/y/rms.so",  "/y/rms.so", "/z/rms.so",
                                        "/x/other.so"};
    const pipeline_request q = {.overrides = overrides,
                                .n_overrides = COUNT(overrides)};

    for (size_t i = 0; i < COUNT(names); i++) {
        char *name = paths[i] ? files_object_name(&q, i, paths[i]) : NULL;
        if (names[i])
            UNIT_EQUAL(name, names[i]);
        free(name);
    }
}

/* A staged file takes the place of none of ours. */
static void test_stage_in(void)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        {"request.json", ""},
        {"job.sh", ""},
        {"data.csv", ""},
        {"", "stage-in: '' is no name of a file in the pilot's folder in/"},
        {"a/b", "stage-in: 'a/b' is no name"},
        {".x", "stage-in: '.x' is no name"},
    };
    pe_error e = {0};
    submit_place at = place_of(&e);
    char *ours = at_scratch("pilot/request.json");

    CU_ASSERT_EQUAL(file_write(ours, "ours", 4, 0600, &e), 0);
    scratch_write("staged", "theirs");
    for (size_t i = 0; i < COUNT(rows); i++) {
        resource_request q = {0};
        const submit_plan p = {.submit_dir = scratch_folder, .request = &q};
        char *item = text_format("staged:%s", rows[i].name);
        char *there = text_format("%s/in/%s", at.dir, rows[i].name);
        CU_ASSERT_EQUAL(
            request_set(&q, REQUEST_STAGE_IN, item, true, "line", &e), 0);
        e = (pe_error){0};
        CU_ASSERT_EQUAL(files_stage_in(&p, &at, &e), *rows[i].text ? -1 : 0);
        UNIT_CONTAINS(e.text, rows[i].text);
        char *data = *rows[i].text ? NULL : file_read(there, 64, NULL, NULL);
        UNIT_EQUAL(data ? data : "", *rows[i].text ? "" : "theirs");
        free(data);
        free(there);
        free(item);
        request_free(&q);
    }
    char *data = file_read(ours, 64, NULL, NULL);
    UNIT_EQUAL(data, "ours");
    free(data);
    free(ours);
    place_end(&at);
}

/* The jars of a broker are fetched where it is submitted. */
static void test_fetch(void)
{
    static const struct {
        const char *script, *setup;
        enum pilot_kind kind;
        int result;
        enum pe_exit exit_code;
        const char *text;
    } rows[] = {
        {"echo $* >$0.said", NULL, PILOT_BROKER, 0, 0, ""},
        {"exit 1", NULL, PILOT_POOL, 0, 0, ""},
        {"echo 'services: no mvn' >&2; exit 78", NULL, PILOT_BROKER, -1,
         PE_EXIT_CONFIG,
         "the broker's jars cannot be fetched on this host, and its node may "
         "reach no mirror; pilot-services says: services: no mvn"},
        {"echo x >&2; echo y >&2; exit 69", NULL, PILOT_BROKER, -1,
         PE_EXIT_UNAVAILABLE, "pilot-services says: x"},
        {"exit 78", "export KAFKA_HOME=/k", PILOT_BROKER, 0, 0, ""},
    };
    pe_error e = {0};
    submit_place at = place_of(&e);
    char *program = at_scratch("libexec/pilot-services");
    char *said = at_scratch("libexec/pilot-services.said");

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource_request q = {0};
        const pipeline_pilot k = {.kind = rows[i].kind, .within = -1};
        const pipeline pl = {0};
        const submit_plan p = {.pl = &pl, .pilot = &k, .request = &q};
        char *script = text_format("#!/bin/sh\n%s\n", rows[i].script);
        CU_ASSERT_EQUAL(file_write(program, script, strlen(script), 0700, NULL),
                        0);
        if (rows[i].setup)
            request_set(&q, REQUEST_SETUP, rows[i].setup, true, "file", &e);
        e = (pe_error){0};
        CU_ASSERT_EQUAL(files_fetch(&p, &at, &e), rows[i].result);
        UNIT_EQUAL(e.text + (*rows[i].text == 'p' && *e.text
                                 ? strlen(e.text) - strlen(rows[i].text)
                                 : 0),
                   rows[i].text);
        CU_ASSERT_EQUAL(e.exit_code, rows[i].exit_code);
        free(script);
        request_free(&q);
    }
    char *words = file_read(said, 64, NULL, NULL);
    UNIT_EQUAL(words, "fetch\n");
    free(words);
    free(said);
    free(program);
    place_end(&at);
}

int main(void)
{
    static const unit_test tests[] = {
        {"objects of one name", test_object_names},
        {"staged files", test_stage_in},
        {"jars of a broker", test_fetch},
        {NULL, NULL},
    };

    scratch_make();
    int status = unit_main("files", tests);
    scratch_remove();
    return status;
}
