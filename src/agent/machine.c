/* machine.c - what this host is. */
#include "machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/agent/event.h"
#include "src/common/file.h"

#define CPUINFO_MAX_BYTES (16 << 20) /* a kilobyte a core */

/* What kernels of several architectures call it. */
static const char *const cpu_words[] = {"model name", "Model", "cpu model",
                                        "Hardware",   "cpu",   NULL};

void machine_cpu(const char *text, char *out, size_t cap)
{
    *out = '\0';
    for (const char *const *w = cpu_words; *w; w++)
        for (const char *s = text; s && *s;
             s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
            size_t len = strlen(*w), blank;

            if (strncmp(s, *w, len) != 0)
                continue;
            blank = strspn(s + len, " \t");
            if (s[len + blank] != ':')
                continue;
            s += len + blank + 1;
            s += strspn(s, " \t");
            snprintf(out, cap, "%.*s", (int)strcspn(s, "\n"), s);
            return;
        }
}

/* Those of its share of the machine. */
static int cores(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return CPU_COUNT(&set);
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

json_t *machine_make(void)
{
    json_t *o = json_object();
    char *text =
        file_read("/proc/cpuinfo", CPUINFO_MAX_BYTES, &(size_t){0}, NULL);
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    char words[256] = "";
    struct utsname u;

    if (text)
        machine_cpu(text, words, sizeof(words));
    free(text);
    if (*words)
        json_object_set_new(o, "cpu", event_text(words));
    if (cores() > 0)
        json_object_set_new(o, "cores", json_integer(cores()));
    if (pages > 0 && page > 0)
        json_object_set_new(o, "memory",
                            json_integer((json_int_t)pages * page));
    if (uname(&u) == 0) {
        snprintf(words, sizeof(words), "%.80s %.80s %.80s", u.sysname,
                 u.release, u.machine);
        json_object_set_new(o, "system", event_text(words));
    }
    return o;
}
