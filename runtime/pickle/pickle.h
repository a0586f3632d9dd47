/* pickle.h - reads a Python pickle as data. Nothing in it is ever called: the name of a class or function is a value like
 * any other, and a call is a value that holds the name and the arguments. What comes out are nodes that refer to each
 * other by number, perhaps in circles. */
#ifndef SHUNT_RUNTIME_PICKLE_PICKLE_H
#define SHUNT_RUNTIME_PICKLE_PICKLE_H

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
    PICKLE_QUOTED,     /* text: str of protocol 0 that has backslashes, as Python quotes it */
    PICKLE_ESCAPED,    /* text: unicode of protocol 0 that is not ASCII: Latin-1 with \uXXXX */
    PICKLE_TUPLE,      /* items */
    PICKLE_LIST,       /* items; sets, too */
    PICKLE_DICT,       /* items: key, value, key, value ... */
    PICKLE_GLOBAL,     /* pair: module and name, both TEXT */
    PICKLE_CALL,       /* call */
    PICKLE_PERSISTENT, /* pair: the id, a node; second is free for the reader of storages, 0 at first */
} pickle_kind;

typedef uint32_t pickle_ref; /* a node's number */

static const pickle_ref PICKLE_NO_STATE = UINT32_MAX;

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
            pickle_ref callee, args, state; /* state: PICKLE_NO_STATE, or what BUILD gives the object */
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
/* The TEXT as a string to be freed; NULL without memory, or if it is not a TEXT, contains a NUL, or has over 4,096 bytes. */
char *pickle_string(const pickle_tree *self, pickle_ref ref);
/* The value of an INT; false if it is not an INT. */
bool pickle_integer(const pickle_tree *self, pickle_ref ref, int64_t *out);
/* Up to `most` items of a TUPLE or LIST into refs. Returns how many there are, or -1 for another kind of node. */
int64_t pickle_items(const pickle_tree *self, pickle_ref ref, pickle_ref *refs, uint32_t most);
/* The value of a key of a DICT, the last one where there are several; the key is text, or bytes. */
bool pickle_find(const pickle_tree *self, pickle_ref dict, const char *key, pickle_ref *out);

/* ---- bytes.c ---- */

/* Bytes that a pickle holds: in its own data, or in memory where they had to be decoded. */
typedef struct pickle_bytes {
    const uint8_t *data;
    size_t size;
    uint8_t *owned; /* to be freed; NULL: data lies in the pickle */
} pickle_bytes;

/* The node that holds the text of a string, of bytes, or of _codecs.encode(text, "latin1"), which is how Python 3 writes bytes
 * in protocols 0 to 2. NULL: it is none of these. */
const pickle_node *pickle_text_of(const pickle_tree *self, pickle_ref ref);
/* The bytes of such a value. */
shunt_status pickle_read_bytes(const char *path, const pickle_tree *self, pickle_ref ref, pickle_bytes *out);

/* ---- array.c ---- */

enum { PICKLE_ARRAY_AXES = 4 };

/* A numpy array of numbers. */
typedef struct pickle_array {
    char kind;                      /* of its dtype: 'u', 'i', 'f', 'b' */
    uint8_t item;                   /* bytes of an element: 1, 2, 4, 8 */
    bool big_endian, columns_first; /* columns_first: Fortran's order, the first axis is the fastest */
    uint32_t axes;
    size_t dims[PICKLE_ARRAY_AXES], count; /* elements, as many as there are bytes for */
    pickle_bytes bytes;
} pickle_array;

/* Reads a numpy array as numpy 1 and 2 write it. Fails, naming the place, if it is not one. bytes.owned is to be freed. */
shunt_status pickle_read_array(const char *path, const pickle_tree *self, pickle_ref ref, pickle_array *out);
/* Whether the value is made by one of numpy's functions for arrays. */
bool pickle_is_array(const pickle_tree *self, pickle_ref ref);
/* Element `index` < count, in the order of memory. kind is 'u' or 'i'; more than INT64_MAX becomes negative. */
int64_t pickle_array_integer(const pickle_array *self, size_t index);

#endif
