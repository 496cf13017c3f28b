/* format.c - heads of chunks and of records: checked. */
#include "format.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/pack/pack.h"

static uint32_t chunk_check(format_chunk h)
{
    h.check = 0;
    return pack_check(0, &h, sizeof(h));
}

void format_chunk_seal(format_chunk *h)
{
    h->check = chunk_check(*h);
}

bool format_chunk_good(const format_chunk *h)
{
    return !memcmp(h->magic, FORMAT_CHUNK, sizeof(h->magic)) &&
           h->check == chunk_check(*h) && h->owner[FORMAT_OWNER - 1] == '\0';
}

format_boot format_boot_make(uint64_t boot, uint64_t number)
{
    const uint64_t both[2] = {boot, number};

    return (format_boot){boot, pack_check(0, both, sizeof(both))};
}

/* Of a head that is not relied on but where the kernel has kept it. */
static uint32_t cell_check(const format_record *r)
{
    uint64_t words[sizeof(*r) / sizeof(uint64_t)], sum = 1;

    memcpy(words, r, sizeof(words));
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        sum = (sum ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(sum >> 32);
}

static uint32_t record_check(format_record r)
{
    r.check = 0;
    if (r.sealed == FORMAT_CELL)
        return cell_check(&r);
    return pack_check(0, &r, sizeof(r));
}

void format_record_seal(format_record *r)
{
    r->check = record_check(*r);
}

bool format_record_good(const format_record *r, uint64_t number)
{
    return r->magic == FORMAT_RECORD && r->chunk == number &&
           r->check == record_check(*r);
}

/* What a kernel that is started anew calls itself. */
void format_machine(char out[40])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, 36);

    memset(out + (n == 36 ? 36 : 0), 0, n == 36 ? 4 : 40);
    if (fd >= 0)
        close(fd);
}
