/* ended.c - what a run came to: summary, answers, model. */
#include "library.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/model.h>

#include "src/common/file.h"
#include "src/common/text.h"

#define SUMMARY_BYTES ((size_t)64 << 20)
#define MODEL_BYTES ((size_t)1 << 30)
#define MODEL_FILE "model.safetensors"

char *pe_run_summary(pe_run *r, pe_error *errp)
{
    char *path = text_format("%s/summary.json", r->folder), *json = NULL;
    pe_error e = {0};
    size_t len;

    if (!path)
        pe_error_nomem(errp);
    else if (!(json = file_read(path, SUMMARY_BYTES, &len, &e)))
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "run %s has no summary%s: %s", r->name,
                     process_ended(r->child) ? "" : " yet", e.text);
    free(path);
    return json;
}

int pe_run_number(pe_run *r, const char *path, double *valuep, pe_error *errp)
{
    char *json = pe_run_summary(r, errp);
    json_t *root = json ? json_loads(json, 0, NULL) : NULL;
    const json_t *at = root;

    if (!json)
        return -1;
    for (const char *word = path; at && *word;) {
        size_t len = strcspn(word, ".");
        char *key = text_format("%.*s", (int)len, word);
        at = key ? json_object_get(at, key) : NULL;
        free(key);
        word += len + (word[len] == '.');
    }
    bool there = json_is_number(at);
    if (there)
        *valuep = json_number_value(at);
    json_decref(root);
    free(json);
    if (there)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "the summary of run %s has no number '%s'", r->name,
                        path);
}

/* --- answers --- */

static const char *text_of(const json_t *row, const char *key)
{
    const char *s = json_string_value(json_object_get(row, key));

    return s ? s : "";
}

static double number_of(const json_t *row, const char *key)
{
    const json_t *x = json_object_get(row, key);

    return json_is_number(x) ? json_number_value(x) : NAN;
}

static void result_read(const json_t *row, pe_result *out)
{
    const char *label = text_of(row, "label");
    const json_t *number = json_object_get(row, "row");

    *out = (pe_result){
        .device = text_of(row, "device"),
        .source = text_of(row, "source"),
        .row = json_is_integer(number) ? json_integer_value(number) : -1,
        .time = text_of(row, "time"),
        .score = number_of(row, "score"),
        .threshold = number_of(row, "threshold"),
        .outlier = !strcmp(label, "outlier")  ? 1
                   : !strcmp(label, "inlier") ? 0
                                              : -1,
    };
}

typedef int visit_f(void *arg, const pe_result *result);

static int results_read(FILE *f, visit_f *visit, void *arg, pe_error *errp)
{
    char *line = NULL;
    size_t cap = 0;
    int status = 0, stop = 0;

    while (status == 0 && !stop && getline(&line, &cap, f) > 0) {
        json_t *row = json_loads(line, 0, NULL);
        pe_result result;
        if (row) {
            result_read(row, &result);
            stop = visit(arg, &result);
        } else {
            status = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                                  "'pilot results' has said what is no JSON: "
                                  "is it of another version?");
        }
        json_decref(row);
    }
    free(line);
    return status;
}

int pe_run_results(pe_run *r, visit_f *visit, void *arg, pe_error *errp)
{
    const char *argv[] = {NULL, "results", "--json", r->name, NULL};
    char *path = command_path(r, COMMAND_OUT, errp);
    int status = path ? command_run(r, argv, errp) : -1;

    if (status == 0) {
        FILE *f = fopen(path, "re");
        status = f ? results_read(f, visit, arg, errp)
                   : file_error(errp, errno, "read", path, PE_EXIT_DATA);
        if (f)
            fclose(f);
    }
    free(path);
    return status;
}

/* --- the model --- */

pe_model *pe_run_model(pe_run *r, pe_error *errp)
{
    char *path = command_path(r, MODEL_FILE, errp), *bytes = NULL;
    const char *argv[] = {NULL, "model", "get", "--force", r->name, path, NULL};
    pe_model *m = NULL;
    size_t len;

    if (path && command_run(r, argv, errp) == 0)
        bytes = file_read(path, MODEL_BYTES, &len, errp);
    if (bytes)
        m = pe_model_decode(bytes, len, errp);
    free(bytes);
    free(path);
    return m;
}
