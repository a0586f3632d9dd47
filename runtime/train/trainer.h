/* trainer.h - the inside of a trainer: what the files of this folder share. */
#ifndef SHUNT_RUNTIME_TRAINER_H
#define SHUNT_RUNTIME_TRAINER_H

#include <shunt/train.h>
#include <jansson.h>
#include <stdbool.h>

#include "runtime/device/precision.h"
#include "runtime/graph/graph.h"
#include "runtime/train/evaluate.h"
#include "runtime/train/gradient_norms.h"
#include "runtime/data/loader.h"

/* The progress of a run: everything in a checkpoint except tensors. */
typedef struct train_position {
    int64_t step;        /* steps done */
    int64_t warm_until;  /* see shunt_recipe_rate */
    double recent_error; /* of training, smoothed over some 50 batches */
    double loss_sum;     /* of the epoch so far: sum of its pictures' losses */
    int64_t wrong;       /* of the epoch so far */
    int64_t labelled;    /* of the epoch so far: pictures, or pixels that have a class, or anchors of objects */
    double seconds;      /* of the epoch so far */
    double decisions;    /* of the epoch so far: how many of the policy's are 1 */
    double loss_scale;   /* the factor of the loss in the next step; 0: none (loss_scale.c) */
    int64_t good_steps;  /* since it changed */
    int64_t best;        /* row with the lowest validation error, the latest of equals; -1: none yet */
} train_position;

/* Pictures that are not trained on. */
typedef struct train_part {
    const shunt_dataset *data;
    int64_t *classes; /* of the network, for each of the data's; NULL: the same */
    size_t *pictures; /* those that can be decoded */
    size_t count;
} train_part;

/* Of a network that chooses its blocks. */
typedef struct train_ghost {
    int64_t blocks; /* 0: recipe.ghost is 0 */
    float *wanted;  /* of the batch's decisions; an input of the training graph */
    float sum;      /* of the decisions of the last step */
} train_ghost;

struct shunt_trainer {
    shunt_train_setup setup; /* its strings and recipe are our own copies */
    shunt_recipe recipe;
    char *out, *data_name;
    precision_wish precision;
    shunt_graph *graph;    /* for inference */
    shunt_graph *training; /* the same, with gradients and updates */
    shunt_weights *start;  /* the executor's initial weights */
    shunt_weights *state;  /* the weights of the last fetch */
    shunt_weights *best;   /* of row at.best, as in best.safetensors; NULL: none, or they were lost */
    int lock;              /* of `out`; -1: none */
    shunt_executor *executor;
    size_t *pictures; /* for training, then those held out */
    size_t npictures, nheld;
    train_part validation, test; /* separate sets; data NULL: there is none */
    int64_t epoch_steps, steps, classes, side;
    int64_t labels;       /* of a picture: 1, or one for each pixel of the network's result, or for each anchor */
    int64_t batch;        /* pictures of one run: this rank's slice of a batch, or a part of it */
    int64_t slice_first;  /* of the slice, in the batch */
    uint64_t fingerprint; /* of the data */
    train_position at;
    train_position fetched; /* of state */
    shunt_train_row *rows;
    size_t nrows;
    bool stop;           /* the handler asked for it */
    double last_rate;    /* of the step that was done last */
    double step_seconds; /* of the latest steps, smoothed */
    double saved_at;     /* when the last checkpoint was written */
    float *losses, *logits;
    float *second_weights;  /* recipe.auxiliary: of the pixels of a batch, in the second head's loss; else NULL */
    float nonfinite;        /* scaled: elements of gradients, of the last step */
    graph_branch *branches; /* recipe.prune: what it penalises, in `graph`; else there are none */
    size_t nbranches;
    train_ghost ghost;
    train_gradients gradients; /* log_gradients: the last outputs of the training graph; else there are none */
    double *gradient_sums;     /* of the norms over the epoch so far */
    json_t *gradient_rows;     /* per epoch the means */
};

enum { TRAIN_VERSION = 1 };

/* trainer.c */
double train_now(void);
shunt_tensor_desc train_images(const shunt_trainer *self, int64_t n);
/* Tensors and metadata. */
shunt_status train_copy_weights(const shunt_weights *from, shunt_weights **out);
/* Replaces the weights to start from. */
shunt_status train_set_weights(shunt_trainer *self, const shunt_weights *from);
/* The epoch that the next step belongs to, from 0; and how many steps it has. */
int64_t train_epoch(const shunt_trainer *self);
int64_t train_epoch_end(const shunt_trainer *self, int64_t epoch);

/* part.c: checks pictures that are not trained on, before the first step; whose: "the test pictures". And their score; progress may
 * be NULL, its context is the trainer. */
shunt_status train_part_open(const shunt_trainer *self, const shunt_dataset *data, const char *whose, train_part *out);
void train_part_close(train_part *part);
shunt_status train_part_evaluate(const shunt_trainer *self, const train_part *part, const shunt_weights *weights,
                                 void (*progress)(void *context, int64_t done), shunt_score *out);

/* checkpoint.c: they write atomically into the folder `out`, if there is one. */
shunt_status train_save_checkpoint(shunt_trainer *self);
/* keep: the current weights become the best ones. write: writes the best ones. */
shunt_status train_keep_best(shunt_trainer *self);
shunt_status train_save_best(const shunt_trainer *self);
/* A number in JSON, which has no NaN and no infinity: they are null, and read back as NaN. */
json_t *train_number(double value);
double train_number_of(const json_t *value);

/* run_tables.c: writes log.csv and, if requested, gradients.csv again from the rows. */
shunt_status train_save_tables(const shunt_trainer *self);

/* run.c: the executor, made on first use; the learning rate of the next step. */
shunt_status train_need_executor(shunt_trainer *self);
double train_rate(const shunt_trainer *self);
/* One step with this rank's slice of a batch: its parts, which the loader has in a row, one after the other. What they found is in *found
 * and in self->nonfinite. The other counts what all ranks found into self->at, and returns the sum of the losses. */
typedef struct train_found {
    double loss, wrong, labelled; /* sums over the pictures */
} train_found;
shunt_status train_run_step(shunt_trainer *self, loader *pictures, train_found *found);
shunt_status train_count_results(shunt_trainer *self, const train_found *found, double *loss);

/* loss_scale.c: whether a factor is a power of two in range; the next step's, after one in which gradients overflowed or not. */
bool train_is_scale(double scale);
void train_adapt_scale(train_position *at, bool overflowed);

/* prune.c: finds what the recipe penalises; how much of it is not zero yet in self->state. */
shunt_status train_find_branches(shunt_trainer *self);
int64_t train_blocks_left(const shunt_trainer *self);

/* evaluate.c: how the labels of a picture lie beside its logits. */
score_layout train_layout(const shunt_trainer *self);

/* loop.c: the pictures of the steps to come. */
loader_setup train_pictures(const shunt_trainer *self);

/* diagnose.c: finds why the loss of the last step is not a finite number. It always fails, with that as the message, and
 * the trainer cannot continue. The first parameter in self->state that is not finite, or NULL. */
shunt_status train_diagnose(shunt_trainer *self, double loss);
const char *train_bad_parameter(const shunt_trainer *self);

#endif
