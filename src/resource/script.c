/* script.c - the job script: readable, and nothing in it that was not asked.
 */
#include "script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/shell.h"
#include "src/common/text.h"

/* Before anything that takes its time.  A trap runs between commands only, so
 * the pilot is a child in the background; bash leaves `wait` at each signal
 * and keeps the status of a child until it was asked for.  A child that does
 * not listen yet dies of a signal: what came before its start is in its
 * environment.  One that is still the shell, with its traps, loses it: it has
 * to have become the supervisor before it is told anything.
 */
static const char forward[] =
    "# The pilot gets every signal: the shell waits, and wakes up for each.\n"
    "pilot='' early='' ending=''\n"
    "forward() {\n"
    "    case $1 in TERM | INT) ending=yes ;; esac\n"
    "    if [ -n \"$pilot\" ]; then\n"
    "        woken=yes\n"
    "        kill -s \"$1\" \"$pilot\" 2>/dev/null\n"
    "    else\n"
    "        early=\"$early $1\"\n"
    "    fi\n"
    "}\n"
    "for sig in TERM INT USR1 USR2 XCPU; do\n"
    "    trap \"forward $sig\" \"$sig\"\n"
    "done\n";

/* A supervisor that is killed (a tool that ends what uses much memory, by
 * hand) takes its ranks with it, and a job without it would be no use.
 */
static const char await[] =
    "    born=$!\n"
    "    for _ in {1..100}; do\n"
    "        [ \"/proc/$born/exe\" -ef \"/proc/$$/exe\" ] || break\n"
    "        sleep 0.01\n"
    "    done\n"
    "    pilot=$born\n"
    "    for sig in ${early#\"$told\"}; do\n"
    "        kill -s \"$sig\" \"$pilot\" 2>/dev/null\n"
    "    done\n"
    "}\n"
    "\n"
    "# One that is killed is started again, unless the job is being ended; so\n"
    "# is one that a warning met before it could hear it: the next is told.\n"
    "starts=1\n"
    "start\n"
    "while :; do\n"
    "    woken=''\n"
    "    wait \"$pilot\"\n"
    "    status=$?\n"
    "    [ -z \"$woken\" ] || continue\n"
    "    pilot='' early=''\n"
    "    [ \"$status\" -gt 128 ] && [ \"$starts\" -lt 3 ] || exit \"$status\"\n"
    "    sig=$(kill -l \"$status\")\n"
    "    case $sig in\n"
    "    KILL)\n"
    "        [ -z \"$ending\" ] || exit \"$status\"\n"
    "        echo \"the supervisor was killed; it is started again\" >&2\n"
    "        ;;\n"
    "    USR1 | USR2 | XCPU) early=\"$sig $early\" ;;\n"
    "    *) exit \"$status\" ;;\n"
    "    esac\n"
    "    starts=$((starts + 1))\n"
    "    start\n"
    "done\n";

void script_add_value(text *out, const char *value)
{
    bool plain = true;

    for (const char *c = value; *c; c++)
        plain =
            plain && (isalnum((unsigned char)*c) || strchr("_.,:/@%+=-", *c));
    text_add(out, plain ? "%s" : "\"%s\"", value);
}

void script_job_name(const resource_spec *s, char *out, size_t cap)
{
    const char *asked = s->request->word[REQUEST_JOB_NAME];

    snprintf(out, cap, "%s", asked ? asked : s->pilot);
    for (char *c = out; !asked && *c; c++)
        if (*c == '/')
            *c = '.';
        else if (!isascii(*c) || (!isalnum(*c) && !strchr("._-", *c)))
            *c = '_';
}

static bool has_letter(const char *item, char letter, const char *flags)
{
    if (item[0] != '-' || item[1] == '-')
        return false;
    item += 1 + (flags ? strspn(item + 1, flags) : 0);
    return letter && *item == letter;
}

static bool is_foreign(const resource_foreign *f, const char *item,
                       const char *flags)
{
    size_t n = strcspn(item, "= ");

    if (has_letter(item, f->letter, flags))
        return true;
    return f->least && n >= strlen(f->least) && n <= strlen(f->whole) &&
           !strncmp(item, f->whole, n);
}

static int foreign_refuse(const struct request_list *list,
                          const resource_ops *o, pe_error *errp)
{
    const resource_words *w = o->words;

    for (size_t i = 0; i < list->n; i++)
        for (const resource_foreign *f = w->foreign; f && f->why; f++)
            if (is_foreign(f, list->items[i], w->flags))
                return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                                    "'%.64s' cannot be asked of %s: %s",
                                    list->items[i], o->name, f->why);
    return 0;
}

int script_refuse(const resource_request *q, const resource_ops *o,
                  pe_error *errp)
{
    if (foreign_refuse(&q->list[REQUEST_EXTRA], o, errp) < 0 ||
        foreign_refuse(&q->list[REQUEST_DIRECTIVES], o, errp) < 0)
        return -1;
    for (int w = 0; w < REQUEST_N_WORDS; w++)
        if (q->word[w] && o->words->refusal[w])
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                                "--%s cannot be asked of %s: %s",
                                request_specs[w].name, o->name,
                                o->words->refusal[w]);
    return 0;
}

/* Does [item], an option with or without its value, begin with [name]? */
static bool begins(const char *item, const char *name)
{
    size_t n = strlen(name);

    return !strncmp(item, name, n) && strchr("= ", item[n]);
}

/* Is "NAME=" or NAME alone in the comma-separated list at [list]? */
static bool is_listed(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (;; list++) {
        if (!strncmp(list, name, n) && strchr("=,", list[n]))
            return true;
        list = strchr(list, ',');
        if (!list)
            return false;
    }
}

/* The short option of "--long", 0: it has none.  Ours are sbatch's. */
static char letter_of(const char *name)
{
    int word = request_word_find(name + 2);

    return word < 0 ? '\0' : request_specs[word].letter;
}

/* Is [item], said by a user, option [name] of ours? */
static bool is_option(const char *item, const char *name)
{
    const char *rest = item + 2;
    char letter;

    if (!strncmp(name, "--", 2)) {
        letter = letter_of(name);
        return begins(item, name) ||
               (letter && item[0] == '-' && item[1] == letter);
    }
    if (strncmp(item, name, 2))
        return false;
    return !name[2] || is_listed(rest + strspn(rest, " "), name + 3);
}

/* "walltime" for "-l walltime", "constraint" for "--constraint". */
static bool is_bare(const char *item, const char *name)
{
    const char *blank = strchr(name, ' ');

    return !strcmp(item, blank ? blank + 1 : name + strspn(name, "-"));
}

bool script_is_replaced(const resource_request *q, const char *name)
{
    const struct request_list *ours = &q->list[REQUEST_DIRECTIVES];
    const struct request_list *out = &q->list[REQUEST_NO_DIRECTIVE];

    for (size_t i = 0; i < ours->n; i++)
        if (is_option(ours->items[i], name))
            return true;
    for (size_t i = 0; i < out->n; i++)
        if (is_option(out->items[i], name) || is_bare(out->items[i], name))
            return true;
    return false;
}

/* A line that ends early would begin another: a directive, a command. */
static int line_check(const char *what, const char *s, pe_error *errp)
{
    for (; s && *s; s++)
        if (iscntrl((unsigned char)*s))
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                                "the %s has an end of line or another control "
                                "character in it, which no job script can "
                                "hold: give it another name",
                                what);
    return 0;
}

static int spec_check(const resource_spec *s, pe_error *errp)
{
    if (line_check("id of the pilot", s->pilot, errp) < 0 ||
        line_check("kind of the pilot", s->kind, errp) < 0 ||
        line_check("folder of the pilot", s->dir, errp) < 0 ||
        line_check("path of the supervisor", s->supervisor, errp) < 0 ||
        line_check("folder it starts in", s->submit_dir, errp) < 0)
        return -1;
    return 0;
}

static void add_shape(text *out, const request_shape *n)
{
    int nodes = n->nodes, threads = n->cpus_per_task;

    if (nodes > 0 && n->ntasks % nodes == 0)
        text_add(out, "%d node%s x %d rank%s", nodes, text_s(nodes),
                 n->ntasks / nodes, text_s(n->ntasks / nodes));
    else if (nodes > 0)
        text_add(out, "%d ranks on %d nodes", n->ntasks, nodes);
    else
        text_add(out, "%d rank%s", n->ntasks, text_s(n->ntasks));
    text_add(out, " x %d thread%s", threads, text_s(threads));
}

static int add_head(text *out, const script_dialect *d, const resource_spec *s,
                    pe_error *errp)
{
    const struct request_list *own = &s->request->list[REQUEST_DIRECTIVES];
    request_shape shape;

    if (request_shape_of(s->request, &shape, errp) < 0)
        return -1;
    text_add(out, "#!/bin/bash\n");
    if (d->directives && d->directives(s, out, errp) < 0)
        return -1;
    for (size_t i = 0; d->prefix && i < own->n; i++)
        text_add(out, "%s%s\n", d->prefix, own->items[i]);
    text_add(out, "#\n# Pilot %s (%s): ", s->pilot, s->kind);
    add_shape(out, &shape);
    text_add(out, ".\n# It also runs by hand: bash job.sh\n\nset -u\n");
    return 0;
}

/* Where the pilot writes, and where it starts. */
static void add_folders(text *out, const script_dialect *d,
                        const resource_spec *s)
{
    const char *mode = s->request->word[REQUEST_OPEN_MODE];
    const char *chdir = s->request->word[REQUEST_CHDIR];
    const char *to = mode && !strcmp(mode, "truncate") ? ">" : ">>";

    text_add(out, "\nPILOT_DIR=");
    shell_add_word(out, s->dir);
    text_add(out,
             "\nexport PILOT_DIR\n"
             "exec %s\"$PILOT_DIR/out\" 2%s\"$PILOT_DIR/err\" || exit 73\n",
             to, to);
    if (!chdir || *chdir != '/') {
        text_add(out, "cd -- ");
        if (s->submit_dir)
            shell_add_word(out, s->submit_dir);
        else
            text_add(out, "\"%s\"",
                     d->submit_dir ? d->submit_dir : "$PILOT_DIR");
        text_add(out, " || exit 73\n");
    }
    if (chdir) {
        text_add(out, "cd -- ");
        shell_add_word(out, chdir);
        text_add(out, " || exit 73\n");
    }
}

static void add_settings(text *out, const script_dialect *d,
                         const resource_spec *s)
{
    const struct request_list *setup = &s->request->list[REQUEST_SETUP];
    int threads = (int)request_int(s->request, REQUEST_CPUS_PER_TASK, 1);

    text_add(out,
             "\n# Threads of a rank: as asked for, whatever the scheduler has "
             "set.\n"
             "export OMP_NUM_THREADS=%d OPENBLAS_NUM_THREADS=%d NCPUS=%d\n",
             threads, threads, threads);
    if (d->shell)
        text_add(out, "\n%s", d->shell);
    if (setup->n == 0)
        return;
    /* `module` and its like look at variables that are not set. */
    text_add(out, "\n# The site's own lines, as they were given.\nset +u\n");
    for (size_t i = 0; i < setup->n; i++)
        text_add(out, "%s\n", setup->items[i]);
    text_add(out, "set -u\n");
}

char *script_make(const script_dialect *d, const resource_spec *s,
                  pe_error *errp)
{
    text out = {0};

    if (spec_check(s, errp) < 0 || add_head(&out, d, s, errp) < 0)
        goto error;
    text_add(&out, "\n%s", forward);
    add_folders(&out, d, s);
    add_settings(&out, d, s);
    text_add(&out, "\nstart() {\n    told=$early\n    PILOT_EARLY=$told ");
    shell_add_word(&out, s->supervisor);
    text_add(&out, " \"$PILOT_DIR\" &\n%s", await);
    if (!out.failed)
        return out.data;
    pe_error_nomem(errp);
error:
    text_free(&out);
    return NULL;
}
