/* sibling.c - services of a run that pilots hold: where they are, and what
 * opens them, from the folders beside ours.
 */
#include "src/pilot/sibling.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/registry/beat.h"

#define BEAT_MAX_BYTES (1 << 20)

/* What opens the service in [folder]: of one with TLS and logins its file of
 * them, else its password.  The first is not told of the second, which is an
 * administrator's.
 */
static int opener_take(pipeline_request *q, enum pilot_kind kind,
                       const char *folder, pe_error *errp)
{
    bool broker = kind == PILOT_BROKER;
    char *auth =
        text_format("%s/service/%s.auth", folder, broker ? "kafka" : "redis");
    char **slot = broker ? &q->broker_auth : &q->params_auth;

    if (!auth)
        return pe_error_nomem(errp);
    if (access(auth, F_OK) == 0) {
        free(*slot);
        *slot = auth;
        return 0;
    }
    free(auth);
    if (broker || q->password_file)
        return 0;
    q->password_file = text_format("%s/service/password", folder);
    return q->password_file ? 0 : pe_error_nomem(errp);
}

int sibling_find(supervisor *s, enum pilot_kind kind, pe_error *errp)
{
    pipeline_request *q = s->req;
    const pipeline_pilot *k = pipeline_pilot_of(s->pl, kind);
    char *run_dir = k ? locate_folder(s->dir, errp) : NULL;
    char *folder = run_dir ? text_format("%s/%s", run_dir, k->name) : NULL;
    char *path = folder ? text_format("%s/beat.json", folder) : NULL;
    char **slot = kind == PILOT_BROKER ? &q->broker : &q->params_url;
    size_t len = 0;
    char *data = path ? file_read(path, BEAT_MAX_BYTES, &len, NULL) : NULL;
    beat b;
    int status = 0;

    if (data && beat_parse(data, len, &b, NULL) == 0 && *b.endpoint) {
        status = opener_take(q, kind, folder, errp);
        if (status == 0 && !(*slot = strdup(b.endpoint)))
            status = pe_error_nomem(errp);
    }
    free(data);
    free(path);
    free(folder);
    free(run_dir);
    return status;
}

int sibling_self(supervisor *s, pe_error *errp)
{
    s->req->params_url = strdup(s->endpoint);
    if (!s->req->params_url)
        return pe_error_nomem(errp);
    return opener_take(s->req, PILOT_PARAMS, s->dir, errp);
}

int sibling_logins(supervisor *s, pe_error *errp)
{
    pipeline_request *q = s->req;
    enum login_role role =
        s->pilot->kind == PILOT_EDGE ? LOGIN_DEVICE : LOGIN_POOL;
    char *data = NULL;
    int status;

    if (!q->broker_auth && !q->params_auth)
        return 0;
    if (q->logins)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "one service of the run is started with a login "
                            "of its own, and the other has an 'auth' in %s: "
                            "have both started, or none",
                            s->pl->file);
    status = pipeline_logins(s->pl, q, role, &data, errp);
    if (status == 0 && data) {
        q->logins = text_format("%s/logins", s->dir);
        status = q->logins
                     ? file_write(q->logins, data, strlen(data), 0600, errp)
                     : pe_error_nomem(errp);
    }
    if (data)
        explicit_bzero(data, strlen(data));
    free(data);
    return status;
}
