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
    double n = (double)self->count++;
    self->mean = n > 0 ? (self->mean * n + value) / (n + 1) : value;
    self->low = n > 0 ? fmin(self->low, value) : value;
    self->high = n > 0 ? fmax(self->high, value) : value;
}

static const spread nothing = {0, NAN, NAN, NAN};

spread summary_at(const csv *results, const char *model, int64_t epoch, const char *column)
{
    spread made = nothing;
    for (size_t row = 0; row < csv_rows(results); row++)
        if (is_at(results, row, model, epoch)) add(&made, csv_number(results, row, column));
    return made;
}

spread summary_difference(const csv *results, const char *a, const char *b, int64_t epoch, const char *column)
{
    spread made = nothing;
    for (size_t i = 0; i < csv_rows(results); i++)
        for (size_t k = 0; is_at(results, i, a, epoch) && k < csv_rows(results); k++)
            if (is_at(results, k, b, epoch) && !strcmp(csv_text(results, i, "seed"), csv_text(results, k, "seed")))
                add(&made, csv_number(results, k, column) - csv_number(results, i, column));
    return made;
}

/* The last epoch of any seed. */
static int64_t last_epoch(const csv *results, const char *model)
{
    double last = 0;
    for (size_t row = 0; row < csv_rows(results); row++)
        if (!strcmp(csv_text(results, row, "model"), model)) last = fmax(last, csv_number(results, row, "epoch"));
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
    if (!numbers) return (summary_curve){0};
    summary_curve made = {numbers, numbers + count, numbers + 2 * count, numbers + 3 * count, count};
    for (size_t i = 0; i < count; i++) {
        spread at = summary_at(results, model, (int64_t)i + 1, column);
        made.x[i] = (double)(i + 1);
        made.mean[i] = scale * at.mean;
        made.low[i] = scale * at.low;
        made.high[i] = scale * at.high;
    }
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
