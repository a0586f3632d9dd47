/* look.h - looking into networks without training them: what their layers give, and what is left of them when
 * blocks are taken out. Gradients on one batch: shunt_gradient_norms (train.h).
 *
 *     #include <stdio.h>
 *     int main(void)
 *     {
 *         shunt_model *model; shunt_graph *graph; shunt_block block;
 *         if (shunt_model_create("resnet20", NULL, &model)) return 1;
 *         for (size_t i = 0; shunt_model_block(model, i, &block); i++) puts(block.name);
 *         if (shunt_model_without(model, (const char *const[]){"layer2.1"}, 1, &graph)) return 1;
 *         shunt_graph_destroy(graph);
 *         shunt_model_destroy(model);
 *     }
 */
#ifndef SHUNT_LOOK_H
#define SHUNT_LOOK_H

#include <shunt/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Blocks taken out ------------------------------------------------------------------------------------------- */

typedef struct shunt_block {
    char name[32]; /* "layer1.0", with which the names of its parameters begin */
    int reshapes;  /* != 0: its result has another shape than what it gets */
    int needed;    /* != 0: cannot be taken out. A plain net's that reshapes: nothing else carries on what it gets */
} shunt_block;
/* Block number `index`, in the order that pictures go through them. 0: past the last one. Networks out of ONNX files
 * have none that are known. */
SHUNT_API int shunt_model_block(const shunt_model *model, size_t index, shunt_block *out);

/* The model's network without the convolutions of these blocks: of a residual block its shortcut stays, which is all of the
 * input where that is the identity; a plain net's block vanishes. The model's weights fit it, though it has no use for some. */
SHUNT_API shunt_status shunt_model_without(const shunt_model *model, const char *const *blocks, size_t nblocks,
                                           shunt_graph **out);

/* ---- Responses of layers ---------------------------------------------------------------------------------------- */

/* Adds results to the graph: for each convolution of kernel x kernel (0: of any size), under its name, what it gives after
 * its batch norm, before ReLU and addition. One without a batch norm: what it gives itself. */
SHUNT_API shunt_status shunt_graph_output_responses(shunt_graph *graph, int64_t kernel);

typedef struct shunt_response {
    char name[64];          /* of the convolution, cut if it is longer */
    uint64_t count;         /* the numbers it gave: pictures x channels x height x width */
    double mean, deviation; /* of all of them together */
} shunt_response;

typedef struct shunt_response_options {
    uint32_t size; /* sizeof(shunt_response_options); 0: as in the first version */
    int64_t kernel;                                /* as above; the paper's Fig. 7: 3 */
    size_t limit;                                  /* only so many pictures; 0: all */
    int64_t batch;                                 /* pictures in one run; 0: what memory suggests */
    int64_t workers;                               /* threads that read pictures; 0: as many as processors, at most 8 */
    void (*progress)(void *context, int64_t done); /* or NULL; after each run: pictures so far */
    void *context;
} shunt_response_options;
/* Of a network for inference, over the pictures of a set. *responses, in the order of the layers, is to be freed. options
 * NULL: all 0. */
SHUNT_API shunt_status shunt_measure_responses(const shunt_graph *graph, const shunt_weights *weights,
                                               shunt_device *device, const shunt_dataset *data,
                                               const shunt_preprocess *preprocess,
                                               const shunt_response_options *options, shunt_response **responses,
                                               size_t *count);

#ifdef __cplusplus
}
#endif
#endif
