/* time_types.c - times a whole network in each 16-bit type that the device has, in turn with float32, and checks its results: the record
 * that "fast" goes by (fast.c).
 *
 * A type is taken where it is LEAST_SPEEDUP times as fast, twice, and its results differ from float32's by at most MOST_ERROR. The
 * bound is one for both types, for what counts is the error of the result, whatever made it: it is what bfloat16's eight digits leave of
 * the logits of a ResNet of up to 152 layers, whose classes change for about one picture in a thousand. A kernel that is wrong is off by
 * about 1, and a network that amplifies rounding from layer to layer by more than the bound, too. */
#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/plan/plan.h"
#include "runtime/shared/text.h"
#include "runtime/tune/tune.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double LEAST_SPEEDUP = 1.2, MOST_ERROR = 1e-2;
enum { ATTEMPTS = 3 };

/* The network with tensors to run it on. */
typedef struct network {
    shunt_executor *executor;
    const shunt_tensor_desc *descs;
    size_t ninputs, noutputs;
    shunt_tensor *inputs, *expected, *got; /* noutputs: float32's results, and the type's */
    graph_plan *wide;
    bool force;
    bool busy; /* the machine, so that times tell nothing */
} network;

/* ---- Tensors ------------------------------------------------------------------------------------------------------- */

/* As large as the numbers of a normalised picture. */
static shunt_status make_input(network *self, size_t i)
{
    char name[32];
    snprintf(name, sizeof name, "input%zu", i);
    const uint64_t key = random_key(name, 0), count = shunt_tensor_count(&self->descs[i]);
    float *data = malloc(shunt_tensor_bytes(&self->descs[i]));
    self->inputs[i] = (shunt_tensor){.desc = self->descs[i], .data = data};
    for (uint64_t k = 0; data && k < count; k++) data[k] = (float)(4 * random_at(key, k) - 2);
    return data ? SHUNT_OK : error_memory();
}

static shunt_status make_output(network *self, size_t i)
{
    const shunt_graph *graph = self->wide->graph;
    const shunt_tensor_desc *desc = &graph->values[graph->outputs[i].value].desc;
    self->expected[i] = (shunt_tensor){.desc = *desc, .data = malloc(shunt_tensor_bytes(desc))};
    self->got[i] = (shunt_tensor){.desc = *desc, .data = malloc(shunt_tensor_bytes(desc))};
    return self->expected[i].data && self->got[i].data ? SHUNT_OK : error_memory();
}

static shunt_status make_tensors(network *self)
{
    self->noutputs = self->wide->graph->noutputs;
    self->inputs = calloc(self->ninputs, sizeof *self->inputs);
    self->expected = calloc(self->noutputs, sizeof *self->expected);
    self->got = calloc(self->noutputs, sizeof *self->got);
    if (!self->inputs || !self->expected || !self->got) return error_memory();
    shunt_status status = SHUNT_OK;
    for (size_t i = 0; status == SHUNT_OK && i < self->ninputs; i++) status = make_input(self, i);
    for (size_t i = 0; status == SHUNT_OK && i < self->noutputs; i++) status = make_output(self, i);
    return status;
}

static void free_tensors(shunt_tensor *tensors, size_t count)
{
    for (size_t i = 0; tensors && i < count; i++) free(tensors[i].data);
    free(tensors);
}

/* ---- One type -------------------------------------------------------------------------------------------------------- */

static void refuse(tune_type *type, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void refuse(tune_type *type, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(type->refused, sizeof type->refused, format, args);
    va_end(args);
    text_make_printable(type->refused);
}

/* The L2 distance of the results, relative to float32's; the largest of all outputs. Infinite where one is not finite. */
static double distance(const network *self)
{
    double most = 0;
    for (size_t i = 0; i < self->noutputs; i++) {
        const float *a = self->got[i].data, *b = self->expected[i].data;
        const uint64_t count = self->got[i].desc.dtype == SHUNT_F32 ? shunt_tensor_count(&self->got[i].desc) : 0;
        double apart = 0, size = 0;
        for (uint64_t k = 0; k < count; k++) {
            const double d = (double)a[k] - (double)b[k];
            apart += d * d;
            size += (double)b[k] * (double)b[k];
        }
        const double error = apart > 0 ? sqrt(apart / size) : apart; /* a NaN stays one */
        most = isfinite(error) ? fmax(most, error) : INFINITY;
    }
    return most;
}

/* Whether the type's results are good. */
static bool check(const network *self, graph_plan *narrow, tune_type *type)
{
    double error;
    if (plan_run(narrow, &(plan_request){self->inputs, self->got, 0}) != SHUNT_OK)
        refuse(type, "fails: %s", shunt_last_error());
    else if (!isfinite(error = distance(self)))
        refuse(type, "gives results that are not finite");
    else if ((type->error = error) > MOST_ERROR)
        refuse(type, "is off by %.2g, more than %g", error, MOST_ERROR);
    return !type->refused[0];
}

/* A plan and what it runs on. */
typedef struct plan_times {
    const network *on;
    graph_plan *plan;
} plan_times;

static double now_microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static shunt_status take_time(void *context, double *microseconds)
{
    const plan_times *self = context;
    const double began = now_microseconds();
    shunt_status status = plan_run(self->plan, &(plan_request){self->on->inputs, self->on->got, 0});
    *microseconds = now_microseconds() - began;
    return status;
}

/* Whether the times decide: however much they spread, most of them may lie on one side of the bound. */
static bool is_clear(const tune_comparison *found)
{
    return tune_is_steady(found->spread) || found->low > 1 / LEAST_SPEEDUP || found->high < 1 / LEAST_SPEEDUP;
}

/* Several attempts, since a load may pass. */
static shunt_status compare(network *self, graph_plan *narrow, tune_turns *turns, tune_comparison *out)
{
    plan_times wide = {self, self->wide}, other = {self, narrow};
    self->busy = true;
    for (int i = 0; i < ATTEMPTS && self->busy; i++) {
        shunt_status status = tune_take_turns(&(tune_timed){take_time, &wide}, &(tune_timed){take_time, &other}, turns);
        if (status != SHUNT_OK) return status;
        *out = tune_compare(turns);
        self->busy = !self->force && !is_clear(out);
    }
    if (self->busy)
        log_write(
            SHUNT_LOG_WARN,
            "precisions are not compared, and an earlier record stays: the network's times spread by %.0f %% now; "
            "end other programs and tune again, or use --force",
            100 * out->spread);
    return SHUNT_OK;
}

/* Twice, as the longest of many ratios may be luck: the smaller one counts. */
static shunt_status time_type(network *self, graph_plan *narrow, tune_type *type, double *wide_microseconds)
{
    tune_turns turns;
    tune_comparison found;
    for (int time = 0; time < 2 && !type->refused[0]; time++) {
        shunt_status status = compare(self, narrow, &turns, &found);
        if (status != SHUNT_OK || self->busy) return status;
        const double speedup = 1 / found.ratio;
        if (time && speedup > type->speedup) break;
        type->speedup = speedup;
        type->microseconds = tune_median(turns.other, turns.count);
        *wide_microseconds = tune_median(turns.guess, turns.count);
        if (speedup < LEAST_SPEEDUP) refuse(type, "is %.2f times as fast as f32, less than %g", speedup, LEAST_SPEEDUP);
    }
    return SHUNT_OK;
}

static bool is_skipped(const char *list, const char *name)
{
    const char *at = list ? strstr(list, name) : NULL; /* "f16" is the end of "bf16" */
    while (at && at != list && at[-1] != ',') at = strstr(at + 1, name);
    return at;
}

static shunt_status try_type(network *self, tune_type *type, const char *skip, double *wide_microseconds)
{
    graph_plan *narrow;
    if (is_skipped(skip, shunt_dtype_name(type->dtype))) {
        refuse(type, "crashed shunt tune, or hung");
        return SHUNT_OK;
    }
    if (executor_plan(self->executor, self->descs, self->ninputs, type->dtype, &narrow) != SHUNT_OK) {
        refuse(type, "cannot be had: %s", shunt_last_error());
        return SHUNT_OK;
    }
    return check(self, narrow, type) ? time_type(self, narrow, type, wide_microseconds) : SHUNT_OK;
}

/* ---- All of them ----------------------------------------------------------------------------------------------------- */

static void tell(const shunt_tune_options *options, shunt_tune_stage stage, const tune_type *type, double wide)
{
    const shunt_tune_event event = {.stage = stage,
                                    .precision = shunt_dtype_name(type->dtype),
                                    .verdict = type->refused[0] ? "refused" : "good",
                                    .reason = type->refused,
                                    .microseconds = type->microseconds,
                                    .guess_microseconds = wide,
                                    .speedup = type->speedup,
                                    .error = type->error};
    if (options->handler) options->handler(options->context, &event);
}

static void tell_record(const shunt_tune_options *options, const tune_network *record)
{
    char reason[TUNE_REASON_CHARS];
    const shunt_tune_event event = {.stage = SHUNT_TUNE_RECORDED,
                                    .precision = shunt_dtype_name(record->taken),
                                    .verdict = "",
                                    .reason = tune_network_reason(record, reason)};
    if (options->handler) options->handler(options->context, &event);
}

static shunt_status try_types(network *self, const shunt_tune_options *options, tune_network *record)
{
    static const uint8_t types[TUNE_TYPES] = {SHUNT_F16, SHUNT_BF16};
    double best = 0;
    shunt_status status = SHUNT_OK;
    *record = (tune_network){.taken = SHUNT_F32};
    for (int i = 0; status == SHUNT_OK && i < TUNE_TYPES; i++) {
        if (!shunt_device_takes(&self->executor->devices[PLAN_MAIN]->entry.info, types[i])) continue;
        tune_type *type = &record->types[record->ntypes++];
        *type = (tune_type){.dtype = types[i]};
        tell(options, SHUNT_TUNE_TIME, type, 0);
        status = try_type(self, type, options->skip, &record->microseconds);
        if (status != SHUNT_OK || self->busy) return status;
        tell(options, SHUNT_TUNE_TIMED, type, record->microseconds);
        if (type->refused[0] || type->speedup <= best) continue;
        best = type->speedup;
        record->taken = type->dtype;
    }
    return status;
}

static shunt_status run_wide(network *self)
{
    shunt_status status = executor_plan(self->executor, self->descs, self->ninputs, SHUNT_F32, &self->wide);
    if (status == SHUNT_OK) status = make_tensors(self);
    if (status == SHUNT_OK) status = plan_run(self->wide, &(plan_request){self->inputs, self->expected, 0});
    return status;
}

static shunt_status store(const network *self, const tune_network *record)
{
    shunt_graph *graph;
    shunt_status status = plan_network(self->executor, self->descs, self->ninputs, &graph);
    if (status != SHUNT_OK) return status;
    status = tune_store_network(self->executor->devices[PLAN_MAIN], graph, record);
    shunt_graph_destroy(graph);
    return status;
}

shunt_status plan_time_types(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                             const shunt_tune_options *options)
{
    network self = {.executor = executor, .descs = inputs, .ninputs = ninputs, .force = options->force};
    tune_network record;
    if (graph_trains(executor->graph))
        return error_fail(SHUNT_E_UNSUPPORTED, "precisions are not recorded for training steps");
    shunt_status status = run_wide(&self);
    if (status == SHUNT_OK) status = try_types(&self, options, &record);
    if (status == SHUNT_OK && !self.busy) status = store(&self, &record);
    if (status == SHUNT_OK && !self.busy) tell_record(options, &record);
    free_tensors(self.inputs, ninputs);
    free_tensors(self.expected, self.noutputs);
    free_tensors(self.got, self.noutputs);
    return status;
}
