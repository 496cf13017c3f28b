/* url.c - SCHEME://HOST:PORT and HOST:PORT. */
#include "url.h"

#include <stdint.h>
#include <string.h>

#include "src/common/text.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* A piece of the text under parsing. */
typedef struct piece {
    const char *at;
    size_t len;
} piece;

/* Refuse [s], showing only what cannot hold a password. */
static int url_refuse(pe_error *errp, const char *s, const char *why)
{
    const char *at = strrchr(s, '@');

    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "URL '%s%s': %s; write SCHEME://HOST:PORT",
                        at ? "..." : "", at ? at : s, why);
}

/* Copy [p] if it is wholly made of [allowed] (NULL: any byte) and fits. */
static int piece_copy(piece p, const char *allowed, char *out, size_t cap)
{
    if (p.len >= cap)
        return -1;
    memcpy(out, p.at, p.len);
    out[p.len] = '\0';
    return allowed && strspn(out, allowed) != p.len ? -1 : 0;
}

/* Names that start with '-' would be options to ssh(1) and friends. */
static int name_copy(piece p, const char *allowed, char *out, size_t cap)
{
    if (p.len > 0 && *p.at == '-')
        return -1;
    return piece_copy(p, allowed, out, cap);
}

static int parse_port(piece p, int *portp)
{
    char digits[6];
    int64_t port;

    if (piece_copy(p, DIGITS, digits, sizeof(digits)) < 0 ||
        text_parse_int(digits, &port) < 0 || port < 1 || port > 65535)
        return -1;
    *portp = (int)port;
    return 0;
}

/* "user@" at the start of [p], which is moved behind it. */
static const char *parse_user(piece *p, url *u)
{
    const char *at = memrchr(p->at, '@', p->len);

    if (!at)
        return NULL;
    piece user = {p->at, (size_t)(at - p->at)};
    if (memchr(user.at, ':', user.len))
        return "a password is refused here; use a password file";
    if (user.len == 0 ||
        name_copy(user, LETTERS DIGITS "._-", u->user, sizeof(u->user)) < 0)
        return "the user name is empty, too long or has odd characters";
    p->len -= user.len + 1;
    p->at = at + 1;
    return NULL;
}

/* "HOST", "HOST:PORT", "[V6]" or "[V6]:PORT"; NULL, or why not. */
static const char *parse_host(piece p, url *u)
{
    const char *allowed = LETTERS DIGITS "._-";
    piece host = p;

    if (p.len > 0 && *p.at == '[') {
        const char *close = memchr(p.at, ']', p.len);
        if (!close)
            return "']' is missing behind the address";
        host = (piece){p.at + 1, (size_t)(close - p.at - 1)};
        p.len -= host.len + 2;
        p.at = close + 1;
        allowed = LETTERS DIGITS ":.%";
        if (p.len > 0 && *p.at != ':')
            return "only ':PORT' may follow ']'";
    } else {
        const char *colon = memchr(p.at, ':', p.len);
        host.len = colon ? (size_t)(colon - p.at) : p.len;
        p.len -= host.len;
        p.at += host.len;
        if (memrchr(p.at, ':', p.len) != colon)
            return "an IPv6 address needs brackets, as in [::1]:6379";
    }
    if (name_copy(host, allowed, u->host, sizeof(u->host)) < 0)
        return "the host is too long or has odd characters";
    if (p.len == 0)
        return NULL;
    if (host.len == 0)
        return "a port without a host";
    piece port = {p.at + 1, p.len - 1};
    return parse_port(port, &u->port) < 0
               ? "the port is not a number from 1 to 65535"
               : NULL;
}

static const char *parse_path(piece p, url *u)
{
    for (size_t i = 0; i < p.len; i++)
        if ((unsigned char)p.at[i] <= ' ' || p.at[i] == 0x7f)
            return "blanks and controls are not allowed in the path";
    if (piece_copy(p, NULL, u->path, sizeof(u->path)) < 0)
        return "the path is too long";
    return NULL;
}

static const char *parse_scheme(piece p, url *u)
{
    if (p.len == 0 || !strchr(LETTERS, *p.at) ||
        piece_copy(p, LETTERS DIGITS "+.-", u->scheme, sizeof(u->scheme)) < 0)
        return "the scheme is empty, too long or has odd characters";
    return NULL;
}

int url_parse(const char *s, url *out, pe_error *errp)
{
    url u = {0};
    const char *why = NULL;

    if (!s || !*s)
        return url_refuse(errp, "", "empty");
    const char *rest = s;
    const char *mark = strstr(s, "://");
    if (mark) {
        why = parse_scheme((piece){s, (size_t)(mark - s)}, &u);
        rest = mark + 3;
    }
    piece authority = {rest, strcspn(rest, "/")};
    const char *path = rest + authority.len;
    if (!why)
        why = parse_user(&authority, &u);
    if (!why)
        why = parse_host(authority, &u);
    if (!why)
        why = parse_path((piece){path, strlen(path)}, &u);
    if (!why && !mark && !*u.host)
        why = "no host";
    if (why)
        return url_refuse(errp, s, why);
    *out = u;
    return 0;
}
