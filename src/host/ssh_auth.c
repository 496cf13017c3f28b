/* ssh_auth.c - who we are: keys of the agent, and key files. */
#include "ssh_session.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/host/ssh_key.h"
#include "src/host/ssh_known.h"

/* What has been tried, for the one message at the end. */
struct attempt {
    ssh_session *s;
    const ssh_target *t;
    int64_t deadline;
    text tried;
    int offered;  /* keys the server has seen */
    bool old_rsa; /* one of them was refused as such */
    bool over;    /* the server does not listen any more */
};

static void note(struct attempt *a, const char *what, const char *why)
{
    text_add(&a->tried, "%s%s (%s)", a->tried.len ? ", " : "", what, why);
}

/* The library's answer to an offer: true when we are in. */
static bool accepted(struct attempt *a, int rc, const char *what,
                     enum ssh_key_use use)
{
    if (rc == 0)
        return true;
    a->offered++;
    a->over = a->s->broken;
    if (a->over)
        note(a, what,
             rc == LIBSSH2_ERROR_EAGAIN ? "no answer in time"
                                        : "the server hung up");
    else if (use == SSH_KEY_RSA)
        note(a, what, "RSA, refused");
    else
        note(a, what, "refused");
    if (use == SSH_KEY_RSA)
        a->old_rsa = true;
    return false;
}

/* --- key files --- */

static bool offer_content(struct attempt *a, const char *path,
                          const char *content, size_t len, enum ssh_key_use use)
{
    const char *user = a->t->user;
    int rc;

    do
        rc = libssh2_userauth_publickey_frommemory(
            a->s->raw, user, strlen(user), NULL, 0, content, len, NULL);
    while (ssh_again(a->s, rc, a->deadline));
    /* Other errors are of its own, about the file. */
    if (rc < 0 && !a->s->broken && rc != LIBSSH2_ERROR_AUTHENTICATION_FAILED &&
        rc != LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED) {
        note(a, path, "libssh2 cannot read it");
        return false;
    }
    return accepted(a, rc, path, use);
}

/* Offer key file [path] if its kind is [use]; true when we are in.  Why it is
 * no good is noted in the first round only.
 */
static bool offer_file(struct attempt *a, const char *path,
                       enum ssh_key_use use, bool named)
{
    char why[512];
    ssh_key key;
    size_t len = 0;
    bool in = false, first = use == SSH_KEY_GOOD;
    char *content = ssh_key_read(path, &len, why, sizeof(why));

    if (!content) {
        if (first && (named || *why))
            note(a, path, *why ? why : "not there");
        return false;
    }
    if (!ssh_key_parse(content, &key)) {
        if (first)
            note(a, path, "not a private key");
    } else if (ssh_key_use_of(key.type) == SSH_KEY_NEVER) {
        if (first)
            note(a, path, "a kind libssh2 cannot use");
    } else if (ssh_key_use_of(key.type) == use) {
        if (key.encrypted)
            note(a, path, "has a passphrase: run ssh-add");
        else
            in = offer_content(a, path, content, len, use);
    }
    OPENSSL_cleanse(content, len);
    free(content);
    return in;
}

static bool offer_files(struct attempt *a, enum ssh_key_use use)
{
    static const char *const usual[] = {"id_ed25519", "id_ecdsa", "id_rsa"};
    bool in = false;

    for (size_t i = 0; i < a->t->n_identities && !in && !a->over; i++)
        in = offer_file(a, a->t->identities[i], use, true);
    if (a->t->n_identities > 0)
        return in;
    for (size_t i = 0; i < 3 && !in && !a->over; i++) {
        char *path = text_format("%s/%s", a->t->folder, usual[i]);
        in = path && offer_file(a, path, use, false);
        free(path);
    }
    return in;
}

/* --- the agent --- */

static LIBSSH2_AGENT *agent_open(struct attempt *a)
{
    LIBSSH2_AGENT *agent = a->t->agent ? libssh2_agent_init(a->s->raw) : NULL;

    if (!agent)
        return NULL;
    libssh2_agent_set_identity_path(agent, a->t->agent);
    if (libssh2_agent_connect(agent) == 0 &&
        libssh2_agent_list_identities(agent) == 0)
        return agent;
    note(a, "agent", "does not answer");
    libssh2_agent_disconnect(agent);
    libssh2_agent_free(agent);
    return NULL;
}

static void agent_close(LIBSSH2_AGENT *agent)
{
    if (!agent)
        return;
    libssh2_agent_disconnect(agent);
    libssh2_agent_free(agent);
}

static bool offer_identity(struct attempt *a, LIBSSH2_AGENT *agent,
                           struct libssh2_agent_publickey *key,
                           enum ssh_key_use use)
{
    char what[128];
    int rc;

    snprintf(what, sizeof(what), "agent's %s",
             key->comment && *key->comment ? key->comment : "key");
    for (char *c = what; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    do
        rc = libssh2_agent_userauth(agent, a->t->user, key);
    while (ssh_again(a->s, rc, a->deadline));
    return accepted(a, rc, what, use);
}

static bool offer_agent(struct attempt *a, LIBSSH2_AGENT *agent,
                        enum ssh_key_use use)
{
    struct libssh2_agent_publickey *key = NULL;
    char type[64];
    bool in = false;

    while (agent && !in && !a->over &&
           libssh2_agent_get_identity(agent, &key, key) == 0) {
        ssh_known_type(key->blob, key->blob_len, type, sizeof(type));
        if (ssh_key_use_of(type) == use)
            in = offer_identity(a, agent, key, use);
    }
    return in;
}

/* --- both --- */

/* What to do about it. */
static const char *advice(const struct attempt *a)
{
    if (a->over)
        return "the server takes a few tries only: name the right key with "
               "IdentityFile in ~/.ssh/config";
    if (a->old_rsa)
        return "libssh2 before 1.11 signs with RSA and SHA-1, which servers "
               "of today refuse: make another key with 'ssh-keygen -t "
               "ed25519' and bring it there with ssh-copy-id";
    return "make a key with 'ssh-keygen -t ed25519' where there is none, and "
           "bring it there with ssh-copy-id";
}

static int refuse(const struct attempt *a, pe_error *errp)
{
    const ssh_target *t = a->t;

    return pe_error_set(
        errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
        "%s port %d accepts no key of user %s: %s; %s%s%s%s", t->name, t->port,
        t->user, a->tried.data ? a->tried.data : "there is none, nor an agent",
        *a->s->farewell ? "it said '" : "", a->s->farewell,
        *a->s->farewell ? "'; " : "", advice(a));
}

/* Methods the server has; 1: it asked for nothing and we are in. */
static int methods_learn(struct attempt *a, pe_error *errp)
{
    const char *user = a->t->user;
    const char *list;

    do
        list = libssh2_userauth_list(a->s->raw, user, (unsigned)strlen(user));
    while (ssh_again(a->s, ssh_errno(a->s, list), a->deadline));
    if (!list && libssh2_userauth_authenticated(a->s->raw))
        return 1;
    if (!list)
        return ssh_fail(a->s, ssh_errno(a->s, list), "log in", errp);
    if (strstr(list, "publickey"))
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                        "%s port %d takes no keys but only '%.100s' from user "
                        "%s, which cannot be done unattended",
                        a->t->name, a->t->port, list, user);
}

/* A key that was named by the user goes first: servers allow few tries, and
 * an agent may have many keys.  Old RSA goes last, for the old servers that
 * still take it.
 */
int ssh_authenticate(ssh_session *s, const ssh_target *t, int64_t deadline,
                     pe_error *errp)
{
    static const enum ssh_key_use rounds[] = {SSH_KEY_GOOD, SSH_KEY_RSA};
    struct attempt a = {.s = s, .t = t, .deadline = deadline};
    int status = methods_learn(&a, errp);
    bool in = status == 1;

    if (status != 0)
        return status < 0 ? -1 : 0;
    /* What an agent that does not answer takes is not the server's. */
    int64_t before = clock_mono_ns();
    LIBSSH2_AGENT *agent = agent_open(&a);
    a.deadline += clock_mono_ns() - before;
    for (int i = 0; i < 2 && !in && !a.over; i++) {
        bool files_first = t->n_identities > 0;
        if (files_first)
            in = offer_files(&a, rounds[i]);
        if (!in && !a.over)
            in = offer_agent(&a, agent, rounds[i]);
        if (!in && !a.over && !files_first)
            in = offer_files(&a, rounds[i]);
    }
    agent_close(agent);
    /* One that has had enough of us says so; else the connection broke. */
    if (!in && a.over && !*s->farewell)
        ssh_fail(s, LIBSSH2_ERROR_SOCKET_DISCONNECT, "log in", errp);
    else if (!in)
        refuse(&a, errp);
    text_free(&a.tried);
    return in ? 0 : -1;
}
