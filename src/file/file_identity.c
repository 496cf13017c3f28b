/* file_identity.c - what tells a file from others, and from what it was. */
#include "file_identity.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/digest.h"

#define END 4096

/* A descriptor of [path], or of what stands in front of a colon in it; -1. */
static int open_file(const char *path)
{
    char *file = strdup(path), *colon;
    int fd = -1;

    while (file) {
        fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        colon = fd < 0 ? strrchr(file, ':') : NULL;
        if (!colon)
            break;
        *colon = '\0';
    }
    free(file);
    return fd;
}

void file_identity(const char *path, char out[FILE_IDENTITY_MAX])
{
    char ends[2 * END], hex[DIGEST_SHA1_HEX + 1] = "";
    int fd = open_file(path);
    ssize_t first, last;
    struct stat st;

    *out = '\0';
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        first = pread(fd, ends, END, 0);
        first = first < 0 ? 0 : first;
        last = pread(fd, ends + first, END,
                     st.st_size > END ? st.st_size - END : 0);
        last = last < 0 ? 0 : last;
        digest_sha1(ends, (size_t)(first + last), hex, NULL);
        snprintf(out, FILE_IDENTITY_MAX, "%lld %llu %lld%09ld %s",
                 (long long)st.st_size, (unsigned long long)st.st_ino,
                 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, hex);
    }
    close(fd);
}
