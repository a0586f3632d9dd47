/* families.c - the networks that have names, one family a line, and what a name and options together describe. */
#include "models/nets/net.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 1 << 24, MOST_PIXELS_A_SIDE = 1 << 16 };

extern const net_family net_resnet, net_cifar_resnet, net_mini_resnet, net_cnn, net_resnext, net_wide_resnet,
    net_resnet_d, net_se_resnet, net_antialiased, net_cifar_bottleneck, net_cifar_pooled, net_fcn, net_deeplab,
    net_retinanet, net_retinanet_small, net_fasterrcnn, net_fasterrcnn_v2, net_maskrcnn, net_maskrcnn_v2;

/* The first that knows a name has it. */
static const net_family *const families[] = {
    &net_resnet,       &net_cifar_resnet,  &net_mini_resnet, &net_cnn,         &net_resnext,
    &net_wide_resnet,  &net_resnet_d,      &net_se_resnet,   &net_antialiased, &net_cifar_bottleneck,
    &net_cifar_pooled, &net_fcn,           &net_deeplab,     &net_retinanet,   &net_retinanet_small,
    &net_fasterrcnn,   &net_fasterrcnn_v2, &net_maskrcnn,    &net_maskrcnn_v2,
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
    char list[2048];
    size_t used = 0;
    const char *family;
    for (size_t i = 0; (family = shunt_model_family(i)) && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", family);
    return error_fail(SHUNT_E_NOT_FOUND,
                      "no model '%.40s'; there are %s, with 6n+2 = 20, 32, 44, 56, 110 ... up to %d; resnet50 and "
                      "resnet152 mean ImageNet's, CIFAR's are cifar-resnet50 and cifar-resnet152; numbers behind a "
                      "residual network, as in resnet56-5-3-8, are the blocks of its stages that are left",
                      name, list, NET_MOST_DEPTH);
}

/* ---- Networks without some of their blocks -------------------------------------------------------------------------- */

/* Where the numbers begin in "resnet56-5-3-8", the first dash included; the end of a name without. */
static size_t find_blocks(const char *name)
{
    size_t begin = strlen(name), at = begin;
    while (at > 0 && isdigit((unsigned char)name[at - 1])) {
        while (at > 0 && isdigit((unsigned char)name[at - 1])) at--;
        if (!at || name[at - 1] != '-') break;
        begin = --at;
    }
    return strchr(name + begin, '-') == strrchr(name, '-') ? strlen(name)
                                                           : begin; /* a single number is none of these */
}

/* The last stage has a block at least. */
static int count_stages(const int blocks[NET_STAGES])
{
    int count = NET_STAGES;
    while (count > 0 && !blocks[count - 1]) count--;
    return count;
}

void net_name_blocks(const net_spec *net, const int blocks[NET_STAGES], char *name)
{
    size_t used = (size_t)snprintf(name, sizeof net->name, "%.*s", (int)find_blocks(net->name), net->name);
    for (int i = 0; i < count_stages(blocks) && used < sizeof net->name; i++)
        used += (size_t)snprintf(name + used, sizeof net->name - used, "-%d", blocks[i]);
}

/* A first block that changes the shape cannot be left out. */
static int least_blocks(const net_spec *net, int stage)
{
    return stage > 0 || net->bottleneck;
}

/* Whether the text has a number for each stage, from the least to what the whole network has. */
static bool read_blocks(const char *text, const net_spec *net, int blocks[NET_STAGES])
{
    const int stages = count_stages(net->blocks);
    for (int i = 0; i < stages; i++) {
        const size_t digits = strspn(text, "0123456789");
        blocks[i] = atoi(text);
        if (digits < 1 || digits > 5 || blocks[i] < least_blocks(net, i) || blocks[i] > net->blocks[i]) return false;
        text += digits;
        if (*text++ != (i + 1 < stages ? '-' : '\0')) return false;
    }
    return stages > 0;
}

static shunt_status take_blocks(const char *name, const char *text, net_spec *net)
{
    const net_spec whole = *net;
    char most[64] = "";
    if (!net->residual || !count_stages(net->blocks))
        return error_fail(SHUNT_E_INVALID, "%.40s: %s has no blocks that could be left out", name, net->name);
    if (read_blocks(text, &whole, net->blocks)) {
        if (memcmp(net->blocks, whole.blocks, sizeof net->blocks)) net_name_blocks(&whole, net->blocks, net->name);
        return SHUNT_OK;
    }
    for (int i = 0; i < count_stages(whole.blocks); i++) {
        const size_t used = strlen(most);
        snprintf(most + used, sizeof most - used, "%s%d to %d", i ? ", " : "", least_blocks(&whole, i),
                 whole.blocks[i]);
    }
    return error_fail(SHUNT_E_INVALID, "%.40s: the stages of %s have these numbers of blocks: %s", name, whole.name,
                      most);
}

static shunt_status parse_whole(const char *name, net_spec *out)
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

static const char ghost_prefix[] = "ghost-";

static bool is_ghost(const char *name)
{
    return !strncmp(name, ghost_prefix, sizeof ghost_prefix - 1);
}

const char *net_static_name(const net_spec *net)
{
    return is_ghost(net->name) ? net->name + sizeof ghost_prefix - 1 : net->name;
}

static shunt_status parse(const char *name, net_spec *out)
{
    char whole[sizeof out->name];
    const size_t length = find_blocks(name);
    if (!name[length] || length >= sizeof whole) return parse_whole(name, out);
    snprintf(whole, sizeof whole, "%.*s", (int)length, name);
    shunt_status status = parse_whole(whole, out);
    return status ? status : take_blocks(name, name + length + 1, out);
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

static shunt_status choose_epsilon(const char *name, shunt_epsilon epsilon, net_spec *net)
{
    if (epsilon > SHUNT_EPSILON_0) return error_fail(SHUNT_E_INVALID, "no epsilon has number %d", (int)epsilon);
    if (epsilon && !net->family->bare_files)
        return error_fail(SHUNT_E_INVALID,
                          "%s: the epsilon of its batch norms is known; only networks that find objects have a choice",
                          name);
    net->epsilon = epsilon;
    net->bare_norms = epsilon == SHUNT_EPSILON_0;
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
    if (net->cifar && net->family->small_side) return net->family->small_side;
    return net->family->side ? net->family->side : net->cifar ? 32 : 224;
}

shunt_status net_describe(const char *name, const shunt_model_options *options, net_spec *out)
{
    shunt_model_options own;
    net_spec net;
    if (!name) return error_fail(SHUNT_E_INVALID, "no model is named");
    shunt_status status = model_options_take(&own, options);
    if (!status) status = parse(name + (is_ghost(name) ? sizeof ghost_prefix - 1 : 0), &net);
    if (!status) status = choose("number of classes", own.classes, usual_classes(&net), MOST_CLASSES, &net.classes);
    if (!status) status = choose("height", own.height, usual_side(&net), MOST_PIXELS_A_SIDE, &net.height);
    if (!status) status = choose("width", own.width, usual_side(&net), MOST_PIXELS_A_SIDE, &net.width);
    if (!status) status = choose_shortcut(name, own.shortcut, &net);
    if (!status) status = choose_epsilon(name, own.epsilon, &net);
    if (status) return status;
    net.auxiliary = own.auxiliary && net.family->spare;
    net.v1 = own.v1 && net.bottleneck; /* basic blocks are the same in both */
    if (is_ghost(name) && (status = ghost_describe(&net))) return status;
    *out = net;
    return SHUNT_OK;
}

/* What a network does to its tensors leaves no trace in them: strides, pools, smoothing. */
static bool same_tensors(const net_spec *a, const net_spec *b)
{
    return a->family->layers == b->family->layers && a->family->head == b->family->head &&
           a->family->looks == b->family->looks && a->improved == b->improved && a->cifar == b->cifar &&
           a->bottleneck == b->bottleneck && a->residual == b->residual && a->shortcut == b->shortcut &&
           !memcmp(a->blocks, b->blocks, sizeof a->blocks) && a->base == b->base && a->groups == b->groups &&
           a->group_width == b->group_width && a->deep_stem == b->deep_stem && a->gates == b->gates &&
           a->average_downsample == b->average_downsample && a->ghost == b->ghost;
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
    if (net->family && net->cifar && net->family->small_preset) return net->family->small_preset;
    if (net->family && net->family->preset) return net->family->preset;
    return net->cifar ? "cifar10" : "imagenet";
}

const char *net_classifier(const net_spec *net)
{
    return net->family && net->family->classifier ? net->family->classifier : "fc";
}

int64_t net_class_channels(const net_spec *net)
{
    return net->family && net->family->channels ? net->family->channels : 1;
}

static bool is_of(const char *layer, const char *parameter)
{
    const size_t length = strlen(layer);
    return !strncmp(parameter, layer, length) && parameter[length] == '.';
}

bool net_of_classifier(const net_spec *net, const char *parameter)
{
    const char *const *layer = net->family ? net->family->class_layers : NULL;
    for (; layer && *layer; layer++)
        if (is_of(*layer, parameter)) return true;
    return is_of(net_classifier(net), parameter);
}

shunt_task net_task(const net_spec *net)
{
    return net->family ? net->family->task : SHUNT_TASK_CLASSIFY;
}
