/* tensor.h - constants of an ONNX file as the importer handles them: a type, a shape, and data that lies in the file
 * wherever it can. A tensor filled with one value is kept as that value. */
#ifndef SHUNT_RUNTIME_ONNX_TENSOR_H
#define SHUNT_RUNTIME_ONNX_TENSOR_H

#include "runtime/onnx/wire.h"

enum { ONNX_MAX_RANK = 8 };

typedef enum onnx_type { /* TensorProto.DataType */
                         ONNX_FLOAT = 1,
                         ONNX_UINT8,
                         ONNX_INT8,
                         ONNX_UINT16,
                         ONNX_INT16,
                         ONNX_INT32,
                         ONNX_INT64,
                         ONNX_STRING,
                         ONNX_BOOL,
                         ONNX_FLOAT16,
                         ONNX_DOUBLE,
                         ONNX_UINT32,
                         ONNX_UINT64,
                         ONNX_BFLOAT16 = 16
} onnx_type;

typedef struct onnx_tensor {
    uint8_t type, rank;
    bool splat; /* data is one element, which all are */
    int64_t dims[ONNX_MAX_RANK];
    const uint8_t *data; /* little-endian, not aligned; of STRING: wire_bytes; NULL: computed when the graph runs */
} onnx_tensor;

/* Memory that lives as long as the import, and what an import may still take, see onnx_allow. */
typedef struct onnx_memory {
    void **blocks;
    size_t nblocks, room;
    uint64_t left;  /* bytes */
    uint64_t work;  /* elements that are computed from constants */
    uint64_t files; /* bytes of the model's files */
} onnx_memory;
/* Adds what an import may take for a file of the model: 3 bytes of memory and 4 elements of work for each byte of the file. The sum is
 * at most 2^30 elements, which are seconds of work. */
void onnx_allow(onnx_memory *memory, uint64_t file_bytes);
void *onnx_alloc(onnx_memory *memory, uint64_t bytes); /* NULL after failing with a message */
/* For memory that someone else owns. */
shunt_status onnx_charge(onnx_memory *memory, uint64_t bytes);
void onnx_memory_free(onnx_memory *memory);

/* "FLOAT16", or "a type unknown to Shunt". */
const char *onnx_type_name(uint8_t type);
/* The type of that name; 0 if there is none. */
uint8_t onnx_type_find(const char *name);
/* Bytes of an element; 0 for unknown types. */
size_t onnx_type_bytes(uint8_t type);
bool onnx_type_is_float(uint8_t type);
/* Integers of at most 16 bits: exact in float32. */
bool onnx_type_is_small(uint8_t type);
bool onnx_type_is_integer(uint8_t type);

/* Number of elements; at most 2^40, or fails. */
shunt_status onnx_count(const onnx_tensor *tensor, uint64_t *count);
/* The same of a tensor that has been checked. */
uint64_t onnx_size(const onnx_tensor *tensor);

/* Where external data is looked for. */
typedef struct onnx_folder {
    const char *model;      /* path of the file; NULL: there can be no external data */
    shunt_weights *weights; /* keeps what is mapped */
} onnx_folder;

/* Reads a TensorProto. name: its own, not terminated; may be NULL. */
shunt_status onnx_tensor_read(wire_bytes message, const uint8_t *file, const onnx_folder *folder, onnx_memory *memory,
                              onnx_tensor *out, wire_bytes *name);

/* external.c: `length` bytes (0: all that follow) at `offset` of the file `location` beside the model. */
shunt_status onnx_external(const onnx_folder *folder, wire_bytes location, uint64_t offset, uint64_t length,
                           onnx_memory *memory, wire_bytes *out);

/* Element `index`, of no STRING, as a number; integers beyond 2^53 are rounded in the first. */
double onnx_number(const onnx_tensor *tensor, uint64_t index);
int64_t onnx_integer(const onnx_tensor *tensor, uint64_t index);
/* Writes a number as element `index`, rounded or wrapped to the type. */
void onnx_store(uint8_t type, void *data, uint64_t index, double number, int64_t integer);
/* All elements, of no STRING, as float32. */
void onnx_floats(const onnx_tensor *tensor, float *out);

/* text.c: element `index` of a STRING; the number that a text is, as C reads numbers, or the whole number of that type, if
 * nothing follows it; element `index` of numbers as text. */
enum { ONNX_NUMBER_CHARS = 32 };
wire_bytes onnx_text(const onnx_tensor *tensor, uint64_t index);
bool onnx_text_real(wire_bytes text, double *out);
bool onnx_text_integer(wire_bytes text, uint8_t type, int64_t *out);
void onnx_print_number(const onnx_tensor *tensor, uint64_t index, char text[ONNX_NUMBER_CHARS]);

#endif
