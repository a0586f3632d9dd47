/* classes.c - which of a model's classes a data set's class is. */
#include "models/model.h"
#include "runtime/base/error.h"
#include "runtime/data/dataset.h"

#include <stdio.h>
#include <string.h>

/* By their numbers, in the order of their names if they have any. */
static shunt_status match_numbers(const shunt_dataset *dataset, const shunt_model *model, int64_t *classes)
{
    size_t count = shunt_dataset_classes(dataset);
    /* Numbers in a file of labels need not go up to the last class. */
    bool all = shunt_dataset_label(dataset, 0) || !shunt_dataset_picture(dataset, 0);
    const int64_t known = shunt_model_outcomes(model);
    if (all ? (int64_t)count != known : (int64_t)count > known)
        return error_fail(
            SHUNT_E_INVALID,
            "the data has %zu classes and %s %lld; they must agree, or the model's labels must name the data's", count,
            model->net.name, (long long)known);
    for (size_t i = 0; i < count; i++) classes[i] = (int64_t)i;
    return SHUNT_OK;
}

shunt_status shunt_dataset_match(const shunt_dataset *dataset, const shunt_model *model, int64_t *classes)
{
    if (!dataset || !model || !classes) return error_null(__func__, "dataset, model, classes");
    char whose[96];
    class_names ours = {0}, theirs = {whose, (const char **)model->labels, (size_t)shunt_model_outcomes(model)};
    snprintf(whose, sizeof whose, "%s's labels", model->net.name);
    if (!shunt_dataset_classes(dataset))
        return error_fail(SHUNT_E_INVALID, "the data says nothing of classes, so there are none to compare");
    shunt_status status = model->labels ? class_names_of(dataset, "the data", &ours) : SHUNT_OK;
    if (!status) status = ours.names ? classes_match(&ours, &theirs, classes) : match_numbers(dataset, model, classes);
    class_names_free(&ours);
    return status;
}
