/* mini_resnet.c - a small residual network to compare others with: one basic block in each of three stages. */
#include "models/nets/net.h"

#include <string.h>

static bool parse(const char *name, bool cifar, net_spec *net)
{
    if (cifar || strcmp(name, "mini-resnet")) return false;
    *net = (net_spec){
        .name = "mini-resnet", .cifar = true, .residual = true, .shortcut = 'B', .blocks = {1, 1, 1}, .base = 32};
    return true;
}

const net_family net_mini_resnet = {
    .names = (const char *const[]){"mini-resnet", NULL}, .parse = parse, .layers = residual_layers};
