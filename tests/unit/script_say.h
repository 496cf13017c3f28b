/* script_say.h - requests for job scripts, word by word. */
#ifndef TESTS_SCRIPT_SAY_H
#define TESTS_SCRIPT_SAY_H

#include "src/resource/resource.h"

/* A word and its value; the end is a row without a value. */
struct say {
    enum request_word word;
    const char *value;
};

/* Set them all in [q]. */
void say_all(resource_request *q, const struct say *say);
/* A pilot that asks for [q]. */
resource_spec say_spec(const resource_request *q);

#endif
