/* cifar_pooled.c - ImageNet's networks whose first convolution alone was changed for CIFAR: 3x3 of stride 1, and the max pool
 * kept. huyvnphan's PyTorch_CIFAR10 has them under the names resnet18, resnet34 and resnet50. Their tensors are those of
 * cifar-resnet18, cifar-resnet34 and cifar-bottleneck50, so that only the name tells them apart. */
#include "models/nets/net.h"

#include <stdio.h>

static bool parse(const char *name, bool cifar, net_spec *net)
{
    const int depth = cifar ? net_depth(name, "pooled") : 0;
    if (!net_table1(depth, net)) return false;
    snprintf(net->name, sizeof net->name, "cifar-pooled%d", depth);
    net->cifar = net->residual = net->max_pool = true;
    net->shortcut = 'B';
    return true;
}

const net_family net_cifar_pooled = {
    .names = (const char *const[]){"cifar-pooled18", "cifar-pooled34", "cifar-pooled50", NULL},
    .parse = parse,
    .layers = residual_layers,
};
