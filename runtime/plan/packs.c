/* packs.c - parameters that runs change, in the formats that steps read them in.
 *
 * Each run packs them anew, many at once, as few launches cost less than one for each step. What is packed together lives from
 * then to the last step that reads it, so it is cut into groups of consecutive steps, which take each other's memory. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"

#include <stdlib.h>

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
    if (plan->npacks == 0) return step;
    const uint32_t first = plan->packs[plan->npacks - 1].at;
    for (uint32_t p = plan->npacks; p-- > 0 && plan->packs[p].at == first;) bytes += plan->packs[p].bytes;
    return bytes > GROUP_BYTES || is_replaced(plan, value, first, step) ? step : first;
}

shunt_status plan_note_packs(graph_plan *plan, uint32_t index)
{
    const plan_step *step = &plan->steps[index];
    const uint32_t ahead = plan_ahead_inputs(plan, step);
    for (uint32_t i = 0; i < step->desc.ninputs; i++) {
        const uint64_t bytes = step->info.packed_bytes[i];
        if (!(ahead >> i & 1) || bytes == 0) continue;
        if (!graph_room(&plan->packs, &plan->packs_room, plan->npacks, sizeof *plan->packs)) return error_memory();
        const uint32_t first = first_of(plan, index, step->inputs[i], bytes);
        plan->packs[plan->npacks++] = (plan_joint){.step = index, .operand = i, .at = first, .bytes = bytes};
    }
    return SHUNT_OK;
}

/* The group whose packs begin at number `begin` and end before `end`. */
static shunt_status make_group(graph_plan *plan, uint32_t begin, uint32_t end)
{
    const shunt_device *device = plan->executor->devices[PLAN_MAIN];
    shunt_pack *list = calloc(end - begin, sizeof *list);
    if (!list) return error_memory();
    for (uint32_t p = begin; p < end; p++) {
        const plan_joint *pack = &plan->packs[p];
        plan_step *step = &plan->steps[pack->step];
        const shunt_arg place = {plan->streams[0].chunks[PLAN_MAIN][pack->chunk], pack->arg.offset};
        list[p - begin] = (shunt_pack){step->op, pack->operand, plan_arg(plan, 0, step->inputs[pack->operand]), place};
        step->parameters[pack->operand] = place;
        step->packed_inputs |= 1u << pack->operand;
        plan_place_step(plan, 0, pack->step);
    }
    plan_step *first = &plan->steps[plan->packs[begin].at];
    shunt_status status = device->ops->packs_prepare(device->handle, list, end - begin, &first->packs);
    free(list);
    if (status == SHUNT_OK) return SHUNT_OK;
    first->packs = NULL;
    device_fail(device, status, "packing parameters");
    return error_context(status, "%s", first->name);
}

shunt_status plan_make_packs(graph_plan *plan)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t begin = 0, end; begin < plan->npacks && status == SHUNT_OK; begin = end) {
        for (end = begin + 1; end < plan->npacks && plan->packs[end].at == plan->packs[begin].at;) end++;
        status = make_group(plan, begin, end);
    }
    return status;
}
