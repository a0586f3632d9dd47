/* metadata.c - labels, preprocessing and the network's description as JSON texts in a weight file's metadata, so that a
 * file that was saved here needs no other file. */
#include "models/model.h"
#include "runtime/base/error.h"
#include "runtime/base/json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The JSON value under key; *out is NULL if there is none. */
static shunt_status read_json(const shunt_weights *file, const char *key, json_t **out)
{
    const char *text = shunt_weights_metadata(file, key);
    json_error_t error;
    *out = NULL;
    if (!text) return SHUNT_OK;
    *out = bounded_json_load(text, strlen(text), &error);
    if (*out) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "metadata '%s' is not JSON: %.80s", key, error.text);
}

static shunt_status read_labels(const shunt_weights *file, int64_t count, char ***out)
{
    json_t *list;
    char **labels = NULL;
    shunt_status status = read_json(file, "labels", &list);
    if (status || !list) return status;
    if (!json_is_array(list) || (int64_t)json_array_size(list) != count) {
        status = error_fail(SHUNT_E_INVALID, "metadata 'labels' is not a list of %lld", (long long)count);
        goto done;
    }
    if (!(labels = calloc((size_t)count, sizeof *labels))) status = error_memory();
    for (size_t i = 0; !status && i < (size_t)count; i++) {
        const char *label = json_string_value(json_array_get(list, i));
        status = label ? labels_check(label, i) : error_fail(SHUNT_E_INVALID, "label %zu is not a string", i);
        if (status)
            status = error_context(status, "metadata 'labels'");
        else if (!(labels[i] = strdup(label)))
            status = error_memory();
    }
done:
    json_decref(list);
    if (status)
        labels_free(labels, count);
    else
        *out = labels;
    return status;
}

static shunt_status read_preprocess(const shunt_weights *file, shunt_preprocess *out)
{
    const char *text = shunt_weights_metadata(file, "preprocess");
    return text ? shunt_preprocess_parse(text, out) : SHUNT_OK;
}

/* What Shunt wrote says at least one of these; "model" in another producer's file may be anything, such as a name. */
static bool is_description(const json_t *object)
{
    return json_object_get(object, "shortcut") || json_object_get(object, "v1");
}

/* Free the result. NULL if there is none, or if it is not JSON. */
static json_t *read_description(const shunt_weights *file)
{
    const char *text = shunt_weights_metadata(file, "model");
    json_error_t error;
    return text ? bounded_json_load(text, strlen(text), &error) : NULL;
}

/* Other producers may write no more than a name, with or without quotation marks: it counts if it is one of Shunt's. */
static void take_plain_name(const char *text, char name[METADATA_NAME])
{
    net_spec net;
    const size_t length = strlen(text), quoted = length > 2 && text[0] == '"' && text[length - 1] == '"';
    snprintf(name, METADATA_NAME, "%.*s",
             (int)(quoted                   ? length - 2
                   : length < METADATA_NAME ? length
                                            : 0),
             text + quoted);
    if (net_describe(name, NULL, &net)) *name = '\0';
}

/* The network that another producer's file names, "" where it is none of Shunt's. "architecture" is timm's key, and the `arch` of
 * checkpoints (runtime/weights/torch.c). */
static void read_plain_name(const shunt_weights *file, char name[METADATA_NAME])
{
    static const char *const keys[] = {"model", "architecture"};
    *name = '\0';
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !*name; i++) {
        const char *text = shunt_weights_metadata(file, keys[i]);
        if (text) take_plain_name(text, name);
    }
}

/* Whether two names mean the same network. The "cifar-" in front may be left out. */
static bool same_network(const char *a, const char *b)
{
    static const char cifar[] = "cifar-";
    const size_t length = sizeof cifar - 1;
    if (!strncmp(a, cifar, length)) a += length;
    if (!strncmp(b, cifar, length)) b += length;
    return !strcmp(a, b);
}

void metadata_network(const shunt_weights *file, shunt_model_options *options, char name[METADATA_NAME])
{
    json_t *object = read_description(file);
    const char *shortcut;
    if (!json_is_object(object)) {
        read_plain_name(file, name);
        json_decref(object);
        return;
    }
    *name = '\0';
    const char *named = json_string_value(json_object_get(object, "name"));
    if (named) snprintf(name, METADATA_NAME, "%s", named);
    shortcut = json_string_value(json_object_get(object, "shortcut"));
    if (options->name && named && !same_network(options->name, named)) shortcut = NULL; /* loading will tell */
    if (!options->classes) options->classes = json_integer_value(json_object_get(object, "classes"));
    if (!options->shortcut && shortcut) options->shortcut = shortcut[0];
    if (!options->v1) options->v1 = json_is_true(json_object_get(object, "v1"));
    json_decref(object);
}

bool metadata_describes(const shunt_weights *file)
{
    json_t *object = read_description(file);
    const bool describes = is_description(object);
    json_decref(object);
    return describes;
}

bool metadata_bare_norms(const shunt_weights *file)
{
    json_t *object = read_description(file);
    const json_t *epsilon = json_object_get(object, "epsilon");
    const bool bare = json_is_number(epsilon) && json_number_value(epsilon) == 0;
    json_decref(object);
    return bare;
}

bool metadata_names(const shunt_weights *file, const net_spec *net)
{
    char name[METADATA_NAME];
    net_spec named;
    read_plain_name(file, name);
    return *name && !net_describe(name, NULL, &named) && !strcmp(named.name, net->name);
}

/* A name of other producers counts where the tensors cannot tell: a file of another network does not fit anyway, and may mean
 * something else by the name. */
static shunt_status check_plain_name(const net_spec *net, const shunt_weights *file)
{
    char name[METADATA_NAME];
    read_plain_name(file, name);
    if (!*name || !net_looks_like(net, name)) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "the file is of a %.40s, not of a %s, which has the same tensors", name,
                      net->name);
}

/* The tensors do not show which convolution has the stride, or that a shortcut is option A. The description says so. */
shunt_status metadata_check_net(const net_spec *net, const shunt_weights *file)
{
    json_t *object = read_description(file);
    shunt_status status = SHUNT_OK;
    if (!is_description(object)) {
        json_decref(object);
        return check_plain_name(net, file);
    }
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *shortcut = json_string_value(json_object_get(object, "shortcut"));
    const json_t *v1 = json_object_get(object, "v1");
    char ours[2] = {net->shortcut};
    if (!name || !shortcut || !json_is_boolean(v1))
        status = error_fail(SHUNT_E_INVALID, "metadata 'model' lacks a name, a shortcut or v1");
    else if (strcmp(name, net->name))
        status = error_fail(SHUNT_E_INVALID, "the file is of a %.40s, not of a %s", name, net->name);
    else if (strcmp(shortcut, ours))
        status = error_fail(SHUNT_E_INVALID, "the file's network has shortcuts of option '%.1s', the model '%s'",
                            shortcut, ours);
    else if (json_is_true(v1) != net->v1)
        status = error_fail(SHUNT_E_INVALID,
                            "the file's network is %s, the model %s: they differ in where bottlenecks have "
                            "their stride",
                            json_is_true(v1) ? "v1" : "v1.5", net->v1 ? "v1" : "v1.5");
    json_decref(object);
    return status;
}

shunt_status metadata_read(const shunt_model *model, const shunt_weights *file, char ***labels,
                           shunt_preprocess *preprocess)
{
    shunt_status status = read_preprocess(file, preprocess);
    return status || !labels ? status : read_labels(file, shunt_model_outcomes(model), labels);
}

/* Takes `value`, which may be NULL for lack of memory. */
static shunt_status write_json(shunt_weights *weights, const char *key, json_t *value)
{
    /* 9 digits tell any float from its neighbours */
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    shunt_status status = text ? shunt_weights_set_metadata(weights, key, text) : error_memory();
    free(text);
    json_decref(value);
    return status;
}

shunt_status metadata_write(const shunt_model *model, shunt_weights *weights)
{
    const net_spec *net = &model->net;
    char shortcut[2] = {net->shortcut}, text[SHUNT_PREPROCESS_TEXT];
    json_t *description = json_pack("{s:s, s:I, s:s, s:b}", "name", net->name, "classes", (json_int_t)net->classes,
                                    "shortcut", shortcut, "v1", net->v1);
    if (description && net->bare_norms && json_object_set_new(description, "epsilon", json_integer(0))) {
        json_decref(description);
        description = NULL;
    }
    shunt_status status = write_json(weights, "model", description);
    shunt_preprocess_print(&model->preprocess, text, sizeof text);
    if (!status) status = shunt_weights_set_metadata(weights, "preprocess", text);
    if (status || !model->labels) return status;
    json_t *list = json_array();
    for (int64_t i = 0; list && i < shunt_model_outcomes(model); i++)
        if (json_array_append_new(list, json_string(model->labels[i]))) {
            json_decref(list);
            list = NULL;
        }
    return write_json(weights, "labels", list);
}
