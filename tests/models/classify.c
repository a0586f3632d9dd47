/* classify.c - from a picture's file to the best classes, against the same steps taken one by one here; and models run
 * with weights that change. */
#include "tests/support/temporary.h"

#include <math.h>

TestSuite(classify, .init = enter_folder, .fini = leave_folder);

enum { SIDE = 32, PIXELS = SIDE * SIDE, CLASSES = 10 };

static uint8_t pixel(int i)
{
    return (uint8_t)(i * 37 + i / 96 * 11);
}

/* A picture of the size that the model wants: preprocessing neither resizes nor crops. */
static void write_picture(const char *path)
{
    char file[16 + 3 * PIXELS];
    int head = snprintf(file, 16, "P6\n%d %d\n255\n", SIDE, SIDE);
    for (int i = 0; i < 3 * PIXELS; i++) file[head + i] = (char)pixel(i);
    put_bytes(path, file, (size_t)head + 3 * PIXELS);
}

static shunt_model *make(uint64_t seed)
{
    shunt_model *model;
    cr_assert_eq(shunt_model_create("resnet8", NULL, &model), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_randomize(model, seed), SHUNT_OK, "%s", shunt_last_error());
    return model;
}

static shunt_device *open_scalar(void)
{
    shunt_device *device;
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK, "%s", shunt_last_error());
    return device;
}

/* (value / 255 - mean) / std, planes of R, G, B; then the network; then exp(x) / sum. */
static void expected_probabilities(shunt_model *model, shunt_device *device, double *probabilities)
{
    const shunt_preprocess *p = shunt_model_preprocess(model);
    cr_assert(p->resize == SIDE && p->crop == SIDE);
    float src[3 * PIXELS], logits[CLASSES];
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < PIXELS; i++)
            src[c * PIXELS + i] = (float)((pixel(3 * i + c) / 255.0 - (double)p->mean[c]) / (double)p->std[c]);
    cr_assert_eq(shunt_model_run(model, device, 1, SIDE, SIDE, src, logits), SHUNT_OK, "%s", shunt_last_error());
    double sum = 0;
    for (int i = 0; i < CLASSES; i++) sum += probabilities[i] = exp((double)logits[i]);
    for (int i = 0; i < CLASSES; i++) probabilities[i] /= sum;
}

Test(classify, best_classes_first_with_their_labels)
{
    shunt_model *model = make(3);
    shunt_device *device = open_scalar();
    double expected[CLASSES], total = 0;
    shunt_guess guesses[CLASSES + 5];
    size_t found;
    write_picture("picture.ppm");
    put_bytes("labels.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n", 20);
    cr_assert_eq(shunt_model_load_labels(model, "labels.txt"), SHUNT_OK, "%s", shunt_last_error());
    expected_probabilities(model, device, expected);
    cr_assert_eq(shunt_classify(model, device, "picture.ppm", CLASSES + 5, guesses, &found), SHUNT_OK, "%s",
                 shunt_last_error());
    cr_assert_eq(found, CLASSES);
    for (size_t i = 0; i < found; i++) {
        const shunt_guess *g = &guesses[i];
        cr_expect(fabs((double)g->probability - expected[g->index]) <= 1e-4 * expected[g->index] + 1e-9);
        cr_expect_eq(g->label[0], 'a' + g->index);
        cr_expect(i == 0 || g->probability <= guesses[i - 1].probability);
        total += (double)g->probability;
    }
    cr_expect(fabs(total - 1) < 1e-6);
    shunt_guess best;
    cr_assert_eq(shunt_classify(model, device, "picture.ppm", 1, &best, &found), SHUNT_OK);
    cr_expect(found == 1 && best.index == guesses[0].index);
    cr_assert_eq(shunt_classify(model, device, "picture.ppm", 0, NULL, &found), SHUNT_OK);
    cr_expect_eq(found, 0u);
    shunt_model_destroy(model);
    shunt_device_close(device);
}

Test(classify, other_weights_give_other_results)
{
    shunt_model *model = make(3), *other = make(4);
    shunt_device *device = open_scalar();
    double before[CLASSES], after[CLASSES], expected[CLASSES];
    expected_probabilities(model, device, before);
    cr_assert_eq(shunt_model_save(other, "other.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_load(model, "other.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    expected_probabilities(model, device, after);
    expected_probabilities(other, device, expected);
    cr_expect(memcmp(before, after, sizeof after) && !memcmp(after, expected, sizeof after));
    shunt_model_destroy(other);
    shunt_model_destroy(model);
    shunt_device_close(device);
}

static void set_weight(shunt_model *model, const char *tensor, float value)
{
    shunt_weights *weights;
    cr_assert_eq(shunt_model_save(model, "w.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_weights_open("w.safetensors", &weights), SHUNT_OK);
    const shunt_tensor_view *view = shunt_weights_find(weights, tensor);
    size_t bytes = shunt_tensor_bytes(&view->desc);
    float *data = malloc(bytes);
    cr_assert(data);
    for (size_t i = 0; i < bytes / sizeof *data; i++) data[i] = value;
    cr_assert_eq(shunt_weights_set(weights, tensor, &view->desc, data), SHUNT_OK);
    cr_assert_eq(shunt_weights_save(weights, "w.safetensors"), SHUNT_OK);
    cr_assert_eq(shunt_model_load(model, "w.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    shunt_weights_destroy(weights);
    free(data);
}

Test(classify, bad_input_is_named)
{
    shunt_model *model, *good = make(3);
    shunt_device *device = open_scalar();
    shunt_guess guess;
    size_t found = 7;
    write_picture("picture.ppm");
    put_bytes("noise", "no picture at all", 17);
    cr_assert_eq(shunt_model_create("resnet8", NULL, &model), SHUNT_OK);
    cr_expect_eq(shunt_classify(model, device, "picture.ppm", 1, &guess, &found), SHUNT_E_INVALID);
    expect_message("resnet8", "has no weights yet");
    cr_expect_eq(found, 0u);
    cr_expect_eq(shunt_classify(good, device, "missing.ppm", 1, &guess, &found), SHUNT_E_NOT_FOUND);
    expect_message("missing.ppm", "");
    cr_expect_eq(shunt_classify(good, device, "noise", 1, &guess, &found), SHUNT_E_INVALID);
    expect_message("noise", "");
    set_weight(good, "fc.weight", 3e38f); /* finite, but their sums are not */
    cr_expect_eq(shunt_classify(good, device, "picture.ppm", 1, &guess, &found), SHUNT_E_INVALID);
    expect_message("picture.ppm: resnet8 gives ", "are the weights and the preprocessing right?");
    shunt_preprocess none = {0};
    shunt_model_set_preprocess(good, &none);
    cr_expect_eq(shunt_classify(good, device, "picture.ppm", 1, &guess, &found), SHUNT_E_INVALID);
    expect_message("", "preprocessing crops to 0 pixels");
    shunt_model_destroy(model);
    shunt_model_destroy(good);
    shunt_device_close(device);
}

/* ---- Pictures in memory --------------------------------------------------------------------------------------------- */

Test(classify, frames_are_classified_as_files_are)
{
    enum { TOP = 3, N = 2 };
    shunt_model *model = make(3);
    shunt_device *device = open_scalar();
    uint8_t rgb[3 * PIXELS], bgra[4 * PIXELS];
    shunt_guess from_file[TOP], from_frames[N * TOP];
    size_t count, counts[N];
    write_picture("a.ppm");
    for (int i = 0; i < PIXELS; i++)
        for (int c = 0; c < 3; c++) rgb[3 * i + c] = bgra[4 * i + 2 - c] = pixel(3 * i + c);
    const shunt_frame frames[N] = {
        {.pixels = SHUNT_PIXELS_RGB, .height = SIDE, .width = SIDE, .planes = {rgb}},
        {.pixels = SHUNT_PIXELS_BGRA, .height = SIDE, .width = SIDE, .planes = {bgra}},
    };
    cr_assert_eq(shunt_classify(model, device, "a.ppm", TOP, from_file, &count), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_classify_frames(model, device, frames, N, TOP, from_frames, counts), SHUNT_OK, "%s",
                 shunt_last_error());
    for (int i = 0; i < N * TOP; i++) {
        cr_assert_eq(counts[i / TOP], TOP);
        cr_assert_eq(from_frames[i].index, from_file[i % TOP].index, "guess %d", i);
        cr_assert_float_eq(from_frames[i].probability, from_file[i % TOP].probability, 1e-6);
    }
    cr_assert_eq(shunt_classify_frames(model, device, frames, 0, TOP, from_frames, counts), SHUNT_E_INVALID);
    shunt_model_destroy(model);
    shunt_device_close(device);
}

Test(classify, scores_become_probabilities_and_ranks)
{
    const float scores[] = {1, NAN, 3, 2, 3, -INFINITY};
    float probabilities[] = {1000, 1001, 1002};
    size_t best[6];
    cr_assert_eq(shunt_top(scores, 6, 4, best), 4);
    cr_assert(best[0] == 2 && best[1] == 4 && best[2] == 3 && best[3] == 0);
    cr_assert_eq(shunt_top(scores, 6, 6, best), 5);
    cr_assert_eq(best[4], 5);
    cr_assert_eq(shunt_top(scores, 6, 0, best), 0);
    shunt_softmax(probabilities, 3, probabilities);
    for (int i = 0; i < 3; i++) cr_assert_float_eq(probabilities[i], exp(i) / (1 + exp(1) + exp(2)), 1e-7);
    shunt_model *model = make(1);
    float logits[CLASSES] = {0}, by_head[CLASSES];
    logits[3] = 2;
    cr_assert_eq(shunt_model_probabilities(model, logits, by_head), SHUNT_OK);
    for (int i = 0; i < CLASSES; i++)
        cr_assert_float_eq(by_head[i], (i == 3 ? exp(2) : 1) / (CLASSES - 1 + exp(2)), 1e-7);
    shunt_model_destroy(model);
}
