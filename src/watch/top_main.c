/* top_main.c - the program `pilot-top`: the screen of `pilot top`. */
#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

/* term.h has macros of these names. */
#undef lines
#undef columns

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/live/live.h"
#include "src/watch/screen.h"

#define KEYS_MS 100
#define CTRL_L 12             /* draw it again */
#define LATE_NS (5 * CLOCK_S) /* of a look */

/* In front of every message. */
static char program_name[] = "pilot";

static volatile sig_atomic_t stopped; /* by this signal */

static void stop(int sig)
{
    stopped = sig;
}

/* Looks, in a thread: a service that is away holds up no key. */
typedef struct looker {
    live *live;
    int64_t interval_ns;
    pthread_t thread;
    pthread_mutex_t lock;
    json_t *doc; /* newest that was not taken */
    pe_error error;
} looker;

static void *look(void *arg)
{
    looker *l = arg;

    for (;;) {
        pe_error e = {0};
        int64_t from = clock_mono_ns(), spent;
        json_t *doc = live_look(l->live, &e);

        if (doc && screen_clean(doc) < 0) {
            pe_error_nomem(&e);
            json_decref(doc);
            doc = NULL;
        }
        pthread_mutex_lock(&l->lock);
        if (doc) {
            json_decref(l->doc);
            l->doc = doc;
        } else {
            l->error = e;
        }
        pthread_mutex_unlock(&l->lock);
        spent = clock_mono_ns() - from;
        clock_sleep_ns(spent < l->interval_ns ? l->interval_ns - spent
                                              : l->interval_ns,
                       0);
    }
    return NULL;
}

/* The newest look, when it was not taken yet; NULL. */
static json_t *take(looker *l)
{
    json_t *doc;

    pthread_mutex_lock(&l->lock);
    doc = l->doc;
    l->doc = NULL;
    pthread_mutex_unlock(&l->lock);
    return doc;
}

/* --- the terminal --- */

/* Looks as attributes; without colours they are told by weight. */
static attr_t attributes[SCREEN_LOOKS];

static void colours_open(void)
{
    const char *no = getenv("NO_COLOR");
    bool colours = !(no && *no) && has_colors();

    attributes[SCREEN_BOLD] = A_BOLD;
    attributes[SCREEN_DIM] = A_DIM;
    attributes[SCREEN_WARN] = A_BOLD;
    attributes[SCREEN_BAD] = A_BOLD | A_UNDERLINE;
    attributes[SCREEN_CHOSEN] = A_REVERSE;
    if (!colours)
        return;
    start_color();
    use_default_colors();
    init_pair(1, COLOR_GREEN, -1);
    init_pair(2, COLOR_YELLOW, -1);
    init_pair(3, COLOR_RED, -1);
    attributes[SCREEN_GOOD] = COLOR_PAIR(1);
    attributes[SCREEN_WARN] = COLOR_PAIR(2);
    attributes[SCREEN_BAD] = COLOR_PAIR(3) | A_BOLD;
}

/* NULL: the terminal is not known, or cannot be drawn on. */
static SCREEN *terminal_open(pe_error *errp)
{
    const char *name = getenv("TERM");
    SCREEN *term = name && *name ? newterm(NULL, stdout, stdin) : NULL;

    if (term && !cursor_address) {
        endwin();
        delscreen(term);
        term = NULL;
    }
    if (!term) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                     "the terminal '%s' (TERM) is not known here, or cannot be "
                     "drawn on: set TERM to what it is (xterm), or use 'pilot "
                     "top --once'",
                     name ? name : "");
        return NULL;
    }
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    curs_set(0);
    timeout(0);
    set_escdelay(50);
    colours_open();
    return term;
}

static void attr_set_look(char look)
{
    attrset((int)attributes[(int)look]);
}

static void line_draw(int row, const char *line)
{
    move(row, 0);
    attrset(A_NORMAL);
    while (*line) {
        size_t n = 0;

        if (*line > 0 && *line < SCREEN_LOOKS) {
            attr_set_look(*line++);
            continue;
        }
        while (line[n] && !(line[n] > 0 && line[n] < SCREEN_LOOKS))
            n++;
        addnstr(line, (int)n);
        line += n;
    }
    attrset(A_NORMAL);
}

/* [late]: the newest look is old. */
static void draw(const json_t *doc, screen *s, bool late)
{
    screen_lines l;

    getmaxyx(stdscr, s->rows, s->cols);
    erase();
    if (doc) {
        screen_make(doc, s, &l);
        for (size_t i = 0; i < l.n && i < (size_t)s->rows; i++)
            line_draw((int)i, l.line[i]);
        screen_free(&l);
    } else {
        mvaddnstr(0, 0, "looking ...", s->cols);
    }
    if (late) {
        attrset(A_REVERSE);
        mvprintw(s->rows - 1, 0, "%.*s", s->cols - 1,
                 "the services take long to answer: this is some time old");
        attrset(A_NORMAL);
    }
    refresh();
}

static const struct {
    int key;
    enum screen_key means;
} keys[] = {
    {KEY_UP, SCREEN_UP},
    {'k', SCREEN_UP},
    {KEY_DOWN, SCREEN_DOWN},
    {'j', SCREEN_DOWN},
    {KEY_PPAGE, SCREEN_PAGE_UP},
    {KEY_NPAGE, SCREEN_PAGE_DOWN},
    {' ', SCREEN_PAGE_DOWN},
    {KEY_HOME, SCREEN_HOME},
    {KEY_END, SCREEN_END},
    {KEY_ENTER, SCREEN_IN},
    {'\r', SCREEN_IN},
    {'\n', SCREEN_IN},
    {'l', SCREEN_IN},
    {KEY_RIGHT, SCREEN_IN},
    {KEY_LEFT, SCREEN_OUT},
    {'h', SCREEN_OUT},
    {KEY_BACKSPACE, SCREEN_OUT},
    {127, SCREEN_OUT},
    {27, SCREEN_OUT},
    {'q', SCREEN_OUT},
};

/* Take what was pressed; false: leave. */
static bool keys_take(const json_t *doc, screen *s, bool *anyp)
{
    enum screen_level was = s->level;
    int c;

    while ((c = getch()) != ERR) {
        *anyp = true;
        if (c == 'Q' || (!doc && c == 'q'))
            return false;
        if (c == CTRL_L)
            clearok(stdscr, TRUE);
        for (size_t i = 0; doc && i < sizeof(keys) / sizeof(keys[0]); i++)
            if (keys[i].key == c && !screen_press(s, doc, keys[i].means)) {
                /* Only q leaves: an arrow too many does no harm. */
                if (c == 'q')
                    return false;
            }
    }
    if (s->level != was) /* all is another, so none of it need be kept */
        clearok(stdscr, TRUE);
    return true;
}

/* Until somebody leaves, or the terminal does. */
static void watch(looker *l)
{
    screen s = {.rank = -1,
                .partition = -1,
                .ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0};
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    int64_t taken_ns = clock_mono_ns();
    json_t *doc = NULL;
    bool go = true, was_late = false;

    draw(NULL, &s, false);
    while (go && !stopped) {
        json_t *newer = take(l);
        bool any = newer != NULL, late;

        if (newer) {
            json_decref(doc);
            doc = newer;
            screen_note(&s, doc);
            taken_ns = clock_mono_ns();
        }
        late = clock_mono_ns() - taken_ns > LATE_NS + l->interval_ns;
        go = keys_take(doc, &s, &any);
        if (go && (any || late != was_late))
            draw(doc, &s, late);
        was_late = late;
        /* A terminal that was resized interrupts it. */
        if (go && poll(&in, 1, KEYS_MS) > 0 &&
            (in.revents & (POLLHUP | POLLERR | POLLNVAL)))
            go = false;
    }
    json_decref(doc);
}

int main(int argc, char **argv)
{
    looker l = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pe_error e = {0};
    double interval = 1;
    SCREEN *term;

    log_init(log_write_stderr, program_name, LOG_LEVEL_ERROR);
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
    signal(SIGPIPE, SIG_IGN);
    if (argc != 4 || text_parse_time(argv[3], &interval) < 0) {
        fputs("usage: pilot-top HOME RUN INTERVAL\n"
              "The screen of 'pilot top', which starts it.\n",
              stderr);
        return PE_EXIT_USAGE;
    }
    l.interval_ns = (int64_t)(interval * 1e9);
    l.live = live_open(argv[1], argv[2], &e);
    if (!l.live)
        return log_failure(&e);
    term = terminal_open(&e);
    if (!term) {
        live_close(l.live);
        return log_failure(&e);
    }
    for (const int *sig = (const int[]){SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0};
         *sig; sig++)
        signal(*sig, stop);
    if (pthread_create(&l.thread, NULL, look, &l) != 0)
        pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "a thread cannot be started");
    else
        watch(&l);
    endwin();
    delscreen(term);
    if (e.kind != PE_ERROR_NONE)
        return log_failure(&e);
    fflush(NULL);
    /* A look may be under way, which nobody waits for. */
    _exit(stopped && stopped != SIGINT ? 128 + stopped : PE_EXIT_OK);
}
