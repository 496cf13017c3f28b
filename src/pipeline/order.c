/* order.c - a model that one rank learns, from block after block: what the rest
 * of the file has to be like.
 */
#include "pipeline_private.h"

#include "src/config/section.h"

#define BLOCKS 16 /* of an epoch, where the file says nothing of it */

static const tree *stage_at(const tree *root, const pipeline_stage *s)
{
    const tree *t = tree_get(tree_get(root, "stages"), s->name);

    return t ? t : root;
}

bool pipeline_is_ordered(const pipeline *p)
{
    const pipeline_stage *end = pipeline_last_stage(p);
    const pe_model_ops *ops =
        end && end->is_model ? pe_model_find(end->function) : NULL;

    return ops && (ops->flags & PE_MODEL_ORDER);
}

int pipeline_settle_order(pipeline *p, const tree *root, pe_error *errp)
{
    const pipeline_stage *end = pipeline_last_stage(p);
    const tree *epoch = tree_get(root, "epoch");

    if (!pipeline_is_ordered(p))
        return 0;
    if (epoch && tree_get(epoch, "interval"))
        return section_error(tree_get(epoch, "interval"), errp,
                             "epoch: the object of stage '%s' learns from "
                             "block after block: say 'epoch: {blocks: N}', the "
                             "blocks of a commit",
                             end->name);
    if (p->epoch_blocks == 0) {
        p->epoch_blocks = BLOCKS;
        p->epoch_s = 0;
    }
    if (pipeline_is_local(p) && p->partitions > 1)
        return section_error(stage_at(root, end), errp,
                             "stage '%s': one rank holds its object, and with "
                             "the source in %d ranks each has blocks of its "
                             "own: set ntasks: 1 at the pool",
                             end->name, p->partitions);
    if (p->partitions > 1)
        return section_error(stage_at(root, end), errp,
                             "stage '%s': one rank holds its object, and %d "
                             "partitions would be of several: set "
                             "streams.%s.partitions to 1",
                             end->name, p->partitions, p->stream_name);
    return 0;
}
