/* npy_case.c - .npy records as they may come. */
#include "npy_case.h"

#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "unit.h"

npy_record npy_case(unsigned char major, const char *dict, size_t bytes)
{
    size_t n = strlen(dict);
    size_t prefix = major == 1 ? 10 : 12;
    npy_record r = {malloc(prefix + n + bytes), prefix + n + bytes};

    CU_ASSERT_FATAL(r.data != NULL);
    memcpy(r.data, "\x93NUMPY", 6);
    r.data[6] = major;
    r.data[7] = 0;
    for (size_t i = 8; i < prefix; i++)
        r.data[i] = (unsigned char)(n >> (8 * (i - 8)));
    memcpy(r.data + prefix, dict, n);
    for (size_t i = 0; i < bytes; i++)
        r.data[prefix + n + i] = (unsigned char)(i + 1);
    return r;
}

void npy_refused(const npy_record *r, const char *want)
{
    pe_block b = {.points = 77, .dtype = PE_F8};
    pe_error e = {0};

    CU_ASSERT_EQUAL(npy_decode(r->data, r->len, &b, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    UNIT_CONTAINS(e.text, want);
    CU_ASSERT_EQUAL(b.points, 77);
    CU_ASSERT_PTR_NULL(b.data);
}
