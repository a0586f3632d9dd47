/* detection_model.h - a network that finds objects, whose random weights are scaled at the heads so that it finds some. Failures end the test. */
#ifndef SHUNT_TESTS_DETECTION_MODEL_H
#define SHUNT_TESTS_DETECTION_MODEL_H

#include "models/model.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define DETECTION_OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

/* Each element of a tensor of the model becomes `factor` times what it is, and `more` or its own of `each`, unless that is NULL. */
static inline void detection_change_each(shunt_model *model, const char *name, double factor, double more,
                                         const double *each)
{
    const shunt_tensor_view *view = shunt_weights_find(shunt_model_weights(model), name);
    cr_assert(view, "%s", name);
    const size_t count = (size_t)shunt_tensor_count(&view->desc);
    float *data = malloc(count * sizeof *data);
    cr_assert(data);
    memcpy(data, view->data, count * sizeof *data);
    for (size_t i = 0; i < count; i++) data[i] = data[i] * (float)factor + (float)(each ? each[i] : more);
    DETECTION_OK(shunt_weights_set(model->weights, name, &view->desc, data));
    free(data);
}

static inline void detection_change(shunt_model *model, const char *name, double factor, double more)
{
    detection_change_each(model, name, factor, more, NULL);
}

/* The random weights of this seed; logits: what the class scores are multiplied by, and `shift` added to; codes: the same of the boxes. */
static inline shunt_model *detection_model(const char *name, const shunt_model_options *options, uint64_t seed,
                                           double logits, double shift, double codes)
{
    shunt_model *model;
    DETECTION_OK(shunt_model_create(name, options, &model));
    DETECTION_OK(shunt_model_randomize(model, seed));
    detection_change(model, "head.classification_head.cls_logits.weight", logits, 0);
    detection_change(model, "head.classification_head.cls_logits.bias", logits, shift);
    detection_change(model, "head.regression_head.bbox_reg.weight", codes, 0);
    return model;
}

#endif
