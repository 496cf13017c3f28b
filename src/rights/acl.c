/* acl.c - `pilot acl`: what a Redis and a Kafka have to let each role do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/broker/acl.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/params/acl.h"
#include "src/rights/rights.h"
#include "src/run/run.h"
#include "src/view/topic_look.h"

#define ANY "*"
#define READS (BROKER_MAY_DESCRIBE | BROKER_MAY_DESCRIBE_CONFIGS)
#define ALL ((1u << BROKER_MAY_N) - 1)

struct acl_options {
    option_list set;
    const char *run;
    bool redis, kafka, apply, help;
};

#define OPTION(kind, member) OPTION_##kind, offsetof(struct acl_options, member)

static const option_spec options[] = {
    {"redis", 0, OPTION(FLAG, redis), NULL, NULL, "those of Redis alone"},
    {"kafka", 0, OPTION(FLAG, kafka), NULL, NULL, "those of Kafka alone"},
    {"apply", 0, OPTION(FLAG, apply), NULL, NULL,
     "make those of Kafka, at the broker that is known; who logs in has to be "
     "one of its super.users"},
    {"run", 'r', OPTION(TEXT, run), "NAME", NULL,
     "of FILE: the run (default: any)"},
    {"set", 0, OPTION(LIST, set), "PATH=VALUE", NULL,
     "override a key of FILE; may be repeated"},
    {"help", 'h', OPTION(FLAG, help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[OPTION]... [RUN]",
                                       "[OPTION]... [--run NAME] FILE", NULL};

static const option_usage usage = {
    .command = "pilot acl",
    .synopsis = synopsis,
    .prose = "Print what an administrator has to let an operator, a pool and a "
             "device do, for\none run or, without an operand, for any: rules "
             "of Redis, and lines of Kafka's\nown kafka-acls.sh.  No password "
             "is in them.",
    .options = options,
    .min_args = 0,
    .max_args = 1,
    .operand = "a RUN",
};

/* What is asked for. */
typedef struct acl_job {
    const struct acl_options *o;
    const char *run; /* or ANY */
    pipeline *p;     /* NULL: topics have their own names */
    pipeline_request *req;
    char *users[2][LOGIN_N_ROLES]; /* of Redis, of Kafka */
    broker_acl *acls;
    size_t n_acls;
} acl_job;

/* --- who --- */

/* As whom [role] logs in at a service, behind [before]. */
static char *user_of(const acl_job *j, enum pilot_kind kind,
                     enum login_role role, const char *before, pe_error *errp)
{
    const pipeline_pilot *k = j->p ? pipeline_pilot_of(j->p, kind) : NULL;
    char *user = NULL, *name;

    if (k && k->auth && pipeline_auth_user(k->auth, role, &user, errp) < 0)
        return NULL;
    name = user ? text_format("%s%s", before, user)
                : text_format("%spilot-%s", before, login_role_word(role));
    free(user);
    if (!name)
        pe_error_nomem(errp);
    return name;
}

static int users_find(acl_job *j, pe_error *errp)
{
    for (int r = 0; r < LOGIN_N_ROLES; r++) {
        enum login_role role = (enum login_role)r;

        j->users[0][r] = user_of(j, PILOT_PARAMS, role, "", errp);
        if (!j->users[0][r])
            return -1;
        j->users[1][r] = user_of(j, PILOT_BROKER, role, "User:", errp);
        if (!j->users[1][r])
            return -1;
    }
    return 0;
}

/* --- what of Kafka --- */

static int acl_add(acl_job *j, enum login_role role, const char *topic,
                   bool prefix, unsigned may)
{
    broker_acl *all =
        realloc(j->acls, (j->n_acls + 1) * sizeof(*all)); /* few */
    char *copy = all ? strdup(topic) : NULL;

    if (all)
        j->acls = all;
    if (!copy)
        return -1;
    j->acls[j->n_acls++] = (broker_acl){.principal = j->users[1][role],
                                        .topic = copy,
                                        .prefix = prefix,
                                        .may = may};
    return 0;
}

/* The topics of a run that names none, or of all of them. */
static int acls_by_prefix(acl_job *j, const char *prefix)
{
    return acl_add(j, LOGIN_OPERATOR, prefix, true, ALL) < 0 ||
                   acl_add(j, LOGIN_POOL, prefix, true,
                           READS | BROKER_MAY_READ | BROKER_MAY_WRITE) < 0 ||
                   acl_add(j, LOGIN_DEVICE, prefix, true,
                           READS | BROKER_MAY_WRITE) < 0
               ? -1
               : 0;
}

static int acls_of_layer(acl_job *j, size_t k)
{
    static const char *const suffixes[] = {"", PIPELINE_RESULTS,
                                           PIPELINE_REFUSED};
    pipeline_request at;
    pipeline of;
    char name[256];

    pipeline_peek(j->p, j->req, k, &of, &at);
    for (size_t i = 0; i < 3; i++) {
        bool written = i > 0 || k > 0; /* by a pool */

        if (i == 1 && !of.results)
            continue;
        pipeline_topic(&of, at.run, suffixes[i], name, sizeof(name));
        if (acl_add(j, LOGIN_OPERATOR, name, false, ALL) < 0 ||
            acl_add(j, LOGIN_POOL, name, false,
                    READS | BROKER_MAY_READ |
                        (written ? BROKER_MAY_WRITE : 0)) < 0 ||
            (!written && acl_add(j, LOGIN_DEVICE, name, false,
                                 READS | BROKER_MAY_WRITE) < 0))
            return -1;
    }
    return 0;
}

static int acls_find(acl_job *j, pe_error *errp)
{
    char prefix[300];
    int rc = 0;

    if (j->p && strcmp(j->run, ANY) != 0) {
        for (size_t k = 0; rc == 0 && k < j->p->n_streams; k++)
            rc = acls_of_layer(j, k);
    } else {
        snprintf(prefix, sizeof(prefix), "pilot.%s%s",
                 strcmp(j->run, ANY) ? j->run : "",
                 strcmp(j->run, ANY) ? "." : "");
        rc = acls_by_prefix(j, prefix);
    }
    return rc < 0 ? pe_error_nomem(errp) : 0;
}

/* --- printing --- */

static int redis_print(const acl_job *j, pe_error *errp)
{
    printf("# Redis: say these to it as an administrator, and give each user a "
           "password\n# (ACL SETUSER NAME on '>PASSWORD')\n");
    for (int r = 0; r < LOGIN_N_ROLES; r++) {
        char *rules = params_acl_rules((enum login_role)r, j->run, errp);

        if (!rules)
            return -1;
        printf("ACL SETUSER %s %s\n", j->users[0][r], rules);
        free(rules);
    }
    return 0;
}

static void kafka_print(const acl_job *j)
{
    const char *broker = j->req && j->req->broker ? j->req->broker : "BROKER";

    printf("# Kafka: for who is one of its super.users\n");
    for (size_t i = 0; i < j->n_acls; i++) {
        const broker_acl *a = &j->acls[i];

        printf("kafka-acls.sh --bootstrap-server %s --add --allow-principal %s",
               broker, a->principal);
        for (int b = 0; b < BROKER_MAY_N; b++)
            if (a->may & (1u << b))
                printf(" --operation %s", broker_may_word(b));
        printf(" --topic %s%s\n", a->topic,
               a->prefix ? " --resource-pattern-type prefixed" : "");
    }
}

static int apply(const acl_job *j, pe_error *errp)
{
    broker_conf c = {0};
    look_place at = {0};
    broker_admin *a = NULL;
    int rc = look_find("kafka:///-", "", &at, errp);

    if (rc == 0) {
        pipeline_request_broker(at.req, &c, "pilot-acl");
        a = broker_admin_open(&c, errp);
        rc = a ? broker_acl_put(a, j->acls, j->n_acls, errp) : -1;
    }
    if (rc == 0)
        log_info("%s knows what an operator, a pool and a device may do",
                 at.req->broker);
    broker_admin_close(a);
    look_leave(&at);
    return rc;
}

/* --- the command --- */

static int load_file(acl_job *j, const char *file, pe_error *errp)
{
    j->run = j->o->run ? j->o->run : ANY;
    if (j->o->run && run_name_check(j->run, errp) < 0)
        return -1;
    j->p = pipeline_load(file, j->o->set.items, j->o->set.n, errp);
    j->req = j->p ? calloc(1, sizeof(*j->req)) : NULL;
    if (j->req)
        j->req->run = strdup(j->run);
    if (j->p && (!j->req || !j->req->run))
        pe_error_nomem(errp);
    return j->req && j->req->run ? 0 : -1;
}

/* A run that is not known here has topics of their own names. */
static int load_run(acl_job *j, const char *run, pe_error *errp)
{
    char *home = locate_home(errp), *dir;
    int rc = home ? 0 : -1;

    j->run = run;
    dir = home ? locate_run(home, run, NULL) : NULL;
    if (dir) {
        j->req = pipeline_request_read(dir, errp);
        j->p = j->req ? pipeline_load(j->req->file,
                                      (const char *const *)j->req->overrides,
                                      j->req->n_overrides, errp)
                      : NULL;
        rc = j->p ? 0 : -1;
    } else if (rc == 0) {
        rc = run_name_check(run, errp);
    }
    free(dir);
    free(home);
    return rc;
}

static int job_do(acl_job *j, const char *word, pe_error *errp)
{
    bool both = !j->o->redis && !j->o->kafka;
    int rc = 0;

    j->run = ANY;
    if (word)
        rc = access(word, F_OK) == 0 ? load_file(j, word, errp)
                                     : load_run(j, word, errp);
    if (rc < 0 || users_find(j, errp) < 0 || acls_find(j, errp) < 0)
        return -1;
    if (j->o->apply)
        return apply(j, errp);
    if ((both || j->o->redis) && redis_print(j, errp) < 0)
        return -1;
    if (both || j->o->kafka)
        kafka_print(j);
    return 0;
}

static void job_free(acl_job *j)
{
    for (int r = 0; r < LOGIN_N_ROLES; r++) {
        free(j->users[0][r]);
        free(j->users[1][r]);
    }
    for (size_t i = 0; i < j->n_acls; i++)
        free((char *)j->acls[i].topic);
    free(j->acls);
    pipeline_destroy(j->p);
    pipeline_request_destroy(j->req);
}

int rights_acl(int argc, char **argv)
{
    struct acl_options o = {0};
    acl_job j = {.o = &o};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);
    int status = PE_EXIT_OK;

    if (first >= 0 && o.help)
        option_help(&usage, stdout);
    else if (first < 0 || option_operands(&usage, argc - first, &e) < 0 ||
             job_do(&j, argv[first], &e) < 0)
        status = log_failure(&e);
    job_free(&j);
    option_list_free(&o.set);
    return status;
}
