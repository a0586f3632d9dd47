/* names.c - what tensors are called by others, and what they are called here (torchvision's and timm's way). */
#include "models/model.h"
#include "runtime/graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NUMBERS = 4 };

/* In `theirs`, # is a number, a final * the rest, and a final @ the rest without a dot; in `ours`, # is the next of these numbers, + that plus one,
 * - that less one and / half of it. */
static const struct {
    const char *theirs, *ours;
} rules[] = {
    /* Hugging Face transformers, ResNetForImageClassification */
    {"resnet.embedder.embedder.convolution.*", "conv1.*"},
    {"resnet.embedder.embedder.normalization.*", "bn1.*"},
    {"resnet.encoder.stages.#.layers.#.layer.#.convolution.*", "layer+.#.conv+.*"},
    {"resnet.encoder.stages.#.layers.#.layer.#.normalization.*", "layer+.#.bn+.*"},
    {"resnet.encoder.stages.#.layers.#.shortcut.convolution.*", "layer+.#.downsample.0.*"},
    {"resnet.encoder.stages.#.layers.#.shortcut.normalization.*", "layer+.#.downsample.1.*"},
    {"classifier.1.*", "fc.*"},
    /* akamaster's CIFAR nets */
    {"linear.*", "fc.*"},
    {"layer#.#.shortcut.#.*", "layer#.#.downsample.#.*"},
    /* torchvision's networks that find objects, in the files it published before 0.13 */
    {"fpn.inner_blocks.#.@", "backbone.fpn.inner_blocks.#.0.@"},
    {"fpn.layer_blocks.#.@", "backbone.fpn.layer_blocks.#.0.@"},
    {"head.classification_head.conv.#.@", "head.classification_head.conv./.0.@"},
    {"head.regression_head.conv.#.@", "head.regression_head.conv./.0.@"},
    {"rpn.head.conv.@", "rpn.head.conv.0.0.@"},
    {"roi_heads.mask_head.mask_fcn#.@", "roi_heads.mask_head.-.0.@"},
};

static bool is_rest(char end)
{
    return end == '*' || end == '@';
}

/* The rest of name behind the pattern, or NULL when it does not match. */
static const char *match(const char *pattern, const char *name, unsigned *numbers)
{
    for (; !is_rest(*pattern); pattern++) {
        if (*pattern != '#') {
            if (*name++ != *pattern) return NULL;
            continue;
        }
        size_t digits = strspn(name, "0123456789");
        if (digits < 1 || digits > 6) return NULL;
        *numbers++ = (unsigned)strtoul(name, NULL, 10);
        name += digits;
    }
    if (*pattern == '@' && strchr(name, '.')) return NULL;
    return name;
}

static void rewrite(const char *pattern, const unsigned *numbers, const char *rest, char *out, size_t size)
{
    size_t used = 0;
    for (; !is_rest(*pattern) && used < size; pattern++) {
        char *end = out + used;
        if (*pattern == '#')
            used += (size_t)snprintf(end, size - used, "%u", *numbers++);
        else if (*pattern == '+')
            used += (size_t)snprintf(end, size - used, "%u", *numbers++ + 1);
        else if (*pattern == '-')
            used += (size_t)snprintf(end, size - used, "%u", *numbers++ - 1);
        else if (*pattern == '/')
            used += (size_t)snprintf(end, size - used, "%u", *numbers++ / 2);
        else
            used += (size_t)snprintf(end, size - used, "%c", *pattern);
    }
    if (used < size) snprintf(out + used, size - used, "%s", rest);
}

/* Whether the network itself calls a tensor so. */
static bool is_own(const shunt_graph *graph, const char *name)
{
    return graph && graph_find_parameter(graph, name) != SHUNT_NO_VALUE;
}

/* Without what PyTorch's DataParallel, AveragedModel or compile put before each name, or what a trainer usually calls the
 * network in it; as long as it is no name of the network's. */
static const char *unwrapped(const shunt_graph *graph, const char *name)
{
    static const char *const wrappers[] = {"module.", "_orig_mod.", "model.", "net.", "network.", "backbone."};
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers && !is_own(graph, name);) {
        const size_t length = strlen(wrappers[i]);
        const bool wraps = !strncmp(name, wrappers[i], length);
        if (wraps) name += length;
        i = wraps ? 0 : i + 1;
    }
    return name;
}

/* Counters of batches, and of averaged models. */
static bool is_counter(const char *name)
{
    static const char batches[] = "num_batches_tracked";
    const size_t length = strlen(name), end = sizeof batches - 1;
    return !strcmp(name, "n_averaged") || (length >= end && !strcmp(name + length - end, batches));
}

bool names_canonical(const shunt_graph *graph, const char *name, char *out, size_t size)
{
    name = unwrapped(graph, name);
    if (is_counter(name)) return false;
    for (size_t i = 0; i < sizeof rules / sizeof *rules && !is_own(graph, name); i++) {
        unsigned numbers[MOST_NUMBERS];
        const char *rest = match(rules[i].theirs, name, numbers);
        if (!rest) continue;
        rewrite(rules[i].ours, numbers, rest, out, size);
        return true;
    }
    snprintf(out, size, "%s", name);
    return true;
}
