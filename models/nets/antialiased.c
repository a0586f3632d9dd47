/* antialiased.c - Zhang: Making Convolutional Networks Shift-Invariant Again, 2019, as timm has it: where the map is halved, a
 * convolution of stride 1 is followed by a blur (resnetblur) or an average (resnetaa). Their tensors are those of the usual
 * networks, so that only the name tells them apart. */
#include "models/nets/net.h"

#include <stdio.h>

static bool parse(const char *name, bool cifar, net_spec *net)
{
    int depth = net_depth(name, "resnetblur");
    net->antialias = depth ? 'b' : 'a';
    if (!depth) depth = net_depth(name, "resnetaa");
    if (cifar || !net_table1(depth, net)) return false;
    snprintf(net->name, sizeof net->name, "%s", name);
    net->residual = true;
    net->shortcut = 'B';
    return true;
}

const net_family net_antialiased = {
    .names = (const char *const[]){"resnetblur18", "resnetblur50", "resnetaa50", "resnetaa101", NULL},
    .parse = parse,
    .layers = residual_layers,
    .preset = "timm",
};
