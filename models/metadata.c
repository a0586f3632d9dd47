/* metadata.c - labels, preprocessing and the network's description as JSON texts in a weight file's metadata, so that a
 * file that was saved here needs no other beside it. */
#include "models/model.h"
#include "runtime/error.h"
#include "runtime/io/json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIDE = 1 << 16 };

/* The JSON value under key: *out NULL when there is none. */
static shunt_status read_json(const shunt_weights *file, const char *key, json_t **out)
{
    const char *text = shunt_weights_metadata(file, key);
    json_error_t error;
    *out = NULL;
    if (!text) return SHUNT_OK;
    *out = shunt_json_load(text, strlen(text), &error);
    if (*out) return SHUNT_OK;
    return shunt_fail(SHUNT_E_INVALID, "metadata '%s' is not JSON: %.80s", key, error.text);
}

static shunt_status read_labels(const shunt_weights *file, int64_t count, char ***out)
{
    json_t *list;
    char **labels = NULL;
    shunt_status status = read_json(file, "labels", &list);
    if (status || !list) return status;
    if (!json_is_array(list) || (int64_t)json_array_size(list) != count) {
        status = shunt_fail(SHUNT_E_INVALID, "metadata 'labels' is not a list of %lld", (long long)count);
        goto done;
    }
    if (!(labels = calloc((size_t)count, sizeof *labels))) status = shunt_fail_memory();
    for (size_t i = 0; !status && i < (size_t)count; i++) {
        const char *label = json_string_value(json_array_get(list, i));
        status = label ? labels_check(label, i) : shunt_fail(SHUNT_E_INVALID, "label %zu is not a string", i);
        if (status)
            status = shunt_fail_context(status, "metadata 'labels'");
        else if (!(labels[i] = strdup(label)))
            status = shunt_fail_memory();
    }
done:
    json_decref(list);
    if (status)
        labels_free(labels, count);
    else
        *out = labels;
    return status;
}

static bool read_side(const json_t *object, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 1 && *out <= MOST_SIDE;
}

static bool read_channels(const json_t *object, const char *key, bool positive, float out[3])
{
    const json_t *list = json_object_get(object, key);
    if (json_array_size(list) != 3) return false;
    for (size_t i = 0; i < 3; i++) {
        const json_t *value = json_array_get(list, i);
        out[i] = (float)json_number_value(value);
        if (!json_is_number(value) || !isfinite(out[i]) || (positive && out[i] <= 0)) return false;
    }
    return true;
}

/* Files written before there was a choice have none: bilinear. */
static bool read_filter(const json_t *object, shunt_filter *out)
{
    const json_t *value = json_object_get(object, "filter");
    const char *name = json_string_value(value);
    *out = name && !strcmp(name, "bicubic") ? SHUNT_BICUBIC : SHUNT_BILINEAR;
    return !value || (name && (*out == SHUNT_BICUBIC || !strcmp(name, "bilinear")));
}

static shunt_status read_preprocess(const shunt_weights *file, shunt_preprocess *out)
{
    json_t *object;
    shunt_preprocess read = {0};
    shunt_status status = read_json(file, "preprocess", &object);
    if (status || !object) return status;
    const char *bad = !read_side(object, "resize", &read.resize)         ? "resize"
                      : !read_side(object, "crop", &read.crop)           ? "crop"
                      : !read_channels(object, "mean", false, read.mean) ? "mean"
                      : !read_channels(object, "std", true, read.std)    ? "std"
                      : !read_filter(object, &read.filter)               ? "filter"
                                                                         : NULL;
    json_decref(object);
    if (bad)
        return shunt_fail(
            SHUNT_E_INVALID,
            "metadata 'preprocess' has a wrong '%s': it has to hold resize and crop (1 to %d), mean and std "
            "(three numbers, std above 0), and perhaps filter (bilinear or bicubic)",
            bad, MOST_SIDE);
    *out = read;
    return SHUNT_OK;
}

/* Where the stride stands leaves no trace in the tensors, nor does an option A shortcut: the description tells. */
shunt_status metadata_check_net(const net_spec *net, const shunt_weights *file)
{
    json_t *object;
    shunt_status status = read_json(file, "model", &object);
    if (status || !object) return status;
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *shortcut = json_string_value(json_object_get(object, "shortcut"));
    const json_t *v1 = json_object_get(object, "v1");
    char ours[2] = {net->shortcut};
    if (!name || !shortcut || !json_is_boolean(v1))
        status = shunt_fail(SHUNT_E_INVALID, "metadata 'model' lacks a name, a shortcut or v1");
    else if (strcmp(name, net->name))
        status = shunt_fail(SHUNT_E_INVALID, "the file is of a %.40s, not of a %s", name, net->name);
    else if (strcmp(shortcut, ours))
        status = shunt_fail(SHUNT_E_INVALID, "the file's network has shortcuts of option '%.1s', the model '%s'",
                            shortcut, ours);
    else if (json_is_true(v1) != net->v1)
        status = shunt_fail(SHUNT_E_INVALID,
                            "the file's network is %s, the model %s: they differ in where bottlenecks have "
                            "their stride",
                            json_is_true(v1) ? "v1" : "v1.5", net->v1 ? "v1" : "v1.5");
    json_decref(object);
    return status;
}

shunt_status metadata_read(const net_spec *net, const shunt_weights *file, char ***labels, shunt_preprocess *preprocess)
{
    shunt_status status = read_preprocess(file, preprocess);
    return status ? status : read_labels(file, net->classes, labels);
}

/* Takes `value`, which may be NULL for lack of memory. */
static shunt_status write_json(shunt_weights *weights, const char *key, json_t *value)
{
    /* 9 digits tell any float from its neighbours */
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    shunt_status status = text ? shunt_weights_set_metadata(weights, key, text) : shunt_fail_memory();
    free(text);
    json_decref(value);
    return status;
}

shunt_status metadata_write(const shunt_model *model, shunt_weights *weights)
{
    const net_spec *net = &model->net;
    const shunt_preprocess *p = &model->preprocess;
    char shortcut[2] = {net->shortcut};
    shunt_status status = write_json(weights, "model",
                                     json_pack("{s:s, s:I, s:s, s:b}", "name", net->name, "classes",
                                               (json_int_t)net->classes, "shortcut", shortcut, "v1", net->v1));
    if (!status)
        status =
            write_json(weights, "preprocess",
                       json_pack("{s:I, s:I, s:[f,f,f], s:[f,f,f], s:s}", "resize", (json_int_t)p->resize, "crop",
                                 (json_int_t)p->crop, "mean", (double)p->mean[0], (double)p->mean[1],
                                 (double)p->mean[2], "std", (double)p->std[0], (double)p->std[1], (double)p->std[2],
                                 "filter", p->filter == SHUNT_BICUBIC ? "bicubic" : "bilinear"));
    if (status || !model->labels) return status;
    json_t *list = json_array();
    for (int64_t i = 0; list && i < net->classes; i++)
        if (json_array_append_new(list, json_string(model->labels[i]))) {
            json_decref(list);
            list = NULL;
        }
    return write_json(weights, "labels", list);
}
