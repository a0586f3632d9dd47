/* packs.c - parameters that runs change, in the formats that steps read them in.
 *
 * Each run packs them anew, many at once, as few launches cost less than one for each step. What is packed together lives from
 * then to the last step that reads it, so it is cut into groups of consecutive steps, which take each other's memory. */
#include "runtime/plan/plan.h"

/* All of a ResNet-50 fits into one, with Winograd's weights, which are four times as many. */
static const uint64_t GROUP_BYTES = UINT64_C(384) << 20;

uint32_t plan_ahead_inputs(const graph_plan *plan, const plan_step *step)
{
    uint32_t inputs = 0;
    if (step->device != PLAN_MAIN || !plan->executor->devices[PLAN_MAIN]->ops->packs_prepare) return 0;
    for (uint32_t i = 0; i < step->desc.ninputs; i++)
        if (plan->values[step->inputs[i]].state) inputs |= 1u << i;
    return inputs;
}

/* Whether one of the steps from `first` up to `last` replaces the memory of a value: what is packed before it would be old behind it. */
static bool is_replaced(const graph_plan *plan, int32_t value, uint32_t first, uint32_t last)
{
    for (uint32_t s = first; s < last; s++) {
        const plan_step *step = &plan->steps[s];
        for (uint32_t i = 0; i < step->desc.noutputs; i++)
            if (plan->values[step->outputs[i]].root == plan->values[value].root) return true;
    }
    return false;
}

/* The step before which it is packed: where the group begins that it still fits into, or its own. */
static uint32_t first_of(const graph_plan *plan, uint32_t step, int32_t value, uint64_t bytes)
{
    const plan_joints *packs = &plan->joints[PLAN_PACKS];
    if (packs->count == 0) return step;
    const uint32_t first = packs->list[packs->count - 1].at;
    for (uint32_t p = packs->count; p-- > 0 && packs->list[p].at == first;) bytes += packs->list[p].bytes;
    return bytes > GROUP_BYTES || is_replaced(plan, value, first, step) ? step : first;
}

shunt_status plan_note_packs(graph_plan *plan, uint32_t index)
{
    const plan_step *step = &plan->steps[index];
    const uint32_t ahead = plan_ahead_inputs(plan, step);
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; i < step->desc.ninputs && status == SHUNT_OK; i++) {
        const uint64_t bytes = step->info.packed_bytes[i];
        if (!(ahead >> i & 1) || bytes == 0) continue;
        const plan_joint pack = {
            .step = index, .operand = i, .at = first_of(plan, index, step->inputs[i], bytes), .bytes = bytes};
        status = plan_add_joint(&plan->joints[PLAN_PACKS], &pack);
    }
    return status;
}
