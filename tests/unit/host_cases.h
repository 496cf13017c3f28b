/* host_cases.h - what every kind of host has to do: cases for all of them. */
#ifndef TESTS_HOST_CASES_H
#define TESTS_HOST_CASES_H

#include "src/host/host.h"

extern host *case_host;       /* under test */
extern char case_dir[];       /* a folder of the test's own */
extern const char *case_name; /* "HOST:" in front of paths in error texts */

/* Rows of a table of unit.h. */
#define HOST_CASES                                                        \
    {"status, output and errors", case_status},                           \
        {"words of all kinds arrive as they are", case_words},            \
        {"a folder to start in", case_folder},                            \
        {"nothing on standard input", case_stdin},                        \
        {"10 MB of output, both streams", case_output},                   \
        {"a command that is not there", case_no_command},                 \
        {"a command that takes too long is ended", case_timeout},         \
        {"arguments that cannot be meant", case_arguments},               \
        {"a process of its own, its files, its end", case_spawn},         \
        {"output files that cannot be made", case_spawn_files},           \
        {"a process of another start is left alone", case_other_process}, \
        {"home and machine", case_asked}, {"folders", case_mkdir},        \
        {"files are written whole and read in parts", case_write},        \
        {"names of all kinds", case_names},                               \
        {"what cannot be written", case_write_errors},                    \
        {"trees are removed", case_remove},                               \
        {"copies there and back", case_copy},                             \
        {"a copy that is there is not made again", case_copy_same},       \
        {"a copy that is interrupted goes on", case_copy_interrupted},    \
        {"a copy that broke goes on", case_copy_resume},                  \
        {"a partial copy that is torn is made again", case_copy_torn},    \
    {                                                                     \
        "what cannot be copied", case_copy_errors                         \
    }

void case_status(void);
void case_words(void);
void case_folder(void);
void case_stdin(void);
void case_output(void);
void case_no_command(void);
void case_timeout(void);
void case_arguments(void);
void case_spawn(void);
void case_spawn_files(void);
void case_other_process(void);
void case_asked(void);
void case_mkdir(void);
void case_write(void);
void case_names(void);
void case_write_errors(void);
void case_remove(void);
void case_copy(void);
void case_copy_same(void);
void case_copy_interrupted(void);
void case_copy_resume(void);
void case_copy_torn(void);
void case_copy_errors(void);

/* Words that some shell takes for more than words. */
enum { CASE_N_ODD = 40 };
extern const char *const case_odd[CASE_N_ODD];

/* Run a shell script there; the answer is freed by the caller. */
host_answer case_sh(const char *script);
/* Path [name] in case_dir; valid for the next fifteen calls. */
const char *case_path(const char *name);
/* A local file of [len] bytes that depend on [seed]. */
void case_fill(const char *path, size_t len, unsigned seed);
/* Are two local files the same? */
int case_same(const char *a, const char *b);
/* Wait until the process is over; 0 when it takes more than 20 s. */
int case_over(pid_t pid, const char *start);

/* What a host_progress_f saw; it is the argument of case_progress. */
typedef struct case_seen {
    int calls;
    uint64_t first, last, total; /* bytes done at the calls */
    void (*each)(void);          /* called each time; may be NULL */
} case_seen;
void case_progress(void *arg, const char *name, uint64_t done, uint64_t total);

#endif
