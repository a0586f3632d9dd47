/* gradients_report.c - what the gradients study says and draws: ratios, profiles over the layers, maps over layers and epochs. */
#include "lib/say.h"
#include "gradients.h"
#include "names.h"
#include "runs.h"
#include "summary.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of one model: means over seeds, by layer and epoch. */
typedef struct profile {
    const char *model;
    size_t layers, epochs;  /* epochs: 0 and those trained */
    const char **names;     /* of layers */
    double *norms, *counts; /* layers x epochs */
} profile;

static void profile_end(profile *self)
{
    free(self->names);
    free(self->norms);
    free(self->counts);
}

static bool profile_begin(profile *self, const csv *results, const char *model)
{
    *self = (profile){.model = model};
    for (size_t row = 0; row < csv_rows(results); row++) {
        if (strcmp(csv_text(results, row, "model"), model)) continue;
        self->layers = (size_t)fmax((double)self->layers, csv_number(results, row, "number"));
        self->epochs = (size_t)fmax((double)self->epochs, csv_number(results, row, "epoch") + 1);
    }
    size_t fields = self->layers * self->epochs;
    self->names = calloc(self->layers + 1, sizeof *self->names);
    self->norms = calloc(fields + 1, sizeof *self->norms);
    self->counts = calloc(fields + 1, sizeof *self->counts);
    if (!self->names || !self->norms || !self->counts) return false;
    for (size_t row = 0; row < csv_rows(results); row++) {
        if (strcmp(csv_text(results, row, "model"), model)) continue;
        double number = csv_number(results, row, "number"), epoch = csv_number(results, row, "epoch");
        double norm = csv_number(results, row, "norm");
        if (!(number >= 1) || !(epoch >= 0) || !isfinite(norm)) continue;
        size_t layer = (size_t)number - 1, field = layer * self->epochs + (size_t)epoch;
        self->names[layer] = csv_text(results, row, "layer");
        self->norms[field] += norm;
        self->counts[field]++;
    }
    for (size_t i = 0; i < fields; i++) self->norms[i] = self->counts[i] > 0 ? self->norms[i] / self->counts[i] : NAN;
    for (size_t i = 0; i < self->layers; i++)
        if (!self->names[i]) self->names[i] = "";
    return true;
}

static double norm_at(const profile *self, size_t layer, size_t epoch)
{
    return self->norms[layer * self->epochs + epoch];
}

/* First layer's to last layer's. */
static double ratio(const profile *self, size_t epoch)
{
    return self->layers ? norm_at(self, 0, epoch) / norm_at(self, self->layers - 1, epoch) : NAN;
}

static void put_table(const profile *profiles, size_t count, report *out)
{
    static const char *const headings[] = {"network",
                                           ">layers",
                                           ">epochs",
                                           ">first / last layer, start",
                                           ">first / last layer, end",
                                           ">smallest / largest layer, start",
                                           ">smallest / largest layer, end"};
    table rows;
    table_begin(&rows, headings, 7);
    for (size_t i = 0; i < count; i++) {
        const profile *p = &profiles[i];
        size_t ends[2] = {0, p->epochs - 1};
        double share[2];
        for (int k = 0; k < 2; k++) {
            double least = INFINITY, greatest = 0;
            for (size_t layer = 0; layer < p->layers; layer++) {
                least = fmin(least, norm_at(p, layer, ends[k]));
                greatest = fmax(greatest, norm_at(p, layer, ends[k]));
            }
            share[k] = least / greatest;
        }
        table_cell(&rows, "%s", p->model);
        table_cell(&rows, "%zu", p->layers);
        table_cell(&rows, "%zu", p->epochs - 1);
        table_cell(&rows, "%.3g", ratio(p, 0));
        table_cell(&rows, "%.3g", ratio(p, ends[1]));
        table_cell(&rows, "%.3g", share[0]);
        table_cell(&rows, "%.3g", share[1]);
    }
    report_table(out, &rows);
}

/* The residual network beside a plain one: resnet56 beside plain56. */
static const profile *twin_of(const profile *plain, const profile *profiles, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (network_is_twin(plain->model, profiles[i].model)) return &profiles[i];
    return NULL;
}

/* Compares how much of the gradient reaches the first layer without shortcuts and with them. */
static const char *outcome(double plain, double residual)
{
    if (plain < residual / 2) return "without shortcuts, less of it reaches the first layer";
    if (plain > residual * 2) return "without shortcuts, more of it reaches the first layer";
    return "shortcuts change this by less than a factor of 2";
}

static void put_verdict(const profile *profiles, size_t count, report *out)
{
    FILE *file = report_verdict_begin(out);
    for (size_t i = 0; file && i < count; i++) {
        const profile *plain = &profiles[i], *twin = twin_of(plain, profiles, count);
        if (!twin) continue;
        size_t end = (plain->epochs < twin->epochs ? plain->epochs : twin->epochs) - 1;
        double a = ratio(plain, 0), b = ratio(twin, 0), c = ratio(plain, end), d = ratio(twin, end);
        fprintf(file,
                "%sAt the start, the first layer's gradient is %.3g times the last layer's in %s, and %.3g times in "
                "%s: %s. After epoch %zu, it is %.3g times and %.3g times: %s.",
                ftell(file) ? " " : "", a, plain->model, b, twin->model, outcome(a, b), end, c, d, outcome(c, d));
    }
    if (file)
        report_verdict_end(out,
                           "None yet: a comparison needs a plain network and a residual network of the same depth.");
}

/* Dashed lines: at the start. Solid lines: at the end. */
static void put_profiles(const profile *profiles, size_t count, report *out)
{
    plot_line lines[2 * SUMMARY_MODELS];
    char labels[2 * SUMMARY_MODELS][RUN_NAME + 16];
    double *numbers[2 * SUMMARY_MODELS] = {NULL};
    size_t nlines = 0;
    for (size_t i = 0; i < count; i++)
        for (int end = 0; end < 2; end++) {
            const profile *p = &profiles[i];
            double *x = numbers[nlines] = calloc(2 * p->layers + 1, sizeof *x);
            if (!x) continue;
            double *y = x + p->layers;
            for (size_t layer = 0; layer < p->layers; layer++) {
                x[layer] = 100.0 * (double)(layer + 1) / (double)p->layers;
                y[layer] = norm_at(p, layer, end ? p->epochs - 1 : 0);
            }
            snprintf(labels[nlines], sizeof labels[nlines], "%s, %s", p->model, end ? "end" : "start");
            lines[nlines] = (plot_line){labels[nlines], x, y, p->layers, .color = (int)i, .dashed = !end};
            nlines++;
        }
    plot made = {.title = "Gradient of each layer's weights",
                 .x_title = "layer, % of the depth",
                 .y_title = "norm (dashed: at initialisation; solid: mean of the last epoch)",
                 .lines = lines,
                 .nlines = nlines,
                 .y_log = true};
    if (nlines) report_picture(out, &made, "profile");
    for (size_t i = 0; i < 2 * SUMMARY_MODELS; i++) free(numbers[i]);
}

static void put_map(const profile *self, double low, double high, report *out)
{
    char title[RUN_NAME + 64], name[RUN_NAME + 8], (*texts)[24] = calloc(self->epochs, sizeof *texts);
    const char **names = calloc(self->epochs, sizeof *names);
    snprintf(title, sizeof title, "Gradient of each layer's weights in %s", self->model);
    snprintf(name, sizeof name, "map-%s", self->model);
    for (size_t i = 0; texts && names && i < self->epochs; i++) {
        snprintf(texts[i], sizeof texts[i], "%zu", i);
        names[i] = texts[i];
    }
    plot_map made = {title,        "epoch (0: at initialisation)",
                     "layer",      "norm",
                     self->layers, self->epochs,
                     self->norms,  self->names,
                     names,        low,
                     high};
    if (texts && names) report_map(out, &made, name);
    free(names);
    free(texts);
}

/* One scale for all, so that colours can be compared. */
static void put_maps(const profile *profiles, size_t count, report *out)
{
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < profiles[i].layers * profiles[i].epochs; k++)
            if (profiles[i].norms[k] > 0) {
                low = fmin(low, profiles[i].norms[k]);
                high = fmax(high, profiles[i].norms[k]);
            }
    for (size_t i = 0; i < count && high > 0; i++) put_map(&profiles[i], low, high, out);
}

int gradients_draw(const csv *results, report *out)
{
    const char *models[SUMMARY_MODELS];
    profile profiles[SUMMARY_MODELS] = {{0}};
    size_t count = summary_models(results, models);
    int status = EXIT_OK;
    for (size_t i = 0; i < count; i++)
        if (!profile_begin(&profiles[i], results, models[i])) status = say_failure("no memory for the report");
    if (status == EXIT_OK) {
        runs_describe(results, out);
        put_verdict(profiles, count, out);
        put_table(profiles, count, out);
        put_profiles(profiles, count, out);
        put_maps(profiles, count, out);
    }
    for (size_t i = 0; i < count; i++) profile_end(&profiles[i]);
    return status ? status : out->failed;
}
