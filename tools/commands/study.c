/* study.c - shunt study: the paper's findings as commands. A study measures into results.csv, and what it says and draws comes
 * from that file. */
#include "lib/say.h"
#include "studies/plan.h"
#include "studies/study.h"
#include "runtime/shared/folders.h"
#include "runtime/shared/lock.h"
#include "runtime/shared/os.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const study *const studies[] = {
    &degradation_study, &gradients_study, &ablation_study, &responses_study, &lesion_study,
    &table6_study,      &precision_study, &prune_study,    &batch_study,     NULL};

#define FIELD(name) offsetof(study_settings, name)

static const option_row rows[] = {
    {"data", OPTION_TEXT, FIELD(data), "KIND:DIR",
     "The labelled pictures: cifar10:DIR, cifar100:DIR or imagefolder:DIR.", NULL, 0, 0},
    {"depths", OPTION_TEXT, FIELD(depths), "D,D...", "Depths of the networks to compare, such as 20,56.", NULL, 0, 0},
    {"models", OPTION_TEXT, FIELD(models), "M,M...",
     "The networks to compare: resnet20,plain20; with a shortcut option after a dash, resnet20-B; for prune "
     "with a penalty's strength, resnet56-p0.001.",
     NULL, 0, 0},
    {"budget", OPTION_COUNT, FIELD(budget), "MINUTES",
     "Time limit for all training. A few steps of each network are timed to choose the number of epochs. An "
     "interrupted study continues with the number it began with.",
     NULL, 1, 1000000},
    {"epochs", OPTION_COUNT, FIELD(epochs), "N",
     "Epochs for each network; the recipe's schedule is stretched to this length. Default: the whole recipe, or what "
     "--budget allows.",
     NULL, 1, 1000000},
    {"seeds", OPTION_COUNT, FIELD(seeds), "K", "Train each network K times, with seeds 1 to K. Default: once.", NULL, 1,
     1000},
    {"recipe", OPTION_TEXT, FIELD(recipe), "R", "How to train: paper or fast (shunt train). Default: paper.", NULL, 0,
     0},
    {"batch", OPTION_COUNT, FIELD(batch), "N", "Pictures in one step. Default: the recipe's, 128 on CIFAR.", NULL, 1,
     65536},
    {"limit", OPTION_COUNT, FIELD(limit), "N", "Use only the first N pictures.", NULL, 1, INT64_MAX},
    {"remove", OPTION_COUNT, FIELD(remove), "K",
     "First remove each block alone, then 2, 3 ... K blocks at random. Default: 5.", NULL, 1, 1000},
    {"repeats", OPTION_COUNT, FIELD(repeats), "R", "Random draws for each number of removed blocks. Default: 5.", NULL,
     1, 1000},
    {"seed", OPTION_COUNT, FIELD(seed), "S", "Seed of the random draws. Default: 1.", NULL, 1, INT64_MAX},
    {"out", OPTION_TEXT, FIELD(out), "DIR",
     "Folder for results.csv, report.md, the pictures and the runs; created if missing. The same command continues an "
     "interrupted study.",
     NULL, 0, 0},
    {"quick", OPTION_FLAG, FIELD(quick), NULL,
     "Minutes instead of days: smaller networks, fewer pictures and epochs, to see what the study does. The report "
     "says that "
     "this is not the finding itself. --depths, --models and --seeds may be given with it.",
     NULL, 0, 0},
    {"redraw", OPTION_FLAG, FIELD(redraw), NULL,
     "Measure nothing; write the report and the pictures again from results.csv in --out.", NULL, 0, 0},
    {0}};

/* ---- Results --------------------------------------------------------------------------------------------------------- */

static const char *in_folder(const study_job *job, const char *name, char path[4096])
{
    snprintf(path, 4096, "%s/%s", job->settings->out, name);
    return path;
}

/* *verdict, unless NULL, gets what there is of one, to be freed. */
static int draw(const study_job *job, char **verdict)
{
    report out;
    report_begin(&out, job->settings->out, job->study->summary);
    out.quick = csv_rows(&job->results) && !strcmp(csv_text(&job->results, 0, "recipe"), STUDY_QUICK);
    if (out.quick)
        report_paragraph(&out, "Quick: smaller networks, fewer pictures; not the finding itself. For that, leave out "
                               "`--quick`.");
    if (!out.failed) out.failed = job->study->draw(&job->results, &out);
    if (verdict) {
        *verdict = out.verdict;
        out.verdict = NULL;
    }
    return report_end(&out);
}

int study_update(const study_job *job)
{
    char path[4096];
    int status = csv_write(&job->results, in_folder(job, "results.csv", path));
    return status ? status : draw(job, NULL);
}

/* ---- What is said in the end ------------------------------------------------------------------------------------------ */

/* A whole number, a number, or a text. */
static json_t *cell_json(const char *text)
{
    char *end;
    long long whole = strtoll(text, &end, 10);
    if (*text && !*end) return json_integer(whole);
    double number = strtod(text, &end);
    return *text && !*end && isfinite(number) ? json_real(number) : json_text(text);
}

static json_t *results_json(const csv *results)
{
    json_t *array = json_array();
    for (size_t row = 0; row < csv_rows(results); row++) {
        json_t *object = json_object();
        for (const char *const *column = results->columns; *column; column++)
            json_put(object, *column, cell_json(csv_text(results, row, *column)));
        json_add(array, object);
    }
    return array;
}

/* The report as in its file, without the pictures. */
static int print_report(const char *path)
{
    char *line = NULL;
    size_t room = 0;
    FILE *file = os_read_text(path);
    if (!file) return say_failure("%s: %s", path, strerror(errno));
    while (getline(&line, &room, file) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "![", 2)) say_line("%s", line);
    }
    free(line);
    fclose(file);
    return EXIT_OK;
}

static int finish(const study_job *job)
{
    char path[4096], *verdict = NULL;
    in_folder(job, "report.md", path);
    int status = draw(job, &verdict);
    if (status == EXIT_OK && job->settings->output.json)
        status = print_json(json_pack("{s:s, s:s, s:s*, s:o}", "study", job->study->name, "report", path, "verdict",
                                      verdict, "results", results_json(&job->results)),
                            false);
    else if (status == EXIT_OK)
        status = print_report(path);
    free(verdict);
    return status;
}

/* ---- What was typed ----------------------------------------------------------------------------------------------- */

static int find_study(const char *typed, const study **out)
{
    const char *names[sizeof studies / sizeof *studies] = {NULL};
    char list[256] = "";
    for (size_t i = 0; studies[i]; i++) {
        names[i] = studies[i]->name;
        if (typed && !strcmp(names[i], typed)) {
            *out = studies[i];
            return EXIT_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    if (!typed) return say_usage("no study; there are %s", list);
    const char *nearest = args_nearest(typed, names);
    if (nearest) return say_usage("%s: no such study; did you mean %s?", typed, nearest);
    return say_usage("%s: no such study; there are %s", typed, list);
}

/* An option, or what stands behind the name, whether it was typed, and which studies have a use for it. */
typedef struct given_option {
    const char *option;
    bool given;
    unsigned needs;
} given_option;

static int check(const study *wanted, const study_settings *settings, char **files)
{
    const given_option given[] = {
        {"--data", settings->data, STUDY_DATA},       {"--depths", settings->depths, STUDY_DEPTHS},
        {"--models", settings->models, STUDY_MODELS}, {"--budget", settings->budget, STUDY_TRAINS},
        {"--epochs", settings->epochs, STUDY_TRAINS}, {"--seeds", settings->seeds, STUDY_TRAINS},
        {"--recipe", settings->recipe, STUDY_TRAINS}, {"--batch", settings->batch, STUDY_TRAINS},
        {"a file", files[0] != NULL, STUDY_FILES},    {"--limit", settings->limit, STUDY_LIMIT},
        {"--remove", settings->remove, STUDY_LESION}, {"--repeats", settings->repeats, STUDY_LESION},
        {"--seed", settings->seed, STUDY_LESION},     {"--quick", settings->quick, STUDY_TRAINS}};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        if (!given[i].given) continue;
        if (!(wanted->takes & given[i].needs))
            return say_usage("%s does not use %s; leave it out", wanted->name, given[i].option);
        if (settings->redraw)
            return say_usage("--redraw reads results.csv alone and does not use %s; leave it out", given[i].option);
        if (files[0] && given[i].needs & (STUDY_TRAINS | STUDY_MODELS))
            return say_usage(
                "networks in weight files are trained already, which does not go with %s; leave out the files or "
                "the option",
                given[i].option);
    }
    if (settings->quick && (settings->budget || settings->epochs || settings->batch || settings->recipe))
        return say_usage("--quick says how to train and how long; leave out --budget, --epochs, --batch and --recipe");
    if (settings->budget && settings->epochs)
        return say_usage("--budget and --epochs both say how long to train; give one of them");
    return settings->out ? EXIT_OK : say_usage("no folder for the results; name one with --out DIR");
}

static int make_folder(const char *path)
{
    size_t length;
    int error = make_folders(path, 0777, &length);
    return error ? say_failure("%s: cannot be made: %.*s: %s", path, (int)length, path, strerror(error)) : EXIT_OK;
}

/* Two studies in one folder would collect each other's half-written runs. */
static int lock_folder(const char *path, int *lock)
{
    *lock = folder_lock(path);
    if (*lock >= 0 || errno == ENOLCK || errno == ENOTSUP) return EXIT_OK;
    if (errno == EWOULDBLOCK)
        return say_failure("%s: another study is writing into this folder; wait for its end, or name another --out",
                           path);
    return say_failure("%s: cannot be locked: %s", path, strerror(errno));
}

static void fill(int64_t *setting, int64_t with)
{
    if (!*setting) *setting = with;
}

/* Before the plan is recalled, which must be of the same. */
static void fill_numbers(study_settings *settings, const study_quick *with)
{
    fill(&settings->pictures, with->pictures);
    fill(&settings->epochs, with->epochs);
    fill(&settings->batch, with->batch);
    fill(&settings->limit, with->limit);
    fill(&settings->remove, with->remove);
    fill(&settings->repeats, with->repeats);
}

/* After that: a plan may have more networks. */
static void fill_networks(study_settings *settings, const study_quick *with)
{
    if (!settings->depths) settings->depths = with->depths;
    if (!settings->models) settings->models = with->models;
    fill(&settings->seeds, with->seeds);
}

/* What a folder's study began with takes the place of what was not typed. */
static int recall(study_job *job, study_settings *settings)
{
    if (!(job->study->takes & STUDY_TRAINS)) return EXIT_OK;
    int status = plan_recall(job->study->name, settings, &job->plan);
    if (status == EXIT_OK && job->plan && job->files[0])
        status = say_usage("%s: a study that trains its networks has begun there; name another --out for weight files",
                           settings->out);
    return status;
}

/* Rank 0 writes into the folder, once all have read what is there. */
static int begin_folder(study_job *job, study_settings *settings, int *lock)
{
    const bool writes = ranks_speak(job->ranks);
    double all = 0;
    int status = writes ? make_folder(settings->out) : EXIT_OK;
    if (status == EXIT_OK && writes) status = lock_folder(settings->out, lock);
    if (status == EXIT_OK) status = recall(job, settings);
    if (status) return status;
    return shunt_ranks_sum(job->ranks, &all, 1) ? say_library_failure(NULL) : EXIT_OK;
}

static int measure(study_job *job, study_settings *settings, int *lock)
{
    if (settings->quick) fill_numbers(settings, &job->study->quick);
    int status = begin_folder(job, settings, lock);
    if (settings->quick) fill_networks(settings, &job->study->quick);
    if (!settings->seeds) settings->seeds = 1;
    csv_begin(&job->results, job->study->columns);
    return status ? status : job->study->measure(job);
}

/* Trained networks are looked at, and drawn, in one process. */
static int check_ranks(const study_job *job)
{
    if (shunt_ranks_describe(job->ranks)->count == 1) return EXIT_OK;
    if (job->settings->redraw || job->files[0] || !(job->study->takes & STUDY_TRAINS))
        return say_usage("several ranks share out the networks that a study trains; start this without mpirun");
    return EXIT_OK;
}

static int run_study(study_job *job, study_settings *settings)
{
    char path[4096];
    int lock = -1, status = check_ranks(job);
    if (status) return status;
    if (settings->redraw)
        status =
            csv_read_older(&job->results, job->study->columns, job->study->later, in_folder(job, "results.csv", path));
    else
        status = measure(job, settings, &lock);
    if (status == EXIT_OK && ranks_speak(job->ranks)) status = finish(job);
    folder_unlock(settings->out, lock);
    csv_end(&job->results);
    json_decref(job->plan);
    return status;
}

static int run(const void *typed, int noperands, char **operands)
{
    study_settings settings = *(const study_settings *)typed;
    study_job job = {.settings = &settings, .files = operands + (noperands > 0)};
    int status = find_study(operands[0], &job.study);
    if (status == EXIT_OK) status = check(job.study, &settings, job.files);
    if (status == EXIT_OK) status = ranks_begin(&job.ranks);
    if (status) return status;
    status = run_study(&job, &settings);
    ranks_end(job.ranks, status);
    return status;
}

const command study_command = {
    .name = "study",
    .summary = "Show one of the findings about residual networks: measured here, with a table, pictures and a verdict.",
    .operands = "NAME [WEIGHTS]...",
    .text =
        "NAME is degradation (the deeper plain network has the higher training error, the deeper residual one has "
        "not), gradients (how large they are in each layer), ablation (what shortcuts are worth, and which), table6 "
        "(the paper's networks for CIFAR-10, by the full recipe), precision (whether training in 16 bits raises the "
        "test "
        "error, seed by seed), batch (whether 8 and 32 times as many pictures in a step do), prune (networks that "
        "training has made shallower, and the control from scratch), "
        "responses (how strongly each 3x3 layer of trained "
        "networks responds) or lesion (the error of trained networks without some of the blocks). The last two take "
        "weight files, as FILE or MODEL=FILE, or train --models first. Networks are trained in DIR/runs, one after the "
        "other; under mpirun as many at a time as there are ranks. An interruption, such as Ctrl-C, loses at most the "
        "work since the last checkpoint. The same command "
        "then continues, and the report holds what is finished so far. All its figures come from results.csv. A "
        "finished run "
        "is also one small file in DIR/rows: a study takes those of the very runs that it would make as finished, so "
        "that it "
        "can be continued on other machines.",
    .groups = {{rows, 0}, {device_rows, FIELD(device)}, {json_rows, FIELD(output)}},
    .examples = {{"shunt study degradation --data cifar10:DIR --depths 20,56 --epochs 10 --seeds 3 --out degradation",
                  "Plain and residual networks of 20 and 56 layers."},
                 {"shunt study lesion resnet20=resnet20.safetensors --data cifar10:DIR --out lesion",
                  "The error of a trained network without each of its blocks, and without several."},
                 {"shunt study responses --data cifar10:DIR --models plain20,resnet20 --epochs 10 --out trained",
                  "The responses of two networks, which it trains first."},
                 {"mpirun -n 4 shunt study batch --data cifar10:DIR --epochs 10 --seeds 3 --out batch",
                  "Nine networks, four at a time, each on a device of its own."},
                 {"shunt study degradation --out degradation --redraw", "The same figures again, from results.csv."}},
    .settings_size = sizeof(study_settings),
    .run = run,
};
