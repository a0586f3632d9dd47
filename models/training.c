/* training.c - what training needs of a model: fresh weights, its description in their metadata, a recipe that suits it. */
#include "models/model.h"
#include "runtime/error.h"

#include <shunt/train.h>
#include <string.h>

shunt_status shunt_model_initialize(shunt_model *model, uint64_t seed)
{
    shunt_weights *weights;
    shunt_status status = shunt_graph_initialize(model->graph, seed, &weights);
    if (!status) model_take_weights(model, weights);
    return status;
}

shunt_status shunt_model_describe(shunt_model *model)
{
    if (!model->weights) return shunt_fail(SHUNT_E_INVALID, "%s has no weights to describe yet", model->net.name);
    return metadata_write(model, model->weights);
}

/* ---- Recipes -------------------------------------------------------------------------------------------------------- */

/* Sections 3.4 and 4.2. The paper divided ImageNet's rate when the error no longer fell: here after thirds of 90 epochs. */
static void paper(const net_spec *net, shunt_recipe *recipe)
{
    recipe->schedule = SHUNT_SCHEDULE_STEP;
    recipe->rate = 0.1;
    recipe->weight_decay = 1e-4;
    if (!net->cifar) {
        recipe->epochs = 90;
        recipe->batch = 256;
        recipe->milestones[0] = 1.0 / 3;
        recipe->milestones[1] = 2.0 / 3;
        return;
    }
    recipe->epochs = 182; /* follows from the steps */
    recipe->steps = 64000;
    if (net->residual && net->blocks[0] >= 18) { /* 110 layers */
        recipe->warm_up_rate = 0.01;
        recipe->warm_up_error = 0.8;
    }
}

static void fast(const net_spec *net, shunt_recipe *recipe)
{
    recipe->schedule = SHUNT_SCHEDULE_ONE_CYCLE;
    recipe->epochs = net->cifar ? 35 : 18;
    recipe->rate = net->cifar ? 0.2 : 0.5;
    recipe->warm_up = 0.2;
    recipe->warm_up_rate = recipe->rate / 10;
    recipe->final_rate = 0;
    recipe->nesterov = 1;
    recipe->weight_decay = net->cifar ? 5e-4 : 5e-5;
    recipe->smoothing = net->cifar ? 0 : 0.1;
}

/* Weights that were trained already are to be moved, not thrown about. */
static void finetune(const net_spec *net, shunt_recipe *recipe)
{
    recipe->schedule = SHUNT_SCHEDULE_COSINE;
    recipe->epochs = 10;
    recipe->batch = 32;
    recipe->rate = 0.01;
    recipe->warm_up = 0.05;
    recipe->warm_up_rate = 0.001;
    recipe->nesterov = 1;
    recipe->weight_decay = 1e-4;
    recipe->min_area = net->cifar ? 1 : 0.35;
}

shunt_status shunt_model_recipe(const shunt_model *model, const char *name, shunt_recipe *out)
{
    static const struct {
        const char *name;
        void (*fill)(const net_spec *net, shunt_recipe *recipe);
    } recipes[] = {{"paper", paper}, {"fast", fast}, {"finetune", finetune}};
    const net_spec *net = &model->net;
    /* What all have in common. */
    shunt_recipe recipe = {.batch = 128,
                           .milestones = {0.5, 0.75},
                           .decay = 0.1,
                           .momentum = 0.9,
                           .norm_momentum = 0.1,
                           .augment = net->cifar ? SHUNT_AUGMENT_CROP : SHUNT_AUGMENT_RESIZED_CROP,
                           .pad = net->cifar ? 4 : 0,
                           .flip = 1,
                           .min_area = 0.08};
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        if (strcmp(recipes[i].name, name)) continue;
        recipes[i].fill(net, &recipe);
        strcpy(recipe.name, name);
        *out = recipe;
        return SHUNT_OK;
    }
    return shunt_fail(SHUNT_E_NOT_FOUND, "no recipe is called '%.40s'; there are paper, fast, finetune", name);
}
