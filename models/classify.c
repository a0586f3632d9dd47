/* classify.c - pictures in, the most probable classes out. */
#include "models/model.h"
#include "runtime/base/error.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* ---- The best ------------------------------------------------------------------------------------------------------- */

/* The best ones first. Of equal values, the lower index comes first. NaN is left out. Sorts by insertion: `top` is small. */
static size_t rank(const void *values, bool (*above)(const void *values, size_t a, size_t b), size_t n, size_t top,
                   size_t *order)
{
    size_t found = 0;
    for (size_t i = 0; top && i < n; i++) {
        size_t at = found;
        if (!above(values, i, SIZE_MAX)) continue;
        while (at && above(values, i, order[at - 1])) at--;
        if (at == top) continue;
        if (found < top) found++;
        for (size_t k = found - 1; k > at; k--) order[k] = order[k - 1];
        order[at] = i;
    }
    return found;
}

/* b SIZE_MAX: whether a has a rank at all. */
static bool above_double(const void *values, size_t a, size_t b)
{
    const double *numbers = values;
    return b == SIZE_MAX ? !isnan(numbers[a]) : numbers[a] > numbers[b];
}

static bool above_float(const void *values, size_t a, size_t b)
{
    const float *numbers = values;
    return b == SIZE_MAX ? !isnan(numbers[a]) : numbers[a] > numbers[b];
}

size_t shunt_top(const float *values, size_t n, size_t top, size_t *indices)
{
    return values && indices ? rank(values, above_float, n, top, indices) : 0;
}

/* ---- Pictures ------------------------------------------------------------------------------------------------------- */

/* Room for what is computed of one picture after the other. */
typedef struct workroom {
    float *src, *scores; /* of all pictures */
    double *probabilities;
    size_t *order;
} workroom;

static shunt_status guess(const shunt_model *model, const workroom *room, const float *scores, size_t top,
                          shunt_guess *guesses, size_t *found)
{
    const size_t classes = (size_t)model->net.classes;
    for (size_t i = 0; i < classes; i++)
        if (!isfinite(scores[i]))
            return error_fail(SHUNT_E_INVALID,
                              "%s gives %g for class %zu; are the weights and the preprocessing right?",
                              model->net.name, (double)scores[i], i);
    head_probabilities(model->head, scores, classes, room->probabilities);
    *found = rank(room->probabilities, above_double, (size_t)shunt_model_outcomes(model), top, room->order);
    for (size_t i = 0; i < *found; i++) {
        const int64_t index = (int64_t)room->order[i];
        guesses[i] = (shunt_guess){index, shunt_model_label(model, index), (float)room->probabilities[index]};
    }
    return SHUNT_OK;
}

/* path: of the one picture, for messages; NULL: pictures have numbers. */
static shunt_status classify(shunt_model *model, shunt_device *device, const shunt_frame *frames, size_t n,
                             const char *path, size_t top, shunt_guess *guesses, size_t *found)
{
    const int64_t side = model->preprocess.crop;
    const size_t outcomes = (size_t)shunt_model_outcomes(model), classes = (size_t)model->net.classes;
    shunt_status status = model_check_preprocess(model);
    if (status) return status;
    if (side < 1 || side > 1 << 16)
        return error_fail(SHUNT_E_INVALID, "preprocessing crops to %lld pixels", (long long)side);
    const size_t pixels = (size_t)(side * side * shunt_preprocess_planes(&model->preprocess));
    workroom room = {.src = reallocarray(NULL, n, pixels * sizeof *room.src),
                     .scores = reallocarray(NULL, n, classes * sizeof *room.scores),
                     .probabilities = calloc(outcomes, sizeof *room.probabilities),
                     .order = calloc(outcomes, sizeof *room.order)};
    status = room.src && room.scores && room.probabilities && room.order ? SHUNT_OK : error_memory();
    if (!status && (status = shunt_preprocess_frames(&model->preprocess, frames, n, room.src)) && path)
        error_context(status, "%s", path);
    if (!status) status = shunt_model_run(model, device, (int64_t)n, side, side, room.src, room.scores);
    for (size_t i = 0; !status && i < n; i++) {
        status = guess(model, &room, room.scores + i * classes, top, guesses + i * top, &found[i]);
        if (status && path) error_context(status, "%s", path);
        if (status && n > 1) error_context(status, "picture %zu", i);
    }
    free(room.src);
    free(room.scores);
    free(room.probabilities);
    free(room.order);
    return status;
}

shunt_status shunt_classify_frames(shunt_model *model, shunt_device *device, const shunt_frame *frames, size_t n,
                                   size_t top, shunt_guess *guesses, size_t *found)
{
    if (!model || !device || !frames || (!guesses && top) || !found)
        return error_null(__func__, "model, device, frames, guesses, found");
    if (!n) return error_fail(SHUNT_E_INVALID, "no picture to classify");
    for (size_t i = 0; i < n; i++) found[i] = 0;
    return classify(model, device, frames, n, NULL, top, guesses, found);
}

shunt_status shunt_classify(shunt_model *model, shunt_device *device, const char *image_path, size_t top,
                            shunt_guess *guesses, size_t *found)
{
    if (!model || !device || !image_path || (!guesses && top) || !found)
        return error_null(__func__, "model, device, image_path, guesses, found");
    shunt_image image;
    *found = 0;
    shunt_status status = shunt_image_read(image_path, &image);
    if (status) return status;
    const shunt_frame frame = {.height = image.height, .width = image.width, .planes = {image.rgb}};
    status = classify(model, device, &frame, 1, image_path, top, guesses, found);
    shunt_image_free(&image);
    return status;
}

shunt_status shunt_model_probabilities(const shunt_model *model, const float *scores, float *probabilities)
{
    if (!model || !scores || !probabilities) return error_null(__func__, "model, scores, probabilities");
    const size_t outcomes = (size_t)shunt_model_outcomes(model);
    double *exact = calloc(outcomes, sizeof *exact);
    if (!exact) return error_memory();
    head_probabilities(model->head, scores, (size_t)model->net.classes, exact);
    for (size_t i = 0; i < outcomes; i++) probabilities[i] = (float)exact[i];
    free(exact);
    return SHUNT_OK;
}
