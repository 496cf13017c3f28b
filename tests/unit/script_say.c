/* script_say.c - requests for job scripts, word by word. */
#include "script_say.h"

#include "unit.h"

void say_all(resource_request *q, const struct say *say)
{
    for (; say && say->value; say++) {
        pe_error e = {0};
        CU_ASSERT_EQUAL(request_set(q, say->word, say->value, true, "line", &e),
                        0);
        UNIT_EQUAL(e.text, "");
    }
}

resource_spec say_spec(const resource_request *q)
{
    const resource_spec s = {.pilot = "run-1a2b/pool",
                             .kind = "pool",
                             .dir = "/home/me/.local/state/pilot/run-1a2b/pool",
                             .supervisor = "/usr/libexec/pilot-supervise",
                             .submit_dir = "/home/me/work",
                             .request = q};

    return s;
}
