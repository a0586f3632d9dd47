/* resnext.c - Xie, Girshick, Dollar, Tu, He: Aggregated Residual Transformations for Deep Neural Networks, 2017. A bottleneck's
 * 3x3 convolution is in groups. Names and parameters are torchvision's. */
#include "models/nets/net.h"

#include <string.h>

static const struct {
    const char *name;
    int depth;
    int64_t groups, width;
} known[] = {{"resnext50_32x4d", 50, 32, 4}, {"resnext101_32x8d", 101, 32, 8}, {"resnext101_64x4d", 101, 64, 4}};

static bool parse(const char *name, bool cifar, net_spec *net)
{
    for (size_t i = 0; !cifar && i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i].name) || !net_table1(known[i].depth, net)) continue;
        strcpy(net->name, name);
        net->residual = true;
        net->shortcut = 'B';
        net->groups = known[i].groups;
        net->group_width = known[i].width;
        return true;
    }
    return false;
}

const net_family net_resnext = {
    .names = (const char *const[]){"resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", NULL},
    .parse = parse,
    .layers = residual_layers,
};
