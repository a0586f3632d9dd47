/* zoo.c - the names of networks: "resnet50", "plain34", "resnet56", "cifar-resnet50". */
#include "models/nets/net.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 1 << 24, MOST_PIXELS_A_SIDE = 1 << 16 };

static const char *const families[] = {
    "resnet18",       "resnet34",      "resnet50",      "resnet101",   "resnet152",
    "plain18",        "plain34",       "resnet6n+2",    "plain6n+2",   "cifar-resnet18",
    "cifar-resnet34", "cifar-plain18", "cifar-plain34", "mini-resnet", "cnn"};

const char *shunt_model_family(size_t index)
{
    return index < sizeof families / sizeof *families ? families[index] : NULL;
}

static shunt_status unknown(const char *name, const char *why)
{
    return shunt_fail(
        SHUNT_E_NOT_FOUND,
        "no model '%.40s': %s; there are resnet18, 34, 50, 101, 152, plain18, 34 for ImageNet, and resnetD, "
        "plainD for CIFAR with D = 6n+2 (20, 32, 44, 56, 110 ...); resnet50 and resnet152 mean ImageNet's, "
        "CIFAR's are cifar-resnet50 and cifar-resnet152; cifar-resnet18, 34, cifar-plain18, 34 are ImageNet's layers "
        "for "
        "CIFAR, mini-resnet and cnn small nets to compare with",
        name, why);
}

/* Cuts `prefix` off *text. */
static bool take(const char **text, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(*text, prefix, length)) return false;
    *text += length;
    return true;
}

/* Small nets with names of their own. */
static bool parse_other(const char *name, net_spec *net)
{
    static const struct {
        const char *name;
        net_spec net;
    } others[] = {{"mini-resnet", {.cifar = true, .residual = true, .shortcut = 'B', .blocks = {1, 1, 1}, .base = 32}},
                  {"cnn", {.cifar = true, .pooled = true, .base = 64}}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(name, others[i].name)) continue;
        *net = others[i].net;
        strcpy(net->name, name);
        return true;
    }
    return false;
}

/* The depth after "resnet" or "plain"; `cifar`: "cifar-" stood before. */
static bool parse_depth(int depth, bool cifar, bool residual, net_spec *net)
{
    const char *kind = residual ? "resnet" : "plain";
    *net = (net_spec){.residual = residual, .shortcut = 'B', .base = 64};
    bool imagenet = net_blocks(depth, false, net) && (residual || !net->bottleneck);
    if (imagenet && (!cifar || !net->bottleneck)) { /* 18 and 34: the same layers, from CIFAR's first layer on */
        net->cifar = cifar;
        snprintf(net->name, sizeof net->name, "%s%s%d", cifar ? "cifar-" : "", kind, depth);
        return true;
    }
    *net = (net_spec){.cifar = true, .residual = residual, .shortcut = 'A', .base = 16};
    snprintf(net->name, sizeof net->name, "%s%s%d", imagenet ? "cifar-" : "", kind, depth);
    return net_blocks(depth, true, net);
}

static shunt_status parse_name(const char *name, net_spec *net)
{
    const char *rest = name;
    if (parse_other(name, net)) return SHUNT_OK;
    bool cifar = take(&rest, "cifar-"), residual = take(&rest, "resnet");
    if (!residual && !take(&rest, "plain")) return unknown(name, "names start with resnet or plain");
    size_t digits = strspn(rest, "0123456789");
    if (!digits || rest[digits] || *rest == '0') return unknown(name, "a depth has to follow, and nothing else");
    int depth = digits > 5 ? NET_MOST_DEPTH + 1 : atoi(rest);
    if (depth > NET_MOST_DEPTH) return unknown(name, "more than 10000 layers");
    return parse_depth(depth, cifar, residual, net) ? SHUNT_OK : unknown(name, "no network has this depth");
}

static shunt_status choose(const char *what, int64_t wanted, int64_t usual, int64_t most, int64_t *out)
{
    *out = wanted ? wanted : usual;
    if (*out >= 1 && *out <= most) return SHUNT_OK;
    return shunt_fail(SHUNT_E_INVALID, "%s is %lld; give 1 to %lld", what, (long long)wanted, (long long)most);
}

shunt_status model_options_take(shunt_model_options *own, const shunt_model_options *given)
{
    return sized_take(own, sizeof *own, SIZE_THROUGH(shunt_model_options, v1), given, "shunt_model_options");
}

shunt_status net_describe(const char *name, const shunt_model_options *options, net_spec *out)
{
    shunt_model_options own;
    net_spec net = {0};
    if (!name) return shunt_fail(SHUNT_E_INVALID, "no model is named");
    shunt_status status = model_options_take(&own, options);
    if (!status) status = parse_name(name, &net);
    if (!status) status = choose("number of classes", own.classes, net.cifar ? 10 : 1000, MOST_CLASSES, &net.classes);
    if (!status) status = choose("height", own.height, net.cifar ? 32 : 224, MOST_PIXELS_A_SIDE, &net.height);
    if (!status) status = choose("width", own.width, net.cifar ? 32 : 224, MOST_PIXELS_A_SIDE, &net.width);
    if (status) return status;
    char kind = own.shortcut;
    if (kind && !strchr("ABC", kind)) return shunt_fail(SHUNT_E_INVALID, "shortcut is '%c'; give A, B or C", kind);
    if (kind && !net.residual) return shunt_fail(SHUNT_E_INVALID, "%s: a plain net has no shortcuts to choose", name);
    if (!net.residual) net.shortcut = 0;
    if (kind) net.shortcut = kind;
    net.v1 = own.v1 && net.bottleneck; /* basic blocks are the same in both */
    *out = net;
    return SHUNT_OK;
}
