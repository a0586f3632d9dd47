/* weights.c - the store of named tensors and metadata, filled by hand or from a mapped file. Tensors of a mapped file are
 * views into it: nothing is copied that can be used where it lies. */
#include "runtime/weights/weights.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/base/dtype.h"
#include "runtime/shared/os.h"

enum { COPY_ALIGNMENT = 64 /* suits every vector type and devices that use host memory in place */ };

shunt_status shunt_weights_create(shunt_weights **out)
{
    if (!out) return error_null(__func__, "out");
    *out = NULL;
    shunt_weights *weights = calloc(1, sizeof *weights);
    if (!weights) return error_memory();
    weights->index = json_object();
    weights->metadata = json_object();
    weights->unusable = json_object();
    if (!weights->index || !weights->metadata || !weights->unusable) {
        shunt_weights_destroy(weights);
        return error_memory();
    }
    *out = weights;
    return SHUNT_OK;
}

static void free_weight(weight *entry)
{
    if (!entry) return;
    if (entry->run) os_unmap(entry->view.data, entry->run);
    os_aligned_free(entry->copy);
    free(entry);
}

void shunt_weights_destroy(shunt_weights *weights)
{
    if (!weights) return;
    for (size_t i = 0; i < weights->count; i++) free_weight(weights->list[i]);
    free(weights->list);
    json_decref(weights->index);
    json_decref(weights->metadata);
    json_decref(weights->unusable);
    free(weights->producer);
    file_unmap(&weights->file);
    for (size_t i = 0; i < weights->nbeside; i++) {
        file_unmap(&weights->beside[i]);
        free(weights->beside_paths[i]);
    }
    free(weights->beside);
    free(weights->beside_paths);
    free(weights);
}

/* ---- Tensors ---------------------------------------------------------------------------------------------- */

shunt_status weights_check_name(const char *name)
{
    if (!strcmp(name, "__metadata__"))
        return error_fail(SHUNT_E_INVALID, "the name __metadata__ is reserved by the file format");
    for (const unsigned char *byte = (const unsigned char *)name; *byte; byte++) {
        bool c1 = byte[0] == 0xc2 && byte[1] >= 0x80 && byte[1] <= 0x9f; /* U+0080 to U+009F in UTF-8 */
        if (*byte < 0x20 || *byte == 0x7f || c1)
            return error_fail(SHUNT_E_INVALID, "a name has a control character (byte 0x%02x at position %zu)",
                              c1 ? byte[1] : *byte, (size_t)(byte - (const unsigned char *)name));
    }
    return SHUNT_OK;
}

static shunt_status check_desc(const char *name, const shunt_tensor_desc *desc, size_t *bytes)
{
    uint64_t size = shunt_dtype_bytes(desc->dtype);
    if (!size) return error_fail(SHUNT_E_INVALID, "tensor '%.100s': unknown dtype %d", name, desc->dtype);
    if (desc->block != SHUNT_PLAIN) return error_fail(SHUNT_E_INVALID, "tensor '%.100s': not in plain layout", name);
    if (desc->rank > SHUNT_MAX_RANK)
        return error_fail(SHUNT_E_INVALID, "tensor '%.100s': rank %d is over %d", name, desc->rank, SHUNT_MAX_RANK);
    for (uint32_t i = 0; i < desc->rank; i++) {
        if (desc->dims[i] < 0 || __builtin_mul_overflow(size, (uint64_t)desc->dims[i], &size) || size > PTRDIFF_MAX)
            return error_fail(SHUNT_E_INVALID, "tensor '%.100s': dimension %u is negative or the size too large", name,
                              i);
    }
    *bytes = (size_t)size;
    return SHUNT_OK;
}

/* An entry with a buffer of `room` bytes of its own, or with none, for data that stays where it is. NULL without memory. */
static weight *new_weight(const char *name, const shunt_tensor_desc *desc, const void *data, size_t room)
{
    size_t name_bytes = strlen(name) + 1;
    weight *entry = calloc(1, sizeof *entry + name_bytes);
    if (!entry) return NULL;
    memcpy(entry->name, name, name_bytes);
    entry->view = (shunt_tensor_view){entry->name, *desc, data};
    if (!room) return entry;
    entry->copy =
        os_aligned(COPY_ALIGNMENT, room); /* huge pages: half of the time of a copy goes into faults of small ones */
    if (!entry->copy) {
        free(entry);
        return NULL;
    }
    entry->view.data = entry->copy;
    return entry;
}

static bool make_room(shunt_weights *weights)
{
    if (weights->count < weights->room) return true;
    size_t room = weights->room ? 2 * weights->room : 64;
    weight **list = reallocarray(weights->list, room, sizeof *list);
    if (!list) return false;
    weights->list = list;
    weights->room = room;
    return true;
}

/* Takes the entry, which may be NULL for lack of memory. */
static shunt_status insert(shunt_weights *weights, weight *entry)
{
    if (!entry || !make_room(weights)) {
        free_weight(entry);
        return error_memory();
    }
    json_t *position = json_object_get(weights->index, entry->name);
    if (position) {
        size_t at = (size_t)json_integer_value(position);
        free_weight(weights->list[at]);
        weights->list[at] = entry;
        return SHUNT_OK;
    }
    if (json_object_set_new(weights->index, entry->name, json_integer((json_int_t)weights->count))) {
        error_fail(SHUNT_E_INVALID, "tensor '%.100s': the name is not UTF-8, or there is no memory left", entry->name);
        free_weight(entry);
        return SHUNT_E_INVALID;
    }
    json_object_del(weights->unusable, entry->name);
    weights->list[weights->count++] = entry;
    return SHUNT_OK;
}

shunt_status weights_put(shunt_weights *weights, const char *name, const shunt_tensor_desc *desc, const void *data,
                         int copy)
{
    size_t bytes = 0;
    shunt_status status = weights_check_name(name);
    if (!status) status = check_desc(name, desc, &bytes);
    if (status) return status;
    /* The new entry first: name, desc and data may be the old one's. */
    weight *entry = new_weight(name, desc, data, copy ? bytes : 0);
    if (entry && entry->copy) memcpy(entry->copy, data, bytes);
    return insert(weights, entry);
}

shunt_status weights_add(shunt_weights *weights, const char *name, const shunt_tensor_desc *desc, void **data)
{
    size_t bytes = 0;
    shunt_status status = weights_check_name(name);
    if (!status) status = check_desc(name, desc, &bytes);
    if (status) return status;
    weight *entry = new_weight(name, desc, NULL, bytes ? bytes : 1);
    if (entry) *data = entry->copy;
    return insert(weights, entry);
}

shunt_status weights_put_run(shunt_weights *weights, const char *name, const shunt_tensor_desc *desc, float value)
{
    size_t bytes = 0;
    shunt_status status = weights_check_name(name);
    if (!status) status = check_desc(name, desc, &bytes);
    if (status) return status;
    weight *entry = new_weight(name, desc, NULL, 0);
    if (entry && !(entry->view.data = constant_run_map(value, bytes, &entry->run))) {
        free_weight(entry);
        entry = NULL;
    }
    return insert(weights, entry);
}

shunt_status weights_put_f32(shunt_weights *weights, const char *name, const shunt_tensor_view *view, int copy)
{
    shunt_tensor_desc desc = view->desc;
    size_t count = (size_t)shunt_tensor_count(&desc);
    if (desc.dtype == SHUNT_F32) return weights_put(weights, name, &desc, view->data, copy);
    desc.dtype = SHUNT_F32;
    void *room = NULL;
    shunt_status status = weights_add(weights, name, &desc, &room);
    if (!status && count) dtype_to_f32(view->desc.dtype, view->data, count, room);
    return status;
}

shunt_status shunt_weights_set(shunt_weights *weights, const char *name, const shunt_tensor_desc *desc,
                               const void *data)
{
    if (!weights || !name || !desc) return error_null(__func__, "weights, name, desc");
    if (!data && desc->rank <= SHUNT_MAX_RANK && shunt_tensor_count(desc) > 0) return error_null(__func__, "data");
    return weights_put(weights, name, desc, data, 1);
}

/* ---- Conversion -------------------------------------------------------------------------------------------- */

enum { CHUNK = 1024 }; /* elements converted at a time by way of float32 */

/* Element `at`, as exact as a double is. */
static double element(const shunt_tensor_view *view, size_t at)
{
    const uint8_t *data = (const uint8_t *)view->data + at * shunt_dtype_bytes(view->desc.dtype);
    float single;
    double exact;
    if (view->desc.dtype == SHUNT_F64) {
        memcpy(&exact, data, sizeof exact);
        return exact;
    }
    dtype_to_f32(view->desc.dtype, data, 1, &single);
    return (double)single;
}

/* By way of float32, in chunks. A finite number must stay one. */
static shunt_status convert_tensor(const shunt_tensor_view *view, uint8_t dtype, uint8_t *dst)
{
    const size_t count = (size_t)shunt_tensor_count(&view->desc);
    const size_t from = shunt_dtype_bytes(view->desc.dtype), to = shunt_dtype_bytes(dtype);
    float floats[CHUNK];
    for (size_t at = 0, n; at < count; at += n) {
        n = count - at < CHUNK ? count - at : CHUNK;
        dtype_to_f32(view->desc.dtype, (const uint8_t *)view->data + at * from, n, floats);
        dtype_from_f32(dtype, floats, n, dst + at * to);
        dtype_to_f32(dtype, dst + at * to, n, floats);
        for (size_t i = 0; i < n; i++)
            if (isinf(floats[i]) && isfinite(element(view, at + i)))
                return error_fail(SHUNT_E_INVALID, "tensor '%.100s': element %zu is %g, too large for %s", view->name,
                                  at + i, element(view, at + i), shunt_dtype_name(dtype));
    }
    return SHUNT_OK;
}

shunt_status shunt_weights_convert(shunt_weights *weights, uint8_t dtype)
{
    if (!weights) return error_null(__func__, "weights");
    if (!dtype_is_float(dtype))
        return error_fail(SHUNT_E_INVALID, "weights are converted to f32, f64, f16 or bf16 only");
    for (size_t i = 0; i < weights->count; i++) {
        const shunt_tensor_view *view = &weights->list[i]->view;
        if (!dtype_is_float(view->desc.dtype) || view->desc.dtype == dtype) continue;
        shunt_tensor_desc desc = view->desc;
        desc.dtype = dtype;
        weight *entry = new_weight(view->name, &desc, NULL, (size_t)shunt_tensor_bytes(&desc));
        if (!entry) return error_memory();
        shunt_status status = convert_tensor(view, dtype, entry->copy);
        if (status) {
            free_weight(entry);
            return status;
        }
        weights_release(weights, view);
        free_weight(weights->list[i]);
        weights->list[i] = entry;
    }
    return SHUNT_OK;
}

/* ---- Further files ------------------------------------------------------------------------------------------- */

enum { MOST_FILES = 4096 };

/* The file that was mapped under another name, or NULL. */
static const file_mapping *mapped_already(const shunt_weights *weights, const file_mapping *file)
{
    for (size_t i = 0; i <= weights->nbeside; i++) {
        const file_mapping *old = i ? &weights->beside[i - 1] : &weights->file;
        if (old->data && old->device == file->device && old->inode == file->inode) return old;
    }
    return NULL;
}

static shunt_status keep_file(shunt_weights *weights, const char *path, const file_mapping *file)
{
    const size_t room = weights->nbeside + 1;
    file_mapping *files = reallocarray(weights->beside, room, sizeof *files);
    if (files) weights->beside = files;
    char **paths = files ? reallocarray(weights->beside_paths, room, sizeof *paths) : NULL;
    if (paths) weights->beside_paths = paths;
    char *copy = paths ? strdup(path) : NULL;
    if (!copy) return error_memory();
    files[weights->nbeside] = *file;
    paths[weights->nbeside++] = copy;
    return SHUNT_OK;
}

shunt_status weights_map(shunt_weights *weights, const char *path, const file_mapping **out)
{
    for (size_t i = 0; i < weights->nbeside; i++)
        if (!strcmp(weights->beside_paths[i], path)) {
            *out = &weights->beside[i];
            return SHUNT_OK;
        }
    if (weights->nbeside == MOST_FILES)
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: its data is in more than %d files", path, MOST_FILES);
    file_mapping file;
    shunt_status status = file_map(path, 0, &file);
    if (status) return status;
    *out = mapped_already(weights, &file);
    if (!*out) status = keep_file(weights, path, &file);
    if (*out || status) {
        file_unmap(&file);
        return status;
    }
    *out = &weights->beside[weights->nbeside - 1];
    return SHUNT_OK;
}

void weights_move_files(shunt_weights *from, shunt_weights *to)
{
    to->file = from->file;
    to->in_memory = from->in_memory;
    to->beside = from->beside;
    to->beside_paths = from->beside_paths;
    to->nbeside = from->nbeside;
    from->file = (file_mapping){0};
    from->beside = NULL;
    from->beside_paths = NULL;
    from->nbeside = 0;
}

/* NULL: it lies in none. */
static const file_mapping *mapping_of(const shunt_weights *weights, const uint8_t *data)
{
    for (size_t i = 0; i <= weights->nbeside; i++) {
        const file_mapping *file = i ? &weights->beside[i - 1] : &weights->file;
        if (file->data && data >= file->data && data < file->data + file->size) return file;
    }
    return NULL;
}

bool weights_maps(const shunt_weights *weights, const void *data)
{
    return mapping_of(weights, data);
}

/* ---- Memory ------------------------------------------------------------------------------------------------ */

shunt_status weights_reserve(shunt_weights *weights, size_t bytes, void **room)
{
    if (weights->file.data) return error_fail(SHUNT_E_INVALID, "weights with a file have no room for computed ones");
    void *data = os_pages_on_disk(bytes);
    weights->in_memory = !data;
    if (!data) data = os_pages(bytes);
    if (!data) return error_memory();
    weights->file = (file_mapping){.data = data, .size = bytes};
    *room = data;
    return SHUNT_OK;
}

void weights_release(const shunt_weights *weights, const shunt_tensor_view *view)
{
    const file_mapping *file = mapping_of(weights, view->data);
    if (!file || (file == &weights->file && weights->in_memory)) return;
    os_unneeded(view->data, (size_t)shunt_tensor_bytes(&view->desc));
}

size_t shunt_weights_count(const shunt_weights *weights)
{
    if (!weights) return 0;
    return weights->count;
}

const shunt_tensor_view *shunt_weights_at(const shunt_weights *weights, size_t index)
{
    if (!weights) return NULL;
    return index < weights->count ? &weights->list[index]->view : NULL;
}

const shunt_tensor_view *shunt_weights_find(const shunt_weights *weights, const char *name)
{
    if (!weights || !name) return NULL;
    json_t *position = json_object_get(weights->index, name);
    return position ? &weights->list[json_integer_value(position)]->view : NULL;
}

const char *shunt_weights_unusable(const shunt_weights *weights, const char *name)
{
    if (!weights || !name) return NULL;
    return json_string_value(json_object_get(weights->unusable, name));
}

const char *shunt_weights_unusable_next(const shunt_weights *weights, const char *name)
{
    if (!weights) return NULL;
    void *at = name ? json_object_iter_at(weights->unusable, name) : NULL;
    at = name ? json_object_iter_next(weights->unusable, at) : json_object_iter(weights->unusable);
    return json_object_iter_key(at);
}

/* ---- Where they are from ------------------------------------------------------------------------------------ */

const char *shunt_weights_format(const shunt_weights *weights)
{
    if (!weights) return NULL;
    return weights->format;
}

const char *shunt_weights_producer(const shunt_weights *weights)
{
    if (!weights) return NULL;
    return weights->producer;
}

shunt_status weights_set_producer(shunt_weights *weights, const char *producer)
{
    char *copy = strdup(producer);
    if (!copy) return error_memory();
    free(weights->producer);
    weights->producer = copy;
    return SHUNT_OK;
}

/* ---- Metadata ---------------------------------------------------------------------------------------------- */

const char *shunt_weights_metadata(const shunt_weights *weights, const char *key)
{
    if (!weights || !key) return NULL;
    return json_string_value(json_object_get(weights->metadata, key));
}

const char *shunt_weights_metadata_next(const shunt_weights *weights, const char *key)
{
    if (!weights) return NULL;
    void *at = key ? json_object_iter_at(weights->metadata, key) : NULL;
    at = key ? json_object_iter_next(weights->metadata, at) : json_object_iter(weights->metadata);
    return json_object_iter_key(at);
}

shunt_status shunt_weights_set_metadata(shunt_weights *weights, const char *key, const char *value)
{
    if (!weights || !key || !value) return error_null(__func__, "weights, key, value");
    if (json_object_set_new(weights->metadata, key, json_string(value)))
        return error_fail(SHUNT_E_INVALID, "metadata '%.100s': key or value is not UTF-8, or there is no memory left",
                          key);
    return SHUNT_OK;
}
