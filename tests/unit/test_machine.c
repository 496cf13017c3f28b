/* test_machine.c - what a host says it is. */
#include "unit.h"

#include <string.h>

#include "src/agent/machine.h"

static void test_cpu(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"processor\t: 0\nmodel\t\t: 1\nmodel name\t: EPYC 7763  64-Core\n"
         "cpu MHz\t: 2000\n\nprocessor\t: 1\nmodel name\t: Other\n",
         "EPYC 7763  64-Core"},
        /* of a Raspberry, at its end; POWER */
        {"processor\t: 0\nBogoMIPS\t: 108.00\n\nHardware\t: BCM2835\n"
         "Model\t\t: Raspberry Pi 5\n",
         "Raspberry Pi 5"},
        {"processor\t: 0\ncpu\t\t: POWER9, altivec\nclock\t: 1\n",
         "POWER9, altivec"},
        {"model name", ""},
        {"model name\t:", ""},
        {"", ""},
        {"cpu MHz\t: 2000\n", ""},
    };
    char got[64];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        machine_cpu(rows[i].text, got, sizeof(got));
        UNIT_EQUAL(got, rows[i].want);
    }
    machine_cpu("cpu: 0123456789\n", got, 5);
    UNIT_EQUAL(got, "0123");
}

static void test_machine(void)
{
    json_t *o = machine_make();

    CU_ASSERT_TRUE(json_integer_value(json_object_get(o, "cores")) >= 1);
    CU_ASSERT_TRUE(json_integer_value(json_object_get(o, "memory")) > 1 << 20);
    UNIT_CONTAINS(json_string_value(json_object_get(o, "system")), "Linux ");
    json_decref(o);
}

int main(void)
{
    static const unit_test tests[] = {
        {"the name of a processor", test_cpu},
        {"this machine", test_machine},
        {NULL, NULL},
    };

    return unit_main("machine", tests);
}
