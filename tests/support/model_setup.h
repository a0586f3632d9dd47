/* model_setup.h - models with random weights, and whether two models have the same. Failures end the test. */
#ifndef SHUNT_TESTS_MODEL_SETUP_H
#define SHUNT_TESTS_MODEL_SETUP_H

#include "models/model.h"
#include "tests/support/temporary.h"

static inline shunt_model *make_model(const char *name, const shunt_model_options *options)
{
    shunt_model *model;
    cr_assert_eq(shunt_model_create(name, options, &model), SHUNT_OK, "%s", shunt_last_error());
    return model;
}

static inline shunt_model *make_random_model(const char *name, const shunt_model_options *options)
{
    shunt_model *model = make_model(name, options);
    cr_assert_eq(shunt_model_randomize(model, 7), SHUNT_OK, "%s", shunt_last_error());
    return model;
}

static inline void expect_same_weights(const shunt_model *a, const shunt_model *b)
{
    cr_assert_eq(shunt_weights_count(a->weights), shunt_weights_count(b->weights));
    for (size_t i = 0; i < shunt_weights_count(a->weights); i++) {
        const shunt_tensor_view *x = shunt_weights_at(a->weights, i), *y = shunt_weights_find(b->weights, x->name);
        if (!y || memcmp(&x->desc, &y->desc, sizeof x->desc) || memcmp(x->data, y->data, shunt_tensor_bytes(&x->desc)))
            cr_assert_fail("%s differs", x->name);
    }
}

/* The weights of a random model. */
static inline shunt_weights *take_weights(const char *model_name)
{
    shunt_model *model = make_random_model(model_name, NULL);
    shunt_weights *weights = model->weights;
    model->weights = NULL;
    shunt_model_destroy(model);
    return weights;
}

/* Saves and destroys weights, loads them into a model that has weights, and expects these to stay. */
static inline void expect_weights_refused(shunt_weights *weights, const char *model_name, const char *const *reasons)
{
    cr_assert_eq(shunt_weights_save(weights, "bad.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    shunt_weights_destroy(weights);
    shunt_model *model = make_random_model(model_name, NULL);
    const shunt_weights *before = shunt_model_weights(model);
    cr_expect_eq(shunt_model_load(model, "bad.safetensors"), SHUNT_E_INVALID);
    for (; *reasons; reasons++) expect_message("bad.safetensors: ", *reasons);
    cr_expect_eq(shunt_model_weights(model), before);
    shunt_model_destroy(model);
}
#define EXPECT_REFUSED(weights, model, ...)                                                                            \
    expect_weights_refused(weights, model, (const char *const[]){__VA_ARGS__, NULL})

#endif
