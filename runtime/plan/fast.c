/* fast.c - the type of a plan's data where "fast" is asked for: what shunt tune recorded. Nothing is measured here, and whatever is not
 * known, float32 is. */
#include "runtime/base/error.h"
#include "runtime/plan/plan.h"
#include "runtime/tune/tune.h"

#include <stdio.h>
#include <string.h>

/* ---- The type -------------------------------------------------------------------------------------------------------- */

/* The type of a plan's data, and why it is that. */
typedef struct fast_choice {
    uint8_t dtype; /* SHUNT_F32, or a 16-bit type */
    char reason[PLAN_REASON_CHARS];
} fast_choice;

shunt_status plan_network(const shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                          shunt_graph **out)
{
    shunt_status status = shunt_graph_copy(executor->graph, out);
    if (status != SHUNT_OK) return status;
    status = graph_reshape(*out, inputs, ninputs);
    if (status != SHUNT_OK) shunt_graph_destroy(*out);
    return status;
}

static shunt_status look_up(const shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                            bool *found, tune_network *record)
{
    shunt_graph *graph;
    shunt_status status = plan_network(executor, inputs, ninputs, &graph);
    if (status != SHUNT_OK) return status;
    *found = tune_find_network(executor->devices[PLAN_MAIN], graph, record);
    shunt_graph_destroy(graph);
    return SHUNT_OK;
}

static const char *obstacle(const shunt_executor *executor)
{
    if (graph_trains(executor->graph)) return "shunt tune keeps no records of training steps";
    if (executor->said_infinite) return "results overflowed f16 in an earlier run";
    if (tune_is_off()) return "SHUNT_TUNE=off";
    return NULL;
}

static shunt_status fast_type(const shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                              fast_choice *out)
{
    const char *no = obstacle(executor);
    tune_network record = {0};
    bool found = false;
    *out = (fast_choice){.dtype = SHUNT_F32};
    shunt_status status = no ? SHUNT_OK : look_up(executor, inputs, ninputs, &found, &record);
    if (status != SHUNT_OK) return status;
    if (!no && !found)
        no = "no record of this network, in this batch, on this device and machine; shunt tune makes one";
    if (!no && !shunt_device_takes(&executor->devices[PLAN_MAIN]->entry.info, record.taken))
        no = "the device no longer has the type that shunt tune recorded";
    if (no) {
        snprintf(out->reason, sizeof out->reason, "%s", no);
        return SHUNT_OK;
    }
    out->dtype = record.taken;
    tune_network_reason(&record, out->reason);
    return SHUNT_OK;
}

/* ---- The plan -------------------------------------------------------------------------------------------------------- */

static graph_plan *known_plan(const shunt_executor *executor, const shunt_tensor_desc *inputs)
{
    for (int p = 0; p < EXECUTOR_MAX_PLANS; p++) {
        graph_plan *plan = executor->plans[p];
        if (plan && plan->fast && plan_fits(plan, inputs) && (plan->dtype == SHUNT_F32 || !executor->said_infinite))
            return plan;
    }
    return NULL;
}

/* What made the 16-bit plan fail is this thread's message. */
static void give_up(fast_choice *choice)
{
    char why[PLAN_REASON_CHARS - 64];
    snprintf(why, sizeof why, "%s", shunt_last_error());
    snprintf(choice->reason, sizeof choice->reason, "%s, which shunt tune recorded, cannot be had: %s",
             shunt_dtype_name(choice->dtype), why);
    log_write(SHUNT_LOG_WARN, "f32 is taken: %s", choice->reason);
    choice->dtype = SHUNT_F32;
}

shunt_status plan_fast(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs, graph_plan **out)
{
    fast_choice choice;
    shunt_status status = executor_check_inputs(executor, inputs, ninputs);
    if (status != SHUNT_OK) return status;
    graph_plan *known = known_plan(executor, inputs);
    if (known) return executor_plan(executor, inputs, ninputs, known->dtype, out);
    status = fast_type(executor, inputs, ninputs, &choice);
    if (status == SHUNT_OK) status = executor_plan(executor, inputs, ninputs, choice.dtype, out);
    if (status != SHUNT_OK && status != SHUNT_E_MEMORY && choice.dtype != SHUNT_F32) {
        give_up(&choice);
        status = executor_plan(executor, inputs, ninputs, SHUNT_F32, out);
    }
    if (status != SHUNT_OK) return status;
    (*out)->fast = true;
    memcpy((*out)->reason, choice.reason, sizeof choice.reason);
    return SHUNT_OK;
}
