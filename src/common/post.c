/* post.c - POST and its like by HTTP; only here is libcurl. */
#include "post.h"

#define CURL_DISABLE_TYPECHECK /* its functions are called by pointers */
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/common/text.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo

static struct {
    __typeof__(curl_global_init) *global_init;
    __typeof__(curl_easy_init) *init;
    __typeof__(curl_easy_setopt) *setopt;
    __typeof__(curl_easy_perform) *perform;
    __typeof__(curl_easy_getinfo) *getinfo;
    __typeof__(curl_easy_cleanup) *cleanup;
    __typeof__(curl_easy_strerror) *strerror;
    __typeof__(curl_slist_append) *append;
    __typeof__(curl_slist_free_all) *free_all;
    bool loaded;
} lib;

static pthread_once_t once = PTHREAD_ONCE_INIT;

struct post {
    post_conf conf;
    CURL *curl;
    struct curl_slist *headers;
    const post_body *body; /* of the call that goes on */
    size_t sent;
    unsigned char *data; /* what came */
    size_t len, cap;
    bool too_much, no_memory;
    char words[CURL_ERROR_SIZE];
};

/* --- the library --- */

static void load(void)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
    static const struct {
        void **slot;
        const char *name;
    } symbols[] = {
        {(void **)&lib.global_init, "curl_global_init"},
        {(void **)&lib.init, "curl_easy_init"},
        {(void **)&lib.setopt, "curl_easy_setopt"},
        {(void **)&lib.perform, "curl_easy_perform"},
        {(void **)&lib.getinfo, "curl_easy_getinfo"},
        {(void **)&lib.cleanup, "curl_easy_cleanup"},
        {(void **)&lib.strerror, "curl_easy_strerror"},
        {(void **)&lib.append, "curl_slist_append"},
        {(void **)&lib.free_all, "curl_slist_free_all"},
    };
    void *handle = NULL;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !handle; i++)
        handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; handle && i < sizeof(symbols) / sizeof(symbols[0]);
         i++) {
        *symbols[i].slot = dlsym(handle, symbols[i].name);
        if (!*symbols[i].slot)
            return;
    }
    lib.loaded = handle && lib.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* --- what comes and goes --- */

static size_t take(char *bytes, size_t one, size_t n, void *arg)
{
    post *h = arg;

    n *= one;
    if (n > h->conf.most - h->len) {
        h->too_much = true;
        return 0;
    }
    if (h->len + n > h->cap) {
        size_t cap = h->len + n > 2 * h->cap ? h->len + n : 2 * h->cap;
        unsigned char *data = realloc(h->data, cap);

        h->no_memory = !data;
        if (!data)
            return 0;
        h->data = data;
        h->cap = cap;
    }
    memcpy(h->data + h->len, bytes, n);
    h->len += n;
    return n;
}

static size_t give(char *to, size_t one, size_t n, void *arg)
{
    post *h = arg;
    const post_body *b = h->body;
    size_t room = one * n, put = 0;

    if (h->sent < b->head_len) {
        put = b->head_len - h->sent < room ? b->head_len - h->sent : room;
        memcpy(to, (const char *)b->head + h->sent, put);
    }
    if (h->sent + put >= b->head_len) {
        size_t at = h->sent + put - b->head_len, more = b->len - at;

        more = more < room - put ? more : room - put;
        memcpy(to + put, (const char *)b->data + at, more);
        put += more;
    }
    h->sent += put;
    return put;
}

/* A connection that was kept may be gone by now: the call begins anew. */
static int seek_to(void *arg, curl_off_t offset, int origin)
{
    post *h = arg;

    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    h->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int go_on(void *arg, curl_off_t all, curl_off_t have, curl_off_t all_up,
                 curl_off_t have_up)
{
    const post *h = arg;

    (void)all, (void)have, (void)all_up, (void)have_up;
    return h->conf.stop && h->conf.stop(h->conf.arg);
}

/* --- an endpoint --- */

static int add_header(struct curl_slist **listp, const char *header)
{
    struct curl_slist *more = lib.append(*listp, header);

    if (more)
        *listp = more;
    return more ? 0 : -1;
}

static int set_options(post *h)
{
    CURL *c = h->curl;
    int rc = add_header(&h->headers, "Expect:"); /* no round trip for a word */

    for (size_t i = 0; rc == 0 && h->conf.headers && h->conf.headers[i]; i++)
        rc = add_header(&h->headers, h->conf.headers[i]);
    if ((h->conf.socket &&
         lib.setopt(c, CURLOPT_UNIX_SOCKET_PATH, h->conf.socket)) ||
        lib.setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") ||
        lib.setopt(c, CURLOPT_NOSIGNAL, 1L) ||
        lib.setopt(c, CURLOPT_ERRORBUFFER, h->words) ||
        lib.setopt(c, CURLOPT_TIMEOUT_MS, (long)(1e3 * h->conf.limit_s)) ||
        /* As it is; what comes packed all the same is unpacked. */
        lib.setopt(c, CURLOPT_ACCEPT_ENCODING, "identity") ||
        lib.setopt(c, CURLOPT_NOPROGRESS, 0L) ||
        lib.setopt(c, CURLOPT_XFERINFOFUNCTION, go_on) ||
        lib.setopt(c, CURLOPT_XFERINFODATA, h) ||
        lib.setopt(c, CURLOPT_WRITEFUNCTION, take) ||
        lib.setopt(c, CURLOPT_WRITEDATA, h) ||
        lib.setopt(c, CURLOPT_READFUNCTION, give) ||
        lib.setopt(c, CURLOPT_READDATA, h) ||
        lib.setopt(c, CURLOPT_SEEKFUNCTION, seek_to) ||
        lib.setopt(c, CURLOPT_SEEKDATA, h))
        rc = -1;
    return rc;
}

post *post_open(const post_conf *c, pe_error *errp)
{
    post *h;

    if (strncasecmp(c->url, "http://", 7) != 0 &&
        strncasecmp(c->url, "https://", 8) != 0) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "url: '%.200s' begins with neither http:// nor https://",
                     c->url);
        return NULL;
    }
    pthread_once(&once, load);
    if (!lib.loaded) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "libcurl is not there: install libcurl4");
        return NULL;
    }
    h = calloc(1, sizeof(*h));
    if (h)
        h->curl = lib.init();
    if (!h || !h->curl) {
        free(h);
        pe_error_nomem(errp);
        return NULL;
    }
    h->conf = *c;
    if (set_options(h) == 0)
        return h;
    post_close(h);
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                 "libcurl does not take the options of a call; it has to be "
                 "7.85 or newer");
    return NULL;
}

void post_close(post *h)
{
    if (!h)
        return;
    lib.cleanup(h->curl);
    lib.free_all(h->headers);
    free(h->data);
    free(h);
}

/* --- a call --- */

static int lost(const post *h, CURLcode code, pe_error *errp)
{
    if (h->no_memory)
        return pe_error_nomem(errp);
    if (h->too_much)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_DATA,
                            "%.200s answers with more than %zu bytes",
                            h->conf.url, h->conf.most);
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "%.200s: %s",
                        h->conf.url,
                        h->words[0] ? h->words : lib.strerror(code));
}

static void fill(const post *h, post_answer *a)
{
    curl_off_t after = 0;
    char *type = NULL;

    *a = (post_answer){.data = h->data, .len = h->len, .type = ""};
    lib.getinfo(h->curl, CURLINFO_RESPONSE_CODE, &a->status);
    if (lib.getinfo(h->curl, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type)
        a->type = type;
    if (lib.getinfo(h->curl, CURLINFO_RETRY_AFTER, &after) == CURLE_OK)
        a->retry_after_s = (double)after;
}

/* POST is what a call is that says nothing else. */
static int set_method(const post *h, const post_body *b)
{
    const curl_off_t all = (curl_off_t)(b->head_len + b->len);
    const char *url = b->url ? b->url : h->conf.url;

    if (b->method)
        return lib.setopt(h->curl, CURLOPT_URL, url) ||
               lib.setopt(h->curl, CURLOPT_HTTPGET, 1L) ||
               lib.setopt(h->curl, CURLOPT_CUSTOMREQUEST, b->method);
    return lib.setopt(h->curl, CURLOPT_URL, url) ||
           lib.setopt(h->curl, CURLOPT_CUSTOMREQUEST, NULL) ||
           lib.setopt(h->curl, CURLOPT_POST, 1L) ||
           lib.setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, all);
}

int post_send(post *h, const post_body *b, post_answer *a, pe_error *errp)
{
    struct curl_slist own = {(char *)b->header, h->headers};
    CURLcode code;

    h->body = b;
    h->sent = h->len = 0;
    h->too_much = h->no_memory = false;
    h->words[0] = '\0';
    if (lib.setopt(h->curl, CURLOPT_HTTPHEADER,
                   b->header ? &own : h->headers) ||
        set_method(h, b))
        return pe_error_nomem(errp);
    code = lib.perform(h->curl);
    lib.setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
    if (code != CURLE_OK)
        return lost(h, code, errp);
    fill(h, a);
    return 0;
}
