/* match.c - finds a network's parameters in a weight file. One walk gathers everything that does not fit. */
#include "models/match.h"
#include "models/misfit.h"
#include "models/survey.h"
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/base/dtype.h"
#include "runtime/weights/weights.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is compared, and what came of it. */
typedef struct comparison {
    const net_spec *net;
    const shunt_graph *graph;
    const shunt_weights *file;
    match_part part;
    bool numbers;    /* their values, too */
    bool any_number; /* of classes */
    names_survey names;
    json_t *index, *unusable;        /* by the model's name: index in the file; why it was left out by the reader */
    const shunt_tensor_view **views; /* of the graph's values */
    misfit wrong;
    const char *first_left_out; /* of a backbone's file */
    unsigned left_out;
} comparison;

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
static bool own_name(comparison *self, const char *original, char name[SURVEY_NAME])
{
    if (strlen(original) <= SURVEY_MOST_CHARS) return names_surveyed(&self->names, original, name);
    misfit_file(&self->wrong, "%.60s... is not the model's", original);
    return false;
}

static bool is_parameter(const graph_value *value)
{
    return value->source == VALUE_PARAMETER;
}

static bool of_classifier(const comparison *self, const char *name)
{
    return net_of_classifier(self->net, name);
}

/* Of a part that the network does without. */
static bool is_spare(const comparison *self, const char *name)
{
    const char *spare = self->net->family ? self->net->family->spare : NULL;
    return spare && !strncmp(name, spare, strlen(spare));
}

/* All tensors that may be the model's, and those that the reader of the file left out. False without memory. */
static bool index_names(comparison *self)
{
    const char *original;
    char name[SURVEY_NAME];
    json_t *reason;
    for (size_t i = 0; i < shunt_weights_count(self->file); i++) {
        if (!own_name(self, shunt_weights_at(self->file, i)->name, name)) continue;
        if (json_object_get(self->index, name)) misfit_network(&self->wrong, "two tensors are %s", name);
        if (json_object_set_new(self->index, name, json_integer((json_int_t)i))) return false;
    }
    json_object_foreach(self->file->unusable, original, reason)
    {
        if (own_name(self, original, name) && json_object_set(self->unusable, name, reason)) return false;
    }
    return true;
}

/* channels: of the classifier, in the file and in the model. Others that follow the classes need no words. */
static void complain_of_classes(comparison *self, const char *name, int64_t theirs, int64_t ours)
{
    const int64_t each = net_class_channels(self->net);
    const char *layer = net_classifier(self->net);
    if (theirs % each || strncmp(name, layer, strlen(layer)) != 0) return;
    misfit_network(&self->wrong, "the file has %" PRId64 " classes, the model %" PRId64 ": pass --classes %" PRId64,
                   theirs / each, ours / each, theirs / each);
}

static void check_shape(comparison *self, const graph_value *value, const shunt_tensor_desc *have)
{
    char theirs[96], ours[96];
    shunt_tensor_desc wanted = value->desc;
    if (!dtype_is_float(have->dtype)) {
        misfit_network(&self->wrong, "%s has type %s, not floating-point", value->name, shunt_dtype_name(have->dtype));
        return;
    }
    if (self->any_number && of_classifier(self, value->name) && have->rank) wanted.dims[0] = have->dims[0];
    if (have->rank == wanted.rank && !memcmp(have->dims, wanted.dims, have->rank * sizeof *have->dims)) return;
    if (of_classifier(self, value->name) && value->role == SHUNT_ROLE_WEIGHT && have->rank == wanted.rank &&
        have->dims[0] != wanted.dims[0])
        complain_of_classes(self, value->name, have->dims[0], wanted.dims[0]);
    misfit_network(&self->wrong, "%s is %s, not %s", value->name, dims_text(have, theirs), dims_text(&wanted, ours));
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
static void check_numbers(comparison *self, const graph_value *value, const shunt_tensor_view *view)
{
    enum { CHUNK = 2048 };
    float data[CHUNK];
    const size_t count = (size_t)shunt_tensor_count(&view->desc), bytes = shunt_dtype_bytes(view->desc.dtype);
    bool variance = value->role == SHUNT_ROLE_VARIANCE;
    for (size_t at = 0, n; at < count; at += n) {
        n = count - at < CHUNK ? count - at : CHUNK;
        dtype_to_f32(view->desc.dtype, (const uint8_t *)view->data + at * bytes, n, data);
        if (finite_all(data, n) && !variance) continue;
        for (size_t i = 0; i < n; i++) {
            if (isfinite(data[i]) && !(variance && data[i] < 0)) continue;
            misfit_network(&self->wrong, "%s: element %zu is %g", value->name, at + i, (double)data[i]);
            return;
        }
    }
}

static void check_parameter(comparison *self, const graph_value *value, const shunt_tensor_view **view)
{
    const json_t *at = json_object_get(self->index, value->name), *why = json_object_get(self->unusable, value->name);
    if (at) {
        const size_t before = misfit_count(&self->wrong);
        *view = shunt_weights_at(self->file, (size_t)json_integer_value(at));
        check_shape(self, value, &(*view)->desc);
        if (self->numbers && misfit_count(&self->wrong) == before) check_numbers(self, value, *view);
    } else if (self->part == MATCH_BACKBONE && of_classifier(self, value->name)) {
        *view = NULL;
    } else if (why) {
        misfit_network(&self->wrong, "%s: %s", value->name, json_string_value(why));
    } else {
        misfit_network(&self->wrong, "%s is missing", value->name);
    }
}

/* Whether the first part of the name is that of a parameter, "layer1" of "layer1.0.se.weight": then it is of the network. */
static bool of_a_layer(const comparison *self, const char *name)
{
    const size_t length = strcspn(name, ".") + 1;
    for (uint32_t v = 0; v < self->graph->nvalues; v++) {
        const graph_value *value = &self->graph->values[v];
        if (is_parameter(value) && !of_classifier(self, value->name) && !strncmp(value->name, name, length))
            return true;
    }
    return false;
}

/* Complains about a tensor left over. Without its classifier, a network may come from a larger model: other layers are only
 * counted. */
static void complain_of_rest(comparison *self, const char *name, const char *original)
{
    if (is_spare(self, name)) return;
    if (self->part == MATCH_ALL || of_a_layer(self, name))
        misfit_file(&self->wrong, "%s is not the model's", original);
    else if (self->left_out++ == 0)
        self->first_left_out = original;
}

/* Complains about all that is missing, wrong or too many. */
static void compare(comparison *self)
{
    const graph_value *values = self->graph->values;
    const char *name;
    json_t *at;
    if (self->names.rival[0])
        misfit_network(&self->wrong,
                       "it holds two networks, under '%s' and '%s': in Python, save one of them by itself",
                       self->names.prefix, self->names.rival);
    for (uint32_t i = 0; i < self->graph->nvalues; i++)
        if (is_parameter(&values[i])) check_parameter(self, &values[i], &self->views[i]);
    for (uint32_t i = 0; i < self->graph->nvalues; i++) {
        if (!is_parameter(&values[i])) continue;
        json_object_del(self->index, values[i].name);
        json_object_del(self->unusable, values[i].name);
    }
    json_object_foreach(self->unusable, name, at) complain_of_rest(self, name, name);
    json_object_foreach(self->index, name, at)
        complain_of_rest(self, name, shunt_weights_at(self->file, (size_t)json_integer_value(at))->name);
}

static shunt_status begin(comparison *self)
{
    self->views = calloc(self->graph->nvalues + (size_t)1, sizeof *self->views);
    self->index = json_object();
    self->unusable = json_object();
    names_look(self->graph, net_classifier(self->net), self->file, &self->names);
    bool enough = misfit_begin(&self->wrong) && self->views && self->index && self->unusable && index_names(self);
    return enough ? SHUNT_OK : error_memory();
}

static void end(comparison *self)
{
    free(self->views);
    json_decref(self->index);
    json_decref(self->unusable);
    misfit_end(&self->wrong);
}

/* The parameters under the graph's names, as float32. Those that are stay where they lie: the mapping goes with them. */
static shunt_status take(const comparison *self, shunt_weights *file, shunt_weights **out)
{
    shunt_weights *weights;
    shunt_status status = shunt_weights_create(&weights);
    for (uint32_t i = 0; !status && i < self->graph->nvalues; i++) {
        if (!self->views[i]) continue;
        status = weights_put_f32(weights, self->graph->values[i].name, self->views[i],
                                 !weights_maps(file, self->views[i]->data));
    }
    if (!status && json_object_update(weights->metadata, file->metadata)) status = error_memory();
    if (status) {
        shunt_weights_destroy(weights);
        return status;
    }
    weights_move_files(file, weights);
    *out = weights;
    return SHUNT_OK;
}

shunt_status match_weights(const shunt_model *model, shunt_weights *file, match_part part, shunt_weights **out)
{
    comparison self = {.net = &model->net, .graph = model->graph, .file = file, .part = part, .numbers = true};
    shunt_status status = begin(&self);
    if (!status) compare(&self);
    if (!status && misfit_count(&self.wrong))
        status = misfit_fail(&self.wrong, &model->net, file, part);
    else if (!status && self.left_out)
        log_write(SHUNT_LOG_INFO, "%u tensors of the file belong to no layer of %s and are ignored, such as %s",
                  self.left_out, model->net.name, self.first_left_out);
    if (!status) status = take(&self, file, out);
    end(&self);
    return status;
}

bool match_fits(const net_spec *net, const shunt_graph *graph, const shunt_weights *file, match_part part)
{
    comparison self = {.net = net, .graph = graph, .file = file, .part = part, .any_number = true};
    bool fits = !begin(&self);
    if (fits) compare(&self);
    fits = fits && !misfit_count(&self.wrong);
    end(&self);
    return fits;
}

int64_t match_count_classes(const net_spec *net, const shunt_graph *graph, const shunt_weights *file)
{
    names_survey names;
    names_look(graph, net_classifier(net), file, &names);
    return names.classes / net_class_channels(net);
}

int match_count_blocks(const shunt_weights *file, int stage)
{
    char name[SURVEY_NAME], prefix[24];
    int most = 0;
    snprintf(prefix, sizeof prefix, "layer%d.", stage + 1);
    for (size_t i = 0; i < shunt_weights_count(file); i++) {
        const char *original = shunt_weights_at(file, i)->name, *found;
        int block;
        if (strlen(original) > SURVEY_MOST_CHARS || !names_canonical(NULL, original, name, sizeof name)) continue;
        found = strstr(name, prefix);
        if (found && sscanf(found + strlen(prefix), "%4d.", &block) == 1 && block >= most) most = block + 1;
    }
    return most;
}
