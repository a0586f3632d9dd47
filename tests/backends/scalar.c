/* scalar.c - what of the scalar backend is not arithmetic: parameters, refusals with their reasons, transfers and events,
 * launches with bad arguments, and that results do not depend on the number of threads. */
#include "runtime/device/device.h"
#include "runtime/base/random.h"
#include "runtime/device/trial.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

static shunt_device *open_scalar(const char *params)
{
    shunt_device *device = NULL;
    cr_assert_eq(shunt_device_open("scalar", params, &device), SHUNT_OK, "%s", shunt_last_error());
    return device;
}

static shunt_tensor_desc tensor(uint32_t rank, int64_t n, int64_t c, int64_t h, int64_t w)
{
    shunt_tensor_desc made = {.dtype = SHUNT_F32, .rank = (uint8_t)rank, .block = SHUNT_PLAIN};
    int64_t dims[4] = {n, c, h, w};
    memcpy(made.dims, dims, rank * sizeof *dims);
    return made;
}

/* 3x3, padding 1, of 2 images 40x9x9 to 24 channels, with bias. */
static shunt_op_desc conv(void)
{
    shunt_op_desc op = {.kind = SHUNT_OP_CONV, .flags = SHUNT_FLAG_BIAS, .ninputs = 3, .noutputs = 1};
    op.inputs[0] = tensor(4, 2, 40, 9, 9);
    op.inputs[1] = tensor(4, 24, 40, 3, 3);
    op.inputs[2] = tensor(1, 24, 0, 0, 0);
    op.outputs[0] = tensor(4, 2, 24, 9, 9);
    op.attr.conv = (shunt_conv_attr){{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1};
    return op;
}

static shunt_op_desc pool(void)
{
    shunt_op_desc op = {.kind = SHUNT_OP_MAX_POOL, .ninputs = 1, .noutputs = 1};
    op.inputs[0] = tensor(4, 1, 3, 8, 8);
    op.outputs[0] = tensor(4, 1, 3, 4, 4);
    op.attr.pool = (shunt_pool_attr){{3, 3}, {2, 2}, {1, 1}, {1, 1}, 0};
    return op;
}

/* That of conv() by src, with a residual and a mask. */
static shunt_op_desc conv_grad_src(void)
{
    shunt_op_desc forward = conv(), op = forward;
    op.kind = SHUNT_OP_CONV_GRAD_SRC;
    op.flags = SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU;
    op.ninputs = 4;
    op.inputs[0] = forward.inputs[1];
    op.inputs[1] = forward.outputs[0];
    op.inputs[2] = op.inputs[3] = op.outputs[0] = forward.inputs[0];
    return op;
}

/* The same by weights and bias. */
static shunt_op_desc conv_grad_weights(void)
{
    shunt_op_desc forward = conv(), op = forward;
    op.kind = SHUNT_OP_CONV_GRAD_WEIGHTS;
    op.ninputs = op.noutputs = 2;
    op.inputs[1] = forward.outputs[0];
    op.outputs[0] = forward.inputs[1];
    op.outputs[1] = forward.inputs[2];
    return op;
}

static shunt_op_desc cross_entropy(void)
{
    shunt_op_desc op = {.kind = SHUNT_OP_CROSS_ENTROPY, .ninputs = 2, .noutputs = 2};
    op.inputs[0] = op.outputs[1] = tensor(2, 3, 10, 0, 0);
    op.inputs[1] = op.outputs[0] = tensor(1, 3, 0, 0, 0);
    return op;
}

static shunt_op_desc focal_loss(void)
{
    shunt_op_desc op = {.kind = SHUNT_OP_FOCAL_LOSS, .ninputs = 3, .noutputs = 2};
    op.inputs[0] = op.outputs[1] = tensor(3, 2, 4, 5, 0);
    op.inputs[1] = op.inputs[2] = op.outputs[0] = tensor(3, 2, 1, 5, 0);
    return op;
}

static shunt_op_desc smooth_l1(void)
{
    shunt_op_desc op = {.kind = SHUNT_OP_SMOOTH_L1, .ninputs = 3, .noutputs = 2};
    op.inputs[0] = op.inputs[1] = op.outputs[1] = tensor(3, 2, 4, 5, 0);
    op.inputs[2] = op.outputs[0] = tensor(3, 2, 1, 5, 0);
    return op;
}

static shunt_op_desc sgd(void)
{
    shunt_op_desc op = {.kind = SHUNT_OP_SGD, .ninputs = 4, .noutputs = 2};
    op.inputs[0] = op.inputs[1] = op.inputs[2] = op.outputs[0] = op.outputs[1] = tensor(2, 10, 64, 0, 0);
    op.inputs[3] = tensor(1, 1, 0, 0, 0);
    return op;
}

Test(scalar, describes_itself)
{
    shunt_device *device = open_scalar(NULL);
    const shunt_device_info *info = &device->entry.info;
    cr_assert_str_eq(device->entry.selector, "scalar");
    cr_assert_eq(info->type, SHUNT_DEVICE_CPU);
    cr_assert_eq(info->score, 10);
    cr_assert_eq(info->caps, SHUNT_CAP_HOST_MEMORY);
    cr_assert_eq(info->block, SHUNT_PLAIN);
    cr_assert_eq(info->alignment, ALIGNMENT);
    cr_assert_gt(info->memory, UINT64_C(1) << 24);
    cr_assert_geq(info->memory, info->max_alloc);
    cr_assert(strstr(info->driver, "GCC") || strstr(info->driver, "lang"), "%s", info->driver);
    shunt_device_close(device);
}

Test(scalar, checks_device_parameters)
{
    static const char *const bad[] = {"threads=0", "threads=", "threads=-1", "threads=2x", "threads=99999", "fast=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        shunt_device *device = NULL;
        cr_assert_eq(shunt_device_open("scalar", bad[i], &device), SHUNT_E_INVALID, "%s", bad[i]);
        cr_assert_not_null(strstr(shunt_last_error(), bad[i]), "%s", shunt_last_error());
        cr_assert_null(device);
    }
    shunt_device_close(open_scalar("threads=3"));
    shunt_device_close(open_scalar(""));
}

Test(scalar, refuses_another_abi)
{
    shunt_host host = device_host_services;
    cr_assert_not_null(device_builtin_backends[0](&host));
    host.abi_major++;
    cr_assert_null(device_builtin_backends[0](&host));
}

/* What one change makes of a good descriptor: a status, and a reason that has this in it. */
static void expect_refusal(const shunt_op_desc *op, shunt_status expected, const char *part)
{
    shunt_device *device = open_scalar(NULL);
    shunt_op_candidates found = {.size = sizeof found};
    cr_assert_eq(device->ops->op_query(device->handle, op, &found), expected, "query: %s", part);
    cr_assert_not_null(strstr(found.list[0].reason, part), "\"%s\" is not in \"%s\"", part, found.list[0].reason);
    shunt_bop *made = NULL;
    cr_assert_eq(device->ops->op_prepare(device->handle, op, NULL, &made), expected, "prepare: %s", part);
    cr_assert_not_null(strstr(device->backend->last_error(), part), "%s", device->backend->last_error());
    cr_assert_null(made);
    shunt_device_close(device);
}

#define REFUSED(base, change, status, part)                                                                            \
    do {                                                                                                               \
        shunt_op_desc op = base();                                                                                     \
        op.change;                                                                                                     \
        expect_refusal(&op, status, part);                                                                             \
    } while (0)

Test(scalar, refuses_what_it_does_not_know)
{
    REFUSED(conv, kind = 0, SHUNT_E_UNSUPPORTED, "kind 0");
    REFUSED(conv, kind = SHUNT_OP_KINDS, SHUNT_E_UNSUPPORTED, "kind");
    REFUSED(conv, kind = UINT32_MAX, SHUNT_E_UNSUPPORTED, "kind");
    REFUSED(conv, flags |= 1u << 20, SHUNT_E_UNSUPPORTED, "flags 0x100000");
    REFUSED(pool, flags = SHUNT_FLAG_RELU, SHUNT_E_UNSUPPORTED, "flags 0x4");
    REFUSED(conv, inputs[0].dtype = SHUNT_I32, SHUNT_E_UNSUPPORTED, "dtype 3");
    REFUSED(conv, inputs[1].dtype = SHUNT_F64, SHUNT_E_UNSUPPORTED, "input 1 has dtype 2");
    REFUSED(conv, inputs[0].block = 8, SHUNT_E_UNSUPPORTED, "input 0 has channel block 8");
    REFUSED(conv, outputs[0].block = SHUNT_CHANNELS_LAST, SHUNT_E_UNSUPPORTED, "output 0 has channel block 0");
}

Test(scalar, refuses_descriptors_that_contradict_themselves)
{
    REFUSED(conv, ninputs = 2, SHUNT_E_INVALID, "3 inputs");
    REFUSED(conv, noutputs = 0, SHUNT_E_INVALID, "1 output");
    REFUSED(conv, inputs[0].rank = 3, SHUNT_E_INVALID, "src has rank 3");
    REFUSED(conv, inputs[0].rank = 200, SHUNT_E_INVALID, "rank 200");
    REFUSED(conv, inputs[0].dims[2] = 0, SHUNT_E_INVALID, "dim 2 is 0");
    REFUSED(conv, inputs[0].dims[0] = -1, SHUNT_E_INVALID, "dim 0 is -1");
    REFUSED(conv, inputs[0].dims[3] = INT64_MAX, SHUNT_E_UNSUPPORTED, "too large");
    REFUSED(conv, inputs[1].dims[1] = 20, SHUNT_E_INVALID, "weights is 24x20x3x3, not 24x40x3x3");
    REFUSED(conv, inputs[2].dims[0] = 23, SHUNT_E_INVALID, "bias is 23, not 24");
    REFUSED(conv, outputs[0].dims[3] = 8, SHUNT_E_INVALID, "dst is 2x24x9x8, not 2x24x9x9");
    REFUSED(conv, attr.conv.groups = 7, SHUNT_E_INVALID, "7 groups");
    REFUSED(conv, attr.conv.groups = 0, SHUNT_E_INVALID, "0 groups");
    REFUSED(conv, attr.conv.stride[1] = 0, SHUNT_E_INVALID, "stride 0");
    REFUSED(conv, attr.conv.dilation[0] = -2, SHUNT_E_INVALID, "dilation -2");
    REFUSED(conv, attr.conv.pad_after[0] = -1, SHUNT_E_INVALID, "negative padding");
    REFUSED(conv, attr.conv.dilation[0] = INT32_MAX, SHUNT_E_INVALID, "does not fit");
    REFUSED(pool, attr.pool.window[0] = 0, SHUNT_E_INVALID, "window of 0");
    REFUSED(pool, attr.pool.pad_before[1] = 3, SHUNT_E_INVALID, "wholly in the padding");
    REFUSED(pool, attr.pool.pad_after[1] = 4, SHUNT_E_INVALID, "wholly in the padding");
}

Test(scalar, refuses_training_ops_that_contradict_themselves)
{
    REFUSED(conv_grad_src, flags = SHUNT_FLAG_BIAS, SHUNT_E_UNSUPPORTED, "flags 0x1");
    REFUSED(conv_grad_src, flags = SHUNT_FLAG_RELU, SHUNT_E_INVALID, "3 inputs and 1 outputs");
    REFUSED(conv_grad_src, outputs[0].dims[2] = 12, SHUNT_E_INVALID, "dst is 2x24x9x9, not 2x24x12x9");
    REFUSED(conv_grad_src, outputs[0].dims[1] = 41, SHUNT_E_INVALID, "not 24x41x3x3");
    REFUSED(conv_grad_src, inputs[2].dims[0] = 3, SHUNT_E_INVALID, "residual is 3x40x9x9, not 2x40x9x9");
    REFUSED(conv_grad_src, inputs[3].dims[0] = 3, SHUNT_E_INVALID, "mask is 3x40x9x9, not 2x40x9x9");
    REFUSED(conv_grad_src, attr.conv.stride[1] = 0, SHUNT_E_INVALID, "stride 0");
    REFUSED(conv_grad_weights, noutputs = 1, SHUNT_E_INVALID, "2 inputs and 2 outputs");
    REFUSED(conv_grad_weights, flags = 0, SHUNT_E_INVALID, "2 inputs and 1 outputs");
    REFUSED(conv_grad_weights, outputs[0].block = 8, SHUNT_E_UNSUPPORTED, "output 0 has channel block 8");
    REFUSED(conv_grad_weights, outputs[1].dims[0] = 23, SHUNT_E_INVALID, "diff_bias is 23, not 24");
    REFUSED(conv_grad_weights, outputs[1].dtype = SHUNT_F64, SHUNT_E_UNSUPPORTED, "output 1 has dtype 2");
    REFUSED(cross_entropy, attr.cross_entropy.smoothing = 1.5f, SHUNT_E_INVALID, "smoothing is 1.5");
    REFUSED(cross_entropy, inputs[1].dims[0] = 4, SHUNT_E_INVALID, "labels is 4, not 3");
    REFUSED(focal_loss, attr.focal_loss.alpha = 1.5f, SHUNT_E_INVALID, "alpha is 1.5");
    REFUSED(focal_loss, attr.focal_loss.gamma = -1, SHUNT_E_INVALID, "gamma -1");
    REFUSED(focal_loss, inputs[1].dims[1] = 4, SHUNT_E_INVALID, "labels is 2x4x5, not 2x1x5");
    REFUSED(focal_loss, inputs[0] = tensor(1, 8, 0, 0, 0), SHUNT_E_INVALID, "rank 1 has no channels");
    REFUSED(smooth_l1, attr.smooth_l1.beta = NAN, SHUNT_E_INVALID, "beta is nan");
    REFUSED(smooth_l1, inputs[1].dims[2] = 4, SHUNT_E_INVALID, "target is 2x4x4, not 2x4x5");
    REFUSED(smooth_l1, inputs[2].dims[0] = 1, SHUNT_E_INVALID, "weights is 1x1x5, not 2x1x5");
    REFUSED(sgd, inputs[3] = tensor(0, 0, 0, 0, 0), SHUNT_E_INVALID, "rate is a scalar, not 1");
    REFUSED(sgd, outputs[1].dims[0] = 9, SHUNT_E_INVALID, "velocity is 9x64, not 10x64");
}

/* Labels are what a data set said: one that is no class must not read outside the row, and must not go unseen. */
Test(scalar, cross_entropy_of_no_class_is_nan)
{
    static const float labels[] = {10, -1, NAN};
    shunt_device *device = open_scalar(NULL);
    shunt_op_desc op = cross_entropy();
    float logits[30] = {0}, losses[3], diff[30];
    cr_assert_eq(trial_once(device, &op, (const void *[]){logits, labels}, (void *[]){losses, diff}), SHUNT_OK, "%s",
                 shunt_last_error());
    for (int i = 0; i < 3; i++) cr_assert(isnan(losses[i]), "row %d", i);
    for (int i = 0; i < 30; i++) cr_assert(isnan(diff[i]), "element %d", i);
    shunt_device_close(device);
}

Test(scalar, refuses_unknown_algorithms)
{
    shunt_device *device = open_scalar(NULL);
    shunt_op_desc op = conv();
    shunt_bop *made = NULL;
    shunt_prepare_options options = {.size = sizeof options, .algorithm = "winograd4"};
    cr_assert_eq(device->ops->op_prepare(device->handle, &op, &options, &made), SHUNT_E_UNSUPPORTED);
    cr_assert_not_null(strstr(device->backend->last_error(), "winograd4"));
    options = (shunt_prepare_options){.size = sizeof options, .algorithm = "direct", .params = "m=6"};
    cr_assert_eq(device->ops->op_prepare(device->handle, &op, &options, &made), SHUNT_E_UNSUPPORTED);
    cr_assert_not_null(strstr(device->backend->last_error(), "m=6"));
    shunt_device_close(device);
}

Test(scalar, tells_what_an_op_needs)
{
    shunt_device *device = open_scalar(NULL);
    shunt_op_desc op = conv();
    shunt_bop *made;
    shunt_op_info info = {.size = sizeof info};
    cr_assert_eq(device->ops->op_prepare(device->handle, &op, NULL, &made), SHUNT_OK);
    cr_assert_eq(device->ops->op_info(made, &info), SHUNT_OK);
    cr_assert_str_eq(info.algorithm, "direct");
    cr_assert_eq(info.workspace, 0);
    cr_assert_eq(info.inplace_inputs, 0);
    device->ops->op_destroy(made);
    shunt_device_close(device);
}

Test(scalar, moves_bytes)
{
    shunt_device *device = open_scalar(NULL);
    const shunt_device_ops *ops = device->ops;
    shunt_bqueue *queue;
    shunt_bbuffer *buffer;
    unsigned char out[256], in[256];
    for (int i = 0; i < 256; i++) in[i] = (unsigned char)i;
    cr_assert_eq(ops->queue_create(device->handle, 0, &queue), SHUNT_OK);
    cr_assert_eq(ops->buffer_alloc(device->handle, 5 * ALIGNMENT, SHUNT_USE_ACTIVATION, &buffer), SHUNT_OK);
    cr_assert_eq(ops->write(queue, (shunt_arg){buffer, ALIGNMENT}, in, 256, NULL), SHUNT_OK);
    cr_assert_eq(ops->copy(queue, (shunt_arg){buffer, 0}, (shunt_arg){buffer, ALIGNMENT}, 256, NULL), SHUNT_OK);
    cr_assert_eq(ops->fill(queue, (shunt_arg){buffer, 3 * ALIGNMENT}, 0x04030201, 8, NULL), SHUNT_OK);
    cr_assert_eq(ops->read(queue, out, (shunt_arg){buffer, 0}, 256, NULL), SHUNT_OK);
    cr_assert_eq(ops->queue_finish(queue), SHUNT_OK);
    for (int i = 0; i < 256; i++) {
        int filled = i - 3 * ALIGNMENT;
        cr_assert_eq(out[i], filled >= 0 && filled < 8 ? filled % 4 + 1 : i, "byte %d is %d", i, out[i]);
    }
    void *host;
    cr_assert_eq(ops->buffer_map(device->handle, buffer, &host), SHUNT_OK);
    cr_assert_eq((uintptr_t)host % ALIGNMENT, 0);
    cr_assert_arr_eq(host, out, 256);
    ops->buffer_unmap(device->handle, buffer);
    ops->buffer_free(device->handle, buffer);
    ops->buffer_free(device->handle, NULL);
    ops->queue_destroy(device->handle, queue);
    shunt_device_close(device);
}

Test(scalar, refuses_bytes_outside_a_buffer)
{
    shunt_device *device = open_scalar(NULL);
    const shunt_device_ops *ops = device->ops;
    shunt_bqueue *queue;
    shunt_bbuffer *buffer = NULL;
    char bytes[512] = {0};
    shunt_bevent *event = NULL;
    cr_assert_eq(ops->queue_create(device->handle, 1, &queue), SHUNT_OK);
    cr_assert_eq(ops->buffer_alloc(device->handle, 0, SHUNT_USE_SCRATCH, &buffer), SHUNT_E_INVALID);
    cr_assert_eq(ops->buffer_alloc(device->handle, UINT64_MAX, SHUNT_USE_SCRATCH, &buffer), SHUNT_E_MEMORY);
    cr_assert_eq(ops->buffer_alloc(device->handle, UINT64_C(1) << 62, SHUNT_USE_SCRATCH, &buffer), SHUNT_E_MEMORY);
    cr_assert_eq(ops->buffer_alloc(device->handle, 256, SHUNT_USE_SCRATCH, &buffer), SHUNT_OK);
    shunt_arg start = {buffer, 0}, odd = {buffer, 4}, past = {buffer, 320}, none = {NULL, 0};
    cr_assert_eq(ops->write(queue, start, bytes, 257, &event), SHUNT_E_INVALID);
    cr_assert_not_null(strstr(device->backend->last_error(), "257"));
    cr_assert_eq(ops->write(queue, odd, bytes, 4, &event), SHUNT_E_INVALID);
    cr_assert_eq(ops->read(queue, bytes, past, 1, &event), SHUNT_E_INVALID);
    cr_assert_eq(ops->read(queue, bytes, (shunt_arg){buffer, 64}, UINT64_MAX - 32, &event), SHUNT_E_INVALID);
    cr_assert_eq(ops->copy(queue, start, none, 4, &event), SHUNT_E_INVALID);
    cr_assert_eq(ops->fill(queue, start, 0, 6, &event), SHUNT_E_INVALID);
    cr_assert_null(event);
    ops->buffer_free(device->handle, buffer);
    ops->queue_destroy(device->handle, queue);
    shunt_device_close(device);
}

Test(scalar, events_tell_their_times_in_order)
{
    shunt_device *device = open_scalar(NULL);
    const shunt_device_ops *ops = device->ops;
    for (int profiling = 0; profiling < 2; profiling++) {
        shunt_bqueue *queue, *other;
        shunt_bbuffer *buffer;
        shunt_bevent *first, *second;
        cr_assert_eq(ops->queue_create(device->handle, profiling, &queue), SHUNT_OK);
        cr_assert_eq(ops->queue_create(device->handle, 0, &other), SHUNT_OK);
        cr_assert_eq(ops->buffer_alloc(device->handle, 1 << 20, SHUNT_USE_ACTIVATION, &buffer), SHUNT_OK);
        shunt_arg all = {buffer, 0};
        cr_assert_eq(ops->fill(queue, all, 0, 1 << 20, &first), SHUNT_OK);
        cr_assert_eq(ops->fill(queue, all, 1, 1 << 20, &second), SHUNT_OK);
        cr_assert_eq(ops->queue_wait(other, second), SHUNT_OK);
        cr_assert_eq(ops->queue_flush(queue), SHUNT_OK);
        cr_assert_eq(ops->event_wait(first), SHUNT_OK);
        uint64_t a = 0, b = 0, c = 0, d = 0;
        shunt_status expected = profiling ? SHUNT_OK : SHUNT_E_UNSUPPORTED;
        cr_assert_eq(ops->event_time(first, &a, &b), expected);
        cr_assert_eq(ops->event_time(second, &c, &d), expected);
        if (profiling) cr_assert(a < b && b <= c && c < d);
        ops->event_release(first);
        ops->event_release(second);
        ops->buffer_free(device->handle, buffer);
        ops->queue_destroy(device->handle, queue);
        ops->queue_destroy(device->handle, other);
    }
    shunt_device_close(device);
}

/* Buffers of a conv's three inputs and its output, inputs drawn; out: where dst lies in host memory. */
static void place_conv(shunt_device *device, const shunt_op_desc *op, shunt_arg *args, float **dst)
{
    for (uint32_t i = 0; i < 4; i++) {
        const shunt_tensor_desc *t = i < 3 ? &op->inputs[i] : &op->outputs[0];
        void *host;
        args[i].offset = (3 + 2 * i) * ALIGNMENT;
        shunt_status status = device->ops->buffer_alloc(device->handle, args[i].offset + shunt_tensor_bytes(t),
                                                        SHUNT_USE_ACTIVATION, &args[i].buffer);
        cr_assert_eq(status, SHUNT_OK);
        cr_assert_eq(device->ops->buffer_map(device->handle, args[i].buffer, &host), SHUNT_OK);
        *dst = (float *)((char *)host + args[i].offset);
        for (uint64_t j = 0; j < shunt_tensor_count(t); j++) (*dst)[j] = (float)random_at(i, j) - 0.5f;
    }
}

static void launch_conv(const char *params, float *result)
{
    shunt_device *device = open_scalar(params);
    const shunt_device_ops *ops = device->ops;
    shunt_op_desc op = conv();
    shunt_bqueue *queue;
    shunt_bop *made;
    shunt_arg args[4];
    float *dst;
    cr_assert_eq(ops->queue_create(device->handle, 0, &queue), SHUNT_OK);
    cr_assert_eq(ops->op_prepare(device->handle, &op, NULL, &made), SHUNT_OK);
    place_conv(device, &op, args, &dst);
    cr_assert_eq(ops->op_launch(made, queue, args, &args[3], (shunt_arg){0}, NULL), SHUNT_OK);
    memcpy(result, dst, shunt_tensor_bytes(&op.outputs[0]));
    for (int i = 0; i < 4; i++) ops->buffer_free(device->handle, args[i].buffer);
    ops->op_destroy(made);
    ops->queue_destroy(device->handle, queue);
    shunt_device_close(device);
}

Test(scalar, gives_the_same_bits_with_any_number_of_threads)
{
    enum { COUNT = 2 * 24 * 9 * 9 };
    static float one[COUNT], many[COUNT];
    launch_conv("threads=1", one);
    launch_conv("threads=5", many);
    cr_assert_arr_eq(one, many, sizeof one);
}

Test(scalar, launch_checks_its_arguments_before_it_writes)
{
    shunt_device *device = open_scalar(NULL);
    const shunt_device_ops *ops = device->ops;
    shunt_op_desc op = conv();
    shunt_bqueue *queue;
    shunt_bop *made;
    shunt_arg args[4], bad[4];
    float *dst;
    cr_assert_eq(ops->queue_create(device->handle, 0, &queue), SHUNT_OK);
    cr_assert_eq(ops->op_prepare(device->handle, &op, NULL, &made), SHUNT_OK);
    place_conv(device, &op, args, &dst);
    float before = dst[0];
    for (int i = 0; i < 4; i++) {
        for (int how = 0; how < 3; how++) {
            memcpy(bad, args, sizeof bad);
            if (how == 0) bad[i].buffer = NULL;
            if (how == 1) bad[i].offset += 4;
            if (how == 2) bad[i].offset += ALIGNMENT;
            shunt_status status = ops->op_launch(made, queue, bad, &bad[3], (shunt_arg){0}, NULL);
            cr_assert_eq(status, SHUNT_E_INVALID, "argument %d, %d", i, how);
            cr_assert_not_null(strstr(device->backend->last_error(), i < 3 ? "input" : "output"));
        }
    }
    cr_assert_eq(dst[0], before);
    for (int i = 0; i < 4; i++) ops->buffer_free(device->handle, args[i].buffer);
    ops->op_destroy(made);
    ops->queue_destroy(device->handle, queue);
    shunt_device_close(device);
}

/* 1x1, of one pixel with two channels, with bias; data in float16. */
static uint16_t conv_in_f16(float a, float b, const float weights[2], float bias)
{
    shunt_device *device = open_scalar(NULL);
    shunt_op_desc op = {.kind = SHUNT_OP_CONV, .flags = SHUNT_FLAG_BIAS, .ninputs = 3, .noutputs = 1};
    op.inputs[0] = tensor(4, 1, 2, 1, 1);
    op.inputs[1] = tensor(4, 1, 2, 1, 1);
    op.inputs[2] = tensor(1, 1, 0, 0, 0);
    op.outputs[0] = tensor(4, 1, 1, 1, 1);
    op.inputs[0].dtype = op.outputs[0].dtype = SHUNT_F16;
    op.attr.conv = (shunt_conv_attr){{1, 1}, {1, 1}, {0, 0}, {0, 0}, 1};
    uint16_t src[2] = {shunt_to_f16(a), shunt_to_f16(b)}, dst = 0;
    cr_assert_eq(trial_once(device, &op, (const void *[]){src, weights, &bias}, (void *[]){&dst}), SHUNT_OK, "%s",
                 shunt_last_error());
    shunt_device_close(device);
    return dst;
}

/* A half's last place at 1 is 2^-10. */
Test(scalar, data_in_16_bits_are_rounded_once)
{
    const float weights[] = {1 + 0x1p-12f, 0x1p-11f}; /* rounded: 1 and 2^-11 */
    cr_assert_eq(conv_in_f16(1, 1, weights, 0), 0x3c00, "the middle goes to the even neighbour");
    cr_assert_eq(conv_in_f16(1, 1, weights, 0x1p-20f), 0x3c01, "the bias is added before the sum is rounded");
    cr_assert_eq(conv_in_f16(1, 2, weights, -0x1p-12f), 0x3c01, "1 + 2^-10 - 2^-12");
    const float large[] = {300, 0};
    cr_assert_eq(conv_in_f16(300, 1, large, 0), 0x7c00, "90000 is infinite");
    cr_assert_eq(conv_in_f16(-300, 1, large, 0), 0xfc00);
    cr_assert_eq(conv_in_f16(NAN, 1, large, 0) & 0x7fff, 0x7e00);
}

Test(scalar, refuses_types_that_do_not_fit_together)
{
    REFUSED(conv, inputs[0].dtype = SHUNT_F16, SHUNT_E_UNSUPPORTED, "output 0 has dtype 1, not 4");
    REFUSED(conv, outputs[0].dtype = SHUNT_BF16, SHUNT_E_UNSUPPORTED, "output 0 has dtype 5, not 1");
    REFUSED(conv, inputs[1].dtype = SHUNT_F16, SHUNT_E_UNSUPPORTED, "input 1 has dtype 4, not 1");
    REFUSED(cross_entropy, inputs[0].dtype = SHUNT_F16, SHUNT_E_UNSUPPORTED, "input 0 has dtype 4, not 1");
    REFUSED(sgd, inputs[2].dtype = SHUNT_BF16, SHUNT_E_UNSUPPORTED, "input 2 has dtype 5, not 1");
}

static void *fail_elsewhere(void *context)
{
    shunt_device *device = context;
    shunt_bbuffer *buffer;
    return device->ops->buffer_alloc(device->handle, 0, 0, &buffer) == SHUNT_E_INVALID ? device : NULL;
}

Test(scalar, messages_belong_to_their_thread)
{
    shunt_device *device = open_scalar(NULL);
    shunt_op_desc op = conv();
    op.kind = 77;
    shunt_bop *made;
    pthread_t thread;
    void *failed;
    cr_assert_eq(device->ops->op_prepare(device->handle, &op, NULL, &made), SHUNT_E_UNSUPPORTED);
    cr_assert_eq(pthread_create(&thread, NULL, fail_elsewhere, device), 0);
    cr_assert_eq(pthread_join(thread, &failed), 0);
    cr_assert_eq(failed, device);
    cr_assert_not_null(strstr(device->backend->last_error(), "kind 77"));
    shunt_device_close(device);
}
