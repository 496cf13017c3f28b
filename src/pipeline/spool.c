/* spool.c - key `spool` of an edge pilot: blocks on the disk of its devices. */
#include <string.h>

#include "src/common/words.h"
#include "src/config/section.h"
#include "src/pipeline/pipeline_private.h"

#define MIB (1024.0 * 1024)

const pe_option_spec pipeline_spool_keys[] = {
    {"size", PE_OPTION_SIZE, 4 * MIB, 1048576 * MIB, "2GiB", NULL,
     "disk for blocks that wait to be sent, of each device"},
    {"full", PE_OPTION_STRING, 0, 0, "block", "block drop-oldest",
     "what a full one does: block the source, or drop the oldest"},
    {"sync", PE_OPTION_STRING, 0, 0, "1s", "each 1s never",
     "when a block is safe from a cut of power: before the next one, within a "
     "second, when the kernel comes to it"},
    {"dir", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "folder on the host of the devices; default: in that of the pilot"},
    {0},
};

const char *const pipeline_spool_syncs[SPOOL_N_SYNCS] = {
    [SPOOL_EACH] = "each", [SPOOL_SECOND] = "1s", [SPOOL_NEVER] = "never"};

int pipeline_take_spool(pipeline_pilot *k, const tree *t, pe_error *errp)
{
    const tree *s = tree_get(t, "spool");
    const char *sync;
    bool failed = false;
    pe_options *o;

    if (!s)
        return 0;
    if (k->full_drop)
        return section_error(tree_get(t, "full"), errp,
                             "full: the queue of '%s' has a spool behind it: "
                             "say 'spool: {full: drop-oldest}' instead",
                             k->name);
    o = section_read(s, pipeline_spool_keys, NULL, errp);
    if (!o)
        return -1;
    k->spool.size = pe_options_size(o, "size");
    k->spool.drop = !strcmp(pe_options_string(o, "full"), "drop-oldest");
    sync = pe_options_string(o, "sync");
    for (int i = 0; i < SPOOL_N_SYNCS; i++)
        if (!strcmp(sync, pipeline_spool_syncs[i]))
            k->spool.sync = (enum spool_sync)i;
    k->spool.dir = words_copy(pe_options_string(o, "dir"), &failed);
    pe_options_destroy(o);
    if (k->spool.dir && *k->spool.dir != '/')
        return section_error(tree_get(s, "dir"), errp,
                             "dir: '%s' does not begin with '/': where a pilot "
                             "is started is another folder on each host",
                             k->spool.dir);
    return failed ? pe_error_nomem(errp) : 0;
}
