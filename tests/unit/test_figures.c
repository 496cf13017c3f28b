/* test_figures.c - what a rank counts and times of its blocks. */
#include "unit.h"

#include <string.h>

#include "src/common/clock.h"
#include "src/rank/figures.h"

static pool_figures figures;

static void begin(void)
{
    memset(&figures, 0, sizeof(figures));
    CU_ASSERT_EQUAL_FATAL(figures_init(&figures, NULL), 0);
}

static int64_t count(enum pool_hop hop)
{
    return histogram_count(&figures.hop[hop]);
}

static double longest_ms(enum pool_hop hop)
{
    return (double)figures.hop[hop].max_ns / 1e6;
}

/* A block whose times are known, in ms behind a second. */
static pe_block block(int sense, int edge, int broker)
{
    const int64_t at = 1000 * CLOCK_S;

    return (pe_block){
        .sense_ns = sense ? at + sense * CLOCK_MS : 0,
        .edge_ns = edge ? at + edge * CLOCK_MS : 0,
        .broker_ns = broker ? at + broker * CLOCK_MS : 0,
        .fetch_ns = at + 40 * CLOCK_MS,
        .start_ns = at + 50 * CLOCK_MS,
        .end_ns = at + 70 * CLOCK_MS,
    };
}

/* What is known of a block decides what is counted of it. */
static void test_hops(void)
{
    static const struct {
        int sense, edge, broker;
        bool has_edge, has_broker, is_born;
        double sent_ms, whole_ms;
    } rows[] = {
        {10, 20, 30, true, true, true, 20, 60},
        {20, 10, 30, false, true, true, 30, 60}, /* sensed after it was sent */
        {10, 0, 0, false, false, true, 0, 60},
        {0, 20, 0, false, true, true, 20, 50},
        {0, 0, 30, false, true, true, 10, 40},
        {0, 0, 0, false, false, false, 0, 0},
        {-7200000, 20, 0, false, true, true, 20, 50}, /* a file's own clock */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_block b = block(rows[i].sense, rows[i].edge, rows[i].broker);

        begin();
        figures_first(&figures, &b);
        figures_block(&figures, 3, &b);
        CU_ASSERT_EQUAL(figures.first_ns, b.fetch_ns);
        CU_ASSERT_EQUAL(figures.last_ns, b.end_ns);
        CU_ASSERT_EQUAL(figures.busy_ns, 20 * CLOCK_MS);
        CU_ASSERT_EQUAL(count(HOP_EDGE), rows[i].has_edge);
        CU_ASSERT_EQUAL(count(HOP_BROKER), rows[i].has_broker);
        CU_ASSERT_EQUAL(count(HOP_START), rows[i].has_broker);
        CU_ASSERT_DOUBLE_EQUAL(longest_ms(HOP_BROKER), rows[i].sent_ms, 1e-9);
        CU_ASSERT_EQUAL(count(HOP_WAIT), 1);
        CU_ASSERT_DOUBLE_EQUAL(longest_ms(HOP_PROCESS), 20, 1e-9);
        CU_ASSERT_EQUAL(count(HOP_PROCESSED), rows[i].is_born);
        CU_ASSERT_DOUBLE_EQUAL(longest_ms(HOP_PROCESSED), rows[i].whole_ms,
                               1e-9);
        CU_ASSERT_EQUAL(count(HOP_COMMIT), 0);
        figures_urgent(&figures, &b); /* all of its way, but the processing */
        CU_ASSERT_EQUAL(count(HOP_URGENT), rows[i].has_broker);
        if (rows[i].has_broker)
            CU_ASSERT_DOUBLE_EQUAL(
                longest_ms(HOP_URGENT),
                longest_ms(HOP_BROKER) + longest_ms(HOP_WAIT), 1e-9);
        figures_fini(&figures);
    }
}

/* A commit is waited for by the blocks of its epochs, and of no later one. */
static void test_commit(void)
{
    pe_block b = block(10, 20, 30);

    begin();
    for (int64_t epoch = 5; epoch < 8; epoch++)
        for (int i = 0; i < 3; i++)
            figures_block(&figures, epoch, &b);
    CU_ASSERT_EQUAL(figures.n_samples, 9);
    figures_commit(&figures, 4, b.end_ns + CLOCK_MS);
    CU_ASSERT_EQUAL(figures.n_samples, 9);
    figures_commit(&figures, 6, b.end_ns + 30 * CLOCK_MS);
    CU_ASSERT_EQUAL(figures.n_samples, 3);
    CU_ASSERT_EQUAL(figures.samples[0].epoch, 7);
    CU_ASSERT_EQUAL(count(HOP_COMMIT), 6);
    CU_ASSERT_DOUBLE_EQUAL(longest_ms(HOP_COMMIT), 30, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(longest_ms(HOP_TOTAL), 90, 1e-9);
    figures_commit(&figures, 7, b.end_ns);
    CU_ASSERT_EQUAL(figures.n_samples, 0);
    figures_fini(&figures);
}

/* More blocks than are remembered are counted, and not waited for. */
static void test_many(void)
{
    pe_block b = block(10, 20, 30);

    begin();
    for (int i = 0; i < POOL_SAMPLES + 3; i++)
        figures_block(&figures, 1, &b);
    CU_ASSERT_EQUAL(figures.n_samples, POOL_SAMPLES);
    CU_ASSERT_EQUAL(count(HOP_PROCESS), POOL_SAMPLES + 3);
    figures_commit(&figures, 1, b.end_ns);
    CU_ASSERT_EQUAL(count(HOP_COMMIT), POOL_SAMPLES);
    figures_fini(&figures);
}

/* The first of ours is told, and apart from it the first of others. */
static void test_refused(void)
{
    source_item item = {.foreign = true,
                        .block = {.topic = "t", .partition = 2, .offset = 7}};
    char long_reason[2 * POOL_FIRST_MAX];

    begin();
    figures_refused(&figures, &item, "of somebody else");
    UNIT_EQUAL(figures.first_refused, "");
    UNIT_EQUAL(figures.first_foreign, "t/2/7: of somebody else");
    item.foreign = false;
    figures_refused(&figures, &item, "too wide");
    UNIT_EQUAL(figures.first_refused, "t/2/7: too wide");
    item.block.offset = 8;
    figures_refused(&figures, &item, "another");
    UNIT_EQUAL(figures.first_refused, "t/2/7: too wide");
    figures_fini(&figures);

    begin();
    memset(long_reason, 'x', sizeof(long_reason) - 1);
    long_reason[sizeof(long_reason) - 1] = '\0';
    item.block.topic = NULL;
    figures_refused(&figures, &item, long_reason);
    CU_ASSERT_EQUAL(strlen(figures.first_refused), POOL_FIRST_MAX - 1);
    CU_ASSERT_EQUAL(strncmp(figures.first_refused, "-/2/8: xxx", 10), 0);
    figures_fini(&figures);
}

/* It is read twice a second, and kept in between. */
static void test_p95(void)
{
    int64_t first;

    begin();
    CU_ASSERT_EQUAL(figures_p95(&figures, 0), 0);
    for (int i = 1; i <= 100; i++)
        histogram_add(&figures.hop[HOP_PROCESS], i * CLOCK_MS);
    CU_ASSERT_EQUAL(figures_p95(&figures, 499 * CLOCK_MS), 0);
    first = figures_p95(&figures, 500 * CLOCK_MS);
    CU_ASSERT_TRUE(first >= 95 * CLOCK_MS && first < 99 * CLOCK_MS);
    histogram_add_n(&figures.hop[HOP_PROCESS], CLOCK_S, 1000);
    CU_ASSERT_EQUAL(figures_p95(&figures, 999 * CLOCK_MS), first);
    CU_ASSERT_TRUE(figures_p95(&figures, 1000 * CLOCK_MS) > 500 * CLOCK_MS);
    figures_fini(&figures);
}

int main(void)
{
    static const unit_test tests[] = {
        {"the way of a block, as far as it is known", test_hops},
        {"a commit and the blocks that wait for it", test_commit},
        {"more blocks than are remembered", test_many},
        {"the first that is refused", test_refused},
        {"95% of blocks took no longer", test_p95},
        {0},
    };

    return unit_main("figures", tests);
}
