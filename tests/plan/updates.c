/* updates.c - the updates of a training step, which one op does for many parameters: each parameter moves by its own gradient,
 * as plain C has it, and however the flat values are cut and wherever ops run, the bits are the same. */
#include "runtime/plan/plan.h"
#include "tests/support/train_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 3 };
static const train_options usual = {.dtype = SHUNT_F32, .batch = 3, .side = 11, .nesterov = 1};
static const float RATE = 0x1p-5f, MOMENTUM = 0.875f, DECAY = 0x1p-10f; /* of train_net */

static shunt_device *device;
static shunt_model *model;

static void open_device(const char *name)
{
    shunt_set_option("plugin_path", TEST_PLUGINS "/picky");
    shunt_set_option("fallback", "quiet");
    OK(shunt_device_open(name, "threads=1", &device));
    OK(shunt_model_create("resnet8", NULL, &model));
    OK(shunt_model_randomize(model, 3));
}

static void stop(void)
{
    shunt_model_destroy(model);
    shunt_device_close(device);
}

TestSuite(updates, .fini = stop);

static shunt_weights *fetch(train_net *net)
{
    shunt_weights *now;
    OK(shunt_weights_create(&now));
    OK(shunt_executor_fetch(net->executor, now));
    return now;
}

static const float *tensor(const shunt_weights *weights, const char *name, const char *suffix)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    const shunt_tensor_view *view = shunt_weights_find(weights, full);
    cr_assert(view, "%s", full);
    return view->data;
}

static size_t count_steps(const train_net *net, uint32_t kind)
{
    const graph_plan *plan = net->executor->plans[0];
    size_t count = 0;
    for (uint32_t s = 0; s < plan->nsteps; s++) count += !plan->steps[s].transfer && plan->steps[s].desc.kind == kind;
    return count;
}

/* ---- Against the formula ---------------------------------------------------------------------------------------------- */

static bool decays(const char *name, const shunt_tensor_desc *desc)
{
    return desc->rank > 1 && strstr(name, "weight");
}

static void check_parameter(const train_net *net, size_t g, const shunt_weights *before, const shunt_weights *after)
{
    const char *name = net->names[g];
    const double decay = decays(name, &net->descs[g]) ? DECAY : 0;
    const float *old = tensor(before, name, ""), *now = tensor(after, name, "");
    const float *slow = tensor(before, name, ".velocity"), *fast = tensor(after, name, ".velocity");
    for (uint64_t i = 0; i < shunt_tensor_count(&net->descs[g]); i++) {
        double diff = ((const float *)net->gradients[g])[i] + decay * old[i], velocity = MOMENTUM * slow[i] + diff;
        double weight = old[i] - RATE * (diff + MOMENTUM * velocity);
        cr_assert(fabs(fast[i] - velocity) <= 1e-6 * fabs(velocity) + 1e-8, "%s.velocity %zu", name, (size_t)i);
        cr_assert(fabs(now[i] - weight) <= 1e-6 * fabs(weight) + 1e-8, "%s %zu: %g, not %g", name, (size_t)i,
                  (double)now[i], weight);
    }
}

Test(updates, every_parameter_moves_by_its_own_gradient)
{
    open_device("scalar");
    train_net net;
    train_net_open(&net, model, shunt_model_weights(model), device, &usual);
    shunt_weights *before = fetch(&net);
    for (int step = 0; step < STEPS; step++) {
        train_net_step(&net, step);
        shunt_weights *after = fetch(&net);
        for (size_t g = 0; g < net.ngradients; g++) check_parameter(&net, g, before, after);
        shunt_weights_destroy(before);
        before = after;
    }
    cr_assert_eq(count_steps(&net, SHUNT_OP_SGD), 2, "those that decay, and those that do not");
    cr_assert_eq(count_steps(&net, SHUNT_OP_MOVING_AVERAGE), 4, "all means, and the variances of three sizes of map");
    shunt_weights_destroy(before);
    train_net_close(&net);
}

/* ---- However it is cut and placed ------------------------------------------------------------------------------------ */

/* The state after some steps. *updates: how many SGD steps the plan has. */
static shunt_weights *train(const train_options *options, size_t *updates)
{
    train_net net;
    train_net_open(&net, model, shunt_model_weights(model), device, options);
    for (int step = 0; step < STEPS; step++) train_net_step(&net, step);
    shunt_weights *state = fetch(&net);
    *updates = count_steps(&net, SHUNT_OP_SGD);
    train_net_close(&net);
    return state;
}

static void expect_same(const shunt_weights *a, const shunt_weights *b)
{
    cr_assert_eq(shunt_weights_count(a), shunt_weights_count(b));
    for (size_t i = 0; i < shunt_weights_count(a); i++) {
        const shunt_tensor_view *x = shunt_weights_at(a, i), *y = shunt_weights_find(b, x->name);
        cr_assert(y, "%s", x->name);
        cr_assert_eq(memcmp(x->data, y->data, shunt_tensor_bytes(&x->desc)), 0, "%s", x->name);
    }
}

static void expect_usual_bits(const char *option, const char *value, const train_options *options, bool more)
{
    size_t updates, usual_updates;
    open_device("scalar");
    shunt_weights *expected = train(&usual, &usual_updates);
    shunt_set_option(option, value);
    shunt_device_close(device);
    OK(shunt_device_open("picky", "threads=1", &device));
    shunt_weights *got = train(options, &updates);
    cr_assert_eq(updates > usual_updates, more, "%zu updates after %zu", updates, usual_updates);
    expect_same(expected, got);
    shunt_weights_destroy(expected);
    shunt_weights_destroy(got);
}

Test(updates, in_buffers_of_bounded_size)
{
    expect_usual_bits("picky_max_alloc", "160000", &usual, true); /* the largest gradient has 147,456 bytes */
}

Test(updates, with_activations_recomputed)
{
    train_options recomputed = usual;
    recomputed.recompute = 1;
    expect_usual_bits("picky_refuse", "", &recomputed, false);
}

Test(updates, on_another_device)
{
    expect_usual_bits("picky_refuse", "sgd,moving_average", &usual, false);
}

Test(updates, of_gradients_made_on_another_device)
{
    expect_usual_bits("picky_refuse", "conv_grad_weights", &usual, false);
}

Test(updates, of_weights_read_on_another_device)
{
    expect_usual_bits("picky_refuse", "conv,linear,norm", &usual, false);
}

typedef struct span {
    int32_t first, last; /* steps */
} span;

static void use(const graph_plan *plan, span *spans, int32_t value, uint32_t step)
{
    span *of = &spans[plan->values[value].root];
    if ((int32_t)step < of->first) of->first = (int32_t)step;
    if ((int32_t)step > of->last) of->last = (int32_t)step;
}

/* By what the steps read and write. */
static span *find_spans(const graph_plan *plan)
{
    span *spans = malloc(plan->nvalues * sizeof *spans);
    cr_assert(spans);
    for (uint32_t v = 0; v < plan->nvalues; v++) spans[v] = (span){INT32_MAX, -1};
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        for (uint32_t i = 0; i < plan->steps[s].desc.ninputs; i++) use(plan, spans, plan->steps[s].inputs[i], s);
        for (uint32_t i = 0; i < plan->steps[s].desc.noutputs; i++) use(plan, spans, plan->steps[s].outputs[i], s);
    }
    return spans;
}

/* A flat value begins with its first part, and takes no memory that is in use until the update has read it. */
Test(updates, what_is_in_use_together_never_shares_memory)
{
    open_device("scalar");
    train_net net;
    train_net_open(&net, model, shunt_model_weights(model), device, &usual);
    train_net_step(&net, 0);
    const graph_plan *plan = net.executor->plans[0];
    span *spans = find_spans(plan);
    uint32_t pairs = 0;
    for (uint32_t a = 0; a < plan->nvalues; a++) {
        const plan_value *x = &plan->values[a];
        for (uint32_t b = 0; b < plan->nvalues && x->flat && !x->state; b++) {
            const plan_value *y = &plan->values[b];
            if (a == b || y->parameter || y->root != (int32_t)b || y->device != x->device) continue;
            if (spans[a].first > spans[b].last || spans[b].first > spans[a].last) continue;
            pairs++;
            bool apart = x->arg.buffer != y->arg.buffer ||
                         x->arg.offset >= y->arg.offset + shunt_tensor_bytes(&y->desc) ||
                         y->arg.offset >= x->arg.offset + shunt_tensor_bytes(&x->desc);
            cr_assert(apart, "values %u and %u overlap", a, b);
        }
    }
    cr_assert_gt(pairs, 100);
    free(spans);
    train_net_close(&net);
}

/* Each value has its bytes of its root to itself, unless it is another name of the same ones. */
Test(updates, parts_do_not_overlap_and_gaps_are_zero)
{
    open_device("scalar");
    train_net net;
    train_net_open(&net, model, shunt_model_weights(model), device, &usual);
    train_net_step(&net, 0);
    const graph_plan *plan = net.executor->plans[0];
    size_t flats = 0;
    for (uint32_t f = 0; f < plan->nvalues; f++) {
        if (!plan->values[f].flat) continue;
        flats++;
        uint64_t bytes = shunt_tensor_bytes(&plan->values[f].desc);
        uint8_t *used = calloc(bytes, 1), *memory;
        void *mapped;
        for (uint32_t v = 0; v < plan->graph->nvalues; v++) {
            const graph_value *part = &plan->graph->values[v];
            if (part->flat != plan->values[f].source) continue;
            cr_assert_eq(part->flat_at % device->entry.info.alignment, 0);
            for (uint64_t i = 0; i < shunt_tensor_bytes(&part->desc); i++) cr_assert(!used[part->flat_at + i]++);
        }
        const shunt_arg place = plan_arg(plan, 0, (int32_t)f);
        OK(device->ops->buffer_map(device->handle, place.buffer, &mapped));
        memory = (uint8_t *)mapped + place.offset;
        for (uint64_t i = 0; i < bytes; i++)
            cr_assert(used[i] || !memory[i], "%s", plan->graph->values[plan->values[f].source].name);
        device->ops->buffer_unmap(device->handle, place.buffer);
        free(used);
    }
    cr_assert_eq(flats, 2 * 3 + 4 * 2);
    train_net_close(&net);
}
