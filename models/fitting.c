/* fitting.c - see fitting.h. */
#include "models/fitting.h"

#include "runtime/base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TENSORS = 4096 };

const char fitting_advice[] = "if it is of a network that Shunt does not have, export that to ONNX: in PyTorch, "
                              "torch.onnx.export(model, torch.zeros(1, 3, 224, 224), \"net.onnx\")";

typedef struct search {
    const shunt_weights *file;
    match_part part;
    const net_spec *tried;
    bool v1;
    fitting_found found;
    void *context;
    unsigned count;
    bool ended;
} search;

/* name: as for --model. shortcut: 0: the network's own. */
static void try_network(search *self, const char *name, char shortcut)
{
    const shunt_model_options options = {.shortcut = shortcut, .v1 = self->v1};
    net_spec net;
    shunt_graph *graph;
    if (self->ended || net_describe(name, &options, &net)) return;
    if (self->tried && !strcmp(net.name, self->tried->name) && net.shortcut == self->tried->shortcut) return;
    if (net_build(&net, NULL, &graph)) return;
    if (match_fits(&net, graph, self->file, self->part)) {
        self->count++;
        self->ended = !self->found(self->context, &net, shortcut, match_count_classes(&net, graph, self->file));
    }
    shunt_graph_destroy(graph);
}

/* "resnet6n+2" with as many blocks as the file's first stage has. */
static bool expand(const char *family, int blocks, char name[32])
{
    const char *depth = strstr(family, "6n+2");
    snprintf(name, 32, "%.31s", family);
    if (!depth) return true;
    snprintf(name, 32, "%s%.*s%d", !strncmp(family, "resnet", 6) ? "cifar-" : "", (int)(depth - family), family,
             6 * blocks + 2);
    return blocks > 0;
}

/* The same network without some of its blocks. */
static void try_fewer_blocks(search *self, const net_spec *net)
{
    char name[sizeof net->name];
    int blocks[NET_STAGES];
    for (int s = 0; s < NET_STAGES; s++) blocks[s] = match_count_blocks(self->file, s);
    net_name_blocks(net, blocks, name);
    try_network(self, name, 0);
}

void fitting_search(const shunt_weights *file, match_part part, const net_spec *tried, bool v1, fitting_found found,
                    void *context)
{
    search self = {.file = file, .part = part, .tried = tried, .v1 = v1, .found = found, .context = context};
    const char *family;
    char name[32];
    if (shunt_weights_count(file) > MOST_TENSORS) return;
    const int blocks = match_count_blocks(file, 0);
    for (const char *option = "ABC"; tried && *option; option++) try_network(&self, tried->name, *option);
    for (size_t i = 0; (family = shunt_model_family(i)); i++)
        if (expand(family, blocks, name)) try_network(&self, name, 0);
    for (size_t i = 0; !self.count && (family = shunt_model_family(i)); i++)
        for (const char *option = "ABC"; *option && expand(family, blocks, name); option++)
            try_network(&self, name, *option);
    if (!self.count && tried) try_fewer_blocks(&self, tried);
}

/* ---- The network of a file that does not say it -------------------------------------------------------------------- */

typedef struct inference {
    net_spec net;
    char shortcut, others[96];
    int64_t classes;
    unsigned count, more;
} inference;

/* The first is taken. Those that only compute something else with the same tensors are named by shunt_model_assumption. */
static bool note_network(void *context, const net_spec *net, char shortcut, int64_t classes)
{
    inference *self = context;
    if (self->count++ == 0) {
        self->net = *net;
        self->shortcut = shortcut;
        self->classes = classes;
    } else if (!net_looks_like(&self->net, net->name)) {
        const size_t used = strlen(self->others);
        snprintf(self->others + used, sizeof self->others - used, "%s%s", self->more++ ? ", " : "", net->name);
    }
    return true;
}

shunt_status fitting_infer(const shunt_weights *file, shunt_model_options *options, char name[METADATA_NAME],
                           char *note, size_t size)
{
    inference self = {.count = 0};
    fitting_search(file, MATCH_ALL, NULL, options->v1 != 0, note_network, &self);
    if (!self.count)
        return error_fail(
            SHUNT_E_NOT_FOUND,
            "it does not say which network it is of, and its tensors are those of none that Shunt has: name "
            "one, such as resnet50, to see what differs; %s",
            fitting_advice);
    snprintf(name, METADATA_NAME, "%s", self.net.name);
    if (!options->shortcut) options->shortcut = self.shortcut;
    if (!options->classes) options->classes = self.classes;
    snprintf(note, size, "taken as %s by its tensors%s%s", name, self.more ? ", which are also those of " : "",
             self.others);
    return SHUNT_OK;
}
