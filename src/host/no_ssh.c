/* no_ssh.c - a build without SSH (configure --without-ssh): says so. */
#include "src/host/host.h"
#include "src/host/tunnel.h"

static int refuse(const char *url, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s cannot be reached: this program was built without "
                        "SSH; configure it with --with-ssh",
                        url);
}

host *host_open_ssh(const char *url, const host_conf *c, pe_error *errp)
{
    (void)c;
    refuse(url, errp);
    return NULL;
}

tunnel *tunnel_open(const char *url, const host_conf *c, pe_error *errp)
{
    (void)c;
    refuse(url, errp);
    return NULL;
}

void tunnel_close(tunnel *t)
{
    (void)t; /* there is none */
}

int tunnel_connect(tunnel *t, const char *to, int port, pe_error *errp)
{
    (void)t, (void)port;
    return refuse(to, errp);
}

int tunnel_dial(void *arg, const char *to, int port, pe_error *errp)
{
    return tunnel_connect(arg, to, port, errp);
}
