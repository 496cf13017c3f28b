/* fuzz_scheduler.c - any bytes as what a scheduler prints, and as a request.
 *
 * With libFuzzer:
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_scheduler.c
 * With -DFUZZ_MAIN the program runs every recorded answer, whole and cut off,
 * and prints TAP.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/request/hostlist.h"
#include "src/backend/pbs/private.h"
#include "src/backend/slurm/private.h"
#include "src/backend/slurm/rest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

static char *path_of(const char *dir)
{
    return text_format("%s/job.sh", dir);
}

/* Texts for people are whole, of one line, and of no odd bytes. */
static void expect_line(const char *s, size_t cap)
{
    expect(memchr(s, '\0', cap) != NULL);
    for (; *s; s++)
        expect((unsigned char)*s >= ' ' && *s != 0x7f);
}

static void expect_job(const resource_job *j)
{
    expect(j->seen >= 0 && j->seen < RESOURCE_N_SEEN);
    expect_line(j->id, sizeof(j->id));
    expect_line(j->native, sizeof(j->native));
    expect_line(j->reason, sizeof(j->reason));
    expect_line(j->prose, sizeof(j->prose));
    expect_line(j->hosts, sizeof(j->hosts));
    expect(j->restarts >= 0 && j->nodes >= 0);
}

static void run_jobs(const char *data, size_t size)
{
    resource_job jobs[] = {
        {.id = "1"}, {.id = "0.pbsserver"}, {.dir = "/home/user1/work"}};
    enum { N = sizeof(jobs) / sizeof(jobs[0]) };
    job_index *x;
    double joules = 0;

    for (int i = 0; i < N; i++)
        scheduler_job_clear(&jobs[i]);
    if (slurm_parse_energy(data, size, &joules, NULL) == 0)
        expect(joules > 0);
    x = job_index_create(jobs, N, path_of, NULL);
    expect(x != NULL);
    slurm_parse_queue(data, size, NULL, x);
    slurm_parse_accounting(data, size, NULL, x);
    pbs_parse(data, size, x);
    for (int i = 0; i < N; i++)
        expect_job(&jobs[i]);
    job_index_destroy(x);
}

/* slurmrestd's: lines of jobs, whatever its members are. */
static void run_rest(const char *data, size_t size)
{
    json_t *answer = json_loadb(data, size, JSON_ALLOW_NUL, NULL);
    resource_request q = {0};
    const resource_spec s = {.pilot = "r/p", .dir = "/x", .request = &q};
    const json_t *jobs = json_object_get(answer, "jobs"), *job;
    char words[512];
    text lines = {0};
    size_t i;

    if (answer)
        expect(rest_lines(answer, &lines) == 0);
    json_array_foreach(jobs, i, job)
    {
        rest_compare(&s, job, words, sizeof(words));
        expect(memchr(words, '\0', sizeof(words)) != NULL);
    }
    if (lines.data)
        run_jobs(lines.data, lines.len);
    text_free(&lines);
    json_decref(answer);
}

/* What a directive cannot hold, whatever the word. */
static void run_request(const char *s)
{
    for (int w = 0; w < REQUEST_N_WORDS; w++) {
        resource_request r = {0};
        request_shape shape;
        pe_error e = {0};
        int set = request_set(&r, w, s, true, "fuzz", &e);
        expect(set == 0 || (e.kind == PE_ERROR_INPUT && *e.text));
        expect_line(e.text, sizeof(e.text));
        if (set == 0 && r.word[w] && !request_specs[w].ours)
            expect(!strpbrk(r.word[w], "\n\r\"\\'$`;#<>") && *r.word[w] != '-');
        request_shape_of(&r, &shape, &e);
        request_free(&r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    hostlist h = {0};

    if (!copy)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    run_jobs(copy, size);
    run_rest(copy, size);
    run_request(copy);
    if (size < 64)
        hostlist_add(&h, copy, NULL);
    hostlist_free(&h);
    free(copy);
    return 0;
}

#ifdef FUZZ_MAIN
#include "tests/unit/recorded.h"

static void run_file(const char *name, int number)
{
    const char *source = getenv("top_srcdir");
    char *path = text_format("%s/tests/data/%s", source ? source : "..", name);
    size_t n = 0;
    char *data;
    recorded *all = recorded_read(path, &n, &data);

    for (size_t i = 0; i < n; i++)
        for (size_t cut = 0; cut <= all[i].out_len;
             cut += all[i].out_len > 4096 ? 997 : 61)
            LLVMFuzzerTestOneInput((const uint8_t *)all[i].out,
                                   all[i].out_len - cut);
    printf("ok %d - %zu answers of %s, whole and cut off\n", number, n, name);
    free(all);
    free(data);
    free(path);
}

int main(void)
{
    printf("1..3\n");
    run_file("slurm.rec", 1);
    run_file("slurmrest.rec", 2);
    run_file("pbs.rec", 3);
    return 0;
}
#endif
