/* services.c - `pilot services`: a Kafka and a Redis to use, by the script. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cmd/cmd.h"
#include "src/common/locate.h"
#include "src/common/log.h"

/* All it does, and its --help, are the script's. */
int cmd_services(int argc, char **argv)
{
    pe_error e = {0};
    char *program = locate_program("pilot-services", PILOT_LIBEXECDIR, &e);

    (void)argc;
    if (!program)
        return log_failure(&e);
    argv[0] = program;
    execv(program, argv);
    pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_CONFIG, "cannot start %s: %s",
                 program, strerror(errno));
    free(program);
    return log_failure(&e);
}
