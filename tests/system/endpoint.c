/* endpoint.c - endpoint [PORT]: a function behind an address, for stage `call`.
 *
 * Prints the address, and does of requests what the last line of its standard
 * input has asked for (tests/unit/endpoint.h); ends with that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/endpoint.h"

int main(int argc, char **argv)
{
    int port = endpoint_start(argc > 1 ? atoi(argv[1]) : 0);
    char line[256];

    if (port < 0)
        return 69;
    printf("http://127.0.0.1:%d/f\n", port);
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        endpoint_play(line);
    }
    return 0;
}
