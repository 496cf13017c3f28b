/* doctor_host.c - `pilot doctor` about this host. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "src/cmd/doctor.h"
#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/host/host.h"
#include "src/launcher/launcher.h"

#define ROOM_MIB 1024 /* free, for logs, traces, a broker's data */
#define WORLD_S 60
#define RANKS 2

/* --- programs --- */

static void program(doctor *d, const char *name, const char *installed)
{
    pe_error e = {0};
    char *path = locate_program(name, installed, &e);

    doctor_line(d, path != NULL, "%s%s%s", path ? name : "", path ? ": " : "",
                path ? path : e.text);
    free(path);
}

static void programs(doctor *d)
{
    program(d, "pilot-supervisor", PILOT_LIBEXECDIR);
    program(d, "pilot-agent", PILOT_LIBEXECDIR);
    program(d, "pilot-edge", PILOT_BINDIR);
    program(d, "pilot-services", PILOT_LIBEXECDIR);
}

/* --- the folder of the state --- */

static void folder_room(doctor *d, const char *home)
{
    struct statvfs s;
    unsigned long long mib;

    if (statvfs(home, &s) < 0) {
        doctor_line(d, false, "%s: %s", home, strerror(errno));
        return;
    }
    mib = (unsigned long long)s.f_bavail * s.f_frsize >> 20;
    doctor_line(d, mib >= ROOM_MIB && s.f_favail != 0,
                "%s has %llu MiB and %llu files free%s", home, mib,
                (unsigned long long)s.f_favail,
                mib >= ROOM_MIB ? ""
                                : ": set PILOT_HOME to a folder with more "
                                  "room, which compute nodes reach");
}

static void folder(doctor *d)
{
    pe_error e = {0};
    char *home = locate_home(&e);
    char *path = home ? text_format("%s/.doctor", home) : NULL;

    if (!home || !path || file_mkdir(home, &e) < 0 ||
        file_write(path, "x", 1, 0600, &e) < 0) {
        doctor_line(d, false,
                    "%s; set PILOT_HOME to a folder that can be "
                    "written",
                    e.text);
    } else {
        doctor_line(d, true, "%s can be written", home);
        unlink(path);
        folder_room(d, home);
    }
    free(path);
    free(home);
}

/* --- interfaces --- */

static void interfaces(doctor *d)
{
    struct ifaddrs *all = NULL;
    text list = {0};

    if (getifaddrs(&all) < 0) {
        doctor_line(d, false, "interfaces cannot be listed: %s",
                    strerror(errno));
        return;
    }
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        char name[INET_ADDRSTRLEN] = "";
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
            (i->ifa_flags & IFF_LOOPBACK) || !(i->ifa_flags & IFF_UP))
            continue;
        inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, name,
                  sizeof(name));
        text_add(&list, "%s%s %s", list.len ? ", " : "", i->ifa_name, name);
    }
    freeifaddrs(all);
    doctor_line(d, true, "interfaces: %s",
                list.data ? list.data
                          : "none but 127.0.0.1: pilots elsewhere cannot reach "
                            "services of this host, but by `via:`");
    text_free(&list);
}

/* --- ranks --- */

static void world_tell(doctor *d, const char *const *argv)
{
    host *h = host_open_local(NULL);
    host_answer a = {0};
    pe_error e = {0};

    if (!h || host_run(h, argv, NULL, WORLD_S, &a, &e) < 0)
        doctor_line(d, false, "%d ranks: %s", RANKS, e.text);
    else if (a.status != 0)
        doctor_line(d, false, "%d ranks by %s: status %d: %.400s", RANKS,
                    argv[0], a.status, a.err ? a.err : "");
    else
        doctor_line(d, true, "%.*s", (int)strcspn(a.out, "\n"), a.out);
    host_answer_free(&a);
    host_close(h);
}

/* The environment in front of the words: "env NAME=VALUE ... ARGV". */
static const char **with_env(const launcher_command *c)
{
    size_t n = 0, env = 0;
    const char **argv;

    while (c->argv[n])
        n++;
    while (c->env && c->env[env])
        env++;
    argv = calloc(n + env + 2, sizeof(*argv));
    if (!argv)
        return NULL;
    argv[0] = "env";
    for (size_t i = 0; i < env; i++)
        argv[1 + i] = c->env[i];
    for (size_t i = 0; i < n; i++)
        argv[1 + env + i] = c->argv[i];
    return argv;
}

/* Two ranks that add up: launcher, PMI, shared memory, kernels. */
static void world(doctor *d)
{
    char *agent = locate_program("pilot-agent", PILOT_LIBEXECDIR, NULL);
    const char *program_argv[] = {agent, "--check", "--ranks", "2", NULL};
    const launcher_spec spec = {.launcher = "auto",
                                .ntasks = RANKS,
                                .cpus_per_task = 1,
                                .program = program_argv,
                                .dir = "/tmp"};
    launcher_allocation a;
    launcher_command c = {0};
    const char **argv = NULL;
    pe_error e = {0};

    launcher_allocation_find(&a);
    if (!agent)
        return; /* told above */
    if (launcher_make(&spec, &a, &c, &e) < 0)
        doctor_line(d, false, "%s", e.text);
    else if ((argv = with_env(&c)) != NULL)
        world_tell(d, argv);
    free(argv);
    launcher_command_free(&c);
    free(agent);
}

void doctor_host(doctor *d)
{
    programs(d);
    folder(d);
    interfaces(d);
    world(d);
}
