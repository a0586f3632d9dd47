/* train.h - training a network: recipes, and a trainer that follows a recipe.
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
 * The recipe, the network, the data and the device decide the result of a run. The pictures of a step depend only on the
 * recipe's seed and the number of the step. So a run that was interrupted at any moment continues from its last checkpoint and
 * ends in the same weights. A checkpoint is a safetensors file with the weights, NAME.velocity, and metadata.
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
    SHUNT_SCHEDULE_STEP,      /* the rate is multiplied by `decay` at each milestone */
    SHUNT_SCHEDULE_COSINE,    /* half a cosine from rate down to final_rate */
    SHUNT_SCHEDULE_ONE_CYCLE, /* rises linearly from warm_up_rate to rate, then falls linearly to final_rate */
    SHUNT_SCHEDULE_POLY       /* falls from rate to final_rate with the power 0.9 of what is left of the run */
} shunt_schedule;

typedef enum shunt_augment {
    SHUNT_AUGMENT_NONE,        /* as for inference */
    SHUNT_AUGMENT_CROP,        /* pads with `pad` zeros on each side, then takes a random crop */
    SHUNT_AUGMENT_RESIZED_CROP /* resizes a random part: min_area .. 1 of the picture, sides 3:4 .. 4:3 */
} shunt_augment;

/* What activations and their gradients are stored in; weights, the gradients of parameters, statistics and updates are float32. */
typedef enum shunt_recipe_precision {
    SHUNT_RECIPE_DEFAULT, /* the option "precision" (SHUNT_PRECISION), or f32. The trainer puts what it is in its place */
    SHUNT_RECIPE_F32,
    SHUNT_RECIPE_F16,
    SHUNT_RECIPE_BF16,
    SHUNT_RECIPE_FAST /* f32, since nothing is recorded of training steps; the trainer puts that in its place */
} shunt_recipe_precision;

/* Plain data. shunt_recipe_set and shunt_recipe_text write and read the fields by name. */
typedef struct shunt_recipe {
    char name[16];
    int64_t seed;
    int64_t holdout; /* training pictures kept for validation; the seed does not change which */
    int64_t epochs;
    int64_t steps;    /* 0: whole epochs; else the run ends after this many steps, and `epochs` follows from it */
    int64_t batch;    /* an epoch leaves out the pictures after its last whole batch */
    int64_t schedule; /* enum shunt_schedule */
    double rate;      /* the highest learning rate */
    double milestones[2], decay; /* STEP; milestones are fractions of the run */
    double final_rate;           /* COSINE, ONE_CYCLE */
    double warm_up;              /* fraction of the run in which the rate rises; 0: none */
    double warm_up_rate;         /* the learning rate at the start */
    double warm_up_error;        /* above 0: the rate is warm_up_rate until the training error is below this fraction */
    double momentum;
    int64_t nesterov;
    double weight_decay;
    int64_t decay_all;    /* != 0: batch norms and biases decay, too */
    double smoothing;     /* of labels */
    double norm_momentum; /* weight of a batch's statistics in the running averages */
    int64_t augment;      /* enum shunt_augment */
    int64_t pad, flip;    /* flip != 0: half of the pictures are mirrored */
    double min_area;
    char freeze[128];  /* prefixes of parameters that are not trained, separated by commas: "conv1,bn1,layer1" */
    int64_t precision; /* enum shunt_recipe_precision */
    int64_t limit; /* above 0: at most so many pictures of each set, spread evenly over it; `holdout` is among them */
    double prune;  /* above 0: the strength of a penalty on blocks, shunt_recipe_threshold */
    double prune_ramp[2]; /* fractions of the run: where the penalty begins, and where it has its full strength */
    /* Above 0: rate and final_rate are for batches of this size, and are multiplied by batch / rate_batch (Goyal et al. 2017). */
    int64_t rate_batch;
    /* Above 0: the rate rises for so many epochs; the trainer puts into warm_up which part of the run they are. */
    double warm_up_epochs;
    double lars;          /* above 0: the coefficient of trust (shunt_sgd_options); 0: plain SGD */
    double ghost;         /* above 0: of a network that chooses its blocks, the share of them that is to run */
    double ghost_weight;  /* of the term for it in the loss */
    double ghost_ramp[2]; /* fractions of the run: between them the share falls from 1 to `ghost` */
    double auxiliary;     /* above 0: of networks that label pixels, the weight of the second head in the loss */
    double scales[2];     /* of pixels with classes: the short side is between these times the usual one; 0,0: 1,1 */
    /* Above 1: a step is made of so many runs, each on a part of the batch with statistics of its own; gradients are added up in the order
     * of the parts. As if there were that many ranks, in the memory of one. 0: 1 */
    int64_t accumulate;
    uint64_t reserved[16]; /* 0; later fields take their place here */
} shunt_recipe;

/* Checks a value and sets the field of this name: "rate" to "0.1", "milestones" to "0.5,0.75", "schedule" to "one-cycle". */
SHUNT_API shunt_status shunt_recipe_set(shunt_recipe *recipe, const char *field, const char *value);
/* All fields as a JSON object. Free it with free(); NULL without memory. */
SHUNT_API char *shunt_recipe_text(const shunt_recipe *recipe);
/* Reads such a text. It must contain every field, but `precision` and those after it, which recipes were without at first; they are 0
 * then, and `prune_ramp` is 0,0.5. */
SHUNT_API shunt_status shunt_recipe_read(const char *text, shunt_recipe *out);
/* The recipe in a file that a training run wrote. */
SHUNT_API shunt_status shunt_recipe_load(const char *path, shunt_recipe *out);
/* Fails if the recipes differ; the message names each differing field and both values. */
SHUNT_API shunt_status shunt_recipe_same(const shunt_recipe *ours, const shunt_recipe *theirs);

/* The learning rate at `step` of a run of `steps`. warm_until: the first step after the error was low enough; -1: not yet. */
SHUNT_API double shunt_recipe_rate(const shunt_recipe *recipe, int64_t step, int64_t steps, int64_t warm_until);

/* The penalty on blocks is prune * the sum, over all blocks whose shortcut is the identity, of 2 C r: r is the root of the mean square of
 * the C scales and C shifts of the block's last batch norm. Each step follows the gradient of the loss, and then brings r nearer to 0
 * by this threshold (SHUNT_OP_SHRINK), down to exactly 0. rate: the step's learning rate. momentum must be below 1. */
SHUNT_API double shunt_recipe_threshold(const shunt_recipe *recipe, int64_t step, int64_t steps, double rate);

/* With recipe->ghost the loss has one more term: ghost_weight * (m - share)^2, where m is the mean of all decisions of a batch, 1 for a
 * block that runs. In the gradient a decision counts as its gate (SHUNT_OP_STEP). Returns the share at `step` of a run of `steps`. */
SHUNT_API double shunt_recipe_share(const shunt_recipe *recipe, int64_t step, int64_t steps);

/* The recipe "paper" or "fast" for this network; it depends on the pictures' size and the network's depth. "finetune" is for
 * weights that are already trained. */
SHUNT_API shunt_status shunt_model_recipe(const shunt_model *model, const char *name, shunt_recipe *out);

/* ---- A network to train ---------------------------------------------------------------------------------------- */

/* Makes a training graph of a network that has one input. Its output: logits of pictures (N, C), or of pixels (N, C, H, W) and perhaps those of
 * a second head; or it finds objects: of each map logits (N, A * C, H, W) and "bbox_reg", codes (N, A * 4, H, W), for A shapes of
 * anchors. Each run of the graph is one step of the recipe, or one part of a step. Its inputs, in this order:
 * - the pictures, as many as `pictures` says;
 * - the labels (batch); of pixels (batch * H * W), and then their weights (batch * H * W, 1): 0 for pixels of no class, on average 1;
 *   with recipe->auxiliary the weights once more, times that number; of objects, P being the places of all maps, for each anchor its class or -1
 *   (batch * A, 1, P), a weight like that, the codes of its object's box (batch * A, 4, P), and the weight of these (batch * A, 1, P);
 * - if recipe->ghost is above 0, for each decision (batch, blocks) minus the share times their number, and 2 * ghost_weight / the square of
 *   that number (1,1);
 * - the learning rate (1);
 * - if recipe->prune is above 0, the threshold (1);
 * - if recipe->accumulate is above 1, 0 in the run of the last part, which alone updates, and -1 in the others (1); and what the sum so
 *   far and this run's gradients are multiplied by (2): 0 and a weight in the run of the first part, then 1 and a weight.
 * Its outputs: logits, of objects (batch * A, C, P); losses (batch), of pixels the sum over each picture's, of objects each picture's
 * part of the mean; with ghost the sum of the decisions (1,1).
 * recompute: see shunt_gradient_options. Destroy the graph with shunt_graph_destroy. */
SHUNT_API shunt_status shunt_graph_training_step(const shunt_graph *network, const shunt_recipe *recipe,
                                                 const shunt_tensor_desc *pictures, int recompute, shunt_graph **out);
/* Makes initial weights by the roles of the parameters. They depend only on the seed and the names. */
SHUNT_API shunt_status shunt_graph_initialize(const shunt_graph *graph, uint64_t seed, shunt_weights **out);
SHUNT_API shunt_status shunt_model_initialize(shunt_model *model, uint64_t seed);
/* Puts the name, options, labels and preprocessing into the metadata of the model's weights, as shunt_model_save writes them. */
SHUNT_API shunt_status shunt_model_describe(shunt_model *model);
/* For fine-tuning. Like shunt_model_load, but the file may have other classes, or something else instead of a classifier; the
 * model keeps its own labels. The file's classifier is used in two cases: both have labels, and the model's are all among the
 * file's (rows are then matched by name); or one has no labels, and the numbers of classes are equal. Otherwise the classifier
 * is initialized again. Into a network that labels pixels or finds objects it also loads its backbone: a file of a ResNet that classifies, whose colours the
 * preprocessing then has. */
SHUNT_API shunt_status shunt_model_adopt(shunt_model *model, const char *path, uint64_t seed);
/* Copies the labels: one for each outcome of the model (shunt_model_outcomes). */
SHUNT_API shunt_status shunt_model_set_labels(shunt_model *model, const char *const *labels);

/* What a network that finds objects starts from: boxes in its input, of each shape at each place of its maps. */
typedef struct shunt_anchors {
    int64_t shapes, places; /* places: map by map, each row by row */
    double *boxes;          /* shapes x places x 4: left, top, right, bottom */
} shunt_anchors;
/* Of an input of side x side pixels. Free them with shunt_anchors_free. */
SHUNT_API shunt_status shunt_model_anchors(const shunt_model *model, int64_t side, shunt_anchors *out);
SHUNT_API void shunt_anchors_free(shunt_anchors *anchors);

/* ---- The trainer ----------------------------------------------------------------------------------------------- */

typedef struct shunt_trainer shunt_trainer;

/* One epoch: means over its steps, errors as fractions. Validation values are NaN if there are no validation pictures. */
typedef struct shunt_train_row {
    int64_t epoch; /* from 1 */
    int64_t step;  /* steps done at the end of the epoch */
    double rate;   /* learning rate of its last step */
    double training_loss, training_error, validation_loss, validation_error;
    double seconds;
    int64_t
        blocks_left; /* with recipe->prune: blocks that the penalty has not brought to 0 at the end of the epoch; else 0 */
    double share;    /* with recipe->ghost: of the blocks that the policy chose, mean over the epoch; else 0 */
} shunt_train_row;

typedef enum shunt_train_stage {
    SHUNT_TRAIN_STEP,     /* a step is done; loss and error are means over the epoch so far */
    SHUNT_TRAIN_VALIDATE, /* `done` of `pictures` pictures are evaluated */
    SHUNT_TRAIN_EPOCH,    /* an epoch is done; `row` is its result */
    SHUNT_TRAIN_CHECKPOINT /* last.ckpt is written. failed != NULL: it was not, for this reason, and the old one is kept */
} shunt_train_stage;
typedef struct shunt_train_event {
    shunt_train_stage stage;
    int64_t epoch, epochs, step, steps, epoch_step, epoch_steps;
    double loss, error, rate;
    double images_per_second; /* training speed over the latest steps */
    int64_t done, pictures;   /* VALIDATE */
    const shunt_train_row *row;
    int improved; /* EPOCH: != 0 for the best epoch so far */
    const char *failed;
} shunt_train_event;
/* Returns != 0 to write a checkpoint and stop after this step. */
typedef int (*shunt_train_handler)(void *context, const shunt_train_event *event);

typedef struct shunt_train_setup {
    uint32_t size;                /* sizeof(shunt_train_setup); 0: as in the first version */
    const shunt_graph *graph;     /* for inference: pictures in, logits out. Copied */
    const shunt_weights *weights; /* the initial weights. Their metadata goes into all files */
    shunt_device *device;         /* this object and the following ones must outlive the trainer */
    const shunt_dataset *data;
    const char *data_name; /* "cifar10:DIR", stored in the checkpoint; may be NULL */
    const shunt_preprocess *preprocess;
    const shunt_recipe *recipe;
    const char *out; /* folder for last.ckpt, best.safetensors, log.csv; the run locks it. NULL: nothing is written */
    int64_t workers; /* threads that read pictures; 0: the number of processors, at most 8 */
    int64_t save_seconds; /* longest time between checkpoints; 0: only after each epoch */
    int log_gradients;    /* != 0: writes gradients.csv: the norm of each parameter's gradient, mean over an epoch */
    int recompute;        /* != 0: computes activations inside blocks again in the backward pass, to save memory */
    int skip_bad;         /* != 0: skips pictures that cannot be decoded; 0: they are an error */
    shunt_train_handler handler; /* or NULL */
    void *context;
    const shunt_dataset *validation; /* separate validation pictures, if recipe->holdout is 0; or NULL */
    const shunt_dataset *test;       /* for shunt_trainer_test; checked before the first step. Or NULL */
    /* Above 0: the loss is multiplied by this factor, a power of two, before its gradients are taken, and the gradients of parameters
     * are divided by it. The factor doubles after 2,000 steps without an overflow. If a gradient overflows, the step changes nothing and
     * the factor halves. 0: none of this, or 65536 where the precision is f16. */
    double loss_scale;
    const char
        *precision; /* "f32", "f16", "bf16", "fast": takes the place of the recipe's; NULL: the recipe's. A checkpoint
                            * continues in its own precision only */
    /* With these ranks (shunt/ranks.h) it trains on slices of each batch, as one rank would on the whole. All of them make the same
     * calls with the same recipe, data and weights; rank 0 alone writes into `out`. NULL: by itself. */
    struct shunt_ranks *ranks;
    int sync_statistics; /* != 0: batch norms use the statistics of the whole batch; 0: those of the rank's slice */
    int bf16_gradients;  /* as in shunt_executor_options */
    /* Of a network that finds objects: its anchors for an input as large as preprocess->crop. They must outlive the trainer. NULL of others. */
    const shunt_anchors *anchors;
} shunt_train_setup;

/* Checks data and recipe before the first step, creates the folder `out` if it is missing, checks that it can be written, and
 * locks it against other trainers in any process. If both sets have class names, the classes of validation and test are matched
 * to those of `data` by name; their order may differ and some may be missing. A class that is not in `data` is an error. So is a
 * picture that cannot be decoded, unless skip_bad is set. */
SHUNT_API shunt_status shunt_trainer_create(const shunt_train_setup *setup, shunt_trainer **out);
SHUNT_API void shunt_trainer_destroy(shunt_trainer *trainer);
/* Continues from a checkpoint of the same network, recipe and data, and from the best.safetensors beside it. Call it before the
 * first run. A different checkpoint is refused, and the message names the difference. */
SHUNT_API shunt_status shunt_trainer_resume(shunt_trainer *trainer, const char *path);
/* Trains until the recipe ends (*finished is 1) or the handler stops it (*finished is 0). */
SHUNT_API shunt_status shunt_trainer_run(shunt_trainer *trainer, int *finished);
/* Device memory of a step: weights, activations and workspace. It makes the plan, so call it after shunt_trainer_resume. */
SHUNT_API shunt_status shunt_trainer_memory(shunt_trainer *trainer, uint64_t *bytes);
/* What activations and their gradients are stored in, and why. The texts live as long as the trainer. */
SHUNT_API shunt_status shunt_trainer_precision(const shunt_trainer *trainer, shunt_precision *out);
/* The number of epochs of the whole run. */
SHUNT_API int64_t shunt_trainer_epochs(const shunt_trainer *trainer);
/* The number of steps done, and of the whole run. */
SHUNT_API int64_t shunt_trainer_step(const shunt_trainer *trainer);
SHUNT_API int64_t shunt_trainer_steps(const shunt_trainer *trainer);
/* The row of finished epoch number `index`, from 0; NULL past the last one. Valid until the trainer runs again. */
SHUNT_API const shunt_train_row *shunt_trainer_row(const shunt_trainer *trainer, size_t index);
SHUNT_API size_t shunt_trainer_rows(const shunt_trainer *trainer);
/* The number of blocks that recipe->prune penalises; 0 without it. */
SHUNT_API size_t shunt_trainer_blocks(const shunt_trainer *trainer);
/* The index of the best row: the lowest validation error, the later of equals; with recipe->prune or ghost the last row. -1: none yet. */
SHUNT_API int64_t shunt_trainer_best(const shunt_trainer *trainer);
/* The current weights, and NAME.velocity. Valid until the trainer runs again. */
SHUNT_API const shunt_weights *shunt_trainer_weights(const shunt_trainer *trainer);

/* Where pixels have classes, these count pixels: those that have one; where there are objects, their anchors. */
typedef struct shunt_score {
    int64_t pictures, wrong;
    double loss; /* mean cross-entropy */
} shunt_score;
/* Evaluates a network on all pictures of a set. */
SHUNT_API shunt_status shunt_evaluate(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                                      const shunt_dataset *data, const shunt_preprocess *preprocess, int64_t batch,
                                      int64_t workers, shunt_score *out);
typedef struct shunt_evaluate_options {
    uint32_t size;   /* sizeof(shunt_evaluate_options); 0: as in the first version */
    size_t limit;    /* the largest number of pictures; 0: all */
    int64_t batch;   /* pictures in one run; 0: 100 */
    int64_t workers; /* threads that read pictures; 0: the number of processors, at most 8 */
    void (*progress)(void *context, int64_t done); /* called after each run with the pictures done; or NULL */
    void *context;
    const int64_t
        *classes; /* the network's class for each class of the data (shunt_dataset_match); NULL: the same numbers */
} shunt_evaluate_options;
/* The same with options. NULL: all 0. */
SHUNT_API shunt_status shunt_evaluate_with(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                                           const shunt_dataset *data, const shunt_preprocess *preprocess,
                                           const shunt_evaluate_options *options, shunt_score *out);
/* Evaluates the best network of the run on pictures that it was not trained or chosen by: setup.test, or another set, whose
 * classes are matched by name in the same way. Call it at the end of a run; it fails before the end of the first epoch. It
 * stores the result in best.safetensors. */
SHUNT_API shunt_status shunt_trainer_test(shunt_trainer *trainer, const shunt_dataset *data, shunt_score *out);

typedef struct shunt_gradient_norm {
    const char *parameter; /* lives as long as the graph */
    double norm;           /* Euclidean */
} shunt_gradient_norm;
/* The norms of the gradients of a batch's mean loss with respect to each parameter, in the order of the graph. They are those of
 * a first training step: batch norms use the statistics of the batch. images: N x 3 x H x W, preprocessed; labels: N. The
 * weights do not change. Free the norms with shunt_gradient_norms_free. */
SHUNT_API shunt_status shunt_gradient_norms(const shunt_graph *graph, const shunt_weights *weights,
                                            shunt_device *device, const shunt_tensor *images, const float *labels,
                                            shunt_gradient_norm **norms, size_t *count);
SHUNT_API void shunt_gradient_norms_free(shunt_gradient_norm *norms);

#ifdef __cplusplus
}
#endif
#endif
