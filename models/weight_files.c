/* weight_files.c - opens a weight file of any format: those of runtime/weights, the weights of an ONNX file, and a folder. */
#include <stdlib.h>

#include "models/folder.h"
#include "models/source.h"
#include "runtime/base/error.h"
#include "runtime/onnx/onnx.h"
#include "runtime/shared/os.h"

static shunt_status open_folder(const char *folder, shunt_weights **out)
{
    char *path = folder_weights_path(folder);
    if (!path) return SHUNT_E_NOT_FOUND;
    shunt_status status = weights_open(path, NULL, out);
    if (!status && (status = folder_describe(folder, *out))) {
        shunt_weights_destroy(*out);
        *out = NULL;
    }
    free(path);
    return status;
}

shunt_status source_map(const model_source *source, shunt_weights **out)
{
    *out = NULL;
    shunt_weights *weights;
    shunt_status status = shunt_weights_create(&weights);
    if (status) return status;
    weights->in_memory = source->path == file_in_memory;
    status = weights->in_memory ? file_copy(source->bytes, source->size, &weights->file)
                                : file_map(source->path, 0, &weights->file);
    if (status)
        shunt_weights_destroy(weights);
    else
        *out = weights;
    return status;
}

shunt_status source_weights(const model_source *source, shunt_weights **out)
{
    struct stat info;
    if (source->path != file_in_memory && !os_stat(source->path, &info) && S_ISDIR(info.st_mode))
        return open_folder(source->path, out);
    shunt_status status = source_map(source, out);
    if (status) return status;
    status = weights_parse(source->path, &format_onnx, *out);
    if (!status) return SHUNT_OK;
    shunt_weights_destroy(*out);
    *out = NULL;
    return status;
}

shunt_status shunt_weights_open(const char *path, shunt_weights **out)
{
    if (!path || !out) return error_null(__func__, "path, out");
    *out = NULL;
    return source_weights(&(model_source){.path = path}, out);
}

shunt_status shunt_weights_open_bytes(const void *bytes, size_t nbytes, shunt_weights **out)
{
    if (!bytes || !out) return error_null(__func__, "bytes, out");
    *out = NULL;
    return source_weights(&(model_source){file_in_memory, bytes, nbytes}, out);
}
