/* sides.c - which side has put how many blocks through each stage. */
#include <string.h>

#include "src/monitor/monitor.h"
#include "src/monitor/private.h"
#include "src/monitor/value.h"

static void add(json_t *to, const char *key, json_int_t n)
{
    json_object_set_new(to, key, json_integer(value_int(to, key) + n));
}

/* {STAGE: {devices, pool}} of all pools of the run; NULL: none told. */
json_t *monitor_sides(const json_t *finals)
{
    const char *pilot, *stage;
    json_t *out = NULL, *event, *one;

    json_object_foreach((json_t *)finals, pilot, event)
    {
        json_object_foreach(json_object_get(event, "stages"), stage, one)
        {
            json_t *sum;

            out = out ? out : json_object();
            sum = json_object_get(out, stage);
            if (!sum) {
                sum = json_object();
                json_object_set_new(out, stage, sum);
            }
            add(sum, "devices", value_int(one, "devices"));
            add(sum, "pool", value_int(one, "pool"));
        }
    }
    return out;
}

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
        fprintf(f, "%-10s%s: %lld blocks on devices, %lld on the pool\n", label,
                stage, (long long)devices, (long long)pool);
        label = "";
    }
}
