/* pilot.h - umbrella of the public headers. */
#ifndef PILOT_PILOT_H
#define PILOT_PILOT_H

#include <pilot/block.h>
#include <pilot/error.h>
#include <pilot/function.h>
#include <pilot/model.h>
#include <pilot/options.h>
#include <pilot/pipeline.h>

#endif
