/* trial.c - see trial.h. Every tensor has a slot: a device buffer with guard bytes before and after it. */
#include "runtime/device/trial.h"
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Floats and doubles of NAN_BYTE are NaN, so what is read around an input, or in dst, shows in the result. What is written
 * has GUARD around it: a NaN that is read past an input and written past dst shall not look as if nothing happened. */
enum { NAN_BYTE = 0xff, GUARD = 0xa5, TAIL_BYTES = 512, SLOTS = 2 * SHUNT_MAX_INPUTS + 2 * SHUNT_MAX_OUTPUTS + 1 };

typedef struct slot {
    const char *role;
    uint64_t offset, bytes, total;
    unsigned char guard;           /* what is around it */
    const unsigned char *contents; /* what it must hold after a launch; NULL: the op writes it */
    unsigned char *kept;           /* the same, our own */
    shunt_bbuffer *buffer;
} slot;

struct tune_trial {
    const shunt_device *device;
    shunt_op_desc desc;
    shunt_bqueue *queue;
    shunt_bop *op;
    shunt_op_info info;
    slot slots[SLOTS];
    uint32_t nslots;
    slot *dst[SHUNT_MAX_OUTPUTS];
    slot *src[SHUNT_MAX_INPUTS]; /* before packing */
    shunt_arg inputs[SHUNT_MAX_INPUTS], outputs[SHUNT_MAX_OUTPUTS], workspace;
    uint32_t ahead;   /* bit i: input i may be packed before each launch */
    shunt_bop *packs; /* what does that; NULL: nothing */
    shunt_bop *sums;  /* what makes an output from its parts behind each launch; NULL: nothing */
};

static shunt_status check(const tune_trial *trial, shunt_status status, const char *what)
{
    return status == SHUNT_OK ? SHUNT_OK : device_fail(trial->device, status, what);
}

static shunt_arg argument(const slot *at)
{
    return (shunt_arg){.buffer = at->buffer, .offset = at->offset};
}

static shunt_status fill(tune_trial *trial, shunt_arg at, unsigned char byte, uint64_t bytes)
{
    uint32_t word = byte * UINT32_C(0x01010101);
    if (bytes < 4) return SHUNT_OK;
    return check(trial, trial->device->ops->fill(trial->queue, at, word, bytes / 4 * 4, NULL), "filling a tensor");
}

/* A slot of `bytes` bytes with these contents, or to be written (NULL), on the device. */
static shunt_status add_slot(tune_trial *trial, const char *role, uint32_t usage, uint64_t bytes, const void *contents,
                             slot **out)
{
    const shunt_device_ops *ops = trial->device->ops;
    slot *made = &trial->slots[trial->nslots];
    *made = (slot){.role = role, .bytes = bytes, .guard = contents ? NAN_BYTE : GUARD, .contents = contents};
    made->offset = (2 * trial->nslots + 3) * (uint64_t)trial->device->entry.info.alignment;
    made->total = (made->offset + bytes + TAIL_BYTES + 3) / 4 * 4;
    shunt_status status = check(trial, ops->buffer_alloc(trial->device->handle, made->total, usage, &made->buffer),
                                "allocating a tensor");
    if (status != SHUNT_OK) return status;
    trial->nslots++;
    status = fill(trial, (shunt_arg){.buffer = made->buffer}, made->guard, made->total);
    if (status == SHUNT_OK && contents)
        status = check(trial, ops->write(trial->queue, argument(made), contents, bytes, NULL), "writing a tensor");
    else if (status == SHUNT_OK)
        status = fill(trial, argument(made), NAN_BYTE, bytes);
    *out = made;
    return status;
}

/* Reads the slot with its guards into memory to be freed, and checks them. */
static shunt_status read_slot(tune_trial *trial, const slot *at, unsigned char **out)
{
    const shunt_device_ops *ops = trial->device->ops;
    unsigned char *now = malloc(at->total);
    if (!now) return error_memory();
    shunt_status status =
        check(trial, ops->read(trial->queue, now, (shunt_arg){.buffer = at->buffer}, at->total, NULL), "reading");
    shunt_status finished = check(trial, ops->queue_finish(trial->queue), "reading");
    if (status == SHUNT_OK) status = finished;
    for (uint64_t i = 0; status == SHUNT_OK && i < at->total; i++) {
        bool own = i >= at->offset && i - at->offset < at->bytes;
        if (own && !at->contents) {
            i = at->offset + at->bytes - 1;
            continue;
        }
        if (now[i] != (own ? at->contents[i - at->offset] : at->guard))
            status = error_fail(SHUNT_E_ABI, "%s: the op changed byte %lld of %s, which has %llu bytes",
                                trial->device->entry.selector, (long long)(i - at->offset), at->role,
                                (unsigned long long)at->bytes);
    }
    if (status != SHUNT_OK) {
        free(now);
        return status;
    }
    *out = now;
    return SHUNT_OK;
}

/* The weights that are not constant. */
static uint32_t changing_weights(const shunt_op_desc *desc)
{
    uint32_t inputs = 0;
    for (uint32_t i = 0; i < desc->ninputs; i++)
        if (shunt_op_rounds_input(desc, i) && !(desc->constant_inputs >> i & 1)) inputs |= 1u << i;
    return inputs;
}

static shunt_status prepare(tune_trial *trial, const trial_options *options)
{
    const shunt_device_ops *ops = trial->device->ops;
    trial->ahead = options->ahead && ops->packs_prepare ? changing_weights(&trial->desc) : 0;
    shunt_prepare_options wanted = {.size = sizeof wanted,
                                    .algorithm = options->algorithm,
                                    .params = options->params,
                                    .memory_limit = options->memory_limit,
                                    .ahead_inputs = trial->ahead,
                                    .later_outputs = options->ahead && ops->sums_prepare ? UINT32_MAX : 0};
    shunt_status status = ops->op_prepare(trial->device->handle, &trial->desc, &wanted, &trial->op);
    if (status != SHUNT_OK) {
        trial->op = NULL;
        return check(trial, status, "preparing");
    }
    return device_op_info(trial->device, trial->op, &trial->info);
}

static shunt_status add_scratch(tune_trial *trial, const char *role, uint64_t bytes, shunt_arg *out)
{
    slot *made;
    shunt_status status = add_slot(trial, role, SHUNT_USE_SCRATCH, bytes, NULL, &made);
    if (status == SHUNT_OK) *out = argument(made);
    return status;
}

/* Replaces the plain input in trial->inputs[i] by memory into which each launch packs it. An op has one such input. */
static shunt_status pack_ahead(tune_trial *trial, uint32_t i)
{
    shunt_joint pack = {.op = trial->op, .operand = i, .src = trial->inputs[i]};
    shunt_status status = add_scratch(trial, "a packed input", trial->info.packed_bytes[i], &pack.dst);
    if (status != SHUNT_OK) return status;
    trial->inputs[i] = pack.dst;
    status = trial->device->ops->packs_prepare(trial->device->handle, &pack, 1, &trial->packs);
    if (status != SHUNT_OK) trial->packs = NULL;
    return check(trial, status, "packing");
}

/* Replaces the memory in trial->outputs[i] by that of its parts, which each launch then adds up there. An op has one such output. */
static shunt_status sum_later(tune_trial *trial, uint32_t i)
{
    shunt_joint sum = {.op = trial->op, .operand = i, .dst = trial->outputs[i]};
    shunt_status status = add_scratch(trial, "parts of an output", trial->info.parts_bytes[i], &sum.src);
    if (status != SHUNT_OK) return status;
    trial->outputs[i] = sum.src;
    status = trial->device->ops->sums_prepare(trial->device->handle, &sum, 1, &trial->sums);
    if (status != SHUNT_OK) trial->sums = NULL;
    return check(trial, status, "adding up");
}

/* Replaces the plain input in trial->inputs[i] by its packed form, which no launch may change any more. */
static shunt_status pack(tune_trial *trial, uint32_t i)
{
    const shunt_device_ops *ops = trial->device->ops;
    if (!(trial->desc.constant_inputs >> i & 1) || !ops->op_pack)
        return error_fail(SHUNT_E_ABI, "%s: input %u needs packing, but %s", trial->device->entry.selector, i,
                          ops->op_pack ? "is not constant" : "there is no op_pack");
    slot *packed;
    unsigned char *whole;
    shunt_status status =
        add_slot(trial, "a packed input", SHUNT_USE_WEIGHTS, trial->info.packed_bytes[i], NULL, &packed);
    if (status == SHUNT_OK)
        status = check(trial, ops->op_pack(trial->op, trial->queue, i, trial->inputs[i], argument(packed)), "packing");
    if (status == SHUNT_OK) status = read_slot(trial, packed, &whole);
    if (status != SHUNT_OK) return status;
    packed->kept = whole;
    packed->contents = whole + packed->offset;
    trial->inputs[i] = argument(packed);
    return SHUNT_OK;
}

/* The output that lies in the memory of input i, or -1. */
static int output_in(const shunt_op_desc *desc, int i, int inplace)
{
    int replaced = (int)op_replaced(desc->kind);
    if (op_overwrites(desc->kind)) replaced = 1;
    if (replaced) return i < replaced ? i : -1;
    return i == inplace ? 0 : -1;
}

static shunt_status place(tune_trial *trial, int inplace, const void *const *inputs)
{
    const shunt_op_desc *desc = &trial->desc;
    slot *made;
    for (uint32_t i = 0; i < desc->ninputs; i++) {
        uint32_t usage = desc->constant_inputs >> i & 1 ? SHUNT_USE_WEIGHTS : SHUNT_USE_ACTIVATION;
        shunt_status status =
            add_slot(trial, "an input", usage, shunt_tensor_bytes(&desc->inputs[i]), inputs[i], &made);
        if (status != SHUNT_OK) return status;
        trial->inputs[i] = argument(made);
        trial->src[i] = made;
        int output = output_in(desc, (int)i, inplace);
        if (output >= 0) {
            made->contents = NULL;
            made->role = "an output";
            trial->dst[output] = made;
        }
        if (trial->info.packed_bytes[i]) status = trial->ahead >> i & 1 ? pack_ahead(trial, i) : pack(trial, i);
        if (status != SHUNT_OK) return status;
    }
    for (uint32_t i = 0; i < desc->noutputs; i++) {
        uint64_t bytes = shunt_tensor_bytes(&desc->outputs[i]);
        shunt_status status =
            trial->dst[i] ? SHUNT_OK : add_slot(trial, "an output", SHUNT_USE_ACTIVATION, bytes, NULL, &trial->dst[i]);
        if (status != SHUNT_OK) return status;
        trial->outputs[i] = argument(trial->dst[i]);
        if (trial->info.parts_bytes[i]) status = sum_later(trial, i);
        if (status != SHUNT_OK) return status;
    }
    return trial->info.workspace ? add_scratch(trial, "the workspace", trial->info.workspace, &trial->workspace)
                                 : SHUNT_OK;
}

shunt_status trial_begin(const shunt_device *device, const shunt_op_desc *desc, const trial_options *options,
                         const void *const *inputs, tune_trial **out)
{
    tune_trial *trial = calloc(1, sizeof *trial);
    if (!trial) return error_memory();
    trial->device = device;
    trial->desc = *desc;
    shunt_status status = device->ops->queue_create(device->handle, 0, &trial->queue);
    if (status != SHUNT_OK) trial->queue = NULL;
    status = check(trial, status, "making a queue");
    if (status == SHUNT_OK) status = prepare(trial, options);
    if (status == SHUNT_OK) status = place(trial, options->inplace, inputs);
    if (status == SHUNT_OK) status = trial_finish(trial);
    if (status != SHUNT_OK) {
        trial_end(trial);
        return status;
    }
    *out = trial;
    return SHUNT_OK;
}

void trial_end(tune_trial *trial)
{
    if (!trial) return;
    const shunt_device *device = trial->device;
    if (trial->queue) device->ops->queue_finish(trial->queue);
    if (trial->packs) device->ops->op_destroy(trial->packs);
    if (trial->sums) device->ops->op_destroy(trial->sums);
    if (trial->op) device->ops->op_destroy(trial->op);
    for (uint32_t i = 0; i < trial->nslots; i++) {
        device->ops->buffer_free(device->handle, trial->slots[i].buffer);
        free(trial->slots[i].kept);
    }
    if (trial->queue) device->ops->queue_destroy(device->handle, trial->queue);
    free(trial);
}

const shunt_op_info *trial_info(const tune_trial *trial)
{
    return &trial->info;
}

shunt_status trial_refill(tune_trial *trial, const void *const *inputs)
{
    const shunt_device_ops *ops = trial->device->ops;
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; i < trial->desc.noutputs && status == SHUNT_OK; i++)
        status = fill(trial, argument(trial->dst[i]), NAN_BYTE, trial->dst[i]->bytes);
    for (uint32_t i = 0; i < trial->desc.ninputs && status == SHUNT_OK; i++) {
        slot *at = trial->src[i];
        if (trial->desc.constant_inputs >> i & 1) continue;
        if (at->contents) at->contents = inputs[i];
        status = check(trial, ops->write(trial->queue, argument(at), inputs[i], at->bytes, NULL), "writing a tensor");
    }
    shunt_status finished = trial_finish(trial);
    return status == SHUNT_OK ? finished : status;
}

shunt_status trial_launch(tune_trial *trial)
{
    const shunt_device_ops *ops = trial->device->ops;
    shunt_status status = SHUNT_OK;
    if (trial->packs) status = ops->op_launch(trial->packs, trial->queue, NULL, NULL, (shunt_arg){0}, NULL);
    if (status == SHUNT_OK)
        status = ops->op_launch(trial->op, trial->queue, trial->inputs, trial->outputs, trial->workspace, NULL);
    if (status == SHUNT_OK && trial->sums)
        status = ops->op_launch(trial->sums, trial->queue, NULL, NULL, (shunt_arg){0}, NULL);
    return check(trial, status, "running");
}

shunt_status trial_finish(tune_trial *trial)
{
    return check(trial, trial->device->ops->queue_finish(trial->queue), "running");
}

shunt_status trial_read(tune_trial *trial, void *const *outputs)
{
    for (uint32_t s = 0; s < trial->nslots; s++) {
        const slot *at = &trial->slots[s];
        unsigned char *now;
        shunt_status status = read_slot(trial, at, &now);
        if (status != SHUNT_OK) return status;
        for (uint32_t i = 0; i < trial->desc.noutputs; i++)
            if (trial->dst[i] == at) memcpy(outputs[i], now + at->offset, at->bytes);
        free(now);
    }
    return SHUNT_OK;
}

shunt_status trial_once(const shunt_device *device, const shunt_op_desc *desc, const void *const *inputs,
                        void *const *outputs)
{
    tune_trial *trial;
    trial_options options = {.inplace = TRIAL_NOT_IN_PLACE};
    shunt_status status = trial_begin(device, desc, &options, inputs, &trial);
    if (status != SHUNT_OK) return status;
    status = trial_launch(trial);
    if (status == SHUNT_OK) status = trial_finish(trial);
    if (status == SHUNT_OK) status = trial_read(trial, outputs);
    trial_end(trial);
    return status;
}
