/* gradients.c - every gradient op of the scalar backend in float64 against central differences: the loss is a sum over the
 * forward op's own result, weighted by diff_dst, and each output must be its derivative by the tensor that it stands for,
 * element by element and along a random direction. Kinks of ReLU and maximum are kept out of reach of the steps. And what
 * training asks of sums: they are accurate over a whole batch, and have the same bits with any number of threads. */
#include "runtime/graph/graph.h"
#include "runtime/base/random.h"
#include "runtime/verify/draw.h"
#include "runtime/verify/layout.h"
#include "runtime/verify/run.h"
#include "tests/support/op_runner.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 12, ELEMENTS = 10, MOST = 1500, MOST_NORM = 240 };
static const double STEP = 2e-4, CLEAR = 5e-3; /* no kink is nearer than that */
static const double TOLERANCE = 1e-7;

typedef struct problem problem;

/* variables[o]: the input that output o is the gradient by; OWN: a tensor that the op does not read; NONE: no gradient. */
enum { OWN = -1, NONE = -2 };
typedef struct rule {
    uint32_t kind;
    double (*loss)(const problem *p);
    int variables[SHUNT_MAX_OUTPUTS];
} rule;

/* A drawn gradient op with its inputs. dst has room for what the forward op makes. */
struct problem {
    const rule *rule;
    shunt_device *device;
    shunt_op_desc grad;
    uint64_t index;
    double *in[SHUNT_MAX_INPUTS], *out[SHUNT_MAX_OUTPUTS], *own[SHUNT_MAX_OUTPUTS], *variables[SHUNT_MAX_OUTPUTS], *dst;
};

static double *doubles(const shunt_tensor_desc *tensor)
{
    double *made = calloc(shunt_tensor_count(tensor), sizeof *made);
    cr_assert_not_null(made);
    return made;
}

/* In [-1, 1). */
static void draw(double *values, uint64_t count, const char *name, uint64_t index)
{
    for (uint64_t i = 0; i < count; i++) values[i] = 2 * random_at(random_key(name, index), i) - 1;
}

static void run(const problem *p, const shunt_op_desc *op, const double *const *inputs, double *const *outputs)
{
    op_variant best = {.inplace = OP_NOT_IN_PLACE};
    shunt_status status = op_run(p->device, op, &best, inputs, outputs, NULL);
    cr_assert_eq(status, SHUNT_OK, "%s %llu: %s", op_kind_name(p->grad.kind), (unsigned long long)p->index,
                 shunt_last_error());
}

/* Runs the forward op into p->dst. */
static void run_forward(const problem *p, uint32_t kind, uint32_t flags, uint32_t ninputs,
                        const shunt_tensor_desc *const *descs, const double *const *inputs,
                        const shunt_tensor_desc *dst)
{
    shunt_op_desc op = {.kind = kind, .flags = flags, .ninputs = ninputs, .noutputs = 1, .attr = p->grad.attr};
    for (uint32_t i = 0; i < ninputs; i++) op.inputs[i] = *descs[i];
    op.outputs[0] = *dst;
    run(p, &op, inputs, (double *[]){p->dst});
}

static double weighted(const double *values, const double *weights, const shunt_tensor_desc *tensor)
{
    double sum = 0;
    for (uint64_t i = 0; i < shunt_tensor_count(tensor); i++) sum += values[i] * weights[i];
    return sum;
}

/* ---- What each gradient is the gradient of -------------------------------------------------------------- */

static double relu_loss(const problem *p)
{
    const shunt_tensor_desc *x = &p->grad.inputs[0];
    run_forward(p, SHUNT_OP_RELU, 0, 1, &x, (const double *[]){p->variables[0]}, x);
    return weighted(p->dst, p->in[1], x);
}

static double sigmoid_loss(const problem *p)
{
    const shunt_tensor_desc *x = &p->grad.inputs[0];
    run_forward(p, SHUNT_OP_SIGMOID, 0, 1, &x, (const double *[]){p->variables[0]}, x);
    return weighted(p->dst, p->in[1], x);
}

/* A sum is the gradient by what is repeated. */
static double repeated_loss(const problem *p)
{
    const shunt_tensor_desc *descs[] = {&p->grad.inputs[0], &p->grad.outputs[0]};
    const double *inputs[] = {p->in[0], p->variables[0]};
    double sum = 0;
    run_forward(p, SHUNT_OP_MUL, SHUNT_FLAG_BROADCAST, 2, descs, inputs, &p->grad.inputs[0]);
    for (uint64_t i = 0; i < shunt_tensor_count(&p->grad.inputs[0]); i++) sum += p->dst[i];
    return sum;
}

/* Of conv(src, weights) + a path around it, where src = ReLU(variable) with a mask. */
static double conv_src_loss(const problem *p)
{
    const shunt_op_desc *g = &p->grad;
    const shunt_tensor_desc *descs[] = {&g->outputs[0], &g->inputs[0]};
    uint64_t count = shunt_tensor_count(&g->outputs[0]);
    double *src = doubles(&g->outputs[0]), around = 0;
    for (uint64_t i = 0; i < count; i++) {
        double x = p->variables[0][i];
        src[i] = g->flags & SHUNT_FLAG_RELU && x < 0 ? 0 : x;
        if (g->flags & SHUNT_FLAG_RESIDUAL) around += p->in[2][i] * src[i];
    }
    run_forward(p, SHUNT_OP_CONV, 0, 2, descs, (const double *[]){src, p->in[0]}, &g->inputs[1]);
    free(src);
    return around + weighted(p->dst, p->in[1], &g->inputs[1]);
}

static double linear_src_loss(const problem *p)
{
    const shunt_tensor_desc *descs[] = {&p->grad.outputs[0], &p->grad.inputs[0]};
    const double *inputs[] = {p->variables[0], p->in[0]};
    run_forward(p, SHUNT_OP_LINEAR, 0, 2, descs, inputs, &p->grad.inputs[1]);
    return weighted(p->dst, p->in[1], &p->grad.inputs[1]);
}

/* Of a convolution or a linear layer, by weights and bias. */
static double weights_loss(const problem *p)
{
    const shunt_op_desc *g = &p->grad;
    const shunt_tensor_desc *descs[] = {&g->inputs[0], &g->outputs[0], &g->outputs[1]};
    const double *inputs[] = {p->in[0], p->variables[0], p->variables[1]};
    uint32_t kind = g->kind == SHUNT_OP_CONV_GRAD_WEIGHTS ? SHUNT_OP_CONV : SHUNT_OP_LINEAR;
    run_forward(p, kind, g->flags, 1 + g->noutputs, descs, inputs, &g->inputs[1]);
    return weighted(p->dst, p->in[1], &g->inputs[1]);
}

static double max_pool_loss(const problem *p)
{
    const shunt_tensor_desc *src = &p->grad.inputs[0];
    run_forward(p, SHUNT_OP_MAX_POOL, 0, 1, &src, (const double *[]){p->in[0]}, &p->grad.inputs[1]);
    return weighted(p->dst, p->in[1], &p->grad.inputs[1]);
}

/* Of the kinds whose gradient reads diff_dst only. */
static double linear_kind_loss(const problem *p)
{
    static const uint32_t forward[SHUNT_OP_KINDS] = {[SHUNT_OP_AVG_POOL_GRAD] = SHUNT_OP_AVG_POOL,
                                                     [SHUNT_OP_GLOBAL_POOL_GRAD] = SHUNT_OP_GLOBAL_POOL,
                                                     [SHUNT_OP_SHORTCUT_GRAD] = SHUNT_OP_SHORTCUT,
                                                     [SHUNT_OP_RESIZE_GRAD] = SHUNT_OP_RESIZE};
    const shunt_tensor_desc *src = &p->grad.outputs[0];
    run_forward(p, forward[p->grad.kind], 0, 1, &src, (const double *[]){p->variables[0]}, &p->grad.inputs[0]);
    return weighted(p->dst, p->in[0], &p->grad.inputs[0]);
}

/* The batch's own statistics of inputs[0], into mean and variance. */
static void statistics(const problem *p, double *mean, double *variance)
{
    shunt_op_desc op = {.kind = SHUNT_OP_BATCH_STATISTICS, .ninputs = 1, .noutputs = 2};
    op.inputs[0] = p->grad.inputs[0];
    op.outputs[0] = op.outputs[1] = p->grad.inputs[1];
    run(p, &op, (const double *[]){p->in[0]}, (double *[]){mean, variance});
}

static void run_norm(const problem *p, uint32_t flags)
{
    const shunt_op_desc *g = &p->grad;
    const shunt_tensor_desc *descs[] = {&g->inputs[0], &g->inputs[1], &g->inputs[2], &g->inputs[3], &g->inputs[4]};
    double *mean = doubles(&g->inputs[3]), *variance = doubles(&g->inputs[4]);
    statistics(p, mean, variance);
    const double *inputs[] = {p->in[0], p->in[1], p->in[2], mean, variance};
    run_forward(p, SHUNT_OP_BATCH_NORM, flags, 5, descs, inputs, &g->inputs[5]);
    free(mean);
    free(variance);
}

static double norm_loss(const problem *p)
{
    run_norm(p, p->grad.flags);
    return weighted(p->dst, p->in[5], &p->grad.inputs[5]);
}

static double cross_entropy_loss(const problem *p)
{
    const shunt_tensor_desc *losses = &p->grad.outputs[0];
    double sum = 0, *unused = doubles(&p->grad.outputs[1]);
    run(p, &p->grad, (const double *const *)p->in, (double *[]){p->dst, unused});
    for (int64_t n = 0; n < losses->dims[0]; n++) sum += p->dst[n] / (double)losses->dims[0];
    free(unused);
    return sum;
}

/* Of the kinds that compute their own gradient, which is that of the sum. */
static double own_loss(const problem *p)
{
    double sum = 0, *unused = doubles(&p->grad.outputs[1]);
    run(p, &p->grad, (const double *const *)p->in, (double *[]){p->dst, unused});
    for (uint64_t i = 0; i < shunt_tensor_count(&p->grad.outputs[0]); i++) sum += p->dst[i];
    free(unused);
    return sum;
}

/* ---- Drawing ------------------------------------------------------------------------------------------ */

/* Draws src until no result of the norm is near the kink of its ReLU. */
static void clear_norm(problem *p)
{
    const shunt_tensor_desc *src = &p->grad.inputs[0];
    double nearest = 0;
    for (uint64_t turn = 0; nearest < CLEAR; turn++) {
        cr_assert_lt(turn, 1000u, "no such src");
        draw(p->in[0], shunt_tensor_count(src), "src", p->index + CASES * turn);
        run_norm(p, 0);
        nearest = p->grad.flags & SHUNT_FLAG_RELU ? INFINITY : 1;
        for (uint64_t i = 0; p->grad.flags & SHUNT_FLAG_RELU && i < shunt_tensor_count(src); i++)
            nearest = fmin(nearest, fabs(p->dst[i]));
    }
    statistics(p, p->in[3], p->in[4]);
}

/* Drawn values that are CLEAR of each other, or of zero. */
static void draw_distinct(double *values, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) values[i] = CLEAR * (double)(i * 7919 % count);
}

static void keep_from_zero(double *values, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) values[i] += values[i] < 0 ? -CLEAR : CLEAR;
}

static void clear_kinks(problem *p)
{
    shunt_op_desc *g = &p->grad;
    switch (g->kind) {
    case SHUNT_OP_BATCH_NORM_GRAD:
        clear_norm(p);
        break;
    case SHUNT_OP_MAX_POOL_GRAD:
        draw_distinct(p->in[0], shunt_tensor_count(&g->inputs[0]));
        break;
    case SHUNT_OP_RELU_GRAD:
        keep_from_zero(p->in[0], shunt_tensor_count(&g->inputs[0]));
        break;
    case SHUNT_OP_CONV_GRAD_SRC:
        keep_from_zero(p->own[0], shunt_tensor_count(&g->outputs[0]));
        if (g->flags & SHUNT_FLAG_RELU)
            memcpy(p->in[g->ninputs - 1], p->own[0], shunt_tensor_count(&g->outputs[0]) * sizeof *p->own[0]);
        break;
    case SHUNT_OP_SMOOTH_L1: /* differences of half of beta, or of more than it */
        for (uint64_t i = 0; i < shunt_tensor_count(&g->inputs[0]); i++) {
            const double beta = (double)g->attr.smooth_l1.beta, off = i % 3 && beta > 0 ? beta / 2 : beta + 0.5;
            p->in[1][i] = p->in[0][i] + (i % 2 ? off : -off);
        }
        break;
    case SHUNT_OP_SIGMOID_GRAD: /* no kink, but dst is the variable's */
        for (uint64_t i = 0; i < shunt_tensor_count(&g->inputs[0]); i++) p->in[0][i] = 1 / (1 + exp(-p->own[0][i]));
        break;
    default:
        break;
    }
}

static const rule rules[] = {
    {SHUNT_OP_BATCH_NORM_GRAD, norm_loss, {0, 1, 2}},     {SHUNT_OP_RELU_GRAD, relu_loss, {0}},
    {SHUNT_OP_CONV_GRAD_SRC, conv_src_loss, {OWN}},       {SHUNT_OP_CONV_GRAD_WEIGHTS, weights_loss, {OWN, OWN}},
    {SHUNT_OP_LINEAR_GRAD_SRC, linear_src_loss, {OWN}},   {SHUNT_OP_LINEAR_GRAD_WEIGHTS, weights_loss, {OWN, OWN}},
    {SHUNT_OP_MAX_POOL_GRAD, max_pool_loss, {0}},         {SHUNT_OP_AVG_POOL_GRAD, linear_kind_loss, {OWN}},
    {SHUNT_OP_GLOBAL_POOL_GRAD, linear_kind_loss, {OWN}}, {SHUNT_OP_SHORTCUT_GRAD, linear_kind_loss, {OWN}},
    {SHUNT_OP_RESIZE_GRAD, linear_kind_loss, {OWN}},      {SHUNT_OP_CROSS_ENTROPY, cross_entropy_loss, {NONE, 0}},
    {SHUNT_OP_SIGMOID_GRAD, sigmoid_loss, {OWN}},         {SHUNT_OP_REDUCE_SUM, repeated_loss, {OWN}},
    {SHUNT_OP_FOCAL_LOSS, own_loss, {NONE, 0}},           {SHUNT_OP_SMOOTH_L1, own_loss, {NONE, 0}},
};

/* Large ones only take long; of few elements a batch norm is too steep for differences. */
static bool suits(const shunt_op_desc *op)
{
    uint64_t first = shunt_tensor_count(&op->inputs[0]), result = shunt_tensor_count(&op->outputs[0]);
    if (op->kind != SHUNT_OP_BATCH_NORM_GRAD) return first <= MOST && result <= MOST;
    return first <= MOST_NORM && first / (uint64_t)op->inputs[0].dims[1] >= 8;
}

/* The room for dst: no forward op of these kinds makes more than a tensor of the gradient has, or takes in. */
static uint64_t most_elements(const shunt_op_desc *op)
{
    uint64_t most = 1;
    for (uint32_t i = 0; i < op->ninputs; i++)
        if (shunt_tensor_count(&op->inputs[i]) > most) most = shunt_tensor_count(&op->inputs[i]);
    return most;
}

static void begin(problem *p, const shunt_op_desc *plain)
{
    char name[64];
    p->grad = layout_op(plain, SHUNT_F64, SHUNT_PLAIN, SHUNT_PLAIN);
    snprintf(name, sizeof name, "gradients/%u/%llu", p->rule->kind, (unsigned long long)p->index);
    for (uint32_t i = 0; i < p->grad.ninputs; i++) {
        p->in[i] = doubles(&p->grad.inputs[i]);
        draw_input(&p->grad, name, i, p->in[i]);
    }
    p->dst = calloc(most_elements(&p->grad), sizeof *p->dst);
    cr_assert_not_null(p->dst);
    for (uint32_t o = 0; o < p->grad.noutputs; o++) {
        p->out[o] = doubles(&p->grad.outputs[o]);
        p->own[o] = doubles(&p->grad.outputs[o]);
        draw(p->own[o], shunt_tensor_count(&p->grad.outputs[o]), name, o);
        int variable = p->rule->variables[o];
        p->variables[o] = variable == OWN ? p->own[o] : variable == NONE ? NULL : p->in[variable];
    }
    clear_kinks(p);
    run(p, &p->grad, (const double *const *)p->in, p->out);
}

static void end(problem *p)
{
    for (uint32_t i = 0; i < p->grad.ninputs; i++) free(p->in[i]);
    for (uint32_t o = 0; o < p->grad.noutputs; o++) {
        free(p->out[o]);
        free(p->own[o]);
    }
    free(p->dst);
}

/* The derivative along a direction, by differences whose error is of the fourth order. */
static double slope(problem *p, uint32_t output, const double *direction)
{
    static const double steps[] = {-2, -1, 1, 2}, factors[] = {1, -8, 8, -1};
    uint64_t count = shunt_tensor_count(&p->grad.outputs[output]);
    double *x = p->variables[output], *old = doubles(&p->grad.outputs[output]), sum = 0;
    memcpy(old, x, count * sizeof *x);
    for (int s = 0; s < 4; s++) {
        for (uint64_t i = 0; i < count; i++) x[i] = old[i] + steps[s] * STEP * direction[i];
        sum += factors[s] * p->rule->loss(p);
    }
    memcpy(x, old, count * sizeof *x);
    free(old);
    return sum / (12 * STEP);
}

/* The elements that `direction` names at once. what: for the message. */
static void check_direction(problem *p, uint32_t output, const double *direction, const char *what, uint64_t which)
{
    double expected = slope(p, output, direction), got = 0, size = 0;
    for (uint64_t i = 0; i < shunt_tensor_count(&p->grad.outputs[output]); i++) {
        got += p->out[output][i] * direction[i];
        size += fabs(p->out[output][i] * direction[i]);
    }
    cr_assert(fabs(got - expected) <= TOLERANCE * (1 + size),
              "%s %llu, flags 0x%x, output %u, %s %llu: %.12g, not %.12g", op_kind_name(p->rule->kind),
              (unsigned long long)p->index, p->grad.flags, output, what, (unsigned long long)which, got, expected);
}

static void check_output(problem *p, uint32_t output)
{
    uint64_t count = shunt_tensor_count(&p->grad.outputs[output]), step = count / ELEMENTS + 1;
    double *direction = doubles(&p->grad.outputs[output]);
    for (uint64_t i = p->index % step; i < count; i += step) {
        direction[i] = 1;
        check_direction(p, output, direction, "element", i);
        direction[i] = 0;
    }
    draw(direction, count, "direction", p->index);
    check_direction(p, output, direction, "direction", 0);
    free(direction);
}

Test(gradients, are_central_differences)
{
    shunt_device *device = op_runner_open();
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        problem p = {.rule = &rules[r], .device = device};
        uint64_t drawn = 0;
        for (; p.index < CASES; p.index++) {
            shunt_op_desc plain;
            do {
                draw_op(rules[r].kind, 1, drawn++, &plain);
            } while (!suits(&plain));
            begin(&p, &plain);
            for (uint32_t o = 0; o < p.grad.noutputs; o++)
                if (p.variables[o]) check_output(&p, o);
            end(&p);
        }
    }
    shunt_device_close(device);
}

/* ---- Sums ----------------------------------------------------------------------------------------------- */

static uint64_t most_stored(const shunt_op_desc *op)
{
    uint64_t most = most_elements(op);
    for (uint32_t i = 0; i < op->noutputs; i++)
        if (shunt_tensor_count(&op->outputs[i]) > most) most = shunt_tensor_count(&op->outputs[i]);
    return most;
}

static void run_with(const char *params, const shunt_op_desc *op, double *const *in, double *const *out)
{
    shunt_device *device = NULL;
    op_variant best = {.inplace = OP_NOT_IN_PLACE};
    cr_assert_eq(shunt_device_open("scalar", params, &device), SHUNT_OK, "%s", shunt_last_error());
    shunt_status status = op_run(device, op, &best, (const double *const *)in, out, NULL);
    cr_assert_eq(status, SHUNT_OK, "%s: %s", op_kind_name(op->kind), shunt_last_error());
    shunt_device_close(device);
}

/* Of a kind, one that is large enough for a team of threads. */
static void compare_threads(uint32_t kind)
{
    enum { LARGE = 6000 };
    shunt_op_desc op = {0};
    double *in[SHUNT_MAX_INPUTS], *one[SHUNT_MAX_OUTPUTS], *many[SHUNT_MAX_OUTPUTS];
    for (uint64_t i = 0; most_stored(&op) < LARGE; i++) draw_op(kind, 2, i, &op);
    for (uint32_t i = 0; i < op.ninputs; i++) draw_input(&op, "threads", i, in[i] = doubles(&op.inputs[i]));
    for (uint32_t i = 0; i < op.noutputs; i++) one[i] = doubles(&op.outputs[i]), many[i] = doubles(&op.outputs[i]);
    run_with("threads=1", &op, in, one);
    run_with("threads=5", &op, in, many);
    for (uint32_t i = 0; i < op.noutputs; i++)
        cr_assert_arr_eq(one[i], many[i], shunt_tensor_count(&op.outputs[i]) * sizeof(double), "%s, output %u",
                         op_kind_name(kind), i);
    for (uint32_t i = 0; i < op.ninputs; i++) free(in[i]);
    for (uint32_t i = 0; i < op.noutputs; i++) free(one[i]), free(many[i]);
}

Test(gradients, have_the_same_bits_with_any_number_of_threads)
{
    for (uint32_t kind = SHUNT_OP_BATCH_STATISTICS; kind <= SHUNT_OP_MOVING_AVERAGE; kind++) compare_threads(kind);
}

/* In float32 against float64, of what both have read. Returns the largest difference beside the largest value. */
static double error_of(const shunt_op_desc *op, double *const *in, uint32_t output)
{
    double *narrow[SHUNT_MAX_OUTPUTS], *wide[SHUNT_MAX_OUTPUTS], most = 0, off = 0;
    shunt_op_desc double_op = layout_op(op, SHUNT_F64, SHUNT_PLAIN, SHUNT_PLAIN);
    for (uint32_t i = 0; i < op->noutputs; i++)
        narrow[i] = doubles(&op->outputs[i]), wide[i] = doubles(&op->outputs[i]);
    run_with(NULL, op, in, narrow);
    run_with(NULL, &double_op, in, wide);
    for (uint64_t i = 0; i < shunt_tensor_count(&op->outputs[output]); i++) {
        most = fmax(most, fabs(wide[output][i]));
        off = fmax(off, fabs(wide[output][i] - narrow[output][i]));
    }
    for (uint32_t i = 0; i < op->noutputs; i++) free(narrow[i]), free(wide[i]);
    return off / most;
}

/* Sums of 131,072 elements. Added one by one in float32 the mean of values about 100 is off by 1e-4, and the variance, 1/3,
 * by more than itself where it is a difference of squares. */
Test(gradients, statistics_of_a_batch_are_accurate)
{
    shunt_op_desc op = {.kind = SHUNT_OP_BATCH_STATISTICS, .ninputs = 1, .noutputs = 2};
    shunt_tensor_desc channels = {.dtype = SHUNT_F32, .rank = 1, .block = SHUNT_PLAIN, .dims = {2}};
    op.inputs[0] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {128, 2, 32, 32}};
    op.outputs[0] = op.outputs[1] = channels;
    double *src = doubles(&op.inputs[0]);
    draw_input(&op, "batch", 0, src);
    for (uint64_t i = 0; i < shunt_tensor_count(&op.inputs[0]); i++) src[i] = (double)(float)(src[i] + 100);
    for (uint32_t output = 0; output < 2; output++) cr_assert_lt(error_of(&op, &src, output), 1e-7);
    free(src);
}

/* Products of numbers that are all positive, so that nothing cancels and no error hides behind the size of terms. */
Test(gradients, weights_of_a_batch_are_accurate)
{
    shunt_op_desc op = {.kind = SHUNT_OP_CONV_GRAD_WEIGHTS, .flags = SHUNT_FLAG_BIAS, .ninputs = 2, .noutputs = 2};
    op.attr.conv = (shunt_conv_attr){{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1};
    op.inputs[0] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {64, 2, 32, 32}};
    op.inputs[1] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {64, 3, 32, 32}};
    op.outputs[0] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {3, 2, 3, 3}};
    op.outputs[1] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 1, .block = SHUNT_PLAIN, .dims = {3}};
    double *in[2];
    for (uint32_t i = 0; i < 2; i++) {
        draw_input(&op, "batch", i, in[i] = doubles(&op.inputs[i]));
        for (uint64_t j = 0; j < shunt_tensor_count(&op.inputs[i]); j++) in[i][j] = fabs(in[i][j]);
    }
    for (uint32_t output = 0; output < 2; output++) cr_assert_lt(error_of(&op, in, output), 1e-6);
    for (uint32_t i = 0; i < 2; i++) free(in[i]);
}
