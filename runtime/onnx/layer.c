/* layer.c - operators with weights: Conv, Gemm, MatMul. Constant weights are brought into the form that the graph's ops
 * need; a product of two computed matrices is an op of its own. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/base/error.h"

shunt_status onnx_need_constant(const onnx_node *node, uint32_t index, const char *what)
{
    const onnx_value *value = onnx_input(node, index);
    if (!value || onnx_is_constant(value)) return SHUNT_OK;
    return error_fail(SHUNT_E_UNSUPPORTED,
                      "its %s '%.100s' are computed when the network runs; Shunt needs them constant", what,
                      value->name);
}

/* ---- Conv ------------------------------------------------------------------------------------------------------- */

/* A convolution as the graph has it. Of one direction it is one of rows of height 1; of three, see deep_weights. */
typedef struct convolution {
    onnx_window w;
    int64_t N, C, K, groups;
    shunt_op_attr attr;
} convolution;

static shunt_status read_conv(onnx_node *node, convolution *c)
{
    const onnx_tensor *src = &onnx_input(node, 0)->tensor, *weights = &onnx_input(node, 1)->tensor;
    *c = (convolution){.groups = 1};
    if (src->rank < 3 || src->rank > 5 || weights->rank != src->rank)
        return error_fail(SHUNT_E_UNSUPPORTED, "its input and weights have ranks %u and %u; Shunt knows 3, 4 and 5",
                          src->rank, weights->rank);
    if (onnx_size(weights) == 0) return error_fail(SHUNT_E_INVALID, "its weights have no elements");
    c->w.directions = src->rank - 2u;
    c->N = src->dims[0], c->C = src->dims[1], c->K = weights->dims[0];
    for (uint32_t i = 0; i < c->w.directions; i++) {
        c->w.size[i] = src->dims[2 + i];
        c->w.window[i] = weights->dims[2 + i];
        if (c->w.window[i] > INT32_MAX) return error_fail(SHUNT_E_UNSUPPORTED, "its window is too large");
    }
    shunt_status status = onnx_window_read(node, &c->w);
    if (!status) status = onnx_attribute_int(node, "group", &c->groups);
    if (status) return status;
    if (c->groups < 1 || c->groups > INT32_MAX || c->C % c->groups || c->K % c->groups ||
        weights->dims[1] != c->C / c->groups)
        return error_fail(SHUNT_E_INVALID,
                          "%" PRId64 " groups of %" PRId64 " channels do not make the input's %" PRId64, c->groups,
                          weights->dims[1], c->C);
    const onnx_value *bias = onnx_input(node, 2);
    if (bias && (bias->tensor.rank != 1 || bias->tensor.dims[0] != c->K))
        return error_fail(SHUNT_E_INVALID, "its bias is not a vector of %" PRId64, c->K);
    return SHUNT_OK;
}

/* The last two directions, or one and a height of 1. */
static void set_attr(convolution *c)
{
    shunt_conv_attr *a = &c->attr.conv;
    const onnx_window *w = &c->w;
    a->groups = (int32_t)c->groups;
    for (int k = 0; k < 2; k++) {
        int i = (int)w->directions - 2 + k;
        a->stride[k] = i < 0 ? 1 : (int32_t)w->stride[i];
        a->dilation[k] = i < 0 ? 1 : (int32_t)w->dilation[i];
        a->pad_before[k] = i < 0 ? 0 : (int32_t)w->before[i];
        a->pad_after[k] = i < 0 ? 0 : (int32_t)(w->after[i] + w->extra[i]);
    }
}

/* Three directions as two: the planes of the depth are channels, c * D + d. Output plane e of channel k sees plane d with
 * the weights of depth t where d = e * stride + t * dilation - before, and with zeros elsewhere:
 *     weights (K * E, C/groups * D, R, S) from (K, C/groups, T, R, S) */
static int64_t first(const convolution *c, int64_t e) /* t of which d is not below 0 */
{
    int64_t missing = c->w.before[0] - e * c->w.stride[0];
    return missing > 0 ? (missing + c->w.dilation[0] - 1) / c->w.dilation[0] : 0;
}

static void spread(const convolution *c, const onnx_tensor *from, float *to)
{
    const int64_t D = c->w.size[0], E = c->w.places[0], T = c->w.window[0], CG = c->C / c->groups;
    const int64_t area = c->w.window[1] * c->w.window[2];
    for (int64_t k = 0; k < c->K; k++)
        for (int64_t e = 0; e < E; e++)
            for (int64_t channel = 0; channel < CG; channel++)
                for (int64_t t = first(c, e); t < T; t++) {
                    int64_t d = e * c->w.stride[0] + t * c->w.dilation[0] - c->w.before[0];
                    if (d >= D) break;
                    float *dst = to + (((k * E + e) * CG + channel) * D + d) * area;
                    int64_t src = ((k * CG + channel) * T + t) * area;
                    for (int64_t i = 0; i < area; i++) dst[i] = (float)onnx_number(from, (uint64_t)(src + i));
                }
}

static shunt_status deep_weights(onnx_node *node, const convolution *c, shunt_value *weights, shunt_value *bias)
{
    const onnx_value *w = onnx_input(node, 1), *b = onnx_input(node, 2);
    const int64_t E = c->w.places[0];
    onnx_tensor wide = {.rank = 4, .dims = {c->K, c->C / c->groups, c->w.window[1], c->w.window[2]}};
    float *data;
    uint64_t count;
    if (__builtin_mul_overflow(wide.dims[0], E, &wide.dims[0]) ||
        __builtin_mul_overflow(wide.dims[1], c->w.size[0], &wide.dims[1]))
        return error_fail(SHUNT_E_INVALID, "its weights are too large");
    shunt_status status = onnx_count(&wide, &count);
    if (!status) status = onnx_parameter(node, w->name, 4, wide.dims, &data, weights);
    if (status) return status;
    memset(data, 0, count * sizeof *data);
    spread(c, &w->tensor, data);
    if (!b) return SHUNT_OK;
    status = onnx_parameter(node, b->name, 1, wide.dims, &data, bias);
    for (int64_t i = 0; !status && i < wide.dims[0]; i++) data[i] = (float)onnx_number(&b->tensor, (uint64_t)(i / E));
    return status;
}

static shunt_status flat_weights(onnx_node *node, const convolution *c, shunt_value *weights, shunt_value *bias)
{
    bool row = c->w.directions == 1;
    int64_t dims[4] = {c->K, c->C / c->groups, row ? 1 : c->w.window[0], row ? c->w.window[0] : c->w.window[1]};
    shunt_status status = onnx_shaped(node, 1, 4, dims, weights);
    return status || !onnx_input(node, 2) ? status : onnx_shaped(node, 2, 1, &c->K, bias);
}

shunt_status onnx_import_conv(onnx_node *node)
{
    convolution c;
    shunt_value inputs[3], dst;
    shunt_status status = onnx_need_constant(node, 1, "weights");
    if (!status) status = onnx_need_constant(node, 2, "biases");
    if (!status) status = read_conv(node, &c);
    if (status) return status;
    const onnx_window *w = &c.w;
    bool with_bias = onnx_input(node, 2), deep = w->directions == 3, row = w->directions == 1;
    int64_t src[4] = {c.N, c.C * (deep ? w->size[0] : 1), row ? 1 : w->size[w->directions - 2],
                      w->size[w->directions - 1]};
    set_attr(&c);
    status = onnx_shaped(node, 0, 4, src, &inputs[0]);
    if (!status)
        status = deep ? deep_weights(node, &c, &inputs[1], &inputs[2]) : flat_weights(node, &c, &inputs[1], &inputs[2]);
    if (!status)
        status =
            onnx_append(node, SHUNT_OP_CONV, with_bias ? SHUNT_FLAG_BIAS : 0, &c.attr, with_bias ? 3 : 2, inputs, &dst);
    if (status) return status;
    onnx_tensor result = {.type = onnx_input(node, 0)->tensor.type, .rank = (uint8_t)(w->directions + 2)};
    result.dims[0] = c.N;
    result.dims[1] = c.K;
    memcpy(result.dims + 2, w->places, w->directions * sizeof *w->places);
    return onnx_result(node, 0, &result, dst);
}

/* ---- Linear layers ---------------------------------------------------------------------------------------------- */

/* factor * weights as (K, C); they are (C, K) in the file unless `transposed`. */
static shunt_status linear_weights(onnx_node *node, uint32_t index, bool transposed, float factor, shunt_value *out)
{
    const onnx_value *source = onnx_input(node, index);
    const onnx_tensor *from = &source->tensor;
    int64_t dims[2] = {from->dims[!transposed], from->dims[transposed]};
    float *data;
    if (onnx_size(from) == 0) return error_fail(SHUNT_E_INVALID, "its weights have no elements");
    if (transposed && factor == 1) return onnx_shaped(node, index, 2, dims, out);
    if (from->splat) return onnx_parameter_run(node, source->name, 2, dims, factor * (float)onnx_number(from, 0), out);
    shunt_status status = onnx_parameter(node, source->name, 2, dims, &data, out);
    for (int64_t k = 0; !status && k < dims[0]; k++)
        for (int64_t c = 0; c < dims[1]; c++) {
            int64_t at = transposed ? k * dims[1] + c : c * dims[0] + k;
            data[k * dims[1] + c] = factor * (float)onnx_number(from, (uint64_t)at);
        }
    return status;
}

/* factor * input `index`, a constant, in its own shape. */
static shunt_status scaled(onnx_node *node, uint32_t index, float factor, uint32_t rank, const int64_t *dims,
                           uint64_t repeat, shunt_value *out)
{
    const onnx_value *source = onnx_input(node, index);
    float *data;
    shunt_status status = onnx_parameter(node, source->name, rank, dims, &data, out);
    uint64_t count = onnx_size(&source->tensor) * repeat;
    for (uint64_t i = 0; !status && i < count; i++)
        data[i] = factor * (float)onnx_number(&source->tensor, repeat > 1 ? 0 : i);
    return status;
}

typedef struct product {
    int64_t transpose_a, transpose_b, M, N, K;
    float alpha, beta;
} product;

static shunt_status read_gemm(const onnx_node *node, product *g)
{
    const onnx_tensor *a = &onnx_input(node, 0)->tensor, *b = &onnx_input(node, 1)->tensor;
    *g = (product){.alpha = 1, .beta = 1};
    shunt_status status = onnx_attribute_int(node, "transA", &g->transpose_a);
    if (!status) status = onnx_attribute_int(node, "transB", &g->transpose_b);
    if (!status) status = onnx_attribute_float(node, "alpha", &g->alpha);
    if (!status) status = onnx_attribute_float(node, "beta", &g->beta);
    if (status) return status;
    if (a->rank != 2 || b->rank != 2)
        return error_fail(SHUNT_E_INVALID, "its inputs have ranks %u and %u, not 2", a->rank, b->rank);
    g->M = a->dims[g->transpose_a != 0];
    g->K = a->dims[g->transpose_a == 0];
    g->N = b->dims[g->transpose_b == 0];
    if (g->K == b->dims[g->transpose_b != 0]) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "%" PRId64 " columns by %" PRId64 " rows", g->K, b->dims[g->transpose_b != 0]);
}

/* a, transposed if that is asked for. */
static shunt_status matrix(onnx_node *node, uint32_t index, bool transpose, shunt_value *out)
{
    shunt_status status = onnx_as_is(node, index, out);
    return status || !transpose ? status : onnx_transpose(node, *out, (const uint32_t[]){1, 0}, out);
}

/* Whether C is one number for each column, or for all. */
static bool is_bias(const onnx_node *node, const product *g)
{
    const onnx_value *c = onnx_input(node, 2);
    if (!c || !onnx_is_constant(c)) return false;
    uint64_t count = onnx_size(&c->tensor);
    bool rows = c->tensor.rank == 2 && c->tensor.dims[0] != 1;
    return count == 1 || (!rows && c->tensor.rank <= 2 && count == (uint64_t)g->N);
}

static shunt_status multiply(onnx_node *node, const product *g, shunt_value *dst)
{
    bool bias = is_bias(node, g), weights = onnx_is_constant(onnx_input(node, 1));
    shunt_value inputs[3];
    shunt_status status = matrix(node, 0, g->transpose_a != 0, &inputs[0]);
    if (status) return status;
    if (weights) {
        uint64_t repeat = bias && onnx_size(&onnx_input(node, 2)->tensor) == 1 ? (uint64_t)g->N : 1;
        status = linear_weights(node, 1, g->transpose_b != 0, g->alpha, &inputs[1]);
        if (!status && bias && g->beta == 1 && repeat == 1)
            status = onnx_shaped(node, 2, 1, &g->N, &inputs[2]);
        else if (!status && bias)
            status = scaled(node, 2, g->beta, 1, &g->N, repeat, &inputs[2]);
        return status ? status
                      : onnx_append(node, SHUNT_OP_LINEAR, bias ? SHUNT_FLAG_BIAS : 0, NULL, bias ? 3 : 2, inputs, dst);
    }
    if (g->alpha != 1)
        return error_fail(SHUNT_E_UNSUPPORTED, "its alpha is not 1, and it multiplies two computed matrices");
    int64_t a[3] = {1, g->M, g->K}, b[3] = {1, g->K, g->N}, result[2] = {g->M, g->N};
    status = matrix(node, 1, g->transpose_b != 0, &inputs[1]);
    if (!status) status = onnx_reshape(node, inputs[0], 3, a, &inputs[0]);
    if (!status) status = onnx_reshape(node, inputs[1], 3, b, &inputs[1]);
    if (!status) status = onnx_append(node, SHUNT_OP_MATMUL, 0, NULL, 2, inputs, dst);
    return status ? status : onnx_reshape(node, *dst, 2, result, dst);
}

shunt_status onnx_import_gemm(onnx_node *node)
{
    product g;
    shunt_value dst, c;
    shunt_status status = read_gemm(node, &g);
    if (!status) status = multiply(node, &g, &dst);
    if (status) return status;
    onnx_tensor result = {.type = onnx_input(node, 0)->tensor.type, .rank = 2, .dims = {g.M, g.N}}, sum;
    const onnx_value *added = onnx_input(node, 2);
    bool linear = onnx_is_constant(onnx_input(node, 1));
    if (added && !(linear && is_bias(node, &g)) && g.beta != 0) {
        status = onnx_broadcast(&result, &added->tensor, &sum);
        if (!status && (sum.rank != 2 || memcmp(sum.dims, result.dims, sizeof sum.dims)))
            status = error_fail(SHUNT_E_INVALID, "its C does not have the shape of the product");
        if (!status && g.beta != 1 && !onnx_is_constant(added))
            status = error_fail(SHUNT_E_UNSUPPORTED, "its beta is not 1, and its C is computed");
        int64_t dims[2] = {1, 1};
        for (uint32_t i = 0; !status && i < added->tensor.rank; i++)
            dims[2 - added->tensor.rank + i] = added->tensor.dims[i];
        if (!status) status = g.beta == 1 ? onnx_shaped(node, 2, 2, dims, &c) : scaled(node, 2, g.beta, 2, dims, 1, &c);
        if (!status) status = onnx_add(node, dst, c, &dst);
    }
    return status ? status : onnx_result(node, 0, &result, dst);
}

/* ---- MatMul ------------------------------------------------------------------------------------------------------ */

/* Rows of a, whatever its rank, by constant weights (C, K). */
static shunt_status matmul_linear(onnx_node *node, const onnx_tensor *a, const onnx_tensor *b, onnx_tensor *result,
                                  shunt_value *dst)
{
    shunt_value inputs[2];
    int64_t K = a->dims[a->rank - 1], rows[2] = {(int64_t)onnx_size(a) / K, K};
    shunt_status status = onnx_shaped(node, 0, 2, rows, &inputs[0]);
    if (!status) status = linear_weights(node, 1, false, 1, &inputs[1]);
    if (!status) status = onnx_append(node, SHUNT_OP_LINEAR, 0, NULL, 2, inputs, dst);
    *result = *a;
    result->dims[a->rank - 1] = b->dims[1];
    return status;
}

/* As many matrices as `front` has elements, which is the shape of the axes in front; or one for all. */
static shunt_status matmul_operand(onnx_node *node, uint32_t index, const onnx_tensor *matrix, const onnx_tensor *front,
                                   shunt_value *out)
{
    const int64_t rows = matrix->dims[matrix->rank - 2], columns = matrix->dims[matrix->rank - 1];
    const int64_t batch = (int64_t)onnx_size(front), have = (int64_t)onnx_size(matrix) / (rows * columns);
    shunt_status status;
    if (have == batch || have == 1) return onnx_shaped(node, index, 3, (int64_t[]){have, rows, columns}, out);
    onnx_tensor repeated = *front;
    repeated.dims[repeated.rank++] = rows;
    repeated.dims[repeated.rank++] = columns;
    status = onnx_shaped(node, index, matrix->rank, matrix->dims, out);
    if (!status) status = onnx_expand(node, *out, repeated.rank, repeated.dims, out);
    return status ? status : onnx_reshape(node, *out, 3, (int64_t[]){batch, rows, columns}, out);
}

/* a (..., M, K) by b (..., K, N), whose axes in front broadcast. */
static shunt_status matmul_batch(onnx_node *node, const onnx_tensor *a, const onnx_tensor *b, onnx_tensor *result,
                                 shunt_value *dst)
{
    onnx_tensor front[2] = {*a, *b};
    shunt_value inputs[2];
    for (int i = 0; i < 2; i++) front[i].rank = (uint8_t)(front[i].rank - 2);
    uint64_t count;
    shunt_status status = onnx_broadcast(&front[0], &front[1], result);
    if (!status) status = onnx_count(result, &count);
    if (status) return status;
    if (result->rank + 2 > ONNX_MAX_RANK)
        return error_fail(SHUNT_E_UNSUPPORTED, "its result has rank %d; Shunt knows %d", result->rank + 2,
                          ONNX_MAX_RANK);
    status = matmul_operand(node, 0, a, result, &inputs[0]);
    if (!status) status = matmul_operand(node, 1, b, result, &inputs[1]);
    if (!status) status = onnx_append(node, SHUNT_OP_MATMUL, 0, NULL, 2, inputs, dst);
    result->dims[result->rank++] = a->dims[a->rank - 2];
    result->dims[result->rank++] = b->dims[b->rank - 1];
    return status;
}

/* A vector in front is a row, one behind a column; the result then lacks that axis. */
shunt_status onnx_import_matmul(onnx_node *node)
{
    onnx_tensor a = onnx_input(node, 0)->tensor, b = onnx_input(node, 1)->tensor, result;
    const bool row = a.rank == 1, column = b.rank == 1;
    const bool linear = b.rank == 2 && onnx_is_constant(onnx_input(node, 1));
    shunt_value dst;
    if (!a.rank || !b.rank) return error_fail(SHUNT_E_INVALID, "one of its inputs is a single number");
    if (row) a = (onnx_tensor){.type = a.type, .rank = 2, .dims = {1, a.dims[0]}};
    if (column) b = (onnx_tensor){.type = b.type, .rank = 2, .dims = {b.dims[0], 1}};
    if (!onnx_size(&a) || !onnx_size(&b)) return error_fail(SHUNT_E_UNSUPPORTED, "one of its inputs has no elements");
    if (a.dims[a.rank - 1] != b.dims[b.rank - 2])
        return error_fail(SHUNT_E_INVALID, "%" PRId64 " columns by %" PRId64 " rows", a.dims[a.rank - 1],
                          b.dims[b.rank - 2]);
    shunt_status status =
        linear ? matmul_linear(node, &a, &b, &result, &dst) : matmul_batch(node, &a, &b, &result, &dst);
    if (status) return status;
    if (row) result.dims[result.rank - 2] = result.dims[result.rank - 1];
    result.rank = (uint8_t)(result.rank - row - column);
    result.type = a.type;
    result.data = NULL;
    result.splat = false;
    return onnx_result(node, 0, &result, dst);
}
