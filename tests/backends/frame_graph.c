/* frame_graph.c - preprocessing as a graph, on one device (SHUNT_TEST_DEVICE, scalar by default), against shunt_preprocess_frames on the
 * host, which equals Pillow's and torchvision's bit by bit (tests/data/preprocess.c) and the standards of YUV (tests/data/frame.c). */
#include <shunt/shunt.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

enum { FRAMES = 2 };

static const struct sample {
    const char *name, *channels, *filter, *range;
    shunt_pixels pixels;
    int64_t height, width, resize, crop;
    int64_t gap; /* bytes behind each row */
    shunt_yuv yuv;
} samples[] = {
    {"smaller", "rgb", "bilinear", "1", SHUNT_PIXELS_RGB, 97, 131, 40, 32, 0, 0},
    {"larger", "rgb", "bilinear", "1", SHUNT_PIXELS_BGR, 21, 17, 40, 33, 0, 0},
    {"blue first", "bgr", "bilinear", "255", SHUNT_PIXELS_RGBA, 64, 48, 32, 32, 0, 0},
    {"zeros around", "rgb", "bilinear", "1", SHUNT_PIXELS_BGRA, 50, 70, 24, 31, 0, 0},
    {"gaps", "rgb", "bilinear", "1", SHUNT_PIXELS_RGB, 50, 61, 24, 24, 7, 0},
    {"gray network", "gray", "bilinear", "1", SHUNT_PIXELS_RGB, 60, 60, 28, 28, 0, 0},
    {"gray frames", "rgb", "bilinear", "1", SHUNT_PIXELS_GRAY, 45, 80, 32, 32, 0, 0},
    {"all gray, gaps", "gray", "bilinear", "1", SHUNT_PIXELS_GRAY, 45, 80, 32, 32, 16, 0},
    {"as it is", "rgb", "bilinear", "1", SHUNT_PIXELS_RGB, 32, 32, 32, 32, 0, 0},
    {"bicubic", "rgb", "bicubic", "1", SHUNT_PIXELS_RGB, 97, 131, 40, 32, 0, 0},
    {"bicubic, larger", "gray", "bicubic", "255", SHUNT_PIXELS_BGRA, 20, 33, 40, 40, 5, 0},
    {"NV12", "rgb", "bilinear", "1", SHUNT_PIXELS_NV12, 72, 128, 40, 32, 0, SHUNT_YUV_BT601},
    {"NV12, odd, gaps", "bgr", "bilinear", "255", SHUNT_PIXELS_NV12, 71, 45, 32, 32, 19, SHUNT_YUV_BT709},
    {"NV12, as it is", "rgb", "bilinear", "1", SHUNT_PIXELS_NV12, 31, 31, 31, 31, 1, SHUNT_YUV_BT601_FULL},
    {"NV12, bicubic", "rgb", "bicubic", "1", SHUNT_PIXELS_NV12, 40, 55, 64, 60, 0, SHUNT_YUV_BT709_FULL},
    {"NV12, gray network", "gray", "bilinear", "1", SHUNT_PIXELS_NV12, 40, 56, 32, 32, 8, SHUNT_YUV_BT601},
};

static shunt_preprocess preprocess_of(const struct sample *s)
{
    shunt_preprocess p = {.resize = s->resize, .crop = s->crop};
    OK(shunt_preprocess_set(&p, "mean", "0.485,0.456,0.406"));
    OK(shunt_preprocess_set(&p, "std", "0.229,0.224,0.225"));
    OK(shunt_preprocess_set(&p, "channels", s->channels));
    OK(shunt_preprocess_set(&p, "filter", s->filter));
    OK(shunt_preprocess_set(&p, "range", s->range));
    return p;
}

/* The bytes of one kind of plane of all frames, as an input of the graph. */
typedef struct plane_input {
    shunt_tensor tensor;
    int64_t stride, each; /* each: bytes of a frame's plane */
} plane_input;

static plane_input make_plane(const struct sample *s, int plane)
{
    static const int64_t bytes_of[] = {[SHUNT_PIXELS_RGB] = 3,  [SHUNT_PIXELS_BGR] = 3,  [SHUNT_PIXELS_RGBA] = 4,
                                       [SHUNT_PIXELS_BGRA] = 4, [SHUNT_PIXELS_GRAY] = 1, [SHUNT_PIXELS_NV12] = 1};
    const int64_t bytes = plane ? 2 : bytes_of[s->pixels];
    const int64_t height = plane ? (s->height + 1) / 2 : s->height, width = plane ? (s->width + 1) / 2 : s->width;
    plane_input in = {.stride = width * bytes + s->gap};
    in.each = height * in.stride;
    in.tensor.desc = shunt_tensor_make(SHUNT_U8, 3, (int64_t[]){FRAMES, height, in.stride});
    uint8_t *data = malloc((size_t)(FRAMES * in.each));
    cr_assert(data);
    for (int64_t i = 0; i < FRAMES * in.each;
         i++) { /* edges and slopes, other ones in each frame; all colours that YUV has */
        const int64_t n = i / in.each, y = i % in.each / in.stride, x = i % in.stride;
        data[i] = (uint8_t)((x * 7 + y * (13 + n) + x % bytes * 50 + plane * 90) ^ (x * y >> 3));
    }
    in.tensor.data = data;
    return in;
}

static shunt_frame frame_of(const struct sample *s, const plane_input *planes, int n)
{
    shunt_frame frame = {.pixels = s->pixels, .yuv = s->yuv, .height = s->height, .width = s->width};
    for (int p = 0; p <= (s->pixels == SHUNT_PIXELS_NV12); p++) {
        if (planes[p].tensor.data) frame.planes[p] = (const uint8_t *)planes[p].tensor.data + n * planes[p].each;
        frame.strides[p] = s->gap ? planes[p].stride : 0;
    }
    return frame;
}

static void expect_host(const struct sample *s, const shunt_preprocess *p, const plane_input *planes, float *expected)
{
    shunt_frame frames[FRAMES];
    for (int n = 0; n < FRAMES; n++) frames[n] = frame_of(s, planes, n);
    OK(shunt_preprocess_frames(p, frames, FRAMES, expected));
}

/* Into memory of the device, which a network could go on with. */
static void run_graph(const struct sample *s, const shunt_preprocess *p, shunt_device *device,
                      const plane_input *planes, float *result)
{
    const shunt_tensor src[] = {planes[0].tensor, planes[1].tensor};
    const shunt_frame like = frame_of(s, planes, 0);
    shunt_graph *graph;
    shunt_weights *weights;
    shunt_executor *executor;
    shunt_buffer *buffer;
    OK(shunt_preprocess_graph(p, &like, &graph, &weights));
    OK(shunt_executor_create(graph, weights, device, &executor));
    shunt_tensor dst = {
        .desc = shunt_tensor_make(SHUNT_F32, 4, (int64_t[]){FRAMES, shunt_preprocess_planes(p), s->crop, s->crop})};
    const uint64_t size = shunt_tensor_bytes(&dst.desc);
    OK(shunt_buffer_create(device, size, &buffer));
    dst.buffer = buffer;
    OK(shunt_executor_run(executor, src, s->pixels == SHUNT_PIXELS_NV12 ? 2 : 1, &dst, 1));
    OK(shunt_buffer_read(buffer, 0, result, size));
    shunt_buffer_destroy(buffer);
    shunt_executor_destroy(executor);
    shunt_graph_destroy(graph);
    shunt_weights_destroy(weights);
}

static void compare(const struct sample *s, shunt_device *device)
{
    const shunt_preprocess p = preprocess_of(s);
    const size_t plane = (size_t)(s->crop * s->crop), planes = (size_t)shunt_preprocess_planes(&p);
    plane_input in[2] = {make_plane(s, 0), {.stride = 0}};
    float *expected = calloc(FRAMES * planes * plane, sizeof *expected),
          *got = calloc(FRAMES * planes * plane, sizeof *got);
    cr_assert(expected && got);
    if (s->pixels == SHUNT_PIXELS_NV12) in[1] = make_plane(s, 1);
    expect_host(s, &p, in, expected);
    run_graph(s, &p, device, in, got);
    for (size_t i = 0; i < FRAMES * planes * plane; i++) {
        const double step = (p.range == SHUNT_RANGE_255 ? 1 : 1 / 255.0) / (double)p.std[i / plane % planes];
        const double difference = fabs((double)got[i] - (double)expected[i]) / step;
        cr_assert(difference <= 1.01, "%s, element %zu: %g steps of a byte apart", s->name, i, difference);
    }
    for (int i = 0; i < 2; i++) free(in[i].tensor.data);
    free(expected);
    free(got);
}

Test(frame_graph, as_on_the_host)
{
    shunt_device *device;
    OK(shunt_device_open(getenv("SHUNT_TEST_DEVICE"), NULL, &device));
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) compare(&samples[i], device);
    shunt_device_close(device);
}

Test(frame_graph, refused)
{
    static const struct {
        shunt_frame frame;
        const char *why;
    } bad[] = {
        {{.pixels = (shunt_pixels)9, .height = 8, .width = 8}, "no pixels of kind 9"},
        {{.yuv = (shunt_yuv)4, .height = 8, .width = 8}, "no YUV of kind 4"},
        {{.height = 0, .width = 8}, "8 x 0 pixels"},
        {{.height = 8, .width = 1 << 20}, "sides must be in"},
        {{.height = 8, .width = 8, .strides = {-24}}, "a stride of -24"},
        {{.height = 8, .width = 8, .strides = {23}}, "less than the 24 of a row"},
        {{.height = 8, .width = 8, .strides = {1 << 21}}, "a stride of 2097152"},
        {{.pixels = SHUNT_PIXELS_NV12, .height = 7, .width = 7, .strides = {0, 7}}, "less than the 8 of a row"},
        {{.height = 8, .width = 8, .reserved = {1}}, "reserved"},
    };
    shunt_preprocess p = preprocess_of(&samples[0]);
    const shunt_frame good = {.height = 8, .width = 8};
    shunt_graph *graph;
    shunt_weights *weights;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_neq(shunt_preprocess_graph(&p, &bad[i].frame, &graph, &weights), SHUNT_OK, "%s", bad[i].why);
        cr_assert(strstr(shunt_last_error(), bad[i].why), "%s, not %s", shunt_last_error(), bad[i].why);
        cr_assert(!graph && !weights);
    }
    p.crop = 0;
    cr_assert_eq(shunt_preprocess_graph(&p, &good, &graph, &weights), SHUNT_E_INVALID);
    cr_assert_eq(shunt_preprocess_graph(&p, NULL, &graph, &weights), SHUNT_E_INVALID);
    cr_assert(!graph && !weights);
}
