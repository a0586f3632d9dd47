/* prune.c - blocks that training can do without: a network penalised until blocks vanish, what is left trained on, and the control
 * that the literature found to matter, the same smaller network trained from random weights.
 *
 * --models has networks, and a penalty's strength behind a dash: resnet56-p0.001 stands for four runs,
 *     resnet56                    the whole network, all epochs
 *     resnet56-p0.001             the same under the penalty, three quarters of the epochs
 *     resnet56-p0.001-tuned       what it has left, trained on for the last quarter
 *     resnet56-p0.001-scratch     the same architecture from random weights, all epochs */
#include "lib/say.h"
#include "runs.h"
#include "study.h"
#include "summary.h"
#include <ctype.h>
#include <math.h>
#include <shunt/shunt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usual_models[] = "resnet20,resnet32,resnet44,resnet56-p0.001";
static const char *const network_columns[] = {"network", "macs", "blocks", NULL};
static const char *const columns[] = {RUNS_NOTE_COLUMNS, "network", "macs", "blocks", RUNS_LOG_COLUMNS, NULL};

/* ---- What a run's name says ------------------------------------------------------------------------------------------- */

typedef enum part { WHOLE, PENALISED, TUNED, SCRATCH, PARTS } part;
static const char *const endings[PARTS] = {[TUNED] = "-tuned", [SCRATCH] = "-scratch"};

/* Where the strength begins in "resnet56-p0.001-tuned"; NULL: there is none. */
static const char *find_strength(const char *name)
{
    const char *dash = strchr(name, '-');
    while (dash && !(dash[1] == 'p' && isdigit((unsigned char)dash[2]))) dash = strchr(dash + 1, '-');
    return dash ? dash + 2 : NULL;
}

static part part_of(const char *name)
{
    const char *strength = find_strength(name), *end = strength ? strchr(strength, '-') : NULL;
    if (!strength) return WHOLE;
    for (part p = TUNED; end && p < PARTS; p++)
        if (!strcmp(end, endings[p])) return p;
    return PENALISED;
}

static const char *base_of(const char *name, char text[RUN_NAME])
{
    const char *strength = find_strength(name);
    snprintf(text, RUN_NAME, "%.*s", strength ? (int)(strength - name) - 2 : RUN_NAME, name);
    return text;
}

/* The name without "-tuned" or "-scratch". */
static const char *penalised_of(const char *name, char text[RUN_NAME])
{
    const char *end = endings[part_of(name)];
    snprintf(text, RUN_NAME, "%.*s", (int)(strlen(name) - (end ? strlen(end) : 0)), name);
    return text;
}

/* ---- Runs ------------------------------------------------------------------------------------------------------------- */

/* Of the recipe's epochs, or steps; at least one. */
static void take_quarters(shunt_recipe *recipe, int64_t quarters)
{
    int64_t *length = recipe->steps ? &recipe->steps : &recipe->epochs;
    *length = *length * quarters / 4;
    if (*length < 1) *length = 1;
}

/* That it has blocks that could vanish, and a strength that a recipe takes. */
static int check(const char *name, shunt_model *model)
{
    char text[RUN_NAME];
    shunt_recipe recipe = {0};
    shunt_weights *weights = NULL;
    size_t dropped;
    if (part_of(name) != PENALISED) return EXIT_OK;
    snprintf(text, sizeof text, "%s", find_strength(name));
    const bool good = !shunt_recipe_set(&recipe, "prune", text) && !shunt_model_randomize(model, 1) &&
                      !shunt_model_drop_zero_blocks(model, &weights, &dropped);
    shunt_weights_destroy(weights);
    return good ? EXIT_OK : say_library_failure(name);
}

static int prepare_penalised(const run_context *self, const char *name, int64_t seed, run_parts *parts)
{
    char base[RUN_NAME], text[RUN_NAME];
    int status = run_prepare(self, base_of(name, base), seed, parts);
    if (status) return status;
    snprintf(text, sizeof text, "%s", find_strength(name));
    if (shunt_recipe_set(&parts->recipe, "prune", text)) return say_library_failure(name);
    take_quarters(&parts->recipe, 3);
    return EXIT_OK;
}

/* The network that rows are of, with random weights: "resnet8-0-1-1" of "resnet8-B-p0.1" is made as "resnet8-0-1-1-B". */
static int make_network(const run_context *self, const char *name, int64_t seed, const csv *rows, run_parts *parts)
{
    char base[RUN_NAME], network[2 * RUN_NAME];
    const char *option = strchr(base_of(name, base), '-');
    while (option && isdigit((unsigned char)option[1])) option = strchr(option + 1, '-'); /* blocks of a stage */
    snprintf(network, sizeof network, "%.*s%s", RUN_NAME - 1, csv_text(rows, 0, "network"), option ? option : "");
    return run_prepare(self, network, seed, parts);
}

/* What the run under the penalty has left, whose folder or rows are there. Training from scratch replaces its weights. */
static int open_smaller(const run_context *self, const char *name, int64_t seed, run_parts *parts)
{
    char penalised[RUN_NAME], folder[4096], path[4096 + 32];
    run_folder(self, penalised_of(name, penalised), seed, folder);
    snprintf(path, sizeof path, "%s/smaller.safetensors", folder);
    const csv *rows = run_rows(self, penalised, seed);
    if (!access(path, F_OK)) return shunt_model_open(path, NULL, &parts->model) ? say_library_failure(NULL) : EXIT_OK;
    if (rows && part_of(name) == SCRATCH) return make_network(self, name, seed, rows, parts);
    return rows ? say_failure(
                      "%s: it is not there, and %s, seed %lld, needs its weights; copy it from where %s was trained",
                      path, name, (long long)seed, penalised)
                : say_failure("%s needs %s, seed %lld, which is not finished", name, penalised, (long long)seed);
}

static int set_recipe(const run_context *self, const char *name, int64_t seed, run_parts *parts)
{
    char base[RUN_NAME];
    int status = run_recipe(self, base_of(name, base), seed, parts);
    if (status) return status;
    if (part_of(name) == SCRATCH)
        return shunt_model_initialize(parts->model, (uint64_t)seed) ? say_library_failure(NULL) : EXIT_OK;
    take_quarters(&parts->recipe, 1);
    parts->recipe.rate /= 10;
    parts->recipe.warm_up_rate /= 10;
    return EXIT_OK;
}

static int prepare_smaller(const run_context *self, const char *name, int64_t seed, run_parts *parts)
{
    int status = open_smaller(self, name, seed, parts);
    return status ? status : set_recipe(self, name, seed, parts);
}

static int prepare(const run_context *self, const char *name, int64_t seed, run_parts *parts)
{
    switch (part_of(name)) {
    case PENALISED:
        return prepare_penalised(self, name, seed, parts);
    case TUNED:
    case SCRATCH:
        return prepare_smaller(self, name, seed, parts);
    default:
        return run_prepare(self, name, seed, parts);
    }
}

static int prepare_like(const run_context *self, const char *name, int64_t seed, const csv *rows, run_parts *parts)
{
    if (part_of(name) <= PENALISED) return prepare(self, name, seed, parts);
    int status = make_network(self, name, seed, rows, parts);
    return status ? status : set_recipe(self, name, seed, parts);
}

/* FOLDER/network.csv: the network that the run is of, or leaves behind. */
static int write_network(const shunt_model *model, const char *folder)
{
    char path[4096 + 32];
    shunt_block block;
    size_t blocks = 0;
    csv network;
    while (shunt_model_block(model, blocks, &block)) blocks++;
    csv_begin(&network, network_columns);
    csv_put(&network, "%s", shunt_model_name(model));
    csv_put(&network, "%llu", (unsigned long long)shunt_graph_count(shunt_model_graph(model)).macs);
    csv_put(&network, "%zu", blocks);
    snprintf(path, sizeof path, "%s/network.csv", folder);
    int status = csv_write(&network, path);
    csv_end(&network);
    return status;
}

static int begin(const run_context *self, const run_parts *parts, const char *folder)
{
    (void)self;
    return write_network(parts->model, folder);
}

/* Of a run under a penalty, what is left. */
static int end(const run_context *self, const run_parts *parts, const char *folder)
{
    char path[4096 + 32];
    shunt_model *model = NULL, *smaller = NULL;
    shunt_weights *weights = NULL;
    size_t dropped;
    (void)self;
    if (parts->recipe.prune <= 0) return EXIT_OK;
    snprintf(path, sizeof path, "%s/best.safetensors", folder);
    bool good = !shunt_model_open(path, NULL, &model) && !shunt_model_drop_zero_blocks(model, &weights, &dropped);
    snprintf(path, sizeof path, "%s/smaller.safetensors", folder);
    good = good && !shunt_weights_save(weights, path) && !shunt_model_open(path, NULL, &smaller);
    const int status = good ? write_network(smaller, folder) : say_library_failure(NULL);
    shunt_weights_destroy(weights);
    shunt_model_destroy(smaller);
    shunt_model_destroy(model);
    return status;
}

static int collect(const char *folder, csv *results)
{
    return runs_collect_more(folder, "network.csv", network_columns, results);
}

/* A network, and behind a penalised one its three companions; the whole one may be in the list already. */
static int add_model(run_list *list, const char *name)
{
    char base[RUN_NAME];
    bool there = part_of(name) == WHOLE;
    base_of(name, base);
    for (size_t i = 0; i < list->count; i++) there |= !strcmp(list->names[i], base);
    int status = there ? EXIT_OK : runs_add(list, "%s", base);
    if (status == EXIT_OK) status = runs_add(list, "%s", name);
    for (part p = TUNED; status == EXIT_OK && part_of(name) == PENALISED && p < PARTS; p++)
        status = runs_add(list, "%s%s", name, endings[p]);
    return status;
}

static int measure(study_job *job)
{
    const char *models = job->settings->models ? job->settings->models : usual_models;
    run_list named = {0}, list = {.collect = collect,
                                  .base = base_of,
                                  .check = check,
                                  .prepare = prepare,
                                  .prepare_like = prepare_like,
                                  .begin = begin,
                                  .end = end,
                                  .chained = true};
    int status = runs_parse_models(models, &named);
    if (status == EXIT_OK && job->settings->budget)
        status = say_usage("prune does not use --budget, since some networks are known late; give --epochs");
    for (size_t i = 0; status == EXIT_OK && i < named.count; i++) {
        if (part_of(named.names[i]) > PENALISED)
            status = say_usage("--models %s: the study makes this run by itself; leave out what follows the strength",
                               named.names[i]);
        if (status == EXIT_OK) status = add_model(&list, named.names[i]);
    }
    return status ? status : runs_train(job, &list);
}

/* ---- The report ------------------------------------------------------------------------------------------------------- */

/* Of a run's seeds, after its last epoch. */
typedef struct outcome {
    int64_t row; /* -1: it has not begun */
    spread error, macs, blocks;
} outcome;

static outcome outcome_of(const csv *results, const char *model)
{
    const int64_t epoch = summary_epoch(results, &model, 1);
    return (outcome){summary_row(results, model, epoch), summary_at(results, model, epoch, "test_error"),
                     summary_at(results, model, epoch, "macs"), summary_at(results, model, epoch, "blocks")};
}

static void put_table(const csv *results, const char *const *models, size_t count, report *out)
{
    static const char *const headings[] = {
        "run",     "network, seed 1",        ">blocks",        ">multiply-adds, millions",
        ">epochs", ">share of the whole, %", ">test error, %", ">seeds"};
    table rows;
    char text[48], base[RUN_NAME];
    table_begin(&rows, headings, 8);
    for (size_t i = 0; i < count; i++) {
        const outcome one = outcome_of(results, models[i]), whole = outcome_of(results, base_of(models[i], base));
        table_cell(&rows, "%s", models[i]);
        table_cell(&rows, "%s", csv_text(results, (size_t)one.row, "network"));
        table_cell(&rows, "%s", spread_text(&one.blocks, 1, text));
        table_cell(&rows, "%s", spread_text(&one.macs, 1e-6, text));
        table_cell(&rows, "%s", csv_text(results, (size_t)one.row, "epochs"));
        table_cell(&rows, "%.1f", 100 * one.macs.mean / whole.macs.mean);
        table_cell(&rows, "%s", spread_text(&one.error, 100, text));
        table_cell(&rows, "%zu", one.error.count);
    }
    report_table(out, &rows);
}

/* "resnet56-p0.001: 48.2 % of the multiply-adds; tuned +0.20 points, from scratch +0.10: the control is better." */
static void put_verdict(const csv *results, const char *const *models, size_t count, report *out)
{
    FILE *file = report_verdict_begin(out);
    for (size_t i = 0; file && i < count; i++) {
        char name[RUN_NAME + 16], base[RUN_NAME];
        if (part_of(models[i]) != PENALISED) continue;
        const outcome whole = outcome_of(results, base_of(models[i], base));
        snprintf(name, sizeof name, "%s%s", models[i], endings[TUNED]);
        const outcome tuned = outcome_of(results, name);
        snprintf(name, sizeof name, "%s%s", models[i], endings[SCRATCH]);
        const outcome scratch = outcome_of(results, name);
        if (whole.row < 0 || tuned.row < 0 || scratch.row < 0) continue;
        const double gains[] = {100 * (tuned.error.mean - whole.error.mean),
                                100 * (scratch.error.mean - whole.error.mean)};
        if (!ftell(file))
            fprintf(file, "%sGoal: at most half of the multiply-adds at +0.3 points.",
                    runs_are_finished(results) ? "" : "So far (some runs are not finished): ");
        fprintf(file,
                " %s has %.1f %% of the multiply-adds of %s. Against that, the test error is %+.2f points tuned and "
                "%+.2f points "
                "trained from scratch: %s.",
                models[i], 100 * tuned.macs.mean / whole.macs.mean, base, gains[0], gains[1],
                gains[1] <= gains[0] ? "the control is not worse, so its weights were not worth keeping"
                                     : "the weights that were kept are worth it");
    }
    if (file)
        report_verdict_end(
            out, "None yet: it needs a network, the same under a penalty, what is left of it, and the control.");
}

/* Errors against multiply-adds, a line for each part. */
static void put_picture(const csv *results, const char *const *models, size_t count, report *out)
{
    static const char *const labels[PARTS] = {"whole", "under the penalty", "tuned", "from scratch"};
    double x[PARTS][SUMMARY_MODELS], y[PARTS][SUMMARY_MODELS];
    size_t n[PARTS] = {0};
    plot_line lines[PARTS];
    plot made = {.title = "Test error",
                 .x_title = "multiply-adds, millions",
                 .y_title = "error, %",
                 .lines = lines,
                 .y_fit = true};
    for (size_t i = 0; i < count; i++) {
        const part p = part_of(models[i]);
        const outcome one = outcome_of(results, models[i]);
        size_t at = n[p]++;
        for (; at > 0 && x[p][at - 1] > 1e-6 * one.macs.mean; at--) x[p][at] = x[p][at - 1], y[p][at] = y[p][at - 1];
        x[p][at] = 1e-6 * one.macs.mean;
        y[p][at] = 100 * one.error.mean;
    }
    for (part p = WHOLE; p < PARTS; p++)
        if (n[p]) lines[made.nlines++] = (plot_line){labels[p], x[p], y[p], n[p], .color = (int)p};
    if (made.nlines) report_picture(out, &made, "errors");
}

static int draw(const csv *results, report *out)
{
    const char *models[SUMMARY_MODELS];
    const size_t count = summary_models(results, models);
    runs_describe(results, out);
    report_paragraph(
        out,
        "Whole networks and those from scratch are trained for all epochs. Runs under a penalty have three quarters of "
        "them, and what is left of the network is trained on for one quarter, at a tenth of the rate. Blocks and "
        "multiply-adds of a run under a penalty are those that it leaves.");
    put_verdict(results, models, count, out);
    put_table(results, models, count, out);
    report_paragraph(
        out,
        "Published for ResNet-56 on CIFAR-10: 6.56 %% to 6.43 %% with 54.6 %% less multiply-adds, by pruning channels "
        "(PPSM, Computational Intelligence and Neuroscience 2022). Liu et al. 2019 trained pruned architectures of "
        "ResNet-50 from scratch, and most were better than the pruned ones.");
    put_picture(results, models, count, out);
    return out->failed;
}

const study prune_study = {
    .name = "prune",
    .summary = "Pruning: residual networks that training has made shallower, and the control from scratch",
    .takes = STUDY_DATA | STUDY_TRAINS | STUDY_MODELS,
    .quick = {.models = "resnet20-p0.02", .pictures = 2000, .epochs = 8, .batch = 32},
    .columns = columns,
    .measure = measure,
    .draw = draw,
};
