/* weight_files.c - opens a weight file of any format: those of runtime/weights, the weights of an ONNX file, and a folder. */
#include <stdlib.h>
#include <sys/stat.h>

#include "models/folder.h"
#include "runtime/base/error.h"
#include "runtime/onnx/onnx.h"

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

shunt_status shunt_weights_open(const char *path, shunt_weights **out)
{
    if (!path || !out) return error_null(__func__, "path, out");
    struct stat info;
    *out = NULL;
    if (!stat(path, &info) && S_ISDIR(info.st_mode)) return open_folder(path, out);
    return weights_open(path, &format_onnx, out);
}
