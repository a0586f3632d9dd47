/* classify.c - one picture in, the most probable classes out. */
#include "models/model.h"
#include "runtime/base/error.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* The best ones first; of equals the lower index. Insertion: `top` is small. */
static size_t rank(const shunt_model *model, const double *probabilities, size_t n, size_t top, shunt_guess *guesses)
{
    size_t found = 0;
    for (size_t i = 0; top && i < n; i++) {
        size_t at = found;
        while (at && probabilities[guesses[at - 1].index] < probabilities[i]) at--;
        if (at == top) continue;
        if (found < top) found++;
        for (size_t k = found - 1; k > at; k--) guesses[k] = guesses[k - 1];
        guesses[at] = (shunt_guess){(int64_t)i, shunt_model_label(model, (int64_t)i), (float)probabilities[i]};
    }
    return found;
}

static shunt_status read_picture(const shunt_preprocess *preprocess, const char *path, float *dst)
{
    shunt_image image;
    shunt_status status = shunt_image_read(path, &image);
    if (status) return status;
    status = shunt_preprocess_apply(preprocess, &image, dst);
    shunt_image_free(&image);
    return status ? error_context(status, "%s", path) : SHUNT_OK;
}

shunt_status shunt_classify(shunt_model *model, shunt_device *device, const char *image_path, size_t top,
                            shunt_guess *guesses, size_t *found)
{
    if (!model || !device || !image_path || (!guesses && top) || !found)
        return error_null(__func__, "model, device, image_path, guesses, found");
    *found = 0;
    int64_t side = model->preprocess.crop;
    shunt_status status = model_check_preprocess(model);
    if (status) return status;
    if (side < 1 || side > 1 << 16)
        return error_fail(SHUNT_E_INVALID, "preprocessing crops to %lld pixels", (long long)side);
    size_t classes = (size_t)model->net.classes, outcomes = (size_t)shunt_model_outcomes(model);
    const size_t pixels = (size_t)(side * side * shunt_preprocess_planes(&model->preprocess));
    float *src = malloc(pixels * sizeof *src), *logits = malloc(classes * sizeof *logits);
    double *probabilities = malloc(outcomes * sizeof *probabilities);
    status = src && logits && probabilities ? SHUNT_OK : error_memory();
    if (!status) status = read_picture(&model->preprocess, image_path, src);
    if (!status) status = shunt_model_run(model, device, 1, side, side, src, logits);
    for (size_t i = 0; !status && i < classes; i++)
        if (!isfinite(logits[i]))
            status = error_fail(SHUNT_E_INVALID,
                                "%s: %s gives %g for class %zu; are the weights and the preprocessing right?",
                                image_path, model->net.name, (double)logits[i], i);
    if (!status) {
        head_probabilities(model->head, logits, classes, probabilities);
        *found = rank(model, probabilities, outcomes, top, guesses);
    }
    free(src);
    free(logits);
    free(probabilities);
    return status;
}
