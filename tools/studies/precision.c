/* precision.c - networks trained in float32, float16 and bfloat16, from the same weights on the same pictures, seed by seed: does the
 * test error rise? Goal: on average by at most 0.4 points. */
#include "compare.h"
#include "runs.h"
#include "study.h"

static const char *const precisions[] = {"f32", "f16", "bf16"};
enum { PRECISIONS = 3 };
static const double MOST_POINTS = 0.4;

static int measure(study_job *job)
{
    run_list bases = {0}, list = {.collect = runs_collect_errors};
    int status = runs_parse_models(job->settings->models ? job->settings->models : "resnet20", &bases);
    for (size_t i = 0; status == EXIT_OK && i < bases.count; i++)
        for (int p = 0; status == EXIT_OK && p < PRECISIONS; p++)
            status = runs_add(&list, "%s-%s", bases.names[i], precisions[p]);
    return status ? status : runs_train(job, &list);
}

/* ---- The report ------------------------------------------------------------------------------------------------------ */

/* The same network in float32. */
static const char *twin(const char *model, char name[RUN_NAME])
{
    const char *precision = run_precision(model);
    snprintf(name, RUN_NAME, "%.*sf32", precision ? (int)(precision - model) : 0, model);
    return name;
}

static int draw(const csv *results, report *out)
{
    static const comparison wanted = {
        .twin = twin,
        .heading = "network and precision",
        .reference = "f32",
        .none = "None yet: a comparison needs a network in float32 and in 16 bits with the same seed.",
        .subject = "The test error in 16 bits, less that in float32,",
        .most_points = MOST_POINTS};
    return comparison_draw(results, &wanted, out);
}

const study precision_study = {
    .name = "precision",
    .summary = "Precision: test errors of networks trained in float32, float16 and bfloat16",
    .takes = STUDY_DATA | STUDY_TRAINS | STUDY_MODELS,
    .quick = {.models = "resnet8", .pictures = 2000, .epochs = 8, .batch = 32, .seeds = 2},
    .columns = runs_error_columns,
    .measure = measure,
    .draw = draw,
};
