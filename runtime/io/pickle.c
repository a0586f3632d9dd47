/* pickle.c - a Python pickle's opcodes, one row each in a table. Pickles come from strangers: every length is checked
 * against the bytes that there are, there is no recursion, and a limit on nodes bounds memory and time. */
#include "runtime/io/pickle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

enum {
    MOST_NODES = 1 << 19, /* 12 MiB; a checkpoint of ResNet-152 with its optimizer needs some 50,000 */
    MOST_CELLS = 1 << 20, /* 8 MiB */
    MOST_STACK = 1 << 19, /* 2 MiB */
    MOST_MEMO = 1 << 19,  /* 2 MiB */
    MOST_STEPS = 1 << 24, /* opcodes: a fraction of a second */
    MOST_TEXT = 4096
};

static const uint32_t MARK = UINT32_MAX;  /* on the stack */
static const uint32_t UNSET = UINT32_MAX; /* in the memo */

/* What stands behind an opcode. */
typedef enum argument {
    NOTHING,
    BYTES_1, /* little-endian numbers */
    BYTES_2,
    BYTES_4,
    BYTES_8,
    SIGNED_4,
    TEXT_1, /* a length of so many bytes, then as many */
    TEXT_4,
    TEXT_8,
    LINES_2 /* two texts, each ended by a newline */
} argument;

typedef struct operands {
    int64_t number;
    uint32_t at, length;               /* the text, or the first line */
    uint32_t second_at, second_length; /* the second line */
} operands;

typedef struct reader {
    pickle_tree *out;
    const char *path;
    size_t size, at; /* at: behind what was read */
    uint32_t opcode; /* offset of the present one */
    uint32_t *stack, *memo;
    uint32_t depth, stack_room, memo_size, memo_room, memorized;
    bool stopped;
} reader;

typedef struct opcode {
    const char *name; /* NULL: none that is read here */
    argument argument;
    shunt_status (*run)(reader *self, const operands *operand);
    int64_t number; /* for rows that share a function */
} opcode;

/* ---- Failures and room -------------------------------------------------------------------------------------- */

static shunt_status fail(const reader *self, const char *what)
{
    return shunt_fail(SHUNT_E_INVALID, "%s: damaged pickle at byte %" PRIu64 ": %s", self->path,
                      self->out->offset + self->opcode, what);
}

static shunt_status fail_limit(const reader *self, const char *what, uint32_t limit)
{
    return shunt_fail(SHUNT_E_INVALID, "%s: the pickle has over %u %s (byte %" PRIu64 "), more than any weights need",
                      self->path, limit, what, self->out->offset + self->opcode);
}

/* Room for element number `used` in the array whose address `array` holds; doubles it. */
static shunt_status make_room(const reader *self, void *array, uint32_t *room, uint32_t used, size_t each,
                              uint32_t limit, const char *what)
{
    if (used < *room) return SHUNT_OK;
    if (used >= limit) return fail_limit(self, what, limit);
    uint32_t wanted = *room ? 2 * *room : 256;
    while (wanted <= used) wanted *= 2;
    void *data;
    memcpy(&data, array, sizeof data);
    data = reallocarray(data, wanted, each);
    if (!data) return shunt_fail_memory();
    memcpy(array, &data, sizeof data);
    *room = wanted;
    return SHUNT_OK;
}

/* ---- The stack ------------------------------------------------------------------------------------------------ */

static shunt_status push(reader *self, pickle_ref ref)
{
    shunt_status status = make_room(self, &self->stack, &self->stack_room, self->depth, sizeof *self->stack, MOST_STACK,
                                    "values at once");
    if (!status) self->stack[self->depth++] = ref;
    return status;
}

static shunt_status new_node(reader *self, pickle_node node, pickle_ref *ref)
{
    pickle_tree *out = self->out;
    shunt_status status =
        make_room(self, &out->nodes, &out->node_room, out->nnodes, sizeof *out->nodes, MOST_NODES, "values");
    if (status) return status;
    node.offset = self->opcode;
    *ref = out->nnodes++;
    out->nodes[*ref] = node;
    return SHUNT_OK;
}

static shunt_status push_node(reader *self, pickle_node node)
{
    pickle_ref ref;
    shunt_status status = new_node(self, node, &ref);
    return status ? status : push(self, ref);
}

/* The top `count` values, in the order in which they were pushed, are taken off. NULL when there are fewer. */
static const pickle_ref *pop(reader *self, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++)
        if (self->depth < i || self->stack[self->depth - i] == MARK) return NULL;
    self->depth -= count;
    return self->stack + self->depth;
}

/* All values down to the mark, and the mark, are taken off. NULL when there is no mark. */
static const pickle_ref *pop_mark(reader *self, uint32_t *count)
{
    *count = 0;
    while (*count < self->depth && self->stack[self->depth - 1 - *count] != MARK) ++*count;
    if (*count == self->depth) return NULL;
    self->depth -= *count + 1;
    return self->stack + self->depth + 1;
}

static shunt_status no_value(const reader *self)
{
    return fail(self, "a value is missing on the stack");
}

static shunt_status no_mark(const reader *self)
{
    return fail(self, "a mark is missing on the stack");
}

/* ---- Containers ------------------------------------------------------------------------------------------------ */

static shunt_status append(reader *self, pickle_ref container, const pickle_ref *values, uint32_t count)
{
    pickle_tree *out = self->out;
    for (uint32_t i = 0; i < count; i++) {
        shunt_status status =
            make_room(self, &out->cells, &out->cell_room, out->ncells, sizeof *out->cells, MOST_CELLS, "items");
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

/* A new container of values that were popped; they still stand above the top of the stack. */
static shunt_status push_container(reader *self, pickle_kind kind, const pickle_ref *values, uint32_t count)
{
    pickle_ref container;
    shunt_status status = new_node(self, (pickle_node){.kind = (uint8_t)kind}, &container);
    if (!status) status = append(self, container, values, count);
    return status ? status : push(self, container);
}

/* Items go to the value below them. Those of something that is no container here (an instance of a class) are dropped. */
static shunt_status extend(reader *self, const pickle_ref *values, uint32_t count, bool pairs)
{
    if (!values) return no_mark(self);
    if (pairs && count % 2) return fail(self, "a key has no value");
    if (!self->depth || self->stack[self->depth - 1] == MARK) return no_value(self);
    pickle_ref container = self->stack[self->depth - 1];
    uint8_t kind = self->out->nodes[container].kind;
    if (kind == PICKLE_CALL) return SHUNT_OK;
    if (kind != (pairs ? PICKLE_DICT : PICKLE_LIST)) return fail(self, "items for what is no list, set or dictionary");
    return append(self, container, values, count);
}

static shunt_status run_empty(reader *self, const operands *operand)
{
    return push_node(self, (pickle_node){.kind = (uint8_t)operand->number});
}

static shunt_status run_collect(reader *self, const operands *operand)
{
    uint32_t count;
    const pickle_ref *values = pop_mark(self, &count);
    if (!values) return no_mark(self);
    if (operand->number == PICKLE_DICT && count % 2) return fail(self, "a key has no value");
    return push_container(self, (pickle_kind)operand->number, values, count);
}

static shunt_status run_tuple(reader *self, const operands *operand)
{
    const pickle_ref *values = pop(self, (uint32_t)operand->number);
    return values ? push_container(self, PICKLE_TUPLE, values, (uint32_t)operand->number) : no_value(self);
}

static shunt_status run_append(reader *self, const operands *operand)
{
    const pickle_ref *values = pop(self, 1);
    (void)operand;
    return values ? extend(self, values, 1, false) : no_value(self);
}

static shunt_status run_set_item(reader *self, const operands *operand)
{
    const pickle_ref *values = pop(self, 2);
    (void)operand;
    return values ? extend(self, values, 2, true) : no_value(self);
}

/* number: != 0 for pairs */
static shunt_status run_extend(reader *self, const operands *operand)
{
    uint32_t count;
    const pickle_ref *values = pop_mark(self, &count);
    return extend(self, values, count, operand->number != 0);
}

/* ---- Plain values ---------------------------------------------------------------------------------------------- */

static shunt_status run_proto(reader *self, const operands *operand)
{
    return operand->number <= 5 ? SHUNT_OK : fail(self, "a protocol that is not known; expected 0 to 5");
}

static shunt_status run_nothing(reader *self, const operands *operand)
{
    (void)self;
    (void)operand;
    return SHUNT_OK;
}

static shunt_status run_stop(reader *self, const operands *operand)
{
    (void)operand;
    const pickle_ref *top = pop(self, 1);
    if (!top) return no_value(self);
    self->out->root = *top;
    self->stopped = true;
    return SHUNT_OK;
}

static shunt_status run_mark(reader *self, const operands *operand)
{
    (void)operand;
    return push(self, MARK);
}

static shunt_status run_pop(reader *self, const operands *operand)
{
    (void)operand;
    if (!self->depth) return no_value(self);
    self->depth--;
    return SHUNT_OK;
}

static shunt_status run_pop_mark(reader *self, const operands *operand)
{
    uint32_t count;
    (void)operand;
    return pop_mark(self, &count) ? SHUNT_OK : no_mark(self);
}

static shunt_status run_dup(reader *self, const operands *operand)
{
    (void)operand;
    if (!self->depth || self->stack[self->depth - 1] == MARK) return no_value(self);
    return push(self, self->stack[self->depth - 1]);
}

static shunt_status run_integer(reader *self, const operands *operand)
{
    return push_node(self, (pickle_node){.kind = PICKLE_INT, .integer = operand->number});
}

static shunt_status run_bool(reader *self, const operands *operand)
{
    return push_node(self, (pickle_node){.kind = PICKLE_BOOL, .integer = operand->number});
}

/* Two's complement, little-endian, of any length. */
static shunt_status run_long(reader *self, const operands *operand)
{
    if (operand->length > 8)
        return push_node(self, (pickle_node){.kind = PICKLE_LONG, .text = {operand->at, operand->length}});
    uint64_t value = 0;
    for (uint32_t i = 0; i < operand->length; i++) value |= (uint64_t)self->out->data[operand->at + i] << 8 * i;
    if (operand->length && operand->length < 8 && value >> (8 * operand->length - 1))
        value |= UINT64_MAX << 8 * operand->length;
    return push_node(self, (pickle_node){.kind = PICKLE_INT, .integer = (int64_t)value});
}

static shunt_status run_text(reader *self, const operands *operand)
{
    return push_node(self, (pickle_node){.kind = (uint8_t)operand->number, .text = {operand->at, operand->length}});
}

/* ---- Names, calls, the memo ------------------------------------------------------------------------------------- */

static shunt_status push_global(reader *self, pickle_ref module, pickle_ref name)
{
    return push_node(self, (pickle_node){.kind = PICKLE_GLOBAL, .pair = {module, name}});
}

static shunt_status run_global(reader *self, const operands *operand)
{
    pickle_node module = {.kind = PICKLE_TEXT, .text = {operand->at, operand->length}};
    pickle_node name = {.kind = PICKLE_TEXT, .text = {operand->second_at, operand->second_length}};
    pickle_ref first, second;
    shunt_status status = new_node(self, module, &first);
    if (!status) status = new_node(self, name, &second);
    return status ? status : push_global(self, first, second);
}

static shunt_status run_stack_global(reader *self, const operands *operand)
{
    (void)operand;
    const pickle_ref *both = pop(self, 2);
    if (!both) return no_value(self);
    if (self->out->nodes[both[0]].kind != PICKLE_TEXT || self->out->nodes[both[1]].kind != PICKLE_TEXT)
        return fail(self, "the name of a class or function is not text");
    return push_global(self, both[0], both[1]);
}

/* collections.OrderedDict is a dictionary, also in Python 2's way: with a list of [key, value] as its argument. */
static shunt_status push_ordered_dict(reader *self, pickle_ref args)
{
    pickle_tree *out = self->out;
    pickle_ref dict, list, pair[2];
    shunt_status status = new_node(self, (pickle_node){.kind = PICKLE_DICT}, &dict);
    if (!status) status = push(self, dict);
    if (status || pickle_items(out, args, &list, 1) != 1) return status;
    if (out->nodes[list].kind != PICKLE_LIST) return fail(self, "an OrderedDict of what is no list");
    pickle_node node = out->nodes[list];
    uint32_t cell = node.items.first;
    for (uint32_t i = 0; !status && i < node.items.count; i++, cell = out->cells[cell].next) {
        if (pickle_items(out, out->cells[cell].value, pair, 2) != 2)
            return fail(self, "an item of an OrderedDict is no pair of key and value");
        status = append(self, dict, pair, 2);
    }
    return status;
}

/* REDUCE, NEWOBJ: callee and arguments become a value. */
static shunt_status run_call(reader *self, const operands *operand)
{
    (void)operand;
    const pickle_ref *both = pop(self, 2);
    if (!both) return no_value(self);
    pickle_ref callee = both[0], args = both[1];
    if (self->out->nodes[args].kind != PICKLE_TUPLE) return fail(self, "the arguments of a call are no tuple");
    if (pickle_is_global(self->out, callee, "collections", "OrderedDict")) return push_ordered_dict(self, args);
    return push_node(self, (pickle_node){.kind = PICKLE_CALL, .call = {callee, args}});
}

static shunt_status run_call_keywords(reader *self, const operands *operand)
{
    if (!pop(self, 1)) return no_value(self); /* the keywords, of no interest */
    return run_call(self, operand);
}

/* An object's further state is of no interest. */
static shunt_status run_build(reader *self, const operands *operand)
{
    (void)operand;
    if (!pop(self, 2)) return no_value(self);
    self->depth++;
    return SHUNT_OK;
}

static shunt_status run_persistent(reader *self, const operands *operand)
{
    (void)operand;
    const pickle_ref *id = pop(self, 1);
    if (!id) return no_value(self);
    return push_node(self, (pickle_node){.kind = PICKLE_PERSISTENT, .pair = {*id, 0}});
}

static shunt_status memorize(reader *self, int64_t index)
{
    if (!self->depth || self->stack[self->depth - 1] == MARK) return no_value(self);
    if (index >= MOST_MEMO) return fail_limit(self, "values in its memo", MOST_MEMO);
    shunt_status status = make_room(self, &self->memo, &self->memo_room, (uint32_t)index, sizeof *self->memo, MOST_MEMO,
                                    "values in its memo");
    if (status) return status;
    while (self->memo_size <= index) self->memo[self->memo_size++] = UNSET;
    self->memo[index] = self->stack[self->depth - 1];
    self->memorized++;
    return SHUNT_OK;
}

static shunt_status run_put(reader *self, const operands *operand)
{
    return memorize(self, operand->number);
}

static shunt_status run_memoize(reader *self, const operands *operand)
{
    (void)operand;
    return memorize(self, self->memorized);
}

static shunt_status run_get(reader *self, const operands *operand)
{
    if (operand->number >= self->memo_size || self->memo[operand->number] == UNSET)
        return fail(self, "a value is not in the memo");
    return push(self, self->memo[operand->number]);
}

/* ---- Opcodes ---------------------------------------------------------------------------------------------------- */

static const opcode opcodes[256] = {
    [0x80] = {"PROTO", BYTES_1, run_proto},
    [0x95] = {"FRAME", BYTES_8, run_nothing},
    ['.'] = {"STOP", NOTHING, run_stop},
    ['('] = {"MARK", NOTHING, run_mark},
    ['0'] = {"POP", NOTHING, run_pop},
    ['1'] = {"POP_MARK", NOTHING, run_pop_mark},
    ['2'] = {"DUP", NOTHING, run_dup},
    ['N'] = {"NONE", NOTHING, run_empty, PICKLE_NONE},
    [0x88] = {"NEWTRUE", NOTHING, run_bool, 1},
    [0x89] = {"NEWFALSE", NOTHING, run_bool, 0},
    ['J'] = {"BININT", SIGNED_4, run_integer},
    ['K'] = {"BININT1", BYTES_1, run_integer},
    ['M'] = {"BININT2", BYTES_2, run_integer},
    [0x8a] = {"LONG1", TEXT_1, run_long},
    [0x8b] = {"LONG4", TEXT_4, run_long},
    ['G'] = {"BINFLOAT", BYTES_8, run_empty, PICKLE_FLOAT},
    ['U'] = {"SHORT_BINSTRING", TEXT_1, run_text, PICKLE_TEXT},
    ['T'] = {"BINSTRING", TEXT_4, run_text, PICKLE_TEXT},
    [0x8c] = {"SHORT_BINUNICODE", TEXT_1, run_text, PICKLE_TEXT},
    ['X'] = {"BINUNICODE", TEXT_4, run_text, PICKLE_TEXT},
    [0x8d] = {"BINUNICODE8", TEXT_8, run_text, PICKLE_TEXT},
    ['C'] = {"SHORT_BINBYTES", TEXT_1, run_text, PICKLE_BYTES},
    ['B'] = {"BINBYTES", TEXT_4, run_text, PICKLE_BYTES},
    [0x8e] = {"BINBYTES8", TEXT_8, run_text, PICKLE_BYTES},
    [0x96] = {"BYTEARRAY8", TEXT_8, run_text, PICKLE_BYTES},
    [')'] = {"EMPTY_TUPLE", NOTHING, run_empty, PICKLE_TUPLE},
    [0x85] = {"TUPLE1", NOTHING, run_tuple, 1},
    [0x86] = {"TUPLE2", NOTHING, run_tuple, 2},
    [0x87] = {"TUPLE3", NOTHING, run_tuple, 3},
    ['t'] = {"TUPLE", NOTHING, run_collect, PICKLE_TUPLE},
    [']'] = {"EMPTY_LIST", NOTHING, run_empty, PICKLE_LIST},
    ['l'] = {"LIST", NOTHING, run_collect, PICKLE_LIST},
    ['a'] = {"APPEND", NOTHING, run_append},
    ['e'] = {"APPENDS", NOTHING, run_extend, 0},
    [0x8f] = {"EMPTY_SET", NOTHING, run_empty, PICKLE_LIST},
    [0x90] = {"ADDITEMS", NOTHING, run_extend, 0},
    [0x91] = {"FROZENSET", NOTHING, run_collect, PICKLE_LIST},
    ['}'] = {"EMPTY_DICT", NOTHING, run_empty, PICKLE_DICT},
    ['d'] = {"DICT", NOTHING, run_collect, PICKLE_DICT},
    ['s'] = {"SETITEM", NOTHING, run_set_item},
    ['u'] = {"SETITEMS", NOTHING, run_extend, 1},
    ['c'] = {"GLOBAL", LINES_2, run_global},
    [0x93] = {"STACK_GLOBAL", NOTHING, run_stack_global},
    ['R'] = {"REDUCE", NOTHING, run_call},
    [0x81] = {"NEWOBJ", NOTHING, run_call},
    [0x92] = {"NEWOBJ_EX", NOTHING, run_call_keywords},
    ['b'] = {"BUILD", NOTHING, run_build},
    ['Q'] = {"BINPERSID", NOTHING, run_persistent},
    ['q'] = {"BINPUT", BYTES_1, run_put},
    ['r'] = {"LONG_BINPUT", BYTES_4, run_put},
    [0x94] = {"MEMOIZE", NOTHING, run_memoize},
    ['h'] = {"BINGET", BYTES_1, run_get},
    ['j'] = {"LONG_BINGET", BYTES_4, run_get},
};

static shunt_status fail_cut(const reader *self, const opcode *op)
{
    return shunt_fail(SHUNT_E_INVALID,
                      "%s: damaged pickle at byte %" PRIu64 ": %s reaches past the end: the file is cut off or lies",
                      self->path, self->out->offset + self->opcode, op->name);
}

static bool take_number(reader *self, uint32_t bytes, uint64_t *out)
{
    *out = 0;
    if (self->size - self->at < bytes) return false;
    for (uint32_t i = 0; i < bytes; i++) *out |= (uint64_t)self->out->data[self->at + i] << 8 * i;
    self->at += bytes;
    return true;
}

static bool take_text(reader *self, uint32_t length_bytes, operands *out)
{
    uint64_t length;
    if (!take_number(self, length_bytes, &length) || length > self->size - self->at) return false;
    out->at = (uint32_t)self->at;
    out->length = (uint32_t)length;
    self->at += length;
    return true;
}

static bool take_line(reader *self, uint32_t *at, uint32_t *length)
{
    const uint8_t *start = self->out->data + self->at;
    const uint8_t *end = memchr(start, '\n', self->size - self->at);
    if (!end) return false;
    *at = (uint32_t)self->at;
    *length = (uint32_t)(end - start);
    self->at += *length + 1;
    return true;
}

static bool take_operand(reader *self, argument kind, operands *out)
{
    uint64_t number;
    switch (kind) {
    case NOTHING:
        return true;
    case TEXT_1:
        return take_text(self, 1, out);
    case TEXT_4:
        return take_text(self, 4, out);
    case TEXT_8:
        return take_text(self, 8, out);
    case LINES_2:
        return take_line(self, &out->at, &out->length) && take_line(self, &out->second_at, &out->second_length);
    case SIGNED_4:
        if (!take_number(self, 4, &number)) return false;
        out->number = (int32_t)(uint32_t)number;
        return true;
    case BYTES_8:
        return take_number(self, 8, &number); /* a float or a frame's length: not used */
    case BYTES_1:
    case BYTES_2:
    case BYTES_4:
        break;
    }
    if (!take_number(self, kind == BYTES_1 ? 1 : kind == BYTES_2 ? 2 : 4, &number)) return false;
    out->number = (int64_t)number;
    return true;
}

static shunt_status step(reader *self)
{
    self->opcode = (uint32_t)self->at;
    if (self->at >= self->size) return fail(self, "it ends without STOP: the file is cut off");
    const uint8_t code = self->out->data[self->at++];
    const opcode *op = &opcodes[code];
    if (!op->name)
        return shunt_fail(SHUNT_E_INVALID,
                          "%s: damaged pickle at byte %" PRIu64 ": opcode 0x%02x is none that weights are written with",
                          self->path, self->out->offset + self->opcode, code);
    operands operand = {.number = op->number};
    if (!take_operand(self, op->argument, &operand)) return fail_cut(self, op);
    return op->run(self, &operand);
}

shunt_status pickle_read(const char *path, uint64_t offset, const uint8_t *data, size_t size, pickle_tree *out)
{
    *out = (pickle_tree){.data = data, .offset = offset};
    reader self = {.out = out, .path = path, .size = size < INT32_MAX ? size : INT32_MAX};
    shunt_status status = SHUNT_OK;
    for (uint32_t steps = 0; !status && !self.stopped; steps++)
        status = steps < MOST_STEPS ? step(&self) : fail_limit(&self, "opcodes", MOST_STEPS);
    out->size = (uint32_t)self.at;
    free(self.stack);
    free(self.memo);
    if (status) pickle_free(out);
    return status;
}

void pickle_free(pickle_tree *self)
{
    free(self->nodes);
    free(self->cells);
    *self = (pickle_tree){0};
}

/* ---- Looking at nodes ------------------------------------------------------------------------------------------- */

uint64_t pickle_offset(const pickle_tree *self, const pickle_node *node)
{
    return self->offset + node->offset;
}

bool pickle_is_text(const pickle_tree *self, pickle_ref ref, const char *text)
{
    const pickle_node *node = &self->nodes[ref];
    return node->kind == PICKLE_TEXT && node->text.length == strlen(text) &&
           !memcmp(self->data + node->text.at, text, node->text.length);
}

bool pickle_is_global(const pickle_tree *self, pickle_ref ref, const char *module, const char *name)
{
    const pickle_node *node = &self->nodes[ref];
    return node->kind == PICKLE_GLOBAL && pickle_is_text(self, node->pair.first, module) &&
           pickle_is_text(self, node->pair.second, name);
}

char *pickle_string(const pickle_tree *self, pickle_ref ref)
{
    const pickle_node *node = &self->nodes[ref];
    if (node->kind != PICKLE_TEXT || node->text.length > MOST_TEXT) return NULL;
    if (memchr(self->data + node->text.at, 0, node->text.length)) return NULL;
    return strndup((const char *)self->data + node->text.at, node->text.length);
}

bool pickle_integer(const pickle_tree *self, pickle_ref ref, int64_t *out)
{
    if (self->nodes[ref].kind != PICKLE_INT) return false;
    *out = self->nodes[ref].integer;
    return true;
}

int64_t pickle_items(const pickle_tree *self, pickle_ref ref, pickle_ref *refs, uint32_t most)
{
    const pickle_node *node = &self->nodes[ref];
    if (node->kind != PICKLE_TUPLE && node->kind != PICKLE_LIST) return -1;
    uint32_t cell = node->items.first;
    for (uint32_t i = 0; i < node->items.count && i < most; i++, cell = self->cells[cell].next)
        refs[i] = self->cells[cell].value;
    return node->items.count;
}
