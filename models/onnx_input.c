/* onnx_input.c - what pixels an ONNX graph expects: bytes as they are where its input takes whole numbers, and what it
 * normalises itself where its first ops do that. */
#include "models/model.h"
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/weights/weights.h"
#include "runtime/onnx/onnx.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- What the first ops do ------------------------------------------------------------------------------------------- */

/* y = factor * x + shift for each colour. */
typedef struct affine {
    double factor[3], shift[3];
} affine;

/* A parameter's number for each colour, or one for all. */
static bool read_numbers(const onnx_import *file, shunt_value value, double out[3])
{
    const graph_value *parameter = &file->graph->values[value];
    if (parameter->source != VALUE_PARAMETER) return false;
    const shunt_tensor_view *view = shunt_weights_find(file->weights, parameter->name);
    if (!view || view->desc.dtype != SHUNT_F32) return false;
    const uint64_t count = shunt_tensor_count(&view->desc);
    float number, first;
    if (!count) return false;
    memcpy(&first, view->data, sizeof first);
    for (uint64_t i = 0; i < count; i++) {
        memcpy(&number, (const char *)view->data + i * sizeof number, sizeof number);
        if (!isfinite(number) || (count != 3 && number != first)) return false;
        if (count == 3) out[i] = (double)number;
    }
    for (int c = 0; c < 3 && count != 3; c++) out[c] = (double)first;
    return true;
}

static bool take_batch_norm(const onnx_import *file, const graph_op *op, affine *to)
{
    double numbers[5][3];
    for (int i = 1; i < 5; i++)
        if (!read_numbers(file, op->inputs[i], numbers[i])) return false;
    for (int c = 0; c < 3; c++) {
        double factor = numbers[1][c] / sqrt(numbers[4][c] + (double)op->attr.batch_norm.epsilon);
        to->factor[c] *= factor;
        to->shift[c] = (to->shift[c] - numbers[3][c]) * factor + numbers[2][c];
    }
    return true;
}

static bool take_add(const onnx_import *file, const graph_op *op, shunt_value value, affine *to)
{
    double numbers[3];
    if (!read_numbers(file, op->inputs[op->inputs[0] == value], numbers)) return false;
    for (int c = 0; c < 3; c++) to->shift[c] += numbers[c];
    return true;
}

/* The only op that reads the value, or NULL. */
static const graph_op *reader(const shunt_graph *graph, shunt_value value)
{
    const graph_op *found = NULL;
    for (uint32_t i = 0; i < graph->nops; i++)
        for (uint32_t k = 0; k < graph->ops[i].ninputs; k++) {
            if (graph->ops[i].inputs[k] != value) continue;
            if (found) return NULL;
            found = &graph->ops[i];
        }
    return found;
}

static affine first_ops(const onnx_import *file)
{
    affine made = {{1, 1, 1}, {0, 0, 0}};
    shunt_value value = file->graph->inputs[0];
    const graph_op *op;
    while ((op = reader(file->graph, value))) {
        bool goes_on = op->kind == SHUNT_OP_RESHAPE || op->kind == SHUNT_OP_TRANSPOSE ||
                       (op->kind == SHUNT_OP_BATCH_NORM && op->ninputs == 5 && take_batch_norm(file, op, &made)) ||
                       (op->kind == SHUNT_OP_ADD && op->ninputs == 2 && take_add(file, op, value, &made));
        if (!goes_on) break;
        value = op->outputs[0];
    }
    return made;
}

/* ---- What that means --------------------------------------------------------------------------------------------------- */

/* As (x - mean) / std, which is how people know it. */
static bool as_normalisation(const affine *a, double mean[3], double std[3])
{
    for (int c = 0; c < 3; c++) {
        if (!(fabs(a->factor[c]) > 0) || !isfinite(a->factor[c]) || !isfinite(a->shift[c])) return false;
        mean[c] = (0 - a->shift[c]) / a->factor[c]; /* not -0, for people */
        std[c] = 1 / fabs(a->factor[c]);
    }
    return true;
}

/* Whether the numbers are of pixels from 0 to 255, from 0 to 1, or of neither: then it is a batch norm like any other. */
static bool find_range(const double mean[3], const double std[3], shunt_range *out)
{
    bool bytes = false, unit = true;
    for (int c = 0; c < 3; c++) {
        bytes |= mean[c] > 2 || std[c] > 8;
        unit &= mean[c] >= 0.1 && mean[c] <= 0.9 && std[c] >= 0.05 && std[c] <= 1;
    }
    *out = bytes ? SHUNT_RANGE_255 : SHUNT_RANGE_1;
    return bytes || unit;
}

/* ImageNet's means, the other way round. */
static bool is_bgr(const double mean[3], double most)
{
    static const double blue_first[] = {.406, .456, .485};
    bool found = true;
    for (int c = 0; c < 3; c++) found &= fabs(mean[c] / most - blue_first[c]) < 0.01;
    return found;
}

static void note_normalisation(shunt_model *model, const double mean[3], const double std[3])
{
    const bool bytes = model->preprocess.range == SHUNT_RANGE_255;
    snprintf(
        model->input_note, sizeof model->input_note,
        "the graph itself subtracts %.4g,%.4g,%.4g and divides by %.4g,%.4g,%.4g: it is given pixels from 0 to %s%s",
        mean[0], mean[1], mean[2], std[0], std[1], std[2], bytes ? "255" : "1",
        model->preprocess.channels == SHUNT_BGR ? ", blue first" : "");
}

static shunt_status take_whole_numbers(shunt_model *model, const onnx_import *file)
{
    const char *name = file->graph->values[file->graph->inputs[0]].name, *type = onnx_type_name(file->input_type);
    if (file->input_type == ONNX_INT8 || file->input_type == ONNX_BOOL)
        return error_fail(SHUNT_E_UNSUPPORTED, "its input '%.100s' is %s, which pixels from 0 to 255 do not fit into",
                          name, type);
    model->whole_numbers = true;
    snprintf(model->input_note, sizeof model->input_note,
             "the input '%.60s' takes whole numbers (%s): it is given pixels from 0 to 255", name, type);
    return shunt_preprocess_preset("raw", &model->preprocess);
}

shunt_status onnx_choose_preprocess(shunt_model *model, const onnx_import *file)
{
    const affine made = first_ops(file);
    double mean[3], std[3];
    shunt_range range;
    bool whole = !onnx_type_is_float(file->input_type);
    shunt_status status = whole ? take_whole_numbers(model, file) : SHUNT_OK;
    if (status || shunt_weights_metadata(file->weights, "preprocess")) return status;
    if (!as_normalisation(&made, mean, std) || !find_range(mean, std, &range)) return SHUNT_OK;
    if (is_bgr(mean, range == SHUNT_RANGE_255 ? 255 : 1)) model->preprocess.channels = SHUNT_BGR;
    if (whole) return SHUNT_OK;
    const shunt_channels channels = model->preprocess.channels;
    status = shunt_preprocess_preset(range == SHUNT_RANGE_255 ? "raw" : "unit", &model->preprocess);
    model->preprocess.channels = channels;
    note_normalisation(model, mean, std);
    return status;
}
