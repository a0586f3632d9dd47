/* tune.c - shunt tune: finds the fastest algorithms for a model's ops, and keeps them for all runs to come.
 *
 * This process never opens a device. A worker does the trials and reports them as lines of JSON; when a candidate hangs or
 * crashes the worker is recorded in the journal, and the next worker continues without it. */
#include "lib/progress.h"
#include "lib/say.h"
#include "lib/supervise.h"
#include "tune.h"
#include <stdlib.h>
#include <string.h>

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

enum { NETWORK_LIMITS = 10 }; /* a whole network may take so many times the limit of one algorithm */

/* Workers that end before they try anything: the device itself does not work. */
enum { MAX_IDLE_WORKERS = 3 };

/* ---- In the parent ------------------------------------------------------------------------------------------- */

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
    json_array_clear(self->precisions);
    if (self->started) return; /* a later worker: it counts what its forerunners did as known */
    self->started = true;
    self->ops = (json_int_t)number_of(line, "ops");
    self->known = (json_int_t)number_of(line, "known");
}

static bool is_time(const json_t *trial)
{
    return !strcmp(text_of(trial, "is"), "time");
}

static void hear_time(tuning *self, const json_t *line)
{
    char note[64];
    progress_end();
    snprintf(note, sizeof note, "timing the whole network in %s", text_of(line, "precision"));
    progress_begin(note, 0);
    self->heard_trial = true;
    self->trial = json_incref((json_t *)line);
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
    } else if (!strcmp(is, "time")) {
        hear_time(self, line);
    } else if (!strcmp(is, "timed")) {
        json_add(self->precisions, json_incref(line));
        end_trial(self);
    } else if (!strcmp(is, "recorded")) {
        self->fast = json_incref(line);
    } else if (!strcmp(is, "failure")) {
        snprintf(self->failure, sizeof self->failure, "%s", text_of(line, "text"));
    } else if (!strcmp(is, "log")) {
        say_log(NULL, (int)number_of(line, "level"), text_of(line, "text"));
    }
    json_decref(line);
    return self->trial ? (int)self->settings->time_limit * (is_time(self->trial) ? NETWORK_LIMITS : 1) : 0;
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

static void say_why(const tuning *self, worker_end end, int result, char reason[1200])
{
    const long long limit = self->settings->time_limit;
    if (end == WORKER_HUNG)
        snprintf(reason, 1200, "it did not end within %lld s", is_time(self->trial) ? limit * NETWORK_LIMITS : limit);
    else if (end == WORKER_KILLED)
        snprintf(reason, 1200, "it was killed, and again in a second try: is there too little memory?");
    else if (end == WORKER_CRASHED)
        snprintf(reason, 1200, "it crashed: %s", supervise_signal(result));
    else
        snprintf(reason, 1200, "%s", self->failure[0] ? self->failure : "it ended the process");
}

/* The next worker leaves it out, and the record says so. */
static int blame_precision(tuning *self, worker_end end, int result)
{
    char reason[1200];
    say_why(self, end, result, reason);
    say_failure("the network in %s is not tried again: %s", text_of(self->trial, "precision"), reason);
    const size_t used = strlen(self->skip);
    snprintf(self->skip + used, sizeof self->skip - used, "%s%s", used ? "," : "", text_of(self->trial, "precision"));
    end_trial(self);
    return EXIT_OK;
}

/* The trial took its worker along: the journal gets to know, or the next worker would try it again. */
static int blame_candidate(tuning *self, worker_end end, int result)
{
    char reason[1200];
    say_why(self, end, result, reason);
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
    worker job = {.work = tune_work, .hear = hear, .context = self};
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
        bool guilty = self->trial && !(end == WORKER_RETURNED && is_time(self->trial));
        if (guilty && may_be_chance(self, end))
            end_trial(self);
        else if (guilty && (is_time(self->trial) ? blame_precision : blame_candidate)(self, end, result))
            return EXIT_FAILED;
        idle = self->heard_trial ? 0 : idle + 1;
        if (!guilty && (end == WORKER_RETURNED || idle == MAX_IDLE_WORKERS)) return give_up(self, end, result);
    }
    return EXIT_FAILED;
}

/* ---- The command --------------------------------------------------------------------------------------------- */

static int run(const void *settings, int noperands, char **operands)
{
    const tune_settings *given = settings;
    shunt_model_options options = {.size = sizeof options, .height = given->size[0], .width = given->size[1]};
    (void)noperands;
    (void)operands;
    if (given->fast && given->full) return say_usage("--fast and --full: choose one");
    tuning self = {.settings = settings, .chosen = json_array(), .dropped = json_array(), .precisions = json_array()};
    int status = shunt_cache_folder() ? EXIT_OK : say_library_failure(NULL);
    if (status == EXIT_OK) status = model_from_settings(&given->model, WEIGHTS_OR_RANDOM, &options, &self.model);
    if (status == EXIT_OK) {
        status = supervise_all(&self);
        int printed = self.started ? tune_report(&self) : EXIT_OK;
        if (status == EXIT_OK) status = printed;
    }
    json_decref(self.chosen);
    json_decref(self.dropped);
    json_decref(self.device);
    json_decref(self.precisions);
    json_decref(self.fast);
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
