/* share.c - the steps by which the ranks of a run share out updates, and by which batch norms get the statistics of all (exchange.h).
 *
 * A gradient is sent off behind the last op that makes a part of it, and waited for before its update; weights are sent off behind
 * their update, and waited for at the end of the plan. Statistics are needed at once. */
#include "runtime/base/error.h"
#include "runtime/graph/ops/ops.h"
#include "runtime/plan/exchange.h"

#include <stdlib.h>

static uint32_t ranks_of(const graph_plan *plan)
{
    return shunt_ranks_describe(plan->executor->ranks)->count;
}

static bool is_shared(const graph_plan *plan, shunt_value value)
{
    return plan->graph->values[value].source == VALUE_FLAT;
}

shunt_status share_weigh(graph_plan *plan)
{
    const shunt_ranks *ranks = plan->executor->ranks;
    if (!ranks) return SHUNT_OK;
    const uint32_t count = ranks_of(plan);
    const int64_t own = plan->graph->values[plan->graph->inputs[0]].desc.dims[0];
    int64_t all = 0, *batches = calloc(count, sizeof *batches);
    plan->rank_weights = calloc(count, sizeof *plan->rank_weights);
    shunt_status status =
        batches && plan->rank_weights ? ranks_all_gather(ranks, &own, batches, sizeof own) : error_memory();
    for (uint32_t r = 0; !status && r < count; r++) all += batches[r];
    for (uint32_t r = 0; !status && r < count; r++) plan->rank_weights[r] = (double)batches[r] / (double)all;
    free(batches);
    return status;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------ */

/* inputs: what the step needs to stay where it is. */
static shunt_status add_part(graph_plan *plan, plan_exchange *exchange, bool begins)
{
    const int32_t *values = begins ? exchange->sources : exchange->targets;
    const uint32_t count = begins ? exchange->nsources : exchange->ntargets;
    plan_step *step = plan_add_step(plan, exchange->name, PLAN_MAIN);
    if (!step) return error_memory();
    step->exchange = exchange;
    step->begins = begins;
    step->when = exchange->when;
    for (uint32_t i = 0; i < count; i++) {
        step->desc.inputs[i] = plan->values[values[i]].desc;
        step->inputs[i] = values[i];
    }
    step->desc.ninputs = count;
    step->desc.outputs[0] = step->desc.inputs[0]; /* for reports */
    return SHUNT_OK;
}

/* A plan must not send from memory that has no place of its own. */
static shunt_status check_places(const graph_plan *plan, const plan_exchange *exchange)
{
    for (uint32_t i = 0; i < exchange->nsources; i++) {
        const plan_value *value = &plan->values[exchange->sources[i]];
        if (value->parameter && !value->state)
            return error_fail(SHUNT_E_UNSUPPORTED, "%s: it is not trained, and the ranks would exchange it",
                              exchange->name);
    }
    return SHUNT_OK;
}

static shunt_status begin(graph_plan *plan, const plan_exchange *like, plan_exchange **out)
{
    plan_exchange *made = malloc(sizeof *made);
    if (!made || !graph_room(&plan->exchanges, &plan->exchanges_room, plan->nexchanges, sizeof(plan_exchange *))) {
        free(made);
        return error_memory();
    }
    *made = *like;
    made->plan = plan;
    made->when = plan->graph->factors ? 1 : 0; /* as the updates */
    plan->exchanges[plan->nexchanges++] = made;
    if (out) *out = made;
    shunt_status status = check_places(plan, made);
    return status ? status : add_part(plan, made, true);
}

/* One that is waited for at once. */
static shunt_status exchange_now(graph_plan *plan, const plan_exchange *like)
{
    plan_exchange *made = NULL;
    shunt_status status = begin(plan, like, &made);
    return status ? status : add_part(plan, made, false);
}

/* ---- Gradients, and what is updated ------------------------------------------------------------------------------ */

/* A value that is this rank's piece of another. It stands for no value of the graph: nobody looks it up. */
static int32_t add_piece(graph_plan *plan, int32_t whole, const shunt_tensor_desc *desc)
{
    const int32_t piece = plan_add_value(plan, SHUNT_NO_VALUE, PLAN_MAIN, desc, false);
    if (piece < 0) return -1;
    plan_share(plan, piece, whole);
    plan->values[piece].offset += shunt_ranks_describe(plan->executor->ranks)->rank * shunt_tensor_bytes(desc);
    return piece;
}

static plan_exchange *find_sum(const graph_plan *plan, int32_t whole)
{
    for (uint32_t i = 0; i < plan->nexchanges; i++)
        if (plan->exchanges[i]->kind == EXCHANGE_SUM && plan->exchanges[i]->sources[0] == whole)
            return plan->exchanges[i];
    return NULL;
}

void share_cut(const graph_plan *plan, const graph_op *op, shunt_op_desc *desc)
{
    if (!plan->executor->ranks || op_kind_of(op->kind)->unshared) return;
    for (uint32_t i = 0; i < op->ninputs; i++)
        if (is_shared(plan, op->inputs[i])) {
            desc->inputs[i].dims[0] /= ranks_of(plan);
            if (i < op_replaced(op->kind)) desc->outputs[i].dims[0] /= ranks_of(plan);
        }
}

/* Whether ops read parts of a flat value by themselves. */
static bool has_readers(const shunt_graph *graph, shunt_value flat)
{
    for (uint32_t o = 0; o < graph->nops; o++)
        for (uint32_t i = 0; i < graph->ops[o].ninputs; i++)
            if (graph->values[graph->ops[o].inputs[i]].flat == flat) return true;
    return false;
}

shunt_status share_piece(graph_plan *plan, shunt_value flat, const shunt_tensor_desc *desc, int32_t *out)
{
    int32_t whole;
    shunt_status status = plan_get_plain(plan, flat, &whole);
    if (status) return status;
    plan_exchange *sum = find_sum(plan, whole);
    if (sum && sum->ntargets) { /* waited for already */
        *out = sum->targets[0];
        return SHUNT_OK;
    }
    /* The sum takes the place of what was added, unless that is still read: the backward pass needs a rank's own statistics. */
    const bool apart = sum && has_readers(plan->graph, flat);
    *out = apart ? plan_add_value(plan, SHUNT_NO_VALUE, PLAN_MAIN, desc, false) : add_piece(plan, whole, desc);
    if (*out < 0) return error_memory();
    if (!sum) return SHUNT_OK;
    sum->targets[sum->ntargets++] = *out;
    return add_part(plan, sum, false);
}

/* Sends off the gradients that op `index` has completed; where runs are added up, their sums. */
static shunt_status send_gradients(graph_plan *plan, uint32_t index)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t v = 0; !status && v < plan->graph->nvalues; v++) {
        if (!is_shared(plan, (shunt_value)v) || plan->graph->values[v].state != (plan->graph->factors > 0)) continue;
        if (graph_last_maker(plan->graph, (shunt_value)v) != (int32_t)index) continue;
        plan_exchange sum = {.kind = EXCHANGE_SUM, .name = plan->graph->values[v].name, .nsources = 1};
        status = plan_gather_parts(plan, (shunt_value)v);
        if (!status) status = plan_get_plain(plan, (shunt_value)v, &sum.sources[0]);
        if (!status) status = begin(plan, &sum, NULL);
    }
    return status;
}

/* The whole of what an op has updated a piece of. Its memory is that of the gradient. */
static shunt_status send_updated(graph_plan *plan, const graph_op *op, const plan_step *step)
{
    plan_exchange gather = {.kind = EXCHANGE_GATHER, .name = step->name, .nsources = 1, .ntargets = 1};
    for (uint32_t i = op_replaced(op->kind); i < op->ninputs && !gather.lender; i++) {
        int32_t whole;
        if (!is_shared(plan, op->inputs[i])) continue;
        shunt_status status = plan_get_plain(plan, op->inputs[i], &whole);
        if (status) return status;
        gather.lender = find_sum(plan, whole);
    }
    gather.sources[0] = step->inputs[0];
    shunt_status status = plan_get_plain(plan, op->inputs[0], &gather.targets[0]);
    return status ? status : begin(plan, &gather, NULL);
}

static shunt_status share_update(graph_plan *plan, const graph_op *op, const plan_step *step)
{
    if (!is_shared(plan, op->inputs[0]))
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: several ranks cannot share out this update", op->name);
    if (step->device != PLAN_MAIN)
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: the device refuses it, and with several ranks it must do it: %s",
                          op->name, step->refused);
    return send_updated(plan, op, step);
}

/* ---- What stands behind other ops -------------------------------------------------------------------------------- */

/* Of a chain of counts the last one's is that of all flat values. */
static bool goes_on(const graph_plan *plan, const graph_op *op)
{
    for (uint32_t o = 0; o < plan->graph->nops; o++) {
        const graph_op *reader = &plan->graph->ops[o];
        for (uint32_t i = 0; i < reader->ninputs; i++)
            if (reader->kind == op->kind && reader->inputs[i] == op->outputs[0]) return true;
    }
    return false;
}

/* diff_src is made once more, by a batch norm that is added to it: it reads a copy of this step, since steps may move. */
static shunt_status correct(graph_plan *plan, const graph_op *op, const plan_step *made)
{
    const plan_step step = *made;
    const shunt_tensor_desc *channels = &step.desc.outputs[1], *src = &step.desc.inputs[0];
    plan_exchange sums = {.kind = EXCHANGE_SUMS,
                          .name = step.name,
                          .nsources = 4,
                          .ntargets = 2,
                          .sources = {step.inputs[1], step.inputs[4], step.outputs[1], step.outputs[2]},
                          .epsilon = op->attr.batch_norm.epsilon,
                          .samples = (double)(shunt_tensor_count(src) / (uint64_t)src->dims[1])};
    plan->values[step.outputs[0]].source = SHUNT_NO_VALUE; /* not the graph's value yet */
    for (int i = 0; i < 2; i++)
        if ((sums.targets[i] = plan_add_value(plan, SHUNT_NO_VALUE, step.device, channels, false)) < 0)
            return error_memory();
    shunt_status status = exchange_now(plan, &sums);
    if (status) return status;
    shunt_op_desc norm = {
        .kind = SHUNT_OP_BATCH_NORM, .flags = SHUNT_FLAG_RESIDUAL, .ninputs = 6, .noutputs = 1, .attr = op->attr};
    for (uint32_t i = 0; i < 5; i++) norm.inputs[i] = step.desc.inputs[i];
    norm.inputs[5] = norm.outputs[0] = step.desc.outputs[0];
    if (!plan_ask(plan, step.device, &norm)->ncandidates)
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: statistics of all ranks need %s, which the device refuses: %s",
                          step.name, op_kind_name(norm.kind), plan_ask(plan, step.device, &norm)->reason);
    const int32_t dst = plan_add_value(plan, op->outputs[0], step.device, &norm.outputs[0], false);
    plan_step *added = dst < 0 ? NULL : plan_add_step(plan, step.name, step.device);
    if (!added) return error_memory();
    added->desc = norm;
    const int32_t inputs[] = {step.inputs[0], sums.targets[0], sums.targets[1],
                              step.inputs[3], step.inputs[4],  step.outputs[0]};
    for (uint32_t i = 0; i < 6; i++) added->inputs[i] = inputs[i];
    added->outputs[0] = dst;
    return SHUNT_OK;
}

static shunt_status share_results(graph_plan *plan, const graph_op *op, const plan_step *step)
{
    plan_exchange like = {.name = step->name, .nsources = op->noutputs, .ntargets = op->noutputs};
    for (uint32_t i = 0; i < op->noutputs && i < EXCHANGE_MOST_TARGETS; i++)
        like.sources[i] = like.targets[i] = step->outputs[i];
    const bool sync = plan->executor->sync_statistics;
    const op_exchange what = op_kind_of(op->kind)->exchange;
    if (what == OP_EXCHANGE_SUMS) return sync ? correct(plan, op, step) : SHUNT_OK;
    if (what == OP_EXCHANGE_NOTHING || (what == OP_EXCHANGE_STATISTICS && !sync)) return SHUNT_OK;
    if (what == OP_EXCHANGE_TOTAL && goes_on(plan, op)) return SHUNT_OK;
    like.kind = what == OP_EXCHANGE_TOTAL ? EXCHANGE_TOTAL : EXCHANGE_STATISTICS;
    return exchange_now(plan, &like);
}

shunt_status share_after(graph_plan *plan, uint32_t index, const plan_step *step)
{
    const graph_op *op = &plan->graph->ops[index];
    if (!plan->executor->ranks) return SHUNT_OK;
    shunt_status status = SHUNT_OK;
    const op_kind *row = op_kind_of(op->kind);
    if (step && !row->unshared) status = row->replaces ? share_update(plan, op, step) : share_results(plan, op, step);
    return status ? status : send_gradients(plan, index);
}

shunt_status share_end(graph_plan *plan)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; !status && i < plan->nexchanges; i++)
        if (plan->exchanges[i]->kind == EXCHANGE_GATHER) status = add_part(plan, plan->exchanges[i], false);
    return status;
}
