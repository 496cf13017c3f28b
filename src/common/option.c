/* option.c - one row an option: parsing, --help and errors come from it. */
#include "option.h"

#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

static int usage_error(const option_usage *u, pe_error *errp, const char *what)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "%s; see '%s --help'", what, u->command);
}

/* The row of long option [name] of [len] bytes, or NULL. */
static const option_spec *row_find(const option_usage *u, const char *name,
                                   size_t len)
{
    for (const option_spec *s = u->options; s->name; s++)
        if (strlen(s->name) == len && !strncmp(s->name, name, len))
            return s;
    return NULL;
}

static const option_spec *row_of_letter(const option_usage *u, int letter)
{
    for (const option_spec *s = u->options; s->name; s++)
        if (s->letter && s->letter == letter)
            return s;
    return NULL;
}

static int unknown_error(const option_usage *u, const char *name, int len,
                         pe_error *errp)
{
    char nearest[64] = "";
    text words = {0};

    for (const option_spec *s = u->options; s->name; s++)
        text_add(&words, "%s ", s->name);
    char *word = text_format("%.*s", len, name);
    if (word && words.data && !words.failed)
        text_nearest(word, words.data, nearest, sizeof(nearest));
    free(word);
    text_free(&words);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "unknown option --%.*s%s%s%s; see '%s --help'", len,
                        name, *nearest ? "; did you mean --" : "", nearest,
                        *nearest ? "?" : "", u->command);
}

/* getopt_long takes a prefix for the whole, so that a script breaks the day
 * a second option begins like it: names are looked at before it sees them.
 */
static int names_check(const option_usage *u, int argc, char **argv,
                       pe_error *errp)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        if (strncmp(argv[i], "--", 2))
            continue;
        const char *name = argv[i] + 2;
        size_t len = strcspn(name, "=");
        const option_spec *s = row_find(u, name, len);
        if (!s)
            return unknown_error(u, name, (int)len, errp);
        if (s->value && name[len] != '=')
            i++; /* the next one is its value */
        if (!s->value && name[len] == '=')
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                                "option --%s takes no value; see '%s --help'",
                                s->name, u->command);
    }
    return 0;
}

int option_list_add(option_list *l, const char *item, pe_error *errp)
{
    const char **items = realloc(l->items, (l->n + 1) * sizeof(*items));

    if (!items)
        return pe_error_nomem(errp);
    l->items = items;
    l->items[l->n++] = item;
    return 0;
}

void option_list_free(option_list *l)
{
    free(l->items);
    memset(l, 0, sizeof(*l));
}

static bool is_choice(const char *choices, const char *word)
{
    size_t len = strlen(word);

    for (const char *c = choices; *c; c += strspn(c, " ")) {
        size_t n = strcspn(c, " ");
        if (n == len && !strncmp(c, word, n))
            return true;
        c += n;
    }
    return false;
}

static int value_store(const option_usage *u, const option_spec *s,
                       const char *value, void *values, pe_error *errp)
{
    void *at = (char *)values + s->offset;

    if (s->kind == OPTION_FLAG) {
        *(bool *)at = true;
        return 0;
    }
    if (!*value || (s->choices && !is_choice(s->choices, value)))
        return pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
            "option --%s: '%s' is %s%s; see '%s --help'", s->name, value,
            s->choices && strchr(s->choices, ' ') ? "none of: " : "not ",
            s->choices ? s->choices : s->value, u->command);
    if (s->kind == OPTION_LIST)
        return option_list_add(at, value, errp);
    *(const char **)at = value;
    return 0;
}

/* The two tables getopt_long wants, out of ours. */
static void getopt_tables(const option_usage *u, struct option *longs,
                          char *letters)
{
    *letters++ = ':'; /* a missing value is told apart */
    for (const option_spec *s = u->options; s->name; s++) {
        longs->name = s->name;
        longs->has_arg = s->value ? required_argument : no_argument;
        longs->flag = NULL;
        longs->val = UINT8_MAX + 1 + (int)(s - u->options);
        longs++;
        if (s->letter)
            *letters++ = s->letter;
        if (s->letter && s->value)
            *letters++ = ':';
    }
    *letters = '\0';
    memset(longs, 0, sizeof(*longs));
}

static const option_spec *row_of(const option_usage *u, int val)
{
    return val > UINT8_MAX ? &u->options[val - UINT8_MAX - 1]
                           : row_of_letter(u, val);
}

static int letter_error(const option_usage *u, int answer, pe_error *errp)
{
    const option_spec *s = row_of(u, optopt);
    char what[128];

    if (answer == ':' && s)
        snprintf(what, sizeof(what), "option --%s wants a value: %s", s->name,
                 s->value);
    else
        snprintf(what, sizeof(what), "unknown option -%c", optopt);
    return usage_error(u, errp, what);
}

int option_parse(const option_usage *u, int argc, char **argv, void *values,
                 pe_error *errp)
{
    struct option longs[OPTION_MAX + 1];
    char letters[2 * OPTION_MAX + 2];
    int val;

    if (names_check(u, argc, argv, errp) < 0)
        return -1;
    getopt_tables(u, longs, letters);
    opterr = 0;
    optind = 0; /* begin anew */
    while ((val = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        const option_spec *s = row_of(u, val);
        if (val == '?' || val == ':' || !s)
            return letter_error(u, val, errp);
        if (value_store(u, s, optarg, values, errp) < 0)
            return -1;
    }
    return optind;
}

int option_operands(const option_usage *u, int n, pe_error *errp)
{
    char what[64];

    const char *operand = u->operand ? u->operand : "a FILE";

    snprintf(what, sizeof(what), "%s %s missing", operand,
             strstr(operand, " and ") ? "are" : "is");
    if (n < u->min_args)
        return usage_error(u, errp, what);
    if (u->max_args >= 0 && n > u->max_args)
        return usage_error(u, errp, "too many operands");
    return 0;
}

void option_help(const option_usage *u, FILE *f)
{
    for (const char *const *line = u->synopsis; *line; line++)
        fprintf(f, "%s %s %s\n", line == u->synopsis ? "Usage:" : "      ",
                u->command, *line);
    fprintf(f, "\n%s\n\n", u->prose);
    for (const option_spec *s = u->options; s->name; s++) {
        char left[64];
        snprintf(left, sizeof(left), "%c%c%c --%s%s%s", s->letter ? '-' : ' ',
                 s->letter ? s->letter : ' ', s->letter ? ',' : ' ', s->name,
                 s->value ? " " : "", s->value ? s->value : "");
        fprintf(f, "  %-28s %s\n", left, s->prose);
    }
}
