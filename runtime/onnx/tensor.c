/* tensor.c - TensorProto: the type, the shape, and the data as raw bytes, typed lists or a slice of another file. The
 * shape is checked first; data is accepted only if it is exactly as much as the shape needs. */
#include "runtime/onnx/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/base/dtype.h"

static const uint64_t MOST_ELEMENTS = (uint64_t)1 << 40, MOST_WORK = (uint64_t)1 << 30;

/* ---- Memory ------------------------------------------------------------------------------------------------- */

void onnx_allow(onnx_memory *memory, uint64_t file_bytes)
{
    memory->files += file_bytes;
    memory->left += 3 * file_bytes;
    memory->work += 4 * file_bytes;
    if (memory->work > MOST_WORK) memory->work = MOST_WORK;
}

shunt_status onnx_charge(onnx_memory *memory, uint64_t bytes)
{
    if (bytes > memory->left)
        return error_fail(SHUNT_E_MEMORY,
                          "its constants need %" PRIu64 " bytes more than the %" PRIu64
                          " left of what a file of this size may take",
                          bytes - memory->left, memory->left);
    memory->left -= bytes;
    return SHUNT_OK;
}

void *onnx_alloc(onnx_memory *memory, uint64_t bytes)
{
    if (onnx_charge(memory, bytes + sizeof(void *))) return NULL;
    if (memory->nblocks == memory->room) {
        size_t room = memory->room ? 2 * memory->room : 64;
        void **blocks = reallocarray(memory->blocks, room, sizeof *blocks);
        if (!blocks) goto fail;
        memory->blocks = blocks;
        memory->room = room;
    }
    void *block = malloc(bytes ? (size_t)bytes : 1);
    if (!block) goto fail;
    return memory->blocks[memory->nblocks++] = block;
fail:
    error_memory();
    return NULL;
}

void onnx_memory_free(onnx_memory *memory)
{
    for (size_t i = 0; i < memory->nblocks; i++) free(memory->blocks[i]);
    free(memory->blocks);
    *memory = (onnx_memory){0};
}

/* ---- Types and shapes ---------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t bytes;
} types[] = {
    [ONNX_FLOAT] = {"FLOAT", 4},       [ONNX_UINT8] = {"UINT8", 1},
    [ONNX_INT8] = {"INT8", 1},         [ONNX_UINT16] = {"UINT16", 2},
    [ONNX_INT16] = {"INT16", 2},       [ONNX_INT32] = {"INT32", 4},
    [ONNX_INT64] = {"INT64", 8},       [ONNX_BOOL] = {"BOOL", 1},
    [ONNX_FLOAT16] = {"FLOAT16", 2},   [ONNX_DOUBLE] = {"DOUBLE", 8},
    [ONNX_UINT32] = {"UINT32", 4},     [ONNX_UINT64] = {"UINT64", 8},
    [ONNX_BFLOAT16] = {"BFLOAT16", 2}, [ONNX_STRING] = {"STRING", sizeof(wire_bytes)},
};
enum { NTYPES = sizeof types / sizeof *types };

const char *onnx_type_name(uint8_t type)
{
    return type < NTYPES && types[type].name ? types[type].name : "a type unknown to Shunt";
}

uint8_t onnx_type_find(const char *name)
{
    for (uint8_t type = 1; type < NTYPES; type++)
        if (types[type].name && !strcmp(types[type].name, name)) return type;
    return 0;
}

size_t onnx_type_bytes(uint8_t type)
{
    return type < NTYPES ? types[type].bytes : 0;
}

bool onnx_type_is_float(uint8_t type)
{
    return type == ONNX_FLOAT || type == ONNX_FLOAT16 || type == ONNX_BFLOAT16 || type == ONNX_DOUBLE;
}

bool onnx_type_is_small(uint8_t type)
{
    return type == ONNX_UINT8 || type == ONNX_INT8 || type == ONNX_UINT16 || type == ONNX_INT16;
}

bool onnx_type_is_integer(uint8_t type)
{
    return onnx_type_is_small(type) || type == ONNX_INT32 || type == ONNX_INT64 || type == ONNX_UINT32 ||
           type == ONNX_UINT64;
}

shunt_status onnx_count(const onnx_tensor *tensor, uint64_t *count)
{
    uint64_t product = 1;
    bool empty = false;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        int64_t dim = tensor->dims[i];
        if (dim < 0) return error_fail(SHUNT_E_INVALID, "dimension %u is %" PRId64, i, dim);
        empty |= dim == 0;
        if (dim > 0 && (uint64_t)dim > MOST_ELEMENTS / product)
            return error_fail(SHUNT_E_INVALID, "the shape has more than 2^40 elements");
        product *= dim ? (uint64_t)dim : 1;
    }
    *count = empty ? 0 : product;
    return SHUNT_OK;
}

uint64_t onnx_size(const onnx_tensor *tensor)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < tensor->rank; i++) count *= (uint64_t)tensor->dims[i];
    return count;
}

/* ---- Elements ------------------------------------------------------------------------------------------------ */

/* The same type to runtime/base/dtype.h; 0 for integers. */
static uint8_t float_dtype(uint8_t type)
{
    static const uint8_t dtypes[NTYPES] = {
        [ONNX_FLOAT] = SHUNT_F32, [ONNX_DOUBLE] = SHUNT_F64, [ONNX_FLOAT16] = SHUNT_F16, [ONNX_BFLOAT16] = SHUNT_BF16};
    return type < NTYPES ? dtypes[type] : 0;
}

/* The bits of element `index`, zero-extended. */
static uint64_t bits_of(const onnx_tensor *tensor, uint64_t index)
{
    uint64_t bits = 0;
    size_t bytes = onnx_type_bytes(tensor->type);
    if (bytes > sizeof bits) return 0; /* a text */
    memcpy(&bits, tensor->data + (tensor->splat ? 0 : index) * bytes, bytes);
    return bits;
}

static double real_number(uint8_t type, uint64_t bits)
{
    double wide;
    float narrow;
    memcpy(&wide, &bits, sizeof wide);
    if (type == ONNX_DOUBLE) return wide;
    dtype_to_f32(float_dtype(type), &bits, 1, &narrow);
    return (double)narrow;
}

/* Toward zero, and what does not fit to the nearest that does. */
static int64_t truncated(double x)
{
    if (isnan(x)) return 0;
    return x >= 0x1p63 ? INT64_MAX : x < -0x1p63 ? INT64_MIN : (int64_t)x;
}

int64_t onnx_integer(const onnx_tensor *tensor, uint64_t index)
{
    uint64_t bits = bits_of(tensor, index);
    switch (tensor->type) {
    case ONNX_INT8:
        return (int8_t)bits;
    case ONNX_INT16:
        return (int16_t)bits;
    case ONNX_INT32:
        return (int32_t)bits;
    case ONNX_FLOAT:
    case ONNX_FLOAT16:
    case ONNX_BFLOAT16:
    case ONNX_DOUBLE:
        return truncated(real_number(tensor->type, bits));
    default:
        return (int64_t)bits;
    }
}

double onnx_number(const onnx_tensor *tensor, uint64_t index)
{
    if (onnx_type_is_float(tensor->type)) return real_number(tensor->type, bits_of(tensor, index));
    if (tensor->type == ONNX_UINT64) return (double)bits_of(tensor, index);
    return (double)onnx_integer(tensor, index);
}

void onnx_store(uint8_t type, void *data, uint64_t index, double number, int64_t integer)
{
    size_t bytes = onnx_type_bytes(type);
    uint64_t bits = (uint64_t)integer;
    float narrow = (float)number;
    if (type == ONNX_DOUBLE)
        memcpy(&bits, &number, sizeof number);
    else if (onnx_type_is_float(type))
        dtype_from_f32(float_dtype(type), &narrow, 1, &bits);
    else if (type == ONNX_BOOL)
        bits = integer != 0;
    memcpy((uint8_t *)data + index * bytes, &bits, bytes);
}

void onnx_floats(const onnx_tensor *tensor, float *out)
{
    uint64_t count = onnx_size(tensor);
    if (tensor->type == ONNX_FLOAT && !tensor->splat)
        memcpy(out, tensor->data, count * sizeof *out);
    else
        for (uint64_t i = 0; i < count; i++) out[i] = (float)onnx_number(tensor, i);
}

/* ---- TensorProto --------------------------------------------------------------------------------------------- */

/* What has been read of a TensorProto. */
typedef struct parts {
    wire_bytes raw, name, location, offset, length;
    wire_bytes packed; /* the one list, if it is packed fixed numbers: it may be used where it lies */
    uint32_t list;     /* field number of the typed list; 0: none */
    uint64_t listed;   /* its elements */
    bool has_raw, external, segment;
} parts;

enum { /* fields of TensorProto */
       DIMS = 1,
       DATA_TYPE = 2,
       SEGMENT = 3,
       FLOAT_DATA = 4,
       INT32_DATA = 5,
       STRING_DATA = 6,
       INT64_DATA = 7,
       NAME = 8,
       RAW_DATA = 9,
       DOUBLE_DATA = 10,
       UINT64_DATA = 11,
       EXTERNAL_DATA = 13,
       DATA_LOCATION = 14
};

static wire_type item_type(uint32_t list)
{
    return list == FLOAT_DATA ? WIRE_FIXED32 : list == DOUBLE_DATA ? WIRE_FIXED64 : WIRE_VARINT;
}

static void read_dims(wire *reader, const wire_field *field, onnx_tensor *out)
{
    uint64_t value;
    for (wire_items items = wire_items_open(reader, field);
         wire_items_next(reader, &items, field, WIRE_VARINT, &value);) {
        if (out->rank == ONNX_MAX_RANK) {
            wire_fail(reader, "a tensor has more than 8 dimensions");
            return;
        }
        out->dims[out->rank++] = (int64_t)value;
    }
}

static void read_entry(wire *reader, const wire_field *field, parts *p)
{
    wire entry = wire_open(field->bytes, reader->file);
    wire_field part;
    wire_bytes key = {0}, value = {0};
    while (wire_next(&entry, &part)) {
        if (part.number == 1 && wire_expect(&entry, &part, WIRE_BYTES, "a key of external data")) key = part.bytes;
        if (part.number == 2 && wire_expect(&entry, &part, WIRE_BYTES, "a value of external data")) value = part.bytes;
    }
    reader->status = entry.status;
    if (wire_is(key, "location")) p->location = value;
    if (wire_is(key, "offset")) p->offset = value;
    if (wire_is(key, "length")) p->length = value;
}

static void note_list(wire *reader, const wire_field *field, parts *p)
{
    uint64_t value;
    if (p->list && p->list != field->number) {
        wire_fail(reader, "a tensor has data of two types");
        return;
    }
    p->packed = p->list ? (wire_bytes){0} : field->bytes; /* a list in pieces has to be put together */
    p->list = field->number;
    if (field->number == STRING_DATA)
        p->listed++;
    else if (field->type == WIRE_BYTES && item_type(field->number) != WIRE_VARINT)
        p->listed += field->bytes.size / (item_type(field->number) == WIRE_FIXED32 ? 4 : 8);
    else
        for (wire_items items = wire_items_open(reader, field);
             wire_items_next(reader, &items, field, item_type(field->number), &value);)
            p->listed++;
}

static void read_field(wire *reader, const wire_field *field, onnx_tensor *out, parts *p)
{
    switch (field->number) {
    case DIMS:
        read_dims(reader, field, out);
        break;
    case DATA_TYPE:
        if (wire_expect(reader, field, WIRE_VARINT, "a tensor's type"))
            out->type = field->value < NTYPES ? (uint8_t)field->value : UINT8_MAX;
        break;
    case SEGMENT:
        p->segment = true;
        break;
    case NAME:
        if (wire_expect(reader, field, WIRE_BYTES, "a tensor's name")) p->name = field->bytes;
        break;
    case RAW_DATA:
        if (wire_expect(reader, field, WIRE_BYTES, "a tensor's data")) p->raw = field->bytes;
        p->has_raw = true;
        break;
    case EXTERNAL_DATA:
        if (wire_expect(reader, field, WIRE_BYTES, "a tensor's external data")) read_entry(reader, field, p);
        break;
    case DATA_LOCATION:
        if (wire_expect(reader, field, WIRE_VARINT, "a tensor's data location")) p->external = field->value == 1;
        break;
    case FLOAT_DATA:
    case INT32_DATA:
    case STRING_DATA:
    case INT64_DATA:
    case DOUBLE_DATA:
    case UINT64_DATA:
        note_list(reader, field, p);
        break;
    default:
        break;
    }
}

/* Which list holds a type's elements. */
static uint32_t list_of(uint8_t type)
{
    switch (type) {
    case ONNX_FLOAT:
        return FLOAT_DATA;
    case ONNX_DOUBLE:
        return DOUBLE_DATA;
    case ONNX_INT64:
        return INT64_DATA;
    case ONNX_UINT32:
    case ONNX_UINT64:
        return UINT64_DATA;
    case ONNX_STRING:
        return STRING_DATA;
    default:
        return INT32_DATA;
    }
}

/* The texts stay where they are. */
static shunt_status gather_texts(wire_bytes message, const uint8_t *file, const parts *p, onnx_memory *memory,
                                 onnx_tensor *out)
{
    wire reader = wire_open(message, file);
    wire_field field;
    uint64_t at = 0;
    wire_bytes *texts = onnx_alloc(memory, p->listed * sizeof *texts);
    if (!texts) return SHUNT_E_MEMORY;
    while (at < p->listed && wire_next(&reader, &field))
        if (field.number == STRING_DATA && wire_expect(&reader, &field, WIRE_BYTES, "a text"))
            texts[at++] = field.bytes;
    out->data = (const uint8_t *)texts;
    return reader.status;
}

/* Puts the elements of the typed list together, as they would lie in raw data. */
static shunt_status gather_list(wire_bytes message, const uint8_t *file, const parts *p, onnx_memory *memory,
                                onnx_tensor *out)
{
    size_t bytes = onnx_type_bytes(out->type);
    wire reader = wire_open(message, file);
    wire_field field;
    uint64_t at = 0, value;
    uint8_t *data = onnx_alloc(memory, p->listed * bytes);
    if (!data) return SHUNT_E_MEMORY;
    while (wire_next(&reader, &field)) {
        if (field.number != p->list) continue;
        for (wire_items items = wire_items_open(&reader, &field);
             at < p->listed && wire_items_next(&reader, &items, &field, item_type(p->list), &value);)
            memcpy(data + at++ * bytes, &value, bytes);
    }
    out->data = data;
    return reader.status;
}

static bool decimal(wire_bytes text, uint64_t *out)
{
    *out = 0;
    if (text.size > 18) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        *out = *out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

static shunt_status read_external(const parts *p, const onnx_folder *folder, uint64_t bytes, onnx_memory *memory,
                                  onnx_tensor *out)
{
    uint64_t offset, length;
    wire_bytes data;
    if (!decimal(p->offset, &offset) || !decimal(p->length, &length))
        return error_fail(SHUNT_E_INVALID, "its external data has an offset or a length that is not a number");
    shunt_status status = onnx_external(folder, p->location, offset, length, memory, &data);
    if (status) return status;
    if (length ? data.size != bytes : data.size < bytes)
        return error_fail(SHUNT_E_INVALID, "its external data has %zu bytes; its shape needs %" PRIu64, data.size,
                          bytes);
    out->data = data.data;
    return SHUNT_OK;
}

static shunt_status find_data(wire_bytes message, const uint8_t *file, const parts *p, const onnx_folder *folder,
                              onnx_memory *memory, onnx_tensor *out)
{
    uint64_t count = 0, bytes;
    shunt_status status = onnx_count(out, &count);
    if (status) return status;
    if (!onnx_type_bytes(out->type))
        return error_fail(SHUNT_E_UNSUPPORTED, "it holds %s; only numbers, truth values and texts can be read",
                          onnx_type_name(out->type));
    if (out->type == ONNX_STRING && (p->external || p->has_raw))
        return error_fail(SHUNT_E_INVALID, "it holds texts as raw or external data; they belong in a list");
    if (p->segment) return error_fail(SHUNT_E_UNSUPPORTED, "it is stored in segments, which no exporter writes");
    bytes = count * onnx_type_bytes(out->type);
    if (p->external) return read_external(p, folder, bytes, memory, out);
    if (p->has_raw) {
        if (p->raw.size != bytes)
            return error_fail(SHUNT_E_INVALID, "it has %zu bytes of data; its type and shape need %" PRIu64,
                              p->raw.size, bytes);
        out->data = p->raw.data;
        return SHUNT_OK;
    }
    if (p->list && p->list != list_of(out->type))
        return error_fail(SHUNT_E_INVALID, "its elements are in the list of another type than %s",
                          onnx_type_name(out->type));
    if (p->listed != count)
        return error_fail(SHUNT_E_INVALID, "it has %" PRIu64 " elements; its shape needs %" PRIu64, p->listed, count);
    if (out->type == ONNX_STRING) return gather_texts(message, file, p, memory, out);
    if (p->packed.data && p->packed.size == bytes && item_type(p->list) != WIRE_VARINT)
        out->data = p->packed.data;
    else
        return gather_list(message, file, p, memory, out);
    return SHUNT_OK;
}

shunt_status onnx_tensor_read(wire_bytes message, const uint8_t *file, const onnx_folder *folder, onnx_memory *memory,
                              onnx_tensor *out, wire_bytes *name)
{
    wire reader = wire_open(message, file);
    wire_field field;
    parts p = {0};
    *out = (onnx_tensor){0};
    while (wire_next(&reader, &field)) read_field(&reader, &field, out, &p);
    if (name) *name = p.name;
    shunt_status status = reader.status;
    if (!status) status = find_data(message, file, &p, folder, memory, out);
    if (status && p.name.size)
        return error_context(status, "tensor '%.*s'", p.name.size < 100 ? (int)p.name.size : 100, p.name.data);
    return status;
}
