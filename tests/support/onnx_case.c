/* onnx_case.c - see onnx_case.h. Inputs are given when the network runs, if float32 holds them and the importer does not
 * need them sooner; else they are bound as constants: first those, then all but the first one, then all. */
#include "tests/support/onnx_case.h"

#include "runtime/onnx/onnx.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 16 };

typedef struct tensor_file {
    file_mapping file;
    onnx_tensor tensor;
} tensor_file;

typedef struct run {
    const char *folder;
    char names[MOST][256];
    tensor_file inputs[MOST], outputs[MOST];
    uint8_t input_types[MOST], output_types[MOST];
    size_t declared, ninputs, noutputs;
    onnx_memory memory;
    double rounded;
    char *note;
    size_t size;
} run;

static bool say(run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool say(run *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->note, r->size, format, args);
    va_end(args);
    return false;
}

static wire_bytes part_of(wire_bytes message, const uint8_t *file, uint32_t number)
{
    wire reader = wire_open(message, file);
    wire_field field;
    wire_bytes found = {0};
    while (wire_next(&reader, &field))
        if (field.number == number && field.type == WIRE_BYTES) found = field.bytes;
    return found;
}

/* The type of the elements that a ValueInfoProto declares; 0: not a tensor. */
static uint8_t declared_type(wire_bytes info, const uint8_t *file)
{
    wire reader = wire_open(part_of(part_of(info, file, 2), file, 1), file);
    wire_field field;
    while (wire_next(&reader, &field))
        if (field.number == 1) return (uint8_t)field.value;
    return 0;
}

static bool is_initializer(wire_bytes graph, const uint8_t *file, wire_bytes name)
{
    wire reader = wire_open(graph, file);
    wire_field field;
    while (wire_next(&reader, &field)) {
        if (field.number != 5) continue;
        wire_bytes other = part_of(field.bytes, file, 8);
        if (other.size == name.size && !memcmp(other.data, name.data, name.size)) return true;
    }
    return false;
}

/* What the graph declares: its inputs that are no initializers, and its outputs, in order. */
static bool read_declarations(run *r, const char *path)
{
    file_mapping file;
    wire_field field;
    size_t noutputs = 0;
    if (file_map(path, 0, &file)) return false;
    wire_bytes graph = part_of((wire_bytes){file.data, file.size}, file.data, 7);
    wire reader = wire_open(graph, file.data);
    while (wire_next(&reader, &field)) {
        if (field.number != 11 && field.number != 12) continue;
        wire_bytes name = part_of(field.bytes, file.data, 1);
        uint8_t type = declared_type(field.bytes, file.data);
        if (field.number == 12 && noutputs < MOST) r->output_types[noutputs++] = type;
        if (field.number == 12 || is_initializer(graph, file.data, name) || r->declared == MOST) continue;
        r->input_types[r->declared] = type;
        snprintf(r->names[r->declared++], sizeof r->names[0], "%.*s", (int)name.size, (const char *)name.data);
    }
    file_unmap(&file);
    return true;
}

/* NumPy has no bfloat16: the files hold its bits as 16-bit integers. */
static size_t read_tensors(run *r, int set, const char *kind, const uint8_t *types, tensor_file *out)
{
    size_t count = 0;
    for (; count < MOST; count++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/test_data_set_%d/%s_%zu.pb", r->folder, set, kind, count);
        tensor_file *one = &out[count];
        if (file_map(path, 0, &one->file)) break;
        if (onnx_tensor_read((wire_bytes){one->file.data, one->file.size}, one->file.data, NULL, &r->memory,
                             &one->tensor, NULL))
            one->tensor = (onnx_tensor){0}; /* not a tensor */
        if (types[count] == ONNX_BFLOAT16) one->tensor.type = ONNX_BFLOAT16;
    }
    return count;
}

/* Types that the graph computes with as they are. */
static bool runs(uint8_t type)
{
    return type == ONNX_FLOAT || onnx_type_is_small(type);
}

/* Binds inputs from `first` on, and those that are not numbers that the graph takes. */
static bool open_model(run *r, size_t first, onnx_import *model, bool *bound)
{
    onnx_binding bindings[MOST];
    char path[4096];
    snprintf(path, sizeof path, "%s/model.onnx", r->folder);
    onnx_options options = {.bindings = bindings};
    for (size_t i = 0; i < r->ninputs; i++) {
        const onnx_tensor *tensor = &r->inputs[i].tensor;
        bound[i] = tensor->data && (i >= first || !runs(tensor->type));
        if (bound[i]) bindings[options.nbindings++] = (onnx_binding){r->names[i], *tensor};
    }
    return !onnx_open(path, &options, model);
}

static float *floats(const onnx_tensor *tensor)
{
    float *data = malloc(onnx_size(tensor) * sizeof *data + 1);
    if (data) onnx_floats(tensor, data);
    return data;
}

static bool compare_texts(run *r, const char *name, const onnx_tensor *expected, const onnx_tensor *got)
{
    for (uint64_t i = 0; i < onnx_size(expected); i++) {
        wire_bytes wanted = onnx_text(expected, i), is = onnx_text(got, i);
        if (is.size != wanted.size || (is.size && memcmp(is.data, wanted.data, is.size)))
            return say(r, "output %s is %.*s, not %.*s", name, (int)is.size, (const char *)is.data, (int)wanted.size,
                       (const char *)wanted.data);
    }
    return true;
}

static bool compare(run *r, const char *name, const onnx_tensor *expected, const onnx_tensor *shape, const float *got)
{
    if (shape->type != expected->type) return say(r, "output %s has another type", name);
    if (shape->rank != expected->rank || memcmp(shape->dims, expected->dims, shape->rank * sizeof *shape->dims))
        return say(r, "output %s has another shape", name);
    if (shape->type == ONNX_STRING) return compare_texts(r, name, expected, shape);
    double most = 0.2; /* rounding errors are those of the largest numbers in a sum */
    for (uint64_t i = 0; i < onnx_size(expected); i++)
        if (isfinite(onnx_number(expected, i))) most = fmax(most, fabs(onnx_number(expected, i)));
    for (uint64_t i = 0; i < onnx_size(expected); i++) {
        double wanted = onnx_number(expected, i), is = got ? (double)got[i] : onnx_number(shape, i);
        /* What the importer computes is exact; but the files have bfloat16 cut off where Shunt rounds to nearest. */
        double tolerance = got ? 1e-5 * most + r->rounded : shape->type == ONNX_BFLOAT16 ? 0x1p-7 * fabs(wanted) : 0;
        if (!(fabs(is - wanted) <= tolerance) && !(isnan(is) && isnan(wanted)) && is != wanted)
            return say(r, "output %s is %.9g, not %.9g, of at most %.4g", name, is, wanted, most);
    }
    return true;
}

/* Runs the graph: one buffer an output, to be freed by the caller. */
static bool run_graph(run *r, shunt_device *device, const onnx_import *model, const bool *bound, float **results)
{
    shunt_executor *executor = NULL;
    shunt_tensor inputs[MOST] = {0}, outputs[MOST] = {0};
    shunt_tensor_desc descs[MOST];
    size_t n = 0, m = 0;
    for (size_t i = 0; i < r->ninputs; i++) {
        if (bound[i]) continue;
        const onnx_tensor *tensor = &r->inputs[i].tensor;
        inputs[n].desc =
            (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = tensor->rank ? tensor->rank : 1, .block = 1, .dims = {1}};
        for (uint32_t k = 0; k < tensor->rank; k++) inputs[n].desc.dims[k] = tensor->dims[k];
        inputs[n].data = floats(tensor);
        descs[n] = inputs[n].desc;
        n++;
    }
    bool ok = !shunt_executor_create(model->graph, model->weights, device, &executor);
    for (size_t i = 0; ok && i < model->noutputs; i++) {
        if (model->outputs[i].index < 0) continue;
        ok = !shunt_executor_output(executor, descs, n, m, &outputs[m].desc);
        if (ok) results[i] = outputs[m].data = malloc(shunt_tensor_bytes(&outputs[m].desc));
        m++;
    }
    if (ok) ok = !shunt_executor_run(executor, inputs, n, outputs, m);
    if (!ok) say(r, "running: %.200s", shunt_last_error());
    shunt_executor_destroy(executor);
    for (size_t i = 0; i < n; i++) free(inputs[i].data);
    return ok;
}

static bool run_set(run *r, shunt_device *device)
{
    onnx_import model;
    bool bound[MOST] = {false}, ok = false, computes = false;
    int attempt = 0;
    for (size_t i = 0; i < r->noutputs; i++)
        if (!runs(r->output_types[i])) attempt = 2; /* the result is to be of another type, to its last bit */
    for (; attempt < 3 && !ok; attempt++)
        ok = open_model(r, attempt == 0 ? r->ninputs : attempt == 1 ? 1 : 0, &model, bound);
    if (!ok) return say(r, "%.300s", shunt_last_error());
    float *results[MOST] = {NULL};
    if (model.noutputs != r->noutputs) ok = say(r, "there are more or fewer outputs than %s", "expected");
    for (size_t i = 0; i < model.noutputs; i++) computes |= model.outputs[i].index >= 0;
    if (ok && computes) ok = run_graph(r, device, &model, bound, results);
    for (size_t i = 0; ok && i < r->noutputs; i++)
        ok = compare(r, model.outputs[i].name, &r->outputs[i].tensor, &model.outputs[i].tensor, results[i]);
    for (size_t i = 0; i < MOST; i++) free(results[i]);
    for (size_t i = 0, used = 0; ok && i < r->ninputs; i++)
        if (bound[i]) used += (size_t)snprintf(r->note + used, r->size - used, "%s%s", used ? ", " : "", r->names[i]);
    onnx_close(&model);
    return ok;
}

bool onnx_case_run(shunt_device *device, const char *folder, double rounded, char *note, size_t size)
{
    run r = {.folder = folder, .rounded = rounded, .note = note, .size = size};
    char path[4096];
    bool ok = true;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    *note = '\0';
    if (!read_declarations(&r, path)) return say(&r, "%s cannot be read", path);
    for (int set = 0; ok && set < 10; set++) {
        r.memory = (onnx_memory){.left = UINT64_MAX / 2};
        r.ninputs = read_tensors(&r, set, "input", r.input_types, r.inputs);
        r.noutputs = read_tensors(&r, set, "output", r.output_types, r.outputs);
        if (set && !r.noutputs) break;
        if (r.ninputs > r.declared) r.ninputs = r.declared;
        ok = run_set(&r, device);
        for (size_t i = 0; i < MOST; i++) {
            file_unmap(&r.inputs[i].file);
            file_unmap(&r.outputs[i].file);
        }
        onnx_memory_free(&r.memory);
    }
    return ok;
}
