/* reader.h - the machine that reads a pickle: a stack, a memo, and the nodes that it makes. */
#ifndef SHUNT_RUNTIME_PICKLE_READER_H
#define SHUNT_RUNTIME_PICKLE_READER_H

#include "runtime/pickle/pickle.h"

enum {
    PICKLE_MOST_NODES = 1 << 19, /* 12 MiB; a checkpoint of ResNet-152 with its optimizer needs some 50,000 */
    PICKLE_MOST_CELLS = 1 << 20, /* 8 MiB */
    PICKLE_MOST_STACK = 1 << 19, /* 2 MiB */
    PICKLE_MOST_MEMO = 1 << 19,  /* 2 MiB */
    PICKLE_MOST_STEPS = 1 << 24, /* opcodes: a fraction of a second */
};

static const uint32_t PICKLE_MARK = UINT32_MAX;  /* on the stack */
static const uint32_t PICKLE_UNSET = UINT32_MAX; /* in the memo */

typedef struct pickle_reader {
    pickle_tree *out;
    const char *path;
    size_t size, at; /* at: behind what was read */
    uint32_t opcode; /* offset of the present one */
    uint32_t *stack, *memo;
    uint32_t depth, stack_room, memo_size, memo_room, memorized;
    bool stopped;
} pickle_reader;

/* What stands behind an opcode. */
typedef enum pickle_argument {
    NOTHING,
    BYTES_1, /* little-endian numbers */
    BYTES_2,
    BYTES_4,
    BYTES_8,
    SIGNED_4,
    TEXT_1, /* a length of so many bytes, then as many */
    TEXT_4,
    TEXT_8,
    LINE,   /* a text ended by a newline */
    LINES_2 /* two texts, each ended by a newline */
} pickle_argument;

typedef struct pickle_operands {
    int64_t number;
    uint32_t at, length;               /* the text, or the first line */
    uint32_t second_at, second_length; /* the second line */
} pickle_operands;

typedef struct pickle_opcode {
    const char *name; /* NULL: none that is read here */
    pickle_argument argument;
    shunt_status (*run)(pickle_reader *self, const pickle_operands *operand);
    int64_t number; /* for rows that share a function */
} pickle_opcode;

/* opcodes.c: by their codes. */
extern const pickle_opcode pickle_opcodes[256];

/* ---- reader.c: failures name the present opcode's place. ---- */

shunt_status pickle_fail(const pickle_reader *self, const char *what);
shunt_status pickle_fail_limit(const pickle_reader *self, const char *what, uint32_t limit);
shunt_status pickle_no_value(const pickle_reader *self);
shunt_status pickle_no_mark(const pickle_reader *self);

/* Room for element number `used` in the array whose address `array` holds; doubles it. */
shunt_status pickle_make_room(const pickle_reader *self, void *array, uint32_t *room, uint32_t used, size_t each,
                              uint32_t limit, const char *what);
shunt_status pickle_new_node(pickle_reader *self, pickle_node node, pickle_ref *ref);

shunt_status pickle_push(pickle_reader *self, pickle_ref ref);
shunt_status pickle_push_node(pickle_reader *self, pickle_node node);
/* The top `count` values, in the order in which they were pushed, are taken off. NULL when there are fewer. */
const pickle_ref *pickle_pop(pickle_reader *self, uint32_t count);
/* All values down to the mark, and the mark, are taken off. NULL when there is no mark. */
const pickle_ref *pickle_pop_mark(pickle_reader *self, uint32_t *count);

shunt_status pickle_append(pickle_reader *self, pickle_ref container, const pickle_ref *values, uint32_t count);
/* A new container of values that were popped; they still stand above the top of the stack. */
shunt_status pickle_push_container(pickle_reader *self, pickle_kind kind, const pickle_ref *values, uint32_t count);
/* Items go to the value below them. Items of an object that is not read as a container (an instance of a class) are dropped. */
shunt_status pickle_extend(pickle_reader *self, const pickle_ref *values, uint32_t count, bool pairs);

#endif
