/* torch_legacy.c - .pth files of PyTorch before 1.6, and akamaster's .th: five pickles (a magic number, a version, what
 * machine wrote it, the object, the storages' keys), then each storage in the order of the keys: a count of elements in 8
 * bytes, and the elements. These are little-endian whatever the machine was, and nothing aligns them. */
#include "runtime/weights/torch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

enum { PROTOCOL = 1001 };

typedef struct cursor {
    torch_file *file;
    uint64_t at; /* in the file */
} cursor;

static shunt_status next_pickle(cursor *self, pickle_tree *out)
{
    const file_mapping *file = &self->file->weights->file;
    shunt_status status = pickle_read(self->file->path, self->at, file->data + self->at, file->size - self->at, out);
    if (!status) self->at += out->size;
    return status;
}

static shunt_status read_magic(cursor *self)
{
    static const uint8_t magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    pickle_tree pickle;
    shunt_status status = next_pickle(self, &pickle);
    if (status) return status;
    const pickle_node *root = &pickle.nodes[pickle.root];
    if (root->kind != PICKLE_LONG || root->text.length != sizeof magic ||
        memcmp(pickle.data + root->text.at, magic, sizeof magic))
        status =
            error_fail(SHUNT_E_UNSUPPORTED, "%s: a Python pickle, but not one that torch.save wrote", self->file->path);
    pickle_free(&pickle);
    return status;
}

static shunt_status read_version(cursor *self)
{
    pickle_tree pickle;
    int64_t version;
    shunt_status status = next_pickle(self, &pickle);
    if (status) return status;
    if (!pickle_integer(&pickle, pickle.root, &version) || version != PROTOCOL)
        status = error_fail(SHUNT_E_UNSUPPORTED, "%s: an unknown version of PyTorch's format; expected %d",
                            self->file->path, PROTOCOL);
    pickle_free(&pickle);
    return status;
}

/* What machine wrote the file does not matter. */
static shunt_status skip_machine(cursor *self)
{
    pickle_tree pickle;
    shunt_status status = next_pickle(self, &pickle);
    if (!status) pickle_free(&pickle);
    return status;
}

static shunt_status place_storage(cursor *self, torch_storage *storage)
{
    const file_mapping *file = &self->file->weights->file;
    uint64_t count = 0, left = file->size - self->at;
    for (unsigned i = 0; i < 8 && i < left; i++) count |= (uint64_t)file->data[self->at + i] << 8 * i;
    if (left < 8 || (left - 8) / storage->type->bytes < count)
        return error_fail(SHUNT_E_INVALID,
                          "%s: storage '%.100s' (byte %" PRIu64
                          ") reaches past the end: the file is cut off or damaged",
                          self->file->path, storage->key, self->at);
    if (count != storage->count)
        return error_fail(SHUNT_E_INVALID,
                          "%s: storage '%.100s' (byte %" PRIu64 ") has %" PRIu64 " elements, expected %" PRIu64,
                          self->file->path, storage->key, self->at, count, storage->count);
    storage->data = file->data + self->at + 8;
    self->at += 8 + count * storage->type->bytes;
    return SHUNT_OK;
}

static shunt_status place_next(cursor *self, const pickle_tree *keys, pickle_ref ref)
{
    char *key = pickle_string(keys, ref);
    torch_storage *storage = key ? torch_find_storage(self->file, key) : NULL;
    shunt_status status;
    if (!storage || storage->data)
        status = error_fail(SHUNT_E_INVALID, "%s: the list of storages (byte %" PRIu64 ") has %s", self->file->path,
                            keys->offset, storage ? "one of them twice" : "one that no tensor uses");
    else
        status = place_storage(self, storage);
    free(key);
    return status;
}

static shunt_status place_storages(cursor *self, const pickle_tree *keys)
{
    const pickle_node *list = &keys->nodes[keys->root];
    if (list->kind != PICKLE_LIST || list->items.count != self->file->nstorages)
        return error_fail(SHUNT_E_INVALID, "%s: byte %" PRIu64 ": expected a list of the keys of %zu storages",
                          self->file->path, keys->offset, self->file->nstorages);
    shunt_status status = SHUNT_OK;
    uint32_t cell = list->items.first;
    for (uint32_t i = 0; i < list->items.count && !status; i++, cell = keys->cells[cell].next)
        status = place_next(self, keys, keys->cells[cell].value);
    if (status || self->at == self->file->weights->file.size) return status;
    return error_fail(SHUNT_E_INVALID, "%s: %" PRIu64 " bytes follow the last storage, expected none", self->file->path,
                      self->file->weights->file.size - self->at);
}

static shunt_status read_storages(cursor *self)
{
    pickle_tree keys;
    shunt_status status = torch_list_storages(self->file);
    if (!status) status = next_pickle(self, &keys);
    if (status) return status;
    status = place_storages(self, &keys);
    pickle_free(&keys);
    return status;
}

static bool is_pickle(const file_mapping *file)
{
    return file->size > 2 && file->data[0] == 0x80 && file->data[1] >= 2 && file->data[1] <= 5;
}

static shunt_status read_file(const char *path, shunt_weights *weights)
{
    torch_file file = {.path = path, .weights = weights};
    cursor self = {.file = &file};
    shunt_status status = read_magic(&self);
    if (!status) status = read_version(&self);
    if (!status) status = skip_machine(&self);
    if (!status) status = next_pickle(&self, &file.pickle);
    if (!status) status = read_storages(&self);
    if (!status) status = torch_read_tensors(&file);
    if (!status) status = weights_set_producer(weights, "PyTorch");
    torch_free(&file);
    return status;
}

const weight_format format_torch_legacy = {"PyTorch (legacy)", is_pickle, read_file};
