/* test_object.c - what an object was built for, and what is none. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "scratch.h"
#include "src/common/object.h"

enum { HEAD = 64, CLASS = 4, DATA = 5, TYPE = 16, MACHINE = 18 };

/* A head of [bits] / 32, order of bytes, type and machine as file "o". */
static void put(int bits, int data, unsigned type, unsigned machine)
{
    unsigned char head[HEAD] = "\177ELF";

    head[CLASS] = (unsigned char)bits;
    head[DATA] = (unsigned char)data;
    head[TYPE + (data == 2)] = (unsigned char)type;
    head[MACHINE + (data == 2)] = (unsigned char)machine;
    scratch_write_bytes("o", head, sizeof(head));
}

static void test_machines(void)
{
    static const struct {
        int bits, data;
        unsigned machine;
        const char *name;
    } rows[] = {
        {2, 1, 62, "x86_64"},
        {2, 1, 183, "aarch64"},
        {1, 1, 40, "arm"},
        {1, 1, 3, "i386"},
        {2, 1, 243, "riscv64"},
        {1, 1, 243, "riscv32"},
        {2, 1, 21, "ppc64le"},
        {2, 2, 21, "ppc64"},
        {2, 2, 22, "s390x"},
        {1, 2, 22, "ELF machine 22"},
        {2, 1, 254, "ELF machine 254"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[OBJECT_MACHINE];
        pe_error e = {0};
        put(rows[i].bits, rows[i].data, 3, rows[i].machine);
        CU_ASSERT_EQUAL(object_machine(scratch_path, name, &e), 0);
        UNIT_EQUAL(name, rows[i].name);
    }
}

static void refused(const char *path, const char *text)
{
    char name[OBJECT_MACHINE];
    pe_error e = {0};

    CU_ASSERT_EQUAL(object_machine(path, name, &e), -1);
    UNIT_EQUAL(e.text, text);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
}

static void test_none(void)
{
    char name[OBJECT_MACHINE];

    refused("/nowhere/o.so", "No such file or directory");
    refused(scratch_folder, "it is a folder");
    refused("/dev/null", "it is no file");
    scratch_write("empty", "");
    refused(scratch_path, "it is empty");
    scratch_write_bytes("short", "\177ELF", 4);
    refused(scratch_path, "it is no shared object (ELF)");
    scratch_write("text", "const pe_function f: what a build is made of, and "
                          "not what it makes, is in here.\n");
    refused(scratch_path, "it is no shared object (ELF)");
    put(2, 1, 1, 62);
    refused(scratch_path, "it is an object file, link it with cc -shared");
    object_machine_here(name);
    CU_ASSERT(name[0] != '\0');
}

int main(void)
{
    static const unit_test tests[] = {
        {"machines", test_machines},
        {"what is no object", test_none},
        {0},
    };

    scratch_make();
    int status = unit_main("object", tests);
    scratch_remove();
    return status;
}
