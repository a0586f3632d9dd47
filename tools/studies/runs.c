/* runs.c - see runs.h. */
#include "runs.h"
#include "lib/say.h"
#include "plan.h"
#include "rows.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Which ------------------------------------------------------------------------------------------------------------ */

int runs_parse_depths(const char *text, int64_t depths[RUNS_MOST], size_t *count)
{
    *count = 0;
    for (const char *at = text;; at++) {
        char *end = (char *)at;
        long long depth = isdigit((unsigned char)*at) ? strtoll(at, &end, 10) : 0;
        if (depth < 1 || depth > 100000 || (*end && *end != ',') || *count == RUNS_MOST / 2)
            return say_usage("--depths %s: must be up to %d numbers of layers with commas between, such as 20,56", text,
                             RUNS_MOST / 2);
        for (size_t i = 0; i < *count; i++)
            if (depths[i] == depth) return say_usage("--depths %s: %lld occurs twice", text, depth);
        depths[(*count)++] = depth;
        at = end;
        if (!*end) return EXIT_OK;
    }
}

int runs_add(run_list *list, const char *format, ...)
{
    char name[RUN_NAME];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    if (length < 1 || length >= RUN_NAME) return say_usage("%s...: no network has such a name", name);
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->names[i], name)) return say_usage("%s occurs twice", name);
    if (list->count == RUNS_MOST) return say_usage("more than %d networks", RUNS_MOST);
    memcpy(list->names[list->count++], name, sizeof name);
    return EXIT_OK;
}

int runs_parse_models(const char *text, run_list *list)
{
    int status = EXIT_OK;
    for (const char *at = text; status == EXIT_OK;) {
        int length = (int)strcspn(at, ",");
        status = runs_add(list, "%.*s", length, at);
        at += length;
        if (!*at++) break;
    }
    return status;
}

/* ---- One run ---------------------------------------------------------------------------------------------------------- */

const char *run_precision(const char *name)
{
    static const char *const known[] = {"f32", "f16", "bf16"};
    const char *dash = strrchr(name, '-');
    for (size_t i = 0; dash && i < sizeof known / sizeof *known; i++)
        if (!strcmp(dash + 1, known[i])) return dash + 1;
    return NULL;
}

/* "resnet20-B-bf16" is resnet20 with shortcuts B, which run_recipe trains in bf16. */
static int make_model(const run_context *self, const char *name, shunt_model **out)
{
    char base[RUN_NAME];
    shunt_model_options options = {.size = sizeof options, .classes = (int64_t)shunt_dataset_classes(self->data)};
    const char *precision = run_precision(name);
    size_t length = precision ? (size_t)(precision - name) - 1 : strlen(name);
    memcpy(base, name, length);
    base[length] = '\0';
    if (length > 2 && name[length - 2] == '-' && strchr("ABC", name[length - 1])) {
        options.shortcut = name[length - 1];
        base[length - 2] = '\0';
    }
    if (shunt_model_create(base, &options, out)) return say_library_failure(NULL);
    return training_set_labels(*out, self->data);
}

/* Of few pictures there are enough steps in small batches, with a rate that fits those. */
static void shorten(int64_t pictures, shunt_recipe *recipe)
{
    snprintf(recipe->name, sizeof recipe->name, "%s", STUDY_QUICK);
    recipe->limit = pictures;
    recipe->rate_batch = recipe->batch;
}

int run_recipe(const run_context *self, const char *name, int64_t seed, run_parts *parts)
{
    const char *precision = run_precision(name);
    const study_settings *settings = self->job->settings;
    shunt_recipe *recipe = &parts->recipe;
    const char *usual = settings->pictures ? "fast" : "paper";
    if (shunt_model_recipe(parts->model, settings->recipe ? settings->recipe : usual, recipe))
        return say_library_failure(NULL);
    recipe->seed = seed;
    recipe->holdout = 0;
    if (settings->pictures) shorten(settings->pictures, recipe);
    if (settings->batch) recipe->batch = settings->batch;
    if (precision && shunt_recipe_set(recipe, "precision", precision)) return say_library_failure(NULL);
    if (self->epochs) {
        recipe->steps = 0;
        recipe->epochs = self->epochs;
    }
    return EXIT_OK;
}

static bool recomputes(const run_list *list, const char *name)
{
    return list->recompute_from && atoll(name + strcspn(name, "0123456789")) >= list->recompute_from;
}

int run_prepare(const run_context *self, const char *name, int64_t seed, run_parts *parts)
{
    int status = make_model(self, name, &parts->model);
    if (status == EXIT_OK) status = run_recipe(self, name, seed, parts);
    if (status) return status;
    return shunt_model_initialize(parts->model, (uint64_t)seed) ? say_library_failure(NULL) : EXIT_OK;
}

int run_make(const run_context *self, const char *name, int64_t seed, const char *out, shunt_train_handler handler,
             void *context, run_parts *parts)
{
    *parts = (run_parts){0};
    int status = (self->list->prepare ? self->list->prepare : run_prepare)(self, name, seed, parts);
    if (status) return status;
    if (shunt_model_describe(parts->model)) return say_library_failure(NULL);
    shunt_train_setup setup = {.size = sizeof setup,
                               .graph = shunt_model_graph(parts->model),
                               .weights = shunt_model_weights(parts->model),
                               .device = self->device,
                               .data = self->data,
                               .data_name = self->job->settings->data,
                               .preprocess = shunt_model_preprocess(parts->model),
                               .recipe = &parts->recipe,
                               .out = out,
                               .workers = ranks_workers(self->job->ranks),
                               .save_seconds = 300,
                               .log_gradients = self->list->log_gradients,
                               .recompute = recomputes(self->list, name),
                               .handler = handler,
                               .context = context,
                               .validation = self->test};
    return shunt_trainer_create(&setup, &parts->trainer) ? say_library_failure(NULL) : EXIT_OK;
}

int run_prepare_like(const run_context *self, const char *name, int64_t seed, const csv *rows, run_parts *parts)
{
    *parts = (run_parts){0};
    return self->list->prepare_like ? self->list->prepare_like(self, name, seed, rows, parts)
                                    : run_prepare(self, name, seed, parts);
}

void run_end(run_parts *parts)
{
    shunt_trainer_destroy(parts->trainer);
    shunt_model_destroy(parts->model);
}

const char *run_folder(const run_context *self, const char *name, int64_t seed, char path[4096])
{
    snprintf(path, 4096, "%s/runs/%s-s%lld", self->job->settings->out, name, (long long)seed);
    return path;
}

static csv *rows_at(const run_context *self, size_t i, int64_t seed)
{
    return &self->rows[(size_t)(seed - 1) * self->list->count + i];
}

const csv *run_rows(const run_context *self, const char *name, int64_t seed)
{
    size_t i = 0;
    while (i < self->list->count && strcmp(self->list->names[i], name)) i++;
    return i < self->list->count && csv_rows(rows_at(self, i, seed)) ? rows_at(self, i, seed) : NULL;
}

/* Appends what run i has so far. */
static int collect(const run_context *self, size_t i, int64_t seed)
{
    char folder[4096];
    csv *results = &self->job->results;
    const csv *rows = rows_at(self, i, seed);
    if (!csv_rows(rows)) return self->list->collect(run_folder(self, self->list->names[i], seed, folder), results);
    for (size_t c = 0; c < rows->ncells; c++) csv_put(results, "%s", rows->cells[c]);
    return EXIT_OK;
}

/* Writes results.csv and the report from what all runs have so far. */
static int update(const run_context *self)
{
    study_job *job = self->job;
    int status = EXIT_OK;
    if (!ranks_speak(job->ranks)) return status;
    csv_clear(&job->results);
    for (size_t i = 0; i < self->list->count; i++)
        for (int64_t seed = 1; status == EXIT_OK && seed <= job->settings->seeds; seed++)
            status = collect(self, i, seed);
    return status ? status : study_update(job);
}

/* A run under way, for its handler. */
typedef struct run_watch {
    const run_context *self;
    char label[RUN_NAME + 32];
    size_t blocks; /* that the recipe penalises */
    int status;
} run_watch;

static int handle(void *context, const shunt_train_event *event)
{
    run_watch *watch = context;
    if (event->stage == SHUNT_TRAIN_EPOCH) {
        shunt_train_event shown = *event;
        shown.improved = 0; /* the network after the last epoch counts, not the one that is best on the test pictures */
        if (!watch->self->job->settings->output.json) training_print_epoch(&shown, watch->label, "test", watch->blocks);
        watch->status = update(watch->self);
    }
    const int stop = ranks_speak(watch->self->job->ranks) ? training_handle(event) : training_interrupted();
    return stop || watch->status;
}

static bool is_finished(const run_parts *parts)
{
    return shunt_trainer_step(parts->trainer) == shunt_trainer_steps(parts->trainer);
}

/* Continues from the run's checkpoint, if there is one. */
static int train(const run_context *self, run_parts *parts, const char *name, const char *folder, run_watch *watch)
{
    char checkpoint[4096 + 16];
    int finished;
    snprintf(checkpoint, sizeof checkpoint, "%s/last.ckpt", folder);
    if (!access(checkpoint, F_OK) && shunt_trainer_resume(parts->trainer, checkpoint)) return say_library_failure(NULL);
    if (is_finished(parts)) return EXIT_OK;
    int status = self->list->begin ? self->list->begin(self, parts, folder) : EXIT_OK;
    if (status == EXIT_OK) status = runs_note(self, parts, name, folder);
    const char *note = ranks_speak(self->job->ranks) ? watch->label : NULL;
    if (status == EXIT_OK) status = training_run(parts->trainer, note, &finished);
    return status ? status : watch->status;
}

static int run_one(const run_context *self, const char *name, int64_t seed)
{
    char folder[4096];
    run_parts parts;
    run_watch watch = {.self = self};
    snprintf(watch.label, sizeof watch.label, "%s, seed %lld: ", name, (long long)seed);
    run_folder(self, name, seed, folder);
    int status = run_make(self, name, seed, folder, handle, &watch, &parts);
    watch.blocks = shunt_trainer_blocks(parts.trainer);
    if (status == EXIT_OK) status = train(self, &parts, name, folder, &watch);
    const bool finished = status == EXIT_OK && is_finished(&parts);
    if (finished && self->list->end) status = self->list->end(self, &parts, folder);
    if (finished && status == EXIT_OK) status = rows_keep(self, &parts, name, seed);
    run_end(&parts);
    return status;
}

/* ---- All -------------------------------------------------------------------------------------------------------------- */

static bool same_base(const run_list *list, size_t a, size_t b)
{
    char text[2][RUN_NAME];
    return !strcmp(list->base(list->names[a], text[0]), list->base(list->names[b], text[1]));
}

/* What one rank makes as a whole: a network, or all that need each other. */
static void find_chains(run_context *self)
{
    self->nchains = 0;
    for (size_t i = 0; i < self->list->count; i++) {
        self->chains[i] = self->nchains;
        for (size_t k = 0; self->list->chained && k < i; k++)
            if (same_base(self->list, k, i)) self->chains[i] = self->chains[k];
        if (self->chains[i] == self->nchains) self->nchains++;
    }
}

/* Whether this rank makes the run: chains are dealt out, those of seed 1 first. */
static bool is_own(const run_context *self, size_t run, int64_t seed)
{
    const shunt_ranks_info *here = shunt_ranks_describe(self->job->ranks);
    return ((size_t)(seed - 1) * self->nchains + self->chains[run]) % here->count == here->rank;
}

/* Waits for the other ranks; a failure of one is that of all. */
static int meet(const run_context *self, int status)
{
    double failed = status != EXIT_OK;
    if (shunt_ranks_sum(self->job->ranks, &failed, 1)) return say_library_failure(NULL);
    return failed > 0 ? EXIT_FAILED : EXIT_OK;
}

static int run_all(const run_context *self)
{
    const study_settings *settings = self->job->settings;
    int status = update(self); /* a file that cannot be read is reported before the next network trains for hours */
    if (status) return status;
    for (int64_t seed = 1; seed <= settings->seeds; seed++)
        for (size_t i = 0; i < self->list->count && !training_interrupted(); i++)
            if (is_own(self, i, seed) && !csv_rows(rows_at(self, i, seed)) && run_one(self, self->list->names[i], seed))
                status = EXIT_FAILED;
    status = meet(self, status);
    int updated = update(self); /* also the runs that were finished before, and those of other ranks */
    if (training_interrupted())
        return say_failure("stopped, everything is saved; the same command continues, or: shunt study %s --out %s",
                           self->job->study->name, settings->out);
    return status ? status : updated;
}

static int open_data(run_context *self)
{
    const char *spec = self->job->settings->data;
    int status = training_open_data(spec, SHUNT_TASK_CLASSIFY, false, &self->data, &self->test);
    if (status == EXIT_OK && !self->test)
        status = say_failure("%s: it has no test pictures, which a study needs", spec);
    return status;
}

/* Checks, before the first network trains for hours, that all names are known and that no two networks use one folder. */
static int check_models(const run_context *self)
{
    int status = EXIT_OK;
    for (size_t i = 0; status == EXIT_OK && i < self->list->count; i++) {
        shunt_model *model = NULL;
        char base[RUN_NAME];
        const char *name = self->list->names[i];
        status = make_model(self, self->list->base ? self->list->base(name, base) : name, &model);
        if (status == EXIT_OK && self->list->check) status = self->list->check(name, model);
        shunt_model_destroy(model);
    }
    return status;
}

/* Rank 0 chooses for all. Ranks make as many runs at a time. */
static int choose_epochs(run_context *self)
{
    const study_settings *settings = self->job->settings;
    shunt_ranks *ranks = self->job->ranks;
    int status = EXIT_OK;
    self->epochs = settings->epochs ? settings->epochs : plan_epochs(self->job->plan);
    if (ranks_speak(ranks) && settings->budget && !self->job->plan) {
        const int64_t minutes = settings->budget * (int64_t)shunt_ranks_describe(ranks)->count;
        status = runs_budget(self, minutes, settings->seeds, &self->epochs);
        if (status) return status;
    }
    if (shunt_ranks_broadcast(ranks, &self->epochs, sizeof self->epochs, 0)) return say_library_failure(NULL);
    if (!ranks_speak(ranks)) return EXIT_OK;
    return plan_keep(self->job->study->name, settings, settings->budget ? self->epochs : 0);
}

/* Of the runs that were finished elsewhere. */
static int take_rows(run_context *self)
{
    int status = EXIT_OK;
    size_t taken = 0;
    char text[128];
    for (int64_t seed = 1; seed <= self->job->settings->seeds; seed++)
        for (size_t i = 0; status == EXIT_OK && i < self->list->count; i++) {
            status = rows_take(self, self->list->names[i], seed, rows_at(self, i, seed));
            taken += csv_rows(rows_at(self, i, seed)) > 0;
        }
    snprintf(text, sizeof text, "%zu run%s finished before, by %s rows", taken, taken == 1 ? " was" : "s were",
             taken == 1 ? "its" : "their");
    if (taken && ranks_speak(self->job->ranks)) say_info(text);
    return status;
}

static void end_rows(run_context *self)
{
    const size_t count = self->list->count * (size_t)self->job->settings->seeds;
    for (size_t i = 0; self->rows && i < count; i++) csv_end(&self->rows[i]);
    free(self->rows);
}

int runs_train(study_job *job, const run_list *list)
{
    run_context self = {.job = job, .list = list};
    self.rows = calloc(list->count * (size_t)job->settings->seeds, sizeof *self.rows);
    if (!self.rows) return say_failure("no memory");
    int status = open_data(&self);
    if (status == EXIT_OK) status = check_models(&self);
    if (status == EXIT_OK) status = ranks_device(job->ranks, &job->settings->device, &self.device);
    if (status == EXIT_OK) status = choose_epochs(&self);
    if (status == EXIT_OK) status = take_rows(&self);
    find_chains(&self);
    if (status == EXIT_OK) status = run_all(&self);
    end_rows(&self);
    shunt_dataset_close(self.test);
    shunt_dataset_close(self.data);
    shunt_device_close(self.device);
    return status;
}
