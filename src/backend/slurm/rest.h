/* rest.h - slurmrestd: what is asked of it, and jobs as it has them. */
#ifndef BACKEND_SLURM_REST_H
#define BACKEND_SLURM_REST_H

#include <jansson.h>

#include "src/common/post.h"
#include "src/common/text.h"
#include "src/resource/resource.h"

#define REST_TOKEN_FILE "PILOT_SLURM_TOKEN_FILE"
#define REST_MINE (-1) /* an error that has no number of Slurm's */

/* How it wants to be told of a job: v0.0.38 in the words of sbatch, the later
 * ones in types of their own.
 */
enum rest_form { REST_WORDS, REST_TYPED };

/* The newest API that we speak: what a job looks like where nobody is asked. */
#define REST_NEWEST "v0.0.42"

typedef struct rest_line {
    char *root;          /* "http://HOST:PORT/slurm/" */
    char *socket;        /* path; NULL: a port */
    char *name;          /* of it, for messages */
    char *headers[4];    /* NULL-ended; [1] and [2] of a token */
    double timeout_s;    /* of a call */
    const char *api;     /* "v0.0.42"; NULL: not known yet, set by a call */
    enum rest_form form; /* of [api] */
    post *post;          /* NULL: not used yet */
} rest_line;

/* What it holds is freed. */
void rest_line_clear(rest_line *l);

/* An answer, and what is wrong with it. */
typedef struct rest_answer {
    json_t *all;
    json_int_t error; /* the first number of its errors; 0: there is none */
    char words[512];
} rest_answer;

void rest_answer_clear(rest_answer *a);

/* Which API to speak is found out, when it is not known: the newest that both
 * have.  Errors: as for rest_call, and input, 78: it has none of ours.
 */
int rest_api_find(rest_line *l, pe_error *errp);

/* [method] of [path] ("/jobs") with [body], NULL: none; any answer of the API
 * is one, and *a is to be cleared.  Errors: retry, 69: nobody answers, or no
 * answer of the API; 77: it lets us not in.
 */
int rest_call(rest_line *l, const char *method, const char *path,
              const char *body, rest_answer *a, pe_error *errp);

/* Its slurmctld did not answer it: whether the thing was done is not known. */
bool rest_is_away(const rest_answer *a);

/* The job of [s] with its script [content] as it is posted; NULL: no memory. */
char *rest_job(const resource_spec *s, enum rest_form form,
               const char *content);
/* Jobs of an answer, of any API, as lines of SLURM_SQUEUE_FORMAT for
 * slurm_parse_queue: REST_MARK and the folder stand in the comment of a job.
 */
#define REST_MARK "pilot:"
int rest_lines(const json_t *answer, text *out);
/* What of [job] is not as [s] asks for it, "time_limit 1 in place of 3"; "". */
void rest_compare(const resource_spec *s, const json_t *job, char *out,
                  size_t cap);

#endif
