/* pickle.h - reads a Python pickle as data. Nothing in it is ever called: the name of a class or function is a value like
 * any other, and a call is a value that holds the name and the arguments. What comes out are nodes that refer to each
 * other by number, perhaps in circles. */
#ifndef SHUNT_RUNTIME_PICKLE_H
#define SHUNT_RUNTIME_PICKLE_H

#include <shunt/shunt.h>
#include <stdbool.h>

typedef enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,       /* integer */
    PICKLE_INT,        /* integer */
    PICKLE_LONG,       /* text: an integer of more than 8 bytes, as it lies there */
    PICKLE_FLOAT,      /* nothing is kept of it */
    PICKLE_TEXT,       /* text */
    PICKLE_BYTES,      /* text */
    PICKLE_TUPLE,      /* items */
    PICKLE_LIST,       /* items; sets, too */
    PICKLE_DICT,       /* items: key, value, key, value ... */
    PICKLE_GLOBAL,     /* pair: module and name, both TEXT */
    PICKLE_CALL,       /* call */
    PICKLE_PERSISTENT, /* pair: the id, a node; second is for whom it concerns, 0 at first */
} pickle_kind;

typedef uint32_t pickle_ref; /* a node's number */

typedef struct pickle_node {
    uint8_t kind;
    uint32_t offset; /* of its opcode in the pickle */
    union {
        int64_t integer;
        struct {
            uint32_t at, length; /* in the pickle */
        } text;
        struct {
            uint32_t first, last, count; /* cells; count 0: none */
        } items;
        struct {
            pickle_ref callee, args;
        } call;
        struct {
            uint32_t first, second;
        } pair;
    };
} pickle_node;

typedef struct pickle_cell {
    pickle_ref value;
    uint32_t next; /* valid but in the last one */
} pickle_cell;

typedef struct pickle_tree {
    const uint8_t *data;
    uint64_t offset; /* of data in the file */
    uint32_t size;   /* of the pickle with its STOP */
    pickle_node *nodes;
    pickle_cell *cells;
    uint32_t nnodes, ncells, node_room, cell_room;
    pickle_ref root;
} pickle_tree;

/* Reads one pickle from the front of data, which lies at byte `offset` of the file at `path` (for messages). It takes
 * 24 MiB at most, whatever the file says. pickle_free is due after success only. */
shunt_status pickle_read(const char *path, uint64_t offset, const uint8_t *data, size_t size, pickle_tree *out);
void pickle_free(pickle_tree *self);

/* Byte of the file where the node's opcode stands. */
uint64_t pickle_offset(const pickle_tree *self, const pickle_node *node);
/* Whether the node is that TEXT; that GLOBAL. */
bool pickle_is_text(const pickle_tree *self, pickle_ref ref, const char *text);
bool pickle_is_global(const pickle_tree *self, pickle_ref ref, const char *module, const char *name);
/* The TEXT as a string to be freed; NULL without memory, or when it is none: no TEXT, with a NUL in it, over 4,096 bytes. */
char *pickle_string(const pickle_tree *self, pickle_ref ref);
/* Value of an INT; false when it is none. */
bool pickle_integer(const pickle_tree *self, pickle_ref ref, int64_t *out);
/* Up to `most` items of a TUPLE or LIST into refs. Returns how many there are, or -1 for another kind of node. */
int64_t pickle_items(const pickle_tree *self, pickle_ref ref, pickle_ref *refs, uint32_t most);

#endif
