/* onnx.c - a model whose graph comes out of an ONNX file, as it is; what Shunt asks is that it takes pictures and gives one
 * score a class. */
#include "models/model.h"
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/onnx/onnx.h"

#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "net" of "folder/net.onnx" */
static shunt_status set_name(const char *path, net_spec *net)
{
    if (path == file_in_memory) path = "network";
    char *copy = strdup(path);
    if (!copy) return error_memory();
    snprintf(net->name, sizeof net->name, "%s", basename(copy));
    char *suffix = strrchr(net->name, '.');
    if (suffix && suffix != net->name) *suffix = '\0';
    free(copy);
    return SHUNT_OK;
}

static shunt_status check(const onnx_import *file, net_spec *net)
{
    const shunt_graph *graph = file->graph;
    const onnx_tensor *scores = &file->outputs[0].tensor;
    if (graph->ninputs != 1)
        return error_fail(SHUNT_E_UNSUPPORTED, "the network has %u inputs, not one picture", graph->ninputs);
    const shunt_tensor_desc *src = &graph->values[graph->inputs[0]].desc;
    if (src->rank != 4 || (src->dims[1] != 3 && src->dims[1] != 1))
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "its input '%.100s' is not a picture (N x C x H x W or N x H x W x C, of 3 channels or 1)",
                          graph->values[graph->inputs[0]].name);
    if (file->outputs[0].index < 0 || scores->rank != 2 || scores->dims[0] != src->dims[0])
        return error_fail(SHUNT_E_UNSUPPORTED, "its output '%.100s' is not one score a class (N x classes)",
                          file->outputs[0].name);
    net->height = src->dims[2];
    net->width = src->dims[3];
    net->classes = scores->dims[1];
    return SHUNT_OK;
}

/* Pictures are squares, whatever shape the file says. */
static void note_shape(shunt_model *model)
{
    char *note = model->input_note;
    const size_t length = strlen(note);
    if (model->net.height == model->net.width) return;
    snprintf(note + length, sizeof model->input_note - length,
             "%sthe file is for pictures of %lldx%lld: they are cut to squares of %lld", length ? "; " : "",
             (long long)model->net.height, (long long)model->net.width, (long long)model->preprocess.crop);
}

/* A file does not say how gray pictures were normalised. So they are not normalised, unless its metadata or first ops say so. They
 * are resized straight to the input's size, without a crop: digits and scans need none. */
static shunt_status choose_preprocess(shunt_model *model, const onnx_import *file)
{
    const shunt_graph *graph = file->graph;
    model->gray = graph->values[graph->inputs[0]].desc.dims[1] == 1;
    shunt_status status = model_usual_preprocess(&model->net, &model->preprocess);
    if (!status && model->gray) {
        status = shunt_preprocess_preset("unit", &model->preprocess);
        model->preprocess.resize = model->preprocess.crop;
        snprintf(
            model->input_note, sizeof model->input_note,
            "the input has one channel: it is given gray pixels from 0 to 1, not normalised (--mean and --std do)");
    }
    if (!status) status = onnx_choose_preprocess(model, file);
    if (!status) model_usual_head(model, file->outputs[0].sigmoid);
    if (!status) status = metadata_read(model, file->weights, &model->labels, &model->preprocess);
    if (model->gray) model->preprocess.channels = SHUNT_GRAY;
    if (!status) note_shape(model);
    return status;
}

shunt_status onnx_model_open(const char *path, shunt_weights *weights, const shunt_model_options *options,
                             shunt_model **out)
{
    onnx_import file;
    onnx_options wanted = {.classify = true, .height = options->height, .width = options->width};
    shunt_status status = onnx_import_weights(path, weights, &wanted, &file);
    shunt_model *model = status ? NULL : model_new();
    if (!status && !model) status = error_memory();
    if (status) {
        onnx_close(&file);
        return status;
    }
    status = set_name(path, &model->net);
    if (!status) status = check(&file, &model->net);
    if (!status) status = choose_preprocess(model, &file);
    if (status) {
        error_context(status, "%s", path);
    } else {
        model->graph = file.graph;
        model->weights = file.weights;
        file.graph = NULL;
        file.weights = NULL;
    }
    onnx_close(&file);
    if (status)
        shunt_model_destroy(model);
    else
        *out = model;
    return status;
}
