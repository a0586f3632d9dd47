/* torch_zip.c - .pth files of PyTorch 1.6 and later: a zip file with FOLDER/data.pkl, a pickle, and FOLDER/data/KEY, the
 * storages, all stored and used where they lie. FOLDER/byteorder says "little" or "big", and may be absent. */
#include "runtime/weights/torch.h"
#include "runtime/weights/zip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

/* Entry FOLDER/name. SHUNT_E_NOT_FOUND without a message if there is none. */
static shunt_status find(zip_index *zip, const char *folder, const char *name, const uint8_t **data, size_t *size)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return error_memory();
    shunt_status status = zip_find(zip, path, data, size);
    free(path);
    return status;
}

static bool is_word(const uint8_t *data, size_t size, const char *word)
{
    return size == strlen(word) && !memcmp(data, word, size);
}

static shunt_status read_byte_order(torch_file *self, zip_index *zip, const char *folder)
{
    const uint8_t *data;
    size_t size;
    shunt_status status = find(zip, folder, "byteorder", &data, &size);
    if (status) return status == SHUNT_E_NOT_FOUND ? SHUNT_OK : status; /* before 2.1 there was none: little */
    self->swapped = is_word(data, size, "big");
    if (self->swapped || is_word(data, size, "little")) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "%s: its entry 'byteorder' says neither little nor big", self->path);
}

static shunt_status read_producer(torch_file *self, zip_index *zip, const char *folder)
{
    const uint8_t *data;
    size_t size;
    char text[40] = "PyTorch";
    shunt_status status = find(zip, folder, "version", &data, &size);
    if (status && status != SHUNT_E_NOT_FOUND) return status;
    size_t digits = 0;
    while (!status && digits < size && digits < 4 && data[digits] >= '0' && data[digits] <= '9') digits++;
    if (digits) snprintf(text, sizeof text, "PyTorch, archive version %.*s", (int)digits, (const char *)data);
    return weights_set_producer(self->weights, text);
}

static shunt_status find_storage(const torch_file *self, zip_index *zip, const char *folder, torch_storage *storage)
{
    char *name;
    size_t size = 0;
    if (asprintf(&name, "data/%s", storage->key) < 0) return error_memory();
    shunt_status status = find(zip, folder, name, &storage->data, &size);
    free(name);
    if (status == SHUNT_E_NOT_FOUND)
        return error_fail(SHUNT_E_INVALID, "%s: the zip file has no entry 'data/%.100s', a storage of its tensors",
                          self->path, storage->key);
    if (status || size / storage->type->bytes >= storage->count) return status;
    return error_fail(
        SHUNT_E_INVALID, "%s: storage '%.100s' has %zu bytes, but its %" PRIu64 " elements of %s need %" PRIu64,
        self->path, storage->key, size, storage->count, storage->type->name, storage->count * storage->type->bytes);
}

static shunt_status read_archive(torch_file *self, zip_index *zip, const char *folder)
{
    const uint8_t *data;
    size_t size;
    shunt_status status = find(zip, folder, "constants.pkl", &data, &size);
    if (status != SHUNT_E_NOT_FOUND)
        return status ? status
                      : error_fail(SHUNT_E_UNSUPPORTED,
                                   "%s: a TorchScript archive; in Python, torch.save its state_dict()", self->path);
    status = read_byte_order(self, zip, folder);
    if (!status) status = read_producer(self, zip, folder);
    if (!status) status = find(zip, folder, "data.pkl", &data, &size);
    if (!status)
        status = pickle_read(self->path, (uint64_t)(data - self->weights->file.data), data, size, &self->pickle);
    if (!status) status = torch_list_storages(self);
    for (size_t i = 0; !status && i < self->nstorages; i++)
        status = find_storage(self, zip, folder, &self->storages[i]);
    return status ? status : torch_read_tensors(self);
}

/* What else is kept in zip files. */
static shunt_status fail_foreign(const char *path, zip_index *zip)
{
    const uint8_t *data;
    size_t size;
    if (!zip_find(zip, "model.weights.h5", &data, &size) || !zip_find(zip, "config.json", &data, &size))
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "%s: looks like a Keras file; not supported: export the network as ONNX with tf2onnx", path);
    return error_fail(
        SHUNT_E_UNSUPPORTED,
        "%s: a zip file, but not PyTorch's: expected one entry FOLDER/data.pkl; if it holds weights or NumPy's "
        "arrays (.npz), unpack it and save them as safetensors",
        path);
}

static bool is_zip(const file_mapping *file)
{
    return file->size >= 4 && !memcmp(file->data, "PK\3\4", 4);
}

static shunt_status read_file(const char *path, shunt_weights *weights)
{
    torch_file self = {.path = path, .weights = weights};
    zip_index *zip;
    shunt_status status = zip_open(path, &weights->file, &zip);
    if (status) return status;
    char *folder = zip_folder_of(zip, "data.pkl");
    status = folder ? read_archive(&self, zip, folder) : fail_foreign(path, zip);
    free(folder);
    torch_free(&self);
    zip_close(zip);
    return status;
}

const weight_format format_torch_zip = {"PyTorch (zip)", is_zip, read_file};
