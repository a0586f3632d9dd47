/* cifar_bottleneck.c - Table 1's bottlenecks for CIFAR's small pictures, as kuangliu's pytorch-cifar has them under the names
 * ResNet50, ResNet101 and ResNet152. */
#include "models/nets/net.h"

#include <stdio.h>

static bool parse(const char *name, bool cifar, net_spec *net)
{
    const int depth = cifar ? net_depth(name, "bottleneck") : 0;
    if (!net_table1(depth, net) || !net->bottleneck) return false;
    snprintf(net->name, sizeof net->name, "cifar-bottleneck%d", depth);
    net->cifar = net->residual = true;
    net->shortcut = 'B';
    return true;
}

const net_family net_cifar_bottleneck = {
    .names = (const char *const[]){"cifar-bottleneck50", "cifar-bottleneck101", "cifar-bottleneck152", NULL},
    .parse = parse,
    .layers = residual_layers,
};
