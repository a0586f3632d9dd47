/* safetensors.c - weight files: a length, a JSON header, the tensors' bytes. Files come from strangers: everything that
 * the header says is checked against the file before any of it is used, and the tensors must tile the data exactly, so
 * that nothing is hidden and nothing shared. Messages give the tensor, the bytes found and those expected. */
#include "runtime/weights/weights.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/base/json.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are used as they lie in the file: little-endian");

enum {
    PREFIX = 8,                 /* bytes of the header's length */
    MAX_HEADER = 100 * 1000000, /* the format's own limit */
    DATA_ALIGNMENT = 64         /* of the data in files that we write */
};

typedef struct dtype_info {
    const char *name;
    uint8_t bytes, dtype; /* dtype 0: known only by its size; the others are written, too */
} dtype_info;

static const dtype_info dtypes[] = {
    {"F32", 4, SHUNT_F32},   {"F64", 8, SHUNT_F64},   {"I32", 4, SHUNT_I32}, {"F16", 2, SHUNT_F16},
    {"BF16", 2, SHUNT_BF16}, {"I64", 8, SHUNT_I64},   {"I16", 2, SHUNT_I16}, {"I8", 1, SHUNT_I8},
    {"U8", 1, SHUNT_U8},     {"BOOL", 1, SHUNT_BOOL}, {"U64", 8, 0},         {"U32", 4, 0},
    {"U16", 2, 0},           {"F8_E4M3", 1, 0},       {"F8_E5M2", 1, 0},     {"C64", 8, 0},
};
enum { NDTYPES = sizeof dtypes / sizeof *dtypes };

typedef struct entry {
    const char *name; /* the JSON tree's */
    const dtype_info *dtype;
    size_t rank;
    int64_t dims[SHUNT_MAX_RANK];
    uint64_t begin, end; /* in the data */
} entry;

/* ---- Reading ------------------------------------------------------------------------------------------------ */

static uint64_t little_endian(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

/* Checks the header's place in the file and gives its length. */
static shunt_status find_header(const char *path, const file_mapping *file, size_t *length)
{
    if (file->size < PREFIX)
        return error_fail(SHUNT_E_INVALID,
                          "%s: not a safetensors file: %zu bytes, less than the %d of the header length", path,
                          file->size, PREFIX);
    uint64_t claimed = little_endian(file->data);
    if (claimed > MAX_HEADER)
        return error_fail(SHUNT_E_INVALID,
                          "%s: not a safetensors file: header length %" PRIu64 " is over the limit of %d", path,
                          claimed, MAX_HEADER);
    if (claimed > file->size - PREFIX)
        return error_fail(SHUNT_E_INVALID,
                          "%s: header length %" PRIu64 ", but only %zu bytes follow: the file is cut off", path,
                          claimed, file->size - PREFIX);
    if (claimed < 2 || file->data[PREFIX] != '{')
        return error_fail(SHUNT_E_INVALID, "%s: not a safetensors file: no JSON header at byte %d", path, PREFIX);
    *length = (size_t)claimed;
    return SHUNT_OK;
}

/* The parser quotes the file in its messages: nothing unprintable may get through. */
static shunt_status fail_json(const char *path, json_error_t *error)
{
    if (!*error->text) return error_memory(); /* the one failure that it has no words for */
    for (char *c = error->text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    return error_fail(SHUNT_E_INVALID, "%s: bad JSON in the header at byte %d: %s", path, PREFIX + error->position,
                      error->text);
}

static shunt_status load_header(const char *path, const char *text, size_t length, json_t **header)
{
    json_error_t error;
    *header = bounded_json_load(text, length, &error);
    return *header ? SHUNT_OK : fail_json(path, &error);
}

static shunt_status read_metadata(const char *path, json_t *metadata, shunt_weights *weights)
{
    if (!json_is_object(metadata)) return error_fail(SHUNT_E_INVALID, "%s: __metadata__ is not a JSON object", path);
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value)
    {
        if (weights_check_name(key)) return error_context(SHUNT_E_INVALID, "%s: __metadata__", path);
        if (!json_is_string(value))
            return error_fail(SHUNT_E_INVALID, "%s: __metadata__ '%.100s' is not a string", path, key);
    }
    return json_object_update(weights->metadata, metadata) ? error_memory() : SHUNT_OK;
}

static shunt_status read_dtype(const json_t *tensor, entry *out)
{
    const char *name = json_string_value(json_object_get(tensor, "dtype"));
    if (!name) return error_fail(SHUNT_E_INVALID, "no dtype, or it is not a string");
    for (int i = 0; i < NDTYPES; i++)
        if (!strcmp(name, dtypes[i].name)) out->dtype = &dtypes[i];
    if (out->dtype) return SHUNT_OK;
    bool printable = !weights_check_name(name);
    return error_fail(SHUNT_E_INVALID, "unknown dtype '%.20s'", printable ? name : "?");
}

/* Also gives the bytes that dtype and shape ask for. */
static shunt_status read_shape(const json_t *tensor, entry *out, uint64_t *bytes)
{
    const json_t *shape = json_object_get(tensor, "shape");
    if (!json_is_array(shape)) return error_fail(SHUNT_E_INVALID, "no shape, or it is not an array");
    out->rank = json_array_size(shape);
    *bytes = out->dtype->bytes;
    for (size_t i = 0; i < out->rank; i++) {
        const json_t *item = json_array_get(shape, i);
        json_int_t dim = json_integer_value(item);
        if (!json_is_integer(item) || dim < 0)
            return error_fail(SHUNT_E_INVALID, "shape[%zu] is not a whole number >= 0", i);
        if (__builtin_mul_overflow(*bytes, (uint64_t)dim, bytes))
            return error_fail(SHUNT_E_INVALID, "the shape's product overflows at shape[%zu] = %" JSON_INTEGER_FORMAT, i,
                              dim);
        if (i < SHUNT_MAX_RANK) out->dims[i] = dim;
    }
    return SHUNT_OK;
}

static shunt_status read_offsets(const json_t *tensor, uint64_t size, entry *out)
{
    const json_t *offsets = json_object_get(tensor, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *second = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(second))
        return error_fail(SHUNT_E_INVALID, "data_offsets is not a pair of whole numbers");
    json_int_t begin = json_integer_value(first), end = json_integer_value(second);
    if (begin < 0 || end < begin)
        return error_fail(SHUNT_E_INVALID,
                          "data_offsets [%" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT "] are negative or reversed",
                          begin, end);
    out->begin = (uint64_t)begin;
    out->end = (uint64_t)end;
    if (out->end <= size) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID,
                      "ends at byte %" PRIu64 " of the data, which has only %" PRIu64
                      ": the file is cut off or damaged",
                      out->end, size);
}

static shunt_status read_tensor(const json_t *tensor, uint64_t data_size, entry *out)
{
    if (!json_is_object(tensor)) return error_fail(SHUNT_E_INVALID, "its entry is not a JSON object");
    uint64_t needed = 0;
    shunt_status status = read_dtype(tensor, out);
    if (!status) status = read_shape(tensor, out, &needed);
    if (!status) status = read_offsets(tensor, data_size, out);
    if (!status && out->end - out->begin != needed)
        status = error_fail(SHUNT_E_INVALID, "shape and dtype %s need %" PRIu64 " bytes, data_offsets give %" PRIu64,
                            out->dtype->name, needed, out->end - out->begin);
    return status;
}

static int by_offset(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Sorted entries must follow each other without gap or overlap from the first byte of the data to the last. */
static shunt_status check_tiling(const char *path, const entry *entries, size_t count, uint64_t data_size)
{
    uint64_t covered = 0;
    for (size_t i = 0; i < count; i++) {
        const entry *tensor = &entries[i];
        if (tensor->begin != covered)
            return error_fail(
                SHUNT_E_INVALID,
                "%s: tensor '%.100s' starts at byte %" PRIu64 " of the data, expected %" PRIu64 ": tensors %s", path,
                tensor->name, tensor->begin, covered, tensor->begin < covered ? "overlap" : "leave a gap");
        covered = tensor->end;
    }
    if (covered != data_size)
        return error_fail(SHUNT_E_INVALID, "%s: %" PRIu64 " bytes follow the last tensor, expected none", path,
                          data_size - covered);
    return SHUNT_OK;
}

static shunt_status mark_unusable(shunt_weights *weights, const entry *tensor)
{
    json_t *reason = tensor->dtype->dtype
                         ? json_sprintf("rank %zu is not supported, at most %d", tensor->rank, SHUNT_MAX_RANK)
                         : json_sprintf("dtype %s is not supported", tensor->dtype->name);
    return json_object_set_new(weights->unusable, tensor->name, reason) ? error_memory() : SHUNT_OK;
}

static shunt_status keep(shunt_weights *weights, const entry *tensor, const uint8_t *data)
{
    if (!tensor->dtype->dtype || tensor->rank > SHUNT_MAX_RANK) return mark_unusable(weights, tensor);
    shunt_tensor_desc desc = {.dtype = tensor->dtype->dtype, .rank = (uint8_t)tensor->rank, .block = SHUNT_PLAIN};
    memcpy(desc.dims, tensor->dims, sizeof desc.dims);
    return weights_put(weights, tensor->name, &desc, data + tensor->begin, 0);
}

/* header: what load_header gave, without __metadata__. data: what follows the header. */
static shunt_status read_tensors(const char *path, json_t *header, const uint8_t *data, uint64_t data_size,
                                 shunt_weights *weights)
{
    size_t count = json_object_size(header), n = 0;
    entry *entries = calloc(count + 1, sizeof *entries);
    if (!entries) return error_memory();
    shunt_status status = SHUNT_OK;
    const char *name;
    json_t *tensor;
    json_object_foreach(header, name, tensor)
    {
        status = weights_check_name(name);
        if (status) {
            error_context(status, "%s", path);
            goto done;
        }
        entries[n].name = name;
        status = read_tensor(tensor, data_size, &entries[n++]);
        if (status) {
            error_context(status, "%s: tensor '%.100s'", path, name);
            goto done;
        }
    }
    qsort(entries, n, sizeof *entries, by_offset);
    status = check_tiling(path, entries, n, data_size);
    for (size_t i = 0; i < n && !status; i++) status = keep(weights, &entries[i], data);
done:
    free(entries);
    return status;
}

/* The JSON header's first byte decides; the length before it may begin like any other format's magic number. */
static bool is_safetensors(const file_mapping *file)
{
    return file->size > PREFIX && file->data[PREFIX] == '{';
}

static shunt_status read_file(const char *path, shunt_weights *weights)
{
    const file_mapping *file = &weights->file;
    size_t length = 0;
    json_t *header = NULL;
    shunt_status status = find_header(path, file, &length);
    if (!status) status = load_header(path, (const char *)file->data + PREFIX, length, &header);
    if (status) return status;
    json_t *metadata = json_object_get(header, "__metadata__");
    if (metadata) status = read_metadata(path, metadata, weights);
    json_object_del(header, "__metadata__");
    const uint8_t *data = file->data + PREFIX + length;
    if (!status) status = read_tensors(path, header, data, file->size - PREFIX - length, weights);
    json_decref(header);
    return status;
}

const weight_format format_safetensors = {"safetensors", is_safetensors, read_file};

/* ---- Writing ------------------------------------------------------------------------------------------------- */

static uint64_t view_bytes(const shunt_tensor_view *view)
{
    return shunt_tensor_count(&view->desc) * shunt_dtype_bytes(view->desc.dtype);
}

/* Wide types first, so that each tensor is aligned; then by name, so that equal weights make equal files. */
static int canonical(const void *a, const void *b)
{
    const shunt_tensor_view *x = *(const shunt_tensor_view *const *)a, *y = *(const shunt_tensor_view *const *)b;
    uint64_t wide_x = shunt_dtype_bytes(x->desc.dtype), wide_y = shunt_dtype_bytes(y->desc.dtype);
    if (wide_x != wide_y) return wide_x > wide_y ? -1 : 1;
    return strcmp(x->name, y->name);
}

static const shunt_tensor_view **sorted_views(const shunt_weights *weights)
{
    const shunt_tensor_view **views = calloc(weights->count + 1, sizeof(shunt_tensor_view *));
    if (!views) return NULL;
    for (size_t i = 0; i < weights->count; i++) views[i] = &weights->list[i]->view;
    qsort(views, weights->count, sizeof *views, canonical);
    return views;
}

static json_t *tensor_entry(const shunt_tensor_view *view, uint64_t begin)
{
    const char *dtype = NULL;
    for (int i = 0; i < NDTYPES; i++)
        if (dtypes[i].dtype == view->desc.dtype) dtype = dtypes[i].name;
    json_t *shape = json_array();
    for (uint32_t i = 0; i < view->desc.rank; i++)
        if (json_array_append_new(shape, json_integer(view->desc.dims[i]))) goto fail;
    json_int_t end = (json_int_t)(begin + view_bytes(view));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype, "shape", shape, "data_offsets", (json_int_t)begin, end);
fail:
    json_decref(shape);
    return NULL;
}

/* A copy of the metadata in the order of its keys. */
static json_t *sorted_metadata(const shunt_weights *weights)
{
    char *text = json_dumps(weights->metadata, JSON_SORT_KEYS);
    json_t *sorted = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return sorted;
}

/* The header as text to be freed, or NULL without memory. */
static char *header_text(const shunt_weights *weights, const shunt_tensor_view *const *views)
{
    json_t *header = json_object();
    bool ok = header != NULL;
    if (ok && json_object_size(weights->metadata))
        ok = !json_object_set_new(header, "__metadata__", sorted_metadata(weights));
    uint64_t begin = 0;
    for (size_t i = 0; i < weights->count && ok; i++) {
        ok = !json_object_set_new(header, views[i]->name, tensor_entry(views[i], begin));
        begin += view_bytes(views[i]);
    }
    char *text = ok ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    return text;
}

static shunt_status write_all(file_writer *writer, const char *header, const shunt_tensor_view *const *views,
                              size_t count)
{
    size_t text = strlen(header);
    size_t padding = (DATA_ALIGNMENT - (PREFIX + text) % DATA_ALIGNMENT) % DATA_ALIGNMENT;
    uint64_t length = text + padding; /* its bytes are little-endian, see above */
    if (length > MAX_HEADER)
        return error_fail(SHUNT_E_INVALID,
                          "%s: names and metadata need a header of %" PRIu64 " bytes, over the limit of %d",
                          writer->path, length, MAX_HEADER);
    char spaces[DATA_ALIGNMENT];
    memset(spaces, ' ', sizeof spaces);
    shunt_status status = file_write(writer, &length, PREFIX);
    if (!status) status = file_write(writer, header, text);
    if (!status) status = file_write(writer, spaces, padding);
    for (size_t i = 0; i < count && !status; i++) status = file_write(writer, views[i]->data, view_bytes(views[i]));
    return status;
}

shunt_status safetensors_write(const char *path, const shunt_weights *weights)
{
    const shunt_tensor_view **views = sorted_views(weights);
    char *header = views ? header_text(weights, views) : NULL;
    shunt_status status = header ? SHUNT_OK : error_memory();
    file_writer writer;
    if (!status) status = file_write_begin(&writer, path);
    if (!status) {
        status = write_all(&writer, header, views, weights->count);
        shunt_status ended = file_write_end(&writer, !status);
        if (!status) status = ended;
    }
    free(header);
    free(views);
    return status;
}
