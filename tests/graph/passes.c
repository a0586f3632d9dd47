/* passes.c - folding and fusing: a graph computes the same before and after, evaluated here in double precision by the
 * formulas of backend.h; and it does with as few ops as it should. */
#include "runtime/graph/graph.h"
#include "runtime/base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The oracle: every value of a graph as doubles ------------------------------------------------------------- */

static size_t count(const shunt_graph *graph, shunt_value value)
{
    return (size_t)shunt_tensor_count(&graph->values[value].desc);
}

static double *fresh(const shunt_graph *graph, shunt_value value)
{
    const graph_value *v = &graph->values[value];
    double *data = calloc(count(graph, value), sizeof *data);
    uint64_t key = random_key(v->name, 0);
    for (size_t i = 0; i < count(graph, value) && v->source != VALUE_COMPUTED; i++) {
        double u = random_at(key, i);
        data[i] = v->source == VALUE_PARAMETER && v->role == SHUNT_ROLE_VARIANCE ? 0.5 + u : 2 * u - 1;
    }
    return data;
}

static void evaluate_conv(const shunt_op_desc *d, double *const *in, double *dst)
{
    const shunt_conv_attr *a = &d->attr.conv;
    const int64_t *s = d->inputs[0].dims, *w = d->inputs[1].dims, *o = d->outputs[0].dims;
    int64_t group = o[1] / a->groups, i = 0;
    for (int64_t n = 0; n < o[0]; n++)
        for (int64_t k = 0; k < o[1]; k++)
            for (int64_t p = 0; p < o[2]; p++)
                for (int64_t q = 0; q < o[3]; q++, i++) {
                    uint32_t next = 2;
                    double sum = d->flags & SHUNT_FLAG_BIAS ? in[next++][k] : 0;
                    if (d->flags & SHUNT_FLAG_RESIDUAL) sum += in[next][i];
                    for (int64_t c = 0; c < w[1]; c++)
                        for (int64_t r = 0; r < w[2]; r++)
                            for (int64_t t = 0; t < w[3]; t++) {
                                int64_t y = p * a->stride[0] - a->pad_before[0] + r * a->dilation[0];
                                int64_t x = q * a->stride[1] - a->pad_before[1] + t * a->dilation[1];
                                if (y < 0 || y >= s[2] || x < 0 || x >= s[3]) continue;
                                int64_t channel = k / group * w[1] + c;
                                sum += in[0][((n * s[1] + channel) * s[2] + y) * s[3] + x] *
                                       in[1][((k * w[1] + c) * w[2] + r) * w[3] + t];
                            }
                    dst[i] = sum;
                }
}

static void evaluate_op(const shunt_op_desc *d, double *const *in, double *dst)
{
    size_t n = (size_t)shunt_tensor_count(&d->outputs[0]);
    if (d->kind == SHUNT_OP_CONV) evaluate_conv(d, in, dst);
    const int64_t *dims = d->inputs[0].dims;
    size_t inner = (size_t)(shunt_tensor_count(&d->inputs[0]) / (uint64_t)(dims[0] * dims[1]));
    for (size_t i = 0; i < n; i++) {
        size_t c = i / inner % (size_t)dims[1];
        if (d->kind == SHUNT_OP_BATCH_NORM)
            dst[i] = (in[0][i] - in[3][c]) / sqrt(in[4][c] + (double)d->attr.batch_norm.epsilon) * in[1][c] + in[2][c] +
                     (d->flags & SHUNT_FLAG_RESIDUAL ? in[5][i] : 0);
        else if (d->kind == SHUNT_OP_ADD)
            dst[i] = in[0][i] + in[1][i];
        else if (d->kind == SHUNT_OP_RELU)
            dst[i] = in[0][i];
        else
            cr_assert_eq(d->kind, SHUNT_OP_CONV, "the test does not know this op");
        if ((d->flags & SHUNT_FLAG_RELU || d->kind == SHUNT_OP_RELU) && dst[i] < 0) dst[i] = 0;
    }
}

static void evaluate_fold(const shunt_graph *graph, const graph_fold *f, double **values)
{
    size_t channels = count(graph, f->scale), row = count(graph, f->weights) / channels;
    for (size_t k = 0; k < channels; k++) {
        double factor = values[f->scale][k] / sqrt(values[f->variance][k] + (double)f->epsilon);
        double bias = f->bias == SHUNT_NO_VALUE ? 0 : values[f->bias][k];
        for (size_t i = 0; i < row; i++)
            values[f->folded_weights][k * row + i] = values[f->weights][k * row + i] * factor;
        values[f->folded_bias][k] = (bias - values[f->mean][k]) * factor + values[f->shift][k];
    }
}

/* All values, to be freed with free_values. Checks the order on the way. */
static double **evaluate(const shunt_graph *graph)
{
    double **values = calloc(graph->nvalues, sizeof *values);
    for (uint32_t i = 0; i < graph->nvalues; i++) values[i] = fresh(graph, (shunt_value)i);
    for (uint32_t i = 0; i < graph->nfolds; i++) evaluate_fold(graph, &graph->folds[i], values);
    for (uint32_t i = 0; i < graph->nops; i++) {
        const graph_op *op = &graph->ops[i];
        shunt_op_desc desc;
        double *in[SHUNT_MAX_INPUTS] = {0};
        shunt_tensor_desc dst[SHUNT_MAX_OUTPUTS];
        uint32_t noutputs;
        char reason[128];
        graph_op_desc(graph, op, &desc);
        cr_assert_eq(graph_infer_op(&desc, dst, &noutputs, reason), SHUNT_OK, "%s: %s", op->name, reason);
        cr_assert(noutputs == 1 && !memcmp(dst, desc.outputs, sizeof dst[0]));
        cr_assert_eq(graph->values[op->outputs[0]].producer, (int32_t)i);
        for (uint32_t k = 0; k < op->ninputs; k++) {
            const graph_value *value = &graph->values[op->inputs[k]];
            if (value->source == VALUE_COMPUTED)
                cr_assert(value->producer >= 0 && value->producer < (int32_t)i, "%s runs too early", op->name);
            in[k] = values[op->inputs[k]];
        }
        evaluate_op(&desc, in, values[op->outputs[0]]);
    }
    return values;
}

static void free_values(const shunt_graph *graph, double **values)
{
    for (uint32_t i = 0; i < graph->nvalues; i++) free(values[i]);
    free(values);
}

/* ---- Comparing ------------------------------------------------------------------------------------------------- */

typedef struct refusal {
    uint32_t kind, flags; /* ops of this kind with any of these flags are not liked */
    bool without;         /* nor is the kind without them */
} refusal;

static bool likes(void *context, const shunt_op_desc *desc)
{
    const refusal *r = context;
    return desc->kind != r->kind || !(r->without || desc->flags & r->flags);
}

/* Destroys the graph. labels: the ops expected in the end, "conv+bias+relu conv+bias". */
static void expect_same(shunt_graph *graph, refusal *dislike, const char *labels)
{
    cr_assert_eq(shunt_graph_check(graph), SHUNT_OK, "%s", shunt_last_error());
    shunt_graph *changed;
    cr_assert_eq(shunt_graph_copy(graph, &changed), SHUNT_OK);
    cr_assert_eq(graph_fold_batch_norms(changed), SHUNT_OK);
    cr_assert_eq(graph_fuse(changed, dislike ? likes : NULL, dislike), SHUNT_OK);
    double **before = evaluate(graph), **after = evaluate(changed);
    cr_assert_eq(graph->noutputs, changed->noutputs);
    for (uint32_t i = 0; i < graph->noutputs; i++) {
        shunt_value value = graph->outputs[i].value;
        cr_assert_eq(changed->outputs[i].value, value);
        cr_assert_str_eq(changed->outputs[i].name, graph->outputs[i].name);
        for (size_t k = 0; k < count(graph, value); k++)
            cr_assert(fabs(before[value][k] - after[value][k]) <= 1e-12 * (1 + fabs(before[value][k])),
                      "output %u, element %zu: %g became %g", i, k, before[value][k], after[value][k]);
    }
    char text[512] = "", label[64];
    for (uint32_t i = 0; i < changed->nops; i++) {
        if (i) strcat(text, " ");
        strcat(text, op_label(changed->ops[i].kind, changed->ops[i].flags, label, sizeof label));
    }
    cr_expect_str_eq(text, labels);
    free_values(graph, before);
    free_values(changed, after);
    shunt_graph_destroy(changed);
    shunt_graph_destroy(graph);
}

static shunt_graph *start(shunt_value *x)
{
    shunt_graph *graph = shunt_graph_create();
    *x = shunt_graph_input(graph, "x", 4, (int64_t[]){2, 4, 5, 6});
    return graph;
}

static shunt_value conv_norm(shunt_graph *graph, const char *conv, const char *norm, shunt_value src)
{
    return shunt_graph_batch_norm(graph, norm, shunt_graph_conv(graph, conv, src, 4, 3, 1, 1, 0), 1e-5f);
}

/* ---- Graphs ---------------------------------------------------------------------------------------------------- */

/* A basic block, its projection built first, as the models do it. */
static shunt_graph *block(void)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_value shortcut = conv_norm(graph, "downsample.0", "downsample.1", x);
    shunt_value y = shunt_graph_relu(graph, "relu1", conv_norm(graph, "conv1", "bn1", x));
    y = conv_norm(graph, "conv2", "bn2", y);
    y = shunt_graph_relu(graph, "relu2", shunt_graph_add(graph, "add", y, shortcut));
    shunt_graph_output(graph, "y", y);
    return graph;
}

Test(passes, a_residual_block_becomes_three_convolutions)
{
    expect_same(block(), NULL, "conv+bias conv+bias+relu conv+bias+add+relu");
}

Test(passes, a_device_that_adds_no_residual_gets_its_relu_with_the_addition)
{
    refusal dislike = {SHUNT_OP_CONV, SHUNT_FLAG_RESIDUAL, false};
    expect_same(block(), &dislike, "conv+bias conv+bias+relu conv+bias add+relu");
}

Test(passes, a_device_that_fuses_nothing)
{
    refusal dislike = {SHUNT_OP_CONV, SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU, false};
    expect_same(block(), &dislike, "conv+bias conv+bias relu conv+bias add+relu");
}

Test(passes, what_runs_elsewhere_anyway_is_fused)
{
    refusal dislike = {SHUNT_OP_CONV, 0, true};
    expect_same(block(), &dislike, "conv+bias conv+bias+relu conv+bias+add+relu");
}

Test(passes, the_later_operand_takes_the_addition_on_either_side)
{
    for (int side = 0; side < 2; side++) {
        shunt_value x;
        shunt_graph *graph = start(&x);
        shunt_value first = shunt_graph_conv(graph, "first", x, 4, 3, 1, 1, 1);
        shunt_value later = shunt_graph_conv(graph, "later", x, 4, 1, 1, 0, 1);
        shunt_graph_output(graph, "y", shunt_graph_add(graph, "add", side ? first : later, side ? later : first));
        expect_same(graph, NULL, "conv+bias conv+bias+add");
    }
}

/* The convolution stands before what would be its residual. */
Test(passes, a_residual_that_comes_too_late_is_added_by_itself)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_value conv = shunt_graph_conv(graph, "conv", x, 4, 3, 1, 1, 0);
    shunt_value relu = shunt_graph_relu(graph, "relu", x);
    shunt_graph_output(graph, "y", shunt_graph_add(graph, "add", conv, relu));
    expect_same(graph, NULL, "conv relu add");
}

Test(passes, a_chain_of_additions_takes_one_residual_each)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_value a = shunt_graph_conv(graph, "a", x, 4, 3, 1, 1, 0);
    shunt_value sum = shunt_graph_add(graph, "sum1", a, x);
    shunt_value b = shunt_graph_conv(graph, "b", sum, 4, 3, 1, 1, 0);
    sum = shunt_graph_add(graph, "sum2", sum, b);
    shunt_graph_output(graph, "y", shunt_graph_add(graph, "sum3", x, sum));
    expect_same(graph, NULL, "conv+add conv+add add");
}

Test(passes, outputs_in_the_middle_and_values_read_twice_stay)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_value conv = shunt_graph_conv(graph, "conv1", x, 4, 3, 1, 1, 1);
    shunt_value norm = shunt_graph_batch_norm(graph, "bn1", conv, 1e-5f);
    shunt_value relu = shunt_graph_relu(graph, "relu1", norm);
    shunt_graph_output(graph, "conv", conv); /* hinders the fold */
    shunt_graph_output(graph, "norm", norm); /* hinders the ReLU */
    shunt_value twice = conv_norm(graph, "conv2", "bn2", relu);
    shunt_value y = shunt_graph_add(graph, "add", twice, twice); /* not its own residual */
    shunt_graph_output(graph, "y", shunt_graph_relu(graph, "relu2", y));
    shunt_graph_output(graph, "again", relu);
    shunt_graph_output(graph, "input", x);
    expect_same(graph, NULL, "conv+bias batch_norm relu conv+bias add+relu");
}

Test(passes, batch_norms_that_have_no_convolution_stay_and_take_their_relu)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_value y = shunt_graph_batch_norm(graph, "bn0", x, 1e-3f); /* pre-activation nets have it */
    y = shunt_graph_relu(graph, "relu0", y);
    y = shunt_graph_relu(graph, "conv", shunt_graph_conv(graph, "conv", y, 4, 3, 1, 1, 0));
    y = shunt_graph_batch_norm(graph, "bn1", y, 1e-3f); /* behind a ReLU: not the convolution's */
    y = shunt_graph_batch_norm(graph, "bn2", y, 1e-3f);
    shunt_graph_output(graph, "y", y);
    expect_same(graph, NULL, "batch_norm+relu conv+relu batch_norm batch_norm");
}

Test(passes, a_batch_norm_that_stays_takes_the_residual)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_value y = shunt_graph_relu(graph, "relu0", shunt_graph_conv(graph, "conv", x, 4, 3, 1, 1, 0));
    y = shunt_graph_add(graph, "add", shunt_graph_batch_norm(graph, "bn", y, 1e-3f), x);
    shunt_graph_output(graph, "y", shunt_graph_relu(graph, "relu1", y));
    expect_same(graph, NULL, "conv+relu batch_norm+add+relu");
}

Test(passes, the_second_of_two_batch_norms_stays)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_value y = conv_norm(graph, "conv", "bn1", x);
    shunt_graph_output(graph, "y", shunt_graph_batch_norm(graph, "bn2", y, 1e-5f));
    expect_same(graph, NULL, "conv+bias batch_norm");
}

Test(passes, grouped_convolutions_with_bias_and_shared_weights_fold)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_op_attr attr = {.conv = {.stride = {2, 1}, .dilation = {1, 2}, .pad_before = {0, 1}, .groups = 2}};
    shunt_value in[] = {x, shunt_graph_parameter(graph, "w", SHUNT_ROLE_WEIGHT, 4, (int64_t[]){6, 2, 2, 3}),
                        shunt_graph_parameter(graph, "b", SHUNT_ROLE_BIAS, 1, (int64_t[]){6})};
    shunt_value a = shunt_graph_op(graph, "a", SHUNT_OP_CONV, SHUNT_FLAG_BIAS, &attr, 3, in);
    shunt_value b = shunt_graph_op(graph, "b", SHUNT_OP_CONV, SHUNT_FLAG_BIAS, &attr, 3, in);
    a = shunt_graph_batch_norm(graph, "bn1", a, 1e-5f);
    b = shunt_graph_batch_norm(graph, "bn2", b, 1e-5f);
    shunt_graph_output(graph, "sum", shunt_graph_add(graph, "add", a, b));
    expect_same(graph, NULL, "conv+bias conv+bias+add");
}

/* Weights that are computed at each run cannot be folded beforehand. */
Test(passes, weights_from_outside_do_not_fold)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_op_attr attr = {.conv = {.stride = {1, 1}, .dilation = {1, 1}, .groups = 1}};
    shunt_value in[] = {x, shunt_graph_input(graph, "w", 4, (int64_t[]){3, 4, 1, 1})};
    shunt_value y = shunt_graph_op(graph, "conv", SHUNT_OP_CONV, 0, &attr, 2, in);
    shunt_graph_output(graph, "y", shunt_graph_batch_norm(graph, "bn", y, 1e-5f));
    expect_same(graph, NULL, "conv batch_norm");
}

Test(passes, a_graph_without_ops)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_graph_output(graph, "same", x);
    expect_same(graph, NULL, "");
    expect_same(shunt_graph_create(), NULL, "");
}
