/* sums.c - results that steps leave as parts, and that are added up for many steps at once.
 *
 * A gradient by weights is split among work-groups, and few launches cost less than one for each gradient. Parts that are added up
 * together live from their step to the group's last one. So a group is cut where its parts get too large, and it ends before a step that
 * reads one of its results. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"

#include <stdlib.h>

/* A thirtieth of what the activations of a ResNet-50 take at batch 64; its parts are in three groups. */
static const uint64_t GROUP_BYTES = UINT64_C(256) << 20;

/* What is a part of a flat value is read by its update alone, and never lies in a buffer of the caller. */
static bool is_part(const graph_plan *plan, int32_t value)
{
    const int32_t root = plan->values[value].root;
    return root != value && plan->values[root].flat;
}

uint32_t plan_later_outputs(const graph_plan *plan, const plan_step *step)
{
    uint32_t outputs = 0;
    if (step->device != PLAN_MAIN || !plan->executor->devices[PLAN_MAIN]->ops->sums_prepare) return 0;
    for (uint32_t i = 0; i < step->desc.noutputs; i++)
        if (is_part(plan, step->outputs[i]) && !plan->values[step->outputs[i]].state) outputs |= 1u << i;
    return outputs;
}

static int32_t root_of(const graph_plan *plan, const plan_joint *sum)
{
    return plan->values[plan->steps[sum->step].outputs[sum->operand]].root;
}

/* Whether one of the steps behind the sum's own, up to `last`, reads the memory of its result. */
static bool is_read(const graph_plan *plan, const plan_joint *sum, uint32_t last)
{
    for (uint32_t s = sum->step + 1; s <= last; s++) {
        const plan_step *step = &plan->steps[s];
        for (uint32_t i = 0; i < step->desc.ninputs; i++)
            if (plan->values[step->inputs[i]].root == root_of(plan, sum)) return true;
    }
    return false;
}

/* The first sum of the last group, which parts of so many bytes of a step may join; plan->nsums: none may be joined. */
static uint32_t joined_group(const graph_plan *plan, uint32_t step, uint64_t bytes)
{
    uint32_t first = plan->nsums;
    while (first > 0 && plan->sums[first - 1].at == plan->sums[plan->nsums - 1].at) {
        const plan_joint *sum = &plan->sums[--first];
        bytes += sum->bytes;
        if (bytes > GROUP_BYTES || is_read(plan, sum, step)) return plan->nsums;
    }
    return first;
}

/* The sum belongs to the last group, or to a new one; the group is added up behind its step. */
static void add_sum(graph_plan *plan, const plan_joint *sum)
{
    const uint32_t first = joined_group(plan, sum->step, sum->bytes);
    plan->sums[plan->nsums++] = *sum;
    for (uint32_t s = first; s < plan->nsums; s++) {
        plan_value *root = &plan->values[root_of(plan, &plan->sums[s])];
        plan->sums[s].at = sum->step;
        if (root->last < (int32_t)sum->step) root->last = (int32_t)sum->step;
    }
}

shunt_status plan_note_sums(graph_plan *plan, uint32_t index)
{
    const plan_step *step = &plan->steps[index];
    const uint32_t later = plan_later_outputs(plan, step);
    for (uint32_t i = 0; i < step->desc.noutputs; i++) {
        const uint64_t bytes = step->info.parts_bytes[i];
        if (!(later >> i & 1) || bytes == 0) continue;
        if (!graph_room(&plan->sums, &plan->sums_room, plan->nsums, sizeof *plan->sums)) return error_memory();
        add_sum(plan, &(plan_joint){.step = index, .operand = i, .bytes = bytes});
    }
    return SHUNT_OK;
}

/* The group whose sums begin at number `begin` and end before `end`. */
static shunt_status make_group(graph_plan *plan, uint32_t begin, uint32_t end)
{
    const shunt_device *device = plan->executor->devices[PLAN_MAIN];
    plan_step *last = &plan->steps[plan->sums[begin].at];
    shunt_sum *list = calloc(end - begin, sizeof *list);
    if (!list) return error_memory();
    for (uint32_t s = begin; s < end; s++) {
        const plan_joint *sum = &plan->sums[s];
        plan_step *step = &plan->steps[sum->step];
        const shunt_arg parts = {plan->streams[0].chunks[PLAN_MAIN][sum->chunk], sum->arg.offset};
        list[s - begin] = (shunt_sum){step->op, sum->operand, parts, plan_arg(plan, 0, step->outputs[sum->operand])};
        step->parts[sum->operand] = parts;
        step->parted_outputs |= 1u << sum->operand;
        plan_place_step(plan, 0, sum->step);
    }
    shunt_status status = device->ops->sums_prepare(device->handle, list, end - begin, &last->sums);
    free(list);
    if (status == SHUNT_OK) return SHUNT_OK;
    last->sums = NULL;
    device_fail(device, status, "adding up gradients");
    return error_context(status, "%s", last->name);
}

shunt_status plan_make_sums(graph_plan *plan)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t begin = 0, end; begin < plan->nsums && status == SHUNT_OK; begin = end) {
        for (end = begin + 1; end < plan->nsums && plan->sums[end].at == plan->sums[begin].at;) end++;
        status = make_group(plan, begin, end);
    }
    return status;
}
