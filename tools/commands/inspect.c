/* inspect.c - shunt inspect: what a plan will do, step by step, and what it costs; or what a weight file holds. */
#include "bench_task.h"
#include "commands.h"
#include "lib/precision.h"
#include "lib/progress.h"
#include "lib/step_table.h"
#include "lib/say.h"
#include "lib/table.h"
#include <shunt/shunt.h>
#include <string.h>

typedef struct inspect_settings {
    model_settings model;
    device_settings device;
    int64_t batch, size[2], ranks;
    bool train, recompute, sync_bn;
    json_settings output;
} inspect_settings;

#define FIELD(name) offsetof(inspect_settings, name)

static const option_row rows[] = {
    {"batch", OPTION_COUNT, FIELD(batch), "N", "Pictures in one run.", "1", 1, 65536},
    {"size", OPTION_SIZE, FIELD(size), "HxW", "Size of the pictures. Default: 224, or 32 for the CIFAR nets.", NULL, 1,
     65536},
    {"train", OPTION_FLAG, FIELD(train), NULL, "Show the plan of a training step.", NULL, 0, 0},
    {"recompute", OPTION_FLAG, FIELD(recompute), NULL,
     "With --train: compute activations again in the backward pass, for less memory.", NULL, 0, 0},
    {"ranks", OPTION_COUNT, FIELD(ranks), "N",
     "With --train: the plan of one of N ranks, with what it sends to the others and gets from them.", "1", 1, 65536},
    {"sync-bn", OPTION_FLAG, FIELD(sync_bn), NULL, "With --ranks: statistics of batch norms over all ranks.", NULL, 0,
     0},
    {0}};

/* ---- A weight file ------------------------------------------------------------------------------------------ */

/* "64x3x7x7"; "scalar" for rank 0. text: 128 bytes; returned. */
static const char *shape_text(const shunt_tensor_desc *desc, char *text)
{
    int at = 0;
    strcpy(text, "scalar");
    for (uint32_t i = 0; i < desc->rank; i++)
        at += snprintf(text + at, 128 - (size_t)at, "%s%lld", i ? "x" : "", (long long)desc->dims[i]);
    return text;
}

static int print_weights(const shunt_weights *weights)
{
    static const char *const headings[] = {"TENSOR", "TYPE", "SHAPE", ">BYTES"};
    char shape[128], bytes[16];
    uint64_t total = 0;
    const shunt_tensor_view *view;
    table out;
    table_begin(&out, headings, 4);
    for (size_t i = 0; (view = shunt_weights_at(weights, i)); i++) {
        table_cell(&out, "%s", view->name);
        table_cell(&out, "%s", shunt_dtype_name(view->desc.dtype));
        table_cell(&out, "%s", shape_text(&view->desc, shape));
        table_cell(&out, "%llu", (unsigned long long)shunt_tensor_bytes(&view->desc));
        total += shunt_tensor_bytes(&view->desc);
    }
    int status = table_end(&out);
    const char *producer = shunt_weights_producer(weights);
    printf("\n%zu tensors, %s\n", shunt_weights_count(weights), human_bytes(total, bytes));
    say_line("file: %s%s%s", shunt_weights_format(weights), producer ? ", written by " : "", producer ? producer : "");
    for (const char *name = NULL; (name = shunt_weights_unusable_next(weights, name));)
        say_line("left out: %s: %s", name, shunt_weights_unusable(weights, name));
    for (const char *key = NULL; (key = shunt_weights_metadata_next(weights, key));) {
        const char *value = shunt_weights_metadata(weights, key);
        say_line("%s: %.200s%s", key, value, strlen(value) > 200 ? " ... (--json prints all of it)" : "");
    }
    return status;
}

static json_t *view_json(const shunt_tensor_view *view)
{
    json_t *dims = json_array();
    for (uint32_t i = 0; i < view->desc.rank; i++) json_add(dims, json_integer(view->desc.dims[i]));
    return json_pack("{s:o, s:s, s:o}", "name", json_text(view->name), "dtype", shunt_dtype_name(view->desc.dtype),
                     "shape", dims);
}

static int print_weights_json(const shunt_weights *weights)
{
    json_t *tensors = json_array(), *metadata = json_object();
    const shunt_tensor_view *view;
    for (size_t i = 0; (view = shunt_weights_at(weights, i)); i++) json_add(tensors, view_json(view));
    for (const char *key = NULL; (key = shunt_weights_metadata_next(weights, key));)
        json_put(metadata, key, json_text(shunt_weights_metadata(weights, key)));
    json_t *left_out = json_object();
    for (const char *name = NULL; (name = shunt_weights_unusable_next(weights, name));)
        json_put(left_out, name, json_text(shunt_weights_unusable(weights, name)));
    return print_json(json_pack("{s:s, s:s?, s:o, s:o, s:o}", "format", shunt_weights_format(weights), "producer",
                                shunt_weights_producer(weights), "metadata", metadata, "tensors", tensors, "left_out",
                                left_out),
                      false);
}

static int inspect_file(const char *path, bool json)
{
    shunt_weights *weights = NULL;
    if (shunt_weights_open(path, &weights)) return say_library_failure(path);
    int status = json ? print_weights_json(weights) : print_weights(weights);
    shunt_weights_destroy(weights);
    return status;
}

/* ---- A plan -------------------------------------------------------------------------------------------------- */

static int print_plan(const shunt_model *model, const shunt_executor *executor, const shunt_plan_report *plan,
                      int64_t batch)
{
    char precision[PRECISION_CHARS];
    shunt_graph_cost cost = shunt_graph_count(shunt_model_graph(model));
    char macs[16], flops[16], activations[16], weights[16], workspace[16], sum[16];
    int status = print_steps(plan);
    putchar('\n');
    say_line("model       %s, batch %lld", shunt_model_name(model), (long long)batch);
    say_line("placement   %s", plan->placement);
    say_line("precision   %s", precision_text(precision_of(executor), precision));
    printf("parameters  %llu\n", (unsigned long long)cost.parameters);
    printf("MACs        %llu (%s) a picture\n", (unsigned long long)cost.macs, human_count((double)cost.macs, macs));
    printf("FLOPs       %s a run\n", human_count((double)plan->flops, flops));
    printf("steps       %zu\n", plan->nsteps);
    printf("memory      %s = activations %s + weights %s + workspace %s\n",
           human_bytes(plan->activation_bytes + plan->weight_bytes + plan->workspace_bytes, sum),
           human_bytes(plan->activation_bytes, activations), human_bytes(plan->weight_bytes, weights),
           human_bytes(plan->workspace_bytes, workspace));
    if (plan->update_bytes)
        printf("            of the activations, %s are gradients and statistics that the updates at the end read\n",
               human_bytes(plan->update_bytes, sum));
    return status;
}

static int print_plan_json(const shunt_model *model, const shunt_executor *executor, const shunt_plan_report *plan,
                           int64_t batch)
{
    shunt_graph_cost cost = shunt_graph_count(shunt_model_graph(model));
    return print_json(json_pack("{s:s, s:I, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "model",
                                shunt_model_name(model), "batch", (json_int_t)batch, "placement", plan->placement,
                                "precision", precision_json(precision_of(executor)), "parameters",
                                (json_int_t)cost.parameters, "macs", (json_int_t)cost.macs, "flops",
                                (json_int_t)plan->flops, "activation_bytes", (json_int_t)plan->activation_bytes,
                                "weight_bytes", (json_int_t)plan->weight_bytes, "workspace_bytes",
                                (json_int_t)plan->workspace_bytes, "update_bytes", (json_int_t)plan->update_bytes,
                                "steps", steps_json(plan)),
                      false);
}

static int print(const inspect_settings *self, const shunt_model *model, const shunt_executor *executor,
                 const shunt_plan_report *plan)
{
    return (self->output.json ? print_plan_json : print_plan)(model, executor, plan, self->batch);
}

static int inspect_inference(const inspect_settings *self, shunt_model *model, shunt_device *device)
{
    shunt_executor *executor = NULL; /* the model's own */
    const shunt_plan_report *plan = NULL;
    shunt_tensor_desc inputs[MODEL_MOST_INPUTS];
    const size_t ninputs = model_inputs(model, self->batch, self->size, inputs);
    progress_begin("preparing", 0);
    bool failed =
        shunt_model_executor(model, device, &executor) || shunt_executor_report(executor, inputs, ninputs, &plan);
    progress_end();
    return failed ? say_library_failure(NULL) : print(self, model, executor, plan);
}

static shunt_status make_executor(const inspect_settings *self, const bench_task *task, shunt_device *device,
                                  shunt_ranks **ranks, shunt_executor **out)
{
    shunt_status status = shunt_ranks_pretend((uint32_t)self->ranks, ranks);
    const shunt_executor_options options = {.size = sizeof options, .ranks = *ranks, .sync_statistics = self->sync_bn};
    return status ? status : shunt_executor_create_with(task->graph, task->weights, device, &options, out);
}

static int inspect_training(const inspect_settings *self, const shunt_model *model, shunt_device *device)
{
    bench_task task = {0};
    shunt_ranks *ranks = NULL;
    shunt_executor *executor = NULL;
    const shunt_plan_report *plan = NULL;
    int status = bench_task_make(&task, model, true, self->recompute, self->batch, self->size);
    if (status == EXIT_OK) {
        progress_begin("preparing", 0);
        bool failed =
            make_executor(self, &task, device, &ranks, &executor) || bench_task_report(&task, executor, &plan);
        progress_end();
        status = failed ? say_library_failure(NULL) : print(self, model, executor, plan);
    }
    shunt_executor_destroy(executor);
    shunt_ranks_close(ranks);
    bench_task_end(&task);
    return status;
}

static int inspect_plan(const inspect_settings *self)
{
    shunt_model_options options = {.size = sizeof options, .height = self->size[0], .width = self->size[1]};
    shunt_model *model = NULL;
    shunt_device *device = NULL;
    int status = model_from_settings(&self->model, WEIGHTS_OR_RANDOM, &options, &model);
    if (status == EXIT_OK) status = device_from_settings(&self->device, &device);
    if (status == EXIT_OK)
        status = self->train ? inspect_training(self, model, device) : inspect_inference(self, model, device);
    shunt_model_destroy(model);
    shunt_device_close(device);
    return status;
}

static int run(const void *settings, int noperands, char **operands)
{
    const inspect_settings *self = settings;
    if (noperands > 1) return say_usage("%s: one file at a time", operands[1]);
    if (self->ranks > 1 && !self->train) return say_usage("--ranks goes with --train");
    if (self->sync_bn && self->ranks == 1) return say_usage("--sync-bn goes with --ranks");
    if (self->recompute && !self->train) return say_usage("--recompute goes with --train");
    if (noperands == 1 && (self->model.model || self->model.weights))
        return say_usage(
            "%s: a file cannot be combined with these options; for a model's plan use only --model and --weights",
            operands[0]);
    return noperands == 1 ? inspect_file(operands[0], self->output.json) : inspect_plan(self);
}

const command inspect_command = {
    .name = "inspect",
    .summary = "Show what a model's plan does on a device, or what a weight file holds.",
    .operands = "[FILE]",
    .text =
        "With --model or --weights: prints for each step the device, algorithm, layouts, operations, bytes moved and "
        "workspace, then the totals. Weights are random if none are given. With FILE (any format that --weights "
        "reads): prints its tensors and metadata.",
    .groups = {{model_rows, FIELD(model)}, {rows, 0}, {device_rows, FIELD(device)}, {json_rows, FIELD(output)}},
    .examples = {{"shunt inspect --model resnet50 --batch 8", "The plan for the best device."},
                 {"shunt inspect --model resnet18 --device scalar --size 193x257", "Another device, another size."},
                 {"shunt inspect --model resnet50 --batch 8 --train", "The plan of a training step, and its memory."},
                 {"shunt inspect --model resnet50 --batch 8 --train --ranks 4",
                  "The plan of one of four ranks: when it sends which gradients, and how many."},
                 {"shunt inspect resnet50.pth", "The tensors in a file."}},
    .settings_size = sizeof(inspect_settings),
    .run = run,
};
