/* eval_pixels_command.c - shunt eval --data voc:DIR, as it was built, on drawn pictures and labels: each number against its definition, by
 * plain loops; and folders that are wrong. */
#include "tests/support/command_support.h"
#include "tests/support/pixel_model.h"

#include <png.h>

TestSuite(eval_pixels, .init = enter_folder, .fini = leave_folder);

#define EVAL "shunt eval --device scalar --weights w.safetensors --resize 33 --data voc:set "

enum { PICTURES = 3, IGNORED = 255 };
static const int sizes[PICTURES][2] = {{61, 40}, {33, 50}, {45, 45}};

/* 8 bits a pixel, with a palette or as grays. */
static void put_map(const char *path, const uint8_t *labels, int width, int height, int colour)
{
    png_color palette[256] = {{0, 0, 0}};
    FILE *file = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    cr_assert(file && info && !setjmp(png_jmpbuf(png)));
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, colour, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 256);
    png_write_info(png, info);
    for (int y = 0; y < height; y++) png_write_row(png, labels + y * width);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    cr_assert(!fclose(file));
}

typedef struct setup {
    shunt_device *device;
    shunt_model *model;
    uint8_t *taken[PICTURES], *labels[PICTURES];
} setup;

/* What the network says, but every seventh pixel another class, and a border that counts for nothing. No label is class 4. */
static void draw_labels(const uint8_t *taken, uint8_t *labels, int width, int height)
{
    for (int i = 0; i < width * height; i++) {
        const int x = i % width, y = i / width;
        labels[i] = taken[i] == 4 ? 0 : i % 7 ? taken[i] : (uint8_t)(i / 7 % 4);
        if (x == 0 || y == height - 1) labels[i] = IGNORED;
    }
}

static void begin(setup *self)
{
    char path[64];
    shunt_image image;
    PIXEL_OK(shunt_device_open("scalar", NULL, &self->device));
    cr_assert(!mkdir("set", 0700) && !mkdir("set/JPEGImages", 0700) && !mkdir("set/SegmentationClass", 0700));
    cr_assert(!mkdir("set/ImageSets", 0700) && !mkdir("set/ImageSets/Segmentation", 0700));
    put_bytes("set/ImageSets/Segmentation/val.txt", "p0\n\np1 1\r\np2", 12);
    for (int i = 0; i < PICTURES; i++) {
        const int width = sizes[i][0], height = sizes[i][1];
        snprintf(path, sizeof path, "set/JPEGImages/p%d.ppm", i);
        put_picture(path, width, height);
        PIXEL_OK(shunt_image_read(path, &image));
        if (i == 0) self->model = put_pixel_model("w.safetensors", self->device, &image);
        self->taken[i] = pixel_classes(self->model, self->device, &image);
        self->labels[i] = calloc((size_t)(width * height), 1);
        cr_assert(self->labels[i]);
        draw_labels(self->taken[i], self->labels[i], width, height);
        snprintf(path, sizeof path, "set/SegmentationClass/p%d.png", i);
        put_map(path, self->labels[i], width, height, i == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_PALETTE);
        shunt_image_free(&image);
    }
}

static void end(setup *self)
{
    for (int i = 0; i < PICTURES; i++) free(self->taken[i]), free(self->labels[i]);
    shunt_model_destroy(self->model);
    shunt_device_close(self->device);
}

/* Pixels of class c in the first `pictures`: in both maps, in one of them, in the labels. */
static void count(const setup *self, int pictures, int c, double *both, double *any, double *labelled)
{
    *both = *any = *labelled = 0;
    for (int k = 0; k < pictures; k++)
        for (int i = 0; i < sizes[k][0] * sizes[k][1]; i++) {
            if (self->labels[k][i] == IGNORED) continue;
            const bool label = self->labels[k][i] == c, taken = self->taken[k][i] == c;
            *both += label && taken;
            *any += label || taken;
            *labelled += label;
        }
}

/* One pixel of some 6,700 may be taken for another class where two scores are the same in float32. */
static const double NEAR = 0.05;

static void expect_numbers(const setup *self, int pictures)
{
    json_t *report = json_said();
    double iou = 0, accuracy = 0, right = 0, all = 0;
    int labels = 0;
    for (int c = 0; c < PIXEL_CLASSES; c++) {
        double both, any, labelled;
        const json_t *one = json_array_get(json_object_get(report, "classes"), (size_t)c);
        count(self, pictures, c, &both, &any, &labelled);
        cr_assert_float_eq(number_at(one, "iou"), 100 * both / any, NEAR, "class %d: %g, not %g", c,
                           number_at(one, "iou"), 100 * both / any);
        cr_assert_eq(number_at(one, "pixels"), labelled);
        iou += 100 * both / any / PIXEL_CLASSES;
        if (labelled > 0) labels++, accuracy += 100 * both / labelled;
        right += both;
        all += labelled;
    }
    cr_assert_eq(labels, 4);
    cr_assert_eq(number_at(report, "images"), pictures);
    cr_assert_float_eq(number_at(report, "mean_iou"), iou, NEAR, "%g, not %g", number_at(report, "mean_iou"), iou);
    cr_assert_float_eq(number_at(report, "mean_accuracy"), accuracy / labels, NEAR);
    cr_assert_float_eq(number_at(report, "pixel_accuracy"), 100 * right / all, NEAR);
    cr_assert(iou > 20 && iou < 95, "%g", iou);
    json_decref(report);
}

Test(eval_pixels, each_number_is_as_it_is_defined)
{
    setup all;
    begin(&all);
    run(EVAL "--json");
    expect_success();
    expect_numbers(&all, PICTURES);
    run(EVAL "--json --limit 2");
    expect_success();
    expect_numbers(&all, 2);
    run(EVAL "--per-class");
    expect_success();
    cr_assert(strstr(said.out, "mean IoU") && strstr(said.out, "3 three\n"), "%s", said.out);
    end(&all);
}

Test(eval_pixels, wrong_folders_and_wrong_labels)
{
    setup all;
    begin(&all);
    all.labels[1][100] = 9;
    put_map("set/SegmentationClass/p1.png", all.labels[1], sizes[1][0], sizes[1][1], PNG_COLOR_TYPE_GRAY);
    run(EVAL);
    expect_failure(1, "p1: the pixel in row 3, column 1 has the label 9; fcn_resnet50 has 5 classes", NULL);
    run(EVAL "--skip-bad --json");
    cr_assert_eq(said.status, 0, "%s", said.err);
    json_t *report = json_said();
    cr_assert(number_at(report, "images") == 2 && number_at(report, "bad") == 1);
    json_decref(report);
    put_map("set/SegmentationClass/p0.png", all.labels[0], 60, 40, PNG_COLOR_TYPE_GRAY);
    run(EVAL);
    expect_failure(1, "set/SegmentationClass/p0.png: it has 60x40 pixels, and the picture 61x40", NULL);
    run("cp set/JPEGImages/p0.ppm set/SegmentationClass/p0.png; " EVAL);
    expect_failure(1, "set/SegmentationClass/p0.png: ", "not a PNG file");
    run("rm set/JPEGImages/p0.ppm; " EVAL);
    expect_failure(1, "set/JPEGImages/p0.jpg: there is no such file, nor one with another ending", NULL);
    put_bytes("set/ImageSets/Segmentation/val.txt", "../p0\n", 6);
    run(EVAL);
    expect_failure(1, "val.txt: line 1 is not the name of a picture", NULL);
    put_bytes("set/ImageSets/Segmentation/val.txt", "\n", 1);
    run(EVAL);
    expect_failure(1, "val.txt: it names no picture", NULL);
    run(EVAL "--crops ten");
    expect_failure(2, "--crops does not apply to voc:", NULL);
    end(&all);
}
