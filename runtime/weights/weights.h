/* weights.h - the inside of a shunt_weights, for the readers and writers of weight files. */
#ifndef SHUNT_RUNTIME_WEIGHTS_H
#define SHUNT_RUNTIME_WEIGHTS_H

#include <shunt/shunt.h>
#include <jansson.h>
#include <stdbool.h>

#include "runtime/base/file.h"

typedef struct weight {
    shunt_tensor_view view;
    void *copy;  /* what view.data points to, or NULL: then it points into the mapped file */
    size_t run;  /* != 0: bytes that are mapped at view.data for this tensor alone (weights_put_run) */
    char name[]; /* what view.name points to */
} weight;

struct shunt_weights {
    file_mapping file;    /* or what weights_reserve mapped in its place */
    file_mapping *beside; /* further files, see weights_map */
    char **beside_paths;
    size_t nbeside;
    int in_memory; /* != 0: `file` is memory only, and nothing could give its contents back */
    weight **list;
    size_t count, room;
    json_t *index;      /* name -> position in list */
    json_t *metadata;   /* key -> string */
    json_t *unusable;   /* name -> why, see shunt_weights_unusable */
    const char *format; /* weight_format.name; NULL: not from a file */
    char *producer;     /* what made the file; NULL: it does not say */
};

/* A format of weight files. `is` looks at the first bytes only. */
typedef struct weight_format {
    const char *name;
    bool (*is)(const file_mapping *file);
    /* Fills empty weights from weights->file, which was mapped from path. A failure may leave them half filled. */
    shunt_status (*read)(const char *path, shunt_weights *weights);
} weight_format;
extern const weight_format format_safetensors, format_torch_zip, format_torch_legacy, format_index;

/* formats.c: opens a file of this folder's formats, or of one more (NULL: no other), by its content. */
shunt_status weights_open(const char *path, const weight_format *other, shunt_weights **out);
/* The same once weights->file is mapped. path is for messages only. */
shunt_status weights_parse(const char *path, const weight_format *other, shunt_weights *weights);
shunt_status weights_set_producer(shunt_weights *weights, const char *producer);

/* Appends a tensor or replaces the one of that name. desc is plain. What weights_maps needs no copy. */
shunt_status weights_put(shunt_weights *weights, const char *name, const shunt_tensor_desc *desc, const void *data,
                         int copy);

/* Puts a tensor of any floating-point type as float32: a copy, unless it is of that type and `copy` is 0. */
shunt_status weights_put_f32(shunt_weights *weights, const char *name, const shunt_tensor_view *view, int copy);

/* Puts a tensor whose data is to be computed: *data is room for it. */
shunt_status weights_add(shunt_weights *weights, const char *name, const shunt_tensor_desc *desc, void **data);
/* Puts a float32 tensor whose elements all have one value. It takes addresses, but hardly any memory (constant_run.c). */
shunt_status weights_put_run(shunt_weights *weights, const char *name, const shunt_tensor_desc *desc, float value);
/* constant_run.c: maps at least `bytes` bytes that all repeat `value`, NULL without memory; and how much memory that takes. */
size_t constant_run_piece(size_t bytes);
void *constant_run_map(float value, size_t bytes, size_t *mapped);

/* Maps one more file, or finds it mapped already, under whatever name, for tensors to lie in. It stays as long as the weights do. */
shunt_status weights_map(shunt_weights *weights, const char *path, const file_mapping **out);
/* Moves the files, with their tensors, to `to`, which must have none. */
void weights_move_files(shunt_weights *from, shunt_weights *to);
/* Whether data lies in one of the weights' files, so that its address is valid as long as they live. */
bool weights_maps(const shunt_weights *weights, const void *data);

/* Room for the data of tensors that are computed, in place of a file's: `bytes` zeros that take no memory once they are
 * released, or plain memory where a temporary file cannot be had. For weights without a file. */
shunt_status weights_reserve(shunt_weights *weights, size_t bytes, void **room);
/* Gives the memory of a mapped tensor back until it is read again. Its address stays good. */
void weights_release(const shunt_weights *weights, const shunt_tensor_view *view);

/* Fails for names that cannot be printed in one line or written to a file, or that the file format reserves. */
shunt_status weights_check_name(const char *name);

shunt_status safetensors_write(const char *path, const shunt_weights *weights);

#endif
