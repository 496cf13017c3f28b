/* ssh_trust.c - is the host the one it should be? */
#include "ssh_session.h"

#include <openssl/evp.h>
#include <string.h>

#include "src/common/shell.h"
#include "src/host/ssh_known.h"

/* Those of the comma-separated [wanted] that this library has.  It takes out
 * others itself, but by a memcpy(3) onto itself.
 */
static int supported_of(ssh_session *s, const char *wanted, text *out)
{
    const char **has = NULL;
    int n =
        libssh2_session_supported_algs(s->raw, LIBSSH2_METHOD_HOSTKEY, &has);

    while (*wanted) {
        size_t len = strcspn(wanted, ",");
        for (int i = 0; i < n; i++)
            if (strlen(has[i]) == len && !strncmp(has[i], wanted, len))
                text_add(out, "%s%s", out->len ? "," : "", has[i]);
        wanted += len + (wanted[len] == ',');
    }
    if (n > 0)
        libssh2_free(s->raw, has);
    return n;
}

int ssh_trust_prepare(ssh_session *s, const ssh_target *t, ssh_known *known,
                      pe_error *errp)
{
    text wanted = {0}, usable = {0};
    int status = 0;

    /* A name of its own for its keys goes without a port. */
    for (size_t i = 0; i < t->n_known; i++)
        if (ssh_known_load(known, t->known[i],
                           *t->known_as ? t->known_as : t->host,
                           *t->known_as ? SSH_PORT : t->port) < 0)
            return pe_error_nomem(errp);
    /* Else the server shows a key of a type of its own choice, and one that
     * we know would go unseen.
     */
    ssh_known_algorithms(known, &wanted);
    int n = wanted.failed ? -1 : supported_of(s, wanted.data, &usable);
    if (n < 0 || usable.failed)
        status = pe_error_nomem(errp);
    else if (usable.len > 0 &&
             libssh2_session_method_pref(s->raw, LIBSSH2_METHOD_HOSTKEY,
                                         usable.data) < 0)
        status = pe_error_nomem(errp); /* it has them: supported_of() */
    text_free(&usable);
    text_free(&wanted);
    return status;
}

/* "SHA256:..." as ssh-keygen -l prints it. */
static void fingerprint(const ssh_session *s, char out[64])
{
    const char *hash =
        libssh2_hostkey_hash(s->raw, LIBSSH2_HOSTKEY_HASH_SHA256);
    unsigned char base64[48];

    memcpy(out, "?", 2);
    if (!hash)
        return;
    int n = EVP_EncodeBlock(base64, (const unsigned char *)hash, 32);
    while (n > 0 && base64[n - 1] == '=')
        n--;
    memcpy(out, "SHA256:", 7);
    memcpy(out + 7, base64, (size_t)n);
    out[7 + n] = '\0';
}

/* The command that adds the key of [t] to its file of known hosts.  Where it
 * has another name there, or lies behind others, only ssh gets there.
 */
static void keyscan(const ssh_target *t, text *out)
{
    if (t->proxy || *t->known_as) {
        text_add(out, "ssh -o StrictHostKeyChecking=ask -p %d ", t->port);
        shell_add_word(out, t->name);
        return;
    }
    text_add(out, "ssh-keyscan -p %d ", t->port);
    shell_add_word(out, t->host);
    text_add(out, " >> ");
    shell_add_word(out, t->known_hosts);
}

/* The one that takes out what is wrong. */
static void forget(const ssh_target *t, const ssh_known_key *key, text *out)
{
    text name = {0};

    if (*t->known_as)
        text_add(&name, "%s", t->known_as);
    else if (t->port == SSH_PORT)
        text_add(&name, "%s", t->host);
    else
        text_add(&name, "[%s]:%d", t->host, t->port);
    text_add(out, "ssh-keygen -R ");
    shell_add_word(out, name.data ? name.data : "");
    text_add(out, " -f ");
    shell_add_word(out, key->file);
    text_free(&name);
}

static int refuse_unknown(const ssh_target *t, const char *type,
                          const char *print, const ssh_known_key *other,
                          pe_error *errp)
{
    text command = {0};

    keyscan(t, &command);
    pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                 "%s port %d: its %s key %s is not in %s%s; compare it with "
                 "what the site tells, then run '%s'",
                 t->name, t->port, type, print, t->known_hosts,
                 other ? ", which has a key of another type only" : "",
                 command.data ? command.data : "ssh-keyscan");
    text_free(&command);
    return -1;
}

static int refuse_changed(const ssh_target *t, const char *type,
                          const char *print, const ssh_known_key *key,
                          pe_error *errp)
{
    text remove = {0}, add = {0};

    forget(t, key, &remove);
    keyscan(t, &add);
    pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                 "%s port %d shows another %s key (%s) than line %d of %s "
                 "has: somebody may be listening in; when the site tells "
                 "that its key is new, run '%s && %s'",
                 t->name, t->port, type, print, key->line, key->file,
                 remove.data ? remove.data : "ssh-keygen -R",
                 add.data ? add.data : "ssh-keyscan");
    text_free(&add);
    text_free(&remove);
    return -1;
}

int ssh_trust_check(ssh_session *s, const ssh_target *t, const ssh_known *known,
                    pe_error *errp)
{
    const ssh_known_key *found;
    char print[64], type[64];
    size_t len = 0;
    int kind;
    const char *blob = libssh2_session_hostkey(s->raw, &len, &kind);

    if (!blob)
        return ssh_fail(s, LIBSSH2_ERROR_HOSTKEY_INIT, "get its host key",
                        errp);
    fingerprint(s, print);
    ssh_known_type((const unsigned char *)blob, len, type, sizeof(type));
    switch (ssh_known_check(known, (const unsigned char *)blob, len, &found)) {
    case SSH_KNOWN_MATCH:
        return 0;
    case SSH_KNOWN_CHANGED:
        return refuse_changed(t, type, print, found, errp);
    case SSH_KNOWN_REVOKED:
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                            "%s port %d: its %s key %s is revoked by line %d "
                            "of %s; ask the site",
                            t->name, t->port, type, print, found->line,
                            found->file);
    case SSH_KNOWN_OTHER_TYPE:
    case SSH_KNOWN_NONE:
        break;
    }
    return refuse_unknown(t, type, print, found, errp);
}
