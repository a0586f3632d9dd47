/* net.h - a network: what its name and options say, and the graph built from that. Knows no device and no weights.
 * A family of networks is one file with a net_family, and one line in families.c. */
#ifndef SHUNT_MODELS_NETS_NET_H
#define SHUNT_MODELS_NETS_NET_H

#include <shunt/graph.h>
#include <shunt/model.h>
#include <stdbool.h>

enum { NET_STAGES = 4, NET_MOST_DEPTH = 10000 };

typedef struct net_family net_family;

/* A network, as its name and options say: all that building it needs. Zero is the usual choice for every field that a
 * family does not set. */
typedef struct net_spec {
    char name
        [32]; /* the shortest that means this net: "resnet20", "cifar-resnet50", with blocks left out "resnet56-5-3-8" */
    const net_family *family;
    bool cifar; /* made for 32x32 pictures: a first convolution of 3x3, stride 1 */
    int64_t classes, height, width;

    /* Residual and plain networks (residual.c). */
    bool bottleneck, residual, v1;
    char shortcut; /* 'A', 'B', 'C'; 0 in nets without */
    int blocks[NET_STAGES];
    int64_t base;            /* channels of the first stage */
    int64_t groups;          /* of a bottleneck's 3x3 convolution; 0: 1 */
    int64_t group_width;     /* channels of such a group in the first stage, when groups > 0 */
    bool max_pool;           /* after the first convolution of a CIFAR net, too */
    bool deep_stem;          /* three 3x3 convolutions instead of one of 7x7 */
    bool gates;              /* each block's result is gated channel by channel: squeeze and excitation */
    bool average_downsample; /* a projection that halves the map is a 2x2 average pool and a 1x1 of stride 1 */
    bool dilated;            /* the last two stages keep the map's size: their 3x3 convolutions look further instead */
    bool improved;           /* torchvision's second version of a network that finds objects */
    bool auxiliary;          /* with the second head that only helps training: one more result */
    bool bare_norms;         /* batch norms have no epsilon, and divide by the plain deviation */
    shunt_epsilon epsilon;   /* what the options ask for, of networks with frozen batch norms */
    int ghost; /* above 0: a policy chooses for each picture which of so many blocks run (ghost.c); it is the name's "ghost-" */
    char antialias; /* strides become a convolution of stride 1 and: 'b' a blur of 3x3, 'a' an average pool of 2x2 */
} net_spec;

/* What a network that finds objects starts from: at each place of each of its maps there is a box for each scale and each ratio of height
 * to width. */
enum { NET_MOST_LEVELS = 5, NET_MOST_SCALES = 3 };
typedef struct net_anchors {
    int levels, nscales;
    float scales[NET_MOST_LEVELS]
                [NET_MOST_SCALES]; /* the side of a square of the same area, in pixels of the network's input */
} net_anchors;

/* A network that is being built. Blocks that are left out are named (count 0: none). */
typedef struct net_lesion {
    const char *const *blocks;
    size_t count;
} net_lesion;

typedef struct net_builder {
    const net_spec *net;
    const net_lesion *lesion; /* or NULL */
    shunt_graph *graph;
    const char *prefix;                /* of all names of the layers: "backbone.", or "" */
    char block[48];                    /* "layer1.0", the prefix of names; see net_named */
    int dilation;                      /* of the block's 3x3 convolution */
    shunt_value stages[NET_STAGES];    /* residual_layers: what each makes */
    shunt_value maps[NET_MOST_LEVELS]; /* the head of a network with looks: what these cut boxes out of */
    int block_number;                  /* how many blocks that keep their shape there are so far */
    /* Of networks that choose their blocks (ghost.c). */
    shunt_value gates;       /* the whole graph: (N, blocks), 0 or 1 */
    int64_t pictures, group; /* the chosen graph: of a run, and of them those that a block does at once; else 0 */
    shunt_value chosen;      /* there: for each block the numbers of the pictures that need it, -1 behind them */
} net_builder;

/* A later part of a network that finds objects: it looks at boxes in maps of the first part. Which boxes is known only when the part before
 * has run, so they are an input. */
typedef struct net_look {
    const char *boxes;                                     /* the input's name; (R, 5), as ROI_ALIGN takes them */
    int64_t most;                                          /* R at most */
    size_t results;                                        /* how many there are */
    void (*build)(net_builder *builder, shunt_value rois); /* from builder->maps to results */
} net_look;

struct net_family {
    const char *const *names; /* what lists show, ended by NULL: "resnet18", "resnet6n+2" */
    /* Fills *net, which is zero except for classes and size, if `name` is one of the family's. cifar: the name begins with
     * "cifar-", which is cut off. */
    bool (*parse)(const char *name, bool cifar, net_spec *net);
    /* The layers from src (N, 3, H, W) to the features (N, C, H', W') that are averaged and classified. */
    shunt_value (*layers)(net_builder *builder, shunt_value src);
    const char *preset;       /* how pictures are preprocessed; NULL: "cifar10" or "imagenet", by net->cifar */
    const char *small_preset; /* of those with net->cifar; NULL: the same */
    int64_t small_side;       /* and their usual side; 0: the same */
    /* What follows the features, up to the graph's outputs. NULL: they are averaged over the map, and classified by "fc". `input` is
     * what `layers` got. */
    void (*head)(net_builder *builder, shunt_value input, shunt_value features);
    shunt_task task;
    const char *classifier; /* the last layer, whose channels are the classes; NULL: "fc" */
    int64_t channels;       /* of that layer for each class; 0: 1 */
    const char *spare;      /* prefix of tensors that a file may have and the network does without; NULL: none */
    const char *backbone;   /* prefix of the tensors that are those of a network that classifies; NULL: none */
    int64_t classes, side;  /* of the usual network; 0: 1000 and 224, or 10 and 32, by net->cifar */
    /* Of networks with frozen batch norms, whose epsilon no file holds: how the SHA-256 of those published files begins that are meant to
     * have none; ended by NULL. */
    const char *const *bare_files;
    const net_anchors *anchors; /* of networks that find objects */
    uint32_t most;              /* objects of a picture, usually */
    const net_look *looks;      /* nlooks parts behind the first */
    size_t nlooks;
    int maps; /* that the looks see: each half as large as the one before */
    const char *const
        *class_layers; /* others than the classifier whose channels follow the classes; ended by NULL. NULL: none */
};

/* families.c: the caller's options as this library knows them; all 0 for NULL. */
shunt_status model_options_take(shunt_model_options *own, const shunt_model_options *given);
/* families.c: name and options (NULL: defaults) to description. */
shunt_status net_describe(const char *name, const shunt_model_options *options, net_spec *out);
/* build.c: the graph: the family's layers, a global pool and the classifier. lesion NULL: no block is left out. The boxes of looks are further
 * inputs. */
shunt_status net_build(const net_spec *net, const net_lesion *lesion, shunt_graph **out);
/* build.c: the graph without a policy, and how many blocks keep their shape, so that it could choose them. */
shunt_status net_build_counting(const net_spec *net, shunt_graph **out, int *blocks);
/* build.c: what follows the features of networks that classify; and the end of each graph, which is checked. */
void net_classify(net_builder *builder, shunt_value features);
shunt_status net_finish(net_builder *builder, shunt_graph **out);
/* ghost.c: makes the network that chooses its blocks of a network: sets net->ghost and the name. */
shunt_status ghost_describe(net_spec *net);
/* families.c: the name of the network without its policy. */
const char *net_static_name(const net_spec *net);
/* ghost.c: input -> gates (N, blocks). And input (pictures,...), chosen (blocks * places) -> logits: of each block first the numbers of
 * the pictures that need it, then -1; there are as many places as whole groups have. */
int64_t ghost_places(int64_t pictures, int64_t group);
shunt_status ghost_build_policy(const net_spec *net, shunt_graph **out);
shunt_status ghost_build_chosen(const net_spec *net, int64_t pictures, int64_t group, shunt_graph **out);
/* build.c: part 0 is the graph before the looks, whose maps are its last results; part i is look i - 1, whose inputs are the maps and the
 * boxes. */
shunt_status net_build_part(const net_spec *net, size_t part, shunt_graph **out);
/* families.c: the name of this network with so many blocks in each stage: "resnet56-5-3-8". name: as large as net->name. */
void net_name_blocks(const net_spec *net, const int blocks[NET_STAGES], char *name);
/* families.c: the other networks, with default options, that have the same tensors: "resnetblur50, resnetaa50". Returns how many. */
size_t net_lookalikes(const net_spec *net, char *text, size_t size);
/* Whether the network of this name is another one with the very same tensors. */
bool net_looks_like(const net_spec *net, const char *name);
/* The name of the preset for the net's pictures. */
const char *net_preset(const net_spec *net);
/* The name of the layer that tells the classes apart; what it is for. Networks from ONNX files have no family. */
const char *net_classifier(const net_spec *net);
/* The number of its channels for each class. */
int64_t net_class_channels(const net_spec *net);
/* Whether the parameter is of that layer, or of another whose channels follow the classes. */
bool net_of_classifier(const net_spec *net, const char *parameter);
shunt_task net_task(const net_spec *net);

/* ---- What families build with ---- */

/* PREFIX and a depth: "resnet", "resnet34" -> 34. 0: the name is no such text, or more than NET_MOST_DEPTH. */
int net_depth(const char *name, const char *prefix);
/* residual.c: the paper's Table 1. Sets bottleneck and blocks; false when it has no such depth. */
bool net_table1(int depth, net_spec *net);
/* residual.c: the paper's networks for CIFAR, of 6n+2 layers, as backbones: those that have no depth of Table 1. */
bool net_small(int depth, net_spec *net);
/* The layers of residual and plain networks. */
shunt_value residual_layers(net_builder *builder, shunt_value src);

/* ghost.c, for residual.c: the policy, ahead of all layers; a block's branch, 0 for pictures that do without it. And in the chosen graph the
 * groups of a block: the pictures of one, and its results in their places. */
void ghost_begin(net_builder *builder, shunt_value input);
shunt_value ghost_mask(net_builder *builder, shunt_value branch);
int64_t ghost_groups(const net_builder *builder);
shunt_value ghost_take(net_builder *builder, shunt_value x, int64_t group);
shunt_value ghost_put(net_builder *builder, shunt_value x, shunt_value made, int64_t group);

enum { NET_NAME_CHARS = 64 };
/* builder->block + "." + part, in text. */
const char *net_named(const net_builder *builder, char text[NET_NAME_CHARS], const char *part);
/* A convolution without bias, padded so that a stride of 1 keeps the size. */
typedef struct net_window {
    int64_t channels, kernel;
    int stride, dilation, groups; /* 0: 1 */
} net_window;
shunt_value net_conv(shunt_graph *graph, const char *name, shunt_value src, net_window window);
/* And its batch norm; `conv` and `norm` are whole names. */
shunt_value net_conv_norm(net_builder *builder, const char *conv, const char *norm, shunt_value src, net_window window);

#endif
