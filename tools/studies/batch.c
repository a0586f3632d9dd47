/* batch.c - large batches: as many epochs in a fraction of the steps, at a rate that grows with the batch, after a warm-up (Goyal et al. 2017),
 * and the largest by LARS (You et al. 2017). Seed by seed against the recipe's own batch. Goal: on average the test error rises by at most
 * one point.
 *
 * resnet20 in --models stands for resnet20-x1, resnet20-x8 and resnet20-x32: with 8 times the pictures in a step, made of 8 parts. So batch
 * norms have the statistics of as many pictures, as on 8 ranks. */
#include "compare.h"
#include "lib/say.h"
#include "runs.h"
#include "study.h"
#include <stdlib.h>
#include <string.h>

enum { BY_LARS = 32 };
static const int factors[] = {1, 8, BY_LARS};
static const double WARM_UP_EPOCHS = 5, TRUST = 0.001, MOST_POINTS = 1;

/* "-x8" in a name; its end, if there is none. */
static const char *find_factor(const char *name)
{
    const char *dash = strrchr(name, '-');
    return dash && dash[1] == 'x' ? dash : name + strlen(name);
}

static const char *base_of(const char *name, char text[RUN_NAME])
{
    snprintf(text, RUN_NAME, "%.*s", (int)(find_factor(name) - name), name);
    return text;
}

/* At most half of the run warms up. */
static void enlarge(shunt_recipe *recipe, int64_t factor)
{
    recipe->rate_batch = recipe->batch;
    recipe->warm_up_rate = recipe->rate;
    recipe->warm_up_epochs =
        !recipe->steps && recipe->epochs < 2 * WARM_UP_EPOCHS ? (double)recipe->epochs / 2 : WARM_UP_EPOCHS;
    recipe->batch *= factor;
    recipe->steps /= factor;
    recipe->accumulate = factor;
    if (factor >= BY_LARS) recipe->lars = TRUST;
}

static int prepare(const run_context *self, const char *name, int64_t seed, run_parts *parts)
{
    char base[RUN_NAME];
    const int64_t factor = strtoll(find_factor(name) + 2, NULL, 10);
    const int status = run_prepare(self, base_of(name, base), seed, parts);
    if (status == EXIT_OK && factor > 1) enlarge(&parts->recipe, factor);
    return status;
}

static int measure(study_job *job)
{
    run_list bases = {0}, list = {.base = base_of, .prepare = prepare, .collect = runs_collect_errors};
    int status = runs_parse_models(job->settings->models ? job->settings->models : "resnet20", &bases);
    for (size_t i = 0; status == EXIT_OK && i < bases.count; i++)
        for (size_t f = 0; status == EXIT_OK && f < sizeof factors / sizeof *factors; f++)
            status = runs_add(&list, "%s-x%d", bases.names[i], factors[f]);
    return status ? status : runs_train(job, &list);
}

/* ---- The report ------------------------------------------------------------------------------------------------------ */

static const char *twin(const char *model, char name[RUN_NAME])
{
    char base[RUN_NAME];
    snprintf(name, RUN_NAME, "%.*s-x1", RUN_NAME - 4, base_of(model, base));
    return name;
}

static int draw(const csv *results, report *out)
{
    static const comparison wanted = {
        .twin = twin,
        .heading = "network and times the batch",
        .reference = "x1",
        .none =
            "None yet: a comparison needs a network with the recipe's batch and with a larger one with the same seed.",
        .subject = "The test error with a large batch, less that with the recipe's own,",
        .most_points = MOST_POINTS};
    return comparison_draw(results, &wanted, out);
}

const study batch_study = {
    .name = "batch",
    .summary = "Large batches: test errors of networks trained with 1, 8 and 32 times the pictures in a step",
    .takes = STUDY_DATA | STUDY_TRAINS | STUDY_MODELS,
    .quick = {.models = "resnet8", .pictures = 2000, .epochs = 8, .batch = 32, .seeds = 2},
    .columns = runs_error_columns,
    .measure = measure,
    .draw = draw,
};
