/* detection_stages.c - what finding objects does outside of the network, stage by stage, against torchvision in float64
 * (tests/golden/detection.py), from numbers of docs/random-weights.md. */
#include "models/detect/detect.h"
#include "tests/support/stage_numbers.h"
#include "tests/support/temporary.h"

#include <shunt/shunt.h>

static json_t *golden;

static void begin(void)
{
    json_error_t error;
    golden = json_load_file(TEST_GOLDEN "/detection.json", 0, &error);
    cr_assert(golden, "%s", error.text);
}

static void end(void)
{
    json_decref(golden);
}

TestSuite(detection_stages, .init = begin, .fini = end);

static const json_t *cases(const char *stage)
{
    const json_t *list = json_object_get(golden, stage);
    cr_assert_gt(json_array_size(list), 0, "%s", stage);
    return list;
}

/* ---- Pictures -------------------------------------------------------------------------------------------------------- */

Test(detection_stages, sizes)
{
    const json_t *one;
    size_t i;
    json_array_foreach(cases("sizes"), i, one)
    {
        const shunt_image image = {(int64_t)element(one, 0), (int64_t)element(one, 1), NULL};
        padded_frame frame;
        const shunt_status status = padded_frame_of(&image, (int64_t)element(one, 2), (int64_t)element(one, 3), &frame);
        if (element(one, 4) == 0) {
            cr_assert_eq(status, SHUNT_E_INVALID);
            continue;
        }
        cr_assert_eq(status, SHUNT_OK, "%s", shunt_last_error());
        cr_assert(frame.resized[0] == (int64_t)element(one, 4) && frame.resized[1] == (int64_t)element(one, 5),
                  "%lld x %lld at %g: %lld x %lld", (long long)image.height, (long long)image.width, element(one, 2),
                  (long long)frame.resized[0], (long long)frame.resized[1]);
    }
}

Test(detection_stages, frames)
{
    const json_t *one;
    size_t i;
    shunt_preprocess preprocess;
    cr_assert_eq(shunt_preprocess_preset("detection", &preprocess), SHUNT_OK);
    json_array_foreach(cases("frames"), i, one)
    {
        shunt_image image = {(int64_t)number(one, "height"), (int64_t)number(one, "width"), NULL};
        const size_t bytes = (size_t)(3 * image.height * image.width);
        const json_t *values = json_object_get(one, "values");
        int64_t resized[2], padded[2];
        padded_frame frame;
        double norm = 0;
        cr_assert(image.rgb = malloc(bytes));
        for (size_t k = 0; k < bytes; k++) image.rgb[k] = (uint8_t)(256 * random_at(key_of("frame%zu", i), k));
        cr_assert_eq(padded_frame_of(&image, (int64_t)number(one, "short"), (int64_t)number(one, "long"), &frame),
                     SHUNT_OK);
        pair(one, "resized", resized);
        pair(one, "padded", padded);
        for (int k = 0; k < 2; k++) cr_assert(frame.resized[k] == resized[k] && frame.padded[k] == padded[k]);
        const size_t count = (size_t)(3 * padded[0] * padded[1]);
        float *made = malloc(count * sizeof *made);
        cr_assert(made);
        cr_assert_eq(padded_fill(&frame, &preprocess, &image, made), SHUNT_OK);
        for (size_t k = 0; k < json_array_size(values); k++)
            expect_near((double)made[k * (count - 1) / (json_array_size(values) - 1)], element(values, k), 1e-6,
                        "a pixel", k);
        for (size_t k = 0; k < count; k++) norm += (double)made[k] * (double)made[k];
        expect_near(sqrt(norm) / number(one, "norm"), 1, 1e-6, "the norm", i);
        free(made);
        free(image.rgb);
    }
}

Test(detection_stages, pictures_of_which_nothing_is_left_are_refused)
{
    padded_frame frame;
    cr_assert_eq(padded_frame_of(&(shunt_image){1, 5000, NULL}, 800, 1333, &frame), SHUNT_E_INVALID);
    expect_message("5000 x 1 pixels is too narrow", "at 1333");
    cr_assert_eq(padded_frame_of(&(shunt_image){0, 5, NULL}, 800, 1333, &frame), SHUNT_E_INVALID);
    cr_assert_eq(padded_frame_of(&(shunt_image){5, 5, NULL}, 0, 1333, &frame), SHUNT_E_INVALID);
}

/* ---- Boxes ----------------------------------------------------------------------------------------------------------- */

static const net_anchors *usual_anchors(void)
{
    net_spec net;
    cr_assert_eq(net_describe("retinanet_resnet50_fpn", NULL, &net), SHUNT_OK);
    return net.family->anchors;
}

Test(detection_stages, anchors)
{
    const net_anchors *usual = usual_anchors();
    const json_t *one;
    size_t i;
    json_array_foreach(cases("anchors"), i, one)
    {
        const json_t *kept = json_object_get(one, "boxes");
        const size_t nkept = json_array_size(kept), count = (size_t)number(one, "count");
        size_t at = 0, next = 0;
        double sum = 0;
        for (int level = 0; level < usual->levels; level++) {
            detect_grid grid = {.anchors = usual, .level = level};
            pair(one, "padded", grid.padded);
            for (size_t k = 0; k < 2; k++)
                grid.size[k] = (int64_t)element(json_array_get(json_object_get(one, "maps"), (size_t)level), k);
            for (int64_t place = 0; place < grid.size[0] * grid.size[1]; place++)
                for (int64_t shape = 0; shape < anchors_each(usual); shape++) {
                    const detect_box box = anchor_at(&grid, place, shape);
                    const double sides[] = {box.left, box.top, box.right, box.bottom};
                    for (size_t k = 0; k < 4; k++, at++) {
                        sum += (double)(k + 1) * sides[k];
                        if (next < nkept && at == next * (4 * count - 1) / (nkept - 1))
                            expect_near(sides[k], element(kept, next++), 0, "a side", at);
                    }
                }
        }
        cr_assert_eq(at, 4 * count);
        cr_assert_eq(next, nkept);
        expect_near(sum, number(one, "weighted"), 1e-9 * fabs(sum), "the sum", i);
    }
}

Test(detection_stages, decode)
{
    const json_t *one = json_array_get(cases("decode"), 0), *wanted = json_object_get(one, "boxes");
    const size_t count = (size_t)number(one, "count");
    float *from = numbers(key_of("decode.boxes"), 4 * count, 0, 200);
    float *codes = numbers(key_of("decode.codes"), 4 * count, -1, 1);
    for (size_t i = 0; i < count; i++) {
        const double left = (double)from[4 * i], top = (double)from[4 * i + 1];
        detect_box box = {left, top, left + (double)from[4 * i + 2], top + (double)from[4 * i + 3]};
        if (i == 7) box.right = left, box.bottom = top;
        codes[4 * i + 2] *= 10, codes[4 * i + 3] *= 10;
        double code[4];
        for (size_t k = 0; k < 4; k++) code[k] = (double)codes[4 * i + k];
        const detect_box made = box_decode(&box, code);
        const double sides[] = {made.left, made.top, made.right, made.bottom};
        for (size_t k = 0; k < 4; k++) {
            const double expected = element(wanted, 4 * i + k);
            expect_near(sides[k], expected, 1e-6 * (1 + fabs(expected)), "a side", 4 * i + k);
        }
    }
    free(from);
    free(codes);
}

Test(detection_stages, suppression)
{
    const json_t *one;
    size_t i;
    json_array_foreach(cases("suppress"), i, one)
    {
        const size_t count = (size_t)number(one, "count");
        const json_t *kept = json_object_get(one, "kept");
        const uint64_t key = key_of("suppress%zu", i);
        detect_candidate *list = calloc(count, sizeof *list);
        cr_assert(list);
        for (size_t k = 0; k < count; k++) {
            double u[6];
            for (size_t n = 0; n < 6; n++) u[n] = random_at(key, 6 * k + n);
            const double left = floor(8 * u[0]), top = floor(8 * u[1]);
            list[k] = (detect_candidate){.box = {left, top, left + floor(6 * u[2]), top + floor(6 * u[3])},
                                         .score = floor(8 * u[4]) / 8,
                                         .label = (int32_t)(3 * u[5]),
                                         .order = (uint32_t)k};
        }
        cr_assert_eq(detect_suppress(list, count, number(one, "overlap"), count), json_array_size(kept));
        for (size_t k = 0; k < json_array_size(kept); k++) cr_assert_eq(list[k].order, (uint32_t)element(kept, k));
        free(list);
    }
    cr_assert_eq(detect_suppress(NULL, 0, 0.5, 9), 0);
}

/* ---- All of it behind a network -------------------------------------------------------------------------------------- */

Test(detection_stages, dense)
{
    const net_anchors *usual = usual_anchors();
    const json_t *one;
    size_t i;
    json_array_foreach(cases("dense"), i, one)
    {
        padded_frame frame = {{0, 0}, {0, 0}, {0, 0}};
        dense_map maps[NET_MOST_LEVELS] = {{{0, 0}, NULL, NULL}};
        float *held[2 * NET_MOST_LEVELS];
        const int64_t classes = (int64_t)number(one, "classes");
        pair(one, "resized", frame.resized);
        pair(one, "padded", frame.padded);
        for (size_t level = 0; level < NET_MOST_LEVELS; level++) {
            for (size_t k = 0; k < 2; k++)
                maps[level].size[k] = (int64_t)element(json_array_get(json_object_get(one, "maps"), level), k);
            const size_t places = (size_t)(maps[level].size[0] * maps[level].size[1]);
            held[2 * level] = numbers(key_of("dense%zu.logits%zu", i, level), 9 * (size_t)classes * places, -8, 2);
            held[2 * level + 1] = numbers(key_of("dense%zu.codes%zu", i, level), 36 * places, -1, 1);
            maps[level].logits = held[2 * level];
            maps[level].codes = held[2 * level + 1];
        }
        const dense_job job = {.anchors = usual,
                               .classes = classes,
                               .frame = &frame,
                               .maps = maps,
                               .least_score = 0.05,
                               .overlap = 0.5,
                               .most_of_map = (size_t)number(one, "of_map"),
                               .most = (size_t)number(one, "most")};
        detect_candidate *list;
        size_t count;
        cr_assert_eq(dense_find(&job, &list, &count), SHUNT_OK);
        expect_found(json_object_get(one, "found"), list, count);
        free(list);
        for (size_t k = 0; k < 2 * NET_MOST_LEVELS; k++) free(held[k]);
    }
}
