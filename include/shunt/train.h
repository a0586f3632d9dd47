/* train.h - training a network: recipes, and a trainer that follows one.
 *
 *     #include <stdio.h>
 *     int main(int argc, char **argv)
 *     {
 *         shunt_device *device; shunt_model *model; shunt_dataset *data; shunt_trainer *trainer; shunt_recipe recipe; int done;
 *         if (argc < 3 || shunt_device_open(NULL, NULL, &device) || shunt_dataset_open(argv[1], "train", &data) ||
 *             shunt_model_create("resnet20", NULL, &model) || shunt_model_initialize(model, 1) ||
 *             shunt_model_recipe(model, "fast", &recipe)) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         shunt_train_setup setup = {.size = sizeof setup, .graph = shunt_model_graph(model),
 *             .weights = shunt_model_weights(model), .device = device, .data = data,
 *             .preprocess = shunt_model_preprocess(model), .recipe = &recipe, .out = argv[2]};
 *         return shunt_trainer_create(&setup, &trainer) || shunt_trainer_run(trainer, &done);
 *     }
 *
 * All that decides a run's result is in its recipe, its network, its data and its device; each step's pictures are a function
 * of the recipe's seed and the step's number. A run that was cut off at any instant therefore goes on from its last checkpoint
 * to the very same weights. A checkpoint is a safetensors file: weights, NAME.velocity, and metadata.
 */
#ifndef SHUNT_TRAIN_H
#define SHUNT_TRAIN_H

#include <shunt/graph.h>
#include <shunt/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Recipes --------------------------------------------------------------------------------------------------- */

typedef enum shunt_schedule {
    SHUNT_SCHEDULE_STEP,     /* times `decay` at each milestone */
    SHUNT_SCHEDULE_COSINE,   /* half a cosine from rate down to final_rate */
    SHUNT_SCHEDULE_ONE_CYCLE /* a line from warm_up_rate up to rate, then one down to final_rate */
} shunt_schedule;

typedef enum shunt_augment {
    SHUNT_AUGMENT_NONE,        /* as for inference */
    SHUNT_AUGMENT_CROP,        /* `pad` zeros around, a random crop */
    SHUNT_AUGMENT_RESIZED_CROP /* a random part of min_area .. 1 of the picture, sides 3:4 .. 4:3, resized */
} shunt_augment;

/* Plain old data. Fields are read and written by name too: shunt_recipe_set, shunt_recipe_text. */
typedef struct shunt_recipe {
    char name[16];
    int64_t seed;
    int64_t holdout; /* training pictures kept for validation, the same ones whatever the seed */
    int64_t epochs;
    int64_t steps;    /* 0: whole epochs; else the run ends after so many steps, and `epochs` follows from it */
    int64_t batch;    /* what is left of an epoch after its last whole batch is not used in it */
    int64_t schedule; /* enum shunt_schedule */
    double rate;      /* the highest */
    double milestones[2], decay; /* STEP; milestones are fractions of the run */
    double final_rate;           /* COSINE, ONE_CYCLE */
    double warm_up;              /* fraction of the run in which the rate rises; 0: none */
    double warm_up_rate;         /* where it starts */
    double warm_up_error;        /* above 0: the rate is warm_up_rate until the training error is below this fraction */
    double momentum;
    int64_t nesterov;
    double weight_decay;
    int64_t decay_all;    /* != 0: batch norms and biases decay, too */
    double smoothing;     /* of labels */
    double norm_momentum; /* share of a batch's statistics in the running averages */
    int64_t augment;      /* enum shunt_augment */
    int64_t pad, flip;    /* flip: half of the pictures are mirrored */
    double min_area;
    char freeze[128]; /* prefixes of parameters that stay as they are, with commas between: "conv1,bn1,layer1" */
    uint64_t reserved[32]; /* 0; fields to come take their room from here */
} shunt_recipe;

/* Changes one field, named as above ("rate", "milestones" as "0.5,0.75", "schedule" as "one-cycle"), after checking it. */
SHUNT_API shunt_status shunt_recipe_set(shunt_recipe *recipe, const char *field, const char *value);
/* All fields as a JSON object, to be freed; NULL without memory. */
SHUNT_API char *shunt_recipe_text(const shunt_recipe *recipe);
/* From such a text, of which every field must be there. */
SHUNT_API shunt_status shunt_recipe_read(const char *text, shunt_recipe *out);
/* The recipe in a file that a training run wrote. */
SHUNT_API shunt_status shunt_recipe_load(const char *path, shunt_recipe *out);
/* Fails, naming each field that differs and both values, unless the two are the same. */
SHUNT_API shunt_status shunt_recipe_same(const shunt_recipe *ours, const shunt_recipe *theirs);

/* The learning rate of a step of a run of `steps`. warm_until: the first step after the error was low enough, -1: not yet. */
SHUNT_API double shunt_recipe_rate(const shunt_recipe *recipe, int64_t step, int64_t steps, int64_t warm_until);

/* "paper" or "fast", for this network: sizes, pictures and depth decide some of it. "finetune" for weights that were trained. */
SHUNT_API shunt_status shunt_model_recipe(const shunt_model *model, const char *name, shunt_recipe *out);

/* ---- A network to train ---------------------------------------------------------------------------------------- */

/* A graph each run of which is a step of training the network, which takes one input and gives logits, by the recipe. Inputs:
 * pictures, of which there are recipe->batch; labels (batch), the rate (1). Outputs: logits, losses (batch). recompute: see
 * shunt_gradient_options. To be destroyed. */
SHUNT_API shunt_status shunt_graph_training_step(const shunt_graph *network, const shunt_recipe *recipe,
                                                 const shunt_tensor_desc *pictures, int recompute, shunt_graph **out);
/* Fresh weights, by the roles of the parameters; a function of seed and names. */
SHUNT_API shunt_status shunt_graph_initialize(const shunt_graph *graph, uint64_t seed, shunt_weights **out);
SHUNT_API shunt_status shunt_model_initialize(shunt_model *model, uint64_t seed);
/* Puts into the metadata of the model's weights what shunt_model_save writes: name, options, labels, preprocessing. */
SHUNT_API shunt_status shunt_model_describe(shunt_model *model);
/* For fine-tuning: as shunt_model_load, but the file may have other classes, or no classifier and other things in its place, and
 * the model keeps its own labels. Where both have labels, the classifier's rows are taken by name if all of the model's classes
 * are among the file's; where one has none, if there are as many classes; else the classifier is fresh. */
SHUNT_API shunt_status shunt_model_adopt(shunt_model *model, const char *path, uint64_t seed);
/* Copies as many names as the model has outcomes. */
SHUNT_API shunt_status shunt_model_set_labels(shunt_model *model, const char *const *labels);

/* ---- The trainer ----------------------------------------------------------------------------------------------- */

typedef struct shunt_trainer shunt_trainer;

/* One epoch: means over its steps, errors as fractions. Validation is NaN where nothing was held out or set up. */
typedef struct shunt_train_row {
    int64_t epoch; /* from 1 */
    int64_t step;  /* steps done at its end */
    double rate;   /* of its last step */
    double training_loss, training_error, validation_loss, validation_error;
    double seconds;
} shunt_train_row;

typedef enum shunt_train_stage {
    SHUNT_TRAIN_STEP,      /* a step is done: loss and error are means over the epoch so far */
    SHUNT_TRAIN_VALIDATE,  /* pictures of `pictures` are evaluated */
    SHUNT_TRAIN_EPOCH,     /* row is there */
    SHUNT_TRAIN_CHECKPOINT /* last.ckpt is written; or, failed != NULL, it could not be, and the old one stands */
} shunt_train_stage;
typedef struct shunt_train_event {
    shunt_train_stage stage;
    int64_t epoch, epochs, step, steps, epoch_step, epoch_steps;
    double loss, error, rate;
    double images_per_second; /* of training, over the latest steps */
    int64_t done, pictures;   /* VALIDATE */
    const shunt_train_row *row;
    int improved; /* EPOCH: the best so far */
    const char *failed;
} shunt_train_event;
/* != 0: stop after this step, with a checkpoint. */
typedef int (*shunt_train_handler)(void *context, const shunt_train_event *event);

typedef struct shunt_train_setup {
    uint32_t size; /* sizeof(shunt_train_setup); 0: as in the first version */
    const shunt_graph *graph;     /* for inference: pictures in, logits out. Copied */
    const shunt_weights *weights; /* to start from. The metadata goes into all files */
    shunt_device *device;         /* this and the following outlive the trainer */
    const shunt_dataset *data;
    const char *data_name; /* "cifar10:DIR", for the checkpoint; may be NULL */
    const shunt_preprocess *preprocess;
    const shunt_recipe *recipe;
    const char *out;             /* folder for last.ckpt, best.safetensors, log.csv, which is locked; NULL: nothing is written */
    int64_t workers;             /* threads that read pictures; 0: as many as there are processors, at most 8 */
    int64_t save_seconds;        /* a checkpoint at least so often; 0: after each epoch only */
    int log_gradients;           /* != 0: gradients.csv has the norm of each parameter's gradient, mean over an epoch */
    int recompute;               /* != 0: activations of blocks are computed again in backward, which saves memory */
    int skip_bad;                /* != 0: pictures that cannot be decoded are left out. Else they are an error */
    shunt_train_handler handler; /* or NULL */
    void *context;
    const shunt_dataset *validation; /* other pictures to validate on, where recipe->holdout is 0; or NULL */
    const shunt_dataset *test; /* for shunt_trainer_test: checked before the first step. Or NULL */
} shunt_train_setup;

/* Checks everything that can be checked before the first step: data, recipe, that `out` (made if need be) can be written and that no other trainer, of any process, writes there. Classes
 * of validation and test are those of `data` by name, where both have names, in any order and not necessarily all of them; one that
 * is not in `data` is an error, as are pictures that cannot be decoded (unless skip_bad). */
SHUNT_API shunt_status shunt_trainer_create(const shunt_train_setup *setup, shunt_trainer **out);
SHUNT_API void shunt_trainer_destroy(shunt_trainer *trainer);
/* Goes on from a checkpoint of the same network, recipe and data, and the best.safetensors beside it; refuses others, naming the
 * difference. Before the first run. */
SHUNT_API shunt_status shunt_trainer_resume(shunt_trainer *trainer, const char *path);
/* Trains up to the end of the recipe, or until the handler stops it; *finished tells which. */
SHUNT_API shunt_status shunt_trainer_run(shunt_trainer *trainer, int *finished);
/* The memory that a step takes on the device: weights, activations and workspace. Plans it, so not before a resume. */
SHUNT_API shunt_status shunt_trainer_memory(shunt_trainer *trainer, uint64_t *bytes);
/* Epochs of the whole run. */
SHUNT_API int64_t shunt_trainer_epochs(const shunt_trainer *trainer);
/* Steps done, and those of the whole run. */
SHUNT_API int64_t shunt_trainer_step(const shunt_trainer *trainer);
SHUNT_API int64_t shunt_trainer_steps(const shunt_trainer *trainer);
/* The row of an epoch that is done, by number from 0; NULL past the last one. Lives until the trainer goes on. */
SHUNT_API const shunt_train_row *shunt_trainer_row(const shunt_trainer *trainer, size_t index);
SHUNT_API size_t shunt_trainer_rows(const shunt_trainer *trainer);
/* The number of the best row; -1: none yet. */
SHUNT_API int64_t shunt_trainer_best(const shunt_trainer *trainer);
/* The weights as they are now, and NAME.velocity. Lives until the trainer goes on. */
SHUNT_API const shunt_weights *shunt_trainer_weights(const shunt_trainer *trainer);

typedef struct shunt_score {
    int64_t pictures, wrong;
    double loss; /* mean cross-entropy */
} shunt_score;
/* Of a network on all pictures of a set. */
SHUNT_API shunt_status shunt_evaluate(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                                      const shunt_dataset *data, const shunt_preprocess *preprocess, int64_t batch,
                                      int64_t workers, shunt_score *out);
typedef struct shunt_evaluate_options {
    uint32_t size; /* sizeof(shunt_evaluate_options); 0: as in the first version */
    size_t limit;                                  /* only so many pictures; 0: all */
    int64_t batch;                                 /* pictures in one run; 0: 100 */
    int64_t workers;                               /* threads that read pictures; 0: as many as processors, at most 8 */
    void (*progress)(void *context, int64_t done); /* or NULL; after each run: pictures so far */
    void *context;
    const int64_t *classes; /* the network's, for each of the data's, from shunt_dataset_match; NULL: by number */
} shunt_evaluate_options;
/* The same; options NULL: all 0. */
SHUNT_API shunt_status shunt_evaluate_with(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                                           const shunt_dataset *data, const shunt_preprocess *preprocess,
                                           const shunt_evaluate_options *options, shunt_score *out);
/* Of the best network of a run on pictures that had no part in it, for its end: setup.test, or others, whose classes are found
 * by name in the same way. Fails before the end of the first epoch. Puts the result into best.safetensors. */
SHUNT_API shunt_status shunt_trainer_test(shunt_trainer *trainer, const shunt_dataset *data, shunt_score *out);

typedef struct shunt_gradient_norm {
    const char *parameter; /* lives as long as the graph */
    double norm;           /* Euclidean */
} shunt_gradient_norm;
/* Of the gradients of a batch's mean loss by each parameter, in the order of the graph: what a first step of training sees, batch
 * norms with the statistics of the batch. images: N x 3 x H x W, preprocessed; labels: N. Nothing is changed. */
SHUNT_API shunt_status shunt_gradient_norms(const shunt_graph *graph, const shunt_weights *weights,
                                            shunt_device *device, const shunt_tensor *images, const float *labels,
                                            shunt_gradient_norm **norms, size_t *count);
SHUNT_API void shunt_gradient_norms_free(shunt_gradient_norm *norms);

#ifdef __cplusplus
}
#endif
#endif
