/* voice.c - what a program says for people, line by line. */
#include "voice.h"

#include <stdio.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/text.h"

static void say_kept_back(voice *v, pe_context *ctx)
{
    if (v->kept_back)
        pe_context_log(ctx, "%llu more line%s of the program %s not shown",
                       (unsigned long long)v->kept_back, text_s(v->kept_back),
                       v->kept_back == 1 ? "is" : "are");
    v->kept_back = 0;
    v->said = 0;
}

/* A frame of dashes around a help text tells no reason. */
static bool has_words(const char *line)
{
    return line[strspn(line, "-=*#_~+. ")] != '\0';
}

static void say(voice *v, pe_context *ctx, int64_t now_ns)
{
    char shown[sizeof(v->last)];

    if (v->len == 0)
        return;
    text_shown(v->line, v->len, shown, sizeof(shown));
    if (has_words(shown))
        memcpy(v->last, shown, sizeof(shown));
    v->len = 0;
    if (now_ns - v->minute_ns >= 60 * CLOCK_S) {
        say_kept_back(v, ctx);
        v->minute_ns = now_ns;
    }
    if (v->said == VOICE_PER_MINUTE) {
        v->kept_back++;
        return;
    }
    v->said++;
    pe_context_log(ctx, "%s", shown);
}

void voice_take(voice *v, pe_context *ctx, const char *bytes, size_t len,
                int64_t now_ns)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n')
            say(v, ctx, now_ns);
        else if (v->len < sizeof(v->line))
            v->line[v->len++] = bytes[i];
    }
}

void voice_end(voice *v, pe_context *ctx)
{
    say(v, ctx, v->minute_ns);
    say_kept_back(v, ctx);
}
