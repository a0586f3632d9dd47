/* graph.c - building graphs: inferred shapes against the closed forms, and every refusal with its reason. */
#include "runtime/graph/graph.h"
#include "runtime/graph/ops/ops.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static void expect_dims(const shunt_graph *graph, shunt_value value, uint32_t rank, const int64_t *dims)
{
    shunt_tensor_desc desc = shunt_graph_desc(graph, value);
    cr_assert_eq(desc.rank, rank, "%s", shunt_graph_check(graph) ? shunt_last_error() : "");
    cr_assert_eq(desc.dtype, SHUNT_F32);
    for (uint32_t i = 0; i < rank; i++) cr_expect_eq(desc.dims[i], dims[i]);
}
#define EXPECT_DIMS(graph, value, ...)                                                                                 \
    expect_dims(graph, value, sizeof((int64_t[]){__VA_ARGS__}) / 8, (int64_t[]){__VA_ARGS__})

Test(graph, shapes_of_the_imagenet_stem)
{
    shunt_graph *graph = shunt_graph_create();
    shunt_value x = shunt_graph_input(graph, "input", 4, (int64_t[]){5, 3, 193, 257});
    shunt_value conv = shunt_graph_conv(graph, "conv1", x, 64, 7, 2, 3, 0);
    EXPECT_DIMS(graph, conv, 5, 64, 97, 129);
    shunt_value norm = shunt_graph_batch_norm(graph, "bn1", conv, 1e-5f);
    shunt_value relu = shunt_graph_relu(graph, "relu", norm);
    shunt_value pool = shunt_graph_max_pool(graph, "maxpool", relu, 3, 2, 1);
    EXPECT_DIMS(graph, pool, 5, 64, 49, 65);
    shunt_value option_a = shunt_graph_shortcut(graph, "a", pool, 128, 2);
    EXPECT_DIMS(graph, option_a, 5, 128, 25, 33);
    shunt_value mean = shunt_graph_global_pool(graph, "avgpool", option_a);
    EXPECT_DIMS(graph, mean, 5, 128);
    shunt_value logits = shunt_graph_linear(graph, "fc", mean, 7);
    EXPECT_DIMS(graph, logits, 5, 7);
    shunt_value softmax = shunt_graph_softmax(graph, "softmax", logits);
    EXPECT_DIMS(graph, softmax, 5, 7);
    shunt_graph_output(graph, "probabilities", softmax);
    cr_assert_eq(shunt_graph_check(graph), SHUNT_OK);
    shunt_graph_destroy(graph);
}

Test(graph, reshape_infers_all_or_changes_nothing)
{
    shunt_graph *graph = shunt_graph_create();
    shunt_value x = shunt_graph_input(graph, "input", 4, (int64_t[]){1, 3, 32, 32});
    shunt_value conv = shunt_graph_conv(graph, "conv", x, 8, 5, 2, 0, 1);
    shunt_value mean = shunt_graph_global_pool(graph, "mean", conv);
    shunt_graph_output(graph, "mean", mean);
    shunt_tensor_desc input = {.dtype = SHUNT_F32, .rank = 4, .block = 1, .dims = {7, 3, 20, 5}};
    cr_assert_eq(graph_reshape(graph, &input, 1), SHUNT_OK);
    EXPECT_DIMS(graph, conv, 7, 8, 8, 1);
    EXPECT_DIMS(graph, mean, 7, 8);

    input.dims[3] = 4; /* smaller than the kernel */
    cr_assert_eq(graph_reshape(graph, &input, 1), SHUNT_E_INVALID);
    cr_assert_str_eq(shunt_last_error(), "conv: a window of 5 does not fit into the padded size 4");
    EXPECT_DIMS(graph, x, 7, 3, 20, 5);
    EXPECT_DIMS(graph, conv, 7, 8, 8, 1);
    input.dims[3] = 5, input.dims[1] = 4; /* channels that the weights are not for */
    cr_assert_eq(graph_reshape(graph, &input, 1), SHUNT_E_INVALID);
    cr_assert(strstr(shunt_last_error(), "weights are for 3 channels"), "%s", shunt_last_error());
    input.rank = 3;
    cr_assert_eq(graph_reshape(graph, &input, 1), SHUNT_E_INVALID);
    cr_assert_eq(graph_reshape(graph, &input, 0), SHUNT_E_INVALID);
    shunt_graph_destroy(graph);
}

Test(graph, the_first_mistake_sticks)
{
    shunt_graph *graph = shunt_graph_create();
    shunt_value x = shunt_graph_input(graph, "input", 4, (int64_t[]){1, 3, 8, 8});
    shunt_value bad = shunt_graph_conv(graph, "first", x, 4, 9, 1, 0, 0);
    cr_assert_eq(bad, SHUNT_NO_VALUE);
    cr_assert_eq(shunt_graph_linear(graph, "second", bad, 10), SHUNT_NO_VALUE);
    shunt_graph_output(graph, "third", bad);
    cr_assert_eq(shunt_graph_check(graph), SHUNT_E_INVALID);
    cr_assert_str_eq(shunt_last_error(), "first: a window of 9 does not fit into the padded size 8");
    shunt_graph_destroy(graph);
}

/* A fresh graph's refusal must hold `reason`. */
static void expect_refusal(shunt_graph *graph, shunt_value value, const char *reason)
{
    cr_expect_eq(value, SHUNT_NO_VALUE, "accepted; expected: %s", reason);
    cr_expect_eq(shunt_graph_check(graph), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), reason), "'%s' does not hold '%s'", shunt_last_error(), reason);
    shunt_graph_destroy(graph);
}

static shunt_graph *start(shunt_value *x)
{
    shunt_graph *graph = shunt_graph_create();
    *x = shunt_graph_input(graph, "x", 4, (int64_t[]){2, 6, 8, 8});
    return graph;
}

static void refuse_conv(shunt_conv_attr attr, int64_t k, int64_t c, int64_t r, int64_t s, const char *reason)
{
    shunt_value in[2];
    shunt_graph *graph = start(&in[0]);
    in[1] = shunt_graph_parameter(graph, "w", SHUNT_ROLE_WEIGHT, 4, (int64_t[]){k, c, r, s});
    shunt_op_attr any = {.conv = attr};
    expect_refusal(graph, shunt_graph_op(graph, "conv", SHUNT_OP_CONV, 0, &any, 2, in), reason);
}

Test(graph, convolutions_are_refused_with_a_reason)
{
    shunt_conv_attr good = {.stride = {1, 1}, .dilation = {1, 1}, .groups = 1}, bad;
    bad = good, bad.stride[1] = 0;
    refuse_conv(bad, 4, 6, 3, 3, "stride 0 is less than 1");
    bad = good, bad.dilation[0] = 0;
    refuse_conv(bad, 4, 6, 3, 3, "dilation 0 is less than 1");
    bad = good, bad.groups = 0;
    refuse_conv(bad, 4, 6, 3, 3, "0 groups");
    bad = good, bad.groups = 4;
    refuse_conv(bad, 4, 6, 3, 3, "4 groups do not divide 6 input and 4 output channels");
    bad = good, bad.groups = 3;
    refuse_conv(bad, 4, 2, 3, 3, "3 groups do not divide 6 input and 4 output channels");
    bad = good, bad.groups = 2;
    refuse_conv(bad, 4, 6, 3, 3, "weights are for 6 channels a group, src has 3");
    bad = good, bad.pad_after[0] = -1;
    refuse_conv(bad, 4, 6, 3, 3, "padding 0, -1 is negative");
    bad = good, bad.dilation[1] = 4;
    refuse_conv(bad, 4, 6, 3, 3, "a window of 9 does not fit into the padded size 8");
    bad = good, bad.dilation[1] = INT32_MAX;
    refuse_conv(bad, 4, 6, 3, 3, "a window of 4294967295 does not fit into the padded size 8");
    bad = good, bad.pad_before[0] = bad.pad_after[0] = bad.pad_before[1] = bad.pad_after[1] = INT32_MAX;
    refuse_conv(bad, 4, 6, 3, 3, "dst has more than 2^40 elements");
}

Test(graph, a_convolution_takes_what_the_abi_allows)
{
    shunt_value in[2];
    shunt_graph *graph = start(&in[0]);
    in[1] = shunt_graph_parameter(graph, "w", SHUNT_ROLE_WEIGHT, 4, (int64_t[]){4, 3, 3, 2});
    shunt_op_attr attr = {
        .conv = {.stride = {2, 3}, .dilation = {3, 2}, .pad_before = {1, 0}, .pad_after = {2, 1}, .groups = 2}};
    shunt_value y = shunt_graph_op(graph, "conv", SHUNT_OP_CONV, SHUNT_FLAG_RELU, &attr, 2, in);
    EXPECT_DIMS(graph, y, 2, 4, (8 + 3 - 7) / 2 + 1, (8 + 1 - 3) / 3 + 1);
    shunt_graph_destroy(graph);
}

/* In a graph a resize follows another value's shape; what a plan sees has the size in its attributes, and no such input. */
Test(graph, a_resize_follows_the_shape_of_another_value)
{
    shunt_value in[2];
    shunt_graph *graph = start(&in[1]);
    const shunt_op_attr pool = {.pool = {.window = {2, 2}, .stride = {2, 2}}};
    in[0] = shunt_graph_op(graph, "pool", SHUNT_OP_MAX_POOL, 0, &pool, 1, &in[1]);
    shunt_value y = shunt_graph_op(graph, "resize", SHUNT_OP_RESIZE, SHUNT_FLAG_LIKE, NULL, 2, in);
    EXPECT_DIMS(graph, y, 2, 6, 8, 8);
    shunt_tensor_desc input = shunt_graph_desc(graph, in[1]);
    input.dims[2] = 11, input.dims[3] = 5;
    cr_assert_eq(graph_reshape(graph, &input, 1), SHUNT_OK);
    EXPECT_DIMS(graph, y, 2, 6, 11, 5);
    graph_settle_sizes(graph);
    cr_assert_eq(graph->ops[1].flags, 0u);
    cr_assert_eq(graph->ops[1].ninputs, 1u);
    cr_assert_eq(graph->ops[1].attr.resize.size[0], 11);
    cr_assert_eq(graph->ops[1].attr.resize.size[1], 5);
    shunt_graph_destroy(graph);
}

/* What the layer makes follows from its input, in a plan, too, where it is the gradient of a convolution. */
Test(graph, a_transposed_convolution_has_the_size_that_its_attributes_give)
{
    shunt_value in[2];
    shunt_graph *graph = start(&in[1]);
    in[0] = shunt_graph_parameter(graph, "w", SHUNT_ROLE_WEIGHT, 4, (int64_t[]){6, 2, 3, 4});
    const shunt_op_attr attr = {
        .conv = {.stride = {3, 2}, .dilation = {1, 2}, .pad_before = {1, 0}, .pad_after = {-2, 1}, .groups = 2}};
    shunt_value y = shunt_graph_op(graph, "up", SHUNT_OP_CONV_GRAD_SRC, SHUNT_FLAG_TRANSPOSED, &attr, 2, in);
    EXPECT_DIMS(graph, y, 2, 4, 7 * 3 + 3 - 1 + 2, 7 * 2 + 7 - 1);
    shunt_tensor_desc input = shunt_graph_desc(graph, in[1]);
    input.dims[2] = 11, input.dims[3] = 1;
    cr_assert_eq(graph_reshape(graph, &input, 1), SHUNT_OK);
    EXPECT_DIMS(graph, y, 2, 4, 10 * 3 + 3 - 1 + 2, 7 - 1);
    graph_settle_sizes(graph);
    cr_assert_eq(graph->ops[0].flags, 0u);
    cr_assert_eq(graph->ops[0].attr.conv.pad_after[0], 0);
    cr_assert_eq(graph->ops[0].attr.conv.pad_after[1], 1);
    cr_assert_eq(graph_reshape(graph, &input, 1), SHUNT_OK, "a convolution of that size makes the input's: %s",
                 shunt_last_error());
    shunt_graph_destroy(graph);
}

static void refuse_transposed(int32_t stride, int32_t after, int32_t groups, const char *reason)
{
    shunt_value in[2];
    shunt_graph *graph = start(&in[1]);
    in[0] = shunt_graph_parameter(graph, "w", SHUNT_ROLE_WEIGHT, 4, (int64_t[]){6, 2, 3, 3});
    const shunt_op_attr attr = {
        .conv = {.stride = {stride, 1}, .dilation = {1, 1}, .pad_after = {after, 0}, .groups = groups}};
    expect_refusal(graph, shunt_graph_op(graph, "up", SHUNT_OP_CONV_GRAD_SRC, SHUNT_FLAG_TRANSPOSED, &attr, 2, in),
                   reason);
}

Test(graph, bad_transposed_convolutions_are_refused)
{
    refuse_transposed(2, -2, 1, "an output padding of 2 is not less than the stride of 2");
    refuse_transposed(0, 0, 1, "stride 0 is less than 1");
    refuse_transposed(1, 10, 1, "padding leaves nothing of an axis of 8");
    refuse_transposed(1, 0, 0, "0 groups");
    refuse_transposed(1, 0, 4, "4 groups do not divide 8 input and 6 output channels");
}

/* As torchvision's LevelMapper: floor(4 + log2(sqrt(area) / 224) + 1e-6), within the levels that there are. */
Test(graph, boxes_of_a_pyramid_are_shared_out_by_their_areas)
{
    enum { LEVELS = 4, FINEST = 2 };
    shunt_graph *graph = shunt_graph_create();
    shunt_value maps[LEVELS], rois = shunt_graph_input(graph, "rois", 2, (int64_t[]){9, 5});
    for (int i = 0; i < LEVELS; i++) maps[i] = shunt_graph_input(graph, "map", 4, (int64_t[]){2, 8, 64 >> i, 80 >> i});
    EXPECT_DIMS(graph, shunt_graph_roi_align(graph, "boxes", LEVELS, maps, FINEST, rois, 7, 2), 9, 8, 7, 7);
    cr_assert_eq(graph->nops, (uint32_t)LEVELS);
    for (int i = -40; i < 400; i++) {
        const double side = i <= 0 ? 0 : 56 * pow(2, i / 100.0), level = floor(4 + log2(side / 224) + 1e-6);
        const double wanted = fmin(fmax(level, FINEST), FINEST + LEVELS - 1);
        for (int k = 0; k < LEVELS; k++) {
            const shunt_roi_align_attr *a = &graph->ops[k].attr.roi_align;
            const float area = (float)(side * side);
            cr_assert_eq(a->scale, (float)pow(2, -FINEST - k));
            cr_assert_eq(area >= a->area[0] && area < a->area[1], wanted == FINEST + k, "side %g, map %d", side, k);
        }
    }
    shunt_graph_destroy(graph);
}

static void refuse_op(shunt_op_kind kind, uint32_t flags, uint32_t ninputs, const shunt_op_attr *attr,
                      const char *reason)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_value in[] = {x, shunt_graph_input(graph, "y", 4, (int64_t[]){2, 6, 8, 7}),
                        shunt_graph_parameter(graph, "five", SHUNT_ROLE_SHIFT, 1, (int64_t[]){5}), x, x};
    expect_refusal(graph, shunt_graph_op(graph, "op", kind, flags, attr, ninputs, in), reason);
}

Test(graph, other_ops_are_refused_with_a_reason)
{
    shunt_op_attr pool = {.pool = {.window = {3, 3}, .stride = {2, 2}, .pad_before = {3, 1}, .pad_after = {1, 1}}};
    refuse_op(SHUNT_OP_MAX_POOL, 0, 1, &pool, "a window lies wholly in the padding");
    pool.pool.pad_before[0] = 1, pool.pool.pad_after[1] = 5;
    refuse_op(SHUNT_OP_AVG_POOL, 0, 1, &pool, "a window lies wholly in the padding");
    refuse_op(SHUNT_OP_AVG_POOL, 0, 1, NULL, "stride 0 is less than 1");
    refuse_op(SHUNT_OP_ADD, 0, 2, NULL, "the two inputs differ in shape");
    refuse_op(SHUNT_OP_ADD, 0, 1, NULL, "1 inputs instead of 2");
    refuse_op(SHUNT_OP_ADD, SHUNT_FLAG_BIAS, 3, NULL, "does not have flags 0x1");
    refuse_op(SHUNT_OP_BATCH_NORM, 0, 5, NULL, "scale is not a vector of 6");
    refuse_op(SHUNT_OP_LINEAR, 0, 2, NULL, "src has rank 4, not 2");
    refuse_op(SHUNT_OP_SOFTMAX, 0, 1, NULL, "src has rank 4, not 2");
    refuse_op(SHUNT_OP_SHORTCUT, 0, 1, NULL, "stride 0 is less than 1");
    refuse_op(SHUNT_OP_LRN, 0, 1, NULL, "size 0 is less than 1");
    refuse_op(SHUNT_OP_LRN, 0, 1, &(shunt_op_attr){.lrn = {.size = 3, .beta = NAN}},
              "beta or bias is not a finite number");
    refuse_op(SHUNT_OP_RESIZE, 0, 1, NULL, "a factor of 0 makes no size of 8");
    refuse_op(SHUNT_OP_RESIZE, 0, 1, &(shunt_op_attr){.resize = {.filter = 4}}, "filter 4");
    refuse_op(SHUNT_OP_RESIZE, 0, 1, &(shunt_op_attr){.resize = {.factor = {NAN, 1}}}, "a factor of nan");
    refuse_op(SHUNT_OP_RESIZE, 0, 1, &(shunt_op_attr){.resize = {.size = {-3, 1}}}, "a size of -3");
    refuse_op(SHUNT_OP_RESIZE, SHUNT_FLAG_LIKE, 1, NULL, "1 inputs instead of 2");
    refuse_op(SHUNT_OP_ROI_ALIGN, 0, 2, NULL, "a size of 0");
    shunt_op_attr boxes = {.roi_align = {.size = {2, 2}, .scale = 1}};
    refuse_op(SHUNT_OP_ROI_ALIGN, 0, 2, &boxes, "rois has rank 4, not 2");
    boxes.roi_align.scale = -1;
    refuse_op(SHUNT_OP_ROI_ALIGN, 0, 2, &boxes, "a scale of -1");
    boxes.roi_align.scale = 1, boxes.roi_align.sampling = -1;
    refuse_op(SHUNT_OP_ROI_ALIGN, 0, 2, &boxes, "sampling -1 is not in 0 .. 4096");
    boxes.roi_align.sampling = 0, boxes.roi_align.mode = 2;
    refuse_op(SHUNT_OP_ROI_ALIGN, 0, 2, &boxes, "mode 2");
    boxes.roi_align.mode = 0, boxes.roi_align.area[1] = NAN;
    refuse_op(SHUNT_OP_ROI_ALIGN, 0, 2, &boxes, "an area that is not a number");
    refuse_op((shunt_op_kind)0, 0, 1, NULL, "no op has kind 0");
    refuse_op(SHUNT_OP_KINDS, 0, 1, NULL, "no op has kind");
    refuse_op(SHUNT_OP_RELU, 0, 9, NULL, "9 inputs, more than 8");
}

Test(graph, values_that_do_not_exist_and_sizes_beyond_reason)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    expect_refusal(graph, shunt_graph_relu(graph, "relu", 99), "relu: input 0: there is no value 99");
    graph = start(&x);
    expect_refusal(graph, shunt_graph_shortcut(graph, "a", x, 4, 2), "no even number of zero channels makes 4 of 6");
    graph = start(&x);
    expect_refusal(graph, shunt_graph_shortcut(graph, "a", x, 9, 2), "no even number of zero channels makes 9 of 6");
    graph = start(&x);
    expect_refusal(graph, shunt_graph_conv(graph, "conv", x, INT64_MAX, 3, 1, 1, 0), "more than 2^40 elements");
    graph = start(&x);
    expect_refusal(graph, shunt_graph_conv(graph, "conv", x, -1, 3, 1, 1, 0), "has a dimension of -1");
    graph = start(&x);
    expect_refusal(graph, shunt_graph_input(graph, "huge", 2, (int64_t[]){INT64_MAX, INT64_MAX}), "huge has more than");
    graph = start(&x);
    expect_refusal(graph, shunt_graph_input(graph, "flat", 0, NULL), "flat: rank 0 is not in 1 .. 6");
    graph = shunt_graph_create();
    shunt_graph_output(graph, "y", 3);
    expect_refusal(graph, SHUNT_NO_VALUE, "output y: there is no value 3");
    cr_assert_eq(shunt_graph_input(NULL, "x", 1, (int64_t[]){1}), SHUNT_NO_VALUE);
    cr_assert_eq(shunt_graph_check(NULL), SHUNT_E_INVALID);
}

Test(graph, uses_count_reads_and_outputs)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_value twice = shunt_graph_add(graph, "add", x, x);
    shunt_graph_output(graph, "x", x);
    shunt_graph_output(graph, "sum", twice);
    uint32_t *uses = graph_count_uses(graph);
    cr_assert_not_null(uses);
    cr_assert_eq(uses[x], 3u);
    cr_assert_eq(uses[twice], 1u);
    free(uses);
    shunt_graph_destroy(graph);
}

Test(graph, inserting_and_dropping_ops_renumbers_producers)
{
    shunt_value x;
    shunt_graph *graph = start(&x), *copy;
    shunt_value a = shunt_graph_relu(graph, "a", x), b = shunt_graph_relu(graph, "b", a);
    shunt_tensor_desc desc = shunt_graph_desc(graph, x);
    shunt_value between = graph_new_value(graph, "between", &desc, VALUE_COMPUTED);
    graph_op op = {.name = (char[]){"reorder"},
                   .kind = SHUNT_OP_REORDER,
                   .ninputs = 1,
                   .noutputs = 1,
                   .inputs = {a},
                   .outputs = {between}};
    cr_assert_eq(graph_insert_op(graph, 1, &op), SHUNT_OK);
    graph->ops[2].inputs[0] = between;
    cr_assert_eq(graph->nops, 3u);
    cr_assert_eq(graph->values[between].producer, 1);
    cr_assert_eq(graph->values[b].producer, 2);
    cr_assert_eq(graph_insert_op(graph, 4, &op), SHUNT_E_INVALID);

    cr_assert_eq(shunt_graph_copy(graph, &copy), SHUNT_OK);
    copy->ops[1].kind = 0;
    copy->ops[2].inputs[0] = a;
    graph_compact(copy);
    cr_assert_eq(copy->nops, 2u);
    cr_assert_str_eq(copy->ops[1].name, "b");
    cr_assert_eq(copy->values[b].producer, 1);
    cr_assert_eq(copy->values[between].producer, -1);
    cr_assert_eq(graph->nops, 3u, "the copy is a copy");
    shunt_graph_destroy(copy);
    shunt_graph_destroy(graph);
    shunt_graph_destroy(NULL);
}

Test(graph, labels_and_costs)
{
    char text[64];
    cr_assert_str_eq(op_label(SHUNT_OP_CONV, 7, text, sizeof text), "conv+bias+add+relu");
    cr_assert_str_eq(op_label(SHUNT_OP_GLOBAL_POOL, 0, text, sizeof text), "global_pool");
    cr_assert_str_eq(op_label(SHUNT_OP_SGD, SHUNT_FLAG_NESTEROV, text, sizeof text), "sgd+nesterov");
    cr_assert_str_eq(op_label(SHUNT_OP_MOVING_AVERAGE, SHUNT_FLAG_SKIP, text, sizeof text), "moving_average+skip");
    cr_assert_str_eq(op_label(SHUNT_OP_SGD, SHUNT_FLAG_SCALE, text, sizeof text), "sgd+scale");
    cr_assert_str_eq(op_label(SHUNT_OP_SGD, SHUNT_FLAG_LARS, text, sizeof text), "sgd+lars");
    cr_assert_str_eq(op_label(99, 0, text, sizeof text), "unknown");
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_graph_conv(graph, "conv", x, 10, 3, 2, 1, 1); /* 2 x 10 x 4 x 4 from 6 x 3 x 3 */
    shunt_op_desc desc;
    graph_op_desc(graph, &graph->ops[0], &desc);
    cr_assert_eq(desc.constant_inputs, 6u);
    cr_assert_eq(op_flops(&desc), 2u * 320 * 54);
    cr_assert_eq(op_bytes(&desc), 4u * (2 * 6 * 64 + 10 * 54 + 10 + 320));
    shunt_op_desc by_weights = {.kind = SHUNT_OP_CONV_GRAD_WEIGHTS, .ninputs = 2, .noutputs = 1};
    by_weights.inputs[0] = desc.inputs[0];
    by_weights.inputs[1] = desc.outputs[0];
    by_weights.outputs[0] = desc.inputs[1];
    cr_assert_eq(op_flops(&by_weights), op_flops(&desc), "as many products, summed in another order");
    shunt_graph_cost cost = shunt_graph_count(graph);
    cr_assert_eq(cost.macs, 320u * 54);
    cr_assert_eq(cost.parameters, 550u);
    shunt_graph_destroy(graph);
}

/* The list of kinds in runtime/graph/ops/meson.build against that in the ABI. */
Test(graph, every_kind_has_a_row)
{
    cr_assert_null(op_kind_of(0));
    cr_assert_null(op_kind_of(SHUNT_OP_KINDS));
    for (uint32_t kind = 1; kind < SHUNT_OP_KINDS; kind++) {
        const op_kind *row = op_kind_of(kind);
        cr_assert(row, "kind %u has no row", kind);
        cr_assert(row->infer && !(row->macs && row->flops), "%s", row->name);
        const shunt_op_signature has = shunt_op_signature_of(kind);
        cr_assert_leq(shunt_op_ninputs(kind, has.flags), SHUNT_MAX_INPUTS);
        cr_assert_leq(shunt_op_noutputs(kind, has.flags), SHUNT_MAX_OUTPUTS);
        cr_assert_eq((has.input_flags | has.output_flags | row->fuses) & ~has.flags, 0u, "%s", row->name);
        for (uint32_t other = 1; other < kind; other++) cr_assert_str_neq(row->name, op_kind_of(other)->name);
    }
}

/* What reads the statistics of a batch apart from the batch norm would have its part of the gradient lost. */
Test(graph, refuses_the_gradient_of_statistics)
{
    for (int output = 0; output < 2; output++) {
        shunt_value x;
        shunt_graph *graph = start(&x);
        shunt_value conv = shunt_graph_conv(graph, "conv", x, 10, 3, 2, 1, 1);
        shunt_graph_op(graph, "statistics", SHUNT_OP_BATCH_STATISTICS, 0, NULL, 1, &conv);
        shunt_value sum = shunt_graph_relu(graph, "relu", graph->ops[1].outputs[output]);
        shunt_value diff = shunt_graph_input(graph, "diff", 1, (int64_t[]){10});
        cr_assert_eq(shunt_graph_gradients(graph, sum, diff, NULL), SHUNT_E_UNSUPPORTED);
        cr_assert_str_eq(shunt_last_error(), "statistics: batch_statistics has no gradient here");
        shunt_graph_destroy(graph);
    }
}

/* Descriptions are keys of caches: what a caller's initializer leaves undefined in the union must not get into them. */
Test(graph, attributes_end_in_zeros)
{
    shunt_value x;
    shunt_graph *graph = start(&x);
    shunt_op_attr attr;
    memset(&attr, 0x55, sizeof attr);
    attr.pool = (shunt_pool_attr){.window = {3, 3}, .stride = {2, 2}, .pad_before = {1, 1}, .pad_after = {1, 1}};
    shunt_graph_op(graph, "pool", SHUNT_OP_MAX_POOL, 0, &attr, 1, &x);
    memset(&attr, 0x55, sizeof attr);
    shunt_graph_op(graph, "relu", SHUNT_OP_RELU, 0, &attr, 1, &x);
    cr_assert_eq(shunt_graph_check(graph), SHUNT_OK, "%s", shunt_last_error());
    for (uint32_t o = 0; o < 2; o++) {
        shunt_op_desc desc;
        graph_op_desc(graph, &graph->ops[o], &desc);
        size_t used = o == 0 ? sizeof attr.pool / sizeof attr.words[0] : 0;
        for (size_t i = used; i < sizeof attr.words / sizeof attr.words[0]; i++)
            cr_expect_eq(desc.attr.words[i], 0, "%s: word %zu", graph->ops[o].name, i);
    }
    shunt_graph_destroy(graph);
}
