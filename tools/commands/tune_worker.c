/* tune_worker.c - the process of shunt tune that opens the device and does the trials. */
#include "tune.h"
#include <stdlib.h>
#include <string.h>

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
    case SHUNT_TUNE_TIME:
        line = json_pack("{s:s, s:s}", "is", "time", "precision", e->precision);
        break;
    case SHUNT_TUNE_TIMED:
        line = json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:b, s:o}", "is", "timed", "precision", e->precision, "us",
                         e->microseconds, "f32_us", e->guess_microseconds, "speedup", e->speedup, "error", e->error,
                         "good", !strcmp(e->verdict, "good"), "reason", json_text(e->reason));
        break;
    case SHUNT_TUNE_RECORDED:
        line =
            json_pack("{s:s, s:s, s:o}", "is", "recorded", "precision", e->precision, "reason", json_text(e->reason));
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
int tune_work(void *context, FILE *parent)
{
    tuning *self = context;
    const tune_settings *settings = self->settings;
    shunt_device *device = NULL;
    shunt_executor *executor = NULL;
    char params[32] = "";
    shunt_tensor_desc inputs[MODEL_MOST_INPUTS];
    const size_t ninputs = model_inputs(self->model, settings->batch, settings->size, inputs);
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
                                  .precisions = 1,
                                  .skip = self->skip,
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
    if (!status) status = shunt_executor_tune(executor, inputs, ninputs, &options);
    free(done);
    if (!status) return EXIT_OK;
    send(self, json_pack("{s:s, s:o}", "is", "failure", "text", json_text(shunt_last_error())));
    return EXIT_FAILED;
}
