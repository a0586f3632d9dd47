/* ports.c - the inputs and outputs of the file's graph, as it declares them: what there is to be listed of a network, and
 * which of their dimensions may change from run to run. */
#include "runtime/onnx/importer.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

enum { MOST_PORTS = 1 << 12 };

/* Names of dimensions that could not be printed are left out: they say nothing that matters. */
static shunt_status name_axes(const onnx_declaration *declared, onnx_port *port)
{
    char name[ONNX_MOST_NAME + 1];
    for (uint32_t i = 0; i < port->tensor.rank; i++) {
        if (port->tensor.dims[i] >= 0 || !declared->axes[i].size) continue;
        if (onnx_read_name(declared->axes[i], "a dimension's name", name)) continue;
        if (!(port->axes[i] = strdup(name))) return error_memory();
    }
    return SHUNT_OK;
}

static shunt_status add_port(importer *in, onnx_ports *to, const char *name, wire_bytes type)
{
    onnx_declaration declared;
    if (to->count == MOST_PORTS) return error_fail(SHUNT_E_UNSUPPORTED, "there are more than %d of them", MOST_PORTS);
    shunt_status status = onnx_read_type(in, type, &declared);
    if (!status) status = onnx_charge(&in->memory, sizeof(onnx_port) + strlen(name) + type.size);
    if (status) return status;
    onnx_port *grown = reallocarray(to->list, to->count + 1, sizeof *grown);
    if (!grown) return error_memory();
    to->list = grown;
    onnx_port *port = &grown[to->count];
    *port = (onnx_port){.name = strdup(name), .shaped = declared.shaped, .tensor = declared.tensor};
    if (!port->name) return error_memory();
    to->count++;
    return name_axes(&declared, port);
}

shunt_status onnx_read_ports(importer *in, onnx_import *to)
{
    wire reader = wire_open(in->message, in->file);
    wire_field field;
    wire_bytes text, type;
    char name[ONNX_MOST_NAME + 1];
    while (wire_next(&reader, &field)) {
        const bool is_input = field.number == ONNX_GRAPH_INPUT;
        if ((!is_input && field.number != ONNX_GRAPH_OUTPUT) || field.type != WIRE_BYTES) continue;
        shunt_status status = onnx_read_info(in, field.bytes, &text, &type, name);
        if (status) return status;
        if (is_input && onnx_find_value(in, name) != ONNX_NONE) continue; /* an initializer, in files of old */
        status = add_port(in, is_input ? &to->inputs : &to->declared, name, type);
        if (status) return error_context(status, "%s '%.100s'", is_input ? "input" : "output", name);
    }
    return reader.status;
}

void onnx_ports_free(onnx_ports *ports)
{
    for (size_t i = 0; i < ports->count; i++) {
        free(ports->list[i].name);
        for (uint32_t k = 0; k < ONNX_MAX_RANK; k++) free(ports->list[i].axes[k]);
    }
    free(ports->list);
    *ports = (onnx_ports){0};
}
