/* model.c - a network with its weights, labels and preprocessing, and the executors made of it. */
#include "models/ghost.h"
#include "models/match.h"
#include "models/model.h"
#include "runtime/base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The preset of the net's data set, at the size that was asked for. */
shunt_status model_usual_preprocess(const net_spec *net, shunt_preprocess *out)
{
    shunt_status status = shunt_preprocess_preset(net_preset(net), out);
    int64_t side = net->height < net->width ? net->height : net->width;
    if (status || side == out->crop) return status;
    out->resize = (side * out->resize + out->crop / 2) / out->crop;
    out->crop = side;
    return SHUNT_OK;
}

shunt_model *model_new(void)
{
    shunt_model *model = calloc(1, sizeof *model);
    if (model) model->threshold = 0.5f;
    if (!model || !pthread_mutex_init(&model->lock, NULL)) return model;
    free(model);
    return NULL;
}

shunt_status shunt_model_create(const char *name, const shunt_model_options *options, shunt_model **out)
{
    if (!out) return error_null(__func__, "out");
    *out = NULL;
    shunt_model *model = model_new();
    if (!model) return error_memory();
    shunt_status status = net_describe(name, options, &model->net);
    if (!status) status = model_usual_preprocess(&model->net, &model->preprocess);
    if (!status) model_usual_head(model, false);
    if (!status) status = net_build(&model->net, NULL, &model->graph);
    if (status)
        shunt_model_destroy(model);
    else
        *out = model;
    return status;
}

static void drop_executors(shunt_model *model)
{
    for (size_t i = 0; i < model->nexecutors; i++) shunt_executor_destroy(model->executors[i].executor);
    free(model->executors);
    model->executors = NULL;
    model->nexecutors = 0;
    ghost_drop(model);
}

void shunt_model_destroy(shunt_model *model)
{
    if (!model) return;
    drop_executors(model);
    shunt_weights_destroy(model->weights);
    labels_free(model->labels, shunt_model_outcomes(model));
    shunt_graph_destroy(model->graph);
    pthread_mutex_destroy(&model->lock);
    free(model);
}

void model_take_weights(shunt_model *model, shunt_weights *weights)
{
    drop_executors(model);
    shunt_weights_destroy(model->weights);
    model->weights = weights;
}

shunt_weights *model_give_weights(shunt_model *model)
{
    shunt_weights *weights = model->weights;
    drop_executors(model);
    model->weights = NULL;
    return weights;
}

/* Networks of the same tensors load as each other. Whoever reads the answer has to know that one was chosen. */
static void note_assumption(shunt_model *model, const shunt_weights *file)
{
    char others[128] = "";
    const net_spec *net = &model->net;
    const bool named = metadata_names(file, net);
    const size_t count = named ? 0 : net_lookalikes(net, others, sizeof others);
    model->assumption[0] = '\0';
    /* what is older than v1.5 only classifies */
    const bool older = net->bottleneck && net_task(net) == SHUNT_TASK_CLASSIFY;
    if (metadata_describes(file) || (!count && !older)) return;
    snprintf(model->assumption, sizeof model->assumption,
             "the file does not say which %s it is: taken as %s%s; %s%s%s%s the same tensors",
             named ? "of two networks" : "network", net->name,
             !older    ? ""
             : net->v1 ? " v1"
                       : " v1.5",
             others, count && older ? " and " : "",
             !older    ? ""
             : net->v1 ? "v1.5"
                       : "v1",
             count + older > 1 ? " have" : " has");
}

/* All or nothing: a file that does not fit leaves the model as it was. */
shunt_status model_load_weights(shunt_model *model, const char *path, shunt_weights *file, match_part part)
{
    shunt_weights *weights = NULL;
    char **labels = NULL;
    norms_choice norms;
    shunt_preprocess preprocess = model->preprocess;
    norms_choose(&model->net, file, &norms); /* before the mapped file changes hands */
    shunt_status status = metadata_check_net(&model->net, file);
    if (!status) status = match_weights(model, file, part, &weights);
    if (!status) status = metadata_read(model, weights, part == MATCH_ALL ? &labels : NULL, &preprocess);
    if (!status) status = norms_apply(model, norms.bare);
    if (status) {
        shunt_weights_destroy(weights);
        return error_context(status, "%s", path);
    }
    model_take_weights(model, weights);
    note_assumption(model, file);
    if (norms.note[0]) snprintf(model->assumption, sizeof model->assumption, "%s", norms.note);
    model->preprocess = preprocess;
    if (labels) {
        labels_free(model->labels, shunt_model_outcomes(model));
        model->labels = labels;
    }
    return SHUNT_OK;
}

shunt_status model_load(shunt_model *model, const model_source *source, match_part part)
{
    shunt_weights *file;
    shunt_status status = source_weights(source, &file);
    if (status) return status;
    status = model_load_weights(model, source->path, file, part);
    shunt_weights_destroy(file);
    return status;
}

shunt_status shunt_model_load(shunt_model *model, const char *path)
{
    if (!model || !path) return error_null(__func__, "model, path");
    return model_load(model, &(model_source){.path = path}, MATCH_ALL);
}

shunt_status shunt_model_load_bytes(shunt_model *model, const void *bytes, size_t nbytes)
{
    if (!model || !bytes) return error_null(__func__, "model, bytes");
    return model_load(model, &(model_source){file_in_memory, bytes, nbytes}, MATCH_ALL);
}

shunt_status model_check_preprocess(const shunt_model *model)
{
    const shunt_preprocess *p = &model->preprocess;
    const int64_t planes = (model->gray ? 1 : 3);
    if (planes != shunt_preprocess_planes(p))
        return error_fail(SHUNT_E_INVALID, "%s: its input has %lld channels, and these pictures are %s",
                          model->net.name, (long long)planes, p->channels == SHUNT_GRAY ? "gray" : "in colour");
    bool raw = p->range == SHUNT_RANGE_255;
    for (int c = 0; c < 3; c++) raw = raw && p->mean[c] == 0 && p->std[c] == 1;
    if (raw || !model->whole_numbers) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID,
                      "%s: its input takes whole numbers, and these pictures are normalised; it needs pixels from 0 to "
                      "255 (preset raw)",
                      model->net.name);
}

shunt_status model_check_finite(const shunt_model *model, const float *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(data[i]))
            return error_fail(SHUNT_E_INVALID, "%s gives a score of %g; are the weights and the preprocessing right?",
                              model->net.name, (double)data[i]);
    return SHUNT_OK;
}

shunt_status model_need_weights(const shunt_model *model)
{
    if (model->weights) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "%s has no weights yet: load a file or randomize it", model->net.name);
}

shunt_task shunt_model_task(const shunt_model *model)
{
    return model ? net_task(&model->net) : SHUNT_TASK_CLASSIFY;
}

shunt_status model_need_task(const shunt_model *model, shunt_task task)
{
    if (net_task(&model->net) == task) return SHUNT_OK;
    static const char *const tells[] = {"the class of a picture: classify it",
                                        "the class of a picture's pixels: segment it",
                                        "which objects are where in a picture: detect them"};
    return error_fail(SHUNT_E_INVALID, "%s tells %s", model->net.name, tells[net_task(&model->net)]);
}

shunt_status shunt_model_save(const shunt_model *model, const char *path)
{
    if (!model || !path) return error_null(__func__, "model, path");
    shunt_status status = model_need_weights(model);
    if (!status) status = metadata_write(model, model->weights);
    return status ? status : shunt_weights_save(model->weights, path);
}

static shunt_status create_executor(const shunt_model *model, shunt_device *device, int part, shunt_executor **out)
{
    shunt_graph *graph;
    if (part == MODEL_WHOLE) return shunt_executor_create(model->graph, model->weights, device, out);
    shunt_status status = net_build_part(&model->net, (size_t)part, &graph);
    if (status) return status;
    status = shunt_executor_create(graph, model->weights, device, out);
    shunt_graph_destroy(graph);
    return status;
}

/* With the lock held. */
static shunt_status find_executor(shunt_model *model, shunt_device *device, int part, shunt_executor **out)
{
    for (size_t i = 0; i < model->nexecutors; i++)
        if (model->executors[i].device == device && model->executors[i].part == part) {
            *out = model->executors[i].executor;
            return SHUNT_OK;
        }
    shunt_status status = model_need_weights(model);
    if (status) return status;
    model_executor *grown = realloc(model->executors, (model->nexecutors + 1) * sizeof *grown);
    if (!grown) return error_memory();
    model->executors = grown;
    status = create_executor(model, device, part, out);
    if (!status) grown[model->nexecutors++] = (model_executor){device, *out, part};
    return status;
}

shunt_status model_executor_of(shunt_model *model, shunt_device *device, int part, shunt_executor **out)
{
    pthread_mutex_lock(&model->lock);
    const shunt_status status = find_executor(model, device, part, out);
    pthread_mutex_unlock(&model->lock);
    return status;
}

shunt_status shunt_model_executor(shunt_model *model, shunt_device *device, shunt_executor **out)
{
    if (!model || !device || !out) return error_null(__func__, "model, device, out");
    return model_executor_of(model, device, MODEL_WHOLE, out);
}

shunt_status shunt_model_run(shunt_model *model, shunt_device *device, int64_t n, int64_t height, int64_t width,
                             const float *images, float *logits)
{
    if (!model || !device || !images || !logits) return error_null(__func__, "model, device, images, logits");
    shunt_executor *executor;
    shunt_status status = model_need_task(model, SHUNT_TASK_CLASSIFY);
    if (!status && model->net.ghost) return ghost_run(model, device, n, height, width, images, logits, NULL);
    if (!status) status = shunt_model_executor(model, device, &executor);
    if (status) return status;
    const int64_t src_dims[] = {n, model->gray ? 1 : 3, height, width}, dst_dims[] = {n, model->net.classes};
    shunt_tensor src = {shunt_tensor_make(SHUNT_F32, 4, src_dims), (void *)images};
    shunt_tensor dst = {shunt_tensor_make(SHUNT_F32, 2, dst_dims), logits};
    return shunt_executor_run(executor, &src, 1, &dst, 1);
}

const char *shunt_model_name(const shunt_model *model)
{
    return model ? model->net.name : NULL;
}

const shunt_graph *shunt_model_graph(const shunt_model *model)
{
    if (!model) return NULL;
    return model->graph;
}

const shunt_weights *shunt_model_weights(const shunt_model *model)
{
    if (!model) return NULL;
    return model->weights;
}

int64_t shunt_model_classes(const shunt_model *model)
{
    if (!model) return 0;
    return model->net.classes;
}

const shunt_preprocess *shunt_model_preprocess(const shunt_model *model)
{
    return model ? &model->preprocess : NULL;
}

const char *shunt_model_assumption(const shunt_model *model)
{
    if (!model) return NULL;
    return *model->assumption ? model->assumption : NULL;
}

const char *shunt_model_input_note(const shunt_model *model)
{
    if (!model) return NULL;
    return *model->input_note ? model->input_note : NULL;
}

void shunt_model_set_preprocess(shunt_model *model, const shunt_preprocess *preprocess)
{
    if (!model || !preprocess) return;
    model->preprocess = *preprocess;
    if (model->gray) model->preprocess.channels = SHUNT_GRAY;
}
