/* joint.c - ops that pack inputs, and make outputs from their parts, for many steps at once: one for each group of joints.
 *
 * Such an op knows the memory of all that it converts, so there is one stream. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"

#include <stdlib.h>

shunt_status plan_add_joint(plan_joints *joints, const plan_joint *joint)
{
    if (!graph_room(&joints->list, &joints->room, joints->count, sizeof *joints->list)) return error_memory();
    joints->list[joints->count++] = *joint;
    return SHUNT_OK;
}

/* Has the step take its input packed, or leave its output as parts, where the joint has its memory. */
static shunt_joint join(graph_plan *plan, int kind, const plan_joint *joint)
{
    plan_step *step = &plan->steps[joint->step];
    const shunt_arg place = {plan->streams[0].chunks[PLAN_MAIN][joint->chunk], joint->arg.offset};
    shunt_joint made = {.op = step->op, .operand = joint->operand};
    if (kind == PLAN_PACKS) {
        made.src = plan_arg(plan, 0, step->inputs[joint->operand]);
        made.dst = step->parameters[joint->operand] = place;
        step->packed_inputs |= 1u << joint->operand;
    } else {
        made.src = step->parts[joint->operand] = place;
        made.dst = plan_arg(plan, 0, step->outputs[joint->operand]);
        step->parted_outputs |= 1u << joint->operand;
    }
    plan_place_step(plan, 0, joint->step);
    return made;
}

static shunt_status make_group(graph_plan *plan, int kind, const plan_joint *group, uint32_t count)
{
    const shunt_device *device = plan->executor->devices[PLAN_MAIN];
    plan_step *at = &plan->steps[group->at];
    shunt_joint *list = calloc(count, sizeof *list);
    if (!list) return error_memory();
    for (uint32_t i = 0; i < count; i++) list[i] = join(plan, kind, &group[i]);
    shunt_status status = (kind == PLAN_PACKS ? device->ops->packs_prepare : device->ops->sums_prepare)(
        device->handle, list, count, &at->joined[kind]);
    free(list);
    if (status == SHUNT_OK) return SHUNT_OK;
    at->joined[kind] = NULL;
    device_fail(device, status, kind == PLAN_PACKS ? "packing parameters" : "adding up gradients");
    return error_context(status, "%s", at->name);
}

shunt_status plan_make_joints(graph_plan *plan)
{
    shunt_status status = SHUNT_OK;
    for (int kind = 0; kind < PLAN_JOININGS; kind++) {
        const plan_joints *joints = &plan->joints[kind];
        for (uint32_t begin = 0, end; begin < joints->count && status == SHUNT_OK; begin = end) {
            for (end = begin + 1; end < joints->count && joints->list[end].at == joints->list[begin].at;) end++;
            status = make_group(plan, kind, &joints->list[begin], end - begin);
        }
    }
    return status;
}
