/* resnet_d.c - He et al.: Bag of Tricks for Image Classification, 2018, variant D, as timm has it: three 3x3 convolutions at the
 * start, and projections that average before they halve. Names and parameters are timm's. */
#include "models/nets/net.h"

#include <stdio.h>
#include <string.h>

static bool parse(const char *name, bool cifar, net_spec *net)
{
    char text[32];
    const size_t length = strlen(name);
    if (cifar || length < 2 || length >= sizeof text || name[length - 1] != 'd') return false;
    snprintf(text, sizeof text, "%.*s", (int)length - 1, name);
    if (!net_table1(net_depth(text, "resnet"), net)) return false;
    strcpy(net->name, name);
    net->residual = net->deep_stem = net->average_downsample = true;
    net->shortcut = 'B';
    return true;
}

const net_family net_resnet_d = {
    .names = (const char *const[]){"resnet18d", "resnet34d", "resnet50d", "resnet101d", "resnet152d", NULL},
    .parse = parse,
    .layers = residual_layers,
    .preset = "timm",
};
