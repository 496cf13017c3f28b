/* test_function.c - loading functions, their context, score. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/sign.h"
#include "src/function/host.h"

/* --- a model in place of the real ones --- */

static double threshold_given = 2.5;

int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp)
{
    if (b->features != m->features)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "features changed from %u to %u", m->features,
                            b->features);
    for (uint32_t i = 0; i < b->points; i++)
        scores[i] = (float)pe_block_at(b, i, 0);
    return 0;
}

static pe_model model;
static bool have_model;
static int held;

static const pe_model *host_model(void *arg)
{
    (void)arg;
    held += have_model;
    return have_model ? &model : NULL;
}

static void host_release(void *arg, const pe_model *m)
{
    (void)arg;
    held -= m == &model;
}

static char stored[64];

static int host_put(void *arg, const char *key, const void *value, uint32_t len,
                    pe_error *errp)
{
    (void)arg;
    if (!strcmp(key, "refused"))
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "away");
    memcpy(stored, value, len);
    stored[len] = '\0';
    return 0;
}

static int host_get(void *arg, const char *key, void *value, uint32_t cap,
                    pe_error *errp)
{
    uint32_t n = (uint32_t)strlen(stored);

    (void)arg;
    if (!strcmp(key, "refused"))
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "away");
    if (n > cap)
        n = cap;
    memcpy(value, stored, n);
    return (int)n;
}

static const context_host host = {.put = host_put,
                                  .get = host_get,
                                  .model = host_model,
                                  .release = host_release};

/* --- shared objects built here --- */

/* Run a program; its exit status. */
static int run(const char *const *argv)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int build(const char *source, const char *object)
{
    const char *top = getenv("srcdir") ? getenv("srcdir") : ".";
    char include[512];

    snprintf(include, sizeof(include), "-I%s/include", top);
    return run((const char *const[]){"cc", "-shared", "-fPIC", include, "-o",
                                     object, source, "-lm", NULL});
}

static int build_text(const char *name, const char *text)
{
    char source[256], object[256];

    snprintf(source, sizeof(source), "%s.c", name);
    scratch_write(source, text);
    snprintf(object, sizeof(object), "%s/%s.so", scratch_folder, name);
    return build(scratch_path, object);
}

static void test_bad_specs(void)
{
    static const struct {
        const char *spec, *text;
    } rows[] = {
        {"",
         "there is no function ''; it is one of generator file proc "
         "score standardise select aggregate filter drift write exec call, or "
         "PATH.so:SYMBOL"},
        {"generatr", "there is no function 'generatr'; did you mean "
                     "'generator'?"},
        {"x/y.so", "function 'x/y.so' lacks its symbol; write x/y.so:SYMBOL"},
        {":f", "function ':f' is not PATH.so:SYMBOL"},
        {"a.so:", "function 'a.so:' is not PATH.so:SYMBOL"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_error e = {0};
        CU_ASSERT_PTR_NULL(function_load(rows[i].spec, NULL, &e));
        UNIT_EQUAL(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    }
    function_unload(NULL);
}

static void test_builtins(void)
{
    const char *const *names = function_names();
    const char *const want[] = {"generator",   "file",   "proc",      "score",
                                "standardise", "select", "aggregate", "filter",
                                "drift",       "write",  "exec",      "call"};

    for (int i = 0; i < 12; i++) {
        pe_error e = {0};
        UNIT_EQUAL(names[i], want[i]);
        function *f = function_load(want[i], NULL, &e);
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        CU_ASSERT_PTR_EQUAL(function_ops(f), function_find(want[i]));
        UNIT_EQUAL(function_ops(f)->name, want[i]);
        pe_options *o = function_options(f, NULL, &e);
        CU_ASSERT_EQUAL(function_rereadable(f, o), i < 2);
        CU_ASSERT_FALSE(function_framed(f, o));
        pe_options_destroy(o);
        function_unload(f);
    }
    CU_ASSERT_PTR_NULL(names[12]);
    CU_ASSERT_PTR_NULL(function_find("kmeans"));
}

static void test_framed(void)
{
    function *f = function_load("generator", NULL, NULL);
    pe_options *o = function_options(f, NULL, NULL);

    CU_ASSERT_FALSE(function_framed(f, o));
    CU_ASSERT_EQUAL(pe_options_set(o, "distinct", "3", NULL), 0);
    CU_ASSERT_TRUE(function_framed(f, o));
    pe_options_destroy(o);
    function_unload(f);
}

static const char fixture[] =
    "#include <pilot/function.h>\n"
    "static int go(pe_context *c, pe_block *o)\n"
    "{ (void)c; (void)o; return PE_NOTHING; }\n"
    "static const pe_option_spec table[] = {\n"
    "  {\"limit\", PE_OPTION_FLOAT, 0, 9, \"1.5\", 0, \"a limit\"}, {0}};\n"
    "const pe_function good = {.abi = PE_FUNCTION_ABI, .name = \"good\",\n"
    "  .options = table, .produce_edge = go};\n"
    "const pe_function any = {.abi = PE_FUNCTION_ABI, .name = \"any\",\n"
    "  .produce_edge = go};\n"
    "const pe_function newer = {.abi = PE_FUNCTION_ABI + 1,\n"
    "  .produce_edge = go};\n"
    "const pe_function hollow = {.abi = PE_FUNCTION_ABI};\n";

static void test_objects(void)
{
    static const struct {
        const char *symbol, *text; /* NULL: it loads */
    } rows[] = {
        {"good", NULL},
        {"any", NULL},
        {"newer", "was built for ABI 2 and this program has ABI 1; build it "
                  "again"},
        {"hollow", "has no entry point; set produce_edge"},
        {"absent", "has no symbol 'absent'; it must define `const pe_function "
                   "absent`"},
    };

    CU_ASSERT_EQUAL_FATAL(build_text("fixture", fixture), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char spec[256];
        pe_error e = {0};
        snprintf(spec, sizeof(spec), "fixture.so:%s", rows[i].symbol);
        function *f = function_load(spec, scratch_folder, &e);
        CU_ASSERT_EQUAL(!f, rows[i].text != NULL);
        if (rows[i].text) {
            UNIT_CONTAINS(e.text, rows[i].text);
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        } else {
            UNIT_EQUAL(function_ops(f)->name, rows[i].symbol);
            CU_ASSERT_FALSE(function_rereadable(f, NULL));
        }
        function_unload(f);
    }
}

static void test_object_paths(void)
{
    char spec[256];
    pe_error e = {0};
    function *f;

    snprintf(spec, sizeof(spec), "%s/fixture.so:good", scratch_folder);
    f = function_load(spec, "/nowhere", &e); /* absolute: no scratch_folder */
    CU_ASSERT_PTR_NOT_NULL(f);
    function_unload(f);
    /* No search of the loader's own: the working directory is meant. */
    CU_ASSERT_PTR_NULL(function_load("fixture.so:good", NULL, &e));
    UNIT_CONTAINS(e.text, "function 'fixture.so:good' cannot be opened: ");
    UNIT_CONTAINS(e.text, "./fixture.so");
    CU_ASSERT_EQUAL(chdir(scratch_folder), 0);
    f = function_load("fixture.so:good", NULL, &e);
    CU_ASSERT_PTR_NOT_NULL(f);
    function_unload(f);
}

/* Where a host says whose functions it takes: signed ones, of what was looked
 * at, and twice the same is the same object.
 */
static void test_object_signed(void)
{
    char path[300], key[300], trust[300], pub[310];
    pe_error e = {0};
    function *f, *g;

    snprintf(path, sizeof(path), "%s/fixture.so", scratch_folder);
    snprintf(key, sizeof(key), "%s/key", scratch_folder);
    snprintf(pub, sizeof(pub), "%s.pub", key);
    snprintf(trust, sizeof(trust), "%s/trust", scratch_folder);
    CU_ASSERT_EQUAL_FATAL(sign_key_make(key, "me", &e), 0);
    CU_ASSERT_EQUAL(rename(pub, trust), 0);
    setenv("PILOT_TRUST", trust, 1);
    CU_ASSERT_PTR_NULL(function_load("fixture.so:good", scratch_folder, &e));
    UNIT_CONTAINS(e.text, "function 'fixture.so:good': ");
    UNIT_CONTAINS(e.text, "fixture.so is not signed");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
    CU_ASSERT_EQUAL(sign_file(key, path, &e), 0);
    f = function_load("fixture.so:good", scratch_folder, &e);
    g = function_load("fixture.so:good", scratch_folder, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    CU_ASSERT_PTR_EQUAL(function_ops(f), function_ops(g));
    function_unload(g);
    /* Built again and signed: another one, in the same process. */
    CU_ASSERT_EQUAL(build_text("fixture", fixture), 0);
    CU_ASSERT_EQUAL(sign_file(key, path, &e), 0);
    g = function_load("fixture.so:good", scratch_folder, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    CU_ASSERT_PTR_NOT_EQUAL(function_ops(f), function_ops(g));
    function_unload(f);
    function_unload(g);
    CU_ASSERT_PTR_NULL(function_load("fixture.so:gone", scratch_folder, &e));
    UNIT_CONTAINS(e.text, "has no symbol 'gone'");
    f = function_load("generator", NULL, &e); /* built in: ours */
    CU_ASSERT_PTR_NOT_NULL(f);
    function_unload(f);
    unsetenv("PILOT_TRUST");
}

/* Options as text, as they come from a file that could not see the table. */
static pe_options *given(const char *name, const char *value)
{
    pe_options *o = pe_options_create(NULL, NULL);

    pe_options_allow_any(o);
    CU_ASSERT_EQUAL(pe_options_set(o, name, value, NULL), 0);
    return o;
}

static void test_options(void)
{
    function *f = function_load("fixture.so:good", scratch_folder, NULL);
    function *any = function_load("fixture.so:any", scratch_folder, NULL);
    pe_options *from = given("limit", "2.5"), *to;
    pe_error e = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    to = function_options(f, from, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    CU_ASSERT_EQUAL(pe_options_float(to, "limit"), 2.5);
    pe_options_destroy(to);
    to = function_options(f, NULL, &e); /* the default */
    CU_ASSERT_EQUAL(pe_options_float(to, "limit"), 1.5);
    pe_options_destroy(to);
    to = function_options(any, from, &e); /* no table: any, as text */
    UNIT_EQUAL(pe_options_text(to, "limit"), "2.5");
    pe_options_destroy(to);
    pe_options_destroy(from);

    from = given("limit", "10");
    CU_ASSERT_PTR_NULL(function_options(f, from, &e));
    UNIT_CONTAINS(e.text, "limit");
    pe_options_destroy(from);
    from = given("limt", "1");
    CU_ASSERT_PTR_NULL(function_options(f, from, &e));
    UNIT_CONTAINS(e.text, "limit");
    pe_options_destroy(from);
    function_unload(any);
    function_unload(f);
}

/* --- context --- */

static const char *const keys[] = {"site", "line"};
static const char *const values[] = {"beamline-7", "b"};

static context_setup setup_of(void)
{
    return (context_setup){.run = "r1",
                           .stage = "infer",
                           .device = "devices-2",
                           .index = 2,
                           .size = 4,
                           .context_keys = keys,
                           .context_values = values,
                           .n_context = 2,
                           .within_s = 0.5,
                           .points = 10,
                           .dtype = PE_F4,
                           .position = 7,
                           .host = &host};
}

static void test_context(void)
{
    context_setup s = setup_of();
    atomic_int cancelled = 0;
    char run[] = "r1";
    pe_context *ctx;

    s.cancelled = &cancelled;
    s.run = run;
    ctx = context_create(&s, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
    run[0] = 'X'; /* strings are copied */
    UNIT_EQUAL(pe_context_run(ctx), "r1");
    UNIT_EQUAL(pe_context_stage(ctx), "infer");
    UNIT_EQUAL(pe_context_device(ctx), "devices-2");
    CU_ASSERT_EQUAL(pe_context_index(ctx), 2);
    CU_ASSERT_EQUAL(pe_context_size(ctx), 4);
    CU_ASSERT_EQUAL(pe_context_within(ctx), 0.5);
    CU_ASSERT_EQUAL(pe_context_points(ctx), 10);
    CU_ASSERT_EQUAL(pe_context_dtype(ctx), PE_F4);
    CU_ASSERT_EQUAL(pe_context_position(ctx), 7);
    CU_ASSERT_PTR_NULL(pe_context_options(ctx));
    UNIT_EQUAL(pe_context_value(ctx, "line"), "b");
    CU_ASSERT_PTR_NULL(pe_context_value(ctx, "none"));
    CU_ASSERT_EQUAL(pe_context_cancelled(ctx), 0);
    atomic_store(&cancelled, 1);
    CU_ASSERT_EQUAL(pe_context_cancelled(ctx), 1);
    CU_ASSERT_PTR_NULL(pe_context_state(ctx));
    pe_context_set_state(ctx, &s);
    CU_ASSERT_PTR_EQUAL(pe_context_state(ctx), &s);
    context_destroy(ctx);
    context_destroy(NULL);
}

static void test_context_empty(void)
{
    context_setup s = {0};
    pe_context *ctx = context_create(&s, NULL);
    pe_block block = {0};
    float score;

    CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
    UNIT_EQUAL(pe_context_device(ctx), "");
    CU_ASSERT_EQUAL(pe_context_cancelled(ctx), 0);
    UNIT_EQUAL(context_error(ctx), "");
    CU_ASSERT_EQUAL(pe_context_put(ctx, "k", "v", 1), -1);
    UNIT_CONTAINS(context_error(ctx), "'k' cannot be put");
    CU_ASSERT_EQUAL(pe_context_get(ctx, "k", &score, 1), -1);
    UNIT_CONTAINS(context_error(ctx), "'k' cannot be got");
    CU_ASSERT_EQUAL(pe_context_score(ctx, &block, &score, NULL, NULL), 0);
    context_destroy(ctx);
}

static void test_context_words(void)
{
    context_setup s = setup_of();
    pe_context *ctx = context_create(&s, NULL);
    char long_text[3000];

    CU_ASSERT_EQUAL(pe_context_fail(ctx, "sensor %d is gone", 3), -1);
    UNIT_EQUAL(context_error(ctx), "sensor 3 is gone");
    /* The text before may be part of the text that follows it. */
    CU_ASSERT_EQUAL(pe_context_fail(ctx, "again: %s", context_error(ctx)), -1);
    UNIT_EQUAL(context_error(ctx), "again: sensor 3 is gone");
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    pe_context_fail(ctx, "%s", long_text);
    CU_ASSERT(strlen(context_error(ctx)) > 1000);
    pe_context_log(ctx, "%s", long_text);
    pe_context_count_outliers(ctx, 3);
    pe_context_count_outliers(ctx, 4);
    CU_ASSERT_EQUAL(context_take_outliers(ctx), 7);
    CU_ASSERT_EQUAL(context_take_outliers(ctx), 0);
    context_destroy(ctx);
}

static void test_context_shared(void)
{
    context_setup s = setup_of();
    pe_context *ctx = context_create(&s, NULL);
    char value[4];

    CU_ASSERT_EQUAL(pe_context_get(ctx, "k", value, 4), 0);
    CU_ASSERT_EQUAL(pe_context_put(ctx, "k", "abcdef", 6), 0);
    CU_ASSERT_EQUAL(pe_context_get(ctx, "k", value, 4), 4);
    CU_ASSERT_EQUAL(memcmp(value, "abcd", 4), 0);
    CU_ASSERT_EQUAL(pe_context_put(ctx, "refused", "a", 1), -1);
    UNIT_EQUAL(context_error(ctx), "away");
    CU_ASSERT_EQUAL(pe_context_get(ctx, "refused", value, 4), -1);
    context_destroy(ctx);
}

/* 4 points of one feature: 1, 2, NaN, 4. */
static pe_block four_points(void)
{
    pe_block b = {0};

    CU_ASSERT_EQUAL(pe_block_reserve(&b, 4, 1, PE_F8, NULL), 0);
    memcpy(b.data, (const double[]){1, 2, NAN, 4}, 4 * sizeof(double));
    b.seq = 9;
    b.device = "devices-2";
    return b;
}

static void test_pass(void)
{
    context_setup s = setup_of();
    pe_context *ctx = context_create(&s, NULL);
    pe_block in = four_points(), out = {0};

    CU_ASSERT_EQUAL(pe_block_reserve(&out, 1, 1, PE_F4, NULL), 0);
    void *storage = out.storage;
    size_t capacity = out.capacity;
    CU_ASSERT_EQUAL(pe_context_pass(ctx, &in, &out), PE_FORWARD);
    CU_ASSERT_PTR_EQUAL(out.data, in.data);
    CU_ASSERT_EQUAL(out.points, 4);
    CU_ASSERT_EQUAL(out.seq, 9);
    CU_ASSERT_PTR_EQUAL(out.storage, storage);
    CU_ASSERT_EQUAL(out.capacity, capacity);
    pe_block_release(&out);
    pe_block_release(&in);
    context_destroy(ctx);
}

static void set_model(bool there, bool warming, uint32_t features)
{
    have_model = there;
    model.warming = warming;
    model.features = features;
    model.threshold = threshold_given;
    model.version = 12;
}

static void test_context_score(void)
{
    static const struct {
        bool there, warming;
        uint32_t features;
        int want;
    } rows[] = {{false, false, 1, 0},
                {true, true, 1, 0},
                {true, false, 1, 1},
                {true, false, 2, -1}};
    context_setup s = setup_of();
    pe_context *ctx = context_create(&s, NULL);
    pe_block in = four_points();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        float scores[4] = {0};
        double threshold = 0;
        uint64_t version = 0;
        set_model(rows[i].there, rows[i].warming, rows[i].features);
        CU_ASSERT_EQUAL(
            pe_context_score(ctx, &in, scores, &threshold, &version),
            rows[i].want);
        CU_ASSERT_EQUAL(threshold, rows[i].want > 0 ? 2.5 : 0);
        CU_ASSERT_EQUAL(version, rows[i].want > 0 ? 12 : 0);
        CU_ASSERT_EQUAL(scores[3], rows[i].want > 0 ? 4 : 0);
        CU_ASSERT_EQUAL(held, 0); /* released, always */
    }
    UNIT_EQUAL(context_error(ctx), "features changed from 2 to 1");
    set_model(true, false, 1);
    float scores[4];
    CU_ASSERT_EQUAL(pe_context_score(ctx, &in, scores, NULL, NULL), 1);
    pe_block_release(&in);
    context_destroy(ctx);
}

static void test_score(void)
{
    const pe_function *f = function_find("score");
    context_setup s = setup_of();
    pe_context *ctx = context_create(&s, NULL);
    pe_block in = four_points(), out = {0};

    CU_ASSERT_EQUAL_FATAL(f->open(ctx), 0);
    set_model(false, false, 1);
    CU_ASSERT_EQUAL(f->process_edge(ctx, &in, &out), PE_FORWARD);
    CU_ASSERT_EQUAL(out.version, 0); /* scored by nothing */
    CU_ASSERT_EQUAL(context_take_outliers(ctx), 0);
    set_model(true, false, 1);
    CU_ASSERT_EQUAL(f->process_edge(ctx, &in, &out), PE_FORWARD);
    CU_ASSERT_EQUAL(out.version, 12);
    CU_ASSERT_PTR_EQUAL(out.data, in.data);
    CU_ASSERT_EQUAL(context_take_outliers(ctx), 1); /* 4; a NaN is none */
    set_model(true, false, 3);
    CU_ASSERT_EQUAL(f->process_edge(ctx, &in, &out), -1);
    f->close(ctx);
    f->close(ctx); /* twice does no harm */
    pe_block_release(&in);
    context_destroy(ctx);
}

/* --- the worked example, built as its README says --- */

/* Sense one block with tone and filter it; rows that are left. */
static uint32_t filter_once(const pe_function *tone, const pe_function *rms,
                            pe_context *from, pe_context *through)
{
    pe_block in = {0}, out = {0};
    uint32_t left = 0;

    CU_ASSERT_EQUAL(tone->produce_edge(from, &in), PE_FORWARD);
    CU_ASSERT_EQUAL(in.features, 16);
    if (rms->process_edge(through, &in, &out) == PE_FORWARD)
        left = out.points;
    for (uint32_t i = 0; i < left; i++) /* amplitude 5 at a quarter turn */
        CU_ASSERT_DOUBLE_EQUAL(pe_block_at(&out, i, 2), 5.0, 1e-12);
    CU_ASSERT_EQUAL(tone->produce_edge(from, &in), PE_NOTHING);
    pe_block_release(&in);
    pe_block_release(&out);
    return left;
}

static void test_example(void)
{
    const char *top = getenv("srcdir") ? getenv("srcdir") : ".";
    char source[512], object[256];
    pe_error e = {0};

    snprintf(source, sizeof(source), "%s/doc/examples/rms/rms.c", top);
    snprintf(object, sizeof(object), "%s/rms.so", scratch_folder);
    CU_ASSERT_EQUAL_FATAL(build(source, object), 0);
    function *tone = function_load("rms.so:tone_function", scratch_folder, &e);
    function *rms = function_load("rms.so:rms_function", scratch_folder, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tone);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rms);
    pe_options *o = function_options(tone, NULL, &e);
    pe_options *p = function_options(rms, NULL, &e);
    pe_options_set(o, "blocks", "1", NULL);
    pe_options_set(o, "samples", "16", NULL);
    pe_options_set(o, "loud-every", "4", NULL);
    context_setup s = setup_of();
    s.options = o;
    pe_context *from = context_create(&s, NULL);
    s.options = p;
    pe_context *through = context_create(&s, NULL);
    CU_ASSERT_EQUAL(function_ops(tone)->open(from), 0);
    CU_ASSERT_EQUAL(
        filter_once(function_ops(tone), function_ops(rms), from, through),
        2); /* the 4th and the 8th of 10 */
    function_ops(tone)->close(from);
    context_destroy(from);
    context_destroy(through);
    pe_options_destroy(o);
    pe_options_destroy(p);
    function_unload(tone);
    function_unload(rms);
}

/* The working directory changes below, and $srcdir is relative to the first. */
static void fix_srcdir(void)
{
    const char *top = getenv("srcdir");
    char *path = realpath(top ? top : ".", NULL);

    if (path)
        setenv("srcdir", path, 1);
    free(path);
}

int main(void)
{
    static const unit_test tests[] = {
        {"specs that are none", test_bad_specs},
        {"built-in functions", test_builtins},
        {"framed sources", test_framed},
        {"shared objects: ABI, entry points, symbols", test_objects},
        {"shared objects: paths", test_object_paths},
        {"signed objects", test_object_signed},
        {"options against the table of a function", test_options},
        {"context", test_context},
        {"context without anything", test_context_empty},
        {"context: errors, log, outliers", test_context_words},
        {"context: shared state", test_context_shared},
        {"pass without a copy", test_pass},
        {"context: score", test_context_score},
        {"score", test_score},
        {"the worked example", test_example},
        {NULL, NULL},
    };
    int rc;

    fix_srcdir();
    scratch_make();
    rc = unit_main("function", tests);
    scratch_remove();
    return rc;
}
