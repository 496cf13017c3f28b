/* keys.c - the tables of keys of a pipeline file, in one list. */
#include "keys.h"

#include "pipeline_private.h"
#include "src/place/place.h"
#include "src/scale/scale.h"

const pipeline_mapping *pipeline_mappings(void)
{
    static pipeline_mapping all[] = {
        {"", "the file itself", pipeline_root_keys, -1},
        {"pilots.NAME (kind: pool)", "MPI ranks", NULL, PILOT_POOL},
        {"pilots.NAME.scale", "how many ranks a pool has, or an edge devices",
         scale_keys, -1},
        {"pilots.NAME (kind: edge)", "devices, in one agent", NULL, PILOT_EDGE},
        {"pilots.NAME.spool", "blocks of devices on disk", pipeline_spool_keys,
         -1},
        {"pilots.NAME (kind: broker)", "where streams are", NULL, PILOT_BROKER},
        {"pilots.NAME (kind: params)", "where the model is", NULL,
         PILOT_PARAMS},
        {"pilots.NAME.auth", "TLS and log-in of a broker, or of params",
         pipeline_auth_keys, -1},
        {"pilots.NAME (kind: allocation)", "one queue entry for several pilots",
         NULL, PILOT_ALLOCATION},
        {"stages.NAME", "what runs on a pilot; besides: pilot, options",
         pipeline_stage_keys, -1},
        {"stages.NAME.block", "how a source cuts its rows", pipeline_block_keys,
         -1},
        {"stages.NAME.prefer", "which pools are to have its blocks", place_keys,
         -1},
        {"streams.STAGE", "the topic behind a stage", pipeline_stream_keys, -1},
        {"epoch", "between two reductions", pipeline_epoch_keys, -1},
        {"checkpoint", "files of the model", pipeline_checkpoint_keys, -1},
        {NULL, NULL, NULL, -1},
    };

    for (pipeline_mapping *m = all; m->path; m++)
        if (m->kind >= 0)
            m->keys = pipeline_pilot_keys[m->kind];
    return all;
}

bool pipeline_mapping_has(const pipeline_mapping *m, enum request_word w)
{
    return m->kind >= 0 && pipeline_kind_has_word((enum pilot_kind)m->kind, w);
}
