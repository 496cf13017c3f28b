/* supervisor_scale.c - a pool that nobody follows sees to its own policy. */
#include <stdlib.h>
#include <unistd.h>

#include "src/common/text.h"
#include "src/pilot/supervisor.h"

static void line_tell(void *arg, const char *line)
{
    tell_note(arg, line);
}

/* Is the registry here that a submission needs? */
static bool has_registry(const supervisor *s)
{
    char *path = s->conf.home ? text_format("%s/%s/request.json", s->conf.home,
                                            s->req->run)
                              : NULL;
    bool here = path && access(path, R_OK) == 0;

    free(path);
    return here;
}

void scale_turn(supervisor *s)
{
    if (s->attached || s->stopped || s->state != SUPERVISOR_ACTIVE ||
        !s->pilot->scale || !has_registry(s))
        return;
    s->tender.line = line_tell;
    s->tender.arg = s;
    tender_turn(&s->tender, s->conf.home, s->req->run);
}

void scale_close(supervisor *s)
{
    tender_close(&s->tender, false, 0);
}
