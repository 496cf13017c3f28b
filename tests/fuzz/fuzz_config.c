/* fuzz_config.c - any bytes as a file of YAML, and as what --set says.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_config.c
 *
 * What stands behind the first NUL is set on the tree in front of it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/config/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

/* Every node says where it stands. */
static void walk(const tree *t)
{
    expect(t->where != NULL);
    expect(t->kind != TREE_SCALAR || t->n == 0);
    for (size_t i = 0; i < t->n; i++)
        walk(&t->child[i]);
}

static void set(tree *t, const uint8_t *data, size_t size)
{
    char *s = malloc(size + 1);
    pe_error e = {0};

    if (!s)
        return;
    memcpy(s, data, size);
    s[size] = '\0';
    if (tree_override(t, s, &e) < 0)
        expect(e.text[0] != '\0');
    walk(t);
    free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    size_t len = end ? (size_t)(end - data) : size;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    char path[64];
    pe_error e = {0};
    tree *t;

    if (fd < 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (write(fd, data, len) == (ssize_t)len) {
        t = tree_read(path, &e);
        expect(t || e.text[0] != '\0');
        if (t)
            walk(t);
        if (t && end)
            set(t, end + 1, size - len - 1);
        tree_destroy(t);
    }
    close(fd);
    return 0;
}
