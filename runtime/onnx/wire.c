/* wire.c - protobuf's wire format: a tag, then a varint, 4 or 8 bytes, or a length and as many bytes. All lengths are
 * checked against the message they stand in before they are used. */
#include "runtime/onnx/wire.h"

#include <stdint.h>
#include <string.h>

#include "runtime/base/error.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fixed fields are copied as they lie in the file");

wire wire_open(wire_bytes message, const uint8_t *file)
{
    /* An empty one may have no address, to which nothing may be added. */
    return (wire){.at = message.data, .end = message.size ? message.data + message.size : message.data, .file = file};
}

shunt_status wire_fail(wire *reader, const char *reason)
{
    return reader->status = error_fail(SHUNT_E_INVALID, "byte %zu: %s", (size_t)(reader->at - reader->file), reason);
}

static bool varint(wire *reader, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (reader->at == reader->end) {
            wire_fail(reader, "the file or message ends within a number");
            return false;
        }
        uint8_t byte = *reader->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    wire_fail(reader, "a number has more than 64 bits");
    return false;
}

static bool fixed(wire *reader, size_t size, uint64_t *out)
{
    *out = 0;
    if ((size_t)(reader->end - reader->at) < size) {
        wire_fail(reader, "the file or message ends within a number");
        return false;
    }
    memcpy(out, reader->at, size);
    reader->at += size;
    return true;
}

static bool slice(wire *reader, wire_bytes *out)
{
    uint64_t size;
    if (!varint(reader, &size)) return false;
    if (size > (uint64_t)(reader->end - reader->at)) {
        wire_fail(reader, "a field is longer than the file or message around it");
        return false;
    }
    *out = (wire_bytes){reader->at, (size_t)size};
    reader->at += size;
    return true;
}

bool wire_next(wire *reader, wire_field *field)
{
    uint64_t tag;
    if (reader->status || reader->at == reader->end) return false;
    if (!varint(reader, &tag)) return false;
    if (tag >> 3 == 0 || tag >> 3 > (1u << 29) - 1) {
        wire_fail(reader, "a field has an impossible number; this is not a protobuf message");
        return false;
    }
    *field = (wire_field){.number = (uint32_t)(tag >> 3), .type = (wire_type)(tag & 7)};
    switch (field->type) {
    case WIRE_VARINT:
        return varint(reader, &field->value);
    case WIRE_FIXED64:
        return fixed(reader, 8, &field->value);
    case WIRE_FIXED32:
        return fixed(reader, 4, &field->value);
    case WIRE_BYTES:
        return slice(reader, &field->bytes);
    }
    wire_fail(reader, "a field of a type that ONNX does not use; this is not an ONNX file");
    return false;
}

bool wire_expect(wire *reader, const wire_field *field, wire_type type, const char *what)
{
    if (field->type == type) return true;
    reader->status = error_fail(SHUNT_E_INVALID, "byte %zu: %s has wire type %d, not %d",
                                (size_t)(reader->at - reader->file), what, (int)field->type, (int)type);
    return false;
}

wire_items wire_items_open(const wire *reader, const wire_field *field)
{
    if (field->type != WIRE_BYTES) return (wire_items){.single = true};
    return (wire_items){.packed = wire_open(field->bytes, reader->file)};
}

bool wire_items_next(wire *reader, wire_items *items, const wire_field *field, wire_type item, uint64_t *value)
{
    if (items->single) {
        items->single = false;
        *value = field->value;
        return wire_expect(reader, field, item, "a list of numbers");
    }
    wire *packed = &items->packed;
    if (!packed->file || packed->at == packed->end) return false;
    bool ok = item == WIRE_VARINT ? varint(packed, value) : fixed(packed, item == WIRE_FIXED32 ? 4 : 8, value);
    reader->status = packed->status;
    return ok;
}

bool wire_is(wire_bytes text, const char *other)
{
    return text.size == strlen(other) && !memcmp(text.data, other, text.size);
}
