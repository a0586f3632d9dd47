/* summary.h - what the results of training runs come to: rows of (model, seed, epoch), and means over seeds of a column. */
#ifndef SHUNT_TOOLS_STUDIES_SUMMARY_H
#define SHUNT_TOOLS_STUDIES_SUMMARY_H

#include "lib/csv.h"
#include <stdint.h>

enum { SUMMARY_MODELS = 64 };

/* The models that there are, in the order of their first rows. Returns how many; at most SUMMARY_MODELS. */
size_t summary_models(const csv *results, const char *models[SUMMARY_MODELS]);

typedef struct spread {
    size_t count; /* of seeds; 0: the rest is NaN */
    double mean, low, high;
    double squares; /* the sum of the squared distances from the mean */
} spread;

/* Over the seeds of a model that have come to this epoch. */
spread summary_at(const csv *results, const char *model, int64_t epoch, const char *column);
/* Of b less a, seed by seed, over the seeds that both have come to this epoch with. */
spread summary_difference(const csv *results, const char *a, const char *b, int64_t epoch, const char *column);
/* How far the mean of many more seeds may be from this one: half of its 95 % confidence interval, by Student's t. NaN below two seeds. */
double spread_margin(const spread *self);
/* The last epoch that some seed of each of these models has come to; 0: one has not begun. */
int64_t summary_epoch(const csv *results, const char *const *models, size_t count);
/* The model's first row at an epoch, or -1. */
int64_t summary_row(const csv *results, const char *model, int64_t epoch);

/* Means over seeds after each epoch, as a line with its spread, for a plot; to be freed with free(x). */
typedef struct summary_curve {
    double *x, *mean, *low, *high;
    size_t count;
} summary_curve;
/* scale: what numbers are multiplied by. count is 0 without memory. */
summary_curve summary_curve_of(const csv *results, const char *model, const char *column, double scale);

/* "7.91 (7.80 to 8.02)", or with one seed "7.91"; "-" where there is none. text: 48 bytes; returned. */
const char *spread_text(const spread *self, double scale, char *text);
/* Of a difference of fractions: "+1.50 points (+1.00 to +2.00, 2 seeds)", or "+1.50 points (1 seed)". text: 64 bytes; returned. */
const char *change_text(const spread *self, char *text);

#endif
