/* test_request.c - words of a request: values, times, lists, shapes. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/request/place.h"
#include "src/request/request.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_table(void)
{
    static const char sbatch_letters[] = "NnctpqAJoeDdbHCwxLa";
    char seen[128] = "";

    for (int w = 0; w < REQUEST_N_WORDS; w++) {
        const request_spec *s = &request_specs[w];
        CU_ASSERT_PTR_NOT_NULL_FATAL(s->name);
        CU_ASSERT_PTR_NOT_NULL(s->prose);
        CU_ASSERT_EQUAL(request_word_find(s->name), w);
        CU_ASSERT(s->type == REQUEST_TYPE_FLAG || s->value != NULL);
        if (!s->letter)
            continue;
        CU_ASSERT_PTR_NULL(strchr(seen, s->letter));
        CU_ASSERT_PTR_NOT_NULL(strchr(sbatch_letters, s->letter));
        seen[strlen(seen)] = s->letter;
    }
    CU_ASSERT_EQUAL(strlen(seen), strlen(sbatch_letters));
    CU_ASSERT_PTR_NULL(request_specs[REQUEST_N_WORDS].name);
    CU_ASSERT_EQUAL(request_word_find("project"), REQUEST_ACCOUNT);
    CU_ASSERT_EQUAL(request_word_find("no-such"), -1);
    CU_ASSERT_EQUAL(request_word_find(NULL), -1);
}

/* One value that a word takes, as it is kept, and one that it does not. */
static const struct word_row {
    enum request_word word;
    const char *good, *kept, *bad, *why;
} words[] = {
    {REQUEST_NODES, "2k", "2048", "web",
     "nodes: 'web' is no number; -N is --nodes, a job's name is -J"},
    {REQUEST_NTASKS, "008", "8", "0", "ntasks: '0' is not from 1 to 16777216"},
    {REQUEST_NTASKS_PER_NODE, "4", "4", "x",
     "ntasks-per-node: 'x' is no number"},
    {REQUEST_CPUS_PER_TASK, "2", "2", "-2", "cpus-per-task: '-2' is no number"},
    {REQUEST_GPUS_PER_NODE, "volta:2", "volta:2",
     "volta:", "gpus-per-node: 'volta:' is neither N nor TYPE:N"},
    {REQUEST_MEM, "04g", "4G", "4X",
     "mem: '4X' is no size: say 4G, 400M, 4000 (MiB), or 0 for all"},
    {REQUEST_EXCLUSIVE, "yes", "true", "maybe",
     "exclusive: 'maybe' is neither true nor false"},
    {REQUEST_TIME, "90", "01:30:00", "1:2:3:4",
     "time: '1:2:3:4' is no time: say 30 (minutes), 1:30:00 (hours), 1-12 "
     "(days-hours), 90s, 30m, 2h or 1d, and more than nothing"},
    {REQUEST_TIME_MIN, "1-12", "1-12:00:00", "UNLIMITED",
     "time-min: 'UNLIMITED' has no meaning here: say a time"},
    {REQUEST_PARTITION, "a,b", "a,b", "a b",
     "partition: 'a b' holds a blank: letters, digits and _.,:/@%+=- may be in "
     "it"},
    {REQUEST_QOS, "high", "high", "-q",
     "qos: '-q' begins with '-', as an option does"},
    {REQUEST_ACCOUNT, "proj-1", "proj-1", "$(touch x)",
     "account: '$(touch x)' holds $: letters, digits and _.,:/@%+=- may be "
     "in it"},
    {REQUEST_JOB_NAME, "my pool", "my pool", "a'b",
     "job-name: 'a'b' holds ': letters, digits, blanks and _.,:/@%+=- may be "
     "in it"},
    {REQUEST_OUTPUT, "o ut/%j.txt", "o ut/%j.txt", "a\nb",
     "output: 'a?b' holds an end of line"},
    {REQUEST_ERROR, "e.txt", "e.txt", "a\rb",
     "error: 'a?b' holds an end of line"},
    {REQUEST_CHDIR, "/scratch/me", "/scratch/me", "a\tb",
     "chdir: 'a?b' holds a control character"},
    {REQUEST_OPEN_MODE, "append", "append", "add",
     "open-mode: it is one of: append truncate"},
    {REQUEST_DEPENDENCY, "afterok:17?afterany:18_3", "afterok:17?afterany:18_3",
     "afterok:1,afterany:2?after:3",
     "dependency: 'afterok:1,afterany:2?after:3' has both ',' and '?': only "
     "one of them may part a list"},
    {REQUEST_BEGIN, "now+1hour", "now+1hour", "now + 1",
     "begin: 'now + 1' holds a blank: letters, digits and _.,:/@%+=- may be in "
     "it"},
    {REQUEST_HOLD, "true", "true", "1", "hold: '1' is neither true nor false"},
    {REQUEST_REQUEUE, "no", "false", "", "requeue: '' is empty"},
    {REQUEST_SIGNAL, "B:SIGUSR1@60", "B:SIGUSR1@60", "NOPE@10",
     "signal: 'NOPE@10' is no signal: say B:USR1@60, that is "
     "[{R|B}:]NAME[@SECONDS]"},
    {REQUEST_RESERVATION, "maint", "maint", "a;b",
     "reservation: 'a;b' holds ;: letters, digits and _.,:/@%+=- may be in "
     "it"},
    {REQUEST_CONSTRAINT, "[(knl&hemi)*4|!haswell]", "[(knl&hemi)*4|!haswell]",
     "a#b",
     "constraint: 'a#b' holds #: letters, digits and _.,:/@%+=-[]()&|*! may "
     "be in it"},
    {REQUEST_NODELIST, "node[1-3,7],login", "node[1-3,7],login", "a\"b",
     "nodelist: 'a\"b' holds \": letters, digits and _.,:/@%+=-[] may be in "
     "it"},
    {REQUEST_EXCLUDE, "node9", "node9", "a`b`",
     "exclude: 'a`b`' holds `: letters, digits and _.,:/@%+=-[] may be in it"},
    {REQUEST_MAIL_TYPE, "begin,End", "BEGIN,END", "BEGIN,ALWAYS",
     "mail-type: 'BEGIN,ALWAYS' is no list of: NONE BEGIN"},
    {REQUEST_MAIL_USER, "me@site.org", "me@site.org", "a\\b",
     "mail-user: 'a\\b' holds \\: letters, digits and _.,:/@%+=- may be in "
     "it"},
    {REQUEST_LICENSES, "nastran@db:12", "nastran@db:12", "gr\xc3\xb6\xc3\x9f",
     "licenses: 'gr\?\?\?\?' holds a byte that is not ASCII"},
    {REQUEST_EXPORT, "ALL,A=b,C", "ALL,A=b,C", "A,NONE",
     "export: 'A,NONE' has NONE among names"},
    {REQUEST_ARRAY, "0-9%2", "0-9%2", "a b", "array: 'a b' holds"},
    {REQUEST_LAUNCHER, "srun", "srun", "prun",
     "launcher: it is one of: auto srun mpirun mpiexec"},
    {REQUEST_WRAP, "apptainer exec \"$IMAGE\"", "apptainer exec \"$IMAGE\"",
     "a\nb", "wrap: 'a?b' holds an end of line"},
    {REQUEST_HELLO_TIMEOUT, "5m", "00:05:00", "5",
     "hello-timeout: '5' is no time: say 1:30:00 (hours), 1-12"},
    {REQUEST_LEAD, "90s", "00:01:30", "8d",
     "lead: '8d' is more than 7-00:00:00"},
    {REQUEST_CHAIN, "3", "3", "10001", "chain: '10001' is not from 1 to 10000"},
    {REQUEST_SETUP, "if true; then\tx", "if true; then\tx", "a\nb",
     "setup: 'a?b' holds an end of line"},
    {REQUEST_DIRECTIVES, "--constraint=rome", "--constraint=rome", "rome",
     "directives: 'rome' is no option: it begins with '-'"},
    {REQUEST_NO_DIRECTIVE, "--signal", "--signal", "a\nb",
     "no-directive: 'a?b' holds an end of line"},
    {REQUEST_STAGE_IN, "d\xc3\xa4ta.npy", "d\xc3\xa4ta.npy", "a\x01",
     "stage-in: 'a?' holds a control character"},
    {REQUEST_STAGE_OUT, "model.safetensors", "model.safetensors", "",
     "stage-out: '' is empty"},
    {REQUEST_EXTRA, "--wckey=a\nb", "--wckey=a\nb", NULL, NULL},
};

static const char *value_of(const resource_request *r, enum request_word w)
{
    return request_specs[w].type == REQUEST_TYPE_LIST
               ? r->list[w].n ? r->list[w].items[r->list[w].n - 1] : NULL
               : r->word[w];
}

static void test_words(void)
{
    CU_ASSERT_EQUAL(COUNT(words), REQUEST_N_WORDS);
    for (size_t i = 0; i < COUNT(words); i++) {
        const struct word_row *row = &words[i];
        resource_request r = {0};
        pe_error e = {0};
        CU_ASSERT_EQUAL(row->word, i);
        CU_ASSERT_EQUAL(request_set(&r, row->word, row->good, true, "file", &e),
                        0);
        UNIT_EQUAL(e.text, "");
        UNIT_EQUAL(value_of(&r, row->word), row->kept);
        UNIT_EQUAL(r.from[row->word], "file");
        if (row->bad) {
            CU_ASSERT_EQUAL(
                request_set(&r, row->word, row->bad, true, "line", &e), -1);
            UNIT_CONTAINS(e.text, row->why);
            CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
            UNIT_EQUAL(value_of(&r, row->word), row->kept);
            UNIT_EQUAL(r.from[row->word], "file");
        }
        request_free(&r);
        CU_ASSERT_PTR_NULL(value_of(&r, row->word));
    }
}

/* What would end a directive, begin an option or reach a shell, for every
 * word that goes into a directive.
 */
static void test_injection(void)
{
    static const char *const attacks[] = {"\n#SBATCH --uid=0",
                                          "x\n#SBATCH --uid=0",
                                          "x\r\n#PBS -q root",
                                          "$(touch x)",
                                          "`touch x`",
                                          ";rm -rf .",
                                          "a'b",
                                          "a\"b",
                                          "--uid=0",
                                          "-x",
                                          "a\\b",
                                          "a\x7f",
                                          "a\x1b[31m",
                                          "x #SBATCH --uid=0 # y",
                                          "a>b",
                                          "\xff\xfe",
                                          "gr\xc3\xb6\xc3\x9f"};

    for (int w = 0; w < REQUEST_N_WORDS; w++)
        for (size_t i = 0; i < COUNT(attacks); i++) {
            resource_request r = {0};
            pe_error e = {0};
            if (request_specs[w].ours)
                continue;
            CU_ASSERT_EQUAL(request_set(&r, w, attacks[i], true, "line", &e),
                            -1);
            CU_ASSERT_PTR_NULL(strpbrk(e.text, "\n\r\x1b"));
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
            CU_ASSERT_PTR_NULL(r.word[w]);
            request_free(&r);
        }
}

static void test_long_values(void)
{
    resource_request r = {0};
    pe_error e = {0};
    char value[8192];

    memset(value, 'x', sizeof(value));
    value[4097] = '\0';
    CU_ASSERT_EQUAL(request_set(&r, REQUEST_ACCOUNT, value, true, "", &e), -1);
    UNIT_CONTAINS(e.text, "account: 'xxxxxxxx");
    UNIT_CONTAINS(e.text, "...' is too long");
    value[4096] = '\0';
    CU_ASSERT_EQUAL(request_set(&r, REQUEST_ACCOUNT, value, true, "", &e), 0);
    value[201] = '\0';
    CU_ASSERT_EQUAL(request_set(&r, REQUEST_JOB_NAME, value, true, "", &e), -1);
    UNIT_CONTAINS(e.text, "is too long for a name");
    value[200] = '\0';
    CU_ASSERT_EQUAL(request_set(&r, REQUEST_JOB_NAME, value, true, "", &e), 0);
    CU_ASSERT_EQUAL(request_set(&r, REQUEST_N_WORDS, "x", true, "", &e), -1);
    CU_ASSERT_EQUAL(request_set(&r, REQUEST_MEM, NULL, true, "", &e), -1);
    request_free(&r);
}

/* More of what words with a grammar take and refuse. */
static void test_grammar(void)
{
    static const struct {
        enum request_word word;
        const char *value;
        bool bare;
        const char *kept; /* NULL: refused */
    } rows[] = {
        {REQUEST_NODES, "2-2", true, NULL},
        {REQUEST_NODES, "1m", true, NULL},
        {REQUEST_NODES, "2kk", true, NULL},
        {REQUEST_NODES, "k", true, NULL},
        {REQUEST_NODES, "99999999999999999999999999", true, NULL},
        {REQUEST_NODES, "1000000", true, "1000000"},
        {REQUEST_NTASKS, "+8", true, NULL},
        {REQUEST_NTASKS, "8 ", true, NULL},
        {REQUEST_MEM, "4000", true, "4000M"},
        {REQUEST_MEM, "4000", false, NULL},
        {REQUEST_MEM, "0", false, "0"},
        {REQUEST_MEM, "000", false, "0"},
        {REQUEST_MEM, "0G", false, NULL},
        {REQUEST_MEM, "4GB", false, "4G"},
        {REQUEST_MEM, "4GiB", false, NULL},
        {REQUEST_MEM, "1234567890123456", true, NULL},
        {REQUEST_MEM, "G", true, NULL},
        {REQUEST_GPUS_PER_NODE, "1", true, "1"},
        {REQUEST_GPUS_PER_NODE, "a:1,b:2", true, "a:1,b:2"},
        {REQUEST_GPUS_PER_NODE, ":1", true, NULL},
        {REQUEST_GPUS_PER_NODE, "a:1,", true, NULL},
        {REQUEST_GPUS_PER_NODE, "a:1x", true, NULL},
        {REQUEST_GPUS_PER_NODE, "a:12345678", true, NULL},
        {REQUEST_SIGNAL, "10", true, "10"},
        {REQUEST_SIGNAL, "0", true, NULL},
        {REQUEST_SIGNAL, "65", true, NULL},
        {REQUEST_SIGNAL, "usr2@0", true, "usr2@0"},
        {REQUEST_SIGNAL, "RB:TERM@65535", true, "RB:TERM@65535"},
        {REQUEST_SIGNAL, "TERM@65536", true, NULL},
        {REQUEST_SIGNAL, "TERM@", true, NULL},
        {REQUEST_SIGNAL, "X:TERM", true, NULL},
        {REQUEST_SIGNAL, ":TERM", true, NULL},
        {REQUEST_SIGNAL, "SIG", true, NULL},
        {REQUEST_EXPORT, "none", true, "none"},
        {REQUEST_EXPORT, "1A", true, NULL},
        {REQUEST_EXPORT, "A,,B", true, NULL},
        {REQUEST_EXPORT, "A-B=1", true, NULL},
        {REQUEST_EXPORT, "REDIS_PASSWORD=x", true, NULL},
        {REQUEST_EXPORT, "REDIS_PASSWORD", true, "REDIS_PASSWORD"},
        {REQUEST_EXPORT, "API_KEY=x", true, NULL},
        {REQUEST_EXPORT, "KEYBOARD=x", true, "KEYBOARD=x"},
        {REQUEST_EXPORT, "my_token=x", true, NULL},
        {REQUEST_MAIL_TYPE, "TIME_LIMIT_90", true, "TIME_LIMIT_90"},
        {REQUEST_MAIL_TYPE, "END,", true, NULL},
        {REQUEST_HELLO_TIMEOUT, "unlimited", true, "UNLIMITED"},
        {REQUEST_TIME, "INFINITE", true, "UNLIMITED"},
        {REQUEST_TIME, "3654-0", true, NULL},
        {REQUEST_JOB_NAME, " a", true, NULL},
        {REQUEST_EXTRA, "", true, ""},
        {REQUEST_SETUP, "", true, ""},
        {REQUEST_DIRECTIVES, "", true, NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource_request r = {0};
        pe_error e = {0};
        int got = request_set(&r, rows[i].word, rows[i].value, rows[i].bare,
                              "line", &e);
        if (rows[i].kept)
            UNIT_EQUAL(value_of(&r, rows[i].word), rows[i].kept);
        if (got != (rows[i].kept ? 0 : -1))
            printf("# %s '%s': %s\n", request_specs[rows[i].word].name,
                   rows[i].value, e.text);
        CU_ASSERT_EQUAL(got, rows[i].kept ? 0 : -1);
        request_free(&r);
    }
}

static void test_times(void)
{
    static const struct {
        const char *s;
        bool bare;
        int64_t seconds; /* -1: refused */
    } rows[] = {
        {"30", true, 1800},
        {"30", false, -1},
        {"30:00", false, 1800},
        {"0:30", false, 30},
        {"90:90", false, 5490},
        {"1:30:00", false, 5400},
        {"1-12", false, 129600},
        {"1-12:30", false, 131400},
        {"1-12:30:15", false, 131415},
        {"0-1", false, 3600},
        {"UNLIMITED", false, 0},
        {"unlimited", true, 0},
        {"infinite", true, 0},
        {"90s", false, 90},
        {"30m", false, 1800},
        {"2h", false, 7200},
        {"1d", false, 86400},
        {"1.5h", false, 5400},
        {"1.5s", false, -1},
        {"0", true, -1},
        {"0:00", true, -1},
        {"0s", true, -1},
        {"", true, -1},
        {":", true, -1},
        {"1:", true, -1},
        {":30", true, -1},
        {"1::2", true, -1},
        {"1:2:3:4", true, -1},
        {"-5", true, -1},
        {"1-", true, -1},
        {"1-2-3", true, -1},
        {"1-1:2:3:4", true, -1},
        {"abc", true, -1},
        {"30 m", true, -1},
        {" 30", true, -1},
        {"30x", true, -1},
        {"1234567890", true, -1},
        {"999999999", true, 59999999940},
        {"999999999-0", true, 86399999913600},
        {"1e3", true, -1},
        {"1000000000000000000d", true, -1},
    };
    int64_t seconds;

    for (size_t i = 0; i < COUNT(rows); i++) {
        seconds = 7;
        int r = request_time_parse(rows[i].s, rows[i].bare, &seconds);
        if (r < 0 ? rows[i].seconds >= 0 : seconds != rows[i].seconds)
            printf("# '%s': %d %ld\n", rows[i].s, r, (long)seconds);
        CU_ASSERT_EQUAL(r, rows[i].seconds < 0 ? -1 : 0);
        CU_ASSERT_EQUAL(seconds, rows[i].seconds < 0 ? 7 : rows[i].seconds);
    }
    CU_ASSERT_EQUAL(request_time_parse(NULL, true, &seconds), -1);
}

static void test_time_texts(void)
{
    static const struct {
        int64_t seconds;
        const char *out;
    } rows[] = {{0, "00:00:00"},
                {59, "00:00:59"},
                {3599, "00:59:59"},
                {86399, "23:59:59"},
                {86400, "1-00:00:00"},
                {131415, "1-12:30:15"},
                {86399999913600, "999999999-00:00:00"}};
    char out[32], small[6];
    int64_t back;

    for (size_t i = 0; i < COUNT(rows); i++) {
        request_time_format(rows[i].seconds, out, sizeof(out));
        UNIT_EQUAL(out, rows[i].out);
        if (rows[i].seconds > 0) {
            CU_ASSERT_EQUAL(request_time_parse(out, false, &back), 0);
            CU_ASSERT_EQUAL(back, rows[i].seconds);
        }
    }
    request_time_format(131415, small, sizeof(small));
    UNIT_EQUAL(small, "1-12:");
}

static void set(resource_request *r, enum request_word w, const char *value)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(request_set(r, w, value, true, "line", &e), 0);
    UNIT_EQUAL(e.text, "");
}

static void test_values(void)
{
    resource_request r = {0};

    CU_ASSERT_EQUAL(request_int(&r, REQUEST_NODES, 7), 7);
    CU_ASSERT_EQUAL(request_seconds(&r, REQUEST_TIME), 0);
    CU_ASSERT_FALSE(request_flag(&r, REQUEST_HOLD));
    set(&r, REQUEST_NODES, "3");
    set(&r, REQUEST_TIME, "1-0");
    set(&r, REQUEST_HOLD, "true");
    set(&r, REQUEST_EXCLUSIVE, "no");
    set(&r, REQUEST_LEAD, "2m");
    CU_ASSERT_EQUAL(request_int(&r, REQUEST_NODES, 7), 3);
    CU_ASSERT_EQUAL(request_seconds(&r, REQUEST_TIME), 86400);
    CU_ASSERT_EQUAL(request_seconds(&r, REQUEST_LEAD), 120);
    CU_ASSERT(request_flag(&r, REQUEST_HOLD));
    CU_ASSERT_FALSE(request_flag(&r, REQUEST_EXCLUSIVE));
    set(&r, REQUEST_TIME, "UNLIMITED");
    CU_ASSERT_EQUAL(request_seconds(&r, REQUEST_TIME), 0);
    request_free(&r);
    request_free(NULL);
}

static void test_merge(void)
{
    resource_request over = {0}, under = {0}, copy = {0};
    pe_error e = {0};

    set(&over, REQUEST_TIME, "10");
    set(&over, REQUEST_SETUP, "b");
    request_set(&under, REQUEST_TIME, "20m", false, "site", &e);
    request_set(&under, REQUEST_PARTITION, "long", false, "site", &e);
    request_set(&under, REQUEST_SETUP, "a", false, "site", &e);
    request_set(&under, REQUEST_DIRECTIVES, "-x", false, "site", &e);
    CU_ASSERT_EQUAL(request_merge(&over, &under, &e), 0);
    UNIT_EQUAL(over.word[REQUEST_TIME], "00:10:00");
    UNIT_EQUAL(over.from[REQUEST_TIME], "line");
    UNIT_EQUAL(over.word[REQUEST_PARTITION], "long");
    UNIT_EQUAL(over.from[REQUEST_PARTITION], "site");
    CU_ASSERT_EQUAL_FATAL(over.list[REQUEST_SETUP].n, 2);
    UNIT_EQUAL(over.list[REQUEST_SETUP].items[0], "a");
    UNIT_EQUAL(over.list[REQUEST_SETUP].items[1], "b");
    UNIT_EQUAL(over.from[REQUEST_SETUP], "line");
    UNIT_EQUAL(over.from[REQUEST_DIRECTIVES], "site");
    request_free(&under);
    CU_ASSERT_EQUAL(request_copy(&copy, &over, &e), 0);
    request_free(&over);
    UNIT_EQUAL(copy.word[REQUEST_PARTITION], "long");
    UNIT_EQUAL(copy.list[REQUEST_SETUP].items[1], "b");
    UNIT_EQUAL(copy.from[REQUEST_TIME], "line");
    request_free(&copy);
    UNIT_EQUAL(e.text, "");
}

static void test_shape(void)
{
    static const struct {
        const char *nodes, *ntasks, *per_node, *cpus;
        request_shape shape;
        const char *error;
    } rows[] = {
        {NULL, NULL, NULL, NULL, {0, 1, 0, 1}, NULL},
        {"3", NULL, NULL, NULL, {3, 3, 0, 1}, NULL},
        {NULL, "8", NULL, "2", {0, 8, 0, 2}, NULL},
        {"2", "8", NULL, NULL, {2, 8, 0, 1}, NULL},
        {"2", NULL, "4", NULL, {2, 8, 4, 1}, NULL},
        {NULL, NULL, "4", NULL, {1, 4, 4, 1}, NULL},
        {NULL, "9", "4", NULL, {3, 9, 4, 1}, NULL},
        {"2", "7", "4", NULL, {2, 7, 4, 1}, NULL},
        {"2",
         "9",
         "4",
         NULL,
         {0},
         "ntasks is 9, and nodes x ntasks-per-node "
         "gives room for 8: change one of them"},
        {"4",
         "2",
         NULL,
         NULL,
         {0},
         "ntasks is 2 and nodes is 4: some would "
         "have no rank; ask for fewer nodes"},
        {"1000000",
         NULL,
         "65536",
         NULL,
         {0},
         "nodes x ntasks-per-node are more ranks than can be counted"},
        {NULL,
         "16777216",
         NULL,
         "65536",
         {0},
         "ntasks x cpus-per-task are more cores than can be counted"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        resource_request r = {0};
        request_shape got = {-1, -1, -1, -1};
        pe_error e = {0};
        if (rows[i].nodes)
            set(&r, REQUEST_NODES, rows[i].nodes);
        if (rows[i].ntasks)
            set(&r, REQUEST_NTASKS, rows[i].ntasks);
        if (rows[i].per_node)
            set(&r, REQUEST_NTASKS_PER_NODE, rows[i].per_node);
        if (rows[i].cpus)
            set(&r, REQUEST_CPUS_PER_TASK, rows[i].cpus);
        CU_ASSERT_EQUAL(request_shape_of(&r, &got, &e), rows[i].error ? -1 : 0);
        UNIT_EQUAL(e.text, rows[i].error ? rows[i].error : "");
        if (rows[i].error) {
            CU_ASSERT_EQUAL(got.nodes, -1);
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
        } else {
            CU_ASSERT_EQUAL(memcmp(&got, &rows[i].shape, sizeof(got)), 0);
        }
        request_free(&r);
    }
}

static void test_places(void)
{
    static const struct {
        const char *url, *scheme; /* or what the error ends with */
        bool good, behind_ssh, same_host;
        const char *host;
        int port;
    } rows[] = {
        {"local://", "local", true, false, true, "", 0},
        {"batch://", "batch", true, false, true, "", 0},
        {"rehearsal:///a/b", "rehearsal", true, false, true, "", 0},
        {"exec:///a/b?c=d&e=f", "exec", true, false, false, "", 0},
        {"slurm://", "slurm", true, false, false, "", 0},
        {"ssh://me@h:22", "ssh", true, true, false, "h", 22},
        {"slurm+ssh://h", "slurm", true, true, false, "h", 0},
        {"pbs+ssh://[::1]:2222", "pbs", true, true, false, "::1", 2222},
        {"local+ssh://h", " is not one of: " PLACE_URLS, false, false, false,
         "", 0},
        {"slurm+ss://h", " is not one of: " PLACE_URLS, false, false, false, "",
         0},
        {"slur://", " is not one of: " PLACE_URLS, false, false, false, "", 0},
        {"slurm", " is not one of: " PLACE_URLS, false, false, false, "", 0},
        {"slurm+ssh://", " names no host: slurm+ssh://HOST", false, false,
         false, "", 0},
        {"slurm://h", ": slurm:// is of this host and takes none", false, false,
         false, "", 0},
        {"ssh://h/path", ": nothing may follow the host", false, false, false,
         "", 0},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        place_url p = {0};
        char want[300] = "";
        int rc = place_parse(rows[i].url, &p, &e);
        CU_ASSERT_EQUAL(rc, rows[i].good ? 0 : -1);
        CU_ASSERT_EQUAL(place_is_behind_ssh(rows[i].url), rows[i].behind_ssh);
        CU_ASSERT_EQUAL(place_is_same_host(rows[i].url), rows[i].same_host);
        CU_ASSERT_EQUAL(place_is_batch(rows[i].url), i == 1);
        if (!rows[i].good)
            snprintf(want, sizeof(want), "'%s'%s", rows[i].url, rows[i].scheme);
        UNIT_EQUAL(e.text, want);
        if (rc < 0)
            continue;
        UNIT_EQUAL(p.scheme, rows[i].scheme);
        UNIT_EQUAL(p.host, rows[i].host);
        CU_ASSERT_EQUAL(p.port, rows[i].port);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"URLs of places", test_places},
        {"the table of words is whole", test_table},
        {"every word takes and refuses", test_words},
        {"nothing but a value gets into a directive", test_injection},
        {"long values", test_long_values},
        {"grammar of values", test_grammar},
        {"times as sbatch reads them", test_times},
        {"times as they are written", test_time_texts},
        {"values", test_values},
        {"merge and copy", test_merge},
        {"what the numbers mean together", test_shape},
        {NULL, NULL},
    };

    return unit_main("request", tests);
}
