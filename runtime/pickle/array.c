/* array.c - numpy arrays in a pickle. numpy writes them in two ways: numpy.core.multiarray._reconstruct, whose state is (version,
 * shape, dtype, Fortran's order, bytes), and from protocol 5 on numpy.core.numeric._frombuffer(bytes, dtype, shape, order).
 * In numpy 2, core is called _core. The names are compared and nothing is called. */
#include "runtime/pickle/pickle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

typedef struct array_parts {
    pickle_ref bytes, dtype, shape;
} array_parts;

static shunt_status fail(const char *path, const pickle_tree *tree, pickle_ref ref, const char *what)
{
    return error_fail(SHUNT_E_INVALID, "%s: the numpy array at byte %" PRIu64 " of the pickle %s", path,
                      pickle_offset(tree, &tree->nodes[ref]), what);
}

static bool calls(const pickle_tree *tree, pickle_ref ref, const char *module, const char *newer, const char *name)
{
    const pickle_node *node = &tree->nodes[ref];
    return node->kind == PICKLE_CALL && (pickle_is_global(tree, node->call.callee, module, name) ||
                                         pickle_is_global(tree, node->call.callee, newer, name));
}

static bool is_reconstructed(const pickle_tree *tree, pickle_ref ref)
{
    return calls(tree, ref, "numpy.core.multiarray", "numpy._core.multiarray", "_reconstruct");
}

static bool is_buffer(const pickle_tree *tree, pickle_ref ref)
{
    return calls(tree, ref, "numpy.core.numeric", "numpy._core.numeric", "_frombuffer");
}

bool pickle_is_array(const pickle_tree *self, pickle_ref ref)
{
    return is_reconstructed(self, ref) || is_buffer(self, ref);
}

/* Which values the array is made of. */
static shunt_status take_apart(const char *path, const pickle_tree *tree, pickle_ref ref, array_parts *parts,
                               pickle_array *out)
{
    const pickle_node *node = &tree->nodes[ref];
    pickle_ref state[5];
    if (is_reconstructed(tree, ref)) {
        if (node->call.state == PICKLE_NO_STATE || pickle_items(tree, node->call.state, state, 5) != 5 ||
            tree->nodes[state[3]].kind != PICKLE_BOOL)
            return fail(path, tree, ref, "has no state of version, shape, type, order and bytes");
        *parts = (array_parts){.shape = state[1], .dtype = state[2], .bytes = state[4]};
        out->columns_first = tree->nodes[state[3]].integer != 0;
        return SHUNT_OK;
    }
    if (!is_buffer(tree, ref)) return fail(path, tree, ref, "is another kind of value");
    if (pickle_items(tree, node->call.args, state, 4) != 4) return fail(path, tree, ref, "has not four arguments");
    *parts = (array_parts){.bytes = state[0], .dtype = state[1], .shape = state[2]};
    out->columns_first = pickle_is_text(tree, state[3], "F");
    return out->columns_first || pickle_is_text(tree, state[3], "C") ? SHUNT_OK
                                                                     : fail(path, tree, ref, "has an unknown order");
}

/* numpy.dtype("u1", ...), with the state (version, byte order, ...). */
static shunt_status read_dtype(const char *path, const pickle_tree *tree, pickle_ref ref, pickle_ref dtype,
                               pickle_array *out)
{
    const pickle_node *node = &tree->nodes[dtype];
    pickle_ref args[2], state[2];
    if (node->kind != PICKLE_CALL || !pickle_is_global(tree, node->call.callee, "numpy", "dtype") ||
        pickle_items(tree, node->call.args, args, 1) < 1)
        return fail(path, tree, ref, "has no type");
    const pickle_node *name = pickle_text_of(tree, args[0]);
    const uint8_t *text = name ? tree->data + name->text.at : NULL;
    if (!name || name->text.length != 2 || !memchr("uifb", text[0], 4) || !memchr("1248", text[1], 4))
        return fail(path, tree, ref, "is not of plain numbers of 1, 2, 4 or 8 bytes");
    out->kind = (char)text[0];
    out->item = (uint8_t)(text[1] - '0');
    out->big_endian = node->call.state != PICKLE_NO_STATE && pickle_items(tree, node->call.state, state, 2) >= 2 &&
                      pickle_is_text(tree, state[1], ">");
    return SHUNT_OK;
}

static shunt_status read_shape(const char *path, const pickle_tree *tree, pickle_ref ref, pickle_ref shape,
                               pickle_array *out)
{
    pickle_ref dims[PICKLE_ARRAY_AXES];
    int64_t axes = pickle_items(tree, shape, dims, PICKLE_ARRAY_AXES), dim;
    if (axes < 0) return fail(path, tree, ref, "has no shape");
    if (axes > PICKLE_ARRAY_AXES) return fail(path, tree, ref, "has more than 4 axes");
    out->axes = (uint32_t)axes;
    out->count = 1;
    for (uint32_t i = 0; i < out->axes; i++) {
        if (!pickle_integer(tree, dims[i], &dim) || dim < 0 || dim > INT32_MAX ||
            __builtin_mul_overflow(out->count, (size_t)dim, &out->count))
            return fail(path, tree, ref, "has an invalid size");
        out->dims[i] = (size_t)dim;
    }
    return SHUNT_OK;
}

shunt_status pickle_read_array(const char *path, const pickle_tree *self, pickle_ref ref, pickle_array *out)
{
    array_parts parts = {0};
    size_t bytes;
    *out = (pickle_array){0};
    shunt_status status = take_apart(path, self, ref, &parts, out);
    if (!status) status = read_dtype(path, self, ref, parts.dtype, out);
    if (!status) status = read_shape(path, self, ref, parts.shape, out);
    if (!status) status = pickle_read_bytes(path, self, parts.bytes, &out->bytes);
    if (status) return status;
    if (!__builtin_mul_overflow(out->count, (size_t)out->item, &bytes) && bytes == out->bytes.size) return SHUNT_OK;
    free(out->bytes.owned);
    return fail(path, self, ref, "has more or fewer bytes than its shape and type need");
}

int64_t pickle_array_integer(const pickle_array *self, size_t index)
{
    const uint8_t *at = self->bytes.data + index * self->item;
    uint64_t value = 0;
    for (int i = 0; i < self->item; i++) value |= (uint64_t)at[self->big_endian ? self->item - 1 - i : i] << 8 * i;
    const int unused = 64 - 8 * self->item;
    return self->kind == 'i' ? (int64_t)(value << unused) >> unused : (int64_t)value;
}
