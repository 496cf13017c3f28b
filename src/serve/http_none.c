/* http_none.c - in place of http.c, where it was left out by configure. */
#include "http.h"

http *http_open(hub *h, const char *listen, const char *token, pe_error *errp)
{
    (void)h;
    (void)listen;
    (void)token;
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                 "this pilot was configured without libmicrohttpd: 'pilot "
                 "serve --textfile DIR' writes metrics, 'pilot report' a page");
    return NULL;
}

void http_close(http *s)
{
    (void)s;
}

const char *http_place(const http *s)
{
    (void)s;
    return "";
}

int http_port(const http *s)
{
    (void)s;
    return 0;
}
