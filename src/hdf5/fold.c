/* fold.c - the columns of a trace in HDF5. */
#include "fold.h"

#include "src/trace/layout.h"

#define TIME "nanoseconds since 1970-01-01T00:00:00Z"

#define COLUMN(type, member, name, kind, units, words)         \
    {                                                          \
        name, offsetof(type, member), kind,                    \
            sizeof(((const type *)NULL)->member), units, words \
    }
#define END \
    {       \
        0   \
    }

static const fold_column blocks[] = {
    COLUMN(trace_block, device, "device", 'u', NULL,
           "row of /devices; 4294967295: it has no name"),
    COLUMN(trace_block, partition, "partition", 'i', NULL, NULL),
    COLUMN(trace_block, boot, "boot", 'u', NULL, NULL),
    COLUMN(trace_block, seq, "seq", 'u', NULL, NULL),
    COLUMN(trace_block, offset, "offset", 'i', NULL, "-1: not known"),
    COLUMN(trace_block, term, "term", 'i', NULL, NULL),
    COLUMN(trace_block, epoch, "epoch", 'i', NULL, NULL),
    COLUMN(trace_block, version, "version", 'u', NULL,
           "of the model it was scored with; 0: none"),
    COLUMN(trace_block, commit_version, "commit_version", 'u', NULL,
           "of the model that has it; 0: not known"),
    COLUMN(trace_block, bytes, "bytes", 'u', "bytes", NULL),
    COLUMN(trace_block, points, "points", 'u', NULL, NULL),
    COLUMN(trace_block, outliers, "outliers", 'u', NULL, NULL),
    COLUMN(trace_block, features, "features", 'u', NULL, NULL),
    COLUMN(trace_block, log, "process", 'u', NULL, "row of /processes"),
    COLUMN(trace_block, edge, "edge_process", 'u', NULL,
           "row of /processes; 4294967295: it did not tell of it"),
    COLUMN(trace_block, rank, "rank", 'u', NULL, NULL),
    COLUMN(trace_block, repeats, "repeats", 'u', NULL,
           "times more that ranks had it"),
    COLUMN(trace_block, outcome, "outcome", 'u', NULL,
           "0 unknown, 1 applied, 2 refused, 3 duplicate, 4 set aside"),
    COLUMN(trace_block, flags, "flags", 'u', NULL,
           "1 has boot and seq, 2 told by its device, 4 by a rank, 8 "
           "committed, 16 by a rank that helped"),
    COLUMN(trace_block, layer, "layer", 'u', NULL,
           "of several pools in a row, from 0"),
    COLUMN(trace_block, stamp[TRACE_SENSE], "sense", 'i', TIME, "0: not known"),
    COLUMN(trace_block, stamp[TRACE_EDGE], "edge", 'i', TIME, "0: not known"),
    COLUMN(trace_block, stamp[TRACE_ACKED], "acked", 'i', TIME, "0: not known"),
    COLUMN(trace_block, stamp[TRACE_BROKER], "broker", 'i', TIME,
           "0: not known"),
    COLUMN(trace_block, stamp[TRACE_FETCH], "fetch", 'i', TIME, "0: not known"),
    COLUMN(trace_block, stamp[TRACE_START], "start", 'i', TIME, "0: not known"),
    COLUMN(trace_block, stamp[TRACE_END], "end", 'i', TIME, "0: not known"),
    COLUMN(trace_block, stamp[TRACE_RESULT], "result", 'i', TIME,
           "0: not known"),
    COLUMN(trace_block, stamp[TRACE_COMMIT], "commit", 'i', TIME,
           "0: not known"),
    COLUMN(trace_block, stamp[TRACE_MODEL], "model", 'i', TIME, "0: not known"),
    COLUMN(trace_block, stamp[TRACE_SENT], "sent", 'i', TIME,
           "0: not known; when its commit was sent to the parameter service"),
    END,
};

static const fold_column commits[] = {
    COLUMN(trace_commit, version, "version", 'u', NULL, NULL),
    COLUMN(trace_commit, term, "term", 'i', NULL, NULL),
    COLUMN(trace_commit, first_epoch, "first_epoch", 'i', NULL, NULL),
    COLUMN(trace_commit, last_epoch, "last_epoch", 'i', NULL, NULL),
    COLUMN(trace_commit, time_ns, "time", 'i', TIME, NULL),
    COLUMN(trace_commit, duration_ns, "duration", 'i', "ns", NULL),
    COLUMN(trace_commit, blocks, "blocks", 'u', NULL, NULL),
    COLUMN(trace_commit, points, "points", 'u', NULL, NULL),
    COLUMN(trace_commit, outliers, "outliers", 'u', NULL, NULL),
    COLUMN(trace_commit, bytes, "bytes", 'u', "bytes", "of the model"),
    COLUMN(trace_commit, threshold, "threshold", 'f', NULL, NULL),
    COLUMN(trace_commit, log, "process", 'u', NULL, "row of /processes"),
    COLUMN(trace_commit, tries, "tries", 'u', NULL, "times it was sent"),
    COLUMN(trace_commit, sent_ns, "sent", 'i', TIME,
           "to the parameter service, which has it by this time"),
    COLUMN(trace_commit, revision, "revision", 'u', NULL, "of the stages"),
    END,
};

static const fold_column ranks[] = {
    COLUMN(trace_rank, time_ns, "time", 'i', TIME, NULL),
    COLUMN(trace_rank, fetch_ns, "fetch", 'i', "ns", "since its start"),
    COLUMN(trace_rank, help_ns, "help", 'i', "ns", "since its start"),
    COLUMN(trace_rank, kernel_ns, "kernel", 'i', "ns", "since its start"),
    COLUMN(trace_rank, reduce_ns, "reduce", 'i', "ns", "since its start"),
    COLUMN(trace_rank, commit_ns, "commit", 'i', "ns",
           "since its start, by the committer's thread"),
    COLUMN(trace_rank, idle_ns, "idle", 'i', "ns", "since its start"),
    COLUMN(trace_rank, blocks, "blocks", 'u', NULL, "since its start"),
    COLUMN(trace_rank, helped, "helped", 'u', NULL, "since its start"),
    COLUMN(trace_rank, epochs, "epochs", 'u', NULL, "since its start"),
    COLUMN(trace_rank, lag, "lag", 'i', "records", NULL),
    COLUMN(trace_rank, log, "process", 'u', NULL, "row of /processes"),
    COLUMN(trace_rank, rank, "rank", 'u', NULL, NULL),
    END,
};

static const fold_column models[] = {
    COLUMN(trace_model, version, "version", 'u', NULL, NULL),
    COLUMN(trace_model, time_ns, "time", 'i', TIME, "when it was taken up"),
    COLUMN(trace_model, commit_ns, "commit", 'i', TIME, NULL),
    COLUMN(trace_model, log, "process", 'u', NULL, "row of /processes"),
    END,
};

static const fold_column clocks[] = {
    COLUMN(trace_clock, time_ns, "time", 'i', TIME, NULL),
    COLUMN(trace_clock, offset_ns, "offset", 'i', "ns",
           "clock of the parameter service less that of the host"),
    COLUMN(trace_clock, bound_ns, "bound", 'i', "ns",
           "the offset is known to within"),
    COLUMN(trace_clock, log, "process", 'u', NULL, "row of /processes"),
    END,
};

static const fold_column processes[] = {
    COLUMN(layout_process, pilot, "pilot", 'S', NULL, NULL),
    COLUMN(layout_process, member, "member", 'S', NULL, NULL),
    COLUMN(layout_process, host, "host", 'S', NULL, NULL),
    COLUMN(layout_process, kind, "kind", 'S', NULL, NULL),
    COLUMN(layout_process, rank, "rank", 'i', NULL, NULL),
    COLUMN(layout_process, ranks, "ranks", 'i', NULL, NULL),
    COLUMN(layout_process, pid, "pid", 'i', NULL, NULL),
    COLUMN(layout_process, ended, "ended", 'i', NULL,
           "0: it was killed, or its log was read before its end"),
    COLUMN(layout_process, start_ns, "start", 'i', TIME, NULL),
    COLUMN(layout_process, end_ns, "end", 'i', TIME, NULL),
    COLUMN(layout_process, rows, "rows", 'u', NULL, "blocks in its log"),
    COLUMN(layout_process, dropped, "dropped", 'u', NULL,
           "blocks for which there was no room in memory"),
    COLUMN(layout_process, lost, "lost", 'u', NULL,
           "blocks that could not be written"),
    COLUMN(layout_process, torn_bytes, "torn", 'u', "bytes",
           "cut off at the end of its log"),
    COLUMN(layout_process, offset_ns, "offset", 'i', "ns",
           "clock of the parameter service less that of the host"),
    COLUMN(layout_process, bound_ns, "bound", 'i', "ns",
           "the offset is known to within; -1: it was not measured"),
    END,
};

const fold_table fold_tables[TRACE_KINDS + 1] = {
    [TRACE_BLOCKS] = {"blocks", LAYOUT_BLOCK, sizeof(trace_block), blocks},
    [TRACE_COMMITS] = {"commits", LAYOUT_COMMIT, sizeof(trace_commit), commits},
    [TRACE_RANKS] = {"ranks", LAYOUT_RANK, sizeof(trace_rank), ranks},
    [TRACE_MODELS] = {"models", LAYOUT_MODEL, sizeof(trace_model), models},
    [TRACE_CLOCKS] = {"clocks", LAYOUT_CLOCK, sizeof(trace_clock), clocks},
    [FOLD_PROCESSES] = {"processes", LAYOUT_PROCESS, sizeof(layout_process),
                        processes},
};

hid_t fold_type(const fold_column *c)
{
    hid_t t;

    if (c->kind == 'S') {
        t = H5Tcopy(H5T_C_S1);
        if (t >= 0 && (H5Tset_size(t, c->bytes) < 0 ||
                       H5Tset_strpad(t, H5T_STR_NULLTERM) < 0 ||
                       H5Tset_cset(t, H5T_CSET_UTF8) < 0)) {
            H5Tclose(t);
            t = -1;
        }
        return t;
    }
    if (c->kind == 'f')
        t = H5T_IEEE_F64LE;
    else if (c->kind == 'i')
        t = c->bytes == 8 ? H5T_STD_I64LE : H5T_STD_I32LE;
    else
        t = c->bytes == 8   ? H5T_STD_U64LE
            : c->bytes == 4 ? H5T_STD_U32LE
            : c->bytes == 2 ? H5T_STD_U16LE
                            : H5T_STD_U8LE;
    return H5Tcopy(t);
}
