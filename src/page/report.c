/* report.c - `pilot report`: a run as one file that can be mailed. */
#include "page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/page/document.h"
#include "src/page/html.h"
#include "src/page/known.h"

struct report_options {
    const char *output;
    bool json, help;
};

#define AT(member) offsetof(struct report_options, member)

static const option_spec options[] = {
    {"output", 'o', OPTION_TEXT, AT(output), "FILE", NULL,
     "where it goes; -: standard output; default: RUN.html"},
    {"json", 'j', OPTION_FLAG, AT(json), NULL, NULL,
     "print the same as JSON: the summary, and \"report\" beside it"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[-o FILE] RUN", "--json [-o FILE] RUN",
                                       NULL};

static const option_usage usage = {
    .command = "pilot report",
    .synopsis = synopsis,
    .prose = "Write one HTML file that explains a run, be it over or not; it "
             "needs no network.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .operand = "a RUN",
};

static int json_make(const json_t *doc, text *out, pe_error *errp)
{
    char *json = json_dumps(doc, JSON_INDENT(1) | JSON_REAL_PRECISION(9));

    if (!json)
        return pe_error_nomem(errp);
    text_add(out, "%s\n", json);
    free(json);
    return out->failed ? pe_error_nomem(errp) : 0;
}

/* What a reader of the page would look for and not find. */
static void lacks_tell(const json_t *doc)
{
    const json_t *report = json_object_get(doc, "report"), *lacks, *o;
    const char *section;
    text t = {0};

    lacks = json_object_get(report, "lacks");
    json_object_foreach((json_t *)lacks, section, o)
    {
        text_add(&t, "%s%s", t.len ? ", " : "", section);
    }
    if (t.len > 0)
        log_info("it says why it is without, or with less of: %s", t.data);
    text_free(&t);
}

static int write_out(const struct report_options *o, const char *run,
                     const json_t *doc, const text *t, pe_error *errp)
{
    char *path;
    int rc;

    if (o->output ? !strcmp(o->output, "-") : o->json) {
        fwrite(t->data, 1, t->len, stdout);
        return 0;
    }
    path = text_format("%s%s", o->output ? o->output : run,
                       o->output ? "" : ".html");
    if (!path)
        return pe_error_nomem(errp);
    rc = file_write(path, t->data, t->len, 0644, errp);
    if (rc == 0) {
        log_info("%s: run %s, %zu kB", path, run, (t->len + 999) / 1000);
        lacks_tell(doc);
    }
    free(path);
    return rc;
}

static int report_do(const struct report_options *o, const char *run,
                     pe_error *errp)
{
    json_t *facts, *doc = NULL;
    text t = {0};
    int rc = -1;

    if (!o->json && !html_is_there())
        return html_page(NULL, NULL, &t, errp);
    facts = known_facts(run, "pilot " PILOT_VERSION, errp);
    if (facts)
        doc = document_make(facts, errp);
    if (doc)
        rc =
            o->json ? json_make(doc, &t, errp) : html_page(doc, NULL, &t, errp);
    if (rc == 0)
        rc = write_out(o, run, doc, &t, errp);
    text_free(&t);
    json_decref(doc);
    json_decref(facts);
    return rc;
}

int page_report(int argc, char **argv)
{
    struct report_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0 ||
        report_do(&o, argv[first], &e) < 0)
        return log_failure(&e);
    return PE_EXIT_OK;
}
