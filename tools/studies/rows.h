/* rows.h - a finished run as one small file, OUT/rows/NETWORK-sSEED.csv, which can be kept and copied without the run's folder: its rows
 * of results.csv, and in the first of them what decided the result. A study takes a run whose rows are there as finished. */
#ifndef SHUNT_TOOLS_STUDIES_ROWS_H
#define SHUNT_TOOLS_STUDIES_ROWS_H

#include "runs.h"

/* Begins *rows with those of a run, or without any: where its file is not there, or is of another run than this study would make,
 * which a warning tells, with all that differs. A file that is not well formed is a failure. */
int rows_take(const run_context *self, const char *name, int64_t seed, csv *rows);
/* Writes those of a run that is finished. A file that rows_take has refused stays as it is. */
int rows_keep(const run_context *self, const run_parts *parts, const char *name, int64_t seed);

#endif
