/* Fuzz target: the pickle of a PyTorch file, without the file around it. The storages that it speaks of are made, each
 * exactly as large as it says, so that a sanitizer sees every element that is read past one. */
#include "runtime/weights/torch.h"
#include "tests/fuzz/fuzz.h"

enum { MOST_STORAGE = 1 << 16 };

static shunt_status make_storages(torch_file *file)
{
    for (size_t i = 0; i < file->nstorages; i++) {
        torch_storage *storage = &file->storages[i];
        uint64_t bytes = storage->count * storage->type->bytes;
        if (bytes > MOST_STORAGE) return error_fail(SHUNT_E_INVALID, "a storage larger than the target makes");
        storage->data = calloc(1, bytes ? bytes : 1);
        if (!storage->data) abort();
    }
    return SHUNT_OK;
}

int fuzz_input(const uint8_t *data, size_t size)
{
    if (!size) return -1;
    shunt_weights *weights = fuzz_weights_begin(data, size);
    torch_file file = {.path = "file", .weights = weights, .swapped = data[size - 1] & 1};
    shunt_status status = pickle_read("file", 0, data, size, &file.pickle);
    if (!status) status = torch_list_storages(&file);
    if (!status) status = make_storages(&file);
    if (!status) status = torch_read_tensors(&file);
    if (status)
        fuzz_check_message();
    else
        fuzz_read_weights(weights);
    for (size_t i = 0; i < file.nstorages; i++) free((void *)(uintptr_t)file.storages[i].data);
    torch_free(&file);
    fuzz_weights_end(weights);
    return 0;
}
