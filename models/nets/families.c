/* families.c - the networks that have names, one family a line, and what a name and options together describe. */
#include "models/nets/net.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 1 << 24, MOST_PIXELS_A_SIDE = 1 << 16 };

extern const net_family net_resnet, net_cifar_resnet, net_mini_resnet, net_cnn, net_resnext, net_wide_resnet,
    net_resnet_d, net_se_resnet, net_antialiased, net_cifar_bottleneck, net_cifar_pooled, net_fcn, net_deeplab;

/* The first that knows a name has it. */
static const net_family *const families[] = {
    &net_resnet,       &net_cifar_resnet, &net_mini_resnet, &net_cnn,         &net_resnext,
    &net_wide_resnet,  &net_resnet_d,     &net_se_resnet,   &net_antialiased, &net_cifar_bottleneck,
    &net_cifar_pooled, &net_fcn,          &net_deeplab,
};
enum { NFAMILIES = sizeof families / sizeof *families };

const char *shunt_model_family(size_t index)
{
    for (size_t f = 0; f < NFAMILIES; f++)
        for (const char *const *name = families[f]->names; *name; name++)
            if (!index--) return *name;
    return NULL;
}

int net_depth(const char *name, const char *prefix)
{
    const size_t length = strlen(prefix);
    if (strncmp(name, prefix, length)) return 0;
    name += length;
    const size_t digits = strspn(name, "0123456789");
    if (!digits || digits > 5 || name[digits] || *name == '0') return 0;
    const int depth = atoi(name);
    return depth <= NET_MOST_DEPTH ? depth : 0;
}

static shunt_status unknown(const char *name)
{
    char list[1024];
    size_t used = 0;
    const char *family;
    for (size_t i = 0; (family = shunt_model_family(i)) && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", family);
    return error_fail(SHUNT_E_NOT_FOUND,
                      "no model '%.40s'; there are %s, with 6n+2 = 20, 32, 44, 56, 110 ... up to %d; resnet50 and "
                      "resnet152 mean ImageNet's, CIFAR's are cifar-resnet50 and cifar-resnet152",
                      name, list, NET_MOST_DEPTH);
}

static shunt_status parse(const char *name, net_spec *out)
{
    static const char prefix[] = "cifar-";
    const bool cifar = !strncmp(name, prefix, sizeof prefix - 1);
    for (size_t f = 0; f < NFAMILIES; f++) {
        net_spec net = {.base = 64};
        if (!families[f]->parse(name + (cifar ? sizeof prefix - 1 : 0), cifar, &net)) continue;
        net.family = families[f];
        *out = net;
        return SHUNT_OK;
    }
    return unknown(name);
}

static shunt_status choose(const char *what, int64_t wanted, int64_t usual, int64_t most, int64_t *out)
{
    *out = wanted ? wanted : usual;
    if (*out >= 1 && *out <= most) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "%s is %lld; give 1 to %lld", what, (long long)wanted, (long long)most);
}

static shunt_status choose_shortcut(const char *name, char kind, net_spec *net)
{
    if (kind && !strchr("ABC", kind)) return error_fail(SHUNT_E_INVALID, "shortcut is '%c'; give A, B or C", kind);
    if (kind && !net->residual) return error_fail(SHUNT_E_INVALID, "%s: a plain net has no shortcuts to choose", name);
    if (!net->residual) net->shortcut = 0;
    if (kind) net->shortcut = kind;
    return SHUNT_OK;
}

shunt_status model_options_take(shunt_model_options *own, const shunt_model_options *given)
{
    return sized_take(own, sizeof *own, SIZE_THROUGH(shunt_model_options, v1), given, "shunt_model_options");
}

static int64_t usual_classes(const net_spec *net)
{
    return net->family->classes ? net->family->classes : net->cifar ? 10 : 1000;
}

static int64_t usual_side(const net_spec *net)
{
    return net->family->side ? net->family->side : net->cifar ? 32 : 224;
}

shunt_status net_describe(const char *name, const shunt_model_options *options, net_spec *out)
{
    shunt_model_options own;
    net_spec net;
    if (!name) return error_fail(SHUNT_E_INVALID, "no model is named");
    shunt_status status = model_options_take(&own, options);
    if (!status) status = parse(name, &net);
    if (!status) status = choose("number of classes", own.classes, usual_classes(&net), MOST_CLASSES, &net.classes);
    if (!status) status = choose("height", own.height, usual_side(&net), MOST_PIXELS_A_SIDE, &net.height);
    if (!status) status = choose("width", own.width, usual_side(&net), MOST_PIXELS_A_SIDE, &net.width);
    if (!status) status = choose_shortcut(name, own.shortcut, &net);
    if (status) return status;
    net.v1 = own.v1 && net.bottleneck; /* basic blocks are the same in both */
    *out = net;
    return SHUNT_OK;
}

/* What a network does to its tensors leaves no trace in them: strides, pools, smoothing. */
static bool same_tensors(const net_spec *a, const net_spec *b)
{
    return a->family->layers == b->family->layers && a->family->head == b->family->head && a->cifar == b->cifar &&
           a->bottleneck == b->bottleneck && a->residual == b->residual && a->shortcut == b->shortcut &&
           !memcmp(a->blocks, b->blocks, sizeof a->blocks) && a->base == b->base && a->groups == b->groups &&
           a->group_width == b->group_width && a->deep_stem == b->deep_stem && a->gates == b->gates &&
           a->average_downsample == b->average_downsample;
}

bool net_looks_like(const net_spec *net, const char *name)
{
    net_spec other;
    return net->family && !net_describe(name, NULL, &other) && strcmp(other.name, net->name) &&
           same_tensors(net, &other);
}

size_t net_lookalikes(const net_spec *net, char *text, size_t size)
{
    size_t count = 0, used = 0;
    const char *name;
    *text = '\0';
    for (size_t i = 0; (name = shunt_model_family(i)); i++) {
        if (strchr(name, '+') || !net_looks_like(net, name)) continue;
        if (used < size) used += (size_t)snprintf(text + used, size - used, "%s%s", count ? ", " : "", name);
        count++;
    }
    return count;
}

const char *net_preset(const net_spec *net)
{
    if (net->family && net->family->preset) return net->family->preset;
    return net->cifar ? "cifar10" : "imagenet";
}

const char *net_classifier(const net_spec *net)
{
    return net->family && net->family->classifier ? net->family->classifier : "fc";
}

bool net_of_classifier(const net_spec *net, const char *parameter)
{
    const char *layer = net_classifier(net);
    const size_t length = strlen(layer);
    return !strncmp(parameter, layer, length) && parameter[length] == '.';
}

shunt_task net_task(const net_spec *net)
{
    return net->family ? net->family->task : SHUNT_TASK_CLASSIFY;
}

static void classify(net_builder *b, shunt_value features)
{
    const shunt_value x = shunt_graph_global_pool(b->graph, "avgpool", features);
    shunt_graph_output(b->graph, "logits", shunt_graph_linear(b->graph, "fc", x, b->net->classes));
}

shunt_status net_build(const net_spec *net, const net_lesion *lesion, shunt_graph **out)
{
    net_builder builder = {.net = net, .lesion = lesion, .graph = shunt_graph_create(), .prefix = ""};
    shunt_graph *graph = builder.graph;
    if (!graph) return error_memory();
    const shunt_value input = shunt_graph_input(graph, "input", 4, (int64_t[]){1, 3, net->height, net->width});
    const shunt_value features = net->family->layers(&builder, input);
    if (net->family->head)
        net->family->head(&builder, input, features);
    else
        classify(&builder, features);
    shunt_status status = shunt_graph_check(graph);
    if (status) {
        shunt_graph_destroy(graph);
        return error_context(status, "%s", net->name);
    }
    *out = graph;
    return SHUNT_OK;
}
