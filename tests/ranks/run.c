/* run.c - run by mpirun: a training run of fifty steps of a small network, on small pictures.
 * run DATA OUT [STOP [FIELD VALUE]]: continues from OUT/last.ckpt, if that is there, and stops after step STOP; 0: at the end. FIELD is
 * one of the recipe's, and is set to VALUE on the last rank. */
#include <shunt/shunt.h>
#include <shunt/ranks.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int stop_at(void *context, const shunt_train_event *event)
{
    const long *stop = context;
    return event->stage == SHUNT_TRAIN_STEP && event->step == *stop;
}

static shunt_status make_recipe(const shunt_model *model, const shunt_ranks_info *here, int argc, char **argv,
                                shunt_recipe *out)
{
    shunt_status status = shunt_model_recipe(model, "fast", out);
    out->batch = 12;
    out->steps = 50;
    out->holdout = 30;
    if (getenv("ACCUMULATE")) out->accumulate = atoi(getenv("ACCUMULATE"));
    if (!status && argc > 5 && here->rank + 1 == here->count) status = shunt_recipe_set(out, argv[4], argv[5]);
    return status;
}

int main(int argc, char **argv)
{
    shunt_ranks *ranks = NULL;
    shunt_device *device = NULL;
    shunt_dataset *data = NULL;
    shunt_model *model = NULL;
    shunt_trainer *trainer = NULL;
    shunt_recipe recipe;
    shunt_preprocess preprocess;
    char checkpoint[4096];
    int finished = 0;
    if (argc < 3) return 2;
    long stop = argc > 3 ? atol(argv[3]) : 0;
    snprintf(checkpoint, sizeof checkpoint, "%s/last.ckpt", argv[2]);
    shunt_status status = shunt_ranks_open(&ranks);
    if (!status) status = shunt_device_open(NULL, "threads=1", &device);
    if (!status) status = shunt_dataset_open(argv[1], "train", &data);
    if (!status) status = shunt_model_create("mini-resnet", NULL, &model);
    if (!status) status = shunt_model_initialize(model, 1);
    if (!status) status = make_recipe(model, shunt_ranks_describe(ranks), argc, argv, &recipe);
    if (!status) {
        preprocess = *shunt_model_preprocess(model);
        preprocess.resize = preprocess.crop = 8;
        const shunt_train_setup setup = {.size = sizeof setup,
                                         .graph = shunt_model_graph(model),
                                         .weights = shunt_model_weights(model),
                                         .device = device,
                                         .data = data,
                                         .preprocess = &preprocess,
                                         .recipe = &recipe,
                                         .out = argv[2],
                                         .workers = 1,
                                         .handler = stop_at,
                                         .context = &stop,
                                         .ranks = ranks,
                                         .sync_statistics = getenv("LOCAL_STATISTICS") == NULL,
                                         .bf16_gradients = getenv("BF16_GRADIENTS") != NULL,
                                         .precision = getenv("PRECISION")};
        status = shunt_trainer_create(&setup, &trainer);
    }
    if (!status && !access(checkpoint, F_OK)) status = shunt_trainer_resume(trainer, checkpoint);
    if (!status) status = shunt_trainer_run(trainer, &finished);
    if (status) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
    shunt_trainer_destroy(trainer);
    shunt_model_destroy(model);
    shunt_dataset_close(data);
    shunt_device_close(device);
    shunt_ranks_close(ranks);
    return 0;
}
