/* frame_graph.c - preprocessing as a graph, on one device (SHUNT_TEST_DEVICE, scalar by default), against shunt_preprocess_frames on the
 * host, which equals Pillow's and torchvision's bit by bit (tests/data/preprocess.c). */
#include <shunt/shunt.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#define OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

enum { FRAMES = 2 };

static const struct sample {
    const char *name, *channels, *filter, *range;
    shunt_pixels pixels;
    int64_t bytes, height, width, resize, crop;
    double most; /* difference, in steps of a byte */
} samples[] = {
    {"smaller", "rgb", "bilinear", "1", SHUNT_PIXELS_RGB, 3, 97, 131, 40, 32, 1},
    {"larger", "rgb", "bilinear", "1", SHUNT_PIXELS_BGR, 3, 21, 17, 40, 33, 1},
    {"blue first", "bgr", "bilinear", "255", SHUNT_PIXELS_RGBA, 4, 64, 48, 32, 32, 1},
    {"zeros around", "rgb", "bilinear", "1", SHUNT_PIXELS_BGRA, 4, 50, 70, 24, 31, 1},
    {"gray network", "gray", "bilinear", "1", SHUNT_PIXELS_RGB, 3, 60, 60, 28, 28, 2},
    {"gray frames", "rgb", "bilinear", "1", SHUNT_PIXELS_GRAY, 1, 45, 80, 32, 32, 1},
    {"as it is", "rgb", "bilinear", "1", SHUNT_PIXELS_RGB, 3, 32, 32, 32, 32, 0},
    {"bicubic", "rgb", "bicubic", "1", SHUNT_PIXELS_RGB, 3, 97, 131, 40, 32, 2},
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

/* Edges and slopes, other ones in each frame. */
static void draw(const struct sample *s, uint8_t *bytes)
{
    for (int64_t n = 0, i = 0; n < FRAMES; n++)
        for (int64_t y = 0; y < s->height; y++)
            for (int64_t x = 0; x < s->width; x++)
                for (int64_t c = 0; c < s->bytes; c++)
                    bytes[i++] = (uint8_t)((x * 7 + y * (13 + n) + c * 50) ^ (x * y >> 3));
}

static void expect_host(const struct sample *s, const shunt_preprocess *p, const uint8_t *bytes, float *expected)
{
    const int64_t each = s->height * s->width * s->bytes;
    shunt_frame frames[FRAMES];
    for (int n = 0; n < FRAMES; n++)
        frames[n] =
            (shunt_frame){.pixels = s->pixels, .height = s->height, .width = s->width, .planes = {bytes + n * each}};
    OK(shunt_preprocess_frames(p, frames, FRAMES, expected));
}

/* Into memory of the device, which a network could go on with. */
static void run_graph(const struct sample *s, const shunt_preprocess *p, shunt_device *device, uint8_t *bytes,
                      float *result)
{
    const int64_t planes = shunt_preprocess_planes(p);
    shunt_graph *graph;
    shunt_weights *weights;
    shunt_executor *executor;
    shunt_buffer *buffer;
    OK(shunt_preprocess_graph(p, s->pixels, s->height, s->width, &graph, &weights));
    OK(shunt_executor_create(graph, weights, device, &executor));
    const shunt_tensor src = {
        .desc = shunt_tensor_make(SHUNT_U8, 4, (int64_t[]){FRAMES, s->height, s->width, s->bytes}), .data = bytes};
    shunt_tensor dst = {.desc = shunt_tensor_make(SHUNT_F32, 4, (int64_t[]){FRAMES, planes, s->crop, s->crop})};
    const uint64_t size = shunt_tensor_bytes(&dst.desc);
    OK(shunt_buffer_create(device, size, &buffer));
    dst.buffer = buffer;
    OK(shunt_executor_run(executor, &src, 1, &dst, 1));
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
    uint8_t *bytes = malloc((size_t)(FRAMES * s->height * s->width * s->bytes));
    float *expected = calloc(FRAMES * planes * plane, sizeof *expected),
          *got = calloc(FRAMES * planes * plane, sizeof *got);
    cr_assert(bytes && expected && got);
    draw(s, bytes);
    expect_host(s, &p, bytes, expected);
    run_graph(s, &p, device, bytes, got);
    for (size_t i = 0; i < FRAMES * planes * plane; i++) {
        const double step = (p.range == SHUNT_RANGE_255 ? 1 : 1 / 255.0) / (double)p.std[i / plane % planes];
        const double difference = fabs((double)got[i] - (double)expected[i]) / step;
        cr_assert(difference <= s->most + 0.01, "%s, element %zu: %g steps of a byte apart", s->name, i, difference);
    }
    free(bytes);
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
    shunt_preprocess p = preprocess_of(&samples[0]);
    shunt_graph *graph;
    shunt_weights *weights;
    cr_assert_eq(shunt_preprocess_graph(&p, SHUNT_PIXELS_NV12, 8, 8, &graph, &weights), SHUNT_E_UNSUPPORTED);
    cr_assert_eq(shunt_preprocess_graph(&p, (shunt_pixels)9, 8, 8, &graph, &weights), SHUNT_E_INVALID);
    cr_assert_eq(shunt_preprocess_graph(&p, SHUNT_PIXELS_RGB, 0, 8, &graph, &weights), SHUNT_E_INVALID);
    cr_assert_eq(shunt_preprocess_graph(&p, SHUNT_PIXELS_RGB, 8, 1 << 20, &graph, &weights), SHUNT_E_INVALID);
    p.crop = 0;
    cr_assert_eq(shunt_preprocess_graph(&p, SHUNT_PIXELS_RGB, 8, 8, &graph, &weights), SHUNT_E_INVALID);
    cr_assert(!graph && !weights);
}
