/* test_pilot_help.c - what every command of `pilot` has: help, a man page that
 * says the same, errors of its command line, completion.
 */
#include "unit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pilot_command.h"
#include "scratch.h"
#include "src/common/file.h"

static const char *const verbs[] = {
    "run",    "results", "score",  "model",  "inspect", "peek",
    "runs",   "submit",  "status", "wait",   "cancel",  "log",
    "resize", "move",    "swap",   "doctor", "config",  "report",
    "serve",  "advise",  "scale",  "event",  "verify",  "task"};

static char *source_file(const char *name)
{
    const char *top = getenv("top_srcdir");
    char *path = text_format("%s/%s", top ? top : ".", name);
    char *data = file_read(path, 1 << 20, NULL, NULL);

    if (!data)
        printf("# %s is not there\n", path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    free(path);
    return data;
}

/* --- help --- */

static void test_help(void)
{
    begin();
    for (size_t i = 0; i < N(verbs); i++) {
        char *usage = text_format("Usage: pilot %s", verbs[i]), *kept;

        expect(PILOT(verbs[i], "--help"), 0, usage, NULL);
        UNIT_EQUAL(content("err"), "");
        UNIT_CONTAINS(content("out"), "  -h, --help  ");
        kept = text_format("%s", content("out"));
        expect(PILOT("help", verbs[i]), 0, kept, NULL);
        UNIT_EQUAL(content("out"), kept);
        expect(PILOT(verbs[i], "-h"), 0, kept, NULL);
        free(kept);
        free(usage);
    }
    expect(PILOT("services", "--help"), 0, "start|status|stop|run|fetch", NULL);
}

/* All that `pilot --help` lists is a command, and nothing else is. */
static void test_commands(void)
{
    char *all;

    expect(PILOT("--help"), 0, "Usage: pilot COMMAND", NULL);
    all = text_format("%s", content("out"));
    for (size_t i = 0; i < N(verbs); i++) {
        char *row = text_format("\n  %-10s ", verbs[i]);

        UNIT_CONTAINS(all, row);
        free(row);
    }
    expect(PILOT("help"), 0, all, NULL);
    expect(PILOT("-h"), 0, all, NULL);
    free(all);
    expect(pilot((const char *const[]){NULL}), 64, NULL,
           "Usage: pilot COMMAND");
    UNIT_EQUAL(content("out"), "");
    expect(PILOT("--version"), 0, "pilot ", NULL);
    UNIT_CONTAINS(content("out"), "\nkernels      ");
    UNIT_CONTAINS(content("out"), "librdkafka   ");
    setenv("PILOT_KERNEL", "magic", 1);
    expect(PILOT("-V"), 0, "PILOT_KERNEL: ", NULL);
    unsetenv("PILOT_KERNEL");
}

static void test_unknown(void)
{
    static const struct {
        const char *word, *err;
    } rows[] = {
        {"rnu", "unknown command 'rnu'; did you mean 'pilot run'?"},
        {"statsu", "did you mean 'pilot status'?"},
        {"stop", "did you mean 'pilot cancel'?"},
        {"ls", "did you mean 'pilot status'?"},
        {"rm", "did you mean 'pilot runs --rm'?"},
        {"predict", "did you mean 'pilot score'?"},
        {"qsub", "did you mean 'pilot submit'?"},
        {"validate", "did you mean 'pilot config check'?"},
        {"tail", "did you mean 'pilot log -f'?"},
        {"head", "did you mean 'pilot inspect'?"},
        {"xyzzyxyzzy", "unknown command 'xyzzyxyzzy'; see 'pilot --help'"},
        {"jobs/a.yaml", "'jobs/a.yaml' is no command; did you mean 'pilot run "
                        "jobs/a.yaml'?"},
        {"a.yml", "did you mean 'pilot run a.yml'?"},
        {"--flag", "unknown command '--flag'"},
    };

    for (size_t i = 0; i < N(rows); i++) {
        expect(PILOT(rows[i].word), 64, NULL, rows[i].err);
        UNIT_EQUAL(content("out"), "");
    }
    expect(PILOT("help", "rnu"), 64, NULL, "did you mean 'pilot run'?");
}

/* --- man pages --- */

typedef struct names {
    char name[128][40];
    size_t n;
} names;

static void take_name(names *l, const char *at, size_t len)
{
    char name[40];

    snprintf(name, sizeof(name), "%.*s", (int)len, at);
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->name[i], name))
            return;
    CU_ASSERT_FATAL(l->n < N(l->name));
    memcpy(l->name[l->n++], name, sizeof(name));
}

static bool has_name(const names *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->name[i], name))
            return true;
    return false;
}

static size_t word_len(const char *s)
{
    size_t n = 0;

    while (isalnum((unsigned char)s[n]) || s[n] == '-')
        n++;
    return n;
}

/* "  -q, --quiet", "      --set K=V": names with their dashes. */
static void names_of_help(names *l, const char *help)
{
    for (const char *line = help; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "  -", 3) != 0 && strncmp(line, "      --", 8) != 0)
            continue;
        for (const char *s = line + strspn(line, " "); *s == '-';
             s += strspn(s, ", ")) {
            take_name(l, s, word_len(s));
            s += word_len(s);
        }
    }
}

/* Lines ".It Fl q , Fl \-quiet", which may go on. */
static void names_of_man(names *l, const char *page)
{
    char *copy = text_format("%s", page), *rest = NULL;
    bool goes_on = false;

    for (char *line = strtok_r(copy, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        bool item = goes_on || !strncmp(line, ".It Fl ", 7);

        goes_on = item && line[strlen(line) - 1] == '\\';
        for (const char *s = item ? strstr(line, "Fl ") : NULL; s;
             s = strstr(s, "Fl ")) {
            char name[40];

            s += 3 + (s[3] == '\\');
            snprintf(name, sizeof(name), "-%.*s", (int)word_len(s), s);
            take_name(l, name, strlen(name));
        }
    }
    free(copy);
}

static void compare(const char *verb, const names *has, const names *wants,
                    const char *where)
{
    for (size_t i = 0; i < wants->n; i++)
        if (!has_name(has, wants->name[i])) {
            printf("# pilot %s: %s is not in %s\n", verb, wants->name[i],
                   where);
            CU_FAIL("an option is in one place alone");
        }
}

static void test_man(void)
{
    for (size_t i = 0; i < N(verbs); i++) {
        char *name = text_format("doc/man/pilot-%s.1", verbs[i]);
        char *page = source_file(name);
        names help = {0}, man = {0};

        expect(PILOT(verbs[i], "--help"), 0, NULL, NULL);
        names_of_help(&help, content("out"));
        names_of_man(&man, page);
        CU_ASSERT(has_name(&help, "--help"));
        compare(verbs[i], &man, &help, name);
        compare(verbs[i], &help, &man, "--help");
        /* It says what it ends with. */
        UNIT_CONTAINS(page, "\n.Sh EXIT STATUS\n");
        UNIT_CONTAINS(page, "\n.It 64\n");
        free(page);
        free(name);
    }
}

/* The page of the program knows each command and its page. */
static void test_man_pilot(void)
{
    char *page = source_file("doc/man/pilot.1");

    for (size_t i = 0; i < N(verbs); i++) {
        char *see = text_format("pilot-%s 1", verbs[i]);

        UNIT_CONTAINS(page, see);
        free(see);
    }
    UNIT_CONTAINS(page, "services");
    free(page);
}

/* --- command lines --- */

static void test_options(void)
{
    for (size_t i = 0; i < N(verbs); i++) {
        char *err = text_format("unknown option --no-such-thing; see 'pilot %s "
                                "--help'",
                                verbs[i]);

        expect(PILOT(verbs[i], "--no-such-thing"), 64, NULL, err);
        UNIT_EQUAL(content("out"), "");
        free(err);
        expect(PILOT(verbs[i], "--help=1"), 64, NULL,
               "option --help takes no value");
        expect(PILOT(verbs[i], "-\x01"), 64, NULL, "unknown option");
    }
}

/* What is not there, by each command: one line, and the class of the error. */
static void test_nothing(void)
{
    static const struct {
        const char *args[5];
        int status;
        const char *err;
    } rows[] = {
        {{"run"}, 64, "a FILE is missing"},
        {{"run", "a", "b"}, 64, "too many operands"},
        {{"run", "no.yaml"}, 78, "no.yaml"},
        {{"run", "--resume", "none"}, 78, "there is no run none in "},
        {{"run", "--resume", "a/b"}, 64, "'a/b' is no name of a run"},
        {{"run", "--resume", "r", "x.yaml"}, 64, "goes on with a run as it is"},
        {{"run", "--run", "-x", "no.yaml"}, 64, "'-x' is no name of a run"},
        {{"run", "--until", "never", "x"}, 64, "'never' is not eof"},
        {{"run", "--summary", "/no/where/s.json", "x"},
         73,
         "cannot write /no/where/s.json"},
        {{"run", "--summary", "/tmp", "x"}, 73, "/tmp: it is a folder"},
        {{"results", "none"}, 78, "there is no run none in "},
        {{"results", "a", "b"}, 64, "too many operands"},
        {{"score", "none", "x.csv"}, 78, "none is no run in "},
        {{"model", "show", "none"}, 78, "none is no run in "},
        {{"model", "get", "none", "x"}, 78, "none is no run in "},
        {{"verify"}, 64, "a RUN is missing"},
        {{"verify", "none"}, 78, "there is no run none in "},
        {{"runs", "--rm", "none"}, 78, "there is no run none in "},
        {{"inspect"}, 64, "is missing"},
        {{"inspect", "/no/where.csv"}, 65, "/no/where.csv cannot be opened"},
        {{"inspect", "/no/where.npy"}, 65, "/no/where.npy cannot be opened"},
        {{"inspect", "--set", "x", "/a"}, 64, "--set x: it is NAME=VALUE"},
        {{"inspect", "--set", "x=1", "/a"}, 78, "x"},
        {{"inspect", "--set", "bad=maybe", "/a"}, 78, "bad"},
        {{"log"}, 64, "is missing"},
        {{"wait"}, 64, "is missing"},
        {{"swap"}, 64, "a RUN, or RUN/STAGE is missing"},
        {{"swap", "none/"}, 64, "'none/' names no stage"},
        {{"swap", "none/a"}, 64, "what is to become of stage 'a'?"},
        {{"swap", "none", "--set", "a=1"}, 64, "write none/STAGE"},
        {{"swap", "none", "--back", "--set=a=1"}, 64, "--back goes with no"},
        {{"swap", "none/a", "--set", "a=1"}, 78, "there is no run none in "},
        {{"swap", "none"}, 78, "there is no run none in "},
        {{"cancel"}, 64, "pilot cancel --help"},
        {{"resize"}, 64, "pilot resize --help"},
        {{"task"}, 64, "a RUN, or RUN/NAME is missing"},
        {{"task", "none/"}, 64, "'none/' names no task; write RUN/NAME"},
        {{"task", "none/a b"}, 64, "'a b' is no name of a task"},
        {{"task", "none", "--cancel"}, 64, "which task? write none/NAME"},
        {{"task", "none/a", "--slices", "3"}, 64, "give --function"},
        {{"task", "none/a", "--merge", "sum"}, 64, "say how --out FILE is"},
        {{"task", "none/a", "-fx", "--cancel"}, 64, "goes with no --function"},
        {{"task", "none/a", "-fx", "-n100001"}, 64, "from 1 to 100000"},
        {{"task", "none"}, 78, "there is no run none in "},
        {{"move"}, 64, "a RUN/STAGE is missing"},
        {{"move", "r/s"}, 64, "say where it is to go: --to pool"},
        {{"move", "r", "--to", "pool"}, 64, "say which stage of which run"},
        {{"move", "none/s", "--to", "pool"}, 78, "there is no run 'none' in "},
        {{"scale"}, 64, "a RUN is missing"},
        {{"event", "r"}, 64, "a RUN and a NAME are missing"},
        {{"scale", "-n", "0", "r"}, 64, "-n 0: it is a number from 1 on"},
        {{"scale", "none"}, 78, "there is no run none in "},
        {{"scale", "--dry-run", "none"}, 78, "there is no run none in "},
        {{"event", "none", "x"}, 78, "there is no run none in "},
        {{"config"}, 64, "pilot config --help"},
        {{"config", "check"}, 64, "is missing"},
        {{"config", "frob", "x"}, 64, "frob"},
        {{"config", "check", "/no/where.yaml"}, 78, "/no/where.yaml"},
        {{"config", "show", "/no/where.yaml"}, 78, "/no/where.yaml"},
        {{"doctor", "a", "b"}, 64, "too many operands"},
        {{"submit", "/no/where.yaml"}, 78, "/no/where.yaml"},
    };

    begin();
    for (size_t i = 0; i < N(rows); i++) {
        const char *err;

        expect(pilot(rows[i].args), rows[i].status, NULL, rows[i].err);
        err = content("err");
        if (!strncmp(err, "pilot: ", 7) && strchr(err, '\n') &&
            strchr(err, '\n')[1] == '\0')
            continue;
        printf("# pilot %s: more or less than a line: %s\n", rows[i].args[0],
               err);
        CU_FAIL("an error is one line");
    }
}

/* A place for the state of runs is named by each command that has one. */
static void test_no_home(void)
{
    static const char *const lines[][4] = {
        {"results", "r"},
        {"score", "r"},
        {"model", "show", "r"},
        {"runs"},
        {"status"},
        {"wait", "r"},
        {"cancel", "r"},
        {"log", "r"},
        {"resize", "r", "-n", "2"},
        {"move", "r/s", "--to", "pool"},
        {"scale", "r"},
        {"event", "r", "x"},
        {"run", "--resume", "r"},
    };
    char *home = text_format("%s", getenv("HOME") ? getenv("HOME") : "/");

    unsetenv("PILOT_HOME");
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    for (size_t i = 0; i < N(lines); i++) {
        const char *args[5] = {0};

        for (size_t k = 0; k < 4; k++)
            args[k] = lines[i][k];
        if (!strcmp(args[0], "resize")) {
            args[1] = "-n";
            args[2] = "2";
            args[3] = "r";
        }
        expect(pilot(args), 78, NULL,
               "neither PILOT_HOME nor HOME is set: set PILOT_HOME");
    }
    setenv("HOME", home, 1);
    free(home);
    begin();
}

/* What cannot be printed is an error of every command. */
static void test_full(void)
{
    if (access("/dev/full", W_OK) < 0)
        return;
    for (size_t i = 0; i < N(verbs); i++) {
        const char *args[] = {verbs[i], "--help", NULL};

        CU_ASSERT_EQUAL(pilot_end(pilot_start(args, "/dev/full")), 73);
    }
}

/* --- completion --- */

/* What bash offers behind [line], whose last word is being typed: on one line.
 */
static const char *offered(const char *line)
{
    static char out[8192];
    const char *top = getenv("top_srcdir");
    char *script = text_format(
        "complete() { :; }; . %s/scripts/site/completion.bash; "
        "COMP_WORDS=(%s); [ \"${1-}\" != '' ] || COMP_WORDS+=(''); "
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
        "_pilot_complete \"${COMP_WORDS[0]}\" \"${COMP_WORDS[COMP_CWORD]}\" x; "
        "printf ' %%s' \"${COMPREPLY[@]}\"; echo ' '",
        top ? top : ".", line);
    bool typed = line[strlen(line) - 1] != ' ';
    const char *argv[] = {"bash", "-c", script, "bash", typed ? "x" : "", NULL};
    const process_spec spec = {.argv = argv};
    const process_limits limits = {60, 65536};
    process_answer a = {.status = -1};
    pe_error e = {0};

    CU_ASSERT_EQUAL(process_run(&spec, &limits, &a, &e), 0);
    UNIT_EQUAL(a.err.data ? a.err.data : "", "");
    snprintf(out, sizeof(out), "%s", a.out.data ? a.out.data : "");
    process_answer_free(&a);
    free(script);
    return out;
}

static void test_completion(void)
{
    static const struct {
        const char *line, *part; /* '!': what is not offered */
    } rows[] = {
        {"pilot ", " results "},
        {"pilot ", " --version "},
        {"pilot ru", " run runs "},
        {"pilot ru", "! results "},
        {"pilot run --", " --no-final "},
        {"pilot run --re", " --resume "},
        {"pilot run --re", "! --run "},
        {"pilot results --", " --outliers "},
        {"pilot score -", " -Q "},
        {"pilot run --until ", " eof "},
        {"pilot wait --until ", " active flowing end "},
        {"pilot run --resume ", " one "},
        {"pilot submit --launcher m", " mpirun mpiexec "},
        {"pilot-submit --launcher s", " srun "},
        {"pilot submit --resource slurm", " slurm:// slurm+ssh:// "},
        {"pilot model ", " show get list "},
        {"pilot model show ", " one "},
        {"pilot results ", " one "},
        {"pilot score ", " one "},
        {"pilot score o", " one "},
        {"pilot runs --rm ", " one "},
        {"pilot services ", " start status stop run fetch check "},
        {"pilot services st", " start status stop "},
        {"pilot refused ", " list show replay "},
        {"pilot refused show ", " one "},
        {"pilot config ", " check keys show "},
        {"pilot inspect /dev/nul", " /dev/null "},
    };
    char *pipeline, *path, *here = getcwd(NULL, 0);

    begin();
    pipeline = text_format("%s/one/pipeline.yaml", rehearse_home);
    path = text_format("%s/one", rehearse_home);
    file_mkdir(path, NULL);
    file_write(pipeline, "version: 1\n", 11, 0600, NULL);
    free(path);
    path = text_format("%s:%s", here, getenv("PATH"));
    setenv("PATH", path, 1);
    for (size_t i = 0; i < N(rows); i++) {
        const char *got = offered(rows[i].line), *part = rows[i].part;

        if (*part != '!') {
            UNIT_CONTAINS(got, part);
        } else if (strstr(got, part + 1)) {
            printf("# %s offers %s\n", rows[i].line, got);
            CU_FAIL("it is offered");
        }
    }
    free(path);
    free(pipeline);
    free(here);
}

int main(void)
{
    static const unit_test tests[] = {
        {"help of every command", test_help},
        {"the commands there are", test_commands},
        {"what is no command", test_unknown},
        {"options of help and man pages are the same", test_man},
        {"the page of the program names all others", test_man_pilot},
        {"options that are none", test_options},
        {"what is not there is one line", test_nothing},
        {"nowhere to keep runs", test_no_home},
        {"what cannot be printed", test_full},
        {"completion", test_completion},
        {NULL, NULL},
    };
    int status;

    scratch_make();
    status = unit_main("pilot_help", tests);
    scratch_remove();
    return status;
}
