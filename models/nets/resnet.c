/* resnet.c - the paper's networks for ImageNet, residual and plain, and the same layers for CIFAR's small pictures. */
#include "models/nets/net.h"

#include <stdio.h>

static bool parse(const char *name, bool cifar, net_spec *net)
{
    int depth = net_depth(name, "resnet");
    net->residual = depth > 0;
    if (!depth) depth = net_depth(name, "plain");
    if (!net_table1(depth, net)) return false;
    if (net->bottleneck && (cifar || !net->residual)) return false; /* "cifar-resnet50" is of section 4.2 */
    net->cifar = cifar;
    net->shortcut = 'B';
    snprintf(net->name, sizeof net->name, "%s%s%d", cifar ? "cifar-" : "", net->residual ? "resnet" : "plain", depth);
    return true;
}

const net_family net_resnet = {
    .names = (const char *const[]){"resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "plain18", "plain34",
                                   "cifar-resnet18", "cifar-resnet34", "cifar-plain18", "cifar-plain34", NULL},
    .parse = parse,
    .layers = residual_layers,
};
