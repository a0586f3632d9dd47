/* cast.c - Cast, and CastLike, which names the type by a tensor that has it: of constants between all types, texts
 * included; of what the graph computes between those that are float32 here. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/base/error.h"

static shunt_status read_type(const onnx_node *node, uint8_t *type)
{
    int64_t to = 0;
    shunt_status status = SHUNT_OK;
    if (wire_is(node->op, "CastLike"))
        to = onnx_input(node, 1)->tensor.type;
    else
        status = onnx_attribute_int(node, "to", &to);
    *type = to < 0 || to > UINT8_MAX ? UINT8_MAX : (uint8_t)to;
    return status;
}

static shunt_status cast_text(wire_bytes text, uint8_t type, uint8_t *data, uint64_t index)
{
    double number = 0;
    int64_t whole = 0;
    if (onnx_type_is_float(type) ? onnx_text_real(text, &number) : onnx_text_integer(text, type, &whole)) {
        onnx_store(type, data, index, number, whole);
        return SHUNT_OK;
    }
    return error_fail(SHUNT_E_INVALID, "element %" PRIu64 " of its input is a text that is not a %s", index,
                      onnx_type_is_float(type) ? "number" : "whole number");
}

static void cast_number(const onnx_tensor *source, uint8_t type, uint8_t *data, uint64_t index)
{
    double number = onnx_number(source, index);
    bool truth = type == ONNX_BOOL && onnx_type_is_float(source->type);
    onnx_store(type, data, index, number, truth ? number != 0 : onnx_integer(source, index));
}

/* Texts stay as they are; those made of numbers lie in a block of their own. */
static shunt_status make_texts(onnx_node *node, const onnx_tensor *source, uint64_t count, uint8_t *data)
{
    if (source->type == ONNX_STRING) {
        memcpy(data, source->data, count * sizeof(wire_bytes));
        return SHUNT_OK;
    }
    char *room = onnx_alloc(&node->in->memory, count * ONNX_NUMBER_CHARS);
    if (!room) return SHUNT_E_MEMORY;
    for (uint64_t i = 0; i < count; i++, room += ONNX_NUMBER_CHARS) {
        onnx_print_number(source, i, room);
        const wire_bytes text = {(const uint8_t *)room, strlen(room)};
        memcpy(data + i * sizeof text, &text, sizeof text);
    }
    return SHUNT_OK;
}

/* Of a tensor filled with one value that one is cast, and fills the result. */
shunt_status onnx_fold_cast(onnx_node *node)
{
    const onnx_tensor source = onnx_input(node, 0)->tensor;
    uint8_t type, *data;
    shunt_status status = read_type(node, &type);
    if (status) return status;
    if (!onnx_type_bytes(type)) return error_fail(SHUNT_E_UNSUPPORTED, "it makes %s", onnx_type_name(type));
    onnx_tensor tensor = source, made = source.splat ? (onnx_tensor){0} : source;
    made.type = tensor.type = type;
    status = onnx_fold_make(node, &made, &data);
    const uint64_t count = status ? 0 : onnx_size(&made);
    if (type == ONNX_STRING && !status) status = make_texts(node, &source, count, data);
    for (uint64_t i = 0; i < count && type != ONNX_STRING && !status; i++)
        if (source.type == ONNX_STRING)
            status = cast_text(onnx_text(&source, i), type, data, i);
        else
            cast_number(&source, type, data, i);
    tensor.data = made.data;
    return status ? status : onnx_result(node, 0, &tensor, SHUNT_NO_VALUE);
}

/* Between types that are all float32 here; a small integer becomes one exactly. */
shunt_status onnx_import_cast(onnx_node *node)
{
    const onnx_value *source = onnx_input(node, 0);
    if (onnx_is_constant(source)) return onnx_fold_cast(node); /* its type is that of a value that is not constant */
    onnx_tensor tensor = source->tensor;
    shunt_status status = read_type(node, &tensor.type);
    if (status) return status;
    if (!onnx_type_is_float(tensor.type))
        return error_fail(SHUNT_E_UNSUPPORTED, "it converts computed values to %s; Shunt computes in float32",
                          onnx_type_name(tensor.type));
    return onnx_result(node, 0, &tensor, source->value);
}
