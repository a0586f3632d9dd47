/* folder.c - see folder.h. transformers' config.json has the numbers of a ResNet, timm's the name of one. */
#include "models/folder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/model.h"
#include "models/nets/net.h"
#include "runtime/base/error.h"
#include "runtime/base/json.h"

enum { MOST_CONFIG = 64 << 20 };

static char *join(const char *folder, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) >= 0) return path;
    error_memory();
    return NULL;
}

char *folder_weights_path(const char *folder)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                        "pytorch_model.bin.index.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = join(folder, names[i]);
        if (!path || !access(path, F_OK)) return path;
        free(path);
    }
    error_fail(SHUNT_E_NOT_FOUND,
               "%s: a folder without weights: there is no model.safetensors, pytorch_model.bin or index of them in it",
               folder);
    return NULL;
}

/* The JSON object in the file, *out NULL where there is no such file. */
static shunt_status read_object(const char *folder, const char *name, json_t **out)
{
    file_mapping file;
    json_error_t error;
    char *path = join(folder, name);
    *out = NULL;
    if (!path) return SHUNT_E_MEMORY;
    shunt_status status = access(path, F_OK) ? SHUNT_E_NOT_FOUND : file_map(path, MOST_CONFIG, &file);
    if (!status) {
        *out = bounded_json_load((const char *)file.data, file.size, &error);
        file_unmap(&file);
        if (!json_is_object(*out)) {
            status = error_fail(SHUNT_E_INVALID, "%s: not a JSON object: %.80s", path, *out ? "" : error.text);
            json_decref(*out);
            *out = NULL;
        }
    } else if (status == SHUNT_E_NOT_FOUND) {
        status = SHUNT_OK;
    }
    free(path);
    return status;
}

/* ---- The network --------------------------------------------------------------------------------------------------- */

static bool says(const json_t *config, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(config, key));
    return !value || !strcmp(value, text);
}

/* Whether the list is there with these numbers times `factor`. */
static bool has_widths(const json_t *config, int64_t factor)
{
    const json_t *widths = json_object_get(config, "hidden_sizes");
    for (size_t i = 0; i < NET_STAGES; i++)
        if (json_integer_value(json_array_get(widths, i)) != factor * (64 << i)) return false;
    return json_array_size(widths) == NET_STAGES;
}

/* transformers' ResNetConfig as a network of Shunt. */
static bool find_resnet(const json_t *config, net_spec *net)
{
    const json_t *depths = json_object_get(config, "depths");
    const bool bottleneck = says(config, "layer_type", "bottleneck");
    const char *family;
    if (!json_object_get(config, "model_type") || !says(config, "model_type", "resnet") ||
        !says(config, "hidden_act", "relu") || json_is_true(json_object_get(config, "downsample_in_first_stage")) ||
        json_array_size(depths) != NET_STAGES || !has_widths(config, bottleneck ? 4 : 1))
        return false;
    for (size_t i = 0; (family = shunt_model_family(i)); i++) {
        bool same = !net_describe(family, NULL, net) && !net->cifar && net->residual && net->bottleneck == bottleneck &&
                    net->base == 64 && !net->groups && !net->deep_stem && !net->antialias;
        for (size_t k = 0; k < NET_STAGES && same; k++)
            same = json_integer_value(json_array_get(depths, k)) == net->blocks[k];
        if (!same) continue;
        net->v1 = bottleneck && json_is_true(json_object_get(config, "downsample_in_bottleneck"));
        return true;
    }
    return false;
}

/* timm's config.json names its architecture. */
static bool find_named(const json_t *config, net_spec *net)
{
    const char *name = json_string_value(json_object_get(config, "architecture"));
    return name && !net_describe(name, NULL, net) && !net->cifar;
}

static int64_t count_classes(const json_t *config)
{
    const size_t named = json_object_size(json_object_get(config, "id2label"));
    if (named) return (int64_t)named;
    const json_t *count = json_object_get(config, "num_classes");
    return json_integer_value(count ? count : json_object_get(config, "num_labels"));
}

static shunt_status set_json(shunt_weights *weights, const char *key, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    shunt_status status = text ? shunt_weights_set_metadata(weights, key, text) : error_memory();
    free(text);
    json_decref(value);
    return status;
}

static shunt_status set_network(const char *folder, const json_t *config, shunt_weights *weights)
{
    net_spec net;
    if (!find_resnet(config, &net) && !find_named(config, &net)) {
        const char *name = json_string_value(json_object_get(config, "architecture"));
        if (name) /* another network may have the same tensors */
            log_write(SHUNT_LOG_WARN,
                      "%s/config.json: no model '%.60s' is known; it is taken for the one you name, which may compute "
                      "other results",
                      folder, name);
        return SHUNT_OK;
    }
    const int64_t classes = count_classes(config);
    const char shortcut[2] = {net.shortcut};
    return set_json(weights, "model",
                    json_pack("{s:s, s:I, s:s, s:b}", "name", net.name, "classes",
                              (json_int_t)(classes > 0 ? classes : net.classes), "shortcut", shortcut, "v1", net.v1));
}

/* {"0": "tench", "1": ...} as a list; also timm's list. What is neither is left out. */
static shunt_status set_labels(const json_t *config, shunt_weights *weights)
{
    const json_t *names = json_object_get(config, "id2label"), *list = json_object_get(config, "label_names");
    char number[24];
    if (json_is_array(list)) return set_json(weights, "labels", json_incref((json_t *)(uintptr_t)list));
    json_t *made = json_array();
    for (size_t i = 0; made && i < json_object_size(names); i++) {
        snprintf(number, sizeof number, "%zu", i);
        json_t *name = json_object_get(names, number);
        if (!json_is_string(name)) {
            json_decref(made);
            return SHUNT_OK;
        }
        if (json_array_append(made, name)) {
            json_decref(made);
            made = NULL;
        }
    }
    if (made && !json_array_size(made)) {
        json_decref(made);
        return SHUNT_OK;
    }
    return set_json(weights, "labels", made);
}

/* ---- Pictures -------------------------------------------------------------------------------------------------------- */

static bool read_three(const json_t *list, float out[3])
{
    for (size_t i = 0; i < 3; i++) out[i] = (float)json_number_value(json_array_get(list, i));
    return json_array_size(list) == 3;
}

/* Both libraries cut down the size before the crop to a whole number. */
static bool set_sizes(int64_t crop, double part, shunt_preprocess *out)
{
    if (crop < 1 || crop > 1 << 14 || !(part > 0.1) || part > 1) return false;
    out->crop = crop;
    out->resize = (int64_t)floor((double)crop / part);
    return true;
}

/* timm's pretrained_cfg, or the same keys in the config itself. */
static bool from_timm(const json_t *config, shunt_preprocess *out)
{
    const json_t *inner = json_object_get(config, "pretrained_cfg"), *from = json_is_object(inner) ? inner : config;
    const json_t *size = json_object_get(from, "input_size");
    out->filter = says(from, "interpolation", "bicubic") ? SHUNT_BICUBIC : SHUNT_BILINEAR;
    return json_array_size(size) == 3 && says(from, "crop_mode", "center") &&
           json_integer_value(json_array_get(size, 1)) == json_integer_value(json_array_get(size, 2)) &&
           read_three(json_object_get(from, "mean"), out->mean) && read_three(json_object_get(from, "std"), out->std) &&
           set_sizes(json_integer_value(json_array_get(size, 1)), json_number_value(json_object_get(from, "crop_pct")),
                     out);
}

/* transformers' ConvNextImageProcessor, which its ResNets have: crop_pct applies to sizes below 384. */
static bool from_transformers(const json_t *processor, shunt_preprocess *out)
{
    const json_t *size = json_object_get(processor, "size"), *resample = json_object_get(processor, "resample");
    const json_t *edge = json_is_object(size) ? json_object_get(size, "shortest_edge") : size;
    const int64_t side = json_integer_value(edge),
                  filter = json_is_integer(resample) ? json_integer_value(resample) : 2;
    if (!json_is_number(json_object_get(processor, "crop_pct")) || (filter != 2 && filter != 3)) return false;
    out->filter = filter == 3 ? SHUNT_BICUBIC : SHUNT_BILINEAR;
    return side < 384 && read_three(json_object_get(processor, "image_mean"), out->mean) &&
           read_three(json_object_get(processor, "image_std"), out->std) &&
           set_sizes(side, json_number_value(json_object_get(processor, "crop_pct")), out);
}

static shunt_status set_preprocess(const json_t *config, const json_t *processor, shunt_weights *weights)
{
    shunt_preprocess made = {0};
    char text[SHUNT_PREPROCESS_TEXT];
    if (!from_transformers(processor, &made)) {
        made = (shunt_preprocess){0};
        if (!from_timm(config, &made)) return SHUNT_OK;
    }
    shunt_preprocess_print(&made, text, sizeof text);
    return shunt_weights_set_metadata(weights, "preprocess", text);
}

shunt_status folder_describe(const char *folder, shunt_weights *weights)
{
    json_t *config = NULL, *processor = NULL;
    shunt_status status = read_object(folder, "config.json", &config);
    if (!status) status = read_object(folder, "preprocessor_config.json", &processor);
    if (!status && config) status = set_network(folder, config, weights);
    if (!status && config) status = set_labels(config, weights);
    if (!status) status = set_preprocess(config, processor, weights);
    json_decref(config);
    json_decref(processor);
    return status;
}
