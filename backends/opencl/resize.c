/* resize.c - resizing by each of the filters, and the gradient. Which elements make which is computed here, once, into a table. */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>

/* The same fields as in resize.cl. */
typedef struct resize_dims {
    cl_int C, H, W, P, Q;
} resize_dims;

typedef struct resize_tap {
    cl_int index[2];
    cl_float weight[2];
} resize_tap;

/* First place of dst, and one behind the last. */
typedef struct resize_reach {
    cl_int begin, end;
} resize_reach;

/* Elements of src, of an antialiased filter, and where their weights begin. */
typedef struct resize_span {
    cl_int first, count, weights;
} resize_span;

/* The op's own: what the kernel's tables lie in. An antialiased filter has spans for taps, and their weights. */
typedef struct resize_tables {
    cl_mem taps, more; /* more: resize_reach, weights or NULL */
} resize_tables;

static const char *refuse_tensors(const shunt_op_desc *desc, const shunt_tensor_desc *src, const shunt_tensor_desc *dst)
{
    const shunt_resize_attr *attr = &desc->attr.resize;
    const int64_t most = 1 << 24;
    if (desc->flags) return "a flag that the op lacks";
    if (src->rank != 4 || dst->rank != 4) return "tensors that are not N C H W";
    if (shunt_tensor_block(src) != shunt_tensor_block(dst)) return "src and dst of different layouts";
    if (src->dims[0] != dst->dims[0] || src->dims[1] != dst->dims[1])
        return "src and dst of different channels or images";
    for (int i = 0; i < 2; i++) {
        if (!isfinite(attr->factor[i]) || attr->factor[i] < 0) return "a factor that is no size";
        if (attr->size[i] && attr->size[i] != dst->dims[2 + i]) return "dst is not of the size that is given";
        if (src->dims[2 + i] > most || dst->dims[2 + i] > most) return "more than 2^24 rows or columns";
        if (shunt_resize_is_antialiased(attr) && (attr->factor[i] != 0 || attr->coordinates != SHUNT_RESIZE_HALF_PIXEL))
            return "an antialiased filter with a factor, or not of half pixels";
    }
    return attr->filter > SHUNT_RESIZE_CUBIC ? "a filter that is not known" : NULL;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    return refuse_tensors(desc, &desc->inputs[0], &desc->outputs[0]);
}

static const char *refuse_grad(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    if (shunt_resize_is_antialiased(&desc->attr.resize)) return "an antialiased filter, which has no gradient";
    return refuse_tensors(desc, &desc->outputs[0], &desc->inputs[0]);
}

/* ---- Tables ------------------------------------------------------------------------------------------------------- */

static void fill_taps(const shunt_resize_attr *attr, const resize_dims *d, resize_tap *taps)
{
    for (cl_int i = 0; i < d->P + d->Q; i++) {
        const bool row = i < d->P;
        const shunt_resize_tap tap =
            shunt_resize_tap_at(attr, row ? 0 : 1, row ? d->H : d->W, row ? d->P : d->Q, row ? i : i - d->P);
        for (int k = 0; k < 2; k++) {
            taps[i].index[k] = (cl_int)tap.index[k];
            taps[i].weight[k] = (cl_float)tap.weight[k];
        }
    }
}

/* Of the elements of src along one axis, from the taps of that axis: both rise, so an element's places are neighbours. */
static void fill_reach(const resize_tap *taps, cl_int places, resize_reach *reach)
{
    for (cl_int p = 0; p < places; p++)
        for (int k = 0; k < 2; k++) {
            resize_reach *of = &reach[taps[p].index[k]];
            if (of->begin == of->end) of->begin = p;
            of->end = p + 1;
        }
}

static shunt_status make_table(const ocl_device *device, size_t bytes, void *data, cl_mem *out)
{
    cl_int code;
    *out = clCreateBuffer(device->context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, bytes, data, &code);
    return *out ? SHUNT_OK : ocl_fail_context(ocl_failed("clCreateBuffer", code), "a table of %zu bytes", bytes);
}

/* The weights of element p of one axis, which add up to 1. */
static void fill_weights(const shunt_resize_attr *attr, int64_t size, int64_t places, int64_t p, cl_float *weights)
{
    const shunt_resize_span span = shunt_resize_span_at(attr, size, places, p);
    double total = 0;
    for (int64_t k = 0; k < span.count; k++) total += shunt_resize_weight(attr, size, places, p, span.first + k);
    for (int64_t k = 0; k < span.count; k++)
        weights[k] = (cl_float)(shunt_resize_weight(attr, size, places, p, span.first + k) / total);
}

/* Returns the number of weights; weights NULL: only counts them. */
static size_t fill_spans(const shunt_resize_attr *attr, const resize_dims *d, resize_span *spans, cl_float *weights)
{
    cl_int count = 0;
    for (cl_int i = 0; i < d->P + d->Q; i++) {
        const bool row = i < d->P;
        const int64_t size = row ? d->H : d->W, places = row ? d->P : d->Q, p = row ? i : i - d->P;
        const shunt_resize_span span = shunt_resize_span_at(attr, size, places, p);
        spans[i] = (resize_span){(cl_int)span.first, (cl_int)span.count, count};
        if (weights) fill_weights(attr, size, places, p, weights + count);
        count += (cl_int)span.count;
    }
    return (size_t)count;
}

static shunt_status make_spans(shunt_bop *op, const resize_dims *d)
{
    const size_t nspans = (size_t)d->P + (size_t)d->Q;
    resize_span *spans = calloc(nspans, sizeof *spans);
    resize_tables *own = op->own = calloc(1, sizeof *own);
    const size_t nweights = spans ? fill_spans(&op->desc.attr.resize, d, spans, NULL) : 0;
    cl_float *weights = calloc(nweights + 1, sizeof *weights);
    shunt_status status = spans && weights && own ? SHUNT_OK : ocl_fail_memory();
    if (!status) {
        fill_spans(&op->desc.attr.resize, d, spans, weights);
        status = make_table(op->device, nspans * sizeof *spans, spans, &own->taps);
    }
    if (!status) status = make_table(op->device, nweights * sizeof *weights, weights, &own->more);
    free(spans);
    free(weights);
    return status;
}

static shunt_status make_taps(shunt_bop *op, const resize_dims *d)
{
    const size_t ntaps = (size_t)d->P + (size_t)d->Q, nreach = (size_t)d->H + (size_t)d->W;
    resize_tap *taps = calloc(ntaps, sizeof *taps);
    resize_reach *reach = calloc(nreach, sizeof *reach);
    resize_tables *own = op->own = calloc(1, sizeof *own);
    shunt_status status = taps && reach && own ? SHUNT_OK : ocl_fail_memory();
    if (!status) {
        fill_taps(&op->desc.attr.resize, d, taps);
        status = make_table(op->device, ntaps * sizeof *taps, taps, &own->taps);
    }
    if (!status && op->desc.kind == SHUNT_OP_RESIZE_GRAD) {
        fill_reach(taps, d->P, reach);
        fill_reach(taps + d->P, d->Q, reach + d->H);
        status = make_table(op->device, nreach * sizeof *reach, reach, &own->more);
    }
    free(taps);
    free(reach);
    return status;
}

static void destroy(shunt_bop *op)
{
    const resize_tables *own = op->own;
    if (own && own->taps) clReleaseMemObject(own->taps);
    if (own && own->more) clReleaseMemObject(own->more);
}

/* ---- Steps -------------------------------------------------------------------------------------------------------- */

/* src and dst are those of the forward op. */
static shunt_status prepare_tensors(shunt_bop *op, const char *kernel, const shunt_tensor_desc *src,
                                    const shunt_tensor_desc *dst)
{
    const shunt_tensor_desc *made = &op->desc.outputs[0];
    const resize_dims dims = {(cl_int)src->dims[1], (cl_int)src->dims[2], (cl_int)src->dims[3], (cl_int)dst->dims[2],
                              (cl_int)dst->dims[3]};
    char options[OCL_OPTIONS_CHARS];
    cl_int run;
    const cl_ulong pieces = ocl_pieces(op->device, made, made->dims[3], &run);
    const bool antialiased = shunt_resize_is_antialiased(&op->desc.attr.resize);
    shunt_status status = antialiased ? make_spans(op, &dims) : make_taps(op, &dims);
    if (status) return status;
    const resize_tables *own = op->own;
    const ocl_constant constants[] = {{sizeof pieces, &pieces},
                                      {sizeof run, &run},
                                      {sizeof dims, &dims},
                                      {sizeof own->taps, &own->taps},
                                      {sizeof own->more, &own->more}};
    ocl_block_options(op->device, shunt_tensor_block(src), options);
    if (op->desc.attr.resize.filter == SHUNT_RESIZE_BILINEAR) ocl_add_option(options, " -DBILINEAR");
    status = ocl_step_create_flat(op->device, &op->steps[0], &ocl_resize_cl, options, kernel, pieces);
    return status ? status : ocl_step_constants(&op->steps[0], 4, own->more ? 5 : 4, constants);
}

static shunt_status prepare(shunt_bop *op)
{
    const char *kernel = shunt_resize_is_antialiased(&op->desc.attr.resize) ? "resize_spans" : "resize";
    return prepare_tensors(op, kernel, &op->desc.inputs[0], &op->desc.outputs[0]);
}

static shunt_status prepare_grad(shunt_bop *op)
{
    return prepare_tensors(op, "resize_grad", &op->desc.outputs[0], &op->desc.inputs[0]);
}

const ocl_algorithm ocl_resize = {
    .kind = SHUNT_OP_RESIZE, .name = "gather", .refuse = refuse, .prepare = prepare, .destroy = destroy};
const ocl_algorithm ocl_resize_grad = {
    .kind = SHUNT_OP_RESIZE_GRAD, .name = "gather", .refuse = refuse_grad, .prepare = prepare_grad, .destroy = destroy};
