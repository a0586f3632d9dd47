/* shards.c - weights in several files, which an index beside them lists: {"weight_map": {"conv1.weight": "model-1.safetensors"}},
 * as Hugging Face's libraries write it. The files lie beside the index. */
#include "runtime/weights/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/shared/os.h"

static bool is_index(const file_mapping *file)
{
    static const char key[] = "\"weight_map\"";
    return file->size && file->data[0] == '{' && memmem(file->data, file->size, key, sizeof key - 1);
}

/* All that is in `part`, whose file `weights` have mapped. */
static shunt_status add_part(shunt_weights *weights, const shunt_weights *part)
{
    shunt_status status = SHUNT_OK;
    for (size_t i = 0; i < part->count && !status; i++) {
        const shunt_tensor_view *view = &part->list[i]->view;
        if (shunt_weights_find(weights, view->name))
            return error_fail(SHUNT_E_INVALID, "tensor '%.100s' is in two files", view->name);
        status = weights_put(weights, view->name, &view->desc, view->data, !weights_maps(weights, view->data));
    }
    if (!status && (json_object_update_missing(weights->metadata, part->metadata) ||
                    json_object_update_missing(weights->unusable, part->unusable)))
        status = error_memory();
    if (!status && part->producer && !weights->producer) status = weights_set_producer(weights, part->producer);
    return status;
}

static shunt_status read_part(shunt_weights *weights, const char *path)
{
    const file_mapping *file;
    shunt_weights *part;
    shunt_status status = weights_map(weights, path, &file);
    if (!status) status = shunt_weights_create(&part);
    if (status) return status;
    part->file = *file;
    if (is_index(file))
        status = error_fail(SHUNT_E_INVALID, "%s: an index, where weights have to be", path);
    else
        status = weights_parse(path, NULL, part);
    if (!status && (status = add_part(weights, part))) error_context(status, "%s", path);
    part->file = (file_mapping){0}; /* the other's */
    shunt_weights_destroy(part);
    return status;
}

/* Shards are named without a path, and lie in the index's folder. */
static shunt_status read_named(shunt_weights *weights, const char *index, const char *name)
{
    const char *slash = os_last_slash(index);
    char *path;
    if (index == file_in_memory)
        return error_fail(SHUNT_E_UNSUPPORTED, "an index of files that lie beside it cannot be read from memory");
    if (!name || !*name || os_last_slash(name) || os_is_absolute(name) || !strcmp(name, ".."))
        return error_fail(SHUNT_E_INVALID, "%s: 'weight_map' has to name files beside it, not '%.100s'", index,
                          name ? name : "something other than a text");
    if (asprintf(&path, "%.*s%s", slash ? (int)(slash - index + 1) : 0, index, name) < 0) return error_memory();
    shunt_status status = read_part(weights, path);
    free(path);
    return status;
}

static shunt_status read_all(const char *index, const json_t *map, shunt_weights *weights)
{
    const char *tensor;
    json_t *file, *done = json_object();
    shunt_status status = done ? SHUNT_OK : error_memory();
    json_object_foreach((json_t *)(uintptr_t)map, tensor, file)
    {
        const char *name = json_string_value(file);
        if (status) break;
        if (name && json_object_get(done, name)) continue;
        status = read_named(weights, index, name);
        if (!status && json_object_set_new(done, name, json_true())) status = error_memory();
    }
    json_object_foreach((json_t *)(uintptr_t)map, tensor, file)
    {
        if (status) break;
        if (!shunt_weights_find(weights, tensor) && !json_object_get(weights->unusable, tensor))
            status = error_fail(SHUNT_E_INVALID, "%s: tensor '%.100s' is not in %.100s", index, tensor,
                                json_string_value(file));
    }
    json_decref(done);
    return status;
}

static shunt_status read_index(const char *path, shunt_weights *weights)
{
    json_error_t error;
    json_t *index = bounded_json_load((const char *)weights->file.data, weights->file.size, &error);
    if (!index) return error_fail(SHUNT_E_INVALID, "%s: bad JSON: %.80s", path, error.text);
    const json_t *map = json_object_get(index, "weight_map");
    shunt_status status = json_is_object(map)
                              ? read_all(path, map, weights)
                              : error_fail(SHUNT_E_INVALID, "%s: its 'weight_map' is not an object", path);
    json_decref(index);
    return status;
}

const weight_format format_index = {"index of weight files", is_index, read_index};
