/* anchors.c - the anchors of a network, for an input of some size, as its training takes them. */
#include "models/detect/detect.h"
#include "models/model.h"
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"

#include <shunt/train.h>
#include <stdlib.h>

/* Of one map, behind `first` places of others. */
static void fill(const detect_grid *grid, int64_t first, shunt_anchors *out)
{
    for (int64_t shape = 0; shape < out->shapes; shape++) {
        for (int64_t place = 0; place < grid->size[0] * grid->size[1]; place++) {
            const detect_box box = anchor_at(grid, place, shape);
            double *dst = out->boxes + 4 * (shape * out->places + first + place);
            dst[0] = box.left, dst[1] = box.top, dst[2] = box.right, dst[3] = box.bottom;
        }
    }
}

/* graph: of an input of this size, whose results are two for each map. */
static shunt_status make(const shunt_graph *graph, const net_anchors *anchors, int64_t side, shunt_anchors *out)
{
    shunt_tensor_desc maps[NET_MOST_LEVELS];
    *out = (shunt_anchors){.shapes = anchors_each(anchors)};
    for (int i = 0; i < anchors->levels; i++) {
        maps[i] = shunt_graph_desc(graph, graph->outputs[2 * i].value);
        out->places += maps[i].dims[2] * maps[i].dims[3];
    }
    out->boxes = reallocarray(NULL, (size_t)out->places, (size_t)out->shapes * 4 * sizeof *out->boxes);
    if (!out->boxes) return error_memory();
    int64_t first = 0;
    for (int i = 0; i < anchors->levels; i++) {
        const detect_grid grid = {
            .anchors = anchors, .level = i, .size = {maps[i].dims[2], maps[i].dims[3]}, .padded = {side, side}};
        fill(&grid, first, out);
        first += grid.size[0] * grid.size[1];
    }
    return SHUNT_OK;
}

shunt_status shunt_model_anchors(const shunt_model *model, int64_t side, shunt_anchors *out)
{
    if (!model || !out) return error_null(__func__, "model, out");
    *out = (shunt_anchors){.boxes = NULL};
    const net_family *family = model->net.family;
    if (!family || !family->anchors || family->nlooks)
        return error_fail(SHUNT_E_UNSUPPORTED, "%s is no network that finds objects at anchors alone", model->net.name);
    const shunt_tensor_desc src = shunt_tensor_make(SHUNT_F32, 4, (int64_t[]){1, 3, side, side});
    shunt_graph *sized;
    shunt_status status = shunt_graph_copy(model->graph, &sized);
    if (status) return status;
    status = graph_reshape(sized, &src, 1);
    if (!status) status = make(sized, family->anchors, side, out);
    shunt_graph_destroy(sized);
    return status;
}

void shunt_anchors_free(shunt_anchors *anchors)
{
    if (!anchors) return;
    free(anchors->boxes);
    *anchors = (shunt_anchors){.boxes = NULL};
}
