/* norms.c - the epsilon of frozen batch norms. torchvision's first networks that find objects were trained without one, and later versions add
 * 1e-5; the weight files are alike, so the published ones are known by their digests. */
#include "models/model.h"
#include "runtime/shared/sha256.h"
#include "runtime/weights/weights.h"

#include <stdio.h>
#include <string.h>

/* Whether the file, as a whole, is one of those that are published without an epsilon. */
static bool is_published_bare(const net_spec *net, const shunt_weights *file)
{
    sha256 sum;
    char digits[65];
    if (!file->file.size) return false;
    sha256_begin(&sum);
    sha256_add(&sum, file->file.data, file->file.size);
    sha256_end(&sum, digits);
    for (const char *const *known = net->family->bare_files; *known; known++)
        if (!strncmp(digits, *known, strlen(*known))) return true;
    return false;
}

void norms_choose(const net_spec *net, const shunt_weights *file, norms_choice *out)
{
    *out = (norms_choice){.bare = net->bare_norms};
    if (!net->family || !net->family->bare_files || net->epsilon != SHUNT_EPSILON_KNOWN) return;
    if (metadata_describes(file)) {
        out->bare = metadata_bare_norms(file);
        return;
    }
    out->bare = is_published_bare(net, file);
    snprintf(out->note, sizeof out->note, "the file does not say the epsilon of its batch norms: taken as %s",
             out->bare ? "0, since it is one of torchvision's first" : "1e-5; torchvision's first files need 0");
}

shunt_status norms_apply(shunt_model *model, bool bare)
{
    net_spec net = model->net;
    shunt_graph *graph;
    if (bare == net.bare_norms) return SHUNT_OK;
    net.bare_norms = bare;
    shunt_status status = net_build(&net, NULL, &graph);
    if (status) return status;
    shunt_graph_destroy(model->graph);
    model->net = net;
    model->graph = graph;
    return SHUNT_OK;
}
