/* parameters.c - weights on the devices: folded, uploaded and packed once per executor, shared by its plans.
 *
 * Only what some op reads is kept: a weight that is packed has no plain copy on the device. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"
#include "runtime/weights/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

shunt_status parameters_check(const shunt_graph *graph, const shunt_weights *weights)
{
    for (uint32_t v = 0; v < graph->nvalues; v++) {
        const graph_value *value = &graph->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        const shunt_tensor_view *view = shunt_weights_find(weights, value->name);
        if (!view) return error_fail(SHUNT_E_NOT_FOUND, "the weights have no tensor %s", value->name);
        bool same = view->desc.dtype == value->desc.dtype && view->desc.rank == value->desc.rank;
        for (uint32_t i = 0; same && i < value->desc.rank; i++) same = view->desc.dims[i] == value->desc.dims[i];
        if (!same)
            return error_fail(SHUNT_E_INVALID,
                              "tensor %s of the weights is not of the type and shape that the graph has", value->name);
    }
    return SHUNT_OK;
}

static const void *data_of(const graph_plan *plan, shunt_value value)
{
    if (value == SHUNT_NO_VALUE) return NULL;
    const shunt_tensor_view *view = shunt_weights_find(plan->executor->weights, plan->graph->values[value].name);
    return view ? view->data : NULL;
}

/* Element i of data at any address, as a mapped file has it. */
static double element(const void *data, uint64_t i)
{
    float value;
    memcpy(&value, (const uint8_t *)data + i * sizeof value, sizeof value);
    return (double)value;
}

/* The data of a folded value; see graph_fold for the formula. Free it. */
static float *fold_data(const graph_plan *plan, shunt_value value)
{
    const graph_value *folded = &plan->graph->values[value];
    const graph_fold *fold = &plan->graph->folds[folded->fold];
    const shunt_tensor_desc *shape = &plan->graph->values[fold->weights].desc;
    const void *weights = data_of(plan, fold->weights), *bias = data_of(plan, fold->bias);
    const void *scale = data_of(plan, fold->scale), *shift = data_of(plan, fold->shift);
    const void *mean = data_of(plan, fold->mean), *variance = data_of(plan, fold->variance);
    uint64_t channels = (uint64_t)shape->dims[0], each = channels ? shunt_tensor_count(shape) / channels : 0;
    float *data = malloc(shunt_tensor_bytes(&folded->desc));
    if (!data) return NULL;
    for (uint64_t k = 0; k < channels; k++) {
        double factor = element(scale, k) / sqrt(element(variance, k) + fold->epsilon);
        if (value == fold->folded_bias)
            data[k] = (float)(((bias ? element(bias, k) : 0.0) - element(mean, k)) * factor + element(shift, k));
        else
            for (uint64_t i = k * each; i < (k + 1) * each; i++) data[i] = (float)(element(weights, i) * factor);
    }
    return data;
}

/* Only another plan reads the host's copy again, and a mapped file then provides it again. */
static void release(const graph_plan *plan, shunt_value value)
{
    const shunt_weights *weights = plan->executor->weights;
    weights_release(weights, shunt_weights_find(weights, plan->graph->values[value].name));
}

/* The value as the graph has it, float32: folded, or where the weights have it. *folded: to be freed. NULL without memory. */
static const void *whole_data(const graph_plan *plan, shunt_value value, float **folded)
{
    *folded = NULL;
    if (plan->graph->values[value].source != VALUE_FOLDED) return data_of(plan, value);
    return *folded = fold_data(plan, value);
}

/* A number that becomes infinite in a 16-bit type makes the network another one. */
static shunt_status check_range(const char *name, const void *data, uint64_t count, uint8_t dtype)
{
    const double most = dtype == SHUNT_F16 ? 65520 : 0x1.ffp127; /* from there on, rounding gives infinity */
    for (uint64_t i = 0; i < count; i++) {
        const double value = element(data, i);
        if (fabs(value) < most || !isfinite(value)) continue;
        return error_fail(SHUNT_E_INVALID, "tensor %s: element %llu is %g, which overflows %s; use another precision",
                          name, (unsigned long long)i, value, shunt_dtype_name(dtype));
    }
    return SHUNT_OK;
}

/* Writes float32 data in a 16-bit type, and waits. */
static shunt_status write_narrow(const shunt_device *device, shunt_bqueue *queue, const void *data, uint64_t count,
                                 uint8_t dtype, shunt_arg dst)
{
    uint16_t *halves = malloc(count * sizeof *halves);
    if (!halves) return error_memory();
    for (uint64_t i = 0; i < count; i++) {
        const float value = (float)element(data, i);
        halves[i] = dtype == SHUNT_F16 ? shunt_to_f16(value) : shunt_to_bf16(value);
    }
    shunt_status status = device->ops->write(queue, dst, halves, count * sizeof *halves, NULL);
    shunt_status finished = device->ops->queue_finish(queue);
    free(halves);
    return status == SHUNT_OK ? finished : status;
}

/* Writes a parameter or a folded value to *dst, in this type, and waits. */
static shunt_status write_value(graph_plan *plan, int device_index, shunt_value value, uint8_t dtype, shunt_arg dst)
{
    const shunt_device *device = plan->executor->devices[device_index];
    shunt_bqueue *queue = plan->executor->queues[device_index];
    const graph_value *source = &plan->graph->values[value];
    const bool narrow = dtype != source->desc.dtype;
    float *folded;
    const void *data = whole_data(plan, value, &folded);
    if (!data) return error_memory();
    shunt_status status = narrow ? write_narrow(device, queue, data, shunt_tensor_count(&source->desc), dtype, dst)
                                 : device->ops->write(queue, dst, data, shunt_tensor_bytes(&source->desc), NULL);
    shunt_status finished = device->ops->queue_finish(queue);
    free(folded);
    release(plan, source->source == VALUE_FOLDED ? plan->graph->folds[source->fold].weights : value);
    return status == SHUNT_OK ? finished : status;
}

/* Zeros, then every part in its place. */
static shunt_status write_flat(graph_plan *plan, int device_index, shunt_value flat, shunt_bbuffer *buffer)
{
    const shunt_device *device = plan->executor->devices[device_index];
    const uint64_t bytes = shunt_tensor_bytes(&plan->graph->values[flat].desc);
    shunt_status status =
        device->ops->fill(plan->executor->queues[device_index], (shunt_arg){buffer, 0}, 0, bytes, NULL);
    for (uint32_t v = 0; status == SHUNT_OK && v < plan->graph->nvalues; v++) {
        const graph_value *part = &plan->graph->values[v];
        if (part->flat == flat)
            status =
                write_value(plan, device_index, (shunt_value)v, part->desc.dtype, (shunt_arg){buffer, part->flat_at});
    }
    return status;
}

static shunt_status upload(graph_plan *plan, int device_index, shunt_value value, uint8_t dtype, shunt_bbuffer **out)
{
    const shunt_device *device = plan->executor->devices[device_index];
    const graph_value *source = &plan->graph->values[value];
    const uint64_t bytes = shunt_tensor_count(&source->desc) * shunt_dtype_bytes(dtype);
    shunt_bbuffer *buffer = NULL;
    shunt_status status = device->ops->buffer_alloc(device->handle, bytes, SHUNT_USE_WEIGHTS, &buffer);
    if (status == SHUNT_OK)
        status = source->source == VALUE_FLAT ? write_flat(plan, device_index, value, buffer)
                                              : write_value(plan, device_index, value, dtype, (shunt_arg){buffer, 0});
    if (status != SHUNT_OK) {
        device_fail(device, status, "uploading a parameter");
        device->ops->queue_finish(plan->executor->queues[device_index]);
        device->ops->buffer_free(device->handle, buffer);
        return status;
    }
    *out = buffer;
    return SHUNT_OK;
}

/* Replaces the plain *buffer by its packed form. */
static shunt_status pack(graph_plan *plan, const plan_step *step, uint32_t input, shunt_bbuffer **buffer)
{
    const shunt_device *device = plan->executor->devices[step->device];
    shunt_bqueue *queue = plan->executor->queues[step->device];
    if (!device->ops->op_pack)
        return error_fail(SHUNT_E_ABI, "%s: asks for packed weights, but has no op_pack", device->entry.selector);
    shunt_bbuffer *packed = NULL;
    shunt_status status =
        device->ops->buffer_alloc(device->handle, step->info.packed_bytes[input], SHUNT_USE_WEIGHTS, &packed);
    if (status == SHUNT_OK)
        status = device->ops->op_pack(step->op, queue, input, (shunt_arg){*buffer, 0}, (shunt_arg){packed, 0});
    if (status == SHUNT_OK) status = device->ops->queue_finish(queue);
    if (status != SHUNT_OK) {
        device_fail(device, status, "packing a parameter");
        device->ops->queue_finish(queue);
        device->ops->buffer_free(device->handle, packed);
        return status;
    }
    device->ops->buffer_free(device->handle, *buffer);
    *buffer = packed;
    return SHUNT_OK;
}

static const parameter_copy *find_copy(const shunt_executor *executor, const parameter_copy *like)
{
    for (uint32_t i = 0; i < executor->nparameters; i++) {
        const parameter_copy *have = &executor->parameters[i];
        if (have->value == like->value && have->device == like->device && have->dtype == like->dtype &&
            have->packed_for == like->packed_for && have->bytes == like->bytes && !strcmp(have->format, like->format))
            return have;
    }
    return NULL;
}

/* The copy that `wanted` describes, found or made: plain, then packed as the step needs it. */
static shunt_status place(graph_plan *plan, const parameter_copy *wanted, const plan_step *step, uint32_t input,
                          shunt_arg *out)
{
    shunt_executor *executor = plan->executor;
    parameter_copy copy = *wanted;
    const parameter_copy *have = find_copy(executor, wanted);
    if (have) {
        *out = (shunt_arg){have->buffer, 0};
        return SHUNT_OK;
    }
    if (!graph_room(&executor->parameters, &executor->parameters_room, executor->nparameters, sizeof copy))
        return error_memory();
    shunt_status status = upload(plan, copy.device, copy.value, copy.dtype, &copy.buffer);
    if (status == SHUNT_OK && copy.format[0]) status = pack(plan, step, input, &copy.buffer);
    if (status != SHUNT_OK) {
        const shunt_device *device = executor->devices[copy.device];
        if (copy.buffer) device->ops->buffer_free(device->handle, copy.buffer);
        return status;
    }
    executor->parameters[executor->nparameters++] = copy;
    *out = (shunt_arg){copy.buffer, 0};
    return SHUNT_OK;
}

static parameter_copy plain_copy(const shunt_graph *graph, shunt_value value, uint8_t device)
{
    const shunt_tensor_desc *desc = &graph->values[value].desc;
    return (parameter_copy){.value = value, .device = device, .dtype = desc->dtype, .bytes = shunt_tensor_bytes(desc)};
}

/* A parameter that is stored in 16 bits, or that the op multiplies by in 16 bits, must fit. */
static shunt_status check_rounded(const graph_plan *plan, const plan_step *step, uint32_t input, shunt_value value)
{
    const uint8_t data = shunt_op_data_type(&step->desc), stored = step->desc.inputs[input].dtype;
    const uint8_t narrowest = shunt_op_rounds_input(&step->desc, input) ? data : stored;
    const graph_value *source = &plan->graph->values[value];
    if (shunt_dtype_bytes(narrowest) != 2 || source->desc.dtype != SHUNT_F32) return SHUNT_OK;
    const bool is_folded = source->source == VALUE_FOLDED;
    float *folded;
    const void *whole = whole_data(plan, value, &folded);
    if (!whole) return error_memory();
    const char *name = is_folded ? plan->graph->values[plan->graph->folds[source->fold].weights].name : source->name;
    shunt_status status = check_range(name, whole, shunt_tensor_count(&source->desc), narrowest);
    free(folded);
    return status;
}

shunt_status parameter_place(graph_plan *plan, const plan_step *step, uint32_t input, shunt_arg *out)
{
    shunt_value value = plan->values[step->inputs[input]].source;
    const shunt_tensor_desc *desc = &step->desc.inputs[input];
    parameter_copy wanted = plain_copy(plan->graph, value, step->device);
    if (wanted.dtype != desc->dtype) {
        wanted.dtype = desc->dtype;
        wanted.bytes = shunt_tensor_bytes(desc);
    }
    shunt_status status = check_rounded(plan, step, input, value);
    if (status != SHUNT_OK) return status;
    if (step->info.packed_bytes[input]) {
        wanted.bytes = step->info.packed_bytes[input];
        wanted.packed_for = shunt_op_data_type(&step->desc);
        memcpy(wanted.format, step->info.packed_format, sizeof wanted.format);
    }
    return place(plan, &wanted, step, input, out);
}

shunt_status parameter_place_state(graph_plan *plan, shunt_value value, shunt_arg *out)
{
    parameter_copy wanted = plain_copy(plan->graph, value, PLAN_MAIN);
    return place(plan, &wanted, NULL, 0, out);
}

bool parameter_state(const shunt_executor *executor, shunt_value value, shunt_arg *out)
{
    const graph_value *part = &executor->graph->values[value];
    const bool own = part->flat == SHUNT_NO_VALUE;
    const parameter_copy wanted = plain_copy(executor->graph, own ? value : part->flat, PLAN_MAIN);
    const parameter_copy *have = find_copy(executor, &wanted);
    if (have) *out = (shunt_arg){have->buffer, own ? 0 : part->flat_at};
    return have;
}

void parameters_free(shunt_executor *executor)
{
    for (uint32_t i = 0; i < executor->nparameters; i++) {
        const shunt_device *device = executor->devices[executor->parameters[i].device];
        device->ops->buffer_free(device->handle, executor->parameters[i].buffer);
    }
    free(executor->parameters);
    executor->parameters = NULL;
    executor->nparameters = executor->parameters_room = 0;
}
