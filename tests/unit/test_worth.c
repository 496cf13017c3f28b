/* test_worth.c - which blocks are worth their way to another rank. */
#include "unit.h"

#include "src/rank/worth.h"

static const struct {
    const char *name;
    int n; /* blocks */
    int64_t ns;
    size_t bytes;
    int then; /* ... and so many of */
    int64_t then_ns;
    size_t then_bytes;
    bool worth;
} rows[] = {
    {"none is known", 0, 0, 0, 0, 0, 0, false},
    {"nothing is done with a small one", 1, 300, 6528, 0, 0, 0, false},
    {"a small one takes long", 1, 100000, 6528, 0, 0, 0, true},
    {"the same time, for a block of 256 kB", 1, 100000, 256128, 0, 0, 0, false},
    {"that takes a millisecond", 1, 1000000, 256128, 0, 0, 0, true},
    {"a clock that was set back", 1, -5000000, 6528, 0, 0, 0, false},
    {"one of many was stopped", 127, 300, 6528, 1, 3000000, 6528, false},
    {"blocks get dear", 100000, 300, 6528, 256, 1000000, 6528, true},
    {"blocks get cheap", 100000, 1000000, 6528, 1500, 300, 6528, false},
    {"blocks get large", 100000, 300000, 6528, 1500, 300000, 2560128, false},
};

static void test_rows(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rank_worth w = {0};

        for (int k = 0; k < rows[i].n; k++)
            worth_block(&w, rows[i].ns, rows[i].bytes);
        for (int k = 0; k < rows[i].then; k++)
            worth_block(&w, rows[i].then_ns, rows[i].then_bytes);
        UNIT_EQUAL(worth_moving(&w) == rows[i].worth ? rows[i].name : "other",
                   rows[i].name);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"blocks that cost less than their way stay", test_rows},
        {0},
    };

    return unit_main("worth", tests);
}
