/* sums.c - results that steps leave as parts, and that are added up for many steps at once.
 *
 * A gradient by weights is split among work-groups, and few launches cost less than one for each gradient. Parts that are added up
 * together live from their step to the group's last one. So a group is cut where its parts get too large, and it ends before a step that
 * reads one of its results. */
#include "runtime/plan/plan.h"

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

/* The first sum of the last group, which parts of so many bytes of a step may join; sums.count: none may be joined. */
static uint32_t joined_group(const graph_plan *plan, uint32_t step, uint64_t bytes)
{
    const plan_joints *sums = &plan->joints[PLAN_SUMS];
    uint32_t first = sums->count;
    while (first > 0 && sums->list[first - 1].at == sums->list[sums->count - 1].at) {
        const plan_joint *sum = &sums->list[--first];
        bytes += sum->bytes;
        if (bytes > GROUP_BYTES || is_read(plan, sum, step)) return sums->count;
    }
    return first;
}

/* The sum belongs to the last group, or to a new one; the group is added up behind its step. */
static shunt_status add_sum(graph_plan *plan, const plan_joint *added)
{
    plan_joints *sums = &plan->joints[PLAN_SUMS];
    const uint32_t first = joined_group(plan, added->step, added->bytes);
    shunt_status status = plan_add_joint(sums, added);
    if (status != SHUNT_OK) return status;
    for (uint32_t s = first; s < sums->count; s++) {
        plan_value *root = &plan->values[root_of(plan, &sums->list[s])];
        sums->list[s].at = added->step;
        if (root->last < (int32_t)added->step) root->last = (int32_t)added->step;
    }
    return SHUNT_OK;
}

shunt_status plan_note_sums(graph_plan *plan, uint32_t index)
{
    const plan_step *step = &plan->steps[index];
    const uint32_t later = plan_later_outputs(plan, step);
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; i < step->desc.noutputs && status == SHUNT_OK; i++) {
        const uint64_t bytes = step->info.parts_bytes[i];
        if ((later >> i & 1) && bytes > 0)
            status = add_sum(plan, &(plan_joint){.step = index, .operand = i, .at = index, .bytes = bytes});
    }
    return status;
}
