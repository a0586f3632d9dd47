/* cifar_resnet.c - the paper's networks for CIFAR-10 (section 4.2): 6n+2 layers in three stages of 16, 32, 64 channels. */
#include "models/nets/net.h"

#include <stdio.h>

static bool parse(const char *name, bool cifar, net_spec *net)
{
    (void)cifar; /* the prefix is needed only where ImageNet has that depth, too */
    net_spec other = {0};
    int depth = net_depth(name, "resnet");
    net->residual = depth > 0;
    if (!depth) depth = net_depth(name, "plain");
    if (depth < 8 || depth % 6 != 2) return false;
    for (int i = 0; i < 3; i++) net->blocks[i] = (depth - 2) / 6;
    net->cifar = true;
    net->shortcut = 'A';
    net->base = 16;
    const bool shared = net_table1(depth, &other) && (net->residual || !other.bottleneck);
    snprintf(net->name, sizeof net->name, "%s%s%d", shared ? "cifar-" : "", net->residual ? "resnet" : "plain", depth);
    return true;
}

const net_family net_cifar_resnet = {
    .names = (const char *const[]){"resnet6n+2", "plain6n+2", NULL},
    .parse = parse,
    .layers = residual_layers,
};
