/* sensor.h - functions of ours, in a shared object that pilots load. */
#ifndef SENSOR_H
#define SENSOR_H

#include <pilot/pilot.h>

extern const pe_function sensor_function;
extern const pe_function calibrate_function;

#endif
