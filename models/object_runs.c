/* object_runs.c - see object_runs.h. */
#include "models/object_runs.h"
#include "runtime/base/error.h"

#include <shunt/async.h>
#include <stdlib.h>

void run_results_free(run_results *self)
{
    for (size_t i = 0; i < self->count + self->kept; i++) {
        free(self->tensors[i].data);
        shunt_buffer_destroy(self->tensors[i].buffer);
    }
    *self = (run_results){.count = 0};
}

/* ---- One run --------------------------------------------------------------------------------------------------------- */

static size_t count_scores(const net_family *family)
{
    return 2 * (size_t)family->anchors->levels;
}

static shunt_status executor_of(const detect_runs *self, size_t part, shunt_executor **out)
{
    const bool whole = !self->model->net.family->nlooks;
    return model_executor_of(self->model, self->device, whole ? MODEL_WHOLE : (int)part, out);
}

/* Room for what a run gives. */
static shunt_status make_room(const detect_runs *self, shunt_executor *executor, const shunt_tensor_desc *inputs,
                              size_t ninputs, run_results *out)
{
    shunt_status status = SHUNT_OK;
    for (size_t i = 0; !status && i < out->count + out->kept; i++) {
        shunt_tensor *one = &out->tensors[i];
        status = shunt_executor_output(executor, inputs, ninputs, i, &one->desc);
        if (status) break;
        const size_t bytes = (size_t)shunt_tensor_bytes(&one->desc);
        if (i >= out->count)
            status = shunt_buffer_create(self->device, bytes, &one->buffer);
        else if (!(one->data = malloc(bytes)))
            status = error_memory();
    }
    return status;
}

/* out: with its counts set. */
static shunt_status run_part(const detect_runs *self, size_t part, const shunt_tensor *inputs, size_t ninputs,
                             run_results *out)
{
    shunt_tensor_desc descs[SHUNT_DETECT_MOST_INPUTS];
    shunt_executor *executor;
    for (size_t i = 0; i < ninputs; i++) descs[i] = inputs[i].desc;
    shunt_status status = executor_of(self, part, &executor);
    if (!status) status = make_room(self, executor, descs, ninputs, out);
    if (!status) status = shunt_executor_run(executor, inputs, ninputs, out->tensors, out->count + out->kept);
    for (size_t i = 0; !status && i < out->count; i++)
        status =
            model_check_finite(self->model, out->tensors[i].data, (size_t)shunt_tensor_count(&out->tensors[i].desc));
    return status;
}

static shunt_tensor_desc picture_desc(const int64_t padded[2])
{
    return shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){1, 3, padded[0], padded[1]});
}

static shunt_tensor_desc boxes_desc(size_t rows)
{
    return shunt_tensor_make(SHUNT_F32, 2, (const int64_t[]){(int64_t)rows, 5});
}

shunt_status detect_run_first(detect_runs *self, float *pixels)
{
    const net_family *family = self->model->net.family;
    const shunt_tensor src = {.desc = picture_desc(self->frame->padded), .data = pixels};
    self->first = (run_results){.count = count_scores(family), .kept = (size_t)family->maps};
    return run_part(self, 0, &src, 1, &self->first);
}

shunt_status detect_run_look(const detect_runs *self, size_t look, size_t rows, float *rois, run_results *out)
{
    const net_family *family = self->model->net.family;
    shunt_tensor inputs[SHUNT_DETECT_MOST_INPUTS];
    const size_t maps = (size_t)family->maps;
    for (size_t i = 0; i < maps; i++) inputs[i] = self->first.tensors[self->first.count + i];
    inputs[maps] = (shunt_tensor){.desc = boxes_desc(rows), .data = rois};
    *out = (run_results){.count = family->looks[look].results};
    return run_part(self, 1 + look, inputs, maps + 1, out);
}

/* ---- What comes of it ------------------------------------------------------------------------------------------------- */

void detect_dense_maps(const detect_runs *self, dense_map maps[NET_MOST_LEVELS])
{
    for (int i = 0; i < self->model->net.family->anchors->levels; i++) {
        const shunt_tensor *logits = &self->first.tensors[2 * i], *codes = logits + 1;
        maps[i] = (dense_map){{logits->desc.dims[2], logits->desc.dims[3]}, logits->data, codes->data};
    }
}

/* torchvision's numbers. */
dense_job detect_dense_job(const detect_runs *self, const dense_map *maps)
{
    enum { OF_MAP = 1000 };
    const net_spec *net = &self->model->net;
    const shunt_detect_options *options = self->options;
    dense_job job = {.anchors = net->family->anchors,
                     .classes = net->classes,
                     .frame = self->frame,
                     .maps = maps,
                     .least_score = options->least_score,
                     .overlap = options->overlap,
                     .most_of_map = OF_MAP,
                     .most = options->most};
    if (!net->family->nlooks) return job;
    job.classes = 1; /* an object, or none */
    job.least_score = -1;
    job.overlap = 0.7;
    job.least_side = 1e-3;
    job.by_level = true;
    job.most = detect_look_rows(self, 0, &job);
    return job;
}

/* Look 0 sees proposals, others the objects. */
size_t detect_look_rows(const detect_runs *self, size_t look, const dense_job *job)
{
    if (look > 0) return self->options->most;
    const size_t room = dense_room(job), most = self->options->proposals;
    return room < most ? room : most;
}

/* ---- Which runs there are ----------------------------------------------------------------------------------------------- */

/* The maps and boxes of a look, for the picture that inputs[0] describes. */
static shunt_status describe_look(detect_runs *self, shunt_executor *first, size_t look, shunt_tensor_desc *inputs,
                                  size_t *ninputs)
{
    const net_family *family = self->model->net.family;
    const shunt_tensor_desc picture = inputs[0];
    const size_t scores = count_scores(family);
    dense_map maps[NET_MOST_LEVELS];
    shunt_status status = SHUNT_OK;
    for (size_t i = 0; !status && i < scores; i++)
        status = shunt_executor_output(first, &picture, 1, i, &self->first.tensors[i].desc);
    for (*ninputs = 0; !status && *ninputs < (size_t)family->maps; ++*ninputs)
        status = shunt_executor_output(first, &picture, 1, scores + *ninputs, &inputs[*ninputs]);
    if (status) return status;
    detect_dense_maps(self, maps);
    const dense_job job = detect_dense_job(self, maps);
    inputs[(*ninputs)++] = boxes_desc(detect_look_rows(self, look, &job));
    return SHUNT_OK;
}

shunt_status detect_describe_run(detect_runs *self, const int64_t padded[2], size_t index, shunt_executor **executor,
                                 shunt_tensor_desc *inputs, size_t *ninputs)
{
    const net_family *family = self->model->net.family;
    if (index > family->nlooks)
        return error_fail(SHUNT_E_NOT_FOUND, "%s takes %zu runs", self->model->net.name, 1 + family->nlooks);
    inputs[0] = picture_desc(padded);
    *ninputs = 1;
    shunt_status status = executor_of(self, 0, executor);
    if (!status && index) status = describe_look(self, *executor, index - 1, inputs, ninputs);
    return !status && index ? executor_of(self, index, executor) : status;
}
