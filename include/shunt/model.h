/* model.h - networks by name or from a file, with weights, labels and preprocessing: classifying pictures.
 *
 *     #include <stdio.h>
 *     int main(int argc, char **argv)
 *     {
 *         shunt_device *device; shunt_model *model; shunt_guess top[5]; size_t n;
 *         if (argc < 3 || shunt_device_open(NULL, NULL, &device) || shunt_model_create("resnet18", NULL, &model) ||
 *             shunt_model_load(model, argv[1]) || shunt_classify(model, device, argv[2], 5, top, &n))
 *             return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         for (size_t i = 0; i < n; i++) printf("%5.1f %%  %s\n", 100 * top[i].probability, top[i].label ? top[i].label : "");
 *         shunt_model_destroy(model);
 *         shunt_device_close(device);
 *     }
 */
#ifndef SHUNT_MODEL_H
#define SHUNT_MODEL_H

#include <shunt/data.h>
#include <shunt/run.h>
#include <shunt/weights.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What networks with frozen batch norms, those that find objects, add to a variance before they divide by its root. Weight files do not
 * hold it. KNOWN: 0 for the files that torchvision published for it, known by their SHA-256, as the file says if it was saved here, else 1e-5. */
typedef enum shunt_epsilon { SHUNT_EPSILON_KNOWN, SHUNT_EPSILON_1E_5, SHUNT_EPSILON_0 } shunt_epsilon;

typedef struct shunt_model_options {
    uint32_t size; /* sizeof(shunt_model_options); 0: as in the first version */
    int64_t
        classes; /* 0: 1000, 10 for the CIFAR nets, 21 for those that label pixels, 91 for those that find objects */
    int64_t height, width; /* 0: 224, 32, 520 or 800; the graph's own size: plans for other sizes are made on demand */
    char shortcut;         /* 'A', 'B', 'C'; 0: B, or A for the CIFAR nets */
    int v1;                /* != 0: stride in the bottleneck's 1x1, as in the paper; else in its 3x3 (v1.5) */
    const char *name;      /* shunt_model_open: the network of a weight file that does not name it; or NULL */
    shunt_epsilon epsilon; /* of networks that find objects */
    int auxiliary; /* != 0: networks that label pixels get the second head that only helps training, and so a second result */
} shunt_model_options;

/* name: a network of docs/models.md, such as resnet50, plain34, resnet20, cifar-resnet18, mini-resnet, cnn. resnetD and plainD with
 * D = 6n+2 are CIFAR nets; if D is also a depth of the ImageNet networks, as 50 is, the CIFAR net is cifar-resnetD. options NULL:
 * all defaults. The model has no weights yet. */
SHUNT_API shunt_status shunt_model_create(const char *name, const shunt_model_options *options, shunt_model **out);
/* Opens a file that holds a network with its weights. Options that are not 0 override what the file says.
 * ONNX, opsets 7 to 25 (docs/onnx.md): height and width apply if the file leaves them open. If options name a network, the file is
 * read as weights of that network; else the other options do not apply. A softmax at the end is left out: results are logits.
 * A weight file, or a folder of one: the file must name its network, as Shunt's own files do, or the options must. */
SHUNT_API shunt_status shunt_model_open(const char *path, const shunt_model_options *options, shunt_model **out);
/* The same from a file's bytes, which are copied. The model cannot have data in further files. */
SHUNT_API shunt_status shunt_model_open_bytes(const void *bytes, size_t nbytes, const shunt_model_options *options,
                                              shunt_model **out);
SHUNT_API void shunt_model_destroy(shunt_model *model);
SHUNT_API const char *shunt_model_name(const shunt_model *model);
/* Lives as long as the model; of a network that finds objects until weights are loaded. */
SHUNT_API const shunt_graph *shunt_model_graph(const shunt_model *model);
SHUNT_API const shunt_weights *shunt_model_weights(const shunt_model *model); /* NULL before there are any */
/* The name of a family of models by number, for lists; NULL past the end. */
SHUNT_API const char *shunt_model_family(size_t index);

/* What a network tells: the class of a picture, of each of its pixels (segment.h), or which objects are where in it (detect.h). */
typedef enum shunt_task { SHUNT_TASK_CLASSIFY, SHUNT_TASK_SEGMENT, SHUNT_TASK_DETECT } shunt_task;
SHUNT_API shunt_task shunt_model_task(const shunt_model *model);

/* Reads a weight file with torchvision's, timm's, Hugging Face's or akamaster's names, and the labels and preprocessing
 * that its metadata may hold. The error lists up to ten tensors that are missing, unknown or of the wrong shape. */
SHUNT_API shunt_status shunt_model_load(shunt_model *model, const char *path);
SHUNT_API shunt_status shunt_model_load_bytes(shunt_model *model, const void *bytes, size_t nbytes);
/* Random but reproducible: every element is a function of tensor name, element index and seed (docs/random-weights.md). */
SHUNT_API shunt_status shunt_model_randomize(shunt_model *model, uint64_t seed);
/* Writes weights, labels and preprocessing. */
SHUNT_API shunt_status shunt_model_save(const shunt_model *model, const char *path);
/* One label per line; as many as outcomes (below). */
SHUNT_API shunt_status shunt_model_load_labels(shunt_model *model, const char *path);
SHUNT_API const char *shunt_model_label(const shunt_model *model, int64_t index); /* NULL: there are none */

/* The model's executor on a device, made on first use and kept until the model is destroyed; the device must outlive it. */
SHUNT_API shunt_status shunt_model_executor(shunt_model *model, shunt_device *device, shunt_executor **out);
/* images: N x 3 x height x width, preprocessed, or N x 1 x height x width for a network of one channel; logits: N x classes. */
SHUNT_API shunt_status shunt_model_run(shunt_model *model, shunt_device *device, int64_t n, int64_t height,
                                       int64_t width, const float *images, float *logits);
/* The number of scores for a picture: K of N x K. */
SHUNT_API int64_t shunt_model_classes(const shunt_model *model);

/* How scores become probabilities. AUTO: SIGMOID for one score; MULTI_LABEL for an ONNX graph of several that ends in a
 * Sigmoid; else SOFTMAX. SIGMOID: of one score, the probability of class 1 against class 0. MULTI_LABEL: of each score by
 * itself, so that they do not add up to 1. */
typedef enum shunt_head { SHUNT_HEAD_AUTO, SHUNT_HEAD_SOFTMAX, SHUNT_HEAD_SIGMOID, SHUNT_HEAD_MULTI_LABEL } shunt_head;
/* "auto", "softmax", "sigmoid", "multi-label"; NULL for any other number. */
SHUNT_API const char *shunt_head_name(shunt_head head);
/* SHUNT_E_INVALID if it does not fit the number of scores. Drops the labels if the number of outcomes changes. */
SHUNT_API shunt_status shunt_model_set_head(shunt_model *model, shunt_head head);
SHUNT_API shunt_head shunt_model_head(const shunt_model *model); /* never AUTO */
/* The number of classes with a probability and a label: 2 for SIGMOID, else shunt_model_classes. */
SHUNT_API int64_t shunt_model_outcomes(const shunt_model *model);

/* Of networks that choose their blocks, "ghost-resnet38": a policy gives each block whose shortcut is the identity a gate from 0 to 1 for
 * each picture, and blocks run for the pictures whose gate is above the threshold, 0.5 unless it is set. shunt_model_run, classifying and
 * predicting skip all others; a picture's result does not depend on which others run with it. The model's graph computes all blocks, at
 * 0.5, for whatever else takes it. SHUNT_E_UNSUPPORTED: the network has no policy. */
SHUNT_API shunt_status shunt_model_set_ghost(shunt_model *model, double threshold);
typedef struct shunt_ghost {
    size_t blocks; /* that the policy chooses from */
    double threshold;
    double policy, least,
        most; /* multiply-adds of a picture of the network's size: of the policy alone; of all if no block runs; if all run */
} shunt_ghost;
SHUNT_API shunt_status shunt_model_ghost(const shunt_model *model, shunt_ghost *out);

/* How pictures are prepared for the model: as its weight file says, or else as is usual for its family. */
SHUNT_API const shunt_preprocess *shunt_model_preprocess(const shunt_model *model);
/* What the type of an ONNX graph's input, or its first ops, say about preprocessing, as a text for people; NULL: nothing
 * special. The model's preprocessing follows it. */
SHUNT_API const char *shunt_model_input_note(const shunt_model *model);
/* What was assumed about the network, as a text for people, where the weight file fits several networks and does not say which one
 * it is (docs/models.md); NULL: nothing. Lives as long as the model. */
SHUNT_API const char *shunt_model_assumption(const shunt_model *model);
SHUNT_API void shunt_model_set_preprocess(shunt_model *model, const shunt_preprocess *preprocess);

/* ---- Classifying ------------------------------------------------------------------------------------------------- */

typedef struct shunt_guess {
    int64_t index;
    const char *label; /* NULL: no labels; lives as long as the model */
    float probability;
} shunt_guess;
/* Reads, preprocesses and classifies one picture: the `top` most probable classes, best first. *found <= top. */
SHUNT_API shunt_status shunt_classify(shunt_model *model, shunt_device *device, const char *image_path, size_t top,
                                      shunt_guess *guesses, size_t *found);

/* The same for n pictures in memory, which run together: guesses is n x top, found n. A failure that is one picture's of several
 * names its number, from 0. */
SHUNT_API shunt_status shunt_classify_frames(shunt_model *model, shunt_device *device, const shunt_frame *frames,
                                             size_t n, size_t top, shunt_guess *guesses, size_t *found);

/* Preprocessing as a graph, for the device, so that the host only decodes. `frame` says what the frames are like: pixels, yuv, height,
 * width, strides, none of them negative; where its planes lie is not looked at. The graph's inputs are the planes' bytes, u8: "frames",
 * (1, height, bytes from row to row). NV12 frames have a second one, "chroma", (1, (height + 1) / 2, bytes from row to row). Run it with
 * more frames at a time as any graph. Its result: what shunt_preprocess_frames gives, (1, planes, crop, crop), from values that differ by
 * at most 1/255 of the range. Plan it in float32: float16 makes it 3/255, and bfloat16 rounds the pixels. Graph and weights are the
 * caller's. With its result in a shunt_buffer (async.h) that is the network's input, no picture comes back to the host. */
SHUNT_API shunt_status shunt_preprocess_graph(const shunt_preprocess *preprocess, const shunt_frame *frame,
                                              shunt_graph **graph, shunt_weights **weights);

/* The probabilities of a picture's outcomes from its scores (shunt_model_classes of them), by the model's head. They are computed
 * in double. */
SHUNT_API shunt_status shunt_model_probabilities(const shunt_model *model, const float *scores, float *probabilities);
/* exp(score) / sum, computed in double; probabilities may be scores. */
SHUNT_API void shunt_softmax(const float *scores, size_t n, float *probabilities);
/* The indices of the `top` largest of n values, the largest first; of equals the lower index. Returns how many: the smaller of n and
 * top. NaN is never among them, so there may be fewer. */
SHUNT_API size_t shunt_top(const float *values, size_t n, size_t top, size_t *indices);

/* ---- Evaluating -------------------------------------------------------------------------------------------------- */

/* Sets classes[i] to the model's class for each class i of the data set. If both have names, classes are matched by name: the
 * model's whole label, its first word ("n01440764 tench, Tinca tinca"), or one of the names between commas; in any case, with '_'
 * as a blank. If no name matches, names that are numbers are class numbers, and WordNet numbers (n01440764), as many as labels,
 * are in the order of the labels; otherwise the call fails with both lists. If one of the two has no names: the same numbers. */
SHUNT_API shunt_status shunt_dataset_match(const shunt_dataset *dataset, const shunt_model *model, int64_t *classes);

typedef struct shunt_prediction {
    size_t index;  /* of the picture in the data set */
    int64_t label; /* the data set's class */
    const double
        *probabilities; /* of the model's outcomes, means over models, sizes and crops; NULL if it cannot be read */
    const char *failed; /* why it cannot be read; else NULL */
    double
        multiply_adds; /* of networks that choose their blocks: for all views of the picture; 0 if there is none of these */
} shunt_prediction;
/* Called in the order of the pictures, in the thread that called shunt_predict. Returns != 0 to stop. */
typedef int (*shunt_prediction_handler)(void *context, const shunt_prediction *prediction);

typedef struct shunt_predict_options {
    uint32_t size; /* sizeof(shunt_predict_options); 0: as in the first version */
    size_t limit;  /* the largest number of pictures; 0: all */
    shunt_crops crops;
    const int64_t *sides; /* short sides that pictures are resized to, each in turn; nsides 0: the preprocessing's */
    size_t nsides;
    int64_t batch;   /* views in one run of a model; 0: 100 */
    int64_t workers; /* threads that read pictures; 0: the number of processors, at most 8 */
    int skip_bad;    /* != 0: pictures that cannot be read go to the handler with the reason; 0: they are an error */
    shunt_prediction_handler handler; /* or NULL */
    void *context;
    size_t first; /* the picture to begin with; `limit` counts from it */
} shunt_predict_options;
/* Runs the pictures of a data set through one or more models with the same number of classes. Threads read the pictures ahead.
 * Each model uses its own preprocessing. *seconds: the time that the models took. */
SHUNT_API shunt_status shunt_predict(shunt_model *const *models, size_t nmodels, shunt_device *device,
                                     const shunt_dataset *dataset, const shunt_predict_options *options,
                                     double *seconds);

#ifdef __cplusplus
}
#endif
#endif
