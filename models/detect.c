/* detect.c - a picture in, the objects in it out: the network on the device, and what models/detect makes of its results. */
#include "models/object_runs.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"

#include <math.h>
#include <shunt/detect.h>
#include <stdlib.h>

struct shunt_detections {
    shunt_detection *list;
    size_t count;
    int64_t input[2], picture[2];
    float *masks;      /* probabilities, DETECT_MASK x DETECT_MASK for each object; NULL: the network has none */
    detect_box *boxes; /* where they are, in pixels of the picture */
};

/* ---- Objects out of results ------------------------------------------------------------------------------------------ */

static shunt_status look(const detect_runs *runs, const dense_job *proposing, const detect_candidate *proposals,
                         size_t nproposals, detect_candidate **list, size_t *count)
{
    const size_t rows = detect_look_rows(runs, 0, proposing);
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

/* ---- Masks ----------------------------------------------------------------------------------------------------------- */

enum { MASK_PIXELS = DETECT_MASK * DETECT_MASK };

/* Of each object the mask of its own class. logits: (rows, classes, 28, 28). */
static void take_masks(const float *logits, int64_t classes, const detect_candidate *objects, size_t count, float *dst)
{
    for (size_t i = 0; i < count; i++) {
        const float *from = logits + ((int64_t)i * classes + objects[i].label) * MASK_PIXELS;
        for (int k = 0; k < MASK_PIXELS; k++) *dst++ = (float)(1 / (1 + exp(-(double)from[k])));
    }
}

static shunt_status find_masks(const detect_runs *runs, const detect_candidate *objects, size_t count,
                               shunt_detections *made)
{
    enum { LOOK = 1 };
    const size_t rows = detect_look_rows(runs, LOOK, NULL);
    run_results results = {.count = 0};
    if (!count) return SHUNT_OK;
    float *rois = reallocarray(NULL, 5 * rows, sizeof *rois);
    if (!rois) return error_memory();
    regions_fill(objects, count, rows, rois);
    shunt_status status = detect_run_look(runs, LOOK, rows, rois, &results);
    if (!status) take_masks(results.tensors[0].data, runs->model->net.classes, objects, count, made->masks);
    run_results_free(&results);
    free(rois);
    return status;
}

/* ---- All that was found ---------------------------------------------------------------------------------------------- */

static shunt_detection to_detection(const detect_candidate *from, const detect_box *box)
{
    return (shunt_detection){.box = {(float)box->left, (float)box->top, (float)box->right, (float)box->bottom},
                             .score = (float)from->score,
                             .label = from->label};
}

/* Room for `count` objects, with masks or without. */
static shunt_detections *new_detections(size_t count, bool masks)
{
    shunt_detections *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->list = calloc(count + 1, sizeof *made->list);
    made->boxes = calloc(count + 1, sizeof *made->boxes);
    if (masks) made->masks = calloc(count + 1, MASK_PIXELS * sizeof *made->masks);
    if (made->list && made->boxes && (made->masks || !masks)) return made;
    shunt_detections_free(made);
    return NULL;
}

static shunt_status make_detections(const detect_runs *runs, shunt_detections **out)
{
    const bool masks = runs->model->net.family->nlooks > 1;
    detect_candidate *list;
    size_t count;
    shunt_status status = find(runs, &list, &count);
    if (status) return status;
    shunt_detections *made = new_detections(count, masks);
    if (!made) {
        free(list);
        return error_memory();
    }
    for (size_t i = 0; i < count; i++) {
        made->boxes[i] = box_to_picture(&list[i].box, runs->frame);
        made->list[i] = to_detection(&list[i], &made->boxes[i]);
    }
    made->count = count;
    for (int i = 0; i < 2; i++) made->input[i] = runs->frame->padded[i], made->picture[i] = runs->frame->picture[i];
    if (masks) status = find_masks(runs, list, count, made);
    free(list);
    if (status)
        shunt_detections_free(made);
    else
        *out = made;
    return status;
}

/* ---- The calls ------------------------------------------------------------------------------------------------------- */

static shunt_status take_options(const shunt_model *model, const shunt_detect_options *given, shunt_detect_options *own)
{
    enum { MOST_MASKS = 1000 };
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
    if (family->nlooks > 1 && own->most > MOST_MASKS)
        return error_fail(SHUNT_E_INVALID, "%u objects; %s takes at most %d, since each has a mask", own->most,
                          model->net.name, MOST_MASKS);
    if (family->nlooks && !own->proposals) own->proposals = (uint32_t)family->looks[0].most;
    return SHUNT_OK;
}

static shunt_status detect(detect_runs *runs, const shunt_image *image, shunt_detections **out)
{
    padded_frame frame;
    const shunt_model *model = runs->model;
    shunt_status status = padded_frame_of(image, model->preprocess.resize, runs->options->longest, &frame);
    if (status) return status;
    runs->frame = &frame;
    float *pixels = malloc(3 * sizeof *pixels * (size_t)frame.padded[0] * (size_t)frame.padded[1]);
    status = pixels ? padded_fill(&frame, &model->preprocess, image, pixels) : error_memory();
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
    free(detections->boxes);
    free(detections->masks);
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

int shunt_detections_have_masks(const shunt_detections *detections)
{
    return detections && detections->masks;
}

shunt_status shunt_detections_mask(const shunt_detections *detections, size_t index, float *probabilities)
{
    if (!detections || !probabilities) return error_null(__func__, "detections, probabilities");
    if (!detections->masks) return error_fail(SHUNT_E_UNSUPPORTED, "the network finds no masks");
    if (index >= detections->count) return error_fail(SHUNT_E_NOT_FOUND, "object %zu of %zu", index, detections->count);
    detect_paste(detections->masks + index * MASK_PIXELS, &detections->boxes[index], detections->picture,
                 probabilities);
    return SHUNT_OK;
}
