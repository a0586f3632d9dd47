/* frame_graph.c - preprocessing as a graph: the bytes of frames to floats, their colours, resized, cropped, and normalised by a
 * convolution of one pixel. Where the host has bytes between two steps, rounding to bytes is part of the graph, except after a
 * bilinear filter: that differs by less than a byte's step without it. */
#include <shunt/model.h>

#include <stdbool.h>
#include <stdio.h>

#include "runtime/base/error.h"
#include "runtime/data/image.h"

#define HALF "half" /* what is added before numbers are cut to bytes */

enum { MOST_PLANES = 3, MOST_BYTES = 4, MOST_SIDE = 1 << 15, MOST_STRIDE = 1 << 20, NAME_CHARS = 32 };

typedef struct building {
    shunt_graph *graph;
    shunt_weights *weights;
    shunt_status status; /* of the weights; what is wrong with the graph, shunt_graph_check says */
} building;

/* ---- Ops ---------------------------------------------------------------------------------------------------------- */

static shunt_value cast(building *b, const char *name, shunt_dtype dtype, shunt_value src)
{
    const shunt_op_attr attr = {.cast = {.dtype = dtype}};
    return shunt_graph_op(b->graph, name, SHUNT_OP_CAST, 0, &attr, 1, &src);
}

/* Numbers lose what is behind the point. Those below 0 become 0, and those above 255 become 255. */
static shunt_value cut_to_bytes(building *b, const char *name, shunt_value src)
{
    return cast(b, name, SHUNT_F32, cast(b, name, SHUNT_U8, src));
}

static shunt_value reshape(building *b, const char *name, int32_t rank, const int64_t *dims, shunt_value src)
{
    shunt_op_attr attr = {.reshape = {.rank = rank}};
    for (int i = 1; i < rank; i++) attr.reshape.dims[i] = (int32_t)dims[i];
    return shunt_graph_op(b->graph, name, SHUNT_OP_RESHAPE, 0, &attr, 1, &src);
}

static void set(building *b, const char *name, const char *part, const shunt_tensor_desc *desc, const float *numbers)
{
    char full[2 * NAME_CHARS];
    snprintf(full, sizeof full, "%s%s", name, part);
    if (!b->status) b->status = shunt_weights_set(b->weights, full, desc, numbers);
}

/* Each pixel's `planes` numbers from its `bytes`: weights has a row for each plane. */
static shunt_value mix(building *b, const char *name, int64_t planes, int64_t bytes, const float *weights,
                       const float *bias, shunt_value src)
{
    const shunt_tensor_desc matrix = shunt_tensor_make(SHUNT_F32, 4, (int64_t[]){planes, bytes, 1, 1});
    const shunt_tensor_desc list = shunt_tensor_make(SHUNT_F32, 1, &planes);
    set(b, name, ".weight", &matrix, weights);
    set(b, name, ".bias", &list, bias);
    return shunt_graph_conv(b->graph, name, src, planes, 1, 1, 0, 1);
}

/* ---- Bytes -------------------------------------------------------------------------------------------------------- */

/* A plane of the frame, an input of the graph, as floats (1, bytes, height, width). The input is rows of bytes and no picture: of a rank
 * whose layout is always plain. */
static shunt_value read_plane(building *b, const char *name, const shunt_frame *frame, int plane, int64_t bytes)
{
    const int64_t row = frame_row_bytes(frame, plane), stride = frame_stride(frame, plane);
    const int64_t H = plane ? (frame->height + 1) / 2 : frame->height, W = row / bytes;
    const int64_t rows[] = {1, H, stride}, pixels[] = {1, H, W, bytes}, planes[] = {1, bytes, H, W};
    const shunt_op_attr cut = {.pad = {.mode = SHUNT_PAD_CONSTANT, .after = {0, 0, (int32_t)(row - stride)}}};
    const shunt_op_attr planes_first = {.transpose = {.axes = {0, 3, 1, 2}}};
    char full[NAME_CHARS];
    snprintf(full, sizeof full, "%s.float", name);
    shunt_value value = cast(b, full, SHUNT_F32, shunt_graph_input_of(b->graph, name, SHUNT_U8, 3, rows));
    if (stride != row) value = shunt_graph_op(b->graph, full, SHUNT_OP_PAD, 0, &cut, 1, &value);
    snprintf(full, sizeof full, "%s.planes", name);
    if (bytes == 1) return reshape(b, full, 4, planes, value);
    value = reshape(b, full, 4, pixels, value);
    return shunt_graph_op(b->graph, full, SHUNT_OP_TRANSPOSE, 0, &planes_first, 1, &value);
}

/* Y's share in each colour, plus that of U and V, whose pixels are four pixels of the frame. As frame_yuv has it; its numbers of 16.16
 * are exact as floats. */
static shunt_value read_nv12(building *b, const shunt_frame *frame)
{
    const frame_yuv n = frame_yuv_of(frame->yuv);
    const float unit = 1.0f / 65536, y = unit * (float)n.luma, red = unit * (float)n.red, blue = unit * (float)n.blue;
    const float green_u = -unit * (float)n.green_u, green_v = -unit * (float)n.green_v;
    const float luma[] = {y, y, y}, chroma[] = {0, red, green_u, green_v, blue, 0};
    const float offset = 0.5f - y * (float)n.black, offsets[] = {offset, offset, offset};
    const float middles[] = {-128 * red, -128 * (green_u + green_v), -128 * blue};
    const shunt_op_attr twice = {.resize = {.filter = SHUNT_RESIZE_NEAREST,
                                            .coordinates = SHUNT_RESIZE_ASYMMETRIC,
                                            .rounding = SHUNT_RESIZE_FLOOR,
                                            .size = {(int32_t)frame->height, (int32_t)frame->width},
                                            .factor = {2, 2}}};
    shunt_value value = read_plane(b, "frames", frame, 0, 1), uv = read_plane(b, "chroma", frame, 1, 2);
    uv = mix(b, "chroma.rgb", 3, 2, chroma, middles, uv);
    uv = shunt_graph_op(b->graph, "chroma.resize", SHUNT_OP_RESIZE, 0, &twice, 1, &uv);
    value = mix(b, "frames.rgb", 3, 1, luma, offsets, value);
    value = shunt_graph_add(b->graph, "frames.add", value, uv);
    return cut_to_bytes(b, "frames.bytes", value);
}

/* As Pillow's mode L; the products and their sum are exact as floats. */
static shunt_value to_gray(building *b, const frame_packing *at, shunt_value src)
{
    const int colours[] = {at->red, at->green, at->blue};
    const float shares[] = {19595.0f / 65536, 38470.0f / 65536, 7471.0f / 65536}, half = 0.5f;
    float weights[MOST_BYTES] = {0};
    for (int k = 0; k < 3; k++) weights[colours[k]] = shares[k];
    return cut_to_bytes(b, "gray.bytes", mix(b, "gray", 1, at->bytes, weights, &half, src));
}

/* ---- Resizing ----------------------------------------------------------------------------------------------------- */

static shunt_value resize(building *b, const char *name, int32_t filter, int64_t height, int64_t width, shunt_value src)
{
    const shunt_op_attr attr = {.resize = {.filter = filter, .size = {(int32_t)height, (int32_t)width}}};
    return shunt_graph_op(b->graph, name, SHUNT_OP_RESIZE, 0, &attr, 1, &src);
}

static shunt_value round_to_bytes(building *b, const char *name, shunt_value src)
{
    const int64_t one[] = {1, 1, 1, 1};
    const shunt_tensor_desc desc = shunt_tensor_make(SHUNT_F32, 4, one);
    const float half = 0.5f;
    set(b, HALF, "", &desc, &half);
    const shunt_value pair[] = {src, shunt_graph_parameter(b->graph, HALF, SHUNT_ROLE_BIAS, 4, one)};
    const shunt_op_attr none = {.words = {0}};
    return cut_to_bytes(b, name, shunt_graph_op(b->graph, name, SHUNT_OP_ADD, SHUNT_FLAG_BROADCAST, &none, 2, pair));
}

/* from, to: height and width. */
static shunt_value resize_as(building *b, shunt_filter filter, const int64_t from[2], const int64_t to[2],
                             shunt_value src)
{
    shunt_value value = src;
    if (from[0] == to[0] && from[1] == to[1]) return src;
    if (filter == SHUNT_BILINEAR) return resize(b, "resize", SHUNT_RESIZE_TRIANGLE, to[0], to[1], src);
    if (from[1] != to[1]) {
        value = resize(b, "resize.columns", SHUNT_RESIZE_CUBIC, from[0], to[1], value);
        value = round_to_bytes(b, "resize.columns.bytes", value);
    }
    if (from[0] == to[0]) return value;
    value = resize(b, "resize.rows", SHUNT_RESIZE_CUBIC, to[0], to[1], value);
    return round_to_bytes(b, "resize.rows.bytes", value);
}

static shunt_value crop_centre(building *b, const int64_t size[2], int64_t crop, shunt_value src)
{
    shunt_op_attr attr = {.pad = {.mode = SHUNT_PAD_CONSTANT}};
    if (size[0] == crop && size[1] == crop) return src;
    for (int i = 0; i < 2; i++) {
        const int64_t begin = preprocess_crop_begin(size[i], crop);
        attr.pad.before[2 + i] = (int32_t)-begin;
        attr.pad.after[2 + i] = (int32_t)(crop + begin - size[i]);
    }
    return shunt_graph_op(b->graph, "crop", SHUNT_OP_PAD, 0, &attr, 1, &src);
}

/* ---- The whole ---------------------------------------------------------------------------------------------------- */

static shunt_value normalise(building *b, const shunt_preprocess *p, const frame_packing *at, shunt_value src)
{
    const int64_t planes = shunt_preprocess_planes(p);
    const double divisor = p->range == SHUNT_RANGE_255 ? 1 : 255;
    const int colours[] = {at->red, at->green, at->blue};
    float weights[MOST_PLANES * MOST_BYTES] = {0}, bias[MOST_PLANES];
    for (int c = 0; c < (int)planes; c++) {
        const int byte = colours[p->channels == SHUNT_BGR ? 2 - c : c];
        weights[c * at->bytes + byte] = (float)(1 / (divisor * (double)p->std[c]));
        bias[c] = (float)(-(double)p->mean[c] / (double)p->std[c]);
    }
    return mix(b, "normalise", planes, at->bytes, weights, bias, src);
}

static shunt_status check(const shunt_preprocess *p, const shunt_frame *frame)
{
    shunt_status status = frame_check(frame);
    if (status) return error_context(status, "preprocessing as a graph");
    if (frame->height > MOST_SIDE || frame->width > MOST_SIDE)
        return error_fail(SHUNT_E_INVALID, "preprocessing as a graph: frames of %lld x %lld; sides must be in 1 .. %d",
                          (long long)frame->height, (long long)frame->width, MOST_SIDE);
    for (int plane = 0; plane <= (frame->pixels == SHUNT_PIXELS_NV12); plane++)
        if (frame->strides[plane] < 0 || frame->strides[plane] > MOST_STRIDE)
            return error_fail(SHUNT_E_INVALID, "preprocessing as a graph: a stride of %lld; it must be in 0 .. %d",
                              (long long)frame->strides[plane], MOST_STRIDE);
    return preprocess_check(p);
}

static shunt_status build(building *b, const shunt_preprocess *p, const shunt_frame *frame)
{
    const frame_packing gray = {1, 0, 0, 0}, rgb = {3, 0, 1, 2};
    const int64_t from[] = {frame->height, frame->width};
    frame_packing at = frame_packing_of(frame->pixels);
    int64_t to[] = {from[0], from[1]};
    b->status = preprocess_size(p, &to[0], &to[1]);
    if (b->status) return b->status;
    shunt_value value = at.bytes ? read_plane(b, "frames", frame, 0, at.bytes) : read_nv12(b, frame);
    if (!at.bytes) at = rgb;
    if (p->channels == SHUNT_GRAY && at.bytes > 1) {
        value = to_gray(b, &at, value);
        at = gray;
    }
    value = resize_as(b, p->filter, from, to, value);
    value = normalise(b, p, &at, crop_centre(b, to, p->crop, value));
    shunt_graph_output(b->graph, "pictures", value);
    return b->status ? b->status : shunt_graph_check(b->graph);
}

shunt_status shunt_preprocess_graph(const shunt_preprocess *preprocess, const shunt_frame *frame, shunt_graph **graph,
                                    shunt_weights **weights)
{
    if (!preprocess || !frame || !graph || !weights) return error_null(__func__, "preprocess, frame, graph, weights");
    building b = {0};
    *graph = NULL;
    *weights = NULL;
    shunt_status status = check(preprocess, frame);
    if (!status) status = shunt_weights_create(&b.weights);
    if (!status && !(b.graph = shunt_graph_create())) status = error_memory();
    if (!status) status = build(&b, preprocess, frame);
    if (status) {
        shunt_graph_destroy(b.graph);
        shunt_weights_destroy(b.weights);
        return status;
    }
    *graph = b.graph;
    *weights = b.weights;
    return SHUNT_OK;
}
