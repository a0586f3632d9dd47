/* network.c - the records of whole networks:
 *
 *   "network 8x3x32x32 > 8x10 HASH on MACHINE": {
 *     "precision": "bf16", "f32": { "microseconds": T },
 *     "f16": { "microseconds": T, "speedup": S, "error": E, "refused": "0.97 times as fast as f32" }, "bf16": { ... } }
 *
 * HASH is of the graph: its ops, their shapes and attributes, and who reads what. Names and weights do not count. */
#include "runtime/device/precision.h"
#include "runtime/shared/sha256.h"
#include "runtime/shared/text.h"
#include "runtime/tune/database.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const uint8_t narrow[TUNE_TYPES] = {SHUNT_F16, SHUNT_BF16};

/* ---- The key ------------------------------------------------------------------------------------------------------- */

static void hash_graph(const shunt_graph *graph, char digits[65])
{
    char text[TUNE_KEY_CHARS];
    sha256 hash;
    sha256_begin(&hash);
    for (uint32_t o = 0; o < graph->nops; o++) {
        const graph_op *op = &graph->ops[o];
        shunt_op_desc desc;
        graph_op_desc(graph, op, &desc);
        tune_op_key(&desc, text);
        sha256_add(&hash, text, strlen(text) + 1);
        sha256_add(&hash, op->inputs, op->ninputs * sizeof *op->inputs);
        sha256_add(&hash, op->outputs, op->noutputs * sizeof *op->outputs);
    }
    for (uint32_t i = 0; i < graph->noutputs; i++)
        sha256_add(&hash, &graph->outputs[i].value, sizeof graph->outputs[i].value);
    sha256_end(&hash, digits);
}

static size_t put_shape(const shunt_graph *graph, shunt_value value, char *text, size_t used)
{
    const shunt_tensor_desc *desc = &graph->values[value].desc;
    for (uint32_t i = 0; i < desc->rank && used < TUNE_KEY_CHARS; i++)
        used += (size_t)snprintf(text + used, TUNE_KEY_CHARS - used, "%c%lld", i ? 'x' : ' ', (long long)desc->dims[i]);
    return used;
}

/* Of a network with very many inputs and outputs the end is cut off; the hash stands before them. */
static void network_key(const shunt_graph *graph, char text[TUNE_KEY_CHARS])
{
    char digits[65], machine[TUNE_MACHINE_CHARS];
    hash_graph(graph, digits);
    size_t used = (size_t)snprintf(text, TUNE_KEY_CHARS, "network %.16s on %s:", digits, tune_machine(machine));
    for (uint32_t i = 0; i < graph->ninputs; i++) used = put_shape(graph, graph->inputs[i], text, used);
    if (used < TUNE_KEY_CHARS) used += (size_t)snprintf(text + used, TUNE_KEY_CHARS - used, " >");
    for (uint32_t i = 0; i < graph->noutputs; i++) used = put_shape(graph, graph->outputs[i].value, text, used);
}

/* ---- Reading --------------------------------------------------------------------------------------------------------- */

/* What is no number, or none that a measurement gives, counts as 0. */
static double number_of(const json_t *object, const char *key)
{
    const double value = json_number_value(json_object_get(object, key));
    return isfinite(value) && value > 0 ? value : 0;
}

static tune_type read_type(uint8_t dtype, const json_t *object)
{
    tune_type type = {.dtype = dtype,
                      .microseconds = number_of(object, "microseconds"),
                      .speedup = number_of(object, "speedup"),
                      .error = number_of(object, "error")};
    const char *refused = json_string_value(json_object_get(object, "refused"));
    snprintf(type.refused, sizeof type.refused, "%s", refused ? refused : "");
    text_make_printable(type.refused);
    return type;
}

static bool read_network(const json_t *entry, tune_network *out)
{
    const char *taken = json_string_value(json_object_get(entry, "precision"));
    *out =
        (tune_network){.microseconds = number_of(json_object_get(entry, shunt_dtype_name(SHUNT_F32)), "microseconds")};
    for (int i = 0; i < TUNE_TYPES; i++) {
        const json_t *type = json_object_get(entry, shunt_dtype_name(narrow[i]));
        if (type) out->types[out->ntypes++] = read_type(narrow[i], type);
    }
    if (!taken || !precision_type(taken, &out->taken)) return false;
    bool has = out->taken == SHUNT_F32;
    for (uint32_t i = 0; i < out->ntypes; i++) has |= out->types[i].dtype == out->taken;
    return has;
}

bool tune_find_network(const shunt_device *device, const shunt_graph *graph, tune_network *out)
{
    char key[TUNE_KEY_CHARS];
    network_key(graph, key);
    json_t *entry = database_find(device, key);
    const bool found = read_network(entry, out);
    json_decref(entry);
    return found;
}

/* ---- Writing --------------------------------------------------------------------------------------------------------- */

static json_t *type_json(const tune_type *type)
{
    return json_pack("{s:f, s:f, s:f, s:s}", "microseconds", type->microseconds, "speedup", type->speedup, "error",
                     type->error, "refused", type->refused);
}

shunt_status tune_store_network(const shunt_device *device, const shunt_graph *graph, const tune_network *network)
{
    char key[TUNE_KEY_CHARS];
    network_key(graph, key);
    json_t *entry = json_pack("{s:s, s:{s:f}}", "precision", shunt_dtype_name(network->taken),
                              shunt_dtype_name(SHUNT_F32), "microseconds", network->microseconds);
    for (uint32_t i = 0; entry && i < network->ntypes; i++) {
        const tune_type *type = &network->types[i];
        if (!json_object_set_new(entry, shunt_dtype_name(type->dtype), type_json(type))) continue;
        json_decref(entry);
        entry = NULL;
    }
    return database_store(device, key, entry);
}

/* ---- In words -------------------------------------------------------------------------------------------------------- */

const char *tune_network_reason(const tune_network *network, char text[TUNE_REASON_CHARS])
{
    size_t used =
        (size_t)snprintf(text, TUNE_REASON_CHARS, network->ntypes ? "shunt tune:" : "the device has no other");
    for (uint32_t i = 0; i < network->ntypes && used < TUNE_REASON_CHARS; i++) {
        const tune_type *type = &network->types[i];
        if (type->dtype == network->taken)
            snprintf(text, TUNE_REASON_CHARS, "%.2f times as fast as f32 in shunt tune, with results off by %.2g",
                     type->speedup, type->error);
        if (type->dtype == network->taken) break;
        used += (size_t)snprintf(text + used, TUNE_REASON_CHARS - used, "%s %s %s", i ? "," : "",
                                 shunt_dtype_name(type->dtype), type->refused[0] ? type->refused : "is slower");
    }
    return text;
}
