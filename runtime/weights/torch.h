/* torch.h - what PyTorch's two file formats share: a pickle that refers to storages, and storages of raw numbers. */
#ifndef SHUNT_RUNTIME_TORCH_H
#define SHUNT_RUNTIME_TORCH_H

#include "runtime/pickle/pickle.h"
#include "runtime/weights/weights.h"

/* An element type by the name of its storage class; dtype 0: only its size is known. */
typedef struct torch_type {
    const char *name; /* "FloatStorage" */
    uint8_t bytes, dtype;
} torch_type;

typedef struct torch_storage {
    char *key;
    const torch_type *type;
    uint64_t count;      /* elements */
    const uint8_t *data; /* in the mapping; whoever finds them has checked that there are `count` elements */
} torch_storage;

typedef struct torch_file {
    const char *path;
    shunt_weights *weights;
    pickle_tree pickle;
    torch_storage *storages; /* by key */
    size_t nstorages, room;
    bool swapped; /* the storages are big-endian */
    uint64_t copied;
} torch_file;

/* Lists the storages that the pickle speaks of, without their data. */
shunt_status torch_list_storages(torch_file *self);
torch_storage *torch_find_storage(const torch_file *self, const char *key);
/* Fills the weights, once the storages have their data. */
shunt_status torch_read_tensors(torch_file *self);
/* Whether the value is a tensor, of whatever kind. */
bool torch_is_tensor(const pickle_tree *pickle, pickle_ref ref);
/* state_dict.c: the dictionary of the network's tensors, in or of a pickle that is a dictionary. The path is for messages. */
bool torch_find_state_dict(const pickle_tree *pickle, const char *path, pickle_ref *dict);
/* Frees all but the weights. */
void torch_free(torch_file *self);

#endif
