/* proc.c - built-in source: this host's own telemetry out of /proc. */
#include "proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/function/builtin.h"

#define SECTOR_BYTES 512
#define NS_PER_S 1e9

/* /proc/stat of a host with 512 CPUs and 4,096 interrupts fits. */
#define TEXT_MAX ((size_t)256 << 10)

/* Longest nap of one call: a cancel is seen within 100 ms. */
#define NAP_NS 50000000

enum column {
    CPU_USER,
    CPU_SYSTEM,
    CPU_IDLE,
    CPU_IOWAIT,
    CPU_IRQ,
    CPU_STEAL,
    MEM_USED,
    MEM_CACHED,
    MEM_DIRTY,
    SWAP_USED,
    LOAD,
    RUNNING,
    BLOCKED,
    SWITCHES,
    INTERRUPTS,
    FORKS,
    DISK_READS,
    DISK_WRITES,
    DISK_BYTES,
    NET_IN,
    NET_OUT,
    NET_PACKETS,
    FAULTS,
    MAJOR
};

/* Value of the line of [text] that starts with [key] and a blank or colon;
 * 0: there is none.
 */
static double keyed(const char *text, const char *key)
{
    size_t n = strlen(key);

    for (const char *p = text; p; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (!strncmp(p, key, n) && (p[n] == ' ' || p[n] == ':'))
            return strtod(p + n + 1, NULL);
    }
    return 0;
}

/* Up to [max] numbers from [p] to the end of its line; returns how many. */
static int numbers(const char *p, double *out, int max)
{
    int n = 0;

    while (n < max) {
        char *end;
        p += strspn(p, " \t");
        if (*p == '\n' || *p == '\0')
            break;
        out[n] = strtod(p, &end);
        if (end == p)
            break;
        p = end;
        n++;
    }
    return n;
}

/* Next line of [*textp] into [line], cut; false at the end. */
static bool next_line(const char **textp, char *line, size_t cap)
{
    size_t len = strcspn(*textp, "\n");

    if (**textp == '\0')
        return false;
    snprintf(line, cap, "%.*s", (int)len, *textp);
    *textp += len + ((*textp)[len] == '\n');
    return true;
}

static void parse_stat(const char *text, proc_sample *s)
{
    /* user nice system idle iowait irq softirq steal; guest is in user */
    double t[8] = {0};

    if (!strncmp(text, "cpu ", 4))
        numbers(text + 4, t, 8);
    s->value[CPU_USER] = t[0] + t[1];
    s->value[CPU_SYSTEM] = t[2];
    s->value[CPU_IDLE] = t[3];
    s->value[CPU_IOWAIT] = t[4];
    s->value[CPU_IRQ] = t[5] + t[6];
    s->value[CPU_STEAL] = t[7];
    s->cpu_total = t[0] + t[1] + t[2] + t[3] + t[4] + t[5] + t[6] + t[7];
    s->value[RUNNING] = keyed(text, "procs_running");
    s->value[BLOCKED] = keyed(text, "procs_blocked");
    s->value[SWITCHES] = keyed(text, "ctxt");
    s->value[INTERRUPTS] = keyed(text, "intr");
    s->value[FORKS] = keyed(text, "processes");
}

static void parse_meminfo(const char *text, proc_sample *s)
{
    double total = keyed(text, "MemTotal");
    double swap = keyed(text, "SwapTotal");

    if (total > 0) {
        s->value[MEM_USED] = 1 - keyed(text, "MemAvailable") / total;
        s->value[MEM_CACHED] = keyed(text, "Cached") / total;
        s->value[MEM_DIRTY] = keyed(text, "Dirty") / total;
    }
    if (swap > 0)
        s->value[SWAP_USED] = 1 - keyed(text, "SwapFree") / swap;
}

static void parse_loadavg(const char *text, proc_sample *s)
{
    s->value[LOAD] = strtod(text, NULL);
}

/* Names of devices that are made of others, or of nothing. */
static bool virtual_disk(const char *name)
{
    static const char *const prefixes[] = {"loop", "ram", "zram",
                                           "dm-",  "md",  "sr"};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
            return true;
    return false;
}

static void parse_diskstats(const char *text, proc_sample *s)
{
    char line[512], name[64], disk[64] = "";
    /* reads merged sectors ms writes merged sectors ms */
    double t[8];
    int at;

    s->value[DISK_READS] = s->value[DISK_WRITES] = s->value[DISK_BYTES] = 0;
    while (next_line(&text, line, sizeof(line))) {
        if (sscanf(line, "%*d %*d %63s%n", name, &at) != 1 ||
            virtual_disk(name) || numbers(line + at, t, 8) != 8)
            continue;
        /* A disk comes before its partitions, whose names continue its. */
        if (disk[0] && !strncmp(name, disk, strlen(disk)))
            continue;
        snprintf(disk, sizeof(disk), "%s", name);
        s->value[DISK_READS] += t[0];
        s->value[DISK_WRITES] += t[4];
        s->value[DISK_BYTES] += SECTOR_BYTES * (t[2] + t[6]);
    }
}

static void parse_net_dev(const char *text, proc_sample *s)
{
    char line[512];
    double t[10];

    s->value[NET_IN] = s->value[NET_OUT] = s->value[NET_PACKETS] = 0;
    while (next_line(&text, line, sizeof(line))) {
        const char *name = line + strspn(line, " ");
        const char *colon = strchr(name, ':');
        if (!colon || !strncmp(name, "lo:", 3) ||
            numbers(colon + 1, t, 10) < 10)
            continue;
        s->value[NET_IN] += t[0];
        s->value[NET_OUT] += t[8];
        s->value[NET_PACKETS] += t[1] + t[9];
    }
}

static void parse_vmstat(const char *text, proc_sample *s)
{
    s->value[FAULTS] = keyed(text, "pgfault");
    s->value[MAJOR] = keyed(text, "pgmajfault");
}

static const struct {
    const char *path;
    void (*parse)(const char *text, proc_sample *s);
} files[PROC_FILES] = {
    [PROC_STAT] = {"stat", parse_stat},
    [PROC_MEMINFO] = {"meminfo", parse_meminfo},
    [PROC_LOADAVG] = {"loadavg", parse_loadavg},
    [PROC_DISKSTATS] = {"diskstats", parse_diskstats},
    [PROC_NET_DEV] = {"net/dev", parse_net_dev},
    [PROC_VMSTAT] = {"vmstat", parse_vmstat},
};

const char *proc_path(enum proc_file file)
{
    return files[file].path;
}

void proc_parse(enum proc_file file, const char *text, proc_sample *s)
{
    files[file].parse(text, s);
}

/* Counters go up; one that goes down began anew, or its device left. */
static double per(double before, double now, double divisor)
{
    return now > before && divisor > 0 ? (now - before) / divisor : 0;
}

void proc_row(const proc_sample *before, const proc_sample *now, double seconds,
              double row[PROC_COLUMNS])
{
    double cpu = now->cpu_total - before->cpu_total;

    for (int i = 0; i < PROC_COLUMNS; i++) {
        if (i <= CPU_STEAL)
            row[i] = per(before->value[i], now->value[i], cpu);
        else if (i <= BLOCKED)
            row[i] = now->value[i];
        else
            row[i] = per(before->value[i], now->value[i], seconds);
    }
}

/* --- the source --- */

typedef struct proc_state {
    const char *root;
    int64_t period_ns, within_ns;
    int64_t due_ns;   /* of the next sample, monotonic */
    int64_t first_ns; /* of the block's first row */
    int64_t taken_ns; /* of [before] */
    bool started;     /* [before] is there */
    proc_sample before;
    double *rows; /* of the block, points x PROC_COLUMNS */
    uint32_t n;
    char text[TEXT_MAX];
} proc_state;

/* All of a file into st->text; false: it is not there. */
static bool read_text(proc_state *st, const char *name)
{
    char path[4096];
    size_t len = 0;
    ssize_t n = 0;
    int fd;

    if (snprintf(path, sizeof(path), "%s/%s", st->root, name) >=
        (int)sizeof(path))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while (len < sizeof(st->text) - 1 &&
           (n = read(fd, st->text + len, sizeof(st->text) - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    st->text[len] = '\0';
    return n >= 0;
}

static void take_sample(proc_state *st, proc_sample *s)
{
    memset(s, 0, sizeof(*s));
    for (int i = 0; i < PROC_FILES; i++)
        if (read_text(st, files[i].path))
            proc_parse(i, st->text, s);
}

/* Add a row; the first sample of all only starts the counters. */
static void add_row(proc_state *st)
{
    int64_t now_ns = clock_mono_ns();
    proc_sample now;

    take_sample(st, &now);
    if (st->started) {
        if (st->n == 0)
            st->first_ns = now_ns;
        proc_row(&st->before, &now, (double)(now_ns - st->taken_ns) / NS_PER_S,
                 st->rows + (size_t)st->n * PROC_COLUMNS);
        st->n++;
    }
    st->before = now;
    st->taken_ns = now_ns;
    st->started = true;
    st->due_ns += st->period_ns;
    if (st->due_ns < now_ns) /* late: no burst to catch up */
        st->due_ns = now_ns + st->period_ns;
}

static int close_block(pe_context *ctx, proc_state *st, pe_block *out)
{
    pe_error error;

    if (pe_block_reserve(out, st->n, PROC_COLUMNS, pe_context_dtype(ctx),
                         &error) < 0)
        return pe_context_fail(ctx, "%s", error.text);
    for (size_t i = 0; i < (size_t)st->n * PROC_COLUMNS; i++) {
        if (out->dtype == PE_F8)
            ((double *)out->data)[i] = st->rows[i];
        else
            ((float *)out->data)[i] = (float)st->rows[i];
    }
    st->n = 0;
    return PE_FORWARD;
}

static bool block_due(pe_context *ctx, const proc_state *st)
{
    if (st->n == 0)
        return false;
    return st->n == pe_context_points(ctx) || pe_context_cancelled(ctx) ||
           clock_mono_ns() - st->first_ns >= st->within_ns;
}

static int proc_produce(pe_context *ctx, pe_block *out)
{
    proc_state *st = pe_context_state(ctx);
    int64_t wait = st->due_ns - clock_mono_ns();

    if (!block_due(ctx, st)) {
        if (wait > 0)
            clock_sleep_ns(wait < NAP_NS ? wait : NAP_NS, 0);
        else
            add_row(st);
    }
    return block_due(ctx, st) ? close_block(ctx, st, out) : PE_AGAIN;
}

static void proc_close(pe_context *ctx)
{
    proc_state *st = pe_context_state(ctx);

    if (!st)
        return;
    free(st->rows);
    free(st);
    pe_context_set_state(ctx, NULL);
}

static int proc_open(pe_context *ctx)
{
    const pe_options *o = pe_context_options(ctx);
    proc_state *st = calloc(1, sizeof(*st));

    if (!st)
        return pe_context_fail(ctx, "out of memory");
    pe_context_set_state(ctx, st);
    st->root = pe_options_string(o, "root");
    st->period_ns = (int64_t)(pe_options_time(o, "period") * NS_PER_S);
    st->within_ns = (int64_t)(pe_context_within(ctx) * NS_PER_S);
    st->due_ns = clock_mono_ns();
    st->rows = calloc(pe_context_points(ctx), PROC_COLUMNS * sizeof(*st->rows));
    if (st->rows)
        return 0;
    proc_close(ctx);
    return pe_context_fail(ctx, "out of memory for %u points",
                           pe_context_points(ctx));
}

static const pe_option_spec options[] = {
    {"period", PE_OPTION_TIME, 0.001, 3600, "100ms", NULL,
     "time between two points"},
    {"root", PE_OPTION_STRING, 0, 0, "/proc", NULL,
     "where the host's /proc is mounted"},
    {0},
};

const pe_function proc_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "proc",
    .prose = "telemetry of this host: 24 columns out of /proc",
    .options = options,
    .open = proc_open,
    .close = proc_close,
    .produce_edge = proc_produce,
};
