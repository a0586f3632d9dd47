/* small_run.c - see small_run.h. */
#include "tests/support/small_run.h"

shunt_status run_begin(const run_setup *setup, run_parts *parts)
{
    const int64_t side = setup->side ? setup->side : 4;
    const shunt_model_options small = {.height = side, .width = side};
    *parts = (run_parts){0};
    shunt_status status = shunt_device_open(setup->device ? setup->device : "scalar", "threads=1", &parts->device);
    if (!status) status = shunt_model_create(setup->model ? setup->model : "resnet8", &small, &parts->model);
    if (!status) status = shunt_model_recipe(parts->model, "fast", &parts->recipe);
    if (!status) status = shunt_dataset_open("cifar10:set", "train", &parts->data);
    if (!status) status = shunt_dataset_open("cifar10:set", "test", &parts->test);
    parts->recipe.epochs = EPOCHS;
    parts->recipe.batch = BATCH;
    parts->recipe.holdout = PICTURES;
    parts->recipe.pad = 1;
    if (!status && setup->field) status = shunt_recipe_set(&parts->recipe, setup->field, setup->value);
    if (!status && setup->more_field) status = shunt_recipe_set(&parts->recipe, setup->more_field, setup->more_value);
    if (!status) status = shunt_model_initialize(parts->model, 1);
    if (!status) status = shunt_model_describe(parts->model);
    if (status) return status;
    shunt_train_setup train = {.size = sizeof train,
                               .graph = shunt_model_graph(parts->model),
                               .weights = shunt_model_weights(parts->model),
                               .device = parts->device,
                               .data = parts->data,
                               .data_name = "cifar10:set",
                               .preprocess = shunt_model_preprocess(parts->model),
                               .recipe = &parts->recipe,
                               .out = setup->out,
                               .workers = setup->workers,
                               .log_gradients = setup->log_gradients,
                               .handler = setup->handler,
                               .context = setup->context,
                               .loss_scale = setup->loss_scale,
                               .precision = setup->precision};
    return shunt_trainer_create(&train, &parts->trainer);
}

void run_end(run_parts *parts)
{
    shunt_trainer_destroy(parts->trainer);
    shunt_dataset_close(parts->data);
    shunt_dataset_close(parts->test);
    shunt_model_destroy(parts->model);
    shunt_device_close(parts->device);
}

const char *run_checkpoint(const char *out, char path[64])
{
    snprintf(path, 64, "%s/last.ckpt", out);
    return path;
}

shunt_status run_continue(const run_setup *setup, int *finished)
{
    run_parts parts;
    char path[64];
    *finished = 0;
    shunt_status status = run_begin(setup, &parts);
    if (!status && !access(run_checkpoint(setup->out, path), F_OK)) status = shunt_trainer_resume(parts.trainer, path);
    if (!status) status = shunt_trainer_run(parts.trainer, finished);
    run_end(&parts);
    return status;
}

void run_whole(const run_setup *setup)
{
    int finished;
    cr_assert_eq(run_continue(setup, &finished), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(finished);
}

void expect_same_file(const char *a, const char *b)
{
    shunt_weights *files[2];
    for (int i = 0; i < 2; i++)
        cr_assert_eq(shunt_weights_open(i ? b : a, &files[i]), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_weights_count(files[0]), shunt_weights_count(files[1]));
    for (size_t i = 0; i < shunt_weights_count(files[0]); i++) {
        const shunt_tensor_view *ours = shunt_weights_at(files[0], i);
        const shunt_tensor_view *theirs = shunt_weights_find(files[1], ours->name);
        size_t bytes = sizeof(float);
        for (uint32_t k = 0; k < ours->desc.rank; k++) bytes *= (size_t)ours->desc.dims[k];
        if (!theirs || memcmp(ours->data, theirs->data, bytes)) cr_assert_fail("%s: %s differs", b, ours->name);
    }
    shunt_weights_destroy(files[0]);
    shunt_weights_destroy(files[1]);
}

int run_stop_often(void *context, const shunt_train_event *event)
{
    int *steps = context;
    return event->stage == SHUNT_TRAIN_STEP && ++*steps % 3 == 0;
}

int run_stop_at_once(void *context, const shunt_train_event *event)
{
    (void)context;
    return event->stage == SHUNT_TRAIN_STEP;
}
