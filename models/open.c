/* open.c - a model out of one file, whatever it holds: a network of its own, or weights that say, or whose tensors show, of which
 * network they are. */
#include "models/fitting.h"
#include "models/model.h"
#include "models/source.h"
#include "runtime/base/error.h"
#include "runtime/onnx/onnx.h"

#include <stdio.h>
#include <string.h>

/* Takes an ONNX file; *taken false: it is not one. A folder cannot be mapped, so it is not one. */
static shunt_status open_onnx(const model_source *source, const shunt_model_options *options, shunt_model **out,
                              bool *taken)
{
    shunt_weights *file;
    *taken = false;
    if (source_map(source, &file)) return SHUNT_OK; /* whoever reads it as weights says why */
    *taken = onnx_is(&file->file);
    if (*taken) return onnx_model_open(source->path, file, options, out);
    shunt_weights_destroy(file);
    return SHUNT_OK;
}

/* Before what the same tensors may be besides. */
static void note_inference(shunt_model *model, const char *note)
{
    char rest[sizeof model->assumption];
    snprintf(rest, sizeof rest, "%s", model->assumption);
    snprintf(model->assumption, sizeof model->assumption, "%s%s%.300s", note, *rest ? "; " : "", rest);
}

static shunt_status open_weights(const model_source *source, const shunt_model_options *given, shunt_model **out)
{
    char name[METADATA_NAME], note[160] = "";
    shunt_model_options options = *given;
    shunt_model *model = NULL;
    shunt_weights *file;
    shunt_status status = source_weights(source, &file);
    if (status) return status;
    metadata_network(file, &options, name);
    if (!*name && !options.name && (status = fitting_infer(file, &options, name, note, sizeof note)))
        status = error_context(status, "%s", source->path);
    if (!status) status = shunt_model_create(options.name ? options.name : name, &options, &model);
    if (!status) status = model_load_weights(model, source->path, file, MATCH_ALL);
    if (!status && *note) note_inference(model, note);
    shunt_weights_destroy(file);
    if (status)
        shunt_model_destroy(model);
    else
        *out = model;
    return status;
}

static shunt_status open_source(const model_source *source, const shunt_model_options *options, shunt_model **out)
{
    shunt_model_options own;
    bool taken = false;
    shunt_status status = model_options_take(&own, options);
    if (!status && !own.name) status = open_onnx(source, &own, out, &taken);
    return status || taken ? status : open_weights(source, &own, out);
}

shunt_status shunt_model_open(const char *path, const shunt_model_options *options, shunt_model **out)
{
    if (!path || !out) return error_null(__func__, "path, out");
    *out = NULL;
    return open_source(&(model_source){.path = path}, options, out);
}

shunt_status shunt_model_open_bytes(const void *bytes, size_t nbytes, const shunt_model_options *options,
                                    shunt_model **out)
{
    if (!bytes || !out) return error_null(__func__, "bytes, out");
    *out = NULL;
    return open_source(&(model_source){file_in_memory, bytes, nbytes}, options, out);
}
