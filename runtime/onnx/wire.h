/* wire.h - reading protobuf's wire format out of a mapped file, field by field. A message is a slice of the file; reading
 * one never enters another, so nothing here depends on how deep a file nests. */
#ifndef SHUNT_RUNTIME_ONNX_WIRE_H
#define SHUNT_RUNTIME_ONNX_WIRE_H

#include <shunt/shunt.h>
#include <stdbool.h>

typedef struct wire_bytes {
    const uint8_t *data;
    size_t size;
} wire_bytes;

typedef enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 } wire_type;

typedef struct wire_field {
    uint32_t number;
    wire_type type;
    uint64_t value;   /* VARINT, FIXED64, FIXED32 */
    wire_bytes bytes; /* BYTES: a text, a message, packed numbers */
} wire_field;

typedef struct wire {
    const uint8_t *at, *end, *file; /* file: offsets in messages count from here */
    shunt_status status;            /* of the first failure */
} wire;

wire wire_open(wire_bytes message, const uint8_t *file);
/* The next field; false at the end and after a failure (see wire.status). */
bool wire_next(wire *reader, wire_field *field);
/* Fails at the reader's place, and remembers it: "byte 123: REASON". */
shunt_status wire_fail(wire *reader, const char *reason);
/* Fails, and returns false, unless the field has this type. what: "the name of a node" */
bool wire_expect(wire *reader, const wire_field *field, wire_type type, const char *what);

/* Numbers of a repeated field, packed or one by one: for each call of wire_next that gave such a field, call this until
 * it is false. `item` is VARINT, FIXED32 or FIXED64. */
typedef struct wire_items {
    wire packed;
    bool single;
} wire_items;
wire_items wire_items_open(const wire *reader, const wire_field *field);
bool wire_items_next(wire *reader, wire_items *items, const wire_field *field, wire_type item, uint64_t *value);

bool wire_is(wire_bytes text, const char *other);

#endif
