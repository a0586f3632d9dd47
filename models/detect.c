/* detect.c - a picture in, the objects in it out: the network on the device, and what models/detect makes of its results. */
#include "models/object_runs.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"

#include <shunt/detect.h>
#include <stdlib.h>

struct shunt_detections {
    shunt_detection *list;
    size_t count;
    int64_t input[2];
};

/* ---- Objects out of results ------------------------------------------------------------------------------------------ */

static shunt_status look(const detect_runs *runs, const dense_job *proposing, const detect_candidate *proposals,
                         size_t nproposals, detect_candidate **list, size_t *count)
{
    const size_t rows = detect_look_rows(runs, proposing);
    run_results made = {.count = 0};
    float *rois = reallocarray(NULL, 5 * rows, sizeof *rois);
    if (!rois) return error_memory();
    regions_fill(proposals, nproposals, rows, rois);
    shunt_status status = detect_run_look(runs, 0, rows, rois, &made);
    if (!status)
        status = regions_find(&(regions_job){.classes = runs->model->net.classes,
                                             .frame = runs->frame,
                                             .proposals = proposals,
                                             .count = nproposals,
                                             .logits = made.tensors[0].data,
                                             .codes = made.tensors[1].data,
                                             .least_score = runs->options->least_score,
                                             .overlap = runs->options->overlap,
                                             .most = runs->options->most},
                              list, count);
    run_results_free(&made);
    free(rois);
    return status;
}

static shunt_status find(const detect_runs *runs, detect_candidate **list, size_t *count)
{
    dense_map maps[NET_MOST_LEVELS];
    detect_candidate *proposals;
    size_t nproposals;
    detect_dense_maps(runs, maps);
    const dense_job job = detect_dense_job(runs, maps);
    if (!runs->model->net.family->nlooks) return dense_find(&job, list, count);
    shunt_status status = dense_find(&job, &proposals, &nproposals);
    if (!status) status = look(runs, &job, proposals, nproposals, list, count);
    free(proposals);
    return status;
}

static shunt_detection to_detection(const detect_candidate *from, const detect_frame *frame)
{
    const detect_box box = box_to_picture(&from->box, frame);
    return (shunt_detection){.box = {(float)box.left, (float)box.top, (float)box.right, (float)box.bottom},
                             .score = (float)from->score,
                             .label = from->label};
}

static shunt_status make_detections(const detect_runs *runs, shunt_detections **out)
{
    detect_candidate *list;
    size_t count;
    shunt_status status = find(runs, &list, &count);
    if (status) return status;
    shunt_detections *made = calloc(1, sizeof *made);
    if (made) made->list = calloc(count + 1, sizeof *made->list);
    if (!made || !made->list) {
        shunt_detections_free(made);
        free(list);
        return error_memory();
    }
    for (size_t i = 0; i < count; i++) made->list[i] = to_detection(&list[i], runs->frame);
    made->count = count;
    for (int i = 0; i < 2; i++) made->input[i] = runs->frame->padded[i];
    free(list);
    *out = made;
    return SHUNT_OK;
}

/* ---- The calls ------------------------------------------------------------------------------------------------------- */

static shunt_status take_options(const shunt_model *model, const shunt_detect_options *given, shunt_detect_options *own)
{
    const net_family *family = model->net.family;
    shunt_status status =
        sized_take(own, sizeof *own, SIZE_THROUGH(shunt_detect_options, overlap), given, "shunt_detect_options");
    if (status) return status;
    if (!own->most) own->most = family->most;
    if (!own->longest) own->longest = 1333;
    if (own->least_score == 0) own->least_score = 0.05;
    if (own->overlap == 0) own->overlap = 0.5;
    if (!(own->least_score > 0 && own->least_score < 1) || !(own->overlap > 0 && own->overlap <= 1))
        return error_fail(SHUNT_E_INVALID, "a least score of %g, an overlap of %g; both must be between 0 and 1",
                          own->least_score, own->overlap);
    if (own->proposals && !family->nlooks)
        return error_fail(SHUNT_E_INVALID, "%s proposes no boxes that could be limited", model->net.name);
    if (family->nlooks && own->proposals > family->looks[0].most)
        return error_fail(SHUNT_E_INVALID, "%u proposals; %s takes at most %lld", own->proposals, model->net.name,
                          (long long)family->looks[0].most);
    if (family->nlooks && !own->proposals) own->proposals = (uint32_t)family->looks[0].most;
    return SHUNT_OK;
}

static shunt_status detect(detect_runs *runs, const shunt_image *image, shunt_detections **out)
{
    detect_frame frame;
    const shunt_model *model = runs->model;
    shunt_status status = detect_frame_of(image, model->preprocess.resize, runs->options->longest, &frame);
    if (status) return status;
    runs->frame = &frame;
    float *pixels = malloc(3 * sizeof *pixels * (size_t)frame.padded[0] * (size_t)frame.padded[1]);
    status = pixels ? detect_fill(&frame, &model->preprocess, image, pixels) : error_memory();
    if (!status) status = detect_run_first(runs, pixels);
    free(pixels);
    if (!status) status = make_detections(runs, out);
    run_results_free(&runs->first);
    return status;
}

/* Whether the model can, and the options without zeros. */
static shunt_status check(shunt_model *model, const shunt_detect_options *options, shunt_detect_options *own)
{
    shunt_status status = model_need_task(model, SHUNT_TASK_DETECT);
    if (!status) status = take_options(model, options, own);
    if (!status) status = model_need_weights(model);
    return status ? status : model_check_preprocess(model);
}

shunt_status shunt_detect(shunt_model *model, shunt_device *device, const shunt_image *image,
                          const shunt_detect_options *options, shunt_detections **out)
{
    if (!model || !device || !image || !out) return error_null(__func__, "model, device, image, out");
    shunt_detect_options own;
    detect_runs runs = {.model = model, .device = device, .options = &own};
    *out = NULL;
    shunt_status status = check(model, options, &own);
    return status ? status : detect(&runs, image, out);
}

shunt_status shunt_detect_run(shunt_model *model, shunt_device *device, int64_t height, int64_t width,
                              const shunt_detect_options *options, size_t index, shunt_executor **executor,
                              shunt_tensor_desc *inputs, size_t *ninputs)
{
    if (!model || !device || !executor || !inputs || !ninputs)
        return error_null(__func__, "model, device, executor, inputs, ninputs");
    shunt_detect_options own;
    detect_runs runs = {.model = model, .device = device, .options = &own};
    shunt_status status = check(model, options, &own);
    if (status) return status;
    if (height < 1 || width < 1)
        return error_fail(SHUNT_E_INVALID, "an input of %lld x %lld", (long long)height, (long long)width);
    return detect_describe_run(&runs, (const int64_t[]){height, width}, index, executor, inputs, ninputs);
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
