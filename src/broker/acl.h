/* acl.h - what a user may do with topics, as a broker with an authorizer has
 * it.
 */
#ifndef BROKER_ACL_H
#define BROKER_ACL_H

#include "src/broker/broker.h"

enum broker_may {
    BROKER_MAY_READ = 1 << 0,
    BROKER_MAY_WRITE = 1 << 1,
    BROKER_MAY_CREATE = 1 << 2,
    BROKER_MAY_DELETE = 1 << 3,
    BROKER_MAY_ALTER = 1 << 4,
    BROKER_MAY_DESCRIBE = 1 << 5,
    BROKER_MAY_ALTER_CONFIGS = 1 << 6,
    BROKER_MAY_DESCRIBE_CONFIGS = 1 << 7,
    BROKER_MAY_N = 8,
};

typedef struct broker_acl {
    const char *principal; /* User:NAME */
    const char *topic;     /* a name, or how it begins */
    bool prefix;
    unsigned may; /* enum broker_may, added up */
} broker_acl;

/* As Kafka's own tool spells number [i] of them. */
const char *broker_may_word(int i);

/* Make them known; one that is there is no error.  Errors: 77, who logs in may
 * not, or the broker looks at none; retry, 69.
 */
int broker_acl_put(broker_admin *a, const broker_acl *acl, size_t n,
                   pe_error *errp);

#endif
