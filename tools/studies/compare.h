/* compare.h - the report of a study whose networks are compared with twins, seed by seed. */
#ifndef SHUNT_TOOLS_STUDIES_COMPARE_H
#define SHUNT_TOOLS_STUDIES_COMPARE_H

#include "runs.h"

typedef struct comparison {
    const char *(*twin)(const char *model,
                        char name[RUN_NAME]); /* what a model is compared with: itself, if with nothing */
    const char *heading;                      /* of the table's models: "network and precision" */
    const char *reference;                    /* what twins are: "f32" */
    const char *none;                         /* the verdict where there is nothing to compare */
    const char *subject; /* what should be at most so many points: "The test error in 16 bits, less that in float32," */
    double most_points;  /* of the mean difference */
} comparison;

/* Of results with runs_error_columns: verdict, table and curves. A study's draw. */
int comparison_draw(const csv *results, const comparison *wanted, report *out);

#endif
