/* net.h - a network: what its name and options say, and the graph built from that. Knows no device and no weights. */
#ifndef SHUNT_MODELS_NETS_NET_H
#define SHUNT_MODELS_NETS_NET_H

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

/* The caller's options as this library knows them; all 0 for NULL. */
shunt_status model_options_take(shunt_model_options *own, const shunt_model_options *given);
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

#endif
