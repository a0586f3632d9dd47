/* embed.c - what a network computes inside, for the pictures of a data set. */
#include <shunt/look.h>

#include <stdlib.h>

#include "models/model.h"
#include "models/pictures.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"

typedef struct embedding {
    const shunt_embed_options *options;
    shunt_graph *graph;   /* the network up to the values */
    shunt_tensor *values; /* of one picture */
    size_t nvalues;
    bool stop;
} embedding;

/* The values as the names say, or the one that the classifier reads. */
static shunt_status cut_graph(embedding *self, const shunt_model *model, const shunt_graph *graph)
{
    const char *features = shunt_graph_value_name(graph, shunt_graph_features(graph));
    if (self->options->nnames) {
        self->nvalues = self->options->nnames;
        return shunt_graph_cut(graph, self->options->names, self->nvalues, &self->graph);
    }
    self->nvalues = 1;
    if (!features)
        return error_fail(SHUNT_E_NOT_FOUND, "%s has no classifier whose input could be taken; name a value",
                          shunt_model_name(model));
    return shunt_graph_cut(graph, &features, 1, &self->graph);
}

/* Of a network that looks into boxes, the part before that: a picture alone is its input. */
static shunt_status cut(embedding *self, const shunt_model *model)
{
    shunt_graph *first;
    if (!model->net.family || !model->net.family->nlooks) return cut_graph(self, model, model->graph);
    shunt_status status = net_build_part(&model->net, 0, &first);
    if (status) return status;
    status = cut_graph(self, model, first);
    shunt_graph_destroy(first);
    return status;
}

static shunt_status tell(void *context, const shunt_tensor *results, int64_t first, int64_t n)
{
    embedding *self = context;
    for (int64_t i = 0; i < n && !self->stop; i++) {
        for (size_t v = 0; v < self->nvalues; v++) {
            self->values[v].desc = results[v].desc;
            self->values[v].desc.dims[0] = 1;
            self->values[v].data = (float *)results[v].data + (uint64_t)i * shunt_tensor_count(&self->values[v].desc);
        }
        const shunt_embedding told = {(size_t)(first + i), self->values, self->nvalues};
        self->stop = self->options->handler(self->options->context, &told) != 0;
    }
    return self->stop ? SHUNT_E_INVALID : SHUNT_OK; /* ends the run; shunt_embed says OK */
}

shunt_status shunt_embed(shunt_model *model, shunt_device *device, const shunt_dataset *data,
                         const shunt_embed_options *options)
{
    if (!model || !device || !data) return error_null(__func__, "model, device, data");
    shunt_embed_options own;
    embedding self = {.options = &own};
    shunt_status status =
        sized_take(&own, sizeof own, SIZE_THROUGH(shunt_embed_options, context), options, "shunt_embed_options");
    if (status) return status;
    if (!own.handler || (own.nnames && !own.names)) return error_null(__func__, "options.handler, options.names");
    status = model_check_preprocess(model);
    if (!status) status = model_need_weights(model);
    if (!status) status = cut(&self, model);
    if (!status && !(self.values = calloc(self.nvalues, sizeof *self.values))) status = error_memory();
    if (!status)
        status = pictures_run(&(pictures_work){.graph = self.graph,
                                               .weights = shunt_model_weights(model),
                                               .device = device,
                                               .data = data,
                                               .preprocess = &model->preprocess,
                                               .limit = own.limit,
                                               .batch = own.batch,
                                               .workers = own.workers,
                                               .take = tell,
                                               .context = &self});
    free(self.values);
    shunt_graph_destroy(self.graph);
    return self.stop ? SHUNT_OK : status;
}
