/* words.c - the words of a command, without a shell. */
#include "program.h"

#include <string.h>

#include "src/common/text.h"
#include "src/common/words.h"

#define BLANKS " \t\n"

static int refuse(pe_error *errp, const char *line, const char *why)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "'%.100s' %s",
                        line, why);
}

/* Take a piece between [quote] and its like; *atp is behind the first. */
static int take_quoted(const char **atp, char quote, text *word)
{
    const char *p = *atp;

    for (; *p && *p != quote; p++) {
        if (*p == '\\' && quote == '"' && (p[1] == '"' || p[1] == '\\'))
            p++;
        text_add_bytes(word, p, 1);
    }
    *atp = p + (*p == quote);
    return *p == quote ? 0 : -1;
}

/* One word, at which *atp is. */
static int take_word(const char **atp, text *word)
{
    text_add_bytes(word, "", 0);
    while (**atp && !strchr(BLANKS, **atp)) {
        char c = *(*atp)++;

        if (c == '\'' || c == '"') {
            if (take_quoted(atp, c, word) < 0)
                return -1;
            continue;
        }
        if (c == '\\' && **atp)
            c = *(*atp)++;
        text_add_bytes(word, &c, 1);
    }
    return 0;
}

/* The next word of *atp, as one more of *wordsp. */
static int add_word(char ***wordsp, const char *line, const char **atp,
                    pe_error *errp)
{
    text word = {0};

    if (take_word(atp, &word) < 0) {
        text_free(&word);
        return refuse(errp, line, "has a quote without its end");
    }
    if (word.failed) {
        text_free(&word);
        return pe_error_nomem(errp);
    }
    return words_add(wordsp, word.data, errp);
}

char **program_words(const char *line, pe_error *errp)
{
    char **words = NULL;
    const char *at = line;
    int rc = 0;

    while (rc == 0 && *(at += strspn(at, BLANKS)))
        rc = add_word(&words, line, &at, errp);
    if (rc == 0 && !words)
        rc = refuse(errp, line, "names no program");
    if (rc == 0)
        return words;
    words_free(words);
    return NULL;
}
