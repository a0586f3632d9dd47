/* model.h - what the files of models/ share: the model around a network's graph. */
#ifndef SHUNT_MODELS_MODEL_H
#define SHUNT_MODELS_MODEL_H

#include "models/nets/net.h"

#include <pthread.h>

enum { MODEL_WHOLE = -1 };
typedef struct model_executor {
    shunt_device *device;
    shunt_executor *executor;
    int part; /* of net_build_part, or MODEL_WHOLE */
} model_executor;

typedef struct ghost_runner ghost_runner; /* ghost.c */

struct shunt_model {
    net_spec net;
    shunt_graph *graph;
    shunt_weights *weights;      /* NULL: none yet; under the names of the graph's parameters */
    char **labels;               /* NULL: none; else shunt_model_outcomes of them */
    shunt_head head, usual_head; /* neither is AUTO */
    shunt_preprocess preprocess;
    bool whole_numbers; /* its input takes no others */
    bool gray;          /* its input has one channel: pictures are gray, whatever a preset says */
    char assumption
        [512]; /* what was assumed about the network, since the weight file does not say it or fits several; "": nothing */
    char input_note[256]; /* what its input requires of pixels; "": nothing special */
    pthread_mutex_t lock; /* of what follows: several threads may run the model */
    model_executor *executors;
    size_t nexecutors;
    float threshold;        /* of a network that chooses its blocks: above which gate one runs */
    ghost_runner **runners; /* of such a network */
    size_t nrunners;
};

/* model.c: an empty one, which shunt_model_destroy ends; NULL without memory. */
shunt_model *model_new(void);

/* model.c: gives the model these weights, which it then owns, and forgets executors made with others. */
void model_take_weights(shunt_model *model, shunt_weights *weights);

/* model.c: gives the weights to the caller; after that the model can only be destroyed. */
shunt_weights *model_give_weights(shunt_model *model);

/* model.c: shunt_model_executor for a part of the network. */
shunt_status model_executor_of(shunt_model *model, shunt_device *device, int part, shunt_executor **out);

/* model.c: fails if it has none. */
shunt_status model_need_weights(const shunt_model *model);

/* model.c: fails if one of the network's results is infinite or no number. */
shunt_status model_check_finite(const shunt_model *model, const float *data, size_t count);

/* norms.c: what a file's frozen batch norms need; a note for shunt_model_assumption where nothing says it, else "". */
typedef struct norms_choice {
    bool bare; /* no epsilon */
    char note[160];
} norms_choice;
void norms_choose(const net_spec *net, const shunt_weights *file, norms_choice *out);
/* Makes the model's graph again, if it has other norms. */
shunt_status norms_apply(shunt_model *model, bool bare);

/* model.c: fails if the network is for another. */
shunt_status model_need_task(const shunt_model *model, shunt_task task);

/* model.c: whether the input can take the preprocessed pictures. */
shunt_status model_check_preprocess(const shunt_model *model);

/* onnx.c: a model of an ONNX file, which is mapped as file->file and taken over, whatever is returned. */
shunt_status onnx_model_open(const char *path, shunt_weights *file, const shunt_model_options *options,
                             shunt_model **out);

/* onnx_input.c: changes the usual preprocessing to what the graph's input and its first ops ask for. */
struct onnx_import;
shunt_status onnx_choose_preprocess(shunt_model *model, const struct onnx_import *file);

/* model.c: the preset of the net's data set, at its size. */
shunt_status model_usual_preprocess(const net_spec *net, shunt_preprocess *out);

/* names.c: the network's name for a tensor that a file calls `name`. False if no network uses such a tensor. graph: the network, whose own
 * names stay as they are; NULL: any classifier. */
bool names_canonical(const shunt_graph *graph, const char *name, char *out, size_t size);

/* head.c: of n scores, in double, so that probabilities of many classes add up to 1. And of how many outcomes they are. */
void head_probabilities(shunt_head head, const float *scores, size_t n, double *probabilities);
int64_t head_outcomes(shunt_head head, int64_t scores);
/* sigmoid: the graph ended in one, which was left out. */
void model_usual_head(shunt_model *model, bool sigmoid);

/* labels.c: `count` strings without control characters; freed with labels_free. */
shunt_status labels_parse(const char *text, size_t size, int64_t count, char ***out);
shunt_status labels_check(const char *label, size_t index);
void labels_free(char **labels, int64_t count);

/* metadata.c: what a file says about itself, and what a saved file is to say. Reading leaves *labels NULL (labels may be NULL, too) and
 * *preprocess alone where the file has none. */
shunt_status metadata_check_net(const net_spec *net, const shunt_weights *file);
/* The network that the file names, and its options where the caller's are 0; *name "" where it names none. */
enum { METADATA_NAME = 64 };
void metadata_network(const shunt_weights *file, shunt_model_options *options, char name[METADATA_NAME]);
/* Whether the file was saved here, and so says which network it is. */
bool metadata_describes(const shunt_weights *file);
/* Whether it says that its batch norms have no epsilon. */
bool metadata_bare_norms(const shunt_weights *file);
/* Whether another producer's file names this network. */
bool metadata_names(const shunt_weights *file, const net_spec *net);
shunt_status metadata_read(const shunt_model *model, const shunt_weights *file, char ***labels,
                           shunt_preprocess *preprocess);
shunt_status metadata_write(const shunt_model *model, shunt_weights *weights);

#endif
