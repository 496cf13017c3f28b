/* option.h - one row an option: parsing, --help and errors come from it. */
#ifndef COMMON_OPTION_H
#define COMMON_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <pilot/error.h>

#define OPTION_MAX 96 /* rows of a table */

enum option_kind {
    OPTION_FLAG, /* bool */
    OPTION_TEXT, /* const char *; the last one given counts */
    OPTION_LIST, /* option_list; every one given, in order */
};

/* Values borrowed from argv. */
typedef struct option_list {
    const char **items;
    size_t n;
} option_list;

/* A table ends with a row without a name. */
typedef struct option_spec {
    const char *name; /* long option, without dashes */
    char letter;      /* short option; 0: none */
    enum option_kind kind;
    size_t offset;       /* of the value in the command's own struct */
    const char *value;   /* what --help calls the value; NULL: a flag */
    const char *choices; /* blank-separated words it may be; NULL: any */
    const char *prose;   /* one line */
} option_spec;

/* How a command is called. */
typedef struct option_usage {
    const char *command;         /* "pilot run" */
    const char *const *synopsis; /* lines after the command; NULL-ended */
    const char *prose;           /* one sentence */
    const option_spec *options;
    int min_args, max_args; /* operands; max -1: any number */
    const char *operand;    /* what is missing: "an ID"; NULL: "a FILE" */
} option_usage;

/* Parse [argv] into [values], the command's own zeroed struct.  Options may
 * stand before and behind operands; "--" ends them.  Long options are never
 * abbreviated.  Returns the index in argv of the first operand (they are
 * moved to the end), or -1: input, 64, naming the option, the nearest one
 * there is and the command that helps.  The number of operands is not checked
 * (see option_operands).
 */
int option_parse(const option_usage *u, int argc, char **argv, void *values,
                 pe_error *errp);

/* 0 when [n] operands are what [u] wants, else -1 (input, 64). */
int option_operands(const option_usage *u, int n, pe_error *errp);

/* The text of --help. */
void option_help(const option_usage *u, FILE *f);

/* Append [item] (borrowed). */
int option_list_add(option_list *l, const char *item, pe_error *errp);
void option_list_free(option_list *l);

#endif
