/* source.c - where messages come from, by the scheme of a URL. */
#include "src/gather/source.h"

#include <string.h>

static const struct {
    const char *scheme;
    const gather_source_ops *ops; /* NULL: it was left out */
    const char *option;
} kinds[] = {
#ifdef PE_WITH_MQTT
    {"mqtt:", &gather_mqtt, "mqtt"},
    {"mqtts:", &gather_mqtt, "mqtt"},
#else
    {"mqtt:", NULL, "mqtt"},
    {"mqtts:", NULL, "mqtt"},
#endif
#ifdef PE_WITH_ZMQ
    {"zmq:", &gather_zmq, "zmq"},
#else
    {"zmq:", NULL, "zmq"},
#endif
};

const gather_source_ops *gather_source_find(const char *url, pe_error *errp)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncmp(url, kinds[i].scheme, strlen(kinds[i].scheme)) != 0)
            continue;
        if (!kinds[i].ops)
            pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                         "'%s': this pilot-gateway was built --without-%s", url,
                         kinds[i].option);
        return kinds[i].ops;
    }
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                 "'%s' is none of mqtt://HOST:PORT/FILTER, mqtts:// and "
                 "zmq:tcp://HOST:PORT",
                 url);
    return NULL;
}
