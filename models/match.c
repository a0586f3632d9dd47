/* match.c - finds a network's parameters in a weight file. One walk gathers everything that does not fit, since a list
 * tells at a glance what a file is; a first difference does not. */
#include "models/model.h"
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/base/dtype.h"
#include "runtime/weights/weights.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SHOWN = 20, MOST_NAME_CHARS = 200 };

/* What is wrong, joined by "; ". */
typedef struct complaints {
    unsigned count;
    size_t used;
    char text[3072];
} complaints;

static void complain(complaints *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void complain(complaints *list, const char *format, ...)
{
    if (list->count++ >= MOST_SHOWN) return;
    char text[320];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int n = snprintf(list->text + list->used, sizeof list->text - list->used, "%s%s", list->used ? "; " : "", text);
    list->used += (size_t)n < sizeof list->text - list->used ? (size_t)n : sizeof list->text - list->used - 1;
}

/* "64x3x7x7" */
static const char *dims_text(const shunt_tensor_desc *desc, char text[96])
{
    size_t used = 0;
    snprintf(text, 96, "a scalar");
    for (uint32_t i = 0; i < desc->rank && used < 96; i++)
        used += (size_t)snprintf(text + used, 96 - used, "%s%" PRId64, i ? "x" : "", desc->dims[i]);
    return text;
}

/* The model's name for a tensor of the file, or false when it can be none. */
static bool own_name(const char *original, char name[MOST_NAME_CHARS + 16], complaints *wrong)
{
    if (strlen(original) <= MOST_NAME_CHARS) return names_canonical(original, name, MOST_NAME_CHARS + 16);
    complain(wrong, "%.60s... is not the model's", original);
    return false;
}

static bool is_parameter(const graph_value *value)
{
    return value->source == VALUE_PARAMETER;
}

/* canonical name -> index in the file, of all tensors that may be the model's. NULL without memory. */
static json_t *index_by_name(const shunt_weights *file, complaints *wrong)
{
    json_t *index = json_object();
    for (size_t i = 0; index && i < shunt_weights_count(file); i++) {
        char name[MOST_NAME_CHARS + 16];
        if (!own_name(shunt_weights_at(file, i)->name, name, wrong)) continue;
        if (json_object_get(index, name)) complain(wrong, "two tensors are %s", name);
        if (json_object_set_new(index, name, json_integer((json_int_t)i))) {
            json_decref(index);
            return NULL;
        }
    }
    return index;
}

/* canonical name -> why, for what the reader of the file left out. NULL without memory. */
static json_t *unusable_by_name(const shunt_weights *file, complaints *wrong)
{
    json_t *unusable = json_object();
    const char *original;
    json_t *reason;
    json_object_foreach(file->unusable, original, reason)
    {
        char name[MOST_NAME_CHARS + 16];
        if (!own_name(original, name, wrong)) continue;
        if (json_object_set(unusable, name, reason)) {
            json_decref(unusable);
            return NULL;
        }
    }
    return unusable;
}

static void check_shape(const shunt_model *model, const graph_value *value, const shunt_tensor_desc *have,
                        complaints *wrong)
{
    char theirs[96], ours[96];
    if (!dtype_is_float(have->dtype)) {
        complain(wrong, "%s is of type %s, not floating-point", value->name, shunt_dtype_name(have->dtype));
        return;
    }
    if (have->rank == value->desc.rank && !memcmp(have->dims, value->desc.dims, have->rank * sizeof *have->dims))
        return;
    if (!strcmp(value->name, "fc.weight") && have->rank == 2 && have->dims[0] != model->net.classes)
        complain(wrong, "the file has %" PRId64 " classes, the model %" PRId64 ": pass --classes %" PRId64,
                 have->dims[0], model->net.classes, have->dims[0]);
    complain(wrong, "%s is %s, not %s", value->name, dims_text(have, theirs), dims_text(&value->desc, ours));
}

/* Infinities and NaNs have all exponent bits set; a loop without early exit is a fast one. */
static bool finite_all(const float *data, size_t count)
{
    unsigned bad = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, data + i, sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !bad;
}

/* In float32, which is what they are loaded as. */
static void check_numbers(const graph_value *value, const shunt_tensor_view *view, complaints *wrong)
{
    enum { CHUNK = 4096 };
    float data[CHUNK];
    const size_t count = (size_t)shunt_tensor_count(&view->desc), bytes = shunt_dtype_bytes(view->desc.dtype);
    bool variance = value->role == SHUNT_ROLE_VARIANCE;
    for (size_t at = 0, n; at < count; at += n) {
        n = count - at < CHUNK ? count - at : CHUNK;
        dtype_to_f32(view->desc.dtype, (const uint8_t *)view->data + at * bytes, n, data);
        if (finite_all(data, n) && !variance) continue;
        for (size_t i = 0; i < n; i++) {
            if (isfinite(data[i]) && !(variance && data[i] < 0)) continue;
            complain(wrong, "%s: element %zu is %g", value->name, at + i, (double)data[i]);
            return;
        }
    }
}

/* Complains about all that is missing, wrong or too many. Removes from `index` and `unusable` what is the model's. */
static void compare(const shunt_model *model, const shunt_weights *file, json_t *index, json_t *unusable,
                    const shunt_tensor_view **views, complaints *wrong)
{
    const graph_value *values = model->graph->values;
    for (uint32_t i = 0; i < model->graph->nvalues; i++) {
        if (!is_parameter(&values[i])) continue;
        const json_t *at = json_object_get(index, values[i].name), *why = json_object_get(unusable, values[i].name);
        if (at) {
            views[i] = shunt_weights_at(file, (size_t)json_integer_value(at));
            unsigned before = wrong->count;
            check_shape(model, &values[i], &views[i]->desc, wrong);
            if (wrong->count == before) check_numbers(&values[i], views[i], wrong);
        } else if (why)
            complain(wrong, "%s: %s", values[i].name, json_string_value(why));
        else
            complain(wrong, "%s is missing", values[i].name);
    }
    for (uint32_t i = 0; i < model->graph->nvalues; i++) {
        if (!is_parameter(&values[i])) continue;
        json_object_del(index, values[i].name);
        json_object_del(unusable, values[i].name);
    }
    const char *name;
    json_t *at;
    json_object_foreach(unusable, name, at) complain(wrong, "%s is not the model's", name);
    json_object_foreach(index, name, at)
        complain(wrong, "%s is not the model's", shunt_weights_at(file, (size_t)json_integer_value(at))->name);
}

/* The parameters under the graph's names, as float32. Those that are stay where they lie: the mapping goes with them. */
static shunt_status take(const shunt_model *model, shunt_weights *file, const shunt_tensor_view *const *views,
                         shunt_weights **out)
{
    shunt_weights *weights;
    shunt_status status = shunt_weights_create(&weights);
    for (uint32_t i = 0; !status && i < model->graph->nvalues; i++) {
        if (!views[i]) continue;
        status = shunt_weights_put_f32(weights, model->graph->values[i].name, views[i],
                                       !shunt_weights_maps(file, views[i]->data));
    }
    if (!status && json_object_update(weights->metadata, file->metadata)) status = shunt_fail_memory();
    if (status) {
        shunt_weights_destroy(weights);
        return status;
    }
    shunt_weights_move_files(file, weights);
    *out = weights;
    return SHUNT_OK;
}

shunt_status match_weights(const shunt_model *model, shunt_weights *file, shunt_weights **out)
{
    complaints *wrong = calloc(1, sizeof *wrong);
    const shunt_tensor_view **views = calloc(model->graph->nvalues, sizeof *views);
    json_t *index = wrong ? index_by_name(file, wrong) : NULL;
    json_t *unusable = wrong ? unusable_by_name(file, wrong) : NULL;
    shunt_status status = SHUNT_OK;
    if (!wrong || !views || !index || !unusable) {
        status = shunt_fail_memory();
        goto done;
    }
    compare(model, file, index, unusable, views, wrong);
    if (wrong->count > MOST_SHOWN)
        status = shunt_fail(SHUNT_E_INVALID, "does not fit %s: %s; and %u more", model->net.name, wrong->text,
                            wrong->count - MOST_SHOWN);
    else if (wrong->count)
        status = shunt_fail(SHUNT_E_INVALID, "does not fit %s: %s", model->net.name, wrong->text);
    else
        status = take(model, file, views, out);
done:
    free(wrong);
    free(views);
    json_decref(index);
    json_decref(unusable);
    return status;
}
