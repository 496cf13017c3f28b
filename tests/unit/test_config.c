/* test_config.c - trees out of YAML, overrides, sections read by tables. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/config/section.h"
#include "src/config/tree.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define FILE_NAME "t.yaml" /* in a folder of our own */

static tree *read_bytes(const char *yaml, size_t len, pe_error *errp)
{
    FILE *f = fopen(FILE_NAME, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(yaml, 1, len, f), len);
    fclose(f);
    return tree_read(FILE_NAME, errp);
}

static tree *read_text(const char *yaml, pe_error *errp)
{
    return read_bytes(yaml, strlen(yaml), errp);
}

/* The value at [path], or what stands there instead. */
static const char *value_at(const tree *root, const char *path)
{
    const tree *t = tree_at(root, path);

    if (!t)
        return "(none)";
    return t->kind == TREE_MAP    ? "(map)"
           : t->kind == TREE_LIST ? "(list)"
                                  : t->value;
}

static void test_places(void)
{
    static const struct {
        const char *path, *value, *where;
        int line;
    } rows[] = {
        {"a", "1", "t.yaml:2", 2},       {"b", "(map)", "t.yaml:3", 3},
        {"b.c", "(map)", "t.yaml:5", 5}, {"b.c.d", "x: y", "t.yaml:5", 5},
        {"b.e", "", "t.yaml:6", 6},      {"f", "(list)", "t.yaml:7", 7},
    };
    pe_error e = {0};
    tree *root = read_text("# words\n"
                           "a: 1\n"
                           "b:\n"
                           "\n"
                           "  c: {d: \"x: y\"}\n"
                           "  e:\n"
                           "f: [1, 2]\n",
                           &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const tree *t = tree_at(root, rows[i].path);
        CU_ASSERT_PTR_NOT_NULL_FATAL(t);
        UNIT_EQUAL(value_at(root, rows[i].path), rows[i].value);
        UNIT_EQUAL(t->where, rows[i].where);
        CU_ASSERT_EQUAL(t->line, rows[i].line);
    }
    UNIT_EQUAL(tree_at(root, "f")->child[1].value, "2");
    tree_destroy(root);
    tree_destroy(NULL);
}

static void test_get(void)
{
    tree *root = read_text("ab: {c: 1}\nl: [x]\n", NULL);

    CU_ASSERT_PTR_NULL(tree_get(NULL, "ab"));
    CU_ASSERT_PTR_NULL(tree_get(root, "a"));
    CU_ASSERT_PTR_NULL(tree_get(root, "abc"));
    CU_ASSERT_PTR_NULL(tree_get(tree_get(root, "l"), "x"));
    CU_ASSERT_PTR_NULL(tree_get(tree_at(root, "ab.c"), "d"));
    UNIT_EQUAL(tree_get(tree_get(root, "ab"), "c")->value, "1");
    UNIT_EQUAL(value_at(root, "ab.c.d"), "(none)");
    UNIT_EQUAL(value_at(root, "a.c"), "(none)");
    tree_destroy(root);
}

static void test_anchors(void)
{
    tree *root = read_text("a: &x {k: 1}\nb: *x\nc: [*x]\n", NULL);

    UNIT_EQUAL(value_at(root, "b.k"), "1");
    CU_ASSERT_EQUAL(tree_override(root, "b.k=2", NULL), 0);
    UNIT_EQUAL(value_at(root, "a.k"), "1");
    UNIT_EQUAL(value_at(root, "b.k"), "2");
    tree_destroy(root);
}

static void test_refused(void)
{
    static const struct {
        const char *yaml, *text;
    } rows[] = {
        {"", "t.yaml:1: a mapping of keys to values is expected; the file "
             "is empty"},
        {"# words only\n", "t.yaml:1: a mapping of keys to values is expected"},
        {"- a\n", "t.yaml:1: a mapping of keys to values is expected"},
        {"word\n", "t.yaml:1: a mapping of keys to values is expected"},
        {"a: 1\nb: 2\na: 3\n", "t.yaml:3: 'a' is there twice"},
        {"b:\n  {x: 1,\n   x: 2}\n", "t.yaml:3: 'x' is there twice"},
        {"a: 1\n[b]: 2\n", "t.yaml:2: a key must be a word"},
        {"a: 1\n\"\": 2\n", "t.yaml:2: a key must be a word"},
        {"a: \"x\\0y\"\n", "t.yaml:1: a value holds a NUL byte"},
        {"a: 1\n---\nb: 2\n", "t.yaml:3: a second document"},
        {"a: {b: 1\nc: 2\n", "t.yaml:2: did not find expected ',' or '}'"},
        {"a: *nothing\n", "t.yaml:1: found undefined alias"},
        {"a: &x [*x]\n", "t.yaml:1: too deeply nested"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        CU_ASSERT_PTR_NULL(read_text(rows[i].yaml, &e));
        UNIT_EQUAL(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    }
    CU_ASSERT_PTR_NULL(read_text("- a\n", NULL));
}

/* Nine aliases to nine aliases and so on: 9^7 values out of 200 bytes. */
static void test_many_aliases(void)
{
    char yaml[2048] = "a0: &a0 [x]\n";
    pe_error e = {0};

    for (int i = 1; i < 8; i++) {
        size_t len = strlen(yaml);
        len += (size_t)snprintf(yaml + len, sizeof(yaml) - len, "a%d: &a%d [",
                                i, i);
        for (int k = 0; k < 9; k++)
            len += (size_t)snprintf(yaml + len, sizeof(yaml) - len, "*a%d,",
                                    i - 1);
        snprintf(yaml + len, sizeof(yaml) - len, "]\n");
    }
    CU_ASSERT_PTR_NULL(read_text(yaml, &e));
    UNIT_CONTAINS(e.text, "too many values");
}

static void test_files(void)
{
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(tree_read("nowhere.yaml", &e));
    UNIT_EQUAL(e.text, "cannot open nowhere.yaml: No such file or directory");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    CU_ASSERT_PTR_NULL(tree_read(".", &e));
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    CU_ASSERT_PTR_NULL(read_bytes("a: \xff\n", 5, &e));
    UNIT_CONTAINS(e.text, "t.yaml:1: ");
}

/* --- overrides --- */

static void test_override(void)
{
    static const struct {
        const char *set, *path, *value;
    } rows[] = {
        {"a=2", "a", "2"},
        {"b.c=x", "b.c", "x"},
        {"new.deep.key=v", "new.deep.key", "v"},
        {"a.b=1", "a.b", "1"}, /* a scalar becomes a mapping */
        {"l.k=1", "l.k", "1"}, /* and a list, too */
        {"b=1", "b", "1"},
        {"eq=a=b", "eq", "a=b"},
        {"plain=a: b # c", "plain", "a: b # c"},
        {"q=\"a\\tb\"", "q", "a\tb"},
        {"q='off'", "q", "off"},
        {"m={x: {y: 1}}", "m.x.y", "1"},
        {"m=[1, 2]", "m", "(list)"},
        {"m=", "m", "(none)"},
        {"not.there=", "not.there", "(none)"},
    };
    tree *root = read_text("a: 1\nb: {c: 1, d: 2}\nl: [{x: 1}]\n", NULL);

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        CU_ASSERT_EQUAL(tree_override(root, rows[i].set, &e), 0);
        UNIT_EQUAL(e.text, "");
        UNIT_EQUAL(value_at(root, rows[i].path), rows[i].value);
    }
    UNIT_EQUAL(tree_at(root, "b")->where, "--set b=1");
    CU_ASSERT_EQUAL(tree_at(root, "b")->line, 0);
    UNIT_EQUAL(tree_at(root, "new")->where, "--set new.deep.key=v");
    tree_destroy(root);
}

/* What stands below an override in YAML says where it came from, too. */
static void test_override_origin(void)
{
    tree *root = read_text("a: {b: 1}\n", NULL);

    CU_ASSERT_EQUAL(tree_override(root, "a={b: {c: 1}}", NULL), 0);
    UNIT_EQUAL(tree_at(root, "a.b.c")->where, "--set a={b: {c: 1}}");
    CU_ASSERT_EQUAL(tree_at(root, "a.b.c")->line, 0);
    CU_ASSERT_EQUAL(tree_override(root, "a.d=2", NULL), 0);
    UNIT_EQUAL(tree_at(root, "a.b")->where, "--set a={b: {c: 1}}");
    UNIT_EQUAL(tree_at(root, "a.d")->where, "--set a.d=2");
    tree_destroy(root);
}

static void test_override_refused(void)
{
    static const char usage[] = ": write PATH=VALUE, as in epoch.interval=1s";
    static const struct {
        const char *set, *text;
        enum pe_exit exit_code;
    } rows[] = {
        {"", usage, PE_EXIT_USAGE},
        {"word", usage, PE_EXIT_USAGE},
        {"=1", usage, PE_EXIT_USAGE},
        {".a=1", usage, PE_EXIT_USAGE},
        {"a.=1", usage, PE_EXIT_USAGE},
        {"a..b=1", usage, PE_EXIT_USAGE},
        {"a..b=", usage, PE_EXIT_USAGE},
        {"m={x: 1, x: 2}", ": 'x' is there twice", PE_EXIT_CONFIG},
        {"m={x", ": did not find expected ',' or '}'", PE_EXIT_CONFIG},
    };
    tree *root = read_text("a: 1\n", NULL);

    for (size_t i = 0; i < COUNT(rows); i++) {
        char want[256];
        pe_error e = {0};
        CU_ASSERT_EQUAL(tree_override(root, rows[i].set, &e), -1);
        snprintf(want, sizeof(want), "--set %s%s", rows[i].set, rows[i].text);
        UNIT_EQUAL(e.text, want);
        CU_ASSERT_EQUAL(e.exit_code, rows[i].exit_code);
    }
    tree_destroy(root);
}

static void test_set(void)
{
    tree *root = read_text("a: {b: 1, c: 2, d: 3}\n", NULL);

    CU_ASSERT_EQUAL(tree_set(root, "a.b", "{x}", "HERE", NULL), 0);
    UNIT_EQUAL(value_at(root, "a.b"), "{x}");
    UNIT_EQUAL(tree_at(root, "a.b")->where, "HERE");
    CU_ASSERT_EQUAL(tree_set(root, "a.c", NULL, "HERE", NULL), 0);
    UNIT_EQUAL(value_at(root, "a.c"), "(none)");
    UNIT_EQUAL(value_at(root, "a.d"), "3");
    CU_ASSERT_EQUAL(tree_set(root, "", "1", "HERE", NULL), -1);
    tree_destroy(root);
}

/* --- sections --- */

static const pe_option_spec specs[] = {
    {"points", PE_OPTION_INT, 1, 100, "10", NULL, ""},
    {"within", PE_OPTION_TIME, 0, 60, NULL, NULL, ""},
    {"name", PE_OPTION_STRING, 0, 0, NULL, NULL, ""},
    {0},
};

static void test_section(void)
{
    tree *root = read_text("s: {points: 20, more: {x: 1}}\nempty:\n", NULL);
    pe_error e = {0};
    pe_options *o = section_read(tree_get(root, "s"), specs, "more", &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL(pe_options_int(o, "points"), 20);
    CU_ASSERT_FALSE(pe_options_has(o, "within"));
    pe_options_destroy(o);
    o = section_read(NULL, specs, NULL, &e);
    CU_ASSERT_EQUAL(pe_options_int(o, "points"), 10);
    pe_options_destroy(o);
    o = section_read(tree_get(root, "empty"), specs, NULL, &e);
    CU_ASSERT_EQUAL(pe_options_int(o, "points"), 10);
    pe_options_destroy(o);
    tree_destroy(root);
}

static void test_section_refused(void)
{
    static const struct {
        const char *yaml, *text;
    } rows[] = {
        {"s: 5\n", "t.yaml:1: s: a mapping is expected here"},
        {"s: [1]\n", "t.yaml:1: s: a mapping is expected here"},
        {"s:\n  point: 5\n",
         "t.yaml:2: unknown key 'point'; did you mean 'points'?"},
        {"s:\n  mor: 5\n", "t.yaml:2: unknown key 'mor'; did you mean 'more'?"},
        {"s:\n  zzzzz: 5\n",
         "t.yaml:2: unknown key 'zzzzz'; known are: points within name more"},
        {"s:\n  points: x\n", "t.yaml:2: points: 'x' is not an integer"},
        {"s:\n  within: 5\n", "t.yaml:2: within: '5' needs a unit: 5ms, 5s"},
        {"s:\n  points: [1]\n", "t.yaml:2: points: one value is expected here"},
        {"s:\n  points:\n    x: 1\n",
         "t.yaml:2: points: one value is expected here"},
        {"s:\n  name:\n", "t.yaml:2: name: the value is missing"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        tree *root = read_text(rows[i].yaml, NULL);
        CU_ASSERT_PTR_NULL(
            section_read(tree_get(root, "s"), specs, "more", &e));
        UNIT_EQUAL(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        tree_destroy(root);
    }
}

static void test_section_fill(void)
{
    tree *root = read_text("s: {points: 20, name: \"\"}\n"
                           "bad:\n"
                           "  pointz: 1\n"
                           "scalar: 1\n",
                           NULL);
    pe_options *o = pe_options_create(specs, NULL);
    pe_error e = {0};

    CU_ASSERT_EQUAL(section_fill(o, NULL, &e), 0);
    CU_ASSERT_EQUAL(section_fill(o, tree_get(root, "s"), &e), 0);
    CU_ASSERT_EQUAL(pe_options_int(o, "points"), 20);
    UNIT_EQUAL(pe_options_string(o, "name"), "");
    CU_ASSERT_EQUAL(section_fill(o, tree_get(root, "bad"), &e), -1);
    UNIT_EQUAL(e.text,
               "t.yaml:3: unknown option 'pointz'; did you mean 'points'?");
    CU_ASSERT_EQUAL(section_fill(o, tree_get(root, "scalar"), &e), -1);
    UNIT_EQUAL(e.text, "t.yaml:4: scalar: a mapping is expected here");
    pe_options_destroy(o);
    tree_destroy(root);
}

int main(void)
{
    static const unit_test tests[] = {
        {"tree: values and their lines", test_places},
        {"tree: look-ups", test_get},
        {"tree: anchors", test_anchors},
        {"tree: files that are refused", test_refused},
        {"tree: aliases that multiply", test_many_aliases},
        {"tree: files that cannot be read", test_files},
        {"override: values", test_override},
        {"override: origin", test_override_origin},
        {"override: refused", test_override_refused},
        {"set", test_set},
        {"section: values and defaults", test_section},
        {"section: refused", test_section_refused},
        {"section: fill", test_section_fill},
        {0},
    };
    char folder[] = "/tmp/pilot-test-XXXXXX";

    if (!mkdtemp(folder) || chdir(folder) < 0)
        return 1;
    int status = unit_main("config", tests);
    unlink(FILE_NAME);
    return rmdir(folder) < 0 ? 1 : status;
}
