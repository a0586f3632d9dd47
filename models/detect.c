/* detect.c - a picture in, the objects in it out: the network on the device, and what models/detect makes of its results. */
#include "models/detect/detect.h"
#include "models/model.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"

#include <shunt/detect.h>
#include <stdlib.h>

struct shunt_detections {
    shunt_detection *list;
    size_t count;
    int64_t input[2];
};

/* ---- The network's results ------------------------------------------------------------------------------------------- */

enum { MOST_RESULTS = 2 * NET_MOST_LEVELS };
typedef struct results {
    shunt_tensor tensors[MOST_RESULTS];
    size_t count;
} results;

static void free_results(results *self)
{
    for (size_t i = 0; i < self->count; i++) free(self->tensors[i].data);
}

/* Room for all that the graph gives for this input. */
static shunt_status make_results(shunt_executor *executor, const shunt_tensor_desc *input, size_t count, results *out)
{
    shunt_status status = SHUNT_OK;
    *out = (results){.count = 0};
    for (size_t i = 0; !status && i < count; i++) {
        shunt_tensor *one = &out->tensors[i];
        status = shunt_executor_output(executor, input, 1, i, &one->desc);
        if (!status && !(one->data = malloc((size_t)shunt_tensor_bytes(&one->desc)))) status = error_memory();
        out->count++;
    }
    return status;
}

/* The picture through the network. */
static shunt_status run(shunt_model *model, shunt_device *device, const detect_frame *frame, float *pixels,
                        results *out)
{
    const int64_t dims[] = {1, 3, frame->padded[0], frame->padded[1]};
    const shunt_tensor src = {shunt_tensor_make(SHUNT_F32, 4, dims), pixels};
    shunt_executor *executor;
    shunt_status status = shunt_model_executor(model, device, &executor);
    if (!status) status = make_results(executor, &src.desc, 2 * (size_t)model->net.family->anchors->levels, out);
    if (!status) status = shunt_executor_run(executor, &src, 1, out->tensors, out->count);
    for (size_t i = 0; !status && i < out->count; i++)
        status = model_check_finite(model, out->tensors[i].data, (size_t)shunt_tensor_count(&out->tensors[i].desc));
    return status;
}

/* ---- Objects out of results ------------------------------------------------------------------------------------------ */

static shunt_status find(const shunt_model *model, const detect_frame *frame, const results *from,
                         const shunt_detect_options *options, detect_candidate **list, size_t *count)
{
    enum { OF_MAP = 1000 };
    const net_anchors *anchors = model->net.family->anchors;
    dense_map maps[NET_MOST_LEVELS];
    for (int i = 0; i < anchors->levels; i++) {
        const shunt_tensor *logits = &from->tensors[2 * i], *codes = logits + 1;
        maps[i] = (dense_map){{logits->desc.dims[2], logits->desc.dims[3]}, logits->data, codes->data};
    }
    const dense_job job = {.anchors = anchors,
                           .classes = model->net.classes,
                           .frame = frame,
                           .maps = maps,
                           .least_score = options->least_score,
                           .overlap = options->overlap,
                           .most_of_map = OF_MAP,
                           .most = options->most};
    return dense_find(&job, list, count);
}

static shunt_detection to_detection(const detect_candidate *from, const detect_frame *frame)
{
    const detect_box box = box_to_picture(&from->box, frame);
    return (shunt_detection){.box = {(float)box.left, (float)box.top, (float)box.right, (float)box.bottom},
                             .score = (float)from->score,
                             .label = from->label};
}

static shunt_status make_detections(const shunt_model *model, const detect_frame *frame, const results *from,
                                    const shunt_detect_options *options, shunt_detections **out)
{
    detect_candidate *list;
    size_t count;
    shunt_status status = find(model, frame, from, options, &list, &count);
    if (status) return status;
    shunt_detections *made = calloc(1, sizeof *made);
    if (made) made->list = calloc(count + 1, sizeof *made->list);
    if (!made || !made->list) {
        shunt_detections_free(made);
        free(list);
        return error_memory();
    }
    for (size_t i = 0; i < count; i++) made->list[i] = to_detection(&list[i], frame);
    made->count = count;
    for (int i = 0; i < 2; i++) made->input[i] = frame->padded[i];
    free(list);
    *out = made;
    return SHUNT_OK;
}

/* ---- The calls ------------------------------------------------------------------------------------------------------- */

static shunt_status take_options(const shunt_detect_options *given, shunt_detect_options *own)
{
    shunt_status status =
        sized_take(own, sizeof *own, SIZE_THROUGH(shunt_detect_options, overlap), given, "shunt_detect_options");
    if (status) return status;
    if (!own->most) own->most = 300;
    if (!own->longest) own->longest = 1333;
    if (own->least_score == 0) own->least_score = 0.05;
    if (own->overlap == 0) own->overlap = 0.5;
    if (!(own->least_score > 0 && own->least_score < 1) || !(own->overlap > 0 && own->overlap <= 1))
        return error_fail(SHUNT_E_INVALID, "a least score of %g, an overlap of %g; both must be between 0 and 1",
                          own->least_score, own->overlap);
    return SHUNT_OK;
}

static shunt_status detect(shunt_model *model, shunt_device *device, const shunt_image *image,
                           const shunt_detect_options *options, shunt_detections **out)
{
    detect_frame frame;
    results made = {.count = 0};
    shunt_status status = detect_frame_of(image, model->preprocess.resize, options->longest, &frame);
    if (status) return status;
    float *pixels = malloc(3 * sizeof *pixels * (size_t)frame.padded[0] * (size_t)frame.padded[1]);
    status = pixels ? detect_fill(&frame, &model->preprocess, image, pixels) : error_memory();
    if (!status) status = run(model, device, &frame, pixels, &made);
    free(pixels);
    if (!status) status = make_detections(model, &frame, &made, options, out);
    free_results(&made);
    return status;
}

shunt_status shunt_detect(shunt_model *model, shunt_device *device, const shunt_image *image,
                          const shunt_detect_options *options, shunt_detections **out)
{
    if (!model || !device || !image || !out) return error_null(__func__, "model, device, image, out");
    shunt_detect_options own;
    *out = NULL;
    shunt_status status = model_need_task(model, SHUNT_TASK_DETECT);
    if (!status) status = take_options(options, &own);
    if (!status) status = model_need_weights(model);
    if (!status) status = model_check_preprocess(model);
    return status ? status : detect(model, device, image, &own, out);
}

void shunt_detections_free(shunt_detections *detections)
{
    if (!detections) return;
    free(detections->list);
    free(detections);
}

size_t shunt_detections_count(const shunt_detections *detections)
{
    return detections ? detections->count : 0;
}

const shunt_detection *shunt_detections_at(const shunt_detections *detections, size_t index)
{
    return detections && index < detections->count ? &detections->list[index] : NULL;
}

void shunt_detections_input(const shunt_detections *detections, int64_t *height, int64_t *width)
{
    if (!detections || !height || !width) return;
    *height = detections->input[0];
    *width = detections->input[1];
}
