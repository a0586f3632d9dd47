/* opcodes.c - what each opcode does, and the table of them, one row each. There is no recursion, and nothing is called. */
#include "runtime/pickle/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Containers ------------------------------------------------------------------------------------------------ */

static shunt_status run_empty(pickle_reader *self, const pickle_operands *operand)
{
    return pickle_push_node(self, (pickle_node){.kind = (uint8_t)operand->number});
}

static shunt_status run_collect(pickle_reader *self, const pickle_operands *operand)
{
    uint32_t count;
    const pickle_ref *values = pickle_pop_mark(self, &count);
    if (!values) return pickle_no_mark(self);
    if (operand->number == PICKLE_DICT && count % 2) return pickle_fail(self, "a key has no value");
    return pickle_push_container(self, (pickle_kind)operand->number, values, count);
}

static shunt_status run_tuple(pickle_reader *self, const pickle_operands *operand)
{
    const pickle_ref *values = pickle_pop(self, (uint32_t)operand->number);
    return values ? pickle_push_container(self, PICKLE_TUPLE, values, (uint32_t)operand->number)
                  : pickle_no_value(self);
}

static shunt_status run_append(pickle_reader *self, const pickle_operands *operand)
{
    const pickle_ref *values = pickle_pop(self, 1);
    (void)operand;
    return values ? pickle_extend(self, values, 1, false) : pickle_no_value(self);
}

static shunt_status run_set_item(pickle_reader *self, const pickle_operands *operand)
{
    const pickle_ref *values = pickle_pop(self, 2);
    (void)operand;
    return values ? pickle_extend(self, values, 2, true) : pickle_no_value(self);
}

/* number: != 0 for pairs */
static shunt_status run_extend(pickle_reader *self, const pickle_operands *operand)
{
    uint32_t count;
    const pickle_ref *values = pickle_pop_mark(self, &count);
    return pickle_extend(self, values, count, operand->number != 0);
}

/* ---- Plain values ---------------------------------------------------------------------------------------------- */

static shunt_status run_proto(pickle_reader *self, const pickle_operands *operand)
{
    return operand->number <= 5 ? SHUNT_OK : pickle_fail(self, "a protocol that is not known; expected 0 to 5");
}

static shunt_status run_nothing(pickle_reader *self, const pickle_operands *operand)
{
    (void)self;
    (void)operand;
    return SHUNT_OK;
}

static shunt_status run_stop(pickle_reader *self, const pickle_operands *operand)
{
    (void)operand;
    const pickle_ref *top = pickle_pop(self, 1);
    if (!top) return pickle_no_value(self);
    self->out->root = *top;
    self->stopped = true;
    return SHUNT_OK;
}

static shunt_status run_mark(pickle_reader *self, const pickle_operands *operand)
{
    (void)operand;
    return pickle_push(self, PICKLE_MARK);
}

static shunt_status run_pop(pickle_reader *self, const pickle_operands *operand)
{
    (void)operand;
    if (!self->depth) return pickle_no_value(self);
    self->depth--;
    return SHUNT_OK;
}

static shunt_status run_pop_mark(pickle_reader *self, const pickle_operands *operand)
{
    uint32_t count;
    (void)operand;
    return pickle_pop_mark(self, &count) ? SHUNT_OK : pickle_no_mark(self);
}

static shunt_status run_dup(pickle_reader *self, const pickle_operands *operand)
{
    (void)operand;
    if (!self->depth || self->stack[self->depth - 1] == PICKLE_MARK) return pickle_no_value(self);
    return pickle_push(self, self->stack[self->depth - 1]);
}

static shunt_status run_integer(pickle_reader *self, const pickle_operands *operand)
{
    return pickle_push_node(self, (pickle_node){.kind = PICKLE_INT, .integer = operand->number});
}

static shunt_status run_bool(pickle_reader *self, const pickle_operands *operand)
{
    return pickle_push_node(self, (pickle_node){.kind = PICKLE_BOOL, .integer = operand->number});
}

/* Two's complement, little-endian, of any length. */
static shunt_status run_long(pickle_reader *self, const pickle_operands *operand)
{
    if (operand->length > 8)
        return pickle_push_node(self, (pickle_node){.kind = PICKLE_LONG, .text = {operand->at, operand->length}});
    uint64_t value = 0;
    for (uint32_t i = 0; i < operand->length; i++) value |= (uint64_t)self->out->data[operand->at + i] << 8 * i;
    if (operand->length && operand->length < 8 && value >> (8 * operand->length - 1))
        value |= UINT64_MAX << 8 * operand->length;
    return pickle_push_node(self, (pickle_node){.kind = PICKLE_INT, .integer = (int64_t)value});
}

static shunt_status run_text(pickle_reader *self, const pickle_operands *operand)
{
    return pickle_push_node(self,
                            (pickle_node){.kind = (uint8_t)operand->number, .text = {operand->at, operand->length}});
}

/* ---- Protocol 0: values as lines of text ------------------------------------------------------------------------- */

/* A decimal number, and an L behind it. */
static bool line_number(const pickle_reader *self, const pickle_operands *operand, int64_t *out)
{
    char text[24], *end;
    uint32_t length = operand->length;
    if (length && self->out->data[operand->at + length - 1] == 'L') length--;
    if (!length || length >= sizeof text) return false;
    memcpy(text, self->out->data + operand->at, length);
    text[length] = 0;
    if (*text != '-' && (*text < '0' || *text > '9')) return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *out = value;
    return !*end && end > text && !errno;
}

/* number: PICKLE_INT or PICKLE_LONG. 00 and 01 are how protocols 0 and 1 write False and True. */
static shunt_status run_line_integer(pickle_reader *self, const pickle_operands *operand)
{
    int64_t value;
    if (!line_number(self, operand, &value)) {
        if (operand->number == PICKLE_LONG && operand->length >= 18) /* more than 64 bits, perhaps */
            return pickle_push_node(self, (pickle_node){.kind = PICKLE_LONG, .text = {operand->at, operand->length}});
        return pickle_fail(self, "a line that is not an integer");
    }
    bool truth = operand->number == PICKLE_INT && operand->length == 2 && self->out->data[operand->at] == '0';
    return pickle_push_node(self, (pickle_node){.kind = truth ? PICKLE_BOOL : PICKLE_INT, .integer = value});
}

static shunt_status run_line_float(pickle_reader *self, const pickle_operands *operand)
{
    (void)operand;
    return pickle_push_node(self, (pickle_node){.kind = PICKLE_FLOAT});
}

static shunt_status run_quoted(pickle_reader *self, const pickle_operands *operand)
{
    const uint8_t *text = self->out->data + operand->at;
    const uint32_t length = operand->length;
    if (length < 2 || text[0] != text[length - 1] || (text[0] != '\'' && text[0] != '"'))
        return pickle_fail(self, "a text without quotes");
    return pickle_push_node(self, (pickle_node){.kind = memchr(text, '\\', length) ? PICKLE_QUOTED : PICKLE_TEXT,
                                                .text = {operand->at + 1, length - 2}});
}

static shunt_status run_escaped(pickle_reader *self, const pickle_operands *operand)
{
    bool plain = true;
    for (uint32_t i = 0; i < operand->length && plain; i++) {
        uint8_t c = self->out->data[operand->at + i];
        plain = c < 0x80 && c != '\\';
    }
    return pickle_push_node(
        self, (pickle_node){.kind = plain ? PICKLE_TEXT : PICKLE_ESCAPED, .text = {operand->at, operand->length}});
}

/* ---- Names, calls, the memo ------------------------------------------------------------------------------------- */

static shunt_status push_global(pickle_reader *self, pickle_ref module, pickle_ref name)
{
    return pickle_push_node(self, (pickle_node){.kind = PICKLE_GLOBAL, .pair = {module, name}});
}

static shunt_status run_global(pickle_reader *self, const pickle_operands *operand)
{
    pickle_node module = {.kind = PICKLE_TEXT, .text = {operand->at, operand->length}};
    pickle_node name = {.kind = PICKLE_TEXT, .text = {operand->second_at, operand->second_length}};
    pickle_ref first, second;
    shunt_status status = pickle_new_node(self, module, &first);
    if (!status) status = pickle_new_node(self, name, &second);
    return status ? status : push_global(self, first, second);
}

static shunt_status run_stack_global(pickle_reader *self, const pickle_operands *operand)
{
    (void)operand;
    const pickle_ref *both = pickle_pop(self, 2);
    if (!both) return pickle_no_value(self);
    if (self->out->nodes[both[0]].kind != PICKLE_TEXT || self->out->nodes[both[1]].kind != PICKLE_TEXT)
        return pickle_fail(self, "the name of a class or function is not text");
    return push_global(self, both[0], both[1]);
}

/* collections.OrderedDict is a dictionary, also in Python 2's way: with a list of [key, value] as its argument. */
static shunt_status push_ordered_dict(pickle_reader *self, pickle_ref args)
{
    pickle_tree *out = self->out;
    pickle_ref dict, list, pair[2];
    shunt_status status = pickle_new_node(self, (pickle_node){.kind = PICKLE_DICT}, &dict);
    if (!status) status = pickle_push(self, dict);
    if (status || pickle_items(out, args, &list, 1) != 1) return status;
    if (out->nodes[list].kind != PICKLE_LIST) return pickle_fail(self, "an OrderedDict of something other than a list");
    pickle_node node = out->nodes[list];
    uint32_t cell = node.items.first;
    for (uint32_t i = 0; !status && i < node.items.count; i++, cell = out->cells[cell].next) {
        if (pickle_items(out, out->cells[cell].value, pair, 2) != 2)
            return pickle_fail(self, "an item of an OrderedDict is not a pair of key and value");
        status = pickle_append(self, dict, pair, 2);
    }
    return status;
}

/* REDUCE, NEWOBJ: callee and arguments become a value. */
static shunt_status run_call(pickle_reader *self, const pickle_operands *operand)
{
    (void)operand;
    const pickle_ref *both = pickle_pop(self, 2);
    if (!both) return pickle_no_value(self);
    pickle_ref callee = both[0], args = both[1];
    if (self->out->nodes[args].kind != PICKLE_TUPLE)
        return pickle_fail(self, "the arguments of a call are not a tuple");
    if (pickle_is_global(self->out, callee, "collections", "OrderedDict")) return push_ordered_dict(self, args);
    return pickle_push_node(self, (pickle_node){.kind = PICKLE_CALL, .call = {callee, args, PICKLE_NO_STATE}});
}

static shunt_status run_call_keywords(pickle_reader *self, const pickle_operands *operand)
{
    if (!pickle_pop(self, 1)) return pickle_no_value(self); /* the keywords, of no interest */
    return run_call(self, operand);
}

/* The state of an object that is read as a dictionary is ignored. */
static shunt_status run_build(pickle_reader *self, const pickle_operands *operand)
{
    (void)operand;
    const pickle_ref *both = pickle_pop(self, 2);
    if (!both) return pickle_no_value(self);
    pickle_node *object = &self->out->nodes[both[0]];
    if (object->kind == PICKLE_CALL) object->call.state = both[1];
    self->depth++;
    return SHUNT_OK;
}

static shunt_status run_persistent(pickle_reader *self, const pickle_operands *operand)
{
    (void)operand;
    const pickle_ref *id = pickle_pop(self, 1);
    if (!id) return pickle_no_value(self);
    return pickle_push_node(self, (pickle_node){.kind = PICKLE_PERSISTENT, .pair = {*id, 0}});
}

static shunt_status memorize(pickle_reader *self, int64_t index)
{
    if (!self->depth || self->stack[self->depth - 1] == PICKLE_MARK) return pickle_no_value(self);
    if (index >= PICKLE_MOST_MEMO) return pickle_fail_limit(self, "values in its memo", PICKLE_MOST_MEMO);
    shunt_status status = pickle_make_room(self, &self->memo, &self->memo_room, (uint32_t)index, sizeof *self->memo,
                                           PICKLE_MOST_MEMO, "values in its memo");
    if (status) return status;
    while (self->memo_size <= index) self->memo[self->memo_size++] = PICKLE_UNSET;
    self->memo[index] = self->stack[self->depth - 1];
    self->memorized++;
    return SHUNT_OK;
}

static shunt_status run_put(pickle_reader *self, const pickle_operands *operand)
{
    return memorize(self, operand->number);
}

static shunt_status run_memoize(pickle_reader *self, const pickle_operands *operand)
{
    (void)operand;
    return memorize(self, self->memorized);
}

static shunt_status run_get(pickle_reader *self, const pickle_operands *operand)
{
    if (operand->number >= self->memo_size || self->memo[operand->number] == PICKLE_UNSET)
        return pickle_fail(self, "a value is not in the memo");
    return pickle_push(self, self->memo[operand->number]);
}

/* number: 0 to put, 1 to get; the index is a line. */
static shunt_status run_line_memo(pickle_reader *self, const pickle_operands *operand)
{
    pickle_operands at = {0};
    if (!line_number(self, operand, &at.number) || at.number < 0)
        return pickle_fail(self, "a line that is not an index");
    return operand->number ? run_get(self, &at) : run_put(self, &at);
}

/* ---- Opcodes ---------------------------------------------------------------------------------------------------- */

const pickle_opcode pickle_opcodes[256] = {
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
    ['I'] = {"INT", LINE, run_line_integer, PICKLE_INT},
    ['L'] = {"LONG", LINE, run_line_integer, PICKLE_LONG},
    [0x8a] = {"LONG1", TEXT_1, run_long},
    [0x8b] = {"LONG4", TEXT_4, run_long},
    ['G'] = {"BINFLOAT", BYTES_8, run_empty, PICKLE_FLOAT},
    ['F'] = {"FLOAT", LINE, run_line_float},
    ['S'] = {"STRING", LINE, run_quoted},
    ['V'] = {"UNICODE", LINE, run_escaped},
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
    ['p'] = {"PUT", LINE, run_line_memo, 0},
    ['g'] = {"GET", LINE, run_line_memo, 1},
    ['q'] = {"BINPUT", BYTES_1, run_put},
    ['r'] = {"LONG_BINPUT", BYTES_4, run_put},
    [0x94] = {"MEMOIZE", NOTHING, run_memoize},
    ['h'] = {"BINGET", BYTES_1, run_get},
    ['j'] = {"LONG_BINGET", BYTES_4, run_get},
};
