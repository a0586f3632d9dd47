/* survey.c - how a weight file names a network: what stands before all of its names, and which tensors are the classifier.
 * Trainers put a network into another ("encoder.layer1.0.conv1.weight") and a head of their own in place of its last layer. */
#include "models/survey.h"
#include "models/model.h"

#include <stdio.h>
#include <string.h>

#include "runtime/graph/graph.h"

enum { MOST_PREFIXES = 64, MOST_PARTS = 8 };

/* The model's name for what follows the first `cut` bytes of a tensor's name. */
static bool canonical_after(const shunt_graph *graph, const char *name, size_t cut, char out[SURVEY_NAME])
{
    return strlen(name) <= SURVEY_MOST_CHARS && names_canonical(graph, name + cut, out, SURVEY_NAME);
}

/* ---- The prefix ------------------------------------------------------------------------------------------------- */

static const char *first_parameter(const shunt_graph *graph)
{
    for (uint32_t v = 0; v < graph->nvalues; v++)
        if (graph->values[v].source == VALUE_PARAMETER) return graph->values[v].name;
    return "";
}

/* How many tensors are parameters of the graph, without these bytes before their names. */
static uint32_t count_found(const shunt_graph *graph, const shunt_weights *file, const char *prefix)
{
    const size_t cut = strlen(prefix);
    char name[SURVEY_NAME];
    uint32_t found = 0;
    for (size_t i = 0; i < shunt_weights_count(file); i++) {
        const char *original = shunt_weights_at(file, i)->name;
        if (strncmp(original, prefix, cut) || !canonical_after(graph, original, cut, name)) continue;
        found += graph_find_parameter(graph, name) != SHUNT_NO_VALUE;
    }
    return found;
}

typedef struct prefixes {
    char list[MOST_PREFIXES][SURVEY_NAME];
    uint32_t count;
} prefixes;

static void add_prefix(prefixes *all, const char *name, size_t length)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (!strncmp(all->list[i], name, length) && !all->list[i][length]) return;
    if (all->count < MOST_PREFIXES) snprintf(all->list[all->count++], SURVEY_NAME, "%.*s", (int)length, name);
}

/* Whatever stands before the name of the network's first tensor. */
static void list_prefixes(const shunt_graph *graph, const shunt_weights *file, prefixes *all)
{
    const char *first = first_parameter(graph);
    char name[SURVEY_NAME];
    all->count = 0;
    for (size_t i = 0; i < shunt_weights_count(file); i++) {
        const char *original = shunt_weights_at(file, i)->name, *at = original;
        for (int parts = 0; at && parts < MOST_PARTS; parts++) {
            const size_t cut = (size_t)(at - original);
            if (canonical_after(graph, original, cut, name) && !strcmp(name, first)) add_prefix(all, original, cut);
            at = strchr(at, '.');
            at = at ? at + 1 : NULL;
        }
    }
}

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* The prefix under which most is found, and the shortest of several in each other. */
static void find_prefix(const shunt_graph *graph, const shunt_weights *file, names_survey *out)
{
    prefixes all;
    uint32_t most = 0;
    list_prefixes(graph, file, &all);
    for (uint32_t i = 0; i < all.count; i++) {
        const char *prefix = all.list[i];
        const uint32_t found = count_found(graph, file, prefix);
        const bool nested = begins(prefix, out->prefix) || begins(out->prefix, prefix);
        if (found < most) continue;
        if (found == most && most && !nested) memcpy(out->rival, prefix, SURVEY_NAME);
        if (found == most && strlen(prefix) >= strlen(out->prefix)) continue;
        if (found > most) out->rival[0] = '\0';
        most = found;
        memcpy(out->prefix, prefix, SURVEY_NAME);
    }
}

/* ---- The classifier ---------------------------------------------------------------------------------------------- */

/* Whether a dotted name is one that people give a classifier, such as head.fc or model.classifier.1. */
static bool is_heads_place(const char *name, size_t length)
{
    static const char *const heads[] = {"fc",    "linear",      "classifier", "head",
                                        "heads", "last_linear", "output",     "logits"};
    static const char *const around[] = {"module", "_orig_mod", "model", "net", "network", "backbone", "encoder"};
    bool head = false;
    for (size_t at = 0, part; at < length; at += part + 1) {
        const char *word = name + at;
        bool known = false;
        for (part = 0; at + part < length && word[part] != '.';) part++;
        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
            known |= strlen(heads[i]) == part && !memcmp(word, heads[i], part);
        head |= known;
        for (size_t i = 0; i < sizeof around / sizeof *around; i++)
            known |= strlen(around[i]) == part && !memcmp(word, around[i], part);
        if (!known && strspn(word, "0123456789") < part) return false;
    }
    return head;
}

/* A matrix from the network's features to classes, at a classifier's place: if there is but one. */
static void find_head(int64_t features, const shunt_weights *file, names_survey *out)
{
    static const char end[] = ".weight";
    const size_t cut = sizeof end - 1;
    uint32_t found = 0;
    for (size_t i = 0; i < shunt_weights_count(file); i++) {
        const shunt_tensor_view *view = shunt_weights_at(file, i);
        const char *name = view->name + (begins(view->name, out->prefix) ? strlen(out->prefix) : 0);
        const size_t length = strlen(name);
        if (view->desc.rank != 2 || view->desc.dims[1] != features || length <= cut || length > SURVEY_MOST_CHARS ||
            strcmp(name + length - cut, end) || !is_heads_place(name, length - cut))
            continue;
        found++;
        out->classes = view->desc.dims[0];
        snprintf(out->classifier, sizeof out->classifier, "%.*s", (int)(strlen(view->name) - cut), view->name);
    }
    if (found == 1) return;
    out->classifier[0] = '\0';
    out->classes = 0;
}

/* A layer of the file's own name counts, of whatever rank; one of another name only if it is a matrix. */
static void find_classifier(const shunt_weights *file, names_survey *out)
{
    char weight[SURVEY_NAME], name[SURVEY_NAME];
    snprintf(weight, sizeof weight, "%s.weight", out->layer);
    const shunt_value layer = graph_find_parameter(out->graph, weight);
    if (layer == SHUNT_NO_VALUE) return;
    for (size_t i = 0; i < shunt_weights_count(file); i++) {
        const shunt_tensor_view *view = shunt_weights_at(file, i);
        if (!names_surveyed(out, view->name, name) || strcmp(name, weight)) continue;
        out->classes = view->desc.rank ? view->desc.dims[0] : 0; /* under its own name */
        return;
    }
    const shunt_tensor_desc *desc = &out->graph->values[layer].desc;
    if (desc->rank == 2) find_head(desc->dims[1], file, out);
}

void names_look(const shunt_graph *graph, const char *classifier, const shunt_weights *file, names_survey *out)
{
    *out = (names_survey){.graph = graph, .layer = classifier};
    find_prefix(graph, file, out);
    find_classifier(file, out);
}

bool names_surveyed(const names_survey *self, const char *original, char out[SURVEY_NAME])
{
    const size_t head = strlen(self->classifier);
    if (head && begins(original, self->classifier) && original[head] == '.') {
        snprintf(out, SURVEY_NAME, "%.48s.%s", self->layer, original + head + 1);
        return true;
    }
    return names_canonical(self->graph, original + (begins(original, self->prefix) ? strlen(self->prefix) : 0), out,
                           SURVEY_NAME);
}
