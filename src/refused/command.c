/* command.c - `pilot refused`: which of its commands, and with what. */
#include "refused.h"

#include <string.h>

#include "private.h"
#include "src/common/log.h"

/* --- list --- */

static const option_spec list_options[] = {
    {"reasons", 0, OPTION_FLAG, REFUSED_AT(reasons), NULL, NULL,
     "how many for each reason and stage, the most frequent first"},
    {"json", 'j', OPTION_FLAG, REFUSED_AT(json), NULL, NULL,
     "print JSON, an object a line"},
    {"no-header", 0, OPTION_FLAG, REFUSED_AT(no_header), NULL, NULL,
     "print no line of titles"},
    {"help", 'h', OPTION_FLAG, REFUSED_AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const list_synopsis[] = {"[OPTION]... RUN", NULL};

/* --- show --- */

static const option_spec show_options[] = {
    {"output", 'o', OPTION_TEXT, REFUSED_AT(out), "FILE", NULL,
     "write its bytes there, as they came"},
    {"json", 'j', OPTION_FLAG, REFUSED_AT(json), NULL, NULL,
     "print it as a JSON object"},
    {"help", 'h', OPTION_FLAG, REFUSED_AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const show_synopsis[] = {"[OPTION]... RUN PARTITION/OFFSET",
                                            NULL};

/* --- replay --- */

static const option_spec replay_options[] = {
    {"reason", 0, OPTION_TEXT, REFUSED_AT(reason), "TEXT", NULL,
     "those alone whose reason has this in it"},
    {"help", 'h', OPTION_FLAG, REFUSED_AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const replay_synopsis[] = {
    "[OPTION]... RUN [PARTITION/OFFSET]...", NULL};

/* --- all of them --- */

static const struct command {
    const char *name;
    int (*run)(const struct refused_options *o, char **args, int n,
               pe_error *errp);
    option_usage usage;
} commands[] = {
    {"list",
     refused_list,
     {"pilot refused list", list_synopsis,
      "List the blocks that a run has refused, and why.", list_options, 1, 1,
      "a RUN"}},
    {"show",
     refused_show,
     {"pilot refused show", show_synopsis,
      "Show one refused block: what is known of it, and its first values.",
      show_options, 2, 2, "a RUN and a PARTITION/OFFSET"}},
    {"replay",
     refused_replay,
     {"pilot refused replay", replay_synopsis,
      "Send refused blocks to the run again, each once, when what refused them "
      "is mended.",
      replay_options, 1, -1, "a RUN"}},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help_print(FILE *f)
{
    fputs("Usage: pilot refused COMMAND [OPTION]... RUN [OPERAND]...\n\n"
          "Blocks that a run has refused.\n\nCommands:\n",
          f);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(f, "  %-7s %s\n", commands[i].name, commands[i].usage.prose);
    fputs("\n'pilot refused COMMAND --help' for a command\n", f);
}

static int command_run(const struct command *c, int argc, char **argv)
{
    struct refused_options o = {0};
    pe_error e = {0};
    int first = option_parse(&c->usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&c->usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&c->usage, argc - first, &e) < 0 ||
        c->run(&o, argv + first, argc - first, &e) < 0)
        return log_failure(&e);
    return PE_EXIT_OK;
}

int refused_command(int argc, char **argv)
{
    if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
        help_print(stdout);
        return PE_EXIT_OK;
    }
    for (size_t i = 0; argc > 1 && i < N_COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name))
            return command_run(&commands[i], argc - 1, argv + 1);
    if (argc > 1)
        log_error("pilot refused has no command '%s': list, show, replay",
                  argv[1]);
    else
        help_print(stderr);
    return PE_EXIT_USAGE;
}
