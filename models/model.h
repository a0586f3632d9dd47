/* model.h - what the files of models/ share: the description of a network, and the model around its graph. */
#ifndef SHUNT_MODELS_MODEL_H
#define SHUNT_MODELS_MODEL_H

#include <shunt/graph.h>
#include <stdbool.h>

enum { NET_STAGES = 4, NET_MOST_DEPTH = 10000 };

/* A network, as its name and options say: all that building it needs. */
typedef struct net_spec {
    char name[32]; /* the shortest that means this net: "resnet20", "cifar-resnet50" */
    bool cifar, bottleneck, residual, v1;
    char shortcut; /* 'A', 'B', 'C'; 0 in nets without */
    int blocks[NET_STAGES];
    int64_t classes, height, width;
    int64_t base; /* channels of the first stage */
    bool pooled;  /* the CNN without blocks: cnn.c */
} net_spec;

/* zoo.c: name and options (NULL: defaults) to description. */
shunt_status net_describe(const char *name, const shunt_model_options *options, net_spec *out);

/* Blocks whose convolutions are left out, by name. */
typedef struct net_lesion {
    const char *const *blocks;
    size_t count;
} net_lesion;

/* resnet.c: the blocks of a depth, false when there is no such net; and the graph. lesion: NULL: none. */
bool net_blocks(int depth, bool cifar, net_spec *net);
shunt_status net_build(const net_spec *net, const net_lesion *lesion, shunt_graph **out);

/* cnn.c: the layers of a net that is pooled. Returns the last one's features. */
shunt_value cnn_layers(const net_spec *net, shunt_graph *graph, shunt_value src, float epsilon);

typedef struct model_executor {
    shunt_device *device;
    shunt_executor *executor;
} model_executor;

struct shunt_model {
    net_spec net;
    shunt_graph *graph;
    shunt_weights *weights; /* NULL: none yet; under the names of the graph's parameters */
    char **labels;          /* NULL: none; else net.classes of them */
    shunt_preprocess preprocess;
    model_executor *executors;
    size_t nexecutors;
};

/* model.c: gives the model these weights, which it then owns, and forgets executors made with others. */
void model_take_weights(shunt_model *model, shunt_weights *weights);

/* model.c: the preset of the net's data set, at its size. */
shunt_status model_usual_preprocess(const net_spec *net, shunt_preprocess *out);

/* names.c: the model's name for a tensor that a file calls `name`. False for what no model has a use for. */
bool names_canonical(const char *name, char *out, size_t size);

/* match.c: takes the graph's parameters out of an open file, under the graph's names. What
 * was mapped moves from `file` to *out, so that only destroying is left to do with `file` after success. */
shunt_status match_weights(const shunt_model *model, shunt_weights *file, shunt_weights **out);

/* classify.c: of n logits, in double, so that probabilities of many classes add up to 1. */
void classify_softmax(const float *logits, size_t n, double *probabilities);

/* labels.c: `count` strings without control characters; freed with labels_free. */
shunt_status labels_parse(const char *text, size_t size, int64_t count, char ***out);
shunt_status labels_check(const char *label, size_t index);
void labels_free(char **labels, int64_t count);

/* metadata.c: what a file says about itself, and what a saved file is to say. Reading leaves *labels NULL and
 * *preprocess alone where the file has none. */
shunt_status metadata_check_net(const net_spec *net, const shunt_weights *file);
shunt_status metadata_read(const net_spec *net, const shunt_weights *file, char ***labels,
                           shunt_preprocess *preprocess);
shunt_status metadata_write(const shunt_model *model, shunt_weights *weights);

#endif
