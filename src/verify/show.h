/* show.h - what `pilot verify` prints. */
#ifndef VERIFY_SHOW_H
#define VERIFY_SHOW_H

#include <stdio.h>

#include "judge.h"

#define SHOW_SCHEMA 1

/* A table for people, or one JSON object; [n] layers of [run]. */
void show_table(const char *run, const layer *l, size_t n, const findings *f,
                FILE *out);
/* 0, or -1: no memory. */
int show_json(const char *run, const layer *l, size_t n, const findings *f,
              FILE *out);

#endif
