/* ask.c - what the devices answer to op_query. While a plan is made, a device is asked once about each description, however many
 * steps have it and however often the stages need to know. */
#include "runtime/plan/plan.h"
#include "runtime/tune/tune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_block(shunt_tensor_desc *tensor, const shunt_device *device, bool plain)
{
    if (tensor->rank != 4) return;
    tensor->block =
        plain ? SHUNT_PLAIN : (uint16_t)shunt_device_block(&device->entry.info, tensor->dtype, tensor->dims[1]);
}

void plan_set_types(shunt_op_desc *desc, uint8_t dtype)
{
    if (shunt_op_data_type(desc) != SHUNT_F32) return;
    for (uint32_t i = 0; i < desc->ninputs; i++)
        if (shunt_op_input_class(desc->kind, desc->flags, i) == SHUNT_OPERAND_DATA) desc->inputs[i].dtype = dtype;
    for (uint32_t i = 0; i < desc->noutputs; i++)
        if (shunt_op_output_class(desc->kind, desc->flags, i) == SHUNT_OPERAND_DATA) desc->outputs[i].dtype = dtype;
}

void plan_set_blocks(shunt_op_desc *desc, const shunt_device *device, bool plain)
{
    const uint32_t plain_inputs = desc->constant_inputs | shunt_op_plain_inputs(desc->kind);
    const uint32_t plain_outputs = shunt_op_plain_outputs(desc->kind);
    for (uint32_t i = 0; i < desc->ninputs; i++)
        if (!(plain_inputs >> i & 1)) set_block(&desc->inputs[i], device, plain);
    for (uint32_t i = 0; i < desc->noutputs; i++)
        if (!(plain_outputs >> i & 1)) set_block(&desc->outputs[i], device, plain);
}

static plan_answer *find(const graph_plan *plan, int device, const shunt_op_desc *desc)
{
    for (uint32_t i = 0; i < plan->nanswers; i++) {
        plan_answer *answer = plan->answers[i];
        if (answer->device == device && answer->desc.kind == desc->kind && !memcmp(&answer->desc, desc, sizeof *desc))
            return answer;
    }
    return NULL;
}

/* What the device says, in a list no longer than it is. NULL without memory. */
static plan_answer *query(const graph_plan *plan, int device_index, const shunt_op_desc *desc)
{
    const shunt_device *device = plan->executor->devices[device_index];
    shunt_op_candidates *list = calloc(1, sizeof *list);
    if (!list) return NULL;
    list->size = sizeof *list;
    const shunt_status status = device->ops->op_query(device->handle, desc, list);
    uint32_t usable = 0;
    while (status == SHUNT_OK && usable < list->count && !list->list[usable].reason[0]) usable++;
    plan_answer *answer =
        status == SHUNT_E_MEMORY ? NULL : calloc(1, sizeof *answer + usable * sizeof *answer->candidates);
    if (answer) {
        answer->desc = *desc;
        answer->device = (uint8_t)device_index;
        answer->ncandidates = usable;
        memcpy(answer->candidates, list->list, usable * sizeof *answer->candidates);
        const bool said = list->count > 0 && list->list[0].reason[0];
        if (!usable)
            snprintf(answer->reason, sizeof answer->reason, "%s",
                     said ? list->list[0].reason : device->backend->last_error());
    }
    free(list);
    return answer;
}

const plan_answer *plan_ask(graph_plan *plan, int device, const shunt_op_desc *desc)
{
    static const plan_answer no_memory = {.reason = "no memory is left to ask the device"};
    plan_answer *answer = find(plan, device, desc);
    if (answer) return answer;
    if (graph_room(&plan->answers, &plan->answers_room, plan->nanswers, sizeof *plan->answers))
        answer = query(plan, device, desc);
    if (!answer) {
        plan->unasked = true;
        return &no_memory;
    }
    plan->answers[plan->nanswers++] = answer;
    return answer;
}

tune_op plan_tune_op(graph_plan *plan, const plan_step *step)
{
    const plan_answer *answer = plan_ask(plan, step->device, &step->desc);
    return (tune_op){plan->executor->devices[step->device], &step->desc, answer->candidates, answer->ncandidates};
}

void plan_forget_answers(graph_plan *plan)
{
    for (uint32_t i = 0; i < plan->nanswers; i++) free(plan->answers[i]);
    free(plan->answers);
    plan->answers = NULL;
    plan->nanswers = plan->answers_room = 0;
}
