/* object.c - what machine a shared object or a program was built for. */
#include "object.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct machine {
    unsigned id, bits, data; /* of the head; class, order of bytes; 0: any */
    const char *name;
} machines[] = {
    {EM_X86_64, 0, 0, "x86_64"},
    {EM_AARCH64, 0, 0, "aarch64"},
    {EM_ARM, 0, 0, "arm"},
    {EM_386, 0, 0, "i386"},
    {EM_RISCV, ELFCLASS64, 0, "riscv64"},
    {EM_RISCV, ELFCLASS32, 0, "riscv32"},
    {EM_PPC64, 0, ELFDATA2LSB, "ppc64le"},
    {EM_PPC64, 0, ELFDATA2MSB, "ppc64"},
    {EM_S390, ELFCLASS64, 0, "s390x"},
    {0, 0, 0, NULL},
};

/* Type and machine stand at the same place for 32 and 64 bits. */
static unsigned half(const unsigned char *head, size_t at)
{
    const unsigned char *p = head + at;

    return head[EI_DATA] == ELFDATA2MSB ? p[0] * 256U + p[1]
                                        : p[1] * 256U + p[0];
}

static int refuse(const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s", why);
}

static int read_head(const char *path, unsigned char *head, size_t len,
                     pe_error *errp)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st = {0};
    ssize_t n = fd < 0 || fstat(fd, &st) < 0 ? -1 : 0;

    if (n == 0 && S_ISREG(st.st_mode))
        n = read(fd, head, len);
    if (n < 0)
        refuse(strerror(errno), errp);
    else if (S_ISDIR(st.st_mode))
        n = refuse("it is a folder", errp);
    else if (!S_ISREG(st.st_mode))
        n = refuse("it is no file", errp);
    else if (n == 0)
        n = refuse("it is empty", errp);
    else if ((size_t)n < len || memcmp(head, ELFMAG, SELFMAG) != 0)
        n = refuse("it is no shared object (ELF)", errp);
    if (fd >= 0)
        close(fd);
    return n < 0 ? -1 : 0;
}

int object_machine(const char *path, char out[OBJECT_MACHINE], pe_error *errp)
{
    unsigned char head[sizeof(Elf32_Ehdr)];

    if (read_head(path, head, sizeof(head), errp) < 0)
        return -1;
    if (half(head, offsetof(Elf32_Ehdr, e_type)) == ET_REL)
        return refuse("it is an object file, link it with cc -shared", errp);
    unsigned id = half(head, offsetof(Elf32_Ehdr, e_machine));
    snprintf(out, OBJECT_MACHINE, "ELF machine %u", id);
    for (const struct machine *m = machines; m->name; m++)
        if (m->id == id && (!m->bits || m->bits == head[EI_CLASS]) &&
            (!m->data || m->data == head[EI_DATA])) {
            snprintf(out, OBJECT_MACHINE, "%s", m->name);
            break;
        }
    return 0;
}

void object_machine_here(char out[OBJECT_MACHINE])
{
    if (object_machine("/proc/self/exe", out, NULL) < 0)
        out[0] = '\0';
}
