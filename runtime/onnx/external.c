/* external.c - data that a model keeps in files beside it. Only files within the model's own folder are opened, links
 * that lead out of it are not followed: a model from a stranger is not to name what it likes. */
#include "runtime/onnx/tensor.h"

#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/shared/os.h"
#include "runtime/weights/weights.h"

enum { MOST_LOCATION = 1024 };

/* Whether a path from the file stays below its start as it is written. */
static bool stays_inside(const char *path)
{
    if (os_is_absolute(path) || !*path) return false;
    for (const char *part = path; *part; part += strspn(part, os_slashes)) {
        size_t length = strcspn(part, os_slashes);
        if (length == 2 && part[0] == '.' && part[1] == '.') return false;
        part += length;
    }
    return true;
}

/* The real paths of the model's folder and of the file in it. Both are to be freed, whatever is returned. */
static shunt_status find(const char *model, const char *location, char **folder, char **path)
{
    char *copy = strdup(model), *joined = NULL;
    shunt_status status = SHUNT_OK;
    if (!copy) return error_memory();
    *folder = os_real_path(dirname(copy));
    free(copy);
    if (*folder && asprintf(&joined, "%s/%s", *folder, location) < 0) return error_memory();
    if (joined) *path = os_real_path(joined);
    if (!*path)
        status = error_fail(SHUNT_E_NOT_FOUND, "its data is in the file '%s' beside the model, which does not exist",
                            location);
    free(joined);
    return status;
}

static bool within(const char *folder, const char *path)
{
    size_t length = strlen(folder);
    if (length == 1) return true; /* "/" */
    return !strncmp(folder, path, length) && path[length] == '/';
}

shunt_status onnx_external(const onnx_folder *folder, wire_bytes location, uint64_t offset, uint64_t length,
                           onnx_memory *memory, wire_bytes *out)
{
    char text[MOST_LOCATION + 1], *root = NULL, *path = NULL;
    const file_mapping *file;
    if (!folder || !folder->model)
        return error_fail(SHUNT_E_UNSUPPORTED, "its data is in another file, which cannot be here");
    if (location.size > MOST_LOCATION || memchr(location.data ? location.data : (const uint8_t *)"", 0, location.size))
        return error_fail(SHUNT_E_INVALID, "the path of its external data is longer than %d bytes or has a zero byte",
                          MOST_LOCATION);
    snprintf(text, sizeof text, "%.*s", (int)location.size, location.size ? (const char *)location.data : "");
    shunt_status status = weights_check_name(text);
    if (status) return error_context(status, "the path of its external data");
    if (!stays_inside(text))
        return error_fail(SHUNT_E_INVALID, "its external data '%s' would lie outside the model's folder; refused",
                          text);
    status = find(folder->model, text, &root, &path);
    if (!status && !within(root, path))
        status = error_fail(
            SHUNT_E_INVALID,
            "its external data '%s' is a link that leads out of the model's folder; put the file itself there", text);
    const size_t mapped = status ? 0 : folder->weights->nbeside;
    if (!status) status = weights_map(folder->weights, path, &file);
    if (!status && folder->weights->nbeside > mapped) onnx_allow(memory, file->size);
    if (!status && (offset > file->size || length > file->size - offset))
        status = error_fail(SHUNT_E_INVALID,
                            "its external data are bytes %" PRIu64 " to %" PRIu64 " of '%s', which has only %zu",
                            offset, offset + length, text, file->size);
    if (!status) *out = (wire_bytes){file->data + offset, length ? (size_t)length : file->size - (size_t)offset};
    free(root);
    free(path);
    return status;
}
