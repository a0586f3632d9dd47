/* summary.c - see summary.h. */
#include "summary.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

size_t summary_models(const csv *results, const char *models[SUMMARY_MODELS])
{
    size_t count = 0;
    for (size_t row = 0; row < csv_rows(results); row++) {
        const char *model = csv_text(results, row, "model");
        size_t k = 0;
        while (k < count && strcmp(models[k], model)) k++;
        if (k == count && count < SUMMARY_MODELS) models[count++] = model;
    }
    return count;
}

static bool is_at(const csv *results, size_t row, const char *model, int64_t epoch)
{
    return csv_number(results, row, "epoch") == (double)epoch && !strcmp(csv_text(results, row, "model"), model);
}

int64_t summary_row(const csv *results, const char *model, int64_t epoch)
{
    for (size_t row = 0; row < csv_rows(results); row++)
        if (is_at(results, row, model, epoch)) return (int64_t)row;
    return -1;
}

static void add(spread *self, double value)
{
    if (!isfinite(value)) return;
    double n = (double)self->count++, before = n > 0 ? self->mean : value;
    self->mean = n > 0 ? (self->mean * n + value) / (n + 1) : value;
    self->squares += (value - before) * (value - self->mean);
    self->low = n > 0 ? fmin(self->low, value) : value;
    self->high = n > 0 ? fmax(self->high, value) : value;
}

static const spread nothing = {0, NAN, NAN, NAN, 0};

double spread_margin(const spread *self)
{
    /* Student's t, both sides together 5 %, by degrees of freedom from 1 on; for more of them the last one is a little too large. */
    static const double t[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                               2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086};
    enum { COUNT = sizeof t / sizeof *t };
    if (self->count < 2) return NAN;
    const size_t freedom = self->count - 1;
    return t[freedom < COUNT ? freedom - 1 : COUNT - 1] * sqrt(self->squares / (double)freedom / (double)self->count);
}

spread summary_at(const csv *results, const char *model, int64_t epoch, const char *column)
{
    spread made = nothing;
    for (size_t row = 0; row < csv_rows(results); row++)
        if (is_at(results, row, model, epoch)) add(&made, csv_number(results, row, column));
    return made;
}

/* A seed's row. */
typedef struct seed_row {
    const char *seed;
    double value;
} seed_row;

static int by_seed(const void *a, const void *b)
{
    return strcmp(((const seed_row *)a)->seed, ((const seed_row *)b)->seed);
}

/* A model's seeds at an epoch, in order; to be freed. NULL without memory. */
static seed_row *seeds_at(const csv *results, const char *model, int64_t epoch, const char *column, size_t *count)
{
    seed_row *rows = calloc(csv_rows(results) + 1, sizeof *rows);
    *count = 0;
    for (size_t row = 0; rows && row < csv_rows(results); row++)
        if (is_at(results, row, model, epoch))
            rows[(*count)++] = (seed_row){csv_text(results, row, "seed"), csv_number(results, row, column)};
    if (rows) qsort(rows, *count, sizeof *rows, by_seed);
    return rows;
}

spread summary_difference(const csv *results, const char *a, const char *b, int64_t epoch, const char *column)
{
    size_t nfirst, nsecond;
    seed_row *first = seeds_at(results, a, epoch, column, &nfirst);
    seed_row *second = seeds_at(results, b, epoch, column, &nsecond);
    spread made = nothing;
    for (size_t i = 0; first && second && i < nfirst; i++) {
        const seed_row *same = bsearch(&first[i], second, nsecond, sizeof *second, by_seed);
        if (same) add(&made, same->value - first[i].value);
    }
    free(first);
    free(second);
    return made;
}

static const double MOST_EPOCHS = 1e7; /* a larger number in an edited file is no epoch */

/* The last epoch of any seed. */
static int64_t last_epoch(const csv *results, const char *model)
{
    double last = 0;
    for (size_t row = 0; row < csv_rows(results); row++) {
        if (strcmp(csv_text(results, row, "model"), model)) continue;
        double epoch = csv_number(results, row, "epoch");
        if (epoch > last && epoch <= MOST_EPOCHS) last = epoch;
    }
    return (int64_t)last;
}

int64_t summary_epoch(const csv *results, const char *const *models, size_t count)
{
    int64_t least = count ? INT64_MAX : 0;
    for (size_t k = 0; k < count; k++) {
        int64_t last = last_epoch(results, models[k]);
        if (last < least) least = last;
    }
    return least;
}

summary_curve summary_curve_of(const csv *results, const char *model, const char *column, double scale)
{
    size_t count = (size_t)last_epoch(results, model);
    double *numbers = calloc(4 * count + 1, sizeof *numbers);
    spread *at = calloc(count + 1, sizeof *at);
    if (!numbers || !at) count = 0;
    summary_curve made = {numbers, numbers + count, numbers + 2 * count, numbers + 3 * count, count};
    for (size_t i = 0; i < count; i++) at[i] = nothing;
    for (size_t row = 0; count && row < csv_rows(results); row++) {
        double epoch = csv_number(results, row, "epoch");
        if (epoch >= 1 && epoch <= (double)count && epoch == floor(epoch) &&
            !strcmp(csv_text(results, row, "model"), model))
            add(&at[(size_t)epoch - 1], csv_number(results, row, column));
    }
    for (size_t i = 0; i < count; i++) {
        made.x[i] = (double)(i + 1);
        made.mean[i] = scale * at[i].mean;
        made.low[i] = scale * at[i].low;
        made.high[i] = scale * at[i].high;
    }
    free(at);
    return made;
}

const char *spread_text(const spread *self, double scale, char *text)
{
    if (self->count > 1)
        snprintf(text, 48, "%.2f (%.2f to %.2f)", scale * self->mean, scale * self->low, scale * self->high);
    else if (self->count)
        snprintf(text, 48, "%.2f", scale * self->mean);
    else
        snprintf(text, 48, "-");
    return text;
}

const char *change_text(const spread *self, char *text)
{
    if (self->count > 1)
        snprintf(text, 64, "%+.2f points (%+.2f to %+.2f, %zu seeds)", 100 * self->mean, 100 * self->low,
                 100 * self->high, self->count);
    else
        snprintf(text, 64, "%+.2f points (1 seed)", 100 * self->mean);
    return text;
}
