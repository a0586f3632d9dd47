/* wide_resnet.c - Zagoruyko, Komodakis: Wide Residual Networks, 2016, as torchvision has them for ImageNet: a bottleneck's inner
 * convolutions have twice the channels, its result has the usual ones. */
#include "models/nets/net.h"

#include <string.h>

static bool parse(const char *name, bool cifar, net_spec *net)
{
    const int depth = cifar ? 0 : !strcmp(name, "wide_resnet50_2") ? 50 : !strcmp(name, "wide_resnet101_2") ? 101 : 0;
    if (!net_table1(depth, net)) return false;
    strcpy(net->name, name);
    net->residual = true;
    net->shortcut = 'B';
    net->groups = 1;
    net->group_width = 128;
    return true;
}

const net_family net_wide_resnet = {
    .names = (const char *const[]){"wide_resnet50_2", "wide_resnet101_2", NULL},
    .parse = parse,
    .layers = residual_layers,
};
