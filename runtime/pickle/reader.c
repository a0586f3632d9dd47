/* reader.c - the stack, the nodes and the containers of the machine. Each array grows up to a limit, which bounds
 * memory whatever the pickle says. */
#include "runtime/pickle/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

/* ---- Failures and room -------------------------------------------------------------------------------------- */

shunt_status pickle_fail(const pickle_reader *self, const char *what)
{
    return error_fail(SHUNT_E_INVALID, "%s: damaged pickle at byte %" PRIu64 ": %s", self->path,
                      self->out->offset + self->opcode, what);
}

shunt_status pickle_fail_limit(const pickle_reader *self, const char *what, uint32_t limit)
{
    return error_fail(SHUNT_E_INVALID,
                      "%s: the pickle has over %u %s (byte %" PRIu64 "), more than any file that is read here needs",
                      self->path, limit, what, self->out->offset + self->opcode);
}

shunt_status pickle_make_room(const pickle_reader *self, void *array, uint32_t *room, uint32_t used, size_t each,
                              uint32_t limit, const char *what)
{
    if (used < *room) return SHUNT_OK;
    if (used >= limit) return pickle_fail_limit(self, what, limit);
    uint32_t wanted = *room ? 2 * *room : 256;
    while (wanted <= used) wanted *= 2;
    void *data;
    memcpy(&data, array, sizeof data);
    data = reallocarray(data, wanted, each);
    if (!data) return error_memory();
    memcpy(array, &data, sizeof data);
    *room = wanted;
    return SHUNT_OK;
}

/* ---- The stack ------------------------------------------------------------------------------------------------ */

shunt_status pickle_push(pickle_reader *self, pickle_ref ref)
{
    shunt_status status = pickle_make_room(self, &self->stack, &self->stack_room, self->depth, sizeof *self->stack,
                                           PICKLE_MOST_STACK, "values at once");
    if (!status) self->stack[self->depth++] = ref;
    return status;
}

shunt_status pickle_new_node(pickle_reader *self, pickle_node node, pickle_ref *ref)
{
    pickle_tree *out = self->out;
    shunt_status status = pickle_make_room(self, &out->nodes, &out->node_room, out->nnodes, sizeof *out->nodes,
                                           PICKLE_MOST_NODES, "values");
    if (status) return status;
    node.offset = self->opcode;
    *ref = out->nnodes++;
    out->nodes[*ref] = node;
    return SHUNT_OK;
}

shunt_status pickle_push_node(pickle_reader *self, pickle_node node)
{
    pickle_ref ref;
    shunt_status status = pickle_new_node(self, node, &ref);
    return status ? status : pickle_push(self, ref);
}

const pickle_ref *pickle_pop(pickle_reader *self, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++)
        if (self->depth < i || self->stack[self->depth - i] == PICKLE_MARK) return NULL;
    self->depth -= count;
    return self->stack + self->depth;
}

const pickle_ref *pickle_pop_mark(pickle_reader *self, uint32_t *count)
{
    *count = 0;
    while (*count < self->depth && self->stack[self->depth - 1 - *count] != PICKLE_MARK) ++*count;
    if (*count == self->depth) return NULL;
    self->depth -= *count + 1;
    return self->stack + self->depth + 1;
}

shunt_status pickle_no_value(const pickle_reader *self)
{
    return pickle_fail(self, "a value is missing on the stack");
}

shunt_status pickle_no_mark(const pickle_reader *self)
{
    return pickle_fail(self, "a mark is missing on the stack");
}

/* ---- Containers ------------------------------------------------------------------------------------------------ */

shunt_status pickle_append(pickle_reader *self, pickle_ref container, const pickle_ref *values, uint32_t count)
{
    pickle_tree *out = self->out;
    for (uint32_t i = 0; i < count; i++) {
        shunt_status status = pickle_make_room(self, &out->cells, &out->cell_room, out->ncells, sizeof *out->cells,
                                               PICKLE_MOST_CELLS, "items");
        if (status) return status;
        pickle_node *node = &out->nodes[container];
        uint32_t cell = out->ncells++;
        out->cells[cell] = (pickle_cell){values[i], 0};
        if (node->items.count++)
            out->cells[node->items.last].next = cell;
        else
            node->items.first = cell;
        node->items.last = cell;
    }
    return SHUNT_OK;
}

shunt_status pickle_push_container(pickle_reader *self, pickle_kind kind, const pickle_ref *values, uint32_t count)
{
    pickle_ref container;
    shunt_status status = pickle_new_node(self, (pickle_node){.kind = (uint8_t)kind}, &container);
    if (!status) status = pickle_append(self, container, values, count);
    return status ? status : pickle_push(self, container);
}

shunt_status pickle_extend(pickle_reader *self, const pickle_ref *values, uint32_t count, bool pairs)
{
    if (!values) return pickle_no_mark(self);
    if (pairs && count % 2) return pickle_fail(self, "a key has no value");
    if (!self->depth || self->stack[self->depth - 1] == PICKLE_MARK) return pickle_no_value(self);
    pickle_ref container = self->stack[self->depth - 1];
    uint8_t kind = self->out->nodes[container].kind;
    if (kind == PICKLE_CALL) return SHUNT_OK;
    if (kind != (pairs ? PICKLE_DICT : PICKLE_LIST))
        return pickle_fail(self, "items for something other than a list, set or dictionary");
    return pickle_append(self, container, values, count);
}
