/* inspect_topic.h - `pilot inspect kafka://HOST:PORT/TOPIC`. */
#ifndef VIEW_INSPECT_TOPIC_H
#define VIEW_INSPECT_TOPIC_H

#include "src/common/option.h"

/* Say what the topic of [word] holds, read as [set] says; the exit status. */
int inspect_topic(const option_list *set, const char *word);

#endif
