/* test_checkpoint.c - files of the model: whole, few, and none that ends a run.
 */
#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/commit/checkpoint.h"
#include "src/common/clock.h"
#include "src/common/file.h"

static char home[] = "/tmp/test_checkpoint-XXXXXX";
static char folder[sizeof(home) + 16];

static checkpoint *open_one(double every_s, int keep)
{
    pe_error e = {0};
    checkpoint *c;

    snprintf(folder, sizeof(folder), "%s/files", home);
    c = checkpoint_open(&(checkpoint_conf){folder, every_s, keep}, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    return c;
}

/* Offer [version] until it has come to something: written, or failed. */
static void offer(checkpoint *c, uint64_t version)
{
    uint64_t written, failed, before, bad;
    char model[64];

    snprintf(model, sizeof(model), "version %llu", (unsigned long long)version);
    checkpoint_count(c, &before, &bad);
    do {
        checkpoint_offer(c, model, strlen(model), version);
        clock_sleep_ns(CLOCK_MS, 0);
        checkpoint_count(c, &written, &failed);
    } while (written + failed == before + bad);
}

static int is_name(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int files(char first[256])
{
    struct dirent **list = NULL;
    int n = scandir(folder, &list, is_name, alphasort);

    if (n > 0)
        snprintf(first, 256, "%s", list[0]->d_name);
    for (int i = 0; i < n; i++)
        free(list[i]);
    free(list);
    return n;
}

/* The newest stay, and what is not ours. */
static void test_kept(void)
{
    checkpoint *c = open_one(0, 3);
    char first[256] = "", path[512];
    size_t len = 0;
    char *data;

    file_mkdir(folder, NULL);
    snprintf(path, sizeof(path), "%s/a-friend", folder);
    CU_ASSERT_EQUAL(file_write(path, "x", 1, 0600, NULL), 0);
    for (uint64_t v = 8; v < 13; v++)
        offer(c, v);
    checkpoint_close(c);
    CU_ASSERT_EQUAL(files(first), 4);
    UNIT_EQUAL(first, "a-friend");
    unlink(path);
    CU_ASSERT_EQUAL(files(first), 3);
    UNIT_EQUAL(first, "model-00000000000000000010.safetensors");
    snprintf(path, sizeof(path), "%s/%s", folder, first);
    data = file_read(path, 100, &len, NULL);
    UNIT_EQUAL(data, "version 10");
    free(data);
    file_remove_tree(folder, NULL);
}

/* Not before it is due, and nothing of a model that is none. */
static void test_due(void)
{
    checkpoint *c = open_one(3600, 3);
    uint64_t written, failed;
    char first[256];

    checkpoint_offer(c, "x", 1, 1);
    checkpoint_close(c);
    CU_ASSERT_EQUAL(files(first), -1);
    c = open_one(0, 3);
    checkpoint_offer(c, NULL, 0, 1);
    checkpoint_close(c);
    CU_ASSERT_EQUAL(files(first), -1);
    c = open_one(0, 3);
    offer(c, 1);
    checkpoint_count(c, &written, &failed);
    CU_ASSERT_EQUAL(written, 1);
    CU_ASSERT_EQUAL(failed, 0);
    checkpoint_close(c);
    file_remove_tree(folder, NULL);
}

/* What cannot be written is said once, and so is that it can be again. */
static void test_failing(void)
{
    checkpoint *c = open_one(0, 3);
    char words[CHECKPOINT_WORDS];
    uint64_t written, failed;

    CU_ASSERT_EQUAL(file_write(folder, "x", 1, 0600, NULL), 0);
    offer(c, 1);
    CU_ASSERT_TRUE(checkpoint_news(c, words));
    UNIT_CONTAINS(words, "a checkpoint is not written, and the run goes on: ");
    UNIT_CONTAINS(words, folder);
    CU_ASSERT_FALSE(checkpoint_news(c, words));
    checkpoint_count(c, &written, &failed);
    CU_ASSERT_EQUAL(written, 0);
    CU_ASSERT_EQUAL(failed, 1);
    /* it is tried again after some seconds, and not at every commit */
    checkpoint_offer(c, "x", 1, 2);
    clock_sleep_ns(20 * CLOCK_MS, 0);
    checkpoint_count(c, &written, &failed);
    CU_ASSERT_EQUAL(failed, 1);
    unlink(folder);
    checkpoint_close(c);
}

int main(void)
{
    static const unit_test tests[] = {
        {"kept", test_kept},
        {"due", test_due},
        {"failing", test_failing},
        {0},
    };
    int status;

    if (!mkdtemp(home))
        return 1;
    status = unit_main("checkpoint", tests);
    file_remove_tree(home, NULL);
    return status;
}
