/* object_runs.h - the runs of a network that finds objects: one for the picture, and one for each look into boxes. */
#ifndef SHUNT_MODELS_OBJECT_RUNS_H
#define SHUNT_MODELS_OBJECT_RUNS_H

#include "models/detect/detect.h"
#include "models/model.h"

#include <shunt/detect.h>

/* Results of a run: `count` in memory, then `kept` in buffers of the device, for the next runs. */
enum { RUN_MOST_RESULTS = 3 * NET_MOST_LEVELS };
typedef struct run_results {
    shunt_tensor tensors[RUN_MOST_RESULTS];
    size_t count, kept;
} run_results;

/* Also after a failure. */
void run_results_free(run_results *self);

typedef struct detect_runs {
    shunt_model *model;
    shunt_device *device;
    const shunt_detect_options *options; /* without zeros */
    const padded_frame *frame;           /* of the picture */
    run_results first;
} detect_runs;

/* The network on the picture: self->first. pixels: 3 x frame->padded. */
shunt_status detect_run_first(detect_runs *self, float *pixels);
/* Scores and codes of each map in self->first. */
void detect_dense_maps(const detect_runs *self, dense_map maps[NET_MOST_LEVELS]);
/* Look number `look` at rows of boxes (rows, 5). */
shunt_status detect_run_look(const detect_runs *self, size_t look, size_t rows, float *rois, run_results *out);

/* What proposals are chosen by, or objects in networks without looks. */
dense_job detect_dense_job(const detect_runs *self, const dense_map *maps);
/* The rows of a look: fixed by the size of the input alone, so that there is one plan for all pictures of a size. */
size_t detect_look_rows(const detect_runs *self, size_t look, const dense_job *job);

/* The executor and the inputs of run number `index`, as shunt_detect_run has them; and of the first run's results only the shapes. */
shunt_status detect_describe_run(detect_runs *self, const int64_t padded[2], size_t index, shunt_executor **executor,
                                 shunt_tensor_desc *inputs, size_t *ninputs);

#endif
