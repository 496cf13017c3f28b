/* private.h - what the files of a provider share. */
#ifndef PROVIDER_PRIVATE_H
#define PROVIDER_PRIVATE_H

#include <jansson.h>

#include "src/provider/provider.h"

enum provider_verb {
    VERB_UP,
    VERB_LIST,
    VERB_ADDRESS,
    VERB_DOWN,
    VERB_PRICE,
    N_VERBS
};

/* What a trial makes of the answers of an executable. */
enum fault_kind {
    FAULT_NONE,
    FAULT_LOST,   /* it did what it was told, and was not heard */
    FAULT_CUT,    /* half of the answer came */
    FAULT_HTML,   /* a page of a proxy came instead */
    FAULT_FLOOD,  /* no end of bytes */
    FAULT_SLOW,   /* it took its time */
    FAULT_TWICE,  /* it was run twice */
    FAULT_HANG,   /* another program runs, and does not end */
    FAULT_YES,    /* it says yes, and nothing was done */
    FAULT_QUOTA,  /* it was refused, nothing was done */
    FAULT_HIDDEN, /* the list has nothing of ours */
    FAULT_HALF,   /* the list is not whole, and has nothing of ours */
    FAULT_STATE,  /* a word that nobody knows */
    FAULT_NOWHERE /* no address */
};

struct provider {
    char *label, *folder, *target;
    char *state; /* folder of this host for its machines */
    json_t *options;
    char owner[16]; /* of the home that pilots are of */
    double timeout_s, boot_s, settle_s;
    double max_price; /* < 0: none is given */
    int linger_s;
    double trial_ttl_s; /* of a machine that is to end itself in a trial */
    /* Of a trial: [fault] for the next [fault_times] calls of [fault_verb]. */
    enum fault_kind fault;
    enum provider_verb fault_verb;
    int fault_times;
};

const char *provider_verb_name(enum provider_verb v);

/* Run [v] with [in], which is taken, on its standard input, and its members in
 * the environment.  The object it prints, new; NULL: errors as above.
 */
json_t *provider_call(provider *p, enum provider_verb v, json_t *in,
                      pe_error *errp);

/* Is this call of [v] to fail by [k]?  Counts. */
bool provider_fault_due(provider *p, enum provider_verb v, enum fault_kind k);

/* Remove what this host keeps of machine [name]. */
void provider_forget(const provider *p, const char *name);

/* What a machine of the kind would cost, in the provider's unit an hour. */
int provider_price(provider *p, double *pricep, pe_error *errp);

/* [len] bytes that people may read, on one line, into [out]. */
void provider_words(const char *s, size_t len, char *out, size_t cap);

#endif
