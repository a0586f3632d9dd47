/* se_resnet.c - Hu, Shen, Sun: Squeeze-and-Excitation Networks, 2018, on residual networks of v1.5, as timm has them. Names and
 * parameters are timm's. */
#include "models/nets/net.h"

#include <stdio.h>

static bool parse(const char *name, bool cifar, net_spec *net)
{
    if (cifar || !net_table1(net_depth(name, "seresnet"), net)) return false;
    snprintf(net->name, sizeof net->name, "%s", name);
    net->residual = net->gates = true;
    net->shortcut = 'B';
    return true;
}

const net_family net_se_resnet = {
    .names = (const char *const[]){"seresnet18", "seresnet34", "seresnet50", "seresnet101", "seresnet152", NULL},
    .parse = parse,
    .layers = residual_layers,
    .preset = "timm",
};
