/* weights.c - the store of named tensors and metadata, filled by hand or from a mapped file, whose format is told by
 * its content. Tensors of a mapped file are views into it: nothing is copied that can be used where it lies. */
#include "runtime/io/weights.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/error.h"

enum { COPY_ALIGNMENT = 64 }; /* suits every vector type and devices that use host memory in place */

shunt_status shunt_weights_create(shunt_weights **out)
{
    *out = NULL;
    shunt_weights *weights = calloc(1, sizeof *weights);
    if (!weights) return shunt_fail_memory();
    weights->index = json_object();
    weights->metadata = json_object();
    weights->unusable = json_object();
    if (!weights->index || !weights->metadata || !weights->unusable) {
        shunt_weights_destroy(weights);
        return shunt_fail_memory();
    }
    *out = weights;
    return SHUNT_OK;
}

static void free_weight(weight *entry)
{
    if (!entry) return;
    free(entry->copy);
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
    shunt_unmap_file(&weights->file);
    free(weights);
}

/* ---- Tensors ---------------------------------------------------------------------------------------------- */

shunt_status shunt_weights_check_name(const char *name)
{
    if (!strcmp(name, "__metadata__"))
        return shunt_fail(SHUNT_E_INVALID, "the name __metadata__ is reserved by the file format");
    for (const unsigned char *byte = (const unsigned char *)name; *byte; byte++) {
        bool c1 = byte[0] == 0xc2 && byte[1] >= 0x80 && byte[1] <= 0x9f; /* U+0080 to U+009F in UTF-8 */
        if (*byte < 0x20 || *byte == 0x7f || c1)
            return shunt_fail(SHUNT_E_INVALID, "a name has a control character (byte 0x%02x at position %zu)",
                              c1 ? byte[1] : *byte, (size_t)(byte - (const unsigned char *)name));
    }
    return SHUNT_OK;
}

static shunt_status check_desc(const char *name, const shunt_tensor_desc *desc, size_t *bytes)
{
    uint64_t size = shunt_dtype_bytes(desc->dtype);
    if (!size) return shunt_fail(SHUNT_E_INVALID, "tensor '%.100s': unknown dtype %d", name, desc->dtype);
    if (desc->block != SHUNT_PLAIN) return shunt_fail(SHUNT_E_INVALID, "tensor '%.100s': not in plain layout", name);
    if (desc->rank > SHUNT_MAX_RANK)
        return shunt_fail(SHUNT_E_INVALID, "tensor '%.100s': rank %d is over %d", name, desc->rank, SHUNT_MAX_RANK);
    for (uint32_t i = 0; i < desc->rank; i++) {
        if (desc->dims[i] < 0 || __builtin_mul_overflow(size, (uint64_t)desc->dims[i], &size) || size > PTRDIFF_MAX)
            return shunt_fail(SHUNT_E_INVALID, "tensor '%.100s': dimension %u is negative or the size too large", name,
                              i);
    }
    *bytes = (size_t)size;
    return SHUNT_OK;
}

static weight *new_weight(const char *name, const shunt_tensor_desc *desc, const void *data, size_t bytes, bool copy)
{
    size_t name_bytes = strlen(name) + 1;
    weight *entry = calloc(1, sizeof *entry + name_bytes);
    if (!entry) return NULL;
    memcpy(entry->name, name, name_bytes);
    entry->view = (shunt_tensor_view){entry->name, *desc, data};
    if (copy) {
        size_t room = (bytes / COPY_ALIGNMENT + 1) * COPY_ALIGNMENT;
        entry->copy = aligned_alloc(COPY_ALIGNMENT, room);
        if (!entry->copy) {
            free(entry);
            return NULL;
        }
        if (bytes) memcpy(entry->copy, data, bytes);
        entry->view.data = entry->copy;
    }
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

shunt_status shunt_weights_put(shunt_weights *weights, const char *name, const shunt_tensor_desc *desc,
                               const void *data, int copy)
{
    size_t bytes = 0;
    shunt_status status = shunt_weights_check_name(name);
    if (!status) status = check_desc(name, desc, &bytes);
    if (status) return status;
    bool aligned = (uintptr_t)data % shunt_dtype_bytes(desc->dtype) == 0;
    /* The new entry first: name, desc and data may be the old one's. */
    weight *entry = new_weight(name, desc, data, bytes, copy || !aligned);
    if (!entry || !make_room(weights)) {
        free_weight(entry);
        return shunt_fail_memory();
    }
    json_t *position = json_object_get(weights->index, name);
    if (position) {
        size_t at = (size_t)json_integer_value(position);
        free_weight(weights->list[at]);
        weights->list[at] = entry;
        return SHUNT_OK;
    }
    if (json_object_set_new(weights->index, name, json_integer((json_int_t)weights->count))) {
        free_weight(entry);
        return shunt_fail(SHUNT_E_INVALID, "tensor '%.100s': the name is not UTF-8, or there is no memory left", name);
    }
    json_object_del(weights->unusable, name);
    weights->list[weights->count++] = entry;
    return SHUNT_OK;
}

shunt_status shunt_weights_set(shunt_weights *weights, const char *name, const shunt_tensor_desc *desc,
                               const void *data)
{
    return shunt_weights_put(weights, name, desc, data, 1);
}

/* ---- Memory ------------------------------------------------------------------------------------------------ */

/* A mapping of a temporary file with no name. Its space is allotted here: a full disk shows now, not in a later write. */
static void *map_temporary(size_t bytes)
{
    FILE *file = tmpfile();
    if (!file) return MAP_FAILED;
    void *data = MAP_FAILED;
    int error = posix_fallocate(fileno(file), 0, (off_t)bytes);
    if (!error) data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    fclose(file); /* the mapping keeps it */
    return data;
}

shunt_status shunt_weights_reserve(shunt_weights *weights, size_t bytes, void **room)
{
    if (weights->file.data) return shunt_fail(SHUNT_E_INVALID, "weights with a file have no room for computed ones");
    void *data = map_temporary(bytes);
    weights->in_memory = data == MAP_FAILED;
    if (weights->in_memory) data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) return shunt_fail_memory();
    weights->file = (shunt_mapping){data, bytes};
    *room = data;
    return SHUNT_OK;
}

void shunt_weights_release(const shunt_weights *weights, const shunt_tensor_view *view)
{
    const uint8_t *data = view->data, *file = weights->file.data;
    if (!file || weights->in_memory || data < file || data >= file + weights->file.size) return;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), first = (size_t)(data - file) / page * page;
    const size_t end = (size_t)(data - file) + (size_t)shunt_tensor_bytes(&view->desc);
    madvise((void *)(file + first), end - first, MADV_DONTNEED); /* a refusal costs memory, nothing else */
}

size_t shunt_weights_count(const shunt_weights *weights)
{
    return weights->count;
}

const shunt_tensor_view *shunt_weights_at(const shunt_weights *weights, size_t index)
{
    return index < weights->count ? &weights->list[index]->view : NULL;
}

const shunt_tensor_view *shunt_weights_find(const shunt_weights *weights, const char *name)
{
    json_t *position = json_object_get(weights->index, name);
    return position ? &weights->list[json_integer_value(position)]->view : NULL;
}

const char *shunt_weights_unusable(const shunt_weights *weights, const char *name)
{
    return json_string_value(json_object_get(weights->unusable, name));
}

/* ---- Metadata ---------------------------------------------------------------------------------------------- */

const char *shunt_weights_metadata(const shunt_weights *weights, const char *key)
{
    return json_string_value(json_object_get(weights->metadata, key));
}

const char *shunt_weights_metadata_next(const shunt_weights *weights, const char *key)
{
    void *at = key ? json_object_iter_at(weights->metadata, key) : NULL;
    at = key ? json_object_iter_next(weights->metadata, at) : json_object_iter(weights->metadata);
    return json_object_iter_key(at);
}

shunt_status shunt_weights_set_metadata(shunt_weights *weights, const char *key, const char *value)
{
    if (json_object_set_new(weights->metadata, key, json_string(value)))
        return shunt_fail(SHUNT_E_INVALID, "metadata '%.100s': key or value is not UTF-8, or there is no memory left",
                          key);
    return SHUNT_OK;
}

/* ---- Files ------------------------------------------------------------------------------------------------- */

/* What a file that is no safetensors file most likely is, and what to do; NULL when nothing is known about it. A
 * safetensors file has the first byte of its JSON header, '{', at byte 8; that decides before any magic number, since
 * the header's length may begin like one. */
static const char *looks_like(const uint8_t *data, size_t size)
{
    static const struct {
        const char *magic;
        size_t length;
        const char *text;
    } known[] = {
        {"PK\3\4", 4, "a PyTorch .pth (zip) file; not supported yet: convert it to safetensors"},
        {"\x80\2", 2, "a PyTorch .pth (pickle) file; not supported yet: convert it to safetensors"},
        {"\x89HDF", 4, "an HDF5 (Keras) file; not supported: convert it to safetensors"},
        {"GGUF", 4, "a GGUF file; not supported: convert it to safetensors"},
        {"version https://git-lfs", 23, "a Git LFS pointer: fetch the file itself with git lfs pull"},
        {"<!", 2, "a web page, not weights: download the file again"},
        {"<html", 5, "a web page, not weights: download the file again"},
        {"{", 1, "a JSON file; give the .safetensors file itself"},
        {"\xff\xd8\xff", 3, "a picture, not weights"},
        {"\x89PNG", 4, "a picture, not weights"},
    };
    if (size > 8 && data[8] == '{') return NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (size >= known[i].length && !memcmp(data, known[i].magic, known[i].length)) return known[i].text;
    /* An ONNX ModelProto starts with field 1, a small version, and field 2, 7 or 8: producer, graph or opsets. */
    if (size > 2 && data[0] == 0x08 && data[1] && data[1] < 32 &&
        (data[2] == 0x12 || data[2] == 0x3a || data[2] == 0x42))
        return "an ONNX file; not supported yet: convert its weights to safetensors";
    return NULL;
}

shunt_status shunt_weights_open(const char *path, shunt_weights **out)
{
    *out = NULL;
    shunt_weights *weights;
    shunt_status status = shunt_weights_create(&weights);
    if (status) return status;
    status = shunt_map_file(path, 0, &weights->file);
    if (status) goto fail;
    const char *other = looks_like(weights->file.data, weights->file.size);
    if (other) {
        status = shunt_fail(SHUNT_E_UNSUPPORTED, "%s: looks like %s", path, other);
        goto fail;
    }
    status = shunt_safetensors_parse(path, weights);
    if (status) goto fail;
    *out = weights;
    return SHUNT_OK;
fail:
    shunt_weights_destroy(weights);
    return status;
}

shunt_status shunt_weights_save(const shunt_weights *weights, const char *path)
{
    return shunt_safetensors_write(path, weights);
}
