/* sides.c - which side has put how many blocks through each stage, in words. */
#include "src/common/text.h"
#include "src/monitor/private.h"
#include "src/monitor/value.h"

/* A stage that has moved: how much each side did. */
void monitor_sides_print(const json_t *summary, FILE *f)
{
    const char *stage, *label = "moved";
    json_t *one;

    json_object_foreach(json_object_get(summary, "stages"), stage, one)
    {
        json_int_t devices = value_int(one, "devices");
        json_int_t pool = value_int(one, "pool");

        if (devices == 0 || pool == 0)
            continue;
        fprintf(f, "%-10s%s: %lld block%s on devices, %lld on the pool\n",
                label, stage, (long long)devices, text_s((uint64_t)devices),
                (long long)pool);
        label = "";
    }
}
