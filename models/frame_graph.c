/* frame_graph.c - preprocessing as a graph: bytes to floats, resized, cropped, and each colour put into its plane, normalised, by a
 * convolution of one pixel. */
#include <shunt/model.h>

#include "runtime/base/error.h"
#include "runtime/data/image.h"

#define NORMALISE "normalise"

enum { MOST_PLANES = 3, MOST_BYTES = 4, MOST_SIDE = 1 << 15 };

/* Where red, green and blue lie in a pixel. */
static const struct layout {
    int64_t bytes;
    int red, green, blue;
} layouts[] = {
    [SHUNT_PIXELS_RGB] = {3, 0, 1, 2},  [SHUNT_PIXELS_BGR] = {3, 2, 1, 0},  [SHUNT_PIXELS_RGBA] = {4, 0, 1, 2},
    [SHUNT_PIXELS_BGRA] = {4, 2, 1, 0}, [SHUNT_PIXELS_GRAY] = {1, 0, 0, 0},
};

/* ---- Ops ---------------------------------------------------------------------------------------------------------- */

/* From bytes (1, height, width, bytes) to floats (1, bytes, height, width). */
static shunt_value read_pixels(shunt_graph *graph, int64_t bytes, int64_t height, int64_t width)
{
    const shunt_op_attr to_float = {.cast = {.dtype = SHUNT_F32}};
    const shunt_op_attr planes_first = {.transpose = {.axes = {0, 3, 1, 2}}};
    shunt_value value = shunt_graph_input_of(graph, "frames", SHUNT_U8, 4, (int64_t[]){1, height, width, bytes});
    value = shunt_graph_op(graph, "frames.float", SHUNT_OP_CAST, 0, &to_float, 1, &value);
    return shunt_graph_op(graph, "frames.planes", SHUNT_OP_TRANSPOSE, 0, &planes_first, 1, &value);
}

static shunt_value resize(shunt_graph *graph, const char *name, int32_t filter, int64_t height, int64_t width,
                          shunt_value src)
{
    const shunt_op_attr attr = {.resize = {.filter = filter, .size = {(int32_t)height, (int32_t)width}}};
    return shunt_graph_op(graph, name, SHUNT_OP_RESIZE, 0, &attr, 1, &src);
}

/* A cubic filter overshoots at edges; bytes end at 0 and 255, after the columns and after the rows. */
static shunt_value limit(shunt_graph *graph, const char *name, shunt_value src)
{
    const shunt_op_attr bytes = {.clip = {.low = 0, .high = 255}};
    return shunt_graph_op(graph, name, SHUNT_OP_CLIP, 0, &bytes, 1, &src);
}

/* from, to: height and width. */
static shunt_value resize_as(shunt_graph *graph, shunt_filter filter, const int64_t from[2], const int64_t to[2],
                             shunt_value src)
{
    if (from[0] == to[0] && from[1] == to[1]) return src;
    if (filter == SHUNT_BILINEAR) return resize(graph, "resize", SHUNT_RESIZE_TRIANGLE, to[0], to[1], src);
    shunt_value value = resize(graph, "resize.columns", SHUNT_RESIZE_CUBIC, from[0], to[1], src);
    value = limit(graph, "resize.columns.limit", value);
    value = resize(graph, "resize.rows", SHUNT_RESIZE_CUBIC, to[0], to[1], value);
    return limit(graph, "resize.rows.limit", value);
}

static shunt_value crop_centre(shunt_graph *graph, const int64_t size[2], int64_t crop, shunt_value src)
{
    shunt_op_attr attr = {.pad = {.mode = SHUNT_PAD_CONSTANT}};
    if (size[0] == crop && size[1] == crop) return src;
    for (int i = 0; i < 2; i++) {
        const int64_t begin = preprocess_crop_begin(size[i], crop);
        attr.pad.before[2 + i] = (int32_t)-begin;
        attr.pad.after[2 + i] = (int32_t)(crop + begin - size[i]);
    }
    return shunt_graph_op(graph, "crop", SHUNT_OP_PAD, 0, &attr, 1, &src);
}

/* ---- Normalisation ------------------------------------------------------------------------------------------------ */

/* One plane of what the network gets, from a pixel's bytes. */
static void fill_plane(const shunt_preprocess *p, const struct layout *at, int plane, float *weights, float *bias)
{
    const double divisor = p->range == SHUNT_RANGE_255 ? 1 : 255, factor = 1 / (divisor * (double)p->std[plane]);
    const int colours[] = {at->red, at->green, at->blue};
    const double gray[] = {19595. / 65536, 38470. / 65536, 7471. / 65536}; /* Pillow's mode L */
    const int colour = p->channels == SHUNT_BGR ? 2 - plane : plane;
    for (int k = 0; k < 3; k++)
        weights[colours[k]] += (float)(factor * (p->channels == SHUNT_GRAY ? gray[k] : k == colour));
    *bias = (float)(-(double)p->mean[plane] / (double)p->std[plane]);
}

static shunt_status set_numbers(const shunt_preprocess *p, const struct layout *at, shunt_weights *weights)
{
    const int64_t planes = shunt_preprocess_planes(p);
    const shunt_tensor_desc matrix = {SHUNT_F32, 4, SHUNT_PLAIN, 0, {planes, at->bytes, 1, 1}};
    const shunt_tensor_desc list = {SHUNT_F32, 1, SHUNT_PLAIN, 0, {planes}};
    float numbers[MOST_PLANES * MOST_BYTES] = {0}, biases[MOST_PLANES];
    for (int c = 0; c < (int)planes; c++) fill_plane(p, at, c, numbers + c * at->bytes, &biases[c]);
    shunt_status status = shunt_weights_set(weights, NORMALISE ".weight", &matrix, numbers);
    return status ? status : shunt_weights_set(weights, NORMALISE ".bias", &list, biases);
}

/* ---- The whole ---------------------------------------------------------------------------------------------------- */

static shunt_status check(const shunt_preprocess *p, shunt_pixels pixels, int64_t height, int64_t width)
{
    if (pixels == SHUNT_PIXELS_NV12)
        return error_fail(SHUNT_E_UNSUPPORTED, "preprocessing as a graph: NV12 frames have to be converted before");
    if ((int)pixels < 0 || pixels > SHUNT_PIXELS_NV12)
        return error_fail(SHUNT_E_INVALID, "preprocessing as a graph: %d is no kind of pixels", (int)pixels);
    if (height < 1 || width < 1 || height > MOST_SIDE || width > MOST_SIDE)
        return error_fail(SHUNT_E_INVALID, "preprocessing as a graph: frames of %lld x %lld; sides must be in 1 .. %d",
                          (long long)height, (long long)width, MOST_SIDE);
    return preprocess_check(p);
}

static shunt_status build(const shunt_preprocess *p, const struct layout *at, const int64_t from[2], shunt_graph *graph,
                          shunt_weights *weights)
{
    int64_t to[2] = {from[0], from[1]};
    shunt_status status = preprocess_size(p, &to[0], &to[1]);
    if (!status) status = set_numbers(p, at, weights);
    if (status) return status;
    shunt_value value = read_pixels(graph, at->bytes, from[0], from[1]);
    value = resize_as(graph, p->filter, from, to, value);
    value = crop_centre(graph, to, p->crop, value);
    value = shunt_graph_conv(graph, NORMALISE, value, shunt_preprocess_planes(p), 1, 1, 0, 1);
    shunt_graph_output(graph, "pictures", value);
    return shunt_graph_check(graph);
}

shunt_status shunt_preprocess_graph(const shunt_preprocess *preprocess, shunt_pixels pixels, int64_t height,
                                    int64_t width, shunt_graph **graph, shunt_weights **weights)
{
    if (!preprocess || !graph || !weights) return error_null(__func__, "preprocess, graph, weights");
    *graph = NULL;
    *weights = NULL;
    shunt_status status = check(preprocess, pixels, height, width);
    if (!status) status = shunt_weights_create(weights);
    if (!status && !(*graph = shunt_graph_create())) status = error_memory();
    if (!status) status = build(preprocess, &layouts[pixels], (int64_t[]){height, width}, *graph, *weights);
    if (!status) return SHUNT_OK;
    shunt_graph_destroy(*graph);
    shunt_weights_destroy(*weights);
    *graph = NULL;
    *weights = NULL;
    return status;
}
