/* doctor.h - what the files of `pilot doctor` share. */
#ifndef CMD_DOCTOR_H
#define CMD_DOCTOR_H

#include <stdbool.h>

#include "src/pipeline/pipeline.h"
#include "src/resource/resource.h"

/* The report: a line for each thing that was looked at. */
typedef struct doctor {
    const char *url; /* of the resource; never NULL */
    pipeline *pl;    /* NULL: no file was given */
    resource_request request;
    bool job;     /* submit one to look from a compute node */
    bool conform; /* try out what a provider owes */
    int bad;      /* lines that were not ok */
} doctor;

/* "ok      TEXT" or "fix     TEXT". */
void doctor_line(doctor *d, bool ok, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same as a callback; [arg] is the doctor. */
void doctor_say(void *arg, bool ok, const char *line);

/* This host: programs, folders, disk, interfaces, a world of two ranks. */
void doctor_host(doctor *d);
/* Broker, parameter service, clocks. */
void doctor_services(doctor *d);
/* The resource: its host, its queues; a job when one is to be submitted. */
void doctor_resource(doctor *d);

#endif
