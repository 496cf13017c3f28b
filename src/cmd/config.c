/* config.c - `pilot config`: check a pipeline file, or show what it means. */
#include <stdio.h>
#include <string.h>

#include "src/cmd/cmd.h"
#include "src/cmd/keys.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/pipeline/pipeline.h"
#include "src/run/run.h"

struct config_options {
    option_list set;
    bool origin, markdown, help;
};

static const option_spec options[] = {
    {"set", 0, OPTION_LIST, offsetof(struct config_options, set), "PATH=VALUE",
     NULL, "override a key of the file; may be repeated"},
    {"origin", 0, OPTION_FLAG, offsetof(struct config_options, origin), NULL,
     NULL, "show: where each value was said"},
    {"markdown", 0, OPTION_FLAG, offsetof(struct config_options, markdown),
     NULL, NULL, "keys: as doc/reference.md"},
    {"help", 'h', OPTION_FLAG, offsetof(struct config_options, help), NULL,
     NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {
    "check [--set PATH=VALUE]... FILE...",
    "show [--origin] [--set PATH=VALUE]... FILE", "keys [--markdown]", NULL};

static const option_usage usage = {
    .command = "pilot config",
    .synopsis = synopsis,
    .prose = "Check pipeline files, show one with every default in its place, "
             "or list all keys.",
    .options = options,
    .min_args = 2,
    .max_args = -1,
};

static int check(const struct config_options *o, int n, char **files)
{
    int status = PE_EXIT_OK;

    for (int i = 0; i < n; i++) {
        pe_error e = {0};
        const struct run_options as = {.set = o->set, .file = files[i]};
        if (run_setup_plan(&as, NULL, &e) == 0)
            printf("%s: ok\n", files[i]);
        else
            status = log_failure(&e);
    }
    return status;
}

static int show(const struct config_options *o, const char *file)
{
    pe_error e = {0};
    pipeline *p = pipeline_load(file, o->set.items, o->set.n, &e);

    if (!p)
        return log_failure(&e);
    if (!o->origin)
        pipeline_print_plan(p, "RUN", stdout);
    pipeline_destroy(p);
    if (o->origin &&
        pipeline_print_origins(file, o->set.items, o->set.n, stdout, &e) < 0)
        return log_failure(&e);
    return PE_EXIT_OK;
}

static int dispatch(const struct config_options *o, int n, char **words,
                    pe_error *errp)
{
    bool known =
        n > 0 && (!strcmp(words[0], "check") || !strcmp(words[0], "show"));

    if (n == 1 && !strcmp(words[0], "keys")) {
        keys_print(stdout, o->markdown);
        return PE_EXIT_OK;
    }
    if ((n == 0 || known) && option_operands(&usage, n, errp) < 0)
        return log_failure(errp);
    if (!strcmp(words[0], "check"))
        return check(o, n - 1, words + 1);
    if (!strcmp(words[0], "show") && n == 2)
        return show(o, words[1]);
    if (!strcmp(words[0], "show"))
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                     "pilot config show takes one FILE, not %d", n - 1);
    else
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                     "'%s' is not a command of pilot config: 'pilot config "
                     "check FILE...', 'pilot config show FILE' or 'pilot "
                     "config keys'",
                     words[0]);
    return log_failure(errp);
}

int cmd_config(int argc, char **argv)
{
    struct config_options o = {0};
    pe_error e = {0};
    int status;

    int first = option_parse(&usage, argc, argv, &o, &e);
    if (first < 0) {
        status = log_failure(&e);
    } else if (o.help) {
        option_help(&usage, stdout);
        status = PE_EXIT_OK;
    } else {
        status = dispatch(&o, argc - first, argv + first, &e);
    }
    option_list_free(&o.set);
    return status;
}
