/* pipeline_private.h - what the files of the pipeline room share. */
#ifndef PIPELINE_PIPELINE_PRIVATE_H
#define PIPELINE_PIPELINE_PRIVATE_H

#include <jansson.h>
#include <stdio.h>

#include "pipeline.h"
#include "src/config/tree.h"

/* In the name of a topic: the name of the run. */
#define PIPELINE_RUN "{run}"

/* Put what PILOT_BROKER, PILOT_PARAMS and PILOT_PASSWORD_FILE say in the
 * place of what the file says; what --set says stays.
 */
int pipeline_take_environment(tree *root, pe_error *errp);

struct pipeline_auth {
    enum pilot_kind kind; /* of the service */
    char *file;           /* it stands in there; NULL: here */
    char *where;          /* of the pipeline file */
    pe_options *values;
    json_t *options; /* of the client, by name */
    /* Who each of them is, where they are told apart; NULL: as here. */
    pipeline_auth *roles[LOGIN_N_ROLES];
};

/* The text of [key], or NULL. */
const char *auth_value(const pipeline_auth *a, const char *key);
/* Fill [a], which says its kind, from a mapping. */
int auth_read_mapping(pipeline_auth *a, const tree *t, pe_error *errp);
/* What [a] points to. */
void auth_clear(pipeline_auth *a);

/* Read `auth` of [t], a pilot of kind broker or params: a mapping, or the name
 * of a file. Files are not opened.
 */
int pipeline_read_auth(pipeline_pilot *k, const tree *t, pe_error *errp);
void pipeline_auth_destroy(pipeline_auth *a); /* may be NULL */
typedef void (*pipeline_auth_f)(void *arg, const char *name, const char *text);
/* Each value of a mapping, options as options.NAME. */
void pipeline_auth_each(const pipeline_auth *a, pipeline_auth_f each,
                        void *arg);
/* Are the files of all logins there, and would a client take them? */
int pipeline_check_logins(const pipeline *p, pe_error *errp);

/* Does [t], a pilot of the file, say that it is of [kind]? */
bool pipeline_is_of_kind(const tree *t, enum pilot_kind kind);

/* Read `pilots:`. */
int pipeline_read_pilots(pipeline *p, const tree *root, pe_error *errp);

/* Can the pools that have a `scale` be scaled?  All else is read. */
int pipeline_check_scale(const pipeline *p, const tree *root, pe_error *errp);

/* Read the `prefer` of stage [t]; and, when all else is read, is it of sites
 * that there are, and can it be had?
 */
int pipeline_read_prefer(pipeline_stage *s, const tree *t, pe_error *errp);
int pipeline_check_prefer(const pipeline *p, const tree *root, pe_error *errp);

/* Read `stages:`; pilots are there already. */
int pipeline_read_stages(pipeline *p, const tree *root, pe_error *errp);

/* Which layer each stage of a pool is of; the stages are one chain. */
int pipeline_make_layers(pipeline *p, const tree *t, pe_error *errp);
/* May [s] score by what the stage [end] learns? */
int pipeline_check_scores(const pipeline_stage *s, const pipeline_stage *end,
                          const tree *t, pe_error *errp);
/* Index of the first stage of [layer]; p->n_stages: there is none. */
size_t pipeline_layer_first(const pipeline *p, size_t layer);
/* Put what has been read of the stream that is seen into its place. */
void pipeline_keep_stream(pipeline *p);
void pipeline_free_streams(pipeline *p);

/* `broker:` of a stream: a pilot of the file, or HOST:PORT; into *out, NULL
 * where it is the run's.
 */
int pipeline_find_broker(const pipeline *p, const tree *t, char **out,
                         pe_error *errp);
/* HOST:PORT, once or more. */
int pipeline_check_broker(const tree *t, pe_error *errp);

/* learners.c - a model [s] of the file that is on an edge pilot: the pools of
 * the file merge it.
 */
int pipeline_use_learner(const pipeline *p, pipeline_stage *s, const tree *t,
                         pe_error *errp);
/* Its own keys, which no other stage may have. */
int pipeline_take_learner(pipeline_stage *s, const pe_options *o, const tree *t,
                          pe_error *errp);
/* All stages are there, [p] has a pool for it; scores stay with rows. */
int pipeline_check_learner(pipeline *p, const tree *root, pe_error *errp);
int pipeline_settle_results(pipeline *p, const tree *root, pe_error *errp);

/* urgent.c - key `urgent` of pilot [t]; all else of it is read. */
int pipeline_take_urgent(pipeline_pilot *k, const tree *t, pe_error *errp);
/* How many partitions of the stream that is seen are urgent: as [o] says, which
 * was read from [own], or as many as the devices call for.
 */
int pipeline_settle_urgent(pipeline *p, const pe_options *o, const tree *root,
                           const tree *own, pe_error *errp);
/* Can blocks go ahead?  All else is read. */
int pipeline_check_urgent(const pipeline *p, const tree *root, pe_error *errp);
void pipeline_print_urgent(const pipeline_pilot *k, FILE *f);

/* order.c - does the last stage learn from block after block, in one rank
 * (PE_MODEL_ORDER)?
 */
bool pipeline_is_ordered(const pipeline *p);
/* Its epochs are counted, also where the file does not say; what cannot be is
 * an error.  All else but [p] as a whole is read.
 */
int pipeline_settle_order(pipeline *p, const tree *root, pe_error *errp);

/* sign.c - what `sign` says; *failedp: no memory. */
void pipeline_take_sign(pipeline *p, const char *words, bool *failedp);
/* Can all that is to come be signed?  All else is read. */
int pipeline_check_sign(const pipeline *p, const tree *root, pe_error *errp);

/* streams.c - read `streams:`; stages and layers are there. */
int pipeline_read_streams(pipeline *p, const tree *root, pe_error *errp);
/* Is [name] (NULL: yes), which stands at [t], a topic's? */
int pipeline_check_topic(const tree *t, const char *name, pe_error *errp);

/* spool.c - key `spool` of pilot [t]; all else of it is read. */
int pipeline_take_spool(pipeline_pilot *k, const tree *t, pe_error *errp);
extern const char *const pipeline_spool_syncs[];

/* Is each endpoint one that the pilots which need it can reach, as far as the
 * file tells?
 */
int pipeline_check_reach(const pipeline *p, const tree *root, pe_error *errp);

/* The file, with what --set and the environment say in its place. */
tree *pipeline_read_tree(const char *path, const char *const *overrides,
                         size_t n_overrides, pe_error *errp);

/* Names become part of topics (249 characters at most), keys and paths. */
enum { PIPELINE_NAME_BYTES = 64 };
/* Letters, digits and what [also] lists, the first a letter or digit. */
bool pipeline_is_name(const char *s, const char *also, size_t longest);
/* The key of pilot or stage [t] has to be usable in paths, topics and keys.
 */
int pipeline_check_name(const tree *t, const char *what, pe_error *errp);

/* Tables of keys, by mapping. */
extern const pe_option_spec pipeline_root_keys[], pipeline_stream_keys[],
    pipeline_epoch_keys[], pipeline_checkpoint_keys[], pipeline_stage_keys[],
    pipeline_block_keys[], pipeline_spool_keys[], pipeline_auth_keys[];
extern const pe_option_spec *const pipeline_pilot_keys[PILOT_N_KINDS];

/* Is word [w] of a request a key of pilots of [kind]? */
bool pipeline_kind_has_word(enum pilot_kind kind, enum request_word w);

/* Every key with its value, as a pipeline file. */
void pipeline_print_config(const pipeline *p, FILE *f);

#endif
