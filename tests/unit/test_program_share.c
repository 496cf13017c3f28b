/* test_program_share.c - memory that a program has in common with us, and
 * blocks that are made there.
 */
#include "unit.h"

#include <string.h>

#include "src/program/share.h"

enum { ROOM_AT = 4096 }; /* of blocks, as programs are told */

/* What a program says that has the memory. */
static void say(share *s, uint64_t word)
{
    memcpy(s->at, &word, sizeof(word));
}

static void fill(pe_block *b, uint32_t points)
{
    CU_ASSERT_EQUAL_FATAL(pe_block_reserve(b, points, 1, PE_F8, NULL), 0);
    for (uint32_t i = 0; i < points; i++)
        ((double *)b->data)[i] = i;
}

static double last_of(const share *s, uint32_t points)
{
    double v;

    memcpy(&v, s->at + ROOM_AT + 8 * (points - 1), sizeof(v));
    return v;
}

static void test_copied(void)
{
    pe_block b = {0};
    share_word w;
    share s;

    share_open(&s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s.at);
    fill(&b, 4);
    CU_ASSERT(!share_takes(&s, &b));
    say(&s, 1);
    CU_ASSERT(share_takes(&s, &b));
    share_put(&s, &b, &w);
    CU_ASSERT_EQUAL(last_of(&s, 4), 3);
    share_begin(&s);
    CU_ASSERT(!share_takes(&s, &b));
    pe_block_release(&b);
    share_close(&s);
}

/* Only where the program writes nothing there, and to one at a time. */
static void test_lent(void)
{
    pe_block b = {0}, other = {0};
    share_word w;
    share s;

    share_open(&s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s.at);
    fill(&b, 4);
    share_lend(&s, &b);
    say(&s, 1);
    share_lend(&s, &b);
    CU_ASSERT_PTR_NOT_EQUAL(b.data, s.at + ROOM_AT);
    say(&s, 2);
    share_lend(&s, &b);
    share_lend(&s, &other);
    fill(&b, 6);
    fill(&other, 6);
    CU_ASSERT_PTR_EQUAL(b.data, s.at + ROOM_AT);
    CU_ASSERT_PTR_NOT_EQUAL(other.data, b.data);
    CU_ASSERT(share_takes(&s, &b));
    share_put(&s, &b, &w);
    CU_ASSERT_EQUAL(w.rows, 6);
    CU_ASSERT_EQUAL(last_of(&s, 6), 5);
    /* The next program may write: it gets its block through the pipe. */
    share_begin(&s);
    say(&s, 1);
    CU_ASSERT(!share_takes(&s, &b));
    CU_ASSERT(share_takes(&s, &other));
    say(&s, 2);
    share_recall(&b);
    CU_ASSERT_PTR_NULL(b.storage);
    share_recall(&other);
    CU_ASSERT_PTR_NOT_NULL(other.storage);
    share_lend(&s, &other);
    fill(&other, 2);
    CU_ASSERT_PTR_EQUAL(other.data, s.at + ROOM_AT);
    share_recall(&other);
    share_close(&s);
}

static void test_outgrown(void)
{
    pe_block b = {0};
    uint32_t more;
    share s;

    share_open(&s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s.at);
    say(&s, 2);
    more = (uint32_t)(s.room / sizeof(double)) + 1;
    share_lend(&s, &b);
    fill(&b, more - 1);
    CU_ASSERT_EQUAL(last_of(&s, more - 1), more - 2);
    fill(&b, more);
    CU_ASSERT_PTR_NOT_EQUAL(b.data, s.at + ROOM_AT);
    CU_ASSERT(!share_takes(&s, &b));
    share_recall(&b);
    CU_ASSERT_EQUAL(((double *)b.data)[more - 1], more - 1);
    share_lend(&s, &b);
    fill(&b, 1);
    CU_ASSERT_PTR_NOT_EQUAL(b.data, s.at + ROOM_AT);
    pe_block_release(&b);
    share_close(&s);
}

/* The stage has ended, and its block has not. */
static void test_outlived(void)
{
    for (int released = 0; released < 2; released++) {
        pe_block b = {0};
        share s;

        share_open(&s);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s.at);
        say(&s, 2);
        share_lend(&s, &b);
        fill(&b, 4);
        share_close(&s);
        CU_ASSERT_EQUAL(((double *)b.data)[3], 3);
        if (released)
            pe_block_release(&b);
        else
            share_recall(&b);
        CU_ASSERT_PTR_NULL(b.storage);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"blocks are copied", test_copied},
        {"a block is made there", test_lent},
        {"... and grows out of it", test_outgrown},
        {"... and lives longer", test_outlived},
        {NULL, NULL},
    };

    return unit_main("program_share", tests);
}
