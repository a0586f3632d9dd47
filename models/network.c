/* network.c - a network out of a file as it is. Its ports are made from what the importer keeps: what the file declares, and
 * what became of it. A weight file has the ports of the network that it is of. */
#include <shunt/network.h>

#include <stdlib.h>
#include <string.h>

#include "models/model.h"
#include "models/source.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"
#include "runtime/graph/graph.h"
#include "runtime/onnx/onnx.h"

struct shunt_network {
    onnx_import file;
    shunt_port *inputs, *outputs;
};

void shunt_network_destroy(shunt_network *network)
{
    if (!network) return;
    onnx_close(&network->file);
    free(network->inputs);
    free(network->outputs);
    free(network);
}

/* ---- What is known of inputs beforehand ------------------------------------------------------------------------- */

typedef struct known_inputs {
    onnx_binding *list;
    size_t count;
    onnx_memory texts;
} known_inputs;

static shunt_status take_texts(known_inputs *self, const char *const *texts, onnx_tensor *tensor)
{
    const uint64_t count = onnx_size(tensor);
    wire_bytes *slices = onnx_alloc(&self->texts, (count + 1) * sizeof *slices);
    if (!slices) return SHUNT_E_MEMORY;
    for (uint64_t i = 0; i < count; i++) {
        if (!texts[i]) return error_null("shunt_import", "one of its texts");
        slices[i] = (wire_bytes){(const uint8_t *)texts[i], strlen(texts[i])};
    }
    tensor->data = (const uint8_t *)slices;
    return SHUNT_OK;
}

static shunt_status take_known(known_inputs *self, const shunt_import_input *input, onnx_binding *to)
{
    uint64_t count;
    onnx_tensor tensor = {.rank = (uint8_t)input->rank, .type = input->type ? onnx_type_find(input->type) : 0};
    if (input->rank > ONNX_MAX_RANK)
        return error_fail(SHUNT_E_INVALID, "rank %u is over %d", input->rank, ONNX_MAX_RANK);
    memcpy(tensor.dims, input->dims, input->rank * sizeof *tensor.dims);
    for (uint32_t i = 0; i < input->rank; i++)
        if (tensor.dims[i] < !input->data) return error_fail(SHUNT_E_INVALID, "dimension %u is not a size", i);
    if (input->data && !tensor.type)
        return error_fail(SHUNT_E_INVALID, "'%.40s' is no type of ONNX's elements", input->type ? input->type : "");
    shunt_status status = onnx_count(&tensor, &count);
    tensor.data = input->data;
    if (!status && input->data && tensor.type == ONNX_STRING) status = take_texts(self, input->data, &tensor);
    *to = (onnx_binding){input->name, tensor};
    return status;
}

static shunt_status take_all_known(known_inputs *self, const shunt_import_options *options)
{
    if (options->ninputs && !options->inputs) return error_null("shunt_import", "options.inputs");
    self->texts = (onnx_memory){.left = UINT64_MAX / 2};
    self->list = calloc(options->ninputs + 1, sizeof *self->list);
    shunt_status status = self->list ? SHUNT_OK : error_memory();
    for (size_t i = 0; !status && i < options->ninputs; i++) {
        if (!options->inputs[i].name) return error_null("shunt_import", "an input's name");
        status = take_known(self, &options->inputs[i], &self->list[self->count++]);
        if (status) return error_context(status, "input '%.100s'", options->inputs[i].name);
    }
    return status;
}

static void free_known(known_inputs *self)
{
    onnx_memory_free(&self->texts);
    free(self->list);
}

static const onnx_binding *find_known(const known_inputs *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++)
        if (!strcmp(self->list[i].name, name)) return &self->list[i];
    return NULL;
}

/* ---- Ports ------------------------------------------------------------------------------------------------------- */

static shunt_port declared_port(const onnx_port *from)
{
    shunt_port to = {.name = from->name,
                     .type = onnx_type_name(from->tensor.type),
                     .rank = from->shaped ? from->tensor.rank : -1,
                     .index = -1};
    memcpy(to.dims, from->tensor.dims, sizeof to.dims);
    memcpy(to.axes, from->axes, sizeof to.axes);
    return to;
}

static void set_shape(shunt_port *port, const onnx_tensor *tensor)
{
    port->shape_rank = tensor->rank;
    memcpy(port->shape, tensor->dims, sizeof port->shape);
}

static void find_input(const shunt_graph *graph, const known_inputs *known, shunt_port *port)
{
    const onnx_binding *binding = find_known(known, port->name);
    if (binding) set_shape(port, &binding->tensor);
    for (uint32_t i = 0; graph && i < graph->ninputs; i++) {
        const graph_value *value = &graph->values[graph->inputs[i]];
        if (strcmp(value->name, port->name) != 0) continue;
        port->index = (int32_t)i;
        port->shape_rank = port->rank == 0 ? 0 : value->desc.rank;
        memcpy(port->shape, value->desc.dims, port->shape_rank * sizeof *port->shape);
    }
}

/* One block: the addresses, then the texts. */
static const void *copy_texts(onnx_memory *memory, const onnx_tensor *tensor)
{
    const uint64_t count = onnx_size(tensor);
    uint64_t bytes = count * sizeof(char *) + 1;
    for (uint64_t i = 0; i < count; i++) bytes += onnx_text(tensor, i).size + 1;
    char **list = onnx_alloc(memory, bytes);
    if (!list) return NULL;
    char *at = (char *)(list + count);
    for (uint64_t i = 0; i < count; i++) {
        const wire_bytes text = onnx_text(tensor, i);
        list[i] = at;
        if (text.size) memcpy(at, text.data, text.size);
        at[text.size] = '\0';
        at += text.size + 1;
    }
    return list;
}

/* What it lies in may be the caller's, or one element that stands for all. */
static const void *copy_constant(onnx_memory *memory, const onnx_tensor *tensor)
{
    if (tensor->type == ONNX_STRING) return copy_texts(memory, tensor);
    const uint64_t count = onnx_size(tensor), each = onnx_type_bytes(tensor->type);
    uint8_t *data = onnx_alloc(memory, count * each + 1);
    if (data && !tensor->splat) memcpy(data, tensor->data, count * each);
    for (uint64_t i = 0; data && tensor->splat && i < count; i++) memcpy(data + i * each, tensor->data, each);
    return data;
}

static shunt_status set_output(shunt_network *self, const onnx_output *output, shunt_port *port)
{
    port->index = output->index;
    port->type = onnx_type_name(output->tensor.type);
    set_shape(port, &output->tensor);
    if (output->index >= 0) return SHUNT_OK;
    port->data = copy_constant(&self->file.memory, &output->tensor);
    return port->data ? SHUNT_OK : SHUNT_E_MEMORY;
}

static shunt_status list_ports(shunt_network *self, const known_inputs *known)
{
    const onnx_import *file = &self->file;
    self->inputs = calloc(file->inputs.count + 1, sizeof *self->inputs);
    self->outputs = calloc(file->declared.count + 1, sizeof *self->outputs);
    if (!self->inputs || !self->outputs) return error_memory();
    for (size_t i = 0; i < file->inputs.count; i++) {
        self->inputs[i] = declared_port(&file->inputs.list[i]);
        find_input(file->graph, known, &self->inputs[i]);
    }
    shunt_status status = SHUNT_OK;
    for (size_t i = 0; !status && i < file->declared.count; i++) {
        self->outputs[i] = declared_port(&file->declared.list[i]);
        if (i < file->noutputs) status = set_output(self, &file->outputs[i], &self->outputs[i]);
    }
    return status;
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

/* *taken: the network is complete, or it failed; else the file is no ONNX. */
static shunt_status import_onnx(shunt_network *self, const model_source *source, const shunt_import_options *options,
                                const known_inputs *known, bool *taken)
{
    shunt_weights *file;
    *taken = false;
    if (source_map(source, &file)) return SHUNT_OK; /* whoever reads it as weights says why */
    *taken = onnx_is(&file->file);
    if (!*taken) {
        shunt_weights_destroy(file);
        return SHUNT_OK;
    }
    const onnx_options wanted = {.height = options->height,
                                 .width = options->width,
                                 .bindings = known->list,
                                 .nbindings = known->count,
                                 .ports = true,
                                 .ports_only = options->ports_only != 0};
    shunt_status status = onnx_import_weights(source->path, file, &wanted, &self->file);
    if (status || !options->ports_only) return status;
    shunt_graph_destroy(self->file.graph);
    shunt_weights_destroy(self->file.weights);
    self->file.graph = NULL;
    self->file.weights = NULL;
    return SHUNT_OK;
}

static shunt_status make_port(onnx_ports *ports, const char *name, const onnx_tensor *tensor, const char *const *axes)
{
    ports->list = calloc(1, sizeof *ports->list);
    if (!ports->list) return error_memory();
    ports->count = 1;
    *ports->list = (onnx_port){.name = strdup(name), .shaped = true, .tensor = *tensor};
    bool all = ports->list->name;
    for (uint32_t i = 0; i < tensor->rank; i++)
        if (axes[i]) all &= (ports->list->axes[i] = strdup(axes[i])) != NULL;
    return all ? SHUNT_OK : error_memory();
}

/* The model's graph and weights, with ports as if a file had declared them. */
static shunt_status import_weights(shunt_network *self, const model_source *source, const shunt_import_options *options)
{
    static const char *const axes[] = {"batch", NULL, "height", "width"};
    shunt_model *model;
    shunt_model_options own = options->model ? *options->model : (shunt_model_options){.size = sizeof own};
    if (options->height) own.height = options->height;
    if (options->width) own.width = options->width;
    shunt_status status = source->path == file_in_memory
                              ? shunt_model_open_bytes(source->bytes, source->size, &own, &model)
                              : shunt_model_open(source->path, &own, &model);
    if (status) return status;
    const int64_t classes = shunt_model_classes(model);
    onnx_import *file = &self->file;
    status = make_port(&file->inputs, "input", &(onnx_tensor){ONNX_FLOAT, 4, .dims = {-1, 3, -1, -1}}, axes);
    if (!status)
        status = make_port(&file->declared, "logits", &(onnx_tensor){ONNX_FLOAT, 2, .dims = {-1, classes}}, axes);
    if (!status && !(file->outputs = calloc(1, sizeof *file->outputs))) status = error_memory();
    if (!status) {
        *file->outputs = (onnx_output){.tensor = {ONNX_FLOAT, 2, .dims = {1, classes}}};
        file->noutputs = 1;
        if (!options->ports_only) status = shunt_graph_copy(shunt_model_graph(model), &file->graph);
        if (!status && !options->ports_only) file->weights = model_give_weights(model);
    }
    shunt_model_destroy(model);
    return status;
}

static shunt_status import_source(const model_source *source, const shunt_import_options *given, shunt_network **out)
{
    shunt_import_options own;
    known_inputs known = {0};
    bool taken = false;
    shunt_status status =
        sized_take(&own, sizeof own, SIZE_THROUGH(shunt_import_options, model), given, "shunt_import_options");
    if (status) return status;
    shunt_network *network = calloc(1, sizeof *network);
    if (!network) return error_memory();
    status = take_all_known(&known, &own);
    if (!status) status = import_onnx(network, source, &own, &known, &taken);
    if (!status && !taken) status = import_weights(network, source, &own);
    if (!status) status = list_ports(network, &known);
    free_known(&known);
    if (status)
        shunt_network_destroy(network);
    else
        *out = network;
    return status;
}

shunt_status shunt_import(const char *path, const shunt_import_options *options, shunt_network **out)
{
    if (!path || !out) return error_null(__func__, "path, out");
    *out = NULL;
    return import_source(&(model_source){.path = path}, options, out);
}

shunt_status shunt_import_bytes(const void *bytes, size_t nbytes, const shunt_import_options *options,
                                shunt_network **out)
{
    if (!bytes || !out) return error_null(__func__, "bytes, out");
    *out = NULL;
    return import_source(&(model_source){file_in_memory, bytes, nbytes}, options, out);
}

const shunt_graph *shunt_network_graph(const shunt_network *network)
{
    return network ? network->file.graph : NULL;
}

const shunt_weights *shunt_network_weights(const shunt_network *network)
{
    return network ? network->file.weights : NULL;
}

const shunt_port *shunt_network_input(const shunt_network *network, size_t index)
{
    return network && index < network->file.inputs.count ? &network->inputs[index] : NULL;
}

const shunt_port *shunt_network_output(const shunt_network *network, size_t index)
{
    return network && index < network->file.declared.count ? &network->outputs[index] : NULL;
}
