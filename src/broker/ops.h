/* ops.h - what each broker does behind broker.h: a row for each of its faces.
 */
#ifndef BROKER_OPS_H
#define BROKER_OPS_H

#include "src/broker/acl.h"

/* Each does what the function of broker.h with its name does.  What is opened
 * begins with the base; broker.c fills that in.
 */
typedef struct broker_admin_ops {
    int (*login_check)(const broker_conf *c, pe_error *errp);
    broker_admin *(*open)(const broker_conf *c, pe_error *errp);
    void (*close)(broker_admin *a);
    int (*ensure)(broker_admin *a, const broker_topic *t, int *partitionsp,
                  pe_error *errp);
    int (*remove)(broker_admin *a, const char *name, pe_error *errp);
    int (*each)(broker_admin *a,
                void (*each)(void *arg, const char *host, int port), void *arg,
                pe_error *errp);
    int (*partitions)(broker_admin *a, const char *name, int *partitionsp,
                      pe_error *errp);
    int (*watermarks)(broker_admin *a, const char *topic, int32_t partition,
                      int64_t *lowp, int64_t *highp, pe_error *errp);
    int (*ends)(broker_admin *a, const char *topic, const int32_t *partition,
                int64_t *end, size_t n, pe_error *errp);
    int (*trips)(broker_admin *a, const char *topic, int32_t n, int32_t *us,
                 pe_error *errp);
    /* NULL: it has no rights of topics. */
    int (*acl)(broker_admin *a, const broker_acl *acl, size_t n,
               pe_error *errp);
} broker_admin_ops;

struct broker_admin {
    const broker_admin_ops *ops;
};

typedef struct broker_producer_ops {
    broker_producer *(*open)(const broker_producer_conf *c, pe_error *errp);
    void (*close)(broker_producer *p);
    int (*produce)(broker_producer *p, const broker_output *o, pe_error *errp);
    int (*poll)(broker_producer *p, int timeout_ms);
    void (*answers)(const broker_producer *p, broker_answers *out);
    int (*pending)(const broker_producer *p);
    int (*flush)(broker_producer *p, int timeout_ms, pe_error *errp);
    int (*error)(const broker_producer *p, pe_error *errp);
} broker_producer_ops;

struct broker_producer {
    const broker_producer_ops *ops;
};

typedef struct broker_consumer_ops {
    broker_consumer *(*open)(const broker_consumer_conf *c, pe_error *errp);
    void (*close)(broker_consumer *c);
    int (*assign)(broker_consumer *c, const broker_position *p, size_t n,
                  pe_error *errp);
    int (*fetch)(broker_consumer *c, int timeout_ms, broker_record *r,
                 pe_error *errp);
    void (*release)(broker_record *r); /* its handle is not NULL */
    int (*headers)(const broker_record *r, record_headers *h, pe_error *errp);
    size_t (*checks)(const broker_consumer *c);
    bool (*is_away)(const broker_consumer *c, char *out, size_t cap);
    void (*answers)(const broker_consumer *c, broker_answers *out);
    int (*fd)(const broker_consumer *c);
    void (*fd_clear)(const broker_consumer *c);
    int64_t (*high)(const broker_consumer *c, int32_t partition);
    int (*partitions)(const broker_consumer *c);
    void (*note)(broker_consumer *c, const broker_position *p, size_t n);
} broker_consumer_ops;

struct broker_consumer {
    const broker_consumer_ops *ops;
};

/* Of Kafka, in this room; of streams in a Redis, in src/stream. */
extern const broker_admin_ops kafka_admin_ops, stream_admin_ops;
extern const broker_producer_ops kafka_producer_ops, stream_producer_ops;
extern const broker_consumer_ops kafka_consumer_ops, stream_consumer_ops;

#endif
