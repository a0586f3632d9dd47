/* tune.c - shunt tune: finds the fastest algorithms for a model's ops, and keeps them for all runs to come.
 *
 * This process never opens a device. A worker does the trials and reports them as lines of JSON; when a candidate hangs or
 * crashes the worker is recorded in the journal, and the next worker continues without it. */
#include "commands.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "lib/supervise.h"
#include "lib/table.h"
#include <stdlib.h>
#include <string.h>

typedef struct tune_settings {
    model_settings model;
    device_settings device;
    int64_t batch, time_limit, size[2];
    bool fast, full, retry, force;
    json_settings output;
} tune_settings;

#define FIELD(name) offsetof(tune_settings, name)

static const option_row rows[] = {
    {"batch", OPTION_COUNT, FIELD(batch), "N", "Pictures in one run.", "1", 1, 65536},
    {"size", OPTION_SIZE, FIELD(size), "HxW", "Size of the pictures. Default: 224, or 32 for the CIFAR nets.", NULL, 1,
     65536},
    {"fast", OPTION_FLAG, FIELD(fast), NULL, "Try the most promising algorithms of each op (the default).", NULL, 0, 0},
    {"full", OPTION_FLAG, FIELD(full), NULL, "Try all of them.", NULL, 0, 0},
    {"retry", OPTION_FLAG, FIELD(retry), NULL,
     "Try again ops that are tuned already, and algorithms that once hung or crashed.", NULL, 0, 0},
    {"force", OPTION_FLAG, FIELD(force), NULL,
     "Tune even if the machine is so busy that repeated times of one op differ too much to compare algorithms.", NULL,
     0, 0},
    {"time-limit", OPTION_COUNT, FIELD(time_limit), "S",
     "Time limit for one algorithm, including its compilation. After that it counts as hung.", "60", 1, 86400},
    {0}};

/* Workers that end before they try anything: the device itself does not work. */
enum { MAX_IDLE_WORKERS = 3 };

typedef struct tuning {
    const tune_settings *settings;
    shunt_model *model;
    FILE *parent; /* the worker's end */

    json_t *trial;  /* the line of the trial that is under way, or NULL */
    json_t *killed; /* the line of a trial in which a worker was killed, or NULL */
    json_t *chosen, *dropped, *device;
    char failure[1024]; /* why a worker gave up */
    bool started, heard_trial;
    json_int_t ops, known;
} tuning;

/* ---- In the worker ------------------------------------------------------------------------------------------ */

static void send(tuning *self, json_t *line)
{
    if (json_dumpf(line, self->parent, JSON_COMPACT) != 0) fputs("{}", self->parent);
    fputc('\n', self->parent);
    fflush(self->parent);
    json_decref(line);
}

static void send_log(void *context, int level, const char *message)
{
    send(context, json_pack("{s:s, s:i, s:o}", "is", "log", "level", level, "text", json_text(message)));
}

static json_t *algorithm_text(const char *algorithm, const char *params)
{
    char text[128];
    snprintf(text, sizeof text, "%s%s%s", algorithm, params[0] ? " " : "", params);
    return json_text(text);
}

static void send_event(void *context, const shunt_tune_event *e)
{
    json_t *line = NULL;
    switch (e->stage) {
    case SHUNT_TUNE_START:
        line = json_pack("{s:s, s:I, s:I, s:I}", "is", "start", "ops", (json_int_t)e->ops, "known",
                         (json_int_t)e->known, "trials", (json_int_t)e->trials);
        break;
    case SHUNT_TUNE_TRY:
    case SHUNT_TUNE_CONFIRM:
        line = json_pack("{s:s, s:o, s:o, s:o, s:o}", "is", e->stage == SHUNT_TUNE_TRY ? "try" : "confirm", "trial",
                         json_text(e->trial), "step", json_text(e->name), "op", json_text(e->op), "algorithm",
                         algorithm_text(e->algorithm, e->params));
        break;
    case SHUNT_TUNE_TRIED:
        line = json_pack("{s:s, s:s, s:o}", "is", "tried", "verdict", e->verdict, "reason", json_text(e->reason));
        break;
    case SHUNT_TUNE_CONFIRMED:
        line = json_pack("{s:s}", "is", "confirmed");
        break;
    case SHUNT_TUNE_CHOSEN:
        line = json_pack("{s:s, s:o, s:o, s:I, s:o, s:f, s:o, s:f}", "is", "chosen", "step", json_text(e->name), "op",
                         json_text(e->op), "uses", (json_int_t)e->uses, "before",
                         algorithm_text(e->guess_algorithm, e->guess_params), "before_us", e->guess_microseconds,
                         "algorithm", algorithm_text(e->algorithm, e->params), "us", e->microseconds);
        break;
    }
    send(context, line);
}

/* The ops that earlier workers have tuned; to be freed, their texts belong to self. */
static const char **chosen_ops(const tuning *self)
{
    const char **ops = calloc(json_array_size(self->chosen) + 1, sizeof *ops);
    size_t i;
    json_t *row;
    json_array_foreach(self->chosen, i, row) if (ops) ops[i] = json_string_value(json_object_get(row, "op"));
    return ops;
}

/* Ends without closing anything: a driver that has been through the trials may crash in that. */
static int work(void *context, FILE *parent)
{
    tuning *self = context;
    const tune_settings *settings = self->settings;
    shunt_device *device = NULL;
    shunt_executor *executor = NULL;
    char params[32] = "";
    shunt_tensor_desc input = model_input(self->model, settings->batch, settings->size);
    const char **done = chosen_ops(self);
    shunt_tune_options options = {.size = sizeof options,
                                  .full = settings->full,
                                  .retry = !settings->retry ? 0
                                           : self->started  ? 2
                                                            : 1,
                                  .force = settings->force,
                                  .watched = 1,
                                  .done = done,
                                  .ndone = done ? (uint32_t)json_array_size(self->chosen) : 0,
                                  .handler = send_event,
                                  .context = self};
    self->parent = parent;
    shunt_set_log_handler(send_log, self);
    if (settings->device.threads) snprintf(params, sizeof params, "threads=%lld", (long long)settings->device.threads);
    shunt_status status =
        settings->device.precision ? shunt_set_option("precision", settings->device.precision) : SHUNT_OK;
    if (!status) status = shunt_device_open(settings->device.device, params[0] ? params : NULL, &device);
    if (!status) {
        const shunt_device_entry *entry = shunt_device_describe(device);
        send(self, json_pack("{s:s, s:o, s:o}", "is", "device", "selector", json_text(entry->selector), "name",
                             json_text(entry->info->name)));
        status = shunt_model_executor(self->model, device, &executor);
    }
    if (!status) status = shunt_executor_tune(executor, &input, 1, &options);
    free(done);
    if (!status) return EXIT_OK;
    send(self, json_pack("{s:s, s:o}", "is", "failure", "text", json_text(shunt_last_error())));
    return EXIT_FAILED;
}

/* ---- In the parent ------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void drop(tuning *self, const char *verdict, const char *reason)
{
    json_add(self->dropped, json_pack("{s:s, s:s, s:s, s:s, s:s}", "step", text_of(self->trial, "step"), "op",
                                      text_of(self->trial, "op"), "algorithm", text_of(self->trial, "algorithm"),
                                      "verdict", verdict, "reason", reason));
}

static void end_trial(tuning *self)
{
    json_decref(self->trial);
    self->trial = NULL;
}

static void hear_start(tuning *self, const json_t *line)
{
    progress_end();
    progress_begin("tuning", (uint64_t)number_of(line, "trials"));
    if (self->started) return; /* a later worker: it counts what its forerunners did as known */
    self->started = true;
    self->ops = (json_int_t)number_of(line, "ops");
    self->known = (json_int_t)number_of(line, "known");
}

static int hear(void *context, const char *text)
{
    tuning *self = context;
    json_t *line = json_loads(text, 0, NULL);
    const char *is = text_of(line, "is");
    if (!strcmp(is, "device")) {
        progress_begin("preparing", 0);
        json_decref(self->device);
        self->device = json_incref(line);
    } else if (!strcmp(is, "start")) {
        hear_start(self, line);
    } else if (!strcmp(is, "try") || !strcmp(is, "confirm")) {
        self->heard_trial = true;
        self->trial = json_incref(line);
    } else if (!strcmp(is, "tried")) {
        progress_advance(1);
        if (strcmp(text_of(line, "verdict"), "safe") != 0)
            drop(self, text_of(line, "verdict"), text_of(line, "reason"));
        end_trial(self);
    } else if (!strcmp(is, "confirmed")) {
        end_trial(self);
    } else if (!strcmp(is, "chosen")) {
        json_add(self->chosen, json_incref(line));
    } else if (!strcmp(is, "failure")) {
        snprintf(self->failure, sizeof self->failure, "%s", text_of(line, "text"));
    } else if (!strcmp(is, "log")) {
        say_log(NULL, (int)number_of(line, "level"), text_of(line, "text"));
    }
    json_decref(line);
    return self->trial ? (int)self->settings->time_limit : 0;
}

static bool was_dropped_before(const tuning *self)
{
    size_t i;
    json_t *row;
    json_array_foreach(self->dropped, i, row)
    {
        bool same = json_equal(json_object_get(row, "algorithm"), json_object_get(self->trial, "algorithm")) &&
                    json_equal(json_object_get(row, "op"), json_object_get(self->trial, "op"));
        if (same && !strcmp(text_of(row, "verdict"), "unfinished")) return true;
    }
    return false;
}

/* The trial took its worker along: the journal gets to know, or the next worker would try it again. */
static int blame_candidate(tuning *self, worker_end end, int result)
{
    char reason[1200];
    if (end == WORKER_HUNG)
        snprintf(reason, sizeof reason, "it did not end within %lld s", (long long)self->settings->time_limit);
    else if (end == WORKER_KILLED)
        snprintf(reason, sizeof reason, "it was killed, and again in a second try: is there too little memory?");
    else if (end == WORKER_CRASHED)
        snprintf(reason, sizeof reason, "it crashed: %s", supervise_signal(result));
    else
        snprintf(reason, sizeof reason, "%s", self->failure[0] ? self->failure : "it ended the process");
    say_failure("%s: %s is dropped and not tried again before --retry: %s", text_of(self->trial, "step"),
                text_of(self->trial, "algorithm"), reason);
    int status = EXIT_OK;
    if (was_dropped_before(self))
        status = say_failure("%s: it was tried again nevertheless", text_of(self->trial, "algorithm"));
    else if (shunt_tune_blame(text_of(self->trial, "trial")))
        status = say_library_failure(NULL);
    drop(self, "unfinished", reason);
    end_trial(self);
    return status;
}

/* Of being killed: the second time, the trial is to blame. */
static bool may_be_chance(tuning *self, worker_end end)
{
    if (end != WORKER_KILLED) return false;
    bool again = json_equal(self->killed, self->trial);
    json_decref(self->killed);
    self->killed = json_incref(self->trial);
    return !again;
}

static int give_up(const tuning *self, worker_end end, int result)
{
    if (end == WORKER_RETURNED && self->failure[0]) return say_failure("%s", self->failure);
    if (end == WORKER_CRASHED || end == WORKER_KILLED)
        return say_failure("the device's driver crashes: %s", supervise_signal(result));
    return say_failure("the device's driver ends the process with status %d", result);
}

/* Starts workers until one has done all that is left. Each that a candidate takes with it leaves one candidate less. */
static int supervise_all(tuning *self)
{
    worker job = {.work = work, .hear = hear, .context = self};
    for (int idle = 0; idle < MAX_IDLE_WORKERS;) {
        int result;
        self->failure[0] = '\0';
        self->heard_trial = false;
        worker_end end = supervise(&job, &result);
        progress_end(); /* its thread must not be there when the next worker is forked */
        if (end == WORKER_NONE) return EXIT_FAILED;
        if (end == WORKER_RETURNED && result == EXIT_OK) return EXIT_OK;
        if (end == WORKER_STOPPED) /* no candidate is to blame */
            return say_failure(
                "stopped: %s. Results so far are kept, and no algorithm is blamed; the same command continues",
                supervise_signal(result));
        bool guilty = self->trial != NULL;
        if (guilty && may_be_chance(self, end))
            end_trial(self);
        else if (guilty && blame_candidate(self, end, result))
            return EXIT_FAILED;
        idle = self->heard_trial ? 0 : idle + 1;
        if (!guilty && (end == WORKER_RETURNED || idle == MAX_IDLE_WORKERS)) return give_up(self, end, result);
    }
    return EXIT_FAILED;
}

/* ---- The report ------------------------------------------------------------------------------------------------ */

static int print_table(const tuning *self)
{
    static const char *const headings[] = {"STEP", ">TIMES", "BEST GUESS", ">MS", "CHOSEN", ">MS", ">GAIN"};
    table out;
    size_t i;
    json_t *row;
    table_begin(&out, headings, 7);
    json_array_foreach(self->chosen, i, row)
    {
        double before = number_of(row, "before_us") / 1e3, after = number_of(row, "us") / 1e3;
        table_cell(&out, "%s", text_of(row, "step"));
        table_cell(&out, "%.0f", number_of(row, "uses"));
        table_cell(&out, "%s", text_of(row, "before"));
        table_cell(&out, before > 0 ? "%.3f" : "-", before);
        table_cell(&out, "%s", text_of(row, "algorithm"));
        table_cell(&out, "%.3f", after);
        table_cell(&out, before > 0 ? "%.2f" : "-", before / after);
    }
    return table_end(&out);
}

static int print_report(const tuning *self)
{
    size_t count = json_array_size(self->chosen), i;
    double before = 0, after = 0;
    json_t *row;
    const char *selector = text_of(self->device, "selector");
    int status = count ? print_table(self) : EXIT_OK;
    json_array_foreach(self->chosen, i, row)
    {
        double guess = number_of(row, "before_us"), best = number_of(row, "us"), uses = number_of(row, "uses");
        before += uses * (guess > 0 ? guess : best);
        after += uses * best;
    }
    if (self->ops == 0)
        say_line("No op of %s has several algorithms on %s: there is nothing to tune.", shunt_model_name(self->model),
                 selector);
    else if (count == 0 && self->known == self->ops)
        printf("All %lld ops are tuned already; --full tries more candidates, --retry tries all again.\n",
               (long long)self->ops);
    if (count) printf("\nall of them  %.3f ms with the best guesses, %.3f ms tuned\n", before / 1e3, after / 1e3);
    say_line("device       %s (%s)", selector, text_of(self->device, "name"));
    say_line("kept in      %s/tuning.json", shunt_cache_folder());
    return status;
}

static int print_json_report(const tuning *self, const char *path)
{
    size_t i;
    json_t *row;
    json_array_foreach(self->chosen, i, row) json_object_del(row, "is");
    return print_json(json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:O, s:O, s:o}", "model", shunt_model_name(self->model),
                                "batch", (json_int_t)self->settings->batch, "device", text_of(self->device, "selector"),
                                "device_name", text_of(self->device, "name"), "ops", self->ops, "known", self->known,
                                "chosen", self->chosen, "dropped", self->dropped, "file", json_text(path)),
                      false);
}

static int report(const tuning *self)
{
    char path[4096];
    if (!self->settings->output.json) return print_report(self);
    snprintf(path, sizeof path, "%s/tuning.json", shunt_cache_folder());
    return print_json_report(self, path);
}

static int run(const void *settings, int noperands, char **operands)
{
    const tune_settings *given = settings;
    shunt_model_options options = {.size = sizeof options, .height = given->size[0], .width = given->size[1]};
    (void)noperands;
    (void)operands;
    if (given->fast && given->full) return say_usage("--fast and --full: choose one");
    tuning self = {.settings = settings, .chosen = json_array(), .dropped = json_array()};
    int status = shunt_cache_folder() ? EXIT_OK : say_library_failure(NULL);
    if (status == EXIT_OK) status = model_from_settings(&given->model, WEIGHTS_OR_RANDOM, &options, &self.model);
    if (status == EXIT_OK) {
        status = supervise_all(&self);
        int printed = self.started ? report(&self) : EXIT_OK;
        if (status == EXIT_OK) status = printed;
    }
    json_decref(self.chosen);
    json_decref(self.dropped);
    json_decref(self.device);
    json_decref(self.trial);
    json_decref(self.killed);
    shunt_model_destroy(self.model);
    return status;
}

const command tune_command = {
    .name = "tune",
    .summary = "Find the fastest algorithm for every op of a model, and keep the results for later runs.",
    .text =
        "Every candidate is checked against plain C before it is timed. The trials run in a separate process, so a "
        "candidate that hangs or crashes does no harm, and it is not tried again. Results are per shape: tune with the "
        "batch and size that you will use. SHUNT_TUNE=off makes runs ignore the results. See docs/tuning.md.",
    .groups = {{model_rows, FIELD(model)}, {rows, 0}, {device_rows, FIELD(device)}, {json_rows, FIELD(output)}},
    .examples = {{"shunt tune --model resnet50 --batch 8", "Tune for the best device."},
                 {"shunt tune --model resnet18 --device opencl:gpu --full", "Try everything on a GPU."},
                 {"shunt tune --model resnet18 --retry", "Start again after a driver update."}},
    .settings_size = sizeof(tune_settings),
    .run = run,
};
