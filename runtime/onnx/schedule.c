/* schedule.c - which nodes are imported, and in which order. A node comes after those that make its inputs, else as it stands
 * in the file: converters append nodes at the end that belong to the front. What no output needs is left out, so that it
 * may be of operators that Shunt does not have. */
#include "runtime/onnx/importer.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

enum { NODE_INPUT = 1, NODE_OUTPUT = 2 };

enum { UNSEEN, BEGUN, DONE, NEEDED }; /* how far a node has been visited */

typedef struct schedule {
    importer *in;
    wire_bytes *messages; /* of all nodes, as in the file */
    uint32_t count, room, visits_room;
    uint8_t *visits;
    json_t *makers;  /* the node that makes each value, by the value's name */
    uint64_t charge; /* what the above takes; given back in the end */
} schedule;

static shunt_status charge(schedule *s, uint64_t bytes)
{
    shunt_status status = onnx_charge(&s->in->memory, bytes);
    if (!status) s->charge += bytes;
    return status;
}

/* Calls `take` with each name in field `number` of the node. Empty names, which stand for inputs left out, are skipped. */
typedef shunt_status (*name_taker)(schedule *s, uint32_t node, const char *name);
static shunt_status each_name(schedule *s, uint32_t node, uint32_t number, name_taker take)
{
    wire reader = wire_open(s->messages[node], s->in->file);
    wire_field field;
    char name[ONNX_MOST_NAME + 1];
    shunt_status status = SHUNT_OK;
    while (!status && wire_next(&reader, &field)) {
        if (field.number != number || !wire_expect(&reader, &field, WIRE_BYTES, "the name of a value")) continue;
        status = onnx_read_name(field.bytes, "the name of a value", name);
        if (!status && *name) status = take(s, node, name);
    }
    return status ? status : reader.status;
}

static shunt_status note_maker(schedule *s, uint32_t node, const char *name)
{
    if (json_object_get(s->makers, name) || onnx_find_value(s->in, name) != ONNX_NONE)
        return error_fail(SHUNT_E_INVALID, "two values are called '%.100s'", name);
    shunt_status status = charge(s, 3 * strlen(name) + 128);
    if (status) return status;
    if (!json_object_set_new(s->makers, name, json_integer((json_int_t)node))) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "a value's name is not UTF-8, or there is no memory left");
}

/* Inputs of the graph are made by no node. */
static shunt_status note_inputs(schedule *s)
{
    wire reader = wire_open(s->in->message, s->in->file);
    wire_field field;
    wire_bytes text, type;
    char name[ONNX_MOST_NAME + 1];
    shunt_status status = SHUNT_OK;
    while (!status && wire_next(&reader, &field)) {
        if (field.number != ONNX_GRAPH_INPUT || !wire_expect(&reader, &field, WIRE_BYTES, "an input")) continue;
        status = onnx_read_info(s->in, field.bytes, &text, &type, name);
        if (!status && *name && onnx_find_value(s->in, name) == ONNX_NONE) status = note_maker(s, ONNX_NONE, name);
    }
    return status ? status : reader.status;
}

static shunt_status collect(schedule *s)
{
    wire reader = wire_open(s->in->message, s->in->file);
    wire_field field;
    shunt_status status = SHUNT_OK;
    while (!status && wire_next(&reader, &field)) {
        if (field.number != ONNX_GRAPH_NODE || !wire_expect(&reader, &field, WIRE_BYTES, "a node")) continue;
        status = charge(s, 4 * sizeof *s->messages + 2);
        if (status) return status;
        if (!graph_room(&s->messages, &s->room, s->count, sizeof *s->messages) ||
            !graph_room(&s->visits, &s->visits_room, s->count, sizeof *s->visits))
            return error_memory();
        s->messages[s->count] = field.bytes;
        s->visits[s->count] = UNSEEN;
        status = each_name(s, s->count++, NODE_OUTPUT, note_maker);
    }
    return status ? status : reader.status;
}

/* ---- Order ---------------------------------------------------------------------------------------------------------- */

/* A node with the reader at the input to look at next. */
typedef struct frame {
    uint32_t node;
    wire reader;
} frame;

/* The next of the frame's inputs that a node makes which is not done: that node, or ONNX_NONE. */
static shunt_status next_maker(schedule *s, frame *at, uint32_t *maker)
{
    wire_field field;
    char name[ONNX_MOST_NAME + 1];
    *maker = ONNX_NONE;
    while (*maker == ONNX_NONE && wire_next(&at->reader, &field)) {
        if (field.number != NODE_INPUT || !wire_expect(&at->reader, &field, WIRE_BYTES, "the name of an input"))
            continue;
        shunt_status status = onnx_read_name(field.bytes, "the name of an input", name);
        if (status) return status;
        const json_t *made_by = json_object_get(s->makers, name);
        uint32_t node = made_by ? (uint32_t)json_integer_value(made_by) : ONNX_NONE;
        if (node == ONNX_NONE || s->visits[node] == DONE) continue;
        if (s->visits[node] == BEGUN)
            return error_fail(SHUNT_E_INVALID, "the nodes form a cycle: '%.100s' depends on itself", name);
        *maker = node;
    }
    return at->reader.status;
}

static void begin_visit(schedule *s, frame *at, uint32_t node)
{
    *at = (frame){node, wire_open(s->messages[node], s->in->file)};
    s->visits[node] = BEGUN;
}

/* Appends the node to order[], after those it needs. stack: room for as many frames as there are nodes. */
static shunt_status visit_node(schedule *s, uint32_t node, frame *stack, uint32_t *order, uint32_t *ordered)
{
    uint32_t depth = 1, maker;
    shunt_status status = SHUNT_OK;
    begin_visit(s, &stack[0], node);
    while (depth && !status) {
        status = next_maker(s, &stack[depth - 1], &maker);
        if (!status && maker != ONNX_NONE) {
            begin_visit(s, &stack[depth++], maker);
        } else if (!status) {
            uint32_t done = stack[--depth].node;
            s->visits[done] = DONE;
            order[(*ordered)++] = done;
        }
    }
    return status;
}

static shunt_status sort(schedule *s, uint32_t *order)
{
    uint32_t ordered = 0;
    shunt_status status = charge(s, s->count * (sizeof(frame) + sizeof *order));
    frame *stack = status ? NULL : calloc(s->count + (size_t)1, sizeof *stack);
    if (!status && !stack) status = error_memory();
    for (uint32_t i = 0; !status && i < s->count; i++)
        if (s->visits[i] == UNSEEN) status = visit_node(s, i, stack, order, &ordered);
    free(stack);
    return status;
}

/* ---- What is needed --------------------------------------------------------------------------------------------------- */

static shunt_status note_reader(schedule *s, uint32_t node, const char *name)
{
    (void)node;
    if (json_object_get(s->in->read, name)) return SHUNT_OK;
    shunt_status status = onnx_charge(&s->in->memory, 3 * strlen(name) + 128);
    if (status) return status;
    return json_object_set_new(s->in->read, name, json_true()) ? error_memory() : SHUNT_OK;
}

static shunt_status find_read(schedule *s, uint32_t node, const char *name)
{
    if (json_object_get(s->in->read, name)) s->visits[node] = NEEDED;
    return SHUNT_OK;
}

/* Of several outputs scores for classes are the first; then nothing else is needed. */
static shunt_status note_outputs(schedule *s)
{
    wire reader = wire_open(s->in->message, s->in->file);
    wire_field field;
    wire_bytes text, type;
    char name[ONNX_MOST_NAME + 1];
    shunt_status status = SHUNT_OK;
    while (!status && wire_next(&reader, &field)) {
        if (field.number != ONNX_GRAPH_OUTPUT || !wire_expect(&reader, &field, WIRE_BYTES, "an output")) continue;
        status = onnx_read_info(s->in, field.bytes, &text, &type, name);
        if (!status) status = note_reader(s, 0, name);
        if (s->in->options.classify) break;
    }
    return status ? status : reader.status;
}

/* Keeps of order[] what outputs need, from the last node to the first: readers come before what they read. */
static shunt_status keep_needed(schedule *s, const uint32_t *order)
{
    shunt_status status = note_outputs(s);
    for (uint32_t i = s->count; i-- > 0 && !status;) {
        status = each_name(s, order[i], NODE_OUTPUT, find_read);
        if (!status && s->visits[order[i]] == NEEDED) status = each_name(s, order[i], NODE_INPUT, note_reader);
    }
    return status;
}

/* The messages of needed nodes become the importer's list. */
static shunt_status hand_over(schedule *s, const uint32_t *order)
{
    onnx_nodes *list = &s->in->nodes;
    list->messages = calloc(s->count + (size_t)1, sizeof *list->messages);
    if (!list->messages) return error_memory();
    for (uint32_t i = 0; i < s->count; i++)
        if (s->visits[order[i]] == NEEDED) list->messages[list->count++] = s->messages[order[i]];
    return SHUNT_OK;
}

shunt_status onnx_schedule(importer *in)
{
    schedule s = {.in = in, .makers = json_object()};
    uint32_t *order = NULL;
    shunt_status status = s.makers ? note_inputs(&s) : error_memory();
    if (!status) status = collect(&s);
    if (!status && !(order = calloc(s.count + (size_t)1, sizeof *order))) status = error_memory();
    if (!status) status = sort(&s, order);
    if (!status) status = keep_needed(&s, order);
    if (!status) status = hand_over(&s, order);
    in->memory.left += s.charge; /* what follows may take as much */
    free(order);
    free(s.messages);
    free(s.visits);
    json_decref(s.makers);
    return status;
}

shunt_status onnx_read_nodes(importer *in)
{
    onnx_node *node = malloc(sizeof *node);
    shunt_status status = node ? SHUNT_OK : error_memory();
    for (uint32_t i = 0; i < in->nodes.count && !status; i++) status = onnx_read_node(in, node, in->nodes.messages[i]);
    free(node);
    return status;
}
