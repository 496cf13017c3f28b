/* herald.c - a supervisor's thread that talks with the parameter service. */
#include "herald.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/words.h"

/* Between two beats, and between two looks at the orders. */
#define SAY_NS (2000 * CLOCK_MS)
#define HEAR_NS (1000 * CLOCK_MS)
/* A pilot that has been silent for longer is gone. */
#define FRESH_NS (60000 * CLOCK_MS)
/* Longer than this the service is away: the pilot goes on without it. */
#define REACH_S 3.0

struct herald {
    params_conf conf;
    char *url, *user, *password_file, *logins, *run, *member;

    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards everything down to the blank line */
    pthread_cond_t wake;
    bool stop, urgent, heard;
    int64_t until_ns; /* monotonic: what is to be said is given up then */
    char *beat;       /* to be told; NULL: nothing new */
    char *word;       /* control word to be put; NULL: none */
    char order[HERALD_WORD_MAX], control[HERALD_WORD_MAX];
    bool watch, brokers;
    int others;    /* -1: not heard */
    unsigned asks; /* an answer from before the newest is not taken */

    /* the thread's own */
    params *params; /* NULL: not connected */
    int64_t say_ns, hear_ns;
    bool away; /* said once */
};

/* --- the thread --- */

static void note_away(herald *h, const pe_error *e)
{
    params_close(h->params);
    h->params = NULL;
    if (!h->away)
        log_warn("%s; the pilot goes on, and tells when it is back", e->text);
    h->away = true;
}

static params *connection(herald *h, pe_error *errp)
{
    if (!h->params)
        h->params = params_open(&h->conf, h->run, errp);
    return h->params;
}

/* Take *slotp under the lock; it is put back when it could not be told and
 * nothing newer is there.
 */
static char *take(herald *h, char **slotp)
{
    char *text;

    pthread_mutex_lock(&h->lock);
    text = *slotp;
    *slotp = NULL;
    pthread_mutex_unlock(&h->lock);
    return text;
}

static void put_back(herald *h, char **slotp, char *text)
{
    pthread_mutex_lock(&h->lock);
    if (*slotp)
        free(text);
    else
        *slotp = text;
    pthread_mutex_unlock(&h->lock);
}

static int say_word(herald *h, pe_error *errp)
{
    char *word = take(h, &h->word);
    int rc = 0;

    if (word && (!connection(h, errp) ||
                 params_control_put(h->params, word, errp) < 0)) {
        put_back(h, &h->word, word);
        return -1;
    }
    free(word);
    return rc;
}

static int say(herald *h, pe_error *errp)
{
    char *text = take(h, &h->beat);

    h->say_ns = clock_mono_ns() + SAY_NS;
    if (text && (!connection(h, errp) ||
                 params_pilot_put(h->params, h->member, text, errp) < 0)) {
        put_back(h, &h->beat, text);
        return -1;
    }
    free(text);
    return 0;
}

/* A beat of a pool, an edge, who follows the run, or a broker, that has not
 * ended and is not a relic of one that was killed.
 */
static bool is_alive(const char *text, bool brokers)
{
    json_t *beat = json_loads(text, 0, NULL);
    const char *kind = json_string_value(json_object_get(beat, "kind"));
    int64_t at = json_integer_value(json_object_get(beat, "time_ns"));
    bool alive =
        kind &&
        (!strcmp(kind, "pool") || !strcmp(kind, "edge") ||
         !strcmp(kind, "follower") || (brokers && !strcmp(kind, "broker"))) &&
        !json_object_get(beat, "status") && clock_real_ns() - at < FRESH_NS;

    json_decref(beat);
    return alive;
}

static int watch(herald *h, bool brokers, int *alivep, pe_error *errp)
{
    params_pilot *pilots = NULL;
    size_t n = 0;

    if (params_pilots_fetch(h->params, &pilots, &n, errp) < 0)
        return -1;
    *alivep = 0;
    for (size_t i = 0; i < n; i++)
        *alivep += is_alive(pilots[i].beat, brokers);
    params_pilots_free(pilots, n);
    return 0;
}

static int hear(herald *h, pe_error *errp)
{
    char order[HERALD_WORD_MAX] = "", control[HERALD_WORD_MAX] = "";
    unsigned asks;
    bool watched, brokers;
    int alive = -1;

    h->hear_ns = clock_mono_ns() + HEAR_NS;
    pthread_mutex_lock(&h->lock);
    asks = h->asks;
    watched = h->watch;
    brokers = h->brokers;
    pthread_mutex_unlock(&h->lock);
    if (!connection(h, errp) ||
        params_order_fetch(h->params, h->member, order, sizeof(order), errp) <
            0 ||
        params_control_fetch(h->params, control, sizeof(control), errp) < 0 ||
        (watched && watch(h, brokers, &alive, errp) < 0))
        return -1;
    pthread_mutex_lock(&h->lock);
    memcpy(h->order, order, sizeof(order));
    memcpy(h->control, control, sizeof(control));
    h->heard = true;
    if (asks == h->asks)
        h->others = alive;
    pthread_mutex_unlock(&h->lock);
    return 0;
}

/* Is there something left to say before the thread may go? */
static bool is_pending(herald *h)
{
    bool pending;

    pthread_mutex_lock(&h->lock);
    pending = (h->beat || h->word) && clock_mono_ns() < h->until_ns;
    pthread_mutex_unlock(&h->lock);
    return pending;
}

/* Wait for the next turn.  False: the thread is to end. */
static bool next_turn(herald *h, bool *nowp)
{
    int64_t until = clock_mono_ns() + 100 * CLOCK_MS;
    bool go;

    pthread_mutex_lock(&h->lock);
    if (!h->stop && !h->urgent)
        clock_cond_wait(&h->wake, &h->lock, until);
    *nowp = h->urgent || h->stop;
    h->urgent = false;
    go = !h->stop;
    pthread_mutex_unlock(&h->lock);
    return go || is_pending(h);
}

static void *run(void *arg)
{
    herald *h = arg;
    bool now;

    while (next_turn(h, &now)) {
        pe_error e = {0};
        int64_t at = clock_mono_ns();
        int rc = say_word(h, &e);

        if (rc == 0 && (now || at >= h->say_ns))
            rc = say(h, &e);
        if (rc == 0 && at >= h->hear_ns)
            rc = hear(h, &e);
        if (rc == 0) {
            h->away = false;
            continue;
        }
        note_away(h, &e);
        clock_sleep_ns(200 * CLOCK_MS, 1);
    }
    params_close(h->params);
    return NULL;
}

/* --- the supervisor's side --- */

static int init(herald *h)
{
    h->started = pthread_mutex_init(&h->lock, NULL) == 0 &&
                 clock_cond_init(&h->wake) == 0 &&
                 pthread_create(&h->thread, NULL, run, h) == 0;
    return h->started ? 0 : -1;
}

herald *herald_start(const params_conf *c, const char *run_id,
                     const char *member, pe_error *errp)
{
    herald *h = calloc(1, sizeof(*h));
    bool failed = !h;

    if (h) {
        h->others = -1;
        h->conf = *c;
        h->conf.url = h->url = words_copy(c->url, &failed);
        h->conf.user = h->user = words_copy(c->user, &failed);
        h->conf.password_file = h->password_file =
            words_copy(c->password_file, &failed);
        h->conf.logins = h->logins = words_copy(c->logins, &failed);
        h->conf.sign = NULL; /* it writes no ends */
        h->conf.connect_timeout_s = h->conf.command_timeout_s = REACH_S;
        h->conf.no_commits = true;
        h->run = words_copy(run_id, &failed);
        h->member = words_copy(member, &failed);
    }
    if (!failed && init(h) == 0)
        return h;
    herald_stop(h, 0);
    pe_error_nomem(errp);
    return NULL;
}

static void set(herald *h, char **slotp, const char *text, bool now)
{
    char *c = strdup(text);

    if (!c)
        return; /* the next one may find memory */
    pthread_mutex_lock(&h->lock);
    free(*slotp);
    *slotp = c;
    h->urgent = h->urgent || now;
    if (now)
        pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->lock);
}

void herald_say(herald *h, const char *json, bool now)
{
    set(h, &h->beat, json, now);
}

void herald_control(herald *h, const char *word)
{
    set(h, &h->word, word, true);
}

bool herald_hear(herald *h, char *order, char *control)
{
    bool heard;

    pthread_mutex_lock(&h->lock);
    memcpy(order, h->order, sizeof(h->order));
    memcpy(control, h->control, sizeof(h->control));
    heard = h->heard;
    pthread_mutex_unlock(&h->lock);
    return heard;
}

void herald_watch(herald *h, bool brokers)
{
    pthread_mutex_lock(&h->lock);
    h->brokers = brokers;
    h->watch = true;
    pthread_mutex_unlock(&h->lock);
}

void herald_ask(herald *h)
{
    pthread_mutex_lock(&h->lock);
    h->others = -1;
    h->asks++;
    pthread_mutex_unlock(&h->lock);
}

int herald_others(herald *h)
{
    int n;

    pthread_mutex_lock(&h->lock);
    n = h->others;
    pthread_mutex_unlock(&h->lock);
    return n;
}

void herald_stop(herald *h, int64_t patience_ns)
{
    if (!h)
        return;
    if (h->started) {
        pthread_mutex_lock(&h->lock);
        h->stop = true;
        h->until_ns = clock_mono_ns() + patience_ns;
        pthread_cond_signal(&h->wake);
        pthread_mutex_unlock(&h->lock);
        pthread_join(h->thread, NULL);
        pthread_cond_destroy(&h->wake);
        pthread_mutex_destroy(&h->lock);
    }
    free(h->beat);
    free(h->word);
    free(h->url);
    free(h->user);
    free(h->password_file);
    free(h->logins);
    free(h->run);
    free(h->member);
    free(h);
}
