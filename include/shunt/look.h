/* look.h - examining a trained network: the responses of its layers, and the network without some of its blocks. For gradients
 * on one batch see shunt_gradient_norms (train.h).
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

/* ---- Removing blocks -------------------------------------------------------------------------------------------- */

typedef struct shunt_block {
    char name
        [32]; /* "layer1.0": its parameters' names begin with it; of a backbone, behind "backbone." or "backbone.body." */
    int reshapes; /* != 0: its result differs from its input in shape */
    int needed;   /* != 0: it cannot be removed, as in a plain net a block that reshapes: it has no shortcut */
} shunt_block;
/* Block number `index`, in execution order. Returns 0 past the last one. Networks from ONNX files have no known blocks. */
SHUNT_API int shunt_model_block(const shunt_model *model, size_t index, shunt_block *out);

/* The model's network without the convolutions of these blocks. Of a residual block the shortcut remains; if that is the
 * identity, the input passes unchanged. A plain net's block is removed entirely. The model's weights still fit; some are unused. */
SHUNT_API shunt_status shunt_model_without(const shunt_model *model, const char *const *blocks, size_t nblocks,
                                           shunt_graph **out);

/* The weights without the residual blocks that compute exactly their input: those with the identity as their shortcut, whose last batch
 * norm has only zeros as scale and shift (recipe->prune in train.h brings them there). The blocks that follow move up, and the metadata
 * name the smaller network, "resnet56-5-3-8", whose logits are the same; it is opened and trained like any other. *dropped: how
 * many blocks; 0 gives a copy. A network that has no such shortcuts is SHUNT_E_UNSUPPORTED. Destroy with shunt_weights_destroy. */
SHUNT_API shunt_status shunt_model_drop_zero_blocks(const shunt_model *model, shunt_weights **out, size_t *dropped);

/* ---- Responses of layers ---------------------------------------------------------------------------------------- */

/* Adds the response of each kernel x kernel convolution (0: any size) to the graph's results, under the convolution's name. The
 * response is the value after its batch norm, before ReLU and addition; without a batch norm, the convolution's own result. */
SHUNT_API shunt_status shunt_graph_output_responses(shunt_graph *graph, int64_t kernel);

typedef struct shunt_response {
    char name[64];          /* of the convolution; a longer name is cut */
    uint64_t count;         /* numbers measured: pictures x channels x height x width */
    double mean, deviation; /* over all these numbers */
} shunt_response;

typedef struct shunt_response_options {
    uint32_t size;   /* sizeof(shunt_response_options); 0: as in the first version */
    int64_t kernel;  /* as above; the paper's Fig. 7 has 3 */
    size_t limit;    /* the largest number of pictures; 0: all */
    int64_t batch;   /* pictures in one run; 0: chosen to fit the memory */
    int64_t workers; /* threads that read pictures; 0: the number of processors, at most 8 */
    void (*progress)(void *context, int64_t done); /* called after each run with the pictures done; or NULL */
    void *context;
} shunt_response_options;
/* Measures the responses of an inference network over the pictures of a set. *responses is in the order of the layers; free it
 * with free(). options NULL: all 0. */
SHUNT_API shunt_status shunt_measure_responses(const shunt_graph *graph, const shunt_weights *weights,
                                               shunt_device *device, const shunt_dataset *data,
                                               const shunt_preprocess *preprocess,
                                               const shunt_response_options *options, shunt_response **responses,
                                               size_t *count);

/* ---- Embeddings and feature maps -------------------------------------------------------------------------------- */

/* Values of one picture: values[i] is of names[i], with desc.dims[0] = 1. Returns != 0 to stop. */
typedef struct shunt_embedding {
    size_t index;               /* of the picture in the data set */
    const shunt_tensor *values; /* live until the handler returns */
    size_t nvalues;
} shunt_embedding;
typedef int (*shunt_embedding_handler)(void *context, const shunt_embedding *embedding);

typedef struct shunt_embed_options {
    uint32_t size;            /* sizeof(shunt_embed_options); 0: as in the first version */
    const char *const *names; /* as in shunt_graph_cut; nnames 0: what shunt_graph_features says */
    size_t nnames;
    size_t limit;                    /* the largest number of pictures; 0: all */
    int64_t batch;                   /* pictures in one run; 0: chosen to fit the memory */
    int64_t workers;                 /* threads that read pictures; 0: the number of processors, at most 8 */
    shunt_embedding_handler handler; /* called in the order of the pictures, in the thread of shunt_embed */
    void *context;
} shunt_embed_options;
/* Runs the pictures of a set through the model up to these values, with the model's preprocessing. A picture that cannot be read
 * is an error, which names it. */
SHUNT_API shunt_status shunt_embed(shunt_model *model, shunt_device *device, const shunt_dataset *data,
                                   const shunt_embed_options *options);

#ifdef __cplusplus
}
#endif
#endif
