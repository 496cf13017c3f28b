/* test_cmd.c - option tables, restarts, places. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/common/option.h"
#include "src/agent/restart.h"
#include "src/common/file.h"
#include "src/common/text.h"

static char folder[] = "/tmp/test-cmd-XXXXXX";

/* --- options --- */

struct values {
    bool flag, quiet;
    const char *word, *name;
    option_list set;
};

static const option_spec rows[] = {
    {"flag", 'f', OPTION_FLAG, offsetof(struct values, flag), NULL, NULL,
     "a flag"},
    {"quiet", 0, OPTION_FLAG, offsetof(struct values, quiet), NULL, NULL,
     "long only"},
    {"word", 'w', OPTION_TEXT, offsetof(struct values, word), "WORD", "one two",
     "a choice"},
    {"name", 'n', OPTION_TEXT, offsetof(struct values, name), "NAME", NULL,
     "any text"},
    {"set", 's', OPTION_LIST, offsetof(struct values, set), "K=V", NULL,
     "a list"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[OPTION]... FILE", "--quiet", NULL};

static const option_usage usage = {
    .command = "prog verb",
    .synopsis = synopsis,
    .prose = "Does it.",
    .options = rows,
    .min_args = 1,
    .max_args = 2,
};

/* Parse the blank-separated words of [line]; returns what option_parse does
 * and joins what came out: "flag quiet word name set,set | operands".
 */
static int parse(const char *line, char *out, size_t cap, pe_error *e)
{
    static char words[256];
    char *argv[16] = {"verb"}, *save = NULL;
    struct values v = {0};
    int argc = 1;
    text t = {0};

    snprintf(words, sizeof(words), "%s", line);
    for (char *w = strtok_r(words, " ", &save); w;
         w = strtok_r(NULL, " ", &save))
        argv[argc++] = strcmp(w, "''") ? w : "";
    int first = option_parse(&usage, argc, argv, &v, e);
    text_add(&t, "%s%s%s/%s/", v.flag ? "f" : "", v.quiet ? "q" : "",
             v.word ? v.word : "", v.name ? v.name : "");
    for (size_t i = 0; i < v.set.n; i++)
        text_add(&t, "%s,", v.set.items[i]);
    for (int i = first; i > 0 && i < argc; i++)
        text_add(&t, "|%s", argv[i]);
    snprintf(out, cap, "%s", t.data);
    text_free(&t);
    option_list_free(&v.set);
    return first;
}

static void test_options(void)
{
    static const struct {
        const char *line, *values;
    } good[] = {
        {"", "//"},
        {"a b", "//|a|b"},
        {"-f a", "f//|a"},
        {"--flag a", "f//|a"},
        {"a --flag b", "f//|a|b"},
        {"--quiet", "q//"},
        {"-w one", "one//"},
        {"-wtwo", "two//"},
        {"--word one", "one//"},
        {"--word=two", "two//"},
        {"-w one -w two", "two//"},
        {"-n x --name=a=b", "/a=b/"},
        {"-fn x", "f/x/"},
        {"--name --flag", "/--flag/"},
        {"-s a=1 --set b=2 --set=c=3 f", "//a=1,b=2,c=3,|f"},
        {"-f -- --flag -x", "f//|--flag|-x"},
        {"- a", "//|-|a"},
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        char out[256];
        pe_error e = {0};
        CU_ASSERT(parse(good[i].line, out, sizeof(out), &e) > 0);
        UNIT_EQUAL(e.text, "");
        UNIT_EQUAL(out, good[i].values);
    }
}

static void test_options_bad(void)
{
    static const struct {
        const char *line, *error;
    } bad[] = {
        {"--flat", "unknown option --flat; did you mean --flag?; see 'prog "
                   "verb --help'"},
        {"--xyzzy=1", "unknown option --xyzzy; see 'prog verb --help'"},
        {"--fl", "unknown option --fl; see 'prog verb --help'"},
        {"-x", "unknown option -x; see 'prog verb --help'"},
        {"-fx", "unknown option -x; see 'prog verb --help'"},
        {"--flag=1", "option --flag takes no value; see 'prog verb --help'"},
        {"--word", "option --word wants a value: WORD; see 'prog verb --help'"},
        {"-w", "option --word wants a value: WORD; see 'prog verb --help'"},
        {"--set", "option --set wants a value: K=V; see 'prog verb --help'"},
        {"-n", "option --name wants a value: NAME; see 'prog verb --help'"},
        {"-w three",
         "option --word: 'three' is none of: one two; see 'prog verb "
         "--help'"},
        {"--word=on", "option --word: 'on' is none of: one two; see 'prog verb "
                      "--help'"},
        {"--name=", "option --name: '' is not NAME; see 'prog verb --help'"},
        {"-s ''", "option --set: '' is not K=V; see 'prog verb --help'"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char out[256];
        pe_error e = {0};
        CU_ASSERT_EQUAL(parse(bad[i].line, out, sizeof(out), &e), -1);
        UNIT_EQUAL(e.text, bad[i].error);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
    }
}

static void test_operands(void)
{
    option_usage any = usage;
    pe_error e = {0};

    CU_ASSERT_EQUAL(option_operands(&usage, 1, &e), 0);
    CU_ASSERT_EQUAL(option_operands(&usage, 2, &e), 0);
    CU_ASSERT_EQUAL(option_operands(&usage, 0, &e), -1);
    UNIT_EQUAL(e.text, "a FILE is missing; see 'prog verb --help'");
    CU_ASSERT_EQUAL(option_operands(&usage, 3, &e), -1);
    UNIT_EQUAL(e.text, "too many operands; see 'prog verb --help'");
    any.max_args = -1;
    CU_ASSERT_EQUAL(option_operands(&any, 300, NULL), 0);
}

static void test_help(void)
{
    char out[2048] = "";
    FILE *f = fmemopen(out, sizeof(out), "w");

    option_help(&usage, f);
    fclose(f);
    UNIT_EQUAL(out, "Usage: prog verb [OPTION]... FILE\n"
                    "       prog verb --quiet\n"
                    "\n"
                    "Does it.\n"
                    "\n"
                    "  -f, --flag                   a flag\n"
                    "      --quiet                  long only\n"
                    "  -w, --word WORD              a choice\n"
                    "  -n, --name NAME              any text\n"
                    "  -s, --set K=V                a list\n");
}

/* --- restarts --- */

static void test_restart(void)
{
    static const int64_t waits[] = {0,           CLOCK_S / 5, CLOCK_S,
                                    5 * CLOCK_S, -1,          -1};
    restart r = {0};

    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
        CU_ASSERT_EQUAL(restart_delay(&r, (int64_t)i * CLOCK_S), waits[i]);
    /* The window moves on: of four deaths the first two are forgotten. */
    CU_ASSERT_EQUAL(restart_delay(&r, 121 * CLOCK_S + CLOCK_S / 2), CLOCK_S);
    /* Long after, it is the first again. */
    CU_ASSERT_EQUAL(restart_delay(&r, 1000 * CLOCK_S), 0);
}

static void test_restart_edge(void)
{
    restart r = {0};

    CU_ASSERT_EQUAL(restart_delay(&r, CLOCK_S), 0);
    CU_ASSERT_EQUAL(restart_delay(&r, CLOCK_S + RESTART_WINDOW_NS),
                    CLOCK_S / 5);
    CU_ASSERT_EQUAL(restart_delay(&r, CLOCK_S + RESTART_WINDOW_NS + 1),
                    CLOCK_S / 5);
}

/* --- places --- */

static void test_home(void)
{
    static const struct {
        const char *own, *state, *user, *home;
    } table[] = {
        {"/own", "/state", "/user", "/own"},
        {NULL, "/state", "/user", "/state/pilot"},
        {"", "/state", NULL, "/state/pilot"},
        {NULL, NULL, "/user", "/user/.local/state/pilot"},
        {NULL, "", "/user", "/user/.local/state/pilot"},
        {NULL, NULL, NULL, NULL},
    };
    static const char *const names[] = {"PILOT_HOME", "XDG_STATE_HOME", "HOME"};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *const values[] = {table[i].own, table[i].state,
                                      table[i].user};
        pe_error e = {0};
        for (int k = 0; k < 3; k++)
            if (values[k])
                setenv(names[k], values[k], 1);
            else
                unsetenv(names[k]);
        char *home = locate_home(&e);
        if (table[i].home)
            UNIT_EQUAL(home, table[i].home);
        else
            CU_ASSERT_PTR_NULL(home);
        UNIT_EQUAL(e.text, table[i].home
                               ? ""
                               : "neither PILOT_HOME nor HOME is set: set "
                                 "PILOT_HOME to the folder that keeps the "
                                 "state of runs");
        free(home);
    }
}

static void test_absolute(void)
{
    char *here = getcwd(NULL, 0);
    char *want = text_format("%s/a/b", here);

    char *got = locate_absolute(NULL, "a/b", NULL);
    UNIT_EQUAL(got, want);
    free(got);
    got = locate_absolute("/x", "a/b", NULL);
    UNIT_EQUAL(got, "/x/a/b");
    free(got);
    got = locate_absolute("/x", "/a/b", NULL);
    UNIT_EQUAL(got, "/a/b");
    free(got);
    got = locate_folder("/a/b/c", NULL);
    UNIT_EQUAL(got, "/a/b");
    free(got);
    got = locate_folder("/a", NULL);
    UNIT_EQUAL(got, "/");
    free(got);
    got = locate_folder("a", NULL);
    UNIT_EQUAL(got, here);
    free(got);
    free(want);
    free(here);
}

static void program_make(const char *sub, const char *name)
{
    char *dir = text_format("%s/%s", folder, sub);
    char *path = text_format("%s/%s", dir, name);

    file_mkdir(dir, NULL);
    file_write(path, "", 0, 0700, NULL);
    free(path);
    free(dir);
}

static void test_program(void)
{
    char *libexec = text_format("%s/libexec", folder);
    char *installed = text_format("%s/installed", folder);
    char *first = text_format("%s/pilot-x", libexec);
    char *second = text_format("%s/pilot-x", installed);
    pe_error e = {0};

    program_make("installed", "pilot-x");
    program_make("libexec", "pilot-x");
    setenv("PILOT_LIBEXEC", libexec, 1);
    char *got = locate_program("pilot-x", installed, &e);
    UNIT_EQUAL(got, first);
    free(got);
    chmod(first, 0600); /* not a program */
    got = locate_program("pilot-x", installed, &e);
    UNIT_EQUAL(got, second);
    free(got);
    CU_ASSERT_PTR_NULL(locate_program("pilot-y", installed, &e));
    char *want = text_format("pilot-y is neither in %s nor in %s: install "
                             "it, or set PILOT_LIBEXEC to its folder",
                             libexec, installed);
    UNIT_EQUAL(e.text, want);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    free(want);
    free(second);
    free(first);
    free(installed);
    free(libexec);
}

int main(void)
{
    static const unit_test tests[] = {
        {"every kind of option, short and long", test_options},
        {"options that are wrong", test_options_bad},
        {"number of operands", test_operands},
        {"help comes from the table", test_help},
        {"restarts and the breaker", test_restart},
        {"the window of the breaker", test_restart_edge},
        {"home of the state of runs", test_home},
        {"absolute paths", test_absolute},
        {"programs are looked for in order", test_program},
        {NULL, NULL},
    };

    if (!mkdtemp(folder))
        return 99;
    int status = unit_main("cmd", tests);
    file_remove_tree(folder, NULL);
    return status;
}
