/* segment_command.c - shunt segment, as it was built: each pixel has the class of the highest score, in the file and in the counts; and
 * what is said of wrong calls. */
#include "tests/support/command_support.h"
#include "tests/support/pixel_model.h"

TestSuite(segment_command, .init = enter_folder, .fini = leave_folder);

#define SEGMENT "shunt segment --device scalar --weights w.safetensors --resize 33 "

/* VOC's first colours. */
static const uint8_t colors[PIXEL_CLASSES][3] = {{0, 0, 0}, {128, 0, 0}, {0, 128, 0}, {128, 128, 0}, {0, 0, 128}};

typedef struct setup {
    shunt_device *device;
    shunt_image image;
    shunt_model *model;
    uint8_t *classes;
    uint64_t pixels[PIXEL_CLASSES];
} setup;

static void begin(setup *self)
{
    *self = (setup){.device = NULL};
    put_picture("a.ppm", 61, 40);
    PIXEL_OK(shunt_device_open("scalar", NULL, &self->device));
    PIXEL_OK(shunt_image_read("a.ppm", &self->image));
    self->model = put_pixel_model("w.safetensors", self->device, &self->image);
    self->classes = pixel_classes(self->model, self->device, &self->image);
    for (int64_t i = 0; i < 40 * 61; i++) self->pixels[self->classes[i]]++;
    for (int c = 0; c < PIXEL_CLASSES; c++) cr_assert_gt(self->pixels[c], 20u, "class %d has no pixels", c);
}

static void end(setup *self)
{
    free(self->classes);
    shunt_image_free(&self->image);
    shunt_model_destroy(self->model);
    shunt_device_close(self->device);
}

/* How many pixels of the file do not have the colour of their class. */
static int64_t count_wrong(const setup *self, const char *path)
{
    shunt_image map;
    int64_t wrong = 0;
    PIXEL_OK(shunt_image_read(path, &map));
    cr_assert(map.height == 40 && map.width == 61);
    for (int64_t i = 0; i < 40 * 61; i++) wrong += memcmp(map.rgb + 3 * i, colors[self->classes[i]], 3) != 0;
    shunt_image_free(&map);
    return wrong;
}

/* Two scores of a pixel may be the same in float32. */
enum { TIES = 2 };

static void expect_counts(const setup *self)
{
    json_t *report = json_said();
    const json_t *image = json_array_get(json_object_get(report, "images"), 0),
                 *classes = json_object_get(image, "classes");
    double before = INFINITY;
    cr_assert_str_eq(text_at(report, "model"), "fcn_resnet50");
    cr_assert(json_is_false(json_object_get(report, "labels_assumed")));
    cr_assert_str_eq(text_at(json_object_get(report, "precision"), "taken"), "f32");
    cr_assert(number_at(image, "height") == 40 && number_at(image, "width") == 61);
    cr_assert_eq(json_array_size(classes), PIXEL_CLASSES);
    for (size_t i = 0; i < PIXEL_CLASSES; i++) {
        const json_t *one = json_array_get(classes, i);
        const double pixels = number_at(one, "pixels");
        const int class = (int)number_at(one, "class");
        cr_assert(fabs(pixels - (double)self->pixels[class]) <= TIES, "class %d: %g pixels, not %llu", class, pixels,
                  (unsigned long long)self->pixels[class]);
        cr_assert_str_eq(text_at(one, "label"), shunt_model_label(self->model, class));
        cr_assert_leq(pixels, before);
        before = pixels;
    }
    json_decref(report);
}

/* What was asked for, and what the network ran in; empty where no picture came to run. */
Test(segment_command, precision)
{
    setup all;
    begin(&all);
    run("SHUNT_PRECISION=bf16 " SEGMENT "--json a.ppm");
    expect_success();
    json_t *report = json_said();
    const json_t *precision = json_object_get(report, "precision");
    cr_assert_str_eq(text_at(precision, "asked"), "bf16");
    cr_assert_str_eq(text_at(precision, "taken"), "bf16");
    json_decref(report);
    run(SEGMENT "--json none.ppm");
    report = json_said();
    cr_assert_str_eq(text_at(json_object_get(report, "precision"), "taken"), "");
    json_decref(report);
    end(&all);
}

Test(segment_command, each_pixel_has_its_class)
{
    setup all;
    begin(&all);
    run(SEGMENT "--json --out map.png a.ppm");
    expect_success();
    cr_assert_leq(count_wrong(&all, "map.png"), TIES);
    expect_counts(&all);
    run("mkdir set && cp a.ppm set/b.ppm && echo no picture >set/c.ppm && " SEGMENT "--out maps set a.ppm");
    expect_failure(1, "set/c.ppm: ", NULL);
    cr_assert_leq(count_wrong(&all, "maps/a.png"), TIES);
    cr_assert_leq(count_wrong(&all, "maps/b.png"), TIES);
    cr_assert(strstr(said.out, "a.ppm\n  ") && strstr(said.out, " %  three\n"), "%s", said.out);
    run(SEGMENT "--overlay drawn.png a.ppm");
    cr_assert(said.status == 0 || strstr(said.err, "without cairo"), "%s", said.err);
    end(&all);
}

Test(segment_command, wrong_calls)
{
    setup all;
    begin(&all);
    run(SEGMENT);
    expect_failure(2, "no picture", NULL);
    run("mkdir x y && cp a.ppm x && cp a.ppm y && " SEGMENT "--out maps x y");
    expect_failure(2, "two pictures' results would be maps/a.png", NULL);
    run("cp a.ppm here.png && " SEGMENT "--out . here.png");
    expect_failure(2, "would replace the picture", NULL);
    run(SEGMENT "--out no/such/map.png a.ppm");
    expect_failure(1, "no/such/map.png: cannot be written", NULL);
    put_weights("whole.safetensors", "resnet8", 5);
    run("shunt segment --weights whole.safetensors a.ppm");
    expect_failure(2, "resnet8 tells no classes of pixels; use shunt classify", NULL);
    run("shunt classify --weights w.safetensors a.ppm");
    expect_failure(2, "fcn_resnet50 does not tell the class of a picture; use shunt segment", NULL);
    end(&all);
}
