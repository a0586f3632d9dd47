/* diagnose.c - which layer first gave a number that is not finite. The step that did has replaced the weights by then, so all
 * steps since the last checkpoint are done again, up to it; then the network is run forward on its batch by the backend that
 * does every op, with every value as a result. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/device/device.h"
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/data/loader.h"
#include "runtime/train/trainer.h"

static bool all_finite(const float *data, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (!isfinite(data[i])) return false;
    return true;
}

const char *train_bad_parameter(const shunt_trainer *self)
{
    for (uint32_t i = 0; i < self->graph->nvalues; i++) {
        const graph_value *value = &self->graph->values[i];
        if (value->source != VALUE_PARAMETER) continue;
        if (!all_finite(shunt_weights_find(self->state, value->name)->data, shunt_tensor_count(&value->desc)))
            return value->name;
    }
    return NULL;
}

/* ---- The network with every value as a result ----------------------------------------------------------------- */

typedef struct probe {
    shunt_graph *graph;
    shunt_device *device;
    shunt_executor *executor;
    shunt_tensor *outputs; /* of graph->outputs; from 1 on those that ops make, in their order */
    const char **names;    /* of the ops that make them */
} probe;

static void probe_end(probe *self)
{
    for (uint32_t i = 0; self->outputs && i < self->graph->noutputs; i++) free(self->outputs[i].data);
    free(self->outputs);
    free(self->names);
    shunt_executor_destroy(self->executor);
    shunt_device_close(self->device);
    shunt_graph_destroy(self->graph);
}

static shunt_status add_outputs(const shunt_trainer *trainer, probe *self)
{
    const graph_value *values = self->graph->values;
    uint32_t nops = self->graph->nops;
    self->names = calloc(nops + 1, sizeof *self->names);
    if (!self->names) return error_memory();
    for (uint32_t i = 0; i < nops; i++) {
        const graph_op *op = &self->graph->ops[i];
        if (op->kind == SHUNT_OP_BATCH_STATISTICS || op->kind == SHUNT_OP_MOVING_AVERAGE) continue;
        self->names[self->graph->noutputs] = op->name;
        shunt_graph_output(self->graph, op->name, op->outputs[0]);
    }
    self->outputs = calloc(self->graph->noutputs, sizeof *self->outputs);
    if (!self->outputs) return error_memory();
    for (uint32_t i = 0; i < self->graph->noutputs; i++) {
        const shunt_tensor_desc *desc = &values[self->graph->outputs[i].value].desc;
        self->outputs[i] = (shunt_tensor){*desc, malloc((size_t)shunt_tensor_bytes(desc))};
        if (!self->outputs[i].data) return error_memory();
    }
    shunt_status status = shunt_graph_check(self->graph);
    return status ? status : shunt_executor_create(self->graph, trainer->state, self->device, &self->executor);
}

static shunt_status probe_begin(const shunt_trainer *trainer, probe *self)
{
    shunt_tensor_desc src = train_images(trainer, trainer->batch);
    shunt_status status = shunt_graph_copy(trainer->graph, &self->graph);
    if (!status) status = graph_reshape(self->graph, &src, 1);
    if (!status) status = shunt_graph_train_batch_norms(self->graph, 0, NULL);
    if (!status) status = device_open_fallback(&self->device);
    return status ? status : add_outputs(trainer, self);
}

/* The first op whose result is not finite, or NULL. */
static shunt_status find_layer(const shunt_trainer *trainer, const loader_batch *batch, const char **name)
{
    probe self = {0};
    shunt_tensor src = {train_images(trainer, trainer->batch), batch->images};
    shunt_status status = probe_begin(trainer, &self);
    if (!status) status = shunt_executor_run(self.executor, &src, 1, self.outputs, self.graph->noutputs);
    *name = NULL;
    for (uint32_t i = trainer->graph->noutputs; !status && !*name && i < self.graph->noutputs; i++)
        if (!all_finite(self.outputs[i].data, shunt_tensor_count(&self.outputs[i].desc))) {
            /* The name goes with the probe's graph: the trainer's own has the op, too. */
            for (uint32_t k = 0; k < trainer->graph->nops; k++)
                if (!strcmp(trainer->graph->ops[k].name, self.names[i])) *name = trainer->graph->ops[k].name;
        }
    probe_end(&self);
    return status;
}

/* ---- Doing the steps again --------------------------------------------------------------------------------------- */

/* All steps since the last fetch but the one that failed. */
static shunt_status replay(shunt_trainer *self, loader *pictures, int64_t failed)
{
    shunt_status status = SHUNT_OK;
    train_found found;
    double loss;
    for (; !status && self->at.step < failed; self->at.step++) {
        status = train_run_step(self, pictures, &found);
        if (!status) status = train_count_results(self, &found, &loss);
    }
    return status ? status : shunt_executor_fetch(self->executor, self->state);
}

/* In the parts of the step that failed. */
static shunt_status find_layer_of_step(const shunt_trainer *self, loader *pictures, const char **layer)
{
    shunt_status status = SHUNT_OK;
    for (int64_t part = 0; !status && !*layer && part < self->recipe.accumulate; part++) {
        const loader_batch *batch;
        status = loader_next(pictures, &batch);
        if (!status) status = find_layer(self, batch, layer);
    }
    return status;
}

static shunt_status look_for_layer(shunt_trainer *self, const char **layer, const char **parameter)
{
    const int64_t failed = self->at.step;
    loader *pictures = NULL;
    self->at = self->fetched;
    shunt_executor_destroy(self->executor);
    self->executor = NULL;
    shunt_status status = train_set_weights(self, self->state);
    if (!status) status = train_need_executor(self);
    loader_setup setup = train_pictures(self);
    if (!status) status = loader_create(&setup, &pictures);
    if (!status) status = replay(self, pictures, failed);
    if (!status && !(*parameter = train_bad_parameter(self))) status = find_layer_of_step(self, pictures, layer);
    loader_destroy(pictures);
    return status;
}

shunt_status train_diagnose(shunt_trainer *self, double loss)
{
    const char *layer = NULL, *parameter = NULL;
    char what[160] = "where it began could not be found";
    int64_t step = self->at.step + 1;
    if (look_for_layer(self, &layer, &parameter))
        log_write(SHUNT_LOG_WARN, "while looking for the layer: %s", shunt_last_error());
    else if (parameter)
        snprintf(what, sizeof what, "the step before made %s infinite or NaN", parameter);
    else if (layer)
        snprintf(what, sizeof what, "%s is the first layer whose result is not finite", layer);
    else
        snprintf(what, sizeof what, "in plain C all layers are finite on that batch");
    return error_fail(SHUNT_E_INVALID,
                      "step %lld: the loss is %g; %s; the last checkpoint is kept; try a lower learning rate",
                      (long long)step, loss, what);
}
