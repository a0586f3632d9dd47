/* trainable.c - what training needs of a model: fresh weights, its description in their metadata, a recipe that suits it. */
#include "models/match.h"
#include "models/model.h"
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/data/dataset.h"

#include <math.h>
#include <shunt/train.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each element x of a parameter becomes factor * x + offset. */
static shunt_status change(shunt_weights *weights, const char *name, double factor, double offset)
{
    const shunt_tensor_view *view = shunt_weights_find(weights, name);
    const shunt_tensor_desc desc = view->desc;
    float *data = malloc((size_t)shunt_tensor_bytes(&desc));
    if (!data) return error_memory();
    for (uint64_t i = 0; i < shunt_tensor_count(&desc); i++)
        data[i] = (float)(factor * (double)((const float *)view->data)[i] + offset);
    const shunt_status status = shunt_weights_set(weights, name, &desc, data);
    free(data);
    return status;
}

/* The gates of a policy begin open, at sigmoid(2) = 0.88, so that training starts from the static network. */
static shunt_status open_gates(const shunt_model *model, shunt_weights *weights)
{
    static const char name[] = "policy.fc.bias";
    const bool has_policy = model->net.ghost && shunt_weights_find(weights, name);
    return has_policy ? change(weights, name, 0, 2) : SHUNT_OK;
}

static bool begins_with(const char *name, const char *prefix)
{
    return !strncmp(name, prefix, strlen(prefix));
}

/* What He's weights of a network that finds objects at anchors are multiplied by. As in torchvision, the pyramid has half of his variance, and the
 * heads' last layers a deviation of 0.01. Nothing is normed there, and L1's gradients are not small where its errors are: so features of boxes begin
 * smaller, or the first steps are too large. torchvision's layers of 0.01 before the last ones take long to tell classes apart. */
static double begin_factor(const char *name, double fan_in)
{
    if (begins_with(name, "backbone.fpn.")) return sqrt(0.5);
    if (begins_with(name, "head.") && !strstr(name, ".conv.")) return 0.01 / sqrt(2 / fan_in);
    return begins_with(name, "head.regression_head.") ? 0.4 : 1;
}

/* And as the paper of focal loss has it, each class begins with a probability of 0.01, since otherwise the many anchors of the background would
 * outweigh those of objects. */
static shunt_status begin_heads(const shunt_model *model, shunt_weights *weights)
{
    const double probability = 0.01;
    const net_family *family = model->net.family;
    shunt_status status = SHUNT_OK;
    char bias[NET_NAME_CHARS];
    if (!family || !family->anchors || family->nlooks) return SHUNT_OK;
    for (uint32_t i = 0; !status && i < model->graph->nvalues; i++) {
        const graph_value *value = &model->graph->values[i];
        if (value->source != VALUE_PARAMETER || value->role != SHUNT_ROLE_WEIGHT) continue;
        const double fan_in = (double)(shunt_tensor_count(&value->desc) / (uint64_t)value->desc.dims[0]),
                     factor = begin_factor(value->name, fan_in);
        if (factor != 1) status = change(weights, value->name, factor, 0);
    }
    snprintf(bias, sizeof bias, "%s.bias", net_classifier(&model->net));
    return status ? status : change(weights, bias, 0, log(probability / (1 - probability)));
}

static shunt_status initialize(const shunt_model *model, uint64_t seed, shunt_weights **out)
{
    shunt_status status = shunt_graph_initialize(model->graph, seed, out);
    if (status) return status;
    status = open_gates(model, *out);
    if (!status) status = begin_heads(model, *out);
    if (!status) return SHUNT_OK;
    shunt_weights_destroy(*out);
    *out = NULL;
    return status;
}

shunt_status shunt_model_initialize(shunt_model *model, uint64_t seed)
{
    if (!model) return error_null(__func__, "model");
    shunt_weights *weights;
    shunt_status status = initialize(model, seed, &weights);
    if (!status) model_take_weights(model, weights);
    return status;
}

shunt_status shunt_model_describe(shunt_model *model)
{
    if (!model) return error_null(__func__, "model");
    if (!model->weights) return error_fail(SHUNT_E_INVALID, "%s has no weights to describe yet", model->net.name);
    return metadata_write(model, model->weights);
}

shunt_status shunt_model_set_labels(shunt_model *model, const char *const *labels)
{
    if (!model || !labels) return error_null(__func__, "model, labels");
    const int64_t classes = shunt_model_outcomes(model);
    char **copies = calloc((size_t)classes, sizeof *copies);
    shunt_status status = copies ? SHUNT_OK : error_memory();
    for (int64_t i = 0; !status && i < classes; i++) {
        status = labels[i] ? labels_check(labels[i], (size_t)i) : error_null(__func__, "one of labels");
        if (!status && !(copies[i] = strdup(labels[i]))) status = error_memory();
    }
    if (status) {
        labels_free(copies, classes);
        return status;
    }
    labels_free(model->labels, classes);
    model->labels = copies;
    return SHUNT_OK;
}

/* ---- Fine-tuning ------------------------------------------------------------------------------------------------------ */

/* How many classes the file's network tells apart; 0: it has no classifier. */
static shunt_status count_classes(const shunt_model *model, const char *path, int64_t *out)
{
    shunt_weights *file;
    shunt_status status = shunt_weights_open(path, &file);
    *out = 0;
    if (status) return status;
    *out = match_count_classes(&model->net, model->graph, file);
    shunt_weights_destroy(file);
    return SHUNT_OK;
}

/* rows[i]: the row of from's classifier that is the model's class i: by name where both have labels, else the same, if there are
 * as many. False: there is none for some class, so that the classifier must be initialized again. */
static bool match_classifier(const shunt_model *model, const shunt_model *from, int64_t *rows)
{
    if (model->head != from->head || from->head == SHUNT_HEAD_SIGMOID) return false;
    const class_names theirs = {"", (const char **)from->labels, (size_t)from->net.classes};
    for (int64_t i = 0; i < model->net.classes; i++) {
        rows[i] = model->labels && from->labels ? class_find(&theirs, model->labels[i]) : i;
        for (int64_t k = 0; k < i; k++)
            if (rows[k] == rows[i]) return false;
        if (rows[i] < 0) return false;
    }
    return (model->labels && from->labels) || model->net.classes == from->net.classes;
}

/* The rows of a parameter of the classifier, into the model's own. Channels are classes, or for each shape of an anchor all classes. */
static shunt_status put_rows(const shunt_model *model, shunt_weights *weights, const shunt_tensor_view *view,
                             const int64_t *rows)
{
    const int64_t count = model->net.classes, groups = net_class_channels(&model->net);
    shunt_tensor_desc desc = view->desc;
    const int64_t theirs = desc.dims[0] / groups;
    const size_t bytes = (size_t)(shunt_tensor_bytes(&desc) / (uint64_t)desc.dims[0]);
    char *data = calloc((size_t)(groups * count), bytes);
    if (!data) return error_memory();
    for (int64_t i = 0; i < groups * count; i++)
        memcpy(data + (size_t)i * bytes,
               (const char *)view->data + (size_t)(i / count * theirs + rows[i % count]) * bytes, bytes);
    desc.dims[0] = groups * count;
    shunt_status status = shunt_weights_set(weights, view->name, &desc, data);
    free(data);
    return status;
}

/* The network of `from` into fresh weights, without the classifier unless it knows all classes. */
static shunt_status take_over(shunt_model *model, const shunt_model *from, uint64_t seed)
{
    shunt_weights *weights = NULL;
    int64_t *rows = calloc((size_t)model->net.classes, sizeof *rows);
    shunt_status status = rows ? initialize(model, seed, &weights) : error_memory();
    char layer[NET_NAME_CHARS];
    snprintf(layer, sizeof layer, "%s.weight", net_classifier(&model->net));
    bool known = !status && shunt_weights_find(from->weights, layer) && match_classifier(model, from, rows);
    for (uint32_t i = 0; !status && i < from->graph->nvalues; i++) {
        const graph_value *value = &from->graph->values[i];
        if (value->source != VALUE_PARAMETER) continue;
        const shunt_tensor_view *view = shunt_weights_find(from->weights, value->name);
        if (!net_of_classifier(&model->net, value->name))
            status = shunt_weights_set(weights, view->name, &view->desc, view->data);
        else if (known)
            status = put_rows(model, weights, view, rows);
    }
    free(rows);
    if (status) {
        shunt_weights_destroy(weights);
        return status;
    }
    model_take_weights(model, weights);
    model->preprocess = from->preprocess;
    return SHUNT_OK;
}

/* The network that a file to start from has: of one that chooses its blocks perhaps the static one, whose policy is yet to be learned. */
static shunt_status name_source(const shunt_model *model, const char *path, char name[METADATA_NAME])
{
    shunt_weights *file;
    snprintf(name, METADATA_NAME, "%s", model->net.name);
    if (!model->net.ghost) return SHUNT_OK;
    shunt_status status = shunt_weights_open(path, &file);
    if (status) return status;
    if (!shunt_weights_find(file, "policy.fc.weight"))
        snprintf(name, METADATA_NAME, "%s", net_static_name(&model->net));
    shunt_weights_destroy(file);
    return SHUNT_OK;
}

/* Whether the file is of a network that classifies, which is the backbone of this one. */
static shunt_status is_backbone(const shunt_model *model, const char *path, bool *out)
{
    const char *prefix = model->net.family ? model->net.family->backbone : NULL;
    shunt_weights *file;
    *out = prefix != NULL;
    if (!prefix) return SHUNT_OK;
    shunt_status status = shunt_weights_open(path, &file);
    if (status) return status;
    for (size_t i = 0; i < shunt_weights_count(file); i++)
        if (strstr(shunt_weights_at(file, i)->name, prefix)) *out = false;
    shunt_weights_destroy(file);
    return SHUNT_OK;
}

/* Of a backbone all parameters but the classifier's, under our names; the heads stay as they were initialized. */
static shunt_status put_backbone(const shunt_model *model, const shunt_model *from, shunt_weights *weights)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; !status && i < from->graph->nvalues; i++) {
        const graph_value *value = &from->graph->values[i];
        char name[2 * NET_NAME_CHARS];
        if (value->source != VALUE_PARAMETER || net_of_classifier(&from->net, value->name)) continue;
        const shunt_tensor_view *view = shunt_weights_find(from->weights, value->name);
        snprintf(name, sizeof name, "%s%s", model->net.family->backbone, value->name);
        if (graph_find_parameter(model->graph, name) == SHUNT_NO_VALUE)
            status = error_fail(SHUNT_E_INVALID, "%s has no %s, which %s has", model->net.name, name, from->net.name);
        else
            status = shunt_weights_set(weights, name, &view->desc, view->data);
    }
    return status;
}

/* The colours as the backbone knows them; sizes are the network's own. */
static void take_colours(shunt_preprocess *own, const shunt_preprocess *from)
{
    shunt_preprocess made = *from;
    made.resize = own->resize;
    made.crop = own->crop;
    made.filter = own->filter;
    *own = made;
}

static shunt_status adopt_backbone(shunt_model *model, const char *path, uint64_t seed)
{
    const net_spec *net = &model->net;
    shunt_model_options options = {.shortcut = net->shortcut, .v1 = net->v1};
    char name[sizeof net->name];
    snprintf(name, sizeof name, "%s", strstr(net->name, "resnet"));
    name[strcspn(name, "_")] = '\0';
    shunt_model *from = NULL;
    shunt_weights *weights = NULL;
    shunt_status status = shunt_model_create(name, &options, &from);
    if (!status) status = count_classes(from, path, &options.classes);
    shunt_model_destroy(from);
    from = NULL;
    if (!status) status = shunt_model_create(name, &options, &from);
    if (!status)
        status = model_load(from, &(model_source){.path = path}, options.classes > 0 ? MATCH_ALL : MATCH_BACKBONE);
    if (!status) status = initialize(model, seed, &weights);
    if (!status) status = put_backbone(model, from, weights);
    if (!status) {
        model_take_weights(model, weights);
        take_colours(&model->preprocess, &from->preprocess);
    } else {
        shunt_weights_destroy(weights);
    }
    shunt_model_destroy(from);
    return status;
}

static shunt_status adopt_same(shunt_model *model, const char *path, uint64_t seed)
{
    const net_spec *net = &model->net;
    shunt_model_options options = {
        .height = net->height, .width = net->width, .shortcut = net->shortcut, .v1 = net->v1};
    shunt_model *from = NULL;
    char name[METADATA_NAME];
    shunt_status status = count_classes(model, path, &options.classes);
    const bool whole = options.classes > 0;
    if (!status && !whole)
        log_write(SHUNT_LOG_INFO, "%s has no classifier for %s; a fresh one is made", path, net->name);
    if (!status) status = name_source(model, path, name);
    if (!status) status = shunt_model_create(name, &options, &from);
    if (!status) status = model_load(from, &(model_source){.path = path}, whole ? MATCH_ALL : MATCH_BACKBONE);
    if (!status) status = take_over(model, from, seed);
    shunt_model_destroy(from);
    return status;
}

shunt_status shunt_model_adopt(shunt_model *model, const char *path, uint64_t seed)
{
    bool backbone;
    if (!model || !path) return error_null(__func__, "model, path");
    shunt_status status = is_backbone(model, path, &backbone);
    if (status) return status;
    return backbone ? adopt_backbone(model, path, seed) : adopt_same(model, path, seed);
}

/* ---- Recipes -------------------------------------------------------------------------------------------------------- */

/* Sections 3.4 and 4.2. The paper divided ImageNet's rate when the error no longer fell: here after thirds of 90 epochs. */
static void paper(const net_spec *net, shunt_recipe *recipe)
{
    recipe->schedule = SHUNT_SCHEDULE_STEP;
    recipe->rate = 0.1;
    recipe->weight_decay = 1e-4;
    if (!net->cifar) {
        recipe->epochs = 90;
        recipe->batch = 256;
        recipe->milestones[0] = 1.0 / 3;
        recipe->milestones[1] = 2.0 / 3;
        return;
    }
    recipe->epochs = 182; /* follows from the steps */
    recipe->steps = 64000;
    if (net->residual && net->blocks[0] >= 18) { /* 110 layers */
        recipe->warm_up_rate = 0.01;
        recipe->warm_up_error = 0.8;
    }
}

static void fast(const net_spec *net, shunt_recipe *recipe)
{
    recipe->schedule = SHUNT_SCHEDULE_ONE_CYCLE;
    recipe->epochs = net->cifar ? 35 : 18;
    recipe->rate = net->cifar ? 0.2 : 0.5;
    recipe->warm_up = 0.2;
    recipe->warm_up_rate = recipe->rate / 10;
    recipe->final_rate = 0;
    recipe->nesterov = 1;
    recipe->weight_decay = net->cifar ? 5e-4 : 5e-5;
    recipe->smoothing = net->cifar ? 0 : 0.1;
}

/* Weights that were trained already are to be moved, not thrown about. */
static void finetune(const net_spec *net, shunt_recipe *recipe)
{
    recipe->schedule = SHUNT_SCHEDULE_COSINE;
    recipe->epochs = 10;
    recipe->batch = 32;
    recipe->rate = 0.01;
    recipe->warm_up = 0.05;
    recipe->warm_up_rate = 0.001;
    recipe->nesterov = 1;
    recipe->weight_decay = 1e-4;
    recipe->min_area = net->cifar ? 1 : 0.35;
}

/* Networks that label pixels, by any of the names: as torchvision trains them, from a backbone that is trained already. */
static void label_pixels(const net_spec *net, shunt_recipe *recipe)
{
    *recipe = (shunt_recipe){.epochs = 30,
                             .batch = 32,
                             .schedule = SHUNT_SCHEDULE_POLY,
                             .rate = 0.02,
                             .milestones = {0.5, 0.75},
                             .decay = 0.1,
                             .momentum = 0.9,
                             .weight_decay = 1e-4,
                             .norm_momentum = 0.1,
                             .prune_ramp = {0, 0.5},
                             .ghost_weight = 2,
                             .ghost_ramp = {0, 0.5},
                             .augment = SHUNT_AUGMENT_CROP,
                             .flip = 1,
                             .min_area = 1,
                             .auxiliary = net->auxiliary ? 0.5 : 0,
                             .scales = {0.5, 2},
                             .accumulate = 1};
    if (net->cifar) recipe->scales[0] = recipe->scales[1] = 1; /* their pictures are small as they are */
}

/* Networks that find objects, by any of the names: from a backbone that is trained already. */
static void find_objects(const net_spec *net, shunt_recipe *recipe)
{
    recipe->epochs = net->cifar ? 7 : 26; /* torchvision: 26 */
    recipe->steps = 0;
    recipe->batch = 8;
    recipe->schedule = SHUNT_SCHEDULE_COSINE;
    recipe->rate = 0.01;
    recipe->final_rate = 0;
    recipe->warm_up = 0.05;
    recipe->warm_up_rate = 0.001;
    recipe->warm_up_error = 0;
    recipe->nesterov = 0;
    recipe->weight_decay = 1e-4;
    recipe->smoothing = 0;
    recipe->augment = SHUNT_AUGMENT_NONE;
    recipe->pad = 0;
}

shunt_status shunt_model_recipe(const shunt_model *model, const char *name, shunt_recipe *out)
{
    if (!model || !name || !out) return error_null(__func__, "model, name, out");
    static const struct {
        const char *name;
        void (*fill)(const net_spec *net, shunt_recipe *recipe);
    } recipes[] = {{"paper", paper}, {"fast", fast}, {"finetune", finetune}};
    const net_spec *net = &model->net;
    /* What all have in common. */
    shunt_recipe recipe = {.batch = 128,
                           .milestones = {0.5, 0.75},
                           .decay = 0.1,
                           .momentum = 0.9,
                           .norm_momentum = 0.1,
                           .prune_ramp = {0, 0.5},
                           .ghost_weight = 2,
                           .ghost_ramp = {0, 0.5},
                           .augment = net->cifar ? SHUNT_AUGMENT_CROP : SHUNT_AUGMENT_RESIZED_CROP,
                           .pad = net->cifar ? 4 : 0,
                           .flip = 1,
                           .min_area = 0.08,
                           .scales = {1, 1},
                           .accumulate = 1};
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        if (strcmp(recipes[i].name, name)) continue;
        recipes[i].fill(net, &recipe);
        if (net_task(net) == SHUNT_TASK_SEGMENT) label_pixels(net, &recipe);
        if (net_task(net) == SHUNT_TASK_DETECT) find_objects(net, &recipe);
        strcpy(recipe.name, name);
        *out = recipe;
        return SHUNT_OK;
    }
    return error_fail(SHUNT_E_NOT_FOUND, "no recipe is called '%.40s'; there are paper, fast and finetune", name);
}
