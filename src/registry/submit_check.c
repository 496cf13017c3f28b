/* submit_check.c - what is asked of a place that it will never give. */
#include "src/registry/submit.h"

#include <inttypes.h>
#include <unistd.h>

#include "src/backend/backend.h"
#include "src/request/place.h"

/* A rank takes more than that before it has fetched anything. */
#define RANK_BYTES (INT64_C(8) << 20)
#define GIB (1024.0 * 1024 * 1024)

/* Whom no scheduler ends lives for as long as it was asked for. */
static int check_chain(const char *pilot, const char *url,
                       const resource_request *q, pe_error *errp)
{
    if (request_int(q, REQUEST_CHAIN, 0) == 0 ||
        request_seconds(q, REQUEST_TIME) > 0 || !backend_is_direct(url))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "pilot '%s': chain: a successor comes when the time of "
                        "the one before is over, and on %s it has no end: say "
                        "time (--time 2h), or leave chain out",
                        pilot, url);
}

/* A machine costs until it is ended, also when nobody is left to do that; and
 * it has no key of its provider, so that it cannot make the next one.
 */
static int check_made(const char *pilot, const char *url,
                      const resource_request *q, pe_error *errp)
{
    if (!backend_is_made(url))
        return 0;
    if (request_seconds(q, REQUEST_TIME) <= 0)
        return pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
            "pilot '%s': time: a machine of %s ends itself when "
            "its pilot's time is over: say time (--time 2h)",
            pilot, url);
    if (request_int(q, REQUEST_CHAIN, 0) == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "pilot '%s': chain: a machine of %s cannot make the "
                        "next one: leave chain out, and say a longer time",
                        pilot, url);
}

static int check_memory(const char *pilot, const char *url, int ranks,
                        pe_error *errp)
{
    int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    if (!backend_is_direct(url) || !backend_is_here(url) || pages <= 0 ||
        page <= 0 || ranks <= pages * page / RANK_BYTES)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "pilot '%s': ntasks: %d ranks take %.0f GiB or more, "
                        "and this host has %.0f: ask for fewer, or have them "
                        "elsewhere by --resource",
                        pilot, ranks, (double)ranks * RANK_BYTES / GIB,
                        (double)pages * (double)page / GIB);
}

int submit_check(const char *pilot, bool is_pool, const char *url,
                 const resource_request *q, int ntasks, pe_error *errp)
{
    request_shape shape;

    if (place_is_batch(url)) /* it is not known yet */
        return 0;
    if (request_shape_of(q, &shape, errp) < 0 ||
        check_chain(pilot, url, q, errp) < 0 ||
        check_made(pilot, url, q, errp) < 0)
        return -1;
    if (!is_pool)
        return 0;
    return check_memory(pilot, url, ntasks ? ntasks : shape.ntasks, errp);
}
