/* acl.c - what a user may do with topics, as a broker with an authorizer has
 * it.
 */
#include "src/broker/acl.h"

#include <stdlib.h>

#include "src/broker/admin.h"
#include "src/broker/ops.h"

static const struct {
    const char *word;
    rd_kafka_AclOperation_t operation;
} rows[BROKER_MAY_N] = {
    {"Read", RD_KAFKA_ACL_OPERATION_READ},
    {"Write", RD_KAFKA_ACL_OPERATION_WRITE},
    {"Create", RD_KAFKA_ACL_OPERATION_CREATE},
    {"Delete", RD_KAFKA_ACL_OPERATION_DELETE},
    {"Alter", RD_KAFKA_ACL_OPERATION_ALTER},
    {"Describe", RD_KAFKA_ACL_OPERATION_DESCRIBE},
    {"AlterConfigs", RD_KAFKA_ACL_OPERATION_ALTER_CONFIGS},
    {"DescribeConfigs", RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS},
};

const char *broker_may_word(int i)
{
    return rows[i].word;
}

/* One binding for each operation, added to [all]. */
static int add(const broker_acl *acl, rd_kafka_AclBinding_t **all, size_t *np,
               pe_error *errp)
{
    char why[256] = "";

    for (int i = 0; i < BROKER_MAY_N; i++) {
        if (!(acl->may & (1u << i)))
            continue;
        all[*np] = rd_kafka_AclBinding_new(
            RD_KAFKA_RESOURCE_TOPIC, acl->topic,
            acl->prefix ? RD_KAFKA_RESOURCE_PATTERN_PREFIXED
                        : RD_KAFKA_RESOURCE_PATTERN_LITERAL,
            acl->principal, "*", rows[i].operation,
            RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, why, sizeof(why));
        if (!all[*np])
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "the rights of %s to topic %s: %s",
                                acl->principal, acl->topic, why);
        ++*np;
    }
    return 0;
}

static int refuse(rd_kafka_resp_err_t err, const char *why, pe_error *errp)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                            "the broker takes no rights of users (%s): it has "
                            "no authorizer.class.name, and lets everybody in",
                            why);
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                            "the broker takes no rights of users (%s): log in "
                            "as one of its super.users",
                            why);
    default:
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "the broker takes no rights of users: %s", why);
    }
}

static int check(rd_kafka_event_t *ev, pe_error *errp)
{
    const rd_kafka_acl_result_t **r;
    size_t n;

    if (!ev)
        return refuse(RD_KAFKA_RESP_ERR__TIMED_OUT, "it does not answer", errp);
    if (rd_kafka_event_error(ev))
        return refuse(rd_kafka_event_error(ev), rd_kafka_event_error_string(ev),
                      errp);
    r = rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(ev),
                                        &n);
    for (size_t i = 0; i < n; i++) {
        const rd_kafka_error_t *err = rd_kafka_acl_result_error(r[i]);

        if (err)
            return refuse(rd_kafka_error_code(err), rd_kafka_error_string(err),
                          errp);
    }
    return 0;
}

int broker_acl_put(broker_admin *a, const broker_acl *acl, size_t n,
                   pe_error *errp)
{
    if (a->ops->acl)
        return a->ops->acl(a, acl, n, errp);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_PERMISSION,
                        "a Redis has no rights of topics: 'pilot acl --redis' "
                        "prints those of its keys");
}

int kafka_acl_put(broker_admin *a, const broker_acl *acl, size_t n,
                  pe_error *errp)
{
    rd_kafka_AclBinding_t **all = calloc(n * BROKER_MAY_N + 1, sizeof(*all));
    size_t n_all = 0;
    int rc = all ? 0 : pe_error_nomem(errp);

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add(&acl[i], all, &n_all, errp);
    if (rc == 0) {
        rd_kafka_event_t *ev = admin_create_acls(a, all, n_all);

        rc = check(ev, errp);
        if (ev)
            rd_kafka_event_destroy(ev);
    }
    if (all)
        rd_kafka_AclBinding_destroy_array(all, n_all);
    free(all);
    return rc;
}
